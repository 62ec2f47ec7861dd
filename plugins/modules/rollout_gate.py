#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_gate
short_description: See whether a wave of a rollout may begin
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Fails before a wave that must not begin, since the rollout shall pause before it or the maintenance window is closed.
    The next run then goes on with this wave.
  - A step of the role P(voip.cisco79xx.rollout#role), after M(voip.cisco79xx.rollout_plan) in the same run of Ansible.
options:
  run:
    description: What all steps of one run of the role have in common, and no other run.
    type: str
    required: true
  wave:
    description: Number of the wave that would begin.
    type: int
    required: true
  report_dir:
    description: Folder of the report on the controller, where the next run finds how far this one came.
    type: path
    required: true
extends_documentation_fragment:
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: See that wave 2 may begin
  voip.cisco79xx.rollout_gate:
    run: 20261123T080000-1
    wave: 2
    report_dir: ./cisco79xx-report
  run_once: true
"""

RETURN = r"""
paused_after:
  description: Number of the last wave before the pause; null if there is none.
  returned: always
  type: int
"""
