# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phones of a root, read without looking for faults."""

from __future__ import annotations

import json

from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import ANYBODY
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.audit import survey
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.foresight import Foresight
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.phones import others, phones
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root

SECRET = "Zq7token"


def lay_out(folder, **files):
    for name, text in files.items():
        path = folder / (name if "." in name else f"{name}.cnf")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = phones(Root(str(folder)))
    assert found == survey(Root(str(folder)), ANYBODY)["phones"]
    assert SECRET not in json.dumps(found)
    return found


def test_lines_and_label(tmp_path):
    own = (
        'line10_name: ten\r\nLine2_Name: "two" ; c\nline1_authname: one\nline1_password: Zq7token\nline2_displayname: UNPROVISIONED\n'
        'line3_shortname: ;\nline0_name: x\nphone_label: "A "\nphone_label: B\nlinex_name: y\n'
    )
    (phone,) = lay_out(tmp_path, SIP001122AABBCC=own, SIPDefault="phone_label: all\ntelnet_level: 7\n").values()
    blank = {"name": None, "authname": None, "displayname": None, "shortname": None}
    assert phone["lines"] == [
        {"line": 1, **blank, "authname": "one"},
        {"line": 2, **blank, "name": "two"},
        {"line": 10, **blank, "name": "ten"},
    ]
    assert (phone["label"], phone["telnet_level"], phone["effective_telnet_level"]) == ("B", None, 0)


def test_what_might_be_a_secret_or_do_harm(tmp_path):
    own = (
        f"phone_label: a phone_password: {SECRET}\nline1_name: \x1b[2J\nline1_displayname: {'x' * 500}\nline1_authname: mySecret{SECRET}\n"
    )
    (phone,) = lay_out(tmp_path, SIP001122AABBCC=own).values()
    (line,) = phone["lines"]
    assert (phone["label"], line["name"], line["authname"]) == ("a phone_********", "\\x1b[2J", "my********")
    assert len(line["displayname"]) == 80


def test_another_folder_and_a_link(tmp_path):
    files = {
        "SIPDefault": 'tftp_cfg_dir: "phones"\n',
        "SIP001122AABBCC": "phone_label: old\n",
        "phones/SIP001122AABBCC.cnf": "phone_label: new\n",
        "SIP001122AABBCE": "phone_label: same\n",
    }
    (tmp_path / "SIP001122AABBCD.cnf").symlink_to("SIP001122AABBCE.cnf")
    found = lay_out(tmp_path, **files)
    assert {mac: (phone["label"], phone["file"]) for mac, phone in found.items()} == {
        "001122AABBCC": ("new", "phones/SIP001122AABBCC.cnf"),
        "001122AABBCD": ("same", "SIP001122AABBCD.cnf"),
        "001122AABBCE": ("same", "SIP001122AABBCE.cnf"),
    }


def test_phones_without_a_sip_file(tmp_path):
    lay_out(tmp_path, SIP001122AABBCC="")
    loads = {"CC": "P0S3-8-12-00", "CD": "P0S3-8-12-00", "CE": "P00308010200", "CF": "SIP41.9-4-2"}
    for end, load in loads.items():
        (tmp_path / f"SEP001122AABB{end}.cnf.xml").write_text(f"<device><loadInformation>{load}</loadInformation></device>")
    (tmp_path / "sep001122aabbd0.cnf.xml").write_text("<device>")
    root = Root(str(tmp_path))
    assert others(Foresight(root), phones(root)) == {
        "001122AABBCD": {"file": "SEP001122AABBCD.cnf.xml", "kind": "SIP"},
        "001122AABBCE": {"file": "SEP001122AABBCE.cnf.xml", "kind": "SCCP"},
        "001122AABBCF": {"file": "SEP001122AABBCF.cnf.xml", "kind": "another model"},
        "001122AABBD0": {"file": "sep001122aabbd0.cnf.xml", "kind": None},
    }
