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
  - Decides from what was observed which phones move, in which waves, and which cannot. Reads and changes nothing.
  - A phone whose host variable C(hold) is true is not moved, and pinned to what it runs.
  - If a phone cannot move, RV(refused) says so and names all of these. Used by the role P(voip.cisco79xx.rollout#role).
options:
  image:
    description: The image to move to. This or O(named) is required.
    type: str
  named:
    description: By TFTP host, RV(voip.cisco79xx.tftp_root_undo#module:named), to move each phone to what the files name for it.
    type: dict
  observed:
    description: RV(voip.cisco79xx.phone_info#module:phones).
    type: dict
    required: true
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
  site_of:
    description: The TFTP host of each phone, by inventory name.
    type: dict
    required: true
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
    image: P0S3-06-3-00
    observed: "{{ observed.phones }}"
    direction: downgrade
    waves: [1, "10%", "100%"]
    site_of: {SEP000E84C060A6: pbx}
  run_once: true
"""

RETURN = r"""
plan:
  description: The plan.
  returned: success
  type: dict
  contains:
    image:
      description: The image to move to.
      type: str
    phones:
      description:
        - By inventory name, C(image_before), C(mac), C(status) (V(planned), V(already) or V(blocked)),
          C(observed), C(held), C(reason), C(risks) and C(wave).
      type: dict
    waves:
      description:
        - Per wave its C(number), its C(phones), those of them to C(reset), since the others could not be observed, and the C(macs) to
          point by TFTP host.
      type: list
      elements: dict
    sites:
      description: By TFTP host, whom to C(hold) on which image, the C(macs) of the run, and the C(others) that are not in it.
      type: dict
refused:
  description: Why the rollout must not start, or V(""). RV(plan) is then as far as it came.
  returned: success
  type: str
msg:
  description: The plan for people, in lines.
  returned: success
  type: list
  elements: str
"""
