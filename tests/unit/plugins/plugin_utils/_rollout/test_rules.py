# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a rollout: what the argument spec of the role says, and what people type."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import ImageNameError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses, RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.rules import Rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import asked

COLLECTION = Path(__file__).parents[5]
SPEC = yaml.safe_load((COLLECTION / "roles" / "rollout" / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
LOSSES = {field.name for field in dataclasses.fields(Losses)}
FIELDS = {field.name for field in dataclasses.fields(Rules)}
PHONES = "phones"
"""Not a rule: the phones that the rules are for."""

TYPED = [
    # What people type with -e, or what a playbook sets; the field of Rules; and what it becomes
    ("image", "P0S3-8-12-00", "image", "P0S3-8-12-00"),
    ("rollout_direction", "upgrade", "direction", "upgrade"),
    ("waves", [1, "10%"], "waves", [1, "10%"]),
    ("waves", '[1, "10%"]', "waves", '[1, "10%"]'),
    ("waves", "1,10%", "waves", "1,10%"),
    ("max_fail", "12.5", "losses", Losses(12.5)),
    ("max_fail", 5, "losses", Losses(5.0)),
    ("max_failed", "2", "losses", Losses(100.0, 2)),
    ("min_sample", "3", "losses", Losses(min_sample=3)),
    ("stop_on", "in_call,wrong_image", "losses", Losses(stop_on=("in_call", "wrong_image"))),
    ("stop_on", '["in_call"]', "losses", Losses(stop_on=("in_call",))),
    ("max_unavailable", "34%", "max_unavailable", "34%"),
    ("max_unavailable", 3, "max_unavailable", 3),
    ("pause_after", "1,3", "pause_after", (1, 3)),
    ("pause_after", "[1, 3]", "pause_after", (1, 3)),
    ("pause_after", 2, "pause_after", (2,)),
    ("soak_seconds", "2.5", "soak_seconds", 2.5),
    ("require_registered", "yes", "require_registered", True),
    ("window", "22:00-05:00", "window", "22:00-05:00"),
    ("timezone", "Europe/Berlin", "timezone", "Europe/Berlin"),
    ("progress", "false", "progress", False),
    ("wait_timeout", "60", "wait_timeout", 60),
    ("call_timeout", "3600", "call_timeout", 3600),
    ("call_timeout", "0", "call_timeout", 0),
    ("report_dir", "/tmp/report", "report_dir", Path("/tmp/report")),
    ("report_dir", "~/report", "report_dir", Path("~/report").expanduser()),
    ("force", "True", "force", True),
    ("skip_blocked", "1", "skip_blocked", True),
    ("verify_files", "no", "verify_files", False),
    ("fresh", "yes", "fresh", True),
    ("take_over", "true", "take_over", True),
    ("lease_timeout", "60.5", "lease_timeout", 60.5),
    ("verify_tftp", "yes", "verify_tftp", True),
    ("verify_tftp", "no", "verify_tftp", False),
    ("loads", "follow", "loads", "follow"),
    ("scope", "wave", "scope", "wave"),
    ("accept_others", "true", "accept_others", True),
    ("accept_unknown_mac", "true", "accept_unknown_mac", True),
    ("rollout_undo", True, "undo", True),
    ("rollout_prepare", True, "prepare", True),
    ("run", "20260115T080000-1", "run_to_undo", "20260115T080000-1"),
    ("since_run", "20260115T080000-1", "since_run", "20260115T080000-1"),
    ("rollback_on_stop", "true", "rollback_on_stop", True),
    ("sites", "apart", "sites", "apart"),
    ("tftp_group", "branches", "tftp_group", "branches"),
    ("plan", "out/plan.json", "plan", "out/plan.json"),
    ("plan_max_age", "12h", "plan_max_age", 43200),
    ("plan_max_age", 90, "plan_max_age", 90),
]

WRONG = [
    # Each is named as it was typed
    ("image", "firmware.bin", "firmware.bin"),
    ("image", "", "no image was asked for: name it with -e image="),
    ("image", "banana", "'banana'"),
    ("image", "P0S3\u201106-3-00", "U+2011 NON-BREAKING HYPHEN"),
    ("image", "P0S3-06-3-00.bin", "extension '.bin'"),
    ("image", "/tftpboot/P0S3-06-3-00", "did you mean P0S3-06-3-00?"),
    ("image", "P003-8-12-00", "universal loader"),
    ("report_dir", "", "report_dir is empty"),
    ("rollout_direction", "sideways", "rollout_direction"),
    ("waves", "0", "waves: 0 is no wave"),
    ("waves", [], "is no wave"),
    ("waves", ["half"], "is no wave"),
    ("waves", [-1], "is no wave"),
    ("waves", "soon", "is no wave"),
    ("waves", {"a": 1}, "is no wave"),
    ("waves", ["110%"], "waves: '110%' is no wave"),
    ("max_fail", "many", "max_fail is 'many'"),
    ("max_fail", "-1", "max_fail is '-1'"),
    ("max_fail", "101", "max_fail is '101'"),
    ("max_failed", "-1", "max_failed is '-1'"),
    ("min_sample", 0, "min_sample is 0"),
    ("stop_on", "haunted", "stop_on: 'haunted'"),
    ("max_unavailable", "0%", "max_unavailable: '0%'"),
    ("pause_after", "one", "pause_after is 'one'"),
    ("soak_seconds", "long", "soak_seconds"),
    ("soak_seconds", "-1", "soak_seconds is -1: it is a number of seconds"),
    ("require_registered", "perhaps", "require_registered"),
    ("window", "always", "window is 'always'"),
    ("progress", "7", "progress"),
    ("wait_timeout", "soon", "wait_timeout"),
    ("wait_timeout", "-1", "wait_timeout is -1"),
    ("wait_timeout", 0, "wait_timeout is 0"),
    ("call_timeout", "1.5", "call_timeout"),
    ("call_timeout", -5, "call_timeout is -5"),
    ("force", "perhaps", "force"),
    ("skip_blocked", "perhaps", "skip_blocked"),
    ("verify_files", "perhaps", "verify_files"),
    ("verify_tftp", "perhaps", "verify_tftp"),
    ("loads", "lead", "loads"),
    ("scope", "some", "scope"),
    ("accept_others", "perhaps", "accept_others"),
    ("accept_unknown_mac", "perhaps", "accept_unknown_mac"),
    ("rollout_undo", "perhaps", "rollout_undo"),
    ("rollout_prepare", "perhaps", "rollout_prepare"),
    ("rollback_on_stop", "perhaps", "rollback_on_stop"),
    ("sites", "alone", "sites"),
    ("fresh", "perhaps", "fresh"),
    ("take_over", "perhaps", "take_over"),
    ("lease_timeout", "soon", "lease_timeout"),
    ("lease_timeout", 1.9, "lease_timeout is 1.9: it is a number of seconds from 2"),
    ("lease_timeout", "nan", "lease_timeout is 'nan'"),
    ("lease_timeout", "inf", "lease_timeout is 'inf'"),
    ("rollout_phones", {"a": 1}, "rollout_phones"),
    ("fresh", "perhaps", "fresh"),
    ("take_over", "perhaps", "take_over"),
    ("lease_timeout", "1", "lease_timeout is 1: it is a number of seconds from 2"),
    ("plan", ["plan.json"], "plan is '['plan.json']'"),
    ("plan_max_age", "a day", "plan_max_age is 'a day': it is a time such as"),
    ("plan_max_age", "-1h", "plan_max_age is '-1h'"),
]


def long(name):
    """The name of an option in the role."""
    return name if name.startswith("rollout_") else "rollout_run_to_undo" if name == "run" else f"rollout_{name}"


def given(name, typed, in_role):
    """What people type for a rollout with that option."""
    own = long(name) if in_role else name
    return {own: typed} if name == "image" else {"image": "P0S3-06-3-00", own: typed}


def same(value):
    return value


def test_every_option_is_a_rule_and_every_rule_an_option():
    names = {option.removeprefix("rollout_") for option in SPEC}
    assert set(SPEC) == {f"rollout_{name}" for name in names}
    assert names - {PHONES} - LOSSES == FIELDS - {"losses"}
    assert names >= LOSSES


def test_every_option_is_tried_here():
    assert {long(name) for name, *_rest in TYPED} == set(SPEC) - {"rollout_phones"}
    anything_goes = {"rollout_timezone", "rollout_run_to_undo", "rollout_since_run", "rollout_tftp_group"}
    assert {long(name) for name, *_rest in WRONG} == set(SPEC) - anything_goes


def test_every_option_is_documented_where_people_type_it():
    text = (COLLECTION / "README.md").read_text() + "".join(path.read_text() for path in (COLLECTION / "docs").rglob("*.md"))
    for name in sorted({typed for typed, *_rest in TYPED if not typed.startswith("rollout_")}):
        assert f"`{name}`" in text or f"{name}=" in text, name


def test_by_default():
    assert asked() == Rules(
        image="P0S3-06-3-00",
        direction="any",
        waves=[1, "10%", "50%", "100%"],
        losses=Losses(),
        max_unavailable=None,
        pause_after=(),
        soak_seconds=0,
        require_registered=False,
        window="",
        timezone="",
        progress=True,
        wait_timeout=600,
        call_timeout=600,
        report_dir=Path("./cisco79xx-report"),
        force=False,
        skip_blocked=False,
        verify_files=True,
        verify_tftp=None,
        loads="refuse",
        scope="all",
        accept_others=False,
        accept_unknown_mac=False,
        undo=False,
        prepare=False,
        run_to_undo="",
        since_run="",
        rollback_on_stop=False,
        sites="together",
        tftp_group="tftp_servers",
        plan="",
        plan_max_age=None,
        fresh=False,
        take_over=False,
        lease_timeout=300,
    )
    assert asked().together
    assert not asked(sites="apart").together


@pytest.mark.parametrize("in_role", [False, True])
@pytest.mark.parametrize(("name", "typed", "field", "value"), TYPED)
def test_what_people_type(name, typed, field, value, in_role):
    made, names = rules.read([given(name, typed, in_role)], same)
    assert getattr(made, field) == value
    assert type(getattr(made, field)) is type(value) or isinstance(value, (int, float))
    changed = {one for one in FIELDS if getattr(made, one) != getattr(asked(), one)}
    with_it = {"wait_timeout": {"call_timeout"}, "rollout_undo": {"image"}, "rollout_prepare": {"image"}}.get(name, set())
    assert changed == {field} | with_it, "and nothing else"
    assert names == []


@pytest.mark.parametrize("in_role", [False, True])
@pytest.mark.parametrize(("name", "typed", "text"), WRONG)
def test_what_is_wrong_is_named_as_it_was_typed(name, typed, text, in_role):
    with pytest.raises((RolloutError, WindowError, ImageNameError)) as caught:
        rules.read([given(name, typed, in_role)], same)
    assert text in str(caught.value)
    assert in_role or name.startswith("rollout_") or "rollout_" not in str(caught.value), "nobody typed that"


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("name", ["max_fail", "max_failed", "max_unavailable"])
def test_an_empty_limit_is_none(name, empty):
    made, plain = asked(**{name: empty}), asked()
    assert (made.losses, made.max_unavailable or None) == (plain.losses, plain.max_unavailable)


def test_types_that_are_wrong_are_all_told_at_once():
    with pytest.raises(RolloutError) as caught:
        asked(wait_timeout="soon", force="perhaps", scope="some", rollout_sites="alone")
    for name in ("wait_timeout", "force", "scope", "rollout_sites"):
        assert name in str(caught.value)


def test_what_only_the_playbooks_set_has_no_short_name():
    assert asked(undo="perhaps", cisco79xx_undo="perhaps").undo is False
    assert asked(direction="sideways", phones="x").direction == "any"


@pytest.mark.parametrize("other", ["rollout_waves", "cisco79xx_waves"])
def test_an_option_has_one_name_at_a_time(other):
    assert asked(**{other: [2]}).waves == [2]
    with pytest.raises(RolloutError, match=f"^waves and {other} are both given, and are one option: leave one out$"):
        asked(waves=[2], **{other: [2]})
    assert asked(waves=[2], **{other: None}).waves == [2], "null is nothing"


def test_the_former_name_of_max_fail():
    assert asked(max_fail_percentage=7).losses == asked(cisco79xx_max_fail_percentage=7).losses == Losses(7.0)
    with pytest.raises(RolloutError, match=r"^max_fail_percentage is 'many': it is a share from 0 to 100$"):
        asked(max_fail_percentage="many")
    with pytest.raises(RolloutError, match=r"^max_fail and max_fail_percentage are both given"):
        asked(max_fail=7, max_fail_percentage=7)


def test_what_counts_first_is_what_was_typed():
    typed, play, inventory = (
        {"image": "P0S3-8-12-00"},
        {"rollout_image": "x", "waves": [2]},
        {"cisco79xx_waves": [3], "cisco79xx_scope": "wave"},
    )
    made, _names = rules.read([typed, play, inventory], same)
    assert (made.image, made.waves, made.scope) == ("P0S3-8-12-00", [2], "wave")


def test_the_phones_are_named_by_inventory_names():
    variables = {"image": "P0S3-06-3-00", "rollout_phones": ["a", "b"]}
    assert rules.read([variables], same)[1] == ["a", "b"]
    assert rules.read([{**variables, "rollout_phones": "a,b"}], same)[1] == ["a", "b"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"wait_timeout": "soon"}, "wait_timeout is 'soon': it is a whole number"),
        ({"cisco79xx_wait_timeout": "5.5"}, "cisco79xx_wait_timeout is '5.5': it is a whole number"),
        ({"wait_timeout": True}, "wait_timeout is 'True': it is a whole number"),
        ({"wait_timeout": "1_000"}, "wait_timeout is '1_000': it is a whole number"),
        ({"wait_timeout": "\u0665"}, "wait_timeout is '\u0665': it is a whole number"),
        ({"wait_timeout": 10**12}, "wait_timeout is 1e+12: it is a number of seconds above 0, and not more than a year"),
        ({"soak_seconds": float("nan")}, "soak_seconds is 'nan': it is a number"),
        ({"soak_seconds": "1e400"}, "soak_seconds is inf: it is a number of seconds from 0, and not more than a year"),
        ({"force": "ja"}, "force is 'ja': it is true or false"),
        ({"force": ""}, "force is '': it is true or false"),
        ({"force": ["yes"]}, "force is '['yes']': it is true or false"),
        ({"scope": "some"}, "scope is 'some': it is all or wave"),
        ({"report_dir": "a\0b"}, "report_dir is 'a\\x00b': it is the path of a file or folder"),
        ({"timezone": {"a": "\x1b[31m"}}, "timezone is '{'a': '\\x1b[31m'}': it is one text"),
        ({"rollout_phones": [["a"]]}, "rollout_phones is '[['a']]': it is a list of names"),
        ({"rollout_direction": "sideways"}, "rollout_direction is 'sideways': it is upgrade or downgrade or any"),
        ({"cisco79xx_window": "always"}, "cisco79xx_window is 'always'"),
    ],
)
def test_a_wrong_type_is_told_in_one_sentence(typed, sentence):
    with pytest.raises(RolloutError) as caught:
        asked(**typed)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) < 200


