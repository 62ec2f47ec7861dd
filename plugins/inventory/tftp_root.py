# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: tftp_root
short_description: The phones of a TFTP root as an inventory
version_added: 0.1.0
description:
  - Makes a host of each phone that has a C(SIP<MAC>.cnf) or C(SEP<MAC>.cnf.xml) in a TFTP root, and finds its address in files and in
    what commands write.
  - "It reads YAML files whose names end in C(tftp_root.yml), C(tftp_root.yaml), C(cisco79xx.yml) or C(cisco79xx.yaml), and that have
    C(plugin: voip.cisco79xx.tftp_root)."
  - It asks nothing of the network itself. No password becomes a variable.
  - "The groups: phones with an address are in C(phones) (O(phones_group)), and can be driven. All others are in one of
    C(phones_without_address), C(phones_with_old_address) (whoever has it by now would be sent the password),
    C(phones_with_contradictions) (two addresses of one age, one of two phones, or files in two roots), C(phones_without_sip_file) and
    C(phones_of_other_models) (both have a C(SEP<MAC>.cnf.xml) only), and the variable C(cisco79xx_left_out) says why. They are not in
    C(phones), as playbooks would take the names of those without an address for one."
  - "Phones with a C(SIP<MAC>.cnf) are also in C(cisco79xx_site_<TFTP host>), C(cisco79xx_image_<image told>) and
    C(cisco79xx_telnet_level_<level told>)."
  - "The variables: C(ansible_host), C(cisco79xx_address_source) and C(cisco79xx_address_time) (who names that address, and of when that
    is), C(cisco79xx_address_doubt) (why the phone may not be there any more), C(cisco79xx_mac), C(cisco79xx_tftp_server),
    C(cisco79xx_label), C(cisco79xx_lines) (a list, each with C(line), C(name), C(authname), C(displayname) and C(shortname)),
    C(cisco79xx_told_image), C(cisco79xx_told_telnet_level), C(cisco79xx_files) and C(cisco79xx_left_out)."
  - The newest address wins. Leases and lines of logs have times, other files count as of when they were written, and commands as now.
    A lease that has ended, or a phone that Asterisk does not reach, counts only where nothing else is known.
options:
  plugin:
    description: Has to be V(voip.cisco79xx.tftp_root).
    type: str
    required: true
    choices: [voip.cisco79xx.tftp_root]
  roots:
    description:
      - The TFTP roots whose phones are wanted. Each has either O(roots[].path) or O(roots[].audit).
      - Paths are relative to this file.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: A TFTP root on this machine, or a copy of one.
        type: path
      audit:
        description:
          - The C(audit.json) that C(ansible-playbook voip.cisco79xx.audit -e report_dir=FOLDER) saves. It has the roots of any number of
            TFTP hosts, by their names in the inventory.
        type: path
      tftp_server:
        description: With O(roots[].path), the name that its TFTP host has in the inventory. Required where there are several roots.
        type: str
  addresses:
    description:
      - Where addresses of phones are found, each either O(addresses[].file) or O(addresses[].command).
      - "Most are read by one rule: a MAC and an IPv4 address on one line. So are C(ip neigh), C(arp -an), tables of switches, and lists."
    type: list
    elements: dict
    default: []
    suboptions:
      file:
        description: A file, relative to this one.
        type: path
      command:
        description: A command with its arguments. It is run on this machine in the folder of this file, without a shell.
        type: list
        elements: str
      kind:
        description:
          - What it is, where it is not recognised.
          - V(dhcpd) are leases or reservations of ISC dhcpd, V(kea) the file of Kea's memfile, V(asterisk)
            what C(sip show peers) or C(pjsip show contacts) shows, V(tftp_log) the log of a TFTP server or a capture, V(table) a table
            with a heading that names the columns (CSV, also with semicolons or tabs), V(lines) anything else.
        type: str
        choices: [dhcpd, kea, asterisk, table, lines, tftp_log]
      timeout:
        description: Seconds that the command may take. Then it is ended.
        type: float
        default: 30
  phones_group:
    description: The group of phones that can be driven. The names of those of others begin with it too.
    type: str
    default: phones
