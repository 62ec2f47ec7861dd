# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import quote
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import VERDICTS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import EMPTY
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import begin, rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError

TYPES = {
    "strict": "bool",
    "verify_tftp": "bool",
    "max_seconds": "float",
    "max_megabytes": "float",
    "report_dir": "path",
    "verdict": "list",
}
"""Option → its type."""


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "options": {"type": "dict", "required": True},
        "tftp_group": {"type": "str", "required": True},
        "limited": {"type": "bool", "default": False},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        wrong: list[str] = []
        for name, value in arguments["options"].items():
            try:
                _check(name, value)
            except RolloutError as error:
                wrong.append(str(error))
        groups, limit = self._task_vars["groups"], self._task_vars.get("ansible_limit") if arguments["limited"] else None
        group = arguments["tftp_group"]
        hosts = set(groups.get(group, ()))
        if not (hosts & set(self._task_vars["ansible_play_hosts_all"]) if arguments["limited"] else hosts):
            wrong.append(begin.why_nobody(group, groups, "TFTP host", "tftp_group", limit))
        if wrong:
            raise RolloutError("; ".join(wrong))
        return {"changed": False}


def _check(name: str, value: object) -> None:
    """Raises RolloutError."""
    if value is None:
        return
    made = rules.in_type(name, {"type": TYPES[name]}, value)
    if name == "report_dir" and not made:
        raise RolloutError(f"{name} {EMPTY}")
    for verdict in made if name == "verdict" else ():
        if verdict not in VERDICTS:
            raise RolloutError(f"verdict: there is no {quote(verdict)}; there are {', '.join(VERDICTS)}")
