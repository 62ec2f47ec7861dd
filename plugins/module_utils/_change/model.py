# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change is, and what can go wrong with one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional, Sequence

from .._files import BECOME, Metadata, cause, kind, me
from .._text import first_some, plain

_SET_ROOT = "set tftp_root to the folder that the TFTP server serves"


class TransactionError(Exception):
    """Why a root could not be locked, changed, mended or undone. `faults` holds one text "thing: cause: what to do" each."""

    def __init__(self, *faults: str) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("; ".join(first_some(list(self.faults))))


class NothingToUndo(TransactionError):
    """No record that still stands is asked for."""


class ConflictError(TransactionError):
    """An undo would overwrite what somebody else has changed since: the files called `names`."""

    def __init__(self, names: Sequence[str], *faults: str) -> None:
        super().__init__(*faults)
        self.names = tuple(names)


@dataclass(frozen=True)
class Change:
    """New content for one file. `name` is what phones ask for, `path` the file itself, behind any symbolic link: both in the root.

    `before` and `status` are None for a file that does not exist yet, `after` is None for one that is to be removed. The new file
    gets `metadata`, or else what the old one has, and `mode` if that is given.
    """

    name: str
    path: str
    before: Optional[bytes]
    after: Optional[bytes]
    status: Optional[os.stat_result]
    metadata: Optional[Metadata] = None
    mode: Optional[int] = None


def why_no_root(path: str, error: Exception) -> str:
    """Why a root cannot be opened or listed, from the OSError or ValueError that this ended with."""
    if isinstance(error, ValueError):
        return f"{plain(path)} is no path ({error}): {_SET_ROOT}"
    if isinstance(error, NotADirectoryError) and os.path.exists(path):
        return f"{path} is {kind(os.stat(path).st_mode)}, not a folder: {_SET_ROOT}"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{plain(path) or repr(path)} does not exist: {_SET_ROOT}"
    if isinstance(error, PermissionError):
        return f"{path} cannot be read by {me()}: {BECOME}"
    return f"{path} cannot be read ({cause(error) if isinstance(error, OSError) else error}): {_SET_ROOT}"
