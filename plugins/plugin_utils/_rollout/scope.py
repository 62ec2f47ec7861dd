# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a rollout reaches: SIPDefault.cnf and OS79XX.TXT speak to every phone of a TFTP root, not only to those of the run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, PLANNED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, PlannedWave, RefusedPlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation

ALL = "all"
WAVE = "wave"


def with_scope(
    plan: Plan,
    *,
    host: str,
    scope: str,
    would_move: Mapping[str, str],
    accept_others: bool,
    held_elsewhere: Collection[str] = (),
    outside: Collection[str] = (),
    pinning: bool = True,
) -> Plan:
    """The plan with `scope`, the MACs to pin (`hold`), the phones outside of the run that would move (`others`), and for each wave the
    MACs of the phones to point (`macs`).

    `host`: the TFTP host. `would_move`: MAC → image that the files name now, of each phone that would load another one once they name
    the target. Phones that cannot move are pinned like those that shall not, as they would ask for the image at every restart.
    `held_elsewhere`: MACs of phones to hold that are not in the run; `outside`: names of the other phones of the inventory that are not.
    Without `pinning` (an undo, which puts files back as they were) nobody is pinned.

    Raises RefusedPlan if phones that nobody asked about would move, or if one to pin is not known well enough.
    """
    phones = plan.phones
    hold: dict[str, str] = {}
    for name, phone in phones.items() if pinning else ():
        running = images.recognise(phone.image_before or "")
        if phone.status == BLOCKED and phone.mac and running and running.protocol == images.SIP:
            hold[phone.mac] = running.name
        elif phone.held:
            raise RefusedPlan(f"{name} is to be held on what it runs, but that is not known: {phone.reason}", plan)
        elif scope == WAVE and phone.observed and not phone.mac and phone.status == PLANNED:
            raise RefusedPlan(f"{name} cannot be kept apart with scope=wave: it does not tell its MAC; set cisco79xx_mac", plan)
    others, kept = of_others(plan, would_move, held_elsewhere)
    made = replace(plan, scope=scope, hold=hold, others=others, waves=_waves(plan))
    if scope == WAVE:
        return replace(made, default_stays="" if accept_others else why_default_stays(outside=outside))
    # They may be these phones, which could not be asked for their MACs
    nameless = sum(not phone.mac and not phone.observed for phone in phones.values())
    if not accept_others and len(others) > nameless:
        raise RefusedPlan(_refusal(plan.image, host, others), plan)
    return replace(made, hold={**hold, **kept})


def of_others(plan: Plan, would_move: Mapping[str, str], held_elsewhere: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Of `would_move`, what is not in the run: the phones that nobody asked about, and those to hold whose files name an image."""
    ours = {phone.mac for phone in plan.phones.values()}
    others = {mac: image for mac, image in would_move.items() if mac not in ours and mac not in held_elsewhere}
    return others, {mac: image for mac, image in would_move.items() if mac in held_elsewhere and images.recognise(image)}


def why_default_stays(
    outside: Collection[str] = (), off: Collection[str] = (), seen: Collection[str] = (), others: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Why SIPDefault.cnf stays as it is after the waves of a trial, or an empty text.

    `outside`: names of phones of the inventory that were not in the run; `off`: of its phones that did not end on the image; `seen`: MACs
    in the TFTP server's log that are not in the inventory; `others`: MAC → image that the files name, of phones in neither.
    """
    reasons = {
        "in the inventory, but not in this run": outside,
        "not on the image": off,
        "in the TFTP server's log, but not in the inventory": seen,
        "neither in the inventory nor named an image to keep them on": [mac for mac in others if not images.recognise(others[mac])],
    }
    return "; ".join(f"{what}: {_some(list(names))}" for what, names in reasons.items() if names)


def named_targets(observed: Mapping[str, Observation], named: Mapping[str, Any]) -> dict[str, images.Image]:
    """The image that the files name for each phone. `named`: as `default` and `own` (MAC → image) of the module tftp_root_undo."""
    targets = {}
    for name, observation in observed.items():
        image = images.recognise(named["own"].get(observation.mac) or named["default"] or "")
        if image:
            targets[name] = image
    return targets


def outline(plan: Plan, has_changes: bool = True, most: int = 6) -> list[Line]:
    """For people: what a phone would load that restarts by itself at any moment of the rollout, and what follows after the waves.

    `has_changes`: whether files change for that.
    """
    target = plan.image
    lines: list[Line] = []
    moving = [mac for mac in plan.others if mac not in plan.hold]
    if plan.scope == ALL:
        when = "from the change of the files on" if has_changes else "already now"
        lines.append(("note", f"{when}, a phone that restarts by itself loads {target}, before its wave too"))
        lines += [("note", f"not known to be in the run, but will move when they restart: {_some(moving, most)}")] if moving else []
    else:
        lines.append(("note", f"a phone that restarts by itself loads what its files name now until its wave begins, then {target}"))
        if plan.default_stays:
            lines.append(("note", f"SIPDefault.cnf and the files of other phones stay as they are: {plan.default_stays}"))
        else:
            text = f"SIPDefault.cnf follows after the last wave, if every phone of the inventory and of the log is on {target}"
            lines.append(("note", text))
            lines += [("note", f"not known to be in the run: {_some(moving, most)}")] if moving else []
    if plan.hold:
        lines.append(("note", f"pinned to what they have, in their own files: {_some(list(plan.hold), most)}"))
    return lines


def on_image(plan: Plan) -> list[str]:
    """The MACs of the phones that are on the image already. Those too have to be pointed: the default would take them back."""
    return [phone.mac for phone in plan.phones.values() if phone.status == ALREADY and phone.mac]


def running(plan: Plan, macs: Collection[str] | None = None) -> dict[str, str]:
    """MAC → image that it runs, "" if that is not known, of the phones (or of those of these MACs) that shall end on their image."""
    phones = [phone for phone in plan.phones.values() if phone.status != BLOCKED and phone.mac]
    return {phone.mac: phone.image_before or "" for phone in phones if phone.mac and (macs is None or phone.mac in macs)}


def _waves(plan: Plan) -> list[PlannedWave]:
    waves = []
    for wave in plan.waves:
        macs = [mac for mac in (plan.phones[name].mac for name in wave.reset) if mac]
        waves.append(replace(wave, macs=[*macs, *(on_image(plan) if wave.number == plan.waves[0].number else [])]))
    return waves


def _refusal(target: str, host: str, others: Mapping[str, str]) -> str:
    return (
        f"{_some(list(others))} at {host}: not in the run, but would load {target} when they restart, since the files speak to all "
        "phones of a TFTP root. Nothing was changed. Put them into the run (with cisco79xx_mac, if only their MAC is missing), "
        "keep them out with -e scope=wave, or let them move with -e accept_others=true"
    )


def _some(names: list[str], most: int = 20) -> str:
    return f"{count(names)} ({list_some(names, most)})"
