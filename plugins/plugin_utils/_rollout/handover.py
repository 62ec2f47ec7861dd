# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of one run hand on to each other, in a folder of Ansible's own for its process: typed objects, none with a password.

Through Ansible's variables thousands of phones would take a second a step, as each result is templated, checked and copied.
Every step of every site writes files of its own, so that the sites of a run can read what the others know.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ansible import constants

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FileChange, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.rules import Rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation

Part = TypeVar("Part")


@dataclass(frozen=True)
class Run:
    """One run, as its first step left it.

    `id`: of the run in records and reports. `started`: Unix seconds. `sites`: TFTP host → inventory names of its phones. `drivers`: TFTP
    host → the phone for which its tasks run. `logins`: as of `_inventory.logins`. `held_elsewhere`: MACs of phones to hold that are not in
    the run; `outside`: TFTP host → inventory names of its other phones that are not. `zones`: TFTP host → its time zone, empty for that of
    the controller; `roots`: TFTP host → its root. `plan`: digest of the plan to carry out.
    """

    id: str
    started: float
    check: bool
    rules: Rules
    sites: Mapping[str, Sequence[str]]
    drivers: Mapping[str, str]
    logins: Mapping[str, Mapping[str, Any]]
    held_elsewhere: frozenset[str] = frozenset()
    outside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""

    @property
    def several(self) -> bool:
        """Whether there is more than one site, so that what is said needs the site's name."""
        return len(self.sites) > 1


@dataclass(frozen=True)
class Look:
    """What a site was found to be.

    `would_move`: MAC → image that the files name now, of each phone that would load another one. `runs`: for an undo, the runs that changed
    its files, as the module tftp_root_undo has them. `images`: image → its files that the root lacks, of each image of which it has some.
    `ledger`: what earlier runs left. `problem`: why the run must not go on, or empty.
    """

    observed: Mapping[str, Observation] = field(default_factory=dict)
    would_move: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[Mapping[str, Any]] = ()
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problem: str = ""
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True)
class SitePlan:
    """What shall be done at a site. `undo`: what is to be undone, as for `TftpHost.put_back`. `loader`: the universal loader that
    OS79XX.TXT names until the phones are back, or empty. `content`: what plan.json says of the files of the site. `rollout`: what this is a
    part of, None for one that moves nobody to an image."""

    plan: Plan | None = None
    undo: Mapping[str, str] = field(default_factory=dict)
    loader: str = ""
    problem: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    rollout: Rollout | None = None


@dataclass(frozen=True)
class PointResult:
    """What changed in the files of a site before the waves."""

    files: Sequence[FileChange] = ()
    problem: str = ""


@dataclass(frozen=True)
class StepFailure:
    """That a step failed at a site, and Ansible has said why."""


@dataclass(frozen=True)
class SiteEnd:
    """How the waves of a site ended.

    `reached`: number of the last wave whose resets began, 0 for none. `stopped`: why the rollout stopped, and `message`: all of it for
    people. `paused_after`: the wave after which it paused, and `why`. `error`: what else ended it; `interrupted`: that was a signal.
    `elsewhere`: it ended because the rollout did at another site. `files`: what changed in the files meanwhile. `given_back`: phones that
    were taken back after a stop, as they ended. `note`: what else people have to know.
    """

    reached: int = 0
    stopped: str = ""
    message: str = ""
    paused_after: int | None = None
    why: str = ""
    error: str = ""
    elsewhere: bool = False
    files: Sequence[FileChange] = ()
    given_back: Mapping[str, Outcome] = field(default_factory=dict)
    note: str = ""
    interrupted: bool = False


class Handover:
    """The folder of one run. Its parts are read as they were written, or as None."""

    def __init__(self, run: str) -> None:
        self.folder = Path(constants.DEFAULT_LOCAL_TMP) / f"cisco79xx_{hashlib.sha256(run.encode()).hexdigest()[:16]}"

    def write(self, part: object, site: str = "") -> None:
        """Keep a part, of the run or of one site. Raises OSError."""
        write_whole(self._path(type(part), site), pickle.dumps(part))

    def read(self, kind: type[Part], site: str = "") -> Part | None:
        """The part of that kind, of the run or of one site."""
        try:
            part = pickle.loads(self._path(kind, site).read_bytes())
        except FileNotFoundError:
            return None
        return part if isinstance(part, kind) else None

    def read_all(self, kind: type[Part], sites: Iterable[str]) -> dict[str, Part]:
        """The parts of that kind by site, of those sites that have written one."""
        parts = {site: self.read(kind, site) for site in sites}
        return {site: part for site, part in parts.items() if part is not None}

    def outcomes(self, site: str) -> OutcomeLog:
        """The outcomes of the phones of a site."""
        return OutcomeLog(self._path(Outcome, site))

    def remove(self) -> None:
        """Forget the run: it is over."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: type, site: str) -> Path:
        return self.folder / f"{kind.__name__}-{hashlib.sha256(site.encode()).hexdigest()[:12]}"


class OutcomeLog:
    """The outcomes of phones in the order in which they became known: the last one of a phone counts. A killed process leaves all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: Any = None

    def add(self, name: str, outcome: Outcome) -> None:
        """Raises OSError."""
        if self._stream is None:
            self._stream = self._path.open("ab", buffering=0)
        self._stream.write(pickle.dumps((name, outcome)))

    def read(self) -> dict[str, Outcome]:
        """By name."""
        found: dict[str, Outcome] = {}
        try:
            with self._path.open("rb") as stream:
                while True:
                    name, outcome = pickle.load(stream)
                    found[name] = outcome
        except (FileNotFoundError, EOFError, pickle.UnpicklingError):
            pass  # the last one may be half written
        return found
