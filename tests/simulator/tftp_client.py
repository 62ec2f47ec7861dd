# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TFTP client of a phone: RFC 1350, octet, no options, 512-byte blocks in lockstep.

The retry pattern is from the log of nine real phones: a read request at 0, 1, 5 and 9 s, then the same from
the next source port, three ports in all; 12 sends in 39 s.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

RRQ, DATA, ACK, ERROR = 1, 3, 4, 5
NOT_FOUND, UNKNOWN_ID = 1, 5
BLOCK = 512
PORTS = range(49800, 52700)
PORTS_PER_FILE = 3
WAITS = (1.0, 4.0, 4.0, 4.0)
LARGEST = 32 * 1024 * 1024
# Once a server has answered, a lost block is asked for again in real time: that the phones run fast does not make servers fast.
BLOCK_WAIT, BLOCK_TRIES = 2.0, 4

Address = tuple[str, int]


@dataclass(frozen=True)
class Fetch:
    """How one file fared: `result` is "ok", "not_found", "timed_out" or "error"; `sends` counts read requests."""

    file: str
    result: str
    sends: int
    data: bytes | None = None
    message: str = ""


class _Socket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packets: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.packets.put_nowait((data, (addr[0], addr[1])))

    def send(self, packet: bytes, to: Address) -> None:
        assert self.transport is not None
        self.transport.sendto(packet, to)

    async def receive(self, until: float) -> tuple[bytes, Address] | None:
        """The next packet, or None at `until` (time.monotonic)."""
        try:
            return await asyncio.wait_for(self.packets.get(), max(0.0, until - time.monotonic()))
        except TimeoutError:
            return None


class Client:
    """One phone's client. `ports` counts its source ports, one more per file and per retry."""

    def __init__(self, source: str, server: Address, ports: Iterator[int], scale: float = 1.0, firewall: Callable[[], bool] = bool) -> None:
        self.source = source
        self.server = server
        self.ports = ports
        self.scale = scale
        self.firewall = firewall

    async def fetch(self, file: str) -> Fetch:
        """Fetch one file, however long that takes."""
        sends = 0
        for _port in range(PORTS_PER_FILE):
            socket = await self._open(next(self.ports))
            try:
                for wait in WAITS:
                    socket.send(struct.pack(">H", RRQ) + file.encode("latin-1") + b"\0octet\0", self.server)
                    sends += 1
                    answer = await self._answer(socket, time.monotonic() + wait * self.scale)
                    if answer:
                        return await self._transfer(socket, file, sends, *answer)
            finally:
                if socket.transport:
                    socket.transport.close()
        return Fetch(file, "timed_out", sends)

    async def _open(self, port: int) -> _Socket:
        loop = asyncio.get_running_loop()
        try:
            return (await loop.create_datagram_endpoint(_Socket, (self.source, port)))[1]
        except OSError:
            return (await loop.create_datagram_endpoint(_Socket, (self.source, 0)))[1]

    async def _answer(self, socket: _Socket, until: float) -> tuple[bytes, Address] | None:
        """The first packet from the server that the firewall, if one is in the way, lets through."""
        while packet := await socket.receive(until):
            data, sender = packet
            eaten = self.firewall() and sender[1] != self.server[1]
            if sender[0] == self.server[0] and len(data) >= 4 and not eaten:
                return packet
        return None

    async def _transfer(self, socket: _Socket, file: str, sends: int, packet: bytes, sender: Address) -> Fetch:
        content = bytearray()
        acknowledged = 0
        while True:
            operation, number = struct.unpack_from(">HH", packet)
            if operation == ERROR:
                message = packet[4:].split(b"\0")[0].decode("latin-1")
                return Fetch(file, "not_found" if number == NOT_FOUND else "error", sends, None, message)
            if operation == DATA and number == (acknowledged + 1) & 0xFFFF:
                content += packet[4:]
                acknowledged += 1
                self._acknowledge(socket, acknowledged, sender)
                if len(packet) < 4 + BLOCK:
                    return Fetch(file, "ok", sends, bytes(content))
                if len(content) > LARGEST:
                    return Fetch(file, "error", sends, None, "file too large")
            elif operation == DATA:
                self._acknowledge(socket, acknowledged, sender)
            following = await self._next_block(socket, acknowledged, sender)
            if following is None:
                return Fetch(file, "timed_out", sends)
            packet = following

    async def _next_block(self, socket: _Socket, acknowledged: int, server: Address) -> bytes | None:
        for _try in range(BLOCK_TRIES):
            until = time.monotonic() + BLOCK_WAIT
            while packet := await socket.receive(until):
                data, sender = packet
                if sender == server and len(data) >= 4:
                    return data
                if sender != server:
                    # A read request sent twice has two answers: the second transfer is told to go away, as RFC 1350 wants.
                    socket.send(struct.pack(">HH", ERROR, UNKNOWN_ID) + b"unknown transfer ID\0", sender)
            self._acknowledge(socket, acknowledged, server)
        return None

    @staticmethod
    def _acknowledge(socket: _Socket, block: int, server: Address) -> None:
        socket.send(struct.pack(">HH", ACK, block & 0xFFFF), server)


def source_ports(seed: int) -> Iterator[int]:
    """Source ports as seen in the logs, for ever: 49,800 to 52,699, one up per file."""
    port = seed % len(PORTS)
    while True:
        yield PORTS[port]
        port = (port + 1) % len(PORTS)
