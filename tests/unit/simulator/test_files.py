# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The synthetic images and the phone's reading of its config files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator import cnf, images
from ansible_collections.voip.cisco79xx.tests.simulator.fleet import Fleet, address


def test_8_12_is_three_containers_with_their_own_names(root: Path) -> None:
    paths = images.make_image(root, "P0S3-8-12-00")
    assert [path.name for path in paths] == ["P0S3-8-12-00.loads", "P003-8-12-00.sbn", "P0S3-8-12-00.sb2"]
    for path in paths:
        content = path.read_bytes()
        name = path.name.encode()
        assert content[:10] == bytes.fromhex("01000201010200020194")
        assert b"\x0e" + bytes([0, len(name) + 1]) + name + b"\0\x0d" in content[:404]
        assert content[403] == 0x0D
    assert paths[0].read_bytes()[404:] == b"P003-8-12-00.sbn\nP0S3-8-12-00.sb2\nLA_VERSION=PAS81200\n"
    assert paths[2].read_bytes()[404 + 0x20 :].startswith(b"P0S3-8-12-00\0")
    assert paths[1].read_bytes()[404 + 0x20 :].startswith(b"P003-8-12-00\0")


def test_6_3_is_a_raw_image_and_the_same_in_a_container(root: Path) -> None:
    raw, signed = images.make_image(root, "P0S3-06-3-00", mode=0o600, size=1500)
    assert (raw.name, signed.name) == ("P0S3-06-3-00.bin", "P0S3-06-3-00.sbn")
    assert raw.read_bytes()[0x20:0x30] == b"P0S3-06-3-00\0\0\0\0"
    assert len(raw.read_bytes()) == 1500
    assert images.open_container(signed.read_bytes(), signed.name) == raw.read_bytes()
    assert raw.stat().st_mode & 0o777 == 0o600


def test_an_early_image_is_one_raw_file(root: Path) -> None:
    assert [path.name for path in images.make_image(root, "P0S30203")] == ["P0S30203.bin"]


@pytest.mark.parametrize(
    "content, fault",
    [
        (images.container("P0S3-8-11-00.sb2", b"x" * 100), "signed as 'P0S3-8-11-00.sb2'"),
        (images.container("P0S3-8-12-00.sb2", b""), "cut short"),
        (images.raw_image("P0S3-8-12-00"), "no signed container"),
        (b"", "cut short"),
    ],
)
def test_a_container_that_is_not_whole_or_renamed_is_refused(content: bytes, fault: str) -> None:
    with pytest.raises(images.BadImage, match=fault):
        images.open_container(content, "P0S3-8-12-00.sb2")


@pytest.mark.parametrize(
    "line, value",
    [
        (b'image_version: "P0S3-8-12-00"', "P0S3-8-12-00"),
        (b"image_version:P0S3-8-12-00", "P0S3-8-12-00"),
        (b"  Image_Version : P0S3-8-12-00 ; comment\r", "P0S3-8-12-00"),
        (b'image_version: "P0S3-8-12-00";', "P0S3-8-12-00"),
        (b'image_version :"P0S3-8-12-00" ;c', "P0S3-8-12-00"),
        (b'image_version:" P0S3-8-12-00 "', " P0S3-8-12-00 "),
        (b'image_version: "a"\nimage_version: "b"', "b"),
        (b"image_version: a\n\n;image_version: b\n# image_version: c\n", "a"),
        (b'image_version: a\nimage_version: "unclosed', "a"),
        (b"image_version=a", None),
        (b"image_version:", ""),
        (b"# image_version: a", None),
    ],
)
def test_a_line_of_a_config_file(line: bytes, value: str | None) -> None:
    assert cnf.read(line).get("image_version") == value


def test_the_phones_own_file_overrides_the_default() -> None:
    both = cnf.effective(b"image_version: a\ntelnet_level: 2", b"IMAGE_VERSION: b")
    assert both == {"image_version": "b", "telnet_level": "2"}
    assert cnf.effective(b"image_version: a", None) == {"image_version": "a"}


def test_every_phone_has_an_address_of_its_own() -> None:
    addresses = [address(number) for number in range(20000)]
    assert len(set(addresses)) == 20000
    assert addresses[0] == "127.1.0.1"
    assert not any(one.endswith((".0", ".255")) for one in addresses)


@pytest.mark.parametrize(
    "fleet, fault",
    [
        ({"phones": [{"image": "P0S30203", "fault": []}]}, "unknown keys fault"),
        ({"phones": [{"image": "P0S30203", "faults": ["slwo"]}]}, "unknown faults slwo"),
        ({"phones": [], "timescale": 1}, "unknown keys timescale"),
        ({"phones": [{"image": "P0S30203", "name": "a"}] * 2}, "two phones are called a"),
        ({"phones": [{"image": "P0S30203", "mac": "0011"}]}, "is no MAC"),
    ],
)
def test_a_misspelt_fleet_is_refused(fleet: dict, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Fleet(fleet)
