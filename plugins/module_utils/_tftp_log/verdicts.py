# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the requests of a phone tell: which story it is, how sure that is, and what to do.

A verdict other than healthy needs something seen that a healthy phone does not do.
"""

from __future__ import annotations

import re
import time
from typing import Any, Collection, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .._phone import image
from .reader import ACKED, DENIED, FAILED, MISSING, REQUEST, SERVED, UNACKED, UNSURE, Said, basename

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

Facts = Dict[str, Any]

_HOUR = 3600.0

SHOWN = 40
EVIDENCE = 4
LONGEST_NAME = 128
_MOST_JUDGED = 500
"""Requests: more are of several phones behind one address."""


class Thresholds(NamedTuple):
    """Seconds and counts that tell one story from another. "Log" is a log of nine phones being moved from SCCP to 8.12."""

    retry_gap: float = 6.0
    """Two requests of one file this close are one: phones retry after 1, 4 and 4 s (log), and stamps are whole seconds."""
    retries: int = 3
    """Requests of one file in a row that are no chance: a lost packet makes two."""
    boot_gap: float = 10.0
    """Two requests of a boot's first file are two boots from here on: 15 s was the least (log), a retry comes sooner."""
    boot: float = 120.0
    """A boot is over: 26 s without, 75 to 112 s with an update (log)."""
    flash: float = 300.0
    """An update may still run: no source says how long it can take; Cisco's advice is not to touch the phone."""
    loop_gap: float = 150.0
    """Boots this close, time and again, are a loop: the loader starts anew after 39 s of retries and 30 to 55 s (log)."""
    loop: int = 4
    """Boots of a loop: an update takes three."""
    reask_least: float = 20.0
    reask_most: float = 45.0
    """An 8.12 without configuration asks for SIP<MAC>.cnf about every 31 s (log)."""
    silent: float = 180.0
    """A phone that is to read OS79XX.TXT and go on has gone on by then (inferred)."""
    slow: float = 3.0
    """Answers this late miss the first two tries."""


# -- names

_CTL, _SEP, _SIP, _MGC, _XMLDEFAULT, LOADS, _LOADER_IMAGE, _APP_IMAGE = "ctl sep sip mgc xmldefault loads sbn sb2".split()
_OS79XX, _SIPDEFAULT, _RINGLIST, _DIALPLAN, _SCCP, _OTHER = "os79xx sipdefault ringlist dialplan sccp other".split()
_ORDER = {
    name: rank
    for rank, name in enumerate(
        (_OS79XX, _CTL, _SEP, _SIPDEFAULT, _SIP, _MGC, _XMLDEFAULT, LOADS, _LOADER_IMAGE, _APP_IMAGE, _RINGLIST, _DIALPLAN, _SCCP, _OTHER)
    )
}
_RANK = {REQUEST: 0, UNACKED: 1, ACKED: 1, MISSING: 2, DENIED: 2, FAILED: 2, UNSURE: 2, SERVED: 3}
IMAGES = (LOADS, _LOADER_IMAGE, _APP_IMAGE)
STARTS = (_CTL, _OS79XX)
NAMING = (_OS79XX, _SEP, _SIPDEFAULT, _SIP, _MGC, _XMLDEFAULT, LOADS)
"""Files that name an image, and those that are asked for with them."""
_PAIR = (_RINGLIST, _DIALPLAN)
"""Asked for at once, with retries of their own."""
_PORT, _GIVEN_UP = 4, 9
"""Requests of a file from one port, and the least that are of three ports: after these, phones ask for the next file (log)."""
_BOTH = 20.0
"""Seconds in which files are of one boot."""
_OF_MAC = re.compile(r"(CTLSEP|SEP|SIP|MGC|GK)([0-9A-F]{12})(\..*)?", re.IGNORECASE)
_HERE = re.compile(r"/(?:\.?/)+")
_PREFIXES = {"CTLSEP": _CTL, "SEP": _SEP, "SIP": _SIP, "MGC": _MGC, "GK": _OTHER}
_PROMPT = (SERVED, MISSING, DENIED)
"""Answers of which a server says at once that it gave them; it gives up after a while."""
_UNTOLD = ("", UNSURE)
"""Results that do not tell whether there is such a file."""
ANSWERS = (SERVED, MISSING, DENIED, FAILED, UNSURE, UNACKED)


class Name(NamedTuple):
    kind: str
    mac: str
    base: str
    folder: str


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def name_of(file: str) -> Name:
    """What a phone asks for when it asks for a file, as text that does a terminal no harm."""
    base = basename(file)
    folder = _plain(file[: len(file) - len(base)][:LONGEST_NAME].replace("\\", "/"))
    base = _plain(base[:LONGEST_NAME])
    while folder.startswith("./"):
        folder = folder[2:].lstrip("/")
    folder = _HERE.sub("/", folder)  # dnsmasq puts what was asked for behind its root
    match = _OF_MAC.fullmatch(base)
    if match:
        return Name(_PREFIXES[match.group(1).upper()], match.group(2).upper(), base, folder)
    lower = base.lower()
    kind = _OTHER
    if lower == "os79xx.txt":
        kind = _OS79XX
    elif lower == "sipdefault.cnf":
        kind = _SIPDEFAULT
    elif lower == "ringlist.dat":
        kind = _RINGLIST
    elif lower == "xmldefault.cnf.xml":
        kind = _XMLDEFAULT
    elif lower.endswith(".loads"):
        kind = LOADS
    elif lower.endswith((".sbn", ".sb2", ".bin")):
        loader = image.recognise(base[:-4])
        if loader:
            kind = _LOADER_IMAGE if loader.protocol in (image.LOADER, image.SCCP) else _APP_IMAGE
    elif "dialplan" in lower and lower.endswith(".xml"):
        kind = _DIALPLAN
    elif lower.startswith(("sccp", "ringlist.xml", "jar", "distinctiveringlist")):
        kind = _SCCP
    return Name(kind, "", base, folder)


class Sight(NamedTuple):
    """What was said, of which name, and its place among all that is said within a second."""

    said: Said
    name: Name
    rank: int


