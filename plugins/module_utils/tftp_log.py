# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a TFTP server, told apart by phones, for `tftp_verdict` to judge.

No order within a second counts, and no line that is not there: logs are shuffled, cut and filtered, and many servers log requests only.
"""

from __future__ import annotations

import os
import re
from collections import deque
from itertools import filterfalse
from operator import length_hint
from typing import Any, Callable, Collection, Deque, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple, Union

from .tftp_lines import (
    ACKED,
    MISSING,
    REQUEST,
    SERVED,
    SERVER_START,
    UNACKED,
    UNSURE,
    Event,
    Reader,
    Said,
    Stats,
    blocks,
    is_capture,
    read_capture,
)
from .tftp_verdict import ANSWERS, IMAGES, LOADS, NAMING, STARTS, Facts, Name, Phone, Scene, Sight, Thresholds, facts_of, name_of

KEPT = 64
"""Events of one phone that are kept: some boots, or several minutes of retries."""
MOST_PHONES = 50_000
_MOST_MESSAGES = 200_000
_MOST_BROKEN = 16
_MOST_WAITING = 1 << 20
_PROCESS = re.compile(rb" (in\.tftpd\[[0-9]+\]): ")
_SLOW = 32
"""What an event that is not like one before counts among those that wait: it takes more memory."""


# -- what is kept


class _Stream:
    """The last events of one phone, or of one address, and how often it booted."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.room = 2 * KEPT
        self.seen: Deque[Any] = deque(maxlen=self.room)  # a time, what was said then, a time ...
        self._sights: List[Sight] = []
        self.late: List[Any] = []
        """What is to come to `seen`, the last first."""
        self.boots = 0
        self.first: Optional[float] = None
        self._last_start: Optional[float] = None
        self.macs: Set[str] = set()

    def start(self, when: Optional[float], boot_gap: float) -> None:
        """Count a request that starts a boot."""
        if when is None:
            self.boots += 1
            return
        if self._last_start is None or abs(when - self._last_start) >= boot_gap:
            self.boots += 1
        self._last_start = when

    def grow(self) -> None:
        """More room, for the phones behind one address."""
        self.room = min(2 * KEPT * (len(self.macs) + 1), 1 << 16)
        self.seen = deque(self.seen, maxlen=self.room)

    def events(self) -> Iterator[Tuple[Optional[float], Sight]]:
        pairs = iter(self.seen)
        return ((when, self._sights[said] if said.__class__ is int else said) for when, said in zip(pairs, pairs))

    def phone(self, mac: Optional[str]) -> Phone:
        return Phone(self.key, mac, list(self.events()), self.boots, self.first)

    def code(self, sight: Sight) -> Any:
        """What to keep for something said: a small number, as long as there are any. Those cost no look into far memory."""
        if sight.said.port is not None or len(self._sights) >= 256:
            return sight
        self._sights.append(sight)
        return len(self._sights) - 1


def _ignore(_item: object) -> None:
    """In place of an append, for a time that is not asked for."""


class _Known:
    """Where an event goes, and as what."""

    __slots__ = ("code", "sight", "starts", "stream")

    def __init__(self, stream: _Stream, sight: Sight, starts: bool) -> None:
        self.stream = stream
        self.code = stream.code(sight)
        self.sight = sight
        self.starts = starts


