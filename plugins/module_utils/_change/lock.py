# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the files of a TFTP root as one transaction, mend what a killed one left, and undo a whole one.

    with locked("/srv/tftp") as root:
        changes = ...  # read and plan here: nobody else changes the root meanwhile
        root.apply(changes, image="P0S3-06-3-00", run="spring")

All that callers need is here, in `model` (what a change is, and what goes wrong) and in `record` (what one transaction changed).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from contextlib import ExitStack, contextmanager
from typing import Iterator, List, Optional, Sequence, Tuple

from .._files import FOLDER, cause
from .._text import plain
from .apply import Repair, repair, transact
from .journal import SET_STATE, Journal
from .model import Change, TransactionError, why_no_root
from .record import Record
from .undo import Undo, plan_undo, undo


@contextmanager
def locked(root: str, state_dir: Optional[str] = None, check: bool = False) -> Iterator[LockedRoot]:
    """Keep every other run from that root, mend what a killed one left there, and hand out what may be done to it.

    With `check` nothing is written, and others may look as well: `repaired` says what would be mended. The lock is on the folder itself and
    ends with the process.
    Raises TransactionError if there is no such folder, somebody else has the lock, `state_dir` cannot be used, or mending fails.
    """
    with ExitStack() as stack:
        try:
            descriptor = os.open(root, FOLDER)
        except (OSError, ValueError) as error:
            raise TransactionError(why_no_root(root, error)) from None
        stack.callback(os.close, descriptor)
        real = os.path.realpath(root)
        journal = Journal(root.rstrip("/") or root, real, state_folder(real, state_dir))
        if not _lock(descriptor, journal.root, check):
            _lock_file(journal, check, stack)
        yield LockedRoot(journal, check)


class LockedRoot:
    """What may be done to a root while it is locked: see `locked`."""

    def __init__(self, journal: Journal, check: bool) -> None:
        """Mends what a killed run left. Raises TransactionError."""
        self.root = journal.root
        self.folder = journal.folder
        """Where its records are."""
        self._journal = journal
        self._check = check
        self.repaired: List[Repair] = repair(journal, check)

    def warnings(self) -> List[str]:
        """What was mended, for people."""
        return [text for one in self.repaired for text in one.texts()]

    def refuse_if_half_changed(self) -> None:
        """Raises TransactionError if there is something to mend, and this is check mode, which mends nothing."""
        if self._check and self.repaired:
            raise TransactionError(
                f"{self.root} was left half changed by a run that was killed: the playbook voip.cisco79xx.audit mends it"
            )

    def apply(self, changes: Sequence[Change], image: str = "", run: str = "", backup: bool = False) -> List[Tuple[str, str]]:
        """Make all of the changes, or none, and record them. Returns (name, path of the backup) of each file that had content before.

        `image` and `run` are for the record; records of one run are undone together. A power cut after the return loses nothing, unless
        there are more than FORCED_ONTO_DISK changes.
        Raises TransactionError, with every file as it was, if anything fails or was changed since it was read.
        """
        changes = [change for change in changes if change.before != change.after]
        if not changes:
            return []
        self._refuse_if_checking()
        suffix = f".{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}" if backup else ""
        return transact(self._journal, changes, Record(run=run, image=image, suffix=suffix))

    def records(self) -> List[Record]:
        """All records, the newest first. One that cannot be read has the state "damaged". Raises TransactionError."""
        return self._journal.records()

    def plan_undo(self, run: Optional[str] = None, record: Optional[str] = None, force: bool = False) -> Undo:
        """What would undo that record, all of that run, or else the last run that is not undone yet. Reads only.

        Per file, the bytes before the first of the records come back. Raises ConflictError if files are not as the last of the records
        left them, unless `force` is set, and TransactionError if there is nothing to undo or a record cannot be used.
        """
        return plan_undo(self._journal, run, record, force)

    def undo(self, plan: Undo) -> None:
        """Do it, as a transaction of its own. The records are marked, so that the next undo takes what was before them.

        Raises TransactionError, with every file as it was, if anything fails or was changed since the plan was made.
        """
        self._refuse_if_checking()
        undo(self._journal, plan)

    def _refuse_if_checking(self) -> None:
        if self._check:
            raise TransactionError(f"{self.root} is only looked at: lock it without check to change it")


def state_folder(root: str, state_dir: Optional[str] = None) -> str:
    """The folder that holds the records of the root with that real path. Raises TransactionError if that is inside the root."""
    try:
        state = os.path.realpath(state_dir or _default_state_dir())
    except ValueError as error:
        raise TransactionError(f"state_dir {plain(state_dir or '')} is no path ({error}): {SET_STATE}") from None
    if (state + "/").startswith(root.rstrip("/") + "/"):
        raise TransactionError(
            f"state_dir {plain(state)} is inside {plain(root)}, where phones could fetch the passwords in the records: {SET_STATE}"
        )
    name = re.sub("[^A-Za-z0-9._-]", "_", os.path.basename(root))[:40].lstrip(".") or "root"
    return f"{state}/{name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"


def _default_state_dir() -> str:
    if os.geteuid() == 0:
        return "/var/lib/cisco79xx"
    state = os.environ.get("XDG_STATE_HOME", "")
    return os.path.join(state if os.path.isabs(state) else os.path.expanduser("~/.local/state"), "cisco79xx")


def _lock(descriptor: int, root: str, shared: bool) -> bool:
    """False if that cannot be locked at all. Raises TransactionError if somebody else has it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TransactionError(f"another run is changing {root}: wait for it to end, and run again") from None
    except OSError:
        return False
    return True


def _lock_file(journal: Journal, check: bool, stack: ExitStack) -> None:
    """For file systems that do not lock folders. Raises TransactionError."""
    path = f"{journal.folder}/lock"
    if check and not os.path.exists(path):
        return
    journal.make_folder()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TransactionError(f"{path} cannot be opened ({cause(error)}): {SET_STATE}") from None
    stack.callback(os.close, descriptor)
    if not _lock(descriptor, journal.root, check):
        raise TransactionError(f"neither {journal.root} nor {path} can be locked: set state_dir to a folder on a local disk")
