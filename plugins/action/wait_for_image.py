# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils.image import parse_application
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.action import PHONES_SPEC, Arguments, ControllerAction

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **PHONES_SPEC,
        "image": {"type": "str", "required": True},
        "timeout": {"type": "float", "default": 600},
        "poll_interval": {"type": "float", "default": 15},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        target = parse_application(arguments["image"])
        if arguments["timeout"] < 0 or arguments["poll_interval"] <= 0:
            raise AnsibleActionFail("timeout cannot be negative, and poll_interval has to be more than 0")
        check = self._task.check_mode
        results = fleet.wait(
            self.phones(arguments["phones"]),
            self.pace(arguments),
            target=target,
            timeout=0 if check else arguments["timeout"],
            poll_interval=arguments["poll_interval"],
            progress=display.display,
        )
        missed = {name: result["reason"] for name, result in results.items() if not result["on_target"]}
        outcome: dict[str, Any] = {"changed": False, "phones": results}
        if missed and not check:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in missed.items())
            outcome.update(failed=True, msg=f"{len(missed)} of {len(results)} phones are not on {target}. {reasons}")
        return outcome
