# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of a root: its current rollout, the resets that are in flight, and the lease of the run that may change it.

It is a file beside the root's lock and records, so that whoever goes on with a rollout finds it, from wherever. All times in it are of
this host's clock, in Unix seconds, and are compared with that clock only. There is no secret in it.

    serial    grows each time the lease changes hands
    rollout   the current one: id, kind, image, undo, phones (name → MAC), waves (names), runs, paused, became (name → what), or null
    resets    name → mac, image, before, deferred, sent, at: of phones that were reset and not seen again
    lease     run, who, controller, process, wave, timeout, taken, seen (its last sign of life), or null
    lost      runs from which the lease was taken: they change nothing any more
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from .._files import cause, create, me, read, remedy, remove, remove_if_possible, write_and_close
from .._text import duration, one_line, plain
from .claim import claim
from .journal import Journal
from .model import TransactionError

FILE = "rollout.json"
ENDED = "rollout-"
"""How the names of finished rollouts begin."""
FORMAT = 1
ABOUT = "voip.cisco79xx: the rollout of a TFTP root"
KEPT = 20
"""Finished rollouts, runs of one, and lost runs that are remembered."""
OLD_RESET = 7 * 86400.0
"""Seconds after which nobody waits for a reset."""
MOST_BYTES = 1 << 26
LOCK_SECONDS = 20.0

Facts = Dict[str, Any]
_EMPTY: Mapping[str, Any] = {"serial": 0, "rollout": None, "resets": {}, "lease": None, "lost": []}
_TYPES = {
    "serial": int,
    "rollout": (dict, type(None)),
    "resets": dict,
    "lease": (dict, type(None)),
    "lost": list,
}
_OF_ROLLOUT = {
    "id": str,
    "kind": str,
    "image": str,
    "undo": dict,
    "phones": dict,
    "waves": list,
    "runs": list,
    "paused": int,
    "became": dict,
}
_OF_RESET = {"image": str, "deferred": bool, "sent": bool, "at": (int, float)}
_OF_LEASE = {"run": str, "who": str, "controller": str, "wave": int, "timeout": (int, float), "seen": (int, float)}


def load(journal: Journal) -> Facts:
    """What the ledger says; that of a root without one is empty. Raises TransactionError for one that cannot be trusted."""
    path = f"{journal.folder}/{FILE}"
    try:
        data, status = read(path, MOST_BYTES)
    except FileNotFoundError:
        return json.loads(json.dumps(_EMPTY))  # type: ignore[no-any-return]
    except OSError as error:
        raise _unusable(path, f"cannot be read: {cause(error)}") from None
    if status.st_uid != os.geteuid():
        raise _unusable(path, f"does not belong to {me()}")
    if data is None:
        raise _unusable(path, f"has more than {MOST_BYTES} bytes")
    try:
        facts = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _unusable(path, "is damaged") from None
    if not isinstance(facts, dict) or facts.get("about") != ABOUT:
        raise _unusable(path, "is none of ours")
    if facts.get("format") != FORMAT:
        raise TransactionError(
            f"{path}: this ledger of a rollout has the format {one_line(facts.get('format'), 40)}, and this collection knows {FORMAT}: "
            "use the version of the collection that wrote it, or a newer one"
        )
    if not _is_sound(facts):
        raise _unusable(path, "is damaged")
    if facts.get("root") != journal.tree.real:
        raise _unusable(path, f"is of another root ({one_line(facts.get('root'), 200)})")
    return facts


def _is_sound(facts: Facts) -> bool:
    def has(thing: object, types: Mapping[str, Any]) -> bool:
        return isinstance(thing, dict) and all(isinstance(thing.get(key), kind) for key, kind in types.items())

    if not has(facts, _TYPES):
        return False
    rollout = facts["rollout"]
    names = [] if rollout is None or not has(rollout, _OF_ROLLOUT) else rollout["waves"]
    return (
        (rollout is None or has(rollout, _OF_ROLLOUT))
        and all(isinstance(wave, list) and all(isinstance(name, str) for name in wave) for wave in names)
        and all(has(reset, _OF_RESET) for reset in facts["resets"].values())
        and (rollout is None or all(isinstance(one, dict) for one in rollout["became"].values()))
        and (facts["lease"] is None or has(facts["lease"], _OF_LEASE))
    )


