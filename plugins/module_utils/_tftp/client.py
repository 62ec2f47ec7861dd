# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads files from a TFTP server as a phone does: RFC 1350, octet, blocks of 512 bytes, no options, over IPv4.

That, and that phones ask again after 1, 4 and 4 s, is from logs of real phones and texts in their firmware.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
import struct
import sys
import time
from contextlib import suppress
from typing import List, Sequence, Tuple

from .. import _files
from .._text import one_line

BLOCK = 512
NOT_FOUND = 1
"""The error that phones expect for a file that is not there."""
WAITS = (1.0, 4.0, 4.0)
LONGEST = 60.0
"""Seconds that all reading from one server may take."""
BEGIN, END = "begin", "end"
"""Marks, by which who reads a server's log knows that what an address asks for in between is for no phone."""
MARKED = ".//.//.//"
"""Before a name: it leads to the same file, and no phone asks so. It is the mark BEGIN in logs that tell of no file that is not there."""

_NOTHING = "cisco79xx-check-{}-{}"
"""The name of no file: something random, and a mark."""
_RRQ, _DATA, _ACK, _ERROR = 1, 3, 4, 5
_UNKNOWN_TRANSFER = struct.pack(">HH", _ERROR, 5) + b"unknown transfer\0"
_ENOUGH = struct.pack(">HH", _ERROR, 0) + b"enough\0"
_IP_RECVERR = 11
"""Of Linux; Python has no name for it. With it one learns at once that nobody listens."""
_SIOCGIFADDR = 0x8915
"""Of Linux: the address of an interface."""

Peer = Tuple[str, int]


class NotServed(Exception):
    """Why a file did not come: a text to put behind the name of the server."""


class Refused(NotServed):
    """The server answered with an error: its number `code`, and its own text `said`, harmless."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"says {said!r}" if said else f"sends error {code}")
        self.code = code
        self.said = said


class Silent(NotServed):
    """The server sent nothing, or nothing more after `came` bytes, that a phone would take."""

    def __init__(self, text: str, came: int = 0) -> None:
        super().__init__(text)
        self.came = came


class TftpServer:
    """One server. `waits`: seconds until it is asked again; after the last of them it is given up."""

    def __init__(self, address: str, port: int, waits: Sequence[float] = WAITS) -> None:
        """Raises Silent if there is no such address."""
        self.waits = waits
        self._end = time.monotonic() + LONGEST
        self._nothing = secrets.token_hex(4)
        try:
            self.ip = str(socket.getaddrinfo(address, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0])
        except (OSError, UnicodeError) as error:
            raise Silent(f"cannot be found ({getattr(error, 'strerror', error)})") from None
        self._peer = (self.ip, port)

    def ask_for_nothing(self, mark: str) -> bytes:
        """What it sends for a name that no server has: Refused is right. Raises NotServed."""
        return self.read(_NOTHING.format(self._nothing, mark), BLOCK)

    def read(self, name: str, most: int, blocks: int = sys.maxsize) -> bytes:
        """That file, or its first blocks; no more are asked for once it has more than `most` bytes. Raises NotServed."""
        content = bytearray()
        number = 0
        packet, peer = struct.pack(">H", _RRQ) + os.fsencode(name) + b"\0octet\0", self._peer
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
                if sys.platform == "linux":
                    connection.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                while True:
                    number += 1
                    block, peer = self._next(connection, packet, peer, number)
                    content += block
                    packet = struct.pack(">HH", _ACK, number & 0xFFFF)
                    whole = len(block) < BLOCK
                    if whole or len(content) > most or number >= blocks:
                        connection.sendto(packet if whole else _ENOUGH, peer)
                        return bytes(content)
        except OSError as error:
            why = _files.cause(error)
            raise Silent(f"does not answer{f' ({why})' if why else ''}", len(content)) from None

    def _next(self, connection: socket.socket, packet: bytes, peer: Peer, number: int) -> Tuple[bytes, Peer]:
        """Send a packet until the block of that number comes: the block, and who sends the file. Raises NotServed, OSError."""
        instead = ""
        for wait in self.waits:
            connection.sendto(packet, peer)
            until = min(time.monotonic() + wait, self._end)
            while time.monotonic() < until:
                connection.settimeout(max(until - time.monotonic(), 1e-3))
                try:
                    answer, sender = connection.recvfrom(1 << 16)
                except socket.timeout:
                    break
                kind, value = struct.unpack(">HH", answer[:4].ljust(4, b"\0"))
                if sender[0] != self.ip:
                    instead = f"{sender[0]} does instead"
                elif number > 1 and sender != peer:
                    connection.sendto(_UNKNOWN_TRANSFER, sender)  # of a request that was sent twice
                elif kind == _ERROR:
                    raise Refused(value, one_line(answer[4:].partition(b"\0")[0].decode("utf-8", "replace"), 100))
                elif kind != _DATA or len(answer) > 4 + BLOCK:
                    instead = f"what comes is no block of up to {BLOCK} bytes"
                elif value == number & 0xFFFF:
                    return answer[4:], sender
        raise TimeoutError(instead if time.monotonic() < self._end else f"not within {LONGEST:g} seconds")


def own_addresses() -> List[str]:
    """The IPv4 address of each of this host's interfaces, that of loopback last."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _number, name in socket.if_nameindex():
            with suppress(OSError):  # it has none
                found.append(socket.inet_ntoa(fcntl.ioctl(any_socket, _SIOCGIFADDR, struct.pack("256s", os.fsencode(name)))[20:24]))
    return sorted(dict.fromkeys([*found, "127.0.0.1"]), key=lambda address: address.startswith("127."))


def mark_of(file: str) -> str:
    """The mark in the name of a file that was asked for, or an empty text."""
    found = re.search(_NOTHING.format("[0-9a-f]+", f"({BEGIN}|{END})$"), file)
    return found.group(1) if found else BEGIN if MARKED in file else ""
