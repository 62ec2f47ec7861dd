#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: ask_host
short_description: Internal, asks a TFTP host and does not fail
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - A step of the playbooks C(voip.cisco79xx.audit) and C(voip.cisco79xx.diagnose), which are what to use. This may change at any time.
  - It runs a module of this collection on the TFTP host. Whatever goes wrong there, the connection included, is an answer,
    so that the playbook shows it with the answers of the other hosts, once.
options:
  module:
    description: The module.
    type: str
    required: true
    choices: [tftp_root_info, tftp_root_undo, tftp_log_info]
  arguments:
    description: Its options. Those that are V(null) are left out.
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: Can run in check mode without modifying the target.
  diff_mode:
    support: none
    description: Returns no details on what it changes.
"""

EXAMPLES = r"""
- name: Use the playbook of this collection instead
  ansible.builtin.import_playbook: voip.cisco79xx.audit
"""

RETURN = r"""
answer:
  description: What the module returned. Of one that failed, only C(msg), the cause and what to do.
  returned: success
  type: dict
  sample: {msg: "/srv/tftp does not exist: set cisco79xx_tftp_root to the folder that the TFTP server serves"}
"""
