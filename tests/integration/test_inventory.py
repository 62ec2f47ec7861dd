# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin tftp_root as people call it: ansible-inventory and ansible-playbook over a file."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.voip.cisco79xx.tests.simulator.site import processes_of

SECRET = "Zq7token"
DESK, HALL, DOOR = "000E84C060A6", "00124330BFB3", "0014638ADF5E"
OTHER, BARE = "0011AABBCC01", "0011AABBCC02"
ADDRESSES = f"10.0.0.5 {DESK}\n10.0.0.6 {HALL}\n10.0.0.9 {OTHER}\n"


@pytest.fixture
def root(tmp_path):
    """Three SIP phones, of which one has a label that looks like a template, a phone of another model, and one without a SIP file."""
    folder = tmp_path / "root"
    folder.mkdir()
    files = {
        "SIPDefault.cnf": f"image_version: P0S3-8-12-00\r\nphone_password: {SECRET}\r\ntelnet_level: 2\r\n",
        f"SIP{DESK}.cnf": f'line1_name: "1001"\nline1_password: "{SECRET}"\nphone_label: "Desk "\nline2_name: UNPROVISIONED\n',
        f"SEP{DESK}.cnf.xml": "<device><loadInformation>P0S3-8-12-00</loadInformation></device>",
        f"SIP{HALL}.cnf": "image_version: P0S3-06-3-00\ntelnet_level: 0\nphone_label: {{ 7 * 6 }}\n"
        f"line1_displayname: x password: {SECRET}\n",
        f"SIP{DOOR}.cnf": f"line1_name: 1003\nphone_label: \x1b[31mDoor\nphone_password: {SECRET}2\n",
        f"SEP{OTHER}.cnf.xml": "<device><loadInformation>SIP41.9-4-2</loadInformation></device>",
        f"SEP{BARE}.cnf.xml": "<device><loadInformation>P00308010200</loadInformation></device>",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def write(tmp_path, root):
    """Writes tftp_root.yml, with these options beside the root."""

    def write(text=ADDRESSES, **options):
        (tmp_path / "addresses.txt").write_text(text)
        asked = {"roots": [{"path": "root", "tftp_server": "pbx-1"}], "addresses": [{"file": "addresses.txt"}], **options}
        (tmp_path / "tftp_root.yml").write_text(yaml.safe_dump({"plugin": "voip.cisco79xx.tftp_root", **asked}))

    return write


def members(inventory):
    return {name: group["hosts"] for name, group in inventory.items() if name not in ("_meta", "all") and "hosts" in group}


def test_phones_and_their_groups(write, ansible_inventory):
    write()
    status, inventory, said = ansible_inventory("--list")
    assert status == 0
    assert not said
    assert members(inventory) == {
        "phones": [f"SEP{DESK}", f"SEP{HALL}"],
        "phones_without_address": [f"SEP{DOOR}"],
        "phones_of_other_models": [f"SEP{OTHER}"],
        "phones_without_sip_file": [f"SEP{BARE}"],
        "cisco79xx_site_pbx_1": [f"SEP{DESK}", f"SEP{HALL}", f"SEP{DOOR}"],
        "cisco79xx_image_P0S3_8_12_00": [f"SEP{DESK}", f"SEP{DOOR}"],
        "cisco79xx_image_P0S3_06_3_00": [f"SEP{HALL}"],
        "cisco79xx_telnet_level_2": [f"SEP{DESK}", f"SEP{DOOR}"],
        "cisco79xx_telnet_level_0": [f"SEP{HALL}"],
    }
    hosts = inventory["_meta"]["hostvars"]
    assert hosts[f"SEP{DESK}"].pop("cisco79xx_address_time").endswith("+00:00")
    line = {"line": 1, "name": "1001", "authname": None, "displayname": None, "shortname": None}
    assert hosts[f"SEP{DESK}"] == {
        "ansible_host": "10.0.0.5",
        "cisco79xx_address_source": hosts[f"SEP{HALL}"]["cisco79xx_address_source"].replace(":2", ":1"),
        "cisco79xx_files": [f"SIP{DESK}.cnf", f"SEP{DESK}.cnf.xml"],
        "cisco79xx_label": "Desk",
        "cisco79xx_lines": [line],
        "cisco79xx_mac": DESK,
        "cisco79xx_tftp_server": "pbx-1",
        "cisco79xx_told_image": "P0S3-8-12-00",
        "cisco79xx_told_telnet_level": 2,
    }
    assert hosts[f"SEP{HALL}"]["cisco79xx_lines"][0]["displayname"] == "x ********"
    assert "ansible_host" not in hosts[f"SEP{DOOR}"]
    assert hosts[f"SEP{DOOR}"]["cisco79xx_left_out"] == "no source has an address of it"
    assert hosts[f"SEP{DOOR}"]["cisco79xx_label"] == "\\x1b[31mDoor"
    assert hosts[f"SEP{OTHER}"]["ansible_host"] == "10.0.0.9"
    assert hosts[f"SEP{OTHER}"]["cisco79xx_left_out"] == f"is of another model, by SEP{OTHER}.cnf.xml"
    assert hosts[f"SEP{BARE}"]["cisco79xx_left_out"] == f"has no SIP{BARE}.cnf, by SEP{BARE}.cnf.xml"


@pytest.mark.once
def test_the_graph(write, ansible_inventory):
    write(phones_group="handsets")
    _status, graph, said = ansible_inventory("--graph")
    assert not said
    for group in (
        "handsets",
        "handsets_without_address",
        "cisco79xx_site_pbx_1",
        "cisco79xx_image_P0S3_8_12_00",
        "cisco79xx_telnet_level_0",
    ):
        assert f"  |--@{group}:\n" in graph
    assert "@phones" not in graph


def test_constructed_options(write, ansible_inventory):
    options = {
        "compose": {"netbox_name": "'SEP' ~ cisco79xx_mac", "wrong": "no_such_thing.at_all"},
        "groups": {"tens": "(ansible_host | default('')) is match('10[.]')"},
        "keyed_groups": [{"key": "cisco79xx_lines | map(attribute='name') | select | first | default('none')", "prefix": "line"}],
    }
    write(**options)
    status, inventory, _said = ansible_inventory("--list")
    assert status == 0
    assert members(inventory)["tens"] == [f"SEP{DESK}", f"SEP{HALL}", f"SEP{OTHER}"]
    assert members(inventory)["line_1001"] == [f"SEP{DESK}"]
    assert inventory["_meta"]["hostvars"][f"SEP{DOOR}"]["netbox_name"] == {"__ansible_unsafe": f"SEP{DOOR}"}

    write(**options, strict=True)
    status, _inventory, said = ansible_inventory("--list", "-i", "other,", ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true")
    assert "Could not set wrong for host" in said
    assert status, "as docs/inventory.md has it, although another source has a host"


@pytest.mark.once
def test_examples_of_the_guide(write, ansible_inventory, tmp_path):
    """That for NetBox, and those for phones which DNS knows by their names, and which are where they were."""
    guide = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text()
    options = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n((?:compose|groups):.*?)```", guide, re.MULTILINE | re.DOTALL)]
    assert [set(one) for one in options] == [{"groups"}, {"groups"}, {"compose"}]
    (by_name, old, netbox) = options
    either = {"groups": {"phones": " or ".join(f"({one['groups']['phones']})" for one in (by_name, old))}}
    lease = f"lease 10.0.0.6 {{ ends epoch 1; hardware ethernet {HALL[:6]}.{HALL[6:]}; }}"
    (tmp_path / "leases").write_text(lease)
    addresses = [{"file": "addresses.txt"}, {"file": "leases"}]
    write(f"10.0.0.5 {DESK}\n", **either, **netbox, strict=True, roots=[{"path": "root"}], addresses=addresses)
    _status, inventory, said = ansible_inventory("--list")
    assert inventory["phones"]["hosts"] == [f"SEP{DESK}", f"SEP{HALL}", f"SEP{DOOR}"], said
    assert inventory["phones_with_old_address"]["hosts"] == [f"SEP{HALL}"]
    device = json.dumps(inventory["_meta"]["hostvars"][f"SEP{DESK}"]["netbox_device"])
    assert DESK in device and "P0S3-8-12-00" in device and "Desk" in device


@pytest.mark.once
def test_no_secret_and_no_template(write, ansible_inventory, ansible_playbook, tmp_path):
    write(cache=True, cache_plugin="jsonfile", cache_connection="cache")
    status, printed, said = ansible_inventory("--list", "--yaml", "-vvvvv")
    assert status == 0
    assert "cisco79xx_label: Desk" in printed
    (cached,) = (tmp_path / "cache").iterdir()
    assert SECRET not in printed + said + cached.read_text()
    (tmp_path / "show.yml").write_text(
        json.dumps([{"hosts": "phones", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "<{{ cisco79xx_label }}>"}}]}])
    )
    status, output = ansible_playbook(str(tmp_path / "show.yml"), {}, "-i", "tftp_root.yml", "-vvvvv")
    assert status == 0, output
    assert "<{{ 7 * 6 }}>" in output
    assert SECRET not in output


@pytest.mark.once
def test_cache(write, ansible_inventory, tmp_path):
    """What comes from it says the same, warnings included."""
    write(cache=True, cache_plugin="jsonfile", cache_connection="cache", addresses=[{"command": ["cat", "list"]}])
    lease = f"lease 10.0.0.6 {{ ends epoch 1; hardware ethernet {HALL[:6]}.{HALL[6:]}; }}\n"
    (tmp_path / "list").write_text(lease)
    first = ansible_inventory("--list")
    assert members(first[1])["phones_with_old_address"] == [f"SEP{HALL}"]
    assert "phones" not in members(first[1])
    assert f"1 phone with an address that may be old: SEP{HALL} may have left 10.0.0.6: its lease ended" in " ".join(first[2].split())
    (tmp_path / "list").write_text(f"10.0.0.7 {DESK}\n")
    assert ansible_inventory("--list") == first
    _status, inventory, said = ansible_inventory("--list", "--flush-cache")
    assert inventory["_meta"]["hostvars"][f"SEP{DESK}"]["ansible_host"] == "10.0.0.7"
    assert members(inventory)["phones"] == [f"SEP{DESK}"]
    assert not said


@pytest.mark.once
def test_an_audit_tells_the_same_as_the_root(write, ansible_inventory, ansible_playbook, tmp_path, root):
    write()
    here = ansible_inventory("--list")[1]
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "cisco79xx_verify_tftp": False}
    hosts = {"tftp_servers": {"hosts": {"pbx-1": {**local, "cisco79xx_tftp_root": str(root)}}}}
    status, output = ansible_playbook("audit.yml", hosts, "-e", f"report_dir={tmp_path}/report")
    assert status == 0, output
    assert SECRET not in (tmp_path / "report" / "audit.json").read_text()
    write(roots=[{"audit": "report/audit.json"}])
    _status, there, said = ansible_inventory("--list")
    assert not said
    assert members(there) == members(here)
    for inventory in (here, there):
        for variables in inventory["_meta"]["hostvars"].values():
            variables.pop("cisco79xx_address_time", None)
    assert there["_meta"] == here["_meta"]


@pytest.mark.once
def test_several_roots(write, ansible_inventory, tmp_path, root):
    second = tmp_path / "second"
    second.mkdir()
    (second / f"SIP{DESK}.cnf").write_text("line1_name: 1\n")
    (second / f"SIP{BARE}.cnf").write_text("telnet_level: 1\n")
    write(roots=[{"path": "root", "tftp_server": "pbx-1"}, {"path": str(second), "tftp_server": "pbx-2"}])
    _status, inventory, said = ansible_inventory("--list")
    fault = "has files in the roots of pbx-1 and pbx-2: keep them in that of its own TFTP server"
    assert f"1 phone with contradictions: SEP{DESK} {fault}" in " ".join(said.split())
    assert inventory["phones_with_contradictions"]["hosts"] == [f"SEP{DESK}"]
    hosts = inventory["_meta"]["hostvars"]
    assert "cisco79xx_tftp_server" not in hosts[f"SEP{DESK}"]
    assert (hosts[f"SEP{DESK}"]["cisco79xx_left_out"], hosts[f"SEP{HALL}"]["cisco79xx_tftp_server"]) == (fault, "pbx-1")
    assert inventory["cisco79xx_site_pbx_2"]["hosts"] == [f"SEP{BARE}"]


@pytest.mark.once
def test_a_rollout_over_it(site, tmp_path):
    """The phones are found, logged in to, reset and moved; the one without an address is named, and nothing happens to it."""
    old = "P0S3-08-2-00"
    here = site([{"image": old} for _number in range(3)])
    here.write_inventory(hosts={})
    (here.folder / "arp").write_text("".join(f"{phone['address']} {phone['mac']}\n" for phone in here.phones))
    asked = {"roots": [{"path": str(here.root), "tftp_server": "tftp1"}], "addresses": [{"command": ["cat", "arp"]}]}
    source = here.folder / "site.tftp_root.yml"
    source.write_text(yaml.safe_dump({"plugin": "voip.cisco79xx.tftp_root", **asked}))
    run = here.play("downgrade", "-i", str(source))
    assert run.status == 0, run.output
    assert run.statuses() == {f"SEP{phone['mac']}": "done" for phone in here.phones}
    assert set(here.running().values()) == {"P0S3-06-3-00"}


def links(root):
    (root / "SIP001122334455.cnf").symlink_to("/etc/passwd")
    (root / "sip001122334466.cnf").touch()


@pytest.mark.once
def test_what_is_only_warned_of(write, ansible_inventory, root):
    links(root)
    write(f"{DESK} 10.0.0.5\n{HALL} 10.0.0.6\n{DESK} 10.0.0.7\n\x1b]0;x\x07 {DOOR} 10.0.0.8 10.0.0.9\n")
    status, inventory, said = ansible_inventory("--list")
    assert status == 0
    words = " ".join(said.split())
    assert f"SIP001122334455.cnf is a symbolic link that leaves {root} (to /etc/passwd): put the file itself there" in words
    assert "sip001122334466.cnf is in the wrong case" in words
    assert f"line 4 has more than one IPv4 address beside {DOOR}" in words
    assert f"1 phone with contradictions: SEP{DESK} has more than one address of one age: 10.0.0.5 (" in words
    assert inventory["phones_with_contradictions"]["hosts"] == [f"SEP{DESK}"]
    assert inventory["phones_without_address"]["hosts"] == [f"SEP{DOOR}"]
    assert "\x1b" not in said


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no_root": ({"roots": [{"path": "nowhere"}]}, "roots: {0}/nowhere does not exist: name the folder that the TFTP server serves"),
    "root_is_a_file": ({"roots": [{"path": "addresses.txt"}]}, "roots: {0}/addresses.txt is a file, not a folder: name the folder"),
    "no_json": (
        {"roots": [{"audit": "addresses.txt"}]},
        "{0}/addresses.txt:1 is no JSON (Extra data): make it anew with: ansible-playbook",
    ),
    "json_of_another": ({"roots": [{"audit": "other.json"}]}, "{0}/other.json is not what an audit saves: make it anew with"),
    "audit_that_failed": (
        {"roots": [{"audit": "failed.json"}]},
        "the root of pbx could not be read by that audit (/srv/tftp does not exist)",
    ),
    "no_audit": ({"roots": [{"audit": ""}]}, "roots: entry 1 is empty: it takes a path or an audit"),
    "null_path": ({"roots": [{"audit": "failed.json"}, {"path": None}]}, "roots: entry 2 is empty: it takes a path or an audit"),
    "empty_file": ({"addresses": [{"file": ""}]}, "addresses: entry 1 is empty: it takes a file or a command"),
    "no_words": ({"addresses": [{"file": "huge"}, {"command": []}]}, "addresses: entry 2 is empty: it takes a file or a command"),
    "a_blank_word": ({"addresses": [{"command": [" ", "x"]}]}, "addresses: entry 1 is empty: it takes a file or a command"),
    "twice": ({"roots": [{"path": "root", "tftp_server": "a b"}] * 2}, "roots: a b is there twice: leave one of them out"),
    "both": ({"roots": [{"path": "root", "audit": "other.json"}]}, "parameters are mutually exclusive: path|audit found in roots"),
    "no_mapping": ({"roots": ["root"]}, "roots: 'root' is no mapping"),
    "none": ({"roots": []}, "roots is empty: it takes at least one TFTP root"),
    "nameless": ({"roots": [{"path": "root"}, {"path": "root"}]}, "roots: root has no tftp_server: of several roots each needs the name"),
    "typing_error": ({"adresses": []}, "'adresses' is no option of voip.cisco79xx.tftp_root: see ansible-doc -t inventory"),
    "group": ({"phones_group": "a phone"}, "phones_group is 'a phone', which cannot be a group of phones"),
    "no_file": ({"addresses": [{"file": "nowhere"}]}, "{0}/nowhere cannot be read (No such file or directory): name a file that"),
    "a_pipe": ({"addresses": [{"file": "pipe"}]}, "{0}/pipe cannot be read (it is a named pipe): name a file that"),
    "binary": ({"addresses": [{"file": "binary"}]}, "{0}/binary:2 has a byte that no text has (NUL): name a text, or a TFTP log with"),
    "huge": ({"addresses": [{"file": "huge"}]}, "{0}/huge has 100 MiB, and 64 are read at most: give a command that writes what concerns"),
    "no_command": (
        {"addresses": [{"command": ["no-such"]}]},
        "the command no-such cannot be run (No such file or directory): see that it is",
    ),
    "fails": ({"addresses": [{"command": ["sh", "-c", "echo a b >&2; exit 3"]}]}, "the command sh ended with status 3: a b"),
    "hangs": (
        {"addresses": [{"command": ["sh", "-c", "sleep 98 & sleep 99"], "timeout": 0.5}]},
        "the command sh took more than 0.5 s and was ended: see what it waits for, or give a longer timeout",
    ),
    "no_end": ({"addresses": [{"command": ["yes"]}]}, "the command yes wrote more than 64 MiB and was ended: let it write what concerns"),
    "kind": ({"addresses": [{"file": "huge", "kind": "x"}]}, "value of kind must be one of: dhcpd, kea, asterisk, table, lines, tftp_log"),
    "timeout": ({"addresses": [{"file": "huge", "timeout": -1}]}, "addresses: timeout takes a number of seconds above 0 and below 100000"),
}


@pytest.mark.once
def test_what_is_refused(write, ansible_inventory, tmp_path):
    """Each with one sentence, and without any host."""
    (tmp_path / "other.json").write_text('{"roots": {"pbx": {"phones": [1], "others": {}}}}')
    (tmp_path / "failed.json").write_text('{"roots": {"pbx": {"error": "/srv/tftp does not exist"}}}')
    (tmp_path / "binary").write_bytes(b"a\n\0")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(100 << 20)
    os.mkfifo(tmp_path / "pipe")
    sources = []
    for name, (options, _sentence) in BAD.items():
        write(**options)
        (tmp_path / "tftp_root.yml").rename(tmp_path / f"{name}.tftp_root.yml")
        sources += ["-i", f"{name}.tftp_root.yml"]
    write(roots=[{"path": "nowhere at all"}])
    _status, inventory, said = ansible_inventory("--list", *sources)
    words = " ".join(said.split())
    assert [sentence for _options, sentence in BAD.values() if sentence.format(tmp_path) not in words] == []
    assert "Traceback" not in said
    assert not members(inventory)
    until = time.monotonic() + 5
    while processes_of(tmp_path):
        assert time.monotonic() < until, "something is left behind"
        time.sleep(0.05)
