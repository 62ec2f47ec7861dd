# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's TFTP servers, asked as a phone asks: what is whole, what is wrong, and what of it is read out of their logs."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_server import from_here, lines
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.simulator.netns import SERVER, Capture, Network, no_network
from ansible_collections.voip.cisco79xx.tests.simulator.servers import KINDS, Server, no_server
from ansible_collections.voip.cisco79xx.tests.simulator.tftp_client import Client
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import run_module

pytestmark = pytest.mark.once

IMAGE = "P0S3-06-3-00"
FILES = {"SIPDefault.cnf": 28, "OS79XX.TXT": 13, f"{IMAGE}.bin": 300_000, f"{IMAGE}.sbn": 300_404}
PHONE, HERE, LOOPBACK = "10.79.1.1", "10.79.201.2", "127.0.0.1"
MAC = "001122AABBCC"
SPEED = 20.0


class Place:
    """A root and a server of some kind in a network. `shown`: the folder that the server serves, if not the root."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.network = network
        self.root = folder / "root"
        self.root.mkdir(mode=0o755)
        self.log = folder / "log"
        make_image(self.root, IMAGE, size=300_000)
        (self.root / "SIPDefault.cnf").write_text(f"image_version: {IMAGE}\n")
        (self.root / "OS79XX.TXT").write_text(f"{IMAGE}\n")

    def server(self, kind: str, shown: Path | None = None, secure: bool = True, **more: Any) -> Server:
        made = Server(kind, shown or self.root, self.log, **{"address": SERVER, "namespace": self.network.server, "speed": SPEED, **more})
        if not secure:
            made._command.remove("--secure")
        return made

    def check(self, **arguments: Any) -> dict[str, Any]:
        """What the module says of the server, on its host."""
        with self.network.server.inside():
            answer = run_module("tftp_root_info", {"tftp_root": str(self.root), "verify_tftp": True, **arguments})
        assert "msg" not in answer, answer
        served = answer["served"]
        texts = [f"{fault['file']} {fault['text']}" if fault["file"] else fault["text"] for fault in answer["faults"]]
        assert [text for text in served["faults"] if text not in texts] == []
        return dict(served)

    def from_elsewhere(self, served: dict[str, Any], connection: str = "ssh") -> dict[str, Any]:
        with self.network.phones.inside():
            return from_here(served, connection)

    def ask(self, source: str, *files: str) -> None:
        """As a phone at this address."""
        client = Client(source, (SERVER, 69), itertools.count(50200))

        async def all_of_them() -> None:
            for file in files:
                await client.fetch(file)

        with self.network.phones.inside():
            asyncio.run(all_of_them())

    def stories(self, server: Server) -> dict[str, Any]:
        """What the log tells of each phone."""
        time.sleep(0.1)  # until the last line is written
        return dict(diagnose([str(self.log)], now=server.now(), root_files=[path.name for path in self.root.iterdir()])["phones"])


@pytest.fixture
def place(open_folder: Path) -> Iterator[Place]:
    missing = next(filter(None, map(no_server, KINDS)), "") or no_network()
    if missing:
        pytest.skip(f"needs {missing}")
    with Network() as network:
        yield Place(open_folder, network)


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_well(place, kind):
    with place.server(kind):
        served = place.check()
        assert place.check(image=IMAGE, tftp_address=SERVER) == served, "and it was found without its address"
        seen = place.from_elsewhere(served)
    assert served == {"address": SERVER, "port": 69, "asked": list(FILES), "same": FILES, "faults": []}
    assert lines(seen) == [f"{SERVER} port 69: 4 of 4 files came as on the disk ({', '.join(FILES)})"]


def test_what_the_controller_does_not_get_is_a_warning(place):
    with place.server("tftpd-hpa"):
        served = place.check()
        place.network.router.run("nft", "-f", "-", text="table inet t { chain f { type filter hook forward priority 0; drop; }; }")
        seen = place.from_elsewhere(served)
    assert seen["faults"] == []
    (_came, why) = lines(seen)
    assert why.startswith(f"warning: {IMAGE}.sbn does not come to this machine from {SERVER} port 69, which does not answer")


def test_a_server_at_loopback_is_asked_on_its_host_only(place):
    with place.server("dnsmasq", address=LOOPBACK):
        served = place.check(tftp_address=LOOPBACK)
        assert served["faults"] == []
        assert place.from_elsewhere(served)["warning"] == ""
        assert place.from_elsewhere(served, "ansible.builtin.local")["warning"], "this is not that machine, but says so"
        (fault,) = place.check()["faults"]
    assert fault == f"the TFTP server answers at {LOOPBACK} only, where no phone reaches it: let it listen at {SERVER}"


BOOT = ("OS79XX.TXT", "SIPDefault.cnf", f"SIP{MAC}.cnf", f"{IMAGE}.sbn", "RINGLIST.DAT", "dialplan.xml")
TOLD = [(kind, KINDS[kind][1]) for kind in KINDS] + [("tftpd-hpa", 2), ("atftpd", 7), ("dnsmasq", 0)]


@pytest.mark.parametrize(("source", "away"), [(PHONE, False), (HERE, True)], ids=["phone", "image away, phone behind the controller"])
@pytest.mark.parametrize(("kind", "verbosity"), TOLD)
def test_no_story_is_changed(place, kind, verbosity, source, away):
    for name in (f"SIP{MAC}.cnf", "RINGLIST.DAT"):
        (place.root / name).write_text("a: 1\n")
    with place.server(kind, verbosity=verbosity) as server:
        served = place.check()
        if away:
            (place.root / f"{IMAGE}.sbn").unlink()
            (place.root / "OS79XX.TXT").unlink()
        place.log.write_text("")
        place.ask(source, *BOOT)
        time.sleep(5 / SPEED)
        before, told = place.stories(server), len(server.lines())
        place.check()
        place.from_elsewhere(served)
        time.sleep(5 / SPEED)
        assert len(server.lines()) > told
        after = place.stories(server)
        place.log.write_text("")
        place.check()
        assert place.stories(server) == {}, "nor is one told of a log with nothing else"
    assert set(before) == {MAC}
    assert after == before


def test_no_story_is_changed_in_a_capture(place):
    (place.root / f"SIP{MAC}.cnf").write_text("a: 1\n")
    capture = place.folder / "pcap"
    with place.server("tftpd-hpa"):
        served = place.check()
        with Capture(place.network, capture):
            place.from_elsewhere(served)
            place.ask(PHONE, *BOOT)
            time.sleep(0.3)
    assert IMAGE.encode() in capture.read_bytes()
    assert set(diagnose([str(capture)], now=time.time())["phones"]) == {MAC}


def faulty(place, server, **arguments):
    with server:
        return place.check(**arguments)["faults"]


@pytest.mark.parametrize("kind", KINDS)
def test_another_folder(place, kind):
    other = place.folder / "other"
    other.mkdir(mode=0o755)
    (fault,) = faulty(place, place.server(kind, other))
    assert fault.startswith(f"the TFTP server at {SERVER} port 69 says '")
    assert f"for SIPDefault.cnf, OS79XX.TXT, {IMAGE}.bin, {IMAGE}.sbn, which are in {place.root}: it serves another folder" in fault

    make_image(other, IMAGE, size=300_000)
    (other / "SIPDefault.cnf").write_text(f"image_version: {IMAGE}\n")
    (other / "OS79XX.TXT").write_text("P0S3-8-12-00\n")
    signed = other / f"{IMAGE}.sbn"
    signed.write_bytes(signed.read_bytes()[:1024])
    place.root.joinpath("SIPDefault.cnf").unlink()
    default, os79xx, truncated = faulty(place, place.server(kind, other), image=IMAGE)
    assert default.startswith(f"SIPDefault.cnf is not in {place.root}, but the TFTP server at {SERVER} port 69 has one: it serves another")
    assert os79xx.startswith(f"OS79XX.TXT comes from the TFTP server at {SERVER} port 69 with other bytes than {place.root} has")
    assert truncated.startswith(f"{IMAGE}.sbn comes truncated from the TFTP server at {SERVER} port 69, 1024 of 300404 bytes")


def test_an_empty_root_where_the_server_has_files(place):
    full, place.root = place.root, place.folder / "empty"
    place.root.mkdir()
    faults = faulty(place, place.server("tftpd-hpa", full))
    assert [fault.split(" is not in ")[0] for fault in faults] == ["SIPDefault.cnf", "OS79XX.TXT"]


def test_a_server_that_turns_names_into_lower_case(place):
    (place.root / "readme").write_text("")
    (fault,) = faulty(place, place.server("dnsmasq", options=["--tftp-lowercase"]))
    assert "it looks for names in lower case: turn that off (dnsmasq: tftp-lowercase)" in fault


def test_a_server_that_wants_whole_paths(place):
    (fault,) = faulty(place, place.server("tftpd-hpa", secure=False))
    assert "says 'Only absolute filenames allowed' for " in fault
    assert f"phones ask for names alone: start it for that folder (tftpd-hpa: --secure {place.root})" in fault


def test_a_link_that_a_server_shut_into_its_folder_cannot_follow(place):
    (place.root / "OS79XX.TXT").rename(place.root / "real")
    (place.root / "OS79XX.TXT").symlink_to(place.root / "real")
    (fault,) = faulty(place, place.server("tftpd-hpa"))
    assert fault.startswith("OS79XX.TXT is not handed out: the TFTP server at ")
    assert fault.endswith("(chroot) cannot follow a symbolic link that begins with /: make the link relative")
    assert faulty(place, place.server("dnsmasq")) == [], "this one is not shut in"


@pytest.mark.parametrize("kind", ["tftpd-hpa", "dnsmasq"])
def test_a_file_that_the_server_may_not_read(place, kind):
    (place.root / "OS79XX.TXT").chmod(0o600)
    (fault,) = faulty(place, place.server(kind))
    assert fault.startswith("OS79XX.TXT is not handed out: ")
    assert "Permission denied" in fault
    assert "let the user that it runs as read what is there" in fault


def test_a_server_that_has_a_file_for_every_name(place):
    rules = place.folder / "rules"
    rules.write_text("r ^cisco.* SIPDefault.cnf\n")
    (fault,) = faulty(place, place.server("tftpd-hpa", options=["--map-file", str(rules)]))
    assert fault.startswith(f"the TFTP server at {SERVER} port 69 has a file for a name that is not there: phones need 'File not found'")


def test_a_server_that_denies_what_is_not_there(place):
    rules = place.folder / "rules"
    rules.write_text("a ^cisco\n")
    (fault,) = faulty(place, place.server("tftpd-hpa", options=["--map-file", str(rules)]))
    assert "for a name that is not there: phones need 'File not found' for it, and stop at anything else (Cisco bug CSCee31047)" in fault


def test_no_server(place):
    begin = time.monotonic()
    for arguments, where in (
        ({}, f"{SERVER} or {LOOPBACK} port 69"),
        ({"tftp_address": SERVER, "tftp_port": 1069}, f"{SERVER} port 1069"),
    ):
        served = place.check(**arguments)
        assert served["address"] is None
        (fault,) = served["faults"]
        assert fault.startswith(f"the TFTP server at {where} does not answer (Connection refused): start it, or name where it listens")
        assert lines({**served, "warning": ""}) == [f"no answer: 0 of 4 files came as on the disk ({', '.join(FILES)})"]
        assert place.from_elsewhere(served)["warning"] == ""
    assert time.monotonic() - begin < 10


def drop(place, condition, hook="output"):
    text = f"table inet t {{ chain {hook} {{ type filter hook {hook} priority 0; {condition} drop; }}; }}"
    place.network.server.run("nft", "-f", "-", text=text)


def test_a_firewall_that_drops_answers_or_what_follows_the_first_block(place):
    with place.server("dnsmasq") as server:
        drop(place, "udp sport != 69 meta l4proto udp @th,64,16 3 @th,80,16 2")
        (fault,) = place.check()["faults"]
        assert fault.startswith(
            f"{IMAGE}.bin stops after 512 bytes from the TFTP server at {SERVER} port 69, which does not answer: look for a"
        )
        assert place.stories(server) == {}
        drop(place, "udp sport != 69")
        (fault,) = place.check(tftp_address=SERVER)["faults"]
        assert fault.startswith(f"the TFTP server at {SERVER} port 69 does not answer")


def test_packets_that_are_lost_are_no_fault(place):
    with place.server("atftpd"):
        drop(place, "meta l4proto udp numgen inc mod 700 500", hook="input")
        begin = time.monotonic()
        assert place.check()["faults"] == []
    assert time.monotonic() - begin > 2, "some were lost"


def test_a_server_that_says_nothing_of_what_is_not_there(place):
    with place.server("dnsmasq"):
        drop(place, "udp sport != 69 meta l4proto udp @th,64,16 5")
        (fault,) = place.check()["faults"]
    assert fault.startswith(
        f"the TFTP server at {SERVER} port 69 does not answer for a name that is not there: phones need 'File not found'"
    )
