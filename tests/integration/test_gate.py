# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a rollout stop, pause or not begin, and how many phones it has down at once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from threading import Thread
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
ONE_WAVE = ["-e", "waves=100%"]


def fleet(count, **faulty):
    """`faulty`: phone → its fault."""
    return [{"image": OLD, "faults": [faulty[f"phone{number}"]] if f"phone{number}" in faulty else []} for number in range(count)]


def most_down(simulator):
    """How many phones were down at once: between their reset and their return."""
    down, most = set(), 0
    for event in simulator.events():
        if event["event"] == "reset":
            down.add(event["phone"])
        elif event["event"] == "up":
            down.discard(event["phone"])
        most = max(most, len(down))
    return most


def kinds(run):
    return {name: phone["kind"] for name, phone in run.report["phones"].items() if phone["status"] == "failed"}


def test_a_wave_stops_with_the_first_failure_too_many(site):
    here = site(fleet(5, phone0="telnet_off_after_reset"))
    run = here.play("downgrade", *ONE_WAVE, "-e", "max_unavailable=1", "-e", "wait_timeout=3")
    assert run.status != 0
    assert run.statuses() == {"phone0": "failed", **{f"phone{number}": "not_reached" for number in range(1, 5)}}
    assert here.resets() == {"phone0": 1, **{f"phone{number}": 0 for number in range(1, 5)}}
    assert "0 of 5 phones on P0S3-06-3-00, 1 failed, 4 not reset" in run.output
    assert run.report["rollout"]["stopped_at"] == 1
    assert "1 of 5 failed" in run.report["rollout"]["stop_reason"]


@pytest.mark.parametrize(("most", "number"), [("3", 3), ("34%", 2)])
def test_no_more_phones_are_down_at_once_than_may_be(site, most, number):
    here = site(fleet(8))
    run = here.play("downgrade", *ONE_WAVE, "-e", f"max_unavailable={most}")
    assert run.status == 0, run.output
    assert set(here.running().values()) == {NEW}
    assert most_down(here.simulator) == number


def test_a_phone_that_stays_down_keeps_its_place_in_later_waves_too(site):
    here = site(fleet(7, phone0="never_returns", phone3="never_returns"))
    run = here.play(
        "downgrade", "-e", '{"waves": [3, "100%"]}', "-e", "max_unavailable=2", "-e", "max_fail_percentage=100", "-e", "wait_timeout=8"
    )
    assert run.status != 0
    assert most_down(here.simulator) <= 2
    assert [name for name, status in run.statuses().items() if status == "failed"] == ["phone0", "phone3"]
    assert "max_unavailable" in run.report["rollout"]["stop_reason"]
    assert set(run.statuses().values()) == {"done", "failed", "not_reached"}


@pytest.mark.parametrize(
    ("limits", "reached"),
    [
        ({"max_failed": 1}, 2),
        ({"max_failed": 2}, 3),
        ({"max_fail_percentage": 50, "stop_on": ["wrong_image"]}, 1),
        ({"min_sample": 4}, 2),
    ],
)
def test_what_may_fail(site, limits, reached):
    here = site(fleet(6, phone0="stays_old", phone2="stays_old"))
    run = here.play("downgrade", "-e", json.dumps({"waves": [2, 2, 2], **limits}), "-e", "wait_timeout=6")
    assert run.status != 0
    waves = [wave["reached"] for wave in run.report["rollout"]["waves"]]
    assert waves == [number <= reached for number in (1, 2, 3)], run.output
    assert run.report["rollout"]["stopped_at"] == (reached if reached < 3 else None)
    if "stop_on" in limits:
        assert "stop_on" in run.report["rollout"]["stop_reason"]
        assert kinds(run) == {"phone0": "wrong_image"}


