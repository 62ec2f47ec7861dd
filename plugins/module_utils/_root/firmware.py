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
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from .._change import lock
from .._change.lock import LockedRoot
from .._change.model import Change, TransactionError
from .._phone import cnf, container
from .._phone.image import FIRST_WITH_LOADER, SIP, Image, recognise
from .archive import MAX_FILE, Member, Source, shown
from .read import OS79XX, Reader, Root, RootError, image_problems

MANIFEST = ".loads"
EXTENSIONS = (".bin", ".sbn", ".sb2", MANIFEST)
RECORDS = "firmware"
SPARE = 64 << 10
"""Bytes that have to stay free: for the folder itself, and for the configurations that are changed next."""

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".exe")
_XML = re.compile(r"sep[0-9a-f]{12}\.cnf\.xml|xmldefault\.cnf\.xml|syncinfo\.xml", re.IGNORECASE)
_XML_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_LOAD_INFORMATION = re.compile(rb"<loadInformation[^>]*>([^<]*)<", re.IGNORECASE)
_SYNC_VERSION = re.compile(rb"<IMAGE\b[^>]*?\bVERSION\s*=\s*[\"']([^\"']*)", re.IGNORECASE)
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_READ, _SEARCH = 4, 1
_SHOWN = 20
_AGAIN = "get the image from Cisco again"


@contextmanager
def locked(root: str, state_dir: Optional[str], check: bool) -> Iterator[LockedRoot]:
    """As `lock.locked`, with records of their own: who takes phones back to their image must not take away files instead.

    What a killed run left of the configurations is mended first: it decides which images are referenced. Raises TransactionError.
    """
    with lock.locked(root, state_dir, check) as others:
        mended = others.repaired
    with lock.locked(root, f"{os.path.dirname(others.folder)}/{RECORDS}", check) as store:
        store.repaired += mended
        if store.repaired and check:
            raise TransactionError(f"{store.root}: was left half changed by a run that was killed: run without check mode, which mends it")
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

    image: Image
    files: Tuple[Tuple[str, bytes], ...]
    ignored: Tuple[str, ...]


@dataclass(frozen=True)
class File:
    """One file of an image in a root. `state` is added, replaced, unchanged or removed; `before` what is replaced."""

    name: str
    state: str
    content: Content
    before: Optional[Content] = None


@dataclass
class Staging:
    """What would be written or removed."""

    files: List[File] = field(default_factory=list)
    changes: List[Change] = field(default_factory=list)
    links: List[str] = field(default_factory=list)
    """Paths of symbolic links that are to be removed."""
    warnings: List[str] = field(default_factory=list)
    free: int = 0


def package(image: Image, source: Source) -> Package:
    """The files of that image, and no others. Raises FirmwareError with everything that is wrong with them, ArchiveError."""
    named: Dict[str, List[Member]] = {}
    for member in source.members:
        named.setdefault(member.name, []).append(member)
    faults: List[str] = []
    names = list(image.files)
    held = _read(source, named, [*names, *_twins(names)], faults)
    listed = [_listed(image, name, held[name], faults) for name in names if name.endswith(MANIFEST) and name in held]
    more = list(dict.fromkeys(other for others in listed for other in others if other not in names))
    held.update(_read(source, named, [name for name in more if name not in held], faults))
    names += more
    faults += _missing(image, source, named, [name for name in names if name not in named])
    for name in names:
        if name in held:
            faults += _content_faults(name, held[name], held)
    if faults:
        raise FirmwareError(*faults)
    ordered = sorted(names, key=lambda name: name.endswith(MANIFEST))
    ignored = sorted(shown(member.path) for member in source.members if member.name not in names)
    return Package(image, tuple((name, held[name]) for name in ordered), tuple(ignored))


