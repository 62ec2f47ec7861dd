# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is fast says the same as each line taken by itself, on logs as nobody should have them.

Answers a block and more after the request of their process are not joined to it: blocks here are large enough for that not to be.
"""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils import aside
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import phones as tftp_log
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import reader as tftp_lines

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
    stories, stats = tftp_log.Stories(None, since, until), tftp_lines.Stats()
    for event in tftp_lines.events(lines, now, stats):
        stories.feed(event)
    return {"phones": stories.result(now, since), "lines": stats.lines, "unknown": stats.unknown, "server": stats.server}


@settings(max_examples=300, deadline=None)
@given(
    lines=logs(),
    sizes=st.tuples(st.sampled_from([1 << 12, 1 << 14, 1 << 16]), st.sampled_from([40, 3000, 1 << 20]), st.sampled_from([4, 64])),
    window=st.sampled_from([(None, None), (None, None), (100, None), (None, 200), (100, 200)]),
    by_line=st.booleans(),
    alone=st.sampled_from([1, 2, 1000]),
)
def test_fast_and_slow_say_the_same(tmp_path_factory, lines, sizes, window, by_line, alone):
    since, until = (None if one is None else BEGIN + one for one in window)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tftp_lines, "BLOCK", sizes[0])
        patch.setattr(tftp_log, "_MOST_WAITING", sizes[1])
        patch.setattr(tftp_log, "KEPT", sizes[2])
        patch.setattr(tftp_log, "_SHORT", alone)
        patch.setattr(aside, "cpus", lambda: 2)
        if by_line:
            fast = tftp_log.diagnose(lines, now=NOW, since=since, until=until)
        else:
            log = tmp_path_factory.mktemp("logs") / "log"
            log.write_bytes(b"".join(line + b"\n" for line in lines))
            fast = tftp_log.diagnose([str(log)], now=NOW, since=since, until=until)
        slow = slowly(lines, NOW, since, until)
    fast.pop("unknown"), slow.pop("unknown")  # a line that was cut is known by its message
    assert fast == slow


MANY = (
    *SAID[:4],
    *SAID[:4],
    "pbx asterisk[7]: VERBOSE[77][C-7]: pbx.c: a]: b]: c",
    "pbx in.tftpd[{p}]: sending NAK (1, File not found) to {a}",
)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    said=st.lists(st.sampled_from(MANY + SAID), min_size=1, max_size=8),
    stamp=st.sampled_from(STAMPS),
    window=st.sampled_from([(None, None), (None, None), (300, None), (None, 2000)]),
    most=st.sampled_from([100, 1 << 20]),
    new=st.sampled_from([0, 0, 1]),
)
def test_two_processes_and_one_say_the_same(tmp_path_factory, seed, said, stamp, window, most, new):
    """Of a log as long as this, most is cut by another process."""
    since, until = (None if one is None else BEGIN + one for one in window)
    rng = random.Random(seed)
    lines: list[bytes] = []
    at = 0
    while len(lines) < 1500:
        at += rng.randrange(4)
        phone, name = rng.randrange(6) + new * len(lines) // 50, rng.choice(NAMES)
        process, phone = 10 * phone + NAMES.index(name), phone % 250
        text = rng.choice(said).format(p=process, a=f"10.0.0.{phone}", f=name.format(f"0011223344{phone:02X}"))
        lines += [f"{stamp(at)} {part}".encode() for part in text.split("|")]
        if rng.random() < 0.003:
            lines.append(lines[-1].replace(b"]: ", b"]: message repeated 3 times: [ ") + b"]")
        if rng.random() < 0.003:
            lines.append(rng.choice([b"", b"\xff]: ", b"x]: " + lines[-1], lines[-1][10:], lines[-1][:30]]))
    log = tmp_path_factory.mktemp("logs") / "log"
    log.write_bytes(b"\n".join(lines) + b"\n" * rng.randrange(2))
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tftp_lines, "BLOCK", 1 << 11)
        patch.setattr(tftp_log, "_SHORT", 8)
        patch.setattr(tftp_log, "_MOST_MESSAGES", most)
        for cpus in (1, 2):
            patch.setattr(aside, "cpus", lambda: cpus)  # noqa: B023
            told.append(tftp_log.diagnose([str(log)], now=NOW, since=since, until=until))
    assert told[0] == told[1]


def boots(count):
    """Of three phones, with lines of others between them."""
    for number in range(count):
        for at, name in enumerate(NAMES):
            stamp, phone = _month(60 * number + at), f"0011223344{number % 3:02X}"
            asked = f"{stamp} pbx in.tftpd[{number}]: "
            yield f"{asked}RRQ from 10.0.0.{number % 3} filename {name.format(phone)}\n"
            yield f"{asked}Client 10.0.0.{number % 3} finished {name.format(phone)}\n"
            yield f"{stamp} pbx asterisk[7]: NOTICE[77]: chan_sip.c: {number}\n"


@pytest.fixture
def _long(monkeypatch):
    monkeypatch.setattr(aside, "cpus", lambda: 2)
    monkeypatch.setattr(tftp_lines, "BLOCK", 1 << 11)
    monkeypatch.setattr(tftp_log, "_SHORT", 8)


@pytest.mark.usefixtures("_long")
def test_most_of_a_long_log_is_cut_by_another_process(tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.write_text("".join(boots(300)))
    taken = []
    take = tftp_log.Stories._take_cut

    answers: list[object] = []
    answer = aside.Beside.answer

    def spy(*args):
        taken.append(args)
        take(*args)

    def told_by_it(beside):
        answers.append(answer(beside))
        return answers[-1]

    monkeypatch.setattr(aside.Beside, "answer", told_by_it)

    monkeypatch.setattr(tftp_log.Stories, "_take_cut", spy)
    told = tftp_log.diagnose([str(log)], now=NOW)
    assert len(taken) > 100
    assert [facts["boots"] for facts in told["phones"].values()] == [100, 100, 100]
    assert (told["lines"], told["unknown"]) == (300 * 21, 300 * 7)
    assert any(answers)
    monkeypatch.setattr(aside, "cpus", lambda: 1)
    assert tftp_log.diagnose([str(log)], now=NOW) == told


@pytest.mark.usefixtures("_long")
@pytest.mark.parametrize("after", [0, 20])
def test_another_process_that_is_killed_is_not_missed(tmp_path, monkeypatch, after):
    log = tmp_path / "log"
    log.write_text("".join(boots(300)))
    expected = tftp_log.diagnose([str(log)], now=NOW)
    here, cut, cuts = os.getpid(), tftp_log._Cutter.cut, []

    def killed(*args):
        cuts.append(args)
        if len(cuts) > after and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return cut(*args)

    monkeypatch.setattr(tftp_log._Cutter, "cut", killed)
    assert tftp_log.diagnose([str(log)], now=NOW) == expected


@pytest.mark.usefixtures("_long")
@pytest.mark.parametrize("left", ["", "x" * 50_000, "x\n" * 200_000])
def test_a_log_that_is_cut_while_it_is_read_is_told(tmp_path, monkeypatch, left):
    log = tmp_path / "log"
    log.write_text("".join(boots(300)))
    settle = tftp_log.Stories._settle

    def cut(stories):
        log.write_text(left)
        settle(stories)

    monkeypatch.setattr(tftp_log.Stories, "_settle", cut)
    with pytest.raises(OSError, match="cut or written anew"):
        tftp_log.diagnose([str(log)], now=NOW)


@pytest.mark.usefixtures("_long")
@pytest.mark.parametrize("stamp", ["month", "iso"])
def test_what_is_long_before_since_is_skipped(tmp_path, monkeypatch, stamp):
    lines = "".join(boots(300)).encode().splitlines()
    if stamp == "iso":
        lines = [_iso(60 * (number // 21), 2).encode() + line[15:] for number, line in enumerate(lines)]
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    read = []
    feed_block = tftp_log.Stories.feed_block

    def spy(stories, block, reader):
        read.append(block)
        feed_block(stories, block, reader)

    monkeypatch.setattr(tftp_log.Stories, "feed_block", spy)
    monkeypatch.setattr(tftp_log.Stories, "_feed_cut", lambda *_args: False)
    since = BEGIN + 60 * 290
    fast, slow = tftp_log.diagnose([str(log)], now=NOW, since=since), slowly(lines, NOW, since)
    assert len(read) < 70
    fast.pop("unknown"), slow.pop("unknown")
    assert fast == slow
    assert [facts["boots"] for facts in fast["phones"].values()] == [4, 3, 3] or stamp == "iso"
    later = tftp_log.diagnose([str(log)], now=NOW, since=since + 10_000)
    assert (later["phones"], later["server"], later["lines"]) == ({}, "tftpd-hpa", 300 * 21)


@pytest.mark.parametrize("alone", [1, 1000])
def test_lines_that_fall_into_several_parts_keep_their_times(tmp_path, monkeypatch, alone):
    monkeypatch.setattr(tftp_log, "_SHORT", alone)
    lines = [
        f"{_month(number)} pbx in.tftpd[{number}]: RRQ from 10.0.0.{number % 7} filename SIP0011223344{number % 7:02X}.cnf".encode()
        for number in range(6000)
    ]
    known = f"{_month(3000)} pbx in.tftpd[6]: RRQ from 10.0.0.66 filename a".encode()
    lines[3000:3000] = [known, known + b"]: x]: RRQ from 10.0.0.66 filename a"]
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    assert tftp_log.diagnose([str(log)], now=NOW) == tftp_log.diagnose(lines, now=NOW)


@pytest.mark.usefixtures("_long")
def test_who_cuts_a_block_makes_no_difference(tmp_path, monkeypatch):
    """Damaged heads before a message that starts a boot, at times that not both processes have seen."""
    lines = []
    for number in range(300):
        for second in range(12):
            lines.append(f"{_month(400 * number + second)} pbx in.tftpd[{second}]: RRQ from 10.0.0.{second} filename SIPDefault.cnf")
        shape = "pbx in.tftpd[9]" if number == 1 else "x[y]"
        lines.append(f"{_month(400 * number + 20)} {shape}: RRQ from 10.0.0.99 filename CTLSEP001122334499.tlv")
    log = tmp_path / "log"
    log.write_text("\n".join(lines) + "\n")
    told = [tftp_log.diagnose([str(log)], now=NOW) for _time in range(2)]
    monkeypatch.setattr(aside, "cpus", lambda: 1)
    told.append(tftp_log.diagnose([str(log)], now=NOW))
    assert told[0] == told[1] == told[2]
