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

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import duration

LINE_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""
LIVE_EVERY = 1.0


@dataclass
class Counts:
    """The phones of a wave, by their state.

    `flashing`: reset and not back; `in_call`: they restart when their call ends. `longest`: seconds that the slowest took of those that are
    back. `began`: when the wave did, by time.monotonic().
    """

    total: int
    done: int = 0
    failed: int = 0
    flashing: int = 0
    in_call: int = 0
    longest: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def waiting(self) -> int:
        return self.total - self.done - self.failed - self.flashing

    @property
    def untouched(self) -> int:
        """Phones that were not reset yet."""
        return self.waiting - self.in_call

    def expected(self, at_once: int, last_reset: float) -> float | None:
        """Seconds until the last phone is back, judged by the slowest so far, or None as long as none is."""
        if not self.longest or not self.flashing + self.waiting:
            return None
        rounds = -(-max(0, self.untouched) // max(1, at_once))
        return max(0.0, self.longest - (time.monotonic() - last_reset)) + rounds * self.longest


class Progress:
    """Says a wave's counts through `say` (Ansible's own way out) or, where `terminal` is its descriptor, rewrites one line there."""

    def __init__(self, say: Callable[[str], None], terminal: int | None, quiet: bool) -> None:
        self._say = say
        self._quiet = quiet
        self._terminal = None if quiet else terminal
        self._width = 0

    @property
    def every(self) -> float:
        return LINE_EVERY if self._terminal is None else LIVE_EVERY

    def announce(self, text: str) -> None:
        """Something that people want to know at once."""
        if not self._quiet:
            self.clear()
            self._say(text)

    def line(self, text: str) -> None:
        """How things stand."""
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


def progress_line(wave: int, waves: int, counts: Counts, at_once: int, last_reset: float) -> str:
    """How a wave stands: how many phones in which state, for how long, and how long it will take.

    `at_once`: phones that may be down at once; `last_reset`: when the last one was reset, by time.monotonic().
    """
    call = f" ({counts.in_call} in a call)" if counts.in_call else ""
    left = counts.expected(at_once, last_reset)
    return (
        f"{label(wave, waves)}: {counts.done} done, {counts.flashing} flashing, {counts.waiting} waiting{call}, {counts.failed} failed "
        f"of {counts.total}; {duration(time.monotonic() - counts.began)}" + ("" if left is None else f", about {duration(left)} left")
    )