def stage(root: Root, wanted: Package, mode: int, server: Reader) -> Staging:
    """What would be written into the root, with that mode. Reads only. Raises FirmwareError with everything in the way."""
    made = Staging()
    faults: List[str] = []
    written = dict(wanted.files)
    for name, data in wanted.files:
        try:
            file, change = _staged(root, name, data, server)
            if change:
                made.changes.append(change)
                faults += _unreadable(root, change, mode, server)
            made.files.append(file)
        except RootError as error:
            faults += error.faults
        except OSError as error:
            faults.append(_illegible(root, name, error))
    faults += _stale_twins(root, written)
    faults += _unwritable(root, made.changes)
    made.free = free(root)
    faults += _lack_of_space(root, made.changes)
    if faults:
        raise FirmwareError(*faults)
    lowered = {name.lower(): name for name in written}
    made.warnings = [
        f"{name} is beside {lowered[name.lower()]}, which phones ask for: remove it"
        for name in sorted(root.entries)
        if name.lower() in lowered and name not in written
    ]
    return made


def write(store: LockedRoot, root: Root, staging: Staging, wanted: Image, mode: int, server: Reader) -> None:
    """Write all of it or nothing, then look whether phones can load the image. Raises TransactionError."""
    store.apply(staging.changes, wanted.name)
    for change in staging.changes:
        try:
            os.chmod(change.path, mode)
        except OSError as error:
            raise FirmwareError(f"{change.name}: its mode cannot be set ({_cause(error)}): set it to {mode:04o}") from None
    problems = image_problems(Root(root.path), wanted, server)
    if problems:
        raise FirmwareError(*problems)


def free(root: Root) -> int:
    """Bytes free in the root's file system, for users other than root."""
    system = os.statvfs(root.real)
    return system.f_bavail * (system.f_frsize or 1)


def removal(root: Root, image: Image) -> Staging:
    """The files of that image in the root, raw twins too, in the order in which they are to go. Reads only.

    Raises FirmwareError with every reference to one of them, and whatever cannot be read and so may hold one.
    """
    made = Staging(free=free(root))
    stems = [name for name in (image.name, image.loader) if name]
    names = [stem + extension for stem in stems for extension in EXTENSIONS if stem + extension in root.entries]
    if not names:
        return made
    faults = _references(root, stems, names)
    faults += root.faults
    for name in sorted(names, key=lambda name: (not name.endswith(MANIFEST), name)):
        try:
            path, data, status = _held(root, name)
        except RootError as error:
            faults += error.faults
        except OSError as error:
            faults.append(_illegible(root, name, error))
        else:
            made.files.append(File(name, "removed", _content(data)))
            if root.entries[name].is_symlink():
                made.links.append(root.entries[name].path)
            else:
                made.changes.append(Change(name, path, data, None, status))
    faults += _unwritable(root, made.changes)
    if faults:
        raise FirmwareError(*faults)
    return made


def remove(store: LockedRoot, staging: Staging, image: Image) -> None:
    """All of it or nothing, but for symbolic links, which go first and leave what they name. Raises TransactionError."""
    for link in staging.links:
        try:
            os.unlink(link)
        except OSError as error:
            raise FirmwareError(f"{link}: cannot be removed ({_cause(error)}): remove the cause and run again") from None
    store.apply(staging.changes, image.name)


def _read(source: Source, named: Dict[str, List[Member]], names: Iterable[str], faults: List[str]) -> Dict[str, bytes]:
    """The content of each of the names that is there. Twice the same name has to be twice the same content."""
    wanted = {name: named[name] for name in names if name in named}
    contents = source.read(member for members in wanted.values() for member in members)
    for name, members in wanted.items():
        if len({contents[member] for member in members}) > 1:
            paths = ", ".join(shown(member.path) for member in members)
            faults.append(f"{name}: is in {source.path} more than once, with different content ({paths}): set src to one release only")
    return {name: contents[members[0]] for name, members in wanted.items()}


def _twins(names: Iterable[str]) -> List[str]:
    return [_stem(name) + ".bin" for name in names if _extension(name) in (".sbn", ".sb2")]


