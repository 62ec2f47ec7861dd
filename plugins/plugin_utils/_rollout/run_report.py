# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: made of what its sites know so far, at its end and now and then before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import commands, writer
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import prepare, way_back
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Look, PointResult, Run, SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    ALREADY,
    BLOCKED,
    FAILED,
    NOT_REACHED,
    PLANNED,
    Outcome,
    RunReport,
    WaveSpan,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, PlannedPhone

SHARE = 50.0
"""A report of a running rollout is written again when that many times as long has passed as writing the last one took, and SHARE_SOON
times as long after phones were reset."""
SHARE_SOON = 5.0
EVERY = 15.0
"""Seconds that pass at least between two reports of a running rollout, and with SOON after phones were reset."""
SOON = 2.0
UNENDED = "its waves did not come to their end"
NO_END = "the run did not come to its end: it still runs, or it was killed"


class RunningReport:
    """Writes the report of a run while it goes on, now and then."""

    def __init__(self, handover: Handover, run: Run) -> None:
        self._handover = handover
        self._run = run
        self._next = time.monotonic() + EVERY
        self._soonest = 0.0

    def write_soon(self) -> None:
        """Phones were reset, or are about to be: the report of a run that is killed then shall say so."""
        self._next = min(self._next, self._soonest)

    def write_now_and_then(self) -> None:
        """Write it if that is worth its time, and without raising: the rollout goes on."""
        if time.monotonic() < self._next:
            return
        began = time.monotonic()
        with suppress(Exception):
            write(self._handover, self._run, finished=False, error=NO_END)
        took = time.monotonic() - began
        self._soonest = time.monotonic() + max(SOON, SHARE_SOON * took)
        self._next = time.monotonic() + max(EVERY, SHARE * took)


def write(handover: Handover, run: Run, **changes: Any) -> RunReport:
    """Write the report as things stand. `changes`: fields of RunReport that are otherwise than the sites know. Raises OSError."""
    report = make(handover, run, **changes)
    writer.write(run.rules.report_dir, report)
    return report


def make(handover: Handover, run: Run, **changes: Any) -> RunReport:
    """The report as things stand, of all phones of all sites."""
    plans = {site: part.plan for site, part in handover.read_all(SitePlan, run.sites).items() if part.plan}
    ends = handover.read_all(SiteEnd, run.sites)
    image = run.rules.image or next((plan.image for plan in plans.values()), prepare.LABEL if run.rules.prepare else "rollback")
    about = replace(_about(handover, run, ends), image=image, **changes)
    logs = {site: handover.outcomes(site).read() for site in run.sites}
    reached = {site: _reached(logs[site], ends.get(site)) for site in run.sites}
    phones: dict[str, Outcome] = {}
    for site, names in run.sites.items():
        outcomes = {**logs[site], **(ends[site].given_back if site in ends else {})}
        for name in names:
            planned = plans[site].phones.get(name) if site in plans else None
            if name in outcomes:
                phones[name] = outcomes[name]
            elif planned:
                phones[name] = _outcome(planned, about, reached[site])
            else:
                reason = "the run ended before it could be observed"
                phones[name] = Outcome(NOT_REACHED, reason=reason, host=run.logins[name]["host"], tftp_host=site)
    return replace(about, phones=phones, waves=_spans(plans, reached, phones))


