# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phones of TFTP roots as hosts of an inventory: what their files tell them, and where they are. No secret is in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils import _files
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.findings import harmless
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.foresight import Foresight
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.loads import OTHER_MODEL
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.phones import LINE_PARTS, others, phones
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import PHONE_FILE, Root, RootError
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, first_some, list_some, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.settle import Found, settle
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import Place, read

WITHOUT_ADDRESS, CONTRADICTIONS = "without_address", "with_contradictions"
WITHOUT_SIP_FILE, OTHER_MODELS = "without_sip_file", "of_other_models"
"""Why phones are not among those that can be driven, as ends of the names of groups."""

MOST_AUDIT = 512 << 20
_MAC = re.compile("[0-9A-F]{12}")

Info = Mapping[str, Any]
Host = dict[str, Any]
"""`name`, `apart` (empty, or one of the reasons above), `site`, `vars`: all that a cache has to keep."""


class FleetError(Exception):
    """Why there is no fleet: thing, cause, what to do."""


@dataclass(frozen=True)
class Site:
    """The phones of one root, by MAC, as the audit tells them, and the faults of files that hide a phone."""

    tftp_server: str
    phones: Mapping[str, Info]
    others: Mapping[str, Info]
    faults: Sequence[str] = ()


def of_root(path: str, tftp_server: str) -> Site:
    """A root on this machine, or a copy of one. Raises FleetError."""
    try:
        root = Root(path)
        found = phones(root)
    except RootError as error:
        raise FleetError(f"roots: {error}") from None
    return Site(tftp_server, found, others(Foresight(root), found), [str(fault) for fault in root.faults])


