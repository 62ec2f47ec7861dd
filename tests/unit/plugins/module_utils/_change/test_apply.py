# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All or nothing, whatever fails and whoever meddles."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import Change, TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    NEW,
    PHONE,
    apply,
    as_root,
    changes,
    lock,
    records,
    repair,
    snapshot,
    state_files,
    timed,
    undo,
)


def test_apply(root):
    before = snapshot(root)
    assert apply(root, image="P0S3-06-3-00", run="spring") == []
    after = snapshot(root)
    for name, data in NEW.items():
        assert (root / name).read_bytes() == data if data is not None else not (root / name).exists()
    assert os.readlink(root / "SIP00000000000A.cnf") == "store/real"
    for name in ("SIP000000000000.cnf", "SIP000000000003.cnf"):
        assert after[name][1:5] == before[name][1:5]
    assert after["OS79XX.TXT"][1] == 0o100644
    assert after["untouched.txt"] == before["untouched.txt"]
    assert set(after) == {*before, "OS79XX.TXT", "phones/SIP00000000000C.cnf"} - {"old.bin", "old.sbn"}
    (record,) = records(root)
    assert (record.state, record.run, record.image) == ("done", "spring", "P0S3-06-3-00")
    assert record.summary() == {"id": record.id, "run": "spring", "image": "P0S3-06-3-00", "settings": "", "created": record.created}
    assert [entry.name for entry in record.files] == list(NEW)
    by_name = {entry.name: entry for entry in record.files}
    assert (by_name["OS79XX.TXT"].before, by_name["old.bin"].after) == (None, None)
    assert by_name["SIP00000000000A.cnf"].path == "store/real"


def test_records_are_for_their_owner_only_and_hold_the_originals(root):
    original = (root / "SIP000000000001.cnf").read_bytes()
    old = os.umask(0)
    try:
        apply(root)
    finally:
        os.umask(old)
    (kept,) = (root.parent / "state").iterdir()
    assert kept.name.startswith("tftp-")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    lock_file, record = sorted(kept.iterdir(), key=lambda path: path.name != "lock")
    assert lock_file.name == "lock" and stat.S_IMODE(lock_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    with zipfile.ZipFile(record) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        (entry,) = [entry for entry in manifest["files"] if entry["name"] == "SIP000000000001.cnf"]
        assert archive.read(entry["before"]) == original


def test_nothing_to_do_costs_nothing(root):
    with lock(root) as store:
        assert store.apply([]) == []
        assert store.apply(changes(root, {"untouched.txt": b"as it was\n"})) == []
        assert store.records() == []
    assert state_files(root) == []


def test_a_store_that_only_looks(root):
    with lock(root, check=True) as store, pytest.raises(TransactionError, match="only looked at"):
        store.apply(changes(root))
    before = (root / PHONE).read_bytes()
    apply(root, {PHONE: b"x"})
    (root / PHONE).write_bytes(before)
    with lock(root, check=True) as store, pytest.raises(TransactionError, match="only looked at"):
        store.undo(store.plan_undo())


def test_a_change_outside_of_the_root_is_refused(root):
    outside = root.parent / "outside.cnf"
    for path in ("../outside.cnf", "phones/../../outside.cnf", str(outside), "./x", ""):
        with lock(root) as store, pytest.raises(TransactionError, match=r"outside\.cnf: .*: every file is as it was"):
            store.apply([Change("outside.cnf", path, None, b"x", None)])
    assert not outside.exists()
    assert state_files(root) == []


def test_backups(root):
    before = snapshot(root)
    backups = dict(apply(root, backup=True))
    assert set(backups) == set(NEW) - {"OS79XX.TXT", "phones/SIP00000000000C.cnf"}
    for name, path in backups.items():
        real = str((root / name).resolve().relative_to(root.resolve()))
        assert path.startswith(f"{root}/{real}.{os.getpid()}.2")
        assert path.endswith("~")
        assert snapshot(root)[os.path.relpath(path, root)] == before[real]
    undo(root)
    assert timed(before).items() <= timed(snapshot(root)).items()


@as_root
def test_a_new_file_is_owned_as_its_folder(root):
    os.chown(root, 1111, 2222)
    apply(root)
    made = (root / "OS79XX.TXT").stat()
    assert (made.st_mode, made.st_uid, made.st_gid) == (0o100644, 1111, 2222)


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"# more\n"),
        lambda path: path.unlink(),
        lambda path: path.chmod(0o700),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to("untouched.txt")),
        lambda path: os.utime(path, (1, 1)),
        lambda path: (path.rename(path.with_suffix(".x")), shutil.copy2(path.with_suffix(".x"), path)),
    ],
)
@pytest.mark.parametrize("name", ["SIPDefault.cnf", "old.sbn"])
def test_a_file_changed_meanwhile_stops_all(root, name, meddle):
    with lock(root) as store:
        planned = changes(root)
        meddle(root / name)
        before = snapshot(root)
        with pytest.raises(TransactionError, match=f"^{name} was changed by somebody else meanwhile: every file is as it was"):
            store.apply(planned)
    assert snapshot(root) == before
    assert state_files(root) == []


