# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs left in the ledger of a site."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset, Ledger, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience

OLD, NEW, OTHER = "P0S3-08-2-00", "P0S3-06-3-00", "P0S3-07-4-00"
MAC, SECOND = "000E84C060A6", "000E84C060A7"
NOW = 1_000_000.0
"""By the site's clock, which is years apart from ours."""
RESET = {"mac": MAC, "image": NEW, "before": OLD, "deferred": False, "sent": True, "at": NOW - 30}
OPEN: dict[str, Any] = {
    "id": "one",
    "goal": NEW,
    "phones": {"a": MAC, "b": None},
    "waves": [["a"], ["b"]],
    "runs": ["one"],
    "paused": 1,
    "became": {},
}


def flying(resets, macs=None, patience=None):
    found = Ledger({"resets": resets}, NOW).in_flight({"a": NEW, "b": NEW}, macs or {"a": MAC}, patience or Patience(600, 3600))
    return {name: EarlierReset(round(one.seconds), one.deferred, one.doubtful, one.before) for name, one in found.items()}


def test_nothing_is_nothing():
    assert flying({}) == {} == Ledger().in_flight({"a": NEW}, {}, Patience())
    assert Ledger().rollout is None
    assert Ledger().outline(Rollout("two", NEW, {}), None) == []


@pytest.mark.parametrize(
    ("reset", "found"),
    [
        ({}, EarlierReset(30, False, False, OLD)),
        ({"sent": False}, EarlierReset(30, False, True, OLD)),
        ({"image": OTHER}, None),
        ({"mac": SECOND}, None),
        ({"mac": "", "before": ""}, EarlierReset(30)),
        ({"at": NOW - 601}, None),
        ({"at": NOW - 601, "deferred": True}, EarlierReset(601, True, False, OLD)),
        ({"at": NOW - 4201, "deferred": True}, None),
        ({"at": NOW + 3600}, EarlierReset(0, False, False, OLD)),
    ],
)
def test_who_may_not_be_back(reset, found):
    assert flying({"a": {**RESET, **reset}}) == ({"a": found} if found else {})


def test_a_phone_is_known_by_its_mac_under_another_name():
    assert list(flying({"desk": RESET})) == ["a"]
    assert list(flying({"b": RESET}, {"a": MAC, "b": SECOND})) == ["a"], "not who has its old name now"


def test_time_goes_on_after_the_ledger_was_read():
    ledger = Ledger({"resets": {"a": RESET}}, NOW, None, time.monotonic() - 100)
    assert round(ledger.in_flight({"a": NEW}, {}, Patience(600))["a"].seconds) == 130


@pytest.mark.parametrize(
    ("goal", "phones", "why"),
    [
        (NEW, "ab", ""),
        (OTHER, "ab", "another image"),
        (NEW, "a", "other phones"),
        (NEW, "abc", "other phones"),
        (NEW, "ac", "other phones"),
    ],
)
def test_which_rollout_is_gone_on_with(goal, phones, why):
    ledger = Ledger({"rollout": {**OPEN, "became": {"a": {"what": "failed"}, "b": {"what": "back"}}}}, NOW)
    wanted = Rollout("two", goal, dict.fromkeys(phones))
    goes_on = ledger.to_go_on_with(wanted)
    ((label, line),) = ledger.outline(wanted, goes_on)
    if why:
        assert goes_on is None and label == "ends" and line.endswith(f"did not come to its end: {why}")
        return
    assert goes_on == Rollout("one", NEW, OPEN["phones"], [["a"], ["b"]], 1, frozenset("a"))
    assert (label, line[:16]) == ("goes on", "with rollout one")
    assert ledger.outline(wanted, None)[0][1].endswith("did not come to its end: fresh")
