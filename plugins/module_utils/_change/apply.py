# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make all of some changes or none, and mend what a process left that was killed in between.

The order is what counts, also if the power is cut: the record with the originals is on the disk before the first file is touched, each
new file before it gets its name, all of their names before the record says so, and the end of the temporary files before it says that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import List, Optional, Sequence, Tuple

from .._files import NotOurs, cause, remedy
from .._text import count
from .journal import Journal
from .model import Change, TransactionError
from .record import COMMITTED, PENDING, REPAIRED, Record, originals_in
from .replacement import Replacement, entry_of, mend, sweep


def transact(journal: Journal, changes: Sequence[Change], draft: Record) -> List[Tuple[str, str]]:
    """Make all of the changes, or none: see `LockedRoot.apply`. `draft` says what the record shall hold besides the files."""
    journal.make_folder()
    tree = journal.tree
    paths = [change.path for change in changes]
    record = _begin(journal, changes, draft)
    replacements = [Replacement(tree, change, entry, record) for change, entry in zip(changes, record.files)]
    current: Optional[Replacement] = None
    try:
        for current in replacements:
            current.stage()
        current = None
        tree.sync(one.new_path for one in replacements if one.has_new)
        for current in replacements:
            current.check()
        for current in replacements:
            current.commit()
        current = None
        tree.sync(paths, names_only=True)
        journal.move(record, PENDING, COMMITTED)
    except BaseException as error:
        if journal.is_committed(record):  # interrupted just after it
            _finish(journal, record, [one.finish() for one in replacements])
            if isinstance(error, OSError):
                end = f"all files are new, but a power cut may take that back; {remedy(error)}"
                raise TransactionError(f"{journal.folder}: {cause(error)}: {end}") from error
            raise
        lost = [fault for fault in [one.put_back() for one in reversed(replacements)] if fault]
        if not lost and not any(one.has_new or one.has_old for one in replacements) and _is_synced(journal, record):
            journal.drop(record)
        if isinstance(error, (OSError, TransactionError)) or lost:
            colon = "" if isinstance(error, NotOurs) else ":"
            thing = f"{current.change.name}{colon} " if current and isinstance(error, OSError) else ""
            why = cause(error) if isinstance(error, OSError) else str(error) or type(error).__name__
            end = "" if lost else f": every file is as it was; {remedy(error)}"
            raise TransactionError(f"{thing}{why}{end}", *lost) from error
        raise
    backups = [(one.change.name, one.old_path) for one in replacements if one.has_old and one.is_backup]
    _finish(journal, record, [one.finish() for one in replacements])
    return backups


def _begin(journal: Journal, changes: Sequence[Change], draft: Record) -> Record:
    entries = []
    for change in changes:
        try:
            entries.append(entry_of(journal.tree, change))
        except (OSError, TransactionError) as error:
            why = f"{change.name}: {cause(error)}" if isinstance(error, OSError) else str(error)
            raise TransactionError(f"{why}: every file is as it was; {remedy(error)}") from error
    return journal.begin(replace(draft, files=tuple(entries)), [change.before for change in changes if change.before is not None])


def _is_synced(journal: Journal, record: Record) -> bool:
    """Whether what became of the files of that record is on the disk, so that the record may say more, or go."""
    try:
        journal.tree.sync((entry.path for entry in record.files), names_only=True)
    except OSError:
        return False
    return True


def _finish(journal: Journal, record: Record, gone: Sequence[bool]) -> None:
    """What is left to do once a transaction is committed. `gone` says of each file whether its temporary ones are.

    Safe to call twice. What fails is left to the next run.
    """
    with suppress(OSError, TransactionError):
        journal.settle(record, all(gone) and _is_synced(journal, record))


@dataclass(frozen=True)
class Repair:
    """What was mended of one transaction whose process died, or would be."""

    record: Record
    restored: Tuple[str, ...] = ()
    conflicts: Tuple[str, ...] = ()
    """The files that somebody else has changed since: they stay as they are."""

    def texts(self) -> List[str]:
        """For people."""
        killed = f"a run that was killed ({self.record.id})"
        if self.record.state == COMMITTED:
            return [f"{killed} had changed all of its files; what it left over was removed"]
        original = f"left as it is, its original is in {self.record.id}.{REPAIRED}"
        since = [f"{name} was changed by somebody else since: {original}" for name in self.conflicts]
        return [f"{killed} was mended: {count(self.restored, 'file')} put back as before it", *since]


def repair(journal: Journal, check: bool) -> List[Repair]:
    """Mend all that killed processes left, the last one first; with `check`, only say what would be. Raises TransactionError."""
    if not check:
        journal.sweep()
    repairs = []
    for identity, state in sorted(journal.states().items(), reverse=True):
        if state == PENDING:
            repairs.append(_roll_back(journal, journal.load(identity, state), check))
        elif state == COMMITTED:
            record = journal.load(identity, state)
            if not check:
                _finish(journal, record, [sweep(journal.tree, entry, record) for entry in record.files])
            repairs.append(Repair(record))
    return repairs


def _roll_back(journal: Journal, record: Record, check: bool) -> Repair:
    restored: List[str] = []
    conflicts: List[str] = []
    name = ""
    try:
        with originals_in(journal.path(record.id, PENDING)) as originals:
            for entry in record.files:  # check each original first: a repair must not stop halfway at a damaged one
                if entry.before is not None:
                    originals(entry)
            for entry in record.files:
                name = entry.name
                was_new = mend(journal.tree, entry, record, originals, check)
                if was_new is None:
                    conflicts.append(name)
                elif was_new:
                    restored.append(name)
            name = journal.folder
            if not check:
                journal.tree.sync((entry.path for entry in record.files), names_only=True)
                if conflicts:
                    journal.move(record, PENDING, REPAIRED)
                else:
                    journal.drop(record)
    except OSError as error:
        half = f"a run that was killed ({record.id}) left {journal.root} half changed, and it could not be mended"
        raise TransactionError(f"{name}: {cause(error)}: {half}; {remedy(error)}") from error
    return Repair(record, tuple(restored), tuple(conflicts))
