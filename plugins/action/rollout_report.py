# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import Reporter, publish, summary_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import BLOCKED, FAILED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import Resume
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "run": {"type": "str"},
        "report_dir": {"type": "path", "required": True},
        "image": {"type": "str", "required": True},
        "phones": {"type": "list", "elements": "str", "default": []},
        "started": {"type": "str"},
        "files": {"type": "list", "elements": "dict", "default": []},
        "stopped": {"type": "bool", "default": False},
        "stop_reason": {"type": "str", "default": ""},
        "paused_after": {"type": "int"},
        "error": {"type": "str", "default": ""},
        "unfinished": {"type": "bool", "default": False},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        folder = Path(arguments.pop("report_dir"))
        finished = not arguments.pop("unfinished")
        run = arguments.pop("run")
        state = State.load(run) if run else State("")
        names, started = arguments.pop("phones"), arguments.pop("started")
        state.names = state.names or names
        state.started = state.started or started or ""
        if not finished:
            arguments["error"] = "the run did not come to its end: it was refused before it began, or interrupted"
        reporter = Reporter(folder, self._task_vars["hostvars"], state, {**arguments, "check_mode": bool(self._task.check_mode)})
        report = reporter.write(finished=finished)
        message = f"{summary_line(report)}; see {folder / 'report.html'}"
        if finished:
            self.say(message)
            publish(report)
            early = arguments["stopped"] or arguments["error"] or arguments["paused_after"] is not None
            if state.given_back or not (early or self._task.check_mode):
                Resume(folder).finished()
            state.remove()
        off = {
            name: f"{name} {outcome.status}: {outcome.reason}"
            for name, outcome in report.phones.items()
            if not arguments["error"] and outcome.status in (FAILED, BLOCKED) and not outcome.held
        }
        return {"changed": False, "msg": message, "off_target": off, "path": str(reporter.path)}
