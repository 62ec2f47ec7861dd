# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with many phones at once: observe, reset, wait. One process, one task per step and wave."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import register
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import session as dialogue
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Identity, Limits, Phone, PhoneError, session

Result = dict[str, Any]
Results = dict[str, Result]
Targets = Mapping[str, images.Image]
"""Inventory name → image."""

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

REFUSED, WRONG_PASSWORD = dialogue.REFUSED, dialogue.WRONG_PASSWORD
WRONG_IMAGE = "wrong_image"
NOT_RESTARTED = "not_restarted"
NEVER_RETURNED = "never_returned"
IN_CALL = "in_call"
NOT_REGISTERED = "not_registered"
ERROR = "error"
NOT_WANTED = "not_wanted"
LOST = (dialogue.UNREACHABLE, dialogue.SILENT, dialogue.CLOSED)
MAY_BE_RESTARTING = (REFUSED, *LOST)


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


def observe(phones: Iterable[Phone], pace: Pace) -> Results:
    """What each phone runs: `reachable`, `image`, `mac`, and for one that cannot be observed `kind` and `reason`."""
    return asyncio.run(_each(phones, pace, look))


def reset(phones: Iterable[Phone], pace: Pace, *, unless: Targets | None = None) -> Results:
    """Restart each phone that does not run what `unless` has for it.

    Per phone: `sent`, `deferred` (it is in a call and restarts afterwards), `already`, `image` (running before), and
    `kind` and `reason` where nothing was sent.
    """

    async def one(phone: Phone, limits: Limits) -> Result:
        return await reset_one(phone, limits, unless[phone.name] if unless is not None else None)

    return asyncio.run(_each(phones, pace, one))


def wait(
    phones: Iterable[Phone],
    pace: Pace,
    *,
    targets: Targets,
    patience: Patience,
    progress: Callable[[str], None] = lambda line: None,
) -> Results:
    """Look at each phone until it runs its target, for as long as `patience` lasts.

    A restart can take two boots, and a phone may answer for a while with the old image before it loads the new one:
    only the target ends the wait early. Per phone: `on_target`, `image` (last seen), `seconds`, `kind`, `reason`, `advice`.
    """

    async def all_of_them() -> Results:
        sessions = asyncio.Semaphore(pace.max_sessions)
        began = time.monotonic()
        back = ended = 0

        async def one(phone: Phone) -> tuple[str, Result]:
            nonlocal back, ended
            result = await until_back(phone, targets[phone.name], sessions, pace.limits, patience, away=lambda: len(targets) - ended)
            back += result["on_target"]
            ended += 1
            return phone.name, result

        async def report() -> None:
            wanted = " and ".join(sorted({image.name for image in targets.values()}))
            while True:
                await asyncio.sleep(PROGRESS_EVERY)
                progress(f"{back} of {len(targets)} phones are on {wanted} after {time.monotonic() - began:.0f} seconds")

        reporter = asyncio.create_task(report())
        try:
            return dict(await asyncio.gather(*map(one, phones)))
        finally:
            reporter.cancel()

    return asyncio.run(all_of_them())


async def reset_one(
    phone: Phone, limits: Limits, unless: images.Image | None, about_to: Callable[[Phone], bool] = lambda phone: True
) -> Result:
    """As `reset`, for one phone. Never raises. `about_to` is asked before the command goes out: if it says no, `kind` is NOT_WANTED."""

    async def work(phone: Phone, limits: Limits) -> Result:
        async with session(phone, limits) as talk:
            identity = talk.identify()
            already = unless is not None and runs(identity.image, unless)
            if not already and not about_to(phone):
                return {"sent": False, "already": False, "deferred": False, **_known(phone, identity), "kind": NOT_WANTED}
            deferred = False if already else await talk.reset()
            return {"sent": not already, "already": already, "deferred": deferred, **_known(phone, identity)}

    return await _guarded(phone, limits, work, {"sent": False, "already": False, "deferred": False})


