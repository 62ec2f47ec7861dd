# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source of addresses says, and the two things that it says it in: MACs and IPv4 addresses in a text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac as macs
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import duration

_TOKEN = re.compile(r"[0-9A-Za-z:.-]{8,}")
_LABELS = re.compile(r".*[G-Zg-z][^:]*:")
_OCTETS = re.compile(r"[0-9A-Fa-f]{1,2}([:-])[0-9A-Fa-f]{1,2}(?:\1[0-9A-Fa-f]{1,2}){4}")
_WORDS = re.compile(r"[0-9A-Fa-f]{4}([:.-])[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}[:.-][0-9A-Fa-f]{6}")
_BARE = re.compile(r"(SEP|SIP|)([0-9A-F]{12})(?:\.[A-Z][A-Z0-9.-]*)?", re.IGNORECASE)
_QUAD = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9A-Za-z])")


class Sighting(NamedTuple):
    """A MAC at an address. `time`: seconds since 1970, None for that of the source; `doubt`: why it may not be there any more."""

    line: int
    mac: str
    address: str
    time: float | None = None
    doubt: str = ""


@dataclass
class Source:
    """A text with addresses. `name` is for people; `time`: when it was written, in seconds since 1970."""

    name: str
    text: str
    time: float
    macs: Collection[str]
    """Those of the phones that are looked for."""
    names: Callable[[], Mapping[str, str]] = dict
    """Tells the names by which a telephone system knows the phones, in lower case, and their MACs."""
    misread: list[tuple[int, str]] = field(default_factory=list)
    """Lines about these phones that were not understood, and why."""

    def ended(self, end: float | None) -> str:
        """The doubt about a lease with that end, in seconds since 1970, if it is over."""
        return f"its lease ended {duration(self.time - end)} before {self.name} was written" if end is not None and end < self.time else ""


def macs_in(text: str, known: Collection[str] = ()) -> list[str]:
    """The MACs in a text, each once, as twelve upper-case digits.

    Octets without their leading zero count (macOS's arp). What is longer, as a client identifier of DHCP or an IPv6 address, does not.
    Of decimal digits alone, or with hyphens, it has to be `known` or to follow SEP or SIP: else it may be a date or a telephone number.
    """
    found: dict[str, None] = {}
    for token in _TOKEN.findall(text):
        # Behind the last word that is not hexadecimal, as in hwaddr:00:0e:84:c0:60:a6
        token = _LABELS.sub("", token).strip(":.-")
        bare = _BARE.fullmatch(token)
        if bare:
            mac = bare.group(2).upper()
        elif _OCTETS.fullmatch(token):
            mac = "".join(octet.zfill(2) for octet in re.split("[:-]", token)).upper()
        elif _WORDS.fullmatch(token):
            mac = macs.parse(token)
        else:
            continue
        certain = bare.group(1) if bare else "-" not in token
        if certain or not mac.isdigit() or mac in known:
            found[mac] = None
    return list(found)


def addresses_in(text: str) -> tuple[list[str], list[str]]:
    """The IPv4 addresses in a text that a phone may have, each once, and what looks like one and is none."""
    quads = dict.fromkeys(_QUAD.findall(text))
    good = [quad for quad in quads if usable(quad)]
    return good, [quad for quad in quads if quad not in good]


@lru_cache(maxsize=1 << 14)
def usable(text: str) -> bool:
    """Whether it is an IPv4 address of one machine. Those of loopback are: phones may be reached through a tunnel."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_reserved or address.packed[0] == 0)
