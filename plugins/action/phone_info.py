# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import PHONES_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet


class ActionModule(ControllerAction):
    ARGUMENTS = PHONES_SPEC

    def work(self, arguments: Arguments) -> dict[str, Any]:
        phones = self.phones(arguments["phones"])
        observed = fleet.observe(phones, self.pace(arguments))
        results = {phone.name: {**asdict(observed[phone.name]), "host": phone.host, "hold": phone.hold} for phone in phones}
        for result in results.values():
            del result["unregistered"]  # only a rollout asks for it
        return {"changed": False, "phones": results}
