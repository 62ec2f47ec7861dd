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
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import cnf
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac as macs
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import MASK, list_some, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures

OLDEST_TELNETLIB3 = 4
"""Its first version with what is used here."""

try:
    import telnetlib3

    if int(str(telnetlib3.__version__).partition(".")[0]) < OLDEST_TELNETLIB3:
        raise ImportError(f"too old in the controller's Python ({telnetlib3.__version__})")
except (ImportError, AttributeError, ValueError) as error:
    TELNETLIB3_ERROR: Exception | None = error
    _BaseClient: Any = object
else:
    TELNETLIB3_ERROR = None
    _BaseClient = telnetlib3.BaseClient
    # Its records hold what was sent, the password among it; and a phone's noise would reach the terminal.
    logging.getLogger("telnetlib3").setLevel(logging.CRITICAL)

_WHY_NONE = TELNETLIB3_ERROR if str(TELNETLIB3_ERROR).startswith("too old") else "missing in the controller's Python"
NO_TELNETLIB3 = f"telnetlib3 is {_WHY_NONE}: {sys.executable or 'python3'} -m pip install 'telnetlib3>={OLDEST_TELNETLIB3},<6'"
OUTPUT_LIMIT = 64 * 1024
"""Bytes that one step may take in before a phone counts as talking without end."""
MOST_NEGOTIATION = 1000
"""Bytes 0xff, which begin each telnet option, that a whole session may have. A phone sends two."""
WINDOW = 8 * 1024
"""Bytes at the end of what was read in which a step looks for its sign. No more than half of them are new, so that none is cut in two."""
FREE_READS = 20
"""Reads without a pause. From then on there are pauses between them, so that what comes in drops costs no look at a whole WINDOW each."""
LONGEST_PAUSE = 0.1
"""Seconds between two reads then, at most: less than SETTLE, so that a pause is no silence."""
SETTLE = 0.2
"""Seconds of silence after which what looks like a prompt is one. Only paid where the prompt is not known yet."""
QUIET = 1.0
"""Seconds of silence after which a phone that shows no prompt is asked for one."""

