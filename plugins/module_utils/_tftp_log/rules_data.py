# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about answers that do not reach a phone, or are refusals: a firewall, a server that is silent, slow or locked."""

from __future__ import annotations

from functools import lru_cache
from typing import List, Optional, Sequence

from .case import LOST, Case
from .events import DENIED, FAILED, MISSING, SERVED, UNACKED
from .names import BINARIES, CONFIGS, CTL, IMAGES, MGC, OPTIONAL, OS79XX, OTHER, PAIR, SCCP, SEP, SIP, SIPDEFAULT, STARTS, XMLDEFAULT
from .requests import PORT_TRIES, Request
from .scene import Scene
from .verdicts import CERTAIN, LIKELY, VERBOSE, Finding, sure_if

_GIVEN_UP = 9
"""The least requests of a file that are of three ports: after these, phones ask for the next file (log)."""
_PROMPT = (SERVED, MISSING, DENIED)
"""Answers of which a server says at once that it gave them; it gives up after a while."""
_FIREWALL = (
    "let UDP from all high ports of the TFTP server reach the phone, or load the connection tracking helper for TFTP (nf_conntrack_tftp) "
    "in every firewall between them and bind it to port 69, or move the phone outside the firewall for as long as the update takes; "
    "an empty CTLSEP file does not help"
)


def _went_on(request: Request, requests: List[Request]) -> bool:
    """Whether the phone asked for another file then: it does so when it got the file, or word that there is none."""
    pair = PAIR if request.kind in PAIR else ()
    return request.logged and any(one.at > request.last and one.name.base != request.name.base and one.kind not in pair for one in requests)


def _interleaved(request: Request, requests: Sequence[Request]) -> bool:
    """Whether other files were asked for meanwhile: these are boots, then, and no retries."""
    return request.logged and any(
        one.logged and request.at < one.at < request.last and one is not request and not {one.kind, request.kind} <= set(PAIR)
        for one in requests
    )


def _owed(request: Request, scene: Scene) -> bool:
    """Whether the log would hold an answer if there had been one: most servers log what they do not have, few what they sent."""
    if scene.wire or scene.root_known:
        return scene.wire or scene.lacks(request.name.base)
    return request.kind in (CTL, OS79XX, MGC, XMLDEFAULT) and request.kind in scene.absent


def server_refuses_relative_names(case: Case) -> Optional[Finding]:
    refused = [one for one in case.boot if one.result == DENIED and "only absolute" in one.line.lower() and not one.others]
    if not refused or any(one.at > refused[-1].at and one.result in (SERVED, MISSING) for one in case.boot):
        return None
    advice = (
        "let the server serve its folder as the root (tftpd-hpa: --secure, on Debian TFTP_OPTIONS in /etc/default/tftpd-hpa; BSD: -s), "
        "restart it, then reset the phone: it takes whole paths only, and phones ask for bare names"
    )
    return Finding(sure_if(refused[-1].mine), advice, refused)


def server_refuses_instead_of_not_found(case: Case) -> Optional[Finding]:
    """A loader goes on after "File not found" only (rule `hunt`, CSCee31047)."""
    default = next((one.at for one in case.boot if one.kind == SIPDEFAULT), float("inf"))
    hunted = [one for one in case.boot if one.kind in (*STARTS, SEP, MGC, XMLDEFAULT) or (one.kind == SIP and one.at < default)]
    refused = [one for one in hunted if one.result == DENIED and not one.others]
    after = [one for one in case.boot if refused and one.at >= refused[-1].at and one is not refused[-1] and one.result != DENIED]
    if not refused or case.runs or any(one.kind not in STARTS for one in after):
        return None
    name = refused[-1].name.base
    advice = (
        f"let the user of the TFTP server enter the TFTP root and read its files (chmod a+rx on the folder, chmod a+r {name} if it is "
        f"there; SELinux: restorecon -R), then reset the phone: the server refuses {name} where it should say 'File not found', and a "
        "loader stops at that"
    )
    return Finding(sure_if(refused[-1].mine), advice, refused)


