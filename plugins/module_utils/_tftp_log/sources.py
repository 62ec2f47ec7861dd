# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the log of a TFTP server is: files, the journal, or what a command writes; and where in a file to begin reading."""

from __future__ import annotations

import errno
import glob
import gzip
import math
import os
import re
import stat
import subprocess
import threading
import zlib
from datetime import datetime
from typing import IO, Collection, Dict, Iterator, List, Optional, Sequence, Tuple, cast

from .._text import clean
from .capture import GZIP, is_capture, read_capture
from .events import Stats
from .reader import LONGEST, Reader

USUAL = ("/var/log/syslog*", "/var/log/daemon.log*", "/var/log/messages*", "/var/log/dnsmasq.log*", "/var/log/atftpd.log*")
"""Where a TFTP server's lines end up, best place first. One line may stand in several of them, so one is read."""
UNITS = ("tftpd-hpa", "atftpd", "dnsmasq", "tftp", "in.tftpd")
MOST_FILES = 200_000
"""Names of a TFTP root that are looked at."""

_RELATIVE = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*(?:(s)(?:econds?)?|(m)(?:in(?:utes?)?)?|(h)(?:ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?)(?:\s+ago)?"
)
_SECONDS = (1, 60, 3600, 86400, 604800)
_EPOCH = re.compile(r"@?([0-9]{9,11}(?:\.[0-9]+)?)")
_PACKED = {b"\xfd7zX": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_FIRST = 200
"""Lines at the start of a log that are searched for a time."""
_STDERR = 2000
"""Characters of what a command wrote to stderr that are kept, the last ones."""
MARGIN = 3600.0
"""Seconds that lines may stand out of order: an answer comes no later, and at the end of summer time clocks go back as far."""
_NEAR = 1 << 16
"""Bytes before the first line wanted that are not worth another look."""
_HEAD = 1 << 12
"""Bytes at the start of a log by which it is seen to have been written anew."""
_CUT = "was cut or written anew while it was read; look again"
_NO_RIGHT = re.compile("not seeing messages from other users|insufficient permissions|[Pp]ermission denied")
_MORE_RIGHTS = "run with become: true, or put the user into the group"


class SourceError(Exception):
    """Why there is no log: thing, cause, what to do."""


def moment(text: str, now: float) -> float:
    """The time that a text names: ISO 8601, seconds since the epoch, or so long before now (2h, 30m). Raises SourceError."""
    text = text.strip()
    relative = _RELATIVE.fullmatch(text.lower())
    if relative:
        number, *units = relative.groups()
        return now - float(number) * next(seconds for unit, seconds in zip(units, _SECONDS) if unit)
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
        if os.path.lexists(pattern) or not glob.has_magic(pattern):
            _check(pattern)
            packed = _packed(pattern)
            if packed:
                raise SourceError(
                    f"{pattern} is packed with {packed}, which is not read here: unpack it, or give command, such as [xzcat, FILE]"
                )
            found.setdefault(os.path.realpath(pattern), pattern)
            continue
        matching = sorted(path for path in glob.glob(pattern) if os.path.isfile(path))
        if not matching:
            raise SourceError(f"{pattern} matches no file on this host: look where the TFTP server's log is")
        for path in matching:
            # What was last written before `since` has nothing from after it.
            if since is not None and _written(path) < since:
                continue
            _check(path)
            packed = _packed(path)
            if packed:
                left_out.append(f"{path} is packed with {packed}, and was left out")
            else:
                found.setdefault(os.path.realpath(path), path)
    return sorted(found.values(), key=lambda path: (_begins(path, now), path)), left_out


def _check(path: str) -> None:
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path} is a folder: name the files in it, such as {path.rstrip('/')}/*.log")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path} is no plain file: use command, such as [cat, FILE], if it ends")
        with open(path, "rb"):
            pass
    except PermissionError:
        raise SourceError(f"{path} cannot be read by this user: {_MORE_RIGHTS} {_group(path)}") from None
    except FileNotFoundError:
        raise SourceError(
            f"{path} does not exist on this host: look where the TFTP server's log is, or leave out path to let it be found"
        ) from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None


def _group(path: str) -> str:
    import grp

    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        group = "adm"
    return "adm" if group == "root" else group


def _packed(path: str) -> str:
    with open(path, "rb") as file:
        magic = file.read(4)
    return next((name for start, name in _PACKED.items() if magic.startswith(start)), "")


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return math.inf


def _begins(path: str, now: float) -> float:
    """The first time in a log; when it was last written, if there is none at its start."""
    written = min(_written(path), now)
    if is_capture(path):
        event = next(read_capture(path), None)
        return written if event is None or event.time is None else event.time
    reader = Reader(written, Stats())
    for number, line in enumerate(open_log(path)):
        when = reader.envelope(line)[0]
        if when is not None:
            return when
        if number >= _FIRST:
            break
    return written


def root_files(root: str) -> Collection[str]:
    """The names in a TFTP root, relative to it. Raises SourceError."""
    names: List[str] = []
    try:
        os.listdir(root)
    except OSError as error:
        cause = error.strerror or "it cannot be read"
        raise SourceError(
            f"tftp_root {root} cannot be listed: {cause}: name the folder that the TFTP server serves, or run with become"
        ) from None
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


class Output:
    """The lines that a command writes. Once they are read, `said` is the end of what it wrote to stderr and `status` how it ended."""

    def __init__(self, command: Sequence[str], environment: Optional[Dict[str, str]] = None) -> None:
        self._command = list(command)
        self._environment = environment
        self.name = os.path.basename(self._command[0])
        self.said = ""
        self.status = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            # run_command would hold all of the log in memory.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment
            )
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            raise SourceError(f"the command {clean(self.name)} cannot be run: {cause}: see that it is installed on this host") from None
        if process.stdout is None or process.stderr is None:
            raise SourceError(f"the command {clean(self.name)} gave no output")
        listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        listener.start()
        try:
            yield from _lines(process.stdout)
            self.status = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
            listener.join(5)
        if self.status:
            said = f": {clean(self.said)}" if self.said.strip() else ""
            raise SourceError(f"the command {clean(self.name)} ended with status {self.status}{said}")

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in _lines(stream):
                self.said = (self.said + line.decode("utf-8", "replace") + "\n")[-_STDERR:]


class Journal(Output):
    """What the journal has of these units, as JSON."""

    def __init__(self, journalctl: str, units: Sequence[str], since: Optional[float], until: Optional[float]) -> None:
        fields = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,_SOURCE_REALTIME_TIMESTAMP"
        command = [journalctl, "--output=json", f"--output-fields={fields}", "--no-pager", *(f"--unit={unit}" for unit in units)]
        command += [f"--since=@{math.floor(since)}"] if since is not None else []
        command += [f"--until=@{math.ceil(until)}"] if until is not None else []
        super().__init__(command, {**os.environ, "LC_ALL": "C"})

    def __iter__(self) -> Iterator[bytes]:
        yield from super().__iter__()
        if _NO_RIGHT.search(self.said):
            raise SourceError(f"this user may not read the journal: {_MORE_RIGHTS} systemd-journal or adm")
