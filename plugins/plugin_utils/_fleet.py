# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phones of TFTP roots as hosts of an inventory: what their files tell them, and where they are. No secret is in it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils import _files
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.view import SIP_DEFAULT
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.findings import harmless
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.foresight import Foresight
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.loads import OTHER_MODEL
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.phones import LINE_PARTS, others, phones
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import PHONE_FILE, Root, RootError
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, first_some, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.settle import AddressFinding, settle
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import Place, read

WITHOUT_ADDRESS, OLD_ADDRESS, CONTRADICTIONS = "without_address", "with_old_address", "with_contradictions"
WITHOUT_SIP_FILE, OTHER_MODELS = "without_sip_file", "of_other_models"
"""Why phones are not among those that can be driven, as ends of the names of groups."""

MOST_AUDIT = 512 << 20
_MAC = re.compile("[0-9A-F]{12}")

Info = Mapping[str, Any]
Host = dict[str, Any]
"""`name`, `left_out_as` (empty, or one of the reasons above), `site`, `vars`: all that a cache has to keep."""


class FleetError(Exception):
    """Why there is no fleet: thing, cause, what to do."""


@dataclass(frozen=True)
class RootPhones:
    """The phones of one root, by MAC, as the audit tells them, and the faults of files that hide a phone or what all are told."""

    tftp_server: str
    phones: Mapping[str, Info]
    others: Mapping[str, Info]
    faults: Sequence[str] = ()


def of_root(path: str, tftp_server: str) -> RootPhones:
    """A root on this machine, or a copy of one. Raises FleetError."""
    try:
        root = Root(path)
        found = phones(root)
    except RootError as error:
        # What modules call tftp_root is a path here
        raise FleetError(f"roots: {str(error).replace('set tftp_root to', 'name')}") from None
    faults = _that_hide(((fault.file, fault.text) for fault in root.faults), found, bool(root.default))
    return RootPhones(tftp_server, found, others(Foresight(root), found), faults)


