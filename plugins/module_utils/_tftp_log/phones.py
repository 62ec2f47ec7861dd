# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a TFTP server, told apart by phones, for `tftp_verdict` to judge.

No order within a second counts, and no line that is not there: logs are shuffled, cut and filtered, and many servers log requests only.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from contextlib import suppress
from itertools import chain, filterfalse, islice, repeat
from math import isnan, nan
from operator import length_hint
from typing import (
    Any,
    Callable,
    Collection,
    Deque,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
    cast,
)

from ..aside import Beside, halves
from .reader import (
    ACKED,
    BLOCK,
    MISSING,
    NEVER,
    OTHERS,
    REQUEST,
    SERVED,
    SERVER_START,
    UNACKED,
    UNSURE,
    Event,
    Log,
    Place,
    Reader,
    Said,
    Stats,
    basename,
    in_time,
    is_capture,
    plain,
    read_capture,
    tells_repeats,
    text_of,
)
from .verdicts import (
    ANSWERS,
    CERTAIN,
    LIKELY,
    STARTS,
    Facts,
    Name,
    Phone,
    Scene,
    Sight,
    Thresholds,
    adopt,
    facts_of,
    name_of,
    sight_of,
)

KEPT = 64
"""Events of one phone that are kept: some boots, or several minutes of retries."""
MOST_PHONES = 50_000
_MOST_MESSAGES = 200_000
_MOST_WAITING = 64 << 20
"""Bytes of what has not come to its phones yet, and those that every phone may have of them."""
_WAITING = 64 << 10
_TRANSFERRED = 320
_COSTS = 1 << 10
"""What an event that is not like one before counts among those that wait: it takes more memory."""
_LONGEST_USUAL = 1000
_SHORT = 128
"""Blocks in which a log has told most of its messages: for fewer, numbers do not pay, nor does a second process."""
_AHEAD, _ASKED = 8, 3
"""Blocks that are cut before they are due, and those of them that the copy of the process has to cut, at most."""
_MOST_NEW = 10_000
"""Messages that got numbers and tell nothing."""
_MAY_START = re.compile(rb"CTLSEP|OS79XX", re.I)
_LONG_AGO = 3600.0
"""Seconds: no answer comes as late."""
_EXIT = b"Server thread exiting"
_NEAR = 4
"""Lines before one that are searched for its process's last one."""
_ONE_BOOT = 30.0
"""Seconds within which all files are asked for that a boot begins with."""
_HOME, _MAYBE, _AWAY = "home", "maybe", "away"
"""Whether a phone had an address: certainly, if it kept it, not."""
_LAST = chr(0x10FFFF)
"""What is sorted behind all addresses."""
_PROCESS = re.compile(rb"(?:^| )(in\.tftpd\[[0-9]+\]): ")
_HEAD = re.compile(rb"[^ ]* (?:[!-9;-~]+ )?(([A-Za-z][A-Za-z0-9_./@-]*)\[[0-9][0-9.]*)")
"""A line's start after its stamp."""


def _usual(head: bytes) -> Optional[re.Match[bytes]]:
    return _HEAD.fullmatch(head, 15 if head[3:4] == b" " else 19)


# -- what is kept


class _Stream:
    """The last events of one phone, or of one address, and how often it booted."""

    __slots__ = ("_sights", "asks", "boots", "first", "heard", "key", "last_start", "late", "macs", "room", "seen", "starts")

    def __init__(self, key: str) -> None:
        self.key = key
        self.room = 2 * KEPT
        self.seen: Deque[Any] = deque(maxlen=self.room)  # a time, what was said then, a time ...
        self._sights: List[Sight] = []
        self.late: List[Any] = []
        """What is to come to `seen`, the last first."""
        self.boots = 0
        self.heard = False
        """Whether there is anything that can come to it."""
        self.asks = False
        """Whether requests that start a boot were seen: then answers to them start none."""
        self.first: Optional[float] = None
        self.last_start = NEVER
        self.starts = array("d")
        """The last boots, in a log that is read twice as well."""
        self.macs: Dict[str, Optional[float]] = {}
        """Of an address: the phones that had it, and since when; of a phone: its addresses."""

    def start(self, when: Optional[float], boot_gap: float) -> None:
        """Count a request that starts a boot, unless it was counted before: lines may be there twice, and in any order."""
        last = self.last_start
        if when is None:
            self.boots += 1
        elif when - last >= boot_gap:
            self.last_start = when
            self.boot(when)
        else:
            if when > last:
                self.last_start = when
            if when - last <= -boot_gap and not any(-boot_gap < when - start < boot_gap for start in self.starts):
                self.boot(when)

    def boot(self, when: float) -> None:
        self.boots += 1
        self.starts.append(when)
        if len(self.starts) > 2 * KEPT:
            del self.starts[:KEPT]

    def grow(self) -> None:
        """More room, for the phones behind one address."""
        self.room = self.needed()
        self.seen = deque(self.seen, maxlen=self.room)

    def needed(self) -> int:
        """The room for these phones. It grows whenever their number has doubled."""
        count = len(self.macs)
        return min(2 * KEPT * ((1 << (count.bit_length() - 1)) + 1), 1 << 16) if count > 1 else 2 * KEPT

    def events(self, transferred: Callable[[_Transfer], Sight]) -> List[Tuple[Optional[float], Sight]]:
        sights, pairs = self._sights, iter(self.seen)
        return [
            (when, sights[said] if said.__class__ is int else transferred(said) if said.__class__ is tuple else said)
            for when, said in zip(pairs, pairs)
        ]

    def code(self, sight: Sight) -> Any:
        """What to keep for something said: a small number, as long as there are any. Those cost no look into far memory."""
        if sight.said.port is not None or len(self._sights) >= 256:
            return sight
        self._sights.append(sight)
        return len(self._sights) - 1


