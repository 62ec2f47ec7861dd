# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout: for programs, for people (its page is made here), and for CI."""

from __future__ import annotations

import json
import os
import statistics
from contextlib import suppress
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import clock, duration, number, render
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.timeline import timeline
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, RunReport


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


def html(report: RunReport) -> str:
    """One page that needs nothing else: no network, no script, no colours to be understood."""
    shown = content.content(report)
    text, tone = content.headline(shown)
    return render(
        "report.html.j2",
        shown=shown,
        labels=content.LABELS,
        headline=text,
        tone=tone,
        figures=_figures(shown),
        facts=_facts(shown),
        waves=content.waves(shown),
        timeline=timeline(shown),
        groups=content.groups(shown),
    )


def _figures(shown: content.Content) -> list[tuple[str, str, str]]:
    """The key figures: number, what it is, status."""
    figures = [
        (number(shown.counts[status]), f"{label.glyph} {label.name}", status if shown.counts[status] else "")
        for status, label in content.LABELS.items()
        if shown.counts[status] or status == FAILED
    ]
    if shown.seconds is not None:
        figures.append((duration(shown.seconds), "the whole run", ""))
    took = content.restarts(shown.rows)
    if took:
        figures += [(duration(statistics.median(took)), "typical restart", ""), (duration(max(took)), "slowest restart", "")]
    return figures


def _facts(shown: content.Content) -> list[tuple[str, str]]:
    hosts = sorted({row.tftp_host for row in shown.rows if row.tftp_host})
    facts = [
        ("Image", shown.run.image),
        ("Run", shown.run.run),
        ("Started", clock(shown.run.started, "%Y-%m-%d %H:%M:%S UTC")),
        ("Ended", clock(shown.run.ended, "%Y-%m-%d %H:%M:%S UTC")),
        ("TFTP hosts" if len(hosts) > 1 else "TFTP host", list_some(hosts, 10)),
        *content.notes(shown),
    ]
    return [(label, text) for label, text in facts if text]
