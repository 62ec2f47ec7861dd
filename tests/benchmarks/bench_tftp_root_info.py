# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tftp_root_info over a root of many phones, beside a plain read of the same files.

    PYTHONPATH=<folder of ansible_collections> python bench_tftp_root_info.py [--phones 10000] [--rounds 7] [--folder /tmp]

Prints medians, and the median of the ratios of each round, which other work on the machine disturbs least; exits 1 if the knowledge
function takes more than 8 times a plain read, if that ratio grows with the phones, or if a process needs more than 150 MB. The row
"module" is a whole process: Python's start, the import of Ansible and the result as JSON included. In the "sick" root every phone's
file has a fault and a duplicate; that has no limit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import ANYBODY
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.audit import survey
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.tests.benchmarks.timing import children_cpu
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

MODULE = Path(__file__).resolve().parents[2] / "plugins" / "modules" / "tftp_root_info.py"
IMAGE = "P0S3-06-3-00"
RATIO, GROWTH, MEGABYTES = 8.0, 1.3, 150


def fill(folder: Path, phones: int, sick: bool) -> None:
    """Phones with an image and a password of their own, in CRLF; one of 100 has a fault, or all of them."""
    folder.mkdir(mode=0o755)
    make_image(folder, IMAGE)
    (folder / "SIPDefault.cnf").write_bytes(f"image_version: {IMAGE}\r\ntelnet_level: 2\r\n".encode())
    (folder / "OS79XX.TXT").write_bytes(f"{IMAGE}\n".encode())
    for number in range(phones):
        lines = [f'line{line}_{key}: "{number}{line}"\t; hall {number}' for line in range(1, 7) for key in ("name", "authname", "password")]
        lines += ["proxy1_port=5060", 'line1_name: "1"'] if sick or number % 100 == 0 else []
        text = "\r\n".join([f'image_version: "{IMAGE}"', *lines, "phone_label: Desk", f"phone_password: {number}", ""])
        (folder / f"SIP{number:012X}.cnf").write_bytes(text.encode())


def plain_read(folder: Path) -> None:
    for name in os.listdir(folder):
        with open(folder / name, "rb") as file:
            file.read()


def knowledge(folder: Path) -> None:
    found = survey(Root(str(folder)), ANYBODY)
    assert found["summary"]["phones"] == found["summary"]["overrides"]


def module(folder: Path) -> None:
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"tftp_root": str(folder)}})
    done = subprocess.run([sys.executable, str(MODULE)], input=arguments.encode(), stdout=subprocess.PIPE, check=True)
    assert b'"faults"' in done.stdout


def timed(work: Callable[[Path], None], folder: Path) -> float:
    """CPU seconds, children included."""
    before = time.process_time() + children_cpu()
    work(folder)
    return time.process_time() + children_cpu() - before


def measure(what: str, folder: Path, rounds: int) -> float:
    """Print a line for each kind of work; return the ratio of the knowledge function."""
    samples = [{work.__name__: timed(work, folder) for work in (plain_read, knowledge, module)} for _round in range(rounds)]
    ratios = {name: statistics.median(taken[name] / taken["plain_read"] for taken in samples) for name in samples[0]}
    for name, ratio in ratios.items():
        print(f"{what:20} {name:10} {statistics.median(taken[name] for taken in samples):7.3f} s of CPU {ratio:6.2f} x")
    return ratios["knowledge"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", default=None, help="where to make the roots; the file system is part of what is measured")
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="bench-tftp-root-info-", dir=options.folder))
    try:
        print(f"medians of {options.rounds}, Python {sys.version.split()[0]}")
        ratios = []
        for what, phones, sick in (("half", options.phones // 2, False), ("all", options.phones, False), ("sick", options.phones, True)):
            fill(base / what, phones, sick)
            ratios.append(measure(f"{what}: {phones} phones", base / what, options.rounds))
    finally:
        shutil.rmtree(base)
    half, whole, _sick = ratios
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    kept = {
        f"{whole:.2f} x a plain read (limit {RATIO})": whole <= RATIO,
        f"{whole / half:.2f} x that of half the phones (limit {GROWTH})": whole / half <= GROWTH,
        f"{peak:.0f} MB (limit {MEGABYTES})": peak <= MEGABYTES,
    }
    for text, ok in kept.items():
        print("kept  " if ok else "MISSED", text)
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
