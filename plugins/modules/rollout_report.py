#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_report
short_description: Write the report of a rollout
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Writes C(report.json), C(report.html) and C(junit.xml) on the controller, in check mode too, and adds a summary to the file that the
    environment variable C(GITHUB_STEP_SUMMARY) names.
  - A step of the role P(voip.cisco79xx.rollout#role). It reports what the steps before it did in the same run of Ansible.
options:
  run:
    description: What all steps of one run of the role have in common. Without it, nothing is known of any.
    type: str
  report_dir:
    description: Folder on the controller. Made if it is missing.
    type: path
    required: true
  image:
    description: The image asked for.
    type: str
    required: true
  phones:
    description: Inventory names of all phones asked for, if the run ended before M(voip.cisco79xx.rollout_observe).
    type: list
    elements: str
    default: []
  stopped:
    description: Whether the rollout stopped at that wave.
    type: bool
    default: false
  stop_reason:
    description: Why it stopped.
    type: str
    default: ""
  paused_after:
    description: Number of the wave after which it paused.
    type: int
  files:
    description: Files that were changed, each with C(tftp_host), C(path) and C(diff).
    type: list
    elements: dict
    default: []
  error:
    description: What else ended the run.
    type: str
    default: ""
  started:
    description: When the run started, as ISO 8601. Without it, now.
    type: str
  unfinished:
    description: Write the report of a run that has only begun, so that nobody takes an earlier one for it.
    type: bool
    default: false
extends_documentation_fragment:
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details: The report is written all the same, being no part of what the run would change.
"""

EXAMPLES = r"""
- name: Report
  voip.cisco79xx.rollout_report:
    run: 20261123T080000-1
    report_dir: ./cisco79xx-report
    image: P0S3-06-3-00
    phones: "{{ groups['phones'] }}"
    started: "2026-11-23T08:00:00+00:00"
  run_once: true
"""

RETURN = r"""
path:
  description: The report written.
  returned: success
  type: str
off_target:
  description: Status and reason of the phones that failed or were blocked, by inventory name.
  returned: success
  type: dict
"""
