# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every command of README and the guides is run as it stands there, in the order in which a user would, or is told here why not.

The user has the inventory of inventory.example.yml, ansible.cfg.example, and the tftp_root.yml of docs/inventory.md; only addresses, ports
and paths are those of a simulated site.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from ansible_collections.voip.cisco79xx.tests.simulator.fleet import address
from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, PORT, Site, embedded

pytestmark = pytest.mark.once

HERE = Path(__file__).parents[2]
GUIDES = [HERE / "README.md", HERE / "CONTRIBUTING.md", HERE / "SECURITY.md", *sorted((HERE / "docs").rglob("*.md"))]
NOXFILE = (HERE / "noxfile.py").read_text(encoding="utf-8")
OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
MACS = {"SEP000E84C060A6": "000E84C060A6", "reception": "0014638ADF5E"}  # those of inventory.example.yml
VAULT = "group_vars/phones/vault.yml"

DOWNGRADE = f"ansible-playbook voip.cisco79xx.downgrade -i inventory.yml -e image={NEW}"
STORY = [
    f"mkdir -p {Path(VAULT).parent}",
    f"ansible-vault create {VAULT}",
    "ansible-doc voip.cisco79xx.image_version",
    "ansible-doc -t connection voip.cisco79xx.telnet",
    "ansible-doc -t inventory voip.cisco79xx.tftp_root",
    "ansible-doc -t role voip.cisco79xx.rollout",
    "ansible-inventory -i tftp_root.yml --graph",
    "ansible phones -i inventory.yml -m voip.cisco79xx.phone_info",
    "ansible SEP000E84C060A6 -i inventory.yml -m voip.cisco79xx.phone_info",
    "ansible SEP000E84C060A6 -i inventory.yml -m ansible.builtin.raw -a 'show register'",
    "ansible tftp_servers -i inventory.yml -m voip.cisco79xx.tftp_root_info -a 'tftp_root=/srv/tftp'",
    "ansible-playbook voip.cisco79xx.prepare -i inventory.yml --check --diff",
    "ansible-playbook voip.cisco79xx.audit -i inventory.yml",
    "ansible-playbook voip.cisco79xx.audit -i inventory.yml -e report_dir=report",
    f"{DOWNGRADE} --check --diff",
    f"{DOWNGRADE} --limit SEP000E84C060A6 -e scope=wave",
    DOWNGRADE,
    "ansible-playbook voip.cisco79xx.rollback -i inventory.yml",
    "ansible-playbook voip.cisco79xx.diagnose -i inventory.yml",
    "ansible-playbook voip.cisco79xx.diagnose -i inventory.yml -e since=2h",
]
"""They are run in this order by test_the_way_of_a_user."""

INSTALL = ["ansible-galaxy collection install .", "ansible-galaxy collection install --force ."]
"""They are run by test_install_and_update."""

NOT_RUN = {
    "python3 -m venv ~/ansible && . ~/ansible/bin/activate": "another environment than that of the tests",
    "pip install 'ansible-core>=2.19' 'telnetlib3>=4,<6'": "fetches packages: test_requirements sees that the tests' own fit",
    "git pull": "fetches the next version",
    "git tag -a 0.1.0 -m 0.1.0": "makes a release",
    "ansible-galaxy collection publish .nox/work/build/collections/voip-cisco79xx-0.1.0.tar.gz": "makes a release",
}
"""Their shell is checked by test_syntax."""