notes:
  - Asterisk knows no MACs. Its peers and contacts are joined to phones by C(line<N>_name) and C(line<N>_authname) in the phones' files;
    a name that two phones have is not.
  - TFTP logs in files are read line by line, however long; of all else 64 MiB at most.
seealso:
  - module: voip.cisco79xx.tftp_root_info
extends_documentation_fragment:
  - constructed
  - inventory_cache
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
# tftp_root.yml: a root on this machine, and what its kernel and dnsmasq know. Then: ansible-inventory -i tftp_root.yml --graph
plugin: voip.cisco79xx.tftp_root
roots:
  - path: /srv/tftp
addresses:
  - command: [ip, neigh]
  - file: /var/lib/misc/dnsmasq.leases

---
# Roots on other hosts, as the audit saw them; addresses from a telephone system, a switch and a list
plugin: voip.cisco79xx.tftp_root
roots:
  - audit: report/audit.json
addresses:
  - command: [ssh, pbx, asterisk, -rx, "'pjsip show contacts'"]
  - file: switch-arp.txt
  - file: phones.csv

---
# Phones that speak for NetBox too, and groups of one's own
plugin: voip.cisco79xx.tftp_root
roots:
  - path: copies/berlin
    tftp_server: tftp-berlin
  - path: copies/bonn
    tftp_server: tftp-bonn
compose:
  netbox_device: >-
    {'name': 'SEP' ~ cisco79xx_mac, 'comments': cisco79xx_label | default('', true),
     'custom_fields': {'mac': cisco79xx_mac, 'image': cisco79xx_told_image}}
groups:
  reception: (cisco79xx_label | default('', true)) is search('Reception')
keyed_groups:
  - key: ansible_host.split('.')[:3] | join('_')
    prefix: net
