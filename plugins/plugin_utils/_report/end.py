# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run ended, on the screen: what needs somebody, by reason, and then always outcome, phones, run, report, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line, labelled
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, NOT_REACHED, RunReport

MOST_GROUPS = 8
MOST_NAMES = 8
MOST_REASON = 300
_ORDER = (outcome.DONE, outcome.ALREADY, outcome.PLANNED, FAILED, content.IN_FLIGHT, outcome.BLOCKED, NOT_REACHED)
_UNTOUCHED = (outcome.REFUSED, outcome.WOULD_START, outcome.NOTHING_TO_DO)
"""Outcomes of runs that changed nothing."""
AGAIN = "the same command again: phones that are done are left alone"


@dataclass(frozen=True)
class Next:
    """What people may type next. `inventory`: the options that name it, such as " -i inventory.yml". `plan`: the path of plan.json, or
    empty. `rolls_back`: the run takes back another one."""

    inventory: str = ""
    plan: str = ""
    rolls_back: bool = False


def lines(report: RunReport, page: str, following: Next) -> list[str]:
    """The end of the run in lines. `page`: where report.html is, or why there is none."""
    shown = content.content(report)
    counts = [f"{shown.counts[status]} {content.LABELS[status].name}" for status in _ORDER if shown.counts[status]]
    where = f" in wave {report.stopped_at}" if report.stopped_at else ""
    ended = f"{report.outcome}{where}" + (f": {shown.run.stop_reason}" if shown.run.stop_reason else "")
    told: list[Line] = [("outcome", ended), ("phones", ", ".join(counts) or "none")]
    told += [("note", shown.run.note)] if shown.run.note else []
    told += [("run", shown.run.run)] if shown.run.run else []
    told += [("report", page), *_commands(report, following)]
    return [*_who_needs_somebody(shown), *labelled(told)]


def each_phone(report: RunReport) -> list[str]:
    """What became of each phone, such as "reception: failed: refuses telnet", where no report can say it."""
    return [line(": ".join(filter(None, (name, one.status, one.reason))), 1000) for name, one in report.phones.items()]


def _who_needs_somebody(shown: content.Content) -> list[str]:
    """What to do about phones that failed or cannot go, each kind once."""
    groups = [group for group in content.groups(shown, MOST_REASON) if group.advice]
    rows: list[str] = []
    for group in groups[:MOST_GROUPS]:
        names = [name for reason in group.reasons for name in reason.names]
        glyph = content.LABELS[group.status].glyph
        more = f" and {group.size - MOST_NAMES} more" if group.size > MOST_NAMES else ""
        rows += [f"{glyph} {group.title} ({group.size}): {', '.join(names[:MOST_NAMES])}{more}", f"    {group.advice}"]
    left = sum(group.size for group in groups[MOST_GROUPS:])
    return [*rows, f"and {count(left)} for other reasons: see the report"] if left else rows


def _commands(report: RunReport, following: Next) -> list[Line]:
    """What to type next, as far as there is something to do."""
    how = report.outcome
    typed = f"ansible-playbook voip.cisco79xx.{{}}{following.inventory}"
    commands: list[Line] = [("plan", f"{following.plan} (-e plan=… applies exactly that)")] if following.plan else []
    if how == outcome.WOULD_START:
        commands.append(("next", "the same command without --check"))
    if how in (outcome.PAUSED, outcome.STOPPED, outcome.WITH_FAILURES, outcome.INTERRUPTED) and not report.check_mode:
        commands.append(("go on", AGAIN))
    if any(phone.status == FAILED for phone in report.phones.values()) and not report.check_mode:
        commands.append(("why", typed.format("diagnose")))
    if how not in _UNTOUCHED and not report.check_mode and not following.rolls_back and report.run:
        commands.append(("undo", f"{typed.format('rollback')} -e run={report.run}"))
    return commands


def why_failed(report: RunReport, names: Sequence[str]) -> str:
    """Why the phones of a site let the run fail, for the one task that does; empty if they do not. `names`: theirs."""
    off = [name for name in names if _is_off(report, name)]
    if not off:
        return ""
    return f"{count(off)} {'is' if len(off) == 1 else 'are'} not on {line(report.image, 120)}: {list_some(off, MOST_NAMES)}"


def _is_off(report: RunReport, name: str) -> bool:
    phone = report.phones[name]
    return phone.status in (FAILED, outcome.BLOCKED) and not phone.held
