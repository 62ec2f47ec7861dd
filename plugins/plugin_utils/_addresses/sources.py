# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where addresses come from: files and commands, read and recognised."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from ansible_collections.voip.cisco79xx.plugins.module_utils import _files
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import clean, first_some, one_line
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.capture import GZIP, is_capture
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.events import Stats
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.reader import Reader
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses import asterisk, dhcpd, lines
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.command import CommandError, output
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sighting import Sighting, Source, usable

MOST_BYTES = 64 << 20
"""Of a file or of what a command writes, unless it is a TFTP log in a file, which is read line by line."""
LOG = "tftp_log"
KINDS: dict[str, tuple[Callable[[str], object], Callable[[Source], Iterator[Sighting]]]] = {
    "dhcpd": (dhcpd.is_dhcpd, dhcpd.read_dhcpd),
    "kea": (lines.is_kea, lines.read_kea),
    "asterisk": (asterisk.is_asterisk, asterisk.read_asterisk),
    "table": (lines.columns, lines.read_table),
    "lines": (bool, lines.read_lines),
}
"""How each kind of text is known, in this order, and read. The last rule takes whatever no other one knows."""

_LOGGED = re.compile(rb"tftp|RRQ|\.cnf", re.IGNORECASE)
_MOST_LOOKS = 1000
"""Lines with such a word that are looked at, until one is a TFTP server's."""


class SourceError(Exception):
    """Why a source cannot be used: thing, cause, what to do."""


@dataclass(frozen=True)
class Place:
    """A file or a command with addresses, and its kind, if it was told. `folder`: where the command runs; `timeout`: its seconds."""

    file: str | None = None
    command: tuple[str, ...] = ()
    kind: str | None = None
    folder: str = "."
    timeout: float = 30.0

    @property
    def name(self) -> str:
        """For people."""
        return one_line(self.file or f"the command {os.path.basename(self.command[0])}", 200)


def read(
    place: Place, macs: Collection[str], names: Callable[[], Mapping[str, str]], now: float, warn: Callable[[str], None]
) -> list[Sighting]:
    """All that a source tells of any MAC, with a time each. What it has of these phones and cannot be read is told to `warn`.

    `names`: as of `Source`. Raises SourceError.
    """
    source, sightings = _read(place, macs, names, now)
    if source.misread:
        told = [f"line {line} {why}" for line, why in source.misread]
        warn(clean(f"{place.name}: {'; '.join(first_some(told, 3))}", 1000))
    if macs and not any(one.mac in macs for one in sightings):
        warn(f"{place.name} has no address of any of the phones: see that it is the right one, and of the phones' network")
    return [one._replace(time=source.time if one.time is None else min(max(one.time, 0.0), source.time)) for one in sightings]


def _read(place: Place, macs: Collection[str], names: Callable[[], Mapping[str, str]], now: float) -> tuple[Source, list[Sighting]]:
    packed = _packed(place.file) if place.file and place.kind != LOG else ""
    if packed and place.kind:
        raise SourceError(f"{place.name} is {packed}")
    log = packed or place.kind == LOG
    data, written, size = (b"", now, 0) if log and place.file else _data(place, now)
    source = Source(place.name, "", written, macs, names)
    if log or (not place.kind and _is_log(data, written)):
        return source, list(_of_log(place, [place.file] if place.file else data.split(b"\n"), now))
    if size > len(data):
        advice = "give a command that writes what concerns the phones, such as [tail, -n, '100000', FILE]"
        raise SourceError(f"{place.name} has {size >> 20} MiB, and {MOST_BYTES >> 20} are read at most: {advice}")
    source.text = _text(place, data)
    kind = place.kind or next(kind for kind, (knows, _reader) in KINDS.items() if knows(source.text) or kind == "lines")
    return source, list(KINDS[kind][1](source))


def _data(place: Place, now: float) -> tuple[bytes, float, int]:
    """What the source says, or the first part of it, when it was written, and how many bytes it has."""
    if place.command:
        try:
            data = output(place.command, place.folder, place.timeout, MOST_BYTES)
        except CommandError as error:
            raise SourceError(f"{place.name} {error}") from None
        return data, now, len(data)
    try:
        head, status = _files.read(os.path.realpath(place.file or ""), MOST_BYTES, head=True)
    except (OSError, ValueError) as error:
        raise SourceError(f"{place.name} cannot be read ({_cause(error)}): name a file that {_files.me()} may read, or a command") from None
    return head or b"", max(min(status.st_mtime, now), 0.0), status.st_size


def _text(place: Place, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise SourceError(f"{place.name}:{line} has a byte that no text has (NUL): name a text, or a TFTP log with kind: {LOG}")
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _packed(path: str) -> str:
    """What a file is that only the reader of logs can open, and what to do where it is said to be no log; else nothing."""
    try:
        with open(_files.open_file(os.path.realpath(path))[0], "rb") as file:
            if file.read(len(GZIP)) == GZIP:
                return "packed: unpack it"
        return "a capture of packets: leave its kind out, as it is read as the log of a TFTP server" if is_capture(path) else ""
    except (OSError, ValueError):
        return ""


def _is_log(data: bytes, written: float) -> bool:
    reader = Reader(written, Stats())
    for word in islice(_LOGGED.finditer(data), _MOST_LOOKS):
        end = data.find(b"\n", word.end())
        if reader.find_server(data[data.rfind(b"\n", 0, word.start()) + 1 : end if end >= 0 else None].rstrip(b"\r")):
            return True
    return False


def _of_log(place: Place, lines: list[str] | list[bytes], now: float) -> Iterator[Sighting]:
    """Where each phone asked for files last, as the collection's reader of TFTP logs tells it."""
    try:
        found = diagnose(lines, now=now)["phones"].values()
        written = min(os.stat(place.file).st_mtime, now) if place.file else now
    except (OSError, ValueError) as error:
        raise SourceError(f"{place.name} cannot be read ({_cause(error)}): name a log of a TFTP server") from None
    for phone in found:
        if phone["mac"] and usable(phone["address"] or ""):
            yield Sighting(0, phone["mac"], phone["address"], min(phone["last_seen"] or written, now))


def _cause(error: Exception) -> str:
    return _files.cause(error) if isinstance(error, OSError) else str(error)
