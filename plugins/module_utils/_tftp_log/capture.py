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

from .events import ACKED, MOST, REQUEST, SERVED, UNACKED, Event, Stats, error_kind

GZIP = b"\x1f\x8b"
"""How a gzipped file begins."""
_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\xc3\xd4": (">", 1e6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e9),
    b"\xa1\xb2\x3c\x4d": (">", 1e9),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_LONGEST_PACKET = 1 << 18
_ETHERNET, _COOKED, _COOKED_2, _NULL, _LOOP = 1, 113, 276, 0, 108
_RAW = (12, 14, 101, 228, 229)
_TFTP = 69
_RRQ, _DATA, _ACK, _ERROR = 1, 3, 4, 5
_BLOCK_SIZE = 512


class _Packet(NamedTuple):
    time: float
    source: Tuple[str, int]
    target: Tuple[str, int]
    data: bytes


class _Transfer:
    def __init__(self, file: str) -> None:
        self.file = file
        self.data = 0
        self.time = 0.0
        self.acked = False
        self.last = -1


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


def read_capture(path: str, stats: Optional[Stats] = None) -> Iterator[Event]:
    """What a pcap or pcapng capture of the TFTP port shows. Raises OSError.

    Read here: the two formats are small, and a library would have to be on every TFTP host. Packets count as lines.
    """
    stats = stats or Stats()
    stats.add_server("capture")
    transfers: Dict[Tuple[str, int], _Transfer] = {}
    for packet in _packets(path, stats):
        yield from _of_packet(packet, transfers)
    for (address, port), transfer in transfers.items():
        yield from _unacked(address, port, transfer)


def _unacked(address: str, port: int, transfer: _Transfer) -> Iterator[Event]:
    if transfer.data and not transfer.acked:
        text = f"{transfer.data} data packets of {transfer.file} to {address}:{port}, none acknowledged"
        yield Event(transfer.time, UNACKED, address, port, transfer.file, text)


def _of_packet(packet: _Packet, transfers: Dict[Tuple[str, int], _Transfer]) -> Iterator[Event]:
    if len(packet.data) < 4:
        return
    code, number = struct.unpack(">HH", packet.data[:4])
    if code == _RRQ and packet.target[1] == _TFTP:
        file = packet.data[2:].split(b"\0")[0].decode("utf-8", "replace")
        address, port = packet.source
        # The same request once more says nothing of the answer to the first.
        before = transfers.get(packet.source)
        if before and before.file != file:
            yield from _unacked(address, port, before)
            before = None
        if not before:
            if len(transfers) >= MOST:
                transfers.clear()
            transfers[packet.source] = _Transfer(file)
        yield Event(packet.time, REQUEST, address, port, file, f"read request for {file} from {address}:{port}")
        return
    (address, port), transfer = packet.target, transfers.get(packet.target)
    if transfer and code in (_DATA, _ERROR):
        transfer.time = packet.time
        if code == _DATA:
            transfer.data += 1
            if len(packet.data) < _BLOCK_SIZE + 4:
                transfer.last = number
            return
        text = packet.data[4:].split(b"\0")[0].decode("utf-8", "replace")
        shown = f"error {number} ({text}) for {transfer.file} to {address}:{port}"
        yield Event(packet.time, error_kind(number, text), address, port, transfer.file, shown)
        return
    (address, port), transfer = packet.source, transfers.get(packet.source)
    if transfer and code == _ACK and transfer.data:
        if not transfer.acked:
            transfer.acked = True
            yield Event(packet.time, ACKED, address, port, transfer.file, f"{transfer.file} acknowledged by {address}:{port}")
        if number == transfer.last:
            del transfers[packet.source]
            yield Event(packet.time, SERVED, address, port, transfer.file, f"all of {transfer.file} acknowledged by {address}:{port}")


def _packets(path: str, stats: Stats) -> Iterator[_Packet]:
    with open(path, "rb") as plain:
        packed = plain.read(2) == GZIP
        plain.seek(0)
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=plain)) if packed else plain
        try:
            magic = file.read(4)
            frames = _classic(file, *_CLASSIC[magic]) if magic in _CLASSIC else _pcapng(file) if magic == _SECTION else iter(())
            for when, link, frame in frames:
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
    order = "<"
    interfaces: List[Tuple[int, float]] = []
    kind = _SECTION
    while len(kind) == 4:
        if kind == _SECTION:
            size, magic = file.read(4), file.read(4)
            order = "<" if magic == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
            length = struct.unpack(order + "I", size)[0]
            body = file.read(length - 12) if 12 <= length <= _LONGEST_PACKET else b""
            read = 12
        else:
            length = struct.unpack(order + "I", file.read(4))[0]
            body = file.read(length - 8) if 12 <= length <= _LONGEST_PACKET else b""
            read = 8
        if len(body) != length - read:
            return
        number = struct.unpack(order + "I", kind)[0]
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
    if link == _ETHERNET:
        start = 14
        while frame[start - 2 : start] in (b"\x81\x00", b"\x88\xa8"):
            start += 4
    elif link in (_COOKED, _COOKED_2):
        start = 16 if link == _COOKED else 20
    elif link in (_NULL, _LOOP):
        start = 4
    elif link in _RAW:
        start = 0
    else:
        return None
    packet = frame[start:]
    if len(packet) < 28:
        return None
    if packet[0] >> 4 == 4 and packet[9] == 17 and not (packet[6] & 0x1F or packet[7]):
        source, target = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
        end = struct.unpack(">H", packet[2:4])[0]
        rest = packet[(packet[0] & 15) * 4 : end or None]
    elif packet[0] >> 4 == 6 and packet[6] == 17 and len(packet) >= 48:
        source, target = (_ipv6(packet[at : at + 16]) for at in (8, 24))
        rest = packet[40 : 40 + struct.unpack(">H", packet[4:6])[0]]
    else:
        return None
    if len(rest) < 8:
        return None
    ports = struct.unpack(">2H", rest[:4])
    return _Packet(when, (source, ports[0]), (target, ports[1]), rest[8:])


def _ipv6(raw: bytes) -> str:
    return str(ipaddress.IPv6Address(raw))
