# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the log of a TFTP server tells of each phone: where it is in its boot, what ails it, and what to do.

No order within a second counts, and no line that is not there: logs are shuffled, cut and filtered, and many servers log requests only.
A verdict other than healthy needs something seen that a healthy phone does not do.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from itertools import filterfalse
from operator import length_hint
from typing import Any, Callable, Collection, Deque, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from . import image
from .tftp_lines import (
    ACKED,
    DENIED,
    FAILED,
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
    basename,
    blocks,
    is_capture,
    read_capture,
)

HEALTHY = "healthy"
FLASHING = "flashing"
DATA_NEVER_ARRIVES = "data_never_arrives"
SERVER_SILENT = "server_silent"
IMAGE_MISSING = "image_missing"
IMAGE_WRONG_CASE = "image_wrong_case"
IMAGE_UNREADABLE = "image_unreadable"
CONFIG_MISSING = "config_missing"
STUCK_LOADER = "stuck_loader"
BOOT_LOOP = "boot_loop"
OTHER_ROOT = "other_root"
NOT_OURS = "not_ours"
FELL_SILENT = "fell_silent"
SERVER_SLOW = "server_slow"
SERVER_RESTARTED = "server_restarted"
CANNOT_TELL = "cannot_tell"
VERDICTS = (
    HEALTHY, FLASHING, DATA_NEVER_ARRIVES, SERVER_SILENT, IMAGE_MISSING, IMAGE_WRONG_CASE, IMAGE_UNREADABLE, CONFIG_MISSING,
    STUCK_LOADER, BOOT_LOOP, OTHER_ROOT, NOT_OURS, FELL_SILENT, SERVER_SLOW, SERVER_RESTARTED, CANNOT_TELL,
)  # fmt: skip

CERTAIN, LIKELY = "certain", "likely"
"""Confidences; the third is CANNOT_TELL."""

Facts = Dict[str, Any]

KEPT = 64
"""Events of one phone that are kept: some boots, or several minutes of retries."""
MOST_PHONES = 50_000
SHOWN = 40
EVIDENCE = 4
LONGEST_NAME = 128
_MOST_MESSAGES = 200_000
_MOST_BROKEN = 16
_MOST_JUDGED = 500
"""Requests: more are of several phones behind one address."""
_MOST_WAITING = 1 << 20
_PROCESS = re.compile(rb" (in\.tftpd\[[0-9]+\]): ")
_SLOW = 32
"""What an event that is not like one before counts among those that wait: it takes more memory."""


class Thresholds(NamedTuple):
    """Seconds and counts that tell one story from another. "Log" is a log of nine phones being moved from SCCP to 8.12."""

    retry_gap: float = 6.0
    """Two requests of one file this close are one: phones retry after 1, 4 and 4 s (log), and stamps are whole seconds."""
    retries: int = 3
    """Requests of one file in a row that are no chance: a lost packet makes two."""
    boot_gap: float = 10.0
    """Two requests of a boot's first file are two boots from here on: 15 s was the least (log), a retry comes sooner."""
    boot: float = 120.0
    """A boot is over: 26 s without, 75 to 112 s with an update (log)."""
    flash: float = 300.0
    """An update may still run: no source says how long it can take; Cisco's advice is not to touch the phone."""
    loop_gap: float = 150.0
    """Boots this close, time and again, are a loop: the loader starts anew after 39 s of retries and 30 to 55 s (log)."""
    loop: int = 4
    """Boots of a loop: an update takes three."""
    reask_least: float = 20.0
    reask_most: float = 45.0
    """An 8.12 without configuration asks for SIP<MAC>.cnf about every 31 s (log)."""
    silent: float = 180.0
    """A phone that is to read OS79XX.TXT and go on has gone on by then (inferred)."""
    slow: float = 3.0
    """Answers this late miss the first two tries."""


# -- names

_CTL, _SEP, _SIP, _MGC, _XMLDEFAULT, _LOADS, _LOADER_IMAGE, _APP_IMAGE = "ctl sep sip mgc xmldefault loads sbn sb2".split()
_OS79XX, _SIPDEFAULT, _RINGLIST, _DIALPLAN, _SCCP, _OTHER = "os79xx sipdefault ringlist dialplan sccp other".split()
_ORDER = {
    name: rank
    for rank, name in enumerate(
        (_OS79XX, _CTL, _SEP, _SIPDEFAULT, _SIP, _MGC, _XMLDEFAULT, _LOADS, _LOADER_IMAGE, _APP_IMAGE, _RINGLIST, _DIALPLAN, _SCCP, _OTHER)
    )
}
_IMAGES = (_LOADS, _LOADER_IMAGE, _APP_IMAGE)
_STARTS = (_CTL, _OS79XX)
_NAMING = (_OS79XX, _SEP, _SIPDEFAULT, _SIP, _MGC, _XMLDEFAULT, _LOADS)
"""Files that name an image, and those that are asked for with them."""
_PAIR = (_RINGLIST, _DIALPLAN)
"""Asked for at once, with retries of their own."""
_PORT, _GIVEN_UP = 4, 9
"""Requests of a file from one port, and the least that are of three ports: after these, phones ask for the next file (log)."""
_OF_MAC = re.compile(r"(CTLSEP|SEP|SIP|MGC|GK)([0-9A-F]{12})(\..*)?", re.IGNORECASE)
_PREFIXES = {"CTLSEP": _CTL, "SEP": _SEP, "SIP": _SIP, "MGC": _MGC, "GK": _OTHER}
_ANSWERS = (SERVED, MISSING, DENIED, FAILED, UNSURE, UNACKED)


