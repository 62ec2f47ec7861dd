# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TFTP root: read it, and say what would change to make it name an image.

`Root` reads and gathers what is wrong; `plan` says what would change and writes nothing: that is for `_change`.
Facts about the files are from `cnf`, `container` and `image`. That a phone asks for its own file as SIP<MAC>.cnf with
the MAC in upper case, and puts tftp_cfg_dir before it, is from a real 8.12 boot log and administrators' how-tos.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import re
import stat
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._change.model import Change, TransactionError
from .._phone import cnf, container
from .._phone.image import Image, recognise

SIP_DEFAULT = "SIPDefault.cnf"
OS79XX = "OS79XX.TXT"
MAX_CONFIG = 1 << 20
"""No phone reads a configuration of a megabyte: such a file is something else."""

_PHONE_FILE = re.compile(r"SIP([0-9A-F]{12})\.cnf")
_LIKE_PHONE_FILE = re.compile(r"sip(.*)\.cnf", re.IGNORECASE | re.DOTALL)
_SHOWN = 20
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_READ, _SEARCH = 4, 1
_OR_NOT = ", or set verify_files to false"
_ARCHIVE = f"copy it there from Cisco's archive{_OR_NOT}"
_AGAIN = f"copy it again from Cisco's archive{_OR_NOT}"


class RootError(TransactionError):
    """What is wrong with a root. `faults` holds one text "thing: cause: what to do" each."""


@dataclass(frozen=True)
class Reader:
    """Who has to be able to read the files: a user, or (uid None) anybody, as tftpd-hpa wants it without --permissive."""

    uid: Optional[int] = None
    gids: FrozenSet[int] = frozenset()
    name: str = "the TFTP server's user"

    def may(self, status: os.stat_result, bit: int) -> bool:
        """Judged from the mode bits; ACLs are not looked at."""
        if self.uid is None:
            return bool(status.st_mode & bit)
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.gids else 0
        return bool(status.st_mode >> shift & bit)


def reader(user: Optional[str]) -> Reader:
    """The reader of that name. Raises RootError if there is no such user."""
    if user is None:
        return Reader()
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise RootError(f"tftp_user {_shown(user)} does not exist on this host: name the user that the TFTP server runs as") from None
    try:
        groups = os.getgrouplist(user, entry.pw_gid)
    except OSError:
        groups = [entry.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)]
    return Reader(entry.pw_uid, frozenset(groups), user)


@dataclass(frozen=True)
class File:
    """One file as read. `name` is relative to the root, `path` the file itself, behind any symbolic link."""

    name: str
    path: str
    data: bytes
    status: os.stat_result

    @property
    def mac(self) -> Optional[str]:
        match = _PHONE_FILE.fullmatch(os.path.basename(self.name))
        return match.group(1) if match else None


@dataclass
class Plan:
    """What would change in a root to make it name an image."""

    image: str
    os79xx: str
    changes: List[Change] = field(default_factory=list)
    examined: int = 0
    overrides: List[Tuple[File, cnf.Edit]] = field(default_factory=list)
    """The per-phone files that name another image."""
    duplicates: List[Tuple[str, List[int]]] = field(default_factory=list)
    os79xx_before: Optional[str] = None
    would_move: Dict[str, str] = field(default_factory=dict)
    """MAC → image that the files name for it now, of every phone for which they would name another release."""
    warnings: List[str] = field(default_factory=list)


