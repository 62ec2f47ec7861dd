# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Killed at each system call: every file is whole at each moment, and the next run mends the root."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import zipfile

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils import _tree
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.module_utils._change.helpers import (
    NEW,
    PHONE,
    apply,
    in_child,
    kill_in_commit,
    lock,
    plain,
    records,
    repair,
    snapshot,
    state_files,
    timed,
    undo,
)


def assert_nothing_torn(root, *allowed):
    """Every file that a phone could ask for is whole: as it was or as it will be, bytes and mode."""
    now = plain(snapshot(root))
    for name in {name for found in allowed for name in found} | set(now):
        if not os.path.basename(name).startswith(".") and not name.endswith("~"):
            assert now.get(name) in [found.get(name) for found in allowed], name


class Twin:
    """A root that can be set back, to be killed in again and again."""

    def __init__(self, root):
        self.root = root
        self.state = root.parent / "state"
        self.state.mkdir(exist_ok=True)
        self.saved = root.parent / "saved"
        self.saved.mkdir()
        self._copy(self.root, self.saved / "tftp")
        self._copy(self.state, self.saved / "state")

    def _copy(self, source, target):
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)

    def reset(self):
        for path in (self.root, self.state):
            shutil.rmtree(path)
            self._copy(self.saved / path.name, path)


def without_links():
    def no_links(*_arguments, **_options):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    os.link = no_links


@pytest.mark.parametrize(
    "how, options, stride",
    [("plain", {}, 1), ("backup", {"backup": True}, 3), ("file by file onto the disk", {}, 2), ("no links", {}, 2)],
)
def test_killed_at_every_step(root, monkeypatch, how, options, stride):
    if how == "file by file onto the disk":
        monkeypatch.setattr(_tree, "sync_file_system", lambda descriptor: False)

    def work():
        if how == "no links":
            without_links()
        apply(root, **options)

    twin = Twin(root)
    apply(root)
    new = plain(snapshot(root))
    killed = ended_new = 0
    while True:
        twin.reset()
        before = snapshot(root)
        if in_child(work, killed * stride + 1):
            break
        killed += 1
        assert_nothing_torn(root, plain(before), new)
        in_child(lambda: repair(root))
        after = snapshot(root)
        left = {name: file for name, file in after.items() if not name.endswith("~")}
        if plain(left) == new:
            ended_new += 1
            assert [name.split(".")[-1] for name in state_files(root)] == ["zip"]
            undo(root)
        else:
            assert timed(after) == timed(before)
            assert after == before or how == "no links"
            assert state_files(root) == []
        assert timed(before).items() <= timed(snapshot(root)).items()
    assert killed > 80 / stride
    assert 0 < ended_new < killed / 2