def _listed(image: Image, name: str, data: bytes, faults: List[str]) -> Tuple[str, ...]:
    """The files that a .loads names, which all have to be of its own release."""
    try:
        held = container.parse(data[: container.HEAD], len(data))
        listed = container.manifest(data[held.header_length :])
    except container.ContainerError:
        return ()  # found again, and told, where the content of each file is looked at
    if held.name and held.name != name:
        return ()
    strange = [other for other in listed if not _belongs(other, image)]
    if strange:
        faults.append(f"{name}: names {', '.join(strange)}, of another release: the set is mixed: {_AGAIN}")
        return ()
    lacking = [other for other in image.files if other != name and other not in listed]
    if lacking:
        faults.append(f"{name}: does not name {', '.join(lacking)}: is damaged or of a mixed set: {_AGAIN}")
    return listed


def _belongs(name: str, image: Image) -> bool:
    found = recognise(_stem(name))
    return bool(found and found.version == image.version and _extension(name) in EXTENSIONS)


def _content_faults(name: str, data: bytes, held: Dict[str, bytes]) -> Iterator[str]:
    """What is wrong with one file. That a header has a name, and a signed image its load id, is known from 7.x on."""
    expected = recognise(_stem(name))
    known = bool(expected and expected.generation >= FIRST_WITH_LOADER)
    if not data:
        yield f"{name}: is empty: {_AGAIN}"
        return
    payload = data
    signed = container.is_signed(data)
    if signed or _extension(name) != ".bin":
        try:
            box = container.parse(data[: container.HEAD], len(data))
            payload = data[box.header_length :]
            if box.name is None and known:
                raise container.ContainerError("is damaged (its header has no name)")
            if _extension(name) == MANIFEST:
                container.manifest(payload)
        except container.ContainerError as error:
            yield f"{name}: {error}: {_AGAIN}"
            return
        if box.name and box.name != name:
            yield f"{name}: was renamed, it is {shown(box.name)} inside: {_AGAIN}"
            return
        if _extension(name) == MANIFEST:
            return
    if len(payload) < container.LOAD_ID_OFFSET + container.LOAD_ID_LENGTH:
        yield f"{name}: is truncated ({len(payload)} bytes are no image): {_AGAIN}"
        return
    found = container.load_id(payload)
    if found and expected and not found.same_as(expected):
        yield f"{name}: holds another image, {found}: renamed, or the set is mixed: {_AGAIN}"
    elif not found and known:
        yield f"{name}: is damaged (it does not say which image it is): {_AGAIN}"
    twin = held.get(_stem(name) + ".bin")
    if signed and _extension(name) != ".bin" and twin is not None and not container.is_signed(twin) and twin != payload:
        if len(twin) != len(payload):
            yield f"{name}: holds {len(payload)} bytes, but {_stem(name)}.bin has {len(twin)}: one is truncated: {_AGAIN}"
        else:
            yield f"{name}: holds other bytes than {_stem(name)}.bin: one is damaged, or the set is mixed: {_AGAIN}"


def _missing(image: Image, source: Source, named: Dict[str, List[Member]], missing: List[str]) -> List[str]:
    """One text about all of the missing files, with what the source holds instead."""
    if not missing:
        return []
    text = f"{', '.join(missing)}: {'is' if len(missing) == 1 else 'are'} missing in {source.path}"
    lowered = {name.lower(): name for name in sorted(named)}
    cased = [(lowered[name.lower()], name) for name in missing if name.lower() in lowered]
    if cased:
        renames = ", ".join(f"{other} to {name}" for other, name in cased)
        return [f"{text}, which holds it in another case, and phones ask for this one: rename {renames}"]
    held = {found.name: found for found in map(_image_of, named) if found and found.protocol == SIP}
    spelt = [name for name, found in held.items() if found.same_as(image) and name != image.name]
    if spelt:
        return [f"{text}, which holds {', '.join(spelt)}: did you mean that?"]
    others = _few([name for name in sorted(held) if name != image.name])
    if others:
        return [f"{text}, which holds {others}: set src to what Cisco ships for {image}"]
    packed = _few([shown(name) for name in sorted(named) if name.lower().endswith(_ARCHIVES)])
    if packed:
        return [f"{text}, which holds {packed}: set src to the archive itself, or unpack it: archives inside are not opened"]
    return [f"{text}: set src to what Cisco ships for {image}, whole"]


