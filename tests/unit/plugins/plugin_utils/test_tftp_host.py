# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step asks of a TFTP host, with the real modules, and what people are told if that cannot be had."""

from __future__ import annotations

import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import DIFFERENCES, TftpHost, TftpHostError, why_failed
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import content, run_module

OLD, NEW = "P0S3-8-12-00", "P0S3-06-3-00"
MAC, SECOND = "001122AABBCC", "001122AABBDD"


def execute(module, arguments, check):
    """As Ansible does it, but on this machine."""
    return run_module(module.removeprefix("voip.cisco79xx."), arguments, check=check)


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "tftp"
    made.mkdir()
    (made / "SIPDefault.cnf").write_text(f"image_version: {OLD}\nphone_password: hunter2\n")
    (made / f"SIP{MAC}.cnf").write_text("line1_password: hunter2\n")
    make_image(made, NEW)
    return made


def host(root, check=False, **more):
    variables = {"cisco79xx_tftp_root": str(root), "cisco79xx_state_dir": str(root.parent / "state"), **more}
    return TftpHost("pbx", variables, execute, check)


def answering(result, check=False, **variables):
    """A TFTP host that answers so, and what it was asked: (module, arguments, check mode)."""
    calls = []

    def ask(*call):
        calls.append(call)
        return result

    return TftpHost("pbx", {"cisco79xx_tftp_root": "/srv/tftp", **variables}, ask, check, "follow"), calls


def test_a_look_changes_nothing_and_a_dry_run_neither(root):
    before = content(root)
    assert host(root).point(NEW, "spring", True, look=True)["would_move"] == {MAC: OLD}
    assert host(root, check=True).point(NEW, "spring", True)["changed"] is True
    assert content(root) == before


def test_files_are_pointed_and_put_back(root):
    before = content(root)
    changed = host(root).point(NEW, "spring", True)
    assert changed["changed_files"] == ["SIPDefault.cnf"]
    assert all("hunter2" not in file["diff"] for file in changed["differences"])
    assert f"image_version: {NEW}" in (root / "SIPDefault.cnf").read_text()
    (record,) = host(root).put_back({}, look=True)["records"]
    assert (record["run"], record["image"]) == ("spring", NEW)
    assert host(root).put_back({"run": "spring"})["named"]["default"] == OLD
    assert content(root) == before


def test_some_phones_only_and_some_not_at_all(root):
    (root / f"SIP{SECOND}.cnf").write_text("")
    host(root).point(NEW, "spring", True, only={MAC}, hold={SECOND: OLD})
    assert f"image_version: {NEW}" in (root / f"SIP{MAC}.cnf").read_text()
    assert f'image_version: "{OLD}"' in (root / f"SIP{SECOND}.cnf").read_text()
    assert f"image_version: {OLD}" in (root / "SIPDefault.cnf").read_text()


def test_nothing_to_put_back_is_no_failure(root):
    answer = host(root).put_back({}, look=True, force=True)
    assert (list(answer["records"]), answer["changed"]) == ([], False)


def test_what_the_log_says(root):
    log = root.parent / "syslog"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 20))
    log.write_text(f"{stamp} pbx in.tftpd[7]: RRQ from 192.0.2.1 filename SIP{MAC}.cnf\n")
    phones = host(root, cisco79xx_tftp_log=str(log)).read_log(60.4, [MAC, "192.0.2.9"])["phones"]
    assert set(phones) >= {MAC}
    with pytest.raises(TftpHostError, match=f"TFTP host pbx: .*{root.parent}/none"):
        host(root, cisco79xx_tftp_log=str(root.parent / "none")).read_log(60, [MAC])


def test_what_a_module_refuses_names_the_host(root):
    with pytest.raises(TftpHostError, match=r"^TFTP host pbx: .*P0S3-07-5-00"):
        host(root).point("P0S3-07-5-00", "spring", True)
    with pytest.raises(TftpHostError, match=rf"^TFTP host pbx: .*{root}/none"):
        host(root / "none").point(NEW, "spring", True)


