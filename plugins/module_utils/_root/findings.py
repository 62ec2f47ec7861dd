# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit finds in a TFTP root: faults with their places, advice, and settings that are there twice."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Set

from .. import _files
from .._phone import cnf
from .._text import mask_from_secret, plain, shorten
from .access import ServerUser
from .read import Root, RootFile

LONGEST = 80
"""Characters of a value or a name out of a file that are shown."""
MOST = 20
"""Faults of one file, and lines of one duplicate, that are told one by one."""

Info = Dict[str, Any]


class Findings:
    """Gathers them. Texts of faults are to be put behind the name of the file."""

    def __init__(self, root: Root, server: ServerUser) -> None:
        self.faults: List[Info] = []
        self.advice: List[str] = []
        self.duplicates: List[Info] = []
        self._root = root
        self._server = server
        self._checked_folders: Set[str] = set()

    def fault(self, file: Optional[str], text: str, line: Optional[int] = None, column: Optional[int] = None) -> None:
        """One that concerns that file, or the root as a whole."""
        self.faults.append({"file": None if file is None else plain(file), "line": line, "column": column, "text": text})

    def settings(self, file: RootFile) -> Dict[str, cnf.Setting]:
        """What the file sets, unless to nothing, by key in lower case. What is wrong with it, and what it sets twice, is noted."""
        self.access(file)
        contents = cnf.examine(file.data)
        for fault in contents.faults[:MOST]:
            self.fault(file.name, fault.text, fault.line, fault.column)
        for fault in contents.faults[MOST : MOST + 1]:
            more = len(contents.faults) - MOST
            self.fault(file.name, f"and {more} more lines that the phone cannot read", fault.line, fault.column)
        by_key: Dict[str, List[cnf.Setting]] = {}
        for setting in contents.settings:
            by_key.setdefault(setting.key.lower(), []).append(setting)
        for key, several in by_key.items():
            if len(several) == 1:
                continue
            shown, last = key[:LONGEST], several[-1]
            self.duplicates.append({"file": plain(file.name), "key": shown, "lines": [setting.line for setting in several[:MOST]]})
            if len({setting.value for setting in several}) > 1:
                text = f"sets {shown} {len(several)} times, not to the same; which of them counts is not known: keep one"
                self.fault(file.name, text, last.line, last.column)
        return {key: several[-1] for key, several in by_key.items() if several[-1].provisioned}

    def access(self, file: RootFile) -> None:
        """What keeps the TFTP server from reading that file. Each folder is told once."""
        if not self._server.may_read(file.status):
            text = f"is not readable for {self._server.name} ({_files.shown_mode(file.status)}), so phones do not get it: permit it"
            self.fault(file.name, text)
        folder = os.path.dirname(file.path)
        while folder and folder not in self._checked_folders:
            self._checked_folders.add(folder)
            try:
                status = os.fstat(self._root.tree.folder(folder))
            except OSError:
                break  # gone meanwhile
            if not self._server.may_enter(status):
                text = f"is closed to {self._server.name} ({_files.shown_mode(status)}): open it"
                self.fault(folder, text)
            folder = os.path.dirname(folder)


def harmless(text: str) -> str:
    """Text out of a file for people's eyes: no secret, no control character, not without end."""
    return plain(shorten(mask_from_secret(text), LONGEST))


def quoted(text: str) -> str:
    """As `harmless`, in quotes."""
    return f"'{harmless(text)}'"
