# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What captures of the TFTP port show, as events."""

from __future__ import annotations

import gzip
import ipaddress
import struct
import zlib
from typing import IO, Dict, Iterator, List, NamedTuple, Optional, Tuple, cast

from .events import ACKED, MOST, REQUEST, SERVED, UNACKED, Event, Meaning, Stats, error_kind

GZIP = b"\x1f\x8b"
"""How a gzipped file begins."""
_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\xc3\xd4": (">", 1e6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e9),
    b"\xa1\xb2\x3c\x4d": (">", 1e9),
}
"""By how a pcap file begins: its byte order, and its ticks of a second."""
_SECTION = b"\x0a\x0d\x0d\x0a"
_LONGEST_PACKET = 1 << 18
_ETHERNET = 1
_HEADERS = {_ETHERNET: 14, 113: 16, 276: 20, 0: 4, 108: 4, 12: 0, 14: 0, 101: 0, 228: 0, 229: 0}
"""Bytes before the IP header, by type of link: Ethernet, Linux cooked, BSD loopback, raw IP."""
_VLAN = (b"\x81\x00", b"\x88\xa8")
_UDP = 17
_TFTP = 69
_RRQ, _DATA, _ACK, _ERROR = 1, 3, 4, 5
_BLOCK_SIZE = 512


class _Packet(NamedTuple):
    time: float
    source: Tuple[str, int]
    target: Tuple[str, int]
    data: bytes


class _Transfer:
    """What one port of a phone asked for, and how much of it passed."""

    def __init__(self, phone: Tuple[str, int], file: str) -> None:
        self.phone = phone
        self.place = f"{phone[0]}:{phone[1]}"
        self.file = file
        self.data = 0
        """Packets."""
        self.time = 0.0
        """Of the last one."""
        self.acked = False
        self.last = -1
        """The number of the last block."""

    def event(self, when: float, kind: str, line: str) -> Event:
        return Event(when, Meaning(kind, *self.phone, self.file, line))

    def unacked(self) -> Iterator[Event]:
        if self.data and not self.acked:
            yield self.event(self.time, UNACKED, f"{self.data} data packets of {self.file} to {self.place}, none acknowledged")


def is_capture(path: str) -> bool:
    """Whether a file is a pcap or pcapng capture. Raises OSError."""
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic[:2] == GZIP:
            file.seek(0)
            try:
                magic = gzip.GzipFile(fileobj=file).read(4)
            except (EOFError, OSError, zlib.error):
                return False
    return magic in _CLASSIC or magic == _SECTION


def read_capture(path: str, stats: Stats) -> Iterator[Event]:
    """What a pcap or pcapng capture of the TFTP port shows. Raises OSError.

    Read here: the two formats are small, and a library would have to be on every TFTP host. Packets count as lines.
    """
    stats.servers["capture"] = None
    transfers: Dict[Tuple[str, int], _Transfer] = {}
    for packet in _packets(path, stats):
        yield from _of_packet(packet, transfers)
    for transfer in transfers.values():
        yield from transfer.unacked()


def _of_packet(packet: _Packet, transfers: Dict[Tuple[str, int], _Transfer]) -> Iterator[Event]:
    if len(packet.data) < 4:
        return
    code, number = struct.unpack(">HH", packet.data[:4])
    if code == _RRQ and packet.target[1] == _TFTP:
        file = _text(packet.data[2:])
        transfer = transfers.get(packet.source)
        # The same request once more says nothing of the answer to the first.
        if not transfer or transfer.file != file:
            if transfer:
                yield from transfer.unacked()
            if len(transfers) >= MOST:
                transfers.clear()
            transfer = transfers[packet.source] = _Transfer(packet.source, file)
        yield transfer.event(packet.time, REQUEST, f"read request for {file} from {transfer.place}")
        return
    transfer = transfers.get(packet.target)
    if transfer and code == _DATA:
        transfer.time = packet.time
        transfer.data += 1
        if len(packet.data) < _BLOCK_SIZE + 4:
            transfer.last = number
    elif transfer and code == _ERROR:
        transfer.time = packet.time
        text = _text(packet.data[4:])
        yield transfer.event(packet.time, error_kind(number, text), f"error {number} ({text}) for {transfer.file} to {transfer.place}")
    transfer = transfers.get(packet.source)
    if transfer and transfer.data and code == _ACK:
        if not transfer.acked:
            transfer.acked = True
            yield transfer.event(packet.time, ACKED, f"{transfer.file} acknowledged by {transfer.place}")
        if number == transfer.last:
            del transfers[packet.source]
            yield transfer.event(packet.time, SERVED, f"all of {transfer.file} acknowledged by {transfer.place}")


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "replace")


