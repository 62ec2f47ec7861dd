# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cisco's signed container (.sbn, .sb2, .loads), the manifest in a .loads, and the load id in a raw image.

Layout, as seen in published files of 7.5 and 8.12: fields `tag(1) length(2, big endian) value`, first tag 1 (format), then tag 2
with the length of the whole header (404); tag 0x0e holds the file's own name, NUL-terminated; tag 0x0d pads; the payload follows
the header. The payload of .sbn and .sb2 is the raw .bin, with its load id as NUL-padded ASCII at offset 0x20. The payload of a
.loads is text: one file name a line, then `KEY=VALUE`. Whether 5.x and 6.x keep to all of it is not known, so a header
that holds more or less than this passes as long as its length is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Tuple

from .._text import plain
from .image import Image, extension, of_file, recognise

_TAG_PAD = 0x0D
_TAG_FILE_NAME = 0x0E
LOAD_ID_OFFSET = 0x20
LOAD_ID_LENGTH = 0x20
HEAD = 0x10000 + LOAD_ID_OFFSET + LOAD_ID_LENGTH
"""How many bytes from the start of a file are enough for every function here: a header's length is a 16-bit number."""

_START = re.compile(rb"\x01\x00\x02..\x02\x00\x02(..)", re.DOTALL)
_FILE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


class ContainerError(ValueError):
    """Bytes that are no whole signed container or no manifest. The message is a cause to put behind a file's name: "is …"."""


class RenamedError(ContainerError):
    """A file that was signed under another name, which is `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"was renamed: it is {plain(name[:100])} inside")
        self.name = name


@dataclass(frozen=True)
class Container:
    """A signed file. `name` is the name it was signed under, None where the header holds none."""

    name: Optional[str]
    header_length: int
    payload_length: int


def is_signed(head: bytes) -> bool:
    """Whether a file that starts so is a signed container."""
    return bool(_START.match(head))


def parse(head: bytes, size: int) -> Container:
    """The container that starts with `head` and is `size` bytes long. Raises ContainerError."""
    start = _START.match(head)
    if not start:
        raise ContainerError("is not one of Cisco's signed files")
    length = int.from_bytes(start.group(1), "big")
    if length < start.end():
        raise ContainerError(f"is damaged (its header claims {length} bytes)")
    if size < length:
        raise ContainerError(f"is truncated ({size} bytes, its header alone has {length})")
    if size == length:
        raise ContainerError("is truncated (nothing follows its header)")
    return Container(_own_name(head[start.end() : length]), length, size - length)


def unwrap(name: str, head: bytes, size: int) -> Tuple[Optional[Container], bytes]:
    """The container in the file of that name, and its payload as far as `head` goes; None and all of it for a raw image.

    Raises ContainerError.
    """
    if not size:
        raise ContainerError("is empty")
    if extension(name) == ".bin" and not is_signed(head):
        return None, head
    signed = parse(head, size)
    if signed.name and signed.name != name:
        raise RenamedError(signed.name)
    return signed, head[signed.header_length :]


def check_load_id(name: str, payload: bytes) -> None:
    """Raises ContainerError if the raw image in the file of that name says that it is another one."""
    inside, expected = load_id(payload), of_file(name)
    if inside and expected and not inside.same_as(expected):
        raise ContainerError(f"holds another image, {inside}")


def load_id(payload: bytes) -> Optional[Image]:
    """The image that a raw image says it is, or None where it says nothing that looks like one."""
    text = payload[LOAD_ID_OFFSET : LOAD_ID_OFFSET + LOAD_ID_LENGTH].split(b"\0")[0]
    return recognise(text.decode("ascii")) if text.isascii() else None


def manifest(payload: bytes) -> Tuple[str, ...]:
    """The files that a .loads names. Raises ContainerError."""
    names = []
    for line in payload.replace(b"\0", b"\n").splitlines():
        text = line.decode("ascii", "replace").strip()
        if not text or "=" in text:
            continue
        if not _FILE_NAME.fullmatch(text):
            raise ContainerError(f"is damaged (its list of files holds {text[:40]!a})")
        names.append(text)
    if not names:
        raise ContainerError("is damaged (its list of files is empty)")
    return tuple(names)


def _own_name(fields: bytes) -> Optional[str]:
    position = 0
    while position + 3 <= len(fields):
        tag = fields[position]
        end = position + 3 + int.from_bytes(fields[position + 1 : position + 3], "big")
        if end <= len(fields) and tag == _TAG_FILE_NAME:
            return fields[position + 3 : end].split(b"\0")[0].decode("ascii", "backslashreplace")
        if end <= len(fields) and tag:
            position = end
        elif tag in (_TAG_PAD, 0):
            position += 1  # padding of single bytes: no length behind it
        else:
            return None
    return None
