# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import json
import random
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.capture import is_capture, read_capture
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.events import Stats
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.reader import Reader
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.sources import open_log
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.wordings import understand

NOW = time.mktime((2026, 6, 1, 12, 0, 0, 0, 0, -1))
SEP = "SEP001122AABBCC.cnf.xml"
A = "10.0.0.7"
HPA = "Dec 20 03:25:25 pbx in.tftpd[8214]: "
ATFTPD = "Jun 25 13:00:34 pbx atftpd[2287.1399]: "
DNSMASQ = "Aug  2 12:32:58 pbx dnsmasq-tftp[548]: "


def read(*lines, now=NOW):
    stats = Stats()
    found = list(Reader(now, stats).events(line if isinstance(line, bytes) else line.encode() for line in lines))
    return found, stats


@pytest.mark.parametrize(
    ("lines", "kind", "address", "port", "file"),
    [
        ([HPA + f"RRQ from {A} filename ./SIPDefault.cnf"], "request", A, None, "./SIPDefault.cnf"),
        ([HPA + rf"RRQ from {A} filename \{SEP} remapped to /{SEP}"], "request", A, None, "\\" + SEP),
        ([HPA + f"RRQ from ::ffff:{A} filename {SEP}"], "request", A, None, SEP),
        ([HPA + f"RRQ from 2001:db8::7 filename {SEP}"], "request", "2001:db8::7", None, SEP),
        ([HPA + f"Client {A} finished {SEP}"], "served", A, None, SEP),
        ([HPA + f"Client {A} File not found {SEP}"], "missing", A, None, SEP),
        ([HPA + f"Client {A} timed out"], "failed", A, None, ""),
        ([HPA + f"RRQ from {A} filename {SEP}", HPA + f"sending NAK (1, File not found) to {A}"], "missing", A, None, SEP),
        ([HPA + f"RRQ from {A} filename {SEP}", HPA + f"sending NAK (2, Access violation) to {A}"], "denied", A, None, SEP),
        ([HPA + f"RRQ from {A} filename {SEP}", HPA + f"sending NAK (0, Permission denied) to {A}"], "denied", A, None, SEP),
        ([HPA + f"RRQ from {A} filename {SEP}", HPA + "tftpd: read: Connection refused"], "failed", A, None, SEP),
        ([ATFTPD + f"Serving {SEP} to {A}:49152"], "request", A, 49152, SEP),
        ([ATFTPD + f"Serving {SEP} to {A}:49152", ATFTPD + f"File /srv/tftp/{SEP} not found"], "missing", A, 49152, SEP),
        ([ATFTPD + f"Serving {SEP} to {A}:49152", ATFTPD + "End of transfer"], "served", A, 49152, SEP),
        ([ATFTPD + f"Serving {SEP} to {A}:49152", ATFTPD + f"client ({A}) not responding"], "failed", A, 49152, SEP),
        ([DNSMASQ + f"sent /srv/tftp/{SEP} to {A}"], "served", A, None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"file /srv/tftp/{SEP} not found"], "missing", "", None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"file /srv/tftp/{SEP} not found for {A}"], "missing", A, None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"failed sending /srv/tftp/{SEP} to {A}"], "failed", A, None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"cannot access /srv/tftp/{SEP}: Permission denied"], "denied", "", None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"error 0 TFTP Aborted received from {A}"], "failed", A, None, ""),
        ([DNSMASQ + f"Datei /srv/tftp/{SEP} nicht gefunden"], "missing", "", None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"/srv/tftp/{SEP} an {A} verschickt"], "served", A, None, f"/srv/tftp/{SEP}"),
        ([DNSMASQ + f"konnte /srv/tftp/{SEP} nicht an {A} senden"], "failed", A, None, f"/srv/tftp/{SEP}"),
        ([f"[2026-05-06 05:45:28 +0000] '{SEP}' of type 'octet' is requested from {A}:50315"], "request", A, 50315, SEP),
        (
            [
                f"[2026-05-06 05:45:28 +0000] '{SEP}' of type 'octet' is requested from {A}:50315",
                f"[2026-05-06 05:45:28 +0000] ⬆ Transfer of '{SEP}' finished.",
            ],
            "unsure", A, 50315, SEP,
        ),
        (
            [f"Connection received from {A} on port 2070", f"Read request for file <{SEP}>. Mode octet [13/05 16:11:12.294]"],
            "request", A, 2070, SEP,
        ),
        (
            [
                f"Connection received from {A} on port 2070 [13/05 16:11:12.294]",
                f"Read request for file <{SEP}>. Mode octet [13/05 16:11:12.294]",
                f"File <{SEP}> : error 2 in system call CreateFile The system cannot find the file specified. [13/05 16:11:12.294]",
            ],
            "missing", A, 2070, SEP,
        ),
        ([f"[2026-01-15 14:30:45] [INFO] [{A}] [GET] [{SEP}] Transfer complete, 1048576 bytes"], "served", A, None, SEP),
    ],
)  # fmt: skip
def test_every_wording(lines, kind, address, port, file):
    found, stats = read(*lines)
    assert found[-1].meaning[:4] == (kind, address, port, file)
    assert found[-1].time is not None
    assert stats.unknown == 0


