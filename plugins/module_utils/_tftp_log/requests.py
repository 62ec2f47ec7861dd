# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of a phone out of its events: each file asked for, retries included, and what became of it."""

from __future__ import annotations

from typing import Collection, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .events import ACKED, DENIED, FAILED, MISSING, REQUEST, SERVED, UNACKED, UNSURE, Meaning
from .names import IMAGES, KINDS, LOADS, NAMING, PAIR, Name
from .scene import Thresholds

_RANKS = {REQUEST: 0, UNACKED: 1, ACKED: 1, MISSING: 2, DENIED: 2, FAILED: 2, UNSURE: 2, SERVED: 3}
PORT_TRIES, GIVEN_UP = 4, 9
"""Requests of a file from one port, and the least that are of three ports: after these, phones ask for the next file (log)."""


class Clue(NamedTuple):
    """What an event tells of a phone, without its time: its meaning, the file it is about, and its place among all events of one second."""

    meaning: Meaning
    name: Name
    rank: int


def clue_of(meaning: Meaning, name: Name) -> Clue:
    return Clue(meaning, name, 4 * KINDS.index(name.kind) + _RANKS.get(meaning.kind, 2))


class PhoneLog:
    """The last events that are of one phone.

    `key` is its MAC, or its address if no MAC is known; `clues` are its events with their times; `boots` is how often it booted, `first`
    when it was first seen.
    """

    def __init__(self, key: str, mac: Optional[str], clues: List[Tuple[Optional[float], Clue]], boots: int, first: Optional[float]) -> None:
        self.key = key
        self.mac = mac
        self.clues = clues
        self.boots = boots
        self.first = first
        self.shared: Set[int] = set()
        """Clues, by id, that may be of another phone."""
        self.presumed = False
        """Whether its last events are its own only if it kept its address."""
        self.doubts: List[Tuple[float, Clue]] = []
        """Images that were missing, for this phone or for another."""

    def add(self, clues: Iterable[Tuple[Optional[float], Clue]], first: Optional[float]) -> None:
        """Add the events of its address that do not name its MAC."""
        self.clues += clues
        if first is not None and (self.first is None or first < self.first):
            self.first = first

    def may_ask(self, base: str, when: float, before: float, after: float) -> bool:
        """Whether it can have asked for this file of an image then: it is never about two, and an application that runs asks for none."""
        for at, clue in self.clues:
            if at is None or not when - before <= at <= when + after:
                continue
            kind = clue.name.kind
            if (kind in IMAGES and _version(clue.name.base) != _version(base)) or (kind in PAIR and at < when):
                return False
        return True


def _version(base: str) -> str:
    """What the names of the files of one image have in common."""
    return base[4:].split(".", 1)[0].upper()


def adopt(logs: Collection[PhoneLog], orphans: Iterable[Tuple[Optional[float], Clue]], limits: Thresholds) -> None:
    """Give events without an address, such as dnsmasq's of a file that is missing, to the phone that asked for that file.

    It was a phone that had asked for something just before; for an image, one that had read a file which names one. An image that several
    phones may have asked for is given to none, and is a doubt of each of them.
    """
    known = [(when, clue) for when, clue in orphans if when is not None]
    seconds: Dict[int, List[PhoneLog]] = {}
    readers: Dict[int, List[PhoneLog]] = {}
    for log in logs if known else ():
        for when, clue in log.clues:
            if when is not None:
                for by_second in (seconds, readers) if clue.name.kind in NAMING else (seconds,):
                    owners = by_second.setdefault(int(when), [])
                    if not owners or owners[-1] is not log:
                        owners.append(log)

    def near(by_second: Dict[int, List[PhoneLog]], when: float, before: float, after: float) -> List[PhoneLog]:
        spans = range(int(when - before), int(when + after) + 1)
        return list({log.key: log for second in spans for log in by_second.get(second, ())}.values())

    given: List[Tuple[PhoneLog, float, Clue]] = []
    for when, clue in known:
        if clue.name.kind not in IMAGES:
            # Stamps are whole seconds, and what is sent is logged later.
            owners = near(seconds, when, 2, 1)
            given += [(owner, when, clue) for owner in owners if len(owners) == 1]
            continue
        found = near(readers, when, limits.boot_gap, 2)
        owners = [log for log in found if log.may_ask(clue.name.base, when, limits.boot_gap, 2)]
        if len(owners) == 1:
            given.append((owners[0], when, clue))
            continue
        for log in owners or found or near(seconds, when, limits.boot, limits.boot_gap):
            log.doubts.append((when, clue))
    for owner, when, clue in given:
        owner.clues.append((when, clue))
        owner.shared.add(id(clue))


