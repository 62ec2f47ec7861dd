# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's page in a real browser that cannot reach anything: it shows itself, on paper too, and runs nothing foreign."""

from __future__ import annotations

import html as entities
import os
import re
import shutil
import signal
import subprocess
import zlib
from datetime import UTC, datetime

import pytest

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
)


@pytest.fixture(scope="session")
def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs a browser: apt-get install chromium")
    return found


@pytest.fixture
def chromium(browser, tmp_path):
    """Runs the browser on a page: what it prints."""

    def show(source, *arguments):
        page = tmp_path / "page.html"
        page.write_text(source, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND"]
        # Its helpers outlive it, or hold its output open, unless the whole group goes.
        with subprocess.Popen(
            [*command, *arguments, page.as_uri()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
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


def test_the_page_shows_itself_and_runs_nothing_foreign(chromium):
    shown = chromium(html(REPORT), "--dump-dom")
    assert f"<title>36 of 40 phones are on {IMAGE}; 4 failed</title>" in shown
    assert "<img" not in shown and shown.count("<script>") == 1
    assert entities.escape(EVIL, quote=False) in shown
    # The page's own script ran: the policy names it by its true hash.
    assert shown.count('<button type="button">') == 10
    assert shown.count('<th scope="row">') == 42


def test_a_click_sorts_the_table(chromium):
    click = "<script>const b = document.querySelectorAll('thead button'); b[6].click(); b[6].click();</script>"
    source = without_policy(html(REPORT)).replace("</body>", f"{click}</body>")
    shown = chromium(source, "--dump-dom")
    rows = re.findall(r'<th scope="row">(SEP\w+)</th>', shown)
    assert len(rows) == 40
    assert {int(name[3:], 16) for name in rows[:4]} == {10, 20, 30, 40} and int(rows[4][3:], 16) == 39
    assert re.search(r'aria-sort="descending"[^>]*><button type="button">Restart<', shown)


def test_the_page_is_complete_without_its_script(chromium):
    source = re.sub(r"<script>.*</script>", "", html(REPORT), flags=re.DOTALL)
    shown = chromium(source, "--dump-dom")
    assert shown.count('<th scope="row">') == 42 and "<button" not in shown


@pytest.mark.parametrize("width", [320, 400, 1280])
def test_only_tables_and_the_timeline_scroll_sideways(chromium, width):
    inner = entities.escape(without_policy(html(REPORT)))
    measure = "document.title = new String(frames[0].document.documentElement.scrollWidth)"
    outer = f'<!DOCTYPE html><iframe srcdoc="{inner}" width="{width}" height="800" frameborder="0" onload="{measure}"></iframe>'
    shown = chromium(outer, "--dump-dom", "--window-size=1400,900")
    assert int(re.search(r"<title>(\d+)</title>", shown).group(1)) <= width


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


def test_it_prints(chromium, tmp_path):
    paper = tmp_path / "page.pdf"
    chromium(html(REPORT), f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) <= 8


def without_policy(source):
    """For a test's own script: the page's policy would stop it."""
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)


def first_pixel(png):
    """Its red, green and blue. The first row of a PNG has nothing to differ from but the pixel before."""
    data = b"".join(
        png[match.end() : match.end() + int.from_bytes(png[match.start() - 4 : match.start()])] for match in re.finditer(b"IDAT", png)
    )
    return zlib.decompressobj().decompress(data, 4)[1:4]
