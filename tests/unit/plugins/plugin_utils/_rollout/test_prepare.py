# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import prepare
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, PLANNED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.prepare import (
    BY_HAND,
    BY_OLD_PASSWORD,
    BY_TELNET,
    READY,
    Listening,
    Sight,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Cause, Observation
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

MAC = "000E84C00001"
NOW = 1_000_000
RIGHT = {"settings": {"telnet_level": "2"}, "secrets": {"phone_password": True}, "changed": [], "image": None, "set_at": None}


def takes(level=None, up=None, image="P0S3-08-2-00", kind=None, mac=MAC):
    started = None if up is None else time.time() - up
    return Observation(True, image, mac, kind, "says why" if kind else None, telnet_level=level, started=started)


def refuses(kind=failures.REFUSED):
    return Observation(False, None, MAC, kind, "refuses telnet on port 23")


def found(generators=None, files=(), **file):
    default = {"telnet_level": "0", "phone_password": {"set": True, "as_wanted": False}, "image": "P0S3-08-2-00", "set_at": None}
    return {"phones": {MAC: {**RIGHT, **file}}, "default": default, "now": NOW, "generators": generators or {}, "files": list(files)}


def made(one, old=None, held=(), fileless=(), with_default=True, **file):
    seen = Sight({"lobby": one}, {} if old is None else {"lobby": old}, found(**file), time.time())
    return prepare.make(seen, {"lobby": "192.0.2.7"}, "pbx", with_default=with_default, held=held, fileless=fileless)


LEVEL_1 = {"settings": {"telnet_level": "1"}}
WAYS = [
    # What the phone does, what its files say, and how it takes them up
    ("at level 2", takes(2), {}, READY),
    ("at level 2 now, and not after its next restart, but for the files", takes(2), LEVEL_1, READY),
    ("at level 1", takes(1), {}, BY_TELNET),
    ("does not show its level, and its files say 1", takes(), LEVEL_1, BY_TELNET),
    ("does not show its level, and its files say 2", takes(), {}, READY),
    ("has restarted since its files were set", takes(up=50), {"set_at": NOW - 100_000}, READY),
    ("has not restarted since its files were set", takes(up=500_000), {"set_at": NOW - 100_000}, BY_TELNET),
    ("does not show how long it is up", takes(), {"set_at": NOW - 100_000}, READY),
    ("telnet off", refuses(), {}, BY_HAND),
    ("another password", refuses(failures.WRONG_PASSWORD), {}, BY_HAND),
    ("no answer", refuses(failures.UNREACHABLE), {}, BY_HAND),
    ("another phone there", refuses(failures.WRONG_PHONE), {}, ""),
    ("no MAC in its banner", takes(kind=failures.UNKNOWN_MAC), {}, ""),
]


@pytest.mark.parametrize(("one", "file", "way"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_how_a_phone_takes_up_its_files(one, file, way):
    plan = made(one, **file)
    assert plan.restarts.get("lobby", "") == way
    phone = plan.plan.phones["lobby"]
    assert phone.status == (ALREADY if way == READY else PLANNED)
    assert phone.within_reach == bool(way)
    assert [(list(wave.phones), list(wave.reset)) for wave in plan.plan.waves] == (
        [] if way == READY else [(["lobby"], ["lobby"] * bool(way))]
    )


def test_an_old_password_restarts_a_phone():
    plan = made(refuses(failures.WRONG_PASSWORD), takes())
    assert plan.restarts == {"lobby": BY_OLD_PASSWORD}
    assert plan.plan.phones["lobby"].image_before == "P0S3-08-2-00"
    assert made(refuses(failures.WRONG_PASSWORD), refuses(failures.WRONG_PASSWORD)).restarts == {"lobby": BY_HAND}
    assert made(refuses(failures.WRONG_PASSWORD), takes(kind=failures.UNKNOWN_MAC)).restarts == {"lobby": BY_HAND}, (
        "it may be another phone"
    )


LISTENING = [
    # Whether it answered before, the last look, whether it was down, and whether it is there after 1,000 seconds
    (False, takes(2), False, True),
    (False, takes(2), True, True),
    (False, takes(), True, True),
    (False, takes(), False, False),
    (False, takes(up=5), False, True),
    (False, takes(up=5000), True, False),
    (False, takes(1), True, False),
    (False, refuses(), True, False),
    (True, takes(), False, True),
    (True, takes(up=5000), False, True),
    (True, takes(1), True, False),
    (True, takes(kind=failures.UNKNOWN_MAC), True, False),
    (True, refuses(), True, False),
]


@pytest.mark.parametrize(("deaf", "last", "was_down", "there"), LISTENING)
def test_when_a_phone_can_be_driven(deaf, last, was_down, there):
    assert Listening(deaf).reached(last, was_down, 1000.0) is there


@pytest.mark.parametrize(
    ("last", "was_down", "deferred", "kind"),
    [
        (takes(), False, False, failures.NOT_RESTARTED),
        (takes(up=5000), True, False, failures.NOT_RESTARTED),
        (takes(), False, True, failures.IN_CALL),
        (takes(1), True, False, failures.NOT_PRIVILEGED),
        (refuses(), True, False, failures.REFUSED),
        (refuses(failures.WRONG_PASSWORD), True, False, failures.WRONG_PASSWORD),
        (refuses(failures.UNREACHABLE), True, False, failures.UNREACHABLE),
    ],
)
def test_why_it_cannot(last, was_down, deferred, kind):
    why = Listening(False).why_not(last, was_down, deferred, 600)
    assert why.kind == kind
    assert "600 seconds" in why.reason


def test_a_phone_that_does_not_say_who_it_is():
    assert Listening(True).why_not(takes(kind=failures.UNKNOWN_MAC), True, False, 600) == Cause(failures.UNKNOWN_MAC, "says why")


def test_what_the_files_are_to_say():
    phones = [
        Phone("a", "192.0.2.1", password="common"),
        Phone("b", "192.0.2.2", password="own"),
        Phone("c", "192.0.2.3", password="common"),
    ]
    macs = {"a": MAC, "b": "000E84C00002", "c": None}
    level = {"telnet_level": "2"}
    own = [
        {"mac": MAC, "settings": level, "secrets": {"phone_password": "common"}},
        {"mac": "000E84C00002", "settings": level, "secrets": {"phone_password": "own"}},
    ]
    assert prepare.wish(phones, macs, True) == {"settings": level, "secrets": {"phone_password": "common"}, "phones": own}
    assert prepare.wish(phones, macs, False) == {"settings": {}, "secrets": {}, "phones": own}


def test_a_phone_whose_file_is_not_known():
    phones = [
        Phone("a", "192.0.2.1", password="common"),
        Phone("b", "192.0.2.2", password="own"),
        Phone("c", "192.0.2.3", password="common"),
    ]
    unknown = dict.fromkeys("abc")
    assert prepare.without_file(phones, unknown, True) == {"b"}
    assert prepare.without_file(phones, unknown, False) == {"a", "b", "c"}
    assert prepare.without_file(phones, {**unknown, "b": MAC}, True) == set()
    plan = made(refuses(), fileless=["lobby"])
    assert plan.restarts == {} and "set cisco79xx_mac" in plan.plan.phones["lobby"].reason
    assert made(takes(2), fileless=["lobby"]).restarts == {"lobby": READY}, "nothing has to be set for it"


@pytest.mark.parametrize(
    ("one", "image", "status"),
    [
        (takes(1), "P0S3-08-2-00", PLANNED),
        (takes(1), "P0S3-06-3-00", BLOCKED),
        (takes(1), None, BLOCKED),
        (refuses(), "P0S3-08-2-00", BLOCKED),
        (takes(2), "P0S3-06-3-00", ALREADY),
    ],
)
def test_a_phone_to_hold_restarts_only_if_it_keeps_its_image(one, image, status):
    plan = made(one, held=["lobby"], image=image)
    assert plan.plan.phones["lobby"].status == status
    assert plan.plan.phones["lobby"].held
    assert bool(plan.plan.waves) == (status == PLANNED)


def test_what_people_are_shown():
    result = found(
        files=["SIPDefault.cnf", f"SIP{MAC}.cnf"], changed=["telnet_level"], generators={"FusionPBX": [f"SIP{MAC}.cnf"]}, **LEVEL_1
    )
    seen = Sight({"lobby": takes(), "attic": refuses(), "cellar": takes(kind=failures.UNKNOWN_MAC)}, {}, result)
    plan = prepare.make(seen, {}, "pbx", with_default=True)
    lines = prepare.outline(plan, result, [])
    assert lines[0].split() == ["phones", "its", "files", "say", "telnet", "to", "take", "them", "up"]
    assert any("telnet_level 1, this password" in line and "takes the password" in line and "lobby" in line for line in lines)
    assert "for telnet_level 2 and phone_password these change: SIPDefault.cnf and the own files of 1 phone" in lines
    assert "out of reach: cellar: says why" in lines
    assert any("written by FusionPBX" in line for line in lines)
    people = ["restart 1 phone by hand now (keys *, 6 and Settings together, or its power):", "  attic"]
    assert prepare.for_people(plan, "now") == people and prepare.for_people(made(takes(2)), "now") == []


def test_what_is_not_known_is_told():
    lines = prepare.outline(made(takes()), found(), [])
    assert "whether telnet_level is 2 these do not show, a reset does: lobby" in lines
    assert not any("do not show" in line for line in prepare.outline(made(takes(2)), found(), []))


def test_that_a_restart_also_loads_an_image_is_told():
    result = found(image="P0S3-06-3-00")
    plan = made(takes(1), image="P0S3-06-3-00")
    assert "a restart also loads the image that the files name: P0S3-06-3-00 for lobby" in prepare.outline(plan, result, [])
    assert prepare.moving(plan, result) == ["lobby"]
    assert prepare.moving(made(takes(1)), found(image="P0S3-08-2-00")) == []
    assert prepare.moving(made(refuses()), result) == [], "people restart it"
    assert not any("also loads" in line for line in prepare.outline(made(takes(2)), result, [])), "it does not restart"


def test_other_phones_keep_the_default_as_it_is():
    plan = made(takes(1), with_default=False)
    (line,) = [line for line in prepare.outline(plan, found(), ["000E84C0FFFF"]) if line.startswith("SIPDefault.cnf")]
    assert "stays as it is, as it speaks to 1 phone that" in line and "000E84C0FFFF" in line
