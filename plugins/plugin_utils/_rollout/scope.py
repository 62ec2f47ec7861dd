# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a rollout reaches: SIPDefault.cnf and OS79XX.TXT speak to every phone of a TFTP root, not only to those of the run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
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
    pinning: bool = True,
) -> Plan:
    """The plan with `scope`, the MACs to pin (`hold`), the phones outside of the run that would move (`others`), and for each wave the
    MACs of the phones to point (`macs`).

    `host`: the TFTP host. `would_move`: MAC → image that the files name now, of each phone that would load another one once they name
    the target. Phones that cannot move are pinned like those that shall not, as they would ask for the image at every restart.
    `held_elsewhere`: MACs of phones to hold that are not in the run. Without `pinning` (an undo, which puts files back as they were)
    nobody is.

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
    ours = {phone.mac for phone in phones.values()}
    others = {mac: image for mac, image in would_move.items() if mac not in ours and mac not in held_elsewhere}
    hold.update({mac: image for mac, image in would_move.items() if mac in held_elsewhere and images.recognise(image)})
    # They may be these phones, which could not be asked for their MACs
    nameless = sum(not phone.mac and not phone.observed for phone in phones.values())
    if not accept_others and len(others) > nameless:
        if scope == ALL:
            raise RefusedPlan(_refusal(plan.image, host, others), plan)
        unknown = [mac for mac, image in others.items() if not images.recognise(image)]
        if unknown:
            raise RefusedPlan(
                f"{_macs(unknown)} at {host}: not in the run, and the files name no image to keep them on. "
                "Put them into the inventory, or let them move with -e accept_others=true",
                plan,
            )
        hold.update(others)
    return replace(plan, scope=scope, hold=hold, others=others, waves=_waves(plan))


def named_targets(observed: Mapping[str, Observation], named: Mapping[str, Any]) -> dict[str, images.Image]:
    """The image that the files name for each phone. `named`: as `default` and `own` (MAC → image) of the module tftp_root_undo."""
    targets = {}
    for name, observation in observed.items():
        image = images.recognise(named["own"].get(observation.mac) or named["default"] or "")
        if image:
            targets[name] = image
    return targets


def outline(plan: Plan, host: str, most: int = 12) -> list[str]:
    """For people: what a phone would load that restarts by itself at any moment of the rollout."""
    target = plan.image
    lines = []
    if plan.scope == ALL:
        lines.append(f"a phone that restarts by itself loads {target} from the moment the files change, whether its wave has come or not")
    else:
        lines.append(f"a phone that restarts by itself loads what its files name now until its wave begins, and {target} from then on")
        lines.append("but every phone up to 6.x reads OS79XX.TXT, which changes with the first wave and cannot be kept from any of them")
    moving = [mac for mac in plan.others if mac not in plan.hold]
    if moving:
        lines.append(f"{host}: not known to be in the run, but will move when they restart: {_macs(moving, most)}")
    if plan.hold:
        lines.append(f"{host}: pinned to what they have, in their own files: {_macs(list(plan.hold), most)}")
    return lines


def _waves(plan: Plan) -> list[PlannedWave]:
    """Phones that are on the image already are pinned with the first wave: the old default would take them back."""
    waves = []
    already = [name for name, phone in plan.phones.items() if phone.status == ALREADY]
    for wave in plan.waves:
        names = [*wave.reset, *(already if wave.number == plan.waves[0].number else [])]
        waves.append(replace(wave, macs=[mac for mac in (plan.phones[name].mac for name in names) if mac]))
    return waves


def _refusal(target: str, host: str, others: Mapping[str, str]) -> str:
    return (
        f"{_macs(list(others))} at {host}: not in the run, but would load {target} when they restart, since the files speak to all "
        "phones of a TFTP root. Nothing was changed. Put them into the run (with cisco79xx_mac, if only their MAC is missing), "
        "keep them out with -e scope=wave, or let them move with -e accept_others=true"
    )


def _macs(macs: list[str], most: int = 20) -> str:
    return f"{count(macs)} ({list_some(macs, most)})"