class Root:
    """A TFTP root as found. What is wrong with it gathers in `faults` while it is read, what is only odd in `warnings`."""

    def __init__(self, path: str) -> None:
        """Raises RootError if there is no folder at that path or it cannot be listed."""
        self.path = path.rstrip("/") or path
        self.faults: List[str] = []
        self.warnings: List[str] = []
        self.shared: List[Tuple[str, str]] = []
        """Pairs of MACs whose files are one, by symbolic links. Known after `phones` has ended."""
        try:
            self.real = os.path.realpath(path)
            self.status = os.stat(path)
            if not stat.S_ISDIR(self.status.st_mode):
                raise RootError(
                    f"{path} is {_kind(self.status.st_mode)}, not a folder: set tftp_root to the folder that the TFTP server serves"
                )
            self.entries = _listed(self.real)
        except ValueError as error:
            raise RootError(f"{_plain(path)} is no path ({error}): set tftp_root to the folder that the TFTP server serves") from None
        except OSError as error:
            raise RootError(_no_root(path, error)) from None
        self.default = self._default()
        self.os79xx = self._os79xx()

    def phones(self) -> Iterator[File]:
        """Every SIP<MAC>.cnf, in the root and in the folders that tftp_cfg_dir names, each file once."""
        seen: Dict[str, str] = {}
        for prefix, entries in self._phone_folders():
            for name in sorted(entries):
                if len(name) < 7 or name[:3].upper() != "SIP":
                    continue
                if not _PHONE_FILE.fullmatch(name):
                    fault = _misnamed(name, in_root=not prefix)
                    if fault:
                        self.faults.append(prefix + fault)
                    continue
                file = self.read(prefix + name, entries[name])
                if file and file.path not in seen:
                    seen[file.path] = file.mac or ""
                    yield file
                elif file and file.mac and file.mac != seen[file.path]:
                    self.shared.append((seen[file.path], file.mac))

    def read(self, name: str, entry: os.DirEntry[str]) -> Optional[File]:
        """That file, or None with the reason in `faults`."""
        try:
            path = self.locate(name, entry)
            data, status = _read(path)
        except RootError as error:
            self.faults += error.faults
        except OSError as error:
            self.faults.append(_unreadable(name, error))
        else:
            if data is not None and data.startswith((b"\xff\xfe", b"\xfe\xff")):
                self.faults.append(f"{name} is in UTF-16, which no phone reads: save it as plain text")
                return None
            if data is not None:
                return File(name, path, data, status)
            self.faults.append(f"{name} has {status.st_size} bytes: no phone's configuration is that long: move it out of the root")
        return None

    def locate(self, name: str, entry: os.DirEntry[str]) -> str:
        """The path of the ordinary file that an entry stands for. Raises RootError for anything else, OSError."""
        if entry.is_file(follow_symlinks=False):
            return entry.path
        if not entry.is_symlink():
            mode = entry.stat(follow_symlinks=False).st_mode
            raise RootError(f"{name} is {_kind(mode)}, not a file: move it out of the way")
        real = os.path.realpath(entry.path)
        if not self.holds(real):
            raise RootError(f"{name} is a symbolic link that leaves {self.path} (to {_plain(real)}): put the file itself there")
        try:
            mode = os.stat(entry.path).st_mode
        except OSError as error:
            raise RootError(f"{name} is a symbolic link to nothing ({_cause(error)}): remove it or put the file itself there") from None
        if not stat.S_ISREG(mode):
            raise RootError(f"{name} is a symbolic link to {_kind(mode)}, not to a file: move it out of the way")
        return real

    def holds(self, real: str) -> bool:
        return real.startswith(self.real.rstrip("/") + "/")

    def _default(self) -> Optional[File]:
        entry = self.entries.get(SIP_DEFAULT)
        return self.read(SIP_DEFAULT, entry) if entry else None

    def _os79xx(self) -> Optional[File]:
        for name in sorted(self.entries):
            if len(name) == len(OS79XX) and name.upper() == OS79XX and name != OS79XX:
                self.faults.append(f"{name} is in the wrong case: phones ask for {OS79XX}: {_rename(self.entries, name, OS79XX)}")
        entry = self.entries.get(OS79XX)
        return self.read(OS79XX, entry) if entry else None

    def _phone_folders(self) -> Iterator[Tuple[str, Dict[str, os.DirEntry[str]]]]:
        """The root, and what tftp_cfg_dir names; which of two such lines counts is not known, so all of them."""
        yield "", self.entries
        known = {self.real}
        for setting in cnf.settings(self.default.data) if self.default else ():
            if setting.key.lower() != "tftp_cfg_dir" or not setting.provisioned:
                continue
            where = f"tftp_cfg_dir {_shown(setting.value)} ({SIP_DEFAULT}:{setting.line})"
            inside = os.path.normpath(setting.value.replace("\\", "/").replace("\0", "").lstrip("/") or ".")
            real = os.path.realpath(os.path.join(self.real, inside))
            if real in known:
                continue
            known.add(real)
            if not self.holds(real) or inside.split("/")[0] == "..":
                self.faults.append(f"{where} leaves {self.path}: name a folder inside the root")
                continue
            try:
                entries = _listed(real)
            except FileNotFoundError:
                self.warnings.append(f"{where} is not there, so phones find no file of their own in it: create it or correct the setting")
            except OSError as error:
                self.faults.append(f"{where} is no folder that can be read ({_cause(error)}): correct the setting or the folder")
            else:
                yield inside + "/", entries


