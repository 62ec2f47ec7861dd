# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import ANYBODY, ServerUser
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.audit import survey as audit
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.findings import MOST
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

MAC = "001122AABBCC"
PHONE = f"SIP{MAC}.cnf"
OTHER = "SIP001122AABBCD.cnf"
NEW, OLD = "P0S3-8-12-00", "P0S3-06-3-00"
TOKEN = "Zq7token"


@pytest.fixture
def root(tmp_path):
    """A root without a fault, open to everybody."""
    tmp_path.chmod(0o755)
    for image in (NEW, OLD):
        make_image(tmp_path, image)
    (tmp_path / "SIPDefault.cnf").write_bytes(
        f'# all\r\nimage_version: "{NEW}"\r\ntelnet_level: 2\r\nphone_password: {TOKEN}\r\ndial_template: "plan"\r\n'.encode()
    )
    (tmp_path / PHONE).write_bytes(f'line1_name: "1";\nline1_password: "{TOKEN}";\n;image_version: P0S30203\n'.encode())
    (tmp_path / OTHER).write_bytes(f"Image_version : {OLD} ; kept\ntelnet_level: 1\n".encode())
    (tmp_path / "OS79XX.TXT").write_bytes(b"P003-8-12-00\n")
    (tmp_path / "RINGLIST.DAT").write_bytes(b"Bell\tbell.raw\r\n")
    (tmp_path / "plan.xml").write_bytes(b'<DIALTEMPLATE><TEMPLATE MATCH="*" Timeout="5"/></DIALTEMPLATE>')
    (tmp_path / "syncinfo.xml").write_bytes(b'<SYNCINFO><IMAGE VERSION="*" SYNC="1"/></SYNCINFO>')
    return tmp_path


def survey(root, server=None):
    before = sorted((str(path), path.lstat()) for path in root.rglob("*"))
    found = audit(Root(str(root)), server or ANYBODY)
    after = sorted((str(path), path.lstat()) for path in root.rglob("*"))
    assert [(path, status.st_mtime_ns, status.st_size) for path, status in before] == [
        (path, status.st_mtime_ns, status.st_size) for path, status in after
    ]
    assert TOKEN not in json.dumps(found)
    return found


def faults(root, **more):
    return [(fault["file"], fault["line"], fault["column"], fault["text"]) for fault in survey(root, **more)["faults"]]


def only_fault(root, **more):
    (fault,) = faults(root, **more)
    return fault


def test_a_sound_root(root):
    found = survey(root)
    assert found["faults"] == []
    assert found["duplicates"] == []
    assert found["default"] == {
        "file": "SIPDefault.cnf",
        "image": NEW,
        "telnet_level": 2,
        "phone_password_set": True,
        "tftp_cfg_dir": None,
        "dial_template": "plan",
    }
    plain = {"telnet_level": None, "effective_telnet_level": 2, "phone_password_set": True}
    assert found["phones"] == {
        MAC: {"file": PHONE, "image": None, "effective_image": NEW, **plain},
        "001122AABBCD": {
            "file": OTHER,
            "image": OLD,
            "effective_image": OLD,
            "telnet_level": 1,
            "effective_telnet_level": 1,
            "phone_password_set": True,
        },
    }
    assert found["overrides"] == {"001122AABBCD": OLD}
    assert found["os79xx"] == {"present": True, "content": "P003-8-12-00\n", "name": "P003-8-12-00", "faults": []}
    assert {name: (image["whole"], image["named_by"], len(image["files"])) for name, image in found["images"].items()} == {
        NEW: (True, 1, 3),
        OLD: (True, 1, 2),
    }
    assert found["loads"] == []
    assert found["syncinfo"] == {"present": True, "images": [{"version": "*", "sync": "1"}]}
    assert found["files"] == {"dialplan": True, "dialplan_name": "plan.xml", "ringlist": True}
    assert found["advice"] == ["telnet_level is 1 for 1 of 2 phones: reset needs 2"]
    assert found["summary"] == {
        "phones": 2,
        "by_image": {OLD: 1, NEW: 1},
        "without_image": 0,
        "telnet_levels": {"1": 1, "2": 1},
        "without_phone_password": 0,
        "overrides": 1,
        "images": 2,
        "images_whole": 2,
        "fights": 0,
        "faults": 0,
        "duplicates": 0,
    }


