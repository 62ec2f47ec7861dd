# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as HTML, JUnit XML and Markdown: what it says, that nothing in it can do harm, and that it stays small."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import report as reports
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import session as dialogue

IMAGE = "P0S3-06-3-00"
BEGIN = datetime(2026, 3, 7, 22, 0, tzinfo=UTC)
EVIL = (
    "\x1b[31m\x1b]0;x\x07\x00\x9b2J{{ 7*7 }}{% raw %}<script>alert(1)</script><img src=x onerror=alert(1)>'\""
    "\u202e\ud800\ufffe]]>\n\n# |`x`| **b**"
)
EVIL_TEXT = "{{ 7*7 }}{% raw %}<script>alert(1)</script>"

DIALOGUE_KINDS = (
    "refused unreachable silent closed endless no_prompt no_image wrong_password wrong_phone not_privileged unknown_command error"
)
ROLLOUT_KINDS = "wrong_image not_restarted never_returned in_call not_registered not_seen_again given_back"
TFTP_KINDS = "data_never_arrives image_missing config_missing server_silent boot_loop stuck_loader other_root server_slow"
FAILURES = f"{DIALOGUE_KINDS} {ROLLOUT_KINDS} {TFTP_KINDS}".split()


def at(seconds):
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def phone(status, wave=None, **more):
    facts = dict.fromkeys(("mac", "host", "tftp_host", "wave", "image_before", "image_after", "kind", "seconds", "reset_at", "ended_at"))
    return {**facts, "held": False, "reason": "", "advice": "", "status": status, "wave": wave, **more}


def moved(status, wave, start, took, **more):
    return phone(status, wave, reset_at=at(start), ended_at=at(start + took), seconds=float(took), **more)


def report(phones, sizes=(), *, reached=99, files=(), **rollout):
    waves = [
        {"number": number, "phones": [], "reached": number <= reached, "started": at(60 * number), "ended": at(60 * number + 50)}
        for number in range(1, len(sizes) + 1)
    ]
    head = {"image": IMAGE, "started": at(0), "ended": at(600), "check_mode": False, "finished": True, "waves": waves}
    head.update(dict.fromkeys(("stopped_at", "stop_reason", "paused_after", "error")))
    return {"schema": 1, "rollout": {**head, **rollout}, "phones": phones, "files": list(files), "files_left_out": 0}


