# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asterisk's tables: `sip show peers` and `pjsip show contacts`. They know no MACs, but the names that phones register with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sighting import Sighting, Source, usable

_TABLE = re.compile(r"^(?:Output: )?(?:Name/username +Host\s|[ \t]*Contact: +(?:<Aor/ContactUri|\S+/sips?:))", re.MULTILINE)
_PEER = re.compile(r"(?:Output: )?(?P<name>\S+)\s+(?P<address>[0-9]+(?:\.[0-9]+){3})\s(?P<rest>.*)")
_CONTACT = re.compile(
    r"(?:Output: )?[ \t]*Contact: +(?P<aor>\S+?)/sips?:(?:[^@\s]*@)?(?P<address>[0-9.]+)(?P<rest>[^@\s]*)(?P<state>\s.*|$)"
)
_UNREACHABLE_SIGN = re.compile(r"\s(?:UNREACHABLE|Unavail|Unreachable|Removed)\b")
_WIDEST_NAME = 25
"""Characters of a peer's name with its user name that Asterisk shows (PEERS_FORMAT2 in chan_sip.c: %-25.25s)."""
_NARROWEST_CONTACT = 40
"""Asterisk cuts a contact at the width of its column, 44 and more characters (res_pjsip/location.c): an address at its end may be cut."""


def is_asterisk(text: str) -> bool:
    return _TABLE.search(text) is not None


def read_asterisk(source: Source) -> Iterator[Sighting]:
    """The peers and contacts whose names are those of lines of one phone. Who is not registered has no address there."""
    known = source.names()
    for number, line in enumerate(source.text.split("\n"), 1):
        contact = _CONTACT.match(line)
        peer = None if contact else _PEER.match(line)
        if contact:
            names = [contact["aor"]]
            whole = contact["rest"] or contact.end("address") - contact.start("aor") < _NARROWEST_CONTACT
            found, rest = contact["address"] if whole else "", contact["state"]
        elif peer:
            name, slash, user = peer["name"].partition("/")
            names = [name, user] if slash and len(peer["name"]) < _WIDEST_NAME else [name]
            found, rest = peer["address"], " " + peer["rest"]
        else:
            continue
        mac = next((known[name.lower()] for name in names if name.lower() in known), "")
        if mac and usable(found):
            yield Sighting(number, mac, found, None, "Asterisk does not reach it there" if _UNREACHABLE_SIGN.search(rest) else "")
        elif mac:
            source.misread.append((number, "has an address that is cut or none of a phone"))
