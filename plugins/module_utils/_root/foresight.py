# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What phones do with a TFTP root as it is, or as it would be: the model of a phone (`_phone.boot`) and a root on the disk."""

from __future__ import annotations

import copy
import posixpath
from types import MappingProxyType
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from .._phone.boot import Boot, Boots, Outcome, Phone
from .._phone.image import SIP, Image
from .._phone.view import View
from .access import ANYBODY, ServerUser
from .image_files import image_faults, problems
from .read import Root, RootFile

Contents = Mapping[str, Optional[bytes]]
"""Path in the root (of a file itself, behind any link) → its content, None for a file that is gone."""
Target = Union[None, Image, Mapping[str, Image]]
"""What phones shall run: one image, or one for each MAC."""


class Foresight:
    """A root to ask what phones do with it. `instead`: contents in place of those that files have, or of files that are not there yet.

    `files`: the phones' own files, if they are read already. `server`: who has to be able to read the files of an image. What a phone
    cannot be given because of its file goes into the faults of the root, once somebody asks about that phone.
    """

    def __init__(
        self,
        root: Root,
        files: Optional[Iterable[RootFile]] = None,
        instead: Contents = MappingProxyType({}),
        server: ServerUser = ANYBODY,
    ) -> None:
        self.root = root
        self.server = server
        own = list(root.phones() if files is None else files)
        shared = [file for _mac, file in root.shared]
        known = [*filter(None, (root.default, root.os79xx)), *own, *shared]
        self._files: Dict[str, Optional[RootFile]] = {file.name: file for file in known}
        self._faults: Dict[Image, Dict[str, Optional[str]]] = {}
        self._see(instead)

    def instead(self, contents: Contents) -> Foresight:
        """The same root with these contents, and none that this one has in place of others."""
        other = copy.copy(self)
        other._see(contents)
        return other

    def of(self, mac: str, runs: Optional[Image], generation: Optional[int] = None, protocol: str = SIP) -> Boot:
        """What that phone does when it restarts, as `boot.Phone` has it."""
        return self._boots.of(Phone(mac, runs, generation, protocol))

    def groups(self, phones: Mapping[str, Optional[Image]], target: Target = None) -> List[Dict[str, Any]]:
        """How it may end for phones (MAC → what it runs, None if that is not known), for those together that find the same.

        Phones that are sure to end on their target, or to stay on it, are left out. Each is a dict: `macs`, `sure` (there is one end),
        `ends`: the likeliest first, each with `end` (see `boot.Outcome`), `image` (its name, None if none or not known) and `rules`.
        """
        found: Dict[Tuple[Outcome, ...], List[str]] = {}
        for mac, runs in phones.items():
            boot = self.of(mac, runs)
            if not all(arrives(outcome, target_of(target, mac)) for outcome in boot.outcomes):
                found.setdefault(boot.outcomes, []).append(mac)
        return [
            {
                "macs": macs,
                "sure": len(outcomes) == 1,
                "ends": [
                    {"end": outcome.end, "image": outcome.image and outcome.image.name, "rules": list(outcome.rules)}
                    for outcome in outcomes
                ],
            }
            for outcomes, macs in found.items()
        ]

    def read(self, name: str) -> Optional[bytes]:
        """What the TFTP server has under the name asked for, None if nothing."""
        name = posixpath.normpath(name.replace("\\", "/").lstrip("/") or ".")
        if name not in self._files:
            self._files[name] = self._find(name)
        file = self._files[name]
        return self._instead.get(file.path, file.data) if file else self._instead.get(name)

    def lacks(self, image: Image) -> Mapping[str, Optional[str]]:
        """The files of an image that are missing (None), or not whole or not readable for the server (why), as `image_faults`."""
        if image not in self._faults:
            self._faults[image] = image_faults(self.root, image, self.server)
        return self._faults[image]

    def problems(self, image: Image) -> List[str]:
        """The same for people, as `image_problems`."""
        return problems(self.root, image, dict(self.lacks(image)))

    def _find(self, name: str) -> Optional[RootFile]:
        if name in self.root.entries:
            return self.root.read(name)
        if "/" not in name:
            return None
        try:  # the same file under another name, by a link
            path = self.root.tree.resolve(name)
        except OSError:
            return None
        return next((file for file in self._files.values() if file and file.path == path), None)

    def _see(self, instead: Contents) -> None:
        self._instead = instead
        self._boots = Boots(View(self.read, self.lacks))


def target_of(target: Target, mac: str) -> Optional[Image]:
    """The image that this phone shall run."""
    return target.get(mac) if isinstance(target, Mapping) else target


def arrives(outcome: Outcome, target: Optional[Image]) -> bool:
    """Whether that end is the image wanted, however it is spelt."""
    return bool(target and outcome.image and outcome.image.same_as(target))
