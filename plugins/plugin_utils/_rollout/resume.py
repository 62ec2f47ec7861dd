# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves for the next one, in `resume.jsonl` beside the report: which phones were reset and not seen again, and where the
rollout paused. Nothing else is kept: what the phones run, they say themselves."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

FILE = "resume.jsonl"


@dataclass(frozen=True)
class EarlierReset:
    """A reset after which the phone may not be back yet.

    `seconds`: since then. `deferred`: it was in a call. `doubtful`: it was about to be sent when the run ended. `before`: the image that
    the phone ran, if that is known.
    """

    seconds: float
    deferred: bool = False
    doubtful: bool = False
    before: str | None = None


@dataclass(frozen=True)
class Pause:
    """How far a paused rollout came: waves that are done, and phones that they moved."""

    waves_done: int = 0
    moved: int = 0


def fleet_of(names: Iterable[str]) -> str:
    """A short name for these phones: a run of others does not go on where these paused."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


class Resume:
    """A line for each thing that happens, written before it does: a killed run leaves all but the last of them.

    What cannot be written ends no rollout: it is tried again with the next line.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._noted: list[str] = []
        self._written = 0

    def note(self, phone: Phone, step: str, image: str, before: str | None = None, deferred: bool = False) -> None:
        """As `wave.Witness.note`; `image`: what the phone is reset to."""
        self._add({"phone": phone.name, "mac": phone.mac, "event": step, "image": image, "before": before, "deferred": deferred})

    def paused(self, image: str, pauses: Mapping[str, Pause]) -> None:
        """The run to this image ends here, and shall go on from there. `pauses`: by fleet, as of `fleet_of`, one for each site."""
        self._add({"event": "paused", "image": image, "fleets": {fleet: vars(pause) for fleet, pause in pauses.items()}})

    def finished(self) -> None:
        """Nothing is left for a next run."""
        with suppress(OSError):
            self._path.unlink()

    def in_flight(self, targets: Mapping[str, str], patience: Patience) -> dict[str, EarlierReset]:
        """The phones that were reset to the image of `targets` (name → image), and may not be back."""
        resets: dict[str, EarlierReset] = {}
        now = time.time()
        for line in self._lines():
            name = str(line.get("phone"))
            if name not in targets:
                continue
            last = resets.pop(name, None)
            if line["event"] not in ("reset", "sent"):
                continue
            call = patience.wait if patience.call is None else patience.call
            longest = patience.wait + (call if line["deferred"] else 0)
            # A time to come is one of a clock that was put back since
            if line["image"] == targets[name] and now - line["at"] < longest:
                before = line["before"] or (last.before if last else None)
                resets[name] = EarlierReset(max(0.0, now - line["at"]), line["deferred"], line["event"] == "reset", before)
        return resets

    def pause(self, image: str, fleet: str) -> Pause:
        """Where the last run paused, if that was one of this fleet to this image."""
        last = Pause()
        for line in self._lines():
            if line["event"] == "paused":
                mine = line.get("fleets", {}).get(fleet) if line["image"] == image else None
                last = Pause(**mine) if mine else Pause()
        return last

    def _add(self, line: Mapping[str, Any]) -> None:
        self._noted.append(json.dumps({"at": round(time.time(), 2), **line}) + "\n")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as stream:
                end = stream.seek(0, os.SEEK_END)
                stream.seek(max(end - 1, 0))
                cut = stream.read(1) not in (b"", b"\n")
                # A file that somebody has removed meanwhile gets all of it again
                stream.write(("\n" * cut + "".join(self._noted[self._written if end else 0 :])).encode())
            self._written = len(self._noted)

    def _lines(self) -> list[dict[str, Any]]:
        """All that can be read: the last line of a killed run may be cut."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        lines = []
        for line in text.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                facts = json.loads(line)
                facts["event"], facts["at"] + 0, facts["image"]
                lines.append({"deferred": False, "before": None, **facts})
        return lines
