# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sites of a run see of each other."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import meeting
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import WaveTotal
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.meeting import Meeting, Tally
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, begun, plan, seen

SITES = {"pbx": "abcd", "branch": "efg"}


@pytest.fixture(autouse=True)
def nothing_is_old(monkeypatch):
    monkeypatch.setattr(meeting, "LOOK_EVERY", 0.0)


def planned(handover, site, names, waves=(1, 2), there="", **more):
    """`there`: phones that are on the image already."""
    observed = {name: seen(TARGET.name if name in there else "P0S3-08-2-00") for name in names}
    handover.write(SitePlan(plan(TARGET, observed, waves=list(waves), **more)), site)


def met(handover, where=None, **options):
    """The view of each site. Their waves are of 1 phone, of 2, and of the rest."""
    where = where or SITES
    for site, names in where.items():
        planned(handover, site, names)
    run = begun(where, **options)
    return [Meeting(handover, run, site) for site in where]


@contextmanager
def process_at(handover, site):
    """A site whose waves run in a process of its own: yields its number. It is killed, if it still is there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Meeting(handover, begun(SITES), site).tell(1, Tally(ended=1))
            os.write(writer, b"!")
            time.sleep(60)
        finally:
            os._exit(1)
    try:
        assert os.read(reader, 1) == b"!"
        yield child
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)


def test_a_site_alone_waits_for_nobody(handover):
    (alone,) = met(handover, {"pbx": "abc"})
    assert alone.not_there_yet(1) == alone.not_there_yet(2) == alone.not_there_yet(9) == []
    assert alone.trouble() is None
    assert alone.last == 2
    assert alone.sum(1) == WaveTotal(1, {}, 0)
    alone.tell(1, Tally({"a": "wrong_image"}, 1, over=True))
    assert alone.sum(1) == WaveTotal(1, {"a": "wrong_image"}, 1)
    assert alone.sum(2) == WaveTotal(2, {}, 0, failed_before=1, ended_before=1)


def test_a_wave_begins_nowhere_before_the_one_before_it_is_over_everywhere(handover):
    pbx, branch = met(handover)
    assert pbx.not_there_yet(1) == branch.not_there_yet(1) == []
    pbx.tell(1, Tally(ended=1, over=True))
    assert pbx.not_there_yet(2) == ["branch"]
    assert branch.not_there_yet(2) == []
    branch.tell(1, Tally(ended=1))
    assert pbx.not_there_yet(2) == ["branch"], "all have ended, but it may soak still"
    branch.tell(1, Tally(ended=1, over=True))
    assert pbx.not_there_yet(2) == []
    assert pbx.not_there_yet(3) == ["branch"]


def test_three_sites_wait_for_the_slowest_of_them(handover):
    first, second, third = met(handover, {"pbx": "abc", "branch": "def", "depot": "ghi"})
    assert first.not_there_yet(2) == ["branch", "depot"]
    third.tell(1, Tally(over=True))
    assert first.not_there_yet(2) == ["branch"]
    second.tell(1, Tally(over=True))
    assert first.not_there_yet(2) == []
    assert third.not_there_yet(2) == ["pbx"]


def test_a_site_that_has_told_nothing_yet_is_waited_for(handover):
    for site, names in SITES.items():
        planned(handover, site, names)
    pbx = Meeting(handover, begun(SITES), "pbx")
    assert pbx.not_there_yet(1) == []
    assert pbx.not_there_yet(2) == ["branch"]
    assert pbx.trouble() is None
    assert pbx.process("branch") == 0
    branch = Meeting(handover, begun(SITES), "branch")
    assert pbx.process("branch") == os.getpid()
    branch.tell(1, Tally(over=True))
    assert pbx.not_there_yet(2) == []


def test_a_site_with_fewer_waves_is_not_waited_for_beyond_them(handover):
    planned(handover, "pbx", "abcd", waves=[1])
    planned(handover, "branch", "e", waves=[1])
    handover.write(SitePlan(plan(TARGET, {"h": seen("P0S3-06-3-00")})), "depot")
    pbx, branch, depot = (Meeting(handover, begun({**SITES, "depot": "h"}), site) for site in ("pbx", "branch", "depot"))
    assert pbx.last == branch.last == depot.last == 4
    branch.tell(1, Tally(over=True))
    for number in range(1, 5):
        assert pbx.not_there_yet(number) == []
        pbx.tell(number, Tally(over=True))
    assert depot.not_there_yet(5) == []


def test_a_site_that_goes_on_after_a_pause_has_its_earlier_waves_behind_it(handover):
    planned(handover, "pbx", "xyabcd", goes_on=Rollout("first", TARGET.name, {}, ["x", "y", "ab", "cd"]), there="xya")
    planned(handover, "branch", "efg")
    pbx, branch = (Meeting(handover, begun(SITES), site) for site in SITES)
    assert branch.not_there_yet(3) == []
    assert branch.not_there_yet(4) == ["pbx"]
    assert pbx.not_there_yet(3) == ["branch"]
    pbx.tell(3, Tally(ended=2))
    assert pbx.sum(3) == WaveTotal(2, {}, 2, 0, 2), "who was moved before counts: one of this wave, and all of those before it"


def test_a_wave_begins_when_the_files_of_all_sites_that_have_it_are_right(handover):
    planned(handover, "pbx", "abcd", waves=[1])
    planned(handover, "branch", "ef", waves=[1])
    pbx, branch = (Meeting(handover, begun(SITES), site) for site in SITES)
    assert set(pbx.not_ready(1)) == {"pbx", "branch"}
    pbx.tell_ready(1)
    assert pbx.not_ready(1) == branch.not_ready(1) == ["branch"]
    branch.tell_ready(1)
    assert pbx.not_ready(1) == branch.not_ready(1) == []
    branch.tell(1, Tally(over=True))
    assert pbx.not_ready(1) == [], "it is still"
    pbx.tell_ready(3)
    assert pbx.not_ready(3) == [], "the other has no such wave"
    assert pbx.not_ready(2) == ["branch"]


def test_apart_nobody_waits_for_the_files_of_another(handover):
    pbx, _branch = met(handover, rollout_sites="apart")
    pbx.tell_ready(1)
    assert pbx.not_ready(1) == []


def test_what_fails_counts_over_all_sites(handover):
    pbx, branch = met(handover)
    pbx.tell(1, Tally({"a": "wrong_image"}, 1))
    branch.tell(1, Tally({}, 1, over=True))
    both = WaveTotal(2, {"a": "wrong_image"}, 2)
    assert pbx.sum(1) == branch.sum(1) == both
    pbx.tell(1, Tally({"a": "wrong_image"}, 1, over=True))
    branch.tell(2, Tally({"f": "in_call", "g": ""}, 2))
    assert pbx.sum(2) == branch.sum(2) == WaveTotal(4, {"f": "in_call", "g": ""}, 2, failed_before=1, ended_before=2)
    pbx.tell(2, Tally({"b": "in_call"}, 1))
    assert branch.sum(2) == WaveTotal(4, {"f": "in_call", "g": "", "b": "in_call"}, 3, failed_before=1, ended_before=2)
    assert pbx.sum(3) == WaveTotal(1, {}, 0, failed_before=4, ended_before=5)


def test_what_a_site_tells_replaces_what_it_told_of_that_wave(handover):
    pbx, branch = met(handover)
    for ended in range(3):
        pbx.tell(1, Tally({"a": "in_call"}, ended))
    assert branch.sum(1) == WaveTotal(2, {"a": "in_call"}, 2)


def test_apart_nobody_sees_anybody(handover):
    pbx, branch = met(handover, rollout_sites="apart")
    branch.tell(1, Tally({"e": "wrong_image"}, 1))
    assert pbx.not_there_yet(2) == []
    assert pbx.sum(1) == WaveTotal(1, {}, 0)
    handover.write(SiteEnd(1, stopped="too many"), "branch")
    assert pbx.trouble() is None
    assert pbx.last == 3


@pytest.mark.parametrize(
    "end",
    [
        SiteEnd(1, stopped="too many"),
        SiteEnd(1, paused_after=1, why="look"),
        SiteEnd(0, paused_after=0, why="closed"),
        SiteEnd(1, error="no room"),
    ],
    ids=["stop", "pause", "pause before wave 1", "error"],
)
def test_what_ends_the_rollout_at_one_site_ends_it_at_all(handover, end):
    pbx, branch = met(handover)
    assert pbx.trouble() is None
    handover.write(end, "branch")
    assert pbx.trouble() == ("branch", end)
    assert branch.trouble() is None, "its own end is its own matter"


def test_a_site_that_has_ended_well_is_no_trouble_though_its_process_is_gone(handover):
    pbx, _branch = met(handover)
    with process_at(handover, "branch"):
        assert pbx.trouble() is None
        handover.write(SiteEnd(3), "branch")
    assert pbx.trouble() is None


@pytest.mark.parametrize("reaped", [True, False])
def test_a_site_whose_process_is_dead_is_noticed(handover, reaped):
    pbx, _branch = met(handover)
    with process_at(handover, "branch") as process:
        assert pbx.process("branch") == process
        assert pbx.trouble() is None
        assert pbx.sum(1).ended == 1
        if not reaped:
            os.kill(process, 9)
            deadline = time.monotonic() + 10
            while pbx.trouble() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            assert pbx.trouble() == ("branch", SiteEnd(error="its process has died"))
    assert pbx.trouble() == ("branch", SiteEnd(error="its process has died"))


def test_others_are_read_now_and_then_only(handover, monkeypatch):
    monkeypatch.setattr(meeting, "LOOK_EVERY", 60.0)
    pbx, branch = met(handover)
    assert pbx.sum(1).ended == 0
    branch.tell(1, Tally(ended=1))
    assert pbx.sum(1).ended == 0
    pbx.tell(1, Tally(ended=1))
    assert pbx.sum(1).ended == 1, "what a site told itself is never old"
