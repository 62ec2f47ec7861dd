# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a rollout reaches: phones that nobody asked about, phones that restart by themselves, phones that must not move."""

from __future__ import annotations

import random
import re
import threading
import time

import pytest

pytestmark = pytest.mark.once

OLD, NEW, NEWER = "P0S3-08-2-00", "P0S3-06-3-00", "P0S3-8-12-00"
FOUR = [{"image": OLD} for _number in range(4)]


def reboot_all(here, names):
    """Restart phones as a power failure would, and wait until they are up."""
    for name in names:
        here.simulator.power_cycle(name)
    here.simulator.wait(lambda state: all(state[name]["status"] == "up" for name in names), 30)


def test_phones_that_are_not_in_the_run_stop_it(site):
    here = site(FOUR)
    before = here.digest()
    run = here.play("downgrade", "--limit", "phone0")
    assert run.status != 0
    for phone in here.phones[1:]:
        assert phone["mac"] in run.output
    assert "scope=wave" in run.output
    assert here.digest() == before
    assert not any(here.resets().values())

    run = here.play("downgrade", "--limit", "phone0", "-e", "accept_others=true")
    assert run.status == 0, run.output
    reboot_all(here, ["phone1"])
    assert here.running()["phone1"] == NEW


def contents(here):
    return {path.name: path.read_bytes() for path in here.root.iterdir() if path.suffix != ".sbn"}


def own_file(here, number):
    return f"SIP{here.phones[number]['mac']}.cnf"