def test_an_empty_root(tmp_path):
    tmp_path.chmod(0o755)
    found = survey(tmp_path)
    assert (found["default"], found["phones"], found["faults"]) == (None, {}, [])
    assert found["os79xx"] == {"present": False, "content": None, "name": None, "faults": []}
    assert "no SIPDefault.cnf" in found["advice"][0]


def test_what_is_not_set_is_off(root):
    (root / "SIPDefault.cnf").write_bytes(b"phone_password: UNPROVISIONED\n")
    found = survey(root)
    assert found["default"]["telnet_level"] is None
    assert [phone["effective_telnet_level"] for phone in found["phones"].values()] == [0, 1]
    assert [phone["effective_image"] for phone in found["phones"].values()] == [None, OLD]
    assert not any(phone["phone_password_set"] for phone in found["phones"].values())
    assert len([text for text in found["advice"] if "of 2 phones" in text]) == 4


def test_own_settings_count(root):
    (root / PHONE).write_bytes(b"telnet_level: 0\r\nimage_version:\r\n")
    phone = survey(root)["phones"][MAC]
    assert (phone["image"], phone["effective_image"], phone["telnet_level"], phone["effective_telnet_level"]) == (None, NEW, 0, 0)


def test_many_files_of_the_wild_have_no_fault(root):
    (root / "SIPDefault.cnf").write_bytes(
        f'\nImage_version:"{NEW}";\n \t\nphone_label: "Desk "\nlanguage: \nsip_retx: 10\t\t; Default "10"\n;proxy1: x"\ntimer:2;x'.encode()
    )
    assert faults(root) == []


@pytest.mark.parametrize(
    ("data", "line", "column", "word"),
    [
        (b"a: 1\nproxy1_port=5060\n", 2, 12, "no colon"),
        (b'a: 1\r\n\r\nline1_name: "1001\r\n', 3, 13, "never closed"),
        (b"\xef\xbb\xbfa: 1\n", 1, 1, "byte order mark"),
        (b"a: 1\n  <b>\n", 2, 3, "starts with '<'"),
        (b"a: 1\nb: 2\na: 3\n", 3, 4, "sets a 2 times"),
        (b"telnet_level: 3\n", 1, 15, "'3': it has to be 0, 1 or 2"),
        (b"a: 1\nimage_version: POS3-06-3-00\n", 2, 16, "did you mean P0S3-06-3-00?"),
        (b"image_version: P0S3-07-5-00 ; not here\n", 1, 16, "are missing"),
    ],
)
def test_faults_in_a_file(root, data, line, column, word):
    (root / PHONE).write_bytes(data)
    found = only_fault(root)
    assert found[:3] == (PHONE, line, column)
    assert word in found[3]


def test_duplicates(root):
    (root / "SIPDefault.cnf").write_bytes(f"image_version: {OLD}\nA: 1\na: 1\nimage_version: {NEW}\n".encode())
    found = survey(root)
    assert found["duplicates"] == [
        {"file": "SIPDefault.cnf", "key": "image_version", "lines": [1, 4]},
        {"file": "SIPDefault.cnf", "key": "a", "lines": [2, 3]},
    ]
    assert found["default"]["image"] == NEW
    assert [fault["line"] for fault in found["faults"]] == [4]


def test_a_file_full_of_faults_is_cut_short(root):
    (root / PHONE).write_bytes(b"x\n" * 1000)
    found = faults(root)
    assert len(found) == MOST + 1
    assert found[-1][1] == MOST + 1
    assert "980 more" in found[-1][3]


