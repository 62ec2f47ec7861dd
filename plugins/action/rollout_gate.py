# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils import rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.action import Arguments, ControllerAction

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "plan": {"type": "dict", "required": True},
        "wave": {"type": "int", "required": True},
        "resets": {"type": "dict", "required": True},
        "waits": {"type": "dict", "required": True},
        "max_fail_percentage": {"type": "float", "default": 0},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        gate = rollout.gate(arguments["wave"], arguments["plan"], arguments["resets"], arguments["waits"], arguments["max_fail_percentage"])
        if not gate["stop"]:
            display.display(gate["message"])
        return {"changed": False, "failed": gate["stop"], "msg": gate["message"], "failed_phones": gate["failed"]}
