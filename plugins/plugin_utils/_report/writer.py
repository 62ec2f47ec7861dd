# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout: files for people and programs, a summary for CI."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import report as pictures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    ALREADY,
    BLOCKED,
    DONE,
    FAILED,
    NOT_REACHED,
    PLANNED,
    RunReport,
)


def write(folder: Path, report: RunReport) -> None:
    """Write report.json, report.html and junit.xml, each whole. Raises OSError."""
    facts = report.to_json()
    write_whole(folder / "report.json", json.dumps(facts, indent=2) + "\n")
    write_whole(folder / "report.html", pictures.html(facts))
    write_whole(folder / "junit.xml", pictures.junit(facts))


def publish(report: RunReport) -> None:
    """Add a summary to the page of the CI job, where there is one that can be written: `GITHUB_STEP_SUMMARY` names its file."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), open(page, "a", encoding="utf-8") as summary:
            summary.write(pictures.markdown(report.to_json()) + "\n")


def summary_line(report: RunReport) -> str:
    """One line: how many phones ended in which status."""
    statuses = [outcome.status for outcome in report.phones.values()]
    counts = ", ".join(
        f"{statuses.count(status)} {status}" for status in (DONE, ALREADY, PLANNED, FAILED, BLOCKED, NOT_REACHED) if status in statuses
    )
    return f"{report.image}: {counts or 'no phones'}"
