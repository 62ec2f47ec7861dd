# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of a rollout and of a diagnosis in a real browser that cannot reach anything: they show themselves, on paper too, and run
nothing foreign."""

from __future__ import annotations

import html as entities
import json
import os
import re
import shutil
import signal
import subprocess
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import diagnosis
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import anchor
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import html
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FileChange, Outcome, RunReport, WaveSpan

pytestmark = pytest.mark.once

IMAGE = "P0S3-06-3-00"
EVIL = '<script>document.title="owned"</script><img src="http://192.0.2.1/x" onerror="document.title=\'owned\'">{{ 7*7 }}'
SECONDS = 60


BEGIN = datetime(2026, 3, 7, 22, 0, tzinfo=UTC).timestamp()


def phone(number):
    failed = number % 10 == 0
    return Outcome(
        "failed" if failed else "done",
        kind="never_returned" if failed else None,
        reason=f"did not come back in 600 seconds: {EVIL}" if failed else "",
        image_before="P0S3-8-12-00",
        image_after=None if failed else IMAGE,
        seconds=600.0 if failed else 80.5 + number,
        reset_at=BEGIN + (0 if number == 1 else 180) + number,
        ended_at=BEGIN + (780 if failed else 120 if number == 1 else 300) + number,
        wave=1 if number == 1 else 2,
        mac=f"{number:012X}",
        host=f"10.0.0.{number}",
        tftp_host="tftp1.voice.example.com",
    )


REPORT = RunReport(
    image=IMAGE,
    phones={f"SEP{number:012X}": phone(number) for number in range(1, 41)},
    started=BEGIN,
    ended=BEGIN + 840,
    waves=[WaveSpan(1, (), True), WaveSpan(2, (), True)],
    files=[FileChange("tftp1", EVIL, f"@@ -1 +1 @@\n-image_version: old\n+image_version: {EVIL}\n")],
    commands={"go_on": f"ansible-playbook {EVIL}", "rollback": "ansible-playbook voip.cisco79xx.rollback -e run=20260307T220000-61"},
)
SITES = replace(REPORT, phones={name: replace(one, tftp_host=f"pbx{one.wave}") for name, one in REPORT.phones.items()})
HOSTILE = replace(
    REPORT, phones={f"{EVIL}{name}": replace(one, mac=EVIL, host=EVIL, tftp_host=f"{one.wave}{EVIL}") for name, one in SITES.phones.items()}
)


def diagnosed(number, evil=""):
    sick = number % 10 == 0
    return {
        "mac": f"{number:012X}",
        "address": f"10.0.0.{number}{evil}",
        "verdict": "image_missing" if sick else "healthy",
        "confidence": "certain",
        "advice": f"put the image there{evil}" if sick else "",
        "evidence": [f"RRQ from 10.0.0.{number}{evil}"],
        "boots": 1,
        "last_seen": "2026-03-07T22:00:25+00:00",
        "timeline": [
            {"time": f"2026-03-07T22:00:{second}+00:00", "file": f"file{second}{evil}", "result": "served"} for second in (10, 20)
        ],
    }


def diagnosis_page(count, evil=""):
    logs = {
        f"pbx{evil}": {
            "phones": {f"{number:012X}": diagnosed(number, evil) for number in range(1, count + 1)},
            "lines": 9,
            "server": "dnsmasq",
        }
    }
    rows = diagnosis.diagnose(logs, [], only=False, verdicts=[])
    return diagnosis.html(logs, rows, len(diagnosis.unwell(rows, False)))


PAGES = {
    "rollout": html(REPORT, ["SEP00000000000A"]),
    "sites": html(SITES),
    "hostile": html(HOSTILE),
    "diagnosis": diagnosis_page(40),
    "hostile diagnosis": diagnosis_page(40, EVIL),
}
every_page = pytest.mark.parametrize("source", PAGES.values(), ids=PAGES)


@pytest.fixture(scope="session")
def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs a browser: apt-get install chromium")
    return found


@pytest.fixture
def chromium(browser, tmp_path):
    """Runs the browser on a page: what it prints."""

    def show(source, *arguments, at=""):
        page = tmp_path / "page.html"
        page.write_text(source, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND"]
        # Its helpers outlive it, or hold its output open, unless the whole group goes.
        with subprocess.Popen(
            [*command, *arguments, page.as_uri() + at], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        ) as process:
            try:
                printed, _rest = process.communicate(timeout=SECONDS)
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        assert process.returncode == 0
        return printed

    return show


@pytest.fixture
def measure(chromium):
    """What a script finds in a page of that width. The window of a browser without a head is no narrower than 500."""

    def measured(source, width, script):
        inner, script = entities.escape(without_policy(source)), entities.escape(script)
        run = "document.title = JSON.stringify(frames[0].eval(this.dataset.script))"
        frame = f'<iframe srcdoc="{inner}" width="{width}" height="800" frameborder="0" data-script="{script}" onload="{run}"></iframe>'
        shown = chromium(f"<!DOCTYPE html>{frame}", "--dump-dom", "--window-size=1400,900")
        return json.loads(entities.unescape(re.search(r"<title>(.*?)</title>", shown).group(1)))

    return measured


@every_page
def test_a_page_shows_itself_and_runs_nothing_foreign(chromium, source):
    shown = chromium(source, "--dump-dom")
    assert re.search(rf"<title>(36 of 40 phones are on {IMAGE}; 4 failed|4 of 40 phones need somebody)</title>", shown)
    assert "<img" not in shown and shown.count("<script>") == 1
    assert (entities.escape(EVIL, quote=False) in shown) == ("owned" in source)
    # The page's own script ran: the policy names it by its true hash.
    assert shown.count('<button type="button">') == source.partition('<table class="phones')[2].partition("</thead>")[0].count("<th ")
    assert len(re.findall(r'<th scope="row"', shown)) == (42 if "on P0S3" in source else 40)


@every_page
def test_a_script_that_is_put_into_a_page_does_not_run(chromium, source):
    """The policy allows the one script: if a name ever got out of its place, it would do nothing."""
    added = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\"></main>"
    assert "<title>owned" not in chromium(source.replace("</main>", added), "--dump-dom")


FIND = """
const set = (name, value) => {
  const label = [...document.querySelectorAll(".filter label")].find(label => label.textContent.startsWith(name));
  label.lastElementChild.value = value;
  label.lastElementChild.dispatchEvent(new Event("input"));
};
const seen = () => [...document.querySelectorAll(".phones tbody tr")].filter(row => row.offsetHeight);
const shown = () => seen().map(row => row.querySelector("th").textContent);
"""


@pytest.mark.parametrize(
    ("page", "steps", "expected"),
    [
        ("rollout", "set('Search', 'sep00000000000a')", [10]),
        ("rollout", "set('Search', '10.0.0.3 DONE')", [3, *range(31, 40)]),
        ("rollout", "set('Search', 'no such phone')", []),
        ("rollout", "set('Status', '✗ failed')", [10, 20, 30, 40]),
        ("rollout", "set('Wave', '1')", [1]),
        ("rollout", "set('Wave', '1'); set('Status', '✗ failed')", []),
        ("rollout", "set('Wave', '1'); set('Status', '✗ failed'); set('Wave', ''); set('Search', '1E')", [30]),
        ("rollout", "set('Search', 'x'); set('Search', '')", [10, 20, 30, 40, *(n for n in range(1, 41) if n % 10)]),
        ("sites", "set('Site', 'pbx1')", [1]),
        ("diagnosis", "set('Verdict', '✗ the image is not all there')", [10, 20, 30, 40]),
        ("diagnosis", "set('Search', '00000000000f')", [15]),
    ],
)
def test_the_table_is_searched_and_filtered(measure, page, steps, expected):
    names = measure(PAGES[page], 1280, f"{FIND}{steps}; shown()")
    assert [int(name.removeprefix("SEP"), 16) for name in names if "phone" not in name] == expected
    assert [name for name in names if "phone" in name] == (["pbx1: 1 phone: ✓ 1 done"] if page == "sites" else [])


def test_how_many_are_left_is_told(measure):
    count = "document.querySelector('.filter output').textContent"
    assert measure(PAGES["rollout"], 1280, f"{FIND}const before = {count}; set('Status', '✗ failed'); [before, {count}]") == ["", "4 of 40"]


@every_page
def test_a_page_without_its_script_shows_everything(measure, source):
    """Nothing is hidden that the script would show, and nothing waits for it."""
    parts = "[...document.querySelectorAll('main, header, footer')]"
    text = f"{parts}.map(part => part.innerText.replace(/[↑↕↓]/g, '').replace(/\\s+/g, ' ')).join(' ')"
    rows = "[...document.querySelectorAll('tr')].filter(row => row.offsetHeight > 0).length"
    found = f"document.querySelector('.filter')?.remove(); [{text}, {rows}, document.querySelectorAll('button, input, select').length]"
    bare = measure(re.sub(r"<script>.*</script>", "", source, flags=re.DOTALL), 1280, found)
    assert bare[:2] == measure(source, 1280, found)[:2] and bare[1] > 40 and bare[2] == 0


@every_page
def test_links_lead_somewhere(measure, source):
    links = "[...document.links].map(link => link.getAttribute('href')).filter(link => !document.getElementById(link.slice(1)))"
    assert set(measure(source, 1280, links)) == ({f"diagnose.html#{anchor('SEP00000000000A')}"} if source is PAGES["rollout"] else set())


def test_a_link_to_a_timeline_unfolds_it(chromium):
    """As the standard has it for what a link leads to (HTML, "ancestor details revealing algorithm"), from the other page as well."""
    folded = chromium(PAGES["diagnosis"], "--dump-dom")
    shown = chromium(PAGES["diagnosis"], "--dump-dom", at=f"#{anchor('00000000000F')}")
    assert shown.count('open=""') == folded.count('open=""') + 2


@every_page
@pytest.mark.parametrize("width", [390, 1280])
def test_names_and_macs_are_never_broken(measure, source, width):
    cells = "[...document.querySelectorAll('.phones td:not(.r), .phones tbody th:not(.long), .name:not(.long)')]"
    # Each piece of text is on one line: it has one box.
    broken = f"""{cells}.filter(cell => {{
      const range = document.createRange();
      range.selectNodeContents(cell);
      return cell.offsetHeight && new Set([...range.getClientRects()].map(box => Math.round(box.bottom))).size > 1;
    }}).map(cell => cell.textContent)"""
    found, number = measure(source, width, f"[{broken}, {cells}.length]")
    assert not found and number > 40


def test_a_click_sorts_the_table(chromium):
    click = "<script>const b = document.querySelectorAll('thead button'); b[6].click(); b[6].click();</script>"
    source = without_policy(html(REPORT)).replace("</body>", f"{click}</body>")
    shown = chromium(source, "--dump-dom")
    rows = re.findall(r'<th scope="row">(SEP\w+)</th>', shown)
    assert len(rows) == 40
    assert {int(name[3:], 16) for name in rows[:4]} == {10, 20, 30, 40} and int(rows[4][3:], 16) == 39
    assert re.search(r'aria-sort="descending"[^>]*><button type="button">Restart<', shown)


@every_page
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_only_tables_and_pictures_scroll_sideways(measure, source, width):
    cue = "getComputedStyle(document.querySelector('.wide'), '::before').content"
    needed, told = measure(source, width, f"[document.documentElement.scrollWidth, {cue}]")
    assert needed <= width and ("scroll sideways" in told) == (width < 640)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colour_scheme(chromium, tmp_path, scheme):
    picture = tmp_path / "page.png"
    chromium(
        html(REPORT),
        f"--blink-settings=preferredColorScheme={'0' if scheme == 'dark' else '1'}",
        f"--screenshot={picture}",
        "--window-size=1280,1000",
    )
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) > 20_000
    assert first_pixel(data) == (b"\x14\x18\x1c" if scheme == "dark" else b"\xff\xff\xff")


@every_page
def test_it_prints(chromium, tmp_path, source):
    paper = tmp_path / "page.pdf"
    chromium(source, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) <= (25 if "owned" in source else 8)


def test_on_paper_headers_are_repeated_and_sound_phones_are_a_list(chromium, tmp_path):
    """Headers and names are given colours of their own, which are counted in what is drawn on each sheet."""
    failed = {f"SEP{number:012X}": phone(10 * number) for number in range(1, 151)}
    sound = {f"SEP{number:012X}": phone(number) for number in range(2001, 2301)}
    marks = "<style>.phones thead th { color: rgb(255, 0, 51) !important } .phones td.done { color: rgb(0, 255, 51) !important } "
    marks += ".paper { color: rgb(51, 0, 255) !important }</style></head>"
    paper = tmp_path / "page.pdf"
    source = without_policy(html(replace(REPORT, phones={**failed, **sound}))).replace("</head>", marks)
    chromium(source, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    sheets = [stream for stream in streams(paper.read_bytes()) if b" rg" in stream]
    drawn = {
        name: [colour in sheet for sheet in sheets] for name, colour in (("head", b"1 0 .2"), ("done", b"0 1 .2"), ("list", b".2 0 1"))
    }
    assert sum(drawn["head"]) >= 3 and not any(drawn["done"]) and 1 <= sum(drawn["list"]) <= 2
    first, last = drawn["head"].index(True), drawn["list"].index(True)
    assert all(drawn["head"][first:last])


def streams(pdf):
    """What is compressed in it."""
    for match in re.finditer(rb"stream\r?\n", pdf):
        try:
            yield zlib.decompressobj().decompress(pdf[match.end() :])
        except zlib.error:
            pass


def without_policy(source):
    """For a test's own script: the page's policy would stop it."""
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)


def first_pixel(png):
    """Its red, green and blue. The first row of a PNG has nothing to differ from but the pixel before."""
    data = b"".join(
        png[match.end() : match.end() + int.from_bytes(png[match.start() - 4 : match.start()])] for match in re.finditer(b"IDAT", png)
    )
    return zlib.decompressobj().decompress(data, 4)[1:4]
