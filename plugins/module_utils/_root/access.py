# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what in a TFTP root: the TFTP server's user has to read, and we may have to write.

Judged from owner, group and mode; ACLs are not looked at.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import FrozenSet, Iterable, List, Optional, Sequence

from .. import _files
from .._change.model import Change
from .._phone.view import OS79XX, SIP_DEFAULT
from .._text import list_some, quote
from .read import Root, RootError, RootFile


@dataclass(frozen=True)
class ServerUser:
    """The user that the TFTP server runs as, or (uid None) anybody, as tftpd-hpa wants it without --permissive."""

    uid: Optional[int] = None
    gids: FrozenSet[int] = frozenset()
    name: str = "the TFTP server's user"

    def may_read(self, file: os.stat_result) -> bool:
        return self._may(file, 0o4)

    def may_enter(self, folder: os.stat_result) -> bool:
        return self._may(folder, 0o1)

    def _may(self, status: os.stat_result, bit: int) -> bool:
        if self.uid is None:
            return bool(status.st_mode & bit)
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.gids else 0
        return bool(status.st_mode >> shift & bit)


ANYBODY = ServerUser()


def server_user(name: Optional[str]) -> ServerUser:
    """The user of that name; anybody for None. Raises RootError if there is no such user."""
    if name is None:
        return ANYBODY
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise RootError(f"tftp_user {quote(name)} does not exist on this host: name the user that the TFTP server runs as") from None
    return ServerUser(entry.pw_uid, frozenset(os.getgrouplist(name, entry.pw_gid)), name)


def out_of_reach(root: Root, path: str, server: ServerUser) -> Optional[str]:
    """Which closed folder keeps the TFTP server from a file of the root, as a text to put behind its name, or None. Raises OSError."""
    folder = os.path.dirname(path)
    while folder:
        if not server.may_enter(os.fstat(root.tree.folder(folder))):
            return f"is in the folder {folder}, closed to {server.name}: {how_to_open(server, 'x', folder)}"
        folder = os.path.dirname(folder)
    if server.uid is not None and not server.may_enter(root.status):
        return f"cannot be reached, the folder {root.path} is closed to {server.name}: {how_to_open(server, 'x', root.path)}"
    return None


def how_to_open(server: ServerUser, bit: str, name: str) -> str:
    """What to do so that the TFTP server may read (`r`) a file or enter (`x`) a folder."""
    return f"chmod o+{bit} {name}" if server.uid is None else f"let {server.name} in"


def hidden(root: Root, files: Iterable[RootFile], server: ServerUser) -> List[str]:
    """Warnings about files, and the root itself, that the TFTP server cannot read. They were so before: no reason to refuse."""
    warnings = []
    if not server.may_enter(root.status):
        warnings.append(f"the folder {root.path} is closed to {server.name} ({_files.shown_mode(root.status)})")
    names = [file.name for file in files if not server.may_read(file.status)]
    if names:
        warnings.append(f"not readable for {server.name}, so phones get no answer: {list_some(names)}")
    return warnings


def unwritable(root: Root, changes: Sequence[Change]) -> List[str]:
    """What a real run would fail at, as far as it can be told without writing: one sentence, as one remedy will do."""
    folders = sorted({os.path.dirname(change.path) for change in changes})
    closed = [folder for folder in folders if not os.access(".", os.W_OK | os.X_OK, dir_fd=root.tree.folder(folder))]
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    if closed:
        shown = list_some([os.path.join(root.path, folder).rstrip("/") or "/" for folder in closed], 3)
        remedy = _files.BECOME if user else "see that it is not immutable"
        return [f"{shown} cannot be written by {_files.me()}: {remedy}, or mount it writable"]
    others = [
        change.name
        for change in changes
        if user and change.status and change.after is not None and (change.status.st_uid != user or change.status.st_gid not in groups)
    ]
    if not others:
        return []
    more = f", as {'does' if len(others) == 2 else 'do'} {list_some(others[1:], 3)}" if others[1:] else ""
    return [f"{others[0]} belongs to somebody else{more}, which {_files.me()} cannot keep: run as root (ansible_become: true)"]


def unwritable_for_images(root: Root, overrides: Iterable[RootFile]) -> List[str]:
    """As `unwritable`, of a change of the image: in the files for all phones, and those `overrides` of single ones that set it."""
    common = (root.change(name, file, b"") for name, file in ((SIP_DEFAULT, root.default), (OS79XX, root.os79xx)))
    return unwritable(root, [*common, *(root.change(file.name, file, b"") for file in overrides)])
