# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of one phone's requests over time, a line for each file. Long pauses are left out.

Lengths are in units of the picture, WIDTH of which are its width; y goes downwards. Times are Unix seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import clock, count, duration

RESULTS = {
    "served": "served",
    "missing": "not found",
    "denied": "may not be read",
    "failed": "broke off",
    "data_unacked": "sent, never acknowledged",
    "unsure": "done, says a server that says so of failures too",
    "asked": "asked; no answer in the log",
}
"""What came of a request → what to call it."""

WIDTH = 1000
LEFT = 220
RIGHT = 16
MOST_LANES = 16
_LANE = 20
_TOP = 10
_BREAK = 60
"""Width of a pause that is left out."""
_PAUSE = 180.0
"""Seconds of silence that are left out."""
_MOST_PARTS = 6


class Request(NamedTuple):
    """A file asked for. `time`: when first, None if the log does not tell; `result`: a key of RESULTS; `times`: how often, as it is
    repeated where no answer comes."""

    time: float | None
    file: str
    result: str
    times: int


class Part(NamedTuple):
    """A stretch of time without a long pause, and where it lies in the picture: `scale` units are a second."""

    first: float
    last: float
    left: float
    scale: float

    def x(self, when: float) -> float:
        return round(self.left + (when - self.first) * self.scale, 1)


@dataclass(frozen=True)
class Picture:
    """`bottom`: y below all lines; `lanes`: y and file name; `marks`: x, y, result, time of the day, how often; `ticks`: x, label,
    text-anchor; `pauses`: x and how long."""

    bottom: float
    lanes: list[tuple[float, str]]
    marks: list[tuple[float, float, str, str, int]]
    ticks: list[tuple[float, str, str]]
    pauses: list[tuple[float, str]]
    description: str


def picture(requests: Sequence[Request]) -> Picture | None:
    """Where everything lies, or None if there is nothing to draw."""
    if not requests:
        return None
    timed = sorted(((request.time, request) for request in requests if request.time is not None), key=lambda pair: pair[0])
    drawn = timed or [(float(number), request) for number, request in enumerate(requests)]
    parts = _parts([when for when, _request in drawn])
    named = [(when, request.file.rsplit("/", 1)[-1] or request.file, request) for when, request in drawn if when >= parts[0].first]
    names = list(dict.fromkeys(name for _when, name, _request in named))
    y = {name: _TOP + _LANE * min(number, MOST_LANES - 1) + _LANE / 2 for number, name in enumerate(names)}
    marks = []
    for when, name, request in named:
        part = next(part for part in reversed(parts) if part.first <= when)
        result = request.result if request.result in RESULTS else "asked"
        marks.append((part.x(when), y[name], result, clock(when) if timed else "", request.times))
    lanes = [(y[name], name[-31:]) for name in names[:MOST_LANES]]
    if len(names) > MOST_LANES:
        lanes[-1] = (lanes[-1][0], "other files")
    counts = Counter(result for _x, _y, result, _clock, _times in marks)
    results = ", ".join(f"{counts[result]} {meaning}" for result, meaning in RESULTS.items() if counts[result])
    form = "%Y-%m-%d %H:%M:%S"
    period = f" from {clock(parts[0].first, form)} to {clock(parts[-1].last, form)} UTC" if timed else ", without times"
    return Picture(
        bottom=_TOP + _LANE * len(lanes),
        lanes=lanes,
        marks=marks,
        ticks=_ticks(parts) if timed else [],
        pauses=_pauses(parts),
        description=f"{count(marks, 'request')}{period}: {results}.",
    )


def _parts(times: Sequence[float]) -> list[Part]:
    """The latest stretches without a long pause, side by side. `times` are in order."""
    spans: list[tuple[float, float]] = []
    for when in times:
        if spans and when - spans[-1][1] <= _PAUSE:
            spans[-1] = (spans[-1][0], when)
        else:
            spans.append((when, when))
    spans = spans[-_MOST_PARTS:]
    seconds = [max(last - first, 5.0) for first, last in spans]
    scale = (WIDTH - LEFT - RIGHT - 12 - _BREAK * (len(spans) - 1)) / sum(seconds)
    parts = []
    left = float(LEFT) + 6
    for (first, last), length in zip(spans, seconds, strict=True):
        parts.append(Part(first, last, left, scale))
        left += length * scale + _BREAK
    return parts


def _ticks(parts: Sequence[Part]) -> list[tuple[float, str, str]]:
    """The time at the beginning of each stretch, with the day where that is another one, and at the end of a wide one."""
    ticks = []
    day = ""
    for part in parts:
        same_day = day == clock(part.first, "%j")
        ticks.append((part.x(part.first), clock(part.first, "%H:%M:%S" if same_day else "%d %b %H:%M:%S"), "start"))
        day = clock(part.last, "%j")
        if part.x(part.last) - part.left > 230:
            ticks.append((part.x(part.last), clock(part.last), "end"))
    return ticks


def _pauses(parts: Sequence[Part]) -> list[tuple[float, str]]:
    """Between two stretches: about how long nothing was asked for, as there is no room for more."""
    pauses = []
    for before, after in pairwise(parts):
        seconds = after.first - before.last
        unit = next(unit for unit in (86400, 3600, 60) if seconds >= unit)
        pauses.append((round(after.left - _BREAK / 2 - 3, 1), duration(round(seconds / unit) * unit)))
    return pauses
