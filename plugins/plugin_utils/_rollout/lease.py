# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lease by which one run alone changes a site, and what that run notes in the site's ledger.

Nothing is written and no phone is reset unless the lease was renewed within half of its timeout, so that whoever takes it over after all of
it finds nobody who still changes something.
"""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.processes import is_gone, this_process
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost, TftpHostError

RENEW_EVERY = 30.0
NOTE_EVERY = 10.0
"""Seconds after which what has happened is noted, also if no other phone is to be reset."""
GATHER = 1.0
"""Seconds for which resets wait for others that are about to be sent, so that one call notes them all."""


class NotHeld(Exception):
    """The run does not hold the site any more, or cannot know that it does: it must pause."""


@dataclass(frozen=True)
class Clock:
    """A moment. A process that was stopped, and a machine that slept, are older by it afterwards than they think."""

    monotonic: float = field(default_factory=time.monotonic)
    other: float = field(default_factory=lambda: time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_REALTIME)))

    def age(self) -> float:
        """Seconds since then."""
        now = Clock()
        return max(now.monotonic - self.monotonic, now.other - self.other)


@dataclass(frozen=True)
class Held:
    """That a run holds a site. `ledger`: what its ledger said then. `renewed`: the last time, just before it was asked for."""

    ledger: Ledger
    renewed: Clock


def take(host: TftpHost, run: str, ledger: Ledger, timeout: float, take_over: bool) -> Held:
    """Have the site for this run. Raises TftpHostError if another run holds it."""
    former = (ledger.facts.get("lease") or {}).get("process")
    about = {"who": host.who, "controller": one_line(socket.gethostname(), 100), "process": this_process(), "timeout": timeout}
    renewed = Clock()
    result = host.ledger("take", run, lease=about, seen=ledger.facts["serial"], take_over=take_over or is_gone(former))
    if result["refused"]:
        raise TftpHostError(f"TFTP host {host.name}: {result['refused']}")
    return Held(Ledger(result["ledger"], result["now"]), renewed)


class Lease:
    """The lease of a run at one site while its waves go on. `wave`: the one that it is in. `lost`: how it was lost, for people, or empty.

    A dry run holds nothing (`held` is None), and there is nothing that it must not do, nor to tell.

    `add` and `ask` may be called from any thread, all else from the main one.
    """

    def __init__(self, host: TftpHost, run: str, timeout: float, held: Held | None) -> None:
        self.wave = 0
        self.lost = ""
        self._host = host
        self._run = run
        self._timeout = timeout
        self.is_dry = held is None
        self.ledger = held.ledger if held else Ledger()
        self._renewed = held.renewed if held else Clock()
        self._tried_at = time.monotonic()
        self._every = min(RENEW_EVERY, timeout / 6)
        self._refused = False
        self._notes = 0
        self._rollout: Mapping[str, Any] = {}
        self._queue: queue.SimpleQueue[tuple[dict[str, Any], Future[str] | None]] = queue.SimpleQueue()
        self._events: list[dict[str, Any]] = []
        self._asked: list[Future[str]] = []
        self._asked_since = 0.0

    def begin(self, rollout: Rollout) -> None:
        """Let the ledger know what this run moves, with the next call."""
        self._rollout = rollout.to_json()

    def add(self, phone: Phone, event: str, **more: Any) -> None:
        """Note what has happened to a phone, with one of the next calls. `event` and `more`: as of the module rollout_ledger."""
        self._queue.put((self._event(phone, event, more), None))

    def ask(self, phone: Phone, **more: Any) -> Future[str]:
        """Note that a phone is about to be reset. The result, once that is done: why it must not be, or an empty text."""
        asked: Future[str] = Future()
        self._queue.put((self._event(phone, "reset", more), asked))
        return asked

    def why_not(self) -> str:
        """Why nothing must be sent or written at this moment, or an empty text. From any thread."""
        age = self._renewed.age()
        if self.lost or self.is_dry or age < self._timeout / 2:
            return self.lost
        counts = f"and counts for {self._timeout / 2:g} (half of lease_timeout)"
        return f"the lease of {self._host.name} was renewed {age:.0f} seconds ago, {counts}"

    def hold(self) -> None:
        """Renew it if it is time, because something is about to be written. Raises NotHeld."""
        if not (self.lost or self.is_dry) and self._renewed.age() >= self._every:
            with suppress(TftpHostError):
                self._call("note")
        why = self.why_not()
        if why:
            raise NotHeld(why)

    def tend(self) -> bool:
        """Do what is due: renew it, and note what has happened. Returns whether resets were noted. Raises nothing: `ask` is answered."""
        if self.is_dry:
            return False
        is_calm = self._gather()
        now = time.monotonic()
        resets = bool(self._asked) and (is_calm or now - self._asked_since >= GATHER)
        oldest = self._events[0]["at"] if self._events else now
        urgent = any(event.get("deferred") for event in self._events)
        due = urgent or now - oldest >= min(NOTE_EVERY, self._every) or self._renewed.age() >= self._every
        if not resets and not (due and now - self._tried_at >= min(1.0, self._every)):
            return False
        why = ""
        try:
            self._call("note")
        except TftpHostError as error:
            why = f"what is about to be reset could not be noted: {error}"
        asked, self._asked = self._asked, []
        for one in asked:
            if one.set_running_or_notify_cancel():
                one.set_result(why or self.lost)
        return resets and not (why or self.lost)

    def give_back(self, end: str = "", paused: int = 0) -> str:
        """The run is over: see the module. Returns why the ledger could not be told, or an empty text."""
        if self._refused or self.is_dry:
            return ""
        try:
            self._call("give_back", end=end, paused=paused)
        except TftpHostError as error:
            return str(error)
        return ""

    def _event(self, phone: Phone, event: str, more: Mapping[str, Any]) -> dict[str, Any]:
        return {"phone": phone.name, "mac": phone.mac, "event": event, "at": time.monotonic(), **more}

    def _gather(self) -> bool:
        """Take what has come. Returns whether no other reset was asked for since the last time."""
        is_calm = True
        with suppress(queue.Empty):
            while True:
                event, asked = self._queue.get_nowait()
                self._events.append(event)
                if asked:
                    is_calm = False
                    self._asked_since = self._asked_since if self._asked else time.monotonic()
                    self._asked.append(asked)
        return is_calm

    def _call(self, action: str, **more: Any) -> None:
        """Raises TftpHostError; what it should have noted comes with the next call."""
        self._gather()
        self._tried_at = time.monotonic()
        renewed = Clock()
        events = [{**event, "ago": round(self._tried_at - event["at"], 2)} for event in self._events]
        told, age = len(events), self._renewed.age()
        if self._notes and age >= self._timeout:  # what has happened is told still, so that nobody is forgotten
            self.lost = self.lost or f"this run gave {self._host.name} no sign of life for {age:.0f} seconds, longer than lease_timeout"
        if self._refused:
            return
        told_before = {"notes": self._notes, "wave": self.wave, "rollout": dict(self._rollout)}
        result = self._host.ledger(action, self._run, **told_before, events=events, **more)
        if result["refused"]:
            self._refused, self.lost = True, str(result["refused"])
            return
        self._notes += 1
        self._renewed, self._rollout, self._events = renewed, {}, self._events[told:]
