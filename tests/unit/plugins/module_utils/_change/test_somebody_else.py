# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root changes a folder that belongs to somebody else, who exchanges what is in it all the time: he gains nothing.

A process of user nobody runs beside. He wants to read, overwrite or own what he has no right to: files of root outside of the folder.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import shutil
import signal
import struct
import time
import zipfile

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.lock import locked
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root import archive, firmware
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import ANYBODY
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import NOBODY, as_root, in_child, snapshot

pytestmark = as_root

TRIES = 100
IMAGES = [parse("P0S3-06-3-00"), parse("P0S3-06-4-00")]
PHONES = [f"SIP{number:012X}.cnf" for number in range(4)]
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 7, 0, 0, 0)
"""cap_setuid, permitted and effective."""


@pytest.fixture
def served(open_folder):
    """A TFTP root that is nobody's, with phones' files in a folder of it."""
    root = open_folder / "tftp"
    (root / "phones").mkdir(parents=True)
    (root / "SIPDefault.cnf").write_bytes(b"image_version: P0S3-8-12-00\ntftp_cfg_dir: phones\n")
    (root / "OS79XX.TXT").write_bytes(b"P003-8-12-00\n")
    for name in PHONES:
        (root / "phones" / name).write_bytes(b"image_version: P0S3-8-12-00\n")
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return root


@pytest.fixture
def private(open_folder):
    """What only root may read and write: names as in the root, contents that such a change would want to change."""
    folder = open_folder / "private"
    folder.mkdir(0o711)
    for name in (*PHONES, "SIPDefault.cnf", "OS79XX.TXT"):
        (folder / name).write_bytes(b"image_version: P0S3-8-12-00\nsecret\n")
        (folder / name).chmod(0o600)
    return folder


@contextlib.contextmanager
def somebody(work, *arguments):
    """He does that again and again, as long as this lasts."""
    process = os.fork()
    if not process:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        while True:
            with contextlib.suppress(OSError):
                work(*arguments)
    try:
        yield
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def change(root, image):
    with contextlib.suppress(TransactionError), locked(str(root), f"{root.parent}/state") as store:
        store.apply(plan_changes(Root(str(root)), image, image.name, verify=False).changes, run="x")
        return True
    return False


# What somebody does


def exchange_folder(root, private):
    """For a link that leads out, and back."""
    os.rename(root / "phones", root / "mine")
    os.symlink(private, root / "phones")
    os.unlink(root / "phones")
    os.rename(root / "mine", root / "phones")


def exchange_files(root, private):
    """Each file for a link that leads out, and back."""
    for path in (root / "SIPDefault.cnf", root / "phones" / PHONES[0]):
        with contextlib.suppress(OSError):
            os.rename(path, f"{path}.mine")
            os.symlink(private / path.name, path)
            os.unlink(path)
            os.rename(f"{path}.mine", path)


def exchange_staged(root, private):
    """What has a name that was not there before, for a link that leads out, a folder, a pipe, or a file of his own."""
    for folder in (root, root / "phones"):
        for number, name in enumerate(os.listdir(folder)):
            path = folder / name
            if name.endswith((".new", ".old")):
                with contextlib.suppress(OSError):
                    os.rename(path, f"{path}.mine")
                if number % 4 == 0:
                    os.symlink(private / "SIPDefault.cnf", path)
                elif number % 4 == 1:
                    os.mkdir(path)
                elif number % 4 == 2:
                    os.mkfifo(path)
                else:
                    path.write_bytes(b"his own\n")


def pause():
    """Long enough for a step or some of root's."""
    time.sleep(random.random() / 2000)


def tidy(root):
    for folder in (root, root / "phones", root / "mine"):
        for path in folder.glob(".*") if folder.is_dir() and not folder.is_symlink() else ():
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("work", [exchange_folder, exchange_files, exchange_staged])
def test_nothing_outside_is_touched(served, private, work):
    before = snapshot(private)
    with somebody(work, served, private):
        for number in range(TRIES):
            change(served, IMAGES[number % 2])
            assert snapshot(private) == before
            tidy(served)


def test_a_mode_is_given_to_no_other_file(served, private, tmp_path):
    """A .sbn that appears is exchanged for a link at once."""
    target = private / "SIPDefault.cnf"
    made = {path.name for path in make_image(tmp_path, "P0S3-8-12-00", size=4096)}

    def exchange():
        for name in os.listdir(served):
            if name in made:
                os.unlink(served / name)
                os.symlink(target, served / name)

    before = snapshot(private)
    with somebody(exchange):
        for _number in range(TRIES):
            for path in served.glob("P00*"):
                with contextlib.suppress(OSError):
                    path.unlink()
            with contextlib.suppress(TransactionError, OSError), archive.opened(str(tmp_path)) as source:
                package = firmware.package(parse("P0S3-8-12-00"), source)
                with firmware.locked(str(served), f"{served.parent}/state", False) as store:
                    staging = firmware.stage(Root(str(served)), package, 0o644, ANYBODY)
                    firmware.write(store, staging, parse("P0S3-8-12-00"), ANYBODY)
            assert snapshot(private) == before


