# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleActionFail

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import PHONES_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **PHONES_SPEC,
        "image": {"type": "str"},
        "images": {"type": "dict"},
        "timeout": {"type": "float", "default": 600},
        "poll_interval": {"type": "float", "default": 15},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        if (arguments["image"] is None) == (arguments["images"] is None):
            raise AnsibleActionFail("give either image or images")
        if arguments["timeout"] < 0 or arguments["poll_interval"] <= 0:
            raise AnsibleActionFail("timeout cannot be negative, and poll_interval has to be more than 0")
        check = self._task.check_mode
        phones = self.phones(arguments["phones"])
        results = fleet.wait(
            phones,
            self.pace(arguments),
            targets=self.targets(phones, arguments["image"], arguments["images"]),
            patience=fleet.Patience(0 if check else arguments["timeout"], None, arguments["poll_interval"]),
            progress=self.say,
        )
        missed = {name: result.reason for name, result in results.items() if not result.on_target}
        outcome: dict[str, Any] = {"changed": False, "phones": {name: asdict(result) for name, result in results.items()}}
        if missed and not check:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in missed.items())
            wanted = arguments["image"] or "their image"
            outcome.update(failed=True, msg=f"{len(missed)} of {len(results)} phones are not on {wanted}. {reasons}")
        return outcome
