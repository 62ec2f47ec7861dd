# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions on real file systems, with real kills: a child of this process does the work and dies at each of its system calls."""

from __future__ import annotations

import os
import signal
import stat
import traceback

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.lock import locked
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import Change

NOBODY = 65534
PHONE = "SIP001122AABBCC.cnf"
WRITING = "open write replace rename link unlink fsync fchmod fchown utime mkdir chmod setxattr removexattr".split()

as_root = pytest.mark.skipif(os.geteuid() != 0 and "CI" not in os.environ, reason="takes root to make")


NEW = {
    "SIPDefault.cnf": b"image_version: P0S3-06-3-00\ntelnet_level: 2\n",
    **{f"SIP00000000000{number}.cnf": b"image_version: P0S3-06-3-00\r\n" + b"# filler\n" * number for number in range(4)},
    PHONE: b"image_version: P0S3-06-3-00\n",
    "SIP00000000000A.cnf": b"image_version: P0S3-06-3-00\n",
    "phones/SIP00000000000B.cnf": b"image_version: P0S3-06-3-00\n",
    "OS79XX.TXT": b"P0S3-06-3-00\n",
    "phones/SIP00000000000C.cnf": b"image_version: P0S3-06-3-00\n" * 50,
    "old.bin": None,
    "old.sbn": None,
}


def changes(root, new=NEW):
    made = []
    for name, after in new.items():
        path = (root / name).resolve()
        there = path.exists()
        inside = str(path.relative_to(root.resolve()))
        made.append(Change(name, inside, path.read_bytes() if there else None, after, path.lstat() if there else None))
    return made


def lock(root, check=False):
    return locked(str(root), str(root.parent / "state"), check)


def apply(root, new=NEW, **options):
    with lock(root) as store:
        return store.apply(changes(root, new), **options)


def undo(root, **options):
    with lock(root) as store:
        plan = store.plan_undo(**options)
        store.undo(plan)
        return plan


def records(root):
    with lock(root) as store:
        return store.records()


def state_files(root):
    """Of the root's records, without the lock."""
    return sorted(path.name for path in (root.parent / "state").glob("*/*") if path.name != "lock")


def snapshot(root, inodes=True):
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            note = os.getxattr(path, "user.note") if "user.note" in os.listxattr(path) else None
            times = (status.st_ino if inodes else 0, status.st_mtime_ns)
            found[str(path.relative_to(root))] = (path.read_bytes(), status.st_mode, status.st_uid, status.st_gid, note, *times)
        else:
            found[str(path.relative_to(root))] = os.readlink(path) if path.is_symlink() else status.st_mode
    return found


def plain(found):
    """What is the same each time: no inodes and times."""
    return {name: file[:5] if isinstance(file, tuple) else file for name, file in found.items()}


def timed(found):
    return {name: (*file[:5], file[6]) if isinstance(file, tuple) else file for name, file in found.items()}


class Killer:
    """From now on each system call that writes is counted, and the one with that number is not lived to see; a write ends half-way."""

    def __init__(self, at):
        self.at = at
        self.count = 0
        for name in WRITING:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name, real):
        def call(*arguments, **options):
            self._step()
            if name == "write":
                self._step(lambda: real(arguments[0], arguments[1][: len(arguments[1]) // 2]))
            return real(*arguments, **options)

        return call

    def _step(self, last=lambda: None):
        self.count += 1
        if self.count == self.at:
            last()
            os.kill(os.getpid(), signal.SIGKILL)


def in_child(work, kill_at=0, user=None):
    """Whether a process of its own did that work without being killed. Fails if it failed."""
    process = os.fork()
    if not process:
        try:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            if kill_at:
                Killer(kill_at)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def repair(root):
    with lock(root):
        pass


def kill_in_commit(root, new=NEW):
    """Leaves some of the files new, and the record pending."""

    def work():
        real, seen = os.replace, []

        def replace(source, target, **folders):
            if folders:
                seen.append(target)
            if len(seen) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            real(source, target, **folders)

        os.replace = replace  # type: ignore[assignment]
        apply(root, new)

    assert not in_child(work)
