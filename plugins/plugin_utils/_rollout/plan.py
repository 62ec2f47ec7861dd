# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who moves, and in which waves. A pure function of what was observed and what was asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError, wave_sizes
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, PLANNED, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation

UPGRADE = "upgrade"
DOWNGRADE = "downgrade"
ANY = "any"


@dataclass(frozen=True)
class PlannedPhone:
    """What shall become of one phone.

    `status`: PLANNED, ALREADY or BLOCKED. `observed`: it could be logged in to, and is known to be the phone that is meant; if not, `kind`
    and `reason` say why. Otherwise `reason` says why it is blocked. `in_flight`: an earlier run has reset it to the image, and it may not
    be back. `held`: it must keep what it runs. `risks`: texts for people. `way`: the steps to its image, if it is blocked as it must not
    leave one out. `wave`: the number of its wave, None if it has none.
    """

    status: str
    observed: bool
    image_before: str | None = None
    mac: str | None = None
    host: str | None = None
    tftp_host: str | None = None
    kind: str | None = None
    reason: str = ""
    risks: Sequence[str] = ()
    way: Sequence[images.Hop] = ()
    held: bool = False
    in_flight: bool = False
    wave: int | None = None

    @property
    def within_reach(self) -> bool:
        """Whether its wave resets it or waits for it. One that could not be observed counts as failed when its wave comes."""
        return self.observed or self.in_flight

    def outcome(self, status: str, **more: Any) -> Outcome:
        """An outcome of this phone. `more`: the other fields of Outcome."""
        return Outcome(
            status,
            image_before=self.image_before,
            wave=self.wave,
            mac=self.mac,
            host=self.host,
            tftp_host=self.tftp_host,
            held=self.held,
            **more,
        )


@dataclass(frozen=True)
class PlannedWave:
    """One wave of a site: the names of its phones, and of those `within_reach`. `macs`: of the phones whose own files have to name the
    image when it begins. `moved`: its phones that earlier runs of the rollout have moved, and that count with the others."""

    number: int
    phones: Sequence[str]
    reset: Sequence[str]
    macs: Sequence[str] = ()
    moved: int = 0

    @property
    def total(self) -> int:
        """The phones that the rollout moves in this wave, in whichever run."""
        return len(self.phones) + self.moved


@dataclass(frozen=True)
class Plan:
    """What shall become of the phones of a site.

    `image`: what to call the target. `images`: the target of each phone, by name. `scope`: whom the files speak to meanwhile, `scope.ALL`
    or `scope.WAVE`. `hold`: MAC → image to pin a phone to. `others`: MAC → image that the files name now, of phones that are not in the
    run and would move. `default_stays`: why SIPDefault.cnf does not follow after the waves of `scope.WAVE`, as far as that is known.
    `moved`: phones that earlier runs of the rollout have moved, of waves of which nobody is left.
    """

    image: str
    images: Mapping[str, str]
    phones: dict[str, PlannedPhone]
    waves: Sequence[PlannedWave] = ()
    scope: str = ""
    hold: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    default_stays: str = ""
    moved: int = 0


class RefusedPlan(RolloutError):
    """A plan that must not be carried out. `plan` is as far as it came."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


def make_plan(
    targets: Mapping[str, images.Image],
    observed: Mapping[str, Observation],
    *,
    label: str,
    direction: str = ANY,
    waves: object = ("100%",),
    force: bool = False,
    skip_blocked: bool = False,
    held: Collection[str] = (),
    hosts: Mapping[str, str] = MappingProxyType({}),
    tftp_host: str | None = None,
    in_flight: Mapping[str, EarlierReset] = MappingProxyType({}),
    goes_on: Rollout | None = None,
    hopeless: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Which phone goes when. Raises RefusedPlan, which names every phone that cannot go, and RolloutError for `waves` that are none.

    `targets`: name → image; `label` is what to call them. `force` lets a phone move against the direction, or without an image in between;
    nothing lets a signed phone take an unsigned image. The phones in `held` shall not move. `hosts`: name → address, and
    `tftp_host`: for the report.
    `in_flight`: phones that an earlier run has reset to their target and that may not be back: they go first. `goes_on`: the rollout that
    this is a part of, whose waves stay as they are: who is left of each goes in it, who failed first. `hopeless`: name → why, of phones
    that would not get there.
    """
    phones = {
        name: replace(_planned(targets.get(name), observation, direction, force, name in held), host=hosts.get(name), tftp_host=tftp_host)
        for name, observation in observed.items()
    }
    for name, reason in hopeless.items():
        if phones[name].status == PLANNED and phones[name].observed:
            phones[name] = replace(phones[name], status=BLOCKED, reason=reason)
    for name, reset in in_flight.items():
        phone = phones.get(name)
        if phone and phone.status == PLANNED:
            phones[name] = replace(phone, in_flight=True, image_before=phone.image_before or reset.before)
    blocked = {name: phone.reason for name, phone in phones.items() if phone.status == BLOCKED and not phone.held}
    sizes = wave_sizes(waves, sum(phone.status == PLANNED for phone in phones.values()))
    unfinished = Plan(label, {name: target.name for name, target in targets.items()}, phones)
    twins = _twins(phones)
    if twins:
        raise RefusedPlan(f"{twins}: one phone must not be in the run twice. Nothing was changed", unfinished)
    if phones and not any(phone.within_reach for phone in phones.values()):
        reasons = {name: phone.reason for name, phone in phones.items()}
        raise RefusedPlan(f"none of the phones could be observed, so nothing was changed. {group_by_reason(reasons)}", unfinished)
    if blocked and (not skip_blocked or len(blocked) == len(phones)):
        way_out = "" if skip_blocked else ". Leave them out with --limit, or go on without them with -e skip_blocked=true"
        raise RefusedPlan(f"{count(blocked)} cannot go to {label}, so nothing was changed. {group_by_reason(blocked)}{way_out}", unfinished)
    failed = goes_on.failed if goes_on else ()
    going = [name for name, phone in phones.items() if phone.status == PLANNED]
    going.sort(key=lambda name: (not phones[name].in_flight, name not in failed))
    cut = _cut_before(goes_on, going) if goes_on and goes_on.waves else _cut(sizes, going)
    planned_waves = []
    moved = 0
    for number, members in enumerate(cut, start=1):
        names = [name for name in going if name in members]
        there = sum(name in phones and phones[name].status == ALREADY for name in members)
        if not names:
            moved += there
            continue
        planned_waves.append(PlannedWave(number, names, [name for name in names if phones[name].within_reach], moved=there))
        for name in names:
            phones[name] = replace(phones[name], wave=number)
    return replace(unfinished, waves=planned_waves, moved=moved)


