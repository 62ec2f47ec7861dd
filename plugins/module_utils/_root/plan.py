# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would change in a TFTP root to make it name an image, and what phones would do then. Writes nothing: that is for `_change`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

from .._change.model import Change
from .._phone import cnf, loads_xml
from .._phone.boot import Outcome
from .._phone.image import FIRST_WITH_LOADER, SCCP, SIP, Image, recognise
from .._phone.view import OS79XX, SIP_DEFAULT
from .._text import count, list_some
from .access import ANYBODY, ServerUser, hidden, unwritable
from .diff import digest
from .findings import harmless, quoted
from .foresight import Foresight, bad_ends, by_reason, reason
from .loads import loads_files, misled, neighbours
from .read import Root, RootError, RootFile, grouped, os79xx_data

REFUSE, FOLLOW = "refuse", "follow"
"""What to do about a load in an XML file that wins over image_version."""


@dataclass
class RootChanges:
    """What would change in a root to make it name an image."""

    image: str
    changes: List[Change] = field(default_factory=list)
    examined: int = 0
    """How many phones have a file of their own."""
    overrides: List[Tuple[RootFile, cnf.Edit]] = field(default_factory=list)
    """The per-phone files that name another image."""
    duplicates: List[Tuple[str, List[int]]] = field(default_factory=list)
    """The files that set image_version more than once, with the numbers of these lines."""
    os79xx_before: Optional[str] = None
    os79xx: Optional[str] = None
    """The name in OS79XX.TXT then; None if there is no such file, or it stays as it is."""
    xml: List[RootFile] = field(default_factory=list)
    """The XML files that name loads."""
    would_move: Dict[str, str] = field(default_factory=dict)
    """MAC → image that the files name for it now, of every phone that may run another release because of the change."""
    boots: List[Dict[str, Any]] = field(default_factory=list)
    """How it may end for the phones that shall move, as `Foresight.groups`."""
    way_back: List[Dict[str, Any]] = field(default_factory=list)
    """Whether these phones come back to what they run now once the files are as they were: see the module image_version."""
    advice: List[str] = field(default_factory=list)
    """What speaks against the image, and whom else the change concerns."""
    warnings: List[str] = field(default_factory=list)


def plan_changes(
    root: Root,
    image: Image,
    os79xx: str,
    verify: bool = True,
    server: ServerUser = ANYBODY,
    only: Optional[FrozenSet[str]] = None,
    hold: Optional[Mapping[str, Image]] = None,
    phones: Optional[Mapping[str, Optional[Image]]] = None,
    loads: str = REFUSE,
    skip_blocked: bool = False,
) -> RootChanges:
    """What would change so that the root names that image. Reads only.

    With `only`, just the phones of these MACs are pointed at it, by a temporary line in their own files where these set no image,
    and SIPDefault.cnf stays; a call without it takes such lines out again. `hold` (MAC → image) keeps phones on an image of
    their own. OS79XX.TXT cannot be kept from a phone: up to 6.x they all read it.

    `phones`: those that shall move, and what each runs now, None if that is not known; without, every phone is taken to run what its
    files name. `loads`: whether to REFUSE loads that win over image_version, or have them FOLLOW it. With `skip_blocked` it is
    left to the caller to tell what is known beforehand (`boots`, `advice`), and no fault that some of `phones` cannot get there.

    Raises RootError with everything that stands in the way: faults of the root, files that cannot be written, loads, phones that cannot
    get there, and, unless `verify` is off, an image whose files are not there, not whole or not readable for `server`.
    """
    planning = _Planning(root, image, server, only, hold or {}, phones or {})
    wanted, faults = planning.wanted, planning.faults
    problems = planning.now.problems(image)
    if not verify:
        wanted.warnings += problems
    for needed in filter(None, (image, recognise(os79xx))):
        planning.now.suppose_whole(needed)  # if they are not, this is told already
    planning.point_files()
    planning.point_loads(os79xx, loads == FOLLOW)
    planning.point_os79xx(os79xx)
    if verify:
        faults += [problem if problem.endswith("?") else f"{problem}, or set verify_files to false" for problem in problems]
    planning.foresee(skip_blocked)
    faults += unwritable(root, wanted.changes)
    if root.faults or faults:
        raise RootError(*grouped(root.faults), *faults)
    wanted.warnings += [*([] if skip_blocked else wanted.advice), *root.warnings, *hidden(root, planning.files.values(), server)]
    return wanted


