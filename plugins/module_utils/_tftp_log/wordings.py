# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What TFTP servers write: the wording of each message, and what it means.

tftpd-hpa, atftpd and dnsmasq from their sources and real logs, RHEL's tftpd-hpa and the Python server from real logs, Tftpd32 from logs
in forums, SoftPerfect from its manual; tftpd of FreeBSD (macOS and pfSense too) and tcpdump from their sources, netkit's tftpd behind tcpd
from logs in forums, Cisco IOS from `debug tftp` in the Unified CME administrator guide.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional, Tuple

from .events import ACKED, CONNECTION, DENIED, FAILED, MISSING, REQUEST, SERVED, SERVER_START, UNSURE, USELESS, Meaning, error_kind
from .names import LOADS, OTHER, SCCP, is_of_image, name_of

_ADDRESS = r"\[?(?P<a>[0-9A-Fa-f:.]*[0-9A-Fa-f][0-9A-Fa-f:.]*(?:%\w+)?)\]?"
_HOST = r"(?P<a>\S+?)"
_PORT = r"(?P<p>[0-9]{1,5})"

_BY_CODE = "by code"
_HPA, _ATFTPD, _DNSMASQ, _PYTHON, _TFTPD32 = "tftpd-hpa", "atftpd", "dnsmasq", "Python", "Tftpd32"
_SOFTPERFECT, _BSD, _NETKIT, _IOS, _TCPDUMP = "SoftPerfect", "BSD tftpd", "netkit tftpd", "Cisco IOS", "tcpdump"
_WIRE = r" +(?:TFTP, length )?[0-9]+,?"
_WORDINGS = tuple(
    (server, kind, re.compile(pattern))
    for server, kind, pattern in (
        (_HPA, REQUEST, rf"RRQ from {_HOST} filename (?P<f>.*?)(?: remapped to .*)?$"),
        (_HPA, SERVED, rf"Client {_HOST} finished (?P<f>.+)$"),
        (_HPA, MISSING, rf"Client {_HOST} File not found (?P<f>.+)$"),
        (_HPA, DENIED, rf"Client {_HOST} (?:Permission denied|Access violation|Only absolute filenames allowed) (?P<f>.+)$"),
        (_HPA, FAILED, rf"Client {_HOST} (?i:timed out|time-?out|aborted)(?: (?P<f>.+))?$"),
        (_NETKIT, CONNECTION, rf"connect from (?:\S+ \()?{_ADDRESS}\)?$"),
        (_NETKIT, REQUEST, r"tftpd: trying to get file: (?P<f>.+)$"),
        (_NETKIT, USELESS, r"tftpd: serving file from "),
        (_NETKIT, _BY_CODE, rf"tftpd: sending NAK \((?P<c>[0-9]+), (?P<m>.*)\) to {_HOST}$"),
        (_HPA, _BY_CODE, rf"sending NAK \((?P<c>[0-9]+), (?P<m>.*)\) to {_HOST}$"),
        (_HPA, FAILED, r"tftpd: (?:read|write)(?:\(ack\))?: (?P<m>.*)$"),
        (_HPA, USELESS, r"tftp: client does not accept options|WRQ from |(?:START|EXIT): tftp "),
        (_ATFTPD, REQUEST, rf"Serving (?P<f>.+) to (?P<a>\S+):{_PORT}$"),
        (_ATFTPD, MISSING, r"File (?P<f>.+) not found$"),
        (_ATFTPD, SERVED, r"End of transfer"),
        (_ATFTPD, FAILED, rf"client \({_HOST}\) not responding"),
        (_ATFTPD, FAILED, r"(?:tftpd: )?[Aa]bort(?:ing|ed)?\b|received ERROR <"),
        (_ATFTPD, _BY_CODE, r"sent ERROR <code: (?P<c>[0-9]+), msg: (?P<m>.*)>"),
        (
            _ATFTPD,
            USELESS,
            r"Creating new socket|timeout(?: block [0-9]+)?: retrying|received (?:RRQ|ACK|OACK) |sent (?:DATA|OACK) |Server thread exiting"
            r"|socket may listen|will do netascii|blksize|tsize|Fetching from |(?:[Oo]ption|timeout option) "
            r"|window block |SIGTERM received|atftpd terminating|Main thread exiting|tftpd\w*\.c: ",
        ),
        (_DNSMASQ, SERVED, rf"(?:TFTP )?sent (?P<f>.+) to {_ADDRESS}$"),
        (_DNSMASQ, FAILED, rf"(?:TFTP )?(?:failed|timeout) sending (?P<f>.+) to {_ADDRESS}$"),
        (_DNSMASQ, MISSING, rf"(?:TFTP )?file (?P<f>.+?) not found(?: for {_ADDRESS})?$"),
        (_DNSMASQ, DENIED, r"(?:TFTP )?cannot (?:access|read) (?P<f>.+?): .*$"),
        (_DNSMASQ, FAILED, rf"(?:TFTP )?error [0-9]+ .*received from {_ADDRESS}$"),
        (_DNSMASQ, SERVER_START, r"TFTP root is "),
        (_PYTHON, REQUEST, rf"'(?P<f>.+)' of type '\w+' is requested from (?P<a>\S+):{_PORT}$"),
        (_PYTHON, UNSURE, r"\W*Transfer of '(?P<f>.+)' finished"),
        (_PYTHON, FAILED, r"\W*Transfer of '(?P<f>.+)' (?:has )?(?:failed|timed out|aborted)"),
        (_TFTPD32, CONNECTION, rf"Connection received from {_HOST} on port {_PORT}"),
        (_TFTPD32, REQUEST, r"Read request for file <(?P<f>.+?)>"),
        (_TFTPD32, SERVED, r"<(?P<f>.+?)>: sent [0-9]+ blk"),
        (_TFTPD32, DENIED, r"File <(?P<f>.+?)> ?: error (?:5|32) in system call"),
        (_TFTPD32, MISSING, r"File <(?P<f>.+?)> ?: error [0-9]+ in system call"),
        (_TFTPD32, FAILED, r"Peer returns ERROR|TIMEOUT (?:waiting|while)"),
        (_TFTPD32, USELESS, r"Using local port|OACK: |[0-9]* ?Request [0-9]+ not processed|Rcvd DHCP|DHCP: |Previously allocated"),
        (_SOFTPERFECT, SERVED, rf"\[\w+\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] Transfer complete"),
        (_SOFTPERFECT, MISSING, rf"\[\w+\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] .*not (?:found|exist)"),
        (_SOFTPERFECT, FAILED, rf"\[(?:ERROR|WARN)\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] "),
        (_SOFTPERFECT, REQUEST, rf"\[\w+\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] "),
        (_BSD, SERVED, rf"{_HOST}: read request for (?P<f>.+): success$"),
        (_BSD, MISSING, rf"{_HOST}: read request for (?P<f>.+): File not found$"),
        (_BSD, DENIED, rf"{_HOST}: read request for (?P<f>.+): [A-Z][^:]*$"),
        (_BSD, USELESS, r"Filename: '|Mode: '|Sent [0-9]+ (?:bytes|octets) "),
        (_IOS, CONNECTION, rf"TFTP: read request from host {_HOST}\({_PORT}\)"),
        (_IOS, REQUEST, r"TFTP: Looking for (?P<f>.+)$"),
        (_IOS, _BY_CODE, r"TFTP: Sending error (?P<c>[0-9]+) ?(?P<m>.*)$"),
        (_IOS, SERVED, r"TFTP: Finished (?:\w+:/?)?(?P<f>.+?), time "),
        (_IOS, USELESS, r"TFTP: (?:Server request|Opened|Sending block|Received ACK|Skip|Closed)"),
        (_TCPDUMP, REQUEST, rf'(?:IP6? )?{_HOST}\.{_PORT} > \S+\.(?:69|tftp):{_WIRE} RRQ "(?P<f>[^"]*)"'),
        (_TCPDUMP, _BY_CODE, rf"(?:IP6? )?\S+ > {_HOST}\.{_PORT}:{_WIRE} (?P<c>)ERROR (?P<m>.*)$"),
        (_TCPDUMP, ACKED, rf"(?:IP6? )?{_HOST}\.{_PORT} > \S+: +(?:(?:TFTP, length )?4,? ACK|(?:UDP, length|udp) 4$)"),
        (_TCPDUMP, USELESS, rf"(?:IP6? )?\S+ > \S+:(?:{_WIRE} (?:DATA|OACK|ACK) | +(?:UDP, length|udp) )"),
        (
            "",
            SERVER_START,
            r"Advanced Trivial FTP server started|(?:Started|Starting) .*(?i:tftp)|started, version .*TFTP|.*(?i:tftp server .*started)",
        ),
    )
)
_SHAPE_PATH = re.compile(r"(?:^|[\s»«\"'(])(?P<f>(?:/|\./)[^\s»«\"']*[^\s»«\"'.,:])")
_SHAPE_ADDRESS = re.compile(
    r"(?<![0-9A-Fa-f:./])((?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(?!(?!_[\u10a0-\u10ff])[\w/])"
)
_SHAPE_ENDING = re.compile(r"[-_][\u10a0-\u10ff]+$")
"""Georgian puts endings behind names."""
_SHAPE_CAUSE = re.compile(r"[^:]*:\s+\S")
_NOT_FOUND = re.compile(
    "not found|nicht gefunden|introuvable|trouvé|encontrad|trovat|znalezi|найден|ditemukan|funnet|bulunamad|găsit|hitta|löytyny|ვერ ვიპოვე",
    re.I,
)
_NOT_SENT = re.compile(
    "fehl|konnte|nicht|échec|echec|impossible|fall|falh|erro|nie |не |gagal|feil|mislyk|misslyck|hata|eroare|ei |überschreitung|time-?out"
    "|błąd|pudo|délai|შეცდომა",
    re.I,
)
_SENT = re.compile(
    "verschickt|gesendet|envi|envoy|przesłano|wysłan|inviat|skick|sendt|trimis|lähet|terkirim|отправлен|gönderil|გაგზავნილია", re.I
)
REPEATED = re.compile(r"message repeated [0-9]+ times: \[ ?(.*?)\]?$")

