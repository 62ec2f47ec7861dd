#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: phone_info
short_description: Tell which image phones run
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Logs in to each phone over telnet and reads the banner that it prints then. Nothing is changed on the phone.
  - All phones are asked at once, by one task. A phone that cannot be observed is a result, not a failure.
extends_documentation_fragment:
  - voip.cisco79xx.phones
  - voip.cisco79xx.phones.sessions
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Observe all phones in one task
  voip.cisco79xx.phone_info:
    phones: "{{ groups['phones'] }}"
  run_once: true
  register: observed

# ansible phones -m voip.cisco79xx.phone_info
"""

RETURN = r"""
phones:
  description: What is known of each phone, by inventory name.
  returned: success
  type: dict
  contains:
    reachable:
      description: Whether the phone took the password and named its image.
      type: bool
    image:
      description: Image it runs, or null.
      type: str
    mac:
      description: MAC from its banner, otherwise from the inventory. Twelve upper-case hex digits, or null.
      type: str
    kind:
      description:
        - Why it could not be observed, one of V(refused), V(unreachable), V(silent), V(closed), V(endless), V(no_prompt), V(no_image),
          V(wrong_password), V(wrong_phone), V(error).
        - Of a reachable phone V(unknown_mac) if its banner names no MAC or several and the inventory has one, so that it is not reset,
          and otherwise null.
      type: str
    reason:
      description: The same for people, with what to do next.
      type: str
    host:
      description: Its address.
      type: str
    hold:
      description: Whether its host variable C(hold) says that it shall not be moved.
      type: bool
  sample:
    SEP000E84C060A6: {reachable: true, image: P0S3-08-2-00, mac: 000E84C060A6, kind: null, reason: null, host: 192.0.2.21, hold: false}
"""
