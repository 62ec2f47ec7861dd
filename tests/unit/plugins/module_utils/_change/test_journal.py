# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records are forgotten in time, and not believed if somebody has had his hands on them."""

from __future__ import annotations

import json
import zipfile

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import journal
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    PHONE,
    apply,
    plain,
    records,
    snapshot,
    state_files,
    undo,
)

# Forgetting


def test_old_records_are_forgotten(root):
    for number in range(journal.KEPT_RECORDS + 5):
        apply(root, {PHONE: b"%d" % number})
    found = records(root)
    assert journal.KEPT_RECORDS <= len(found) <= journal.KEPT_RECORDS + 1
    assert found[0].id > found[-1].id


def test_a_run_is_forgotten_as_a_whole(root, monkeypatch):
    monkeypatch.setattr(journal, "KEPT_RECORDS", 4)
    before = plain(snapshot(root))
    for number in range(8):
        apply(root, {PHONE: b"%d" % number}, run="long")
    assert len(records(root)) == 8
    undo(root)
    assert plain(snapshot(root)) == before
    for number in range(4):
        apply(root, {PHONE: b"%d" % number}, run="next")
    assert {record.run for record in records(root)} == {"next"}
    monkeypatch.setattr(journal, "MOST_RECORDS", 6)
    for number in range(4):
        apply(root, {PHONE: b"%d!" % number}, run="next")
    assert len(records(root)) == 8
    apply(root, {PHONE: b"last"}, run="last")
    assert {record.run for record in records(root)} == {"last"}


def test_a_clock_that_was_set_back(root):
    apply(root, {PHONE: b"1"})
    (path,) = (root.parent / "state").glob("*/*.zip")
    later = "99991231T235959.999998Z-abcd"
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(held["manifest.json"]), "id": later}
    with zipfile.ZipFile(path.with_name(f"{later}.zip"), "w") as archive:
        for name, data in {**held, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    path.unlink()
    apply(root, {PHONE: b"2"})
    assert records(root)[0].id.startswith("99991231T235959.999999Z-")
    undo(root)
    assert (root / PHONE).read_bytes() == b"1"


# Records that somebody has had his hands on


def forge(root, state, /, **changed):
    """Rewrites the only record. `files` changes the first file of it."""
    (path,) = (root.parent / "state").glob("*/2*")
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(held["manifest.json"])
    first = changed.pop("first", {})
    manifest["files"][0].update(first)
    manifest.update(changed)
    if manifest["settings"] is None:
        del manifest["settings"]
    path.unlink()
    with zipfile.ZipFile(path.with_suffix(f".{state}"), "w") as archive:
        for name, data in {**held, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)


def test_a_record_of_an_earlier_release(root):
    """It knew of no settings."""
    before = snapshot(root, inodes=False)
    apply(root, image="P0S3-06-3-00")
    forge(root, "zip", settings=None)
    assert undo(root).records[0].summary()["settings"] == ""
    assert snapshot(root, inodes=False) == before


@pytest.mark.parametrize("state", ["zip", "pending", "committed"])
@pytest.mark.parametrize(
    "forged",
    [
        *({"first": {"path": path}} for path in ("../../etc/x", "/etc/x", "a/../../x", "..", ".", "", "a//b", "a/", "./a", "a\0b", 7)),
        {"first": {"name": ["x"]}},
        {"first": {"before": "../x"}},
        {"first": {"after": "f" * 63}},
        {"first": {"mode": -1}},
        {"first": {"mode": 0o100644}},
        {"first": {"uid": "root"}},
        {"first": {"mtime_ns": None}},
        {"first": {"attributes": {"user.x": "no base64"}}},
        {"token": "/../../x"},
        {"suffix": "/../../x"},
        {"undoes": ["../x"]},
        {"undoes": [7]},
        {"root": "/etc"},
        {"format": 2},
        {"id": "20000101T000000.000000Z-abcd"},
        {"files": [{}]},
        {"files": 7},
        {"run": None},
        {"settings": 7},
    ],
)
def test_hostile_records_are_refused(root, state, forged):
    apply(root)
    forge(root, state, **{key: dict(value) if isinstance(value, dict) else value for key, value in forged.items()})
    before = snapshot(root.parent)
    with pytest.raises(TransactionError, match=r"^record .* cannot be used \(.*move it away"):
        undo(root, force=True)
    assert snapshot(root.parent) == before
    if state == "zip":
        assert [record.state for record in records(root)] == ["damaged"]
        (path,) = (root.parent / "state").glob("*/2*")
        path.unlink()
        apply(root, {PHONE: b"goes on"})


@pytest.mark.parametrize("state", ["zip", "pending"])
@pytest.mark.parametrize("data", [b"", b"PK", b"\0" * 1000])
def test_records_that_are_no_archive(root, state, data):
    apply(root)
    (path,) = (root.parent / "state").glob("*/2*")
    path.unlink()
    path.with_suffix(f".{state}").write_bytes(data)
    before = snapshot(root)
    with pytest.raises(TransactionError, match="cannot be used"):
        undo(root)
    assert snapshot(root) == before


@pytest.mark.parametrize("state", ["zip", "pending"])
def test_originals_that_are_damaged(root, state):
    apply(root, {"SIPDefault.cnf": b"x"})
    (path,) = (root.parent / "state").glob("*/2*")
    with zipfile.ZipFile(path) as archive:
        manifest = archive.read("manifest.json")
    digest = json.loads(manifest)["files"][0]["before"]
    path.unlink()
    for originals in ({}, {digest: b"forged"}):
        with zipfile.ZipFile(path.with_suffix(f".{state}"), "w") as archive:
            for name, data in {"manifest.json": manifest, **originals}.items():
                archive.writestr(name, data)
        with pytest.raises(TransactionError, match=r"the original of SIPDefault.cnf (is damaged|cannot be read)"):
            undo(root)
        assert (root / "SIPDefault.cnf").read_bytes() == b"x"


def test_what_does_not_belong_to_the_records_is_let_be(root):
    apply(root)
    (kept,) = (root.parent / "state").iterdir()
    for name in ("notes.txt", "x.zip", "20000101T000000.000000Z-abcd.tar"):
        (kept / name).write_bytes(b"x")
    (kept / "20000101T000000.000000Z-abcd.new").write_bytes(b"a record whose writer was killed")
    assert len(records(root)) == 1
    assert len(state_files(root)) == 4
