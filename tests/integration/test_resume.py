# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is ended in the middle, and the next one, which goes on from another controller: no phone is reset twice."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import processes_of

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SLOW = 0.03
"""Time scale at which phones are away for some seconds."""


def fleet(count):
    return [{"image": OLD} for _number in range(count)]


def ledger(here):
    """Where the site's ledger is, if it has one."""
    return next((here.folder / "state").glob("*/rollout.json"), here.folder / "none")


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def ended(here, number, moment, *arguments):
    """Start the rollout, send it this signal at this moment, and return once nothing of it is left."""
    with here.started(*arguments) as run:
        moment()
        os.kill(run.pid, number)
        run.wait(20)
    until(lambda: not processes_of(here.folder), 20)
    return (here.folder / "output").read_text(errors="replace")


def asked_for(here, word):
    """That Ansible has come to a task."""
    return lambda: until(lambda: word in (here.folder / "output").read_text(errors="replace"))


def event(here, kind, count=1):
    """That so many phones have told of this."""
    return lambda: until(lambda: len(here.simulator.events(event=kind)) >= count)


def all_on_target_with_one_reset(here, run):
    assert run.status == 0, run.output
    assert set(here.running().values()) == {NEW}
    events = here.simulator.events(event="reset")
    assert sorted(one["phone"] for one in events) == sorted(here.running())
    assert set(run.statuses().values()) <= {"done", "already"}


@pytest.mark.parametrize("phase", ["observing", "pointed", "reset", "second wave"])
def test_a_run_that_was_killed_is_gone_on_with(site, phase):
    here = site(fleet(6), time_scale=SLOW)
    moments = {
        "observing": event(here, "login"),
        "pointed": asked_for(here, "Restart the phones in waves"),
        "reset": event(here, "reset"),
        "second wave": event(here, "reset", 4),
    }
    waves = ("-e", '{"waves": [2, "100%"]}')
    ended(here, signal.SIGKILL, moments[phase], *waves)
    before = len(here.simulator.events(event="reset"))
    assert before < 6 or phase == "second wave"
    time.sleep(2)
    assert len(here.simulator.events(event="reset")) == before, "what was left behind goes on"
    here.change_controller()
    on = here.play("downgrade", *waves)
    all_on_target_with_one_reset(here, on)
    assert on.report["rollout"]["finished"] is True
    left = json.loads(ledger(here).read_text()) if ledger(here).exists() else {"rollout": None, "lease": None, "resets": {}}
    assert (left["rollout"], left["lease"], left["resets"]) == (None, None, {}), "it is over"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_interrupted_says_so_and_is_gone_on_with(site, number):
    here = site([*fleet(4), {"image": OLD, "faults": ["in_call"]}], time_scale=SLOW)
    output = ended(here, number, event(here, "reset", 3), "-e", "max_unavailable=3", "-e", "waves=100%")
    report = here.report()
    assert report["rollout"]["finished"] is False
    assert "interrupted in wave 1" in report["rollout"]["error"]
    reset = {one["phone"] for one in here.simulator.events(event="reset")}
    for name, phone in report["phones"].items():
        assert (phone["reset_at"] is not None) == (name in reset), name
        assert phone["status"] in (("failed", "done") if name in reset else ("not_reached",)), name
    html = (here.report_dir / "report.html").read_text()
    assert "interrupted" in html
    away = [name for name, phone in report["phones"].items() if phone["in_flight"]]
    assert away and all(report["phones"][name]["kind"] == "not_seen_again" for name in away)
    assert f"<b>{len(away)}</b> ↻ in flight" in html and "<b>0</b> ✗ failed" in html
    assert '<dt>to go on</dt><dd><code><span class="name">ansible-playbook</span> ' in html
    assert html.rstrip().endswith("</html>")
    assert ElementTree.parse(here.report_dir / "junit.xml").getroot().tag in ("testsuites", "testsuite")
    assert "Traceback" not in output

    here.simulator.set_faults("phone4", [])
    here.simulator.hang_up("phone4")
    here.change_controller()
    all_on_target_with_one_reset(here, here.play("downgrade", "-e", "waves=100%"))


