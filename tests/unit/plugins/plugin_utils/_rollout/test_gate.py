# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a rollout stops, and what it says then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import Earlier, decide, earlier, too_many
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE, FAILED
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, plan, seen

REASON = "came back on P0S3-08-2-00"
FOUR = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcd"}, waves=["100%"])


def ended(made, done, failed):
    """Outcomes: of these phones, one letter each."""
    outcomes = {name: made.phones[name].outcome(DONE, image_after="P0S3-06-3-00") for name in done}
    return {**outcomes, **{name: made.phones[name].outcome(FAILED, kind="wrong_image", reason=REASON) for name in failed}}


@pytest.mark.parametrize(
    ("bad", "allowed", "stop"),
    [("", 0, False), ("a", 0, True), ("a", 25, False), ("a", 24.9, True), ("ab", 49, True), ("abcd", 100, False)],
)
def test_the_gate(bad, allowed, stop):
    decision = decide(1, FOUR, ended(FOUR, set("abcd") - set(bad), bad), Losses(allowed))
    assert bool(decision.why) is stop
    assert set(decision.failed) == set(bad)
    assert decision.done == 4 - len(bad)


def test_the_gate_counts_earlier_waves():
    made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcdef"}, waves=[2])
    outcomes = ended(made, "bd", "ac")
    assert earlier(1, outcomes) == Earlier(ended=0, failed=0)
    assert earlier(3, outcomes) == Earlier(ended=4, failed=2)
    assert not decide(2, made, outcomes, Losses(100, 2)).why
    decision = decide(2, made, outcomes, Losses(100, 1))
    assert decision.why == "2 failed in all, 1 may (max_failed)"
    assert decision.message.startswith(
        "rollout stopped at wave 2 of 3: 1 of 2 phones on P0S3-06-3-00, 1 failed (50 %, 100 % may fail). c: "
    )
    assert "later waves were not touched" in decision.message.lower()


def test_too_few_have_ended_to_judge_except_at_the_end():
    made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcd"}, waves=[2])
    first = ended(made, "b", "a")
    assert not decide(1, made, first, Losses(0, min_sample=3)).why
    assert decide(1, made, first, Losses(0, min_sample=2)).why
    assert decide(2, made, {**first, **ended(made, "c", "d")}, Losses(0, min_sample=99)).why


def test_the_gate_of_a_wave_that_stopped_early():
    decision = decide(1, FOUR, ended(FOUR, "", "a"), Losses(0), "that is enough")
    assert decision.why == "that is enough"
    assert decision.done == 0
    assert set(decision.failed) == {"a"}
    assert "3 phones of the wave were not reset" in decision.message
    assert "later waves" not in decision.message


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


def test_unreachable_phones_count_in_the_gate():
    made = plan(TARGET, {"a": UNSEEN, "b": seen("P0S3-08-2-00")}, waves=["100%"])
    unseen = made.phones["a"].outcome(FAILED, kind="refused", reason="refuses telnet")
    outcomes = {"a": unseen, **ended(made, "b", "")}
    decision = decide(1, made, outcomes, Losses(40))
    assert decision.why
    assert decision.failed == {"a": "refuses telnet"}
    assert not decide(1, made, outcomes, Losses(100, stop_on=("refused",))).why, "it was not touched"


def test_phones_of_several_sites_are_named_with_their_site():
    made = replace(FOUR, phones={name: replace(phone, tftp_host=f"tftp-{name}") for name, phone in FOUR.phones.items()})
    assert f"a (tftp-a): {REASON}" in decide(1, made, ended(made, "bcd", "a"), Losses(0)).message
