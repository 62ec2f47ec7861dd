# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cisco ships - a folder, a .zip, a .tar or a .tar.gz, told apart by content - read as if a stranger had packed it.

Nothing is unpacked onto the disk and archives inside an archive stay closed: the files that are asked for come into memory, none
longer than MAX_FILE. An archive is refused as a whole for one member that is a link or a device, or whose path leads elsewhere.
What a header claims is checked before anything is read, and what is read against the claim.
"""

from __future__ import annotations

import copy
import errno
import gzip
import io
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Collection, Container, Dict, Iterable, Iterator, Optional, Tuple, cast

from .. import _files
from .._change.model import TransactionError
from .._text import plain

MAX_MEMBERS = 1000
MAX_FILE = 64 << 20
MAX_TOTAL = 256 << 20
MAX_RATIO = 100
"""Firmware packs to a half or a third; more than a hundredfold is a bomb, as soon as it is larger than any image (HARMLESS)."""
HARMLESS = 8 << 20

_METADATA = 1 << 20
_CHUNK = 1 << 16
_BLOCK = 512
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_OTHER_KINDS = (
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"7z\xbc\xaf", "a 7-Zip file"),
    (b"Rar!", "a RAR file"),
    (b"MZ", "a Windows program"),
)
_DAMAGE = (
    gzip.BadGzipFile,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)
_AGAIN = "get it from Cisco again"


class ArchiveError(TransactionError):
    """Why a source is refused, as "thing: cause: what to do"."""


@dataclass(frozen=True)
class Member:
    """One file in a source. `number` tells two of the same path apart."""

    path: str
    number: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Source:
    """A folder or archive. `members` are its files, without folders."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.members: Tuple[Member, ...] = ()

    def read(self, wanted: Iterable[Member]) -> Dict[Member, bytes]:
        """The content of those members. Raises ArchiveError."""
        return dict(self._contents(frozenset(wanted)))

    def _contents(self, wanted: Collection[Member]) -> Iterator[Tuple[Member, bytes]]:
        raise NotImplementedError


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """The source at that path. Raises ArchiveError."""
    with ExitStack() as stack:
        try:
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                source: Source = _Folder(path)
            elif stat.S_ISREG(mode):
                file = stack.enter_context(os.fdopen(os.open(path, _files.OPEN & ~os.O_NOFOLLOW), "rb"))
                source = _archive(path, file)
            else:  # a device may do something when it is opened
                raise ArchiveError(f"{path}: is neither a folder nor a file: set src to what Cisco ships")
        except (OSError, ValueError) as error:
            raise ArchiveError(_no_source(path, error)) from None
        yield source


def shown(text: str) -> str:
    """A name out of an archive, fit for a message."""
    return plain(text[:100])


