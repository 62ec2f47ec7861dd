# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a report goes: a folder for each run below `report_dir`, and copies of its files at the top, where the latest of a kind are."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.voip.cisco79xx.plugins.module_utils import _files

KEPT = 20
"""Folders of runs that are kept, the latest; those in which somebody else put something stay as well."""
REPORT, PAGE, JUNIT, PLAN = "report.json", "report.html", "junit.xml", "plan.json"
AUDIT, DIAGNOSIS, DIAGNOSIS_PAGE = "audit.json", "diagnose.json", "diagnose.html"
CHECK = "check-"
"""What the names of a dry run's files at the top begin with."""

_MARK = ".voip.cisco79xx"
"""A file in each folder of ours, which holds the folder's name."""
_NAMES = (REPORT, PAGE, JUNIT, PLAN, AUDIT, DIAGNOSIS, DIAGNOSIS_PAGE, _MARK)
_OURS = re.compile(rf"\.?({'|'.join(map(re.escape, _NAMES))})(\.[0-9a-f]{{8}})?")
"""A file of ours, or what a killed run left of one."""
_FOLDER = re.compile(r"[0-9]{8}T[0-9]{6}(-[0-9]{1,6})?-[a-z]+(-check)?")
MOST_JSON = 1 << 28
"""Bytes of a report that is read again."""


@dataclass(frozen=True)
class Place:
    """Where the report of one run goes. `what`: one word for what the run does, such as "downgrade"; `began`: Unix seconds; `run`: its id,
    if it has one; `check`: whether it is a dry run, whose report never takes the place of that of another run."""

    report_dir: Path
    what: str
    began: float
    run: str = ""
    check: bool = False

    @property
    def folder(self) -> Path:
        """The run's own, such as 20261128T080324-518221-downgrade, whose name begins with the id of the run."""
        begin = self.run or f"{datetime.fromtimestamp(self.began, UTC):%Y%m%dT%H%M%S}"
        return self.report_dir / f"{begin}-{self.what}{'-check' if self.check else ''}"

    def top(self, name: str) -> Path:
        """Where the latest file of that name and kind is."""
        return self.report_dir / (f"{CHECK}{name}" if self.check and name != PLAN else name)

    def write(self, files: Mapping[str, str], at_top: Mapping[str, str] | None = None) -> None:
        """Write files by their names, each whole, into the folder and to the top. `at_top`: those that say something else there.

        The first report of all may be that of a dry run: it has both names at the top. Raises OSError.
        """
        self._make_folder()
        shared = self.check and not _is_of_a_run(self.report_dir / REPORT)
        for name, content in files.items():
            _files.write_whole(self.folder / name, content)
            shown = {**files, **(at_top or {})}[name]
            for path in dict.fromkeys((self.top(name), *([self.report_dir / name] if shared else []))):
                _files.write_whole(path, shown)

    def _make_folder(self) -> None:
        """Make the folder, and remove old ones if it is new. Raises OSError."""
        self.report_dir.mkdir(parents=True, exist_ok=True)
        try:
            self.folder.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(self.folder).st_mode):
                raise
            return
        _files.write_whole(self.folder / _MARK, self.folder.name)
        with suppress(OSError):
            ours = [name for name in sorted(os.listdir(self.report_dir)) if _FOLDER.fullmatch(name) and name != self.folder.name]
            for name in ours[: max(0, len(ours) - KEPT + 1)]:
                _remove(self.report_dir / name)


def _is_of_a_run(path: Path) -> bool:
    """Whether a report.json may be that of a run that was no dry run."""
    try:
        data, _status = _files.read(str(path), MOST_JSON)
        return data is None or json.loads(data)["rollout"]["check_mode"] is not True
    except FileNotFoundError:
        return False
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # somebody else's, or cut
        return True


def _remove(folder: Path) -> None:
    """Remove a folder that was made here and has files of ours only. Anything else stays as it is."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            names = os.listdir(descriptor)
            if _is_ours(folder.name, names, descriptor):
                for name in sorted(names, key=_MARK.__eq__):  # the mark last: what is left can be removed the next time
                    os.unlink(name, dir_fd=descriptor)
                folder.rmdir()
        finally:
            os.close(descriptor)


def _is_ours(folder: str, names: Iterable[str], descriptor: int) -> bool:
    modes = {name: os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode for name in names}
    ordinary = all(_OURS.fullmatch(name) and stat.S_ISREG(mode) for name, mode in modes.items())
    return ordinary and _files.read(_MARK, 200, folder=descriptor)[0] == folder.encode()
