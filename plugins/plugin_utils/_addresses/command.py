# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command and what it writes, within bounds of time and length. What is left in its process group is killed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import mask_from_secret, one_line

_STDERR = 2000
_TO_END = 5.0
"""Seconds that a command may take to end once it was killed."""


class CommandError(Exception):
    """What became of the command: a text to put behind its name."""


def output(command: Sequence[str], folder: str, seconds: float, most: int) -> bytes:
    """What the command writes, which runs in that folder, without a shell and without input. Raises CommandError.

    It may take so many seconds and write so many bytes. Whatever it left in its process group is killed at its end.
    """
    with tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as said:
        try:
            with _files_of_at_most(most + 1):  # files, not pipes: so a limit of the system bounds them, and no child keeps us waiting
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env={**os.environ, "LC_ALL": "C"},
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=said,
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            raise CommandError(f"cannot be run ({cause}): see that it is installed here") from None
        fault = f"took more than {seconds:g} s and was ended: see what it waits for, or give a longer timeout"
        try:
            process.wait(seconds)
            fault = ""
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TO_END)
        if process.returncode is None:  # as with sudo, whose process belongs to another user
            raise CommandError(f"took more than {seconds:g} s and cannot be ended by this user: give it a timeout of its own")
        if fault:
            raise CommandError(fault)
        if os.fstat(written.fileno()).st_size > most:
            raise CommandError(f"wrote more than {most >> 20} MiB and was ended: let it write what concerns the phones only")
        if process.returncode:
            said.seek(max(os.fstat(said.fileno()).st_size - _STDERR, 0))
            words = one_line(mask_from_secret(said.read().decode("utf-8", "replace")), 300)
            raise CommandError(f"ended with status {process.returncode}" + (f": {words}" if words else ""))
        written.seek(0)
        return written.read()


@contextmanager
def _files_of_at_most(most: int) -> Iterator[None]:
    """What is started in here can write no file of more bytes. Inherited, as a command that becomes another user cannot be bounded."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    bounds = [bound for bound in (soft, hard, most) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_FSIZE, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
