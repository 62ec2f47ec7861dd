# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One wave: each phone is reset and awaited on its own, no more of them down at once than may be, until all are back or too many
are not."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import UNSEEN
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE, FAILED, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedPhone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Counts, Progress, progress_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import EarlierReset
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Cause, Observation, Pace, Patience, ResetAnswer, Return
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

REGISTER_SECONDS = 60.0
"""How long a phone may take to register after it is back."""
REGISTER_POLL = 5.0
FIRST_DIAGNOSIS = 40.0
"""Seconds after which the TFTP server's log is asked why phones are not back: a phone asks for its first file 3 times in 39 seconds."""
DIAGNOSIS_EVERY = 15.0
TICK = 1.0
"""Seconds between two looks at whether Ansible still is there: killed, it leaves its workers behind."""

ENDS = (signal.SIGTERM, signal.SIGINT)
"""How Ansible ends its workers, and people end Ansible."""

BY_ITSELF = "had restarted into the image by itself"

WhyStop = Callable[[Mapping[str, str], int], str]
"""From the failures of the wave so far (name → kind) and the number of phones that have ended: why to stop, or an empty text."""


class Watcher(Protocol):
    """Who is told what happens to each phone, and may know why one cannot come back."""

    def note(self, phone: Phone, step: str, before: str | None = None, deferred: bool = False) -> None:
        """`step`: `reset` (the command is about to be sent), `sent`, `back` or `failed`.

        With `sent` come `before`, the image that it ran, and `deferred`: it is in a call and restarts afterwards.
        """

    def cause(self, phone: Phone) -> Cause | None:
        """Why the phone cannot come back, if that is certain."""


class Interrupted(Exception):
    """Somebody ended the run. What is known so far stands in the outcomes."""


@dataclass(frozen=True)
class WaveSetup:
    """What a wave shall do.

    `number` of `waves`. `phones`: those to reset or to wait for. `planned`: what the plan says of all phones of the wave, by name; those
    that could not be observed are only in here, and count as failed from the start. `targets`: name → image. `awaited`: phones that an
    earlier run has reset. `at_once`: phones that may be down at once, 0 for no limit; `down`: phones of earlier waves that still are.
    `soak_seconds` after the last phone came back, all are looked at again. `require_registered`: their lines must be registered then.
    """

    number: int
    waves: int
    phones: Sequence[Phone]
    planned: Mapping[str, PlannedPhone]
    targets: fleet.Targets
    awaited: Mapping[str, EarlierReset] = field(default_factory=dict)
    at_once: int = 0
    down: int = 0
    soak_seconds: float = 0.0
    require_registered: bool = False


