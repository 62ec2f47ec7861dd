# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong before anything starts: one clear error that names it, nothing written, no phone reset."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.once

PHONE = {"image": "P0S3-08-2-00"}


def refused(here, *arguments, word, **more):
    before = here.digest() if here.root.is_dir() else None
    run = here.play("downgrade", *arguments, **more)
    assert run.status != 0, run.output
    assert word in run.output.replace("\\\\", "\\")
    assert "Traceback" not in run.output
    assert (here.digest() if here.root.is_dir() else None) == before
    assert not any(here.resets().values())
    return run


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (None, "no image was asked for"),
        ("POS3-06-3-00", "did you mean P0S3-06-3-00?"),
        ("P0S3-06-0-00", "P0S3-06-0-00.sbn"),
        ("P0S3-08-12-00", "P0S3-8-12-00"),
    ],
)
def test_images(site, image, word):
    refused(site([PHONE]), word=word, image=image)


def test_an_image_that_is_not_whole(site):
    here = site([PHONE])
    (here.root / "P0S3-06-3-00.sbn").unlink()
    refused(here, word="P0S3-06-3-00.sbn")
    assert here.play("downgrade", "--check", "-e", "verify_files=false").status == 0


def test_a_server_from_which_phones_do_not_get_the_image(site):
    here = site([PHONE])
    port = here.simulator.fleet["tftp"]["port"]
    where = {"cisco79xx_tftp_address": "127.0.0.1", "cisco79xx_tftp_port": port}
    here.write_inventory(**where)
    run = here.play("downgrade", "--check", "-e", "verify_tftp=true")
    assert run.status == 0, run.output
    assert f"TFTP server: 127.0.0.1 port {port}: 4 of 4 files came as on the disk (SIPDefault.cnf, OS79XX.TXT, " in run.output

    away = here.folder / "P0S3-06-3-00.sbn"
    (here.root / away.name).rename(away)
    (here.root / away.name).symlink_to(here.root / "real")
    away.rename(here.root / "real")
    run = refused(
        here, "-e", "verify_tftp=true", word="TFTP host tftp1: P0S3-06-3-00.sbn is not handed out: the TFTP server at 127.0.0.1 port"
    )
    assert "make the link relative" in json.dumps(run.report)
    assert not list((here.folder / "state").glob("**/*.json"))
    here.write_inventory(**where, cisco79xx_verify_tftp=True)
    refused(here, word="P0S3-06-3-00.sbn is not handed out")
    assert here.play("downgrade", "--check", "-e", "verify_tftp=false").status == 0
    here.write_inventory(**where | {"cisco79xx_tftp_port": 1}, cisco79xx_verify_tftp=True)
    refused(here, word="TFTP host tftp1: the TFTP server at 127.0.0.1 port 1 does not answer (Connection refused): start it")


def test_an_image_that_the_server_may_not_read(site):
    here = site([PHONE])
    (here.root / "P0S3-06-3-00.sbn").chmod(0o600)
    refused(here, word="P0S3-06-3-00.sbn")


def test_no_root(site):
    here = site([PHONE])
    here.write_inventory(cisco79xx_tftp_root=str(here.folder / "nowhere"))
    refused(here, word="nowhere")


def test_a_root_that_is_not_named(site):
    here = site([PHONE])
    here.inventory.write_text(here.inventory.read_text().replace("cisco79xx_tftp_root", "tftp_root"))
    refused(here, word="tftp1: cisco79xx_tftp_root is not set")


def test_no_tftp_host(site):
    here = site([PHONE])
    refused(here, "-e", "tftp_group=none", word="no TFTP host")


def test_a_tftp_host_that_cannot_be_reached(site):
    here = site([PHONE])
    here.write_inventory(ansible_connection="ssh", ansible_host="127.0.0.9", ansible_port=9)
    run = refused(here, word="TFTP host tftp1 cannot be reached")
    assert run.statuses() == {"phone0": "not_reached"}
    assert "tftp1" in run.report["rollout"]["error"]


