# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a rollout: for programs, for people (its page is made here), and for CI."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import read, write_whole
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.commands import DIAGNOSE, GO_ON, ROLLBACK, useful
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import DIAGNOSIS, JUNIT, MOST_JSON, PAGE, REPORT, Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import duration, line, moment, number, render, zone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.timeline import timeline
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, RunReport


def place(report_dir: Path, report: RunReport) -> Place:
    """Where the report goes."""
    return Place(report_dir, report.what, report.started or time.time(), report.run, report.check_mode)


def write(report_dir: Path, report: RunReport, *others: str) -> None:
    """Write report.json, report.html and junit.xml, each whole, into the folder of the run and to the top of `report_dir`. `others`: names
    of files there that belong to the run as well. Raises OSError."""
    files = {name: (report_dir / name).read_text(encoding="utf-8") for name in others}
    files |= {REPORT: json.dumps(report.to_json(), indent=2) + "\n", PAGE: html(report), JUNIT: junit(report)}
    place(report_dir, report).write(files, at_top=_with_timelines(report_dir, report))


def link_timelines(report_dir: Path) -> None:
    """Let the page at the top link to the page of a diagnosis that was made since, if there is a page of ours. Raises OSError."""
    report = None
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):  # there is none, or somebody else's
        report = RunReport.from_json(json.loads((report_dir / REPORT).read_text(encoding="utf-8")))
    for name, page in _with_timelines(report_dir, report).items() if report else ():
        write_whole(report_dir / name, page)


def _with_timelines(report_dir: Path, report: RunReport) -> dict[str, str]:
    """The page for the top, where a diagnosis that was made since the run began lies beside it."""
    timelines: set[str] = set()
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        data, status = read(str(report_dir / DIAGNOSIS), MOST_JSON)
        if data and status.st_mtime >= (report.started or 0):
            failed = {line(name, content.MOST_NAME) for name, one in report.phones.items() if one.status == FAILED}
            timelines = failed.intersection(json.loads(data)["timelines"])
    return {PAGE: html(report, timelines)} if timelines else {}


def publish(report: RunReport) -> None:
    """Add a summary to the page of the CI job, where there is one that can be written: `GITHUB_STEP_SUMMARY` names its file."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), open(page, "a", encoding="utf-8") as summary:
            summary.write(markdown(report) + "\n")


def html(report: RunReport, timelines: Collection[str] = ()) -> str:
    """One page that needs nothing else: no network, no script, no colours to be understood. `timelines`: phones that have one in
    diagnose.html beside it."""
    shown = content.content(report)
    text, tone = content.headline(shown)
    numbers = content.waves(shown)
    columns = ("reason", "wave", "image_before", "image_after", "seconds", "host", "mac")
    has = {column: any(getattr(row, column) not in (None, "") for row in shown.rows) for column in columns}
    return render(
        "report.html.j2",
        shown=shown,
        labels=content.LABELS,
        headline=text,
        tone=tone,
        figures=_figures(shown),
        facts=_facts(shown),
        waves=numbers,
        has=has | {column: any(getattr(wave, column) is not None for wave in numbers) for column in ("started", "typical")},
        zone=zone(shown.run.started),
        timeline=timeline(shown),
        timelines=timelines,
        groups=content.groups(shown),
        commands=_commands(report),
        sites=[(site, rows, ", ".join(content.results(rows))) for site, rows in shown.sites.items()],
        sound=[row.name for row in shown.rows if row.status in content.SOUND],
    )


def _commands(report: RunReport) -> list[tuple[str, str]]:
    """What may be done next: what for, and the command."""
    text = {GO_ON: "to do it" if report.check_mode else "to go on", DIAGNOSE: "to find out why", ROLLBACK: "to take it back"}
    return [(text[name], command) for name, command in useful(report).items()]


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
        ("Started", moment(shown.run.started)),
        ("Ended", moment(shown.run.ended)),
        ("TFTP hosts" if len(hosts) > 1 else "TFTP host", list_some(hosts, 10)),
        *content.notes(shown),
    ]
    return [(label, text) for label, text in facts if text]
