# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse, recognise


def test_one_release_spelt_in_two_ways():
    assert parse("P0S3-08-12-00").same_as(parse("P0S3-8-12-00"))
    assert not parse("P0S3-8-12-00").same_as(parse("P003-8-12-00"))
    assert recognise(" p0s3-8-12-00\r\n").name == "P0S3-8-12-00"
    assert recognise("PAS3ARM1") is None
