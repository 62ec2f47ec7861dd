# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TFTP servers, a TFTP root and a raw telnet client for the simulator's tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.harness import MODULE, TREE, Simulator

TFTPD = shutil.which("in.tftpd") or ("/usr/sbin/in.tftpd" if os.path.exists("/usr/sbin/in.tftpd") else None)
FAST = 0.001


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """A TFTP server, from its first answer to the end of the block."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(TREE)}
    ) as process:
        try:
            for _try in range(100):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.settimeout(0.1)
                    probe.sendto(b"\0\1absent\0octet\0", ("127.0.0.1", port))
                    try:
                        probe.recv(600)
                        break
                    except TimeoutError:
                        assert process.poll() is None, "TFTP server ended"
            yield port
        finally:
            process.kill()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "tftp"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.fixture
def tftpy_port(root: Path) -> Iterator[int]:
    pytest.importorskip("tftpy", reason="needs the tftpy package")
    port = free_port()
    with running([sys.executable, "-m", f"{MODULE}.tftp_server", str(root), str(port)], port) as started:
        yield started


@pytest.fixture
def tftpd_port(root: Path) -> Iterator[int]:
    if not TFTPD:
        pytest.skip("needs in.tftpd (tftpd-hpa)")
    if os.geteuid() != 0:
        pytest.skip("in.tftpd needs root")
    port = free_port()
    with running(
        [TFTPD, "--foreground", "--address", f"127.0.0.1:{port}", "--secure", "-v", "--user", "nobody", str(root)], port
    ) as started:
        yield started


@pytest.fixture(params=["tftpy_port", "tftpd_port"])
def tftp_port(request: pytest.FixtureRequest) -> int:
    port: int = request.getfixturevalue(request.param)
    return port


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Start fleets; they end with the test."""
    started: list[Simulator] = []

    def start(*phones: dict[str, Any], **fleet: Any) -> Simulator:
        if isinstance(fleet.get("tftp"), int):
            fleet["tftp"] = {"host": "127.0.0.1", "port": fleet["tftp"]}
        simulator = Simulator(
            {"time_scale": FAST, "tftp_time_scale": 1.0, "defaults": {"port": 0}, "phones": list(phones), **fleet}, max_seconds=120
        )
        started.append(simulator)
        return simulator.__enter__()

    yield start
    for simulator in started:
        simulator.__exit__()
        assert "Traceback" not in simulator.said, simulator.said


class Telnet:
    """A client that shows every byte."""

    def __init__(self, phone: dict[str, Any]) -> None:
        self.socket = socket.create_connection((phone["address"], phone["port"]), timeout=5)
        self.seen = b""

    def until(self, end: bytes, seconds: float = 5) -> bytes:
        """Everything up to and including `end`."""
        limit = time.monotonic() + seconds
        while end not in self.seen:
            self.socket.settimeout(max(0.01, limit - time.monotonic()))
            data = self.socket.recv(4096)
            assert data, f"closed after {self.seen!r}"
            self.seen += data
        text, _end, self.seen = self.seen.partition(end)
        return text + end

    def rest(self, seconds: float = 5) -> bytes:
        """Everything up to the end of the connection, however it ends."""
        self.socket.settimeout(seconds)
        try:
            while data := self.socket.recv(4096):
                self.seen += data
        except ConnectionResetError:
            pass
        return self.seen

    def type(self, line: bytes, end: bytes = b"\r\n") -> None:
        self.socket.sendall(line + end)

    def login(self, password: bytes = b"cisco", prompt: bytes = b"SIP Phone> ") -> bytes:
        self.until(b"Password :")
        self.type(password)
        return self.until(prompt)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def telnet() -> Iterator[Callable[..., Telnet]]:
    opened: list[Telnet] = []

    def connect(simulator: Simulator, phone: str = "phone0") -> Telnet:
        opened.append(Telnet(simulator.state()[phone]))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()
