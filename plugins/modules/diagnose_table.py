#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnose_table
short_description: Show what the logs of TFTP servers tell of phones
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Shows results of M(voip.cisco79xx.tftp_log_info) for people to read, phones by their names in the inventory and those first that need
    somebody, and writes them to C(diagnose.html) and C(diagnose.json) on the controller if asked to, in check mode too. Used by the
    playbook C(voip.cisco79xx.diagnose).
options:
  logs:
    description:
      - By TFTP host, what M(voip.cisco79xx.tftp_log_info) returned, with O(voip.cisco79xx.tftp_log_info#module:timeline=true) for the
        pictures in C(diagnose.html). Of one that failed, the C(msg) is shown. A phone in several of them is shown as in the one that saw it
        last.
    type: dict
    required: true
  phones:
    description:
      - Inventory names of phones. They are found by their MAC (C(cisco79xx_mac), or in the name), or without one by C(ansible_host). One
        that is in no log is shown as C(cannot_tell).
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
    choices:
      - healthy
      - flashing
      - data_never_arrives
      - server_silent
      - image_missing
      - image_wrong_case
      - image_unreadable
      - config_missing
      - stuck_loader
      - boot_loop
      - other_root
      - not_ours
      - fell_silent
      - server_slow
      - server_restarted
      - cannot_tell
    default: []
  strict:
    description: Count phones of which the log does not tell how they are among those that are not well.
    type: bool
    default: false
  report_dir:
    description: Folder on the controller for C(diagnose.html) and C(diagnose.json). Made if it is missing. Without it, nothing is written.
    type: path
extends_documentation_fragment:
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details: The files are written all the same, being no part of what the run would change.
  action:
    description: Runs on the controller.
    support: full
"""

EXAMPLES = r"""
- name: Read
  voip.cisco79xx.tftp_log_info:
    since: 1d
    timeline: true
  register: log

- name: Show
  voip.cisco79xx.diagnose_table:
    logs: "{{ {inventory_hostname: log} }}"
    phones: "{{ groups.phones }}"
    report_dir: ./cisco79xx-report
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
