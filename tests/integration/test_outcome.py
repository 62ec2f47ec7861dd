# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one word for the end of a run: in report.json, in what set_stats hands on, and what it is when parts of the run are left out."""

from __future__ import annotations

import json
import signal
import time

import pytest

OLD = {"image": "P0S3-08-2-00"}
STATS = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}


def told(run):
    """What set_stats handed on, or None."""
    _before, mark, after = run.output.partition("\tRUN: ")
    return json.loads(after.partition("\n\n")[0])["cisco79xx_rollout"] if mark else None


def is_told(run, word):
    summary = told(run)
    assert summary["outcome"] == run.report["rollout"]["outcome"] == word, run.output
    assert summary["run"] == run.report["rollout"]["run"]
    assert summary["counts"] == {status: list(run.statuses().values()).count(status) for status in summary["counts"]}


def test_how_runs_end(site):
    here = site([OLD, OLD])
    for arguments, word in ((("--check",), "would_start"), (("-e", "pause_after=1"), "paused"), ((), "done")):
        run = here.play("downgrade", *arguments, environment=STATS, keep=True)
        is_told(run, word)
        assert bool(run.status) == (word == "paused")


@pytest.mark.once
def test_how_runs_end_that_do_nothing(site):
    here = site([{"image": "P0S3-06-3-00"}], default="P0S3-06-3-00")
    (here.root / "OS79XX.TXT").write_bytes(b"P0S3-06-3-00\n")
    run = here.play("downgrade", environment=STATS)
    is_told(run, "nothing_to_do")
    for arguments in (("-e", "wavs=1"), ("--limit", "tftp1"), ("-e", "image=P0S3-06-0-00")):
        run = here.play("downgrade", *arguments, environment=STATS, keep=True)
        is_told(run, "refused")
        assert run.status == 2


@pytest.mark.once
def test_how_runs_end_that_go_wrong(site):
    here = site([{**OLD, "faults": ["stays_old"]}, OLD])
    for arguments, word in ((("-e", "rollback_on_stop=true"), "given_back"), ((), "stopped"), (("-e", "max_fail=100"), "failed")):
        run = here.play("downgrade", "-e", "wait_timeout=4", *arguments, environment=STATS)
        is_told(run, word)
        assert run.status == 2


@pytest.mark.once
def test_a_run_that_is_ended_by_a_signal(site):
    here = site([OLD], time_scale=1)
    with here.started() as run:
        end = time.monotonic() + 60
        while not here.simulator.events(event="reset") and time.monotonic() < end:
            time.sleep(0.05)
        assert here.report()["rollout"]["outcome"] == "interrupted", "so a killed run leaves it"
        run.send_signal(signal.SIGTERM)
        run.wait(30)
    assert here.report()["rollout"]["outcome"] == "interrupted"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tags", "phones"),
        ("--tags", "always"),
        ("--tags", "untagged"),
        ("--skip-tags", "slow"),
        ("--skip-tags", "always"),
        ("--start-at-task", "Look at the phones and the TFTP root"),
        ("--start-at-task", "Report"),
        ("--start-at-task", "no such task"),
    ],
)
def test_a_run_of_which_parts_are_left_out_fails(ansible_playbook, arguments):
    phones = {"hosts": {"first": {"ansible_host": "127.0.0.2", "cisco79xx_password": "x"}}}
    tftp = {"hosts": {"tftp1": {"ansible_connection": "local", "cisco79xx_tftp_root": "/nowhere"}}}
    status, output = ansible_playbook("downgrade.yml", {"phones": phones, "tftp_servers": tftp}, "-e", "image=P0S3-06-3-00", *arguments)
    assert status, output
    assert "nothing was rolled out" in " ".join(output.split())


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments", [("--tags", "all,phones"), ("--skip-tags", "never"), ("--list-tasks",), ("--list-hosts",), ("--syntax-check",)]
)
def test_what_leaves_nothing_out_is_no_matter(site, arguments):
    here = site([OLD])
    run = here.play("downgrade", "--check", *arguments, environment=STATS)
    assert run.status == 0, run.output
    assert (told(run) is None) == (len(arguments) == 1)
