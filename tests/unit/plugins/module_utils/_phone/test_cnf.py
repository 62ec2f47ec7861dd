# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from unittest.mock import Mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import cnf

NEW = "P0S3-06-3-00"


KEYS = st.sampled_from(
    [b"image_version", b"IMAGE_version", b"#image_version", b";image_version", b"line1_name", b"\xef\xbb\xbfimage_version"]
)
PIECES = st.sampled_from([b":", b'"', b";", b" ", b"\t", b"\r", b"\n", b"\r\n", b"#", b"=", b"P0S3-8-12-00", b"x", b"\0", b"\xff"])
FILES = st.lists(st.one_of(KEYS, PIECES, st.binary(max_size=3)), max_size=40).map(b"".join)


@given(FILES)
@example(b'image_version: "')
@example(b"image_version:#")
def test_property_lines_and_all_bytes_but_values_stay(data):
    edit = cnf.set_image_version(data, NEW)
    assert edit.data.count(b"\n") == data.count(b"\n")
    set_lines = {line for line, _value in edit.before}
    for number, (old, new) in enumerate(zip(data.split(b"\n"), edit.data.split(b"\n"), strict=True), start=1):
        if number not in set_lines:
            assert new == old
            continue
        head, value, tail = _around(old, new)
        assert re.fullmatch(rb"(\xef\xbb\xbf)?[ \t]*image_version[ \t]*:[ \t]*\"?", head, re.IGNORECASE)
        assert value in (NEW.encode(), NEW.encode() + b'"', NEW.encode() + b" ")
        assert old.endswith(tail)
    again = cnf.set_image_version(edit.data, NEW)
    assert again.data == edit.data
    assert {value for _line, value in again.before} <= {NEW}
    assert set_lines == {line for line, _value in again.before}


def _around(old, new):
    at = new.index(NEW.encode(), new.index(b":"))
    head = new[:at]
    value = NEW.encode()
    for extra in (b"", b'"', b" "):
        tail = new[at + len(value + extra) :]
        if old.endswith(tail) and new[at:].startswith(value + extra) and len(old) - len(tail) >= len(head):
            return head, value + extra, tail
    raise AssertionError((old, new))


@given(FILES)
@example(b"image_version:#")
def test_property_adding_takes_nothing_away(data):
    edit = cnf.set_image_version(data, NEW, add=True)
    plain = cnf.set_image_version(data, NEW)
    assert cnf.set_image_version(edit.data, NEW, add=True).data == edit.data
    if not any("text after the value" in fault.text for fault in edit.faults):
        assert cnf.lookup(edit.data, "image_version") == NEW
    if edit.added is None:
        assert edit.data == plain.data
    else:
        assert len(edit.data) - len(plain.data) >= len(b"image_version:") + len(NEW)
        lines = edit.data.split(b"\n")
        del lines[edit.added - 1]
        assert b"\n".join(lines).rstrip(b"\r\n") == plain.data.rstrip(b"\r\n")


@given(FILES)
def test_property_reading_never_fails(data):
    cnf.settings(data)
    cnf.faults(data)
    assert cnf.mask(data).count(b"\n") == data.count(b"\n")


def test_settings_as_the_phone_reads_them():
    data = b'A: 1\nb : " x ; y " ; c\n#c: 1\nd:\ne=1\n f:\t2;\ng: UNPROVISIONED\nb: z\r\n'
    found = cnf.settings(data)
    assert [(s.key, s.value, s.line, s.column) for s in found] == [
        ("A", "1", 1, 4),
        ("b", "x ; y", 2, 6),
        ("d", "", 4, 3),
        ("f", "2", 6, 5),
        ("g", "UNPROVISIONED", 7, 4),
        ("b", "z", 8, 4),
    ]
    assert [s.key for s in found if not s.provisioned] == ["d", "g"]
    assert cnf.lookup(data, "B") == "z"
    assert cnf.lookup(data, "e") is None


def test_faults_have_line_and_column():
    found = cnf.faults(b'\xef\xbb\xbfa: 1\nok: 1\nport=1\n\n# c\n :x\nl: "y\n\xffz: 1\nalone\n')
    assert [(fault.line, fault.column) for fault in found] == [(1, 1), (3, 5), (6, 2), (7, 4), (8, 1), (9, 6)]


def test_a_long_line_takes_no_long_time():
    for unit in (b" ", b"a", b"a ", b"image_version", b"password", b"password:", b'"', b";", b"\r"):
        data = b"image_version: x" + unit * (200_000 // len(unit)) + b"!"
        cnf.set_image_version(data, NEW, add=True)
        cnf.faults(data)
        cnf.mask(data)


LINES = st.sampled_from(
    [
        b"image_version: P0S3-06-3-00",
        b'telnet_level: "2"',
        b"# a: b",
        b"",
        b" ",
        b"a:",
        b'A : "',
        b'a: "b" c',
        b"b:  c ; d",
        b'c:\t"d',
        b";image_version: x",
        b"image_version",
        b"xtelnet_level: 1",
        b"\xef\xbb\xbfa: b",
        b"a\rb: c",
        b"phone_password: x",
    ]
)
ASKED = ("a", "b", "image_version", "telnet_level")
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.tuples(st.one_of(LINES, st.binary(max_size=12)), st.sampled_from([b"\n", b"\r\n", b"\r", b""])), max_size=8).map(
        lambda lines: b"".join(text + end for text, end in lines)
    ),
)


@given(FILES)
@settings(max_examples=1000)
def test_the_quick_look_says_what_the_slow_one_says(data):
    everything = cnf.settings(data)
    keys = [setting.key.lower() for setting in everything]
    contents = cnf.examine(data, ASKED)
    assert contents.faults == cnf.faults(data)
    assert contents.repeated == {
        key: [setting for setting in everything if setting.key.lower() == key] for key in keys if keys.count(key) > 1
    }
    assert contents.settings == {setting.key.lower(): setting for setting in everything if setting.key.lower() in ASKED}
    assert list(contents.repeated) == [key for key in dict.fromkeys(keys) if keys.count(key) > 1]


@pytest.mark.parametrize(
    "data, quick",
    [
        (b'# x\r\n\r\na: 1\r\nB :"2" ; c\n', True),
        (b"a: 1\nA: 1\n", False),
        (b"a: 1\n\xef\xbb\xbfb: 1\n", False),
        (b"a=1\n", False),
    ],
)
def test_only_files_with_something_odd_are_read_line_by_line(data, quick, monkeypatch):
    slow = Mock(return_value=())
    monkeypatch.setattr(cnf, "faults", slow)
    cnf.examine(data, ASKED)
    assert slow.called != quick