def test_the_end_of_a_transfer_that_was_given_up():
    """By its own log, atftpd tells the thread of each line."""
    given_up = [f"Serving {SEP} to {A}:49152", f"client ({A}) not responding", "End of transfer"]
    found, _stats = read(*(ATFTPD + line for line in (*given_up, f"Serving {SEP} to {A}:49153", "End of transfer")))
    assert [(event.meaning.kind, event.meaning.port) for event in found] == [
        ("request", 49152),
        ("failed", 49152),
        ("request", 49153),
        ("served", 49153),
    ]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        # netkit's tftpd behind tcpd: logs of a Debian host in two repositories on GitHub, and of one of 2001 on a mailing list
        (
            [
                "Nov  3 15:27:09 debian in.tftpd[3304]: connect from 10.0.0.100 (10.0.0.100)",
                "Nov  3 15:27:09 debian tftpd[3305]: tftpd: trying to get file: pxelinux.0",
                "Nov  3 15:27:09 debian tftpd[3305]: tftpd: serving file from /srv/tftp",
                "Nov  3 15:27:09 debian in.tftpd[3306]: connect from 10.0.0.101 (10.0.0.101)",
                "Nov  3 15:27:09 debian tftpd[3307]: tftpd: trying to get file: ldlinux.c32",
                "Nov  3 15:27:09 debian tftpd[3307]: tftpd: sending NAK (1, File not found) to 10.0.0.101",
            ],
            [("request", "10.0.0.100", "pxelinux.0"), ("request", "10.0.0.101", "ldlinux.c32"), ("missing", "10.0.0.101", "ldlinux.c32")],
        ),
        # FreeBSD, libexec/tftpd/tftpd.c: tftp_log(LOG_INFO, "%s: read request for %s: %s", peername, filename, errtomsg(ecode))
        (
            [
                "Nov  3 15:27:09 nas tftpd[500]: 10.0.0.1: read request for OS79XX.TXT: success",
                "Nov  3 15:27:09 nas tftpd[501]: 10.0.0.1: read request for SIPDefault.cnf: File not found",
                "Nov  3 15:27:09 nas tftpd[502]: 10.0.0.1: read request for a b.cnf: Access violation",
            ],
            [("served", "10.0.0.1", "OS79XX.TXT"), ("missing", "10.0.0.1", "SIPDefault.cnf"), ("denied", "10.0.0.1", "a b.cnf")],
        ),
        # Cisco IOS, `debug tftp packets` in the Unified CME administrator guide; with the stamps of `service timestamps debug`
        (
            [
                "*Nov  3 15:27:09.123: TFTP: Server request for port 50919, socket_id 0x71523394 for process 334",
                "*Nov  3 15:27:09.127: TFTP: read request from host 10.2.10.11(50919) via GigabitEthernet0/0.302",
                "*Nov  3 15:27:09.127: TFTP: Looking for CTLSEP000B5FC22C23.tlv",
                "*Nov  3 15:27:09.131: TFTP: Sending error 1 No such file",
            ],
            [("request", "10.2.10.11", "CTLSEP000B5FC22C23.tlv"), ("missing", "10.2.10.11", "CTLSEP000B5FC22C23.tlv")],
        ),
        # tcpdump of 2003 (lecture notes of the University of Miami), and of today (print-tftp.c)
        (
            [
                '17:00:41.829134 grant.cs.miami.edu.1594 > sherman.cs.miami.edu.tftp:  27 RRQ "small-hands.txt"',
                "17:00:41.834977 sherman.cs.miami.edu.4327 > grant.cs.miami.edu.1594:  udp 516",
            ],
            [("request", "grant.cs.miami.edu", "small-hands.txt")],
        ),
        (
            [
                '2026-11-03 17:00:41.829134 IP 10.0.0.1.50919 > 10.0.0.2.69: TFTP, length 35, RRQ "CTLSEP000B5FC22C23.tlv" octet',
                '2026-11-03 17:00:41.834977 IP 10.0.0.2.4327 > 10.0.0.1.50919: TFTP, length 19, ERROR ENOTFOUND "File not found"',
            ],
            [("request", "10.0.0.1", "CTLSEP000B5FC22C23.tlv"), ("missing", "10.0.0.1", "CTLSEP000B5FC22C23.tlv")],
        ),
    ],
)
def test_words_of_servers_that_are_rarer(lines, told):
    found, stats = read(*lines)
    assert [(event.meaning.kind, event.meaning.address, event.meaning.file) for event in found] == told
    assert all(event.time is not None for event in found)
    assert (stats.unknown, stats.strange) == (0, 0)


