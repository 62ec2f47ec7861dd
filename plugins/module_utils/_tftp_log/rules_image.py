# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about images: what a phone was told to load and does not get, or does not take."""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, Dict, List, Optional

from .._phone import image
from .case import LOST, UNCLEAR, Case
from .events import DENIED, MISSING, SERVED
from .names import APP_IMAGE, BINARIES, CONFIGS, IMAGES, LOADS, OS79XX, SEP, SIP, SIPDEFAULT, STARTS, XMLDEFAULT, misspelt
from .requests import Request
from .verdicts import CERTAIN, LIKELY, VERBOSE, Finding, sure_if

_RESTART = 25.0
"""Seconds, the least that a restart with another image takes (log)."""


@lru_cache(1)  # several rules look at it
def _wanted(case: Case) -> List[Request]:
    """The images of the last boot that the phone did not get, as far as the log or the root tells; each name once, the last first."""
    latest = {request.name.base: request for request in case.asked(*IMAGES) if not (request.others and case.lacks(request))}
    wanted = [request for request in reversed(list(latest.values())) if request.result not in (SERVED, *LOST)]
    return wanted if wanted and case.protocol != image.SCCP else []


def _named_by(case: Case, request: Request) -> List[str]:
    """The files that may have named an image: what the phone read last before it asked, in whatever order within that second."""
    read = [
        one for one in case.boot if one.at <= request.at and one.kind in (OS79XX, SEP, SIPDEFAULT, SIP, XMLDEFAULT) and not case.lacks(one)
    ]
    if request.kind in BINARIES:
        read += [one for one in case.boot if one.at <= request.at and one.kind == LOADS and not case.lacks(one)]
    # An application reads both of its files before it follows either.
    last = max((one.at for one in read), default=0.0)
    names: Dict[str, None] = {}
    for one in read:
        if one.at == last or (one.kind in CONFIGS and any(other.at == last and other.kind in CONFIGS for other in read)):
            names[f"image_version in {one.name.base}" if one.kind in CONFIGS else one.name.base] = None
    return list(names)


def _where(case: Case, request: Request) -> str:
    """Which file to correct, in words."""
    names = _named_by(case, request)
    return " or ".join(names) or "what names it (image_version, SEP<MAC>.cnf.xml, XMLDefault.cnf.xml, OS79XX.TXT)"


def _says(case: Case, request: Request, name: str) -> str:
    """What the file that names an image has to say, with a command where that is one."""
    names = _named_by(case, request)
    if names == ["OS79XX.TXT"]:
        return f"OS79XX.TXT has to name {name} (in the TFTP root: printf '%s\\n' {name} > OS79XX.TXT)"
    if any("OS79XX" in one for one in names):
        return f"{name} belongs into OS79XX.TXT, or into image_version: whichever names it now"
    return f"{_where(case, request)} has to say {name}"


def _not_had(case: Case, advice_on: Callable[[Request], str]) -> Optional[Finding]:
    """The first image that the phone did not get and on which there is this advice."""
    for request in _wanted(case):
        advice = advice_on(request)
        if advice:
            return Finding(sure_if(request.result == MISSING and request.mine), advice, [request])
    return None


def image_missing_misspelt(case: Case) -> Optional[Finding]:
    """A name that no file of Cisco's has: it stands so in the file that names it (rule `to_the_letter`)."""

    def advice_on(request: Request) -> str:
        fault, meant = misspelt(request.name.base)
        if not fault or (fault.endswith("case") and (case.scene.spelling(request.name.base) or request.result != MISSING)):
            return ""
        if "eight characters" in fault:
            cure = "OS79XX.TXT has to name P0S30203 first, as a phone on 2.1 or older takes no longer names (rule long_names)"
        elif not meant:
            cure = f"write a right name into {_where(case, request)}, such as P0S30203, P0S3-06-3-00 or P0S3-8-12-00"
        else:
            cure = _says(case, request, meant) + (" and nothing behind it" if "blank" in fault else "")
        return f"{cure}: the image name in {request.name.base} {fault}, and no such file exists"

    return _not_had(case, advice_on)


def image_missing_unsigned(case: Case) -> Optional[Finding]:
    """A signed file of an image that has none: only a phone that runs a signed image asks for it (rule `signed`)."""

    def advice_on(request: Request) -> str:
        found = image.of_file(request.name.base)
        if not found or found.protocol != image.SIP or found.signed or image.extension(request.name.base) == ".bin":
            return ""
        return (
            f"name an image of 5.x or later, such as P0S3-06-3-00, in {_where(case, request)}: a phone that asks for {request.name.base} "
            f"is signed and never loads an unsigned image such as {found} again, and there is no such file"
        )

    return _not_had(case, advice_on)


