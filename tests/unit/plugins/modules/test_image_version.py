# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as it is used: in a process of its own, and through Ansible."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import (
    ansible,
    as_root,
    assert_documented,
    content,
    run_module,
    warnings,
)

NEW = "P0S3-06-3-00"
PHONE = "SIP001122AABBCC.cnf"


@pytest.fixture
def root(open_folder):
    open_folder.chmod(0o777)
    made = open_folder / "tftp"
    made.mkdir()
    (made / "SIPDefault.cnf").write_bytes(b"# all phones\r\nimage_version: P0S3-8-12-00\t; now\r\nphone_password: hunter2\r\n")
    (made / PHONE).write_bytes(b'image_version: "P0S3-07-4-00";\nline1_password: "hunter2";\n#line2_password: hunter2\n')
    (made / "SIP001122AABBCD.cnf").write_bytes(b"line1_password=hunter2\n")
    (made / "OS79XX.TXT").write_bytes(b"P003-8-12-00 \r\n")
    make_image(made, NEW)
    return made


def run(root, nobody=False, check=False, diff=False, image=NEW, **arguments):
    arguments = {"state_dir": str(Path(root).parent / f"state-{nobody}"), **arguments, "tftp_root": str(root), "image": image}
    return run_module("image_version", arguments, nobody=nobody, check=check, diff=diff)


def refused(root, **options):
    before = content(root.parent)
    answers = [run(root, check=check, **options) for check in (True, False)]
    assert all(answer["failed"] for answer in answers)
    assert answers[0]["msg"] == answers[1]["msg"]
    assert content(root.parent) == before
    return answers[0]["msg"]


def test_one_run_then_nothing_left_to_do(root):
    before = content(root)
    predicted = run(root, check=True, diff=True)
    assert content(root) == before
    real = run(root, diff=True)
    predicted["invocation"] = real["invocation"] = None
    assert predicted == real
    assert real["changed"] is True
    assert real["image"] == NEW
    assert real["changed_files"] == ["SIPDefault.cnf", PHONE, "OS79XX.TXT"]
    assert real["per_phone"] == 2
    assert real["overrides"] == [{"file": PHONE, "mac": "001122AABBCC", "lines": [1], "before": ["P0S3-07-4-00"]}]
    assert real["duplicates"] == []
    assert real["os79xx"] == {"before": "P003-8-12-00 \r\n", "after": NEW}
    assert "backup_files" not in real
    assert "warnings" not in real
    after = content(root)
    assert after["SIPDefault.cnf"] == before["SIPDefault.cnf"].replace(b"P0S3-8-12-00", NEW.encode())
    assert after[PHONE] == before[PHONE].replace(b"P0S3-07-4-00", NEW.encode())
    assert after["OS79XX.TXT"] == NEW.encode() + b"\n"
    assert set(after) == set(before)
    for check in (True, False):
        again = run(root, check=check, diff=True, backup=True)
        assert (again["changed"], again["changed_files"], again["overrides"], again["diff"]) == (False, [], [], [])
    assert content(root) == after


def test_the_diff_is_the_files_with_passwords_masked(root):
    before = content(root)
    shown = {Path(part["before_header"]).name: part for part in run(root, check=True, diff=True)["diff"]}
    run(root)
    after = content(root)
    assert set(shown) == {"SIPDefault.cnf", PHONE, "OS79XX.TXT"}
    for name, part in shown.items():
        assert part["before_header"] == part["after_header"] == str(root / name)
        assert part["before"] == before[name].replace(b"hunter2", b"********").decode()
        assert part["after"] == after[name].replace(b"hunter2", b"********").decode()
    assert "diff" not in run(root)


def test_a_diff_tells_a_terminal_nothing(root):
    (root / PHONE).write_text("image_version: x\r\nphone_label:\t\x1b]0;owned\x07é\u202e\r\n")
    assert run(root, diff=True)["diff"][1]["after"] == f"image_version: {NEW}\r\nphone_label:\t\\x1b]0;owned\\x07é\\u202e\r\n"


def test_a_diff_of_bytes_that_are_no_text(root):
    (root / PHONE).write_bytes(b"image_version: x\nphone_label: \xff\xfc\xe9\n")
    assert run(root, diff=True)["diff"][1]["after"] == f"image_version: {NEW}\nphone_label: \\xff\\xfc\\xe9\n"
    assert (root / PHONE).read_bytes() == f"image_version: {NEW}\n".encode() + b"phone_label: \xff\xfc\xe9\n"


def test_duplicates_and_faulty_lines_are_reported(root):
    (root / PHONE).write_bytes(b'image_version: a\nimage_version: "b\nimage_version=c\n')
    answer = run(root)
    assert answer["duplicates"] == [{"file": PHONE, "lines": [1, 2]}]
    assert [warning.split(": ")[0] for warning in warnings(answer)] == [f"{PHONE}:2", f"{PHONE}:3"]
    assert (root / PHONE).read_bytes() == f'image_version: {NEW}\nimage_version: "{NEW}"\nimage_version=c\n'.encode()


