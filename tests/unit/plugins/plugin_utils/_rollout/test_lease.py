# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lease of a site, as its run holds it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import lease as leases
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import Clock, Held, Lease, NotHeld
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost

PHONE = Phone("a", "127.0.0.2", mac="000E84C060A6")


class Site:
    """A TFTP host that remembers what it was told, and answers so."""

    def __init__(self):
        self.calls = []
        self.answer = {"ledger": {}, "refused": ""}

    def execute(self, module, arguments, check):
        self.calls.append({**arguments["told"], "action": arguments["action"]})
        return self.answer

    def lease(self, timeout=300.0, age=0.0):
        host = TftpHost("pbx", {"cisco79xx_tftp_root": "/srv/tftp"}, self.execute, False)
        return Lease(host, "run", timeout, Held(Ledger(), ago(age)))

    def events(self):
        return [(event["phone"], event["event"]) for call in self.calls for event in call["events"]]


def ago(seconds):
    now = Clock()
    return Clock(now.monotonic - seconds, now.other - seconds)


@pytest.fixture
def site():
    return Site()


def tend_until(lease, holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        lease.tend()
        time.sleep(0.05)


def test_it_is_renewed_when_it_is_time_and_before_something_is_written(site):
    lease = site.lease()
    lease.hold()
    lease.tend()
    assert site.calls == []
    lease = site.lease(age=31)
    lease.begin(Rollout("one", "P0S3-06-3-00", {"a": None}, [["a"]]))
    lease.wave = 2
    lease.hold()
    assert [(call["action"], call["wave"], call["rollout"]["id"]) for call in site.calls] == [("note", 2, "one")]
    lease.tend()
    assert len(site.calls) == 1 and lease.why_not() == ""


@pytest.mark.parametrize("clock", ["monotonic", "other"])
def test_what_was_not_renewed_in_half_of_the_time_counts_no_more_by_either_clock(site, clock):
    site.answer = {"unreachable": True, "msg": "no route"}
    lease = site.lease(age=149)
    assert lease.why_not() == ""
    lease.hold()
    lease = site.lease()
    lease._renewed = replace(ago(0), **{clock: getattr(ago(151), clock)})
    assert lease.why_not() == "the lease of pbx was renewed 151 seconds ago, and counts for 150 (half of lease_timeout)"
    with pytest.raises(NotHeld, match="151 seconds ago"):
        lease.hold()
    site.answer = {"ledger": {}, "refused": ""}
    lease.hold()


def test_a_run_that_gave_no_sign_of_life_for_longer_than_the_timeout_sends_nothing_more_and_tells_what_it_did(site):
    lease = site.lease(age=301)
    lease.hold()
    assert len(site.calls) == 1, "it had to wait for its turn, and nobody took the site meanwhile"
    lease.add(PHONE, "sent")
    lease._renewed = ago(301)
    asked = lease.ask(replace(PHONE, name="b"))
    tend_until(lease, asked.done)
    assert asked.result() == "this run gave pbx no sign of life for 301 seconds, longer than lease_timeout" == lease.why_not()
    with pytest.raises(NotHeld):
        lease.hold()
    assert lease.give_back() == ""
    assert site.events() == [("a", "sent"), ("b", "reset")] and site.calls[-1]["action"] == "give_back"


def test_resets_are_noted_together_before_they_are_answered(site):
    lease = site.lease()
    asked = [lease.ask(replace(PHONE, name=f"p{number}"), image="x") for number in range(500)]
    assert not any(one.done() for one in asked) and site.calls == []
    tend_until(lease, lambda: all(one.done() for one in asked))
    assert {one.result() for one in asked} == {""}
    assert len(site.calls) == 1 and len(site.calls[0]["events"]) == 500


def test_resets_that_keep_coming_do_not_hold_up_the_first(site):
    lease = site.lease()
    first = lease.ask(PHONE)
    began = time.monotonic()
    while not first.done():
        lease.ask(PHONE)
        lease.tend()
        time.sleep(0.05)
    assert time.monotonic() - began < 2


def test_what_cannot_be_noted_is_not_sent_and_is_told_with_the_next_call(site):
    site.answer = {"failed": True, "msg": "No space left on device"}
    lease = site.lease()
    asked = lease.ask(PHONE)
    tend_until(lease, asked.done)
    assert asked.result() == "what is about to be reset could not be noted: TFTP host pbx: No space left on device"
    lease.add(PHONE, "unsent")
    site.answer, site.calls = {"ledger": {}, "refused": ""}, []
    assert lease.give_back() == ""
    assert site.events() == [("a", "reset"), ("a", "unsent")]


def test_once_it_is_lost_nothing_is_sent_or_told(site):
    site.answer = {"ledger": {}, "refused": "run two took it over"}
    lease = site.lease()
    asked = lease.ask(PHONE)
    tend_until(lease, asked.done)
    assert asked.result() == lease.lost == lease.why_not() == "run two took it over"
    with pytest.raises(NotHeld):
        lease.hold()
    calls = len(site.calls)
    later = lease.ask(PHONE)
    tend_until(lease, later.done)
    assert later.result() == "run two took it over"
    lease.give_back("done")
    assert len(site.calls) == calls


def test_a_reset_in_a_call_is_told_soon_and_other_news_a_little_later(site, monkeypatch):
    lease = site.lease()
    lease._tried_at -= 5
    lease.add(PHONE, "back")
    lease.tend()
    assert site.calls == []
    lease.add(PHONE, "sent", deferred=True)
    lease.tend()
    assert site.events() == [("a", "back"), ("a", "sent")]
    monkeypatch.setattr(leases, "NOTE_EVERY", 0.1)
    lease._tried_at -= 5
    lease.add(PHONE, "back")
    time.sleep(0.2)
    lease.tend()
    assert len(site.calls) == 2


def test_a_dry_run_tells_nothing(site):
    lease = Lease(site.lease()._host, "run", 2.0, None)
    lease.hold()
    assert not lease.tend() and lease.give_back() == "" and site.calls == []
