# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run alone changes a site, and the next one goes on from wherever it is started."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import processes_of
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import run_module, warnings

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SLOW = 0.03
ONE_BY_ONE = ("-e", "waves=100%", "-e", "max_unavailable=1")
SHORT = ("-e", "lease_timeout=6")


def fleet(count, **faulty):
    return [{"image": OLD, "faults": [faulty[f"phone{number}"]] if f"phone{number}" in faulty else []} for number in range(count)]


def until(holds, seconds=90.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def resets(here):
    return [event["phone"] for event in here.simulator.events(event="reset")]


def ledger(here):
    (path,) = (here.folder / "state").glob("*/rollout.json")
    return json.loads(path.read_text())


def waves(run):
    return [(wave["number"], len(wave["phones"])) for wave in run.report["rollout"]["waves"]]


def test_a_rollout_that_pauses_goes_on_wave_by_wave_from_empty_folders(site):
    here = site(fleet(5, phone1="stays_old"))
    asked = ("-e", '{"waves": [1, 2, 2], "pause_after": [1, 2], "max_fail_percentage": 50}', "-e", "wait_timeout=5")
    first = here.play("downgrade", *asked)
    assert (first.report["rollout"]["paused_after"], resets(here)) == (1, ["phone0"]), first.output
    here.change_controller()
    second = here.play("downgrade", *asked)
    assert waves(second) == [(2, 2), (3, 2)]
    assert second.report["rollout"]["paused_after"] == 2, second.output
    assert "goes on     with rollout" in second.output
    here.simulator.set_faults("phone1", [])
    here.change_controller()
    third = here.play("downgrade", *asked)
    assert third.status == 0, third.output
    assert waves(third) == [(2, 1), (3, 2)], "who failed goes first and alone"
    assert set(here.running().values()) == {NEW}
    assert here.resets() == {"phone0": 1, "phone1": 2, "phone2": 1, "phone3": 1, "phone4": 1}
    (ended,) = (here.folder / "state").glob("*/rollout-*.json")
    facts = json.loads(ended.read_text())
    assert (facts["end"], len(facts["runs"]), facts["became"]["phone1"]["what"]) == ("done", 3, "back")


@pytest.mark.parametrize("how", ["another image", "other phones", "fresh"])
def test_another_rollout_ends_the_one_that_paused(site, how):
    here = site(fleet(3))
    assert here.play("downgrade", "-e", '{"waves": [1], "pause_after": [1]}').report["rollout"]["paused_after"] == 1
    image = "P0S3-07-4-00" if how == "another image" else NEW
    limit = ("--limit", "phone0,phone1", "-e", "accept_others=true")
    more = {"another image": (), "other phones": limit, "fresh": ("-e", "fresh=true")}[how]
    here.change_controller()
    run = here.play("rollout", "-e", '{"waves": ["100%"]}', *more, image=image)
    assert run.status == 0, run.output
    assert f"which did not come to its end: {how}" in run.output
    assert [number for number, _count in waves(run)] == [1]


def test_a_site_that_is_held_is_not_changed_by_others(site):
    here = site(fleet(3, phone0="never_returns"), time_scale=SLOW)
    root = {"tftp_root": str(here.root), "state_dir": str(here.folder / "state")}
    with here.started(*ONE_BY_ONE, "-e", "wait_timeout=200") as run:
        until(lambda: resets(here))
        before = here.digest()
        here.change_controller()
        refused = here.play("upgrade", image="P0S3-8-12-00")
        assert refused.status != 0
        assert "at work here, in wave 1, last sign of life" in refused.report["rollout"]["error"]
        assert "take_over=true" in refused.report["rollout"]["error"]
        for playbook in ("rollback", "prepare"):
            assert "is at work here" in here.play(playbook, image=None).report["rollout"]["error"]
        assert "is at work here" in here.play("downgrade", "--check").output
        for module, arguments in (
            ("image_version", {"image": "P0S3-8-12-00"}),
            ("tftp_root_undo", {"force": True}),
            ("firmware", {"image": "P0S30203", "state": "absent"}),
        ):
            answer = run_module(module, {**root, **arguments})
            assert "is at work here" in answer["msg"] and "so nothing was changed" in answer["msg"]
            dry = run_module(module, {**root, **arguments}, check=True)
            assert any("is at work here" in text for text in warnings(dry)) and not dry.get("failed")
        assert here.digest() == before and len(resets(here)) == 1
        os.kill(run.pid, signal.SIGTERM)
        run.wait(30)
    until(lambda: not processes_of(here.folder), 30)
    assert ledger(here)["lease"] is None, "who is interrupted gives the site back"
    assert list(ledger(here)["resets"]) == ["phone0"]


def test_who_held_the_site_and_was_stopped_sends_nothing_once_another_goes_on(site):
    here = site(fleet(4), time_scale=SLOW)
    with here.started(*ONE_BY_ONE, *SHORT) as run:
        until(lambda: resets(here))
        stopped = [int(number) for number in processes_of(here.folder)]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        first_report = here.report_dir
        try:
            sent = len(resets(here))
            here.change_controller()
            time.sleep(7)
            other = here.play("downgrade", *ONE_BY_ONE, *SHORT)
            assert other.status == 0, other.output
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)
        assert run.wait(60) != 0
    assert sent < 4
    assert here.resets() == dict.fromkeys(here.running(), 1)
    assert set(here.running().values()) == {NEW}
    report = json.loads((first_report / "report.json").read_text())
    assert report["rollout"]["paused_after"] == 0
    told = ("does not hold this root any more", "half of lease_timeout", "longer than lease_timeout")
    assert any(why in report["rollout"]["stop_reason"] for why in told)


