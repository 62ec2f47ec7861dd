# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""image_version against a loop of ansible.builtin.lineinfile over the same files, seconds per file, both through ansible-playbook.

PYTHONPATH=<folder of ansible_collections> python bench_lineinfile.py [--files 1000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

PROMISE = 50
OLD, NEW = "P0S3-8-12-00", "P0S3-06-3-00"
TREE = Path(__file__).parents[5]
PLAY = """
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - {task}
"""


def seconds(folder: Path, task: str) -> float:
    book = folder / "play.yml"
    book.write_text(PLAY.format(task=task), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(TREE), "ANSIBLE_NOCOLOR": "1"}
    started = time.monotonic()
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-e", f"ansible_python_interpreter={sys.executable}", str(book)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=1800)
    return time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory(prefix="bench-lineinfile-") as name:
        folder = Path(name)
        root = folder / "tftp"
        root.mkdir(mode=0o755)
        for image in (OLD, NEW):
            make_image(root, image)
        (root / "SIPDefault.cnf").write_text(f"image_version: {OLD}\n", encoding="utf-8")
        for number in range(files):
            text = "".join(f'line{line}_name: "{number}"\n' for line in range(1, 7)) + f'image_version: "{OLD}"\n'
            (root / f"SIP{number:012X}.cnf").write_text(text, encoding="utf-8")
        start = seconds(folder, "{ansible.builtin.debug: {msg: start}}")
        ours = seconds(folder, f"{{voip.cisco79xx.image_version: {{tftp_root: {root}, image: {NEW}, state_dir: {folder}/state}}}}")
        line = f"path: '{{{{ item }}}}', regexp: '^image_version', line: 'image_version: \"{OLD}\"'"
        theirs = seconds(folder, f"{{ansible.builtin.lineinfile: {{{line}}}, loop: \"{{{{ query('fileglob', '{root}/SIP0*.cnf') }}}}\"}}")
        ratio = (theirs - start) / (ours - start)
        print(
            f"{files} files: start {start:.2f} s, image_version {ours - start:.2f} s, lineinfile {theirs - start:.2f} s more: {ratio:.0f}x"
        )
        print("kept" if ratio >= PROMISE else f"broken: at least {PROMISE}x was promised")
        return 0 if ratio >= PROMISE else 1


if __name__ == "__main__":
    sys.exit(main())