@lru_cache(1)  # several rules look at it
def _stuck(case: Case) -> List[Request]:
    """What was asked for in the rhythm of retries, after all that went well."""
    requests, limits, done = case.requests, case.limits, case.done
    if not any(request.times >= min(limits.retries, PORT_TRIES + 1) for request in requests):
        return []
    paired = any(request.times < limits.retries for request in case.asked(*PAIR))
    stuck = [
        request
        for request in requests
        if request.times >= (PORT_TRIES + 1 if request.kind in PAIR else limits.retries)
        and ((request.at >= done and not (request.kind in PAIR and paired)) or (request.at >= case.start and request.times >= _GIVEN_UP))
        and not request.others  # else other phones at its address may have asked for it
        and not _interleaved(request, requests)
    ]
    if not stuck:
        return []
    last = stuck[-1]
    later = [one for one in requests if one.at > last.last and one.name.base != last.name.base and one.kind not in STARTS]
    went_on = len(later) > 2 and not any(request.times >= limits.retries for request in later) and last.times < _GIVEN_UP
    return [] if went_on else stuck


def _not_gone_on(case: Case) -> List[Request]:
    return [request for request in _stuck(case) if request.times >= _GIVEN_UP or not _went_on(request, case.requests)]


def _arrived(case: Case) -> bool:
    """What came of data shows that data comes, if not always: an image is asked for when the file that names it was read."""
    had = any((one.result == SERVED and one.times < case.limits.retries) or one.kind in IMAGES for one in case.requests)
    return case.done > float("-inf") or had


def data_never_arrives_unacknowledged(case: Case) -> Optional[Finding]:
    requests = case.requests
    unacked = [request for request in requests if request.result == UNACKED and request.at >= case.done and not request.others]
    if not unacked or any(request.result == SERVED and request.at > unacked[-1].at for request in requests):
        return None
    stuck = _stuck(case)
    repeated = len(stuck) > 1 or len(unacked) > 1 or any(request.times > PORT_TRIES for request in stuck)
    if not repeated and case.scene.end - unacked[-1].last <= PORT_TRIES:
        return None  # it may be on its way
    sure = sure_if(not _arrived(case) and repeated)
    return Finding(sure, f"{_FIREWALL} (the server sends, and the phone acknowledges nothing)", unacked)


def server_slow_late_answers(case: Case) -> Optional[Finding]:
    # An answer that is dropped was given at once. What was sent is told at its end: that may be late for the line's sake.
    answered = [request for request in _stuck(case) if request.answers and request.kind not in BINARIES]
    slow = [one for one in answered if one.result in _PROMPT and (one.first_answer or 0.0) - one.at >= case.limits.slow]
    if len(slow) < 2 or len(slow) != len(answered) or all(request.result == SERVED for request in slow):
        return None
    advice = "answers come seconds after the question: see what slows the TFTP server down, names that it looks up first of all"
    return Finding(LIKELY, advice, answered)


def asked_in_vain(case: Case, boot: Sequence[Request]) -> List[Request]:
    """What was asked for again after the longer wait, if that is more than one lost packet or two."""
    again = [
        request
        for request in boot
        if request.waits and request.kind not in (OTHER, SCCP) and not request.others and not _interleaved(request, boot)
    ]
    if any(request.others for request in boot):
        return []  # of several phones behind one address, none of which need have asked twice
    often = [request for request in again if request.times >= case.limits.retries]
    most = 2 if case.scene.answers else 1
    return again if len(often) > 1 or (often and len(again) > most) else []


def data_never_arrives_all_the_boot(case: Case) -> Optional[Finding]:
    """Files that exist are asked for again as those that do not, and the phone gives up one after another (field report)."""
    boots = case.boots
    vain = [asked_in_vain(case, boot) for boot in boots]
    lost = next((number for number in range(len(boots) - 1, -1, -1) if vain[number]), None)
    if lost is None:
        return None
    now_and_then = any(case.requests_run(boot) and not vain[number] for number, boot in enumerate(boots[:lost]))
    if lost < len(boots) - 1 and not (now_and_then and len(boots) - lost == 2):
        return None  # it booted well since
    where = "" if lost == len(boots) - 1 else " in the boot before the last one, as happens now and then"
    answers = sum(request.answers for request in vain[lost])
    said = "the server answers, and the phone asks again and again" if answers else "the phone asks again and again as if no answer came"
    return Finding(LIKELY, f"{_FIREWALL} ({said}{where})", vain[lost])


