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


@pytest.mark.parametrize(
    "line, changed",
    [
        (b"image_version: P0S3-8-12-00", b"image_version: P0S3-06-3-00"),
        (b"image_version:P0S3-8-12-00", b"image_version:P0S3-06-3-00"),
        (b"image_version : P0S3-8-12-00", b"image_version : P0S3-06-3-00"),
        (b'image_version :"P0S3-8-12-00"', b'image_version :"P0S3-06-3-00"'),
        (b'image_version: "P0S3-8-12-00"', b'image_version: "P0S3-06-3-00"'),
        (b'image_version: "P0S3-8-12-00";', b'image_version: "P0S3-06-3-00";'),
        (b'image_version: "P0S3-8-12-00" ;c', b'image_version: "P0S3-06-3-00" ;c'),
        (b'image_version: "P0S3-8-12-00";c "d"', b'image_version: "P0S3-06-3-00";c "d"'),
        (b'image_version: "P0S3-8-12-00" left over', b'image_version: "P0S3-06-3-00" left over'),
        (b"image_version: P0S3-8-12-00;", b"image_version: P0S3-06-3-00;"),
        (b"image_version: P0S3-8-12-00 \t ; see \xfcber", b"image_version: P0S3-06-3-00 \t ; see \xfcber"),
        (b"image_version: P0S3-8-12-00  ", b"image_version: P0S3-06-3-00  "),
        (b'image_version:" P0S3-8-12-00 "', b'image_version:"P0S3-06-3-00"'),
        (b'image_version: "P0S3;8" ; c', b'image_version: "P0S3-06-3-00" ; c'),
        (b'\t image_version\t:\t"x"\t', b'\t image_version\t:\t"P0S3-06-3-00"\t'),
        (b"Image_Version: x", b"Image_Version: P0S3-06-3-00"),
        (b"IMAGE_VERSION: x", b"IMAGE_VERSION: P0S3-06-3-00"),
        (b"image_version: 'x'", b"image_version: P0S3-06-3-00"),
        (b'image_version: x"y"', b"image_version: P0S3-06-3-00"),
        (b"image_version: P0S3 8 12", b"image_version: P0S3-06-3-00"),
        (b"image_version: \xff\xfe", b"image_version: P0S3-06-3-00"),
        (b"image_version:", b"image_version:P0S3-06-3-00"),
        (b"image_version: ", b"image_version: P0S3-06-3-00"),
        (b'image_version: ""', b'image_version: "P0S3-06-3-00"'),
        (b"image_version: UNPROVISIONED", b"image_version: P0S3-06-3-00"),
        (b"image_version: ; later", b"image_version: P0S3-06-3-00; later"),
        (b"image_version:\t\t; later", b"image_version:\tP0S3-06-3-00\t; later"),
    ],
)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\r\n"])
@pytest.mark.parametrize("before, after", [(b"", b""), (b"# c\r\n\n \n", b'phone_label: "X "\nlast: 1')])
def test_only_the_value_changes(line, changed, end, before, after):
    if after and b"\n" not in end:
        end += b"\n"
    edit = cnf.set_image_version(before + line + end + after, NEW)
    assert edit.data == before + changed + end + after
    assert [number for number, _value in edit.before] == [before.count(b"\n") + 1]
    assert not edit.faults
    assert cnf.set_image_version(edit.data, NEW, add=True).data == edit.data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\r\n \t\n",
        b"# image_version: x\n",
        b"#image_version: x\r\n",
        b";image_version: x",
        b" \t; image_version: x\n",
        b"\xef\xbb\xbf# image_version: x\n",
        b"image_version_old: x\nmy_image_version: y\nimage_version2: z\n",
        b'phone_label: "image_version: x"\n',
        b"proxy1_address: x ; image_version: y\n",
        b"proxy1_address: x\rimage_version: y\n",
    ],
)
def test_nothing_to_set(data):
    assert cnf.set_image_version(data, NEW) == cnf.Edit(data)


