# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each phone and of the whole run. Made where it is known, handed on as it is, and turned into JSON once, at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures

STATUSES = ("failed", "blocked", "not_reached", "planned", "done", "already")
"""What needs somebody first."""
FAILED, BLOCKED, NOT_REACHED, PLANNED, DONE, ALREADY = STATUSES

ENDS = ("done", "nothing_to_do", "would_start", "refused", "paused", "stopped", "failed", "interrupted", "given_back")
"""How a run ended, in one word: docs/report.md says what each means."""
COMPLETE, NOTHING_TO_DO, WOULD_START, REFUSED, PAUSED, STOPPED, WITH_FAILURES, INTERRUPTED, TAKEN_BACK = ENDS

WELL = (COMPLETE, NOTHING_TO_DO, WOULD_START)
"""Ends of a run after which its exit status may be 0."""

SCHEMA = 1
"""Version of report.json. It grows when a key goes or changes its meaning, not when one is added."""
MOST_FILES = 500
"""Files whose changes report.json has."""


@dataclass(frozen=True)
class Outcome:
    """What became of one phone. Texts are harmless: whoever makes an Outcome has cleaned what phones and servers said.

    `status` is one of STATUSES; `kind` a name of `_failures.KINDS` or None; `reason` and `advice` are for people and may be empty.
    `image_before` and `image_after`: seen at the beginning, and last; None if that is not known. `seconds`: from its reset to its coming
    back, or to being given up. `reset_at` and `ended_at`: Unix seconds, None if it was not reset or has not ended. `wave`: its number, None
    for a phone that had nothing to do or could not move. `held`: the inventory's `hold` keeps it.
    """

    status: str
    kind: str | None = None
    reason: str = ""
    advice: str = ""
    image_before: str | None = None
    image_after: str | None = None
    seconds: float | None = None
    reset_at: float | None = None
    ended_at: float | None = None
    wave: int | None = None
    mac: str | None = None
    host: str | None = None
    tftp_host: str | None = None
    held: bool = False

    @property
    def in_flight(self) -> bool:
        """Whether it was reset and has not been seen since: it failed only if the run has ended, and may come back all the same."""
        return self.status == FAILED and self.kind == failures.NOT_SEEN_AGAIN

    def to_json(self) -> dict[str, Any]:
        """As under `phones` in report.json."""
        return {**vars(self), "reset_at": stamp(self.reset_at), "ended_at": stamp(self.ended_at), "in_flight": self.in_flight}

    def given_back(self, image: str | None, problem: str | None) -> Outcome:
        """The outcome of this phone after it was taken back to its old image, or could not be: then `problem` says why. It is not on the
        image, however well it went there. `image`: last seen."""
        so_far = f"{self.reason}; " if self.reason else ""
        back = f"could not be taken back: {problem}" if problem else f"taken back to {image}"
        reason = f"{so_far}the rollout stopped, {back}"
        return replace(self, status=FAILED, kind=failures.GIVEN_BACK, image_after=image, reason=reason)


@dataclass(frozen=True)
class WaveSpan:
    """One wave: its phones' names, whether it began, and when (Unix seconds) its first phone was reset and its last one ended."""

    number: int
    phones: Sequence[str]
    reached: bool
    started: float | None = None
    ended: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "phones": list(self.phones), "started": stamp(self.started), "ended": stamp(self.ended)}


@dataclass(frozen=True)
class FileChange:
    """What changed in one file of a TFTP host, as a unified diff in which passwords are masked."""

    tftp_host: str
    path: str
    diff: str


@dataclass(frozen=True)
class RunReport:
    """What became of a run, for report.json and all that is made of it. Times are Unix seconds.

    `run`: its id, by which it can be taken back. `what`: one word for what it does. `commands`: what comes next, as a text → a command.
    `plan`: digest of its plan. `finished`: false while it runs, and if it was interrupted.
    `stopped_at`: the wave at which it stopped; `paused_after`: the wave after which it paused; `stop_reason`: why it did either. `error`:
    what else ended it. `note`: what else people have to know.
    """

    image: str
    phones: Mapping[str, Outcome]
    run: str = ""
    what: str = "rollout"
    commands: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""
    started: float | None = None
    ended: float | None = None
    finished: bool = True
    check_mode: bool = False
    waves: Sequence[WaveSpan] = ()
    stopped_at: int | None = None
    stop_reason: str = ""
    paused_after: int | None = None
    error: str = ""
    note: str = ""
    files: Sequence[FileChange] = ()

    @property
    def outcome(self) -> str:
        """How it ended, one of ENDS."""
        statuses = {phone.status for phone in self.phones.values() if not phone.held}
        if not self.finished:
            return INTERRUPTED
        if self.error:
            begun = not self.check_mode and (self.files or any(wave.reached for wave in self.waves))
            return WITH_FAILURES if begun else REFUSED
        if self.paused_after is not None:
            return PAUSED
        if self.stopped_at is not None:
            back = [phone.image_after == phone.image_before for phone in self.phones.values() if phone.kind == failures.GIVEN_BACK]
            return TAKEN_BACK if back and all(back) else STOPPED
        if self.check_mode and (PLANNED in statuses or self.files):
            return WOULD_START
        if statuses & {FAILED, BLOCKED, NOT_REACHED}:
            return WITH_FAILURES
        return COMPLETE if DONE in statuses or self.files else NOTHING_TO_DO

    def summary(self) -> dict[str, Any]:
        """What other programs have to know at once: for set_stats."""
        counts = Counter(phone.status for phone in self.phones.values())
        return {
            "outcome": self.outcome,
            "run": self.run or None,
            "image": self.image,
            "plan": self.plan or None,
            "counts": {status: counts[status] for status in STATUSES},
            "waves": [{"number": wave.number, "phones": len(wave.phones), "reached": wave.reached} for wave in self.waves],
        }

    def to_json(self) -> dict[str, Any]:
        """The content of report.json."""
        rollout = {key: value for key, value in vars(self).items() if key not in ("phones", "files")}
        rollout = {"outcome": self.outcome, **rollout}
        rollout.update(started=stamp(self.started), ended=stamp(self.ended), waves=[wave.to_json() for wave in self.waves])
        rollout.update({key: rollout[key] or None for key in ("run", "plan", "stop_reason", "error", "note")})
        return {
            "schema": SCHEMA,
            "rollout": rollout,
            "phones": {name: outcome.to_json() for name, outcome in self.phones.items()},
            "files": [vars(file) for file in self.files[:MOST_FILES]],
            "files_left_out": max(0, len(self.files) - MOST_FILES),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> RunReport:
        """The report that a report.json tells of. Raises LookupError, ValueError, TypeError, AttributeError."""

        def known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
            """The fields of a class, with those that may not be empty left out if they are."""
            times = {name: _seconds(values.get(name)) for name in ("started", "ended", "reset_at", "ended_at")}
            there = {name: value for name, value in {**values, **times}.items() if value is not None}
            return {field.name: there[field.name] for field in fields(kind) if field.name in there}

        if told["schema"] != SCHEMA:
            raise ValueError(f"schema {told['schema']} is not known")
        rollout = told["rollout"]
        phones = {name: Outcome(**known(Outcome, one)) for name, one in told["phones"].items()}
        waves = [WaveSpan(**known(WaveSpan, wave)) for wave in rollout["waves"]]
        files = [FileChange(**known(FileChange, file)) for file in told["files"]]
        return cls(**{**known(cls, rollout), "phones": phones, "waves": waves, "files": files})


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def stamp(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601, UTC, to the second."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).isoformat()
