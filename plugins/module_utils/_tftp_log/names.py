# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that phones ask for: what kind of file a name is of, and of which phone."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._phone import image
from .._text import plain
from .events import basename

LONGEST_NAME = 128

CTL, SEP, SIP, MGC, XMLDEFAULT, LOADS, LOADER_IMAGE, APP_IMAGE = "ctl sep sip mgc xmldefault loads sbn sb2".split()
OS79XX, SIPDEFAULT, RINGLIST, DIALPLAN, SCCP, OTHER = "os79xx sipdefault ringlist dialplan sccp other".split()
ORDER = {
    name: rank
    for rank, name in enumerate(
        (OS79XX, CTL, SEP, SIPDEFAULT, SIP, MGC, XMLDEFAULT, LOADS, LOADER_IMAGE, APP_IMAGE, RINGLIST, DIALPLAN, SCCP, OTHER)
    )
}
IMAGES = (LOADS, LOADER_IMAGE, APP_IMAGE)
STARTS = (CTL, OS79XX)
NAMING = (OS79XX, SEP, SIPDEFAULT, SIP, MGC, XMLDEFAULT, LOADS)
"""Files that name an image, and those that are asked for with them."""
PAIR = (RINGLIST, DIALPLAN)
"""Asked for at once, with retries of their own."""
_OF_MAC = re.compile(r"(CTLSEP|SEP|SIP|MGC|GK)([0-9A-F]{12})(\..*)?", re.IGNORECASE)
_HERE = re.compile(r"/(?:\.?/)+")
_PREFIXES = {"CTLSEP": CTL, "SEP": SEP, "SIP": SIP, "MGC": MGC, "GK": OTHER}


class Name(NamedTuple):
    """The kind of a file, the MAC in its name (12 digits, or empty), its name and the folder it was asked for in."""

    kind: str
    mac: str
    base: str
    folder: str


def name_of(file: str) -> Name:
    """What a phone asks for when it asks for a file, as text that does a terminal no harm."""
    base = basename(file)
    folder = plain(file[: len(file) - len(base)][:LONGEST_NAME].replace("\\", "/"))
    base = plain(base[:LONGEST_NAME])
    while folder.startswith("./"):
        folder = folder[2:].lstrip("/")
    folder = _HERE.sub("/", folder)  # dnsmasq puts what was asked for behind its root
    match = _OF_MAC.fullmatch(base)
    if match:
        return Name(_PREFIXES[match.group(1).upper()], match.group(2).upper(), base, folder)
    lower = base.lower()
    kind = OTHER
    if lower == "os79xx.txt":
        kind = OS79XX
    elif lower == "sipdefault.cnf":
        kind = SIPDEFAULT
    elif lower == "ringlist.dat":
        kind = RINGLIST
    elif lower == "xmldefault.cnf.xml":
        kind = XMLDEFAULT
    elif lower.endswith(".loads"):
        kind = LOADS
    elif lower.endswith((".sbn", ".sb2", ".bin")):
        loader = image.recognise(base[:-4])
        if loader:
            kind = LOADER_IMAGE if loader.protocol in (image.LOADER, image.SCCP) else APP_IMAGE
    elif "dialplan" in lower and lower.endswith(".xml"):
        kind = DIALPLAN
    elif lower.startswith(("sccp", "ringlist.xml", "jar", "distinctiveringlist")):
        kind = SCCP
    return Name(kind, "", base, folder)
