# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a phone, with what is known of it."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._phone import image
from .._text import plain
from .events import DENIED, FAILED, MISSING, SERVED, UNACKED
from .names import (
    APP_IMAGE,
    CTL,
    DIALPLAN,
    IMAGES,
    LOADER_IMAGE,
    LOADS,
    MGC,
    OS79XX,
    PAIR,
    RINGLIST,
    SIP,
    SIPDEFAULT,
    STARTS,
)  # fmt: skip
from .requests import PORT_TRIES, PhoneLog, Request, mark_others, requests_of
from .scene import Scene
from .verdicts import (
    BOOT_LOOP,
    CANNOT_TELL,
    CERTAIN,
    CONFIG_MISSING,
    FLASHING,
    HEALTHY,
    LIKELY,
    NOT_OURS,
    SERVER_RESTARTED,
    UNCLEAR,
    VERBOSE,
    Verdict,
    boots_of,
    boots_without_end,
    config_asked_again,
    data_lost,
    fell_silent,
    folder_missing,
    folder_of,
    foreign_protocol,
    image_fault,
    interrupted_by_server,
    is_lacking,
    loader_stuck,
    no_config,
    other_protocol,
    own_config_missing,
    with_case,
)  # fmt: skip

Facts = Dict[str, Any]
SHOWN = 40
EVIDENCE = 4
_MOST_JUDGED = 500
"""Requests: more are of several phones behind one address."""
_PATIENCE = "do not touch the phone or its power; look again in five minutes"
_UNDER_WAY = "a boot is under way or the log ends here: look again in two minutes"


def facts_of(log: PhoneLog, scene: Scene, since: Optional[float]) -> Optional[Facts]:
    """What `PhoneLogs.result` tells of a phone; None if it asked for nothing since then."""
    if since is not None:
        log.clues = [one for one in log.clues if one[0] is None or one[0] >= since]
    requests = requests_of(log, scene.limits)
    if not requests:
        return None
    known = [when for when, _clue in log.clues if when is not None]
    doubts = [Request(when, clue.name, clue.meaning.line) for when, clue in log.doubts]
    if log.shared:
        mark_others(requests, log)
        doubts += [request for request in requests if request.others and request.kind in IMAGES and is_lacking(request, scene)]
    verdict = _judge(requests, scene, doubts)
    if verdict.confidence == CERTAIN and (log.presumed or not known):
        verdict = verdict._replace(confidence=LIKELY)  # it may be another's, or what came first is not known
    return {
        "mac": log.mac,
        "address": _address(log) or None,
        "verdict": verdict.verdict,
        "confidence": verdict.confidence,
        "advice": verdict.advice,
        "evidence": [_shown(request, bool(known)) for request in verdict.evidence[-EVIDENCE:]],
        "boots": log.boots or _own_boots(requests),
        "generation": _generation(requests, verdict.verdict),
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


def _address(log: PhoneLog) -> str:
    """The last address, by time and then as they came."""
    address, latest = "", float("-inf")
    for when, clue in log.clues:
        if clue.meaning.address and (when or 0.0) >= latest:
            address, latest = clue.meaning.address, when or 0.0
    return address


def _own_boots(requests: List[Request]) -> int:
    """Boots behind a common address, which tells of no OS79XX.TXT whose it is: each goes on with the phone's own file."""
    boots, begun = 0, False
    for request in requests:
        if request.kind == OS79XX:
            begun = True
        elif begun and request.kind == SIP:
            boots, begun = boots + 1, False
    return boots


def _shown(request: Request, dated: bool) -> str:
    line = request.line if len(request.line) <= 200 else request.line[:200] + "..."
    line = plain(line)
    times = f" ({request.times} times)" if request.times > 1 else ""
    try:
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(request.line_at))} {line}{times}" if dated else line + times
    except (ValueError, OverflowError, OSError):
        return line + times


