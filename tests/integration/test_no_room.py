# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk of the controller is full, or its folder gone, in the middle of a run: the phones do not suffer from it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from contextlib import suppress

import pytest

pytestmark = pytest.mark.once

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SLOW = 0.03
"""Time scale at which phones are away for some seconds."""


def fleet(count):
    return [{"image": OLD} for _number in range(count)]


@pytest.fixture
def disk(tmp_path):
    """A folder that is a disk of its own, with room for 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    for file in [folder / "junk", *(path for path in folder.rglob("*") if path.is_file())]:
        with file.open("ab", buffering=0) as stream, suppress(OSError):
            while True:
                stream.write(b"." * 4096)


def protect(folder):
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def meanwhile(here, folder, spoil, *arguments, stdout=None):
    """Spoil the folder for reports when the first phone has been reset: exit status and output."""
    arguments = ("-e", "waves=100%", "-e", "max_unavailable=2", "-e", f"report_dir={folder}", *arguments)
    with here.started(*arguments, stdout=stdout, environment={"PYTHONUNBUFFERED": "1"}) as run:
        until = time.monotonic() + 60
        while not here.simulator.events(event="reset"):
            assert time.monotonic() < until and run.poll() is None
            time.sleep(0.02)
        spoil(folder)
        return run.wait(60), (here.folder / "output").read_text()


@pytest.mark.once
@pytest.mark.parametrize(("spoil", "reason"), [(fill, errno.ENOSPC), (protect, errno.EROFS)])
def test_a_folder_for_reports_that_takes_no_more(site, disk, spoil, reason):
    here = site([*fleet(20), {"image": OLD, "faults": ["level_1"]}], time_scale=SLOW)
    status, output = meanwhile(here, disk, spoil, "-e", "max_fail=100")
    assert status != 0
    assert {name: image for name, image in here.running().items() if image != NEW} == {"phone20": OLD}
    assert here.resets() == {**{f"phone{number}": 1 for number in range(20)}, "phone20": 0}
    assert f"the report could not be written, and what is in {disk} is older: {os.strerror(reason)}; m" in output
    assert "\nphone3: done\n" in output and "\nphone20: failed: was not reset: " in output
    assert "Traceback" not in output


@pytest.mark.once
def test_a_folder_for_reports_that_somebody_removes(site, tmp_path):
    here = site(fleet(6), time_scale=SLOW)
    status, output = meanwhile(here, tmp_path / "reports", shutil.rmtree)
    assert status == 0, output
    assert set(here.running().values()) == {NEW} and set(here.resets().values()) == {1}
    (folder,) = (path for path in (tmp_path / "reports").iterdir() if path.is_dir())
    assert {"report.json", "report.html", "junit.xml", folder.name} == set(os.listdir(tmp_path / "reports"))
    assert {"report.json", "report.html", "junit.xml"} <= set(os.listdir(folder))


def test_output_that_takes_no_more(site, disk):
    """Ansible tells it on stderr, and does not wait for ever."""
    here = site(fleet(6), time_scale=SLOW)
    with (disk / "output").open("ab") as output:
        _status, errors = meanwhile(here, here.report_dir, lambda _folder: fill(disk), stdout=output.fileno())
    assert here.report()["rollout"]["finished"]
    assert set(here.running().values()) == {NEW} and set(here.resets().values()) == {1}
    assert os.strerror(errno.ENOSPC) in errors