@pytest.mark.parametrize("backup", [False, True])
def test_killed_at_every_step_of_the_repair(root, backup):
    twin = Twin(root)
    apply(root)
    new = plain(snapshot(root))
    steps = killed = 0
    while not in_child(lambda: apply(root, backup=backup), steps + 1):
        steps += 1
        twin.reset()
    for first in (steps // 2, steps - 12) if backup else (steps // 4, steps * 5 // 8, steps * 13 // 16, steps - 2):
        repair_at = 1
        while True:
            twin.reset()
            before = snapshot(root)
            assert not in_child(lambda: apply(root, backup=backup), first)
            if in_child(lambda: repair(root), repair_at):
                break
            assert_nothing_torn(root, plain(before), new)
            in_child(lambda: repair(root))
            after = snapshot(root)
            if plain({name: file for name, file in after.items() if not name.endswith("~")}) != new:
                assert after == before
                assert state_files(root) == []
            killed += 1
            repair_at += 1
    assert killed > 40


def test_killed_at_every_step_of_an_undo(root):
    before = timed(snapshot(root))
    apply(root, {"OS79XX.TXT": b"an earlier one\n"}, run="early")
    (root / "OS79XX.TXT").unlink()
    apply(root, run="late")
    apply(root, {"SIPDefault.cnf": b"once more\n", PHONE: None}, run="late")
    twin = Twin(root)
    killed = ended_old = 0
    while True:
        twin.reset()
        done = snapshot(root)
        if in_child(lambda: undo(root), killed + 1):
            break
        killed += 1
        assert_nothing_torn(root, plain(done), plain(before))
        in_child(lambda: repair(root))
        late = [one.state for one in records(root) if one.run == "late"]
        if timed(snapshot(root)) == before:
            ended_old += 1
            assert late == ["undone", "undone"]
        else:
            assert snapshot(root) == done
            assert late == ["done", "done"]
            undo(root)
            assert timed(snapshot(root)) == before
        assert len(state_files(root)) == 3
    assert killed > 80
    assert ended_old > 3


def test_a_repair_that_has_to_write_the_originals(root):
    """As after a crash of the machine: the second names are gone."""
    before = snapshot(root)
    step = 1
    while not in_child(lambda: apply(root), step):
        for path in root.rglob(".*.old"):
            if path.stat().st_nlink == 1:
                path.unlink()
        pending = any(name.endswith(".pending") for name in state_files(root))
        repair(root)
        if not pending and timed(snapshot(root)) != timed(before):
            undo(root)
        assert timed(snapshot(root)) == timed(before)
        step += 2


def test_a_repair_leaves_alone_what_somebody_else_changed(root):
    before = snapshot(root)
    kill_in_commit(root)
    (root / "SIPDefault.cnf").write_bytes(b"theirs\n")
    (root / "SIP000000000003.cnf").unlink()
    (root / "SIP000000000000.cnf").unlink()
    (root / "SIP000000000000.cnf").mkdir()
    (root / "SIP000000000000.cnf").rmdir()
    (root / "SIP000000000000.cnf").symlink_to("untouched.txt")
    kept = snapshot(root)
    with lock(root, check=True) as store:
        foretold = store.repaired
    assert snapshot(root) == kept
    with lock(root) as store:
        (done,) = store.repaired
        assert store.repaired == foretold
        assert set(done.conflicts) == {"SIPDefault.cnf", "SIP000000000000.cnf", "SIP000000000003.cnf"}
        assert done.restored == ("SIP000000000001.cnf",)
        assert "1 file put back" in done.texts()[0]
        assert "SIPDefault.cnf was changed by somebody else" in done.texts()[1]
        assert [one.state for one in store.records()] == ["repaired"]
    after = snapshot(root)
    assert after["SIPDefault.cnf"][0] == b"theirs\n"
    assert after["SIP000000000000.cnf"] == "untouched.txt"
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == {"SIPDefault.cnf", "SIP000000000000.cnf", "SIP000000000003.cnf"}
    with zipfile.ZipFile(next((root.parent / "state").glob("*/*.repaired"))) as archive:
        assert before["SIPDefault.cnf"][0] in [archive.read(name) for name in archive.namelist()]
    with lock(root) as store:
        assert store.repaired == []
        with pytest.raises(TransactionError, match="nothing to undo"):
            store.plan_undo()


def test_after_a_kill_the_next_run_repairs_first(root):
    before = timed(snapshot(root))
    kill_in_commit(root)
    apply(root)
    assert plain(snapshot(root))["OS79XX.TXT"][0] == b"P0S3-06-3-00\n"
    undo(root)
    assert timed(snapshot(root)) == before


def test_a_folder_replaced_by_a_link_is_not_followed(root):
    kill_in_commit(root, {"phones/SIP00000000000B.cnf": b"x", **{name: b"x" for name in list(NEW)[:5]}})
    outside = root.parent / "outside"
    (root / "phones").rename(outside)
    (root / "phones").symlink_to(outside)
    before = snapshot(outside)
    with lock(root) as store:
        assert store.repaired[0].conflicts == ("phones/SIP00000000000B.cnf",)
    assert snapshot(outside) == before
    (root / "phones").unlink()
    (root / "phones").mkdir()
    apply(root, {"phones/SIP00000000000B.cnf": b"x"})
    shutil.rmtree(root / "phones")
    (root / "phones").symlink_to(outside)
    with pytest.raises(TransactionError, match="its folder is a symbolic link or no folder now"):
        undo(root, force=True)
