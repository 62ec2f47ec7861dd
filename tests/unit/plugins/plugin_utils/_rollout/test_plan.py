# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import (
    BRICKED,
    Losses,
    RolloutError,
    at_once,
    earlier,
    gate,
    losses,
    outcome,
    pauses,
    report,
    too_many,
    wave_sizes,
)

TARGET = parse("P0S3-06-3-00")


def plan(target, observed, **more):
    observed = {name: {**what, "mac": what["mac"] and f"000E84C0{number:04X}"} for number, (name, what) in enumerate(observed.items())}
    return rollout.plan(dict.fromkeys(observed, target), observed, label=target.name, **more)


def seen(image):
    return {"reachable": True, "image": image, "mac": "000E84C060A6", "kind": None, "reason": None}


UNSEEN = {"reachable": False, "image": None, "mac": None, "kind": "refused", "reason": "refuses telnet"}
RESET = {"sent": True, "deferred": False, "already": False, "image": "P0S3-08-2-00", "kind": None, "reason": None}
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
    decided = gate(1, FOUR, RESETS, waits, Losses(allowed))
    assert decided["stop"] is stop
    assert set(decided["failed"]) == set(bad)
    assert decided["done"] == 4 - len(bad)


def test_the_gate_counts_earlier_waves():
    made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcdef"}, waves=[2])
    resets = {name: RESET for name in "abcd"}
    waits = {"a": STAYED, "b": BACK, "c": STAYED, "d": BACK}
    assert earlier(1, made, resets, waits) == {"seen": 0, "failed": 0}
    assert earlier(3, made, resets, waits) == {"seen": 4, "failed": 2}
    assert not gate(2, made, resets, waits, Losses(100, 2))["stop"]
    decided = gate(2, made, resets, waits, Losses(100, 1))
    assert decided["why"] == "2 failed in all, 1 may (max_failed)"
    assert decided["message"].startswith(
        "rollout stopped at wave 2 of 3: 1 of 2 phones on P0S3-06-3-00, 1 failed (50 %, 100 % may fail). c: "
    )
    assert "later waves were not touched" in decided["message"].lower()


def test_too_few_have_ended_to_judge_except_at_the_end():
    made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcd"}, waves=[2])
    waits = {"a": STAYED, "b": BACK, "c": BACK, "d": STAYED}
    assert not gate(1, made, RESETS, waits, Losses(0, min_sample=3))["stop"]
    assert gate(1, made, RESETS, waits, Losses(0, min_sample=2))["stop"]
    assert gate(2, made, RESETS, waits, Losses(0, min_sample=99))["stop"]


def test_the_gate_of_a_wave_that_stopped_early():
    decided = gate(1, FOUR, {"a": RESET}, {"a": STAYED}, Losses(0), "that is enough")
    assert decided["stop"]
    assert decided["why"] == "that is enough"
    assert decided["done"] == 0
    assert set(decided["failed"]) == {"a"}
    assert "3 phones of the wave were not reset" in decided["message"]
    assert "later waves" not in decided["message"]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (("", "", 1, []), Losses()),
        ((None, None, 1, None), Losses()),
        (("12.5", "", "3", ""), Losses(12.5, None, 3)),
        ((0, 2, 1, []), Losses(0.0, 2)),
        (("", "2", 1, []), Losses(100.0, 2)),
        (("", 0, 1, []), Losses(100.0, 0)),
        ((100, "", 1, "in_call, wrong_image"), Losses(100.0, None, 1, ("in_call", "wrong_image"))),
        ((100, "", 1, '["in_call"]'), Losses(100.0, None, 1, ("in_call",))),
        ((100, "", 1, "[in_call,'wrong_image']"), Losses(100.0, None, 1, ("in_call", "wrong_image"))),
        ((100, "", 1, ["bricked"]), Losses(100.0, None, 1, tuple(BRICKED))),
    ],
)
def test_what_may_be_lost(given, made):
    assert losses(*given) == made


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (("many", "", 1, []), "max_fail_percentage"),
        ((-1, "", 1, []), "max_fail_percentage"),
        ((100.1, "", 1, []), "max_fail_percentage"),
        (("nan", "", 1, []), "max_fail_percentage"),
        ((0, -1, 1, []), "max_failed"),
        ((0, "1.5", 1, []), "max_failed"),
        ((0, True, 1, []), "max_failed"),
        ((0, "", 0, []), "min_sample"),
        ((0, "", "", []), "min_sample"),
        ((0, "", 1, ["haunted"]), "stop_on: 'haunted'"),
        ((0, "", 1, "bricked,haunted"), "stop_on: 'haunted'"),
        ((0, "", 1, [["bricked"]]), "stop_on"),
        ((0, "", 1, 7), "stop_on"),
    ],
)
def test_what_cannot_be_lost(given, word):
    with pytest.raises(RolloutError, match=word):
        losses(*given)


