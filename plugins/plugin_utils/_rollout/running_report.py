# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a rollout: made of what the run knows so far, written at its end and now and then before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import writer
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
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedPhone, PlannedWave
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State

SHARE = 50.0
"""A report of a running rollout is written again when that many times as long has passed as writing the last one took."""
EVERY = 15.0
"""Seconds that pass at least between two reports of a running rollout."""


class RunningReport:
    """Writes the report of a run into a folder. `about`: what the state does not hold, with no phones or waves yet.

    `hosts`: name → address, of phones that are not in the plan.
    """

    def __init__(self, folder: Path, state: State, about: RunReport, hosts: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._state = state
        self._about = about
        self._hosts = hosts or {}
        self._next = time.monotonic() + EVERY

    def write(self, **changes: Any) -> RunReport:
        """Write it. `changes`: fields of RunReport that differ from `about`. Raises OSError."""
        report = complete(replace(self._about, **changes), self._state, self._hosts)
        writer.write(self._folder, report)
        return report

    def write_now_and_then(self) -> None:
        """Write it if that is worth its time, and without raising: the rollout goes on."""
        if time.monotonic() < self._next:
            return
        began = time.monotonic()
        with suppress(Exception):
            self.write(finished=False, error="the run did not come to its end: it still runs, or it was killed")
        self._next = time.monotonic() + max(EVERY, SHARE * (time.monotonic() - began))


def complete(about: RunReport, state: State, hosts: Mapping[str, str]) -> RunReport:
    """The report with all phones and waves, as of now."""
    phones = {name: _outcome(name, about, state, hosts) for name in state.names}
    waves = [_span(wave, state.reached, phones) for wave in (state.plan.waves if state.plan else ())]
    started = time.time() if state.started is None else state.started
    return replace(about, phones=phones, waves=waves, started=started, ended=time.time())


def _outcome(name: str, about: RunReport, state: State, hosts: Mapping[str, str]) -> Outcome:
    if name in state.outcomes:
        return state.outcomes[name]
    phone = state.plan.phones.get(name) if state.plan else None
    if phone is None:
        return Outcome(NOT_REACHED, reason="the run ended before it could be observed", host=hosts.get(name))
    return _outcome_without_wave(phone, about, state.reached)


def _outcome_without_wave(phone: PlannedPhone, about: RunReport, reached: int) -> Outcome:
    """Of a phone of which no wave knows what became."""
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
        return f"the rollout stopped at wave {reached}: {about.stop_reason}"
    return "the run ended before its wave" if about.error else f"the rollout stopped at wave {reached}"


def _span(wave: PlannedWave, reached: int, phones: Mapping[str, Outcome]) -> WaveSpan:
    outcomes = [phones[name] for name in wave.phones if name in phones]
    return WaveSpan(
        wave.number,
        wave.phones,
        wave.number <= reached,
        min((outcome.reset_at for outcome in outcomes if outcome.reset_at is not None), default=None),
        max((outcome.ended_at for outcome in outcomes if outcome.ended_at is not None), default=None),
    )
