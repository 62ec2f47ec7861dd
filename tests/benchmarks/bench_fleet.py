# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, reset and wait for a fleet of phones, beside other ways to do the same.

    PYTHONPATH=<folder of ansible_collections> python bench_fleet.py [--phones 1000] [--runs 3] [--quick] [--json FILE]
        [--boot-seconds 0 5] [--collections FOLDER]

Every way meets a fleet of its own in turn, A B C A B C …; afterwards the phones themselves have to say that each was
logged in to as often as that way has to, was reset once, and runs the target. CPU is that of the client with all its children, not
that of the phones, but both share the machine.

The phones restart at once, and in a second round are away for --boot-seconds, each 0.7 to 1.3 of it. They answer within
milliseconds, which no real one does: that flatters whoever talks to one phone after another. Where phones take their time,
every way resets all of them before it waits for the first, and those that cannot wait for a phone pause for as long as the slowest
takes, which only a simulator tells beforehand.

Promises are judged where phones restart at once, between ways that do the same work: either observe, reset and observe again in three
sessions per phone, or only the reset in one. Exits 1 if one is not kept. ansible.netcommon is compared with if it is in FOLDER:
ansible-galaxy collection install -p FOLDER ansible.netcommon
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ansible_collections.voip.cisco79xx.tests.benchmarks.timing import Others, Sample, measure, median, table
from ansible_collections.voip.cisco79xx.tests.simulator.fleet import address, mac
from ansible_collections.voip.cisco79xx.tests.simulator.harness import TREE, Simulator

OLD, TARGET = "P0S3-08-2-00", "P0S3-06-3-00"
PASSWORD = "Sesam-open-42"
PORT = 20000 + os.getpid() % 10000
FORKS = 50
THREADS = 100
RUN_SECONDS = 600.0
"""How long one run of one way may take."""
SLOW_SECONDS = 60.0
"""A way that takes longer than this runs once: noise does not decide about it."""
SLOWEST_BOOT = 1.3
"""Times the mean, as the simulator has it."""

MOST_CPU = 4.0
LEAST_RATIO = 5.0

START = "Ansible's own start"
OURS, OURS_RESET = "ours", "ours, only reset"
RAW, RAW_RESET = "raw per phone", "raw per phone, only reset"
NETCOMMON, NETCOMMON_RESET = "netcommon.telnet per phone", "netcommon.telnet per phone, only reset"
NORNIR, NORNIR_RESET = "nornir+netmiko", "nornir+netmiko, only a command and reset"
SEQUENTIAL, SEQUENTIAL_RESET = "one after another", "one after another, only reset"
FLOOR = "plain asyncio"

SAME_WORK = (
    (OURS, RAW),
    (OURS, NETCOMMON),
    (OURS, NORNIR),
    (OURS_RESET, RAW_RESET),
    (OURS_RESET, NETCOMMON_RESET),
    (OURS_RESET, NORNIR_RESET),
)

ALL_PHONES = {"phones": "{{ groups['phones'] }}"}
RESET = {"voip.cisco79xx.reset": {**ALL_PHONES, "unless_image": TARGET}, "run_once": True, "register": "told"}
NETCOMMON_LOGIN = {
    "host": "{{ ansible_host }}",
    "port": "{{ ansible_port }}",
    "login_prompt": "Password :",
    "user": "{{ ansible_password }}",
    "password": "",
    "prompts": ["SIP Phone> "],
    "pause": 0,
    "crlf": True,
}
"""It always types a user first. A phone asks only for the password."""


def _raw(command: str) -> dict[str, Any]:
    return {"ansible.builtin.raw": command}


def _netcommon(command: str) -> dict[str, Any]:
    """A phone hangs up at its reset, which the module takes for a failure."""
    task = {"ansible.netcommon.telnet": {**NETCOMMON_LOGIN, "command": [command]}, "vars": {"ansible_connection": "local"}}
    return {**task, "ignore_errors": True} if command == "reset" else task


def plays(boot_seconds: float) -> dict[str, list[dict[str, Any]]]:
    """The tasks of each way that is a playbook."""
    pause = [{"ansible.builtin.pause": {"seconds": math.ceil(boot_seconds * SLOWEST_BOOT)}}] if boot_seconds else []
    wait = {"voip.cisco79xx.wait_for_image": {**ALL_PHONES, "image": TARGET, "timeout": 60 + boot_seconds * 2}, "run_once": True}
    return {
        START: [{"ansible.builtin.debug": {"msg": "started"}, "run_once": True}],
        OURS: [
            {"voip.cisco79xx.phone_info": ALL_PHONES, "run_once": True, "register": "observed"},
            RESET,
            {**wait, "register": "waited"},
        ],
        OURS_RESET: [RESET],
        RAW: [_raw("show config"), _raw("reset"), *pause, _raw("show config")],
        RAW_RESET: [_raw("reset")],
        NETCOMMON: [_netcommon("show config"), _netcommon("reset"), *pause, _netcommon("show config")],
        NETCOMMON_RESET: [_netcommon("reset")],
    }


