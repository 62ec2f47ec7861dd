# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What TFTP servers write into their logs, and what captures of their port show, as plain events.

Wordings: tftpd-hpa, atftpd and dnsmasq from their sources and real logs, RHEL's tftpd-hpa and the Python server from real logs,
Tftpd32 from logs in forums, SoftPerfect from its manual; SolarWinds, WinAgents and Open TFTP Server from memory.
"""

from __future__ import annotations

import errno
import gzip
import ipaddress
import json
import os
import re
import struct
import time
import zlib
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Pattern, Tuple, Union, cast

REQUEST, SERVED, MISSING, DENIED, FAILED = "request", "served", "missing", "denied", "failed"
UNSURE = "unsure"
"""The server says it is done, which some say of failed transfers too."""
SERVER_START = "server_start"
ACKED, UNACKED = "acked", "data_unacked"

LONGEST = 1 << 14
"""Bytes of a line that are looked at."""
BLOCK = 1 << 16
MOST = 1 << 17
"""Messages, stamps, processes or transfers that are remembered at once."""

_DAY = 86400.0
_PROMPT, _LASTS = 2.0, 300.0
"""Seconds between lines that belong together, at most, and those that a transfer may take."""
_MOST_OPEN = 64
_GZIP = b"\x1f\x8b"
_LINE = 1 << 12
"""Bytes within which a line usually ends."""
_NOTHING = ""
"""Kind of a message that is known and says nothing of use."""


class Event(NamedTuple):
    """One thing seen. `time` is None where the line has none; `line` is the message without its envelope."""

    time: Optional[float]
    kind: str
    address: str
    port: Optional[int]
    file: str
    line: str


class Said(NamedTuple):
    """What one message says, whenever it is said."""

    kind: str
    address: str
    port: Optional[int]
    file: str
    line: str


class Stats:
    """What was read: lines, those among them of no TFTP server, and the servers that wrote the others."""

    def __init__(self) -> None:
        self.lines = 0
        self.unknown = 0
        self.servers: Dict[str, None] = {}

    def found(self, server: str) -> None:
        if len(self.servers) < 8:
            self.servers[server] = None

    def skip(self, others: int) -> None:
        """Count lines of others."""
        self.lines += others
        self.unknown += others

    @property
    def server(self) -> str:
        return ", ".join(self.servers)


# -- files


class Place:
    """Whole lines in a log. They are read when they are wanted, and may be more than once."""

    __slots__ = ("begin", "length", "log")

    def __init__(self, log: Log, begin: int, length: int) -> None:
        self.log = log
        self.begin = begin
        self.length = length

    def read(self) -> bytes:
        """Raises OSError, also if these are seen to be no whole lines any more."""
        text = self.log.read(self.begin, self.length)
        if len(text) != self.length or not text.endswith(b"\n"):
            raise self.gone()
        return text

    def gone(self) -> OSError:
        """The error to raise if other lines stand there by now."""
        return OSError(errno.ESTALE, "was cut or written anew while it was read; look again", self.log.path)


def text_of(block: Union[bytes, Place]) -> bytes:
    """Raises OSError."""
    return block.read() if isinstance(block, Place) else block


class Log:
    """A log, gzipped or not. Raises OSError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = open(path, "rb")  # noqa: SIM115

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_args: object) -> None:
        self._file.close()

    def read(self, begin: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, begin)

    def blocks(self) -> Iterator[Union[bytes, Place]]:
        """Blocks of whole lines, the last one ended if need be. A line without end is cut."""
        if self._file.read(2) == _GZIP:
            self._file.seek(0)
            yield from _unread(cast("IO[bytes]", gzip.GzipFile(fileobj=self._file)), True)
            return
        at = 0
        rest = self._rest(BLOCK)
        while rest:
            yield Place(self, at, BLOCK + rest)
            at += BLOCK + rest
            rest = self._rest(at + BLOCK)
        # The last block, or an endless line.
        self._file.seek(at)
        yield from _unread(self._file, False)

    def _rest(self, at: int) -> int:
        """The length of a line from there on, 0 if it has no end."""
        for most in (_LINE, LONGEST):
            end = self.read(at, most).find(b"\n") + 1
            if end:
                return end
        return 0


def _unread(file: IO[bytes], packed: bool) -> Iterator[bytes]:
    """Blocks of whole lines of what comes next."""
    while True:
        text = _read(file.read, BLOCK, packed)
        if not text.endswith(b"\n"):
            text += _read(file.readline, LONGEST, packed)
        if not text:
            return
        whole = text.rfind(b"\n") + 1
        if whole:
            yield text[:whole]
        if whole < len(text):
            yield text[whole:][:LONGEST] + b"\n"
            while _read(file.readline, BLOCK, packed)[-1:] not in (b"", b"\n"):
                pass  # the rest of an endless line


def _read(read: Callable[[int], bytes], most: int, packed: bool) -> bytes:
    try:
        return read(most)
    except (EOFError, OSError, zlib.error) as error:
        if not packed or getattr(error, "errno", None):
            raise
        return b""  # a gzip file that is still being written, or broken: what came before counts


def open_log(path: str) -> Iterator[bytes]:
    """The lines of a log, gzipped or not, each cut at a bound. Raises OSError."""
    with Log(path) as log:
        for block in log.blocks():
            yield from text_of(block).split(b"\n")[:-1]


def is_capture(path: str) -> bool:
    """Whether a file is a pcap or pcapng capture. Raises OSError."""
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic[:2] == _GZIP:
            file.seek(0)
            try:
                magic = gzip.GzipFile(fileobj=file).read(4)
            except (EOFError, OSError, zlib.error):
                return False
    return magic in _CLASSIC or magic == _SECTION


# -- messages

