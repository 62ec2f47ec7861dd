# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import phones as phones_of_log
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import verdicts
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import PhoneLogs, diagnose
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.events import Stats
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.reader import Reader

BEGIN = 1_780_300_000
NOW = BEGIN + 100_000
M, N = "001122AABBCC", "001122AABBDD"
A, B = "10.0.0.7", "10.0.0.8"
LOAD = "P0S3-8-12-00"
HEALTHY_BOOT = (
    (0, "CTLSEP{}.tlv", "missing"),
    (0, "SEP{}.cnf.xml", "served"),
    (0, f"{LOAD}.loads", "served"),
    (23, "SIPDefault.cnf", "served"),
    (23, "./SIP{}.cnf", "served"),
    (25, "RINGLIST.DAT", "served"),
    (25, "dialplan.xml", "served"),
)
RETRIES = (0, 1, 5, 9)
CALM = {verdicts.HEALTHY, verdicts.CANNOT_TELL}


def rhel(when, address, name, result, verbose=True):
    stamp = time.strftime("%b %e %H:%M:%S pbx in.tftpd[7]: ", time.localtime(BEGIN + when))
    lines = [f"{stamp}RRQ from {address} filename {name}"]
    if verbose and result in ("served", "missing"):
        lines.append(f"{stamp}Client {address} {'finished' if result == 'served' else 'File not found'} {name}")
    if verbose and result == "denied":
        lines.append(f"{stamp}sending NAK (2, Access violation) to {address}")
    return [line.encode() for line in lines]


def boot(at=0, mac=M, address=A, steps=HEALTHY_BOOT, verbose=True):
    return [line for wait, name, result in steps for line in rhel(at + wait, address, name.format(mac), result, verbose)]


def retried(at, name, result="missing", verbose=True, ports=1):
    return [line for port in range(ports) for wait in RETRIES for line in rhel(at + 13 * port + wait, A, name, result, verbose)]


def later(at=9000):
    """Another phone, so that the log does not end with the first one's boot."""
    return boot(at, N, B)


def told(lines, key=M, **options):
    return diagnose(lines, now=options.pop("now", NOW), **options)["phones"][key]


@pytest.mark.parametrize("verbose", [True, False])
def test_a_healthy_phone(verbose):
    facts = told(boot(verbose=verbose) + boot(1000, verbose=verbose))
    assert (facts["verdict"], facts["confidence"], facts["boots"], facts["generation"]) == (
        "healthy", "certain" if verbose else "likely", 2, "8.x",
    )  # fmt: skip
    assert (facts["mac"], facts["address"]) == (M, A)
    assert (facts["first_seen"], facts["last_seen"]) == (BEGIN, BEGIN + 1025)
    assert len(facts["timeline"]) == 14 and facts["evidence"]
    assert facts["timeline"][0]["result"] == ("missing" if verbose else "asked")


def test_several_phones_behind_one_address():
    macs = [f"0011223344{number:02X}" for number in range(20)]
    phones = diagnose([line for number, mac in enumerate(macs) for line in boot(7 * number, mac)], now=NOW)["phones"]
    assert set(phones) == set(macs)
    assert {facts["verdict"] for facts in phones.values()} <= CALM


def test_a_window(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(boot() + boot(1000) + boot(2000)) + b"\n")
    facts = told([str(log)], since=BEGIN + 900, until=BEGIN + 1900)
    assert (facts["boots"], facts["first_seen"], facts["last_seen"]) == (1, BEGIN + 1000, BEGIN + 1025)


def test_files_and_lines_say_the_same(tmp_path):
    odd = [b"Jun  1 00:00:00 pbx sshd[3]: a]: b]: c", b"{", b"]: ", b"\0", b"x" * 100_000]
    lines = [*boot(), *odd, *later(500), *retried(4000, f"CTLSEP{M}.tlv")]
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    by_path, by_line = diagnose([str(log)], now=NOW), diagnose(lines, now=NOW)
    assert by_path == by_line
    logs = PhoneLogs()
    logs.feed(Reader(NOW, Stats()).events(lines))
    assert logs.result(NOW) == by_path["phones"]


