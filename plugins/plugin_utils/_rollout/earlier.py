# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs left in the ledger of a site: a rollout to go on with, and phones that were reset and not seen again.

What the phones run, they say themselves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience


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
class Rollout:
    """What a run moves, as the ledger has it.

    `goal`: an image, or what is undone. `phones`: name → MAC, None where nobody knows it, of all that were asked for. `waves`: the names in
    each, as they were cut in the beginning. `paused`: the last wave after which it paused as asked. `failed`: phones that failed, and of
    which nothing better is known.
    """

    id: str
    goal: str
    phones: Mapping[str, str | None]
    waves: Sequence[Sequence[str]] = ()
    paused: int = 0
    failed: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {"id": self.id, "goal": self.goal, "phones": dict(self.phones), "waves": [list(wave) for wave in self.waves]}


@dataclass(frozen=True)
class Ledger:
    """What the ledger of a site said: as `ledger`, `now`, `place`, `usual` and `changed_by` of the module rollout_ledger.

    `read_at`: when, by time.monotonic().
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    now: float = 0.0
    place: Mapping[str, Any] = field(default_factory=dict)
    usual: float | None = None
    changed_by: Sequence[str] = ()
    read_at: float = field(default_factory=time.monotonic, compare=False)

    def is_same_root(self, other: Ledger) -> bool:
        """Whether both are of one root, as far as can be seen: of one machine, or one that machines share by NFS, of which all see the same
        last change."""
        one, two = self.place, other.place
        if not one or not two or one["inode"] != two["inode"]:
            return False
        if one["machine"] and (one["machine"], one["device"]) == (two["machine"], two["device"]):
            return True
        return bool(one["nfs"] or two["nfs"]) and one["changed"] == two["changed"]

    @property
    def rollout(self) -> Rollout | None:
        """The one that has not come to its end."""
        facts = self.facts.get("rollout")
        if not facts:
            return None
        failed = frozenset(name for name, one in facts["became"].items() if one.get("what") == "failed")
        return Rollout(facts["id"], facts["goal"], facts["phones"], facts["waves"], facts["paused"], failed)

    def to_go_on_with(self, wanted: Rollout) -> Rollout | None:
        """The rollout that a run goes on with which wants that one, or None: the same goal, the same phones."""
        there = self.rollout
        return there if there and there.goal == wanted.goal and set(there.phones) == set(wanted.phones) else None

    def in_flight(self, targets: Mapping[str, str], macs: Mapping[str, str | None], patience: Patience) -> dict[str, EarlierReset]:
        """The phones that were reset to the image of `targets` (name → image), and may not be back. `macs`: by name, also of phones that
        another inventory calls otherwise."""
        resets: Mapping[str, Mapping[str, Any]] = self.facts.get("resets", {})
        by_mac = {reset["mac"]: reset for reset in resets.values() if reset.get("mac")}
        now = self.now + time.monotonic() - self.read_at
        call = patience.wait if patience.call is None else patience.call
        found: dict[str, EarlierReset] = {}
        for name, image in targets.items():
            reset = by_mac.get(macs.get(name)) or resets.get(name, {})
            if reset.get("image") != image or (reset.get("mac") or macs.get(name)) != (macs.get(name) or reset.get("mac")):
                continue
            seconds = max(0.0, now - reset["at"])  # the site's clock may have been put back since
            if seconds < patience.wait + (call if reset["deferred"] else 0):
                found[name] = EarlierReset(seconds, reset["deferred"], not reset["sent"], reset.get("before") or None)
        return found

    def outline(self, wanted: Rollout, goes_on: Rollout | None) -> list[Line]:
        """For people: what becomes of the rollout that was there."""
        there = self.rollout
        if goes_on and goes_on.waves:
            name = one_line(goes_on.id, 100)
            return [("goes on", f"with rollout {name}, whose waves stay as they were cut; -e fresh=true begins a new one")]
        if goes_on or not there:
            return []
        why = "another image" if there.goal != wanted.goal else "other phones" if set(there.phones) != set(wanted.phones) else "fresh"
        return [("ends", f"rollout {one_line(there.id, 100)} ({one_line(there.goal, 100)}), which did not come to its end: {why}")]
