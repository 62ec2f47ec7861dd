# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Debian's TFTP servers write into their logs while phones boot from them, through real firewalls, and what is read out of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import (
    CANNOT_TELL,
    CONFIG_MISSING,
    DATA_NEVER_ARRIVES,
    FLASHING,
    HEALTHY,
    IMAGE_MISSING,
    IMAGE_UNREADABLE,
    IMAGE_WRONG_CASE,
    NOT_OURS,
    SERVER_RESTARTED,
    STUCK_LOADER,
)
from ansible_collections.voip.cisco79xx.tests.simulator.fleet import mac
from ansible_collections.voip.cisco79xx.tests.simulator.harness import Simulator
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.simulator.netns import (
    CLOSED,
    NO_DATA,
    SERVER,
    SMALL_FILES,
    STATEFUL,
    WITH_HELPER,
    Capture,
    Network,
    address,
    lossy,
    no_network,
)
from ansible_collections.voip.cisco79xx.tests.simulator.servers import Server, no_server
from ansible_collections.voip.cisco79xx.tests.simulator.tftp_client import Client

pytestmark = pytest.mark.once

OLD, NEW, NEWEST = "P0S3-06-3-00", "P0S3-08-2-00", "P0S3-8-12-00"
SCCP = ("SEP{mac}.cnf.xml", "XMLDefault.cnf.xml", "OS79XX.TXT", "P00308000500.bin")
SENDS = (0, 1, 5, 9, 13, 14, 18, 22, 26, 27, 31, 35)
"""When a phone that gets no answer asks, in seconds."""
SPEED = 20.0


@dataclass(frozen=True)
class Variant:
    """A server and how much it says. The patterns are of its lines; None for what it keeps to itself."""

    kind: str
    verbosity: int
    syslog: bool
    sent: str
    missing: str | None = None
    denied: str | None = None
    asked: bool = True
    """Whether it logs a request at once, rather than how that ended."""


_RRQ = r"in\.tftpd\[(\d+)\]: RRQ from {ip} filename {file}\n"
_NAK = r"(?:.*\n)*?.*in\.tftpd\[\1\]: sending NAK \({error}\) to {{ip}}\n"
_SERVING = r"atftpd\[[0-9.]+\]: Serving {file} to {ip}:\d+\n"
_NOT_FOUND = r"atftpd\[[0-9.]+\]: File /srv/tftp/{file} not found\n"
_SENT = r"dnsmasq-tftp\[\d+\]: sent /srv/tftp/{file} to {ip}\n"
_ABSENT = r"dnsmasq-tftp\[\d+\]: file /srv/tftp/{file} not found for {ip}\n"
_DENIED = r"dnsmasq-tftp\[\d+\]: cannot access /srv/tftp/{file}: Permission denied\n"

VARIANTS = {
    "tftpd-hpa": Variant("tftpd-hpa", 0, True, _RRQ),
    "tftpd-hpa -v": Variant("tftpd-hpa", 1, True, _RRQ),
    "tftpd-hpa -vv": Variant(
        "tftpd-hpa", 2, True, _RRQ, _RRQ + _NAK.format(error="1, File not found"), _RRQ + _NAK.format(error="0, Permission denied")
    ),
    "atftpd": Variant("atftpd", 5, True, _SERVING),
    "atftpd --verbose=7 --logfile": Variant("atftpd", 7, False, _SERVING, _NOT_FOUND, _NOT_FOUND),
    "dnsmasq": Variant("dnsmasq", 1, True, _SENT, _ABSENT, _DENIED, asked=False),
    "dnsmasq --log-facility": Variant("dnsmasq", 1, False, _SENT, _ABSENT, _DENIED, asked=False),
}
ONE_OF_EACH = ["tftpd-hpa -vv", "atftpd", "dnsmasq"]


