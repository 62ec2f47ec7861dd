# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_step
short_description: Internal, one step of a rollout
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - A step of the role P(voip.cisco79xx.rollout#role), which is what to use. This may change at any time.
  - The steps hand on what they know in a folder of Ansible's own. One that must not go on leaves word for those after it, which then do
    nothing; the last one tells it.
options:
  step:
    description:
      - V(begin) checks all options, finds the sites, and returns one phone of each, its driver. It runs once. What is in the way is
        left for the next step, which fails because of it.
      - V(look), V(plan), V(point) and V(waves) run for each driver, delegated to the TFTP host of its site. V(look) sees what the phones
        run and what is in the TFTP root. V(plan) decides what to do, and shows it. V(point) changes the files. V(waves) restarts the
        phones.
      - V(report) writes the report, and tells people how the run ended. It runs once.
    type: str
    choices: [begin, look, plan, point, waves, report]
    required: true
  run:
    description: What V(begin) returned. Required by all steps but V(begin).
    type: str
extends_documentation_fragment:
  - voip.cisco79xx.controller
attributes:
  action:
    description: Runs on the controller, and asks the TFTP host that the task is delegated to.
    support: full
  diff_mode:
    description: Returns details on what has changed or would change in check mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: partial
    details: A step runs once in a run. A second rollout to the same image changes nothing.
"""

EXAMPLES = r"""
- name: Use the playbooks of this collection instead
  ansible.builtin.import_playbook: voip.cisco79xx.downgrade
"""

RETURN = r"""
run:
  description: What to hand to the steps that follow.
  returned: for step V(begin)
  type: str
drivers:
  description: Inventory name of a phone of each site → the site's TFTP host.
  returned: for step V(begin)
  type: dict
rollout:
  description: How the run ended. It is handed on as C(set_stats) does, as C(cisco79xx_rollout). docs/report.md has the keys.
  returned: for step V(report), and for V(begin) if the run must not begin
  type: dict
path:
  description: Where report.json is.
  returned: for step V(report)
  type: str
"""
