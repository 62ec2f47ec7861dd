# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about boots: whose they are, whether the configuration is there, how they end, and what a healthy one has to show."""

from __future__ import annotations

from typing import List, Optional, Sequence

from .case import LOST, UNCLEAR, Case
from .events import DENIED, MISSING, SERVED
from .names import (
    BINARIES,
    CONFIGS,
    CTL,
    IMAGES,
    LOADER_IMAGE,
    LOADS,
    MGC,
    OS79XX,
    OTHER,
    PAIR,
    SCCP,
    SEP,
    SIP,
    SIPDEFAULT,
    STARTS,
    XMLDEFAULT,
    model_of,
)
from .requests import MAYBE, Request
from .scene import Scene
from .verdicts import CERTAIN, LIKELY, VERBOSE, Finding, sure_if

_PATIENCE = "do not touch the phone or its power; look again in five minutes"
_UNDER_WAY = "a boot is under way or the log ends here: look again in two minutes"
_HOUR = 3600.0
_CALM = 1800.0
"""Seconds without a boot after which a phone that booted again and again has come to rest."""
_OFTEN = 4
"""Boots that come to an application are a loop at this multiple of the time between boots that do not."""
_DHCP = (
    "that DHCP sends it option 66 or 150 with the address of the TFTP server, as a loader forgets one that was typed in; then look at its "
    "screen. Only if nothing else helps, reset it to factory settings (hold # while power comes on, then 123456789*0#): that erases its "
    "settings and its image, and it needs a server that has a whole one"
)


def _provide(request: Request, scene: Scene) -> str:
    name = request.name.base
    there = scene.spelling(name)
    what = f"make {name} readable for the user of the TFTP server" if request.result == DENIED else f"put {name} there"
    return f"{what}; the root holds {there}: names count by case" if there and there != name else what


# -- whose they are


def model_by_files(case: Case) -> str:
    """Another model that the files tell, empty if none does."""
    return next((model for model in (model_of(request.name.base) for request in case.requests if request.kind == SCCP) if model), "")


def not_ours_other_model(case: Case) -> Optional[Finding]:
    found = model_by_files(case)
    if not found or any(request.kind in (OS79XX, SIPDEFAULT, *PAIR[:1]) and not request.others for request in case.requests):
        return None
    told = [request for request in case.requests if model_of(request.name.base)]
    name = found if found.startswith("a ") or found == "ATA" else f"a {found}"
    return Finding(LIKELY, f"it is {name}, no 7940 or 7960, as it asks for {told[-1].name.base}: leave it out", told[-3:])


def not_ours_other_protocol(case: Case) -> Optional[Finding]:
    protocol = case.protocol
    if not protocol:
        return None
    advice = f"it runs {protocol} and not SIP: leave it out, or move it to SIP by way of XMLDefault.cnf.xml or OS79XX.TXT"
    return Finding(LIKELY, advice, case.requests[-3:])


def cannot_tell_protocol(case: Case) -> Optional[Finding]:
    if not case.sep_alone:
        return None
    advice = f"it asks for SEP<MAC>.cnf.xml and no more, as SCCP phones do, and others where that is refused: see which it is; {VERBOSE}"
    return Finding(CERTAIN, advice, case.requests[-3:])


# -- configuration


def config_missing_asked_again(case: Case) -> Optional[Finding]:
    limits = case.limits
    run: List[Request] = []
    for request in reversed(case.requests):
        if request.kind != SIP or (run and not limits.reask_least <= run[-1].at - request.at <= limits.reask_most):
            break
        run.append(request)
    if len(run) < 3:
        return None
    name = run[0].name.base
    lost = next((request for request in run if request.result in (MISSING, DENIED)), None)
    if lost:
        return Finding(CERTAIN, f"{name} is asked for again and again and not had: {_provide(lost, case.scene)}", run[::-1])
    advice = f"{name} is asked for about every 31 seconds, as by a phone without configuration: see that it is there, readable, not empty"
    return Finding(LIKELY, advice, run[::-1])


