# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that lead to a verdict on a phone: each tells whether its story fits, how sure that is, and what to do.

A verdict other than healthy needs something seen that a healthy phone does not do.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

from .._phone import image
from . import verdicts
from .data_lost import data_lost
from .events import DENIED, MISSING, SERVED
from .names import BINARIES, CONFIGS, IMAGES, LOADER_IMAGE, LOADS, MGC, OS79XX, OTHER, PAIR, SEP, SIP, SIPDEFAULT, STARTS, XMLDEFAULT
from .requests import Request
from .scene import Scene
from .verdicts import CERTAIN, LIKELY, LOST, UNCLEAR, VERBOSE, Case, Verdict, cannot_tell

_PATIENCE = "do not touch the phone or its power; look again in five minutes"
_UNDER_WAY = "a boot is under way or the log ends here: look again in two minutes"
_HOUR = 3600.0


def _provide(request: Request) -> str:
    name = request.name.base
    return f"make {name} readable for the user of the TFTP server" if request.result == DENIED else f"put {name} there"


def _with_case(advice: str, name: str, scene: Scene) -> str:
    there = scene.spelling(name)
    return f"{advice}; the root holds {there}: names count by case" if there and there != name else advice


# -- first of all


def config_asked_again(case: Case) -> Optional[Verdict]:
    """SIP<MAC>.cnf alone, again and again about every 31 seconds."""
    limits = case.limits
    run: List[Request] = []
    for request in reversed(case.requests):
        if request.kind != SIP or (run and not limits.reask_least <= run[-1].at - request.at <= limits.reask_most):
            break
        run.append(request)
    if len(run) < 3:
        return None
    name = run[0].name.base
    results = {request.result for request in run}
    if results & {MISSING, DENIED}:
        what = f"put {name} there" if MISSING in results else f"make {name} readable"
        sure, advice = CERTAIN, f"{name} is asked for again and again and not had: {what}"
    else:
        sure = LIKELY
        advice = (
            f"{name} is asked for about every 31 seconds, as by a phone without configuration: see that it is there, readable, not empty"
        )
    return Verdict(verdicts.CONFIG_MISSING, sure, _with_case(advice, name, case.scene), run[::-1])


def image_fault(case: Case) -> Optional[Verdict]:
    """A firmware file asked for in the last boot that the server does not have."""
    scene = case.scene
    latest = {request.name.base: request for request in case.asked(*IMAGES) if not (request.others and case.lacks(request))}
    for name, request in latest.items():
        there = scene.spelling(name)
        if request.result == DENIED:
            return Verdict(verdicts.IMAGE_UNREADABLE, CERTAIN if request.certain else LIKELY, _provide(request), [request])
        if request.result != MISSING and not (request.result in UNCLEAR and scene.lacks(name)):
            continue
        # atftpd says "not found" of what it may not read, too.
        vague = request.result == MISSING and request.line.startswith("File ") and request.line.endswith("not found")
        sure = CERTAIN if request.result == MISSING and request.certain and (scene.root_known or not vague) else LIKELY
        if case.protocol == image.SCCP:
            return None
        if there and there != name:
            return Verdict(verdicts.IMAGE_WRONG_CASE, sure, f"rename {there} to {name}: names count by case", [request])
        if there and not request.name.subfolder:
            if vague:
                advice = f"{name} is there and was not found: make it readable for the user of the TFTP server, then reset the phone"
                return Verdict(verdicts.IMAGE_UNREADABLE, LIKELY, advice, [request])
            return cannot_tell(f"{name} was not found and is there by now: reset the phone", [request]) if case.done >= request.at else None
        other = next((one.name.base for one in case.requests if one.result == SERVED and one.name.base.lower() == name.lower()), None)
        if other and other != name:
            return Verdict(verdicts.IMAGE_WRONG_CASE, LIKELY, f"{other} is there and {name} asked for: names count by case", [request])
        readable = ", readable for the user of the TFTP server" if vague and not scene.root_known else ""
        advice = (
            f"put {name} into the TFTP root{readable}, or correct what names it (image_version, SEP<MAC>.cnf.xml, XMLDefault.cnf.xml, "
            "OS79XX.TXT)"
        )
        return Verdict(verdicts.IMAGE_MISSING, sure, advice, [request])
    return None


def folder_missing(case: Case) -> Optional[Verdict]:
    """Names in a folder that is not of this root."""
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
    return Verdict(verdicts.OTHER_ROOT, CERTAIN if lost[-1].result == MISSING and scene.root_known else LIKELY, advice, lost)


