# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of a root: its current rollout, the resets that are in flight, and the lease of the run that may change it.

It is a file beside the root's records, so that whoever goes on with a rollout finds it. It is written under the root's lock.
All times in it are of this host's clock, in Unix seconds, and are compared with that clock only. There is no secret in it.

    serial    grows each time the lease changes hands
    rollout   the current one, or null: id, goal, phones (name → MAC), waves (names), runs, paused (after which wave), became (name → what)
    resets    name → mac, image, before, deferred, sent, at: of phones that were reset and not seen again
    lease     run, who, controller, process, wave, timeout, seen (its last sign of life), notes (how many it gave), or null
    lost      runs that have the lease no more: what comes late from them changes nothing
"""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any, Dict, Mapping, Optional

from .._files import cause, create, me, read, remove, remove_if_possible, sync_folder, write_and_close
from .._text import duration, one_line, plain
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

Facts = Dict[str, Any]
_NUMBER = (int, float)
_MOST = 1e11
"""That a number may be: a time until the year 5138."""
_TYPES: Mapping[str, Any] = {
    "": {"serial": int, "resets": dict, "lost": list},
    "rollout": {"id": str, "goal": str, "phones": dict, "waves": list, "runs": list, "paused": int, "became": dict},
    "lease": {"run": str, "who": str, "controller": str, "wave": int, "timeout": _NUMBER, "seen": _NUMBER, "notes": int},
    "reset": {"mac": str, "before": str, "image": str, "deferred": bool, "sent": bool, "at": _NUMBER},
}


class Ledger:
    """The ledger of the root of that journal, as it is now. Changes count once `save` has come back, under the root's lock.

    Whatever changes it raises OSError if it cannot be written.
    """

    def __init__(self, journal: Journal) -> None:
        """Raises TransactionError for a ledger that cannot be trusted."""
        self.now = time.time()
        self._journal = journal
        self.path = f"{journal.folder}/{FILE}"
        self._about = {"about": ABOUT, "format": FORMAT, "root": journal.tree.real}
        self.facts: Facts = {"serial": 0, "rollout": None, "resets": {}, "lease": None, "lost": []}
        try:
            data, status = read(self.path, MOST_BYTES)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(f"cannot be read: {cause(error)}") from None
        if status.st_uid != os.geteuid():
            raise self._unusable(f"does not belong to {me()}")
        try:
            facts = json.loads((data or b"").decode("utf-8"))
        except (ValueError, RecursionError):
            raise self._unusable("is damaged") from None
        if not isinstance(facts, dict) or facts.get("about") != ABOUT:
            raise self._unusable("is none of ours")
        if facts.get("format") != FORMAT:
            raise TransactionError(
                f"{self.path}: this ledger of a rollout has the format {one_line(facts.get('format'), 40)}, and this collection knows "
                f"{FORMAT}: use the version of the collection that wrote it, or a newer one"
            )
        if facts.get("root") != journal.tree.real:
            raise self._unusable(f"is of another root ({one_line(facts.get('root'), 200)})")
        if not _is_sound(facts):
            raise self._unusable("is damaged")
        self.facts = {key: facts[key] for key in self.facts}

    def _unusable(self, why: str) -> TransactionError:
        return TransactionError(
            f"{self.path}: this ledger of a rollout {why}: see that no rollout is at work, wait until phones that were reset are back, "
            "move the file away, and run again; that begins a new rollout"
        )

    # -- who may change the root

    def holder(self, run: str = "") -> Optional[Mapping[str, Any]]:
        """The lease of another run than this one, if it gave a sign of life in time."""
        lease: Optional[Mapping[str, Any]] = self.facts["lease"]
        return lease if lease and lease["run"] != run and self.now - lease["seen"] < lease["timeout"] else None

    def held(self, run: str = "") -> str:
        """Which other run holds the root, for people, or an empty text."""
        lease = self.holder(run)
        if not lease:
            return ""
        seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(lease["seen"]))
        where = f"in wave {lease['wave']}" if lease["wave"] else "before its first wave"
        return f"{_who(lease)} is at work here, {where}, last sign of life {duration(max(0.0, self.now - lease['seen']))} ago ({seen})"

    def why_not(self, run: str) -> str:
        """Why that run, or with an empty name a call that belongs to none, must not change what a rollout needs; empty if it may."""
        lease = self.holder(run)
        if lease:
            left = duration(max(1.0, lease["timeout"] - (self.now - lease["seen"])))
            way = f"wait for its end; if it is dead, run again in {left}, or take the site over with -e take_over=true"
            return f"{self.held(run)}, so nothing was changed: {way}"
        own = self.facts["lease"]
        if own and own["run"] == run and self.now - own["seen"] >= own["timeout"]:
            age = duration(self.now - own["seen"])
            return (
                f"run {one_line(run, 100)} gave no sign of life for {age}, longer than lease_timeout, so nothing was changed: run it again"
            )
        return self._lost(run) if run and run in self.facts["lost"] else ""

    def _lost(self, run: str) -> str:
        lease, why = self.facts["lease"], "its ledger was removed, or an earlier one was put back"
        if lease and lease["run"] != run:
            why = f"{_who(lease)} took it over"
        elif run in self.facts["lost"]:
            why = "another run took it over, or it had come to its end"
        return f"run {one_line(run, 100)} does not hold this root any more: {why}"

    def take(self, run: str, told: Mapping[str, Any]) -> str:
        """Hand the lease to a run. Returns why it cannot have it, or an empty text.

        `told`: `lease`, with who, controller, process and timeout; `seen`, the serial that its plan was made with; `take_over`.
        """
        if self.holder(run) and not told["take_over"]:
            return self.why_not(run)
        if self.facts["serial"] != told["seen"]:
            return "another run was at work here since this one has looked, so nothing was changed: run it again"
        former = self.facts["lease"]
        if former and former["run"] != run:
            self._lose(former["run"])
        self.facts["serial"] += 1
        self.facts["lease"] = {**told["lease"], "run": run, "seen": self.now, "wave": 0, "notes": 0}
        return ""

    def _lose(self, run: str) -> None:
        self.facts["lost"] = [*self.facts["lost"], run][-KEPT:]

    # -- what happens

    def note(self, run: str, told: Mapping[str, Any]) -> str:
        """A sign of life, and what has happened. Returns how the run has lost the lease, or an empty text; then nothing is noted.

        `told`: `notes`, how many of its calls were answered; `wave`; `rollout`, what this run moves: the current one, if it has the same
        id, another that ends it, or nothing; `events`, each with `phone`, `event` (`reset`: about to be sent; `unsent`: it was not; `sent`,
        `back`, `failed`), and `ago` in seconds.
        """
        lease = self.facts["lease"]
        if not lease or lease["run"] != run or lease["notes"] < told["notes"]:
            return self._lost(run)
        lease.update(seen=self.now, wave=told["wave"], notes=lease["notes"] + 1)
        if told["rollout"]:
            self._begin(run, told["rollout"])
        for event in told["events"]:
            self._enter(event)
        return ""

    def give_back(self, run: str, told: Mapping[str, Any]) -> str:
        """As `note`, of a run that is over. `told` has besides: `end`, how the rollout ended, or empty if it is to be gone on with;
        `paused`, the wave after which it paused as asked, or 0."""
        why = self.note(run, told)
        if why:
            return why
        rollout = self.facts["rollout"]
        worked = self.facts["lease"]["wave"] or (rollout and run in rollout["runs"] and rollout["waves"])
        # After a run that had nothing to do, plans that are made already still hold
        self.facts["serial"] += 1 if worked else -1
        self.facts["lease"] = None
        if worked:
            self._lose(run)
        if rollout and run in rollout["runs"]:
            rollout["paused"] = max(rollout["paused"], told["paused"])
            if told["end"] == "done":  # who was back before this run looked, nobody has told of
                self.facts["resets"] = {name: one for name, one in self.facts["resets"].items() if name not in rollout["phones"]}
            if told["end"]:
                self._close(told["end"])
        return ""

    def _begin(self, run: str, rollout: Facts) -> None:
        current = self.facts["rollout"]
        if current and current["id"] == rollout["id"]:
            current.update(rollout)
        else:
            self._close(f"another one was begun: {rollout['id']}")
            current = self.facts["rollout"] = {"paused": 0, "became": {}, "runs": [], "began": self.now, **rollout}
        current["runs"] = [*(one for one in current["runs"] if one != run), run][-KEPT:]

    def _enter(self, event: Mapping[str, Any]) -> None:
        resets, name, step = self.facts["resets"], event["phone"], event["event"]
        rollout, at = self.facts["rollout"], self.now - max(0.0, event["ago"])
        last = resets.pop(name, {})
        if step == "reset":
            last = {}  # a new one; only `sent` goes on with what `reset` noted
        if step in ("reset", "sent"):
            about = {key: event.get(key) or last.get(key) or "" for key in ("mac", "image", "before")}
            resets[name] = {**about, "deferred": bool(event.get("deferred")), "sent": step == "sent", "at": last.get("at", at)}
        elif step != "unsent" and rollout:
            seconds = round(at - last["at"], 1) if last else None
            rollout["became"][name] = {"what": step, "at": at, "kind": event.get("kind"), "reset_at": last.get("at"), "seconds": seconds}

    def _close(self, end: str) -> None:
        """Keep the current rollout as a finished one, if it meant to move anybody."""
        rollout, self.facts["rollout"] = self.facts["rollout"], None
        if not rollout or not rollout["waves"]:
            return
        folder = self._journal.folder
        name = f"{ENDED}{plain(rollout['id']).replace('/', '_')[:100]}.json"
        self._write(f"{folder}/{name}", {**self._about, **rollout, "ended": self.now, "end": end})
        ended = [f"{folder}/{name}" for name in os.listdir(folder) if name.startswith(ENDED)]
        for path in sorted(ended, key=lambda one: os.lstat(one).st_mtime)[:-KEPT]:
            remove_if_possible(path)

    def usual(self) -> Optional[float]:
        """Seconds in which nine of ten phones came back in the current rollout or, if none has yet, in the last one; None if unknown."""
        folder = self._journal.folder
        try:
            ended = sorted(
                (name for name in os.listdir(folder) if name.startswith(ENDED)), key=lambda one: os.lstat(f"{folder}/{one}").st_mtime
            )
            last = json.loads((read(f"{folder}/{ended[-1]}", MOST_BYTES)[0] or b"").decode("utf-8")) if ended else None
        except (OSError, ValueError, RecursionError):
            last = None
        for rollout in (self.facts["rollout"], last):
            became = rollout.get("became") if isinstance(rollout, dict) else None
            phones = became.values() if isinstance(became, dict) else ()
            took = sorted(filter(None, map(_seconds_of, phones)))
            if took:
                return float(took[(len(took) * 9 - 1) // 10])
        return None

    # -- writing

    def save(self) -> None:
        """Force it onto the disk; one that says nothing is removed."""
        resets = self.facts["resets"]
        self.facts["resets"] = {name: one for name, one in resets.items() if self.now - one["at"] < OLD_RESET}
        if any(self.facts.values()):  # the serial too: by it a run sees that another one was at work since it has looked
            self._write(self.path, {**self._about, **self.facts})
        else:
            remove(self.path)
        sync_folder(self._journal.folder)

    def _write(self, path: str, facts: Mapping[str, Any]) -> None:
        staged = f"{path}.{secrets.token_hex(4)}.new"
        try:
            write_and_close(create(staged), json.dumps(facts).encode("ascii"), fsync=True)
            os.rename(staged, path)
        except OSError:
            remove_if_possible(staged)
            raise


def _who(lease: Mapping[str, Any]) -> str:
    return f"run {one_line(lease['run'], 100)} of {one_line(lease['who'], 100)} at {one_line(lease['controller'], 100)}"


def _seconds_of(phone: object) -> Optional[float]:
    """How long a phone took to come back, if that is told and can be true."""
    seconds = phone.get("seconds") if isinstance(phone, dict) and phone.get("what") == "back" else None
    return float(seconds) if isinstance(seconds, _NUMBER) and not isinstance(seconds, bool) and 0 < seconds < OLD_RESET else None


def _is_sound(facts: Facts) -> bool:
    def has(thing: object, what: str) -> bool:
        if not isinstance(thing, dict) or not all(isinstance(thing.get(key), kind) for key, kind in _TYPES[what].items()):
            return False
        return all(abs(thing[key]) < _MOST for key, kind in _TYPES[what].items() if kind in (int, _NUMBER))

    rollout, lease = facts.get("rollout"), facts.get("lease")
    if not has(facts, "") or not all(has(one, "reset") for one in facts["resets"].values()) or not (lease is None or has(lease, "lease")):
        return False
    if rollout is None:
        return "rollout" in facts
    waves = rollout["waves"] if has(rollout, "rollout") else [None]
    names = [name for wave in waves for name in (wave if isinstance(wave, list) else [None])]
    return all(isinstance(name, str) for name in names) and all(isinstance(one, dict) for one in rollout["became"].values())
