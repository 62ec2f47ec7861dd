# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of a phone out of its events: each file asked for, retries included, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Collection, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .events import ACKED, DENIED, FAILED, MISSING, REQUEST, SERVED, UNACKED, UNSURE, Meaning
from .names import BINARIES, IMAGES, KINDS, NAMING, OTHER, PAIR, Name
from .scene import Thresholds

_RANKS = {REQUEST: 0, UNACKED: 1, ACKED: 1, MISSING: 2, DENIED: 2, FAILED: 2, UNSURE: 2, SERVED: 3}
PORT_TRIES = 4
"""Requests of a file from one port (log)."""
SHORT_WAIT, LONG_WAIT = 2.0, 3.0
"""Seconds: a phone asks again after 1 s, then every 4 s (log). Stamps are whole seconds, and one may be late."""


class Clue(NamedTuple):
    """What an event tells of a phone, without its time: its meaning, the file it is about, and its place among all events of one second."""

    meaning: Meaning
    name: Name
    rank: int


Timed = Tuple[Optional[float], Clue]
"""A clue and when it was logged, in seconds since 1970; None where the log has no time."""

MINE, MAYBE, NOT_MINE = 2, 1, 0
"""Whose an event is: this phone's; this phone's, as far as the log tells; as well another's, so that it tells nothing of this one."""


def clue_of(meaning: Meaning, name: Name) -> Clue:
    return Clue(meaning, name, 4 * KINDS.index(name.kind) + _RANKS.get(meaning.kind, 2))


@dataclass(eq=False)
class PhoneLog:
    """The last events that are of one phone."""

    key: str
    """Its MAC, or its address if no MAC is known."""
    mac: Optional[str]
    clues: List[Timed]
    boots: int
    """How often it booted."""
    first: Optional[float]
    """When it was first seen."""
    owners: Dict[int, int] = field(default_factory=dict)
    """Whose the clues are, by their ids, where they are not MINE."""

    def add(self, when: Optional[float], clue: Clue, owner: int) -> None:
        self.clues.append((when, clue))
        if owner != MINE:
            self.owners[id(clue)] = min(owner, self.owners.get(id(clue), MINE))

    def may_ask(self, base: str, when: float, before: float, after: float) -> bool:
        """Whether it can have asked for this file of an image then: it is never about two, and an application that runs asks for none."""
        near = [(at, clue.name) for at, clue in self.clues if at is not None and when - before <= at <= when + after]
        others = any(name.kind in IMAGES and _version(name.base) != _version(base) for _at, name in near)
        return not others and not any(name.kind in PAIR and at < when for at, name in near)


def _version(base: str) -> str:
    """What the names of the files of one image have in common."""
    return base[4:].split(".", 1)[0].upper()


def adopt(logs: Collection[PhoneLog], orphans: Iterable[Timed], limits: Thresholds) -> None:
    """Give events without an address, such as dnsmasq's of a file that is missing, to the phone that asked for that file.

    It was a phone that had asked for something just before; for an image, one that had read a file which names one. An image that several
    phones may have asked for is given to none, and is a doubt of each of them.
    """
    timed = [(when, clue) for when, clue in orphans if when is not None]
    if not timed:
        return
    seconds: Dict[int, Dict[str, PhoneLog]] = {}
    readers: Dict[int, Dict[str, PhoneLog]] = {}
    for log in logs:
        for at, clue in log.clues:
            if at is not None:
                for by_second in (seconds, readers) if clue.name.kind in NAMING else (seconds,):
                    by_second.setdefault(int(at), {})[log.key] = log

    def near(by_second: Dict[int, Dict[str, PhoneLog]], when: float, before: float, after: float) -> List[PhoneLog]:
        seconds_near = range(int(when - before), int(when + after) + 1)
        return list({log.key: log for second in seconds_near for log in by_second.get(second, {}).values()}.values())

    given: List[Tuple[PhoneLog, float, Clue, int]] = []
    for when, clue in timed:
        if clue.name.kind not in IMAGES:
            owners = doubtful = near(seconds, when, 2, 1)  # stamps are whole seconds, and what is sent is logged later
        else:
            doubtful = near(readers, when, limits.boot_gap, 2)
            owners = [log for log in doubtful if log.may_ask(clue.name.base, when, limits.boot_gap, 2)]
        if len(owners) == 1:
            given.append((owners[0], when, clue, MAYBE))
        elif clue.name.kind in IMAGES:
            logs_near = owners or doubtful or near(seconds, when, limits.boot, limits.boot_gap)
            given += [(log, when, clue, NOT_MINE) for log in logs_near]
    for log, when, clue, owner in given:
        log.add(when, clue, owner)


