# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a rollout has lost too many phones to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedWave

UNSEEN = ""
"""Kind of failure of a phone that could not be observed, whatever the reason: it was not touched, so `stop_on` does not mean it."""


@dataclass(frozen=True)
class WaveTotal:
    """A wave over all sites that count together: `total` phones are in it, of which `failed` (name → kind) have, and `ended` are back or
    failed; and of all waves before it, how many failed and how many ended."""

    total: int
    failed: Mapping[str, str]
    ended: int
    failed_before: int = 0
    ended_before: int = 0


def why_stop(limits: Losses, wave: WaveTotal, last: bool = False) -> str:
    """Why the rollout has to stop, or an empty text. `last`: after the last wave nobody waits for a larger sample."""
    for name, kind in wave.failed.items():
        if kind in limits.stop_on:
            return f"{name} failed with {kind}, one of which is too many (stop_on)"
    if not wave.failed or (wave.ended_before + wave.ended < limits.min_sample and not last):
        return ""
    share = 100 * len(wave.failed) / wave.total
    if share > limits.max_fail:
        return f"{len(wave.failed)} of {wave.total} failed ({share:.3g} %, {limits.max_fail:g} % may fail)"
    if limits.max_failed is not None and len(wave.failed) + wave.failed_before > limits.max_failed:
        return f"{len(wave.failed) + wave.failed_before} failed in all, {limits.max_failed} may (max_failed)"
    return ""


def message(wave: PlannedWave, waves: int, image: str, outcomes: Mapping[str, Outcome]) -> str:
    """How a wave of one site ended, for people. `waves`: number of the last one."""
    ended = [outcomes[name].status for name in wave.phones if name in outcomes]
    failed = ended.count(FAILED)
    left = len(wave.phones) - len(ended)
    text = f"wave {wave.number} of {waves} is over: {len(ended) - failed} of {count(wave.phones)} on {image}"
    return text + (f", {failed} failed" if failed else "") + (f", {left} not reset" if left else "")
