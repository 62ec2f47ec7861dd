# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rival: nornir with netmiko's generic telnet driver. Its fixed pauses (1.5 seconds for a login) are its own.

    python client_nornir.py INVENTORY.json IMAGE THREADS [--whole]

Logs in to each phone, types one command and resets it, in one session; with --whole it observes, resets and
observes again in three, asking those that are away again and again, and fails unless every phone ends on IMAGE.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nornir.core import Nornir  # type: ignore[import-not-found, unused-ignore]
from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory  # type: ignore[import-not-found, unused-ignore]
from nornir.core.plugins.connections import ConnectionPluginRegister  # type: ignore[import-not-found, unused-ignore]
from nornir.plugins.runners import ThreadedRunner  # type: ignore[import-not-found, unused-ignore]

PROMPT = "SIP Phone> "
RESET_SECONDS = 10.0
AGAIN_SECONDS = 0.5


def log_in(task: Any) -> Any:
    """Without auto_connect, which types an empty line first: to a phone that is a wrong password."""
    connection = task.host.get_connection("netmiko", task.nornir.config)
    connection.establish_connection()
    connection.std_login()
    return connection


def show(connection: Any) -> str:
    return connection.send_command("show config", expect_string=PROMPT)


def hang_up(task: Any) -> None:
    try:
        task.host.close_connection("netmiko")
    except OSError:  # the phone was first
        pass


def observe(task: Any) -> str:
    while True:
        try:
            return show(log_in(task))
        except ConnectionRefusedError:
            time.sleep(AGAIN_SECONDS)
        finally:
            hang_up(task)


def reset(task: Any, first: Callable[[Any], Any] = lambda connection: None) -> None:
    """Type it, and listen until the phone hangs up."""
    try:
        connection = log_in(task)
        first(connection)
        connection.write_channel("reset\r\n")
        until = time.monotonic() + RESET_SECONDS
        while time.monotonic() < until:
            connection.read_channel()
            time.sleep(0.01)
        raise TimeoutError(f"{task.host.name} did not hang up")
    except (EOFError, ConnectionError):
        pass  # a phone that was not reset does not end on IMAGE
    finally:
        hang_up(task)


def one_session(task: Any) -> None:
    reset(task, show)


def run(nornir: Any, task: Any) -> list[str]:
    results = nornir.run(task=task)
    failed = {name: repr(result[0].exception) for name, result in results.items() if result.failed}
    if failed:
        raise SystemExit(f"{len(failed)} phones failed: {list(failed.items())[:3]}")
    return [result[0].result for result in results.values()]


def main() -> int:
    group = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["phones"]
    login = {"port": group["vars"]["ansible_port"], "password": group["vars"]["ansible_password"], "username": ""}
    options = {"netmiko": ConnectionOptions(extras={"auto_connect": False})}
    hosts = Hosts(
        {
            name: Host(name=name, hostname=host["ansible_host"], platform="generic_telnet", connection_options=options, **login)
            for name, host in group["hosts"].items()
        }
    )
    ConnectionPluginRegister.auto_register()
    nornir = Nornir(Inventory(hosts, Groups(), Defaults()), runner=ThreadedRunner(int(sys.argv[3])))
    if "--whole" not in sys.argv:
        run(nornir, one_session)
        return 0
    run(nornir, observe)
    run(nornir, reset)
    return not all(sys.argv[2] in seen for seen in run(nornir, observe))


if __name__ == "__main__":
    sys.exit(main())
