# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout: for programs, for people (its page is made here), and for CI."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import JUNIT, PAGE, REPORT, Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import clock, duration, line, number, render
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.timeline import timeline
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, RunReport


def place(report_dir: Path, report: RunReport) -> Place:
    """Where the report goes."""
    return Place(report_dir, report.what, report.started or time.time(), report.run, report.check_mode)


def write(report_dir: Path, report: RunReport, *others: str) -> None:
    """Write report.json, report.html and junit.xml, each whole, into the folder of the run and to the top of `report_dir`. `others`: names
    of files there that belong to the run as well. Raises OSError."""
    files = {name: (report_dir / name).read_text(encoding="utf-8") for name in others}
    files |= {REPORT: json.dumps(report.to_json(), indent=2) + "\n", PAGE: html(report), JUNIT: junit(report)}
    place(report_dir, report).write(files)


def publish(report: RunReport) -> None:
    """Add a summary to the page of the CI job, where there is one that can be written: `GITHUB_STEP_SUMMARY` names its file."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), open(page, "a", encoding="utf-8") as summary:
            summary.write(markdown(report) + "\n")


def summary_line(report: RunReport) -> str:
    """How many phones ended in which status, such as "P0S3-06-3-00: 3 done, 1 failed"."""
    counts = Counter(phone.status for phone in report.phones.values())
    order = (outcome.DONE, outcome.ALREADY, outcome.PLANNED, FAILED, outcome.BLOCKED, outcome.NOT_REACHED)
    ended = ", ".join(f"{counts[status]} {status}" for status in order if counts[status])
    return f"{line(report.image, 120)}: {ended or 'no phones'}"


def lines(report: RunReport) -> list[str]:
    """What became of each phone, such as "reception: failed: refuses telnet"."""
    return [line(": ".join(filter(None, (name, one.status, one.reason))), 1000) for name, one in report.phones.items()]


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
