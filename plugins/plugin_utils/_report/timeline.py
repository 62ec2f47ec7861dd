# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a rollout: a band for each wave over time, in it a bar for each phone, or for many phones a curve.

Lengths are in units of the picture, WIDTH of which are its width; y goes downwards. Times are Unix seconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.content import IN_FLIGHT, LABELS, MOVED, Content, Row, results
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import duration, local, zone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE, FAILED, WaveSpan

MOST_BARS = 400
"""Phones of a wave that get a bar each; a larger one is drawn as a curve."""
MOST_BANDS = 40
"""Waves with a band each; beyond that one band has them all."""

WIDTH = 1000
LEFT = 190
RIGHT = 20
_BAND_GAP = 10
_CURVE_HEIGHT = 110
_BARS_HEIGHT = 200
_BAR_HEIGHT = 9
_STEPS = (1, 2, 5, 10, 15, 30, *(60 * n for n in (1, 2, 5, 10, 15, 30)), *(3600 * n for n in (1, 2, 3, 6, 12)))

Scale = Callable[[float], float]
"""Time → x."""


class Bar(NamedTuple):
    """A phone, from its restart until it came back or was given up."""

    status: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Band:
    """A wave. `note`: why there is nothing in it, or empty. `areas`: status and path, the hindmost first."""

    label: str
    details: list[str]
    y: float
    height: float
    x: float
    width: float
    bars: list[Bar]
    areas: list[tuple[str, str]]
    note: str


@dataclass(frozen=True)
class Timeline:
    """The whole picture. `bottom`: y below all bands; `ticks`: x and label; `legend`: the statuses in it; `untimed`: phones of which no
    time is known."""

    left: float
    bottom: float
    bands: list[Band]
    ticks: list[tuple[float, str]]
    legend: list[str]
    description: str
    curves: bool
    untimed: int


def timeline(shown: Content) -> Timeline | None:
    """Where everything lies in the picture, or None if the report has no times to draw."""
    moved = [row for row in shown.rows if row.wave is not None and row.status in MOVED]
    timed = [row for row in moved if row.ended_at is not None or row.reset_at is not None]
    if not timed:
        return None
    run = shown.run
    times = [run.started, run.ended, *(time for wave in run.waves for time in (wave.started, wave.ended))]
    times += [time for row in timed for time in (row.reset_at, row.ended_at)]
    begin, end = min(time for time in times if time is not None), max(time for time in times if time is not None)
    span = max(end - begin, 1.0)

    def x(when: float) -> float:
        return round(LEFT + (when - begin) / span * (WIDTH - LEFT - RIGHT), 1)

    if len(run.waves) > MOST_BANDS:
        waves = [("All waves", WaveSpan(0, (), True, begin, end), timed, [row for row in shown.rows if row.wave is not None])]
    else:
        waves = [
            (f"Wave {wave.number}", wave, [row for row in timed if row.wave == wave.number], shown.members[wave.number])
            for wave in run.waves
        ]
    bands: list[Band] = []
    bottom = 4.0
    for label, wave, rows, members in waves:
        bands.append(_band(label, wave, rows, results(members)[::-1], bottom, x, end))  # done, then failed
        bottom += bands[-1].height + _BAND_GAP
    statuses = {row.status for row in timed}
    said = ", ".join(f"{band.label}: {' '.join(band.details) or band.note}" for band in bands)
    return Timeline(
        left=LEFT,
        bottom=bottom,
        bands=bands,
        ticks=ticks(begin, begin + span, x),
        legend=[status for status in LABELS if status in statuses],
        description=f"From {local(begin)} to {local(end)} {zone(begin) or 'UTC'}. {said}.",
        curves=any(band.areas for band in bands),
        untimed=len(moved) - len(timed),
    )


def _band(label: str, wave: WaveSpan, rows: Sequence[Row], details: list[str], top: float, x: Scale, end: float) -> Band:
    """`rows`: its phones with times; `details`: what became of all of them; `top`: where it begins; `end`: when the picture ends."""
    spans = [_span(row, end) for row in rows]
    times = [time for span in [*spans, (wave.started, wave.ended)] for time in span if time is not None]
    left, right = (x(min(times)), x(max(times))) if times else (float(LEFT), float(LEFT))
    bars: list[Bar] = []
    areas: list[tuple[str, str]] = []
    height = 22.0 + 15 * len(details)
    if len(rows) > MOST_BARS:
        height = max(height, float(_CURVE_HEIGHT))
        areas = _areas(rows, left, top + height, height, x, end)
    elif rows:
        each = min(_BAR_HEIGHT, _BARS_HEIGHT / len(rows))
        height = max(height, each * len(rows) + 6)
        bars = _bars(rows, spans, top + (height - each * len(rows)) / 2, each, x)
    note = "" if rows else "no times known" if wave.reached else "not reached"
    return Band(label, details, round(top, 1), round(height, 1), left, round(max(2.0, right - left), 1), bars, areas, note)


def _span(row: Row, end: float) -> tuple[float, float]:
    """When the phone was reset and when it ended; one stands for the other where it is not known. It has one of them."""
    stop = end if row.ended_at is None or row.status == IN_FLIGHT else row.ended_at
    return stop if row.reset_at is None else row.reset_at, stop


def _bars(rows: Sequence[Row], spans: Sequence[tuple[float, float]], y: float, each: float, x: Scale) -> list[Bar]:
    """One bar below the other, in the order in which the phones ended."""
    bars = []
    thickness = round(each - 1.5 if each > 5 else each, 2)
    for row, (begin, stop) in sorted(zip(rows, spans, strict=True), key=lambda pair: (pair[1][1], pair[0].name)):
        left = x(min(begin, stop))
        title = ", ".join(filter(None, (f"{row.name}: {LABELS[row.status].name}", duration(row.seconds))))
        bars.append(Bar(row.status, left, round(y, 2), round(max(2.0, x(stop) - left), 1), thickness, title))
        y += each
    return bars


def _areas(rows: Sequence[Row], left: float, bottom: float, height: float, x: Scale, end: float) -> list[tuple[str, str]]:
    """How many had come back, or been given up, at each time: one area before the other. Two units are one step."""
    columns: dict[float, Counter[str]] = {}
    for row in rows:
        if row.status == IN_FLIGHT:
            continue
        columns.setdefault(2 * math.ceil(x(end if row.ended_at is None else row.ended_at) / 2), Counter())[row.status] += 1
    right = max(columns, default=left)
    areas = []
    for status, statuses in ((FAILED, (DONE, FAILED)), (DONE, (DONE,))):
        if not any(row.status == status for row in rows):
            continue
        path = f"M{left:g} {bottom:g}"
        total = 0
        for column in sorted(columns):
            total += sum(columns[column][one] for one in statuses)
            path += f"H{column:g}V{bottom - height * total / len(rows):.1f}"
        areas.append((status, f"{path}H{right + 2:g}V{bottom:g}Z"))
    return areas


def ticks(begin: float, end: float, x: Scale) -> list[tuple[float, str]]:
    """At most nine round times of this machine: x and label."""
    ahead = (datetime.fromtimestamp(begin).astimezone().utcoffset() or timedelta()).total_seconds()
    step = float(next((step for step in _STEPS if (end - begin) / step <= 8), math.ceil((end - begin) / 8 / 86400) * 86400))
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%Y-%m-%d"
    first = math.ceil((begin + ahead) / step) * step - ahead
    return [(x(when), local(when, form)) for when in (first + number * step for number in range(9)) if when <= end]
