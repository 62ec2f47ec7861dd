# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be run on this collection: `tests/run` for all that CI runs, `tests/run SESSION...` for a part.

Each session works on a copy of the checkout that lies where Ansible wants a collection to lie, with a home of its own,
so that nothing outside .nox is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.sessions = ["lint", "unit", "integration", "middle", "sanity-3.13", "build"]  # sanity-3.11 differs little, and takes as long
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"

HERE = Path(__file__).parent.resolve()
COLLECTION = "voip.cisco79xx"
FOLDER = "ansible_collections/voip/cisco79xx"
PYTHONS = ["3.11", "3.13"]  # with the oldest and the newest supported ansible-core: tests/requirements-ansible.txt
MEETING_ANSIBLE = [
    "tests/integration/test_single_commands.py",
    "tests/integration/test_ansible_runner.py",
    "tests/integration/test_audit.py",
    "tests/unit/plugins/plugin_utils/test_inventory.py",
]
"""Where the collection and ansible-core meet in most ways: playbooks, single modules, delegation, variables, and check mode."""


def prepare(session: nox.Session, *requirements: str) -> Path:
    """Install what the session needs, go to a fresh copy of the checkout, and return the folder that holds ansible_collections."""
    for name in requirements:
        session.install("-r", f"tests/requirements-{name}.txt")
    work = HERE / ".nox" / "work" / session.name
    # pytest-ansible knows a collection only below a folder of this name.
    root = work / "collections"
    shutil.rmtree(work, ignore_errors=True)
    for file in subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=HERE, text=True).split("\0")[:-1]:
        if (HERE / file).exists():
            (root / FOLDER / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / file, root / FOLDER / file)
    session.chdir(root / FOLDER)
    # ansible-lint and ansible-test ask git which files there are, and git must not answer with the checkout around.
    subprocess.run(["git", "init", "-q"], check=True)
    session.env.update(home(work / "home"), ANSIBLE_COLLECTIONS_PATH=str(root), PYTHONPATH=str(root))
    return root


def home(folder: Path) -> dict[str, str | None]:
    """Return an environment that has this home and none of the user's Ansible settings."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"HOME": str(folder), **dict.fromkeys(name for name in os.environ if name.startswith("ANSIBLE_"))}


@nox.session
def lint(session: nox.Session) -> None:
    """Form, types and licences; the cheap checks first."""
    root = prepare(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("reuse", "lint", "--quiet")
    session.run("yamllint", "--strict", ".")
    with session.chdir(root):
        session.run("mypy", "--config-file", f"{FOLDER}/pyproject.toml", f"{FOLDER}/plugins", f"{FOLDER}/tests")
    session.run("ansible-lint", "--offline")


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """What needs no Ansible process. What does not meet Ansible's code at all is seen with the newest Python alone."""
    prepare(session, "pytest")
    tests = ["tests/unit"] if session.python == PYTHONS[-1] else ["tests/unit/plugins/plugin_utils", "tests/unit/plugins/modules"]
    session.run("pytest", "-n", "2", *tests, *session.posargs)


@nox.session(python=PYTHONS)
def integration(session: nox.Session) -> None:
    """Playbooks, modules and plugins as a user calls them, against simulated phones and real TFTP servers."""
    prepare(session, "pytest")
    # What no version of Python or Ansible changes is seen once.
    once = [] if session.python == PYTHONS[-1] else ["-m", "not once"]
    # They wait for phones more than they compute, some for long.
    session.run("pytest", "-n", "4", "--dist", "worksteal", *once, "tests/integration", *session.posargs)


@nox.session(python="3.12")
def middle(session: nox.Session) -> None:
    """The supported ansible-core between the oldest and the newest, where it can make a difference."""
    prepare(session, "pytest")
    session.run("pytest", "-n", "4", "--dist", "worksteal", "-m", "not once", *MEETING_ANSIBLE, *session.posargs)


@nox.session(python=PYTHONS[-1])
def prerelease(session: nox.Session) -> None:
    """The next releases of what the collection runs with, before they are out. CI looks once a week; no change has to wait for it."""
    prepare(session, "pytest")
    session.install("--upgrade", "--pre", "ansible-core", "telnetlib3")
    session.run("ansible-playbook", "--version")
    session.run("pytest", "-n", "4", "--dist", "worksteal", *MEETING_ANSIBLE, *session.posargs)


