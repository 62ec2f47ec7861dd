# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import RUN_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import Resume
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **RUN_SPEC,
        "wave": {"type": "int", "required": True},
        "report_dir": {"type": "path", "required": True},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        state, wave, before = State.load(arguments["run"]), arguments["wave"], arguments["wave"] - 1
        plan = state.made_plan
        why = ""
        if wave > plan.waves[0].number and before in state.rules.pause_after:
            why = f"paused after wave {before}, as asked (pause_after): look at the phones, and run it again to go on"
        elif closed := window.why_closed(state.rules.window, state.zones):
            why = f"{closed}: wave {wave} does not begin; run it again when the window is open"
        if not why or self._task.check_mode:
            return {"changed": False, "paused_after": None}
        moved = state.moved_before + sum(len(one.phones) for one in plan.waves if one.number < wave)
        Resume(Path(arguments["report_dir"])).paused(plan.image, state.fleet, before, moved)
        done = f"{before} of {plan.waves[-1].number} waves to {plan.image} are done; " if before else ""
        return {"changed": False, "failed": True, "msg": f"{done}{why}", "paused_after": before}
