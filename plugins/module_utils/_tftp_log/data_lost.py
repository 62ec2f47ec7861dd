# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule of data that does not reach a phone: a firewall, a server that is silent or slow, a line that loses packets."""

from __future__ import annotations

from typing import List, Optional

from .events import DENIED, FAILED, MISSING, SERVED, UNACKED
from .names import BINARIES, CTL, IMAGES, MGC, OS79XX, PAIR, STARTS, XMLDEFAULT
from .requests import PORT_TRIES, Request
from .scene import Scene
from .verdicts import CERTAIN, DATA_NEVER_ARRIVES, LIKELY, LOST, SERVER_RESTARTED, SERVER_SILENT, SERVER_SLOW, VERBOSE, Case, Verdict

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


def _interleaved(request: Request, requests: List[Request]) -> bool:
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


def data_lost(case: Case) -> Optional[Verdict]:
    """The same file in the pattern of retries, after all that went well."""
    requests, scene, limits, done = case.requests, case.scene, case.limits, case.done
    if not any(request.times >= min(limits.retries, PORT_TRIES + 1) or request.result in LOST for request in requests):
        return None
    paired = any(request.times < limits.retries for request in case.asked(*PAIR))
    stuck = [
        request
        for request in requests
        if request.times >= (PORT_TRIES + 1 if request.kind in PAIR else limits.retries)
        and ((request.at >= done and not (request.kind in PAIR and paired)) or (request.at >= case.start and request.times >= _GIVEN_UP))
        and request.certain  # else other phones at its address may have asked for it
        and not _interleaved(request, requests)
    ]
    unacked = [request for request in requests if request.result == UNACKED and request.at >= done and not request.others]
    # A try that the phone gave up for another one fails later. Who has its configuration runs without the rest.
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
    # What came of data shows that data comes, if not always: an image is asked for when the file that names it was read.
    arrived = done > float("-inf") or any(
        (request.result == SERVED and request.times < limits.retries) or request.kind in IMAGES for request in requests
    )
    repeated = len(stuck) > 1 or len(unacked) > 1 or any(request.times > PORT_TRIES for request in stuck)
    if (
        unacked
        and not any(request.result == SERVED and request.at > unacked[-1].at for request in requests)
        and (repeated or scene.end - unacked[-1].last > PORT_TRIES)  # else it may be on its way
    ):
        sure = CERTAIN if not arrived and repeated else LIKELY
        return Verdict(DATA_NEVER_ARRIVES, sure, f"the server sends, and the phone acknowledges nothing: {_FIREWALL}", unacked)
    if not stuck:
        if len(failed) >= 2 and failed[-1] is case.last:
            return Verdict(DATA_NEVER_ARRIVES, LIKELY, f"transfers break off, one after another: {_FIREWALL}", failed)
        return None
    last = stuck[-1]
    later = [
        request for request in requests if request.at > last.last and request.name.base != last.name.base and request.kind not in STARTS
    ]
    if len(later) > 2 and not any(request.times >= limits.retries for request in later) and last.times < _GIVEN_UP:
        return None  # it went on after all
    # An answer that is dropped was given at once. What was sent is told at its end: that may be late for the line's sake.
    answered = [request for request in stuck if request.answers and request.kind not in BINARIES]
    late = [request for request in answered if request.result in _PROMPT and (request.first_answer or 0.0) - request.at >= limits.slow]
    if len(late) >= 2 and len(late) == len(answered) and any(request.result != SERVED for request in late):
        advice = "answers come seconds after the question: see what slows the TFTP server down, names that it looks up first of all"
        return Verdict(SERVER_SLOW, LIKELY, advice, answered)
    stuck = [request for request in stuck if request.times >= _GIVEN_UP or not _went_on(request, requests)]
    if not stuck:
        return None
    last = stuck[-1]
    answers = sum(request.answers for request in stuck)
    if answers:
        advice = f"the server answers, and the phone asks again and again: {_FIREWALL}"
        proven = not arrived and repeated and answers > PORT_TRIES and any(request.times > PORT_TRIES for request in stuck)
        return Verdict(DATA_NEVER_ARRIVES, CERTAIN if proven else LIKELY, advice, stuck)
    if scene.answers:
        restart = [when for when in scene.starts if stuck[0].at - limits.boot <= when <= last.last + limits.boot]
        if restart and restart[-1] >= last.at:
            return Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted meanwhile: look again after the next boot", stuck)
        if any(_owed(request, scene) for request in stuck):
            advice = "other requests are answered, this phone's are not: see what in the server or its firewall holds back answers to it"
            return Verdict(SERVER_SILENT, LIKELY, advice, stuck)
    advice = f"the phone asks again and again as if no answer came: {_FIREWALL}; if the server did not answer, see why ({VERBOSE})"
    return Verdict(DATA_NEVER_ARRIVES, LIKELY, advice, stuck)
