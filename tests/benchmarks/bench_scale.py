# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole rollouts to 1,000, 5,000 and 10,000 phones: time beyond the phones' own, memory, open files, and where the time goes.

    PYTHONPATH=<folder of ansible_collections> python bench_scale.py [--phones 1000 5000 10000] [--boot-seconds 40] [--json FILE]

Each rollout is the playbook downgrade.yml under `ulimit -n 1024`, in the waves 1, 10 %, 50 %, 100 %. The phones boot without
TFTP, each in a time of its own around --boot-seconds. Ideal is what no rollout in waves can beat: the sum over the waves of the
slowest phone's own time from its reset to its return, as the phones tell it. Memory counts what processes share once (PSS).
Exits 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.voip.cisco79xx.tests.benchmarks.timing import Others, children_cpu
from ansible_collections.voip.cisco79xx.tests.simulator.harness import TREE, Simulator
from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, PLAYBOOKS, PORT, Site

OLD, TARGET = "P0S3-08-2-00", "P0S3-06-3-00"
WAVES: tuple[int | str, ...] = (1, "10%", "50%", "100%")
OPEN_FILES = 1024
SAMPLE_SECONDS = 0.5
RUN_SECONDS = 1500.0

MOST_OVER, ALLOWANCE = 1.05, 5.0
MOST_MEGABYTES = 500.0
MOST_GROWTH = 1.5
"""CPU per phone, largest fleet to smallest."""

TASK = re.compile(r"(?:TASK|PLAY|RUNNING HANDLER) (?:\[(.*?)\] \**|RECAP \**)$")
RESTART = "waves"
STEPS = (
    ("begin", r"Begin$|Check what is asked|Let one phone"),
    ("look", r"Look at"),
    ("plan", r"Plan$"),
    ("point", r"Change the files"),
    (RESTART, r"Restart the phones in waves"),
    ("report", r"Report$"),
)
"""What a task belongs to: the first that matches its name."""
START, END = "start", "end"
WAVE_IS_OVER = re.compile(r"wave (\d+) of \d+: \d+ of \d+ phones? on ")


class Task(NamedTuple):
    """A task of the output, and the seconds until the next began: what Ansible did around it is in them."""

    name: str
    begin: float
    seconds: float


@dataclass
class Peak:
    """The most that was seen at any time. Single processes as the kernel notes it, sums as often as was looked."""

    tree_megabytes: float = 0.0
    process_megabytes: float = 0.0
    processes: int = 0
    open_files: int = 0


@dataclass(frozen=True)
class Wave:
    phones: int
    ideal: float
    """Seconds from reset to back of the slowest phone."""
    sweep: float
    """Seconds from the first reset to the last."""
    noticed: float
    """Seconds from the last phone's return to the end of the task that waits for it."""
    around: float
    """Seconds from there to the first reset of the next wave, or the end."""


@dataclass
class Rollout:
    phones: int
    wall: float
    cpu: float
    ideal: float
    before: float
    """Seconds until the first reset."""
    peak: Peak
    waves: list[Wave]
    steps: dict[str, float]
    tasks: list[Task] = field(repr=False)

    @property
    def beyond(self) -> float:
        return self.wall - self.ideal