def other_root(case: Case) -> Optional[Finding]:
    scene = case.scene
    # Servers that log whole paths show where the root is by what phones ask for in no folder.
    bases = {request.name.folder for request in case.asked(*STARTS, SEP, MGC, XMLDEFAULT, *IMAGES) if request.name.absolute}
    lost = [
        request
        for request in case.asked(*CONFIGS)
        if not request.others
        and (request.name.subfolder or (bases and request.name.absolute and request.name.folder not in bases))
        and (request.result == MISSING or (request.result in UNCLEAR and scene.root_known))
        and (request.name.folder + request.name.base).lstrip("./") not in scene.root_names
    ]
    if not lost:
        return None
    folder = lost[-1].name.folder.rstrip("/")
    advice = f"it asks in the folder {folder}, as tftp_cfg_dir of another site may tell it: make that folder, or erase the setting"
    return Finding(sure_if(lost[-1].result == MISSING and scene.root_known), advice, lost)


def _configs(case: Case) -> Sequence[Request]:
    """The last requests for SIPDefault.cnf and then for the phone's own file; empty if the last boot has no such two."""
    default = case.asked(SIPDEFAULT)
    own = [request for request in case.asked(SIP) if default and request.at >= default[-1].at]
    return (default[-1], own[-1]) if own else ()


def config_missing_both(case: Case) -> Optional[Finding]:
    configs = _configs(case)
    if not configs or not all(case.lacks(request) for request in configs):
        return None
    own = configs[1]
    denied = "" if DENIED not in {request.result for request in configs} else f" ({_provide(own, case.scene)})"
    there = case.scene.spelling(own.name.base)
    case_of = f"; the root holds {there}: names count by case" if there and there != own.name.base else ""
    advice = (
        f"neither SIPDefault.cnf nor {own.name.base} is to be had: put them there, readable for the TFTP server's user{denied}{case_of}"
    )
    return Finding(sure_if(all(request.result and request.mine for request in configs)), advice, configs)


def config_missing_while_it_runs(case: Case) -> Optional[Finding]:
    own = next((request for request in reversed(case.requests) if request.kind == SIP), None)
    pair = next((request for request in reversed(case.requests) if request.kind in PAIR), None)
    # The loader asks for it 23 s before, in no folder: there it need not be. A name without its end is of a line that was cut.
    if not own or not pair or own.at < case.start or pair.at - own.at > 15 or not own.name.base.lower().endswith(".cnf"):
        return None
    if not case.lacks(own):
        return None
    what = _provide(own, case.scene)
    advice = f"it runs without {own.name.base}, with what SIPDefault.cnf and its memory tell: {what}, then reset the phone"
    return Finding(LIKELY, advice, [own])


def config_missing_in_the_end(case: Case) -> Optional[Finding]:
    configs = _configs(case)
    if not configs or configs[1].result not in (MISSING, DENIED) or case.scene.end - configs[1].last <= case.limits.boot:
        return None
    own = [request for request in case.asked(SIP) if request.at >= configs[0].at]
    return Finding(LIKELY, _provide(own[-1], case.scene), own)


def cannot_tell_folder(case: Case) -> Optional[Finding]:
    if case.scene.root_known or case.scene.absent:
        return None
    lost = [request for request in case.asked(SIPDEFAULT) if request.name.subfolder and not request.others]
    if not lost or any(request.result not in UNCLEAR for request in lost):
        return None
    folder = lost[-1].name.subfolder
    advice = (
        f"it asks in the folder {folder}, as of another site, and the log does not tell whether that is there: see that it is; {VERBOSE}"
    )
    return Finding(CERTAIN, advice, lost)


# -- what is under way, or goes on without end


def _fetches_now(case: Case) -> bool:
    fetched = [request for request in case.fetched if request.kind in BINARIES]
    return bool(fetched) and case.scene.end - fetched[-1].at <= case.limits.flash and not case.protocol


def cannot_tell_log_ends_in_update(case: Case) -> Optional[Finding]:
    if not _fetches_now(case):
        return None
    fetched = [request for request in case.fetched if request.kind in BINARIES]
    if case.scene.now - fetched[-1].at > case.limits.flash:
        name = fetched[-1].name.base
        advice = f"the log ends with it fetching {name}: look at its screen and what image it runs, and do not cut its power meanwhile"
        return Finding(CERTAIN, advice, fetched)
    if case.proof and all(request.others for request in fetched):
        return Finding(CERTAIN, f"this phone or another at its address is being updated: {_PATIENCE}", fetched)
    return None