@pytest.mark.parametrize(
    "data, changed, line, column, text",
    [
        (b'a: 1\nimage_version: "x ; c\n', b'a: 1\nimage_version: "P0S3-06-3-00" ; c\n', 2, 17, "never closed"),
        (b'image_version: "x  \r\nb: "c"', b'image_version: "P0S3-06-3-00"  \r\nb: "c"', 1, 17, "never closed"),
        (b'image_version: "', b'image_version: "P0S3-06-3-00"', 1, 17, "never closed"),
        (b"image_version: x # c", b"image_version: P0S3-06-3-00 # c", 1, 16, "text after the value"),
        (b"image_version: # c", b"image_version: P0S3-06-3-00 # c", 1, 16, "text after the value"),
        (b"\xef\xbb\xbfimage_version: x\n", b"\xef\xbb\xbfimage_version: P0S3-06-3-00\n", 1, 1, "byte order mark"),
        (b"\n image_version=x\n", b"\n image_version=x\n", 2, 1, "left as it is"),
        (b"image_version x", b"image_version x", 1, 1, "left as it is"),
        (b"image_version", b"image_version", 1, 1, "left as it is"),
        (b"\xc2\xa0image_version: x", b"\xc2\xa0image_version: x", 1, 1, "left as it is"),
    ],
)
def test_faulty_lines(data, changed, line, column, text):
    edit = cnf.set_image_version(data, NEW)
    assert edit.data == changed
    (fault,) = edit.faults
    assert (fault.line, fault.column) == (line, column)
    assert text in fault.text


def test_a_file_with_nothing_but_carriage_returns_keeps_all_else():
    assert cnf.set_image_version(b"a: 1\rb: 2\r", NEW, add=False).data == b"a: 1\rb: 2\r"
    assert cnf.set_image_version(b'image_version: x\rb: "2"\r', NEW).data == b'image_version: P0S3-06-3-00\rb: "2"\r'


def test_duplicates_are_all_set_and_told():
    edit = cnf.set_image_version(b'image_version: a\n#image_version: b\nImage_version: " c"\n\nimage_version: P0S3-06-3-00', NEW)
    assert edit.data == b'image_version: P0S3-06-3-00\n#image_version: b\nImage_version: "P0S3-06-3-00"\n\nimage_version: P0S3-06-3-00'
    assert edit.before == ((1, "a"), (3, " c"), (5, NEW))


