# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook audit: a table for people, JSON for tools, an exit status for scripts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.simulator.netns import listens
from ansible_collections.voip.cisco79xx.tests.simulator.site import TREE, embedded

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
    """Runs the playbook over these roots (host → path, or None for a host without one): (exit status, output). `served`: variables that say
    where a TFTP server is; without, none is asked."""

    def play(roots, *arguments, group="tftp_servers", served=None):
        asked = {"cisco79xx_verify_tftp": False} if served is None else served
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **asked}
        hosts = {name: {**local, **({"cisco79xx_tftp_root": str(path)} if path else {})} for name, path in roots.items()}
        inventory = {group: {"hosts": hosts}, "phones": {"hosts": {"phone": {"cisco79xx_password": "hunter2"}}}}
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
        assert "  TFTP server   not asked\n" in output
        assert "  faults        none\n" in output
    assert sorted((path.name, path.stat().st_mtime_ns) for path in root.iterdir()) == before
    assert not list(tmp_path.glob("**/audit.json"))


@pytest.fixture
def server(tmp_path):
    """A TFTP server of a folder, as the variables of its host."""
    with ExitStack() as stack:

        def start(folder):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            process = subprocess.Popen(embedded(folder, port), env={**os.environ, "PYTHONPATH": str(TREE)}, stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            until = time.monotonic() + 20
            while not listens(port):
                assert time.monotonic() < until
                time.sleep(0.02)
            return {"cisco79xx_tftp_address": "127.0.0.1", "cisco79xx_tftp_port": port}

        yield start


def test_what_the_server_hands_out(audit, server, tmp_path):
    root = make_root(tmp_path / "tftp")
    served = server(root)
    status, output = audit({"tftp1": root}, "--check", "-e", "strict=true", "-e", f"report_dir={tmp_path}", served=served)
    assert status == 0, output
    assert (
        f"  TFTP server   127.0.0.1 port {served['cisco79xx_tftp_port']}: 5 of 5 files came as on the disk (SIPDefault.cnf, OS79XX.TXT, "
        in output
    )
    told = json.loads((tmp_path / "audit.json").read_text())["roots"]["tftp1"]["served"]
    assert (told["asked"], told["faults"], told["warning"]) == (list(told["same"]), [], "")
    assert f"{IMAGE}.sb2" in told["asked"]

    (root / "OS79XX.TXT").rename(root / "other")
    other = make_root(tmp_path / "other root")
    status, output = audit({"tftp1": other}, "-e", "strict=true", served=served)
    assert status == 2, output
    assert "OS79XX.TXT  is not handed out: the TFTP server at 127.0.0.1 port" in output
    assert "tftp1: faults: 1, as told above" in output
    assert audit({"tftp1": other}, "-e", "strict=true", "-e", "verify_tftp=false", served=served)[0] == 0


def test_no_server_is_a_fault(audit, tmp_path):
    root = make_root(tmp_path / "tftp")
    status, output = audit({"tftp1": root}, served={"cisco79xx_tftp_address": "127.0.0.1", "cisco79xx_tftp_port": 1})
    assert status == 0, output
    assert "  TFTP server   no answer: 0 of 5 files came as on the disk (SIPDefault.cnf, OS79XX.TXT, " in output
    assert "the TFTP server at 127.0.0.1 port 1 does not answer (Connection refused): start it" in output
    status, output = audit({"tftp1": root}, served={"cisco79xx_tftp_port": 70000})
    assert status == 2
    assert "tftp1: cisco79xx_tftp_port is 70000, which is no port" in output


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
    assert list(report) == ["roots", "inventory"]
    assert report["roots"]["tftp1"]["summary"]["faults"] == 31
    assert not {"changed", "failed", "invocation"} & set(report["roots"]["tftp1"])

    status, output = audit({"tftp1": root}, "-e", "strict=true")
    assert status == 2
    assert "tftp1: faults: 31, as told above" in output


def test_a_root_that_cannot_be_read_does_not_hide_another(audit, tmp_path):
    root = make_root(tmp_path / "tftp")
    roots = {"tftp1": tmp_path / "nowhere", "tftp2": root, "tftp3": None}
    status, output = audit(roots, "--check", "-e", "tftp_group=servers", "-e", f"report_dir={tmp_path}", group="servers")
    assert status == 2, output
    assert f"tftp1: {tmp_path}/nowhere does not exist" in output
    assert f"tftp2: {root}\n" in output
    assert output.count("tftp3: cisco79xx_tftp_root is not set") == 1
    assert "tftp1: its root was not audited, as told above" in output
    assert "does not exist" in json.loads((tmp_path / "audit.json").read_text())["roots"]["tftp1"]["error"]


@pytest.mark.parametrize("arguments", [[], ["--limit", "phone"]])
def test_no_tftp_host(audit, tmp_path, arguments):
    status, output = audit({"tftp1": make_root(tmp_path / "tftp")}, *arguments, group="tftp_servers" if arguments else "others")
    assert status == 2
    assert "no TFTP host in the group tftp_servers" in output
    assert ("within --limit" in output) == bool(arguments)
