#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_table
short_description: Internal, shows what is in TFTP roots
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - The last step of the playbook C(voip.cisco79xx.audit), which is what to use. This may change at any time.
  - It shows results of M(voip.cisco79xx.tftp_root_info) for people to read.
  - TFTP servers that were asked on their hosts are asked from the controller too, for two blocks of a file.
options:
  roots:
    description: By TFTP host, what M(voip.cisco79xx.tftp_root_info) returned. Of one that failed, the C(msg) is shown.
    type: dict
    required: true
  report_dir:
    description:
      - Folder on the controller for C(audit.json), which is written in check mode too, and for a folder of this run with the same. Without
        it, nothing is written.
    type: path
extends_documentation_fragment:
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Use the playbook of this collection instead
  ansible.builtin.import_playbook: voip.cisco79xx.audit
"""

RETURN = r"""
path:
  description: The file written.
  returned: if O(report_dir) is given
  type: str
"""