def _judge(requests: List[Request], scene: Scene, doubts: Sequence[Request] = ()) -> Verdict:
    """The first story that fits, surest first."""
    limits, end = scene.limits, scene.end
    requests = requests[-_MOST_JUDGED:]
    start = max((request.at for request in requests if request.kind in STARTS and not request.others), default=requests[0].at)
    done, proof = _application_runs(requests)
    for story in (config_asked_again, data_lost, image_fault, folder_missing, no_config, loader_stuck):
        verdict = story(requests, scene, start, done)
        if verdict:
            return verdict
    since = requests[requests.index(proof[-1]) + 1 :] if proof else requests  # by order: stamps are whole seconds
    flashes = [request for request in since if request.kind in (LOADER_IMAGE, APP_IMAGE)]
    if flashes and end - flashes[-1].at <= limits.flash and not foreign_protocol(requests):
        if scene.now - flashes[-1].at > limits.flash:
            name = flashes[-1].name.base
            advice = f"the log ends with it fetching {name}: look at its screen and what image it runs, and do not cut its power meanwhile"
            return Verdict(CANNOT_TELL, CANNOT_TELL, advice, flashes)
        if proof and all(request.others for request in flashes):
            return Verdict(CANNOT_TELL, CANNOT_TELL, f"this phone or another at its address is being updated: {_PATIENCE}", flashes)
        sure = CERTAIN if any(request.result == SERVED and request.certain for request in flashes) else LIKELY
        return Verdict(FLASHING, sure, f"a firmware update is under way: {_PATIENCE}", flashes)
    if done >= start and proof and not flashes:
        return (
            _image_not_taken(requests, scene, start, done)
            or _image_in_doubt(doubts, requests, scene, start, done)
            or _runs_without_config(requests, scene, start)
            or _other_folder(requests, scene, start)
            or _boot_not_whole(requests, scene, proof)
            or _whole_boots_without_end(requests, scene)
            or _healthy(requests, scene, start, proof)
        )
    for story in (boots_without_end, own_config_missing, other_protocol, interrupted_by_server):
        verdict = story(requests, scene, start, done)
        if verdict:
            return verdict
    last = requests[-1]
    if end - last.last <= limits.boot:
        under_way = scene.now - last.last <= limits.boot
        advice = _UNDER_WAY if under_way else "the log ends in the middle of its boot: look at the phone's screen, or at a newer log"
        return Verdict(CANNOT_TELL, CANNOT_TELL, advice, requests[-2:])
    verdict = _image_in_doubt(doubts, requests, scene, start, done) or fell_silent(requests, scene)
    if verdict:
        return verdict
    if done > float("-inf") and proof:
        advice = f"it was well before, and the log does not show its last boot to an end: {VERBOSE}"
        return Verdict(CANNOT_TELL, CANNOT_TELL, advice, requests[-2:])
    advice = "the log does not show how its boot went on" + (f": {VERBOSE}" if not scene.answers else ": look at the phone's screen")
    return Verdict(CANNOT_TELL, CANNOT_TELL, advice, requests[-2:])


def _application_runs(requests: List[Request]) -> Tuple[float, List[Request]]:
    """When an application last ran, and the requests that only a running application makes."""
    done, proof = float("-inf"), []
    default: Optional[Request] = None
    began = float("-inf")
    lost = False
    for request in requests:
        kind = request.kind
        if kind in STARTS:
            lost = False
        elif kind in (SIPDEFAULT, SIP) and request.times > PORT_TRIES:
            lost = True  # it got none of its files, and tries the rest in vain
        good = request.times < 3 and not lost
        if kind in (CTL, MGC):
            began, default = request.at, None
        elif kind == SIPDEFAULT and request.at - began >= 10:
            default = request  # the loader asks for it too, if at all, at once
        elif (
            kind == SIP
            and default
            and 0 <= request.at - default.at <= 15
            and request.result not in (MISSING, DENIED, FAILED, UNACKED)
            and good
        ):
            done, proof = request.at, [default, request]
        elif (
            kind in (RINGLIST, DIALPLAN)
            and good
            and request.result not in (FAILED, UNACKED)
            and not (request.others and request.at - done > 15)
        ):
            proof = [*proof[-2:], request] if request.at - done <= 15 else [request]
            done = request.at
    return done, proof


