# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python -m ansible_collections.voip.cisco79xx.tests.simulator.tftp_server ROOT PORT [--host 127.0.0.1]

A read-only TFTP server without root's rights, for demos and tests, around tftpy. Requests are logged to stdout
the way tftpd-hpa does.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import signal
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

import tftpy
from tftpy.TftpContexts import TftpContextServer
from tftpy.TftpShared import TftpErrors


class Root:
    """The served folder. tftpy itself gets an empty one: a file it may not read would end its loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def open(self, name: str, raddress: str = "", rport: int = 0) -> BinaryIO | None:
        """The file of that name, or None: outside the folder, absent, unreadable or no plain file."""
        _log(f"RRQ from {raddress} filename {name}")
        try:
            path = (self.folder / name.lstrip("/")).resolve()
            if path.is_file() and self.folder in path.parents:
                return path.open("rb")
        except (OSError, ValueError):
            pass
        _log(f"sending NAK (1, File not found) to {raddress}")
        return None


class Transfer(TftpContextServer):
    """One transfer. tftpy's loop ends on a packet it cannot decode, such as a name that is not ASCII: here only the transfer does."""

    def start(self, buffer: bytes) -> None:
        try:
            super().start(buffer)
        except (ValueError, OSError, AssertionError) as error:
            self.tidport = self.port
            self.state.sendError(TftpErrors.FileNotFound)
            raise tftpy.TftpException(str(error)) from error


def serve(root: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.getLogger("tftpy").setLevel(logging.CRITICAL)
    if not root.is_dir():
        raise SystemExit(f"{root} is no folder")
    importlib.import_module("tftpy.TftpServer").TftpContextServer = Transfer  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as empty:
        server = tftpy.TftpServer(empty, dyn_file_func=Root(root).open, upload_open=lambda path, context: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop(now=True))
        server.listen(host, port, timeout=1)


def _log(text: str) -> None:
    text = text.encode("unicode_escape").decode()
    print(f"{time.strftime('%b %d %H:%M:%S')} simulator in.tftpd[1]: {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tftp_server", description="A small read-only TFTP server.")
    parser.add_argument("root", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    serve(options.root, options.host, options.port)


if __name__ == "__main__":
    main()
