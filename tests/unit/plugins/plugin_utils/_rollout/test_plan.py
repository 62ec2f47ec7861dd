# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who moves, in which waves, and who must not."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan_text
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedWave
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, plan, seen


def test_a_phone_on_the_target_is_in_no_wave():
    made = plan(TARGET, {"a": seen("P0S3-06-3-00"), "b": seen("P0S3-08-2-00")}, direction=rollout.DOWNGRADE)
    assert made.phones["a"].status == ALREADY
    assert made.waves == [PlannedWave(1, ["b"], ["b"])]


def test_a_phone_that_cannot_be_observed_has_its_wave_but_is_not_reset():
    made = plan(TARGET, {"a": UNSEEN, "b": seen("P0S3-08-2-00")}, waves=["100%"])
    assert made.waves == [PlannedWave(1, ["a", "b"], ["b"])]
    assert not made.phones["a"].within_reach


def test_all_phones_that_cannot_move_are_named_at_once():
    observed = {"a": seen("P0S3-08-2-00"), "b": seen("P0S3-07-4-00"), "c": seen("P0S30202"), "d": seen("gibberish")}
    with pytest.raises(RolloutError) as caught:
        plan(parse("P0S30203"), observed)
    for name in "abd":
        assert f"{name}:" in str(caught.value) or f"{name}," in str(caught.value)
    assert "c:" not in str(caught.value)
    made = plan(parse("P0S30203"), observed, skip_blocked=True)
    assert [wave.phones for wave in made.waves] == [["c"]]
    assert {name for name, phone in made.phones.items() if phone.status == BLOCKED} == {"a", "b", "d"}


@pytest.mark.parametrize(
    ("direction", "current", "word"),
    [("downgrade", "P0S3-05-2-00", "older"), ("upgrade", "P0S3-8-12-00", "newer"), ("any", "P0S3-8-12-00", "")],
)
def test_the_direction_is_kept(direction, current, word):
    observed = {"a": seen(current)}
    if word:
        with pytest.raises(RolloutError, match=f"{word} than"):
            plan(TARGET, observed, direction=direction)
        assert plan(TARGET, observed, direction=direction, force=True).waves
    else:
        assert plan(TARGET, observed, direction=direction).waves


def test_force_takes_no_unsigned_image_to_a_signed_phone():
    with pytest.raises(RolloutError, match="signed"):
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00")}, force=True)
    assert plan(parse("P0S3-8-12-00"), {"a": seen("P0S3-05-2-00")}, force=True).waves


def test_phones_in_flight_go_first_even_if_they_do_not_answer():
    observed = {"a": seen("P0S3-08-2-00"), "b": UNSEEN, "c": seen("P0S3-06-3-00"), "d": UNSEEN}
    flying = {name: EarlierReset(9.0, before="P0S3-08-2-00") for name in "bc"}
    made = plan(TARGET, observed, waves=[1, "100%"], in_flight=flying)
    assert made.waves == [PlannedWave(1, ["b"], ["b"]), PlannedWave(2, ["a", "d"], ["a"])]
    assert made.phones["b"].image_before == "P0S3-08-2-00"
    assert made.phones["c"].status == ALREADY
    assert not made.phones["c"].in_flight
    assert made.phones["b"].within_reach
    assert ("in flight", "b: reset by an earlier run, so waited for and not reset again") in plan_text.phones(made)


def test_nobody_answers_but_somebody_is_expected_back():
    assert plan(TARGET, {"a": UNSEEN}, in_flight={"a": EarlierReset(9.0)}).waves == [PlannedWave(1, ["a"], ["a"])]
    with pytest.raises(RolloutError, match="none of the phones could be observed"):
        plan(TARGET, {"a": UNSEEN})


def gone_on_with(waves, failed=""):
    return Rollout("first", TARGET.name, {}, waves, failed=frozenset(failed))


def test_a_rollout_goes_on_with_the_waves_that_it_began_with():
    observed = {name: seen("P0S3-06-3-00" if name in "abe" else "P0S3-08-2-00") for name in "abcdefgh"}
    made = plan(TARGET, observed, waves=[1], goes_on=gone_on_with(["ab", "cde", "fg"]))
    assert [(wave.number, wave.phones, wave.total) for wave in made.waves] == [(2, ["c", "d"], 3), (3, ["f", "g"], 2), (4, ["h"], 1)]
    assert made.moved == 2, "those of the first wave count too"
    assert made.phones["h"].wave == 4, "who had nothing to do in the beginning comes last"


def test_who_failed_in_an_earlier_wave_goes_first_and_alone():
    observed = {name: seen("P0S3-08-2-00" if name in "bdef" else "P0S3-06-3-00") for name in "abcdef"}
    made = plan(TARGET, observed, goes_on=gone_on_with(["ab", "cde", "f"], failed="be"))
    assert [(wave.number, wave.phones, wave.total) for wave in made.waves] == [(1, ["b"], 2), (2, ["e", "d"], 3), (3, ["f"], 1)]


def test_who_is_in_flight_stays_in_its_wave():
    made = plan(TARGET, {"a": seen("P0S3-08-2-00"), "b": UNSEEN}, goes_on=gone_on_with(["a", "b"]), in_flight={"b": EarlierReset(9.0)})
    assert made.waves == [PlannedWave(1, ["a"], ["a"]), PlannedWave(2, ["b"], ["b"])]


def test_a_phone_under_two_names_is_refused():
    twice = dict.fromkeys("ab", seen("P0S3-08-2-00"))
    with pytest.raises(RolloutError, match="a and b are one phone, MAC 000E84C060A6"):
        rollout.make_plan(dict.fromkeys("ab", TARGET), twice, label=TARGET.name)


def test_nobody_left_is_nothing_to_do():
    with pytest.raises(RolloutError, match="signed"):
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00")}, skip_blocked=True)
