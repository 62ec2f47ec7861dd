# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be known beforehand of a plan, for people."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import outlook
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import RefusedPlan
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, plan, seen

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
GUIDE = "sure: Unified CME administrator guide"


def mac(number):
    """Of the phone with that number in a plan."""
    return f"000E84C0{number:04X}"


def group(*numbers, why="Who knows.", ends=(("runs", NEW), ("stays", OLD)), arrives=True):
    ends = [{"end": end, "image": image, "rules": []} for end, image in ends]
    return {"macs": [mac(number) for number in numbers], "sure": len(ends) == 1, "ends": ends, "arrives": arrives, "why": why}


@pytest.fixture
def made():
    return plan(TARGET, {"a": seen(OLD), "b": seen(OLD), "c": seen(NEW), "d": UNSEEN})


def test_risks_are_told_once_for_all_phones_that_have_them(made):
    boots = [
        group(0, 1, 2, 77),
        group(1, why="Nobody knows.", ends=[("runs", NEW), ("loops", None), ("stuck", None), ("runs", "P0S3-07-4-00")]),
    ]
    assert outlook.outline(made, {"boots": boots}) == [
        ("risk", "3 phones (a, b, c) may not get to P0S3-06-3-00, but keep what runs now: Who knows."),
        (
            "risk",
            "1 phone (b) may not get to P0S3-06-3-00, but restart again and again or hang in the loader without an application or "
            "go to P0S3-07-4-00: Nobody knows.",
        ),
    ]
    assert outlook.outline(made, {}) == []
    assert outlook.hopeless(made, boots) == {}


def test_phones_that_would_not_get_there(made):
    boots = [group(0, 2, 3, ends=[("stays", OLD), ("loops", None)], arrives=False), group(1)]
    assert outlook.hopeless(made, boots) == {"a": "would not get there: Who knows."}, "one that was not observed is not reset anyway"


@pytest.mark.parametrize(
    ("missing", "returns", "why", "text"),
    [
        ([], "yes", "", "open"),
        (["P0S3-08-2-00.sb2"], "no", "The files are not there.", "not open: P0S3-08-2-00.sb2 missing in the TFTP root"),
        ([], "no", "Signed.", "not open: Signed."),
        ([], "not known", "Who knows.", "not known: Who knows."),
    ],
)
def test_the_way_back(made, missing, returns, why, text):
    back = {"image": OLD, "whole": not missing, "missing": missing, "phones": 2, "returns": returns, "why": why}
    assert outlook.outline(made, {"way_back": [back], "advice": ["Some neighbours."]}) == [
        ("note", "Some neighbours."),
        ("way back", f"to {OLD} (2 phones): {text}"),
    ]


def test_the_way_back_of_images_of_which_the_same_is_known_is_one_line(made):
    back = [{"image": image, "missing": [], "phones": 1, "returns": "yes", "why": ""} for image in (OLD, NEW)]
    assert outlook.outline(made, {"way_back": back}) == [("way back", f"to {OLD} (1 phone), {NEW} (1 phone): open")]


def test_the_steps_of_phones_that_must_not_leave_one_out():
    observed = {"a": seen("P0S30203"), "b": seen("P0S3-05-2-00"), "c": seen("P0S30203"), "d": seen("P0S3-06-3-00")}
    target = parse("P0S3-8-12-00")
    with pytest.raises(RefusedPlan, match=r"by way of an image of 6\.x, says the Unified CME administrator guide.*force=true") as refused:
        plan(target, observed)
    in_root = {"P0S3-04-4-00": [], "P0S3-06-3-00": [], "P0S3-06-4-00": ["P0S3-06-4-00.sbn"], "P0S3-8-12-00": []}
    lines = outlook.steps(refused.value.plan, in_root)
    command = "  ansible-playbook voip.cisco79xx.upgrade -i … -e image="
    assert lines[0].startswith(f"steps to P0S3-8-12-00 for 2 phones (a, c), {GUIDE}")
    assert lines[1:5] == [
        f"{command}P0S3-04-4-00 --limit a,c -e scope=wave  # in the TFTP root",
        f"{command}P0S3-05-3-00 --limit a,c -e scope=wave  # missing in the TFTP root: P0S3-05-3-00.bin, P0S3-05-3-00.sbn",
        f"{command}P0S3-06-3-00 --limit a,c -e scope=wave  # in the TFTP root",
        f"{command}P0S3-8-12-00 --limit a,c -e scope=wave  # in the TFTP root",
    ]
    assert lines[5].startswith("steps to P0S3-8-12-00 for 1 phone (b)")
    lacking = outlook.steps(refused.value.plan, {})
    assert lacking[-2].endswith(
        "image=P0S3-06-0-00 --limit b -e scope=wave  # missing in the TFTP root: P0S3-06-0-00.bin, P0S3-06-0-00.sbn "
        "(any image of 6.x will do)"
    )
    assert plan(target, observed, force=True).waves, "who knows better may leave them out"


def test_all_phones_need_the_steps():
    with pytest.raises(RefusedPlan) as refused:
        plan(parse("P0S3-06-3-00"), {"a": seen("P0S3-04-4-00")})
    assert not [line for line in outlook.steps(refused.value.plan, {}) if "--limit" in line]