def _configs(case: Case) -> Sequence[Request]:
    """The last requests for SIPDefault.cnf and then for the phone's own file; empty if the last boot has no such two."""
    default = case.asked(SIPDEFAULT)
    own = [request for request in case.asked(SIP) if default and request.at >= default[-1].at]
    return (default[-1], own[-1]) if own else ()


def no_config(case: Case) -> Optional[Verdict]:
    """Neither of the two configuration files is to be had."""
    configs = _configs(case)
    if not configs or not all(case.lacks(request) for request in configs):
        return None
    name = configs[1].name.base
    advice = f"neither SIPDefault.cnf nor {name} is to be had: put them there, readable for the user of the TFTP server"
    sure = CERTAIN if all(request.result and request.certain for request in configs) else LIKELY
    return Verdict(verdicts.CONFIG_MISSING, sure, _with_case(advice, name, case.scene), configs)


def loader_stuck(case: Case) -> Optional[Verdict]:
    """The same image in boot after boot: an update asks for each once."""
    rounds: Dict[str, List[Request]] = {}
    for request in case.requests:
        if request.kind in BINARIES and request.at > case.done and not request.others:
            run = rounds.setdefault(request.name.base, [])
            began = any(one.kind in STARTS and run[-1].last < one.at <= request.at for one in case.requests) if run else True
            if run and (not began or request.at - run[-1].at > case.limits.loop_gap):
                run.clear()
            run.append(request)
    for name, run in rounds.items():
        if len(run) > 2:
            advice = f"the loader asks for {name} in boot after boot: see that it is there, readable, whole and for this phone"
            return Verdict(verdicts.STUCK_LOADER, LIKELY, advice, run)
    return None


def update_under_way(case: Case) -> Optional[Verdict]:
    fetched = case.fetched
    if not fetched or case.scene.end - fetched[-1].at > case.limits.flash or case.protocol:
        return None
    if case.scene.now - fetched[-1].at > case.limits.flash:
        name = fetched[-1].name.base
        advice = f"the log ends with it fetching {name}: look at its screen and what image it runs, and do not cut its power meanwhile"
        return cannot_tell(advice, fetched)
    if case.proof and all(request.others for request in fetched):
        return cannot_tell(f"this phone or another at its address is being updated: {_PATIENCE}", fetched)
    sure = CERTAIN if any(request.result == SERVED and request.certain for request in fetched) else LIKELY
    return Verdict(verdicts.FLASHING, sure, f"a firmware update is under way: {_PATIENCE}", fetched)


# -- of phones whose application ran after their last boot


def image_not_taken(case: Case) -> Optional[Verdict]:
    """An image that the application asked for, and went on without: else it would have booted anew."""
    start, done = case.start, case.done
    default = next((request for request in reversed(case.asked(SIPDEFAULT)) if request.at <= done), None)
    boots = [request for request in case.requests if request.kind in STARTS and start - 20 < request.at <= start]
    if not default or len(boots) > 1:  # no boot is as short: the order is not that of the stamps
        return None
    six = any(request.kind == OS79XX and request.at == start for request in case.requests)
    wanted = [
        request
        for request in case.asked(*IMAGES)
        if default.at <= request.at <= done
        and (request.at > default.at or six or request.at - start >= 10)  # before that it is the loader that asks
        and (request.at - default.last <= 15 or request.kind != LOADS)
        and (request.logged or request.result != SERVED or request.at > default.at)  # that it was sent is logged after all of it was
    ]
    if not wanted or case.protocol:
        return None
    if any(default.at < when <= done for when in case.scene.starts):
        advice = "the server was restarted in the middle of its update: reset the phone, and look again"
        return Verdict(verdicts.SERVER_RESTARTED, LIKELY, advice, wanted)
    name = wanted[-1].name.base
    advice = f"it asked for {name} and went on without: see that the file is there, readable and whole, then reset the phone; {VERBOSE}"
    return cannot_tell(advice, wanted)


def image_in_doubt(case: Case) -> Optional[Verdict]:
    # What tells where its boot began may not be in the log, and what was sent is logged late.
    gap = case.limits.boot_gap
    until = (case.done if case.done >= case.start else case.scene.end) + gap
    doubt = next((request for request in case.doubts if case.start - gap <= request.at <= until), None)
    if not doubt:
        return None
    advice = (
        f"the log says of {doubt.name.base} that it was not had, not by whom: see that it is there and readable, "
        "then reset one phone after another"
    )
    return cannot_tell(advice, [doubt, case.last])