class Watch(threading.Thread):
    """Looks at a process and all below it until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = Peak()
        self._pid = pid
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._look()

    def stop(self) -> Peak:
        self._done.set()
        self.join()
        return self.peak

    def _look(self) -> None:
        peak, shared, processes = self.peak, 0.0, 0
        for pid in _tree(self._pid):
            folder = Path("/proc", str(pid))
            try:
                status = (folder / "status").read_text()
                shared += _kilobytes((folder / "smaps_rollup").read_text(), "Pss") / 1024
                open_files = len(os.listdir(folder / "fd"))
            except OSError:  # it has ended
                continue
            processes += 1
            peak.process_megabytes = max(peak.process_megabytes, _kilobytes(status, "VmHWM") / 1024)
            peak.open_files = max(peak.open_files, open_files)
        peak.processes = max(peak.processes, processes)
        peak.tree_megabytes = max(peak.tree_megabytes, shared)


def _kilobytes(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


class Bench:
    def __init__(self, folder: Path, boot_seconds: float) -> None:
        self.folder = folder
        self.boot_seconds = boot_seconds

    def run(self, phones: int) -> Rollout:
        """One rollout. Raises RuntimeError if it did not do what it has to."""
        folder = self.folder / str(phones)
        folder.mkdir()
        site = Site(folder, [{} for _phone in range(phones)], default=OLD)
        own = [{key: phone[key] for key in ("name", "mac", "address")} for phone in site.phones]
        defaults = {"image": OLD, "password": PASSWORD, "port": PORT, "boot": "none", "boot_seconds": self.boot_seconds}
        fleet = {"instant_target": TARGET, "defaults": defaults, "phones": own}
        with Simulator(fleet, max_seconds=RUN_SECONDS + 120, start_seconds=120) as simulator:
            site.write_inventory()
            rollout = self._measure(site, simulator, phones)
        shutil.rmtree(folder)
        return rollout

    def _measure(self, site: Site, simulator: Simulator, phones: int) -> Rollout:
        limited = ["/bin/sh", "-c", f'ulimit -n {OPEN_FILES}; exec "$@"', "sh"]
        ansible = str(Path(sys.executable).with_name("ansible-playbook"))
        asked = {"image": TARGET, "waves": WAVES, "report_dir": str(site.report_dir), "wait_timeout": self.boot_seconds * 3 + 60}
        command = [*limited, ansible, str(PLAYBOOKS / "downgrade.yml"), "-i", str(site.inventory), "-e", json.dumps(asked)]
        before, start = children_cpu(), time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=site.folder,
            env=self._environment(site.folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch = Watch(process.pid)
        watch.start()
        timer = threading.Timer(RUN_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            lines = list(_stamped(process))
            process.wait()
        finally:
            timer.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        end = time.monotonic()
        cpu = children_cpu() - before
        peak = watch.stop()
        if process.returncode:
            last = "\n".join(text for _moment, text in lines[-30:])
            raise RuntimeError(f"{phones} phones: ansible-playbook ended with {process.returncode}:\n{last[-3000:]}")
        report = json.loads((site.report_dir / "report.json").read_text(encoding="utf-8"))
        self._check(simulator, report, phones)
        tasks = _tasks(lines, start, end)
        waves, first = _waves(simulator, report, lines, end)
        ideal = sum(wave.ideal for wave in waves)
        return Rollout(phones, end - start, cpu, ideal, first - start, peak, waves, _steps(tasks), tasks)

    @staticmethod
    def _environment(folder: Path) -> dict[str, str]:
        """None of the user's Ansible settings."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(TREE),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "PYTHONUNBUFFERED": "1",  # the lines of waves are to come when they are written
            "ANSIBLE_NOCOLOR": "1",
        }

    @staticmethod
    def _check(simulator: Simulator, report: dict[str, Any], phones: int) -> None:
        wrong = [
            f"{name} had {state['resets']} resets, runs {state['image']}, is reported {report['phones'][name]['status']}"
            for name, state in simulator.state().items()
            if (state["resets"], state["image"], report["phones"][name]["status"]) != (1, TARGET, "done")
        ]
        if wrong:
            raise RuntimeError(f"{len(wrong)} of {phones} phones are not as they should be: {'; '.join(wrong[:5])}")


def _stamped(process: subprocess.Popen[bytes]) -> Iterator[tuple[float, str]]:
    """Each line of its output, with the moment it came."""
    assert process.stdout
    with process.stdout as stream:
        for line in stream:
            yield time.monotonic(), line.decode(errors="replace").rstrip()


def _tasks(lines: Sequence[tuple[float, str]], start: float, end: float) -> list[Task]:
    found = [(START, start)]
    for moment, line in lines:
        matched = TASK.match(line)
        if matched:
            found.append((matched[1].removeprefix("voip.cisco79xx.rollout : ") if matched[1] else "recap", moment))
    until = [moment for _name, moment in found[1:]] + [end]
    return [Task(name, moment, after - moment) for (name, moment), after in zip(found, until, strict=True)]


def _steps(tasks: Sequence[Task]) -> dict[str, float]:
    """Seconds of each step."""
    seconds = {START: 0.0, **dict.fromkeys((step for step, _pattern in STEPS), 0.0), END: 0.0}
    other = START
    for task in tasks:
        step = next((step for step, pattern in STEPS if re.match(pattern, task.name)), other)
        seconds[step] += task.seconds
        other = END if step == "report" else other
    return seconds


def _waves(simulator: Simulator, report: dict[str, Any], lines: Sequence[tuple[float, str]], end: float) -> tuple[list[Wave], float]:
    """The waves as the phones saw them, and the moment of the first reset. Their clock is the one of time.monotonic."""
    numbers = {name: phone["wave"] for name, phone in report["phones"].items()}
    resets: dict[int, dict[str, float]] = {}
    ups: dict[str, float] = {}
    for event in simulator.events():
        if event["event"] == "reset":
            resets.setdefault(numbers[event["phone"]], {})[event["phone"]] = event["t"]
        elif event["event"] == "up":
            ups[event["phone"]] = event["t"]
    begins = [min(resets[number].values()) for number in sorted(resets)]
    waited = [moment for moment, line in lines if WAVE_IS_OVER.match(line)]
    waves = []
    for number, done, following in zip(sorted(resets), waited, [*begins[1:], end], strict=True):
        told = resets[number]
        back = max(ups[name] for name in told)
        ideal = max(ups[name] - moment for name, moment in told.items())
        waves.append(Wave(len(told), ideal, max(told.values()) - min(told.values()), done - back, following - done))
    return waves, begins[0]


