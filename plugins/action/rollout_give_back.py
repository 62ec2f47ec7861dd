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
        restarted = {name: outcome for name, outcome in state.outcomes.items() if outcome.reset_at is not None and outcome.image_before}
        phones = self.phones(list(restarted), state.logins)
        targets = self.targets(phones, None, {name: outcome.image_before or "" for name, outcome in restarted.items()})
        pace = self.pace(arguments)
        answers = fleet.reset(phones, pace, unless=targets)
        patience = fleet.Patience(state.rules.wait_timeout)
        for name, result in fleet.wait(phones, pace, targets=targets, patience=patience, progress=self.say).items():
            state.outcomes[name] = restarted[name].given_back(result.image, result.reason)
        state.save()
        return {"changed": any(answer.sent for answer in answers.values())}
