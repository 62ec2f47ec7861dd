# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of AWX that have a part of the inventory only are refused."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.awx import refuse_slice
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone


@pytest.mark.parametrize(
    ("variables", "refused"),
    [
        ({}, ""),
        ({"awx_job_id": 7, "awx_job_template_name": "phones"}, ""),
        ({"awx_job_template_name": "phones", "awx_workflow_job_name": "phones"}, "slice of the job template phones,"),
        ({"tower_job_template_name": "phones", "tower_workflow_job_name": "phones"}, "slice of the job template phones,"),
        ({"awx_job_template_name": "phones", "awx_workflow_job_name": "the night"}, ""),
        ({"awx_job_template_name": "", "awx_workflow_job_name": ""}, ""),
        ({"awx_job_template_name": "a\x1b[31m\nb", "awx_workflow_job_name": "a\x1b[31m\nb"}, "slice of the job template a b,"),
        ({"cisco79xx_tftp_server": "south"}, ""),
        ({"tower_job_id": 7, "cisco79xx_tftp_server": "south"}, "this job does not have: south;"),
        ({"awx_job_id": 7, "cisco79xx_tftp_server": "north"}, ""),
    ],
)
def test_jobs(variables, refused):
    phones = [Phone("phone", "192.0.2.1", tftp_host=variables.get("cisco79xx_tftp_server", ""))]
    hostvars = {"north": {}, "phone": variables}
    if not refused:
        refuse_slice(phones, hostvars)
        return
    with pytest.raises(RolloutError) as error:
        refuse_slice(phones, hostvars)
    assert refused in str(error.value) and "Job Slicing to 1" in str(error.value) and "\x1b" not in str(error.value)


def test_no_phone_is_no_slice():
    refuse_slice([], {})