class _Known:
    """Where an event goes, and as what."""

    __slots__ = ("code", "sight", "starts", "stream")

    def __init__(self, stream: _Stream, sight: Sight, starts: bool) -> None:
        self.stream = stream
        self.code = stream.code(sight)
        self.sight = sight
        self.starts = starts


_Transfer = Tuple[_Known, bytes, Optional[Said]]
"""A request of atftpd, as it is known but for its port, as it was logged, and what its answer says."""
Value = TypeVar("Value")
_Found = Union[bytes, _Transfer, _Known, None]
"""What a line says: a message that is known, one of a transfer, what else it says at this place, or nothing."""


class _Messages(Dict[bytes, Value]):
    """By messages as they stand in lines. Of those that are not here it is kept how many were left to look up."""

    def __init__(self) -> None:
        super().__init__()
        self.left: Iterator[bytes] = iter(())
        self.missed: List[int] = []

    def __missing__(self, _message: bytes) -> None:
        self.missed.append(length_hint(self.left))

    def find(self, tails: Sequence[bytes]) -> Tuple[List[Optional[Value]], List[int]]:
        """The values of the messages that are here, and the places of those that are not."""
        self.left = iter(tails)
        self.missed = []
        found: List[Optional[Value]] = list(map(self.__getitem__, self.left))
        last = len(tails) - 1
        return found, [last - left for left in self.missed]


class _Cut(NamedTuple):
    """Lines of a block, for who knows what their messages mean."""

    numbers: array[int]
    """Of their messages."""
    starts: array[int]
    """Numbers of messages that may start a boot, ..."""
    times: array[float]
    """... and when they were logged, as `Reader.time`, NaN for None."""
    new: List[bytes]
    """Messages with the next numbers."""
    others: int
    """Lines that no TFTP server wrote, which are not among these."""


class _Cutter:
    """Cuts blocks and numbers messages, from 1 on, without a thought of what they mean."""

    def __init__(self, log: Log, known: Iterable[Tuple[bytes, bool]], reader: Reader) -> None:
        """`known`: messages, and whether they start a boot."""
        self._log = log
        self._numbers = _Messages[int]()
        """Without those that may start a boot, which are told each time."""
        self._starts: Dict[bytes, int] = {}
        self.learns = True
        """Whether to number messages that are new. Otherwise nothing is said of blocks with such messages."""
        self._counted = 0
        self._new: List[bytes] = []
        """What was numbered and not told yet."""
        self._time = reader.time
        for message, starts in known:
            self._number(message, starts)

    def _number(self, message: bytes, starts: bool) -> int:
        self._counted += 1
        (self._starts if starts else self._numbers)[message] = self._counted
        return self._counted

    def learn(self, messages: Iterable[bytes]) -> None:
        """Give these the next numbers, unless it did so itself."""
        for message in messages if not self.learns else ():
            self._number(message, bool(_MAY_START.search(message)))

    def cut(self, asked: Tuple[int, int, bool]) -> Optional[_Cut]:
        """Where a block begins, its length, and whether lines of others may be in it. None for a block that is not for this."""
        begin, length, mixed = asked
        block, others = Place(self._log, begin, length).read(), 0
        if b"message repeated " in block:
            return None
        if mixed:
            block, others = _without_others(block)
        heads, tails = _halves(block)
        numbers, missed = self._numbers.find(tails)
        starting, time = self._starts, self._time
        starts, times = array("I"), array("d")
        for at in missed:
            tail = tails[at]
            number = starting.get(tail)
            if number is None:
                number = self._numbers.get(tail)
                if number is None:
                    if not self.learns or len(tail) > _LONGEST_USUAL:
                        return None
                    number = self._number(tail, bool(_MAY_START.search(tail)))
                    self._new.append(tail)
                if tail not in starting:
                    numbers[at] = number
                    continue
            numbers[at] = number
            if not _usual(heads[at]):
                return None
            when = time(heads[at])
            starts.append(number)
            times.append(nan if when is None else when)
        new, self._new = self._new, []
        return _Cut(array("H" if self._counted < 1 << 16 else "I", cast("List[int]", numbers)), starts, times, new, others)


class _Queue:
    """Blocks that are cut before they are due, each here or by a copy of the process, whoever is free."""

    def __init__(self, cutter: _Cutter, beside: Optional[Beside]) -> None:
        self._cutter = cutter
        self._beside = beside
        self._blocks: Deque[Union[bytes, Place]] = deque()
        self._due = 0
        """The number of the first of them."""
        self._cuts: Dict[int, Optional[_Cut]] = {}
        self._open: Deque[Tuple[int, Place, bool]] = deque()
        """Blocks that nobody cuts yet."""
        self._asked: Deque[int] = deque()

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def room(self) -> int:
        return _AHEAD - len(self)

    def add(self, blocks: Iterable[Union[bytes, Place]], mixed: bool) -> None:
        for block in blocks:
            number = self._due + len(self)
            self._blocks.append(block)
            if isinstance(block, Place):
                self._open.append((number, block, mixed))
            else:
                self._cuts[number] = None

    def next(self) -> Tuple[Union[bytes, Place], Optional[_Cut]]:
        """The block that is due, and its lines, if numbers tell them."""
        while self._due not in self._cuts:
            while self._beside and self._open and len(self._asked) < _ASKED:
                number, place, mixed = self._open.popleft()
                self._beside.ask((place.begin, place.length, mixed))
                self._asked.append(number)
            if self._beside and self._asked and (not self._open or self._beside.answers()):
                self._cuts[self._asked.popleft()] = self._beside.answer()
                if self._beside.gone:
                    self._cuts.update(dict.fromkeys(self._asked))
                    self._asked.clear()
                    self._beside = None
                    self._cutter.learns = True
            else:
                number, place, mixed = self._open.popleft()
                self._cuts[number] = self._cutter.cut((place.begin, place.length, mixed))
        self._due += 1
        return self._blocks.popleft(), self._cuts.pop(self._due - 1)


