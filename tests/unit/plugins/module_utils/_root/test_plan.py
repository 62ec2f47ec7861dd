# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._root.roots import (
    NEW,
    PHONE,
    apply,
    as_root,
    look,
    names,
    refused,
    snapshot,
)


def test_plan_and_apply(root):
    before = snapshot(root)
    plan = look(root)
    assert snapshot(root) == before
    assert names(plan) == ["SIPDefault.cnf", PHONE, "OS79XX.TXT"]
    assert plan.examined == 2
    assert [(file.mac, edit.before) for file, edit in plan.overrides] == [("001122AABBCC", ((1, "P0S3-07-4-00"),))]
    assert plan.os79xx_before == "P003-8-12-00 \r\n"
    assert plan.warnings == []
    apply(root, plan.changes)
    after = snapshot(root)
    assert set(after) == set(before)
    assert after["SIPDefault.cnf"][0] == b'image_version: "P0S3-06-3-00"\ntelnet_level: 2\n'
    assert after[PHONE][0] == b"image_version: P0S3-06-3-00\r\nline1_password: hunter2\r\n"
    assert after["OS79XX.TXT"][0] == b"P0S3-06-3-00\n"
    assert {name for name in after if after[name] != before[name]} == set(names(plan))
    again = look(root)
    assert (again.changes, again.overrides) == ([], [])


def test_missing_and_empty_files(root):
    (root / "OS79XX.TXT").unlink()
    (root / "SIPDefault.cnf").unlink()
    (root / "SIP001122AABBCD.cnf").write_bytes(b"")
    root.chmod(0o775)
    plan = look(root)
    assert names(plan) == ["SIPDefault.cnf", PHONE]
    assert apply(root, plan.changes, backup=True)[0][0] == PHONE
    assert (root / "SIPDefault.cnf").read_bytes() == b'image_version: "P0S3-06-3-00"\n'
    assert (root / "SIPDefault.cnf").stat().st_mode == 0o100644
    assert not look(root).changes


def test_all_faults_are_told_at_once_and_not_too_many(root):
    for number in range(30):
        (root / f"SIP0011bb{number:06}.cnf").touch()
    (root / "os79xx.txt").touch()
    (root / f"{NEW}.sbn").unlink()
    error = refused(root)
    assert len(error.faults) == 32
    assert str(error).endswith("; and 12 more")


def test_one_file_in_two_roles_is_refused(root):
    (root / PHONE).unlink()
    (root / PHONE).symlink_to("SIPDefault.cnf")
    assert "is the same file as SIPDefault.cnf" in str(refused(root))


def test_backups(root):
    before = snapshot(root)
    backups = dict(apply(root, look(root).changes, backup=True))
    assert set(backups) == {"SIPDefault.cnf", PHONE, "OS79XX.TXT"}
    for name, path in backups.items():
        assert os.path.dirname(path) == str(root)
        assert os.path.basename(path).startswith(f"{name}.{os.getpid()}.2")
        assert path.endswith("~")
        assert snapshot(root)[os.path.basename(path)] == before[name]
    look(root)


@as_root
def test_mode_owner_and_attributes_stay(root):
    path = root / PHONE
    os.chown(path, 1234, 4321)
    path.chmod(0o6640)
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes here")
    (root / "SIPDefault.cnf").unlink()
    os.chown(root, 1111, 2222)
    apply(root, look(root).changes)
    status = path.stat()
    assert (status.st_mode, status.st_uid, status.st_gid) == (0o106640, 1234, 4321)
    assert os.getxattr(path, "user.note") == b"kept"
    assert os.listxattr(root / "SIPDefault.cnf") == []
    made = (root / "SIPDefault.cnf").stat()
    assert (made.st_mode, made.st_uid, made.st_gid) == (0o100644, 1111, 2222)


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"# more\n"),
        lambda path: path.unlink(),
        lambda path: path.chmod(0o600),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to("SIP001122AABBCD.cnf")),
        lambda path: os.utime(path, (1, 1)),
        lambda path: (path.rename(path.with_suffix(".x")), shutil.copy2(path.with_suffix(".x"), path)),
    ],
)
@pytest.mark.parametrize("name", ["SIPDefault.cnf", "OS79XX.TXT"])
def test_a_file_changed_meanwhile_stops_all(root, name, meddle):
    plan = look(root)
    meddle(root / name)
    before = snapshot(root)
    with pytest.raises(TransactionError, match=name):
        apply(root, plan.changes)
    assert snapshot(root) == before


def test_a_file_created_meanwhile_stops_all(root):
    (root / "SIPDefault.cnf").unlink()
    plan = look(root)
    (root / "SIPDefault.cnf").write_bytes(b"theirs")
    before = snapshot(root)
    with pytest.raises(TransactionError, match=r"SIPDefault\.cnf was changed"):
        apply(root, plan.changes)
    assert snapshot(root) == before
