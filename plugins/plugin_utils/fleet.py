# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with many phones at once: observe, reset, wait. One process, one task per step and wave."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils import image as images
from ansible_collections.voip.cisco79xx.plugins.plugin_utils.dialogue import (
    REFUSED,
    WRONG_PASSWORD,
    Identity,
    Limits,
    Phone,
    PhoneError,
    session,
)

Result = dict[str, Any]
Results = dict[str, Result]
Targets = Mapping[str, images.Image]
"""Inventory name → image."""

FIRST_POLL = 0.5
"""Seconds before the second look at a phone; each further look waits half as long again, up to `poll_interval`."""
PROGRESS_EVERY = 10.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class Pace:
    """How hard the fleet is driven. `max_sessions` keeps open connections under the usual limit of 1,024 files."""

    max_sessions: int = 200
    limits: Limits = field(default_factory=Limits)


def observe(phones: Iterable[Phone], pace: Pace) -> Results:
    """What each phone runs: `reachable`, `image`, `mac`, and for one that cannot be observed `kind` and `reason`."""
    return asyncio.run(_each(phones, pace, _observe))


def reset(phones: Iterable[Phone], pace: Pace, *, unless: Targets | None = None) -> Results:
    """Restart each phone that does not run what `unless` has for it.

    Per phone: `sent`, `deferred` (it is in a call and restarts afterwards), `already`, `image` (running before), and
    `kind` and `reason` where nothing was sent.
    """

    async def one(phone: Phone, limits: Limits) -> Result:
        async with session(phone, limits) as talk:
            identity = talk.identify()
            already = unless is not None and runs(identity.image, unless[phone.name])
            deferred = False if already else await talk.reset()
            return {"sent": not already, "already": already, "deferred": deferred, **_known(phone, identity)}

    return asyncio.run(_each(phones, pace, one, failed={"sent": False, "already": False, "deferred": False}))


def wait(
    phones: Iterable[Phone],
    pace: Pace,
    *,
    targets: Targets,
    timeout: float,
    poll_interval: float = 15.0,
    progress: Callable[[str], None] = lambda line: None,
) -> Results:
    """Look at each phone until it runs its target, for at most `timeout` seconds.

    A restart can take two boots, and a phone may answer for a while with the old image before it loads the new one:
    only the target ends the wait early. Per phone: `on_target`, `image` (last seen), `seconds`, `kind`, `reason`.
    """
    return asyncio.run(_wait(list(phones), pace, targets, timeout, poll_interval, progress))


async def _wait(
    phones: list[Phone], pace: Pace, targets: Targets, timeout: float, poll_interval: float, progress: Callable[[str], None]
) -> Results:
    started = time.monotonic()
    gate = asyncio.Semaphore(pace.max_sessions)
    back = 0

    async def one(phone: Phone) -> Result:
        nonlocal back
        target = targets[phone.name]
        pause = FIRST_POLL
        image = None
        was_down = False
        while True:
            async with gate:
                seen = await _guarded(phone, pace.limits, _observe)
            elapsed = time.monotonic() - started
            # Another image than before is a restart too, even if the phone was never met while it was away
            was_down = was_down or not seen["reachable"] or seen["image"] != (image or seen["image"])
            image = seen["image"] or image
            if seen["reachable"] and runs(seen["image"], target):
                back += 1
                return {"on_target": True, "image": seen["image"], "seconds": round(elapsed, 1), "kind": None, "reason": None}
            left = timeout - elapsed
            if left <= 0:
                kind, reason = _why_not(seen, target, was_down, timeout)
                return {"on_target": False, "image": image, "seconds": round(elapsed, 1), "kind": kind, "reason": reason}
            await asyncio.sleep(min(pause * random.uniform(0.8, 1.2), left))
            pause = min(pause * 1.5, poll_interval)

    async def report() -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            wanted = " and ".join(sorted({image.name for image in targets.values()}))
            progress(f"{back} of {len(phones)} phones are on {wanted} after {time.monotonic() - started:.0f} seconds")

    reporter = asyncio.create_task(report())
    try:
        return dict(zip((phone.name for phone in phones), await asyncio.gather(*map(one, phones)), strict=True))
    finally:
        reporter.cancel()


def _why_not(seen: Result, target: images.Image, was_down: bool, timeout: float) -> tuple[str, str]:
    if seen["reachable"]:
        if was_down:
            return "wrong_image", f"came back on {seen['image']} instead of {target}: see the TFTP server's log for what it asked for"
        return "not_restarted", f"still runs {seen['image']} after {timeout:g} seconds and was never seen to restart"
    if seen["kind"] == WRONG_PASSWORD:
        return WRONG_PASSWORD, "came back with another password: phone_password in its configuration files is not ansible_password"
    if seen["kind"] == REFUSED:
        return REFUSED, f"answers but refuses telnet after {timeout:g} seconds: it is still loading, or telnet_level is 0 in its files"
    return seen["kind"], f"did not come back in {timeout:g} seconds: {seen['reason']}"


async def _observe(phone: Phone, limits: Limits) -> Result:
    async with session(phone, limits) as talk:
        identity = talk.identify()
    return {"reachable": True, **_known(phone, identity)}


def _known(phone: Phone, identity: Identity) -> Result:
    return {"image": identity.image, "mac": identity.mac or phone.mac, "kind": None, "reason": None}


async def _each(
    phones: Iterable[Phone], pace: Pace, work: Callable[[Phone, Limits], Awaitable[Result]], failed: Result | None = None
) -> Results:
    gate = asyncio.Semaphore(pace.max_sessions)

    async def one(phone: Phone) -> tuple[str, Result]:
        async with gate:
            return phone.name, await _guarded(phone, pace.limits, work, failed)

    return dict(await asyncio.gather(*map(one, phones)))


async def _guarded(
    phone: Phone, limits: Limits, work: Callable[[Phone, Limits], Awaitable[Result]], failed: Result | None = None
) -> Result:
    try:
        return await work(phone, limits)
    except PhoneError as error:
        kind, reason = error.kind, error.reason
    except Exception as error:  # one phone's oddity must not take the wave's other results along
        kind, reason = "error", f"the dialogue broke: {type(error).__name__}: {error}; please report this"
    state = {"reachable": False} if failed is None else failed
    return {**state, "image": None, "mac": phone.mac, "kind": kind, "reason": reason}


def runs(running: str | None, image: images.Image) -> bool:
    """Whether what a phone says it runs is that release."""
    known = images.recognise(running or "")
    return known is not None and known.same_as(image)
