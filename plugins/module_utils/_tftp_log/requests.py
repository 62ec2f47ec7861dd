# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of a phone out of its events: each file asked for, retries included, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Collection, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from .events import ACKED, DENIED, FAILED, MISSING, REQUEST, SERVED, UNACKED, UNSURE, Meaning
from .names import BINARIES, IMAGES, KINDS, NAMING, PAIR, Name
from .scene import Thresholds

_RANKS = {REQUEST: 0, UNACKED: 1, ACKED: 1, MISSING: 2, DENIED: 2, FAILED: 2, UNSURE: 2, SERVED: 3}
PORT_TRIES = 4
"""Requests of a file from one port (log)."""


class Clue(NamedTuple):
    """What an event tells of a phone, without its time: its meaning, the file it is about, and its place among all events of one second."""

    meaning: Meaning
    name: Name
    rank: int


Timed = Tuple[Optional[float], Clue]
"""A clue and when it was logged, in seconds since 1970; None where the log has no time."""


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
    shared: Set[int] = field(default_factory=set)
    """Clues, by id, that may be of another phone."""
    presumed: bool = False
    """Whether its last events are its own only if it kept its address."""
    doubts: List[Tuple[float, Clue]] = field(default_factory=list)
    """Images that were missing, for this phone or for another."""

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

    given: List[Tuple[PhoneLog, float, Clue]] = []
    for when, clue in timed:
        if clue.name.kind not in IMAGES:
            owners = doubtful = near(seconds, when, 2, 1)  # stamps are whole seconds, and what is sent is logged later
        else:
            doubtful = near(readers, when, limits.boot_gap, 2)
            owners = [log for log in doubtful if log.may_ask(clue.name.base, when, limits.boot_gap, 2)]
        if len(owners) == 1:
            given.append((owners[0], when, clue))
        elif clue.name.kind in IMAGES:
            for log in owners or doubtful or near(seconds, when, limits.boot, limits.boot_gap):
                log.doubts.append((when, clue))
    for owner, when, clue in given:
        owner.clues.append((when, clue))
        owner.shared.add(id(clue))


@dataclass(eq=False)
class Request:
    """One file asked for, retries included, and what became of it. Times are in seconds since 1970."""

    at: float
    name: Name
    line: str
    """Of the log, that tells most of it."""
    port: Optional[int] = None
    certain: bool = True
    """Whether it is of this phone, and no other's."""
    others: bool = False
    """Whether it may be of another phone at the same address."""
    logged: bool = False
    """Whether the request itself was logged, rather than its answer alone."""
    times: int = 1
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
        certain = id(clue) not in log.shared
        if kind == REQUEST:
            if not request or when - request.last > limits.retry_gap or _is_new(request, meaning):
                request = latest[name.base] = Request(when, name, meaning.line, meaning.port, certain, logged=True)
                requests.append(request)
            elif when > request.last:  # a line that is there twice is one request
                request.sends = request.sends + 1 if meaning.port == request.port else 1
                request.port = meaning.port
                _count_try(request, when, certain)
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
            request = latest[name.base] = Request(when, name, meaning.line, certain=certain)
            requests.append(request)
        elif kind != ACKED and not request.logged and request.answer_at is not None and when > max(request.answer_at, request.last):
            _count_try(request, when, certain)  # no requests logged, and answered again
        if kind != ACKED:
            request.answers += 1
            request.answer_at = when
            if request.first_answer is None:
                request.first_answer = when
            if request.result != SERVED:
                request.result = kind
            request.line, request.line_at = meaning.line, when
            request.certain = request.certain and certain
    # What was adopted has no address, and no other owner
    names = {clue.name.base for _when, clue in log.clues if clue.meaning.address and id(clue) in log.shared}
    for request in requests:
        request.others = not request.certain and request.name.base in names
    return requests


def _count_try(request: Request, when: float, certain: bool) -> None:
    request.times += 1
    request.last = when
    request.certain = request.certain and certain


def _is_new(request: Request, meaning: Meaning) -> bool:
    """Whether a request so soon is no retry: the file was had, or it comes from another port before the last had its tries but one."""
    if request.result == SERVED and (" finished " in request.line or request.line.startswith("all of ")):
        return True
    return None not in (request.port, meaning.port) and request.port != meaning.port and request.sends < PORT_TRIES - 1


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
            request.certain = False
