# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether phones get from the TFTP server what is in its root: it is asked as they ask, and what comes is held against the disk.

That a loader goes on only after "File not found", and stops at any other error, is Cisco's bug CSCee31047.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from .._phone.image import Image
from .._phone.view import OS79XX, SIP_DEFAULT
from .._text import count, list_some
from .._tftp.client import BEGIN, BLOCK, END, MARKED, NOT_FOUND, WAITS, NotServed, Refused, Silent, TftpServer, own_addresses
from .read import Root, Unusable

LARGEST = 0xFFFF * BLOCK
"""Bytes of a file whose blocks a phone can count."""
_BRIEF = (2.0,)
"""Instead of WAITS, for an address of this host at which there may be no server."""

Disk = Dict[str, Optional[bytes]]
"""What the files that are asked for hold; None for one that is not there."""
Fault = Tuple[Optional[str], str]
"""The file that it concerns, or None for the server; and a text to be put behind its name."""


class Served(NamedTuple):
    """What came of it. `address`: where a server answered, or None. `asked`: the files that are on the disk. `same`: bytes of each of them
    that came as it is there."""

    address: Optional[str]
    asked: List[str]
    same: Dict[str, int]
    faults: List[Fault]


class Question(NamedTuple):
    """What to ask: at that address, or else at those of this host; for the files of that image, or else of the images that files name."""

    address: Optional[str]
    port: int
    image: Optional[Image]

    def ask(self, root: Root, named: Iterable[Image]) -> Served:
        """Read from the TFTP server what is in the root."""
        disk: Disk = {}
        for name in (SIP_DEFAULT, OS79XX, *(file for image in ([self.image] if self.image else named) for file in image.files)):
            with suppress(Unusable):  # that is told elsewhere, and so is an image that is not whole
                if name in root.entries:
                    disk[name] = root.load(name, LARGEST).data
                elif name in (SIP_DEFAULT, OS79XX):
                    disk[name] = None
        addresses = [self.address] if self.address else own_addresses()
        asked = [name for name, data in disk.items() if data is not None]
        reasons: Dict[str, None] = {}
        for address in addresses:
            try:
                server = TftpServer(address, self.port, WAITS if self.address else _BRIEF)
                missing = _missing(server, disk)
            except Silent as error:
                reasons[str(error)] = None
                continue
            server.waits = WAITS
            same, faults = _Check(root, server, disk, f"the TFTP server at {address} port {self.port}").go(missing)
            if not self.address and address.startswith("127.") and len(addresses) > 1:
                faults.append(
                    (None, f"the TFTP server answers at {address} only, where no phone reaches it: let it listen at {addresses[0]}")
                )
            return Served(server.ip, asked, same, faults)
        where = f"the TFTP server at {' or '.join(addresses)} port {self.port} {' or '.join(reasons)}"
        remedy = "start it, or name where it listens with cisco79xx_tftp_address and cisco79xx_tftp_port"
        return Served(None, asked, {}, [(None, f"{where}: {remedy}")])


def _missing(server: TftpServer, disk: Disk) -> str:
    """What is wrong with its answer to a name that is not there, or nothing. Raises Silent if it answers nothing at all."""
    right = "phones need 'File not found' for it, and stop at anything else (Cisco bug CSCee31047)"
    try:
        server.ask_for_nothing(BEGIN)
    except Refused as error:
        return "" if error.code == NOT_FOUND else f"{error} for a name that is not there: {right}"
    except Silent:
        with suppress(Refused):
            server.read(next((name for name, data in disk.items() if data is not None), SIP_DEFAULT), 0, 1)
        return f"does not answer for a name that is not there: {right}"
    return f"has a file for a name that is not there: {right}"


class _Check:
    """Reads all files from a server that answers. `at`: what to call it."""

    def __init__(self, root: Root, server: TftpServer, disk: Disk, at: str) -> None:
        self._root = root
        self._server = server
        self._disk = disk
        self._at = at
        self._faults: List[Fault] = []

    def go(self, missing: str) -> Tuple[Dict[str, int], List[Fault]]:
        """What came as it is on the disk, and the faults, `missing` (as of `_missing`) among them."""
        same: Dict[str, int] = {}
        refused: Dict[str, Refused] = {}
        sizes = {name: len(data) for name, data in self._disk.items() if data is not None}
        if sizes:
            with suppress(NotServed):
                self._server.read(MARKED + min(sizes, key=lambda name: sizes[name]), LARGEST)
        for name, data in self._disk.items():
            try:
                came = self._server.read(name, len(data or b""))
            except Refused as error:
                if data is not None:
                    refused[name] = error
            except Silent as error:
                text = f"stops after {error.came} bytes from {self._at}, which {error}: look for a firewall, and into the server's log"
                self._faults.append((name, text))
                break  # each of the others would take as long
            else:
                if came == data:
                    same[name] = len(came)
                else:
                    self._faults.append((name, self._difference(data, came)))
        else:  # what was given up may be logged later
            self._server.waits = _BRIEF
            with suppress(NotServed):
                self._server.ask_for_nothing(END)
        none = bool(refused) and len(refused) == len(sizes)
        for name, refusal in list(refused.items())[: 1 if none else None]:
            asked = f"{list_some(sizes, 4)}, which {'is' if len(sizes) == 1 else 'are'} in {self._root.path}" if none else "it"
            text = f"{self._at} {refusal} for {asked}: {self._why(name, refusal, none)}"
            self._faults.append((None, text) if none else (name, f"is not handed out: {text}"))
        if missing and not (none and next(iter(refused.values())).code != NOT_FOUND):
            self._faults.append((None, f"{self._at} {missing}"))
        return same, self._faults

    def _difference(self, data: Optional[bytes], came: bytes) -> str:
        root = self._root.path
        if data is not None and data.startswith(came):
            return f"comes truncated from {self._at}, {len(came)} of {count(len(data), 'byte')}: look into its log"
        found = f"is not in {root}, but {self._at} has one" if data is None else f"comes from {self._at} with other bytes than {root} has"
        return f"{found}: it serves another folder: start it for this one, or name the other with cisco79xx_tftp_root"

    def _why(self, name: str, error: Refused, none: bool) -> str:
        """What may be the cause, and what to do. `none`: it hands out no file at all."""
        root, link = self._root.path, ""
        with suppress(OSError):
            link = os.readlink(name, dir_fd=self._root.tree.folder())
        if "absolute" in error.said.lower():
            return f"it wants whole paths, and phones ask for names alone: start it for that folder (tftpd-hpa: --secure {root})"
        if name not in error.said and name.lower() in error.said:
            return "it looks for names in lower case: turn that off (dnsmasq: tftp-lowercase)"
        if error.code != NOT_FOUND:
            return "let the user that it runs as read what is there, and look at SELinux or AppArmor"
        if os.path.isabs(link):
            return "a server that is shut into its folder (chroot) cannot follow a symbolic link that begins with /: make the link relative"
        if none:
            return "it serves another folder: start it for this one, or name the other with cisco79xx_tftp_root"
        return "look at its rules for names (tftpd-hpa: --map-file)"
