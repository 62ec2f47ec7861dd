# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first step of a rollout: sites and phones from the inventory, and all that can be wrong with them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.begin import Findings, Inventory, begin, findings, why_nobody
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Run
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import asked

SECRET = "hunter2"
PBX = {"cisco79xx_tftp_root": "/srv/tftp", "ansible_password": SECRET, "ansible_become_password": SECRET}
pytestmark = pytest.mark.usefixtures("handover")


def phone(number, site="", **more):
    return {
        "ansible_host": f"127.0.0.{number}",
        "ansible_password": f"{SECRET}\n",
        "cisco79xx_mac": f"000E84C0{number:04X}",
        **({"cisco79xx_tftp_server": site} if site else {}),
        **more,
    }


def inventory(phones, servers=None, limit=None, **groups):
    """`phones` and `servers`: name → variables. The first of the servers is that of phones without one of their own."""
    servers = {"pbx": PBX} if servers is None else servers
    hostvars = {**phones, **servers}
    return Inventory(hostvars, {"all": list(hostvars), "phones": list(phones), "tftp_servers": list(servers), **groups}, limit)


@pytest.fixture
def start(tmp_path):
    """Begin a run of all phones of an inventory, or of these."""

    def run(given, names=None, forks=5, check=False, **options):
        chosen = given.groups["phones"] if names is None else names
        return begin(asked(**{"report_dir": str(tmp_path / "report"), **options}), chosen, given, forks, check)

    return run


def test_one_tftp_host_is_that_of_all_phones(start, tmp_path):
    run = start(inventory({"a": phone(2), "b": phone(3, hold=True)}), check=True)
    assert (run.sites, run.drivers, run.several) == ({"pbx": ["a", "b"]}, {"pbx": "a"}, False)
    assert (run.check, run.zones, run.held_elsewhere) == (True, {"pbx": ""}, frozenset())
    assert run.logins["b"] == {
        "host": "127.0.0.3",
        "port": 23,
        "mac": "000E84C00003",
        "hold": True,
        "tftp_host": "",
        "accept_unknown_mac": False,
        "password_of": "a",
    }
    assert Handover(run.id).read(Run) == run
    facts = json.loads((tmp_path / "report" / "report.json").read_text())
    assert facts["rollout"]["finished"] is False
    assert {name: one["status"] for name, one in facts["phones"].items()} == {"a": "not_reached", "b": "not_reached"}


def test_each_run_has_a_name_of_its_own(start):
    given = inventory({"a": phone(2)})
    assert len({start(given).id for _try in range(5)}) == 5


def test_phones_belong_to_their_own_tftp_host_or_to_the_first(start):
    phones = {"a": phone(2, "branch"), "b": phone(3), "c": phone(4, "branch"), "d": phone(5, "pbx")}
    run = start(inventory(phones, {"pbx": PBX, "branch": PBX, "unused": {}}))
    assert run.sites == {"branch": ["a", "c"], "pbx": ["b", "d"]}
    assert run.drivers == {"branch": "a", "pbx": "b"}
    assert run.several


def test_with_a_limit_one_of_its_phones_drives(start):
    phones = {"a": phone(2, "branch"), "b": phone(3), "c": phone(4, "branch"), "d": phone(5)}
    run = start(inventory(phones, {"pbx": PBX, "branch": PBX}, limit="c,d"), names=["c", "d"])
    assert (run.sites, run.drivers) == ({"branch": ["c"], "pbx": ["d"]}, {"branch": "c", "pbx": "d"})


def test_the_group_of_the_tftp_hosts_may_have_another_name(start):
    given = inventory({"a": phone(2)}, {"x": PBX, "y": PBX}, branches=["y"])
    assert list(start(given, tftp_group="branches").sites) == ["y"]
    with pytest.raises(
        InventoryError,
        match="no TFTP host in the group nobody of the inventory: put the TFTP hosts there, or name their group with -e tftp_group=",
    ):
        start(given, tftp_group="nobody")


@pytest.mark.parametrize(
    ("servers", "site", "text"),
    [
        ({}, "", "no TFTP host in the group tftp_servers of the inventory"),
        ({"pbx": {}}, "", "TFTP host pbx: cisco79xx_tftp_root is not set"),
        ({"pbx": PBX}, "depot", "TFTP host depot: no such host in the inventory"),
    ],
)
def test_a_tftp_host_that_is_none(start, servers, site, text):
    with pytest.raises(InventoryError, match=text):
        start(inventory({"a": phone(2, site)}, servers))


