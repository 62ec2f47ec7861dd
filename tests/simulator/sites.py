# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several sites in one inventory: each a TFTP root with its server and its phones, with or without real sshd in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from .fleet import address, mac
from .site import PASSWORD, PORT, Run, Site
from .ssh import Host


class Sites:
    """`sizes`: name of a TFTP host → number of its phones. A phone is named as its site and its number there: `north0`, `north1`.

    `phone`: what the fleet file and the inventory have of a phone beside that, as `Site` takes it, from its site's name and its number.
    """

    def __init__(
        self,
        folder: Path,
        sizes: Mapping[str, int],
        *,
        ssh: bool = False,
        phone: Callable[[str, int], Mapping[str, Any]] = lambda site, number: {},
        **site: Any,
    ) -> None:
        self.folder = folder
        self.ssh = ssh
        self.sites: dict[str, Site] = {}
        self.hosts: dict[str, Host] = {}
        first = 0
        for name, size in sizes.items():
            phones = [
                {"name": f"{name}{number}", "mac": mac(first + number), "address": address(first + number), **phone(name, number)}
                for number in range(size)
            ]
            self.sites[name] = Site(folder / name, phones, **site)
            self.hosts[name] = Host(name)
            first += size
        self._lead = next(iter(self.sites.values()))
        self._stack = ExitStack()

    def __enter__(self) -> Sites:
        try:
            for name, site in self.sites.items():
                self._stack.enter_context(site)
                if self.ssh:
                    self._stack.callback(self.hosts[name].remove)
                    self.hosts[name].start()
        except BaseException:
            self._stack.close()
            raise
        self.write_inventory()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def write_inventory(self, **of_hosts: Mapping[str, Any]) -> None:
        """`of_hosts`: variables of single TFTP hosts, by their names."""
        phones: dict[str, Any] = {}
        servers: dict[str, Any] = {}
        for name, site in self.sites.items():
            site.write_inventory()
            known = json.loads(site.inventory.read_text())
            for phone, variables in known["phones"]["hosts"].items():
                phones[phone] = {**variables, "cisco79xx_tftp_server": name}
            servers[name] = known["tftp_servers"]["hosts"]["tftp1"]
            if self.ssh:
                servers[name] = {"cisco79xx_tftp_root": servers[name]["cisco79xx_tftp_root"], **self.hosts[name].variables()}
            servers[name].update(of_hosts.get(name, {}))
        inventory = {
            "phones": {"hosts": phones, "vars": {"ansible_port": PORT, "ansible_password": PASSWORD}},
            "tftp_servers": {"hosts": servers},
        }
        self._lead.inventory.write_text(json.dumps(inventory))

    def play(self, playbook: str, *arguments: str, **options: Any) -> Run:
        """As `Site.play`, over all sites."""
        return self._lead.play(playbook, *arguments, **options)

    @property
    def lead(self) -> Site:
        """The site whose folder has the inventory and the report of all."""
        return self._lead

    def running(self) -> dict[str, str]:
        """The image of each phone of all sites."""
        return {name: image for site in self.sites.values() for name, image in site.running().items()}

    def resets(self) -> dict[str, int]:
        """How often each phone of all sites was told to reset."""
        return {name: number for site in self.sites.values() for name, number in site.resets().items()}

    def digests(self) -> dict[str, Any]:
        """`Site.digest` of each site."""
        return {name: site.digest() for name, site in self.sites.items()}