class _Name(NamedTuple):
    kind: str
    mac: str
    base: str
    folder: str


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _name(file: str) -> _Name:
    """What a phone asks for when it asks for a file, as text that does a terminal no harm."""
    base = basename(file)
    folder = _plain(file[: len(file) - len(base)][:LONGEST_NAME].replace("\\", "/"))
    base = _plain(base[:LONGEST_NAME])
    while folder.startswith("./"):
        folder = folder[2:].lstrip("/")
    match = _OF_MAC.fullmatch(base)
    if match:
        return _Name(_PREFIXES[match.group(1).upper()], match.group(2).upper(), base, folder)
    lower = base.lower()
    kind = _OTHER
    if lower == "os79xx.txt":
        kind = _OS79XX
    elif lower == "sipdefault.cnf":
        kind = _SIPDEFAULT
    elif lower == "ringlist.dat":
        kind = _RINGLIST
    elif lower == "xmldefault.cnf.xml":
        kind = _XMLDEFAULT
    elif lower.endswith(".loads"):
        kind = _LOADS
    elif lower.endswith((".sbn", ".sb2", ".bin")):
        loader = image.recognise(base[:-4])
        if loader:
            kind = _LOADER_IMAGE if loader.protocol in (image.LOADER, image.SCCP) else _APP_IMAGE
    elif "dialplan" in lower and lower.endswith(".xml"):
        kind = _DIALPLAN
    elif lower.startswith(("sccp", "ringlist.xml", "jar", "distinctiveringlist")):
        kind = _SCCP
    return _Name(kind, "", base, folder)


# -- what is kept


