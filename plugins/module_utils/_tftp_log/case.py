# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One phone as its log shows it: its boots, whether its application runs, and what it asked for in vain. All rules look at that."""

from __future__ import annotations

from functools import lru_cache
from typing import List, Optional, Sequence, Tuple

from .._phone import boot as model
from .._phone import image
from .._phone.view import OS79XX as OS79XX_TXT
from .._phone.view import View
from .events import DENIED, FAILED, MISSING, SERVED, UNACKED, UNSURE
from .names import (
    APP_IMAGE,
    BINARIES,
    CONFIGS,
    CTL,
    IMAGES,
    LOADS,
    MGC,
    OPTIONAL,
    OS79XX,
    PAIR,
    SCCP,
    SEP,
    SIP,
    SIPDEFAULT,
    STARTS,
    XMLDEFAULT,
)
from .requests import PORT_TRIES, Request
from .scene import Scene

UNCLEAR = ("", UNSURE)
"""Results that do not tell whether there is such a file."""
LOST = (FAILED, UNACKED)
"""Results of transfers of which nothing arrived, or not all."""
_MOST_JUDGED = 500
"""Requests: more are of several phones behind one address."""
_SAME_BOOT = 20.0
"""Files that a boot begins with are asked for within so many seconds."""
_CONFIGURED = 30.0
"""Seconds after its configuration from which on a phone that asks for SIPDefault.cnf boots anew: its loader asks for it 23 s before."""
_MAC = "0" * 12


class Case:
    """One phone: what it asked for, and what its log, its server and its TFTP root tell as a whole. Times are in seconds since 1970."""

    def __init__(self, requests: List[Request], scene: Scene) -> None:
        self.scene = scene
        self.limits = scene.limits
        self.doubts = [request for request in requests if request.others and request.kind in IMAGES and self.lacks(request)]
        """Images that this or another phone did not get."""
        self.requests = requests = requests[-_MOST_JUDGED:]
        self.last = requests[-1]
        self.boots = _boots_of(requests, self.limits.boot_gap)
        self.boot = self.boots[-1]
        """The last boot, and all after it."""
        self.start = self.boot[0].at
        self.done, self.proof = _application_runs(requests)
        """When an application last ran, and the requests that only a running application makes."""
        after = requests[requests.index(self.proof[-1]) + 1 :] if self.proof else requests  # by order: stamps are whole seconds
        loads = after if self.proof and self.proof[-1].kind == SIP else ()
        self.fetched = [
            request
            for request in after
            if request.kind in BINARIES or (request.kind == LOADS and request in loads and request.at > self.done)
        ]
        """Firmware that was asked for after that."""
        self.runs = self.done >= self.start and not self.fetched
        """Whether its application ran after its last boot began, and nothing was fetched since."""

    @staticmethod
    def requests_run(boot: Sequence[Request]) -> bool:
        """Whether an application ran in the end of a boot."""
        return bool(_application_runs(list(boot))[1])

    def asked(self, *kinds: str) -> List[Request]:
        """What it asked for since its last boot began."""
        return [request for request in self.boot if request.kind in kinds]

    def lacks(self, request: Request) -> bool:
        """Whether the server does not have a file, or the root does not where the server tells nothing."""
        if request.result in (MISSING, DENIED):
            return True
        return request.result in UNCLEAR and self.scene.lacks(request.name.base) and not request.name.subfolder

    def has(self, request: Request) -> bool:
        """Whether it is known that the server had a file and sent it."""
        if request.result == SERVED:
            return True
        return request.result == UNSURE and self.scene.root_known and not self.lacks(request)

    @property
    def protocol(self) -> str:
        """SCCP or MGCP, if all that is asked for is theirs; else empty."""
        requests = self.requests
        kinds = {request.kind for request in requests}
        if kinds & {*CONFIGS, *PAIR, APP_IMAGE}:
            return ""
        images = [image.of_file(request.name.base) for request in requests if request.kind in IMAGES]
        if any(one and one.protocol == image.SIP for one in images):
            return ""
        count = [request.kind for request in requests].count
        if count(MGC) >= 2 and XMLDEFAULT not in kinds:
            return image.MGCP
        if any(one and one.protocol == image.SCCP for one in images) or SCCP in kinds or (count(XMLDEFAULT) >= 2 and SEP in kinds):
            return image.SCCP
        # A SIP phone goes on: 6.x never asks for SEP<MAC>.cnf.xml, later ones ask for SIPDefault.cnf within half a minute.
        sep = [request for request in requests if request.kind == SEP and not self.lacks(request)]
        alone = self.sep_alone and all(self.has(one) or (one.logged and not one.result and self.scene.absent) for one in sep)
        return image.SCCP if alone and sep else ""

    @property
    def sep_alone(self) -> bool:
        """Whether it asks for SEP<MAC>.cnf.xml, again and again, and for nothing that it may name."""
        sep = [request for request in self.requests if request.kind == SEP]
        alone = {request.kind for request in self.requests} <= {SEP, CTL, OS79XX}
        alone = alone and len(sep) >= 2 and all(request.times < self.limits.retries for request in self.requests)
        return alone and sep[-1].at - sep[0].at > _CONFIGURED and not any(self.lacks(one) for one in sep)

    @property
    def start_shown(self) -> bool:
        """Whether the last boot is shown from its first file on, or from its second. What begins with the log may be the rest of a boot."""
        if any(request.kind in (*STARTS, SEP) for request in self.boot[:4]):
            return True
        begin = self.scene.begin
        return len(self.boots) > 1 or begin is None or self.start - begin > self.limits.boot

    @property
    def whole(self) -> bool:
        """Whether the log shows the last boot whole: all requests that the model has for such a boot, and an answer to each."""
        boot = [request for request in self.boot if request.at <= self.proof[-1].at or request is self.proof[-1]]
        files = tuple((self._model_name(request), request.result == MISSING) for request in boot)
        begins = {name for name, _missing in files}
        generation = 8 if begins & {f"CTLSEP{_MAC}.TLV", f"SEP{_MAC}.CNF.XML"} else 6 if "OS79XX.TXT" in begins else 7
        return (
            self.start_shown
            and any(request.kind in PAIR for request in self.proof)
            and all(self._is_answered(request) for request in boot)
            and (bool(self.scene.absent) or any(request.logged for request in boot) or generation == 7)
            and _fits_model(generation, files)
        )

    def _is_answered(self, request: Request) -> bool:
        default = next((one.at for one in reversed(self.boot) if one.kind == SIPDEFAULT), 0.0)
        optional = request.kind in OPTIONAL or (request.kind == SIP and request.at < default)
        missing = request.result == MISSING or (request.result == UNSURE and self.scene.root_known)
        answered = self.has(request) or (missing and optional)
        return answered and request.mine and request.times < self.limits.retries

    @staticmethod
    def _model_name(request: Request) -> str:
        return request.name.base.upper().replace(request.name.mac, _MAC) if request.name.mac else request.name.base


