# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as it is used: in a process of its own."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import struct
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import diagnose as tftp_log
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import sources as log_source
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.scene import Thresholds
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import VERDICTS
from ansible_collections.voip.cisco79xx.plugins.modules import tftp_log_info
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import as_root, run_module

SICK, WELL = "001122AABB01", "001122AABB02"
BEGAN = 1_763_900_000
"""When the log begins, in seconds since 1970."""


def boot(mac, address, at, *, missing=""):
    """A boot of an 8.12 in the words of tftpd-hpa -v -v: (seconds, message)."""
    lines = []
    steps = [(0, f"CTLSEP{mac}.tlv", True), (0, f"SEP{mac}.cnf.xml", True), (23, "SIPDefault.cnf", False), (23, f"SIP{mac}.cnf", False)]
    steps += [(24, missing, True)] if missing else [(25, "RINGLIST.DAT", False), (25, "dialplan.xml", False)]
    for number, (after, file, absent) in enumerate(steps):
        lines.append((at + after, f"in.tftpd[{4000 + at % 1000 + number}]: RRQ from {address} filename {file}"))
        if absent:
            lines.append((at + after, f"in.tftpd[{4000 + at % 1000 + number}]: sending NAK (1, File not found) to {address}"))
    return lines


def two_phones(at=BEGAN):
    """A phone whose image is missing, and one that is well."""
    lines = boot(SICK, "192.0.2.1", at, missing="P0S3-8-12-00.loads") + boot(WELL, "192.0.2.2", at + 300)
    return "".join(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(when))}+00:00 pbx {text}\n" for when, text in lines)


@pytest.fixture
def log(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own folders, xdist's among them, are closed to other users
        folder.chmod(0o755)
    path = tmp_path / "syslog"
    path.write_text(two_phones())
    return path


def run(nobody=False, check=False, path="", **arguments):
    return run_module("tftp_log_info", {"path": path or None, **arguments}, nobody=nobody, check=check)


def verdicts(answer):
    assert "phones" in answer, answer
    return {key: facts["verdict"] for key, facts in answer["phones"].items()}


BOTH = {SICK: "image_missing", WELL: "healthy"}


def test_all_of_it_is_documented(log):
    answer = run(path=log, timeline=True)
    assert answer == run(path=log, timeline=True, check=True)
    assert answer.pop("changed") is False
    documented = yaml.safe_load(tftp_log_info.RETURN)
    assert set(answer) == set(documented)
    assert all(set(facts) == set(documented["phones"]["contains"]) for facts in answer["phones"].values())
    options = yaml.safe_load(tftp_log_info.DOCUMENTATION)["options"]
    assert options["verdicts"]["choices"] == list(VERDICTS)
    assert {name: option["default"] for name, option in options["thresholds"]["suboptions"].items()} == Thresholds()._asdict()


def test_the_sick_come_first(log):
    answer = run(path=log)
    assert list(answer["phones"]) == [SICK, WELL]
    assert verdicts(answer) == BOTH
    assert answer["summary"] == {"healthy": 1, "image_missing": 1}
    assert (answer["lines"], answer["unknown"], answer["server"], answer["logs"]) == (16, 0, "tftpd-hpa", [str(log)])
    sick = answer["phones"][SICK]
    assert (sick["mac"], sick["address"], sick["confidence"]) == (SICK, "192.0.2.1", "certain")
    assert sick["first_seen"] == time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(BEGAN))
    assert "P0S3-8-12-00.loads" in sick["advice"]
    assert "timeline" not in sick
    assert "warnings" not in answer


def test_rotated_logs_are_read_in_order(log, tmp_path):
    lines = log.read_text().splitlines(keepends=True)
    for name, part in (("syslog.1", lines[9:]), ("syslog", ["Nov 23 10:00:00 pbx cron[1]: nothing\n"])):
        (tmp_path / name).write_text("".join(part))
    with gzip.open(tmp_path / "syslog.2.gz", "wt") as packed:
        packed.write("".join(lines[:9]))
    (tmp_path / "syslog.3.xz").write_bytes(b"\xfd7zXZ\0 and so on")
    (tmp_path / "syslog.d").mkdir()
    answer = run(path=[tmp_path / "syslog*", tmp_path / "syslog.1"])
    assert verdicts(answer) == BOTH
    assert [Path(path).name for path in answer["logs"]] == ["syslog.2.gz", "syslog.1", "syslog"]
    assert answer["unknown"] == 1
    assert "syslog.3.xz is packed with xz" in str(answer["warnings"])

    old = time.time() - 10 * 86400
    for path in tmp_path.glob("syslog*"):
        os.utime(path, (old, old))
    answer = run(path=tmp_path / "syslog*", since="2d")
    assert (answer["phones"], answer["logs"]) == ({}, [])
    assert "as new as since" in str(answer["warnings"])


