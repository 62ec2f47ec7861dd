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
from contextlib import contextmanager
from itertools import chain
from typing import Any, Collection, Deque, Dict, Iterable, Iterator, NamedTuple, Optional, Sequence, Set, Union, cast

from .capture import is_capture, read_capture
from .events import ACKED, MISSING, REQUEST, SERVED, SERVER_START, UNACKED, UNSURE, Event, Meaning, Stats, remember
from .judge import Facts, facts_of
from .names import STARTS, Name, name_of
from .phones import Owners, Stream, Timed
from .reader import Reader, tells_repeats
from .requests import Clue, adopt, clue_of
from .scene import Scene, Thresholds
from .sources import open_log
from .stamps import NEVER
from .verdicts import ANSWERS, CERTAIN, LIKELY

MOST_PHONES = 50_000
_MOST_MESSAGES = 200_000


class _Place(NamedTuple):
    """Where an event of some meaning goes: to the stream of its phone or address, as this clue; and whether a boot begins with it."""

    stream: Stream
    clue: Clue
    starts: bool


class PhoneLogs:
    """The last events of each phone in a log. Memory grows with the phones, never with the log.

    Events before `since` and after `until` (seconds since 1970) do not count.
    """

    def __init__(self, limits: Optional[Thresholds] = None, since: Optional[float] = None, until: Optional[float] = None) -> None:
        self._limits = limits or Thresholds()
        self._since = since
        self._until = until
        self._streams: Dict[str, Stream] = {}
        """By MAC, or by address."""
        self._messages: Dict[bytes, _Place] = {}
        """By messages as they stand in lines, of those that say by themselves whose they are."""
        self._places: Dict[Meaning, _Place] = {}
        self._names: Dict[str, Name] = {}
        self._nameless: Deque[float] = deque(maxlen=1000)
        """When requests were logged whose address the log does not tell."""
        self._orphans: Deque[Timed] = deque(maxlen=1000)
        """Events with neither MAC nor address."""
        self._answers = False
        self._kinds: Set[str] = set()
        self._absent: Set[str] = set()
        self._wire = False
        self._starts: Deque[float] = deque(maxlen=1000)

    # -- in

    def read(self, lines: Iterable[bytes], reader: Reader) -> None:
        """Add a log. Most lines differ from one before in time and process only: a look into a dict tells what such a line says."""
        before = b""
        for line in lines:
            head, _end, message = line.partition(b"]: ")
            place = self._messages.get(message)
            when = reader.read_again(head, place.clue.meaning) if place else NEVER
            if place and when != NEVER:
                if self._counts(when):
                    self._add(when, place)
            elif tells_repeats(line):
                for repeat in reader.repeats(line, before):
                    self.feed(repeat)
            else:
                event, alone = reader.read(line)
                place = self.feed(event) if event else None
                if place and alone:
                    remember(self._messages, alone, place, _MOST_MESSAGES)
            before = line

    def feed(self, event: Event) -> Optional[_Place]:
        """Add an event. Returns where it went; None if that was to no phone."""
        when = None if event.time is None else float(event.time)
        place = self._place(Meaning(*event[1:]), when) if self._counts(when) else None
        if place:
            self._add(when, place)
        return place

    def _add(self, when: Optional[float], place: _Place) -> None:
        place.stream.seen.append((when, place.clue))
        if place.starts:
            place.stream.start(when, self._limits.boot_gap)

    def _counts(self, when: Optional[float]) -> bool:
        return when is None or not ((self._since is not None and when < self._since) or (self._until is not None and when > self._until))

    def _place(self, meaning: Meaning, when: Optional[float]) -> Optional[_Place]:
        place = self._places.get(meaning)
        if place:
            return place
        name = self._names.get(meaning.file)
        if name is None:
            name = name_of(meaning.file)
            remember(self._names, meaning.file, name, _MOST_MESSAGES)
        clue = clue_of(meaning, name)
        if meaning.kind == SERVER_START:
            if when is not None:
                self._starts.append(when)
            return None
        self._note(meaning, name, when)
        key = name.mac or meaning.address
        if not key:
            self._orphans.append((when, clue))
            return None
        stream = self._stream(key)
        if not stream:
            return None
        if stream.first is None:
            stream.first = when
        if name.mac and meaning.address and meaning.address not in stream.macs:
            self._add_mac(meaning.address, name.mac, when)
            stream.macs[meaning.address] = when
        starts = name.kind in STARTS and (meaning.kind == REQUEST or (meaning.kind in (MISSING, SERVED) and not stream.asks))
        stream.asks = stream.asks or (starts and meaning.kind == REQUEST)
        place = _Place(stream, clue, starts)
        if meaning.port is None or len(self._places) < MOST_PHONES:
            remember(self._places, meaning, place, _MOST_MESSAGES)
        return place

    def _note(self, meaning: Meaning, name: Name, when: Optional[float]) -> None:
        """What an event tells of the log as a whole."""
        if meaning.kind in ANSWERS and meaning.kind != UNSURE:
            self._answers = True
        self._kinds.add(name.kind)
        if meaning.kind == MISSING:
            self._absent.add(name.kind)
        elif meaning.kind in (ACKED, UNACKED):
            self._wire = True
        if meaning.kind == REQUEST and not meaning.address and when is not None:
            self._nameless.append(when)

    def _stream(self, key: str) -> Optional[Stream]:
        """None if there are too many: such a log is forged."""
        stream = self._streams.get(key)
        if stream is None and len(self._streams) < 2 * MOST_PHONES:
            stream = self._streams[key] = Stream(key)
        return stream

    def _add_mac(self, address: str, mac: str, when: Optional[float]) -> None:
        stream = self._stream(address)
        if stream and mac not in stream.macs:
            stream.macs[mac] = when
            stream.make_room()

    # -- out

    def result(self, now: float, since: Optional[float] = None, root_files: Optional[Collection[str]] = None) -> Dict[str, Facts]:
        """Facts of each phone, by MAC, or by address where no MAC is known.

        mac, address, verdict, confidence, advice, evidence (messages with their times), boots, generation, first_seen, last_seen,
        timeline (time, file, result and number of the last requests). Times are seconds since the epoch or None. `root_files` are the names
        in the TFTP root, if known: they tell a wrong case from a missing file, and another root from this.
        """
        events = chain(self._orphans, *(stream.seen for stream in self._streams.values()))
        times = chain(self._starts, (when for when, _clue in events if when is not None))
        end = max(times, default=now)
        now = now if self._until is None else min(now, self._until)
        scene = Scene(self._limits, end, self._answers, self._kinds, list(self._starts), root_files, now)
        scene.absent, scene.wire = self._absent, self._wire
        owners = Owners(self._streams, self._limits, self._nameless)
        logs = owners.logs()
        adopt(logs.values(), self._orphans, self._limits)
        result: Dict[str, Facts] = {}
        for key, log in logs.items():
            facts = facts_of(log, scene, since)
            if facts:
                if key in owners.presumed and facts["confidence"] == CERTAIN:
                    facts["confidence"] = LIKELY
                result[key] = facts
        return result


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Without the search for cycles: there are none, and to look at all that is kept again and again takes a third of the time."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()


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

    Returns phones (as `PhoneLogs.result`), lines, unknown (lines that no TFTP server wrote), server (its kind, or kinds). Raises OSError,
    with ESTALE if a log was cut or written anew while it was read.
    """
    with _no_garbage():
        stats = Stats()
        logs = PhoneLogs(thresholds, since, until)
        rest: Iterator[Union[str, bytes]] = iter(sources)
        for source in rest:
            if isinstance(source, bytes):
                logs.read(chain((source,), cast("Iterator[bytes]", rest)), Reader(now, stats))
            elif is_capture(source):
                for event in read_capture(source, stats):
                    logs.feed(event)
            else:
                reader = Reader(min(now, os.stat(source).st_mtime), stats)
                logs.read(open_log(source, since, reader), reader)
        return {
            "phones": logs.result(now, since, root_files),
            "lines": stats.lines,
            "unknown": stats.unknown,
            "server": stats.server,
        }