_ADDRESS = r"\[?(?P<a>[0-9A-Fa-f:.]*[0-9A-Fa-f][0-9A-Fa-f:.]*(?:%\w+)?)\]?"
_HOST = r"(?P<a>\S+?)"
_PORT = r"(?P<p>[0-9]{1,5})"


class _Wording(NamedTuple):
    server: str
    kind: str
    pattern: Pattern[str]


def _wording(server: str, kind: str, pattern: str) -> _Wording:
    return _Wording(server, kind, re.compile(pattern))


_BY_CODE = "by code"
_HPA, _ATFTPD, _DNSMASQ, _PYTHON, _TFTPD32 = "tftpd-hpa", "atftpd", "dnsmasq", "Python", "Tftpd32"
_SOFTPERFECT, _SOLARWINDS, _OPEN = "SoftPerfect", "SolarWinds", "Open TFTP Server"
_WORDINGS = (
    _wording(_HPA, REQUEST, rf"RRQ from {_HOST} filename (?P<f>.*?)(?: remapped to .*)?$"),
    _wording(_HPA, SERVED, rf"Client {_HOST} finished (?P<f>.+)$"),
    _wording(_HPA, MISSING, rf"Client {_HOST} File not found (?P<f>.+)$"),
    _wording(_HPA, DENIED, rf"Client {_HOST} (?:Permission denied|Access violation|Only absolute filenames allowed) (?P<f>.+)$"),
    _wording(_HPA, FAILED, rf"Client {_HOST} (?i:timed out|time-?out|aborted)(?: (?P<f>.+))?$"),
    _wording(_HPA, _BY_CODE, rf"sending NAK \((?P<c>[0-9]+), (?P<m>.*)\) to {_HOST}$"),
    _wording(_HPA, FAILED, r"tftpd: (?:read|write)(?:\(ack\))?: (?P<m>.*)$"),
    _wording(_HPA, _NOTHING, r"tftp: client does not accept options|WRQ from |(?:START|EXIT): tftp "),
    _wording(_ATFTPD, REQUEST, rf"Serving (?P<f>.+) to (?P<a>\S+):{_PORT}$"),
    _wording(_ATFTPD, MISSING, r"File (?P<f>.+) not found$"),
    _wording(_ATFTPD, SERVED, r"End of transfer"),
    _wording(_ATFTPD, FAILED, rf"client \({_HOST}\) not responding"),
    _wording(_ATFTPD, FAILED, r"(?:tftpd: )?[Aa]bort(?:ing|ed)?\b|received ERROR <"),
    _wording(_ATFTPD, _BY_CODE, r"sent ERROR <code: (?P<c>[0-9]+), msg: (?P<m>.*)>"),
    _wording(
        _ATFTPD,
        _NOTHING,
        r"Creating new socket|timeout(?: block [0-9]+)?: retrying|received (?:RRQ|ACK|OACK) |sent (?:DATA|OACK) |Server thread exiting"
        r"|socket may listen|will do netascii|blksize|tsize|Fetching from |(?:[Oo]ption|timeout option) "
        r"|window block |SIGTERM received|atftpd terminating|Main thread exiting|tftpd\w*\.c: ",
    ),
    _wording(_DNSMASQ, SERVED, rf"(?:TFTP )?sent (?P<f>.+) to {_ADDRESS}$"),
    _wording(_DNSMASQ, FAILED, rf"(?:TFTP )?(?:failed|timeout) sending (?P<f>.+) to {_ADDRESS}$"),
    _wording(_DNSMASQ, MISSING, rf"(?:TFTP )?file (?P<f>.+?) not found(?: for {_ADDRESS})?$"),
    _wording(_DNSMASQ, DENIED, r"(?:TFTP )?cannot (?:access|read) (?P<f>.+?): .*$"),
    _wording(_DNSMASQ, FAILED, rf"(?:TFTP )?error [0-9]+ .*received from {_ADDRESS}$"),
    _wording(_DNSMASQ, SERVER_START, r"TFTP root is "),
    _wording(_PYTHON, REQUEST, rf"'(?P<f>.+)' of type '\w+' is requested from (?P<a>\S+):{_PORT}$"),
    _wording(_PYTHON, UNSURE, r"\W*Transfer of '(?P<f>.+)' finished"),
    _wording(_PYTHON, FAILED, r"\W*Transfer of '(?P<f>.+)' (?:has )?(?:failed|timed out|aborted)"),
    _wording(_TFTPD32, "connection", rf"Connection received from {_HOST} on port {_PORT}"),
    _wording(_TFTPD32, REQUEST, r"Read request for file <(?P<f>.+?)>"),
    _wording(_TFTPD32, SERVED, r"<(?P<f>.+?)>: sent [0-9]+ blk"),
    _wording(_TFTPD32, DENIED, r"File <(?P<f>.+?)> ?: error (?:5|32) in system call"),
    _wording(_TFTPD32, MISSING, r"File <(?P<f>.+?)> ?: error [0-9]+ in system call"),
    _wording(_TFTPD32, FAILED, r"Peer returns ERROR|TIMEOUT (?:waiting|while)"),
    _wording(_TFTPD32, _NOTHING, r"Using local port|OACK: |[0-9]* ?Request [0-9]+ not processed|Rcvd DHCP|DHCP: |Previously allocated"),
    _wording(_SOFTPERFECT, SERVED, rf"\[\w+\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] Transfer complete"),
    _wording(_SOFTPERFECT, MISSING, rf"\[\w+\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] .*not (?:found|exist)"),
    _wording(_SOFTPERFECT, FAILED, rf"\[(?:ERROR|WARN)\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] "),
    _wording(_SOFTPERFECT, REQUEST, rf"\[\w+\] \[{_ADDRESS}\] \[GET\] \[(?P<f>.+?)\] "),
    # From memory, none of these seen:
    _wording(_OPEN, SERVED, rf"Client {_HOST}:{_PORT} (?P<f>.+), [0-9]+ Blocks Served"),
    _wording(_OPEN, MISSING, rf"Client {_HOST}:{_PORT} (?P<f>.+?),? (?i:no such file|file not found)"),
    _wording(_SOLARWINDS, SERVED, rf"(?i:sent|completed sending|transfer(?:red| of)) (?P<f>.+?) to \(?{_ADDRESS}\)?(?:[ ,.]|$)"),
    _wording(_SOLARWINDS, REQUEST, rf"(?i:sending) (?!(?:OFFER|ACK|NAK) )(?P<f>.+?) to \(?{_ADDRESS}\)?(?:[ ,.]|$)"),
    _wording(_SOLARWINDS, REQUEST, rf"(?i:read request|get request)[^0-9]*{_ADDRESS}[ :,]+.*?file:? ['\"<]?(?P<f>[^'\"<>]+?)['\">]?$"),
    _wording(_SOLARWINDS, MISSING, r"(?i:file) ['\"<]?(?P<f>[^'\"<>]+?)['\">]? (?i:does not exist|was not found)"),
    _wording(
        "",
        SERVER_START,
        r"Advanced Trivial FTP server started|(?:Started|Starting) .*(?i:tftp)|started, version .*TFTP|.*(?i:tftp server .*started)",
    ),
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
_REPEATED = re.compile(r"message repeated [0-9]+ times: \[ ?(.*?)\]?$")
_REPEATS = re.compile(r"(?:^|[ :])(?:(?P<last>last )?message repeated (?P<n>[0-9]{1,9}) times)")
_MOST_REPEATS = 20
"""Events that are made of a line that tells of repeats: enough to tell retries."""


_ANY = re.compile("|".join(f"({re.sub('[?]P<[a-z]>', '?:', wording.pattern.pattern)})" for wording in _WORDINGS))
"""All wordings at once: the first that fits is the number of its only group."""

_TFTP_DAEMON = re.compile(r"tftp|^(?:dnsmasq(?!-(?:dhcp|script))|x?inetd|udpsvd|busybox)", re.I)
_TFTP_ONLY = re.compile(
    r"RRQ from \S+ filename |WRQ from |sending NAK \([0-9]+, |tftpd\w*(?:\.c)?: |tftp: |(?:START|EXIT): tftp "
    r"|'.+' of type '\w+' is requested |Read request for file <|<.+?>: sent [0-9]+ blk|File <.+?> ?: error [0-9]+ in system call|TFTP "
    r"|(?i:.*tftp server|.*\btftp daemon)"
    r"|Advanced Trivial FTP server|(?:Started|Starting) .*(?i:tftp)|started, version .*TFTP"
)
"""What nobody else writes."""
_ASKED_BY_PHONES = re.compile(
    r"(?:CTLSEP|SEP|SIP|MGC|GK)[0-9A-F]{12}(?:\..*)?|SIPDefault\.cnf|OS79XX\.TXT|XMLDefault\.cnf\.xml|RINGLIST\.(?:DAT|XML)|.*dialplan.*\.xml"
    r"|syncinfo\.xml|P0[0-9A-Z][0-9].*\.(?:loads|sbn|sb2|bin)",
    re.I,
)
_IMAGE = re.compile(r"P0[0-9A-Z][0-9].*\.(?:loads|sbn|sb2|bin)", re.I)
_WHOLE = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?![0-9.]+$)[\w.:%-]+|")
"""An address, whole: no line that was cut within it, or is damaged there, tells of a phone."""


