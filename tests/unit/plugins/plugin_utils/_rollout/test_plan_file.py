# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""plan.json: what it holds, when it is none, and what has changed since."""

from __future__ import annotations

import copy
import json
import os
import time
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan_file
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedWave
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import TARGET, UNSEEN, asked, begun, plan, seen

OLD, NEW = seen("P0S3-08-2-00"), seen(TARGET.name)
CONTENT: dict[str, Any] = {
    "files": {"SIPDefault.cnf": ["aa", "bb"], "OS79XX.TXT": ["cc", "cc"], "SIP000E84C00001.cnf": [None, "dd"]},
    "image_files": {"P0S3-06-3-00.bin": "ee"},
    "findings": ["risk"],
}
RULES = {"waves": [1, "100%"], "max_failed": 3, "stop_on": "bricked", "pause_after": "1", "wait_timeout": 50}


def made(**phones):
    """The plan of a site with these phones."""
    return plan(TARGET, {"a": OLD, "b": OLD, "c": NEW, **phones}, waves=RULES["waves"])


@pytest.fixture
def written(handover, tmp_path):
    """The path of the plan of a dry run over one site, and that run."""
    run = replace(begun({"pbx": "abc"}, check=True, **RULES), started=time.time())
    handover.write(SitePlan(made(), content=CONTENT), "pbx")
    digest = plan_file.write(tmp_path, handover, run)
    path = tmp_path / "plan.json"
    assert json.loads(path.read_text())["digest"] == digest
    return path, run


@pytest.fixture
def approved(written):
    return plan_file.read(str(written[0]))


def told(function, *arguments):
    with pytest.raises(RolloutError) as caught:
        function(*arguments)
    text = str(caught.value)
    assert text.startswith("this is not what was planned: ") and text.endswith(". Nothing was changed; make a new plan with --check")
    return text.removeprefix("this is not what was planned: ").removesuffix(". Nothing was changed; make a new plan with --check")


def test_what_was_planned_is_carried_out(approved, written):
    approved.refuse_other_rules(asked(**RULES))
    approved.refuse_other_inventory(written[1])
    approved.refuse_changes(made(), CONTENT, "pbx")
    plain = made()
    assert approved.with_its_waves(plain, "pbx") is plain


def test_rules_that_are_not_given_are_those_of_the_plan(approved):
    from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import rules

    again, _names = rules.read([{"report_dir": "elsewhere"}, approved.options], lambda value: value)
    approved.refuse_other_rules(again)
    assert (again.image, again.losses, again.pause_after) == (TARGET.name, asked(**RULES).losses, (1,))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"wait_timeout": 51, "call_timeout": 50}, "wait_timeout is '51', and was '50'"),
        ({"waves": [2]}, """waves is '["2"]', and was '["1", "100%"]'"""),
        ({"force": True}, "force is 'true', and was 'false'"),
        ({"image": "P0S3-8-12-00"}, "image is 'P0S3-8-12-00', and was 'P0S3-06-3-00'"),
        ({"max_failed": 4}, "max_failed is '4', and was '3'"),
        ({"rollout_direction": "upgrade"}, "direction is 'upgrade', and was 'any'"),
    ],
)
def test_another_rule_is_named(approved, options, text):
    assert told(approved.refuse_other_rules, asked(**{**RULES, **options})) == text


def test_the_age_of_a_plan(approved):
    old = replace(approved, made=time.time() - 7200)
    assert told(old.refuse_other_rules, asked(**RULES, plan_max_age="1h")) == "it is 2 h old, and plan_max_age is 1 h"
    old.refuse_other_rules(asked(**RULES, plan_max_age="3h"))
    old.refuse_other_rules(asked(**RULES))