def plan(
    root: Root,
    image: Image,
    os79xx: str,
    verify: bool = True,
    server: Reader = Reader(),
    only: Optional[FrozenSet[str]] = None,
    hold: Optional[Mapping[str, Image]] = None,
) -> Plan:
    """What would change so that the root names that image. Reads only.

    With `only`, just the phones of these MACs are pointed at it, by a temporary line in their own files where these set no image,
    and SIPDefault.cnf stays; a plan without it takes such lines out again. `hold` (MAC → image) keeps phones on an image of
    their own. OS79XX.TXT cannot be kept from a phone: up to 6.x they all read it.

    Raises RootError with everything that stands in the way: faults of the root, files that cannot be written, and, unless
    `verify` is off, an image whose files are not there, not whole or not readable for `server`.
    """
    made = Plan(image.name, os79xx)
    faults: List[str] = []
    files: Dict[str, File] = {}
    hold = hold or {}
    default = root.default
    named = cnf.lookup(default.data, "image_version") if default else None
    renamed = named if only is not None else image.name
    if default:
        files[default.path] = default
    if only is None and (default or SIP_DEFAULT not in root.entries):
        _note(root, made, SIP_DEFAULT, default, cnf.set_image_version(default.data if default else b"", image.name, add=True))
    unmet = set(hold) | (only or set())
    for file in root.phones():
        made.examined += 1
        if file.path in files:
            faults.append(f"{file.name} is the same file as {files[file.path].name}: give the phone a file of its own")
            continue
        files[file.path] = file
        mac = file.mac or ""
        unmet.discard(mac)
        if mac in hold:
            edit = cnf.pin(cnf.unpinned(file.data), hold[mac].name)
        elif only is None:
            edit = cnf.set_image_version(cnf.unpinned(file.data), image.name)
        elif mac in only:
            edit = cnf.pin(file.data, image.name, temporary=True)
        else:
            continue
        if edit.data != file.data or edit.before or edit.faults:
            _note(root, made, file.name, file, edit)
        own = edit.before[-1][1].strip() if edit.before else ""
        after = hold[mac].name if mac in hold else image.name if own or only is not None else renamed
        pinned = cnf.lookup(file.data, "image_version") if cnf.PIN_MARK in file.data else None
        _note_move(made, mac, own or pinned or named, after)
    for mac, other in root.shared:
        unmet.discard(other)
        apart = set(hold) | (only or set())
        if (mac in apart) != (other in apart) or hold.get(mac) != hold.get(other):
            faults.append(f"SIP{mac}.cnf and SIP{other}.cnf are one file, so these phones cannot be kept apart: give each its own")
        elif mac in made.would_move:
            made.would_move[other] = made.would_move[mac]
    faults += [f"SIP{mac}.cnf is missing in {root.path}: that phone cannot be kept apart without it: create it" for mac in sorted(unmet)]
    faults += _point(root, made, files)
    problems = image_problems(root, image, server)
    if verify:
        faults += problems
    else:
        made.warnings += [problem.replace(_OR_NOT, "") for problem in problems]
    faults += _unwritable(root, made.changes)
    if root.faults or faults:
        raise RootError(*root.faults, *faults)
    made.warnings += root.warnings
    made.warnings += _hidden(root, files.values(), server)
    return made


