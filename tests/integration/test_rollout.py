# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job: ansible-playbook, a real TFTP server, phones that boot from it."""

from __future__ import annotations

import re

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, PLAYBOOKS

OLD = ["P0S3-08-2-00", "P0S3-07-4-00", "P0S3-07-5-00"]


def mixed(count, **more):
    return [{"image": OLD[number % 3], **more} for number in range(count)]


def test_a_fleet_is_downgraded_and_taken_back(site):
    own = b'\nImage_Version :\t"P0S3-08-2-00";keep \r\nline1_password: "hidden"'
    phones = [*mixed(11), {"image": "P0S3-08-2-00", "cnf": own}, {"image": "P0S3-06-3-00"}]
    here = site(phones)

    down = here.play("downgrade", "--diff")
    assert down.status == 0, down.output
    assert set(here.running().values()) == {"P0S3-06-3-00"}
    assert here.resets() == {f"phone{number}": 1 if number < 12 else 0 for number in range(13)}
    assert down.statuses() == {f"phone{number}": "done" if number < 12 else "already" for number in range(13)}
    assert [len(wave["phones"]) for wave in down.report["rollout"]["waves"]] == [1, 1, 6, 4]
    assert down.report["rollout"]["stopped_at"] is None
    assert (here.root / "OS79XX.TXT").read_bytes() == b"P0S3-06-3-00\n"
    assert (here.root / f"SIP{phones[11]['mac'] if 'mac' in phones[11] else here.phones[11]['mac']}.cnf").read_bytes() == own.replace(
        b"08-2", b"06-3"
    )
    assert PASSWORD not in down.output
    assert "hidden" not in down.output
    assert down.recap("phone0")["failed"] == 0

    before = here.digest()
    again = here.play("downgrade")
    assert again.status == 0, again.output
    assert set(again.statuses().values()) == {"already"}
    assert here.digest() == before
    assert again.recap("phone0")["changed"] == 0
    assert sum(here.resets().values()) == 12

    up = here.play("upgrade", image="P0S3-8-12-00")
    assert up.status == 0, up.output
    assert set(here.running().values()) == {"P0S3-8-12-00"}
    assert (here.root / "OS79XX.TXT").read_bytes() == b"P003-8-12-00\n"


@pytest.mark.once
def test_a_load_that_wins_is_refused_or_follows(site):
    here = site(mixed(2))
    sep = here.root / f"SEP{here.phones[0]['mac']}.cnf.xml"
    sep.write_bytes(b'<device>\n<loadInformation model="IP Phone 7960">P0S3-08-2-00</loadInformation></device>\r\n')
    before = here.digest()
    refused = here.play("downgrade")
    assert refused.status != 0
    assert f"{sep.name}:2: names the load 'P0S3-08-2-00'" in refused.output and "-e loads=follow" in refused.output
    assert here.digest() == before and not any(here.resets().values())

    down = here.play("downgrade", "-e", "loads=follow")
    assert down.status == 0, down.output
    assert set(here.running().values()) == {"P0S3-06-3-00"}
    assert sep.read_bytes() == b'<device>\n<loadInformation model="IP Phone 7960">P0S3-06-3-00</loadInformation></device>\r\n'
    assert here.play("rollback", image=None).status == 0
    assert b">P0S3-08-2-00<" in sep.read_bytes()


def test_a_dry_run_shows_all_and_touches_nothing(site):
    here = site(mixed(4))
    before = here.digest()
    dry = here.play("downgrade", "--check", "--diff")
    assert dry.status == 0, dry.output
    assert here.digest() == before
    assert not any(here.resets().values())
    assert set(dry.statuses().values()) == {"planned"}
    assert '-image_version: "P0S3-08-2-00" ; keep' in dry.output
    assert '+image_version: "P0S3-06-3-00" ; keep' in dry.output
    assert "+P0S3-06-3-00" in dry.output
    assert PASSWORD not in dry.output
    assert re.search(r"^ +1 +1  tftp1  phone0 +P0S3-08-2-00 -> P0S3-06-3-00$", dry.output, re.MULTILINE)

    real = here.play("downgrade", "--diff")
    assert real.status == 0
    shown = [line for line in dry.output.splitlines() if line.startswith(("+", "-"))]
    assert shown == [line for line in real.output.splitlines() if line.startswith(("+", "-"))]


@pytest.mark.once
def test_a_dry_run_of_twelve_phones_is_one_screen(site):
    here = site(mixed(12))
    dry = here.play("downgrade", "--check")
    assert dry.status == 0, dry.output
    lines = dry.output.splitlines()
    assert len(lines) <= 45
    assert sum(line.startswith("TASK [") for line in lines) <= 8
    assert not [line for line in lines if line.startswith(("skipping", "included"))]
    assert lines[lines.index("outcome     would_start: 12 planned") + 3].startswith("next        ansible-playbook ")


