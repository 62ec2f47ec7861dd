# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the files of a TFTP root as one transaction, mend what a killed one left, and undo a whole one.

    with locked("/srv/tftp") as root:
        changes = ...  # read and plan here: nobody else changes the root meanwhile
        root.apply(changes, image="P0S3-06-3-00", run="spring")

One file per transaction is journal and record at once. It lies outside the root, holds the originals with their digests, and its
name says how far the transaction came:

    pending    written before the first file is touched; found later, its process died: the originals are put back
    committed  every file is new; found later, only the remains are removed
    zip        done: it can be undone
    undone     done, then undone
    repaired, forced  keep originals that a repair left alone, or bytes of somebody else that a forced undo replaced

A new file is written beside the one it replaces, under a name that starts with a dot, readable for its owner only until it
is whole; the original is kept under a second name (a hard link, which takes no space) until the transaction is committed.
"""

from __future__ import annotations

import base64
import difflib
import errno
import fcntl
import hashlib
import io
import json
import os
import pwd
import re
import secrets
import stat
import time
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

KEPT_RECORDS = 20
MOST_RECORDS = 200
"""A run is forgotten as a whole or not at all, so more than KEPT_RECORDS are kept if the last ones belong to a long run; more than
this only of the newest run."""
FORCED_ONTO_DISK = 64
"""More files than this are left to the file system, unless asked for: it costs a disk write per file."""

PENDING, COMMITTED, DONE, UNDONE, REPAIRED, FORCED = "pending", "committed", "done", "undone", "repaired", "forced"
DAMAGED = "damaged"
"""Of a record that cannot be read."""

_FORMAT = 1
_MANIFEST = "manifest.json"
_ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}", re.ASCII)
_STATES = {extension: extension for extension in (PENDING, COMMITTED, UNDONE, REPAIRED, FORCED)}
_STATES["zip"] = DONE
_UNFINISHED = "new"
_DIGEST = re.compile("[0-9a-f]{64}")
_TOKEN = re.compile("[0-9a-f]{8}")
_SUFFIX = re.compile(r"(\.[0-9]+\.[0-9@:-]+~)?")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_NEW_FILE_MODE = 0o644
_SHOWN = 20
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_AGAIN = "remove the cause and run again"
_REMEDIES = {
    errno.ENOSPC: "make room on that file system and run again",
    errno.EDQUOT: "make room or raise the quota, and run again",
    errno.EROFS: "mount it writable and run again",
    errno.EACCES: "run as a user who may write there (become)",
    errno.EPERM: "run as a user who may write there (become), and see that it is not immutable",
    errno.ENAMETOOLONG: "give it a shorter name and run again",
}


class TransactionError(Exception):
    """Why a root could not be locked, changed, mended or undone. `faults` holds one text "thing: cause: what to do" each."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults = tuple(dict.fromkeys(faults))
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        super().__init__("; ".join([*faults[:_SHOWN], *more]))


class ConflictError(TransactionError):
    """An undo would overwrite what somebody else has changed since: the files called `names`."""

    def __init__(self, names: Sequence[str], *faults: str) -> None:
        super().__init__(*faults)
        self.names = tuple(names)


@dataclass(frozen=True)
class Form:
    """What a file has besides its bytes. Without `mtime_ns` it gets the time it is written at."""

    mode: int
    uid: int
    gid: int
    mtime_ns: Optional[int] = None
    attributes: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """New content for one file. `name` is relative to the root, `path` the file itself, behind any symbolic link.

    `before` and `status` are None for a file that does not exist yet, `after` is None for one that is to be removed. The new file looks
    as the old one does, unless there is a `form`.
    """

    name: str
    path: str
    before: Optional[bytes]
    after: Optional[bytes]
    status: Optional[os.stat_result]
    form: Optional[Form] = None


@dataclass(frozen=True)
class Entry:
    """One file in a record. `path` is relative to the root; digests are SHA-256, None where there was or is no file."""

    name: str
    path: str
    before: Optional[str]
    after: Optional[str]
    form: Optional[Form] = None
    """How it looked before."""


@dataclass(frozen=True)
class Record:
    """What one transaction changed, without the bytes. `state` is one of PENDING … DAMAGED."""

    id: str
    state: str
    run: str = ""
    image: str = ""
    created: str = ""
    files: Tuple[Entry, ...] = ()
    undoes: Tuple[str, ...] = ()
    """The records that this one, being an undo, undoes."""
    forced: bool = False
    """Whether it, being an undo, overwrites what somebody else has changed."""
    token: str = ""
    suffix: str = ""
    fault: str = ""
    """Why it cannot be used, if it is damaged."""

    def summary(self) -> Dict[str, str]:
        return {"id": self.id, "run": self.run, "image": self.image, "created": self.created}


