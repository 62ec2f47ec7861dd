# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs left in the ledger of a site: a rollout to go on with, and phones that were reset and not seen again.

Phones are found by their names, or by their MACs where another inventory calls them otherwise. What they run, they say themselves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience

MOVE, UNDO = "move", "undo"
"""Kinds of rollouts: to an image that was named, and back to what the files named before some runs."""


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

    `kind`: MOVE or UNDO. `image`: what to call the target. `undo`: what is undone. `phones`: name → MAC, None where nobody knows it, of all
    that were asked for. `waves`: the names in each, as they were cut in the beginning. `paused`: the last wave after which it paused as
    asked. `failed`: phones of which the last that is known is that they failed.
    """

    id: str
    kind: str
    image: str
    undo: Mapping[str, str]
    phones: Mapping[str, str | None]
    waves: Sequence[Sequence[str]] = ()
    paused: int = 0
    failed: frozenset[str] = frozenset()

    def same_as(self, other: Rollout) -> bool:
        """Whether a run that wants the other one goes on with this: the same target, the same phones."""
        return (self.kind, self.image, self.undo) == (other.kind, other.image, other.undo) and self.names_for(other.phones) is not None

    def names_for(self, phones: Mapping[str, str | None]) -> dict[str, str] | None:
        """The names that these have for its phones, by its own; None if they are not the same phones."""
        by_mac = {mac: name for name, mac in phones.items() if mac}
        names = {name: name if name in phones else by_mac.get(mac or "", "") for name, mac in self.phones.items()}
        return names if set(names.values()) == set(phones) and len(names) == len(phones) else None

    def gone_on_with(self, wanted: Rollout) -> Rollout:
        """This rollout, in the names of the one that is wanted and is the same."""
        names = self.names_for(wanted.phones) or {}
        waves = [[names[name] for name in wave if name in names] for wave in self.waves]
        failed = frozenset(names[name] for name in self.failed if name in names)
        return Rollout(self.id, self.kind, self.image, self.undo, wanted.phones, waves, self.paused, failed)

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        about = {"id": self.id, "kind": self.kind, "image": self.image, "undo": dict(self.undo), "phones": dict(self.phones)}
        return {**about, "waves": [list(wave) for wave in self.waves]}


@dataclass(frozen=True)
class Ledger:
    """What the ledger of a site said when it was read: see the module rollout_ledger. `read_at`: by time.monotonic()."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    read_at: float = field(default_factory=time.monotonic)

    @property
    def serial(self) -> int:
        return int(self.facts.get("serial", 0))

    @property
    def rollout(self) -> Rollout | None:
        """The one that has not come to its end."""
        facts = self.facts.get("rollout")
        if not facts:
            return None
        failed = frozenset(name for name, one in facts["became"].items() if one.get("what") == "failed")
        about = (facts["id"], facts["kind"], facts["image"], facts["undo"], facts["phones"], facts["waves"])
        return Rollout(*about, facts["paused"], failed)

    def to_go_on_with(self, wanted: Rollout, fresh: bool) -> Rollout | None:
        """The rollout that a run goes on with which wants that one, or None if it begins it."""
        there = self.rollout
        return there.gone_on_with(wanted) if there and not fresh and there.same_as(wanted) else None

    def in_flight(self, targets: Mapping[str, str], macs: Mapping[str, str | None], patience: Patience) -> dict[str, EarlierReset]:
        """The phones that were reset to the image of `targets` (name → image), and may not be back. `macs`: by name."""
        resets: Mapping[str, Mapping[str, Any]] = self.facts.get("resets", {})
        by_mac = {reset["mac"]: reset for reset in resets.values() if reset.get("mac")}
        now = self.facts.get("now", 0.0) + time.monotonic() - self.read_at
        call = patience.wait if patience.call is None else patience.call
        found: dict[str, EarlierReset] = {}
        for name, image in targets.items():
            mac = macs.get(name)
            reset = by_mac.get(mac) or resets.get(name)
            if not reset or reset["image"] != image or (mac and reset.get("mac") not in (None, mac)):
                continue
            seconds = max(0.0, now - reset["at"])  # the site's clock may have been put back since
            if seconds < patience.wait + (call if reset["deferred"] else 0):
                found[name] = EarlierReset(seconds, reset["deferred"], not reset["sent"], reset.get("before"))
        return found

    def outline(self, wanted: Rollout, goes_on: Rollout | None, fresh: bool) -> list[str]:
        """For people: what becomes of the rollout that was there."""
        there = self.rollout
        if goes_on:
            return (
                [f"goes on with rollout {goes_on.id}: its waves stay as they were cut; -e fresh=true cuts them anew"]
                if goes_on.waves
                else []
            )
        if not there:
            return []
        why = "as asked (fresh)" if fresh and there.same_as(wanted) else "another image" if there.image != wanted.image else "other phones"
        return [
            f"rollout {one_line(there.id, 100)} to {one_line(there.image, 100)} has not come to its end, and is gone on with no more: {why}"
        ]