def test_one_brick_stops_whatever_may_fail(site):
    here = site(fleet(4, phone0="never_returns"))
    run = here.play(
        "downgrade", "-e", '{"stop_on": ["bricked"], "waves": [1, "100%"]}', "-e", "max_fail_percentage=100", "-e", "wait_timeout=4"
    )
    assert run.statuses() == {"phone0": "failed", **{f"phone{number}": "not_reached" for number in range(1, 4)}}
    assert kinds(run)["phone0"] in ("refused", "never_returned")


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ({"stop_on": ["haunted"]}, "haunted"),
        ({"max_unavailable": "0"}, "max_unavailable"),
        ({"min_sample": 0}, "min_sample"),
        ({"window": "25:00-26:00"}, "window"),
        ({"window": "01:00-02:00", "timezone": "Mars/Olympus"}, "Mars/Olympus"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(site, what, word):
    here = site(fleet(1))
    before = here.digest()
    run = here.play("downgrade", "-e", json.dumps(what))
    assert run.status != 0
    assert word in run.output
    assert word in run.report["rollout"]["error"]
    assert run.statuses() == {"phone0": "not_reached"}
    assert here.digest() == before
    assert here.resets() == {"phone0": 0}


def test_a_pause_ends_the_run_and_the_same_command_goes_on(site):
    here = site(fleet(5))
    asked = ("downgrade", "-e", '{"waves": [1, 2, 2], "pause_after": [1]}')
    paused = here.play(*asked)
    assert paused.status != 0
    assert paused.report["rollout"]["paused_after"] == 1
    assert paused.report["rollout"]["stopped_at"] is None
    assert paused.report["rollout"]["error"] is None
    assert paused.statuses() == {"phone0": "done", **{f"phone{number}": "not_reached" for number in range(1, 5)}}
    assert "1 of 3 waves to P0S3-06-3-00 are done" in paused.output
    assert "run it again" in paused.report["phones"]["phone1"]["reason"]

    on = here.play(*asked, keep=True)
    assert on.status == 0, on.output
    assert [(wave["number"], len(wave["phones"])) for wave in on.report["rollout"]["waves"]] == [(2, 2), (3, 2)]
    assert set(here.running().values()) == {NEW}
    assert set(here.resets().values()) == {1}


def seen_back(simulator):
    """The phones that somebody logged in to after they came up."""
    up = set()
    for event in simulator.events():
        if event["event"] == "up":
            up.add(event["phone"])
        elif event["event"] == "login" and event["phone"] in up:
            yield event["phone"]


def soaked(here, happens):
    """What becomes of the run if this happens to a phone that had come back."""

    def meanwhile() -> None:
        here.simulator.wait(lambda state: set(seen_back(here.simulator)) >= {"phone0", "phone1"}, 100)
        happens()

    thread = Thread(target=meanwhile)
    thread.start()
    try:
        return here.play("downgrade", "-e", '{"waves": [2, "100%"]}', "-e", "soak_seconds=6")
    finally:
        thread.join()


@pytest.mark.parametrize(("fault", "kind"), [("never_returns", "refused"), ("stays_old", "wrong_image")])
def test_a_phone_that_is_lost_while_its_wave_soaks(site, fault, kind):
    here = site([*fleet(2), {"image": NEW}])
    here.simulator.set_faults("phone2", [])

    def lose() -> None:
        if fault == "stays_old":
            (here.root / f"SIP{here.phones[1]['mac']}.cnf").write_bytes(b'image_version: "P0S3-07-4-00"\n')
        else:
            here.simulator.set_faults("phone1", [fault])
        here.simulator.power_cycle("phone1")

    run = soaked(here, lose)
    assert run.status != 0
    assert run.statuses() == {"phone0": "done", "phone1": "failed", "phone2": "already"}
    assert kinds(run) == {"phone1": kind}
    assert "6 seconds after its wave" in run.report["phones"]["phone1"]["reason"]
    assert "soaking for 6 seconds" in run.output


def test_a_phone_that_does_not_register(site):
    here = site(fleet(3, phone1="unregistered"))
    run = here.play("downgrade", "-e", '{"waves": [2, 1]}', "-e", "require_registered=true", "-e", "wait_timeout=10")
    assert run.status != 0
    assert run.statuses() == {"phone0": "done", "phone1": "failed", "phone2": "not_reached"}
    assert kinds(run) == {"phone1": "not_registered"}
    assert "line 1 is REGISTERING" in run.report["phones"]["phone1"]["reason"]


ZONE = "Pacific/Kiritimati"


def window(first, last):
    """From so many hours before now until so many after, at the other end of the world."""
    now = datetime.now(UTC).astimezone(ZoneInfo(ZONE))
    return f"{now - timedelta(hours=first):%H:%M}-{now + timedelta(hours=last):%H:%M}"


def test_outside_the_window_nothing_begins(site):
    here = site(fleet(2))
    here.write_inventory(cisco79xx_timezone=ZONE)
    before = here.digest()
    shut = here.play("downgrade", "-e", f"window={window(-1, 2)}")
    assert shut.status != 0
    assert f"in {ZONE}, outside the window" in shut.output
    assert here.digest() == before
    assert not any(here.resets().values())

    dry = here.play("downgrade", "--check", "-e", f"window={window(-1, 2)}")
    assert dry.status == 0, dry.output
    assert set(dry.statuses().values()) == {"planned"}

    # Over midnight somewhere within it, whatever the time is
    assert here.play("downgrade", "-e", f"window={window(1, 22)}").status == 0
    assert set(here.running().values()) == {NEW}


def test_the_window_closes_between_waves(site):
    here = site(fleet(3))
    here.write_inventory(cisco79xx_timezone=ZONE)
    left = 60 - time.time() % 60
    if left < 20:
        time.sleep(left)
        left = 60
    run = here.play("downgrade", "-e", f"window={window(1, 1 / 60)}", "-e", '{"waves": [1, "100%"]}', "-e", f"soak_seconds={left + 1:.0f}")
    assert run.status != 0
    assert run.statuses() == {"phone0": "done", "phone1": "not_reached", "phone2": "not_reached"}
    assert run.report["rollout"]["paused_after"] == 1
    assert "wave 2 does not begin; run it again when the window is open" in run.output

    again = here.play("downgrade")
    assert again.status == 0, again.output
    assert here.resets() == {"phone0": 1, "phone1": 1, "phone2": 1}
