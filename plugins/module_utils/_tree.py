# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder and all that is below it, where somebody else may write at any moment.

Who may write there could exchange a folder for a link that leads elsewhere, between our look at it and our use of it. So nothing below
the top is reached by its whole path: each folder is opened from the one above it, never through a link, and a file is opened, renamed
or removed by its name in an open folder. Links are followed here, by hand, as long as they stay inside.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Dict, Iterable, List, NamedTuple

from ._files import NotAFile, sync, sync_file_system

FILE, LINK, OTHER = "file", "link", "other"
"""What a name in a folder can be: an ordinary file, a symbolic link, or something else."""

MOST_LINKS = 40
"""As many as the kernel follows."""
MOST_OPEN = 100
"""Folders that are kept open, far below the usual limit of 1,024 files."""
MOST_DEEP = 40
"""Folders within each other, and MOST_STEPS names of a path with all its links: each costs time."""
MOST_STEPS = 400

# Without O_PATH (it is Linux's) a folder that may be entered but not listed cannot be walked through.
_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


class Place(NamedTuple):
    """A file: the descriptor of its folder, and its name there. Use it at once: the descriptor is closed when MOST_OPEN others are open."""

    folder: int
    name: str


class Leaves(NotAFile):
    """A symbolic link leads out of the tree: `target` is what it says."""

    def __init__(self, target: str) -> None:
        super().__init__(errno.ELOOP, f"a symbolic link to {target!a} leads out of the root")
        self.target = target


class Tree:
    """The folder at `path`, as its user calls it; `real` is the same without symbolic links.

    An *inside path* is relative to the tree, with no symbolic link, "." or ".." in it; "" is the top folder.
    """

    def __init__(self, path: str) -> None:
        """Raises OSError, ValueError."""
        self.path = path.rstrip("/") or path
        self.status = os.stat(path)
        self.real = os.path.realpath(path)
        self._open: Dict[str, int] = {"": os.open(self.real, _ENTER | os.O_NOFOLLOW)}

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_open"):
            self.close()

    def folder(self, inside: str = "") -> int:
        """A descriptor of the folder with that inside path. Raises NotAFile if it is a link by now, or no folder; OSError."""
        known = self._open.get(inside)
        if known is not None:
            return known
        if inside.count("/") >= MOST_DEEP:
            raise NotAFile(errno.ENAMETOOLONG, f"lies more than {MOST_DEEP} folders deep")
        top = current = self._open[""]
        for name in inside.split("/"):
            try:
                if name in ("", ".", ".."):
                    raise NotAFile(errno.EINVAL, "its path is none in the root")
                below = os.open(name, _ENTER | os.O_NOFOLLOW, dir_fd=current)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise NotAFile(errno.ENOTDIR, "its folder is a symbolic link or no folder now") from None
                raise
            finally:
                if current != top:
                    os.close(current)
            current = below
        if len(self._open) >= MOST_OPEN:
            os.close(self._open.pop(next(filter(None, self._open))))
        self._open[inside] = current
        return current

    def place(self, inside: str) -> Place:
        """Where the file with that inside path is. Raises as `folder`."""
        folder, _slash, name = inside.rpartition("/")
        return Place(self.folder(folder), name)

    def listing(self, inside: str = "") -> Dict[str, str]:
        """What each name in that folder is: FILE, LINK or OTHER. Raises as `folder`."""
        descriptor = self._listable(inside)
        try:
            with os.scandir(descriptor) as entries:
                return {entry.name: _kind(entry) for entry in entries}
        finally:
            os.close(descriptor)

    def resolve(self, path: str) -> str:
        """The inside path of what that path leads to, through any links. Raises Leaves, OSError."""
        done: List[str] = []
        left = path.split("/")[::-1]
        links = 0
        for _step in range(MOST_STEPS):
            if not left:
                return "/".join(done)
            name = left.pop()
            if name in ("", "."):
                continue
            if name == ".." and done:
                done.pop()
                continue
            try:
                target = ".." if name == ".." else os.readlink(name, dir_fd=self.folder("/".join(done)))
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                done.append(name)  # no link
                continue
            links += 1
            if links > MOST_LINKS:
                break
            if name == "..":  # out of the top folder, and perhaps back
                target = "/".join([os.path.dirname(self.real), *left[::-1]])
                left = []
            if target.startswith("/"):
                done, target = [], self._below(target)
            left += target.split("/")[::-1]
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def sync(self, paths: Iterable[str], names_only: bool = False) -> None:
        """Force the files with these inside paths onto the disk, and the names in their folders; what is gone is left out.

        Raises OSError.
        """
        folders: Dict[str, List[str]] = {}
        for path in paths:
            folder, _slash, name = path.rpartition("/")
            folders.setdefault(folder, []).append(name)
        done = set()
        for folder, names in folders.items():
            with suppress(FileNotFoundError, NotAFile):
                descriptor = self._listable(folder)
                try:
                    device = os.fstat(descriptor).st_dev
                    if device in done:
                        continue
                    if sync_file_system(descriptor):
                        done.add(device)
                        continue
                    for name in () if names_only else names:
                        with suppress(FileNotFoundError):
                            sync(name, descriptor)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def _listable(self, inside: str) -> int:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.folder(inside))

    def _below(self, target: str) -> str:
        """That absolute path from the tree's own folder on. Raises Leaves."""
        parts = target.split("/")
        for cut in range(1, min(len(parts), MOST_STEPS) + 1):
            real = os.path.realpath("/".join(parts[:cut]) or "/")
            if real == self.real or real.startswith(self.real.rstrip("/") + "/"):
                return "/".join([real[len(self.real) :].lstrip("/"), *parts[cut:]])
        raise Leaves(target)


def _kind(entry: os.DirEntry[str]) -> str:
    return FILE if entry.is_file(follow_symlinks=False) else LINK if entry.is_symlink() else OTHER
