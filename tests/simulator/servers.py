# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's TFTP servers with their real logs: tftpd-hpa, atftpd, dnsmasq.

Each sees its root as /srv/tftp and a syslog at /dev/log, both in a mount namespace of its own: paths in the log are
those of a usual installation, and the machine's own log has nothing of it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from .netns import Namespace, listens

ROOT = "/srv/tftp"
LOG = "/srv/log"
HOST = "pbx"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_DEVICES = ("null", "zero", "random", "urandom")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_PRIVATE = f"""
for device in {" ".join(_DEVICES)}; do mount --bind "/dev/$device" "$1/$device"; done
mount --rbind "$1" /dev
mount -t tmpfs tmpfs /srv
mkdir {ROOT}
mount --bind "$2" {ROOT}
touch {LOG}
mount --bind "$3" {LOG}
hostname {HOST}
shift 3
exec "$@"
"""

Command = Callable[[str, str, int, int, bool], list[str]]
"""The command of a server in the foreground: program, address, port, how much it shall say, whether to syslog."""


def _tftpd_hpa(program: str, address: str, port: int, verbosity: int, syslog: bool) -> list[str]:
    if not syslog:
        raise ValueError("tftpd-hpa logs to syslog only")
    loud = [f"-{'v' * verbosity}"] if verbosity else []
    return [program, "--foreground", "--address", f"{address}:{port}", "--user", "nobody", "--secure", *loud, ROOT]


def _atftpd(program: str, address: str, port: int, verbosity: int, syslog: bool) -> list[str]:
    own = [] if syslog else ["--logfile", LOG]
    where = ["--bind-address", address, "--port", str(port)]
    return [program, "--daemon", "--no-fork", *where, "--user", "nobody.nogroup", f"--verbose={verbosity}", *own, ROOT]


def _dnsmasq(program: str, address: str, port: int, verbosity: int, syslog: bool) -> list[str]:
    if port != 69:
        raise ValueError("dnsmasq serves TFTP on port 69 only")
    own = [] if syslog else [f"--log-facility={LOG}"]
    quiet = [] if verbosity else ["--quiet-tftp"]
    only = ["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--port=0", "--user=nobody"]
    return [program, *only, "--bind-interfaces", f"--listen-address={address}", "--enable-tftp", f"--tftp-root={ROOT}", *own, *quiet]


KINDS: dict[str, tuple[str, int, Command]] = {
    "tftpd-hpa": ("in.tftpd", 1, _tftpd_hpa),
    "atftpd": ("atftpd", 5, _atftpd),
    "dnsmasq": ("dnsmasq", 1, _dnsmasq),
}
"""Program, usual verbosity and command of each server, by the name of its package.

atftpd's verbosity is that of Debian's service, LOG_NOTICE. Debian's tftpd-hpa is told to say nothing; 1 is the least that helps."""


def program(kind: str) -> str:
    """The path of a server's program, empty if it is not there. CISCO79XX_ATFTPD names an atftpd that was unpacked,
    since its package and that of tftpd-hpa exclude each other."""
    name = KINDS[kind][0]
    return (os.environ.get("CISCO79XX_ATFTPD", "") if kind == "atftpd" else "") or shutil.which(name, path=_PATH) or ""


def no_server(kind: str) -> str:
    """Why the server cannot run here, or an empty string."""
    if not program(kind):
        return f"{kind} ({KINDS[kind][0]})"
    if os.geteuid():
        return "root, to let servers become another user"
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/srv"], capture_output=True, text=True, check=False)
    return f"a kernel that allows mount namespaces ({tried.stderr.strip()})" if tried.returncode else ""


class Server:
    """A server that logs to `log`, by way of syslog unless told otherwise. `options`: more of its command.

    The clock of that syslog runs `speed` times as fast as others: phones that live as fast leave the log of real ones.
    """

    def __init__(
        self,
        kind: str,
        root: Path,
        log: Path,
        *,
        address: str = "127.0.0.1",
        port: int = 69,
        verbosity: int | None = None,
        syslog: bool = True,
        speed: float = 1.0,
        namespace: Namespace | None = None,
        options: Sequence[str] = (),
    ) -> None:
        name, usual, command = KINDS[kind]
        self.log = log
        own = command(program(kind) or name, address, port, usual if verbosity is None else verbosity, syslog)
        self._command = [*own, *options]
        self._to_syslog = syslog
        self._speed = speed
        self._begin = time.time()
        self._root = root
        self._port = port
        self._namespace = namespace
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        # A path of a socket has 107 bytes at most, and tests have long ones.
        self._dev = Path(tempfile.mkdtemp(prefix="dev-"))
        self._dev.chmod(0o755)
        for name in _DEVICES:
            (self._dev / name).touch()
        self.log.touch()
        self.log.chmod(0o666)
        self._syslog = _Syslog(self._dev / "log", self.log if self._to_syslog else None, self.now)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._syslog.close()
        shutil.rmtree(self._dev, ignore_errors=True)

    def start(self) -> None:
        """Start it, and return when it listens."""
        inside: AbstractContextManager[None] = self._namespace.inside() if self._namespace else nullcontext()
        with inside:
            self._process = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--uts",
                    "sh",
                    "-ec",
                    _PRIVATE,
                    "sh",
                    str(self._dev),
                    str(self._root),
                    str(self.log),
                    *self._command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            until = time.monotonic() + 10
            while not listens(self._port):
                if self._process.poll() is not None or time.monotonic() > until:
                    said = self._stopped()
                    raise RuntimeError(f"the TFTP server did not start: {' '.join(self._command)}: {said}")
                time.sleep(0.01)

    def stop(self) -> None:
        """End it with the children that still send files."""
        if self._process:
            self._stopped()

    def restart(self) -> None:
        self.stop()
        self.start()

    def now(self) -> float:
        """The time by its log's clock."""
        return self._begin + (time.time() - self._begin) * self._speed

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def _stopped(self) -> str:
        process, self._process = self._process, None
        assert process and process.stderr
        for number in signal.SIGTERM, signal.SIGKILL:
            try:
                os.killpg(process.pid, number)
                process.wait(5)
                break
            except ProcessLookupError:
                process.wait()
                break
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        with process.stderr:
            return process.stderr.read().decode(errors="replace").strip()


class _Syslog:
    """What a syslog daemon does: stamp, host and message, a line each. As rsyslog does, it takes its own stamp and escapes
    control characters."""

    def __init__(self, path: Path, log: Path | None, now: Callable[[], float]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o666)
        self._log = log
        self._now = now
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()

    def _collect(self) -> None:
        while data := self._socket.recv(8192):
            if self._log:
                # <priority>Mmm dd hh:mm:ss tag[pid]: message
                message = data.partition(b">")[2][16:].rstrip(b"\n\0")
                line = time.strftime(f"%b %e %H:%M:%S {HOST} ", time.localtime(self._now())).encode() + _CONTROL.sub(
                    lambda found: b"#%03o" % found[0][0], message
                )
                with self._log.open("ab") as file:
                    file.write(line + b"\n")
