# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The waves of a site, alone and beside other sites, each in a process of its own as with Ansible."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import site_waves, wave
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import Clock, Held
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.meeting import News
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Progress
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.site_waves import Interrupted, SiteWaves
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.steps import Site
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import ResetAnswer, Return
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, begun, plan, seen

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
BACK = Return(True, NEW, 80.0)
STAYED = Return(False, OLD, 600.0, "wrong_image", "came back on P0S3-08-2-00")
GONE = Return(False, None, 600.0, "never_returned", "did not come back", down=True)
WELL = SiteEnd(2, files=[])
NEVER = object()
"""Instead of a return: the phone is waited for without end."""
QUIET = {"would_move": {}, "changed_files": [], "named": {}, "phones": {}, "changed": False, "ledger": {}, "refused": ""}
"""What a TFTP host answers where nothing happens."""


@pytest.fixture
def sites(handover, tmp_path, monkeypatch):
    return Sites(handover, tmp_path, monkeypatch)


class Sites:
    """Sites whose phones are back at once, on the image, but for those in `returns`; `lines` is what people were told."""

    def __init__(self, handover, tmp_path, monkeypatch):
        self.handover = handover
        self.report_dir = tmp_path / "report"
        self.returns: dict[str, object] = {}
        self.answers: dict[str, dict[str, object]] = {}
        self.asked: list[tuple[str, bool]] = []
        self.noted: list[dict[str, object]] = []
        self.lines: list[str] = []
        monkeypatch.setattr(site_waves, "MEET_EVERY", 0.02)
        monkeypatch.setattr(wave, "TICK", 0.02)
        monkeypatch.setattr("ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.meeting.LOOK_EVERY", 0.0)
        monkeypatch.setattr(fleet, "reset_one", self._reset_one)
        monkeypatch.setattr(fleet, "until_back", self._until_back)

    async def _reset_one(self, phone, limits, unless, may_send):
        return ResetAnswer(sent=True, image=OLD) if await may_send(phone) else None

    async def _until_back(self, phone, *_more, cause, **_options):
        result = self.returns.get(phone.name, BACK)
        while result is NEVER:
            await asyncio.sleep(0.02)
            if cause(phone):
                return Return(False, None, 60.0, cause(phone).kind, cause(phone).reason)
        return result

    def begin(self, where, *, unseen="", check=False, **options):
        """A run with a plan at each site: waves of 1 phone, and of the rest, unless `waves` says otherwise."""
        run = begun(where, check=check, **{"waves": [1, "100%"], "report_dir": str(self.report_dir), **options})
        for site, names in where.items():
            observed = {name: UNSEEN if name in unseen else seen(OLD) for name in names}
            self.handover.write(SitePlan(plan(TARGET, observed, waves=run.rules.waves)), site)
        return run

    def waves(self, run, name):
        def execute(module, arguments, check):
            name = module.rpartition(".")[2]
            if name == "rollout_ledger":
                self.noted.append(arguments)
            else:
                self.asked.append((name, check))
            return self.answers.get(name, QUIET)

        if not run.check:
            self.handover.write(Held(Ledger(), Clock()), name)

        def phones(names):
            return [Phone(one, one, mac=f"000E84C1{ord(one):04X}") for one in names]

        host = TftpHost(name, {"cisco79xx_tftp_root": "/srv/tftp"}, execute, run.check)
        site = Site(name, run, self.handover, host, phones, lambda names: [], self.lines.append)
        return SiteWaves(site, Progress(self.lines.append, None, False))

    @contextmanager
    def elsewhere(self, run, name, **answers):
        """Another site, in a process of its own; yields its number. `answers`: of its TFTP host, by module."""
        child = os.fork()
        if child == 0:
            try:
                self.answers.update(answers)
                self.waves(run, name).go()
            finally:
                os._exit(0)
        try:
            deadline = time.monotonic() + 10
            while self.handover.read(News, name) is None and time.monotonic() < deadline:
                time.sleep(0.01)
            yield child
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def outcomes(self, name):
        """Name → status, or its kind if it failed."""
        return {one: outcome.kind or outcome.status for one, outcome in self.handover.outcomes(name).read().items()}