def image_missing_loader_not_named(case: Case) -> Optional[Finding]:
    """An application of 7.x or later by the name of a file that only older images have (rule `os79xx_names_loader`)."""

    def advice_on(request: Request) -> str:
        found = image.of_file(request.name.base)
        if not found or not found.loader or image.extension(request.name.base) not in (".sbn", ".bin"):
            return ""
        return (
            f"OS79XX.TXT has to name the loader {found.loader} (in the TFTP root: printf '%s\\n' {found.loader} > OS79XX.TXT), and the "
            f"root needs {', '.join(found.files)}: {request.name.base} does not exist, and no phone on 6.x or older loads an application "
            "of 7.x or later by itself"
        )

    return _not_had(case, advice_on)


def image_missing_no_such_file(case: Case) -> Optional[Finding]:
    """A file that the named release does not have, such as the .loads of 6.x or the .bin of a loader."""

    def advice_on(request: Request) -> str:
        found = image.of_file(request.name.base)
        if not found or found.protocol == image.SCCP or request.name.base in found.files or misspelt(request.name.base)[0]:
            return ""
        if found.protocol == image.LOADER:
            return f"the loader is {found.files[0]}, which a phone on 4.x or older does not take: move it to 5.x and 6.x first"
        files = " and ".join(found.files)
        return f"{request.name.base} does not exist, {found} has {files}: see which image {_where(case, request)} should name"

    return _not_had(case, advice_on)


def image_unreadable(case: Case) -> Optional[Finding]:
    for request in _wanted(case):
        name, there = request.name.base, case.scene.spelling(request.name.base)
        if request.result == DENIED:
            advice = f"make {name} readable for the user of the TFTP server (chmod a+r {name}), then reset the phone"
            return Finding(sure_if(request.mine), advice, [request])
        if request.result == MISSING and there == name and not request.name.subfolder and _is_vague(request):
            advice = f"{name} is there and was not found: make it readable for the user of the TFTP server, then reset the phone"
            return Finding(LIKELY, advice, [request])
    return None


def _is_vague(request: Request) -> bool:
    """Whether the server says "not found" of what it may not read, too, as atftpd does."""
    return request.line.startswith("File ") and request.line.endswith("not found")


def _is_missing(case: Case, request: Request) -> bool:
    return request.result == MISSING or (request.result in UNCLEAR and case.scene.lacks(request.name.base))


def image_wrong_case(case: Case) -> Optional[Finding]:
    for request in _wanted(case):
        name, there = request.name.base, case.scene.spelling(request.name.base)
        if not _is_missing(case, request):
            continue
        if there and there != name:
            found = image.of_file(there)
            right = found is None or there in found.files
            cure = (
                f"{_where(case, request)} has to name it so" if right and found and name not in found.files else f"rename {there} to {name}"
            )
            sure = sure_if(request.result == MISSING and request.mine)
            return Finding(sure, f"{cure}: {there} is there, {name} is asked for, and names count by case", [request])
        other = next((one.name.base for one in case.requests if one.result == SERVED and one.name.base.lower() == name.lower()), name)
        if other != name:
            return Finding(LIKELY, f"{other} is there and {name} asked for: names count by case", [request])
    return None


def cannot_tell_image_came_since(case: Case) -> Optional[Finding]:
    for request in _wanted(case):
        name = request.name.base
        if _is_missing(case, request) and case.scene.spelling(name) == name and not request.name.subfolder and case.done >= request.at:
            return Finding(CERTAIN, f"{name} was not found and is there by now: reset the phone", [request])
    return None


def image_missing(case: Case) -> Optional[Finding]:
    for request in _wanted(case):
        name = request.name.base
        if not _is_missing(case, request) or (case.scene.spelling(name) == name and not request.name.subfolder):
            continue
        vague = _is_vague(request) and not case.scene.root_known
        readable = ", readable for the user of the TFTP server" if vague else ""
        advice = f"put {name} into the TFTP root{readable}, or correct {_where(case, request)}; then reset the phone"
        return Finding(sure_if(request.result == MISSING and request.mine and not vague), advice, [request])
    return None