@nox.session(python=PYTHONS)
def sanity(session: nox.Session) -> None:
    """Ansible's own tests of a collection. They must not share an environment with pytest-ansible."""
    prepare(session, "ansible")
    # ansible-test keeps virtual environments at home, fills them with pip, and wants a script there that brings pip itself.
    folder = HERE / ".nox" / "work" / "ansible-test"
    session.env.update(home(folder))
    for name in ".ansible/test/cache", ".cache", ".config":
        (folder / name).mkdir(parents=True, exist_ok=True)
    for version in "24_2", "25_2":  # what ansible-core 2.19 and 2.21 ask for
        (folder / f".ansible/test/cache/get_pip_{version}.py").write_text("import ensurepip\nensurepip.bootstrap()\n", encoding="utf-8")
    for name in ".cache/pip", ".config/pip":  # the user's pip settings still hold
        if not (folder / name).exists() and (Path.home() / name).is_dir():
            (folder / name).symlink_to(Path.home() / name)
    session.run("ansible-test", "sanity", "--local", "--color", "yes" if session.interactive else "no", *session.posargs)


def documentation(session: nox.Session, site: Path) -> None:
    """Build the site that shows the guides and the options, as Ansible's own does. No warning may be of ours."""
    site.mkdir()
    session.run("antsibull-docs", "sphinx-init", "--use-current", "--dest-dir", str(site), COLLECTION, silent=True)
    # With all that it prints, as Sphinx counts it as a failure if Ansible's documentation, to which some links lead, cannot be reached.
    told = str(session.run("bash", str(site / "build.sh"), silent=True, success_codes=[0, 1], external=True))
    apart = "failed to reach any of the inventories"
    theirs = rf"{apart}|undefined label: '(?!ansible_collections\.{COLLECTION})|reference target not found: ANSIBLE_"
    bad = [line for line in told.splitlines() if re.search("WARNING:|ERROR:", line)]
    if apart in told:
        bad = [line for line in bad if not re.search(theirs, line)]
    if bad or not (site / "build/html/collections/voip/cisco79xx/docsite/rollouts.html").exists():
        session.error("\n".join(bad or [told]))


@nox.session
def build(session: nox.Session) -> None:
    """The artifact: it builds, installs, is documented, and its playbooks load from what a minimal installation keeps."""
    root = prepare(session, "build")
    session.run("antsibull-changelog", "lint")
    if list(Path("changelogs/fragments").glob("*")):
        session.run("antsibull-changelog", "release")  # in the copy: the fragments make a changelog
    session.run("python", "docs/docsite/guides.py")
    session.run("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".")
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(root))
    (artifact,) = root.glob("*.tar.gz")
    # What Galaxy does with an upload. It ends well also if a module's documentation cannot be read. The session lint runs ansible-lint.
    session.chdir(root)
    told = session.run(
        "python", "-m", "galaxy_importer.main", str(artifact), env={"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}, silent=True
    )
    if "ERROR" in str(told):
        session.error(str(told))

    # Where a checkout lies in an ansible_collections itself, ansible-doc finds no roles in .nox.
    with tempfile.TemporaryDirectory() as folder:
        installed = Path(folder) / "installed"
        session.env.update(ANSIBLE_COLLECTIONS_PATH=str(installed), PYTHONPATH=None)
        session.run("ansible-galaxy", "collection", "install", "--offline", "-p", str(installed), str(artifact))
        documentation(session, Path(folder) / "site")
        for entry in (installed / FOLDER).iterdir():
            if entry.name not in {"meta", "plugins", "roles", "playbooks"}:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        session.run("ansible-doc", "--metadata-dump", COLLECTION, silent=True)
        for playbook in sorted((installed / FOLDER / "playbooks").glob("*.yml")):
            session.run("ansible-playbook", "--syntax-check", f"{COLLECTION}.{playbook.stem}")


@nox.session
def demo(session: nox.Session) -> None:
    """A fleet of simulated phones changes its firmware before your eyes; its reports stay in .demo. After --, --assets renews README's."""
    prepare(session, "pytest")
    session.run("python", "tests/demo/run.py", "--checkout", str(HERE), *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """All measurements, or after -- one script and its options. Their numbers mean something only on a quiet machine."""
    prepare(session, "pytest", "benchmarks")
    folder = Path("tests/benchmarks")
    for command in [session.posargs] if session.posargs else [[script.name] for script in sorted(folder.glob("bench_*.py"))]:
        session.run("python", str(folder / command[0]), *command[1:])
