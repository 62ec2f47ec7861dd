# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes of runs still live."""

from __future__ import annotations

import multiprocessing
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def lives(process: int) -> bool:
    """Whether that process still runs. One that is dead and not yet missed by its parent does not."""
    return process > 0 and _began(process) != ""


def orphaned() -> bool:
    """Whether Ansible, whose worker this is, is gone: killed, it leaves its workers behind."""
    parent = multiprocessing.parent_process()
    return parent is not None and os.getppid() != parent.pid


def this_process() -> dict[str, Any]:
    """The Ansible that this is a worker of, as nobody else is: where it runs, its number there, and when it began."""
    parent = multiprocessing.parent_process()
    number = parent.pid if parent and parent.pid else os.getpid()
    return {**_here(), "number": number, "began": _began(number) or ""}


def is_gone(process: object) -> bool:
    """Whether that process, as of `this_process`, has certainly ended. Of another machine or container nobody knows."""
    if not isinstance(process, dict):
        return False
    here, number = _here(), process.get("number")
    is_here = all(here.values()) and all(process.get(key) == value for key, value in here.items())
    if not (is_here and isinstance(number, int) and number > 0 and process.get("began")):
        return False
    began = _began(number)
    return began is not None and began != process["began"]


def _here() -> dict[str, str]:
    """This boot of this machine, and what numbers its processes: no two such places with living processes are alike."""
    boot = space = ""
    with suppress(OSError):
        boot, space = Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")
    return {"boot": boot, "space": space}


def _began(number: int) -> str | None:
    """When the process began, in ticks since the boot; empty if it is dead, None if it lives and does not show that (hidepid)."""
    try:
        state, *more = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return ""
        except (OSError, OverflowError):
            pass
        return None
    return "" if state == "Z" else more[18]