def test_a_value_without_end_is_told_in_short():
    for name in ("force", "waves", "scope", "stop_on", "max_unavailable", "wait_timeout", "window"):
        with pytest.raises(RolloutError) as caught:
            asked(**{name: "7x" * 1_000_000})
        assert name in str(caught.value) and len(str(caught.value)) < 1100


def test_a_value_that_cannot_be_read_is_named():
    def template(value):
        if value == "{{ nothing }}":
            raise ValueError("'nothing' is undefined")
        return value

    with pytest.raises(RolloutError, match=r"^waves uses 'nothing', which is not defined: correct its name, or set it$"):
        rules.read([{"image": "P0S3-06-3-00", "waves": "{{ nothing }}"}], template)


def test_an_undo_needs_no_image():
    assert asked(rollout_undo=True, image="").image == ""
    made, _names = rules.read([{"rollout_undo": "true"}], same)
    assert (made.undo, made.image) == (True, "")
    with pytest.raises(RolloutError, match="no image was asked for"):
        rules.read([{}], same)


def test_one_run_or_all_since_one():
    with pytest.raises(RolloutError, match="run and since_run are both given: name one"):
        asked(rollout_undo=True, run="a", since_run="b")


def test_what_stands_in_braces_is_resolved():
    variables = {
        "image": "{{ wanted }}",
        "wanted": "P0S3-8-12-00",
        "rollout_waves": "{{ sizes }}",
        "sizes": [1, "50%"],
        "report_dir": "{{ place }}",
    }
    variables["place"] = "/srv/report"
    templar = Templar(loader=DataLoader(), variables=trusted(variables))
    made, _names = rules.read([trusted(variables)], templar.template)
    assert (made.image, made.waves, made.report_dir) == ("P0S3-8-12-00", [1, "50%"], Path("/srv/report"))
    assert Path(rules.option("report_dir", [trusted(variables)], templar.template)) == Path("/srv/report")


def trusted(variables):
    """As Ansible reads them from a playbook."""
    from ansible.template import trust_as_template

    return {name: trust_as_template(value) if isinstance(value, str) else value for name, value in variables.items()}


def test_the_report_has_its_place_whatever_else_is_wrong(monkeypatch):
    assert Path(rules.option("report_dir", [{}], same)) == Path("./cisco79xx-report")
    assert Path(rules.option("report_dir", [{"report_dir": "here", "waves": 0}], same)) == Path("here")
    monkeypatch.setenv("CI_FOLDER", "/srv")
    for typed in ("~/report", "$CI_FOLDER/report"):
        assert Path(rules.option("report_dir", [{"report_dir": typed}], same)) == asked(report_dir=typed).report_dir, "as if nothing were"
    assert asked(report_dir="$CI_FOLDER/report").report_dir == Path(os.environ["CI_FOLDER"]) / "report"