def test_evidence_does_a_terminal_no_harm():
    facts = told(rhel(0, A, f"SIP{M}.cnf\x1b[31m" + "x" * 50, "missing"))
    texts = [*facts["evidence"], facts["advice"], *(ask["file"] for ask in facts["timeline"])]
    assert all(text.isprintable() and len(text) < 400 for text in texts)


# -- as Debian's servers log

GIVEN_UP = (0, 1, 5, 9, 13, 14, 18, 22, 26, 27, 31, 35)
SIX = ((0, "OS79XX.TXT", "missing"), (0, "SIPDefault.cnf", "served"), (0, "SIP{}.cnf", "served"))
RUNS = ((0, "RINGLIST.DAT", "served"), (0, "dialplan.xml", "served"))
OLD = "P0S3-06-3-00"


def after(seconds, steps):
    return tuple((seconds + wait, name, result) for wait, name, result in steps)


def hpa(when, address, name, result, verbosity=2):
    """tftpd-hpa logs requests with -v, errors with -vv, and never an end."""
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(BEGIN + when))
    process = f"{stamp} pbx in.tftpd[{when % 1000 + 300}{len(name)}]: "
    errors = {"missing": "1, File not found", "denied": "0, Permission denied"}
    error = [f"{process}sending NAK ({errors[result]}) to {address}"] if result in errors and verbosity > 1 else []
    return [line.encode() for line in [f"{process}RRQ from {address} filename {name}", *error]]


def dnsmasq(when, address, name, result, quiet=False):
    stamp = time.strftime("%b %e %H:%M:%S pbx dnsmasq-tftp[548]: ", time.localtime(BEGIN + when))
    said = {
        "served": f"sent /srv/tftp/{name} to {address}",
        "failed": f"failed sending /srv/tftp/{name} to {address}",
        "missing": "" if quiet else f"file /srv/tftp/{name} not found for {address}",
        "denied": f"cannot access /srv/tftp/{name}: Permission denied",
    }[result]
    return [(stamp + said).encode()] if said else []


def atftpd(when, address, name, result, verbosity=7):
    """By syslog: all threads have one process id. A file that may not be read is "not found"."""
    stamp = time.strftime("%b %e %H:%M:%S pbx atftpd[548]: ", time.localtime(BEGIN + when))
    told = ["End of transfer" if result == "served" else f"File /srv/tftp/{name} not found", "Server thread exiting"]
    said = [f"Serving {name} to {address}:{50000 + sum(name.encode()) % 999}", *(told if verbosity > 6 and result else ())]
    return [(stamp + line).encode() for line in said]


def logged(server, steps, at=0, mac=M, address=A, **options):
    return [line for wait, name, result in steps for line in server(at + wait, address, name.format(mac), result, **options)]


def judged(lines, key=M, **options):
    facts = told(lines, key, **options)
    return facts["verdict"], facts["confidence"]


def settled(server, **options):
    """Another phone, healthy, an hour later."""
    return logged(server, (*SIX, *after(3, RUNS)), 3600, N, B, **options)


def test_a_log_that_begins_in_the_middle():
    """As of a line without data: the first files were given up before the log begins."""
    steps = [(0, "SIPDefault.cnf", "served"), (4, "SIP{}.cnf", "served")]
    steps += [(4 + wait, name, "served") for wait in GIVEN_UP[:7] for name in ("RINGLIST.DAT", "dialplan.xml")]
    assert judged(logged(hpa, steps) + settled(hpa)) == ("data_never_arrives", "likely")
    assert judged(logged(hpa, steps[2:6]) + settled(hpa), A) != ("healthy", "certain")


