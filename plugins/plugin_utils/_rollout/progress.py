# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people see while phones restart: a live line on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import duration, list_some, one_line

LINE_EVERY = 5.0
"""Seconds until the first line of a wave where there is no terminal. Each next one takes longer, up to LINE_AT_MOST."""
LINE_AT_MOST = 60.0
LIVE_EVERY = 1.0
OVERDUE = 1.25
"""A phone is overdue when it is away that many times as long as others took."""


@dataclass
class Counts:
    """The phones of a wave, by their state.

    `away`: name → when it was reset, by time.monotonic(), of those that are not back; `in_call`: they restart when their call ends; `gone`:
    failed, and do not answer. `longest`: seconds that the slowest phone of this run took to come back, 0 if none has; `recorded`: seconds
    that phones took in the last rollout, if that is known. `patience`: seconds for which a phone is waited for. `began`: when the wave did,
    by time.monotonic().
    """

    total: int
    done: int = 0
    failed: int = 0
    gone: int = 0
    in_call: int = 0
    longest: float = 0.0
    recorded: float | None = None
    patience: float = 0.0
    away: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def waiting(self) -> int:
        return self.total - self.done - self.failed - len(self.away)

    @property
    def untouched(self) -> int:
        """Phones that were not reset yet."""
        return self.waiting - self.in_call

    @property
    def usual(self) -> float | None:
        """Seconds that a phone takes: as the slowest of this run did or, before one is back, as phones did in the last rollout."""
        return self.longest or self.recorded

    def ages(self) -> dict[str, float]:
        """Name → seconds since the reset, of each phone that is away."""
        now = time.monotonic()
        return {name: now - since for name, since in list(self.away.items())}

    def overdue(self) -> list[str]:
        """The phones that are away for longer than others were."""
        usual = self.usual
        return [] if usual is None else [name for name, age in self.ages().items() if age > OVERDUE * usual]

    def end(self, at_once: int) -> str:
        """When the wave is expected to end, for people; empty if nobody can know. `at_once`: phones that may be down at once."""
        ages, late = self.ages(), self.overdue()
        in_time = [age for name, age in ages.items() if name not in late]
        if self.usual and (in_time or self.untouched > 0):
            rounds = -(-max(0, self.untouched) // max(1, at_once))
            left = max((self.usual - age for age in in_time), default=0.0)
            return f", about {duration(max(1.0, left) + rounds * self.usual)} left"
        if ages and self.usual and self.patience:
            return f", given up in {duration(max(1.0, self.patience - min(ages.values())))}"
        return ""


class Progress:
    """Says a wave's counts through `say` (Ansible's own way out) or, where `terminal` is its descriptor, rewrites one line there."""

    def __init__(self, say: Callable[[str], None], terminal: int | None, quiet: bool) -> None:
        self._say = say
        self._quiet = quiet
        self._terminal = None if quiet else terminal
        self._width = 0

    def pause(self, lines: int) -> float:
        """Seconds from one line of a wave to the next, after so many."""
        return min(LINE_EVERY * 2.0 ** min(lines, 9), LINE_AT_MOST) if self._terminal is None else LIVE_EVERY

    def announce(self, text: str) -> None:
        """Something that people want to know at once."""
        if not self._quiet:
            self.clear()
            self._say(one_line(text, 4000))

    def line(self, text: str) -> None:
        """How things stand."""
        text = one_line(text, 1000)
        if self._terminal is not None:
            columns = 80
            with suppress(OSError):
                columns = os.get_terminal_size(self._terminal).columns or columns
            text = text[: columns - 1]
            self._write("\r" + text.ljust(self._width))
            self._width = len(text)
        elif not self._quiet:
            self._say(text)

    def clear(self) -> None:
        """Take the live line off the terminal."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, text: str) -> None:
        with suppress(OSError):
            os.write(self._terminal or 0, text.encode("ascii", "replace"))


def terminal_of(process: int, environment: Mapping[str, str]) -> int | None:
    """A descriptor of the terminal that this process writes to, or None: a pipe, a dumb terminal, CI or AWX, whose terminal nobody sees.

    An action runs in a worker that Ansible has cut off from the terminal, but its parent writes there.
    """
    without_people = ("CI", "AWX_PRIVATE_DATA_DIR", "AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS")
    if environment.get("TERM", "dumb") == "dumb" or any(environment.get(name) for name in without_people):
        return None
    with suppress(OSError):
        descriptor = os.open(os.readlink(f"/proc/{process}/fd/1"), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        if os.isatty(descriptor):
            return descriptor
        os.close(descriptor)
    return None


def label(wave: int, waves: int) -> str:
    """What to call a wave; one without a number takes phones back."""
    return f"wave {wave} of {waves}" if wave else "on the way back"


def progress_line(wave: int, waves: int, counts: Counts, at_once: int) -> str:
    """How a wave stands: how many phones in which state, for how long, and how long it will take.

    `at_once`: phones that may be down at once.
    """
    late = counts.overdue()
    states = (
        (len(counts.away) - len(late), "restarting"),
        (len(late), f"overdue ({list_some(late, 2)})"),
        (counts.in_call, "in a call"),
        (counts.untouched, "waiting"),
        (counts.failed - counts.gone, "failed"),
        (counts.gone, "gone"),
    )
    text = "".join(f", {number} {state}" for number, state in states if number > 0)
    passed = duration(time.monotonic() - counts.began)
    return f"{label(wave, waves)}: {counts.done} of {counts.total} done{text}; {passed}{counts.end(at_once)}"
