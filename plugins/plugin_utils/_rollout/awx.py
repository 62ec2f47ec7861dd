# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of AWX and of the Automation Platform: they may have a part of the inventory only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

_REMEDY = "a rollout needs the whole inventory: set Job Slicing to 1 in the job template"


def refuse_slice(phones: Sequence[Phone], hostvars: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise RolloutError if this job is a slice, or its phones have TFTP hosts that it does not: a slice would take itself for the fleet.

    AWX hands over no number of the slice. It deals the hosts of the inventory, TFTP hosts included, to jobs of a workflow that it makes of
    the job template (ansible/awx, docs/job_slicing.md) and that has its name. One that was given that name by hand looks the same.
    """
    variables = hostvars[phones[0].name] if phones else {}
    for prefix in ("awx", "tower"):
        template = variables.get(f"{prefix}_job_template_name")
        if template and template == variables.get(f"{prefix}_workflow_job_name"):
            name = one_line(template, 100)
            raise RolloutError(
                f"this job is a slice of the job template {name}, so it has a part of the phones only; {_REMEDY}. "
                "If the template is not sliced, give it another name than its workflow has"
            )
    if "awx_job_id" in variables or "tower_job_id" in variables:
        named = sorted({phone.tftp_host for phone in phones if phone.tftp_host})
        missing = list_some(one_line(host, 100) for host in named if host not in hostvars)
        if missing:
            raise RolloutError(
                f"TFTP hosts that the phones name and this job does not have: {missing}; {_REMEDY}, and let the inventory have these hosts"
            )
