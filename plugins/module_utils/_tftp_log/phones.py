# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose events they are: a phone names its MAC in some requests only, addresses are kept, handed on, and shared behind NAT."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Collection, Deque, Dict, Iterable, List, Mapping, Optional, Tuple

from .events import MISSING, REQUEST, SERVED
from .names import CTL, SIPDEFAULT, STARTS
from .requests import MAYBE, MINE, NOT_MINE, Clue, PhoneLog, Timed
from .scene import Scene, Thresholds

KEPT = 64
"""Events of one phone that are kept: some boots, or several minutes of retries."""
_MOST_KEPT = 1 << 15
_ONE_BOOT = 30.0
"""Seconds within which all files are asked for that a boot begins with."""
_HOME, _MAYBE, _AWAY = "home", "maybe", "away"
"""Whether a phone had an address: certainly, if it kept it, not."""
_LAST = chr(0x10FFFF)
"""What is sorted behind all addresses."""


class Starts:
    """How often a file was asked for that a boot begins with, each boot once."""

    def __init__(self) -> None:
        self.count = 0
        self._last = float("-inf")
        self._times: List[float] = []
        """When the last ones were: a log may be read twice."""

    def add(self, when: Optional[float], boot_gap: float) -> None:
        """Count one, unless it was counted before: lines may be there twice, and in any order."""
        if when is not None:
            last, self._last = self._last, max(when, self._last)
            if -boot_gap < when - last < boot_gap:
                return
            if when < last and any(-boot_gap < when - start < boot_gap for start in self._times):
                return
            self._times.append(when)
            del self._times[: -2 * KEPT]
        self.count += 1


