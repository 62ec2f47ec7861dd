# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pty
import select
import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import duration
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import (
    LINE_AT_MOST,
    LINE_EVERY,
    LIVE_EVERY,
    Counts,
    Progress,
    progress_line,
    terminal_of,
)

COLLECTED = time.monotonic()


@pytest.fixture
def terminal():
    """Both ends: what is shown is read from the one, and a program writes to the other."""
    reader, writer = pty.openpty()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def shown(reader):
    """All that is written there by now: the kernel may hand it on in parts."""
    text = b""
    while select.select([reader], [], [], 0.2)[0]:
        text += os.read(reader, 10_000)
    return text.decode()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3599.6, "1 h"), (7512, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def away(*ages):
    """Phones that were reset that many seconds ago."""
    return {f"phone{number}": time.monotonic() - age for number, age in enumerate(ages)}


def test_the_line_has_all_counts():
    counts = Counts(20, done=5, failed=2, gone=1, in_call=1, away=away(*[10] * 6), began=time.monotonic() - 200)
    line = "wave 2 of 4: 5 of 20 done, 6 restarting, 1 in a call, 6 waiting, 1 failed, 1 gone; 3 min 20 s"
    assert progress_line(2, 4, counts, 10) == line
    assert progress_line(1, 1, Counts(3, done=3), 3) == "wave 1 of 1: 3 of 3 done; 0 s", "what there is none of is not told"


def test_a_phone_that_takes_longer_than_others_is_overdue():
    counts = Counts(4, done=1, longest=80, patience=600, away=away(10, 99, 101))
    assert "1 of 4 done, 2 restarting, 1 overdue (phone2); 0 s, about 1 min 10 s left" in progress_line(1, 1, counts, 4)
    counts.away.pop("phone0")
    counts.away.pop("phone1")
    counts.done = 3
    assert progress_line(1, 1, counts, 4).endswith("1 overdue (phone2); 0 s, given up in 8 min 19 s"), "nobody knows when it comes"


@pytest.mark.parametrize(
    ("counts", "at_once", "end"),
    [
        (Counts(4, away=away(10, 10, 10, 10)), 4, ""),
        (Counts(4, away=away(10, 10, 10, 10), recorded=70), 4, "about 1 min left"),
        (Counts(4, done=4, longest=80), 4, ""),
        (Counts(4, done=1, away=away(10, 10, 10), longest=80, recorded=500), 4, "about 1 min 10 s left"),
        (Counts(4, done=1, away=away(82, 82, 82), longest=80), 4, "about 1 s left"),
        (Counts(4, done=1, away=away(200, 200, 200), longest=80), 4, ""),
        (Counts(4, done=1, away=away(200, 200, 200), longest=80, patience=500), 4, "given up in 5 min"),
        (Counts(9, done=1, away=away(10, 10), longest=80), 2, "about 5 min 10 s left"),
        (Counts(9, done=1, away=away(10, 10), longest=80), 0, "about 9 min 10 s left"),
        (Counts(9, done=1, away=away(300, 300), longest=80), 2, "about 4 min 1 s left"),
    ],
)
def test_when_a_wave_is_expected_to_end(counts, at_once, end):
    for name in counts.away:  # made when the tests were collected
        counts.away[name] += time.monotonic() - COLLECTED
    assert counts.end(at_once) == (f", {end}" if end else "")


def test_without_a_terminal_there_are_lines():
    said: list[str] = []
    progress = Progress(said.append, None, False)
    assert [progress.pause(lines) for lines in (0, 1, 2, 5000)] == [LINE_EVERY, 10, 20, LINE_AT_MOST]
    progress.line("one")
    progress.announce("two")
    progress.clear()
    assert said == ["one", "two"]


def test_quiet_says_nothing(terminal):
    reader, writer = terminal
    said: list[str] = []
    progress = Progress(said.append, writer, True)
    progress.line("one")
    progress.announce("two")
    progress.clear()
    assert said == []
    assert shown(reader) == ""


def test_on_a_terminal_one_line_is_written_again_and_again(terminal):
    reader, writer = terminal
    said: list[str] = []
    progress = Progress(said.append, writer, False)
    assert progress.pause(0) == progress.pause(9) == LIVE_EVERY
    progress.line("a longer line")
    progress.line("a line")
    assert said == []
    assert shown(reader) == "\ra longer line\ra line       "
    progress.announce("gone wrong")
    assert said == ["gone wrong"]
    assert shown(reader) == "\r      \r"
    progress.line("x" * 1000)
    assert len(shown(reader)) <= int(os.environ.get("COLUMNS", 80))
    progress.clear()
    progress.clear()
    assert shown(reader).endswith("\r")


def test_what_a_terminal_cannot_show_does_not_reach_it(terminal):
    reader, writer = terminal
    progress = Progress(print, writer, False)
    progress.line("\xe9\u202e")
    assert shown(reader) == "\r?"
    progress.clear()


def test_a_terminal_that_is_gone_ends_nothing():
    reader, writer = pty.openpty()
    progress = Progress(print, writer, False)
    os.close(reader)
    progress.line("into the void")
    progress.clear()
    os.close(writer)
    progress.line("into nothing at all")


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "xterm", "AWX_PRIVATE_DATA_DIR": "/runner"}, False),
    ],
)
def test_which_terminal_is_seen(environment, seen):
    child, reader = pty.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        deadline = time.monotonic() + 5
        while (found := terminal_of(child, environment)) is None and seen and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (found is not None) is seen
        assert found is None or os.ttyname(found).startswith("/dev/pts/")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reader)


def test_a_pipe_is_no_terminal():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        time.sleep(60)
        os._exit(0)
    try:
        time.sleep(0.1)
        assert terminal_of(child, {"TERM": "xterm"}) is None
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
    assert terminal_of(child, {"TERM": "xterm"}) is None, "it has ended"
