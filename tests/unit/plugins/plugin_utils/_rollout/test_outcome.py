# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run ended, in one word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FileChange, Outcome, RunReport, WaveSpan

DOCS = Path(__file__).parents[5] / "docs" / "report.md"
REACHED, AHEAD = WaveSpan(1, ["a"], True), WaveSpan(1, ["a"], False)
FILES = [FileChange("pbx", "/srv/tftp/SIPDefault.cnf", "-a\n+b\n")]


def back(image):
    """A phone that was taken back to another image, or could not be: then that is what it runs."""
    return Outcome("failed", kind="given_back", image_before="P0S3-08-2-00", image_after=image)


@pytest.mark.parametrize(
    ("word", "statuses", "about"),
    [
        ("done", "done", {"waves": [REACHED], "files": FILES}),
        ("done", "done already", {}),
        ("done", "already", {"files": FILES}),
        ("nothing_to_do", "already", {}),
        ("nothing_to_do", "already", {"check_mode": True}),
        ("nothing_to_do", "", {}),
        ("would_start", "planned already", {"check_mode": True}),
        ("would_start", "planned failed", {"check_mode": True}),
        ("would_start", "already", {"check_mode": True, "files": FILES}),
        ("refused", "not_reached", {"error": "no image was asked for"}),
        ("refused", "not_reached", {"error": "signed", "waves": [AHEAD]}),
        ("refused", "planned", {"error": "no such file", "files": FILES, "check_mode": True}),
        ("failed", "not_reached", {"error": "no room", "files": FILES, "waves": [AHEAD]}),
        ("failed", "not_reached", {"error": "no room", "waves": [REACHED]}),
        ("failed", "done failed", {"waves": [REACHED]}),
        ("failed", "done blocked", {}),
        ("failed", "failed", {"check_mode": True}),
        ("paused", "done not_reached", {"paused_after": 1}),
        ("paused", "not_reached", {"paused_after": 0}),
        ("stopped", "failed not_reached", {"stopped_at": 1}),
        ("interrupted", "not_reached", {"finished": False, "error": "ended by a signal"}),
        ("interrupted", "done", {"finished": False}),
    ],
)
def test_the_word(word, statuses, about):
    report = RunReport("P0S3-06-3-00", {f"phone{number}": Outcome(status) for number, status in enumerate(statuses.split())}, **about)
    assert report.outcome == word
    assert report.to_json()["rollout"]["outcome"] == report.summary()["outcome"] == word


def test_a_phone_that_is_held_leaves_nothing_to_do():
    report = RunReport("P0S3-06-3-00", {"a": Outcome("blocked", held=True), "b": Outcome("already")})
    assert report.outcome == "nothing_to_do"


@pytest.mark.parametrize(
    ("images", "word"), [(["P0S3-08-2-00"], "given_back"), (["P0S3-08-2-00", "P0S3-06-3-00"], "stopped"), ([None], "stopped")]
)
def test_given_back_is_all_or_nothing(images, word):
    phones = {str(number): back(image) for number, image in enumerate(images)}
    assert RunReport("P0S3-06-3-00", phones, stopped_at=1).outcome == word


def test_the_summary_is_json_without_phones():
    phones = {"a": Outcome("done"), "b": Outcome("failed"), "c": Outcome("failed")}
    report = RunReport("P0S3-06-3-00", phones, run="r", waves=[WaveSpan(1, ["a", "b"], True), WaveSpan(2, ["c"], False)])
    assert json.loads(json.dumps(report.summary())) == {
        "outcome": "failed",
        "run": "r",
        "image": "P0S3-06-3-00",
        "plan": None,
        "counts": {"done": 1, "failed": 2, "already": 0, "blocked": 0, "not_reached": 0, "planned": 0},
        "waves": [{"number": 1, "phones": 2, "reached": True}, {"number": 2, "phones": 1, "reached": False}],
    }


def test_every_word_is_documented():
    text = DOCS.read_text()
    assert not [word for word in outcome.ENDS if f"| `{word}` |" not in text]
