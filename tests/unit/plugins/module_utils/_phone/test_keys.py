# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings and values there are."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import keys

DEFAULT = "SIPDefault.cnf"


def test_values_become_text_and_known_keys_get_their_spelling():
    values, faults = keys.read(DEFAULT, {"TELNET_LEVEL": 2, "dscpforaudio": "184", "Vendor_Key": ""}, {"Line1_Password": 1234})
    assert (values, faults) == ({"telnet_level": "2", "dscpForAudio": "184", "Vendor_Key": "", "line1_password": "1234"}, [])
    assert keys.warnings(DEFAULT, values) == [f"{DEFAULT}: not known to be read by phones, so look for a misspelling: Vendor_Key"]


@pytest.mark.parametrize(
    ("settings", "secrets", "text"),
    [
        ({"Image_Version": "P0S3-06-3-00"}, {}, "image_version is not for this module: set it with image_version"),
        ({"line1_password": "x"}, {}, "line1_password is a secret: put it under secrets"),
        ({"MY_SECRET": 5}, {}, "MY_SECRET is a secret: put it under secrets"),
        ({}, {"telnet_level": "high"}, "telnet_level is no secret: put it under settings"),
        ({"telnet_level": True}, {}, "telnet_level is true, which YAML makes of yes, no, on and off"),
        ({"telnet_level": 3}, {}, "telnet_level cannot be '3': it takes 0 (off), 1 or 2"),
        ({"telnet_level": "2 "}, {}, "telnet_level cannot be '2 '"),
        ({"telnet_level": ""}, {}, "telnet_level cannot be ''"),
        ({"telnet_level": 2.0}, {}, "telnet_level has no value that a file can hold"),
        ({"telnet_level": None}, {}, "telnet_level has no value that a file can hold"),
        ({"telnet_level": [2]}, {}, "telnet_level has no value that a file can hold"),
        ({"telnet_level": 2, "TELNET_LEVEL": 1}, {}, "telnet_level is there twice"),
        ({"phone_label": 'a"b'}, {}, "phone_label cannot be 'a\"b': a file cannot hold a double quote"),
        ({"phone_label": "a\nb: 1"}, {}, "phone_label cannot be 'a\\nb: 1': a file cannot hold line breaks and control"),
        ({"phone_label": "a\rb"}, {}, "a file cannot hold line breaks"),
        ({"phone_label": "a\tb\x00"}, {}, "a file cannot hold line breaks"),
        ({"phone_label": "B\u00fcro"}, {}, "in which encoding phones read characters beyond ASCII is not known"),
        ({"phone_label": "a\u2028b\u202e"}, {}, "phone_label cannot be 'a\\u2028b\\u202e'"),
        ({"phone_label": "x" * 100_000}, {}, "phone_label has 100000 characters: it takes 255 at most"),
        ({"phone_prompt": "x" * 16}, {}, "phone_prompt has 16 characters: a phone takes 15 at most"),
        ({}, {"phone_password": "x" * 32}, "phone_password has 32 characters: a phone takes 31 at most"),
        ({}, {"phone_password": 'hunter2"'}, "phone_password cannot be set: a file cannot hold a double quote"),
        ({}, {"phone_password": ""}, "phone_password is empty or UNPROVISIONED, which sets none: phones would take Cisco's"),
        ({}, {"phone_password": "unprovisioned"}, "phone_password is empty"),
        ({}, {"phone_password": None}, "phone_password has no value"),
        ({"dst_start_time": 720}, {}, "dst_start_time is 720, which YAML makes of a time such as 12:30"),
        ({"": "x"}, {}, "'' is no name of a setting"),
        ({"a b": "x"}, {}, "'a b' is no name of a setting"),
        ({"a\n: \x1b[2J": "x"}, {}, "'a\\n: \\x1b[2J' is no name of a setting"),
        ({"x" * 10_000: "x"}, {}, "xxx...' is no name of a setting"),
    ],
)
def test_what_no_file_can_hold(settings, secrets, text):
    values, (problem,) = keys.read(DEFAULT, settings, secrets)
    assert problem.startswith(f"{DEFAULT}: ") and text in problem
    assert problem.isprintable() and len(problem) < 250 and "hunter2" not in problem
    assert set(values) <= {"telnet_level"}


def test_known_keys_are_those_of_real_files():
    for key in ("Telnet_Level", "dscpForAudio", "line6_password", "proxy1_address", "speed_line1", "Domain_Name"):
        assert keys.is_known(key)
    for key in ("telnet", "line7_name", "line1_pasword", "proxy_address"):
        assert not keys.is_known(key)
