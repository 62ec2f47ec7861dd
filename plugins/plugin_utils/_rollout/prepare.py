# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which phones cannot be driven by telnet yet, what their files lack, and how each takes up new ones. Pure functions.

A phone is driven with telnet_level 2 and the phone_password of its files. It reads both when it starts, and at no other time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, duration, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import columns
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, FAILED, PLANNED, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, PlannedPhone, PlannedWave, group_by_reason
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Counts
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import MAY_BE_RESTARTING, Cause, Observation
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

LEVEL = 2
LABEL = f"telnet_level {LEVEL}"
"""What a report calls the goal."""
SETTINGS = {"telnet_level": str(LEVEL)}
PASSWORD = "phone_password"

READY, BY_TELNET, BY_OLD_PASSWORD, BY_HAND = "nothing to do", "restart by telnet", "restart by telnet, old password", "restart by hand"
"""How a phone takes up its files."""
NOT_YET = (*MAY_BE_RESTARTING, failures.WRONG_PASSWORD)
"""Kinds of failure of a phone that a restart may end."""
NAMES = 8
"""Of phones in a line."""
KEYS = "keys *, 6 and Settings together, or its power"


@dataclass(frozen=True)
class Preparation:
    """What shall become of the phones of a site.

    `plan`: with one wave. `ways`: name → how it takes up its files, one of READY to BY_HAND, of the phones within reach. `states`: name →
    what its files say, and what telnet to it shows, for people. `with_default`: SIPDefault.cnf is changed too.
    """

    plan: Plan
    ways: Mapping[str, str]
    states: Mapping[str, tuple[str, str]]
    with_default: bool

    def names(self, *ways: str) -> list[str]:
        """The phones that take up their files in one of these ways."""
        return [name for name, way in self.ways.items() if way in ways]


@dataclass(frozen=True)
class Listening:
    """The goal of a phone that shall answer telnet with its password. One that did before has to be seen to restart."""

    image = None
    at_level = True

    def reached(self, last: Observation, was_down: bool) -> bool:
        return last.reachable and (last.telnet_level == LEVEL or (was_down and last.telnet_level is None))

    def why_not(self, last: Observation, was_down: bool, deferred: bool, seconds: float) -> Cause:
        after = f"after {seconds:g} seconds"
        again = f"Restart it by hand ({KEYS}), and run the same command again."
        if last.reachable and not was_down:
            if deferred:
                return Cause(failures.IN_CALL, f"restarts by itself when its call ends, and had not {after}")
            return Cause(failures.NOT_RESTARTED, f"was not seen to restart {after}, so it may have its old settings still", again)
        if last.reachable:
            return Cause(failures.NOT_PRIVILEGED, f"came up with telnet_level {last.telnet_level} {after}: see that it fetches its files")
        if last.kind == failures.WRONG_PASSWORD:
            return Cause(last.kind, f"does not take the password {after}: it was not restarted, or did not fetch its files", again)
        if last.kind == failures.REFUSED:
            return Cause(last.kind, f"refuses telnet {after}: it was not restarted, did not fetch its files, or is still loading", again)
        return Cause(last.kind or failures.ERROR, f"does not answer {after}: {last.reason}")


def wish(phones: Sequence[Phone], macs: Mapping[str, str | None], with_default: bool) -> dict[str, Any]:
    """What the module phone_config is to see to: that each phone reads what lets it be driven.

    `macs`: name → MAC. `with_default`: SIPDefault.cnf is to have the password that most of them have; without it stays as it is.
    """
    common = Counter(phone.password for phone in phones).most_common(1)[0][0]
    return {
        "settings": SETTINGS if with_default else {},
        "secrets": {PASSWORD: common} if with_default else {},
        "phones": [
            {"mac": macs[phone.name], "settings": SETTINGS, "secrets": {PASSWORD: phone.password}} for phone in phones if macs[phone.name]
        ],
    }


def make(
    observed: Mapping[str, Observation],
    old: Mapping[str, Observation],
    found: Mapping[str, Any],
    hosts: Mapping[str, str],
    tftp_host: str,
    with_default: bool,
) -> Preparation:
    """What shall become of each phone. `observed`: by name, with the password that it shall have; `old`: with an old one, where that was
    tried. `found`: what phone_config says that the files say. `hosts`: name → address."""
    phones: dict[str, PlannedPhone] = {}
    ways: dict[str, str] = {}
    states: dict[str, tuple[str, str]] = {}
    for name, one in observed.items():
        former = old.get(name)
        takes_old = former is not None and former.reachable and former.kind is None
        seen = former if takes_old and former else one
        file = _read_by(seen.mac, found)
        way = _way(one, takes_old, file, found["now"])
        states[name] = _files(file), _telnet(one, takes_old)
        if way:
            ways[name] = way
        phones[name] = PlannedPhone(
            ALREADY if way == READY else PLANNED,
            observed=bool(way),
            image_before=seen.image,
            mac=seen.mac,
            host=hosts.get(name),
            tftp_host=tftp_host,
            kind=one.kind,
            reason=one.reason or "",
            wave=None if way == READY else 1,
        )
    going = [name for name, phone in phones.items() if phone.status == PLANNED]
    waves = [PlannedWave(1, going, [name for name in going if name in ways])] if going else []
    return Preparation(Plan(LABEL, {}, phones, waves), ways, states, with_default)