@dataclass(eq=False)
class Request:
    """One file asked for, retries included, and what became of it. Times are in seconds since 1970."""

    at: float
    name: Name
    line: str
    """Of the log, that tells most of it."""
    port: Optional[int] = None
    owner: int = MINE
    logged: bool = False
    """Whether the request itself was logged, rather than its answer alone."""
    times: int = 1
    waits: int = 0
    """How often it was asked for again after the longer of the two times that phones wait."""
    sends: int = 1
    """Requests from this port."""
    result: str = ""
    """The kind of the answer, empty if there is none."""
    answers: int = 0
    first_answer: Optional[float] = None
    answer_at: Optional[float] = None

    def __post_init__(self) -> None:
        self.kind = self.name.kind
        self.last = self.line_at = self.at

    @property
    def mine(self) -> bool:
        return self.owner == MINE

    @property
    def others(self) -> bool:
        """Whether it may as well be another phone's."""
        return self.owner == NOT_MINE

    def again(self, when: float, owner: int) -> None:
        """It was asked for once more."""
        self.times += 1
        self.waits += when - self.last >= LONG_WAIT
        self.last = when
        self.owner = min(self.owner, owner)


def requests_of(log: PhoneLog, limits: Thresholds) -> List[Request]:
    """The requests in order, each with what became of it."""
    requests: List[Request] = []
    latest: Dict[str, Request] = {}
    for at, clue in sorted(log.clues, key=lambda one: (one[0] or 0.0, one[1].rank)):
        when = at or 0.0
        meaning, name, _rank = clue
        kind = meaning.kind
        if not name.base:
            _answer_without_file(requests, kind, when)
            continue
        request = latest.get(name.base)
        owner = log.owners.get(id(clue), MINE)
        if kind == REQUEST or meaning.asks:
            if not request or when - request.last > limits.retry_gap or _is_new(request, requests, meaning, when):
                request = latest[name.base] = Request(when, name, meaning.line, meaning.port, owner, logged=True)
                requests.append(request)
            elif when > request.last:  # a line that is there twice is one request
                request.sends = request.sends + 1 if meaning.port == request.port else 1
                request.port = meaning.port
                request.again(when, owner)
            if kind == REQUEST:
                continue
        if (
            not request
            or when - request.last > limits.flash  # a server that logs no requests: what it answers was asked for
            or (
                request.result
                and when - request.last > limits.retry_gap
                and kind != ACKED
                # Images take their time
                and not (request.logged and name.kind in BINARIES and kind not in (MISSING, DENIED))
            )
        ):
            request = latest[name.base] = Request(when, name, meaning.line, owner=owner)
            requests.append(request)
        elif kind != ACKED and not request.logged and request.answer_at is not None and when > max(request.answer_at, request.last):
            request.again(when, owner)  # no requests logged, and answered again
        if kind != ACKED:
            request.answers += 1
            request.answer_at = when
            if request.first_answer is None:
                request.first_answer = when
            if request.result != SERVED:
                request.result = kind
            request.line, request.line_at = meaning.line, when
            request.owner = min(request.owner, owner)
    return requests


def _is_new(request: Request, requests: List[Request], meaning: Meaning, when: float) -> bool:
    """Whether a request so soon is no retry: the file was had, or it comes from another port before the last had its tries but one.

    Phones ask again after 1 s and then every 4 s (log): whoever does so has not got it, whatever the server says.
    """
    gap = when - request.last
    recent = requests[-8:]
    between = recent[recent.index(request) + 1 :] if request in recent else [request, *recent]
    rhythm = (gap <= SHORT_WAIT and request.times % PORT_TRIES < 2) or LONG_WAIT < gap <= LONG_WAIT + 2
    rhythm = rhythm and request.kind != OTHER and all({one.kind, request.kind} <= set(PAIR) for one in between)
    if request.result == SERVED and (" finished " in request.line or request.line.startswith("all of ") or meaning.asks):
        return not rhythm
    return None not in (request.port, meaning.port) and request.port != meaning.port and request.sends < PORT_TRIES - 1 and not rhythm


def _answer_without_file(requests: List[Request], kind: str, when: float) -> None:
    """Take an answer that does not say of which file it is."""
    if kind == FAILED:
        if requests and not requests[-1].result:
            requests[-1].result, requests[-1].answer_at = kind, when
            requests[-1].answers += 1
        return
    # Its request is not in the log, or behind it: it may be of any that has no answer, and of none.
    for request in requests[-8:]:
        if not request.result and when - request.last <= 2:
            request.owner = min(request.owner, MAYBE)
