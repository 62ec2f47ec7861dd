# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import meant_file, parse, recognise


def test_one_release_spelt_in_two_ways():
    assert parse("P0S3-08-12-00").same_as(parse("P0S3-8-12-00"))
    assert not parse("P0S3-8-12-00").same_as(parse("P003-8-12-00"))
    assert recognise(" p0s3-8-12-00\r\n").name == "P0S3-8-12-00"
    assert recognise("PAS3ARM1") is None


@pytest.mark.parametrize(
    ("file", "meant"),
    [
        ("POS3-06-3-00.bin", "P0S3-06-3-00.bin"),
        ("P0S3-O6-3-00.sbn", "P0S3-06-3-00.sbn"),
        ("p0s3-8-12-00.LOADS", "P0S3-8-12-00.loads"),
        ("P0S3-8-12-00.SB2", "P0S3-8-12-00.sb2"),
        ("P0S3-06-3-00 .bin", "P0S3-06-3-00.bin"),
        ("P0S3-06-3-00.bin ", "P0S3-06-3-00.bin"),
        ("PO03-8-12-00.sbn", "P003-8-12-00.sbn"),
        ("P0S3-8-12-00.sb2", None),
        ("P00308000500.bin", None),
        ("SIP41.8-5-2S.loads", None),
        ("P0S3-8-12-00.zip", None),
        ("", None),
    ],
)
def test_a_misspelt_file_and_the_name_that_was_meant(file, meant):
    assert meant_file(file) == meant