def of_audit(path: str) -> list[Site]:
    """The roots in an audit.json, by the name that their TFTP host has in the inventory. Raises FleetError."""
    name = one_line(path, 200)
    again = "make it anew with: ansible-playbook voip.cisco79xx.audit -e report_dir=FOLDER"
    try:
        data = _files.read(os.path.realpath(path), MOST_AUDIT)[0]
        roots = json.loads(data or b"")["roots"]
        sites = [_audited(host, root) for host, root in roots.items()]
    except OSError as error:
        raise FleetError(f"{name} cannot be read ({_files.cause(error)}): name the audit.json that the audit saved, or {again}") from None
    except json.JSONDecodeError as error:
        raise FleetError(f"{name}:{error.lineno} is no JSON ({error.msg}): {again}") from None
    except FleetError as error:
        raise FleetError(f"{name}: {error}: {again}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FleetError(f"{name} is not what an audit saves: {again}") from None
    return sites


def _audited(host: str, root: Info) -> Site:
    """Raises FleetError, and others if that is no root of an audit."""
    if not host.isprintable():
        raise ValueError
    if "error" in root:
        raise FleetError(f"the root of {host} could not be read by that audit ({one_line(root['error'], 300)})")
    if "phones" in root and "others" not in root:
        raise FleetError(f"the audit of {host} is of an older release, which told less of each phone")
    found = {_mac(mac): _told(phone) for mac, phone in root["phones"].items()}
    rest = {_mac(mac): {"file": _text(one["file"]), "kind": _text(one["kind"])} for mac, one in root["others"].items()}
    faults = [(str(fault["file"]), fault["text"]) for fault in root["faults"]]
    files = {name: PHONE_FILE.fullmatch(os.path.basename(name)) for name, _fault in faults}
    hidden = [name for name, match in files.items() if match and match.group(1) not in found]
    return Site(host, found, rest, [f"{harmless(name)} {one_line(text, 300)}" for name, text in faults if name in hidden])


def _told(phone: Info) -> Info:
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


def hosts(sites: Sequence[Site], places: Iterable[Place], now: float, warn: Callable[[str], None]) -> list[Host]:
    """All phones of these sites, none left out, each with what is known of it. Raises SourceError.

    `places`: where addresses are looked for. `now`: in seconds since 1970. `warn`: takes a sentence for people.
    """
    for site in sites:
        if site.faults:
            where = f"the root of {one_line(site.tftp_server, 100)}" if site.tftp_server else "the root"
            warn(f"{where}: {'; '.join(first_some(list(site.faults), 5))}")
    homes: dict[str, list[Site]] = {}
    for site in sites:
        for mac in site.phones:
            homes.setdefault(mac, []).append(site)
    neighbours = {mac: site for site in reversed(sites) for mac in site.others if mac not in homes}
    macs = {*homes, *neighbours}
    names = cache(partial(_names, homes))
    found = settle(macs, [(place.name, read(place, macs, names, now, warn)) for place in places])
    made = [_phone(mac, at, found[mac]) for mac, at in homes.items()]
    made += [_neighbour(mac, site, found[mac]) for mac, site in neighbours.items()]
    _warn_of(made, found, warn)
    return made


def _names(homes: Mapping[str, Sequence[Site]]) -> dict[str, str]:
    """The names by which a telephone system may know a phone, in lower case: those that belong to one phone only."""
    owners: dict[str, set[str]] = {}
    for mac, (site, *_more) in homes.items():
        lines = (line[part] for line in site.phones[mac]["lines"] for part in ("name", "authname"))
        for name in (mac, f"SEP{mac}", *filter(None, lines)):
            owners.setdefault(name.lower(), set()).add(mac)
    return {name: min(macs) for name, macs in owners.items() if len(macs) == 1}


def _phone(mac: str, at: Sequence[Site], found: Found) -> Host:
    host = _host(mac, at[0].tftp_server, found, at[0].phones[mac])
    servers = sorted({site.tftp_server for site in at})
    if len(servers) > 1:
        fault = f"has files in the roots of {' and '.join(servers)}: keep them in that of its own TFTP server"
        host["vars"].pop("cisco79xx_tftp_server", None)
        host.update(site="", apart=CONTRADICTIONS)
        host["vars"]["cisco79xx_left_out"] = fault
    return host


def _neighbour(mac: str, site: Site, found: Found) -> Host:
    one = site.others[mac]
    host = _host(mac, site.tftp_server, found, one)
    other = one["kind"] == OTHER_MODEL
    host["apart"] = OTHER_MODELS if other else WITHOUT_SIP_FILE
    why = "is of another model" if other else f"has no SIP{mac}.cnf"
    host["vars"]["cisco79xx_left_out"] = f"{why}, by {one['file']}"
    return host


def _host(mac: str, tftp_server: str, found: Found, told: Info) -> Host:
    """A phone that can be driven if its address is known. All phones have the same variables but those of addresses and TFTP hosts."""
    variables: dict[str, Any] = {
        "cisco79xx_mac": mac,
        "cisco79xx_label": told.get("label"),
        "cisco79xx_lines": told.get("lines", []),
        "cisco79xx_told_image": told.get("effective_image"),
        "cisco79xx_told_telnet_level": told.get("effective_telnet_level"),
        "cisco79xx_files": [file for file in (told["file"], told.get("loads_file")) if file],
    }
    if tftp_server:
        variables["cisco79xx_tftp_server"] = tftp_server
    if found.address:
        where = {"ansible_host": found.address, "cisco79xx_address_source": found.source, "cisco79xx_address_time": found.time}
        variables |= where | ({"cisco79xx_address_doubt": found.doubt} if found.doubt else {})
        apart = ""
    else:
        apart = CONTRADICTIONS if found.contradiction else WITHOUT_ADDRESS
        variables["cisco79xx_left_out"] = found.fault or "no source has an address of it"
    return {"name": f"SEP{mac}", "apart": apart, "site": tftp_server, "vars": variables}


def _warn_of(made: Sequence[Host], found: Mapping[str, Found], warn: Callable[[str], None]) -> None:
    """One sentence for all phones with contradictions, and one for all with an address that may be old."""
    contradictions = [f"{host['name']} {host['vars']['cisco79xx_left_out']}" for host in made if host["apart"] == CONTRADICTIONS]
    if contradictions:
        warn(f"{count(contradictions)} with contradictions: {'; '.join(first_some(contradictions, 3))}")
    doubts = [f"SEP{mac} at {one.address} ({one.doubt})" for mac, one in found.items() if one.doubt]
    if doubts:
        warn(f"addresses that may be old, of {count(doubts)}: {list_some(doubts, 3)}")
