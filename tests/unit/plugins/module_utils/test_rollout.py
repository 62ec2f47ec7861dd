# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils import rollout
from ansible_collections.voip.cisco79xx.plugins.module_utils.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils.rollout import RolloutError, gate, outcome, report, wave_sizes

TARGET = parse("P0S3-06-3-00")


def plan(target, observed, **more):
    observed = {name: {**what, "mac": what["mac"] and f"000E84C0{number:04X}"} for number, (name, what) in enumerate(observed.items())}
    return rollout.plan(dict.fromkeys(observed, target), observed, label=target.name, **more)


def seen(image):
    return {"reachable": True, "image": image, "mac": "000E84C060A6", "kind": None, "reason": None}


UNSEEN = {"reachable": False, "image": None, "mac": None, "kind": "refused", "reason": "refuses telnet"}
RESET = {"sent": True, "deferred": False, "already": False, "image": "P0S3-08-2-00", "reason": None}
BACK = {"on_target": True, "image": "P0S3-06-3-00", "seconds": 80.0, "kind": None, "reason": None}
STAYED = {"on_target": False, "image": "P0S3-08-2-00", "seconds": 600.0, "kind": "wrong_image", "reason": "came back on P0S3-08-2-00"}


@pytest.mark.parametrize(
    ("spec", "total", "sizes"),
    [
        ([1, "10%", "50%", "100%"], 100, [1, 10, 50, 39]),
        ([1, 3], 8, [1, 3, 3, 1]),
        (["10%"], 3, [1, 1, 1]),
        (["100%"], 7, [7]),
        ("100%", 7, [7]),
        ("1,3,8", 12, [1, 3, 8]),
        ("[1, 3, 8]", 12, [1, 3, 8]),
        ('[1, "50%"]', 4, [1, 2, 1]),
        (2, 3, [2, 1]),
        ("2", 3, [2, 1]),
        ([5], 0, []),
    ],
)
def test_waves(spec, total, sizes):
    assert wave_sizes(spec, total) == sizes


@pytest.mark.parametrize(
    "spec", [[], "", 0, [0], [-1], ["0%"], ["101%"], ["12.5%"], 1.5, [True], True, None, {}, "many", [[1]], "1,,2", ["1 %"], [None]]
)
def test_waves_that_are_none(spec):
    with pytest.raises(RolloutError, match=r"waves: .* is no wave"):
        wave_sizes(spec, 10)


def test_a_phone_on_the_target_is_in_no_wave():
    made = plan(TARGET, {"a": seen("P0S3-06-3-00"), "b": seen("P0S3-08-2-00")}, direction=rollout.DOWNGRADE)
    assert made["phones"]["a"]["status"] == rollout.ALREADY
    assert made["waves"] == [{"number": 1, "phones": ["b"], "reset": ["b"]}]


def test_a_phone_that_cannot_be_observed_has_its_wave_but_is_not_reset():
    made = plan(TARGET, {"a": UNSEEN, "b": seen("P0S3-08-2-00")}, waves=["100%"])
    assert made["waves"] == [{"number": 1, "phones": ["a", "b"], "reset": ["b"]}]
    assert outcome("a", made, {}, {}, 1)["status"] == rollout.FAILED


def test_all_phones_that_cannot_move_are_named_at_once():
    observed = {"a": seen("P0S3-08-2-00"), "b": seen("P0S3-07-4-00"), "c": seen("P0S30202"), "d": seen("gibberish")}
    with pytest.raises(RolloutError) as caught:
        plan(parse("P0S30203"), observed)
    for name in "abd":
        assert f"{name}:" in str(caught.value) or f"{name}," in str(caught.value)
    assert "c:" not in str(caught.value)
    made = plan(parse("P0S30203"), observed, skip_blocked=True)
    assert [wave["phones"] for wave in made["waves"]] == [["c"]]
    assert {name for name, phone in made["phones"].items() if phone["status"] == rollout.BLOCKED} == {"a", "b", "d"}


@pytest.mark.parametrize(
    ("direction", "current", "word"),
    [("downgrade", "P0S3-05-2-00", "older"), ("upgrade", "P0S3-8-12-00", "newer"), ("any", "P0S3-8-12-00", "")],
)
def test_the_direction_is_kept(direction, current, word):
    observed = {"a": seen(current)}
    if word:
        with pytest.raises(RolloutError, match=f"{word} than"):
            plan(TARGET, observed, direction=direction)
        assert plan(TARGET, observed, direction=direction, force=True)["waves"]
    else:
        assert plan(TARGET, observed, direction=direction)["waves"]


def test_force_takes_no_unsigned_image_to_a_signed_phone():
    with pytest.raises(RolloutError, match="signed"):
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00")}, force=True)
    assert plan(parse("P0S3-8-12-00"), {"a": seen("P0S3-05-2-00")}, force=True)["waves"]


FOUR = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcd"}, waves=["100%"])
RESETS = {name: RESET for name in "abcd"}


