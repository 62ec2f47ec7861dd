# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the logs of a TFTP server to a verdict on each phone, in one pass over their lines.

No order within a second counts, and no line that is not there: logs are shuffled, cut and filtered, and many servers log requests only.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from itertools import chain
from typing import Any, Collection, Deque, Dict, Iterable, Iterator, NamedTuple, Optional, Sequence, Tuple, Union, cast

from .._tftp.client import BEGIN, LONGEST, mark_of
from .bounds import reading
from .capture import is_capture, read_capture
from .events import SERVER_START, Event, Meaning, Stats, remember
from .judge import Facts, facts_of
from .names import name_of
from .phones import Owners, Starts, Stream
from .reader import Reader
from .requests import Clue, Timed, adopt, clue_of
from .scene import Scene, Thresholds
from .sources import open_log

_MOST_MEANINGS = 200_000
_MOST_CHECKS = 1000
_SLACK = 2.0
"""Seconds: stamps are whole ones, and what was sent is logged later."""


class _Place(NamedTuple):
    """Where an event of some meaning goes: to the stream of its phone or address, as this clue; `starts` counts it if it begins a boot."""

    stream: Stream
    clue: Clue
    starts: Optional[Starts]


class PhoneLogs:
    """The last events of each phone in a log. Memory grows with the phones, never with the log.

    Events before `since` and after `until` (seconds since 1970) do not count. `root_files` are the names in the TFTP root, if known: they
    tell a wrong case from a missing file, and another root from this.
    """

    def __init__(
        self,
        limits: Optional[Thresholds] = None,
        since: Optional[float] = None,
        until: Optional[float] = None,
        root_files: Optional[Collection[str]] = None,
    ) -> None:
        self._scene = Scene(limits, root_files)
        self._since = since
        self._begin = float("-inf") if since is None else since
        self._end = float("inf") if until is None else until
        self._streams: Dict[str, Stream] = {}
        """By MAC, or by address."""
        self._places: Dict[Meaning, _Place] = {}
        """By meanings."""
        self._orphans: Deque[Timed] = deque(maxlen=1000)
        """Events with neither MAC nor address."""
        self._checks: Dict[str, Tuple[float, float]] = {}
        """By address from which a check of ours asked the server: when the last one began, and when it is over."""

    def feed(self, events: Iterable[Event]) -> None:
        """Add events."""
        for when, meaning in events:
            if when is not None and not self._begin <= when <= self._end:
                continue
            place = self._places.get(meaning) or self._place(meaning, when)
            if place:
                place.stream.seen.append((when, place.clue))
                if place.starts:
                    place.starts.add(when, self._scene.limits.boot_gap)

    def _place(self, meaning: Meaning, when: Optional[float]) -> Optional[_Place]:
        """Where an event goes whose meaning is new; None if that is to no phone."""
        if meaning.kind == SERVER_START:
            if when is not None:
                self._scene.starts.append(when)
            return None
        name = name_of(meaning.file)
        mark = mark_of(meaning.file)
        if mark:
            self._note_check(meaning.address, mark == BEGIN, when or 0.0)
            return None
        if not name.mac and self._of_check(meaning.address, when or 0.0):
            return None
        clue = clue_of(meaning, name)
        self._scene.note(meaning, name.kind, when)
        key = name.mac or meaning.address
        if not key:
            self._orphans.append((when, clue))
            return None
        stream = self._stream(key)
        if stream.first is None:
            stream.first = when
        if name.mac and meaning.address and meaning.address not in stream.macs:
            stream.macs[meaning.address] = when
            behind = self._stream(meaning.address)
            if name.mac not in behind.macs:
                behind.macs[name.mac] = when
                behind.make_room()
        place = _Place(stream, clue, stream.starts_by(clue))
        remember(self._places, meaning, place, _MOST_MEANINGS)
        return place

    def _note_check(self, address: str, begins: bool, when: float) -> None:
        """From now on, or until now, this address asks for no phone, but where it names one. Lines of one second may be in any order."""
        begin = when - _SLACK if begins else self._checks.get(address, (when - LONGEST,))[0]
        remember(self._checks, address, (begin, when + (LONGEST if begins else _SLACK)), _MOST_CHECKS)
        self._places.clear()  # where its requests went before is no guide
        stream = self._streams.get(address)
        if stream:
            stream.seen = deque((one for one in stream.seen if (one[0] or 0.0) < begin), stream.seen.maxlen)

    def _of_check(self, address: str, when: float) -> bool:
        """Whether an event is of a check of ours; of one whose address the log does not tell, whether it may be."""
        checks = self._checks.values() if not address else (self._checks[address],) if address in self._checks else ()
        return any(begin <= when <= end for begin, end in checks)

    def _stream(self, key: str) -> Stream:
        return self._streams.get(key) or self._streams.setdefault(key, Stream(key))

    def result(self, now: float) -> Dict[str, Facts]:
        """Facts of each phone, by MAC, or by address where no MAC is known. `now` is when the log was read, in seconds since 1970.

        mac, address, verdict, confidence, advice, evidence (messages with their times), boots, generation, first_seen, last_seen,
        timeline (time, file, result and number of the last requests). Times are seconds since the epoch or None.
        """
        scene = self._scene
        events = chain(self._orphans, *(stream.seen for stream in self._streams.values()))
        scene.end = max(chain(scene.starts, (when for when, _clue in events if when is not None)), default=now)
        scene.now = max(scene.end, min(now, self._end))
        logs = Owners(self._streams, scene).logs()
        adopt(logs.values(), self._orphans, scene.limits)
        facts = {key: facts_of(log, scene, self._since) for key, log in logs.items()}
        return {key: one for key, one in facts.items() if one}


def diagnose(
    sources: Union[Sequence[str], Iterable[bytes]],
    *,
    now: float,
    since: Optional[float] = None,
    until: Optional[float] = None,
    thresholds: Optional[Thresholds] = None,
    root_files: Optional[Collection[str]] = None,
) -> Dict[str, Any]:
    """All of it: paths of logs and captures, oldest first, or the lines of one log.

    Returns phones (as `PhoneLogs.result`) and the parts of `Stats`. Raises OSError, with ESTALE if a log was cut or written anew while
    it was read.
    """
    gc.disable()  # there is no garbage, and to look for it among all that is kept takes a third of the time
    try:
        stats = Stats()
        logs = PhoneLogs(thresholds, since, until, root_files)
        rest: Iterator[Union[str, bytes]] = iter(sources)
        for source in rest:
            with reading(source if isinstance(source, str) else ""):
                if isinstance(source, bytes):
                    events = Reader(now, stats).events(chain((source,), cast("Iterator[bytes]", rest)))
                elif is_capture(source):
                    events = read_capture(source, stats)
                else:
                    reader = Reader(min(now, os.stat(source).st_mtime), stats)
                    events = reader.events(open_log(source, since, reader))
                logs.feed(events)
        return {"phones": logs.result(now), **stats.told()}
    finally:
        gc.enable()
