#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: reset
short_description: Restart phones
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Logs in to each phone over telnet and types C(reset). All phones are restarted at once, by one task.
  - A phone in a call restarts by itself when the call ends.
  - A phone that the inventory has a MAC of is not restarted if its banner has another one; nor if it has none, or several, unless
    O(accept_unknown_mac=true).
  - A restart has no answer. Use M(voip.cisco79xx.wait_for_image) to see what the phones run afterwards.
  - Fails if a phone could not be told to restart; RV(phones) holds the results of all others then, too.
options:
  unless_image:
    description: Do not restart phones that run this image.
    type: str
  unless_images:
    description: As O(unless_image), with an image for each phone, by inventory name.
    type: dict
  accept_unknown_mac:
    description:
      - Restart also a phone whose banner has no MAC or several, though the inventory has one. Nothing but its address tells then that it
        is the right one.
      - The inventory variable C(cisco79xx_accept_unknown_mac) does that for one phone or a group.
    type: bool
extends_documentation_fragment:
  - voip.cisco79xx.phones
  - voip.cisco79xx.phones.sessions
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details: Logs in to tell which phones would be restarted.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: partial
    details: Only with O(unless_image).
"""

EXAMPLES = r"""
- name: Restart the phones of a wave that do not run the image yet
  voip.cisco79xx.reset:
    phones: [SEP000E84C060A6, SEP0014638ADF5E]
    unless_image: P0S3-06-3-00
  run_once: true
"""

RETURN = r"""
awaited:
  description: The phones to wait for, which are those that were told, and those that may be restarting by themselves just now.
  returned: always
  type: list
  elements: str
phones:
  description: What became of each phone, by inventory name.
  returned: always
  type: dict
  contains:
    sent:
      description: Whether it was told to restart.
      type: bool
    deferred:
      description: Whether it said that it is in a call and will restart afterwards.
      type: bool
    already:
      description: Whether it was left alone since it runs O(unless_image).
      type: bool
    image:
      description: Image it ran before, or null.
      type: str
    mac:
      description: MAC from its banner, otherwise from the inventory, or null.
      type: str
    kind:
      description: Why it was not told, as in M(voip.cisco79xx.phone_info), or V(not_privileged) or V(unknown_command). Otherwise null.
      type: str
    reason:
      description: The same for people, with what to do next.
      type: str
"""
