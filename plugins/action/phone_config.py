# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import with_hidden_secrets


class ActionModule(ActionBase):
    """The module does the work; here secrets are hidden from what Ansible shows of its arguments."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        arguments = with_hidden_secrets(self._task.args)
        result.update(self._execute_module("voip.cisco79xx.phone_config", arguments, task_vars=task_vars))
        return result
