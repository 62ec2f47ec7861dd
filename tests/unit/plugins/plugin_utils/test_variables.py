# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A variable that has no value, as Ansible itself reads it: which file is to be put right, and how."""

from __future__ import annotations

import sys

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import vars_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, phones
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._variables import why_unread

USES = "cisco79xx_password: '{{ vault_phone_password }}'\n"
UNDEFINED = "SEP000000000001, SEP000000000002: cisco79xx_password uses 'vault_phone_password', which is not defined"

VAULT = "put it into group_vars/phones/vault.yml (ansible-vault {} group_vars/phones/vault.yml), or correct its name"


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Why the two phones of an inventory with these files cannot be read. Paths are told as seen from its folder."""
    monkeypatch.chdir(tmp_path)
    reader = sys.modules[type(vars_loader.get("host_group_vars")).__module__]
    for memory in ("CANONICAL_PATHS", "FOUND", "NAK"):  # of ansible-core up to 2.19, for as long as its process lives
        getattr(reader, memory, set()).clear()

    def read(files):
        (tmp_path / "hosts.yml").write_text("phones: {hosts: {SEP000000000001: , SEP000000000002: }}\n")
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        loader = DataLoader()
        hosts = InventoryManager(loader, sources=[str(tmp_path / "hosts.yml")])
        hostvars = HostVars(hosts, VariableManager(loader, hosts), loader)
        with pytest.raises(InventoryError) as error:
            phones(hosts.get_groups_dict()["phones"], hostvars)
        return str(error.value)

    return read


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"group_vars/phones/main.yml": f"---\n{USES}"},
            f" (group_vars/phones/main.yml:2): {VAULT.format('create')}",
        ),
        (
            {"group_vars/phones/main.yml": USES, "group_vars/phones/vault.yml": "vault_password: x\n"},
            f" (group_vars/phones/main.yml:1): {VAULT.format('edit')}",
        ),
        (
            {"hosts.yml": f"phones:\n  hosts: {{SEP000000000001: , SEP000000000002: }}\n  vars:\n    {USES}"},
            f" (hosts.yml:4): {VAULT.format('create')}",
        ),
        (
            {"group_vars/phones.yml": USES},
            " (group_vars/phones.yml:1): correct its name, or put it into that file too, as ansible-vault encrypt_string --name "
            "vault_phone_password prints it",
        ),
    ],
)
def test_a_variable_that_is_not_there(refused, files, told):
    assert refused(files) == UNDEFINED + told


def test_a_password_that_is_no_template_is_not_shown(refused):
    told = refused({"group_vars/phones/main.yml": "cisco79xx_password: 'open {% sesame'\n"})
    assert told.endswith(
        "is no template that Ansible can read (group_vars/phones/main.yml:1): if it has {{ or {% in it that mean nothing, put "
        "!unsafe before it"
    )
    assert "sesame" not in told


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Attempting to decrypt but no vault secrets found.", "no vault password was given"),
        ("Decryption failed (no vault secrets were found that could decrypt).", "the vault password is not the one it was encrypted with"),
    ],
)
def test_a_value_that_is_not_decrypted(said, why):
    error = ValueError("Error rendering template.")
    error.__cause__ = ValueError(said)
    assert why_unread("cisco79xx_password", error) == (
        f"cisco79xx_password cannot be decrypted, as {why}: run it again with --ask-vault-pass, or --vault-password-file"
    )


def test_what_is_no_secret_belongs_into_no_vault():
    assert why_unread("waves", ValueError("'x' is undefined")) == "waves uses 'x', which is not defined: correct its name, or set it"
    assert why_unread("waves", ValueError("lookup\x1b[2J failed")) == "waves cannot be read: lookup failed"
