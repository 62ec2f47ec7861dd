# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a rollout back: the same bytes, the phones that moved, and nothing of anybody else's."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
KINDS = [
    {"habits": {"to_7x": "os79xx"}},
    {"habits": {"to_7x": "os79xx", "os79xx": "file"}},
    {"habits": {"to_7x": "loads", "os79xx": "first"}},
]
"""Phones of each kind that there may be, as far as a way from 6.x to 7.x or later is concerned."""


def contents(here):
    return {name: (here.root / name).read_bytes() for name in here.digest()}


def with_os79xx(here, data):
    """OS79XX.TXT holds this, or is not there."""
    path = here.root / "OS79XX.TXT"
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    return here


# What else it may say: module_utils/_root/test_runs.py
@pytest.mark.parametrize("before", [None, b"P003-08-2-00 \r\n"], ids=["missing", "blank"])
def test_phones_come_back_to_the_loader_s_images(site, before):
    """Those up to 6.x get the loader only if OS79XX.TXT names it."""
    here = with_os79xx(site([{"image": OLD, **kind} for kind in KINDS]), before)
    held = contents(here)
    there = here.play("downgrade")
    assert there.status == 0, there.output
    back = here.play("rollback", image=None)
    assert back.status == 0, back.output
    assert set(here.running().values()) == {OLD}
    assert contents(here) == held
    assert set(here.resets().values()) == {2}
    assert (here.root / "OS79XX.TXT").exists() is (before is not None)
    assert ("OS79XX.TXT names P003-08-2-00 until the phones are back" in back.output) is (before != b"P003-08-2-00\n")


def test_a_phone_that_is_away_keeps_the_loader_named_until_it_is_back(site):
    here = with_os79xx(site([{"image": OLD, **KINDS[0]} for _number in range(2)]), b"P0S3-08-2-00\n")
    before = contents(here)
    assert here.play("downgrade").status == 0
    here.simulator.set_faults("phone1", ["stays_old"])
    stopped = here.play("rollback", "-e", "wait_timeout=6", image=None)
    assert stopped.statuses() == {"phone0": "done", "phone1": "failed"}
    assert (here.root / "OS79XX.TXT").read_bytes() == b"P003-08-2-00\n"
    assert stopped.report["rollout"]["note"].startswith("OS79XX.TXT names P003-08-2-00 still")

    here.simulator.set_faults("phone1", [])
    back = here.play("rollback", image=None)
    assert back.status == 0, back.output
    assert back.statuses() == {"phone0": "already", "phone1": "done"}
    assert back.report["rollout"]["note"] is None
    assert contents(here) == before


def test_who_cannot_come_back_is_refused_before_anything_is_touched(site):
    here = site([{"image": OLD}, {"image": "P0S3-07-5-00", "cnf": b'image_version: "P0S3-07-5-00"\n'}])
    assert here.play("downgrade").status == 0
    (here.root / "P0S3-07-5-00.sb2").unlink()
    held, resets = contents(here), here.resets()
    refused = here.play("rollback", image=None)
    assert refused.status != 0
    assert "phone1: P0S3-07-5-00.sb2 is missing in" in refused.report["rollout"]["error"]
    assert (contents(here), here.resets()) == (held, resets)

    without = here.play("rollback", "-e", "skip_blocked=true", image=None)
    assert without.statuses() == {"phone0": "done", "phone1": "blocked"}
    assert here.running() == {"phone0": OLD, "phone1": NEW}


def test_all_since_a_trial_is_taken_back(site):
    here = site([{"image": OLD, **kind} for kind in KINDS[:2]])
    before = contents(here)
    trial = here.play("downgrade", "--limit", "phone0", "-e", "scope=wave")
    assert trial.status == 0, trial.output
    first = trial.report["rollout"]["run"]
    assert trial.output.count(f"  (run {first})\n") == 2, "over the plan, and at the end"
    second = here.play("downgrade").report["rollout"]["run"]
    back = here.play("rollback", "-e", f"since_run={first}", image=None)
    assert back.status == 0, back.output
    assert f"takes back  run {first}" in back.output and f"takes back  run {second}" in back.output
    assert contents(here) == before
    assert set(here.running().values()) == {OLD}


