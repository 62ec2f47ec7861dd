# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse_application
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import RUN_SPEC, SESSIONS_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import Reporter, publish
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import progress
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import Resume
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.wave import Interrupted, Order, Wave
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience, Result
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

display = Display()


class _Watcher:
    """Writes down what the next run has to know, and knows what the TFTP server's log says of the phones."""

    def __init__(
        self, resume: Resume, images: Mapping[str, str], awaited: Mapping[str, tuple[str, float]], addresses: Mapping[str, str]
    ) -> None:
        """`awaited`: MAC → name, and seconds since, of the phones that an earlier run has reset. `addresses`: IP address → MAC."""
        self._resume = resume
        self._images = images
        self._names = {mac: name for mac, (name, _seconds) in awaited.items()}
        self._since = {mac: time.monotonic() - seconds for mac, (_name, seconds) in awaited.items()}
        self._addresses = addresses
        self._suspected: dict[str, str] = {}
        self._causes: dict[str, Result] = {}

    def told(self, phone: Phone, about: str, result: Result) -> None:
        self._resume.told(phone, about, result, self._images[phone.name])
        if phone.mac and about == "sent":
            self._names[phone.mac] = phone.name
            self._since[phone.mac] = time.monotonic()
        elif phone.mac:
            self._names.pop(phone.mac, None)

    def cause(self, phone: Phone) -> Result | None:
        return self._causes.get(phone.name)

    def awaited(self) -> dict[str, float]:
        """The phones that were reset and have not ended: MAC → seconds since."""
        now = time.monotonic()
        return {mac: now - self._since[mac] for mac in list(self._names)}

    def sought(self, awaited: Collection[str]) -> list[str]:
        """As what these phones may stand in the log: 6.x and older ask for much before they tell their MAC."""
        return [*awaited, *(address for address, mac in self._addresses.items() if mac in awaited)]

    def learn(self, verdicts: Mapping[str, Mapping[str, Any]]) -> None:
        """Take what the log says, by MAC, or by address where it tells no MAC. What is only likely has to be said twice."""
        for key, verdict in verdicts.items():
            mac = self._addresses.get(key, key)
            name, what = self._names.get(mac), str(verdict["verdict"])
            if name is None or what not in rollout.HOPELESS or (mac != key and mac in verdicts):
                continue
            if (verdict["confidence"] == "certain" and mac == key) or self._suspected.get(name) == what:
                why = f"does not come back, by the TFTP server's log: {what.replace('_', ' ')} ({verdict['confidence']})"
                self._causes[name] = {"kind": what, "reason": why, "advice": str(verdict["advice"])}
            self._suspected[name] = what


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **SESSIONS_SPEC,
        "report_dir": {"type": "path", "required": True},
        "files": {"type": "list", "elements": "dict", "default": []},
        **RUN_SPEC,
        "wave": {"type": "int", "required": True},
        "poll_interval": {"type": "float", "default": 15},
        "progress": {"type": "bool", "default": True},
    }

    _supports_check_mode = False

    def work(self, arguments: Arguments) -> dict[str, Any]:
        state = State.load(arguments["run"])
        plan, number = state.plan, arguments["wave"]
        rules = plan["rules"]
        state.reached = number
        (wave,) = (one for one in plan["waves"] if one["number"] == number)
        seen = plan["phones"]
        # A phone that the inventory has no MAC of has told it when it was observed: another one in its place is not reset
        phones = [replace(phone, mac=phone.mac or seen[phone.name]["mac"]) for phone in self.phones(wave["reset"], state.logins)]
        resume = Resume(Path(arguments["report_dir"]))
        patience = Patience(rules["wait_timeout"], rules["call_timeout"], arguments["poll_interval"])
        order = Order(
            number=number,
            waves=plan["waves"][-1]["number"],
            phones=phones,
            targets={phone.name: parse_application(plan["images"][phone.name]) for phone in phones},
            awaited=resume.in_flight({phone.name: plan["images"][phone.name] for phone in phones}, patience),
            lost=dict.fromkeys(set(wave["phones"]) - set(wave["reset"]), rollout.UNSEEN),
            at_once=rules["max_unavailable"],
            down=sum(bool(wait.get("down")) and not wait["on_target"] for wait in state.waits.values()),
            soak_seconds=rules["soak_seconds"],
            require_registered=rules["require_registered"],
        )
        limits = rollout.Losses(**rules["losses"])
        before = rollout.earlier(number, plan, state.resets, state.waits)
        reporter = Reporter(
            Path(arguments["report_dir"]),
            self._task_vars["hostvars"],
            state,
            {"image": plan["image"], "files": arguments["files"]},
        )

        def stop(failed: Mapping[str, str], ended: int) -> str:
            return rollout.too_many(limits, failed, len(wave["phones"]), before["failed"], before["seen"] + ended)

        def known(running: Wave) -> dict[str, Any]:
            return {"resets": {**state.resets, **running.resets}, "waits": {**state.waits, **running.waits}}

        watcher = _Watcher(
            resume,
            plan["images"],
            {
                phone.mac: (phone.name, order.awaited[phone.name]["seconds"])
                for phone in phones
                if phone.mac and phone.name in order.awaited
            },
            {phone.host: phone.mac for phone in phones if phone.mac and _is_address(phone.host)},
        )
        running = Wave(
            order,
            self.pace(arguments),
            patience,
            stop,
            progress.Progress(
                display.display,
                progress.terminal_of(os.getppid(), os.environ),
                not arguments["progress"] or self.for_programs,
            ),
            watcher,
            lambda one: reporter.write_now_and_then(**known(one)),
            lambda _seconds: self._diagnose(watcher),
        )
        try:
            running.run()
        except Interrupted:
            why = f"interrupted in wave {number}: run it again to go on; phones that were reset are waited for, not reset again"
            publish(reporter.write(**known(running), finished=False, error=why))
            return {"failed": True, "msg": why, "why": ""}
        finally:
            state.resets.update(running.resets)
            state.waits.update(running.waits)
            if running.orphaned:
                state.remove()  # nobody is left who would
            else:
                state.save()
        gate = rollout.gate(number, plan, state.resets, state.waits, limits, running.stopped)
        if not gate["stop"]:
            self.say(gate["message"])
        changed = any(reset["sent"] for reset in running.resets.values())
        return {"changed": changed, "failed": gate["stop"], "msg": gate["message"], "why": gate["why"]}

    def _diagnose(self, watcher: _Watcher) -> bool:
        """Ask the log of the TFTP host that the task is delegated to. False if it does not answer, and need not be asked again."""
        host = self._task.delegate_to
        if not host:
            return False
        variables = self._task_vars["hostvars"][host]
        awaited = watcher.awaited()
        if not awaited:
            return True
        arguments = {
            "since": f"{max(awaited.values()) + 5:.0f}s",
            "phones": watcher.sought(awaited),
            "tftp_root": variables.get("cisco79xx_tftp_root"),
            **_log(variables),
        }
        try:
            result = self._execute_module("voip.cisco79xx.tftp_log_info", arguments, task_vars=self._task_vars)
        except AnsibleError as error:
            result = {"msg": str(error)}
        if "phones" not in result:
            display.vv(f"the TFTP server's log at {host} cannot be asked: {result.get('msg')}")
            return False
        watcher.learn(result["phones"])
        return True


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _log(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Where a TFTP host says its server's log is, if it does."""
    for option, variable in (("path", "cisco79xx_tftp_log"), ("unit", "cisco79xx_tftp_unit")):
        if variables.get(variable):
            return {option: variables[variable]}
    return {}
