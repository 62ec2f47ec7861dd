# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of hosts: their values, or why they have none, in words that say which file to put right."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.keys import is_secret
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line, plain

try:
    # Where a value stands: ansible-core 2.19 and later know, and have no public name for it
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

_UNDEFINED = re.compile(r"'([^'\s]{1,200})' is undefined")
_FOLDERS = ("group_vars", "host_vars")


class VariableError(Exception):
    """Why a variable has no value: a text to be put behind the names of the hosts."""


def value_of(variables: Mapping[str, Any], name: str) -> Any:
    """The value of that variable of a host, None if it has none. Raises VariableError if it cannot be templated or decrypted."""
    try:
        return variables[name]
    except KeyError:
        return None
    except Exception as error:
        raise VariableError(why_unread(name, error, variables)) from None


def why_unread(name: str, error: BaseException, variables: Mapping[str, Any] | None = None) -> str:
    """Why the variable, or option, of that name cannot be read, and what to do. `variables`: of a host that has it.

    What Jinja says of a text that is no template is not shown: it may be a password.
    """
    causes = list(_causes(error))
    said = " ".join(str(cause) for cause in causes)
    path, line = _place(reversed(causes) if "decrypt" in said else causes)
    where = f" ({_shown(path)}{f':{line}' if line else ''})" if path else ""
    if "decrypt" in said:
        why = (
            "no vault password was given" if "no vault secrets found" in said else "the vault password is not the one it was encrypted with"
        )
        return f"{name} cannot be decrypted{where}, as {why}: run it again with --ask-vault-pass, or --vault-password-file"
    undefined = _UNDEFINED.search(str(error))
    if undefined:
        return f"{name} uses '{undefined[1]}', which is not defined{where}: {_remedy(name, undefined[1], path, variables or {})}"
    if any("Syntax" in type(cause).__name__ for cause in causes):
        return f"{name} is no template that Ansible can read{where}: if it has {{{{ or {{% in it that mean nothing, put !unsafe before it"
    return f"{name} cannot be read{where}: {one_line(error, 300)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it comes from."""
    for _depth in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _place(errors: Iterable[BaseException]) -> tuple[str, int]:
    """The file, and the line or 0, of the first of these errors that has them: an empty path if none does. JSON has no lines."""
    for error in errors:
        origin = Origin and Origin.get_tag(getattr(error, "obj", None))
        if origin and origin.path:
            return str(origin.path), int(origin.line_num or 0)
    return "", 0


def _remedy(variable: str, name: str, path: str, variables: Mapping[str, Any]) -> str:
    """Where to put the variable of that name, which `variable` uses in the file of that path.

    Ansible reads a folder group_vars/GROUP, or else a file group_vars/GROUP.yml.
    """
    if not is_secret(variable):
        return "correct its name, or set it"
    folder = os.path.dirname(path)
    if not path:
        return "correct its name, or put it into group_vars beside the inventory, in a file made with ansible-vault create"
    if os.path.basename(folder) in _FOLDERS:
        return f"correct its name, or put it into that file too, as ansible-vault encrypt_string --name {plain(name)} prints it"
    if os.path.basename(os.path.dirname(folder)) not in _FOLDERS:
        groups = list(variables.get("group_names") or ["all"])
        folder = os.path.join(folder, "group_vars", "phones" if "phones" in groups else str(groups[0]))
    vault = os.path.join(folder, "vault.yml")
    how = "edit" if os.path.exists(vault) else "create"
    return f"put it into {_shown(vault)} (ansible-vault {how} {_shown(vault)}), or correct its name"


def _shown(path: str) -> str:
    """As people would type it."""
    here = os.path.relpath(path)
    return plain(path if here.startswith("..") else here)
