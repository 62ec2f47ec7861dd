# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the name of a firmware image says, and which moves between two images are possible.

Sources: Cisco's Firmware Upgrade Matrix and the readmes of 8.4 to 8.11 (spelling), the Unified CME
administrator guide (signed images from 5.x on, one way; 5.3 to 6.0 to 7.4), the table of contents of the
4.0 and 5.1 guides ("from 2.1 or earlier" is a procedure of its own), files of 7.5 and 8.12 as shipped.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Optional, Tuple

FIRST_SIGNED = 5
FIRST_WITH_LOADER = 7
FIRST_WITH_LONG_NAMES = (2, 2)
LAST_BEFORE_LOADER = 6

MANIFEST = ".loads"
EXTENSIONS = (".bin", ".sbn", ".sb2", MANIFEST)
"""Of the files of an image."""

SIP = "SIP"
LOADER = "universal loader"
SCCP = "SCCP"
MGCP = "MGCP"
_PROTOCOLS = {"S": SIP, "M": MGCP, "0": LOADER}

_LONG = re.compile(r"P0(?P<protocol>[0SM])3-(?P<major>[0-9]{1,2})-(?P<minor>[0-9]{1,2})-(?P<patch>[0-9]{2})(?:SR(?P<sr>[0-9]{1,2}))?")
_SHORT = re.compile(r"P0(?P<protocol>[SM])3(?P<major>[0-9]{2})(?P<minor>[0-9]{2})")
_SHORT_SCCP = re.compile(r"P003(?P<major>[0-9]{2})(?P<minor>[0-9]{2})[0-9A-Z]{0,4}")
_EXTENSION = re.compile(r"\.(bin|sbn|sb2|loads|zip|tar|txt|cnf)$", re.IGNORECASE)
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u207b\u208b\ufe58\ufe63\uff0d_"
_LOOKALIKES = str.maketrans("РрОоЅѕЗзΡΟο", "PpOoSs33POo")
_LOOKS = "a name looks like P0S30203, P0S3-06-3-00 or P0S3-8-12-00, with the digit 0 after P"

SILENT_CALLS = ((7, 4), (7, 5), (8, 2))
"""Field report (tcg.com/blog/asterisk-evolut): on these half to three quarters of the calls lost their sound; P0S3-06-3-00 cured it."""


class ImageNameError(ValueError):
    """A text that is no image name. The message shows the fault and, where it can be told, the name meant."""

    def __init__(self, message: str, intended: Optional[str] = None) -> None:
        super().__init__(message)
        self.intended = intended


@dataclass(frozen=True)
class Image:
    """One image. `version` is (major, minor, patch, service release) and orders images of one protocol."""

    name: str
    protocol: str
    version: Tuple[int, int, int, int]

    @property
    def generation(self) -> int:
        """The major version: what decides how a phone boots."""
        return self.version[0]

    @property
    def signed(self) -> bool:
        return self.generation >= FIRST_SIGNED

    @property
    def loader(self) -> Optional[str]:
        """Name of the universal loader that brings this application in, from 7.x on."""
        if self.protocol != SIP or self.generation < FIRST_WITH_LOADER:
            return None
        return "P003" + self.name[4:]

    @property
    def files(self) -> Tuple[str, ...]:
        """The files that have to be in the TFTP root.

        That 5.x and 6.x come as .bin and .sbn is remembered, not shown by a source: both are asked for,
        since the set as shipped is right whichever of the two a phone fetches.
        """
        if self.protocol == LOADER:
            return (self.name + ".sbn",)
        if self.loader:
            return (self.name + ".loads", self.loader + ".sbn", self.name + ".sb2")
        if self.signed:
            return (self.name + ".bin", self.name + ".sbn")
        return (self.name + ".bin",)

    @property
    def os79xx(self) -> str:
        """What OS79XX.TXT says for this image: itself up to 6.x, its loader from 7.x on."""
        return self.loader or self.name

    @property
    def advisory(self) -> str:
        """What speaks against running it, with its source, or nothing."""
        if self.protocol != SIP or self.version[:2] not in SILENT_CALLS:
            return ""
        report = "on half to three quarters of the calls, until they went to P0S3-06-3-00 (field report, tcg.com/blog/asterisk-evolut)"
        return f"{self.name} is one of the images on which callers could not hear each other, {report}"

    def same_as(self, other: Image) -> bool:
        """Whether both are one release, however each is spelt (`P0S3-08-12-00`, `P0S3-8-12-00`)."""
        return self.protocol == other.protocol and self.version == other.version

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Move:
    """From one image to another. `blocked` says why not; `hops` what has to come first; `risks` what to watch."""

    blocked: str = ""
    hops: Tuple[str, ...] = ()
    risks: Tuple[str, ...] = ()


