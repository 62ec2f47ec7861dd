# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a phone asks for when it restarts with a TFTP root as it is, or as it would be, and what it runs in the end.

`_Walk` is the phone: it boots as the rules in `rules` say. Where a rule is not sure, one walk takes one of the rule's answers, and
another walk the next, so that each way in which it may end is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, NamedTuple, Optional, Tuple, TypeVar

from . import cnf, loads_xml
from .image import FIRST_WITH_LOADER, LOADER, MANIFEST, SCCP, SIP, Image, recognise, step
from .rules import RULES, SURE
from .view import OS79XX, SIP_DEFAULT, Own, Said, View

RUNS = "runs"
STAYS = "stays"
LOOPS = "loops"
STUCK = "stuck"

_GENERATIONS = {SIP: range(2, 9), SCCP: range(2, 9), LOADER: range(FIRST_WITH_LOADER, 9)}
_FIRST_FILES = (".bin", ".sbn", MANIFEST)
_MAC = "<MAC>"
_MOST_WALKS = 1000
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Phone:
    """A phone as far as it is known: the image that it `runs`, which says all, or only the major version of that, or neither.

    `mac`: 12 upper-case hex digits. `protocol`: image.SIP, SCCP or LOADER.
    """

    mac: str
    runs: Optional[Image] = None
    generation: Optional[int] = None
    protocol: str = SIP


class Request(NamedTuple):
    """A file by the name asked for. `sure`: whatever the phone does where a rule is not sure."""

    file: str
    sure: bool


class Outcome(NamedTuple):
    """How it may end, and the names of the rules that lead there (of several ways the likeliest).

    `end`: RUNS another image, STAYS on what it runs, LOOPS (restarts again and again), or STUCK in a loader without an application.
    `image`: what it runs then, None if that is none or not known.
    """

    end: str
    image: Optional[Image]
    rules: Tuple[str, ...]


@dataclass(frozen=True)
class Boot:
    """From a restart until the phone rests. `outcomes`: first the likeliest; `requests_of_all`: of every phone that finds the same."""

    mac: str
    outcomes: Tuple[Outcome, ...]
    requests_of_all: Tuple[Request, ...]

    @property
    def requests(self) -> Tuple[Request, ...]:
        """What it asks for, in order, in each boot on the way, up to its configuration."""
        return tuple(Request(request.file.replace(_MAC, self.mac), request.sure) for request in self.requests_of_all)

    @property
    def sure(self) -> bool:
        """Whether it can end in one way only. Where all of its rules are sure it does."""
        return len(self.outcomes) == 1