def test_a_tftp_host_without_python(site):
    here = site([PHONE])
    here.write_inventory(ansible_python_interpreter="/bin/false")
    hint = "see that Python 3 runs there, with ansible_python_interpreter if it has another name"
    run = refused(here, word="TFTP host tftp1: ")
    assert hint in run.report["rollout"]["error"]
    assert hint in here.play("rollback", image=None).report["rollout"]["error"]


def test_a_root_that_cannot_be_written(site):
    here = site([PHONE])
    mount = ["mount", "--bind", "-o", "ro", str(here.root), str(here.root)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        refused(here, word=str(here.root))
    finally:
        subprocess.run(["umount", str(here.root)], check=True)


@pytest.mark.parametrize("name", ["SIP020e84000000.cnf", "sipdefault.cnf"])
def test_names_of_files_in_the_wrong_case(site, name):
    here = site([PHONE])
    (here.root / name).write_text("line1_name: 1\n")
    refused(here, word=name)


def test_names_of_files_that_no_phone_asks_for(site):
    names = ["SIP00124330BFB.cnf", "SIP0012433OBFB3.cnf", "SIP00124330BFBZ.cnf", "SIPmacaddress.cnf", "SIPDefault (2).cnf"]
    here = site([PHONE])
    for name in names:
        (here.root / name).write_text("line1_name: 1\n")
    run = here.play("downgrade", "--check")
    assert run.status == 0, run.output
    assert all(f"{name} is asked for by no phone" in run.output for name in names)


@pytest.mark.parametrize("beside", [True, False])
def test_a_lower_case_os79xx(site, beside):
    here = site([PHONE])
    (shutil.copy if beside else os.rename)(here.root / "OS79XX.TXT", here.root / "os79xx.txt")
    refused(here, word="os79xx.txt")


def test_a_link_that_leaves_the_root(site):
    here = site([{**PHONE, "cnf": None}])
    outside = here.folder / "outside.cnf"
    outside.write_text('image_version: "P0S3-08-2-00"\n')
    (here.root / f"SIP{here.phones[0]['mac']}.cnf").symlink_to(outside)
    refused(here, word=f"SIP{here.phones[0]['mac']}.cnf")
    assert "P0S3-08-2-00" in outside.read_text()


def test_no_phones(site):
    here = site([PHONE])
    refused(here, "-e", "phones_group=desks", word="no phone in the group desks")
    refused(here, "--limit", "tftp1", word="within --limit")


def test_phones_of_the_inventory(site):
    """Each is told once, and all of them in one sentence each: in the error, in the report, and by an audit beforehand."""
    seconds = [
        {"cisco79xx_mac": "02:0e:84:00:00:00"},
        {"ansible_host": "127.1.0.1"},
        {"ansible_password": ""},
        {"ansible_password": ""},
        {"cisco79xx_mac": "02:0e:84:00:00"},
        {"cisco79xx_password": "{{ vault_phone_password }}"},
        {"cisco79xx_tftp_server": "tftp9"},
    ]
    here = site([PHONE, *({**PHONE, "inventory": second} for second in seconds)])
    words = [
        "phone3, phone4: no password; set cisco79xx_password",
        "phone5: '02:0e:84:00:00' is no MAC address",
        "phone6: cisco79xx_password uses 'vault_phone_password', which is not defined (",
        "phone0 and phone1 have one MAC, 020E84000000",
        "phone0 and phone2 have one address, 127.1.0.1:",
        "TFTP host tftp9: no such host in the inventory, but it is cisco79xx_tftp_server of phone7: correct it to tftp1, or put",
    ]
    told = refused(here, word=words[0]).report["rollout"]["error"]
    assert all(told.count(word) == 1 for word in words), told
    shown = here.play("audit", "-e", "verify_tftp=false", image=None)
    assert shown.status == 0, shown.output
    assert all(shown.output.count(word) == 1 for word in words)
    audit = json.loads((here.report_dir / "audit.json").read_text())
    assert (audit["inventory"]["phones"], "; ".join(audit["inventory"]["faults"])) == (8, told)


@pytest.mark.parametrize(("extra", "word"), [('{"waves": [0]}', "is no wave"), ("wait_timeout=soon", "wait_timeout")])
def test_options_that_are_none(site, extra, word):
    """The others are tried without a playbook, in test_rules.py."""
    refused(site([PHONE]), "-e", extra, word=word)
