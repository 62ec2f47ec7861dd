# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first step of a rollout: everything that can be known to be wrong before the first login is found here, all at once."""

from __future__ import annotations

import difflib
import random
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ansible.parsing.utils.addresses import parse_address

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, first_some, plain
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, examine, flag, logins, phones, some_names
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import why_unwritten
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import awx, run_report, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Run
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan_file import Approved
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.rules import Rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import NO_TELNETLIB3, TELNETLIB3_ERROR, Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import NO_ROOT
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._variables import VariableError, value_of

USUAL_GROUPS = ("phones", "tftp_servers")
EARLY_END = "the run did not come to its end: it was refused, or interrupted, maybe after files were changed; run it again, or roll back"

SERVER_VARIABLES = (
    *("cisco79xx_tftp_root", "cisco79xx_state_dir", "cisco79xx_timezone", "cisco79xx_tftp_user", "cisco79xx_tftp_address"),
    *("cisco79xx_tftp_port", "cisco79xx_tftp_log", "cisco79xx_tftp_unit", "ansible_become_password", "ansible_become_pass"),
)
"""Variables of a TFTP host that a rollout reads sooner or later."""


@dataclass(frozen=True)
class Inventory:
    """Ansible's view of all hosts: variables of each, groups, the `--limit`, if there is one, and the group of the phones."""

    hostvars: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Sequence[str]]
    limit: str | None = None
    phones_group: str = "phones"


def begin(
    rules: Rules,
    names: Sequence[str],
    inventory: Inventory,
    forks: int,
    check: bool,
    approved: Approved | None = None,
    in_play: Collection[str] | None = None,
) -> Run:
    """Find the sites and their phones, and leave the run for the steps to come. Nobody is logged in to. `approved`: the plan to carry out;
    `in_play`: the hosts for which Ansible still runs tasks, if some have failed in a play before.

    Raises RolloutError, InventoryError, WindowError, OSError.
    """
    if rules.undo and inventory.limit is not None and not rules.accept_others:
        raise RolloutError(
            "a rollback puts back the files for all phones of the TFTP roots, those that --limit leaves out too: run it without --limit, "
            "or let these move with -e accept_others=true"
        )
    fleet, wrong = phones_and_faults(names, inventory, rules.tftp_group)
    if wrong:
        raise InventoryError("; ".join(first_some(wrong)))
    if rules.accept_unknown_mac:
        fleet = [replace(phone, accept_unknown_mac=True) for phone in fleet]
    sites = _sites(fleet, inventory, rules.tftp_group)
    if rules.together and len(sites) > forks:
        raise RolloutError(
            f"there are {len(sites)} sites, which wait for each other, and Ansible runs {forks} hosts at once: "
            f"run it with -f {len(sites)}, or with -e sites=apart"
        )
    held_elsewhere, outside = _elsewhere(set(names), inventory, rules.tftp_group)
    started = time.time()
    run = Run(
        id=new_id(started),
        started=started,
        check=check,
        rules=rules,
        sites=sites,
        drivers={site: _driver(members, in_play) for site, members in sites.items()},
        logins=logins(fleet),
        held_elsewhere=held_elsewhere,
        outside=outside,
        zones={site: str(inventory.hostvars[site].get("cisco79xx_timezone") or rules.timezone) for site in sites},
        roots={site: str(inventory.hostvars[site]["cisco79xx_tftp_root"]) for site in sites},
        plan=approved.digest if approved else "",
    )
    if approved:
        approved.refuse_other_rules(rules)
        approved.refuse_other_inventory(run)
    for zone in run.zones.values():
        window.why_closed(rules.window, zone)  # raises for a zone that is none
    handover = Handover(run.id)
    handover.write(run)
    if approved:
        handover.write(approved)
    try:
        run_report.write(handover, run, finished=False, error=EARLY_END)
    except OSError as error:
        raise RolloutError(why_unwritten(run.rules.report_dir, error)) from None
    return run


def new_id(started: float) -> str:
    """The id of a run that began then, in Unix seconds."""
    return f"{datetime.fromtimestamp(started, UTC):%Y%m%dT%H%M%S}-{random.randrange(10**6)}"