class _Folder(Source):
    """The files in a folder itself, not those in its folders. A link is not followed: it could name anything on this host."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
        self.members = tuple(Member(name, number) for number, name in enumerate(names))

    def _contents(self, wanted: Collection[Member]) -> Iterator[Tuple[Member, bytes]]:
        for member in wanted:
            thing = f"{self.path}/{member.path}"
            try:
                data, status = _files.read(thing, MAX_FILE)
            except _files.NotAFile as error:
                raise ArchiveError(f"{thing}: {_files.cause(error)}: put the file itself there") from None
            except OSError as error:
                raise ArchiveError(_no_source(thing, error)) from None
            _sized(thing, status.st_size)
            yield member, data or b""


class _Zip(Source):
    def __init__(self, path: str, file: IO[bytes]) -> None:
        super().__init__(path)
        self._guard = _Guard(path, file)
        with _reading(path):
            self._zip = zipfile.ZipFile(cast(IO[bytes], self._guard))
        self._infos: Dict[Member, zipfile.ZipInfo] = {}
        census = _Census(path)
        length = os.fstat(file.fileno()).st_size
        for number, info in enumerate(self._zip.infolist()):
            name = info.orig_filename
            thing = f"{path}: {shown(name)}"
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveError(f"{thing} is {'a symbolic link' if kind == stat.S_IFLNK else 'no ordinary file'}: {_AGAIN}")
            census.admit(name, info.file_size)
            if info.flag_bits & _ENCRYPTED:
                raise ArchiveError(f"{thing} is encrypted: unpack it with its password and set src to that folder")
            if info.compress_size > length:
                raise ArchiveError(f"{thing} claims {info.compress_size} bytes of an archive of {length}: is damaged: {_AGAIN}")
            if info.file_size > HARMLESS and info.file_size > MAX_RATIO * info.compress_size:
                raise ArchiveError(f"{thing} claims to unpack {info.compress_size} bytes to {info.file_size}: is a bomb: {_AGAIN}")
            if not info.is_dir():
                self._infos[Member(name, number)] = info
        self.members = tuple(self._infos)

    def _contents(self, wanted: Collection[Member]) -> Iterator[Tuple[Member, bytes]]:
        for member in wanted:
            info = self._infos[member]
            thing = f"{self.path}: {shown(member.path)}"
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(f"{thing} is packed by method {info.compress_type}: unpack it and set src to that folder")
            self._guard.budget = info.compress_size + _METADATA
            beyond = copy.copy(info)
            beyond.file_size = MAX_FILE + 1  # zipfile stops at the claim and would not see that there is more
            with _reading(thing), self._zip.open(beyond) as stream:
                data = _exactly(thing, stream, info.file_size)
            yield member, data


class _Tar(Source):
    def __init__(self, path: str, file: IO[bytes], packed: bool) -> None:
        super().__init__(path)
        self._file = file
        self._packed = packed
        self.members = tuple(member for member, _data in self._walk(frozenset()))

    def _contents(self, wanted: Collection[Member]) -> Iterator[Tuple[Member, bytes]]:
        for member, data in self._walk(wanted):
            if data is not None:
                yield member, data

    def _walk(self, wanted: Container[Member]) -> Iterator[Tuple[Member, Optional[bytes]]]:
        """Each file, from start to end: that a .gz is whole is only known at its end. None for the content of what is not wanted."""
        self._file.seek(0)
        size = os.fstat(self._file.fileno()).st_size
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=self._file)) if self._packed else self._file
        guard = _Forward(self.path, stream, min(MAX_TOTAL, max(HARMLESS, MAX_RATIO * size)) if self._packed else MAX_TOTAL)
        census = _Census(self.path)
        with _reading(self.path):
            tar = tarfile.TarFile(fileobj=cast(IO[bytes], guard))
        for number in range(MAX_MEMBERS + 1):
            guard.budget = _METADATA
            with _reading(self.path):
                info = tar.next()
            if info is None:
                break
            thing = f"{self.path}: {shown(info.name)}"
            if info.issparse():
                raise ArchiveError(f"{thing} is a sparse file: {_AGAIN}")
            if not (info.isreg() or info.isdir()):
                kind = "a symbolic link" if info.issym() else "a hard link" if info.islnk() else "no ordinary file"
                raise ArchiveError(f"{thing} is {kind}: {_AGAIN}")
            census.admit(info.name, info.size)
            if info.isreg():
                member, data = Member(info.name, number), None
                if member in wanted:
                    guard.budget = info.size + _CHUNK
                    with _reading(thing):
                        data = _exactly(thing, cast(IO[bytes], tar.extractfile(info)), info.size)
                yield member, data
        if guard.last != bytes(_BLOCK):
            cause = "damaged (what follows is no tar)" if guard.last else "truncated (it has no end mark)"
            raise ArchiveError(f"{self.path}: is {cause}: {_AGAIN}")
        with _reading(self.path):
            guard.drain()


class _Census:
    """What an archive may hold, judged from its headers alone."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.members = self.claimed = 0

    def admit(self, name: str, size: int) -> None:
        """Raises ArchiveError."""
        thing = f"{self.path}: {shown(name)}"
        self.members += 1
        self.claimed += size
        if self.members > MAX_MEMBERS:
            raise ArchiveError(f"{self.path}: has more than {MAX_MEMBERS} members: {_AGAIN}")
        fault = _path_fault(name)
        if fault:
            raise ArchiveError(f"{thing} {fault}: {_AGAIN}")
        _sized(thing, size)
        if self.claimed > MAX_TOTAL:
            raise ArchiveError(f"{self.path}: claims more than {MAX_TOTAL} bytes in all: {_AGAIN}")


class _Guard:
    """A file that tarfile and zipfile read from: it hands out no more than `budget` bytes, whatever a header says is to be read."""

    def __init__(self, path: str, file: IO[bytes]) -> None:
        self.path = path
        self.file = file
        self.budget = _METADATA
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        most = self.budget + 1
        self.last = self.file.read(most if size < 0 else min(size, most))
        self.budget -= len(self.last)
        if self.budget < 0:
            raise ArchiveError(f"{self.path}: has headers of an absurd length: {_AGAIN}")
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True