def _few(names: List[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _staged(root: Root, name: str, data: bytes, server: Reader) -> Tuple[File, Optional[Change]]:
    """Raises RootError, OSError."""
    if name not in root.entries:
        return File(name, "added", _content(data)), Change(name, f"{root.real}/{name}", None, data, None)
    path, before, status = _held(root, name)
    if before == data and server.may(status, _READ):
        return File(name, "unchanged", _content(data)), None
    return File(name, "replaced", _content(data), _content(before)), Change(name, path, before, data, status)


def _held(root: Root, name: str) -> Tuple[str, bytes, os.stat_result]:
    """Path and content of a file of the root. Raises RootError, OSError."""
    path = root.locate(name, root.entries[name])
    with os.fdopen(os.open(path, _OPEN), "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_size > MAX_FILE:
            raise RootError(f"{name} in {root.path}: has {status.st_size} bytes, more than any image: move it out of the root")
        return path, file.read(MAX_FILE), status


def _content(data: bytes) -> Content:
    return Content(len(data), hashlib.sha256(data).hexdigest())


def _illegible(root: Root, name: str, error: OSError) -> str:
    return f"{name} in {root.path}: cannot be read ({_cause(error)}): mend or remove it"


def _unreadable(root: Root, change: Change, mode: int, server: Reader) -> List[str]:
    """What keeps the TFTP server from reading that file once it is written."""
    folder = os.path.dirname(change.path)
    status = _dressed(os.stat(folder), change.status, mode)
    if not server.may(status, _READ):
        owner = f"owner {status.st_uid}, group {status.st_gid}"
        return [f"{change.name}: would not be readable for {server.name} with mode {mode:04o} ({owner}): set mode to 0644"]
    while root.holds(folder):
        if not server.may(os.stat(folder), _SEARCH):
            return [f"{change.name}: is in the folder {os.path.relpath(folder, root.real)}, closed to {server.name}: open it (chmod o+x)"]
        folder = os.path.dirname(folder)
    if server.uid is not None and not server.may(root.status, _SEARCH):
        return [f"{change.name}: the folder {root.path} is closed to {server.name}: let {server.name} in"]
    return []


def _dressed(folder: os.stat_result, before: Optional[os.stat_result], mode: int) -> os.stat_result:
    """Owner and mode of a file once it is written: a new one is owned as its folder is, if that is for us to say."""
    model = before or folder
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    owner = (model.st_uid, model.st_gid)
    if user and not before and (folder.st_uid != user or folder.st_gid not in groups):
        owner = (user, folder.st_gid if folder.st_mode & stat.S_ISGID else os.getegid())
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, *owner, 0, 0, 0, 0))


def _stale_twins(root: Root, written: Dict[str, bytes]) -> List[str]:
    """A raw twin of another length makes the signed file look truncated to everybody who compares them."""
    faults: List[str] = []
    for name, data in written.items():
        twin = _stem(name) + ".bin"
        entry = root.entries.get(twin)
        if _extension(name) not in (".sbn", ".sb2") or not entry or twin in written:
            continue
        try:
            with os.fdopen(os.open(root.locate(twin, entry), _OPEN), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                signed = container.is_signed(file.read(64))
        except RootError as error:
            faults += error.faults
            continue
        except OSError as error:
            faults.append(_illegible(root, twin, error))
            continue
        payload = len(data) - container.parse(data[: container.HEAD], len(data)).header_length
        if size not in (0, payload) and not signed:
            faults.append(f"{twin} in {root.path}: has {size} bytes, but {name} holds {payload}: remove it, no phone needs it")
    return faults


def _unwritable(root: Root, changes: Sequence[Change]) -> List[str]:
    """What a real run would fail at, as far as it can be told without writing."""
    faults = []
    for folder in sorted({os.path.dirname(change.path) for change in changes}):
        if not os.access(folder, os.W_OK | os.X_OK):
            thing = root.path if folder == root.real else folder
            faults.append(f"{thing}: cannot be written by user {os.geteuid()}: run as a user who may (become), or mount it writable")
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    for change in changes:
        if user and change.status and change.after is not None and (change.status.st_uid != user or change.status.st_gid not in groups):
            faults.append(f"{change.name}: belongs to somebody else, which user {user} cannot keep: run as root (become)")
    return faults


def _lack_of_space(root: Root, changes: Sequence[Change]) -> List[str]:
    """Every file is written beside the one that it replaces, so all of them need room at once."""
    needed: Dict[int, Tuple[str, List[int]]] = {}
    for change in changes:
        folder = os.path.dirname(change.path)
        needed.setdefault(os.stat(folder).st_dev, (folder, []))[1].append(len(change.after or b""))
    faults = []
    for folder, sizes in needed.values():
        system = os.statvfs(folder)
        block = system.f_frsize or 1
        wanted, there = sum(-(-size // block) * block for size in sizes) + SPARE, system.f_bavail * block
        thing = root.path if folder == root.real else folder
        if system.f_blocks and wanted > there:
            faults.append(f"{thing}: has {there} bytes free, the files take {wanted}: make room, or remove images not in use")
        if system.f_files and system.f_favail < len(sizes):
            faults.append(f"{thing}: its file system has room for {system.f_favail} more files, {len(sizes)} are needed: remove some")
    return faults


def _references(root: Root, stems: Sequence[str], names: Sequence[str]) -> List[str]:
    """Whatever in the root makes a phone ask for one of the files, whichever case it is written in."""
    found = []
    lowered = [stem.lower() for stem in stems]
    for where, value in _pointers(root, names):
        if _without_extension(value.strip().lower()) in lowered:
            found.append(f"{where} names {shown(value.strip())}: point it at another image first")
    return found


def _pointers(root: Root, names: Sequence[str]) -> Iterator[Tuple[str, str]]:
    """Where something names an image, and what it names."""
    for config in (*filter(None, [root.default]), *root.phones()):
        for line, value in cnf.set_image_version(config.data, "").before:
            yield f"{config.name}:{line}: image_version", value
    if root.os79xx:
        for word in root.os79xx.data.replace(b"\0", b" ").split():
            yield f"{OS79XX}:", word.decode("ascii", "replace")
    for name in sorted(root.entries):
        manifest = _extension(name) == MANIFEST and name not in names
        file = root.read(name, root.entries[name]) if manifest or _XML.fullmatch(name) else None
        if not file:
            continue
        if manifest:  # looked through as text: what is damaged may still be whole enough for a phone
            for other in names:
                if other.lower().encode() in file.data.lower():
                    yield f"{name}:", other
            continue
        text = _XML_COMMENT.sub(b"", file.data.replace(b"\0", b""))
        for pattern, thing in ((_LOAD_INFORMATION, "loadInformation"), (_SYNC_VERSION, "IMAGE VERSION")):
            for match in pattern.finditer(text):
                yield f"{name}: {thing}", match.group(1).decode("utf-8", "backslashreplace")


def _image_of(name: str) -> Optional[Image]:
    return recognise(_stem(name)) if _extension(name) in EXTENSIONS else None


def _without_extension(name: str) -> str:
    return _stem(name) if _extension(name) in EXTENSIONS else name


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _cause(error: OSError) -> str:
    return error.strerror or str(error)
