# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse, recognise
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.foresight import Foresight
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import named_images, plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root, RootError
from ansible_collections.voip.cisco79xx.tests.simulator.boot import UP, BarePhone
from ansible_collections.voip.cisco79xx.tests.simulator.boot import root as simulated
from ansible_collections.voip.cisco79xx.tests.simulator.habits import CHOICES, Habits
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

MAC, OTHER = "0011BB000001", "0011BB000002"
OLD, NEW = parse("P0S3-8-12-00"), parse("P0S3-06-3-00")


@pytest.fixture
def root(tmp_path):
    tmp_path.chmod(0o755)
    make_image(tmp_path, OLD.name)
    make_image(tmp_path, NEW.name)
    (tmp_path / "SIPDefault.cnf").write_text(f"image_version: {OLD}\n")
    for mac in (MAC, OTHER):
        (tmp_path / f"SIP{mac}.cnf").write_text("line1_name: 1\n")
    return tmp_path


def ends(foresight, runs=OLD, mac=MAC):
    return [f"{outcome.end} {outcome.image}" for outcome in foresight.of(mac, runs).outcomes]


def test_a_root_as_it_is_and_as_it_would_be(root):
    now = Foresight(Root(str(root)))
    then = now.instead({"SIPDefault.cnf": f"image_version: {NEW}\n".encode()})
    assert ends(now) == [f"stays {OLD}"]
    assert ends(then)[0] == f"runs {NEW}"
    assert ends(then.instead({"XMLDefault.cnf.xml": b"<a/>"})) == [f"stays {OLD}"]
    assert ends(then.instead({"SIPDefault.cnf": None, f"SIP{MAC}.cnf": None})) == [f"stays {OLD}"]
    assert ends(then.instead({f"SIP{MAC}.cnf": f"image_version: {NEW}".encode()})) == ends(then)


@pytest.mark.parametrize("folder", ["./", "/", "phones/", "/phones/", "./phones//", "phones\\"])
def test_a_file_is_found_as_the_tftp_server_finds_it(root, folder):
    inside = root / folder.replace("\\", "/").strip("./")
    inside.mkdir(exist_ok=True)
    (root / "SIPDefault.cnf").write_text(f"image_version: {NEW}\ntftp_cfg_dir: {folder}\n")
    (root / f"SIP{MAC}.cnf").unlink()
    (root / f"SIP{MAC}.cnf.real").write_text(f"image_version: {OLD}\n")
    (inside / f"SIP{MAC}.cnf").symlink_to(root / f"SIP{MAC}.cnf.real")
    assert ends(Foresight(Root(str(root)))) == [f"stays {OLD}"]


def test_one_file_under_two_names(root):
    (root / "phones").mkdir()
    (root / "SIPDefault.cnf").write_text(f"image_version: {NEW}\ntftp_cfg_dir: phones/\n")
    (root / f"SIP{MAC}.cnf").write_text(f"image_version: {OLD}\n")
    for mac in (MAC, OTHER):
        (root / "phones" / f"SIP{mac}.cnf").symlink_to(f"../SIP{MAC}.cnf")
    foresight = Foresight(Root(str(root)))
    assert ends(foresight) == ends(foresight, mac=OTHER) == [f"stays {OLD}"]


def test_phones_that_find_the_same_are_one_group_and_those_that_arrive_for_sure_are_in_none(root):
    (root / "P0S3-8-12-00.sb2").unlink()
    third = "0011BB000003"
    (root / f"SIP{third}.cnf").write_text(f"image_version: {NEW}\n")
    phones = {MAC: NEW, OTHER: NEW, third: NEW}
    foresight = Foresight(Root(str(root)))
    assert foresight.groups({third: NEW}, phones) == foresight.groups(phones, phones)[1:] == []
    (group,) = foresight.groups(phones, phones)
    assert group["macs"] == [MAC, OTHER]
    assert group["ends"][0] == {"end": "stays", "image": NEW.name, "rules": group["ends"][0]["rules"]}
    assert {end["image"] for end in foresight.groups({MAC: None}, phones)[0]["ends"]} >= {None}
    assert [len(group["macs"]) for group in foresight.groups(phones, dict.fromkeys(phones, OLD))] == [2, 1]


def test_what_an_image_lacks(root):
    (root / "P003-8-12-00.sbn").unlink()
    (root / "P0S3-8-12-00.sb2").chmod(0o600)
    foresight = Foresight(Root(str(root)))
    assert foresight.lacks(OLD)["P003-8-12-00.sbn"] is None
    assert "not readable" in str(foresight.lacks(OLD)["P0S3-8-12-00.sb2"])
    assert [problem.split(" ")[0] for problem in foresight.problems(OLD)] == ["P003-8-12-00.sbn", "P0S3-8-12-00.sb2"]
    assert not foresight.lacks(NEW) and not foresight.problems(NEW)


IMAGES = ["P0S3-8-12-00", "P0S3-08-2-00", "P0S3-07-5-00", "P0S3-06-3-00", "P0S3-05-2-00", "P0S30203"]
version = st.sampled_from([*IMAGES, "", '" P0S3-8-12-00 "', "P0S3-06-3-00\nimage_version: P0S3-08-2-00"]).map("image_version: {}\n".format)
load = st.sampled_from([*IMAGES, "P003-8-12-00", "P00308000500"]).map("<a><loadInformation>{}</loadInformation></a>".format)
FILES = {
    "SIPDefault.cnf": version,
    f"SIP{MAC}.cnf": version | st.just("line1_name: 1\n"),
    f"SIP{OTHER}.cnf": version | st.just(""),
    f"SEP{MAC}.cnf.xml": load,
    "XMLDefault.cnf.xml": load,
    "OS79XX.TXT": st.sampled_from([*IMAGES, "P003-8-12-00", "P003-8-12-00 \r"]),
}
habits = st.builds(Habits.of, st.fixed_dictionaries({name: st.sampled_from(words) for name, words in CHOICES.items()}))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    folder.chmod(0o755)
    for name in IMAGES:
        make_image(folder, name)
    return folder


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=st.fixed_dictionaries({}, optional=FILES),
    ways=st.lists(habits, min_size=2, max_size=2),
    target=st.sampled_from(IMAGES),
    only=st.none() | st.just(frozenset({MAC})),
    follow=st.booleans(),
)
def test_nobody_moves_whom_the_plan_did_not_name(shipped, files, ways, target, only, follow):
    """The simulated phones, which know nothing of the model, each with an answer to every question that is open."""
    for name in FILES:
        (shipped / name).unlink(missing_ok=True)
    for name, text in files.items():
        (shipped / name).write_bytes(text.encode())
    image = parse(target)
    try:
        made = plan_changes(Root(str(shipped)), image, image.os79xx, only=only, loads="follow" if follow else "refuse")
    except RootError as error:
        assert any(word in str(error) for word in ("may win over image_version", "is missing in"))
        return
    before = {path.name: path.read_bytes() for path in shipped.iterdir()}
    after = {**before, **{change.path: change.after for change in made.changes}}
    named = named_images(Root(str(shipped)), {})
    for mac, way in zip((MAC, OTHER), ways, strict=True):
        runs = recognise(named[1].get(mac) or named[0])
        if f"SIP{mac}.cnf" not in before or runs is None:
            continue
        fates = [BarePhone(mac=mac, image=runs.name, habits=way).run(simulated(content)) for content in (before, after)]
        if fates[1].end == UP and fates[1].images[0] not in (runs.name, *fates[0].images):
            assert mac in made.would_move, (mac, way, fates)
