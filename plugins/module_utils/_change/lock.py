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
import secrets
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import Iterator, List, Optional, Sequence, Tuple

from .._files import cause
from .._text import plain
from .._tree import Tree
from .apply import Repair, repair, transact
from .claim import claim, default_state_dir, firmware_records, refuse_if_elsewhere, withdraw
from .journal import SET_STATE, Journal
from .ledger import Ledger
from .model import Change, TransactionError, why_no_root
from .record import Record
from .undo import Undo, plan_undo, undo


@contextmanager
def locked(
    root: str, state_dir: Optional[str] = None, check: bool = False, firmware: bool = False, wait: float = 2.0
) -> Iterator[LockedRoot]:
    """Keep every other run from that root, mend what a killed one left there, and hand out what may be done to it.

    With `check` nothing is written, and others may look as well: `repaired` says what would be mended. The lock is a file in the state
    folder, where nobody else can put a hand on it, and ends with the process. The records of image files (`firmware`) are kept apart;
    what a killed run left of the others is mended first. `wait`: seconds for which another one may have it: a ledger is written quickly.
    Raises TransactionError if there is no such root, somebody else has the lock, the root's records are in another state folder,
    `state_dir` cannot be used, or mending fails.
    """
    try:
        tree = Tree(root)
    except (OSError, ValueError) as error:
        raise TransactionError(why_no_root(root, error)) from None
    state = _state_folder(tree, state_dir)
    main = journal = Journal(tree, os.path.join(state, _key(tree.real)))
    with ExitStack() as stack:
        stack.callback(tree.close)
        refuse_if_elsewhere(tree, journal.folder)
        _lock(journal, check, stack, wait)
        mended = repair(journal, check)
        if firmware:
            journal = Journal(tree, firmware_records(journal.folder))
            mended += repair(journal, check)
        yield LockedRoot(journal, check, mended, main)


class LockedRoot:
    """What may be done to a root while it is locked: see `locked`. `main`: where its ledger is."""

    def __init__(self, journal: Journal, check: bool, repaired: List[Repair], main: Journal) -> None:
        self.tree = journal.tree
        self.root = journal.root
        self._journal = journal
        self._check = check
        self._main = main
        self.repaired = repaired

    def warnings(self, run: str = "") -> List[str]:
        """What was mended, and which run but this one holds the root, for people."""
        texts = [text for one in self.repaired for text in one.texts()]
        with suppress(TransactionError):  # who changes something is told
            held = self.ledger().held(run)
            texts += [f"{self.root}: {held}"] if held else []
        return texts

    def ledger(self) -> Ledger:
        """The ledger of the root. Raises TransactionError if it cannot be trusted."""
        return Ledger(self._main)

    def refuse_if_held(self, run: str = "") -> None:
        """Raises TransactionError if another run than this one holds the root, or this one held it and does not any more."""
        why = self.ledger().why_not(run)
        if why:
            raise TransactionError(f"{self.root}: {why}")

    def refuse_if_half_changed(self) -> None:
        """Raises TransactionError if there is something to mend, and this is check mode, which mends nothing."""
        if self._check and self.repaired:
            raise TransactionError(
                f"{self.root} was left half changed by a run that was killed: the playbook voip.cisco79xx.audit mends it"
            )

    def apply(
        self,
        changes: Sequence[Change],
        image: str = "",
        run: str = "",
        backup: bool = False,
        settings: str = "",
        by_run: Optional[str] = None,
        crosses: bool = True,
    ) -> List[Tuple[str, str]]:
        """Make all of the changes, or none, and record them. Returns (name, path of the backup) of each file that had content before.

        `image`, `settings` and `run` are for the record; records of one run are undone together. `by_run`: the run that does this, if it
        is not that one. A power cut after the return loses nothing. Raises TransactionError, with every file as it was, if anything fails
        or was changed since it was read, or if another run holds the root and this `crosses` what a rollout needs.
        """
        changes = [change for change in changes if change.before != change.after or change.mode is not None]
        if not changes:
            return []
        self._refuse_if_checking()
        if crosses:
            self.refuse_if_held(run if by_run is None else by_run)
        suffix = f".{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}" if backup else ""
        return transact(self._journal, changes, Record(run=run, image=image, settings=settings, suffix=suffix))

    def records(self) -> List[Record]:
        """All records, the newest first. One that cannot be read has the state "damaged". Raises TransactionError."""
        return self._journal.records()

    def plan_undo(self, run: Optional[str] = None, record: Optional[str] = None, force: bool = False, since: Optional[str] = None) -> Undo:
        """What would undo that run, all since that run, that record, or else the last run that is not undone yet. Reads only.

        Per file, the bytes before the first of the records come back. Raises ConflictError if files are not as the last of the records
        left them, unless `force` is set, NothingToUndo, and TransactionError if a record cannot be used.
        """
        return plan_undo(self._journal, run, since, record, force)

    def undo(self, plan: Undo, by_run: str = "") -> None:
        """Do it, as a transaction of its own. The records are marked, so that the next undo takes what was before them.

        `by_run`: the run that does this. Raises TransactionError, with every file as it was, if anything fails or was changed since the
        plan was made, or if another run holds the root.
        """
        self._refuse_if_checking()
        self.refuse_if_held(by_run)
        undo(self._journal, plan)

    def _refuse_if_checking(self) -> None:
        if self._check:
            raise TransactionError(f"{self.root} is only looked at: lock it without check to change it")


