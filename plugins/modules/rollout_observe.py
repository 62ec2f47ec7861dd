#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The work is done on the controller, by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_observe
short_description: See what the phones of a rollout run
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Logs in to each phone as M(voip.cisco79xx.phone_info) does, and finds the TFTP host of each. Changes nothing.
  - The first step of the role P(voip.cisco79xx.rollout#role), which keeps what is seen for the steps that follow in the same run of
    Ansible. Use M(voip.cisco79xx.phone_info) for anything else.
options:
  run:
    description: What all steps of one run of the role have in common, and no other run.
    type: str
    required: true
  phones:
    description: Inventory names of all phones asked for.
    type: list
    elements: str
    required: true
  image:
    description: The image to move to, if there is one. Fails if it is no name of an image.
    type: str
  tftp_group:
    description: Group of the TFTP hosts. The first one is that of all phones whose host variable C(cisco79xx_tftp_server) names none.
    type: str
    default: tftp_servers
  started:
    description: When the run started, as ISO 8601.
    type: str
    required: true
extends_documentation_fragment:
  - voip.cisco79xx.phones.sessions
  - voip.cisco79xx.controller
"""

EXAMPLES = r"""
- name: Observe the phones
  voip.cisco79xx.rollout_observe:
    run: 20261123T080000-1
    phones: "{{ groups['phones'] }}"
    image: P0S3-06-3-00
    started: "2026-11-23T08:00:00+00:00"
  run_once: true
"""

RETURN = r"""
sites:
  description: Inventory names of the TFTP hosts.
  returned: success
  type: list
  elements: str
"""
