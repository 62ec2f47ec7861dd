# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils import image, rollout, scope
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.inventory import phones

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "image": {"type": "str"},
        "named": {"type": "dict"},
        "observed": {"type": "dict", "required": True},
        "direction": {"type": "str", "choices": [rollout.UPGRADE, rollout.DOWNGRADE, rollout.ANY], "default": rollout.ANY},
        "waves": {"type": "raw", "required": True},
        "force": {"type": "bool", "default": False},
        "skip_blocked": {"type": "bool", "default": False},
        "scope": {"type": "str", "choices": list(scope.SCOPES), "default": scope.ALL},
        "accept_others": {"type": "bool", "default": False},
        "site_of": {"type": "dict", "required": True},
        "would_move": {"type": "dict", "default": {}},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        name, named = arguments.pop("image"), arguments.pop("named")
        reach = {name: arguments.pop(name) for name in ("scope", "accept_others", "site_of", "would_move")}
        hostvars = self._task_vars["hostvars"]
        observed = arguments.pop("observed")
        held = {name for name in self._task_vars["groups"]["all"] if boolean(hostvars[name].get("hold", False), strict=False)}
        elsewhere = phones(held - set(observed), hostvars, to_log_in=False)
        reach["held_elsewhere"] = {phone.mac for phone in elsewhere if phone.mac}
        reach["pinning"] = named is None
        if named is None:
            targets = dict.fromkeys(observed, image.parse_application(name or ""))
        else:
            targets = scope.named_targets(observed, named, reach["site_of"])
        label = name or "what the files named before"
        try:
            plan = scope.apart(rollout.plan(targets, observed, label=label, held=held, **arguments), **reach)
        except rollout.RolloutError as error:
            # Not a failure yet: its result would be shown, and the plan of thousands of phones with it
            return {"changed": False, "plan": error.plan, "refused": str(error), "msg": []}
        lines = rollout.outline(plan) + scope.outline(plan)
        for line in lines:
            display.display(line)
        return {"changed": False, "plan": plan, "refused": "", "msg": lines}