def flashing(case: Case) -> Optional[Finding]:
    if not _fetches_now(case):
        return None
    fetched = [request for request in case.fetched if request.kind in BINARIES]
    sure = any(request.result == SERVED and request.mine for request in fetched)
    return Finding(sure_if(sure), f"a firmware update is under way: {_PATIENCE}", fetched)


def _starts_without_rest(case: Case, since: float, gap: float) -> List[Request]:
    """The first requests of boots that followed each other closely, `gap` seconds at most, up to the last one."""
    starts = [boot[0] for boot in case.boots if boot[0].at > since]
    run = starts[-1:]
    for request in reversed(starts[:-1]):
        if run[0].at - request.at > gap:
            break
        run.insert(0, request)
    return run


def _of_ctlsep(case: Case) -> str:
    name = next((request.name.base for request in case.boot if request.kind == CTL and request.result == SERVED), "")
    return f"{name} is there and need not be: take it away; " if name else ""


def boot_loop_whole_boots(case: Case) -> Optional[Finding]:
    run = _starts_without_rest(case, float("-inf"), _OFTEN * case.limits.loop_gap)
    if len(run) <= case.limits.loop + 1 or case.scene.end - run[-1].at > _CALM or any(request.others for request in run):
        return None
    if any(request.kind in BINARIES and request.at >= run[0].at for request in case.requests):
        return None
    advice = "it boots again and again, though it gets all files: read its screen and status messages, and check its power and network"
    return Finding(LIKELY, _of_ctlsep(case) + advice, run)


def _boots_without_end(case: Case) -> List[Request]:
    run = _starts_without_rest(case, case.done, case.limits.loop_gap)
    return run if len(run) >= case.limits.loop and not case.protocol else []


def stuck_loader(case: Case) -> Optional[Finding]:
    run = _boots_without_end(case)
    kinds = {request.kind for request in case.requests if run and request.at >= run[0].at}
    if not kinds & {LOADS, LOADER_IMAGE} and not kinds >= {SEP, SIP, MGC}:
        return None
    advice = (
        "the loader runs and finds no application (Protocol Application Invalid): see that SEP<MAC>.cnf.xml or XMLDefault.cnf.xml "
        "names the load, that its .loads, .sbn and .sb2 are all there, and that DHCP sends option 66 or 150"
    )
    return Finding(LIKELY, _of_ctlsep(case) + advice, run)


def boot_loop(case: Case) -> Optional[Finding]:
    run = _boots_without_end(case)
    if not run:
        return None
    advice = "it boots again and again: read its screen and status messages, and check image_version, OS79XX.TXT and its power"
    return Finding(LIKELY, _of_ctlsep(case) + advice, run)


def server_restarted_in_boot(case: Case) -> Optional[Finding]:
    last, boot = case.last, case.limits.boot
    if not case.scene.answers or last.answers or not any(last.at <= when <= last.at + boot for when in case.scene.starts):
        return None
    if case.scene.end - last.last <= boot:
        return None
    return Finding(LIKELY, "the server was restarted in the middle of its boot: reset the phone, and look again", [last])


def cannot_tell_boot_under_way(case: Case) -> Optional[Finding]:
    if case.scene.end - case.last.last > case.limits.boot:
        return None
    under_way = case.scene.now - case.last.last <= case.limits.boot
    advice = _UNDER_WAY if under_way else "the log ends in the middle of its boot: look at the phone's screen, or at a newer log"
    return Finding(CERTAIN, advice, case.requests[-2:])