async def until_back(
    phone: Phone,
    target: images.Image,
    sessions: asyncio.Semaphore,
    limits: Limits,
    patience: Patience,
    *,
    cause: Callable[[Phone], Result | None] = lambda phone: None,
    away: Callable[[], int] = lambda: 1,
    deferred: bool = False,
    since: float = 0.0,
    doubtful: bool = False,
) -> Result:
    """As `wait`, for one phone that was reset `since` seconds ago.

    `cause`: asked why the phone cannot come back, as `kind`, `reason` and `advice`, or None; it is then waited for no longer.
    `away`: how many phones are waited for at the moment or soon, this one among them.
    `deferred`: it was in a call then, and its time starts when that ends. `doubtful`: it is not certain that the reset was sent; if it
    evidently was not, the result's `kind` is None and `on_target` false, and the phone may be reset.
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
            seen = await look(phone, quick)
        now = time.monotonic()
        # Another image than before is a restart too, even if the phone was never met while it was away
        if not was_down and (not seen["reachable"] or seen["image"] != (image or seen["image"])):
            was_down = True
            if deferred:
                deadline = now + patience.wait
        image = seen["image"] or image
        ended: Result = {"on_target": False, "image": image, "seconds": round(now - began, 1), "kind": None, "reason": None, "advice": ""}
        ended["down"] = not seen["reachable"]
        if seen["reachable"] and runs(seen["image"], target):
            return {**ended, "on_target": True}
        if doubtful and not was_down and now - began >= min(GONE, patience.wait):
            return ended
        if now >= deadline:
            kind, reason = _why_not(seen, target, was_down, deferred, call if deferred and not was_down else patience.wait)
            return {**ended, "kind": kind, "reason": reason}
        known = cause(phone)
        if known is not None:
            return {**ended, **known}
        if seen["reachable"]:
            pause = min(pause * 1.5, patience.poll_interval)
        else:
            pause = min(max(FIRST_POLL, DOWN_SHARE * (now - began), away() / LOOKS_PER_SECOND), DOWN_POLL, patience.poll_interval)
        await asyncio.sleep(max(0.0, min(pause * random.uniform(0.8, 1.2), deadline - now)))


def _why_not(seen: Result, target: images.Image, was_down: bool, deferred: bool, seconds: float) -> tuple[str, str]:
    if seen["reachable"]:
        if was_down:
            return WRONG_IMAGE, f"came back on {seen['image']} instead of {target}: see the TFTP server's log for what it asked for"
        if deferred:
            return IN_CALL, f"is in a call: it restarts by itself when the call ends, and had not within {seconds:g} seconds"
        return NOT_RESTARTED, f"still runs {seen['image']} after {seconds:g} seconds and was never seen to restart"
    if seen["kind"] == WRONG_PASSWORD:
        return WRONG_PASSWORD, "came back with another password: phone_password in its configuration files is not ansible_password"
    if seen["kind"] == REFUSED:
        return REFUSED, f"answers but refuses telnet after {seconds:g} seconds: it is still loading, or telnet_level is 0 in its files"
    kind = NEVER_RETURNED if seen["kind"] == dialogue.UNREACHABLE else seen["kind"]
    return kind, f"did not come back in {seconds:g} seconds: {seen['reason']}"


async def look(phone: Phone, limits: Limits) -> Result:
    """As `observe`, for one phone. Never raises."""

    async def work(phone: Phone, limits: Limits) -> Result:
        async with session(phone, limits) as talk:
            identity = talk.identify()
        return {"reachable": True, **_known(phone, identity)}

    return await _guarded(phone, limits, work, {"reachable": False})


async def look_at_lines(phone: Phone, limits: Limits) -> Result:
    """As `look`, with `unregistered`: which of its lines are not registered, or None."""

    async def work(phone: Phone, limits: Limits) -> Result:
        async with session(phone, limits) as talk:
            identity = talk.identify()
            table = await talk.command("show register")
        return {"reachable": True, **_known(phone, identity), "unregistered": register.unregistered(table)}

    return await _guarded(phone, limits, work, {"reachable": False, "unregistered": None})


def _known(phone: Phone, identity: Identity) -> Result:
    return {"image": identity.image, "mac": identity.mac or phone.mac, "kind": None, "reason": None}


async def _each(phones: Iterable[Phone], pace: Pace, work: Callable[[Phone, Limits], Awaitable[Result]]) -> Results:
    sessions = asyncio.Semaphore(pace.max_sessions)

    async def one(phone: Phone) -> tuple[str, Result]:
        async with sessions:
            return phone.name, await work(phone, pace.limits)

    return dict(await asyncio.gather(*map(one, phones)))


async def _guarded(phone: Phone, limits: Limits, work: Callable[[Phone, Limits], Awaitable[Result]], failed: Result) -> Result:
    try:
        return await work(phone, limits)
    except PhoneError as error:
        kind, reason = error.kind, error.reason
    except Exception as error:  # one phone's oddity must not take the wave's other results along
        kind, reason = ERROR, f"the dialogue broke: {type(error).__name__}: {error}; please report this"
    return {**failed, "image": None, "mac": phone.mac, "kind": kind, "reason": reason}


def runs(running: str | None, image: images.Image) -> bool:
    """Whether what a phone says it runs is that release."""
    known = images.recognise(running or "")
    return known is not None and known.same_as(image)
