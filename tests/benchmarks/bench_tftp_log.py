# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The story of every phone out of a TFTP server's log, beside Python loops that only read its lines.

    PYTHONPATH=<folder of ansible_collections> python bench_tftp_log.py [--lines 1000000] [--phones 1000] [--rounds 5] [--folder /tmp]

Prints CPU seconds, medians, and the median of the ratios of each round; exits 1 if it takes more than 6 times a loop over the lines as
text, or more than 150 MB. 10,000,000 lines are about 1 GB. The row "bytes" is the same loop without decoding, and has no limit.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils import tftp_log, tftp_verdict

RATIO, MEGABYTES = 6.0, 150
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


def write(path: Path, lines: int, phones: int) -> None:
    """Boots of many phones at once, one or two a second, as tftpd-hpa -v logs them where it also logs what it has sent."""
    rng = random.Random(1)
    fleet = [(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"{0x000E84000000 + number:012X}") for number in range(phones)]
    due: dict[int, list[tuple[str, str]]] = {}
    second = process = written = 0
    with path.open("w") as file:
        while written < lines:
            for address, mac in rng.sample(fleet, 1 + second % 2):
                for wait, name in BOOT:
                    due.setdefault(second + wait, []).append((address, name.format(mac)))
            stamp = time.strftime("%b %e %H:%M:%S", time.localtime(BEGIN + second))
            for address, name in due.pop(second, ()):
                process = process % 32768 + 1
                said = f"File not found {name}" if name.startswith("CTL") else f"finished {name}"
                start = f"{stamp} pbx in.tftpd[{process}]: "
                file.write(f"{start}RRQ from {address} filename {name}\n{start}Client {address} {said}\n")
                written += 2
            second += 1


def read_bytes(path: Path) -> None:
    with path.open("rb") as file:
        for _line in file:
            pass


def read_text(path: Path) -> None:
    with path.open() as file:
        for _line in file:
            pass


def stories(path: Path) -> None:
    told = tftp_log.diagnose([str(path)], now=time.time())
    assert not told["unknown"]
    # A rare phone boots four times within minutes, or is booting as the log ends.
    sick = [facts for facts in told["phones"].values() if facts["verdict"] not in (tftp_verdict.HEALTHY, tftp_verdict.CANNOT_TELL)]
    assert not sick, sick[0]


def timed(work: Callable[[Path], None], path: Path) -> float:
    before = time.process_time()
    work(path)
    return time.process_time() - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to make the log")
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="bench-tftp-log-", dir=options.folder))
    try:
        log = base / "log"
        write(log, options.lines, options.phones)
        print(f"{options.lines} lines, {log.stat().st_size / 1e6:.0f} MB, {options.phones} phones; medians of {options.rounds}")
        works = (read_bytes, read_text, stories)
        samples = [{work.__name__: timed(work, log) for work in works} for _round in range(options.rounds)]
    finally:
        shutil.rmtree(base)
    ratios = {name: statistics.median(taken["stories"] / taken[name] for taken in samples) for name in samples[0]}
    for name, ratio in ratios.items():
        print(f"{name:10} {statistics.median(taken[name] for taken in samples):7.3f} s of CPU, stories take {ratio:5.2f} x")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept = {
        f"{ratios['read_text']:.2f} x a loop over the lines (limit {RATIO})": ratios["read_text"] <= RATIO,
        f"{peak:.0f} MB (limit {MEGABYTES})": peak <= MEGABYTES,
    }
    for text, ok in kept.items():
        print("kept  " if ok else "MISSED", text)
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
