# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils import aside


@pytest.fixture(autouse=True)
def _two_cpus(monkeypatch):
    monkeypatch.setattr(aside, "cpus", lambda: 2)


def test_the_result_of_another_process():
    result = aside.aside(lambda: (os.getpid(), "x" * 1_000_000))
    assert result
    told = result()
    assert told
    child, text = told
    assert child != os.getpid()
    assert len(text) == 1_000_000
    with pytest.raises(ChildProcessError):
        os.waitpid(child, 0)


@pytest.mark.parametrize("work", [lambda: 1 / 0, lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: lambda: None])
def test_no_result(work, capfd):
    result = aside.aside(work)
    assert result
    assert result() is None
    assert capfd.readouterr() == ("", "")


def test_halves():
    parts = aside.halves(lambda some: (os.getpid(), some), range(1001))
    assert [list(some) for _pid, some in parts] == [list(range(500)), list(range(500, 1001))]
    assert parts[0][0] != parts[1][0] == os.getpid()
    assert aside.halves(sum, range(999)) == [sum(range(999))]


def test_a_half_that_gets_no_result_is_done_here(monkeypatch):
    here = os.getpid()
    parts = aside.halves(lambda some: some[0] if os.getpid() == here else os.kill(os.getpid(), signal.SIGKILL), range(1000))
    assert parts == [0, 500]


def test_one_cpu(monkeypatch):
    monkeypatch.setattr(aside, "cpus", lambda: 1)
    assert aside.aside(os.getpid) is None


def test_no_second_process(monkeypatch):
    def fork():
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", fork)
    assert aside.aside(os.getpid) is None


def test_questions_are_answered_in_order():
    beside = aside.Beside(lambda asked: (os.getpid(), str(asked) * 100_000))
    try:
        for asked in range(8):
            beside.ask(asked)
        answers = [beside.answer() for _asked in range(8)]
    finally:
        beside.close()
    assert [text[0] for _pid, text in answers] == ["0", "1", "2", "3", "4", "5", "6", "7"]
    assert {pid for pid, _text in answers} != {os.getpid()}
    with pytest.raises(ChildProcessError):
        os.waitpid(answers[0][0], 0)


@pytest.mark.parametrize("work", [lambda asked: 1 / asked, lambda asked: os.kill(os.getpid(), signal.SIGKILL), lambda asked: lambda: None])
def test_no_answer(work, capfd):
    beside = aside.Beside(work)
    try:
        for _time in range(2):
            beside.ask(0)
            assert beside.answer() is None
    finally:
        beside.close()
    assert capfd.readouterr() == ("", "")


def test_nobody_beside(monkeypatch):
    def fork():
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", fork)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError):
        aside.Beside(str)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    monkeypatch.setattr(aside, "cpus", lambda: 1)
    with pytest.raises(OSError, match="no second CPU"):
        aside.Beside(str)
