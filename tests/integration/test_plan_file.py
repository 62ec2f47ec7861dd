# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan, approve, apply: a dry run writes plan.json, and a run with it does that or says what has changed."""

from __future__ import annotations

import json
import shutil

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"


def planned(here, *arguments, playbook="downgrade", image=NEW):
    """Make a plan, approve it, and return how a run is told of it."""
    dry = here.play(playbook, "--check", *arguments, image=image)
    assert dry.status == 0, dry.output
    approved = here.folder / "approved.json"
    shutil.copy(here.report_dir / "plan.json", approved)
    assert PASSWORD not in approved.read_text()
    assert dry.report["rollout"]["plan"] == json.loads(approved.read_text())["digest"]
    return "-e", f"plan={approved}"


def test_what_was_planned_is_done_in_several_runs(site):
    here = site([{"image": OLD}, {"image": OLD}, {"image": NEW}, {"image": OLD}])
    plan = planned(here, "-e", '{"waves": [1, 2], "pause_after": [1]}')
    first = here.play("rollout", *plan, image=None)
    assert (first.status, first.report["rollout"]["outcome"]) == (2, "paused"), first.output
    assert first.report["rollout"]["plan"] == json.loads((here.folder / "approved.json").read_text())["digest"]
    here.write_inventory()
    second = here.play("rollout", *plan, image=None)  # in an empty folder
    assert (second.status, second.report["rollout"]["outcome"]) == (0, "done"), second.output
    assert [(wave["number"], wave["phones"]) for wave in second.report["rollout"]["waves"]] == [(2, ["phone1", "phone3"])]
    assert here.resets() == {"phone0": 1, "phone1": 1, "phone2": 0, "phone3": 1}
    assert here.play("downgrade", *plan).report["rollout"]["outcome"] == "nothing_to_do"


@pytest.mark.once
def test_what_has_changed_is_named(site):
    here = site([{"image": OLD}, {"image": OLD}])
    plan = planned(here)

    def refused(text, *arguments):
        before = here.digest()
        run = here.play("rollout", *plan, *arguments, image=None)
        assert (run.status, run.report["rollout"]["outcome"]) == (2, "refused"), run.output
        assert run.report["rollout"]["error"] == f"this is not what was planned: {text}. Nothing was changed; make a new plan with --check"
        assert here.digest() == before

    refused("""waves is '["2"]', and was '["1", "10%", "50%", "100%"]'""", "-e", "waves=2")
    here.write_inventory(second_root="/nowhere", cisco79xx_scope="wave")
    refused("scope is 'wave', and was 'all'")
    here.write_inventory()
    refused("phone1 is not in this run", "--limit", "phone0")
    image = here.root / "P0S3-06-3-00.bin"
    data = image.read_bytes()
    image.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    default = here.root / "SIPDefault.cnf"
    default.write_bytes(default.read_bytes() + b"# by hand\r\n")
    refused("SIPDefault.cnf has changed; P0S3-06-3-00.bin has changed")
    assert not any(here.resets().values())


@pytest.mark.once
def test_plans_of_trials_and_rollbacks(site):
    here = site([{"image": OLD}, {"image": OLD}])
    plan = planned(here, "-e", "scope=wave", "-e", "pause_after=1")
    assert here.play("downgrade", *plan).report["rollout"]["outcome"] == "paused"
    done = here.play("downgrade", *plan)
    assert (done.status, done.report["rollout"]["outcome"]) == (0, "done"), done.output
    assert here.play("downgrade", *plan).report["rollout"]["outcome"] == "nothing_to_do"
    back = planned(here, playbook="rollback", image=None)
    taken = here.play("rollback", *back, image=None)
    assert (taken.status, taken.report["rollout"]["outcome"]) == (0, "done"), taken.output
    assert here.running() == {"phone0": NEW, "phone1": OLD}, "the last run is taken back"


@pytest.mark.once
def test_a_dry_run_that_is_refused_leaves_no_plan(site):
    here = site([{"image": OLD}])
    planned(here)
    for arguments in (("-e", "image=P0S3-06-0-00"), ("-e", "wavs=1")):
        (here.report_dir / "plan.json").write_text("{}")
        assert here.play("downgrade", "--check", *arguments, keep=True).status == 2
        assert not (here.report_dir / "plan.json").exists()
    for name in ("none.json", "", "report/report.json"):
        run = here.play("rollout", "-e", f"plan={name}", image=None, keep=True)
        assert run.status == 2 and run.report["rollout"]["error"].startswith(f"plan '{name}'")
