# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a phone, by how it takes the reset and how it comes back."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import wave as waves
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import UNSEEN as NOT_OBSERVED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.wave import Wave, WaveSetup
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation, Pace, Patience, ResetAnswer, Return
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, plan, seen

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SENT = ResetAnswer(sent=True, image=OLD)
ALREADY = ResetAnswer(already=True, image=NEW)
NOT_SENT = ResetAnswer(kind="not_privileged", reason="telnet_level is 1")
CLOSED = ResetAnswer(kind="closed", reason="closes the connection")
BACK = Return(True, NEW, 80.0)
STAYED = Return(False, OLD, 600.0, "wrong_image", "came back on P0S3-08-2-00", "look at it")
GONE = Return(False, None, 600.0, "never_returned", "did not come back", down=True)
NEVER_RESET = Return(False, OLD, 60.0)


class Notes:
    """A witness that remembers, and to whom nothing is too much unless `limits` says so."""

    def __init__(self, limits=None):
        self.steps = []
        self.outcomes: dict[str, Outcome] = {}
        self.said = []
        self.asked = []
        self.limits = limits or (lambda failed, ended: "")
        self.alone = False
        self.refusal = ""

    def note(self, phone, step, before=None, deferred=False, kind=None):
        self.steps.append((phone.name, step))

    async def noted(self, phone, before):
        self.steps.append((phone.name, "reset"))
        assert before == OLD, "so the ledger knows what an approved plan knew"
        await asyncio.sleep(0.01)
        return self.refusal

    def record(self, phone, outcome):
        self.outcomes[phone.name] = outcome

    def say(self, text):
        self.said.append(text)

    def cause(self, phone):
        return None

    def orphaned(self):
        return self.alone

    def why_stop(self, failed, ended):
        self.asked.append((dict(failed), ended))
        return self.limits(failed, ended)


def wave_of(monkeypatch, answer, until_back, *, names="a", later=None, observed=None, limits=None, **setup):
    """A wave whose phones all answer so, come back so, and look so `later`; and its witness."""

    async def reset_one(phone, limits, unless, may_send):
        if answer.sent and not await may_send(phone):
            return None
        return answer

    async def look(phone, limits, at_lines=False, at_level=False):
        return later

    monkeypatch.setattr(fleet, "reset_one", reset_one)
    monkeypatch.setattr(fleet, "until_back", until_back)
    monkeypatch.setattr(fleet, "look", look)
    made = plan(TARGET, observed or {name: seen(OLD) for name in names})
    phones = [Phone(name, name) for name in made.waves[0].reset]
    witness = Notes(limits)
    goals = {name: fleet.OnImage(TARGET) for name in made.phones}
    return Wave(WaveSetup(1, 1, phones, made.phones, goals, **setup), Pace(), Patience(1.0), witness), witness


def wave(monkeypatch, answer, result, *, meanwhile=lambda notes: None, **more):
    """A wave that has run, and its witness. `result`: how each phone comes back, or a list of how they do."""
    results = list(result) if isinstance(result, list) else None

    async def until_back(phone, *_more, **_options):
        meanwhile(witness)
        return results.pop(0) if results else result

    running, witness = wave_of(monkeypatch, answer, until_back, **more)
    running.run()
    return running, witness


@pytest.mark.parametrize(
    ("answer", "result", "status", "kind", "reason", "image_after"),
    [
        (SENT, BACK, "done", None, "", NEW),
        (SENT, STAYED, "failed", "wrong_image", "came back on P0S3-08-2-00", OLD),
        (
            ResetAnswer(sent=True, deferred=True, image=OLD),
            Return(False, OLD, 9.0, "in_call", "is in a call"),
            "failed",
            "in_call",
            "is in a call",
            OLD,
        ),
        (ALREADY, None, "done", None, "had restarted into the image by itself", NEW),
        (NOT_SENT, None, "failed", "not_privileged", "was not reset: telnet_level is 1", OLD),
        (CLOSED, BACK, "done", None, "had restarted into the image by itself", NEW),
        (CLOSED, GONE, "failed", "never_returned", "was not reset: closes the connection; did not come back", OLD),
        (SENT, GONE, "failed", "never_returned", "did not come back", None),
    ],
)
def test_outcomes(monkeypatch, answer, result, status, kind, reason, image_after):
    running, witness = wave(monkeypatch, answer, result)
    outcome = witness.outcomes["a"]
    assert (outcome.status, outcome.kind, outcome.reason, outcome.image_after) == (status, kind, reason, image_after)
    assert (outcome.image_before, outcome.wave) == (OLD, 1)
    assert running.changed is answer.sent
    assert running.down == ({"a"} if result is GONE else set())


def test_an_outcome_has_its_advice_and_its_times(monkeypatch):
    began = time.time()
    outcome = wave(monkeypatch, SENT, STAYED)[1].outcomes["a"]
    assert (outcome.advice, outcome.seconds) == ("look at it", 600.0)
    assert began <= outcome.reset_at <= outcome.ended_at <= time.time()
    unsent = wave(monkeypatch, NOT_SENT, None)[1].outcomes["a"]
    assert (unsent.reset_at, unsent.ended_at, unsent.seconds) == (None, None, None)
    already = wave(monkeypatch, ALREADY, None)[1].outcomes["a"]
    assert already.reset_at is None
    assert already.ended_at >= began


@pytest.mark.parametrize(("result", "status"), [(BACK, "done"), (STAYED, "failed")])
def test_a_phone_that_an_earlier_run_has_reset(monkeypatch, result, status):
    running, witness = wave(monkeypatch, None, result, awaited={"a": EarlierReset(30.0)})
    outcome = witness.outcomes["a"]
    assert outcome.status == status
    assert outcome.ended_at - outcome.reset_at == pytest.approx(result.seconds)
    assert not running.changed
    assert witness.steps == [("a", "back" if status == "done" else "failed")]


