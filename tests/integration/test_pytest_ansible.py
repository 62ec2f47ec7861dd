# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single modules through Ansible's own API, by the fixtures of pytest-ansible, which announces its end for December 2026.

Nothing else uses it: to drop it is to delete this file and its line in tests/requirements-pytest.txt.
"""

from __future__ import annotations

import sys

import pytest
from pytest_ansible.module_dispatcher.v213 import ModuleDispatcherV213

from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

pytestmark = [
    pytest.mark.filterwarnings("ignore:Host management is deprecated:DeprecationWarning"),  # its announcement
    pytest.mark.filterwarnings("ignore:AnsibleCollectionFinder has already been configured:UserWarning"),
]

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
PHONE = "001122AABBCC"


@pytest.fixture
def root(tmp_path):
    """A TFTP root with both images, and a phone that is told the old one by two files."""
    made = tmp_path / "tftp"
    made.mkdir()
    (made / "SIPDefault.cnf").write_text(f'image_version: "{OLD}"\nphone_password: "hunter2"\n')
    (made / f"SIP{PHONE}.cnf").write_text(f"image_version: {OLD}\n")
    (made / "OS79XX.TXT").write_text("P003-08-2-00\n")
    for image in OLD, NEW:
        make_image(made, image)
    return made


@pytest.fixture
def module(ansible_adhoc, root, tmp_path, monkeypatch):
    """Calls a module of the collection on two TFTP hosts, which both are this machine: what each says."""
    inventory = tmp_path / "inventory"
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"[tftp_servers]\npbx {local} cisco79xx_tftp_root={root}\ncopy {local}\n")

    def call(name, pattern="pbx", check=False, **arguments):
        hosts = ansible_adhoc(inventory=str(inventory), host_pattern=pattern)
        with monkeypatch.context() as patch:
            # pytest-ansible takes --check, and does not hand it on to Ansible.
            play = ModuleDispatcherV213._build_play_ds
            patch.setattr(ModuleDispatcherV213, "_build_play_ds", lambda self, given: {**play(self, given), "check_mode": check})
            answers = getattr(hosts[pattern], f"voip.cisco79xx.{name}")(tftp_root=str(root), **arguments)
        return {host: dict(answer) for host, answer in answers.contacted.items()}

    return call


def told(root):
    return {path.name: path.read_bytes() for path in root.iterdir()}


def test_an_image_in_check_mode_for_real_and_back(module, root, tmp_path):
    changes = {"state_dir": str(tmp_path / "state")}
    before = told(root)
    foreseen = module("image_version", check=True, image=NEW, **changes)["pbx"]
    assert foreseen["changed"] and told(root) == before and not (tmp_path / "state").exists()

    done = module("image_version", image=NEW, **changes)["pbx"]
    assert done["changed"] and done["image"] == NEW
    assert (root / "OS79XX.TXT").read_text() == f"{NEW}\n"
    assert (root / f"SIP{PHONE}.cnf").read_text() == f"image_version: {NEW}\n"
    assert not module("image_version", image=NEW, **changes)["pbx"]["changed"]

    assert module("tftp_root_undo", **changes)["pbx"]["changed"]
    assert told(root) == before


def test_what_is_in_a_root(module):
    """Of every host of a group."""
    answers = module("tftp_root_info", "tftp_servers")
    assert set(answers) == {"pbx", "copy"}
    for answer in answers.values():
        assert not answer["changed"] and "hunter2" not in str(answer)
        assert list(answer["phones"]) == [PHONE]


def test_what_is_refused(module, root):
    before = told(root)
    answer = module("image_version", image="POS3-06-3-00")["pbx"]
    assert answer["failed"] and "P0S3-06-3-00" in answer["msg"]
    assert told(root) == before


def test_a_module_that_there_is_not(localhost):
    with pytest.raises(Exception, match="image_versions"):
        getattr(localhost, "voip.cisco79xx.image_versions")()


def test_modules_by_name(ansible_module):
    """The collection's modules are found by the fixture that most people use, for the host pattern of the command line."""
    assert ansible_module.has_module("voip.cisco79xx.tftp_root_info") == "voip.cisco79xx.tftp_root_info"
