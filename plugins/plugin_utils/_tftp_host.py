# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules on one TFTP host, as the steps of a rollout ask for them. What goes wrong is one sentence that names the host."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import me
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import first_some, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _tftp_server
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import with_hidden_secrets
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import flag

Execute = Callable[[str, dict[str, Any], bool], Mapping[str, Any]]
"""Runs a module of this collection on the TFTP host: name, arguments, and whether in check mode. Returns its result; that of a host that
cannot be reached has `unreachable`."""

DIFFERENCES = 500
"""Files of one call whose changes come back for the report."""


NO_ROOT = "cisco79xx_tftp_root is not set; it is the path of its TFTP root"
UNREACHED = "cannot be reached"
_BEFORE_WORDS = re.compile(r"^(?:Task failed: |Action failed: |Failed to connect to the host via \w+: )+")
"""What Ansible puts before the words of ssh."""
_NO_CONNECTION = (
    (r"REMOTE HOST IDENTIFICATION|[Hh]ost key", "log in there once by hand, check the host's key, and have it in known_hosts"),
    (r"Permission denied", "let ansible_user log in there, with a key or, with -k, a password"),
    (r"resolve hostname|not known|not provided", "correct its name, or set ansible_host to its address"),
    (r"", "see that it is up and takes ssh at its ansible_host and ansible_port"),
)
"""What to do, by ssh's words."""
_BECOME = re.compile(r"(Missing|Incorrect) (\S+) password|\b(sudo): .*password is required")
_MODULE_OPTION = re.compile(r"(?<![\w./-])(tftp_root|tftp_user|tftp_address|tftp_port|state_dir)(?![\w./-])")
"""Options of modules which inventories have by longer names."""


class TftpHostError(Exception):
    """A TFTP host did not do what it was asked to do: the host, the cause, and what to do."""


def why_failed(result: Mapping[str, Any]) -> str:
    """Why a module has failed on a TFTP host, and what to do: to be put behind its name and a colon.

    `result`: the module's, or one with `unreachable` or `failed` and what Ansible said.
    """
    said = _BEFORE_WORDS.sub("", one_line(result.get("msg") or "failed", 1000)).rstrip(".")
    if result.get("unreachable"):
        advice = next(advice for words, advice in _NO_CONNECTION if re.search(words, said))
        return f"{UNREACHED}: {said}: {advice}; if it is this machine, set ansible_connection: local"
    password = _BECOME.search(said)
    if password:
        wrong = "does not take the password" if password[1] == "Incorrect" else "asks for a password"
        return f"{password[2] or password[3]} {wrong} ({password[0]}): run it again with -K, or set ansible_become_password in a vault"
    if "module_stderr" not in result:
        return _MODULE_OPTION.sub(r"cisco79xx_\1", said)
    if "interpreter" not in said:  # Ansible does not tell what the module did instead
        lines = f"{result.get('module_stdout') or ''}\n{result['module_stderr']}".split("\n")
        said = next((line for line in map(partial(one_line, most=500), reversed(lines)) if line), said).rstrip(".")
    return f"{said}; see that Python 3 runs there, with ansible_python_interpreter if it has another name"


