# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time stamps as they stand in logs: years that are not there, zones, months in other languages."""

from __future__ import annotations

import re
import time
from typing import Dict, Optional, Tuple

from .events import remember

_DAY = 86400.0
_MONTHS = {
    name: number
    for number, names in enumerate(
        "jan ene gen sty|feb fév lut|mar mär mrz mrt|apr avr abr kwi|may mai maj mei mag|jun cze giu|jul lip lug|aug aoû ago sie|"
        "sep wrz set|oct okt ott paź out|nov lis|dec dez déc dic gru".split("|"),
        1,
    )
    for name in names.split()
}
_CLOCK = r"(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})"
_STAMPS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:\w{{3}} )?(?P<b>[^\W\d]{{3,4}}|[0-9]{{1,2}}月)\.? +(?P<d>[0-9]{{1,2}}) {_CLOCK}(?:[.,][0-9]+)?(?: (?P<Y>[0-9]{{4}})(?= ))?",
        rf"\[?(?P<Y>[0-9]{{4}})[-/](?P<m>[0-9]{{2}})[-/](?P<d>[0-9]{{2}})[T ]{_CLOCK}(?:[.,][0-9]+)?"
        r" ?(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?\]?",
        rf"\[?(?P<m>[0-9]{{1,2}})/(?P<d>[0-9]{{1,2}})/(?P<Y>[0-9]{{4}}),? {_CLOCK}(?: (?P<p>[AP]M))?\]?",
        r"\[?(?P<e>[0-9]{9,10}(?:\.[0-9]+)?)\]?(?= )",
    )
)
_TRAILING = re.compile(rf" ?\[(?P<d>[0-9]{{2}})/(?P<m>[0-9]{{2}}) {_CLOCK}(?:\.[0-9]+)?\]$")
_PLAIN = re.compile(
    rb"[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? (?![0-9]{4} )"
    rb"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[^ ]* (?![+-]|Z|UTC)"
)
"""Stamps that are known again by their text up to the minute, and the second."""
_SECONDS = {b"%02d" % second: float(second) for second in range(60)}
_MOST_TIMES = 1 << 12
NEVER = float("-inf")
"""In place of the time of a line that no server can have written."""


class Stamps:
    """The times that lines of one log have. `now` is when the log was last written: no stamp without a year is later than that."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._year = time.localtime(min(max(now, 0.0), 4e9)).tm_year
        self._times: Dict[str, Optional[float]] = {}
        self._minutes: Dict[bytes, float] = {}
        """By stamps without their seconds, as they stand in lines, with their time zones."""

    def at_start(self, text: str) -> Tuple[Optional[float], int]:
        """The time that a line starts with, in seconds since 1970, and where in the line that ends; (None, 0) if there is none."""
        for pattern in _STAMPS:
            match = pattern.match(text)
            if match:
                key = match.group()
                if key not in self._times:
                    remember(self._times, key, self._seconds(match), _MOST_TIMES)
                when = self._times[key]
                return (when, match.end()) if when is not None else (None, 0)
        return None, 0

    def at_end(self, text: str) -> Tuple[Optional[float], Optional[int]]:
        """The time that a line of Tftpd32 ends with, and where in the line that begins; (None, None) if there is none."""
        match = _TRAILING.search(text)
        return (self._seconds(match), match.start()) if match else (None, None)

    def quick(self, line: bytes) -> Optional[float]:
        """The time at the start of a line, if the same minute was seen before in such a line (`learn`); else None."""
        minute, clock = _minute(line) if line[4:5] == b"-" else (line[:13], line[13:15])
        start, second = self._minutes.get(minute), _SECONDS.get(clock)
        return None if start is None or second is None else start + second

    def learn(self, line: bytes, when: Optional[float]) -> None:
        """Remember the minute of a line that is known to have that time, for `quick`."""
        minute, clock = _minute(line)
        second = _SECONDS.get(clock)
        if second is not None and when is not None and _PLAIN.match(line):
            remember(self._minutes, minute, when - second, _MOST_TIMES)

    def _seconds(self, match: re.Match[str]) -> Optional[float]:
        part = match.groupdict()
        try:
            if part.get("e"):
                return float(part["e"])
            name = part.get("b")
            month = int(part["m"]) if not name else int(name[:-1]) if name[-1] == "月" else _MONTHS.get(name.lower()[:3], 0)
            day, hour = int(part["d"]), int(part["H"])
            if part.get("p"):
                hour = hour % 12 + (12 if part["p"] == "PM" else 0)
            if month > 12 >= day and part.get("p") is None:
                month, day = day, month
            clock = (month, day, hour, int(part["M"]), int(part["S"]))
            if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23:
                return None
            if part.get("Y"):
                return self._of_year(int(part["Y"]), clock, part.get("z"))
            for year in range(self._year + 1, self._year - 9, -1):
                when = self._of_year(year, clock, None)
                # A day's grace: the log may be written in another time zone than it is read in.
                if when is not None and when <= self.now + _DAY:
                    return when
        except (ValueError, OverflowError, KeyError):
            pass
        return None

    @staticmethod
    def _of_year(year: int, clock: Tuple[int, int, int, int, int], zone: Optional[str]) -> Optional[float]:
        if clock[:2] == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
            return None
        if zone is None:
            return time.mktime((year, *clock, 0, 0, -1))
        days = _days(year, clock[0], clock[1])
        when = days * _DAY + clock[2] * 3600 + clock[3] * 60 + clock[4]
        if zone[0] in "+-":
            digits = zone[1:].replace(":", "")
            offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
            when -= offset if zone[0] == "+" else -offset
        return when


def _minute(line: bytes) -> Tuple[bytes, bytes]:
    """The stamp of a line without its seconds, and the seconds."""
    if line[4:5] != b"-":
        return line[:13], line[13:15]
    end = line.find(b" ", 0, 40)
    # What is within one second has no order, but its time zone counts.
    zone = line[26:end] if end == 32 or (end == 27 and line[26:27] == b"Z") else line[19 : max(end, 0)]
    return line[:17] + zone, line[17:19]


def _days(year: int, month: int, day: int) -> int:
    """Days since the epoch, without the limits of the platform's calendar."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
