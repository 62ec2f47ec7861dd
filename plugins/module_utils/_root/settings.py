# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would change in a TFTP root so that phones read certain settings. Writes nothing: that is for `_change`.

A phone reads SIPDefault.cnf and then its own file, which overrides it (Cisco's 4.0 guide). Which of several lines for a key counts, and
whether an empty value in the second file is one, is not known: what is written is right in each case.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._change.model import Change
from .._change.record import DONE, Record
from .._phone import cnf, keys, mac
from .._phone.generators import written_by
from .._phone.loads_xml import XML_DEFAULT
from .._phone.view import SIP_DEFAULT
from .._text import count, list_some, shorten
from .access import ANYBODY, ServerUser, hidden, unwritable
from .findings import harmless
from .read import Root, RootError, RootFile, Unusable, grouped

Values = Mapping[str, str]
"""What is wanted, by key as `keys.usual_spelling`."""


class Wish(NamedTuple):
    """What SIPDefault.cnf shall set, and what phones shall read, by MAC. `faults`: what of that is left out, as no file can hold it."""

    default: Values
    phones: Dict[str, Values]
    faults: List[str]
    warnings: List[str]


@dataclass
class SettingsChanges:
    """What would change. `default`, `phones` and `generators` are as the module phone_config returns them."""

    changes: List[Change] = field(default_factory=list)
    keys: List[str] = field(default_factory=list)
    """Those that change somewhere."""
    default: Dict[str, Any] = field(default_factory=dict)
    phones: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    generators: Dict[str, List[str]] = field(default_factory=dict)
    others: List[str] = field(default_factory=list)
    """MACs of phones that have a file of their own and are not asked for."""
    warnings: List[str] = field(default_factory=list)

    def set_at(self, records: Iterable[Record]) -> None:
        """Add to what each phone reads when a call that set one of its keys last changed the file that gives it, by these records."""
        last: Dict[Tuple[str, str], int] = {}
        for record in records:
            for entry, key in product(record.files, record.settings.split(", ") if record.state == DONE else ()):
                last[entry.name, key] = max(last.get((entry.name, key), 0), record.created_at)
        for read in [self.default, *self.phones.values()]:
            times = [last[read["from"][key], key] for key in read["from"] if (read["from"][key], key) in last]
            read["set_at"] = max(times, default=None)
            del read["from"]


def read_wish(settings: Mapping[Any, Any], secrets: Mapping[Any, Any], phones: Sequence[Mapping[str, Any]]) -> Wish:
    """What was asked for, in the form of the options of phone_config."""
    default, faults = keys.read(SIP_DEFAULT, settings, secrets)
    wish = Wish(default, {}, faults, keys.warnings(SIP_DEFAULT, default))
    for phone in phones:
        try:
            address = mac.parse(shorten(phone["mac"], 60))
        except ValueError as error:
            wish.faults.append(f"phones: {error}")
            continue
        file = f"SIP{address}.cnf"
        values, faults = keys.read(file, phone["settings"], phone["secrets"])
        if address in wish.phones:
            faults.append(f"{file}: is twice among the phones: put all of its settings into one entry")
        wish.phones[address] = values
        wish.faults.extend(faults)
        wish.warnings.extend(keys.warnings(file, values))
    return wish


def plan_settings(root: Root, wish: Wish, server: ServerUser = ANYBODY) -> SettingsChanges:
    """What would change so that SIPDefault.cnf sets, and phones read, what is wanted. Reads only.

    Raises RootError with everything that stands in the way.
    """
    planning = _Planning(root, wish)
    planning.set_default()
    planning.set_phones()
    made, read = planning.made, planning.root
    concerned = [fault for fault in read.faults if planning.concerns(fault.file, fault.text)]
    faults = [*wish.faults, *grouped(concerned), *planning.faults, *unwritable(root, made.changes)]
    if faults:
        raise RootError(*faults)
    made.generators = generators(read)
    changed = {change.name for change in made.changes}
    for name, files in made.generators.items():
        lost = [file for file in files if file in changed]
        made.warnings += [lost_at_next_save(name, lost, made.keys)] if lost else []
    made.warnings += [str(fault) for fault in dict.fromkeys(read.faults) if fault not in concerned]
    made.warnings += [*wish.warnings, *read.warnings, *hidden(root, planning.files.values(), server)]
    return made


def generators(root: Root) -> Dict[str, List[str]]:
    """The systems of which there are signs in the files of phones, and these files."""
    found: Dict[str, List[str]] = {}
    for file in filter(None, (root.default, *root.phones)):
        beside = f"SEP{file.mac}.cnf.xml" if file.mac else XML_DEFAULT
        contents = [file.data]
        if beside in root.entries:
            with suppress(Unusable):  # told by those whom that file concerns
                contents.append(root.config(beside).data)
        for name in written_by(*contents):
            found.setdefault(name, []).append(file.name)
    return found


def lost_at_next_save(generator: str, files: Sequence[str], names: Sequence[str]) -> str:
    """What to do about files that a system writes."""
    are, it = "is" if len(files) == 1 else "are", "it" if len(names) == 1 else "they"
    return f"{list_some(files, 4)} {are} written by {generator}: set {list_some(names)} there too, or {it} will be lost at its next save"


@dataclass
class _Planning:
    """`before`, `after`: SIPDefault.cnf as it is, and as it will be. `files`: those that phones in question read, by path."""

    root: Root
    wish: Wish
    made: SettingsChanges = field(default_factory=SettingsChanges)
    faults: List[str] = field(default_factory=list)
    files: Dict[str, RootFile] = field(default_factory=dict)
    before: bytes = b""
    after: bytes = b""

    def set_default(self) -> None:
        """SIPDefault.cnf. If it names another folder for phones' own files then, `root` becomes the one with that."""
        root, file, wanted = self.root, self.root.default, self.wish.default
        if file:
            self.files[file.path] = file
            self.before = self.after = file.data
        password = _last(self.before, "phone_password")
        as_wanted = _gives(self.before, "phone_password", wanted["phone_password"]) if "phone_password" in wanted else None
        self.made.default = {
            "telnet_level": _display_value(_last(self.before, "telnet_level")),
            "phone_password": {"set": bool(password and password.provisioned), "as_wanted": as_wanted},
            "image": _display_value(_last(self.before, "image_version")),
            "from": dict.fromkeys(("telnet_level", "phone_password"), SIP_DEFAULT),
        }
        if not wanted or (not file and SIP_DEFAULT in root.entries):
            return  # why it cannot be used is among the faults of the root
        self.after, changed = self._edit(SIP_DEFAULT, self.before, wanted, dict.fromkeys(wanted, True))
        if changed:
            self.made.changes.append(root.change(SIP_DEFAULT, file, self.after))
        if "tftp_cfg_dir" in wanted:
            here = {phone.mac for phone in root.phones}
            self.root = Root(root.tree)
            self.root.default = replace(file or RootFile(SIP_DEFAULT, SIP_DEFAULT, b"", root.status), data=self.after)
            gone = sorted(here.difference(phone.mac for phone in self.root.phones))
            if gone:
                self.made.warnings.append(f"with this tftp_cfg_dir {count(gone)} ({list_some(gone)}) will not find a file of their own")

    def set_phones(self) -> None:
        """The phones' own files."""
        root, own = self.root, _own_files(self.root)
        contents = {file.path: self.after if self._is_default(file) else file.data for files in own.values() for file in files}
        for again in False, True:  # once more, as the file of one phone may be that of another too
            for address, values in sorted(self.wish.phones.items()):
                files = own.get(address, [])
                add = {key: not _gives(self.after, key, value) for key, value in values.items()}
                if again:
                    self._check(address, files, values, add, contents)
                    continue
                changed: List[str] = []
                for file in files:
                    self.files.setdefault(file.path, file)
                    contents[file.path], names = self._edit(file.name, contents[file.path], values, add)
                    changed += [name for name in names if name not in changed]
                self.made.phones[address] = {**self._read_before(files, values), "changed": changed}
        changes = [file for file in root.phones if contents[file.path] != file.data and not self._is_default(file)]
        self.made.changes += [root.change(file.name, file, contents[file.path]) for file in changes]
        self.made.others = sorted(one for one in own if one not in self.wish.phones)
        self._warn_of_others(own, {file.path for file in changes})

    def concerns(self, name: str, text: str) -> bool:
        """Whether a fault of the root is one of a file that these phones read, or is in the place of one."""
        told = re.findall("[0-9A-F]{12}", f"{name} {text}")
        return os.path.basename(name).upper() == SIP_DEFAULT.upper() or any(one in self.wish.phones for one in told)

    def _is_default(self, file: RootFile) -> bool:
        return bool(self.root.default and file.path == self.root.default.path)

    def _edit(self, name: str, before: bytes, values: Values, add: Mapping[str, bool]) -> Tuple[bytes, List[str]]:
        """The content of that file then, and the keys that change in it."""
        after = before
        changed = []
        for key, value in values.items():
            edit = cnf.set_value(before, key, value, add[key])
            if edit.data != before:
                changed.append(key)
                after = edit.data if after == before else cnf.set_value(after, key, value, add[key]).data
            self.made.warnings += [f"{name}:{fault.line}: {key} {fault.text}" for fault in edit.faults]
            if re.search(rb"\r[ \t]*" + key.encode("ascii") + rb"[ \t]*:", before, re.IGNORECASE):
                lost = f"has {key} behind a carriage return that ends no line: it is left as it is, and a phone may read it: mend the file"
                self.made.warnings.append(f"{name} {lost}")
        self.made.keys += [key for key in changed if key not in self.made.keys]
        return after, changed

    def _read_before(self, files: List[RootFile], values: Values) -> Dict[str, Any]:
        """What that phone reads as the files are."""
        own = files[-1].data if files else b""
        settings: Dict[str, Optional[str]] = {}
        secrets: Dict[str, bool] = {}
        source: Dict[str, str] = {}
        image = _last(own, "image_version")
        for key, value in values.items():
            setting = _last(own, key)
            sets = bool(setting and setting.provisioned)
            source[key] = files[-1].name if sets else SIP_DEFAULT
            if keys.is_secret(key):
                secrets[key] = _gives(own if setting else self.before, key, value)
            else:
                settings[key] = _display_value(setting if sets else _last(self.before, key))
        return {
            "file": files[-1].name if files else None,
            "settings": settings,
            "secrets": secrets,
            "image": _display_value(image if image and image.provisioned else _last(self.before, "image_version")),
            "from": source,
        }

    def _check(self, address: str, files: List[RootFile], values: Values, add: Mapping[str, bool], contents: Mapping[str, bytes]) -> None:
        """That this phone reads what it shall, with the files as they will be."""
        name = f"SIP{address}.cnf"
        missing = [key for key in values if add[key] and not files]
        if missing:
            read = f"that phone would read another {list_some(missing)}"
            self.faults.append(f"{name} is missing in {self.root.path}, and {read}: create it, or set it for all phones")
        for file in files:
            given = contents[file.path]
            wrong = [key for key, value in values.items() if cnf.set_value(given, key, value, add[key]).data != given]
            if self._is_default(file) and (wrong or given != self.after):
                self.faults.append(f"{file.name} is the same file as {SIP_DEFAULT}: give the phone a file of its own")
            elif wrong:
                self.faults.append(
                    f"{name} is the file of another phone too, which shall read another {list_some(wrong)}: give each its own"
                )
        for key, value in values.items():
            default = _last(self.after, key)
            if not cnf.is_provisioned(value.strip()) and default and default.provisioned:
                self.made.warnings.append(f"{name}: whether {key} without a value wins over {SIP_DEFAULT} is not known")

    def _warn_of_others(self, own: Mapping[str, List[RootFile]], changed: Iterable[str]) -> None:
        """Phones that are not asked for, and read what is set for others, or do not read what is set for all."""
        paths = set(changed)
        others = sorted(one for one, files in own.items() if one not in self.wish.phones and any(file.path in paths for file in files))
        if others:
            self.made.warnings.append(f"changes for others too, whose file is the same one: {count(others)} ({list_some(others)})")
        for key, value in self.wish.default.items():
            apart = [
                one
                for one, files in sorted(own.items())
                if key not in self.wish.phones.get(one, {})
                and any(cnf.set_value(file.data, key, value).data != file.data for file in files if not self._is_default(file))
            ]
            if apart:
                text = f"{key} is set otherwise in the own files of {count(apart)} ({list_some(apart)}), which do not follow {SIP_DEFAULT}"
                self.made.warnings.append(f"{text}: name them in phones to have it set there too")


def _own_files(root: Root) -> Dict[str, List[RootFile]]:
    """MAC → the files of that phone. What the application reads is the last one, in tftp_cfg_dir."""
    by_path = {file.path: file for file in root.phones}
    own: Dict[str, List[RootFile]] = {}
    for file in [*by_path.values(), *(alias for _owner, alias in root.shared)]:
        own.setdefault(file.mac, []).append(file)
    return own


@lru_cache(maxsize=100)  # most phones are asked the same of one SIPDefault.cnf
def _gives(data: bytes, key: str, value: str) -> bool:
    """Whether a phone is sure to read that value from that file: there would be nothing to change."""
    return cnf.set_value(data, key, value, add=True).data == data


def _last(data: bytes, key: str) -> Optional[cnf.Setting]:
    """What the last line says that sets that key."""
    return _settings(data).get(key.lower())


@lru_cache(maxsize=100)
def _settings(data: bytes) -> Dict[str, cnf.Setting]:
    return {setting.key.lower(): setting for setting in cnf.examine(data).settings}


def _display_value(setting: Optional[cnf.Setting]) -> Optional[str]:
    return harmless(setting.value) if setting and setting.provisioned else None
