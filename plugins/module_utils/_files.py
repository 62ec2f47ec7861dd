# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on this host: open, read, write, sync, and the words for what goes wrong.

Nothing here waits for a named pipe or follows a symbolic link at the end of a path. Functions raise OSError unless they say otherwise.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Set, Tuple

OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
"""Flags to open a file for reading that somebody else may have exchanged for something else."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NEW_FILE_MODE = 0o644

_AGAIN = "remove the cause and run again"
_REMEDIES = {
    errno.ENOSPC: "make room on that file system and run again",
    errno.EDQUOT: "make room or raise the quota, and run again",
    errno.EROFS: "mount it writable and run again",
    errno.EACCES: "run as a user who may write there (become)",
    errno.EPERM: "run as a user who may write there (become), and see that it is not immutable",
    errno.ENAMETOOLONG: "give it a shorter name and run again",
}
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


class NotAFile(OSError):
    """Something else is where a file, or its folder, should be."""


class NotOurs(OSError):
    """A file belongs to somebody else, and this user cannot make another one that does."""


# -- words


def cause(error: OSError) -> str:
    """What went wrong, such as "No space left on device"."""
    return error.strerror or str(error)


def remedy(error: BaseException) -> str:
    """What to do about it before running again."""
    if isinstance(error, NotAFile):
        return "put that right and run again"
    return _REMEDIES.get(error.errno or 0, _AGAIN) if isinstance(error, OSError) else _AGAIN


def kind(mode: int) -> str:
    """What a file with that `st_mode` is, such as "a named pipe"."""
    return next((name for test, name in _KINDS if test(mode)), "a device")


def shown_mode(status: os.stat_result) -> str:
    """Such as "mode 0640"."""
    return f"mode {stat.S_IMODE(status.st_mode):04o}"


def me() -> str:
    """The user that this process runs as, such as "user root"."""
    user = os.geteuid()
    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"user {user}"


# -- reading


def read(path: str, limit: int) -> Tuple[Optional[bytes], os.stat_result]:
    """The whole of an ordinary file, or None if it has more than `limit` bytes. Raises NotAFile, OSError."""
    return _read(path, limit, whole=True)


def read_all(path: str) -> Tuple[bytes, os.stat_result]:
    """The whole of an ordinary file, however long it is. Raises NotAFile, OSError."""
    data, status = _read(path, sys.maxsize, whole=True)
    return data or b"", status


def read_head(path: str, limit: int) -> Tuple[bytes, os.stat_result]:
    """The first `limit` bytes of an ordinary file. Raises NotAFile, OSError."""
    data, status = _read(path, limit, whole=False)
    return data or b"", status


def _read(path: str, limit: int, whole: bool) -> Tuple[Optional[bytes], os.stat_result]:
    try:
        descriptor = os.open(path, OPEN)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotAFile(error.errno, "it is a symbolic link or a socket now") from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotAFile(errno.EINVAL, f"it is {kind(status.st_mode)}")
        if whole and status.st_size > limit:
            return None, status
        wanted = min(status.st_size, limit)
        data = os.read(descriptor, wanted + 1)  # one more: a file that grows meanwhile is seen
        more = data
        while more and len(data) < wanted:
            more = os.read(descriptor, wanted - len(data))
            data += more
        return data if whole else data[:wanted], status
    finally:
        os.close(descriptor)


# -- writing


@dataclass(frozen=True)
class Metadata:
    """What a file has besides its bytes. Without `mtime_ns` it gets the time it is written at."""

    mode: int
    uid: int
    gid: int
    mtime_ns: Optional[int] = None
    attributes: Mapping[str, bytes] = field(default_factory=dict)


def metadata_of(path: str, status: os.stat_result) -> Metadata:
    """Mode, owner, time and extended attributes of that file."""
    return Metadata(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, _attributes(path))


def same_file(one: Optional[os.stat_result], other: Optional[os.stat_result]) -> bool:
    """Whether both are of one file that nobody has changed in between; None where there is no file."""
    return (one and _stamp(one)) == (other and _stamp(other))


def _stamp(status: os.stat_result) -> Tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode, status.st_uid, status.st_gid)


def create(path: str) -> int:
    """A descriptor of a new file, readable for its owner only."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def fill(descriptor: int, data: bytes) -> None:
    """Write all of it."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def set_metadata(descriptor: int, metadata: Metadata) -> None:
    """Give a file owner, mode, extended attributes (SELinux context, ACLs) and time. Raises NotOurs, OSError."""
    try:
        os.fchown(descriptor, metadata.uid, metadata.gid)
    except PermissionError as error:
        raise NotOurs(error.errno, f"belongs to somebody else, which {me()} cannot keep: run as root (become)") from None
    os.fchmod(descriptor, metadata.mode)
    for attribute in _attribute_names(descriptor) - set(metadata.attributes):
        _tolerant(os.removexattr, descriptor, attribute)
    for attribute, value in metadata.attributes.items():
        _tolerant(os.setxattr, descriptor, attribute, value)
    if metadata.mtime_ns is not None:
        os.utime(descriptor, ns=(metadata.mtime_ns, metadata.mtime_ns))


def set_new_metadata(descriptor: int, folder: str) -> None:
    """A new file is owned as its folder is, where that is allowed, and readable for everybody as TFTP servers want it."""
    owner = os.stat(folder)
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except PermissionError:
        pass
    os.fchmod(descriptor, NEW_FILE_MODE)


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file that readers see either as it was or complete; text as UTF-8. Makes its folder."""
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}.", delete=False) as staged:
        try:
            staged.write(content.encode("utf-8") if isinstance(content, str) else content)
            os.fchmod(staged.fileno(), 0o666 & ~_umask())
            staged.close()
            os.replace(staged.name, path)
        except BaseException:
            os.unlink(staged.name)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _attribute_names(target: Any) -> Set[str]:
    try:
        return {name for name in os.listxattr(target) if name not in ("security.ima", "security.evm")}
    except (OSError, AttributeError):  # none to be had on this file system, or on this system
        return set()


def _attributes(path: str) -> Dict[str, bytes]:
    found: Dict[str, bytes] = {}
    for name in _attribute_names(path):
        try:
            found[name] = os.getxattr(path, name)
        except OSError:
            pass
    return found


def _tolerant(function: Callable[..., object], *arguments: object) -> None:
    """As shutil.copystat: what the file system or the kernel's policy does not let us copy is left out."""
    try:
        function(*arguments)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.EINVAL):
            raise


# -- syncing and removing


def sync_folder(folder: str) -> None:
    """Force the names in a folder onto the disk."""
    descriptor = os.open(folder, FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders_of(paths: Iterable[str]) -> None:
    """As `sync_folder`, for the folder of each path; one that is gone is left out."""
    for folder in {os.path.dirname(path) for path in paths}:
        try:
            sync_folder(folder)
        except FileNotFoundError:
            pass


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def remove_if_possible(path: str) -> bool:
    """Whether the file is gone. Raises nothing."""
    try:
        remove(path)
    except OSError:
        return False
    return True