def _of_tftp(server: str, message: str, daemon: str, file: str) -> bool:
    """Whether it was a TFTP server that wrote a message: other daemons use some of the words as well."""
    if not daemon or _TFTP_DAEMON.search(daemon) or (server == _PYTHON and daemon.startswith("python")):
        return True
    return bool(_TFTP_ONLY.match(message) or _ASKED_BY_PHONES.fullmatch(basename(file)))


def understand(message: str, daemon: str = "") -> Tuple[str, Optional[Said]]:
    """The server that wrote a message and what it says; None if no TFTP server wrote it."""
    repeated = _REPEATED.match(message) if message.startswith("message") else None
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
            kind = _of_code(int(parts["c"][:5]), parts.get("m") or "")
        return server, Said(kind, address, port, parts.get("f") or "", message)
    if daemon.startswith("dnsmasq-tftp"):
        said = _by_shape(message)
        if said:
            return _DNSMASQ, said
    return "", None


def _of_code(code: int, text: str) -> str:
    if code == 1 or "not found" in text.lower() or "no such file" in text.lower():
        return MISSING
    return DENIED if code == 2 or "denied" in text.lower() else FAILED


def _by_shape(message: str) -> Optional[Said]:
    """dnsmasq in another language; its words are in its po folder. A line that was cut before it says what happened tells nothing."""
    path, place = _SHAPE_PATH.search(message), _SHAPE_ADDRESS.search(message)
    file = _SHAPE_ENDING.sub("", path.group("f")) if path else ""
    address = endpoint(place.group(1))[0] if place else ""
    if not path:
        return Said(FAILED, address, None, "", message) if place else None
    if _SHAPE_CAUSE.match(message, path.end()):
        return Said(DENIED, "", None, file, message)
    if _NOT_FOUND.search(message, path.end()):
        return Said(MISSING, address, None, file, message)
    if not place or (path.start("f") == 0 and place.end() == len(message)):
        return None
    words = message.replace(file, "")
    return Said(FAILED if _NOT_SENT.search(words) else SERVED if _SENT.search(words) else UNSURE, address, None, file, message)


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


