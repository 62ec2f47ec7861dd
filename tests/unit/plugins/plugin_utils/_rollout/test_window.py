# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError, parse, why_closed

WINTER, SUMMER = datetime(2026, 1, 15, 22, 30, tzinfo=UTC), datetime(2026, 7, 15, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-05:00", ["22:00", "23:59", "00:00", "04:59"], ["05:00", "12:00", "21:59"]),
        ("01:30-04:00", ["01:30", "03:59"], ["01:29", "04:00", "23:00"]),
        (" 7:00 – 18:30 ", ["07:00", "18:29"], ["06:59", "18:30"]),
        ("9:00 to 17:00", ["09:00"], ["17:00"]),
        ("20:00-24:00", ["20:00", "23:59"], ["00:00", "19:59"]),
        ("00:00-06:00", ["00:00", "05:59"], ["06:00", "23:59"]),
        ("00:00-24:00", ["00:00", "12:00", "23:59"], []),
    ],
)
def test_a_window_is_open_from_its_first_minute_to_before_its_last(text, inside, outside):
    closed = {now: why_closed(text, "UTC", datetime.fromisoformat(f"2026-01-15T{now}Z")) for now in (*inside, *outside)}
    assert [now for now, why in closed.items() if not why] == inside


@pytest.mark.parametrize(
    "text", ["", "22:00", "22-05", "25:00-05:00", "22:60-05:00", "22:00-24:30", "22:00-22:00", "22:00-05:00 UTC", "10 pm-5 am", "1320-300"]
)
def test_what_is_no_window(text):
    with pytest.raises(WindowError, match="window is"):
        parse(text)


@pytest.mark.parametrize(
    ("window", "zone", "now", "why"),
    [
        ("", "Mars/Olympus", WINTER, ""),
        ("23:00-05:00", "Europe/Berlin", WINTER, ""),
        ("00:00-05:00", "Europe/Berlin", WINTER, "it is 23:30 in Europe/Berlin, outside the window 00:00-05:00"),
        ("00:00-05:00", "Europe/Berlin", SUMMER, ""),
        ("22:00-23:00", "UTC", WINTER, ""),
        ("22:00-23:00", "Asia/Tokyo", WINTER, "it is 07:30 in Asia/Tokyo, outside the window 22:00-23:00"),
        ("07:00-08:00", "Asia/Tokyo", WINTER, ""),
    ],
)
def test_no_wave_begins_outside_the_window(window, zone, now, why):
    assert why_closed(window, zone, now) == why


def test_without_a_zone_it_is_the_time_of_this_machine(monkeypatch):
    import time as clock

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    clock.tzset()
    try:
        assert why_closed("07:00-08:00", "", WINTER) == ""
        assert why_closed("22:00-23:00", "", WINTER) == "it is 07:30 in local time, outside the window 22:00-23:00"
    finally:
        monkeypatch.undo()
        clock.tzset()


def test_now_is_now():
    now = datetime.now(UTC)
    if now.minute < 59:
        assert why_closed(f"{now:%H}:00-{now:%H}:59", "UTC") == ""


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "CET\0"])
def test_a_zone_that_is_none(zone):
    with pytest.raises(WindowError, match="is no time zone"):
        why_closed("22:00-05:00", zone, WINTER)


def test_a_window_that_is_none():
    with pytest.raises(WindowError, match="window is"):
        why_closed("always", "UTC", WINTER)