def test_a_wave_that_was_ended_alone_tells_what_it_has_done(site):
    here = site(fleet(4), time_scale=SLOW)
    with here.started("-e", "waves=100%", "-e", "max_unavailable=2") as run:
        event(here, "reset", 2)()
        (worker,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(worker), signal.SIGTERM)
        assert run.wait(60) != 0
    report = here.report()
    reset = {one["phone"] for one in here.simulator.events(event="reset")}
    assert {name for name, phone in report["phones"].items() if phone["reset_at"]} == reset
    assert {name for name, phone in report["phones"].items() if phone["status"] == "not_reached"} == set(report["phones"]) - reset
    assert "interrupted in wave 1" in report["rollout"]["error"]
    here.change_controller()
    all_on_target_with_one_reset(here, here.play("downgrade", "-e", "waves=100%"))


def test_a_rollout_that_stopped_goes_on_with_some_phones_if_the_others_may_follow(site):
    here = site([{"image": OLD, "faults": ["stays_old"]}, *fleet(2)])
    assert here.play("downgrade", "-e", "wait_timeout=5").statuses()["phone1"] == "not_reached"
    here.simulator.set_faults("phone0", [])
    only = ("downgrade", "--limit", "phone0")
    on = here.play(*only, keep=True)
    assert on.status == 0, on.output
    assert on.statuses() == {"phone0": "done"}
    assert here.resets() == {"phone0": 2, "phone1": 0, "phone2": 0}


def test_a_reset_that_waits_for_the_end_of_a_call_is_not_sent_again(site):
    here = site([{"image": OLD, "faults": ["in_call"]}, {"image": OLD}], time_scale=SLOW)
    ended(here, signal.SIGKILL, event(here, "reset_deferred"), "-e", "waves=100%")
    here.change_controller()
    with here.started("-e", "waves=100%") as run:
        until(lambda: len(here.simulator.events("phone0", "login")) >= 5)
        here.simulator.hang_up("phone0")
        assert run.wait(90) == 0, (here.folder / "output").read_text()
    assert len(here.simulator.events(event="reset_deferred")) == 1
    assert here.resets() == {"phone0": 1, "phone1": 1}
    assert set(here.running().values()) == {NEW}


def test_phones_that_failed_are_tried_again_alone(site):
    here = site([{"image": OLD, "faults": ["telnet_off_after_reset"]}, {"image": OLD}, {"image": OLD, "faults": ["wrong_password"]}])
    asked = ("-e", "waves=100%", "-e", "max_fail_percentage=100", "-e", "wait_timeout=6")
    first = here.play("downgrade", *asked)
    assert first.status != 0
    failed = [name for name, status in first.statuses().items() if status == "failed"]
    assert failed == ["phone0", "phone2"]
    for name in failed:
        here.simulator.set_faults(name, [])
    here.simulator.power_cycle("phone0")
    here.simulator.wait(lambda state: state["phone0"]["status"] == "up", 60)

    here.simulator.set_faults("phone1", [])
    again = here.play("downgrade", *asked, "--limit", ",".join(failed), keep=True)
    assert again.status == 0, again.output
    assert again.statuses() == {"phone0": "already", "phone2": "done"}
    assert set(here.running().values()) == {NEW}


def test_an_earlier_reset_counts_for_its_image_only(site):
    here = site(fleet(1), time_scale=SLOW)
    ended(here, signal.SIGKILL, event(here, "reset"), "-e", "waves=100%")
    here.simulator.wait(lambda state: state["phone0"]["status"] == "up", 60)
    assert {reset["image"] for reset in json.loads(ledger(here).read_text())["resets"].values()} == {NEW}
    here.change_controller()
    other = here.play("upgrade", "-e", "waves=100%", image="P0S3-8-12-00", keep=True)
    assert other.status == 0, other.output
    assert here.running() == {"phone0": "P0S3-8-12-00"}
    assert here.resets() == {"phone0": 2}