def _unusable(path: str, why: str) -> TransactionError:
    return TransactionError(
        f"{path}: this ledger of a rollout {why}: see that no rollout is at work, wait until phones that were reset are back, move the file "
        "away, and run again; that begins a new rollout"
    )


def holder(facts: Facts, now: float, run: str = "") -> Optional[Mapping[str, Any]]:
    """The lease of another run than `run`, if it gave a sign of life in time."""
    lease: Optional[Mapping[str, Any]] = facts["lease"]
    return lease if lease and lease["run"] != run and now - lease["seen"] < lease["timeout"] else None


def shown(lease: Mapping[str, Any], now: float) -> str:
    """Who holds a root, for people."""
    seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(0.0, min(lease["seen"], 2.0**33))))
    who = f"{one_line(lease['who'], 100)} at {one_line(lease['controller'], 100)}"
    where = f"in wave {lease['wave']}" if lease["wave"] else "before its first wave"
    ago = duration(max(0.0, now - lease["seen"]))
    return f"run {one_line(lease['run'], 100)} of {who} is at work here, {where}, last sign of life {ago} ago ({seen})"


def refusal(lease: Mapping[str, Any], now: float) -> str:
    """Why nobody else may change the root now, and what to do."""
    left = duration(max(1.0, lease["timeout"] - (now - lease["seen"])))
    way = f"wait for its end; if it is dead, run again in {left}, or take the site over with -e take_over=true"
    return f"{shown(lease, now)}, so nothing was changed: {way}"


def why_not(journal: Journal, run: str) -> str:
    """Why `run`, or a call that belongs to none, must not change what a rollout needs; empty if it may. Raises TransactionError."""
    facts = load(journal)
    now = time.time()
    held = holder(facts, now, run)
    if held:
        return refusal(held, now)
    return lost(facts, run) if run and run in facts["lost"] else ""


def lost(facts: Facts, run: str) -> str:
    """How a run lost the lease, for people."""
    lease = facts["lease"]
    by = (
        f"run {one_line(lease['run'], 100)} of {one_line(lease['who'], 100)} at {one_line(lease['controller'], 100)}"
        if lease
        else "another run"
    )
    return f"run {one_line(run, 100)} does not hold this root any more: {by} took it over"


