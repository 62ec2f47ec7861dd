#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: check_look
short_description: Internal, checks what an audit or a diagnosis is asked for
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - The first step of the playbooks C(voip.cisco79xx.audit) and C(voip.cisco79xx.diagnose), which are what to use.
    This may change at any time.
  - It fails if an option has a value that it cannot have, or if there is no TFTP host to look at.
options:
  options:
    description: Options of these playbooks. What is V(null) was not given.
    type: dict
    required: true
  tftp_group:
    description: Group of the TFTP hosts.
    type: str
    required: true
  limited:
    description: Whether a C(--limit) has to leave a TFTP host.
    type: bool
    default: false
extends_documentation_fragment:
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Use the playbook of this collection instead
  ansible.builtin.import_playbook: voip.cisco79xx.audit
"""

RETURN = r"""
{}
"""
