# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of one image: taken out of what Cisco ships, put into a TFTP root, and removed from it again.

`package` takes an image's files out of a source and proves that they are one whole image; `stage` and `removal` say what would
change in a root and write nothing; `write` and `remove` do it, in a root that is `locked`. A .loads comes last and goes first, so
that it never names a file that is not there. Nobody but a phone can check the signature: a changed byte shows only where there is
something to hold it against (a header, the load id, the manifest, a checksum of the archive, the raw twin of a signed file).
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .. import _files
from .._change import lock
from .._change.lock import LockedRoot
from .._change.model import Change
from .._phone import cnf, container, loads_xml
from .._phone.image import EXTENSIONS, FIRST_WITH_LOADER, MANIFEST, SIP, Image, extension, of_file, raw_twin
from .._phone.view import OS79XX
from .._text import list_some
from .._tree import LINK
from .access import ServerUser, out_of_reach, unwritable
from .archive import MAX_FILE, Member, Source, shown
from .image_files import image_problems
from .read import Root, RootError, Unusable, unreadable

SPARE = 64 << 10
"""Bytes that have to stay free: for the folder itself, and for the configurations that are changed next."""

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".exe")
_AGAIN = "get the image from Cisco again"


@contextmanager
def locked(root: str, state_dir: Optional[str], check: bool) -> Iterator[LockedRoot]:
    """As `lock.locked`, with records of their own: who takes phones back to their image must not take away files instead.

    Raises TransactionError.
    """
    with lock.locked(root, state_dir, check, firmware=True) as store:
        store.refuse_if_half_changed()
        yield store


class FirmwareError(RootError):
    """Why an image cannot be staged or removed. `faults` holds one text "thing: cause: what to do" each."""


@dataclass(frozen=True)
class Content:
    """What a file holds, without the bytes."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Package:
    """One whole image, as taken out of a source. `files` are in the order in which they are to be written."""

    files: Tuple[Tuple[str, bytes], ...]
    ignored: Tuple[str, ...]


@dataclass(frozen=True)
class ImageFile:
    """One file of an image in a root, and what becomes of it.

    `state` is added, replaced, unchanged or removed; `before` what is replaced.
    """

    name: str
    state: str
    content: Content
    before: Optional[Content] = None


@dataclass
class Staging:
    """What would be written or removed."""

    files: List[ImageFile] = field(default_factory=list)
    changes: List[Change] = field(default_factory=list)
    links: List[str] = field(default_factory=list)
    """Names of symbolic links that are to be removed."""
    warnings: List[str] = field(default_factory=list)
    free: int = 0


def package(image: Image, source: Source) -> Package:
    """The files of that image, and no others. Raises FirmwareError with everything that is wrong with them, ArchiveError."""
    members: Dict[str, List[Member]] = {}
    for member in source.members:
        members.setdefault(member.name, []).append(member)
    faults: List[str] = []
    # A manifest may name files of its own release only, so all that can be needed is read at once
    contents = _read(source, {name: several for name, several in members.items() if _is_of_release(name, image)}, faults)
    named = [_manifest(image, name, contents[name], faults) for name in image.files if extension(name) == MANIFEST and name in contents]
    names = list(dict.fromkeys([*image.files, *(other for others in named for other in others)]))
    faults += _missing(image, source, members, [name for name in names if name not in members])
    for name in names:
        try:
            if name in contents:
                _check(name, contents)
        except container.ContainerError as error:
            faults.append(f"{name}: {error}: {_AGAIN}")
    if faults:
        raise FirmwareError(*faults)
    ordered = sorted(names, key=lambda name: extension(name) == MANIFEST)
    ignored = sorted(shown(member.path) for member in source.members if member.name not in names)
    return Package(tuple((name, contents[name]) for name in ordered), tuple(ignored))


def stage(root: Root, wanted: Package, mode: int, server: ServerUser) -> Staging:
    """What would be written into the root, with that mode. Reads only. Raises FirmwareError with everything in the way."""
    staging = Staging()
    faults: List[str] = []
    contents = dict(wanted.files)
    for name, data in wanted.files:
        try:
            old = root.load(name, MAX_FILE) if name in root.entries else None
            if old and old.data == data and server.may_read(old.status):
                staging.files.append(ImageFile(name, "unchanged", _content(data)))
                continue
            change = replace(root.change(name, old, data), mode=mode)
            staging.changes.append(change)
            faults += _hidden(root, change, mode, server)
            state, before = ("replaced", _content(old.data)) if old else ("added", None)
            staging.files.append(ImageFile(name, state, _content(data), before))
        except (Unusable, OSError) as error:
            faults.append(f"{name} in {root.path} {unreadable(error)}")
    faults += _stale_twins(root, contents)
    faults += unwritable(root, staging.changes)
    staging.free = free(root)
    faults += _lack_of_space(root, staging.changes)
    if faults:
        raise FirmwareError(*faults)
    lowered = {name.lower(): name for name in contents}
    staging.warnings = [
        f"{name} is beside {lowered[name.lower()]}, which phones ask for: remove it"
        for name in sorted(root.entries)
        if name.lower() in lowered and name not in contents
    ]
    return staging


def write(store: LockedRoot, staging: Staging, wanted: Image, server: ServerUser) -> None:
    """Write all of it or nothing, then look whether phones can load the image. Raises TransactionError.

    Files that are new cross no rollout; those that phones may be loading do.
    """
    store.apply(staging.changes, wanted.name, crosses=any(file.before for file in staging.files))
    problems = image_problems(Root(store.tree), wanted, server)
    if problems:
        raise FirmwareError(*problems)


def free(root: Root) -> int:
    """Bytes free in the root's file system, for users other than root."""
    system = os.statvfs(root.tree.folder())
    return system.f_bavail * (system.f_frsize or 1)