class Stories:
    """The story of each phone. Memory grows with the phones, never with the log."""

    def __init__(self, thresholds: Optional[Thresholds] = None, since: Optional[float] = None, until: Optional[float] = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.since = since
        self.until = until
        self.answered = 0
        """How many kinds of answers of the server were seen: none in a log of requests."""
        self.bogus = 0
        """Events of more phones than are kept."""
        self._streams: Dict[str, _Stream] = {}
        self._known: Dict[bytes, _Known] = {}
        self._known_starts: Dict[bytes, _Known] = {}
        self._late: List[Any] = []
        """What was seen, then its time, and so on, all that has not come to its streams yet: most never does, they keep the last only."""
        self._waiting = 0
        self._before = b""
        self._told: Dict[Said, _Known] = {}
        self._names: Dict[str, Name] = {}
        self._starts: Deque[float] = deque(maxlen=1000)
        self._orphans: Deque[Tuple[Optional[float], Sight]] = deque(maxlen=1000)
        self._end: Optional[float] = None
        self._kinds: Set[str] = set()
        self._absent: Set[str] = set()
        self._wire = False

    # -- in

    def feed(self, event: Event) -> None:
        when = event.time
        if not self._wanted(when):
            return
        known = self._place(Said(*event[1:]), when)
        if known:
            when = None if when is None else float(when)
            if known.starts:
                known.stream.start(when, self.thresholds.boot_gap)
            self._late += (known, when)
            self._wait(_SLOW)

    def feed_lines(self, lines: Iterable[bytes], now: float, stats: Optional[Stats] = None) -> None:
        """As `feed` of each of `tftp_lines.events`, only faster."""
        reader = Reader(now, stats or Stats())
        some: List[bytes] = []
        for line in lines:
            some.append(line.rstrip(b"\r\n"))
            if len(some) == 1000:
                self.feed_block(b"\n".join(some) + b"\n", reader)
                some.clear()
        if some:
            self.feed_block(b"\n".join(some) + b"\n", reader)

    def feed_block(self, block: bytes, reader: Reader) -> None:
        """Whole lines. Most are as one before but for time and process: a look into a dict tells what such a line says."""
        broken = 0
        whole = block
        while block:
            read = self._feed_fast(block, reader)
            if read < 0:
                break
            lines = block.split(b"\n")[:-1]
            broken += 1
            # One line of another shape: the rest may be usual again. Many: it is another log.
            stop = read + 1 if broken < _MOST_BROKEN else len(lines)
            for line in lines[read : read + 1]:
                self._recall(line, whole, len(whole) - sum(map(len, lines[read:])) - len(lines) + read, reader)
            for line in lines[read:stop]:
                self._feed_line(line, reader)
            block = b"\n".join(lines[stop:]) + b"\n" if stop < len(lines) else b""
        self._before = whole

    def _recall(self, line: bytes, block: bytes, end: int, reader: Reader) -> None:
        """Tell the reader the last request of a line's process: it has not seen what was taken fast."""
        process = _PROCESS.search(line)
        if not process:
            return
        asked = process.group() + b"RRQ from "
        for text, stop in ((block, end), (self._before, len(self._before))):
            at = text.rfind(asked, 0, stop)
            if at >= 0:
                message = text[at + len(process.group()) : text.index(b"\n", at)]
                said = reader.said(message.decode("utf-8", "replace").strip(), "in.tftpd")
                if said:
                    reader.asked(process.group(1).decode("ascii"), said)
                return

    def _feed_line(self, line: bytes, reader: Reader) -> None:
        event = reader.read(line)
        if event:
            self.feed(event)

    def _feed_fast(self, block: bytes, reader: Reader) -> int:
        """Take lines of the shape "stamp host daemon[process]: message"; -1, or the number of the first one of another shape."""
        parts = block.replace(b"\n", b"]: ").split(b"]: ")
        tails = parts[1::2]
        left = iter(tails)
        stamp, when, wanted, seconds = b"\0", None, True, reader.seconds
        late, starts, gap = self._late, self._known_starts, self.thresholds.boot_gap
        put: Callable[[Any], None] = late.append
        for head, known in zip(parts[::2], map(self._known.get, left)):
            if not head.startswith(stamp):
                late.append(when)
                stamp = head[: reader.width]
                when = seconds.get(stamp)
                if when is None:
                    stamp, when = reader.fast_stamp(head)
                    if when is None:
                        break
                wanted = self._wanted(when)
                put = late.append if wanted else _ignore
            if known is None:
                if not wanted:
                    continue
                at = 2 * (len(tails) - length_hint(left))
                tail = parts[at - 1]
                known = starts.get(tail) or self._miss(head, tail, parts[max(at - 4, 0)], parts[max(at - 3, 0)], when, reader)
                if known is None:
                    break
                if known.starts:
                    known.stream.start(when, gap)
            put(known)
        else:
            late.append(when)
            reader.stats.lines += len(tails)
            self._wait(len(tails))
            return -1
        late.append(when)
        number = len(tails) - length_hint(left) - 1
        reader.stats.lines += number
        self._wait(number)
        return number

    def _wait(self, count: int) -> None:
        self._waiting += count
        if self._waiting > _MOST_WAITING:
            self._settle()

    def _settle(self) -> None:
        """Bring what was seen to its streams, from the last on, as long as they have room."""
        full: Set[_Known] = set()
        streams: List[_Stream] = []
        when: Optional[float] = None
        for known in filterfalse(full.__contains__, reversed(self._late)):
            if known.__class__ is not _Known:
                when = known
                continue
            stream = known.stream
            late = stream.late
            if not late:
                streams.append(stream)
            elif len(late) >= stream.room:
                full.add(known)
                continue
            late.append(known.code)
            late.append(when)
        for stream in streams:
            stream.seen.extend(reversed(stream.late))
            stream.late = []
        self._late.clear()
        self._waiting = 0

    def _miss(self, head: bytes, tail: bytes, before: bytes, message: bytes, when: Optional[float], reader: Reader) -> Optional[_Known]:
        """A message that was not there before; None if it takes a closer look at the line."""
        cut = head.rfind(b" ")
        daemon, _rest, process = head[cut + 1 :].partition(b"[")
        if (
            not process
            or len(tail) > 1000
            or b"\0" in tail
            or tail[-1:].isspace()
            or not daemon.startswith((b"in.tftpd", b"atftpd", b"dnsmasq", b"tftpd"))
        ):
            return None
        said = reader.said(tail.decode("utf-8", "replace"), daemon.decode("ascii", "replace"))
        if said is None or not said.address:
            return None
        if not said.file:
            # As a NAK of tftpd-hpa: it is about the last request of its process, most often the line before.
            last = self._known.get(message) or self._known_starts.get(message)
            if not last or before[before.rfind(b" ") :] != head[cut:] or last.sight.said.address != said.address:
                return None
            return self._place(said._replace(file=last.sight.said.file), when)
        if said.kind == REQUEST and daemon != b"in.tftpd":
            return None  # what follows may be without an address: the reader joins it
        known = self._place(said, when)
        if known:
            where = self._known_starts if known.starts else self._known
            if len(where) >= _MOST_MESSAGES:
                where.clear()
            where[tail] = known
        return known

    def _wanted(self, when: Optional[float]) -> bool:
        if when is None:
            return True
        if (self.since is not None and when < self.since) or (self.until is not None and when > self.until):
            return False
        if self._end is None or when > self._end:
            self._end = when
        return True

    def _place(self, said: Said, when: Optional[float]) -> Optional[_Known]:
        """Where an event goes, and as what."""
        known = self._told.get(said)
        if known:
            return known
        name = self._names.get(said.file)
        if name is None:
            name = name_of(said.file)
            if len(self._names) >= _MOST_MESSAGES:
                self._names.clear()
            self._names[said.file] = name
        sight = Sight(said, name)
        if said.kind in ANSWERS and said.kind != UNSURE:
            self.answered += 1
        if said.kind == SERVER_START:
            if when is not None:
                self._starts.append(when)
            return None
        self._kinds.add(name.kind)
        if said.kind == MISSING:
            self._absent.add(name.kind)
        elif said.kind in (ACKED, UNACKED):
            self._wire = True
        key = name.mac or said.address
        if not key:
            self._orphans.append((when, sight))
            return None
        stream = self._stream(key)
        if not stream:
            self.bogus += 1
            return None
        if stream.first is None:
            stream.first = when
        if name.mac and said.address:
            self._neighbour(name.mac, said.address, when)
            stream.macs.add(said.address)
        start = name.kind in STARTS and said.kind in (REQUEST, MISSING, SERVED)  # dnsmasq logs no requests
        known = _Known(stream, sight, start)
        self._waiting += _SLOW
        if said.port is None or len(self._told) < MOST_PHONES:
            if len(self._told) >= _MOST_MESSAGES:
                self._told.clear()
            self._told[said] = known
        return known

    def _stream(self, key: str) -> Optional[_Stream]:
        stream = self._streams.get(key)
        if stream is None and len(self._streams) < 2 * MOST_PHONES:
            stream = self._streams[key] = _Stream(key)
        return stream

    def _neighbour(self, mac: str, address: str, when: Optional[float]) -> None:
        """Several phones behind one address need more room there."""
        stream = self._stream(address)
        if not stream or mac in stream.macs:
            return
        stream.macs.add(mac)
        count = len(stream.macs)
        if count > 1 and count & (count - 1) == 0:
            self._late.append(when)
            self._settle()
            stream.grow()

    # -- out

    def result(self, now: float, since: Optional[float] = None, root_files: Optional[Collection[str]] = None) -> Dict[str, Facts]:
        """Facts of each phone, by MAC, or by address where no MAC is known.

        mac, address, verdict, confidence, advice, evidence (messages with their times), boots, generation, first_seen, last_seen,
        timeline (time, file, result of the last requests). Times are seconds since the epoch or None. `root_files` are the names in
        the TFTP root, if known: they tell a wrong case from a missing file, and another root from this.
        """
        self._settle()
        end = self._end if self._end is not None else now
        scene = Scene(self.thresholds, end, self.answered > 0, self._kinds, list(self._starts), root_files)
        scene.absent, scene.wire = self._absent, self._wire
        taken: Dict[str, Phone] = {}
        for key, stream in self._streams.items():
            if _is_mac(key):
                taken[key] = stream.phone(key)
        for key, stream in self._streams.items():
            if not _is_mac(key):
                self._share(stream, taken)
        if self._orphans:
            self._adopt(taken)
        facts: Dict[str, Facts] = {}
        for key, phone in taken.items():
            told = facts_of(phone, scene, since)
            if told:
                facts[key] = told
        return facts

    def _share(self, stream: _Stream, phones: Dict[str, Phone]) -> None:
        """Give the events of an address to the phones that had it."""
        macs = [mac for mac in stream.macs if mac in phones]
        if not macs:
            if stream.seen:
                phones[stream.key] = stream.phone(None)
            return
        if len(macs) == 1:
            phones[macs[0]].add(stream.events(), stream.boots, stream.first)
            return
        marks = sorted(
            (when, sight.said.port or 0, mac)
            for mac in macs
            for when, sight in phones[mac].sights
            if when is not None and sight.said.address == stream.key
        )
        for when, sight in stream.events():
            for mac, shared in _owners(when, sight, marks, self.thresholds.boot):
                phones[mac].sights.append((when, sight))
                if shared:
                    phones[mac].shared.add(id(sight))

    def _adopt(self, phones: Dict[str, Phone]) -> None:
        """dnsmasq does not say who asked for a file that is not there: it was who had asked for something just before."""
        seconds: Dict[int, List[Phone]] = {}
        readers: Dict[int, List[Phone]] = {}
        for phone in phones.values():
            for when, sight in phone.sights:
                if when is not None:
                    for by_second in (seconds, readers) if sight.name.kind in NAMING else (seconds,):
                        owners = by_second.setdefault(int(when), [])
                        if not owners or owners[-1] is not phone:
                            owners.append(phone)
        for when, sight in self._orphans:
            if when is None:
                continue
            # Images are asked for after the file that names them. Stamps are whole seconds, and what is sent is logged later.
            by_second = readers if sight.name.kind in IMAGES else seconds
            near = {phone.key: phone for at in (0, -1, -2, 1) for phone in by_second.get(int(when) + at, ())}
            if sight.name.kind == LOADS:
                near = {key: phone for key, phone in near.items() if not phone.had_image(when, sight.name.base)}
            for phone in near.values():
                if len(near) == 1:
                    phone.sights.append((when, sight))
                    phone.shared.add(id(sight))
                elif sight.name.kind in IMAGES:
                    phone.doubts.append((when, sight))


def _is_mac(key: str) -> bool:
    return len(key) == 12 and ":" not in key and "." not in key


def _owners(when: Optional[float], sight: Sight, marks: List[Tuple[float, int, str]], window: float) -> List[Tuple[str, bool]]:
    """The phones that an event of their common address may be of, and whether that is in doubt."""
    if when is None:
        return []
    near: Dict[str, Tuple[float, float]] = {}
    for at, port, mac in marks:
        if abs(at - when) <= window:
            ports = float(abs(port - sight.said.port)) if port and sight.said.port else 0.0
            near[mac] = min(near.get(mac, (9e9, 9e9)), (ports, abs(at - when)))
    if len(near) < 2:
        return [(mac, False) for mac in near]
    by_port = sorted((distance[0], mac) for mac, distance in near.items())
    if by_port[0][0] + 8 < by_port[1][0]:
        return [(by_port[0][1], False)]
    return [(mac, True) for mac in near]


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

    Returns phones (as `Stories.result`), lines, unknown (lines that no TFTP server wrote), server (its kind, or kinds). Raises OSError.
    """
    stats = Stats()
    stories = Stories(thresholds, since, until)
    lines: List[bytes] = []
    for source in sources:
        if isinstance(source, bytes):
            lines.append(source)
            if len(lines) == 1000:
                stories.feed_lines(lines, now, stats)
                lines.clear()
        elif is_capture(source):
            for event in read_capture(source, stats):
                stories.feed(event)
        else:
            reader = Reader(min(now, os.stat(source).st_mtime), stats)
            for block in blocks(source):
                stories.feed_block(block, reader)
    if lines:
        stories.feed_lines(lines, now, stats)
    return {
        "phones": stories.result(now, since, root_files),
        "lines": stats.lines,
        "unknown": stats.unknown,
        "server": stats.server,
    }
