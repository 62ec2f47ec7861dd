#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_give_back
short_description: Take back the phones that a rollout restarted
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Resets each phone that M(voip.cisco79xx.rollout_wave) restarted in the same run of Ansible, once the files name its old image again,
    and waits for it. A phone that does not come back is in the report, and is no failure of this step.
  - A step of the role P(voip.cisco79xx.rollout#role).
options:
  run:
    description: What all steps of one run of the role have in common, and no other run.
    type: str
    required: true
extends_documentation_fragment:
  - voip.cisco79xx.phones.sessions
  - voip.cisco79xx.controller
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details: Only phones that do not run their old image are reset.
"""

EXAMPLES = r"""
- name: Take the phones back
  voip.cisco79xx.rollout_give_back:
    run: 20261123T080000-1
  run_once: true
"""

RETURN = r"""
# Nothing but whether something changed
"""