def test_backups(root):
    before = content(root)
    kept = {entry["file"]: entry["backup_file"] for entry in run(root, backup=True)["backup_files"]}
    assert set(kept) == {"SIPDefault.cnf", PHONE, "OS79XX.TXT"}
    for name, path in kept.items():
        assert re.fullmatch(rf"{re.escape(str(root / name))}\.\d+\.\d{{4}}-\d\d-\d\d@\d\d:\d\d:\d\d~", path)
        assert Path(path).read_bytes() == before[name]


def test_options_for_the_pointer_and_without_files(root):
    answer = run(root, image="P0S3-8-12-00", verify_files=False)
    assert answer["os79xx"]["after"] == "P003-8-12-00"
    assert (root / "OS79XX.TXT").read_bytes() == b"P003-8-12-00\n"
    assert "are missing in" in warnings(answer)[0]
    run(root, os79xx="P0S30203")
    assert (root / "OS79XX.TXT").read_bytes() == b"P0S30203\n"


@pytest.mark.parametrize(
    "options, fault",
    [
        ({"image": ""}, "image name '' is empty"),
        ({"image": "POS3-06-3-00"}, "did you mean P0S3-06-3-00?"),
        ({"image": "P0S3-06-3-00.sbn"}, "ends in the extension '.sbn'; did you mean P0S3-06-3-00?"),
        ({"image": "P003-06-3-00"}, "is a universal loader"),
        ({"image": "P00308000500"}, "SCCP"),
        ({"image": "../P0S3-06-3-00"}, "holds a path"),
        ({"image": "P0S3-6-3-00"}, "the root holds P0S3-06-3-00: did you mean that?"),
        ({"image": "P0S3-07-4-00"}, "P0S3-07-4-00.loads, P003-07-4-00.sbn, P0S3-07-4-00.sb2 are missing in"),
        ({"os79xx": ""}, "os79xx: image name '' is empty"),
        ({"os79xx": "P0S3-06-3-00\n"}, "os79xx: image name"),
        ({"tftp_user": "n0b0dy"}, "tftp_user 'n0b0dy' does not exist"),
        ({"tftp_user": ""}, "tftp_user '' does not exist"),
    ],
)
def test_bad_options(root, options, fault):
    assert fault in refused(root, **options)


@pytest.mark.parametrize(
    "path, fault", [("nowhere", "does not exist"), ("tftp/SIPDefault.cnf", "is a file, not a folder"), ("closed\nlines", "does not exist")]
)
def test_bad_roots(root, path, fault):
    assert fault in refused(root.parent / path)


def test_an_empty_root_option(root):
    answer = run_module("image_version", {"tftp_root": "", "image": NEW}, cwd=root)
    assert "'' does not exist: set tftp_root" in answer["msg"]
    assert (root / "OS79XX.TXT").read_bytes() == b"P003-8-12-00 \r\n"


@pytest.mark.parametrize("name", ["SIP001122-AABBCC.cnf", "SIP001122aabbcc.cnf", "os79xx.txt", "sipdefault.cnf"])
def test_misnamed_files(root, name):
    (root / name).touch()
    assert refused(root).startswith(name)


def test_every_problem_is_in_the_answer(root):
    for number in range(40):
        (root / f"SIP0011bb{number:06}.cnf").touch()
    answer = run(root)
    assert len(answer["problems"]) == 40
    assert answer["msg"].endswith("and 20 more")


@as_root
def test_an_unwritable_root(root):
    before = content(root)
    for check in (True, False):
        answer = run(root, nobody=True, check=check)
        assert answer["problems"][0].startswith(f"{root} cannot be written by user nobody: ")
    assert content(root) == before
    run(root)
    assert "the lock and the records of" in run(root, nobody=True)["msg"]


@as_root
def test_a_state_folder_that_cannot_be_made(root):
    """A dry run tells it too."""
    before = content(root)
    for check in (True, False):
        told = run(root, nobody=True, check=check, state_dir="/nowhere/state")["msg"]
        assert (
            "cannot be made by user nobody (Permission denied): nothing was changed; run as a user who may (ansible_become: true), or"
            in told
        )
    assert content(root) == before


@as_root
def test_files_of_somebody_else(root):
    root.chmod(0o777)
    before = content(root)
    for check in (True, False):
        assert "SIPDefault.cnf belongs to somebody else" in run(root, nobody=True, check=check)["msg"]
    assert content(root) == before
    for path in root.iterdir():
        os.chown(path, 65534, 65534)
    (root / "OS79XX.TXT").unlink()
    assert run(root, nobody=True)["changed"] is True
    assert {path.stat().st_uid for path in root.iterdir()} == {65534}
    assert run(root)["changed"] is False


