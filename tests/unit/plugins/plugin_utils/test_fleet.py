# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From roots and audits to hosts, where that needs no Ansible."""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import ANYBODY
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.audit import survey
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import Place

MAC, OTHER = "000E84C060A6", "00124330BFB3"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / f"SIP{MAC}.cnf").write_text("line1_name: 1001\nline2_name: shared\n")
    (folder / f"SIP{OTHER}.cnf").write_text("line1_name: 1002\nline2_name: shared\n")
    (folder / "SIP001122334455.cnf").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def audit(tmp_path, root):
    """Writes an audit.json: of the root, changed by a function, or any text."""

    def write(change=None, text=None):
        saved = {"roots": {"pbx": json.loads(json.dumps(survey(Root(str(root)), ANYBODY)))}}
        if change:
            change(saved["roots"]["pbx"])
        (tmp_path / "audit.json").write_text(json.dumps(saved) if text is None else text)
        return str(tmp_path / "audit.json")

    return write


def made(sites, text=""):
    warnings: list[str] = []
    places = []
    if text:
        places = [Place(command=("printf", text))]
    return _fleet.hosts(sites, places, 1e9, warnings.append), warnings


def test_a_root_and_its_audit_make_the_same(root, audit):
    here, _warnings = made([_fleet.of_root(str(root), "pbx")])
    there, warnings = made(_fleet.of_audit(audit()))
    assert here == there
    assert warnings == [
        f"the root of pbx: SIP001122334455.cnf is a symbolic link that leaves {root} (to /etc/passwd): put the file itself there"
    ]


def test_a_telephone_system_joins_by_names_of_one_phone_only(root):
    table = "Name/username Host\\n1001/1001 10.0.0.5 D\\nshared/shared 10.0.0.6 D\\nsep00124330bfb3 10.0.0.7 D\\n"
    hosts, _warnings = made([_fleet.of_root(str(root), "")], table)
    assert {host["name"]: host["vars"].get("ansible_host") for host in hosts} == {f"SEP{MAC}": "10.0.0.5", f"SEP{OTHER}": "10.0.0.7"}
    assert all("cisco79xx_tftp_server" not in host["vars"] for host in hosts)


def test_a_phone_whose_address_may_be_old_is_not_driven(root):
    lease = f"lease 10.0.0.5 {{ ends epoch 1000; hardware ethernet {MAC[:6]}.{MAC[6:]}; }}\\n"
    hosts, warnings = made([_fleet.of_root(str(root), "")], lease)
    why = "may have left 10.0.0.5: its lease ended 11574 d 1 h before the command printf was written"
    assert hosts[0]["left_out_as"] == _fleet.OLD_ADDRESS
    assert hosts[0]["vars"]["ansible_host"] == "10.0.0.5"
    assert hosts[0]["vars"]["cisco79xx_left_out"] == why
    assert hosts[0]["vars"]["cisco79xx_address_doubt"] in why
    assert warnings[-1] == f"1 phone with an address that may be old: SEP{MAC} {why}"


@pytest.mark.parametrize("twice", [lambda here, audit: [here, here], lambda here, audit: [here, *audit]], ids=["two_roots", "an_old_audit"])
def test_a_tftp_host_that_is_there_twice(root, audit, twice):
    with pytest.raises(_fleet.FleetError, match=r"^roots: pbx is there twice: leave one of them out$"):
        made(twice(_fleet.of_root(str(root), "pbx"), _fleet.of_audit(audit())))


FAULTS = {
    "no_phone": (lambda root: (root / "os79xx.txt").touch(), []),
    "a_line": (lambda root: (root / "SIPDefault.cnf").write_text("telnet_level=2\nSIP000000000001.cnf\n"), []),
    "another_case": (
        lambda root: (root / "sip00124330bfb4.cnf").touch(),
        ["sip00124330bfb4.cnf is in the wrong case: that phone asks for SIP00124330BFB4.cnf: rename or remove it"],
    ),
    "beside_the_right_one": (lambda root: (root / f"sip{MAC}.cnf").touch(), []),
    "default": (
        lambda root: (root / "SIPDefault.cnf").mkdir(),
        ["SIPDefault.cnf is a folder, not a file: move it out of the way"],
    ),
    "folder": (
        lambda root: (root / "SIPDefault.cnf").write_text("tftp_cfg_dir: ../x\n"),
        ["SIPDefault.cnf tftp_cfg_dir '../x' leaves {0}: name a folder inside the root"],
    ),
}


@pytest.mark.parametrize(("change", "right"), FAULTS.values(), ids=FAULTS)
def test_faults_that_hide_a_phone_are_the_same_of_a_root_and_of_its_audit(root, audit, change, right):
    (root / "SIP001122334455.cnf").unlink()
    change(root)
    right = [text.format(root) for text in right]
    assert [_fleet.of_root(str(root), "pbx").faults, *(one.faults for one in _fleet.of_audit(audit()))] == [right, right]


def test_an_audit_that_is_too_large(audit, monkeypatch):
    path = audit()
    monkeypatch.setattr(_fleet, "MOST_AUDIT", 1 << 20)
    with open(path, "ab") as file:
        file.truncate(1 << 20)
        file.write(b" ")
    with pytest.raises(_fleet.FleetError, match=rf"^{path}: it has more than 1 MiB, which no audit has: make it anew with: "):
        _fleet.of_audit(path)


WRONG = {
    "phones": lambda root: root.update(phones=[]),
    "mac": lambda root: root["phones"].update({"x": root["phones"][MAC]}),
    "level": lambda root: root["phones"][MAC].update(effective_telnet_level="{{ x }}"),
    "lines": lambda root: root["phones"][MAC].update(lines={"a": 1}),
    "line": lambda root: root["phones"][MAC].update(lines=[{"line": "x"}]),
    "label": lambda root: root["phones"][MAC].update(label=7),
    "file": lambda root: root["phones"][MAC].update(file=None),
    "others": lambda root: root.update(others={MAC: "x"}),
    "faults": lambda root: root.update(faults=3),
    "fault": lambda root: root.update(faults=[{"file": "a"}]),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_no_audit_says(audit, change):
    path = audit(change)
    with pytest.raises(_fleet.FleetError) as caught:
        _fleet.of_audit(path)
    assert str(caught.value).startswith(f"{path} is not what an audit saves: make it anew with: ")


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", '{"roots": 3}', "{}", '{"roots": {"a": null}}', "[" * 100_000, "\udcff", '{"roots":']
)
def test_what_is_no_audit(audit, tmp_path, text):
    path = audit(text="")
    (tmp_path / "audit.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(_fleet.FleetError) as caught:
        _fleet.of_audit(path)
    assert "make it anew with: ansible-playbook voip.cisco79xx.audit -e report_dir=FOLDER" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_audit_of_before(audit):
    def older(root):
        del root["others"]

    with pytest.raises(_fleet.FleetError, match="the audit of pbx is of an older release, which told less of each phone: make it anew"):
        _fleet.of_audit(audit(older))


def test_what_others_wrote_into_it_is_made_harmless(audit):
    def change(root):
        phone = root["phones"][MAC]
        phone.update(label="\x1b[31mx", line1_password="Zq7token", file="a" * 500)
        phone["lines"][0].update(name="my password Zq7token", password="Zq7token")
        root["phones"][MAC] = copy.deepcopy(phone)

    (site,) = _fleet.of_audit(audit(change))
    told = json.dumps(site.phones[MAC])
    assert "Zq7token" not in told
    assert (site.phones[MAC]["label"], len(site.phones[MAC]["file"])) == ("\\x1b[31mx", 80)
