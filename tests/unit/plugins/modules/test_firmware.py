# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as it is used: in a process of its own, and through Ansible."""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.image_files import image_problems
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image, raw_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import (
    ansible,
    as_root,
    assert_documented,
    content,
    run_module,
    warnings,
)

NEW, LOADER, OLD = "P0S3-8-12-00", "P003-8-12-00", "P0S3-06-3-00"
NAMES = [f"{LOADER}.sbn", f"{NEW}.sb2", f"{NEW}.loads"]


@pytest.fixture
def root(open_folder):
    made = open_folder / "tftp"
    made.mkdir()
    (made / "SIPDefault.cnf").write_bytes(b"image_version: P0S3-07-4-00\nphone_password: hunter2\n")
    return made


@pytest.fixture
def shipped(root):
    """A folder with what Cisco ships for 8.12."""
    made = root.parent / "shipped"
    made.mkdir()
    make_image(made, NEW)
    (made / f"{LOADER}.bin").write_bytes(raw_image(LOADER))
    (made / "OS79XX.TXT").write_bytes(b"P003-8-12-00 \r\n")
    return made


def packed(folder, kind):
    path = folder.parent / f"package.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for file in sorted(folder.iterdir()):
                made.write(file, f"firmware/{file.name}")
    else:
        with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as made:
            made.add(folder, "firmware")
    return path


def run(root, src=None, nobody=False, check=False, diff=False, image=NEW, **arguments):
    arguments = {"state_dir": str(root.parent / f"state-{nobody}"), **arguments}
    arguments.update(tftp_root=str(root), src=src and str(src), image=image)
    return run_module("firmware", arguments, nobody=nobody, check=check, diff=diff)


def refused(root, src=None, **options):
    """In check mode and for real alike, with nothing changed."""
    before = content(root)
    answers = [run(root, src, check=check, **options) for check in (True, False)]
    assert all(answer["failed"] for answer in answers)
    assert answers[0]["msg"] == answers[1]["msg"]
    assert content(root) == before
    return answers[0]["msg"]


def comparable(answer):
    return {key: value for key, value in answer.items() if key not in ("invocation", "free_bytes", "src")}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tgz"])
def test_one_run_then_nothing_left_to_do(root, shipped, kind):
    src = shipped if kind == "folder" else packed(shipped, kind)
    before = content(root)
    predicted = run(root, src, check=True, diff=True)
    assert content(root) == before
    assert not (root.parent / "state-False").exists()
    real = run(root, src, diff=True)
    assert comparable(predicted) == comparable(real)
    assert real["changed"] is True
    assert real["src"] == str(src)
    assert [file["name"] for file in real["files"]] == NAMES
    for file in real["files"]:
        data = (shipped / file["name"]).read_bytes()
        assert (root / file["name"]).read_bytes() == data
        assert (root / file["name"]).stat().st_mode & 0o7777 == 0o644
        assert file == {"name": file["name"], "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "state": "added"}
    assert real["replaced"] == []
    assert [Path(name).name for name in real["ignored"]] == ["OS79XX.TXT", f"{LOADER}.bin"]
    assert real["free_bytes"] > 0
    assert set(content(root)) == set(before) | set(NAMES)
    assert image_problems(Root(str(root)), parse(NEW)) == []
    stamps = {name: (root / name).stat() for name in NAMES}
    for check in (True, False):
        again = run(root, src, check=check, diff=True)
        assert again["changed"] is False
        assert {file["state"] for file in again["files"]} == {"unchanged"}
        assert again["diff"]["before"] == again["diff"]["after"]
    assert {name: (root / name).stat() for name in NAMES} == stamps


def test_an_old_image(root):
    shipped = root.parent / "shipped"
    shipped.mkdir()
    for name in (OLD, "P0S30203"):
        make_image(shipped, name)
        assert run(root, shipped, image=name)["changed"] is True
        assert run(root, shipped, image=name)["changed"] is False


def test_the_root_itself_as_source(root, shipped):
    run(root, shipped)
    assert run(root, root)["changed"] is False


def test_what_is_replaced(root, shipped):
    run(root, shipped)
    (root / NAMES[1]).write_bytes(b"stale")
    (root / NAMES[1]).chmod(0o600)
    (root / NAMES[2]).chmod(0o600)
    predicted = run(root, shipped, check=True, diff=True, mode="0664")
    real = run(root, shipped, diff=True, mode="0664")
    assert comparable(predicted) == comparable(real)
    assert [file["state"] for file in real["files"]] == ["unchanged", "replaced", "replaced"]
    data, same = ((shipped / name).read_bytes() for name in NAMES[1:])
    assert real["replaced"][0] == {
        "name": NAMES[1],
        "size_before": 5,
        "sha256_before": hashlib.sha256(b"stale").hexdigest(),
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert real["replaced"][1]["sha256_before"] == real["replaced"][1]["sha256"] == hashlib.sha256(same).hexdigest()
    assert [(root / name).stat().st_mode & 0o7777 for name in NAMES] == [0o644, 0o664, 0o664]
    assert f"{NAMES[1]} 5 bytes, SHA-256 {hashlib.sha256(b'stale').hexdigest()}\n" in real["diff"]["before"]
    assert f"{NAMES[1]} {len(data)} bytes" in real["diff"]["after"]
    assert run(root, shipped, mode="0664")["changed"] is False


def test_a_link_inside_the_root(root, shipped):
    (root / "inside").mkdir()
    (root / "inside" / "file").write_bytes(b"stale")
    (root / NAMES[0]).symlink_to("inside/file")
    assert run(root, shipped)["changed"] is True
    assert (root / NAMES[0]).is_symlink()
    assert (root / "inside" / "file").read_bytes() == (shipped / NAMES[0]).read_bytes()


@pytest.mark.parametrize("link, fault", [("/etc/hostname", "that leaves"), ("nothing", "to nothing"), (None, "is a folder")])
def test_what_stands_in_the_way(root, shipped, link, fault):
    if link:
        (root / NAMES[2]).symlink_to(link)
    else:
        (root / NAMES[2]).mkdir()
    assert fault in refused(root, shipped)


@pytest.mark.parametrize("number", range(3))
def test_every_file_has_to_be_whole(root, shipped, number):
    path = shipped / NAMES[number]
    data = path.read_bytes()
    for broken, fault in ((b"", "is empty"), (data[:200], "is truncated"), (b"?" + data[1:], "is not one of"), (None, "is missing in")):
        if broken is None:
            path.unlink()
        else:
            path.write_bytes(broken)
        for kind in ("zip", "tar"):
            text = refused(root, packed(shipped, kind))
            assert text.startswith(NAMES[number])
            assert fault in text


def hostile_tar(path):
    with tarfile.open(path, "w") as made:
        info = tarfile.TarInfo(f"{NEW}.sb2")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/shadow"
        made.addfile(info)


def ten_gigabytes(path):
    info = tarfile.TarInfo(f"{NEW}.sb2")
    info.size = 10 << 30
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT))


