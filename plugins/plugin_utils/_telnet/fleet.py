# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with many phones at once: observe, reset, wait. One process for all of them."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeVar

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Limits, Phone, PhoneError, Session, printable, session

Targets = Mapping[str, images.Image]
"""Inventory name → image."""
Answer = TypeVar("Answer")

FIRST_POLL = 0.5
"""Seconds between the first looks at a phone; later they grow further apart, up to the poll interval."""
DOWN_SHARE = 0.005
"""Pause between two looks at a phone that is down, as a share of the time it has been waited for: it is noticed soon after it
comes back, and a phone that does not answer is asked ever less often."""
DOWN_POLL = 5.0
LOOKS_PER_SECOND = 1000
"""At phones that are down, all of them together. While thousands are, nobody has to know within the second which of them is back."""
DOWN_CONNECT = 3.0
"""Seconds that connecting to a phone that restarts may take: many are down at once, and each waits for its turn."""
PROGRESS_EVERY = 10.0
"""Seconds between two lines of progress of `wait`."""
GONE = 60.0
"""Seconds after which a phone that still answers cannot have taken a reset that may not have been sent."""

MAY_BE_RESTARTING = (failures.REFUSED, failures.UNREACHABLE, failures.SILENT, failures.CLOSED)
"""Kinds of failure that a phone which restarts just now has too."""

_LEVEL = re.compile(r"^[ \t]{0,8}telnet_level[ \t]{0,8}[:=]?[ \t\"]{0,8}([012])\b", re.MULTILINE | re.IGNORECASE)
_ELAPSED = re.compile(
    r"Elapsed Time[ \t]{0,8}:[ \t]{0,8}(?:([0-9]{1,5})[ \t]{0,2}d[a-z]{0,3},?[ \t]{1,8})?([0-9]{1,5}):([0-9]{2}):([0-9]{2})\b"
)
_LINE = re.compile(r"^[ \t]{0,8}([0-9]{1,2})[ \t]{1,8}([1.0x])([1.0x])([1.0x])[ \t]{1,8}([A-Z_]{1,32})\s", re.MULTILINE)


@dataclass(frozen=True)
class Pace:
    """How hard the fleet is driven. `max_sessions` keeps open connections under the usual limit of 1,024 files."""

    max_sessions: int = 500
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Patience:
    """Seconds: for a phone to come back, for its call to end before that (None: the same), and between two looks at most."""

    wait: float = 600.0
    call: float | None = None
    poll_interval: float = 15.0


@dataclass(frozen=True)
class Observation:
    """What one look at a phone showed.

    `reachable`: it took the password and named its `image`. If not, `kind` (a name of `_failures.KINDS`) and `reason` say why; if so, they
    say why it must not be reset (UNKNOWN_MAC), or are None. `mac`: from its banner, otherwise from the inventory, if either has it.
    `unregistered`: which of its lines are not registered, or None; only a look `at_lines` asks for that. `telnet_level`: what its
    running configuration shows, and `started`: when it did, in Unix seconds, both None if it does not tell; only a look `at_level` asks.
    """

    reachable: bool
    image: str | None = None
    mac: str | None = None
    kind: str | None = None
    reason: str | None = None
    unregistered: str | None = None
    telnet_level: int | None = None
    started: float | None = None


@dataclass(frozen=True)
class ResetAnswer:
    """How a phone took the command to restart.

    `sent`: it was told. `deferred`: it is in a call and restarts afterwards. `already`: it runs the image and was left alone. `image`:
    what it ran then. `mac`: as in Observation. `kind` and `reason`: why nothing was sent, otherwise None.
    """

    sent: bool = False
    deferred: bool = False
    already: bool = False
    image: str | None = None
    mac: str | None = None
    kind: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Return:
    """How the wait for a phone ended.

    `on_target`: it runs the image. If not, `kind`, `reason` and `advice` say why; the advice may be empty. `image`: last seen. `seconds`:
    since its reset, or since the wait began. `down`: it did not answer at the last look.
    """

    on_target: bool
    image: str | None
    seconds: float
    kind: str | None = None
    reason: str | None = None
    advice: str = ""
    down: bool = False

    @property
    def never_reset(self) -> bool:
        """Whether it evidently was never sent the reset that it was waited for after; see `doubtful` of `until_back`."""
        return not self.on_target and self.kind is None


@dataclass(frozen=True)
class Cause:
    """Why a phone does not come back: a kind of `_failures.KINDS`, and texts for people. Without advice that of the kind holds."""

    kind: str
    reason: str
    advice: str = ""


class Goal(Protocol):
    """What a phone is waited for. `image`: what it has to run, None for anything. `at_level`: looks ask for its telnet_level."""

    @property
    def image(self) -> images.Image | None: ...

    @property
    def at_level(self) -> bool: ...

    def reached(self, last: Observation, was_down: bool, seconds: float) -> bool:
        """Whether the phone is there, by the last look at it. `was_down`: it was seen to be so, or to restart. `seconds`: waited so far."""

    def why_not(self, last: Observation, was_down: bool, deferred: bool, seconds: float) -> Cause:
        """Why a phone was given up after these seconds. `deferred`: it was in a call when it was told to restart."""


