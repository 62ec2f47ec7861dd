# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of rollouts, small, large and hostile."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import KINDS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FileChange, Outcome, RunReport, WaveSpan

IMAGE = "P0S3-06-3-00"
BEGIN = datetime(2026, 3, 7, 22, 0, tzinfo=UTC).timestamp()
EVIL = (
    "\x1b[31m\x1b]0;x\x07\x00\x9b2J{{ 7*7 }}{% raw %}<script>alert(1)</script><img src=x onerror=alert(1)>'\""
    "\u202e\ud800\ufffe]]>\n\n# |`x`| **b**"
)
EVIL_TEXT = "{{ 7*7 }}{% raw %}<script>alert(1)</script>"
FAILURES = [kind for kind in KINDS if kind not in ("blocked", "held")]


def phone(status, wave=None, **more):
    return Outcome(status, wave=wave, **more)


def moved(status, wave, start, took, **more):
    return phone(status, wave, **{"reset_at": BEGIN + start, "ended_at": BEGIN + start + took, "seconds": float(took), **more})


def report(phones, sizes=(), *, reached=99, **more):
    waves = [
        WaveSpan(number, (), reached=number <= reached, started=BEGIN + 60 * number, ended=BEGIN + 60 * number + 50)
        for number in range(1, len(sizes) + 1)
    ]
    return RunReport(**{"image": IMAGE, "phones": phones, "started": BEGIN, "ended": BEGIN + 600, "waves": waves, **more})


def fleet(sizes, every=0):
    """Phones in waves of these sizes; each `every`th fails, of one kind after the other."""
    phones: dict[str, Outcome] = {}
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


EMPTY = RunReport(image="", phones={})
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
PAUSED = report(
    {"a": moved("done", 1, 60, 90), "b": phone("not_reached", 2, reason="the rollout paused after wave 1")},
    (1, 1),
    reached=1,
    paused_after=1,
    stop_reason="paused after wave 1, as asked",
)
REFUSED = report({"a": phone("not_reached", reason="the run ended before it could be observed")}, error="no such image in the TFTP root")
HOSTILE = report(
    {
        EVIL: moved(
            "failed",
            1,
            9,
            -5,
            seconds=None,
            kind=EVIL,
            reason=EVIL * 20_000,
            advice=EVIL,
            mac=EVIL,
            host=EVIL,
            tftp_host=EVIL,
            image_before=EVIL,
            image_after=EVIL,
        ),
        f"{EVIL}2": phone("blocked", kind=EVIL, reason=EVIL, advice=EVIL),
        f"{EVIL}3": phone("not_reached", reason=EVIL),
        "": phone("done", 1),
    },
    (1,),
    image=EVIL,
    error=EVIL,
    stopped_at=1,
    stop_reason=EVIL,
    files=[FileChange(EVIL, EVIL, f"{EVIL}\n+{EVIL * 20_000}\n-</pre></details>\n"), FileChange("", "", "")],
)
TEN_THOUSAND = fleet((1, 1000, 4499, 4500), every=50)
REPORTS = {
    "success": fleet((1, 4, 15, 20)),
    "stopped": STOPPED,
    "dry": DRY,
    "paused": PAUSED,
    "refused": REFUSED,
    "every kind": fleet((3, 97, 200), every=5),
    "hostile": HOSTILE,
    "empty": EMPTY,
    "many waves": fleet((2,) * 60, every=9),
    "10,000": TEN_THOUSAND,
}

every_report = pytest.mark.parametrize("example", REPORTS.values(), ids=REPORTS)


def harmless(text):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]", text)


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


COUNTS = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
JENKINS = {
    "testsuites": ("", "name time tests failures errors", "testsuite"),
    "testsuite": (
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": (
        "name",
        "time classname group",
        "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err",
    ),
    **dict.fromkeys(("skipped", "error", "failure"), ("", "type message", "")),
}
"""Element → the attributes that it must and may have, and its children: the rules of junit-10.xsd in jenkinsci/xunit-plugin."""
SUREFIRE_TIME = r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?"


def jenkins_refuses(element):
    """Why Jenkins' xUnit plugin refuses it, or an empty text."""
    required, optional, children = (set(names.split()) for names in JENKINS.get(element.tag, ("", "", "")))
    if element.tag not in JENKINS:
        return f"{element.tag} is not known"
    if not required <= set(element.attrib) <= required | optional:
        return f"{element.tag} has {sorted(element.attrib)}"
    if element.tag.startswith("testsuite") and not re.fullmatch(SUREFIRE_TIME, element.get("time", "")):
        return f"{element.tag} has the time {element.get('time')}"
    wrong = [child.tag for child in element if child.tag not in children]
    return f"{element.tag} has {wrong}" if wrong else next(filter(None, map(jenkins_refuses, element)), "")


def check_junit(text):
    """The shape that Jenkins' xUnit plugin, Surefire and GitLab read. Returns the test cases."""
    harmless(text)
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites" and [child.tag for child in root] == ["testsuite"]
    assert not jenkins_refuses(root)
    assert set(root.attrib) == {"name", "time", "tests", "failures", "errors"}
    assert set(root[0].attrib) - {"timestamp"} == {"name", "time", *COUNTS}
    for element in (root, root[0]):
        assert float(element.attrib["time"]) >= 0
        for attribute, tag in COUNTS.items():
            assert attribute not in element.attrib or int(element.attrib[attribute]) == len(list(root.iter(tag)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", root[0].get("timestamp", "2000-01-01T00:00:00"))
    for case in root[0]:
        assert case.tag == "testcase" and set(case.attrib) == {"classname", "name", "time"} and all(case.attrib.values())
        assert re.fullmatch(r"\d+\.\d{3}", case.attrib["time"])
        assert len(case) <= 1
        for result in case:
            assert result.tag in ("failure", "error", "skipped") and len(result) == 0
            assert result.get("message") and (result.get("type") or result.tag == "skipped")
    return list(root[0])
