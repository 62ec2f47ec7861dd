# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one transaction or a whole run changed is taken back."""

from __future__ import annotations

import zipfile

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import ConflictError, NothingToUndo, TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    NEW,
    PHONE,
    apply,
    lock,
    plain,
    records,
    snapshot,
    timed,
    undo,
)


def test_undo_brings_everything_back(root):
    before = timed(snapshot(root))
    apply(root, image="P0S3-06-3-00")
    plan = undo(root)
    assert timed(snapshot(root)) == before
    assert plan.removed == ["OS79XX.TXT", "phones/SIP00000000000C.cnf"]
    assert set(plan.restored) == set(NEW) - set(plan.removed)
    assert [record.image for record in plan.records] == ["P0S3-06-3-00"]
    assert [record.state for record in records(root)] == ["undone"]
    with pytest.raises(TransactionError, match=r"there is no record of a change to .*: there is nothing to undo"):
        undo(root)
    with pytest.raises(TransactionError, match="was undone before: there is nothing to undo"):
        undo(root, record=plan.records[0].id)


def test_one_after_the_other(root):
    states = [timed(snapshot(root))]
    for number in range(3):
        apply(root, {PHONE: b"%d" % number, f"new{number}": b"x"})
        states.append(timed(snapshot(root)))
    for state in states[-2::-1]:
        undo(root)
        assert timed(snapshot(root)) == state


def test_records_of_one_run_are_undone_together(root):
    apply(root, {PHONE: b"another run"}, run="winter")
    before = timed(snapshot(root))
    apply(root, {PHONE: b"1", "new": b"1"}, run="spring")
    apply(root, {PHONE: b"2", "SIPDefault.cnf": b"2"}, run="spring")
    apply(root, {PHONE: b"3", "new": None, "old.bin": None}, run="spring")
    with lock(root) as store:
        by_run, latest = store.plan_undo(run="spring"), store.plan_undo()
        assert by_run == latest
        assert by_run.restored == [PHONE, "SIPDefault.cnf", "old.bin"]
        assert by_run.removed == []
        store.undo(by_run)
    assert timed(snapshot(root)) == before
    assert [record.state for record in records(root)] == ["undone"] * 3 + ["done"]
    with pytest.raises(TransactionError, match=r"no record of run spring of .* that can be undone: there are: winter"):
        undo(root, run="spring")
    undo(root)


def test_all_since_a_run(root):
    apply(root, {PHONE: b"another run"}, run="winter")
    before = timed(snapshot(root))
    apply(root, {PHONE: b"1", "new": b"1"}, run="trial")
    apply(root, {PHONE: b"2", "SIPDefault.cnf": b"2"}, run="spring")
    with pytest.raises(ConflictError, match=f"{PHONE} was changed since by run spring: take that back first, or set since_run to trial"):
        undo(root, run="trial")
    with pytest.raises(NothingToUndo, match=r"no record of run autumn of .* that can be undone: there are: spring, trial, winter"):
        undo(root, since="autumn")
    undo(root, run="spring")
    apply(root, {PHONE: b"3"}, run="summer")
    undo(root, since="trial")
    assert timed(snapshot(root)) == before
    assert [record.state for record in records(root)] == ["undone"] * 3 + ["done"]
    with pytest.raises(NothingToUndo):
        undo(root, since="spring")


def test_a_record_by_its_id(root):
    apply(root, {PHONE: b"1"}, run="spring")
    apply(root, {"SIPDefault.cnf": b"2"}, run="spring")
    second, first = records(root)
    undo(root, record=first.id)
    assert (root / PHONE).read_bytes() == b""
    assert (root / "SIPDefault.cnf").read_bytes() == b"2"
    with pytest.raises(TransactionError, match=f"record x/../y of {root} is not there, or cannot be undone: take one of {second.id}"):
        undo(root, record="x/../y")
    assert [record.state for record in records(root)] == ["done", "undone"]


def test_files_changed_since_are_named_and_kept(root):
    before = timed(snapshot(root))
    apply(root)
    (root / "SIPDefault.cnf").write_bytes(b"theirs")
    (root / "old.bin").write_bytes(b"theirs too")
    (root / "OS79XX.TXT").unlink()
    (root / PHONE).unlink()
    now = snapshot(root)
    with pytest.raises(ConflictError) as caught:
        undo(root)
    assert set(caught.value.names) == {"SIPDefault.cnf", "old.bin", PHONE}
    assert sorted(fault.split(" since")[0] for fault in caught.value.faults) == [
        f"{PHONE} was removed",
        "SIPDefault.cnf was changed",
        "old.bin was created",
    ]
    assert snapshot(root) == now
    plan = undo(root, force=True)
    assert set(plan.conflicts) == set(caught.value.names)
    assert timed(snapshot(root)) == before
    assert [record.state for record in records(root)] == ["forced", "undone"]
    with zipfile.ZipFile(next((root.parent / "state").glob("*/*.forced"))) as archive:
        assert b"theirs" in [archive.read(name) for name in archive.namelist()]


def test_a_change_of_somebody_else_in_between_is_a_conflict(root):
    apply(root, {PHONE: b"1"}, run="spring")
    (root / PHONE).write_bytes(b"theirs")
    apply(root, {PHONE: b"2"}, run="spring")
    with pytest.raises(ConflictError, match=PHONE):
        undo(root)
    undo(root, force=True)
    assert (root / PHONE).read_bytes() == b""


def test_what_was_put_back_by_hand_is_no_conflict(root):
    before = plain(snapshot(root))
    old = {name: (root / name).read_bytes() if (root / name).exists() else None for name in NEW}
    apply(root)
    for name in (PHONE, "SIP000000000003.cnf"):
        (root / name).write_bytes(old[name])
    undo(root)
    assert plain(snapshot(root)) == before
    apply(root, {PHONE: b"x"})
    (root / PHONE).write_bytes(b"")
    plan = undo(root)
    assert (plan.restored, plan.removed) == ([], [])
    assert [record.state for record in records(root)] == ["undone", "undone"]


def test_something_else_where_a_file_was(root):
    apply(root, {PHONE: b"x"})
    (root / PHONE).unlink()
    (root / PHONE).symlink_to("untouched.txt")
    before = snapshot(root)
    with pytest.raises(TransactionError, match=f"{PHONE} cannot be put back: it is a symbolic link"):
        undo(root, force=True)
    (root / PHONE).unlink()
    (root / PHONE).mkdir()
    with pytest.raises(TransactionError, match=f"{PHONE} cannot be put back: it is a folder"):
        undo(root, force=True)
    (root / PHONE).rmdir()
    (root / PHONE).symlink_to("untouched.txt")
    assert snapshot(root) == before


def test_a_file_changed_between_the_plan_and_the_undo(root):
    apply(root)
    with lock(root) as store:
        plan = store.plan_undo()
        (root / PHONE).write_bytes(b"theirs")
        before = snapshot(root)
        with pytest.raises(TransactionError, match=f"{PHONE} was changed by somebody else meanwhile: every file is as it was"):
            store.undo(plan)
    assert snapshot(root) == before
    assert [record.state for record in records(root)] == ["done"]