@pytest.mark.parametrize("check", [False, True])
def test_what_is_asked(check):
    pbx, calls = answering({"would_move": {}, "named": {}, "phones": {}}, check, cisco79xx_tftp_user="nobody", cisco79xx_tftp_log="/log")
    pbx.point(NEW, "spring", False, only=[MAC], phones={MAC: OLD})
    pbx.put_back({"run": "spring"}, force=True, loader="P003-8-12-00")
    pbx.put_back({"since_run": "spring"}, look=True, phones={MAC: NEW})
    pbx.read_log(42.7, {MAC: 1.0})
    point = {
        "tftp_root": "/srv/tftp",
        "tftp_user": "nobody",
        "image": NEW,
        "verify_files": False,
        "run": "spring",
        "differences": DIFFERENCES,
        "only": [MAC],
        "hold": {},
        "phones": {MAC: OLD},
        "skip_blocked": True,
        "loads": "follow",
    }
    undo = {"tftp_root": "/srv/tftp", "tftp_user": "nobody", "differences": DIFFERENCES, "required": False}
    assert calls == [
        ("voip.cisco79xx.image_version", point, check),
        ("voip.cisco79xx.tftp_root_undo", {**undo, "run": "spring", "loader": "P003-8-12-00", "force": True}, check),
        ("voip.cisco79xx.tftp_root_undo", {**undo, "since_run": "spring", "phones": {MAC: NEW}, "force": False}, True),
        ("voip.cisco79xx.tftp_log_info", {"since": "43s", "phones": [MAC], "tftp_root": "/srv/tftp", "path": "/log"}, True),
    ]


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({}, {}),
        ({"cisco79xx_tftp_unit": "tftpd"}, {"unit": "tftpd"}),
        ({"cisco79xx_tftp_unit": "tftpd", "cisco79xx_tftp_log": "/log"}, {"path": "/log"}),
        ({"cisco79xx_tftp_unit": "tftpd", "cisco79xx_tftp_log": ""}, {"unit": "tftpd"}),
    ],
)
def test_where_the_log_is(variables, where):
    pbx, calls = answering({"phones": {}}, **variables)
    pbx.read_log(1, [])
    assert {option: calls[0][1][option] for option in ("path", "unit") if option in calls[0][1]} == where


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            {"unreachable": True, "msg": "ssh: connect to host pbx port 22: Connection refused"},
            "TFTP host pbx cannot be reached: ssh: connect to host pbx port 22: Connection refused: see that it is up and takes ssh at its "
            "ansible_host and ansible_port; if it is this machine, set ansible_connection: local",
        ),
        ({"failed": True, "msg": "no such image"}, "TFTP host pbx: no such image"),
        ({"failed": True, "msg": "no such image", "would_move": {}}, "TFTP host pbx: no such image"),
        (
            {"failed": True, "msg": "The module failed", "module_stderr": "/bin/sh: 1: python3: not found\n", "rc": 127},
            "TFTP host pbx: /bin/sh: 1: python3: not found; see that Python 3 runs there, with ansible_python_interpreter if it has "
            "another name",
        ),
        ({"failed": True, "msg": "\x1b[31mno such\n image\u202e"}, "TFTP host pbx: no such image"),
        ({"failed": True}, "TFTP host pbx: failed"),
        ({}, "TFTP host pbx: failed"),
        ({"msg": None, "unreachable": False}, "TFTP host pbx: failed"),
    ],
    ids=["unreachable", "refused", "refused with a result", "no Python", "hostile", "no reason", "nothing", "no text"],
)
def test_what_people_are_told(result, message):
    with pytest.raises(TftpHostError) as caught:
        answering(result)[0].point(NEW, "spring", True)
    assert str(caught.value) == message


SSH = "Task failed: Failed to connect to the host via ssh: "
PYTHON = "; see that Python 3 runs there, with ansible_python_interpreter if it has another name"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            {"unreachable": True, "msg": f"{SSH}admin@192.0.2.9: Permission denied (publickey,password)."},
            "cannot be reached: admin@192.0.2.9: Permission denied (publickey,password): let ansible_user log in there, ",
        ),
        (
            {"unreachable": True, "msg": f"{SSH}No ED25519 host key is known for pbx.\r\nHost key verification failed."},
            "cannot be reached: No ED25519 host key is known for pbx. Host key verification failed: log in there once by hand, ",
        ),
        (
            {"unreachable": True, "msg": f"{SSH}ssh: Could not resolve hostname pbx: Name or service not known"},
            "cannot be reached: ssh: Could not resolve hostname pbx: Name or service not known: correct its name, or set ansible_host ",
        ),
        (
            {"unreachable": True, "msg": f"{SSH}ssh: connect to host pbx port 22: Connection timed out"},
            "cannot be reached: ssh: connect to host pbx port 22: Connection timed out: see that it is up and takes ssh at ",
        ),
        ({"failed": True, "msg": "Missing sudo password"}, "sudo asks for a password (Missing sudo password): run it again with -K, or "),
        ({"failed": True, "msg": "Task failed: Incorrect su password"}, "su does not take the password (Incorrect su password): run it "),
        (
            {"failed": True, "msg": "The module interpreter '/bin/py' was not found.", "module_stderr": "sh: 1: /bin/py: not found"},
            f"The module interpreter '/bin/py' was not found{PYTHON}",
        ),
        (
            {"failed": True, "msg": "Module result deserialization failed", "module_stderr": "Traceback\n  x\nOSError: full\n\n"},
            f"OSError: full{PYTHON}",
        ),
        (
            {"failed": True, "msg": "/srv/tftp_root does not exist: set tftp_root to the folder"},
            "/srv/tftp_root does not exist: set cisco79xx_tftp_root to the folder",
        ),
    ],
)
def test_why_a_host_did_not_do_it(result, told):
    assert why_failed(result).startswith(told)