def _way(one: Observation, takes_old: bool, file: Mapping[str, Any], now: float) -> str:
    """How a phone takes up what its files say, or will say; empty if it is out of reach. `now`: Unix seconds, by the TFTP host."""
    if one.reachable and one.kind is None:
        if one.telnet_level is not None:
            return READY if one.telnet_level == LEVEL else BY_TELNET
        said_so = file["settings"]["telnet_level"] == str(LEVEL)
        newer = file["set_at"] is not None and one.up is not None and now - one.up < file["set_at"]
        return READY if said_so and not newer else BY_TELNET
    if takes_old:
        return BY_OLD_PASSWORD
    return BY_HAND if one.kind in NOT_YET else ""


def _read_by(mac: str | None, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a phone read before anything was changed: as phone_config has it under `phones`, by SIPDefault.cnf alone if its MAC is not
    known."""
    default = found["default"]
    settings, secrets = {"telnet_level": default["telnet_level"]}, {PASSWORD: bool(default["phone_password"]["as_wanted"])}
    by_default = {**default, "settings": settings, "secrets": secrets}
    file: Mapping[str, Any] = found["phones"].get(mac or "", by_default)
    return file


def _files(file: Mapping[str, Any]) -> str:
    level = file["settings"]["telnet_level"]
    password = "this password" if file["secrets"][PASSWORD] else "another password or none"
    return f"{'no telnet_level' if level is None else f'telnet_level {level}'}, {password}"


def _telnet(one: Observation, takes_old: bool) -> str:
    if takes_old:
        return "takes the old password"
    if one.reachable and one.kind is None:
        return "takes the password" if one.telnet_level is None else f"takes the password, at level {one.telnet_level}"
    return failures.KINDS[one.kind or failures.ERROR].title.lower()


def outline(made: Preparation, found: Mapping[str, Any], others: Collection[str]) -> list[str]:
    """For people: a line for each kind of phone, what changes in the files, and what a restart does beside. `others`: MACs of phones with a
    file in the root that are not in the run."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name, state in made.states.items():
        rows.setdefault((*state, made.ways.get(name) or "out of reach"), []).append(name)
    table = [("phones", "its files say", "telnet", "to take them up", "")]
    table += [(str(len(names)), *row, list_some(names, 6)) for row, names in sorted(rows.items(), key=lambda item: -len(item[1]))]
    lines = columns(table)
    lines += [f"out of reach: {name}: {made.plan.phones[name].reason}" for name in made.states if name not in made.ways]
    own = [mac for mac, file in found["phones"].items() if file["changed"]]
    if found["files"]:
        texts = ["SIPDefault.cnf"] if "SIPDefault.cnf" in found["files"] else []
        texts += [f"{count(own, 'file')} of phones' own"] if own else []
        lines.append(f"telnet_level {LEVEL} and phone_password are set in {' and '.join(texts)}")
    if not made.with_default and others:
        lines.append(
            f"SIPDefault.cnf stays as it is, as it speaks to {count(others)} that are not in the run: {list_some(others, 6)}; "
            "-e accept_others=true changes it too"
        )
    lines += [
        f"{list_some(files, 3)}: written by {name}, which may write the old settings again: set telnet_level and phone_password there too"
        for name, files in found["generators"].items()
    ]
    moving = [name for name in made.names(BY_TELNET, BY_OLD_PASSWORD, BY_HAND) if _would_move(made.plan.phones[name], found)]
    if moving:
        lines.append(f"risk: a restart also loads the image that the files name, which is another than these run: {list_some(moving, 12)}")
    return lines


def for_people(made: Preparation, when: str) -> list[str]:
    """Which phones people have to restart, in lines of a few names. `when`: such as "now"."""
    names = made.names(BY_HAND)
    rows = [f"  {', '.join(names[start : start + NAMES])}" for start in range(0, len(names), NAMES)]
    return [f"restart {count(names)} by hand {when} ({KEYS}):", *rows] if names else []


def _would_move(phone: PlannedPhone, found: Mapping[str, Any]) -> bool:
    """Whether the files name another image than the phone runs, as far as both are known."""
    file = _read_by(phone.mac, found)
    running, named = images.recognise(phone.image_before or ""), images.recognise(file["image"] or "")
    return bool(running and named and not running.same_as(named))


def progress_line(counts: Counts) -> str:
    """How many phones can be driven by now."""
    failed = f", {counts.failed} failed" if counts.failed else ""
    waiting = counts.total - counts.done - counts.failed
    return f"{counts.done} of {counts.total} came up, {waiting} waited for{failed}; {duration(time.monotonic() - counts.began)}"


def message(outcomes: Mapping[str, Outcome]) -> str:
    """What came of the phones that had to restart. `outcomes`: theirs, by name."""
    failed = {name: outcome.reason for name, outcome in outcomes.items() if outcome.status == FAILED}
    text = f"{len(outcomes) - len(failed)} of {count(outcomes)} came up and can be driven"
    if not failed:
        return text
    return f"{text}. {group_by_reason(failed)}. Restart those by hand ({KEYS}), and run it again: it goes on with them"
