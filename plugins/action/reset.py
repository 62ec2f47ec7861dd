# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import Image
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import PHONES_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet


class ActionModule(ControllerAction):
    ARGUMENTS = {**PHONES_SPEC, "unless_image": {"type": "str"}, "unless_images": {"type": "dict"}, "accept_unknown_mac": {"type": "bool"}}

    def work(self, arguments: Arguments) -> dict[str, Any]:
        phones = self.phones(arguments["phones"])
        if arguments["accept_unknown_mac"]:
            phones = [replace(phone, accept_unknown_mac=True) for phone in phones]
        given = (arguments["unless_image"], arguments["unless_images"])
        unless = None if given == (None, None) else self.targets(phones, *given)
        pace = self.pace(arguments)
        if self._task.check_mode:
            observed = fleet.observe(phones, pace)
            results = {name: _prediction(observation, unless[name] if unless else None) for name, observation in observed.items()}
        else:
            results = fleet.reset(phones, pace, unless=unless)
        missed = {name: answer.reason for name, answer in results.items() if answer.reason}
        outcome: dict[str, Any] = {
            "changed": any(answer.sent for answer in results.values()),
            "phones": {name: asdict(answer) for name, answer in results.items()},
            "awaited": [name for name, answer in results.items() if answer.sent or answer.kind in fleet.MAY_BE_RESTARTING],
        }
        if missed:
            outcome.update(failed=True, msg="; ".join(f"{name} was not reset: {reason}" for name, reason in missed.items()))
        return outcome


def _prediction(observation: fleet.Observation, unless: Image | None) -> fleet.ResetAnswer:
    """The answer that a phone would give, in check mode."""
    already = unless is not None and fleet.runs(observation.image, unless)
    return fleet.ResetAnswer(
        sent=observation.kind is None and not already,
        already=already,
        image=observation.image,
        mac=observation.mac,
        kind=None if already else observation.kind,
        reason=None if already else observation.reason,
    )
