# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A transaction over many files, which are on the disk when it ends, beside plain loops that replace the same files.

    PYTHONPATH=<folder of ansible_collections> python bench_transaction.py [--files 10000] [--rounds 5] [--folder /tmp]

All read, change and replace every file; only the transaction locks, keeps the originals, writes a record and looks twice whether
somebody else has changed a file. It forces all of a file system onto the disk at once, or, where that cannot be done, file by file. One
plain loop leaves that to the system, one forces file by file. Every kind of work runs in a process of its own, the imports not counted,
in turn. Prints medians, ratios and the peak of memory; exits 1 if a transaction takes more than 4 times the plain loop that forces
nothing, or, file by file, more than 4 times the one that forces; if the peak is over 150 MB, if ten times the files take more than 15
times the CPU (the clock would tell how busy the disk is), or if a root with nothing to do takes more than twice a plain read.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
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
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.module_utils import _tree
from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock, model

IMAGES = (b"P0S3-06-3-00", b"P0S3-06-4-00")
MOST_RATIO = 4.0
MOST_RATIO_IDLE = 2.0
MOST_MEGABYTES = 150
MOST_GROWTH = 15.0


def fill(folder: Path, files: int) -> None:
    folder.mkdir(mode=0o755)
    lines = [f'line{line}_{key}: "{line}001"\t; of the reception' for line in range(1, 7) for key in ("name", "authname", "password")]
    for number in range(files):
        text = "\r\n".join([f'image_version: "{IMAGES[0].decode()}"', *lines, f"phone_label: Desk {number}", ""])
        (folder / f"SIP{number:012X}.cnf").write_bytes(text.encode())


def turned(data: bytes) -> bytes:
    """Each image's name for the other one's, so that every round has the same to do."""
    old, new = IMAGES if IMAGES[0] in data else IMAGES[::-1]
    return data.replace(old, new)


def plain_read(root: Path) -> None:
    for name in os.listdir(root):
        with open(root / name, "rb") as file:
            file.read()


def plain_replace(root: Path, forced: bool) -> None:
    for name in os.listdir(root):
        with open(root / name, "rb") as file:
            data = turned(file.read())
        staged = root / f".{name}.tmp"
        with open(staged, "wb") as file:
            file.write(data)
            if forced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(staged, root / name)
    if forced:
        descriptor = os.open(root, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def changes(root: Path, change: bool) -> list[model.Change]:
    found = []
    for name in os.listdir(root):
        with open(root / name, "rb") as file:
            data = file.read()
            after = turned(data) if change else data
            if after != data:
                found.append(model.Change(name, name, data, after, os.fstat(file.fileno())))
    return found


def transact(root: Path, change: bool = True) -> None:
    with lock.locked(str(root), f"{root}.state") as store:
        store.apply(changes(root, change), image="P0S3-06-3-00", run=str(os.getpid()))


def transact_file_by_file(root: Path) -> None:
    setattr(_tree, "sync_file_system", lambda descriptor: False)  # noqa: B010 - the name is another module's
    transact(root)


def undo(root: Path) -> None:
    with lock.locked(str(root), f"{root}.state") as store:
        store.undo(store.plan_undo())


WORK: dict[str, Callable[[Path], None]] = {
    "plain read": plain_read,
    "nothing to do": lambda root: transact(root, change=False),
    "plain loop": lambda root: plain_replace(root, forced=False),
    "transaction": transact,
    "undo": undo,
    "plain loop, forced": lambda root: plain_replace(root, forced=True),
    "file by file": transact_file_by_file,
}


def child(name: str, root: Path) -> None:
    """One piece of work, for its parent to read: seconds, seconds of CPU and megabytes."""
    gc.collect()
    os.sync()
    start, start_cpu = time.perf_counter(), time.process_time()
    WORK[name](root)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(json.dumps([seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


class Sample(NamedTuple):
    seconds: float
    cpu: float
    megabytes: float


def measure(root: Path, rounds: int) -> dict[str, Sample]:
    """Medians of the times, and the most memory."""
    samples: dict[str, list[Sample]] = {name: [] for name in WORK}
    for _round in range(rounds):
        for name in WORK:
            command = [sys.executable, __file__, "--child", name, "--folder", str(root)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            samples[name].append(Sample(*json.loads(done.stdout)))
    return {
        name: Sample(
            statistics.median(one.seconds for one in found),
            statistics.median(one.cpu for one in found),
            max(one.megabytes for one in found),
        )
        for name, found in samples.items()
    }


class Judge:
    def __init__(self) -> None:
        self.missed = 0

    def show(self, what: str, value: float, unit: str, limit: float) -> None:
        kept = value <= limit
        self.missed += not kept
        print(f"{what:58} {value:8.2f} {unit:2} (limit {limit:g}){'' if kept else '  MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to make the roots; the file system is part of what is measured")
    parser.add_argument("--child", choices=WORK, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, Path(options.folder))
        return 0
    judge = Judge()
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-transaction-", dir=options.folder))
        stack.callback(shutil.rmtree, folder)
        print(f"medians of {options.rounds}, Python {sys.version.split()[0]}")
        found: dict[int, dict[str, Sample]] = {}
        for files in (options.files // 10, options.files):
            root = folder / f"root{files}"
            fill(root, files)
            found[files] = measure(root, options.rounds)
            for name, sample in found[files].items():
                print(f"{files:6} files  {name:20} {sample.seconds:8.3f} s  CPU {sample.cpu:7.3f} s  {sample.megabytes:4.0f} MB")
        few, many = list(found.values())
        ratio = many["transaction"].seconds / many["plain loop"].seconds
        judge.show(f"transaction / plain loop, {options.files} files", ratio, "x", MOST_RATIO)
        ratio = many["file by file"].seconds / many["plain loop, forced"].seconds
        judge.show("file by file / plain loop, forced file by file", ratio, "x", MOST_RATIO)
        judge.show("nothing to do / plain read", many["nothing to do"].seconds / many["plain read"].seconds, "x", MOST_RATIO_IDLE)
        judge.show("CPU of a transaction, ten times the files", many["transaction"].cpu / few["transaction"].cpu, "x", MOST_GROWTH)
        judge.show("memory", max(sample.megabytes for sample in many.values()), "MB", MOST_MEGABYTES)
    return 1 if judge.missed else 0


if __name__ == "__main__":
    sys.exit(main())