def _from_start(requests: List[Request], scene: Scene, proof: List[Request]) -> bool:
    """Whether the log shows the boot of an application from its start."""
    return any(request.kind in STARTS and proof[0].at - scene.limits.flash <= request.at <= proof[-1].at for request in requests)


def _whole_boots_without_end(requests: List[Request], scene: Scene) -> Optional[Verdict]:
    """Whole boots, one after another up to the end of the log, and more than anybody asks for."""
    limits = scene.limits
    run: List[Request] = []
    after = scene.end
    for request in reversed(boots_of(requests, limits)):
        if after - request.at > limits.loop_gap or not request.certain:
            break
        run.insert(0, request)
        after = request.at
    if len(run) <= limits.loop + 1 or any(request.kind in (LOADER_IMAGE, APP_IMAGE) and request.at >= run[0].at for request in requests):
        return None
    advice = "it boots again and again, though it gets all files: read its screen and status messages, and check its power and network"
    return Verdict(BOOT_LOOP, LIKELY, advice, run)


def _boot_not_whole(requests: List[Request], scene: Scene, proof: List[Request]) -> Optional[Verdict]:
    """A boot that was not seen from its start on, or not to its end, and of which nothing shows that it went well."""
    limits = scene.limits
    pair = [request for request in proof if request.kind in PAIR]
    if not any(request.logged for request in requests) and not any(request.kind in (SIPDEFAULT, SIP) for request in requests):
        advice = f"it runs, and the log has no word of its configuration: see that SIPDefault.cnf and its own file are there; {VERBOSE}"
        return Verdict(CANNOT_TELL, CANNOT_TELL, advice, proof)
    begun, served = _from_start(requests, scene, proof), any(request.result == SERVED for request in proof)
    if pair and (begun or served):
        return None
    if pair:
        # No answers in the log: that none was lacking shows in that the phone did not ask again, once it has had the time.
        if any(request.times == 1 and scene.end - request.at > limits.retry_gap for request in pair):
            return None
        advice = f"the log begins in the middle of its boot and does not show that files reach it: {VERBOSE}"
    elif scene.end - proof[-1].last > limits.boot and (begun or served):
        return None
    elif scene.now - proof[-1].last > limits.boot:
        advice = f"the log shows its boot neither from the start nor to its end: {VERBOSE}"
    else:
        advice = _UNDER_WAY
    return Verdict(CANNOT_TELL, CANNOT_TELL, advice, proof)


def _healthy(requests: List[Request], scene: Scene, start: float, proof: List[Request]) -> Verdict:
    own = [request for request in requests if request.kind == SIP and request.at >= start and is_lacking(request, scene)]
    # A log of files that were sent is silent about those that were not.
    whole = any(request.logged for request in requests) or bool(scene.absent)
    # As is one that begins in the middle of a boot about what went before.
    configs = [request for request in requests if request.kind in (SIPDEFAULT, SIP) and start <= request.at <= proof[-1].at]
    whole = whole and len({request.kind for request in configs}) == 2 and all(request.times < scene.limits.retries for request in configs)
    whole = whole and _from_start(requests, scene, proof) and any(request.kind in PAIR for request in proof)
    # Nor do requests alone tell whether the phone has got what it asked for once: a file that is not there looks the same.
    whole = whole and (scene.answers or scene.root is not None)
    whole = (
        whole
        and not own
        and all(request.certain and request.result not in (FAILED, UNACKED) for request in requests if request.at >= start)
    )
    sure = CERTAIN if whole else LIKELY
    return Verdict(HEALTHY, sure, "nothing to do", proof)


