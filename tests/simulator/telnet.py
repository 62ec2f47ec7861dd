# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One telnet session with a phone, byte by byte. Raw asyncio on purpose: it must not share a mistake with a telnet library.

The first bytes are from nmap's service probes, the texts from strings in published images; where lines break
inside the banner is not known, hence `banner`. Three tries for the password are an assumption.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .phone import Phone

IAC, SE, SB, WILL, DONT = 255, 240, 250, 251, 254
HELLO = b"\xff\xfb\x03\xff\xfb\x01\r\n\r\nPassword :"
BAD_PASSWORD = b"\r\nBad Passwords!\r\n\r\n"
TRIES = 3
LONGEST_LINE = 256
NEEDS_PRIVILEGE = "WARNING: Command may only be used in  privileged mode"
IN_CALL = "Reset Detected during active call.\r\nPhone will reset when call completes."
CHATTER = b"sip: -> rx <sip:100@192.0.2.9>\r\n"
HOSTILE = b"\x1b[2J\x1b]0;{{ 7*7 }}\x07{% raw %}\x00\x08\xe9 !unsafe <b>&\r\n"
COMMANDS = ("clear", "debug", "erase", "exit", "ping", "register", "reset", "show", "test", "traceroute", "tty", "undebug")
SHOWN = (
    "abort_vector", "arp", "config", "dialplan", "flash", "malloc", "memorymap", "network", "register", "reset-log",
    "rtp", "stacks", "status", "strpool", "timers", "timestamp",
)  # fmt: skip


class Keys:
    """What the client typed, freed of telnet's own sequences: one item per character, b"\\n" for the end of a line."""

    def __init__(self) -> None:
        self._skip = 0
        self._pending = b""
        self._after_return = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        data = self._pending + data
        self._pending = b""
        at = 0
        while at < len(data):
            length = self._sequence(data, at)
            if length is None:
                self._pending = data[at:]
                return
            if length == 0:
                yield from self._key(data[at : at + 1])
                at += 1
            else:
                if length == 2 and data[at + 1] == IAC:
                    yield from self._key(b"\xff")
                at += length

    @staticmethod
    def _sequence(data: bytes, at: int) -> int | None:
        """Length of the telnet sequence that starts here: 0 if none does, None if it has not arrived whole."""
        if data[at] != IAC:
            return 0
        if at + 1 >= len(data):
            return None
        if data[at + 1] == SB:
            end = data.find(bytes([IAC, SE]), at + 2)
            return end + 2 - at if end >= 0 else None
        if WILL <= data[at + 1] <= DONT:
            return 3 if at + 2 < len(data) else None
        return 2

    def _key(self, key: bytes) -> Iterator[bytes]:
        after_return, self._after_return = self._after_return, key == b"\r"
        if after_return and key in b"\n\0":
            return
        yield b"\n" if key == b"\r" else key


