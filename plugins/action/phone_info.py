# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import PHONES_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone


class ActionModule(ControllerAction):
    ARGUMENTS = PHONES_SPEC

    def work(self, arguments: Arguments) -> dict[str, Any]:
        phones = self.phones(arguments["phones"])
        observed = fleet.observe(phones, self.pace(arguments))
        return {"changed": False, "phones": {phone.name: _result(phone, observed[phone.name]) for phone in phones}}


def _result(phone: Phone, observation: fleet.Observation) -> dict[str, Any]:
    """As documented by the module."""
    return {
        "reachable": observation.reachable,
        "image": observation.image,
        "mac": observation.mac,
        "kind": observation.kind,
        "reason": observation.reason,
        "host": phone.host,
        "hold": phone.hold,
    }
