# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that come after a run, in the words that were typed for it, to be copied. Nothing in them is secret."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import names, outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import RunReport

GO_ON, DIAGNOSE, ROLLBACK = "go_on", "diagnose", "rollback"
_OURS = "voip.cisco79xx."
_PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
_WHERE = ("phones_group", "tftp_group", "report_dir")
"""Options that say where to look, for other commands as well."""
_VALUES = {
    "-l": ("subset", None),
    "-f": ("forks", constants.DEFAULT_FORKS),
    "-u": ("remote_user", constants.DEFAULT_REMOTE_USER),
    "-c": ("connection", constants.DEFAULT_TRANSPORT),
    "-T": ("timeout", constants.DEFAULT_TIMEOUT),
    "--private-key": ("private_key_file", constants.DEFAULT_PRIVATE_KEY_FILE),
    "--become-user": ("become_user", None),
    "--become-method": ("become_method", constants.DEFAULT_BECOME_METHOD),
    "--become-password-file": ("become_password_file", constants.BECOME_PASSWORD_FILE),
    "--connection-password-file": ("connection_password_file", constants.CONNECTION_PASSWORD_FILE),
    "--vault-id": ("vault_ids", None),
    "--vault-password-file": ("vault_password_files", None),
}
"""Option → its name for Ansible, and its default. Not ssh's arguments, in which a password may stand."""
_FLAGS = {"-J": "ask_vault_pass", "-K": "become_ask_pass", "-k": "ask_pass", "-b": "become"}
LEFT_OUT = "…"
"""In place of the value of a variable that is none of our options: it may be secret."""


def after(check: bool, undo: str) -> dict[str, str]:
    """What the command is for → the command, after the run that this process is of; empty where no playbook was typed.

    `undo`: the options of a rollback that takes back what this rollout has changed, with a blank before them.
    """
    typed = context.CLIARGS
    playbook = next(iter(typed.get("args") or ()), "")
    if not playbook:
        return {}
    if check:
        return {GO_ON: _command(typed["args"], typed, lambda name: True)}
    # What was meant for that once must not be done again by who goes on
    goes_on = _command(typed["args"], typed, lambda name: not name.endswith(("fresh", "take_over")))
    whole = {**typed, "subset": None}  # a rollback is of all phones
    return {
        GO_ON: goes_on,
        DIAGNOSE: _command([_sibling(playbook, "diagnose")], typed, _says_where),
        ROLLBACK: _command([_sibling(playbook, "rollback")], whole, _says_where) + undo,
    }


def useful(report: RunReport) -> dict[str, str]:
    """Of the commands of a report, those after which something would be different: what for → the command."""
    how, ran = report.outcome, not report.check_mode
    unwell = any(phone.status == outcome.FAILED for phone in report.phones.values())
    needed = {
        GO_ON: how not in (*outcome.WELL, outcome.REFUSED) if ran else how == outcome.WOULD_START,
        DIAGNOSE: ran and unwell,
        ROLLBACK: ran and report.what != "rollback" and how not in (outcome.REFUSED, outcome.NOTHING_TO_DO, outcome.TAKEN_BACK),
    }
    return {name: report.commands[name] for name in needed if needed[name] and name in report.commands}


def _says_where(name: str) -> bool:
    return name.removeprefix(names.INVENTORY).removeprefix(names.ROLE) in _WHERE


def _sibling(playbook: str, name: str) -> str:
    """Another playbook of ours, by its path if this one was typed so."""
    beside = Path(playbook).with_name(f"{name}.yml")
    return str(beside) if beside.exists() and beside.resolve() == _PLAYBOOKS / beside.name else _OURS + name


def _command(playbooks: Sequence[str], typed: Mapping[str, Any], wanted: Callable[[str], bool]) -> str:
    """`wanted`: whether an option of ours belongs to the command, by its name. A word that cannot be shown as it is, is left out."""
    words = ["ansible-playbook", *playbooks]
    inventories = list(typed.get("inventory") or ())
    for inventory in inventories if inventories != constants.DEFAULT_HOST_LIST else ():
        words += ["-i", inventory if "," in inventory else _near(inventory)]
    for option, (name, default) in _VALUES.items():
        value = typed.get(name)
        values = () if value in (None, default) else value if isinstance(value, (list, tuple)) else [value]
        words += [word for value in values for word in (option, str(value))]
    words += [option for option, name in _FLAGS.items() if typed.get(name)]
    for given in typed.get("extra_vars") or ():
        words += _variables(given, wanted)
    return shlex.join(word if word.isprintable() else LEFT_OUT for word in words)


def _near(path: str) -> str:
    """A path as somebody in this folder would type it."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near


def _variables(given: str, wanted: Callable[[str], bool]) -> list[str]:
    """One -e, as arguments. A file is handed on whole, as it may have the passwords that every command needs."""
    if given.startswith("@"):
        return ["-e", f"@{_near(given[1:])}"]
    try:
        values = yaml.safe_load(given) if given.lstrip()[:1] in ("{", "[") else parse_kv(given)
    except (yaml.YAMLError, AnsibleError, ValueError):
        return ["-e", LEFT_OUT]
    ours = {spelt for option in names.spec() for spelt in names.spellings(option)} | {*_WHERE, *(names.INVENTORY + name for name in _WHERE)}
    words = []
    for name, value in values.items() if isinstance(values, dict) else ():
        if name in ours and not wanted(name):
            continue
        shown = value if isinstance(value, str) and not set(value) & set(" '\"\\={}") else None
        words += ["-e", f"{name}={LEFT_OUT}" if name not in ours else json.dumps({name: value}) if shown is None else f"{name}={shown}"]
    return words
