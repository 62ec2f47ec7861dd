# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as it is used: in a process of its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import Change
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import assert_documented, content, run_module, warnings

PHONE = "SIP001122AABBCC.cnf"
NEW = {
    "SIPDefault.cnf": b"image_version: P0S3-06-3-00\nphone_password: hunter2\n",
    PHONE: b"image_version: P0S3-06-3-00\nline1_password: hunter2\n",
    "OS79XX.TXT": b"P0S3-06-3-00\n",
    "old.bin": None,
}


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "tftp"
    made.mkdir()
    (made / "SIPDefault.cnf").write_bytes(b"image_version: P0S3-8-12-00\nphone_password: hunter2\n")
    (made / PHONE).write_bytes(b"image_version: P0S3-07-4-00\nline1_password: hunter2\n")
    (made / "old.bin").write_bytes(bytes(100) + b"hunter2")
    return made


def apply(root, new=None, run="spring"):
    changes = []
    for name, after in (NEW if new is None else new).items():
        path = root / name
        there = path.exists()
        changes.append(Change(name, name, path.read_bytes() if there else None, after, path.lstat() if there else None))
    with lock.locked(str(root), str(root.parent / "state")) as store:
        store.apply(changes, image="P0S3-06-3-00", run=run)


def kill_half_way(root):
    process = os.fork()
    if not process:
        real = os.replace

        def replace(source, target, **folders):
            real(source, target, **folders)
            if folders:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace  # type: ignore[assignment]
        try:
            apply(root)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(process, 0)[1]) == signal.SIGKILL


def run(root, check=False, diff=False, **arguments):
    arguments = {"state_dir": str(root.parent / "state"), **arguments, "tftp_root": str(root)}
    return run_module("tftp_root_undo", arguments, check=check, diff=diff)


def test_undo(root):
    before = content(root)
    apply(root)
    after = content(root.parent)
    predicted = run(root, check=True, diff=True)
    assert content(root.parent) == after
    real = run(root, diff=True)
    assert content(root) == before
    predicted["invocation"] = real["invocation"] = None
    assert predicted == real
    assert real["changed"] is True
    assert real["restored"] == ["SIPDefault.cnf", PHONE, "old.bin"]
    assert real["removed"] == ["OS79XX.TXT"]
    assert (real["repaired"], real["conflicts"]) == ([], [])
    (record,) = real["records"]
    assert (record["run"], record["image"]) == ("spring", "P0S3-06-3-00")
    shown = {Path(part["before_header"]).name: part for part in real["diff"]}
    assert shown["SIPDefault.cnf"]["before"] == "image_version: P0S3-06-3-00\nphone_password: ********\n"
    assert shown["SIPDefault.cnf"]["after"] == "image_version: P0S3-8-12-00\nphone_password: ********\n"
    assert shown["OS79XX.TXT"]["after"] == shown["old.bin"]["before"] == ""
    assert shown["old.bin"]["after"].startswith("107 bytes, SHA-256 ")
    assert "there is nothing to undo" in run(root)["msg"]
    assert run(root, only_repair=True)["changed"] is False


def test_a_run_or_a_record_by_its_name(root):
    apply(root, {"SIPDefault.cnf": b"1\n"}, "winter")
    apply(root, {PHONE: b"2\n"}, "spring")
    apply(root, {"OS79XX.TXT": b"3\n"}, "spring")
    latest = run(root, check=True)
    assert (latest["restored"], latest["removed"]) == ([PHONE], ["OS79XX.TXT"])
    assert run(root, run="", check=True)["records"] == run(root, record="", check=True)["records"] == latest["records"]
    assert run(root, run="winter")["restored"] == ["SIPDefault.cnf"]
    assert "there is no record of run winter" in run(root, run="winter")["msg"]
    assert run(root, record=latest["records"][1]["id"])["removed"] == ["OS79XX.TXT"]
    assert "was undone before" in run(root, record=latest["records"][1]["id"])["msg"]
    assert run(root)["restored"] == [PHONE]


