# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as it is used: in a process of its own, and through Ansible."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import (
    SECRET,
    ansible,
    as_root,
    assert_documented,
    content,
    run_module,
    warnings,
)

MAC, OTHER = "001122AABBCC", "001122AABBCD"
PHONE, SECOND, DEFAULT = f"SIP{MAC}.cnf", f"SIP{OTHER}.cnf", "SIPDefault.cnf"
LEVEL = {"telnet_level": 2}
PASSWORD = {"phone_password": SECRET}


@pytest.fixture
def root(open_folder):
    open_folder.chmod(0o777)
    made = open_folder / "tftp"
    made.mkdir()
    (made / DEFAULT).write_bytes(b"# all phones\r\nimage_version: P0S3-8-12-00\t; now\r\nphone_password: former\r\n")
    (made / PHONE).write_bytes(b'line1_name: "1";\nTelnet_Level: "0"; off\nphone_label: "Desk ";')
    (made / SECOND).write_bytes(b"line1_password=hidden\n")
    return made


def run(root, nobody=False, check=False, diff=False, **arguments):
    arguments = {"state_dir": str(Path(root).parent / f"state-{nobody}"), **arguments, "tftp_root": str(root)}
    answer = run_module("phone_config", arguments, nobody=nobody, check=check, diff=diff)
    assert "former" not in str(answer)
    return answer


def read(answer, mac=MAC):
    """What a phone reads and gets, but for what other steps ask about it."""
    return {name: answer["phones"][mac][name] for name in ("file", "settings", "secrets", "changed")}


def undo(root, **arguments):
    return run_module("tftp_root_undo", {"state_dir": str(root.parent / "state-False"), "tftp_root": str(root), **arguments})


def refused(root, **options):
    before = content(root.parent)
    answers = [run(root, check=check, **options) for check in (True, False)]
    assert all(answer["failed"] for answer in answers)
    assert answers[0]["problems"] == answers[1]["problems"]
    assert content(root.parent) == before
    return answers[0]["problems"]


def phone(mac=MAC, **more):
    return {"mac": mac, **more}


def test_once_then_nothing_left_to_do_then_back(root):
    before = content(root)
    wanted = {"settings": LEVEL, "secrets": PASSWORD, "phones": [phone(settings=LEVEL, secrets=PASSWORD), phone(OTHER, settings=LEVEL)]}
    predicted = run(root, check=True, diff=True, **wanted)
    assert content(root) == before
    real = run(root, diff=True, **wanted)
    assert {**predicted, "now": 0} == {**real, "now": 0}
    assert (real["changed"], real["files"]) == (True, [DEFAULT, PHONE])
    about = {"image": "P0S3-8-12-00", "set_at": None}
    assert real["default"] == {"telnet_level": None, "phone_password": {"set": True, "as_wanted": False}, **about}
    assert real["phones"] == {
        MAC: {"file": PHONE, "settings": {"telnet_level": "0"}, "secrets": {"phone_password": False}, "changed": ["telnet_level"], **about},
        OTHER: {"file": SECOND, "settings": {"telnet_level": None}, "secrets": {}, "changed": [], **about},
    }
    assert real["others"] == []
    assert "warnings" not in real
    after = content(root)
    added = b"phone_password: hunter2\r\ntelnet_level: 2\r\n"
    assert after == {
        DEFAULT: before[DEFAULT].replace(b"phone_password: former\r\n", added),
        PHONE: before[PHONE].replace(b'"0"', b'"2"'),
        SECOND: before[SECOND],
    }
    for check in (True, False):
        again = run(root, check=check, diff=True, backup=True, **wanted)
        assert (again["changed"], again["files"], again["diff"]) == (False, [], [])
        assert again["default"]["telnet_level"] == "2"
        assert again["default"]["phone_password"] == {"set": True, "as_wanted": True}
        assert read(again) == {"file": PHONE, "settings": {"telnet_level": "2"}, "secrets": {"phone_password": True}, "changed": []}
        for told in again["default"], *again["phones"].values():
            assert abs(told["set_at"] - real["now"]) < 60, "by the record of the first call"
    back = undo(root)
    assert [record["settings"] for record in back["records"]] == ["telnet_level, phone_password"]
    assert content(root) == before


def test_the_diff_shows_that_a_secret_changes_and_not_which(root):
    shown = run(root, check=True, diff=True, secrets=PASSWORD)["diff"]
    assert [part["before_header"] for part in shown] == [str(root / DEFAULT)]
    assert shown[0]["before"].endswith("phone_password: ********\r\n")
    assert shown[0]["after"].endswith("phone_password: ******** (new)\r\n")
    assert "(new)" in run(root, check=True, secrets=PASSWORD, differences=1)["differences"][0]["diff"]


