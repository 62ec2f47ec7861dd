# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac


@pytest.mark.parametrize(
    "text", ["000E84C060A6", "000e84c060a6", "00:0e:84:c0:60:a6", "00-0E-84-C0-60-A6", "000e.84c0.60a6", "000e:84c0:60a6"]
)
def test_every_usual_spelling(text):
    assert mac.parse(text) == "000E84C060A6"


@pytest.mark.parametrize("text", ["", "000E84C060A", "000E84C060A67", "000E84C060AG", "OOOE84C060A6", "phone"])
def test_no_mac(text):
    with pytest.raises(ValueError, match="no MAC address"):
        mac.parse(text)


@pytest.mark.parametrize(
    "name",
    [
        "000E84C060A6",
        "SEP000E84C060A6",
        "SIP000e84c060a6.example.com",
        "phone000e84c060a6",
        "desk-000e84c060a6",
        "phone-00-0e-84-c0-60-a6",
        "00:0e:84:c0:60:a6",
        "000e.84c0.60a6.voip.example.com",
    ],
)
def test_names_that_hold_one(name):
    assert mac.find(name) == "000E84C060A6"


@pytest.mark.parametrize("name", ["phone1", "p0001", "reception-2", "127.0.0.12", "4420000000000000", "a000e84c060a6b", "x1000e84c060a6"])
def test_names_that_hold_none(name):
    assert mac.find(name) is None