@pytest.mark.parametrize(
    ("bad", "allowed", "stop"),
    [("", 0, False), ("a", 0, True), ("a", 25, False), ("a", 24.9, True), ("ab", 49, True), ("abcd", 100, False)],
)
def test_the_gate(bad, allowed, stop):
    waits = {name: STAYED if name in bad else BACK for name in "abcd"}
    decided = gate(1, FOUR, RESETS, waits, allowed)
    assert decided["stop"] is stop
    assert set(decided["failed"]) == set(bad)
    assert decided["done"] == 4 - len(bad)


def test_unreachable_phones_count_in_the_gate():
    made = plan(TARGET, {"a": UNSEEN, "b": seen("P0S3-08-2-00")}, waves=["100%"])
    decided = gate(1, made, {"b": RESET}, {"b": BACK}, 40)
    assert decided["stop"]
    assert decided["failed"] == {"a": "refuses telnet"}


@pytest.mark.parametrize(
    ("reset", "wait", "status", "reason"),
    [
        (RESET, BACK, rollout.DONE, ""),
        (RESET, STAYED, rollout.FAILED, "came back on"),
        ({**RESET, "sent": False, "already": True, "image": "P0S3-06-3-00"}, None, rollout.DONE, "by itself"),
        ({**RESET, "sent": False, "reason": "telnet_level is 1"}, None, rollout.FAILED, "telnet_level is 1"),
        ({**RESET, "deferred": True}, {**STAYED, "kind": "not_restarted", "reason": "still runs"}, rollout.FAILED, "in a call"),
        (RESET, None, rollout.FAILED, "before it was seen again"),
        (None, None, rollout.FAILED, "before it was reset"),
    ],
)
def test_outcomes(reset, wait, status, reason):
    made = plan(TARGET, {"a": seen("P0S3-08-2-00")})
    end = outcome("a", made, {"a": reset} if reset else {}, {"a": wait} if wait else {}, 1)
    assert end["status"] == status
    assert reason in end["reason"]


def reported(**changes):
    observed = {"a": seen("P0S3-08-2-00"), "b": seen("P0S3-08-2-00"), "c": seen("P0S3-06-3-00"), "d": UNSEEN}
    arguments = {
        "image": "P0S3-06-3-00",
        "names": list(observed),
        "hosts": {name: f"127.0.0.{number}" for number, name in enumerate(observed, start=2)},
        "plan": plan(TARGET, observed, waves=[1, "100%"]),
        "resets": {"a": RESET},
        "waits": {"a": STAYED},
        "given_back": {},
        "reached": 1,
        "stopped": True,
        "error": "",
        "check_mode": False,
        "started": "2026-11-23T08:00:00+00:00",
        "ended": "2026-11-23T08:10:00+00:00",
    }
    return report(**{**arguments, **changes})


def statuses(made):
    return {name: phone["status"] for name, phone in made["phones"].items()}


def test_the_report_of_a_stopped_rollout():
    made = reported()
    assert statuses(made) == {"a": "failed", "b": "not_reached", "c": "already", "d": "not_reached"}
    assert made["rollout"]["stopped_at"] == 1
    assert [wave["reached"] for wave in made["rollout"]["waves"]] == [True, False]
    assert set(made["phones"]["a"]) >= {"mac", "host", "wave", "image_before", "image_after", "status", "reason", "seconds"}
    assert made["phones"]["b"]["reason"] == "the rollout stopped at wave 1"


def test_the_report_of_a_dry_run():
    made = reported(resets={}, waits={}, reached=0, stopped=False, check_mode=True)
    assert statuses(made) == {"a": "planned", "b": "planned", "c": "already", "d": "failed"}
    assert made["rollout"]["stopped_at"] is None


def test_the_report_of_a_run_that_was_refused():
    made = reported(plan=None, resets={}, waits={}, reached=0, stopped=False, error="no such image")
    assert set(statuses(made).values()) == {"not_reached"}
    assert made["phones"]["a"]["reason"] == "the run ended before it could be observed"
    assert made["rollout"]["error"] == "no such image"


def test_the_report_of_a_run_that_was_refused_keeps_what_was_seen():
    with pytest.raises(RolloutError) as caught:
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00"), "b": seen("P0S30202")})
    made = reported(plan=caught.value.plan, names=["a", "b"], resets={}, waits={}, reached=0, stopped=False, error=str(caught.value))
    assert statuses(made) == {"a": "blocked", "b": "not_reached"}
    assert made["phones"]["b"]["image_before"] == "P0S30202"


def test_a_phone_under_two_names_is_refused():
    twice = dict.fromkeys("ab", seen("P0S3-08-2-00"))
    with pytest.raises(RolloutError, match="a and b are one phone, MAC 000E84C060A6"):
        rollout.plan(dict.fromkeys("ab", TARGET), twice, label=TARGET.name)


def test_nobody_left_is_nothing_to_do():
    with pytest.raises(RolloutError, match="signed"):
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00")}, skip_blocked=True)


def test_a_phone_that_restarted_by_itself_is_done():
    made = plan(TARGET, {"a": seen("P0S3-08-2-00")})
    end = outcome("a", made, {"a": {**RESET, "sent": False, "kind": "refused", "reason": "refuses"}}, {"a": BACK}, 1)
    assert (end["status"], end["image_after"]) == ("done", "P0S3-06-3-00")


def test_a_wave_that_broke_off_leaves_no_phone_out():
    assert statuses(reported(waits={}, error="Ctrl-C"))["a"] == "failed"
