# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that phones ask for: what kind of file a name is of, and of which phone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, Tuple

from .._phone import image
from .._text import plain
from .events import basename

LONGEST_NAME = 128

KINDS = "os79xx ctl sep sipdefault sip mgc xmldefault loads sbn sb2 ringlist dialplan sccp other".split()
"""Of files, in the order in which a boot asks for them."""
OS79XX, CTL, SEP, SIPDEFAULT, SIP, MGC, XMLDEFAULT, LOADS, LOADER_IMAGE, APP_IMAGE, RINGLIST, DIALPLAN, SCCP, OTHER = KINDS
"""LOADER_IMAGE is an SCCP image too, SCCP any file that only SCCP phones or other models ask for."""
BINARIES = (LOADER_IMAGE, APP_IMAGE)
IMAGES = (LOADS, *BINARIES)
CONFIGS = (SIPDEFAULT, SIP)
STARTS = (CTL, OS79XX)
"""Files that a boot begins with."""
NAMING = (OS79XX, SEP, SIPDEFAULT, SIP, MGC, XMLDEFAULT, LOADS)
"""Files that name an image, and those that are asked for with them."""
PAIR = (RINGLIST, DIALPLAN)
"""Asked for at once, with retries of their own."""
OPTIONAL = (OS79XX, CTL, SEP, MGC, XMLDEFAULT, SIPDEFAULT, *PAIR, SCCP, OTHER)
"""Files that need not exist: a phone that is told "File not found" goes on. So does a loader of SIP<MAC>.cnf."""
_OF_MAC = re.compile(r"(CTLSEP|ITLSEP|SEP|SIP|MGC|GK|LD|ATA)([0-9A-F]{12})(\..*)?", re.IGNORECASE)
_PREFIXES = {"CTLSEP": CTL, "SEP": SEP, "SIP": SIP, "MGC": MGC}
_NAMES = {"os79xx.txt": OS79XX, "sipdefault.cnf": SIPDEFAULT, "ringlist.dat": RINGLIST, "xmldefault.cnf.xml": XMLDEFAULT}
_LIKE_IMAGE = re.compile(r"P[0O][0-9A-Z]3?[^.]{0,40}\.(?:loads|sbn|sb2|bin)", re.IGNORECASE)
_NEARLY_IMAGE = re.compile(r"P[0O][S5M0O]3.*|\.(?:bin|sbn|sb2|loads)", re.IGNORECASE)
"""What phones ask for if a file names an image wrongly: with blanks, two extensions, none, or nothing at all."""
_MODELS = tuple(
    (re.compile(pattern, re.IGNORECASE), model)
    for pattern, model in (
        (r"(?:term|sip|sccp|apps|jar|cnu|cvm|dsp)(?:06|11)\D.*", "7906 or 7911"),
        (r"term(41|42|45|61|62|65|70|71|75)\D.*", r"79\1"),
        (r"(?:sip|sccp|apps|jar|cnu|cvm|dsp)41\D.*", "7941 or 7961"),
        (r"(?:sip|sccp|apps|jar|cnu|cvm|dsp)42\D.*", "7942 or 7962"),
        (r"(?:sip|sccp|apps|jar|cnu|cvm|dsp)45\D.*", "7945 or 7965"),
        (r"(?:sip|sccp|apps|jar|cnu|cvm|dsp)(70|75)\D.*", r"79\1"),
        (r"XMLDefault(?:CP-?)?(79(?!40|60)[0-9]{2}).*", r"\1"),
        (r"(?:cp|cmterm[-_])(79(?!40|60)[0-9]{2}).*", r"\1"),
        (r"P004[0-9].*", "7910"),
        (r"P005[0-9].*", "7935"),
        (r"(?:gk|ld)(?:default|[0-9A-F]{12}).*", "7905 or 7912"),
        (r"ata(?:default|[0-9A-F]{12}|[0-9]).*", "ATA"),
        (r"itl(?:sep|file).*", "a later model"),
    )
)
"""Loads and other files by which a model is known: Unified CME administrator guide, tables of firmware and XMLDefault files."""
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
        return Name(_PREFIXES.get(match.group(1).upper(), SCCP), match.group(2).upper(), base, folder)
    return Name(_kind(base), "", base, folder)


