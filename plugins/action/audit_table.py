# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.audit import table
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import AUDIT, Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_server import from_here

MOST_AT_ONCE = 32
"""TFTP servers that are asked from here."""


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "roots": {"type": "dict", "required": True},
        "report_dir": {"type": "path"},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        roots = dict(arguments["roots"])
        asked = {host: self._task_vars["hostvars"][host].get("ansible_connection") for host, root in roots.items() if root.get("served")}
        with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
            served = threads.map(lambda host: from_here(roots[host]["served"], asked[host]), asked)
            roots |= {host: {**roots[host], "served": one} for host, one in zip(asked, served, strict=True)}
        shown = "\n\n".join(table(host, root) for host, root in roots.items())
        result: dict[str, Any] = {"changed": False}
        try:
            if arguments["report_dir"]:
                place = Place(Path(arguments["report_dir"]), "audit", time.time())
                told = {host: _without_ansible(root) for host, root in roots.items()}
                place.write({AUDIT: json.dumps({"roots": told}, indent=2) + "\n"})
                result["path"] = str(place.top(AUDIT))
                shown += f"\nall of it: {result['path']}"
        finally:
            self.say(shown)  # last, as the run ends if nobody reads it
        return result


def _without_ansible(root: dict[str, Any]) -> dict[str, Any]:
    """A result of tftp_root_info without what Ansible adds to it."""
    if "summary" not in root:
        return {"error": str(root.get("msg") or "nothing was found out")}
    added = ("ansible_facts", "changed", "deprecations", "failed", "failed_when_result", "invocation", "warnings")
    return {key: value for key, value in root.items() if key not in added}
