# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong, at once."""

from __future__ import annotations

import re
import time
from threading import Thread
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
    assert [name for name in run.statuses() if (run.recap(name).get("failed", 0) > 0) != (run.statuses()[name] == "failed")] == []
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