@pytest.mark.parametrize("server", [hpa, atftpd])
@pytest.mark.parametrize("waits", [(0, 1), (0, 1, 5), (0, 1, 5, 9, 13)])
def test_a_line_that_loses_packets(server, waits):
    """What was asked for a few times came in the end: the phone went on."""
    steps = [
        *((wait, "CTLSEP{}.tlv", "missing") for wait in waits),
        *((20 + wait, "SEP{}.cnf.xml", "missing") for wait in waits),
        *((44 + wait, "SIPDefault.cnf", "served") for wait in waits),
        *((60 + wait, f"{OLD}.sbn", "served") for wait in waits),
    ]
    verdict, confidence = judged(logged(server, steps) + settled(server))
    assert (verdict, confidence) != ("data_never_arrives", "certain")
    booted = logged(server, (*SIX, *after(3, RUNS), *((5 + wait, "dialplan.xml", "served") for wait in waits[1:3])), 120)
    assert judged(logged(server, steps) + booted + settled(server))[0] == "healthy"


def test_ends_of_transfers_of_several_phones():
    """Whose end it was cannot be told while two are open; who does not respond has not got its file."""
    stamp = time.strftime("%b %e %H:%M:%S pbx atftpd[548]: ", time.localtime(BEGIN))
    lines = [
        f"Serving SIPDefault.cnf to {A}:50001", f"Serving SEP{N}.cnf.xml to {B}:50001",
        "End of transfer", "Server thread exiting",
        f"client ({A}) not responding", "End of transfer", "Server thread exiting",
        f"Serving SIPDefault.cnf to {B}:50002", "End of transfer", "Server thread exiting",
    ]  # fmt: skip
    found = list(Reader(NOW, Stats()).events((stamp + line).encode() for line in lines))
    answers = [(event.meaning.kind, event.meaning.address, event.meaning.file) for event in found if event.meaning.kind != "request"]
    assert answers == [("failed", A, "SIPDefault.cnf"), ("served", B, "SIPDefault.cnf")]


@pytest.mark.parametrize("start", ["atftpd[9]: Advanced Trivial FTP server started (0.8.0)", "dnsmasq-tftp[9]: TFTP root is /srv/tftp"])
def test_a_restart_in_the_middle_of_an_update(start):
    server = atftpd if start.startswith("atftpd") else dnsmasq
    lines = logged(server, SIX) + ([] if server is dnsmasq else atftpd(1, A, f"{OLD}.sbn", ""))
    lines += [time.strftime("%b %e %H:%M:%S pbx ", time.localtime(BEGIN + 2)).encode() + start.encode()]
    lines += logged(server, ((9, f"{OLD}.bin", "served"), *after(12, RUNS)))
    assert judged(lines + settled(server)) == ("server_restarted", "likely")
    assert judged(logged(server, (*SIX, *after(3, RUNS)), 1000) + lines[-8:] + settled(server))[0] in CALM


# -- addresses that change hands

STRANGER = ((0, "OS79XX.TXT", ""), (1, f"{OLD}.bin", "missing"))
NEWER = ((0, "CTLSEP{}.tlv", "missing"), *after(23, (*SIX[1:], *after(2, RUNS))))
OLDER = ((0, "OS79XX.TXT", "served"), *after(1, (*SIX[1:], *after(2, RUNS))))


def phones(lines, **options):
    return diagnose(lines, now=NOW, **options)["phones"]


@pytest.mark.parametrize("steps", [NEWER, OLDER])
def test_who_has_the_address_of_a_phone_that_moved(steps):
    found = phones(
        logged(hpa, steps) + logged(hpa, steps, 600, address=B) + logged(hpa, STRANGER, 1200) + logged(hpa, steps, 1800, address=B)
    )
    assert set(found) == {M, A}
    assert (found[M]["verdict"], found[M]["confidence"], found[M]["boots"], found[M]["address"]) == ("healthy", "likely", 3, B)
    assert (found[A]["verdict"], found[A]["mac"], found[A]["boots"]) == ("image_missing", None, 1)
    assert found[A]["first_seen"] == BEGIN + 1200