def _without_others(block: bytes) -> Tuple[bytes, int]:
    """The lines of a block without those that no TFTP server wrote, and how many those are."""
    lines = block.split(b"\n")[:-1]
    own = list(filterfalse(OTHERS.match, lines))
    return b"\n".join(own) + b"\n" if own else b"", len(lines) - len(own)


def _halves(block: bytes) -> Tuple[List[bytes], List[bytes]]:
    """Lines of the shape "stamp host daemon[process]: message" fall into two parts each, all at once."""
    parts = block.replace(b"\n", b"]: ").split(b"]: ")
    return parts[::2], parts[1::2]


class _Batch:
    """Events in the order of their lines, None for other lines. Times are looked up when it is known which are kept: few."""

    __slots__ = ("begin", "end", "found", "mixed", "place", "reader", "table", "text", "times")

    def __init__(self, found: Any, text: bytes = b"", reader: Optional[Reader] = None, place: Optional[Place] = None) -> None:
        self.found = found
        """A list of `_Found`, or an array of the numbers of messages in the table."""
        self.table: Sequence[bytes] = ()
        self.text = text
        self.place = place
        """Where the text is, if it is not here; with lines of others between it if `mixed`."""
        self.mixed = False
        self.reader = reader
        self.times: Dict[int, Optional[float]] = {}
        """Of lines of another shape, or without any."""
        self.begin = 0
        """From where to where it may come to its streams now."""
        self.end = 0

    def keep(self, heads: Sequence[bytes]) -> None:
        """Of the text, keep but the starts of its lines, if it cannot be read again: blocks would take new memory all the time."""
        self.text = b"" if self.place else b"\n".join(heads)

    def lines(self) -> List[bytes]:
        """What the events were in, or the starts of that. Raises OSError."""
        if self.text or not self.place:
            return self.text.split(b"\n")
        text = self.place.read()
        # As they were cut: a line may have fallen into more than two parts
        heads, _tails = _halves(_without_others(text)[0] if self.mixed else text)
        if len(heads) < len(self.found):
            raise self.place.gone()
        return heads