def _packets(path: str, stats: Stats) -> Iterator[_Packet]:
    with open(path, "rb") as plain:
        packed = plain.read(2) == GZIP
        plain.seek(0)
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=plain)) if packed else plain
        try:
            magic = file.read(4)
            for when, link, frame in _classic(file, *_CLASSIC[magic]) if magic in _CLASSIC else _pcapng(file):
                stats.lines += 1
                packet = _udp(when, link, frame)
                if packet:
                    yield packet
                else:
                    stats.unknown += 1
        except (EOFError, struct.error, zlib.error):
            return  # cut off, as a capture that is still running is


def _classic(file: IO[bytes], order: str, unit: float) -> Iterator[Tuple[float, int, bytes]]:
    link = struct.unpack(order + "16xI", file.read(20))[0] & 0xFFFF
    while True:
        seconds, fraction, length, _whole = struct.unpack(order + "4I", file.read(16))
        if length > _LONGEST_PACKET:
            return
        yield seconds + fraction / unit, link, file.read(length)


def _pcapng(file: IO[bytes]) -> Iterator[Tuple[float, int, bytes]]:
    """The packets of a file of which the first four bytes, the type of its first section, were read."""
    order, kind = "<", _SECTION
    interfaces: List[Tuple[int, float]] = []
    while True:
        size, body = file.read(4), file.read(4)  # no block is shorter than twelve bytes
        if kind == _SECTION:
            order, interfaces = "<" if body == b"\x4d\x3c\x2b\x1a" else ">", []
        number, length = struct.unpack(order + "2I", kind + size)
        if not 12 <= length <= _LONGEST_PACKET:
            return
        body += file.read(length - 12)
        if len(body) != length - 8:
            return
        if number == 1 and len(interfaces) < 1000:
            interfaces.append((struct.unpack(order + "H", body[:2])[0], _resolution(body[8:-4], order)))
        elif number == 6:
            which, high, low, captured = struct.unpack(order + "4I", body[:16])
            if which < len(interfaces):
                link, unit = interfaces[which]
                yield ((high << 32) | low) / unit, link, body[20 : 20 + captured]
        kind = file.read(4)


def _resolution(options: bytes, order: str) -> float:
    """Ticks of a second, from if_tsresol."""
    while len(options) >= 4:
        code, length = struct.unpack(order + "2H", options[:4])
        if code == 0:
            break
        if code == 9 and length == 1 and len(options) > 4:
            value = options[4]
            return float(2 ** (value & 127)) if value & 128 else float(10 ** min(value, 18))
        options = options[4 + (length + 3) // 4 * 4 :]
    return 1e6


def _udp(when: float, link: int, frame: bytes) -> Optional[_Packet]:
    start = _HEADERS.get(link, len(frame))
    while link == _ETHERNET and frame[start - 2 : start] in _VLAN:
        start += 4
    packet = frame[start:]
    if len(packet) < 28:
        return None
    if packet[0] >> 4 == 4 and packet[9] == _UDP and not (packet[6] & 0x1F or packet[7]):
        source, target = packet[12:16], packet[16:20]
        end = struct.unpack(">H", packet[2:4])[0]
        rest = packet[(packet[0] & 15) * 4 : end or None]
    elif packet[0] >> 4 == 6 and packet[6] == _UDP and len(packet) >= 48:
        source, target = packet[8:24], packet[24:40]
        rest = packet[40 : 40 + struct.unpack(">H", packet[4:6])[0]]
    else:
        return None
    if len(rest) < 8:
        return None
    ports = struct.unpack(">2H", rest[:4])
    addresses = [str(ipaddress.ip_address(one)) for one in (source, target)]
    return _Packet(when, (addresses[0], ports[0]), (addresses[1], ports[1]), rest[8:])
