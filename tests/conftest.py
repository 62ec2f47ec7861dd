# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets tests import the collection by name, whoever started pytest, and before any of it is imported in another way."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig

if AnsibleCollectionConfig.collection_finder is None:  # pytest-ansible and ansible-test bring one
    init_plugin_loader([str(Path(__file__).parents[4])])


@pytest.fixture
def open_folder():
    """A folder open to everybody: pytest's own folders are closed to other users."""
    made = Path(tempfile.mkdtemp(prefix="open-")).resolve()
    made.chmod(0o755)
    yield made
    subprocess.run(["chattr", "-R", "-i", str(made)], check=False, capture_output=True)
    shutil.rmtree(made)
