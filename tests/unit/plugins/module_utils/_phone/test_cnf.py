# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

from hypothesis import example, given
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
    cnf.examine(data)
    assert cnf.mask(data).count(b"\n") == data.count(b"\n")


def test_settings_as_the_phone_reads_them():
    data = b'A: 1\nb : " x ; y " ; c\n#c: 1\nd:\ne=1\n f:\t2;\ng: UNPROVISIONED\nb: z\r\n'
    found = cnf.examine(data).settings
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
    found = cnf.examine(b'\xef\xbb\xbfa: 1\nok: 1\nport=1\n\n# c\n :x\nl: "y\n\xffz: 1\nalone\n').faults
    assert [(fault.line, fault.column) for fault in found] == [(1, 1), (3, 5), (6, 2), (7, 4), (8, 1), (9, 6)]


def test_a_long_line_takes_no_long_time():
    for unit in (b" ", b"a", b"a ", b"image_version", b"password", b"password:", b'"', b";", b"\r"):
        data = b"image_version: x" + unit * (200_000 // len(unit)) + b"!"
        cnf.set_image_version(data, NEW, add=True)
        cnf.examine(data)
        cnf.mask(data)


@given(FILES)
@example(b"image_version:\nimage_version: UNPROVISIONED")
@example(b'line1_name: "a\nline1_name: "" ; b')
@example(b"LINE1_name :\xc2\xa0x\xff;\r\r\n")
def test_property_the_short_way_reads_as_the_long_one(data):
    last = {setting.key.lower(): setting for setting in cnf.examine(data).settings}
    right = {key: setting.value for key, setting in last.items() if setting.provisioned and key in ("image_version", "line1_name")}
    assert cnf.values(cnf.finder("image_version|line[0-9]_name"), data) == right
