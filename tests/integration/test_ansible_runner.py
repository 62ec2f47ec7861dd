# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of ansible-runner, which AWX, the Automation Platform and ansible-navigator run playbooks with: docs/awx.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
import yaml

from ansible_collections.voip.cisco79xx.tests.simulator.netns import Namespace, no_network
from ansible_collections.voip.cisco79xx.tests.simulator.site import PASSWORD, Site, embedded, processes_of

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
GUIDE = Path(__file__).parents[2] / "docs/awx.md"
RUNNER = str(Path(sys.executable).with_name("ansible-runner"))
OPTIONS = {"image": NEW, "wait_timeout": 20, "waves": [1, "100%"]}
JOB = {"awx_job_id": 7, "awx_job_template_name": "phones of one site", "tower_job_id": 7, "tower_job_template_name": "phones of one site"}
"""What AWX tells a job about itself, as extra variables."""


class Job:
    """A folder as AWX makes for each job: inventory, project, options, and nothing of an earlier one."""

    def __init__(self, folder: Path, site: Site, *, inventory: dict[str, Any] | None = None, check: bool = False, **options: Any) -> None:
        self.folder = folder
        for part in "inventory", "project", "env":
            (folder / part).mkdir(parents=True)
        hosts = folder / "inventory/hosts.json"
        hosts.write_text(site.inventory.read_text() if inventory is None else json.dumps(inventory))
        (folder / "project/phones.yml").write_text("- import_playbook: voip.cisco79xx.downgrade\n")
        (folder / "env/extravars").write_text(json.dumps({**OPTIONS, **JOB, "report_dir": str(folder / "report"), **options}))
        # How often it looks whether it is cancelled
        (folder / "env/settings").write_text(json.dumps({"pexpect_timeout": 1}))
        settings = {key: value for key, value in site.environment().items() if key.startswith(("ANSIBLE_", "PYTHONPATH", "PATH"))}
        (folder / "env/envvars").write_text(json.dumps({**settings, "AWX_PRIVATE_DATA_DIR": str(folder)}))
        if check:
            (folder / "env/cmdline").write_text("--check --diff")

    def run(self) -> int:
        """Its exit status."""
        command = [RUNNER, "run", str(self.folder), "-p", "phones.yml", "--ident", "job"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, timeout=100, check=False).returncode

    def transmitted(self, through: Namespace) -> int:
        """Its exit status, when a worker runs it that is in this namespace and gets it, and answers, through pipes."""
        worker = self.folder.with_name(f"{self.folder.name}-worker")
        worker.mkdir()
        pipe = subprocess.PIPE
        send = subprocess.Popen([RUNNER, "transmit", str(self.folder), "-p", "phones.yml", "--ident", "job"], stdout=pipe)
        with through.inside():
            work = subprocess.Popen([RUNNER, "worker", "--private-data-dir", str(worker)], stdin=send.stdout, stdout=pipe)
        take = subprocess.Popen([RUNNER, "process", str(self.folder), "--ident", "job"], stdin=work.stdout, stdout=subprocess.DEVNULL)
        for process in send, work, take:
            process.wait(100)
        return int((self.folder / "artifacts/job/rc").read_text())

    @property
    def events(self) -> list[dict[str, Any]]:
        """In their order."""
        folder = self.folder / "artifacts/job/job_events"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"), key=lambda path: int(path.name.partition("-")[0]))]

    @property
    def said(self) -> str:
        """What its events show: people see nothing else of it."""
        return "\n".join(event["stdout"] for event in self.events)

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.folder / "report/report.json").read_text())
        return report


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site", [{"name": f"phone{number}"} for number in range(6)], server=embedded, time_scale=0.05) as site:
        yield site


def test_an_approver_sees_the_plan(small, tmp_path):
    before = small.digest()
    job = Job(tmp_path / "job", small, check=True)
    assert job.run() == 0, job.said
    said = [event["stdout"] for event in job.events if event["event"] == "verbose"]
    assert any("6 to move in 2 waves" in line for line in said)
    assert any("phone0" in line and OLD in line for line in said)
    assert [event for event in job.events if event["event"] == "runner_on_file_diff"]
    handed_on = job.events[-1]["event_data"]["artifact_data"]["cisco79xx_rollout"]
    assert (handed_on["outcome"], handed_on["image"], handed_on["counts"]["planned"]) == ("would_start", NEW, 6)
    assert small.digest() == before and not any(small.resets().values())


