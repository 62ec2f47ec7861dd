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
import stat

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.lock import locked, state_folder
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    NOBODY,
    apply,
    as_root,
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


@pytest.mark.parametrize("folders", ["can be locked", "cannot be locked"])
def test_two_runs_at_once(root, monkeypatch, folders):
    flock = fcntl.flock

    def no_folders(descriptor, how):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(descriptor, how)

    if folders == "cannot be locked":
        monkeypatch.setattr(fcntl, "flock", no_folders)
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
    with lock(root, check=True), lock(root, check=True), pytest.raises(TransactionError, match="another run"), lock(root):
        pass


def test_a_lock_file_that_cannot_be_locked_either(root, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(TransactionError, match=r"neither .* can be locked: set state_dir"):
        apply(root)
    shutil.rmtree(root.parent / "state")
    with lock(root, check=True):
        pass
    assert not (root.parent / "state").exists()


def test_the_lock_is_on_the_root_itself_whatever_it_is_called(root):
    link = root.parent / "link"
    link.symlink_to(root)
    with lock(root), pytest.raises(TransactionError, match="another run"), lock(link):
        pass
    with lock(root), pytest.raises(TransactionError, match="another run"), locked(str(root), str(root.parent / "elsewhere")):
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
    assert state_folder("/srv/tftp").startswith("/var/lib/cisco79xx/tftp-")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert state_folder("/srv/tftp").startswith("/home/me/.local/state/cisco79xx/tftp-")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_folder("/srv/tftp").startswith("/home/me/.local/state/cisco79xx/tftp-")
    monkeypatch.setenv("XDG_STATE_HOME", "/states")
    assert state_folder("/srv/tftp").startswith("/states/cisco79xx/tftp-")
    assert state_folder("/srv/\u00e9 \n").startswith("/states/cisco79xx/___-")
    assert state_folder("/srv/tftp") != state_folder("/srv2/tftp")
    with pytest.raises(TransactionError, match="is inside"):
        state_folder("/")
    with pytest.raises(TransactionError, match="is no path"):
        state_folder("/srv/tftp", "a\0b")


@as_root
def test_records_of_somebody_else_are_not_trusted(root):
    apply(root)
    (kept,) = (root.parent / "state").iterdir()
    os.chown(kept, NOBODY, NOBODY)
    with pytest.raises(TransactionError, match="is no folder of user root: run as its owner"), lock(root):
        pass