# A phone's bytes may be anything: no two repeats in a row may take the same bytes, and none is without end.
_PASSWORD_PROMPT = re.compile(rb"Password ?:", re.IGNORECASE)
_BAD_PASSWORD = re.compile(rb"Bad Password", re.IGNORECASE)
_IMAGE = re.compile(rb"[\s:]SW:\s{0,16}+(\S{1,64}+)\s")
_HEX_DIGITS = rb"((?:[0-9A-F]{2}[\s:.\-]{0,4}){5}[0-9A-F]{2})(?![0-9A-F])"
_MAC = re.compile(rb"MAC(?:[ _]address)?[\s:=]{1,16}" + _HEX_DIGITS + rb"(?:[\s,;/]{1,4}" + _HEX_DIGITS + rb")?", re.IGNORECASE)
# `<phone_prompt>> `: at the end of what was read it may still be part of a longer line, followed by a line end it cannot be.
_PROMPT = re.compile(rb"(?:^|[\r\n])(?!<Cisco)(?:([^\r\n]{0,40}> )(?=[\r\n])|([^\r\n]{0,40}> ?)$)")
_NOT_PRIVILEGED = re.compile(rb"in\s{1,16}privileged mode", re.IGNORECASE)
_DEFERRED = re.compile(rb"Reset Detected during active call|Phone will reset when call completes", re.IGNORECASE)
_UNKNOWN_COMMAND = re.compile(rb": (?:Command not found|Ambiguous)\.")
_BLANK = r"[\s\x00-\x20\x7f-\xa0]"
_JUNK = tuple(
    re.compile(rf"{junk}|{_BLANK}", re.DOTALL)
    for junk in (
        r"(?:\x1b\[|\x9b)[0-?]{0,32}+[ -/]{0,8}+[@-~]|\x1b[\]PX^_][^\x07\x1b]{0,200}+(?:\x07|\x1b\\)?|\x1b[ -/]{0,8}+[0-~]",
        r"(?:\x1b\[?|\x9b)[0-?]{0,32}+",
        r".\x08",
    )
)
"""What may be between the characters of a password that a phone sends back: escapes, halves of escapes, what a backspace takes away."""


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
    runs. `tftp_host`: the inventory name of its TFTP host, or empty if it has none of its own. `accept_unknown_mac`: it may be reset though
    its banner does not tell which phone it is.
    """

    name: str
    host: str
    port: int = 23
    password: str = field(default="", repr=False)
    mac: str | None = None
    hold: bool = False
    tftp_host: str = ""
    accept_unknown_mac: bool = False

    def with_mac(self, mac: str | None) -> Phone:
        """The phone with this MAC, if the inventory has none: another one in its place is not reset."""
        return replace(self, mac=self.mac or mac)


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
    reader's limit. Reads ever more seldom from one that drips.
    """

    flooded = False
    _received = _negotiated = _reads = 0

    def __init__(self) -> None:
        super().__init__(encoding=False, connect_minwait=0, connect_maxwait=0, limit=OUTPUT_LIMIT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.writer.compression = False

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self._negotiated += data.count(b"\xff")
        self._reads += 1
        if self._negotiated > MOST_NEGOTIATION or self._received > 4 * OUTPUT_LIMIT:
            self._end()
            return
        self._process_chunk(data)
        if self._reads > FREE_READS:
            self._transport.pause_reading()
            pause = min((self._reads - FREE_READS) / 1000, LONGEST_PAUSE)
            asyncio.get_running_loop().call_later(pause, self._transport.resume_reading)

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
    return re.sub(r"[^\n\t -~]", lambda char: f"\\x{ord(char[0]):02x}", text)


def _typed(line: str) -> bytes:
    return line.encode("latin-1", "replace")


def hide(text: str, password: str) -> str:
    """The text without the password: in any case, with blanks, line ends and escapes in it, and with its end cut off."""
    typed = _typed(password)
    for spelt in dict.fromkeys(
        (password, typed.decode("latin-1"), printable(typed), password.encode("utf-8", "replace").decode("latin-1"))
    ):
        secret = re.sub(_BLANK, "", spelt)
        for junk in _JUNK if secret else ():
            text = _masked(text, secret, junk)
    return text


def _masked(text: str, secret: str, junk: re.Pattern[str]) -> str:
    """The text without the secret, as it reads without the junk."""
    places: list[int] = []
    end = 0
    for found in junk.finditer(text):
        places += range(end, found.start())
        end = found.end()
    places += range(end, len(text))
    read = "".join(map(text.__getitem__, places))
    spans = [found.span() for found in re.finditer(re.escape(secret), read, re.IGNORECASE)]
    for size in range(min(len(secret) - 1, len(read)), 3, -1):  # its beginning, at the end of the text
        if read[-size:].lower() == secret[:size].lower():
            spans.append((len(read) - size, len(read)))
            break
    for start, end in reversed(spans):
        text = text[: places[start]] + MASK + text[places[end - 1] + 1 :]
    return text


class Session:
    """One login. Made by `session`."""

    def __init__(self, phone: Phone, limits: Limits, client: Any) -> None:
        self.phone = phone
        self._client = client
        self._limits = limits
        self._buffer = bytearray()
        self._banner: bytes | None = None
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
            advice = "set cisco79xx_password (or ansible_password) to the phone_password of its configuration files"
            raise self._error(failures.WRONG_PASSWORD, f"does not take the password: {advice}")
        if self.doubt():
            with suppress(PhoneError):  # what looked like a prompt may have been none
                await self._read(_MAC.search, time.monotonic() + QUIET, "names no MAC")

    def identify(self) -> tuple[str, str | None]:
        """Image and MAC by the banner. The inventory's MAC if the phone tells none.

        Raises PhoneError: NO_IMAGE without an image, WRONG_PHONE if the MAC is another phone's.
        """
        image = _IMAGE.search(self._heard)
        if not image:
            raise self._error(failures.NO_IMAGE, "took the password but names no image in its banner, so what it runs cannot be known")
        if (doubt := self.doubt()) and doubt.kind == failures.WRONG_PHONE:
            raise doubt
        name, told = printable(image.group(1)), self._macs()
        if not images.recognise(name):  # else it may well hold a short password, and must be known all the same
            name = self.harmless(image.group(1))
        return name, self.phone.mac or (told[0] if len(told) == 1 else None)

    def doubt(self) -> PhoneError | None:
        """Why the phone must not be reset, as it is not the inventory's (WRONG_PHONE), or may not be (UNKNOWN_MAC); or None."""
        told = self._macs()
        if told and self.phone.mac and self.phone.mac not in told:
            another = f"another phone answers here: its MAC is {list_some(told, 2)}, not {self.phone.mac}"
            return self._error(failures.WRONG_PHONE, f"{another}; correct ansible_host or cisco79xx_mac")
        if len(told) == 1 or not self.phone.mac or self.phone.accept_unknown_mac:
            return None
        names = f"names {len(told)} MACs ({list_some(told, 2)})" if told else "names no MAC"
        way_out = "if it is the right one, add -e accept_unknown_mac=true, or set cisco79xx_accept_unknown_mac for it"
        return self._error(failures.UNKNOWN_MAC, f"{names} in its banner, so it may not be {self.phone.mac}; {way_out}")

    async def confirm(self) -> None:
        """Hear the banner to its end, before `reset`. Raises PhoneError if there is a `doubt`."""
        deadline = time.monotonic() + self._limits.command
        await self._read(_PROMPT.search, deadline, "shows no prompt", quiet=QUIET, enough=lambda text: True)
        if doubt := self.doubt():
            raise doubt

    async def command(self, line: str) -> str:
        """The answer to one command, without echo and prompt, harmless and without secrets. Raises PhoneError."""
        return self.harmless(await self.answer(line))

    async def answer(self, line: str) -> bytes:
        """As `command`, as the phone said it."""
        deadline = time.monotonic() + self._limits.command
        while not self._prompt:
            await self._read(lambda text: False, deadline, "shows no prompt", quiet=SETTLE, enough=_PROMPT.search, poke=True)
            prompts = _PROMPT.findall(self._buffer)
            self._prompt = b"".join(prompts[-1]) if prompts else b""
        self._ask(line)
        echo = re.compile(re.escape(_typed(line)) + rb"[\r\n]+")
        end = re.compile(rb"[\r\n]" + re.escape(self._prompt) + rb"(?=[\r\n]|$)")

        def answered(text: bytes) -> bool:
            echoed = echo.search(self._buffer, 0, WINDOW)
            return echoed is not None and end.search(self._buffer, max(echoed.end() - 1, len(self._buffer) - WINDOW)) is not None

        trouble = f"does not finish its answer to {hide(line, self.phone.password)!r}"
        await self._read(answered, deadline, trouble, quiet=QUIET, enough=_PROMPT.search)
        echoed = echo.search(self._buffer, 0, WINDOW)
        return end.split(self._buffer[echoed.end() - 1 if echoed else 0 :])[0].strip(b"\r\n")

    async def reset(self) -> bool:
        """Restart the phone, after `confirm`. True if it will do so only when its call ends. Raises PhoneError if it refuses.

        No answer, or a connection that just dies, is what a restart looks like: only the image seen afterwards is proof.
        """
        self._ask("reset")
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

    @property
    def _heard(self) -> bytes:
        """The banner: what the phone said from the password on to the first command, or says yet."""
        return bytes(self._buffer) if self._banner is None else self._banner

    def _macs(self) -> list[str]:
        """Each MAC of the banner once."""
        told = (macs.parse(digits.decode()) for pair in _MAC.findall(self._heard) for digits in pair if digits)
        return list(dict.fromkeys(told))

    def _ask(self, line: str) -> None:
        self._banner = self._heard
        self._buffer.clear()
        self._send(line)

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
                data = await asyncio.wait_for(self._client.reader.read(WINDOW // 2), patience)
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
        return ascii(self.harmless(bytes(self._buffer[-4 * 120 :]))[-120:])

    def harmless(self, text: bytes) -> str:
        """The phone's words, harmless and without secrets."""
        hidden = hide(text.decode("latin-1"), self.phone.password).encode("latin-1")
        return cnf.mask(printable(hidden).encode()).decode()

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
        broken = one_line(f"the dialogue broke: {type(error).__name__}: {hide(str(error), phone.password)}", 500)
        raise PhoneError(phone, failures.ERROR, f"{broken}; please report this") from error
    finally:
        client.writer.close()
