# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._root.roots import NEW, PHONE


@pytest.fixture
def root(open_folder):
    inside = open_folder / "tftp"
    inside.mkdir()
    (inside / "SIPDefault.cnf").write_bytes(b'image_version: "P0S3-8-12-00"\ntelnet_level: 2\n')
    (inside / PHONE).write_bytes(b"image_version: P0S3-07-4-00\r\nline1_password: hunter2\r\n")
    (inside / "SIP001122AABBCD.cnf").write_bytes(b'phone_label: "X "')
    (inside / "OS79XX.TXT").write_bytes(b"P003-8-12-00 \r\n")
    make_image(inside, NEW)
    return inside
