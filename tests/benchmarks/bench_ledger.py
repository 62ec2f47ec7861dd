# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ledger of a site costs a wave: rollouts of one wave with its calls, beside the same without them.

    PYTHONPATH=<folder of ansible_collections> python bench_ledger.py [--phones 1000] [--runs 5] [--boot-seconds 8]

Both are the playbook downgrade.yml. Without means that the lease of the site is never renewed and no reset is noted, as in a dry run. The
phones boot without TFTP, each in a time of its own. What is compared is the time from the beginning of the wave to its last reset, which is
all that noting them delays, and the whole run; the least of the runs counts, as whatever else the machine does only adds to it. Exits 1 if
the ledger costs a wave more than it may.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.voip.cisco79xx.tests.benchmarks.timing import Others
from ansible_collections.voip.cisco79xx.tests.simulator.harness import Simulator
from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, PLAYBOOKS, PORT, Site

OLD, TARGET = "P0S3-08-2-00", "P0S3-06-3-00"
MOST_SECONDS = 2.0
"""That a wave of 1,000 phones may take longer, more phones as much longer as they are more."""
RUN_SECONDS = 600.0
ANSIBLE = """
import json, os, sys, time
from ansible.cli.playbook import main
from ansible.executor.playbook_executor import PlaybookExecutor

notes, without = sys.argv[1:3]
del sys.argv[1:3]
run = PlaybookExecutor.run

def note(**facts):
    with open(notes, "a") as file:
        file.write(json.dumps(facts) + chr(10))

def measured(executor):
    from concurrent.futures import Future
    from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import Lease
    from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.wave import Wave

    call, begin = Lease._call, Wave.run

    def timed(lease, action, **more):
        began, told = time.monotonic(), len(lease._events)
        call(lease, action, **more)
        note(call=action, seconds=time.monotonic() - began, events=told)

    def begun(wave):
        note(began=time.monotonic())
        begin(wave)

    def free(lease, phone, *step, **more):
        answer = Future()
        answer.set_result("")
        return answer

    Lease._call, Wave.run = timed, begun
    if without == "yes":
        Lease.ask, Lease.add, Lease.tend, Lease.hold, Lease.why_not = free, free, lambda lease: False, lambda lease: None, lambda lease: ""
    return run(executor)

PlaybookExecutor.run = measured
sys.exit(main())
"""
"""Ansible, with a clock around its calls. Its workers are forked, so what is changed here holds there too."""


@dataclass(frozen=True)
class Round:
    """Seconds: from the beginning of the wave to its last reset, of the whole run, and of each call of the ledger in the wave."""

    resets: float
    wall: float
    calls: tuple[float, ...]


def rollout(folder: Path, phones: int, boot_seconds: float, without: bool) -> Round:
    """One rollout in a folder of its own. Raises RuntimeError if it did not do what it has to."""
    site = Site(folder, [{} for _phone in range(phones)], default=OLD)
    own = [{key: phone[key] for key in ("name", "mac", "address")} for phone in site.phones]
    defaults = {"image": OLD, "password": PASSWORD, "port": PORT, "boot": "none", "boot_seconds": boot_seconds}
    asked = {"image": TARGET, "waves": ["100%"], "report_dir": str(site.report_dir), "wait_timeout": boot_seconds * 3 + 60}
    notes = folder / "notes"
    command = [sys.executable, "-c", ANSIBLE, str(notes), "yes" if without else "no", str(PLAYBOOKS / "downgrade.yml")]
    fleet = {"instant_target": TARGET, "defaults": defaults, "phones": own}
    with Simulator(fleet, max_seconds=RUN_SECONDS, start_seconds=120) as simulator:
        site.write_inventory()
        start = time.monotonic()
        with (folder / "output").open("wb") as output:
            ended = subprocess.run(
                [*command, "-i", str(site.inventory), "-e", json.dumps(asked)],
                cwd=folder,
                env=site.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=RUN_SECONDS,
                check=False,
            )
        wall = time.monotonic() - start
        if ended.returncode or {state["resets"] for state in simulator.state().values()} != {1}:
            raise RuntimeError(f"{phones} phones: ended with {ended.returncode}:\n{(folder / 'output').read_text()[-3000:]}")
        last = max(event["t"] for event in simulator.events(event="reset"))
    facts = [json.loads(line) for line in notes.read_text().splitlines()]
    (began,) = [fact["began"] for fact in facts if "began" in fact]
    calls = tuple(fact["seconds"] for fact in facts if fact.get("call") == "note")
    return Round(last - began, wall, calls)


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--boot-seconds", type=float, default=8.0, help="mean; each phone takes 0.7 to 1.3 of it")
    options = parser.parse_args()
    others = Others()
    rounds: dict[bool, list[Round]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        for number in range(options.runs):
            for without, found in rounds.items():
                below = Path(folder, f"{number}{'without' if without else 'with'}")
                below.mkdir()
                found.append(rollout(below, options.phones, options.boot_seconds, without))
                one = found[-1]
                told = f", calls: {', '.join(f'{seconds:.2f}' for seconds in one.calls)}" if one.calls else ""
                which = "without" if without else "with   "
                print(f"{which}  to the last reset {one.resets:.2f} s, whole run {one.wall:.2f} s{told}", flush=True)
    resets, wall = ([min(getattr(one, name) for one in rounds[without]) for without in (False, True)] for name in ("resets", "wall"))
    cost, allowed = resets[0] - resets[1], MOST_SECONDS * max(1.0, options.phones / 1000)
    print(f"{os.cpu_count()} CPUs, of which other processes took {others.cpus():.2f}")
    print(f"to the last reset: {resets[0]:.2f} s with the ledger, {resets[1]:.2f} s without, {resets[0] / resets[1]:.2f} times as long")
    print(f"whole run: {wall[0]:.2f} s with the ledger, {wall[1]:.2f} s without")
    kept = "kept  " if cost <= allowed else "BROKEN"
    print(f"{kept}  {options.phones} phones: the ledger costs a wave {cost:.2f} s (at most {allowed:g})")
    return 0 if cost <= allowed else 1


if __name__ == "__main__":
    sys.exit(main())
