# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.image_files import image_problems
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import MAX_CONFIG, Root, RootError
from ansible_collections.voip.cisco79xx.tests.simulator.images import container, make_image, raw_image

NEW = "P0S3-06-3-00"
PHONE = "SIP001122AABBCC.cnf"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root to make")


@pytest.fixture
def root():
    """A root open to everybody: pytest's own folders are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="tftp-root-"))
    folder.chmod(0o755)
    inside = folder / "tftp"
    inside.mkdir()
    (inside / "SIPDefault.cnf").write_bytes(b'image_version: "P0S3-8-12-00"\ntelnet_level: 2\n')
    (inside / PHONE).write_bytes(b"image_version: P0S3-07-4-00\r\nline1_password: hunter2\r\n")
    (inside / "SIP001122AABBCD.cnf").write_bytes(b'phone_label: "X "')
    (inside / "OS79XX.TXT").write_bytes(b"P003-8-12-00 \r\n")
    make_image(inside, NEW)
    yield inside
    subprocess.run(["chattr", "-R", "-i", str(folder)], check=False, capture_output=True)
    shutil.rmtree(folder)


def apply(changes, backup=False):
    """With the records out of the way of everybody's."""
    folder = min((os.path.dirname(change.path) for change in changes), key=len, default=None)
    if folder is None:
        return []
    with tempfile.TemporaryDirectory() as state, lock.locked(folder, state) as locked:
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


def test_plan_and_apply(root):
    before = snapshot(root)
    plan = look(root)
    assert snapshot(root) == before
    assert names(plan) == ["SIPDefault.cnf", PHONE, "OS79XX.TXT"]
    assert plan.examined == 2
    assert [(file.mac, edit.before) for file, edit in plan.overrides] == [("001122AABBCC", ((1, "P0S3-07-4-00"),))]
    assert plan.os79xx_before == "P003-8-12-00 \r\n"
    assert plan.warnings == []
    apply(plan.changes)
    after = snapshot(root)
    assert set(after) == set(before)
    assert after["SIPDefault.cnf"][0] == b'image_version: "P0S3-06-3-00"\ntelnet_level: 2\n'
    assert after[PHONE][0] == b"image_version: P0S3-06-3-00\r\nline1_password: hunter2\r\n"
    assert after["OS79XX.TXT"][0] == b"P0S3-06-3-00\n"
    assert {name for name in after if after[name] != before[name]} == set(names(plan))
    again = look(root)
    assert (again.changes, again.overrides) == ([], [])


def test_missing_and_empty_files(root):
    (root / "OS79XX.TXT").unlink()
    (root / "SIPDefault.cnf").unlink()
    (root / "SIP001122AABBCD.cnf").write_bytes(b"")
    root.chmod(0o775)
    plan = look(root)
    assert names(plan) == ["SIPDefault.cnf", PHONE, "OS79XX.TXT"]
    assert apply(plan.changes, backup=True)[0][0] == PHONE
    assert (root / "SIPDefault.cnf").read_bytes() == b'image_version: "P0S3-06-3-00"\n'
    assert (root / "SIPDefault.cnf").stat().st_mode == 0o100644
    assert (root / "OS79XX.TXT").read_bytes() == b"P0S3-06-3-00\n"
    assert not look(root).changes


@pytest.mark.parametrize(
    "name",
    [
        "SIP_TEMPL.cnf",
        "SIP-old.cnf",
        "SIPDefault.cnf.bak",
        "SIPDefault.cnf2",
        "SIPDefault.cnf~",
        ".SIPDefault.cnf.swp",
        "SIP.cnf",
        "sip.conf",
        f"#{PHONE}#",
    ],
)
def test_other_files_are_let_be(root, name):
    (root / name).write_bytes(b"image_version: x\n")
    assert name not in names(look(root))
    (root / name).unlink()
    (root / name).mkdir()
    look(root)


