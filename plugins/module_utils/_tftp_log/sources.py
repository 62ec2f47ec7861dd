# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the log of a TFTP server is: files, the journal, or what a command writes; and from when on it counts."""

from __future__ import annotations

import glob
import math
import os
import re
import stat
import subprocess
import threading
from datetime import datetime
from typing import IO, Any, Collection, Dict, Iterator, List, Optional, Sequence, Tuple

from .reader import LONGEST, Reader, Stats, is_capture, open_log, read_capture
from .verdicts import FLASHING, HEALTHY, NOT_OURS

WELL = (HEALTHY, FLASHING, NOT_OURS)
"""Verdicts on phones that need nobody."""

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
_SAID = 2000
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]+"
)
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
        when = reader.envelope(line.decode("utf-8", "replace").strip())[0]
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
                self.said = (self.said + line.decode("utf-8", "replace") + "\n")[-_SAID:]


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


# -- what is shown


def clean(value: Any, most: int = 300) -> Any:
    """Texts, and what holds texts, without what does a terminal harm, and not too long."""
    if isinstance(value, str):
        text = _CONTROL.sub(" ", value)
        return text if len(text) <= most else text[: most - 3] + "..."
    if isinstance(value, dict):
        return {key: clean(item, most) for key, item in value.items()}
    return [clean(item, most) for item in value] if isinstance(value, (list, tuple)) else value