def blocks(text: str, language: str) -> list[str]:
    """What stands in blocks of this language, also in those of lists."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def documented() -> dict[str, str]:
    """All commands, with the guide that has them first: lines of blocks, and what a sentence names with all that it needs."""
    commands: dict[str, str] = {}
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        lines = [line for language in ("shell", "console") for block in blocks(text, language) for line in block.splitlines() if line]
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        lines += re.findall(r"`((?:ansible(?:-\w+)?|antsibull-\w+|tests/run) [^`…]+)`", prose)
        for line in lines:
            commands.setdefault(line.removeprefix("$ "), guide.name)
    return commands


def of_nox(command: str) -> bool:
    """Whether a session of noxfile.py runs this command, or is what `tests/run` calls here."""
    words = shlex.split(command)
    if words[0] != "tests/run":
        return ", ".join(f'"{word}"' for word in words) in NOXFILE
    sessions = re.findall(r"@nox\.session.*\ndef (\w+)", NOXFILE)
    asked = words[1 : words.index("--")] if "--" in words else words[1:]
    return asked == ["-l"] or all(re.sub(r"-3\.\d+$", "", session) in sessions for session in asked)


def test_each_is_known():
    commands = documented()
    unknown = {
        command: guide
        for command, guide in commands.items()
        if command not in STORY and command not in INSTALL and command not in NOT_RUN and not of_nox(command)
    }
    assert not unknown, "run these in STORY, or say in NOT_RUN why that cannot be"
    assert {*STORY, *INSTALL, *NOT_RUN} <= set(commands), "no guide has it any more"


@pytest.mark.parametrize("command", [*NOT_RUN, *(block for guide in GUIDES for block in blocks(guide.read_text(encoding="utf-8"), "sh"))])
def test_syntax(command):
    """Also of the scripts of docs/ci.md, which test_ci_recipes runs."""
    done = subprocess.run(["sh", "-n"], input=command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_requirements():
    """What README has people install is what the collection asks for, and what the tests run with."""
    (line,) = (command for command in NOT_RUN if command.startswith("pip install"))
    told = {Requirement(word).name: Requirement(word) for word in shlex.split(line)[2:]}
    for text in (HERE / "tests/requirements-ansible.txt").read_text(encoding="utf-8").splitlines():
        if "==" in text:
            pinned = Requirement(text)
            assert told[pinned.name].specifier.contains(str(pinned.specifier).removeprefix("=="))
    runtime = yaml.safe_load((HERE / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert told["ansible-core"].specifier.contains(runtime["requires_ansible"].removeprefix(">="))
    asked = map(Requirement, re.findall(r"^telnetlib3.*", (HERE / "meta/ee-requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert [one.specifier for one in asked] == [told["telnetlib3"].specifier]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Site]:
    """A site, in whose folder a user works who follows README."""
    phones = [{"name": name, "mac": mac, "image": OLD} for name, mac in MACS.items()]
    with Site(tmp_path / "site", phones, server=embedded) as site:
        folder = site.folder
        os.symlink(site.root, folder / "srv-tftp")
        inventory = yaml.safe_load((HERE / "inventory.example.yml").read_text(encoding="utf-8"))
        assert list(inventory["phones"]["hosts"]) == list(MACS)
        for number, name in enumerate(MACS):
            inventory["phones"]["hosts"][name]["ansible_host"] = address(number)
        inventory["phones"]["vars"]["ansible_port"] = PORT
        inventory["tftp_servers"]["hosts"]["pbx"].update(
            ansible_connection="local",
            ansible_python_interpreter=sys.executable,
            ansible_become=False,
            cisco79xx_tftp_root=str(site.root),
            cisco79xx_state_dir=str(folder / "state"),
            cisco79xx_tftp_log=str(folder / "tftpd.log"),
        )
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
        (folder / "ansible.cfg").write_text((HERE / "ansible.cfg.example").read_text(encoding="utf-8"))
        found = blocks((HERE / "docs/inventory.md").read_text(encoding="utf-8"), "yaml")[0]
        found = found.replace("/srv/tftp", str(site.root)).replace("/var/lib/misc/dnsmasq.leases", "dnsmasq.leases")
        (folder / "tftp_root.yml").write_text(found)
        (folder / "dnsmasq.leases").write_text(f"{time.time() + 3600:.0f} 00:0e:84:c0:60:a6 {address(0)} SEP000E84C060A6 *\n")
        (folder / "bin").mkdir()
        # What is not there, or would ask somebody.
        for name, script in {
            "ip": f"echo '{address(1)} dev voice lladdr 00:14:63:8a:df:5e REACHABLE'",
            "editor": f"""echo 'vault_phone_password: "{PASSWORD}"' > "$1\"""",
            "vault-password": "echo of the vault",
        }.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / "bin" / name).chmod(0o755)
        yield site


