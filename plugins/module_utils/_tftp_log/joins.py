# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines that belong together: answers that do not say whom or what they are about get the request that they can only be to."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from .events import CONNECTION, DENIED, MISSING, REQUEST, SERVED, SERVER_START, USELESS, Meaning, basename, remember
from .names import is_of_image

_PROMPT, _LASTS = 2.0, 300.0
"""Seconds between lines that belong together, at most, and those that a transfer may take."""
_MOST_OPEN = 64
TimedMeaning = Tuple[Optional[float], Meaning]
"""A meaning and when it was logged, in seconds since 1970; None where the log has no time."""


def _close(one: Optional[float], other: Optional[float], most: float) -> bool:
    return one is None or other is None or abs(one - other) <= most


def _may_be_to(answer: Meaning, when: Optional[float], request: Meaning, at: Optional[float]) -> bool:
    """Whether an answer can be to a request of then. Most errors are logged at once, the end of a transfer is not."""
    return (
        answer.address in ("", request.address)
        and _close(at, when, _PROMPT if answer.kind in (MISSING, DENIED) else _LASTS)
        and basename(answer.file) in ("", basename(request.file))
    )


class _OpenRequests:
    """Requests without an answer so far. An answer that does not say whose it is goes to the only one that it can be to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._requests: List[TimedMeaning] = []
        self._running = 0
        """Transfers."""
        self._skipped = 0
        """Answers that went to no request."""
        self._given_up = 0
        """Transfers that failed, and whose end is still to come."""
        self._used = False
        """Whether any request was logged."""

    def begin(self, request: Meaning, when: Optional[float]) -> None:
        self._running += 1
        self._used = True
        while self._requests and (len(self._requests) >= self._most or not _close(when, self._requests[0][0], _LASTS)):
            del self._requests[0]
            self._skipped = max(self._skipped - 1, 0)
        self._requests.append((when, request))

    def end(self, request: Meaning) -> None:
        self._requests = [one for one in self._requests if one[1] != request]
        if not self._requests:
            self._skipped = 0

    def near(self, answer: Meaning, when: Optional[float]) -> List[Meaning]:
        """The requests that an answer of now may be to."""
        return [request for at, request in self._requests if _may_be_to(answer, when, request, at)]

    def only(self, answer: Meaning, when: Optional[float]) -> Optional[Meaning]:
        """The request that it must be to; None if there is none, or a choice."""
        requests = self.near(answer, when) if not self._skipped else []
        return requests[0] if len({(request.address, request.file) for request in requests}) == 1 else None

    def skip(self) -> None:
        """An answer that nobody gets: with as many as there were requests, all are answered."""
        self._skipped += 1
        if self._skipped >= len(self._requests):
            self._requests.clear()
            self._skipped = 0

    def end_thread(self) -> None:
        """A thread has ended."""
        self._running = max(self._running - 1, 0)
        if not self._running:
            self._requests.clear()
            self._given_up = self._skipped = 0

    def answered(self, answer: Meaning, when: Optional[float]) -> Optional[Meaning]:
        """The answer of one of several threads, with what its request tells; None if it can be to none or to several."""
        if answer.address:
            self._given_up += 1  # "not responding": the end of that transfer is logged as that of any other
        elif self._given_up and answer.kind == SERVED:
            self._given_up -= 1
            return None
        request = self.only(answer, when)
        if not request:
            if self._used and is_of_image(answer.file) and not self.near(answer, when):
                return None  # who asked for it is not in the log, and whoever is near need not have
            # A name with a MAC tells the phone all the same.
            return answer if answer.file and not answer.address else None
        self._requests.remove(next(one for one in self._requests if one[1] == request))
        return Meaning(answer.kind, request.address, request.port, request.file, answer.line)


class _Connections:
    """Tftpd32 tells the address in one line and the file in another, from several threads. A connection serves one request."""

    def __init__(self) -> None:
        self._open: List[TimedMeaning] = []
        self._by_number: Dict[int, TimedMeaning] = {}
        """Of netkit, by the process of tcpd: the server that it starts is the next one."""
        self._doubtful = 0
        self._early: List[float] = []
        """Times of requests that were logged before their connection."""

    def open(self, connection: Meaning, when: Optional[float], number: Optional[int]) -> None:
        if number is not None:
            remember(self._by_number, number, (when, connection), _MOST_OPEN)
            return
        self._forget(when)
        self._early = [at for at in self._early if _close(at, when, 1)] if when is not None else []
        if self._early:
            del self._early[0]
        else:
            self._open.append((when, connection))

    def of(self, request: Meaning, when: Optional[float], number: Optional[int]) -> Meaning:
        """A request with its address, if it can be of but one."""
        for one in (number - 1, number) if number is not None else ():
            at, connection = self._by_number.get(one, (None, None))
            if connection and _close(at, when, _PROMPT):
                return request._replace(address=connection.address)
        if self._by_number:
            near = {connection.address for at, connection in self._by_number.values() if _close(at, when, _PROMPT)}
            return request._replace(address=near.pop()) if len(near) == 1 else request
        self._forget(when)
        if not self._open:
            self._early += [when] if when is not None and len(self._early) < _MOST_OPEN else []
        elif not self._doubtful and len({one.address for _when, one in self._open}) == 1:
            _opened, connection = self._open.pop(0)
            return request._replace(address=connection.address, port=connection.port)
        else:
            self._doubtful += 1
            if self._doubtful >= len(self._open):
                self._open, self._doubtful = [], 0
        return request

    def _forget(self, when: Optional[float]) -> None:
        self._open = [one for one in self._open if _close(one[0], when, _PROMPT)][-_MOST_OPEN:]
        if not self._open:
            self._doubtful = 0


def _number(process: str) -> Optional[int]:
    number = process.rpartition("[")[2].rstrip("]")
    return int(number) if number.isdigit() else None


class Joins:
    """Gives messages of one log the address and file of the request that they are about."""

    def __init__(self) -> None:
        self._by_process: Dict[str, TimedMeaning] = {}
        """The last request of each process, and when it was if that counts."""
        self._by_name: Dict[str, _OpenRequests] = {}
        self._threads: Dict[str, _OpenRequests] = {}
        """Of atftpd by syslog: all its threads share one process id."""
        self._given_up: Dict[str, bool] = {}
        """Processes of atftpd that have just given up a transfer."""
        self._connections = _Connections()

    def remember_request(self, process: str, request: Meaning) -> None:
        """Of tftpd-hpa, whose processes serve one request each."""
        remember(self._by_process, process, (None, request))

    def join(self, message: Meaning, process: str, when: Optional[float] = None) -> Optional[Meaning]:
        """The message with the address and file of the request that it is about; None if it is of no use, or about nobody's request.

        `process` is such as "in.tftpd[123]", empty if the line has none.
        """
        if " > " in message.line and message.port and not process:  # of tcpdump
            process = f"wire[{message.address}:{message.port}]"
        threads = self._shared(process)
        if message.kind == USELESS:
            if threads and message.line.startswith("Server thread exiting"):
                threads.end_thread()
            return None
        if message.kind == SERVER_START:
            return message
        if message.kind == CONNECTION:
            self._connections.open(message, when, _number(process))
            return None
        if message.kind == REQUEST:
            return self._request(message, process, threads, when)
        if threads:
            return threads.answered(message, when)
        if process and message.line.startswith("client ("):
            remember(self._given_up, process, True)
        elif self._given_up.pop(process, False) and message.kind == SERVED:
            return None  # atftpd ends a transfer that it has just given up, in the same words as others
        if (message.address and message.file) or (message.file and process.startswith("dnsmasq")):  # which logs no requests
            return message
        return self._answer(message, process, when)

    def _request(self, request: Meaning, process: str, threads: Optional[_OpenRequests], when: Optional[float]) -> Optional[Meaning]:
        # Answers of tftpd-hpa tell whose they are, or are their process's.
        hpa = request.line.startswith("RRQ from ")
        if not request.address:
            request = self._connections.of(request, when, _number(process))
        if threads:
            threads.begin(request, when)
        elif process:
            # Processes of tftpd-hpa serve one request each, threads of atftpd take the number of one that has ended.
            remember(self._by_process, process, (None if hpa else when, request))
        if not threads and not hpa:
            name = basename(request.file)
            if name not in self._by_name:
                remember(self._by_name, name, _OpenRequests(8))
            self._by_name[name].begin(request, when)
        return self._owned(request)

    def _answer(self, answer: Meaning, process: str, when: Optional[float]) -> Optional[Meaning]:
        """An answer without address or file."""
        at, request = self._by_process.get(process, (None, None)) if process else (None, None)
        if request and not _may_be_to(answer, when, request, at):
            request = None
        if not request and not answer.address:
            open_requests = self._by_name.get(basename(answer.file))
            request = open_requests.only(answer, when) if open_requests else None
            if open_requests and request:
                open_requests.end(request)
            elif open_requests and open_requests.near(answer, when):
                open_requests.skip()
            elif self._by_name and answer.kind in (MISSING, DENIED) and is_of_image(answer.file):
                return None  # who asked for it is not in the log, and whoever is near need not have
        if not request:
            return self._owned(answer) if answer.address or answer.file else None
        return self._owned(request._replace(kind=answer.kind, line=answer.line))

    @staticmethod
    def _owned(message: Meaning) -> Optional[Meaning]:
        """None for an image of nobody: where the log tells all requests, whoever is near need not have asked for it."""
        tftpd32 = not message.address and message.line.startswith(("Read request for file <", "File <", "<"))
        return None if tftpd32 and is_of_image(message.file) else message

    def _shared(self, process: str) -> Optional[_OpenRequests]:
        if not process.startswith("atftpd[") or "." in process:
            return None
        if process not in self._threads:
            remember(self._threads, process, _OpenRequests(128))
        return self._threads[process]
