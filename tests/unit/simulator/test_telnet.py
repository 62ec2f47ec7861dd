# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telnet byte by byte, resets, calls and every fault. One fleet with one phone per trait serves most tests."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.harness import MODULE, TREE, Simulator
from ansible_collections.voip.cisco79xx.tests.simulator.telnet import Keys

PHONES: list[dict[str, Any]] = [
    {"name": "plain", "mac": "00:0e:84:c0:60:a6"},
    {"name": "split", "mac": "000E84C060A6", "banner": "split_lines"},
    {"name": "bare", "banner": "none", "prompt": "Cisco7960", "password": "other"},
    *(
        {"name": fault, "faults": [fault]}
        for fault in (
            "silent closes closes_after_password endless endless_after_login chatty slow no_echo level_1 hostile other_phone"
            " wrong_password telnet_off never_returns bricked"
        ).split()
    ),
    {"name": "two", "faults": {"wrong_password": "secret", "no_echo": True, "slow": False}},
    {"name": "level_2"},
    {"name": "level_0", "telnet_level": 0},
    {"name": "fin", "on_reset": "fin"},
    {"name": "hang", "on_reset": "hang"},
    {"name": "later_off", "faults": ["telnet_off_after_reset"]},
    {"name": "later_password", "faults": {"password_after_reset": "new"}},
    {"name": "in_call", "faults": ["in_call"]},
    {"name": "short_call", "faults": ["in_call"], "call_seconds": 300},
    {"name": "instant", "boot": "none"},
    {"name": "instant_own", "boot": "none", "next_image": "P0S3-07-5-00"},
    {"name": "instant_old", "boot": "none", "faults": ["stays_old"]},
    {"name": "instant_brick", "boot": "none", "faults": ["bricked"]},
    {"name": "timed", "boot": "none", "boot_seconds": 0.3},
    {"name": "timed_old", "boot": "none", "boot_seconds": 0.3, "faults": ["stays_old"]},
    {"name": "timed_brick", "boot": "none", "boot_seconds": 0.01, "faults": ["bricked"]},
]
BANNER = (
    b"\r\n<Cisco Systems, Inc.> <Copyright 2000-2005>\r\nCisco IP phone  MAC: 000e:84c0:60a6\r\n"
    b"Loadid:  SW: P0S3-08-2-00  ARM: PAS3XXXX  Boot: PC03A300  DSP: PS03XXXX\r\n\r\nSIP Phone> "
)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    """No TFTP server: the phones' requests run into a closed port, all twelve of them, in no time."""
    with Simulator(
        {
            "time_scale": 0.001,
            "tftp_time_scale": 0.0005,
            "tftp": {"port": 9},
            "instant_target": "P0S3-06-3-00",
            "defaults": {"image": "P0S3-08-2-00", "port": 0},
            "phones": PHONES,
        },
        max_seconds=120,
    ) as simulator:
        yield simulator
    assert "Traceback" not in simulator.said, simulator.said


@pytest.fixture
def connect(fleet: Simulator, telnet: Callable[..., Any]) -> Callable[[str], Any]:
    return lambda name: telnet(fleet, name)


def up_again(fleet: Simulator, name: str, resets: int) -> dict[str, Any]:
    return fleet.wait(lambda state: state[name]["status"] == "up" and state[name]["resets"] == resets)[name]


def refused(fleet: Simulator, name: str) -> bool:
    phone = fleet.state()[name]
    with socket.socket() as client:
        return client.connect_ex((phone["address"], phone["port"])) != 0


def test_every_byte_of_a_session(connect: Any) -> None:
    client = connect("plain")
    assert client.until(b":") == b"\xff\xfb\x03\xff\xfb\x01\r\n\r\nPassword :"
    client.socket.sendall(b"\xff\xfd\x03\xff\xfd\x01cis\xff\xfa\x18\x01\xff\xf0co\r\0")
    assert client.until(b"SIP Phone> ") == BANNER
    client.type(b"version")
    assert client.until(b"SIP Phone> ") == b"version\r\nversion: Command not found.\r\nSIP Phone> "


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\0"])
def test_any_line_end_counts_once(connect: Any, end: bytes) -> None:
    client = connect("plain")
    client.until(b"Password :")
    client.type(b"cisco", end)
    assert client.until(b"SIP Phone> ") == BANNER
    client.type(b"", end)
    assert client.until(b"SIP Phone> ") == b"\r\nSIP Phone> "
    client.type(b"foo", end)
    assert client.until(b"SIP Phone> ") == b"foo\r\nfoo: Command not found.\r\nSIP Phone> "
    client.type(b"exit", end)
    assert client.rest() == b"exit\r\nLogging Out\r\n"