def sight_of(said: Said, name: Name) -> Sight:
    return Sight(said, name, 4 * _ORDER[name.kind] + _RANK.get(said.kind, 2))


# -- judging


class Phone:
    """The last events that are of one phone."""

    def __init__(
        self, key: str, mac: Optional[str], sights: List[Tuple[Optional[float], Sight]], boots: int, first: Optional[float]
    ) -> None:
        self.key = key
        self.mac = mac
        self.sights = sights
        self.boots = boots
        self.first = first
        self.shared: Set[int] = set()
        """Events, by id, that may be of another phone."""
        self.doubts: List[Tuple[float, Sight]] = []
        """Images that were not had by this phone or by another."""

    def add(self, sights: Iterable[Tuple[Optional[float], Sight]], first: Optional[float]) -> None:
        """What came from its address without its MAC."""
        self.sights += sights
        if first is not None and (self.first is None or first < self.first):
            self.first = first

    def may_ask(self, base: str, when: float, before: float, after: float) -> bool:
        """Whether it can have asked for this file of an image then: it is never about two, and an application that runs asks for none."""
        for at, sight in self.sights:
            if at is None or not when - before <= at <= when + after:
                continue
            kind = sight.name.kind
            if (kind in IMAGES and _version(sight.name.base) != _version(base)) or (kind in _PAIR and at < when):
                return False
        return True


def _version(base: str) -> str:
    """What the names of the files of one image have in common."""
    return base[4:].split(".", 1)[0].upper()


def adopt(phones: Collection[Phone], orphans: Iterable[Tuple[Optional[float], Sight]], limits: Thresholds) -> None:
    """Give what was not had to who asked for it, where the log does not say: dnsmasq tells no address then.

    It was a phone that had asked for something just before; for an image, who had read what names one. An image that may be of several
    phones, or of one that was seen with no such file, is none's, and each of them is in doubt.
    """
    known = [(when, sight) for when, sight in orphans if when is not None]
    seconds: Dict[int, List[Phone]] = {}
    readers: Dict[int, List[Phone]] = {}
    for phone in phones if known else ():
        for when, sight in phone.sights:
            if when is not None:
                for by_second in (seconds, readers) if sight.name.kind in NAMING else (seconds,):
                    owners = by_second.setdefault(int(when), [])
                    if not owners or owners[-1] is not phone:
                        owners.append(phone)

    def near(by_second: Dict[int, List[Phone]], when: float, before: float, after: float) -> List[Phone]:
        spans = range(int(when - before), int(when + after) + 1)
        return list({phone.key: phone for second in spans for phone in by_second.get(second, ())}.values())

    adopted: List[Tuple[Phone, float, Sight]] = []
    for when, sight in known:
        if sight.name.kind not in IMAGES:
            # Stamps are whole seconds, and what is sent is logged later.
            owners = near(seconds, when, 2, 1)
            adopted += [(owner, when, sight) for owner in owners if len(owners) == 1]
            continue
        found = near(readers, when, limits.boot_gap, 2)
        owners = [phone for phone in found if phone.may_ask(sight.name.base, when, limits.boot_gap, 2)]
        if len(owners) == 1:
            adopted.append((owners[0], when, sight))
            continue
        for phone in owners or found or near(seconds, when, limits.boot, limits.boot_gap):
            phone.doubts.append((when, sight))
    for owner, when, sight in adopted:
        owner.sights.append((when, sight))
        owner.shared.add(id(sight))


class Scene:
    """What all phones of a log have in common.

    Silence is told up to `end`, the time of the last line: a log that was cut off or is of long ago is silent as well. `now` is when the
    log was read, if that is known: what takes minutes and began longer ago is not under way any more, whatever became of it.
    """

    def __init__(
        self,
        limits: Thresholds,
        end: float,
        answers: bool,
        kinds: Set[str],
        starts: List[float],
        root_files: Optional[Collection[str]],
        now: Optional[float] = None,
    ) -> None:
        self.limits = limits
        self.end = end
        self.now = end if now is None else max(end, now)
        self.answers = answers
        self.kinds = kinds
        self.starts = starts
        self.absent: Set[str] = set()
        """Kinds of files that the server said it does not have."""
        self.wire = False
        """Whether a capture shows what passed the wire."""
        self.root: Optional[Dict[str, str]] = None
        self.root_names: Set[str] = set()
        if root_files is not None:
            self.root_names = {file.lstrip("./") for file in root_files}
            self.root = {basename(file).lower(): basename(file) for file in self.root_names}


class _Ask:
    """One file asked for, retries included, and what came of it."""

    __slots__ = (
        "answer_at", "answers", "asked", "at", "certain", "first_answer", "kind", "last", "line", "line_at", "name", "others", "port",
        "result", "sends", "times",
    )  # fmt: skip

    def __init__(self, when: float, name: Name, line: str, port: Optional[int] = None, certain: bool = True) -> None:
        self.at = self.last = self.line_at = when
        self.name = name
        self.kind = name.kind
        self.line = line
        self.times = 1
        self.port = port
        self.sends = 1
        """Requests from this port."""
        self.asked = False
        """Whether the request itself was logged, rather than its answer alone."""
        self.result = ""
        self.answers = 0
        self.first_answer: Optional[float] = None
        self.answer_at: Optional[float] = None
        self.certain = certain
        self.others = False
        """Whether it may be of another phone at the same address."""


def _in_order(sights: Iterable[Tuple[Optional[float], Sight]]) -> List[Tuple[float, int, int, Sight]]:
    """Events by time, by rank and as they came."""
    return sorted([(when or 0.0, sight.rank, number, sight) for number, (when, sight) in enumerate(sights)])