@pytest.mark.parametrize(
    ("line", "strange"),
    [
        (f"Nov  3 15:27:09 pbx mytftp: GET of {SEP} by 10.0.0.1 went well", 1),
        ("[15:27:09] 10.0.0.1 <- SIPDefault.cnf (ok)", 1),
        ("Nov  3 15:27:09 pbx mytftp: GET of pxelinux.0 by 10.0.0.1 went well", 0),
        (f"Nov  3 15:27:09 pbx asterisk[1]: loading {SEP}", 0),
        ("Nov  3 15:27:09 pbx python3[1]: ansible-copy Invoked with dest=/srv/tftp/SIPDefault.cnf", 0),
    ],
)
def test_lines_in_unknown_words_that_name_files_of_phones(line, strange):
    found, stats = read(line)
    assert (found, stats.unknown, stats.strange, stats.sample) == ([], 1, strange, line.encode() if strange else b"")


SAYS = "Nov 23 15:10:01 pbx {}: {}"


@pytest.mark.parametrize(
    ("daemon", "message"),
    [
        ("udhcpd[77]", f"sending OFFER to {A}"),
        ("udhcpd[77]", f"sending NAK to {A}"),
        ("mydaemon[5]", "Option foo is deprecated"),
        ("myapp[5]", "Aborting on signal 6"),
        ("php[5]", "File /var/www/index.php not found"),
        ("squid[5]", f"Client {A} timed out"),
        ("rsyncd[5]", f"sent foo to {A}"),
        ("httpd[5]", f"Serving index.html to {A}:40000"),
        ("dnsmasq-dhcp[5]", f"sent foo to {A}"),
    ],
)
def test_words_of_other_daemons(daemon, message):
    found, stats = read(SAYS.format(daemon, message))
    assert (found, stats.unknown, stats.server) == ([], 1, "")
    assert understand(message)[0] or "OFFER" in message or "NAK" in message  # without a daemon it may be a server's


