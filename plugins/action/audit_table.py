# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.audit import inventory_table, table
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import AUDIT, Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import written
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import begin
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_server import from_here

MOST_AT_ONCE = 32
"""TFTP servers that are asked from here."""


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "roots": {"type": "dict", "required": True},
        "mended": {"type": "dict", "default": {}},
        "phones_group": {"type": "str", "default": "phones"},
        "tftp_group": {"type": "str", "default": "tftp_servers"},
        "report_dir": {"type": "path"},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        roots = dict(arguments["roots"])
        variables = self._task_vars
        asked = {host: variables["hostvars"][host].get("ansible_connection") for host, root in roots.items() if root.get("served")}
        with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
            served = threads.map(lambda host: from_here(roots[host]["served"], asked[host]), asked)
            roots |= {host: {**roots[host], "served": one} for host, one in zip(asked, served, strict=True)}
        inventory = begin.Inventory(variables["hostvars"], variables["groups"], variables.get("ansible_limit"), arguments["phones_group"])
        found = begin.findings(inventory, arguments["tftp_group"], roots)
        unmended = {host: str(answer["msg"]) for host, answer in arguments["mended"].items() if "repaired" not in answer}
        shown = "\n\n".join([inventory_table(found), *(table(host, root, unmended.get(host, "")) for host, root in roots.items())])
        unread = [host for host, root in roots.items() if "summary" not in root]
        faults = {host: root["summary"]["faults"] for host, root in roots.items() if host not in unread}
        result: dict[str, Any] = {
            "changed": False,
            "unread": unread,
            "unmended": list(unmended),
            "faults": faults,
            "inventory_faults": list(found.faults),
        }
        try:
            if arguments["report_dir"] is not None:
                told = {"roots": {host: _told(root, unmended.get(host)) for host, root in roots.items()}, "inventory": asdict(found)}
                place = Place(Path(arguments["report_dir"]), "audit", time.time())
                written(arguments["report_dir"], lambda _folder: place.write({AUDIT: json.dumps(told, indent=2) + "\n"}))
                result["path"] = str(place.top(AUDIT))
                shown += f"\nall of it: {result['path']}"
        finally:
            self.say(shown)  # last, as the run ends if nobody reads it
        return result


def _told(root: dict[str, Any], unmended: str | None) -> dict[str, Any]:
    """A result of tftp_root_info without what Ansible adds to it, and why what a killed run left could not be mended."""
    if "summary" not in root:
        return {"error": str(root.get("msg") or "nothing was found out")}
    added = ("ansible_facts", "changed", "deprecations", "failed", "failed_when_result", "invocation", "warnings")
    return {**{key: value for key, value in root.items() if key not in added}, **({"unmended": unmended} if unmended else {})}