def test_other_banners_and_prompts(connect: Any) -> None:
    assert b"\r\nLoadid:\r\n  SW: P0S3-08-2-00\r\n  ARM: PAS3XXXX\r\n" in connect("split").login()
    assert connect("bare").login(b"other", b"Cisco7960> ") == b"\r\nCisco7960> "


def test_three_tries_for_the_password(fleet: Simulator, connect: Any) -> None:
    client = connect("wrong_password")
    client.until(b"Password :")
    for _try in range(2):
        client.type(b"cisco")
        assert client.until(b"Password :") == b"\r\nBad Passwords!\r\n\r\nPassword :"
    client.type(b"cisco")
    assert client.rest() == b"\r\nBad Passwords!\r\n\r\n"
    assert len(fleet.events("wrong_password", "bad_password")) == 3
    assert not fleet.events("wrong_password", "login")


def test_two_faults_at_once_and_a_fault_with_a_value(connect: Any) -> None:
    client = connect("two")
    client.login(b"secret")
    client.type(b"foo")
    assert client.until(b"SIP Phone> ") == b"foo: Command not found.\r\nSIP Phone> "


@pytest.mark.parametrize(
    "typed, answer",
    [
        (b"re", b"re: Ambiguous."),
        (b"e", b"e: Ambiguous."),
        (b"show", b"show: Ambiguous."),
        (b"sh reg", b"LINE REGISTRATION TABLE"),
        (b"show re", b"re: Ambiguous."),
        (b"show foo", b"foo: Command not found."),
        (b"SHOW CONFIG", b"------ Current *RUNNING* Configuration ------"),
        (b"show net", b"Platform : Cisco IP Phone 7960"),
    ],
)
def test_commands_may_be_abbreviated(connect: Any, typed: bytes, answer: bytes) -> None:
    client = connect("plain")
    client.login()
    client.type(typed)
    assert client.until(b"SIP Phone> ").startswith(typed + b"\r\n" + answer + b"\r\n")


def test_show_register_has_its_columns(connect: Any) -> None:
    client = connect("plain")
    client.login()
    client.type(b"show register")
    lines = client.until(b"SIP Phone> ").split(b"\r\n")
    assert lines[2:4] == [
        b"Proxy Registration: ENABLED, state: REGISTERED",
        b"line  APR  state          timer       expires     proxy:port",
    ]
    assert lines[5] == b"1     111  REGISTERED     3600        3540        192.0.2.9:5060"
    assert lines[7] == b"Note: APR is Authenticated, Provisioned, Registered"


def test_show_network_tells_the_time_since_the_reset(connect: Any) -> None:
    client = connect("plain")
    client.login()
    client.type(b"show network")
    assert b"\r\nElapsed Time: 00:00:" in client.until(b"SIP Phone> ")


def test_reset_drops_every_connection_and_comes_back(fleet: Simulator, connect: Any) -> None:
    bystander, client = connect("level_2"), connect("level_2")
    bystander.login()
    client.login()
    client.type(b"reset")
    for one in (client, bystander):
        one.socket.settimeout(5)
        with pytest.raises(ConnectionResetError):
            while one.socket.recv(4096):
                pass
    assert up_again(fleet, "level_2", 1)["image"] == "P0S3-08-2-00"
    connect("level_2").login()
    assert [event["event"] for event in fleet.events("level_2") if event["event"] != "tftp"] == [
        "login", "login", "reset", "boot", "up", "login",
    ]  # fmt: skip


def test_a_reset_may_look_like_an_orderly_end_or_like_nothing(fleet: Simulator, connect: Any) -> None:
    for name in ("fin", "hang"):
        client = connect(name)
        client.login()
        client.type(b"res")
        client.socket.settimeout(0.02 if name == "hang" else 5)
        if name == "fin":
            assert b"res\r\n".startswith(client.rest())
        else:
            with pytest.raises(TimeoutError):
                while client.socket.recv(100):
                    pass
        up_again(fleet, name, 1)
        client.rest()