class Boots:
    """Answers what phones do with a root. Phones that find the same are worked out once."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._known: Dict[Tuple[object, ...], Boot] = {}

    def of(self, phone: Phone) -> Boot:
        """What that phone does if it restarts now."""
        own = self.view.own(phone.mac)
        key = phone.runs, phone.generation, phone.protocol, own
        if key not in self._known:
            self._known[key] = _boot(self.view, own, phone)
        return replace(self._known[key], mac=phone.mac)


def _boot(view: View, own: Own, phone: Phone) -> Boot:
    walks: List[_Walk] = []
    known = phone.runs or phone.generation is not None
    for generation in (phone.generation,) if known else _GENERATIONS[phone.protocol]:
        script: Optional[List[int]] = []
        most = len(walks) + _MOST_WALKS
        while script is not None and len(walks) < most:
            walks.append(_Walk(view, own, replace(phone, generation=generation), script))
            script = walks[-1].next_script()
        if script is not None:
            return _anything(view, own, phone, walks)
    outcomes: Dict[Tuple[str, Optional[Image]], Outcome] = {}
    for walk in walks:
        outcomes.setdefault(walk.end, Outcome(*walk.end, tuple(walk.rules)))
    return Boot(phone.mac, tuple(outcomes.values()), _merged(walks))


def _anything(view: View, own: Own, phone: Phone, walks: List[_Walk]) -> Boot:
    """Where so much is unsure that not all ways can be walked: everything that the files name and the root holds."""
    used = tuple(dict.fromkeys(rule for walk in walks for rule in walk.rules))
    said = [file for file in (own.sep, view.xml_default, view.default, *own.cnf) if file]
    ends: List[Tuple[str, Optional[Image]]] = [(STAYS, phone.runs), (LOOPS, None), (STUCK, None)]
    for name in dict.fromkeys([view.os79xx.strip(), *(name.strip() for file in said for name in file.names)]):
        image = recognise(name)
        if image and image.protocol != LOADER and image != phone.runs and set(image.files) - set(view.lacks(image)):
            ends += [(RUNS, image)] if image.signed or not (phone.runs and phone.runs.signed) else []
    return Boot(
        phone.mac, tuple(Outcome(*end, used) for end in dict.fromkeys(ends)), tuple(Request(one.file, False) for one in _merged(walks))
    )


def _merged(walks: List[_Walk]) -> Tuple[Request, ...]:
    """The requests of all walks in one order. The second for a file is another than the first for it."""
    ways = list(dict.fromkeys(tuple(walk.requests) for walk in walks))
    order: List[Tuple[str, int]] = []
    sure: Dict[Tuple[str, int], int] = {}
    for requests in ways:
        place = 0
        times: Dict[str, int] = {}
        for file, is_sure in requests:
            times[file] = times.get(file, 0) + 1
            key = file, times[file]
            if key not in sure:
                order.insert(place, key)
            sure[key] = sure.get(key, 0) + is_sure
            place = max(place, order.index(key) + 1)
    return tuple(Request(key[0], sure[key] == len(ways)) for key in order)


class _End(Exception):
    """The phone comes to no rest, or to none with an application."""


class _Walk:
    """One phone with one answer to each unsure rule: `script` has the numbers of the first ones, the others are the likeliest."""

    def __init__(self, view: View, own: Own, phone: Phone, script: List[int]) -> None:
        self.view = view
        self.own = own
        self.script = script
        self.answers: Dict[Tuple[str, int], Tuple[int, int]] = {}
        """By rule, as a phone does not change its ways on the way: the number of the answer, and how many there are."""
        self.rules: Dict[str, None] = {}
        self.requests: List[Request] = []
        self.image = phone.runs
        self.protocol, self.generation = phone.protocol, phone.generation or 0
        self.flashed = False
        self.end = self._settle()

    def use(self, rule: str) -> None:
        self.rules[rule] = None

    def choose(self, rule: str, *answers: _Answer) -> _Answer:
        """One of the answers of that rule."""
        self.use(rule)
        key = rule, len(answers)
        if key not in self.answers:
            at = len(self.answers)
            self.answers[key] = (self.script[at] if at < len(self.script) else 0, len(answers))
        return answers[self.answers[key][0]]

    def next_script(self) -> Optional[List[int]]:
        """That of the walk after this one, None if it was the last."""
        answers = list(self.answers.values())
        while answers:
            number, of = answers.pop()
            if number + 1 < of:
                return [number for number, _of in answers] + [number + 1]
        return None

    def _settle(self) -> Tuple[str, Optional[Image]]:
        """Restarts until it rests."""
        start, before = self.image, []
        try:
            while self.image not in before:
                before.append(self.image)
                if self.image:
                    self.protocol, self.generation = self.image.protocol, self.image.generation
                self.name = self.image.name if self.image else ""
                self.is_sip = self.protocol in (SIP, LOADER)
                self.has_loader = self.generation >= FIRST_WITH_LOADER
                loaded = self.boot() if self.has_loader else self.boot_old()
                if not loaded:
                    return STAYS if self.image == start else RUNS, self.image
                self.image, self.flashed = loaded, True
        except _End as end:
            return str(end), None
        return LOOPS, None

    # A boot: each gives the image that is loaded, to restart with it, or None if the phone comes up with what it has. Raises _End.

    def boot_old(self) -> Optional[Image]:
        """Up to 6.x."""
        self.use("os79xx_first")
        self.ask(OS79XX)
        named, version = self.os79xx(), self.version()
        image, wanted = recognise(named), recognise(version)
        if not self.is_sip and named not in ("", self.name):
            same = named[:4] == (self.name or "P003")[:4]
            named = self.choose("sccp_in_os79xx", "", named) if same else self.choose("other_protocol", named, "")
        elif image and image.protocol == LOADER and (not version or (wanted and wanted.loader)):
            self.use("os79xx_names_loader")
        elif image and image.protocol != SIP and image.protocol != LOADER:
            named = self.choose("other_protocol", named, "")
        elif version and named != version and (named == self.name != "" or self.is_whole(named)):
            named, version = self.choose("os79xx_against_version", ("", version), (named, ""), (LOOPS, ""))
            if named == LOOPS:
                raise _End(LOOPS)
        loaded = self.load(named)
        if loaded:
            return loaded
        if self.is_sip:
            self.ask_configuration()
            return self.load(version)
        load = self.hunt()
        return self.load(load) if load and self.choose("old_sccp_loads", True, False) else None

    def boot(self) -> Optional[Image]:
        """From 7.x on, and the loader alone."""
        if self.protocol == SIP:
            self.use("os79xx_not_read")
        version, default = self.version(), self.application(self.value(self.view.default) or "")
        begun = self.protocol == SIP and self.generation == FIRST_WITH_LOADER and self.choose("seven_begins", True, False)
        if begun:
            self.ask_configuration()
            if version in ("", self.name):
                return None
        load = self.hunt()
        image = recognise(load)
        if load and version and load != version and not (image and image.protocol == LOADER):
            answers = [(load, ""), ("", version), (LOOPS, "")] if self.is_whole(load) else [("", version), (load, "")]
            load, version = self.choose("load_against_version", *answers)
            if load == LOOPS:
                raise _End(LOOPS)
        if load:
            self.use("load_followed")
        if load == self.name != "" and not self.flashed:
            self.ask(f"{load}.loads")
        loaded = self.load(load)
        if loaded or not self.is_sip:
            return loaded
        if self.protocol == LOADER:
            self.ask(SIP_DEFAULT)
            told = self.choose("loader_reads_version", version, default, "") if version or default else ""
            return self.load(told) or self.cannot_load()
        if not begun:
            self.ask_configuration()
        image = recognise(version)
        if image and image.loader and self.brings_loader(image) and self.is_whole(version) and default not in ("", version):
            version = self.choose("loader_reads_version", version, default)
            if version == self.name:
                raise _End(LOOPS)
        return self.load(version)

    # What the files say

    def os79xx(self) -> str:
        line = self.view.os79xx
        return line if line == line.strip() else self.choose("blank_behind_name", line, line.strip())

    def folder(self) -> int:
        """Which of `View.folders` it looks in."""
        if len(self.view.folders) == 1 or self.protocol == LOADER:
            return -1
        self.use("folder")
        return self.choose("duplicate_lines", 0, 1) if self.view.folders[0] != self.view.folders[1] else 0

    def version(self) -> str:
        """The image_version that counts, or nothing."""
        if not self.is_sip:
            return ""
        file = self.own.cnf[self.folder()]
        own, default = self.value(file), self.value(self.view.default) or ""
        if own:
            self.use("own_file_wins")
        elif default and own == "":
            own = self.choose("unset", default, "")
        elif default and not file and self.protocol == SIP:
            own = self.choose("no_own_file", default, "")
        return self.application(default if own is None else own)

    def value(self, file: Optional[Said]) -> Optional[str]:
        """What a .cnf sets image_version to: nothing if it unsets it, None if it does not set it."""
        if not file or not file.names:
            return None
        value: Optional[str] = file.names[-1]
        if file.names[0] != value:
            value = self.choose("duplicate_lines", value, file.names[0])
        if file.faulty:
            value = self.choose("faulty_line", value, None, f"{value} and more")
        value = self.without_blanks(value) if value else value
        return "" if value and value.upper() == cnf.UNPROVISIONED else value

    def without_blanks(self, name: str) -> str:
        return name if name == name.strip() else self.choose("blanks", name.strip(), name)

    def hunt(self) -> str:
        """The load that the XML files name, or nothing."""
        self.use("hunt")
        if not self.flashed or self.protocol != SIP:  # a loader starts what it has loaded without another hunt
            self.ask_hunt(self.protocol == LOADER, sure=self.generation > FIRST_WITH_LOADER or (self.has_loader and self.protocol != SIP))
        if self.own.odd_ctlsep and self.choose("odd_ctlsep", False, True):
            raise _End(LOOPS)
        load = self.load_in(self.own.sep)
        xml_default = self.view.xml_default
        if load or not xml_default or not xml_default.names:
            return load
        unsure = self.protocol == SIP or self.own.sep or (self.protocol == LOADER and self.own.cnf[-1])
        return "" if unsure and self.choose("hunt_ends", True, False) else self.load_in(xml_default)

    def load_in(self, file: Optional[Said]) -> str:
        if not file or not file.names or (file.faulty and not self.choose("broken_xml", True, False)):
            return ""
        load = self.application(self.without_blanks(file.names[0] if len(file.names) == 1 else self.choose("models", *file.names)))
        image = recognise(load)
        if self.is_sip and image and image.protocol not in (SIP, LOADER):
            return self.choose("load_of_others", *((load, "") if self.is_whole(load) else ("", load)))
        return load

    def application(self, name: str) -> str:
        image = recognise(name)
        return self.choose("loader_as_load", "", name) if image and image.protocol == LOADER else name

    def is_whole(self, name: str) -> bool:
        """Whether the root holds an image of that exact name, whole."""
        image = recognise(name)
        return bool(image and image.name == name and not self.view.lacks(image))

    # What it loads

    def load(self, name: str) -> Optional[Image]:
        """As a boot, for an image that it is told."""
        if name in ("", self.name):
            return None
        image = recognise(name)
        if image and image.loader and not self.has_loader:
            self.ask(*[name + end for end in _FIRST_FILES], sure=False)
            image = self.choose("loader_not_named", None, recognise(image.loader), image if image.name == name else None)
        elif not image or image.name != name:
            self.use("to_the_letter")
            self.ask(*[name + end for end in _FIRST_FILES if not self.has_loader or end == MANIFEST], sure=self.has_loader)
            image = None
        if not image or not self.can_load(image):
            return self.cannot_load()
        self.get_loader_of(image)
        return self.cannot_load() if image.protocol == LOADER and self.has_loader else image

    def get_loader_of(self, image: Image) -> None:
        if self.brings_loader(image) and self.choose("loader_forgets", False, True):
            raise _End(STUCK)

    def brings_loader(self, image: Image) -> bool:
        """Whether the phone gets another universal loader with that image."""
        own, other = (of and (of.name if of.protocol == LOADER else of.loader) for of in (self.image, image))
        return bool(other) and other != own

    def can_load(self, image: Image) -> bool:
        has_its_loader = bool(image.loader) and not self.brings_loader(image)
        lacking = [file for file in image.files if file in self.view.lacks(image) and not (has_its_loader and file.endswith(".sbn"))]
        self.ask_image(image, has_its_loader, lacking)
        if image.loader:
            self.use("three_files")
        rule = step(self.image.version if self.image else (self.generation, 0), image)
        if rule == "signed":
            self.use(rule)
            return False
        if not {self.protocol, image.protocol} <= {SIP, LOADER}:
            both_new = self.has_loader and image.generation >= FIRST_WITH_LOADER
            rule = "load_followed" if both_new and not self.is_sip else "change_of_protocol"
        if lacking and image.loader:
            if lacking == [image.files[-1]]:
                self.get_loader_of(image)
            return False
        if len(lacking) == len(image.files) or (lacking and not self.choose("bin_or_sbn", True, False)):
            return False
        if RULES[rule].sureness != SURE:
            return self.choose(rule, True, False)
        self.use(rule)
        return True

    def cannot_load(self) -> Optional[Image]:
        """It carries on with what it has, if it has an application."""
        if self.protocol == LOADER:
            self.use("loader_alone")
            raise _End(STUCK)
        new = self.generation > FIRST_WITH_LOADER
        if not (self.choose("keeps_old", True, False) if new else self.choose("keeps_old_before_8", True, False)):
            raise _End(LOOPS)
        return None

    # What it asks for

    def ask(self, *files: str, sure: bool = True) -> None:
        self.requests += [Request(file, sure) for file in files]

    def ask_configuration(self) -> None:
        self.ask(SIP_DEFAULT, f"{self.view.folders[self.folder()]}SIP{_MAC}.cnf")

    def ask_hunt(self, loader: bool, sure: bool = True) -> None:
        self.ask(f"CTLSEP{_MAC}.tlv", sure=sure)
        sure, sep = sure and not self.own.odd_ctlsep, self.own.sep
        self.ask(f"SEP{_MAC}.cnf.xml", sure=sure)
        if sep and sep.names and not sep.faulty:
            return
        sure = sure and not sep and (loader or not self.is_sip)
        if loader or self.is_sip:
            self.ask(f"SIP{_MAC}.cnf", sure=sure)
            sure = sure and not self.own.cnf[-1]
            self.ask(f"MGC{_MAC}.cnf", sure=sure)
        self.ask(loads_xml.XML_DEFAULT, sure=sure)

    def ask_image(self, image: Image, has_its_loader: bool, lacking: List[str]) -> None:
        """Its files, up to the first that is not there. A new loader hunts again, if it asks for anything."""
        if not image.loader:
            return self.ask(f"{image.name}.bin", f"{image.name}.sbn", sure=False)
        if self.protocol != LOADER:
            self.ask_hunt(True, sure=False)
        manifest, loader, application = image.files
        self.ask(manifest)
        if manifest in lacking:
            return None
        if not has_its_loader:
            self.ask(loader)
            if loader in lacking:
                return None
            self.ask_hunt(True, sure=False)
            self.ask(manifest, sure=False)
        self.ask(application, sure=has_its_loader)
