# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the requests of a phone tell: which story it is, how sure that is, and what to do.

A verdict other than healthy needs something seen that a healthy phone does not do.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence

from .._phone import image
from .events import DENIED, FAILED, MISSING, SERVED, UNACKED, UNSURE
from .names import (
    APP_IMAGE,
    CTL,
    DIALPLAN,
    IMAGES,
    LOADER_IMAGE,
    LOADS,
    MGC,
    OS79XX,
    OTHER,
    PAIR,
    RINGLIST,
    SCCP,
    SEP,
    SIP,
    SIPDEFAULT,
    STARTS,
    XMLDEFAULT,
    Name,
)  # fmt: skip
from .requests import GIVEN_UP, PORT_TRIES, Request
from .scene import Scene, Thresholds

HEALTHY = "healthy"
FLASHING = "flashing"
DATA_NEVER_ARRIVES = "data_never_arrives"
SERVER_SILENT = "server_silent"
IMAGE_MISSING = "image_missing"
IMAGE_WRONG_CASE = "image_wrong_case"
IMAGE_UNREADABLE = "image_unreadable"
CONFIG_MISSING = "config_missing"
STUCK_LOADER = "stuck_loader"
BOOT_LOOP = "boot_loop"
OTHER_ROOT = "other_root"
NOT_OURS = "not_ours"
FELL_SILENT = "fell_silent"
SERVER_SLOW = "server_slow"
SERVER_RESTARTED = "server_restarted"
CANNOT_TELL = "cannot_tell"
VERDICTS = (
    HEALTHY, FLASHING, DATA_NEVER_ARRIVES, SERVER_SILENT, IMAGE_MISSING, IMAGE_WRONG_CASE, IMAGE_UNREADABLE, CONFIG_MISSING,
    STUCK_LOADER, BOOT_LOOP, OTHER_ROOT, NOT_OURS, FELL_SILENT, SERVER_SLOW, SERVER_RESTARTED, CANNOT_TELL,
)  # fmt: skip

CERTAIN, LIKELY = "certain", "likely"
"""Confidences; the third is CANNOT_TELL."""
WELL = (HEALTHY, FLASHING, NOT_OURS)
"""Verdicts on phones that need nobody."""
_BOTH = 20.0
"""Seconds in which files are of one boot."""
_PROMPT = (SERVED, MISSING, DENIED)
"""Answers of which a server says at once that it gave them; it gives up after a while."""
UNCLEAR = ("", UNSURE)
"""Results that do not tell whether there is such a file."""
_FIREWALL = (
    "let UDP from all high ports of the TFTP server reach the phone, or load the connection tracking helper for TFTP (nf_conntrack_tftp) "
    "in every firewall between them and bind it to port 69, or move the phone outside the firewall for as long as the update takes; "
    "an empty CTLSEP file does not help"
)
VERBOSE = (
    "turn on -v (tftpd-hpa: -v -v, which also logs what was not found), or capture all of the phone's UDP, as answers come from "
    "other ports than 69 (tcpdump -i any -w phone.pcap udp and host PHONE, on the TFTP host), and look again after the next boot"
)
_HOUR = 3600.0


class Verdict(NamedTuple):
    """A verdict, how sure it is, what to do, and the requests that it rests on."""

    verdict: str
    confidence: str
    advice: str
    evidence: Sequence[Request] = ()


def is_lacking(request: Request, scene: Scene) -> bool:
    """Whether the server does not have a file, or the root does not where the server tells nothing."""
    if request.result in (MISSING, DENIED):
        return True
    return (
        request.result in UNCLEAR
        and scene.root is not None
        and request.name.base not in scene.root.values()
        and not folder_of(request.name)
    )


def _given_up(request: Request) -> bool:
    return request.times >= GIVEN_UP


def _went_on(request: Request, requests: List[Request]) -> bool:
    """Whether the phone asked for another file then: it does so when it got the file, or word that there is none."""
    pair = PAIR if request.kind in PAIR else ()
    return request.logged and any(one.at > request.last and one.name.base != request.name.base and one.kind not in pair for one in requests)


