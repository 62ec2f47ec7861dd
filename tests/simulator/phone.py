# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated 7940/7960 on the network. How it boots is in boot.py; here are its sockets, its faults and its clock.

Times are seconds of a real phone (logs of an 8.12 boot and of nine phones moved to 8.12), multiplied by the
fleet's `time_scale`.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import cnf
from .boot import AGAIN, FLASHED, UP, Ask, BarePhone, Failure, Step, Wait, Write
from .images import SCCP
from .telnet import Session
from .tftp_client import Client, source_ports

LINK_SECONDS = 30.0
FLASH_SECONDS = (7.0, 14.0)
REBOOT_SECONDS = (25.0, 37.0)
AGAIN_SECONDS = 40.0
SHORTEST_AGAIN = 0.2
MOST_STARTS = 100

FAULTS = frozenset(
    "wrong_password telnet_off silent closes closes_after_password endless endless_after_login chatty slow no_echo never_returns"
    " bricked stays_old firewall in_call level_1 hostile other_phone telnet_off_after_reset password_after_reset unregistered"
    " no_mac two_macs says flood".split()
)

Note = Callable[..., None]


@dataclass
class Settings:
    """What every phone of a fleet shares."""

    time_scale: float = 0.01
    tftp_time_scale: float = 0.2
    tftp: tuple[str, int] = ("127.0.0.1", 69)
    instant_target: str | None = None
    note: Note = lambda *args, **kwargs: None