def test_one_phone_alone(root):
    """Where its own file says otherwise, or nothing gives it the value; what others read stays."""
    before = content(root)
    answer = run(root, phones=[phone("00:11:22:aa:bb:cd", settings={"telnet_level": "2", "phone_label": "a; b"}, secrets=PASSWORD)])
    assert answer["files"] == [SECOND]
    assert answer["phones"][OTHER]["changed"] == ["telnet_level", "phone_label", "phone_password"]
    assert answer["default"]["phone_password"] == {"set": True, "as_wanted": None}
    after = content(root)
    added = b'telnet_level: "2"\nphone_label: "a; b"\nphone_password: "hunter2"\n'
    assert after == {**before, SECOND: before[SECOND] + added}
    settled = run(root, settings={"telnet_level": 2}, phones=[phone(OTHER, settings=LEVEL)])
    assert settled["files"] == [DEFAULT]


def test_everything_wrong_is_told_at_once(root):
    (root / "SIP0011bb000001.cnf").touch()
    missing = phone("0011BB000001", settings=LEVEL)
    bad = {"telnet_level": True, "image_version": "x"}
    problems = refused(
        root, settings=bad, secrets={"phone_password": 16 * SECRET}, phones=[phone("x"), missing, phone(settings={"a-b": 1})]
    )
    assert [problem.split(" ", 1)[0] for problem in problems] == [
        *(f"{DEFAULT}:" for _each in range(3)),
        "phones:",
        f"{PHONE}:",
        "SIP0011bb000001.cnf",
        "SIP0011BB000001.cnf",
    ]
    assert "is missing in" in problems[-1] and "would read another telnet_level: create it" in problems[-1]


@pytest.mark.parametrize("arguments", [{"secrets": [SECRET]}, {"phones": [{"settings": {}}]}])
def test_arguments_of_another_type(root, arguments):
    assert run(root, **arguments)["failed"]


def test_a_phone_without_a_file_of_its_own(root):
    answer = run(root, settings=LEVEL, phones=[phone("0011BB000001", settings=LEVEL)])
    assert read(answer, "0011BB000001") == {"file": None, "settings": {"telnet_level": None}, "secrets": {}, "changed": []}
    assert (answer["files"], answer["others"]) == ([DEFAULT], [MAC, OTHER])
    assert sorted(content(root)) == sorted([DEFAULT, PHONE, SECOND])


def test_a_root_without_defaults(root):
    (root / DEFAULT).unlink()
    assert run(root, check=True, settings=LEVEL)["files"] == [DEFAULT]
    run(root, settings=LEVEL, secrets=PASSWORD)
    assert (root / DEFAULT).read_bytes() == b'telnet_level: "2"\nphone_password: "hunter2"\n'
    undo(root)
    assert not (root / DEFAULT).exists()


def test_warnings(root):
    (root / DEFAULT).write_bytes(b"telnet_level=1\nphone_prompt: x\rtelnet_level: 0\n")
    answer = run(root, settings={**LEVEL, "telnet_levl": 2, "phone_prompt": " x"}, phones=[phone(OTHER, settings={"logo_url": ""})])
    told = warnings(answer)
    assert [text.split(" ", 1)[0] for text in told] == [
        "SIPDefault.cnf:1:",
        "SIPDefault.cnf",
        "telnet_level",
        "SIPDefault.cnf:",
        "SIPDefault.cnf:",
    ]
    assert "telnet_level is left as it is: the phone loses a line" in told[0]
    assert "has telnet_level behind a carriage return" in told[1]
    assert f"is set otherwise in the own files of 1 phone ({MAC})" in told[2]
    assert told[3].endswith("look for a misspelling: telnet_levl")
    assert "phone_prompt begins or ends with a blank" in told[4]


def test_faults_of_files_that_are_not_concerned_are_no_reason_to_refuse(root):
    for name in ("os79xx.txt", "SIP00-11-22-33-44-55.cnf"):
        (root / name).touch()
    told = warnings(run(root, settings=LEVEL))
    assert [text.split(" ")[0] for text in told if "wrong case" in text or "more than" in text] == [
        "os79xx.txt",
        "SIP00-11-22-33-44-55.cnf",
    ]
    assert "has more than the MAC address" in refused(root, phones=[phone("001122334455", settings={"telnet_level": 1})])[0]