class Ledger:
    """The ledger of a root while nobody else writes it: see `opened`. Changes count once `save` has come back."""

    def __init__(self, journal: Journal, folder: int) -> None:
        """Raises TransactionError."""
        self.facts = load(journal)
        self.now = time.time()
        self._journal = journal
        self._folder = folder

    def take(self, lease: Mapping[str, Any], seen: int, take_over: bool) -> str:
        """Hand the lease to a run. Returns why it cannot have it, or an empty text. `seen`: the serial that its plan was made with."""
        held = holder(self.facts, self.now, lease["run"])
        if held and not take_over:
            return refusal(held, self.now)
        if self.facts["serial"] != seen:
            return "another run was at work here since this one has looked, so nothing was changed: run it again"
        former = self.facts["lease"]
        if former and former["run"] != lease["run"]:
            self.facts["lost"] = [*self.facts["lost"], former["run"]][-KEPT:]
        self.facts["serial"] += 1
        self.facts["lease"] = {**lease, "taken": self.now, "seen": self.now, "wave": 0}
        return ""

    def note(self, run: str, wave: int, rollout: Optional[Facts], events: Sequence[Mapping[str, Any]]) -> str:
        """A sign of life, and what has happened. Returns how the run has lost the lease, or an empty text; then nothing is noted.

        `rollout`: what this run moves now: the current rollout, gone on with if it has the same id, or another that ends it. `events`: each
        with `phone`, `event` (`reset`: about to be sent; `unsent`: it was not; `sent`, `back`, `failed`), and `ago` in seconds.
        """
        lease = self.facts["lease"]
        if not lease or lease["run"] != run:
            return lost(self.facts, run)
        lease.update(seen=self.now, wave=wave)
        if rollout:
            self._begin(run, rollout)
        for event in events:
            self._enter(event)
        return ""

    def give_back(self, run: str, end: str, paused: int) -> None:
        """The lease of a run that is over. `end`: what ended the rollout, or empty if it is to be gone on with; `paused`: after which wave."""
        if not self.facts["lease"] or self.facts["lease"]["run"] != run:
            return
        self.facts["lease"] = None
        self.facts["serial"] += 1
        rollout = self.facts["rollout"]
        if rollout and run in rollout["runs"]:
            rollout["paused"] = max(rollout["paused"], paused)
            if end:
                self._close(end)

    def _begin(self, run: str, rollout: Facts) -> None:
        current = self.facts["rollout"]
        if current and current["id"] == rollout["id"]:
            current.update(phones=rollout["phones"], waves=rollout["waves"])
        else:
            self._close(f"another one was begun: {rollout['id']}")
            current = self.facts["rollout"] = {"undo": {}, "paused": 0, "became": {}, "runs": [], "began": self.now, **rollout}
        current["runs"] = [*(one for one in current["runs"] if one != run), run][-KEPT:]

    def _enter(self, event: Mapping[str, Any]) -> None:
        resets, name, step = self.facts["resets"], event["phone"], event["event"]
        rollout, at = self.facts["rollout"], self.now - max(0.0, event.get("ago") or 0.0)
        last = resets.pop(name, {})
        if step in ("reset", "sent"):
            about = {key: event.get(key) or last.get(key) for key in ("mac", "image", "before")}
            about["image"] = about["image"] or ""
            resets[name] = {**about, "deferred": bool(event.get("deferred")), "sent": step == "sent", "at": last.get("at", at)}
        elif step != "unsent" and rollout:
            seconds = round(at - last["at"], 1) if last else None
            rollout["became"][name] = {"what": step, "at": at, "kind": event.get("kind"), "reset_at": last.get("at"), "seconds": seconds}

    def _close(self, end: str) -> None:
        """Keep the current rollout as a finished one, if it has moved anybody or meant to."""
        rollout, self.facts["rollout"] = self.facts["rollout"], None
        if rollout and rollout["waves"]:
            about = {"about": ABOUT, "format": FORMAT, "root": self._journal.tree.real}
            self._write(f"{ENDED}{plain(rollout['id']).replace('/', '_')}.json", {**about, **rollout, "ended": self.now, "end": end})
            folder = self._journal.folder
            ended = [f"{folder}/{name}" for name in os.listdir(folder) if name.startswith(ENDED)]
            for path in sorted(ended, key=lambda one: os.stat(one).st_mtime)[:-KEPT]:
                remove_if_possible(path)

    def save(self) -> bool:
        """Force it onto the disk. Returns whether it is there: one that says nothing is removed. Raises OSError."""
        resets = self.facts["resets"]
        self.facts["resets"] = {name: one for name, one in resets.items() if self.now - one["at"] < OLD_RESET}
        facts = {key: self.facts[key] for key in _EMPTY}
        says_something = any(facts[key] for key in _EMPTY if key != "serial")
        if says_something:
            self._write(FILE, {"about": ABOUT, "format": FORMAT, "root": self._journal.tree.real, **facts})
        else:
            remove(FILE, self._folder)
        os.fsync(self._folder)
        return says_something

    def _write(self, name: str, facts: Mapping[str, Any]) -> None:
        staged = f".{name}.{secrets.token_hex(4)}"
        try:
            write_and_close(create(staged, self._folder), json.dumps(facts).encode("ascii"), fsync=True)
            os.rename(staged, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            remove_if_possible(staged, self._folder)
            raise


@contextmanager
def opened(journal: Journal) -> Iterator[Ledger]:
    """The ledger of a root, to change it: others wait meanwhile. Raises TransactionError if it cannot be trusted or written."""
    with _locked_folder(journal) as folder:
        claim(journal.tree, journal.folder)
        try:
            yield Ledger(journal, folder)
        except OSError as error:
            raise TransactionError(f"{journal.folder}/{FILE} cannot be written ({cause(error)}): {remedy(error)}") from None


@contextmanager
def _locked_folder(journal: Journal) -> Iterator[int]:
    """A descriptor of the folder, which is made and locked. Whoever removes an empty one meanwhile lets us make another."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        journal.make_folder()
        folder = -1
        try:
            folder = os.open(journal.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(folder), os.stat(journal.folder)):
                break
        except BlockingIOError:
            if time.monotonic() > until:
                raise TransactionError(f"{journal.folder}: another process writes the ledger, and does not end: run again") from None
            time.sleep(0.05)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise TransactionError(
                f"{journal.folder} cannot be locked ({cause(error)}): set state_dir to a folder on a local disk"
            ) from None
        if folder >= 0:
            os.close(folder)
    try:
        yield folder
    finally:
        os.close(folder)
