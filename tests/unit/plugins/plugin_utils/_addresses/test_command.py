# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands that behave, and commands that do not."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.command import CommandError, output


def refused(command, folder, seconds=20, most=1 << 20):
    with pytest.raises(CommandError) as caught:
        output(command, str(folder), seconds, most)
    return str(caught.value)


def alive(path):
    """Whether the process whose number is in that file runs; one that has ended counts for as long as nobody waited for it."""
    number = path.read_text().strip()
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_words_are_not_read_by_a_shell(tmp_path):
    assert output(["printf", "%s|", "$HOME", "a b", ";"], str(tmp_path), 20, 100) == b"$HOME|a b|;|"
    assert output(["pwd"], str(tmp_path), 20, 1000).decode().strip() == os.path.realpath(tmp_path)
    assert output(["cat"], str(tmp_path), 20, 100) == b""


def test_all_that_is_allowed_and_a_byte_more(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.stdout.write('x' * int(sys.argv[1]))"]
    assert len(output([*command, "5000"], str(tmp_path), 20, 5000)) == 5000
    assert refused([*command, "5001"], tmp_path, most=5000).startswith("wrote more than 0 MiB and was ended")


def test_one_that_catches_the_signal_of_the_limit(tmp_path):
    script = "trap '' XFSZ; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done 2>/dev/null"
    said = refused(["sh", "-c", script], tmp_path, seconds=1, most=10_000)
    assert "and was ended" in said


@pytest.mark.parametrize("tail", ["sleep 97", "trap '' TERM HUP INT; sleep 97 & wait"])
def test_its_children_end_with_it(tmp_path, tail):
    began = time.monotonic()
    said = refused(["sh", "-c", f"sleep 96 & echo $! > child; {tail}"], tmp_path, seconds=0.5)
    assert said == "took more than 0.5 s and was ended: see what it waits for, or give a longer timeout"
    assert time.monotonic() - began < 10
    time.sleep(0.1)
    assert not alive(tmp_path / "child")


def test_a_child_that_it_leaves_behind_is_not_waited_for(tmp_path):
    began = time.monotonic()
    assert output(["sh", "-c", "sleep 95 & echo $! > child; echo said"], str(tmp_path), 20, 100) == b"said\n"
    assert time.monotonic() - began < 10
    time.sleep(0.1)
    assert not alive(tmp_path / "child")


def test_what_it_says_when_it_fails(tmp_path):
    assert refused(["sh", "-c", "printf '\\033[31mno\\n way\\n' >&2; exit 7"], tmp_path) == "ended with status 7: no way"
    assert refused(["sh", "-c", "echo wrong password Zq7token >&2; exit 1"], tmp_path) == "ended with status 1: wrong ********"
    assert refused(["sh", "-c", "kill -9 $$"], tmp_path) == "ended with status -9"
    assert refused(["./no such"], tmp_path) == "cannot be run (No such file or directory): see that it is installed here"
    assert refused(["a\0b"], tmp_path).startswith("cannot be run (embedded null byte)")


def test_the_bound_of_files_is_for_the_command_only(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert output(["sh", "-c", "ulimit -f"], str(tmp_path), 20, 1 << 20) in (b"1024\n", b"2048\n")
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before
    assert refused(["./no such"], tmp_path)
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv, for a program that becomes root")
def test_one_that_becomes_another_user(open_folder):
    """As sudo does: nobody may not bound it once it runs, nor end it."""
    open_folder.chmod(0o755)
    become = shutil.copy(shutil.which("setpriv") or "setpriv", open_folder / "become")
    os.chmod(become, 0o4755)
    script = (
        "import os, sys\n"
        "from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses import command\n"
        "command._TO_END = 0.2\n"
        "os.setuid(65534)\n"
        "def say(seconds, most, *words):\n"
        "    try: print(command.output([sys.argv[1], '--reuid=0', *words], '/', seconds, most))\n"
        "    except command.CommandError as error: print(error)\n"
        "say(20, 100, 'sh', '-c', 'id -u; ulimit -f >&2')\n"
        "say(20, 1 << 20, 'yes')\n"
        "say(0.2, 100, 'sleep', '3')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(become)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == [
        "b'0\\n'",
        "wrote more than 1 MiB and was ended: let it write what concerns the phones only",
        "took more than 0.2 s and cannot be ended by this user: give it a timeout of its own",
    ], done.stderr
