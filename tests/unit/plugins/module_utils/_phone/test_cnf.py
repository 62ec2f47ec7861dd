# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import cnf
from ansible_collections.voip.cisco79xx.tests.simulator import cnf as phone_cnf
from ansible_collections.voip.cisco79xx.tests.simulator.habits import Habits

NEW = "P0S3-06-3-00"


KEYS = st.sampled_from(
    [b"image_version", b"IMAGE_version", b"#image_version", b";image_version", b"line1_name", b"\xef\xbb\xbfimage_version"]
)
PIECES = st.sampled_from([b":", b'"', b";", b" ", b"\t", b"\r", b"\n", b"\r\n", b"#", b"=", b"P0S3-8-12-00", b"x", b"\0", b"\xff"])
FILES = st.lists(st.one_of(KEYS, PIECES, st.binary(max_size=3)), max_size=40).map(b"".join)


@given(FILES)
@example(b'image_version: "')
@example(b'image_version:"image_version')
@example(b"image_version:#")
@example(b"image_version: a # c")
def test_property_lines_and_all_bytes_but_values_stay(data):
    edit = cnf.set_image_version(data, NEW)
    assert edit.data.count(b"\n") == data.count(b"\n")
    set_lines = {line for line, _value in edit.before}
    for number, (old, new) in enumerate(zip(data.split(b"\n"), edit.data.split(b"\n"), strict=True), start=1):
        if number not in set_lines:
            assert new == old
            continue
        head, tail = _around(old, new)
        assert re.fullmatch(rb"(\xef\xbb\xbf)?[ \t]*image_version[ \t]*:[ \t]*\"?", head, re.IGNORECASE)
        assert old.startswith(head) and old.endswith(tail)
    again = cnf.set_image_version(edit.data, NEW)
    assert again.data == edit.data
    assert {value for _line, value in again.before} <= {NEW}
    assert set_lines == {line for line, _value in again.before}


def _around(old, new):
    """What stands before the new value and after it, without what was put in to mend the line."""
    head, _value, tail = new.partition(NEW.encode())
    if tail[:1] == b'"' and not old.endswith(tail) and old.endswith(tail[1:]):
        tail = tail[1:]  # it closes the quote
    elif not old.endswith(tail):
        blanks, mended, rest = tail.partition(b";#")
        assert mended and not blanks.strip(b' \t"')
        tail = b"#" + rest
    return head, tail


@given(FILES)
@example(b"image_version:#")
def test_property_adding_takes_nothing_away(data):
    edit = cnf.set_image_version(data, NEW, add=True)
    plain = cnf.set_image_version(data, NEW)
    assert cnf.set_image_version(edit.data, NEW, add=True).data == edit.data
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


NAMES = st.sampled_from(["telnet_level", "phone_password", "line1_name", "sync", "Vendor_Key"])
VALUES = st.text("aZ09 ;#:=\\'!~,%", max_size=12)
SETTINGS = st.builds(
    lambda *parts: b"".join(parts),
    st.sampled_from([b"", b"", b" ", b"#", b"; ", b"\xef\xbb\xbf"]),
    NAMES.flatmap(lambda name: st.sampled_from([name, name.upper(), name + "2"])).map(str.encode),
    st.sampled_from([b":", b": ", b" :\t", b"=", b""]),
    st.sampled_from([b"", b"1", b'"1"', b' "x y"', b'"x', b"a # b", b"#c", b"a;b", b"UNPROVISIONED", b"\xff", b'x"y', b"1\rsync: 2"]),
    st.sampled_from([b"", b"", b" ; c", b";", b"\t# c", b' "']),
    st.sampled_from([b"\n", b"\r\n", b"\r\r\n", b"\n\n", b"\r"]),
)
SETTING_FILES = st.builds(
    lambda lines, rest: b"".join(lines) + rest, st.lists(SETTINGS, max_size=8), st.sampled_from([b"", b"a: 1", b"# c"])
)