def _about(handover: Handover, run: Run, ends: Mapping[str, SiteEnd]) -> RunReport:
    """The report without its phones and waves."""
    pointed = handover.read_all(PointResult, run.sites)
    stops = {site: end for site, end in ends.items() if end.stopped and not end.elsewhere}
    pauses = {site: end for site, end in ends.items() if end.paused_after is not None and not end.elsewhere}
    plans, looks = handover.read_all(SitePlan, run.sites), handover.read_all(Look, run.sites)
    problems = {site: part.problem for step in (pointed, plans, looks) for site, part in step.items() if part.problem}
    if not problems and len(pointed) == len(run.sites):
        # Whatever ended its process, nobody could say so where it happened
        problems = {site: UNENDED for site in run.sites if site not in ends}
    cut_short = UNENDED in problems.values() or any(end.interrupted for end in ends.values())
    problems.update({site: end.error for site, end in ends.items() if end.error})
    files = [file for site in run.sites for step in (pointed, ends) if site in step for file in step[site].files]
    going_on = [site for site, part in plans.items() if part.rollout and part.rollout.id != run.id and site in looks]
    before = {earlier for site in going_on for earlier in looks[site].ledger.changed_by}
    return RunReport(
        "",
        {},
        run=run.id,
        what=run.rules.what,
        commands=commands.after(run.check, way_back.options(run.id, bool(files), before)),
        plan=run.plan,
        started=run.started,
        ended=time.time(),
        finished=not cut_short,
        check_mode=run.check,
        stopped_at=max((end.reached for end in stops.values()), default=None),
        stop_reason=_together({site: end.stopped for site, end in stops.items()} or {site: end.why for site, end in pauses.items()}, run),
        paused_after=max((end.paused_after or 0 for end in pauses.values()), default=None) if not stops else None,
        error=_together(problems, run),
        note=_together({site: end.note for site, end in ends.items() if end.note}, run),
        files=files,
    )


def _together(reasons: Mapping[str, str], run: Run) -> str:
    """Reasons of sites as one text: each once, with its sites where there are several."""
    sites: dict[str, list[str]] = {}
    for site, reason in reasons.items():
        sites.setdefault(reason, []).append(site)
    one_for_all = len(sites) == 1 and set(reasons) == set(run.sites)
    return "; ".join(reason if one_for_all or not run.several else f"{', '.join(names)}: {reason}" for reason, names in sites.items())


def _reached(outcomes: Mapping[str, Outcome], end: SiteEnd | None) -> int:
    """The last wave of a site that began."""
    return max(end.reached if end else 0, *(outcome.wave or 0 for outcome in outcomes.values()), 0)


def _outcome(phone: PlannedPhone, about: RunReport, reached: int) -> Outcome:
    """Of a phone of which no wave knows what became. `reached`: the last wave of its site that began."""
    if phone.status == BLOCKED:
        return phone.outcome(BLOCKED, kind=failures.BLOCKED, reason=phone.reason, image_after=phone.image_before)
    if phone.status == ALREADY:
        return phone.outcome(ALREADY, image_after=phone.image_before)
    dry_run = about.check_mode and not about.error
    if not phone.within_reach and (dry_run or phone.wave is None):
        return phone.outcome(FAILED, kind=phone.kind, reason=phone.reason)
    if dry_run:
        return phone.outcome(PLANNED, image_after=phone.image_before)
    began = phone.wave is not None and phone.wave <= reached
    reason = "the rollout stopped in its wave, before it was reset" if began else _why_not_reached(about, reached)
    return phone.outcome(NOT_REACHED, reason=reason, image_after=phone.image_before)


def _why_not_reached(about: RunReport, reached: int) -> str:
    if about.paused_after is not None:
        return about.stop_reason or f"the rollout paused after wave {about.paused_after}"
    if about.stop_reason and not about.error:
        return f"the rollout stopped at wave {about.stopped_at or reached}: {about.stop_reason}"
    return "the run ended before its wave" if about.error else f"the rollout stopped at wave {reached}"


def _spans(plans: Mapping[str, Plan], reached: Mapping[str, int], phones: Mapping[str, Outcome]) -> list[WaveSpan]:
    """The waves, each over all sites that have it."""
    members: dict[int, list[str]] = {}
    began: set[int] = set()
    for site, plan in plans.items():
        for wave in plan.waves:
            members.setdefault(wave.number, []).extend(wave.phones)
            if wave.number <= reached[site]:
                began.add(wave.number)
    spans = []
    for number, names in sorted(members.items()):
        outcomes = [phones[name] for name in names]
        starts = [outcome.reset_at for outcome in outcomes if outcome.reset_at is not None]
        ends = [outcome.ended_at for outcome in outcomes if outcome.ended_at is not None]
        spans.append(WaveSpan(number, names, number in began, min(starts, default=None), max(ends, default=None)))
    return spans