def fleet(sizes, every=0):
    """Phones in waves of these sizes; each `every`th fails, of one kind after the other."""
    phones: dict[str, dict[str, object]] = {}
    for wave, size in enumerate(sizes, 1):
        for number in range(size):
            name = f"SEP{len(phones):012X}"
            more = {"mac": name[3:], "host": f"10.0.{wave}.{number % 250}", "tftp_host": "tftp1", "image_before": "P0S3-8-12-00"}
            if every and len(phones) % every == 0:
                kind = FAILURES[len(phones) // every % len(FAILURES)]
                reason = f"did not come back in 600 seconds: refuses telnet on port 23: it is restarting ({kind})"
                phones[name] = moved("failed", wave, 60 * wave, 600, kind=kind, reason=reason, **more)
            else:
                phones[name] = moved("done", wave, 60 * wave + number % 7, 80 + number % 60, image_after=IMAGE, **more)
    return report(phones, sizes)


STOPPED = report(
    {
        "a": moved("failed", 1, 60, 600, kind="never_returned", reason="did not come back"),
        "b": phone("not_reached", 2, reason="the rollout stopped at wave 1"),
        "c": phone("blocked", held=True, reason="held on P0S3-8-12-00"),
        "d": phone("blocked", reason="takes P0S3-06-0-00 first"),
        "e": phone("already", image_before=IMAGE, image_after=IMAGE),
    },
    (1, 1),
    reached=1,
    stopped_at=1,
    stop_reason="1 of 1 phones failed",
)
DRY = report(
    {"a": phone("planned", 1), "b": phone("already"), "c": phone("failed", kind="refused", reason="refuses")}, (1,), check_mode=True
)
HOSTILE = report(
    {
        EVIL: moved(
            "failed", 1, 9, -5, kind=EVIL, reason=EVIL * 20_000, advice=EVIL, mac=EVIL, host=EVIL, tftp_host=EVIL, image_before=EVIL
        ),
        "odd status": phone(EVIL),
        "no mapping": None,
        "numbers": phone("done", "1", seconds=float("nan"), reset_at=7, ended_at="9999-12-31T23:59:59+00:00", reason=["x"]),
        "far": moved("done", 1, 0, 1) | {"reset_at": "0001-01-01T00:00:00+14:00", "seconds": float("inf")},
    },
    (1,),
    image=EVIL,
    error=EVIL,
    ended=EVIL,
    stopped_at=EVIL,
    stop_reason=EVIL,
    files=[{"tftp_host": EVIL, "path": EVIL, "diff": f"{EVIL}\n+{EVIL * 20_000}\n-</pre></details>\n"}, None, {"diff": 7}],
)
TEN_THOUSAND = fleet((1, 1000, 4499, 4500), every=50)
REPORTS = {
    "success": fleet((1, 4, 15, 20)),
    "stopped": STOPPED,
    "dry": DRY,
    "every kind": fleet((3, 97, 200), every=5),
    "hostile": HOSTILE,
    "empty": {},
    "nulls": {"rollout": None, "phones": None, "files": None},
    "many waves": fleet((2,) * 60, every=9),
    "10,000": TEN_THOUSAND,
}

every_report = pytest.mark.parametrize("facts", REPORTS.values(), ids=REPORTS)


class Page(HTMLParser):
    """What a browser makes of a page: elements, and the text outside of style and script."""

    def __init__(self, source):
        super().__init__()
        self.elements = []
        self.raw = {"style": "", "script": ""}
        self.text = ""
        self.inside = None
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside in self.raw:
            self.raw[self.inside] += data
        else:
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def headline(facts):
    return re.search(r"<h1[^>]*>(.*?)</h1>", reports.html(facts)).group(1)


def test_every_kind_has_advice():
    assert set(reports.ADVICE) == {*FAILURES, "held"}
    assert {value for name, value in vars(dialogue).items() if name.isupper() and value in FAILURES} <= set(reports.ADVICE)
    for text in reports.ADVICE.values():
        assert 40 < len(text) < 400 and text.endswith(".")


def test_the_phones_own_advice_wins():
    assert reports.advice({"kind": "refused", "advice": "Call Bob."}) == "Call Bob."
    assert reports.advice({"kind": "refused", "advice": ""}) == reports.ADVICE["refused"]
    assert reports.advice({"kind": None}) == reports.advice({}) == reports.advice({"kind": "unheard of"}) == ""


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (fleet((1, 4)), f"All 5 phones are on {IMAGE}"),
        (fleet((1,)), f"The only phone is on {IMAGE}"),
        (fleet((3, 97, 200), every=150), f"298 of 300 phones are on {IMAGE}; 2 failed"),
        (STOPPED, f"Stopped at wave 1: 1 of 5 phones is on {IMAGE}; 1 failed, 2 blocked, 1 not reached"),
        (DRY, f"Dry run: 1 phone would go to {IMAGE} in 1 wave; 1 is on it already, 1 failed"),
        (report({"a": phone("already")}, check_mode=True), f"Dry run: no phone would go to {IMAGE}; 1 is on it already"),
        (
            report({"a": phone("not_reached", 1)}, (1,), finished=False),
            f"Interrupted, or still running: no phone is on {IMAGE}; 1 not reached",
        ),
        (report({"a": moved("done", 1, 0, 9), "b": phone("not_reached", 2)}, (1, 1), paused_after=1), "Paused after wave 1: 1 of 2 phones"),
        (report({"a": phone("not_reached", 1)}, error="no route"), "Ended by an error: no phone is on"),
        ({}, "No phones were in this run"),
    ],
)
def test_the_headline_says_how_it_ended(facts, words):
    assert words in headline(facts)
    assert f"## {words}" in reports.markdown(facts)