def test_one_missing_image_is_one_fault(root):
    for number in range(5):
        (root / f"SIP00000000000{number}.cnf").write_bytes(b"image_version: P0S3-07-5-00\n")
    assert "(and so do 4 more files)" in only_fault(root)[3]
    assert survey(root)["images"].get("P0S3-07-5-00") is None


@pytest.mark.parametrize(
    ("content", "columns", "words"),
    [
        (b"P003-8-12-00", [], []),
        (b"P0S3-8-12-00\n", [], []),
        (b"P003-8-12-00 \r\n", [13, 14], ["blank", "carriage return"]),
        (b"P003-8-12-00.sbn\n", [1], ["extension '.sbn'"]),
        (b"p003-8-12-00\n", [1], ["did you mean P003-8-12-00?"]),
        (b"\nP003-8-12-00\n", [1], ["before the name"]),
        (b"P003-8-12-00\n\n", [13], ["more than one line"]),
        (b"", [1], ["is empty"]),
        (b"phone_password: " + TOKEN.encode(), [1], ["'phone_********'"]),
    ],
)
def test_os79xx(root, content, columns, words):
    (root / "OS79XX.TXT").write_bytes(content)
    found = [fault for fault in faults(root) if "missing" not in fault[3]]
    assert [fault[:3] for fault in found] == [("OS79XX.TXT", 1, column) for column in columns]
    assert all(word in fault[3] for word, fault in zip(words, found, strict=True))
    assert survey(root)["os79xx"]["faults"] == [fault[3] for fault in found]


def test_os79xx_against_the_default(root):
    (root / "OS79XX.TXT").write_bytes(f"{OLD}\n".encode())
    assert any("only phones that run 6.x or older read it" in text for text in survey(root)["advice"])
    (root / "SIPDefault.cnf").write_bytes(f"image_version: {OLD}\n".encode())
    (root / "OS79XX.TXT").write_bytes(b"P003-8-12-00\n")
    assert "P0S3-06-3-00 belongs there" in only_fault(root)[3]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("os79xx.txt", "OS79XX.TXT"),
        ("sipdefault.CNF", "SIPDefault.cnf"),
        (f"SIP{MAC.lower()}.cnf", PHONE),
        ("SIP0011.cnf", "4 digits"),
        ("Plan.xml", "plan.xml"),
        ("ringlist.dat", "RINGLIST.DAT"),
        (f"SEP{MAC.lower()}.cnf.xml", f"SEP{MAC}.cnf.xml"),
    ],
)
def test_names(root, name, right):
    (root / "plan.xml").unlink()
    (root / "RINGLIST.DAT").unlink()
    (root / name).write_bytes(b"<a/>")
    file, _line, _column, text = only_fault(root)
    assert file == name
    assert right in text


def test_image_files_in_the_wrong_case(root):
    (root / f"{NEW}.sb2").rename(root / f"{NEW}.SB2")
    image = survey(root)["images"][NEW]
    assert (image["whole"], image["missing"]) == (False, [f"{NEW}.sb2"])
    assert f"rename {NEW}.SB2 to {NEW}.sb2" in only_fault(root)[3]


def test_images_that_nobody_names(root):
    make_image(root, "P0S3-07-5-00")
    (root / "P0S3-07-5-00.sb2").write_bytes(b"")
    (root / "P003-07-4-00.sbn").write_bytes((root / "P003-07-5-00.sbn").read_bytes())
    (root / "P00308010200.sbn").write_bytes(b"another protocol")
    found = survey(root)
    assert found["faults"] == []
    assert found["images"]["P0S3-07-5-00"]["problems"] == ["P0S3-07-5-00.sb2 is empty: copy it again from Cisco's archive"]
    assert "renamed" in found["images"]["P003-07-4-00"]["problems"][0]
    assert set(found["images"]) == {NEW, OLD, "P0S3-07-5-00", "P003-07-4-00"}