@pytest.mark.parametrize(
    ("daemon", "message"),
    [
        ("tftp_1[5]", f"Client {A} timed out"),
        ("tftp_1[5]", f"sent /srv/pxelinux.0 to {A}"),
        ("mytftpd[5]", "Aborting"),
        ("dnsmasq[5]", f"sent /srv/pxelinux.0 to {A}"),
        ("xinetd[5]", "START: tftp pid=8213 from=10.0.0.7"),
        ("pxe[5]", f"RRQ from {A} filename pxelinux.0"),
        ("pxe[5]", f"sending NAK (1, File not found) to {A}"),
        ("python3[5]", f"'pxelinux.0' of type 'octet' is requested from {A}:50315"),
        ("python3[5]", "Transfer of 'pxelinux.0' finished"),
        ("pxe[5]", f"sent /srv/{SEP} to {A}"),
        ("pxe[5]", f"Client {A} finished P0S3-8-12-00.loads"),
        ("pxe[5]", "File /srv/SIPDefault.cnf not found"),
        ("systemd[1]", "Started Tftp Server."),
    ],
)
def test_tftp_servers_under_other_names(daemon, message):
    _found, stats = read(SAYS.format(daemon, message))
    assert stats.unknown == 0


@pytest.mark.parametrize(
    ("message", "kind", "address"),
    [
        ("Kann auf {} nicht zugreifen: Keine Berechtigung", "denied", ""),
        ("kann {} nicht lesen: Ein-/Ausgabefehler", "denied", ""),
        ("Datei {} nicht gefunden für {}", "missing", A),
        ("Zeitüberschreitung beim Senden von {} an {}", "failed", A),
        ("konnte {} nicht an {} senden", "failed", A),
        ("{} an {} verschickt", "served", A),
        ("brak dostępu do {}: Brak dostępu", "denied", ""),
        ("błąd odczytu z pliku {}: Brak dostępu", "denied", ""),
        ("plik {} nie został znaleziony dla {}", "missing", A),
        ("błąd wysyłania pliku {} do komputera {}", "failed", A),
        ("plik {} przesłano do {}", "served", A),
        ("Ne peut pas lire {} : Permission non accordée", "denied", ""),
        ("fichier {} non trouvé pour {}", "missing", A),
        ("impossible d'envoyer {} à {}", "failed", A),
        ("envoyé {} à {}", "served", A),
        ("no se puede leer {}: Permiso denegado", "denied", ""),
        ("archivo {} no encontrado por {}", "missing", A),
        ("TFTP no pudo enviar {} a {}", "failed", A),
        ("TFTP envió {} a {}", "served", A),
        ("%s-სთან წვდომის შეცდომა: წვდომა აკრძალულია".replace("%s", "{}"), "denied", ""),
        ("ფაილი {} ვერ ვიპოვე {}_სთვის", "missing", A),
        ("{}-ის {}-სთვის გაგზავნის შეცდომა", "failed", A),
        ("{} გაგზავნილია {}-სთან", "served", A),
        ("tiedosto {} menee osoitteeseen {}", "unsure", A),
    ],
)
def test_dnsmasq_in_other_languages(message, kind, address):
    found, stats = read(DNSMASQ + message.format(f"/srv/tftp/{SEP}", A))
    assert [event.meaning[:4] for event in found] == [(kind, address, None, f"/srv/tftp/{SEP}")]
    assert stats.unknown == 0


@pytest.mark.parametrize(
    "message",
    [
        "sent /srv/tftp/P0S3-8-12-00.loads", "sent /srv/tftp/P0S3-8-12-00.loads to", "sent /srv/tftp/P0S3-8-12-00.loads to 10.20",
        "sent /srv/tftp/P0S3-8-12-00.loads to 10.20.0.", "sent /srv/tftp/./SIP0010840BB1D7.cnf ", "file /srv/tftp/P0S3-8-12-00.loads not",
        "/srv/tftp/P0S3-8-12-00.loads an 10.20", "/srv/tftp/P0S3-8-12-00.loads an 10.20.0.1", "/srv/tftp/P0S3-8-12-00.loads",
        "/srv/tftp/P0S3-8-12-00.loads an 10.20.0\ufffd234 verschickt", "sent /srv/tftp/P0S3-8-12-00.loads to 10.2\ufffd.6.99",
    ],
)  # fmt: skip
def test_lines_that_were_cut_tell_nothing(message):
    found, stats = read(DNSMASQ + message)
    assert (found, stats.unknown) == ([], 1)


