# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout, at its end and while it runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import report as pictures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State

Report = Mapping[str, Any]

SHARE = 50.0
"""A report of a running rollout is written again when that many times as long has passed as writing the last one took."""
EVERY = 15.0


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

    def write(self, **facts: Any) -> dict[str, Any]:
        """Write report.json, report.html and junit.xml, each whole, and return what the first one holds. Raises OSError."""
        report = rollout.report(**{**self._about, "ended": _now(), **facts})
        write_whole(self.path, json.dumps(report, indent=2) + "\n")
        write_whole(self._folder / "report.html", pictures.html(report))
        write_whole(self._folder / "junit.xml", pictures.junit(report))
        return report

    def write_now_and_then(self, **facts: Any) -> None:
        """As `write`, but only if that is worth its time, and without raising: the rollout goes on."""
        if time.monotonic() < self._next:
            return
        began = time.monotonic()
        with suppress(Exception):
            self.write(**facts, finished=False, error="the run did not come to its end: it still runs, or it was killed")
        self._next = time.monotonic() + max(EVERY, SHARE * (time.monotonic() - began))


def publish(report: Report) -> None:
    """Add a summary to the page of the CI job, where there is one that can be written: `GITHUB_STEP_SUMMARY` names its file."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), open(page, "a", encoding="utf-8") as summary:
            summary.write(pictures.markdown(report) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
