# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file of a root on its way from old to new, and back. All that a transaction does within a root is done here.

A new file is written beside the one it replaces, under a name that starts with a dot, readable for its owner only until it is whole.
The original is kept under a second name (a hard link, which takes no space) until every file of the transaction is new.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import replace
from typing import Optional, Tuple

from .._files import NotAFile, cause, create, read, remove, remove_if_possible, same_file, write_and_close
from .model import Change, TransactionError
from .record import Entry, Originals, Record, digest


class Replacement:
    """One change on its way: `stage`, `check` and `commit` it, then `finish` it, or `put_back` what was there."""

    def __init__(self, change: Change, entry: Entry, record: Record) -> None:
        self.change = change
        self.original_metadata = entry.metadata
        self.metadata = change.metadata or (entry.metadata and replace(entry.metadata, mtime_ns=None))
        self.new_path, self.old_path = _beside(change.path, record)
        self.is_backup = bool(record.suffix)
        self.has_new = self.has_old = self.is_replaced = False
        """Whether this made a file at `new_path`, one at `old_path`, and put the new one where the original was."""

    def stage(self, fsync: bool) -> None:
        """Write the new file beside the old one. Raises OSError."""
        change = self.change
        if change.after is None:
            return
        descriptor = create(self.new_path)
        self.has_new = True
        write_and_close(descriptor, change.after, fsync, self.metadata, os.path.dirname(change.path))

    def check(self) -> None:
        """Raises TransactionError if the file is not as it was read, and OSError."""
        now: Optional[os.stat_result] = None
        with suppress(FileNotFoundError):
            now = os.lstat(self.change.path)
        if not same_file(now, self.change.status):
            raise self._changed()

    def commit(self) -> None:
        """Put the new file where the old one is, or remove the old one. Raises OSError, TransactionError."""
        change = self.change
        if change.status is None:
            self._appear()
            return
        self._keep_original()
        self.check()  # again, as thousands of other files may have come first
        self.is_replaced = True  # before the fact: putting back what was not replaced does no harm, the reverse loses the original
        try:
            if change.after is None:
                os.unlink(change.path)
            else:
                os.replace(self.new_path, change.path)
        except OSError:
            self.is_replaced = False
            raise

    def _appear(self) -> None:
        """By a link, as a rename would overwrite what somebody else has created meanwhile."""
        self.is_replaced = True
        try:
            os.link(self.new_path, self.change.path)
        except OSError as error:
            self.is_replaced = False
            if isinstance(error, FileExistsError):
                raise self._changed() from None
            self.check()
            os.rename(self.new_path, self.change.path)
            self.is_replaced = True
        else:
            os.unlink(self.new_path)

    def _keep_original(self) -> None:
        """A second name for it; a copy where links are not to be had (vfat, other people's files, too many links)."""
        change = self.change
        try:
            os.link(change.path, self.old_path, follow_symlinks=False)
            self.has_old = True
        except FileExistsError:
            raise
        except OSError:
            descriptor = create(self.old_path)
            self.has_old = True
            write_and_close(descriptor, change.before or b"", metadata=self.original_metadata)

    def _changed(self) -> TransactionError:
        return TransactionError(f"{self.change.name} was changed by somebody else meanwhile")

    def put_back(self) -> str:
        """Bring back what was there before, whatever was done. Returns why that could not be, or an empty text."""
        try:
            if self.is_replaced and self.has_old:
                os.replace(self.old_path, self.change.path)
            elif self.is_replaced:
                remove(self.change.path)
        except OSError as error:
            original = f": its original is {self.old_path}, move it back" if self.has_old else ": remove it"
            return f"{self.change.name} could not be put back ({cause(error)}){original}"
        finally:
            self.has_new = self.has_new and not remove_if_possible(self.new_path)
        self.has_old = self.has_old and not remove_if_possible(self.old_path)
        return ""

    def finish(self) -> bool:
        """Drop the original, unless it is a backup. Returns whether it is gone."""
        return not self.has_old or self.is_backup or remove_if_possible(self.old_path)


# -- a file of a record, which may be of another process that was killed


def locate(root: str, entry: Entry) -> str:
    """The path of that file in the root with that real path. Raises NotAFile if its folder is gone or leads elsewhere by now."""
    path = f"{root.rstrip('/')}/{entry.path}"
    folder = os.path.dirname(path)
    if os.path.realpath(folder) != folder or not os.path.isdir(folder):
        raise NotAFile(errno.ENOTDIR, "its folder is gone, or is a symbolic link now")
    return path


def read_now(path: str) -> Tuple[Optional[bytes], Optional[os.stat_result]]:
    """That file as it is, None and None if there is none. Raises NotAFile, OSError."""
    try:
        return read(path)
    except FileNotFoundError:
        return None, None


def mend(root: str, entry: Entry, record: Record, originals: Originals, check: bool) -> Optional[bool]:
    """Put the original back, if the file is new, and remove the temporary files. With `check`, only look.

    Returns whether the file was new; None if somebody else has changed it, and it is left alone. Raises OSError, TransactionError.
    """
    try:
        path = locate(root, entry)
    except NotAFile:
        return None
    new_path, old_path = _beside(path, record)
    now = _digest_of(path)
    is_new = now != entry.before if now in (entry.before, entry.after) else None
    if check:
        return is_new
    if is_new and entry.before is None:
        remove(path)
    elif is_new and _digest_of(old_path) == entry.before:
        os.replace(old_path, path)
    elif is_new:
        original = originals(entry)
        remove(new_path)
        write_and_close(create(new_path), original, fsync=True, metadata=entry.metadata)
        os.replace(new_path, path)
    remove(new_path)
    remove(old_path)  # always: a rename between two names of one file does nothing
    return is_new


def sweep(root: str, entry: Entry, record: Record) -> bool:
    """Remove the temporary files of a committed change, but for a backup. Returns whether they are gone."""
    try:
        new_path, old_path = _beside(locate(root, entry), record)
    except NotAFile:
        return True
    return remove_if_possible(new_path) and (bool(record.suffix) or remove_if_possible(old_path))


def _beside(path: str, record: Record) -> Tuple[str, str]:
    """Where the new file is written, and where the original is kept."""
    folder, name = os.path.split(path)
    hidden = f"{folder}/.{name}.{record.token}"
    return f"{hidden}.new", path + record.suffix if record.suffix else f"{hidden}.old"


def _digest_of(path: str) -> Optional[str]:
    """None if there is no such file, "" if it is something else. Raises OSError."""
    try:
        return digest(read_now(path)[0])
    except NotAFile:
        return ""
