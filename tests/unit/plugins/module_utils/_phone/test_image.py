# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import ImageNameError, move, parse, parse_application, recognise


@pytest.mark.parametrize(
    ("name", "protocol", "version", "signed", "files", "os79xx"),
    [
        ("P0S30203", image.SIP, (2, 3, 0, 0), False, ("P0S30203.bin",), "P0S30203"),
        ("P0S3-04-4-00", image.SIP, (4, 4, 0, 0), False, ("P0S3-04-4-00.bin",), "P0S3-04-4-00"),
        ("P0S3-06-3-00", image.SIP, (6, 3, 0, 0), True, ("P0S3-06-3-00.bin", "P0S3-06-3-00.sbn"), "P0S3-06-3-00"),
        (
            "P0S3-07-4-00",
            image.SIP,
            (7, 4, 0, 0),
            True,
            ("P0S3-07-4-00.loads", "P003-07-4-00.sbn", "P0S3-07-4-00.sb2"),
            "P003-07-4-00",
        ),
        ("P0S3-8-12-00", image.SIP, (8, 12, 0, 0), True, ("P0S3-8-12-00.loads", "P003-8-12-00.sbn", "P0S3-8-12-00.sb2"), "P003-8-12-00"),
        ("P003-8-12-00", image.LOADER, (8, 12, 0, 0), True, ("P003-8-12-00.sbn",), "P003-8-12-00"),
    ],
)
def test_a_name_tells_its_files(name, protocol, version, signed, files, os79xx):
    found = parse(name)
    assert (found.protocol, found.version, found.signed, found.files, found.os79xx) == (protocol, version, signed, files, os79xx)


@pytest.mark.parametrize("name", ["P0030801SR02", "P00303020214", "P0M3-06-0-00"])
def test_other_protocols_are_known_but_refused_as_a_target(name):
    assert parse(name).protocol in (image.SCCP, image.MGCP)
    with pytest.raises(ImageNameError, match="SIP phones"):
        parse_application(name)


def test_a_loader_is_no_target():
    with pytest.raises(ImageNameError, match="did you mean P0S3-8-12-00") as caught:
        parse_application("P003-8-12-00")
    assert caught.value.intended == "P0S3-8-12-00"


DASHES = ["\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\u00ad", "\uff0d", "_"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("POS3-06-3-00", "'O' (U+004F"),
        ("P0S3-O6-3-00", "'O' (U+004F"),
        ("P0S3-06-3-0O", "'O' (U+004F"),
        ("p0s3-06-3-00", "'p' (U+0070"),
        ("P053-06-3-00", "'5' (U+0035"),
        ("P0S3-06-3-00.bin", "'.bin'"),
        ("P0S3-06-3-00.sb2", "'.sb2'"),
        ("P0S3-06-3-00.loads", "'.loads'"),
        ("/tftpboot/P0S3-06-3-00", "'/'"),
        ("images\\P0S3-06-3-00.sbn", "'\\'"),
        ("../P0S3-06-3-00", "'/'"),
        ("P0S3-06-3-00\n", "U+000A"),
        (" P0S3-06-3-00", "U+0020"),
        ("P0S3 06 3 00", "U+0020"),
        ("P0S3-06-3\u00a0-00", "U+00A0 NO-BREAK SPACE"),
        ("P0S3-06\u200b-3-00", "U+200B ZERO WIDTH SPACE"),
        ("\u0420\u041eS3-06-3-00", "U+0420 CYRILLIC CAPITAL LETTER ER"),
        ("P0S3-\uff10\uff16-3-00", "U+FF10 FULLWIDTH DIGIT ZERO"),
        ("P0S3-0\u00ad6-3-00", "U+00AD SOFT HYPHEN"),
        ("P0S3-06-3-0", "no form"),
        *((f"P0S3{dash}06{dash}3{dash}00", f"U+{ord(dash):04X}") for dash in DASHES),
    ],
)
def test_a_bad_name_shows_the_fault_and_what_was_meant(text, shown):
    with pytest.raises(ImageNameError) as caught:
        parse(text)
    assert shown in str(caught.value)
    assert caught.value.intended == "P0S3-06-3-00"
    assert "did you mean P0S3-06-3-00?" in str(caught.value)


@pytest.mark.parametrize("text", ["", "banana", "P0S3", "P0S3--", "\x1b[31m", "{{ 7*7 }}", "P0S3-٠٦-3-0x", "P0S3-006-3-00", "8"])
def test_what_cannot_be_guessed_gets_an_example(text):
    with pytest.raises(ImageNameError, match="P0S3-8-12-00") as caught:
        parse(text)
    assert caught.value.intended is None
    assert str(caught.value).isprintable()


def test_one_release_spelt_in_two_ways():
    assert parse("P0S3-08-12-00").same_as(parse("P0S3-8-12-00"))
    assert not parse("P0S3-8-12-00").same_as(parse("P003-8-12-00"))
    assert recognise(" p0s3-8-12-00\r\n").name == "P0S3-8-12-00"
    assert recognise("PAS3ARM1") is None


@pytest.mark.parametrize(
    ("current", "target", "reason"),
    [
        ("P0S3-08-2-00", "P0S3-06-3-00", ""),
        ("P0S3-07-5-00", "P0S3-06-3-00", ""),
        ("P0S3-06-3-00", "P0S3-8-12-00", ""),
        ("P0S3-04-4-00", "P0S3-06-3-00", ""),
        ("P0S30202", "P0S3-03-0-00", ""),
        ("P0S30203", "P0S30201", ""),
        ("P0S3-08-2-00", "P0S30203", "signed"),
        ("P0S3-05-2-00", "P0S3-04-4-00", "signed"),
        ("P0S30201", "P0S3-06-3-00", "P0S30203 first"),
        ("P0S3-05-2-00", "P0S3-07-4-00", "6.x first"),
        ("P0S30201", "P0S3-8-12-00", "P0S30203, then an image of 6.x first"),
        ("P0M3-06-0-00", "P0S3-06-3-00", "MGCP"),
    ],
)
def test_moves(current, target, reason):
    blocked = move(parse(current), parse(target)).blocked
    assert reason in blocked
    assert bool(blocked) == bool(reason)


def test_images_that_lost_the_sound_are_a_risk():
    risks = move(parse("P0S3-06-3-00"), parse("P0S3-08-2-00")).risks
    assert any("could not hear" in risk for risk in risks)
    assert not any("could not hear" in risk for risk in move(parse("P0S3-08-2-00"), parse("P0S3-06-3-00")).risks)