def is_plain(name: str) -> bool:
    """Whether Ansible takes the name of a host for just that where a play names its hosts."""
    try:
        return bool(parse_address(name, allow_ranges=False) == (name, None))
    except Exception:
        return False


def phones_and_faults(names: Sequence[str], inventory: Inventory, tftp_group: str) -> tuple[list[Phone], list[str]]:
    """The phones of these names, and what is wrong with the inventory, so that nothing of a rollout of them could start: a sentence each.

    The audit tells it beforehand. Raises RolloutError for a job of AWX that has a part of the inventory only.
    """
    here = [NO_TELNETLIB3] if TELNETLIB3_ERROR else []
    if not names:
        return [], [*here, why_nobody(inventory.phones_group, inventory.groups, "phone", "phones_group", inventory.limit)]
    fleet, faults = examine(names, inventory.hostvars)
    awx.refuse_slice(fleet, inventory.hostvars)
    return fleet, [*here, *faults, *_server_faults(fleet, inventory, tftp_group)]


@dataclass(frozen=True)
class Findings:
    """What an audit finds in an inventory: how many `phones` it has, `faults` that keep a rollout from beginning, and `advice`."""

    phones: int
    faults: Sequence[str]
    advice: Sequence[str]


def findings(inventory: Inventory, tftp_group: str, hosts: Collection[str]) -> Findings:
    """What a rollout of all phones would find wrong with the inventory. `hosts`: the TFTP hosts that are looked at.

    If these are a part of them, by a `--limit`, so are the phones.
    """
    names = list(inventory.groups.get(inventory.phones_group, ()))
    if not names:
        return Findings(0, [], [why_nobody(inventory.phones_group, inventory.groups, "phone", "phones_group")])
    if inventory.limit is not None:
        names = [name for name in names if not {*servers_of([name], inventory, tftp_group)}.isdisjoint(hosts)]
    if not names:
        return Findings(0, [], [])
    try:
        fleet, faults = phones_and_faults(names, inventory, tftp_group)
        _elsewhere(set(names), inventory, tftp_group)
    except (RolloutError, InventoryError) as error:
        return Findings(len(names), [str(error)], [])
    beside = [
        f"TFTP host {plain(host)} is cisco79xx_tftp_server of {some_names(members)}, but not in the group {plain(tftp_group)}: audit and "
        "diagnose look only at the hosts of that group"
        for host, members in _sites(fleet, inventory, tftp_group).items()
        if host not in inventory.groups.get(tftp_group, ()) and host in inventory.hostvars
        if "cisco79xx_tftp_root" in inventory.hostvars[host]
    ]
    told = {f"TFTP host {plain(host)}: {NO_ROOT}" for host in hosts}  # with its root
    return Findings(len(names), [fault for fault in faults if fault not in told], beside)


def why_nobody(group: str, groups: Mapping[str, Sequence[str]], what: str, option: str, limit: str | None = None) -> str:
    """That no host of that group is there, and what to do. `what`: one of them; `option`: that names their group; `limit`: a `--limit`."""
    named = {name: len(hosts) for name, hosts in groups.items() if hosts and name not in (group, "all", "ungrouped")}
    there = f"no {what} in the group {plain(group)} of the inventory"
    if limit is not None and groups.get(group):
        return f"{there} within --limit: name some of {some_names(list(groups[group]))} there"
    near = difflib.get_close_matches(group.lower(), [name.lower() for name in named], 1, 0.7)
    for meant in (name for name in named if name.lower() in near):
        hosts = count(named[meant], "host")
        renamed = f"rename the group {plain(meant)} ({hosts}) to {plain(group)}, or name it"
        return (
            f"{there}: {renamed if group in USUAL_GROUPS else f'name the group {plain(meant)} ({hosts})'} with -e {option}={plain(meant)}"
        )
    if not any(groups.values()):
        return f"{there}, which has no hosts: name the right one with -i, or put the {what}s into that group of it"
    return f"{there}: put the {what}s there, or name their group with -e {option}=…"


