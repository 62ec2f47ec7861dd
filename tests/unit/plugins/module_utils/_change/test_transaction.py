# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions on real file systems, with real kills: a child of this process does the work and dies at each of its system calls."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import traceback
import zipfile
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import transaction
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.transaction import Change, TransactionError, locked

NOBODY = 65534
PHONE = "SIP001122AABBCC.cnf"
WRITING = "open write replace rename link unlink fsync fchmod fchown utime mkdir chmod setxattr removexattr".split()

as_root = pytest.mark.skipif(os.geteuid() != 0 and "CI" not in os.environ, reason="takes root to make")


@pytest.fixture
def folder():
    """Open to everybody: pytest's own folders are closed to other users."""
    made = Path(tempfile.mkdtemp(prefix="transaction-")).resolve()
    made.chmod(0o755)
    yield made
    subprocess.run(["chattr", "-R", "-i", str(made)], check=False, capture_output=True)
    shutil.rmtree(made)


@pytest.fixture
def root(folder):
    """A dozen files in all the roles there are; NEW says what shall become of them."""
    made = folder / "tftp"
    for inside in ("", "store", "phones"):
        (made / inside).mkdir()
    (made / "SIPDefault.cnf").write_bytes(b"image_version: P0S3-8-12-00\ntelnet_level: 2\n")
    for number in range(4):
        path = made / f"SIP00000000000{number}.cnf"
        path.write_bytes(b"image_version: P0S3-07-4-00\r\nline1_password: hunter2\r\n" + b"# filler\n" * number)
        path.chmod((0o644, 0o600, 0o444, 0o6640)[number])
        os.utime(path, ns=(10**18 + number, 10**18 + number))
        if os.geteuid() == 0:
            os.chown(path, 1000 + number, 2000 + number)
            path.chmod((0o644, 0o600, 0o444, 0o6640)[number])
    (made / PHONE).write_bytes(b"")
    (made / "store" / "real").write_bytes(b"image_version: x\n")
    (made / "SIP00000000000A.cnf").symlink_to("store/real")
    (made / "phones" / "SIP00000000000B.cnf").write_bytes(b"image_version: x\n")
    (made / "old.bin").write_bytes(bytes(range(256)) * 40)
    (made / "old.sbn").write_bytes(b"\0" * 5000)
    (made / "untouched.txt").write_bytes(b"as it was\n")
    try:
        os.setxattr(made / "SIP000000000000.cnf", "user.note", b"kept")
    except OSError:
        pass
    return made


NEW = {
    "SIPDefault.cnf": b"image_version: P0S3-06-3-00\ntelnet_level: 2\n",
    **{f"SIP00000000000{number}.cnf": b"image_version: P0S3-06-3-00\r\n" + b"# filler\n" * number for number in range(4)},
    PHONE: b"image_version: P0S3-06-3-00\n",
    "SIP00000000000A.cnf": b"image_version: P0S3-06-3-00\n",
    "phones/SIP00000000000B.cnf": b"image_version: P0S3-06-3-00\n",
    "OS79XX.TXT": b"P0S3-06-3-00\n",
    "phones/SIP00000000000C.cnf": b"image_version: P0S3-06-3-00\n" * 50,
    "old.bin": None,
    "old.sbn": None,
}


def changes(root, new=NEW):
    made = []
    for name, after in new.items():
        path = (root / name).resolve()
        there = path.exists()
        made.append(Change(name, str(path), path.read_bytes() if there else None, after, path.lstat() if there else None))
    return made


def lock(root, check=False):
    return locked(str(root), str(root.parent / "state"), check)


def apply(root, new=NEW, **options):
    with lock(root) as store:
        return store.apply(changes(root, new), **options)


def undo(root, **options):
    with lock(root) as store:
        plan = store.plan_undo(**options)
        store.undo(plan)
        return plan


def records(root):
    with lock(root) as store:
        return store.records()


def state_files(root):
    return sorted(path.name for path in (root.parent / "state").glob("*/*"))


def snapshot(root, inodes=True):
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            note = os.getxattr(path, "user.note") if "user.note" in os.listxattr(path) else None
            times = (status.st_ino if inodes else 0, status.st_mtime_ns)
            found[str(path.relative_to(root))] = (path.read_bytes(), status.st_mode, status.st_uid, status.st_gid, note, *times)
        else:
            found[str(path.relative_to(root))] = os.readlink(path) if path.is_symlink() else status.st_mode
    return found


def plain(found):
    """What is the same each time: no inodes and times."""
    return {name: file[:5] if isinstance(file, tuple) else file for name, file in found.items()}


def timed(found):
    return {name: (*file[:5], file[6]) if isinstance(file, tuple) else file for name, file in found.items()}


