# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people set for a rollout, in all forms in which they may type it."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import BRICKED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import (
    Losses,
    RolloutError,
    at_once,
    losses,
    pauses,
    wave_sizes,
)


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
        (("many", "", 1, []), "max_fail"),
        ((-1, "", 1, []), "max_fail"),
        ((100.1, "", 1, []), "max_fail"),
        (("nan", "", 1, []), "max_fail"),
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