def basename(file: str) -> str:
    """The name without folders: with tftp_cfg_dir "./" phones ask for ./SIP<MAC>.cnf, and some servers log absolute paths."""
    return file.replace("\\", "/").rsplit("/", 1)[-1]


# -- envelopes

_MONTHS = {
    name: number
    for number, names in enumerate(
        "jan ene gen sty|feb fév lut|mar mär mrz mrt|apr avr abr kwi|may mai maj mei mag|jun cze giu|jul lip lug|aug aoû ago sie|"
        "sep wrz set|oct okt ott paź out|nov lis|dec dez déc dic gru".split("|"),
        1,
    )
    for name in names.split()
}
_CLOCK = r"(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})"
_STAMPS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:\w{{3}} )?(?P<b>[^\W\d]{{3,4}}|[0-9]{{1,2}}月)\.? +(?P<d>[0-9]{{1,2}}) {_CLOCK}(?:[.,][0-9]+)?(?: (?P<Y>[0-9]{{4}})(?= ))?",
        rf"\[?(?P<Y>[0-9]{{4}})[-/](?P<m>[0-9]{{2}})[-/](?P<d>[0-9]{{2}})[T ]{_CLOCK}(?:[.,][0-9]+)?"
        r" ?(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?\]?",
        rf"\[?(?P<m>[0-9]{{1,2}})/(?P<d>[0-9]{{1,2}})/(?P<Y>[0-9]{{4}}),? {_CLOCK}(?: (?P<p>[AP]M))?\]?",
        r"\[?(?P<e>[0-9]{9,10}(?:\.[0-9]+)?)\]?(?= )",
    )
)
_PRIORITY = re.compile(r"<[0-9]{1,3}>(1 )?")
_TRAILING = re.compile(rf" ?\[(?P<d>[0-9]{{2}})/(?P<m>[0-9]{{2}}) {_CLOCK}(?:\.[0-9]+)?\]$")
_TAG = re.compile(r"(?:\S+ ){0,2}?(?P<t>[A-Za-z][\w./@-]*)(?:\[(?P<p>[0-9][0-9.]*)\])?: (?P<m>.*)$", re.DOTALL)
_TAG_5424 = re.compile(r" ?\S+ (?P<t>\S+) (?P<p>\S+) \S+ (?:-|\[.*?\](?!\S))(?: |$)\ufeff?(?P<m>.*)$", re.DOTALL)
DAEMONS = ("in.tftpd", "tftpd", "atftpd", "dnsmasq", "xinetd", "systemd", "tftp")
_OTHERS = (
    "asterisk CRON cron crond anacron kernel rsyslogd syslogd sshd sshd-session sudo su dhcpd dhclient dnsmasq-dhcp NetworkManager "
    "ntpd chronyd systemd-timesyncd systemd-logind systemd-resolved systemd-networkd dbus-daemon named unbound postfix/smtpd "
    "postfix/smtp postfix/qmgr postfix/cleanup postfix/pickup postfix/local postfix/anvil postfix/bounce postfix/scache postfix/master "
    "exim dovecot fail2ban fail2ban.actions fail2ban.filter fail2ban-server freeswitch kamailio opensips rtpengine mysqld mariadbd "
    "postgres apache2 httpd nginx php-fpm snmpd smartd smbd nmbd winbindd rpcbind irqbalance multipathd polkitd haproxy keepalived"
)
"""Who writes into a PBX's log besides, and never is a TFTP server."""
OTHERS = re.compile(
    rb"(?:.{3} .{11}|.{3}[^ ].{15})[^ ]* [^ ]* (?:%s)(?:\[|:(?: |\Z))" % "|".join(map(re.escape, _OTHERS.split())).encode(), re.DOTALL
)
"""A line of the shape "stamp host daemon" of one of these."""
_PLAIN = re.compile(
    rb"[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? (?![0-9]{4} )"
    rb"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[^ ]* (?![+-]|Z|UTC)"
)
"""Stamps that are known again by their text up to the minute, and the second."""
_SECONDS = {b"%02d" % second: float(second) for second in range(60)}
_MOST_TIMES = 1 << 12
NEVER = float("-inf")
"""In place of the time of a line that no server can have written."""