@given(SETTING_FILES, NAMES, VALUES, st.booleans())
@example(b"a: 1\rsync: 0\r", "sync", "2", True)
@example(b"\xef\xbb\xbfsync: 0", "sync", "", True)
def test_property_any_key_gets_its_value_and_nothing_else_changes(data, key, value, add):
    edit = cnf.set_value(data, key, value, add)
    ours = [setting.value for setting in cnf.examine(edit.data).settings if setting.key.lower() == key.lower()]
    assert set(ours) <= {value.strip()}
    assert ours or not add
    assert _others(edit.data, key) == _others(data, key)
    lines = edit.data.split(b"\n")
    assert len(lines) - len(data.split(b"\n")) == bool(edit.added)
    if edit.added:
        assert add and key.encode() in lines[edit.added - 1]
        del lines[edit.added - 1]
    set_lines = {line for line, _value in edit.before}
    kept = [[line.rstrip(b"\r") for number, line in enumerate(file, 1) if number not in set_lines] for file in (lines, data.split(b"\n"))]
    assert [line for line in kept[0] if line] == [line for line in kept[1] if line]
    assert cnf.set_value(edit.data, key, value, add).data == edit.data


def _others(data, key):
    contents = cnf.examine(data)
    return [(setting.key, setting.value) for setting in contents.settings if setting.key.lower() != key.lower()]


@given(SETTING_FILES, NAMES, VALUES, st.sampled_from([Habits(), Habits(duplicates="first")]))
def test_property_a_phone_reads_what_was_set(data, key, value, habits):
    """Its reader in the simulator knows nothing of ours. It takes a carriage return for a part of what it stands in."""
    data = data.replace(b"\r", b"")
    assert phone_cnf.read(cnf.set_value(data, key, value, add=True).data, habits)[key.lower()] == value


@given(SETTING_FILES, st.text("Zq7;# ", min_size=8).filter(lambda value: value.strip(" ;#")))
@example(b"phone_password: a;b\n", "Zq7;")
def test_property_no_secret_is_seen_in_the_masked_file(data, value):
    secret = value.strip(" ;#").encode()
    before = cnf.mask(data)
    after = cnf.mask(cnf.set_value(data, "phone_password", value, add=True).data)
    assert after.count(secret) <= before.count(secret)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"phone_password: my #1 pass ; c\n", b"phone_password: new ; c\n"),
        (b"phone_password: abc;def ; c\n", b"phone_password: new ; c\n"),
        (b"phone_password: abc;def\n", b"phone_password: new\n"),
        (b"phone_password: abc;\n", b"phone_password: new;\n"),
        (b"phone_password: abc; c\r\n", b"phone_password: new; c\r\n"),
        (b"phone_password: abc;def\rsync: 1;x\n", b"phone_password: new\rsync: 1;x\n"),
        (b"phone_password: ;def\n", b"phone_password: new\n"),
        (b"phone_password:\t\t; c\n", b"phone_password:\tnew\t; c\n"),
        (b'phone_password: abc"def ; c\n', b"phone_password: new\n"),
        (b'phone_password: "ab"def"\n', b'phone_password: "new"\n'),
        (b'phone_password: "ab";def"\n', b'phone_password: "new"\n'),
        (b'phone_password: "ab" def ; c\n', b'phone_password: "new"\n'),
        (b'phone_password: "ab"; c\n', b'phone_password: "new"; c\n'),
        (b'phone_password: "ab";\n', b'phone_password: "new";\n'),
        (b'phone_password: "ab;def\n', b'phone_password: "new"\n'),
        (b'phone_password: "my #1" # c\n', b'phone_password: "new"\n'),
    ],
)
def test_no_part_of_a_former_secret_is_left(before, after):
    edit = cnf.set_value(before, "phone_password", "new")
    assert edit.data == after
    assert cnf.set_value(edit.data, "phone_password", "new") == cnf.Edit(edit.data, ((1, "new"),))
    for word in (b"1", b"pass ", b"def"):
        assert word not in cnf.mask(cnf.set_value(before, "phone_password", "new").data).replace(b"phone_password", b"")
        assert word not in cnf.mask(cnf.set_value(before, "phone_password", "a new;one").data).replace(b"phone_password", b"")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"my #1 pass", "has a '#' in its value"),
        (b"pa;ss", "had more behind its value"),
        (b'"pa"ss"', "had more behind its value"),
        (b'"pa"ss ; c', "had more behind its value"),
        (b'"pass', "the quote is never closed"),
        (b'"pa;ss', "had more behind its value"),
        (b"pass ; c", None),
        (b'"pass"; c', None),
        (b"pass;", None),
        (b"new;x", None),
        (b'"new"x', None),
    ],
)
def test_what_goes_with_a_former_secret_is_told(line, told):
    """And a line that gives a phone the new one already stays as it is."""
    edit = cnf.set_value(b"phone_password: " + line, "phone_password", "new")
    assert [fault.text.startswith(told) for fault in edit.faults] == [True] * bool(told)
    assert (edit.data == b"phone_password: " + line) == line.strip(b'"').startswith(b"new")


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