def _interleaved(request: Request, requests: List[Request]) -> bool:
    """Whether other files were asked for meanwhile: these are boots, then, and no retries."""
    return request.logged and any(
        one.logged and request.at < one.at < request.last and one is not request and not {one.kind, request.kind} <= set(PAIR)
        for one in requests
    )


def _owed(request: Request, scene: Scene) -> bool:
    """Whether the log would hold an answer if there had been one: most servers log what they do not have, few what they sent."""
    if scene.wire:
        return True
    if scene.root is not None:
        return request.name.base not in scene.root.values()
    return request.kind in (CTL, OS79XX, MGC, XMLDEFAULT) and request.kind in scene.absent


def _absolute(folder: str) -> bool:
    return folder.startswith("/") or folder[1:2] == ":"


def folder_of(name: Name) -> str:
    """The folder that a phone asks in. A whole path is the server's, and tells none."""
    return "" if _absolute(name.folder) else name.folder.strip("/")


def with_case(advice: str, name: str, scene: Scene) -> str:
    there = scene.root.get(name.lower()) if scene.root else None
    return f"{advice}; the root holds {there}: names count by case" if there and there != name else advice


def foreign_protocol(requests: List[Request]) -> str:
    """SCCP or MGCP, if all that is asked for is theirs."""
    kinds = [request.kind for request in requests]
    if any(kind in (SIP, SIPDEFAULT, RINGLIST, DIALPLAN, APP_IMAGE) for kind in kinds):
        return ""
    if any(kind == LOADS and "S3" in request.name.base.upper() for kind, request in zip(kinds, requests)):
        return ""
    if kinds.count(MGC) >= 2 and XMLDEFAULT not in kinds:
        return image.MGCP
    found = [image.recognise(request.name.base.rsplit(".", 1)[0]) for request in requests if request.kind == LOADER_IMAGE]
    if any(one and one.protocol == image.SCCP for one in found) and SIP not in kinds:
        return image.SCCP
    if SCCP in kinds or (kinds.count(XMLDEFAULT) >= 2 and SEP in kinds):
        return image.SCCP
    return ""


def _of_loader(requests: List[Request]) -> bool:
    return {SEP, SIP, MGC} <= {request.kind for request in requests}


def boots_of(requests: List[Request], limits: Thresholds) -> List[Request]:
    first = CTL if any(request.kind == CTL for request in requests) else OS79XX
    boots: List[Request] = []
    for request in requests:
        if (
            request.kind == first
            and not request.others
            and (not boots or request.at - boots[-1].last >= limits.boot_gap or request.at - boots[-1].at > _BOTH)
        ):
            boots.append(request)
    return boots