def test_all_waves_of_a_site(sites):
    waves = sites.waves(sites.begin({"pbx": "abc"}), "pbx")
    assert waves.go() == WELL
    assert sites.handover.read(SiteEnd, "pbx") == WELL
    assert sites.outcomes("pbx") == {"a": "done", "b": "done", "c": "done"}
    assert waves.changed
    assert [line for line in sites.lines if "phones" in line or "phone " in line] == [
        "wave 1 of 2 is over: 1 of 1 phone on P0S3-06-3-00",
        "wave 2 of 2 is over: 2 of 2 phones on P0S3-06-3-00",
    ]
    assert sites.asked == [("image_version", True)], "that nobody changed the files, before the second wave"


def test_a_dead_canary_stops_a_site(sites):
    sites.returns["a"] = STAYED
    end = sites.waves(sites.begin({"pbx": "abc"}), "pbx").go()
    assert (end.reached, end.elsewhere) == (1, False)
    assert end.stopped == "1 of 1 failed (100 %, 0 % may fail)"
    assert end.message in sites.lines
    assert sites.outcomes("pbx") == {"a": "wrong_image"}


def test_a_dry_run_restarts_nobody(sites):
    waves = sites.waves(sites.begin({"pbx": "abc"}, check=True), "pbx")
    assert waves.go() == replace(WELL, reached=0)
    assert (sites.outcomes("pbx"), waves.changed, sites.lines) == ({}, False, [])


def test_a_phone_that_could_not_be_observed_fails_when_its_wave_comes(sites):
    end = sites.waves(sites.begin({"pbx": "abc"}, unseen="b", max_fail_percentage=100, stop_on="refused"), "pbx").go()
    assert end == WELL, "it was not touched, so stop_on does not mean it"
    assert sites.outcomes("pbx") == {"a": "done", "b": "refused", "c": "done"}


def test_a_phone_that_could_not_be_observed_counts_at_the_end_of_its_wave(sites):
    end = sites.waves(sites.begin({"pbx": "abc"}, unseen="b"), "pbx").go()
    assert end.stopped == "1 of 2 failed (50 %, 0 % may fail)"
    assert sites.outcomes("pbx") == {"a": "done", "b": "refused", "c": "done"}, "alone it is no reason to leave the others of its wave"


def test_a_pause(sites):
    end = sites.waves(sites.begin({"pbx": "abc"}, pause_after=1), "pbx").go()
    assert (end.paused_after, end.reached, end.stopped) == (1, 1, "")
    assert end.why.startswith("1 of 2 waves to P0S3-06-3-00 are done; paused after wave 1, as asked (pause_after)")
    assert sites.outcomes("pbx") == {"a": "done"}


def test_files_that_somebody_else_changes_end_the_rollout(sites):
    sites.answers["image_version"] = {**QUIET, "changed_files": ["SIPDefault.cnf"]}
    end = sites.waves(sites.begin({"pbx": "abc"}), "pbx").go()
    assert end.error.startswith("somebody else changed SIPDefault.cnf at pbx during the rollout")
    assert sites.outcomes("pbx") == {"a": "done"}


STRANGER, NEIGHBOUR = "00112233AA01", "00112233AA02"
IN_THE_LOG = {
    STRANGER: {"mac": STRANGER, "verdict": "cannot_tell"},
    NEIGHBOUR: {"mac": NEIGHBOUR, "verdict": "not_ours"},
    "192.0.2.9": {"mac": None, "verdict": "cannot_tell"},
    "000E84C00000": {"mac": "000E84C00000", "verdict": "healthy"},
}


@pytest.mark.parametrize(
    ("log", "outside", "options", "pointed", "told"),
    [
        ({}, {}, {}, True, "SIPDefault.cnf names P0S3-06-3-00 as well"),
        (
            IN_THE_LOG,
            {},
            {},
            False,
            f"SIPDefault.cnf stays as it is: in the TFTP server's log, but not in the inventory: 1 phone ({STRANGER})",
        ),
        (IN_THE_LOG, {"pbx": ["x"]}, {"accept_others": True}, True, "SIPDefault.cnf names P0S3-06-3-00 as well"),
        (
            {},
            {"pbx": ["x"], "branch": ["y"]},
            {},
            False,
            "SIPDefault.cnf stays as it is: in the inventory, but not in this run: 1 phone (x)",
        ),
        ({}, {"branch": ["y"]}, {}, True, "SIPDefault.cnf names P0S3-06-3-00 as well"),
        (
            None,
            {},
            {},
            True,
            "only the inventory tells which phones there are, as the TFTP server's log cannot be read: TFTP host pbx: no log",
        ),
    ],
)
def test_the_default_follows_the_waves(sites, log, outside, options, pointed, told):
    sites.answers["tftp_log_info"] = {"failed": True, "msg": "no log"} if log is None else {"phones": log}
    run = replace(sites.begin({"pbx": "ab"}, scope="wave", **options), outside=outside)
    end = sites.waves(run, "pbx").go()
    assert not end.error and end.message in sites.lines
    assert told in sites.lines
    assert (("image_version", False) in sites.asked) == pointed