def test_a_site_that_is_taken_over_is_left_alone_by_who_had_it(site):
    here = site(fleet(4), time_scale=SLOW)
    with here.started(*ONE_BY_ONE) as run:
        until(lambda: resets(here))
        first_report = here.report_dir
        here.change_controller()
        other = here.play("downgrade", *ONE_BY_ONE, "-e", "take_over=true")
        assert other.status == 0, other.output
        assert run.wait(60) != 0
    assert here.resets() == dict.fromkeys(here.running(), 1)
    rollout = json.loads((first_report / "report.json").read_text())["rollout"]
    assert rollout["paused_after"] == 0 and "took it over" in rollout["stop_reason"]


def test_the_report_of_a_run_that_was_killed_is_true(site):
    here = site(fleet(4), time_scale=0.2)
    with here.started("-e", "waves=100%", "-e", "max_unavailable=2") as run:
        until(lambda: len(resets(here)) == 2)
        time.sleep(4)
        os.killpg(run.pid, signal.SIGKILL)
    report = here.report()
    assert {name for name, phone in report["phones"].items() if phone["reset_at"]} == set(resets(here))
    assert report["rollout"]["finished"] is False


def test_two_controllers_that_start_at_once(site):
    here = site(fleet(4), time_scale=SLOW)
    with here.started(*ONE_BY_ONE) as one:
        here.change_controller()
        two = here.play("downgrade", *ONE_BY_ONE)
        status = one.wait(120)
    assert sorted([status != 0, two.status != 0]) == [False, True], two.output
    assert here.resets() == dict.fromkeys(here.running(), 1)


def test_phones_on_their_way_back_are_waited_for_by_the_next_rollback(site):
    here = site(fleet(3), time_scale=SLOW)
    assert here.play("downgrade", "-e", "waves=100%").status == 0
    with here.started("-e", "waves=100%", playbook="rollback") as run:
        until(lambda: len(resets(here)) >= 5)
        os.killpg(run.pid, signal.SIGKILL)
    here.change_controller()
    back = here.play("rollback", "-e", "waves=100%", image=None)
    assert back.status == 0, back.output
    assert here.resets() == dict.fromkeys(here.running(), 2)
    assert set(here.running().values()) == {OLD}


def test_clocks_an_hour_apart(site):
    here = site(fleet(2), time_scale=0.25)
    slow = ("-e", "waves=100%", "-e", "wait_timeout=120")
    late = here.folder / "late"
    late.mkdir()
    (late / "sitecustomize.py").write_text("import time\nreal = time.time\ntime.time = lambda: real() - 3600\n")
    python = late / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={late} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    here.write_inventory(ansible_python_interpreter=str(python))
    with here.started(*slow) as run:
        until(lambda: len(resets(here)) == 2)
        until(lambda: all(reset["at"] < time.time() - 3000 for reset in ledger(here)["resets"].values()))
        here.change_controller()
        assert "last sign of life" in here.play("downgrade").report["rollout"]["error"]
        os.killpg(run.pid, signal.SIGKILL)
    here.change_controller()
    on = here.play("downgrade", *slow)
    assert on.status == 0, on.output
    assert here.resets() == {"phone0": 1, "phone1": 1}


def test_a_state_folder_that_cannot_be_written_ends_the_run_before_anything(site):
    here = site(fleet(1))
    before = here.digest()
    here.write_inventory(cisco79xx_state_dir="/proc/none")
    run = here.play("downgrade")
    assert run.status != 0 and here.digest() == before
    assert "set cisco79xx_state_dir to a folder" in run.report["rollout"]["error"]


def test_a_ledger_that_cannot_be_trusted_ends_the_run_before_anything(site):
    here = site(fleet(2))
    here.play("downgrade", "-e", '{"waves": [1], "pause_after": [1]}')
    (path,) = (here.folder / "state").glob("*/rollout.json")
    path.write_bytes(b"\x1b[31m\0")
    before = here.digest()
    for arguments in ((), ("--check",)):
        run = here.play("downgrade", *arguments)
        assert run.status != 0
        assert f"{path}: this ledger of a rollout is damaged" in run.report["rollout"]["error"]
        assert "move the file away" in run.report["rollout"]["error"]
    assert here.digest() == before and len(resets(here)) == 1
    path.unlink()
    assert here.play("downgrade").status == 0