def named_images(root: Root, instead: Mapping[str, Optional[bytes]]) -> Tuple[str, Dict[str, str]]:
    """The image that SIPDefault.cnf names ("" if none), and those that phones' own files name, by MAC.

    `instead`: path → content to read in place of a file's own, None for a file that is gone.
    """
    default = root.default
    data = instead.get(default.path, default.data) if default else instead.get(SIP_DEFAULT)
    own = {file.mac: _named_by(cnf.image_versions(instead.get(file.path, file.data) or b"")) for file in root.phones}
    return cnf.lookup(data or b"", "image_version") or "", {mac: name for mac, name in own.items() if name}


def named_digests(root: Root, wanted: RootChanges) -> Dict[str, List[Optional[str]]]:
    """SHA-256 of each file that names an image for phones, twice, as of a file that stays as it is."""
    files = [file for file in (root.default, root.os79xx, *wanted.xml) if file]
    files += [file for file in root.phones if cnf.image_versions(file.data)]
    return {file.name: [digest(file.data)] * 2 for file in files}


@dataclass
class _Planning:
    """`named`: MAC → what the files name for it now, of every SIP phone that is known; `runs`: what it runs. `targets`: MAC → image of
    those to point or hold; `movers`: of those that this is about. `misled`: MACs of phones of which a fault says that a load misleads them.
    """

    root: Root
    image: Image
    server: ServerUser
    only: Optional[FrozenSet[str]]
    hold: Mapping[str, Image]
    phones: Mapping[str, Optional[Image]]
    faults: List[str] = field(default_factory=list)
    files: Dict[str, RootFile] = field(default_factory=dict)
    named: Dict[str, str] = field(default_factory=dict)
    misled: Set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.wanted = RootChanges(self.image.name)
        self.default_named = (cnf.lookup(self.root.default.data, "image_version") or "") if self.root.default else ""
        self.now = Foresight(self.root, server=self.server)
        self.xml = list(loads_files(self.now))
        self.wanted.xml = [xml.file for xml in self.xml]
        self.os79xx_path = self.root.os79xx.path if self.root.os79xx else OS79XX

    def point_files(self) -> None:
        """SIPDefault.cnf and the phones' own files."""
        root, wanted, apart = self.root, self.wanted, set(self.hold) | (self.only or set())
        default, named = root.default, self.default_named
        if default:
            self.files[default.path] = default
        if self.only is None and (default or SIP_DEFAULT not in root.entries):
            self._add(SIP_DEFAULT, default, cnf.set_image_version(default.data if default else b"", self.image.name, add=True))
        for file in root.phones:
            wanted.examined += 1
            if file.path in self.files:
                self.faults.append(f"{file.name} is the same file as {self.files[file.path].name}: give the phone a file of its own")
                continue
            self.files[file.path] = file
            edit = self._edit(file)
            lines = edit.before if edit and cnf.PIN_MARK not in file.data else cnf.image_versions(file.data)
            self.named[file.mac] = _named_by(lines) or named
            if edit:
                self._add(file.name, file, edit)
        for mac, alias in root.shared:
            other = alias.mac
            if (mac in apart) != (other in apart) or self.hold.get(mac) != self.hold.get(other):
                text = f"SIP{mac}.cnf and SIP{other}.cnf are one file, so these phones cannot be kept apart: give each its own"
                self.faults.append(text)
            self.named[other] = self.named.get(mac, named)
        for mac in sorted(apart - set(self.named)):
            self.faults.append(f"SIP{mac}.cnf is missing in {root.path}: that phone cannot be kept apart without it: create it")
        for xml in self.xml:
            if xml.mac and xml.protocol == SIP:
                self.named.setdefault(xml.mac, next((element.load for element in xml.elements if element.load), named))
        self.named = {**dict.fromkeys(self.phones, named), **self.named}
        self.runs = {mac: recognise(name) for mac, name in self.named.items()}
        self.runs.update(self.phones)
        self.targets = {mac: self.hold.get(mac, self.image) for mac in self.named if self.only is None or mac in apart}
        self.movers = {mac: self.runs[mac] for mac in self.phones or self.targets if mac in self.targets}

    def point_loads(self, os79xx: str, follow: bool) -> None:
        """The XML files with loads by which phones may end elsewhere."""
        contents = {**self.contents, self.os79xx_path: os79xx_data(os79xx)}
        targets = {mac: target for mac, target in self.targets.items() if mac not in self.hold}
        by_name = {xml.file.name: xml for xml in self.xml}
        for name, macs in misled(self.now, contents, self.xml, self.runs, targets).items():
            self.misled.update(macs)
            xml = by_name[name]
            element = xml.wrong(self.image)[0]
            others = [one.file.name for one in self.xml if one.file.path == xml.file.path and self._stays_out(one.mac)]
            text = f"{name}:{element.line}: names the load {quoted(element.load)}, which may win over image_version from 7.x on"
            text += f", for {count(macs)} ({list_some(macs)})"
            if xml.fault:
                self.faults.append(f"{text}; and line {xml.fault.line} {xml.fault.text}: mend the file, or remove it")
            elif others:
                self.faults.append(f"{text}; {others[0]} speaks to others too: give these phones SEP<MAC>.cnf.xml with {self.image}")
            elif not follow:
                self.faults.append(f"{text}: name {self.image} there, or set loads to follow (-e loads=follow)")
            elif xml.file.path not in self.files:
                self.files[xml.file.path] = xml.file
                self.wanted.changes.append(self.root.change(name, xml.file, xml.following(self.image)))

    def point_os79xx(self, name: str) -> None:
        """OS79XX.TXT. One that is not there is made only if phones need it; and for some phones only those are asked."""
        file, wanted = self.root.os79xx, self.wanted
        if file:
            wanted.os79xx_before = file.data[:256].decode("utf-8", "backslashreplace")
            wanted.os79xx = wanted.os79xx_before.strip()
            if file.path in self.files:
                self.faults.append(f"{OS79XX} is the same file as {self.files[file.path].name}: give it a file of its own")
                return
            self.files[file.path] = file
        if (file and file.data in (os79xx_data(name), name.encode("ascii"))) or (OS79XX in self.root.entries and not file):
            wanted.os79xx = name
            return
        changed = self.now.instead({**self.contents, self.os79xx_path: os79xx_data(name)})
        if not file:
            left = self.now.instead(self.contents)
            better = (
                left.doubts(mac, runs, self.targets[mac]) - changed.doubts(mac, runs, self.targets[mac])
                for mac, runs in self.movers.items()
            )
            needed = name != self.image.os79xx or any(better)
        else:
            needed = self.only is None or any(changed.asks(mac, runs, OS79XX) for mac, runs in self.movers.items())
        sccp = neighbours(self.xml, self.named, SCCP)
        seen = f"SCCP phones up to 6.x read it too: {count(sccp, 'SCCP phone')} seen here ({list_some(sccp)})"
        if not needed:
            if sccp and not file and wanted.changes:
                wanted.advice.append(f"{OS79XX} is not there and is not made, as none of these phones needs it; {seen}")
            return
        wanted.os79xx = name
        wanted.changes.append(self.root.change(OS79XX, file, os79xx_data(name)))
        if sccp:
            wanted.advice.append(f"{OS79XX} changes, and {seen}")
        others = [mac for mac, runs in self.runs.items() if mac not in self.targets and changed.asks(mac, runs, OS79XX)]
        if others:
            wanted.advice.append(f"{OS79XX} changes, and others up to 6.x read it too: {count(others)} ({list_some(others)})")

    def foresee(self, skip_blocked: bool) -> None:
        """What phones do with the changed root, and once it is put back."""
        wanted = self.wanted
        then = self.now.instead(self.contents) if wanted.changes else self.now
        for mac, runs in self.runs.items() if wanted.changes else ():
            before, after = (foresight.of(mac, runs).outcomes for foresight in (self.now, then))
            # Where it may move as it is, the change may be what decides it
            if after != before and _releases(after) - ({(runs.protocol, runs.version)} if runs else _releases(before)):
                wanted.would_move[mac] = self.named[mac]
        wanted.boots = then.groups(self.movers, self.targets)
        told = wanted.boots if self.phones and not skip_blocked else []
        for (arrives, target, why), macs in by_reason(told, self.targets).items():
            who = f"{count(macs)} ({list_some(macs)})"
            if arrives:
                wanted.warnings.append(f"{who} may not end on {target}: {why}")
            elif not self.misled.issuperset(macs):
                self.faults.append(f"{who} cannot get to {target}: {why} Choose another image, or leave them out")
        for name, why in self.now.unreadable.items():
            own = loads_xml.mac_of(name)
            if own in self.targets or (not own and any(then.asks(mac, self.runs[mac], name) for mac in self.targets)):
                self.faults.append(f"{name} {why}")
        if self.image.advisory and not skip_blocked:
            wanted.advice.append(self.image.advisory)
        self._foresee_way_back()

    def _foresee_way_back(self) -> None:
        """The files as they are now, but for the loader in OS79XX.TXT, which phones need that were on 6.x or older meanwhile."""
        going: Dict[Image, List[str]] = {}
        for mac, runs in self.movers.items():
            if runs and not runs.same_as(self.targets[mac]):
                going.setdefault(runs, []).append(mac)
        for old, macs in going.items():
            needs_loader = old.loader and any(self.targets[mac].generation < FIRST_WITH_LOADER for mac in macs)
            back = self.now.instead({self.os79xx_path: os79xx_data(old.os79xx)} if needs_loader else {})
            ways = [back.of(mac, self.targets[mac]).outcomes for mac in macs]
            bad = [outcomes for outcomes in ways if bad_ends(outcomes, old)]
            none = [outcomes for outcomes in bad if len(bad_ends(outcomes, old)) == len(outcomes)]
            lacks = self.now.lacks(old)
            elsewhere = {self.named[mac] for mac in macs} - {old.name}
            why = [*self.now.problems(old), *(f"the files name {harmless(name) or 'no image'}" for name in sorted(elsewhere))]
            self.wanted.way_back.append(
                {
                    "image": old.name,
                    "phones": len(macs),
                    "whole": not lacks,
                    "missing": [file for file, fault in lacks.items() if fault is None],
                    "returns": "no" if none else "not known" if bad else "yes",
                    "why": "; ".join(why) or reason((none or bad)[0], old) if bad else "",
                }
            )

    @property
    def contents(self) -> Dict[str, Optional[bytes]]:
        """The files that change, as `Foresight` takes them."""
        return {change.path: change.after for change in self.wanted.changes}

    def _stays_out(self, mac: Optional[str]) -> bool:
        """Whether a file of that phone, None for all of them, has to stay as it is."""
        return self.only is not None if mac is None else mac in self.hold or mac not in self.targets

    def _edit(self, file: RootFile) -> Optional[cnf.Edit]:
        """How a phone's own file is edited, or None if it is let be."""
        if file.mac in self.hold:
            return cnf.pin(cnf.without_pins(file.data), self.hold[file.mac].name)
        if self.only is None:
            return cnf.set_image_version(cnf.without_pins(file.data), self.image.name)
        if file.mac not in self.only or (self.default_named == self.image.name and not cnf.image_versions(file.data)):
            return None
        return cnf.pin(file.data, self.image.name, temporary=True)

    def _add(self, name: str, file: Optional[RootFile], edit: cnf.Edit) -> None:
        wanted = self.wanted
        wanted.warnings += [f"{name}:{fault.line}: {fault.text}" for fault in edit.faults]
        if len(edit.before) > 1:
            wanted.duplicates.append((name, [line for line, _value in edit.before]))
        if file and file.name != SIP_DEFAULT and any(value != wanted.image for _line, value in edit.before):
            wanted.overrides.append((file, edit))
        if not file or edit.data != file.data:
            wanted.changes.append(self.root.change(name, file, edit.data))


def _named_by(lines: Iterable[Tuple[int, str]]) -> str:
    """The last image_version that sets one."""
    value = ([value.strip() for _line, value in lines] or [""])[-1]
    return "" if value.upper() == cnf.UNPROVISIONED else value


def _releases(outcomes: Iterable[Outcome]) -> Set[Tuple[str, Tuple[int, ...]]]:
    return {(outcome.image.protocol, outcome.image.version) for outcome in outcomes if outcome.image}
