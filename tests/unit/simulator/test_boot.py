# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole boots over real TFTP: which files a phone asks for, what it flashes and what it ends up with."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.images import container, make_image, manifest, raw_image

MAC = "000E84C060A6"
SIP = f"SIP{MAC}.cnf"
SEP = f"SEP{MAC}.cnf.xml"
CTLSEP = f"CTLSEP{MAC}.tlv"


def boot(simulate: Any, port: int, image: str, **phone: Any) -> Any:
    """Power-cycle one phone and wait until it is up again."""
    simulator = simulate({"mac": MAC, "image": image, **phone}, tftp=port, **({"tftp_time_scale": 0.01} if phone.get("faults") else {}))
    simulator.power_cycle("phone0")
    simulator.wait(lambda state: state["phone0"]["status"] == "up" and state["phone0"]["telnet"], 30)
    return simulator


def asked(simulator: Any) -> list[str]:
    return [event["file"] for event in simulator.events(event="tftp")]


def flashed(simulator: Any) -> list[str]:
    return [event["image"] for event in simulator.events(event="flash")]


def image(simulator: Any) -> str:
    name: str = simulator.state()["phone0"]["image"]
    return name


def reasons(simulator: Any) -> list[str]:
    return [event["reason"] for event in simulator.events(event="load_failed")]


def test_steady_boot_of_8_12_asks_what_the_logs_show(root: Path, tftp_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / SEP).write_text("<device><loadInformation model='IP Phone 7960'>P0S3-8-12-00</loadInformation></device>")
    (root / "SIPDefault.cnf").write_text('image_version: "P0S3-8-12-00"\ntftp_cfg_dir: "./"\n')
    (root / SIP).write_text('phone_label: "x"\n')
    (root / "OS79XX.TXT").write_text("P0S3-06-3-00\n")
    simulator = boot(simulate, tftp_port, "P0S3-8-12-00")
    requests = asked(simulator)
    assert requests[:5] == [CTLSEP, SEP, "P0S3-8-12-00.loads", "SIPDefault.cnf", f"./{SIP}"]
    assert sorted(requests[5:]) == ["RINGLIST.DAT", "dialplan.xml"]
    assert flashed(simulator) == []


def test_steady_boot_of_6_3_reads_os79xx_first(root: Path, tftp_port: int, simulate: Any) -> None:
    (root / "OS79XX.TXT").write_text("P0S3-06-3-00\n")
    (root / "SIPDefault.cnf").write_text('image_version: P0S3-06-3-00\ndial_template: "work"\n')
    simulator = boot(simulate, tftp_port, "P0S3-06-3-00")
    requests = asked(simulator)
    assert requests[:3] == ["OS79XX.TXT", "SIPDefault.cnf", SIP]
    assert sorted(requests[3:]) == ["RINGLIST.DAT", "work.xml"]


def test_8_to_6_fetches_the_signed_file(root: Path, tftp_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-06-3-00")
    (root / "SIPDefault.cnf").write_text('image_version: "P0S3-06-3-00"\n')
    simulator = boot(simulate, tftp_port, "P0S3-08-2-00")
    assert image(simulator) == "P0S3-06-3-00"
    assert simulator.state()["phone0"]["loader"] is None
    requests = asked(simulator)
    assert requests[:5] == [CTLSEP, SEP, "SIPDefault.cnf", SIP, "P0S3-06-3-00.sbn"]
    assert requests[5] == "OS79XX.TXT"
    assert [event["image"] for event in simulator.events(event="boot")] == ["P0S3-08-2-00", "P0S3-06-3-00"]


@pytest.mark.parametrize("os79xx", ["P003-8-12-00\n", None])
def test_6_to_8_takes_the_loader_then_the_application(root: Path, tftp_port: int, simulate: Any, os79xx: str | None) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / "SIPDefault.cnf").write_text('image_version: "P0S3-8-12-00"\n')
    if os79xx:
        (root / "OS79XX.TXT").write_text(os79xx)
    simulator = boot(simulate, tftp_port, "P0S3-06-3-00")
    assert image(simulator) == "P0S3-8-12-00"
    assert flashed(simulator) == ["P003-8-12-00", "P0S3-8-12-00"]
    requests = asked(simulator)
    loader_phase = [CTLSEP, SEP, SIP, f"MGC{MAC}.cnf", "XMLDefault.cnf.xml", "SIPDefault.cnf", "P0S3-8-12-00.loads", "P0S3-8-12-00.sb2"]
    after_loader = requests.index("P003-8-12-00.sbn") + 1
    assert requests[after_loader : after_loader + 8] == loader_phase
    assert requests[after_loader + 8] == CTLSEP


