# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import scope
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import RefusedPlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
A, B, C = "00000000000A", "00000000000B", "00000000000C"


def seen(mac, image=OLD):
    return Observation(reachable=True, image=image, mac=mac)


def unseen(mac=None):
    return Observation(reachable=False, mac=mac, kind="refused", reason="refuses telnet")


def apart(observed, would_move, held=(), waves=("100%",), skip_blocked=False, image=NEW, **more):
    made = rollout.make_plan(
        dict.fromkeys(observed, parse(image)), observed, label=image, held=held, waves=waves, skip_blocked=skip_blocked
    )
    return scope.with_scope(made, **{"host": "pbx", "scope": scope.ALL, "would_move": would_move, "accept_others": False, **more})


def test_all_phones_of_the_root_are_in_the_run():
    made = apart({"a": seen(A), "b": seen(B)}, {A: OLD, B: OLD})
    assert (made.hold, made.others, [wave.macs for wave in made.waves]) == ({}, {}, [[A, B]])


def test_others_stop_the_run_and_are_named():
    with pytest.raises(RefusedPlan, match=f"2 phones \\({B}, {C}\\) at pbx: not in the run") as caught:
        apart({"a": seen(A)}, {A: OLD, B: OLD, C: OLD})
    assert "scope=wave" in str(caught.value)
    assert caught.value.plan.phones


def test_others_that_are_accepted_move_and_are_shown():
    made = apart({"a": seen(A)}, {A: OLD, B: OLD}, accept_others=True)
    assert made.hold == {}
    assert any(B in text for _label, text in scope.outline(made))


def test_a_scope_of_waves_leaves_others_alone():
    made = apart({"a": seen(A)}, {A: OLD, B: OLD, C: ""}, scope=scope.WAVE, held_elsewhere=[C], outside=["b"])
    assert (made.hold, made.others) == ({}, {B: OLD})
    assert made.waves[0].macs == [A]
    assert made.default_stays == "in the inventory, but not in this run: 1 phone (b)"
    assert apart({"a": seen(A)}, {}, scope=scope.WAVE).default_stays == ""
    assert apart({"a": seen(A)}, {}, scope=scope.WAVE, outside=["b"], accept_others=True).default_stays == ""


def test_why_the_default_stays():
    assert scope.why_default_stays() == scope.why_default_stays(others={B: OLD}) == ""
    why = scope.why_default_stays(["b"], ["c", "d"], [A], {B: "", C: OLD})
    assert [part.partition(": ")[2] for part in why.split("; ")] == ["1 phone (b)", "2 phones (c, d)", f"1 phone ({A})", f"1 phone ({B})"]


def test_of_others():
    made = apart({"a": seen(A)}, {}, scope=scope.WAVE)
    assert scope.of_others(made, {A: OLD, B: OLD, C: OLD}, [C]) == ({B: OLD}, {C: OLD})
    assert scope.of_others(made, {B: "", C: ""}, [C]) == ({B: ""}, {})


def test_phones_that_could_not_be_asked_may_be_the_others():
    assert apart({"a": seen(A), "b": unseen()}, {A: OLD, B: OLD}).others == {B: OLD}
    assert apart({"a": seen(A), "b": unseen(B)}, {A: OLD, B: OLD}).others == {}
    with pytest.raises(RefusedPlan, match=B):
        apart({"a": seen(A), "b": unseen()}, {A: OLD, B: OLD, C: OLD})


def test_held_phones_are_pinned_to_what_they_run():
    made = apart({"a": seen(A), "b": seen(B, "P0S3-07-5-00")}, {A: OLD, B: OLD}, held=["b"])
    assert made.hold == {B: "P0S3-07-5-00"}
    assert [wave.phones for wave in made.waves] == [["a"]]


@pytest.mark.parametrize("state", [unseen(B), seen(None)])
def test_a_phone_to_hold_has_to_be_known(state):
    with pytest.raises(RefusedPlan, match="b is to be held"):
        apart({"a": seen(A), "b": state}, {}, held=["b"])


def test_skipped_phones_are_pinned_too():
    made = apart({"a": seen(A, "P0S30202"), "b": seen(B)}, {}, image="P0S30203", skip_blocked=True)
    assert made.hold == {B: OLD}


def test_phones_on_the_image_are_pinned_with_the_first_wave():
    made = apart({"a": seen(A), "b": seen(B), "c": seen(C, NEW)}, {}, scope=scope.WAVE, waves=[1])
    assert [wave.macs for wave in made.waves] == [[A, C], [B]]


def test_a_phone_without_a_mac_cannot_be_kept_apart():
    with pytest.raises(RefusedPlan, match="does not tell its MAC"):
        apart({"a": seen(None)}, {}, scope=scope.WAVE)


def test_what_the_files_name():
    named = {"default": OLD, "own": {B: NEW}}
    targets = scope.named_targets({"a": seen(A), "b": seen(B), "c": unseen()}, named)
    assert {name: image.name for name, image in targets.items()} == {"a": OLD, "b": NEW, "c": OLD}
    assert scope.named_targets({"c": seen(C)}, {"default": "", "own": {}}) == {}, "nothing that is known"


def test_phones_to_hold_that_are_not_in_the_run_are_pinned_to_what_their_files_name():
    made = apart({"a": seen(A)}, {A: OLD, B: OLD, C: ""}, held_elsewhere=[B, C])
    assert (made.hold, made.others) == ({B: OLD}, {})


def test_an_undo_pins_nobody():
    made = apart({"a": seen(A), "b": seen(B, "P0S3-07-5-00")}, {}, held=["b"], pinning=False)
    assert made.hold == {}
    assert apart({"a": seen(A), "b": unseen()}, {}, held=["b"], pinning=False).phones["b"].held