def test_a_command(log):
    answer = run(command=["cat", str(log)])
    assert verdicts(answer) == BOTH
    assert answer["logs"] == ["cat"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/no/such/thing", "secret"], ["the command thing cannot be run", "installed"]),
        (["sh", "-c", "echo '\033[31mwhy' >&2; exit 3", "secret"], ["the command sh ended with status 3", "why"]),
        (["sh", "-c", "yes x | head -c 3000000 >&2; exit 3", "secret"], ["ended with status 3"]),
    ],
)
def test_a_command_that_fails(command, words):
    message = run(command=command)["msg"]
    assert all(word in message for word in words)
    assert "secret" not in message
    assert "\033" not in message
    assert len(message) < 500


def journal(folder, body):
    """A journalctl that writes down how it was called."""
    program = folder / "bin" / "journalctl"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/asked\n{body}\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_the_journal(tmp_path, monkeypatch):
    entries = [
        {
            "MESSAGE": text.partition(": ")[2],
            "SYSLOG_IDENTIFIER": "in.tftpd",
            "SYSLOG_PID": text[9:13],
            "__REALTIME_TIMESTAMP": f"{when}000000",
        }
        for when, text in boot(SICK, "192.0.2.1", BEGAN, missing="P0S3-8-12-00.loads") + boot(WELL, "192.0.2.2", BEGAN + 300)
    ]
    (tmp_path / "journal.json").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    monkeypatch.setenv("PATH", journal(tmp_path, f"cat {tmp_path}/journal.json"))
    answer = run(unit="tftpd-hpa; reboot", since=str(BEGAN - 5), until=str(BEGAN + 4000))
    assert verdicts(answer) == BOTH
    assert answer["logs"] == ["journal of tftpd-hpa; reboot"]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert {"--output=json", "--unit=tftpd-hpa; reboot", f"--since=@{BEGAN - 5}", f"--until=@{BEGAN + 4000}"} <= set(asked)

    monkeypatch.setenv("PATH", journal(tmp_path, "echo 'Hint: You are currently not seeing messages from other users and the system.' >&2"))
    assert "become" in run(unit="tftpd-hpa")["msg"]


@pytest.mark.skipif(not shutil.which("journalctl"), reason="needs journalctl")
def test_the_real_journalctl_takes_the_options():
    answer = run(unit="no-such-unit-at-all", since="1h", until="1m")
    assert answer.get("phones") == {} or "may not read the journal" in answer["msg"]


def test_since_and_until(log):
    second = BEGAN + 200
    for since in (str(second), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)), f"{time.time() - second:.0f} seconds ago"):
        assert verdicts(run(path=log, since=since)) == {WELL: "healthy"}
    assert verdicts(run(path=log, until=str(second))) == {SICK: "image_missing"}
    assert "is no time" in run(path=log, since="1 month")["msg"]
    assert "is no time" in run(path=log, until="0000-99-99")["msg"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("30 min ago", 1800), ("2h", 7200), ("1.5 days", 129600), ("1w", 604800)]
)
def test_times_before_now(text, seconds):
    assert log_source.moment(text, 1e9) == 1e9 - seconds


@pytest.mark.parametrize("phone", ["00:11:22:aa:bb:01", "0011.22aa.bb01", "001122AABB01", "192.0.2.1"])
def test_some_phones(log, phone):
    assert verdicts(run(path=log, phones=[phone])) == {SICK: "image_missing"}
    assert verdicts(run(path=log, phones=[])) == {}


def test_some_verdicts(log):
    answer = run(path=log, verdicts=["healthy", "flashing"])
    assert verdicts(answer) == {WELL: "healthy"}
    assert answer["summary"] == {"healthy": 1, "image_missing": 1}


def test_the_root_tells_for_certain(log, tmp_path):
    root = tmp_path / "tftp"
    (root / "sub").mkdir(parents=True)
    (root / "p0s3-8-12-00.LOADS").touch()
    assert verdicts(run(path=log, tftp_root=root))[SICK] == "image_wrong_case"
    assert "/no/root does not exist: set tftp_root to the folder that the TFTP server serves" in run(path=log, tftp_root="/no/root")["msg"]


def test_thresholds(log):
    assert verdicts(run(path=log, thresholds={"boot": 60, "loop": "5"})) == BOTH
    assert "has to be more than 0" in run(path=log, thresholds={"boot": 0})["msg"]
    assert "loops" in run(path=log, thresholds={"loops": 4})["msg"]
    assert "loop" in run(path=log, thresholds={"loop": "many"})["msg"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nowhere/at/all.log", ["/nowhere/at/all.log does not exist", "look where"]),
        ("/nowhere/at/*.log", ["matches no file"]),
        ("/etc", ["is a folder", "/etc/*.log"]),
        ("/dev/zero", ["no plain file", "command"]),
    ],
)
def test_no_log(path, words):
    message = run(path=path)["msg"]
    assert all(word in message for word in words)


