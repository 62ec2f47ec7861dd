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

from ansible_collections.voip.cisco79xx.plugins.module_utils import rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import report as pictures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.files import write_whole

Report = Mapping[str, Any]

REPORT_SPEC: dict[str, dict[str, Any]] = {
    "report_dir": {"type": "path", "required": True},
    "image": {"type": "str", "required": True},
    "phones": {"type": "list", "elements": "str", "default": []},
    "plan": {"type": "dict"},
    "resets": {"type": "dict", "default": {}},
    "waits": {"type": "dict", "default": {}},
    "started": {"type": "str"},
    "files": {"type": "list", "elements": "dict", "default": []},
}

SHARE = 20.0
"""A report of a running rollout is written again when that many times as long has passed as writing the last one took."""
EVERY = 15.0


class Reporter:
    """`about`: the arguments of `rollout.report` that stay the same during a run."""

    def __init__(self, folder: Path, hostvars: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        self.path = folder / "report.json"
        self._folder = folder
        self._about = dict(about)
        self._about["started"] = self._about.get("started") or _now()
        planned = (self._about.get("plan") or {}).get("phones", {})
        unplanned = (name for name in self._about["names"] if name not in planned)
        self._about["hosts"] = {name: str(hostvars[name].get("ansible_host") or name) for name in unplanned}
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
