# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What phones do with a TFTP root as it is, or as it would be: the model of a phone (`_phone.boot`) and a root on the disk."""

from __future__ import annotations

import copy
import posixpath
from types import MappingProxyType
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from .._phone.boot import Boot, Boots, Outcome, Phone
from .._phone.image import SIP, Image
from .._phone.rules import LIKELY, RULES, SURE, UNKNOWN
from .._phone.view import View
from .access import ANYBODY, ServerUser
from .image_files import image_faults, problems
from .read import Root, RootFile, Unusable

Contents = Mapping[str, Optional[bytes]]
"""Path in the root (of a file itself, behind any link) → its content, None for a file that is gone."""

_BY_FILES = frozenset(("load_against_version", "loader_not_named"))
"""The rules about what an XML file and OS79XX.TXT say otherwise than image_version, or do not say."""
_DOUBT = {SURE: "", LIKELY: " The first of these is likely.", UNKNOWN: " Which of these is not known."}
_AFTERWARDS = ("keeps_old", "keeps_old_before_8", "loader_alone")
"""The rules about what a phone does once it could not load an image."""


class Foresight:
    """A root to ask what phones do with it. `instead`: contents in place of those that files have, or of files that are not there yet.

    `server`: who has to be able to read the files of an image.
    """

    def __init__(self, root: Root, instead: Contents = MappingProxyType({}), server: ServerUser = ANYBODY) -> None:
        self.root = root
        self.server = server
        known = [*filter(None, (root.default, root.os79xx)), *root.phones, *(file for _mac, file in root.shared)]
        self._files: Dict[str, Optional[RootFile]] = {file.name: file for file in known}
        self._by_path = {file.path: file for file in known}
        self._lacks: Dict[Image, Mapping[str, Optional[str]]] = {}
        self.unreadable: Dict[str, str] = {}
        """Why a file that was asked for cannot be used, by its name: a text to put behind it. Phones are taken not to get it."""
        self._see(instead)

    def instead(self, contents: Contents) -> Foresight:
        """The same root with these contents, and none that this one has in place of others."""
        other = copy.copy(self)
        other._see(contents)
        return other

    def of(self, mac: str, runs: Optional[Image], generation: Optional[int] = None, protocol: str = SIP) -> Boot:
        """What that phone does when it restarts, as `boot.Phone` has it."""
        return self._boots.of(Phone(mac, runs, generation, protocol))

    def asks(self, mac: str, runs: Optional[Image], name: str) -> bool:
        """Whether that phone asks for this file, or may, now or once it has loaded another image."""
        return any(request.file == name for request in self.of(mac, runs).requests_of_all)

    def doubts(self, mac: str, runs: Optional[Image], target: Image) -> Set[Tuple[str, Optional[Image], FrozenSet[str]]]:
        """The bad ends, and whether an XML file or OS79XX.TXT may lead there: to find out whether other contents of these are better."""
        return {(one.end, one.image, _BY_FILES.intersection(one.rules)) for one in bad_ends(self.of(mac, runs).outcomes, target)}

    def groups(self, phones: Mapping[str, Optional[Image]], targets: Mapping[str, Image]) -> List[Dict[str, Any]]:
        """How it may end for phones (MAC → what it runs, None if that is not known), for those together that find the same.

        Phones that are sure to end on their target, or to stay on it, are left out. Each is a dict: `macs`, `sure` (there is one end),
        `ends`: the likeliest first, each with `end` (see `boot.Outcome`), `image` (its name, None if none or not known) and `rules`;
        `arrives`: whether it may end on the target; and `why` it may not: a sentence.
        """
        found: Dict[Tuple[Image, Tuple[Outcome, ...]], List[str]] = {}
        for mac, runs in phones.items():
            outcomes = self.of(mac, runs).outcomes
            if bad_ends(outcomes, targets[mac]):
                found.setdefault((targets[mac], outcomes), []).append(mac)
        return [
            {
                "macs": macs,
                "sure": len(outcomes) == 1,
                "ends": [
                    {"end": outcome.end, "image": outcome.image and outcome.image.name, "rules": list(outcome.rules)}
                    for outcome in outcomes
                ],
                "arrives": len(bad_ends(outcomes, wanted)) < len(outcomes),
                "why": reason(outcomes, wanted),
            }
            for (wanted, outcomes), macs in found.items()
        ]

    def read(self, name: str) -> Optional[bytes]:
        """What the TFTP server has under the name asked for, None if nothing."""
        file = self.file(name)
        return self._instead.get(file.path, file.data) if file else self._instead.get(_normal(name))

    def file(self, name: str) -> Optional[RootFile]:
        """That configuration as it is on the disk, read once, however often it is asked for."""
        name = _normal(name)
        if name not in self._files:
            self._files[name] = self._find(name)
        return self._files[name]

    def lacks(self, image: Image) -> Mapping[str, Optional[str]]:
        """The files of an image that are missing (None), or not whole or not readable for the server (why), as `image_faults`."""
        if image not in self._lacks:
            self._lacks[image] = image_faults(self.root, image, self.server)
        return self._lacks[image]

    def suppose_whole(self, image: Image) -> None:
        """Take the files of that image to be there, whatever is."""
        self._lacks[image] = {}

    def problems(self, image: Image) -> List[str]:
        """What it lacks, for people, as `image_problems`."""
        return problems(self.root, image, self.lacks(image))

    def _find(self, name: str) -> Optional[RootFile]:
        try:
            if name in self.root.entries:
                return self.root.config(name)
            if "/" in name:  # the same file under another name, by a link
                return self._by_path.get(self.root.tree.resolve(name))
        except Unusable as error:
            self.unreadable[name] = str(error)
        except OSError:
            pass
        return None

    def _see(self, instead: Contents) -> None:
        self._instead = instead
        self._boots = Boots(View(self.read, self.lacks))


def arrives(outcome: Outcome, target: Optional[Image]) -> bool:
    """Whether that end is the image wanted, however it is spelt."""
    return bool(target and outcome.image and outcome.image.same_as(target))


def bad_ends(outcomes: Sequence[Outcome], target: Optional[Image]) -> List[Outcome]:
    """Those that are not the target."""
    return [outcome for outcome in outcomes if not arrives(outcome, target)]


def reason(outcomes: Sequence[Outcome], target: Optional[Image]) -> str:
    """What keeps a phone from its target, or may, in the likeliest of the bad ends: the rule at which its way leaves the good one."""
    bad = bad_ends(outcomes, target)
    good = next((outcome.rules for outcome in outcomes if outcome not in bad), ())
    forks = [name for name, other in zip(bad[0].rules, good) if name == other and RULES[name].sureness != SURE]
    rule = RULES[(forks or [name for name in bad[0].rules if name not in _AFTERWARDS])[-1]]
    return f"{rule.text}{_DOUBT[rule.sureness]}"


def by_reason(groups: Sequence[Mapping[str, Any]], targets: Mapping[str, Image]) -> Dict[Tuple[bool, Image, str], List[str]]:
    """The MACs of these groups by whether they may arrive, by their target, and by why they may not, or cannot."""
    found: Dict[Tuple[bool, Image, str], List[str]] = {}
    for group in groups:
        for mac in group["macs"]:
            found.setdefault((group["arrives"], targets[mac], group["why"]), []).append(mac)
    return found


def _normal(name: str) -> str:
    """As a TFTP server takes it: / and ./ are the root."""
    return posixpath.normpath(name.replace("\\", "/").lstrip("/") or ".") if "/" in name or "\\" in name else name
