# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a TFTP server's log, turned into events."""

from __future__ import annotations

import json
import re
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from .events import REQUEST, Event, Meaning, Stats, remember
from .joins import Joins
from .stamps import Stamps
from .wordings import REPEATED, understand

LONGEST = 1 << 14
"""Bytes of a line that are looked at."""
_MOST_MESSAGES, _MOST_ORIGINS = 200_000, 1 << 12
_WHOLE = ("in.tftpd", "dnsmasq-tftp")
"""Daemons whose messages may say all by themselves."""
_MOST_REPEATS = 20
"""Events that are made of a line that tells of repeats: enough to tell retries."""
_FRACTION = re.compile(rb"(?<=:[0-9]{2})[.,][0-9]+")
"""Of a second. The time of a line is kept without it, so lines of one second share what was read of it."""
_PRIORITY = re.compile(r"<[0-9]{1,3}>(1 )?")
_TAG = re.compile(r"(?:\S+ ){0,2}?(?P<t>[A-Za-z][\w./@-]*)(?:\[(?P<p>[0-9][0-9.]*)\])?: (?P<m>.*)$", re.DOTALL)
_TAG_5424 = re.compile(r" ?\S+ (?P<t>\S+) (?P<p>\S+) \S+ (?:-|\[.*?\](?!\S))(?: |$)\ufeff?(?P<m>.*)$", re.DOTALL)
DAEMONS = ("in.tftpd", "tftpd", "atftpd", "dnsmasq", "xinetd", "systemd", "tftp")
_OTHERS = (
    "asterisk|CRON|crond?|anacron|kernel|rsyslogd|syslogd|sshd(?:-session)?|sudo|su|dhcpd|dhclient|dnsmasq-dhcp|NetworkManager|ntpd|chronyd"
    "|systemd-(?:timesync|login|resolve|network)d|dbus-daemon|named|unbound|postfix/[a-z]+|exim|dovecot|fail2ban[a-z.-]*"
    "|freeswitch|kamailio|opensips|rtpengine|mysqld|mariadbd|postgres|apache2|httpd|nginx|php-fpm|snmpd|smartd|smbd|nmbd|winbindd|rpcbind"
    "|irqbalance|multipathd|polkitd|haproxy|keepalived"
)
"""Who writes into a PBX's log besides, and never is a TFTP server."""
OTHERS = re.compile(rb"(?:.{3} .{11}|.{3}[^ ].{15})[^ ]* [^ ]* (?:%s)(?:\[|:(?: |\Z))" % _OTHERS.encode(), re.DOTALL)
"""A line of the shape "stamp host daemon" of one of these."""
_OF_PHONES = re.compile(rb"(?:CTLSEP|SEP|SIP)[0-9A-F]{12}\.(?:tlv|cnf)|SIPDefault\.cnf|OS79XX\.TXT|P0[0S]3-[0-9-]+\.(?:loads|sbn|sb2|bin)")
"""Files that these phones alone ask for; and lines that name them as they tell of a command."""
_TOLD = re.compile(rb"Invoked with|COMMAND=")
_REPEATS = re.compile(r"(?:^|[ :])(?:(?P<last>last )?message repeated (?P<n>[0-9]{1,9}) times)")


