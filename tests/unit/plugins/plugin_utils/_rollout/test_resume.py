# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves for the next one: it is read as often as a run was killed, so nothing in it may be taken for granted."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.resume import FILE, EarlierReset, Pause, Resume, fleet_of
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

OLD, NEW, OTHER = "P0S3-08-2-00", "P0S3-06-3-00", "P0S3-07-4-00"
PHONE, SECOND = Phone("a", "127.0.0.1", mac="000E84C060A6"), Phone("b", "127.0.0.2")
PATIENCE = Patience(600, 3600)
TARGETS = {"a": NEW, "b": NEW}
FLEET = fleet_of(["a", "b"])


def note(folder, *steps, phone=PHONE, image=NEW, deferred=False):
    resume = Resume(folder)
    for step in steps:
        resume.note(phone, step, image, *([OLD, deferred] if step == "sent" else []))


def older(folder, seconds):
    """As if all that is written had been written so long ago."""
    path = folder / FILE
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**line, "at": line["at"] - seconds}) + "\n" for line in lines))


def flying(folder, **changes):
    return Resume(folder).in_flight({**TARGETS, **changes}, PATIENCE)


def test_nothing_is_nothing(tmp_path):
    assert flying(tmp_path / "none") == {}
    assert Resume(tmp_path / "none").pause(NEW, FLEET) == Pause()
    Resume(tmp_path / "none").finished()
    assert not (tmp_path / "none").exists()


def test_a_phone_that_was_reset_is_in_flight(tmp_path):
    note(tmp_path / "new" / "folder", "reset", "sent")
    found = flying(tmp_path / "new" / "folder")
    assert list(found) == ["a"]
    assert 0 <= found["a"].seconds < 5
    assert found["a"] == EarlierReset(found["a"].seconds, deferred=False, doubtful=False, before=OLD)


def test_a_reset_that_may_not_have_been_sent_is_doubtful(tmp_path):
    note(tmp_path, "reset")
    assert flying(tmp_path)["a"].doubtful


@pytest.mark.parametrize("end", ["back", "failed"])
def test_a_phone_that_ended_is_not_in_flight(tmp_path, end):
    note(tmp_path, "reset", "sent", end)
    note(tmp_path, "reset", "sent", phone=SECOND)
    assert set(flying(tmp_path)) == {"b"}
    note(tmp_path, "reset", "sent")
    assert set(flying(tmp_path)) == {"a", "b"}


def test_a_reset_to_another_image_is_another_matter(tmp_path):
    note(tmp_path, "reset", "sent")
    assert flying(tmp_path, a=OTHER) == {}
    note(tmp_path, "reset", "sent", image=OTHER)
    assert flying(tmp_path) == {}, "what it was reset to before does not count any more"
    assert set(flying(tmp_path, a=OTHER)) == {"a"}


def test_phones_that_are_not_in_this_run_are_left_alone(tmp_path):
    note(tmp_path, "sent")
    assert Resume(tmp_path).in_flight({"b": NEW}, PATIENCE) == {}


@pytest.mark.parametrize(("deferred", "age", "found"), [(False, 590, True), (False, 610, False), (True, 4190, True), (True, 4210, False)])
def test_an_old_reset_expires_one_in_a_call_later(tmp_path, deferred, age, found):
    note(tmp_path, "sent", deferred=deferred)
    older(tmp_path, age)
    assert bool(flying(tmp_path)) is found
    if found:
        assert flying(tmp_path)["a"].deferred is deferred
        assert abs(flying(tmp_path)["a"].seconds - age) < 5


def test_without_an_own_time_a_call_has_as_long_as_a_restart(tmp_path):
    note(tmp_path, "sent", deferred=True)
    older(tmp_path, 1190)
    assert Resume(tmp_path).in_flight(TARGETS, Patience(600))
    older(tmp_path, 20)
    assert not Resume(tmp_path).in_flight(TARGETS, Patience(600))