@every_report
def test_the_page_needs_nothing_and_can_fetch_nothing(facts):
    source = reports.html(facts)
    page = Page(source)
    source.encode()
    assert {tag for tag, _rest in page.elements} <= set(
        "html head meta title style body header h1 h2 h3 ul li b dl dt dd main section figure div svg desc defs pattern rect path text g "
        "figcaption span p table caption thead tbody tr th td details summary pre ins del br footer script".split()
    )
    for _rest, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "src", "style", "srcdoc", "action")}
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    for kind in ("style", "script"):
        assert len(page.all(kind)) == 1
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(page.raw[kind].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert re.findall(r"url\(([^)]*)\)", page.raw["style"]) == ["#hatch"]


@every_report
def test_the_page_can_be_read_by_all(facts):
    page = Page(reports.html(facts))
    assert page.all("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert len(page.all("h1")) == 1
    assert all("scope" in cell for cell in page.all("th"))
    ids = [attributes["id"] for _rest, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _rest, attributes in page.elements:
        assert set(attributes.get("aria-labelledby", "").split()) <= set(ids)
        assert attributes.get("role") != "region" or (attributes["aria-label"] and attributes["tabindex"] == "0")
    for picture in page.all("svg"):
        assert picture.get("role") == "img" or picture.get("aria-hidden") == "true"


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme):
    blocks = re.findall(r":root \{(.*?)\}", Page(reports.html({})).raw["style"], re.DOTALL)
    colours = dict(re.findall(r"--(\w+): #(\w{6})", blocks[scheme]))

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for ground in ("page", "card"):
        for ink in ("text", "soft", "link", *reports.STATUSES):
            dark, light = sorted((luminance(colours[ground]), luminance(colours[ink])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ground, ink)


def test_what_needs_somebody_comes_first():
    source = reports.html(STOPPED)
    rows = re.findall(r"<tr><td class=(\w+)>(\S+ [\w ]+)<th scope=row>(\w)", source)
    assert rows == [
        ("failed", "✗ failed", "a"),
        ("blocked", "⊘ blocked", "c"),
        ("blocked", "⊘ blocked", "d"),
        ("not_reached", "… not reached", "b"),
        ("already", "= already", "e"),
    ]
    titles = re.findall(r"</span> (.*?)</h3>", source)
    assert titles == ["Never came back: 1 failed", "Cannot go to the image: 1 blocked", "Held by the inventory: 1 blocked"]
    assert reports.ADVICE["never_returned"] in source


def test_reasons_are_grouped_by_what_is_to_be_done():
    phones = {f"p{number:03}": phone("failed", 1, kind="refused", reason="refuses telnet") for number in range(50)}
    phones |= {"q": phone("failed", 1, kind="refused", reason="other"), "r": phone("failed", 1, kind="refused", advice="Call Bob.")}
    source = reports.html(report(phones, (52,)))
    assert source.count("Refuses telnet: ") == 2
    assert source.count(reports.ADVICE["refused"].replace("<", "&lt;").replace(">", "&gt;")) == 1
    assert "<details><summary>50 phones</summary>p000, p001" in source
    text = reports.markdown(report(phones, (52,)))
    assert "### Refuses telnet (51 phones)" in text and "### Refuses telnet (1 phone)" in text and "Call Bob." in text
    assert "p019 and 30 more: refuses telnet" in text and "p020" not in text


def test_each_phone_has_a_bar_in_its_wave():
    source = reports.html(fleet((2, 3)))
    timeline = source[source.index('<svg class="timeline"') : source.index("</figure>")]
    assert re.findall(r">(Wave \d)<", timeline) == ["Wave 1", "Wave 2"]
    assert len(re.findall(r"<title>SEP\w+: done, 1 min 2\d s</title>", timeline)) == 5
    for x, width in re.findall(r'<rect class="fill-\w+" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', timeline):
        assert float(x) >= reports.LEFT and float(x) + float(width) <= reports.WIDTH


def test_a_large_wave_is_a_curve():
    source = reports.html(TEN_THOUSAND)
    timeline = source[source.index('<svg class="timeline"') : source.index("</figure>")]
    assert len(re.findall(r'<path class="fill-done"', timeline)) == len(re.findall(r'<path class="fill-failed"', timeline)) == 3
    assert "A large wave is a curve" in timeline and len(timeline) < 60_000


def test_a_wave_that_was_not_reached_is_named():
    assert re.search(r'y="[\d.]+">not reached</text>', reports.html(STOPPED))


@pytest.mark.parametrize("facts", [DRY, {}, report({"a": phone("done", 1)}, (1,))], ids=["dry run", "empty", "no times"])
def test_without_times_there_is_no_timeline(facts):
    assert '<svg class="timeline"' not in reports.html(facts)


def test_the_end_of_an_interrupted_phone_is_the_end_of_the_run():
    facts = report({"a": moved("failed", 1, 0, 600) | {"ended_at": None}, "b": phone("failed", 1)}, (2,), finished=False)
    assert "no time is known: 1." in reports.html(facts)


@pytest.mark.parametrize("span", [0, 1, 59, 61, 3600, 86399, 86401, 10**6, 10**9, 10**11])
def test_ticks_are_few_and_within(span):
    ticks = reports._ticks(1000.5, 1000.5 + span, lambda when: when)
    assert len(ticks) <= 9 and all(1000.5 <= when <= 1000.5 + span for when, _rest in ticks)
    assert len({label for _rest, label in ticks}) == len(ticks)


def test_files_are_shown_with_what_changed():
    diff = f"--- a\n+++ b\n@@ -1,2 +1,2 @@\n # x\n-image_version: P0S3-8-12-00\n+image_version: {IMAGE}\n\tend\n"
    source = reports.html(
        {**report({}), "files": [{"tftp_host": "tftp1", "path": "/srv/tftp/SIPDefault.cnf", "diff": diff}], "files_left_out": 3}
    )
    assert "<summary>tftp1 /srv/tftp/SIPDefault.cnf (+1 -1)</summary>" in source
    assert f"<del>-image_version: P0S3-8-12-00</del>\n<ins>+image_version: {IMAGE}</ins>\n    end\n" in source
    assert "3 more files are not shown here" in source
    assert "Files changed: 4" in reports.markdown({"files": [{"diff": diff}], "files_left_out": 3})


def test_a_huge_diff_is_cut_and_says_so():
    huge = {"tftp_host": "t", "path": "p", "diff": "+x\n" * 1_000_000}
    source = reports.html({"files": [huge, huge]})
    assert re.search(r"[\d,]+ more lines are in report.json", source) and "1 more file is not shown" in source
    assert len(source) < 3_000_000


@pytest.mark.parametrize("render", [reports.html, reports.junit, reports.markdown])
def test_ten_thousand_phones_are_quick_and_small(render):
    render(STOPPED)
    started = time.process_time()
    text = render(TEN_THOUSAND)
    assert time.process_time() - started < 2
    assert len(text.encode()) < (500_000 if render is reports.markdown else 4_000_000)


def test_ten_thousand_long_reasons_stay_small():
    phones = {f"{'n' * 60}{number}": phone("failed", 1, reason=f"{number} {'long ' * 400}") for number in range(10_000)}
    assert len(reports.html(report(phones, (10_000,)))) < 4_000_000
    assert len(reports.markdown(report(phones, (10_000,))).encode()) < 500_000


def test_a_summary_that_is_all_escapes_is_cut():
    kinds = {
        f"{number}": phone("failed", 1, kind=f"k{number}", reason="|" * 1000, advice=f"{number}{'<' * 1000}") for number in range(3000)
    }
    text = reports.markdown(report(kinds, (3000,)))
    assert len(text.encode()) < 500_000


def harmless(text):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]", text)


def test_hostile_texts_are_text():
    source = reports.html(HOSTILE)
    page = Page(source)
    harmless(source)
    assert len(page.all("script")) == 1 and not page.all("img")
    assert EVIL_TEXT in page.text and "\n49" not in page.text
    assert len(source) < 500_000
    assert "alert" not in page.raw["script"]


def test_hostile_texts_are_text_in_markdown():
    text = reports.markdown(HOSTILE)
    harmless(text)
    assert not set("<>`") & set(text)
    for line in text.splitlines():
        assert not line.startswith("# ") and (not line.startswith("|") or line.count("|") in (4, 6))
    assert "https&#58;//evil.example" in reports.markdown(report({}, error="see https://evil.example/"))


def check_junit(text):
    """The shape that the schemas of Jenkins' xunit plugin and Surefire have in common. Returns the test cases."""
    harmless(text)
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites" and [child.tag for child in root] == ["testsuite"]
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for element in (root, root[0]):
        assert set(element.attrib) - {"timestamp"} == {"name", "time", *counts}
        assert float(element.attrib["time"]) >= 0
        for attribute, tag in counts.items():
            assert int(element.attrib[attribute]) == len(list(root.iter(tag)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", root[0].get("timestamp", "2000-01-01T00:00:00"))
    for case in root[0]:
        assert case.tag == "testcase" and set(case.attrib) == {"classname", "name", "time"} and all(case.attrib.values())
        assert re.fullmatch(r"\d+\.\d{3}", case.attrib["time"])
        assert len(case) <= 1
        for result in case:
            assert result.tag in ("failure", "error", "skipped") and len(result) == 0
            assert set(result.attrib) == ({"message"} if result.tag == "skipped" else {"message", "type"})
            assert result.get("message")
    return list(root[0])


@every_report
def test_junit_has_the_shape_that_ci_reads(facts):
    cases = check_junit(reports.junit(facts))
    assert len(cases) >= max(1, len(facts.get("phones") or {}))


def test_junit_says_what_became_of_each_phone():
    cases = {case.get("name"): case for case in check_junit(reports.junit(STOPPED))}
    assert {name: [result.tag for result in case] for name, case in cases.items()} == {
        "a": ["failure"],
        "b": ["skipped"],
        "c": ["skipped"],
        "d": ["failure"],
        "e": [],
    }
    failure = cases["a"][0]
    assert cases["a"].get("classname") == "wave 1" and cases["a"].get("time") == "600.000"
    assert (failure.get("type"), failure.get("message")) == ("never_returned", "did not come back")
    assert failure.text == f"did not come back\n{reports.ADVICE['never_returned']}"
    assert cases["c"][0].get("message") == "held on P0S3-8-12-00"


@pytest.mark.parametrize(
    ("facts", "tag", "message"),
    [
        ({"error": "no route to tftp1"}, "error", "no route to tftp1"),
        ({"finished": False}, "error", "the run was interrupted, or is still going on"),
        ({"stopped_at": 2, "stop_reason": "the window closed"}, "failure", "the window closed"),
    ],
)
def test_junit_is_not_green_when_the_run_did_not_end_well(facts, tag, message):
    cases = check_junit(reports.junit(report({"a": phone("not_reached", 1)}, (1,), **facts)))
    assert [(case.get("name"), case[0].tag, case[0].get("message")) for case in cases if case.get("classname") == "rollout"] == [
        ("rollout", tag, message)
    ]


def test_junit_without_phones_has_a_test_case():
    assert [case.get("name") for case in check_junit(reports.junit({}))] == ["rollout"]


def test_the_report_is_not_changed():
    before = json.dumps(STOPPED)
    facts = copy.deepcopy(STOPPED)
    for render in (reports.html, reports.junit, reports.markdown):
        render(facts)
    assert json.dumps(facts) == before


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([at(0), at(50), EVIL, *reports.STATUSES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def some(*keys):
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, anything))


PHONE_KEYS = "mac host tftp_host held wave image_before image_after status kind reason advice seconds reset_at ended_at".split()
RUN_KEYS = "image started ended check_mode finished stopped_at stop_reason paused_after error".split()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "rollout": st.tuples(some(*RUN_KEYS), st.lists(some("number", "phones", "reached", "started", "ended"), max_size=3)).map(
                lambda pair: {**pair[0], "waves": pair[1]}
            ),
            "phones": st.dictionaries(st.text(max_size=9), some(*PHONE_KEYS), max_size=4),
            "files": st.lists(some("tftp_host", "path", "diff"), max_size=2) | anything,
            "files_left_out": anything,
        },
    )
)
def test_no_report_is_too_odd(facts):
    harmless(reports.html(facts))
    check_junit(reports.junit(facts))
    harmless(reports.markdown(facts))
