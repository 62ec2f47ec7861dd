# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Some of the work by another process, where there is a second CPU."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from typing import Any, Callable, List, Optional, Sequence, TypeVar

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

    def __init__(self, answer: Callable[[Any], object]) -> None:
        if cpus() < 2:
            raise OSError("there is no second CPU")
        try:
            from multiprocessing import Pipe
        except ImportError:  # a package of its own on small systems
            raise OSError("there is no multiprocessing") from None
        self.gone = False
        """Whether there are no more answers."""
        self._line, line = Pipe()
        try:
            self._child = os.fork()
        except OSError:
            self._line.close()
            line.close()
            raise
        if not self._child:
            status = 1
            try:
                self._line.close()
                while True:
                    line.send(answer(line.recv()))
            except EOFError:
                status = 0
            finally:
                os._exit(status)
        line.close()

    def ask(self, question: object) -> None:
        """Do not ask much while answers wait to be read: both sides would wait for ever."""
        with suppress(OSError):
            self._line.send(question)

    def answers(self) -> bool:
        """Whether `answer` has not to wait."""
        try:
            return self._line.poll()
        except OSError:
            return True

    def answer(self) -> Any:
        """The answer to the next question; None if there is none, whatever ails the copy, and none from then on."""
        try:
            return None if self.gone else self._line.recv()
        except Exception:
            self.gone = True
        return None

    def close(self) -> None:
        self._line.close()
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)


def cpus() -> int:
    """How many CPUs this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