class _Stream:
    """The last events of one phone, or of one address, and how often it booted."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.room = 2 * KEPT
        self.seen: Deque[Any] = deque(maxlen=self.room)  # a time, what was said then, a time ...
        self._sights: List[_Sight] = []
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

    def events(self) -> Iterator[Tuple[Optional[float], _Sight]]:
        pairs = iter(self.seen)
        return ((when, self._sights[said] if said.__class__ is int else said) for when, said in zip(pairs, pairs))

    def code(self, sight: _Sight) -> Any:
        """What to keep for something said: a small number, as long as there are any. Those cost no look into far memory."""
        if sight.said.port is not None or len(self._sights) >= 256:
            return sight
        self._sights.append(sight)
        return len(self._sights) - 1


class _Sight(NamedTuple):
    """What was said, and of which name."""

    said: Said
    name: _Name


def _ignore(_item: object) -> None:
    """In place of an append, for a time that is not asked for."""


class _Known:
    """Where an event goes, and as what."""

    __slots__ = ("code", "sight", "starts", "stream")

    def __init__(self, stream: _Stream, sight: _Sight, starts: bool) -> None:
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
        self._names: Dict[str, _Name] = {}
        self._starts: Deque[float] = deque(maxlen=1000)
        self._orphans: Deque[Tuple[Optional[float], _Sight]] = deque(maxlen=1000)
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
            name = _name(said.file)
            if len(self._names) >= _MOST_MESSAGES:
                self._names.clear()
            self._names[said.file] = name
        sight = _Sight(said, name)
        if said.kind in _ANSWERS and said.kind != UNSURE:
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
        start = name.kind in _STARTS and said.kind in (REQUEST, MISSING, SERVED)  # dnsmasq logs no requests
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
        scene = _Scene(self.thresholds, end, self.answered > 0, self._kinds, list(self._starts), root_files)
        scene.absent, scene.wire = self._absent, self._wire
        taken: Dict[str, _Phone] = {}
        for key, stream in self._streams.items():
            if _is_mac(key):
                taken[key] = _Phone(key, stream)
        for key, stream in self._streams.items():
            if not _is_mac(key):
                self._share(stream, taken)
        if self._orphans:
            self._adopt(taken)
        facts: Dict[str, Facts] = {}
        for key, phone in taken.items():
            told = _facts(phone, scene, since)
            if told:
                facts[key] = told
        return facts

    def _share(self, stream: _Stream, phones: Dict[str, _Phone]) -> None:
        """Give the events of an address to the phones that had it."""
        macs = [mac for mac in stream.macs if mac in phones]
        if not macs:
            if stream.seen:
                phones[stream.key] = _Phone(stream.key, stream)
            return
        if len(macs) == 1:
            phones[macs[0]].add(stream)
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

    def _adopt(self, phones: Dict[str, _Phone]) -> None:
        """dnsmasq does not say who asked for a file that is not there: it was who had asked for something just before."""
        seconds: Dict[int, List[_Phone]] = {}
        readers: Dict[int, List[_Phone]] = {}
        for phone in phones.values():
            for when, sight in phone.sights:
                if when is not None:
                    for by_second in (seconds, readers) if sight.name.kind in _NAMING else (seconds,):
                        owners = by_second.setdefault(int(when), [])
                        if not owners or owners[-1] is not phone:
                            owners.append(phone)
        for when, sight in self._orphans:
            if when is None:
                continue
            # Images are asked for after the file that names them. Stamps are whole seconds, and what is sent is logged later.
            by_second = readers if sight.name.kind in _IMAGES else seconds
            near = {phone.key: phone for at in (0, -1, -2, 1) for phone in by_second.get(int(when) + at, ())}
            if sight.name.kind == _LOADS:
                near = {key: phone for key, phone in near.items() if not phone.had_image(when, sight.name.base)}
            for phone in near.values():
                if len(near) == 1:
                    phone.sights.append((when, sight))
                    phone.shared.add(id(sight))
                elif sight.name.kind in _IMAGES:
                    phone.doubts.append((when, sight))


def _is_mac(key: str) -> bool:
    return len(key) == 12 and ":" not in key and "." not in key


def _owners(when: Optional[float], sight: _Sight, marks: List[Tuple[float, int, str]], window: float) -> List[Tuple[str, bool]]:
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


# -- judging


class _Phone:
    def __init__(self, key: str, stream: _Stream) -> None:
        self.key = key
        self.mac = key if _is_mac(key) else None
        self.sights = list(stream.events())
        self.boots = stream.boots
        self.first = stream.first
        self.shared: Set[int] = set()
        self.doubts: List[Tuple[float, _Sight]] = []
        """Images that were not had by this phone or by another."""

    def add(self, stream: _Stream) -> None:
        self.sights += stream.events()
        self.boots = self.boots or stream.boots
        if stream.first is not None and (self.first is None or stream.first < self.first):
            self.first = stream.first

    def had_image(self, when: float, other: str) -> bool:
        """Whether the phone was about another image then: it is never about two."""
        return any(
            at is not None and abs(at - when) <= 3 and sight.name.kind in _IMAGES and sight.name.base != other for at, sight in self.sights
        )


class _Scene:
    """What all phones of a log have in common."""

    def __init__(
        self,
        limits: Thresholds,
        end: float,
        answers: bool,
        kinds: Set[str],
        starts: List[float],
        root_files: Optional[Collection[str]],
    ) -> None:
        self.limits = limits
        self.end = end
        self.answers = answers
        self.kinds = kinds
        self.starts = starts
        self.absent: Set[str] = set()
        """Kinds of files that the server said it does not have."""
        self.wire = False
        """Whether a capture shows what passed the wire."""
        self.root: Optional[Dict[str, str]] = None
        self.root_names: Set[str] = set()
        if root_files is not None:
            self.root_names = {file.lstrip("./") for file in root_files}
            self.root = {basename(file).lower(): basename(file) for file in self.root_names}


class _Ask:
    """One file asked for, retries included, and what came of it."""

    __slots__ = ("answer_at", "answers", "asked", "at", "certain", "last", "line", "name", "result", "times")

    def __init__(self, when: float, name: _Name, line: str) -> None:
        self.at = self.last = when
        self.name = name
        self.line = line
        self.times = 1
        self.asked = False
        """Whether the request itself was logged, rather than its answer alone."""
        self.result = ""
        self.answers = 0
        self.answer_at: Optional[float] = None
        self.certain = True


_RANK = {REQUEST: 0, UNACKED: 1, ACKED: 1, MISSING: 2, DENIED: 2, FAILED: 2, UNSURE: 2, SERVED: 3}


def _asks(phone: _Phone, limits: Thresholds) -> List[_Ask]:
    """The requests in order, each with what became of it."""
    sights = sorted(
        ((when or 0.0, _ORDER[sight.name.kind], _RANK.get(sight.said.kind, 2), sight) for when, sight in phone.sights),
        key=lambda one: one[:3],
    )
    asks: List[_Ask] = []
    last: Dict[str, _Ask] = {}
    for when, _order, _rank, sight in sights:
        said, name = sight
        if not name.base:
            ask = asks[-1] if asks else None
            if ask and not ask.result:
                ask.result, ask.answer_at = said.kind, when
                ask.answers += 1
            continue
        ask = last.get(name.base)
        if said.kind == REQUEST:
            if ask and when - ask.last <= limits.retry_gap:
                if when > ask.last:  # a line that is there twice is one request
                    ask.times += 1
                    ask.last = when
                continue
            ask = last[name.base] = _Ask(when, name, said.line)
            ask.certain = id(sight) not in phone.shared
            ask.asked = True
            asks.append(ask)
            continue
        if not ask or when - ask.last > limits.flash:
            # A server that logs no requests: what it answers was asked for.
            ask = last[name.base] = _Ask(when, name, said.line)
            ask.certain = id(sight) not in phone.shared
            asks.append(ask)
        elif said.kind != ACKED and ask.result and when - ask.last > limits.retry_gap and not (ask.asked and _late(said, name)):
            ask = last[name.base] = _Ask(when, name, said.line)
            ask.certain = id(sight) not in phone.shared
            asks.append(ask)
        elif said.kind != ACKED and not ask.asked and when > (ask.answer_at if ask.answer_at is not None else when) and when > ask.last:
            ask.times += 1  # no requests logged, and answered again
            ask.last = when
        if said.kind != ACKED:
            ask.answers += 1
            ask.answer_at = when
            if ask.result != SERVED:
                ask.result = said.kind
            ask.line = said.line
            ask.certain = ask.certain and id(sight) not in phone.shared
    return asks


def _late(said: Said, name: _Name) -> bool:
    """Whether an answer is logged long after the request: images take their time."""
    return name.kind in _IMAGES and name.kind != _LOADS and said.kind not in (MISSING, DENIED)


class _Verdict(NamedTuple):
    verdict: str
    confidence: str
    advice: str
    evidence: Sequence[_Ask] = ()


def _facts(phone: _Phone, scene: _Scene, since: Optional[float]) -> Optional[Facts]:
    if since is not None:
        phone.sights = [one for one in phone.sights if one[0] is None or one[0] >= since]
    asks = _asks(phone, scene.limits)
    if not asks:
        return None
    known = [when for when, _sight in phone.sights if when is not None]
    verdict = _judge(asks, scene, phone.doubts)
    address = ""
    latest = -1.0
    for when, sight in phone.sights:
        if sight.said.address and (when or 0.0) >= latest:
            address, latest = sight.said.address, when or 0.0
    return {
        "mac": phone.mac,
        "address": address or None,
        "verdict": verdict.verdict,
        "confidence": verdict.confidence,
        "advice": verdict.advice,
        "evidence": [_shown(ask, bool(known)) for ask in verdict.evidence[-EVIDENCE:]],
        "boots": phone.boots,
        "generation": _generation(asks, verdict.verdict),
        "first_seen": phone.first if since is None else min(known, default=None),
        "last_seen": max(known, default=None),
        "timeline": [
            {"time": ask.at if known else None, "file": ask.name.folder + ask.name.base, "result": ask.result or "asked"}
            for ask in asks[-SHOWN:]
        ],
    }


def _shown(ask: _Ask, dated: bool) -> str:
    line = ask.line if len(ask.line) <= 200 else ask.line[:200] + "..."
    line = _plain(line)
    times = f" ({ask.times} times)" if ask.times > 1 else ""
    try:
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(ask.at))} {line}{times}" if dated else line + times
    except (ValueError, OverflowError, OSError):
        return line + times


_FIREWALL = (
    "let UDP from all high ports of the TFTP server reach the phone, or load the connection tracking helper for TFTP (nf_conntrack_tftp) "
    "in every firewall between them and bind it to port 69, or move the phone outside the firewall for as long as the update takes; "
    "an empty CTLSEP file does not help"
)
_PATIENCE = "do not touch the phone or its power; look again in five minutes"
_VERBOSE = "turn on -v (tftpd-hpa: -v -v, which also logs what was not found) or capture port 69, and look again after the next boot"


def _judge(asks: List[_Ask], scene: _Scene, doubts: Sequence[Tuple[float, _Sight]] = ()) -> _Verdict:
    """The first story that fits, surest first."""
    limits, end = scene.limits, scene.end
    asks = asks[-_MOST_JUDGED:]
    start = max((ask.at for ask in asks if ask.name.kind in _STARTS), default=asks[0].at)
    done, proof = _completed(asks)
    for story in (_reasked, _unarrived, _image_fault, _elsewhere, _bare, _stuck_loader):
        verdict = story(asks, scene, start, done)
        if verdict:
            return verdict
    flashes = [ask for ask in asks if ask.name.kind in (_LOADER_IMAGE, _APP_IMAGE) and ask.at > done]
    if flashes and end - flashes[-1].at <= limits.flash and not _foreign(asks):
        sure = CERTAIN if any(ask.result == SERVED and ask.certain for ask in flashes) else LIKELY
        return _Verdict(FLASHING, sure, f"a firmware update is under way: {_PATIENCE}", flashes)
    if done >= start and proof:
        return _untaken(asks, scene, start, done) or _doubtful(doubts, asks, start, done) or _healthy(asks, scene, start, proof)
    for story in (_looping, _unconfigured, _foreign_story, _interrupted):
        verdict = story(asks, scene, start, done)
        if verdict:
            return verdict
    last = asks[-1]
    if end - last.last <= limits.boot:
        return _Verdict(CANNOT_TELL, CANNOT_TELL, "a boot is under way or the log ends here: look again in two minutes", asks[-2:])
    verdict = _silent(asks, scene)
    if verdict:
        return verdict
    if done > float("-inf") and proof:
        advice = f"it was well before, and the log does not show its last boot to an end: {_VERBOSE}"
        return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, asks[-2:])
    advice = "the log does not show how its boot went on" + (f": {_VERBOSE}" if not scene.answers else ": look at the phone's screen")
    return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, asks[-2:])


def _healthy(asks: List[_Ask], scene: _Scene, start: float, proof: List[_Ask]) -> _Verdict:
    own = [ask for ask in asks if ask.name.kind == _SIP and ask.at >= start and _lacking(ask, scene)]
    # A log of files that were sent is silent about those that were not.
    whole = any(ask.asked for ask in asks) or bool(scene.absent)
    # As is one that begins in the middle of a boot about what went before.
    configs = [ask for ask in asks if ask.name.kind in (_SIPDEFAULT, _SIP) and start <= ask.at <= proof[-1].at]
    whole = whole and any(ask.name.kind == _SIPDEFAULT for ask in configs) and all(ask.times < scene.limits.retries for ask in configs)
    sure = CERTAIN if whole and not own and all(ask.certain for ask in proof) else LIKELY
    return _Verdict(HEALTHY, sure, "nothing to do", proof)


def _lacking(ask: _Ask, scene: _Scene) -> bool:
    """Whether the server does not have a file, or the root does not where the server tells nothing."""
    if ask.result in (MISSING, DENIED):
        return True
    return not ask.result and scene.root is not None and ask.name.base not in scene.root.values() and not _folder(ask.name)


def _untaken(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """An image that the application asked for, and went on without: else it would have booted anew."""
    default = next((ask for ask in reversed(asks) if ask.name.kind == _SIPDEFAULT and start <= ask.at <= done), None)
    boots = [ask for ask in asks if ask.name.kind in _STARTS and start - 20 < ask.at <= start]
    if not default or len(boots) > 1:  # no boot is as short: the order is not that of the stamps
        return None
    six = any(ask.name.kind == _OS79XX and ask.at == start for ask in asks)
    wanted = [
        ask
        for ask in asks
        if ask.name.kind in _IMAGES
        and default.at <= ask.at <= done
        and (ask.at > default.at or six or ask.at - start >= 10)  # before that it is the loader that asks
        and (ask.at - default.last <= 15 or ask.name.kind != _LOADS)
        and (ask.asked or ask.result != SERVED or ask.at > default.at)  # that it was sent is logged after all of it was
    ]
    if not wanted or _foreign(asks):
        return None
    if any(default.at < when <= done for when in scene.starts):
        return _Verdict(
            SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its update: reset the phone, and look again", wanted
        )
    name = wanted[-1].name.base
    advice = f"it asked for {name} and went on without: see that the file is there, readable and whole, then reset the phone; {_VERBOSE}"
    return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, wanted)


def _doubtful(doubts: Sequence[Tuple[float, _Sight]], asks: List[_Ask], start: float, done: float) -> Optional[_Verdict]:
    for when, sight in doubts:
        if start <= when <= done + 2:
            advice = (
                f"the log says of {sight.name.base} that it was not had, not by whom: make it readable, then reset one phone after another"
            )
            return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, [_Ask(when, sight.name, sight.said.line), asks[-1]])
    return None


def _completed(asks: List[_Ask]) -> Tuple[float, List[_Ask]]:
    """When an application last ran, and the requests that only a running application makes."""
    done, proof = float("-inf"), []
    default: Optional[_Ask] = None
    began = float("-inf")
    lost = False
    for ask in asks:
        kind = ask.name.kind
        if kind in _STARTS:
            lost = False
        elif kind in (_SIPDEFAULT, _SIP) and ask.times > _PORT:
            lost = True  # it got none of its files, and tries the rest in vain
        good = ask.times < 3 and not lost
        if kind in (_CTL, _MGC):
            began, default = ask.at, None
        elif kind == _SIPDEFAULT and ask.at - began >= 10:
            default = ask  # the loader asks for it too, if at all, at once
        elif kind == _SIP and default and 0 <= ask.at - default.at <= 15 and ask.result not in (MISSING, DENIED, FAILED, UNACKED) and good:
            done, proof = ask.at, [default, ask]
        elif kind in (_RINGLIST, _DIALPLAN) and good:
            proof = [*proof[-2:], ask] if ask.at - done <= 15 else [ask]
            done = ask.at
    return done, proof


def _reasked(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """SIP<MAC>.cnf alone, again and again about every 31 seconds."""
    limits = scene.limits
    run: List[_Ask] = []
    for ask in reversed(asks):
        if ask.name.kind != _SIP:
            break
        if run and not limits.reask_least <= run[-1].at - ask.at <= limits.reask_most:
            break
        run.append(ask)
    if len(run) < 3:
        return None
    name = run[0].name.base
    results = {ask.result for ask in run}
    if results & {MISSING, DENIED}:
        what = f"put {name} there" if MISSING in results else f"make {name} readable"
        return _Verdict(CONFIG_MISSING, CERTAIN, _cased(f"{name} is asked for again and again and not had: {what}", name, scene), run[::-1])
    advice = f"{name} is asked for about every 31 seconds, as by a phone without configuration: see that it is there, readable, not empty"
    return _Verdict(CONFIG_MISSING, LIKELY, _cased(advice, name, scene), run[::-1])


def _unarrived(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """The same file in the pattern of retries, after all that went well."""
    limits = scene.limits
    paired = any(ask.name.kind in _PAIR and ask.times < limits.retries and ask.at >= start for ask in asks)
    stuck = [
        ask
        for ask in asks
        if ask.times >= (_PORT + 1 if ask.name.kind in _PAIR else limits.retries)
        and ((ask.at >= done and not (ask.name.kind in _PAIR and paired)) or (ask.at >= start and _given_up(ask)))
        and not _interleaved(ask, asks)
    ]
    unacked = [ask for ask in asks if ask.result == UNACKED and ask.at >= done]
    failed = [ask for ask in asks[-8:] if ask.result == FAILED and ask.at > done]
    # What came of data shows that data comes, if not always: an image is asked for when the file that names it was read.
    arrived = done > float("-inf") or any((ask.result == SERVED and ask.times < limits.retries) or ask.name.kind in _IMAGES for ask in asks)
    repeated = len(stuck) > 1 or any(ask.times > _PORT for ask in stuck)
    repeated = repeated or len(unacked) > 1
    if (
        unacked
        and not any(ask.result == SERVED and ask.at > unacked[-1].at for ask in asks)
        and (repeated or scene.end - unacked[-1].last > _PORT)  # else it may be on its way
    ):
        sure = CERTAIN if not arrived and repeated else LIKELY
        return _Verdict(DATA_NEVER_ARRIVES, sure, f"the server sends, and the phone acknowledges nothing: {_FIREWALL}", unacked)
    if not stuck:
        if len(failed) >= 2 and failed[-1] is asks[-1]:
            return _Verdict(DATA_NEVER_ARRIVES, LIKELY, f"transfers break off, one after another: {_FIREWALL}", failed)
        return None
    last = stuck[-1]
    later = [ask for ask in asks if ask.at > last.last and ask.name.base != last.name.base and ask.name.kind not in _STARTS]
    if len(later) > 2 and not any(ask.times >= limits.retries for ask in later) and not _given_up(last):
        return None  # it went on after all
    answered = [ask for ask in stuck if ask.answers]
    if answered:
        late = [ask for ask in answered if ask.answers < ask.times and (ask.answer_at or 0.0) - ask.at >= limits.slow]
        if len(late) == len(answered) and len(answered) >= 2 and all(ask.answers == 1 for ask in answered):
            advice = "answers come seconds after the question: see what slows the TFTP server down, names that it looks up first of all"
            return _Verdict(SERVER_SLOW, LIKELY, advice, answered)
    stuck = [ask for ask in stuck if _given_up(ask) or not _went_on(ask, asks)]
    if not stuck:
        return None
    last = stuck[-1]
    if any(ask.answers for ask in stuck):
        advice = f"the server answers, and the phone asks again and again: {_FIREWALL}"
        proven = not arrived and sum(ask.answers for ask in stuck) > _PORT and all(ask.certain for ask in stuck)
        return _Verdict(DATA_NEVER_ARRIVES, CERTAIN if proven and repeated else LIKELY, advice, stuck)
    restart = [when for when in scene.starts if stuck[0].at - limits.boot <= when <= last.last + limits.boot]
    if scene.answers:
        if restart and restart[-1] >= last.at:
            return _Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted meanwhile: look again after the next boot", stuck)
        if any(_owed(ask, scene) for ask in stuck):
            advice = "other requests are answered, this phone's are not: see what in the server or its firewall holds back answers to it"
            return _Verdict(SERVER_SILENT, LIKELY, advice, stuck)
    advice = f"the phone asks again and again as if no answer came: {_FIREWALL}; if the server did not answer, see why ({_VERBOSE})"
    return _Verdict(DATA_NEVER_ARRIVES, LIKELY, advice, stuck)


def _given_up(ask: _Ask) -> bool:
    return ask.times >= _GIVEN_UP


def _went_on(ask: _Ask, asks: List[_Ask]) -> bool:
    """Whether the phone asked for another file then: it does so when it got the file, or word that there is none."""
    return ask.asked and any(one.at > ask.last and one.name.base != ask.name.base and one.name.kind not in _PAIR for one in asks)


def _interleaved(ask: _Ask, asks: List[_Ask]) -> bool:
    """Whether other files were asked for meanwhile: these are boots, then, and no retries."""
    return ask.asked and any(
        one.asked and ask.at < one.at < ask.last and one is not ask and not {one.name.kind, ask.name.kind} <= set(_PAIR) for one in asks
    )


def _owed(ask: _Ask, scene: _Scene) -> bool:
    """Whether the log would hold an answer if there had been one: most servers log what they do not have, few what they sent."""
    if scene.wire:
        return True
    if scene.root is not None:
        return ask.name.base not in scene.root.values()
    return ask.name.kind in (_CTL, _OS79XX, _MGC, _XMLDEFAULT) and ask.name.kind in scene.absent


def _absolute(folder: str) -> bool:
    return folder.startswith("/") or folder[1:2] == ":"


def _folder(name: _Name) -> str:
    """The folder that a phone asks in. A whole path is the server's, and tells none."""
    return "" if _absolute(name.folder) else name.folder.strip("/")


