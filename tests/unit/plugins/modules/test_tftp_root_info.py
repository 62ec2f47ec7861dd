# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as it is used: in a process of its own."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.voip.cisco79xx.plugins.modules import tftp_root_info
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import as_root, run_module

IMAGE = "P0S3-06-3-00"


@pytest.fixture
def root(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own folders, xdist's among them, are closed to other users
        folder.chmod(0o755)
    make_image(tmp_path, IMAGE)
    (tmp_path / "SIPDefault.cnf").write_bytes(f"image_version: {IMAGE}\r\nphone_password: hunter2\r\ntelnet_level: 2\r\n".encode())
    (tmp_path / "SIP001122AABBCC.cnf").write_bytes(b'line1_password: "hunter2"\nproxy1_port=5060\n')
    (tmp_path / "OS79XX.TXT").write_bytes(f"{IMAGE}\n".encode())
    return tmp_path


def run(nobody=False, check=False, **arguments):
    return run_module("tftp_root_info", arguments, nobody=nobody, check=check)


def test_all_of_it_is_documented(root):
    (root / "XMLDefault.cnf.xml").write_bytes(b"<Default><loadInformation7>P0S3-07-4-00</loadInformation7></Default>")
    (root / "SIP001122AABBCD.cnf").write_bytes(b"a: 1\na: 2\n")
    (root / "SEP001122AABBCE.cnf.xml").write_bytes(b"<device/>")
    asked = {"tftp_root": str(root), "verify_tftp": True, "tftp_address": "127.0.0.1", "tftp_port": 1}
    answer = run(**asked)
    assert answer == run(**asked, check=True)
    assert answer.pop("changed") is False
    documented = yaml.safe_load(tftp_root_info.RETURN)
    assert set(answer) == set(documented)
    for name, value in answer.items():
        contains = documented[name].get("contains")
        if contains:
            parts = value if isinstance(value, list) else value.values() if name in ("phones", "others", "images") else [value]
            assert parts, name
            assert all(set(part) == set(contains) for part in parts), name


def test_a_sick_root_is_no_failure(root):
    (root / f"{IMAGE}.sbn").unlink()
    answer = run(tftp_root=str(root))
    assert [(fault["file"], fault["line"]) for fault in answer["faults"]] == [("SIP001122AABBCC.cnf", 2), ("SIPDefault.cnf", 1)]
    assert answer["images"][IMAGE]["missing"] == [f"{IMAGE}.sbn"]


def test_without_the_phones(root):
    answer = run(tftp_root=str(root), phones=False)
    assert not {"phones", "others"} & set(answer)
    assert answer["summary"]["phones"] == 1


@as_root
def test_files_that_cannot_be_read(root):
    (root / "SIP001122AABBCC.cnf").chmod(0o600)
    (root / "SIPDefault.cnf").chmod(0o600)
    (root / f"{IMAGE}.bin").chmod(0o600)
    answer = run(nobody=True, tftp_root=str(root))
    assert answer["default"] is None
    assert {fault["file"] for fault in answer["faults"]} >= {"SIP001122AABBCC.cnf", "SIPDefault.cnf"}
    assert not answer["images"][IMAGE]["whole"]
    told = [fault["text"] for fault in answer["faults"] if fault["file"] is None]
    assert f"{root} cannot be written by user nobody: run as a user who may (ansible_become: true), or mount it writable" in told

    root.chmod(0o700)
    answer = run(nobody=True, tftp_root=str(root))
    assert "cannot be read by user nobody" in answer["msg"]


@pytest.mark.parametrize(("path", "word"), [("/nowhere/at/all", "does not exist"), ("/etc/hostname", "not a folder")])
def test_no_root(path, word):
    answer = run(tftp_root=path)
    assert answer["failed"]
    assert word in answer["msg"]


def test_the_server_is_asked_only_if_that_is_wanted(root):
    assert run(tftp_root=str(root), tftp_port=1, tftp_address="127.0.0.1")["served"] is None


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none(root, port):
    answer = run(tftp_root=str(root), verify_tftp=True, tftp_port=port)
    assert answer["msg"] == f"tftp_port is {port}, which is no port: it takes a number from 1 to 65535"


def test_an_image_to_ask_for_that_is_none(root):
    assert "firmware.bin" in run(tftp_root=str(root), verify_tftp=True, image="firmware.bin")["msg"]


def test_an_unknown_user(root):
    assert "'nosuchuser' does not exist" in run(tftp_root=str(root), tftp_user="nosuchuser")["msg"]
