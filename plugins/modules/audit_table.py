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
  - It shows too what of the inventory would keep a rollout from beginning.
  - TFTP servers that were asked on their hosts are asked from the controller too, for two blocks of a file.
options:
  roots:
    description: By TFTP host, what M(voip.cisco79xx.tftp_root_info) returned. Of one that failed, the C(msg) is shown.
    type: dict
    required: true
  mended:
    description: By TFTP host, what M(voip.cisco79xx.tftp_root_undo) returned with C(only_repair). Of one that failed, the C(msg) is shown.
    type: dict
    default: {}
  phones_group:
    description: Group of the phones.
    type: str
    default: phones
  tftp_group:
    description: Group of the TFTP hosts.
    type: str
    default: tftp_servers
  report_dir:
    description:
      - Folder on the controller. C(audit.json) is written there and, with the same content, into a folder of its own below it; in check
        mode too. Without it, nothing is written.
    type: path
extends_documentation_fragment:
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Use the playbook of this collection instead
  ansible.builtin.import_playbook: voip.cisco79xx.audit
"""

RETURN = r"""
unread:
  description: The TFTP hosts whose roots were not found out.
  returned: success
  type: list
  elements: str
unmended:
  description: The TFTP hosts where a run that was killed may have left something.
  returned: success
  type: list
  elements: str
faults:
  description: How many faults each of the other roots has.
  returned: success
  type: dict
inventory_faults:
  description: What of the inventory would keep a rollout from beginning, one text each.
  returned: success
  type: list
  elements: str
path:
  description: The file written.
  returned: if O(report_dir) is given
  type: str
"""