@pytest.mark.parametrize("name", ["desk:22", "desk[1:3]", "2001:db8::1:23x", "a desk", "desk!", ":"])
def test_a_name_that_ansible_would_not_take_drives_nothing(start, name):
    run = start(inventory({name: phone(2), "b": phone(3)}))
    assert run.drivers == {"pbx": "b"}
    assert run.sites == {"pbx": [name, "b"]}, "but it is in the run"
    with pytest.raises(InventoryError, match="Ansible takes no such name for a host"):
        start(inventory({name: phone(2)}))


@pytest.mark.parametrize("name", ["SEP000E84C00002", "127.0.0.2", "desk-2.example.org", "desk_2", "2001:db8::1"])
def test_names_that_drive(start, name):
    assert start(inventory({name: phone(2)})).drivers == {"pbx": name}


def test_more_sites_than_ansible_runs_at_once_are_refused(start):
    sites = {f"tftp{number}": PBX for number in range(6)}
    given = inventory({f"p{number}": phone(number + 2, site) for number, site in enumerate(sites)}, sites)
    with pytest.raises(RolloutError, match=r"there are 6 sites, .* runs 5 hosts at once: run it with -f 6, or with -e sites=apart"):
        start(given)
    assert len(start(given, forks=6).sites) == 6
    assert len(start(given, rollout_sites="apart").sites) == 6
    assert len(start(given, names=given.groups["phones"][:5]).sites) == 5


def test_an_undo_of_some_phones_is_refused_since_it_is_one_of_all(start):
    given = inventory({"a": phone(2), "b": phone(3)}, limit="a")
    with pytest.raises(RolloutError, match=r"run it without --limit, or let these move with -e accept_others=true"):
        start(given, names=["a"], rollout_undo=True)
    assert start(given, names=["a"], rollout_undo=True, accept_others=True).rules.undo
    assert start(given, names=["a"]).sites == {"pbx": ["a"]}
    assert start(inventory({"a": phone(2)}), rollout_undo=True).rules.undo


def test_phones_to_hold_that_are_not_in_the_run_are_known_by_their_macs(start):
    phones = {"a": phone(2), "b": phone(3, hold=True), "c": phone(4, hold="yes", ansible_password=""), "d": phone(5, hold="false")}
    phones["e"] = phone(6, hold=True, cisco79xx_mac="")
    phones["SEP000E84C000FF"] = {"hold": "true"}
    run = start(inventory(phones), names=["a", "b"])
    assert run.held_elsewhere == {"000E84C00004", "000E84C000FF"}


def test_phones_of_the_inventory_that_are_not_in_the_run_are_known_by_their_names(start):
    phones = {"a": phone(2), "b": phone(3), "c": phone(4, "branch"), "d": phone(5, hold=True), "e": phone(6, cisco79xx_mac="none")}
    given = inventory({**phones, "other": {}}, {"pbx": PBX, "branch": PBX}, limit="a")
    given.groups["phones"].remove("other")
    assert start(given, names=["a"]).outside == {"pbx": ["b", "e"], "branch": ["c"]}
    assert start(replace(given, groups={**given.groups, "lobby": ["a", "b"]}, phones_group="lobby"), names=["a"]).outside == {"pbx": ["b"]}
    assert start(given, names=["a", "b", "c", "d"]).outside == {"pbx": ["e"]}


def test_each_site_has_its_time(start):
    servers = {"pbx": {**PBX, "cisco79xx_timezone": "Europe/Berlin"}, "branch": PBX}
    given = inventory({"a": phone(2), "b": phone(3, "branch")}, servers)
    assert start(given, timezone="Asia/Tokyo").zones == {"pbx": "Europe/Berlin", "branch": "Asia/Tokyo"}
    assert start(given).zones == {"pbx": "Europe/Berlin", "branch": ""}


def test_a_time_zone_that_is_none_is_found_before_anybody_is_asked(start):
    servers = {"pbx": PBX, "branch": {**PBX, "cisco79xx_timezone": "Mars/Olympus"}}
    given = inventory({"a": phone(2), "b": phone(3, "branch")}, servers)
    with pytest.raises(WindowError, match="Mars/Olympus"):
        start(given, window="22:00-05:00")


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ({"ansible_password": ""}, "b: no password"),
        ({"ansible_port": "telnet"}, "b: ansible_port is 'telnet'"),
        ({"cisco79xx_mac": "000E84C00002"}, "a and b have one MAC"),
    ],
)
def test_phones_that_are_wrong_are_refused(start, tmp_path, second, text):
    with pytest.raises(InventoryError, match=text):
        start(inventory({"a": phone(2), "b": phone(3, **second)}))
    assert not (tmp_path / "ansible").exists(), "nothing has begun"