@pytest.mark.parametrize(
    "data, changed, line",
    [
        (b"", b'image_version: "P0S3-06-3-00"\n', 1),
        (b"a: 1\n", b"image_version: P0S3-06-3-00\na: 1\n", 1),
        (b'# c\r\n\r\na: "1"\r\nb: 2\r\nc: "3"\r\n', b'# c\r\n\r\nimage_version: "P0S3-06-3-00"\r\na: "1"\r\nb: 2\r\nc: "3"\r\n', 3),
        (b'a:"1";\nb:"";\n', b'image_version:"P0S3-06-3-00";\na:"1";\nb:"";\n', 1),
        (b"a : 1\nb : 2\nc: 3\n", b"image_version : P0S3-06-3-00\na : 1\nb : 2\nc: 3\n", 1),
        (b'a: "1" ; x\nb: "2" ; y\n', b'image_version: "P0S3-06-3-00"\na: "1" ; x\nb: "2" ; y\n', 1),
        (b"a: 1", b"image_version: P0S3-06-3-00\na: 1", 1),
        (b"a:\nb:\nc:\nd : 1\n", b"image_version : P0S3-06-3-00\na:\nb:\nc:\nd : 1\n", 1),
        (b"#image_version: x\na: 1\n", b"#image_version: x\nimage_version: P0S3-06-3-00\na: 1\n", 2),
        (b"a: 1\r\n; image_version: x\r\nb: 1\n", b"a: 1\r\n; image_version: x\r\nimage_version: P0S3-06-3-00\r\nb: 1\n", 3),
        (b"a: 1\r\n#image_version: x", b"a: 1\r\n#image_version: x\r\nimage_version: P0S3-06-3-00", 3),
        (b"#image_version: x", b'#image_version: x\nimage_version: "P0S3-06-3-00"', 2),
        (b"#image_version is set below\n#b: 1\n", b'#image_version is set below\n#b: 1\nimage_version: "P0S3-06-3-00"\n', 3),
        (b"# c\r\n# d", b'# c\r\n# d\r\nimage_version: "P0S3-06-3-00"', 3),
        (b"\r\n", b'\r\nimage_version: "P0S3-06-3-00"\r\n', 2),
        (b"image_version=x\nb: 2\n", b"image_version=x\nimage_version: P0S3-06-3-00\nb: 2\n", 2),
        (
            b"\xef\xbb\xbfimage_version: x\nb: 2\n",
            b"\xef\xbb\xbfimage_version: P0S3-06-3-00\nimage_version: P0S3-06-3-00\nb: 2\n",
            2,
        ),
    ],
)
def test_a_missing_line_is_added_in_the_files_own_style(data, changed, line):
    edit = cnf.set_image_version(data, NEW, add=True)
    assert edit.data == changed
    assert edit.added == line
    assert edit.data.split(b"\n")[line - 1].startswith(b"image_version")
    again = cnf.set_image_version(edit.data, NEW, add=True)
    assert (again.data, again.added) == (edit.data, None)


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


@pytest.mark.parametrize(
    "line, masked",
    [
        (b'phone_password: "hunter2"', b'phone_password: "********"'),
        (b'phone_password: "hunter2" ; not hunter2', b'phone_password: "********" ; not ********'),
        (b'line1_password: "hunter2";', b'line1_password: "********";'),
        (b"Line1_Password:hunter2", b"Line1_Password:********"),
        (b"line1_password: hunter2 ; c", b"line1_password: ******** ; c"),
        (b"line1_password: hun;ter2", b"line1_password: ********"),
        (b"line1_password: hunter2  ", b"line1_password: ********  "),
        (b"#line1_password: hunter2", b"#line1_password: ********"),
        (b'; line1_password: "hunter2"', b'; line1_password: "********"'),
        (b"line1_password=hunter2", b"line1_password=********"),
        (b'line1_password "hunter2"', b'line1_password "********"'),
        (b'line1_password: "hunter2 ; c', b"line1_password: ********"),
        (b'line1_password: "hun"ter2" ; c', b"line1_password: ********"),
        (b'line1_password: "hun";ter2"', b"line1_password: ********"),
        (b"line1_password: ;hunter2", b"line1_password: ********"),
        (b"# was line1_password: hunter2", b"# was line1_password: ********"),
        (b'"line1_password": "hunter2"', b'"line1_password": "********"'),
        (b"\xef\xbb\xbfline1_password: hunter2", b"\xef\xbb\xbfline1_password: ********"),
        (b"encrypt_key: hunter2", b"encrypt_key: ********"),
        (b"my_secret: hunter2", b"my_secret: ********"),
        (b"a: 1\rline1_password: hunter2\rb: 1", b"a: 1\rline1_password: ********"),
        (b'line1_password: ""\t; none', b'line1_password: ""\t; none'),
        (b"line1_password:", b"line1_password:"),
        (b"line1_password: ; none", b"line1_password: ; none"),
        (b"# Line 1 Registration Password", b"# Line 1 Registration Password"),
        (b"line1_authname: 1001", b"line1_authname: 1001"),
    ],
)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_mask(line, masked, end):
    assert cnf.mask(b"a: 1\n" + line + end + b"\nb: 2") == b"a: 1\n" + masked + end + b"\nb: 2"


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
