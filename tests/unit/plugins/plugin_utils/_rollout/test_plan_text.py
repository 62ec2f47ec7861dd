# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as people see it."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import labelled
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan_text
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, begun, plan, seen

OLD, OLDER = "P0S3-08-2-00", "P0S3-07-4-00"


def site(number, waves, **more):
    """A plan for that many phones, of which the first is there and the second cannot be seen."""
    observed = {f"p{one}": seen(OLD if one % 3 else OLDER) for one in range(number)}
    return plan(TARGET, {**observed, "p0": seen(TARGET.name), "p1": UNSEEN}, waves=waves, **more)


def test_the_table_has_a_row_for_each_wave():
    assert plan_text.table(site(8, [1, 2, "100%"]), "pbx", 0, None) == [
        "wave  phones  site  who      now -> then",
        "   1       1  pbx   p1       not known -> P0S3-06-3-00",
        "   2       2  pbx   p2, p3   P0S3-08-2-00, P0S3-07-4-00 -> P0S3-06-3-00",
        "   3       4  pbx   p4 … p7  P0S3-08-2-00, P0S3-07-4-00 -> P0S3-06-3-00",
    ]
    assert plan_text.table(plan(TARGET, {"a": seen(TARGET.name)}), "pbx", 0, None) == []


@pytest.mark.parametrize(("at_once", "about"), [(0, "1 min 40 s"), (4, "1 min 40 s"), (3, "3 min 20 s"), (1, "6 min 40 s")])
def test_how_long_a_wave_takes_is_known_from_the_last_rollout(at_once, about):
    last = plan_text.table(site(8, [1, 2, "100%"]), "pbx", at_once, 100.0)[-1]
    assert last.endswith(f"P0S3-06-3-00  {about}")


def test_of_many_waves_the_last_one_is_shown_too():
    lines = plan_text.table(site(42, [1]), "pbx", 0, None)
    assert len(lines) == 14
    assert lines[-2:] == ["       and 29 waves between", "  41       1  pbx   p41  P0S3-08-2-00 -> P0S3-06-3-00"]


def test_the_heading_tells_what_there_is():
    assert plan_text.heading(site(8, [1, "100%"]), "pbx") == "P0S3-06-3-00 on pbx: 8 phones, 7 to move in 2 waves, 1 there already"
    assert plan_text.heading(plan(TARGET, {"a": seen(TARGET.name)}), "pbx") == "P0S3-06-3-00 on pbx: 1 phone, none to move, 1 there already"


def test_phones_that_were_not_seen_stand_together_by_reason():
    (phones, unseen) = plan_text.phones(site(8, [1]))
    assert phones == ("phones", "7 of 8 answered: 4 on P0S3-08-2-00, 2 on P0S3-07-4-00, 1 on P0S3-06-3-00")
    assert unseen == ("not seen", f"p1: {UNSEEN.reason}")
    made = plan(TARGET, {"a": seen("P0S30203"), "b": seen("P0S30203"), "c": seen(OLD)}, skip_blocked=True)
    assert [(label, text.partition(":")[0]) for label, text in plan_text.phones(made)[1:]] == [("blocked", "a, b")]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "none to change"),
        (["SIPDefault.cnf", "OS79XX.TXT"], "2 to change (--diff shows each line): SIPDefault.cnf, OS79XX.TXT"),
        (["SIPDefault.cnf", "SIPA.cnf", "SIPB.cnf"], "3 to change (--diff shows each line): SIPDefault.cnf, SIPA.cnf, SIPB.cnf"),
        (["SIPDefault.cnf", *("SIPA.cnf",) * 3], "4 to change (--diff shows each line): SIPDefault.cnf, 3 files of single phones"),
    ],
)
def test_files_of_single_phones_are_a_number(names, text):
    assert plan_text.files(names) == [("files", text)]


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        (Losses(), "stops at the first failure (max_fail 0)"),
        (Losses(2.5), "stops when more than 2.5 % of a wave fail (max_fail)"),
        (Losses(100, 3), "stops when more than 3 fail in all (max_failed)"),
        (Losses(100), "does not stop at failures (max_fail 100)"),
        (Losses(100, stop_on=("in_call",)), "stops when a phone fails as stop_on says"),
    ],
)
def test_when_it_stops(losses, text):
    assert plan_text.stops(losses) == text


def test_texts_stand_below_each_other():
    lines = labelled([plan_text.bounds(begun({"pbx": "a"}, wait_timeout=90).rules), ("way back", "open")])
    assert lines == ["limits      stops at the first failure (max_fail 0); a phone is given up after 1 min 30 s", "way back    open"]