@dataclass(frozen=True)
class Way:
    """How often it has to log in to each phone, and whether that ends in a reset."""

    sessions: int
    resets: int = 1
    client: tuple[str, ...] = ()


WAYS = {
    START: Way(0, resets=0),
    OURS: Way(3),
    RAW: Way(3),
    NETCOMMON: Way(3),
    NORNIR: Way(3, client=("client_nornir.py", str(THREADS), "--whole")),
    SEQUENTIAL: Way(3, client=("client_sequential.py", "--whole")),
    OURS_RESET: Way(1),
    RAW_RESET: Way(1),
    NETCOMMON_RESET: Way(1),
    NORNIR_RESET: Way(1, client=("client_nornir.py", str(THREADS))),
    SEQUENTIAL_RESET: Way(1, client=("client_sequential.py",)),
    FLOOR: Way(3, client=("client_asyncio.py",)),
}


class Bench:
    """A fleet that is away for `boot_seconds` when it restarts."""

    def __init__(self, folder: Path, phones: int, boot_seconds: float, collections: Path | None) -> None:
        self.folder = folder
        self.boot_seconds = boot_seconds
        self.collections = os.pathsep.join(map(str, (TREE, collections) if collections else (TREE,)))
        self.names = [f"phone{number}" for number in range(phones)]
        self.inventory = folder / "inventory.json"
        self.plays = plays(boot_seconds)
        self._write_files()

    def ways(self) -> list[str]:
        """Where phones take their time to come back, a reset alone is no other than where they do not."""
        absent = () if os.pathsep in self.collections else (NETCOMMON, NETCOMMON_RESET)
        return [name for name, way in WAYS.items() if name not in absent and not (self.boot_seconds and way.sessions == 1)]

    def run(self, name: str) -> Sample:
        """One way against a fleet that runs the old image. Raises RuntimeError if it did not do what it has to."""
        defaults = {"image": OLD, "password": PASSWORD, "port": PORT, "boot": "none", "boot_seconds": self.boot_seconds}
        fleet = {"instant_target": TARGET, "defaults": defaults, "phones": [{"name": phone} for phone in self.names]}
        with Simulator(fleet, max_seconds=RUN_SECONDS + 60) as simulator:
            sample = measure(self._command(name), seconds=RUN_SECONDS, env=self._environment(), cwd=self.folder)
            self._check(name, simulator)
        return sample

    def _command(self, name: str) -> list[str]:
        client = WAYS[name].client
        if client:
            return [sys.executable, str(Path(__file__).with_name(client[0])), str(self.inventory), TARGET, *client[1:]]
        # Not the one of PATH: all ways use this Python.
        command = str(Path(sys.executable).with_name("ansible-playbook"))
        return [command, "-i", str(self.inventory), "--forks", str(FORKS), str(self._playbook(name))]

    def _environment(self) -> dict[str, str]:
        """None of the user's Ansible settings."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": self.collections,
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def _check(self, name: str, simulator: Simulator) -> None:
        way = WAYS[name]
        logins = Counter(event["phone"] for event in simulator.events(event="login"))
        image = TARGET if way.resets else OLD
        wrong = [
            f"{phone} had {logins[phone]} logins and {state['resets']} resets, runs {state['image']}"
            for phone, state in simulator.state().items()
            if (logins[phone], state["resets"], state["image"]) != (way.sessions, way.resets, image)
        ]
        if wrong:
            raise RuntimeError(f"{name}: {len(wrong)} of {len(self.names)} phones are not as they should be: {'; '.join(wrong[:5])}")

    def _playbook(self, name: str) -> Path:
        return self.folder / f"play{list(self.plays).index(name)}.json"

    def _write_files(self) -> None:
        variables = {"ansible_connection": "voip.cisco79xx.telnet", "ansible_port": PORT, "ansible_password": PASSWORD}
        hosts = {phone: {"ansible_host": address(number), "cisco79xx_mac": mac(number)} for number, phone in enumerate(self.names)}
        self.inventory.write_text(json.dumps({"phones": {"hosts": hosts, "vars": variables}}))
        (self.folder / "ansible.cfg").touch()
        for name, tasks in self.plays.items():
            self._playbook(name).write_text(json.dumps([{"hosts": "phones", "gather_facts": False, "tasks": tasks}]))


def judge(medians: dict[str, Sample]) -> list[tuple[bool, str]]:
    """Each promise: whether it is kept, and by how much."""
    cpu = medians[OURS].cpu - medians[START].cpu
    verdicts = [(cpu <= MOST_CPU, f"ours: {cpu:.2f} s of CPU over Ansible's own start (at most {MOST_CPU:g})")]
    for ours, rival in SAME_WORK:
        if rival not in medians:
            continue
        ratio = medians[rival].wall / medians[ours].wall
        verdicts.append((ratio >= LEAST_RATIO, f"{ours}: {ratio:.1f} times faster than {rival} (at least {LEAST_RATIO:g})"))
    return verdicts


def versions(collections: Path | None) -> dict[str, str]:
    """What is measured. Raises SystemExit if the rivals are not installed."""
    try:
        found = {name: version(name) for name in ("ansible-core", "telnetlib3", "nornir", "netmiko", "nornir-netmiko")}
    except PackageNotFoundError as missing:
        raise SystemExit(f"{missing.name} is not installed: pip install -r tests/requirements-benchmarks.txt") from None
    if collections:
        manifest = collections / "ansible_collections/ansible/netcommon/MANIFEST.json"
        if not manifest.exists():
            raise SystemExit(
                f"ansible.netcommon is not in {collections}: ansible-galaxy collection install -p {collections} ansible.netcommon"
            )
        found["ansible.netcommon"] = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
    return found


def take(bench: Bench, runs: int) -> dict[str, list[Sample]]:
    """Every way in turn."""
    samples: dict[str, list[Sample]] = {name: [] for name in bench.ways()}
    for number in range(runs):
        for name, taken in samples.items():
            if taken and taken[0].wall > SLOW_SECONDS:
                continue
            taken.append(bench.run(name))
            one = taken[-1]
            print(f"run {number + 1}: {name} {one.wall:.2f} s, {one.cpu:.2f} s of CPU", file=sys.stderr, flush=True)
    return samples


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3, help="of each way; medians count")
    parser.add_argument("--boot-seconds", type=float, nargs="+", default=[0, 5], help="how long phones are away; a round for each")
    parser.add_argument("--collections", type=Path, metavar="FOLDER", help="folder with ansible_collections/ansible/netcommon")
    parser.add_argument("--quick", action="store_true", help="30 phones, once, and nothing is judged")
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    if options.quick:
        options.phones, options.runs = 30, 1
    packages = versions(options.collections)
    shown = ", ".join(f"{name} {number}" for name, number in packages.items())
    print(f"{options.phones} phones, medians of {options.runs} (over {SLOW_SECONDS:g} s: 1), {FORKS} forks, {THREADS} threads")
    print(f"Python {platform.python_version()}, {shown}")

    rounds = []
    verdicts: list[tuple[bool, str]] = []
    for boot_seconds in options.boot_seconds:
        others = Others()
        with tempfile.TemporaryDirectory(prefix="bench-fleet-") as folder:
            samples = take(Bench(Path(folder), options.phones, boot_seconds, options.collections), options.runs)
        elsewhere = others.cpus()
        medians = {name: median(taken) for name, taken in samples.items()}
        away = f"away for {boot_seconds:g} s (0.7 to {SLOWEST_BOOT:g} of it)" if boot_seconds else "back at once"
        print(f"\nPhones {away}; {os.cpu_count()} CPUs, of which other processes took {elsewhere:.2f}")
        print(*table(medians, OURS), sep="\n", flush=True)
        if not (options.quick or boot_seconds):
            verdicts += judge(medians)
        rounds.append(
            {
                "boot_seconds": boot_seconds,
                "cpus_taken_by_others": round(elsewhere, 2),
                "samples": {name: [asdict(one) for one in taken] for name, taken in samples.items()},
                "medians": {name: asdict(one) for name, one in medians.items()},
                "times_ours": {name: round(one.wall / medians[OURS].wall, 2) for name, one in medians.items()},
            }
        )
    for kept, text in verdicts:
        print(f"{'kept  ' if kept else 'BROKEN'}  {text}")
    if options.json:
        figures = {
            "phones": options.phones,
            "python": platform.python_version(),
            "versions": packages,
            "rounds": rounds,
            "promises": [{"kept": kept, "text": text} for kept, text in verdicts],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(kept for kept, _text in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
