# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report says of each phone, whether its wave came or not."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import run_report
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look, PointResult, SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    DONE,
    FAILED,
    MOST_FILES,
    NOT_REACHED,
    FileChange,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.run_report import RunningReport, make
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, begun, plan, seen

OBSERVED = {"a": seen("P0S3-08-2-00"), "b": seen("P0S3-08-2-00"), "c": seen("P0S3-06-3-00"), "d": UNSEEN}
PLAN = plan(TARGET, OBSERVED, waves=[1, "100%"])
WRONG = PLAN.phones["a"].outcome(FAILED, kind="wrong_image", reason="came back on P0S3-08-2-00", image_after="P0S3-08-2-00")
BACK = PLAN.phones["a"].outcome(DONE, image_after="P0S3-06-3-00", seconds=80.0, reset_at=1_800_000_000.9, ended_at=1_800_000_080.2)


def reported(handover, names="abcd", plan=PLAN, reached=1, outcome=WRONG, check=False, problem="", site="pbx", **end):
    """The report of a run of one site. `outcome`: of the phone a. `end`: how its waves ended."""
    run = begun({site: names}, check=check)
    handover.write(Look(OBSERVED), site)
    handover.write(SitePlan(plan, problem=problem), site)
    if not problem and not check:
        handover.write(SiteEnd(reached, **end), site)
    if outcome:
        handover.outcomes(site).add("a", outcome)
    return make(handover, run)


def statuses(made):
    return {name: phone.status for name, phone in made.phones.items()}


def test_the_report_of_a_stopped_rollout(handover):
    made = reported(handover, stopped="too many")
    assert statuses(made) == {"a": "failed", "b": "not_reached", "c": "already", "d": "not_reached"}
    facts = made.to_json()
    assert facts["rollout"]["stopped_at"] == 1
    assert [wave["reached"] for wave in facts["rollout"]["waves"]] == [True, False]
    assert set(facts["phones"]["a"]) >= {"mac", "host", "wave", "image_before", "image_after", "status", "reason", "seconds"}
    assert facts["phones"]["b"]["reason"] == "the rollout stopped at wave 1: too many"
    assert facts["phones"]["a"]["kind"] == "wrong_image"
    assert facts["rollout"]["stop_reason"] == "too many"


def test_the_report_of_a_wave_that_stopped(handover):
    made = reported(handover, plan=plan(TARGET, OBSERVED), stopped="too many")
    assert (made.phones["b"].status, made.phones["b"].reason) == (NOT_REACHED, "the rollout stopped in its wave, before it was reset")


def test_the_report_of_a_paused_rollout(handover):
    made = reported(handover, outcome=BACK, paused_after=1, why="paused after wave 1")
    assert statuses(made) == {"a": "done", "b": "not_reached", "c": "already", "d": "not_reached"}
    assert (made.paused_after, made.stopped_at, made.stop_reason) == (1, None, "paused after wave 1")
    assert "wave 1" in made.phones["b"].reason


def test_a_report_has_the_times_of_its_waves(handover):
    first, second = reported(handover, outcome=BACK).to_json()["rollout"]["waves"]
    assert (first["started"], first["ended"]) == ("2027-01-15T08:00:00+00:00", "2027-01-15T08:01:20+00:00")
    assert (second["started"], second["ended"]) == (None, None)


def test_a_report_shows_so_many_files_only(handover):
    assert reported(handover).to_json()["files_left_out"] == 0
    files = [FileChange("t", f"SIP{number}.cnf", "") for number in range(MOST_FILES + 3)]
    handover.write(PointResult(files[:2]), "pbx")
    made = reported(handover, files=files[2:]).to_json()
    assert [file["path"] for file in made["files"]] == [file.path for file in files[:MOST_FILES]]
    assert made["files_left_out"] == 3


def test_the_report_of_a_dry_run(handover):
    made = reported(handover, outcome=None, check=True)
    assert statuses(made) == {"a": "planned", "b": "planned", "c": "already", "d": "failed"}
    assert made.stopped_at is None


def test_the_report_of_a_run_that_was_refused(handover):
    made = reported(handover, plan=None, outcome=None, problem="no such image")
    assert set(statuses(made).values()) == {"not_reached"}
    assert made.phones["a"].reason == "the run ended before it could be observed"
    assert made.phones["a"].host == "127.0.0.2"
    assert made.to_json()["rollout"]["error"] == "no such image"


def test_the_report_of_a_run_that_was_refused_keeps_what_was_seen(handover):
    with pytest.raises(RolloutError) as caught:
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00"), "b": seen("P0S30202")})
    made = reported(handover, "ab", caught.value.plan, outcome=None, problem=str(caught.value))
    assert statuses(made) == {"a": "blocked", "b": "not_reached"}
    assert made.phones["a"].kind == "blocked"
    assert made.phones["b"].image_before == "P0S30202"


def test_the_report_of_a_run_that_is_under_way(handover):
    run = begun({"pbx": "abcd"})
    assert {phone.status for phone in make(handover, run).phones.values()} == {NOT_REACHED}
    handover.write(SitePlan(PLAN), "pbx")
    assert make(handover, run).waves[0].reached is False
    handover.outcomes("pbx").add("a", WRONG)
    made = make(handover, run, finished=False, error="it still runs")
    assert statuses(made) == {"a": "failed", "b": "not_reached", "c": "already", "d": "not_reached"}
    assert [wave.reached for wave in made.waves] == [True, False], "a phone of it has an outcome"
    assert (made.finished, made.error, made.phones["b"].reason) == (False, "it still runs", "the run ended before its wave")