class Stream:
    """The last events that name one MAC, or of one address that name none; and how often a boot began in them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.seen: Deque[Timed] = deque(maxlen=KEPT)
        self.starts, self.defaults = Starts(), Starts()
        """Of CTLSEP<MAC>.tlv and OS79XX.TXT; and of SIPDefault.cnf, with which the boot of a phone on 7.x begins."""
        self.asks = False
        """Whether requests that start a boot were seen: then answers to them start none."""
        self.first: Optional[float] = None
        self.macs: Dict[str, Optional[float]] = {}
        """Of an address: the phones that had it, and since when; of a phone: its addresses."""

    @property
    def boots(self) -> int:
        return self.starts.count

    def starts_by(self, clue: Clue) -> Optional[Starts]:
        """What counts such an event, if a boot may begin with it."""
        kind, said = clue.name.kind, clue.meaning.kind
        if kind not in (*STARTS, SIPDEFAULT) or not (said == REQUEST or (said in (MISSING, SERVED) and not self.asks)):
            return None
        self.asks = self.asks or said == REQUEST
        return self.starts if kind in STARTS else self.defaults

    def make_room(self) -> None:
        """Keep more events, for the phones behind one address: more whenever their number has doubled."""
        phones = len(self.macs)
        room = min(KEPT * ((1 << (phones.bit_length() - 1)) + 1), _MOST_KEPT) if phones > 1 else KEPT
        if room > (self.seen.maxlen or 0):
            self.seen = deque(self.seen, maxlen=room)

    def log(self, mac: Optional[str]) -> PhoneLog:
        return PhoneLog(self.key, mac, list(self.seen), self.boots, self.first)


class Owners:
    """Gives the events of addresses to phones. `streams` are by MAC, or by address."""

    def __init__(self, streams: Mapping[str, Stream], scene: Scene) -> None:
        self._streams = streams
        self._limits = scene.limits
        self._nameless = scene.nameless

    def logs(self) -> Dict[str, PhoneLog]:
        """The events of each phone, by MAC, or by address where no MAC is known."""
        logs = {key: stream.log(key) for key, stream in self._streams.items() if is_mac(key)}
        for key, stream in self._streams.items():
            if not is_mac(key):
                self._share(stream, logs)
        return logs

    def _share(self, stream: Stream, logs: Dict[str, PhoneLog]) -> None:
        """Give the events of an address to the phones that had it."""
        macs = [mac for mac in stream.macs if mac in logs]
        if not macs:
            if stream.seen:
                logs[stream.key] = self._in_doubt(stream.log(None))
            return
        if len(macs) == 1:
            self._give(stream, logs, macs[0])
            return
        marks = sorted(
            (when, clue.meaning.port or 0, mac)
            for mac in macs
            for when, clue in self._streams[mac].seen
            if when is not None and clue.meaning.address == stream.key
        )
        starts: List[float] = []
        rest: List[Timed] = []
        for when, clue in stream.seen:
            if when is None:
                continue
            owners = _owners(when, clue, marks, self._limits.boot)
            if not owners and not _owners(when, clue, marks, self._limits.flash):
                rest.append((when, clue))
            for mac in owners:
                logs[mac].add(when, clue, NOT_MINE if len(owners) > 1 else MINE)
            if _starts(clue):
                starts.append(when)
        for mac, boots in _boots_of(starts, marks, self._limits).items():
            self._count(logs[mac], boots, len(boots))
        others = self._others(stream.key, rest)
        if others.boots:  # else some of these ask for a file now and then
            logs[stream.key] = others

    def _give(self, stream: Stream, logs: Dict[str, PhoneLog], mac: str) -> None:
        """Give the events of an address to the one phone that is known to have had it, but none from when that was elsewhere."""
        log, own = logs[mac], self._streams[mac]
        marks = [(when, clue.meaning.address) for when, clue in own.seen if when is not None and clue.meaning.address]
        marks += [(when, address) for address, when in own.macs.items() if when is not None]
        marks.sort()
        last = marks[-1][0] if marks else 0.0
        if len(own.macs) == 1 and not stream.boots and all((when or 0.0) <= last + self._limits.flash for when, _clue in stream.seen):
            log.clues += stream.seen  # as most phones are: there is nothing to doubt
            log.first = min((first for first in (log.first, stream.first) if first is not None), default=None)
            log.boots = log.boots or stream.defaults.count
            return
        located = [
            (when, clue, _HOME if when is None or not marks else _at_home(when, stream.key, marks, self._limits.flash))
            for when, clue in sorted(stream.seen, key=lambda one: one[0] or 0.0)
        ]
        # Who runs 7.x or 8.x begins each boot with its MAC, and does not ask for OS79XX.TXT.
        newer = any(clue.name.kind == CTL for _when, clue in own.seen)
        newer = newer and not any(home == _HOME and _starts(clue) for _when, clue, home in located)
        visits: List[List[Tuple[Optional[float], Clue, str]]] = []
        rest: List[Timed] = []
        ended = float("-inf")
        for when, clue, home in located:
            if home == _AWAY:
                rest.append((when, clue))
                continue
            if (when or 0.0) - ended > self._limits.flash:
                visits.append([])
            ended = when or 0.0
            visits[-1].append((when, clue, home))
        boots: List[float] = []
        for visit in visits:
            if newer and all(home == _MAYBE for _when, _clue, home in visit) and any(_starts(clue) for _when, clue, _home in visit):
                rest += [(when, clue) for when, clue, _home in visit]
                continue
            for when, clue, home in visit:
                log.add(when, clue, MAYBE if when is not None and home == _MAYBE and when > last else MINE)
                if when is not None and _starts(clue):
                    boots.append(when)
        others = self._others(stream.key, sorted(rest, key=lambda one: one[0] or 0.0))
        if stream.first is not None and (log.first is None or stream.first < log.first) and others.first != stream.first:
            log.first = stream.first
        self._count(log, boots, stream.boots - others.boots)
        if rest:
            logs[stream.key] = others

    def _others(self, address: str, clues: List[Timed]) -> PhoneLog:
        """What is left of an address: of a phone whose MAC is not known."""
        stream = Stream(address)
        for when, clue in clues:
            if _starts(clue):
                stream.starts.add(when, self._limits.boot_gap)
        first = min((when for when, _clue in clues if when is not None), default=None)
        return self._in_doubt(PhoneLog(address, None, clues, stream.boots, first))

    def _in_doubt(self, log: PhoneLog) -> PhoneLog:
        """A phone without a MAC. What it asked for next may be among the requests whose address the log does not tell."""
        last = max((when for when, _clue in log.clues if when is not None), default=None)
        if last is not None and any(-2 <= when - last <= self._limits.silent for when in self._nameless):
            log.owners.update((id(clue), NOT_MINE) for _when, clue in log.clues)
        return log

    def _count(self, log: PhoneLog, starts: Collection[float], most: int) -> None:
        """Add the boots that began without the MAC: all of them, if none began with it."""
        own = self._streams[log.key]
        if not own.boots:
            log.boots += max(most, 0)
            return
        # Phones with SCCP ask for both files in one boot.
        with_mac = sorted(when for when, clue in own.seen if when is not None and _starts(clue))
        last = float("-inf")
        for when in sorted(starts):
            before = bisect_right(with_mac, when + 1)
            if when - last >= self._limits.boot_gap and not (before and when - with_mac[before - 1] <= _ONE_BOOT):
                log.boots += 1
            last = when


def is_mac(key: str) -> bool:
    return len(key) == 12 and ":" not in key and "." not in key


def _starts(clue: Clue) -> bool:
    """Whether a boot begins with it."""
    return clue.name.kind in STARTS and clue.meaning.kind in (REQUEST, MISSING, SERVED)


def _at_home(when: float, address: str, marks: List[Tuple[float, str]], near: float) -> str:
    """Whether a phone had an address then, by when and where it was seen."""
    home = ""
    for at in (bisect_right(marks, (when, _LAST)) - 1, bisect_left(marks, (when, ""))):
        if 0 <= at < len(marks):
            seen = marks[at][0]
            here = any(one == address for _seen, one in marks[bisect_left(marks, (seen, "")) : bisect_right(marks, (seen, _LAST))])
            if here and abs(when - seen) <= near:
                return _HOME
            home = home or (_MAYBE if here else _AWAY)
    return home


def _boots_of(starts: Iterable[float], marks: List[Tuple[float, int, str]], limits: Thresholds) -> Dict[str, List[float]]:
    """Whose boots they are that began without a MAC behind one address: who asks for a file of its own just after."""
    boots: Dict[str, List[float]] = {}
    for when in sorted(starts):
        at = bisect_left(marks, (when, 0, ""))
        soon = [mac for seen, _port, mac in marks[at : at + KEPT] if seen - when <= limits.retry_gap]
        soon += [mac for seen, _port, mac in marks[at : at + 1] if seen - when <= limits.boot]
        for mac in soon:
            times = boots.setdefault(mac, [])
            if not times or when - times[-1] >= limits.boot_gap:
                times.append(when)
                break
    return boots


def _owners(when: float, clue: Clue, marks: List[Tuple[float, int, str]], window: float) -> List[str]:
    """The phones that an event of their common address may be of."""
    near: Dict[str, int] = {}
    """By phone, how far the port of this event is from one of its own; 0 if that is not known."""
    for at, port, mac in marks:
        if abs(at - when) <= window:
            ports = abs(port - clue.meaning.port) if port and clue.meaning.port else 0
            near[mac] = min(near.get(mac, ports), ports)
    nearest = sorted(near, key=lambda mac: near[mac])
    if len(nearest) > 1 and near[nearest[0]] + 8 < near[nearest[1]]:
        return nearest[:1]
    return list(near)
