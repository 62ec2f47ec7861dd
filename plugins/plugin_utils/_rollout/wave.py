# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One wave of one site: each phone is reset and awaited on its own, no more of them down at once than may be, until all are back or too
many are not.

It runs in a thread of its own, and calls nothing of Ansible's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import UNSEEN
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE, FAILED, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedPhone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Counts
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import (
    Cause,
    Goal,
    Observation,
    Pace,
    Patience,
    ResetAnswer,
    Return,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

REGISTER_SECONDS = 60.0
"""How long a phone may take to register after it is back."""
REGISTER_POLL = 5.0
TICK = 1.0
"""Seconds between two looks at what the other sites lose."""

BY_ITSELF = "had restarted into the image by itself"


class Witness(Protocol):
    """Who is told what happens to each phone, and knows what the wave cannot see for itself. Called from the wave's thread."""

    def note(self, phone: Phone, step: str, before: str | None = None, deferred: bool = False, kind: str | None = None) -> None:
        """`step`: `sent`, `back`, `failed`, or `unsent`: it was not reset although that was noted.

        With `sent` come `before`, the image that it ran, and `deferred`: it is in a call and restarts afterwards; with
        `failed` its `kind`.
        """

    async def noted(self, phone: Phone) -> str:
        """Note that the phone is about to be reset. Returns why it must not be, or an empty text: then it may be at once, and not later."""

    def record(self, phone: Phone, outcome: Outcome) -> None:
        """What has become of the phone so far. One that was reset and is not back is NOT_SEEN_AGAIN, which is true if the run ends now."""

    def say(self, text: str) -> None:
        """Something that people want to know at once."""

    def cause(self, phone: Phone) -> Cause | None:
        """Why the phone cannot come back, if that is certain."""

    def orphaned(self) -> bool:
        """Whether Ansible is gone, so that nobody waits for this wave."""

    def why_stop(self, failed: Mapping[str, str], ended: int) -> str:
        """Why no more phones shall be reset, or an empty text. Asked when a phone has ended, and once a second.

        `failed`: name → kind, of the wave so far; `ended`: how many of its phones are back or failed.
        """


@dataclass(frozen=True)
class WaveSetup:
    """What a wave shall do.

    `number` of `waves`, 0 for phones that are taken back. `phones`: those to reset or to wait for. `planned`: what the plan says of all
    phones of the wave, by name; those that could not be observed are only in here, and count as failed from the start. `goals`: by name.
    `logins`: by name, of phones that are reset with another password than they come back with. `by_hand`: names of phones that people
    restart. `awaited`: phones that an earlier run has reset. `at_once`: phones that may be down at once, 0 for no limit; `down`: phones of
    earlier waves that still are. `soak_seconds` after the last phone came back, all are looked at again. `require_registered`: their lines
    must be registered then. `longest` and `recorded`: as of Counts, from the waves before and from the last rollout.
    """

    number: int
    waves: int
    phones: Sequence[Phone]
    planned: Mapping[str, PlannedPhone]
    goals: Mapping[str, Goal]
    logins: Mapping[str, Phone] = field(default_factory=dict)
    by_hand: Collection[str] = ()
    awaited: Mapping[str, EarlierReset] = field(default_factory=dict)
    at_once: int = 0
    down: int = 0
    soak_seconds: float = 0.0
    require_registered: bool = False
    longest: float = 0.0
    recorded: float | None = None


class Wave:
    """Runs one wave.

    `down`: names of phones that were given up and do not answer. `changed`: a phone was told to restart. `stopped`: why no more phones are
    reset, or empty; `refused`: so if that could not be noted, or must not be. `counts`: how it stands. All may be read from another thread.
    """

    def __init__(self, setup: WaveSetup, pace: Pace, patience: Patience, witness: Witness) -> None:
        self.setup = setup
        self.down: set[str] = set()
        self.changed = False
        self.stopped = self.refused = ""
        reset = {phone.name for phone in setup.phones}
        unseen = [name for name in setup.planned if name not in reset]
        self.counts = Counts(len(setup.planned), failed=len(unseen), longest=setup.longest, recorded=setup.recorded, patience=patience.wait)
        self.at_once = setup.at_once - setup.down if setup.at_once else max(1, len(setup.phones))
        self._outcomes: dict[str, Outcome] = {}
        self._pace = pace
        self._patience = patience
        self._witness = witness
        self._failed: dict[str, str] = dict.fromkeys(unseen, UNSEEN)
        self._by_hand = set(setup.by_hand)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended_early = False

    def run(self) -> None:
        """Returns when the last phone has ended, or soon after `cancel`."""
        with suppress(asyncio.CancelledError):
            asyncio.run(self._run())

    def cancel(self) -> None:
        """End the wave as it stands. From another thread."""
        self._ended_early = True
        if self._loop and self._task:
            with suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._ended_early:
            return
        self._sessions = asyncio.Semaphore(self._pace.max_sessions)
        self._room = asyncio.Semaphore(max(1, self.at_once))
        self._stop_without_room()
        ticks = asyncio.create_task(self._tick())
        try:
            await asyncio.gather(*map(self._one, self.setup.phones))
            if not self.stopped:
                await self._soak()
        finally:
            ticks.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._stop_if_too_many()

    async def _one(self, phone: Phone) -> None:
        if phone.name in self._by_hand:
            await self._wait_for_people(phone)
            return
        await self._room.acquire()
        try:
            await self._reset_and_wait(phone)
        finally:
            if not self._stays_down(phone):
                self._room.release()
        if phone.name in self._by_hand:
            await self._wait_for_people(phone)

    async def _wait_for_people(self, phone: Phone) -> None:
        """Wait for a phone that is restarted by hand: it takes no room, as nobody knows when it will be down."""
        kind = self.setup.planned[phone.name].kind or failures.NOT_RESTARTED
        self._record(phone, FAILED, kind=kind, reason="was to be restarted by hand, and the run ended before that was seen")
        await self._wait(phone, EarlierReset(0.0))

    async def _reset_and_wait(self, phone: Phone) -> None:
        earlier = self.setup.awaited.get(phone.name)
        if earlier and await self._wait(phone, replace(earlier, seconds=earlier.seconds + time.monotonic() - self.counts.began)):
            return
        async with self._sessions:
            if self.stopped:
                return
            login, goal = self.setup.logins.get(phone.name, phone), self.setup.goals[phone.name]
            answer = await fleet.reset_one(login, self._pace.limits, goal.image, self._may_send)
        if answer is None:
            return
        if answer.already:
            self._record(phone, DONE, reason=BY_ITSELF, image_after=answer.image, ended_at=time.time())
            self._count_back(phone, 0.0)
            return
        if answer.sent:
            self.changed = True
            self._record_reset(phone)
            self._witness.note(phone, "sent", answer.image, answer.deferred)
        else:
            before = self.setup.planned[phone.name].image_before
            self._record(phone, FAILED, kind=answer.kind, reason=f"was not reset: {answer.reason}", image_after=before)
            if answer.kind == failures.NOT_PRIVILEGED and goal.image is None:
                self._witness.say(f"{phone.name} takes no reset at its telnet_level: restart it by hand")
                self._by_hand.add(phone.name)
                return
            # With its former password none is to be had from a phone that has restarted meanwhile
            restarts = login is not phone and answer.kind == failures.WRONG_PASSWORD
            if answer.kind not in fleet.MAY_BE_RESTARTING and not restarts:
                self._count_failed(phone, answer.kind, answer.reason)
                self._stop_if_too_many()
                return
        await self._wait(phone, EarlierReset(0.0, answer.deferred), answer)

    async def _wait(self, phone: Phone, reset: EarlierReset, answer: ResetAnswer | None = None) -> bool:
        """Wait for a phone to come back. `answer`: its answer to the reset, if this run sent it. False if it evidently was not reset."""
        self.counts.in_call += reset.deferred
        if not reset.deferred:
            self.counts.away[phone.name] = time.monotonic() - reset.seconds
        goal = self.setup.goals[phone.name]
        try:
            result = await fleet.until_back(
                phone,
                goal,
                self._sessions,
                self._pace.limits,
                self._patience,
                cause=self._witness.cause,
                away=lambda: min(len(self.counts.away) + self.counts.in_call + self.counts.untouched, self.at_once),
                deferred=reset.deferred,
                since=reset.seconds,
                doubtful=reset.doubtful,
            )
        finally:
            self.counts.in_call -= reset.deferred
            self.counts.away.pop(phone.name, None)
        if result.never_reset:
            return False
        self._record_return(phone, answer, result)
        if result.on_target:
            self._count_back(phone, result.seconds)
        else:
            if result.down:
                self.down.add(phone.name)
                self.counts.gone += 1
            self._count_failed(phone, result.kind, result.reason)
            self._stop_if_too_many()
        return True

    def _record(self, phone: Phone, status: str, **more: Any) -> None:
        """`more`: the other fields of Outcome."""
        self._keep(phone, self.setup.planned[phone.name].outcome(status, **more))

    def _keep(self, phone: Phone, outcome: Outcome) -> None:
        self._outcomes[phone.name] = outcome
        self._witness.record(phone, outcome)

    def _record_reset(self, phone: Phone) -> None:
        now = time.time()
        reason = "was reset, but the run ended before it was seen again"
        self._record(phone, FAILED, kind=failures.NOT_SEEN_AGAIN, reason=reason, reset_at=now, ended_at=now)

    def _record_return(self, phone: Phone, answer: ResetAnswer | None, result: Return) -> None:
        now = time.time()
        not_sent = answer is not None and not answer.sent
        reset_at = self._outcomes[phone.name].reset_at if answer and answer.sent else now - result.seconds
        times = {"seconds": result.seconds, "reset_at": reset_at, "ended_at": now}
        if phone.name in self._by_hand:
            times = {"ended_at": now}
        if result.on_target:
            by_itself = not_sent and self.setup.goals[phone.name].image
            self._record(phone, DONE, reason=BY_ITSELF if by_itself else "", image_after=result.image, **times)
            return
        reason, image = result.reason, result.image
        if answer and not_sent:
            reason, image = f"was not reset: {answer.reason}; {reason}", image or self.setup.planned[phone.name].image_before
        self._record(phone, FAILED, kind=result.kind, reason=reason, advice=result.advice, image_after=image, **times)

    def _count_back(self, phone: Phone, seconds: float) -> None:
        self.counts.done += 1
        self.counts.longest = max(self.counts.longest, seconds)
        self._witness.note(phone, "back")
        self._stop_if_too_many()

    def _count_failed(self, phone: Phone, kind: str | None, reason: str | None) -> None:
        self.counts.failed += 1
        self._failed[phone.name] = kind or failures.ERROR
        self._witness.note(phone, "failed", kind=kind)
        self._witness.say(f"{phone.name} failed: {reason}")

    def _stop_if_too_many(self) -> None:
        why = "" if self.stopped else self._witness.why_stop(self._failed, self.counts.done + self.counts.failed)
        if why:
            self._stop(why)

    def _stop(self, why: str) -> None:
        self.stopped = why
        if self.counts.untouched > 0:
            self._witness.say(f"no more phones are reset: {why}")

    async def _may_send(self, phone: Phone) -> bool:
        """Asked when a phone has taken the password: much may have happened since it was its turn."""
        if self.stopped or self._witness.orphaned():
            return False
        why = await self._witness.noted(phone)
        if why or self.stopped or self._witness.orphaned():
            self._witness.note(phone, "unsent")
            if why and not self.stopped:
                self.refused = why
                self._stop(why)
            return False
        # So it stands if the run is interrupted before the phone's answer
        self._record_reset(phone)
        return True

    def _stays_down(self, phone: Phone) -> bool:
        """Whether the phone takes its room along: one that is gone still is down, and whoever comes next has less room."""
        if self.stopped or phone.name not in self.down:
            return False
        self.at_once -= 1
        self._stop_without_room()
        return self.at_once > 0

    def _stop_without_room(self) -> None:
        if self.at_once < 1 and self.counts.untouched > 0:
            names = f": {list_some(sorted(self._failed), 10)}" if self._failed else ""
            self._stop(f"as many phones are down as may be (max_unavailable){names}")

    async def _soak(self) -> None:
        """See that the phones that came back still are there."""
        back = [phone for phone in self.setup.phones if phone.name not in self._failed]
        if not back or not (self.setup.soak_seconds or self.setup.require_registered):
            return
        if self.setup.soak_seconds:
            self._witness.say(f"soaking for {self.setup.soak_seconds:g} seconds")
            await asyncio.sleep(self.setup.soak_seconds)
        await asyncio.gather(*map(self._look_again, back))
        self._stop_if_too_many()

    async def _look_again(self, phone: Phone) -> None:
        """See that a phone that came back still runs the image, and is registered if it has to be. It may take its time for that."""
        until = time.monotonic() + min(REGISTER_SECONDS, self._patience.wait)
        while True:
            async with self._sessions:
                observation = await fleet.look(phone, self._pace.limits, at_lines=self.setup.require_registered)
            kind, reason = self._problem(phone, observation)
            if not kind:
                return
            if kind == failures.WRONG_IMAGE or time.monotonic() >= until:
                break
            await asyncio.sleep(min(REGISTER_POLL, max(0.1, until - time.monotonic())))
        if not observation.reachable:
            self.down.add(phone.name)
        now, outcome = time.time(), self._outcomes[phone.name]
        failed = replace(outcome, status=FAILED, kind=kind, reason=reason, image_after=observation.image)
        self._keep(phone, replace(failed, reset_at=outcome.reset_at or now, ended_at=now))
        self.counts.done -= 1
        self._count_failed(phone, kind, reason)

    def _problem(self, phone: Phone, observation: Observation) -> tuple[str, str]:
        """Kind and reason if the phone is not as it should be after the soak; otherwise two empty texts."""
        when = f"{self.setup.soak_seconds:g} seconds after its wave"
        if not observation.reachable:
            return observation.kind or failures.ERROR, f"was on the image, but not {when}: {observation.reason}"
        if not self.setup.goals[phone.name].reached(observation, True, time.monotonic()):
            return failures.WRONG_IMAGE, f"was on the image, but {when} runs {observation.image}"
        if observation.unregistered:
            return failures.NOT_REGISTERED, f"runs the image, but is not registered: {observation.unregistered}"
        return "", ""
