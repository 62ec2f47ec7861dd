# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address each phone has, out of all that the sources say: the newest wins, and nothing is guessed where they contradict."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.seen import Seen


class Found(NamedTuple):
    """What is known of a phone's address: the address, or why there is none, and whether that is a contradiction.

    `source`: who says so; `time`: of when that is, ISO 8601.
    """

    address: str = ""
    source: str = ""
    time: str = ""
    fault: str = ""
    contradiction: bool = False
    doubt: str = ""


class _Sight(NamedTuple):
    """What one source says, in the order of what counts more."""

    certain: bool
    time: float
    seen: Seen
    source: str

    @property
    def rank(self) -> tuple[bool, float]:
        return self.certain, self.time

    def __str__(self) -> str:
        return f"{self.seen.address} ({self.where})"

    @property
    def where(self) -> str:
        return f"{self.source}:{self.seen.line}" if self.seen.line else self.source


def settle(macs: Collection[str], said: Iterable[tuple[str, Iterable[Seen]]]) -> dict[str, Found]:
    """What is known of the address of each of these MACs. `said`: the name of each source, and what it says of any MAC.

    A sight with a doubt counts only where there is none without.
    """
    best: dict[str, list[_Sight]] = {}
    """By MAC, the sights that count most: several, if they are of one time."""
    for source, seen in said:
        for one in seen:
            sight = _Sight(not one.doubt, one.time or 0.0, one, source)
            known = best.get(one.mac)
            if known is None or sight.rank > known[0].rank:
                best[one.mac] = [sight]
            elif sight.rank == known[0].rank and all(sight.seen.address != other.seen.address for other in known):
                known.append(sight)
    holders: dict[str, list[_Sight]] = {}
    """By address, the MACs whose last address it is, that of the newest sight first."""
    for sights in best.values():
        for sight in sights:
            holders.setdefault(sight.seen.address, []).append(sight)
    for several in holders.values():
        several.sort(key=lambda sight: sight.rank, reverse=True)
    return {mac: _found(best[mac], holders) if mac in best else Found() for mac in macs}


def _found(sights: list[_Sight], holders: dict[str, list[_Sight]]) -> Found:
    if len(sights) > 1:
        return Found(fault=f"has more than one address of one age: {' and '.join(map(str, sights))}", contradiction=True)
    sight = sights[0]
    others = [other for other in holders[sight.seen.address] if other.seen.mac != sight.seen.mac]
    equal = [other for other in others if other.rank == sight.rank]
    if others and others[0].rank > sight.rank:
        return Found(fault=f"its address {sight} went to {others[0].seen.mac} since ({others[0].where})")
    if equal:
        rivals = " and ".join(f"{other.seen.mac} ({other.where})" for other in equal)
        return Found(fault=f"shares its address {sight} with {rivals}, of one age", contradiction=True)
    when = datetime.fromtimestamp(sight.time, UTC).isoformat(timespec="seconds")
    return Found(sight.seen.address, sight.where, when, doubt=sight.seen.doubt)
