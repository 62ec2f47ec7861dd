# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `show register` prints: `line  APR  state  timer  expires  proxy:port`, the form found in published images.

APR is Authenticated, Provisioned, Registered, one character each, `1` for yes. `1-BU` is the backup of line 1.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"^\s*([0-9]{1,2})\s+([1.0x])([1.0x])([1.0x])\s+([A-Z_]+)\s", re.MULTILINE)


def unregistered(table: str) -> str | None:
    """What is wrong with the registration of the phone's provisioned lines, or None if each is registered.

    Backup lines do not count: they idle as long as the proxy answers.
    """
    lines = _LINE.findall(table)
    provisioned = [(number, state) for number, _a, yes, _r, state in lines if yes == "1"]
    if not lines:
        return "show register lists no line"
    if not provisioned:
        return "none of its lines is provisioned"
    missing = [f"line {number} is {state}" for number, state in provisioned if state != "REGISTERED"]
    return ", ".join(missing) or None
