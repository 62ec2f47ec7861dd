# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where options come from, as ansible-playbook tells: -e, import_playbook and the inventory. What counts is named when it is wrong."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.voip.cisco79xx.tests.integration.conftest import PLAYBOOKS

WRONG = "no\x1bwave"
"""A value that is refused with the name that it was given by."""


def inventory(tmp_path, phone=None, all_phones=None, server=None, everybody=None):
    """Two phones that nobody answers for, and a TFTP host."""
    (tmp_path / "root").mkdir(exist_ok=True)
    tftp = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "cisco79xx_tftp_root": str(tmp_path / "root")}
    first = {"ansible_host": "127.0.0.2", "cisco79xx_mac": "000E84C060A6", **(phone or {})}
    second = {"ansible_host": "127.0.0.3", "cisco79xx_mac": "000E84C060A7"}
    phones = {"ansible_port": 9, "cisco79xx_password": "x", **(all_phones or {})}
    return {
        "all": {"vars": everybody or {}},
        "phones": {"hosts": {"first": first, "second": second}, "vars": phones},
        "tftp_servers": {"hosts": {"tftp1": {**tftp, "cisco79xx_state_dir": str(tmp_path / "state"), **(server or {})}}},
    }


@pytest.fixture
def told(ansible_playbook, tmp_path):
    """What a dry run over such an inventory says is in the way."""

    def play(*arguments, playbook="downgrade.yml", image="P0S3-06-3-00", **variables):
        asked = ["-e", json.dumps({"report_dir": str(tmp_path / "report"), **({"image": image} if image else {})})]
        status, output = ansible_playbook(playbook, inventory(tmp_path, **variables), "--check", *asked, *arguments)
        assert status, output
        assert "Traceback" not in output and "\x1b" not in output
        report = tmp_path / "report" / "report.json"
        return json.loads(report.read_text())["rollout"]["error"], output

    return play


ONLY_THE_ROOT = "P0S3-06-3-00.sbn are missing"
"""What ends a run of which nothing else is wrong: here the root is empty."""


@pytest.mark.parametrize("name", ["waves", "cisco79xx_waves", "rollout_waves"])
def test_typed(told, name):
    error, _output = told("-e", json.dumps({name: WRONG}), all_phones={"cisco79xx_waves": 1, "waves": 1})
    assert error == f'{name}: \'no\\x1bwave\' is no wave; give counts from 1 or percentages from 1% to 100%, such as [1, "10%", "100%"]'


@pytest.mark.parametrize("who", ["all_phones", "server", "everybody"])
def test_in_the_inventory(told, who):
    error, output = told(**{who: {"waves": "none", "cisco79xx_waves": "0"}})
    assert error.startswith("cisco79xx_waves: 0 is no wave")
    where = {"all_phones": "first, second", "server": "tftp1", "everybody": "first, second, tftp1"}[who]
    if who != "server":
        assert ONLY_THE_ROOT in told(**{who: {"waves": "none"}})[0]
    assert output.count("WARNING]: waves in the inventory") == 1
    assert f"waves in the inventory ({where}) is ignored" in " ".join(output.split())


def test_for_one_phone(told):
    assert told(phone={"cisco79xx_force": True})[0] == (
        "cisco79xx_force is for the whole run, and differs in the inventory: it is 'True' for first; it is not set for second. "
        "Set it the same for all, or give -e force=…"
    )
    assert ONLY_THE_ROOT in told("-e", "force=false", phone={"cisco79xx_force": True})[0]


def test_what_was_typed_goes_before_the_inventory(told):
    assert ONLY_THE_ROOT in told("-e", "waves=1", everybody={"cisco79xx_waves": "none", "waves": "none"})[0]


def test_in_a_playbook_of_ones_own(told, tmp_path):
    own = tmp_path / "site.yml"
    variables: dict[str, str | int] = {"waves": "{{ sizes }}", "phones_group": "desks"}
    own.write_text(json.dumps([{"import_playbook": str(PLAYBOOKS / "downgrade.yml"), "vars": variables}]))
    assert told(playbook=str(own))[0].startswith("waves uses 'sizes', which is not defined")
    variables["waves"] = 1
    own.write_text(json.dumps([{"import_playbook": str(PLAYBOOKS / "downgrade.yml"), "vars": variables}]))
    assert told(playbook=str(own))[0].startswith("no phone in the group desks")
    variables = {"waves": "{{ sizes }}"}
    own.write_text(json.dumps([{"import_playbook": str(PLAYBOOKS / "downgrade.yml"), "vars": variables}]))
    error, output = told(playbook=str(own), all_phones={"sizes": "none", "waves": 1, "phones_group": "desks"})
    assert error.startswith("waves: 'none' is no wave"), "those of the play go before the inventory's, and may use what is there"
    assert "WARNING]: waves in the inventory" not in output and "phones_group in the inventory (first, second) is ignored" in " ".join(
        output.split()
    )
    assert told("-e", "waves=never", playbook=str(own), all_phones={"sizes": 1})[0].startswith("waves: 'never' is no wave")


@pytest.mark.once
def test_one_option_under_two_names(told):
    assert told("-e", "cisco79xx_image=P0S3-8-12-00")[0] == "image and cisco79xx_image are both given, and are one option: leave one out"


@pytest.mark.once
def test_types_are_told_before_anything_else_and_all_at_once(told):
    error, _output = told("-e", "wait_timeout=soon", "-e", "forse=1", image="POS3-06-3-00", everybody={"cisco79xx_progress": "perhaps"})
    assert error == (
        "there is no option forse: did you mean force? Nothing was done; cisco79xx_progress is 'perhaps': it is true or false; "
        "wait_timeout is 'soon': it is a whole number"
    )


@pytest.mark.once
@pytest.mark.parametrize(
    ("variables", "told_of"),
    [
        ({"phone": {"hold": "ja"}}, "first: hold is 'ja': it is true or false"),
        ({"phone": {"cisco79xx_accept_unknown_mac": "ja"}}, "first: cisco79xx_accept_unknown_mac is 'ja': it is true or false"),
        ({"server": {"cisco79xx_verify_tftp": "ja"}}, "TFTP host tftp1: cisco79xx_verify_tftp is 'ja': it is true or false"),
    ],
)
def test_what_is_no_boolean(told, variables, told_of):
    assert told(**variables)[0] == told_of


@pytest.mark.once
def test_a_phone_outside_of_the_run_whose_hold_is_no_boolean(told):
    assert told("--limit", "second", phone={"hold": "ja"})[0] == "first: hold is 'ja': it is true or false"


def test_names_that_are_nearly_ours(told):
    assert told("-e", "wave=1")[0] == "there is no option wave: did you mean waves? Nothing was done"
    assert ONLY_THE_ROOT in told("-e", "wave=1", everybody={"note": "{{ wave }}"})[0], "the inventory uses it"
    assert ONLY_THE_ROOT in told("-e", "wave=1", server={"wave": 7})[0]
    assert ONLY_THE_ROOT in told("-e", "awx_wave=1", "-e", "colour=red", "-e", "ansible_forks=2")[0]
