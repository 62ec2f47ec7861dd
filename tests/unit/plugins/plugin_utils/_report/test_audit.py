# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a TFTP root."""

from __future__ import annotations

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.audit import table
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import EVIL, harmless


def test_whatever_a_host_says_each_part_is_lines_of_text():
    root = {
        "root": EVIL,
        "default": {"image": EVIL, "telnet_level": EVIL, "phone_password_set": True},
        "os79xx": {"present": True, "name": EVIL},
        "images": {EVIL: {"whole": True, "named_by": 1}},
        "summary": {"phones": 30, "overrides": 1, "by_image": {EVIL: 1}, "without_image": 1, "telnet_levels": {EVIL: 2, "2": 1}},
        "loads": [{"file": EVIL, "load": EVIL, "fights": True}],
        "files": {"dialplan_name": EVIL, "dialplan": True, "ringlist": True},
        "syncinfo": {"present": False},
        "duplicates": [{"file": EVIL, "key": EVIL, "lines": [1, 2]}],
        "advice": [EVIL],
        "served": {"address": EVIL, "port": EVIL, "asked": [EVIL], "same": {EVIL: 1}, "warning": EVIL},
        "faults": [{"file": EVIL, "line": 1, "column": None, "text": EVIL}] * 30,
    }
    lines = table("pbx", root).splitlines()
    harmless("".join(lines))
    assert len(lines) == 1 + 1 + 1 + 1 + 3 + 2 + 1 + 2 + 1 + 1 + 1 + 21
    assert lines[-1].split() == ["and", "10", "more"]


def test_a_root_that_cannot_be_read():
    assert table("pbx", {"failed": True, "msg": "no\x1b[0m root"}) == "pbx: no root"
    assert table("pbx", {}) == "pbx: nothing was found out"