def judge(rollouts: Sequence[Rollout]) -> list[tuple[bool, str]]:
    """Each promise: whether it is kept, and by how much."""
    verdicts = []
    for one in rollouts:
        allowed = MOST_OVER * one.ideal + ALLOWANCE
        verdicts.append((one.wall <= allowed, f"{one.phones} phones: {one.wall:.1f} s (at most {allowed:.1f}, ideal {one.ideal:.1f})"))
        files = one.peak.open_files
        verdicts.append((files < OPEN_FILES, f"{one.phones} phones: {files} open files (less than {OPEN_FILES})"))
        megabytes = one.peak.tree_megabytes
        verdicts.append((megabytes < MOST_MEGABYTES, f"{one.phones} phones: {megabytes:.0f} MB (less than {MOST_MEGABYTES:g})"))
    if len(rollouts) > 1:
        few, many = rollouts[0], rollouts[-1]
        growth = many.cpu / many.phones / (few.cpu / few.phones)
        text = f"CPU per phone: {growth:.2f} times as much with {many.phones} as with {few.phones} (at most {MOST_GROWTH:g})"
        verdicts.append((growth <= MOST_GROWTH, text))
    return verdicts


def table(rollouts: Sequence[Rollout]) -> list[str]:
    lines = ["phones   wall s  ideal s   over %  beyond s    CPU s  ms/phone  tree MB  process MB  processes  files"]
    for one in rollouts:
        peak = one.peak
        lines.append(
            f"{one.phones:6} {one.wall:8.1f} {one.ideal:8.1f} {100 * one.beyond / one.ideal:8.1f} {one.beyond:9.1f} {one.cpu:8.1f}"
            f" {1000 * one.cpu / one.phones:9.2f} {peak.tree_megabytes:8.0f} {peak.process_megabytes:11.0f} {peak.processes:10}"
            f" {peak.open_files:6}"
        )
    return lines


def where(rollout: Rollout, tasks: int) -> list[str]:
    """Where the time beyond ideal went: as the phones saw it, by step, and the longest tasks."""
    lines = [f"{rollout.phones} phones: {rollout.beyond:.1f} s beyond ideal", f"  {rollout.before:7.1f}  before the first reset"]
    for number, wave in enumerate(rollout.waves, 1):
        lost = wave.sweep + wave.noticed + wave.around
        parts = f"first to last reset {wave.sweep:.1f}, to notice the last {wave.noticed:.1f}, then {wave.around:.1f}"
        lines.append(f"  {lost:7.1f}  wave {number}, phones: {wave.phones}, slowest {wave.ideal:.1f}; {parts}")
    lines.append(f"  by step, the phones' own time in `{RESTART}`:")
    lines += [f"  {seconds:7.1f}  {name}" for name, seconds in rollout.steps.items()]
    if tasks:
        lines.append("  longest tasks:")
        longest = sorted(rollout.tasks, key=lambda task: -task.seconds)[:tasks]
        lines += [f"  {task.seconds:7.2f}  {task.name}" for task in longest]
    return lines


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, nargs="+", default=[1000, 5000, 10000])
    parser.add_argument("--boot-seconds", type=float, default=40.0, help="mean; each phone takes 0.7 to 1.3 of it")
    parser.add_argument("--tasks", type=int, default=12, help="how many of the longest tasks to show")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    others = Others()
    rollouts = []
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        bench = Bench(Path(folder), options.boot_seconds)
        for phones in sorted(options.phones):
            rollouts.append(bench.run(phones))
            print(*where(rollouts[-1], options.tasks), sep="\n", flush=True)
    elsewhere = others.cpus()
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, of which other processes took {elsewhere:.2f}")
    print(*table(rollouts), sep="\n")
    verdicts = judge(rollouts)
    for kept, text in verdicts:
        print(f"{'kept  ' if kept else 'BROKEN'}  {text}")
    if options.json:
        figures = {
            "boot_seconds": options.boot_seconds,
            "cpus_taken_by_others": round(elsewhere, 2),
            "rollouts": [{**asdict(one), "beyond": one.beyond} for one in rollouts],
            "promises": [{"kept": kept, "text": text} for kept, text in verdicts],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(kept for kept, _text in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
