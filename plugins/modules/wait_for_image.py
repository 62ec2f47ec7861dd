#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_for_image
short_description: Wait until phones run an image
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Looks at each phone, with growing pauses, until it runs the image. All phones are waited for at once, by one task.
  - Only the image seen counts. A phone that restarted and stayed on its old image has failed.
  - Fails if a phone does not run the image in time; RV(phones) holds the results of all others then, too.
options:
  image:
    description: Image to wait for. This or O(images) is required.
    type: str
  images:
    description: The image to wait for of each phone, by inventory name.
    type: dict
  timeout:
    description: Seconds to wait. A restart takes 60 to 90 seconds, with a new loader and application 75 to 180.
    type: float
    default: 600
  poll_interval:
    description: Longest pause between two looks at one phone, in seconds.
    type: float
    default: 15
extends_documentation_fragment:
  - voip.cisco79xx.phones
  - voip.cisco79xx.phones.sessions
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details: Looks once and does not fail.
"""

EXAMPLES = r"""
- name: See the phones come back
  voip.cisco79xx.wait_for_image:
    phones: "{{ groups['phones'] }}"
    image: P0S3-06-3-00
  run_once: true
"""

RETURN = r"""
phones:
  description: What became of each phone, by inventory name.
  returned: always
  type: dict
  contains:
    on_target:
      description: Whether it runs O(image).
      type: bool
    image:
      description: Image last seen, or null.
      type: str
    seconds:
      description: Seconds until it was seen on the image, or until it was given up.
      type: float
    kind:
      description:
        - Why not, V(wrong_image) for one that restarted into another image, V(not_restarted) for one that never went away,
          otherwise as in M(voip.cisco79xx.phone_info). Null for a phone on the image.
      type: str
    reason:
      description: The same for people.
      type: str
"""
