# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of a TFTP root have in common."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root, RootError

NEW = "P0S3-06-3-00"
PHONE = "SIP001122AABBCC.cnf"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root to make")


def apply(root, changes, backup=False):
    """With the records out of the way of everybody's."""
    with tempfile.TemporaryDirectory() as state, lock.locked(str(root), state) as locked:
        return locked.apply(changes, backup=backup)


def look(root, image=NEW, user=None, **options):
    parsed = parse(image)
    return plan_changes(Root(str(root)), parsed, parsed.os79xx, server=server_user(user), **options)


def names(plan):
    return [change.name for change in plan.changes]


def snapshot(root):
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(status.st_mode) else os.readlink(path) if path.is_symlink() else None
        found[str(path.relative_to(root))] = (data, status.st_mode, status.st_uid, status.st_gid, status.st_ino, status.st_mtime_ns)
    return found


def refused(root, **options):
    before = snapshot(root)
    with pytest.raises(RootError) as caught:
        look(root, **options)
    assert snapshot(root) == before
    return caught.value
