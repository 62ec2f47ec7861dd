# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would change in a TFTP root to make it name an image, and which images it names. Writes nothing: that is for `_change`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple

from .. import _files
from .._change.model import Change
from .._phone import cnf
from .._phone.image import Image, recognise
from .._text import list_some
from .access import ANYBODY, ServerUser, unwritable
from .image_files import image_problems
from .read import OS79XX, SIP_DEFAULT, Root, RootError, RootFile


@dataclass
class RootChanges:
    """What would change in a root to make it name an image."""

    image: str
    os79xx: str
    changes: List[Change] = field(default_factory=list)
    examined: int = 0
    """How many phones have a file of their own."""
    overrides: List[Tuple[RootFile, cnf.Edit]] = field(default_factory=list)
    """The per-phone files that name another image."""
    duplicates: List[Tuple[str, List[int]]] = field(default_factory=list)
    """The files that set image_version more than once, with the numbers of these lines."""
    os79xx_before: Optional[str] = None
    would_move: Dict[str, str] = field(default_factory=dict)
    """MAC → image that the files name for it now, of every phone for which they would name another release."""
    warnings: List[str] = field(default_factory=list)


def plan_changes(
    root: Root,
    image: Image,
    os79xx: str,
    verify: bool = True,
    server: ServerUser = ANYBODY,
    only: Optional[FrozenSet[str]] = None,
    hold: Optional[Mapping[str, Image]] = None,
) -> RootChanges:
    """What would change so that the root names that image. Reads only.

    With `only`, just the phones of these MACs are pointed at it, by a temporary line in their own files where these set no image,
    and SIPDefault.cnf stays; a call without it takes such lines out again. `hold` (MAC → image) keeps phones on an image of
    their own. OS79XX.TXT cannot be kept from a phone: up to 6.x they all read it.

    Raises RootError with everything that stands in the way: faults of the root, files that cannot be written, and, unless
    `verify` is off, an image whose files are not there, not whole or not readable for `server`.
    """
    wanted = RootChanges(image.name, os79xx)
    faults: List[str] = []
    files: Dict[str, RootFile] = {}
    hold = hold or {}
    apart = set(hold) | (only or set())
    default = root.default
    named = cnf.lookup(default.data, "image_version") if default else None
    renamed = named if only is not None else image.name
    if default:
        files[default.path] = default
    if only is None and (default or SIP_DEFAULT not in root.entries):
        _add(root, wanted, SIP_DEFAULT, default, cnf.set_image_version(default.data if default else b"", image.name, add=True))
    macs = set()
    for file in root.phones():
        wanted.examined += 1
        if file.path in files:
            faults.append(f"{file.name} is the same file as {files[file.path].name}: give the phone a file of its own")
            continue
        files[file.path] = file
        mac = file.mac
        macs.add(mac)
        edit = _edit(file, image, only, hold)
        if edit is None:
            continue
        _add(root, wanted, file.name, file, edit)
        own = edit.before[-1][1].strip() if edit.before else ""
        after = hold[mac].name if mac in hold else image.name if own or only is not None else renamed
        pinned = cnf.lookup(file.data, "image_version") if cnf.PIN_MARK in file.data else None
        _add_move(wanted, mac, own or pinned or named, after)
    for mac, alias in root.shared:
        other = alias.mac
        macs.add(other)
        if (mac in apart) != (other in apart) or hold.get(mac) != hold.get(other):
            faults.append(f"SIP{mac}.cnf and SIP{other}.cnf are one file, so these phones cannot be kept apart: give each its own")
        elif mac in wanted.would_move:
            wanted.would_move[other] = wanted.would_move[mac]
    faults += [
        f"SIP{mac}.cnf is missing in {root.path}: that phone cannot be kept apart without it: create it" for mac in sorted(apart - macs)
    ]
    faults += _add_os79xx(root, wanted, files)
    problems = image_problems(root, image, server)
    if verify:
        faults += [problem if problem.endswith("?") else f"{problem}, or set verify_files to false" for problem in problems]
    else:
        wanted.warnings += problems
    faults += unwritable(root, wanted.changes)
    if root.faults or faults:
        raise RootError(*map(str, root.faults), *faults)
    wanted.warnings += root.warnings
    wanted.warnings += _hidden(root, files.values(), server)
    return wanted


def _edit(file: RootFile, image: Image, only: Optional[FrozenSet[str]], hold: Mapping[str, Image]) -> Optional[cnf.Edit]:
    """How a phone's own file is edited, or None if it is let be."""
    if file.mac in hold:
        return cnf.pin(cnf.unpinned(file.data), hold[file.mac].name)
    if only is None:
        return cnf.set_image_version(cnf.unpinned(file.data), image.name)
    return cnf.pin(file.data, image.name, temporary=True) if file.mac in only else None


def _add(root: Root, wanted: RootChanges, name: str, file: Optional[RootFile], edit: cnf.Edit) -> None:
    wanted.warnings += [f"{name}:{fault.line}: {fault.text}" for fault in edit.faults]
    if len(edit.before) > 1:
        wanted.duplicates.append((name, [line for line, _value in edit.before]))
    if file and file.name != SIP_DEFAULT and any(value != wanted.image for _line, value in edit.before):
        wanted.overrides.append((file, edit))
    if not file or edit.data != file.data:
        wanted.changes.append(root.change(name, file, edit.data))


def _add_move(wanted: RootChanges, mac: str, before: Optional[str], after: Optional[str]) -> None:
    if before == after:
        return
    named, renamed = recognise(before or ""), recognise(after or "")
    if renamed and not (named and named.same_as(renamed)):
        wanted.would_move[mac] = before or ""


def _add_os79xx(root: Root, wanted: RootChanges, files: Dict[str, RootFile]) -> List[str]:
    """OS79XX.TXT: the name and a newline. Old phones take a blank or a carriage return for a part of it (Cisco's bug CSCdv19260)."""
    file = root.os79xx
    right = wanted.os79xx.encode("ascii")
    if file:
        wanted.os79xx_before = file.data[:256].decode("utf-8", "backslashreplace")
        if file.path in files:
            return [f"{OS79XX} is the same file as {files[file.path].name}: give it a file of its own"]
        files[file.path] = file
    is_right = file is not None and file.data in (right, right + b"\n")
    if not is_right and (file or OS79XX not in root.entries):
        wanted.changes.append(root.change(OS79XX, file, right + b"\n"))
    return []


def _hidden(root: Root, files: Iterable[RootFile], server: ServerUser) -> List[str]:
    """Warnings about files, and the root itself, that the TFTP server cannot read. They were so before: no reason to refuse."""
    warnings = []
    if not server.may_enter(root.status):
        warnings.append(f"the folder {root.path} is closed to {server.name} ({_files.shown_mode(root.status)})")
    names = [file.name for file in files if not server.may_read(file.status)]
    if names:
        warnings.append(f"not readable for {server.name}, so phones get no answer: {list_some(names)}")
    return warnings
