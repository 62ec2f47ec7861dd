#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_plan
short_description: Plan a rollout
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Decides from what M(voip.cisco79xx.rollout_observe) saw which phones move, in which waves, and which cannot. Changes nothing.
  - A phone whose host variable C(hold) is true is not moved, and pinned to what it runs.
  - Fails if a phone cannot move, and names all of these. A step of the role P(voip.cisco79xx.rollout#role), which keeps the plan of each
    phone for the steps that follow in the same run of Ansible.
options:
  run:
    description: What all steps of one run of the role have in common, and no other run.
    type: str
    required: true
  image:
    description: The image to move to. This or O(named) is required.
    type: str
  named:
    description: By TFTP host, RV(voip.cisco79xx.tftp_root_undo#module:named), to move each phone to what the files name for it.
    type: dict
  direction:
    description: Which way the phones may move.
    type: str
    choices: [upgrade, downgrade, any]
    default: any
  waves:
    description: Sizes of the waves as in Ansible's C(serial), counts and percentages of the phones to move. The last repeats.
    type: raw
    required: true
  force:
    description: Move phones against O(direction) and without an image in between.
    type: bool
    default: false
  skip_blocked:
    description: Plan without the phones that cannot move instead of refusing.
    type: bool
    default: false
  scope:
    description: Whom the files speak to during the rollout, as for the role.
    type: str
    choices: [all, wave]
    default: all
  accept_others:
    description: Let phones of the TFTP roots move that are not in the run, instead of refusing or pinning them.
    type: bool
    default: false
  would_move:
    description: By TFTP host, RV(voip.cisco79xx.image_version#module:would_move).
    type: dict
    default: {}
  report_dir:
    description:
      - Folder of the report on the controller, in which an earlier run to the image may have left which phones it reset, and where it
        paused. The phones go first and are waited for; the waves go on from the pause.
    type: path
  rules:
    description: When to stop, as the options of the role P(voip.cisco79xx.rollout#role) of the same names with C(rollout_) before them.
    type: dict
    suboptions:
      max_fail_percentage:
        description: Share of a wave that may fail.
        type: raw
      max_failed:
        description: Phones of all waves that may fail.
        type: raw
      min_sample:
        description: Phones that must have been seen before these two stop anything.
        type: raw
        default: 1
      stop_on:
        description: Kinds of failure of which one is too many.
        type: raw
        default: []
      max_unavailable:
        description: Phones of a wave that may be down at once.
        type: raw
      pause_after:
        description: Waves to pause after.
        type: raw
        default: []
      soak_seconds:
        description: Seconds after a wave, at whose end its phones are looked at again.
        type: float
        default: 0
      require_registered:
        description: Whether the phones have to be registered then.
        type: bool
        default: false
      window:
        description: Time of day in which waves may begin.
        type: str
        default: ""
      timezone:
        description: Time zone of the window, if the TFTP host has none.
        type: str
        default: ""
      wait_timeout:
        description: Seconds a phone may take to come back.
        type: float
        default: 600
      call_timeout:
        description: Seconds a phone's call may last.
        type: float
extends_documentation_fragment:
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Plan
  voip.cisco79xx.rollout_plan:
    run: 20261123T080000-1
    image: P0S3-06-3-00
    direction: downgrade
    waves: [1, "10%", "100%"]
  run_once: true
"""

RETURN = r"""
plan:
  description: The plan, as far as the tasks of the role need it.
  returned: success
  type: dict
  contains:
    image:
      description: The image to move to.
      type: str
    scope:
      description: As O(scope).
      type: str
    waves:
      description: Per wave its C(number), how many C(phones) it has, and with O(scope=wave) the C(macs) to point by TFTP host.
      type: list
      elements: dict
    sites:
      description: By TFTP host, whom to C(hold) on which image, and with O(scope=wave) the C(macs) of the run.
      type: dict
msg:
  description: The plan for people, in lines.
  returned: success
  type: list
  elements: str
"""