class Hop(NamedTuple):
    """One step on the way from image to image. `any_of_generation`: any other image of its major version does as well.

    `rule`: the name of what is known of this step.
    """

    image: Image
    any_of_generation: bool
    rule: str

    def __str__(self) -> str:
        return f"an image of {self.image.generation}.x" if self.any_of_generation else self.image.name


@lru_cache(maxsize=1000)
def recognise(text: str) -> Optional[Image]:
    """The image that a phone or a file name means, or None. Case and blanks around it are let pass."""
    name = text.strip().upper()
    match = _LONG.fullmatch(name) or _SHORT.fullmatch(name) or _SHORT_SCCP.fullmatch(name)
    if not match:
        return None
    parts = match.groupdict(default="0")
    major, minor, patch, service = (int(parts.get(key, 0)) for key in ("major", "minor", "patch", "sr"))
    return Image(name, _PROTOCOLS.get(parts.get("protocol", ""), SCCP), (major, minor, patch, service))


def extension(file: str) -> str:
    """Such as ".sb2": of a file's name, in lower case."""
    return os.path.splitext(file)[1].lower()


def of_file(file: str) -> Optional[Image]:
    """The image that a file of that name belongs to, whichever case it is written in, or None if it is of no image."""
    stem, end = os.path.splitext(file)
    return recognise(stem) if end.lower() in EXTENSIONS else None


def raw_twin(file: str) -> Optional[str]:
    """Name of the unsigned file that holds the same bytes as that signed one, or None where there can be none."""
    stem, end = os.path.splitext(file)
    return stem + ".bin" if end.lower() in (".sbn", ".sb2") else None


def parse(name: str) -> Image:
    """The image of that exact name. Raises ImageNameError, which shows what is wrong and what was meant."""
    image = recognise(name)
    if image and image.name == name:
        return image
    intended = _intended(name)
    hint = f"did you mean {intended}?" if intended else _LOOKS
    raise ImageNameError(f"image name {_shown(name)} {_fault(name, intended)}; {hint}", intended)


def parse_application(name: str) -> Image:
    """As `parse`, for what a phone can be asked to run: a SIP application. Raises ImageNameError."""
    image = parse(name)
    if image.protocol == LOADER:
        meant = "P0S3" + name[4:]
        raise ImageNameError(f"image name {name} is a universal loader, not an application; did you mean {meant}?", meant)
    if image.protocol != SIP:
        raise ImageNameError(f"image name {name} is a {image.protocol} image; this collection moves SIP phones (P0S3…) only")
    return image


def move(current: Image, target: Image) -> Move:
    """Whether a phone can go from one image to the other in one go."""
    risks = []
    if target.advisory:
        risks.append(target.advisory)
    if current.protocol != SIP:
        return Move(f"runs {current}, a {current.protocol} image, not SIP")
    if current.signed and not target.signed:
        return Move(f"{current} is signed and {target} is not: signed phones ({FIRST_SIGNED}.x and up) never load unsigned images")
    hops: Tuple[str, ...] = ()
    if current.version[:2] < FIRST_WITH_LONG_NAMES and "-" in target.name:
        hops += ("P0S30203",)
    if current.generation < LAST_BEFORE_LOADER and target.generation >= FIRST_WITH_LOADER:
        hops += (f"an image of {LAST_BEFORE_LOADER}.x",)
    if target.version < current.version and current.signed:
        risks.append("later hardware revisions may refuse older images")
    blocked = f"cannot go from {current} to {target} in one step: move to {', then '.join(hops)} first" if hops else ""
    return Move(blocked, hops, tuple(risks))