def _asks(sights: Sequence[Tuple[float, int, int, Sight]], shared: Set[int], limits: Thresholds) -> List[_Ask]:
    """The requests in order, each with what became of it."""
    retry_gap, flash = limits.retry_gap, limits.flash
    asks: List[_Ask] = []
    last: Dict[str, _Ask] = {}
    for when, _rank, _number, sight in sights:
        said, name, _rank = sight
        kind = said.kind
        base = name.base
        if not base:
            _answered(asks, kind, when)
            continue
        ask = last.get(base)
        certain = not (shared and id(sight) in shared)
        if kind == REQUEST:
            if ask and when - ask.last <= retry_gap and not _anew(ask, said):
                if when > ask.last:  # a line that is there twice is one request
                    ask.times += 1
                    ask.last = when
                    ask.sends = ask.sends + 1 if said.port == ask.port else 1
                    ask.port = said.port
                    ask.certain = ask.certain and certain
                continue
            ask = last[base] = _Ask(when, name, said.line, said.port, certain)
            ask.asked = True
            asks.append(ask)
            continue
        if (
            not ask
            or when - ask.last > flash  # a server that logs no requests: what it answers was asked for
            or (ask.result and when - ask.last > retry_gap and kind != ACKED and not (ask.asked and _late(said, name)))
        ):
            ask = last[base] = _Ask(when, name, said.line, certain=certain)
            asks.append(ask)
        elif kind != ACKED and not ask.asked and when > (ask.answer_at if ask.answer_at is not None else when) and when > ask.last:
            ask.times += 1  # no requests logged, and answered again
            ask.last = when
            ask.certain = ask.certain and certain
        if kind != ACKED:
            ask.answers += 1
            ask.answer_at = when
            if ask.first_answer is None:
                ask.first_answer = when
            if ask.result != SERVED:
                ask.result = kind
            ask.line, ask.line_at = said.line, when
            ask.certain = ask.certain and certain
    return asks


def _anew(ask: _Ask, said: Said) -> bool:
    """Whether a request so soon is no retry: the file was had, or it comes from another port before the last had its tries but one."""
    if ask.result == SERVED and (" finished " in ask.line or ask.line.startswith("all of ")):
        return True
    return None not in (ask.port, said.port) and ask.port != said.port and ask.sends < _PORT - 1


def _disown(asks: List[_Ask], phone: Phone) -> None:
    """Mark what other phones at its address may have asked for. What was adopted has no address, and no other owner."""
    names = {sight.name.base for _when, sight in phone.sights if sight.said.address and id(sight) in phone.shared}
    for ask in asks:
        ask.others = not ask.certain and ask.name.base in names


def _answered(asks: List[_Ask], kind: str, when: float) -> None:
    """An answer that does not say of what."""
    if kind == FAILED:
        if asks and not asks[-1].result:
            asks[-1].result, asks[-1].answer_at = kind, when
            asks[-1].answers += 1
        return
    # Its request is not in the log, or behind it: it may be of any that has no answer, and of none.
    for ask in asks[-8:]:
        if not ask.result and when - ask.last <= 2:
            ask.certain = False


def _late(said: Said, name: Name) -> bool:
    """Whether an answer is logged long after the request: images take their time."""
    return name.kind in IMAGES and name.kind != LOADS and said.kind not in (MISSING, DENIED)


class _Verdict(NamedTuple):
    verdict: str
    confidence: str
    advice: str
    evidence: Sequence[_Ask] = ()


def facts_of(phone: Phone, scene: Scene, since: Optional[float]) -> Optional[Facts]:
    """What `tftp_log.Stories.result` says of a phone; None if it asked for nothing since then."""
    if since is not None:
        phone.sights = [one for one in phone.sights if one[0] is None or one[0] >= since]
    sights = _in_order(phone.sights)
    asks = _asks(sights, phone.shared, scene.limits)
    if not asks:
        return None
    known = [when for when, _sight in phone.sights if when is not None]
    doubts = [_Ask(when, sight.name, sight.said.line) for when, sight in phone.doubts]
    if phone.shared:
        _disown(asks, phone)
        doubts += [ask for ask in asks if ask.others and ask.kind in IMAGES and _lacking(ask, scene)]
    verdict = _judge(asks, scene, doubts)
    if not known and verdict.confidence == CERTAIN:
        verdict = verdict._replace(confidence=LIKELY)  # what came first is not known
    return {
        "mac": phone.mac,
        "address": _address(sights) or None,
        "verdict": verdict.verdict,
        "confidence": verdict.confidence,
        "advice": verdict.advice,
        "evidence": [_shown(ask, bool(known)) for ask in verdict.evidence[-EVIDENCE:]],
        "boots": phone.boots or _own_boots(asks),
        "generation": _generation(asks, verdict.verdict),
        "first_seen": phone.first if since is None else min(known, default=None),
        "last_seen": max(known, default=None),
        "timeline": [
            {
                "time": ask.at if known else None,
                "file": ask.name.folder + ask.name.base,
                "result": ask.result or "asked",
                "times": ask.times,
            }
            for ask in asks[-SHOWN:]
        ],
    }


def _address(sights: Sequence[Tuple[float, int, int, Sight]]) -> str:
    """The last address, by time and then as they came."""
    address, latest, place = "", float("-inf"), -1
    for when, _rank, number, sight in reversed(sights):
        if address and when < latest:
            break
        if number > place and sight.said.address:
            address, latest, place = sight.said.address, when, number
    return address


def _own_boots(asks: List[_Ask]) -> int:
    """Boots behind a common address, which tells of no OS79XX.TXT whose it is: each goes on with the phone's own file."""
    boots, begun = 0, False
    for ask in asks:
        if ask.kind == _OS79XX:
            begun = True
        elif begun and ask.kind == _SIP:
            boots, begun = boots + 1, False
    return boots


def _shown(ask: _Ask, dated: bool) -> str:
    line = ask.line if len(ask.line) <= 200 else ask.line[:200] + "..."
    line = _plain(line)
    times = f" ({ask.times} times)" if ask.times > 1 else ""
    try:
        return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(ask.line_at))} {line}{times}" if dated else line + times
    except (ValueError, OverflowError, OSError):
        return line + times