def data_never_arrives_broken_off(case: Case) -> Optional[Finding]:
    # A try that the phone gave up for another one fails later. Who has its configuration runs without the rest.
    requests, done = case.requests, case.done
    had = {request.name.base for request in requests if request.result in _PROMPT and request.at >= case.start}
    failed = [
        request
        for request in requests[-8:]
        if request.result == FAILED
        and request.at > done
        and not request.others
        and request.name.base not in had
        and not (request.kind in PAIR and done >= case.start)
    ]
    if len(failed) >= 2 and failed[-1] is case.last and not _stuck(case):
        return Finding(LIKELY, f"{_FIREWALL} (transfers break off, one after another)", failed)
    lost = [request for request in case.boot if request.result in LOST and not request.others]
    nothing = not any(request.kind in (*CONFIGS, *IMAGES, *PAIR) and request.result == SERVED for request in case.boot)
    if len({request.name.base for request in lost}) >= 2 and nothing and not case.runs:
        return Finding(LIKELY, f"{_FIREWALL} (transfers break off, and nothing of the boot arrives)", lost)
    return None


def data_never_arrives_though_answered(case: Case) -> Optional[Finding]:
    stuck = _not_gone_on(case)
    answers = sum(request.answers for request in stuck)
    if not answers:
        return None
    often = any(request.times > PORT_TRIES for request in stuck)
    proven = not _arrived(case) and answers > PORT_TRIES and often
    return Finding(sure_if(proven), f"{_FIREWALL} (the server answers, and the phone asks again and again)", stuck)


def server_restarted_while_asked(case: Case) -> Optional[Finding]:
    stuck = _not_gone_on(case)
    if not stuck or not case.scene.answers:
        return None
    limits = case.limits
    restart = [when for when in case.scene.starts if stuck[0].at - limits.boot <= when <= stuck[-1].last + limits.boot]
    if not restart or restart[-1] < stuck[-1].at:
        return None
    return Finding(LIKELY, "the server was restarted meanwhile: look again after the next boot", stuck)


def server_silent_to_this_phone(case: Case) -> Optional[Finding]:
    stuck = _not_gone_on(case)
    if not case.scene.answers or not any(_owed(request, case.scene) for request in stuck):
        return None
    advice = "other requests are answered, this phone's are not: see what in the server or its firewall holds back answers to it"
    return Finding(LIKELY, advice, stuck)


def data_never_arrives_unanswered(case: Case) -> Optional[Finding]:
    stuck = _not_gone_on(case)
    if not stuck:
        return None
    advice = f"{_FIREWALL} (the phone asks again and again as if no answer came); if the server did not answer, see why ({VERBOSE})"
    return Finding(LIKELY, advice, stuck)


def cannot_tell_asked_again(case: Case) -> Optional[Finding]:
    """In a log of requests only, nothing shows that a file arrived which was asked for again."""
    again = [
        one for one in case.boot if one.waits and one.kind not in (OTHER, SCCP) and not one.others and not _interleaved(one, case.boot)
    ]
    again = [one for one in again if one.kind not in OPTIONAL or one.kind in (SIPDEFAULT, *PAIR) or one.times >= case.limits.retries]
    if case.scene.answers or not again:
        return None
    return Finding(CERTAIN, f"it runs, and asked again for what it may not have got: {VERBOSE}", again)


def cannot_tell_unanswered(case: Case) -> Optional[Finding]:
    """Where the server says what it sent, and of this boot says nothing."""
    files = case.asked(*CONFIGS, *PAIR)
    if not case.scene.sent or any(request.result for request in files):
        return None
    advice = "it asked for its files, and the log has no answer to it, though it has to others: see why, and reset the phone"
    return Finding(CERTAIN, advice, files)
