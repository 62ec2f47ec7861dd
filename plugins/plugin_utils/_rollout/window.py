# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A maintenance window, such as `22:00-05:00`: the time of day in which waves may begin."""

from __future__ import annotations

import re
from datetime import time
from typing import NamedTuple

_WINDOW = re.compile(r"\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*(?:-|–|to)\s*([01]?[0-9]|2[0-4]):([0-5][0-9])\s*")


class WindowError(ValueError):
    """A text that is no window."""


class Window(NamedTuple):
    """`first` is in it, `last` is not any more. It may go over midnight."""

    first: time
    last: time

    def is_open(self, now: time) -> bool:
        if self.first < self.last:
            return self.first <= now < self.last
        return now >= self.first or now < self.last


def parse(text: str) -> Window:
    """Raises WindowError."""
    found = _WINDOW.fullmatch(text)
    hours = [int(part) for part in found.groups()] if found else []
    if not hours or (hours[2] == 24 and hours[3]):
        raise WindowError(f"window is {text!r}: give it as 22:00-05:00, in the time of the site")
    first, last = time(hours[0], hours[1]), time(hours[2] % 24, hours[3])
    if first == last and hours[2] != 24:
        raise WindowError(f"window is {text!r}: it begins when it ends")
    return Window(first, last)