@pytest.mark.parametrize(
    ("limits", "failed", "total", "before", "seen", "why"),
    [
        (Losses(), {}, 4, 0, 4, ""),
        (Losses(), {}, 4, 9, 99, ""),
        (Losses(), {"a": "in_call"}, 4, 0, 1, "1 of 4 failed (25 %, 0 % may fail)"),
        (Losses(25), {"a": "in_call"}, 4, 0, 1, ""),
        (Losses(24.9), {"a": "in_call"}, 4, 0, 1, "1 of 4 failed (25 %, 24.9 % may fail)"),
        (Losses(100, 1), {"a": "in_call"}, 4, 1, 5, "2 failed in all, 1 may (max_failed)"),
        (Losses(100, 1), {}, 4, 2, 5, ""),
        (Losses(min_sample=3), {"a": "in_call"}, 4, 0, 2, ""),
        (Losses(min_sample=3), {"a": "in_call"}, 4, 0, 3, "1 of 4 failed (25 %, 0 % may fail)"),
        (Losses(100, min_sample=3, stop_on=("in_call",)), {"a": "in_call"}, 4, 0, 1, "a failed with in_call"),
        (Losses(100, stop_on=("wrong_image",)), {"a": "in_call"}, 4, 0, 1, ""),
    ],
)
def test_when_it_is_too_many(limits, failed, total, before, seen, why):
    said = too_many(limits, failed, total, before, seen)
    assert said.startswith(why) if why else said == ""


@pytest.mark.parametrize(("spec", "fleet", "number"), [("", 9, 0), (None, 9, 0), (3, 9, 3), ("3", 2, 3), ("34%", 8, 2), ("1%", 8, 1)])
def test_how_many_may_be_down(spec, fleet, number):
    assert at_once(spec, fleet) == number


@pytest.mark.parametrize("spec", [0, "0", -1, "0%", "101%", "few", 1.5, True, [2]])
def test_how_many_cannot_be_down(spec):
    with pytest.raises(RolloutError, match="max_unavailable"):
        at_once(spec, 10)


@pytest.mark.parametrize(("spec", "numbers"), [([], []), (None, []), ("", []), (1, [1]), ("1", [1]), ("1,3", [1, 3]), ("[1, 3]", [1, 3])])
def test_pauses(spec, numbers):
    assert pauses(spec) == numbers


@pytest.mark.parametrize("spec", [[0], "one", [1.5], [-1], [True], [[1]]])
def test_no_pauses(spec):
    with pytest.raises(RolloutError, match="pause_after"):
        pauses(spec)


def test_phones_in_flight_go_first_even_if_they_do_not_answer():
    observed = {"a": seen("P0S3-08-2-00"), "b": UNSEEN, "c": seen("P0S3-06-3-00"), "d": UNSEEN}
    flying = {name: {"before": "P0S3-08-2-00"} for name in "bc"}
    made = plan(TARGET, observed, waves=[1, "100%"], in_flight=flying)
    assert made["waves"] == [{"number": 1, "phones": ["b"], "reset": ["b"]}, {"number": 2, "phones": ["a", "d"], "reset": ["a"]}]
    assert made["phones"]["b"]["image_before"] == "P0S3-08-2-00"
    assert made["phones"]["c"]["status"] == rollout.ALREADY
    assert not made["phones"]["c"]["in_flight"]
    assert outcome("b", made, {}, {"b": BACK}, 1)["status"] == rollout.DONE
    assert any("1 phone of them" in line or "1 of them" in line or "earlier run" in line for line in rollout.outline(made))


def test_nobody_answers_but_somebody_is_expected_back():
    assert plan(TARGET, {"a": UNSEEN}, in_flight={"a": {"before": None}})["waves"] == [{"number": 1, "phones": ["a"], "reset": ["a"]}]
    with pytest.raises(RolloutError, match="none of the phones could be observed"):
        plan(TARGET, {"a": UNSEEN})


