# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TFTP hosts behind real sshd, each with a user who has no rights of his own and gets root's by sudo.

Users, passwords and sudo's rules are files in a mount namespace of each host: nothing of this machine is changed, and all of it ends with
the host's sshd.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
SSHD = shutil.which("sshd", path=_PATH)
SUDO = shutil.which("sudo", path=_PATH)
USER = "tftpadmin"
USER_ID = 61079

_START = """set -e
mount --make-rprivate /
for file in passwd shadow group sudoers; do mount --bind "$1/etc/$file" "/etc/$file"; done
mkdir -p /run/sshd
exec "$2" -D -e -f "$1/sshd_config"
"""


def missing() -> str:
    """What has to be there for this and is not, or an empty text."""
    lacking = [name for name, path in (("openssh-server", SSHD), ("openssh-client", shutil.which("ssh")), ("sudo", SUDO)) if not path]
    return " and ".join(lacking) or ("" if os.geteuid() == 0 else "root")


class Host:
    """One TFTP host: an sshd on a free port of 127.0.0.1."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Not below pytest's folder, which is closed to the user
        self._temporary = tempfile.TemporaryDirectory(prefix="cisco79xx-ssh-")
        self.folder = Path(self._temporary.name)
        self.home = self.folder / "home"
        self.state = self.folder / "state"
        self._key = self.folder / "key"
        self._sshd: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        self.folder.chmod(0o755)
        (self.folder / "etc").mkdir()
        self.home.mkdir(mode=0o755)
        os.chown(self.home, USER_ID, USER_ID)
        for name, line in (
            ("passwd", f"{USER}:x:{USER_ID}:{USER_ID}::{self.home}:/bin/sh"),
            ("shadow", f"{USER}:*:19000:0:99999:7:::"),
            ("group", f"{USER}:x:{USER_ID}:"),
        ):
            (self.folder / "etc" / name).write_text(Path("/etc", name).read_text() + line + "\n")
        shutil.copymode("/etc/shadow", self.folder / "etc" / "shadow")
        rules = self.folder / "etc" / "sudoers"
        rules.write_text(f"root ALL=(ALL:ALL) ALL\n{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n")
        rules.chmod(0o440)
        for key in (self._key, self.folder / "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, stdin=subprocess.DEVNULL)
        keys = self.folder / "authorized_keys"
        shutil.copyfile(f"{self._key}.pub", keys)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {self.folder / 'host_key'}\nAuthorizedKeysFile {keys}\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nSubsystem sftp internal-sftp\nMaxStartups 100\n"
        )
        command = ["unshare", "--mount", "sh", "-c", _START, "sh", str(self.folder), str(SSHD)]
        with (self.folder / "sshd.log").open("wb") as log:
            self._sshd = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        for _try in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"sshd does not listen: {(self.folder / 'sshd.log').read_text()}")

    def stop(self) -> None:
        """End sshd and all of its sessions at once, as when the network is gone."""
        if not self._sshd:
            return
        namespace = _namespace(self._sshd.pid)
        for process in [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]:
            if namespace != _namespace(os.getpid()) and _namespace(process) == namespace:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        self._sshd.kill()
        self._sshd.wait()
        self._sshd = None

    def remove(self) -> None:
        """Stop it, and leave nothing behind."""
        self.stop()
        self._temporary.cleanup()

    def variables(self) -> dict[str, Any]:
        """What an inventory says of this host."""
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": USER,
            "ansible_become": True,
            "ansible_ssh_private_key_file": str(self._key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={self.folder / 'known_hosts'} -o StrictHostKeyChecking=no",
            "ansible_control_path_dir": str(self.folder / "cp"),
            "ansible_python_interpreter": os.path.realpath(sys.executable),
            "cisco79xx_state_dir": str(self.state),
        }


def _namespace(process: int) -> str:
    """The mount namespace that a process lives in; empty for one that is gone."""
    with suppress(OSError):
        return os.readlink(f"/proc/{process}/ns/mnt")
    return ""
