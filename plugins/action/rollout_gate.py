# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils import rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import clock
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.resume import Resume


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "plan": {"type": "dict", "required": True},
        "wave": {"type": "int", "required": True},
        "report_dir": {"type": "path", "required": True},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        plan, before = arguments["plan"], arguments["wave"] - 1
        first = plan["waves"][0]["number"]
        why = ""
        if arguments["wave"] > first and before in plan["rules"]["pause_after"]:
            why = f"paused after wave {before}, as asked (pause_after): look at the phones, and run it again to go on"
        elif not self._task.check_mode:
            closed = clock.closed(plan["rules"]["window"], plan["zones"])
            why = f"{closed}: wave {arguments['wave']} does not begin; run it again when the window is open" if closed else ""
        if not why or self._task.check_mode:
            return {"changed": False, "paused_after": None}
        moved = sum(len(wave["phones"]) for wave in plan["waves"] if wave["number"] <= before)
        Resume(Path(arguments["report_dir"])).paused(plan["image"], before, plan["moved_before"] + moved)
        return {"changed": False, "failed": True, "msg": f"{rollout.so_far(plan, before)}{why}", "paused_after": before}
