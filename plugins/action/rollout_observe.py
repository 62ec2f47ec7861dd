# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import ImageNameError, parse_application
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import RUN_SPEC, SESSIONS_SPEC, Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, logins
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import unix_seconds
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.state import State
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet


class ActionModule(ControllerAction):
    ARGUMENTS = {
        **SESSIONS_SPEC,
        "phones": {"type": "list", "elements": "str", "required": True},
        "image": {"type": "str"},
        "tftp_group": {"type": "str", "default": "tftp_servers"},
        **RUN_SPEC,
        "started": {"type": "str", "required": True},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        if arguments["image"] == "":
            raise ImageNameError("no image was asked for: name it with -e image=P0S3-06-3-00")
        if arguments["image"] is not None:
            parse_application(arguments["image"])
        phones = self.phones(arguments["phones"])
        hosts = self._task_vars["groups"].get(arguments["tftp_group"], [])
        site_of = {phone.name: phone.tftp_host or (hosts[0] if hosts else "") for phone in phones}
        sites = list(dict.fromkeys(site_of.values()))
        _check(sites, self._task_vars["hostvars"], arguments["tftp_group"])
        observed = fleet.observe(phones, self.pace(arguments))
        state = State(arguments["run"], names=arguments["phones"], started=unix_seconds(arguments["started"]))
        state.logins, state.site_of, state.observed = logins(phones), site_of, observed
        state.save()
        return {"changed": False, "sites": sites}


def _check(sites: list[str], hostvars: Mapping[str, Mapping[str, Any]], group: str) -> None:
    """Every TFTP host is known and has a root."""
    for host in sites:
        if not host:
            raise InventoryError(f"no TFTP host: put one into the group {group}, or name their group with -e tftp_group=…")
        if host not in hostvars:
            raise InventoryError(f"TFTP host {host}: no such host in the inventory")
        if "cisco79xx_tftp_root" not in hostvars[host]:
            raise InventoryError(f"TFTP host {host}: cisco79xx_tftp_root is not set; it is the path of its TFTP root")
