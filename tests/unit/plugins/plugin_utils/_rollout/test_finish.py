# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a run: its report."""

from __future__ import annotations

import json

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import finish
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look, PointResult, SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import DONE
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, begun, plan, seen

SITES = {"pbx": "abcd", "branch": "efg"}


@pytest.fixture
def ended(handover, tmp_path):
    """The report of a run of two sites whose phones in wave 1, of one each, are back. `ends`: how their waves ended."""

    def end(*ends):
        run = begun(SITES, report_dir=str(tmp_path))
        for (site, names), one in zip(SITES.items(), ends, strict=True):
            made = plan(TARGET, {name: seen("P0S3-08-2-00") for name in names}, waves=[1])
            handover.write(SitePlan(made), site)
            if one:
                handover.write(one, site)
                handover.outcomes(site).add(names[0], made.phones[names[0]].outcome(DONE))
        return finish.report(handover, run)[0]

    return end


def test_a_run_that_is_over_leaves_a_report_and_nothing_else(ended, handover, tmp_path):
    report = ended(SiteEnd(4), SiteEnd(3))
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(report.to_json()))
    assert report.finished
    assert not handover.folder.exists()


def test_a_dry_run_leaves_its_plan_at_the_top_and_in_its_folder(handover, tmp_path):
    run = begun({"pbx": "a"}, check=True, report_dir=str(tmp_path), rollout_direction="downgrade")
    handover.write(SitePlan(plan(TARGET, {"a": seen("P0S3-08-2-00")}, waves=[1])), "pbx")
    report, unwritten = finish.report(handover, run)
    assert report.plan and not unwritten
    (folder,) = tmp_path.glob("*-downgrade-check")
    assert folder.name.startswith(run.id)
    assert (folder / "plan.json").read_bytes() == (tmp_path / "plan.json").read_bytes()
    assert json.loads((folder / "plan.json").read_text())["digest"] == report.plan
    assert not (tmp_path / "check-plan.json").exists() and (tmp_path / "check-report.json").exists()


def test_a_rollout_that_paused_at_one_site_when_it_was_over_at_another(ended):
    assert ended(SiteEnd(1, paused_after=1, why="closed"), SiteEnd(3)).paused_after == 1


def test_a_site_that_died_in_its_waves_lets_the_run_fail(ended, handover):
    for site in SITES:
        handover.write(PointResult(), site)
    report = ended(SiteEnd(1, stopped="branch: its process has died", elsewhere=True), None)
    assert report.error.startswith("branch: its waves did not come to their end")
    assert report.outcome == "interrupted"


def test_a_run_that_was_refused_says_why(handover, tmp_path):
    handover.write(Look(problem="no such image"), "pbx")
    assert finish.report(handover, begun({"pbx": "ab"}, report_dir=str(tmp_path)))[0].error == "no such image"
