# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JUnit XML and Markdown of a rollout."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import KINDS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FileChange
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    EMPTY,
    HOSTILE,
    STOPPED,
    check_junit,
    every_report,
    harmless,
    jenkins_refuses,
    phone,
    report,
)


def test_hostile_texts_are_text_in_markdown():
    text = markdown(HOSTILE)
    harmless(text)
    assert not set("<>`") & set(text)
    for line in text.splitlines():
        assert not line.startswith("# ") and (not line.startswith("|") or line.count("|") in (4, 6))
    assert "https&#58;//evil.example" in markdown(report({}, error="see https://evil.example/"))


@every_report
def test_junit_has_the_shape_that_ci_reads(example):
    cases = check_junit(junit(example))
    assert len(cases) >= max(1, len(example.phones))


def test_junit_says_what_became_of_each_phone():
    cases = {case.get("name"): case for case in check_junit(junit(STOPPED))}
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
    assert failure.text == f"did not come back\n{KINDS['never_returned'].advice}"
    assert cases["c"][0].get("message") == "held on P0S3-8-12-00"


@pytest.mark.parametrize(
    ("example", "tag", "message"),
    [
        ({"error": "no route to tftp1", "reached": 0}, "error refused", "no route to tftp1"),
        ({"error": "the disk is full", "files": [FileChange("tftp1", "SIPDefault.cnf", "")]}, "error failed", "the disk is full"),
        ({"finished": False}, "error interrupted", "the run was interrupted, or is still going on"),
        ({"stopped_at": 2, "stop_reason": "the window closed"}, "failure stopped", "the window closed"),
        ({"paused_after": 1, "stop_reason": "paused after wave 1"}, "skipped paused", "paused after wave 1"),
    ],
)
def test_junit_says_how_the_run_ended_if_not_well(example, tag, message):
    rollout = check_junit(junit(report({"a": phone("not_reached", 1)}, (1,), **example)))[0]
    assert (rollout.get("classname"), rollout.get("name")) == ("rollout", "rollout")
    assert (f"{rollout[0].tag} {rollout[0].get('type')}", rollout[0].get("message")) == (tag, message)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<testsuites skipped="1"/>', "testsuites has ['skipped']"),
        ('<testsuites><testsuite name="a" tests="1" failures="0"/></testsuites>', "testsuite has ['failures', 'name', 'tests']"),
        ('<testsuites time="-5.000"/>', "testsuites has the time -5.000"),
        ("<testsuites><testcase name='a'/></testsuites>", "testsuites has ['testcase']"),
    ],
)
def test_what_jenkins_refuses(text, why):
    assert jenkins_refuses(ElementTree.fromstring(text)) == why


def test_the_summary_of_a_dry_run_shows_phone_image_and_wave_and_the_difference():
    diff = "--- before\n+++ after\n-image_version: ```P0S3-8-12-00```\n+image_version: P0S3-06-3-00\n"
    phones = {"b|c": phone("planned", 2, image_before="P0S3-8-12-00"), "a": phone("planned", 1), "d": phone("already")}
    text = markdown(report(phones, (1, 1), check_mode=True, files=[FileChange("tftp1", "SIPDefault.cnf", diff)]))
    table = text.partition("| phone | runs | goes to | wave |")[2].splitlines()[2:4]
    assert table == ["| a | not known | P0S3-06-3-00 | 1 |", "| b&#124;c | P0S3-8-12-00 | P0S3-06-3-00 | 2 |"]
    fenced = text.partition("`````diff\n")[2].partition("\n`````")[0]
    assert fenced == diff.rstrip()
    assert "**tftp1 SIPDefault.cnf** (+1 -1)" in text


def test_the_summary_of_a_large_dry_run_is_short():
    text = markdown(report({f"phone{number}": phone("planned", 1) for number in range(20_000)}, (20_000,), check_mode=True))
    assert len(text) < 40_000 and "19,500 phones more in report.html" in text


def test_junit_without_phones_has_a_test_case():
    assert [case.get("name") for case in check_junit(junit(EMPTY))] == ["rollout"]