def run(site: Site, command: str) -> tuple[int, str]:
    """As somebody in a terminal types it: (exit status, what it prints)."""
    environment = site.environment()
    environment |= {
        "PATH": f"{site.folder / 'bin'}:{environment['PATH']}",
        "EDITOR": "editor",
        "PAGER": "cat",
        "ANSIBLE_VAULT_PASSWORD_FILE": "bin/vault-password",
        "TERM": "dumb",
    }
    terminal, end = os.openpty()
    with (site.folder / "output").open("w+") as output:
        # ansible-vault edits in a terminal only; nothing else asks for one.
        streams = {"stdout": end, "stderr": end} if "vault" in command else {"stdout": output, "stderr": output}
        line = command.replace("/srv/tftp", str(site.folder / "srv-tftp"))
        done = subprocess.run(["sh", "-c", line], cwd=site.folder, env=environment, stdin=end, timeout=100, check=False, **streams)
        output.seek(0)
        printed = output.read()
    for descriptor in (terminal, end):
        os.close(descriptor)
    assert "[DEPRECATION WARNING]" not in printed and PASSWORD not in printed, printed
    return done.returncode, printed


def write_log(path: Path) -> None:
    """Both phones boot 6.3 and get all that they ask for, in the words of atftpd, which says whom it served what."""
    lines = []
    began = time.time() - 600
    for number in range(len(MACS)):
        mac = list(MACS.values())[number]
        for step, file in enumerate(("OS79XX.TXT", "SIPDefault.cnf", f"SIP{mac}.cnf", "RINGLIST.DAT", "dialplan.xml")):
            stamp = time.strftime("%b %d %H:%M:%S", time.localtime(began + 10 * number + step))
            lines.append(f"{stamp} pbx atftpd[77.{10 * number + step}]: Serving {file} to {address(number)}:{50000 + step}")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.timeout(600)
def test_the_way_of_a_user(user):
    write_log(user.folder / "tftpd.log")
    printed: dict[str, str] = {}
    for command in STORY:
        status, printed[command] = run(user, command)
        assert status == 0, f"{command}\n{printed[command]}"
        if command.startswith(DOWNGRADE):
            there = {DOWNGRADE: [NEW, NEW], f"{DOWNGRADE} --limit SEP000E84C060A6 -e scope=wave": [NEW, OLD]}
            assert list(user.running().values()) == there.get(command, [OLD, OLD]), printed[command]
        if "rollback" in command:
            assert list(user.running().values()) == [NEW, OLD], "the last run moved one phone, and that is taken back"
    assert (user.folder / VAULT).read_text().startswith("$ANSIBLE_VAULT")
    graph = printed["ansible-inventory -i tftp_root.yml --graph"]
    assert all(f"SEP{mac}" in graph.partition("@phones:")[2].partition("@")[0] for mac in MACS.values()), graph
    assert "LINE REGISTRATION TABLE" in printed["ansible SEP000E84C060A6 -i inventory.yml -m ansible.builtin.raw -a 'show register'"]
    assert (user.folder / "report/audit.json").exists()
    assert all(phone in printed[f"{DOWNGRADE} --check --diff"] for phone in MACS)
    healthy = json.loads((user.folder / "cisco79xx-report/diagnose.json").read_text())
    assert [phone["verdict"] for phone in healthy["phones"].values()] == ["healthy", "healthy"]


def test_install_and_update(tmp_path):
    """From a checkout in which a user keeps what is theirs all the same: none of it is installed."""
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    files = ["galaxy.yml", "README.md", "CHANGELOG.md", "meta/runtime.yml", "inventory.example.yml", "ansible.cfg.example"]
    private = ["inventory.yml", "tftp_root.yml", "ansible.cfg", "vault-password", VAULT, "host_vars/pbx.yml", ".demo/finished/report.html"]
    private += ["cisco79xx-report/report.json", "inventory/hosts.yml"]
    for name in files:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((HERE / name).read_bytes())
    for name in private:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("[defaults]\n" if name == "ansible.cfg" else "mine\n")
    home.mkdir()
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
    for command in INSTALL:
        done = subprocess.run(
            ["sh", "-c", command], cwd=checkout, env=environment, text=True, capture_output=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    installed = home / ".ansible/collections/ansible_collections/voip/cisco79xx"
    there = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert there == {*files, "MANIFEST.json", "FILES.json"} - {"galaxy.yml"}
