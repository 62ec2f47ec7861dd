# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils import rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.files import write_whole

display = Display()


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "report_dir": {"type": "path", "required": True},
        "image": {"type": "str", "required": True},
        "phones": {"type": "list", "elements": "str", "default": []},
        "plan": {"type": "dict"},
        "resets": {"type": "dict", "default": {}},
        "waits": {"type": "dict", "default": {}},
        "given_back": {"type": "dict", "default": {}},
        "reached": {"type": "int", "default": 0},
        "stopped": {"type": "bool", "default": False},
        "error": {"type": "str", "default": ""},
        "started": {"type": "str"},
        "unfinished": {"type": "bool", "default": False},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        folder = Path(arguments.pop("report_dir"))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        unfinished = arguments.pop("unfinished")
        arguments["started"] = arguments["started"] or now
        if unfinished:
            arguments["error"] = "the run did not come to its end: it was refused before it began, or interrupted"
        names = arguments.pop("phones")
        hostvars = self._task_vars["hostvars"]
        report = rollout.report(
            names=names,
            hosts={name: str(hostvars[name].get("ansible_host") or name) for name in names},
            check_mode=bool(self._task.check_mode),
            ended=now,
            **arguments,
        )
        target = folder / "report.json"
        write_whole(target, json.dumps(report, indent=2) + "\n")
        message = f"{rollout.summary(report)}; see {target}"
        if not unfinished:
            display.display(message)
        off = {
            name: f"{name} {phone['status']}: {phone['reason']}"
            for name, phone in report["phones"].items()
            if not arguments["error"] and phone["status"] in (rollout.FAILED, rollout.BLOCKED) and not phone["held"]
        }
        return {"changed": False, "msg": message, "off_target": off, "path": str(target)}
