# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import GIVEN_BACK
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import publish, summary_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    BLOCKED,
    FAILED,
    RunReport,
    file_changes,
    unix_seconds,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import Resume
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.running_report import RunningReport
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
        folder = Path(arguments["report_dir"])
        finished = not arguments["unfinished"]
        state = State.load(arguments["run"]) if arguments["run"] else State("")
        state.names = state.names or arguments["phones"]
        if state.started is None and arguments["started"]:
            state.started = unix_seconds(arguments["started"])
        error = arguments["error"] if finished else "the run did not come to its end: it was refused before it began, or interrupted"
        about = RunReport(
            arguments["image"],
            {},
            finished=finished,
            check_mode=bool(self._task.check_mode),
            stopped_at=state.reached if arguments["stopped"] else None,
            stop_reason=arguments["stop_reason"],
            paused_after=arguments["paused_after"],
            error=error,
            files=file_changes(arguments["files"]),
        )
        report = RunningReport(folder, state, about, self._addresses(state)).write()
        message = f"{summary_line(report)}; see {folder / 'report.html'}"
        if finished:
            self.say(message)
            publish(report)
            early = arguments["stopped"] or error or report.paused_after is not None
            given_back = any(outcome.kind == GIVEN_BACK for outcome in report.phones.values())
            if given_back or not (early or report.check_mode):
                Resume(folder).finished()
            state.remove()
        off_target = {
            name: f"{name} {outcome.status}: {outcome.reason}"
            for name, outcome in report.phones.items()
            if not error and outcome.status in (FAILED, BLOCKED) and not outcome.held
        }
        return {"changed": False, "msg": message, "off_target": off_target, "path": str(folder / "report.json")}

    def _addresses(self, state: State) -> dict[str, str]:
        """Name → address, also of phones that could not be observed because the run ended before."""
        hostvars = self._task_vars["hostvars"]
        return {
            name: state.logins[name]["host"] if name in state.logins else str(hostvars[name].get("ansible_host") or name)
            for name in state.names
        }