@pytest.mark.parametrize(
    ("name", "xml", "load", "fights"),
    [
        ("XMLDefault.cnf.xml", '<Default><loadInformation8 model="IP Phone 7940">%s</loadInformation8></Default>', "P0S3-07-4-00", True),
        ("XMLDefault.cnf.xml", "<Default><loadInformation7>%s</loadInformation7></Default>", NEW, False),
        ("XMLDefault.cnf.xml", "<Default><loadInformation7> %s\n</loadInformation7></Default>", "P003-8-12-00", False),
        ("XMLDefault.cnf.xml", '<Default><loadInformation9 model="IP Phone 7970">%s</loadInformation9></Default>', None, False),
        ("XMLDefault.cnf.xml", "<Default><loadInformation6>%s</loadInformation6></Default>", None, False),
        (f"SEP{MAC}.cnf.xml", '<device><loadInformation model="IP Phone 7960">%s</loadInformation></device>', "P0S3-8-12", True),
        (f"SEP{MAC}.cnf.xml", "<device><loadInformation>%s</loadInformation></device>", NEW, False),
        ("SEP001122AABBCD.cnf.xml", "<device><loadInformation>%s</loadInformation></device>", NEW, True),
        ("SEPFFFFFFFFFFFF.cnf.xml", "<device><loadInformation>%s</loadInformation></device>", "SIP41.8-5-4S", False),
        ("SEPFFFFFFFFFFFF.cnf.xml", "<device><loadInformation>%s</loadInformation></device>", "P00308010200", True),
        (f"SEP{MAC}.cnf.xml", "<device><loadInformation></loadInformation></device>", None, False),
        (f"SEP{MAC}.cnf.xml", "<device><!-- <loadInformation>P0S30203</loadInformation> --></device>", None, False),
    ],
)
def test_loads(root, name, xml, load, fights):
    (root / name).write_text(xml.replace("%s", load or "P0S3-07-4-00"))
    found = survey(root)
    assert [(known["load"], known["fights"]) for known in found["loads"]] == ([] if load is None else [(load, fights)])
    assert found["summary"]["fights"] == len(found["faults"]) == fights


@pytest.mark.parametrize(
    ("data", "line", "column", "word"),
    [
        (b'<SYNCINFO>\r\n <IMAGE VERSION="*" SYNC="1"/>\r\n <IMAGE VERSION="P SYNC="1"/>\r\n</SYNCINFO>', 3, None, "no well-formed XML"),
        (b"", 1, 1, "no element found"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 1, None, "document type"),
        (b'<?xml version="1.0" encoding="utf-7"?><a>', 1, None, "no element found"),
    ],
)
def test_broken_xml(root, data, line, column, word):
    (root / "syncinfo.xml").write_bytes(data)
    found = only_fault(root)
    assert found[:2] == ("syncinfo.xml", line)
    assert column in (None, found[2])
    assert word in found[3]


def test_passwords_inside_a_broken_load(root):
    (root / f"SEP{MAC}.cnf.xml").write_text(f"<device><loadInformation>P0S3<phonePassword>{TOKEN}</phonePassword>{TOKEN}")
    assert [load["load"] for load in survey(root)["loads"]] == ["P0S3"]


def test_files_that_are_none(root):
    os.mkfifo(root / "SIP000000000001.cnf")
    (root / "SIP000000000002.cnf").mkdir()
    (root / "SIP000000000003.cnf").symlink_to("/etc/hostname")
    (root / "SIP000000000004.cnf").symlink_to("nothing")
    (root / "SIP000000000005.cnf").symlink_to(OTHER)
    (root / "SIP000000000006.cnf").write_bytes(b"")
    (root / "SIP000000000007.cnf").write_bytes(bytes(2 << 20))
    os.mkfifo(root / f"SEP{MAC}.cnf.xml")
    (root / "RINGLIST.DAT").unlink()
    os.mkfifo(root / "RINGLIST.DAT")
    found = survey(root)
    assert sorted(fault["file"] for fault in found["faults"]) == sorted(
        ["RINGLIST.DAT", f"SEP{MAC}.cnf.xml", *(f"SIP00000000000{number}.cnf" for number in (1, 2, 3, 4, 7))]
    )
    assert set(found["phones"]) == {MAC, "001122AABBCD", "000000000005", "000000000006"}
    assert found["phones"]["000000000005"] == {**found["phones"]["001122AABBCD"], "file": "SIP000000000005.cnf"}
    assert found["overrides"] == {"001122AABBCD": OLD, "000000000005": OLD}


