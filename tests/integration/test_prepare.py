# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook prepare, for phones that cannot be driven by telnet yet: off, at level 1, or with another password."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, Run, Site

OLD = "elderberry-Wine"
NONE = b'image_version: "P0S3-08-2-00"\r\ntelnet_level: "%d"\r\nphone_password: "%s"\r\n'
OFF = {"telnet_level": 0, "password": OLD}
OTHER = {"telnet_level": 2, "password": OLD}
KNOWN = {**OTHER, "inventory": {"cisco79xx_old_password": OLD}}
LEVEL_1 = {"telnet_level": 1, "cnf": b"line1_name: 7\ntelnet_level: 1\n"}
RIGHT = {"telnet_level": 2, "cnf": f'line1_name: 8\ntelnet_level: "2" ; as it has to be\nphone_password: "{PASSWORD}"\n'.encode()}


def with_default(site: Site, level: int, password: str) -> Site:
    (site.root / "SIPDefault.cnf").write_bytes(NONE % (level, password.encode()))
    return site


def prepare(site: Site, *arguments: str, **more: object) -> Run:
    run = site.play("prepare", *arguments, image=None, **more)  # type: ignore[arg-type]
    assert PASSWORD not in run.output and OLD not in run.output
    return run


def restart_by_hand(site: Site, names: Iterable[str], output: str) -> None:
    """As people do, once they are asked to."""
    told = site.folder / "output"
    deadline = time.monotonic() + 60
    while output not in (told.read_text() if told.exists() else ""):
        assert time.monotonic() < deadline, told.read_text()
        time.sleep(0.1)
    for name in names:
        site.simulator.power_cycle(name)


def test_a_fleet_is_prepared_while_people_restart_it(site):
    kinds = {"off": OFF, "other": OTHER, "known": KNOWN, "level1": LEVEL_1, "right": RIGHT}
    phones = [{"name": f"{kind}{number}", **kinds[kind]} for number in range(60) for kind in kinds]
    with_default(site := site(phones), 0, OLD)
    by_hand = [f"{kind}{number}" for number in range(60) for kind in ("off", "other", "level1")]
    with site.started("-e", "wait_timeout=90", playbook="prepare", environment={"PYTHONUNBUFFERED": "1"}) as process:
        restart_by_hand(site, by_hand, "by hand now (keys")
        status = process.wait(100)
    output = (site.folder / "output").read_text()
    assert status == 0, output
    assert PASSWORD not in output and OLD not in output
    report = site.report()
    assert report
    statuses = {name: phone["status"] for name, phone in report["phones"].items()}
    assert {name for name, end in statuses.items() if end == "already"} == {name for name in statuses if name.startswith("right")}
    assert set(statuses.values()) == {"already", "done"}
    resets = site.resets()
    told = {event["phone"] for event in site.simulator.events(event="reset")}
    assert told == {name for name in statuses if name.startswith("known")}, "no other phone could be told to restart"
    assert max(resets.values()) == 1 and all(resets[name] == 0 for name in resets if name.startswith("right"))
    assert (site.root / "SIPDefault.cnf").read_bytes() == NONE % (2, PASSWORD.encode())
    own = (site.root / f"SIP{site.phones[3]['mac']}.cnf").read_bytes()
    assert own == b"line1_name: 7\ntelnet_level: 2\n"
    before = site.digest()

    again = prepare(site)
    assert again.status == 0, again.output
    assert set(again.statuses().values()) == {"already"}
    assert site.digest() == before and site.resets() == resets


@pytest.mark.once
def test_run_again_it_goes_on(site):
    site = with_default(site([OFF, LEVEL_1, RIGHT]), 1, OLD)
    before = site.digest()
    dry = prepare(site, "--check", "--diff")
    assert dry.status == 0, dry.output
    assert dry.statuses() == {"phone0": "planned", "phone1": "planned", "phone2": "already"}
    assert site.digest() == before and not any(site.resets().values())
    assert '-telnet_level: "1"' in dry.output and '+telnet_level: "2"' in dry.output

    first = prepare(site, "-e", "wait_timeout=3")
    assert first.status == 2
    assert first.report
    kinds = {name: (phone["status"], phone["kind"]) for name, phone in first.report["phones"].items()}
    assert kinds == {"phone0": ("failed", "refused"), "phone1": ("failed", "not_restarted"), "phone2": ("already", None)}
    changed = site.digest()
    assert changed != before
    assert {file for file in before if before[file] != changed[file]} == {"SIPDefault.cnf", f"SIP{site.phones[1]['mac']}.cnf"}

    second = prepare(site, "-e", "wait_timeout=3")
    assert second.status == 2, "nobody has restarted them"
    assert site.digest() == changed

    for name in ("phone0", "phone1"):
        site.simulator.power_cycle(name)
    third = prepare(site)
    assert third.status == 0, third.output
    assert site.digest() == changed
    assert all(status in ("done", "already") for status in third.statuses().values())
    after = site.play("downgrade")
    assert after.status == 0, after.output


@pytest.mark.once
def test_settings_are_taken_back(site):
    site = with_default(site([OTHER]), 2, OLD)
    before = {name: digest for name, (digest, _time) in site.digest().items()}
    shown = prepare(site, "-vvvvv", "-e", "wait_timeout=1", environment={"ANSIBLE_DEBUG": "1"})
    assert shown.status == 2
    assert {name: digest for name, (digest, _time) in site.digest().items()} != before
    site.write_inventory(
        hosts={"phone0": {"ansible_host": site.phones[0]["address"], "cisco79xx_mac": site.phones[0]["mac"], "ansible_password": OLD}}
    )
    back = site.play("rollback", image=None)
    assert back.status == 0, back.output
    assert {name: digest for name, (digest, _time) in site.digest().items()} == before
    assert not any(site.resets().values())


@pytest.mark.once
@pytest.mark.parametrize("scope", [["--limit", "phone0"], ["-e", "scope=wave"]])
def test_whom_nobody_asked_about_keeps_what_it_reads(site, scope):
    site = with_default(site([KNOWN, {**OFF, "name": "other"}]), 0, OLD)
    default = (site.root / "SIPDefault.cnf").read_bytes()
    other = (site.root / f"SIP{site.phones[1]['mac']}.cnf").read_bytes()
    run = prepare(site, "-e", "wait_timeout=5", *scope)
    assert run.statuses()["phone0"] == "done", run.output
    assert (site.root / "SIPDefault.cnf").read_bytes() == default
    if "--limit" in scope:
        assert run.status == 0
        assert (site.root / f"SIP{site.phones[1]['mac']}.cnf").read_bytes() == other


@pytest.mark.once
def test_a_phone_of_another_is_left_alone(site):
    site = with_default(site([{"faults": ["other_phone"]}, RIGHT]), 2, PASSWORD)
    run = prepare(site)
    assert run.status == 2
    assert run.report
    assert run.report["phones"]["phone0"]["kind"] == "wrong_phone"
    assert run.report["phones"]["phone1"]["status"] == "already"
    assert not any(site.resets().values())
