# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several sites in one run: they move side by side, and what goes wrong at one counts for all."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator import ssh
from ansible_collections.voip.cisco79xx.tests.simulator.site import Run
from ansible_collections.voip.cisco79xx.tests.simulator.sites import Sites

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Callable[..., Sites]]:
    """Makes running sites: `sites({"north": 3, "south": 2}, ssh=True)`."""
    with ExitStack() as stack:

        def make(sizes: dict[str, int], **more: Any) -> Sites:
            lacking = ssh.missing() if more.get("ssh") else "" if os.geteuid() == 0 else "root"
            if lacking:
                (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {lacking}")
            return stack.enter_context(Sites(tmp_path, sizes, **more))

        yield make


def bytes_of(both: Sites) -> dict[str, dict[str, str]]:
    """The digest of every file of each site."""
    return {name: {file: digest for file, (digest, _time) in site.items()} for name, site in both.digests().items()}


def headers(run: Run) -> list[str]:
    return re.findall(r"^TASK \[(.*)\]", run.output, re.MULTILINE)


def test_two_sites_over_ssh(sites):
    """An unprivileged user with sudo, roots that belong to root. What is promised before is what happens."""
    both = sites({"north": 3, "south": 2}, ssh=True)
    before = both.digests()
    look = both.play("downgrade", "--check", "--diff")
    assert look.status == 0, look.output
    assert both.digests() == before and not any(both.resets().values())
    assert set(look.statuses().values()) == {"planned"} and len(look.statuses()) == 5
    assert look.output.count(f'+image_version: "{NEW}"') == 2, "each site's files are shown"

    run = both.play("downgrade")
    assert run.status == 0, run.output
    assert set(both.running().values()) == {NEW} and set(both.resets().values()) == {1}
    assert set(run.statuses().values()) == {"done"}
    assert [wave["phones"] for wave in run.report["rollout"]["waves"]] == [["north0", "south0"], ["north1", "south1"], ["north2"]]
    assert {phone["tftp_host"] for phone in run.report["phones"].values()} == {"north", "south"}
    assert {file["tftp_host"] for file in run.report["files"]} == {"north", "south"}
    assert len(headers(run)) <= 8 and "included:" not in run.output
    assert "south: wave 1 of 2 is over: 1 of 1 phone on P0S3-06-3-00" in run.output

    again = both.play("downgrade")
    assert again.status == 0 and set(again.statuses().values()) == {"already"} and set(both.resets().values()) == {1}

    back = both.play("rollback", image=None)
    assert back.status == 0, back.output
    assert set(both.running().values()) == {OLD}
    assert {name: {file: digest[0] for file, digest in site.items()} for name, site in both.digests().items()} == {
        name: {file: digest[0] for file, digest in site.items()} for name, site in before.items()
    }


def slow_python(folder: Path) -> str:
    """A Python that takes its time."""
    path = folder / "slow-python"
    path.write_text(f'#!/bin/sh\nsleep 3\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_a_slow_site_is_waited_for(sites):
    both = sites({"north": 2, "south": 2}, ssh=True)
    both.write_inventory(south={"ansible_python_interpreter": slow_python(both.hosts["south"].folder)})
    run = both.play("downgrade")
    assert run.status == 0, run.output
    assert set(both.running().values()) == {NEW}
    by_wave = [[run.report["phones"][name] for name in wave["phones"]] for wave in run.report["rollout"]["waves"]]
    assert min(phone["reset_at"] for phone in by_wave[1]) >= max(phone["ended_at"] for phone in by_wave[0])


@pytest.mark.once
@pytest.mark.once
def test_a_root_that_cannot_be_looked_at(sites):
    both = sites({"north": 2, "south": 2}, ssh=True)
    both.write_inventory(south={"cisco79xx_tftp_root": "/nowhere"})
    before = both.digests()
    run = both.play("downgrade")
    assert run.status != 0 and both.digests() == before and not any(both.resets().values())
    assert "south: TFTP host south: /nowhere does not exist" in run.report["rollout"]["error"]
    assert set(run.statuses().values()) == {"not_reached"} and len(run.statuses()) == 4


def test_a_host_that_cannot_be_reached(sites):
    both = sites({"north": 1, "south": 1}, ssh=True)
    both.hosts["south"].stop()
    before = both.digests()
    run = both.play("downgrade")
    assert run.status != 0 and both.digests() == before and not any(both.resets().values())
    assert "TFTP host south cannot be reached" in run.report["rollout"]["error"]
    assert len(run.statuses()) == 2


@pytest.mark.once
@pytest.mark.once
def test_a_plan_that_is_refused(sites):
    """A phone that cannot go to the image, at one site."""
    old = {"south1": {"image": "P0S30203"}}
    both = sites({"north": 2, "south": 2}, ssh=True, phone=lambda site, number: old.get(f"{site}{number}", {}))
    before = both.digests()
    run = both.play("upgrade", image="P0S3-8-12-00")
    assert run.status != 0 and both.digests() == before and not any(both.resets().values())
    assert "south: 1 phone cannot go to P0S3-8-12-00" in run.report["rollout"]["error"]
    assert run.statuses()["south1"] == "blocked" and run.statuses()["north0"] == "not_reached"


def test_a_root_that_cannot_be_changed(sites):
    """It is seen only when the record cannot be written: then no phone is reset anywhere."""
    both = sites({"north": 2, "south": 2}, ssh=True)
    both.write_inventory(south={"cisco79xx_state_dir": "/proc/nowhere"})
    before = both.digests()["south"]
    run = both.play("downgrade")
    assert run.status != 0 and not any(both.resets().values())
    assert both.digests()["south"] == before
    assert run.report["rollout"]["error"].startswith("south: TFTP host south: /proc/nowhere")
    assert set(run.statuses().values()) == {"not_reached"}


@pytest.mark.once
@pytest.mark.parametrize("apart", [False, True])
def test_a_dead_canary(sites, apart):
    faults = {"north0": {"faults": {"never_returns": True}}}
    both = sites({"north": 4, "south": 4}, phone=lambda site, number: faults.get(f"{site}{number}", {}))
    run = both.play("downgrade", "-e", "wait_timeout=6", *(["-e", "sites=apart"] if apart else []))
    assert run.status != 0
    statuses = run.statuses()
    assert statuses["north0"] == "failed" and statuses["south0"] == "done"
    assert {statuses[f"north{number}"] for number in (1, 2, 3)} == {"not_reached"}
    assert {statuses[f"south{number}"] for number in (1, 2, 3)} == ({"done"} if apart else {"not_reached"})
    assert sum(both.resets().values()) == (5 if apart else 2)
    assert run.report["rollout"]["stopped_at"] == 1
    if not apart:
        assert "1 of 2 failed" in run.report["rollout"]["stop_reason"], "what is lost counts over all sites"
        assert run.recap("north0")["failed"] == 1


def test_losses_count_over_all_sites(sites):
    """One failure at each of two sites, and one may fail."""
    faults = {name: {"faults": {"never_returns": True}} for name in ("north1", "south1")}
    both = sites({"north": 6, "south": 6}, phone=lambda site, number: faults.get(f"{site}{number}", {}))
    run = both.play("downgrade", "-e", "wait_timeout=5", "-e", "max_failed=1", "-e", json.dumps({"waves": [1, 1, "100%"]}))
    assert run.status != 0
    assert "2 failed in all, 1 may (max_failed)" in run.report["rollout"]["stop_reason"]
    assert sum(both.resets().values()) == 4, "two waves of two phones"


def workers(run: Path) -> dict[str, int]:
    """The process of each site's waves, from what they tell each other in Ansible's folder."""
    found = {}
    for path in run.glob("ansible/tmp/ansible-local-*/cisco79xx_*/News-*"):
        found[path.name] = pickle.loads(path.read_bytes()).process
    return found


def test_a_process_that_dies_in_a_wave(sites):
    """Ansible ends the run then; the other site writes the report, and the next run goes on."""
    both = sites({"north": 3, "south": 3}, time_scale=0.05)
    with both.lead.started() as ansible:
        deadline = time.monotonic() + 60
        while sum(both.resets().values()) < 2 or len(workers(both.lead.folder)) < 2:
            assert time.monotonic() < deadline, (both.lead.folder / "output").read_text()
            time.sleep(0.2)
        os.kill(next(iter(workers(both.lead.folder).values())), signal.SIGKILL)
        assert ansible.wait(60) != 0
    report = both.lead.report()
    assert report and len(report["phones"]) == 6
    assert not report["rollout"]["finished"]
    reset = {name for name, count in both.resets().items() if count}
    in_flight = {name for name, phone in report["phones"].items() if phone["kind"] == "not_seen_again" or phone["status"] == "done"}
    assert in_flight == reset, "the report is true"

    run = both.play("downgrade", keep=True)
    assert run.status == 0, run.output
    assert set(both.running().values()) == {NEW} and set(both.resets().values()) == {1}


def test_ssh_that_is_gone_in_a_wave(sites):
    both = sites({"north": 3, "south": 3}, ssh=True, time_scale=0.05)
    with both.lead.started() as ansible:
        deadline = time.monotonic() + 90
        while sum(both.resets().values()) < 2:
            assert time.monotonic() < deadline, (both.lead.folder / "output").read_text()
            time.sleep(0.1)
        both.hosts["south"].stop()
        assert ansible.wait(120) != 0
    report = both.lead.report()
    assert report and report["rollout"]["finished"]
    assert "TFTP host south cannot be reached" in report["rollout"]["error"]
    assert sum(both.resets().values()) == 2, "the wave that was on is seen through, and none begins after it"
    assert {name: phone["status"] for name, phone in report["phones"].items() if name.endswith("0")} == {"north0": "done", "south0": "done"}


def test_limit(sites):
    both = sites({"north": 2, "south": 2})
    one = both.play("downgrade", "--limit", "south1", "-e", "accept_others=true")
    assert one.status == 0, one.output
    assert one.statuses() == {"south1": "done"} and both.resets() == {"north0": 0, "north1": 0, "south0": 0, "south1": 1}
    some = both.play("downgrade", "--limit", "north0,south0", "-e", "scope=wave")
    assert some.status == 0, some.output
    assert some.statuses() == {"north0": "done", "south0": "done"}
    assert both.resets() == {"north0": 1, "north1": 0, "south0": 1, "south1": 1}


@pytest.mark.once
@pytest.mark.once
def test_waves_with_files_of_their_own_at_each_site(sites):
    both = sites({"north": 3, "south": 2})
    look = both.play("downgrade", "--check", "--diff", "-e", "scope=wave")
    assert look.status == 0, look.output
    run = both.play("downgrade", "-e", "scope=wave")
    assert run.status == 0, run.output
    assert set(both.running().values()) == {NEW}
    for site in both.sites.values():
        assert f'"{NEW}"'.encode() in (site.root / "SIPDefault.cnf").read_bytes()
        assert not any(b"pinned by" in path.read_bytes() for path in site.root.glob("SIP*.cnf"))


def test_a_pause_holds_for_all_sites(sites):
    both = sites({"north": 4, "south": 1})
    run = both.play("downgrade", "-e", json.dumps({"pause_after": [1], "waves": [1, "100%"]}))
    assert run.status != 0 and run.report["rollout"]["paused_after"] == 1
    assert sum(both.resets().values()) == 2
    on = both.play("downgrade", "-e", json.dumps({"pause_after": [1], "waves": [1, "100%"]}), keep=True)
    assert on.status == 0, on.output
    assert set(both.running().values()) == {NEW} and set(both.resets().values()) == {1}


@pytest.mark.once
@pytest.mark.once
def test_rollback_on_stop_gives_all_sites_back(sites):
    faults = {"north1": {"faults": {"never_returns": True}}}
    both = sites({"north": 3, "south": 1}, phone=lambda site, number: faults.get(f"{site}{number}", {}))
    before = bytes_of(both)
    run = both.play("downgrade", "-e", "wait_timeout=6", "-e", "rollback_on_stop=true")
    assert run.status != 0
    assert bytes_of(both) == before
    assert both.running()["south0"] == OLD and both.running()["north0"] == OLD
    assert run.report["phones"]["south0"]["kind"] == "given_back"


def test_what_was_changed_since_a_run_is_taken_back_at_all_sites(sites):
    """The first run was at one site only, and the loader has to be named at one."""
    both = sites({"north": 2, "south": 1}, phone=lambda site, number: {"habits": {"to_7x": "os79xx"}})
    (both.sites["south"].root / "OS79XX.TXT").unlink()
    before = bytes_of(both)
    trial = both.play("downgrade", "--limit", "north0", "-e", "scope=wave")
    assert trial.status == 0, trial.output
    assert both.play("downgrade").status == 0
    back = both.play("rollback", "-e", f"since_run={trial.report['rollout']['run']}", image=None)
    assert back.status == 0, back.output
    assert bytes_of(both) == before
    assert set(both.running().values()) == {OLD}


@pytest.mark.once
def test_more_sites_than_forks(sites):
    six = sites({f"site{letter}": 1 for letter in "abcdef"})
    before = six.digests()
    run = six.play("downgrade")
    assert run.status != 0 and six.digests() == before and not any(six.resets().values())
    assert "there are 6 sites" in run.output and "-f 6" in run.output
    assert len(run.statuses()) == 6
    enough = six.play("downgrade", "-f", "6")
    assert enough.status == 0, enough.output
    assert set(six.running().values()) == {NEW}


@pytest.mark.once
@pytest.mark.timeout(300)
def test_four_sites_take_about_as_long_as_one(sites):
    """Their phones restart at the same time. Starting a site's tasks takes CPU, of which a small machine has little."""
    four = sites({name: 50 for name in ("north", "south", "east", "west")}, time_scale=0.1)
    began = time.monotonic()
    waves = ("-e", json.dumps({"waves": [1, "100%"]}))
    one = four.play("downgrade", "--limit", "north*", *waves, seconds=140)
    alone = time.monotonic() - began
    assert one.status == 0, one.output
    began = time.monotonic()
    rest = four.play("downgrade", *waves, seconds=140)
    together = time.monotonic() - began
    assert rest.status == 0, rest.output
    assert set(four.running().values()) == {NEW}
    assert together < 1.6 * alone + 5, f"{alone:.0f} s for one site, {together:.0f} s for three more"


def interrupt(both: Sites, when: Callable[[], bool], *arguments: str) -> None:
    """Ctrl-C as soon as `when` holds."""
    with both.lead.started(*arguments) as ansible:
        deadline = time.monotonic() + 60
        while not when():
            assert time.monotonic() < deadline, (both.lead.folder / "output").read_text()
            time.sleep(0.2)
        os.killpg(ansible.pid, signal.SIGINT)
        try:
            ansible.wait(60)
        except subprocess.TimeoutExpired:
            pytest.fail("it did not end")


def test_who_is_interrupted_goes_on(sites):
    both = sites({"north": 3, "south": 3}, time_scale=0.05)
    interrupt(both, lambda: sum(both.resets().values()) >= 2)
    report = both.lead.report()
    assert report and len(report["phones"]) == 6 and not report["rollout"]["finished"]
    assert "interrupted in wave" in report["rollout"]["error"]
    run = both.play("downgrade", keep=True)
    assert run.status == 0, run.output
    assert set(both.running().values()) == {NEW} and set(both.resets().values()) == {1}


@pytest.mark.once
def test_interrupted_while_phones_are_taken_back(sites):
    """They were on the image, are on their way back, and nobody saw them arrive: no report may say that they are done."""
    both = sites(
        {"north": 3, "south": 1}, phone=lambda site, number: {"faults": {"stays_old": True}} if (site, number) == ("north", 1) else {}
    )
    options = ("-e", "rollback_on_stop=true", "-e", json.dumps({"waves": [1, 1]}), "-e", "wait_timeout=10")
    interrupt(both, lambda: both.resets()["north0"] >= 2, *options)
    report = both.lead.report()
    assert report["phones"]["north0"]["status"] == "failed" and report["phones"]["north0"]["kind"] == "given_back"
    assert report["rollout"]["stopped_at"] == 2 and not report["rollout"]["finished"]


def test_two_groups_in_one_run_of_ansible(sites):
    both = sites({"north": 2, "south": 1})
    inventory = json.loads(both.lead.inventory.read_text())
    inventory |= {"first": {"hosts": {"north0": {}, "north1": {}}}, "second": {"hosts": {"south0": {}}}}
    both.lead.inventory.write_text(json.dumps(inventory))
    groups = [
        {"import_playbook": "voip.cisco79xx.downgrade", "vars": {"image": NEW, "phones_group": group, "wait_timeout": 20}}
        for group in ("first", "second")
    ]
    playbook = both.lead.folder / "both.yml"
    playbook.write_text(json.dumps(groups))
    status, output = both.lead.run(["ansible-playbook", str(playbook), "-i", str(both.lead.inventory)])
    assert status == 0, output
    assert set(both.running().values()) == {NEW} and set(both.resets().values()) == {1}
