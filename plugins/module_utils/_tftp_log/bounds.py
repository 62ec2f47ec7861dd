# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading a log may cost. A clock rings now and then and looks, wherever the reading stands or waits; readers need not care."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import Iterator

from .._text import one_line

_LOOK_EVERY = 0.2


class TooMuch(Exception):
    """Reading costs more than it may. No part of a result is given, as the rest of the log may contradict it."""

    def __init__(self, cost: str, bound: str) -> None:
        super().__init__(cost, bound)
        self.place = ""

    def __str__(self) -> str:
        cost, bound = self.args
        place = one_line(self.place, 300) or "the log"
        return f"reading {place} takes more than {cost} ({bound}): let less be read with since, until or path, or give a larger {bound}"


@contextmanager
def reading(place: str) -> Iterator[None]:
    """A TooMuch that is raised within names this log."""
    try:
        yield
    except TooMuch as error:
        error.place = error.place or place
        raise


@contextmanager
def bounded(seconds: float, megabytes: float) -> Iterator[None]:
    """Within, TooMuch is raised when so much time has passed, or so much more memory is in use. For the main thread alone."""
    began, before = time.monotonic(), _memory()
    over = False

    def look(*_signal: object) -> None:
        if over:
            return
        if time.monotonic() - began > seconds:
            raise TooMuch(f"{seconds:g} s", "max_seconds")
        if _memory() - before > megabytes:
            raise TooMuch(f"{megabytes:g} MB of memory", "max_megabytes")
        signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY)

    signal.signal(signal.SIGALRM, look)
    try:
        signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY)
        yield
    finally:
        over = True  # first, as it may ring at any moment
        signal.setitimer(signal.ITIMER_REAL, 0)


def _memory() -> float:
    """Megabytes that this process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0