def fell_silent(case: Case) -> Optional[Finding]:
    last, scene, limits = case.last, case.scene, case.limits
    if any(0 <= request.at - last.at + _HOUR <= limits.flash for request in case.requests):
        return None  # it may have gone on after the end of summer time
    if last.others or last.logged != any(request.logged for request in case.requests):
        return None  # an answer without its request is another phone's
    silent = scene.end - last.last
    name = last.name.base
    had = last.result == SERVED or (last.logged and not last.result and bool(scene.absent))
    if last.kind in (LOADS, LOADER_IMAGE) and had and silent > limits.flash and not case.protocol and not scene.kinds <= {*IMAGES, OTHER}:
        advice = f"it asked for {name} and for nothing since, as a loader does that knows no TFTP server: see {_DHCP}"
    elif last.kind in BINARIES and silent > limits.flash and not case.protocol and not scene.kinds <= {*IMAGES, OTHER}:
        advice = (
            f"it fetched {name} and has asked for nothing since, not even as phones do that start anew: "
            f"look at its screen, cut its power only if that has not changed for ten minutes, and see {_DHCP}"
        )
    elif last.kind == OS79XX and silent >= limits.silent and not scene.kinds <= {OS79XX, OTHER}:
        advice = (
            "it read OS79XX.TXT and asked for nothing more: check the name in it (no blank, no carriage return), then the phone's screen"
        )
    else:
        return None
    return Finding(LIKELY, advice, [last])


def cannot_tell_how_it_went_on(case: Case) -> Finding:
    if case.proof:
        advice = f"it was well before, and the log does not show its last boot to an end: {VERBOSE}"
    else:
        look = "look at the phone's screen" if case.scene.answers else VERBOSE
        advice = f"the log does not show how its boot went on: {look}"
    return Finding(CERTAIN, advice, case.requests[-2:])


# -- healthy


def cannot_tell_refusal_of_what(case: Case) -> Optional[Finding]:
    maybe = [one for one in case.asked(SIP) if one.owner == MAYBE and not one.result and one.at >= case.proof[0].at]
    if not maybe:
        return None
    advice = f"a refusal stands in the log without its request, and {maybe[-1].name.base} may be what was refused: see that it is there"
    return Finding(CERTAIN, advice, maybe)


def cannot_tell_boot_not_shown(case: Case) -> Optional[Finding]:
    """A boot that was not seen from its start on, or not to its end, and of which nothing shows that it went well."""
    requests, scene, limits, proof = case.requests, case.scene, case.limits, case.proof
    if not any(request.logged or request.kind in CONFIGS for request in requests):
        advice = f"it runs, and the log has no word of its configuration: see that SIPDefault.cnf and its own file are there; {VERBOSE}"
        return Finding(CERTAIN, advice, proof)
    pair = [request for request in proof if request.kind in PAIR]
    if not case.start_shown:
        advice = (
            "the log begins in the middle of its boot and does not show what came before: read an older log as well, or reset the phone"
        )
        return Finding(CERTAIN, advice, proof)
    if pair or scene.end - proof[-1].last > limits.boot:
        return None
    if scene.now - proof[-1].last > limits.boot:
        advice = f"the log does not show its boot to its end: {VERBOSE}"
        return Finding(CERTAIN, advice, proof)
    return Finding(CERTAIN, _UNDER_WAY, proof)


def cannot_tell_too_many_boots(case: Case) -> Optional[Finding]:
    run = _starts_without_rest(case, float("-inf"), _OFTEN * case.limits.loop_gap)
    ended = case.scene.end - run[-1].at
    if len(run) <= case.limits.loop or any(request.kind in BINARIES and request.at >= run[0].at for request in case.requests):
        return None
    if len(run) <= case.limits.loop + 1 and ended > case.limits.flash:
        return None
    advice = f"it booted {len(run)} times in a row, and the log does not show that it is well since: look at it, at its power and network"
    return Finding(CERTAIN, advice, run)


def healthy(case: Case) -> Finding:
    """Certain only of a last boot that is shown whole, with an answer to each request. What was lost on the way was asked for again."""
    return Finding(sure_if(case.whole), "nothing to do", case.proof)


def cannot_tell_refused(case: Case) -> Optional[Finding]:
    """Files that were refused or broken off, in a boot that went on without them."""
    configs = [one for one in case.boot if one.kind in (*CONFIGS, SEP) and not one.others and one.at <= case.done]
    lost = [
        one for one in configs if one.result in LOST and not any(other.name.base == one.name.base and case.has(other) for other in configs)
    ]
    if not lost:
        return None
    return Finding(CERTAIN, f"it runs, and did not get {lost[-1].name.base} whole: reset the phone, and look again", lost)