def own_run() -> str:
    """A name for a call that belongs to no run: it is one by itself."""
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(3)}"


def _state_folder(tree: Tree, state_dir: Optional[str] = None) -> str:
    """The folder that holds the records of all roots. Raises TransactionError if it is inside of this one."""
    try:
        state = above = os.path.realpath(state_dir or default_state_dir())
    except ValueError as error:
        raise TransactionError(f"state_dir {plain(state_dir or '')} is no path ({error}): {SET_STATE}") from None
    is_top = False
    while not is_top:
        with suppress(OSError):
            if os.path.samestat(os.stat(above), tree.status):
                why = "where phones could fetch the passwords in the records"
                raise TransactionError(f"state_dir {plain(state)} is inside {plain(tree.real)}, {why}: {SET_STATE}")
        is_top, above = above == "/", os.path.dirname(above)
    return state


def _key(root: str) -> str:
    """Name of the folder with the records of the root with that real path."""
    name = re.sub("[^A-Za-z0-9._-]", "_", os.path.basename(root))[:40].lstrip(".") or "root"
    return f"{name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"


def _lock(journal: Journal, shared: bool, stack: ExitStack, wait: float) -> None:
    """Raises TransactionError if somebody else has it, or it cannot be had."""
    path = f"{journal.folder}/lock"
    until = time.monotonic() + wait
    is_new_state = not os.path.exists(os.path.dirname(journal.folder))
    while True:
        if not shared:
            journal.make_folder()
        try:
            descriptor = os.open(path, (os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT) | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with ExitStack() as attempt:
                attempt.callback(os.close, descriptor)
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                        stack.push(attempt.pop_all())
                        break
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(0.05)
                continue
            raise TransactionError(f"another run is changing {journal.root}: wait for it to end, and run again") from None
        except FileNotFoundError:
            if shared:  # never changed before
                journal.refuse_if_unmakeable()
                return
        except OSError as error:
            raise TransactionError(f"{path} cannot be locked ({cause(error)}): set state_dir to a folder on a local disk") from None
    if not shared:
        stack.callback(_leave_nothing, journal, is_new_state)
        claim(journal.tree, journal.folder)


def _leave_nothing(journal: Journal, with_state: bool) -> None:
    """A run that has changed nothing leaves no folder. Whoever opened the lock file before it was removed notices, and opens a new one."""
    folder = journal.folder
    with suppress(OSError):
        if os.listdir(folder) == ["lock"] and not os.path.isdir(firmware_records(folder)):
            withdraw(journal.tree, folder)
            os.unlink(f"{folder}/lock")
            os.rmdir(folder)
            if with_state:
                os.rmdir(os.path.dirname(folder))