def test_level_1_refuses_to_reset(fleet: Simulator, connect: Any) -> None:
    client = connect("level_1")
    client.login()
    client.type(b"reset")
    assert client.until(b"> ") == b"reset\r\nWARNING: Command may only be used in  privileged mode\r\nSIP Phone> "
    assert fleet.state()["level_1"]["resets"] == 0
    assert fleet.events("level_1", "reset_refused")


@pytest.mark.parametrize("name", ["level_0", "telnet_off"])
def test_telnet_off_refuses(fleet: Simulator, name: str) -> None:
    assert refused(fleet, name)


def test_a_reset_in_a_call_waits_for_its_end(fleet: Simulator, connect: Any) -> None:
    client = connect("in_call")
    client.login()
    client.type(b"reset")
    assert client.until(b"SIP Phone> ") == (
        b"reset\r\nReset Detected during active call.\r\nPhone will reset when call completes.\r\nSIP Phone> "
    )
    state = fleet.state()["in_call"]
    assert (state["resets"], state["in_call"], state["reset_pending"]) == (0, True, True)
    fleet.hang_up("in_call")
    state = up_again(fleet, "in_call", 1)
    assert (state["in_call"], state["reset_pending"]) == (False, False)
    assert [event["event"] for event in fleet.events("in_call") if event["event"] in ("reset_deferred", "reset")] == [
        "reset_deferred",
        "reset",
    ]
    client.rest()


def test_a_call_ends_by_itself_and_hanging_up_resets_nobody(fleet: Simulator) -> None:
    fleet.wait(lambda state: not state["short_call"]["in_call"])
    assert fleet.state()["short_call"]["resets"] == 0
    fleet.call("short_call")
    assert fleet.state()["short_call"]["in_call"]


def test_silent_says_nothing(connect: Any) -> None:
    client = connect("silent")
    client.type(b"cisco")
    client.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.socket.recv(1)


def test_closes(connect: Any) -> None:
    assert connect("closes").rest() == b""
    client = connect("closes_after_password")
    client.until(b"Password :")
    client.type(b"cisco")
    assert client.rest() == b""


@pytest.mark.parametrize("name", ["endless", "endless_after_login"])
def test_endless(connect: Any, name: str) -> None:
    client = connect(name)
    if name == "endless_after_login":
        client.until(b"Password :")
        client.type(b"cisco")
    seen = b""
    while len(seen) < 20000:
        seen += client.socket.recv(4096)
    assert set(seen) == {ord("x")}


def test_chatty_talks_between_prompt_and_answer(connect: Any) -> None:
    client = connect("chatty")
    debug = b"sip: -> rx <sip:100@192.0.2.9>\r\n"
    prompt = debug + b"SIP Phone> \r\n" + debug
    client.until(b"Password :")
    client.type(b"cisco")
    assert client.until(prompt).endswith(b"DSP: PS03XXXX\r\n\r\n" + prompt)
    client.type(b"foo")
    assert client.until(prompt) == b"foo\r\n" + debug + b"foo: Command not found.\r\n" + prompt


def test_slow_comes_byte_by_byte(connect: Any) -> None:
    client = connect("slow")
    started = time.monotonic()
    sizes = []
    while len(client.seen) < 15:
        data = client.socket.recv(4096)
        sizes.append(len(data))
        client.seen += data
    assert sizes.count(1) > 5
    client.login()
    assert time.monotonic() - started > 0.5


def test_hostile_sends_what_a_terminal_or_a_template_would_obey(connect: Any) -> None:
    client = connect("hostile")
    banner = client.login()
    for part in (b"\x1b[2J", b"{{ 7*7 }}", b"\0", b"\xe9"):
        assert part in banner
    assert b"SW: P0S3-08-2-00" in banner


def test_other_phone_shows_another_mac(fleet: Simulator, connect: Any) -> None:
    mac = fleet.state()["other_phone"]["mac"].lower()
    shown = connect("other_phone").login().partition(b"MAC: ")[2][:14].replace(b":", b"").decode()
    assert shown != mac and shown[:11] == mac[:11]