@dataclass(frozen=True)
class OnImage:
    """The goal of a phone that shall run an image."""

    image: images.Image
    at_level = False

    def reached(self, last: Observation, was_down: bool, seconds: float) -> bool:
        return last.reachable and runs(last.image, self.image)

    def why_not(self, last: Observation, was_down: bool, deferred: bool, seconds: float) -> Cause:
        if last.reachable:
            if was_down:
                reason = f"came back on {last.image} instead of {self.image}: see the TFTP server's log for what it asked for"
                return Cause(failures.WRONG_IMAGE, reason)
            if deferred:
                reason = f"is in a call: it restarts by itself when the call ends, and had not within {seconds:g} seconds"
                return Cause(failures.IN_CALL, reason)
            return Cause(failures.NOT_RESTARTED, f"still runs {last.image} after {seconds:g} seconds and was never seen to restart")
        if last.kind == failures.WRONG_PASSWORD:
            return Cause(last.kind, "came back with another password: phone_password in its configuration files is not the inventory's")
        if last.kind == failures.REFUSED:
            why = "it is still loading, or telnet_level is 0 in its files"
            return Cause(last.kind, f"answers but refuses telnet after {seconds:g} seconds: {why}")
        kind = failures.NEVER_RETURNED if last.kind == failures.UNREACHABLE else last.kind or failures.ERROR
        return Cause(kind, f"did not come back in {seconds:g} seconds: {last.reason}")


def observe(phones: Iterable[Phone], pace: Pace, at_level: bool = False) -> dict[str, Observation]:
    """What each phone runs, by its name."""
    return asyncio.run(_each(phones, pace, partial(look, at_level=at_level)))


def reset(phones: Iterable[Phone], pace: Pace, *, unless: Targets | None = None) -> dict[str, ResetAnswer]:
    """Restart each phone that does not run what `unless` has for it. Returns the answers by the phones' names."""

    async def one(phone: Phone, limits: Limits) -> ResetAnswer:
        return await reset_one(phone, limits, unless[phone.name] if unless is not None else None) or ResetAnswer()

    return asyncio.run(_each(phones, pace, one))


def wait(
    phones: Iterable[Phone],
    pace: Pace,
    *,
    targets: Targets,
    patience: Patience,
    progress: Callable[[str], object] = lambda line: None,
) -> dict[str, Return]:
    """Look at each phone until it runs its target, for as long as `patience` lasts. Returns how that ended, by the phones' names.

    A restart can take two boots, and a phone may answer for a while with the old image before it loads the new one:
    only the target ends the wait early. `progress` is called with a line for people now and then.
    """

    phones = list(phones)
    wanted = " and ".join(sorted({image.name for image in targets.values()}))

    async def all_of_them() -> dict[str, Return]:
        sessions = asyncio.Semaphore(pace.max_sessions)
        began = time.monotonic()
        returns: dict[str, Return] = {}

        async def one(phone: Phone) -> None:
            returns[phone.name] = await until_back(
                phone, OnImage(targets[phone.name]), sessions, pace.limits, patience, away=lambda: len(phones) - len(returns)
            )

        async def report() -> None:
            while True:
                await asyncio.sleep(PROGRESS_EVERY)
                back = sum(one.on_target for one in returns.values())
                progress(f"{back} of {len(phones)} phones are on {wanted} after {time.monotonic() - began:.0f} seconds")

        reporter = asyncio.create_task(report())
        await asyncio.gather(*map(one, phones))
        reporter.cancel()
        return {phone.name: returns[phone.name] for phone in phones}

    return asyncio.run(all_of_them())


async def look(phone: Phone, limits: Limits, at_lines: bool = False, at_level: bool = False) -> Observation:
    """One look at one phone; with `at_lines`, also at which of its lines are not registered, with `at_level` at its telnet_level and how
    long it is up. Never raises."""
    try:
        async with session(phone, limits) as talk:
            image, mac = talk.identify()
            kind, reason = (doubt.kind, doubt.reason) if (doubt := talk.doubt()) else (None, None)
            missing = unregistered(printable(await talk.answer("show register"))) if at_lines else None
            missing = missing and talk.harmless(missing.encode())
            level, started = await _level(talk) if at_level else (None, None)
    except PhoneError as error:
        return Observation(False, None, phone.mac, error.kind, error.reason)
    return Observation(True, image, mac, kind, reason, missing, level, started)