@as_root
def test_files_that_this_user_cannot_read(root):
    (root / PHONE).chmod(0o600)
    (root / f"{NEW}.bin").chmod(0)
    problems = run(root, nobody=True)["problems"]
    assert problems[0].startswith(f"{PHONE} cannot be read by user nobody")
    assert problems[1].startswith(f"{NEW}.bin cannot be read by user nobody")
    root.chmod(0o700)
    assert f"{root} cannot be read by user nobody" in run(root, nobody=True)["msg"]


def test_through_ansible(root):
    before = content(root)
    command = ("all", "-m", "voip.cisco79xx.image_version", "-a", f"tftp_root={root} image={NEW}", "-vvv", "--diff")
    checked = ansible("ansible", *command, "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert content(root) == before
    assert "hunter2" not in checked.stdout + checked.stderr
    assert f"+image_version: {NEW}" in checked.stdout
    assert "+phone_password: ********" not in checked.stdout
    assert "CHANGED" in ansible("ansible", *command).stdout
    assert f"image_version: {NEW}\t; now\r\n".encode() in (root / "SIPDefault.cnf").read_bytes()
    last = ansible("ansible", *command)
    assert "SUCCESS" in last.stdout
    assert "hunter2" not in last.stdout + last.stderr


def test_in_a_playbook(root, tmp_path):
    arguments = {"tftp_root": str(root), "image": NEW}
    tasks = [
        {"voip.cisco79xx.image_version": {**arguments, "image": "P0S3-06-3-0O"}, "register": "bad", "ignore_errors": True},
        {"voip.cisco79xx.image_version": {**arguments, "backup": True}, "register": "first"},
        {"voip.cisco79xx.image_version": arguments, "register": "second"},
        {
            "ansible.builtin.assert": {
                "that": [
                    "bad is failed",
                    "'did you mean P0S3-06-3-00?' in bad.msg",
                    "first is changed",
                    "first.backup_files | length == 3",
                    "first.overrides[0].mac == '001122AABBCC'",
                    "second is not changed",
                ]
            }
        },
    ]
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = ansible("ansible-playbook", str(play))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_phones_run_decides_who_gets_there(root):
    make_image(root, "P0S30203")
    phones = {"00:11:22:aa:bb:cc": "P0S3-8-12-00", "001122AABBCD": "?"}
    assert "1 phone (001122AABBCC) cannot get to P0S30203: Images from 5.x on are signed" in refused(root, image="P0S30203", phones=phones)
    answer = run(root, image="P0S30203", phones=phones, skip_blocked=True)
    assert [(group["macs"], group["arrives"]) for group in answer["boots"]] == [(["001122AABBCC"], False), (["001122AABBCD"], True)]
    assert [(back["image"], back["phones"], back["returns"]) for back in answer["way_back"]] == [("P0S3-8-12-00", 1, "no")]
    assert "boots" in run(root, image=NEW) and not run(root, image=NEW)["changed"]


def test_what_is_known_of_an_image_is_told_by_the_module_or_by_its_caller(root):
    make_image(root, "P0S3-07-5-00")
    phones = {"001122AABBCC": "P0S3-8-12-00"}
    told = [run(root, check=True, image="P0S3-07-5-00", phones=phones, skip_blocked=caller)["advice"] for caller in (False, True)]
    assert [sum("could not hear" in text for text in advice) for advice in told] == [1, 0]


def test_loads_follow_in_the_same_transaction_and_come_back_with_it(root):
    make_image(root, "P0S3-07-4-00")
    sep = b"<device>\r\n<loadInformation>P0S3-07-4-00</loadInformation></device>"
    (root / "SEP001122AABBCC.cnf.xml").write_bytes(sep)
    before = content(root)
    assert refused(root).startswith("SEP001122AABBCC.cnf.xml:2: names the load 'P0S3-07-4-00'")
    assert "SEP001122AABBCC.cnf.xml" in run(root, loads="follow", run="spring")["changed_files"]
    assert (root / "SEP001122AABBCC.cnf.xml").read_bytes() == sep.replace(b"P0S3-07-4-00", NEW.encode())
    undone = run_module("tftp_root_undo", {"tftp_root": str(root), "state_dir": str(root.parent / "state-False"), "run": "spring"})
    assert undone["changed"] and content(root) == before


def test_return_values_are_documented(root):
    before = run(root, check=True, differences=9)
    assert_documented("image_version", {**before, **run(root, backup=True, differences=9)})
    now = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.iterdir()}
    assert {name: after for name, (_before, after) in before["digests"].items()} == {name: now[name] for name in before["digests"]}
    assert set(before["digests"]) >= set(before["changed_files"])
    again = run(root, check=True, differences=9)
    assert again["digests"] == {name: [after, after] for name, (_before, after) in before["digests"].items()}
    assert before["image_digests"] == {name: now[name] for name in ("P0S3-06-3-00.bin", "P0S3-06-3-00.sbn")}
    newer = run(root, check=True, differences=9, image="P0S3-8-12-00", verify_files=False)["image_digests"]
    assert set(newer) <= {"P0S3-8-12-00.loads", "P003-8-12-00.sbn", "P0S3-8-12-00.sb2"}