def _boots_of(requests: Sequence[Request], gap: float) -> List[List[Request]]:
    """The requests by boots: each begins with CTLSEP<MAC>.tlv or OS79XX.TXT, or with SIPDefault.cnf or SEP<MAC>.cnf.xml after another."""
    boots: List[List[Request]] = []
    start: Optional[Request] = None
    configured: Optional[Request] = None
    for request in requests:
        begins = not boots
        if request.kind in STARTS and not request.others:
            # Phones with SCCP ask for both files in one boot.
            begins = begins or not start or request.at - start.last >= gap or request.at - start.at > _SAME_BOOT
            begins = begins and not (start and start.kind != request.kind and request.at - start.at <= _SAME_BOOT)
            # A restart with another image is one, however soon.
            begins = begins or (request.at > boots[-1][-1].at and any(one.kind in BINARIES for one in boots[-1]))
            start = request if begins or not start else start
        elif request.kind in (SIPDEFAULT, SEP) and configured and not request.others and (request.logged or request.result not in LOST):
            begins = request.at - configured.last > _CONFIGURED or (configured.kind in PAIR and request.at - configured.last >= gap)
            start = None if begins else start
        if begins:
            boots.append([])
            configured = None
        boots[-1].append(request)
        if request.kind in PAIR or (request.kind == SIP and any(one.kind == SIPDEFAULT for one in boots[-1])):
            configured = request
        elif request.kind in BINARIES:
            configured = None
    return boots


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


@lru_cache(1 << 10)
def _fits_model(generation: int, files: Tuple[Tuple[str, bool], ...]) -> bool:
    """Whether a phone of that generation asks for no other files than these, each with whether it is missing, before it runs."""
    missing = {name for name, is_missing in files if is_missing}
    view = View(lambda name: None if name in missing or name == OS79XX_TXT else b"", lambda asked: asked.files)
    names = iter(name.upper() for name, _missing in files)
    expected = model.Boots(view).of(model.Phone(_MAC, generation=generation)).requests
    return all(any(request.file.upper() == name for name in names) for request in expected if request.sure)
