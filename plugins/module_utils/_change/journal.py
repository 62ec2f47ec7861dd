# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of one root, in a folder outside of it. Nothing else writes, renames or removes a record.

One file per transaction is journal and record at once. It holds the originals, and its name says how far the transaction came:

    pending    written before the first file is touched; if its process died, the originals are put back
    committed  every file is new; if its process died, only its temporary files are removed
    zip        done: it can be undone
    undone     done, then undone
    repaired, forced  keep originals that a repair left alone, or bytes of somebody else that a forced undo replaced

A record is written as `new` first and renamed once it is whole and on the disk.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Dict, Iterable, List, Sequence

from .._files import BECOME, cause, create, me, remedy, remove_if_possible, sync_folder, write_and_close
from .._text import plain
from .._tree import Tree
from .model import TransactionError
from .record import COMMITTED, CREATED, DAMAGED, DONE, FORCED, ID, PENDING, REPAIRED, UNDONE, UNREADABLE, Record, pack, unpack

KEPT_RECORDS = 20
MOST_RECORDS = 200
"""A run is forgotten as a whole or not at all, so more than KEPT_RECORDS are kept if the last ones belong to a long run; more than
this only of the newest run."""
SET_STATE = "set state_dir to a folder outside of it that only you can read"

_STATES = {"zip": DONE, **{state: state for state in (PENDING, COMMITTED, UNDONE, REPAIRED, FORCED)}}
"""By the ends of their files' names."""
_UNFINISHED = "new"
_TIME = "%Y%m%dT%H%M%S.%fZ"


