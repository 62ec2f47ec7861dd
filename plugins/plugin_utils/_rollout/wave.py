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
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Counts, Progress, spoken
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Pace, Patience, Result, Results, Targets
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

Stop = Callable[[Mapping[str, str], int], str]
"""From the failures of the wave so far (name → kind) and the number of phones that have ended: why to stop, or an empty text."""


class Watcher(Protocol):
    """Who is told what becomes of the phones, while it happens."""

    def told(self, phone: Phone, about: str, result: Result) -> None:
        """`about` is `reset` (about to be sent), `sent`, `back` or `failed`."""

    def cause(self, phone: Phone) -> Result | None:
        """Why the phone cannot come back, as `kind`, `reason` and `advice`, if that is known for certain."""


class Interrupted(Exception):
    """Somebody ended the run. What is known so far stands in the results."""


@dataclass
class Order:
    """What a wave shall do. `awaited`: phones that an earlier run has reset, with the seconds since (name → `seconds`, `deferred`,
    `doubtful`). `at_once`: phones that may be down at once."""

    number: int
    waves: int
    phones: Sequence[Phone]
    targets: Targets
    awaited: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    """Phones that count as failed from the start (name → kind): those that could not be observed."""
    at_once: int = 0
    down: int = 0
    """Phones of earlier waves that still are down, and take up room."""
    soak_seconds: float = 0.0
    require_registered: bool = False


