# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the system refuses: full disks, read-only mounts, other people's files."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    NOBODY,
    apply,
    as_root,
    changes,
    in_child,
    kill_in_commit,
    lock,
    repair,
    snapshot,
    state_files,
    undo,
)


def mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True, text=True)
    if done.returncode and "CI" in os.environ:
        pytest.fail(done.stderr)
    if done.returncode:
        pytest.skip("mounting is not allowed here")


def umount(path):
    subprocess.run(["umount", str(path)], check=True)


@as_root
@pytest.mark.parametrize("room", [0, 1, 6])
def test_a_full_disk_puts_all_back(folder, room):
    """Also with some room, so that it is full only after some of the files."""
    root = folder / "tftp"
    root.mkdir()
    mount("-t", "tmpfs", "-o", "size=128k,mode=755", "none", root)
    try:
        for number in range(8):
            (root / f"SIP00000000000{number}.cnf").write_bytes(b"image_version: x\n# " + b"c" * 4000 + b"\n")
        with open(root / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        with open(root / "filler", "rb+") as filler:
            filler.truncate((root / "filler").stat().st_size - room * 4096)
        new = {f"SIP00000000000{number}.cnf": b"y" * 4000 for number in range(8)}
        before = snapshot(root)
        with pytest.raises(TransactionError, match=r"cnf: No space left on device: every file is as it was; make room"):
            apply(root, new)
        assert snapshot(root) == before
        assert state_files(root) == []
        kept = changes(root, new)
        (root / "filler").unlink()
        with lock(root) as store:
            store.apply(kept)
        with open(root / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        done = snapshot(root)
        with pytest.raises(TransactionError, match=r"No space left on device: every file is as it was; make room"):
            undo(root)
        assert snapshot(root) == done
    finally:
        umount(root)


@as_root
def test_a_killed_run_is_repaired_on_a_full_disk(folder):
    root = folder / "tftp"
    root.mkdir()
    mount("-t", "tmpfs", "-o", "size=128k,mode=755", "none", root)
    try:
        for number in range(8):
            (root / f"SIP00000000000{number}.cnf").write_bytes(b"image_version: x\n# " + b"c" * 4000 + b"\n")
        before = snapshot(root)
        kill_in_commit(root, {f"SIP00000000000{number}.cnf": b"y" * 4000 for number in range(8)})
        with open(root / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        repair(root)
        after = snapshot(root)
        after.pop("filler")
        assert after == before
    finally:
        umount(root)


@as_root
def test_a_full_disk_for_the_records_changes_nothing(root):
    state = root.parent / "state"
    state.mkdir()
    mount("-t", "tmpfs", "-o", "size=4k,mode=755", "none", state)
    try:
        (root / "SIPDefault.cnf").write_bytes(os.urandom(20_000))
        before = snapshot(root)
        with pytest.raises(
            TransactionError, match=r"record with the originals .*No space left on device\): nothing was changed; make room"
        ):
            apply(root)
        assert snapshot(root) == before
        assert state_files(root) == []
    finally:
        umount(state)


@as_root
def test_a_root_that_is_mounted_read_only(root):
    before = snapshot(root)
    mount("--bind", root, root)
    try:
        mount("-o", "remount,bind,ro", root)
        with pytest.raises(TransactionError, match="Read-only file system: every file is as it was; mount it writable"):
            apply(root)
        assert snapshot(root) == before
        assert state_files(root) == []
    finally:
        umount(root)
    kill_in_commit(root)
    mount("--bind", root, root)
    try:
        mount("-o", "remount,bind,ro", root)
        with pytest.raises(TransactionError, match="half changed, and it could not be mended; mount it writable"):
            repair(root)
    finally:
        umount(root)
    repair(root)
    assert snapshot(root) == before


@as_root
def test_a_state_dir_that_is_mounted_read_only(root):
    state = root.parent / "state"
    state.mkdir()
    before = snapshot(root)
    mount("-t", "tmpfs", "-o", "ro,size=16k", "none", state)
    try:
        with pytest.raises(TransactionError, match=r"Read-only file system.: nothing was changed; .*set state_dir"):
            apply(root)
        assert snapshot(root) == before
    finally:
        umount(state)


@as_root
def test_a_user_who_may_not_write(root):
    state = root.parent / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    before = snapshot(root)
    new = {"SIPDefault.cnf": b"x\n"}

    def refused(text):
        with pytest.raises(TransactionError, match=text):
            apply(root, new)

    in_child(lambda: refused("SIPDefault.cnf: Permission denied: every file is as it was; .*ansible_become: true"), user=NOBODY)
    root.chmod(0o777)
    in_child(lambda: refused("SIPDefault.cnf belongs to somebody else, which user nobody cannot keep: run as root"), user=NOBODY)
    assert state_files(root) == []
    os.chown(state, 0, 0)
    shutil.rmtree(state)
    in_child(lambda: refused("state/tftp-.* cannot be made by user nobody .Permission denied.: nothing .*set state_dir"), user=NOBODY)
    root.chmod(0o755)
    assert snapshot(root) == before


@as_root
def test_a_name_that_is_too_long(root):
    name = "x" * 250
    (root / name).touch()
    before = snapshot(root)
    with pytest.raises(TransactionError, match="File name too long: every file is as it was; give it a shorter name"):
        apply(root, {"SIPDefault.cnf": b"x\n", name: b"new"})
    assert snapshot(root) == before
