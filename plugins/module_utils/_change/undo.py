# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take back what one transaction, or all of one run, has changed."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from .._files import NotAFile, cause, remedy
from .._text import list_some, plain
from .apply import transact
from .journal import Journal
from .model import Change, ConflictError, NothingToUndo, TransactionError
from .record import DONE, LONGEST, UNDONE, Entry, Record, digest, originals_in
from .replacement import read_now


@dataclass(frozen=True)
class Undo:
    """What has to change to undo some records."""

    records: Tuple[Record, ...]
    changes: Tuple[Change, ...]
    conflicts: Tuple[str, ...] = ()
    """The files changed since by somebody else, which this overwrites."""

    @property
    def is_of_settings(self) -> bool:
        """Whether these records name no image, so that no phone is to move when they are undone."""
        return bool(self.records) and all(record.settings and not record.image for record in self.records)

    @property
    def restored(self) -> List[str]:
        return [change.name for change in self.changes if change.after is not None]

    @property
    def removed(self) -> List[str]:
        return [change.name for change in self.changes if change.after is None]


def plan_undo(journal: Journal, run: Optional[str], since: Optional[str], record: Optional[str], force: bool) -> Undo:
    """What would undo that run, all since that one, that record, or else the last run that still stands: see `LockedRoot.plan_undo`."""
    records = _choose(journal, run, since, record)
    histories: Dict[str, List[Tuple[Record, Entry]]] = {}
    """What these records did to each file, in order of time, as the records are."""
    for one in records:
        for entry in one.files:
            histories.setdefault(entry.path, []).append((one, entry))
    changes: List[Change] = []
    conflicts: Dict[str, str] = {}
    faults: List[str] = []
    with ExitStack() as stack:
        originals = {one.id: stack.enter_context(originals_in(journal.path(one.id, DONE))) for one in records}
        for history in histories.values():
            (owner, first), (_record, last) = history[0], history[-1]
            try:
                place = journal.tree.place(first.path)
                data, status = read_now(place, LONGEST if force else max(first.sizes[0], last.sizes[1]))
                if status and data is None and force:
                    raise NotAFile(errno.EFBIG, f"it has {status.st_size} bytes by now")
            except OSError as error:
                faults.append(f"{first.name} cannot be put back: {cause(error)}: {remedy(error)}")
                continue
            now = "" if status and data is None else digest(data)  # longer than any of our versions: somebody else's, no need to read it
            if now == first.before:
                continue
            in_between = any(one.after != other.before for (_record, one), (_next, other) in zip(history, history[1:]))
            if now != last.after or in_between:
                what = "removed" if now is None else "created" if last.after is None else "changed"
                conflicts[first.name] = f"{first.name} was {what} since by somebody else: look at it, and set force to overwrite it"
            original = originals[owner.id](first) if first.before else None
            changes.append(Change(first.name, first.path, data, original, status, first.metadata))
    if faults:
        raise TransactionError(*faults)
    if conflicts and not force:
        for later in journal.records():
            if later.state == DONE and later.id > records[-1].id:
                back = f"take that back first, or set since_run to {plain(records[0].run)}"
                named = {entry.name for entry in later.files} & set(conflicts)
                conflicts.update({name: f"{name} was changed since by run {plain(later.run)}: {back}" for name in named})
        raise ConflictError(list(conflicts), *conflicts.values())
    return Undo(tuple(records), tuple(changes), tuple(conflicts))


def undo(journal: Journal, plan: Undo) -> None:
    """Do it, as a transaction of its own: see `LockedRoot.undo`."""
    undoes = tuple(record.id for record in plan.records)
    if plan.changes:
        last = plan.records[-1]
        draft = Record(run=last.run, image=last.image, settings=last.settings, undoes=undoes, forced=bool(plan.conflicts))
        transact(journal, plan.changes, draft)
        return
    try:
        journal.mark_undone(undoes)
    except OSError as error:
        raise TransactionError(f"{journal.folder} cannot be written ({cause(error)}): {remedy(error)}") from error


def _choose(journal: Journal, run: Optional[str], since: Optional[str], record: Optional[str]) -> List[Record]:
    """The records to undo, the oldest first. Raises TransactionError if there are none."""
    states = journal.states()
    newest = sorted((identity for identity, state in states.items() if state == DONE), reverse=True)
    if record:
        if states.get(record) == DONE:
            return [journal.load(record, DONE)]
        why = "was undone before" if states.get(record) == UNDONE else "is not there, or cannot be undone"
        others = f"take one of {list_some(newest)}" if newest else "there is nothing to undo"
        raise TransactionError(f"record {plain(record)} of {journal.root} {why}: {others}")
    if not newest:
        raise NothingToUndo(f"there is no record of a change to {journal.root} in {journal.folder}: there is nothing to undo")
    last = journal.load(newest[0], DONE)
    wanted = since or run or last.run
    if not wanted:
        return [last]
    loaded = [last, *(journal.load(identity, DONE) for identity in newest[1:])]
    if since:
        first = min([one.id for one in journal.records() if one.run == since], default=None)
        records = [one for one in reversed(loaded) if first and one.id >= first]
    else:
        records = [one for one in reversed(loaded) if one.run == wanted]
    if not records:
        runs = ", ".join(sorted({plain(one.run) for one in loaded if one.run})) or "none"
        raise NothingToUndo(f"there is no record of run {plain(wanted)} of {journal.root} that can be undone: there are: {runs}")
    return records
