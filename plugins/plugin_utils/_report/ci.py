# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout's report for CI: JUnit XML, and Markdown for a job's summary."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import clock, count, duration, line, number
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, DONE, FAILED, PLANNED, RunReport

MOST_MARKDOWN = 480_000
"""Bytes. GitHub drops a summary of more than 1 MiB."""
MOST_PLANNED = 500
MOST_DIFFS = 20
"""Phones and files that the summary of a dry run shows one by one."""


# JUnit XML


def junit(report: RunReport) -> str:
    """JUnit XML as GitHub, GitLab and Jenkins read it: a phone is a test case, its wave the class.

    It keeps to the schema of Jenkins' xUnit plugin (jenkinsci/xunit-plugin, junit-10.xsd), which allows no `skipped` on <testsuites>.
    """
    shown = content.content(report)
    suite = ElementTree.Element("testsuite")
    _rollout(suite, shown, report.outcome)
    for row in sorted(shown.rows, key=lambda row: (row.wave is None, row.wave or 0, row.name)):
        _phone(suite, row)
    seconds = sum(row.seconds or 0 for row in shown.rows) if shown.seconds is None else shown.seconds
    attributes = {"name": f"rollout of {shown.run.image}"}
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        attributes[name] = str(sum(1 for _rest in suite.iter(tag)))
    attributes["time"] = f"{max(0, seconds):.3f}"
    root = ElementTree.Element("testsuites", {name: value for name, value in attributes.items() if name != "skipped"})
    suite.attrib.update(attributes)
    if shown.run.started is not None:
        # Some readers know one form of timestamp only: no zone, no fractions.
        suite.set("timestamp", clock(shown.run.started, "%Y-%m-%dT%H:%M:%S"))
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _phone(suite: ElementTree.Element, row: content.Row) -> None:
    case = _case(suite, "no wave" if row.wave is None else f"wave {row.wave}", row.name, row.seconds)
    if row.status in (FAILED, content.IN_FLIGHT) or (row.status == BLOCKED and not row.held):
        _result(case, "failure", row.reason or row.status, row.kind or row.status, row.advice)
    elif row.status not in (DONE, ALREADY):
        _result(case, "skipped", row.reason or content.LABELS[row.status].meaning)


def _rollout(suite: ElementTree.Element, shown: content.Content, outcome: str) -> None:
    """A case of its own for what is wrong with no phone. Its type is the outcome of the run."""
    run = shown.run
    if shown.trouble:
        tag, text = "error", shown.trouble
    elif run.paused_after is not None:
        tag, text = "skipped", run.stop_reason or f"paused after wave {run.paused_after}"
    elif run.stopped_at is not None and not shown.counts[FAILED]:
        tag, text = "failure", run.stop_reason or f"stopped at wave {run.stopped_at}"
    elif shown.rows:
        return
    else:
        tag, text = "", ""  # Jenkins takes a file without any test case for a fault
    case = _case(suite, "rollout", "rollout")
    if tag:
        _result(case, tag, text, outcome)


def _case(suite: ElementTree.Element, group: str, name: str, seconds: float | None = None) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", {"classname": group, "name": name, "time": f"{max(0, seconds or 0):.3f}"})


def _result(case: ElementTree.Element, tag: str, message: str, kind: str = "", text: str = "") -> None:
    result = ElementTree.SubElement(case, tag, {"message": message, **({"type": kind} if kind else {})})
    if tag != "skipped":
        result.text = "\n".join(filter(None, (message, text)))


# Markdown


def markdown(report: RunReport) -> str:
    """For $GITHUB_STEP_SUMMARY and what else reads GitHub's Markdown."""
    shown = content.content(report)
    lines = [f"## {_md(content.headline(shown)[0])}", ""]
    lines += [f"**{label}:** {_md(text)}\n" for label, text in content.notes(shown)]
    lines += ["| status | phones | meaning |", "|---|---:|---|"]
    lines += [
        f"| {_md(f'{label.glyph} {label.name}')} | {number(shown.counts[status])} | {_md(label.meaning)} |"
        for status, label in content.LABELS.items()
        if shown.counts[status]
    ]
    numbers = content.waves(shown)
    if numbers:
        lines += ["", "| wave | phones | result | took | typical restart |", "|---:|---:|---|---|---|"]
    lines += [
        f"| {row.number} | {number(row.size)} | {_md(row.result)} | {duration(row.seconds)} | {duration(row.typical)} |" for row in numbers
    ]
    for group in content.groups(shown, 200):
        lines += _section(group)
    if shown.run.check_mode:
        lines += _plan(shown)
    elif shown.files:
        lines += ["", f"Files changed: {number(shown.files)}"]
    text = "\n".join(lines) + "\n"
    if len(text.encode()) > MOST_MARKDOWN:
        text = text.encode()[:MOST_MARKDOWN].decode("utf-8", "ignore").rpartition("\n")[0] + "\n\nThis summary was cut here.\n"
    return text


def _plan(shown: content.Content) -> list[str]:
    """What a dry run found that would happen: phone, image and wave, and the difference in each file."""
    planned = sorted((row for row in shown.rows if row.status == PLANNED), key=lambda row: (row.wave or 0, row.name))
    lines = ["", "| phone | runs | goes to | wave |", "|---|---|---|---:|"] if planned else []
    for row in planned[:MOST_PLANNED]:
        lines.append(f"| {_md(row.name)} | {_md(row.image_before or 'not known')} | {_md(shown.run.image)} | {row.wave or ''} |")
    if planned[MOST_PLANNED:]:
        lines += ["", f"{count(len(planned) - MOST_PLANNED)} more in report.html"]
    for diff in shown.diffs[:MOST_DIFFS]:
        text = "\n".join(text for _tag, text in diff.lines)
        fence = "`" * (2 + max(map(len, re.findall("`+", text)), default=1))
        lines += ["", f"**{_md(diff.place)}** ({diff.size})", "", f"{fence}diff", text, fence]
    if shown.files > MOST_DIFFS:
        lines += ["", f"{count(shown.files - MOST_DIFFS, 'file')} more in report.html"]
    return lines


def _section(group: content.Group) -> list[str]:
    lines = ["", f"### {_md(group.title)} ({count(group.size)})", "", _md(group.advice), ""]
    for reason in group.reasons[:5]:
        names = list_some((_md(line(name, 60)) for name in reason.names), 20)
        lines.append(f"- {names}{': ' if reason.text else ''}{_md(reason.text)}")
    left = sum(len(reason.names) for reason in group.reasons[5:]) + group.left_out
    return [*lines, f"- {count(left)} with other reasons"] if left else lines


_MARKDOWN = {ord(char): f"&#{ord(char)};" for char in "\\`*_{}[]<>&|~#!$^"}


def _md(text: str) -> str:
    """Text that is nothing but text in a cell, a list or a heading of GitHub's Markdown."""
    return re.sub(
        r"(?i)\b(https?|ftp):(?=//)|\b(www)\.", lambda link: link.group()[:-1] + f"&#{ord(link.group()[-1])};", text.translate(_MARKDOWN)
    )
