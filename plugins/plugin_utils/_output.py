# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Ansible's output goes: whether it takes a line, and the end of a run that nobody reads any more (`| head`, a closed terminal).

One thread of Ansible (2.19 to 2.21) takes lines and results from its workers. It dies of a line that it cannot write, and then Ansible
waits for ever. So such a line is not handed over, and a run that nobody reads ends as by SIGTERM.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import time
from threading import Thread

SETTLE = 0.05
"""Seconds that Ansible takes at most to write what it was handed, if it need not wait for a reader."""
ROOM = 1 << 16
"""Bytes that have to be left on a disk: Ansible writes several lines at once, and later."""

# Ansible loads an action before it forks the worker that runs it, which has no stdout of its own
_STDOUT = os.dup(1)


class Output:
    """The output of the Ansible that this process works for."""

    def __init__(self) -> None:
        self._watch = Thread(target=_end_unread, daemon=True)

    def end_unread(self) -> None:
        """From now on, end the run as soon as nobody reads it."""
        if self._watch.ident is None and multiprocessing.parent_process():
            self._watch.start()

    @staticmethod
    def takes_a_line() -> bool:
        """Whether a line can be written, which it cannot on a full disk."""
        try:
            os.write(_STDOUT, b"")
            disk = os.fstatvfs(_STDOUT)
        except OSError:
            return False
        return not disk.f_blocks or (disk.f_bavail if os.geteuid() else disk.f_bfree) * disk.f_frsize >= ROOM

    def settle(self) -> None:
        """Wait until what was handed over is written, however long its reader pauses."""
        events = 0
        while self._watch.ident and not events:
            time.sleep(SETTLE)
            events = _poll(select.POLLOUT, 0)
        if events & ~select.POLLOUT:
            self._watch.join()  # it ends Ansible


def _poll(events: int, milliseconds: float | None = None) -> int:
    """Those of these events that there are, or that it is closed."""
    poll = select.poll()
    poll.register(_STDOUT, events)
    return sum(found for _descriptor, found in poll.poll(milliseconds))


def _end_unread() -> None:
    """Block until nobody reads stdout any more (poll reports that even if asked for no events), and end Ansible and this worker of it."""
    _poll(0)
    parent = multiprocessing.parent_process()
    if parent and os.getppid() == parent.pid:
        os.kill(os.getppid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
