# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first step of a rollout: everything that can be known to be wrong before the first login is found here, all at once."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ansible.parsing.utils.addresses import parse_address

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import cause, me
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, flag, logins, phones
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import awx, run_report, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Run
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan_file import Approved
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.rules import Rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

EARLY_END = "the run did not come to its end: it was refused, or interrupted, maybe after files were changed; run it again, or roll back"


@dataclass(frozen=True)
class Inventory:
    """Ansible's view of all hosts: variables of each, groups, the `--limit`, if there is one, and the group of the phones."""

    hostvars: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Sequence[str]]
    limit: str | None = None
    phones_group: str = "phones"


def begin(rules: Rules, names: Sequence[str], inventory: Inventory, forks: int, check: bool, approved: Approved | None = None) -> Run:
    """Find the sites and their phones, and leave the run for the steps to come. Nobody is logged in to. `approved`: the plan to carry out.

    Raises RolloutError, InventoryError, WindowError, OSError.
    """
    if rules.undo and inventory.limit is not None and not rules.accept_others:
        raise RolloutError(
            "a rollback puts back the files for all phones of the TFTP roots, those that --limit leaves out too: run it without --limit, "
            "or let these move with -e accept_others=true"
        )
    fleet = phones(names, inventory.hostvars)
    awx.refuse_slice(fleet, inventory.hostvars)
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
        drivers={site: _driver(members) for site, members in sites.items()},
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
        where = f"report_dir is {run.rules.report_dir}: {cause(error)}"
        raise RolloutError(f"{where}; name a folder that {me()} may write to, with -e report_dir=…") from None
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


def servers_of(names: Sequence[str], inventory: Inventory, group: str) -> list[str]:
    """The TFTP hosts of these phones, as far as the inventory has them. `group`: that of the TFTP hosts. Raises InventoryError."""
    first = next(iter(inventory.groups.get(group, ())), "")
    servers: dict[str, None] = {}
    for name in names:
        try:
            if name in inventory.hostvars:
                servers[str(inventory.hostvars[name].get("cisco79xx_tftp_server") or first)] = None
        except Exception as error:  # it cannot be templated
            raise InventoryError(f"{name}: cisco79xx_tftp_server cannot be read: {error}") from None
    return [name for name in servers if name in inventory.hostvars]


def _sites(fleet: Sequence[Phone], inventory: Inventory, group: str) -> dict[str, list[str]]:
    """TFTP host → its phones. Every TFTP host is known and has a root. Raises InventoryError."""
    first = next(iter(inventory.groups.get(group, ())), "")
    sites: dict[str, list[str]] = {}
    for phone in fleet:
        sites.setdefault(phone.tftp_host or first, []).append(phone.name)
    for host in sites:
        if not host:
            raise InventoryError(f"no TFTP host: put one into the group {group}, or name their group with -e tftp_group=…")
        if host not in inventory.hostvars:
            raise InventoryError(f"TFTP host {host}: no such host in the inventory")
        if "cisco79xx_tftp_root" not in inventory.hostvars[host]:
            raise InventoryError(f"TFTP host {host}: cisco79xx_tftp_root is not set; it is the path of its TFTP root")
        try:
            flag(inventory.hostvars[host], "cisco79xx_verify_tftp")
        except ValueError as error:
            raise InventoryError(f"TFTP host {host}: {error}") from None
    return sites


def _driver(names: Sequence[str]) -> str:
    """The phone for which the tasks of its site run. Not one whose name Ansible would take for a name and a port. Raises InventoryError."""
    for name in names:
        if is_plain(name):
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
        except ValueError as error:
            if name in members:
                raise InventoryError(f"{name}: {error}") from None
        if name in members:
            outside.setdefault(str(variables.get("cisco79xx_tftp_server") or first), []).append(name)
    return frozenset(phone.mac for phone in phones(held, inventory.hostvars, to_log_in=False) if phone.mac), outside
