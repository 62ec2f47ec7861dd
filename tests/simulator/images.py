# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Synthetic images with the container layout of the real ones, and the checks a phone makes before it flashes one.

The layout was read off published 7.5 and 8.12 files: TLV fields (tag, 2 bytes length, value), the second of
which holds the header length 404; tag 0x0e holds the file's own name; bare 0x0d bytes fill up. Then comes the
raw image, which has its load id as NUL-padded ASCII at 0x20. Nothing in here is Cisco's.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

SIP, SCCP, MGCP, LOADER = "SIP", "SCCP", "MGCP", "universal loader"
HEADER = 404
LOAD_ID_AT = 0x20
LOAD_ID_LENGTH = 0x20
_OWN_NAME = 0x0E
_PAD = 0x0D
_START = struct.pack(">BHHBHH", 1, 2, 0x0101, 2, 2, HEADER)


_NAME = re.compile(r"P0([S0M])3(?:-([0-9]{1,2})-([0-9]{1,2})-[0-9]{2}(?:SR[0-9]{1,2})?|([0-9]{2})([0-9]{2})[0-9A-Z]{0,4})")


class BadImage(ValueError):
    """A file no phone would flash. The message is the reason as a person would say it."""


@dataclass(frozen=True)
class Name:
    """What the name of an image says. `version` is (major, minor)."""

    text: str
    protocol: str
    version: tuple[int, int]

    @property
    def generation(self) -> int:
        return self.version[0]

    @property
    def signed(self) -> bool:
        return self.generation >= 5

    @property
    def loader(self) -> str | None:
        """Name of the universal loader that comes with a SIP application from 7.x on."""
        return f"P003{self.text[4:]}" if self.protocol == SIP and self.generation >= 7 else None

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it comes as."""
        if self.protocol == LOADER:
            return (f"{self.text}.sbn",)
        if self.loader:
            return (f"{self.text}.loads", f"{self.loader}.sbn", f"{self.text}.sb2")
        return (f"{self.text}.bin", f"{self.text}.sbn") if self.signed else (f"{self.text}.bin",)


def read_name(text: str) -> Name | None:
    """What a name says that a phone was told, or None where it says nothing. Case and blanks around it do not matter here."""
    name = text.strip().upper()
    match = _NAME.fullmatch(name)
    if not match:
        return None
    kind, *numbers = match.groups()
    major, minor = (int(number) for number in numbers if number)
    protocol = {"S": SIP, "M": MGCP}.get(kind) or (LOADER if "-" in name else SCCP)
    return Name(name, protocol, (major, minor))


def raw_image(load: str, size: int = 4096) -> bytes:
    """A raw image of `size` bytes that claims to be `load`: what an unsigned .bin is, and what a container holds."""
    filler = hashlib.sha256(load.encode()).digest() * (size // 32 + 1)
    load_id = load.encode("ascii").ljust(LOAD_ID_LENGTH, b"\0")
    return (b"\0" * LOAD_ID_AT + load_id + filler)[:size]


def container(file_name: str, payload: bytes) -> bytes:
    """A signed file. The signature field is zeros: its length is right, its content means nothing."""
    header = _START + _field(0x0C, bytes(128)) + _field(_OWN_NAME, file_name.encode("ascii") + b"\0")
    return header.ljust(HEADER, bytes([_PAD])) + payload


def manifest(load: str, loader: str) -> bytes:
    """The text inside a .loads file."""
    digits = "".join(char for char in loader if char.isdigit())[-5:].rjust(5, "0")
    return f"{loader}.sbn\n{load}.sb2\nLA_VERSION=PAS{digits}\n".encode("ascii")


def make_image(root: Path, name: str, *, mode: int = 0o644, size: int = 4096) -> list[Path]:
    """Write all files that a phone needs to load `name`, each about `size` bytes, and return their paths."""
    image = read_name(name)
    if not image or image.text != name:
        raise ValueError(f"{name} is no image's name")
    written = []
    for file_name in image.files:
        stem, _dot, extension = file_name.rpartition(".")
        if extension == "loads":
            content = container(file_name, manifest(name, str(image.loader)))
        elif extension == "bin":
            content = raw_image(stem, size)
        else:
            content = container(file_name, raw_image(stem, size))
        path = root / file_name
        path.write_bytes(content)
        path.chmod(mode)
        written.append(path)
    return written


def open_container(content: bytes, file_name: str) -> bytes:
    """The payload, if the container is whole and embeds the name it was asked for by. Raises BadImage."""
    if len(content) <= HEADER or not content.startswith(_START):
        raise BadImage("Image Authentication Failed: no signed container, or cut short")
    embedded = _own_name(content[:HEADER])
    if embedded != file_name:
        raise BadImage(f"Image Authentication Failed: signed as {embedded!r}")
    return content[HEADER:]


def load_id(raw: bytes) -> str:
    """The load a raw image claims to be. Raises BadImage when it ends before it could say so."""
    if len(raw) <= LOAD_ID_AT + LOAD_ID_LENGTH:
        raise BadImage("Image Authentication Failed: cut short")
    return raw[LOAD_ID_AT : LOAD_ID_AT + LOAD_ID_LENGTH].split(b"\0")[0].decode("latin-1")


def read_manifest(payload: bytes) -> tuple[str, str]:
    """File names of the loader (.sbn) and of the application (.sb2). Raises BadImage."""
    names = payload.decode("latin-1").split()
    loader = [name for name in names if name.endswith(".sbn")]
    application = [name for name in names if name.endswith(".sb2")]
    if not loader or not application:
        raise BadImage("Image Authentication Failed: the .loads file names no loader or no application")
    return loader[0], application[0]


def _field(tag: int, value: bytes) -> bytes:
    return struct.pack(">BH", tag, len(value)) + value


def _own_name(header: bytes) -> str:
    at = 0
    while at + 3 <= len(header) and header[at] != _PAD:
        tag, length = struct.unpack_from(">BH", header, at)
        if tag == _OWN_NAME:
            return header[at + 3 : at + 3 + length].split(b"\0")[0].decode("latin-1")
        at += 3 + length
    return ""