@pytest.mark.parametrize("ahead", [3, 1000, 10**9])
def test_a_reset_in_the_future_is_one_of_just_now(tmp_path, ahead):
    """A clock was put back since."""
    note(tmp_path, "reset", "sent")
    older(tmp_path, -ahead)
    assert flying(tmp_path)["a"] == EarlierReset(0.0, before=OLD)
    note(tmp_path, "back")
    assert flying(tmp_path) == {}, "the order counts, not the time"


def test_what_cannot_be_written_is_written_with_the_next(tmp_path):
    """Neither ends it the rollout, nor is it forgotten; a file that somebody takes away meanwhile is written anew."""
    folder = tmp_path / "report"
    folder.touch()
    resume = Resume(folder)
    resume.note(PHONE, "reset", NEW)
    folder.unlink()
    resume.note(PHONE, "sent", NEW)
    assert [json.loads(line)["event"] for line in (folder / FILE).read_text().splitlines()] == ["reset", "sent"]
    (folder / FILE).unlink()
    folder.rmdir()
    resume.note(SECOND, "sent", NEW)
    assert set(flying(folder)) == {"a", "b"}
    resume.note(PHONE, "back", NEW)
    assert len((folder / FILE).read_text().splitlines()) == 4


@pytest.mark.parametrize(
    "line",
    [
        '{"at": 1, "pho',
        "[]",
        "null",
        "7",
        '{"at": "now", "event": "sent", "image": "x", "phone": "b"}',
        '{"event": "sent"}',
        "",
        "\0\udcff",
    ],
)
def test_a_line_that_cannot_be_read_is_no_line(tmp_path, line):
    note(tmp_path, "sent")
    with (tmp_path / FILE).open("a", errors="surrogateescape") as stream:
        stream.write(line + "\n")
    note(tmp_path, "sent", phone=SECOND)
    assert set(flying(tmp_path)) == {"a", "b"}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_costs_itself_only(tmp_path, cut):
    note(tmp_path, "sent")
    note(tmp_path, "back")
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-cut])
    before = set(flying(tmp_path))
    assert before == (set() if cut == 1 else {"a"})
    note(tmp_path, "sent", phone=SECOND)
    assert set(flying(tmp_path)) == before | {"b"}


def test_a_pause_holds_for_its_image(tmp_path):
    Resume(tmp_path).paused(NEW, {FLEET: Pause(2, 17), fleet_of(["c"]): Pause(1, 4)})
    assert Resume(tmp_path).pause(NEW, FLEET) == Pause(2, 17)
    assert Resume(tmp_path).pause(OTHER, FLEET) == Pause()
    note(tmp_path, "reset", "sent")
    assert Resume(tmp_path).pause(NEW, FLEET) == Pause(2, 17)
    assert Resume(tmp_path).pause(NEW, fleet_of(["b", "c"])) == Pause(), "other phones"
    assert Resume(tmp_path).pause(NEW, fleet_of(["c"])) == Pause(1, 4), "of another site"
    Resume(tmp_path).paused(OTHER, {FLEET: Pause(1, 3)})
    assert Resume(tmp_path).pause(NEW, FLEET) == Pause(), "another rollout was begun since"


def test_a_pause_as_older_releases_wrote_it_is_none(tmp_path):
    (tmp_path / FILE).write_text(json.dumps({"at": 1, "event": "paused", "image": NEW, "fleet": FLEET, "waves_done": 1, "moved": 1}) + "\n")
    assert Resume(tmp_path).pause(NEW, FLEET) == Pause()


def test_when_all_is_done_nothing_is_left(tmp_path):
    resume = Resume(tmp_path)
    resume.paused(NEW, {FLEET: Pause(1, 1)})
    resume.finished()
    assert not (tmp_path / FILE).exists()


def test_it_is_written_at_once(tmp_path):
    resume = Resume(tmp_path)
    began = time.time()
    resume.note(PHONE, "reset", NEW)
    (line,) = (tmp_path / FILE).read_text().splitlines()
    assert json.loads(line)["mac"] == PHONE.mac
    assert abs(json.loads(line)["at"] - began) < 2
