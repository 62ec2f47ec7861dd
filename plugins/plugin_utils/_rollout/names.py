# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names by which people give options, where they give them, and names that are nearly ours.

Names, types and defaults are in the role's meta/argument_specs.yml, and nowhere else.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some, plain, quote
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._variables import VariableError, value_of

ROLE = "rollout_"
"""Before the name of an option as the role has it."""
INVENTORY = "cisco79xx_"
"""Before the name of an option in an inventory, where a short one may be meant for something else."""

ONLY_ROLE = ("direction", "undo", "prepare", "phones")
"""What the playbooks set, and nobody types."""
_SHORT = {"run_to_undo": "run"}
_FORMER = {"max_fail": ("max_fail_percentage",)}
_GROUPS = ("phones_group", "tftp_group")
"""What says whom the plays are for, before any host of the inventory is looked at."""
_LONG_GROUPS = tuple(INVENTORY + name for name in _GROUPS)
_OF_ONE_HOST = ("timezone", "verify_tftp", "accept_unknown_mac")
"""Options that each host of the inventory may have for itself."""
_OTHERS = frozenset(
    "hold strict verdict since until log_until log_path log_unit log_command max_seconds max_megabytes cisco79xx_password "
    "cisco79xx_old_password cisco79xx_mac cisco79xx_state_dir cisco79xx_tftp_address cisco79xx_tftp_log cisco79xx_tftp_port "
    "cisco79xx_tftp_root cisco79xx_tftp_server cisco79xx_tftp_unit cisco79xx_tftp_user".split()
)
"""Names of variables that are no options of a rollout, and known all the same."""
_NEVER_OURS = ("ansible_", "awx_", "tower_")

_SPEC = Path(__file__).parents[3] / "roles" / "rollout" / "meta" / "argument_specs.yml"


@cache
def spec() -> Mapping[str, Any]:
    """The options of the role, by their names there."""
    options: Mapping[str, Any] = yaml.safe_load(_SPEC.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return options


@cache
def spellings(option: str) -> tuple[str, ...]:
    """All names of an option of the role, the one that people are told first."""
    name = option.removeprefix(ROLE)
    if name in ONLY_ROLE:
        return (option,)
    names = [name, *_FORMER.get(name, ())]
    shorts = [_SHORT.get(name, name) for name in names]
    return (*shorts, *(INVENTORY + short for short in shorts), *(ROLE + name for name in names))


def given(option: str, sources: Iterable[Mapping[str, Any]]) -> tuple[str, Any]:
    """The name by which an option was given, and its value, from the first of the sources that has it; else its first name, and None.

    Raises RolloutError if one source has it under two names.
    """
    for source in sources:
        there = [name for name in spellings(option) if source.get(name) is not None]
        if len(there) > 1:
            raise RolloutError(f"{' and '.join(there)} are both given, and are one option: leave one out")
        if there:
            return there[0], source[there[0]]
    return spellings(option)[0], None


def phones_group(sources: Iterable[Mapping[str, Any]]) -> Any:
    """What is said of the name of the phones' group."""
    names = ("phones_group", f"{INVENTORY}phones_group")
    return next((source[name] for source in sources for name in names if source.get(name) is not None), "phones")


# Where variables come from


@dataclass(frozen=True)
class Sources:
    """Where Ansible's variables come from. `typed`: from -e, or of a job template. `play`: of the play (`vars` of import_playbook), its
    roles and its task. `inventory`: from the name of a host to what the inventory alone says of it."""

    typed: Mapping[str, Any]
    play: Mapping[str, Any]
    inventory: Callable[[str], Mapping[str, Any]]


def sources_of(task: Any) -> Sources:
    """Of an ansible.playbook.task.Task."""
    manager = task.get_variable_manager()
    bare = copy.copy(manager)
    bare._extra_vars = {}  # there is no other way to ask what the inventory says
    return Sources(
        manager.extra_vars,
        bare.get_vars(play=task.get_play(), task=task, include_hostvars=False),
        lambda name: bare.get_vars(host=bare._inventory.get_host(name), include_hostvars=False),
    )


@dataclass(frozen=True)
class InInventory:
    """What an inventory says of the options. `options`: those that count, by their names there. `ignored`: other names of options that it
    has, which may be meant for something else, and the hosts that have them."""

    options: Mapping[str, Any]
    ignored: Mapping[str, Sequence[str]]


def in_inventory(
    phones: Sequence[str], servers: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], better: Sequence[Mapping[str, Any]]
) -> InInventory:
    """What the inventory says of the options, for these phones and TFTP hosts. `better`: the variables that go before it.

    An option is one for the whole run: all phones, or all TFTP hosts, must have it, with one value. Raises RolloutError.
    """
    decided = {name for source in better for name in source if source[name] is not None}
    ours = {name for option in spec() if decided.isdisjoint(spellings(option)) for name in spellings(option)} | {*_GROUPS, *_LONG_GROUPS}
    ours -= {INVENTORY + name for name in _OF_ONE_HOST} | decided
    found: dict[str, dict[str, Any]] = {}
    ignored: dict[str, list[str]] = {}
    for host in (host for host in (*phones, *servers) if host in hostvars):
        for name in ours.intersection(hostvars[host]):
            if name.startswith(INVENTORY) and name not in _LONG_GROUPS:
                found.setdefault(name, {})[host] = _of_host(host, name, hostvars)
            else:
                ignored.setdefault(name, []).append(host)
    for name, values in sorted(found.items()):
        _must_agree(name, values, [group for group in (phones, servers) if not values.keys().isdisjoint(group)])
    return InInventory({name: next(iter(values.values())) for name, values in found.items()}, ignored)


