# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leases and reservations of ISC dhcpd, and of OpenBSD's, which has the same file."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sighting import Sighting, Source, addresses_in, macs_in

_HEAD = re.compile(r"(?:^|(?<=\}))[ \t]*(?:lease\s+(?P<address>[0-9.]+)|host\s+[^\s{]+)\s*\{", re.MULTILINE)
_MARK = re.compile(r'"(?:[^"\\]++|\\.)*+"|#[^\n]*|[{}]', re.DOTALL)
_NOT_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*', re.DOTALL)
_NOT_GIVEN = {"abandoned", "deleted"}
_DATE = re.compile(r"[0-6] ([0-9]{4})/([0-9]{1,2})/([0-9]{1,2}) ([0-9]{1,2}):([0-9]{2}):([0-9]{2})|epoch ([0-9]{1,11})")


def is_dhcpd(text: str) -> bool:
    return _HEAD.search(text) is not None


def read_dhcpd(source: Source) -> Iterator[Sighting]:
    """ISC dhcpd's leases: each change is a block, so the last one of an address counts, and only if its lease is given.

    The statements (`starts`, `ends` and `cltt`, when the client was last heard, in UTC or as `epoch`; `binding state`; `abandoned`) are
    from its manual page dhcpd.leases(5). Reservations (`host`, `fixed-address`) count too.
    """
    last: dict[str, Sighting | None] = {}
    text, place, line = source.text, 0, 1
    while head := _HEAD.search(text, place):
        begin = head.end()
        line += text.count("\n", place, begin)
        end = _end(text, begin)
        statements = dict(_statement(part) for part in _NOT_TEXT.sub("", text[begin : end or begin]).split(";"))
        address = head.group("address") or statements.get("fixed-address", "")
        if end:
            last[address] = _lease(source, line, address, statements)
        else:  # what stands in it may be another block
            source.misread.append((line, f"{' '.join(head.group()[:-1].split())} has no end, and was left out"))
        place = end or begin
        line += text.count("\n", begin, place)
    yield from filter(None, last.values())


def _end(text: str, begin: int) -> int:
    """Where the block ends whose first statement begins there; 0 if another one begins before, or the text ends."""
    depth = 1
    for mark in _MARK.finditer(text, begin):
        if mark.group() == "{":
            depth += 1
            if _HEAD.match(text, text.rfind("\n", 0, mark.start()) + 1, mark.end()):
                return 0
        elif mark.group() == "}":
            depth -= 1
            if not depth:
                return mark.end()
    return 0


def _lease(source: Source, line: int, address: str, statements: dict[str, str]) -> Sighting | None:
    macs, good = macs_in(statements.get("hardware ethernet", ""), source.macs), addresses_in(address)[0]
    state = statements.get("binding state", "active")
    if len(macs) != 1 or good != [address] or state not in ("active", "bootp") or not _NOT_GIVEN.isdisjoint(statements):
        return None
    times = [_seconds(statements.get(name, "")) for name in ("cltt", "starts")]
    given = max((time for time in times if time is not None), default=None)
    doubt = source.ended(_seconds(statements.get("ends", "")))
    return Sighting(line, macs[0], address, given if given is None else min(given, source.time), doubt)


def _statement(text: str) -> tuple[str, str]:
    """Name and value: of `binding state active` and `hardware ethernet …` the name is of two words."""
    first, *rest = text.strip("} \t\r\n").split() or [""]
    words = 1 if first in ("binding", "hardware") else 0
    return " ".join([first, *rest[:words]]), " ".join(rest[words:])


def _seconds(date: str) -> float | None:
    """Seconds since 1970, None for `never` and for what is no date."""
    match = _DATE.match(date)
    if not match:
        return None
    *parts, epoch = match.groups()
    try:
        return float(epoch) if epoch else float(calendar.timegm((*map(int, parts), 0, 0, 0)))
    except (ValueError, OverflowError):
        return None