def _cut(sizes: Sequence[int], names: Sequence[str]) -> list[Collection[str]]:
    """Waves of these sizes."""
    ends = list(accumulate(sizes))
    return [set(names[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def _cut_before(rollout: Rollout, going: Sequence[str]) -> list[Collection[str]]:
    """The waves of the rollout, and a last one of phones that had nothing to do when they were cut."""
    known = {name for wave in rollout.waves for name in wave}
    late = [name for name in going if name not in known]
    return [*map(set, rollout.waves), *([late] if late else [])]


def stay(observed: Mapping[str, Observation], *, label: str, hosts: Mapping[str, str], tftp_host: str) -> Plan:
    """The plan of a run that changes no image: every phone stays on what it runs, whether it could be observed or not."""
    phones = {
        name: PlannedPhone(ALREADY, one.reachable, one.image, one.mac, host=hosts.get(name), tftp_host=tftp_host)
        for name, one in observed.items()
    }
    return Plan(label, {}, phones)


def group_by_reason(reasons: Mapping[str, str]) -> str:
    """Such as "a, b: refuses telnet; c: is in a call", from name → reason."""
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason(reasons).items())


def by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Reason → names, from name → reason."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return groups


def _twins(phones: Mapping[str, PlannedPhone]) -> str:
    """Names that turned out to be one phone, by the MAC in its banner."""
    names: dict[str, list[str]] = {}
    for name, phone in phones.items():
        if phone.observed and phone.mac:
            names.setdefault(phone.mac, []).append(name)
    return "; ".join(f"{' and '.join(twins)} are one phone, MAC {mac}" for mac, twins in names.items() if len(twins) > 1)


def _planned(target: images.Image | None, observation: Observation, direction: str, force: bool, held: bool) -> PlannedPhone:
    phone = PlannedPhone(
        PLANNED,
        observation.reachable,
        observation.image,
        observation.mac,
        kind=observation.kind,
        reason=observation.reason or "",
        held=held,
    )
    if held:
        return replace(phone, status=BLOCKED, reason=phone.reason or f"held on {observation.image}")
    if not observation.reachable:
        return phone
    current = images.recognise(observation.image or "")
    if target is None:
        return replace(phone, status=BLOCKED, reason="the files name no image for it")
    if current is None:
        return replace(phone, status=BLOCKED, reason=f"runs {observation.image!r}, which is no image name that is known")
    if current.same_as(target):
        return replace(phone, status=ALREADY)
    move = images.move(current, target)
    phone = replace(phone, risks=list(move.risks))
    if move.blocked and not (force and move.way):
        way_out = ", and -e force=true does" if move.way else ""
        return replace(phone, status=BLOCKED, reason=move.blocked + way_out, way=move.way)
    against = {DOWNGRADE: current.version < target.version, UPGRADE: current.version > target.version}.get(direction, False)
    if against and not force:
        than, other = ("older", UPGRADE) if direction == DOWNGRADE else ("newer", DOWNGRADE)
        return replace(phone, status=BLOCKED, reason=f"runs {current}, {than} than {target}: use {other}, or -e force=true")
    return replace(phone, observed=observation.kind is None)