def plain(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").replace("\0", "").strip()


def _close(one: Optional[float], other: Optional[float], most: float) -> bool:
    return one is None or other is None or abs(one - other) <= most


def in_time(kind: str, asked: Optional[float], when: Optional[float]) -> bool:
    """Whether an answer of this kind can be to what was asked then. Most errors are told at once, the end of a transfer is not."""
    return _close(asked, when, _PROMPT if kind in (MISSING, DENIED) else _LASTS)


def tells_repeats(line: bytes) -> bool:
    """Whether a line stands for some of those before it, as syslog writes them."""
    return b"message repeated " in line and not OTHERS.match(line)


class _Open:
    """Requests that are not known to be answered: whose an answer is that does not say so, if it can be but of one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._requests: List[Tuple[Optional[float], Said]] = []
        self._running = 0
        self._skipped = 0
        self._dead = 0
        self.used = False

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, and nothing left over."""
        return not (self._running or self._requests or self._skipped or self._dead)

    def begin(self, request: Said, when: Optional[float]) -> None:
        self._running += 1
        self.used = True
        while self._requests and (len(self._requests) >= self._most or not _close(when, self._requests[0][0], _LASTS)):
            del self._requests[0]
            self._skipped = max(self._skipped - 1, 0)
        self._requests.append((when, request))

    def end(self, request: Said) -> None:
        self._requests = [one for one in self._requests if one[1] != request]
        if not self._requests:
            self._skipped = 0

    def near(self, said: Said, when: Optional[float]) -> List[Said]:
        """What a message that is said now may be about."""
        if not self._requests:
            return []
        file = basename(said.file)
        return [
            one
            for at, one in self._requests
            if (not said.address or one.address == said.address)
            and in_time(said.kind, at, when)
            and (not file or basename(one.file) == file)
        ]

    def only(self, said: Said, when: Optional[float]) -> Optional[Said]:
        found = self.near(said, when) if not self._skipped else []
        if len(found) < 2:
            return found[0] if found else None
        return found[0] if len({(one.address, one.file) for one in found}) == 1 else None

    def skip(self) -> None:
        """An answer that nobody gets: with as many as there were requests, all are answered."""
        self._skipped += 1
        if self._skipped >= len(self._requests):
            self._requests.clear()
            self._skipped = 0

    def left(self) -> None:
        """A thread has ended."""
        self._running = max(self._running - 1, 0)
        if not self._running:
            self._requests.clear()
            self._dead = self._skipped = 0

    def joined(self, said: Said, when: Optional[float]) -> Optional[Said]:
        """The message of a thread that does not tell which it is."""
        if said.address:
            self._dead += 1  # "not responding": the end of that transfer is told as that of any other
        elif self._dead and said.kind == SERVED:
            self._dead -= 1
            return None
        request = self.only(said, when)
        if not request:
            if self.used and _IMAGE.fullmatch(basename(said.file)) and not self.near(said, when):
                return None  # who asked for it is not in the log, and whoever is near need not have
            # A name with a MAC tells the phone all the same.
            return said if said.file and not said.address else None
        self._requests.remove(next(one for one in self._requests if one[1] == request))
        return Said(said.kind, request.address, request.port, request.file, said.line)


class _Connections:
    """Tftpd32 tells the address in one line and the file in another, from several threads. A connection serves one request."""

    def __init__(self) -> None:
        self._open: List[Tuple[Optional[float], Said]] = []
        self._doubtful = 0
        self._early: List[float] = []
        """Requests before whose connection was told."""

    def opened(self, said: Said, when: Optional[float]) -> None:
        self._forget(when)
        self._early = [at for at in self._early if _close(at, when, 1)] if when is not None else []
        if self._early:
            del self._early[0]
        else:
            self._open.append((when, said))

    def of(self, request: Said, when: Optional[float]) -> Said:
        """A request with its address, if it can be of but one."""
        self._forget(when)
        if not self._open:
            self._early += [when] if when is not None and len(self._early) < _MOST_OPEN else []
        elif not self._doubtful and len({said.address for _when, said in self._open}) == 1:
            _opened, connection = self._open.pop(0)
            return request._replace(address=connection.address, port=connection.port)
        else:
            self._doubtful += 1
            if self._doubtful >= len(self._open):
                self._open, self._doubtful = [], 0
        return request

    def _forget(self, when: Optional[float]) -> None:
        self._open = [one for one in self._open if _close(one[0], when, _PROMPT)][-_MOST_OPEN:]
        if not self._open:
            self._doubtful = 0


class Reader:
    """Turns the lines of one log into events; remembers what it takes to join lines that belong together."""

    def __init__(self, now: float, stats: Stats) -> None:
        self.now = now
        self.stats = stats
        self._year = time.localtime(min(max(now, 0.0), 4e9)).tm_year
        self._understood: Dict[Tuple[str, str], Optional[Said]] = {}
        self._times: Dict[str, Optional[float]] = {}
        self._by_process: Dict[str, Tuple[Optional[float], Said]] = {}
        self._by_name: Dict[str, _Open] = {}
        self._threads: Dict[str, _Open] = {}
        """Of atftpd by syslog: all its threads share one process id."""
        self._connections = _Connections()
        self._dead: Dict[str, bool] = {}
        self._minutes: Dict[bytes, float] = {}
        """Of stamps as they stand in lines, with their time zones."""
        self._again = b""
        """The line that the next ones may tell to be repeated."""
        self.before = b""
        """The lines read before, of those that were not read here."""
        self.mixed = False
        """Whether lines of others are between them."""

    def read(self, line: bytes) -> Optional[Event]:
        """The event of a line, or None. What no TFTP server wrote is counted."""
        self.stats.lines += 1
        return self.event(line)

    def event(self, line: bytes) -> Optional[Event]:
        if OTHERS.match(line):
            self.stats.unknown += 1
            return None
        when, tag, process, message = self.envelope(plain(line))
        said = self.heard(message, tag, process, when)
        return Event(when, *said) if said else None

    def repeats(self, line: bytes, before: bytes) -> List[Event]:
        """The events of a line that tells how often the one before it was logged again: evenly, from that one's time on."""
        self.stats.lines += 1
        if not tells_repeats(before):
            self._again = before
        text = plain(line)
        found = _REPEATS.search(text)
        since, _tag, _process, message = self.envelope(plain(before))
        event: Optional[Event] = None
        if found and found.group("last"):
            _when, tag, _process, message = self.envelope(plain(self._again))
            said = self.said(message, tag)
            if said and said.file and said.address and not OTHERS.match(self._again):
                event = Event(self.stamp(text)[0], *said)
            else:
                self.stats.unknown += 1
        else:
            event = self.event(line)
            inner = _REPEATED.match(message)
            if event and event.line != (inner.group(1) if inner else message):
                since = None
        if not event:
            return []
        if event.time is None or since is None or since >= event.time or not found:
            return [event]
        count = max(int(found.group("n")), 1)
        gap = (event.time - since) / count
        return [event._replace(time=event.time - gap * left) for left in range(min(count, _MOST_REPEATS) - 1, -1, -1)]

    def heard(self, message: str, tag: str, process: str, when: Optional[float] = None) -> Optional[Said]:
        """What a message tells, together with those before; None if nothing, which is counted if no TFTP server wrote it."""
        said = self.said(message, tag)
        if said is None:
            self.stats.unknown += 1
            return None
        return self.joined(said, process, when)

    def said(self, message: str, tag: str = "") -> Optional[Said]:
        key = (tag, message)
        if key in self._understood:
            return self._understood[key]
        server, said = understand(message, tag)
        if server:
            self.stats.found(server)
        if said:
            remember(self._understood, key, said, _MOST_TIMES)
        return said

    def joined(self, said: Said, process: str, when: Optional[float] = None) -> Optional[Said]:
        """With the address and file of the request that a message is about; None for a message without use, or without owner."""
        threads = self._shared(process)
        if said.kind == _NOTHING:
            if threads and said.line.startswith("Server thread exiting"):
                threads.left()
            return None
        if said.kind == SERVER_START:
            return said
        if said.kind == "connection":
            self._connections.opened(said, when)
            return None
        if said.kind == REQUEST:
            if not said.address:
                said = self._connections.of(said, when)
            if threads:
                threads.begin(said, when)
            elif process:
                # Processes of tftpd-hpa serve one request each, threads of atftpd take the number of one that has ended.
                remember(self._by_process, process, (None if said.line.startswith("RRQ from ") else when, said))
            if not threads and not said.line.startswith("RRQ from "):  # answers to these tell whose they are, or are their process's
                name = basename(said.file)
                if name not in self._by_name:
                    remember(self._by_name, name, _Open(8))
                self._by_name[name].begin(said, when)
            return self._owned(said)
        if threads:
            return threads.joined(said, when)
        if process and said.line.startswith("client ("):
            remember(self._dead, process, True)
        elif self._dead.pop(process, False) and said.kind == SERVED:
            return None  # atftpd ends a transfer that it has just given up, in the same words as others
        if (said.address and said.file) or (said.file and process.startswith("dnsmasq")):  # which logs no requests
            return said
        at, request = self._by_process.get(process, (None, None)) if process else (None, None)
        if request and said.address and request.address != said.address:
            request = None
        if request and said.file and basename(said.file) != basename(request.file):
            request = None
        if request and not in_time(said.kind, at, when):
            request = None
        if not request and not said.address:
            asked = self._by_name.get(basename(said.file))
            request = asked.only(said, when) if asked else None
            if asked and request:
                asked.end(request)
            elif asked and asked.near(said, when):
                asked.skip()
            elif self._by_name and said.kind in (MISSING, DENIED) and _IMAGE.fullmatch(basename(said.file)):
                return None  # who asked for it is not in the log, and whoever is near need not have
        if not request:
            return self._owned(said) if said.address or said.file else None
        return self._owned(Said(said.kind, request.address, request.port, request.file, said.line))

    @staticmethod
    def _owned(said: Said) -> Optional[Said]:
        """None for an image of nobody: where the log tells all requests, whoever is near need not have asked for it."""
        tftpd32 = not said.address and said.line.startswith(("Read request for file <", "File <", "<"))
        return None if tftpd32 and _IMAGE.fullmatch(basename(said.file)) else said

    def asked(self, process: str, said: Said) -> None:
        """A request of a process that logs one for each, read elsewhere."""
        remember(self._by_process, process, (None, said))

    def idle(self, process: str) -> bool:
        """Whether all transfers of a process that has many have ended."""
        threads = self._shared(process)
        return threads is not None and threads.idle

    def passed(self, process: str) -> None:
        """A transfer of such a process was read elsewhere, from its start to its end."""
        self._threads[process].used = True

    def _shared(self, process: str) -> Optional[_Open]:
        if not process.startswith("atftpd[") or "." in process:
            return None
        if process not in self._threads:
            remember(self._threads, process, _Open(128))
        return self._threads[process]

    def envelope(self, text: str) -> Tuple[Optional[float], str, str, str]:
        """Time, daemon, process and message of a line."""
        if text.startswith("{"):
            return self._journal(text)
        priority = _PRIORITY.match(text)
        if priority:
            text = text[priority.end() :]
        when, end = self.stamp(text)
        if not end:
            trailing = _TRAILING.search(text)
            if trailing:
                when = self._seconds(trailing)
                return when, "", "", text[: trailing.start()]
        rest = text[end:].lstrip()
        tagged = _TAG_5424.match(text[end:]) if priority and priority.group(1) else _TAG.match(rest)
        if not tagged or "'" in tagged.group("t"):
            return when, "", "", rest
        if not tagged.group("p") and not tagged.group("t").startswith(DAEMONS):
            return when, "", "", rest
        tag = tagged.group("t")
        return when, tag, f"{tag}[{tagged.group('p') or ''}]", tagged.group("m").strip()

    def stamp(self, text: str) -> Tuple[Optional[float], int]:
        """The time that a line starts with, and where that ends; (None, 0) if there is none."""
        for pattern in _STAMPS:
            match = pattern.match(text)
            if match:
                key = match.group()
                if key not in self._times:
                    remember(self._times, key, self._seconds(match), _MOST_TIMES)
                when = self._times[key]
                return (when, match.end()) if when is not None else (None, 0)
        return None, 0

    def time(self, line: bytes) -> Optional[float]:
        """The time of "stamp host daemon[process", whatever follows; NEVER if no server can have written that."""
        if line[4:5] == b"-":
            end = line.find(b" ", 0, 40)
            # What is within one second has no order, but its time zone counts.
            zone = line[26:end] if end == 32 or (end == 27 and line[26:27] == b"Z") else line[19 : max(end, 0)]
            minute, clock = line[:17] + zone, line[17:19]
        else:
            minute, clock = line[:13], line[13:15]
        start, second = self._minutes.get(minute), _SECONDS.get(clock)
        if start is None or second is None:
            when, tag, _process, _message = self.envelope(plain(line) + "]: ")
            if not tag:
                return NEVER
            if second is None or when is None or not _PLAIN.match(line):
                return when
            start = when - second
            remember(self._minutes, minute, start, _MOST_TIMES)
        return start + second

    def older(self, text: bytes, than: float) -> bool:
        """Whether all of these lines are, by stamps of the two usual shapes, which have the same time if they begin alike."""
        for line in {line[:22]: line for line in text.split(b"\n")[:-1]}.values():
            when = self.time(line) if _PLAIN.match(line) else None
            if when is None or when >= than:
                return False
        return True

    def meet(self, text: bytes) -> None:
        """See which server wrote these lines, and no more of them than it takes."""
        for line in text.split(b"\n") if b"tftp" in text and not self.stats.servers else ():
            if b"tftp" in line and not OTHERS.match(line):
                _when, tag, _process, message = self.envelope(plain(line))
                if self.said(message, tag):
                    return

    def _seconds(self, match: re.Match[str]) -> Optional[float]:
        part = match.groupdict()
        try:
            if part.get("e"):
                return float(part["e"])
            name = part.get("b")
            month = int(part["m"]) if not name else int(name[:-1]) if name[-1] == "月" else _MONTHS.get(name.lower()[:3], 0)
            day, hour = int(part["d"]), int(part["H"])
            if part.get("p"):
                hour = hour % 12 + (12 if part["p"] == "PM" else 0)
            if month > 12 >= day and part.get("p") is None:
                month, day = day, month
            clock = (month, day, hour, int(part["M"]), int(part["S"]))
            if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23:
                return None
            if part.get("Y"):
                return self._of_year(int(part["Y"]), clock, part.get("z"))
            for year in range(self._year + 1, self._year - 9, -1):
                when = self._of_year(year, clock, None)
                # A day's grace: the log may be written in another time zone than it is read in.
                if when is not None and when <= self.now + _DAY:
                    return when
        except (ValueError, OverflowError, KeyError):
            pass
        return None

    @staticmethod
    def _of_year(year: int, clock: Tuple[int, int, int, int, int], zone: Optional[str]) -> Optional[float]:
        if clock[:2] == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
            return None
        if zone is None:
            return time.mktime((year, *clock, 0, 0, -1))
        days = _days(year, clock[0], clock[1])
        when = days * _DAY + clock[2] * 3600 + clock[3] * 60 + clock[4]
        if zone[0] in "+-":
            digits = zone[1:].replace(":", "")
            offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
            when -= offset if zone[0] == "+" else -offset
        return when

    @staticmethod
    def _journal(text: str) -> Tuple[Optional[float], str, str, str]:
        try:
            entry = json.loads(text)
            message = entry.get("MESSAGE")
            if isinstance(message, list):
                message = bytes(message).decode("utf-8", "replace")
            micros = entry.get("__REALTIME_TIMESTAMP") or entry.get("_SOURCE_REALTIME_TIMESTAMP")
            when = int(micros) / 1e6 if micros else None
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            return None, "", "", text
        tag = str(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "")
        return when, tag, f"{tag}[{entry.get('SYSLOG_PID') or entry.get('_PID') or ''}]", str(message or "").strip()


def remember(cache: Dict[Any, Any], key: object, value: object, most: int = MOST) -> None:
    """Keep something in a dict that is emptied when it gets too big."""
    if len(cache) >= most:
        cache.clear()
    cache[key] = value


def _days(year: int, month: int, day: int) -> int:
    """Days since the epoch, without the limits of the platform's calendar."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def events(lines: Iterable[bytes], now: float, stats: Stats) -> Iterator[Event]:
    """What the lines say. `now` is when the log was last written: no stamp without a year is later than that."""
    reader = Reader(now, stats)
    before = b""
    for line in lines:
        if tells_repeats(line):
            yield from reader.repeats(line, before)
        else:
            event = reader.read(line)
            if event:
                yield event
        before = line


# -- captures

_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\xc3\xd4": (">", 1e6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e9),
    b"\xa1\xb2\x3c\x4d": (">", 1e9),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_LONGEST_PACKET = 1 << 18
_ETHERNET, _COOKED, _COOKED_2, _NULL, _LOOP = 1, 113, 276, 0, 108
_RAW = (12, 14, 101, 228, 229)
_TFTP = 69
_RRQ, _DATA, _ACK, _ERROR = 1, 3, 4, 5
_BLOCK_SIZE = 512


class _Packet(NamedTuple):
    time: float
    source: Tuple[str, int]
    target: Tuple[str, int]
    data: bytes


class _Transfer:
    def __init__(self, file: str) -> None:
        self.file = file
        self.data = 0
        self.time = 0.0
        self.acked = False
        self.last = -1


def read_capture(path: str, stats: Optional[Stats] = None) -> Iterator[Event]:
    """What a pcap or pcapng capture of the TFTP port shows. Raises OSError.

    Read here: the two formats are small, and a library would have to be on every TFTP host. Packets count as lines.
    """
    stats = stats or Stats()
    stats.found("capture")
    transfers: Dict[Tuple[str, int], _Transfer] = {}
    for packet in _packets(path, stats):
        yield from _of_packet(packet, transfers)
    for (address, port), transfer in transfers.items():
        yield from _unacked(address, port, transfer)


def _unacked(address: str, port: int, transfer: _Transfer) -> Iterator[Event]:
    if transfer.data and not transfer.acked:
        text = f"{transfer.data} data packets of {transfer.file} to {address}:{port}, none acknowledged"
        yield Event(transfer.time, UNACKED, address, port, transfer.file, text)


def _of_packet(packet: _Packet, transfers: Dict[Tuple[str, int], _Transfer]) -> Iterator[Event]:
    if len(packet.data) < 4:
        return
    code, number = struct.unpack(">HH", packet.data[:4])
    if code == _RRQ and packet.target[1] == _TFTP:
        file = packet.data[2:].split(b"\0")[0].decode("utf-8", "replace")
        address, port = packet.source
        # The same request once more says nothing of the answer to the first.
        known = transfers.get(packet.source)
        if known and known.file != file:
            yield from _unacked(address, port, known)
            known = None
        if not known:
            if len(transfers) >= MOST:
                transfers.clear()
            transfers[packet.source] = _Transfer(file)
        yield Event(packet.time, REQUEST, address, port, file, f"read request for {file} from {address}:{port}")
        return
    (address, port), transfer = packet.target, transfers.get(packet.target)
    if transfer and code in (_DATA, _ERROR):
        transfer.time = packet.time
        if code == _DATA:
            transfer.data += 1
            if len(packet.data) < _BLOCK_SIZE + 4:
                transfer.last = number
            return
        text = packet.data[4:].split(b"\0")[0].decode("utf-8", "replace")
        shown = f"error {number} ({text}) for {transfer.file} to {address}:{port}"
        yield Event(packet.time, _of_code(number, text), address, port, transfer.file, shown)
        return
    (address, port), transfer = packet.source, transfers.get(packet.source)
    if transfer and code == _ACK and transfer.data:
        if not transfer.acked:
            transfer.acked = True
            yield Event(packet.time, ACKED, address, port, transfer.file, f"{transfer.file} acknowledged by {address}:{port}")
        if number == transfer.last:
            del transfers[packet.source]
            yield Event(packet.time, SERVED, address, port, transfer.file, f"all of {transfer.file} acknowledged by {address}:{port}")


def _packets(path: str, stats: Stats) -> Iterator[_Packet]:
    with open(path, "rb") as plain:
        packed = plain.read(2) == _GZIP
        plain.seek(0)
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=plain)) if packed else plain
        try:
            magic = file.read(4)
            frames = _classic(file, *_CLASSIC[magic]) if magic in _CLASSIC else _pcapng(file) if magic == _SECTION else iter(())
            for when, link, frame in frames:
                stats.lines += 1
                packet = _udp(when, link, frame)
                if packet:
                    yield packet
                else:
                    stats.unknown += 1
        except (EOFError, struct.error, zlib.error):
            return  # cut off, as a capture that is still running is


def _classic(file: IO[bytes], order: str, unit: float) -> Iterator[Tuple[float, int, bytes]]:
    link = struct.unpack(order + "16xI", file.read(20))[0] & 0xFFFF
    while True:
        seconds, fraction, length, _whole = struct.unpack(order + "4I", file.read(16))
        if length > _LONGEST_PACKET:
            return
        yield seconds + fraction / unit, link, file.read(length)


def _pcapng(file: IO[bytes]) -> Iterator[Tuple[float, int, bytes]]:
    order = "<"
    interfaces: List[Tuple[int, float]] = []
    kind = _SECTION
    while len(kind) == 4:
        if kind == _SECTION:
            size, magic = file.read(4), file.read(4)
            order = "<" if magic == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
            length = struct.unpack(order + "I", size)[0]
            body = file.read(length - 12) if 12 <= length <= _LONGEST_PACKET else b""
            read = 12
        else:
            length = struct.unpack(order + "I", file.read(4))[0]
            body = file.read(length - 8) if 12 <= length <= _LONGEST_PACKET else b""
            read = 8
        if len(body) != length - read:
            return
        number = struct.unpack(order + "I", kind)[0]
        if number == 1 and len(interfaces) < 1000:
            interfaces.append((struct.unpack(order + "H", body[:2])[0], _resolution(body[8:-4], order)))
        elif number == 6:
            which, high, low, captured = struct.unpack(order + "4I", body[:16])
            if which < len(interfaces):
                link, unit = interfaces[which]
                yield ((high << 32) | low) / unit, link, body[20 : 20 + captured]
        kind = file.read(4)


def _resolution(options: bytes, order: str) -> float:
    """Ticks of a second, from if_tsresol."""
    while len(options) >= 4:
        code, length = struct.unpack(order + "2H", options[:4])
        if code == 0:
            break
        if code == 9 and length == 1 and len(options) > 4:
            value = options[4]
            return float(2 ** (value & 127)) if value & 128 else float(10 ** min(value, 18))
        options = options[4 + (length + 3) // 4 * 4 :]
    return 1e6


def _udp(when: float, link: int, frame: bytes) -> Optional[_Packet]:
    if link == _ETHERNET:
        start = 14
        while frame[start - 2 : start] in (b"\x81\x00", b"\x88\xa8"):
            start += 4
    elif link in (_COOKED, _COOKED_2):
        start = 16 if link == _COOKED else 20
    elif link in (_NULL, _LOOP):
        start = 4
    elif link in _RAW:
        start = 0
    else:
        return None
    packet = frame[start:]
    if len(packet) < 28:
        return None
    if packet[0] >> 4 == 4 and packet[9] == 17 and not (packet[6] & 0x1F or packet[7]):
        source, target = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
        end = struct.unpack(">H", packet[2:4])[0]
        rest = packet[(packet[0] & 15) * 4 : end or None]
    elif packet[0] >> 4 == 6 and packet[6] == 17 and len(packet) >= 48:
        source, target = (_ipv6(packet[at : at + 16]) for at in (8, 24))
        rest = packet[40 : 40 + struct.unpack(">H", packet[4:6])[0]]
    else:
        return None
    if len(rest) < 8:
        return None
    ports = struct.unpack(">2H", rest[:4])
    return _Packet(when, (source, ports[0]), (target, ports[1]), rest[8:])


def _ipv6(raw: bytes) -> str:
    return str(ipaddress.IPv6Address(raw))
