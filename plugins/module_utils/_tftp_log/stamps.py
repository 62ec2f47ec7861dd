# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time stamps as they stand in logs: years that are not there, zones, months in other languages."""

from __future__ import annotations

import calendar
import re
import time
from typing import Optional, Tuple

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
        r"[*.]?(?:\w{3} )?(?P<b>[^\W\d]{3,4}|[0-9]{1,2}月)\.? +(?P<d>[0-9]{1,2})"
        rf" {_CLOCK}(?:[.,][0-9]+)?(?: (?P<Y>[0-9]{{4}})(?= ))?",
        rf"\[?(?P<Y>[0-9]{{4}})[-/](?P<m>[0-9]{{2}})[-/](?P<d>[0-9]{{2}})[T ]{_CLOCK}(?:[.,][0-9]+)?"
        r" ?(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?\]?",
        rf"\[?(?P<m>[0-9]{{1,2}})/(?P<d>[0-9]{{1,2}})/(?P<Y>[0-9]{{4}}),? {_CLOCK}(?: (?P<p>[AP]M))?\]?",
        r"\[?(?P<e>[0-9]{9,10}(?:\.[0-9]+)?)\]?(?= )",
        rf"{_CLOCK}\.[0-9]{{6}}(?= (?:IP6? )?\S+ > )",
    )
)
_TRAILING = re.compile(rf" ?\[(?P<d>[0-9]{{2}})/(?P<m>[0-9]{{2}}) {_CLOCK}(?:\.[0-9]+)?\]$")


class Stamps:
    """The times that lines of one log have. `now` is when the log was last written: no stamp without a year is later than that."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._year = time.localtime(min(max(now, 0.0), 4e9)).tm_year

    def at_start(self, text: str) -> Tuple[Optional[float], int]:
        """The time that a line starts with, in seconds since 1970, and where in the line that ends; (None, 0) if there is none."""
        for pattern in _STAMPS:
            match = pattern.match(text)
            if match:
                when = self._seconds(match)
                return when, match.end() if when is not None else 0
        return None, 0

    def at_end(self, text: str) -> Tuple[Optional[float], Optional[int]]:
        """The time that a line of Tftpd32 ends with, and where in the line that begins; (None, None) if there is none."""
        match = _TRAILING.search(text)
        return (self._seconds(match), match.start()) if match else (None, None)

    def _seconds(self, match: re.Match[str]) -> Optional[float]:
        part = match.groupdict()
        try:
            if part.get("e"):
                return float(part["e"])
            if not part.get("d"):
                return self._of_this_day(int(part["H"]), int(part["M"]), int(part["S"]))
            name = part.get("b")
            month = int(part["m"]) if not name else int(name[:-1]) if name[-1] == "月" else _MONTHS.get(name.lower()[:3], 0)
            day, hour = int(part["d"]), int(part["H"])
            if part.get("p"):
                hour = hour % 12 + (12 if part["p"] == "PM" else 0)
            if month > 12 >= day and part.get("p") is None:
                month, day = day, month
            if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23:
                return None
            clock = (month, day, hour, int(part["M"]), int(part["S"]))
            if part.get("Y"):
                return _of_year(int(part["Y"]), clock, part.get("z"))
            for year in range(self._year + 1, self._year - 9, -1):
                when = _of_year(year, clock, None)
                # A day's grace: the log may be written in another time zone than it is read in.
                if when is not None and when <= self.now + _DAY:
                    return when
        except (ValueError, OverflowError):
            pass
        return None

    def _of_this_day(self, hour: int, minute: int, second: int) -> float:
        """As tcpdump writes: the last time that it was so late."""
        day = time.localtime(self.now)
        when = time.mktime((*day[:3], hour, minute, second, 0, 0, -1))
        return when if when <= self.now + 60 else when - _DAY


def _of_year(year: int, clock: Tuple[int, int, int, int, int], zone: Optional[str]) -> Optional[float]:
    if clock[:2] == (2, 29) and not calendar.isleap(year):
        return None
    if zone is None:
        return time.mktime((year, *clock, 0, 0, -1))
    when = float(calendar.timegm((year, *clock)))
    if zone[0] not in "+-":
        return when
    offset = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return when - offset if zone[0] == "+" else when + offset
