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
SCOPES = (ALL, WAVE)

Sites = dict[str, dict[str, Any]]
"""TFTP host → `hold` (MAC → image to pin a phone to), `others` (MAC → image named now, of phones that are not in the run), `macs` (of
those that take part)."""


def apart(
    plan: Plan,
    *,
    scope: str,
    site_of: Mapping[str, str],
    would_move: Mapping[str, Mapping[str, str]],
    accept_others: bool,
    held_elsewhere: Collection[str] = (),
    pinning: bool = True,
) -> Plan:
    """The plan with what each TFTP root has to be told: `scope`, `sites`, and `macs` of each wave; and with its TFTP host for each phone.

    `site_of`: phone → its TFTP host. `would_move`: TFTP host → MAC → image that the files name now, of each phone that would load
    another one once they name the target. Phones that cannot move are pinned like those that shall not, as they
    would ask for the image at every restart. `held_elsewhere`: MACs of phones to hold that are not in the run. Without
    `pinning` (an undo, which puts files back as they were) nobody is.

    Raises RefusedPlan if phones that nobody asked about would move, or if one to pin is not known well enough.
    """
    phones = plan.phones
    sites: Sites = {host: {"hold": {}, "others": {}} for host in sorted(set(site_of.values()))}
    for name, phone in phones.items() if pinning else ():
        running = images.recognise(phone.image_before or "")
        if phone.status == BLOCKED and phone.mac and running and running.protocol == images.SIP:
            sites[site_of[name]]["hold"][phone.mac] = running.name
        elif phone.held:
            raise RefusedPlan(f"{name} is to be held on what it runs, but that is not known: {phone.reason}", plan)
        elif scope == WAVE and phone.observed and not phone.mac and phone.status == PLANNED:
            raise RefusedPlan(f"{name} cannot be kept apart with scope=wave: it does not tell its MAC; set cisco79xx_mac", plan)
    ours = {phone.mac for phone in phones.values()}
    for host, moving in would_move.items():
        others = {mac: named for mac, named in moving.items() if mac not in ours and mac not in held_elsewhere}
        sites[host]["hold"].update({mac: named for mac, named in moving.items() if mac in held_elsewhere and images.recognise(named)})
        # They may be these phones, which could not be asked for their MACs
        nameless = sum(not phone.mac and not phone.observed and site_of[name] == host for name, phone in phones.items())
        sites[host]["others"] = others
        if accept_others or len(others) <= nameless:
            continue
        if scope == ALL:
            raise RefusedPlan(_refusal(plan.image, host, others), plan)
        unknown = [mac for mac, named in others.items() if not images.recognise(named)]
        if unknown:
            raise RefusedPlan(
                f"{_macs(unknown)} at {host}: not in the run, and the files name no image to keep them on. "
                "Put them into the inventory, or let them move with -e accept_others=true",
                plan,
            )
        sites[host]["hold"].update(others)
    waves = _waves(plan, site_of)
    for host, site in sites.items():
        site["macs"] = [mac for wave in waves for mac in wave.macs.get(host, [])]
    placed = {name: replace(phone, tftp_host=site_of[name]) for name, phone in phones.items()}
    return replace(plan, scope=scope, sites=sites, waves=waves, phones=placed)


def named_targets(
    observed: Mapping[str, Observation], named: Mapping[str, Mapping[str, Any]], site_of: Mapping[str, str]
) -> dict[str, images.Image]:
    """The image that the files name for each phone. `named`: TFTP host → `default` and `own` (MAC → image)."""
    targets = {}
    for name, observation in observed.items():
        files = named[site_of[name]]
        image = images.recognise(files["own"].get(observation.mac) or files["default"] or "")
        if image:
            targets[name] = image
    return targets


def outline(plan: Plan, most: int = 12) -> list[str]:
    """For people: what a phone would load that restarts by itself at any moment of the rollout."""
    target = plan.image
    lines = []
    if plan.scope == ALL:
        lines.append(f"a phone that restarts by itself loads {target} from the moment the files change, whether its wave has come or not")
    else:
        lines.append(f"a phone that restarts by itself loads what its files name now until its wave begins, and {target} from then on")
        lines.append("but every phone up to 6.x reads OS79XX.TXT, which changes with the first wave and cannot be kept from any of them")
    for host, site in plan.sites.items():
        hold, others = site["hold"], site["others"]
        moving = [mac for mac in others if mac not in hold]
        if moving:
            lines.append(f"{host}: not known to be in the run, but will move when they restart: {_macs(moving, most)}")
        if hold:
            lines.append(f"{host}: pinned to what they have, in their own files: {_macs(list(hold), most)}")
    return lines


def _waves(plan: Plan, site_of: Mapping[str, str]) -> list[PlannedWave]:
    """Phones that are on the image already are pinned with the first wave: the old default would take them back."""
    waves = []
    already = [name for name, phone in plan.phones.items() if phone.status == ALREADY]
    for wave in plan.waves:
        macs: dict[str, list[str]] = {}
        for name in [*wave.reset, *(already if wave.number == plan.waves[0].number else [])]:
            mac = plan.phones[name].mac
            if mac:
                macs.setdefault(site_of[name], []).append(mac)
        waves.append(replace(wave, macs=macs))
    return waves


def _refusal(target: str, host: str, others: Mapping[str, str]) -> str:
    return (
        f"{_macs(list(others))} at {host}: not in the run, but would load {target} when they restart, since the files speak to all "
        "phones of a TFTP root. Nothing was changed. Put them into the run (with cisco79xx_mac, if only their MAC is missing), "
        "keep them out with -e scope=wave, or let them move with -e accept_others=true"
    )


def _macs(macs: list[str], most: int = 20) -> str:
    return f"{count(macs)} ({list_some(macs, most)})"