def _image_not_taken(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """An image that the application asked for, and went on without: else it would have booted anew."""
    default = next((request for request in reversed(requests) if request.kind == SIPDEFAULT and start <= request.at <= done), None)
    boots = [request for request in requests if request.kind in STARTS and start - 20 < request.at <= start]
    if not default or len(boots) > 1:  # no boot is as short: the order is not that of the stamps
        return None
    six = any(request.kind == OS79XX and request.at == start for request in requests)
    wanted = [
        request
        for request in requests
        if request.kind in IMAGES
        and default.at <= request.at <= done
        and (request.at > default.at or six or request.at - start >= 10)  # before that it is the loader that asks
        and (request.at - default.last <= 15 or request.kind != LOADS)
        and (request.logged or request.result != SERVED or request.at > default.at)  # that it was sent is logged after all of it was
    ]
    if not wanted or foreign_protocol(requests):
        return None
    if any(default.at < when <= done for when in scene.starts):
        return Verdict(
            SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its update: reset the phone, and look again", wanted
        )
    name = wanted[-1].name.base
    advice = f"it asked for {name} and went on without: see that the file is there, readable and whole, then reset the phone; {VERBOSE}"
    return Verdict(CANNOT_TELL, CANNOT_TELL, advice, wanted)


def _image_in_doubt(doubts: Sequence[Request], requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    # What tells where its boot began may not be in the log, and what was sent is logged late.
    until = (done if done >= start else scene.end) + scene.limits.boot_gap
    for request in doubts:
        if start - scene.limits.boot_gap <= request.at <= until:
            advice = (
                f"the log says of {request.name.base} that it was not had, not by whom: see that it is there and readable, "
                "then reset one phone after another"
            )
            return Verdict(CANNOT_TELL, CANNOT_TELL, advice, [request, requests[-1]])
    return None


def _runs_without_config(requests: List[Request], scene: Scene, start: float) -> Optional[Verdict]:
    """An application that runs without its own file: SIPDefault.cnf is optional, this is not."""
    own = next((request for request in reversed(requests) if request.kind == SIP), None)
    pair = next((request for request in reversed(requests) if request.kind in PAIR), None)
    # The loader asks for it 23 s before, in no folder: there it need not be. A name without its end is of a line that was cut.
    if not own or not pair or own.at < start or pair.at - own.at > 15 or not own.name.base.lower().endswith(".cnf"):
        return None
    if not is_lacking(own, scene):
        return None
    name = own.name.base
    what = f"make {name} readable for the user of the TFTP server" if own.result == DENIED else f"put {name} there"
    advice = f"it runs without {name}, with what SIPDefault.cnf and its memory tell: {what}, then reset the phone"
    return Verdict(CONFIG_MISSING, LIKELY, with_case(advice, name, scene), [own])


def _other_folder(requests: List[Request], scene: Scene, start: float) -> Optional[Verdict]:
    """SIPDefault.cnf in a folder, which tftp_cfg_dir of this root does not do, in a log that does not say what is missing."""
    if scene.root is not None or scene.absent:
        return None
    lost = [
        request
        for request in requests
        if request.kind == SIPDEFAULT and request.at >= start and folder_of(request.name) and not request.others
    ]
    if not lost or any(request.result not in UNCLEAR for request in lost):
        return None
    folder = folder_of(lost[-1].name)
    advice = (
        f"it asks in the folder {folder}, as of another site, and the log does not tell whether that is there: see that it is; {VERBOSE}"
    )
    return Verdict(CANNOT_TELL, CANNOT_TELL, advice, lost)


def _generation(requests: List[Request], verdict: str) -> str:
    if verdict == NOT_OURS:
        return foreign_protocol(requests)
    runs = begun = False
    for request in reversed(requests):
        name = request.name
        runs = runs or name.kind in PAIR
        if name.kind == OS79XX:
            if begun:
                break
            return "6.x or older"
        if name.kind in IMAGES:
            found = image.recognise(name.base.rsplit(".", 1)[0])
            if found and found.protocol in (image.SIP, image.LOADER):
                return f"{found.generation}.x"
        if name.kind == MGC and not runs:
            return image.LOADER
        begun = begun or (runs and name.kind in (CTL, MGC))  # of what was before that, an image may be what runs
    return "7.x or 8.x" if any(request.kind in (CTL, SIP, SIPDEFAULT, RINGLIST, DIALPLAN) for request in requests) else "unknown"
