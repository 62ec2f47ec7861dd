#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_table
short_description: Show what is known of TFTP roots as a table
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Shows results of M(voip.cisco79xx.tftp_root_info) for people to read, and writes them to C(audit.json) on the controller if asked to,
    in check mode too. Used by the playbook C(voip.cisco79xx.audit).
options:
  roots:
    description:
      - By host, what M(voip.cisco79xx.tftp_root_info) returned. Of one that failed, the C(msg) is shown.
    type: dict
    required: true
  report_dir:
    description: Folder on the controller for C(audit.json). Made if it is missing. Without it, nothing is written.
    type: path
extends_documentation_fragment:
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details: The file is written all the same, being no part of what the run would change.
  action:
    description: Runs on the controller.
    support: full
"""

EXAMPLES = r"""
- name: Look
  voip.cisco79xx.tftp_root_info:
    tftp_root: /srv/tftp
  register: found

- name: Show
  voip.cisco79xx.audit_table:
    roots: "{{ {inventory_hostname: found} }}"
    report_dir: ./cisco79xx-report
"""

RETURN = r"""
path:
  description: The file written.
  returned: if O(report_dir) is given
  type: str
"""
