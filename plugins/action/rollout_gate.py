# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import clock
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.resume import Resume


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "wave": {"type": "int", "required": True},
        "first": {"type": "int", "required": True},
        "last": {"type": "int", "required": True},
        "image": {"type": "str", "required": True},
        "rules": {"type": "dict", "required": True},
        "zones": {"type": "list", "elements": "str", "default": []},
        "moved": {"type": "int", "default": 0},
        "fleet": {"type": "str", "required": True},
        "report_dir": {"type": "path", "required": True},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        wave, before, rules = arguments["wave"], arguments["wave"] - 1, arguments["rules"]
        why = ""
        if wave > arguments["first"] and before in rules["pause_after"]:
            why = f"paused after wave {before}, as asked (pause_after): look at the phones, and run it again to go on"
        elif closed := clock.closed(rules["window"], arguments["zones"]):
            why = f"{closed}: wave {wave} does not begin; run it again when the window is open"
        if not why or self._task.check_mode:
            return {"changed": False, "paused_after": None}
        Resume(Path(arguments["report_dir"])).paused(arguments["image"], arguments["fleet"], before, arguments["moved"])
        done = f"{before} of {arguments['last']} waves to {arguments['image']} are done; " if before else ""
        return {"changed": False, "failed": True, "msg": f"{done}{why}", "paused_after": before}
