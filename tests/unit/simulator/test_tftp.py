# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phones' TFTP client against real servers, and the retry pattern."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from itertools import count
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator.tftp_client import Client, Fetch, source_ports

SOURCE = "127.1.9.1"


def fetch(port: int, file: str, **options: object) -> Fetch:
    return asyncio.run(Client(SOURCE, ("127.0.0.1", port), count(50000), **options).fetch(file))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 70000])
def test_a_file_arrives_whole(root: Path, tftp_port: int, size: int) -> None:
    content = os.urandom(size)
    (root / "file").write_bytes(content)
    (root / "file").chmod(0o644)
    found = fetch(tftp_port, "./file")
    assert (found.result, found.data, found.sends) == ("ok", content, 1)


def test_a_missing_file_is_told_at_once(tftp_port: int) -> None:
    started = time.monotonic()
    assert fetch(tftp_port, "SEP000000000000.cnf.xml").result == "not_found"
    assert time.monotonic() - started < 0.9


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "P0S3-8-12-00 \r.sbn", "P\xd0S3.sbn", "folder"])
def test_odd_names_get_an_error_and_the_server_lives(root: Path, tftpy_port: int, name: str) -> None:
    (root.parent / "secret").write_text("secret")
    (root / "folder").mkdir()
    (root / "file").write_bytes(b"content")
    assert fetch(tftpy_port, name).result in ("not_found", "error")
    assert fetch(tftpy_port, "file").data == b"content"


def test_the_server_takes_no_uploads(root: Path, tftpy_port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"\0\2SIPDefault.cnf\0octet\0", ("127.0.0.1", tftpy_port))
        assert client.recv(600)[:4] == b"\0\5\0\2"
    assert not list(root.iterdir())


def test_twelve_requests_from_three_ports_when_nobody_answers() -> None:
    scale = 0.05
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0)
        started = time.monotonic()

        async def listen() -> tuple[Fetch, list[tuple[float, bytes, tuple[str, int]]]]:
            seen = []

            def arrived() -> None:
                packet, sender = server.recvfrom(600)
                seen.append((time.monotonic() - started, packet, sender))

            asyncio.get_running_loop().add_reader(server, arrived)
            client = Client(SOURCE, server.getsockname(), count(50100), scale)
            return await client.fetch("CTLSEP001122334455.tlv"), seen

        found, seen = asyncio.run(listen())
    assert (found.result, found.sends) == ("timed_out", 12)
    assert {packet for _time, packet, _sender in seen} == {b"\0\1CTLSEP001122334455.tlv\0octet\0"}
    assert [sender for _time, _packet, sender in seen] == [(SOURCE, 50100 + number // 4) for number in range(12)]
    for number, (at, _packet, _sender) in enumerate(seen):
        assert at / scale == pytest.approx(13 * (number // 4) + (0, 1, 5, 9)[number % 4], abs=0.9)
    assert time.monotonic() - started > 38 * scale


def test_a_firewall_eats_what_comes_from_another_port(root: Path, tftp_port: int) -> None:
    (root / "file").write_bytes(b"content")
    for name in ("file", "absent"):
        found = fetch(tftp_port, name, scale=0.01, firewall=lambda: True)
        assert (found.result, found.sends) == ("timed_out", 12)


def test_the_second_answer_to_a_repeated_request_is_sent_away() -> None:
    """Two transfers for one file must not be mixed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
            one.settimeout(5)

        def serve() -> bytes:
            _request, phone = first.recvfrom(600)
            first.sendto(b"\0\3\0\1" + b"a" * 512, phone)
            assert first.recv(600) == b"\0\4\0\1"
            second.sendto(b"\0\3\0\2" + b"b", phone)
            answer = second.recv(600)
            first.sendto(b"\0\3\0\2" + b"c", phone)
            assert first.recv(600) == b"\0\4\0\2"
            return answer

        async def both() -> tuple[Fetch, bytes]:
            client = Client(SOURCE, first.getsockname(), count(50200), 5.0)
            found, answer = await asyncio.gather(client.fetch("file"), asyncio.to_thread(serve))
            return found, answer

        found, answer = asyncio.run(both())
    assert found.data == b"a" * 512 + b"c"
    assert answer[:4] == b"\0\5\0\5"


def test_source_ports_go_up_by_one_in_the_range_seen() -> None:
    ports = source_ports(2899)
    assert [next(ports) for _number in range(3)] == [52699, 49800, 49801]


def test_a_source_port_that_is_taken_is_no_obstacle(root: Path, tftpy_port: int) -> None:
    (root / "file").write_bytes(b"content")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((SOURCE, 50000))
        assert fetch(tftpy_port, "file").data == b"content"
