# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout: for programs, for people, and for CI."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.page import html
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