def changed(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_trial_changes_what_its_phone_reads_and_nothing_else(site):
    """Then all the others, and then the way back to before the trial's successor."""
    here = site([*FOUR, {"image": OLD, "cnf": b'image_version: "P0S3-08-2-00"\n'}])
    before = contents(here)
    trial = here.play("upgrade", "--limit", "phone0", "-e", "scope=wave", image=NEWER)
    assert trial.status == 0, trial.output
    assert changed(before, contents(here)) == {own_file(here, 0)}
    why = "in the inventory, but not in this run: 4 phones (phone1, phone2, phone3, phone4)"
    assert f"SIPDefault.cnf and the files of other phones stay as they are: {why}" in trial.output, "known beforehand"
    assert f"SIPDefault.cnf stays as it is: {why}" in trial.output
    reboot_all(here, here.running())
    assert here.running() == {"phone0": NEWER, **dict.fromkeys(["phone1", "phone2", "phone3", "phone4"], OLD)}
    after_trial, resets = contents(here), here.resets()
    again = here.play("upgrade", "--limit", "phone0", "-e", "scope=wave", image=NEWER)
    assert again.status == 0 and contents(here) == after_trial and here.resets() == resets

    rest = here.play("upgrade", "-e", "scope=wave", "-e", '{"waves": ["100%"]}', image=NEWER)
    assert rest.status == 0, rest.output
    assert changed(before, contents(here)) == {"SIPDefault.cnf", own_file(here, 4), "OS79XX.TXT"}
    assert f'image_version: "{NEWER}" ; keep'.encode() in contents(here)["SIPDefault.cnf"]
    assert set(here.running().values()) == {NEWER}
    once_more = contents(here)
    again = here.play("upgrade", "--limit", "phone0", "-e", "scope=wave", image=NEWER)
    assert again.status == 0 and contents(here) == once_more, "the default names the image: no line of its own is needed"


def test_a_trial_is_taken_back_to_the_byte(site):
    here = site(FOUR[:2])
    before = contents(here)
    trial = here.play("downgrade", "--limit", "phone0", "-e", "scope=wave")
    assert trial.status == 0 and changed(before, contents(here)) == {own_file(here, 0), "OS79XX.TXT"}, "which a phone on 6.3 reads"
    back = here.play("rollback", image=None)
    assert back.status == 0, back.output
    assert contents(here) == before
    assert here.running() == {"phone0": OLD, "phone1": OLD}


def test_a_trial_of_a_phone_that_reads_what_others_read_too(site):
    """OS79XX.TXT has to name the loader for it; the plan says who else reads that: old SIP phones and an SCCP neighbour."""
    here = site([{"image": NEW}, {"image": NEW}, {"image": NEWER, "cnf": b"image_version: P0S3-8-12-00\n"}], default=NEW)
    (here.root / "OS79XX.TXT").write_bytes(b"P0S3-06-3-00\n")
    sccp = b"<device><deviceProtocol>SCCP</deviceProtocol><loadInformation>P00308000500</loadInformation></device>"
    (here.root / "SEP00112233AA01.cnf.xml").write_bytes(sccp)
    before = contents(here)
    trial = here.play("upgrade", "--limit", "phone0", "-e", "scope=wave", image=NEWER)
    assert trial.status == 0, trial.output
    assert changed(before, contents(here)) == {own_file(here, 0), "OS79XX.TXT"}
    assert f"OS79XX.TXT changes, and others up to 6.x read it too: 1 phone ({here.phones[1]['mac']})" in trial.output
    assert "OS79XX.TXT changes, and SCCP phones up to 6.x read it too: 1 SCCP phone seen here (00112233AA01)" in trial.output
    assert f"way back    to {NEW} (1 phone): not known: From 8.x to 6.x" in trial.output
    assert here.running() == {"phone0": NEWER, "phone1": NEW, "phone2": NEWER}


def log(here, *macs):
    """The TFTP server's log, of phones that restart."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 600))
    files = [file for mac in macs for file in ("SIPDefault.cnf", f"SIP{mac}.cnf", "RINGLIST.DAT", "dialplan.xml")]
    path = here.folder / "tftp.log"
    path.write_text("".join(f"{stamp} pbx in.tftpd[7]: RRQ from 192.0.2.1 filename {file}\n" for file in files))
    here.write_inventory(cisco79xx_tftp_log=str(path))


def test_the_default_follows_when_nobody_is_left_who_lives(site):
    """A file of a phone that no inventory and no log knows is no reason to wait: it is kept on what it has, by its own file."""
    here = site(FOUR[:2])
    alive, dead, told = "00112233AA01", "00112233AA02", "00112233AA03"
    for mac in (alive, dead):
        (here.root / f"SIP{mac}.cnf").write_text("line1_name: 7\n")
    (here.root / f"SIP{told}.cnf").write_text("image_version: P0S3-07-4-00\n")
    log(here, here.phones[0]["mac"], alive)
    before = contents(here)
    run = here.play("downgrade", "-e", "scope=wave")
    assert run.status == 0, run.output
    assert f"SIPDefault.cnf stays as it is: in the TFTP server's log, but not in the inventory: 1 phone ({alive})" in run.output
    assert changed(before, contents(here)) == {own_file(here, 0), own_file(here, 1), "OS79XX.TXT"}

    log(here, here.phones[0]["mac"])
    run = here.play("downgrade", "-e", "scope=wave")
    assert run.status == 0, run.output
    assert changed(before, contents(here)) == {"SIPDefault.cnf", "OS79XX.TXT", f"SIP{alive}.cnf", f"SIP{dead}.cnf"}
    assert f"as neither the inventory nor the log knows them: {alive}, {dead}, {told}" in run.output
    for mac in (alive, dead):
        assert (here.root / f"SIP{mac}.cnf").read_text() == "image_version: P0S3-08-2-00\nline1_name: 7\n"


def test_the_default_stays_while_a_phone_of_the_run_is_not_on_the_image(site):
    here = site([{"image": OLD}, {"image": OLD, "faults": ["stays_old"]}])
    before = contents(here)
    run = here.play("downgrade", "-e", "scope=wave", "-e", "wait_timeout=3", "-e", "max_fail=100")
    assert run.statuses() == {"phone0": "done", "phone1": "failed"}
    assert "SIPDefault.cnf stays as it is: not on the image: 1 phone (phone1)" in run.output
    assert contents(here)["SIPDefault.cnf"] == before["SIPDefault.cnf"]


def test_phones_that_restart_during_a_rollout_stay_where_they_are(site):
    here = site([{"image": OLD} for _number in range(8)])
    macs = {phone["name"]: phone["mac"] for phone in here.phones}
    early: list[str] = []
    stop = threading.Event()

    def power_failures():
        chosen = random.Random(42)
        while not stop.is_set():
            name = chosen.choice(sorted(macs)[3:])
            here.simulator.power_cycle(name)
            time.sleep(1.5)
            running = here.running()[name]
            # Its wave has not begun as long as neither its own file nor the default names the image.
            files = [(here.root / file).read_text() for file in (f"SIP{macs[name]}.cnf", "SIPDefault.cnf")]
            if not any(NEW in text for text in files):
                early.append(running)

    thread = threading.Thread(target=power_failures)
    thread.start()
    try:
        run = here.play("downgrade", "-e", "scope=wave", "-e", '{"waves": [1, 1, 1, "100%"]}', "-e", "max_fail=100")
    finally:
        stop.set()
        thread.join()
    assert run.report
    assert len(early) >= 3
    assert set(early) == {OLD}


def test_a_dry_run_of_waves_shows_the_pins_and_writes_nothing(site):
    here = site(FOUR)
    before = here.digest()
    dry = here.play("downgrade", "-e", "scope=wave", "--check", "--diff")
    assert dry.status == 0, dry.output
    assert here.digest() == before
    assert dry.output.count("pinned by voip.cisco79xx") >= 4
    assert '+image_version: "P0S3-06-3-00" ; keep' in dry.output
    assert set(dry.statuses().values()) == {"planned"}


def test_a_stopped_rollout_leaves_the_rest_alone_and_goes_on_later(site):
    here = site([{"image": OLD}, {"image": OLD, "faults": ["stays_old"]}, *FOUR[:2]])
    before = {name: (here.root / name).read_bytes() for name in here.digest()}
    stopped = here.play("downgrade", "-e", "scope=wave", "-e", '{"waves": [1]}', "-e", "wait_timeout=3")
    assert stopped.status != 0
    assert (here.root / "SIPDefault.cnf").read_bytes() == before["SIPDefault.cnf"]
    reboot_all(here, ["phone0", "phone2", "phone3"])
    assert here.running() == {"phone0": NEW, "phone1": OLD, "phone2": OLD, "phone3": OLD}

    here.simulator.set_faults("phone1", [])
    finished = here.play("downgrade", "-e", "scope=wave")
    assert finished.status == 0, finished.output
    assert set(here.running().values()) == {NEW}
    for phone in here.phones:
        name = f"SIP{phone['mac']}.cnf"
        assert (here.root / name).read_bytes() == before[name]


def test_a_phone_on_hold_stays(site):
    here = site([*FOUR[:2], {"image": "P0S3-07-5-00", "inventory": {"hold": True}}])
    run = here.play("downgrade")
    assert run.status == 0, run.output
    assert run.statuses() == {"phone0": "done", "phone1": "done", "phone2": "blocked"}
    assert run.report["phones"]["phone2"]["held"]
    reboot_all(here, here.running())
    assert here.running() == {"phone0": NEW, "phone1": NEW, "phone2": "P0S3-07-5-00"}

    again = here.play("downgrade")
    assert again.status == 0
    assert again.recap("phone0")["changed"] == 0


def test_a_phone_that_is_skipped_is_pinned_to_what_it_runs(site):
    here = site([{"image": "P0S30202"}, {"image": "P0S3-07-4-00"}])
    run = here.play("rollout", "-e", "skip_blocked=true", image="P0S30203")
    assert run.status != 0
    assert run.statuses() == {"phone0": "done", "phone1": "blocked"}
    assert b'image_version: "P0S3-07-4-00"' in (here.root / f"SIP{here.phones[1]['mac']}.cnf").read_bytes()


def test_two_sites(site, tmp_path):
    here = site([*FOUR[:2], {"image": OLD, "inventory": {"cisco79xx_tftp_server": "tftp2"}}, {"image": OLD, "faults": ["stays_old"]}])
    other = site([{"mac": "020E84FFFFFF", "address": "127.9.0.1", "image": OLD}])
    here.write_inventory(second_root=str(other.root))
    run = here.play("downgrade", "-e", '{"waves": [2, 2]}', "-e", "wait_timeout=3", "-e", "accept_others=true")
    assert run.status != 0
    assert run.report["phones"]["phone2"]["tftp_host"] == "tftp2"
    assert re.search(r"^tftp1: wave \d of 2: phone3 failed: ", run.output, re.MULTILINE), "the site is named"
    for root in (here.root, other.root):
        assert b'"P0S3-06-3-00"' in (root / "SIPDefault.cnf").read_bytes()


def test_two_rollouts_at_once(site):
    here = site([{"image": OLD}, {"image": OLD, "faults": ["in_call"]}, {"image": OLD}])
    runs = []
    first = threading.Thread(target=lambda: runs.append(here.play("downgrade", "-e", '{"waves": [1]}', "-e", "wait_timeout=80")))
    first.start()
    here.simulator.wait(lambda state: state["phone1"]["reset_pending"], 60)
    files = here.digest()
    report_dir, here.report_dir = here.report_dir, here.folder / "second report"
    second = here.play("rollout", "--limit", "phone2", "-e", "accept_others=true", image="P0S3-8-12-00")
    assert second.status != 0
    assert "is at work here, in wave 2" in second.output and here.digest() == files
    here.report_dir = report_dir
    here.simulator.hang_up("phone1")
    first.join()
    (run,) = runs
    assert run.status == 0, run.output
    assert set(here.running().values()) == {NEW}
    assert set(here.resets().values()) == {1}


def test_a_phone_on_hold_stays_although_it_is_not_in_the_run(site):
    here = site([{"image": OLD}, {"image": OLD, "inventory": {"hold": True}}, {"image": OLD}])
    run = here.play("downgrade", "--limit", "phone0", "-e", "accept_others=true")
    assert run.status == 0, run.output
    reboot_all(here, ["phone1", "phone2"])
    assert here.running() == {"phone0": NEW, "phone1": OLD, "phone2": NEW}


def test_phones_that_share_a_file_cannot_be_kept_apart(site):
    here = site([{"image": OLD}, {"image": OLD}])
    shared, link = (here.root / f"SIP{phone['mac']}.cnf" for phone in here.phones)
    link.unlink()
    link.symlink_to(shared.name)
    before = here.digest()
    run = here.play("downgrade", "--limit", "phone0")
    assert run.status != 0
    assert here.phones[1]["mac"] in run.output
    run = here.play("downgrade", "--limit", "phone0", "-e", "scope=wave")
    assert run.status != 0
    assert "are one file" in run.output
    assert here.digest() == before
    assert here.play("downgrade").status == 0
