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
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, FAILED, PLANNED, Outcome
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
DEAF = (failures.REFUSED, failures.WRONG_PASSWORD)
"""Kinds of failure of a phone that answers, but not to this password."""
NOT_YET = (*MAY_BE_RESTARTING, failures.WRONG_PASSWORD)
"""Kinds of failure of a phone that a restart may end."""
NAMES = 8
"""Of phones in a line."""
KEYS = "keys *, 6 and Settings together, or its power"


@dataclass(frozen=True)
class Preparation:
    """What shall become of the phones of a site.

    `plan`: with one wave. `restarts`: name → how it takes up its files, one of READY to BY_HAND, of the phones within reach. `states`:
    name → what its files say, and what telnet to it shows, for people. `with_default`: SIPDefault.cnf is changed too.
    """

    plan: Plan
    restarts: Mapping[str, str]
    states: Mapping[str, tuple[str, str]]
    with_default: bool

    def names(self, *kinds: str) -> list[str]:
        """The phones that take up their files in one of these ways of a restart."""
        return [name for name, restart in self.restarts.items() if restart in kinds]


@dataclass(frozen=True)
class Listening:
    """The goal of a phone that shall answer telnet with its password. `deaf`: it refused telnet or the password before, so that an answer
    is proof. Of another one a restart has to be seen, or how long it is up."""

    deaf: bool
    image = None
    at_level = True

    def reached(self, last: Observation, was_down: bool, seconds: float) -> bool:
        if not last.reachable or last.kind:
            return False
        if last.telnet_level is not None or self.deaf:
            return last.telnet_level in (None, LEVEL)
        return was_down if last.started is None else time.time() - last.started < seconds

    def why_not(self, last: Observation, was_down: bool, deferred: bool, seconds: float) -> Cause:
        after = f"after {seconds:g} seconds"
        again = f"Restart it by hand ({KEYS}), and run the same command again."
        if last.reachable and last.kind:
            return Cause(last.kind, last.reason or "")
        if last.reachable and last.telnet_level is None:
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
    return {
        "settings": SETTINGS if with_default else {},
        "secrets": {PASSWORD: _usual(phones)} if with_default else {},
        "phones": [
            {"mac": macs[phone.name], "settings": SETTINGS, "secrets": {PASSWORD: phone.password}} for phone in phones if macs[phone.name]
        ],
    }


def without_file(phones: Sequence[Phone], macs: Mapping[str, str | None], with_default: bool) -> set[str]:
    """The names of the phones whose file is not known, as their MAC is not, and that would have to read more than SIPDefault.cnf says."""
    usual = _usual(phones)
    return {phone.name for phone in phones if not macs[phone.name] and not (with_default and phone.password == usual)}


def _usual(phones: Sequence[Phone]) -> str:
    return Counter(phone.password for phone in phones).most_common(1)[0][0]


@dataclass(frozen=True)
class Sight:
    """What was seen at a site. `observed`: by name, with the password that a phone shall have; `old`: with an old one, where that was
    tried. `files`: the result of phone_config. `at`: when that came, in Unix seconds."""

    observed: Mapping[str, Observation]
    old: Mapping[str, Observation]
    files: Mapping[str, Any]
    at: float = 0.0


def make(
    seen: Sight,
    hosts: Mapping[str, str],
    tftp_host: str,
    *,
    with_default: bool,
    held: Collection[str] = (),
    fileless: Collection[str] = (),
) -> Preparation:
    """What shall become of each phone. `hosts`: name → address. `held`: names of phones that must keep their image; `fileless`: as of
    `without_file`."""
    phones: dict[str, PlannedPhone] = {}
    restarts: dict[str, str] = {}
    states: dict[str, tuple[str, str]] = {}
    for name, one in seen.observed.items():
        former = seen.old.get(name)
        former = former if former and former.reachable and not former.kind else None
        file = _read_by((former or one).mac, seen.files)
        restart = _restart(one, former is not None, file, seen)
        status, kind, reason = ALREADY if restart == READY else PLANNED, one.kind, one.reason or ""
        if restart and restart != READY and name in fileless:
            restart, reason = "", "its MAC is not known, so its own file cannot be set: set cisco79xx_mac"
        elif restart and restart != READY and name in held and not _stays((former or one).image, file):
            status, restart = BLOCKED, ""
            kind, reason = None, f"is to keep its image, and a restart may load another: its files name {file['image'] or 'none'}"
        states[name] = _files(file), _telnet(one, former is not None)
        if restart:
            restarts[name] = restart
        phones[name] = PlannedPhone(
            status,
            observed=bool(restart),
            image_before=(former or one).image,
            mac=(former or one).mac,
            host=hosts.get(name),
            tftp_host=tftp_host,
            kind=kind,
            reason=reason,
            held=name in held,
            wave=1 if status == PLANNED else None,
        )
    going = [name for name, phone in phones.items() if phone.status == PLANNED]
    waves = [PlannedWave(1, going, [name for name in going if name in restarts])] if going else []
    return Preparation(Plan(LABEL, {}, phones, waves), restarts, states, with_default)


