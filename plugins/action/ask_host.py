# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.diagnosis import log_keys
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import NO_ROOT, why_failed

HANDED_ON = ("changed", "warnings", "deprecations")
"""What Ansible itself looks at."""


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        asked = self._task.args
        arguments = {option: value for option, value in asked["arguments"].items() if value is not None}
        if arguments.get("tftp_root") == "":
            return {**result, "answer": {"msg": NO_ROOT}}
        try:
            if asked["module"] == "tftp_log_info" and arguments.get("phones"):
                arguments["phones"] = log_keys(arguments["phones"], variables["hostvars"])
            answer = self._execute_module(f"voip.cisco79xx.{asked['module']}", arguments, task_vars=task_vars)
        except InventoryError as error:
            return {**result, "answer": {"msg": str(error)}}
        except AnsibleConnectionFailure as error:
            answer = {"failed": True, "unreachable": True, "msg": str(error)}
        except AnsibleError as error:
            answer = {"failed": True, "msg": str(error)}
        finally:
            # In a loop ansible-core 2.21 would hand it on to the next item, which is delegated to another host
            self._connection.close()
        result.update({key: answer[key] for key in HANDED_ON if key in answer})
        failed = answer.get("failed") or answer.get("unreachable")
        return {**result, "answer": {"msg": why_failed(answer)} if failed else answer}