class _Forward(_Guard):
    """The same for a tar: only ahead, so that no header can make a loop, and not beyond `limit`."""

    def __init__(self, path: str, file: IO[bytes], limit: int) -> None:
        super().__init__(path, file)
        self.limit = limit

    def read(self, size: int = -1) -> bytes:
        data = super().read(size)
        self._within(self.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self.tell():
            raise tarfile.ReadError("a member starts before the one ahead of it ends")
        self._within(offset)
        return super().seek(offset)

    def drain(self) -> None:
        """To the end of the file, where gzip has its checksum."""
        while self.file.read(_CHUNK):
            self._within(self.tell())

    def _within(self, position: int) -> None:
        if position > self.limit:
            raise ArchiveError(f"{self.path}: unpacks to more than {self.limit} bytes: is a bomb: {_AGAIN}")


def _archive(path: str, file: IO[bytes]) -> Source:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_TOTAL:
        raise ArchiveError(f"{path}: has {size} bytes, more than any archive with an image: set src to what Cisco ships")
    with _reading(path):
        head = file.read(_BLOCK)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _Zip(path, file)
    if head.startswith(b"\x1f\x8b"):
        return _Tar(path, file, packed=True)
    if _is_tar(head):
        return _Tar(path, file, packed=False)
    if not head:
        raise ArchiveError(f"{path}: is empty: {_AGAIN}")
    kind = next((kind for start, kind in _OTHER_KINDS if head.startswith(start)), "neither a folder nor a .zip, .tar or .tar.gz")
    raise ArchiveError(f"{path}: is {kind}: unpack what Cisco ships and set src to that folder")


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return head == bytes(_BLOCK)
    return True


def _exactly(thing: str, stream: IO[bytes], size: int) -> bytes:
    """All that a stream holds, if that is as much as was claimed. Read bit by bit: a claim takes no memory."""
    data = bytearray()
    while len(data) <= size:
        piece = stream.read(min(_CHUNK, size + 1 - len(data)))
        if not piece:
            break
        data += piece
    if len(data) < size:
        raise ArchiveError(f"{thing} is truncated ({len(data)} of {size} bytes): {_AGAIN}")
    if len(data) > size:
        raise ArchiveError(f"{thing} is longer than the {size} bytes that it claims: {_AGAIN}")
    return bytes(data)


def _sized(thing: str, size: int) -> None:
    if not 0 <= size <= MAX_FILE:
        raise ArchiveError(f"{thing} claims {size} bytes, more than any image has: {_AGAIN}")


def _path_fault(path: str) -> Optional[str]:
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        return "has an absolute path"
    if "\\" in path:
        return "has a backslash in its path"
    if ".." in path.split("/"):
        return "leads out of the archive"
    if re.search("[\x00-\x1f\x7f]", path):
        return "has a control character in its path"
    return None


@contextmanager
def _reading(thing: str) -> Iterator[None]:
    """Whatever the readers of the standard library make of broken bytes becomes an ArchiveError."""
    try:
        yield
    except EOFError:
        raise ArchiveError(f"{thing}: is truncated (its packed data ends too early): {_AGAIN}") from None
    except _DAMAGE as error:
        text = shown(str(error)) or type(error).__name__
        if text in ("unexpected end of data", "File is not a zip file"):
            raise ArchiveError(f"{thing}: is truncated ({'its end is missing' if 'zip' in text else text}): {_AGAIN}") from None
        raise ArchiveError(f"{thing}: is damaged ({text}): {_AGAIN}") from None
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # a header that sends the reader before the start
            raise ArchiveError(f"{thing}: is damaged ({shown(str(error))}): {_AGAIN}") from None
        raise ArchiveError(_no_source(thing, error)) from None


def _no_source(path: str, error: Exception) -> str:
    ask = "set src to the folder or archive that Cisco ships, on the TFTP host"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{path or repr(path)}: does not exist: {ask}"
    if isinstance(error, PermissionError):
        return f"{path}: cannot be read by {_files.me()}: {_files.BECOME}"
    cause = _files.cause(error) if isinstance(error, OSError) else str(error)
    return f"{shown(path)}: cannot be read ({cause}): {ask}"