class Wave:
    """Runs one wave.

    What becomes of its phones goes into `outcomes`, at once; a phone that was reset and is not back stands there as NOT_SEEN_AGAIN, which
    is true if the run ends now. `down`: names of phones that were given up and do not answer. `changed`: a phone was told to restart.
    `stopped`: why no more phones are reset, or empty.
    """

    def __init__(
        self,
        setup: WaveSetup,
        pace: Pace,
        patience: Patience,
        why_stop: WhyStop,
        progress: Progress,
        watcher: Watcher,
        outcomes: dict[str, Outcome],
        every_second: Callable[[], None] = lambda: None,
        ask_log: Callable[[], bool] | None = None,
    ) -> None:
        """`every_second`: called about once a second. `ask_log`: lets the watcher learn from the TFTP server's log; if it returns False, it
        is not called again. It runs in a thread."""
        self.setup = setup
        self.outcomes = outcomes
        self.down: set[str] = set()
        self.changed = False
        self.stopped = ""
        self._pace = pace
        self._patience = patience
        self._why_stop = why_stop
        self._progress = progress
        self._watcher = watcher
        self._every_second = every_second
        self._ask_log = ask_log
        reset = {phone.name for phone in setup.phones}
        unseen = {name: phone for name, phone in setup.planned.items() if name not in reset}
        outcomes.update({name: phone.outcome(FAILED, kind=phone.kind, reason=phone.reason) for name, phone in unseen.items()})
        self._unseen = len(unseen)
        self._failed: dict[str, str] = dict.fromkeys(unseen, UNSEEN)
        self._counts = Counts(len(setup.planned), failed=len(unseen))
        self._at_once = setup.at_once - setup.down if setup.at_once else max(1, len(setup.phones))
        self._last_reset = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        parent = multiprocessing.parent_process()
        self._parent = parent.pid if parent else os.getppid()

    @property
    def orphaned(self) -> bool:
        """Whether Ansible is gone, and nobody waits for this."""
        return os.getppid() != self._parent

    def run(self) -> None:
        """Returns when the last phone has ended. Raises Interrupted, and lets no second signal end what the caller does then."""
        handlers = {number: signal.getsignal(number) for number in ENDS}
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            handlers = dict.fromkeys(ENDS, signal.SIG_IGN)
            raise Interrupted from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    async def _run(self) -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        if task is None:
            raise RuntimeError("a wave runs in a task")
        self._task = task
        for number in ENDS:
            # The loop's own handlers would be gone before the report is written
            signal.signal(number, lambda *_signal: self._end(loop, task))
        self._sessions = asyncio.Semaphore(self._pace.max_sessions)
        self._room = asyncio.Semaphore(max(1, self._at_once))
        self._stop_without_room()
        helpers = [asyncio.create_task(self._tick()), asyncio.create_task(self._diagnose())]
        try:
            await asyncio.gather(*map(self._one, self.setup.phones))
            if not self.stopped:
                await self._soak()
        finally:
            for helper in helpers:
                helper.cancel()
            self._progress.close()

    @staticmethod
    def _end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        loop.call_soon_threadsafe(task.cancel)

    async def _one(self, phone: Phone) -> None:
        await self._room.acquire()
        try:
            await self._reset_and_wait(phone)
        finally:
            if not self._stays_down(phone):
                self._room.release()

    async def _reset_and_wait(self, phone: Phone) -> None:
        earlier = self.setup.awaited.get(phone.name)
        if earlier and await self._wait(phone, replace(earlier, seconds=earlier.seconds + time.monotonic() - self._counts.began)):
            return
        async with self._sessions:
            if self.stopped or self.orphaned:
                return
            answer = await fleet.reset_one(phone, self._pace.limits, self.setup.targets[phone.name], self._may_send)
        if answer is None:
            return
        self._last_reset = time.monotonic()
        if answer.already:
            self._record(phone, DONE, reason=BY_ITSELF, image_after=answer.image, ended_at=time.time())
            self._count_back(phone, 0.0)
            return
        if answer.sent:
            self.changed = True
            self._record_reset(phone)
            self._watcher.note(phone, "sent", answer.image, answer.deferred)
        else:
            before = self.setup.planned[phone.name].image_before
            self._record(phone, FAILED, kind=answer.kind, reason=f"was not reset: {answer.reason}", image_after=before)
            if answer.kind not in fleet.MAY_BE_RESTARTING:
                self._count_failed(phone, answer.kind, answer.reason)
                self._stop_if_too_many()
                return
        await self._wait(phone, EarlierReset(0.0, answer.deferred), answer)

    async def _wait(self, phone: Phone, reset: EarlierReset, answer: ResetAnswer | None = None) -> bool:
        """Wait for a phone to come back. `answer`: its answer to the reset, if this run sent it. False if it evidently was not reset."""
        self._counts.in_call += reset.deferred
        self._counts.flashing += not reset.deferred
        try:
            result = await fleet.until_back(
                phone,
                self.setup.targets[phone.name],
                self._sessions,
                self._pace.limits,
                self._patience,
                cause=self._watcher.cause,
                away=lambda: min(self._counts.flashing + self._counts.in_call + self._counts.untouched, self._at_once),
                deferred=reset.deferred,
                since=reset.seconds,
                doubtful=reset.doubtful,
            )
        finally:
            self._counts.in_call -= reset.deferred
            self._counts.flashing -= not reset.deferred
        if result.never_reset:
            return False
        self._record_return(phone, answer, result)
        if result.on_target:
            self._count_back(phone, result.seconds)
        else:
            if result.down:
                self.down.add(phone.name)
            self._count_failed(phone, result.kind, result.reason)
            self._stop_if_too_many()
        return True

    def _record(self, phone: Phone, status: str, **more: Any) -> None:
        """`more`: the other fields of Outcome."""
        self.outcomes[phone.name] = self.setup.planned[phone.name].outcome(status, **more)

    def _record_reset(self, phone: Phone) -> None:
        now = time.time()
        reason = "was reset, but the run ended before it was seen again"
        self._record(phone, FAILED, kind=failures.NOT_SEEN_AGAIN, reason=reason, reset_at=now, ended_at=now)

    def _record_return(self, phone: Phone, answer: ResetAnswer | None, result: Return) -> None:
        now = time.time()
        not_sent = answer is not None and not answer.sent
        reset_at = self.outcomes[phone.name].reset_at if answer and answer.sent else now - result.seconds
        times = {"seconds": result.seconds, "reset_at": reset_at, "ended_at": now}
        if result.on_target:
            self._record(phone, DONE, reason=BY_ITSELF if not_sent else "", image_after=result.image, **times)
            return
        reason, image = result.reason, result.image
        if answer and not_sent:
            reason, image = f"was not reset: {answer.reason}; {reason}", image or self.setup.planned[phone.name].image_before
        self._record(phone, FAILED, kind=result.kind, reason=reason, advice=result.advice, image_after=image, **times)

    def _count_back(self, phone: Phone, seconds: float) -> None:
        self._counts.done += 1
        self._counts.longest = max(self._counts.longest, seconds)
        self._watcher.note(phone, "back")
        self._stop_if_too_many()

    def _count_failed(self, phone: Phone, kind: str | None, reason: str | None) -> None:
        self._counts.failed += 1
        self._failed[phone.name] = kind or failures.ERROR
        self._watcher.note(phone, "failed")
        self._say(f"{phone.name} failed: {reason}")

    def _say(self, text: str) -> None:
        self._progress.announce(f"wave {self.setup.number} of {self.setup.waves}: {text}")

    def _stop_if_too_many(self) -> None:
        # Who could not be observed beforehand counts, but alone is no reason to leave the others of the wave
        news = len(self._failed) > self._unseen and not self.stopped
        why = self._why_stop(self._failed, self._counts.done + self._counts.failed) if news else ""
        if why:
            self._stop(why)

    def _stop(self, why: str) -> None:
        self.stopped = why
        if self._counts.untouched > 0:
            self._say(f"no more phones are reset: {why}")

    def _may_send(self, phone: Phone) -> bool:
        """Asked when a phone has taken the password: much may have happened since it was its turn."""
        if self.stopped or self.orphaned:
            return False
        self._watcher.note(phone, "reset")
        # So it stands if the run is interrupted before the phone's answer
        self._record_reset(phone)
        return True

    def _stays_down(self, phone: Phone) -> bool:
        """Whether the phone takes its room along: one that is gone still is down, and whoever comes next has less room."""
        if self.stopped or phone.name not in self.down:
            return False
        self._at_once -= 1
        self._stop_without_room()
        return self._at_once > 0

    def _stop_without_room(self) -> None:
        if self._at_once < 1 and self._counts.untouched > 0:
            names = f": {list_some(sorted(self._failed), 10)}" if self._failed else ""
            self._stop(f"as many phones are down as may be (max_unavailable){names}")

    async def _soak(self) -> None:
        """See that the phones that came back still are there."""
        back = [phone for phone in self.setup.phones if phone.name not in self._failed]
        if not back or not (self.setup.soak_seconds or self.setup.require_registered):
            return
        if self.setup.soak_seconds:
            self._say(f"soaking for {self.setup.soak_seconds:g} seconds")
            await asyncio.sleep(self.setup.soak_seconds)
        await asyncio.gather(*map(self._look_again, back))
        self._stop_if_too_many()

    async def _look_again(self, phone: Phone) -> None:
        """See that a phone that came back still runs the image, and is registered if it has to be. It may take its time for that."""
        until = time.monotonic() + min(REGISTER_SECONDS, self._patience.wait)
        look = fleet.look_at_lines if self.setup.require_registered else fleet.look
        while True:
            async with self._sessions:
                observation = await look(phone, self._pace.limits)
            kind, reason = self._problem(phone, observation)
            if not kind:
                return
            if kind == failures.WRONG_IMAGE or time.monotonic() >= until:
                break
            await asyncio.sleep(min(REGISTER_POLL, max(0.1, until - time.monotonic())))
        if not observation.reachable:
            self.down.add(phone.name)
        now, outcome = time.time(), self.outcomes[phone.name]
        self.outcomes[phone.name] = replace(
            outcome, status=FAILED, kind=kind, reason=reason, image_after=observation.image, reset_at=outcome.reset_at or now, ended_at=now
        )
        self._counts.done -= 1
        self._count_failed(phone, kind, reason)

    def _problem(self, phone: Phone, observation: Observation) -> tuple[str, str]:
        """Kind and reason if the phone is not as it should be after the soak; otherwise two empty texts."""
        when = f"{self.setup.soak_seconds:g} seconds after its wave"
        if not observation.reachable:
            return observation.kind or failures.ERROR, f"was on the image, but not {when}: {observation.reason}"
        if not fleet.runs(observation.image, self.setup.targets[phone.name]):
            return failures.WRONG_IMAGE, f"was on the image, but {when} runs {observation.image}"
        if observation.unregistered:
            return failures.NOT_REGISTERED, f"runs the image, but is not registered: {observation.unregistered}"
        return "", ""

    async def _diagnose(self) -> None:
        """Ask the TFTP server's log now and then which phones cannot come back, as long as it answers."""
        if self._ask_log is None:
            return
        await asyncio.sleep(FIRST_DIAGNOSIS)
        while await _in_thread(self._ask_log):
            await asyncio.sleep(DIAGNOSIS_EVERY)

    async def _tick(self) -> None:
        shown_at = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            if self.orphaned and self._task:
                self._task.cancel()
            if time.monotonic() - shown_at >= self._progress.every:
                shown_at = time.monotonic()
                self._progress.line(progress_line(self.setup.number, self.setup.waves, self._counts, self._at_once, self._last_reset))
            self._every_second()


async def _in_thread(work: Callable[[], bool]) -> bool:
    """What `work` returns, or False if it raises. It is done in a thread that nobody waits for when the wave is over: a host may take its
    time to answer."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def settle(result: bool) -> None:
        if not answer.done():
            answer.set_result(result)

    def in_thread() -> None:
        result = False
        with suppress(Exception):
            result = work()
        with suppress(RuntimeError):  # the loop is gone: the wave is over
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=contextvars.copy_context().run, args=(in_thread,), daemon=True).start()
    return await answer
