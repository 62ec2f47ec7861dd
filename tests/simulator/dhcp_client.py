# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Phones that ask for addresses, each with a MAC of its own, on one device of a network namespace (RFC 2131)."""

from __future__ import annotations

import os
import socket
import struct
import time
from dataclasses import dataclass

from ansible_collections.voip.cisco79xx.tests.simulator.netns import Namespace

DISCOVER, OFFER, REQUEST, ACK, RELEASE = 1, 2, 3, 5, 7
_ALL_PROTOCOLS = 3
_COOKIE = b"\x63\x82\x53\x63"
_MESSAGE, _WANTED, _SERVER, _END = 53, 50, 54, 255
"""Options."""
_EVERY = 0.3
"""Seconds after which a phone asks again."""


@dataclass(frozen=True)
class Lease:
    address: str
    server: str


class Phones:
    """All phones that are behind a device of a namespace."""

    def __init__(self, namespace: Namespace, device: str) -> None:
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.bind((device, 0))
        self._socket.settimeout(_EVERY)

    def close(self) -> None:
        self._socket.close()

    def lease(self, mac: str, seconds: float = 15.0) -> Lease:
        """An address for that phone, from whichever server answers first. Raises TimeoutError."""
        offered = self._ask(mac, DISCOVER, OFFER, {}, seconds)
        return self._ask(mac, REQUEST, ACK, {_WANTED: offered.address, _SERVER: offered.server}, seconds)

    def release(self, mac: str, lease: Lease) -> None:
        """The phone gives its address back; no server answers that."""
        self._socket.send(_frame(mac, os.urandom(4), RELEASE, {_SERVER: lease.server}, lease.address))

    def _ask(self, mac: str, question: int, wanted: int, options: dict[int, str], seconds: float) -> Lease:
        number = os.urandom(4)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._socket.send(_frame(mac, number, question, options))
            again = time.monotonic() + _EVERY
            while time.monotonic() < again:
                try:
                    answer = _answer(self._socket.recv(65535), number, wanted)
                except TimeoutError:
                    break
                if answer:
                    return answer
        raise TimeoutError(f"{mac} got no answer within {seconds:g} s")


def _frame(mac: str, number: bytes, message: int, options: dict[int, str], own: str = "0.0.0.0") -> bytes:
    hardware = bytes.fromhex(mac)
    told = bytes((_MESSAGE, 1, message)) + b"".join(bytes((key, 4)) + socket.inet_aton(value) for key, value in options.items())
    addresses = socket.inet_aton(own) + bytes(12)
    flags = 0 if message == RELEASE else 0x8000  # answers go to all: these phones have no address yet
    bootp = struct.pack("!BBBB4sHH", 1, 1, 6, 0, number, 0, flags) + addresses + hardware.ljust(16, b"\0") + bytes(192)
    payload = (bootp + _COOKIE + told + bytes((_END,))).ljust(300, b"\0")
    udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(own), b"\xff" * 4)
    checksum = sum(struct.unpack("!10H", header))
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    header = header[:10] + struct.pack("!H", ~checksum & 0xFFFF) + header[12:]
    return b"\xff" * 6 + hardware + b"\x08\x00" + header + udp


def _answer(frame: bytes, number: bytes, wanted: int) -> Lease | None:
    """The lease in a frame, if it is that answer to that question."""
    packet = frame[14:]
    if frame[12:14] != b"\x08\x00" or len(packet) < 280 or packet[9] != 17:
        return None
    bootp = packet[(packet[0] & 15) * 4 + 8 :]
    if bootp[0] != 2 or bootp[4:8] != number or bootp[236:240] != _COOKIE:
        return None
    options: dict[int, bytes] = {}
    rest = bootp[240:]
    while rest and rest[0] != _END:
        if rest[0]:
            options[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :] if rest[0] else rest[1:]
    if options.get(_MESSAGE) != bytes((wanted,)):
        return None
    return Lease(socket.inet_ntoa(bootp[16:20]), socket.inet_ntoa(options[_SERVER]))