@as_root
@pytest.mark.parametrize("pattern", ["", "*"])
def test_a_log_that_cannot_be_read(log, pattern):
    log.chmod(0o640)
    message = run(nobody=True, path=f"{log}{pattern}")["msg"]
    assert f"{log} cannot be read by this user" in message
    assert "become" in message
    assert "group adm" in message


def test_only_one_source(log):
    assert "mutually exclusive" in run(path=log, unit="tftpd-hpa")["msg"]


def test_a_log_of_something_else(tmp_path):
    other = tmp_path / "other.log"
    other.write_bytes(
        b"Nov 23 10:00:00 pbx sshd[1]: Accepted password for root\n" * 3 + bytes(range(256)) * 50 + b'\n\n{}\n[]\n{"MESSAGE": 1}'
    )
    answer = run(path=other)
    assert (answer["phones"], answer["server"]) == ({}, "")
    assert "tftpd-hpa logs nothing without --verbose" in str(answer["warnings"])


def test_hostile_lines(tmp_path):
    log = tmp_path / "log"
    hostile = [
        "\x1b[2J\x07<script>alert(1)</script>",
        "{{ lookup('pipe', 'id') }}",
        "\u202egnp.exe",
        "a" * 100_000,
        "../../etc/shadow",
        "\udcff\x85",
    ]
    lines = [
        f"Nov 23 10:00:{number:02} pbx in.tftpd[{number}]: RRQ from 192.0.2.9{where} filename {name}"
        for number, name in enumerate([*hostile, "RINGLIST.DAT"])
        for where in ("", "\x1b[31m<b>")
    ]
    log.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    answer = run(path=log, timeline=True)
    text = json.dumps(answer["phones"], ensure_ascii=False)
    assert answer["phones"]
    assert not any(char in text for char in "\x1b\x07\x85\u202e\udcff")
    assert len(text) < 50_000


def test_long_lines_of_a_command_are_not_two(tmp_path):
    forged = f"Nov 23 10:00:00 pbx in.tftpd[1]: RRQ from 192.0.2.9 filename SIP{SICK}.cnf"
    (tmp_path / "log").write_text("x" * tftp_log_info.log_source.LONGEST + forged + "\n")
    answer = run(command=["cat", str(tmp_path / "log")])
    assert (answer["phones"], answer["lines"]) == ({}, 1)


def test_what_is_found_without_being_named(log, tmp_path, monkeypatch):
    found = tftp_log_info.Log.__new__(tftp_log_info.Log)
    found.params = {"path": None, "unit": None, "command": None}
    found.now, found.since, found.until, found.root_files = time.time(), None, None, None
    found.thresholds, found.journalctl = Thresholds(), None
    (tmp_path / "messages").write_text("Nov 23 10:00:00 pbx sshd[1]: nothing\n")
    monkeypatch.setattr(log_source, "USUAL", (f"{tmp_path}/messages*", f"{tmp_path}/daemon*", f"{tmp_path}/syslog*"))
    told, logs = found._found()
    assert (set(told["phones"]), logs) == ({SICK, WELL}, [str(log)])

    log.unlink()
    told, logs = found._found()
    assert (told["phones"], logs) == ({}, [f"{tmp_path}/messages"])

    (tmp_path / "messages").unlink()
    with pytest.raises(log_source.SourceError, match=r"no log of a TFTP server was found.*path, unit or command"):
        found._found()


@pytest.mark.parametrize("times", [1, 2])
def test_a_log_that_is_rotated_meanwhile_is_read_once_more(log, monkeypatch, times):
    diagnose, calls = tftp_log.diagnose, []

    def cut(*args, **options):
        calls.append(args)
        if len(calls) <= times:
            raise OSError(errno.ESTALE, "was cut", str(log))
        return diagnose(*args, **options)

    monkeypatch.setattr(tftp_log, "diagnose", cut)
    given = dict.fromkeys(("unit", "command", "since", "until", "phones", "verdicts", "tftp_root", "thresholds"))
    module = SimpleNamespace(params={**given, "path": [str(log)], "timeline": False}, warn=print, get_bin_path=lambda _name: None)
    if times == 1:
        assert len(tftp_log_info.Log(module).result()["phones"]) == 2
    else:
        with pytest.raises(OSError, match="was cut"):
            tftp_log_info.Log(module).result()
    assert len(calls) == 2


# -- what reading may cost

ASKED = b"Nov 23 10:00:00 pbx in.tftpd[7]: RRQ from 192.0.2.9 filename SIP%012X.cnf\n"
HUGE = 20 * 10**9


def sparse(path, start=b""):
    """A file that takes no room and has no end."""
    path.write_bytes(start)
    os.truncate(path, HUGE)


