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

_LOOK_EVERY = 0.2
_AGAIN = 2.0
"""Seconds until a bound is told once more: what is raised while an object is taken away is lost."""


class TooMuch(Exception):
    """A log costs more than it may: which log, how much, and what to do. Of no part of it anything is told: the rest may say otherwise."""

    place = ""

    def __str__(self) -> str:
        what, bound = self.args
        return f"{self.place or 'the log'} {what} ({bound}): let less of it be read with since, until or path, or give a larger {bound}"


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Within, what is raised as TooMuch is of this log."""
    try:
        yield
    except TooMuch as error:
        error.place = error.place or place
        raise


@contextmanager
def bounded(seconds: float, megabytes: float) -> Iterator[None]:
    """Within, TooMuch is raised when so much time has passed, or so much more memory is in use. For the main thread alone."""
    began, before = time.monotonic(), _memory()

    def look(*_signal: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        if time.monotonic() - began > seconds:
            raise TooMuch(f"takes more than {seconds:g} s to read", "max_seconds")
        if _memory() - before > megabytes:
            raise TooMuch(f"takes more than {megabytes:g} MB of memory to read", "max_megabytes")
        signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _memory() -> float:
    """Megabytes that this process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0