def test_who_has_the_address_of_two_phones_of_before():
    found = phones(logged(hpa, OLDER) + logged(hpa, OLDER, 600, N) + logged(hpa, STRANGER, 5000))
    assert {key: facts["verdict"] for key, facts in found.items()} == {M: "healthy", N: "healthy", A: "image_missing"}


def test_an_address_that_may_be_kept():
    """A phone of 6.x that does not get as far as its own file is told by the boot before, and that is likely only."""
    found = phones(logged(hpa, OLDER) + logged(hpa, STRANGER, 86000))
    assert {key: (facts["verdict"], facts["confidence"]) for key, facts in found.items()} == {M: ("image_missing", "likely")}
    assert found[M]["boots"] == 2
    found = phones(logged(hpa, OLDER) + logged(hpa, STRANGER, 200))
    assert {key: (facts["verdict"], facts["confidence"]) for key, facts in found.items()} == {M: ("image_missing", "certain")}
    # Not one that asks for no OS79XX.TXT.
    found = phones(logged(hpa, NEWER) + logged(hpa, STRANGER, 600))
    assert {key: facts["verdict"] for key, facts in found.items()} == {M: "healthy", A: "image_missing"}


def test_boots_of_old_phones_behind_one_address():
    found = phones(logged(hpa, OLDER) + logged(hpa, OLDER, 300, N) + logged(hpa, OLDER, 301) + logged(hpa, OLDER, 900, N))
    assert {key: facts["boots"] for key, facts in found.items()} == {M: 2, N: 2}


def test_the_same_lines_in_two_files(tmp_path):
    lines = boot() + boot(1000) + later() + boot(9500)
    for name in ("syslog", "daemon.log"):
        (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
    assert told([str(tmp_path / "syslog"), str(tmp_path / "daemon.log")])["boots"] == 3


def again(at, text, count, daemon="atftpd[9.1]"):
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(BEGIN + at))
    return f"{stamp} pbx {daemon}: message repeated {count} times: [ {text}]".encode()


def test_repeats_are_counted(tmp_path):
    lines = []
    for port in range(3):
        said = f"Serving CTLSEP{M}.tlv to {A}:{50000 + port}"
        stamp = time.strftime("%b %e %H:%M:%S", time.localtime(BEGIN + 13 * port))
        lines += [f"{stamp} pbx atftpd[9.1]: {said}".encode(), again(13 * port + 9, said, 3)]
    lines += settled(atftpd)
    assert judged(lines)[0] == "data_never_arrives" and told(lines)["boots"] == 1
    said = f"file /srv/tftp/SIP{M}.cnf not found for {A}"
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(BEGIN))
    more = [f"{stamp} pbx dnsmasq-tftp[9]: {said}".encode(), again(620, said, 20, "dnsmasq-tftp[9]")]
    assert judged(more)[0] == "config_missing"
    for some in (lines, more + lines, lines + more, [*later(), *lines[:2], again(11, "pbx", 9, "asterisk[7]"), *lines[2:]]):
        (tmp_path / "log").write_bytes(b"\n".join(some) + b"\n")
        logs = PhoneLogs()
        logs.feed(Reader(NOW, Stats()).events(some))
        assert logs.result(NOW) == diagnose([str(tmp_path / "log")], now=NOW)["phones"]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    verbose=st.booleans(),
    cut=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    dropped=st.sets(st.sampled_from(["CTLSEP", "SEP0", "loads", "SIPDefault", "/SIP0", "RINGLIST", "dialplan"]), max_size=3),
    noise=st.lists(st.binary(max_size=60), max_size=5),
    twice=st.booleans(),
)
def test_a_healthy_phone_is_never_sick(seed, verbose, cut, dropped, noise, twice):
    rng = random.Random(seed)
    lines = []
    for number in range(4):
        mac, address = f"0011223344{number:02X}", f"10.0.0.{number}"
        for _boot in range(3):
            lines += boot(rng.randrange(0, 60) + 1200 * _boot, mac, address, verbose=verbose)
    rng.shuffle(lines)
    lines.sort(key=lambda line: line[:15])
    lines = lines[cut[0] : len(lines) - cut[1]]
    lines = [line for line in lines if not any(name.encode() in line for name in dropped)]
    lines = [line for line in lines for _copy in range(1 + twice)]
    for garbage in noise:
        lines.insert(rng.randrange(len(lines) + 1), garbage)
    phones = diagnose(lines, now=NOW)["phones"]
    sick = {key: facts for key, facts in phones.items() if facts["verdict"] not in CALM}
    assert not sick


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(boot() + later(10) + retried(40, f"SEP{M}.cnf.xml") + boot(80, N, A)), max_size=60), st.randoms())
def test_no_order_is_fatal(lines, rng):
    rng.shuffle(lines)
    for facts in diagnose([line[: rng.randrange(200)] for line in lines], now=NOW)["phones"].values():
        assert facts["verdict"] in verdicts.VERDICTS


