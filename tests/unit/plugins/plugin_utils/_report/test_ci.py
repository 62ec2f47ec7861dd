# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JUnit XML and Markdown of a rollout."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import KINDS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    EMPTY,
    HOSTILE,
    STOPPED,
    check_junit,
    every_report,
    harmless,
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
        ({"error": "no route to tftp1"}, "error", "no route to tftp1"),
        ({"finished": False}, "error", "the run was interrupted, or is still going on"),
        ({"stopped_at": 2, "stop_reason": "the window closed"}, "failure", "the window closed"),
    ],
)
def test_junit_is_not_green_when_the_run_did_not_end_well(example, tag, message):
    cases = check_junit(junit(report({"a": phone("not_reached", 1)}, (1,), **example)))
    assert [(case.get("name"), case[0].tag, case[0].get("message")) for case in cases if case.get("classname") == "rollout"] == [
        ("rollout", tag, message)
    ]


def test_junit_without_phones_has_a_test_case():
    assert [case.get("name") for case in check_junit(junit(EMPTY))] == ["rollout"]
