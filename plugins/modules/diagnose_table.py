#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnose_table
short_description: Internal, shows what the logs of TFTP servers tell of phones
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - The last step of the playbook C(voip.cisco79xx.diagnose), which is what to use. This may change at any time.
  - It shows results of M(voip.cisco79xx.tftp_log_info) for people to read, those phones first that need somebody.
options:
  logs:
    description:
      - By TFTP host, what M(voip.cisco79xx.tftp_log_info) returned. Of one that failed, the C(msg) is shown. A phone in several of them is
        shown as in the one that saw it last.
    type: dict
    required: true
  phones:
    description: Inventory names of phones. One that is in no log is shown as C(cannot_tell).
    type: list
    elements: str
    default: []
  only:
    description: Show O(phones) and no others, rather than everything that is in the logs.
    type: bool
    default: false
  verdict:
    description: Show phones with these verdicts only.
    type: list
    elements: str
    default: []
  strict:
    description: Count phones of which the log does not tell how they are among those that are not well.
    type: bool
    default: false
  report_dir:
    description:
      - Folder on the controller. C(diagnose.html) and C(diagnose.json) are written there and, with the same content, into a folder of
        their own below it; in check mode too. Failed phones of a C(report.html) beside them link to their timelines. Without it, nothing
        is written.
    type: path
extends_documentation_fragment:
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Use the playbook of this collection instead
  ansible.builtin.import_playbook: voip.cisco79xx.diagnose
"""

RETURN = r"""
unwell:
  description: The phones shown that are neither healthy, nor being updated, nor no SIP phones, each with what ails it.
  returned: success
  type: dict
  sample: {reception: the image is not all there}
path:
  description: The page written.
  returned: if O(report_dir) is given
  type: str
"""
