# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import unregistered

HEAD = """LINE REGISTRATION TABLE
Proxy Registration: ENABLED, state: REGISTERED
line  APR  state          timer       expires     proxy:port
----  ---  -------------  ----------  ----------  ----------------------------
"""
TAIL = "Note: APR is Authenticated, Provisioned, Registered\n"
ONE = "1     111  REGISTERED     3600        3540        192.0.2.9:5060\n"
TWO = "2     11.  REGISTERING    3600        0           192.0.2.9:5060\n"
UNUSED = "3     ...  NONE           0           0           undefined:0\n"
BACKUP = "1-BU  .1.  IDLE           3600        0           0.0.0.0:0\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (ONE + BACKUP, None),
        (ONE + UNUSED + BACKUP, None),
        (ONE + TWO + BACKUP, "line 2 is REGISTERING"),
        (TWO, "line 2 is REGISTERING"),
        (TWO + TWO.replace("2  ", "4  ", 1), "line 2 is REGISTERING, line 4 is REGISTERING"),
        (ONE.replace("REGISTERED ", "AUTH_FAILED"), "line 1 is AUTH_FAILED"),
        (UNUSED + BACKUP, "none of its lines is provisioned"),
        (BACKUP, "show register lists no line"),
        ("", "show register lists no line"),
        (ONE.replace("1  ", "x  ", 1), "show register lists no line"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_which_lines_are_not_registered(lines, said, end):
    assert unregistered((HEAD + lines + TAIL).replace("\n", end)) == said


def test_noise_around_the_table_is_no_line():
    assert unregistered("sip: -> rx <sip:100@192.0.2.9>\n" + HEAD + ONE + "sip: 2 111 REGISTERING x\n" + TAIL) is None
