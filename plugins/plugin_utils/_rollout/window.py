# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A maintenance window, such as `22:00-05:00`: the time of day, at the sites, in which waves may begin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_WINDOW = re.compile(r"\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*(?:-|–|to)\s*([01]?[0-9]|2[0-4]):([0-5][0-9])\s*")


class WindowError(ValueError):
    """A text that is no window, or no time zone."""


def parse(text: str) -> tuple[time, time]:
    """Its first moment, and the first one after it, which may be on the next day. Raises WindowError."""
    match = _WINDOW.fullmatch(text)
    parts = [int(part) for part in match.groups()] if match else []
    if not parts or (parts[2] == 24 and parts[3]):
        raise WindowError(f"window is {text!r}: give it as 22:00-05:00, in the time of the site")
    first, last = time(parts[0], parts[1]), time(parts[2] % 24, parts[3])
    if first == last and parts[2] != 24:
        raise WindowError(f"window is {text!r}: it begins when it ends")
    return first, last


def why_closed(window: str, zone: str, now: datetime | None = None) -> str:
    """Why no wave may begin now, or an empty text. Without a window one always may.

    `zone`: time zone of the site, such as `Europe/Berlin`; an empty one is that of the controller. Raises WindowError.
    """
    if not window:
        return ""
    first, last = parse(window)
    try:
        there = (now or datetime.now(UTC)).astimezone(ZoneInfo(zone) if zone else None)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WindowError(f"{zone!r} is no time zone that is known here: give one such as Europe/Berlin") from None
    now_there = there.time()
    is_open = first <= now_there < last if first < last else now_there >= first or now_there < last
    return "" if is_open else f"it is {there:%H:%M} in {zone or 'local time'}, outside the window {window}"
