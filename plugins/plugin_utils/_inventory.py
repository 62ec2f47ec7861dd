# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From Ansible's variables to phones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac as macs
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import first_some, list_some, plain, quote
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._variables import VariableError, value_of

TELNET_PORT = 23


class InventoryError(Exception):
    """What is wrong with the phones of an inventory, all of it in one text."""


def phones(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], to_log_in: bool = True) -> list[Phone]:
    """The phones of these inventory names. Without `to_log_in` they need no password.

    Raises InventoryError: nothing of the run should start then.
    """
    ready, faults = examine(names, hostvars, to_log_in)
    if faults:
        raise InventoryError("; ".join(first_some(faults)))
    return ready


def examine(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], to_log_in: bool = True) -> tuple[list[Phone], list[str]]:
    """As `phones`: those of which nothing is wrong by itself, and what is wrong, a sentence for each kind of fault."""
    ready: list[Phone] = []
    wrong: dict[str, list[str]] = {}
    for name in names:
        try:
            ready.append(_phone(name, hostvars, to_log_in))
        except InventoryError as error:
            wrong.setdefault(str(error), []).append(name)
    faults = [f"{some_names(those)}: {what}" for what, those in wrong.items()]
    faults += _shared(ready, "MAC", "cisco79xx_mac", lambda phone: phone.mac)
    faults += _shared(ready, "address", "ansible_host", lambda phone: f"{phone.host}:{phone.port}")
    return ready, faults


def some_names(names: Sequence[str], between_two: str = ", ") -> str:
    """Such as "a, b and 38 more", of many hosts that have one thing in common."""
    return between_two.join(map(plain, names)) if len(names) == 2 else list_some(map(plain, names), 3 if len(names) == 3 else 2)


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
    old: dict[str, str] = {}
    for phone in phones:
        try:
            old[phone.name] = _secret(hostvars[phone.name], "cisco79xx_old_password")
        except VariableError as error:
            raise InventoryError(f"{phone.name}: {error}") from None
    return [replace(phone, password=old[phone.name]) for phone in phones if old[phone.name]]


def flag(variables: Mapping[str, Any], name: str) -> bool:
    """Whether that variable of a host is true; not if it has none, or an empty one.

    Raises ValueError, which names the variable, and VariableError.
    """
    value = value_of(variables, name)
    if value in (None, ""):
        return False
    try:
        return bool(boolean(value))
    except TypeError:
        raise ValueError(f"{name} is {quote(str(value))}: it is true or false") from None


def _secret(variables: Mapping[str, Any], *variants: str) -> str:
    """The first of these variables of a host that is set, or an empty text. Raises VariableError."""
    # A password read from a file often ends in a line feed that is not part of it
    return next((text for variant in variants if (text := str(value_of(variables, variant) or "").rstrip("\r\n"))), "")


def _phone(name: str, hostvars: Mapping[str, Mapping[str, Any]], to_log_in: bool) -> Phone:
    """Raises InventoryError with what is wrong, to be put behind its name."""
    if name not in hostvars:
        raise InventoryError("no such host in the inventory")
    variables = hostvars[name]
    try:
        password = _secret(variables, "cisco79xx_password", "ansible_password") if to_log_in else ""
        port = _port(value_of(variables, "ansible_port"))
        own_mac = value_of(variables, "cisco79xx_mac")
        mac = macs.parse(str(own_mac)) if own_mac else macs.find(name)
        hold = flag(variables, "hold")
        accept_mac = flag(variables, "cisco79xx_accept_unknown_mac")
        tftp_host = str(value_of(variables, "cisco79xx_tftp_server") or "")
        host = value_of(variables, "ansible_host")
    except (ValueError, TypeError, VariableError) as error:
        raise InventoryError(str(error)) from None
    if host is not None and not str(host).strip():
        raise InventoryError("ansible_host is empty: set it to the phone's address, or leave it out if the host's name is one")
    if to_log_in and not password:
        raise InventoryError("no password; set cisco79xx_password (or ansible_password) to their phone_password, in a vault")
    return Phone(name, str(host or name), port, password, mac, hold, tftp_host, accept_mac)


def _port(value: object) -> int:
    text = str(TELNET_PORT if value in (None, "") else value)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError(f"ansible_port is {quote(text)}, which is no port: it takes a number from 1 to 65535")
    return int(text)


def _shared(ready: list[Phone], what: str, variable: str, key: Callable[[Phone], str | None]) -> list[str]:
    owners: dict[str, list[str]] = {}
    for phone in ready:
        value = key(phone)
        if value:
            owners.setdefault(value, []).append(phone.name)
    several = {value: names for value, names in owners.items() if len(names) > 1}
    return [f"{some_names(names, ' and ')} have one {what}, {value}: correct {variable}" for value, names in several.items()]
