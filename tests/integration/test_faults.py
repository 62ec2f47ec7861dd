# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong, at once; phones that flood; and phones that do not tell who they are."""

from __future__ import annotations

import os
import re
import signal
import time
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
PHONES, EACH = 300, 6
UNOBSERVED = {
    "wrong_password": ("wrong_password", "does not take the password"),
    "telnet_off": ("refused", "refuses telnet"),
    "silent": ("silent", "says nothing"),
    "endless": ("endless", "without end"),
    "closes": ("closed", "closed the connection"),
    "closes_after_password": ("closed", "closed the connection"),
    "other_phone": ("wrong_phone", "another phone answers here"),
}
RESET = {
    "never_returns": ("refused", "refuses telnet after"),
    "stays_old": ("wrong_image", "came back on P0S3-08-2-00"),
    "firewall": ("wrong_image", "came back on P0S3-08-2-00"),
    "in_call": ("in_call", "is in a call"),
}
FAULTS = [*UNOBSERVED, *RESET, "hostile"]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def test_a_fleet_with_every_fault_ends_as_it_should(site):
    # The faults are spread over all waves, and no two of them are neighbours
    fault_of = {(number * 4 + 3) % PHONES: FAULTS[number % len(FAULTS)] for number in range(EACH * len(FAULTS))}
    here = site(
        [{"image": OLD, "faults": [fault_of[number]] if number in fault_of else []} for number in range(PHONES)], tftp_time_scale=0.05
    )
    faults = {f"phone{number}": fault for number, fault in fault_of.items()}
    summary = here.folder / "summary.md"

    def interrupt_the_server() -> None:
        end = time.monotonic() + 100
        while time.monotonic() < end and len(here.simulator.events(event="up")) < 30:
            time.sleep(0.1)
        here.restart_server(1.0)

    thread = Thread(target=interrupt_the_server)
    thread.start()
    try:
        run = here.play(
            "downgrade",
            "-e",
            '{"waves": [10, "50%", "100%"], "max_fail_percentage": 100, "wait_timeout": 18, "call_timeout": 10}',
            environment={"GITHUB_STEP_SUMMARY": str(summary)},
        )
    finally:
        thread.join()

    assert run.status != 0
    assert set(run.statuses()) == {f"phone{number}" for number in range(PHONES)}
    for name, phone in run.report["phones"].items():
        fault = faults.get(name, "")
        if fault in ("", "hostile"):
            assert phone["status"] == "done", (name, fault, phone)
            assert phone["image_after"] == NEW
        else:
            kind, reason = {**UNOBSERVED, **RESET}[fault]
            assert (phone["status"], phone["kind"]) == ("failed", kind), (name, fault, phone)
            assert reason in phone["reason"], (name, fault, phone)
    resets = here.resets()
    assert {name for name, count in resets.items() if count > 1} == set()
    assert {name for name, count in resets.items() if not count} == {
        name for name, fault in faults.items() if fault in UNOBSERVED or fault == "in_call"
    }
    assert run.output.count("\nfatal: ") == 1, "one task fails for all of them"
    assert len(run.report["rollout"]["waves"]) == 3
    assert run.report["rollout"]["finished"] is True

    assert PASSWORD not in run.output
    for text in (
        run.output,
        summary.read_text(),
        *((here.report_dir / name).read_text() for name in ("report.json", "report.html", "junit.xml")),
    ):
        assert not CONTROL.search(text)
        assert PASSWORD not in text
    junit = ElementTree.parse(here.report_dir / "junit.xml").getroot()
    assert len(list(junit.iter("testcase"))) == PHONES
    assert len(list(junit.iter("failure"))) == sum(status == "failed" for status in run.statuses().values())
    assert "wrong_password" in summary.read_text() or "does not take the password" in summary.read_text()


FLOODS: list[dict[str, Any]] = [
    {"phase": "before", "text": "\n", "bytes": 64_000},
    {"phase": "after", "text": "\n", "bytes": 64_000},
    {"phase": "after", "text": "\r\nx> ", "bytes": 64_000},
    {"phase": "after", "text": "passw \x1b[", "bytes": 64_000},
    {"phase": "before", "text": "\n"},
    {"phase": "after", "text": "Loadid: SW: MAC: 00"},
    {"phase": "before", "text": "\xff\xfb\x18"},
    {"phase": "before", "text": "\n", "size": 1, "pause": 0.001},
    {"phase": "after", "text": "MAC: 00", "size": 1, "pause": 0.001},
]