def test_another_inventory_is_named(approved, written):
    run = written[1]
    assert told(approved.refuse_other_inventory, replace(run, sites={"pbx": ["a", "b"]})) == "c is not in this run"
    more = {**run.logins, "d": {"host": "127.0.0.9", "port": 23, "hold": False}}
    assert told(approved.refuse_other_inventory, replace(run, sites={"pbx": [*"abcd"]}, logins=more)) == "d is not in the plan"
    moved = {**run.logins, "b": {**run.logins["b"], "port": 2323, "hold": True}}
    text = "b: address is '127.0.0.3:2323', and was '127.0.0.3:23'; b: held is 'true', and was 'false'"
    assert told(approved.refuse_other_inventory, replace(run, logins=moved)) == text
    text = "pbx: cisco79xx_tftp_root is /srv/other, and was /srv/tftp"
    assert told(approved.refuse_other_inventory, replace(run, roots={"pbx": "/srv/other"})) == text
    sites = {"pbx": ["a", "b"], "branch": ["c"]}
    text = "c: TFTP host is 'branch', and was 'pbx'"
    assert told(approved.refuse_other_inventory, replace(run, sites=sites, roots={**run.roots, "branch": "/x"})) == text
    strangers = {f"x{number}": run.logins["a"] for number in range(50)}
    text = told(approved.refuse_other_inventory, replace(run, sites={"pbx": list(strangers)}, logins=strangers))
    assert text.startswith("a is not in this run; b is") and text.endswith("and 43 more"), "the many are told in short"


@pytest.mark.parametrize(
    ("phones", "text"),
    [
        ({"a": seen("P0S3-07-4-00")}, "a runs P0S3-07-4-00, and ran P0S3-08-2-00"),
        ({"a": UNSEEN}, "a refuses telnet, and ran P0S3-08-2-00"),
        ({"c": OLD}, "c is planned for P0S3-06-3-00, and was already"),
    ],
)
def test_a_phone_that_is_otherwise_is_named(approved, phones, text):
    assert told(approved.refuse_changes, made(**phones), CONTENT, "pbx") == text


def test_another_phone_behind_a_name_is_named(approved):
    now = made()
    now.phones["a"] = replace(now.phones["a"], mac="AABBCCDDEEFF")
    assert told(approved.refuse_changes, now, CONTENT, "pbx") == "a is another phone (MAC AABBCCDDEEFF, and was 000E84C00000)"
    now = replace(made(), others={"AABBCCDDEEFF": "P0S3-08-2-00"})
    assert told(approved.refuse_changes, now, CONTENT, "pbx") == "AABBCCDDEEFF is not in the run and would move, and was not seen"


def test_phones_that_reached_the_image_meanwhile_are_fine(approved):
    now = approved.with_its_waves(made(a=NEW), "pbx")
    approved.refuse_changes(now, {**CONTENT, "files": {**CONTENT["files"], "SIPDefault.cnf": ["bb", "bb"]}}, "pbx")
    assert now.waves == [PlannedWave(2, ["b"], ["b"])], "the wave is that of the plan"
    assert now.phones["b"].wave == 2
    one_wave = replace(approved, sites={"pbx": {**approved.sites["pbx"], "waves": [{"number": 1, "phones": ["a", "b"]}]}})
    assert one_wave.with_its_waves(made(a=NEW), "pbx").waves == [PlannedWave(1, ["b"], ["b"], moved=1)], "who is there counts"
    there = made(a=NEW, b=NEW)
    approved.refuse_changes(approved.with_its_waves(there, "pbx"), {"files": {}, "image_files": {}}, "pbx")


@pytest.mark.parametrize(
    ("files", "images", "text"),
    [
        ({"SIPDefault.cnf": ["ab", "bb"]}, {}, "SIPDefault.cnf has changed"),
        ({"SIPDefault.cnf": ["aa", "bc"]}, {}, "SIPDefault.cnf has changed"),
        ({"SIPDefault.cnf": ["aa", "aa"]}, {}, "SIPDefault.cnf has changed"),
        ({"SIPDefault.cnf": ()}, {}, "SIPDefault.cnf has changed"),
        ({"OS79XX.TXT": ["cc", "c0"]}, {}, "OS79XX.TXT would change, and would not have"),
        ({"SIP000E84C00009.cnf": ["1", "2"]}, {}, "SIP000E84C00009.cnf would change, and would not have"),
        ({}, {"P0S3-06-3-00.bin": "e0"}, "P0S3-06-3-00.bin has changed"),
        ({}, {"P0S3-06-3-00.bin": None}, "P0S3-06-3-00.bin is gone"),
    ],
)
def test_a_file_that_is_otherwise_is_named(approved, files, images, text):
    now = copy.deepcopy(CONTENT)
    now["files"] = {name: pair for name, pair in {**now["files"], **files}.items() if pair}
    now["image_files"] = {name: one for name, one in {**now["image_files"], **images}.items() if one}
    assert told(approved.refuse_changes, made(), now, "pbx") == text