def test_a_folder_for_the_report_that_cannot_be_written_is_found_out(start, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RolloutError, match=r"^report_dir is .*-e report_dir="):
        start(inventory({"a": phone(2)}), report_dir=str(tmp_path / "file" / "report"))


def test_no_file_has_a_password(start, tmp_path):
    start(inventory({"a": phone(2), "b": phone(3, ansible_password=f"{SECRET}-of-b")}))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4, "the run and its report"
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


FAULTY = {
    "a": phone(2, site="pbxx"),
    "b": phone(3, site="pbxx"),
    "c": phone(4, ansible_password=""),
    "d": phone(5, ansible_password=""),
    "e": phone(5, cisco79xx_mac="02:0e"),
    "f": phone(6, hold="ja"),
    "g": phone(7, site="a"),
}
FAULTS = [
    "c, d: no password; set cisco79xx_password (or ansible_password) to their phone_password, in a vault",
    "e: '02:0e' is no MAC address: it takes 12 hex digits, such as 000E84C060A6 or 00:0e:84:c0:60:a6",
    "f: hold is 'ja': it is true or false",
    "TFTP host pbxx: no such host in the inventory, but it is cisco79xx_tftp_server of a, b: "
    "correct it to pbx, or put that host into the group tftp_servers",
    "TFTP host a: it is cisco79xx_tftp_server of g, but not in the group tftp_servers, and has no cisco79xx_tftp_root: "
    "name the right host, or set that, the path of its TFTP root",
]


def test_all_that_is_wrong_is_told_at_once_and_by_an_audit_in_the_same_words(start):
    given = inventory(FAULTY)
    with pytest.raises(InventoryError) as error:
        start(given)
    assert str(error.value) == "; ".join(FAULTS)
    assert findings(given, "tftp_servers", ["pbx"]) == Findings(7, FAULTS, [])


def test_many_phones_with_one_fault_are_one_sentence(start):
    with pytest.raises(InventoryError, match=r"^p1, p2 and 38 more: no password; set "):
        start(inventory({f"p{number}": phone(number, ansible_password="") for number in range(1, 41)}))


def test_an_audit_of_some_sites_tells_of_their_phones():
    given = inventory({"a": phone(2, "pbx"), "b": phone(3, "depot", ansible_password="")}, {"pbx": PBX, "depot": PBX}, limit="pbx")
    assert findings(given, "tftp_servers", ["pbx"]) == Findings(1, [], [])
    assert findings(given, "tftp_servers", ["pbx", "depot"]).faults == [FAULTS[0].replace("c, d", "b")]


def test_an_audit_tells_of_tftp_hosts_that_it_does_not_look_at():
    given = inventory({"a": phone(2, "depot")}, {"pbx": PBX, "depot": PBX}, tftp_servers=["pbx"])
    (advice,) = findings(given, "tftp_servers", ["pbx"]).advice
    assert advice.startswith("TFTP host depot is cisco79xx_tftp_server of a, but not in the group tftp_servers: ")


@pytest.mark.parametrize(
    ("groups", "limit", "told"),
    [
        ({"Phones": ["a"]}, None, ": rename the group Phones (1 host) to phones, or name it with -e phones_group=Phones"),
        ({"phone": ["a", "b"]}, None, ": rename the group phone (2 hosts) to phones, or name it with -e phones_group=phone"),
        ({"tftp_servers": ["pbx"]}, None, ": put the phones there, or name their group with -e phones_group=…"),
        ({}, None, ", which has no hosts: name the right one with -i, or put the phones into that group of it"),
        ({"phones": ["a", "b", "c", "d"]}, "pbx", " within --limit: name some of a, b and 2 more there"),
    ],
)
def test_a_group_without_hosts(groups, limit, told):
    given = {"all": [host for hosts in groups.values() for host in hosts], "ungrouped": [], **groups}
    assert why_nobody("phones", given, "phone", "phones_group", limit) == f"no phone in the group phones of the inventory{told}"
