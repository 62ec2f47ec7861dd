# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The telnet dialogue with one phone.

The phone opens with `IAC WILL SGA, IAC WILL ECHO` and `Password :` and asks for no user name (nmap's service
probes). After the login it prints its MAC and the image it runs (texts found in published images; their order
and line breaks are not established), then `<phone_prompt>> `. Every step is bounded in time and memory:
telnetlib3 itself bounds none.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac as macs
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import MASK, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures

try:
    import telnetlib3
except ImportError as missing:
    TELNETLIB3_ERROR: ImportError | None = missing
    _BaseClient: Any = object
else:
    TELNETLIB3_ERROR = None
    _BaseClient = telnetlib3.BaseClient
    # Its records hold what was sent, the password among it; and a phone's noise would reach the terminal.
    logging.getLogger("telnetlib3").setLevel(logging.CRITICAL)

NO_TELNETLIB3 = "telnetlib3 is missing in the controller's Python: pip install 'telnetlib3>=4,<6'"
OUTPUT_LIMIT = 64 * 1024
"""Bytes that one step may take in before a phone counts as talking without end."""
MOST_NEGOTIATION = 1000
"""Bytes 0xff, which begin each telnet option, that a whole session may have. A phone sends two."""
WINDOW = 8 * 1024
"""Bytes at the end of what was read in which a step looks for its sign, so that a flood costs no more than it is long."""
SETTLE = 0.2
"""Seconds of silence after which what looks like a prompt is one. Only paid where the prompt is not known yet."""
QUIET = 1.0
"""Seconds of silence after which a phone that shows no prompt is asked for one."""

_PASSWORD_PROMPT = re.compile(rb"Password ?:", re.IGNORECASE)
_BAD_PASSWORD = re.compile(rb"Bad Password", re.IGNORECASE)
_IMAGE = re.compile(rb"(?:Loadid:.{0,200}?|[\r\n ])SW:\s*(\S{1,64})\s", re.DOTALL)
_MAC = re.compile(rb"MAC:\s*((?:[0-9A-Fa-f]{2}[:.\- ]?){5}[0-9A-Fa-f]{2})")
# `<phone_prompt>> `: at the end of what was read it may still be part of a longer line, followed by a line end it cannot be.
_PROMPT = re.compile(rb"(?:^|[\r\n])(?!<Cisco)(?:([^\r\n]{0,40}> )(?=[\r\n])|([^\r\n]{0,40}> ?)$)")
_NOT_PRIVILEGED = re.compile(rb"in\s+privileged mode", re.IGNORECASE)
_DEFERRED = re.compile(rb"Reset Detected during active call|Phone will reset when call completes", re.IGNORECASE)
_UNKNOWN_COMMAND = re.compile(rb": (?:Command not found|Ambiguous)\.")
_SECRET_SETTING = re.compile(r"(?im)^(\s*\S*(?:password|encrypt_key)\S*[ \t]*:[ \t]*)\S.*$")


class PhoneError(Exception):
    """A dialogue that failed. `kind` is a name of `_failures.KINDS`; `reason` says what happened and what to do next."""

    def __init__(self, phone: Phone, kind: str, text: str) -> None:
        super().__init__(f"{phone.name} ({phone.host}): {text}")
        self.kind = kind
        self.reason = text


@dataclass(frozen=True)
class Phone:
    """Where a phone is and how to log in.

    `name`: its inventory name. `mac`: as in SIP<MAC>.cnf, or None if the inventory does not have it. `hold`: it must keep the image that it
    runs. `tftp_host`: the inventory name of its TFTP host, or empty if it has none of its own.
    """

    name: str
    host: str
    port: int = 23
    password: str = field(default="", repr=False)
    mac: str | None = None
    hold: bool = False
    tftp_host: str = ""


@dataclass(frozen=True)
class Limits:
    """Seconds that each step may take."""

    connect: float = 10.0
    login: float = 20.0
    command: float = 20.0
    reset: float = 10.0


