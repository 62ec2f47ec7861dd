# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roots with files of all kinds, for each test."""

from __future__ import annotations

import os

import pytest

from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import PHONE


@pytest.fixture
def folder(open_folder):
    return open_folder


@pytest.fixture
def root(folder):
    """A dozen files in all the roles there are; NEW says what shall become of them."""
    made = folder / "tftp"
    for inside in ("", "store", "phones"):
        (made / inside).mkdir()
    (made / "SIPDefault.cnf").write_bytes(b"image_version: P0S3-8-12-00\ntelnet_level: 2\n")
    for number in range(4):
        path = made / f"SIP00000000000{number}.cnf"
        path.write_bytes(b"image_version: P0S3-07-4-00\r\nline1_password: hunter2\r\n" + b"# filler\n" * number)
        path.chmod((0o644, 0o600, 0o444, 0o6640)[number])
        os.utime(path, ns=(10**18 + number, 10**18 + number))
        if os.geteuid() == 0:
            os.chown(path, 1000 + number, 2000 + number)
            path.chmod((0o644, 0o600, 0o444, 0o6640)[number])
    (made / PHONE).write_bytes(b"")
    (made / "store" / "real").write_bytes(b"image_version: x\n")
    (made / "SIP00000000000A.cnf").symlink_to("store/real")
    (made / "phones" / "SIP00000000000B.cnf").write_bytes(b"image_version: x\n")
    (made / "old.bin").write_bytes(bytes(range(256)) * 40)
    (made / "old.sbn").write_bytes(b"\0" * 5000)
    (made / "untouched.txt").write_bytes(b"as it was\n")
    try:
        os.setxattr(made / "SIP000000000000.cnf", "user.note", b"kept")
    except OSError:
        pass
    return made
