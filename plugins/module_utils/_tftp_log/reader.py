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
from .stamps import NEVER, Stamps
from .wordings import REPEATED, understand

LONGEST = 1 << 14
"""Bytes of a line that are looked at."""
_MOST_MESSAGES = 1 << 12
_MOST_REPEATS = 20
"""Events that are made of a line that tells of repeats: enough to tell retries."""
_PRIORITY = re.compile(r"<[0-9]{1,3}>(1 )?")
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
_REPEATS = re.compile(r"(?:^|[ :])(?:(?P<last>last )?message repeated (?P<n>[0-9]{1,9}) times)")


def plain(line: bytes) -> str:
    return line[:LONGEST].decode("utf-8", "replace").replace("\0", "").strip()


def tells_repeats(line: bytes) -> bool:
    """Whether a line stands for some of those before it, as syslog writes them."""
    return b"message repeated " in line and not OTHERS.match(line)


class Reader:
    """Turns the lines of one log into events; remembers what it takes to join lines that belong together.

    `now` is when the log was last written, in seconds since 1970.
    """

    def __init__(self, now: float, stats: Stats) -> None:
        self.stats = stats
        self._stamps = Stamps(now)
        self._joins = Joins()
        self._meanings: Dict[Tuple[str, str], Meaning] = {}
        """By daemon and message."""
        self._repeated = b""
        """The line that the next ones may tell to be repeated."""

    def read(self, line: bytes) -> Tuple[Optional[Event], bytes]:
        """The event of a line, if there is one. What no TFTP server wrote is counted.

        The second is the part of the line that says, by itself, all that the event does but the time: whoever finds it again behind
        another stamp, host and process need not read that line but for its time. Empty if there is no such part.
        """
        self.stats.lines += 1
        return self._event(line)

    def _event(self, line: bytes) -> Tuple[Optional[Event], bytes]:
        if OTHERS.match(line):
            self.stats.unknown += 1
            return None, b""
        when, tag, process, text = self.envelope(plain(line))
        alone = self._meaning(text, tag)
        if alone is None:
            self.stats.unknown += 1
            return None, b""
        meaning = self._joins.join(alone, process, when)
        if not meaning:
            return None, b""
        message = line.partition(b"]: ")[2]
        known_server = (tag == "in.tftpd" or tag.startswith("dnsmasq")) and not process.endswith("[]")
        whole = meaning == alone and meaning.file and meaning.address and text == plain(message)
        return Event(when, *meaning), message if known_server and whole else b""

    def read_again(self, head: bytes, meaning: Meaning) -> Optional[float]:
        """The time of a line of which the part after "]: " is known to have that meaning by itself, and `head` is what stands before.

        NEVER if no server can have written that head: then the line is to be read as any other.
        """
        when = self._stamps.quick(head)
        if when is None:
            when, tag, _process, _text = self.envelope(plain(head) + "]: ")
            if not tag:
                return NEVER
            self._stamps.learn(head, when)
        self.stats.lines += 1
        if meaning.kind == REQUEST:
            self._joins.remember_request(head.rpartition(b" ")[2].decode("utf-8", "replace") + "]", meaning)
        return when

    def repeats(self, line: bytes, before: bytes) -> List[Event]:
        """The events of a line that tells how often the one before it was logged again: evenly, from that one's time on."""
        self.stats.lines += 1
        if not tells_repeats(before):
            self._repeated = before
        text = plain(line)
        found = _REPEATS.search(text)
        since, _tag, _process, message = self.envelope(plain(before))
        event: Optional[Event] = None
        if found and found.group("last"):
            _when, tag, _process, message = self.envelope(plain(self._repeated))
            meaning = self._meaning(message, tag)
            if meaning and meaning.file and meaning.address and not OTHERS.match(self._repeated):
                event = Event(self._stamps.at_start(text)[0], *meaning)
            else:
                self.stats.unknown += 1
        else:
            event, _alone = self._event(line)
            inner = REPEATED.match(message)
            if event and event.line != (inner.group(1) if inner else message):
                since = None
        if not event:
            return []
        if event.time is None or since is None or since >= event.time or not found:
            return [event]
        count = max(int(found.group("n")), 1)
        gap = (event.time - since) / count
        return [event._replace(time=event.time - gap * left) for left in range(min(count, _MOST_REPEATS) - 1, -1, -1)]

    def find_server(self, line: bytes) -> bool:
        """Whether a TFTP server wrote this line. It is not counted, but the server is."""
        _when, tag, _process, text = self.envelope(plain(line))
        return not OTHERS.match(line) and self._meaning(text, tag) is not None

    def _meaning(self, message: str, daemon: str) -> Optional[Meaning]:
        """What a message means by itself; None if no TFTP server wrote it."""
        key = (daemon, message)
        meaning = self._meanings.get(key)
        if meaning is None:
            server, meaning = understand(message, daemon)
            if server:
                self.stats.add_server(server)
            if meaning:
                remember(self._meanings, key, meaning, _MOST_MESSAGES)
        return meaning

    def envelope(self, text: str) -> Tuple[Optional[float], str, str, str]:
        """Time, daemon, process (such as "in.tftpd[123]") and message of a line; each may be missing."""
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
        tagged = _TAG_5424.match(text[end:]) if priority and priority.group(1) else _TAG.match(rest)
        if not tagged or "'" in tagged.group("t"):
            return when, "", "", rest
        if not tagged.group("p") and not tagged.group("t").startswith(DAEMONS):
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


def events(lines: Iterable[bytes], now: float, stats: Stats) -> Iterator[Event]:
    """What the lines say. `now` is when the log was last written: no stamp without a year is later than that."""
    reader = Reader(now, stats)
    before = b""
    for line in lines:
        if tells_repeats(line):
            yield from reader.repeats(line, before)
        else:
            event, _alone = reader.read(line)
            if event:
                yield event
        before = line
