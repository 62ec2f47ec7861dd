# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import TFTPD, Site, without_deprecations

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
TREE = Path(__file__).parents[5]


def _environment(folder: Path) -> dict[str, str]:
    """Of Ansible's programs, which run in that folder."""
    (folder / "ansible.cfg").touch()
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(TREE),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "1",
        "PYTHONWARNINGS": "error::DeprecationWarning",
    }


@pytest.fixture
def ansible_inventory(tmp_path: Path) -> Callable[..., tuple[int, Any, str]]:
    """Runs ansible-inventory over tftp_root.yml: (exit status, what it prints, as JSON or text, what it warns of)."""

    def show(*arguments: str, **environment: str) -> tuple[int, Any, str]:
        done = subprocess.run(
            ["ansible-inventory", "-i", "tftp_root.yml", *arguments],
            cwd=tmp_path,
            env=_environment(tmp_path) | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        as_json = "--list" in arguments and "--yaml" not in arguments and not done.returncode
        return done.returncode, json.loads(done.stdout) if as_json else done.stdout, done.stderr

    return show


@pytest.fixture
def ansible_playbook(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs a playbook of the collection over an inventory: (exit status, output). For what needs no phones."""

    def play(playbook: str, inventory: dict[str, Any], *arguments: str) -> tuple[int, str]:
        hosts = tmp_path / "inventory.json"
        hosts.write_text(json.dumps(inventory))
        environment = _environment(tmp_path)
        command = ["ansible-playbook", str(PLAYBOOKS / playbook), "-i", str(hosts), *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False
        )
        (tmp_path / "output").write_text(done.stdout + done.stderr)
        return done.returncode, without_deprecations(done.stdout + done.stderr)

    return play


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes running sites: `site(phones, default=…)`."""
    missing = "tftpd-hpa (in.tftpd)" if not TFTPD else "root, to let in.tftpd become another user" if os.geteuid() else ""
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {missing}")
    with ExitStack() as stack:
        yield lambda phones, **more: stack.enter_context(Site(tmp_path / f"site{len(list(tmp_path.iterdir()))}", phones, **more))