def runs_without_config(case: Case) -> Optional[Verdict]:
    """An application that runs without its own file: SIPDefault.cnf is optional, this is not."""
    own = next((request for request in reversed(case.requests) if request.kind == SIP), None)
    pair = next((request for request in reversed(case.requests) if request.kind in PAIR), None)
    # The loader asks for it 23 s before, in no folder: there it need not be. A name without its end is of a line that was cut.
    if not own or not pair or own.at < case.start or pair.at - own.at > 15 or not own.name.base.lower().endswith(".cnf"):
        return None
    if not case.lacks(own):
        return None
    name = own.name.base
    advice = f"it runs without {name}, with what SIPDefault.cnf and its memory tell: {_provide(own)}, then reset the phone"
    return Verdict(verdicts.CONFIG_MISSING, LIKELY, _with_case(advice, name, case.scene), [own])


def folder_in_doubt(case: Case) -> Optional[Verdict]:
    """SIPDefault.cnf in a folder, which tftp_cfg_dir of this root does not do, in a log that does not say what is missing."""
    if case.scene.root_known or case.scene.absent:
        return None
    lost = [request for request in case.asked(SIPDEFAULT) if request.name.subfolder and not request.others]
    if not lost or any(request.result not in UNCLEAR for request in lost):
        return None
    folder = lost[-1].name.subfolder
    advice = (
        f"it asks in the folder {folder}, as of another site, and the log does not tell whether that is there: see that it is; {VERBOSE}"
    )
    return cannot_tell(advice, lost)


def boot_not_whole(case: Case) -> Optional[Verdict]:
    """A boot that was not seen from its start on, or not to its end, and of which nothing shows that it went well."""
    requests, scene, limits, proof = case.requests, case.scene, case.limits, case.proof
    if not any(request.logged or request.kind in CONFIGS for request in requests):
        advice = f"it runs, and the log has no word of its configuration: see that SIPDefault.cnf and its own file are there; {VERBOSE}"
        return cannot_tell(advice, proof)
    pair = [request for request in proof if request.kind in PAIR]
    shown = case.boot_shown or any(request.result == SERVED for request in proof)
    if pair:
        # No answers in the log: that none was lacking shows in that the phone did not ask again, once it has had the time.
        if shown or any(request.times == 1 and scene.end - request.at > limits.retry_gap for request in pair):
            return None
        advice = f"the log begins in the middle of its boot and does not show that files reach it: {VERBOSE}"
    elif shown and scene.end - proof[-1].last > limits.boot:
        return None
    elif scene.now - proof[-1].last > limits.boot:
        advice = f"the log shows its boot neither from the start nor to its end: {VERBOSE}"
    else:
        advice = _UNDER_WAY
    return cannot_tell(advice, proof)


def whole_boots_without_end(case: Case) -> Optional[Verdict]:
    """Whole boots, one after another up to the end of the log, and more than anybody asks for."""
    run: List[Request] = []
    after = case.scene.end
    for request in reversed(case.boots):
        if after - request.at > case.limits.loop_gap or not request.certain:
            break
        run.insert(0, request)
        after = request.at
    if len(run) <= case.limits.loop + 1 or any(request.kind in BINARIES and request.at >= run[0].at for request in case.requests):
        return None
    advice = "it boots again and again, though it gets all files: read its screen and status messages, and check its power and network"
    return Verdict(verdicts.BOOT_LOOP, LIKELY, advice, run)


def healthy(case: Case) -> Verdict:
    requests, scene, proof = case.requests, case.scene, case.proof
    # A log that begins in the middle of a boot is silent about what went before.
    configs = [request for request in case.asked(*CONFIGS) if request.at <= proof[-1].at]
    whole = case.boot_shown and len({request.kind for request in configs}) == 2
    whole = whole and all(request.times < case.limits.retries for request in configs) and any(request.kind in PAIR for request in proof)
    # A log of files that were sent is silent about those that were not.
    whole = whole and (bool(scene.absent) or any(request.logged for request in requests))
    # Nor do requests alone tell whether the phone has got what it asked for once: a file that is not there looks the same.
    whole = whole and (scene.answers or scene.root_known) and not any(case.lacks(request) for request in case.asked(SIP))
    whole = whole and all(request.certain and request.result not in LOST for request in requests if request.at >= case.start)
    return Verdict(verdicts.HEALTHY, CERTAIN if whole else LIKELY, "nothing to do", proof)


# -- of phones whose application did not run since


