# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of a run hand on to each other, through files that a killed process leaves as they are."""

from __future__ import annotations

import os
import pickle
import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import (
    Handover,
    Look,
    PointResult,
    Run,
    SiteEnd,
    SitePlan,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE, FAILED, FileChange, Outcome
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, begun, plan, seen

OBSERVED = {"a": seen("P0S3-08-2-00"), "b": UNSEEN}
BACK = Outcome(DONE, image_before="P0S3-08-2-00", image_after="P0S3-06-3-00", seconds=80.5, wave=1)
LOST = Outcome(FAILED, kind="never_returned", reason="did not come back: \u201c\u202e\u201d", wave=1)


@pytest.mark.parametrize(
    "part",
    [
        begun({"pbx": "ab", "branch": "c"}, stop_on=["bricked"], pause_after="1", window="22:00-05:00"),
        Look(
            OBSERVED,
            {"000E84C060A6": "P0S3-08-2-00"},
            [{"run": "spring"}],
            {"P0S3-06-3-00": ["P0S3-06-3-00.sbn"]},
            "TFTP host pbx cannot be reached",
        ),
        SitePlan(plan(TARGET, OBSERVED, waves=[1]), {"run": "spring"}, "P003-08-2-00", "nothing to undo"),
        PointResult([FileChange("pbx", "SIPDefault.cnf", "-a\n+b\n")], "no room"),
        SiteEnd(
            2,
            "too many",
            "rollout stopped",
            elsewhere=True,
            files=[FileChange("pbx", "a", "")],
            given_back={"a": BACK, "b": LOST},
            note="look",
        ),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_part_is_read_as_it_was_written(handover, part):
    site = "" if isinstance(part, Run) else "pbx"
    assert handover.read(type(part), site) is None
    handover.write(part, site)
    assert Handover("run").read(type(part), site) == part
    assert handover.read(type(part), "branch") is None
    assert Handover("another run").read(type(part), site) is None


def test_the_last_one_counts(handover):
    handover.write(SiteEnd(1), "pbx")
    handover.write(SiteEnd(2), "pbx")
    assert handover.read(SiteEnd, "pbx") == SiteEnd(2)


def test_the_parts_of_the_sites_that_have_written_one(handover):
    assert handover.read_all(PointResult, ["pbx", "branch"]) == {}
    handover.write(PointResult(problem="no room"), "branch")
    handover.write(SiteEnd(), "pbx")
    assert handover.read_all(PointResult, ["pbx", "branch"]) == {"branch": PointResult(problem="no room")}


@pytest.mark.parametrize("site", ["../../etc", "a/b", "größe", "x" * 300, "[2001:db8::1]"])
def test_a_site_may_have_any_name(handover, site):
    handover.write(PointResult(problem=site), site)
    handover.outcomes(site).add("a", BACK)
    assert handover.read(PointResult, site) == PointResult(problem=site)
    assert handover.outcomes(site).read() == {"a": BACK}
    assert {path.parent for path in handover.folder.iterdir()} == {handover.folder}


def test_a_run_that_is_over_leaves_nothing(handover):
    handover.remove()
    handover.write(SiteEnd(), "pbx")
    handover.outcomes("pbx").add("a", BACK)
    handover.remove()
    assert not handover.folder.exists()
    assert handover.read(SiteEnd, "pbx") is None
    assert handover.outcomes("pbx").read() == {}


def test_the_last_outcome_of_a_phone_counts(handover):
    handover.write(Look(), "pbx")
    log = handover.outcomes("pbx")
    assert log.read() == {}
    for name, outcome in (("a", LOST), ("b", LOST), ("a", BACK)):
        log.add(name, outcome)
    assert handover.outcomes("pbx").read() == {"a": BACK, "b": LOST}
    assert handover.outcomes("branch").read() == {}
    handover.outcomes("pbx").add("b", BACK)
    assert log.read() == {"a": BACK, "b": BACK}


def test_an_outcome_that_is_half_written_costs_itself_only(handover):
    handover.write(Look(), "pbx")
    (look,) = handover.folder.iterdir()
    log = handover.outcomes("pbx")
    log.add("a", BACK)
    (path,) = set(handover.folder.iterdir()) - {look}
    first = path.read_bytes()
    log.add("b", LOST)
    whole = path.read_bytes()
    assert handover.outcomes("pbx").read() == {"a": BACK, "b": LOST}
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert handover.outcomes("pbx").read() == ({} if length < len(first) else {"a": BACK})


def test_what_a_killed_process_has_added_is_there(handover):
    handover.write(Look(), "pbx")
    child = os.fork()
    if child == 0:
        handover.outcomes("pbx").add("a", LOST)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert handover.outcomes("pbx").read() == {"a": LOST}


def test_a_part_that_cannot_be_written_says_so(handover):
    handover.folder.parent.write_text("a file")
    with pytest.raises(OSError):
        handover.write(Look(), "pbx")
    with pytest.raises(OSError):
        handover.outcomes("pbx").add("a", BACK)


def test_a_part_of_thousands_of_phones_is_a_matter_of_milliseconds(handover):
    observed = {f"SEP{number:012X}": seen("P0S3-08-2-00") for number in range(5000)}
    look = Look(observed)
    began = time.process_time()
    handover.write(look, "pbx")
    assert handover.read(Look, "pbx") == look
    assert time.process_time() - began < 2
    assert len(pickle.dumps(Look(observed))) < 1_000_000