async def _level(talk: Session) -> tuple[int | None, float | None]:
    """The telnet_level of the running configuration and when the phone started, in Unix seconds, each None if it does not tell.

    `show config` and `show network`, their headings and the name `Elapsed Time` are from published images, the form of the lines is not
    known: so what cannot be read is not known.
    """
    level = started = None
    with suppress(PhoneError):
        shown = set(_LEVEL.findall(printable(await talk.answer("show config"))))
        level = int(shown.pop()) if len(shown) == 1 else None
    with suppress(PhoneError):
        elapsed = _ELAPSED.search(printable(await talk.answer("show network")))
        if elapsed:
            days, hours, minutes, seconds = (int(part or 0) for part in elapsed.groups())
            started = time.time() - (((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    return level, started


async def always(phone: Phone) -> bool:
    """That a phone may be reset."""
    return True


async def reset_one(
    phone: Phone, limits: Limits, unless: images.Image | None, may_send: Callable[[Phone], Awaitable[bool]] = always
) -> ResetAnswer | None:
    """Restart one phone, unless it runs that image. Never raises.

    `may_send` is asked when the phone has taken the password, before the command goes out; if it says no, the result is None.
    """
    try:
        async with session(phone, limits) as talk:
            image, mac = talk.identify()
            if unless is not None and runs(image, unless):
                return ResetAnswer(already=True, image=image, mac=mac)
            await talk.confirm()
            if not await may_send(phone):
                return None
            return ResetAnswer(sent=True, deferred=await talk.reset(), image=image, mac=mac)
    except PhoneError as error:
        return ResetAnswer(mac=phone.mac, kind=error.kind, reason=error.reason)


async def until_back(
    phone: Phone,
    goal: Goal,
    sessions: asyncio.Semaphore,
    limits: Limits,
    patience: Patience,
    *,
    cause: Callable[[Phone], Cause | None] = lambda phone: None,
    away: Callable[[], int] = lambda: 1,
    deferred: bool = False,
    since: float = 0.0,
    doubtful: bool = False,
) -> Return:
    """Look at one phone, which was reset `since` seconds ago, until it reaches its goal or is given up. Never raises.

    `sessions`: as many as may be open at once. `cause` is asked why the phone cannot come back; if it knows, nobody waits any longer.
    `away`: how many phones are waited for at the moment or soon, this one among them.
    `deferred`: it was in a call then, and its time starts when that ends. `doubtful`: it is not certain that the reset was sent; if it
    evidently was not, the result is `never_reset`, and the phone may be reset.
    """
    began = time.monotonic() - since
    quick = replace(limits, connect=min(limits.connect, DOWN_CONNECT))
    call = patience.wait if patience.call is None else patience.call
    deadline = began + (call if deferred else patience.wait)
    pause = FIRST_POLL
    image = None
    was_down = False
    # None of thousands is back so soon, and those that are not reset yet come first
    early = min(away() / LOOKS_PER_SECOND, DOWN_POLL)
    if early > FIRST_POLL:
        await asyncio.sleep(max(0.0, min(early, deadline - time.monotonic())))
    while True:
        async with sessions:
            last = await look(phone, quick, at_level=goal.at_level)
        now = time.monotonic()
        # Another image than before is a restart too, even if the phone was never met while it was away
        if not was_down and (not last.reachable or last.image != (image or last.image)):
            was_down = True
            if deferred:
                deadline = now + patience.wait
        image = last.image or image
        ended = Return(False, image, round(now - began, 1), down=not last.reachable)
        if goal.reached(last, was_down, now - began):
            return replace(ended, on_target=True)
        if doubtful and not was_down and now - began >= min(GONE, patience.wait):
            return ended
        why: Cause | None
        if now >= deadline:
            why = goal.why_not(last, was_down, deferred, call if deferred and not was_down else patience.wait)
        else:
            why = cause(phone)
        if why:
            return replace(ended, kind=why.kind, reason=why.reason, advice=why.advice)
        if last.reachable or last.kind not in MAY_BE_RESTARTING:  # a look at one that talks without end costs most
            pause = min(pause * 1.5, patience.poll_interval)
        else:
            pause = min(max(FIRST_POLL, DOWN_SHARE * (now - began), away() / LOOKS_PER_SECOND), DOWN_POLL, patience.poll_interval)
        await asyncio.sleep(max(0.0, min(pause * random.uniform(0.8, 1.2), deadline - now)))


async def _each(phones: Iterable[Phone], pace: Pace, work: Callable[[Phone, Limits], Awaitable[Answer]]) -> dict[str, Answer]:
    sessions = asyncio.Semaphore(pace.max_sessions)

    async def one(phone: Phone) -> tuple[str, Answer]:
        async with sessions:
            return phone.name, await work(phone, pace.limits)

    return dict(await asyncio.gather(*map(one, phones)))


def runs(running: str | None, image: images.Image) -> bool:
    """Whether the image that a phone says it runs is that release."""
    release = images.recognise(running or "")
    return release is not None and release.same_as(image)


def unregistered(table: str) -> str | None:
    """What is wrong with the registration of the phone's provisioned lines, or None if each is registered.

    `table`: what `show register` prints, `line  APR  state  timer  expires  proxy:port` (the form found in published images). APR is
    Authenticated, Provisioned, Registered, one character each, `1` for yes. `1-BU` is the backup of line 1: backup lines do not count, as
    they idle as long as the proxy answers.
    """
    lines = _LINE.findall(table)
    provisioned = [(number, state) for number, _a, yes, _r, state in lines if yes == "1"]
    if not lines:
        return "show register lists no line"
    if not provisioned:
        return "none of its lines is provisioned"
    missing = [f"line {number} is {state}" for number, state in provisioned if state != "REGISTERED"]
    return ", ".join(missing) or None
