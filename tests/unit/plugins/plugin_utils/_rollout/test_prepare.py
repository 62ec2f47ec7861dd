# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import prepare
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, PLANNED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.prepare import BY_HAND, BY_OLD_PASSWORD, BY_TELNET, READY
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

MAC = "000E84C00001"
NOW = 1_000_000.0
RIGHT = {"settings": {"telnet_level": "2"}, "secrets": {"phone_password": True}, "changed": [], "image": None, "set_at": None}


def takes(level=None, up=None, image="P0S3-08-2-00", kind=None):
    return Observation(True, image, MAC, kind, "says why" if kind else None, telnet_level=level, up=up)


def refuses(kind=failures.REFUSED):
    return Observation(False, None, MAC, kind, "refuses telnet on port 23")


def found(generators=None, files=(), **file):
    default = {"telnet_level": "0", "phone_password": {"set": True, "as_wanted": False}, "image": "P0S3-08-2-00", "set_at": None}
    return {"phones": {MAC: {**RIGHT, **file}}, "default": default, "now": NOW, "generators": generators or {}, "files": list(files)}


def made(one, old=None, **file):
    return prepare.make({"lobby": one}, {} if old is None else {"lobby": old}, found(**file), {"lobby": "192.0.2.7"}, "pbx", True)


LEVEL_1 = {"settings": {"telnet_level": "1"}}
WAYS = [
    # What the phone does, what its files say, and how it takes them up
    ("at level 2", takes(2), {}, READY),
    ("at level 2 now, and not after its next restart, but for the files", takes(2), LEVEL_1, READY),
    ("at level 1", takes(1), {}, BY_TELNET),
    ("does not show its level, and its files say 1", takes(), LEVEL_1, BY_TELNET),
    ("does not show its level, and its files say 2", takes(), {}, READY),
    ("has restarted since its files were set", takes(up=50), {"set_at": NOW - 100}, READY),
    ("has not restarted since its files were set", takes(up=5000), {"set_at": NOW - 100}, BY_TELNET),
    ("does not show how long it is up", takes(), {"set_at": NOW - 100}, READY),
    ("telnet off", refuses(), {}, BY_HAND),
    ("another password", refuses(failures.WRONG_PASSWORD), {}, BY_HAND),
    ("no answer", refuses(failures.UNREACHABLE), {}, BY_HAND),
    ("another phone there", refuses(failures.WRONG_PHONE), {}, ""),
    ("no MAC in its banner", takes(kind=failures.UNKNOWN_MAC), {}, ""),
]


@pytest.mark.parametrize(("one", "file", "way"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_how_a_phone_takes_up_its_files(one, file, way):
    plan = made(one, **file)
    assert plan.ways.get("lobby", "") == way
    phone = plan.plan.phones["lobby"]
    assert phone.status == (ALREADY if way == READY else PLANNED)
    assert phone.within_reach == bool(way)
    assert [(list(wave.phones), list(wave.reset)) for wave in plan.plan.waves] == (
        [] if way == READY else [(["lobby"], ["lobby"] * bool(way))]
    )


def test_an_old_password_restarts_a_phone():
    plan = made(refuses(failures.WRONG_PASSWORD), takes())
    assert plan.ways == {"lobby": BY_OLD_PASSWORD}
    assert plan.plan.phones["lobby"].image_before == "P0S3-08-2-00"
    assert made(refuses(failures.WRONG_PASSWORD), refuses(failures.WRONG_PASSWORD)).ways == {"lobby": BY_HAND}
    assert made(refuses(failures.WRONG_PASSWORD), takes(kind=failures.UNKNOWN_MAC)).ways == {"lobby": BY_HAND}, "it may be another phone"


LISTENING = [
    # The last look, whether it was down, and whether it is there
    (takes(2), False, True),
    (takes(2), True, True),
    (takes(), True, True),
    (takes(), False, False),
    (takes(1), True, False),
    (refuses(), True, False),
]


@pytest.mark.parametrize(("last", "was_down", "there"), LISTENING)
def test_when_a_phone_can_be_driven(last, was_down, there):
    assert prepare.Listening().reached(last, was_down) is there


@pytest.mark.parametrize(
    ("last", "was_down", "deferred", "kind"),
    [
        (takes(), False, False, failures.NOT_RESTARTED),
        (takes(), False, True, failures.IN_CALL),
        (takes(1), True, False, failures.NOT_PRIVILEGED),
        (refuses(), True, False, failures.REFUSED),
        (refuses(failures.WRONG_PASSWORD), True, False, failures.WRONG_PASSWORD),
        (refuses(failures.UNREACHABLE), True, False, failures.UNREACHABLE),
    ],
)
def test_why_it_cannot(last, was_down, deferred, kind):
    why = prepare.Listening().why_not(last, was_down, deferred, 600)
    assert why.kind == kind
    assert "600 seconds" in why.reason


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


def test_what_people_are_shown():
    result = found(
        files=["SIPDefault.cnf", f"SIP{MAC}.cnf"], changed=["telnet_level"], generators={"FusionPBX": [f"SIP{MAC}.cnf"]}, **LEVEL_1
    )
    plan = prepare.make({"lobby": takes(), "attic": refuses()}, {}, result, {}, "pbx", True)
    lines = prepare.outline(plan, result, [])
    assert lines[0].split() == ["phones", "its", "files", "say", "telnet", "to", "take", "them", "up"]
    assert any("telnet_level 1, this password" in line and "takes the password" in line and "lobby" in line for line in lines)
    assert "telnet_level 2 and phone_password are set in SIPDefault.cnf and 1 file of phones' own" in lines
    assert any("written by FusionPBX" in line for line in lines)
    people = ["restart 1 phone by hand now (keys *, 6 and Settings together, or its power):", "  attic"]
    assert prepare.for_people(plan, "now") == people and prepare.for_people(made(takes(2)), "now") == []
    assert not any(line.startswith("risk") for line in lines)


def test_that_a_restart_also_loads_another_image_is_told():
    result = found(image="P0S3-06-3-00")
    risks = [line for line in prepare.outline(made(takes(1)), result, []) if line.startswith("risk")]
    assert risks == ["risk: a restart also loads the image that the files name, which is another than these run: lobby"]
    assert not any(line.startswith("risk") for line in prepare.outline(made(takes(2)), result, [])), "it does not restart"


def test_other_phones_keep_the_default_as_it_is():
    plan = prepare.make({"lobby": takes(1)}, {}, found(), {}, "pbx", False)
    (line,) = [line for line in prepare.outline(plan, found(), ["000E84C0FFFF"]) if line.startswith("SIPDefault.cnf")]
    assert "stays as it is, as it speaks to 1 phone that" in line and "000E84C0FFFF" in line
