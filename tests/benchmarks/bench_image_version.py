# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""image_version over many per-phone files, beside plain Python loops over the same files.

    PYTHONPATH=<folder of ansible_collections> python bench_image_version.py [--files 10000] [--rounds 5] [--folder /tmp]

Prints medians and ratios; exits 1 if the knowledge functions take more than 3 times a plain read-and-replace
loop, or the pass that changes nothing more than 2 times a plain read. The rows "module" are a whole process: Python's start,
the import of Ansible and the result as JSON included, but not Ansible's own work on the controller.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root

MODULE = Path(__file__).resolve().parents[2] / "plugins" / "modules" / "image_version.py"
IMAGES = ("P0S3-06-3-00", "P0S3-06-4-00")
LIMITS = {"change": 3.0, "no change": 2.0}


def fill(folder: Path, files: int) -> None:
    lines = [f'line{line}_{key}: "{line}001"\t; of the reception' for line in range(1, 7) for key in ("name", "authname", "password")]
    text = "\r\n".join([f'image_version: "{IMAGES[0]}"', *lines, "phone_label: Desk", ""])
    (folder / "SIPDefault.cnf").write_bytes(f"image_version: {IMAGES[0]}\n".encode())
    (folder / "OS79XX.TXT").write_bytes(f"{IMAGES[0]}\n".encode())
    for image in IMAGES:
        for extension in (".bin", ".sbn"):
            head = b"\x01\x00\x02\x01\x01\x02\x00\x02\x00\x0a" if extension == ".sbn" else b""
            (folder / (image + extension)).write_bytes(head + bytes(0x20) + image.encode() + bytes(64))
    for number in range(files):
        (folder / f"SIP{number:012X}.cnf").write_bytes(text.encode())


def plain_read(folder: Path) -> None:
    for name in os.listdir(folder):
        if name.startswith("SIP"):
            with open(folder / name, "rb") as file:
                file.read()


def plain_replace(folder: Path) -> None:
    pattern = re.compile(rb'(image_version: *"?)[^"\r\n]*')
    wanted = IMAGES[1] if f'"{IMAGES[0]}"'.encode() in next(folder.glob("SIP0*")).read_bytes() else IMAGES[0]
    for name in os.listdir(folder):
        if name.startswith("SIP"):
            path = folder / name
            with open(path, "rb") as file:
                data = file.read()
            staged = folder / f".{name}.tmp"
            with open(staged, "wb") as file:
                file.write(pattern.sub(rb"\g<1>" + wanted.encode(), data))
            os.replace(staged, path)


class Bench:
    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.state = f"{folder}-state"
        self.rounds = rounds
        self.turn = 0

    def image(self, change: bool) -> str:
        named = next(self.folder.glob("SIP0*")).read_bytes()
        current = IMAGES[0] if IMAGES[0].encode() in named else IMAGES[1]
        return IMAGES[1 - IMAGES.index(current)] if change else current

    def knowledge(self, change: bool) -> Callable[[], None]:
        def work() -> None:
            image = parse_application(name)
            with lock.locked(str(self.folder), self.state) as store:
                wanted = plan_changes(Root(str(self.folder)), image, image.os79xx)
                assert bool(wanted.changes) == change, wanted.changes[:3]
                store.apply(wanted.changes)

        name = self.image(change)
        return work

    def module(self, change: bool) -> Callable[[], None]:
        arguments = json.dumps(
            {"ANSIBLE_MODULE_ARGS": {"tftp_root": str(self.folder), "image": self.image(change), "state_dir": self.state}}
        )

        def work() -> None:
            done = subprocess.run([sys.executable, str(MODULE)], input=arguments, capture_output=True, text=True, check=True)
            assert json.loads(done.stdout)["changed"] == change

        return work

    def medians(self, change: bool) -> dict[str, float]:
        plain = plain_replace if change else plain_read
        times: dict[str, list[float]] = {"plain loop": [], "knowledge": [], "module": []}
        for _round in range(self.rounds):
            # Each kind of work makes every image name the other one, in turn, so that they meet the same files.
            makers = {"plain loop": lambda: lambda: plain(self.folder), "knowledge": lambda: self.knowledge(change)}
            makers["module"] = lambda: self.module(change)
            for name, make in makers.items():
                if name != "plain loop":
                    self.settle()
                work = make()
                gc.collect()
                os.sync()
                start = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - start)
        return {name: statistics.median(values) for name, values in times.items()}

    def settle(self) -> None:
        """SIPDefault.cnf and OS79XX.TXT say what the per-phone files say, as the plain loop only knows those."""
        (self.folder / "OS79XX.TXT").write_bytes(self.image(False).encode() + b"\n")
        (self.folder / "SIPDefault.cnf").write_bytes(f"image_version: {self.image(False)}\n".encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to make the root; the file system is part of what is measured")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-image-version-", dir=options.folder))
    folder.chmod(0o755)
    missed = 0
    try:
        fill(folder, options.files)
        bench = Bench(folder, options.rounds)
        print(f"{options.files} files, medians of {options.rounds}, Python {sys.version.split()[0]}")
        for what, limit in LIMITS.items():
            medians = bench.medians(what == "change")
            for name, seconds in medians.items():
                ratio = seconds / medians["plain loop"]
                kept = f" (limit {limit:.1f})" if name == "knowledge" else ""
                missed += bool(kept) and ratio > limit
                print(f"{what:10} {name:12} {seconds:8.3f} s   {ratio:5.2f} x{kept}")
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(f"{folder}-state", ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