def named_images(root: Root, instead: Optional[Mapping[str, Optional[bytes]]] = None) -> Tuple[str, Dict[str, str]]:
    """The image that SIPDefault.cnf names ("" if none), and those that phones' own files name, by MAC.

    `instead`: path → content to read in place of a file's own, None for a file that is gone.
    """
    instead = instead or {}
    default = root.default
    data = instead.get(default.path, default.data) if default else instead.get(f"{root.real}/{SIP_DEFAULT}")
    own = {}
    for file in root.phones():
        edit = cnf.set_image_version(instead.get(file.path, file.data) or b"", "")
        value = edit.before[-1][1].strip() if edit.before else ""
        if file.mac and value and value.upper() != cnf.UNPROVISIONED:
            own[file.mac] = value
    return cnf.lookup(data or b"", "image_version") or "", own


def image_problems(root: Root, image: Image, server: Reader = Reader()) -> List[str]:
    """What keeps phones from loading that image from this root: files that are missing, damaged, renamed or not readable."""
    problems: List[str] = []
    missing: List[str] = []
    names = list(image.files)
    for name in names:  # grows by what a manifest names
        entry = root.entries.get(name)
        if not entry:
            missing.append(name)
            continue
        try:
            path = root.locate(name, entry)
            listed = _checked(root, name, path, image, server)
        except RootError as error:
            problems += error.faults
        except OSError as error:
            problems.append(_unreadable(name, error))
        except container.ContainerError as error:
            problems.append(f"{name} {error}: {_AGAIN}")
        else:
            names += [other for other in listed if other not in names]
    return _missing(root, image, missing) + problems


def _note(root: Root, made: Plan, name: str, file: Optional[File], edit: cnf.Edit) -> None:
    made.warnings += [f"{name}:{fault.line}: {fault.text}" for fault in edit.faults]
    if len(edit.before) > 1:
        made.duplicates.append((name, [line for line, _value in edit.before]))
    if file and file.name != SIP_DEFAULT and any(value != made.image for _line, value in edit.before):
        made.overrides.append((file, edit))
    if file is None:
        made.changes.append(Change(name, f"{root.real}/{name}", None, edit.data, None))
    elif edit.data != file.data:
        made.changes.append(Change(name, file.path, file.data, edit.data, file.status))


def _note_move(made: Plan, mac: str, before: Optional[str], after: Optional[str]) -> None:
    if before == after:
        return
    named, renamed = recognise(before or ""), recognise(after or "")
    if renamed and not (named and named.same_as(renamed)):
        made.would_move[mac] = before or ""


def _point(root: Root, made: Plan, files: Dict[str, File]) -> List[str]:
    """OS79XX.TXT: the name and a newline. Old phones take a blank or a carriage return for a part of it (Cisco's bug CSCdv19260)."""
    file = root.os79xx
    right = made.os79xx.encode("ascii")
    if file:
        made.os79xx_before = file.data[:256].decode("utf-8", "backslashreplace")
        if file.path in files:
            return [f"{OS79XX} is the same file as {files[file.path].name}: give it a file of its own"]
        if file.data not in (right, right + b"\n"):
            made.changes.append(Change(OS79XX, file.path, file.data, right + b"\n", file.status))
        files[file.path] = file
    elif OS79XX not in root.entries:
        made.changes.append(Change(OS79XX, f"{root.real}/{OS79XX}", None, right + b"\n", None))
    return []


