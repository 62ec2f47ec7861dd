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
    LINE_EVERY,
    LIVE_EVERY,
    Counts,
    Progress,
    progress_line,
    terminal_of,
)


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


def test_the_line_has_all_counts():
    counts = Counts(20, done=5, failed=2, flashing=6, longest=0.0, began=time.monotonic() - 200)
    assert progress_line(2, 4, counts, 10, time.monotonic()) == ("wave 2 of 4: 5 done, 6 flashing, 7 waiting, 2 failed of 20; 3 min 20 s")


def test_a_phone_in_a_call_waits_and_does_not_flash():
    counts = Counts(3, done=1, flashing=1, in_call=1)
    assert "1 flashing, 1 waiting (1 in a call)" in progress_line(1, 1, counts, 3, time.monotonic())


@pytest.mark.parametrize(
    ("counts", "at_once", "since_reset", "left"),
    [
        (Counts(4, flashing=4), 4, 10, None),
        (Counts(4, done=4, longest=80), 4, 10, None),
        (Counts(4, done=1, flashing=3, longest=80), 4, 10, 70),
        (Counts(4, done=1, flashing=3, longest=80), 4, 200, 0),
        (Counts(9, done=1, flashing=2, longest=80), 2, 10, 70 + 3 * 80),
        (Counts(9, done=1, flashing=2, longest=80), 0, 10, 70 + 6 * 80),
    ],
)
def test_how_long_it_will_take(counts, at_once, since_reset, left):
    expected = counts.expected(at_once, time.monotonic() - since_reset)
    assert expected == (None if left is None else pytest.approx(left, abs=1))


def test_without_a_terminal_there_are_lines():
    said: list[str] = []
    progress = Progress(said.append, None, False)
    assert progress.every == LINE_EVERY
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
    assert progress.every == LIVE_EVERY
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
    assert shown(reader) == "\r??"
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