def config_asked_again(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """SIP<MAC>.cnf alone, again and again about every 31 seconds."""
    limits = scene.limits
    run: List[Request] = []
    for request in reversed(requests):
        if request.kind != SIP:
            break
        if run and not limits.reask_least <= run[-1].at - request.at <= limits.reask_most:
            break
        run.append(request)
    if len(run) < 3:
        return None
    name = run[0].name.base
    results = {request.result for request in run}
    if results & {MISSING, DENIED}:
        what = f"put {name} there" if MISSING in results else f"make {name} readable"
        return Verdict(
            CONFIG_MISSING, CERTAIN, with_case(f"{name} is asked for again and again and not had: {what}", name, scene), run[::-1]
        )
    advice = f"{name} is asked for about every 31 seconds, as by a phone without configuration: see that it is there, readable, not empty"
    return Verdict(CONFIG_MISSING, LIKELY, with_case(advice, name, scene), run[::-1])


def data_lost(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """The same file in the pattern of retries, after all that went well."""
    limits = scene.limits
    retries = min(limits.retries, PORT_TRIES + 1)
    if not [request for request in requests if request.times >= retries or request.result in (UNACKED, FAILED)]:
        return None
    paired = any(request.kind in PAIR and request.times < limits.retries and request.at >= start for request in requests)
    stuck = [
        request
        for request in requests
        if request.times >= (PORT_TRIES + 1 if request.kind in PAIR else limits.retries)
        and ((request.at >= done and not (request.kind in PAIR and paired)) or (request.at >= start and _given_up(request)))
        and request.certain  # else other phones at its address may have asked for it
        and not _interleaved(request, requests)
    ]
    unacked = [request for request in requests if request.result == UNACKED and request.at >= done and not request.others]
    failed = [request for request in requests[-8:] if request.result == FAILED and request.at > done and not request.others]
    if failed:
        # A try that the phone gave up for another one fails later. Who has its configuration runs without the rest.
        had = {request.name.base for request in requests if request.result in _PROMPT and request.at >= start}
        failed = [request for request in failed if request.name.base not in had and not (request.kind in PAIR and done >= start)]
    # What came of data shows that data comes, if not always: an image is asked for when the file that names it was read.
    arrived = done > float("-inf") or any(
        (request.result == SERVED and request.times < limits.retries) or request.kind in IMAGES for request in requests
    )
    repeated = len(stuck) > 1 or any(request.times > PORT_TRIES for request in stuck)
    repeated = repeated or len(unacked) > 1
    if (
        unacked
        and not any(request.result == SERVED and request.at > unacked[-1].at for request in requests)
        and (repeated or scene.end - unacked[-1].last > PORT_TRIES)  # else it may be on its way
    ):
        sure = CERTAIN if not arrived and repeated else LIKELY
        return Verdict(DATA_NEVER_ARRIVES, sure, f"the server sends, and the phone acknowledges nothing: {_FIREWALL}", unacked)
    if not stuck:
        if len(failed) >= 2 and failed[-1] is requests[-1]:
            return Verdict(DATA_NEVER_ARRIVES, LIKELY, f"transfers break off, one after another: {_FIREWALL}", failed)
        return None
    last = stuck[-1]
    later = [
        request for request in requests if request.at > last.last and request.name.base != last.name.base and request.kind not in STARTS
    ]
    if len(later) > 2 and not any(request.times >= limits.retries for request in later) and not _given_up(last):
        return None  # it went on after all
    # An answer that is dropped was given at once. What was sent is told at its end: that may be late for the line's sake.
    answered = [request for request in stuck if request.answers and request.kind not in (LOADER_IMAGE, APP_IMAGE)]
    late = [request for request in answered if request.result in _PROMPT and (request.first_answer or 0.0) - request.at >= limits.slow]
    if len(late) >= 2 and len(late) == len(answered) and any(request.result != SERVED for request in late):
        advice = "answers come seconds after the question: see what slows the TFTP server down, names that it looks up first of all"
        return Verdict(SERVER_SLOW, LIKELY, advice, answered)
    stuck = [request for request in stuck if _given_up(request) or not _went_on(request, requests)]
    if not stuck:
        return None
    last = stuck[-1]
    if any(request.answers for request in stuck):
        advice = f"the server answers, and the phone asks again and again: {_FIREWALL}"
        proven = (
            not arrived and sum(request.answers for request in stuck) > PORT_TRIES and any(request.times > PORT_TRIES for request in stuck)
        )
        return Verdict(DATA_NEVER_ARRIVES, CERTAIN if proven and repeated else LIKELY, advice, stuck)
    restart = [when for when in scene.starts if stuck[0].at - limits.boot <= when <= last.last + limits.boot]
    if scene.answers:
        if restart and restart[-1] >= last.at:
            return Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted meanwhile: look again after the next boot", stuck)
        if any(_owed(request, scene) for request in stuck):
            advice = "other requests are answered, this phone's are not: see what in the server or its firewall holds back answers to it"
            return Verdict(SERVER_SILENT, LIKELY, advice, stuck)
    advice = f"the phone asks again and again as if no answer came: {_FIREWALL}; if the server did not answer, see why ({VERBOSE})"
    return Verdict(DATA_NEVER_ARRIVES, LIKELY, advice, stuck)


def image_fault(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """A firmware file asked for in the last boot that the server does not have."""
    latest: Dict[str, Request] = {}
    for request in requests:
        if request.kind in IMAGES and request.at >= start and not (request.others and is_lacking(request, scene)):
            latest[request.name.base] = request
    for request in latest.values():
        name = request.name.base
        there = scene.root.get(name.lower()) if scene.root is not None else None
        if request.result == DENIED:
            return Verdict(
                IMAGE_UNREADABLE, CERTAIN if request.certain else LIKELY, f"make {name} readable for the user of the TFTP server", [request]
            )
        if request.result == MISSING or (request.result in UNCLEAR and scene.root is not None and there != name):
            # atftpd says "not found" of what it may not read, too.
            vague = request.result == MISSING and request.line.startswith("File ") and request.line.endswith("not found")
            sure = CERTAIN if request.result == MISSING and request.certain and not (vague and scene.root is None) else LIKELY
            if foreign_protocol(requests) == image.SCCP:
                return None
            if there and there != name:
                return Verdict(IMAGE_WRONG_CASE, sure, f"rename {there} to {name}: names count by case", [request])
            if there == name and not folder_of(request.name):
                if vague:
                    advice = f"{name} is there and was not found: make it readable for the user of the TFTP server, then reset the phone"
                    return Verdict(IMAGE_UNREADABLE, LIKELY, advice, [request])
                if done >= request.at:
                    return Verdict(CANNOT_TELL, CANNOT_TELL, f"{name} was not found and is there by now: reset the phone", [request])
                return None
            other = next((one.name.base for one in requests if one.result == SERVED and one.name.base.lower() == name.lower()), None)
            if other and other != name:
                return Verdict(IMAGE_WRONG_CASE, LIKELY, f"{other} is there and {name} asked for: names count by case", [request])
            readable = ", readable for the user of the TFTP server" if vague and scene.root is None else ""
            advice = (
                f"put {name} into the TFTP root{readable}, or correct what names it (image_version, SEP<MAC>.cnf.xml, XMLDefault.cnf.xml, "
                "OS79XX.TXT)"
            )
            return Verdict(IMAGE_MISSING, sure, advice, [request])
    return None


def folder_missing(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """Names in a folder that is not of this root."""
    mine = [
        request
        for request in requests
        if request.at >= start and request.kind in (SIP, SIPDEFAULT) and request.name.folder and not request.others
    ]
    if not mine:
        return None
    # Servers that log whole paths show where the root is by what phones ask for in no folder.
    bases = {
        request.name.folder
        for request in requests
        if request.kind in (*STARTS, SEP, MGC, XMLDEFAULT, *IMAGES) and _absolute(request.name.folder)
    }
    lost = [
        request
        for request in mine
        if (folder_of(request.name) or (bases and _absolute(request.name.folder) and request.name.folder not in bases))
        and (request.result == MISSING or (request.result in UNCLEAR and scene.root is not None))
        and (scene.root is None or (request.name.folder + request.name.base).lstrip("./") not in scene.root_names)
    ]
    if not lost:
        return None
    folder = lost[-1].name.folder.rstrip("/")
    advice = f"it asks in the folder {folder}, as tftp_cfg_dir of another site may tell it: make that folder, or erase the setting"
    return Verdict(OTHER_ROOT, CERTAIN if lost[-1].result == MISSING and scene.root is not None else LIKELY, advice, lost)


def boots_without_end(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    limits = scene.limits
    boots = [request for request in boots_of(requests, limits) if request.at > done]
    run = boots[-1:]
    for request in reversed(boots[:-1]):
        if run[-1].at - request.at > limits.loop_gap:
            break
        run.append(request)
    if len(run) < limits.loop or foreign_protocol(requests):
        return None
    inside = [request for request in requests if request.at >= run[-1].at]
    if any(request.kind in (LOADS, LOADER_IMAGE) for request in inside) or _of_loader(inside):
        advice = (
            "the loader runs and finds no application (Protocol Application Invalid): see that SEP<MAC>.cnf.xml or XMLDefault.cnf.xml "
            "names the load, that its .loads, .sbn and .sb2 are all there, and that DHCP sends option 66 or 150"
        )
        return Verdict(STUCK_LOADER, LIKELY, advice, run[::-1])
    advice = "it boots again and again: read its screen and status messages, and check image_version, OS79XX.TXT and its power"
    return Verdict(BOOT_LOOP, LIKELY, advice, run[::-1])


def loader_stuck(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """The same image in boot after boot: an update asks for each once."""
    limits = scene.limits
    rounds: Dict[str, List[Request]] = {}
    for request in requests:
        if request.kind in (LOADER_IMAGE, APP_IMAGE) and request.at > done and not request.others:
            run = rounds.setdefault(request.name.base, [])
            began = any(one.kind in STARTS and run[-1].last < one.at <= request.at for one in requests) if run else True
            if run and (not began or request.at - run[-1].at > limits.loop_gap):
                run.clear()
            run.append(request)
    for name, run in rounds.items():
        if len(run) > 2:
            advice = f"the loader asks for {name} in boot after boot: see that it is there, readable, whole and for this phone"
            return Verdict(STUCK_LOADER, LIKELY, advice, run)
    return None


def no_config(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """Neither of the two configuration files is to be had."""
    default = [request for request in requests if request.kind == SIPDEFAULT and request.at >= start]
    own = [request for request in requests if request.kind == SIP and default and request.at >= default[-1].at]
    if not own:
        return None
    lacking = (default[-1], own[-1])
    if not all(is_lacking(request, scene) for request in lacking):
        return None
    sure = CERTAIN if all(request.result and request.certain for request in lacking) else LIKELY
    name = own[-1].name.base
    advice = f"neither SIPDefault.cnf nor {name} is to be had: put them there, readable for the user of the TFTP server"
    return Verdict(CONFIG_MISSING, sure, with_case(advice, name, scene), lacking)


def own_config_missing(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    """An application whose own file is not there: it has asked for SIPDefault.cnf first, which the loader does not."""
    default = [request for request in requests if request.kind == SIPDEFAULT and request.at >= start]
    own = [request for request in requests if request.kind == SIP and default and request.at >= default[-1].at]
    if not own or own[-1].result not in (MISSING, DENIED) or scene.end - own[-1].last <= scene.limits.boot:
        return None
    name = own[-1].name.base
    advice = f"put {name} there" if own[-1].result == MISSING else f"make {name} readable for the user of the TFTP server"
    return Verdict(CONFIG_MISSING, LIKELY, with_case(advice, name, scene), own)


def other_protocol(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    protocol = foreign_protocol(requests)
    if not protocol:
        return None
    advice = f"it runs {protocol} and not SIP: leave it out, or move it to SIP by way of XMLDefault.cnf.xml or OS79XX.TXT"
    return Verdict(NOT_OURS, LIKELY, advice, requests[-3:])


def interrupted_by_server(requests: List[Request], scene: Scene, start: float, done: float) -> Optional[Verdict]:
    last = requests[-1]
    if not scene.answers or last.answers or not any(last.at <= when <= last.at + scene.limits.boot for when in scene.starts):
        return None
    if scene.end - last.last <= scene.limits.boot:
        return None
    return Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its boot: reset the phone, and look again", [last])


def fell_silent(requests: List[Request], scene: Scene) -> Optional[Verdict]:
    """A phone that has to go on, and of which nothing comes while the log goes on."""
    last = requests[-1]
    if any(0 <= request.at - last.at + _HOUR <= scene.limits.flash for request in requests):
        return None  # it may have gone on after the end of summer time
    if last.logged != any(request.logged for request in requests):
        return None  # an answer without its request is another phone's
    if last.kind in (LOADER_IMAGE, APP_IMAGE) and scene.end - last.last > scene.limits.flash and last.certain:
        if foreign_protocol(requests) or scene.kinds <= {*IMAGES, OTHER}:
            return None
        advice = (
            f"it fetched {last.name.base} and has asked for nothing since, not even as phones do that start anew: "
            "look at its screen, and cut its power only if that has not changed for ten minutes"
        )
        return Verdict(FELL_SILENT, LIKELY, advice, [last])
    if last.kind != OS79XX or not last.certain or scene.end - last.last < scene.limits.silent or scene.kinds <= {OS79XX, OTHER}:
        return None
    advice = "it read OS79XX.TXT and asked for nothing more: check the name in it (no blank, no carriage return), then the phone's screen"
    return Verdict(FELL_SILENT, LIKELY, advice, [last])