def _checked(root: Root, name: str, path: str, image: Image, server: Reader) -> Tuple[str, ...]:
    """Raises RootError or ContainerError unless the file is whole, readable and what its name says. Returns what it names."""
    head, status = _read(path, container.HEAD, whole=False)
    if not server.may(status, _READ):
        raise RootError(f"{name} is not readable for {server.name} (mode {stat.S_IMODE(status.st_mode):04o}): {_allow(server, 'r', name)}")
    folder = os.path.dirname(path)
    while root.holds(folder):
        if not server.may(os.stat(folder), _SEARCH):
            inside = os.path.relpath(folder, root.real)
            raise RootError(f"{name} is in the folder {inside}, closed to {server.name}: {_allow(server, 'x', inside)}")
        folder = os.path.dirname(folder)
    if server.uid is not None and not server.may(root.status, _SEARCH):
        raise RootError(f"{name}: the folder {root.path} is closed to {server.name}: {_allow(server, 'x', root.path)}")
    if not head:
        raise RootError(f"{name} is empty: {_AGAIN}")
    stem, extension = os.path.splitext(name)
    signed = container.is_signed(head)
    if extension == ".bin" and not signed:
        return _is_image(name, head, recognise(stem))
    held = container.parse(head, status.st_size)
    if held.name and held.name != name:
        raise RootError(f"{name} was renamed: it is {_plain(held.name)} inside: {_AGAIN}")
    payload = head[held.header_length :]
    if extension == ".loads":
        return container.manifest(payload)
    twin = stem + ".bin"
    if extension in (".sbn", ".sb2") and twin in root.entries:
        raw, raw_status = _read(root.locate(twin, root.entries[twin]), container.HEAD, whole=False)
        if raw and not container.is_signed(raw) and raw_status.st_size != held.payload_length:
            raise RootError(
                f"{name} holds {held.payload_length} bytes, but {twin} has {raw_status.st_size}: one is truncated: copy both again"
            )
    return _is_image(name, payload, recognise(stem))


def _is_image(name: str, payload: bytes, expected: Optional[Image]) -> Tuple[str, ...]:
    found = container.load_id(payload)
    if found and expected and not found.same_as(expected):
        raise RootError(f"{name} holds another image, {found}: {_AGAIN}")
    return ()


def _missing(root: Root, image: Image, missing: List[str]) -> List[str]:
    """One text about all of the missing files, with what the root holds instead."""
    if not missing:
        return []
    held = [other for other in map(_image_of, root.entries) if other]
    others: List[str] = []
    for wanted in (image, *filter(None, map(_image_of, missing))):
        others = others or sorted({other.name for other in held if other.same_as(wanted) and other.name != wanted.name})
    texts = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing in {root.path}"
    if others:
        return [f"{texts}: the root holds {' and '.join(others)}: did you mean that?"]
    cased = [(name, other) for name in missing for other in sorted(root.entries) if other.lower() == name.lower()]
    if cased:
        renames = ", ".join(f"{other} to {name}" for name, other in cased)
        return [f"{texts}: the root holds it in another case, and phones ask for this one: rename {renames}"]
    return [f"{texts}: {_ARCHIVE if len(missing) == 1 else _ARCHIVE.replace('it', 'them', 1)}"]


def _image_of(name: str) -> Optional[Image]:
    return recognise(os.path.splitext(name)[0]) if name[:1] in "pP" and len(name) < 64 else None


def _hidden(root: Root, files: Iterable[File], server: Reader) -> List[str]:
    """Warnings about files, and the root itself, that the TFTP server cannot read. They were so before: no reason to refuse."""
    warnings = []
    if not server.may(root.status, _SEARCH):
        warnings.append(f"the folder {root.path} is closed to {server.name} (mode {stat.S_IMODE(root.status.st_mode):04o})")
    names = [file.name for file in files if not server.may(file.status, _READ)]
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        warnings.append(f"not readable for {server.name}, so phones get no answer: {', '.join(names[:_SHOWN])}{more}")
    return warnings