def _kind(base: str) -> str:
    lower = base.lower()
    if lower in _NAMES:
        return _NAMES[lower]
    if model_of(base) or lower.startswith(("sccp", "ringlist.xml", "jar", "distinctiveringlist")):
        return SCCP
    if lower.endswith(".loads"):
        return LOADS
    found = image.of_file(base)
    if found or _NEARLY_IMAGE.fullmatch(base):
        return LOADER_IMAGE if found and found.protocol in (image.LOADER, image.SCCP) else APP_IMAGE
    return DIALPLAN if "dialplan" in lower and lower.endswith(".xml") else OTHER


@lru_cache(1 << 12)
def model_of(base: str) -> str:
    """The model that asks for such a file, such as "7941 or 7961"; empty for a 7940 or 7960, and if the name does not tell."""
    found = ((pattern.fullmatch(base), model) for pattern, model in _MODELS)
    return next((match.expand(model) for match, model in found if match), "")


_WRONG_END = re.compile(r"(?:\s|\\[rnt]|\\x[0-9a-f]{2}|#0[0-3][0-7]|\^M|\\015)+(?=\.|$)", re.IGNORECASE)
"""Blanks and carriage returns behind a name, also as syslog daemons write them (rsyslog: #015)."""
_CUT = re.compile(r"P0[S0M]3-[0-9-]{3}\.(?:bin|sbn|sb2|loa|loads)", re.IGNORECASE)
_PADDED, _UNPADDED = re.compile(r"(P0[S0]3-[0-9]{1,2}-)0([1-9]-[0-9]{2}.*)"), re.compile(r"(P0[S0]3-)([3-7]-.*)")
"""P0S3-07-04-00 is 07-4-00, P0S3-6-3-00 is 06-3-00 (Cisco's readmes of 8.4 to 8.11); of 8.12 alone the files are called 8-12-00."""
_TWO_ENDS = re.compile(r"(.*\.(?:bin|sbn|sb2|loads))\.(?:bin|sbn|sb2|loads)", re.IGNORECASE)


def misspelt(base: str) -> Tuple[str, str]:
    """What is wrong with the name of an image in the name of a file that was asked for, and the name meant if that can be told.

    ("", "") where such a file can exist. A phone asks for what it is told, to the letter (rule `to_the_letter`).
    """
    stem, _dot, end = base.rpartition(".")
    if base.startswith(".") and _NEARLY_IMAGE.fullmatch(base):
        return "is empty", ""
    if _CUT.fullmatch(base):
        return "is cut at eight characters", ""
    if f".{end.lower()}" not in image.EXTENSIONS:
        meant = (image.meant_file(f"{base}.bin") or f"{base}.bin").rpartition(".")[0]
        return ("has no extension", meant) if image.recognise(meant) else ("", "")
    bare = _WRONG_END.sub("", stem)
    twice = _TWO_ENDS.fullmatch(f"{bare}.{end}")
    if twice:
        return "ends in an extension, which the phone adds", twice.group(1).rpartition(".")[0]
    if bare != stem:
        return "ends in a blank or carriage return", bare
    found = image.of_file(base)
    if found:
        if found.name != stem:
            return "is spelt in the wrong case", found.name
        released = _PADDED.sub(r"\1\2", _UNPADDED.sub(r"\g<1>0\2", stem))
        released = released.replace("-08-12-00", "-8-12-00")
        return ("has other digits than Cisco's release", released) if released != stem else ("", "")
    meant_name = (image.meant_file(base) or "").rpartition(".")[0]
    if meant_name and meant_name.replace("0", "O") == stem.upper().replace("0", "O"):
        return "has the letter O where the digit 0 belongs", meant_name
    return ("is misspelt" if meant_name or _NEARLY_IMAGE.fullmatch(base) else ""), meant_name


def is_of_image(file: str) -> bool:
    """Whether a file is of an image, be it of one whose name is spelt wrong."""
    return _LIKE_IMAGE.fullmatch(basename(file)) is not None