def tftpd32(second, *messages):
    return [f"{message} [01/06 10:00:{second:02}.001]" for message in messages]


B = "10.0.0.8"
OPENED = "Connection received from {} on port {}"
READS = "Read request for file <{}>. Mode octet"
NO_FILE = "File <{}> : error 2 in system call CreateFile The system cannot find the file specified."


def test_a_connection_serves_one_request():
    lines = tftpd32(0, OPENED.format(A, 1), READS.format("a"), READS.format("b"))
    found, _stats = read(*lines)
    assert [(event.meaning.address, event.meaning.file) for event in found] == [(A, "a"), ("", "b")]


def test_a_connection_of_long_ago():
    found, _stats = read(*tftpd32(0, OPENED.format(A, 1)), *tftpd32(9, READS.format("a")))
    assert [event.meaning.address for event in found] == [""]


def test_two_open_connections_leave_in_doubt_who_asked():
    load = "P0S3-08-12-00.loads"
    lines = tftpd32(23, OPENED.format(B, 50010), OPENED.format(A, 50000), READS.format(load), READS.format(SEP), NO_FILE.format(load))
    found, _stats = read(*lines, *tftpd32(24, OPENED.format(A, 50001), READS.format("x")))
    assert [(event.meaning.address, event.meaning.file) for event in found] == [("", SEP), (A, "x")]
    both = tftpd32(23, OPENED.format(A, 50000), OPENED.format(A, 50001), READS.format("a"), READS.format("b"))
    assert [(event.meaning.address, event.meaning.port) for event in read(*both)[0]] == [(A, 50000), (A, 50001)]


def test_a_request_before_its_connection():
    lines = tftpd32(0, READS.format("a"), OPENED.format(A, 1), READS.format("b"), OPENED.format(B, 1))
    assert [event.meaning.address for event in read(*lines)[0]] == ["", ""]


@pytest.mark.parametrize("process", ["atftpd[9]", "atftpd[9.7]"])
def test_an_error_of_long_after_is_another_requests(process):
    load = "P0S3-8-12-00.loads"
    lines = [f"04:54:13 pbx {process}: Serving {load} to {A}:51653", f"05:09:42 pbx {process}: File /srv/tftp/{load} not found"]
    assert [event.meaning.kind for event in read(*("Jun  1 " + line for line in lines))[0]] == ["request"]
    assert [event.meaning.address for event in read(*("Jun  1 " + line.replace("05:09:42", "04:54:15") for line in lines))[0]] == [A, A]
    alone, _stats = read("Jun  1 " + lines[1])
    assert [event.meaning.kind for event in alone] == ["missing"]  # a log of errors only


@pytest.mark.parametrize("again", ["pbx atftpd[9.1]: message repeated 3 times: [ {}]", "pbx last message repeated 3 times"])
def test_repeats_are_events(again):
    said = f"Serving {SEP} to {A}:50000"
    lines = [f"Jun  1 10:00:00 pbx atftpd[9.1]: {said}", "Jun  1 10:00:09 " + again.format(said)]
    found, stats = read(*lines)
    assert [event.time - found[0].time for event in found] == [0, 3, 6, 9]
    assert len({event.meaning for event in found}) == 1 and (stats.lines, stats.unknown) == (2, 0)
    assert len(read(lines[0], lines[1].replace(" 3 times", " 99999999 times"))[0]) == 21
    alone, stats = read(lines[1])
    assert len(alone) == ("[" in again) and stats.unknown == ("[" not in again)


