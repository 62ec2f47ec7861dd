# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import PHONES_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet


class ActionModule(ControllerAction):
    ARGUMENTS = {**PHONES_SPEC, "unless_image": {"type": "str"}, "unless_images": {"type": "dict"}}

    def work(self, arguments: Arguments) -> dict[str, Any]:
        phones = self.phones(arguments["phones"])
        given = (arguments["unless_image"], arguments["unless_images"])
        unless = None if given == (None, None) else self.targets(phones, *given)
        pace = self.pace(arguments)
        if self._task.check_mode:
            results = fleet.observe(phones, pace)
            for name, result in results.items():
                already = unless is not None and fleet.runs(result["image"], unless[name])
                result.update(sent=result.pop("reachable") and not already, already=already, deferred=False)
        else:
            results = fleet.reset(phones, pace, unless=unless)
        missed = {name: result["reason"] for name, result in results.items() if result["reason"]}
        outcome: dict[str, Any] = {
            "changed": any(result["sent"] for result in results.values()),
            "phones": results,
            "awaited": [name for name, result in results.items() if result["sent"] or result["kind"] in fleet.MAY_BE_RESTARTING],
        }
        if missed:
            outcome.update(failed=True, msg="; ".join(f"{name} was not reset: {reason}" for name, reason in missed.items()))
        return outcome
