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
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import RUN_SPEC, SESSIONS_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import HOPELESS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import publish
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import gate, progress
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import RunReport, file_changes
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import EarlierReset, Resume
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.running_report import RunningReport
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.wave import Interrupted, Wave, WaveSetup
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Cause, Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

display = Display()


class _Watcher:
    """Writes down what the next run has to know, and knows what the TFTP server's log says of the phones."""

    def __init__(self, resume: Resume, images: Mapping[str, str], phones: Collection[Phone], earlier: Mapping[str, EarlierReset]) -> None:
        """`images`: what each phone is reset to, by name. `earlier`: resets by an earlier run, by name."""
        self._resume = resume
        self._images = images
        flying = {phone.mac: phone.name for phone in phones if phone.mac and phone.name in earlier}
        self._names: dict[str, str] = dict(flying)
        """Of the phones that were reset and have not ended, by MAC; `_since`: when they were, by time.monotonic()."""
        self._since = {mac: time.monotonic() - earlier[name].seconds for mac, name in flying.items()}
        self._macs = {phone.host: phone.mac for phone in phones if phone.mac and _is_address(phone.host)}
        """By IP address."""
        self._suspicions: dict[str, str] = {}
        self._causes: dict[str, Cause] = {}

    def note(self, phone: Phone, step: str, before: str | None = None, deferred: bool = False) -> None:
        self._resume.note(phone, step, self._images[phone.name], before, deferred)
        if phone.mac and step == "sent":
            self._names[phone.mac] = phone.name
            self._since[phone.mac] = time.monotonic()
        elif phone.mac:
            self._names.pop(phone.mac, None)

    def cause(self, phone: Phone) -> Cause | None:
        return self._causes.get(phone.name)

    def waiting(self) -> dict[str, float]:
        """The phones that were reset and have not ended: MAC → seconds since."""
        now = time.monotonic()
        return {mac: now - self._since[mac] for mac in list(self._names)}

    def log_names(self, macs: Collection[str]) -> list[str]:
        """As what these phones may stand in the log: 6.x and older ask for much before they tell their MAC, so their addresses too."""
        return [*macs, *(address for address, mac in self._macs.items() if mac in macs)]

    def take_verdicts(self, verdicts: Mapping[str, Mapping[str, Any]]) -> None:
        """Learn from what the log says, by MAC, or by address where it tells no MAC. What is only likely has to be said twice."""
        for key, verdict in verdicts.items():
            mac = self._macs.get(key, key)
            name, kind = self._names.get(mac), str(verdict["verdict"])
            if name is None or kind not in HOPELESS or (mac != key and mac in verdicts):
                continue
            if (verdict["confidence"] == "certain" and mac == key) or self._suspicions.get(name) == kind:
                confidence, advice = one_line(verdict["confidence"], 40), one_line(verdict["advice"], 1000)
                reason = f"does not come back, by the TFTP server's log: {kind.replace('_', ' ')} ({confidence})"
                self._causes[name] = Cause(kind, reason, advice)
            self._suspicions[name] = kind


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
        plan, rules, number = state.made_plan, state.rules, arguments["wave"]
        state.reached = number
        (wave,) = (one for one in plan.waves if one.number == number)
        # A phone that the inventory has no MAC of has told it when it was observed: another one in its place is not reset
        phones = [replace(phone, mac=phone.mac or plan.phones[phone.name].mac) for phone in self.phones(list(wave.reset), state.logins)]
        folder = Path(arguments["report_dir"])
        resume = Resume(folder)
        patience = Patience(rules.wait_timeout, rules.call_timeout, arguments["poll_interval"])
        images = {phone.name: plan.images[phone.name] for phone in phones}
        setup = WaveSetup(
            number=number,
            waves=plan.waves[-1].number,
            phones=phones,
            planned={name: plan.phones[name] for name in wave.phones},
            targets={name: parse_application(image) for name, image in images.items()},
            awaited=resume.in_flight(images, patience),
            at_once=rules.max_unavailable,
            down=state.down,
            soak_seconds=rules.soak_seconds,
            require_registered=rules.require_registered,
        )
        before = gate.earlier(number, state.outcomes)

        def why_stop(failed: Mapping[str, str], ended: int) -> str:
            return gate.too_many(rules.losses, failed, len(wave.phones), before.failed, before.ended + ended)

        report = RunningReport(folder, state, RunReport(plan.image, {}, files=file_changes(arguments["files"])))
        watcher = _Watcher(resume, images, phones, setup.awaited)
        terminal = progress.terminal_of(os.getppid(), os.environ)
        running = Wave(
            setup,
            self.pace(arguments),
            patience,
            why_stop,
            progress.Progress(display.display, terminal, not arguments["progress"] or self.for_programs),
            watcher,
            state.outcomes,
            report.write_now_and_then,
            lambda: self._ask_log(watcher),
        )
        try:
            running.run()
        except Interrupted:
            why = f"interrupted in wave {number}: run it again to go on; phones that were reset are waited for, not reset again"
            publish(report.write(finished=False, error=why))
            return {"failed": True, "msg": why, "why": ""}
        finally:
            state.down += len(running.down)
            if running.orphaned:
                state.remove()  # nobody is left who would
            else:
                state.save()
        decision = gate.decide(number, plan, state.outcomes, rules.losses, running.stopped)
        if not decision.why:
            self.say(decision.message)
        return {"changed": running.changed, "failed": bool(decision.why), "msg": decision.message, "why": decision.why}

    def _ask_log(self, watcher: _Watcher) -> bool:
        """Ask the log of the TFTP host that the task is delegated to. False if it does not answer, and need not be asked again."""
        host = self._task.delegate_to
        if not host:
            return False
        variables = self._task_vars["hostvars"][host]
        waiting = watcher.waiting()
        if not waiting:
            return True
        arguments = {
            "since": f"{max(waiting.values()) + 5:.0f}s",
            "phones": watcher.log_names(waiting),
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
        watcher.take_verdicts(result["phones"])
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
