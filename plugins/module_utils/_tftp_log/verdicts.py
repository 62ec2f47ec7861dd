# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on phones, and what all rules that lead to them look at."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from .._phone import image
from .events import DENIED, FAILED, MISSING, UNACKED, UNSURE
from .names import APP_IMAGE, BINARIES, CONFIGS, CTL, IMAGES, LOADER_IMAGE, LOADS, MGC, PAIR, SCCP, SEP, SIP, SIPDEFAULT, STARTS, XMLDEFAULT
from .requests import PORT_TRIES, Request
from .scene import Scene

VERDICTS = tuple(
    "healthy flashing data_never_arrives server_silent image_missing image_wrong_case image_unreadable config_missing "
    "stuck_loader boot_loop other_root not_ours fell_silent server_slow server_restarted cannot_tell".split()
)
HEALTHY, FLASHING, DATA_NEVER_ARRIVES, SERVER_SILENT, IMAGE_MISSING, IMAGE_WRONG_CASE, IMAGE_UNREADABLE, CONFIG_MISSING = VERDICTS[:8]
STUCK_LOADER, BOOT_LOOP, OTHER_ROOT, NOT_OURS, FELL_SILENT, SERVER_SLOW, SERVER_RESTARTED, CANNOT_TELL = VERDICTS[8:]
WELL = (HEALTHY, FLASHING, NOT_OURS)
"""Verdicts on phones that need nobody."""
CERTAIN, LIKELY = "certain", "likely"
"""Confidences; the third is CANNOT_TELL."""
UNCLEAR = ("", UNSURE)
"""Results that do not tell whether there is such a file."""
LOST = (FAILED, UNACKED)
"""Results of transfers of which nothing arrived, or not all."""
VERBOSE = (
    "turn on -v (tftpd-hpa: -v -v, which also logs what was not found), or capture all of the phone's UDP, as answers come from "
    "other ports than 69 (tcpdump -i any -w phone.pcap udp and host PHONE, on the TFTP host), and look again after the next boot"
)
_MOST_JUDGED = 500
"""Requests: more are of several phones behind one address."""


class Verdict(NamedTuple):
    """A verdict, how sure it is, what to do, and the requests that it rests on."""

    verdict: str
    confidence: str
    advice: str
    evidence: Sequence[Request]


def cannot_tell(advice: str, evidence: Sequence[Request]) -> Verdict:
    return Verdict(CANNOT_TELL, CANNOT_TELL, advice, evidence)


class Case:
    """One phone: what it asked for, and what its log, its server and its TFTP root tell as a whole. Times are in seconds since 1970.

    `doubts` are images that this or another phone did not get.
    """

    def __init__(self, requests: List[Request], scene: Scene, doubts: Sequence[Request]) -> None:
        self.scene = scene
        self.limits = scene.limits
        self.doubts = [*doubts, *(request for request in requests if request.others and request.kind in IMAGES and self.lacks(request))]
        self.requests = requests = requests[-_MOST_JUDGED:]
        self.last = requests[-1]
        self.start = max((request.at for request in requests if request.kind in STARTS and not request.others), default=requests[0].at)
        """When its last boot began."""
        self.done, self.proof = _application_runs(requests)
        """When an application last ran, and the requests that only a running application makes."""
        since = requests[requests.index(self.proof[-1]) + 1 :] if self.proof else requests  # by order: stamps are whole seconds
        self.fetched = [request for request in since if request.kind in BINARIES]
        """Firmware that was asked for after that."""

    def asked(self, *kinds: str) -> List[Request]:
        """What it asked for since its last boot began."""
        return [request for request in self.requests if request.kind in kinds and request.at >= self.start]

    def lacks(self, request: Request) -> bool:
        """Whether the server does not have a file, or the root does not where the server tells nothing."""
        if request.result in (MISSING, DENIED):
            return True
        return request.result in UNCLEAR and self.scene.lacks(request.name.base) and not request.name.subfolder

    @property
    def protocol(self) -> str:
        """SCCP or MGCP, if all that is asked for is theirs; else empty."""
        requests = self.requests
        kinds = [request.kind for request in requests]
        if any(kind in (*CONFIGS, *PAIR, APP_IMAGE) for kind in kinds):
            return ""
        if any(request.kind == LOADS and "S3" in request.name.base.upper() for request in requests):
            return ""
        if kinds.count(MGC) >= 2 and XMLDEFAULT not in kinds:
            return image.MGCP
        images = [image.of_file(request.name.base) for request in requests if request.kind == LOADER_IMAGE]
        if any(one and one.protocol == image.SCCP for one in images) or SCCP in kinds or (kinds.count(XMLDEFAULT) >= 2 and SEP in kinds):
            return image.SCCP
        return ""

    @property
    def boots(self) -> List[Request]:
        """The requests that its boots began with."""
        first = STARTS[0] if any(request.kind == CTL for request in self.requests) else STARTS[1]
        boots: List[Request] = []
        for request in self.requests:
            if (
                request.kind == first
                and not request.others
                # Files of one boot are asked for within 20 seconds.
                and (not boots or request.at - boots[-1].last >= self.limits.boot_gap or request.at - boots[-1].at > 20)
            ):
                boots.append(request)
        return boots

    @property
    def boot_shown(self) -> bool:
        """Whether the log shows the boot of the application from its start."""
        begin, end = self.proof[0].at - self.limits.flash, self.proof[-1].at
        return any(request.kind in STARTS and begin <= request.at <= end for request in self.requests)


def _application_runs(requests: List[Request]) -> Tuple[float, List[Request]]:
    done, proof = float("-inf"), []
    default: Optional[Request] = None
    began = float("-inf")
    lost = False
    for request in requests:
        kind = request.kind
        if kind in STARTS:
            lost = False
        elif kind in CONFIGS and request.times > PORT_TRIES:
            lost = True  # it got none of its files, and tries the rest in vain
        good = request.times < 3 and not lost and request.result not in LOST
        if kind in (CTL, MGC):
            began, default = request.at, None
        elif kind == SIPDEFAULT and request.at - began >= 10:
            default = request  # the loader asks for it too, if at all, at once
        elif kind == SIP and default and 0 <= request.at - default.at <= 15 and good and request.result not in (MISSING, DENIED):
            done, proof = request.at, [default, request]
        elif kind in PAIR and good and not (request.others and request.at - done > 15):
            proof = [*proof[-2:], request] if request.at - done <= 15 else [request]
            done = request.at
    return done, proof
