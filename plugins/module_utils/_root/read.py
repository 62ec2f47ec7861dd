# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TFTP root as it is: its folder, the files in it that phones read, and what is wrong with them.

That a phone asks for its own file as SIP<MAC>.cnf with the MAC in upper case, and puts tftp_cfg_dir before it, is from a real
8.12 boot log and administrators' how-tos.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from .. import _files
from .._change.model import Change, TransactionError, why_no_root
from .._phone import cnf
from .._phone.image import SIP, Image, of_file
from .._phone.view import OS79XX, SIP_DEFAULT
from .._text import list_some, mask_from_secret, plain, quote
from .._tree import FILE, LINK, Leaves, Tree

MAX_CONFIG = 1 << 20
"""No phone reads a configuration of a megabyte: such a file is something else."""

PHONE_FILE = re.compile(r"SIP([0-9A-F]{12})\.cnf")
_HIDDEN_COPY = re.compile(r"\..+\.[0-9a-f]{8}\.(new|old)")
_LIKE_PHONE_FILE = re.compile(r"sip(.*)\.cnf", re.IGNORECASE | re.DOTALL)


class RootError(TransactionError):
    """What is wrong with a root. `faults` holds one text "thing: cause: what to do" each."""


class Unusable(Exception):
    """Why something in a root cannot be used as the file that it should be: a text to put behind its name."""


class RootFault(NamedTuple):
    """Something wrong with a file of a root. `text` is to be put behind its name, which is relative to the root."""

    file: str
    text: str
    line: Optional[int] = None

    def __str__(self) -> str:
        return f"{plain(self.file)}{'' if self.line is None else f':{self.line}:'} {self.text}"


def grouped(faults: Iterable[RootFault]) -> List[str]:
    """Those faults for people: files that cannot be read for one reason are told at once."""
    texts: Dict[str, List[str]] = {}
    for fault in faults:
        if fault.line is None and fault.text.startswith("cannot "):
            texts.setdefault(fault.text, []).append(plain(fault.file))
        else:
            texts[str(fault)] = []
    return [f"{list_some(files, 3)} {text}" if files else text for text, files in texts.items()]


@dataclass(frozen=True)
class RootFile:
    """One file as read. `name` is what phones ask for, `path` the file itself, behind any symbolic link: both in the root."""

    name: str
    path: str
    data: bytes
    status: os.stat_result

    @cached_property
    def mac(self) -> str:
        """Of the phone whose own file this is; empty for other files."""
        match = PHONE_FILE.fullmatch(os.path.basename(self.name))
        return match.group(1) if match else ""


class Listing(NamedTuple):
    """A folder of the root: its path in it, without symbolic links, and what each name in it is (see `_tree`)."""

    inside: str
    kinds: Dict[str, str]


