# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as people see it: who goes when, as a table, and what else there is to know, each with a label before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, duration, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import columns
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, PLANNED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, PlannedWave, by_reason
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.rules import Rules

MOST = 12
"""Reasons and waves of each kind that are shown."""


def heading(plan: Plan, site: str) -> str:
    """What becomes of how many phones, such as "P0S3-06-3-00 on pbx: 12 phones, 11 to move in 4 waves, 1 there already"."""
    sizes = Counter(phone.status for phone in plan.phones.values())
    parts = [
        f"{sizes[PLANNED]} to move in {count(plan.waves, 'wave')}" if sizes[PLANNED] else "none to move",
        f"{sizes[ALREADY]} there already" if sizes[ALREADY] else "",
        f"{sizes[BLOCKED]} blocked" if sizes[BLOCKED] else "",
    ]
    return f"{plan.image} on {site}: {count(plan.phones)}, {', '.join(filter(None, parts))}"


def table(plan: Plan, site: str, at_once: int, usual: float | None) -> list[str]:
    """A row for each wave. `at_once`: phones that may be down at once, 0 for no limit; `usual`: seconds that a phone takes, if known."""
    if not plan.waves:
        return []
    rows = [("wave", "phones", "site", "who", "now -> then", "about" if usual else "")]
    for wave in _shown(plan.waves):
        rounds = -(-len(wave.phones) // at_once) if at_once else 1
        about = duration(rounds * usual) if usual else ""
        rows.append((f"{wave.number:>4}", f"{len(wave.phones):>6}", site, _who(wave.phones), _moves(plan, wave), about))
    lines = columns(rows)
    left = len(plan.waves) - MOST
    return lines if left <= 0 else [*lines[:-1], f"       and {count(left, 'wave')} between", lines[-1]]


def _shown(waves: Sequence[PlannedWave]) -> Sequence[PlannedWave]:
    """The first ones and the last one."""
    return waves if len(waves) <= MOST else [*waves[: MOST - 1], waves[-1]]


def _who(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}"


def _moves(plan: Plan, wave: PlannedWave) -> str:
    now = Counter(plan.phones[name].image_before or "not known" for name in wave.phones)
    then = Counter(plan.images.get(name, plan.image) for name in wave.phones)
    return f"{_images(now)} -> {_images(then)}"


def _images(images: Mapping[str, int]) -> str:
    return list_some(sorted(images, key=lambda image: -images[image]), 2)


def phones(plan: Plan) -> list[Line]:
    """What the phones run that answered, and why others did not or cannot go."""
    seen = Counter(phone.image_before or "no image" for phone in plan.phones.values() if phone.observed or phone.image_before)
    answered = sum(seen.values())
    runs = ", ".join(f"{number} on {image}" for image, number in seen.most_common(6)) + (", …" if len(seen) > 6 else "")
    lines = [("phones", f"{answered} of {len(plan.phones)} answered" + (f": {runs}" if runs else ""))]
    going = [name for name, phone in plan.phones.items() if phone.status == PLANNED]
    in_flight = [name for name in going if plan.phones[name].in_flight]
    if in_flight:
        lines.append(("in flight", f"{_some(in_flight)}: reset by an earlier run, so waited for and not reset again"))
    lines += _reasons("not seen", plan, [name for name in going if not plan.phones[name].within_reach])
    return lines + _reasons("blocked", plan, [name for name, phone in plan.phones.items() if phone.status == BLOCKED])


def _reasons(label: str, plan: Plan, names: Collection[str]) -> list[Line]:
    groups = by_reason({name: plan.phones[name].reason for name in names})
    lines = [(label, f"{_some(members)}: {reason}") for reason, members in list(groups.items())[:MOST]]
    left = len(groups) - MOST
    return [*lines, (label, f"and for {count(left, 'other reason')}: see the report")] if left > 0 else lines


def _some(names: Collection[str]) -> str:
    return list_some(names, 6)


def risks(plan: Plan) -> list[Line]:
    """What may go wrong with phones that move, of which each is told once."""
    going = (phone for phone in plan.phones.values() if phone.status == PLANNED)
    return [("risk", risk) for risk in sorted({risk for phone in going for risk in phone.risks})]


def files(changed: Sequence[str]) -> list[Line]:
    """Which files change, those of single phones as a number. `changed`: their names."""
    if not changed:
        return [("files", "none to change")]
    own = [name for name in changed if name.startswith("SIP") and name != "SIPDefault.cnf"]
    others = [name for name in changed if name not in own]
    named = own if len(own) < 3 else [f"{len(own)} files of single phones"]
    return [("files", f"{len(changed)} to change (--diff shows each line): {', '.join([*others, *named])}")]


def bounds(rules: Rules) -> Line:
    """When the rollout stops, and for how long a phone is waited for."""
    return "limits", f"{stops(rules.losses)}; a phone is given up after {duration(rules.wait_timeout)}"


def stops(losses: Losses) -> str:
    """When a rollout stops, for people."""
    limited = [f"more than {losses.max_fail:g} % of a wave fail (max_fail)"] if losses.max_fail < 100 else []
    limited += [f"more than {losses.max_failed} fail in all (max_failed)"] if losses.max_failed is not None else []
    limited += ["a phone fails as stop_on says"] if losses.stop_on else []
    sample = f", once {losses.min_sample} phones have ended (min_sample)" if losses.min_sample > 1 else ""
    if losses.max_fail == 0:
        return f"stops at the first failure (max_fail 0){sample}"
    return f"stops when {' or '.join(limited)}{sample}" if limited else "does not stop at failures (max_fail 100)"