def test_a_rollout_is_taken_back(site):
    own = b'image_version: "P0S3-07-5-00";\r\nline1_password: "hidden"'
    here = site([{"image": OLD}, {"image": OLD}, {"image": "P0S3-07-5-00", "cnf": own}])
    before = contents(here)
    assert here.play("downgrade").status == 0
    assert set(here.running().values()) == {NEW}
    moved = here.digest()

    dry = here.play("rollback", "--check", "--diff", image=None)
    assert dry.status == 0, dry.output
    assert here.digest() == moved
    assert set(dry.statuses().values()) == {"planned"}
    assert '+image_version: "P0S3-08-2-00" ; keep' in dry.output
    assert "hidden" not in dry.output

    back = here.play("rollback", image=None)
    assert back.status == 0, back.output
    assert contents(here) == before
    assert here.running() == {"phone0": OLD, "phone1": OLD, "phone2": "P0S3-07-5-00"}
    assert set(back.statuses().values()) == {"done"}
    assert NEW in back.output
    for run in (dry, back):
        files = {file["path"].rpartition("/")[2]: file["diff"] for file in run.report["files"]}
        assert '+image_version: "P0S3-08-2-00" ; keep' in files["SIPDefault.cnf"]
        assert len(files) == 3
        assert "hidden" not in str(files)

    resets = here.resets()
    again = here.play("rollback", image=None)
    assert again.status == 0, again.output
    assert set(again.statuses().values()) == {"already"}
    assert contents(here) == before
    assert here.resets() == resets
    assert "nothing to take back" in again.output


def test_a_rollback_that_stopped_goes_on(site):
    here = site([{"image": OLD}, {"image": OLD}, {"image": OLD}])
    before = contents(here)
    assert here.play("downgrade").status == 0
    here.simulator.set_faults("phone0", ["stays_old"])
    stopped = here.play("rollback", "-e", '{"waves": [1]}', "-e", "wait_timeout=4", image=None)
    assert stopped.status != 0
    assert contents(here) == before
    assert stopped.statuses() == {"phone0": "failed", "phone1": "not_reached", "phone2": "not_reached"}

    here.simulator.set_faults("phone0", [])
    finished = here.play("rollback", image=None)
    assert finished.status == 0, finished.output
    assert set(here.running().values()) == {OLD}


def test_a_stopped_rollback_does_not_go_further_back(site):
    here = site([{"image": OLD}])
    assert here.play("downgrade").status == 0
    assert here.play("upgrade", image="P0S3-8-12-00").status == 0
    here.simulator.set_faults("phone0", ["stays_old"])
    assert here.play("rollback", "-e", "wait_timeout=4", image=None).status != 0
    here.simulator.set_faults("phone0", [])
    again = here.play("rollback", image=None)
    assert again.status == 0, again.output
    assert here.running() == {"phone0": NEW}
    assert here.play("rollback", image=None).status == 0
    assert here.running() == {"phone0": NEW}


def test_what_somebody_else_changed_since_is_not_overwritten(site):
    here = site([{"image": OLD}, {"image": OLD}])
    assert here.play("downgrade").status == 0
    path = here.root / "SIPDefault.cnf"
    path.write_bytes(path.read_bytes() + b"# ours\n")
    now = contents(here)
    refused = here.play("rollback", image=None)
    assert refused.status != 0
    assert "SIPDefault.cnf was changed since" in refused.output
    assert contents(here) == now
    assert set(here.resets().values()) == {1}

    forced = here.play("rollback", "-e", "force=true", image=None)
    assert forced.status == 0, forced.output
    assert b"# ours" not in path.read_bytes()
    assert set(here.running().values()) == {OLD}


def test_a_rollout_in_waves_is_one_run_to_take_back(site):
    here = site([{"image": OLD} for _number in range(3)])
    before = contents(here)
    assert here.play("downgrade", "-e", "scope=wave").status == 0
    limited = here.play("rollback", "--limit", "phone0", image=None)
    assert limited.status != 0
    assert "without --limit" in limited.output
    back = here.play("rollback", "-e", "scope=wave")
    assert back.status == 0, back.output
    assert contents(here) == before
    assert set(here.running().values()) == {OLD}


