# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people see while phones restart, and how long phones are waited for."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

import pytest

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
LINE = re.compile(r"wave \d+ of \d+: \d+ of \d+ done(?:, \d+ (?:restarting|overdue \([^)]*\)|in a call|waiting|failed|gone))*; \d+")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def fleet(count, **faulty):
    """`faulty`: phone → its fault."""
    return [{"image": OLD, "faults": [faulty[f"phone{number}"]] if f"phone{number}" in faulty else []} for number in range(count)]


def on_terminal(here, *arguments):
    """What a person at a terminal is shown, and when: (seconds, text)."""
    reader, writer = pty.openpty()
    environment = {**here.environment(), "TERM": "xterm", "COLUMNS": "120"}
    began, shown = time.monotonic(), []
    with subprocess.Popen(
        here.command("downgrade", *arguments),
        cwd=here.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    ) as run:
        os.close(writer)
        while run.poll() is None and time.monotonic() - began < 100:
            if select.select([reader], [], [], 0.2)[0]:
                try:
                    shown.append((time.monotonic() - began, os.read(reader, 65536).decode(errors="replace")))
                except OSError:
                    break
    os.close(reader)
    return shown


def test_a_terminal_has_a_live_line_and_failures_at_once(site):
    here = site(fleet(4, phone1="level_1"), time_scale=0.1)
    shown = on_terminal(here, "-e", "waves=100%", "-e", "max_fail=100")
    text = "".join(part for _when, part in shown)
    live = [line for line in re.findall(r"\r(wave \d+ of \d+: [^\r\n]*)", text) if LINE.match(line)]
    assert len(live) >= 3, text
    assert any(" 1 failed" in line for line in live)
    assert "\x1b" not in text
    failed = next(when for when, part in shown if "phone1 failed: does not allow reset" in part)
    back = next(when for when, part in shown if "3 of 4 phones on" in part)
    assert failed < back - 1, "it was said at the end only"
    assert re.search(r"[\r\n]wave 1 of 1: phone1 failed: .*telnet_level", text), "it stands in a line of its own"


def test_without_a_terminal_there_are_lines_now_and_then(site):
    here = site([*fleet(3), {"image": OLD, "faults": ["hostile", "stays_old"]}], time_scale=0.1)
    began = time.monotonic()
    run = here.play("downgrade", "-e", "waves=100%", "-e", "max_fail=100")
    lines = LINE.findall(run.output)
    assert 1 <= len(lines) <= (time.monotonic() - began) / 5, run.output
    assert not CONTROL.search(run.output)
    assert "wave 1 of 1: phone3 failed: came back on P0S3-08-2-00" in run.output
    for name in ("report.json", "report.html", "junit.xml"):
        assert not CONTROL.search((here.report_dir / name).read_text()), name


def test_who_wants_none_gets_none_and_the_wave_ends_with_its_last_phone(site):
    here = site(fleet(2), time_scale=0.05)
    run = here.play("downgrade", "-e", "waves=100%", "-e", "progress=false")
    assert run.status == 0, run.output
    assert not LINE.search(run.output)
    last = max(one["wall"] for one in here.simulator.events(event="up"))
    seen = [one["wall"] for one in here.simulator.events(event="login") if one["wall"] >= last]
    assert seen
    assert min(seen) - last < 1.5


SILENT = """
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "null"
"""


def test_a_callback_whose_output_a_program_reads_has_it_to_itself(site):
    here = site(fleet(2, phone1="level_1"), time_scale=0.05)
    (here.folder / "callbacks").mkdir()
    (here.folder / "callbacks" / "null.py").write_text(SILENT)
    silent = {"ANSIBLE_STDOUT_CALLBACK": "null", "ANSIBLE_CALLBACK_PLUGINS": str(here.folder / "callbacks")}
    run = here.play("downgrade", "-e", "waves=100%", environment=silent)
    assert run.statuses() == {"phone0": "done", "phone1": "failed"}
    assert run.output.strip() == ""


@pytest.mark.parametrize(
    ("phone", "more", "kind"),
    [
        ({"faults": ["in_call"]}, ["call_timeout=3"], "in_call"),
        ({"faults": ["telnet_off_after_reset"]}, [], "refused"),
        ({"faults": ["password_after_reset"]}, [], "wrong_password"),
        ({"faults": ["never_returns"]}, [], "refused"),
    ],
)
def test_what_phones_are_waited_for_in_vain(site, phone, more, kind):
    here = site([{"image": OLD, **phone}])
    run = here.play("downgrade", "-e", "wait_timeout=4", *(part for one in more for part in ("-e", one)))
    assert run.statuses() == {"phone0": "failed"}
    assert run.report["phones"]["phone0"]["kind"] == kind
    least = 3 if kind == "in_call" else 4
    assert least <= run.report["phones"]["phone0"]["seconds"] < least + 4
    assert here.resets() == {"phone0": 0 if kind == "in_call" else 1}


def test_a_phone_has_its_time_from_the_end_of_its_call(site):
    here = site([{"image": OLD, "faults": ["in_call"], "call_seconds": 2000}, {"image": OLD}], time_scale=0.02)
    run = here.play("downgrade", "-e", "waves=100%", "-e", "wait_timeout=15", "-e", "call_timeout=60")
    assert run.status == 0, run.output
    assert run.report["phones"]["phone0"]["seconds"] > 15, "it had its time from the end of the call"
    assert set(here.running().values()) == {NEW}


def test_a_phone_that_is_no_use_is_not_hammered(site):
    here = site(fleet(1, phone0="stays_old"))
    run = here.play("downgrade", "-e", "wait_timeout=20")
    assert run.report["phones"]["phone0"]["kind"] == "wrong_image"
    (reset,) = here.simulator.events(event="reset")
    assert 4 <= len([one for one in here.simulator.events(event="login") if one["t"] > reset["t"]]) <= 25
