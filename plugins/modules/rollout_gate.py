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
    The next run then goes on with this wave. Used by the role P(voip.cisco79xx.rollout#role).
options:
  wave:
    description: Number of the wave that would begin.
    type: int
    required: true
  first:
    description: Number of the first wave of this run.
    type: int
    required: true
  last:
    description: Number of the last one.
    type: int
    required: true
  image:
    description: What the plan calls the image.
    type: str
    required: true
  rules:
    description: The C(rules) of RV(voip.cisco79xx.rollout_plan#module:plan).
    type: dict
    required: true
  zones:
    description: The C(zones) of RV(voip.cisco79xx.rollout_plan#module:plan).
    type: list
    elements: str
    default: []
  moved:
    description: How many phones the waves before moved, those of earlier runs included.
    type: int
    default: 0
  fleet:
    description: The C(fleet) of RV(voip.cisco79xx.rollout_plan#module:plan), a short name for all phones asked for.
    type: str
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
    wave: 2
    first: 1
    last: 4
    image: P0S3-06-3-00
    rules: "{{ planned.plan.rules }}"
    zones: [Europe/Berlin]
    moved: 1
    fleet: "{{ planned.plan.fleet }}"
    report_dir: ./cisco79xx-report
  run_once: true
"""

RETURN = r"""
paused_after:
  description: Number of the last wave before the pause; null if there is none.
  returned: always
  type: int
"""