class Wave:
    """Runs an Order. `resets` and `waits` hold what is known at any time, as of `fleet.reset` and `fleet.wait`, each result with `at`
    (Unix seconds). `stopped` is why no more phones were reset, or empty."""

    def __init__(
        self,
        order: Order,
        pace: Pace,
        patience: Patience,
        stop: Stop,
        progress: Progress,
        watcher: Watcher,
        saved: Callable[[Wave], None] = lambda wave: None,
        diagnose: Callable[[float], bool] | None = None,
    ) -> None:
        self.order = order
        self.resets: Results = {}
        self.waits: Results = {}
        self.stopped = ""
        self._pace = pace
        self._patience = patience
        self._stop = stop
        self._progress = progress
        self._watcher = watcher
        self._saved = saved
        self._diagnose = diagnose
        self._counts = Counts(len(order.phones) + len(order.lost), failed=len(order.lost))
        self._failed: dict[str, str] = dict(order.lost)
        self._at_once = order.at_once - order.down if order.at_once else max(1, len(order.phones))
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
        self._judge_room()
        helpers = [asyncio.create_task(self._report()), asyncio.create_task(self._ask_why())]
        try:
            await asyncio.gather(*map(self._one, self.order.phones))
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
            await self._take(phone)
        finally:
            if not self._stays_down(phone):
                self._room.release()

    async def _take(self, phone: Phone) -> None:
        earlier = self.order.awaited.get(phone.name)
        if earlier and await self._await(phone, {**earlier, "seconds": earlier["seconds"] + time.monotonic() - self._counts.began}):
            return
        async with self._sessions:
            if self.stopped or self.orphaned:
                return
            reset = await fleet.reset_one(phone, self._pace.limits, self.order.targets[phone.name], self._about_to)
        if reset["kind"] == fleet.NOT_WANTED:
            return
        reset["at"] = time.time()
        self.resets[phone.name] = reset
        self._last_reset = time.monotonic()
        if reset["already"] or (not reset["sent"] and reset["kind"] not in fleet.MAY_BE_RESTARTING):
            self._ended(phone, {"on_target": reset["already"], **reset, "seconds": 0.0})
            return
        if reset["sent"]:
            self._watcher.told(phone, "sent", reset)
        await self._await(phone, {"seconds": 0.0, "deferred": reset["deferred"]})

    async def _await(self, phone: Phone, reset: Mapping[str, Any]) -> bool:
        """False if the phone evidently was not reset after all."""
        in_call = bool(reset["deferred"])
        self._counts.in_call += in_call
        self._counts.flashing += not in_call
        try:
            wait = await fleet.until_back(
                phone,
                self.order.targets[phone.name],
                self._sessions,
                self._pace.limits,
                self._patience,
                cause=self._watcher.cause,
                away=lambda: min(self._counts.flashing + self._counts.in_call + self._counts.untouched, self._at_once),
                deferred=reset["deferred"],
                since=reset["seconds"],
                doubtful=reset.get("doubtful", False),
            )
        finally:
            self._counts.in_call -= in_call
            self._counts.flashing -= not in_call
        if not wait["on_target"] and wait["kind"] is None:
            return False
        wait["at"] = time.time()
        self.waits[phone.name] = wait
        self._ended(phone, wait)
        return True

    def _ended(self, phone: Phone, result: Result) -> None:
        if result["on_target"]:
            self._counts.done += 1
            self._counts.longest = max(self._counts.longest, result["seconds"])
            self._watcher.told(phone, "back", result)
        else:
            self._fail(phone, result)
        self._judge()

    def _fail(self, phone: Phone, result: Result) -> None:
        self._counts.failed += 1
        self._failed[phone.name] = result["kind"]
        self._watcher.told(phone, "failed", result)
        self._progress.event(f"wave {self.order.number} of {self.order.waves}: {phone.name} failed: {result['reason']}")

    def _judge(self) -> None:
        # Who could not be observed beforehand counts, but alone is no reason to leave the others of the wave
        news = len(self._failed) > len(self.order.lost) and not self.stopped
        why = self._stop(self._failed, self._counts.done + self._counts.failed) if news else ""
        if why:
            self._no_more(why)

    def _no_more(self, why: str) -> None:
        self.stopped = why
        if self._counts.untouched > 0:
            self._progress.event(f"wave {self.order.number} of {self.order.waves}: no more phones are reset: {why}")

    def _about_to(self, phone: Phone) -> bool:
        """Asked when a phone has taken the password: much may have happened since it was its turn."""
        if self.stopped or self.orphaned:
            return False
        self._watcher.told(phone, "reset", {"image": self.order.targets[phone.name].name})
        # So it stands if the run is interrupted before the phone's answer
        unanswered = {"sent": True, "already": False, "deferred": False, "image": None, "kind": None, "reason": None}
        self.resets[phone.name] = {**unanswered, "mac": phone.mac, "at": time.time()}
        return True

    def _stays_down(self, phone: Phone) -> bool:
        """Whether the phone takes its room along: one that is gone still is down, and whoever comes next has less room."""
        gone = phone.name in self._failed and self.waits.get(phone.name, {}).get("down")
        if self.stopped or not gone:
            return False
        self._at_once -= 1
        self._judge_room()
        return self._at_once > 0

    def _judge_room(self) -> None:
        if self._at_once < 1 and self._counts.untouched > 0:
            self._no_more(f"as many phones are down as may be (max_unavailable){_named(self._failed)}")

    async def _soak(self) -> None:
        """See that the phones that came back still are there."""
        back = [phone for phone in self.order.phones if phone.name not in self._failed]
        if not back or not (self.order.soak_seconds or self.order.require_registered):
            return
        if self.order.soak_seconds:
            self._progress.event(f"wave {self.order.number} of {self.order.waves}: soaking for {self.order.soak_seconds:g} seconds")
            await asyncio.sleep(self.order.soak_seconds)
        await asyncio.gather(*map(self._still, back))
        self._judge()

    async def _still(self, phone: Phone) -> None:
        until = time.monotonic() + min(REGISTER_SECONDS, self._patience.wait)
        look = fleet.look_at_lines if self.order.require_registered else fleet.look
        while True:
            async with self._sessions:
                seen = await look(phone, self._pace.limits)
            problem = self._problem(phone, seen)
            if problem is None:
                return
            if problem[0] == fleet.WRONG_IMAGE or time.monotonic() >= until:
                break
            await asyncio.sleep(min(REGISTER_POLL, max(0.1, until - time.monotonic())))
        kind, reason = problem
        result = {**self.waits.get(phone.name, {"seconds": None}), "on_target": False, "kind": kind, "reason": reason, "advice": ""}
        result.update(was_back=True, down=not seen["reachable"])
        self.waits[phone.name] = {**result, "image": seen["image"], "at": time.time()}
        self._counts.done -= 1
        self._fail(phone, self.waits[phone.name])

    def _problem(self, phone: Phone, seen: Result) -> tuple[str, str] | None:
        when = f"{self.order.soak_seconds:g} seconds after its wave"
        if not seen["reachable"]:
            return seen["kind"], f"was on the image, but not {when}: {seen['reason']}"
        if not fleet.runs(seen["image"], self.order.targets[phone.name]):
            return fleet.WRONG_IMAGE, f"was on the image, but {when} runs {seen['image']}"
        lines = seen.get("unregistered")
        return (fleet.NOT_REGISTERED, f"runs the image, but is not registered: {lines}") if lines else None

    async def _ask_why(self) -> None:
        """Let the TFTP server's log say which phones cannot come back, as long as it can."""
        ask, began = self._diagnose, time.monotonic()
        await asyncio.sleep(FIRST_DIAGNOSIS)
        while ask and await self._asked(ask, time.monotonic() - began):
            await asyncio.sleep(DIAGNOSIS_EVERY)

    @staticmethod
    async def _asked(ask: Callable[[float], bool], seconds: float) -> bool:
        """In a thread that nobody waits for when the wave is over: a host may take its time to answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()

        def settle(goes_on: bool) -> None:
            if not answer.done():
                answer.set_result(goes_on)

        def work() -> None:
            goes_on = False
            with suppress(Exception):
                goes_on = ask(seconds)
            with suppress(RuntimeError):  # the loop is gone: the wave is over
                loop.call_soon_threadsafe(settle, goes_on)

        threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True).start()
        return await answer

    async def _report(self) -> None:
        shown = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            if self.orphaned and self._task:
                self._task.cancel()
            if time.monotonic() - shown >= self._progress.every:
                shown = time.monotonic()
                self._progress.line(spoken(self.order.number, self.order.waves, self._counts, self._at_once, self._last_reset))
            self._saved(self)


def _named(failed: Collection[str], most: int = 10) -> str:
    names = sorted(failed)
    return (f": {', '.join(names[:most])}" if names else "") + (f" and {len(names) - most} more" if len(names) > most else "")
