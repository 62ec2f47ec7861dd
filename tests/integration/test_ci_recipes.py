# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipes of docs/ci.md: their shell is run as it stands there, with the secret store's password in the environment."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, Site, embedded

GUIDE = (Path(__file__).parents[2] / "docs/ci.md").read_text(encoding="utf-8")
OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
VAULT_PASSWORD = "of the secret store"


def block(title: str, language: str) -> str:
    """The block of that language that follows this text."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE[GUIDE.index(title) :], re.DOTALL)
    assert found, title
    return found[1]


def github(job: str) -> list[str]:
    """The shell commands of a job, with what its actions do with files in their places."""
    steps = yaml.safe_load(block("## GitHub Actions", "yaml"))["jobs"][job]["steps"]
    fetched = {"actions/download-artifact@v4": "mv cisco79xx-report plan"}
    return [step["run"] if "run" in step else fetched.get(step["uses"], "true") for step in steps]


def gitlab(job: str) -> list[str]:
    commands: list[str] = yaml.safe_load(block("## GitLab CI", "yaml"))[job]["script"]
    return commands


def jenkins(job: str) -> list[str]:
    stages = dict(re.findall(r"stage\('(\w+)'\) \{(.*?)(?=\n    stage|\Z)", block("## Jenkins", "groovy"), re.DOTALL))
    return re.findall(r"\bsh '(.*?)'", stages[job.capitalize()])


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Site]:
    """A site whose inventory lies in a repository as docs/ci.md lays it out, the phones' password in a vault."""
    phones = [{"name": f"phone{number}"} for number in range(3)]
    with Site(tmp_path / "site", phones, server=embedded) as site:
        inventory = json.loads(site.inventory.read_text())
        del inventory["phones"]["vars"]["ansible_password"]
        folder = site.folder
        (folder / "inventory.yml").write_text(json.dumps(inventory))
        for name in "ci", "group_vars/phones":
            (folder / name).mkdir(parents=True)
        for name in "vault-password", "plan", "apply":
            (folder / "ci" / name).write_text(block(f"\n`ci/{name}`", "sh"))
        (folder / "ci/vault-password").chmod(0o755)
        options = yaml.safe_load(block("`rollout.yml` says", "yaml"))
        (folder / "rollout.yml").write_text(json.dumps({**options, "wait_timeout": 20}))
        (folder / "group_vars/phones/vault.yml").write_text(f"ansible_password: {PASSWORD}\n")
        done = shell(site, "ansible-vault encrypt --vault-password-file ci/vault-password group_vars/phones/vault.yml")
        assert done.returncode == 0, done.stdout
        yield site


def shell(site: Site, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**site.environment(), "CI": "true", "VAULT_PASSWORD": VAULT_PASSWORD, **variables}
    return subprocess.run(
        ["sh", "-c", command],
        cwd=site.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )


def report(site: Site) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((site.folder / "cisco79xx-report/report.json").read_text())
    return told


@pytest.mark.once
@pytest.mark.parametrize("recipe", [github, gitlab, jenkins])
def test_plan_and_apply(repository, recipe):
    before = repository.digest()
    summary = repository.folder / "job-summary.md"
    named = {"GITHUB_STEP_SUMMARY": str(summary)} if recipe is github else {}
    for command in recipe("plan"):
        done = shell(repository, command, **named)
        assert done.returncode == 0, done.stdout
    assert repository.digest() == before and not any(repository.resets().values())
    shown = (summary if named else repository.folder / "cisco79xx-report/summary.md").read_text()
    assert f"| phone0 | {OLD} | {NEW} | 1 |" in shown and f'+image_version: "{NEW}"' in shown

    for command in recipe("apply"):
        done = shell(repository, command, **named)
        assert done.returncode == 0, done.stdout
        assert PASSWORD not in done.stdout and VAULT_PASSWORD not in done.stdout
    assert set(repository.running().values()) == {NEW}
    assert report(repository)["rollout"]["finished"] and (repository.folder / "cisco79xx-report/junit.xml").exists()
    kept = [
        path.read_text() for folder in ("cisco79xx-report", "plan") for path in (repository.folder / folder).rglob("*") if path.is_file()
    ]
    assert kept and not any(secret in text for text in kept for secret in (PASSWORD, VAULT_PASSWORD))


@pytest.mark.once
def test_without_the_secret_nothing_happens(repository):
    before = repository.digest()
    for name in "plan", "apply":
        done = shell(repository, f"sh ci/{name}", VAULT_PASSWORD="another")
        assert done.returncode != 0 and "ecrypt" in done.stdout, done.stdout
    assert repository.digest() == before and not any(repository.resets().values())


@pytest.mark.once
def test_a_plan_that_is_no_longer_true_is_refused(repository):
    for command in gitlab("plan"):
        assert shell(repository, command).returncode == 0
    default = repository.root / "SIPDefault.cnf"
    default.write_bytes(default.read_bytes() + b"# somebody else\n")
    before = repository.digest()
    ended = [shell(repository, command) for command in gitlab("apply")]
    assert ended[-1].returncode != 0 and "SIPDefault.cnf" in ended[-1].stdout
    assert repository.digest() == before and not any(repository.resets().values())


def test_one_at_a_time():
    """Each recipe has a lock, an approval, and the report of a job that failed."""
    apply = yaml.safe_load(block("## GitHub Actions", "yaml"))["jobs"]["apply"]
    assert apply["concurrency"]["group"] and apply["environment"] and apply["steps"][-1]["if"] == "always()"
    apply = yaml.safe_load(block("## GitLab CI", "yaml"))["apply"]
    assert apply["resource_group"] and apply["rules"][0]["when"] == "manual" and apply["artifacts"]["when"] == "always"
    text = block("## Jenkins", "groovy")
    assert "lock(" in text and "input message:" in text and text.count("{") == text.count("}")
