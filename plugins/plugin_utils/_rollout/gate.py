# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a rollout has lost too many phones to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FAILED, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, group_by_reason

UNSEEN = ""
"""Kind of failure of a phone that could not be observed, whatever the reason: it was not touched, so `stop_on` does not mean it."""


class Earlier(NamedTuple):
    """How many phones of earlier waves have ended, and how many of them failed."""

    ended: int
    failed: int


@dataclass(frozen=True)
class Decision:
    """What follows from a wave.

    `why`: why the rollout stops, or empty if it goes on. `message`: all of it for people. `done`: how many of its phones are on the image;
    `failed`: name → reason of those that are not.
    """

    why: str
    message: str
    done: int
    failed: Mapping[str, str] = field(default_factory=dict)


def too_many(limits: Losses, failed: Mapping[str, str], total: int, failed_before: int, ended: int) -> str:
    """Why the rollout has to stop, or an empty text.

    `failed`: name → kind, in a wave of `total` phones. `failed_before`: how many failed in earlier waves. `ended`: how many phones of the
    rollout have ended, however.
    """
    for name, kind in failed.items():
        if kind in limits.stop_on:
            return f"{name} failed with {kind}, one of which is too many (stop_on)"
    if not failed or ended < limits.min_sample:
        return ""
    share = 100 * len(failed) / total
    if share > limits.max_fail_percentage:
        return f"{len(failed)} of {total} failed ({share:.3g} %, {limits.max_fail_percentage:g} % may fail)"
    if limits.max_failed is not None and len(failed) + failed_before > limits.max_failed:
        return f"{len(failed) + failed_before} failed in all, {limits.max_failed} may (max_failed)"
    return ""


def earlier(number: int, outcomes: Mapping[str, Outcome]) -> Earlier:
    """Of the waves before this one."""
    statuses = [outcome.status for outcome in outcomes.values() if outcome.wave is not None and outcome.wave < number]
    return Earlier(len(statuses), statuses.count(FAILED))


def decide(number: int, plan: Plan, outcomes: Mapping[str, Outcome], limits: Losses, stopped: str = "") -> Decision:
    """Whether the rollout goes on after this wave. `stopped`: why it stopped within the wave, if it did."""
    last = plan.waves[-1].number
    (names,) = (wave.phones for wave in plan.waves if wave.number == number)
    ended = {name: outcomes[name] for name in names if name in outcomes}
    failed = {name: outcome for name, outcome in ended.items() if outcome.status == FAILED}
    kinds = {name: outcome.kind or "" if plan.phones[name].within_reach else UNSEEN for name, outcome in failed.items()}
    before = earlier(number, outcomes)
    # Nobody waits for a larger sample after the last wave
    sample = before.ended + len(ended) if number < last else limits.min_sample
    why = stopped or too_many(limits, kinds, len(names), before.failed, sample)
    done = len(ended) - len(failed)
    message = f"wave {number} of {last}: {done} of {count(names)} on {plan.image}"
    if failed:
        several = len({phone.tftp_host for phone in plan.phones.values()}) > 1
        reasons = {f"{name} ({outcome.tftp_host})" if several else name: outcome.reason for name, outcome in failed.items()}
        share = 100 * len(failed) / len(names)
        message += f", {len(failed)} failed ({share:.3g} %, {limits.max_fail_percentage:g} % may fail). {group_by_reason(reasons)}"
    if why:
        message = f"rollout stopped at {message}. Why: {why}. {_untouched(len(names) - len(ended), number < last)}"
        message += "see the report, mend, and run it again"
    return Decision(why, message, done, {name: outcome.reason for name, outcome in failed.items()})


def _untouched(left: int, more_waves: bool) -> str:
    """Of the phones that a stop left alone: those of the wave, and of later ones."""
    parts = [f"{count(left)} of the wave {'was' if left == 1 else 'were'} not reset"] if left else []
    parts += ["later waves were not touched"] if more_waves else []
    return f"{' and '.join(parts)}; ".capitalize() if parts else ""
