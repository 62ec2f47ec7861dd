# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor: observe, reset and observe again with nothing but asyncio.

    python client_asyncio.py INVENTORY.json IMAGE

No telnet library and no care: this client only has to be fast. It asks phones that are away again and again, and fails unless
every phone ends on IMAGE.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

SESSIONS = 200
AGAIN_SECONDS = 0.5


async def talk(host: str, port: int, password: bytes, command: bytes = b"") -> bytes:
    """Log in, type one command if there is one, and return the banner."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        await reader.readuntil(b"Password :")
        writer.write(password + b"\r\n")
        banner = await reader.readuntil(b"SIP Phone> ")
        if command:
            writer.write(command + b"\r\n")
            try:
                while await reader.read(4096):
                    pass
            except ConnectionError:
                pass
        return banner
    finally:
        writer.close()


async def main(phones: list[str], port: int, password: bytes, image: bytes) -> bool:
    gate = asyncio.Semaphore(SESSIONS)

    async def one(host: str, command: bytes) -> bytes:
        while True:
            try:
                async with gate:
                    return await talk(host, port, password, command)
            except ConnectionRefusedError:
                await asyncio.sleep(AGAIN_SECONDS)

    for command in b"", b"reset", b"":
        banners = await asyncio.gather(*(one(host, command) for host in phones))
    return all(image in banner for banner in banners)


if __name__ == "__main__":
    group = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["phones"]
    hosts = [host["ansible_host"] for host in group["hosts"].values()]
    variables = group["vars"]
    sys.exit(not asyncio.run(main(hosts, variables["ansible_port"], variables["ansible_password"].encode(), sys.argv[2].encode())))