def removal(root: Root, image: Image) -> Staging:
    """The files of that image in the root, raw twins too, in the order in which they are to go. Reads only.

    Raises FirmwareError with every reference to one of them, and whatever cannot be read and so may hold one.
    """
    staging = Staging(free=free(root))
    stems = [name for name in (image.name, image.loader) if name]
    names = [stem + end for stem in stems for end in EXTENSIONS if stem + end in root.entries]
    if not names:
        return staging
    faults = _references(root, stems, names)
    faults += map(str, root.faults)
    for name in sorted(names, key=lambda name: (extension(name) != MANIFEST, name)):
        try:
            file = root.load(name, MAX_FILE)
        except Unusable as error:
            faults.append(f"{name} in {root.path} {error}")
            continue
        staging.files.append(ImageFile(name, "removed", _content(file.data)))
        if root.entries[name] == LINK:
            staging.links.append(name)
        else:
            staging.changes.append(root.change(name, file, None))
    faults += unwritable(root, staging.changes)
    if faults:
        raise FirmwareError(*faults)
    return staging


def remove(store: LockedRoot, staging: Staging, image: Image) -> None:
    """All of it or nothing, but for symbolic links, which go first and leave what they name. Raises TransactionError."""
    store.refuse_if_held()
    for link in staging.links:
        try:
            os.unlink(link, dir_fd=store.tree.folder())
        except OSError as error:
            raise FirmwareError(f"{store.root}/{link}: cannot be removed ({_files.cause(error)}): remove the cause and run again") from None
    store.apply(staging.changes, image.name)


def _read(source: Source, wanted: Dict[str, List[Member]], faults: List[str]) -> Dict[str, bytes]:
    """The content of each name. Twice the same name has to be twice the same content."""
    contents = source.read(member for several in wanted.values() for member in several)
    for name, several in wanted.items():
        if len({contents[member] for member in several}) > 1:
            paths = ", ".join(shown(member.path) for member in several)
            faults.append(f"{name}: is in {source.path} more than once, with different content ({paths}): set src to one release only")
    return {name: contents[several[0]] for name, several in wanted.items()}


