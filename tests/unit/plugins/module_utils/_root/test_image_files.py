# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.image_files import image_problems
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.tests.simulator.images import container, make_image, raw_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._root.roots import (
    NEW,
    look,
    refused,
)


def damage(name, data):
    return lambda root: (root / name).write_bytes(data)


def swap(one, other):
    return lambda root: (root / one).write_bytes((root / other).read_bytes())


@pytest.mark.parametrize("image", ["P0S30203", "P0S3-04-4-00", "P0S3-05-2-00", NEW, "P0S3-07-5-00", "P0S3-8-12-00"])
def test_whole_images_pass(root, image):
    make_image(root, image)
    assert image_problems(Root(str(root)), parse(image)) == []


@pytest.mark.parametrize(
    "image, harm, fault",
    [
        (NEW, lambda root: (root / f"{NEW}.sbn").unlink(), f"{NEW}.sbn is missing in "),
        (NEW, damage(f"{NEW}.bin", b""), f"{NEW}.bin is empty"),
        (NEW, damage(f"{NEW}.bin", raw_image("P0S3-06-4-00")), f"{NEW}.bin holds another image, P0S3-06-4-00"),
        (NEW, damage(f"{NEW}.sbn", b""), f"{NEW}.sbn is empty"),
        (NEW, damage(f"{NEW}.sbn", b"x" * 1000), f"{NEW}.sbn is not one of Cisco's signed files"),
        (NEW, damage(f"{NEW}.sbn", container(f"{NEW}.sbn", b"")), "truncated (nothing follows its header)"),
        (NEW, damage(f"{NEW}.sbn", container(f"{NEW}.sbn", b"")[:200]), "truncated (200 bytes"),
        (NEW, damage(f"{NEW}.sbn", container(f"{NEW}.sbn", raw_image(NEW))[:-1]), f"but {NEW}.bin has"),
        (NEW, damage(f"{NEW}.sbn", container("P0S3-06-4-00.sbn", raw_image(NEW))), f"{NEW}.sbn was renamed: it is P0S3-06-4-00.sbn inside"),
        (NEW, damage(f"{NEW}.sbn", container("", raw_image("P0S3-06-4-00"))), f"{NEW}.sbn holds another image"),
        ("P0S3-8-12-00", lambda root: (root / "P003-8-12-00.sbn").unlink(), "P003-8-12-00.sbn is missing in "),
        ("P0S3-8-12-00", damage("P0S3-8-12-00.loads", container("P0S3-8-12-00.loads", b"LA_VERSION=X\n")), "its list of files is empty"),
        ("P0S3-8-12-00", damage("P0S3-8-12-00.loads", container("P0S3-8-12-00.loads", b"more.sbn\n")), "more.sbn is missing in "),
        ("P0S3-8-12-00", damage("P0S3-8-12-00.loads", container("P0S3-8-12-00.loads", b"../x\n")), "its list of files holds '../x'"),
        ("P0S3-8-12-00", swap("P0S3-8-12-00.loads", "P0S3-8-12-00.sb2"), "P0S3-8-12-00.loads was renamed"),
    ],
)
def test_damaged_images_are_refused(root, image, harm, fault):
    make_image(root, image)
    harm(root)
    error = refused(root, image=image)
    assert len(error.faults) == 1
    assert fault in str(error)
    assert "verify_files" in str(error) or "copy both again" in str(error)
    assert any(fault in warning for warning in look(root, image=image, verify=False).warnings)


def test_what_is_not_known_of_the_layout_passes(root):
    (root / f"{NEW}.sbn").write_bytes(container("", raw_image(NEW)))
    look(root)
    (root / f"{NEW}.bin").write_bytes(container(f"{NEW}.bin", b"no load id"))
    look(root)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_something_else_in_place_of_an_image_file(root, make):
    (root / f"{NEW}.bin").unlink()
    make(root / f"{NEW}.bin")
    assert f"{NEW}.bin is" in str(refused(root))
    look(root, verify=False)