class Root:
    """A TFTP root as it is on the disk. What is wrong with it gathers in `faults` while it is read, what is only odd in `warnings`."""

    def __init__(self, root: Union[str, Tree]) -> None:
        """`root`: its path, or the open folder. Raises RootError if there is none, or it cannot be listed."""
        self.faults: List[RootFault] = []
        self.warnings: List[str] = []
        self.shared: List[Tuple[str, RootFile]] = []
        """MACs, and files of other MACs that are the same one behind symbolic links. Complete once `phones` were read."""
        self.hidden: List[str] = []
        """Files of a change that did not end. Complete once `phones` were read."""
        try:
            self.tree = root if isinstance(root, Tree) else Tree(root)
            self.entries = self.tree.listing()
        except (OSError, ValueError) as error:
            raise RootError(why_no_root(root.path if isinstance(root, Tree) else root, error)) from None
        self.path = self.tree.path
        self.status = self.tree.status
        self.default = self._read_named(SIP_DEFAULT)
        for name in sorted(self.entries):
            if name.upper() == OS79XX and name != OS79XX:
                remedy = f"remove {name}" if OS79XX in self.entries else f"rename {name} to {OS79XX}"
                self.faults.append(RootFault(name, f"is in the wrong case: phones ask for {OS79XX}: {remedy}"))
        self.os79xx = self._read_named(OS79XX)

    @cached_property
    def images(self) -> Dict[str, Image]:
        """The image of every file that is named as one of an image is."""
        named = ((name, of_file(name)) for name in sorted(self.entries))
        return {name: image for name, image in named if image}

    @property
    def applications(self) -> Dict[str, List[str]]:
        """The SIP applications of which there are files, by name: the files that are missing."""
        found = {image.name: image for image in self.images.values() if image.protocol == SIP}
        return {name: [file for file in image.files if file not in self.entries] for name, image in sorted(found.items())}

    @cached_property
    def phones(self) -> Sequence[RootFile]:
        """Every SIP<MAC>.cnf, in the root and in the folders that tftp_cfg_dir names, each file once."""
        owners: Dict[str, RootFile] = {}
        for prefix, listing in self._phone_folders():
            for name in sorted(listing.kinds):
                if not PHONE_FILE.fullmatch(name):
                    self._note_misnamed(prefix, name)
                    if _HIDDEN_COPY.fullmatch(name):
                        self.hidden.append(prefix + name)
                    continue
                file = self.read(prefix + name, listing)
                owner = owners.setdefault(file.path, file) if file else None
                if file and owner and file.mac != owner.mac:
                    self.shared.append((owner.mac, file))
        return list(owners.values())

    def read(self, name: str, listing: Optional[Listing] = None) -> Optional[RootFile]:
        """As `config`, or None with the reason in `faults`."""
        try:
            return self.config(name, listing)
        except Unusable as error:
            self.faults.append(RootFault(name, str(error)))
            return None

    def config(self, name: str, listing: Optional[Listing] = None) -> RootFile:
        """That configuration (in `listing`, if it is not in the root's own folder). Raises Unusable."""
        file = self.load(name, MAX_CONFIG, listing=listing)
        if file.data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Unusable("is in UTF-16, which no phone reads: save it as plain text")
        return file

    def load(self, name: str, limit: int, head: bool = False, listing: Optional[Listing] = None) -> RootFile:
        """That file: the whole of it, or its first `limit` bytes. Raises Unusable."""
        try:
            path = self._locate(os.path.basename(name), listing or Listing("", self.entries))
            place = self.tree.place(path)
            data, status = _files.read(place.name, limit, head, place.folder)
        except OSError as error:
            raise Unusable(unreadable(error)) from None
        if data is None:
            raise Unusable(f"has {status.st_size} bytes: no file of its kind is that long: move it out of the root")
        return RootFile(name, path, data, status)

    def change(self, name: str, file: Optional[RootFile], after: Optional[bytes]) -> Change:
        """New content for that file, which is not there yet if `file` is None; None to remove it."""
        if file is None:
            return Change(name, name, None, after, None)
        return Change(name, file.path, file.data, after, file.status)

    def _locate(self, name: str, listing: Listing) -> str:
        """The path in the root of the ordinary file that a name in a folder stands for. Raises Unusable, OSError."""
        path = os.path.join(listing.inside, name)
        kind = listing.kinds[name]
        if kind == FILE:
            return path
        if kind != LINK:
            status = _files.status_of(*self.tree.place(path)[::-1])
            if status and not stat.S_ISREG(status.st_mode):
                raise Unusable(f"is {_files.kind(status.st_mode)}, not a file: move it out of the way")
            return path  # it is by now, or gone
        try:
            path = self.tree.resolve(path)
            place = self.tree.place(path)
            mode = os.stat(place.name or ".", dir_fd=place.folder, follow_symlinks=False).st_mode
        except Leaves as error:
            raise Unusable(f"is a symbolic link that leaves {self.path} (to {plain(error.target)}): put the file itself there") from None
        except OSError as error:
            raise Unusable(f"is a symbolic link to nothing ({_files.cause(error)}): remove it or put the file itself there") from None
        if not stat.S_ISREG(mode):
            raise Unusable(f"is a symbolic link to {_files.kind(mode)}, not to a file: move it out of the way")
        return path

    def _read_named(self, name: str) -> Optional[RootFile]:
        return self.read(name) if name in self.entries else None

    def _phone_folders(self) -> Iterator[Tuple[str, Listing]]:
        """The root, and what tftp_cfg_dir names, as phones write it; which of two such lines counts is not known, so all of them."""
        yield "", Listing("", self.entries)
        folders = {""}
        for setting in cnf.examine(self.default.data).settings if self.default else ():
            if setting.key.lower() != "tftp_cfg_dir" or not setting.provisioned:
                continue
            thing = f"tftp_cfg_dir {quote(mask_from_secret(setting.value))}"
            inside = setting.value.replace("\\", "/").replace("\0", "").lstrip("/") or "."
            try:
                if os.path.normpath(inside).split("/")[0] == "..":
                    raise Leaves(inside)
                folder = self.tree.resolve(inside)
                if folder in folders:
                    continue
                folders.add(folder)
                listing = Listing(folder, self.tree.listing(folder))
            except Leaves:
                text = f"{thing} leaves {self.path}: name a folder inside the root"
                self.faults.append(RootFault(SIP_DEFAULT, text, setting.line))
            except FileNotFoundError:
                self.warnings.append(
                    f"{thing} ({SIP_DEFAULT}:{setting.line}) is not there, so phones find no file of their own in it: "
                    "create it or correct the setting"
                )
            except OSError as error:
                text = f"{thing} is no folder that can be read ({_files.cause(error)}): correct the setting or the folder"
                self.faults.append(RootFault(SIP_DEFAULT, text, setting.line))
            else:
                yield os.path.normpath(inside) + "/", listing

    def _note_misnamed(self, prefix: str, name: str) -> None:
        """A name that some phone's file was meant to have is a fault; one that no phone asks for does no harm."""
        match = _LIKE_PHONE_FILE.fullmatch(name)
        if not match or name == SIP_DEFAULT:
            return
        stem = match.group(1)
        meant = re.sub("[:. -]", "", stem).upper()
        if stem.lower() == "default":
            if not prefix:
                self.faults.append(RootFault(name, f"is in the wrong case: phones ask for {SIP_DEFAULT}: rename or remove it"))
        elif re.fullmatch("[0-9A-F]{12}", meant):
            fault = "is in the wrong case" if len(stem) == len(meant) else "has more than the MAC address in its name"
            self.faults.append(RootFault(prefix + name, f"{fault}: that phone asks for SIP{meant}.cnf: rename or remove it"))
        elif stem[:1].isalnum():
            text = "is asked for by no phone: its name has to be SIP, the 12 hexadecimal digits of a MAC address, and .cnf"
            self.warnings.append(f"{plain(prefix + name)} {text}")


def os79xx_data(name: str) -> bytes:
    """The content of OS79XX.TXT with that name: old phones take a blank or a carriage return for a part of it (Cisco's bug CSCdv19260)."""
    return name.encode("ascii") + b"\n"


def unreadable(error: Exception) -> str:
    """Why a file cannot be used or read, from an Unusable or OSError, as a text to put behind its name."""
    if not isinstance(error, OSError):
        return str(error)
    if isinstance(error, PermissionError):
        return f"cannot be read by {_files.me()}: {_files.BECOME}"
    if isinstance(error, FileNotFoundError):
        return "vanished while it was read: run again when nobody else changes the root"
    return f"cannot be read ({_files.cause(error)}): mend or remove it"
