# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that come after a run: in the words that were typed, and without what may be secret."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from ansible import context
from ansible.cli.playbook import PlaybookCLI
from ansible.module_utils.common.collections import ImmutableDict
from ansible.utils.context_objects import CLIArgs

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.commands import after

RUN = "20261127T190325-61"
PLAYBOOKS = Path(__file__).parents[5] / "playbooks"


@pytest.fixture
def typed(monkeypatch, tmp_path):
    """The commands after a run that was started so."""
    monkeypatch.chdir(tmp_path)
    # Ansible lets nobody set it twice
    monkeypatch.setattr(context, "_init_global_context", lambda given: monkeypatch.setattr(context, "CLIARGS", CLIArgs.from_options(given)))

    def commands(line, check=False):
        PlaybookCLI(["ansible-playbook", *shlex.split(line)]).parse()
        return after(check, f" -e run={RUN}")

    return commands


def test_all_is_as_it_was_typed(typed):
    assert typed("voip.cisco79xx.downgrade -i inventory.yml -e image=P0S3-06-3-00 -e @more.yml -l 'a,&b' -K -f 9") == {
        "go_on": "ansible-playbook voip.cisco79xx.downgrade -i inventory.yml -l 'a,&b' -f 9 -K -e image=P0S3-06-3-00 -e @more.yml",
        "diagnose": "ansible-playbook voip.cisco79xx.diagnose -i inventory.yml -l 'a,&b' -f 9 -K -e @more.yml",
        # which takes no --limit
        "rollback": "ansible-playbook voip.cisco79xx.rollback -i inventory.yml -f 9 -K -e @more.yml -e run=20261127T190325-61",
    }


def test_a_dry_run_is_followed_by_the_run(typed):
    assert typed("voip.cisco79xx.rollout --check -e image=P0S3-06-3-00", check=True) == {
        "go_on": "ansible-playbook voip.cisco79xx.rollout -e image=P0S3-06-3-00"
    }


def test_a_playbook_beside_is_named_by_its_path(typed, tmp_path):
    (tmp_path / "ours").symlink_to(PLAYBOOKS)
    assert typed("ours/downgrade.yml -e tftp_group=servers")["diagnose"] == "ansible-playbook ours/diagnose.yml -e tftp_group=servers"
    (tmp_path / "rollback.yml").touch()
    undo = typed("own.yml -e tftp_group=servers")["rollback"]
    assert undo.startswith("ansible-playbook voip.cisco79xx.rollback -e tftp_group=servers "), "that beside is somebody else's"


def test_who_goes_on_begins_nothing_again(typed):
    again = typed("first.yml second.yml -e fresh=true -e take_over=true -e image=P0S3-06-3-00 --private-key /k -T 30")
    assert again["go_on"] == "ansible-playbook first.yml second.yml -T 30 --private-key /k -e image=P0S3-06-3-00"
    dry = typed("first.yml -e fresh=true --check", check=True)
    assert dry["go_on"] == "ansible-playbook first.yml -e fresh=true"


@pytest.mark.parametrize("hostile", ["zz\x1b[", "a\nb", "\u202ezz", "\x9bm"])
def test_a_word_that_cannot_be_shown_is_left_out_and_quotes_stay(typed, hostile):
    command = typed(shlex.join(["x.yml", "-l", hostile, "-e", f"report_dir=r$(>owned){hostile}"]))["go_on"]
    assert command.isprintable() and command == shlex.join(shlex.split(command)), "all is in quotes that needs them"
    assert shlex.split(command)[:4] == ["ansible-playbook", "x.yml", "-l", "…"]


@pytest.mark.parametrize(
    "given",
    [
        "cisco79xx_password=hush",
        "'ansible_password=hush image=P0S3-06-3-00'",
        """'{"cisco79xx_password": "hush", "image": "P0S3-06-3-00"}'""",
        """'{"other": {"image": "hush"}}'""",
        """'{"image": hush'""",
        """'["hush"]'""",
        "hush",
        "'image=\"hush'",
    ],
)
def test_what_may_be_secret_is_left_out(typed, given):
    for command in typed(f"x.yml -i inventory.yml -e {given}").values():
        assert "hush" not in command and command.startswith("ansible-playbook ")


def test_every_command_can_be_pasted(typed):
    """Whatever was typed: one line for a shell, which gives back what was typed."""
    commands = typed("""x.yml -i "my inventory.yml" -e '{"waves": [1, "50%"], "window": "it is;`late`"}'""")
    assert shlex.split(commands["go_on"]) == [
        "ansible-playbook",
        "x.yml",
        "-i",
        "my inventory.yml",
        "-e",
        '{"waves": [1, "50%"]}',
        "-e",
        '{"window": "it is;`late`"}',
    ]


def test_without_a_command_line_there_are_none(monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict())
    assert after(False, "") == {}
