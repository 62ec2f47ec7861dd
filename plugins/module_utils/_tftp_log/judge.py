# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a phone, with what is known of it."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from .._phone import image
from .._text import plain, shorten
from .case import Case
from .names import CONFIGS, CTL, IMAGES, MGC, OS79XX, PAIR, SIP, misspelt
from .requests import PhoneLog, Request, requests_of
from .rules import judge
from .rules_boot import model_by_files
from .scene import Scene
from .verdicts import CERTAIN, LIKELY, NOT_OURS

Facts = Dict[str, Any]
SHOWN = 40
EVIDENCE = 4


def facts_of(log: PhoneLog, scene: Scene, since: Optional[float]) -> Optional[Facts]:
    """What `PhoneLogs.result` tells of a phone; None if it asked for nothing since then."""
    if since is not None:
        log.clues = [one for one in log.clues if one[0] is None or one[0] >= since]
    requests = requests_of(log, scene.limits)
    if not requests:
        return None
    known = [when for when, _clue in log.clues if when is not None]
    addresses = [(when or 0.0, place, clue.meaning.address) for place, (when, clue) in enumerate(log.clues) if clue.meaning.address]
    case = Case(requests, scene)
    verdict = judge(case)
    if verdict.confidence == CERTAIN and (not known or not all(request.mine for request in requests[-3:])):
        verdict = verdict._replace(confidence=LIKELY)  # it may be another's, or what came first is not known
    return {
        "mac": log.mac,
        "address": max(addresses)[2] if addresses else None,
        "verdict": verdict.verdict,
        "confidence": verdict.confidence,
        "advice": verdict.advice,
        "evidence": [_shown(request, bool(known)) for request in verdict.evidence[-EVIDENCE:]],
        "since": min((request.at for request in verdict.evidence), default=None) if known else None,
        "boots": log.boots or _own_boots(requests),
        "generation": (model_by_files(case) or case.protocol) if verdict.verdict == NOT_OURS else _generation(case),
        "first_seen": log.first if since is None else min(known, default=None),
        "last_seen": max(known, default=None),
        "timeline": [
            {
                "time": request.at if known else None,
                "file": request.name.folder + request.name.base,
                "result": request.result or "asked",
                "times": request.times,
            }
            for request in requests[-SHOWN:]
        ],
    }


def _own_boots(requests: List[Request]) -> int:
    """Boots behind a common address, which tells of no OS79XX.TXT whose it is: each goes on with the phone's own file."""
    kinds = [request.kind for request in requests if request.kind in (OS79XX, SIP)]
    return sum(pair == (OS79XX, SIP) for pair in zip(kinds, kinds[1:]))


def _shown(request: Request, dated: bool) -> str:
    line = plain(shorten(request.line, 200))
    times = f" ({request.times} times)" if request.times > 1 else ""
    try:
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(request.line_at))} {line}{times}" if dated else line + times
    except (ValueError, OverflowError, OSError):
        return line + times


def _generation(case: Case) -> str:
    """What it runs, as far as the log tells, by its last boot or the one that brought it in. What it did not get tells nothing."""
    runs = begun = False
    for request in reversed(case.requests):
        name = request.name
        runs = runs or name.kind in PAIR
        if name.kind == OS79XX:
            if begun:
                break
            return "6.x or older"
        if name.kind in IMAGES and not case.lacks(request) and not misspelt(name.base)[0]:
            found = image.of_file(name.base)
            if found and found.protocol in (image.SIP, image.LOADER):
                return f"{found.generation}.x"
        if name.kind == MGC and not runs:
            return image.LOADER
        begun = begun or (runs and name.kind in (CTL, MGC))  # of what was before that, an image may be what runs
    return "7.x or 8.x" if any(request.kind in (CTL, *CONFIGS, *PAIR) for request in case.requests) else "unknown"