NAMES = ("CTLSEP{}.tlv", "SEP{}.cnf.xml", "SIPDefault.cnf", "./SIP{}.cnf", "P0S3-8-12-00.loads", "OS79XX.TXT", "RINGLIST.DAT")
ODD = ("systemd[1]: Started Tftp Server.", "sshd: a]: b]: c", "sshd[7]: no")
SERVERS = (
    (
        "in.tftpd[{p}]: RRQ from {a} filename {f}",
        "in.tftpd[{p}]: Client {a} finished {f}",
        "in.tftpd[{p}]: Client {a} File not found {f}",
        "in.tftpd[{p}]: sending NAK (2, Access violation) to {a}",
        "in.tftpd[{p}]: Client {a} timed out",
        "in.tftpd[{p}]: tftpd: read: Connection refused",
    ),
    ("atftpd[7.{p}]: Serving {f} to {a}:{p}", "atftpd[7.{p}]: End of transfer", "atftpd[7.{p}]: File /srv/{f} not found"),
    ("dnsmasq-tftp[7]: sent /srv/{f} to {a}", "dnsmasq-tftp[7]: file /srv/{f} not found"),
)
SPOKEN = st.sampled_from(SERVERS).flatmap(
    lambda said: st.lists(
        st.tuples(st.integers(0, 15), st.sampled_from(said + ODD), st.integers(0, 5), st.sampled_from(NAMES)),
        max_size=80,
    )
)


@settings(max_examples=150, deadline=None)
@given(
    spoken=SPOKEN,
    behind=st.integers(1, 6),
    kept=st.sampled_from([4, 64]),
    window=st.sampled_from([(None, None), (100, None), (None, 200), (100, 200)]),
)
def test_fast_and_slow_say_the_same(tmp_path_factory, spoken, behind, kept, window):
    lines, at = [], 0
    for wait, saying, number, name in spoken:
        at += wait
        stamp = time.strftime("%b %e %H:%M:%S pbx ", time.localtime(BEGIN + at))
        text = saying.format(p=10 * number + NAMES.index(name), a=f"10.0.0.{number // behind}", f=name.format(f"0011223344{number:02X}"))
        lines.append((stamp + text).encode())
    since, until = (None if one is None else BEGIN + one for one in window)
    log = tmp_path_factory.mktemp("logs") / "log"
    log.write_bytes(b"".join(line + b"\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phones_of_log, "KEPT", kept)
        fast = diagnose([str(log)], now=NOW, since=since, until=until)
        slow, stats = PhoneLogs(None, since, until), Stats()
        reader = Reader(min(NOW, log.stat().st_mtime), stats)
        slow.feed(event for line in lines for event in reader.read(line))
    assert fast["phones"] == slow.result(NOW)
    assert fast["lines"] == stats.lines