class Place:
    """Phones by name, a TFTP root, a server, a network.

    A phone has the keys of the fleet file and may have `firewall`, `wants`, its image_version, and `late`: it is not switched on.
    Without `image` it is none of the simulator's: `ask` speaks for it.
    """

    def __init__(
        self, folder: Path, variant: Variant, phones: Mapping[str, Mapping[str, Any]], time_scale: float = 0.02, speed: float = 1.0
    ) -> None:
        self._time_scale = time_scale
        self._speed = speed
        self.root = folder / "root"
        self.log = folder / "log"
        self.capture = folder / "pcap"
        self.variant = variant
        self.phones = {name: {"mac": mac(at), "address": address(at), **phone} for at, (name, phone) in enumerate(phones.items())}
        self.root.mkdir(parents=True)
        for image in OLD, NEW, NEWEST:
            make_image(self.root, image)
        self.write("SIPDefault.cnf", f'image_version: "{OLD}"\n')
        self.write("RINGLIST.DAT", "Bell\tbell.raw\n")
        self.write("dialplan.xml", "<DIALTEMPLATE/>\n")
        for phone in self.phones.values():
            if "wants" in phone:
                self.write(f"SIP{phone['mac']}.cnf", f'image_version: "{phone["wants"]}"\n')

    def write(self, name: str, content: str) -> None:
        (self.root / name).write_text(content)

    def __enter__(self) -> Place:
        with ExitStack() as stack:
            firewalls = {phone["address"]: phone["firewall"] for phone in self.phones.values() if "firewall" in phone}
            self.network = stack.enter_context(Network(firewalls))
            server = Server(
                self.variant.kind,
                self.root,
                self.log,
                address=SERVER,
                verbosity=self.variant.verbosity,
                syslog=self.variant.syslog,
                speed=self._speed,
                namespace=self.network.server,
            )
            self.server = stack.enter_context(server)
            own = [
                {"name": name, **{key: value for key, value in phone.items() if key not in ("firewall", "wants", "late")}}
                for name, phone in self.phones.items()
                if "image" in phone
            ]
            fleet = {"time_scale": self._time_scale, "tftp_time_scale": 1.0, "tftp": {"host": SERVER, "port": 69}, "phones": own}
            with self.network.phones.inside():
                self.simulator = stack.enter_context(Simulator(fleet, max_seconds=300))
            for phone in own:
                if "late" not in self.phones[phone["name"]]:
                    self.simulator.power_cycle(phone["name"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def verdicts(self, source: Path | None = None) -> dict[str, str]:
        """What is read out of the log, or out of this file, of each phone that is in there. The root may be looked at."""
        now = time.time() if source == self.capture else self.server.now()
        files = [path.name for path in self.root.iterdir()]
        phones = diagnose([str(source or self.log)], now=now, root_files=files)["phones"].values()
        names = {phone["address"]: name for name, phone in self.phones.items()}
        return {names[phone["address"]]: phone["verdict"] for phone in phones}

    def recorded(self) -> Capture:
        """Records what passes the server's link."""
        return Capture(self.network, self.capture)

    def ask(self, name: str, *files: str) -> list[str]:
        """What comes of requests of a phone that the simulator does not know."""
        phone = self.phones[name]
        client = Client(phone["address"], (SERVER, 69), count(50200))

        async def all_of_them() -> list[str]:
            return [(await client.fetch(file.format(mac=phone["mac"]))).result for file in files]

        with self.network.phones.inside():
            return asyncio.run(all_of_them())

    def up(self, *names: str, seconds: float = 60) -> dict[str, str]:
        """The images of these phones, as soon as all of them are up."""
        state = self.simulator.wait(lambda state: all(state[name]["status"] == "up" for name in names), seconds)
        return {name: state[name]["image"] for name in names}

    def wait(self, phone: str, file: str, result: str, seconds: float = 60) -> None:
        """Until the phone has done with the file, and how."""
        until = time.monotonic() + seconds
        while not any((event["file"], event["result"]) == (file, result) for event in self.simulator.events(phone, "tftp")):
            assert time.monotonic() < until, self.simulator.events(phone)
            time.sleep(0.02)

    def found(self, pattern: str | None, name: str, file: str) -> int:
        """How often the log has these lines of the phone and the file. What the server does not tell counts as found."""
        if pattern is None:
            return 99
        phone = self.phones[name]
        own = pattern.format(ip=re.escape(phone["address"]), file=re.escape(file.format(mac=phone["mac"])))
        return sum(1 for _each in re.finditer(own, "\n".join([*self.server.lines(), ""])))

    def seconds(self, pattern: str, name: str, file: str) -> list[float]:
        """When the log has these lines, from the first on."""
        phone = self.phones[name]
        own = re.compile(pattern.format(ip=re.escape(phone["address"]), file=re.escape(file.format(mac=phone["mac"]))))
        stamps = [datetime.strptime(f"2000 {line[:15]}", "%Y %b %d %H:%M:%S") for line in self.server.lines() if own.search(line + "\n")]
        return [(stamp - stamps[0]).total_seconds() for stamp in stamps]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Makes places: `place(variant, phones)`. To be entered by the test."""

    def make(variant: str, phones: Mapping[str, Mapping[str, Any]], **more: float) -> Place:
        needs = no_server(VARIANTS[variant].kind) or no_network(WITH_HELPER)
        if needs:
            pytest.skip(f"needs {needs}")
        return Place(tmp_path / "place", VARIANTS[variant], phones, **more)

    yield make


@pytest.mark.parametrize("variant", ONE_OF_EACH)
def test_firewalls(place, variant):
    here = place(
        variant,
        {
            "stateful old": {"image": OLD, "firewall": STATEFUL},
            "stateful new": {"image": NEWEST, "firewall": STATEFUL},
            "helper": {"image": NEW, "wants": OLD, "firewall": WITH_HELPER},
            "no data": {"image": NEW, "wants": OLD, "firewall": NO_DATA},
            "small files": {"image": NEW, "wants": OLD, "firewall": SMALL_FILES},
            "closed": {"image": NEW, "firewall": CLOSED},
            "open": {"image": OLD, "wants": OLD},
        },
    )
    with here, here.recorded():
        assert here.up("helper", "open") == {"helper": OLD, "open": OLD}
        here.wait("small files", f"{OLD}.sbn", "timed_out")
        here.wait("stateful new", "CTLSEP{mac}.tlv".format(**here.phones["stateful new"]), "timed_out")

    said = here.variant
    assert here.found(said.sent, "helper", f"{OLD}.sbn") == 1
    assert not [line for line in here.server.lines() if here.phones["closed"]["address"] + " " in line + " "]
    repeated = {"stateful old": "OS79XX.TXT", "stateful new": "CTLSEP{mac}.tlv", "no data": "SIPDefault.cnf", "small files": f"{OLD}.sbn"}
    for name, file in repeated.items():
        if said.asked:
            seen = here.seconds(said.sent, name, file)
        elif name == "small files":
            seen = here.seconds(_SENT.replace("sent", "failed sending"), name, file)
        else:
            seen = here.seconds(said.sent if name == "no data" else _ABSENT, name, file)
        # dnsmasq tells of what it sent 29 s after the request, and calls a file of one block sent though nothing came back.
        complete = said.asked or name.startswith("stateful")
        assert len(seen) == len(SENDS) if complete else len(seen) >= 4, (name, seen)
        assert all(abs(is_at - should_be) <= 1 for is_at, should_be in zip(seen, SENDS, strict=False)), (name, seen)
    right = {**dict.fromkeys(("helper", "open"), HEALTHY), **dict.fromkeys(repeated, DATA_NEVER_ARRIVES)}
    assert here.verdicts() == right
    assert here.verdicts(here.capture) == right


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "tftpd-hpa"])
def test_what_ails_a_phone(place, variant):
    here = place(
        variant,
        {
            "old": {"image": OLD, "wants": OLD},
            "new": {"image": NEW, "wants": NEW},
            "newest": {"image": NEWEST, "wants": NEWEST},
            "down": {"image": NEW, "wants": OLD},
            "up": {"image": OLD, "wants": NEW},
            "missing": {"image": NEW, "wants": "P0S3-07-4-00"},
            "case": {"image": OLD, "wants": "P0S3-05-3-00"},
            # dnsmasq does not tell who asked for what it may not read: that is known only of a phone that boots by itself.
            "unreadable": {"image": NEW, "wants": "P0S3-8-11-00", "late": True},
            "unknown": {"image": OLD},
            "stuck": {"image": OLD, "wants": "P0S3-8-9-00"},
            "sccp": {},
        },
        time_scale=1 / SPEED,
        speed=SPEED,
    )
    here.write(f"SEP{here.phones['newest']['mac']}.cnf.xml", f"<device><loadInformation>{NEWEST}</loadInformation></device>\n")
    for path in make_image(here.root, "P0S3-05-3-00"):
        path.rename(path.with_name(path.name.lower()))
    make_image(here.root, "P0S3-8-11-00", mode=0)
    make_image(here.root, "P0S3-8-9-00")
    (here.root / "P0S3-8-9-00.sb2").unlink()
    with here:
        assert here.ask("sccp", *SCCP) == ["not_found"] * len(SCCP)
        here.up(*(name for name in here.phones if name not in ("stuck", "sccp", "unreadable")))
        time.sleep(3)
        here.simulator.power_cycle("unreadable")
        images = here.up(*(name for name in here.phones if name not in ("stuck", "sccp")))
        while here.found(here.variant.sent, "stuck", "P0S3-8-9-00.loads") < 4:
            time.sleep(0.1)

    expected = {
        "old": OLD,
        "new": NEW,
        "newest": NEWEST,
        "down": OLD,
        "up": NEW,
        "missing": NEW,
        "case": OLD,
        "unreadable": NEW,
        "unknown": OLD,
    }
    assert images == expected
    said = here.variant
    for name, file in (
        ("old", "SIPDefault.cnf"),
        ("new", "SIP{mac}.cnf"),
        ("newest", f"{NEWEST}.loads"),
        ("down", f"{OLD}.sbn"),
        ("up", "P003-08-2-00.sbn"),
        ("up", f"{NEW}.sb2"),
    ):
        assert here.found(said.sent, name, file), (name, file)
    for name, file in (
        ("missing", "P0S3-07-4-00.loads"),
        ("case", "P0S3-05-3-00.sbn"),
        ("case", "P0S3-05-3-00.bin"),
        ("unknown", "SIP{mac}.cnf"),
        ("sccp", SCCP[-1]),
        ("stuck", "P0S3-8-9-00.sb2"),
    ):
        assert here.found(said.missing, name, file), (name, file)
    assert here.found(said.denied, "unreadable", "P0S3-8-11-00.loads")
    assert here.found(said.missing, "stuck", "P0S3-8-9-00.sb2") >= 3

    right = {
        **{name: {HEALTHY} for name in ("old", "new", "newest", "down", "up")},
        "missing": {IMAGE_MISSING},
        "case": {IMAGE_WRONG_CASE},
        "unreadable": {IMAGE_UNREADABLE} | ({CANNOT_TELL} if said.denied is None else set()),
        "unknown": {CONFIG_MISSING, HEALTHY},
        "stuck": {STUCK_LOADER, IMAGE_MISSING},
        "sccp": {NOT_OURS},
    }
    if not said.syslog:
        del right["stuck"]  # its rounds come too soon by a server's own clock
    verdicts = here.verdicts()
    assert {name: verdicts.get(name) for name, allowed in right.items() if verdicts.get(name) not in allowed} == {}


@pytest.mark.parametrize("variant", ONE_OF_EACH)
def test_a_server_restarts_while_it_sends(place, variant):
    here = place(variant, {"phone": {"image": NEW, "wants": OLD}})
    signed = next(path for path in make_image(here.root, OLD) if path.suffix == ".sbn")
    signed.write_bytes(signed.read_bytes().ljust(8_000_000, b"\0"))
    with here:
        here.wait("phone", f"SIP{here.phones['phone']['mac']}.cnf", "ok")
        time.sleep(0.3)
        here.server.restart()
        assert here.up("phone") == {"phone": NEW}
        cut = {event["file"]: event["result"] for event in here.simulator.events("phone", "tftp")}[f"{OLD}.sbn"]
    assert cut in ("timed_out", "error")
    assert here.found(here.variant.sent, "phone", f"{OLD}.sbn") == int(here.variant.asked)
    started = {"atftpd": "Advanced Trivial FTP server started", "dnsmasq": "started, version"}.get(here.variant.kind)
    assert started is None or sum(started in line for line in here.server.lines()) == 2
    # The phone came up again, with what it had.
    assert here.verdicts()["phone"] in {SERVER_RESTARTED, CANNOT_TELL}

    if here.variant.asked:
        lines = here.server.lines()
        asked = next(number for number, line in enumerate(lines) if f"{OLD}.sbn" in line)
        here.log.write_text("\n".join([*lines[: asked + 1], ""]))
        assert here.verdicts() == {"phone": FLASHING}


@pytest.mark.parametrize("variant", ONE_OF_EACH)
def test_a_line_that_loses_packets(place, variant):
    here = place(variant, {"phone": {"image": NEW, "wants": OLD, "firewall": lossy(9)}})
    with here, here.recorded():
        assert here.up("phone") == {"phone": OLD}
    assert here.found(here.variant.sent, "phone", f"{OLD}.sbn")
    assert here.verdicts() == {"phone": HEALTHY}
    assert here.verdicts(here.capture) == {"phone": HEALTHY}


def test_a_server_that_is_not_told_to_speak(place):
    here = place("tftpd-hpa", {"missing": {"image": NEW, "wants": "P0S3-07-4-00"}})
    with here, here.recorded():
        here.up("missing")
    assert here.server.lines() == []
    assert here.verdicts() == {}
    assert here.verdicts(here.capture) == {"missing": IMAGE_MISSING}


def test_no_config_at_all(place):
    here = place("tftpd-hpa -vv", {"phone": {"image": NEW}, "old": {"image": OLD}}, time_scale=1 / SPEED, speed=SPEED)
    (here.root / "SIPDefault.cnf").unlink()
    with here:
        here.up("phone", "old")
    assert here.found(here.variant.missing, "phone", "SIPDefault.cnf")
    assert here.verdicts() == dict.fromkeys(here.phones, CONFIG_MISSING)