_FIREWALL = (
    "let UDP from all high ports of the TFTP server reach the phone, or load the connection tracking helper for TFTP (nf_conntrack_tftp) "
    "in every firewall between them and bind it to port 69, or move the phone outside the firewall for as long as the update takes; "
    "an empty CTLSEP file does not help"
)
_PATIENCE = "do not touch the phone or its power; look again in five minutes"
_VERBOSE = (
    "turn on -v (tftpd-hpa: -v -v, which also logs what was not found), or capture all of the phone's UDP, as answers come from "
    "other ports than 69 (tcpdump -i any -w phone.pcap udp and host PHONE, on the TFTP host), and look again after the next boot"
)
_UNDER_WAY = "a boot is under way or the log ends here: look again in two minutes"


def _judge(asks: List[_Ask], scene: Scene, doubts: Sequence[_Ask] = ()) -> _Verdict:
    """The first story that fits, surest first."""
    limits, end = scene.limits, scene.end
    asks = asks[-_MOST_JUDGED:]
    start = max((ask.at for ask in asks if ask.kind in STARTS and not ask.others), default=asks[0].at)
    done, proof = _completed(asks)
    for story in (_reasked, _unarrived, _image_fault, _elsewhere, _bare, _stuck_loader):
        verdict = story(asks, scene, start, done)
        if verdict:
            return verdict
    since = asks[asks.index(proof[-1]) + 1 :] if proof else asks  # by order: stamps are whole seconds
    flashes = [ask for ask in since if ask.kind in (_LOADER_IMAGE, _APP_IMAGE)]
    if flashes and end - flashes[-1].at <= limits.flash and not _foreign(asks):
        if scene.now - flashes[-1].at > limits.flash:
            name = flashes[-1].name.base
            advice = f"the log ends with it fetching {name}: look at its screen and what image it runs, and do not cut its power meanwhile"
            return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, flashes)
        if proof and all(ask.others for ask in flashes):
            return _Verdict(CANNOT_TELL, CANNOT_TELL, f"this phone or another at its address is being updated: {_PATIENCE}", flashes)
        sure = CERTAIN if any(ask.result == SERVED and ask.certain for ask in flashes) else LIKELY
        return _Verdict(FLASHING, sure, f"a firmware update is under way: {_PATIENCE}", flashes)
    if done >= start and proof and not flashes:
        return (
            _untaken(asks, scene, start, done)
            or _doubtful(doubts, asks, scene, start, done)
            or _own_missing(asks, scene, start)
            or _astray(asks, scene, start)
            or _unbegun(asks, scene, proof)
            or _restless(asks, scene)
            or _healthy(asks, scene, start, proof)
        )
    for story in (_looping, _unconfigured, _foreign_story, _interrupted):
        verdict = story(asks, scene, start, done)
        if verdict:
            return verdict
    last = asks[-1]
    if end - last.last <= limits.boot:
        under_way = scene.now - last.last <= limits.boot
        advice = _UNDER_WAY if under_way else "the log ends in the middle of its boot: look at the phone's screen, or at a newer log"
        return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, asks[-2:])
    verdict = _doubtful(doubts, asks, scene, start, done) or _silent(asks, scene)
    if verdict:
        return verdict
    if done > float("-inf") and proof:
        advice = f"it was well before, and the log does not show its last boot to an end: {_VERBOSE}"
        return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, asks[-2:])
    advice = "the log does not show how its boot went on" + (f": {_VERBOSE}" if not scene.answers else ": look at the phone's screen")
    return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, asks[-2:])


def _begun(asks: List[_Ask], scene: Scene, proof: List[_Ask]) -> bool:
    """Whether the log shows the boot of an application from its start."""
    return any(ask.kind in STARTS and proof[0].at - scene.limits.flash <= ask.at <= proof[-1].at for ask in asks)


def _unbegun(asks: List[_Ask], scene: Scene, proof: List[_Ask]) -> Optional[_Verdict]:
    """A boot that was not seen from its start on, or not to its end, and of which nothing shows that it went well."""
    limits = scene.limits
    pair = [ask for ask in proof if ask.kind in _PAIR]
    if not any(ask.asked for ask in asks) and not any(ask.kind in (_SIPDEFAULT, _SIP) for ask in asks):
        advice = f"it runs, and the log has no word of its configuration: see that SIPDefault.cnf and its own file are there; {_VERBOSE}"
        return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, proof)
    begun, served = _begun(asks, scene, proof), any(ask.result == SERVED for ask in proof)
    if pair and (begun or served):
        return None
    if pair:
        # No answers in the log: that none was lacking shows in that the phone did not ask again, once it has had the time.
        if any(ask.times == 1 and scene.end - ask.at > limits.retry_gap for ask in pair):
            return None
        advice = f"the log begins in the middle of its boot and does not show that files reach it: {_VERBOSE}"
    elif scene.end - proof[-1].last > limits.boot and (begun or served):
        return None
    elif scene.now - proof[-1].last > limits.boot:
        advice = f"the log shows its boot neither from the start nor to its end: {_VERBOSE}"
    else:
        advice = _UNDER_WAY
    return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, proof)


def _healthy(asks: List[_Ask], scene: Scene, start: float, proof: List[_Ask]) -> _Verdict:
    own = [ask for ask in asks if ask.kind == _SIP and ask.at >= start and _lacking(ask, scene)]
    # A log of files that were sent is silent about those that were not.
    whole = any(ask.asked for ask in asks) or bool(scene.absent)
    # As is one that begins in the middle of a boot about what went before.
    configs = [ask for ask in asks if ask.kind in (_SIPDEFAULT, _SIP) and start <= ask.at <= proof[-1].at]
    whole = whole and len({ask.kind for ask in configs}) == 2 and all(ask.times < scene.limits.retries for ask in configs)
    whole = whole and _begun(asks, scene, proof) and any(ask.kind in _PAIR for ask in proof)
    # Nor do requests alone tell whether the phone has got what it asked for once: a file that is not there looks the same.
    whole = whole and (scene.answers or scene.root is not None)
    whole = whole and not own and all(ask.certain and ask.result not in (FAILED, UNACKED) for ask in asks if ask.at >= start)
    sure = CERTAIN if whole else LIKELY
    return _Verdict(HEALTHY, sure, "nothing to do", proof)


