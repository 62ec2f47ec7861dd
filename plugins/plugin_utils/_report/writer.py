# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout, at its end and while it runs."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.page import html
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    ALREADY,
    BLOCKED,
    DONE,
    FAILED,
    NOT_REACHED,
    PLANNED,
    FileChange,
    Outcome,
    RunReport,
    WaveSpan,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State

SHARE = 50.0
"""A report of a running rollout is written again when that many times as long has passed as writing the last one took."""
EVERY = 15.0


def write(folder: Path, report: RunReport) -> None:
    """Write report.json, report.html and junit.xml into the folder, each whole. Raises OSError."""
    write_whole(folder / "report.json", json.dumps(report.to_json(), indent=2) + "\n")
    write_whole(folder / "report.html", html(report))
    write_whole(folder / "junit.xml", junit(report))


def publish(report: RunReport) -> None:
    """Add a summary to the page of the CI job, where there is one that can be written: `GITHUB_STEP_SUMMARY` names its file."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), open(page, "a", encoding="utf-8") as summary:
            summary.write(markdown(report) + "\n")


def summary_line(report: RunReport) -> str:
    """How many phones ended in which status, such as "P0S3-06-3-00: 3 done, 1 failed"."""
    counts = Counter(outcome.status for outcome in report.phones.values())
    order = (DONE, ALREADY, PLANNED, FAILED, BLOCKED, NOT_REACHED)
    return f"{report.image}: {', '.join(f'{counts[status]} {status}' for status in order if counts[status]) or 'no phones'}"


class Reporter:
    """`about`: the arguments of `rollout.report` that the state does not hold."""

    def __init__(self, folder: Path, hostvars: Mapping[str, Any], state: State, about: Mapping[str, Any]) -> None:
        self.path = folder / "report.json"
        self._folder = folder
        known = state.observed
        self._about = {
            "names": state.names,
            "hosts": {
                name: known[name]["host"] if name in known else str(hostvars[name].get("ansible_host") or name) for name in state.names
            },
            "plan": state.plan,
            "resets": state.resets,
            "waits": state.waits,
            "given_back": state.given_back,
            "reached": state.reached,
            "started": state.started or _now(),
            "check_mode": False,
            "stopped": False,
            "error": "",
            **about,
        }
        self._next = time.monotonic() + EVERY

    def write(self, **facts: Any) -> RunReport:
        """Write the report, and return it. Raises OSError."""
        report = _report(rollout.report(**{**self._about, "ended": _now(), **facts}), self._about.get("files", ()))
        write(self._folder, report)
        return report

    def write_now_and_then(self, **facts: Any) -> None:
        """As `write`, but only if that is worth its time, and without raising: the rollout goes on."""
        if time.monotonic() < self._next:
            return
        began = time.monotonic()
        with suppress(Exception):
            self.write(**facts, finished=False, error="the run did not come to its end: it still runs, or it was killed")
        self._next = time.monotonic() + max(EVERY, SHARE * (time.monotonic() - began))


def _report(facts: Mapping[str, Any], files: Sequence[Mapping[str, str]]) -> RunReport:
    """What `rollout.report` made, until it makes this itself."""

    def seconds(text: str | None) -> float | None:
        return None if text is None else datetime.fromisoformat(text).timestamp()

    def times(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
        return {**entry, **{key: seconds(entry[key]) for key in keys}}

    head = facts["rollout"]
    return RunReport(
        **{
            **times(head, "started", "ended"),
            "waves": [WaveSpan(**times(wave, "started", "ended")) for wave in head["waves"]],
            "stop_reason": head["stop_reason"] or "",
            "error": head["error"] or "",
        },
        phones={name: Outcome(**times(phone, "reset_at", "ended_at")) for name, phone in facts["phones"].items()},
        files=[FileChange(file["tftp_host"], file["path"], file["diff"]) for file in files],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