def _is_of_release(name: str, image: Image) -> bool:
    other = of_file(name)
    return bool(other and other.version == image.version)


def _manifest(image: Image, name: str, data: bytes, faults: List[str]) -> Tuple[str, ...]:
    """The files that a .loads names, which all have to be of its own release."""
    try:
        names = container.manifest(container.unwrap(name, data, len(data))[1])
    except container.ContainerError:
        return ()  # told where the content of each file is looked at
    strange = [other for other in names if not _is_of_release(other, image)]
    if strange:
        faults.append(f"{name}: names {', '.join(strange)}, of another release: the set is mixed: {_AGAIN}")
        return ()
    lacking = [other for other in image.files if other != name and other not in names]
    if lacking:
        faults.append(f"{name}: does not name {', '.join(lacking)}: is damaged or of a mixed set: {_AGAIN}")
    return names


def _check(name: str, contents: Dict[str, bytes]) -> None:
    """Raises ContainerError. That a header has a name, and a signed image its load id, is known from 7.x on."""
    data = contents[name]
    expected = of_file(name)
    modern = bool(expected and expected.generation >= FIRST_WITH_LOADER)
    signed, payload = container.unwrap(name, data, len(data))
    if signed and not signed.name and modern:
        raise container.ContainerError("is damaged (its header has no name)")
    if extension(name) == MANIFEST:
        container.manifest(payload)
        return
    if len(payload) < container.LOAD_ID_OFFSET + container.LOAD_ID_LENGTH:
        raise container.ContainerError(f"is truncated ({len(payload)} bytes are no image)")
    container.check_load_id(name, payload)
    if modern and not container.load_id(payload):
        raise container.ContainerError("is damaged (it does not say which image it is)")
    twin = raw_twin(name) or ""
    raw = contents.get(twin, payload)
    if signed and not container.is_signed(raw) and raw != payload:
        fault = f"holds other bytes than {twin}: one is damaged, or the set is mixed"
        if len(raw) != len(payload):
            fault = f"holds {len(payload)} bytes, but {twin} has {len(raw)}: one is truncated"
        raise container.ContainerError(fault)


def _missing(image: Image, source: Source, members: Dict[str, List[Member]], missing: List[str]) -> List[str]:
    """One text about all of the missing files, with what the source holds instead."""
    if not missing:
        return []
    text = f"{', '.join(missing)}: {'is' if len(missing) == 1 else 'are'} missing in {source.path}"
    lowered = {name.lower(): name for name in sorted(members)}
    renames = ", ".join(f"{lowered[name.lower()]} to {name}" for name in missing if name.lower() in lowered)
    if renames:
        return [f"{text}, which holds it in another case, and phones ask for this one: rename {renames}"]
    images = {other.name: other for other in map(of_file, members) if other and other.protocol == SIP}
    spellings = [name for name, other in images.items() if other.same_as(image) and name != image.name]
    if spellings:
        return [f"{text}, which holds {', '.join(spellings)}: did you mean that?"]
    others = list_some(name for name in sorted(images) if name != image.name)
    if others:
        return [f"{text}, which holds {others}: set src to what Cisco ships for {image}"]
    archives = list_some(shown(name) for name in sorted(members) if name.lower().endswith(_ARCHIVES))
    if archives:
        return [f"{text}, which holds {archives}: set src to the archive itself, or unpack it: archives inside are not opened"]
    return [f"{text}: set src to what Cisco ships for {image}, whole"]


def _content(data: bytes) -> Content:
    return Content(len(data), hashlib.sha256(data).hexdigest())


