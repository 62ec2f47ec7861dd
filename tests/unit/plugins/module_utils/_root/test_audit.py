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
    (tmp_path / "OS79XX.TXT").write_bytes(f"{OLD}\n".encode())
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
    line = {"line": 1, "name": "1", "authname": None, "displayname": None, "shortname": None}
    both = {"loads_file": None, "label": None, "phone_password_set": True}
    assert found["phones"] == {
        MAC: {
            "file": PHONE,
            "image": None,
            "effective_image": NEW,
            "telnet_level": None,
            "effective_telnet_level": 2,
            "lines": [line],
            **both,
        },
        "001122AABBCD": {
            "file": OTHER,
            "image": OLD,
            "effective_image": OLD,
            "telnet_level": 1,
            "effective_telnet_level": 1,
            "lines": [],
            **both,
        },
    }
    assert found["overrides"] == {"001122AABBCD": OLD}
    assert found["os79xx"] == {"present": True, "content": f"{OLD}\n", "name": OLD, "faults": []}
    assert {name: (image["whole"], image["named_by"], len(image["files"])) for name, image in found["images"].items()} == {
        NEW: (True, 1, 3),
        OLD: (True, 2, 2),
    }
    assert found["loads"] == []
    assert found["syncinfo"] == {"present": True, "images": [{"version": "*", "sync": "1"}]}
    assert found["files"] == {"dialplan": True, "dialplan_name": "plan.xml", "ringlist": True}
    assert found["advice"] == [
        "telnet_level is 1 for 1 of 2 phones: reset needs 2, which the playbook prepare sets, or the module phone_config"
    ]
    assert found["summary"] == {
        "phones": 2,
        "by_image": {OLD: 1, NEW: 1},
        "without_image": 0,
        "telnet_levels": {"1": 1, "2": 1},
        "without_phone_password": 0,
        "sccp": 0,
        "other_models": 0,
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
        ["RINGLIST.DAT", f"SEP{MAC}.cnf.xml", *(f"SIP00000000000{number}.cnf" for number in (1, 2, 3, 4, 6, 7))]
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
