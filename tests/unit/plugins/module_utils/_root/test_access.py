# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import RootError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._root.roots import (
    NEW,
    PHONE,
    as_root,
    look,
    refused,
)


def test_not_readable_for_everybody(root):
    (root / f"{NEW}.sbn").chmod(0o640)
    assert f"{NEW}.sbn is not readable for the TFTP server's user (mode 0640): chmod o+r" in str(refused(root))
    look(root, verify=False)
    (root / f"{NEW}.sbn").chmod(0o604)
    (root / PHONE).chmod(0o600)
    root.chmod(0o700)
    warnings = look(root).warnings
    assert len(warnings) == 2
    assert "is closed to" in warnings[0]
    assert PHONE in warnings[1]


def test_in_a_closed_folder(root):
    (root / "store").mkdir(mode=0o700)
    (root / f"{NEW}.sbn").rename(root / "store" / f"{NEW}.sbn")
    (root / f"{NEW}.sbn").symlink_to(f"store/{NEW}.sbn")
    assert "is in the folder store, closed to" in str(refused(root))
    (root / "store").chmod(0o711)
    look(root)


@as_root
def test_not_readable_for_a_named_user(root):
    nobody = server_user("nobody")
    assert nobody.uid
    (root / f"{NEW}.sbn").chmod(0o640)
    assert f"{NEW}.sbn is not readable for nobody" in str(refused(root, user="nobody"))
    look(root, user="root")
    os.chown(root / f"{NEW}.sbn", 0, min(nobody.gids))
    look(root, user="nobody")
    os.chown(root / f"{NEW}.sbn", nobody.uid, 0)
    (root / f"{NEW}.sbn").chmod(0o044)
    refused(root, user="nobody")
    (root / f"{NEW}.sbn").chmod(0o400)
    look(root, user="nobody")
    root.chmod(0o700)
    assert "is closed to nobody" in str(refused(root, user="nobody"))


def test_no_such_user():
    with pytest.raises(RootError, match="tftp_user 'n0b0dy' does not exist"):
        server_user("n0b0dy")