def _unwritable(root: Root, changes: Sequence[Change]) -> List[str]:
    """What a real run would fail at, as far as it can be told without writing."""
    faults = []
    for folder in sorted({os.path.dirname(change.path) for change in changes}):
        if not os.access(folder, os.W_OK | os.X_OK):
            shown = root.path if folder == root.real else folder
            faults.append(f"{shown} cannot be written by {_me()}: run as a user who may (become), or mount it writable")
    user = os.geteuid()
    if user:
        groups = {os.getegid(), *os.getgroups()}
        for change in changes:
            if change.status and (change.status.st_uid != user or change.status.st_gid not in groups):
                faults.append(f"{change.name} belongs to somebody else, which {_me()} cannot keep: run as root (become)")
    return faults


def _misnamed(name: str, in_root: bool) -> Optional[str]:
    """What is wrong with the name of a file that looks like a phone's, or None if it does not look so."""
    match = _LIKE_PHONE_FILE.fullmatch(name)
    if not match or name == SIP_DEFAULT:
        return None
    stem = match.group(1)
    if stem.lower() == "default":
        return f"{_plain(name)} is in the wrong case: phones ask for {SIP_DEFAULT}: rename or remove it" if in_root else None
    if not stem or not (stem[0].isalnum() or stem[0] == ":"):
        return None
    if re.fullmatch("[0-9A-Fa-f]{12}", stem):
        return f"{name} is in the wrong case: that phone asks for SIP{stem.upper()}.cnf: rename or remove it"
    strange = re.search("[^0-9A-Fa-f]", stem)
    fault = f"holds {_shown(strange.group(0))}" if strange else f"has {len(stem)} digits"
    return f"{_plain(name)} has no MAC address in its name ({fault}; 12 hexadecimal digits belong there): rename it or move it away"


def _listed(folder: str) -> Dict[str, os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return {entry.name: entry for entry in entries}


def _read(path: str, limit: int = MAX_CONFIG, whole: bool = True) -> Tuple[Optional[bytes], os.stat_result]:
    """Up to `limit` bytes of a file, None where `whole` is asked for and it has more. Never waits. Raises OSError."""
    descriptor = os.open(path, _OPEN)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(status.st_mode)}")
        if whole and status.st_size > limit:
            return None, status
        wanted = min(status.st_size, limit)
        data = os.read(descriptor, wanted + 1)
        while len(data) < wanted:
            more = os.read(descriptor, wanted - len(data))
            if not more:
                break
            data += more
        return data[:wanted], status
    finally:
        os.close(descriptor)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISREG, "a file"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
    return next((kind for test, kind in kinds if test(mode)), "a device")


def _no_root(path: str, error: OSError) -> str:
    ask = "set tftp_root to the folder that the TFTP server serves"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{path or _shown(path)} does not exist: {ask}"
    if isinstance(error, PermissionError):
        return f"{path} cannot be read by {_me()}: run as a user who may (become)"
    return f"{path} cannot be read ({_cause(error)}): {ask}"


def _unreadable(name: str, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{name} cannot be read by {_me()}: run as a user who may (become)"
    if isinstance(error, FileNotFoundError):
        return f"{name} vanished while it was read: run again when nobody else changes the root"
    return f"{name} cannot be read ({_cause(error)}): mend or remove it"


def _rename(entries: Dict[str, os.DirEntry[str]], name: str, right: str) -> str:
    return f"remove {name}" if right in entries else f"rename {name} to {right}"


def _allow(server: Reader, bit: str, name: str) -> str:
    change = f"chmod o+{bit} {name}" if server.uid is None else f"let {server.name} in"
    return f"{change}, or set verify_files to false"


def _me() -> str:
    user = os.geteuid()
    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"user {user}"


def _cause(error: OSError) -> str:
    return error.strerror or str(error)


def _shown(text: str) -> str:
    return f"'{text}'" if text.isprintable() and len(text) <= 60 else ascii(text[:60])


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