def test_all_faults_are_told_at_once_and_not_too_many(root):
    for number in range(30):
        (root / f"SIP{number}.cnf").touch()
    (root / "os79xx.txt").touch()
    (root / f"{NEW}.sbn").unlink()
    error = refused(root)
    assert len(error.faults) == 32
    assert str(error).endswith("; and 12 more")


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    "make, fault",
    [
        (Path.mkdir, "is a folder, not a file"),
        (make_fifo, "is a named pipe, not a file"),
        (make_socket, "is a socket, not a file"),
        (lambda path: path.symlink_to("/etc/hostname"), "symbolic link that leaves"),
        (lambda path: path.symlink_to("../outside.cnf"), "symbolic link that leaves"),
        (lambda path: path.symlink_to("nowhere"), "symbolic link to nothing"),
        (lambda path: path.symlink_to(path.name), "symbolic link to nothing"),
        (lambda path: path.symlink_to("."), "symbolic link"),
        (lambda path: path.write_bytes(bytes(MAX_CONFIG + 1)), "that long"),
    ],
)
@pytest.mark.parametrize("name", ["SIPDefault.cnf", PHONE, "OS79XX.TXT"])
def test_something_else_where_a_file_should_be(root, name, make, fault):
    (root.parent / "outside.cnf").write_bytes(b"image_version: x\n")
    (root / name).unlink()
    make(root / name)
    error = refused(root)
    assert len(error.faults) == 1
    assert error.faults[0].startswith(name + " ")
    assert fault in error.faults[0]


