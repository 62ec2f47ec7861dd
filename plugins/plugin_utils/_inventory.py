# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From Ansible's variables to phones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac as macs
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import first_some, quote
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

TELNET_PORT = 23


class InventoryError(Exception):
    """What is wrong with the phones of an inventory, all of it in one text."""


def phones(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], to_log_in: bool = True) -> list[Phone]:
    """The phones of these inventory names. Without `to_log_in` they need no password.

    Raises InventoryError: nothing of the run should start then.
    """
    ready: list[Phone] = []
    faults: list[str] = []
    for name in names:
        try:
            ready.append(_phone(name, hostvars, to_log_in))
        except InventoryError as error:
            faults.append(str(error))
    faults += _shared(ready, "MAC", lambda phone: phone.mac)
    faults += _shared(ready, "address", lambda phone: f"{phone.host}:{phone.port}")
    if faults:
        raise InventoryError("; ".join(first_some(faults)))
    return ready


def logins(phones: Sequence[Phone]) -> dict[str, dict[str, Any]]:
    """What `restore` needs to make these phones again: their fields by name, and instead of the password the name of the first phone with
    the same one (`password_of`)."""
    owners: dict[str, str] = {}
    return {
        phone.name: {
            "host": phone.host,
            "port": phone.port,
            "mac": phone.mac,
            "hold": phone.hold,
            "tftp_host": phone.tftp_host,
            "accept_unknown_mac": phone.accept_unknown_mac,
            "password_of": owners.setdefault(phone.password, phone.name),
        }
        for phone in phones
    }


def restore(names: Iterable[str], logins: Mapping[str, Mapping[str, Any]], hostvars: Mapping[str, Mapping[str, Any]]) -> list[Phone]:
    """The phones that `logins` was made of, for the price of reading each password once. Raises InventoryError."""
    facts = {name: dict(logins[name]) for name in names}
    owners = {name: one.pop("password_of") for name, one in facts.items()}
    passwords = {phone.name: phone.password for phone in phones(dict.fromkeys(owners.values()), hostvars)}
    return [Phone(name, password=passwords[owners[name]], **one) for name, one in facts.items()]


def with_old_password(phones: Iterable[Phone], hostvars: Mapping[str, Mapping[str, Any]]) -> list[Phone]:
    """Those of these phones that have a `cisco79xx_old_password`, with that instead of their password. Raises InventoryError."""
    old = {phone.name: _secret(phone.name, hostvars[phone.name], "cisco79xx_old_password") for phone in phones}
    return [replace(phone, password=old[phone.name]) for phone in phones if old[phone.name]]


def flag(variables: Mapping[str, Any], name: str) -> bool:
    """Whether that variable of a host is true; not if it has none, or an empty one. Raises ValueError, which names the variable."""
    value = variables.get(name)
    if value in (None, ""):
        return False
    try:
        return bool(boolean(value))
    except TypeError:
        raise ValueError(f"{name} is {quote(str(value))}: it is true or false") from None


def _secret(name: str, variables: Mapping[str, Any], *variants: str) -> str:
    """The first of these variables of a host that is set, or an empty text. Raises InventoryError."""
    try:
        # A password read from a file often ends in a line feed that is not part of it
        return next((text for variant in variants if (text := str(variables.get(variant) or "").rstrip("\r\n"))), "")
    except Exception as error:  # it cannot be templated or decrypted
        raise InventoryError(f"{name}: its variables cannot be read: {error}") from None


def _phone(name: str, hostvars: Mapping[str, Mapping[str, Any]], to_log_in: bool) -> Phone:
    if name not in hostvars:
        raise InventoryError(f"{name}: no such host in the inventory")
    variables = hostvars[name]
    password = _secret(name, variables, "cisco79xx_password", "ansible_password")
    try:
        port = _port(variables.get("ansible_port"))
        own_mac = variables.get("cisco79xx_mac")
        mac = macs.parse(str(own_mac)) if own_mac else macs.find(name)
        hold = flag(variables, "hold")
        accept_mac = flag(variables, "cisco79xx_accept_unknown_mac")
        tftp_host = str(variables.get("cisco79xx_tftp_server") or "")
    except (ValueError, TypeError) as error:
        raise InventoryError(f"{name}: {error}") from None
    except Exception as error:  # a variable that cannot be templated or decrypted
        raise InventoryError(f"{name}: its variables cannot be read: {error}") from None
    if to_log_in and not password:
        raise InventoryError(f"{name}: no password; set cisco79xx_password (or ansible_password) to its phone_password (vault it)")
    return Phone(name, str(variables.get("ansible_host") or name), port, password, mac, hold, tftp_host, accept_mac)


def _port(value: object) -> int:
    text = str(TELNET_PORT if value in (None, "") else value)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError(f"ansible_port is {text!r}, which is no port: it takes a number from 1 to 65535")
    return int(text)


def _shared(ready: list[Phone], what: str, key: Any) -> list[str]:
    owners: dict[str, list[str]] = {}
    for phone in ready:
        value = key(phone)
        if value:
            owners.setdefault(value, []).append(phone.name)
    return [f"{' and '.join(names)} have one {what}, {value}" for value, names in owners.items() if len(names) > 1]
