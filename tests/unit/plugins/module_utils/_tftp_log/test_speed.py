# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is fast gives the same as each line taken by itself, on logs as nobody should have them; and `since` misses nothing."""

from __future__ import annotations

import errno
import gzip
import os
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import phones, reader
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import PhoneLogs, diagnose
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.events import Stats
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.sources import open_log

BEGIN = 1_780_300_000
NOW = BEGIN + 100_000
NAMES = ("CTLSEP{}.tlv", "SEP{}.cnf.xml", "SIPDefault.cnf", "./SIP{}.cnf", "P0S3-8-12-00.loads", "OS79XX.TXT", "RINGLIST.DAT")
SAID = (
    "pbx in.tftpd[{p}]: RRQ from {a} filename {f}",
    "pbx in.tftpd[{p}]: RRQ from {a} filename {f}",
    "pbx in.tftpd[{p}]: Client {a} finished {f}",
    "pbx in.tftpd[{p}]: Client {a} File not found {f}",
    "pbx in.tftpd[{p}]: sending NAK (1, File not found) to {a}",
    "pbx in.tftpd[{p}]: sending NAK (1, File not found) to {a}",
    "pbx in.tftpd[{p}]: sending NAK (2, Access violation) to {a}",
    "pbx in.tftpd[{p}]: Client {a} timed out",
    "pbx in.tftpd[{p}]: tftpd: read: Connection refused",
    "pbx in.tftpd[{p}]: tftp: client does not accept options",
    "in.tftpd[{p}]: RRQ from {a} filename {f}",
    "pbx in.tftpd: RRQ from {a} filename {f}",
    "pbx in.tftpd[{p}]: RRQ from {a} filename {f} ",
    "pbx in.tftpd[{p}]: RRQ from {a} filename {f}\0",
    "pbx in.tftpd[{p}]: RRQ from {a} filename a]: {f}",
    "pbx\0 in.tftpd[{p}]: Client {a} finished {f}",
    "pbx atftpd[7.{p}]: Serving {f} to {a}:{p}",
    "pbx atftpd[7.{p}]: File /srv/{f} not found",
    "pbx atftpd[7]: Serving {f} to {a}:{p}",
    "pbx atftpd[7]: File /srv/{f} not found",
    "pbx atftpd[7]: client ({a}) not responding",
    "pbx atftpd[7]: End of transfer",
    "pbx atftpd[7]: Server thread exiting",
    "pbx atftpd[7]: Serving {f} to {a}:{p}|pbx atftpd[7]: End of transfer|pbx atftpd[7]: Server thread exiting",
    "pbx atftpd[7]: Serving {f} to {a}:{p}|pbx atftpd[7]: File /srv/{f} not found|pbx atftpd[7]: Server thread exiting",
    "pbx dnsmasq-tftp[7]: sent /srv/{f} to {a}",
    "pbx dnsmasq-tftp[7]: file /srv/{f} not found for {a}",
    "dnsmasq-tftp[7]: file /srv/{f} not found",
    "pbx dnsmasq-tftp[7]: cannot access /srv/{f}: Permission denied",
    "pbx dnsmasq-tftp[7]: TFTP root is /srv/tftp",
    "'{f}' of type 'octet' is requested from {a}:{p}",
    "Transfer of '{f}' finished.",
    "pbx systemd[1]: Started Tftp Server.",
    "pbx asterisk[7]: NOTICE[77]: chan_sip.c: {f}",
    "pbx asterisk[7]: VERBOSE[77][C-7]: pbx.c: a]: b]: c",
    "pbx kernel: [17.3] nf_conntrack_tftp {a}",
    "pbx CRON[7]: (root) CMD (/usr/bin/tftp {f})",
    "pbx sshd[7]: Accepted",
    "pbx sudo: root : COMMAND=/bin/sh",
    "pbx haproxy[7]: x]: {f}",
    "pbx unheard: of",
)


def _month(at: int) -> str:
    return time.strftime("%b %e %H:%M:%S", time.localtime(BEGIN + at))


def _iso(at: int, zone: int, form: str = "microseconds") -> str:
    return datetime.fromtimestamp(BEGIN + at, timezone(timedelta(hours=zone))).isoformat(timespec=form)


