# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import way_back
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import UNSEEN, begun, seen


def entry(run, number, **more):
    return {"run": run, "first": f"2026112{number}", "created": f"2026-11-2{number}", "image": "P0S3-06-3-00", "files": 1, **more}


TRIAL, REST, LAST = entry("trial", 1), entry("rest", 2), entry("last", 3)
LOOKS = {"pbx": Look(runs=[LAST, REST, TRIAL]), "branch": Look(runs=[{**LAST, "first": "20261124", "files": 0}, REST])}


@pytest.mark.parametrize(
    ("asked", "pbx", "branch"),
    [
        ({}, {"run": "last"}, {"run": "last"}),
        ({"run": "trial"}, {"run": "trial"}, {"run": "trial"}),
        ({"since_run": "trial"}, {"since_run": "trial"}, {"since_run": "rest"}),
        ({"since_run": "rest"}, {"since_run": "rest"}, {"since_run": "rest"}),
        ({"since_run": "last"}, {"since_run": "last"}, {"since_run": "last"}),
    ],
)
def test_what_is_taken_back_at_each_site(asked, pbx, branch):
    run = begun({"pbx": "a", "branch": "b"}, rollout_undo=True, **asked)
    assert [way_back.to_undo(run, LOOKS, site) for site in ("pbx", "branch")] == [pbx, branch]


def test_a_site_that_was_part_of_none_of_them():
    run = begun({"pbx": "a", "branch": "b"}, rollout_undo=True, since_run="trial")
    assert way_back.to_undo(run, {**LOOKS, "branch": Look()}, "branch") == {"run": "trial"}


@pytest.mark.parametrize("option", ["run", "since_run"])
def test_a_run_that_is_not_known_is_refused_with_those_that_are(option):
    run = begun({"pbx": "a", "branch": "b"}, rollout_undo=True, **{option: "spring"})
    with pytest.raises(RolloutError, match="there is no record of run spring at pbx, branch: there are: last, rest, trial"):
        way_back.to_undo(run, LOOKS, "pbx")


def test_the_runs_for_people():
    runs = [entry("a", 3, default=True, phones=2, files=4), entry("b", 2, default=False, phones=1, files=0)]
    assert way_back.known_runs(runs) == [
        ("run", "a of 2026-11-23, to P0S3-06-3-00: all phones; stands, with 4 files to put back"),
        ("run", "b of 2026-11-22, to P0S3-06-3-00: 1 phone; taken back"),
    ]
    assert len(way_back.known_runs(runs * 10)) == 11
    assert way_back.known_runs(runs * 10)[-1] == ("run", "and 10 older ones")


def test_a_run_of_settings_for_people():
    run = entry("a", 3, image="", settings="telnet_level", default=True, phones=2)
    both = {**run, "image": "P0S3-06-3-00"}
    assert way_back.known_runs([run])[0][1] == "a of 2026-11-23, settings telnet_level: all phones; stands, with 1 file to put back"
    assert "to P0S3-06-3-00, settings telnet_level: all phones" in way_back.known_runs([both])[0][1]
    foreseen = {"records": [run, run], "may_not": {}, "loader": "", "runs": [run]}
    told = way_back.outline(Plan("the settings of before", {}, {}), foreseen)
    assert told == [
        ("takes back", "run a (settings telnet_level)"),
        ("note", "no phone moves: each takes up the settings of before at its next restart"),
    ]


@pytest.mark.parametrize(
    ("records", "right"), [([], False), ([("", "a")], True), ([("", "a"), ("x", "")], False), ([("", "")], False), ([("x", "a")], False)]
)
def test_whether_an_undo_is_of_settings_alone(records, right):
    assert way_back.is_of_settings({"records": [{"image": image, "settings": keys} for image, keys in records]}) is right


@pytest.mark.parametrize(
    ("has_changed", "before", "options"),
    [
        (True, (), " -e run=now"),
        (False, (), ""),
        (False, ("first",), " -e run=first"),
        (True, ("first",), " -e since_run=first"),
        (False, ("first", "middle"), " -e since_run=first"),
    ],
)
def test_what_takes_back_a_rollout_of_several_runs(has_changed, before, options):
    assert way_back.options("now", has_changed, before) == options


NEWER = entry("newer", 4, image="P0S3-07-4-00")


@pytest.mark.parametrize(
    ("undo", "became", "left_alone"),
    [
        ({"run": "last"}, {}, ["old", "other"]),
        ({"run": "newer"}, {}, ["moved", "old"]),
        ({"since_run": "last"}, {}, ["old"]),
        ({"run": "last"}, {"other": {"what": "failed"}}, ["old"]),
        ({"run": "settings"}, {}, []),
    ],
)
def test_phones_that_a_run_did_not_bring_where_they_are_are_left_alone(undo, became, left_alone):
    runs = [NEWER, LAST, entry("settings", 0, image="")]
    observed = {"moved": seen("P0S3-06-3-00"), "old": seen("P0S3-08-2-00"), "other": seen("P0S3-07-4-00"), "unseen": UNSEEN}
    facts = {"id": "x", "goal": "y", "phones": {}, "waves": [], "paused": 0, "became": became}
    ledger = Ledger({"rollout": facts}) if became else Ledger()
    found = Look(observed=observed, runs=runs, ledger=ledger)
    assert {name: image.name for name, image in way_back.stay(found, undo).items()} == {name: observed[name].image for name in left_alone}
