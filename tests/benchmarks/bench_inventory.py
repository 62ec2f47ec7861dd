# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin over a root of many phones, beside a plain read of the same files.

    PYTHONPATH=<folder of ansible_collections> python bench_inventory.py [--phones 10000] [--rounds 5] [--folder /tmp]

Prints medians, and the median of the ratios of each round, which other work on the machine disturbs least. `phones` is all that the
plugin does but for handing the hosts to Ansible; `with_leases` finds the addresses too, in a file of ISC dhcpd and a list. `ansible` is
ansible-inventory with the plugin, `cached` the same with the hosts out of its cache: what is beyond that is not Ansible's own time.
Exits 1 if `phones`, or `ansible` beyond `cached`, takes more than 3 times a plain read.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._fleet import hosts, of_root
from ansible_collections.voip.cisco79xx.tests.benchmarks.bench_tftp_root_info import fill, plain_read
from ansible_collections.voip.cisco79xx.tests.benchmarks.timing import children_cpu

TREE = Path(__file__).resolve().parents[5]
TIMES = 3.0


def spelt(number: int) -> str:
    return ":".join(f"{number:012x}"[at : at + 2] for at in range(0, 12, 2))


def address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def write(base: Path, phones: int) -> None:
    """The root, leases and a list with the address of each phone, and the inventories."""
    fill(base / "root", phones, False)
    lease = "lease {} {{\n  starts 6 2026/11/28 10:00:00;\n  ends never;\n  binding state active;\n  hardware ethernet {};\n}}\n"
    (base / "leases").write_text("".join(lease.format(address(number), spelt(number)) for number in range(phones)))
    (base / "list").write_text("".join(f"{address(number)},{spelt(number)},Desk {number}\n" for number in range(phones)))
    asked = {"plugin": "voip.cisco79xx.tftp_root", "roots": [{"path": "root", "tftp_server": "pbx"}]}
    (base / "tftp_root.yml").write_text(json.dumps(asked))
    kept = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(base / "cache")}
    (base / "cached.tftp_root.yml").write_text(json.dumps(asked | kept))
    cached(base)


def read(base: Path) -> None:
    plain_read(base / "root")


def phones(base: Path) -> None:
    hosts([of_root(str(base / "root"), "pbx")], [], time.time(), print)


def with_leases(base: Path) -> None:
    places = [Place(file=str(base / name)) for name in ("leases", "list")]
    found = hosts([of_root(str(base / "root"), "pbx")], places, time.time(), print)
    assert not any(host["left_out_as"] for host in found)


def show(base: Path, source: str) -> None:
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(TREE), "HOME": str(base)}
    command = ["ansible-inventory", "-i", source, "--host", f"SEP{0:012X}"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(command, cwd=base, env=environment | {"PATH": path}, stdout=subprocess.DEVNULL, check=True)


def ansible(base: Path) -> None:
    show(base, "tftp_root.yml")


def cached(base: Path) -> None:
    show(base, "cached.tftp_root.yml")


def timed(work: Callable[[Path], None], base: Path) -> float:
    """CPU seconds, children included."""
    before = time.process_time() + children_cpu()
    work(base)
    return time.process_time() + children_cpu() - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to make the root; the file system is part of what is measured")
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="bench-inventory-", dir=options.folder))
    try:
        write(base, options.phones)
        rounds = [
            {work.__name__: timed(work, base) for work in (read, phones, with_leases, ansible, cached)} for _round in range(options.rounds)
        ]
    finally:
        shutil.rmtree(base)
    print(f"{options.phones} phones, medians of {options.rounds}, Python {sys.version.split()[0]}")
    for name in rounds[0]:
        ratio = statistics.median(taken[name] / taken["read"] for taken in rounds)
        print(f"{name:12} {statistics.median(taken[name] for taken in rounds):7.3f} s of CPU {ratio:7.2f} x a plain read")
    own = statistics.median(taken["phones"] / taken["read"] for taken in rounds)
    beyond = statistics.median((taken["ansible"] - taken["cached"]) / taken["read"] for taken in rounds)
    kept = {
        f"phones: {own:.2f} x a plain read (limit {TIMES})": own <= TIMES,
        f"ansible beyond cached: {beyond:.2f} x a plain read (limit {TIMES})": beyond <= TIMES,
    }
    for text, ok in kept.items():
        print("kept  " if ok else "MISSED", text)
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
