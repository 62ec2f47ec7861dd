# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import TFTPD, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes running sites: `site(phones, default=…)`."""
    missing = "tftpd-hpa (in.tftpd)" if not TFTPD else "root, to let in.tftpd become another user" if os.geteuid() else ""
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {missing}")
    with ExitStack() as stack:
        yield lambda phones, **more: stack.enter_context(Site(tmp_path / f"site{len(list(tmp_path.iterdir()))}", phones, **more))
