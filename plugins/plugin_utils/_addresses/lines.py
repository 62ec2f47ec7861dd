# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rule reads most sources: a MAC and an IPv4 address on one line. And tables with a heading, whose columns tell which are meant."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sighting import Sighting, Source, addresses_in, macs_in

_NO_ANSWER_SIGN = re.compile(r"\b(?:FAILED|INCOMPLETE)\s*$|[<(]incomplete[>)]|\bIncomplete\b")
"""In `ip neigh`, `arp` and the tables of Cisco's switches: somebody asked for that address, and nobody answered."""
_STALE = re.compile(r"\blladdr\b.* STALE\s*$")
_STALE_FOR = 60
"""Seconds that a STALE entry of `ip neigh` is taken to be older than the others. How old it is, the kernel does not tell."""
_LEASE = re.compile(r"^([0-9]{9,10}) (?=(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2} [0-9.]+ )", re.MULTILINE)
_HEADINGS = (
    "mac macaddress macaddr hwaddr hwaddress hardwareaddress hardwareaddr ethernetaddress physicaladdress lladdr cisco79xxmac clientid",
    "ip ipaddress ipaddr ip4 ipv4 ipv4address ip4address primaryip primaryip4 primaryipv4 ansiblehost address",
)
"""What the column of MACs and that of addresses may be called, without case, blanks and marks; the best name first."""
_KEA = "address,hwaddr,client_id,valid_lifetime,expire,"
_NUMBER = re.compile("[0-9]{1,10}")
_FOR_EVER = 0xFFFFFFFF


def read_lines(source: Source) -> Iterator[Sighting]:
    """Each line with one MAC and one IPv4 address; two of either on a line say nothing that is certain.

    A line of dnsmasq's leases begins with their end (0: none). Of leases of one length the one that ends first was given first, and the
    one that ends last not after the file was written. Ended leases are not in it: dnsmasq drops them.
    """
    last_end = max(map(int, _LEASE.findall(source.text)), default=0)
    for number, line in enumerate(source.text.split("\n"), 1):
        macs = macs_in(line, source.macs)
        if not macs or _NO_ANSWER_SIGN.search(line):
            continue
        addresses, wrong = addresses_in(line)
        if len(macs) == len(addresses) == 1:
            lease = _LEASE.match(line)
            age = last_end - int(lease.group(1)) if lease else _STALE_FOR if _STALE.search(line) else 0
            yield Sighting(number, macs[0], addresses[0], source.time - age)
        elif (addresses or wrong) and any(mac in source.macs for mac in macs):
            who = " and ".join(macs[:3])
            what = f"more than one IPv4 address beside {who}" if addresses else f"{wrong[0]} beside {who}, which is no phone's address"
            source.misread.append((number, f"has more than one MAC: {who}" if len(macs) > 1 else f"has {what}"))


def columns(text: str) -> tuple[int, str, int, int] | None:
    """Of a table with a heading: the number of its line, what parts its columns, and which has the MAC and which the address."""
    for number, line in enumerate(text[: 1 << 16].split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        part = max(",;\t|", key=line.count)
        titles = [re.sub("[^a-z0-9]", "", title.lower()) for title in line.split(part)]
        found = [next((titles.index(one) for one in known.split() if one in titles), -1) for known in _HEADINGS]
        return (number, part, found[0], found[1]) if min(found) >= 0 else None
    return None


def read_table(source: Source) -> Iterator[Sighting]:
    """The rows of a table with a heading."""
    heading = columns(source.text)
    if heading is None:
        return
    start, part, mac_column, address_column = heading
    for number, row in _rows(source, start, part):
        if len(row) <= max(mac_column, address_column):
            if any(mac in source.macs for mac in macs_in(part.join(row), source.macs)):
                source.misread.append((number, "is cut"))
            continue
        macs, (addresses, wrong) = macs_in(row[mac_column], source.macs), addresses_in(row[address_column])
        if len(macs) == len(addresses) == 1:
            yield Sighting(number, macs[0], addresses[0])
        elif (addresses or wrong) and any(mac in source.macs for mac in macs):
            source.misread.append((number, f"has not one address of a phone for {macs[0]}"))


def _rows(source: Source, start: int, part: str) -> Iterator[tuple[int, list[str]]]:
    lines = source.text.split("\n")[start:]
    rows = csv.reader((line + "\n" for line in lines), delimiter=part)
    try:
        for row in rows:
            yield start + rows.line_num, row
    except csv.Error as error:
        source.misread.append((start + rows.line_num, f"is no row of a table ({error}), and what follows was left out"))


def is_kea(text: str) -> bool:
    """Whether it is the file of leases of Kea's memfile: its heading, the same since Kea 1.0 but for columns at the end."""
    return text.startswith(_KEA)


def read_kea(source: Source) -> Iterator[Sighting]:
    """Kea's leases: each change is a row, so the last one of an address counts.

    `expire` is the end of a lease in seconds since 1970, `state` 0 for one that is given (1: declined, 2: reclaimed), and a lifetime of 0
    a lease that was taken back: Kea's administrator manual, and rows written by Kea 2.2.
    """
    last: dict[str, Sighting | None] = {}
    titles = source.text.partition("\n")[0].strip().split(",")
    for number, row in _rows(source, 1, ","):
        values = dict(zip(titles, row, strict=False))
        macs, (addresses, _wrong) = macs_in(values.get("hwaddr", ""), source.macs), addresses_in(values.get("address", ""))
        ours = macs and macs[0] in source.macs
        numbers = [values.get(key, "") for key in ("valid_lifetime", "expire", "state")]
        if not all(map(_NUMBER.fullmatch, numbers)):
            if ours:
                source.misread.append((number, f"is cut or no lease of Kea's, on the row of {macs[0]}"))
            continue
        lifetime, ends, state = map(int, numbers)
        for address in addresses:
            given, doubt = (None, "") if lifetime == _FOR_EVER else (min(float(ends - lifetime), source.time), source.ended(ends))
            last[address] = Sighting(number, macs[0], address, given, doubt) if macs and not state and lifetime else None
    yield from filter(None, last.values())