def escaping_zip(path):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("../../etc/cron.d/x", b"evil")


@pytest.mark.parametrize(
    "make, fault",
    [
        (hostile_tar, "is a symbolic link"),
        (ten_gigabytes, "claims 10737418240 bytes"),
        (escaping_zip, "leads out of the archive"),
        (lambda path: path.write_bytes(b"hello"), "is neither a folder nor"),
    ],
)
def test_hostile_archives(root, make, fault):
    path = root.parent / "archive"
    make(path)
    answer = refused(root, path)
    assert answer.startswith(str(path))
    assert fault in answer


@pytest.mark.parametrize(
    "options, fault",
    [
        ({"image": "P0S3-8-12-O0"}, "did you mean P0S3-8-12-00?"),
        ({"image": "P003-8-12-00"}, "is a universal loader"),
        ({"image": "P0S3-08-12-00"}, "which holds P0S3-8-12-00: did you mean that?"),
        ({"image": OLD}, "which holds P0S3-8-12-00: set src to what Cisco ships for P0S3-06-3-00"),
        ({"tftp_user": "n0b0dy"}, "tftp_user 'n0b0dy' does not exist"),
        ({"mode": "0999"}, "is no octal mode"),
        ({"mode": "rw"}, "is no octal mode"),
        ({"mode": 0o4755}, "is no octal mode"),
        ({"mode": True}, "is no octal mode"),
        ({"mode": "0640"}, "would not be readable for the TFTP server's user with mode 0640"),
        ({"src": "/nowhere"}, "/nowhere: does not exist: set src"),
        ({"src": ""}, "does not exist: set src"),
        ({"src": None}, "state is present but all of the following are missing: src"),
    ],
)
def test_bad_options(root, shipped, options, fault):
    options = dict(options)
    assert fault in refused(root, options.pop("src", shipped), **options)


@pytest.mark.parametrize("path, fault", [("nowhere", "does not exist"), ("tftp/SIPDefault.cnf", "is a file, not a folder")])
def test_bad_roots(root, shipped, path, fault):
    for state in ("present", "absent"):
        assert fault in run(root.parent / path, shipped, state=state, state_dir=str(root.parent / "state"))["msg"]


@pytest.mark.parametrize("mode, octal", [("0664", 0o664), ("644", 0o644), (0o604, 0o604)])
def test_modes_as_people_write_them(root, shipped, mode, octal):
    run(root, shipped, mode=mode)
    assert {(root / name).stat().st_mode & 0o7777 for name in NAMES} == {octal}


@as_root
def test_the_tftp_user(root, shipped):
    nobody = pwd.getpwuid(65534)
    assert f"would not be readable for {nobody.pw_name}" in refused(root, shipped, tftp_user=nobody.pw_name, mode="0640")
    os.chown(root, 0, nobody.pw_gid)
    assert run(root, shipped, tftp_user=nobody.pw_name, mode="0640")["changed"] is True
    assert {((root / name).stat().st_gid, (root / name).stat().st_mode & 0o777) for name in NAMES} == {(nobody.pw_gid, 0o640)}
    assert run(root, shipped, tftp_user=nobody.pw_name)["changed"] is False
    root.chmod(0o700)
    (root / NAMES[0]).unlink()
    assert f"the folder {root} is closed to {nobody.pw_name}" in refused(root, shipped, tftp_user=nobody.pw_name)


