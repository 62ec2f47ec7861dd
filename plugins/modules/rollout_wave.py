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
  - Resets no more phones as soon as too many failed, and says whether the rollout has to stop.
  - Writes down which phones were reset, so that a run after one that was interrupted waits for these and does not reset them again.
    Writes the report as far as it is known while it runs, and when it is interrupted.
  - Used by the role P(voip.cisco79xx.rollout#role).
options:
  wave:
    description: Number of the wave.
    type: int
    required: true
  plan:
    description: RV(voip.cisco79xx.rollout_plan#module:plan).
    type: dict
    required: true
  report_dir:
    description: Folder of the report on the controller.
    type: path
    required: true
  image:
    description: What the report calls the image.
    type: str
    required: true
  phones:
    description: Inventory names of all phones asked for.
    type: list
    elements: str
    default: []
  resets:
    description: RV(resets) of the wave before.
    type: dict
    default: {}
  waits:
    description: RV(waits) of the wave before.
    type: dict
    default: {}
  files:
    description: Files that were changed, for the report, each with C(tftp_host), C(path) and C(diff).
    type: list
    elements: dict
    default: []
  started:
    description: When the run started, as ISO 8601. Without it, now.
    type: str
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
    plan: "{{ planned.plan }}"
    wave: 1
    image: P0S3-06-3-00
    phones: "{{ groups['phones'] }}"
    report_dir: ./cisco79xx-report
  run_once: true
"""

RETURN = r"""
resets:
  description: RV(voip.cisco79xx.reset#module:phones) of all waves so far, each with C(at), the time in Unix seconds.
  returned: always
  type: dict
waits:
  description: RV(voip.cisco79xx.wait_for_image#module:phones) of all waves so far, each with C(at), the time in Unix seconds.
  returned: always
  type: dict
wave:
  description: What became of the wave.
  returned: always
  type: dict
  contains:
    stop:
      description: Whether the rollout has to stop.
      type: bool
    why:
      description: Why, in short.
      type: str
    message:
      description: The outcome for people.
      type: str
    failed:
      description: Reason of each phone that failed, by inventory name.
      type: dict
    done:
      description: How many phones are on the image.
      type: int
"""
