# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time and CPU of a process with all its children, medians, and a table of ratios."""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """Seconds by the clock, and of CPU (user and system)."""

    wall: float
    cpu: float


def children_cpu() -> float:
    """CPU seconds of all children that have ended and been waited for, theirs included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(command: Sequence[str], *, seconds: float, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Sample:
    """Run a command. No other child may end meanwhile. Raises RuntimeError with its last words, or subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile() as output:
        before = children_cpu()
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        sample = Sample(time.perf_counter() - start, children_cpu() - before)
        if process.returncode:
            output.seek(max(0, output.tell() - 3000))
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output.read().decode(errors='replace')}")
    return sample


class Others:
    """How many CPUs other processes kept busy from its making on: without an idle machine, absolute figures mean little."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._before = self._busy() - self._ours()

    def cpus(self) -> float:
        """All children of this process must have ended."""
        return (self._busy() - self._ours() - self._before) / (time.perf_counter() - self._start)

    @staticmethod
    def _busy() -> float:
        user, nice, system, _idle, _iowait, *rest = (int(ticks) for ticks in Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _ours() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime + children_cpu()


def median(samples: Sequence[Sample]) -> Sample:
    return Sample(statistics.median(one.wall for one in samples), statistics.median(one.cpu for one in samples))


def table(rows: Mapping[str, Sample], unit: str) -> list[str]:
    """A line per row, each with its ratios to the row called `unit`."""
    width = max(map(len, rows))
    base = rows[unit]
    return [
        f"{'':{width}}    wall s   to ours     CPU s   to ours",
        *(
            f"{name:{width}}  {row.wall:8.2f}  {row.wall / base.wall:7.2f}x  {row.cpu:8.2f}  {row.cpu / base.cpu:7.2f}x"
            for name, row in rows.items()
        ),
    ]