def test_phones_that_need_a_loader(root):
    """What is foreseen, the file that names the loader meanwhile, and the end of that."""
    for image in ("P0S3-8-12-00", "P0S3-06-3-00"):
        make_image(root, image)
    (root / PHONE).write_bytes(b"line1_password: hunter2\n")
    before = content(root)
    apply(root, {name: NEW[name] for name in ("SIPDefault.cnf", "OS79XX.TXT")})
    phones = {"001122AABBCC": "P0S3-06-3-00"}
    foreseen = run(root, run="spring", phones=phones, check=True)
    assert (foreseen["loader"], foreseen["cannot"], list(foreseen["may_not"].values())) == ("P003-8-12-00", {}, [list(phones)])
    assert "no universal loader" in run(root, run="spring", loader="P0S3-8-12-00")["msg"]
    meanwhile = {**before, "OS79XX.TXT": b"P003-8-12-00\n"}
    for changed in (True, False):
        predicted = run(root, run="spring", loader="P003-8-12-00", check=True)
        named = run(root, run="spring", loader="P003-8-12-00")
        assert (predicted["changed"], named["changed"], content(root)) == (changed, changed, meanwhile)
    assert named["runs"][0]["files"] == 2, "it stands until that is undone too"
    assert run(root, run="spring")["removed"] == ["OS79XX.TXT"]
    assert content(root) == before
    assert run(root, run="spring", required=False)["runs"][0]["files"] == 0


def test_files_changed_since(root):
    before = content(root)
    apply(root)
    (root / PHONE).write_bytes(b"theirs\n")
    now = content(root.parent)
    for check in (True, False):
        answer = run(root, check=check)
        assert answer["conflicts"] == [PHONE]
        assert answer["problems"] == [f"{PHONE} was changed since by somebody else: look at it, and set force to overwrite it"]
        assert content(root.parent) == now
    assert run(root, check=True, force=True)["conflicts"] == [PHONE]
    assert content(root.parent) == now
    assert run(root, force=True)["conflicts"] == [PHONE]
    assert content(root) == before


@pytest.mark.parametrize("options", [{}, {"only_repair": True}])
def test_repair(root, options):
    apply(root, {"SIPDefault.cnf": b"1\n"}, "winter")
    before = content(root)
    kill_half_way(root)
    half = content(root.parent)
    predicted = run(root, check=True, **options)
    assert content(root.parent) == half
    real = run(root, **options)
    if options:
        assert predicted["repaired"] == real["repaired"]
        assert predicted["changed"] is real["changed"] is True
    else:
        assert "left half changed" in predicted["msg"]
    (repaired,) = real["repaired"]
    assert (repaired["run"], repaired["restored"], repaired["conflicts"]) == ("spring", ["SIPDefault.cnf"], [])
    assert "a run that was killed" in warnings(real)[0]
    if options:
        assert content(root) == before
    else:
        assert real["records"][0]["run"] == "winter"
        assert content(root)["SIPDefault.cnf"] == b"image_version: P0S3-8-12-00\nphone_password: hunter2\n"


@pytest.mark.parametrize(
    "options, fault",
    [
        ({}, "there is nothing to undo"),
        ({"run": "spring"}, "there is nothing to undo"),
        ({"record": "nonsense"}, "record nonsense of "),
        ({"run": "a", "record": "b"}, "mutually exclusive"),
        ({"run": "a", "only_repair": True}, "mutually exclusive"),
        ({"run": "a", "since_run": "b"}, "mutually exclusive"),
        ({"since_run": "spring"}, "there is nothing to undo"),
    ],
)
def test_nothing_to_undo(root, options, fault):
    before = content(root.parent)
    for check in (True, False):
        assert fault in run(root, check=check, **options)["msg"]
    assert content(root.parent) == before


def test_bad_folders(root):
    apply(root)
    assert "does not exist: set tftp_root" in run(root / "nowhere")["msg"]
    assert "where phones could fetch the passwords" in run(root, state_dir=str(root / "state"))["msg"]
    with lock.locked(str(root), str(root.parent / "state")):
        assert "another run is changing" in run(root)["msg"]


def test_return_values_are_documented(root):
    apply(root, {"SIPDefault.cnf": b"1\n"}, "winter")
    kill_half_way(root)
    answer = run(root, differences=9)
    assert_documented("tftp_root_undo", answer, apart=frozenset({"changed", "warnings"}))
