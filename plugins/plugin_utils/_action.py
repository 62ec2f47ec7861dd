# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins share: arguments in, phones found, faults as one clear failure, results out."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.validation import check_type_dict, check_type_list
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import Image, ImageNameError, parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.keys import is_secret
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import MASK, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, phones, restore
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._output import Output
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Pace
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import NO_TELNETLIB3, TELNETLIB3_ERROR, Limits, Phone

SESSIONS_SPEC: dict[str, dict[str, Any]] = {
    "max_sessions": {"type": "int", "default": 500},
    "connect_timeout": {"type": "float", "default": 10},
    "login_timeout": {"type": "float", "default": 20},
    "command_timeout": {"type": "float", "default": 20},
}
PHONES_SPEC: dict[str, dict[str, Any]] = {"phones": {"type": "list", "elements": "str"}, **SESSIONS_SPEC}

GARBAGE = 20_000
"""Objects between two searches for garbage. With as few as Python begins with, a login takes a third more time."""
NOT_FOR_PEOPLE = ("json", "jsonl", "null")
"""Stdout callbacks whose output a program reads."""

Arguments = dict[str, Any]
display = Display()


class Hidden(str):
    """A secret that is not shown where Ansible shows what holds it, as it does of a module's arguments with ANSIBLE_DEBUG."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def with_hidden_secrets(arguments: Mapping[str, Any], where: str = "") -> Arguments:
    """Arguments of the module phone_config, or of one of its phones, as they are to be handed on. Raises AnsibleActionFail.

    A secret that is not under `secrets` is left out: it is refused by its key, and must not get into the log of the TFTP host, where the
    module's other arguments are written down. So is what no file can hold, whatever is in it. `where`: for people.
    """
    hidden: Arguments = {}
    for name, value in arguments.items():
        if value is None:
            hidden[name] = None
        elif name == "secrets":
            hidden[name] = {key: _hidden(secret) for key, secret in _mapping(value, where + name).items()}
        elif name == "settings":
            hidden[name] = {key: _setting(str(key), setting) for key, setting in _mapping(value, where + name).items()}
        elif name == "phones" and not where:
            phones = check_type_list(value) if isinstance(value, str) else value
            if not isinstance(phones, list):
                raise AnsibleActionFail("phones has to be a list, with a mapping for each phone")
            hidden[name] = [with_hidden_secrets(_mapping(phone, f"phones[{at}]"), f"phones[{at}].") for at, phone in enumerate(phones)]
        elif isinstance(value, (Mapping, list)):
            raise AnsibleActionFail(f"{where}{one_line(name, 60)} takes no list and no mapping")
        else:
            hidden[name] = MASK if is_secret(str(name)) else value
    return hidden


def _mapping(value: Any, name: str) -> Mapping[Any, Any]:
    """What Ansible makes of a value where a mapping belongs, as `key=value` and JSON are. Raises AnsibleActionFail, without the value."""
    try:
        found = check_type_dict(value) if isinstance(value, str) else value
    except TypeError:
        found = None
    if not isinstance(found, Mapping):
        raise AnsibleActionFail(f"{name} has to be a mapping")
    return found


def _hidden(secret: Any) -> Any:
    """A secret that is not shown. What no file can hold is none, and told as that by the module."""
    if isinstance(secret, bool):
        return secret
    return Hidden(secret) if isinstance(secret, (str, int)) else None


def _setting(name: str, value: Any) -> Any:
    """What is no secret."""
    if is_secret(name):
        return MASK
    return value if isinstance(value, (str, int, float)) else None


class ControllerAction(ActionBase):
    """An action that does all its work on the controller. Subclasses set ARGUMENTS and write `work`."""

    ARGUMENTS: dict[str, dict[str, Any]] = {}
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task_vars = task_vars or {}
        self.output = Output()
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        # What Ansible holds of a large inventory is not to be searched for garbage again and again, and a login leaves hundreds of
        # objects behind
        gc.freeze()
        gc.set_threshold(GARBAGE, 20)
        _validated, arguments = self.validate_argument_spec(argument_spec=self.ARGUMENTS)
        try:
            result.update(self.work(arguments))
        except (ImageNameError, RolloutError, InventoryError, WindowError, OSError) as error:
            raise AnsibleActionFail(str(error)) from None
        finally:
            self.output.settle()
        return result

    def work(self, arguments: Arguments) -> dict[str, Any]:
        """The action's result."""
        raise NotImplementedError

    @property
    def for_programs(self) -> bool:
        """Whether a program reads what Ansible prints."""
        return constants.DEFAULT_STDOUT_CALLBACK.rpartition(".")[2] in NOT_FOR_PEOPLE

    def say(self, line: str) -> None:
        """Show people a line. Once nobody reads it, the run ends."""
        self.output.end_unread()
        if not self.for_programs and self.output.takes_a_line():
            display.display(line)

    def phones(self, names: list[str] | None, logins: Mapping[str, Any] | None = None) -> list[Phone]:
        """The phones named, or the task's own host. `logins`: as of `_inventory.logins`, where they were read before."""
        if TELNETLIB3_ERROR:
            raise AnsibleActionFail(NO_TELNETLIB3) from TELNETLIB3_ERROR
        chosen = [self._task_vars["inventory_hostname"]] if names is None else names
        hostvars = self._task_vars["hostvars"]
        return phones(chosen, hostvars) if logins is None else restore(chosen, logins, hostvars)

    @staticmethod
    def pace(arguments: Arguments) -> Pace:
        for name in ("max_sessions", "connect_timeout", "login_timeout", "command_timeout"):
            if arguments[name] <= 0:
                raise AnsibleActionFail(f"{name} is {arguments[name]:g}: it has to be more than 0")
        limits = Limits(arguments["connect_timeout"], arguments["login_timeout"], arguments["command_timeout"])
        return Pace(arguments["max_sessions"], limits)

    @staticmethod
    def targets(phones: list[Phone], image: str | None, images: dict[str, str] | None) -> dict[str, Image]:
        """The image of each phone, from one for all or one for each."""
        if images is None:
            shared = parse_application(image or "")
            return dict.fromkeys((phone.name for phone in phones), shared)
        missing = [phone.name for phone in phones if phone.name not in images]
        if missing:
            raise AnsibleActionFail(f"no image is given for {', '.join(missing)}")
        return {phone.name: parse_application(images[phone.name]) for phone in phones}