# Killed for real


class Killer:
    """From now on each system call that writes is counted, and the one with that number is not lived to see; a write ends half-way."""

    def __init__(self, at):
        self.at = at
        self.count = 0
        for name in WRITING:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name, real):
        def call(*arguments, **options):
            self._step()
            if name == "write":
                self._step(lambda: real(arguments[0], arguments[1][: len(arguments[1]) // 2]))
            return real(*arguments, **options)

        return call

    def _step(self, last=lambda: None):
        self.count += 1
        if self.count == self.at:
            last()
            os.kill(os.getpid(), signal.SIGKILL)


def in_child(work, kill_at=0, user=None):
    """Whether a process of its own did that work without being killed. Fails if it failed."""
    process = os.fork()
    if not process:
        try:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            if kill_at:
                Killer(kill_at)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


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


def repair(root):
    with lock(root):
        pass


@pytest.mark.parametrize(
    "how, options, stride",
    [
        ("plain", {}, 1),
        ("backup", {"backup": True}, 3),
        ("not forced onto the disk", {"fsync": False}, 2),
        ("no links", {"fsync": False}, 2),
    ],
)
def test_killed_at_every_step(root, how, options, stride):
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


def kill_in_commit(root, new=NEW):
    """Leaves some of the files new, and the record pending."""

    def work():
        real, seen = os.replace, []

        def replace(source, target):
            seen.append(target)
            if len(seen) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            real(source, target)

        os.replace = replace  # type: ignore[assignment]
        apply(root, new)

    assert not in_child(work)


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
    with pytest.raises(TransactionError, match="its folder is gone, or is a symbolic link now"):
        undo(root, force=True)


# All or nothing


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
    assert record.summary() == {"id": record.id, "run": "spring", "image": "P0S3-06-3-00", "created": record.created}
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
    (record,) = kept.iterdir()
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
    assert not (root.parent / "state").exists()


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
    with lock(root) as store, pytest.raises(TransactionError, match="is outside of"):
        store.apply([Change("outside.cnf", str(outside), None, b"x", None)])
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

    def meddling(source, target):
        if target.endswith("SIPDefault.cnf"):
            (root / name).write_bytes(b"theirs")
        replace(source, target)

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
    with pytest.raises(TransactionError, match=f"{name}: .*: every file is as it was; run as a user who may write there"):
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

    def swapped_in(source, target):
        if target.endswith("SIP000000000001.cnf"):
            for name in ("SIPDefault.cnf", "SIP000000000001.cnf"):
                (root / name).unlink()
                (root / name).mkdir()
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", swapped_in)
        with pytest.raises(TransactionError, match=r"SIPDefault\.cnf could not be put back") as caught:
            apply(root)
    kept = str(caught.value).split("its original is ")[1].split(",")[0]
    assert Path(kept).read_bytes() == original
    assert "every file is as it was" not in str(caught.value)
    (root / "SIPDefault.cnf").rmdir()
    os.rename(kept, root / "SIPDefault.cnf")
    with lock(root) as store:
        assert store.repaired[0].conflicts == ("SIP000000000001.cnf",)
    assert (root / "SIPDefault.cnf").read_bytes() == original


# What the system refuses


def mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True, text=True)
    if done.returncode and "CI" in os.environ:
        pytest.fail(done.stderr)
    if done.returncode:
        pytest.skip("mounting is not allowed here")


def umount(path):
    subprocess.run(["umount", str(path)], check=True)


@as_root
@pytest.mark.parametrize("room", [0, 1, 6])
def test_a_full_disk_puts_all_back(folder, room):
    """Also with some room, so that it is full only after some of the files."""
    root = folder / "tftp"
    root.mkdir()
    mount("-t", "tmpfs", "-o", "size=128k,mode=755", "none", root)
    try:
        for number in range(8):
            (root / f"SIP00000000000{number}.cnf").write_bytes(b"image_version: x\n# " + b"c" * 4000 + b"\n")
        with open(root / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        with open(root / "filler", "rb+") as filler:
            filler.truncate((root / "filler").stat().st_size - room * 4096)
        new = {f"SIP00000000000{number}.cnf": b"y" * 4000 for number in range(8)}
        before = snapshot(root)
        with pytest.raises(TransactionError, match=r"cnf: No space left on device: every file is as it was; make room"):
            apply(root, new)
        assert snapshot(root) == before
        assert state_files(root) == []
        kept = changes(root, new)
        (root / "filler").unlink()
        with lock(root) as store:
            store.apply(kept)
        with open(root / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        done = snapshot(root)
        with pytest.raises(TransactionError, match=r"No space left on device: every file is as it was; make room"):
            undo(root)
        assert snapshot(root) == done
    finally:
        umount(root)


@as_root
def test_a_killed_run_is_repaired_on_a_full_disk(folder):
    root = folder / "tftp"
    root.mkdir()
    mount("-t", "tmpfs", "-o", "size=128k,mode=755", "none", root)
    try:
        for number in range(8):
            (root / f"SIP00000000000{number}.cnf").write_bytes(b"image_version: x\n# " + b"c" * 4000 + b"\n")
        before = snapshot(root)
        kill_in_commit(root, {f"SIP00000000000{number}.cnf": b"y" * 4000 for number in range(8)})
        with open(root / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
        repair(root)
        after = snapshot(root)
        after.pop("filler")
        assert after == before
    finally:
        umount(root)


@as_root
def test_a_full_disk_for_the_records_changes_nothing(root):
    state = root.parent / "state"
    state.mkdir()
    mount("-t", "tmpfs", "-o", "size=4k,mode=755", "none", state)
    try:
        (root / "SIPDefault.cnf").write_bytes(os.urandom(20_000))
        before = snapshot(root)
        with pytest.raises(
            TransactionError, match=r"record with the originals .*No space left on device\): nothing was changed; make room"
        ):
            apply(root)
        assert snapshot(root) == before
        assert state_files(root) == []
    finally:
        umount(state)


@as_root
def test_a_root_that_is_mounted_read_only(root):
    before = snapshot(root)
    mount("--bind", root, root)
    try:
        mount("-o", "remount,bind,ro", root)
        with pytest.raises(TransactionError, match="Read-only file system: every file is as it was; mount it writable"):
            apply(root)
        assert snapshot(root) == before
        assert state_files(root) == []
    finally:
        umount(root)
    kill_in_commit(root)
    mount("--bind", root, root)
    try:
        mount("-o", "remount,bind,ro", root)
        with pytest.raises(TransactionError, match="half changed, and it could not be mended; mount it writable"):
            repair(root)
    finally:
        umount(root)
    repair(root)
    assert snapshot(root) == before


@as_root
def test_a_state_dir_that_is_mounted_read_only(root):
    state = root.parent / "state"
    state.mkdir()
    before = snapshot(root)
    mount("-t", "tmpfs", "-o", "ro,size=16k", "none", state)
    try:
        with pytest.raises(TransactionError, match=r"Read-only file system.: nothing was changed; set state_dir"):
            apply(root)
        assert snapshot(root) == before
    finally:
        umount(state)


@as_root
def test_a_user_who_may_not_write(root):
    state = root.parent / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    before = snapshot(root)
    new = {"SIPDefault.cnf": b"x\n"}

    def refused(text):
        with pytest.raises(TransactionError, match=text):
            apply(root, new)

    in_child(lambda: refused("SIPDefault.cnf: Permission denied: every file is as it was; run as a user who may write there"), user=NOBODY)
    root.chmod(0o777)
    in_child(lambda: refused("SIPDefault.cnf belongs to somebody else, which user nobody cannot keep: run as root"), user=NOBODY)
    assert state_files(root) == []
    os.chown(state, 0, 0)
    shutil.rmtree(state)
    in_child(
        lambda: refused("state/tftp-.* cannot be made by user nobody .Permission denied.: nothing was changed; set state_dir"), user=NOBODY
    )
    root.chmod(0o755)
    assert snapshot(root) == before


@as_root
def test_a_name_that_is_too_long(root):
    name = "x" * 250
    (root / name).touch()
    before = snapshot(root)
    with pytest.raises(TransactionError, match="File name too long: every file is as it was; give it a shorter name"):
        apply(root, {"SIPDefault.cnf": b"x\n", name: b"new"})
    assert snapshot(root) == before


# The lock


def hold(root):
    """A process that holds the lock until it is killed."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        try:
            with lock(root):
                os.write(write, b"x")
                signal.pause()
        finally:
            os._exit(1)
    assert os.read(read, 1) == b"x"
    os.close(read)
    os.close(write)
    return process


@pytest.mark.parametrize("folders", ["can be locked", "cannot be locked"])
def test_two_runs_at_once(root, monkeypatch, folders):
    flock = fcntl.flock

    def no_folders(descriptor, how):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(descriptor, how)

    if folders == "cannot be locked":
        monkeypatch.setattr(fcntl, "flock", no_folders)
    process = hold(root)
    try:
        before = snapshot(root)
        for check in (False, True):
            with (
                pytest.raises(TransactionError, match=f"^another run is changing {root}: wait for it to end, and run again$"),
                lock(root, check),
            ):
                pass
        assert snapshot(root) == before
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    apply(root)
    undo(root)


def test_many_may_look_at_once(root):
    with lock(root, check=True), lock(root, check=True), pytest.raises(TransactionError, match="another run"), lock(root):
        pass


def test_a_lock_file_that_cannot_be_locked_either(root, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(TransactionError, match=r"neither .* can be locked: set state_dir"):
        apply(root)
    shutil.rmtree(root.parent / "state")
    with lock(root, check=True):
        pass
    assert not (root.parent / "state").exists()


def test_the_lock_is_on_the_root_itself_whatever_it_is_called(root):
    link = root.parent / "link"
    link.symlink_to(root)
    with lock(root), pytest.raises(TransactionError, match="another run"), lock(link):
        pass
    with lock(root), pytest.raises(TransactionError, match="another run"), locked(str(root), str(root.parent / "elsewhere")):
        pass


@pytest.mark.parametrize(
    "path, fault",
    [
        ("nowhere", "nowhere does not exist: set tftp_root"),
        ("tftp/SIPDefault.cnf", "is a file, not a folder"),
        ("tftp/SIPDefault.cnf/x", "does not exist"),
        ("\0", "is no path"),
    ],
)
def test_no_root(root, path, fault):
    with pytest.raises(TransactionError, match=fault), locked(str(root.parent / path)):
        pass


def test_an_empty_root(monkeypatch, root):
    monkeypatch.chdir(root)
    with pytest.raises(TransactionError, match="'' does not exist: set tftp_root"), locked(""):
        pass


# Where records are


@pytest.mark.parametrize("inside", ["", "state", "a/b", "./state/../state", "link"])
def test_a_state_dir_inside_the_root_is_refused(root, inside):
    (root.parent / "away").symlink_to(root / "phones")
    for path in (root / inside, root.parent / "away"):
        with pytest.raises(TransactionError, match=r"is inside .* where phones could fetch the passwords"), locked(str(root), str(path)):
            pass
    assert not (root / "state").exists()


def test_where_records_are(root, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert transaction.state_folder("/srv/tftp").startswith("/var/lib/cisco79xx/tftp-")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert transaction.state_folder("/srv/tftp").startswith("/home/me/.local/state/cisco79xx/tftp-")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert transaction.state_folder("/srv/tftp").startswith("/home/me/.local/state/cisco79xx/tftp-")
    monkeypatch.setenv("XDG_STATE_HOME", "/states")
    assert transaction.state_folder("/srv/tftp").startswith("/states/cisco79xx/tftp-")
    assert transaction.state_folder("/srv/\u00e9 \n").startswith("/states/cisco79xx/___-")
    assert transaction.state_folder("/srv/tftp") != transaction.state_folder("/srv2/tftp")
    with pytest.raises(TransactionError, match="is inside"):
        transaction.state_folder("/")
    with pytest.raises(TransactionError, match="is no path"):
        transaction.state_folder("/srv/tftp", "a\0b")


@as_root
def test_records_of_somebody_else_are_not_trusted(root):
    apply(root)
    (kept,) = (root.parent / "state").iterdir()
    os.chown(kept, NOBODY, NOBODY)
    with pytest.raises(TransactionError, match="is no folder of user root: run as its owner"), lock(root):
        pass


# Undo


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
    with pytest.raises(transaction.ConflictError) as caught:
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
    with pytest.raises(transaction.ConflictError, match=PHONE):
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
    with pytest.raises(TransactionError, match=f"{PHONE} cannot be put back: it is no ordinary file"):
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


# Forgetting


def test_old_records_are_forgotten(root):
    for number in range(transaction.KEPT_RECORDS + 5):
        apply(root, {PHONE: b"%d" % number})
    found = records(root)
    assert transaction.KEPT_RECORDS <= len(found) <= transaction.KEPT_RECORDS + 1
    assert found[0].id > found[-1].id


def test_a_run_is_forgotten_as_a_whole(root, monkeypatch):
    monkeypatch.setattr(transaction, "KEPT_RECORDS", 4)
    before = plain(snapshot(root))
    for number in range(8):
        apply(root, {PHONE: b"%d" % number}, run="long")
    assert len(records(root)) == 8
    undo(root)
    assert plain(snapshot(root)) == before
    for number in range(4):
        apply(root, {PHONE: b"%d" % number}, run="next")
    assert {record.run for record in records(root)} == {"next"}
    monkeypatch.setattr(transaction, "MOST_RECORDS", 6)
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
    path.unlink()
    with zipfile.ZipFile(path.with_suffix(f".{state}"), "w") as archive:
        for name, data in {**held, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)


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


def test_errors_are_told_at_once_and_not_too_many():
    error = TransactionError(*(f"fault {number}" for number in range(30)), "fault 1")
    assert len(error.faults) == 30
    assert str(error).endswith("; and 10 more")