STAMPS = (
    _month,
    lambda at: _iso(at, 0).replace("00:00.0", "00:00.7"),
    lambda at: _iso(at, 1).replace(".000000", f".{at % 10}00001"),
    lambda at: _iso(at, 2, "milliseconds"),
    lambda at: _iso(at, 2, "seconds"),
    lambda at: _iso(at, 0).replace("+00:00", "Z"),
    lambda at: "<30>" + _month(at),
    lambda at: _month(at) + ".123456",
    lambda at: f"[{BEGIN + at}]",
)
LINE = st.tuples(st.integers(0, 15), st.sampled_from(SAID), st.integers(0, 4), st.sampled_from(NAMES), st.booleans())


@st.composite
def logs(draw):
    lines, at = [], 0
    stamps = draw(st.one_of(st.sampled_from(STAMPS).map(lambda one: [one]), st.lists(st.sampled_from(STAMPS), min_size=2, max_size=3)))
    said = draw(st.one_of(st.just(SAID), st.lists(st.sampled_from(SAID), min_size=2, max_size=6)))
    behind = draw(st.integers(1, 6))
    draws = draw(st.lists(LINE, max_size=60))
    for number, (wait, text, phone, name, again) in enumerate(draws * draw(st.integers(1, 3))):
        at += wait
        text = text if text in said else said[number % len(said)]
        process = 10 * phone + NAMES.index(name) if not again else 3
        text = text.format(p=process, a=f"10.0.0.{phone // behind}", f=name.format(f"0011223344{phone:02X}"))
        stamp = stamps[number % len(stamps)](at)
        lines += [f"{stamp} {part}".encode() for part in text.split("|")]
    rng = draw(st.randoms(use_true_random=False))
    shuffled = draw(st.sampled_from(["no", "near", "all"]))
    if shuffled == "all":
        rng.shuffle(lines)
    elif shuffled == "near":
        lines = [
            line for _place, line in sorted(((place + rng.randrange(6), line) for place, line in enumerate(lines)), key=lambda one: one[0])
        ]
    for _cut in range(draw(st.integers(0, 3)) if lines else 0):
        place = rng.randrange(len(lines))
        lines[place] = lines[place][rng.randrange(40) :] if rng.random() < 0.5 else lines[place][: rng.randrange(60)]
    for noise in draw(st.lists(st.binary(max_size=30).map(lambda some: some.replace(b"\n", b"")), max_size=2)):
        lines.insert(rng.randrange(len(lines) + 1), noise)
    return [b"-", *lines]  # no magic of a capture


def slowly(lines, now, since=None, until=None):
    by_phone, stats = PhoneLogs(None, since, until), Stats()
    one_by_one = reader.Reader(now, stats)
    by_phone.feed(event for line in lines for event in one_by_one.read(line))
    return {"phones": by_phone.result(now), **stats.told()}


@settings(max_examples=300, deadline=None)
@given(
    lines=logs(),
    kept=st.sampled_from([4, 64]),
    window=st.sampled_from([(None, None), (None, None), (100, None), (None, 200), (100, 200)]),
    by_line=st.booleans(),
)
def test_fast_and_slow_say_the_same(tmp_path_factory, lines, kept, window, by_line):
    since, until = (None if one is None else BEGIN + one for one in window)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phones, "KEPT", kept)
        if by_line:
            fast = diagnose(lines, now=NOW, since=since, until=until)
        else:
            log = tmp_path_factory.mktemp("logs") / "log"
            log.write_bytes(b"".join(line + b"\n" for line in lines))
            fast = diagnose([str(log)], now=NOW, since=since, until=until)
        slow = slowly(lines, NOW, since, until)
    assert fast == slow


def boots(count):
    """Of three phones, with lines of others between them."""
    for number in range(count):
        for at, name in enumerate(NAMES):
            stamp, phone = _month(60 * number + at), f"0011223344{number % 3:02X}"
            asked = f"{stamp} pbx in.tftpd[{number}]: "
            yield f"{asked}RRQ from 10.0.0.{number % 3} filename {name.format(phone)}\n"
            yield f"{asked}Client 10.0.0.{number % 3} finished {name.format(phone)}\n"
            yield f"{stamp} pbx asterisk[7]: NOTICE[77]: chan_sip.c: {number}\n"


def test_a_long_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(boots(300)))
    result = diagnose([str(log)], now=NOW)
    assert [facts["boots"] for facts in result["phones"].values()] == [100, 100, 100]
    assert (result["lines"], result["unknown"]) == (300 * 21, 300 * 7)