@pytest.mark.once
def test_a_canary_that_fails_stops_the_rollout_and_a_second_run_finishes(site):
    here = site([{"image": "P0S3-08-2-00", "faults": ["stays_old"]}, *mixed(4)])
    stopped = here.play("downgrade", "-e", "wait_timeout=4")
    assert stopped.status != 0
    assert stopped.statuses() == {"phone0": "failed", **{f"phone{number}": "not_reached" for number in range(1, 5)}}
    assert "came back on P0S3-08-2-00 instead of P0S3-06-3-00" in stopped.report["phones"]["phone0"]["reason"]
    assert stopped.report["rollout"]["stopped_at"] == 1
    assert stopped.report["phones"]["phone0"]["image_after"] == "P0S3-08-2-00"
    assert here.resets() == {"phone0": 1, **{f"phone{number}": 0 for number in range(1, 5)}}
    assert stopped.recap("phone0")["failed"] == 1

    here.simulator.set_faults("phone0", [])
    finished = here.play("downgrade")
    assert finished.status == 0, finished.output
    assert set(here.running().values()) == {"P0S3-06-3-00"}


@pytest.mark.once
@pytest.mark.parametrize(("percent", "stops"), [(25, False), (24, True)])
def test_the_share_that_may_fail(site, percent, stops):
    here = site([*mixed(3), {"image": "P0S3-08-2-00", "faults": ["stays_old"]}, *mixed(2)])
    run = here.play("downgrade", "-e", '{"waves": [4, "100%"]}', "-e", f"max_fail={percent}", "-e", "wait_timeout=4")
    assert run.status != 0
    assert run.statuses()["phone3"] == "failed"
    assert run.statuses()["phone5"] == ("not_reached" if stops else "done")
    assert run.output.count("\nfatal: ") == 1
    assert ("stopped in wave 1: 1 of 4 failed" in run.output) is stops


@pytest.mark.once
@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("wrong_password", "password"),
        ("telnet_off", "refuses telnet"),
        ("silent", "says nothing"),
        ("closes", "closed the connection"),
        ("endless", "without end"),
        ("other_phone", "another phone"),
    ],
)
def test_a_phone_that_cannot_be_observed_is_never_reset(site, fault, word):
    here = site([*mixed(2), {"image": "P0S3-08-2-00", "faults": [fault]}])
    run = here.play("downgrade", "-e", '{"waves": ["100%"]}')
    assert run.status != 0
    assert run.statuses() == {"phone0": "done", "phone1": "done", "phone2": "failed"}
    assert word in run.report["phones"]["phone2"]["reason"]
    assert here.resets()["phone2"] == 0
    assert "1 phone is not on P0S3-06-3-00: phone2" in run.output
    assert PASSWORD not in run.output


@pytest.mark.once
@pytest.mark.parametrize(
    ("phone", "word"),
    [
        ({"faults": ["level_1"]}, "telnet_level: 2"),
        ({"faults": ["in_call"]}, "in a call"),
        ({"faults": ["never_returns"]}, "answers but refuses telnet"),
        ({"faults": ["telnet_off_after_reset"]}, "refuses telnet"),
        ({"faults": ["password_after_reset"]}, "another password"),
        ({"faults": ["firewall"]}, "came back on P0S3-08-2-00"),
    ],
)
def test_a_phone_that_fails_says_why(site, phone, word):
    here = site([{"image": "P0S3-08-2-00", **phone}], tftp_time_scale=0.01)
    run = here.play("downgrade", "-e", "wait_timeout=8" if "firewall" in phone["faults"] else "wait_timeout=3")
    assert run.status != 0
    assert run.statuses() == {"phone0": "failed"}
    assert word in run.report["phones"]["phone0"]["reason"]


def test_a_call_that_ends_lets_the_phone_go(site):
    here = site([{"image": "P0S3-08-2-00", "faults": ["in_call"], "call_seconds": 300}])
    run = here.play("downgrade")
    assert run.status == 0, run.output
    assert here.running() == {"phone0": "P0S3-06-3-00"}


@pytest.mark.once
def test_odd_phones_are_phones(site):
    odd: list[dict[str, object]] = [
        {"prompt": "niks_cave"},
        {"prompt": "a>b #1"},
        {"faults": ["chatty"]},
        {"faults": ["slow"]},
        {"faults": ["no_echo"]},
        {"faults": ["hostile"]},
        {"faults": ["slow", "chatty", "hostile"]},
        {"banner": "split_lines"},
        {"on_reset": "hang"},
        {"on_reset": "fin"},
    ]
    here = site([{"image": "P0S3-08-2-00", **phone} for phone in odd])
    run = here.play("downgrade", "-e", "waves=100%")
    assert run.status == 0, run.output
    assert set(here.running().values()) == {"P0S3-06-3-00"}
    assert set(here.resets().values()) == {1}


def test_signed_phones_are_refused_an_unsigned_image_all_at_once(site):
    here = site([*mixed(3), {"image": "P0S30202"}])
    before = here.digest()
    refused = here.play("downgrade", image="P0S30203")
    assert refused.status != 0
    for number in range(3):
        assert f"phone{number}" in refused.output
        assert refused.statuses()[f"phone{number}"] == "blocked"
    assert "signed" in refused.output
    assert here.digest() == before
    assert not any(here.resets().values())

    on = here.play("rollout", "-e", "skip_blocked=true", image="P0S30203")
    assert on.status != 0
    assert on.statuses() == {"phone0": "blocked", "phone1": "blocked", "phone2": "blocked", "phone3": "done"}
    assert "3 phones are not on P0S30203: phone0, phone1, phone2" in on.output