def test_answers_by_name_alone():
    """Two asked for the file: whose answer it is cannot be told. With the second one, both are answered."""
    stamp = "[2026-05-06 05:45:28 +0000] "
    asked = [f"{stamp}'OS79XX.TXT' of type 'octet' is requested from 10.0.0.{number}:50315" for number in (7, 8)]
    done = f"{stamp}Transfer of 'OS79XX.TXT' finished."
    found, _stats = read(*asked, done, done, asked[0], done)
    assert [(event.meaning.kind, event.meaning.address) for event in found if event.meaning.address] == [
        ("request", A), ("request", "10.0.0.8"), ("request", A), ("unsure", A),
    ]  # fmt: skip


def test_known_lines_without_use_and_unknown_lines():
    found, stats = read(
        "Dec 20 03:25:25 pbx xinetd[939]: START: tftp pid=8213 from=10.0.0.7",
        ATFTPD + "Creating new socket: 10.0.0.1:32941",
        "Dec 20 03:25:25 pbx sshd[1]: Accepted publickey for root",
        b"\xff\xfe\x00garbage",
        b"",
    )
    assert (found, stats.lines, stats.unknown) == ([], 5, 3)


def test_starts_of_a_server():
    found, _stats = read(DNSMASQ + "TFTP root is /srv/tftp", "Dec 20 03:24:42 pbx systemd[1]: Started Tftp Server.")
    assert [event.meaning.kind for event in found] == ["server_start"] * 2