class Journal:
    """The records of the root `tree`, in the folder `folder`."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self.tree = tree
        self.root = tree.path
        self.folder = folder

    # -- reading

    def states(self) -> Dict[str, str]:
        """The states of all records by their ids, from the names of their files. Raises TransactionError."""
        parts = (name.rpartition(".") for name in self._names())
        return {identity: _STATES[extension] for identity, _dot, extension in parts if extension in _STATES and ID.fullmatch(identity)}

    def records(self) -> List[Record]:
        """All records, the newest first. One that cannot be read has the state "damaged". Raises TransactionError."""
        records = []
        for identity, state in sorted(self.states().items(), reverse=True):
            try:
                records.append(self.load(identity, state))
            except TransactionError as error:
                records.append(Record(identity, DAMAGED, fault=str(error)))
        return records

    def load(self, identity: str, state: str) -> Record:
        """Raises TransactionError if it cannot be read, or is not of this root."""
        path = self.path(identity, state)
        try:
            return unpack(path, self.tree.real, identity, state)
        except (OSError, *UNREADABLE) as error:
            half = f"; {self.root} may be half changed, so compare its files first" if state == PENDING else ""
            raise TransactionError(f"record {path} cannot be used ({plain(str(error))}): move it away{half}") from None

    def is_committed(self, record: Record) -> bool:
        return os.path.exists(self.path(record.id, COMMITTED))

    # -- a record's way

    def begin(self, record: Record, originals: Iterable[bytes]) -> Record:
        """Write a new record, and force it onto the disk. Returns it with its id, time and token. Raises TransactionError."""
        now = datetime.now(timezone.utc)
        identity = self._next_id(now, record.run)
        record = replace(record, id=identity, created=now.strftime(CREATED), token=secrets.token_hex(4))
        data = pack(record, self.tree.real, originals)
        unfinished, pending = f"{self.folder}/{record.id}.{_UNFINISHED}", self.path(record.id, PENDING)
        try:
            write_and_close(create(unfinished), data, fsync=True)
            os.rename(unfinished, pending)
            sync_folder(self.folder)
        except BaseException as error:
            remove_if_possible(unfinished)
            remove_if_possible(pending)
            if isinstance(error, OSError):
                what = "the record with the originals cannot be written to"
                raise TransactionError(f"{what} {self.folder} ({cause(error)}): nothing was changed; {remedy(error)}") from error
            raise
        return record

    def move(self, record: Record, state: str, new: str) -> None:
        """Raises OSError."""
        os.rename(self.path(record.id, state), self.path(record.id, new))
        sync_folder(self.folder)

    def settle(self, record: Record, clean: bool) -> None:
        """What is left to do for a committed record; if it is not `clean`, the next run settles it. Can be done again.

        Raises OSError, TransactionError.
        """
        self.mark_undone(record.undoes)
        if clean and record.undoes and not record.forced:
            self.drop(record)
        elif clean:
            self.move(record, COMMITTED, FORCED if record.undoes else DONE)
        self._forget_old()

    def mark_undone(self, identities: Sequence[str]) -> None:
        """Raises OSError."""
        for identity in identities:
            with suppress(FileNotFoundError):  # marked before, or forgotten
                os.rename(self.path(identity, DONE), self.path(identity, UNDONE))

    def drop(self, record: Record) -> None:
        """Forget a pending or committed record."""
        for state in (PENDING, COMMITTED):
            remove_if_possible(self.path(record.id, state))

    def path(self, identity: str, state: str) -> str:
        return f"{self.folder}/{identity}.{'zip' if state == DONE else state}"

    def _next_id(self, now: datetime, run: str) -> str:
        """Later than all others even if the clock was set back. Records of one run end alike, so that they are forgotten together."""
        newest = max(self.states(), default="")
        if newest:
            with suppress(ValueError, OverflowError):  # its name is no time
                last = datetime.strptime(newest.split("-")[0], _TIME).replace(tzinfo=timezone.utc)
                now = max(now, last + timedelta(microseconds=1))
        group = hashlib.sha256(run.encode("utf-8", "surrogatepass")).hexdigest()[:4] if run else secrets.token_hex(2)
        return f"{now.strftime(_TIME)}-{group}"

    def _forget_old(self) -> None:
        settled = {identity: state for identity, state in self.states().items() if state not in (PENDING, COMMITTED)}
        runs: Dict[str, List[str]] = {}
        for identity in sorted(settled, reverse=True):
            runs.setdefault(identity[-4:], []).append(identity)
        kept = 0
        for identities in runs.values():
            # Never a part of a run: its undo would leave the files of the other part. The newest stays however long it is.
            if kept and (kept >= KEPT_RECORDS or kept + len(identities) > MOST_RECORDS):
                for identity in identities:
                    remove_if_possible(self.path(identity, settled[identity]))
            else:
                kept += len(identities)

    # -- the folder

    def make_folder(self) -> None:
        """Raises TransactionError."""
        try:
            os.makedirs(os.path.dirname(self.folder), 0o711, exist_ok=True)
            with suppress(FileExistsError):
                os.mkdir(self.folder, 0o700)
                sync_folder(os.path.dirname(self.folder))
            self._check_owner()
            os.chmod(self.folder, 0o700)
        except OSError as error:
            raise self._unmakeable(error) from None

    def refuse_if_unmakeable(self) -> None:
        """Raises TransactionError if `make_folder` would, as far as it can be told without writing."""
        above = os.path.dirname(self.folder)
        if os.path.isdir(self.folder):
            return
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if not os.path.isdir(above):
            raise self._unmakeable(NotADirectoryError(errno.ENOTDIR, f"{plain(above)} is no folder"))
        if not os.access(above, os.W_OK | os.X_OK):
            raise self._unmakeable(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _unmakeable(self, error: OSError) -> TransactionError:
        become = f"{BECOME}, or " if isinstance(error, PermissionError) and os.geteuid() else ""
        return TransactionError(f"{self.folder} cannot be made by {me()} ({cause(error)}): nothing was changed; {become}{SET_STATE}")

    def sweep(self) -> None:
        """Remove records whose writer was killed before they were whole. Raises TransactionError."""
        for name in self._names():
            if name.endswith("." + _UNFINISHED):
                remove_if_possible(f"{self.folder}/{name}")

    def _names(self) -> List[str]:
        try:
            self._check_owner()
            return os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise TransactionError(f"{self.folder} cannot be read ({cause(error)}): {SET_STATE}") from None

    def _check_owner(self) -> None:
        """Records of somebody else are not to be trusted: an undo does what they say. Raises TransactionError, OSError."""
        status = os.lstat(self.folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise TransactionError(
                f"{self.folder} is no folder of {me()}: run as its owner (ansible_become), or set state_dir to another folder"
            )