def image_rejected(case: Case) -> Optional[Finding]:
    """A phone that takes an image restarts with it, and does not ask for it again: so did all of eight that were moved (log)."""
    fetched = [one for one in case.requests if one.kind in BINARIES and not one.others and one.result not in (MISSING, DENIED, *LOST)]
    last, boot = fetched[-1] if fetched else None, case.boot
    if not last or case.protocol or any(one.others for one in boot):
        return None
    if not last.logged and not case.scene.absent:
        return None  # where boots begin is not in such a log
    same = [one for one in boot if one.name.base == last.name.base and one in fetched]
    old = boot[0].kind == OS79XX
    defaults = [one.at for one in boot if one.kind == SIPDEFAULT]
    before_default = [one for one in same if old and one.result == SERVED and any(one.at < at for at in defaults)]
    after_default = [one for one in same if one.result == SERVED and one.logged and any(at < one.at for at in defaults)]
    # Either the application went on in the same boot, or it did so in one before and asked once more. Where the log ends with it, the first
    # file of another boot may be missing.
    shown = case.proof and (case.scene.end - case.proof[-1].at > 2 or case.proof[0].at - last.last <= _RESTART)
    if not (case.runs and (len(same) > 1 or (shown and (before_default or after_default)))):
        same = _in_boots_up_to_now(case, last)
        sent = case.scene.absent and all(one.logged for one in same)  # else the log would say that it is not there
        same = same if sent or all(one.result == SERVED for one in same) else []
    if not same or any(one.result in LOST for one in boot if one.name.base == last.name.base):
        return None
    name = last.name.base
    advice = (
        f"compare {name} with the original (voip.cisco79xx.audit reads its signature), see by telnet or on the screen what the phone "
        f"runs, and name another image in {_where(case, last)} until it takes one: it fetched this one and went on with what it had, as "
        "it does if the file is damaged, signed under another name, not for this phone, or refused by later hardware"
    )
    return Finding(LIKELY, advice, same)


def _in_boots_up_to_now(case: Case, last: Request) -> List[Request]:
    """The fetches of one file in boot after boot, none left out, if an application ran meanwhile, or it was sent three times."""
    fetches: List[List[Request]] = []
    for boot in reversed(case.boots):
        fetches.insert(0, [one for one in boot if one.name.base == last.name.base and one.result not in (MISSING, DENIED, *LOST)])
        if not fetches[0]:
            break
    same = [one for fetched in fetches for one in fetched]
    if len(same) < 2 or same[0] in case.boot:
        return []
    ran = any(one.kind == SIP and same[0].at < one.at < last.at for one in case.requests)
    old = ran and any(boot[0].kind == OS79XX for boot in case.boots)
    often = len(same) > 2 and last.kind == APP_IMAGE and all(one.result == SERVED for one in same)
    return same if often or old or (ran and case.runs) else []


def cannot_tell_image_again(case: Case) -> Optional[Finding]:
    fetched = [one for one in case.boot if one.kind in BINARIES and not one.others and one.result not in (MISSING, DENIED)]
    same = _in_boots_up_to_now(case, fetched[-1]) if fetched else []
    if not same:
        return None
    name = same[-1].name.base
    advice = f"it asked for {name} in boot after boot and runs without: see that the file is there, readable and whole; {VERBOSE}"
    return Finding(CERTAIN, advice, same)


def stuck_loader_same_image(case: Case) -> Optional[Finding]:
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
            return Finding(LIKELY, advice, run)
    return None


def cannot_tell_image_not_taken(case: Case) -> Optional[Finding]:
    """An image that the application asked for, and went on without: else it would have booted anew."""
    wanted = _asked_by_application(case)
    if not wanted:
        return None
    name = wanted[-1].name.base
    advice = f"it asked for {name} and went on without: see that the file is there, readable and whole, then reset the phone; {VERBOSE}"
    return Finding(CERTAIN, advice, wanted)


def server_restarted_in_update(case: Case) -> Optional[Finding]:
    wanted = _asked_by_application(case)
    default = next((one for one in reversed(case.asked(SIPDEFAULT)) if one.at <= case.done), None)
    if not wanted or not default or not any(default.at < when <= case.done for when in case.scene.starts):
        return None
    return Finding(LIKELY, "the server was restarted in the middle of its update: reset the phone, and look again", wanted)


def _asked_by_application(case: Case) -> List[Request]:
    start, done = case.start, case.done
    default = next((request for request in reversed(case.asked(SIPDEFAULT)) if request.at <= done), None)
    boots = [request for request in case.requests if request.kind in STARTS and start - 20 < request.at <= start]
    if not default or len(boots) > 1 or case.protocol:  # no boot is as short: the order is not that of the stamps
        return []
    six = any(request.kind == OS79XX and request.at == start for request in case.requests)
    return [
        request
        for request in case.asked(*IMAGES)
        if (six or default.at <= request.at)
        and request.at <= done
        and (request.at > default.at or six or request.at - start >= 10)  # before that it is the loader that asks
        and (request.at - default.last <= 15 or request.kind != LOADS)
        and (request.logged or request.result != SERVED or request.at != default.at)  # that it was sent is logged after all of it was
    ]


def cannot_tell_image_of_whom(case: Case) -> Optional[Finding]:
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
    return Finding(CERTAIN, advice, [doubt, case.last])