@dataclass(frozen=True)
class Repair:
    """What was mended of one transaction whose process died, or would be."""

    record: Record
    restored: Tuple[str, ...] = ()
    conflicts: Tuple[str, ...] = ()
    """The files that somebody else has changed since: they stay as they are."""

    def texts(self) -> List[str]:
        """For people."""
        ended = f"a run that was killed ({self.record.id})"
        if self.record.state == COMMITTED:
            return [f"{ended} had changed all of its files; what it left over was removed"]
        count = f"{len(self.restored)} file{'' if len(self.restored) == 1 else 's'} put back as before it"
        original = f"left as it is, its original is in {self.record.id}.{REPAIRED}"
        since = [f"{name} was changed by somebody else since: {original}" for name in self.conflicts]
        return [f"{ended} was mended: {count}", *since]


@dataclass(frozen=True)
class Undo:
    """What has to change to undo some records."""

    records: Tuple[Record, ...]
    changes: Tuple[Change, ...]
    conflicts: Tuple[str, ...] = ()
    """The files changed since by somebody else, which this overwrites."""

    @property
    def restored(self) -> List[str]:
        return [change.name for change in self.changes if change.after is not None]

    @property
    def removed(self) -> List[str]:
        return [change.name for change in self.changes if change.after is None]


@contextmanager
def locked(root: str, state_dir: Optional[str] = None, check: bool = False) -> Iterator[Transactions]:
    """Keep every other run from that root, mend what a killed one left there, and hand out what may be done to it.

    With `check` nothing is written, and others may look as well: `repaired` says what would be mended. The lock is on the folder itself and
    ends with the process.
    Raises TransactionError if there is no such folder, somebody else has the lock, `state_dir` cannot be used, or mending fails.
    """
    with ExitStack() as stack:
        try:
            descriptor = os.open(root, _FOLDER)
        except ValueError as error:
            raise TransactionError(f"{_plain(root)} is no path ({error}): {_SET_ROOT}") from None
        except OSError as error:
            raise TransactionError(_no_root(root, error)) from None
        stack.callback(os.close, descriptor)
        real = os.path.realpath(root)
        store = Transactions(root.rstrip("/") or root, real, state_folder(real, state_dir), check)
        if not _lock(descriptor, store.root, check):
            store._lock_file(stack)
        store.repaired = store._repair()
        yield store


def difference(texts: Mapping[str, str]) -> Dict[str, str]:
    """What Ansible shows as a diff, as `path` and a unified `diff` with one line around."""
    before, after = (texts[side].splitlines(keepends=True) for side in ("before", "after"))
    return {"path": texts["after_header"], "diff": "".join(difflib.unified_diff(before, after, n=1))}


def state_folder(root: str, state_dir: Optional[str] = None) -> str:
    """The folder that holds the records of the root with that real path. Raises TransactionError if that is inside the root."""
    try:
        state = os.path.realpath(state_dir or _default_state_dir())
    except ValueError as error:
        raise TransactionError(f"state_dir {_plain(state_dir or '')} is no path ({error}): {_SET_STATE}") from None
    served = root.rstrip("/") + "/"
    if (state + "/").startswith(served):
        raise TransactionError(
            f"state_dir {_plain(state)} is inside {_plain(root)}, where phones could fetch the passwords in the records: {_SET_STATE}"
        )
    name = re.sub("[^A-Za-z0-9._-]", "_", os.path.basename(root))[:40].lstrip(".") or "root"
    return f"{state}/{name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"