@as_root
def test_as_somebody_else(root, shipped):
    state = root.parent / "state-True"
    state.mkdir()
    os.chown(state, 65534, 65534)
    assert f"{root} cannot be written by user nobody" in refused(root, shipped, nobody=True)
    root.chmod(0o777)
    (root / NAMES[0]).write_bytes(b"stale")
    assert f"{NAMES[0]} belongs to somebody else" in refused(root, shipped, nobody=True)
    (root / NAMES[0]).unlink()
    assert run(root, shipped, nobody=True)["changed"] is True
    assert run(root, shipped, nobody=True)["changed"] is False
    assert run(root, shipped)["changed"] is False
    (shipped / NAMES[0]).chmod(0)
    assert "cannot be read by user nobody" in refused(root, shipped, nobody=True)


@as_root
def test_a_full_disk(root, shipped):
    """A real one, of 512 KiB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(root)], check=False, capture_output=True).returncode:
        pytest.skip("takes the right to mount")
    try:
        free = os.statvfs(root).f_bavail * os.statvfs(root).f_frsize
        for path in make_image(shipped, NEW, size=300_000):
            (shipped / f"{path.stem}.bin").unlink(missing_ok=True)
        text = refused(root, shipped)
        assert text == f"{root}: has {free} bytes free, the files take {303104 * 2 + 4096 + 65536}: make room, or remove images not in use"
        make_image(shipped, NEW, size=100_000)
        answer = run(root, shipped)
        assert answer["changed"] is True
        assert answer["free_bytes"] == free
    finally:
        subprocess.run(["umount", str(root)], check=True)


@as_root
def test_a_read_only_disk(root, shipped):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(root)], check=False, capture_output=True).returncode:
        pytest.skip("takes the right to mount")
    try:
        assert "or mount it writable" in refused(root, shipped)
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_a_stale_name_in_another_case_is_a_warning(root, shipped):
    (root / f"{NEW}.LOADS").touch()
    for check in (True, False):
        assert warnings(run(root, shipped, check=check)) == [f"{NEW}.LOADS is beside {NEW}.loads, which phones ask for: remove it"]


def test_absent(root, shipped):
    run(root, shipped)
    (root / f"{LOADER}.bin").write_bytes(b"twin")
    before = content(root)
    predicted = run(root, state="absent", check=True, diff=True)
    assert content(root) == before
    real = run(root, state="absent", diff=True)
    assert comparable(predicted) == comparable(real)
    assert [file["name"] for file in real["files"]] == [f"{NEW}.loads", f"{LOADER}.bin", f"{LOADER}.sbn", f"{NEW}.sb2"]
    assert {file["state"] for file in real["files"]} == {"removed"}
    assert real["files"][0]["sha256"] == hashlib.sha256(before[f"{NEW}.loads"]).hexdigest()
    assert real["diff"]["after"] == ""
    assert list(content(root)) == ["SIPDefault.cnf"]
    for check in (True, False):
        again = run(root, state="absent", check=check)
        assert (again["changed"], again["files"]) == (False, [])


def test_a_referenced_image_stays(root, shipped):
    run(root, shipped)
    (root / "SIPDefault.cnf").write_bytes(f"image_version: {NEW}\nphone_password: hunter2\n".encode())
    (root / "SIP001122AABBCC.cnf").write_bytes(f"#image_version: x\nimage_version: {NEW.lower()}\n".encode())
    (root / "OS79XX.TXT").write_bytes(f"{LOADER}\r\n".encode())
    text = refused(root, state="absent")
    for where in ("SIPDefault.cnf:1: image_version names", "SIP001122AABBCC.cnf:2: image_version names", "OS79XX.TXT: names"):
        assert where in text


def test_in_a_playbook(root, shipped, tmp_path):
    arguments = {"tftp_root": str(root), "image": NEW, "state_dir": str(tmp_path / "state")}
    present = {**arguments, "src": str(packed(shipped, "zip")), "mode": 0o644}
    tasks = [
        {"voip.cisco79xx.firmware": present, "register": "checked", "check_mode": True},
        {"voip.cisco79xx.firmware": present, "register": "first"},
        {"voip.cisco79xx.firmware": present, "register": "second"},
        {"voip.cisco79xx.firmware": {**arguments, "state": "absent"}, "register": "last"},
        {
            "ansible.builtin.assert": {
                "that": [
                    "checked is changed",
                    "first is changed",
                    "first.files == checked.files",
                    "second is not changed",
                    "last is changed",
                    "last.files | map(attribute='state') | unique == ['removed']",
                ]
            }
        },
    ]
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = ansible("ansible-playbook", str(play), "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"+{NEW}.sb2 4500 bytes, SHA-256 " in done.stdout


def test_return_values_are_documented(root, shipped):
    run(root, shipped)
    (root / NAMES[0]).write_bytes(b"stale")
    answer = run(root, shipped)
    assert_documented("firmware", answer)
    assert set(run(root, root.parent / "nowhere")) - {"msg", "failed", "changed", "invocation", "exception"} == {"problems"}
