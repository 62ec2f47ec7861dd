# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a rollout stops, and what it says then."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import UNSEEN as NOT_OBSERVED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import WaveTotal, message, why_stop
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE, FAILED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.steps import Site
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, begun, plan, seen

REASON = "came back on P0S3-08-2-00"
FOUR = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcd"}, waves=["100%"])


def ended(made, done, failed):
    """Outcomes: of these phones, one letter each."""
    outcomes = {name: made.phones[name].outcome(DONE, image_after="P0S3-06-3-00") for name in done}
    return {**outcomes, **{name: made.phones[name].outcome(FAILED, kind="wrong_image", reason=REASON) for name in failed}}


def unasked(*_arguments):
    raise AssertionError("nobody is asked")


def sum_of(number, made, outcomes):
    """A wave of one site, from the outcomes of its phones."""
    ended = [name for name in made.waves[number - 1].phones if name in outcomes]
    kinds = {name: outcomes[name].kind if made.phones[name].within_reach else NOT_OBSERVED for name in ended}
    before = [outcome for outcome in outcomes.values() if outcome.wave < number]
    return WaveTotal(
        total=len(made.waves[number - 1].phones),
        failed={name: kind for name, kind in kinds.items() if outcomes[name].status == FAILED},
        ended=len(ended),
        failed_before=sum(outcome.status == FAILED for outcome in before),
        ended_before=len(before),
    )


def decide(number, made, outcomes, limits, stopped=""):
    """Why the rollout stops after a wave, or an empty text, and what people are told. `stopped`: why it did within the wave."""
    why = stopped or why_stop(limits, sum_of(number, made, outcomes), last=number == len(made.waves))
    return why, message(made.waves[number - 1], len(made.waves), made.image, outcomes)


@pytest.mark.parametrize(
    ("bad", "allowed", "stop"),
    [("", 0, False), ("a", 0, True), ("a", 25, False), ("a", 24.9, True), ("ab", 49, True), ("abcd", 100, False)],
)
def test_the_gate(bad, allowed, stop):
    why, text = decide(1, FOUR, ended(FOUR, set("abcd") - set(bad), bad), Losses(allowed))
    assert bool(why) is stop
    failed = f", {len(bad)} failed" if bad else ""
    assert text == f"wave 1 of 1 is over: {4 - len(bad)} of 4 phones on P0S3-06-3-00{failed}"


def test_the_gate_counts_earlier_waves():
    made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcdef"}, waves=[2])
    outcomes = ended(made, "bd", "ac")
    assert not decide(2, made, outcomes, Losses(100, 2))[0]
    why, text = decide(2, made, outcomes, Losses(100, 1))
    assert why == "2 failed in all, 1 may (max_failed)"
    assert text == "wave 2 of 3 is over: 1 of 2 phones on P0S3-06-3-00, 1 failed"


def test_too_few_have_ended_to_judge_except_at_the_end():
    made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in "abcd"}, waves=[2])
    first = ended(made, "b", "a")
    assert not decide(1, made, first, Losses(0, min_sample=3))[0]
    assert decide(1, made, first, Losses(0, min_sample=2))[0]
    assert decide(2, made, {**first, **ended(made, "c", "d")}, Losses(0, min_sample=99))[0]


def test_the_gate_of_a_wave_that_stopped_early():
    why, text = decide(1, FOUR, ended(FOUR, "", "a"), Losses(0), "that is enough")
    assert why == "that is enough"
    assert text == "wave 1 of 1 is over: 0 of 4 phones on P0S3-06-3-00, 1 failed, 3 not reset"


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
@pytest.mark.parametrize("earlier", [0, 1])
def test_when_it_is_too_many(limits, failed, total, before, seen, why, earlier):
    """`before`: phones that failed in earlier waves; `seen`: phones that have ended, of which `earlier` did in earlier waves."""
    text = why_stop(limits, WaveTotal(total, failed, seen - earlier, before, earlier))
    assert text.startswith(why) if why else text == ""


def test_unreachable_phones_count_in_the_gate():
    made = plan(TARGET, {"a": UNSEEN, "b": seen("P0S3-08-2-00")}, waves=["100%"])
    unseen = made.phones["a"].outcome(FAILED, kind="refused", reason="refuses telnet")
    outcomes = {"a": unseen, **ended(made, "b", "")}
    assert decide(1, made, outcomes, Losses(40))[0] == "1 of 2 failed (50 %, 40 % may fail)"
    assert not decide(1, made, outcomes, Losses(100, stop_on=("refused",)))[0], "it was not touched"


@pytest.mark.parametrize("several", [True, False])
def test_where_there_are_several_sites_their_names_stand_before_what_is_told(handover, several):
    lines: list[str] = []
    sites = {"tftp-a": "abcd", **({"tftp-b": "e"} if several else {})}
    _why, text = decide(1, FOUR, ended(FOUR, "bcd", "a"), Losses(0))
    Site("tftp-a", begun(sites), handover, TftpHost("tftp-a", {}, unasked, False), unasked, unasked, lines.append).tell(text)
    assert lines == [f"tftp-a: {text}" if several else text]