class Transactions:
    """What may be done to a root while it is locked: see `locked`."""

    def __init__(self, root: str, real: str, folder: str, check: bool = False) -> None:
        self.root = root
        self.real = real
        self.folder = folder
        self.check = check
        self.repaired: List[Repair] = []
        self._inside = real.rstrip("/") + "/"

    def apply(
        self, changes: Sequence[Change], image: str = "", run: str = "", backup: bool = False, fsync: Optional[bool] = None
    ) -> List[Tuple[str, str]]:
        """Make all of the changes, or none, and record them. Returns (name, path of the backup) of each file that had content before.

        `image` and `run` are for the record; records of one run are undone together. With `fsync` (by default up to FORCED_ONTO_DISK
        files) a power cut after the return loses nothing; without, the file system may take some seconds to write it all.
        Raises TransactionError, with every file as it was, if anything fails or was changed since it was read.
        """
        return self._transact(changes, image, run, backup, fsync)

    def records(self) -> List[Record]:
        """All records, the newest first. One that cannot be read has the state "damaged". Raises TransactionError."""
        found = []
        for identity, state in sorted(self._listed().items(), reverse=True):
            try:
                found.append(self._load(identity, state))
            except TransactionError as error:
                found.append(Record(identity, DAMAGED, fault=str(error)))
        return found

    def plan_undo(self, run: Optional[str] = None, record: Optional[str] = None, force: bool = False) -> Undo:
        """What would undo that record, all of that run, or else the last run that is not undone yet. Reads only.

        Per file, the bytes before the first of the records come back. Raises ConflictError if files are not as the last of the records
        left them, unless `force` is set, and TransactionError if there is nothing to undo or a record cannot be used.
        """
        chosen = self._chosen(run or None, record or None)
        changes: List[Change] = []
        conflicts: Dict[str, str] = {}
        faults: List[str] = []
        with ExitStack() as stack:
            archives = {one.id: stack.enter_context(self._archive(one)) for one in chosen}
            for source, first, last, broken in _combined(chosen):
                try:
                    place = self._place(first.path)
                    now = _found(place)
                except OSError as error:
                    faults.append(f"{first.name} cannot be put back: {_cause(error)}: {_remedy(error)}")
                    continue
                digest = now and _digest(now[0])
                if digest == first.before:
                    continue
                if digest != last.after or broken:
                    happened = "removed" if digest is None else "created" if last.after is None else "changed"
                    conflicts[first.name] = f"{first.name} was {happened} since by somebody else: look at it, and set force to overwrite it"
                original = self._original(archives[source.id], source, first) if first.before else None
                changes.append(Change(first.name, place, now and now[0], original, now and now[1], first.form))
        if faults:
            raise TransactionError(*faults)
        if conflicts and not force:
            raise ConflictError(list(conflicts), *conflicts.values())
        return Undo(tuple(chosen), tuple(changes), tuple(conflicts))

    def undo(self, plan: Undo) -> None:
        """Do it, as a transaction of its own. The records are marked, so that the next undo takes what was before them.

        Raises TransactionError, with every file as it was, if anything fails or was changed since the plan was made.
        """
        runs = {record.run for record in plan.records}
        images = {record.image for record in plan.records}
        undoes = [record.id for record in plan.records]
        if plan.changes:
            self._transact(plan.changes, _only(images), _only(runs), undoes=undoes, forced=bool(plan.conflicts))
            return
        self._refuse_if_checking()
        try:
            self._mark_undone(undoes)
        except OSError as error:
            raise TransactionError(f"{self.folder} cannot be written ({_cause(error)}): {_remedy(error)}") from error

    def _refuse_if_checking(self) -> None:
        if self.check:
            raise TransactionError(f"{self.root} is only looked at: lock it without check to change it")

    # One transaction

    def _transact(
        self,
        changes: Sequence[Change],
        image: str,
        run: str,
        backup: bool = False,
        fsync: Optional[bool] = None,
        undoes: Sequence[str] = (),
        forced: bool = False,
    ) -> List[Tuple[str, str]]:
        changes = [change for change in changes if change.before != change.after]
        if not changes:
            return []
        self._refuse_if_checking()
        if fsync is None:
            fsync = len(changes) <= FORCED_ONTO_DISK
        suffix = f".{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}" if backup else ""
        record = self._begin(changes, image, run, suffix, undoes, forced)
        steps = [_Step(change, entry, record) for change, entry in zip(changes, record.files)]
        step = None
        try:
            for step in steps:
                step.stage(fsync)
            for step in steps:
                step.check()
            for step in steps:
                step.commit()
            step = None
            if fsync:
                _sync_folders(change.path for change in changes)
            self._move(record, PENDING, COMMITTED)
        except BaseException as error:
            if self._is(record, COMMITTED):  # interrupted just after it
                self._finish(record, steps)
                raise
            lost = [text for done in reversed(steps) for text in done.undo()]
            if not lost and all(done.clean for done in steps):
                self._drop(record)
            if isinstance(error, (OSError, TransactionError)) or lost:
                thing = f"{step.change.name}: " if step and isinstance(error, OSError) else ""
                cause = _cause(error) if isinstance(error, OSError) else str(error) or type(error).__name__
                state = "" if lost else f": every file is as it was; {_remedy(error)}"
                raise TransactionError(f"{thing}{cause}{state}", *lost) from error
            raise
        return self._finish(record, steps)

    def _begin(self, changes: Sequence[Change], image: str, run: str, suffix: str, undoes: Sequence[str], forced: bool) -> Record:
        """Write the record, and force it onto the disk."""
        self._make_folder()
        originals: Dict[str, bytes] = {}
        entries = []
        for change in changes:
            if not change.path.startswith(self._inside):
                raise TransactionError(f"{_plain(change.name)} is outside of {self.root}: nothing was changed")
            before = None if change.before is None else _digest(change.before)
            if before is not None and change.before is not None:
                originals[before] = change.before
            after = None if change.after is None else _digest(change.after)
            form = None if change.status is None else _form(change.path, change.status)
            entries.append(Entry(change.name, change.path[len(self._inside) :], before, after, form))
        now = datetime.now(timezone.utc)
        created = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        identity = self._next_id(now, run)
        record = Record(identity, PENDING, run, image, created, tuple(entries), tuple(undoes), forced, secrets.token_hex(4), suffix)
        data = self._packed(record, originals)
        unfinished = f"{self.folder}/{record.id}.{_UNFINISHED}"
        try:
            descriptor = _create(unfinished)
            try:
                _fill(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(unfinished, self._path(record.id, PENDING))
            _sync_folder(self.folder)
        except BaseException as error:
            _remove_quietly(unfinished)
            _remove_quietly(self._path(record.id, PENDING))
            if isinstance(error, OSError):
                what = "the record with the originals cannot be written to"
                raise TransactionError(f"{what} {self.folder} ({_cause(error)}): nothing was changed; {_remedy(error)}") from error
            raise
        return record

    def _packed(self, record: Record, originals: Mapping[str, bytes]) -> bytes:
        manifest = {
            "format": _FORMAT,
            "id": record.id,
            "root": self.real,
            "run": record.run,
            "image": record.image,
            "created": record.created,
            "token": record.token,
            "suffix": record.suffix,
            "undoes": record.undoes,
            "forced": record.forced,
            "files": [_entry_to_json(entry) for entry in record.files],
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in [(_MANIFEST, json.dumps(manifest).encode("ascii")), *originals.items()]:
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 1)
        return buffer.getvalue()

    def _next_id(self, now: datetime, run: str) -> str:
        """Later than all others even if the clock was set back. Records of one run end alike, so that they are forgotten together."""
        newest = max(self._listed(), default="")
        if newest:
            try:
                last = datetime.strptime(newest.split("-")[0], _TIME).replace(tzinfo=timezone.utc)
                now = max(now, last + timedelta(microseconds=1))
            except (ValueError, OverflowError):
                pass
        group = _digest(run.encode("utf-8", "surrogatepass"))[:4] if run else secrets.token_hex(2)
        return f"{now.strftime(_TIME)}-{group}"

    def _finish(self, record: Record, steps: Sequence[_Step] = ()) -> List[Tuple[str, str]]:
        """What is left to do once a transaction is committed. Can be done again. What fails is left to the next run."""
        backups = [(step.change.name, step.kept_path) for step in steps if step.kept and record.suffix]
        swept = [step.finish() for step in steps] or [self._swept(entry, record) for entry in record.files]
        clean = all(swept)
        try:
            self._mark_undone(record.undoes)
            if clean and record.undoes and not record.forced:
                self._drop(record)
            elif clean:
                self._move(record, COMMITTED, FORCED if record.undoes else DONE)
            self._prune()
        except (OSError, TransactionError):
            pass
        return backups

    def _mark_undone(self, records: Sequence[str]) -> None:
        for identity in records:
            try:
                os.rename(self._path(identity, DONE), self._path(identity, UNDONE))
            except FileNotFoundError:  # marked before, or forgotten
                pass

    def _prune(self) -> None:
        settled = sorted((name for name, state in self._listed().items() if state not in (PENDING, COMMITTED)), reverse=True)
        runs: Dict[str, List[str]] = {}
        for name in settled:
            runs.setdefault(name[-4:], []).append(name)
        recent = {name[-4:] for name in settled[:KEPT_RECORDS]}
        old: List[str] = []
        kept = 0
        for run, names in runs.items():
            # Never a part of a run: its undo would leave the files of the other part. The newest stays however long it is.
            if kept and (run not in recent or kept + len(names) > MOST_RECORDS):
                old += names
            else:
                kept += len(names)
        for identity in old:
            for state in (DONE, UNDONE, REPAIRED, FORCED):
                _remove_quietly(self._path(identity, state))

    # Repair

    def _repair(self) -> List[Repair]:
        """Mend all that killed processes left, the last one first. Raises TransactionError."""
        if not self.check:
            self._sweep_folder()
        found = sorted(self._listed().items(), reverse=True)
        return [self._mend(self._load(identity, state)) for identity, state in found if state in (PENDING, COMMITTED)]

    def _mend(self, record: Record) -> Repair:
        if record.state == COMMITTED:
            if not self.check:
                self._finish(record)
            return Repair(record)
        restored: List[str] = []
        conflicts: List[str] = []
        name = ""
        try:
            with self._archive(record) as archive:
                for entry in record.files:
                    name = entry.name
                    mended = self._put_back(entry, record, archive)
                    if mended is None:
                        conflicts.append(name)
                    elif mended:
                        restored.append(name)
                name = self.folder
                if not self.check:
                    _sync_folders(self._inside + entry.path for entry in record.files)
                    if conflicts:
                        self._move(record, PENDING, REPAIRED)
                    else:
                        self._drop(record)
        except OSError as error:
            half = f"a run that was killed ({record.id}) left {self.root} half changed, and it could not be mended"
            raise TransactionError(f"{name}: {_cause(error)}: {half}; {_remedy(error)}") from error
        return Repair(record, tuple(restored), tuple(conflicts))

    def _put_back(self, entry: Entry, record: Record, archive: zipfile.ZipFile) -> Optional[bool]:
        """Whether that had to be; None if somebody else has changed the file, which then is left alone."""
        try:
            place = self._place(entry.path)
        except _NotAFile:
            return None
        staged, kept = _temporary(place, record)
        digest = _digest_of(place)
        result = digest != entry.before if digest in (entry.before, entry.after) else None
        if self.check:
            return result
        if result and entry.before is None:
            _remove(place)
        elif result and _digest_of(kept) == entry.before:
            os.replace(kept, place)
        elif result:
            self._rewrite(entry, staged, self._original(archive, record, entry))
            os.replace(staged, place)
        _remove(staged)
        _remove(kept)  # always: a rename between two names of one file does nothing
        return result

    def _rewrite(self, entry: Entry, staged: str, original: bytes) -> None:
        _remove(staged)
        descriptor = _create(staged)
        try:
            _fill(descriptor, original)
            if entry.form:
                _dress(descriptor, entry.name, entry.form)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _swept(self, entry: Entry, record: Record) -> bool:
        """Whether nothing is left of a committed change, but for a backup."""
        try:
            staged, kept = _temporary(self._place(entry.path), record)
        except _NotAFile:
            return True
        return _remove_quietly(staged) and (bool(record.suffix) or _remove_quietly(kept))

    def _place(self, path: str) -> str:
        """Where that file of a record is. Raises _NotAFile if its folder is gone or leads elsewhere by now."""
        place = self._inside + path
        folder = os.path.dirname(place)
        if os.path.realpath(folder) != folder or not os.path.isdir(folder):
            raise _NotAFile(errno.ENOTDIR, "its folder is gone, or is a symbolic link now")
        return place

    # The records

    def _chosen(self, run: Optional[str], record: Optional[str]) -> List[Record]:
        """The oldest first."""
        states = self._listed()
        if record is not None:
            if states.get(record) != DONE:
                why = "was undone before" if states.get(record) == UNDONE else "is not there, or cannot be undone"
                raise TransactionError(f"record {_plain(record)} of {self.root} {why}: {self._known(states)}")
            return [self._load(record, DONE)]
        newest = sorted((name for name, state in states.items() if state == DONE), reverse=True)
        if not newest:
            raise TransactionError(f"there is no record of a change to {self.root} in {self.folder}: there is nothing to undo")
        loaded = [self._load(newest[0], DONE)]
        if run is None and not loaded[0].run:
            return loaded
        wanted = loaded[0].run if run is None else run
        loaded += [self._load(name, DONE) for name in newest[1:]]
        chosen = [one for one in reversed(loaded) if one.run == wanted]
        if not chosen:
            runs = ", ".join(sorted({_plain(one.run) for one in loaded if one.run})) or "none"
            raise TransactionError(f"there is no record of run {_plain(wanted)} of {self.root} that can be undone: there are: {runs}")
        return chosen

    def _known(self, states: Mapping[str, str]) -> str:
        known = sorted((name for name, state in states.items() if state == DONE), reverse=True)
        return f"take one of {', '.join(known[:_SHOWN])}" if known else "there is nothing to undo"

    def _listed(self) -> Dict[str, str]:
        """The states of all records by their ids, from the names of their files."""
        parts = (name.rpartition(".") for name in self._names())
        return {identity: _STATES[extension] for identity, _dot, extension in parts if extension in _STATES and _ID.fullmatch(identity)}

    def _names(self) -> List[str]:
        try:
            self._own_folder()
            return os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise TransactionError(f"{self.folder} cannot be read ({_cause(error)}): {_SET_STATE}") from None

    def _load(self, identity: str, state: str) -> Record:
        path = self._path(identity, state)
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = json.loads(archive.read(_MANIFEST).decode("ascii"))
            if manifest["format"] != _FORMAT:
                raise ValueError(f"its format is {manifest['format']!r}")
            if manifest["root"] != self.real:
                raise ValueError(f"it is of {manifest['root']!r}")
            return _record(manifest, identity, state)
        except (OSError, *_UNREADABLE) as error:
            half = f"; {self.root} may be half changed, so compare its files first" if state == PENDING else ""
            raise TransactionError(f"record {path} cannot be used ({_plain(str(error))}): move it away{half}") from None

    def _archive(self, record: Record) -> zipfile.ZipFile:
        path = self._path(record.id, record.state)
        try:
            return zipfile.ZipFile(path)
        except (OSError, *_UNREADABLE) as error:
            raise TransactionError(f"record {path} cannot be used ({_plain(str(error))}): move it away") from None

    def _original(self, archive: zipfile.ZipFile, record: Record, entry: Entry) -> bytes:
        try:
            data = archive.read(entry.before or "")
        except _UNREADABLE as error:
            raise TransactionError(f"record {record.id}: the original of {entry.name} cannot be read ({_plain(str(error))})") from None
        if _digest(data) != entry.before:
            raise TransactionError(f"record {record.id}: the original of {entry.name} is damaged: put the file back by hand")
        return data

    def _path(self, identity: str, state: str) -> str:
        return f"{self.folder}/{identity}.{'zip' if state == DONE else state}"

    def _is(self, record: Record, state: str) -> bool:
        return os.path.exists(self._path(record.id, state))

    def _move(self, record: Record, state: str, new: str) -> None:
        os.rename(self._path(record.id, state), self._path(record.id, new))
        try:
            _sync_folder(self.folder)
        except OSError:
            pass

    def _drop(self, record: Record) -> None:
        for state in (PENDING, COMMITTED):
            _remove_quietly(self._path(record.id, state))

    # Their folder

    def _make_folder(self) -> None:
        refused = f"{self.folder} cannot be made by {_me()}"
        try:
            os.makedirs(os.path.dirname(self.folder), 0o700, exist_ok=True)
            try:
                os.mkdir(self.folder, 0o700)
                _sync_folder(os.path.dirname(self.folder))
            except FileExistsError:
                pass
            self._own_folder()
            os.chmod(self.folder, 0o700)
        except OSError as error:
            raise TransactionError(f"{refused} ({_cause(error)}): nothing was changed; {_SET_STATE}") from None

    def _own_folder(self) -> None:
        """Records of somebody else are not to be trusted: an undo does what they say."""
        status = os.lstat(self.folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise TransactionError(f"{self.folder} is no folder of {_me()}: run as its owner, or set state_dir to another folder")

    def _sweep_folder(self) -> None:
        for name in self._names():
            if name.endswith("." + _UNFINISHED):
                _remove_quietly(f"{self.folder}/{name}")

    def _lock_file(self, stack: ExitStack) -> None:
        """For file systems that do not lock folders."""
        path = f"{self.folder}/lock"
        if self.check and not os.path.exists(path):
            return
        self._make_folder()
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TransactionError(f"{path} cannot be opened ({_cause(error)}): {_SET_STATE}") from None
        stack.callback(os.close, descriptor)
        if not _lock(descriptor, self.root, self.check):
            raise TransactionError(f"neither {self.root} nor {path} can be locked: set state_dir to a folder on a local disk")


class _Step:
    """One change on its way: staged, committed, and undone or finished."""

    def __init__(self, change: Change, entry: Entry, record: Record) -> None:
        self.change = change
        self.form = change.form or (entry.form and Form(entry.form.mode, entry.form.uid, entry.form.gid, None, entry.form.attributes))
        self.original_form = entry.form
        self.staged_path, self.kept_path = _temporary(change.path, record)
        self.backup = bool(record.suffix)
        self.staged = self.kept = self.replaced = False
        self.clean = True

    def stage(self, fsync: bool) -> None:
        change = self.change
        if change.after is None:
            return
        descriptor = _create(self.staged_path)
        self.staged = True
        try:
            _fill(descriptor, change.after)
            if self.form:
                _dress(descriptor, change.name, self.form)
            else:
                _dress_new(descriptor, os.path.dirname(change.path))
            if fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Raises TransactionError if the file is not as it was read."""
        status = self.change.status
        try:
            now: Optional[os.stat_result] = os.lstat(self.change.path)
        except FileNotFoundError:
            now = None
        if (now and _stamp(now)) != (status and _stamp(status)):
            raise _changed(self.change)

    def commit(self) -> None:
        change = self.change
        if change.status is None:
            self._appear()
            return
        self._keep()
        self.check()  # again, as thousands of other files may have come first
        self.replaced = True  # before the fact: putting back what was not replaced does no harm, the reverse loses the original
        try:
            if change.after is None:
                os.unlink(change.path)
            else:
                os.replace(self.staged_path, change.path)
        except OSError:
            self.replaced = False
            raise

    def _appear(self) -> None:
        """By a link, as a rename would overwrite what somebody else has created meanwhile."""
        self.replaced = True
        try:
            os.link(self.staged_path, self.change.path)
        except OSError as error:
            self.replaced = False
            if isinstance(error, FileExistsError):
                raise _changed(self.change) from None
            self.check()
            os.rename(self.staged_path, self.change.path)
            self.replaced = True
        else:
            os.unlink(self.staged_path)

    def _keep(self) -> None:
        """A second name for the original; a copy where links are not to be had (vfat, other people's files, too many links)."""
        path = self.change.path
        try:
            os.link(path, self.kept_path, follow_symlinks=False)
            self.kept = True
        except FileExistsError:
            raise
        except OSError:
            descriptor = _create(self.kept_path)
            self.kept = True
            try:
                _fill(descriptor, self.change.before or b"")
                if self.original_form:
                    _dress(descriptor, self.change.name, self.original_form)
            finally:
                os.close(descriptor)

    def undo(self) -> List[str]:
        """Back to how it was; returns what could not be."""
        try:
            if self.replaced and self.kept:
                os.replace(self.kept_path, self.change.path)
            elif self.replaced:
                _remove(self.change.path)
        except OSError as error:
            original = f": its original is {self.kept_path}, move it back" if self.kept else ": remove it"
            return [f"{self.change.name} could not be put back ({_cause(error)}){original}"]
        finally:
            if self.staged:
                self.clean = _remove_quietly(self.staged_path)
        if self.kept:
            self.clean &= _remove_quietly(self.kept_path)
        return []

    def finish(self) -> bool:
        """Drops the original, unless it is a backup."""
        return not self.kept or self.backup or _remove_quietly(self.kept_path)


class _NotAFile(OSError):
    """Something else is where a file, or its folder, should be."""


_SET_ROOT = "set tftp_root to the folder that the TFTP server serves"
_SET_STATE = "set state_dir to a folder outside of it that only you can read"
_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def _combined(records: Sequence[Record]) -> List[Tuple[Record, Entry, Entry, bool]]:
    """Per file: the first record that changed it, the first and the last change, and whether somebody else changed it in between."""
    files: Dict[str, Tuple[Record, Entry, Entry, bool]] = {}
    for record in records:
        for entry in record.files:
            source, first, last, broken = files.get(entry.path, (record, entry, entry, False))
            files[entry.path] = (source, first, entry, broken or (last is not entry and last.after != entry.before))
    return list(files.values())


def _record(manifest: Dict[str, Any], identity: str, state: str) -> Record:
    """Raises ValueError for anything that `_packed` does not write, KeyError, TypeError."""
    if manifest["id"] != identity:
        raise ValueError(f"it is {manifest['id']!r} by its content")
    token, suffix = manifest["token"], manifest["suffix"]
    if not _TOKEN.fullmatch(token) or not _SUFFIX.fullmatch(suffix):
        raise ValueError("its temporary names are none of ours")
    undoes = tuple(manifest["undoes"])
    if not all(map(_ID.fullmatch, undoes)):
        raise ValueError("it undoes something that is no record")
    texts = {key: manifest[key] for key in ("run", "image", "created")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its description is no text")
    files = tuple(map(_entry_from_json, manifest["files"]))
    return Record(identity, state, files=files, undoes=undoes, forced=bool(manifest["forced"]), token=token, suffix=suffix, **texts)


def _entry_to_json(entry: Entry) -> Dict[str, Any]:
    found: Dict[str, Any] = {"name": entry.name, "path": entry.path, "before": entry.before, "after": entry.after}
    form = entry.form
    if form:
        found.update(mode=form.mode, uid=form.uid, gid=form.gid, mtime_ns=form.mtime_ns)
        if form.attributes:
            found["attributes"] = {name: base64.b64encode(value).decode("ascii") for name, value in form.attributes.items()}
    return found


def _entry_from_json(found: Dict[str, Any]) -> Entry:
    name, path = found["name"], found["path"]
    if not isinstance(name, str) or not isinstance(path, str):
        raise ValueError("a name in it is no text")
    if not path or "\0" in path or path[0] == "/" or os.path.normpath(path) != path or path.split("/")[0] in (".", ".."):
        raise ValueError(f"it names {path!r}, which does not lie inside the root")
    for digest in (found["before"], found["after"]):
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise ValueError("a digest in it is none")
    form = None
    if found["before"] is not None:
        numbers = [found[key] for key in ("mode", "uid", "gid", "mtime_ns")]
        if not all(isinstance(number, int) for number in numbers) or not 0 <= numbers[0] <= 0o7777 or min(numbers[1:3]) < 0:
            raise ValueError(f"the mode, owner or time of {path!r} is none")
        attributes = {key: base64.b64decode(value, validate=True) for key, value in found.get("attributes", {}).items()}
        form = Form(numbers[0], numbers[1], numbers[2], numbers[3], attributes)
    return Entry(name, path, found["before"], found["after"], form)


def _temporary(path: str, record: Record) -> Tuple[str, str]:
    """Where the new file is written, and where the original is kept."""
    folder, name = os.path.split(path)
    hidden = f"{folder}/.{name}.{record.token}"
    return f"{hidden}.new", path + record.suffix if record.suffix else f"{hidden}.old"


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


def _found(path: str) -> Optional[Tuple[bytes, os.stat_result]]:
    """That file, or None if there is none. Never waits, follows no link. Raises _NotAFile, OSError."""
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _NotAFile(error.errno, "it is a symbolic link or a socket now") from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _NotAFile(errno.EINVAL, "it is no ordinary file any more")
        data = os.read(descriptor, status.st_size + 1)
        more = data
        while more and len(data) < status.st_size:
            more = os.read(descriptor, status.st_size - len(data))
            data += more
        return data, status
    finally:
        os.close(descriptor)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: str) -> Optional[str]:
    """None if there is no such file, "" if it is something else. Raises OSError."""
    try:
        found = _found(path)
    except _NotAFile:
        return ""
    return _digest(found[0]) if found else None


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _fill(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _form(path: str, status: os.stat_result) -> Form:
    return Form(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, _attributes(path))


def _dress(descriptor: int, name: str, form: Form) -> None:
    """Owner, mode, extended attributes (SELinux context, ACLs) and time. Raises OSError, TransactionError."""
    try:
        os.fchown(descriptor, form.uid, form.gid)
    except PermissionError:
        raise TransactionError(f"{name} belongs to somebody else, which {_me()} cannot keep: run as root (become)") from None
    os.fchmod(descriptor, form.mode)
    for attribute in _attribute_names(descriptor) - set(form.attributes):
        _tolerant(os.removexattr, descriptor, attribute)
    for attribute, value in form.attributes.items():
        _tolerant(os.setxattr, descriptor, attribute, value)
    if form.mtime_ns is not None:
        os.utime(descriptor, ns=(form.mtime_ns, form.mtime_ns))


def _dress_new(descriptor: int, folder: str) -> None:
    """A new file is owned as its folder is, where that is allowed, and readable for everybody as TFTP servers want it."""
    owner = os.stat(folder)
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except PermissionError:
        pass
    os.fchmod(descriptor, _NEW_FILE_MODE)


def _attribute_names(target: Any) -> Set[str]:
    try:
        return {name for name in os.listxattr(target) if name not in ("security.ima", "security.evm")}
    except (OSError, AttributeError):  # none to be had on this file system, or on this system
        return set()


def _attributes(path: str) -> Dict[str, bytes]:
    found: Dict[str, bytes] = {}
    for name in _attribute_names(path):
        try:
            found[name] = os.getxattr(path, name)
        except OSError:
            pass
    return found


def _tolerant(function: Callable[..., object], *arguments: object) -> None:
    """As shutil.copystat: what the file system or the kernel's policy does not let us copy is left out."""
    try:
        function(*arguments)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.EINVAL):
            raise


def _stamp(status: os.stat_result) -> Tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_mode,
        status.st_uid,
        status.st_gid,
    )


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folders(paths: Iterator[str]) -> None:
    for folder in {os.path.dirname(path) for path in paths}:
        try:
            _sync_folder(folder)
        except FileNotFoundError:
            pass


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _remove_quietly(path: str) -> bool:
    """Whether it is gone."""
    try:
        _remove(path)
    except OSError:
        return False
    return True


def _changed(change: Change) -> TransactionError:
    return TransactionError(f"{change.name} was changed by somebody else meanwhile")


def _no_root(path: str, error: OSError) -> str:
    if isinstance(error, NotADirectoryError) and os.path.exists(path):
        return f"{path} is {_kind(os.stat(path).st_mode)}, not a folder: {_SET_ROOT}"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{_plain(path) or repr(path)} does not exist: {_SET_ROOT}"
    if isinstance(error, PermissionError):
        return f"{path} cannot be read by {_me()}: run as a user who may (become)"
    return f"{path} cannot be read ({_cause(error)}): {_SET_ROOT}"


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISREG, "a file"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
    return next((kind for test, kind in kinds if test(mode)), "a device")


def _me() -> str:
    user = os.geteuid()
    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"user {user}"


def _only(texts: Set[str]) -> str:
    return texts.pop() if len(texts) == 1 else ""


def _remedy(error: BaseException) -> str:
    if isinstance(error, _NotAFile):
        return "put that right and run again"
    return _REMEDIES.get(error.errno or 0, _AGAIN) if isinstance(error, OSError) else _AGAIN


def _cause(error: OSError) -> str:
    return error.strerror or str(error)


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
