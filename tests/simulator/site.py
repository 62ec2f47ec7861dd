# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole site: a TFTP root and its server, simulated phones, an inventory, and ansible-playbook to change it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .fleet import address, mac
from .harness import Simulator
from .images import make_image

TREE = Path(__file__).parents[5]
PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
PASSWORD = "Sesam-open-42"
IMAGES = ("P0S3-06-3-00", "P0S3-07-4-00", "P0S3-07-5-00", "P0S3-08-2-00", "P0S3-8-12-00", "P0S30203")
TIME_SCALE = 0.01
PORT = 20000 + os.getpid() % 10000
"""Of the phones' telnet: two test runs on one machine do not meet."""
TFTPD = shutil.which("in.tftpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

Server = Callable[[Path, int], list[str]]
"""The command that serves a TFTP root on this port of 127.0.0.1, in the foreground."""


def tftpd_hpa(root: Path, port: int) -> list[str]:
    """Debian's usual server. It needs root's rights, to become another user."""
    assert TFTPD
    return [TFTPD, "--foreground", "--address", f"127.0.0.1:{port}", "--secure", "--user", "nobody", str(root)]


def embedded(root: Path, port: int) -> list[str]:
    """The server of this folder, for those without root's rights."""
    return [sys.executable, "-m", f"{__package__}.tftp_server", str(root), str(port)]


def without_deprecations(output: str) -> str:
    """The output of an Ansible command. Raises AssertionError if it warns of something that a later ansible-core will not have."""
    assert "[DEPRECATION WARNING]" not in output, output
    return output


def processes_of(folder: Path) -> list[str]:
    """Numbers of the processes of an Ansible that was started for the site in that folder."""

    def environment(process: Path) -> bytes:
        try:
            return (process / "environ").read_bytes()
        except OSError:
            return b""

    mark = f"ANSIBLE_CONFIG={folder}".encode()
    return [process.name for process in Path("/proc").glob("[0-9]*") if mark in environment(process)]


@dataclass
class Run:
    """How an Ansible command ended."""

    status: int
    output: str
    report: dict[str, Any] | None

    def statuses(self) -> dict[str, str]:
        assert self.report, self.output
        return {name: phone["status"] for name, phone in self.report["phones"].items()}

    def recap(self, host: str) -> dict[str, int]:
        """The counts that PLAY RECAP has for a host; empty for one that is not listed."""
        for line in self.output.partition("PLAY RECAP")[2].splitlines():
            name, _colon, counts = line.partition(":")
            if name.strip() == host:
                return {key: int(value) for key, _equals, value in (count.partition("=") for count in counts.split())}
        return {}


class Site:
    """`phones`: the phones of the fleet file, each a dict that may also hold `inventory` (its variables) and `cnf` (bytes)."""

    def __init__(
        self,
        folder: Path,
        phones: Iterable[Mapping[str, Any]],
        default: str = "P0S3-08-2-00",
        server: Server = tftpd_hpa,
        **fleet: Any,
    ) -> None:
        self.folder = folder
        self.root = folder / "tftp root"
        self.inventory = folder / "inventory.json"
        self.controller = folder
        self.report_dir = folder / "report"
        self.phones = [dict(phone) for phone in phones]
        self._fleet = fleet
        self._command = server
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._build(default)
        (folder / "ansible.cfg").touch()

    def __enter__(self) -> Site:
        port = self._serve()
        own = [{key: value for key, value in phone.items() if key not in ("inventory", "cnf")} for phone in self.phones]
        fleet = {
            "time_scale": TIME_SCALE,
            "tftp": {"host": "127.0.0.1", "port": port},
            "defaults": {"image": "P0S3-08-2-00", "password": PASSWORD, "port": PORT},
            "phones": own,
            **self._fleet,
        }
        self.simulator = Simulator(fleet, max_seconds=300)
        self.simulator.start()
        self.write_inventory()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.simulator.stop()
        if self._server:
            self._server.terminate()
            self._server.wait(10)

    def write_inventory(self, *, hosts: Mapping[str, Mapping[str, Any]] | None = None, second_root: str = "", **all_vars: Any) -> None:
        """The inventory of the site, or of these hosts only. `second_root` adds a TFTP host tftp2."""
        known = {
            phone["name"]: {"ansible_host": phone["address"], "cisco79xx_mac": phone["mac"], **phone.get("inventory", {})}
            for phone in self.phones
        }
        server = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "cisco79xx_state_dir": str(self.folder / "state"),
        }
        roots = {"tftp1": str(self.root), **({"tftp2": second_root} if second_root else {})}
        self.inventory.write_text(
            json.dumps(
                {
                    "phones": {
                        "hosts": known if hosts is None else hosts,
                        "vars": {"ansible_port": PORT, "ansible_password": PASSWORD},
                    },
                    "tftp_servers": {"hosts": {name: {**server, "cisco79xx_tftp_root": root} | all_vars for name, root in roots.items()}},
                }
            )
        )

    def play(
        self,
        playbook: str,
        *arguments: str,
        image: str | None = "P0S3-06-3-00",
        seconds: float = 120,
        show: bool = False,
        keep: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a playbook of the collection from its folder. With `show`, people see its output and `Run.output` is empty. `keep`: the
        report of the run before stays."""
        if not keep:
            shutil.rmtree(self.report_dir, ignore_errors=True)
        status, output = self.run(self.command(playbook, *arguments, image=image), seconds, show, environment)
        return Run(status, output, self.report())

    def change_controller(self) -> None:
        """Run all that follows from another, empty folder, which is its home too."""
        self.controller = self.folder / f"controller{len(list(self.folder.iterdir()))}"
        self.controller.mkdir()
        self.report_dir = self.controller / "report"

    def report(self) -> dict[str, Any] | None:
        """The report that was written last: that of a dry run does not take the place of a run's."""
        found = [path for name in ("report.json", "check-report.json") if (path := self.report_dir / name).exists()]
        return json.loads(max(found, key=lambda path: path.stat().st_mtime_ns).read_text()) if found else None

    def command(self, playbook: str, *arguments: str, image: str | None = "P0S3-06-3-00") -> list[str]:
        """What `play` runs."""
        extra = ["-e", f"report_dir={self.report_dir}", "-e", "wait_timeout=20"]
        asked = [] if image is None else ["-e", json.dumps({"image": image})]
        return ["ansible-playbook", str(PLAYBOOKS / f"{playbook}.yml"), "-i", str(self.inventory), *extra, *asked, *arguments]

    def run(
        self, command: list[str], seconds: float = 60, show: bool = False, environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Run an Ansible command of this Python. Its output has both streams."""
        streams: dict[str, Any] = {} if show else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        ended = subprocess.run(
            command,
            cwd=self.controller,
            env={**self.environment(show), **(environment or {})},
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            **streams,
        )
        return ended.returncode, without_deprecations((ended.stdout or b"").decode(errors="replace"))

    def environment(self, show: bool = False) -> dict[str, str]:
        """Of an Ansible command: nothing of the machine's own settings."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.controller),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(TREE),
            "PYTHONPATH": str(TREE),
            "ANSIBLE_HOME": str(self.controller / "ansible"),
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_DEPRECATION_WARNINGS": "1",
            "PYTHONWARNINGS": "error::DeprecationWarning",
            **({"ANSIBLE_DISPLAY_OK_HOSTS": "0", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "0"} if show else {"ANSIBLE_NOCOLOR": "1"}),
        }

    @contextmanager
    def started(
        self, *arguments: str, playbook: str = "downgrade", stdout: int | None = None, environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """As `play`, still running, in a process group of its own. What it says is in the file `output` of the folder, but for what goes
        to `stdout`, a descriptor."""
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(
                self.command(playbook, *arguments),
                cwd=self.controller,
                env={**self.environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output if stdout is None else stdout,
                stderr=output,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def restart_server(self, pause: float) -> None:
        """Stop the TFTP server, and start it again after this many seconds."""
        assert self._server
        self._server.terminate()
        self._server.wait(10)
        time.sleep(pause)
        self._serve(self._port)

    def running(self) -> dict[str, str]:
        """The image of each phone, as the phone itself knows it."""
        return {name: phone["image"] for name, phone in self.simulator.state().items()}

    def resets(self) -> dict[str, int]:
        """How often each phone was told to reset."""
        return {name: phone["resets"] for name, phone in self.simulator.state().items()}

    def digest(self) -> dict[str, tuple[str, int]]:
        """Digest and time of change of every file of the TFTP root: a byte or a file more, and it differs."""
        return {
            str(path.relative_to(self.root)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def _build(self, default: str) -> None:
        self.root.mkdir(parents=True, mode=0o755)
        for image in IMAGES:
            make_image(self.root, image)
        (self.root / "OS79XX.TXT").write_bytes(b"P003-08-2-00\n")
        (self.root / "RINGLIST.DAT").write_bytes(b"Bell\tbell.raw\r\n")
        (self.root / "dialplan.xml").write_bytes(b'<DIALTEMPLATE><TEMPLATE MATCH="*" Timeout="5"/></DIALTEMPLATE>\n')
        (self.root / "SIPDefault.cnf").write_bytes(
            f'# Defaults of the site\r\nimage_version: "{default}" ; keep\r\n'
            f'proxy1_address: "192.0.2.9"\r\ndial_template: "dialplan"\r\ntelnet_level: "2"\r\nphone_password: "{PASSWORD}"\r\n'.encode(
                "latin-1"
            )
        )
        for number, phone in enumerate(self.phones):
            phone.setdefault("name", f"phone{number}")
            phone.setdefault("mac", mac(number))
            phone.setdefault("address", address(number))
            cnf = phone.get("cnf", b'line1_name: "%d"\nline1_password: "hidden"\n' % (1000 + number))
            if cnf is not None:
                (self.root / f"SIP{phone['mac']}.cnf").write_bytes(cnf)

    def _serve(self, port: int = 0) -> int:
        """Start the TFTP server on this port, or a free one, and return that."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", port))
            port = self._port = int(probe.getsockname()[1])
        self._server = subprocess.Popen(
            self._command(self.root, port),
            env={**os.environ, "PYTHONPATH": str(TREE)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.1)
        if self._server.poll() is not None:
            raise RuntimeError(f"the TFTP server ended with {self._server.returncode}: {self._server.args!r}")
        return port