def why_ignored(name: str, hosts: Sequence[str]) -> str:
    """For people: that a variable of an inventory does not count."""
    way_out = "" if name in (*_GROUPS, *_LONG_GROUPS) else f", or as {INVENTORY}{name.removeprefix(ROLE)} in the inventory"
    return f"{name} in the inventory ({list_some(hosts, 3)}) is ignored, as it may be meant for something else: give it with -e{way_out}"


def _of_host(host: str, name: str, hostvars: Mapping[str, Mapping[str, Any]]) -> Any:
    try:
        return value_of(hostvars[host], name)
    except VariableError as error:
        raise RolloutError(f"{host}: {error}") from None


def _must_agree(name: str, values: Mapping[str, Any], groups: Iterable[Iterable[str]]) -> None:
    """Raises RolloutError unless every host of these groups has the value, and the same."""
    hosts: dict[str, list[str]] = {}
    for host in (host for group in groups for host in group):
        hosts.setdefault(f"is {quote(str(values[host]))}" if host in values else "is not set", []).append(host)
    if len(hosts) > 1:
        each = "; ".join(f"it {what} for {list_some(names, 3)}" for what, names in hosts.items())
        short = name.removeprefix(INVENTORY)
        raise RolloutError(
            f"{name} is for the whole run, and differs in the inventory: {each}. Set it the same for all, or give -e {short}=…"
        )


# Names that are nearly ours


def mistyped(sources: Sources, hosts: Iterable[str]) -> list[str]:
    """What is wrong with the names of the extra variables, a text each. `hosts`: all hosts of the inventory."""
    meant = {name: near for name in sources.typed if (near := meant_by(name))}
    for variables in (sources.play, *map(sources.inventory, hosts)) if meant else ():
        own = {key: value for key, value in variables.items() if key != "groups"}  # all hosts, again and again
        for name in [name for name in meant if name in own or _speaks_of(own, name)]:
            del meant[name]
    return [f"there is no option {plain(name)}: did you mean {near}? Nothing was done" for name, near in meant.items()]


def meant_by(name: str) -> str:
    """The option or variable that a name of none is nearly the name of, or an empty text."""
    known = {spelt for option in spec() for spelt in spellings(option)} | {*_GROUPS, *_LONG_GROUPS, *_OTHERS}
    if name in known or name.startswith(_NEVER_OURS):
        return ""
    folded = name.lower().replace("-", "_")
    prefix = next((prefix for prefix in (INVENTORY, ROLE) if folded.startswith(prefix)), "")
    ours = [one.removeprefix(prefix) for one in sorted(known) if one.startswith(prefix)]
    near = difflib.get_close_matches(folded.removeprefix(prefix), ours, 1, 0.8)
    return prefix + near[0] if near else ""


def _speaks_of(value: Any, name: str) -> bool:
    """Whether templates in a value use that variable."""
    if isinstance(value, str):
        return re.search(rf"\b{re.escape(name)}\b", value.partition("{")[2]) is not None
    if isinstance(value, Mapping):
        return any(_speaks_of(item, name) for item in value.values())
    return isinstance(value, Collection) and any(_speaks_of(item, name) for item in value)
