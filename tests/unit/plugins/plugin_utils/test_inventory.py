# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, logins, phones, restore

GOOD = {"ansible_host": "127.0.0.2", "ansible_password": "secret\n", "cisco79xx_mac": "00:0e:84:c0:60:a6"}


def test_a_phone_from_its_variables():
    (phone,) = phones(["desk"], {"desk": GOOD})
    assert (phone.name, phone.host, phone.port, phone.password, phone.mac) == ("desk", "127.0.0.2", 23, "secret", "000E84C060A6")


def test_defaults_come_from_the_name():
    (phone,) = phones(["SEP000E84C060A6"], {"SEP000E84C060A6": {"ansible_password": "secret", "ansible_port": "2323"}})
    assert (phone.host, phone.port, phone.mac) == ("SEP000E84C060A6", 2323, "000E84C060A6")


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ({"ansible_password": ""}, "b: no password"),
        ({"cisco79xx_mac": "xyz"}, "b: 'xyz' is no MAC address"),
        ({"ansible_port": "telnet"}, "b: ansible_port is 'telnet'"),
        ({"ansible_port": 99999}, "b: ansible_port is '99999'"),
        ({"cisco79xx_mac": "000E84C060A6"}, "a and b have one MAC, 000E84C060A6"),
        ({"ansible_host": "127.0.0.2"}, "a and b have one address, 127.0.0.2:23"),
    ],
)
def test_faults_name_the_phone(second, text):
    variables = {"a": GOOD, "b": {**GOOD, "ansible_host": "127.0.0.3", "cisco79xx_mac": "000E84C060A7", **second}}
    with pytest.raises(InventoryError) as caught:
        phones(variables, variables)
    assert text in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(InventoryError) as caught:
        phones(["a", "b", "c"], {"a": {}, "b": {**GOOD, "cisco79xx_mac": "1"}})
    assert [part.partition(":")[0] for part in str(caught.value).split("; ") if ": " in part] == ["a", "b", "c"]


def test_restored_phones_have_their_passwords_read_once_each():
    variables = {
        f"phone{number}": {"ansible_host": f"127.0.1.{number}", "ansible_password": "secret" if number % 2 else f"other-{number % 4}"}
        for number in range(1, 9)
    }
    found = phones(variables, variables)
    kept = json.loads(json.dumps(logins(found)))
    assert not any(password in json.dumps(kept) for password in ("secret", "other"))

    read = []

    class Watched(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            read.append(name)
            return super().__getitem__(name)

    assert restore(["phone3", "phone8", "phone5"], kept, Watched(variables)) == [found[2], found[7], found[4]]
    assert set(read) == {"phone1", "phone4"}


def test_thousands_of_phones_in_their_order():
    variables: dict[str, dict[str, Any]] = {
        f"phone{number}": {"ansible_host": f"127.0.{number // 250}.{number % 250}", "ansible_password": "secret"} for number in range(1001)
    }
    assert [phone.name for phone in phones(variables, variables)] == list(variables)
    variables["phone7"]["ansible_port"] = variables["phone990"]["ansible_port"] = "x"
    with pytest.raises(InventoryError, match=r"^phone7, phone990: ansible_port is "):
        phones(variables, variables)


def test_one_address_with_two_ports_is_two_phones():
    variables: dict[str, dict[str, Any]] = {"a": {**GOOD}, "b": {**GOOD, "ansible_port": 24, "cisco79xx_mac": None}}
    assert len(phones(variables, variables)) == 2