def _hidden(root: Root, change: Change, mode: int, server: ServerUser) -> List[str]:
    """What keeps the TFTP server from reading that file once it is written. Raises OSError."""
    status = _status_once_written(os.fstat(root.tree.place(change.path).folder), change.status, mode)
    if not server.may_read(status):
        owner = f"owner {status.st_uid}, group {status.st_gid}"
        return [f"{change.name}: would not be readable for {server.name} with mode {mode:04o} ({owner}): set mode to 0644"]
    closed = out_of_reach(root, change.path, server)
    return [f"{change.name} {closed}"] if closed else []


def _status_once_written(folder: os.stat_result, before: Optional[os.stat_result], mode: int) -> os.stat_result:
    """Owner and mode of a file once it is written: a new one is owned as its folder is, if that is for us to say."""
    model = before or folder
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    owner = (model.st_uid, model.st_gid)
    if user and not before and (folder.st_uid != user or folder.st_gid not in groups):
        owner = (user, folder.st_gid if folder.st_mode & stat.S_ISGID else os.getegid())
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, *owner, 0, 0, 0, 0))


def _stale_twins(root: Root, contents: Dict[str, bytes]) -> List[str]:
    """A raw twin of another length makes the signed file look truncated to everybody who compares them."""
    faults: List[str] = []
    for name, data in contents.items():
        twin = raw_twin(name)
        if not twin or twin not in root.entries or twin in contents:
            continue
        try:
            raw = root.load(twin, container.HEAD, head=True)
        except Unusable as error:
            faults.append(f"{twin} in {root.path} {error}")
            continue
        size, payload = raw.status.st_size, len(data) - container.parse(data[: container.HEAD], len(data)).header_length
        if size not in (0, payload) and not container.is_signed(raw.data):
            faults.append(f"{twin} in {root.path}: has {size} bytes, but {name} holds {payload}: remove it, no phone needs it")
    return faults


def _lack_of_space(root: Root, changes: Sequence[Change]) -> Iterator[str]:
    """Every file is written beside the one that it replaces, so all of them need room at once."""
    system = os.statvfs(root.tree.folder())
    block = system.f_frsize or 1
    needed = sum(-(-len(change.after or b"") // block) * block for change in changes) + SPARE
    there = system.f_bavail * block
    if changes and system.f_blocks and needed > there:
        yield f"{root.path}: has {there} bytes free, the files take {needed}: make room, or remove images not in use"
    if system.f_files and system.f_favail < len(changes):
        yield f"{root.path}: its file system has room for {system.f_favail} more files, {len(changes)} are needed: remove some"


def _references(root: Root, stems: Sequence[str], names: Sequence[str]) -> List[str]:
    """Whatever in the root makes a phone ask for one of the files, whichever case it is written in."""
    lowered = {name.lower() for name in (*stems, *(stem + end for stem in stems for end in EXTENSIONS))}
    return [
        f"{where} names {shown(value)}: point it at another image first"
        for where, value in _pointers(root, names)
        if value.lower() in lowered
    ]


def _pointers(root: Root, names: Sequence[str]) -> Iterator[Tuple[str, str]]:
    """Where something names an image, and what it names."""
    for config in (*filter(None, [root.default]), *root.phones):
        for line, value in cnf.image_versions(config.data):
            yield f"{config.name}:{line}: image_version", value.strip()
    if root.os79xx:
        for word in root.os79xx.data.replace(b"\0", b" ").split():
            yield f"{OS79XX}:", word.decode("ascii", "replace")
    for name in sorted(root.entries):
        if loads_xml.is_loads_file(name) or name.lower() == loads_xml.SYNCINFO:
            file = root.read(name)
            for thing, value in loads_xml.references(file.data) if file else ():
                yield f"{name}: {thing}", value
        elif extension(name) == MANIFEST and name not in names:
            file = root.read(name)
            text = file.data.lower() if file else b""
            for other in names:  # looked for in the text: what is damaged may still be whole enough for a phone
                if other.lower().encode() in text:
                    yield f"{name}:", other