class TftpHost:
    """One TFTP host. `variables` are its variables in the inventory; `check` is whether the run is a dry run, `loads` the rule."""

    def __init__(self, name: str, variables: Mapping[str, Any], execute: Execute, check: bool, loads: str = "refuse") -> None:
        self.name = name
        self._variables = variables
        self._execute = execute
        self._check = check
        self._loads = loads

    def point(
        self,
        image: str,
        run: str,
        verify_files: bool,
        *,
        look: bool = False,
        only: Collection[str] | None = None,
        hold: Mapping[str, str] | None = None,
        phones: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Point the files of the TFTP root at an image, as the module image_version does; with `look`, only see what would change.

        `only`: MACs of the phones whose own files are pointed; `hold`: MAC → image to pin a phone to; `phones`: MAC → image that a phone
        of the run has now, "" if that is not known. That some of them would not get there is no failure. Raises TftpHostError.
        """
        arguments = {
            **self._root("tftp_user"),
            "image": image,
            "verify_files": verify_files,
            "run": run,
            "differences": DIFFERENCES,
            "only": None if only is None else list(only),
            "hold": dict(hold or {}),
            "phones": dict(phones or {}),
            "skip_blocked": True,
            "loads": self._loads,
        }
        return self._ask("image_version", arguments, look, "would_move")

    def put_back(
        self,
        undo: Mapping[str, str],
        run: str = "",
        *,
        look: bool = False,
        force: bool = False,
        phones: Mapping[str, str] | None = None,
        loader: str = "",
    ) -> Mapping[str, Any]:
        """Put back what was changed, as the module tftp_root_undo does. Raises TftpHostError.

        `undo`: its option `run` or `since_run`; empty for what the last run did. `run`: the run that does this. `phones`: MAC → what it
        runs now, of the phones that shall come back. `loader`: what OS79XX.TXT is to name meanwhile.
        """
        arguments = {
            **self._root("tftp_user"),
            **undo,
            "by_run": run or None,
            "phones": phones,
            "loader": loader or None,
            "differences": DIFFERENCES,
            "required": False,
            "force": force,
        }
        return self._ask("tftp_root_undo", arguments, look, "named")

    def configure(self, wish: Mapping[str, Any], run: str, *, look: bool = False) -> Mapping[str, Any]:
        """See to it that phones read these settings, as the module phone_config does; with `look`, only see what would change.

        `wish`: its options settings, secrets and phones. Raises TftpHostError.
        """
        arguments = {**self._root("tftp_user"), **with_hidden_secrets(wish), "run": run, "differences": DIFFERENCES}
        return self._ask("phone_config", arguments, look, "phones")

    def ledger(self, action: str, run: str, **told: Any) -> Mapping[str, Any]:
        """Look into the ledger of its root, or write it, as the module rollout_ledger does. Raises TftpHostError."""
        return self._ask("rollout_ledger", {**self._root(), "action": action, "run": run, "told": told}, False, "ledger")

    @property
    def who(self) -> str:
        """Who runs this: by AWX's or Automation Platform's variables of the job, or else this process's user."""
        named = (self._variables.get(f"{prefix}_user_name") for prefix in ("awx", "tower"))
        return one_line(next(filter(None, named), None) or me().partition(" ")[2], 100)

    @property
    def verifies_tftp(self) -> bool:
        """Whether its variables say that a rollout asks its TFTP server first."""
        return flag(self._variables, "cisco79xx_verify_tftp")

    def verify_tftp(self, image: str) -> list[str]:
        """Ask its TFTP server for the files of an image, or without one of all that files name: lines for people.

        Raises TftpHostError if what phones get is not what is in the root.
        """
        named = {name: self._variables.get(f"cisco79xx_{name}") for name in ("tftp_root", "tftp_user", "tftp_address", "tftp_port")}
        arguments = {**named, "phones": False, "verify_tftp": True, "image": image or None}
        served = self._ask("tftp_root_info", arguments, True, "served")["served"]
        if served["faults"]:
            raise TftpHostError(f"TFTP host {self.name}: {'; '.join(first_some([one_line(text, 1000) for text in served['faults']]))}")
        return _tftp_server.lines(_tftp_server.from_here(served, self._variables.get("ansible_connection")))

    def read_log(self, since: float, phones: Collection[str] | None = None) -> Mapping[str, Any]:
        """What the TFTP server's log says of these phones (MACs or addresses), or of all, in the last `since` seconds, as the module
        tftp_log_info does. Raises TftpHostError."""
        where = next(
            (
                {option: self._variables[variable]}
                for option, variable in (("path", "cisco79xx_tftp_log"), ("unit", "cisco79xx_tftp_unit"))
                if self._variables.get(variable)
            ),
            {},
        )
        wanted = None if phones is None else list(phones)
        arguments = {"since": f"{since:.0f}s", "phones": wanted, "tftp_root": self._variables.get("cisco79xx_tftp_root"), **where}
        return self._ask("tftp_log_info", arguments, True, "phones")

    def _root(self, *more: str) -> dict[str, Any]:
        named = {name: self._variables.get(f"cisco79xx_{name}") for name in ("state_dir", *more)}
        return {"tftp_root": self._variables["cisco79xx_tftp_root"], **{name: value for name, value in named.items() if value is not None}}

    def _ask(self, module: str, arguments: dict[str, Any], look: bool, expected: str) -> Mapping[str, Any]:
        """`expected`: a key that only the result of a success has. Raises TftpHostError."""
        arguments = {name: value for name, value in arguments.items() if value is not None}
        result = self._execute(f"voip.cisco79xx.{module}", arguments, look or self._check)
        if expected in result and not result.get("failed"):
            return result
        why = why_failed(result)
        raise TftpHostError(f"TFTP host {self.name}{'' if why.startswith(UNREACHED) else ':'} {why}")