@pytest.mark.parametrize("name", ["never_returns", "bricked", "instant_brick", "timed_brick"])
def test_never_returns(fleet: Simulator, connect: Any, name: str) -> None:
    client = connect(name)
    client.login()
    client.type(b"reset")
    client.rest()
    time.sleep(0.3)
    assert fleet.state()[name]["status"] == "down"
    assert refused(fleet, name)


def test_faults_that_begin_with_the_reset(fleet: Simulator, connect: Any) -> None:
    for name in ("later_off", "later_password"):
        connect(name).login()
        fleet.power_cycle(name)
        up_again(fleet, name, 1)
    assert refused(fleet, "later_off")
    connect("later_password").login(b"new")


@pytest.mark.parametrize("name, image", [("instant", "P0S3-06-3-00"), ("instant_own", "P0S3-07-5-00"), ("instant_old", "P0S3-08-2-00")])
def test_an_instant_phone_resets_at_once(fleet: Simulator, connect: Any, name: str, image: str) -> None:
    client = connect(name)
    client.login()
    client.type(b"reset")
    client.rest()
    assert f"SW: {image} ".encode() in connect(name).login()
    assert not fleet.events(name, "tftp")


@pytest.mark.parametrize("name, image", [("timed", "P0S3-06-3-00"), ("timed_old", "P0S3-08-2-00")])
def test_a_phone_can_be_away_for_a_time_of_its_own_without_files(fleet: Simulator, name: str, image: str) -> None:
    fleet.power_cycle(name)
    assert refused(fleet, name)
    up_again(fleet, name, 1)
    fleet.wait(lambda state: len(fleet.events(name)) > 1)  # a phone that is up notes it a moment later
    cycled, up = fleet.events(name)[-2:]
    assert (cycled["event"], up["event"], up["image"]) == ("power_cycle", "up", image)
    assert 0.7 * 0.3 <= up["t"] - cycled["t"] <= 1.3 * 0.3 + 0.2


def test_faults_can_change_while_the_phone_runs(fleet: Simulator, connect: Any) -> None:
    fleet.set_faults("plain", ["closes"])
    assert connect("plain").rest() == b""
    fleet.set_faults("plain", [])
    connect("plain").login()


def test_the_control_socket_refuses_what_it_does_not_know(fleet: Simulator) -> None:
    for request in ({"operation": "explode", "phone": "plain"}, {"operation": "power_cycle", "phone": "nobody"}):
        with pytest.raises(RuntimeError):
            fleet.ask(**request)


def test_telnet_sequences_cut_anywhere_are_no_input() -> None:
    typed = b"\xff\xfd\x01a\xff\xfa\x18\0x\xff\xf0b\xff\xf1\xff\xffc\r\n\rd\n"
    for cut in range(len(typed)):
        keys = Keys()
        assert b"".join([*keys.feed(typed[:cut]), *keys.feed(typed[cut:])]) == b"ab\xffc\n\nd\n"


@pytest.mark.parametrize("how", ["stdin", "SIGTERM", "time"])
def test_the_process_ends_and_leaves_its_state(tmp_path: Path, how: str) -> None:
    fleet = {"phones": [{"image": "P0S30203", "name": "desk", "port": 0}], "state": str(tmp_path / "state.json")}
    (tmp_path / "fleet.json").write_text(json.dumps(fleet))
    command = [
        sys.executable,
        "-m",
        MODULE,
        str(tmp_path / "fleet.json"),
        "--until-stdin-closes",
        "--max-seconds",
        "0.2" if how == "time" else "20",
    ]
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin and process.stdout
        assert select.select([process.stdout], [], [], 10)[0]
        assert process.stdout.readline() == b"ready 1 phones\n"
        if how == "stdin":
            process.stdin.close()
        elif how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    desk = json.loads((tmp_path / "state.json").read_text())["desk"]
    assert (desk["image"], desk["status"], desk["resets"]) == ("P0S30203", "up", 0)


def test_an_address_in_use_is_told(fleet: Simulator) -> None:
    taken = fleet.state()["plain"]
    with pytest.raises(RuntimeError, match="address already in use"):
        Simulator({"phones": [{"image": "P0S30203", "address": taken["address"], "port": taken["port"]}]}).__enter__()
