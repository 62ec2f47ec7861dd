# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that are nearly those of options, and options in an inventory. Where Ansible's variables come from is seen in tests/integration."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import names
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.names import Sources


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wave", "waves"),
        ("wavs", "waves"),
        ("WAVES", "waves"),
        ("wait-timeout", "wait_timeout"),
        ("maxfailed", "max_failed"),
        ("max_fail_percent", "max_fail_percentage"),
        ("froce", "force"),
        ("skip_block", "skip_blocked"),
        ("imge", "image"),
        ("phone_group", "phones_group"),
        ("cisco79xx_wave", "cisco79xx_waves"),
        ("cisco7960_waves", "cisco79xx_waves"),
        ("cisco79xx_tftproot", "cisco79xx_tftp_root"),
        ("rollout_wave", "rollout_waves"),
    ],
)
def test_a_name_that_is_nearly_ours(typed, meant):
    assert names.meant_by(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "environment_name",
        "my_image",
        "version",
        "region",
        "timeout",
        "state",
        "hold",
        "strict",
        "log_path",
        "cisco79xx_motd",
        "cisco79xx_password",
        "cisco79xx_phones_group",
        "rollout_id",
        "cisco79xx_rollout",
        "ansible_wavs",
        "awx_wave",
        "tower_wave",
        "\x1b[31m",
        "",
    ],
)
def test_a_name_of_somebody_else(typed):
    assert names.meant_by(typed) == ""


def test_no_name_of_ours_is_mistyped():
    assert not [name for option in names.spec() for name in names.spellings(option) if names.meant_by(name)]


@pytest.mark.parametrize(
    ("play", "host"),
    [
        ({"wave": 1}, {}),
        ({"image": "{{ images[wave] }}"}, {}),
        ({}, {"wave": 1}),
        ({}, {"cisco79xx_tftp_root": "/srv/{{ wave }}"}),
        ({}, {"roots": [{"path": ["{% if wave %}x{% endif %}"]}]}),
    ],
)
def test_a_name_that_others_use_is_theirs(play, host):
    inventory = {"a": {}, "b": host}
    assert names.mistyped(Sources({"wave": 1}, play, inventory.__getitem__), inventory) == []


def test_a_name_that_nobody_uses_is_refused():
    inventory = {"a": {"waves": "wave", "note": "a wave {{ wavelength }}"}}
    told = names.mistyped(Sources({"wave": 1, "forse": 2, "colour": 3}, {}, inventory.__getitem__), inventory)
    assert told == [
        "there is no option wave: did you mean waves? Nothing was done",
        "there is no option forse: did you mean force? Nothing was done",
    ]


PHONES, SERVERS = ["a", "b"], ["pbx"]


def found(a=(), b=(), pbx=(), better=()):
    return names.in_inventory(PHONES, SERVERS, {"a": dict(a), "b": dict(b), "pbx": dict(pbx)}, [dict(better)])


@pytest.mark.parametrize("hosts", [{"a": 1, "b": 1}, {"pbx": 1}, {"a": 1, "b": 1, "pbx": 1}])
def test_what_all_phones_or_all_tftp_hosts_have_is_for_the_run(hosts):
    assert found(**{host: {"cisco79xx_waves": [5]} for host in hosts}).options == {"cisco79xx_waves": [5]}


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ({"a": {"cisco79xx_force": True}}, "it is 'True' for a; it is not set for b"),
        ({"a": {"cisco79xx_force": True}, "b": {"cisco79xx_force": False}}, "it is 'True' for a; it is 'False' for b"),
        (
            {"a": {"cisco79xx_force": True}, "b": {"cisco79xx_force": True}, "pbx": {"cisco79xx_force": False}},
            "it is 'True' for a, b; it is 'False' for pbx",
        ),
    ],
)
def test_what_differs_is_refused_unless_it_is_typed(hosts, told):
    with pytest.raises(RolloutError) as caught:
        found(**hosts)
    way_out = "Set it the same for all, or give -e force=…"
    assert str(caught.value) == f"cisco79xx_force is for the whole run, and differs in the inventory: {told}. {way_out}"
    assert found(**hosts, better={"force": True}).options == {}


def test_short_names_are_ignored_and_told():
    here = found(a={"force": True, "waves": 1, "rollout_image": "x"}, b={"force": True}, pbx={"phones_group": "x"}, better={"waves": 2})
    assert here.options == {}
    assert here.ignored == {"force": ["a", "b"], "rollout_image": ["a"], "phones_group": ["pbx"]}
    assert names.why_ignored("force", ["a", "b"]) == (
        "force in the inventory (a, b) is ignored, as it may be meant for something else: "
        "give it with -e, or as cisco79xx_force in the inventory"
    )
    assert names.why_ignored("phones_group", ["pbx"]).endswith(": give it with -e")


def test_what_each_host_has_for_itself_is_no_rule_of_the_run():
    own = {"cisco79xx_timezone": "Asia/Tokyo", "cisco79xx_verify_tftp": True, "cisco79xx_accept_unknown_mac": True, "hold": True}
    assert found(a=own) == names.InInventory({}, {})


def test_a_value_that_cannot_be_templated_is_named_with_its_host():
    class Broken(dict):
        def __getitem__(self, name):
            raise ValueError("'x' is undefined")

    with pytest.raises(RolloutError, match=r"^a: cisco79xx_waves uses 'x', which is not defined: correct its name, or set it$"):
        names.in_inventory(["a"], [], {"a": Broken(cisco79xx_waves="{{ x }}")}, [])