def test_the_phones_own_file_decides_in_the_loader_and_in_the_application(root: Path, tftpy_port: int, simulate: Any) -> None:
    for name in ("P0S3-8-12-00", "P0S3-08-11-00"):
        make_image(root, name)
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-8-12-00\n")
    (root / SIP).write_text("image_version: P0S3-08-11-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-06-3-00")
    assert flashed(simulator) == ["P003-08-11-00", "P0S3-08-11-00"]


def test_xmldefault_names_the_application_by_model(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / "OS79XX.TXT").write_text("P003-8-12-00\n")
    (root / "XMLDefault.cnf.xml").write_text(
        "<Default><loadInformation7 model='IP Phone 7960'>P003-8-12-00</loadInformation7>"
        "<loadInformation8 model='IP Phone 7940'>P0S3-8-12-00</loadInformation8></Default>"
    )
    assert image(boot(simulate, tftpy_port, "P0S3-06-3-00", model="7940")) == "P0S3-8-12-00"


def test_7_5_to_8_12_changes_loader_and_application(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / "SIPDefault.cnf").write_text('image_version: "P0S3-8-12-00"\n')
    simulator = boot(simulate, tftpy_port, "P0S3-07-5-00")
    assert flashed(simulator) == ["P003-8-12-00", "P0S3-8-12-00"]
    assert image(simulator) == "P0S3-8-12-00"


def test_4_to_6_takes_the_raw_file_and_is_signed_for_ever(root: Path, tftpy_port: int, simulate: Any) -> None:
    for name in ("P0S3-06-3-00", "P0S3-04-4-00"):
        make_image(root, name)
    (root / "OS79XX.TXT").write_text("P0S3-06-3-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-04-4-00")
    assert image(simulator) == "P0S3-06-3-00"
    assert "P0S3-06-3-00.bin" in asked(simulator) and "P0S3-06-3-00.sbn" not in asked(simulator)
    (root / "OS79XX.TXT").write_text("P0S3-04-4-00\n")
    simulator.power_cycle("phone0")
    simulator.wait(lambda state: state["phone0"]["status"] == "up")
    assert image(simulator) == "P0S3-06-3-00"
    assert reasons(simulator) == ["Image Authentication Failed: P0S3-04-4-00.bin is unsigned"]


@pytest.mark.parametrize("current", ["P0S3-8-12-00", "P0S3-06-3-00", "P0S3-05-2-00"])
def test_a_signed_phone_refuses_an_unsigned_image(root: Path, tftpy_port: int, simulate: Any, current: str) -> None:
    make_image(root, "P0S30203")
    (root / "SIPDefault.cnf").write_text("image_version: P0S30203\n")
    simulator = boot(simulate, tftpy_port, current)
    assert image(simulator) == current
    assert reasons(simulator) == ["Image Authentication Failed: P0S30203.bin is unsigned"]
    assert [name for name in asked(simulator) if name.startswith("P0S3")] == ["P0S30203.sbn", "P0S30203.bin"]


@pytest.mark.parametrize(
    "current, target", [("P0S30201", "P0S3-04-4-00"), ("P0S3-05-2-00", "P0S3-8-12-00"), ("P0S3-04-4-00", "P0S3-07-5-00")]
)
def test_a_hop_left_out_leaves_the_phone_where_it_is(root: Path, tftpy_port: int, simulate: Any, current: str, target: str) -> None:
    make_image(root, target)
    (root / "SIPDefault.cnf").write_text(f"image_version: {target}\n")
    simulator = boot(simulate, tftpy_port, current)
    assert image(simulator) == current
    assert reasons(simulator) == [f"{current} cannot load {target} directly"]


@pytest.mark.parametrize(
    "current, missing, failed",
    [
        ("P0S3-06-3-00", "P0S3-8-12-00.loads", "P0S3-8-12-00.loads: not_found"),
        ("P0S3-06-3-00", "P003-8-12-00.sbn", "P003-8-12-00.sbn: not_found"),
        ("P0S3-07-5-00", "P003-8-12-00.sbn", "P003-8-12-00.sbn: not_found"),
        ("P0S3-08-2-00", "P0S3-8-12-00.sb2", "P0S3-8-12-00.sb2: not_found"),
    ],
)
def test_a_missing_file_leaves_the_phone_on_its_image(
    root: Path, tftpy_port: int, simulate: Any, current: str, missing: str, failed: str
) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / missing).unlink()
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-8-12-00\n")
    simulator = boot(simulate, tftpy_port, current)
    assert image(simulator) == current
    assert reasons(simulator) == [failed]


