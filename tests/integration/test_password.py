# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phones' password is for the phones alone, whoever the inventory says it for."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD

pytestmark = pytest.mark.once

SSH = """#!/bin/sh
{ env; printf '%s\\n' "$@"; } >> "$(dirname "$0")/called"
exit 255
"""
"""In place of ssh: it keeps what it was called with. Ansible hands a password on by SSH_ASKPASS, or by sshpass, which calls it too."""


@pytest.mark.parametrize(("variable", "handed_on"), [("cisco79xx_password", False), ("ansible_password", True)])
def test_no_tftp_host_gets_the_password_of_the_phones(ansible_playbook, tmp_path, variable, handed_on):
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    tftp = {"ansible_host": "127.0.0.9", "ansible_ssh_executable": str(ssh), "cisco79xx_tftp_root": "/srv/tftp"}
    inventory = {
        "all": {"vars": {variable: PASSWORD}},
        "phones": {"hosts": {"first": {"ansible_host": "127.0.0.2", "ansible_port": 9}}},
        "tftp_servers": {"hosts": {"tftp1": {**tftp, "ansible_ssh_password_mechanism": "ssh_askpass"}}},
    }
    status, output = ansible_playbook("downgrade.yml", inventory, "-vvvvv", "-e", "image=P0S3-06-3-00")
    assert status and "TFTP host tftp1 cannot be reached" in output
    called = (tmp_path / "called").read_text()
    assert ("SSH_ASKPASS=" in called) == handed_on, "as a password for all hosts would be"
    assert PASSWORD not in called and PASSWORD not in output


def test_what_the_phones_refuse_is_told_with_the_name_to_set(site):
    here = site([{"image": "P0S3-08-2-00"}, {"image": "P0S3-08-2-00", "inventory": {"cisco79xx_password": "not that"}}])
    run = here.play("downgrade", "--check", "-vvvvv")
    assert run.status
    assert run.statuses() == {"phone0": "planned", "phone1": "failed"}, "that goes before ansible_password"
    assert "set cisco79xx_password" in run.report["phones"]["phone1"]["reason"] + run.report["phones"]["phone1"]["advice"]
    assert PASSWORD not in run.output and "not that" not in run.output
