# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  phones:
    description:
      - Inventory names of the phones. Without it, the host that the task runs for.
      - A phone's address is C(ansible_host) or its name, its port C(ansible_port) or 23, its password C(cisco79xx_password), and its MAC
        C(cisco79xx_mac) or the one that its name holds.
    type: list
    elements: str
"""

    SESSIONS = r"""
options:
  max_sessions:
    description: Most connections open at once.
    type: int
    default: 500
  connect_timeout:
    description: Seconds a phone may take to accept a connection, 3 at most while it is waited for.
    type: float
    default: 10
  login_timeout:
    description: Seconds from the connection to the end of the banner.
    type: float
    default: 20
  command_timeout:
    description: Seconds from a command to the end of its answer.
    type: float
    default: 20
requirements:
  - telnetlib3 >= 4, < 6 in the controller's Python
"""
