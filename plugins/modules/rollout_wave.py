#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_wave
short_description: Restart a wave of phones and see them come back
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Resets each phone of a wave that does not run its image, and waits for it, all phones at once or as many as may be down.
  - Resets no more phones as soon as too many failed, and fails if the rollout has to stop.
  - Writes down which phones were reset, so that a run after one that was interrupted waits for these and does not reset them again.
    Writes the report as far as it is known while it runs, and when it is interrupted.
  - A step of the role P(voip.cisco79xx.rollout#role), after M(voip.cisco79xx.rollout_plan) in the same run of Ansible.
options:
  run:
    description: What all steps of one run of the role have in common, and no other run.
    type: str
    required: true
  wave:
    description: Number of the wave.
    type: int
    required: true
  report_dir:
    description: Folder of the report on the controller.
    type: path
    required: true
  files:
    description: Files that were changed, for the report, each with C(tftp_host), C(path) and C(diff).
    type: list
    elements: dict
    default: []
  poll_interval:
    description: Longest pause between two looks at one phone, in seconds.
    type: float
    default: 15
  progress:
    description:
      - Whether to show how the phones come back, as one live line on a terminal, otherwise as a line every 5 seconds.
      - Never shown to stdout callbacks whose output is for programs, such as C(json).
    type: bool
    default: true
extends_documentation_fragment:
  - voip.cisco79xx.phones.sessions
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details: Only phones that do not run their image are reset.
"""

EXAMPLES = r"""
- name: Restart wave 1
  voip.cisco79xx.rollout_wave:
    run: 20261123T080000-1
    wave: 1
    report_dir: ./cisco79xx-report
  run_once: true
"""

RETURN = r"""
why:
  description: Why the rollout has to stop, in short, or V("").
  returned: always
  type: str
msg:
  description: What became of the wave, for people.
  returned: always
  type: str
"""
