# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import MAX_CONFIG, Root, RootError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._root.roots import (
    PHONE,
    apply,
    look,
    names,
    refused,
)


@pytest.mark.parametrize(
    "name",
    [
        "SIP_TEMPL.cnf",
        "SIP-old.cnf",
        "SIPDefault.cnf.bak",
        "SIPDefault.cnf2",
        "SIPDefault.cnf~",
        ".SIPDefault.cnf.swp",
        "SIP.cnf",
        "sip.conf",
        f"#{PHONE}#",
    ],
)
def test_other_files_are_let_be(root, name):
    (root / name).write_bytes(b"image_version: x\n")
    assert name not in names(look(root))
    (root / name).unlink()
    (root / name).mkdir()
    look(root)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    "make, fault",
    [
        (Path.mkdir, "is a folder, not a file"),
        (os.mkfifo, "is a named pipe, not a file"),
        (make_socket, "is a socket, not a file"),
        (lambda path: path.symlink_to("/etc/hostname"), "symbolic link that leaves"),
        (lambda path: path.symlink_to("../outside.cnf"), "symbolic link that leaves"),
        (lambda path: path.symlink_to("nowhere"), "symbolic link to nothing"),
        (lambda path: path.symlink_to(path.name), "symbolic link to nothing"),
        (lambda path: path.symlink_to("."), "symbolic link"),
        (lambda path: path.write_bytes(bytes(MAX_CONFIG + 1)), "that long"),
    ],
)
@pytest.mark.parametrize("name", ["SIPDefault.cnf", PHONE, "OS79XX.TXT"])
def test_something_else_where_a_file_should_be(root, name, make, fault):
    (root.parent / "outside.cnf").write_bytes(b"image_version: x\n")
    (root / name).unlink()
    make(root / name)
    error = refused(root)
    assert len(error.faults) == 1
    assert error.faults[0].startswith(name + " ")
    assert fault in error.faults[0]


def test_links_inside_the_root_are_followed_and_stay(root):
    store = root / "store"
    store.mkdir()
    (root / "SIPDefault.cnf").rename(store / "default")
    (root / "SIPDefault.cnf").symlink_to("store/default")
    (root / "SIP000000000001.cnf").symlink_to(root / PHONE)
    (root / "SIP000000000002.cnf").symlink_to(PHONE)
    plan = look(root)
    assert names(plan) == ["SIPDefault.cnf", "SIP000000000001.cnf", "OS79XX.TXT"]
    apply(root, plan.changes)
    assert os.readlink(root / "SIPDefault.cnf") == "store/default"
    assert (store / "default").read_bytes().startswith(b'image_version: "P0S3-06-3-00"')
    assert (root / PHONE).read_bytes().startswith(b"image_version: P0S3-06-3-00")
    assert os.listdir(store) == ["default"]


def test_a_linked_root_and_relative_paths(root, monkeypatch):
    link = root.parent / "link"
    link.symlink_to(root)
    assert len(look(link).changes) == 3
    monkeypatch.chdir(root.parent)
    apply("link", look("link/").changes)
    assert not look("tftp").changes


@pytest.mark.parametrize("value", ["./phones/", "phones", "/phones", ".\\phones\\", "phones/../phones"])
def test_the_folder_that_tftp_cfg_dir_names_is_examined_too(root, value):
    (root / "SIPDefault.cnf").write_text(f'image_version: x\ntftp_cfg_dir: "{value}"\n')
    (root / "phones").mkdir()
    (root / "phones" / "SIP000000000009.cnf").write_bytes(b"image_version: x")
    (root / "phones" / "SIPDefault.cnf").write_bytes(b"image_version: x")
    plan = look(root)
    assert plan.examined == 3
    assert "phones/SIP000000000009.cnf" in names(plan)
    apply(root, plan.changes)
    assert (root / "phones" / "SIP000000000009.cnf").read_bytes() == b"image_version: P0S3-06-3-00"
    (root / "phones" / "SIP00000000000a.cnf").touch()
    assert "phones/SIP00000000000a.cnf is in the wrong case" in str(refused(root))


@pytest.mark.parametrize("value", ["", "./", "/", ".", "UNPROVISIONED"])
def test_tftp_cfg_dir_that_is_the_root(root, value):
    (root / "SIPDefault.cnf").write_text(f"image_version: x\ntftp_cfg_dir: {value}\n")
    assert look(root).examined == 2


@pytest.mark.parametrize("value", ["..", "../", "phones/../../x", "..\\tftp2", "away"])
def test_tftp_cfg_dir_that_leaves_the_root(root, value):
    (root / "SIPDefault.cnf").write_text(f"image_version: x\ntftp_cfg_dir: {value}\n")
    (root / "away").symlink_to("..")
    assert re.search("SIPDefault.cnf:2: tftp_cfg_dir .* leaves", str(refused(root)))


def test_tftp_cfg_dir_that_is_no_folder(root):
    (root / "SIPDefault.cnf").write_text(f"image_version: x\ntftp_cfg_dir: {PHONE}\n")
    assert "is no folder" in str(refused(root))
    (root / "SIPDefault.cnf").write_bytes(b"image_version: x\ntftp_cfg_dir: no\0where\n")
    assert "is not there" in look(root).warnings[0]


@pytest.mark.parametrize(
    "path, fault",
    [("nowhere", "does not exist"), ("tftp/SIPDefault.cnf", "is a file, not a folder"), ("tftp/SIPDefault.cnf/x", "not exist")],
)
def test_no_root(root, path, fault):
    with pytest.raises(RootError, match=fault) as caught:
        Root(str(root.parent / path))
    assert str(root.parent / path) in str(caught.value)
    with pytest.raises(RootError):
        Root("a\0b")
