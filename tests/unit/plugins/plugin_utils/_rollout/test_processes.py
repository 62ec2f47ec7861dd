# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes live, with real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import processes
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.processes import is_gone, lives, this_process


def test_who_lives():
    assert lives(os.getpid())
    assert not lives(0)
    assert not lives(-1)
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    assert lives(child)
    os.kill(child, 9)
    deadline = time.monotonic() + 10
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not lives(child), "dead, though its parent has not seen it yet"
    os.waitpid(child, 0)
    assert not lives(child)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a process has its name in /proc")
@pytest.mark.parametrize("name", [") Z (", "a b) Z 1", "Z"])
def test_a_name_makes_no_process_dead(tmp_path, name):
    shutil.copy(shutil.which("sleep") or "sleep", tmp_path / name)
    with subprocess.Popen([tmp_path / name, "60"]) as process:
        try:
            deadline = time.monotonic() + 10
            while name not in Path(f"/proc/{process.pid}/comm").read_text() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert name in Path(f"/proc/{process.pid}/comm").read_text()
            assert lives(process.pid)
        finally:
            process.kill()


def test_a_process_that_is_gone_is_known_to_be_on_its_own_machine():
    own = this_process()
    assert not is_gone(own)
    assert is_gone({**own, "began": "1"}), "its number was given to another"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    there = {**own, "number": child.pid, "began": processes._began(child.pid)}
    assert not is_gone(there)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(there), "also before its parent has missed it"
    child.wait()
    assert is_gone(there)
    for other in ("boot", "space"):
        assert not is_gone({**there, other: "another"}), "of another machine or container nobody knows"
    odd: list[Any] = [None, {}, [], {**own, "number": "1"}, {**own, "began": ""}, {**own, "number": 10**30}]
    for junk in odd:
        assert not is_gone(junk)