_ANY = re.compile("|".join(f"({re.sub('[?]P<[a-z]>', '?:', pattern.pattern)})" for _server, _kind, pattern in _WORDINGS))
"""All wordings at once: the first that fits is the number of its only group."""

_TFTP_DAEMON = re.compile(r"tftp|^(?:dnsmasq(?!-(?:dhcp|script))|x?inetd|udpsvd|busybox)", re.I)
_TFTP_ONLY = re.compile(
    r"RRQ from \S+ filename |WRQ from |sending NAK \([0-9]+, |tftpd\w*(?:\.c)?: |tftp: |(?:START|EXIT): tftp "
    r"|'.+' of type '\w+' is requested |Read request for file <|<.+?>: sent [0-9]+ blk|File <.+?> ?: error [0-9]+ in system call|TFTP "
    r"|(?:IP6? )?\S+ > \S+: |(?i:.*tftp server|.*\btftp daemon)"
    r"|Advanced Trivial FTP server|(?:Started|Starting) .*(?i:tftp)|started, version .*TFTP"
)
"""What nobody else writes."""
_WHOLE = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?![0-9.]+$)[\w.:%-]+|")
"""An address, whole: no line that was cut within it, or is damaged there, tells of a phone."""


def _of_tftp(server: str, message: str, daemon: str, file: str) -> bool:
    """Whether it was a TFTP server that wrote a message: other daemons use some of the words as well."""
    if not daemon or _TFTP_DAEMON.search(daemon) or (server == _PYTHON and daemon.startswith("python")):
        return True
    name = name_of(file)
    return bool(_TFTP_ONLY.match(message) or name.mac or name.kind not in (LOADS, SCCP, OTHER) or is_of_image(file))