cache: true
"""

import json
import os
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.template import trust_as_template

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import KINDS, LOG, Place, SourceError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._fleet import FleetError, Host, RootPhones, hosts, of_audit, of_root

_SPEC: dict[str, dict[str, Any]] = {
    "roots": {
        "type": "list",
        "elements": "dict",
        "options": {"path": {"type": "path"}, "audit": {"type": "path"}, "tftp_server": {"type": "str"}},
        "required_one_of": [("path", "audit")],
        "mutually_exclusive": [("path", "audit"), ("audit", "tftp_server")],
    },
    "addresses": {
        "type": "list",
        "elements": "dict",
        "options": {
            "file": {"type": "path"},
            "command": {"type": "list", "elements": "str"},
            "kind": {"type": "str", "choices": [*KINDS, LOG]},
            "timeout": {"type": "float", "default": 30},
        },
        "required_one_of": [("file", "command")],
        "mutually_exclusive": [("file", "command")],
    },
}
_MOST_SECONDS = 100_000
_trust = lru_cache(maxsize=1 << 14)(trust_as_template)
_NAMES = tuple(f"{name}.{extension}" for name in ("tftp_root", "cisco79xx") for extension in ("yml", "yaml"))


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "voip.cisco79xx.tftp_root"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(_NAMES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        for name in self._read_config_data(path):
            if name not in self._options:
                raise AnsibleParserError(f"{one_line(name, 60)!r} is no option of {self.NAME}: see ansible-doc -t inventory {self.NAME}")
        key = self.get_cache_key(path)
        kept = self.get_option("cache")
        found = self._cache_entry(key) if kept and cache else None
        if found is None:
            warnings: list[str] = []
            try:
                found = {"hosts": self._read_hosts(os.path.dirname(os.path.abspath(path)), warnings), "warnings": warnings}
            except (FleetError, SourceError) as error:
                raise AnsibleParserError(str(error)) from None
            if kept:
                self._cache[key] = found
        for warning in found["warnings"]:
            self.display.warning(warning)
        group = self._phones_group()
        for host in found["hosts"]:
            self._add(host, group)

    def _cache_entry(self, key: str) -> dict[str, Any] | None:
        try:
            return self._cache[key]
        except KeyError:  # not there, or too old
            return None

    def _read_hosts(self, folder: str, warnings: list[str]) -> list[Host]:
        """The phones. `folder`: of the inventory file. `warnings` are added to. Raises AnsibleParserError, FleetError, SourceError."""
        self._phones_group()
        # As plain values: messages about wrong ones would name Ansible's own types
        given = json.loads(json.dumps({name: self.get_option(name) for name in _SPEC}, default=str))
        checked = ArgumentSpecValidator(_SPEC).validate(given)
        roots, addresses = checked.validated_parameters["roots"], checked.validated_parameters["addresses"]
        faults = [f"{name}: {entry!r} is no mapping" for name in _SPEC for entry in given[name] if not isinstance(entry, dict)]
        faults += checked.error_messages
        if not (faults or roots):
            faults = ["roots is empty: it takes at least one TFTP root"]
        if not (faults or all(0 < one["timeout"] < _MOST_SECONDS for one in addresses)):
            faults = [f"addresses: timeout takes a number of seconds above 0 and below {_MOST_SECONDS}"]
        if not faults:
            faults = [
                f"roots: entry {at} is empty: it takes a path or an audit" for at in _empty(root["path"] or root["audit"] for root in roots)
            ]
            sources = (one["file"] or (one["command"] or [""])[0] for one in addresses)
            faults += [f"addresses: entry {at} is empty: it takes a file or a command" for at in _empty(sources)]
        if faults:
            raise AnsibleParserError(one_line(faults[0], 300))
        found: list[RootPhones] = []
        for root in roots:
            if root["audit"]:
                found += of_audit(os.path.join(folder, root["audit"]))
            elif root["tftp_server"] or len(roots) == 1:
                found.append(of_root(os.path.join(folder, root["path"]), root["tftp_server"] or ""))
            else:
                path = one_line(root["path"], 200)
                raise AnsibleParserError(f"roots: {path} has no tftp_server: of several roots each needs the name of its TFTP host")
        asked = [
            Place(one["file"] and os.path.join(folder, one["file"]), tuple(one["command"] or ()), one["kind"], folder, one["timeout"])
            for one in addresses
        ]
        return hosts(found, asked, time.time(), warnings.append)

    def _phones_group(self) -> str:
        group = str(self.get_option("phones_group"))
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", group) or group in ("all", "ungrouped"):
            raise AnsibleParserError(
                f"phones_group is {one_line(group, 60)!r}, which cannot be a group of phones: it takes letters, digits and _"
            )
        return group

    def _add(self, host: Host, group: str) -> None:
        name, variables = host["name"], host["vars"]
        groups = [f"{group}_{host['left_out_as']}" if host["left_out_as"] else group]
        if variables["cisco79xx_told_telnet_level"] is not None:
            groups.append(f"cisco79xx_image_{_safe(variables['cisco79xx_told_image'] or 'none')}")
            groups.append(f"cisco79xx_telnet_level_{variables['cisco79xx_told_telnet_level']}")
            groups += [f"cisco79xx_site_{_safe(host['site'])}"] if host["site"] else []
        for one in groups:
            self.inventory.add_group(one)
            self.inventory.add_host(name, group=one)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, _with_trust(value))
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)


def _empty(values: Iterable[str | None]) -> list[int]:
    """The numbers, from 1, of those that are nothing but blanks."""
    return [number for number, value in enumerate(values, 1) if not (value or "").strip()]


def _with_trust(value: Any) -> Any:
    """The value with each text trusted that cannot be a template: `ansible-inventory --list` wraps all others in `__ansible_unsafe`."""
    if isinstance(value, str):
        return value if "{" in value else _trust(value)
    if isinstance(value, dict):
        return {key: _with_trust(item) for key, item in value.items()}
    return [_with_trust(item) for item in value] if isinstance(value, list) else value


def _safe(name: str) -> str:
    """As a part of the name of a group."""
    return re.sub("[^A-Za-z0-9_]", "_", name)