def test_a_loader_without_its_application_stays_down_until_the_file_is_there(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / "P0S3-8-12-00.sb2").rename(root / "hidden")
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-8-12-00\n")
    simulator = simulate({"mac": MAC, "image": "P0S3-06-3-00"}, tftp=tftpy_port)
    simulator.power_cycle("phone0")
    state = simulator.wait(lambda state: len(simulator.events(event="load_failed")) > 1)
    assert (state["phone0"]["image"], state["phone0"]["telnet"], state["phone0"]["status"]) == ("P003-8-12-00", False, "booting")
    (root / "hidden").rename(root / "P0S3-8-12-00.sb2")
    simulator.wait(lambda state: state["phone0"]["status"] == "up")
    assert image(simulator) == "P0S3-8-12-00"


@pytest.mark.parametrize(
    "file, content",
    [
        ("P0S3-8-12-00.sb2", container("P0S3-8-11-00.sb2", raw_image("P0S3-08-11-00"))),
        ("P0S3-8-12-00.sb2", container("P0S3-8-12-00.sb2", raw_image("P0S3-8-12-00"))[:420]),
        ("P0S3-8-12-00.sb2", raw_image("P0S3-8-12-00")),
        ("P0S3-8-12-00.loads", manifest("P0S3-8-12-00", "P003-8-12-00")),
        ("P0S3-8-12-00.loads", container("P0S3-8-12-00.loads", b"LA_VERSION=PAS30830\n")),
    ],
)
def test_a_damaged_or_renamed_file_is_refused(root: Path, tftpy_port: int, simulate: Any, file: str, content: bytes) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / file).write_bytes(content)
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-8-12-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-08-2-00")
    assert image(simulator) == "P0S3-08-2-00"
    assert len(reasons(simulator)) == 1 and reasons(simulator)[0].startswith("Image Authentication Failed")


def test_a_file_nobody_may_read_is_as_good_as_missing(root: Path, tftpd_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-06-3-00", mode=0o600)
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-06-3-00\n")
    simulator = boot(simulate, tftpd_port, "P0S3-8-12-00")
    assert image(simulator) == "P0S3-8-12-00"


@pytest.mark.parametrize("ending", [b" \n", b"\r\n", b" \r\n"])
def test_blanks_in_os79xx_make_a_name_nobody_serves(root: Path, tftpy_port: int, simulate: Any, ending: bytes) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / "OS79XX.TXT").write_bytes(b"P003-8-12-00" + ending)
    simulator = boot(simulate, tftpy_port, "P0S3-06-3-00")
    assert image(simulator) == "P0S3-06-3-00"
    assert f"P003-8-12-00{ending.decode()[:-1]}.sbn" in asked(simulator)


@pytest.mark.parametrize("version", ['" P0S3-06-3-00"', "p0s3-06-3-00", "P0S3-6-3-00", "P0S3-06-3-00.sbn", "РOS3-06-3-00"])
def test_a_misspelt_image_version_is_not_found(root: Path, tftpy_port: int, simulate: Any, version: str) -> None:
    make_image(root, "P0S3-06-3-00")
    (root / "SIPDefault.cnf").write_text(f"image_version: {version}\n", encoding="utf-8")
    simulator = boot(simulate, tftpy_port, "P0S3-08-2-00")
    assert image(simulator) == "P0S3-08-2-00"
    assert len(reasons(simulator)) == 1


@pytest.mark.parametrize("os79xx", ["P003-8-12-00\n", "P0S3-06-0-00\n"])
def test_config_wins_over_a_stale_os79xx_and_the_boot_ends(root: Path, tftpy_port: int, simulate: Any, os79xx: str) -> None:
    for name in ("P0S3-06-3-00", "P0S3-06-0-00", "P0S3-8-12-00"):
        make_image(root, name)
    (root / "OS79XX.TXT").write_text(os79xx)
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-06-3-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-08-2-00")
    assert image(simulator) == "P0S3-06-3-00"
    assert flashed(simulator) == ["P0S3-06-3-00", os79xx.strip(), "P0S3-06-3-00"]


