# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on every phone out of a TFTP server's log: all of it, half of it, and its last hour.

    PYTHONPATH=<folder of ansible_collections> python bench_tftp_log.py [--lines 1000000] [--phones 10000] [--rounds 3] [--folder /tmp]
        [--kind hpa|hpa-vv|dnsmasq|atftpd|mixed] [--stamp rfc3164|iso]

Prints medians of seconds of CPU. With the default number of lines it exits 1 if all of the log takes more than 12 s of CPU, and always
if it takes more than 400 MB, if all of it costs more than 2.4 times what half of it does, or if the last hour costs more than a log
of just that hour and the one before, which is read as well, and 0.2 s.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import verdicts
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.tests.benchmarks.timing import Others

LINES, SECONDS, MEGABYTES = 1_000_000, 12.0, 400
TWICE, MORE = 2.4, 0.2
HOUR = 3600
BOOT = (
    (0, "CTLSEP{}.tlv"),
    (0, "SEP{}.cnf.xml"),
    (0, "P0S3-8-12-00.loads"),
    (23, "SIPDefault.cnf"),
    (24, "./SIP{}.cnf"),
    (26, "RINGLIST.DAT"),
    (26, "dialplan.xml"),
)
BEGIN = 1_700_000_000


OTHERS = (
    "asterisk[812]: NOTICE[977]: chan_sip.c:28{0} handle_request_register: Registration from '<sip:{1}@10.9.8.7>' failed",
    "asterisk[812]: VERBOSE[{0}][C-0000{1:04x}]: pbx.c:2938 pbx_extension_helper: Executing [{1}@local:1] Dial",
    "CRON[{0}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
    "kernel: [{0}.{1}] [UFW BLOCK] IN=eth0 OUT= SRC=10.9.8.7 DST=10.0.0.1 LEN=60 PROTO=TCP DPT={1}",
    "sshd[{0}]: Received disconnect from 10.9.8.7 port {1}:11: disconnected by user",
    "dhcpd[733]: DHCPREQUEST for 10.0.3.{2} from 00:0e:84:00:00:{2:02x} via eth0",
    "haproxy[{0}]: 10.9.8.7:{1} [14/Nov/2023:22:13:20] www www/a 0/0/1/2/3 200 {1}",
)


def said(kind: str, number: int, address: str, name: str) -> list[str]:
    """What a server logs of one request."""
    absent = name.startswith("CTL")
    if kind == "dnsmasq":
        return [
            f"dnsmasq-tftp[548]: file /srv/tftp/{name} not found for {address}"
            if absent
            else f"dnsmasq-tftp[548]: sent /srv/tftp/{name} to {address}"
        ]
    if kind == "atftpd":
        end = f"File /srv/tftp/{name} not found" if absent else "End of transfer"
        return [f"atftpd[548]: {text}" for text in (f"Serving {name} to {address}:{49152 + number % 9999}", end, "Server thread exiting")]
    start = f"in.tftpd[{number % 32768 + 1}]: "
    lines = [f"{start}RRQ from {address} filename {name}"]
    if kind == "hpa-vv":
        return lines + ([f"{start}sending NAK (1, File not found) to {address}"] if absent else [])
    return [*lines, f"{start}Client {address} " + (f"File not found {name}" if absent else f"finished {name}")]


