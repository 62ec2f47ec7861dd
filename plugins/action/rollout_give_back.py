# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import RUN_SPEC, SESSIONS_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **SESSIONS_SPEC,
        **RUN_SPEC,
    }

    _supports_check_mode = False

    def work(self, arguments: Arguments) -> dict[str, Any]:
        state = State.load(arguments["run"])
        before = {name: phone["image_before"] for name, phone in state.plan["phones"].items() if phone["image_before"]}
        restarted = {name for name, reset in state.resets.items() if reset["sent"]} | set(state.waits)
        phones = self.phones([name for name in before if name in restarted], state.logins)
        targets = self.targets(phones, None, before)
        pace = self.pace(arguments)
        resets = fleet.reset(phones, pace, unless=targets)
        patience = fleet.Patience(state.plan["rules"]["wait_timeout"])
        state.given_back = fleet.wait(phones, pace, targets=targets, patience=patience, progress=self.say)
        state.save()
        return {"changed": any(reset["sent"] for reset in resets.values())}
