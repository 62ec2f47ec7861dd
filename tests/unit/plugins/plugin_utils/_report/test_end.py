# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run ended, on the screen."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import KINDS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import end
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    EVIL,
    EVIL_TEXT,
    HOSTILE,
    IMAGE,
    fleet,
    moved,
    phone,
    report,
)

RUN = "20260307T220000-1"
COMMANDS = {"go_on": "play downgrade", "diagnose": "play diagnose", "rollback": f"play rollback -e run={RUN}"}
GO_ON, WHY, UNDO = "go on       play downgrade", "why         play diagnose", f"undo        play rollback -e run={RUN}"
DONE, FAILED = moved("done", 1, 0, 80), moved("failed", 1, 0, 600, kind="never_returned", reason="did not come back in 10 min")
LATER = phone("not_reached", 2)


def last(phones, **more):
    """The last lines of a run: labels and texts."""
    more = {"commands": COMMANDS, **more}
    reached = 0 if more.get("error") == "no such image" else 1
    lines = end.lines(report(phones, (1, 1), run=RUN, reached=reached, **more), "report.html")
    return [line for line in lines if not line.startswith((" ", "✗", "⊘"))]


@pytest.mark.parametrize(
    ("phones", "about", "lines"),
    [
        ({"a": DONE}, {}, ["outcome     done: 1 done", UNDO]),
        ({"a": phone("already")}, {}, ["outcome     nothing_to_do: 1 already"]),
        (
            {"a": DONE, "b": FAILED, "c": LATER},
            {"stopped_at": 1, "stop_reason": "1 of 2 failed (50 %, 0 % may fail)"},
            [
                "outcome     stopped in wave 1: 1 failed, 1 not reached, 1 done; 1 of 2 failed (50 %, 0 % may fail)",
                GO_ON,
                WHY,
                UNDO,
            ],
        ),
        (
            {"a": DONE, "c": LATER},
            {"paused_after": 1, "stop_reason": "paused after wave 1"},
            ["outcome     paused: 1 not reached, 1 done; paused after wave 1", GO_ON, UNDO],
        ),
        ({"a": LATER}, {"error": "no such image"}, ["outcome     refused: 1 not reached"]),
        ({"a": DONE}, {"finished": False, "error": "x"}, ["outcome     interrupted: 1 done", GO_ON, UNDO]),
        (
            {"a": phone("planned", 1), "b": FAILED},
            {"check_mode": True},
            ["outcome     would_start: 1 failed, 1 planned", "next        play downgrade"],
        ),
    ],
)
def test_the_last_lines(phones, about, lines):
    shown = last(phones, **about)
    assert shown[1] == f"report      report.html  (run {RUN})"
    assert [shown[0], *shown[2:]] == lines


def test_what_is_rolled_back_is_not_undone():
    assert not any(line.startswith("undo") for line in last({"a": DONE}, what="rollback"))


def test_the_plan_of_a_dry_run():
    shown = end.lines(report({"a": phone("planned", 1)}, (1,), check_mode=True), "report.html", "out/plan.json")
    assert shown[-1] == "plan        out/plan.json (-e plan=… applies exactly that)"


def test_each_kind_of_failure_is_told_once_with_what_to_do():
    lines = end.lines(fleet((1, 299), every=23), "report.html")
    assert len(lines) <= 2 * end.MOST_GROUPS + 1 + 8
    heads = [line for line in lines if line.startswith("✗")]
    assert len(heads) == end.MOST_GROUPS
    for head, advice in zip(heads, (line for line in lines if line.startswith("    ")), strict=True):
        kind = next(kind for kind in KINDS.values() if head.startswith(f"✗ {kind.title} ("))
        assert advice.strip() == kind.advice
    many = end.lines(report({f"p{n}": FAILED for n in range(40)}, (40,)), "report.html")
    assert many[0] == f"✗ Never came back (40): {', '.join(f'p{n}' for n in (0, 1, 10, 11, 12, 13, 14, 15))} and 32 more"


def test_what_strangers_wrote_is_harmless():
    lines = end.lines(HOSTILE, "report.html")
    assert all(line.isprintable() for line in lines)
    text = " ".join(end.lines(report({EVIL: FAILED}, (1,), stop_reason=EVIL, stopped_at=1, note=EVIL), "report.html"))
    assert text.isprintable() and text.count(EVIL_TEXT) == 3


def test_which_phones_let_the_run_fail():
    held = phone("blocked", held=True)
    phones = {"a": FAILED, "b": phone("blocked"), "c": held, "d": DONE, "e": LATER, "f:1": FAILED}
    assert end.why_failed(report(phones), list(phones)) == f"3 phones are not on {IMAGE}: a, b, f:1"
    assert end.why_failed(report(phones), ["a"]) == f"1 phone is not on {IMAGE}: a"
    assert end.why_failed(report(phones), ["c", "d", "e"]) == ""
