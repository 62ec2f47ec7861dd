# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which state folder of this host a root belongs to: two of them would not see each other's locks and undo each other's work.

A claim is a file in the user's default state folder, whatever `state_dir` is. It names the folder that holds the root's lock and records,
and the root. There are two files for each claim, one named for the root's path and one for its inode, as a root may be mounted twice. It
stands as long as that folder does. Root's claims count for everybody; nobody else's count for root.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, suppress
from typing import Iterator, List, Tuple

from .._files import read, remove_if_possible, write_whole
from .._tree import Tree
from .model import TransactionError

_OF_ROOT = "/var/lib/cisco79xx"
_LONGEST = 1 << 16


def default_state_dir() -> str:
    if os.geteuid() == 0:
        return _OF_ROOT
    state = os.environ.get("XDG_STATE_HOME", "")
    return os.path.join(state if os.path.isabs(state) else os.path.expanduser("~/.local/state"), "cisco79xx")


def firmware_records(folder: str) -> str:
    """The folder with the records of image files, of the root whose other records are in `folder`."""
    return os.path.join(os.path.dirname(folder), "firmware", os.path.basename(folder))


def refuse_if_elsewhere(tree: Tree, folder: str) -> None:
    """Raises TransactionError if that root's lock and records are in another folder than this one."""
    for other, real in _claims(tree, folder):
        if other == folder or not (os.path.isdir(other) or os.path.isdir(firmware_records(other))) or not _is(tree, real):
            continue
        if real != tree.real:
            raise TransactionError(f"{tree.path} is {real} by another name, whose lock and records are in {other}: set tftp_root to {real}")
        raise TransactionError(
            f"the lock and the records of {tree.path} are in {other}, not in {folder}: set state_dir to {os.path.dirname(other)}, or move "
            "that folder, or remove it if none of its changes is to be undone"
        )


def claim(tree: Tree, folder: str) -> None:
    """Write down that the root's lock and records are in that folder. If it cannot be written, go on without. Raises TransactionError."""
    with ExitStack() as stack:
        with suppress(OSError):
            claims = f"{default_state_dir()}/roots"
            os.makedirs(claims, 0o755, exist_ok=True)
            os.chmod(default_state_dir(), 0o711)  # others may see whose a root is, not what was changed
            descriptor = os.open(f"{claims}/lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        refuse_if_elsewhere(tree, folder)
        with suppress(OSError):
            if list(_claims(tree, folder)).count((folder, tree.real)) < 2:
                for name in _names(tree, folder):
                    write_whole(f"{claims}/{name}", os.fsencode(f"{folder}\0{tree.real}"))


def withdraw(tree: Tree, folder: str) -> None:
    """Forget the claim, of a folder that is gone."""
    for name in _names(tree, folder):
        remove_if_possible(f"{default_state_dir()}/roots/{name}")


def _names(tree: Tree, folder: str) -> List[str]:
    return [os.path.basename(folder), f"{tree.status.st_dev:x}-{tree.status.st_ino:x}"]


def _claims(tree: Tree, folder: str) -> Iterator[Tuple[str, str]]:
    """Of that root: the folder with its lock and records, and its real path."""
    for state in dict.fromkeys((_OF_ROOT, default_state_dir())):
        for name in _names(tree, folder):
            with suppress(OSError, ValueError):
                data, status = read(f"{state}/roots/{name}", _LONGEST)
                if data and status.st_uid in (0, os.geteuid()):
                    other, real = os.fsdecode(data).split("\0")
                    yield other, real


def _is(tree: Tree, real: str) -> bool:
    """Whether that path is the root, and not one that is gone and had its inode."""
    with suppress(OSError):
        return real == tree.real or os.path.samestat(os.stat(real), tree.status)
    return False
