#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_gate
short_description: Decide whether a rollout goes on after a wave
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Fails if more phones of the wave failed than may. Used by the role P(voip.cisco79xx.rollout#role).
options:
  plan:
    description: RV(voip.cisco79xx.rollout_plan#module:plan).
    type: dict
    required: true
  wave:
    description: Number of the wave, from 1.
    type: int
    required: true
  resets:
    description: RV(voip.cisco79xx.reset#module:phones) of all waves so far.
    type: dict
    required: true
  waits:
    description: RV(voip.cisco79xx.wait_for_image#module:phones) of all waves so far.
    type: dict
    required: true
  max_fail_percentage:
    description: Share of the wave that may fail, in percent. The rollout stops if it is exceeded.
    type: float
    default: 0
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed or would change in check mode.
    support: N/A
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
  action:
    description: Runs on the controller, in one process for all phones; C(delegate_to) has no effect on where the connections come from.
    support: full
"""

EXAMPLES = r"""
- name: Gate
  voip.cisco79xx.rollout_gate:
    plan: "{{ planned.plan }}"
    wave: 1
    resets: "{{ reset.phones }}"
    waits: "{{ waited.phones }}"
  run_once: true
"""

RETURN = r"""
failed_phones:
  description: Why each phone of the wave that failed did, by inventory name.
  returned: always
  type: dict
"""
