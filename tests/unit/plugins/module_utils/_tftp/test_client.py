# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client that asks as a phone does, with servers that answer well, oddly, or not."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp import client
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp.client import MARKED, Refused, Silent, TftpServer, mark_of

QUICK = (0.2, 0.2, 0.2)
FILE = bytes(range(256)) * 5
"""1,280 bytes: three blocks."""


def data(number, block=b""):
    return struct.pack(">HH", 3, number & 0xFFFF) + block


def error(code, text):
    return struct.pack(">HH", 5, code) + text + b"\0"


def ack(number):
    return struct.pack(">HH", 4, number)


class Transfer:
    """A server's side of one transfer. `got` is every packet that came to it, `request` the first."""

    def __init__(self, answering, request, peer):
        self.answering = answering
        self.request = request
        self.peer = peer
        self.got = []

    def send(self, packet):
        self.answering.sendto(packet, self.peer)

    def receive(self):
        self.got.append(self.answering.recvfrom(2000)[0])
        return self.got[-1]

    def serve(self, content):
        for number in range(len(content) // 512 + 1):
            self.send(data(number + 1, content[512 * number :][:512]))
            assert self.receive() == ack((number + 1) & 0xFFFF)


@pytest.fixture
def server():
    """Starts a server that answers each request with these functions in turn; returns a client for it, which has its `transfers`."""
    sockets, threads, failures = [], [], []

    def start(*answers, waits=QUICK, host="127.0.0.1"):
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.bind((host, 0))
        listening.settimeout(5)
        sockets.append(listening)
        asked = TftpServer(host, listening.getsockname()[1], waits)
        asked.transfers = []

        def run():
            try:
                for answer in answers:
                    request, peer = listening.recvfrom(2000)
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
                        answering.bind((host, 0))
                        answering.settimeout(5)
                        asked.transfers.append(Transfer(answering, request, peer))
                        answer(asked.transfers[-1])
            except BaseException as reason:
                failures.append(reason)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return asked

    yield start
    for thread in threads:
        thread.join(10)
    for one in sockets:
        one.close()
    assert failures == []


@pytest.mark.parametrize("content", [b"", b"a", FILE[:511], FILE[:512], FILE[:513], FILE, FILE * 4])
def test_a_file(server, content):
    asked = server(lambda transfer: transfer.serve(content))
    assert asked.read("SIPDefault.cnf", len(content)) == content
    assert asked.transfers[0].request == b"\0\1SIPDefault.cnf\0octet\0", "and no option"


def test_more_blocks_than_can_be_counted(server):
    content = b"x" * (512 * 65536 + 3)

    def answer(transfer):
        for number in range(65537):
            transfer.send(data(number + 1, content[:512] if number < 65536 else b"xxx"))
            transfer.receive()

    assert len(server(answer, waits=(5,)).read("a", len(content))) == len(content)


def test_blocks_that_come_twice_late_or_from_elsewhere(server):
    told = []

    def answer(transfer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            other.settimeout(5)
            transfer.send(data(1, FILE[:512]))
            assert transfer.receive() == ack(1)
            transfer.send(data(1, FILE[:512]))  # again
            transfer.send(data(3, b"too early"))
            other.sendto(data(2, b"of another transfer"), transfer.peer)
            told.append(other.recvfrom(2000)[0])
            transfer.send(data(2, FILE[512:1024]))
            assert transfer.receive() == ack(2)
            transfer.send(data(3, FILE[1024:]))
            assert transfer.receive() == ack(3)

    assert server(answer).read("a", len(FILE)) == FILE
    assert told[0][:4] == struct.pack(">HH", 5, 5), "unknown transfer"


def test_packets_that_are_lost(server):
    def answer(transfer):
        transfer.send(data(1, FILE[:512]))
        assert [transfer.receive(), transfer.receive()] == [ack(1), ack(1)], "block 2 did not come, so that is said again"
        transfer.send(data(2, b"end"))
        transfer.receive()

    asked = server(lambda transfer: None, answer)  # the first request gets no answer
    assert asked.read("a", 600) == FILE[:512] + b"end"
    assert asked.transfers[0].request == asked.transfers[1].request


@pytest.mark.parametrize(("code", "text", "said"), [(1, b"File not found", "File not found"), (0, b"a\x1b[2J\nb", "a b"), (2, b"", "")])
def test_errors(server, code, text, said):
    asked = server(lambda transfer: transfer.send(error(code, text)))
    with pytest.raises(Refused) as caught:
        asked.read("a", 9)
    assert (caught.value.code, caught.value.said) == (code, said)
    assert str(caught.value) == (f"says {said!r}" if said else "sends error 2")


def test_an_error_in_the_midst(server):
    def answer(transfer):
        transfer.send(data(1, FILE[:512]))
        transfer.receive()
        transfer.send(error(3, b"disk"))

    with pytest.raises(Refused, match="disk"):
        server(answer).read("a", 9999)


def silent(read):
    """Why, how many bytes came before, and how long it took."""
    begin = time.monotonic()
    with pytest.raises(Silent) as caught:
        read()
    return str(caught.value), caught.value.came, time.monotonic() - begin


def test_silence(server):
    asked = server(*[lambda transfer: None] * 3)
    text, came, seconds = silent(lambda: asked.read("a", 9))
    assert (text, came) == ("does not answer", 0)
    assert 0.6 <= seconds < 2
    assert len(asked.transfers) == 3


def test_nothing_listens():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    text, _came, seconds = silent(lambda: TftpServer("127.0.0.1", port).read("a", 9))
    assert text == "does not answer (Connection refused)"
    assert seconds < 1, "that is known at once"


def test_the_transfer_dies_after_the_first_block(server):
    def answer(transfer):
        transfer.send(data(1, FILE[:512]))
        for _each in QUICK:
            transfer.receive()

    assert silent(lambda: server(answer).read("a", 9999))[:2] == ("does not answer", 512)


@pytest.mark.parametrize("packet", [b"", b"\0", b"\0\6blksize\0001024\0", data(1, b"x" * 513), b"\0\1a\0octet\0"])
def test_what_no_phone_takes(server, packet):
    asked = server(*[lambda transfer: transfer.send(packet)] * 3)
    assert silent(lambda: asked.read("a", 9))[0] == "does not answer (what comes is no block of up to 512 bytes)"


def test_an_answer_from_another_address(server):
    def answer(transfer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", 0))
            other.sendto(data(1, b"a"), transfer.peer)

    asked = server(answer, answer, answer)
    assert silent(lambda: asked.read("a", 9))[0] == "does not answer (127.0.0.2 does instead)"


def test_a_file_without_end_is_given_up(server):
    def answer(transfer):
        for number in range(5):
            transfer.send(data(number + 1, b"x" * 512))
            if transfer.receive()[1] == 5:
                return
        pytest.fail("nobody ended it")

    assert len(server(answer).read("a", 1024)) == 1536


def test_the_first_blocks_only(server):
    def answer(transfer):
        transfer.send(data(1, FILE[:512]))
        transfer.receive()
        transfer.send(data(2, FILE[512:1024]))
        assert transfer.receive()[:4] == struct.pack(">HH", 5, 0)

    assert server(answer).read("a", 10**6, 2) == FILE[:1024]


def test_a_server_that_is_slow_does_not_hold_us_for_ever(server, monkeypatch):
    monkeypatch.setattr(client, "LONGEST", 1.0)

    def answer(transfer):
        begin = time.monotonic()
        transfer.answering.settimeout(0.5)
        with suppress(TimeoutError):
            while time.monotonic() - begin < 3:
                transfer.send(data(len(transfer.got) + 1, b"x" * 512))
                transfer.receive()
                time.sleep(0.15)

    text, came, seconds = silent(lambda: server(answer).read("a", 10**9))
    assert text == "does not answer (not within 1 seconds)"
    assert came >= 512
    assert seconds < 2


class Flooded(socket.socket):
    """There is always one more packet, and none that a phone takes."""

    def sendto(self, *_arguments):
        return 0

    def recvfrom(self, *_arguments):
        return bytes(4), ("127.0.0.1", 69)


def test_a_flood_does_not_hold_us_for_ever(monkeypatch):
    monkeypatch.setattr(socket, "socket", Flooded)
    text, _came, seconds = silent(lambda: TftpServer("127.0.0.1", 9, QUICK).read("a", 9))
    assert text == "does not answer (what comes is no block of up to 512 bytes)"
    assert seconds < 2


@pytest.mark.parametrize("address", ["no.such.host.invalid", "::1", "a" * 70 + ".example", "not an address"])
def test_an_address_that_is_none(address):
    with pytest.raises(Silent, match="cannot be found"):
        TftpServer(address, 69)


@pytest.mark.parametrize("mark", [client.BEGIN, client.END])
def test_names_of_nothing_carry_their_mark(server, mark):
    asked = server(lambda transfer: transfer.send(error(1, b"File not found")))
    with pytest.raises(Refused):
        asked.ask_for_nothing(mark)
    name = asked.transfers[0].request[2:].split(b"\0")[0].decode()
    assert mark_of(name) == mark_of(f"/srv/tftp/{name}") == mark


def test_marks_in_names():
    assert mark_of(f"{MARKED}SIPDefault.cnf") == mark_of(f"/srv/tftp/{MARKED}SIPDefault.cnf") == client.BEGIN
    for file in ("SIPDefault.cnf", "./SIP001122AABBCC.cnf", ".//SIPDefault.cnf", "/srv/tftp/./SIPDefault.cnf", "cisco79xx-check", ""):
        assert mark_of(file) == ""


def test_own_addresses():
    addresses = client.own_addresses()
    assert addresses[-1] == "127.0.0.1"
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((address, 0))
