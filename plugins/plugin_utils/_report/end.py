# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run ended, on the screen: what needs somebody, by reason, and then always outcome, phones, run, report, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.commands import DIAGNOSE, GO_ON, LEFT_OUT, ROLLBACK, useful
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line, labelled
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, RunReport

MOST_GROUPS = 8
MOST_NAMES = 8
MOST_REASON = 300
_NEXT = {GO_ON: "go on", DIAGNOSE: "why", ROLLBACK: "undo"}


def lines(report: RunReport, page: str, plan: str = "") -> list[str]:
    """The end of the run in lines. `page`: where report.html is, or why there is none; `plan`: where plan.json is, if one was made."""
    shown = content.content(report)
    counts = [f"{shown.counts[status]} {label.name}" for status, label in content.LABELS.items() if shown.counts[status]]
    where = f" in wave {report.stopped_at}" if report.stopped_at else ""
    why = f"; {shown.run.stop_reason}" if shown.run.stop_reason else ""
    told: list[Line] = [("outcome", f"{report.outcome}{where}: {', '.join(counts) or 'no phones'}{why}")]
    told += [("note", shown.run.note)] if shown.run.note else []
    told += [
        ("report", f"{page}  (run {shown.run.run})" if shown.run.run else page),
        *([("plan", f"{plan} (-e plan=… applies exactly that)")] if plan else []),
    ]
    told += [("next" if report.check_mode else _NEXT[name], _with_note(command)) for name, command in useful(report).items()]
    return [*_who_needs_somebody(shown), *labelled(told)]


def _with_note(command: str) -> str:
    """The command, with a word on what was left out of it as it may be secret."""
    return f"{command}  # put your own values in place of {LEFT_OUT}" if LEFT_OUT in command else command


def each_phone(report: RunReport) -> list[str]:
    """What became of each phone, such as "reception: failed: refuses telnet", where no report can say it."""
    return [line(": ".join(filter(None, (name, one.status, one.reason))), 1000) for name, one in report.phones.items()]


def _who_needs_somebody(shown: content.Content) -> list[str]:
    """What to do about phones that failed or cannot go, each kind once."""
    groups = [group for group in content.groups(shown, MOST_REASON) if group.advice]
    rows: list[str] = []
    for group in groups[:MOST_GROUPS]:
        names = list_some((name for reason in group.reasons for name in reason.names), MOST_NAMES)
        rows += [f"{content.LABELS[group.status].glyph} {group.title} ({group.size}): {names}", f"    {group.advice}"]
    left = sum(group.size for group in groups[MOST_GROUPS:])
    return [*rows, f"and {count(left)} for other reasons: see the report"] if left else rows


def why_failed(report: RunReport, names: Sequence[str]) -> str:
    """Why the phones of a site let the run fail, for the one task that does; empty if they do not. `names`: theirs."""
    off = [name for name in names if _is_off(report, name)]
    if not off:
        return ""
    return f"{count(off)} {'is' if len(off) == 1 else 'are'} not on {line(report.image, 120)}: {line(list_some(off, MOST_NAMES), 1000)}"


def _is_off(report: RunReport, name: str) -> bool:
    phone = report.phones[name]
    return phone.status in (FAILED, outcome.BLOCKED) and not phone.held