class Stories:
    """The story of each phone. Memory grows with the phones, never with the log."""

    def __init__(self, thresholds: Optional[Thresholds] = None, since: Optional[float] = None, until: Optional[float] = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.since = since
        self.until = until
        self._always = since is None and until is None
        self.answered = 0
        """How many kinds of answers of the server were seen: none in a log of requests."""
        self.bogus = 0
        """Events of more phones than are kept."""
        self._streams: Dict[str, _Stream] = {}
        self._known = _Messages[_Found]()
        """Messages that do not start a boot: those that do are timed at once. Each is its own value: that is in the cache by then, what it
        means is not."""
        self._meant: Dict[bytes, _Known] = {}
        """What messages say, wherever they stand."""
        self._joined: Dict[bytes, Dict[_Known, _Known]] = {}
        """Messages about the request before, with what they say by that."""
        self._served: Dict[bytes, Tuple[_Known, str]] = {}
        """Requests as atftpd logs them, without their port, and the names of their files."""
        self._ends: Dict[Tuple[bytes, bytes], Optional[Said]] = {}
        """What is said of such requests in the end."""
        self._ported: Dict[Said, Sight] = {}
        """What was said in transfers, with ports."""
        self._late: List[_Batch] = []
        """All that has not come to its streams yet: most never does, they keep the last only."""
        self._waiting = 0
        self._forgot = 0
        """How often all messages were forgotten: there were too many."""
        self._told: Dict[Said, _Known] = {}
        self._names: Dict[str, Name] = {}
        self._starts: Deque[float] = deque(maxlen=1000)
        self._orphans: Deque[Tuple[Optional[float], Sight]] = deque(maxlen=1000)
        self._kinds: Set[str] = set()
        self._absent: Set[str] = set()
        self._wire = False
        self._lost: Deque[float] = deque(maxlen=1000)
        """Requests that tell no address."""
        self._presumed: Set[str] = set()
        """Phones whose last events are theirs only if they kept their address."""

    # -- in

    def feed(self, event: Event) -> None:
        when = None if event.time is None else float(event.time)
        known = self._told_at(when, Said(*event[1:]))
        if known:
            if not self._late or self._late[-1].reader:
                self._late.append(_Batch([]))
            batch = self._late[-1]
            batch.times[len(batch.found)] = when
            batch.found.append(known)
            batch.end += 1
            self._wait(_COSTS)

    def feed_lines(self, lines: Iterable[bytes], now: float, stats: Optional[Stats] = None) -> None:
        """As `feed` of each of `tftp_lines.events`, only faster."""
        reader = Reader(now, stats or Stats())
        rest = (line.rstrip(b"\r\n") for line in lines)
        several = iter(lambda: list(islice(rest, 500)), [])
        self.feed_blocks((b"\n".join(some) + b"\n" for some in several), reader)

    def feed_blocks(self, blocks: Iterable[Union[bytes, Place]], reader: Reader) -> None:
        """All of a log, as `Log.blocks`: if it is long, most blocks are cut by a copy of the process. Raises OSError."""
        rest = self._since(iter(blocks), reader)
        pays = True
        while pays:
            for block in islice(rest, _SHORT):
                self.feed_block(block, reader)
            more = next(rest, None)
            if more is None:
                break
            rest = chain((more,), rest)
            self._gather()
            if not isinstance(more, Place):
                break
            cutter = _Cutter(more.log, ((message, known.starts) for message, known in self._meant.items()), reader)
            beside: Optional[Beside] = None
            with suppress(OSError):
                beside = Beside(cutter.cut)
            try:
                pays = self._feed_cut(rest, reader, cutter, beside)
            finally:
                if beside:
                    beside.close()
        for block in rest:
            self.feed_block(block, reader)
        self._settle()  # while it can be read again

    def _since(self, blocks: Iterator[Union[bytes, Place]], reader: Reader) -> Iterator[Union[bytes, Place]]:
        """Without the blocks that a log begins with if they are so much older that nothing later is joined to them."""
        if self.since is not None:
            for block in blocks:
                text = text_of(block)
                if not reader.older(text, self.since - _LONG_AGO):
                    yield block
                    break
                reader.stats.lines += text.count(b"\n")
                reader.meet(text)
        yield from blocks

    def _gather(self) -> None:
        """Put messages of one phone side by side: they are looked up one soon after another, and memory is fetched by its neighbourhood."""
        known = sorted(self._meant.items(), key=lambda one: one[1].sight.said.address)
        self._meant = {bytes(memoryview(message)): means for message, means in known}
        self._known.clear()
        self._known.update((message, message) for message, means in self._meant.items() if not means.starts)

    def _feed_cut(self, rest: Iterator[Union[bytes, Place]], reader: Reader, cutter: _Cutter, beside: Optional[Beside]) -> bool:
        """Take blocks by the numbers of their messages, until all is read or there are too many. Returns whether that pays."""
        forgot = self._forgot
        table = [b"", *self._meant]
        new: Dict[int, bytes] = {}
        starts: Dict[int, _Stream] = {}
        queue = _Queue(cutter, beside)
        taken = failed = 0
        before: Optional[Place] = None
        cutter.learns = beside is None  # else its copy does, which was made before this
        while True:
            goes_on = forgot == self._forgot and len(table) < _MOST_MESSAGES and len(new) < _MOST_NEW and failed <= _SHORT + taken
            queue.add(islice(rest, queue.room if goes_on else 0), reader.mixed)
            if not queue:
                self._settle()  # the next numbers are others
                return failed <= _SHORT + taken
            block, cut = queue.next()
            if isinstance(block, Place) and cut:
                cutter.learn(cut.new)
                new.update(enumerate(cut.new, len(table)))
                table += cut.new
                if forgot == self._forgot and (not new or new.keys().isdisjoint(cut.numbers)):
                    self._take_cut(block, cut, table, starts, reader)
                    taken += 1
                    before = block
                    continue
            failed += 1
            if before:
                text = before.read()
                reader.before = _without_others(text)[0] if reader.mixed else text
                before = None
            self.feed_block(block, reader)
            for number in new.keys() & cut.numbers if cut else ():
                known = self._meant.get(new[number])
                if known and not (known.starts and not _MAY_START.search(new[number])):
                    del new[number]

    def _take_cut(self, place: Place, cut: _Cut, table: List[bytes], starts: Dict[int, _Stream], reader: Reader) -> None:
        """Take lines as `_take` does, all of which say what is known."""
        batch = _Batch(cut.numbers, b"", reader, place)
        batch.table, batch.mixed = table, cut.others > 0
        self._late.append(batch)
        gap = self.thresholds.boot_gap
        for number, when in zip(cut.starts, cut.times):
            stream = starts.get(number)
            if stream and when - stream.last_start >= gap:
                stream.last_start = when  # nearly all are like this
                stream.boot(when)
                continue
            known = self._meant[table[number]]
            if known.starts:
                self._begun(known, None if isnan(when) else when)
                if self._always:
                    starts[number] = known.stream
        reader.stats.lines += len(cut.numbers)
        reader.stats.skip(cut.others)
        reader.mixed = cut.others > 0
        self._keep(batch)

    def feed_block(self, block: Union[bytes, Place], reader: Reader) -> None:
        """Whole lines. Most are as one before but for time and process: a look into a dict tells what such a line says."""
        text, place = text_of(block), block if isinstance(block, Place) else None
        if b"message repeated " in text:
            self._feed_repeats(text, reader)
        else:
            self._feed_block(text, reader, place)

    def _feed_repeats(self, block: bytes, reader: Reader) -> None:
        """Lines some of which stand for several."""
        lines = block.split(b"\n")[:-1]
        before = reader.before
        begin = 0
        for at, line in enumerate([*lines, b""]):
            end = at == len(lines)
            if not end and not tells_repeats(line):
                continue
            if begin < at:
                piece = b"\n".join(lines[begin:at]) + b"\n"
                self._feed_block(piece, reader)
                before = (before + piece)[-BLOCK:]
                reader.before = before
            if not end:
                process = _PROCESS.search(line)
                if process:
                    self._recall(b"", 0, process.group(1).decode(), reader)
                previous = lines[at - 1] if at else before[:-1].rsplit(b"\n", 1)[-1]
                for event in reader.repeats(line, previous):
                    self.feed(event)
                before = reader.before = before + line + b"\n"
            begin = at + 1

    def _feed_block(self, block: bytes, reader: Reader, place: Optional[Place] = None) -> None:
        mixed = reader.mixed
        if mixed:
            block, others = _without_others(block)
            reader.stats.skip(others)
            reader.mixed = others > 0
        heads, tails = _halves(block)
        before = reader.before
        count = len(tails)
        batch = _Batch([], block, reader, place)
        batch.mixed = mixed
        taken = self._take(batch, heads, (), tails, reader)
        if taken < count:
            lines = block.split(b"\n")[:-1]
            if taken < len(lines):
                reader.mixed = True
                reader.before = before + b"\n".join(lines[:taken]) + b"\n"
                batch = _Batch([], b"\n".join(lines[taken:]) + b"\n", reader)
                heads, ends, tails = map(list, zip(*map(bytes.partition, lines[taken:], repeat(b"]: "))))
                self._take(batch, heads, ends, tails, reader)
        reader.before = block

    def _take(self, batch: _Batch, heads: Sequence[bytes], ends: Sequence[bytes], tails: Sequence[bytes], reader: Reader) -> int:
        """Take lines that are cut in two, and tell how many: without `ends`, until a new one shows that they were cut at wrong places."""
        found, missed = self._known.find(tails)
        meant = self._meant
        batch.found = found
        self._late.append(batch)
        told = -1
        for at in missed:
            known = meant.get(tails[at])
            if known is None:
                if at <= told:
                    continue
                known = self._join(heads, tails, found, at, reader)
                if known is None:
                    if self._transfer(batch, heads, tails, at, reader):
                        told = at + 2
                        continue
                    usual = _usual(heads[at])
                    if not ends and not (usual and (at + 1 >= len(found) or _usual(heads[at + 1]))):
                        # A known message before may be but the first part of one.
                        del found[at - 1 if at and at - 1 not in missed else at :]
                        break
                    batch.end = at
                    found[at] = self._look(batch, heads, ends, tails, at, usual, reader)
                    continue
            if not known.starts or self._begun(known, reader.time(heads[at])):
                found[at] = known
        reader.stats.lines += len(found)
        batch.keep(heads)
        self._keep(batch)
        return len(found)

    def _keep(self, batch: _Batch) -> None:
        batch.end = len(batch.found)
        self._wait(len(batch.text) + getattr(batch.found, "itemsize", 8) * len(batch.found) + _COSTS)

    def _begun(self, known: _Known, when: Optional[float]) -> bool:
        """Count what starts a boot, if a server can have written it."""
        if when == NEVER or not (self._always or self._wanted(when)):
            return False
        known.stream.start(when, self.thresholds.boot_gap)
        return True

    def _join(self, heads: Sequence[bytes], tails: Sequence[bytes], found: Sequence[_Found], at: int, reader: Reader) -> Optional[_Known]:
        """A message about the request before."""
        said = self._joined.get(tails[at])
        before = self._before(heads, found, at, reader) if said else None
        return said.get(before) if said and before else None

    def _transfer(self, batch: _Batch, heads: Sequence[bytes], tails: Sequence[bytes], at: int, reader: Reader) -> bool:
        """Take one of atftpd's transfers, told from its start to its end, while there is no other. No two have the same port."""
        base, _colon, port = tails[at].rpartition(b":")
        served = self._served.get(base)
        if not served or tails[at + 2 : at + 3] != [_EXIT] or not port.isdigit() or len(port) > 5 or tails[at + 1] in self._meant:
            return False
        asked, name = served
        first, second, third = heads[at : at + 3]
        when = then = reader.time(first)
        if first != second or first != third:
            rest = 26 if first[4:5] == b"-" else 15
            then = reader.time(second)
            if not first[rest:] == second[rest:] == third[rest:] or reader.time(third) == NEVER:
                return False
        usual = _usual(first)
        if not usual or when == NEVER or then == NEVER or not (self._wanted(when) and self._wanted(then)):
            return False
        key = base, tails[at + 1]
        if key not in self._ends:
            self._ends[key] = self._end(name, tails[at + 1], reader)
        end, process = self._ends[key], usual.group(1).decode() + "]"
        if not end or not reader.idle(process) or not in_time(end.kind, when, then):
            return False
        reader.passed(process)
        if asked.starts:
            asked.stream.start(when, self.thresholds.boot_gap)
        if end.kind == MISSING:
            self._absent.add(asked.sight.name.kind)
        self.answered += 1
        batch.found[at] = asked, tails[at], None
        batch.found[at + 1] = asked, tails[at], end
        self._waiting += _TRANSFERRED
        return True

    @staticmethod
    def _end(name: str, tail: bytes, reader: Reader) -> Optional[Said]:
        """What a message tells of the request of a file, if it is its answer."""
        said = reader.said(plain(tail), "atftpd")
        return said if said and said.kind in (SERVED, MISSING) and not said.address and basename(said.file) in ("", name) else None

    def _transferred(self, transfer: _Transfer) -> Sight:
        """What a line of a transfer says, with its port."""
        asked, request, end = transfer
        kind, address, _port, file, line = asked.sight.said
        kind, line = (end.kind, end.line) if end else (kind, plain(request))
        said = Said(kind, address, int(request[request.rindex(b":") + 1 :]), file, line)
        known = self._told.get(said)
        if known:
            return known.sight
        return self._ported.setdefault(said, sight_of(said, asked.sight.name))

    def _before(self, heads: Sequence[bytes], found: Sequence[_Found], at: int, reader: Reader) -> Optional[_Known]:
        """The request of a line's process, if that is just before."""
        host, space, process = heads[at].rpartition(b" ")
        if not host:
            return None  # cut off within it
        process = space + process
        for near in range(at - 1, max(at - _NEAR, 0) - 1, -1):
            if heads[near].endswith(process):
                known = self._meaning(found[near])
                if not known or known.sight.said.kind != REQUEST:
                    return None
                return known if reader.time(heads[near]) != NEVER else None
        return None

    def _look(
        self,
        batch: _Batch,
        heads: Sequence[bytes],
        ends: Sequence[bytes],
        tails: Sequence[bytes],
        at: int,
        usual: Optional[re.Match[bytes]],
        reader: Reader,
    ) -> Optional[_Known]:
        """A closer look at a line."""
        tail = tails[at]
        line = heads[at] + (ends[at] if ends else b"]: ") + tail
        if OTHERS.match(line):
            reader.stats.unknown += 1
            return None
        usual = usual if len(line) <= _LONGEST_USUAL and (not ends or ends[at]) else None
        when = reader.time(line) if usual else NEVER
        if not usual or when == NEVER:
            named = _PROCESS.search(line)
            if named:
                self._recall(batch.text, at, named.group(1).decode(), reader)
            event = reader.event(line)
            if not event:
                return None
            batch.times[at] = when = event.time
            return self._told_at(when, Said(*event[1:]))
        tag = usual.group(2).decode()
        message = plain(tail)
        known = before = None
        said = reader.said(message, tag) if tag == "in.tftpd" or tag.startswith("dnsmasq") else None
        if said and said.file:
            known = self._told_at(when, said)
            if known:
                self._meant[tail] = known
                if not known.starts:
                    self._known[tail] = tail
            return known
        process = usual.group(1).decode() + "]"
        if said:
            before = self._before(heads, batch.found, at, reader)
            if before:
                reader.asked(process, before.sight.said)
            else:
                self._recall(batch.text, at, process, reader)
        said = reader.heard(message, tag, process, when)
        known = self._told_at(when, said) if said else None
        if known and tag == "atftpd" and known.sight.said.kind == REQUEST and tail.startswith(b"Serving "):
            self._served[tail.rpartition(b":")[0]] = known, basename(known.sight.said.file)
        if known and before:
            self._joined.setdefault(tail, {})[before] = known
        return known

    def _told_at(self, when: Optional[float], said: Said) -> Optional[_Known]:
        if not self._wanted(when):
            return None
        known = self._place(said, when)
        if known and known.starts:
            known.stream.start(when, self.thresholds.boot_gap)
        return known

    @staticmethod
    def _recall(lines: bytes, at: int, process: str, reader: Reader) -> None:
        """Tell the reader the last request of a process: it has not seen what was known."""
        asked = f" {process}: ".encode()
        end = len(b"\n".join(lines.split(b"\n", at)[:at]))
        for text, stop in ((lines, end), (reader.before, len(reader.before))):
            found = text.rfind(asked + b"RRQ from ", 0, stop)
            while found >= 0:
                if reader.time(text[text.rfind(b"\n", 0, found) + 1 : found + len(asked) - 3]) != NEVER:
                    said = reader.said(plain(text[found + len(asked) : text.index(b"\n", found)]), "in.tftpd")
                    if said:
                        reader.asked(process, said)
                        return
                found = text.rfind(asked + b"RRQ from ", 0, found)

    def _wait(self, count: int) -> None:
        self._waiting += count
        if self._waiting > min(_MOST_WAITING, _WAITING * (len(self._streams) + 64)):
            self._settle()
        if max(len(self._told), len(self._served), len(self._ends)) >= _MOST_MESSAGES:
            self._settle()
            for told in (self._told, self._known, self._meant, self._joined, self._served, self._ends):
                told.clear()
            self._forgot += 1

    def _meaning(self, found: _Found) -> Optional[_Known]:
        if isinstance(found, tuple):
            return None
        return self._meant[found] if isinstance(found, bytes) else found

    def _settle(self) -> None:
        """Bring what was seen to its streams, from the last on, as long as they have room."""
        always = self._always
        meant = self._meant
        full: Set[Any] = {None}
        streams: List[_Stream] = []
        late: List[Any]
        hungry = sum(stream.heard for stream in self._streams.values())
        for batch in reversed(self._late):
            if not hungry:
                break
            begin, odd, reader, table = batch.begin, batch.times, batch.reader, batch.table
            lines: List[bytes] = []
            left = reversed(batch.found[begin : batch.end])
            for found in cast("Iterator[Any]", filterfalse(full.__contains__, left)):
                shape = found.__class__
                message = table[found] if shape is int else found
                known = found[0] if shape is tuple else meant[message] if message.__class__ is bytes else found
                stream: _Stream = known.stream
                late = stream.late
                if len(late) >= stream.room:
                    if shape is not tuple:
                        full.add(found)
                    continue
                at = begin + length_hint(left)
                if reader and at not in odd:
                    lines = lines or batch.lines()
                    when = reader.time(lines[at])
                    if when == NEVER or not (always or self._wanted(when)):
                        continue
                else:
                    when = odd[at]
                if not late:
                    streams.append(stream)
                late += (found if shape is tuple else known.code, when)
                if len(late) == stream.room:
                    hungry -= 1
        for stream in streams:
            stream.seen.extend(reversed(stream.late))
            stream.late = []
        for batch in self._late:
            batch.begin = batch.end
        self._late = [batch for batch in self._late if batch.begin < len(batch.found)]
        self._waiting = 0

    def _wanted(self, when: Optional[float]) -> bool:
        return when is None or not ((self.since is not None and when < self.since) or (self.until is not None and when > self.until))

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
        sight = sight_of(said, name)
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
        if said.kind == REQUEST and not said.address and when is not None:
            self._lost.append(when)
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
        if name.mac and said.address and said.address not in stream.macs:
            self._neighbour(name.mac, said.address, when)
            stream.macs.setdefault(said.address, when)
        start = name.kind in STARTS and (said.kind == REQUEST or (said.kind in (MISSING, SERVED) and not stream.asks))
        stream.asks = stream.asks or (start and said.kind == REQUEST)
        stream.heard = True
        known = _Known(stream, sight, start)
        self._waiting += _COSTS
        if said.port is None or len(self._told) < MOST_PHONES:
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
        stream.macs[mac] = when
        if stream.needed() > stream.room:
            self._settle()
            stream.grow()

    # -- out

    def result(self, now: float, since: Optional[float] = None, root_files: Optional[Collection[str]] = None) -> Dict[str, Facts]:
        """Facts of each phone, by MAC, or by address where no MAC is known.

        mac, address, verdict, confidence, advice, evidence (messages with their times), boots, generation, first_seen, last_seen,
        timeline (time, file, result and number of the last requests). Times are seconds since the epoch or None. `root_files` are the names
        in the TFTP root, if known: they tell a wrong case from a missing file, and another root from this.
        """
        self._settle()
        times = [islice(stream.seen, 0, None, 2) for stream in self._streams.values()]
        others = (self._starts, (when for when, _sight in self._orphans))
        end = max((when for when in chain(*times, *others) if when is not None), default=now)
        read = now if self.until is None else min(now, self.until)
        scene = Scene(self.thresholds, end, self.answered > 0, self._kinds, list(self._starts), root_files, read)
        scene.absent, scene.wire = self._absent, self._wire
        taken: Dict[str, Phone] = {}
        self._presumed = set()
        for key, stream in self._streams.items():
            if _is_mac(key):
                taken[key] = self._phone(stream, key)
        for key, stream in self._streams.items():
            if not _is_mac(key):
                self._share(stream, taken)
        adopt(taken.values(), self._orphans, self.thresholds)
        facts: Dict[str, Facts] = {}
        judged = halves(lambda phones: [facts_of(phone, scene, since) for phone in phones], list(taken.values()))
        for key, told in zip(taken, chain(*judged)):
            if told:
                if key in self._presumed and told["confidence"] == CERTAIN:
                    told["confidence"] = LIKELY
                facts[key] = told
        return facts

    def _phone(self, stream: _Stream, mac: Optional[str]) -> Phone:
        return Phone(stream.key, mac, stream.events(self._transferred), stream.boots, stream.first)

    def _share(self, stream: _Stream, phones: Dict[str, Phone]) -> None:
        """Give the events of an address to the phones that had it."""
        macs = [mac for mac in stream.macs if mac in phones]
        if not macs:
            if stream.seen:
                phones[stream.key] = self._alone(self._phone(stream, None))
            return
        if len(macs) == 1:
            self._follow(stream, phones, macs[0])
            return
        marks = sorted(
            (when, sight.said.port or 0, mac)
            for mac in macs
            for when, sight in self._streams[mac].events(self._transferred)
            if when is not None and sight.said.address == stream.key
        )
        starts: List[float] = []
        rest: List[Tuple[Optional[float], Sight]] = []
        others = _Stream(stream.key)
        for when, sight in stream.events(self._transferred):
            owners = _owners(when, sight, marks, self.thresholds.boot)
            if when is not None and not owners and not _owners(when, sight, marks, self.thresholds.flash):
                rest.append((when, sight))
                if _starts(sight):
                    others.start(when, self.thresholds.boot_gap)
            for mac, shared in owners:
                phones[mac].sights.append((when, sight))
                if shared:
                    phones[mac].shared.add(id(sight))
            if when is not None and _starts(sight):
                starts.append(when)
        for mac, begun in _booted(starts, marks, self.thresholds).items():
            self._count(phones[mac], begun, len(begun))
        if others.boots:  # else some of these ask for a file now and then
            first = min((when for when, _sight in rest if when is not None), default=None)
            phones[stream.key] = self._alone(Phone(stream.key, None, rest, others.boots, first))

    def _follow(self, stream: _Stream, phones: Dict[str, Phone], mac: str) -> None:
        """Give the events of an address to the one phone that is known to have had it, but none from when that was elsewhere."""
        phone, own = phones[mac], self._streams[mac]
        marks = [(when, sight.said.address) for when, sight in own.events(self._transferred) if when is not None and sight.said.address]
        marks += [(when, address) for address, when in own.macs.items() if when is not None]
        marks.sort()
        last = marks[-1][0] if marks else 0.0
        events = stream.events(self._transferred)
        if (
            len(own.macs) == 1
            and not stream.boots
            and max((when or 0.0 for when, _sight in events), default=0.0) <= last + self.thresholds.flash
        ):
            phone.add(events, stream.first)  # as most phones are: there is nothing to doubt
            return
        told = [
            (when, sight, _HOME if when is None or not marks else _at_home(when, stream.key, marks, self.thresholds.flash))
            for when, sight in sorted(events, key=lambda one: one[0] or 0.0)
        ]
        # Who runs 7.x or 8.x begins each boot with its MAC, and does not ask for OS79XX.TXT.
        newer = any(sight.name.kind == STARTS[0] for _when, sight in own.events(self._transferred))
        newer = newer and not any(home == _HOME and _starts(sight) for _when, sight, home in told)
        bout, ended = 0, float("-inf")
        bouts: List[int] = []
        strange: Set[int] = set()
        known: Set[int] = set()
        for when, sight, home in told:
            if home != _AWAY:
                if (when or 0.0) - ended > self.thresholds.flash:
                    bout += 1
                ended = when or 0.0
                if home == _HOME:
                    known.add(bout)
                elif newer and _starts(sight):
                    strange.add(bout)
            bouts.append(bout)
        strange -= known
        others = _Stream(stream.key)
        rest: List[Tuple[Optional[float], Sight]] = []
        begun: List[float] = []
        for bout, (when, sight, home) in zip(bouts, told):
            if home == _AWAY or bout in strange:
                rest.append((when, sight))
                if _starts(sight):
                    others.start(when, self.thresholds.boot_gap)
                continue
            phone.sights.append((when, sight))
            if when is not None and home == _MAYBE and when > last:
                self._presumed.add(mac)
            if when is not None and _starts(sight):
                begun.append(when)
        others.first = min((when for when, _sight in rest if when is not None), default=None)
        if stream.first is not None and (phone.first is None or stream.first < phone.first) and others.first != stream.first:
            phone.first = stream.first
        self._count(phone, begun, stream.boots - others.boots)
        if rest:
            phones[stream.key] = self._alone(Phone(stream.key, None, rest, others.boots, others.first))

    def _alone(self, phone: Phone) -> Phone:
        """A phone without a MAC. What it asked for next may be among the requests that tell no address."""
        last = max((when for when, _sight in phone.sights if when is not None), default=None)
        if last is not None and any(-2 <= when - last <= self.thresholds.silent for when in self._lost):
            phone.shared.update(id(sight) for _when, sight in phone.sights)
        return phone

    def _count(self, phone: Phone, begun: Collection[float], most: int) -> None:
        """Add the boots that were told without the MAC: all of them, if none was told with it."""
        own = self._streams[phone.key]
        if not own.boots:
            phone.boots += max(most, 0)
        if not own.boots or not begun:
            return
        # Phones with SCCP ask for both files in one boot.
        known = sorted(when for when, sight in own.events(self._transferred) if when is not None and _starts(sight))
        last = float("-inf")
        for when in sorted(begun):
            before = bisect_right(known, when + 1)
            if when - last >= self.thresholds.boot_gap and not (before and when - known[before - 1] <= _ONE_BOOT):
                phone.boots += 1
            last = when


def _is_mac(key: str) -> bool:
    return len(key) == 12 and ":" not in key and "." not in key


def _starts(sight: Sight) -> bool:
    return sight.name.kind in STARTS and sight.said.kind in (REQUEST, MISSING, SERVED)


def _at_home(when: float, address: str, marks: List[Tuple[float, str]], near: float) -> str:
    """Whether a phone had an address then, by when and where it was seen."""
    before = bisect_right(marks, (when, _LAST)) - 1
    if before >= 0 and marks[before][1] == address and when - marks[before][0] <= near:
        return _HOME
    known = ""
    for at in (before, bisect_left(marks, (when, ""))):
        if 0 <= at < len(marks):
            seen = marks[at][0]
            here = any(one == address for _seen, one in marks[bisect_left(marks, (seen, "")) : bisect_right(marks, (seen, _LAST))])
            if here and abs(when - seen) <= near:
                return _HOME
            known = known or (_MAYBE if here else _AWAY)
    return known


def _booted(starts: Iterable[float], marks: List[Tuple[float, int, str]], limits: Thresholds) -> Dict[str, List[float]]:
    """Whose boots they are that began without a MAC behind one address: who asks for a file of its own just after."""
    boots: Dict[str, List[float]] = {}
    for when in sorted(starts):
        at = bisect_left(marks, (when, 0, ""))
        soon = [mac for seen, _port, mac in marks[at : at + KEPT] if seen - when <= limits.retry_gap]
        soon += [mac for seen, _port, mac in marks[at : at + 1] if seen - when <= limits.boot]
        for mac in soon:
            begun = boots.setdefault(mac, [])
            if not begun or when - begun[-1] >= limits.boot_gap:
                begun.append(when)
                break
    return boots


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
    rest: Iterator[Union[str, bytes]] = iter(sources)
    for source in rest:
        if isinstance(source, bytes):
            stories.feed_lines(chain((source,), cast("Iterator[bytes]", rest)), now, stats)
        elif is_capture(source):
            for event in read_capture(source, stats):
                stories.feed(event)
        else:
            reader = Reader(min(now, os.stat(source).st_mtime), stats)
            with Log(source) as log:
                stories.feed_blocks(log.blocks(), reader)
    return {
        "phones": stories.result(now, since, root_files),
        "lines": stats.lines,
        "unknown": stats.unknown,
        "server": stats.server,
    }