def _lacking(ask: _Ask, scene: Scene) -> bool:
    """Whether the server does not have a file, or the root does not where the server tells nothing."""
    if ask.result in (MISSING, DENIED):
        return True
    return ask.result in _UNTOLD and scene.root is not None and ask.name.base not in scene.root.values() and not _folder(ask.name)


def _untaken(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """An image that the application asked for, and went on without: else it would have booted anew."""
    default = next((ask for ask in reversed(asks) if ask.kind == _SIPDEFAULT and start <= ask.at <= done), None)
    boots = [ask for ask in asks if ask.kind in STARTS and start - 20 < ask.at <= start]
    if not default or len(boots) > 1:  # no boot is as short: the order is not that of the stamps
        return None
    six = any(ask.kind == _OS79XX and ask.at == start for ask in asks)
    wanted = [
        ask
        for ask in asks
        if ask.kind in IMAGES
        and default.at <= ask.at <= done
        and (ask.at > default.at or six or ask.at - start >= 10)  # before that it is the loader that asks
        and (ask.at - default.last <= 15 or ask.kind != LOADS)
        and (ask.asked or ask.result != SERVED or ask.at > default.at)  # that it was sent is logged after all of it was
    ]
    if not wanted or _foreign(asks):
        return None
    if any(default.at < when <= done for when in scene.starts):
        return _Verdict(
            SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its update: reset the phone, and look again", wanted
        )
    name = wanted[-1].name.base
    advice = f"it asked for {name} and went on without: see that the file is there, readable and whole, then reset the phone; {_VERBOSE}"
    return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, wanted)


def _doubtful(doubts: Sequence[_Ask], asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    # What tells where its boot began may not be in the log, and what was sent is logged late.
    until = (done if done >= start else scene.end) + scene.limits.boot_gap
    for ask in doubts:
        if start - scene.limits.boot_gap <= ask.at <= until:
            advice = (
                f"the log says of {ask.name.base} that it was not had, not by whom: see that it is there and readable, "
                "then reset one phone after another"
            )
            return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, [ask, asks[-1]])
    return None


def _own_missing(asks: List[_Ask], scene: Scene, start: float) -> Optional[_Verdict]:
    """An application that runs without its own file: SIPDefault.cnf is optional, this is not."""
    own = next((ask for ask in reversed(asks) if ask.kind == _SIP), None)
    pair = next((ask for ask in reversed(asks) if ask.kind in _PAIR), None)
    # The loader asks for it 23 s before, in no folder: there it need not be. A name without its end is of a line that was cut.
    if not own or not pair or own.at < start or pair.at - own.at > 15 or not own.name.base.lower().endswith(".cnf"):
        return None
    if not _lacking(own, scene):
        return None
    name = own.name.base
    what = f"make {name} readable for the user of the TFTP server" if own.result == DENIED else f"put {name} there"
    advice = f"it runs without {name}, with what SIPDefault.cnf and its memory tell: {what}, then reset the phone"
    return _Verdict(CONFIG_MISSING, LIKELY, _cased(advice, name, scene), [own])


def _astray(asks: List[_Ask], scene: Scene, start: float) -> Optional[_Verdict]:
    """SIPDefault.cnf in a folder, which tftp_cfg_dir of this root does not do, in a log that does not say what is missing."""
    if scene.root is not None or scene.absent:
        return None
    lost = [ask for ask in asks if ask.kind == _SIPDEFAULT and ask.at >= start and _folder(ask.name) and not ask.others]
    if not lost or any(ask.result not in _UNTOLD for ask in lost):
        return None
    folder = _folder(lost[-1].name)
    advice = (
        f"it asks in the folder {folder}, as of another site, and the log does not tell whether that is there: see that it is; {_VERBOSE}"
    )
    return _Verdict(CANNOT_TELL, CANNOT_TELL, advice, lost)


def _completed(asks: List[_Ask]) -> Tuple[float, List[_Ask]]:
    """When an application last ran, and the requests that only a running application makes."""
    done, proof = float("-inf"), []
    default: Optional[_Ask] = None
    began = float("-inf")
    lost = False
    for ask in asks:
        kind = ask.kind
        if kind in STARTS:
            lost = False
        elif kind in (_SIPDEFAULT, _SIP) and ask.times > _PORT:
            lost = True  # it got none of its files, and tries the rest in vain
        good = ask.times < 3 and not lost
        if kind in (_CTL, _MGC):
            began, default = ask.at, None
        elif kind == _SIPDEFAULT and ask.at - began >= 10:
            default = ask  # the loader asks for it too, if at all, at once
        elif kind == _SIP and default and 0 <= ask.at - default.at <= 15 and ask.result not in (MISSING, DENIED, FAILED, UNACKED) and good:
            done, proof = ask.at, [default, ask]
        elif kind in (_RINGLIST, _DIALPLAN) and good and ask.result not in (FAILED, UNACKED) and not (ask.others and ask.at - done > 15):
            proof = [*proof[-2:], ask] if ask.at - done <= 15 else [ask]
            done = ask.at
    return done, proof