def packed(path, piece, times=10_000):
    """Gigabytes in a small file."""
    path.write_bytes(gzip.compress(piece * (2**20 // len(piece))) * times)


def captured(number, form):
    """A capture in which somebody asks in the name of so many phones."""
    packets = []
    for phone in range(number):
        asked = b"\0\1SIP%012X.cnf\0octet\0" % phone
        datagram = struct.pack(">4H", 50000, 69, 8 + len(asked), 0) + asked
        header = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, struct.pack(">I", 0x0A000000 + phone), b"\x0a\0\0\1"
        )
        packets.append(header + datagram)
    if form == "pcap":
        start = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
        return start + b"".join(struct.pack("<4I", BEGAN, 0, len(one), len(one)) + one for one in packets)
    start = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 101, 0, 65535, 20)
    sizes = [32 + len(one) + -len(one) % 4 for one in packets]
    return start + b"".join(
        struct.pack("<7I", 6, size, 0, 0, 0, len(one), len(one)) + one.ljust(size - 32, b"\0") + struct.pack("<I", size)
        for one, size in zip(packets, sizes, strict=True)
    )


@pytest.mark.parametrize(
    "make",
    [
        sparse,
        lambda path: sparse(path, ASKED % 1),
        lambda path: sparse(path, struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)),
        lambda path: sparse(path, gzip.compress(ASKED % 1)),
        lambda path: packed(path, b"\0"),
        lambda path: packed(path, b"\n"),
        lambda path: packed(path, ASKED % 1),
        lambda path: path.write_bytes(
            b"".join(
                ASKED % (phone % 900 * 2) + b"Nov 23 10:00:00 pbx in.tftpd[7]: RRQ from 192.0.2.9 filename OS79XX.TXT\n"
                for phone in range(60_000)
            )
        ),
    ],
    ids=[
        "hole",
        "line and hole",
        "capture and hole",
        "gzip and hole",
        "packed zeros",
        "packed empty lines",
        "packed lines",
        "behind one address",
    ],
)
@pytest.mark.parametrize("pattern", ["", "*"])
def test_a_log_that_takes_too_long(tmp_path, make, pattern):
    log = tmp_path / "log"
    make(log)
    began = time.monotonic()
    answer = run(path=f"{log}{pattern}", max_seconds=2)
    assert time.monotonic() - began < 8
    assert f"reading {log} takes more than 2 s (max_seconds): let less be read" in answer["msg"]
    assert "phones" not in answer


@pytest.mark.parametrize("command", ["yes", "sleep 100", "yes | head -c 100; sleep 100", "trap '' TERM; sleep 100"])
def test_a_command_without_end(tmp_path, command):
    answer = run(command=["sh", "-c", f"echo $$ > {tmp_path}/process; {command}"], max_seconds=1)
    assert "reading the output of sh takes more than 1 s (max_seconds)" in answer["msg"]
    assert not Path("/proc", (tmp_path / "process").read_text().strip()).exists()


def test_a_log_that_takes_too_much_memory(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"".join(ASKED.replace(b"SIP", b"x/" * 5000) % phone for phone in range(20_000)))
    message = run(path=log, max_megabytes=50)["msg"]
    assert f"reading {log} takes more than 50 MB of memory (max_megabytes): let less" in message


@pytest.mark.parametrize("form", ["text", "pcap", "pcapng"])
def test_a_log_with_forged_requests(tmp_path, form):
    log = tmp_path / "log"
    number = 300_000
    log.write_bytes(b"".join(ASKED % phone for phone in range(number)) if form == "text" else captured(number, form))
    began = time.monotonic()
    answer = run(path=log)
    assert time.monotonic() - began < 50
    assert f"reading {log} takes more than 350 MB of memory (max_megabytes): let less" in answer["msg"]
    assert "phones" not in answer
    log.write_bytes(b"".join(ASKED % phone for phone in range(30)) if form == "text" else captured(30, form))
    assert len(run(path=log)["phones"]) == 30


def test_words_that_are_not_known(tmp_path, log):
    """It fails, shows one line that does a terminal no harm, and does not advise to turn on -v."""
    strange = tmp_path / "strange"
    strange.write_bytes(b"Nov  3 15:27:09 pbx mytftp: GET of SIPDefault.cnf\x1b[2J by 192.0.2.1 went well\n" * 3)
    answer = run(path=[str(strange)])
    assert "3 lines of" in answer["msg"] and "in words that are not known" in answer["msg"]
    assert "GET of SIPDefault.cnf" in answer["msg"] and answer["msg"].isprintable()
    assert "-v" not in answer["msg"]
    # Among the lines of a server whose words are known they do no harm.
    answer = run(path=[str(strange), str(log)])
    assert verdicts(answer) == BOTH
    assert "GET of SIPDefault.cnf" in str(answer["warnings"])
