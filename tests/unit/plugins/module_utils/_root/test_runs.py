# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which phones come back after an undo, and what OS79XX.TXT has to name meanwhile."""

from __future__ import annotations

from itertools import product, starmap

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.runs import foresee, known_runs, name_loader
from ansible_collections.voip.cisco79xx.tests.simulator import boot
from ansible_collections.voip.cisco79xx.tests.simulator.habits import Habits
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

FIRST, SECOND = "0011BB000001", "0011BB000002"
OLD, NEWEST, NEW = parse("P0S3-08-2-00"), parse("P0S3-8-12-00"), parse("P0S3-06-3-00")
NAMES = f"image_version: {OLD}\n".encode()
LOADER = b"P003-08-2-00\n"
OS79XX, DEFAULT = "OS79XX.TXT", "SIPDefault.cnf"


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "tftp"
    made.mkdir(mode=0o755)
    for image in (OLD, NEWEST, NEW):
        make_image(made, image.name)
    (made / "SIPDefault.cnf").write_text(f"image_version: {NEW}\n")
    (made / "OS79XX.TXT").write_text(f"{NEW}\n")
    for mac in (FIRST, SECOND):
        (made / f"SIP{mac}.cnf").write_text("line1_name: 1\n")
    return made


def back(root, contents=(), phones=None):
    """What is foreseen after an undo that leaves these contents, None for a file that is gone. SIPDefault.cnf names OLD, and there
    is no OS79XX.TXT."""
    read = Root(str(root))
    after = {"SIPDefault.cnf": NAMES, OS79XX: None, **dict(contents)}
    changes = [read.change(name, None, data) for name, data in after.items()]
    return foresee(read, changes, phones or {FIRST: NEW, SECOND: NEW})


@pytest.mark.parametrize(
    ("before", "loader"),
    [(None, "P003-08-2-00"), (LOADER, ""), (LOADER[:-1], ""), (b"P003-08-2-00 \r\n", "P003-08-2-00"), (b"P0S3-08-2-00\n", "P003-08-2-00")],
)
def test_the_loader_is_named_where_the_file_of_before_does_not(root, before, loader):
    found = back(root, {OS79XX: before})
    assert (found.loader, found.cannot, found.own) == (loader, {}, {})
    assert list(found.may_not.values()) == [[FIRST, SECOND]], "a loader may forget its server"
    assert back(root, {OS79XX: before}, {FIRST: OLD}).loader == "", "on its way already"
    assert back(root, {OS79XX: before}, {FIRST: NEWEST}).loader == "", "asks for no such file"
    assert back(root, {OS79XX: before}, {FIRST: None}).loader == loader, "may be on any"


@pytest.mark.parametrize("before", [None, LOADER, b"P003-08-2-00 \r\n", b"P0S3-08-2-00\n", b"P0S3-06-3-00\n", b""])
def test_every_kind_of_phone_comes_back_with_it(root, before):
    found = back(root, {OS79XX: before})
    files = {path.name: path.read_bytes() for path in root.iterdir()}
    files |= {"SIPDefault.cnf": NAMES, "OS79XX.TXT": f"{found.loader}\n".encode() if found.loader else before or b""}
    for habits in starmap(Habits, product(("first", "config", "file"), ("loads", "os79xx"))):
        phone = boot.BarePhone(mac=FIRST, image=NEW.name, habits=habits)
        assert phone.run(boot.root(files)).images == (OLD.name,), habits


def test_nobody_needs_a_loader_on_the_way_to_6x(root):
    found = back(root, {DEFAULT: f"image_version: {NEW}\n".encode()}, {FIRST: NEWEST})
    assert (found.loader, found.cannot) == ("", {})


def test_what_is_missing_is_named(root):
    (root / "P0S3-08-2-00.sb2").unlink()
    found = back(root, phones={FIRST: NEW, SECOND: OLD})
    assert found.cannot == {FIRST: f"P0S3-08-2-00.sb2 is missing in {root}: copy it there from Cisco's archive"}
    assert found.may_not == {}


def test_with_two_loaders_most_phones_come_back(root):
    third = "0011BB000003"
    own = f"image_version: {NEWEST}\n".encode()
    (root / f"SIP{third}.cnf").write_bytes(own)
    found = back(root, phones={FIRST: NEW, SECOND: NEW, third: NEW})
    assert found.loader in ("P003-08-2-00", "P003-8-12-00")
    assert (found.cannot, found.own) == ({}, {third: NEWEST.name})


def test_phones_that_stay_are_warned_of_if_the_loader_can_take_them_elsewhere(root):
    stays = f"image_version: {NEW}\n".encode()
    (root / f"SIP{SECOND}.cnf").write_bytes(stays)
    found = back(root)
    assert found.loader == "P003-08-2-00"
    assert [SECOND] in found.may_not.values()
    assert back(root, {OS79XX: LOADER}).may_not.keys() == {why for why, macs in found.may_not.items() if macs != [SECOND]}


def test_what_a_phone_came_from_may_be_told_by_an_xml_file(root):
    sep = f"SEP{FIRST}.cnf.xml"
    told = f'<device><loadInformation model="IP Phone 7960">{NEWEST}</loadInformation></device>'.encode()
    found = back(root, {sep: told})
    assert found.own == {FIRST: NEWEST.name}
    assert back(root, {DEFAULT: b"", sep: told}).own == {FIRST: NEWEST.name}
    assert back(root, {DEFAULT: b""}).own == {}


def test_naming_a_loader_and_undoing_it(root):
    """It is a part of the run that is taken back, and the bytes of before are not lost whatever ends the way back."""
    state = str(root.parent / "state")
    before = (root / "OS79XX.TXT").read_bytes()
    with lock.locked(str(root), state) as store:
        read = Root(store.tree)
        store.apply(
            [read.change("SIPDefault.cnf", read.default, NAMES), read.change("OS79XX.TXT", read.os79xx, b"x\n")], OLD.name, "spring"
        )
    for _again in range(2):
        with lock.locked(str(root), state) as store:
            changes = name_loader(Root(store.tree), store.plan_undo().changes, "P003-08-2-00")
            assert [change.name for change in changes] == ([] if _again else ["SIPDefault.cnf", "OS79XX.TXT"])
            store.apply(changes, run="spring")
        assert (root / "OS79XX.TXT").read_bytes() == LOADER
    with lock.locked(str(root), state) as store:
        (run,) = known_runs(store.records())
        assert (run["run"], run["image"], run["default"], run["phones"], run["files"]) == ("spring", OLD.name, True, 0, 2)
        store.undo(store.plan_undo("spring"))
        assert known_runs(store.records())[0]["files"] == 0
    assert (root / "OS79XX.TXT").read_bytes() == before
    assert (root / "SIPDefault.cnf").read_text() == f"image_version: {NEW}\n"