@dataclass(kw_only=True)
class Phone(BarePhone):
    """One phone. The fields are the keys of a phone in the fleet file; README.md has their meaning."""

    name: str
    address: str
    settings: Settings
    port: int = 2323
    password: str = "cisco"
    prompt: str = "SIP Phone"
    telnet_level: int = 2
    own_telnet: bool = False
    boot: str = "tftp"
    boot_seconds: float = 0.0
    next_image: str | None = None
    banner: str = "one_line"
    on_reset: str = "rst"
    call_seconds: float | None = None
    slow_seconds: float = 0.005
    faults: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mac = re.sub(r"[^0-9A-Fa-f]", "", self.mac).upper()
        if len(self.mac) != 12:
            raise ValueError(f"phone {self.name}: {self.mac} is no MAC")
        super().__post_init__()
        self.set_faults(self.faults)
        self.status = "up"
        self.resets = 0
        self.reset_pending = False
        self.in_call = "in_call" in self.faults
        self.came_up = time.monotonic()
        self._random = random.Random(self.mac)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._booting: asyncio.Task[None] | None = None
        self._tftp = Client(
            self.address,
            self.settings.tftp,
            source_ports(int(self.mac, 16)),
            self.settings.tftp_time_scale,
            lambda: "firewall" in self.faults,
        )

    def set_faults(self, faults: Mapping[str, Any] | Iterable[str]) -> None:
        """From now on the phone has these faults: names, or names with a value (the other password, say)."""
        given = dict(faults) if isinstance(faults, Mapping) else dict.fromkeys(faults, True)
        unknown = sorted(set(given) - FAULTS)
        if unknown:
            raise ValueError(f"phone {self.name}: unknown faults {', '.join(unknown)}")
        self.faults = {name: value for name, value in given.items() if value not in (False, None)}

    # What the phone shows

    def note(self, event: str, **details: Any) -> None:
        self.settings.note(self.name, event, **details)

    def state(self) -> dict[str, Any]:
        """The truth about the phone, whatever it tells over telnet."""
        return {
            "image": self.image,
            "loader": self.loader,
            "status": self.status,
            "telnet": self._server is not None,
            "resets": self.resets,
            "in_call": self.in_call,
            "reset_pending": self.reset_pending,
            "address": self.address,
            "port": self.port,
            "mac": self.mac,
        }

    @property
    def current_password(self) -> str:
        for fault, when in (("wrong_password", True), ("password_after_reset", self.resets > 0)):
            if when and fault in self.faults:
                value = self.faults[fault]
                return value if isinstance(value, str) else f"not-{self.password}"
        return self._setting("phone_password", self.password)

    @property
    def current_prompt(self) -> str:
        return self._setting("phone_prompt", self.prompt)

    @property
    def current_level(self) -> int:
        if self._protocol == SCCP or "telnet_off" in self.faults or ("telnet_off_after_reset" in self.faults and self.resets):
            return 0
        if "level_1" in self.faults:
            return 1
        level = self._setting("telnet_level", str(self.telnet_level))
        return int(level) if level in ("0", "1", "2") else self.telnet_level

    @property
    def shown_mac(self) -> str:
        return f"{int(self.mac, 16) ^ 1:012X}" if "other_phone" in self.faults else self.mac

    def show(self, what: str) -> list[str]:
        """Lines that `show` prints; nothing for what is not simulated."""
        if what == "register":
            apr, state = ("11.", "REGISTERING") if "unregistered" in self.faults else ("111", "REGISTERED")
            return [
                "LINE REGISTRATION TABLE",
                f"Proxy Registration: ENABLED, state: {state}",
                "line  APR  state          timer       expires     proxy:port",
                "----  ---  -------------  ----------  ----------  ----------------------------",
                f"{1:<4d}  {apr:<3}  {state:<13}  {3600:<10d}  {3540:<10d}  192.0.2.9:5060",
                f"{'1-BU':<4}  {'.1.':<3}  {'IDLE':<13}  {3600:<10d}  {0:<10d}  0.0.0.0:0",
                "Note: APR is Authenticated, Provisioned, Registered",
            ]
        if what == "config":
            shown = {"image_version": self.image, **self.config, "phone_password": "**********"}
            return ["------ Current *RUNNING* Configuration ------", *(f"{name} : {value}" for name, value in shown.items())]
        if what == "network":
            minutes, seconds = divmod(int(time.monotonic() - self.came_up), 60)
            elapsed = f"Elapsed Time: {minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
            return [f"Platform : Cisco IP Phone {self.model}", elapsed, f"mac_address : {self.mac}", f"ip_address : {self.address}"]
        return []

    def _setting(self, name: str, default: str) -> str:
        value = "" if self.own_telnet else self.config.get(name, "")
        return cnf.known(value) or default

    # Telnet

    async def start(self) -> None:
        """As a phone that has been up for a while: no boot."""
        await self._telnet_on()
        if self.in_call and self.call_seconds is not None:
            self._spawn(self._after(self.call_seconds, self.hang_up))

    async def stop(self) -> None:
        self.status = "stopped"
        self._telnet_down("fin")
        for task in [*self._tasks, *([self._booting] if self._booting else [])]:
            task.cancel()

    async def _telnet_on(self) -> None:
        if self.current_level and not self._server:
            self._server = await asyncio.start_server(self._serve, self.address, self.port, limit=4096, backlog=64)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await Session(self, reader, writer).run()
        except ConnectionError:
            pass
        finally:
            if self.status == "up" or self.on_reset != "hang":
                self._writers.discard(writer)
                writer.close()

    def _telnet_down(self, how: str) -> None:
        if self._server:
            self._server.close()
            self._server = None
        if how == "hang":
            return
        for writer in list(self._writers):
            if how == "rst":
                raw = writer.get_extra_info("socket")
                if raw is not None and raw.fileno() >= 0:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            self._writers.discard(writer)

    # Resets and calls

    def reset(self, event: str = "reset") -> None:
        """Reboot now, as the command does, or as a power failure does."""
        self.resets += 1
        self.in_call = self.reset_pending = False
        self.note(event)
        if self.boot == "none" and not self.boot_seconds:
            self._telnet_down_instantly()
            return
        self.status = "booting"
        self._telnet_down(self.on_reset)
        if self._booting:
            self._booting.cancel()
            self._booting = None
        if "never_returns" in self.faults or "bricked" in self.faults:
            self.status = "down"
            return
        self._booting = asyncio.get_running_loop().create_task(self._boot_without_files() if self.boot == "none" else self._boot())

    def _telnet_down_instantly(self) -> None:
        if not {"never_returns", "bricked"}.isdisjoint(self.faults):
            self.status = "down"
            self._telnet_down("rst")
            return
        server, self._server = self._server, None
        self._telnet_down("rst")
        if self.current_level:
            self._server = server
        elif server:
            server.close()
        self._take_next_image()
        self.came_up = time.monotonic()
        self.note("up", image=self.image)

    def _take_next_image(self) -> None:
        if "stays_old" not in self.faults:
            self.image = self.next_image or self.settings.instant_target or self.image

    def power_cycle(self) -> None:
        self.reset("power_cycle")

    def defer_reset(self) -> None:
        self.reset_pending = True
        self.note("reset_deferred")

    def hang_up(self) -> None:
        """End the call. A reset that came during it happens now."""
        self.in_call = False
        if self.reset_pending:
            self.reset()

    # Boot

    async def _boot(self) -> None:
        await self._sleep(LINK_SECONDS)
        self.power_on()
        for _start in range(MOST_STARTS):
            self.note("boot", image=self.image, in_loader=self.in_loader)
            end = await self._start()
            if end == UP:
                await self._come_up()
                return
            if end == FLASHED:
                await self._sleep(self._random.uniform(*REBOOT_SECONDS))
            elif end == AGAIN:
                await asyncio.sleep(max(SHORTEST_AGAIN, AGAIN_SECONDS * self.settings.time_scale))
            else:
                break
        self.status = "down"

    async def _start(self) -> str:
        steps, answer = self.start_up(), None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as stop:
                return str(stop.value)
            answer = await self._do(step)

    async def _do(self, step: Step) -> Any:
        if isinstance(step, Ask):
            return await asyncio.gather(*(self._answer(name) for name in step.names))
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
        elif isinstance(step, Failure):
            self.note("load_failed", image=step.image, reason=step.reason)
        elif isinstance(step, Write):
            await self._sleep(self._random.uniform(*FLASH_SECONDS))
            if "stays_old" in self.faults:
                return False
            self.note("flash", image=step.image, file=step.file)
            return True

    async def _boot_without_files(self) -> None:
        """Away for seconds of the clock, whatever the time scale: TFTP for thousands of phones would be what a benchmark measures."""
        await asyncio.sleep(self.boot_seconds * self._random.uniform(0.7, 1.3))
        self._take_next_image()
        await self._come_up()

    async def _come_up(self) -> None:
        self._telnet_down("rst")
        self.status = "up"
        self.came_up = time.monotonic()
        await self._telnet_on()
        self.note("up", image=self.image)

    async def _answer(self, name: str) -> bytes | str:
        found = await self._tftp.fetch(name)
        self.note("tftp", file=name, result=found.result, sends=found.sends, bytes=len(found.data or b""))
        return found.result if found.data is None else found.data

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.settings.time_scale)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _after(self, seconds: float, action: Callable[[], None]) -> None:
        await self._sleep(seconds)
        action()