def moving(made: Preparation, files: Mapping[str, Any]) -> list[str]:
    """The phones that would be told to restart and are known to load another image then, by image_version. `files`: as of `Sight`."""
    phones = made.plan.phones
    names = made.names(BY_TELNET, BY_OLD_PASSWORD)
    return [name for name in names if _stays(phones[name].image_before, _read_by(phones[name].mac, files)) is False]


def _stays(running: str | None, file: Mapping[str, Any]) -> bool | None:
    """Whether a phone runs the image that its files name, or None if one of the two is not known."""
    release, named = images.recognise(running or ""), images.recognise(file["image"] or "")
    return release.same_as(named) if release and named else None


def _restart(one: Observation, takes_old: bool, file: Mapping[str, Any], seen: Sight) -> str:
    """How a phone takes up what its files say, or will say; empty if it is out of reach."""
    if one.reachable and one.kind is None:
        if one.telnet_level is not None:
            return READY if one.telnet_level == LEVEL else BY_TELNET
        set_at, now = file["set_at"], seen.files["now"]
        # Ansible puts a text in place of a number that has a secret in it
        known = isinstance(set_at, int) and isinstance(now, int) and one.started is not None
        newer = known and (one.started or 0.0) - seen.at < set_at - now
        return READY if file["settings"]["telnet_level"] == str(LEVEL) and not newer else BY_TELNET
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


def heading(made: Preparation, site: str) -> str:
    """What becomes of how many phones, such as "telnet_level 2 on pbx: 12 phones, 7 ready, 5 to restart"."""
    ready, total = len(made.names(READY)), len(made.states)
    out = total - len(made.restarts)
    parts = [f"{ready} ready", f"{total - ready - out} to restart", f"{out} out of reach" if out else ""]
    return f"{LABEL} on {site}: {count(total)}, {', '.join(filter(None, parts))}"


def outline(made: Preparation, files: Mapping[str, Any], others: Collection[str]) -> list[str]:
    """For people: a line for each kind of phone, what changes in the files, and what a restart does beside. `files`: as of `Sight`;
    `others`: MACs of phones with a file in the root that are not in the run."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    phones = made.plan.phones
    for name, state in made.states.items():
        rows.setdefault((*state, made.restarts.get(name) or "out of reach"), []).append(name)
    table = [("phones", "its files say", "telnet", "to take them up", "")]
    table += [(str(len(names)), *row, list_some(names, 6)) for row, names in sorted(rows.items(), key=lambda item: -len(item[1]))]
    lines = columns(table)
    lines += [f"out of reach: {name}: {phones[name].reason}" for name in made.states if name not in made.restarts]
    own = [mac for mac, file in files["phones"].items() if file["changed"]]
    if files["files"]:
        texts = ["SIPDefault.cnf"] if "SIPDefault.cnf" in files["files"] else []
        texts += [f"the own files of {count(own)}"] if own else []
        lines.append(f"for telnet_level {LEVEL} and phone_password these change: {' and '.join(texts)}")
    if not made.with_default and others:
        lines.append(
            f"SIPDefault.cnf stays as it is, as it speaks to {count(others)} that are not in the run: {list_some(others, 6)}; "
            "-e accept_others=true changes it too"
        )
    lines += [
        f"{list_some(names, 3)}: written by {system}, which may write the old settings again: set telnet_level and phone_password there too"
        for system, names in files["generators"].items()
    ]
    named: dict[str, list[str]] = {}
    for name in made.names(BY_TELNET, BY_OLD_PASSWORD, BY_HAND):
        named.setdefault(_read_by(phones[name].mac, files)["image"] or "none", []).append(name)
    lines += [f"a restart also loads the image that the files name: {image} for {list_some(names, 6)}" for image, names in named.items()]
    unsure = [name for name in made.names(READY) if not made.states[name][1].endswith(f"level {LEVEL}")]
    if unsure:
        lines.append(f"whether telnet_level is {LEVEL} these do not show, a reset does: {list_some(unsure, 12)}")
    return lines


def for_people(made: Preparation, when: str) -> list[str]:
    """Which phones people have to restart, in lines of a few names. `when`: such as "now"."""
    names = made.names(BY_HAND)
    rows = [f"  {', '.join(names[start : start + NAMES])}" for start in range(0, len(names), NAMES)]
    return [f"restart {count(names)} by hand {when} ({KEYS}):", *rows] if names else []


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
    return f"{text}. {group_by_reason(failed)}. Run it again to go on with these: the report says what to do about each"