@pytest.mark.parametrize(
    "line",
    [
        "Jun  1 10:00:00 pbx in.tftpd[1]: {}",
        "2026-06-01T10:00:00+00:00 pbx in.tftpd[1]: {}",
        "<30>1 2026-06-01T10:00:00.000Z pbx in.tftpd 1 - - {}",
        "<30>Jun  1 10:00:00 pbx in.tftpd[1]: {}",
        "Jun 01 10:00:00.000000 pbx in.tftpd[1]: {}",
        "2026-06-01T10:00:00+0000 pbx in.tftpd[1]: {}",
        "Mon Jun  1 10:00:00 2026 daemon.info in.tftpd[1]: {}",
    ],
)
def test_envelopes(line, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    found, _stats = read(line.format(f"RRQ from {A} filename {SEP}"), now=1780315200.0)
    assert (found[0].time, *found[0].meaning[:4]) == (1780308000.0, "request", A, None, SEP)


def test_journal_json_with_bytes():
    message = f"RRQ from {A} filename {SEP}"
    entry = {"__REALTIME_TIMESTAMP": "1780308000500000", "SYSLOG_IDENTIFIER": "in.tftpd", "_PID": "7"}
    found, stats = read(json.dumps({**entry, "MESSAGE": message}), json.dumps({**entry, "MESSAGE": list(message.encode())}), '{"MESSAGE":')
    assert [(event.time, *event.meaning[:4]) for event in found] == [(1780308000.5, "request", A, None, SEP)] * 2
    assert stats.unknown == 1


def test_lines_without_stamp():
    found, _stats = read(f"in.tftpd[7]: RRQ from {A} filename {SEP}", f"RRQ from {A} filename {SEP}")
    assert [event.time for event in found] == [None, None]


def test_new_year():
    now = time.mktime((2027, 1, 1, 0, 10, 0, 0, 0, -1))
    old, new = HPA.replace("Dec 20 03:25:25", "Dec 31 23:59:59"), HPA.replace("Dec 20 03:25:25", "Jan  1 00:00:01")
    found, _stats = read(old + f"RRQ from {A} filename a", new + f"RRQ from {A} filename b", now=now)
    assert found[1].time - found[0].time == 2
    found, _stats = read("Feb 29 01:00:00 pbx in.tftpd[1]: RRQ from 10.0.0.1 filename a", now=now)
    assert time.localtime(found[0].time)[:3] == (2024, 2, 29)


def test_files_plain_gzipped_cut_and_endless(tmp_path):
    plain, packed, endless = tmp_path / "log.1", tmp_path / "log.2.gz", tmp_path / "log"
    plain.write_bytes(b"one\ntwo")
    packed.write_bytes(gzip.compress(b"one\ntwo\n" * 50000))
    endless.write_bytes(b"x" * (1 << 20) + b"\nshort\n")
    assert list(open_log(str(plain))) == [b"one", b"two"]
    assert len(list(open_log(str(packed)))) == 100000
    packed.write_bytes(packed.read_bytes()[:100])
    assert set(open_log(str(packed))) <= {b"one", b"two", b"o", b"on", b"t", b"tw"}
    lines = list(open_log(str(endless)))
    assert lines[-1] == b"short" and max(map(len, lines)) <= 1 << 17
    with pytest.raises(OSError):
        list(open_log(str(tmp_path / "none")))


@pytest.mark.parametrize("longest", [100, 12_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_all_lines_of_a_log_in_their_order(tmp_path, longest, end):
    rng = random.Random(longest)
    lines = [b"%d" % number + b"x" * rng.randrange(longest) for number in range(60_000_000 // (longest * 100))]
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines) + end)
    assert list(open_log(str(log))) == lines + [b""] * end[1:].count(b"\n")


def test_lines_after_an_endless_one(tmp_path):
    log = tmp_path / "log"
    lines = [b"%d" % number for number in range(30_000)]
    log.write_bytes(b"\n".join([*lines, b"x" * 300_000, *lines]))
    found = list(open_log(str(log)))
    assert found[: len(lines)] == lines
    assert found[-len(lines) :] == lines
    assert len(found) == 2 * len(lines) + 1


# -- captures

PHONE, SERVER = (10, 0, 0, 7), (10, 0, 0, 1)


def frame(source, sport, target, dport, data):
    udp = struct.pack(">4H", sport, dport, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH4B4B", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, *source, *target)
    return b"\0" * 12 + b"\x08\x00" + ip + udp


def conversation(acks):
    yield frame(PHONE, 50000, SERVER, 69, b"\0\x01CTLSEP001122AABBCC.tlv\0octet\0")
    yield frame(SERVER, 40000, PHONE, 50000, b"\0\x05\0\x01File not found\0")
    yield frame(PHONE, 50001, SERVER, 69, f"\0\x01{SEP}\0octet\0".encode())
    yield frame(SERVER, 40001, PHONE, 50001, b"\0\x03\0\x01" + b"x" * 512)
    if acks:
        yield frame(PHONE, 50001, SERVER, 40001, b"\0\x04\0\x01")
        yield frame(SERVER, 40001, PHONE, 50001, b"\0\x03\0\x02x")
        yield frame(PHONE, 50001, SERVER, 40001, b"\0\x04\0\x02")


def pcap(frames, order="<"):
    head = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack(order + "4I", 1000 + n, 500000, len(f), len(f)) + f for n, f in enumerate(frames))


def pcapng(frames):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    for number, one in enumerate(frames):
        ticks = (1000 + number) * 1000000 + 500000
        data += block(6, struct.pack("<5I", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(one), len(one)) + one)
    return data


@pytest.mark.parametrize("form", [pcap, lambda frames: pcap(frames, ">"), pcapng])
def test_captures(tmp_path, form):
    path = tmp_path / "capture"
    path.write_bytes(form(list(conversation(True))))
    assert is_capture(str(path))
    found = list(read_capture(str(path), Stats()))
    assert [event.meaning.kind for event in found] == ["request", "missing", "request", "acked", "served"]
    assert (found[2].time, *found[2].meaning[:4]) == (1002.5, "request", A, 50001, SEP)
    path.write_bytes(form(list(conversation(False))))
    assert [event.meaning.kind for event in read_capture(str(path), Stats())][-1] == "data_unacked"


def test_captures_cut_anywhere(tmp_path):
    path = tmp_path / "capture"
    for whole in (pcap(list(conversation(True))), pcapng(list(conversation(True)))):
        for end in range(4, len(whole), 7):
            path.write_bytes(whole[:end])
            list(read_capture(str(path), Stats()))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: (HPA + text).encode("utf-8", "replace"))), max_size=20)
)
def test_no_line_is_fatal(lines):
    found, stats = read(*lines)
    assert stats.lines == len(lines) and len(found) <= len(lines)