def test_phones_that_were_given_back_are_reported_as_they_ended(handover):
    back = BACK.given_back("P0S3-08-2-00", None)
    assert reported(handover, outcome=BACK, stopped="too many", given_back={"a": back}).phones["a"] == back


TWO = {"pbx": "abcd", "branch": "efgh"}
BRANCH = plan(TARGET, dict(zip("efgh", OBSERVED.values(), strict=True)), waves=[1])


def of_two(handover, pbx, branch, **about):
    """The report of two sites. `pbx` and `branch`: how their waves ended, None if they have not."""
    for site, made, end in (("pbx", PLAN, pbx), ("branch", BRANCH, branch)):
        handover.write(SitePlan(made), site)
        if end:
            handover.write(end, site)
    return make(handover, begun(TWO), **about)


def test_one_report_has_all_phones_of_all_sites(handover):
    made = of_two(handover, SiteEnd(2), SiteEnd(1, stopped="too many"))
    assert list(made.phones) == list("abcdefgh")
    assert [(wave.number, list(wave.phones), wave.reached) for wave in made.waves] == [
        (1, ["a", "e"], True),
        (2, ["b", "d", "f"], True),
        (3, ["h"], False),
    ]
    assert (made.stopped_at, made.stop_reason) == (1, "branch: too many")
    assert made.phones["f"].reason == "the rollout stopped at wave 1: branch: too many"


def test_what_ends_a_rollout_is_told_once_with_the_site_where_it_began(handover):
    ended = SiteEnd(1, stopped="pbx: too many", elsewhere=True)
    assert of_two(handover, SiteEnd(1, stopped="too many"), ended).stop_reason == "pbx: too many"
    both = of_two(handover, SiteEnd(1, stopped="too many"), SiteEnd(1, stopped="too many"))
    assert both.stop_reason == "too many", "everywhere"
    both = of_two(handover, SiteEnd(1, stopped="too many"), SiteEnd(2, stopped="too few"))
    assert (both.stop_reason, both.stopped_at) == ("pbx: too many; branch: too few", 2)
    paused = of_two(handover, SiteEnd(1, paused_after=1, why="look"), SiteEnd(1, paused_after=1, why="pbx: look", elsewhere=True))
    assert (paused.paused_after, paused.stop_reason, paused.stopped_at) == (1, "pbx: look", None)


def test_a_site_whose_waves_did_not_come_to_their_end_is_an_error(handover):
    for site in TWO:
        handover.write(PointResult(), site)
    made = of_two(handover, SiteEnd(1, stopped="branch: its process has died", elsewhere=True), None)
    assert (made.error, made.stop_reason) == (f"branch: {run_report.UNENDED}", "")
    assert of_two(handover, None, None, error="it still runs").error == "it still runs"


def test_where_no_wave_was_to_begin_none_has_to_end(handover):
    handover.write(PointResult(), "pbx")
    handover.write(PointResult(problem="no room"), "branch")
    assert make(handover, begun(TWO)).error == "branch: no room"


def test_an_error_of_one_site_names_it(handover):
    handover.write(Look(problem="TFTP host branch cannot be reached"), "branch")
    assert make(handover, begun(TWO)).error == "branch: TFTP host branch cannot be reached"
    handover.write(Look(problem="no such image"), "pbx")
    handover.write(Look(problem="no such image"), "branch")
    assert make(handover, begun(TWO)).error == "no such image", "everywhere"


def test_the_report_of_a_running_rollout_is_written_now_and_then(handover, tmp_path, monkeypatch):
    run = begun({"pbx": "abcd"}, report_dir=str(tmp_path / "report"))
    monkeypatch.setattr(run_report, "EVERY", 0.05)
    running = RunningReport(handover, run)
    running.write_now_and_then()
    assert not (tmp_path / "report").exists(), "not at once"
    time.sleep(0.1)
    running.write_now_and_then()
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (facts["rollout"]["finished"], facts["rollout"]["error"]) == (False, run_report.NO_END)
    (tmp_path / "report" / "report.json").unlink()
    running.write_now_and_then()
    assert not (tmp_path / "report" / "report.json").exists(), "not again and again"


def test_a_report_that_cannot_be_written_meanwhile_ends_nothing(handover, tmp_path, monkeypatch):
    (tmp_path / "report").write_text("a file")
    monkeypatch.setattr(run_report, "EVERY", 0.0)
    RunningReport(handover, begun({"pbx": "a"}, report_dir=str(tmp_path / "report"))).write_now_and_then()


def test_a_phone_that_was_given_back_is_not_on_the_image():
    back = BACK.given_back("P0S3-08-2-00", None)
    assert (back.status, back.kind, back.image_after) == ("failed", "given_back", "P0S3-08-2-00")
    assert back.reason == "the rollout stopped, taken back to P0S3-08-2-00"
    lost = WRONG.given_back(None, "did not come back")
    assert lost.reason == "came back on P0S3-08-2-00; the rollout stopped, could not be taken back: did not come back"