class Session:
    """A connection to a phone from its greeting to its end."""

    def __init__(self, phone: Phone, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.phone = phone
        self.reader = reader
        self.writer = writer
        self.keys = Keys()
        self.said = ""
        self._typed: Iterator[bytes] = iter(())

    async def run(self) -> None:
        """Serve until either side has had enough. The caller closes the connection."""
        faults = self.phone.faults
        if "closes" in faults:
            return
        if "silent" in faults:
            while await self.reader.read(256):
                pass
            return
        if "endless" in faults:
            await self._endless()
        await self._flood("before")
        await self.send(HELLO)
        if not await self._login() or "closes_after_password" in faults:
            return
        self.phone.note("login")
        if "endless_after_login" in faults:
            await self._endless()
        await self._flood("after")
        await self.send(self._says() + self._banner())
        await self._prompt()
        while (line := await self._line(echo="no_echo" not in faults)) is not None:
            if self.phone.status == "up" and not await self._command(line):
                return
            await self._prompt()

    async def send(self, data: bytes) -> None:
        if self.phone.status != "up":
            return
        if "slow" not in self.phone.faults:
            self.writer.write(data)
            await self.writer.drain()
            return
        for at in range(len(data)):
            self.writer.write(data[at : at + 1])
            await self.writer.drain()
            await asyncio.sleep(self.phone.slow_seconds)

    async def _say(self, text: str) -> None:
        await self.send(text.encode("latin-1") + b"\r\n")

    async def _endless(self) -> None:
        while True:
            self.writer.write(b"x" * 1024)
            await self.writer.drain()
            await asyncio.sleep(0.01)

    async def _flood(self, phase: str) -> None:
        """The fault `flood`, if this is its phase: as many bytes as it has, and then nothing but the rest of an answer; or without end."""
        flood = self.phone.faults.get("flood")
        if not flood or flood["phase"] != phase or (flood.get("after_reset") and not self.phone.resets):
            return
        text, left, size = flood["text"].encode("latin-1"), flood.get("bytes"), flood.get("size", 4096)
        while left is None or left > 0:
            packet = (text * (size // len(text) + 1))[:size]
            text = text[size % len(text) :] + text[: size % len(text)]
            self.writer.write(packet if left is None else packet[:left])
            await self.writer.drain()
            await asyncio.sleep(flood.get("pause", 0.0))
            left = None if left is None else left - size
        while phase != "answer":
            if not await self.reader.read(256):
                raise ConnectionResetError

    def _says(self) -> bytes:
        """The fault `says`: a text in which {password} is the last one typed, {PASSWORD} in capitals, {pieces} in lines of a letter."""
        text = str(self.phone.faults.get("says", ""))
        return text.format(password=self.said, PASSWORD=self.said.upper(), pieces="\r\n".join(self.said)).encode("latin-1")

    async def _login(self) -> bool:
        for left in reversed(range(TRIES)):
            line = await self._line(echo=False)
            if line is None:
                return False
            self.said = line
            if line == self.phone.current_password:
                return True
            self.phone.note("bad_password")
            await self.send(BAD_PASSWORD + (b"Password :" if left else b""))
        return False

    async def _prompt(self) -> None:
        chatty = "chatty" in self.phone.faults
        prompt = f"{self.phone.current_prompt}> ".encode("latin-1")
        await self.send((CHATTER if chatty else b"") + prompt + (b"\r\n" + CHATTER if chatty else b""))

    def _banner(self) -> bytes:
        phone = self.phone
        shown = [] if "no_mac" in phone.faults else [phone.shown_mac]
        shown += [f"{int(phone.mac, 16) ^ 2:012X}"] if "two_macs" in phone.faults else []
        macs = "".join(f"Cisco IP phone  MAC: {mac[:4]}:{mac[4:8]}:{mac[8:]}\r\n" for mac in map(str.lower, shown))
        parts = [f"  SW: {phone.image}", "  ARM: PAS3XXXX", "  Boot: PC03A300", "  DSP: PS03XXXX"]
        if phone.banner == "none":
            return b"\r\n"
        gap = "\r\n" if phone.banner == "split_lines" else ""
        load = gap.join(["Loadid:", *parts])
        text = f"\r\n<Cisco Systems, Inc.> <Copyright 2000-2005>\r\n{macs}{load}\r\n\r\n"
        return (HOSTILE if "hostile" in phone.faults else b"") + text.encode("latin-1")

    async def _line(self, echo: bool) -> str | None:
        """The next line typed, None when the client has gone. A line that is too long is cut."""
        line = b""
        while True:
            echoed = b""
            for key in self._typed:
                if key == b"\n":
                    if echo:
                        await self.send(echoed + b"\r\n")
                    return line.decode("latin-1")
                if len(line) < LONGEST_LINE:
                    line += key
                    echoed += key
            if echo and echoed:
                await self.send(echoed)
            data = await self.reader.read(256)
            if not data:
                return None
            self._typed = self.keys.feed(data)

    async def _command(self, line: str) -> bool:
        """Obey one line. False ends the session."""
        faults = self.phone.faults
        words = line.split()
        if not words:
            return True
        if "chatty" in faults:
            await self.send(CHATTER)
        if "hostile" in faults:
            await self.send(HOSTILE)
        await self.send(self._says())
        await self._flood("answer")
        command = await self._word(words[0], COMMANDS)
        if command == "exit":
            await self._say("Logging Out")
            return False
        if command == "reset":
            return await self._reset()
        if command == "show":
            shown = await self._word(words[1], SHOWN) if len(words) > 1 else None
            if len(words) == 1:
                await self._say("show: Ambiguous.")
            for text in self.phone.show(shown or ""):
                await self._say(text)
        return True

    async def _word(self, typed: str, known: tuple[str, ...]) -> str | None:
        """The one command that `typed` abbreviates; otherwise says what is wrong with it."""
        found = [word for word in known if word.startswith(typed.lower())]
        if len(found) == 1 or typed.lower() in known:
            return found[0] if len(found) == 1 else typed.lower()
        await self._say(f"{typed}: {'Ambiguous.' if found else 'Command not found.'}")
        return None

    async def _reset(self) -> bool:
        phone = self.phone
        if phone.current_level < 2:
            phone.note("reset_refused")
            await self._say(NEEDS_PRIVILEGE)
            return True
        if phone.in_call:
            phone.defer_reset()
            await self._say(IN_CALL)
            return True
        phone.reset()
        return False
