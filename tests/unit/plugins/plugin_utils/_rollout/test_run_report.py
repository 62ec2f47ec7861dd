# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report says of each phone, whether its wave came or not."""

from __future__ import annotations

import json

import pytest
from ansible import constants

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    DONE,
    FAILED,
    MOST_FILES,
    NOT_REACHED,
    FileChange,
    RunReport,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.running_report import complete
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, plan, seen

OBSERVED = {"a": seen("P0S3-08-2-00"), "b": seen("P0S3-08-2-00"), "c": seen("P0S3-06-3-00"), "d": UNSEEN}
PLAN = plan(TARGET, OBSERVED, waves=[1, "100%"])
WRONG = PLAN.phones["a"].outcome(FAILED, kind="wrong_image", reason="came back on P0S3-08-2-00", image_after="P0S3-08-2-00")
BACK = PLAN.phones["a"].outcome(DONE, image_after="P0S3-06-3-00", seconds=80.0, reset_at=1_800_000_000.9, ended_at=1_800_000_080.2)


def reported(names="abcd", plan=PLAN, reached=1, outcome=WRONG, **about):
    """`outcome`: of the phone a."""
    state = State("run", names=list(names), plan=plan, reached=reached, outcomes={"a": outcome} if outcome else {})
    hosts = {name: f"127.0.0.{number}" for number, name in enumerate(names, start=2)}
    return complete(RunReport("P0S3-06-3-00", {}, **about), state, hosts)


def statuses(made):
    return {name: phone.status for name, phone in made.phones.items()}


def test_the_report_of_a_stopped_rollout():
    made = reported(stopped_at=1)
    assert statuses(made) == {"a": "failed", "b": "not_reached", "c": "already", "d": "not_reached"}
    facts = made.to_json()
    assert facts["rollout"]["stopped_at"] == 1
    assert [wave["reached"] for wave in facts["rollout"]["waves"]] == [True, False]
    assert set(facts["phones"]["a"]) >= {"mac", "host", "wave", "image_before", "image_after", "status", "reason", "seconds"}
    assert facts["phones"]["b"]["reason"] == "the rollout stopped at wave 1"
    assert facts["phones"]["a"]["kind"] == "wrong_image"
    assert reported(stopped_at=1, stop_reason="too many").phones["b"].reason == "the rollout stopped at wave 1: too many"


def test_the_report_of_a_wave_that_stopped():
    made = reported(plan=plan(TARGET, OBSERVED), stopped_at=1)
    assert (made.phones["b"].status, made.phones["b"].reason) == (NOT_REACHED, "the rollout stopped in its wave, before it was reset")


def test_the_report_of_a_paused_rollout():
    made = reported(outcome=BACK, paused_after=1, stop_reason="paused after wave 1")
    assert statuses(made) == {"a": "done", "b": "not_reached", "c": "already", "d": "not_reached"}
    assert made.paused_after == 1
    assert "wave 1" in made.phones["b"].reason


def test_a_report_has_the_times_of_its_waves():
    first, second = reported(outcome=BACK).to_json()["rollout"]["waves"]
    assert (first["started"], first["ended"]) == ("2027-01-15T08:00:00+00:00", "2027-01-15T08:01:20+00:00")
    assert (second["started"], second["ended"]) == (None, None)


def test_a_report_shows_so_many_files_only():
    files = [FileChange("t", f"SIP{number}.cnf", "") for number in range(MOST_FILES + 3)]
    made = reported(files=files).to_json()
    assert len(made["files"]) == MOST_FILES
    assert made["files_left_out"] == 3
    assert reported().to_json()["files_left_out"] == 0


def test_the_report_of_a_dry_run():
    made = reported(outcome=None, reached=0, check_mode=True)
    assert statuses(made) == {"a": "planned", "b": "planned", "c": "already", "d": "failed"}
    assert made.stopped_at is None


def test_the_report_of_a_run_that_was_refused():
    made = reported(plan=None, outcome=None, reached=0, error="no such image")
    assert set(statuses(made).values()) == {"not_reached"}
    assert made.phones["a"].reason == "the run ended before it could be observed"
    assert made.phones["a"].host == "127.0.0.2"
    assert made.to_json()["rollout"]["error"] == "no such image"


def test_the_report_of_a_run_that_was_refused_keeps_what_was_seen():
    with pytest.raises(RolloutError) as caught:
        plan(parse("P0S30203"), {"a": seen("P0S3-08-2-00"), "b": seen("P0S30202")})
    made = reported("ab", caught.value.plan, outcome=None, reached=0, error=str(caught.value))
    assert statuses(made) == {"a": "blocked", "b": "not_reached"}
    assert made.phones["a"].kind == "blocked"
    assert made.phones["b"].image_before == "P0S30202"


def test_a_phone_that_was_given_back_is_not_on_the_image():
    back = BACK.given_back("P0S3-08-2-00", None)
    assert (back.status, back.kind, back.image_after) == ("failed", "given_back", "P0S3-08-2-00")
    assert back.reason == "the rollout stopped, taken back to P0S3-08-2-00"
    lost = WRONG.given_back(None, "did not come back")
    assert lost.reason == "came back on P0S3-08-2-00; the rollout stopped, could not be taken back: did not come back"


def test_what_a_step_saves_the_next_one_loads(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    state = State("run", names=list("abcd"), plan=PLAN, observed=OBSERVED, outcomes={"a": BACK}, started=1.5, down=2)
    state.save()
    again = State.load("run")
    assert json.dumps(again, default=vars) == json.dumps(state, default=vars)
    assert (again.outcomes, again.observed) == (state.outcomes, OBSERVED)
    assert again.made_plan.phones["d"].reason == PLAN.phones["d"].reason
    assert State.load("another run") == State("another run")
    state.remove()
    assert State.load("run") == State("run")
