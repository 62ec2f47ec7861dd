# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that phones ask for: what kind of file a name is of, and of which phone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .._phone import image
from .._text import plain
from .events import basename

LONGEST_NAME = 128

KINDS = "os79xx ctl sep sipdefault sip mgc xmldefault loads sbn sb2 ringlist dialplan sccp other".split()
"""Of files, in the order in which a boot asks for them."""
OS79XX, CTL, SEP, SIPDEFAULT, SIP, MGC, XMLDEFAULT, LOADS, LOADER_IMAGE, APP_IMAGE, RINGLIST, DIALPLAN, SCCP, OTHER = KINDS
BINARIES = (LOADER_IMAGE, APP_IMAGE)
IMAGES = (LOADS, *BINARIES)
CONFIGS = (SIPDEFAULT, SIP)
STARTS = (CTL, OS79XX)
"""Files that a boot begins with."""
NAMING = (OS79XX, SEP, SIPDEFAULT, SIP, MGC, XMLDEFAULT, LOADS)
"""Files that name an image, and those that are asked for with them."""
PAIR = (RINGLIST, DIALPLAN)
"""Asked for at once, with retries of their own."""
_OF_MAC = re.compile(r"(CTLSEP|SEP|SIP|MGC|GK)([0-9A-F]{12})(\..*)?", re.IGNORECASE)
_PREFIXES = {"CTLSEP": CTL, "SEP": SEP, "SIP": SIP, "MGC": MGC, "GK": OTHER}
_NAMES = {"os79xx.txt": OS79XX, "sipdefault.cnf": SIPDEFAULT, "ringlist.dat": RINGLIST, "xmldefault.cnf.xml": XMLDEFAULT}
_LIKE_IMAGE = re.compile(r"P0[0-9A-Z][0-9].*\.(?:loads|sbn|sb2|bin)", re.IGNORECASE)
_HERE = re.compile(r"(?<![^/])\./+|(?<=/)/+")
"""What of a folder says nothing: dnsmasq puts what was asked for, such as ./SIPDefault.cnf, behind its root."""


class Name(NamedTuple):
    """The kind of a file, the MAC in its name (12 digits, or empty), its name and the folder it was asked for in."""

    kind: str
    mac: str
    base: str
    folder: str

    @property
    def absolute(self) -> bool:
        """Whether it is a whole path: these are the server's."""
        return self.folder.startswith("/") or self.folder[1:2] == ":"

    @property
    def subfolder(self) -> str:
        """The folder below the root that a phone asks in."""
        return "" if self.absolute else self.folder.strip("/")


@lru_cache(1 << 16)
def name_of(file: str) -> Name:
    """What a phone asks for when it asks for a file, as text that does a terminal no harm."""
    base = basename(file)
    folder = _HERE.sub("", plain(file[: len(file) - len(base)][:LONGEST_NAME].replace("\\", "/")))
    base = plain(base[:LONGEST_NAME])
    match = _OF_MAC.fullmatch(base)
    if match:
        return Name(_PREFIXES[match.group(1).upper()], match.group(2).upper(), base, folder)
    lower = base.lower()
    kind = _NAMES.get(lower, OTHER)
    if lower.endswith(".loads"):
        kind = LOADS
    elif lower.endswith((".sbn", ".sb2", ".bin")):
        found = image.of_file(base)
        if found:
            kind = LOADER_IMAGE if found.protocol in (image.LOADER, image.SCCP) else APP_IMAGE
    elif "dialplan" in lower and lower.endswith(".xml"):
        kind = DIALPLAN
    elif lower.startswith(("sccp", "ringlist.xml", "jar", "distinctiveringlist")):
        kind = SCCP
    return Name(kind, "", base, folder)


def is_of_image(file: str) -> bool:
    """Whether a file is of an image, be it of one whose name is spelt wrong."""
    return _LIKE_IMAGE.fullmatch(basename(file)) is not None