@lru_cache(1 << 12)
def understand(message: str, daemon: str = "") -> Tuple[str, Optional[Meaning]]:
    """The server that wrote a message and what it says; None if no TFTP server wrote it."""
    repeated = REPEATED.match(message) if message.startswith("message") else None
    if repeated:
        message = repeated.group(1)
    first = _ANY.match(message)
    for server, kind, pattern in _WORDINGS[(first.lastindex or 1) - 1 :] if first else ():
        match = pattern.match(message)
        if not match:
            continue
        if server == _ATFTPD and kind == MISSING and daemon.startswith("dnsmasq"):
            continue
        parts = match.groupdict()
        address, port = endpoint(parts.get("a") or "")
        if not _WHOLE.fullmatch(address) or not _of_tftp(server, message, daemon, parts.get("f") or ""):
            continue
        if parts.get("p"):
            port = int(parts["p"])
        if kind == _BY_CODE:
            kind = error_kind(int(parts["c"][:5] or 0), parts.get("m") or "")
        return server, Meaning(kind, address, port, parts.get("f") or "", message, server == _BSD)
    if daemon.startswith("dnsmasq-tftp"):
        meaning = _by_shape(message)
        if meaning:
            return _DNSMASQ, meaning
    return "", None


def _by_shape(message: str) -> Optional[Meaning]:
    """dnsmasq in another language; its words are in its po folder. A line that was cut before it says what happened tells nothing."""
    path, place = _SHAPE_PATH.search(message), _SHAPE_ADDRESS.search(message)
    file = _SHAPE_ENDING.sub("", path.group("f")) if path else ""
    address = endpoint(place.group(1))[0] if place else ""
    if not path:
        return Meaning(FAILED, address, None, "", message) if place else None
    if _SHAPE_CAUSE.match(message, path.end()):
        return Meaning(DENIED, "", None, file, message)
    if _NOT_FOUND.search(message, path.end()):
        return Meaning(MISSING, address, None, file, message)
    if not place or (path.start("f") == 0 and place.end() == len(message)):
        return None
    words = message.replace(file, "")
    return Meaning(FAILED if _NOT_SENT.search(words) else SERVED if _SENT.search(words) else UNSURE, address, None, file, message)


def endpoint(text: str) -> Tuple[str, Optional[int]]:
    """An address as servers spell it, and its port if it is there: 10.0.0.1:2000, [fe80::1]:2000, ::ffff:10.0.0.1."""
    if ":" not in text and "[" not in text:
        return text.rstrip(",;"), None
    port = ""
    if text.startswith("["):
        text, _rest, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        text, port = text.split(":")
    if text[:7].lower() == "::ffff:" and "." in text:
        text = text[7:]
    return text.rstrip(",;"), int(port) if port.isdigit() and len(port) < 6 else None