def test_a_phone_that_was_not_reset_after_all_is_reset(monkeypatch):
    _running, witness = wave(monkeypatch, SENT, [NEVER_RESET, BACK], awaited={"a": EarlierReset(30.0, doubtful=True)})
    assert witness.outcomes["a"].status == "done"
    assert witness.steps == [("a", "reset"), ("a", "sent"), ("a", "back")]


@pytest.mark.parametrize("answer", [ALREADY, CLOSED, SENT])
@pytest.mark.parametrize(
    ("later", "kind"),
    [(Observation(False, kind="refused", reason="refuses telnet"), "refused"), (Observation(True, OLD), "wrong_image")],
)
def test_a_phone_lost_in_the_soak_has_failed_however_it_came_back(monkeypatch, answer, later, kind):
    running, witness = wave(monkeypatch, answer, BACK, later=later, soak_seconds=0.01)
    outcome = witness.outcomes["a"]
    assert (outcome.status, outcome.kind, outcome.image_after) == ("failed", kind, later.image)
    assert outcome.reason.startswith("was on the image, but ")
    assert outcome.reset_at is not None, "so that it is given back, if the rollout stops"
    assert running.down == (set() if later.reachable else {"a"})


def test_a_phone_that_could_not_be_observed_has_failed_from_the_start(monkeypatch):
    running, witness = wave(monkeypatch, SENT, BACK, observed={"a": UNSEEN, "b": seen(OLD)})
    assert witness.asked[-1] == ({"a": NOT_OBSERVED}, 2), "whatever the reason, as it was not touched"
    assert (running.counts.failed, running.counts.done) == (1, 1)
    assert witness.outcomes["b"].status == "done"


def test_a_phone_that_was_reset_and_is_not_back_stands_so(monkeypatch):
    meanwhile: list[Outcome] = []
    _running, witness = wave(monkeypatch, SENT, BACK, meanwhile=lambda notes: meanwhile.append(notes.outcomes["a"]))
    (outcome,) = meanwhile
    assert (outcome.status, outcome.kind) == ("failed", "not_seen_again")
    assert "before it was seen again" in outcome.reason
    assert witness.outcomes["a"].status == "done"


def test_room_is_lost_with_each_phone_that_stays_down(monkeypatch):
    running, witness = wave(monkeypatch, SENT, GONE, names="abcd", at_once=2)
    assert running.stopped.startswith("as many phones are down as may be (max_unavailable): a, b")
    assert set(witness.outcomes) == {"a", "b"}


def test_no_more_phones_are_reset_once_it_is_too_much(monkeypatch):
    running, witness = wave(monkeypatch, SENT, STAYED, names="abcd", at_once=1, limits=lambda failed, ended: "enough" if failed else "")
    assert running.stopped == "enough"
    assert witness.said == [f"a failed: {STAYED.reason}", "no more phones are reset: enough"]
    assert set(witness.outcomes) == {"a"}
    assert (running.counts.failed, running.counts.untouched) == (1, 3)


def test_once_ansible_is_gone_no_phone_is_reset(monkeypatch):
    async def until_back(phone, *_more, **_options):
        witness.alone = True
        return BACK

    running, witness = wave_of(monkeypatch, SENT, until_back, names="abc", at_once=1)
    running.run()
    assert witness.steps == [("a", "reset"), ("a", "sent"), ("a", "back")]


def test_no_phone_is_reset_of_which_that_could_not_be_noted(monkeypatch):
    running, witness = wave_of(monkeypatch, SENT, None, names="abc", at_once=2)
    witness.refusal = "the lease is lost"
    running.run()
    assert running.refused == running.stopped == "the lease is lost"
    assert witness.outcomes == {} and not running.changed
    assert witness.steps == [("a", "reset"), ("b", "reset"), ("a", "unsent"), ("b", "unsent")]


def test_a_phone_is_not_reset_if_the_wave_stopped_while_that_was_noted(monkeypatch):
    running, witness = wave_of(monkeypatch, SENT, None)

    async def noted(phone, before):
        running.stopped = "too many failed"
        return ""

    witness.noted = noted
    running.run()
    assert (witness.outcomes, witness.steps, running.refused) == ({}, [("a", "unsent")], "")


def test_what_others_lose_is_asked_while_phones_are_away(monkeypatch):
    monkeypatch.setattr(waves, "TICK", 0.01)
    away = []

    async def until_back(phone, *_more, **_options):
        away.append(phone.name)
        await asyncio.sleep(0.3)
        return BACK

    def limits(failed, ended):
        return "pbx: too many failed" if away else ""

    running, witness = wave_of(monkeypatch, SENT, until_back, names="abc", at_once=1, limits=limits)
    running.run()
    assert running.stopped == "pbx: too many failed"
    assert {name: outcome.status for name, outcome in witness.outcomes.items()} == {"a": "done"}, "who was reset is waited for"
    assert witness.said == ["no more phones are reset: pbx: too many failed"]


@pytest.mark.parametrize("early", [True, False])
def test_a_wave_that_is_cancelled_ends_as_it_stands(monkeypatch, early):
    begun = threading.Event()

    async def until_back(phone, *_more, **_options):
        begun.set()
        await asyncio.sleep(60)

    running, witness = wave_of(monkeypatch, SENT, until_back)
    if early:
        running.cancel()
    thread = threading.Thread(target=running.run)
    thread.start()
    if not early:
        assert begun.wait(10)
        running.cancel()
    thread.join(10)
    assert not thread.is_alive()
    assert {name: outcome.kind for name, outcome in witness.outcomes.items()} == ({} if early else {"a": "not_seen_again"})
    running.cancel()