def test_links(root):
    (root / "real").mkdir()
    (root / PHONE).rename(root / "real" / "one")
    (root / PHONE).symlink_to("real/one")
    (root / SECOND).unlink()
    (root / SECOND).symlink_to("real/one")
    both = run(root, phones=[phone(settings=LEVEL)])
    assert [f"changes for others too, whose file is the same one: 1 phone ({OTHER})"] == warnings(both)
    assert (root / PHONE).is_symlink() and b'Telnet_Level: "2"; off' in (root / "real" / "one").read_bytes()
    (problem,) = refused(root, phones=[phone(settings={"phone_label": "a"}), phone(OTHER, settings={"phone_label": "b"})])
    assert problem == f"{PHONE} is the file of another phone too, which shall read another phone_label: give each its own"
    assert run(root, phones=[phone(settings={"phone_label": "a"}), phone(OTHER, settings={"phone_label": "a"})])["files"] == [PHONE]
    (root / SECOND).unlink()
    (root / SECOND).symlink_to(DEFAULT)
    assert f"{SECOND} is the same file as {DEFAULT}: give the phone" in refused(root, phones=[phone(OTHER, settings={"sync": 9})])[0]
    (root / PHONE).unlink()
    (root / PHONE).symlink_to("/etc/passwd")
    assert f"{PHONE} is a symbolic link that leaves" in refused(root, phones=[phone(settings=LEVEL)])[0]


def test_the_folder_of_phones_own_files(root):
    (root / "phones").mkdir()
    (root / "phones" / PHONE).write_bytes(b"telnet_level: 1\n")
    with (root / DEFAULT).open("ab") as default:
        default.write(b"tftp_cfg_dir: phones/\r\n")
    answer = run(root, phones=[phone(settings=LEVEL)])
    assert read(answer) == {
        "file": f"phones/{PHONE}",
        "settings": {"telnet_level": "1"},
        "secrets": {},
        "changed": ["telnet_level"],
    }
    assert answer["files"] == [PHONE, f"phones/{PHONE}"]
    moved = run(root, settings={"tftp_cfg_dir": "./"}, phones=[phone(settings={"telnet_level": 1})])
    assert moved["files"] == [DEFAULT, PHONE]
    back = run(root, settings={"tftp_cfg_dir": "phones"}, phones=[phone(settings=LEVEL)])
    assert back["files"] == [DEFAULT, PHONE]
    assert "leaves" in refused(root, settings={"tftp_cfg_dir": "../x"})[0]
    gone = warnings(run(root, settings={"tftp_cfg_dir": "nowhere"}, check=True))
    assert any("tftp_cfg_dir 'nowhere'" in text and "is not there" in text for text in gone)


@as_root
def test_what_this_user_may_not_do(root):
    before = content(root)
    for check in (True, False):
        assert run(root, nobody=True, check=check, settings=LEVEL)["problems"][0].startswith(f"{root} cannot be written by user nobody: ")
    root.chmod(0o777)
    assert "SIPDefault.cnf belongs to somebody else" in run(root, nobody=True, settings=LEVEL)["msg"]
    (root / PHONE).chmod(0o600)
    assert f"{PHONE} cannot be read by user nobody" in run(root, nobody=True, phones=[phone(settings=LEVEL)])["msg"]
    assert content(root) == before
    (root / PHONE).chmod(0o640)
    for path in root.iterdir():
        os.chown(path, 65534, 65534)
    told = warnings(run(root, nobody=True, phones=[phone(settings=LEVEL)]))
    assert told == [f"not readable for the TFTP server's user, so phones get no answer: {PHONE}"]
    assert "tftp_user 'n0b0dy' does not exist" in run(root, tftp_user="n0b0dy")["msg"]


def test_by_hand(root):
    """Where all is text. A secret in the wrong place is not shown either."""
    before = content(root)

    def call(settings):
        command = f"tftp_root={root} settings='{settings}' secrets=phone_password={SECRET}"
        return ansible("ansible", "all", "-m", "voip.cisco79xx.phone_config", "-a", command, "-vvvvv", "--diff")

    refused = call("telnet_level=2 phone_password=Zq7token")
    assert "SIPDefault.cnf: phone_password is a secret: put it under secrets" in refused.stdout
    assert content(root) == before
    made = call(json.dumps({"telnet_level": 2}))
    assert "CHANGED" in made.stdout, made.stdout + made.stderr
    assert f"phone_password: {SECRET}\r\n".encode() in (root / DEFAULT).read_bytes()
    shown = refused.stdout + refused.stderr + made.stdout + made.stderr
    assert SECRET not in shown and "Zq7token" not in shown


def test_return_values_are_documented_and_backups_are_the_originals(root):
    before = (root / DEFAULT).read_bytes()
    answer = run(root, settings=LEVEL, backup=True, differences=1)
    assert_documented("phone_config", answer, apart=frozenset({"changed", "warnings"}))
    ((kept, path),) = ((entry["file"], entry["backup_file"]) for entry in answer["backup_files"])
    assert kept == DEFAULT and Path(path).read_bytes() == before