def test_a_file_created_meanwhile_stops_all(root):
    with lock(root) as store:
        planned = changes(root)
        (root / "OS79XX.TXT").write_bytes(b"theirs")
        before = snapshot(root)
        with pytest.raises(TransactionError, match=r"OS79XX\.TXT was changed"):
            store.apply(planned)
    assert snapshot(root) == before


@pytest.mark.parametrize("name", ["SIP000000000003.cnf", "old.sbn", "OS79XX.TXT"])
def test_a_file_changed_while_others_are_replaced_stops_all(root, monkeypatch, name):
    replace = os.replace

    def meddling(source, target, **folders):
        if target == "SIPDefault.cnf":
            (root / name).write_bytes(b"theirs")
        replace(source, target, **folders)

    monkeypatch.setattr(os, "replace", meddling)
    before = snapshot(root)
    with pytest.raises(TransactionError, match=f"^{name} was changed by somebody else meanwhile: every file is as it was"):
        apply(root)
    after = snapshot(root)
    assert after.pop(name)[0] == b"theirs"
    before.pop(name, None)
    assert after == before


@as_root
@pytest.mark.parametrize("backup", [False, True])
@pytest.mark.parametrize("name", ["SIPDefault.cnf", "old.sbn"])
def test_a_file_that_cannot_be_replaced_puts_all_back(root, name, backup):
    if subprocess.run(["chattr", "+i", str(root / name)], check=False, capture_output=True).returncode:
        pytest.skip("no immutable files here")
    before = snapshot(root)
    with pytest.raises(TransactionError, match=f"{name}: .*: every file is as it was; .*not immutable"):
        apply(root, backup=backup)
    assert snapshot(root) == before
    assert state_files(root) == []


def test_where_links_are_not_to_be_had_originals_are_copied(root, monkeypatch):
    before = snapshot(root)

    def no_links(*_arguments, **_options):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    backups = dict(apply(root, backup=True))
    for name, path in backups.items():
        real = str((root / name).resolve().relative_to(root.resolve()))
        assert timed(snapshot(root))[os.path.relpath(path, root)] == timed(before)[real]
    assert (root / "OS79XX.TXT").read_bytes() == NEW["OS79XX.TXT"]


@pytest.mark.parametrize("call", ["open", "write", "link", "replace", "unlink", "rename", "fsync"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_any_failure_on_the_way_puts_all_back(root, monkeypatch, call, error):
    before = snapshot(root)
    real, failed = getattr(os, call), 0
    for fail_at in range(1, 100):
        calls: list[object] = []

        def failing(*arguments, at=(fail_at, calls), **options):
            at[1].append(arguments)
            if len(at[1]) == at[0]:
                raise error
            return real(*arguments, **options)

        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            try:
                apply(root)
            except (TransactionError, KeyboardInterrupt) as raised:
                assert isinstance(raised, KeyboardInterrupt) == isinstance(error, KeyboardInterrupt)
                failed += 1
            if len(calls) < fail_at:
                break
        if (root / "OS79XX.TXT").exists() and (root / "OS79XX.TXT").read_bytes() == NEW["OS79XX.TXT"]:
            repair(root)
            assert records(root)[0].state == "done"
            undo(root)
            shutil.rmtree(root.parent / "state")
            assert timed(snapshot(root)) == timed(before)
            before = snapshot(root)
        else:
            assert snapshot(root) == before
            assert state_files(root) == []
    assert failed or (call == "link" and isinstance(error, OSError))  # then it is copied


def test_an_original_that_cannot_be_put_back_is_named_and_kept(root, monkeypatch):
    original = (root / "SIPDefault.cnf").read_bytes()
    replace = os.replace

    def swapped_in(source, target, **folders):
        if target == "SIP000000000001.cnf":
            for name in ("SIPDefault.cnf", "SIP000000000001.cnf"):
                (root / name).unlink()
                (root / name).mkdir()
        return replace(source, target, **folders)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", swapped_in)
        with pytest.raises(TransactionError, match=r"SIPDefault\.cnf could not be put back") as caught:
            apply(root)
    kept = str(caught.value).split("SIPDefault.cnf could not be put back")[1].split("its original is ")[1].split(",")[0]
    assert Path(kept).read_bytes() == original
    assert "every file is as it was" not in str(caught.value)
    (root / "SIPDefault.cnf").rmdir()
    os.rename(kept, root / "SIPDefault.cnf")
    with lock(root) as store:
        assert store.repaired[0].conflicts == ("SIP000000000001.cnf",)
    assert (root / "SIPDefault.cnf").read_bytes() == original


def test_errors_are_told_at_once_and_not_too_many():
    error = TransactionError(*(f"fault {number}" for number in range(30)), "fault 1")
    assert len(error.faults) == 30
    assert str(error).endswith("; and 10 more")
