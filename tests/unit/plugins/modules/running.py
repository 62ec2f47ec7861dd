# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules as Ansible runs them: in a process of their own, or through Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

COLLECTION = Path(__file__).parents[4]
MODULES = COLLECTION / "plugins" / "modules"
SECRET = "hunter2"
"""The password in the files of these tests. No module may tell it."""
# The interpreter and Ansible may lie where only root can read, so the module is loaded first and becomes nobody then.
AS_NOBODY = """
import os, runpy, sys
main = runpy.run_path(sys.argv.pop(1))["main"]
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
main()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root to make, or to become somebody else")


def run_module(
    name: str, arguments: dict[str, Any], *, nobody: bool = False, check: bool = False, diff: bool = False, cwd: str | Path = "/"
) -> dict[str, Any]:
    """What the module answers. An argument that is None is not given."""
    given = {key: value for key, value in arguments.items() if value is not None}
    done = subprocess.run(
        [sys.executable, *(["-c", AS_NOBODY] if nobody else []), str(MODULES / f"{name}.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, "_ansible_diff": diff, **given}}, default=str),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(COLLECTION.parents[2]), *sys.path])},
        cwd=cwd,
        timeout=60,
    )
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 1) == answer.get("failed", False)
    answer.pop("invocation", None)  # of core 2.19 only
    return answer


def warnings(answer: dict[str, Any]) -> list[str]:
    """Texts; from core 2.19 on the module hands them to the controller in a form of its own."""
    return [warning if isinstance(warning, str) else warning["event"]["msg"] for warning in answer.get("warnings", ())]


def content(folder: Path) -> dict[str, Any]:
    """What is in a folder and below, by path; None for a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_documented(name: str, answer: dict[str, Any], apart: frozenset[str] = frozenset({"changed"})) -> None:
    """That the answer, but for what is `apart`, has what the module's documentation says, and no more."""
    documented = yaml.safe_load((MODULES / f"{name}.py").read_text().split('RETURN = r"""')[1].split('"""')[0])
    assert set(answer) - apart == set(documented) - {"problems"}
    for key, value in answer.items():
        for entry in value if key in documented and documented[key].get("elements") == "dict" else ():
            assert set(entry) == set(documented[key]["contains"])


def ansible(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`ansible` or `ansible-playbook` with localhost as its only host."""
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTION.parents[2]),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [str(programs / tool), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
