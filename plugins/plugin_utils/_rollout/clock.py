# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time of day at the sites."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError, parse


def closed(window: str, zones: Iterable[str], now: datetime | None = None) -> str:
    """Why no wave may begin now, or an empty text. `zones`: names such as `Europe/Berlin`; an empty one is that of the controller.

    Raises WindowError.
    """
    if not window:
        return ""
    limits = parse(window)
    for zone in zones:
        try:
            there = (now or datetime.now(UTC)).astimezone(ZoneInfo(zone) if zone else None)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise WindowError(f"{zone!r} is no time zone that is known here: give one such as Europe/Berlin") from None
        if not limits.is_open(there.time()):
            return f"it is {there:%H:%M} in {zone or 'local time'}, outside the window {window}"
    return ""