def step(version: Tuple[int, ...], target: Image) -> str:
    """The name of the rule about one step to that image, from a SIP image of that version (major, minor, …).

    Where the rule is sure the step works, but for "signed", by which it never does.
    """
    major, generation = version[0], target.generation
    if major >= FIRST_SIGNED and not target.signed:
        return "signed"
    if version[:2] < FIRST_WITH_LONG_NAMES and "-" in target.name:
        return "long_names"
    if FIRST_SIGNED <= generation < major:
        return "steps" if generation >= FIRST_WITH_LOADER or (major, generation) == (7, 6) else "down_at_once"
    highest = major + 1 if version[:2] >= (4, 4) else 4
    return "steps" if generation <= highest or major >= LAST_BEFORE_LOADER else "steps_left_out"


def route(current: Image, target: Image) -> Tuple[Hop, ...]:
    """The way from one SIP image to another as Cisco's guides have it, the target last; nothing where there is none or it is there."""
    if current.same_as(target) or {current.protocol, target.protocol} != {SIP} or (current.signed and not target.signed):
        return ()
    at, end = current.version[:2], target.generation
    stops = [
        ("P0S30203", at < FIRST_WITH_LONG_NAMES and "-" in target.name),
        ("P0S3-04-4-00", at < (4, 4) and end > 4),
        ("P0S3-05-3-00", at[0] <= 4 and end > 5),
        ("P0S3-06-0-00", at[0] < LAST_BEFORE_LOADER and end >= FIRST_WITH_LOADER),
    ]
    hops, version = [], current.version
    for image in [*(parse(name) for name, needed in stops if needed), target]:
        hops.append(Hop(image, image is not target and image.generation == LAST_BEFORE_LOADER, step(version, image)))
        version = image.version
    return tuple(hops)


def meant_file(file: str) -> Optional[str]:
    """The name that a file of an image was meant to have, if it is misspelt (letter O for digit 0, case, blanks), else None."""
    stem, end = os.path.splitext(file.strip())
    meant = _intended(stem) if end.lower() in EXTENSIONS else None
    return meant + end.lower() if meant and meant + end.lower() != file else None


def _intended(text: str) -> Optional[str]:
    """The name somebody most likely meant, or None."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).strip())[-1]
    name = "".join("-" if char in _DASHES else char for char in name)
    name = "".join(char for char in name if char in "\u00ad\t " or unicodedata.category(char)[0] != "C")
    for gap, blank in (("-", ""), ("-", "-"), ("", ""), ("", "-")):
        candidate = re.sub(r"\s", blank, name.replace("\u00ad", gap))
        respelt = _respelt(_EXTENSION.sub("", candidate.strip("-\"'")).upper())
        if respelt:
            return respelt
    return None


def _respelt(name: str) -> Optional[str]:
    match = re.match(r"P[0O]([S5M0O])3", name)
    if not match:
        return None
    middle = {"5": "S", "O": "0"}.get(match.group(1), match.group(1))
    rest, service, release = name[4:].partition("SR")
    rest = rest.replace(".", "-").translate(str.maketrans("OIL", "011"))
    if re.fullmatch(r"-[0-9]+-[0-9]+-[0-9]", rest):
        rest = rest[:-1] + "0" + rest[-1]
    candidate = f"P0{middle}3{rest}{service}{release}"
    return candidate if recognise(candidate) else None


def _fault(name: str, intended: Optional[str]) -> str:
    if not name:
        return "is empty"
    for mark in "/\\":
        if mark in name:
            return f"holds a path ('{mark}')"
    for position, char in enumerate(name, start=1):
        if not re.match(r"[0-9A-Za-z.-]", char):
            return f"holds {_character(char)} at position {position}"
    extension = _EXTENSION.search(name)
    if extension:
        return f"ends in the extension '{extension.group(0)}'"
    if intended:
        for position, (char, meant) in enumerate(zip(name, intended), start=1):
            if char != meant:
                return f"has {_character(char)} at position {position}, where '{meant}' belongs"
    return "has no form that Cisco uses"


def _character(char: str) -> str:
    shown = char if char.isprintable() else ascii(char)[1:-1]
    return f"'{shown}' (U+{ord(char):04X} {unicodedata.name(char, 'control character')})"


def _shown(text: str) -> str:
    return ascii(text[:60] + ("..." if len(text) > 60 else ""))
