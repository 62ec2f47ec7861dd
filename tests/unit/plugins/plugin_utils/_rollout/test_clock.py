# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.clock import closed
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError

WINTER, SUMMER = datetime(2026, 1, 15, 22, 30, tzinfo=UTC), datetime(2026, 7, 15, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "zones", "now", "why"),
    [
        ("", ["Mars/Olympus"], WINTER, ""),
        ("23:00-05:00", ["Europe/Berlin"], WINTER, ""),
        ("00:00-05:00", ["Europe/Berlin"], WINTER, "it is 23:30 in Europe/Berlin, outside the window 00:00-05:00"),
        ("00:00-05:00", ["Europe/Berlin"], SUMMER, ""),
        ("22:00-23:00", ["UTC"], WINTER, ""),
        ("22:00-23:00", ["UTC", "Asia/Tokyo"], WINTER, "it is 07:30 in Asia/Tokyo, outside the window 22:00-23:00"),
        ("07:00-08:00", ["Asia/Tokyo"], WINTER, ""),
        ("22:00-23:00", [], WINTER, ""),
    ],
)
def test_no_wave_begins_outside_the_window_of_any_site(window, zones, now, why):
    assert closed(window, zones, now) == why


def test_without_a_zone_it_is_the_time_of_this_machine(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert closed("07:00-08:00", [""], WINTER) == ""
        assert closed("22:00-23:00", [""], WINTER) == "it is 07:30 in local time, outside the window 22:00-23:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_now_is_now():
    now = datetime.now(UTC)
    if now.minute < 59:
        assert closed(f"{now:%H}:00-{now:%H}:59", ["UTC"]) == ""


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "CET\0"])
def test_a_zone_that_is_none(zone):
    with pytest.raises(WindowError, match="is no time zone"):
        closed("22:00-05:00", [zone], WINTER)


def test_a_window_that_is_none():
    with pytest.raises(WindowError, match="window is"):
        closed("always", ["UTC"], WINTER)
