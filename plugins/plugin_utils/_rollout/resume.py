# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves for the next one, in `resume.jsonl` beside the report: which phones were reset and not seen again, and where the
rollout paused. Nothing else is kept: what the phones run, they say themselves."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

FILE = "resume.jsonl"


def fleet_of(names: Iterable[str]) -> str:
    """A short name for these phones: a run of others does not go on where these paused."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


class Resume:
    """A line for each thing that happens, written before it does: a killed run leaves all but the last thing told."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stream: Any = None

    def told(self, phone: Phone, about: str, result: Mapping[str, Any], image: str) -> None:
        """As a `fleet.Watcher` is told."""
        self._add(
            {
                "phone": phone.name,
                "mac": phone.mac,
                "event": about,
                "image": image,
                "before": result.get("image") if about == "sent" else None,
                "deferred": bool(result.get("deferred")),
            }
        )

    def paused(self, image: str, fleet: str, waves_done: int, moved: int) -> None:
        """The run of this `fleet` ends after this many waves, which moved this many phones, and shall go on from there."""
        self._add({"event": "paused", "image": image, "fleet": fleet, "waves_done": waves_done, "moved": moved})

    def finished(self) -> None:
        """Nothing is left for a next run."""
        with suppress(OSError):
            self._path.unlink()

    def in_flight(self, targets: Mapping[str, str], patience: Patience) -> dict[str, dict[str, Any]]:
        """The phones that were reset to the image of `targets` (name → image), and may not be back: name → `seconds` since,
        `deferred`, `doubtful` (it was about to be reset when the run ended), `before` (its image then)."""
        found: dict[str, dict[str, Any]] = {}
        now = time.time()
        for line in self._lines():
            name = str(line.get("phone"))
            if name not in targets:
                continue
            earlier = found.pop(name, {})
            if line["event"] not in ("reset", "sent"):
                continue
            call = patience.wait if patience.call is None else patience.call
            longest = patience.wait + (call if line["deferred"] else 0)
            # Written times are rounded
            if line["image"] == targets[name] and -1 <= now - line["at"] < longest:
                found[name] = {
                    "seconds": max(0.0, now - line["at"]),
                    "deferred": line["deferred"],
                    "doubtful": line["event"] == "reset",
                    "before": line["before"] or earlier.get("before"),
                }
        return found

    def pause(self, image: str, fleet: str) -> tuple[int, int]:
        """How many waves an earlier run of the fleet to this image had done when it paused, and how many phones they moved, or 0 and 0."""
        last = (0, 0)
        for line in self._lines():
            if line["event"] == "paused":
                last = (int(line["waves_done"]), int(line["moved"])) if (line["image"], line.get("fleet")) == (image, fleet) else (0, 0)
        return last

    def _add(self, line: Mapping[str, Any]) -> None:
        if self._stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            cut = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
            self._stream = self._path.open("a", encoding="utf-8")
            self._stream.write("\n" if cut else "")
        self._stream.write(json.dumps({"at": round(time.time(), 2), **line}) + "\n")
        self._stream.flush()

    def _lines(self) -> list[dict[str, Any]]:
        """All that can be read: the last line of a killed run may be cut."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        lines = []
        for line in text.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                known = json.loads(line)
                known["event"], known["at"] + 0, known["image"]
                lines.append({"deferred": False, "before": None, **known})
        return lines