class Request:
    """One file asked for, retries included, and what became of it (`result`: the kind of the answer, empty if there is none)."""

    __slots__ = (
        "answer_at", "answers", "at", "certain", "first_answer", "kind", "last", "line", "line_at", "logged", "name", "others", "port",
        "result", "sends", "times",
    )  # fmt: skip

    def __init__(self, when: float, name: Name, line: str, port: Optional[int] = None, certain: bool = True) -> None:
        self.at = self.last = self.line_at = when
        self.name = name
        self.kind = name.kind
        self.line = line
        self.times = 1
        self.port = port
        self.sends = 1
        """Requests from this port."""
        self.logged = False
        """Whether the request itself was logged, rather than its answer alone."""
        self.result = ""
        self.answers = 0
        self.first_answer: Optional[float] = None
        self.answer_at: Optional[float] = None
        self.certain = certain
        self.others = False
        """Whether it may be of another phone at the same address."""


def in_order(clues: Iterable[Tuple[Optional[float], Clue]]) -> List[Tuple[float, int, int, Clue]]:
    """Events by time, by rank and as they came."""
    return sorted([(when or 0.0, clue.rank, number, clue) for number, (when, clue) in enumerate(clues)])


def requests_of(clues: Sequence[Tuple[float, int, int, Clue]], shared: Set[int], limits: Thresholds) -> List[Request]:
    """The requests in order, each with what became of it."""
    retry_gap, flash = limits.retry_gap, limits.flash
    requests: List[Request] = []
    last: Dict[str, Request] = {}
    for when, _rank, _number, clue in clues:
        meaning, name, _rank = clue
        kind = meaning.kind
        base = name.base
        if not base:
            _answer_without_file(requests, kind, when)
            continue
        request = last.get(base)
        certain = not (shared and id(clue) in shared)
        if kind == REQUEST:
            if request and when - request.last <= retry_gap and not _is_new(request, meaning):
                if when > request.last:  # a line that is there twice is one request
                    request.times += 1
                    request.last = when
                    request.sends = request.sends + 1 if meaning.port == request.port else 1
                    request.port = meaning.port
                    request.certain = request.certain and certain
                continue
            request = last[base] = Request(when, name, meaning.line, meaning.port, certain)
            request.logged = True
            requests.append(request)
            continue
        if (
            not request
            or when - request.last > flash  # a server that logs no requests: what it answers was asked for
            or (request.result and when - request.last > retry_gap and kind != ACKED and not (request.logged and _is_slow(meaning, name)))
        ):
            request = last[base] = Request(when, name, meaning.line, certain=certain)
            requests.append(request)
        elif (
            kind != ACKED
            and not request.logged
            and when > (request.answer_at if request.answer_at is not None else when)
            and when > request.last
        ):
            request.times += 1  # no requests logged, and answered again
            request.last = when
            request.certain = request.certain and certain
        if kind != ACKED:
            request.answers += 1
            request.answer_at = when
            if request.first_answer is None:
                request.first_answer = when
            if request.result != SERVED:
                request.result = kind
            request.line, request.line_at = meaning.line, when
            request.certain = request.certain and certain
    return requests


def _is_new(request: Request, meaning: Meaning) -> bool:
    """Whether a request so soon is no retry: the file was had, or it comes from another port before the last had its tries but one."""
    if request.result == SERVED and (" finished " in request.line or request.line.startswith("all of ")):
        return True
    return None not in (request.port, meaning.port) and request.port != meaning.port and request.sends < PORT_TRIES - 1


def mark_others(requests: List[Request], log: PhoneLog) -> None:
    """Mark what other phones at its address may have asked for. What was adopted has no address, and no other owner."""
    names = {clue.name.base for _when, clue in log.clues if clue.meaning.address and id(clue) in log.shared}
    for request in requests:
        request.others = not request.certain and request.name.base in names


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


def _is_slow(meaning: Meaning, name: Name) -> bool:
    """Whether an answer is logged long after the request: images take their time."""
    return name.kind in IMAGES and name.kind != LOADS and meaning.kind not in (MISSING, DENIED)