def killed_at_the_end(root, image):
    """Leaves all files new, and the record says that this is to be mended."""

    def killed():
        rename = os.rename

        def killing(source, target, **folders):
            if str(target).endswith(".committed"):
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target, **folders)

        os.rename = killing  # type: ignore[assignment]
        change(root, image)

    assert not in_child(killed)


@pytest.mark.parametrize("work", [exchange_folder, exchange_files, exchange_staged])
def test_a_repair_touches_nothing_outside(served, private, work):
    """Which has to write the originals, as he has taken away their second names."""
    for number in range(4, 60):
        shutil.copy2(served / "phones" / PHONES[0], served / "phones" / f"SIP{number:012X}.cnf")
    saved = served.parent / "saved"
    shutil.copytree(served, saved)
    before = snapshot(private)
    for _number in range(TRIES // 5):
        killed_at_the_end(served, IMAGES[0])
        tidy(served)
        with somebody(work, served, private):
            for _again in range(5):
                with contextlib.suppress(TransactionError), locked(str(served), f"{served.parent}/state"):
                    pass
                assert snapshot(private) == before
        shutil.rmtree(served.parent / "state", ignore_errors=True)
        shutil.rmtree(served)
        shutil.copytree(saved, served)
        for path in (served, *served.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def test_what_a_program_may_do_is_never_copied(served, private):
    """A file of his is changed while he exchanges it for a link to a program with a capability."""
    program = private / "program"
    program.write_bytes(b"image_version: P0S3-8-12-00\n")
    try:
        os.setxattr(program, "security.capability", CAPABILITY)
    except OSError:
        pytest.skip("no capabilities on this file system")
    path = served / "phones" / PHONES[0]

    def exchange():
        os.rename(path, f"{path}.mine")
        os.symlink(program, path)
        pause()
        os.unlink(path)
        os.rename(f"{path}.mine", path)
        pause()

    with somebody(exchange):
        for number in range(TRIES):
            change(served, IMAGES[number % 2])
            for made in (served / "phones").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    assert "security.capability" not in os.listxattr(made, follow_symlinks=False)


def test_a_capability_of_the_file_itself(served):
    path = served / "phones" / PHONES[0]
    try:
        os.setxattr(path, "security.capability", CAPABILITY)
    except OSError:
        pytest.skip("no capabilities on this file system")
    assert change(served, IMAGES[0])
    assert "security.capability" not in os.listxattr(path)
    with locked(str(served), f"{served.parent}/state") as store:
        store.undo(store.plan_undo())
    assert "security.capability" not in os.listxattr(path)


# What lies there


def with_little_memory(work):
    def bounded():
        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
        signal.alarm(20)
        work()

    assert in_child(bounded)


def put_there(served, what):
    path = served / "phones" / PHONES[0]
    path.unlink()
    if what == "sparse":
        with open(path, "wb") as file:
            file.truncate(10 << 30)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    return path


@pytest.mark.parametrize("what", ["sparse", "pipe", "folder"])
@pytest.mark.parametrize("force", [False, True])
def test_an_undo_of_what_is_no_such_file_any_more(served, what, force):
    assert change(served, IMAGES[0])
    path = put_there(served, what)
    before = {name: file for name, file in snapshot(served).items() if name != f"phones/{path.name}"} if what != "sparse" else None

    def work():
        with pytest.raises(TransactionError, match=PHONES[0]), locked(str(served), f"{served.parent}/state") as store:
            store.undo(store.plan_undo(force=force))

    with_little_memory(work)
    if before is not None:
        assert {name: file for name, file in snapshot(served).items() if name != f"phones/{path.name}"} == before


@pytest.mark.parametrize("what", ["sparse", "pipe", "folder"])
def test_a_repair_of_what_is_no_such_file_any_more(served, what):
    killed_at_the_end(served, IMAGES[0])
    put_there(served, what)

    def work():
        with locked(str(served), f"{served.parent}/state") as store:
            assert [one.conflicts for one in store.repaired] == [(f"phones/{PHONES[0]}",)]

    with_little_memory(work)
    assert (served / "SIPDefault.cnf").read_bytes().startswith(b"image_version: P0S3-8-12-00\n")


def test_a_folder_in_the_way_of_a_repair(served):
    """Where the original would be written, its second name taken away: nobody is kept from changing the root."""
    killed_at_the_end(served, IMAGES[0])
    for path in served.rglob(".*.old"):
        path.unlink()
        path.with_suffix(".new").mkdir()
        (path.with_suffix(".new") / "x").touch()
    assert change(served, IMAGES[1])
    assert b"06-4" in (served / "SIPDefault.cnf").read_bytes()


def test_all_originals_are_looked_at_before_the_first_is_put_back(served):
    (served / "phones" / PHONES[3]).write_bytes(b"image_version: P0S3-8-12-00\n# another\n")
    killed_at_the_end(served, IMAGES[0])
    (record,) = (served.parent / "state").glob("*/*.pending")
    data = record.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        name = next(info for info in packed.infolist() if info.filename != "manifest.json" and b"another" in packed.read(info))
    broken = bytearray(data)
    broken[name.header_offset + 30 + len(name.filename) + 5] ^= 0xFF
    record.write_bytes(broken)
    before = snapshot(served)
    with pytest.raises(TransactionError, match=r"SIP000000000003\.cnf"), locked(str(served), f"{served.parent}/state"):
        pass
    assert snapshot(served) == before