class _Client(_BaseClient):
    """Has no terminal to offer and takes no compression, behind which a few bytes could be millions.

    Looks at what is received at once: telnetlib3's own queue is dropped at a close, and with it a phone's last words, and costs a task.
    Ends a connection that floods: each option that a phone offers costs an answer and time, and a suboption without end never reaches a
    reader's limit.
    """

    flooded = False
    _received = _negotiated = 0

    def __init__(self) -> None:
        super().__init__(encoding=False, connect_minwait=0, connect_maxwait=0, limit=OUTPUT_LIMIT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.writer.compression = False

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self._negotiated += data.count(b"\xff")
        if self._negotiated > MOST_NEGOTIATION or self._received > 4 * OUTPUT_LIMIT:
            self._end()
        else:
            self._process_chunk(data)

    def _mccp2_start(self) -> None:
        """Some compress although they were refused."""
        self._end()

    def _end(self) -> None:
        self.flooded = True
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(None)


def printable(data: bytes) -> str:
    """Text that is harmless on any terminal and in any report: what is not printable ASCII is shown escaped."""
    text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("ascii", "backslashreplace")
    return "".join(char if char in "\n\t" or " " <= char <= "~" else f"\\x{ord(char):02x}" for char in text)


def _typed(line: str) -> bytes:
    return line.encode("latin-1", "replace")


class Session:
    """One login. Made by `session`."""

    def __init__(self, phone: Phone, limits: Limits, client: Any) -> None:
        self.phone = phone
        self._client = client
        self._limits = limits
        self._buffer = bytearray()
        self._prompt = b""

    async def login(self) -> None:
        """Send the password. Raises PhoneError."""
        deadline = time.monotonic() + self._limits.login
        await self._read(_PASSWORD_PROMPT.search, deadline, "asks for no password")
        self._buffer.clear()
        self._send(self.phone.password)
        await self._read(
            lambda text: (_MAC.search(text) or _PROMPT.search(text)) if _IMAGE.search(text) else _BAD_PASSWORD.search(text),
            deadline,
            "says nothing that follows a login",
            quiet=QUIET,
            enough=lambda text: _PROMPT.search(text) or _PASSWORD_PROMPT.search(text),
        )
        asked_again = _PASSWORD_PROMPT.search(self._buffer) and not _PROMPT.search(self._buffer)
        if not _IMAGE.search(self._buffer) and (asked_again or _BAD_PASSWORD.search(self._buffer)):
            advice = "set ansible_password to the phone_password of its configuration files"
            raise self._error(failures.WRONG_PASSWORD, f"does not take the password: {advice}")

    def identify(self) -> tuple[str, str | None]:
        """Image and MAC by the banner, which is there until the first command. The inventory's MAC if the phone tells none.

        Raises PhoneError: NO_IMAGE without an image, WRONG_PHONE if the MAC is another phone's.
        """
        image = _IMAGE.search(self._buffer)
        if not image:
            raise self._error(failures.NO_IMAGE, "took the password but names no image in its banner, so what it runs cannot be known")
        return printable(image.group(1)), self._checked_mac()

    async def command(self, line: str) -> str:
        """The answer to one command, without echo and prompt. Raises PhoneError."""
        deadline = time.monotonic() + self._limits.command
        while not self._prompt:
            await self._read(lambda text: False, deadline, "shows no prompt", quiet=SETTLE, enough=_PROMPT.search, poke=True)
            prompts = _PROMPT.findall(self._buffer)
            self._prompt = b"".join(prompts[-1]) if prompts else b""
        self._buffer.clear()
        self._send(line)
        echo = re.compile(re.escape(_typed(line)) + rb"[\r\n]+")
        end = re.compile(rb"[\r\n]" + re.escape(self._prompt) + rb"(?=[\r\n]|$)")

        def answered(text: bytes) -> bool:
            echoed = echo.search(self._buffer)
            return echoed is not None and end.search(self._buffer, echoed.end() - 1) is not None

        await self._read(answered, deadline, f"does not finish its answer to {line!r}", quiet=QUIET, enough=_PROMPT.search)
        echoed = echo.search(self._buffer)
        answer = end.split(self._buffer[echoed.end() - 1 if echoed else 0 :])[0]
        return self._text(answer).strip("\n")

    async def reset(self) -> bool:
        """Restart the phone. True if it will do so only when its call ends. Raises PhoneError if it refuses.

        No answer, or a connection that just dies, is what a restart looks like: only the image seen afterwards is proof.
        """
        deadline = time.monotonic() + self._limits.command
        await self._read(_PROMPT.search, deadline, "shows no prompt", quiet=QUIET, enough=lambda text: True)
        self._checked_mac()
        self._buffer.clear()
        self._send("reset")
        deadline = time.monotonic() + self._limits.reset
        with suppress(PhoneError):
            await self._read(
                lambda text: _NOT_PRIVILEGED.search(text) or _DEFERRED.search(text) or _UNKNOWN_COMMAND.search(text), deadline, "restarts"
            )
        if _NOT_PRIVILEGED.search(self._buffer):
            raise self._error(
                failures.NOT_PRIVILEGED,
                "does not allow reset: its telnet_level is 1. Set telnet_level: 2 in SIPDefault.cnf "
                f"(or in SIP{self.phone.mac or '<MAC>'}.cnf if that sets it) and restart the phone by hand once",
            )
        if _UNKNOWN_COMMAND.search(self._buffer):
            raise self._error(failures.UNKNOWN_COMMAND, f"does not know the command reset: {self._last_words()}")
        return bool(_DEFERRED.search(self._buffer))

    def _checked_mac(self) -> str | None:
        """The MAC in what the phone said, or else the inventory's. Raises PhoneError if they differ."""
        match = _MAC.search(self._buffer)
        mac = macs.parse(match.group(1).decode()) if match else None
        if mac and self.phone.mac and mac != self.phone.mac:
            another = f"another phone answers here: its MAC is {mac}, not {self.phone.mac}"
            raise self._error(failures.WRONG_PHONE, f"{another}; correct ansible_host or cisco79xx_mac")
        return mac or self.phone.mac

    async def _read(
        self,
        done: Callable[[bytes], object],
        deadline: float,
        trouble: str,
        *,
        quiet: float | None = None,
        enough: Callable[[bytes], object] = lambda text: False,
        poke: bool = False,
    ) -> None:
        """Read into the buffer until `done` says yes to the end of it, or the phone is silent for `quiet` seconds and `enough` says yes.

        With `poke`, silence is answered once with an empty line, which makes a phone show its prompt again after lines of its own.
        Raises PhoneError: `trouble` says what did not come by the `deadline`, which is in seconds of time.monotonic().
        """
        last_data = time.monotonic()
        while not done(bytes(self._buffer[-WINDOW:])):
            now = time.monotonic()
            late = now >= deadline
            if self._client.flooded or len(self._buffer) > OUTPUT_LIMIT or (late and self._buffer and now - last_data < QUIET):
                raise self._error(failures.ENDLESS, f"talks without end and {trouble}")
            if late and not self._buffer:
                raise self._error(failures.SILENT, f"accepts the connection but says nothing and {trouble}")
            if late:
                raise self._error(failures.NO_PROMPT, f"{trouble}; its last words: {self._last_words()}")
            patience = deadline - now if quiet is None else min(quiet, deadline - now)
            try:
                data = await asyncio.wait_for(self._client.reader.read(WINDOW), patience)
            except TimeoutError:
                if quiet is not None and enough(bytes(self._buffer[-WINDOW:])):
                    return
                if poke:
                    self._send("")
                    poke = False
                continue
            if not data and not self._client.flooded:
                raise self._error(failures.CLOSED, f"closed the connection and {trouble}")
            last_data = time.monotonic()
            self._buffer += data

    def _send(self, line: str) -> None:
        self._client.writer.write(_typed(line) + b"\r\n")

    def _last_words(self) -> str:
        return ascii(self._text(bytes(self._buffer))[-120:])

    def _text(self, text: bytes) -> str:
        """The phone's words, harmless and without secrets."""
        if self.phone.password:
            text = text.replace(_typed(self.phone.password), MASK.encode())
        return _SECRET_SETTING.sub(rf"\g<1>{MASK}", printable(text))

    def _error(self, kind: str, text: str) -> PhoneError:
        return PhoneError(self.phone, kind, text)


@asynccontextmanager
async def session(phone: Phone, limits: Limits) -> AsyncIterator[Session]:
    """A phone that has taken the password. Raises PhoneError, and nothing else, whatever goes wrong while it is open."""
    try:
        connecting = asyncio.get_running_loop().create_connection(_Client, phone.host, phone.port)
        _transport, client = await asyncio.wait_for(connecting, limits.connect)
    except ConnectionRefusedError:
        raise PhoneError(
            phone,
            failures.REFUSED,
            f"refuses telnet on port {phone.port}: it is restarting, or telnet_level is 0 in its configuration files or was set after its "
            "last restart, or the address is wrong",
        ) from None
    except ConnectionResetError:
        raise PhoneError(phone, failures.CLOSED, "closes the connection as soon as it is made") from None
    except (OSError, UnicodeError) as error:  # TimeoutError among them; a host name that is none
        cause = getattr(error, "strerror", None) or str(error) or f"no answer in {limits.connect:g} seconds"
        raise PhoneError(phone, failures.UNREACHABLE, f"cannot be reached: {cause}; check ansible_host, power and network") from None
    try:
        talk = Session(phone, limits, client)
        await talk.login()
        yield talk
    except PhoneError:
        raise
    except Exception as error:  # one phone's oddity must not take the wave's other results along
        broken = one_line(f"the dialogue broke: {type(error).__name__}: {error}", 500)
        raise PhoneError(phone, failures.ERROR, f"{broken}; please report this") from error
    finally:
        client.writer.close()
