# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of three: phones, a router with a firewall, a TFTP server, each in a network namespace of its own.

The namespaces have no names: they end with the last process or file descriptor that uses them, so that nothing stays
behind, however a test ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NEWNET = 0x40000000
_ALL_PROTOCOLS = 3
_ETHERNET = 1
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

SERVER = "10.79.200.2"
PHONES = "10.79.1.0/24"


@dataclass(frozen=True)
class Firewall:
    """What the router does with the packets of a phone: nftables statements, and whether its connection tracking knows TFTP."""

    statements: tuple[str, ...] = ()
    helper: bool = False


_STATEFUL = ("ct state established,related accept", "iifname phones udp dport 69 accept", "drop")
OPEN = Firewall()
STATEFUL = Firewall(_STATEFUL)
"""Requests pass. Answers come from a new port, belong to no connection that the router knows, and are dropped."""
WITH_HELPER = Firewall(_STATEFUL, helper=True)
NO_DATA = Firewall(("iifname server meta l4proto udp @th,64,16 3 drop",))
"""Blocks of files are dropped, errors pass."""
SMALL_FILES = Firewall(("iifname server meta l4proto udp udp length 524 drop",))
"""Full blocks are dropped: config files pass, images do not."""
CLOSED = Firewall(("drop",))


def lossy(every: int) -> Firewall:
    """Lose each so-manyth packet."""
    return Firewall((f"numgen inc mod {every} 0 drop",))


def slow(packets: int) -> Firewall:
    """Drop what the server sends beyond so many packets per second."""
    return Firewall((f"iifname server limit rate over {packets}/second drop",))


def address(number: int) -> str:
    """The address of phone `number` (from 0)."""
    if not 0 <= number < 254:
        raise ValueError(f"no address for phone {number}")
    return f"10.79.1.{number + 1}"


class Namespace:
    """A network namespace."""

    def __init__(self) -> None:
        here = _open()
        try:
            _call("unshare", _NEWNET)
            try:
                self._fd = _open()
            finally:
                _call("setns", here, _NEWNET)
        finally:
            os.close(here)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"
        self.run("ip", "link", "set", "lo", "up")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile, and processes that it starts, are in the namespace."""
        here = _open()
        try:
            _call("setns", self._fd, _NEWNET)
            try:
                yield
            finally:
                _call("setns", here, _NEWNET)
        finally:
            os.close(here)

    def run(self, *command: str, text: str = "") -> str:
        """What a command in the namespace prints. Raises OSError with what it says when it fails."""
        program = shutil.which(command[0], path=_PATH)
        if not program:
            raise FileNotFoundError(f"{command[0]} is not installed")
        with self.inside():
            ended = subprocess.run([program, *command[1:]], input=text, capture_output=True, text=True, timeout=20, check=False)
        if ended.returncode:
            raise OSError(f"{' '.join(command)}: {ended.stderr.strip()}")
        return ended.stdout

    def listens(self, port: int) -> bool:
        """Whether somebody waits for datagrams on this port."""
        with self.inside():
            return listens(port)


class Network:
    """Phones at `address(n)`, a router with a firewall for each of them or for all, a server at SERVER."""

    def __init__(self, firewall: Firewall | Mapping[str, Firewall] = OPEN) -> None:
        self._firewall = firewall
        self._all: list[Namespace] = []

    def __enter__(self) -> Network:
        try:
            self.phones, self.router, self.server = (self._new() for _each in range(3))
            for name, other, link, own in (("phones", self.phones, "10.79.201", PHONES), ("server", self.server, "10.79.200", "")):
                self.router.run(*f"ip link add {name} type veth peer name uplink netns {other.path}".split())
                for namespace, device, last in ((self.router, name, 1), (other, "uplink", 2)):
                    namespace.run(*f"ip address add {link}.{last}/30 dev {device}".split())
                    namespace.run(*f"ip link set {device} up".split())
                other.run(*f"ip route add default via {link}.1".split())
                if own:
                    other.run(*f"ip route add local {own} dev lo".split())
                    self.router.run(*f"ip route add {own} via {link}.2".split())
            with self.router.inside():
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            self.filter(self._firewall)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        while self._all:
            self._all.pop().close()

    def filter(self, firewall: Firewall | Mapping[str, Firewall]) -> None:
        """From now on this is the firewall, of each address or of all. Raises OSError if the kernel cannot do it."""
        own = firewall if isinstance(firewall, Mapping) else {PHONES: firewall}
        if any(each.statements for each in own.values()):
            self.router.run("nft", "-f", "-", text=_ruleset(own))

    def _new(self) -> Namespace:
        self._all.append(Namespace())
        return self._all[-1]


class Capture:
    """Writes what passes the server's link into a file, as tcpdump does."""

    def __init__(self, network: Network, path: Path) -> None:
        self._network = network
        self._path = path
        self._ends = threading.Event()

    def __enter__(self) -> Capture:
        with self._network.server.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.bind(("uplink", 0))
        self._socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._record, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ends.set()
        self._thread.join(10)
        self._socket.close()

    def _record(self) -> None:
        with self._path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _ETHERNET))
            while not self._ends.is_set():
                try:
                    frame = self._socket.recv(65535)
                except TimeoutError:
                    continue
                seconds, rest = divmod(time.time_ns(), 10**9)
                file.write(struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)) + frame)


def no_network(*firewalls: Firewall) -> str:
    """Why there can be no such network here, or an empty string. What the kernel allows is found out by trying."""
    if os.geteuid():
        return "root, for network namespaces"
    for program, package in ("ip", "iproute2"), ("nft", "nftables"):
        if not shutil.which(program, path=_PATH):
            return f"{package} ({program})"
    try:
        for firewall in firewalls or (OPEN,):
            with Network(firewall):
                pass
    except OSError as error:
        return f"a kernel that allows it ({error})"
    return ""


def listens(port: int) -> bool:
    """Whether somebody waits for datagrams on this port, in the namespace of this thread."""
    rows = Path("/proc/thread-self/net/udp").read_text().splitlines()[1:]
    return any(int(row.split()[1].rpartition(":")[2], 16) == port for row in rows)


def _ruleset(firewalls: Mapping[str, Firewall]) -> str:
    """For nft: a chain for each address, and the packets from and to it go there."""
    lines = ["flush ruleset", "table inet site {"]
    if any(firewall.helper for firewall in firewalls.values()):
        lines += ["ct helper tftp {", 'type "tftp" protocol udp', "}"]
    jumps, helped = [], []
    for number, (where, firewall) in enumerate(firewalls.items()):
        lines += [f"chain own{number} {{", *firewall.statements, "}"]
        jumps += [f"ip saddr {where} jump own{number}", f"ip daddr {where} jump own{number}"]
        if firewall.helper:
            helped.append(f'ip saddr {where} udp dport 69 ct helper set "tftp"')
    for name, hook, statements in ("helper", "prerouting", helped), ("forward", "forward", jumps):
        lines += [f"chain {name} {{", f"type filter hook {hook} priority 0", *statements, "}"]
    return "\n".join([*lines, "}", ""])


def _open() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _call(function: str, *arguments: int) -> None:
    """setns or unshare. Python has them from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
