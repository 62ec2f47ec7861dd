# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files are read as what, where that is not a text that cases can hold."""

from __future__ import annotations

import gzip
import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses import sources
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sighting import Source, addresses_in, macs_in
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import KINDS, Place, SourceError, read

MAC = "000E84C060A6"
LOG = "2026-11-28T10:00:00+00:00 pbx in.tftpd[4712]: RRQ from 10.0.0.5 filename SIP000E84C060A6.cnf\n"


def look(place, warnings=None):
    return [(one.mac, one.address) for one in read(place, {MAC}, dict, time.time(), (warnings if warnings is not None else []).append)]


def test_a_log_that_is_gzipped(tmp_path):
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LOG.encode()))
    assert look(Place(file=str(path))) == [(MAC, "10.0.0.5")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(f"lease 10.0.0.5 {{ hardware ethernet {MAC}; }}\n".encode()), "is packed: unpack it"),
        (bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"), "is a capture of packets: leave its kind out"),
    ],
    ids=["gzipped", "capture"],
)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_packed_file_of_another_kind_is_not_read_as_a_log(tmp_path, content, sentence, kind):
    path = tmp_path / "leases.gz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=f"{path} {sentence}"):
        look(Place(file=str(path), kind=kind))
    assert look(Place(file=str(path))) == []


def test_a_log_that_is_longer_than_other_files_may_be(tmp_path, monkeypatch):
    path = tmp_path / "log"
    path.write_text(LOG * 10)
    monkeypatch.setattr(sources, "MOST_BYTES", 500)
    assert look(Place(file=str(path))) == [(MAC, "10.0.0.5")]
    path.write_text(f"{MAC} 10.0.0.5\n" * 100)
    with pytest.raises(SourceError, match="has 0 MiB, and 0 are read at most"):
        look(Place(file=str(path)))


def test_a_log_that_a_command_writes(tmp_path):
    (tmp_path / "log").write_text(LOG)
    assert look(Place(command=("cat", "log"), folder=str(tmp_path))) == [(MAC, "10.0.0.5")]
    assert look(Place(command=("cat", "log"), folder=str(tmp_path), kind="tftp_log")) == [(MAC, "10.0.0.5")]


def test_a_link_is_followed_and_a_folder_refused(tmp_path):
    (tmp_path / "list").write_text(f"{MAC} 10.0.0.5\n")
    (tmp_path / "link").symlink_to("list")
    assert look(Place(file=str(tmp_path / "link"))) == [(MAC, "10.0.0.5")]
    for kind in (None, "lines", "tftp_log"):
        with pytest.raises(SourceError, match="cannot be read"):
            look(Place(file=str(tmp_path), kind=kind))


def test_a_file_from_tomorrow_counts_as_of_now(tmp_path):
    (tmp_path / "list").write_text(f"{MAC} 10.0.0.5\n")
    os.utime(tmp_path / "list", (time.time() + 99999,) * 2)
    now = time.time()
    (one,) = read(Place(file=str(tmp_path / "list")), {MAC}, dict, now, lambda _text: None)
    assert one.time == now


def test_a_file_from_before_1970_counts_as_of_then(tmp_path):
    (tmp_path / "list").write_text(f"{MAC} 10.0.0.5\n")
    os.utime(tmp_path / "list", (-(10**9),) * 2)
    (one,) = read(Place(file=str(tmp_path / "list")), {MAC}, dict, time.time(), lambda _text: None)
    assert one.time == 0


def test_control_characters_in_the_name_of_a_file(tmp_path):
    path = tmp_path / "a\x1b[31m\nb"
    path.write_text(f"{MAC} 10.0.0.5 10.0.0.6\n")
    warnings: list[str] = []
    look(Place(file=str(path)), warnings)
    assert all(text.isprintable() for text in warnings)
    assert len(warnings) == 2


WORDS = [MAC, "00:0e:84:c0:60:a6", "000e.84c0.60a6", "10.0.0.5", "lease 10.0.0.5 {", "hardware ethernet 00:0e:84:c0:60:a6", "ends never"]
WORDS += ["binding state active", "Contact:  1/sip:1@10.0.0.5", "1/1  10.0.0.5 D", "9" * 30, "\x1b[2J", "\ud800", *'};"\\#\n,/0 ']
PIECES = st.sampled_from(WORDS)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=30).map("".join)


@given(TEXTS, st.sampled_from(sorted(KINDS)))
def test_property_every_reader_takes_every_text(text, kind):
    head = "address,hwaddr,client_id,valid_lifetime,expire,state\n" if kind == "kea" else "mac,ip\n" if kind == "table" else ""
    source = Source("source", head + text, 1e9, {MAC}, {"1": MAC}.copy)
    for seen in KINDS[kind][1](source):
        assert re.fullmatch("[0-9A-F]{12}", seen.mac)
        assert addresses_in(seen.address)[0] == [seen.address]
        assert 1 <= seen.line <= source.text.count("\n") + 1
        assert seen.time is None or seen.time <= source.time
    assert all(1 <= line <= source.text.count("\n") + 1 for line, _why in source.misread)


@given(st.binary(min_size=6, max_size=6), st.sampled_from([(":", 2), ("-", 2), (".", 4), ("-", 4), (":", 4), ("-", 6), (".", 6), ("", 12)]))
def test_property_a_mac_is_found_in_all_spellings(octets, spelling):
    separator, size = spelling
    digits = octets.hex()
    text = separator.join(digits[at : at + size] for at in range(0, 12, size))
    right = [digits.upper()]
    for spelt in (text, text.upper()):
        assert macs_in(f"? ({spelt}) at", {right[0]}) == right
    assert macs_in(f"01{separator or ':'}{text}" if size == 2 else f"x{text}0", {right[0]}) == []
