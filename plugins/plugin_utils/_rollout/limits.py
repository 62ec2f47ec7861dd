# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people set for a rollout, such as `waves` and `max_failed`, read from whatever form they typed it in."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import BRICKED, STOPS


class RolloutError(ValueError):
    """A rollout that must not start. The message says everything that is in the way."""


@dataclass(frozen=True)
class Losses:
    """What a rollout may lose before it stops.

    `max_fail`: share of the phones of one wave, in percent. `max_failed`: phones in all, None for no such limit. `min_sample`: as long as
    fewer phones have ended, neither is judged. `stop_on`: kinds of failure of which one is too many.
    """

    max_fail: float = 0.0
    max_failed: int | None = None
    min_sample: int = 1
    stop_on: Sequence[str] = ()


def losses(max_fail: object, max_failed: object, min_sample: object, stop_on: object) -> Losses:
    """From what people type. Without a share none may fail, unless `max_failed` allows some. Raises RolloutError."""
    absolute = None if max_failed in (None, "") else _at_least("max_failed", max_failed, 0)
    share = 0.0 if absolute is None else 100.0
    if max_fail not in (None, ""):
        try:
            share = float(str(max_fail))
        except ValueError:
            share = -1.0
        if not 0 <= share <= 100:
            raise RolloutError(f"max_fail is {max_fail!r}: it is a share from 0 to 100")
    kinds: list[str] = []
    for kind in _names(stop_on):
        if kind not in (*STOPS, "bricked"):
            raise RolloutError(f"stop_on: {kind!r} is no kind of failure; there are bricked, {', '.join(STOPS)}")
        kinds += BRICKED if kind == "bricked" else [str(kind)]
    return Losses(share, absolute, _at_least("min_sample", min_sample, 1), tuple(kinds))


def at_once(spec: object, phones: int) -> int:
    """How many phones may be down at once: a count, or a percentage of the `phones` that were asked for; 0 for no limit.

    Raises RolloutError.
    """
    if spec in (None, ""):
        return 0
    try:
        return _wave_size(spec if isinstance(spec, int) else str(spec), phones)
    except RolloutError:
        raise RolloutError(f"max_unavailable: {spec!r} is neither a count from 1 nor a percentage from 1% to 100%") from None


def pauses(spec: object) -> list[int]:
    """Numbers of the waves to pause after. Raises RolloutError."""
    return [_at_least("pause_after", number, 1) for number in _names(spec)]


def wave_sizes(spec: object, total: int) -> list[int]:
    """How many phones each wave takes, for `total` phones.

    `spec` is as Ansible's `serial`: a count, a percentage of all phones that move, or a list of these of which the
    last repeats. On a command line it may also be JSON or a list with commas. Raises RolloutError.
    """
    steps = [_wave_size(step, total) for step in items(spec)]
    if not steps:
        raise _no_wave(spec)
    sizes: list[int] = []
    left = total
    while left > 0:
        size = min(left, steps[min(len(sizes), len(steps) - 1)])
        sizes.append(size)
        left -= size
    return sizes


def _at_least(name: str, value: object, least: int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise RolloutError(f"{name} is {value!r}: it is a whole number from {least}")
    return int(text)


def items(spec: object) -> list[object]:
    """A list, also as JSON or with commas, as on a command line."""
    if isinstance(spec, str):
        try:
            spec = json.loads(spec)
        except ValueError:
            spec = [item.strip() for item in str(spec).split(",")]
    return list(spec) if isinstance(spec, (list, tuple)) else [] if spec is None else [spec]


def _names(spec: object) -> list[object]:
    """As `items`, for names: within brackets they need no quotes, and empty ones do not count."""
    named = [item.strip("[] '\"") if isinstance(item, str) else item for item in items(spec)]
    return [item for item in named if item != ""]


def _wave_size(step: object, total: int) -> int:
    match = re.fullmatch(r"([0-9]{1,9})(%?)", str(step)) if isinstance(step, (int, str)) and not isinstance(step, bool) else None
    if not match or not 1 <= int(match[1]) <= (100 if match[2] else 10**9):
        raise _no_wave(step)
    return max(1, total * int(match[1]) // 100) if match[2] else int(match[1])


def _no_wave(what: object) -> RolloutError:
    return RolloutError(f'waves: {what!r} is no wave; give counts from 1 or percentages from 1% to 100%, such as [1, "10%", "100%"]')