def test_the_folder_of_the_phones(root):
    default = root / "SIPDefault.cnf"
    default.write_bytes(default.read_bytes() + b'tftp_cfg_dir: "./phones/"\r\n')
    (root / "phones").mkdir()
    (root / "phones" / PHONE).write_bytes(b"telnet_level: 0\n")
    found = survey(root)
    assert found["default"]["tftp_cfg_dir"] == "./phones/"
    assert found["phones"][MAC]["file"] == f"phones/{PHONE}"
    assert [(fault["file"], "not asked for" in fault["text"]) for fault in found["faults"]] == [(PHONE, True)]

    default.write_bytes(default.read_bytes().replace(b"./phones/", b"../phones"))
    assert only_fault(root)[:2] == ("SIPDefault.cnf", 6)


def test_permissions(root):
    (root / PHONE).chmod(0o600)
    (root / "OS79XX.TXT").chmod(0o640)
    (root / f"{NEW}.sb2").chmod(0o600)
    found = faults(root)
    assert [fault[0] for fault in found] == [PHONE, "OS79XX.TXT", "SIPDefault.cnf", "OS79XX.TXT"][: len(found)]
    assert all("not readable for the TFTP server's user" in fault[3] for fault in found)
    assert not any("verify_files" in fault[3] for fault in found)
    status = root.stat()
    assert faults(root, server=ServerUser(status.st_uid, frozenset(), "owner")) == []
    root.chmod(0o700)
    assert "is closed to the TFTP server's user (mode 0700)" in faults(root)[0][3]


def test_hostile_names_and_values(root):
    (root / os.fsdecode(b"SIP\xff\x1b[2J.cnf")).write_bytes(b"")
    (root / PHONE).write_bytes(b"image_version: \x1b]0;P0S3\xff\xe2\x80\xae\n")
    (root / OTHER).write_bytes(b"image_version: " + b"A" * 10000 + b"\n")
    text = json.dumps(survey(root), ensure_ascii=False)
    assert json.dumps(text).isascii() or text.isprintable()
    assert text.isprintable()
    assert len(text) < 10000


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
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.tuples(st.one_of(LINES, st.binary(max_size=12)), st.sampled_from([b"\n", b"\r\n", b"\r", b""])), max_size=8).map(
        lambda lines: b"".join(text + end for text, end in lines)
    ),
)


NAMES = st.sampled_from(
    ["SIPDefault.cnf", PHONE, OTHER, "OS79XX.TXT", "XMLDefault.cnf.xml", f"SEP{MAC}.cnf.xml", "syncinfo.xml", "dialplan.xml", f"{OLD}.sbn"]
)
SECRETS = st.builds(
    "{}{}_password{}{}{}{}".format,
    st.sampled_from(
        [
            "",
            "#",
            ";",
            " ",
            "image_version: ",
            'image_version "',
            "\ufeff",
            "\r",
            "<loadInformation>",
            "tftp_cfg_dir=",
            "tftp_cfg_dir: ",
            "dial_template: ",
            "telnet_level: ",
        ]
    ),
    st.sampled_from(["phone", "line1", "PHONE", "_"]),
    st.sampled_from([":", " : ", "=", " ", '": "', "\t:\t", ' "', "::", ": '"]),
    st.sampled_from(["", '"', "'", "\r"]),
    st.just(TOKEN),
    st.sampled_from(["", '"', '";', " ; x", "\r", f" {TOKEN}", "</loadInformation>"]),
).map(str.encode)


@given(st.dictionaries(NAMES, st.lists(st.one_of(FILES, SECRETS), max_size=5).map(b"\n".join), max_size=5))
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_it_and_no_password_gets_out(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        survey(Path(folder))
