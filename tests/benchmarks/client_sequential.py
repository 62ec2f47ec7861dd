# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script of old: one phone after another, wait for the password prompt, log in, wait for the prompt, type `reset`, leave.

    python client_sequential.py INVENTORY.json IMAGE [--whole]

With --whole it observes all phones first, and after the resets asks each until it is back; it fails unless every phone ends on IMAGE.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

SECONDS = 20.0
AGAIN_SECONDS = 0.5


def until(connection: socket.socket, wanted: bytes) -> bytes:
    """All that came up to these bytes. Raises EOFError if the phone hangs up before."""
    heard = b""
    while wanted not in heard:
        more = connection.recv(4096)
        if not more:
            raise EOFError(heard)
        heard += more
    return heard


def talk(host: str, port: int, password: bytes, command: bytes = b"") -> bytes:
    """Log in, type one command if there is one, and return the banner."""
    with socket.create_connection((host, port), SECONDS) as connection:
        until(connection, b"Password :")
        connection.sendall(password + b"\r\n")
        banner = until(connection, b"SIP Phone> ")
        if command:
            connection.sendall(command + b"\r\n")
            try:
                while connection.recv(4096):
                    pass
            except ConnectionError:
                pass
    return banner


def back(host: str, port: int, password: bytes) -> bytes:
    while True:
        try:
            return talk(host, port, password)
        except ConnectionRefusedError:
            time.sleep(AGAIN_SECONDS)


def main() -> int:
    group = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["phones"]
    port, password = group["vars"]["ansible_port"], group["vars"]["ansible_password"].encode()
    phones = [host["ansible_host"] for host in group["hosts"].values()]
    whole = "--whole" in sys.argv
    if whole:
        for host in phones:
            talk(host, port, password)
    for host in phones:
        talk(host, port, password, b"reset")
    return whole and not all(sys.argv[2].encode() in back(host, port, password) for host in phones)


if __name__ == "__main__":
    sys.exit(main())