@pytest.mark.once
@pytest.mark.parametrize(
    ("playbook", "image", "word"),
    [("downgrade", "P0S3-8-12-00", "older than P0S3-8-12-00"), ("upgrade", "P0S3-06-3-00", "newer than P0S3-06-3-00")],
)
def test_the_wrong_direction_is_refused(site, playbook, image, word):
    here = site(mixed(2))
    before = here.digest()
    refused = here.play(playbook, image=image)
    assert refused.status != 0
    assert word in refused.output
    assert here.digest() == before
    assert not any(here.resets().values())
    assert here.play(playbook, "-e", "force=true", image=image).status == 0


def test_limit_and_other_group_names(site):
    here = site(mixed(3))
    run = here.play("downgrade", "--limit", "phone1", "-e", "accept_others=true")
    assert run.status == 0, run.output
    assert here.resets() == {"phone0": 0, "phone1": 1, "phone2": 0}
    assert set(run.statuses()) == {"phone1"}

    text = here.inventory.read_text().replace('"phones"', '"desks"').replace('"tftp_servers"', '"boxes"')
    here.inventory.write_text(text)
    run = here.play("downgrade", "-e", "phones_group=desks", "-e", "tftp_group=boxes")
    assert run.status == 0, run.output
    assert set(here.running().values()) == {"P0S3-06-3-00"}


def test_by_the_name_of_the_collection(site):
    here = site(mixed(2))
    status, output = here.run(
        ["ansible-playbook", "voip.cisco79xx.downgrade", "-i", str(here.inventory), "-e", "image=P0S3-06-3-00", "-e", "wait_timeout=20"]
    )
    assert status == 0, output
    assert set(here.running().values()) == {"P0S3-06-3-00"}
    assert (here.folder / "cisco79xx-report" / "report.json").exists()


def test_no_password_at_the_highest_verbosity(site):
    here = site([*mixed(2), {"image": "P0S3-08-2-00", "faults": ["wrong_password"]}])
    run = here.play("downgrade", "-vvvvv", "--diff")
    assert PASSWORD not in run.output
    assert "hidden" not in run.output
    left = [path for folder in (here.report_dir, here.folder / ".ansible") for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in left} >= {"report.json", "report.html", "junit.xml"}
    for path in left:
        assert PASSWORD.encode() not in path.read_bytes(), path


@pytest.mark.once
def test_the_dry_run_of_an_upgrade_shows_what_the_real_one_does(site):
    here = site([{"image": "P0S3-06-3-00"}, {"image": "P0S3-06-3-00"}])
    before = here.digest()
    dry = here.play("upgrade", "--check", "--diff", image="P0S3-8-12-00")
    assert dry.status == 0, dry.output
    assert here.digest() == before
    assert set(here.resets().values()) == {0}
    assert set(dry.statuses().values()) == {"planned"}
    real = here.play("upgrade", image="P0S3-8-12-00")
    assert real.status == 0, real.output
    assert set(here.running().values()) == {"P0S3-8-12-00"}
    assert dry.report["files"] == real.report["files"] != []


def test_a_hostile_file_does_a_terminal_no_harm(site):
    """All that a run shows of files: refusals, differences, results."""
    tricks = "\x1b]0;owned\x07 \x1b[2J \x9b31m \x85 \x08 \u202e\u2066 \u200b \rline1_password: none\x0b\x0c\x7f".encode()
    mean = b"phone_label: %s\r\nproxy1_address: %s\r\n" % (tricks, tricks)
    old = b'image_version: "P0S3-08-2-00"\r\n'
    files = [old + mean, old + mean + tricks, b"image_version: " + tricks.replace(b"\r", b"") + b"\n" + mean]
    here = site([{"image": "P0S3-08-2-00", "cnf": file} for file in files])
    (here.root / "SIP020E84FFFFFF.cnf").write_bytes(b"image_version: " + tricks)
    (here.root / "XMLDefault.cnf.xml").write_bytes(b"<Default>%s<loadInformation7>%s</loadInformation7></Default>" % (tricks, tricks))
    shown = [here.play("upgrade", "--check", "--diff", *more, image="P0S3-8-12-00").output for more in ((), ("-e", "scope=wave", "-vvv"))]
    real = here.play("upgrade", "--diff", "-v", "-e", "accept_others=true", image="P0S3-8-12-00")
    assert "phone_label: \\x1b]0;owned\\x07" in real.output
    assert " \\rline1_password" in real.output
    shown += [real.output, here.run(["ansible-playbook", str(PLAYBOOKS / "audit.yml"), "-i", str(here.inventory), "-v"])[1]]
    for text in shown:
        assert {char for char in text.replace("\r\n", "\n") if not (char in "\n\t" or char.isprintable())} == set()
