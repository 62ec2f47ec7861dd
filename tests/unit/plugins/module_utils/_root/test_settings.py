# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What phones read in the end. More is in tests/unit/cases/settings."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import generators
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.settings import plan_settings, read_wish
from ansible_collections.voip.cisco79xx.tests.simulator import cnf as phone_cnf
from ansible_collections.voip.cisco79xx.tests.simulator.habits import CHOICES, Habits

MAC = "001122AABBCC"
DEFAULT, PHONE = "SIPDefault.cnf", f"SIP{MAC}.cnf"
HABITS = [
    Habits.of({"duplicates": duplicates, "unset": unset, "quoted_blanks": blanks})
    for duplicates, unset, blanks in product(*(CHOICES[name] for name in ("duplicates", "unset", "quoted_blanks")))
]
LINES = st.builds(
    lambda key, rest: key + rest,
    st.sampled_from([b"telnet_level", b"Telnet_Level", b"phone_password", b"#telnet_level", b"sync"]),
    st.sampled_from([b": 2\n", b':"2";\r\n', b": 0 # off\n", b"=2\n", b": UNPROVISIONED\n", b': ""\n', b":\n", b': "2\n', b": Zq7 ; c\n"]),
)
FILES = st.lists(LINES, max_size=5).map(b"".join)


def entry(mac=MAC):
    return {"mac": mac, "settings": {}, "secrets": {}}


@settings(max_examples=150, deadline=None)
@given(FILES, FILES, st.booleans())
def test_property_phones_read_what_is_wanted_whatever_their_habits(default, own, for_all):
    wanted = {"telnet_level": 2}, {"phone_password": "Zq7"}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / DEFAULT).write_bytes(default)
        (root / PHONE).write_bytes(own)
        asked = wanted if for_all else ({}, {})
        made = plan_settings(Root(folder), read_wish(*asked, [{"mac": MAC, "settings": wanted[0], "secrets": wanted[1]}]))
    after = {DEFAULT: default, PHONE: own, **{change.name: change.after for change in made.changes}}
    for habits in HABITS:
        before, read = (phone_cnf.effective(files[0], files[1], habits) for files in ((default, own), (after[DEFAULT], after[PHONE])))
        assert (read["telnet_level"], read["phone_password"]) == ("2", "Zq7")
        assert read.get("sync") == before.get("sync")
        if made.phones[MAC]["secrets"]["phone_password"]:
            assert before["phone_password"] == "Zq7", "told to be right already"
    assert for_all or DEFAULT not in {change.name for change in made.changes}
    assert set(made.phones[MAC]["changed"]) <= {"telnet_level", "phone_password"}
    assert bool(made.phones[MAC]["changed"]) == (after[PHONE] != own)


def test_a_whole_fleet_in_one_call(tmp_path):
    phones = []
    (tmp_path / DEFAULT).write_bytes(b"telnet_level: 0\n")
    for number in range(2000):
        mac = f"0011BB{number:06X}"
        (tmp_path / f"SIP{mac}.cnf").write_bytes(b"line1_name: 1\ntelnet_level: 1\n" * 10)
        phones.append({"mac": mac, "settings": {"telnet_level": 2}, "secrets": {}})
    made = plan_settings(Root(str(tmp_path)), read_wish({"telnet_level": 2}, {}, phones))
    assert len(made.changes) == 2001


@pytest.mark.parametrize(
    ("phones", "text"),
    [
        ([entry(), entry("00-11-22-aa-bb-cc")], f"{PHONE}: is twice among the phones"),
        ([entry("0011")], "phones: '0011' is no MAC address"),
        ([entry("9" * 100_000)], "is no MAC address"),
        ([entry("\x1b]0;x\x07")], "phones: '\\x1b]0;x\\x07' is no MAC address"),
    ],
)
def test_phones_that_are_none(phones, text):
    (problem,) = read_wish({}, {}, phones).faults
    assert text in problem and problem.isprintable() and len(problem) < 250


def test_each_generator_has_a_source():
    assert all(generator.source and generator.signs for generator in generators.GENERATORS)