def _cased(advice: str, name: str, scene: _Scene) -> str:
    there = scene.root.get(name.lower()) if scene.root else None
    return f"{advice}; the root holds {there}: names count by case" if there and there != name else advice


def _image_fault(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """A firmware file asked for in the last boot that the server does not have."""
    latest: Dict[str, _Ask] = {}
    for ask in asks:
        if ask.name.kind in _IMAGES and ask.at >= start:
            latest[ask.name.base] = ask
    for ask in latest.values():
        name = ask.name.base
        there = scene.root.get(name.lower()) if scene.root is not None else None
        if ask.result == DENIED:
            return _Verdict(
                IMAGE_UNREADABLE, CERTAIN if ask.certain else LIKELY, f"make {name} readable for the user of the TFTP server", [ask]
            )
        if ask.result == MISSING or (not ask.answers and scene.root is not None and there != name):
            # atftpd says "not found" of what it may not read, too.
            vague = ask.result == MISSING and ask.line.startswith("File ") and ask.line.endswith("not found")
            sure = CERTAIN if ask.result == MISSING and ask.certain and not (vague and scene.root is None) else LIKELY
            if _foreign(asks) == image.SCCP:
                return None
            if there and there != name:
                return _Verdict(IMAGE_WRONG_CASE, sure, f"rename {there} to {name}: names count by case", [ask])
            if there == name and not _folder(ask.name):
                if vague:
                    advice = f"{name} is there and was not found: make it readable for the user of the TFTP server, then reset the phone"
                    return _Verdict(IMAGE_UNREADABLE, LIKELY, advice, [ask])
                if done >= ask.at:
                    return _Verdict(CANNOT_TELL, CANNOT_TELL, f"{name} was not found and is there by now: reset the phone", [ask])
                return None
            other = next((one.name.base for one in asks if one.result == SERVED and one.name.base.lower() == name.lower()), None)
            if other and other != name:
                return _Verdict(IMAGE_WRONG_CASE, LIKELY, f"{other} is there and {name} asked for: names count by case", [ask])
            advice = (
                f"put {name} into the TFTP root, or correct what names it (image_version, SEP<MAC>.cnf.xml, XMLDefault.cnf.xml, OS79XX.TXT)"
            )
            return _Verdict(IMAGE_MISSING, sure, advice, [ask])
    return None


def _elsewhere(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """Names in a folder that is not of this root."""
    # Servers that log whole paths show where the root is by what phones ask for in no folder.
    bases = {ask.name.folder for ask in asks if ask.name.kind in (*_STARTS, _SEP, _MGC, _XMLDEFAULT, *_IMAGES)}
    lost = [
        ask
        for ask in asks
        if ask.at >= start
        and ask.at > done
        and ask.name.kind in (_SIP, _SIPDEFAULT)
        and (_folder(ask.name) or (bases and _absolute(ask.name.folder) and ask.name.folder not in bases))
        and (ask.result == MISSING or (not ask.answers and scene.root is not None))
        and (scene.root is None or (ask.name.folder + ask.name.base).lstrip("./") not in scene.root_names)
    ]
    if not lost:
        return None
    folder = lost[-1].name.folder.rstrip("/")
    advice = f"it asks in the folder {folder}, as tftp_cfg_dir of another site may tell it: make that folder, or erase the setting"
    return _Verdict(OTHER_ROOT, CERTAIN if lost[-1].result == MISSING and scene.root is not None else LIKELY, advice, lost)


def _boots(asks: List[_Ask]) -> List[_Ask]:
    first = _CTL if any(ask.name.kind == _CTL for ask in asks) else _OS79XX
    return [ask for ask in asks if ask.name.kind == first]


def _looping(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    limits = scene.limits
    boots = [ask for ask in _boots(asks) if ask.at > done]
    run = boots[-1:]
    for ask in reversed(boots[:-1]):
        if run[-1].at - ask.at > limits.loop_gap:
            break
        run.append(ask)
    if len(run) < limits.loop or _foreign(asks):
        return None
    inside = [ask for ask in asks if ask.at >= run[-1].at]
    if any(ask.name.kind in (_LOADS, _LOADER_IMAGE) for ask in inside) or _loader_six(inside):
        advice = (
            "the loader runs and finds no application (Protocol Application Invalid): see that SEP<MAC>.cnf.xml or XMLDefault.cnf.xml "
            "names the load, that its .loads, .sbn and .sb2 are all there, and that DHCP sends option 66 or 150"
        )
        return _Verdict(STUCK_LOADER, LIKELY, advice, run[::-1])
    advice = "it boots again and again: read its screen and status messages, and check image_version, OS79XX.TXT and its power"
    return _Verdict(BOOT_LOOP, LIKELY, advice, run[::-1])


def _stuck_loader(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """The same image in boot after boot: an update asks for each once."""
    limits = scene.limits
    rounds: Dict[str, List[_Ask]] = {}
    for ask in asks:
        if ask.name.kind in (_LOADER_IMAGE, _APP_IMAGE) and ask.at > done:
            run = rounds.setdefault(ask.name.base, [])
            began = any(one.name.kind in _STARTS and run[-1].last < one.at <= ask.at for one in asks) if run else True
            if run and (not began or ask.at - run[-1].at > limits.loop_gap):
                run.clear()
            run.append(ask)
    for name, run in rounds.items():
        if len(run) > 2:
            advice = f"the loader asks for {name} in boot after boot: see that it is there, readable, whole and for this phone"
            return _Verdict(STUCK_LOADER, LIKELY, advice, run)
    return None


def _bare(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """Neither of the two configuration files is to be had."""
    default = [ask for ask in asks if ask.name.kind == _SIPDEFAULT and ask.at >= start]
    own = [ask for ask in asks if ask.name.kind == _SIP and default and ask.at >= default[-1].at]
    if not own:
        return None
    lacking = (default[-1], own[-1])
    if not all(_lacking(ask, scene) for ask in lacking):
        return None
    sure = CERTAIN if all(ask.result and ask.certain for ask in lacking) else LIKELY
    name = own[-1].name.base
    advice = f"neither SIPDefault.cnf nor {name} is to be had: put them there, readable for the user of the TFTP server"
    return _Verdict(CONFIG_MISSING, sure, _cased(advice, name, scene), lacking)


def _loader_six(asks: List[_Ask]) -> bool:
    return {_SEP, _SIP, _MGC, _XMLDEFAULT} <= {ask.name.kind for ask in asks}


def _unconfigured(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    """An application whose own file is not there: it has asked for SIPDefault.cnf first, which the loader does not."""
    default = [ask for ask in asks if ask.name.kind == _SIPDEFAULT and ask.at >= start]
    own = [ask for ask in asks if ask.name.kind == _SIP and default and ask.at >= default[-1].at]
    if not own or own[-1].result not in (MISSING, DENIED) or scene.end - own[-1].last <= scene.limits.boot:
        return None
    name = own[-1].name.base
    advice = f"put {name} there" if own[-1].result == MISSING else f"make {name} readable for the user of the TFTP server"
    return _Verdict(CONFIG_MISSING, LIKELY, _cased(advice, name, scene), own)


def _foreign(asks: List[_Ask]) -> str:
    """SCCP or MGCP, if all that is asked for is theirs."""
    kinds = [ask.name.kind for ask in asks]
    if any(kind in (_SIP, _SIPDEFAULT, _RINGLIST, _DIALPLAN, _APP_IMAGE) for kind in kinds):
        return ""
    if any(kind == _LOADS and "S3" in ask.name.base.upper() for kind, ask in zip(kinds, asks)):
        return ""
    if kinds.count(_MGC) >= 2 and _XMLDEFAULT not in kinds:
        return image.MGCP
    found = [image.recognise(ask.name.base.rsplit(".", 1)[0]) for ask in asks if ask.name.kind == _LOADER_IMAGE]
    if any(one and one.protocol == image.SCCP for one in found) and _SIP not in kinds:
        return image.SCCP
    if _SCCP in kinds or (kinds.count(_XMLDEFAULT) >= 2 and _SEP in kinds):
        return image.SCCP
    return ""


def _foreign_story(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    protocol = _foreign(asks)
    if not protocol:
        return None
    advice = f"it runs {protocol} and not SIP: leave it out, or move it to SIP by way of XMLDefault.cnf.xml or OS79XX.TXT"
    return _Verdict(NOT_OURS, LIKELY, advice, asks[-3:])


def _interrupted(asks: List[_Ask], scene: _Scene, start: float, done: float) -> Optional[_Verdict]:
    last = asks[-1]
    if not scene.answers or last.answers or not any(last.at <= when <= last.at + scene.limits.boot for when in scene.starts):
        return None
    if scene.end - last.last <= scene.limits.boot:
        return None
    return _Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its boot: reset the phone, and look again", [last])


def _silent(asks: List[_Ask], scene: _Scene) -> Optional[_Verdict]:
    last = asks[-1]
    if last.name.kind != _OS79XX or scene.end - last.last < scene.limits.silent or scene.kinds <= {_OS79XX, _OTHER}:
        return None
    advice = "it read OS79XX.TXT and asked for nothing more: check the name in it (no blank, no carriage return), then the phone's screen"
    return _Verdict(FELL_SILENT, LIKELY, advice, [last])


def _generation(asks: List[_Ask], verdict: str) -> str:
    if verdict == NOT_OURS:
        return _foreign(asks)
    for ask in reversed(asks):
        name = ask.name
        if name.kind == _OS79XX:
            return "6.x or older"
        if name.kind in _IMAGES:
            found = image.recognise(name.base.rsplit(".", 1)[0])
            if found and found.protocol in (image.SIP, image.LOADER):
                return f"{found.generation}.x"
        if name.kind == _MGC:
            return image.LOADER
    return "7.x or 8.x" if any(ask.name.kind in (_CTL, _SIP, _SIPDEFAULT, _RINGLIST, _DIALPLAN) for ask in asks) else "unknown"


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
