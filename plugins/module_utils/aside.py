# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Some of the work by another process, where there is a second CPU."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from typing import IO, Any, Callable, List, Optional, Sequence, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MANY = 1000
"""Phones that it pays to work on with two processes."""


def halves(work: Callable[[Sequence[Item]], Result], items: Sequence[Item]) -> List[Result]:
    """The results for the first half of the items and for the second, made at the same time. For few items, or where there is no second
    CPU, the one result for all."""
    half = len(items) // 2
    others = aside(lambda: work(items[:half])) if len(items) >= MANY else None
    if not others:
        return [work(items)]
    try:
        ours = work(items[half:])
    finally:
        theirs = others()
    return [work(items[:half]) if theirs is None else theirs, ours]


def aside(work: Callable[[], Result]) -> Optional[Callable[[], Optional[Result]]]:
    """Begin to do this in a copy of the process, and return what waits for the result, which is None if there is none. Call that once,
    come what may. Returns None if there is no second CPU, or no copy to be had.

    The result goes through a pipe, as pickle makes it. The copy ends by itself, and shows nothing.
    """
    if cpus() < 2:
        return None
    try:
        answer, question = os.pipe()
    except OSError:
        return None
    try:
        child = os.fork()
    except OSError:
        os.close(answer)
        os.close(question)
        return None
    if not child:
        status = 1
        try:
            os.close(answer)
            with os.fdopen(question, "wb") as stream:
                pickle.dump(work(), stream, pickle.HIGHEST_PROTOCOL)
            status = 0
        finally:
            os._exit(status)
    os.close(question)

    def result() -> Optional[Result]:
        found: Optional[Result] = None
        # Whatever ails it, there is no result then; and the copy can write no more once this is closed.
        with suppress(Exception), os.fdopen(answer, "rb") as stream:
            found = pickle.load(stream)
        with suppress(ChildProcessError):  # nobody's, where SIGCHLD is ignored
            os.waitpid(child, 0)
        return found

    return result


class Beside:
    """A copy of the process that answers questions, in their order. It ends once this is closed, and shows nothing.

    Raises OSError if there is no second CPU, or no copy to be had.
    """

    AHEAD = 8
    """Questions that are asked before the first of them is answered, at most. So many must fit into a pipe, as pickle makes them: nobody
    reads them while the copy waits for its answer to be read."""

    def __init__(self, answer: Callable[[Any], object]) -> None:
        if cpus() < 2:
            raise OSError("there is no second CPU")
        asked, ask = os.pipe()
        try:
            answers, tell = os.pipe()
            try:
                self._child = os.fork()
            except OSError:
                os.close(answers)
                os.close(tell)
                raise
        except OSError:
            os.close(asked)
            os.close(ask)
            raise
        if not self._child:
            status = 1
            try:
                os.close(ask)
                os.close(answers)
                with os.fdopen(asked, "rb") as questions, os.fdopen(tell, "wb") as stream:
                    while True:
                        pickle.dump(answer(pickle.load(questions)), stream, pickle.HIGHEST_PROTOCOL)
                        stream.flush()
            except EOFError:
                status = 0
            finally:
                os._exit(status)
        os.close(asked)
        os.close(tell)
        self._ask = os.fdopen(ask, "wb", buffering=0)
        self._answers: Optional[IO[bytes]] = os.fdopen(answers, "rb")

    def ask(self, question: object) -> None:
        with suppress(BrokenPipeError):
            self._ask.write(pickle.dumps(question, pickle.HIGHEST_PROTOCOL))

    def answer(self) -> Any:
        """The answer to the next question; None if there is none, whatever ails the copy, and none from then on."""
        if self._answers:
            with suppress(Exception):
                return pickle.load(self._answers)
            self._answers.close()
            self._answers = None
        return None

    def close(self) -> None:
        self._ask.close()
        if self._answers:
            self._answers.close()
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)


def cpus() -> int:
    """How many CPUs this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