def test_a_stale_sep_file_fights_image_version_and_the_boot_ends(root: Path, tftpy_port: int, simulate: Any) -> None:
    for name in ("P0S3-08-2-00", "P0S3-8-12-00"):
        make_image(root, name)
    (root / SEP).write_text("<device><loadInformation>P0S3-08-2-00</loadInformation></device>")
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-8-12-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-08-2-00")
    assert image(simulator) == "P0S3-08-2-00"


def test_telnet_follows_the_config(root: Path, tftpy_port: int, simulate: Any, telnet: Any) -> None:
    (root / "SIPDefault.cnf").write_text("phone_password: new\nphone_prompt: Lobby\ntelnet_level: 2\n")
    simulator = boot(simulate, tftpy_port, "P0S3-8-12-00", telnet_level=1)
    telnet(simulator).login(b"new", b"Lobby> ")
    (root / "SIPDefault.cnf").write_text("telnet_level: 0\n")
    simulator.power_cycle("phone0")
    state = simulator.wait(lambda state: state["phone0"]["status"] == "up")
    assert not state["phone0"]["telnet"]


def test_own_telnet_ignores_the_config(root: Path, tftpy_port: int, simulate: Any, telnet: Any) -> None:
    (root / "SIPDefault.cnf").write_text("phone_password: new\nphone_prompt: Lobby\ntelnet_level: 0\n")
    telnet(boot(simulate, tftpy_port, "P0S3-8-12-00", own_telnet=True)).login()


def test_stays_old(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-06-3-00")
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-06-3-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-08-2-00", faults=["stays_old"])
    assert image(simulator) == "P0S3-08-2-00"
    assert "P0S3-06-3-00.sbn" in asked(simulator)
    assert flashed(simulator) == []


def test_behind_a_firewall_every_file_takes_twelve_sends_and_nothing_changes(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-06-3-00")
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-06-3-00\n")
    simulator = boot(simulate, tftpy_port, "P0S3-08-2-00", faults=["firewall"])
    requests = simulator.events(event="tftp")
    assert {(event["result"], event["sends"]) for event in requests} == {("timed_out", 12)}
    assert [event["file"] for event in requests][:4] == [CTLSEP, SEP, "SIPDefault.cnf", SIP]
    assert image(simulator) == "P0S3-08-2-00"


def test_a_power_cut_in_the_middle_of_a_boot_starts_it_again(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-06-3-00")
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-06-3-00\n")
    simulator = simulate({"mac": MAC, "image": "P0S3-08-2-00"}, tftp=tftpy_port, time_scale=0.01)
    simulator.power_cycle("phone0")
    simulator.wait(lambda state: simulator.events(event="tftp"))
    simulator.power_cycle("phone0")
    state = simulator.wait(lambda state: state["phone0"]["status"] == "up")
    assert (state["phone0"]["image"], state["phone0"]["resets"]) == ("P0S3-06-3-00", 2)


def test_boot_times_scale(root: Path, tftpy_port: int, simulate: Any) -> None:
    """A plain boot of 8.12 takes 26 s from the first file to the ring list (log), and half a minute before that."""
    simulator = simulate({"mac": MAC, "image": "P0S3-8-12-00"}, tftp=tftpy_port, time_scale=0.02)
    simulator.power_cycle("phone0")
    simulator.wait(lambda _state: bool(simulator.events(event="up")))
    files = simulator.events(event="tftp")
    assert 24 < (files[-1]["t"] - files[0]["t"]) / 0.02 < 35
    assert 53 < (simulator.events(event="up")[0]["t"] - simulator.events(event="power_cycle")[0]["t"]) / 0.02 < 75


def test_300_phones_boot_and_flash_at_once(root: Path, tftp_port: int, simulate: Any) -> None:
    for path in make_image(root, "P0S3-06-3-00", size=1500):
        assert os.access(path, os.R_OK)
    (root / "SIPDefault.cnf").write_text("image_version: P0S3-06-3-00\n")
    simulator = simulate(*({"image": "P0S3-08-2-00"} for _number in range(300)), tftp=tftp_port)
    started = time.monotonic()
    for phone in simulator.state():
        simulator.power_cycle(phone)
    state = simulator.wait(lambda state: all(phone["status"] == "up" and phone["image"] == "P0S3-06-3-00" for phone in state.values()), 40)
    assert len(state) == 300
    assert {event["result"] for event in simulator.events(event="tftp")} == {"ok", "not_found"}
    assert time.monotonic() - started < 40