@pytest.mark.parametrize("left", ["", "x" * 50_000, "x\n" * 200_000])
def test_a_log_that_is_cut_while_it_is_read(tmp_path, monkeypatch, left):
    log = tmp_path / "log"
    log.write_text("".join(boots(300)))
    read = reader.Reader.read
    lines: list[object] = []

    def cut(*args):
        if len(lines) == 100:
            log.write_text(left)
        lines.append(args)
        return read(*args)

    monkeypatch.setattr(reader.Reader, "read", cut)
    with pytest.raises(OSError, match="cut or written anew") as caught:
        diagnose([str(log)], now=NOW)
    assert (caught.value.errno, caught.value.filename) == (errno.ESTALE, str(log))


def test_a_log_that_grows_while_it_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_text("one\n")
    with log.open("a") as file:
        lines = open_log(str(log))
        assert next(lines) == b"one"
        file.write("two\n")
        file.flush()
        assert list(lines) in ([], [b"two"])


def stamped(stamp, count=3000):
    """Boots, a minute apart."""
    lines = "".join(boots(count)).encode().splitlines()
    if stamp == "iso":
        lines = [_iso(60 * (number // 21), 2).encode() + line[15:] for number, line in enumerate(lines)]
    elif stamp == "none":
        lines = [line[16:] for line in lines]
    return lines


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("stamp", ["month", "iso", "none"])
def test_what_is_long_before_since_is_not_read(tmp_path, stamp, packed):
    lines = stamped(stamp)
    log = tmp_path / "log"
    data = b"\n".join(lines) + b"\n"
    log.write_bytes(gzip.compress(data) if packed else data)
    since = BEGIN + 60 * 2900
    now = BEGIN + 60 * 3000 + 10
    os.utime(log, (now, now))
    part, whole = diagnose([str(log)], now=now, since=since), slowly(lines, now, since)
    assert (part["phones"], part["server"]) == (whole["phones"], whole["server"])
    if packed or stamp == "none":
        assert part["lines"] == whole["lines"]
    else:  # the hour before as well, and what is not worth another look
        assert 160 * 21 < part["lines"] < (160 + 50) * 21
    later = diagnose([str(log)], now=now, since=since + 10_000)
    assert later["server"] == "tftpd-hpa"
    assert stamp == "none" or later["phones"] == {}


def test_a_server_that_has_not_written_for_long(tmp_path):
    """It is known by what it wrote before `since`."""
    lines = [line for number, line in enumerate(stamped("month")) if number < 100 or b"asterisk" in line]
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    result = diagnose([str(log)], now=NOW + 200_000, since=BEGIN + 60 * 2900)
    assert (result["phones"], result["server"]) == ({}, "tftpd-hpa")
    assert result["lines"] == result["unknown"] < len(lines) / 2


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 400), st.booleans()), min_size=200, max_size=400),
    since=st.integers(0, 200_000),
    jitter=st.integers(0, 3600),
    rng=st.randoms(use_true_random=False),
)
def test_nothing_after_since_is_missed(tmp_path_factory, lines, since, jitter, rng):
    """In a log whose lines stand up to an hour out of order, and some of which have no stamp or are long."""
    log, at, written = tmp_path_factory.mktemp("logs") / "log", 0, []
    for number, (wait, length, plain) in enumerate(lines):
        at += wait
        when = BEGIN + at - rng.randrange(jitter + 1)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00 ", time.gmtime(when)) if plain else ""
        written.append((when if plain else None, f"{stamp}pbx daemon[{number}]: {'x' * length * 10}".encode()))
    log.write_bytes(b"\n".join(line for _when, line in written))
    found = list(open_log(str(log), BEGIN + since, reader.Reader(NOW, Stats())))
    assert [line for _when, line in written][len(written) - len(found) :] == found
    assert not [line for when, line in written[: len(written) - len(found)] if when and when >= BEGIN + since]


def test_lines_that_fall_into_several_parts_keep_their_times(tmp_path):
    lines = [
        f"{_month(number)} pbx in.tftpd[{number}]: RRQ from 10.0.0.{number % 7} filename SIP0011223344{number % 7:02X}.cnf".encode()
        for number in range(6000)
    ]
    known = f"{_month(3000)} pbx in.tftpd[6]: RRQ from 10.0.0.66 filename a".encode()
    lines[3000:3000] = [known, known + b"]: x]: RRQ from 10.0.0.66 filename a"]
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    assert diagnose([str(log)], now=NOW) == diagnose(lines, now=NOW)