def test_a_stopped_rollout_takes_itself_back(site):
    here = site([{"image": OLD}, {"image": OLD, "faults": ["stays_old"]}, {"image": OLD}])
    before = contents(here)
    run = here.play("downgrade", "-e", "rollback_on_stop=true", "-e", '{"waves": [1]}', "-e", "wait_timeout=6")
    assert run.status != 0
    assert contents(here) == before
    assert set(here.running().values()) == {OLD}
    assert run.statuses() == {"phone0": "failed", "phone1": "failed", "phone2": "not_reached"}
    assert "taken back to P0S3-08-2-00" in run.report["phones"]["phone0"]["reason"]
    assert here.resets()["phone2"] == 0
    assert run.recap("phone0")["failed"] == 1


def test_a_stopped_rollout_brings_back_phones_that_need_the_loader(site):
    here = with_os79xx(site([{"image": OLD, **KINDS[0]}, {"image": OLD, "faults": ["stays_old"]}]), None)
    before = contents(here)
    run = here.play("downgrade", "-e", "rollback_on_stop=true", "-e", "wait_timeout=6")
    assert run.status != 0
    assert set(here.running().values()) == {OLD}
    assert contents(here) == before
    assert "taken back to P0S3-08-2-00" in run.report["phones"]["phone0"]["reason"]
    assert run.report["rollout"]["note"] is None


def test_a_stopped_rollout_names_what_keeps_phones_from_coming_back(site):
    here = site([{"image": OLD}, {"image": OLD, "faults": ["stays_old"]}])
    (here.root / "P0S3-08-2-00.sb2").unlink()
    run = here.play("downgrade", "-e", "rollback_on_stop=true", "-e", "wait_timeout=6")
    assert "could not be taken back: P0S3-08-2-00.sb2 is missing in" in run.report["phones"]["phone0"]["reason"]
    assert here.resets()["phone0"] == 1


def test_nothing_to_take_back(site):
    here = site([{"image": OLD}])
    run = here.play("rollback", image=None)
    assert run.status != 0
    assert "nothing to undo" in run.output
    assert not any(here.resets().values())


def test_a_root_left_half_changed_is_mended_by_the_audit(site):
    here = site([{"image": OLD}])
    before = contents(here)
    code = """
import os, signal, sys
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
replace = os.replace
def once(*names, **folders):
    replace(*names, **folders)
    if names[1].endswith("SIPDefault.cnf"):
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = once
with lock.locked(sys.argv[1], sys.argv[2]) as store:
    made = plan_changes(Root(sys.argv[1]), image.parse("P0S3-06-3-00"), "P0S3-06-3-00")
    store.apply(made.changes)
"""
    status, output = here.run(["python", "-c", code, str(here.root), str(here.folder / "state")])
    assert status == -9, output
    assert contents(here) != before

    dry = here.play("downgrade", "--check")
    assert dry.status != 0
    assert "left half changed" in dry.output

    audit = here.play("audit", image=None)
    assert audit.status == 0, audit.output
    assert contents(here) == before


def test_two_rollouts_in_one_playbook_know_nothing_of_each_other(site):
    """The second is refused, and its report must not show what the first did."""
    here = site([{"image": OLD}, {"image": OLD}])
    both = here.folder / "both.yml"
    first = {"ansible.builtin.import_playbook": "voip.cisco79xx.downgrade", "vars": {"image": NEW, "report_dir": str(here.report_dir)}}
    wrong = {"ansible.builtin.import_playbook": "voip.cisco79xx.upgrade", "vars": {"image": "P0S3-99", "report_dir": str(here.report_dir)}}
    both.write_text(json.dumps([first, wrong]))
    status, output = here.run(["ansible-playbook", str(both), "-i", str(here.inventory), "-e", "wait_timeout=20"])
    assert status != 0
    assert set(here.running().values()) == {NEW}, output
    report = json.loads((here.report_dir / "report.json").read_text())
    assert {phone["status"] for phone in report["phones"].values()} == {"not_reached"}
    assert "P0S3-99" in report["rollout"]["error"]