def servers_of(names: Sequence[str], inventory: Inventory, group: str) -> list[str]:
    """The TFTP hosts of these phones, as far as the inventory has them. `group`: that of the TFTP hosts."""
    first = next(iter(inventory.groups.get(group, ())), "")
    servers: dict[str, None] = {}
    for name in names:
        try:
            if name in inventory.hostvars:
                servers[str(value_of(inventory.hostvars[name], "cisco79xx_tftp_server") or first)] = None
        except VariableError:
            continue  # told of all phones at once when they are read
    return [name for name in servers if name in inventory.hostvars]


def _server_faults(fleet: Sequence[Phone], inventory: Inventory, group: str) -> list[str]:
    """What is wrong with the TFTP hosts of these phones: each has to be a host of the inventory, and to have a root."""
    faults: list[str] = []
    for host, members in _sites(fleet, inventory, group).items():
        try:
            faults += _why_no_server(host, members, inventory, group)
        except (ValueError, VariableError) as error:
            faults.append(f"TFTP host {host}: {error}")
    return faults


def _why_no_server(host: str, members: Sequence[str], inventory: Inventory, group: str) -> list[str]:
    """Raises ValueError, VariableError."""
    if not host:
        return [why_nobody(group, inventory.groups, "TFTP host", "tftp_group")]
    named = f"cisco79xx_tftp_server of {some_names(members)}"
    if host not in inventory.hostvars:
        near = difflib.get_close_matches(host, inventory.groups.get(group, ()), 1)
        right = f"correct it to {plain(near[0])}" if near else "correct it"
        return [
            f"TFTP host {plain(host)}: no such host in the inventory, but it is {named}: {right}, or put that host into the group {group}"
        ]
    variables = inventory.hostvars[host]
    for variable in SERVER_VARIABLES:
        value_of(variables, variable)
    flag(variables, "cisco79xx_verify_tftp")
    if value_of(variables, "cisco79xx_tftp_root"):
        return []
    if host not in inventory.groups.get(group, ()):
        return [
            f"TFTP host {plain(host)}: it is {named}, but not in the group {group}, and has no cisco79xx_tftp_root: name the right host, "
            "or set that, the path of its TFTP root"
        ]
    return [f"TFTP host {plain(host)}: {NO_ROOT}"]


def _sites(fleet: Sequence[Phone], inventory: Inventory, group: str) -> dict[str, list[str]]:
    """TFTP host → its phones. The name of a host is empty if there is none."""
    first = next(iter(inventory.groups.get(group, ())), "")
    sites: dict[str, list[str]] = {}
    for phone in fleet:
        sites.setdefault(phone.tftp_host or first, []).append(phone.name)
    return sites


def _driver(names: Sequence[str], in_play: Collection[str] | None) -> str:
    """The phone for which the tasks of its site run. Not one whose name Ansible would take for a name and a port. Raises InventoryError."""
    alive = set(names if in_play is None else in_play)
    if not alive.intersection(names):
        raise InventoryError(
            f"{some_names(names)}: failed in an earlier play, so Ansible runs no more tasks for any phone of this TFTP host"
        )
    for name in names:
        if is_plain(name) and name in alive:
            return name
    raise InventoryError(f"{names[0]}: Ansible takes no such name for a host: give the phone one of letters, digits, - and .")


def _elsewhere(ours: set[str], inventory: Inventory, tftp_group: str) -> tuple[frozenset[str], dict[str, list[str]]]:
    """Of the phones that are not in the run: the MACs of those to hold, and the names of the others, by their TFTP host."""
    first = next(iter(inventory.groups.get(tftp_group, ())), "")
    members = set(inventory.groups.get(inventory.phones_group, ()))
    held: list[str] = []
    outside: dict[str, list[str]] = {}
    for name in inventory.groups.get("all", ()):
        if name in ours:
            continue
        variables = inventory.hostvars[name]
        try:
            if flag(variables, "hold"):
                held.append(name)
                continue
            if name in members:
                outside.setdefault(str(value_of(variables, "cisco79xx_tftp_server") or first), []).append(name)
        except (ValueError, VariableError) as error:
            if name in members:
                raise InventoryError(f"{name}: {error}") from None
    return frozenset(phone.mac for phone in phones(held, inventory.hostvars, to_log_in=False) if phone.mac), outside
