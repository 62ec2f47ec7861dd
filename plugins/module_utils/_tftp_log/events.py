# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one line of a log, or one packet of a capture, says: an event."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, NamedTuple, Optional

REQUEST, SERVED, MISSING, DENIED, FAILED = "request", "served", "missing", "denied", "failed"
UNSURE = "unsure"
"""The server says it is done, which some say of failed transfers too."""
SERVER_START = "server_start"
ACKED, UNACKED = "acked", "data_unacked"
"""Of captures: the phone acknowledged data, or never did."""
ANSWERS = (SERVED, MISSING, DENIED, FAILED, UNACKED)
"""What tells that the log holds answers of the server."""
CONNECTION = "connection"
"""Tftpd32 names the address in this, and the file in the next message."""
USELESS = ""
"""A server's message that says nothing of use."""

MOST = 1 << 17
"""Messages, stamps, processes or transfers that are remembered at once."""


class Meaning(NamedTuple):
    """What a message means, whenever it is logged. `address` and `file` may be empty; `line` is the message itself.

    `asks`: an answer that is the only line about its request, and logged when that comes.
    """

    kind: str
    address: str
    port: Optional[int]
    file: str
    line: str
    asks: bool = False


class Event(NamedTuple):
    """What was logged, and when, in seconds since 1970; None where the line has no time."""

    time: Optional[float]
    meaning: Meaning


@dataclass
class Stats:
    """What was read: lines (or packets), those of them that no TFTP server wrote, and the servers that wrote the others."""

    lines: int = 0
    unknown: int = 0
    servers: Dict[str, None] = field(default_factory=dict)
    """Each once, in the order in which they were found."""
    strange: int = 0
    """Lines in a wording that is not known and that name files which only these phones ask for; `sample`: one of them."""
    sample: bytes = b""

    @property
    def server(self) -> str:
        return ", ".join(self.servers)

    def told(self) -> Dict[str, Any]:
        """As `diagnose` returns it."""
        return {part: getattr(self, part) for part in ("lines", "unknown", "server", "strange", "sample")}


def remember(cache: Dict[Any, Any], key: object, value: object, most: int = MOST) -> None:
    """Keep something in a dict that is emptied when it gets too big."""
    if len(cache) >= most:
        cache.clear()
    cache[key] = value


def basename(file: str) -> str:
    """The name without folders: with tftp_cfg_dir "./" phones ask for ./SIP<MAC>.cnf, and some servers log absolute paths."""
    return file.replace("\\", "/").rsplit("/", 1)[-1]


def error_kind(code: int, text: str) -> str:
    """The kind of a TFTP error, by its number and text: some servers send 0 and tell in the text."""
    if code == 1 or re.search("not found|no such file|enotfound", text, re.IGNORECASE):
        return MISSING
    return DENIED if code == 2 or re.search("denied|eaccess|access violation|only absolute", text, re.IGNORECASE) else FAILED