def boots_without_end(case: Case) -> Optional[Verdict]:
    boots = [request for request in case.boots if request.at > case.done]
    run = boots[-1:]
    for request in reversed(boots[:-1]):
        if run[0].at - request.at > case.limits.loop_gap:
            break
        run.insert(0, request)
    if len(run) < case.limits.loop or case.protocol:
        return None
    kinds = {request.kind for request in case.requests if request.at >= run[0].at}
    if kinds & {LOADS, LOADER_IMAGE} or kinds >= {SEP, SIP, MGC}:
        advice = (
            "the loader runs and finds no application (Protocol Application Invalid): see that SEP<MAC>.cnf.xml or XMLDefault.cnf.xml "
            "names the load, that its .loads, .sbn and .sb2 are all there, and that DHCP sends option 66 or 150"
        )
        return Verdict(verdicts.STUCK_LOADER, LIKELY, advice, run)
    advice = "it boots again and again: read its screen and status messages, and check image_version, OS79XX.TXT and its power"
    return Verdict(verdicts.BOOT_LOOP, LIKELY, advice, run)


def own_config_missing(case: Case) -> Optional[Verdict]:
    """An application whose own file is not there: it has asked for SIPDefault.cnf first, which the loader does not."""
    configs = _configs(case)
    if not configs or configs[1].result not in (MISSING, DENIED) or case.scene.end - configs[1].last <= case.limits.boot:
        return None
    own = [request for request in case.asked(SIP) if request.at >= configs[0].at]
    return Verdict(verdicts.CONFIG_MISSING, LIKELY, _with_case(_provide(own[-1]), own[-1].name.base, case.scene), own)


def other_protocol(case: Case) -> Optional[Verdict]:
    protocol = case.protocol
    if not protocol:
        return None
    advice = f"it runs {protocol} and not SIP: leave it out, or move it to SIP by way of XMLDefault.cnf.xml or OS79XX.TXT"
    return Verdict(verdicts.NOT_OURS, LIKELY, advice, case.requests[-3:])


def interrupted_by_server(case: Case) -> Optional[Verdict]:
    last, boot = case.last, case.limits.boot
    if not case.scene.answers or last.answers or not any(last.at <= when <= last.at + boot for when in case.scene.starts):
        return None
    if case.scene.end - last.last <= boot:
        return None
    return Verdict(
        verdicts.SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its boot: reset the phone, and look again", [last]
    )


def boot_under_way(case: Case) -> Optional[Verdict]:
    if case.scene.end - case.last.last > case.limits.boot:
        return None
    under_way = case.scene.now - case.last.last <= case.limits.boot
    advice = _UNDER_WAY if under_way else "the log ends in the middle of its boot: look at the phone's screen, or at a newer log"
    return cannot_tell(advice, case.requests[-2:])


def fell_silent(case: Case) -> Optional[Verdict]:
    """A phone that has to go on, and of which nothing comes while the log goes on."""
    last, scene, limits = case.last, case.scene, case.limits
    if any(0 <= request.at - last.at + _HOUR <= limits.flash for request in case.requests):
        return None  # it may have gone on after the end of summer time
    if not last.certain or last.logged != any(request.logged for request in case.requests):
        return None  # an answer without its request is another phone's
    silent = scene.end - last.last
    if last.kind in BINARIES and silent > limits.flash and not case.protocol and not scene.kinds <= {*IMAGES, OTHER}:
        advice = (
            f"it fetched {last.name.base} and has asked for nothing since, not even as phones do that start anew: "
            "look at its screen, and cut its power only if that has not changed for ten minutes"
        )
    elif last.kind == OS79XX and silent >= limits.silent and not scene.kinds <= {OS79XX, OTHER}:
        advice = (
            "it read OS79XX.TXT and asked for nothing more: check the name in it (no blank, no carriage return), then the phone's screen"
        )
    else:
        return None
    return Verdict(verdicts.FELL_SILENT, LIKELY, advice, [last])


def boot_without_end(case: Case) -> Verdict:
    if case.proof:
        advice = f"it was well before, and the log does not show its last boot to an end: {VERBOSE}"
    else:
        look = "look at the phone's screen" if case.scene.answers else VERBOSE
        advice = f"the log does not show how its boot went on: {look}"
    return cannot_tell(advice, case.requests[-2:])


def judge(case: Case) -> Verdict:
    """The first story that fits, surest first."""
    rules = [config_asked_again, data_lost, image_fault, folder_missing, no_config, loader_stuck, update_under_way]
    if case.done >= case.start and not case.fetched:
        last = healthy
        rules += [image_not_taken, image_in_doubt, runs_without_config, folder_in_doubt, boot_not_whole, whole_boots_without_end]
    else:
        last = boot_without_end
        rules += [boots_without_end, own_config_missing, other_protocol, interrupted_by_server, boot_under_way, image_in_doubt, fell_silent]
    return next((verdict for verdict in (rule(case) for rule in rules) if verdict), None) or last(case)