def test_phones_that_flood_hold_up_nobody(site):
    """They flood from their restart on. The others are away for longer than the patience with a login that ends in nothing."""
    floods: list[dict[str, Any]] = [{"faults": {"flood": {**flood, "after_reset": True}}, "boot_seconds": 0.5} for flood in FLOODS]
    healthy: list[dict[str, Any]] = [{"boot_seconds": 22.0} for _number in range(10)]
    here = site([{"image": OLD, "boot": "none", "next_image": NEW, **phone} for phone in floods + healthy])
    names = [f"phone{number}" for number in range(len(floods), len(floods + healthy))]
    with here.started("-e", "waves=100%", "-e", "max_fail_percentage=100", "-e", "wait_timeout=60") as run:
        here.simulator.wait(lambda state: all(state[name]["image"] == NEW for name in names), 50)
        time.sleep(2)
        interrupted = time.monotonic()
        os.killpg(run.pid, signal.SIGINT)
        run.wait(60)
        took = time.monotonic() - interrupted
    assert took < 5
    phones = here.report()["phones"]
    for name in names:
        away = here.simulator.events(name, "up")[-1]["t"] - here.simulator.events(name, "reset")[-1]["t"]
        assert phones[name]["status"] == "done", phones[name]
        assert phones[name]["seconds"] - away < 2, (name, phones[name], away)


def test_phones_that_do_not_tell_who_they_are(site):
    accepted = {"cisco79xx_accept_unknown_mac": True}
    faults = {"phone1": "no_mac", "phone2": "two_macs", "phone3": "no_mac", "phone4": "no_mac"}
    more: dict[str, dict[str, Any]] = {"phone3": {"inventory": accepted}, "phone4": {"image": NEW}}
    here = site(
        [
            {"image": OLD, "faults": [faults[name]] if name in faults else [], **more.get(name, {})}
            for name in (f"phone{number}" for number in range(5))
        ]
    )
    arguments = ("-e", "waves=100%", "-e", "max_fail_percentage=100")
    dry = here.play("downgrade", "--check", *arguments)
    assert dry.statuses() == {"phone0": "planned", "phone1": "failed", "phone2": "failed", "phone3": "planned", "phone4": "already"}

    run = here.play("downgrade", *arguments)
    assert run.statuses() == {"phone0": "done", "phone1": "failed", "phone2": "failed", "phone3": "done", "phone4": "already"}
    assert here.resets() == {"phone0": 1, "phone1": 0, "phone2": 0, "phone3": 1, "phone4": 0}
    for name, words in (("phone1", "names no MAC in its banner"), ("phone2", "names 2 MACs (")):
        assert run.report["phones"][name]["kind"] == "unknown_mac"
        assert words in run.report["phones"][name]["reason"]
        assert "-e accept_unknown_mac=true" in run.output
    run = here.play("downgrade", *arguments, "-e", "accept_unknown_mac=true")
    assert run.status == 0, run.output
    assert here.resets() == {"phone0": 1, "phone1": 1, "phone2": 1, "phone3": 1, "phone4": 0}


def test_a_phone_that_no_longer_tells_its_mac_when_its_wave_comes(site):
    here = site([{"image": OLD}, {"image": OLD}], time_scale=0.05)
    with here.started("-e", '{"waves": [1, 1], "max_fail_percentage": 100}') as run:
        here.simulator.wait(lambda state: state["phone0"]["resets"], 60)
        here.simulator.set_faults("phone1", ["no_mac"])
        run.wait(60)
    phones = here.report()["phones"]
    assert (phones["phone0"]["status"], phones["phone1"]["status"], phones["phone1"]["kind"]) == ("done", "failed", "unknown_mac")
    assert phones["phone1"]["reason"].startswith("was not reset: names no MAC")
    assert phones["phone1"]["reset_at"] is None
    assert here.resets() == {"phone0": 1, "phone1": 0}
