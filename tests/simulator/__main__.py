# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -m ansible_collections.voip.cisco79xx.tests.simulator FLEET.json"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .fleet import Fleet


async def serve(description: dict[str, Any], until_stdin_closes: bool, max_seconds: float) -> None:
    """Run a fleet until it is told to stop, stdin closes or its time is up."""
    fleet = Fleet(description)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def stdin_readable() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), stdin_readable)
    await fleet.start()
    if description.get("control"):
        await asyncio.start_unix_server(fleet.control, description["control"])
    print(f"ready {len(fleet.phones)} phones", flush=True)
    try:
        await asyncio.wait_for(stop.wait(), max_seconds)
    except TimeoutError:
        pass
    state = fleet.state()
    await fleet.stop()
    if description.get("state"):
        Path(description["state"]).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulator", description="Simulated Cisco 7940/7960 phones on loopback addresses.")
    parser.add_argument("fleet", type=Path, help="fleet file (JSON)")
    parser.add_argument("--max-seconds", type=float, default=3600.0, help="stop after that time at the latest")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when whoever started this is gone")
    options = parser.parse_args()
    description = json.loads(options.fleet.read_text(encoding="utf-8"))
    asyncio.run(serve(description, options.until_stdin_closes, options.max_seconds))


if __name__ == "__main__":
    main()
