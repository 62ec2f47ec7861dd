# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin and the actions as people use them by hand: `ansible phones -m …`."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD

OLD = {"image": "P0S3-08-2-00"}
TELNET = {"ansible_connection": "voip.cisco79xx.telnet"}


@pytest.fixture
def ansible(site):
    """Makes a fleet and returns (site, function that runs `ansible` on a pattern of it)."""

    def make(phones):
        here = site([{**OLD, **phone, "inventory": {**TELNET, **phone.get("inventory", {})}} for phone in phones])
        return here, lambda pattern, module, *more: here.run(["ansible", pattern, "-i", str(here.inventory), "-m", module, *more])

    return make


def test_raw_commands(ansible):
    here, run = ansible([{}, {"faults": ["chatty"]}, {"prompt": "a>b"}])
    status, output = run("phones", "ansible.builtin.raw", "-a", "show register")
    assert status == 0, output
    assert output.count("LINE REGISTRATION TABLE") == 3

    status, output = run("phone0", "ansible.builtin.raw", "-a", "frobnicate")
    assert status == 2
    assert "frobnicate: Command not found." in output

    status, output = run("phone0", "ansible.builtin.raw", "-a", f"echo {PASSWORD}", "-vvv")
    assert "EXEC echo ********" in output
    assert not [line for line in output.splitlines() if PASSWORD in line and "'async_val'" not in line], "but for what Ansible shows itself"

    status, output = run("phone0", "ansible.builtin.raw", "-a", "reset", "-vvvvv")
    assert status == 0, output
    assert here.resets()["phone0"] == 1
    assert PASSWORD not in output


@pytest.mark.once
@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("wrong_password", "does not take the password"),
        ("telnet_off", "refuses telnet"),
        ("silent", "says nothing"),
        ("closes", "closed the connection"),
        ("endless", "talks without end"),
    ],
)
def test_a_phone_that_cannot_be_used_is_unreachable(ansible, fault, word):
    _here, run = ansible([{"faults": [fault], "inventory": {"ansible_telnet_login_timeout": 2}}])
    status, output = run("phone0", "ansible.builtin.raw", "-a", "show register", "-vvvvv")
    assert status == 4, output
    assert "UNREACHABLE" in output
    assert word in output
    assert PASSWORD not in output
    assert "Traceback" not in output


@pytest.mark.once
@pytest.mark.parametrize(
    ("module", "arguments"),
    [("ansible.builtin.copy", "content=x dest=/x"), ("ansible.builtin.fetch", "src=/x dest=x"), ("ansible.builtin.ping", "")],
)
def test_a_phone_has_no_files(ansible, module, arguments):
    _here, run = ansible([{}])
    status, output = run("phone0", module, "-a", arguments)
    assert status != 0
    assert "a phone has no file transfer" in output
    assert "Traceback" not in output


def test_actions_for_one_host_each(ansible):
    here, run = ansible([{}, {"image": "P0S3-06-3-00"}])
    status, output = run("phones", "voip.cisco79xx.phone_info")
    assert status == 0, output
    assert '"image": "P0S3-08-2-00"' in output
    assert '"image": "P0S3-06-3-00"' in output

    status, output = run("phones", "voip.cisco79xx.reset", "-a", "unless_image=P0S3-06-3-00", "--check")
    assert status == 0, output
    assert here.resets() == {"phone0": 0, "phone1": 0}
    assert "phone0 | CHANGED" in output
    assert "phone1 | SUCCESS" in output

    status, output = run("phones", "voip.cisco79xx.reset", "-a", "unless_image=P0S3-06-3-00")
    assert status == 0, output
    assert here.resets() == {"phone0": 1, "phone1": 0}

    status, output = run("phones", "voip.cisco79xx.wait_for_image", "-a", "image=P0S3-06-3-00 timeout=2")
    assert status == 2
    assert "phone1 | SUCCESS" in output
    assert "1 of 1 phones are not on P0S3-06-3-00" in output


def test_a_phone_that_does_not_tell_its_mac(ansible):
    here, run = ansible([{"faults": ["no_mac"]}])
    status, output = run("phones", "voip.cisco79xx.phone_info")
    assert status == 0, output
    assert '"kind": "unknown_mac"' in output
    for check in ("--check", "-v"):
        status, output = run("phones", "voip.cisco79xx.reset", check)
        assert status == 2
        assert "phone0 was not reset: names no MAC in its banner" in output
        status, output = run("phones", "voip.cisco79xx.reset", "-a", "unless_image=P0S3-08-2-00", check)
        assert status == 0, output
    assert here.resets() == {"phone0": 0}
    status, output = run("phones", "voip.cisco79xx.reset", "-a", "accept_unknown_mac=true")
    assert status == 0, output
    assert here.resets() == {"phone0": 1}


@pytest.mark.once
@pytest.mark.parametrize(
    ("module", "arguments", "word"),
    [
        ("voip.cisco79xx.wait_for_image", "image=POS3-06-3-00", "did you mean P0S3-06-3-00"),
        ("voip.cisco79xx.wait_for_image", "", "image"),
        ("voip.cisco79xx.wait_for_image", "image=P0S3-06-3-00 timeout=-1", "timeout"),
        ("voip.cisco79xx.phone_info", "max_sessions=0", "max_sessions is 0"),
        ("voip.cisco79xx.phone_info", "connect_timeout=0", "connect_timeout is 0"),
        ("voip.cisco79xx.phone_info", "phones=nobody", "nobody: no such host"),
        ("voip.cisco79xx.phone_info", "typo=1", "typo"),
    ],
)
def test_arguments_that_make_no_sense(ansible, module, arguments, word):
    _here, run = ansible([{}])
    status, output = run("phone0", module, "-a", arguments)
    assert status == 2
    assert word in output
    assert "Traceback" not in output
