# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command and what it writes, within bounds of time and length. Nothing that it started is left behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import duration, mask_from_secret, one_line

_LOOK_EVERY = 0.1
"""Seconds after which it is seen that a command ended whose children still hold its output."""
_STDERR = 2000


class CommandError(Exception):
    """What became of the command: a text to put behind its name."""


def output(command: Sequence[str], folder: str, seconds: float, most: int) -> bytes:
    """What the command writes, which runs in that folder, without a shell and without input. Raises CommandError.

    It may take so many seconds and write so many bytes. Then it is killed, and so is at its end whatever it left in its process group.
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot be run: {getattr(error, 'strerror', None) or error}: see that it is installed here") from None
    with process:
        try:
            written, said = _read(process, time.monotonic() + seconds, most)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # it was not waited for yet, so the number is still its own
    if written is None:
        raise CommandError(f"took more than {duration(seconds)} and was ended: see what it waits for, or give it a larger timeout")
    if len(written) > most:
        raise CommandError(f"wrote more than {most >> 20} MiB and was ended: let it write what concerns the phones only")
    if process.returncode:
        words = one_line(mask_from_secret(said[-_STDERR:].decode("utf-8", "replace")), 300)
        raise CommandError(f"ended with status {process.returncode}" + (f": {words}" if words else ""))
    return written


def _read(process: subprocess.Popen[bytes], until: float, most: int) -> tuple[bytes | None, bytes]:
    """What it writes (None if time is up first), and the end of what it says on stderr. Returns once it ended, or wrote too much."""
    assert process.stdout and process.stderr
    parts: list[bytes] = []
    length, said = 0, b""
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            selector.register(stream, selectors.EVENT_READ)
        while length <= most:
            left = until - time.monotonic()
            if left <= 0:
                return None, said
            ready = selector.select(min(left, _LOOK_EVERY))
            for key, _events in ready:
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    parts.append(data)
                    length += len(data)
                else:
                    said = (said + data)[-2 * _STDERR :]
            if not ready and _ended(process):
                break
    return b"".join(parts), said


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended; it is not waited for, so that its number is not given to another one."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
