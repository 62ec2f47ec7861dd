# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.diagnosis import log_keys


class ActionModule(ActionBase):
    """The module knows MACs and addresses; names of the inventory become these here."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        arguments = dict(self._task.args)
        if arguments.get("phones"):
            phones = arguments["phones"]
            names = phones.split(",") if isinstance(phones, str) else phones
            try:
                arguments["phones"] = log_keys([str(name).strip() for name in names], (task_vars or {}).get("hostvars") or {})
            except InventoryError as error:
                raise AnsibleActionFail(str(error)) from None
        result.update(self._execute_module("voip.cisco79xx.tftp_log_info", arguments, task_vars=task_vars))
        return result