def test_the_default_does_not_follow_to_a_phone_that_nobody_knows_nor_one_that_failed(sites):
    sites.answers["image_version"] = {**QUIET, "would_move": {STRANGER: ""}}
    end = sites.waves(sites.begin({"pbx": "ab"}, scope="wave"), "pbx").go()
    assert end.message.endswith(f"neither in the inventory nor named an image to keep them on: 1 phone ({STRANGER})")
    sites.returns["b"] = STAYED
    end = sites.waves(sites.begin({"pbx": "ab"}, scope="wave", max_fail_percentage=100), "pbx").go()
    assert end.message.endswith("not on the image: 1 phone (b)")
    assert ("image_version", False) not in sites.asked


def test_a_phone_that_stays_down_takes_its_room_along_into_the_next_wave(sites):
    sites.returns["a"] = GONE
    end = sites.waves(sites.begin({"pbx": "abc"}, max_fail_percentage=100, max_unavailable=1), "pbx").go()
    assert end.stopped.startswith("as many phones are down as may be (max_unavailable)")
    assert sites.outcomes("pbx") == {"a": "never_returned"}


@pytest.mark.parametrize("readable", [True, False])
def test_the_log_is_asked_why_phones_are_not_back(sites, monkeypatch, readable):
    monkeypatch.setattr(site_waves, "FIRST_LOG", 0.0)
    monkeypatch.setattr(site_waves, "LOG_EVERY", 0.0)
    sites.returns["a"] = NEVER
    mac = f"000E84C1{ord('a'):04X}"
    verdict = {"verdict": "image_missing", "confidence": "certain", "advice": "put it there"}
    sites.answers["tftp_log_info"] = {"phones": {mac: verdict}} if readable else {"failed": True, "msg": "no log"}
    waves = sites.waves(sites.begin({"pbx": "ab"}), "pbx")
    if readable:
        assert waves.go().reached == 1
        assert sites.outcomes("pbx") == {"a": "image_missing"}
        return
    signal.signal(signal.SIGALRM, lambda *_signal: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    with as_before(), pytest.raises(Interrupted):
        waves.go()
    assert [module for module, _check in sites.asked] == ["tftp_log_info"], "once"


@contextmanager
def as_before():
    """After an interrupt the process ignores another one; here it lives on."""
    handlers = {number: signal.getsignal(number) for number in site_waves.ENDS}
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", site_waves.ENDS)
def test_an_interrupt_is_reported_and_the_next_run_goes_on(sites, number):
    sites.returns["a"] = NEVER
    run = sites.begin({"pbx": "ab"})
    signal.signal(signal.SIGALRM, lambda *_signal: os.kill(os.getpid(), number))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    began = time.monotonic()
    with as_before(), pytest.raises(Interrupted, match="interrupted in wave 1: run it again to go on"):
        sites.waves(run, "pbx").go()
    assert time.monotonic() - began < 5
    assert sites.handover.read(SiteEnd, "pbx").error.startswith("interrupted in wave 1")
    facts = json.loads((sites.report_dir / "report.json").read_text())
    assert facts["rollout"]["finished"] is False
    assert {name: one["kind"] or one["status"] for name, one in facts["phones"].items()} == {"a": "not_seen_again", "b": "not_reached"}
    events = [(event["phone"], event["event"]) for call in sites.noted for event in call["told"]["events"]]
    assert events == [("a", "reset"), ("a", "sent")], "so the ledger has it"
    assert [call["action"] for call in sites.noted][-1] == "give_back"


def test_a_dead_canary_stops_all_sites(sites):
    sites.returns["d"] = STAYED
    run = sites.begin({"pbx": "abc", "branch": "def"})
    with sites.elsewhere(run, "branch"):
        end = sites.waves(run, "pbx").go()
    assert end.stopped
    assert set(sites.outcomes("pbx")) <= {"a"}
    assert sites.outcomes("branch") == {"d": "wrong_image"}
    assert not [line for line in sites.lines if line.startswith("wave")], "each line names its site"


def test_what_may_fail_counts_over_all_sites(sites):
    sites.returns.update(a=STAYED, d=STAYED)
    run = sites.begin({"pbx": "abc", "branch": "def"}, max_failed=1)
    with sites.elsewhere(run, "branch"):
        end = sites.waves(run, "pbx").go()
        wait_for_end(sites, "branch")
    assert "2 failed in all, 1 may (max_failed)" in end.stopped
    assert sites.outcomes("pbx") == {"a": "wrong_image"}
    assert sites.outcomes("branch") == {"d": "wrong_image"}


def test_apart_each_site_goes_on_for_itself(sites):
    sites.returns["d"] = STAYED
    run = sites.begin({"pbx": "abc", "branch": "def"}, rollout_sites="apart")
    with sites.elsewhere(run, "branch"):
        assert sites.waves(run, "pbx").go() == WELL
        wait_for_end(sites, "branch")
    assert sites.handover.read(SiteEnd, "branch").stopped == "1 of 1 failed (100 %, 0 % may fail)"


def test_a_wave_waits_for_the_slowest_site(sites):
    """The canary there is never back, so that nobody beyond it is reset here, until that site's process is killed."""
    sites.returns["d"] = NEVER
    run = sites.begin({"pbx": "abc", "branch": "def"}, max_fail_percentage=100)
    with sites.elsewhere(run, "branch") as process:
        signal.signal(signal.SIGALRM, lambda *_signal: os.kill(process, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, 1.5)
        began = time.monotonic()
        with as_before():
            end = sites.waves(run, "pbx").go()
        assert 1 < time.monotonic() - began < 5, "and it holds up nobody then"
    assert end == replace(WELL, reached=1, stopped="branch: its process has died", elsewhere=True)
    assert sites.outcomes("pbx") == {"a": "done"}
    assert "pbx: wave 2 begins when wave 1 is over at branch" in sites.lines
    facts = json.loads((sites.report_dir / "report.json").read_text())
    assert set(facts["phones"]) == set("abcdef")
    assert facts["phones"]["d"]["kind"] == "not_seen_again"


def test_files_that_are_wrong_at_one_site_let_no_site_begin_the_wave(sites):
    run = sites.begin({"pbx": "abc", "branch": "def"})
    with sites.elsewhere(run, "branch", image_version={**QUIET, "changed_files": ["SIPDefault.cnf"]}):
        end = sites.waves(run, "pbx").go()
        wait_for_end(sites, "branch")
    assert sites.handover.read(SiteEnd, "branch").error.startswith("somebody else changed SIPDefault.cnf at branch")
    assert (end.elsewhere, end.reached) == (True, 1)
    assert end.stopped.startswith("branch: somebody else changed")
    assert sites.outcomes("pbx") == {"a": "done"}


def test_a_pause_at_one_site_is_one_at_all(sites):
    run = sites.begin({"pbx": "abc", "branch": "def"}, pause_after=1)
    with sites.elsewhere(run, "branch"):
        end = sites.waves(run, "pbx").go()
        wait_for_end(sites, "branch")
    assert end.paused_after == sites.handover.read(SiteEnd, "branch").paused_after == 1
    assert sites.outcomes("pbx") == {"a": "done"}
    assert sites.outcomes("branch") == {"d": "done"}


def test_two_sites_that_end_well(sites):
    run = sites.begin({"pbx": "abc", "branch": "de"})
    with sites.elsewhere(run, "branch"):
        assert sites.waves(run, "pbx").go() == WELL
        wait_for_end(sites, "branch")
    assert sites.handover.read(SiteEnd, "branch") == WELL
    assert sites.outcomes("branch") == {"d": "done", "e": "done"}


def wait_for_end(sites, name):
    deadline = time.monotonic() + 10
    while sites.handover.read(SiteEnd, name) is None and time.monotonic() < deadline:
        time.sleep(0.01)
