# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of phones as a user sets them: from a play with a vault, looked at first, and taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SECRET, FORMER = "Zq7-secret-of-all", "Yp3-secret-of-one"
TASK = {
    "tftp_root": "{{ cisco79xx_tftp_root }}",
    "state_dir": "{{ cisco79xx_state_dir }}",
    "settings": {"telnet_level": 2},
    "secrets": {"phone_password": "{{ vault_phone_password }}"},
}


def files(here):
    return {path.name: path.read_bytes() for path in here.root.glob("SIP*.cnf")}


@pytest.fixture
def fleet(site, tmp_path):
    """A site with telnet off for one phone and another password for it, and a function that runs a play of phone_config there."""
    own = b'line1_name: "1001"\r\nTelnet_Level: "0"; off\r\nphone_password: "%s"\r\n' % FORMER.encode()
    here = site([{"image": OLD}, {"image": OLD, "cnf": own}])
    key, vault, play = tmp_path / "key", tmp_path / "vault.yml", tmp_path / "play.yml"
    key.write_text("a key\n")
    vault.write_text(yaml.safe_dump({"vault_phone_password": SECRET}))
    encrypt = [str(Path(sys.executable).parent / "ansible-vault"), "encrypt", "--vault-password-file", str(key), str(vault)]
    subprocess.run(encrypt, check=True, capture_output=True, env=here.environment())
    wanted = {name: TASK[name] for name in ("settings", "secrets")}
    phones = [{"mac": phone["mac"], **wanted} for phone in here.phones]

    def run(*arguments, **more):
        play.write_text(yaml.safe_dump([{"hosts": "tftp1", "gather_facts": False, "tasks": [task("voip.cisco79xx.phone_config", more)]}]))
        command = ["ansible-playbook", "-i", str(here.inventory), str(play), "-e", f"@{vault}", "--vault-password-file", str(key)]
        return here.run([*command, *arguments], environment={"ANSIBLE_DEBUG": "1"} if "-vvvvv" in arguments else None)

    def task(name, more):
        return {name: {**TASK, "phones": phones, **more}}

    return here, run


def test_it_is_shown_set_and_taken_back_and_no_secret_is_told(fleet):
    here, run = fleet
    before = files(here)
    status, shown = run("--check", "--diff")
    assert status == 0, shown
    assert files(here) == before
    assert all(line in shown for line in ('-Telnet_Level: "0"; off', '+Telnet_Level: "2"; off', '+phone_password: "******** (new)"')), shown
    status, output = run("--diff", "-vvvvv")
    assert status == 0, output[-3000:]
    _default, first, second = (files(here)[name] for name in ("SIPDefault.cnf", *sorted(set(before) - {"SIPDefault.cnf"})))
    assert first == before[f"SIP{here.phones[0]['mac']}.cnf"]
    assert second == b'line1_name: "1001"\r\nTelnet_Level: "2"; off\r\nphone_password: "%s"\r\n' % SECRET.encode()

    back = here.play("rollback", "--diff", image=None)
    assert back.status == 0, back.output
    assert files(here) == before
    assert set(here.resets().values()) == {0}
    assert set(back.statuses().values()) == {"already"}
    assert "(settings phone_password, telnet_level)" in back.output and "no phone moves" in back.output
    for told in shown, output, back.output:
        assert SECRET not in told and FORMER not in told


def test_a_rollback_of_settings_moves_nobody_in_the_middle_of_a_rollout(fleet):
    """The files name an image that a phone does not run yet, and which needs another loader than OS79XX.TXT names."""
    here, run = fleet
    waves = json.dumps({"waves": [1, "100%"], "pause_after": 1})
    assert here.play("downgrade", "-e", waves, image=NEW).report["rollout"]["paused_after"] == 1
    running, before = here.running(), files(here)
    assert run()[0] == 0
    here.simulator.set_faults("phone1", ["telnet_off"])
    back = here.play("rollback", image=None)
    assert back.status == 0, back.output
    assert (files(here), here.running()) == (before, running)
    assert "run " in back.output and f"to {NEW}: all phones" in back.output


def test_what_cannot_be_is_refused_before_anything_is_changed(fleet):
    here, run = fleet
    before = files(here)
    bad = {"settings": {"telnet_level": True, "image_version": NEW, "phone_password": FORMER}, "secrets": {"phone_password": "x" * 32}}
    status, output = run("-vvvvv", **bad)
    assert status == 2
    for text in (
        "telnet_level is true, which YAML makes of yes",
        "image_version is not for this module",
        "phone_password is a secret: put it under secrets",
        "phone_password has 32 characters: a phone takes 31 at most",
    ):
        assert f"SIPDefault.cnf: {text}" in output
    assert files(here) == before
    assert FORMER not in output