def write(path: Path, lines: int, phones: int, kind: str = "hpa", stamp: str = "rfc3164") -> int:
    """Boots of many phones at once, one or two a second, with as many lines of others between them if `kind` is mixed.

    Returns the time of the last line.
    """
    rng = random.Random(1)
    fleet = [(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"{0x000E84000000 + number:012X}") for number in range(phones)]
    due: dict[int, list[tuple[str, str]]] = {}
    second = number = written = 0
    with path.open("w") as file:
        while written < lines:
            for address, mac in rng.sample(fleet, 1 + second % 2):
                for wait, name in BOOT:
                    due.setdefault(second + wait, []).append((address, name.format(mac)))
            now = time.localtime(BEGIN + second)
            for address, name in due.pop(second, ()):
                texts = said(kind, number, address, name)
                if kind == "mixed":
                    drawn = rng.randrange(1000, 9999), rng.randrange(1000, 9999), rng.randrange(255)
                    texts += [rng.choice(OTHERS).format(*drawn) for _text in texts]
                for text in texts:
                    when = time.strftime("%b %e %H:%M:%S" if stamp == "rfc3164" else f"%Y-%m-%dT%H:%M:%S.{written % 10**6:06}%z", now)
                    when = when if stamp == "rfc3164" else f"{when[:-2]}:{when[-2:]}"
                    file.write(f"{when} pbx {text}\n")
                number += 1
                written += len(texts)
            second += 1
    return BEGIN + second


def seconds(path: Path, since: float | None = None) -> float:
    """Seconds of CPU that the verdicts take."""
    before = sum(os.times()[:4])
    result = diagnose([str(path)], now=time.time(), since=since)
    taken = sum(os.times()[:4]) - before
    assert len(result["phones"]) > 1 and result["unknown"] <= result["lines"] * 0.6
    # A rare phone boots four times within minutes, or is booting as the log ends.
    sick = [facts for facts in result["phones"].values() if facts["verdict"] not in (verdicts.HEALTHY, verdicts.CANNOT_TELL)]
    assert not sick, sick[0]
    return taken


def peak() -> float:
    """Megabytes that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--phones", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", choices=("hpa", "hpa-vv", "dnsmasq", "atftpd", "mixed"), default="hpa", help="the server and its options")
    parser.add_argument("--stamp", choices=("rfc3164", "iso"), default="rfc3164")
    parser.add_argument("--folder", default=None, help="where to make the log")
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="bench-tftp-log-", dir=options.folder))
    try:
        log, half, hours = base / "log", base / "half", base / "hours"
        end = write(log, options.lines, options.phones, options.kind, options.stamp)
        begin = end - BEGIN - 2 * HOUR
        with log.open("rb") as file, half.open("wb") as first, hours.open("wb") as last:
            for number, line in enumerate(file):
                if number < options.lines // 2:
                    first.write(line)
                if number >= options.lines * begin / (end - BEGIN):
                    last.write(line)
        for path in (log, half, hours):
            os.utime(path, (end, end))  # stamps without a year are of the year before that
        size = log.stat().st_size / 1e6
        shape = f"{options.kind}, {options.stamp}: {options.lines} lines, {size:.0f} MB, {options.phones} phones"
        print(f"{shape}; medians of {options.rounds}")
        others = Others()
        works: dict[str, Callable[[], float]] = {
            "all": lambda: seconds(log),
            "half": lambda: seconds(half),
            "last hour": lambda: seconds(log, end - HOUR),
            "two hours": lambda: seconds(hours),
        }
        samples = [{name: work() for name, work in works.items()} for _round in range(options.rounds)]
    finally:
        shutil.rmtree(base)
    cpu = {name: statistics.median(sample[name] for sample in samples) for name in works}
    for name, taken in cpu.items():
        print(f"{name:10} {taken:7.2f} s of CPU")
    print(f"{os.cpu_count()} CPUs, of which others took {others.cpus():.2f}")
    kept = {
        f"{peak():.0f} MB (limit {MEGABYTES})": peak() <= MEGABYTES,
        f"all of it: {cpu['all'] / cpu['half']:.2f} x half of it (limit {TWICE})": cpu["all"] <= TWICE * cpu["half"],
        f"the last hour: {cpu['last hour'] - cpu['two hours']:.2f} s more than two hours alone (limit {MORE})": cpu["last hour"]
        <= cpu["two hours"] + MORE,
    }
    if options.lines == LINES:
        kept[f"{cpu['all']:.1f} s of CPU (limit {SECONDS})"] = cpu["all"] <= SECONDS
    for text, ok in kept.items():
        print("kept  " if ok else "MISSED", text)
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
