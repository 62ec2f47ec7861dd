# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import container


def field(tag, value):
    return bytes([tag]) + len(value).to_bytes(2, "big") + value


def signed(name, payload, fields=b"", pad=b"\x0d", length=404):
    """A file with the layout of a signed one, and nothing of Cisco's in it."""
    body = fields + (field(0x0E, name.encode() + b"\0") if name else b"")
    head = field(1, b"\x01\x01") + field(2, length.to_bytes(2, "big")) + body
    return head + pad * ((length - len(head)) // len(pad)) + bytes((length - len(head)) % len(pad)) + payload


def parse(data):
    return container.parse(data[: container.HEAD], len(data))


@pytest.mark.parametrize("pad", [b"\x0d", b"\0", b"\x0d\x00\x05\xff\xff\xff\xff\xff"])
@pytest.mark.parametrize("fields", [b"", field(3, b"k" * 20), b"\x0d", b"\x0d\x0d\x0d", b"\x0d\0\0", field(0x0D, b"zz"), field(5, b"")])
def test_parse(pad, fields):
    assert parse(signed("P003-8-12-00.sbn", b"payload", fields, pad)) == container.Container("P003-8-12-00.sbn", 404, 7)


def test_a_header_without_a_name_or_with_unknown_fields_passes():
    assert parse(signed("", b"x")) == container.Container(None, 404, 1)
    assert parse(signed("a.sbn", b"x", b"\x77\xff\xff")) == container.Container(None, 404, 1)
    assert parse(signed("a.sbn", b"x", length=60_000)).header_length == 60_000


@pytest.mark.parametrize(
    "data, fault",
    [
        (b"", "not one of Cisco's signed files"),
        (b"GIF89a" * 100, "not one of Cisco's signed files"),
        (b"\x01\x00\x02\x01", "not one of Cisco's signed files"),
        (signed("a.sbn", b"x")[:300], "truncated (300 bytes, its header alone has 404)"),
        (signed("a.sbn", b""), "nothing follows its header"),
        (field(1, b"\1\1") + field(2, b"\0\4") + b"x" * 50, "damaged"),
    ],
)
def test_not_whole(data, fault):
    with pytest.raises(container.ContainerError, match=None) as caught:
        parse(data)
    assert fault in str(caught.value)


@given(st.binary(max_size=60), st.integers(0, 500))
def test_property_any_bytes_parse_or_are_refused(rest, size):
    data = (field(1, b"\1\1") + field(2, (10 + len(rest)).to_bytes(2, "big")) + rest + b"payload")[:size]
    try:
        assert parse(data).payload_length > 0
    except container.ContainerError:
        pass


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("tail", [b"", b"\0\0\0"])
def test_manifest(end, tail):
    text = end.join([b"P003-8-12-00.sbn", b"P0S3-8-12-00.sb2 ", b"LA_VERSION=PAS30830", b""])
    assert container.manifest(text + tail) == ("P003-8-12-00.sbn", "P0S3-8-12-00.sb2")


@pytest.mark.parametrize("text", [b"", b"\n\n", b"LA_VERSION=PAS30830\n", b"\xff\xfe\n", b"../etc/passwd\n", b"a b\n", b".sbn\n"])
def test_bad_manifest(text):
    with pytest.raises(container.ContainerError, match="damaged"):
        container.manifest(text)


def test_load_id():
    head = bytes(0x20)
    assert container.load_id(head + b"P0S3-06-3-00\0\0").name == "P0S3-06-3-00"
    assert container.load_id(head + b"\xff" * 40) is None
    assert container.load_id(head + bytes(40)) is None
    assert container.load_id(b"short") is None