def _reasked(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """SIP<MAC>.cnf alone, again and again about every 31 seconds."""
    limits = scene.limits
    run: List[_Ask] = []
    for ask in reversed(asks):
        if ask.kind != _SIP:
            break
        if run and not limits.reask_least <= run[-1].at - ask.at <= limits.reask_most:
            break
        run.append(ask)
    if len(run) < 3:
        return None
    name = run[0].name.base
    results = {ask.result for ask in run}
    if results & {MISSING, DENIED}:
        what = f"put {name} there" if MISSING in results else f"make {name} readable"
        return _Verdict(CONFIG_MISSING, CERTAIN, _cased(f"{name} is asked for again and again and not had: {what}", name, scene), run[::-1])
    advice = f"{name} is asked for about every 31 seconds, as by a phone without configuration: see that it is there, readable, not empty"
    return _Verdict(CONFIG_MISSING, LIKELY, _cased(advice, name, scene), run[::-1])


def _unarrived(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """The same file in the pattern of retries, after all that went well."""
    limits = scene.limits
    retries = min(limits.retries, _PORT + 1)
    if not [ask for ask in asks if ask.times >= retries or ask.result in (UNACKED, FAILED)]:
        return None
    paired = any(ask.kind in _PAIR and ask.times < limits.retries and ask.at >= start for ask in asks)
    stuck = [
        ask
        for ask in asks
        if ask.times >= (_PORT + 1 if ask.kind in _PAIR else limits.retries)
        and ((ask.at >= done and not (ask.kind in _PAIR and paired)) or (ask.at >= start and _given_up(ask)))
        and ask.certain  # else other phones at its address may have asked for it
        and not _interleaved(ask, asks)
    ]
    unacked = [ask for ask in asks if ask.result == UNACKED and ask.at >= done and not ask.others]
    failed = [ask for ask in asks[-8:] if ask.result == FAILED and ask.at > done and not ask.others]
    if failed:
        # A try that the phone gave up for another one fails later. Who has its configuration runs without the rest.
        had = {ask.name.base for ask in asks if ask.result in _PROMPT and ask.at >= start}
        failed = [ask for ask in failed if ask.name.base not in had and not (ask.kind in _PAIR and done >= start)]
    # What came of data shows that data comes, if not always: an image is asked for when the file that names it was read.
    arrived = done > float("-inf") or any((ask.result == SERVED and ask.times < limits.retries) or ask.kind in IMAGES for ask in asks)
    repeated = len(stuck) > 1 or any(ask.times > _PORT for ask in stuck)
    repeated = repeated or len(unacked) > 1
    if (
        unacked
        and not any(ask.result == SERVED and ask.at > unacked[-1].at for ask in asks)
        and (repeated or scene.end - unacked[-1].last > _PORT)  # else it may be on its way
    ):
        sure = CERTAIN if not arrived and repeated else LIKELY
        return _Verdict(DATA_NEVER_ARRIVES, sure, f"the server sends, and the phone acknowledges nothing: {_FIREWALL}", unacked)
    if not stuck:
        if len(failed) >= 2 and failed[-1] is asks[-1]:
            return _Verdict(DATA_NEVER_ARRIVES, LIKELY, f"transfers break off, one after another: {_FIREWALL}", failed)
        return None
    last = stuck[-1]
    later = [ask for ask in asks if ask.at > last.last and ask.name.base != last.name.base and ask.kind not in STARTS]
    if len(later) > 2 and not any(ask.times >= limits.retries for ask in later) and not _given_up(last):
        return None  # it went on after all
    # An answer that is dropped was given at once. What was sent is told at its end: that may be late for the line's sake.
    answered = [ask for ask in stuck if ask.answers and ask.kind not in (_LOADER_IMAGE, _APP_IMAGE)]
    late = [ask for ask in answered if ask.result in _PROMPT and (ask.first_answer or 0.0) - ask.at >= limits.slow]
    if len(late) >= 2 and len(late) == len(answered) and any(ask.result != SERVED for ask in late):
        advice = "answers come seconds after the question: see what slows the TFTP server down, names that it looks up first of all"
        return _Verdict(SERVER_SLOW, LIKELY, advice, answered)
    stuck = [ask for ask in stuck if _given_up(ask) or not _went_on(ask, asks)]
    if not stuck:
        return None
    last = stuck[-1]
    if any(ask.answers for ask in stuck):
        advice = f"the server answers, and the phone asks again and again: {_FIREWALL}"
        proven = not arrived and sum(ask.answers for ask in stuck) > _PORT and any(ask.times > _PORT for ask in stuck)
        return _Verdict(DATA_NEVER_ARRIVES, CERTAIN if proven and repeated else LIKELY, advice, stuck)
    restart = [when for when in scene.starts if stuck[0].at - limits.boot <= when <= last.last + limits.boot]
    if scene.answers:
        if restart and restart[-1] >= last.at:
            return _Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted meanwhile: look again after the next boot", stuck)
        if any(_owed(ask, scene) for ask in stuck):
            advice = "other requests are answered, this phone's are not: see what in the server or its firewall holds back answers to it"
            return _Verdict(SERVER_SILENT, LIKELY, advice, stuck)
    advice = f"the phone asks again and again as if no answer came: {_FIREWALL}; if the server did not answer, see why ({_VERBOSE})"
    return _Verdict(DATA_NEVER_ARRIVES, LIKELY, advice, stuck)


def _given_up(ask: _Ask) -> bool:
    return ask.times >= _GIVEN_UP


def _went_on(ask: _Ask, asks: List[_Ask]) -> bool:
    """Whether the phone asked for another file then: it does so when it got the file, or word that there is none."""
    pair = _PAIR if ask.kind in _PAIR else ()
    return ask.asked and any(one.at > ask.last and one.name.base != ask.name.base and one.kind not in pair for one in asks)


def _interleaved(ask: _Ask, asks: List[_Ask]) -> bool:
    """Whether other files were asked for meanwhile: these are boots, then, and no retries."""
    return ask.asked and any(
        one.asked and ask.at < one.at < ask.last and one is not ask and not {one.kind, ask.kind} <= set(_PAIR) for one in asks
    )


def _owed(ask: _Ask, scene: Scene) -> bool:
    """Whether the log would hold an answer if there had been one: most servers log what they do not have, few what they sent."""
    if scene.wire:
        return True
    if scene.root is not None:
        return ask.name.base not in scene.root.values()
    return ask.kind in (_CTL, _OS79XX, _MGC, _XMLDEFAULT) and ask.kind in scene.absent


def _absolute(folder: str) -> bool:
    return folder.startswith("/") or folder[1:2] == ":"


def _folder(name: Name) -> str:
    """The folder that a phone asks in. A whole path is the server's, and tells none."""
    return "" if _absolute(name.folder) else name.folder.strip("/")


def _cased(advice: str, name: str, scene: Scene) -> str:
    there = scene.root.get(name.lower()) if scene.root else None
    return f"{advice}; the root holds {there}: names count by case" if there and there != name else advice


def _image_fault(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """A firmware file asked for in the last boot that the server does not have."""
    latest: Dict[str, _Ask] = {}
    for ask in asks:
        if ask.kind in IMAGES and ask.at >= start and not (ask.others and _lacking(ask, scene)):
            latest[ask.name.base] = ask
    for ask in latest.values():
        name = ask.name.base
        there = scene.root.get(name.lower()) if scene.root is not None else None
        if ask.result == DENIED:
            return _Verdict(
                IMAGE_UNREADABLE, CERTAIN if ask.certain else LIKELY, f"make {name} readable for the user of the TFTP server", [ask]
            )
        if ask.result == MISSING or (ask.result in _UNTOLD and scene.root is not None and there != name):
            # atftpd says "not found" of what it may not read, too.
            vague = ask.result == MISSING and ask.line.startswith("File ") and ask.line.endswith("not found")
            sure = CERTAIN if ask.result == MISSING and ask.certain and not (vague and scene.root is None) else LIKELY
            if _foreign(asks) == image.SCCP:
                return None
            if there and there != name:
                return _Verdict(IMAGE_WRONG_CASE, sure, f"rename {there} to {name}: names count by case", [ask])
            if there == name and not _folder(ask.name):
                if vague:
                    advice = f"{name} is there and was not found: make it readable for the user of the TFTP server, then reset the phone"
                    return _Verdict(IMAGE_UNREADABLE, LIKELY, advice, [ask])
                if done >= ask.at:
                    return _Verdict(CANNOT_TELL, CANNOT_TELL, f"{name} was not found and is there by now: reset the phone", [ask])
                return None
            other = next((one.name.base for one in asks if one.result == SERVED and one.name.base.lower() == name.lower()), None)
            if other and other != name:
                return _Verdict(IMAGE_WRONG_CASE, LIKELY, f"{other} is there and {name} asked for: names count by case", [ask])
            readable = ", readable for the user of the TFTP server" if vague and scene.root is None else ""
            advice = (
                f"put {name} into the TFTP root{readable}, or correct what names it (image_version, SEP<MAC>.cnf.xml, XMLDefault.cnf.xml, "
                "OS79XX.TXT)"
            )
            return _Verdict(IMAGE_MISSING, sure, advice, [ask])
    return None


def _elsewhere(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """Names in a folder that is not of this root."""
    mine = [ask for ask in asks if ask.at >= start and ask.kind in (_SIP, _SIPDEFAULT) and ask.name.folder and not ask.others]
    if not mine:
        return None
    # Servers that log whole paths show where the root is by what phones ask for in no folder.
    bases = {ask.name.folder for ask in asks if ask.kind in (*STARTS, _SEP, _MGC, _XMLDEFAULT, *IMAGES) and _absolute(ask.name.folder)}
    lost = [
        ask
        for ask in mine
        if (_folder(ask.name) or (bases and _absolute(ask.name.folder) and ask.name.folder not in bases))
        and (ask.result == MISSING or (ask.result in _UNTOLD and scene.root is not None))
        and (scene.root is None or (ask.name.folder + ask.name.base).lstrip("./") not in scene.root_names)
    ]
    if not lost:
        return None
    folder = lost[-1].name.folder.rstrip("/")
    advice = f"it asks in the folder {folder}, as tftp_cfg_dir of another site may tell it: make that folder, or erase the setting"
    return _Verdict(OTHER_ROOT, CERTAIN if lost[-1].result == MISSING and scene.root is not None else LIKELY, advice, lost)


def _boots(asks: List[_Ask], limits: Thresholds) -> List[_Ask]:
    first = _CTL if any(ask.kind == _CTL for ask in asks) else _OS79XX
    boots: List[_Ask] = []
    for ask in asks:
        if (
            ask.kind == first
            and not ask.others
            and (not boots or ask.at - boots[-1].last >= limits.boot_gap or ask.at - boots[-1].at > _BOTH)
        ):
            boots.append(ask)
    return boots


def _looping(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    limits = scene.limits
    boots = [ask for ask in _boots(asks, limits) if ask.at > done]
    run = boots[-1:]
    for ask in reversed(boots[:-1]):
        if run[-1].at - ask.at > limits.loop_gap:
            break
        run.append(ask)
    if len(run) < limits.loop or _foreign(asks):
        return None
    inside = [ask for ask in asks if ask.at >= run[-1].at]
    if any(ask.kind in (LOADS, _LOADER_IMAGE) for ask in inside) or _of_loader(inside):
        advice = (
            "the loader runs and finds no application (Protocol Application Invalid): see that SEP<MAC>.cnf.xml or XMLDefault.cnf.xml "
            "names the load, that its .loads, .sbn and .sb2 are all there, and that DHCP sends option 66 or 150"
        )
        return _Verdict(STUCK_LOADER, LIKELY, advice, run[::-1])
    advice = "it boots again and again: read its screen and status messages, and check image_version, OS79XX.TXT and its power"
    return _Verdict(BOOT_LOOP, LIKELY, advice, run[::-1])


def _restless(asks: List[_Ask], scene: Scene) -> Optional[_Verdict]:
    """Whole boots, one after another up to the end of the log, and more than anybody asks for."""
    limits = scene.limits
    run: List[_Ask] = []
    after = scene.end
    for ask in reversed(_boots(asks, limits)):
        if after - ask.at > limits.loop_gap or not ask.certain:
            break
        run.insert(0, ask)
        after = ask.at
    if len(run) <= limits.loop + 1 or any(ask.kind in (_LOADER_IMAGE, _APP_IMAGE) and ask.at >= run[0].at for ask in asks):
        return None
    advice = "it boots again and again, though it gets all files: read its screen and status messages, and check its power and network"
    return _Verdict(BOOT_LOOP, LIKELY, advice, run)


def _stuck_loader(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """The same image in boot after boot: an update asks for each once."""
    limits = scene.limits
    rounds: Dict[str, List[_Ask]] = {}
    for ask in asks:
        if ask.kind in (_LOADER_IMAGE, _APP_IMAGE) and ask.at > done and not ask.others:
            run = rounds.setdefault(ask.name.base, [])
            began = any(one.kind in STARTS and run[-1].last < one.at <= ask.at for one in asks) if run else True
            if run and (not began or ask.at - run[-1].at > limits.loop_gap):
                run.clear()
            run.append(ask)
    for name, run in rounds.items():
        if len(run) > 2:
            advice = f"the loader asks for {name} in boot after boot: see that it is there, readable, whole and for this phone"
            return _Verdict(STUCK_LOADER, LIKELY, advice, run)
    return None


def _bare(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """Neither of the two configuration files is to be had."""
    default = [ask for ask in asks if ask.kind == _SIPDEFAULT and ask.at >= start]
    own = [ask for ask in asks if ask.kind == _SIP and default and ask.at >= default[-1].at]
    if not own:
        return None
    lacking = (default[-1], own[-1])
    if not all(_lacking(ask, scene) for ask in lacking):
        return None
    sure = CERTAIN if all(ask.result and ask.certain for ask in lacking) else LIKELY
    name = own[-1].name.base
    advice = f"neither SIPDefault.cnf nor {name} is to be had: put them there, readable for the user of the TFTP server"
    return _Verdict(CONFIG_MISSING, sure, _cased(advice, name, scene), lacking)


def _of_loader(asks: List[_Ask]) -> bool:
    return {_SEP, _SIP, _MGC} <= {ask.kind for ask in asks}


def _unconfigured(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    """An application whose own file is not there: it has asked for SIPDefault.cnf first, which the loader does not."""
    default = [ask for ask in asks if ask.kind == _SIPDEFAULT and ask.at >= start]
    own = [ask for ask in asks if ask.kind == _SIP and default and ask.at >= default[-1].at]
    if not own or own[-1].result not in (MISSING, DENIED) or scene.end - own[-1].last <= scene.limits.boot:
        return None
    name = own[-1].name.base
    advice = f"put {name} there" if own[-1].result == MISSING else f"make {name} readable for the user of the TFTP server"
    return _Verdict(CONFIG_MISSING, LIKELY, _cased(advice, name, scene), own)


def _foreign(asks: List[_Ask]) -> str:
    """SCCP or MGCP, if all that is asked for is theirs."""
    kinds = [ask.kind for ask in asks]
    if any(kind in (_SIP, _SIPDEFAULT, _RINGLIST, _DIALPLAN, _APP_IMAGE) for kind in kinds):
        return ""
    if any(kind == LOADS and "S3" in ask.name.base.upper() for kind, ask in zip(kinds, asks)):
        return ""
    if kinds.count(_MGC) >= 2 and _XMLDEFAULT not in kinds:
        return image.MGCP
    found = [image.recognise(ask.name.base.rsplit(".", 1)[0]) for ask in asks if ask.kind == _LOADER_IMAGE]
    if any(one and one.protocol == image.SCCP for one in found) and _SIP not in kinds:
        return image.SCCP
    if _SCCP in kinds or (kinds.count(_XMLDEFAULT) >= 2 and _SEP in kinds):
        return image.SCCP
    return ""


def _foreign_story(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    protocol = _foreign(asks)
    if not protocol:
        return None
    advice = f"it runs {protocol} and not SIP: leave it out, or move it to SIP by way of XMLDefault.cnf.xml or OS79XX.TXT"
    return _Verdict(NOT_OURS, LIKELY, advice, asks[-3:])


def _interrupted(asks: List[_Ask], scene: Scene, start: float, done: float) -> Optional[_Verdict]:
    last = asks[-1]
    if not scene.answers or last.answers or not any(last.at <= when <= last.at + scene.limits.boot for when in scene.starts):
        return None
    if scene.end - last.last <= scene.limits.boot:
        return None
    return _Verdict(SERVER_RESTARTED, LIKELY, "the server was restarted in the middle of its boot: reset the phone, and look again", [last])


def _silent(asks: List[_Ask], scene: Scene) -> Optional[_Verdict]:
    """A phone that has to go on, and of which nothing comes while the log goes on."""
    last = asks[-1]
    if any(0 <= ask.at - last.at + _HOUR <= scene.limits.flash for ask in asks):
        return None  # it may have gone on after the end of summer time
    if last.asked != any(ask.asked for ask in asks):
        return None  # an answer without its request is another phone's
    if last.kind in (_LOADER_IMAGE, _APP_IMAGE) and scene.end - last.last > scene.limits.flash and last.certain:
        if _foreign(asks) or scene.kinds <= {*IMAGES, _OTHER}:
            return None
        advice = (
            f"it fetched {last.name.base} and has asked for nothing since, not even as phones do that start anew: "
            "look at its screen, and cut its power only if that has not changed for ten minutes"
        )
        return _Verdict(FELL_SILENT, LIKELY, advice, [last])
    if last.kind != _OS79XX or not last.certain or scene.end - last.last < scene.limits.silent or scene.kinds <= {_OS79XX, _OTHER}:
        return None
    advice = "it read OS79XX.TXT and asked for nothing more: check the name in it (no blank, no carriage return), then the phone's screen"
    return _Verdict(FELL_SILENT, LIKELY, advice, [last])


def _generation(asks: List[_Ask], verdict: str) -> str:
    if verdict == NOT_OURS:
        return _foreign(asks)
    runs = begun = False
    for ask in reversed(asks):
        name = ask.name
        runs = runs or name.kind in _PAIR
        if name.kind == _OS79XX:
            if begun:
                break
            return "6.x or older"
        if name.kind in IMAGES:
            found = image.recognise(name.base.rsplit(".", 1)[0])
            if found and found.protocol in (image.SIP, image.LOADER):
                return f"{found.generation}.x"
        if name.kind == _MGC and not runs:
            return image.LOADER
        begun = begun or (runs and name.kind in (_CTL, _MGC))  # of what was before that, an image may be what runs
    return "7.x or 8.x" if any(ask.kind in (_CTL, _SIP, _SIPDEFAULT, _RINGLIST, _DIALPLAN) for ask in asks) else "unknown"