@pytest.mark.parametrize("make", [make_fifo, Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_something_else_in_place_of_an_image_file(root, make):
    (root / f"{NEW}.bin").unlink()
    make(root / f"{NEW}.bin")
    assert f"{NEW}.bin is" in str(refused(root))
    look(root, verify=False)


def test_links_inside_the_root_are_followed_and_stay(root):
    store = root / "store"
    store.mkdir()
    (root / "SIPDefault.cnf").rename(store / "default")
    (root / "SIPDefault.cnf").symlink_to("store/default")
    (root / "SIP000000000001.cnf").symlink_to(root / PHONE)
    (root / "SIP000000000002.cnf").symlink_to(PHONE)
    plan = look(root)
    assert names(plan) == ["SIPDefault.cnf", "SIP000000000001.cnf", "OS79XX.TXT"]
    apply(plan.changes)
    assert os.readlink(root / "SIPDefault.cnf") == "store/default"
    assert (store / "default").read_bytes().startswith(b'image_version: "P0S3-06-3-00"')
    assert (root / PHONE).read_bytes().startswith(b"image_version: P0S3-06-3-00")
    assert os.listdir(store) == ["default"]


def test_one_file_in_two_roles_is_refused(root):
    (root / PHONE).unlink()
    (root / PHONE).symlink_to("SIPDefault.cnf")
    assert "is the same file as SIPDefault.cnf" in str(refused(root))


def test_a_linked_root_and_relative_paths(root, monkeypatch):
    link = root.parent / "link"
    link.symlink_to(root)
    assert len(look(link).changes) == 3
    monkeypatch.chdir(root.parent)
    apply(look("link/").changes)
    assert not look("tftp").changes


@pytest.mark.parametrize("value", ["./phones/", "phones", "/phones", ".\\phones\\", "phones/../phones"])
def test_the_folder_that_tftp_cfg_dir_names_is_examined_too(root, value):
    (root / "SIPDefault.cnf").write_text(f'image_version: x\ntftp_cfg_dir: "{value}"\n')
    (root / "phones").mkdir()
    (root / "phones" / "SIP000000000009.cnf").write_bytes(b"image_version: x")
    (root / "phones" / "SIPDefault.cnf").write_bytes(b"image_version: x")
    plan = look(root)
    assert plan.examined == 3
    assert "phones/SIP000000000009.cnf" in names(plan)
    apply(plan.changes)
    assert (root / "phones" / "SIP000000000009.cnf").read_bytes() == b"image_version: P0S3-06-3-00"
    (root / "phones" / "SIP1.cnf").touch()
    assert "phones/SIP1.cnf has no MAC" in str(refused(root))


@pytest.mark.parametrize("value", ["", "./", "/", ".", "UNPROVISIONED"])
def test_tftp_cfg_dir_that_is_the_root(root, value):
    (root / "SIPDefault.cnf").write_text(f"image_version: x\ntftp_cfg_dir: {value}\n")
    assert look(root).examined == 2


@pytest.mark.parametrize("value", ["..", "../", "phones/../../x", "..\\tftp2", "away"])
def test_tftp_cfg_dir_that_leaves_the_root(root, value):
    (root / "SIPDefault.cnf").write_text(f"image_version: x\ntftp_cfg_dir: {value}\n")
    (root / "away").symlink_to("..")
    assert re.search("SIPDefault.cnf:2: tftp_cfg_dir .* leaves", str(refused(root)))


def test_tftp_cfg_dir_that_is_no_folder(root):
    (root / "SIPDefault.cnf").write_text(f"image_version: x\ntftp_cfg_dir: {PHONE}\n")
    assert "is no folder" in str(refused(root))
    (root / "SIPDefault.cnf").write_bytes(b"image_version: x\ntftp_cfg_dir: no\0where\n")
    assert "is not there" in look(root).warnings[0]


@pytest.mark.parametrize(
    "path, fault",
    [("nowhere", "does not exist"), ("tftp/SIPDefault.cnf", "is a file, not a folder"), ("tftp/SIPDefault.cnf/x", "not exist")],
)
def test_no_root(root, path, fault):
    with pytest.raises(RootError, match=fault) as caught:
        Root(str(root.parent / path))
    assert str(root.parent / path) in str(caught.value)
    with pytest.raises(RootError):
        Root("a\0b")


# The image's files


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


# Who can read


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


# All or nothing


def test_backups(root):
    before = snapshot(root)
    backups = dict(apply(look(root).changes, backup=True))
    assert set(backups) == {"SIPDefault.cnf", PHONE, "OS79XX.TXT"}
    for name, path in backups.items():
        assert os.path.dirname(path) == str(root)
        assert os.path.basename(path).startswith(f"{name}.{os.getpid()}.2")
        assert path.endswith("~")
        assert snapshot(root)[os.path.basename(path)] == before[name]
    look(root)


@as_root
def test_mode_owner_and_attributes_stay(root):
    path = root / PHONE
    os.chown(path, 1234, 4321)
    path.chmod(0o6640)
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes here")
    (root / "OS79XX.TXT").unlink()
    os.chown(root, 1111, 2222)
    apply(look(root).changes)
    status = path.stat()
    assert (status.st_mode, status.st_uid, status.st_gid) == (0o106640, 1234, 4321)
    assert os.getxattr(path, "user.note") == b"kept"
    assert os.listxattr(root / "SIPDefault.cnf") == []
    made = (root / "OS79XX.TXT").stat()
    assert (made.st_mode, made.st_uid, made.st_gid) == (0o100644, 1111, 2222)


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"# more\n"),
        lambda path: path.unlink(),
        lambda path: path.chmod(0o600),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to("SIP001122AABBCD.cnf")),
        lambda path: os.utime(path, (1, 1)),
        lambda path: (path.rename(path.with_suffix(".x")), shutil.copy2(path.with_suffix(".x"), path)),
    ],
)
@pytest.mark.parametrize("name", ["SIPDefault.cnf", "OS79XX.TXT"])
def test_a_file_changed_meanwhile_stops_all(root, name, meddle):
    plan = look(root)
    meddle(root / name)
    before = snapshot(root)
    with pytest.raises(TransactionError, match=name):
        apply(plan.changes)
    assert snapshot(root) == before


def test_a_file_created_meanwhile_stops_all(root):
    (root / "OS79XX.TXT").unlink()
    plan = look(root)
    (root / "OS79XX.TXT").write_bytes(b"theirs")
    before = snapshot(root)
    with pytest.raises(TransactionError, match=r"OS79XX\.TXT was changed"):
        apply(plan.changes)
    assert snapshot(root) == before
