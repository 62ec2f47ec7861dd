# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-builder finds what an image needs for the collection, and makes a build context of the definition in docs/awx.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parents[2]
TREE = Path(__file__).parents[5]
BUILDER = str(Path(sys.executable).with_name("ansible-builder"))


def builder(*arguments: str) -> str:
    done = subprocess.run([BUILDER, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.once
def test_what_the_collection_needs_is_found():
    needs = yaml.safe_load(builder("introspect", str(TREE)))
    python, system = ([line.partition("#")[0].strip() for line in needs[kind] if "voip.cisco79xx" in line] for kind in ("python", "system"))
    assert python == ["telnetlib3 >= 4, < 6", "tzdata"]
    assert {"openssh-clients [platform:rpm]", "openssh-client [platform:dpkg]", "sshpass [platform:rpm]"} <= set(system)


@pytest.mark.once
def test_build_context(tmp_path):
    (definition,) = re.findall(r"```yaml\n(---\nversion: 3\n.*?)```", (HERE / "docs/awx.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "execution-environment.yml").write_text(definition)
    builder(
        "create", "-f", str(tmp_path / "execution-environment.yml"), "-c", str(tmp_path / "context"), "--output-filename", "Containerfile"
    )
    recipe = (tmp_path / "context/Containerfile").read_text()
    wanted = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())
    assert [collection["name"] for collection in wanted["collections"]] == ["voip.cisco79xx"]
    assert "introspect" in recipe and "ansible-core" in recipe
