# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address each phone has, out of all that the sources say: the newest wins, and nothing is guessed where they contradict."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sighting import Sighting


class AddressFinding(NamedTuple):
    """What is known of a phone's address: the address, or why there is none, and whether that is a contradiction.

    `source`: who says so; `time`: of when that is, ISO 8601; `doubt`: why the phone may not be there any more.
    """

    address: str = ""
    source: str = ""
    time: str = ""
    fault: str = ""
    contradiction: bool = False
    doubt: str = ""


class RankedSighting(NamedTuple):
    """A sighting, who has it, and what it counts: one without a doubt more than any with one, then the newer one more."""

    sighting: Sighting
    source: str
    rank: tuple[bool, float]

    def __str__(self) -> str:
        return f"{self.address} ({self.where})"

    @property
    def mac(self) -> str:
        return self.sighting.mac

    @property
    def address(self) -> str:
        return self.sighting.address

    @property
    def where(self) -> str:
        return f"{self.source}:{self.sighting.line}" if self.sighting.line else self.source


def settle(macs: Collection[str], said: Iterable[tuple[str, Iterable[Sighting]]]) -> dict[str, AddressFinding]:
    """What is known of the address of each of these MACs. `said`: the name of each source, and what it says of any MAC.

    A sighting with a doubt counts only where there is none without.
    """
    best: dict[str, list[RankedSighting]] = {}
    """By MAC, the sightings that count most: several, if they are of one time."""
    for source, sightings in said:
        for one in sightings:
            ranked = RankedSighting(one, source, (not one.doubt, one.time or 0.0))
            known = best.get(one.mac)
            if known is None or ranked.rank > known[0].rank:
                best[one.mac] = [ranked]
            elif ranked.rank == known[0].rank and all(ranked.address != other.address for other in known):
                known.append(ranked)
    holders: dict[str, list[RankedSighting]] = {}
    """By address, the MACs whose last address it is, that of the newest sighting first."""
    for several in best.values():
        for ranked in several:
            holders.setdefault(ranked.address, []).append(ranked)
    for several in holders.values():
        several.sort(key=lambda ranked: ranked.rank, reverse=True)
    return {mac: _finding(best[mac], holders) if mac in best else AddressFinding() for mac in macs}


def _finding(several: list[RankedSighting], holders: dict[str, list[RankedSighting]]) -> AddressFinding:
    if len(several) > 1:
        return AddressFinding(fault=f"has more than one address of one age: {' and '.join(map(str, several))}", contradiction=True)
    last = several[0]
    others = [other for other in holders[last.address] if other.mac != last.mac]
    equal = [other for other in others if other.rank == last.rank]
    if others and others[0].rank > last.rank:
        return AddressFinding(fault=f"its address {last} went to {others[0].mac} since ({others[0].where})")
    if equal:
        rivals = " and ".join(f"{other.mac} ({other.where})" for other in equal)
        return AddressFinding(fault=f"shares its address {last} with {rivals}, of one age", contradiction=True)
    when = datetime.fromtimestamp(last.rank[1], UTC).isoformat(timespec="seconds")
    return AddressFinding(last.address, last.where, when, doubt=last.sighting.doubt)
