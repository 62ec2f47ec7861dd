# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the log of a TFTP server is: files, the journal, or what a command writes; and where in a file to begin reading."""

from __future__ import annotations

import errno
import glob
import grp
import gzip
import math
import os
import re
import stat
import subprocess
import tempfile
import zlib
from datetime import datetime
from itertools import islice
from typing import IO, Collection, Dict, Generator, Iterator, List, Optional, Sequence, Tuple, cast

from .._change.model import why_no_root
from .._text import clean
from .bounds import reading
from .capture import GZIP, is_capture, read_capture
from .events import Stats
from .reader import LONGEST, Reader

USUAL = ("/var/log/syslog*", "/var/log/daemon.log*", "/var/log/messages*", "/var/log/dnsmasq.log*", "/var/log/atftpd.log*")
"""Where a TFTP server's lines end up, best place first. One line may stand in several of them, so one is read."""
UNITS = ("tftpd-hpa", "atftpd", "dnsmasq", "tftp", "in.tftpd")
MOST_FILES = 200_000
"""Names of a TFTP root that are looked at."""

_RELATIVE = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*(s(?:econds?)?|m(?:in(?:utes?)?)?|h(?:ours?)?|d(?:ays?)?|w(?:eeks?)?)(?:\s+ago)?", re.IGNORECASE
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EPOCH = re.compile(r"@?([0-9]{9,11}(?:\.[0-9]+)?)")
_PACKED = {b"\xfd7zX": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_FIRST = 200
"""Lines at the start of a log that are searched for a time."""
_STDERR = 2000
"""Bytes of what a command wrote to stderr that are looked at, the last ones."""
MARGIN = 3600.0
"""Seconds that lines may stand out of order: an answer comes no later, and at the end of summer time clocks go back as far."""
_NEAR = 1 << 16
"""Bytes before the first line wanted that are not worth another look."""
_HEAD = 1 << 12
"""Bytes at the start of a log by which it is seen to have been written anew."""
_CUT = "was cut or written anew while it was read; look again"
_NO_RIGHT = re.compile("not seeing messages from other users|insufficient permissions|[Pp]ermission denied")
_MORE_RIGHTS = "run with ansible_become: true, or put the user into the group"


class SourceError(Exception):
    """Why there is no log: thing, cause, what to do."""


def moment(text: str, now: float) -> float:
    """The time that a text names: ISO 8601, seconds since the epoch, or so long before now (2h, 30m). Raises SourceError."""
    text = text.strip()
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return now - float(relative.group(1)) * _UNITS[relative.group(2)[0].lower()]
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        return float(epoch.group(1))
    try:
        # Older Pythons know neither Z nor all fractions of a second.
        return datetime.fromisoformat(re.sub("[Zz]$", "+00:00", re.sub(r"(:[0-9]{2})[.,][0-9]+", r"\1", text))).timestamp()
    except (ValueError, OverflowError, OSError):
        raise SourceError(
            f"{text!r} is no time: it takes one such as 2026-11-23T10:00:00+01:00 (or without zone: the host's), 2h, 30m or 1d before now, "
            "or seconds since 1970"
        ) from None


# -- files


def files(patterns: Sequence[str], since: Optional[float], now: float) -> Tuple[List[str], List[str]]:
    """The logs that are meant, oldest first, and what was left out and why. Raises SourceError."""
    found: Dict[str, str] = {}
    left_out: List[str] = []
    for pattern in patterns:
        named = os.path.lexists(pattern) or not glob.has_magic(pattern)
        matching = [pattern] if named else sorted(path for path in glob.glob(pattern) if os.path.isfile(path))
        if not matching:
            raise SourceError(f"{pattern} matches no file on this host: look where the TFTP server's log is")
        for path in matching:
            if not named and since is not None and os.path.getmtime(path) < since:
                continue  # it has nothing from after `since`
            packed = _packing(path)
            if not packed:
                found.setdefault(os.path.realpath(path), path)
            elif named:
                raise SourceError(
                    f"{path} is packed with {packed}, which is not read here: unpack it, or give command, such as [xzcat, FILE]"
                )
            else:
                left_out.append(f"{path} is packed with {packed}, and was left out")
    return sorted(found.values(), key=lambda path: (_begins(path, now), path)), left_out


def _packing(path: str) -> str:
    """The name of a way of packing that is not read here; empty if the file can be read. Raises SourceError if it is no file or closed."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise SourceError(f"{path} is a folder: name the files in it, such as {path.rstrip('/')}/*.log")
        if not stat.S_ISREG(mode):
            raise SourceError(f"{path} is no plain file: use command, such as [cat, FILE], if it ends")
        with open(path, "rb") as file:
            magic = file.read(4)
    except PermissionError:
        raise SourceError(f"{path} cannot be read by this user: {_MORE_RIGHTS} {_group(path)}") from None
    except FileNotFoundError:
        raise SourceError(
            f"{path} does not exist on this host: look where the TFTP server's log is, or let it be found without naming it"
        ) from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    return next((name for start, name in _PACKED.items() if magic.startswith(start)), "")


def _group(path: str) -> str:
    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        group = "adm"
    return "adm" if group == "root" else group


def _begins(path: str, now: float) -> float:
    """The first time in a log; when it was last written, if there is none at its start."""
    written = min(os.path.getmtime(path), now)
    with reading(path):
        if is_capture(path):
            event = next(read_capture(path, Stats()), None)
            return written if event is None or event.time is None else event.time
        reader = Reader(written, Stats())
        times = (reader.envelope(line)[0] for line in islice(open_log(path), _FIRST))
        return next((when for when in times if when is not None), written)


def root_files(root: str) -> Collection[str]:
    """The names in a TFTP root, relative to it. Raises SourceError."""
    names: List[str] = []
    try:
        os.listdir(root)
    except OSError as error:
        raise SourceError(why_no_root(root, error)) from None
    for folder, folders, here in os.walk(root):
        folders.sort()
        inside = os.path.relpath(folder, root)
        names += here if inside == "." else [f"{inside}/{name}" for name in here]
        if len(names) >= MOST_FILES:
            break
    return names[:MOST_FILES]


# -- one file


def open_log(path: str, since: Optional[float] = None, reader: Optional[Reader] = None) -> Iterator[bytes]:
    """The lines of a log, gzipped or not, each cut at a bound.

    With `since`, in seconds since 1970, and the reader of these lines, a plain file is read from `MARGIN` before that on. If no TFTP server
    wrote that part, the lines before are searched for one, so that it is known whose log it is. Raises OSError; its errno is ESTALE if
    the file was cut or written anew meanwhile.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        if head.startswith(GZIP):
            file.seek(0)
            yield from _unpacked(file)
            return
        begin = _seek(file, since - MARGIN, reader) if reader and since is not None else 0
        file.seek(begin)
        yield from _lines(file)
        end = file.tell()
        if reader and begin and not reader.stats.server:
            _find_server(file, begin, reader)
        if os.fstat(file.fileno()).st_size < end or os.pread(file.fileno(), len(head), 0) != head:
            raise OSError(errno.ESTALE, _CUT, path)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines without their ends. The rest of one that is too long is dropped, since it may look like a line."""
    inside = False
    while True:
        line = stream.readline(LONGEST)
        if not line:
            return
        if not inside:
            yield line.rstrip(b"\r\n")
        inside = not line.endswith(b"\n")


def _unpacked(file: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from _lines(cast("IO[bytes]", gzip.GzipFile(fileobj=file)))
    except (EOFError, OSError, zlib.error) as error:
        if getattr(error, "errno", None):
            raise
        # A gzip file that is still being written, or broken: what came before counts.


def _seek(file: IO[bytes], since: float, reader: Reader) -> int:
    """Where a line begins before which all are older, by bisection, as stamps are nearly in order; 0 if there are no stamps."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > _NEAR:
        middle = (low + high) // 2
        when = _time_after(file, middle, reader)
        if when is not None and when < since:
            low = middle
        else:
            high = middle
    if low:
        _skip_line(file, low)
        return file.tell()
    return 0


def _time_after(file: IO[bytes], place: int, reader: Reader) -> Optional[float]:
    """The time of the first line behind a place in a file that has one."""
    _skip_line(file, place)
    times = (reader.envelope(file.readline(LONGEST))[0] for _line in range(_FIRST))
    return next((when for when in times if when is not None), None)


def _skip_line(file: IO[bytes], place: int) -> None:
    file.seek(place)
    while file.readline(LONGEST)[-1:] not in (b"", b"\n"):
        pass


def _find_server(file: IO[bytes], end: int, reader: Reader) -> None:
    """See which TFTP server wrote the first part of a file."""
    file.seek(0)
    for line in _lines(file):
        if (b"tftp" in line and reader.find_server(line)) or file.tell() >= end:
            return


# -- commands


def output(command: Sequence[str], environment: Optional[Dict[str, str]] = None) -> Generator[bytes, None, str]:
    """The lines that a command writes. Raises SourceError if it fails. Returns the end of what it wrote to stderr."""
    name = clean(os.path.basename(command[0]))
    with tempfile.TemporaryFile() as stderr:
        try:
            # run_command would hold all of the log in memory.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=environment
            )
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            raise SourceError(f"the command {name} cannot be run: {cause}: see that it is installed on this host") from None
        with process:
            try:
                yield from _lines(cast("IO[bytes]", process.stdout))
                status = process.wait()
            finally:
                process.kill()  # if it still runs, nobody wants the rest
        stderr.seek(max(os.fstat(stderr.fileno()).st_size - _STDERR, 0))
        said = stderr.read().decode("utf-8", "replace")
    if status:
        raise SourceError(f"the command {name} ended with status {status}" + (f": {clean(said)}" if said.strip() else ""))
    return said


def journal(journalctl: str, units: Sequence[str], since: Optional[float], until: Optional[float]) -> Iterator[bytes]:
    """What the journal has of these units, as JSON. Raises SourceError."""
    fields = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,_SOURCE_REALTIME_TIMESTAMP"
    command = [journalctl, "--output=json", f"--output-fields={fields}", "--no-pager", *(f"--unit={unit}" for unit in units)]
    command += [f"--since=@{math.floor(since)}"] if since is not None else []
    command += [f"--until=@{math.ceil(until)}"] if until is not None else []
    said = yield from output(command, {**os.environ, "LC_ALL": "C"})
    if _NO_RIGHT.search(said):
        raise SourceError(f"this user may not read the journal: {_MORE_RIGHTS} systemd-journal or adm")