@pytest.mark.once
def test_the_password_of_the_credential_type(small, tmp_path):
    """It stands in no inventory, and in nothing that AWX shows or keeps."""
    found = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (injector,) = [block for block in map(yaml.safe_load, found) if "extra_vars" in block]
    (name,) = [name for name, value in injector["extra_vars"].items() if value == "{{ phone_password }}"]
    inventory = json.loads(small.inventory.read_text())
    del inventory["phones"]["vars"]["ansible_password"]
    job = Job(tmp_path / "job", small, inventory=inventory, check=True, **{name: PASSWORD})
    assert job.run() == 0, job.said
    kept = [path for folder in ("artifacts", "report") for path in (job.folder / folder).rglob("*") if path.is_file()]
    assert kept and not any(PASSWORD in path.read_text() for path in kept)


@pytest.mark.once
def test_a_cancelled_job_and_the_next_in_a_fresh_folder(small, tmp_path):
    """A cancelled job is killed, and its folder is gone."""

    def second_wave() -> bool:
        return sum(small.resets().values()) >= 3

    first = Job(tmp_path / "first", small, waves=[1, 2, "100%"])
    ended = ansible_runner.run(
        private_data_dir=str(first.folder), playbook="phones.yml", ident="job", cancel_callback=second_wave, quiet=True
    )
    assert (ended.status, ended.rc) == ("canceled", 254)
    until = time.monotonic() + 20
    while processes_of(small.folder):  # a container takes them with it; without one they see that nobody reads them
        assert time.monotonic() < until
        time.sleep(0.1)
    assert 3 <= sum(small.resets().values()) < 6
    shutil.rmtree(first.folder)
    small.simulator.wait(lambda state: all(phone["status"] == "up" for phone in state.values()))
    second = Job(tmp_path / "second", small)
    assert second.run() == 0, second.said
    assert set(small.running().values()) == {NEW} and set(small.resets().values()) == {1}


def test_a_slice_moves_nobody(small, tmp_path):
    before = small.digest()
    template = JOB["awx_job_template_name"]
    job = Job(tmp_path / "slice", small, awx_workflow_job_name=template, tower_workflow_job_name=template)
    assert job.run() != 0
    assert f"this job is a slice of the job template {template}" in job.said and "set Job Slicing to 1" in job.said
    assert small.digest() == before and not any(small.resets().values())


@pytest.mark.once
def test_check_and_apply_as_a_workflow(small, tmp_path):
    """They have nothing in common but a folder of the node. AWX gives the second job what the first has handed on, as an extra variable."""
    kept = tmp_path / "north"
    workflow: dict[str, Any] = {"awx_workflow_job_name": "check, approve, apply", "report_dir": str(kept)}
    check = Job(tmp_path / "check", small, check=True, **workflow)
    assert check.run() == 0, check.said
    handed_on = check.events[-1]["event_data"]["artifact_data"]
    shutil.rmtree(check.folder)
    apply = Job(tmp_path / "apply", small, plan=str(kept / "plan.json"), **workflow, **handed_on)
    assert apply.run() == 0, apply.said
    assert set(small.running().values()) == {NEW} and set(small.resets().values()) == {1}


@pytest.mark.once
def test_a_job_without_the_tftp_host_of_its_phones(small, tmp_path):
    inventory = json.loads(small.inventory.read_text())
    inventory["phones"]["vars"]["cisco79xx_tftp_server"] = "pbx-south"
    job = Job(tmp_path / "job", small, inventory=inventory)
    assert job.run() != 0
    assert "does not have: pbx-south" in job.said and "set Job Slicing to 1" in job.said
    assert not any(small.resets().values())


@pytest.mark.once
def test_two_sites_by_workers_from_which_alone_their_phones_are_reached(tmp_path):
    """As a mesh carries it. The phones of both have the same addresses, each in a network of its own."""
    missing = no_network()
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {missing}")
    with ExitStack() as stack:
        jobs: dict[str, tuple[Job, Site, Namespace]] = {}
        for name in "north", "south":
            network = Namespace()
            stack.callback(network.close)
            with network.inside():
                phones = [{"name": f"{name}{number}"} for number in range(100)]
                site = stack.enter_context(Site(tmp_path / name, phones, server=embedded))
            jobs[name] = Job(tmp_path / f"{name}-job", site), site, network
        elsewhere = Job(tmp_path / "elsewhere", jobs["north"][1])
        assert elsewhere.run() != 0 and not any(jobs["north"][1].resets().values())

        threads = [threading.Thread(target=job.transmitted, args=(network,)) for job, _site, network in jobs.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(110)
        for name, (job, site, _network) in jobs.items():
            assert (job.folder / "artifacts/job/rc").read_text() == "0", job.said
            assert "100 to move in 2 waves" in job.said
            assert set(site.running().values()) == {NEW} and set(site.resets().values()) == {1}
            assert {phone["status"] for phone in job.report["phones"].values()} == {"done"} and name in job.said
