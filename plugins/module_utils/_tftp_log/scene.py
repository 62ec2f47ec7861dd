# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What verdicts on all phones of a log rest on: thresholds, and what the log, the server and the TFTP root tell as a whole."""

from __future__ import annotations

from collections import deque
from typing import Collection, Deque, NamedTuple, Optional, Set

from .events import ACKED, ANSWERS, MISSING, REQUEST, SERVED, UNACKED, Meaning, basename


class Thresholds(NamedTuple):
    """Seconds and counts that tell one story from another. "Log" is a log of nine phones being moved from SCCP to 8.12."""

    retry_gap: float = 6.0
    """Two requests of one file this close are one: phones retry after 1, 4 and 4 s (log), and stamps are whole seconds."""
    retries: int = 3
    """Requests of one file in a row that are no chance: a lost packet makes two."""
    boot_gap: float = 10.0
    """Two requests of a boot's first file are two boots from here on: 15 s was the least (log), a retry comes sooner."""
    boot: float = 120.0
    """A boot is over: 26 s without, 75 to 112 s with an update (log)."""
    flash: float = 300.0
    """An update may still run: no source says how long it can take; Cisco's advice is not to touch the phone."""
    loop_gap: float = 150.0
    """Boots this close, time and again, are a loop: the loader starts anew after 39 s of retries and 30 to 55 s (log)."""
    loop: int = 4
    """Boots of a loop: an update takes three."""
    reask_least: float = 20.0
    reask_most: float = 45.0
    """An 8.12 without configuration asks for SIP<MAC>.cnf about every 31 s (log)."""
    silent: float = 180.0
    """A phone that is to read OS79XX.TXT and go on has gone on by then (inferred)."""
    slow: float = 3.0
    """Answers this late miss the first two tries."""


class Scene:
    """What all phones of a log have in common. Times are in seconds since 1970."""

    def __init__(self, limits: Optional[Thresholds] = None, root_files: Optional[Collection[str]] = None) -> None:
        """`root_files` are the names in the TFTP root, if they are known."""
        self.limits = limits or Thresholds()
        self.begin: Optional[float] = None
        """When the first line was logged, whoever wrote it: what was before that may be missing."""
        self.end = 0.0
        """When the last line was logged: silence counts up to then, as a log that was cut off or is of long ago is silent as well."""
        self.now = 0.0
        """When the log was read: what takes minutes and began longer ago is not under way any more, whatever became of it."""
        self.answers = False
        """Whether the log has any answer of the server."""
        self.sent = False
        """Whether it says of files that they were sent."""
        self.kinds: Set[str] = set()
        """Of files asked for."""
        self.absent: Set[str] = set()
        """Kinds of files that the server said it does not have."""
        self.wire = False
        """Whether a capture shows what passed the wire."""
        self.starts: Deque[float] = deque(maxlen=1000)
        """When the server was started."""
        self.nameless: Deque[float] = deque(maxlen=1000)
        """When requests were logged whose address the log does not tell."""
        self.root_known = root_files is not None
        self.root_names = {file.lstrip("./") for file in root_files or ()}
        bases = sorted({basename(file) for file in self.root_names})
        self._spellings = {**{base.lower(): base for base in bases}, **{base: base for base in bases}}

    def spelling(self, name: str) -> str:
        """A name as it stands in the root, in whatever case and folder; empty if it does not, or the root is not known."""
        return self._spellings.get(name) or self._spellings.get(name.lower(), "")

    def lacks(self, name: str) -> bool:
        """Whether the root is known and has no file of that name."""
        return self.root_known and self.spelling(name) != name

    def note(self, meaning: Meaning, file_kind: str, when: Optional[float]) -> None:
        """Take in what a message tells of the log as a whole."""
        if when is not None and (self.begin is None or when < self.begin):
            self.begin = when
        self.answers = self.answers or meaning.kind in ANSWERS
        self.sent = self.sent or meaning.kind == SERVED
        self.wire = self.wire or meaning.kind in (ACKED, UNACKED)
        self.kinds.add(file_kind)
        if meaning.kind == MISSING:
            self.absent.add(file_kind)
        if meaning.kind == REQUEST and not meaning.address and when is not None:
            self.nameless.append(when)