def of_audit(path: str) -> list[RootPhones]:
    """The roots in an audit.json, by the name that their TFTP host has in the inventory. Raises FleetError."""
    name = one_line(path, 200)
    again = "make it anew with: ansible-playbook voip.cisco79xx.audit -e report_dir=FOLDER"
    try:
        data = _files.read(os.path.realpath(path), MOST_AUDIT)[0]
        if data is None:
            raise FleetError(f"it has more than {MOST_AUDIT >> 20} MiB, which no audit has")
        return [_root_of_audit(host, root) for host, root in json.loads(data)["roots"].items()]
    except OSError as error:
        raise FleetError(f"{name} cannot be read ({_files.cause(error)}): name the audit.json that the audit saved, or {again}") from None
    except json.JSONDecodeError as error:
        raise FleetError(f"{name}:{error.lineno} is no JSON ({error.msg}): {again}") from None
    except FleetError as error:
        raise FleetError(f"{name}: {error}: {again}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FleetError(f"{name} is not what an audit saves: {again}") from None


def _root_of_audit(host: str, root: Info) -> RootPhones:
    """Raises FleetError, and others if that is no root of an audit."""
    if not host.isprintable():
        raise ValueError
    if "error" in root:
        raise FleetError(f"the root of {host} could not be read by that audit ({one_line(root['error'], 300)})")
    if "phones" in root and "others" not in root:
        raise FleetError(f"the audit of {host} is of an older release, which told less of each phone")
    found = {_mac(mac): _phone_info(phone) for mac, phone in root["phones"].items()}
    rest = {_mac(mac): {"file": _text(one["file"]), "kind": _text(one["kind"])} for mac, one in root["others"].items()}
    faults = _that_hide(((str(fault["file"]), str(fault["text"])) for fault in root["faults"]), found, bool(root["default"]))
    return RootPhones(host, found, rest, faults)


def _that_hide(faults: Iterable[tuple[str, str]], found: Collection[str], with_default: bool) -> list[str]:
    """Of faults of a root (name of a file, text), as sentences, those that hide a phone which was not found, or what all are told.

    `with_default`: whether SIPDefault.cnf could be read.
    """
    told = []
    for file, text in faults:
        name = os.path.basename(file).upper()
        if name == SIP_DEFAULT.upper():
            hides = not with_default or text.startswith("tftp_cfg_dir ")
        else:  # a misnamed file is told with the name that it should have
            hides = name.startswith("SIP") and any(mac not in found for mac in PHONE_FILE.findall(f"{file} {text}"))
        if hides:
            told.append(f"{harmless(file)} {one_line(text, 300)}")
    return list(dict.fromkeys(told))


def _phone_info(phone: Info) -> Info:
    level = phone["effective_telnet_level"]
    if level not in (0, 1, 2) or not isinstance(phone["file"], str):
        raise ValueError
    lines = [{"line": int(line["line"]), **{part: _text(line[part]) for part in LINE_PARTS}} for line in phone["lines"]]
    texts = {key: _text(phone[key]) for key in ("file", "loads_file", "effective_image", "label")}
    return {**texts, "effective_telnet_level": int(level), "lines": lines}


def _mac(text: str) -> str:
    if not _MAC.fullmatch(text):
        raise ValueError
    return text


def _text(value: str | None) -> str | None:
    return None if value is None else harmless(value)


def hosts(roots: Sequence[RootPhones], places: Iterable[Place], now: float, warn: Callable[[str], None]) -> list[Host]:
    """All phones of these roots, none left out, each with what is known of it. Raises FleetError, SourceError.

    `places`: where addresses are looked for. `now`: in seconds since 1970. `warn`: takes a sentence for people.
    """
    twice = [name for name, times in Counter(root.tftp_server for root in roots).items() if times > 1]
    if twice:
        raise FleetError(f"roots: {one_line(twice[0], 100)} is there twice: leave one of them out")
    for root in roots:
        if root.faults:
            where = f"the root of {one_line(root.tftp_server, 100)}" if root.tftp_server else "the root"
            warn(f"{where}: {'; '.join(first_some(list(root.faults), 5))}")
    homes: dict[str, list[RootPhones]] = {}
    for root in roots:
        for mac in root.phones:
            homes.setdefault(mac, []).append(root)
    other_homes = {mac: root for root in reversed(roots) for mac in root.others if mac not in homes}
    macs = {*homes, *other_homes}
    names = cache(partial(_names, homes))
    found = settle(macs, [(place.name, read(place, macs, names, now, warn)) for place in places])
    made = [_phone(mac, at, found[mac]) for mac, at in homes.items()]
    made += [_other(mac, root, found[mac]) for mac, root in other_homes.items()]
    for reason, those in ((CONTRADICTIONS, "with contradictions"), (OLD_ADDRESS, "with an address that may be old")):
        told = [f"{host['name']} {host['vars']['cisco79xx_left_out']}" for host in made if host["left_out_as"] == reason]
        if told:
            warn(f"{count(told)} {those}: {'; '.join(first_some(told, 3))}")
    return made


def _names(homes: Mapping[str, Sequence[RootPhones]]) -> dict[str, str]:
    """The names by which a telephone system may know a phone, in lower case: those that belong to one phone only."""
    owners: dict[str, set[str]] = {}
    for mac, (root, *_more) in homes.items():
        lines = (line[part] for line in root.phones[mac]["lines"] for part in ("name", "authname"))
        for name in (mac, f"SEP{mac}", *filter(None, lines)):
            owners.setdefault(name.lower(), set()).add(mac)
    return {name: min(macs) for name, macs in owners.items() if len(macs) == 1}


def _phone(mac: str, at: Sequence[RootPhones], found: AddressFinding) -> Host:
    host = _host(mac, at[0].tftp_server, found, at[0].phones[mac])
    servers = sorted({root.tftp_server for root in at})
    if len(servers) > 1:
        del host["vars"]["cisco79xx_tftp_server"]
        host["site"] = ""
        fault = f"has files in the roots of {' and '.join(servers)}: keep them in that of its own TFTP server"
        return _left_out(host, CONTRADICTIONS, fault)
    if found.doubt:  # somebody else may have that address by now, and would be sent the password
        return _left_out(host, OLD_ADDRESS, f"may have left {found.address}: {found.doubt}")
    return host


def _other(mac: str, root: RootPhones, found: AddressFinding) -> Host:
    """A phone without a SIP<MAC>.cnf."""
    one = root.others[mac]
    host = _host(mac, root.tftp_server, found, one)
    if one["kind"] == OTHER_MODEL:
        return _left_out(host, OTHER_MODELS, f"is of another model, by {one['file']}")
    return _left_out(host, WITHOUT_SIP_FILE, f"has no SIP{mac}.cnf, by {one['file']}")


def _host(mac: str, tftp_server: str, found: AddressFinding, info: Info) -> Host:
    """A phone that can be driven if its address is known. All phones have the same variables but those of addresses and TFTP hosts."""
    variables: dict[str, Any] = {
        "cisco79xx_mac": mac,
        "cisco79xx_label": info.get("label"),
        "cisco79xx_lines": info.get("lines", []),
        "cisco79xx_told_image": info.get("effective_image"),
        "cisco79xx_told_telnet_level": info.get("effective_telnet_level"),
        "cisco79xx_files": [file for file in (info["file"], info.get("loads_file")) if file],
    }
    if tftp_server:
        variables["cisco79xx_tftp_server"] = tftp_server
    host = {"name": f"SEP{mac}", "left_out_as": "", "site": tftp_server, "vars": variables}
    if not found.address:
        reason = CONTRADICTIONS if found.contradiction else WITHOUT_ADDRESS
        return _left_out(host, reason, found.fault or "no source has an address of it")
    variables["ansible_host"] = found.address
    variables["cisco79xx_address_source"] = found.source
    variables["cisco79xx_address_time"] = found.time
    if found.doubt:
        variables["cisco79xx_address_doubt"] = found.doubt
    return host


def _left_out(host: Host, reason: str, why: str) -> Host:
    """That host, as one that cannot be driven."""
    host["left_out_as"] = reason
    host["vars"]["cisco79xx_left_out"] = why
    return host
