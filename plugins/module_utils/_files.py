# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on this host: open, read, write, sync, and the words for what goes wrong.

Nothing here waits for a named pipe or follows a symbolic link at the end of a path. A path is meant in `folder`, a descriptor, where one
is given: then it is a name. Functions raise OSError unless they say otherwise.
"""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Callable, Dict, Mapping, Optional, Set, Tuple

OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
"""Flags to open a file for reading that somebody else may have exchanged for something else."""

BECOME = "run as a user who may (ansible_become: true)"
"""What to do about what this user may not do."""
_AGAIN = "remove the cause and run again"
_REMEDIES = {
    errno.ENOSPC: "make room on that file system and run again",
    errno.EDQUOT: "make room or raise the quota, and run again",
    errno.EROFS: "mount it writable and run again",
    errno.EACCES: BECOME,
    errno.EPERM: f"{BECOME}, and see that it is not immutable",
    errno.ENAMETOOLONG: "give it a shorter name and run again",
}
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)

MOST_ATTRIBUTES = 1 << 20
"""Bytes of extended attributes that a file may have: more is no label and no list of rights."""
_STAMP = attrgetter("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_mode", "st_uid", "st_gid")
"""By which a file that was changed is known."""
_NOT_COPIED = ("security.capability", "security.ima", "security.evm")
"""Attributes of one file that must not be those of another: what a program may do, and digests."""


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
    return _REMEDIES.get(getattr(error, "errno", 0), _AGAIN)


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


def open_file(path: str, folder: Optional[int] = None) -> Tuple[int, os.stat_result]:
    """A descriptor of an ordinary file, to read it. Raises NotAFile, OSError."""
    try:
        descriptor = os.open(path, OPEN, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotAFile(error.errno, "it is a symbolic link or a socket now") from None
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotAFile(errno.EINVAL, f"it is {kind(status.st_mode)}")
    return descriptor, status


def read(path: str, limit: int = sys.maxsize, head: bool = False, folder: Optional[int] = None) -> Tuple[Optional[bytes], os.stat_result]:
    """The whole of an ordinary file, or None if it has more than `limit` bytes; with `head`, no more than the first `limit` bytes.

    Raises NotAFile, OSError.
    """
    descriptor, status = open_file(path, folder)
    try:
        if status.st_size > limit and not head:
            return None, status
        wanted = min(status.st_size, limit)
        data = os.read(descriptor, wanted + 1)  # one more: a file that grows meanwhile is seen
        more = data
        while more and len(data) < wanted:
            more = os.read(descriptor, wanted - len(data))
            data += more
        return data[:wanted] if head else data, status
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


def metadata_of(descriptor: int) -> Metadata:
    """Mode, owner, time and extended attributes of an open file."""
    status = os.fstat(descriptor)
    return Metadata(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, _attributes(descriptor))


def same_file(one: Optional[os.stat_result], other: Optional[os.stat_result]) -> bool:
    """Whether both are of one file that nobody has changed in between; None where there is no file."""
    return (one and _STAMP(one)) == (other and _STAMP(other))


def status_of(path: str, folder: Optional[int] = None) -> Optional[os.stat_result]:
    """Of that file itself, not of what a link names; None if there is none."""
    with suppress(FileNotFoundError):
        return os.stat(path, dir_fd=folder, follow_symlinks=False)
    return None


def create(path: str, folder: Optional[int] = None) -> int:
    """A descriptor of a new file, readable for its owner only."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)


def write_and_close(
    descriptor: int,
    data: bytes,
    fsync: bool = False,
    metadata: Optional[Metadata] = None,
    owner: Optional[os.stat_result] = None,
    mode: Optional[int] = None,
) -> None:
    """All of a file that was created, with that `metadata`.

    Without it, it is owned as `owner` (of its folder), where that is allowed, and readable for everybody unless `mode` says otherwise, as
    TFTP servers want it; without both it stays readable for its owner only. Raises NotOurs, OSError.
    """
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, memoryview(data)[written:])
        if metadata:
            _set_metadata(descriptor, metadata)
        elif owner:
            with suppress(PermissionError):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fchmod(descriptor, 0o644 if mode is None else mode)
        if fsync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _set_metadata(descriptor: int, metadata: Metadata) -> None:
    """Owner, mode, extended attributes (SELinux context, ACLs) and time."""
    try:
        os.fchown(descriptor, metadata.uid, metadata.gid)
    except PermissionError as error:
        raise NotOurs(error.errno, f"belongs to somebody else, which {me()} cannot keep: run as root (ansible_become: true)") from None
    os.fchmod(descriptor, metadata.mode)
    for attribute in _attribute_names(descriptor) - set(metadata.attributes):
        _tolerant(os.removexattr, descriptor, attribute)
    for attribute, value in metadata.attributes.items():
        if attribute not in _NOT_COPIED:
            _tolerant(os.setxattr, descriptor, attribute, value)
    if metadata.mtime_ns is not None:
        os.utime(descriptor, ns=(metadata.mtime_ns, metadata.mtime_ns))


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file that readers see either as it was or complete; text as UTF-8. Makes its folder."""
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    staged = os.path.join(folder, f".{name}.{secrets.token_hex(4)}")
    try:
        with open(staged, "xb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(staged, path)
    except BaseException:
        remove_if_possible(staged)
        raise


def _attribute_names(descriptor: int) -> Set[str]:
    try:
        return set(os.listxattr(descriptor)).difference(_NOT_COPIED)
    except (OSError, AttributeError):  # none to be had on this file system, or on this system
        return set()


def _attributes(descriptor: int) -> Dict[str, bytes]:
    found: Dict[str, bytes] = {}
    size = 0
    for name in _attribute_names(descriptor):
        with suppress(OSError):
            found[name] = os.getxattr(descriptor, name)
            size += len(found[name])
        if size > MOST_ATTRIBUTES:
            raise NotAFile(errno.E2BIG, f"has more than {MOST_ATTRIBUTES} bytes of extended attributes")
    return found


def _tolerant(function: Callable[..., object], *arguments: object) -> None:
    """As shutil.copystat: what the file system or the kernel's policy does not let us copy is left out."""
    try:
        function(*arguments)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.EINVAL):
            raise


# -- syncing and removing


def sync(path: str, folder: Optional[int] = None, flags: int = OPEN) -> None:
    """Force a file onto the disk."""
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Force the names in a folder onto the disk."""
    sync(path, flags=os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def sync_file_system(descriptor: int) -> bool:
    """Force all of the file system of an open folder onto the disk, in one go for any number of files. False where that cannot be done."""
    try:
        import ctypes

        done = bool(ctypes.CDLL(None, use_errno=True).syncfs(descriptor) == 0)
    except (ImportError, AttributeError, OSError):  # no system, or no Python, with such a call
        return False
    if not done and ctypes.get_errno() not in (errno.ENOSYS, errno.EOPNOTSUPP):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def remove(path: str, folder: Optional[int] = None) -> None:
    """Remove a file, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)


def remove_if_possible(path: str, folder: Optional[int] = None) -> bool:
    """Whether the file is gone. Raises nothing."""
    try:
        remove(path, folder)
    except OSError:
        return False
    return True