def plain(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").replace("\0", "").strip()


class Reader:
    """Turns the lines of one log into events; remembers what it takes to join lines that belong together.

    `now` is when the log was last written, in seconds since 1970: no stamp without a year is later than that.
    """

    def __init__(self, now: float, stats: Stats) -> None:
        self.stats = stats
        self._stamps = Stamps(now)
        self._joins = Joins()
        self._messages: Dict[bytes, Meaning] = {}
        """Messages, as they stand in lines, that say by themselves all that there is to know."""
        self._origins: Dict[bytes, Tuple[Optional[float], str]] = {}
        """Time and daemon, by what stands before the number of a process."""
        self._before = b""
        self._repeatable = b""
        """The line that the next ones may tell to be repeated."""

    def events(self, lines: Iterable[bytes]) -> Iterator[Event]:
        """What the lines say. Most differ from one before in time and process only: two looks into dicts tell what such a line says."""
        for line in lines:
            head, _end, message = line.partition(b"]: ")
            meaning = self._messages.get(message)
            if meaning:
                start, _bracket, process = head.rpartition(b"[")
                when, daemon = self._origins.get(start) or self._origin(start)
                if daemon in _WHOLE and process.isdigit():
                    self.stats.lines += 1
                    self._before = self._repeatable = line
                    if meaning.kind == REQUEST:
                        self._joins.remember_request(f"{daemon}[{process.decode()}]", meaning)
                    yield Event(when, meaning)
                    continue
            yield from self.read(line)

    def read(self, line: bytes) -> List[Event]:
        """What one line says, after those read before it. It is counted, and if no TFTP server wrote it, as unknown."""
        self.stats.lines += 1
        before, self._before = self._before, line
        if b"message repeated " in line and not OTHERS.match(line):
            return self._repeats(line, before)
        self._repeatable = line
        event = self._event(line)
        return [event] if event else []

    def _event(self, line: bytes) -> Optional[Event]:
        when, daemon, process, text, alone = self._parts(line)
        if alone is None:
            self.stats.unknown += 1
            if _OF_PHONES.search(line[:LONGEST]) and not _TOLD.search(line) and not OTHERS.match(line):
                self.stats.strange += 1
                self.stats.sample = self.stats.sample or line[:LONGEST]
            return None
        meaning = self._joins.join(alone, process, when)
        if not meaning:
            return None
        message = line.partition(b"]: ")[2]
        if daemon in _WHOLE and meaning == alone and meaning.file and meaning.address and text == plain(message):
            remember(self._messages, message, meaning, _MOST_MESSAGES)
        return Event(when, meaning)

    def _repeats(self, line: bytes, before: bytes) -> List[Event]:
        """The events of a line that tells how often the one before it was logged again: evenly, from that one's time on."""
        repeats = _REPEATS.search(plain(line))
        since, _daemon, _process, message = self.envelope(before)
        if repeats and repeats.group("last"):
            meaning = self._parts(self._repeatable)[-1]
            whole = meaning and meaning.file and meaning.address
            event = Event(self._stamps.at_start(plain(line))[0], meaning) if meaning and whole else None
            self.stats.unknown += not event
        else:
            event = self._event(line)
            inner = REPEATED.match(message)
            if event and event.meaning.line != (inner.group(1) if inner else message):
                since = None  # another message stands before it
        if not event:
            return []
        if event.time is None or since is None or since >= event.time or not repeats:
            return [event]
        count = max(int(repeats.group("n")), 1)
        gap = (event.time - since) / count
        return [event._replace(time=event.time - gap * left) for left in range(min(count, _MOST_REPEATS) - 1, -1, -1)]

    def find_server(self, line: bytes) -> bool:
        """Whether a TFTP server wrote this line. It is not counted, but the server is."""
        return self._parts(line)[-1] is not None

    def _parts(self, line: bytes) -> Tuple[Optional[float], str, str, str, Optional[Meaning]]:
        """The envelope of a line, and what its message means by itself: None if no TFTP server wrote it."""
        if OTHERS.match(line):
            return None, "", "", "", None
        envelope = self.envelope(line)
        server, meaning = understand(envelope[3], envelope[1])
        if server:
            self.stats.servers[server] = None
        return (*envelope, meaning)

    def envelope(self, line: bytes) -> Tuple[Optional[float], str, str, str]:
        """Time, daemon, process (such as "in.tftpd[123]") and message of a line; each may be missing."""
        head, _end, message = line[:LONGEST].partition(b"]: ")
        start, _bracket, process = head.rpartition(b"[")
        if process.replace(b".", b"").isdigit():
            when, daemon = self._origins.get(start) or self._origin(start)
            if daemon:
                return when, daemon, f"{daemon}[{process.decode()}]", plain(message)
        return self._split(plain(line))

    def _origin(self, start: bytes) -> Tuple[Optional[float], str]:
        """Time and daemon of a line, by what stands before "[123]: "; empty if that is no daemon."""
        start = _FRACTION.sub(b"", start, 1)
        origin = self._origins.get(start)
        if origin is None:
            when, daemon, process, message = self._split(plain(start + b"[1]:") + " ")
            origin = (when, daemon if process.endswith("[1]") and not message else "")
            remember(self._origins, start, origin, _MOST_ORIGINS)
        return origin

    def _split(self, text: str) -> Tuple[Optional[float], str, str, str]:
        if text.startswith("{"):
            return _journal_entry(text)
        priority = _PRIORITY.match(text)
        if priority:
            text = text[priority.end() :]
        when, end = self._stamps.at_start(text)
        if not end:
            when_last, start = self._stamps.at_end(text)
            if start is not None:
                return when_last, "", "", text[:start]
        rest = text[end:].lstrip()
        place = rest.find("TFTP: ")
        if place >= 0 and (place == 0 or rest[place - 2 : place] == ": "):  # of Cisco IOS, which may have stamps and numbers of its own
            return when, "", "ios[]", rest[place:]
        tagged = _TAG_5424.match(text[end:]) if priority and priority.group(1) else _TAG.match(rest)
        if not tagged or "'" in tagged.group("t") or not (tagged.group("p") or tagged.group("t").startswith(DAEMONS)):
            return when, "", "", rest
        tag = tagged.group("t")
        return when, tag, f"{tag}[{tagged.group('p') or ''}]", tagged.group("m").strip()


def _journal_entry(text: str) -> Tuple[Optional[float], str, str, str]:
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
