# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file of a root on its way from old to new, and back. All that a transaction does within a root is done here.

A new file is written beside the one it replaces, under a name that starts with a dot, readable for its owner only until it is whole.
The original is kept under a second name (a hard link, which takes no space) until every file of the transaction is new.

Somebody else may write in the root at the same time. All is done by names in open folders, and what became of it is looked at, not
remembered.
"""

from __future__ import annotations

import errno
import os
import secrets
from dataclasses import replace
from typing import Optional, Tuple, cast

from .. import _files
from .._files import NotAFile, cause
from .._tree import Place, Tree
from .model import Change, TransactionError
from .record import Entry, Originals, Record, digest


def entry_of(tree: Tree, change: Change) -> Entry:
    """What a record says of that change. Raises TransactionError if the file is not as it was read, and OSError."""
    metadata = None
    folder, name = tree.place(change.path)
    if change.status:
        try:
            descriptor, status = _files.open_file(name, folder)
        except (NotAFile, FileNotFoundError):
            raise _changed(change) from None
        try:
            if not _files.same_file(status, change.status):
                raise _changed(change)
            metadata = _files.metadata_of(descriptor)
        finally:
            os.close(descriptor)
    sizes = (len(change.before or b""), len(change.after or b""))
    return Entry(change.name, change.path, digest(change.before), digest(change.after), metadata, sizes)


class Replacement:
    """One change on its way: `stage`, `check` and `commit` it, then `finish` it, or `put_back` what was there."""

    def __init__(self, tree: Tree, change: Change, entry: Entry, record: Record) -> None:
        self.change = change
        self.original_metadata = entry.metadata
        self.metadata = change.metadata or (entry.metadata and replace(entry.metadata, mtime_ns=None))
        if change.mode is not None and self.metadata:
            self.metadata = replace(self.metadata, mode=change.mode)
        self._tree = tree
        self._name = os.path.basename(change.path)
        self._new, self._old = _beside(self._name, record)
        self.is_backup = bool(record.suffix)
        self.has_new = self.has_old = False
        """Whether this made a file called `_new`, and one called `_old`."""
        self._staged: Optional[os.stat_result] = None
        self._kept: Optional[os.stat_result] = None

    @property
    def new_path(self) -> str:
        """Where in the root the new file is written."""
        return os.path.join(os.path.dirname(self.change.path), self._new)

    @property
    def old_path(self) -> str:
        """Where the original is kept."""
        return os.path.join(self._tree.real, os.path.dirname(self.change.path), self._old)

    @property
    def _folder(self) -> int:
        return self._tree.place(self.change.path).folder

    def stage(self) -> None:
        """Write the new file beside the old one. Raises OSError."""
        change, folder = self.change, self._folder
        if change.after is None:
            return
        descriptor = _files.create(self._new, folder)
        self.has_new = True
        self._staged = os.fstat(descriptor)
        _files.write_and_close(descriptor, change.after, metadata=self.metadata, owner=os.stat(".", dir_fd=folder), mode=change.mode)

    def check(self) -> None:
        """Raises TransactionError if the file is not as it was read, and OSError."""
        if not _files.same_file(_files.status_of(self._name, self._folder), self.change.status):
            raise _changed(self.change)

    def commit(self) -> None:
        """Put the new file where the old one is, or remove the old one. Raises OSError, TransactionError."""
        change, folder = self.change, self._folder
        if change.status:
            self._keep_original()
            self.check()  # again, as thousands of other files may have come first
        if change.after is None:
            os.unlink(self._name, dir_fd=folder)
            return
        if change.status:
            os.replace(self._new, self._name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            self._appear()
        if not self._is_new(_files.status_of(self._name, folder)):
            raise _changed(change)
        self.has_new = False

    def _appear(self) -> None:
        """By a link, as a rename would overwrite what somebody else has created meanwhile."""
        folder = self._folder
        try:
            os.link(self._new, self._name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise _changed(self.change) from None
        except OSError:
            self.check()
            os.rename(self._new, self._name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.unlink(self._new, dir_fd=folder)

    def _keep_original(self) -> None:
        """A second name for it; a copy where links are not to be had (vfat, other people's files, too many links)."""
        change, folder = self.change, self._folder
        try:
            os.link(self._name, self._old, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            self.has_old = True
        except FileExistsError:
            raise
        except OSError:
            descriptor = _files.create(self._old, folder)
            self.has_old = True
            _files.write_and_close(descriptor, change.before or b"", metadata=self.original_metadata)
        self._kept = _files.status_of(self._old, folder)

    def _is_new(self, now: Optional[os.stat_result]) -> bool:
        return bool(now and self._staged and os.path.samestat(now, self._staged))

    def put_back(self) -> str:
        """Bring back what was there before, whatever was done. Returns why that could not be, or an empty text."""
        change = self.change
        try:
            folder = self._folder
            now = _files.status_of(self._name, folder)
            is_ours = self._is_new(now) or (now is None and change.after is None)
            if is_ours and self._kept:
                os.replace(self._old, self._name, src_dir_fd=folder, dst_dir_fd=folder)
                now = _files.status_of(self._name, folder)
            elif is_ours and now:
                os.unlink(self._name, dir_fd=folder)
            if self._kept and not (
                now and (os.path.samestat(now, self._kept) or os.path.samestat(now, cast(os.stat_result, change.status)))
            ):
                raise NotAFile(errno.ESTALE, "it was changed by somebody else meanwhile")
            self.has_new = self.has_new and not _files.remove_if_possible(self._new, folder)
            self.has_old = self.has_old and not _files.remove_if_possible(self._old, folder)
        except OSError as error:
            original = f": its original is {self.old_path}, move it back" if self.has_old else ": look at it"
            return f"{change.name} could not be put back ({cause(error)}){original}"
        return ""

    def finish(self) -> bool:
        """Drop the original, unless it is a backup. Returns whether it is gone."""
        try:
            return not self.has_old or self.is_backup or _files.remove_if_possible(self._old, self._folder)
        except OSError:
            return False


def _changed(change: Change) -> TransactionError:
    return TransactionError(f"{change.name} was changed by somebody else meanwhile")


# -- a file of a record, which may be of another process that was killed


def read_now(place: Place, limit: int) -> Tuple[Optional[bytes], Optional[os.stat_result]]:
    """That file as it is: no bytes if it has more than `limit`, and no status either if there is none. Raises NotAFile, OSError."""
    try:
        return _files.read(place.name, limit, folder=place.folder)
    except FileNotFoundError:
        return None, None


def _state_of(place: Place, entry: Entry) -> Optional[str]:
    """The digest of that file; None if there is none, "" if it is no file or longer than it ever was. Raises OSError."""
    try:
        data, status = read_now(place, max(entry.sizes))
    except NotAFile:
        return ""
    return "" if status and data is None else digest(data)


def mend(tree: Tree, entry: Entry, record: Record, originals: Originals, check: bool) -> Optional[bool]:
    """Put the original back, if the file is new, and remove the temporary files. With `check`, only look.

    Returns whether the file was new; None if somebody else has changed it, and it is left alone. Raises OSError, TransactionError.
    """
    try:
        place = tree.place(entry.path)
    except (NotAFile, FileNotFoundError):
        return None
    folder, name = place
    new, old = _beside(name, record)
    now = _state_of(place, entry)
    is_new = now != entry.before if now in (entry.before, entry.after) else None
    if check:
        return is_new
    if is_new and entry.before is None:
        _files.remove(name, folder)
    elif is_new and _state_of(Place(folder, old), entry) == entry.before:
        os.replace(old, name, src_dir_fd=folder, dst_dir_fd=folder)
    elif is_new:
        staged = new if _drop(new, folder) else _beside(name, replace(record, token=secrets.token_hex(4)))[0]
        _files.write_and_close(_files.create(staged, folder), originals(entry), fsync=True, metadata=entry.metadata)
        os.replace(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
    _drop(new, folder)
    _drop(old, folder)  # always: a rename between two names of one file does nothing
    return is_new


def sweep(tree: Tree, entry: Entry, record: Record) -> bool:
    """Remove the temporary files of a committed change, but for a backup. Returns whether they are gone."""
    try:
        folder, name = tree.place(entry.path)
        new, old = _beside(name, record)
        _drop(new, folder)
        if not record.suffix:
            _drop(old, folder)
    except FileNotFoundError:
        return True  # with their folder
    except OSError:
        return False
    return True


def _drop(name: str, folder: int) -> bool:
    """Remove a temporary file. False if somebody has put a folder there, which is left. Raises OSError."""
    try:
        _files.remove(name, folder)
    except IsADirectoryError:
        return False
    return True


def _beside(name: str, record: Record) -> Tuple[str, str]:
    """The names of the new file while it is written, and of the original while it is kept."""
    hidden = f".{name}.{record.token}"
    return f"{hidden}.new", name + record.suffix if record.suffix else f"{hidden}.old"