def test_files_are_looked_at_where_no_phone_is_to_move(handover, tmp_path):
    run = begun({"pbx": "a"}, check=True)
    there = plan(TARGET, {"a": NEW})
    undo = {**CONTENT, "image_files": {}}
    for content, later, text in (
        (
            CONTENT,
            {**CONTENT, "files": {"SIPDefault.cnf": ["ab", "bb"], "SIP000E84C00001.cnf": ["dd", "dd"]}},
            "SIPDefault.cnf has changed",
        ),
        (undo, {**undo, "files": {"SIPDefault.cnf": ["ab", "bb"]}}, "SIPDefault.cnf has changed"),
        (undo, {**undo, "files": {}}, ""),
    ):
        handover.write(SitePlan(there, content=content), "pbx")
        plan_file.write(tmp_path, handover, run)
        approved = plan_file.read(str(tmp_path / "plan.json"))
        if text:
            assert told(approved.refuse_changes, there, later, "pbx") == text
        else:
            approved.refuse_changes(there, later, "pbx")


def signed(body):
    return {**body, "digest": plan_file._digest(body)}


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda body: {**body, "rules": {**body["rules"], "force": True}}, "was changed after it was made, or is damaged"),
        (lambda body: {key: value for key, value in body.items() if key != "digest"}, "was changed after it was made, or is damaged"),
        (lambda body: signed({**body, "format": 2}), "is of a newer collection (format 2, and this one reads 1)"),
        (lambda body: signed({**body, "collection": "9.9.9\x1b[31m"}), "was made by another version of this collection, 9.9.9 (this is"),
        (lambda body: signed({**body, "collection": None}), "was made by another version of this collection, one of an unknown version"),
        (lambda body: signed({**body, "sites": []}), "lacks what a plan has"),
        (lambda body: signed({**body, "sites": {"pbx": {}}}), "lacks what a plan has"),
        (lambda body: signed({**body, "made": "yesterday"}), "lacks what a plan has"),
        (lambda body: signed({**body, "sites": {"pbx": {**body["sites"]["pbx"], "waves": [{"number": "1", "phones": []}]}}}), "lacks what"),
        (lambda body: signed({**body, "sites": {"pbx": {**body["sites"]["pbx"], "files": 7}}}), "lacks what"),
        (lambda body: [body], "is no whole plan of a rollout"),
        (lambda body: {"format": "1"}, "is no whole plan of a rollout"),
    ],
)
def test_a_plan_that_is_none(written, spoil, text):
    path = written[0]
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    with pytest.raises(RolloutError) as caught:
        plan_file.read(str(path))
    assert text in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"null", b'{"format": 1}'])
def test_a_file_that_is_no_plan(tmp_path, data):
    (tmp_path / "plan.json").write_bytes(data)
    with pytest.raises(RolloutError, match=r"is no whole plan|its digest is not right"):
        plan_file.read(str(tmp_path / "plan.json"))


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_plan_that_was_cut(written, cut):
    written[0].write_bytes(written[0].read_bytes()[:-cut])
    with pytest.raises(RolloutError, match=r"is no whole plan|its digest is not right") if cut > 1 else pytest.raises(AssertionError):
        plan_file.read(str(written[0]))
        raise AssertionError("only the last line feed is gone")


def test_a_plan_that_cannot_be_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "fifo", "a" * 5000, "a\0b", ""):
        with pytest.raises(RolloutError, match=r"^plan '"):
            plan_file.read(str(path))


def test_no_plan_has_a_password(written):
    assert "password" not in written[0].read_text()


def test_every_rule_is_planned_or_known_not_to_be():
    from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import names

    assert set(plan_file.planned_rules(asked())) | set(plan_file._NOT_PLANNED) >= {name.removeprefix("rollout_") for name in names.spec()}
