# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a report cannot be written into the folder that was named with report_dir."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import cause, kind, me
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import plain

EMPTY = "is empty: name the folder for the report, or leave the option out"


class UnwrittenError(OSError):
    """A report that could not be written: the folder, the cause, and what to do."""


def written(report_dir: str, write: Callable[[Path], None]) -> Path:
    """The folder, once `write` has written into it. Raises UnwrittenError."""
    if not report_dir:
        raise UnwrittenError(f"report_dir {EMPTY}")
    folder = Path(report_dir)
    try:
        write(folder)
    except OSError as error:
        raise UnwrittenError(why_unwritten(folder, error)) from None
    return folder


def why_unwritten(folder: Path, error: OSError) -> str:
    """Why a report could not be written into that folder, from the error that this ended with."""
    why = cause(error)
    if os.path.islink(folder) and not os.path.exists(folder):
        why = f"it is a symbolic link to nothing ({plain(os.readlink(folder))})"
    elif os.path.exists(folder) and not os.path.isdir(folder):
        why = f"it is {kind(os.stat(folder).st_mode)}"
    return f"report_dir is {plain(str(folder))}: {why}; name a folder that {me()} may write to, with -e report_dir=…"