def test_a_rollout_that_paused_goes_on_with_the_next_wave():
    observed = {f"p{number}": seen("P0S3-08-2-00" if number > 1 else "P0S3-06-3-00") for number in range(10)}
    made = plan(TARGET, observed, waves=[2, "50%", "100%"], waves_done=1, moved_before=2)
    assert [(wave["number"], len(wave["phones"])) for wave in made["waves"]] == [(2, 5), (3, 3)]
    beyond = plan(TARGET, observed, waves=[2], waves_done=7, moved_before=2)
    assert [wave["number"] for wave in beyond["waves"]] == [8, 9, 10, 11]


def test_unreachable_phones_count_in_the_gate():
    made = plan(TARGET, {"a": UNSEEN, "b": seen("P0S3-08-2-00")}, waves=["100%"])
    decided = gate(1, made, {"b": RESET}, {"b": BACK}, Losses(40))
    assert decided["stop"]
    assert decided["failed"] == {"a": "refuses telnet"}


@pytest.mark.parametrize(
    ("reset", "wait", "status", "reason"),
    [
        (RESET, BACK, rollout.DONE, ""),
        (RESET, STAYED, rollout.FAILED, "came back on"),
        ({**RESET, "sent": False, "already": True, "image": "P0S3-06-3-00"}, None, rollout.DONE, "by itself"),
        ({**RESET, "sent": False, "reason": "telnet_level is 1"}, None, rollout.FAILED, "telnet_level is 1"),
        ({**RESET, "deferred": True}, {**STAYED, "kind": "in_call", "reason": "is in a call"}, rollout.FAILED, "in a call"),
        (None, BACK, rollout.DONE, ""),
        (None, STAYED, rollout.FAILED, "came back on"),
        (RESET, None, rollout.FAILED, "before it was seen again"),
        (None, None, rollout.NOT_REACHED, "before it was reset"),
    ],
)
def test_outcomes(reset, wait, status, reason):
    made = plan(TARGET, {"a": seen("P0S3-08-2-00")})
    end = outcome("a", made, {"a": reset} if reset else {}, {"a": wait} if wait else {}, 1)
    assert end["status"] == status
    assert reason in end["reason"]


def test_an_outcome_has_its_kind_and_its_times():
    made = plan(TARGET, {"a": seen("P0S3-08-2-00")})
    reset, wait = {**RESET, "at": 1_800_000_000.9}, {**STAYED, "at": 1_800_000_600.2, "advice": "look at it"}
    end = outcome("a", made, {"a": reset}, {"a": wait}, 1)
    assert (end["kind"], end["advice"]) == ("wrong_image", "look at it")
    assert end["reset_at"] == "2027-01-15T08:00:00+00:00"
    assert end["ended_at"] == "2027-01-15T08:10:00+00:00"
    assert outcome("a", made, {}, {"a": wait}, 1)["reset_at"] == "2027-01-15T08:00:00+00:00", "reset by an earlier run"
    assert outcome("a", made, {"a": reset}, {}, 1)["kind"] == "not_seen_again"
    assert outcome("a", made, {}, {}, 0)["reset_at"] is None


LOST = {**STAYED, "image": None, "kind": "refused", "reason": "was on the image, but not 60 seconds after its wave"}


@pytest.mark.parametrize(
    "reset",
    [{**RESET, "sent": False, "already": True, "image": "P0S3-06-3-00"}, {**RESET, "sent": False, "kind": "closed", "reason": "x"}, RESET],
)
def test_a_phone_lost_in_the_soak_has_failed_however_it_came_back(reset):
    made = plan(TARGET, {"a": seen("P0S3-08-2-00")})
    end = outcome("a", made, {"a": reset}, {"a": {**LOST, "was_back": True}}, 1)
    assert (end["status"], end["kind"], end["reason"]) == ("failed", "refused", LOST["reason"])


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
    assert made["phones"]["a"]["kind"] == "wrong_image"
    assert reported(stop_reason="too many")["phones"]["b"]["reason"] == "the rollout stopped at wave 1: too many"


def test_the_report_of_a_paused_rollout():
    made = reported(waits={"a": BACK}, stopped=False, paused_after=1, stop_reason="paused after wave 1")
    assert statuses(made) == {"a": "done", "b": "not_reached", "c": "already", "d": "not_reached"}
    assert made["rollout"]["paused_after"] == 1
    assert "wave 1" in made["phones"]["b"]["reason"]


def test_a_report_shows_so_many_files_only():
    files = [{"tftp_host": "t", "path": f"SIP{number}.cnf", "diff": ""} for number in range(rollout.MOST_FILES + 3)]
    made = reported(files=files)
    assert len(made["files"]) == rollout.MOST_FILES
    assert made["files_left_out"] == 3
    assert reported()["files_left_out"] == 0


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
