# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import RUN_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import phones
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import scope, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError, rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import Resume, fleet_of
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **RUN_SPEC,
        "image": {"type": "str"},
        "named": {"type": "dict"},
        "direction": {"type": "str", "choices": [rollout.UPGRADE, rollout.DOWNGRADE, rollout.ANY], "default": rollout.ANY},
        "waves": {"type": "raw", "required": True},
        "force": {"type": "bool", "default": False},
        "skip_blocked": {"type": "bool", "default": False},
        "scope": {"type": "str", "choices": list(scope.SCOPES), "default": scope.ALL},
        "accept_others": {"type": "bool", "default": False},
        "would_move": {"type": "dict", "default": {}},
        "report_dir": {"type": "path"},
        "rules": {
            "type": "dict",
            "apply_defaults": True,
            "options": {
                "max_fail_percentage": {"type": "raw"},
                "max_failed": {"type": "raw"},
                "min_sample": {"type": "raw", "default": 1},
                "stop_on": {"type": "raw", "default": []},
                "max_unavailable": {"type": "raw"},
                "pause_after": {"type": "raw", "default": []},
                "soak_seconds": {"type": "float", "default": 0},
                "require_registered": {"type": "bool", "default": False},
                "window": {"type": "str", "default": ""},
                "timezone": {"type": "str", "default": ""},
                "wait_timeout": {"type": "float", "default": 600},
                "call_timeout": {"type": "float"},
            },
        },
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        name, named = arguments.pop("image"), arguments.pop("named")
        reach = {name: arguments.pop(name) for name in ("scope", "accept_others", "would_move")}
        hostvars = self._task_vars["hostvars"]
        state = State.load(arguments.pop("run"))
        observed = state.observed
        others = (name for name in self._task_vars["groups"]["all"] if name not in observed)
        elsewhere = phones((name for name in others if boolean(hostvars[name].get("hold", False), strict=False)), hostvars, to_log_in=False)
        if named is None:
            targets = dict.fromkeys(observed, image.parse_application(name or ""))
        else:
            targets = scope.named_targets(observed, named, state.site_of)
        label = name or "what the files named before"
        state.rules = rules(arguments.pop("rules"), len(observed))
        sites = set(state.site_of.values())
        state.zones = sorted({str(hostvars[host].get("cisco79xx_timezone") or state.rules.timezone) for host in sites})
        state.fleet = fleet_of(observed)
        folder = arguments.pop("report_dir")
        if folder:
            resume = Resume(Path(folder))
            wanted = {phone: target.name for phone, target in targets.items()}
            arguments["in_flight"] = resume.in_flight(wanted, Patience(state.rules.wait_timeout, state.rules.call_timeout))
            arguments["waves_done"], state.moved_before = resume.pause(label, state.fleet)
        closed = window.why_closed(state.rules.window, state.zones)
        if closed and not self._task.check_mode:
            raise RolloutError(f"{closed}, so nothing was changed: run it when the window is open")
        try:
            plan = rollout.make_plan(
                targets,
                observed,
                label=label,
                held={name for name, login in state.logins.items() if login["hold"]},
                hosts={name: login["host"] for name, login in state.logins.items()},
                moved_before=state.moved_before,
                **arguments,
            )
            plan = scope.apart(
                plan,
                site_of=state.site_of,
                held_elsewhere={phone.mac for phone in elsewhere if phone.mac},
                pinning=named is None,
                **reach,
            )
        except rollout.RefusedPlan as error:
            state.plan = error.plan
            state.save()
            raise
        state.plan = plan
        state.save()
        lines = rollout.outline(plan) + scope.outline(plan)
        for line in lines:
            self.say(line)
        return {"changed": False, "plan": _brief(plan), "msg": lines}


def _brief(plan: rollout.Plan) -> dict[str, Any]:
    """What the tasks of the role have to know."""
    apart = plan.scope == scope.WAVE
    waves = [{"number": wave.number, "phones": len(wave.phones), "macs": wave.macs if apart else {}} for wave in plan.waves]
    sites = {host: {"hold": site["hold"], "macs": site["macs"] if apart else []} for host, site in plan.sites.items()}
    return {"image": plan.image, "scope": plan.scope, "waves": waves, "sites": sites}
