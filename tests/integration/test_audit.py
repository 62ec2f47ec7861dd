# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook audit: a table for people, JSON for tools, an exit status for scripts."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

pytestmark = pytest.mark.once

IMAGE = "P0S3-8-12-00"


def make_root(folder):
    folder.mkdir(mode=0o755)
    make_image(folder, IMAGE)
    (folder / "SIPDefault.cnf").write_bytes(f"image_version: {IMAGE}\r\ntelnet_level: 2\r\nphone_password: hunter2\r\n".encode())
    (folder / "SIP001122AABBCC.cnf").write_bytes(b'line1_password: "hunter2"\n')
    (folder / "OS79XX.TXT").write_bytes(b"P003-8-12-00\n")
    return folder


@pytest.fixture
def audit(tmp_path, ansible_playbook):
    """Runs the playbook over these roots (host → path, or None for a host without one): (exit status, output)."""

    def play(roots, *arguments, group="tftp_servers"):
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {name: {**local, **({"cisco79xx_tftp_root": str(path)} if path else {})} for name, path in roots.items()}
        inventory = {group: {"hosts": hosts}, "phones": {"hosts": {"phone": {}}}}
        status, output = ansible_playbook("audit.yml", inventory, *arguments)
        assert "hunter2" not in output
        assert "Traceback" not in output
        return status, output

    return play


def test_a_sound_root(audit, tmp_path):
    root = make_root(tmp_path / "tftp root")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in root.iterdir())
    for arguments in ([], ["--check"], ["-e", "strict=true"]):
        status, output = audit({"tftp1": root}, *arguments)
        assert status == 0, output
        assert f"tftp1: {root}\n" in output
        assert f"  default       {IMAGE}, telnet_level 2, phone_password set\n" in output
        assert f"  images        {IMAGE}  whole  named by 1 file\n" in output
        assert f"                {IMAGE}: 1\n" in output
        assert "  faults        none\n" in output
    assert sorted((path.name, path.stat().st_mtime_ns) for path in root.iterdir()) == before
    assert not list(tmp_path.glob("**/audit.json"))


def test_faults_are_shown(audit, tmp_path):
    root = make_root(tmp_path / "tftp")
    (root / "SIP001122AABBCC.cnf").write_bytes(b"a: 1\nproxy1_port=5060\n")
    for number in range(30):
        (root / f"SIP0011bb{number:06}.cnf").touch()
    status, output = audit({"tftp1": root}, "-e", f"report_dir={tmp_path}/new/report")
    assert status == 0, output
    assert "SIP001122AABBCC.cnf:2:12  has no colon after the name\n" in output
    assert "and 11 more\n" in output
    report = json.loads((tmp_path / "new" / "report" / "audit.json").read_text())
    assert list(report) == ["roots"]
    assert report["roots"]["tftp1"]["summary"]["faults"] == 31
    assert not {"changed", "failed", "invocation"} & set(report["roots"]["tftp1"])

    status, output = audit({"tftp1": root}, "-e", "strict=true")
    assert status == 2
    assert "faults in" in output


def test_a_root_that_cannot_be_read_does_not_hide_another(audit, tmp_path):
    root = make_root(tmp_path / "tftp")
    roots = {"tftp1": tmp_path / "nowhere", "tftp2": root, "tftp3": None}
    status, output = audit(roots, "--check", "-e", "tftp_group=servers", "-e", f"report_dir={tmp_path}", group="servers")
    assert status == 2, output
    assert f"tftp1: {tmp_path}/nowhere does not exist" in output
    assert f"tftp2: {root}\n" in output
    assert "TFTP host tftp3: cisco79xx_tftp_root is not set" in output
    assert "does not exist" in json.loads((tmp_path / "audit.json").read_text())["roots"]["tftp1"]["error"]


@pytest.mark.parametrize("arguments", [[], ["--limit", "phone"]])
def test_no_tftp_host(audit, tmp_path, arguments):
    status, output = audit({"tftp1": make_root(tmp_path / "tftp")}, *arguments, group="tftp_servers" if arguments else "others")
    assert status == 2
    assert "no TFTP host in the group tftp_servers" in output
    assert ("within --limit" in output) == bool(arguments)
