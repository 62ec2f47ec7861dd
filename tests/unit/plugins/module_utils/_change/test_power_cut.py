# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The power is cut: file systems in files, shut down without writing what they still have in memory, at many moments.

After each cut the next run finds all files as they were or all of them new, none empty, and no hidden copy in the served folder.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils import _tree
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import apply, repair, undo

OLD, NEW = b"image_version: P0S3-8-12-00\n# " + b"old " * 1000, b"image_version: P0S3-06-3-00\n# " + b"new " * 900
MOMENTS = 10
SLOW_TO_WRITE = 31.0
"""Seconds after which XFS has written down new names by itself, and not yet what is in the files."""


class Disk:
    def __init__(self, folder: Path, kind: str) -> None:
        self.image, self.mounted, self.kind = folder / f"{kind}.img", folder / kind, kind
        self.root = self.mounted / "tftp"
        self.mounted.mkdir()

    def make(self) -> None:
        with open(self.image, "wb") as file:
            file.truncate(320 << 20)
        subprocess.run([f"mkfs.{self.kind}", "-q", "-F" if self.kind == "ext4" else "-f", str(self.image)], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.mounted)], check=True)

    def umount(self) -> None:
        subprocess.run(["umount", str(self.mounted)], check=True)

    def on_again(self) -> None:
        """From a copy: somebody else's mount namespace may keep the file system that was shut down."""
        self.umount()
        old, self.image = self.image, self.image.with_suffix(f".{time.monotonic_ns()}")
        subprocess.run(["cp", "--sparse=always", str(old), str(self.image)], check=True)
        old.unlink()
        self.mount()

    def cut(self) -> None:
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(self.mounted)], check=True, stdout=subprocess.DEVNULL)

    def fill(self, files: int) -> None:
        for path in self.mounted.glob("*"):
            if path.is_dir() and path.name != "lost+found":
                shutil.rmtree(path)
        self.root.mkdir()
        for number in range(files):
            (self.root / f"SIP{number:012X}.cnf").write_bytes(OLD)
        os.sync()


@pytest.fixture
def disks(tmp_path):
    lacking = [tool for tool in ("mkfs.ext4", "mkfs.xfs", "xfs_io") if not shutil.which(tool)]
    if (lacking or os.geteuid()) and "CI" not in os.environ:
        pytest.skip(f"takes root and {', '.join(lacking) or 'nothing more'}: apt-get install e2fsprogs xfsprogs")
    with contextlib.ExitStack() as stack:

        def make(kind):
            disk = Disk(tmp_path, kind)
            disk.make()
            stack.callback(disk.umount)
            return disk

        yield make


def changed(files):
    return {**{f"SIP{number:012X}.cnf": NEW for number in range(files)}, "OS79XX.TXT": NEW}


def start(disk, files):
    """A process that changes all files, and the end of a pipe in which a byte says that it has."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        with contextlib.suppress(BaseException):
            apply(disk.root, changed(files))
            os.write(write, b"x")
            signal.pause()
        os._exit(0)
    os.close(write)
    return process, read


def end(process, read):
    """Whether it said so before it was cut off."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    said = os.read(read, 1)
    os.close(read)
    return bool(said)


def assert_old_or_new(disk, files, has_to_be_new):
    repair(disk.root)
    found = {path.name: path.read_bytes() for path in disk.root.iterdir()}
    assert not [name for name in found if name.startswith(".")]
    if has_to_be_new or found.keys() == changed(files).keys():
        assert found == changed(files)
        undo(disk.root)
        found = {path.name: path.read_bytes() for path in disk.root.iterdir()}
    assert found == {f"SIP{number:012X}.cnf": OLD for number in range(files)}


@pytest.mark.parametrize("kind, files", [("ext4", 3), ("ext4", 200), ("xfs", 3), ("xfs", 200)])
@pytest.mark.parametrize("by", ["file system", "file"])
def test_at_many_moments_of_a_change(disks, monkeypatch, kind, files, by):
    if by == "file":
        monkeypatch.setattr(_tree, "sync_file_system", lambda descriptor: False)
    disk = disks(kind)
    disk.fill(files)
    begun = time.monotonic()
    apply(disk.root, changed(files))
    took = time.monotonic() - begun
    ends = []
    for moment in range(MOMENTS):
        disk.fill(files)
        process, read = start(disk, files)
        if moment < MOMENTS - 1:
            time.sleep(took * 1.2 * moment / MOMENTS)
        else:
            select.select([read], [], [], 60)
        disk.cut()
        ends.append(end(process, read))
        disk.on_again()
        assert_old_or_new(disk, files, ends[-1])
    assert ends[-1]


def test_later(disks):
    """By then a file system has written some of it by itself, in an order of its own."""
    both = [disks(kind) for kind in ("ext4", "xfs")]
    for disk in both:
        disk.fill(200)
        apply(disk.root, changed(200))
    time.sleep(SLOW_TO_WRITE)
    for disk in both:
        disk.cut()
        disk.on_again()
        assert_old_or_new(disk, 200, True)
