# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import VERDICTS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import phones
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import diagnosis
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import DIAGNOSIS, DIAGNOSIS_PAGE, Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import written
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import link_timelines


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "logs": {"type": "dict", "required": True},
        "phones": {"type": "list", "elements": "str", "default": []},
        "only": {"type": "bool", "default": False},
        "verdict": {"type": "list", "elements": "str", "choices": list(VERDICTS), "default": []},
        "strict": {"type": "bool", "default": False},
        "report_dir": {"type": "path"},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        logs = arguments["logs"]
        inventory = phones(arguments["phones"], self._task_vars["hostvars"], to_log_in=False)
        rows = diagnosis.diagnose(logs, inventory, arguments["only"], arguments["verdict"])
        unwell = diagnosis.unwell(rows, arguments["strict"])
        shown = diagnosis.table(logs, rows)
        result: dict[str, Any] = {"changed": False, "unwell": unwell}
        try:
            if arguments["report_dir"] is not None:
                place = Place(Path(arguments["report_dir"]), "diagnose", time.time())
                page = diagnosis.html(logs, rows, len(unwell))
                files = {DIAGNOSIS: json.dumps(diagnosis.record(logs, rows), indent=2) + "\n", DIAGNOSIS_PAGE: page}

                def write(folder: Path) -> None:
                    place.write(files)
                    link_timelines(folder)

                written(arguments["report_dir"], write)
                result["path"] = str(place.top(DIAGNOSIS_PAGE))
                shown += f"\nall of it: {result['path']}"
        finally:
            self.say(shown)  # last, as the run ends if nobody reads it
        return result
