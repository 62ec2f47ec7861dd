# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which state folder of this host a root belongs to: two of them would not see each other's locks and undo each other's work.

A claim is a file in the user's default state folder, whatever `state_dir` is, with the path of the folder that holds the root's lock and
records. It stands as long as that folder does. Root's claims count for everybody who can read them; nobody else's count for root.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, suppress
from typing import Iterator

from .._files import read, write_whole
from .model import TransactionError

_OF_ROOT = "/var/lib/cisco79xx"
_LONGEST = 1 << 16


def default_state_dir() -> str:
    if os.geteuid() == 0:
        return _OF_ROOT
    state = os.environ.get("XDG_STATE_HOME", "")
    return os.path.join(state if os.path.isabs(state) else os.path.expanduser("~/.local/state"), "cisco79xx")


def refuse_if_elsewhere(root: str, folder: str) -> None:
    """Raises TransactionError if that root's lock and records are in another folder than this one."""
    for other in _claims(os.path.basename(folder)):
        apart = os.path.join(os.path.dirname(other), "firmware", os.path.basename(other))
        if other != folder and (os.path.isdir(other) or os.path.isdir(apart)):
            raise TransactionError(
                f"the lock and the records of {root} are in {other}, not in {folder}: set state_dir to {os.path.dirname(other)}, or move "
                "that folder, or remove it if none of its changes is to be undone"
            )


def claim(root: str, folder: str) -> None:
    """Write down that it is this one. Where that cannot be written, nobody is told. Raises as `refuse_if_elsewhere`."""
    with ExitStack() as stack:
        with suppress(OSError):
            claims = f"{default_state_dir()}/roots"
            os.makedirs(claims, 0o755, exist_ok=True)
            descriptor = os.open(f"{claims}/lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        refuse_if_elsewhere(root, folder)
        with suppress(OSError):
            if folder not in _claims(os.path.basename(folder)):
                write_whole(f"{claims}/{os.path.basename(folder)}", os.fsencode(folder))


def _claims(name: str) -> Iterator[str]:
    for state in dict.fromkeys((_OF_ROOT, default_state_dir())):
        with suppress(OSError):
            data, status = read(f"{state}/roots/{name}", _LONGEST)
            if data and status.st_uid in (0, os.geteuid()):
                yield os.fsdecode(data)
