# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator as a context manager, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MODULE = "ansible_collections.voip.cisco79xx.tests.simulator"
TREE = Path(__file__).parents[5]


class Simulator:
    """Starts a fleet in a process of its own and talks to it.

    `fleet` is a fleet file as a dict; `events`, `state` and `control` are filled in. The process ends with the
    context, with its parent, or after `max_seconds`, whichever comes first.
    """

    def __init__(self, fleet: Mapping[str, Any], *, max_seconds: float = 600.0, start_seconds: float = 60.0) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="phones-"))
        self._max_seconds = max_seconds
        self._start_seconds = start_seconds
        self._control = self._folder / "control"
        self._final: dict[str, Any] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.said = ""
        self.fleet: dict[str, Any] = {
            "events": str(self._folder / "events.jsonl"),
            "state": str(self._folder / "state.json"),
            **fleet,
            "control": str(self._control),
        }

    def __enter__(self) -> Simulator:
        try:
            self.start()
        except BaseException:
            self.stop()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self.said = self.errors()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the process and wait until every phone answers. Raises RuntimeError with what the process said."""
        file = self._folder / "fleet.json"
        file.write_text(json.dumps(self.fleet), encoding="utf-8")
        path = os.pathsep.join(part for part in (str(TREE), os.environ.get("PYTHONPATH", "")) if part)
        command = [sys.executable, "-m", MODULE, str(file), "--until-stdin-closes", "--max-seconds", str(self._max_seconds)]
        with (self._folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONPATH": path}
            )
        assert self._process.stdout
        ready, _write, _error = select.select([self._process.stdout], [], [], self._start_seconds)
        line = self._process.stdout.readline() if ready else b""
        if not line.startswith(b"ready "):
            self.stop()
            raise RuntimeError(f"simulator did not start: {self.errors()[-2000:] or line!r}")

    def stop(self) -> dict[str, Any]:
        """Stop the process and return the phones' final state."""
        process, self._process = self._process, None
        if process:
            assert process.stdin and process.stdout
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            state = Path(self.fleet["state"])
            self._final = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
        return self._final or {}

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """One request over the control socket. Raises RuntimeError if the simulator refuses it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self._control))
            connection.sendall(json.dumps({"op": operation, **arguments}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer = json.loads(stream.readline() or b'{"error": "no answer"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        phones: dict[str, Any] = answer["phones"]
        return phones

    def state(self) -> dict[str, Any]:
        """Every phone by name: image, loader, status, telnet, resets, in_call, reset_pending, address, port, mac."""
        return self.ask("state")

    def power_cycle(self, phone: str) -> None:
        self.ask("power_cycle", phone=phone)

    def call(self, phone: str) -> None:
        """Somebody picks up: from now on the phone is in a call."""
        self.ask("call", phone=phone)

    def hang_up(self, phone: str) -> None:
        self.ask("hang_up", phone=phone)

    def set_faults(self, phone: str, faults: Mapping[str, Any] | list[str]) -> None:
        """Replace the faults of a running phone."""
        self.ask("faults", phone=phone, faults=faults)

    def events(self, phone: str | None = None, event: str | None = None) -> list[dict[str, Any]]:
        """What happened so far, oldest first, of one phone or all, of one kind or all."""
        path = Path(self.fleet["events"])
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        records = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [one for one in records if phone in (None, one["phone"]) and event in (None, one["event"])]

    def wait(self, ready: Callable[[dict[str, Any]], bool], seconds: float = 30.0) -> dict[str, Any]:
        """The state as soon as `ready(state)` holds. Raises TimeoutError with the last state."""
        until = time.monotonic() + seconds
        while True:
            state = self.state()
            if ready(state):
                return state
            if time.monotonic() > until:
                raise TimeoutError(f"after {seconds} s: {json.dumps(state)[:2000]}")
            time.sleep(0.02)

    def errors(self) -> str:
        """What the process wrote to stderr."""
        path = self._folder / "errors"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
