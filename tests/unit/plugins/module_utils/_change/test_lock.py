# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time, and where its records are."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.claim import default_state_dir
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.lock import locked
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    NOBODY,
    PHONE,
    apply,
    as_root,
    in_child,
    lock,
    snapshot,
    undo,
)

# The lock


def hold(root):
    """A process that holds the lock until it is killed."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        try:
            with lock(root):
                os.write(write, b"x")
                signal.pause()
        finally:
            os._exit(1)
    assert os.read(read, 1) == b"x"
    os.close(read)
    os.close(write)
    return process


def test_two_runs_at_once(root):
    process = hold(root)
    try:
        before = snapshot(root)
        for check in (False, True):
            with (
                pytest.raises(TransactionError, match=f"^another run is changing {root}: wait for it to end, and run again$"),
                lock(root, check),
            ):
                pass
        assert snapshot(root) == before
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    apply(root)
    undo(root)


def test_many_may_look_at_once(root):
    apply(root, {PHONE: b"x"})
    with lock(root, check=True), lock(root, check=True), pytest.raises(TransactionError, match="another run"), lock(root):
        pass


def test_a_lock_that_cannot_be_had(root, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(TransactionError, match=r"lock cannot be locked \(No locks available\): set state_dir"):
        apply(root)
    shutil.rmtree(root.parent / "state")
    with lock(root, check=True):
        pass
    assert not (root.parent / "state").exists()


def test_the_lock_is_of_the_root_whatever_it_is_called(root):
    link = root.parent / "link"
    link.symlink_to(root)
    with lock(root), pytest.raises(TransactionError, match="another run"), lock(link):
        pass


@as_root
def test_somebody_who_may_only_read_the_root_keeps_nobody_out(root):
    root.chmod(0o777)

    def take_all():
        for path in (root, root.parent / "state", "/var/lib/cisco79xx", "/var/lib/cisco79xx/roots", "/var/lib/cisco79xx/roots/lock"):
            with suppress(OSError):
                fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)

    apply(root, {PHONE: b"x"})
    read, write = os.pipe()
    process = os.fork()
    if not process:
        try:
            os.setuid(NOBODY)
            take_all()
            os.write(write, b"x")
            signal.pause()
        finally:
            os._exit(1)
    assert os.read(read, 1) == b"x"
    try:
        apply(root)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


# Another state folder


@pytest.mark.parametrize("check", [False, True])
def test_a_root_that_belongs_to_another_state_folder(root, check):
    """Two of them would not see each other's locks, and undo each other's work."""
    apply(root)
    elsewhere = root.parent / "elsewhere"
    state = root.parent / "state"
    why = f"^the lock and the records of {root} are in {state}/tftp-.*, not in {elsewhere}/tftp-.*: set state_dir to {state}, "
    before = snapshot(root.parent)
    with pytest.raises(TransactionError, match=why), locked(str(root), str(elsewhere), check):
        pass
    made = set(snapshot(root.parent)) - set(before)
    assert not [name for name in made if name.endswith("lock")]
    shutil.rmtree(elsewhere, ignore_errors=True)
    state.rename(elsewhere)
    with locked(str(root), str(elsewhere), check):
        pass


@pytest.mark.parametrize("check", [False, True])
def test_a_root_that_is_changed_with_another_state_folder(root, check):
    with lock(root), pytest.raises(TransactionError, match=r"are in .*/state/tftp-"), locked(str(root), str(root.parent / "new"), check):
        pass


@as_root
def test_a_root_by_another_name(root):
    """Mounted twice: one lock, one set of records; and no records in a folder that is served by its other name."""
    other = root.parent / "other"
    other.mkdir()
    subprocess.run(["mount", "--bind", str(root), str(other)], check=True)
    try:
        with lock(root), pytest.raises(TransactionError, match=f"{other} is {root} by another name"), lock(other):
            pass
        with pytest.raises(TransactionError, match="is inside"), locked(str(root), str(other / "state")):
            pass
    finally:
        subprocess.run(["umount", str(other)], check=True)


@as_root
def test_another_user_sees_what_is_roots(root):
    apply(root)

    def refused():
        os.environ["HOME"] = str(root.parent)
        with pytest.raises(TransactionError, match=f"are in {root.parent}/state/"), locked(str(root)):
            pass

    assert in_child(refused, user=NOBODY)


@as_root
def test_nobody_else_can_claim_a_root_for_root(root):
    apply(root)
    inode = f"{root.stat().st_dev:x}-{root.stat().st_ino:x}"
    claims = [Path("/var/lib/cisco79xx/roots", name) for name in (inode, *os.listdir(root.parent / "state"))]
    assert len(claims) == 2
    for path in claims:
        os.chown(path, NOBODY, NOBODY)
    with locked(str(root), str(root.parent / "elsewhere")):
        pass


@pytest.mark.parametrize(
    "path, fault",
    [
        ("nowhere", "nowhere does not exist: set tftp_root"),
        ("tftp/SIPDefault.cnf", "is a file, not a folder"),
        ("tftp/SIPDefault.cnf/x", "does not exist"),
        ("\0", "is no path"),
    ],
)
def test_no_root(root, path, fault):
    with pytest.raises(TransactionError, match=fault), locked(str(root.parent / path)):
        pass


def test_an_empty_root(monkeypatch, root):
    monkeypatch.chdir(root)
    with pytest.raises(TransactionError, match="'' does not exist: set tftp_root"), locked(""):
        pass


# Where records are


@pytest.mark.parametrize("inside", ["", "state", "a/b", "./state/../state", "link"])
def test_a_state_dir_inside_the_root_is_refused(root, inside):
    (root.parent / "away").symlink_to(root / "phones")
    for path in (root / inside, root.parent / "away"):
        with pytest.raises(TransactionError, match=r"is inside .* where phones could fetch the passwords"), locked(str(root), str(path)):
            pass
    assert not (root / "state").exists()


def test_where_records_are(root, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_state_dir() == "/var/lib/cisco79xx"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert default_state_dir() == "/home/me/.local/state/cisco79xx"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_state_dir() == "/home/me/.local/state/cisco79xx"
    monkeypatch.setenv("XDG_STATE_HOME", "/states")
    assert default_state_dir() == "/states/cisco79xx"


def test_a_run_that_changes_nothing_leaves_nothing(root):
    before = snapshot(root.parent)
    with lock(root):
        assert (root.parent / "state").exists()
    assert snapshot(root.parent) == before
    (root.parent / "state").mkdir()
    before = snapshot(root.parent)
    with lock(root):
        pass
    assert snapshot(root.parent) == before


def test_each_root_has_its_own_folder_of_records(root):
    others = [root.parent / name / "tftp" for name in ("one", "two")] + [root.parent / "\u00e9 \n"]
    for other in others:
        other.mkdir(parents=True)
        apply(other, {"OS79XX.TXT": b"x"})
    names = [path.name for path in root.parent.glob("*/state/*")] + [path.name for path in (root.parent / "state").iterdir()]
    assert sorted(name.rpartition("-")[0] for name in names) == ["___", "tftp", "tftp"]
    assert len(set(names)) == 3
    with pytest.raises(TransactionError, match="is no path"), locked(str(root), "a\0b"):
        pass


@as_root
def test_records_of_somebody_else_are_not_trusted(root):
    apply(root)
    (kept,) = (root.parent / "state").iterdir()
    os.chown(kept, NOBODY, NOBODY)
    with pytest.raises(TransactionError, match="is no folder of user root: run as its owner"), lock(root):
        pass
