# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin with leases that real DHCP servers wrote, and with what a real kernel knows of its neighbours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.dhcp_client import Phones
from ansible_collections.voip.cisco79xx.tests.simulator.netns import Namespace, no_network

pytestmark = pytest.mark.once

MACS = ["000E84C060A6", "00124330BFB3", "0014638ADF5E"]
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def dnsmasq(program: str, folder: Path) -> list[str]:
    ranges = ["--dhcp-range=10.79.7.50,10.79.7.99,1h", f"--dhcp-leasefile={folder}/leases", "--no-ping", "--dhcp-authoritative"]
    return [program, "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=server", "--user=root", "--pid-file=", *ranges]


def dhcpd(program: str, folder: Path) -> list[str]:
    subnet = "subnet 10.79.7.0 netmask 255.255.255.0 { range 10.79.7.50 10.79.7.99; }"
    (folder / "conf").write_text(f"ping-check false;\nauthoritative;\ndefault-lease-time 3600;\n{subnet}\n")
    (folder / "leases").touch()
    return [program, "-4", "-f", "-cf", f"{folder}/conf", "-lf", f"{folder}/leases", "-pf", f"{folder}/pid", "server"]


def kea(program: str, folder: Path) -> list[str]:
    subnet = {"id": 1, "subnet": "10.79.7.0/24", "pools": [{"pool": "10.79.7.50 - 10.79.7.99"}]}
    settings = {
        "interfaces-config": {"interfaces": ["server"]},
        "lease-database": {"type": "memfile", "name": f"{folder}/leases"},
        "valid-lifetime": 3600,
        "subnet4": [subnet],
    }
    (folder / "conf").write_text(json.dumps({"Dhcp4": settings}))
    return [program, "-c", f"{folder}/conf"]


SERVERS: dict[str, Callable[[str, Path], list[str]]] = {"dnsmasq": dnsmasq, "dhcpd": dhcpd, "kea-dhcp4": kea}
PACKAGES = {"dnsmasq": "dnsmasq-base", "dhcpd": "isc-dhcp-server", "kea-dhcp4": "kea-dhcp4-server"}


@pytest.fixture
def network() -> Iterator[Namespace]:
    """A namespace with a cable: a server at one end, phones at the other."""
    missing = no_network()
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {missing}")
    namespace = Namespace()
    try:
        namespace.run("ip", "link", "add", "server", "type", "veth", "peer", "name", "phones")
        namespace.run("ip", "address", "add", "10.79.7.1/24", "dev", "server")
        for device in ("server", "phones"):
            namespace.run("ip", "link", "set", device, "up")
        yield namespace
    finally:
        namespace.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "SIPDefault.cnf").write_text("image_version: P0S3-8-12-00\n")
    for mac in MACS:
        (folder / f"SIP{mac}.cnf").write_text(f'line1_name: "{mac}"\n')
    return folder


@pytest.mark.parametrize("server", SERVERS)
def test_leases_of_a_real_server(server: str, network: Namespace, root: Path, tmp_path: Path, ansible_inventory: Any) -> None:
    found = shutil.which(server, path=_PATH)
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {PACKAGES[server]} ({server})")
    folder = tmp_path / "server"
    folder.mkdir()
    program = shutil.copy(found, str(folder / server))  # a rule of AppArmor for the original may keep it out of this folder
    environment = {**os.environ, "KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
    with network.inside(), (folder / "said").open("wb") as said:
        process = subprocess.Popen(SERVERS[server](program, folder), env=environment, stdout=said, stderr=said)
    phones = Phones(network, "phones")
    try:
        leases = {mac: phones.lease(mac) for mac in MACS}
        phones.release(MACS[2], leases[MACS[2]])
        leases[MACS[2]] = phones.lease(MACS[2])  # so the release was dealt with
        phones.release(MACS[1], leases[MACS[1]])
        phones.lease("525400123456")
    except TimeoutError as error:
        pytest.fail(f"{error}: {(folder / 'said').read_text()[-2000:]}")
    finally:
        phones.close()
        process.terminate()
        process.wait(20)
    (tmp_path / "tftp_root.yml").write_text(
        json.dumps(
            {
                "plugin": "voip.cisco79xx.tftp_root",
                "roots": [{"path": "root"}],
                "addresses": [{"file": "server/leases"}],
            }
        )
    )
    status, inventory, said_by_ansible = ansible_inventory("--list")
    assert status == 0
    assert not said_by_ansible
    assert {name: host.get("ansible_host") for name, host in inventory["_meta"]["hostvars"].items()} == {
        f"SEP{MACS[0]}": leases[MACS[0]].address,
        f"SEP{MACS[1]}": None,
        f"SEP{MACS[2]}": leases[MACS[2]].address,
    }
    assert inventory["phones_without_address"]["hosts"] == [f"SEP{MACS[1]}"]


def test_neighbours_of_a_real_kernel(network: Namespace, root: Path, tmp_path: Path, ansible_inventory: Any) -> None:
    network.run("ip", "neigh", "add", "10.79.7.61", "lladdr", "00:0e:84:c0:60:a6", "dev", "server", "nud", "reachable")
    network.run("ip", "neigh", "add", "10.79.7.62", "lladdr", "00:12:43:30:bf:b3", "dev", "server", "nud", "failed")
    network.run("ip", "neigh", "add", "10.79.7.63", "lladdr", "00:14:63:8a:df:5e", "dev", "server", "nud", "stale")
    (tmp_path / "tftp_root.yml").write_text(
        json.dumps(
            {
                "plugin": "voip.cisco79xx.tftp_root",
                "roots": [{"path": "root"}],
                "addresses": [{"command": ["nsenter", f"--net={network.path}", shutil.which("ip", path=_PATH), "neigh"]}],
            }
        )
    )
    status, inventory, said = ansible_inventory("--list")
    assert status == 0
    assert not said
    assert {name: host.get("ansible_host") for name, host in inventory["_meta"]["hostvars"].items()} == {
        f"SEP{MACS[0]}": "10.79.7.61",
        f"SEP{MACS[1]}": None,
        f"SEP{MACS[2]}": "10.79.7.63",
    }
