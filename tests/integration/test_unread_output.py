# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody reads what Ansible prints any more: `| head` has had enough, somebody left `less`, a terminal was closed."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import socket
import subprocess
import time
from contextlib import suppress

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.site import processes_of
from ansible_collections.voip.cisco79xx.tests.simulator.sites import Sites

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SLOW = 0.03
"""Time scale at which phones are away for some seconds."""
AT_ONCE = {"PYTHONUNBUFFERED": "1"}
WAVE = ("-e", "waves=100%", "-e", "max_unavailable=2")


def fleet(count):
    return [{"image": OLD} for _number in range(count)]


def connection():
    return tuple(end.detach() for end in socket.socketpair())


def end_of(run, folder, seconds=10):
    """Its exit status, once nothing of it is left, which takes no longer than that."""
    until = time.monotonic() + seconds
    status = run.wait(seconds)
    while processes_of(folder):
        assert time.monotonic() < until, "something of it is left"
        time.sleep(0.1)
    return status


def left(here, moment, *arguments, ends=os.pipe, paused=0.0, environment=None):
    """Start a rollout, close the end that reads its output at that moment, and see that nothing is left of it within 10 seconds.

    `moment`: a text that it has printed, or a function. `paused`: seconds before that in which nobody reads, nor can anything be written.
    Returns its exit status and when the reader left.
    """
    reader, writer = ends()
    with here.started(*arguments, stdout=writer, environment=AT_ONCE if environment is None else environment) as run:
        if not paused:
            os.close(writer)
        printed = b""
        until = time.monotonic() + 60
        while not (moment.encode() in printed if isinstance(moment, str) else moment()):
            assert time.monotonic() < until and run.poll() is None, printed.decode()
            if select.select([reader], [], [], 0.02)[0]:
                printed += os.read(reader, 65536)
        if paused:
            fill(writer)
            time.sleep(paused)
            os.close(writer)
        os.close(reader)
        when = time.time()
        return end_of(run, here.folder), when


def fill(pipe):
    """Until it takes nothing more. Who else writes there is to wait, so it is opened anew."""
    mine = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(mine, b"." * 512)
    os.close(mine)


def resets(here, number):
    """That so many phones have been reset."""
    return lambda: len(here.simulator.events(event="reset")) >= number


def goes_on(here, *arguments):
    """The next run moves the other phones, and resets none twice."""
    run = here.play("downgrade", *arguments, keep=True)
    assert run.status == 0, run.output
    assert set(here.running().values()) == {NEW} and set(here.resets().values()) == {1}


def piped(here, command, pipe, environment):
    """The exit status of an Ansible command whose reader is another one."""
    shell = f"{shlex.join(command)} {pipe}; exit ${{PIPESTATUS[0]}}"
    environment = {**here.environment(), **environment}
    with subprocess.Popen(["bash", "-c", shell], cwd=here.folder, env=environment, start_new_session=True) as run:
        try:
            return end_of(run, here.folder, 30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("pipe", "environment"),
    [("| head -3", AT_ONCE), ("| head -3", {}), ("2>&1 | head -3", AT_ONCE), ("-v | head -3", AT_ONCE), ("--diff | head -40", {})],
)
def test_a_plan_whose_reader_has_had_enough(site, pipe, environment):
    here = site(fleet(2))
    status = piped(here, here.command("downgrade", "--check"), pipe, environment)
    report = here.report()
    assert report and not any(here.resets().values())
    assert (status == 0) <= report["rollout"]["finished"]


@pytest.mark.parametrize(("playbook", "files"), [("audit", ["audit.json"]), ("diagnose", ["diagnose.json", "diagnose.html"])])
def test_a_table_whose_reader_has_had_enough(site, playbook, files):
    here = site(fleet(2))
    here.write_inventory(cisco79xx_tftp_log=str(here.folder / "log"))
    (here.folder / "log").write_text("Nov 20 10:00:00 pbx in.tftpd[7]: RRQ from 192.0.2.7 filename SIP001122AABB01.cnf\n")
    assert piped(here, here.command(playbook, image=None), "| head -3", AT_ONCE) != 0
    for name in files:
        assert (here.report_dir / name).read_text().rstrip().endswith(("}", "</html>"))


@pytest.mark.parametrize(("ends", "more"), [(os.pipe, ()), (os.pipe, ("-vvv",)), (pty.openpty, ()), (connection, ())])
def test_a_wave_whose_reader_has_left(site, ends, more):
    here = site(fleet(6), time_scale=SLOW)
    status, when = left(here, resets(here, 2), *WAVE, *more, ends=ends)
    assert status != 0
    assert not [one for one in here.simulator.events(event="reset") if one["wall"] > when + 1]
    report = here.report()
    assert report["rollout"]["finished"] is False
    assert "interrupted in wave 1" in report["rollout"]["error"]
    was_reset = {one["phone"] for one in here.simulator.events(event="reset")}
    assert {name for name, phone in report["phones"].items() if phone["reset_at"]} == was_reset
    assert (here.report_dir / "report.html").read_text().rstrip().endswith("</html>")
    goes_on(here, *WAVE)


@pytest.mark.once
@pytest.mark.parametrize(("task", "paused"), [("Plan", 0), ("Plan", 3), ("Change the files", 0), ("Report", 3)])
def test_a_reader_that_leaves_at_a_step(site, task, paused):
    """`paused`: as `less` does, which does not read on before it is asked to."""
    here = site(fleet(2))
    status, _when = left(here, f"TASK [voip.cisco79xx.rollout : {task}", "-e", "waves=100%", paused=paused)
    assert status != 0
    report = here.report()
    assert report["rollout"]["finished"] is (task == "Report")
    assert set(here.resets().values()) == {int(task == "Report")}
    goes_on(here, "-e", "waves=100%")


@pytest.mark.once
@pytest.mark.parametrize("wave", [WAVE, ("-e", "sites=apart", *WAVE)])
def test_several_sites_whose_reader_has_left(tmp_path, wave):
    if os.geteuid():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs root, to let in.tftpd become another user")
    with Sites(tmp_path, {"north": 4, "south": 4}, time_scale=SLOW) as both:
        simulators = [one.simulator for one in both.sites.values()]

        def reset():
            return {one["phone"]: one["wall"] for simulator in simulators for one in simulator.events(event="reset")}

        status, when = left(both.lead, lambda: len(reset()) >= 3, *wave)
        assert status != 0
        assert max(reset().values()) < when + 1
        report = both.lead.report()
        assert report and report["rollout"]["finished"] is False
        assert {name for name, phone in report["phones"].items() if phone["reset_at"]} == set(reset())
        run = both.play("downgrade", *wave, keep=True)
        assert run.status == 0, run.output
        assert set(both.running().values()) == {NEW} and set(both.resets().values()) == {1}
