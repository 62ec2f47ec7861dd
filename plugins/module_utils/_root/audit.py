# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All there is to know of a TFTP root, read only. What is wrong with it is a result here and never an error.

No value of a setting gets out but those of a few that are no secrets, and these as text that does a terminal no harm.
That SEP<MAC>.cnf.xml and XMLDefault.cnf.xml are asked before SIPDefault.cnf is from a real boot log; that a load in them fights
image_version is inferred from that.
"""

from __future__ import annotations

import copy
import os
import re
import stat
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple
from xml.parsers import expat

from .._phone import cnf
from .._phone.image import LOADER, SIP, Image, ImageNameError, parse, parse_application, recognise
from .read import OS79XX, SIP_DEFAULT, File, Reader, Root, RootError, image_problems

RINGLIST = "RINGLIST.DAT"
SYNCINFO = "syncinfo.xml"
DIALPLAN = "dialplan"
TELNET_OFF, TELNET_ON = 0, 1
LONGEST = 80
"""Characters of a value or a name out of a file that are shown."""
MOST = 20
"""Faults of one file, and lines of one duplicate, that are told one by one."""

_READ, _SEARCH = 4, 1
_EXTENSIONS = (".bin", ".sbn", ".sb2", ".loads")
_PHONE_FILE = re.compile(r"SIP([0-9A-F]{12})\.cnf")
_XML_OF_PHONE = re.compile(r"SEP([0-9A-F]{12})\.cnf\.xml", re.IGNORECASE)
_XML_DEFAULT = "XMLDefault.cnf.xml"
_LOAD = re.compile(r"loadinformation([0-9]*)")
_OUR_LOADS = ("", "7", "8")  # of loadInformation, loadInformation7 (7960), loadInformation8 (7940)
_MOST_ELEMENTS = 1000
_OUR_MODELS = re.compile("79[46]0")
_SECRET = re.compile("passw|secret|encrypt_key", re.IGNORECASE)
_NAMED_FAULT = re.compile("(.+?) ((?:is|has|cannot|vanished) .+)", re.DOTALL)
_DEFAULT_FAULT = re.compile(rf"\({re.escape(SIP_DEFAULT)}:([0-9]+)\)")
_ONLY_FOR_CHANGES = ", or set verify_files to false"

# One look at a whole file is several times faster than one at each of its lines. It is enough where nothing is odd.
# A line that this does not match need not be wrong: that is for `cnf` to say.
_PLAIN_LINE = re.compile(rb'^[ \t]*(?:([a-z_]\w*)[ \t]*:[ \t]*(?:"[^"\n]*"|(?![" \t])).*|[#;].*)?$', re.MULTILINE)
_TOLD = frozenset((b"image_version", b"telnet_level", b"phone_password", b"tftp_cfg_dir", b"dial_template"))

_line_settings = lru_cache(maxsize=256)(cnf.settings)  # fleets say the same in thousands of files

Told = Dict[str, cnf.Setting]
Info = Dict[str, Any]


class _Reference(NamedTuple):
    """The first place that names an image."""

    file: str
    line: int
    column: int


class _Element(NamedTuple):
    name: str
    attributes: Dict[str, str]
    text: List[str]
    line: int
    column: int


def survey(root: Root, server: Reader) -> Info:
    """What the root holds and what is wrong with it, in the form that the module `tftp_root_info` returns."""
    return _Survey(root, server).result()


class _Survey:
    def __init__(self, root: Root, server: Reader) -> None:
        self.root = root
        self.server = server
        self.faults: List[Info] = []
        self.advice: List[str] = []
        self.duplicates: List[Info] = []
        self.references: Dict[str, _Reference] = {}
        self.named: Counter[str] = Counter()
        self.templates: Dict[str, str] = {}
        self.default: Told = {}
        self._folders: Set[str] = set()
        # What looks for an image goes through all entries: no phone's file is one of them.
        self._images = copy.copy(root)
        self._images.entries = {name: entry for name, entry in root.entries.items() if name[:1] in ("P", "p")}

    def result(self) -> Info:
        root = self.root
        if not self.server.may(root.status, _SEARCH):
            self._fault(None, f"the folder {_plain(root.path)} is closed to {self.server.name} ({_mode(root.status)}): open it")
        default = self._default()
        phones, overrides = self._phones()
        os79xx = self._os79xx()
        loads = self._loads(phones)
        syncinfo = self._syncinfo()
        files = self._files()
        images = self._present()
        self._check_references(images)
        for text in dict.fromkeys(root.faults):
            self._fault_of_root(text)
        self.advice += [_plain(_masked(text)) for text in root.warnings]
        summary = self._summary(phones)
        summary.update(
            overrides=len(overrides),
            images=len(images),
            images_whole=sum(image["whole"] for image in images.values()),
            fights=sum(load["fights"] for load in loads),
            faults=len(self.faults),
            duplicates=len(self.duplicates),
        )
        return {
            "root": root.path,
            "default": default,
            "phones": phones,
            "overrides": overrides,
            "os79xx": os79xx,
            "images": images,
            "loads": loads,
            "syncinfo": syncinfo,
            "files": files,
            "duplicates": self.duplicates,
            "faults": self.faults,
            "advice": self.advice,
            "summary": summary,
        }

    def _default(self) -> Optional[Info]:
        file = self.root.default
        if not file:
            if SIP_DEFAULT not in self.root.entries:
                self.advice.append(f"there is no {SIP_DEFAULT}: only phones with a file of their own are told anything")
            return None
        self.default = self._told(file)
        return {
            "file": file.name,
            "image": self._image(self.default),
            "telnet_level": self._telnet_level(self.default),
            "phone_password_set": "phone_password" in self.default,
            "tftp_cfg_dir": _value(self.default, "tftp_cfg_dir"),
            "dial_template": _value(self.default, "dial_template"),
        }

    def _phones(self) -> Tuple[Dict[str, Info], Dict[str, str]]:
        """Each phone that has a file, and the images that these files set."""
        phones: Dict[str, Info] = {}
        overrides: Dict[str, str] = {}
        owners: Dict[str, str] = {}
        default_image, default_level = self._image(self.default), self._telnet_level(self.default)
        default_password = "phone_password" in self.default
        for file in self.root.phones():
            mac = file.mac or ""
            told = self._told(file)
            image = level = None
            if told:
                image, level = self._image(told), self._telnet_level(told)
            if mac in phones:
                self._fault(phones[mac]["file"], f"is not asked for: {_plain(file.name)} is the file of the same phone in tftp_cfg_dir")
                overrides.pop(mac, None)
            if image:
                overrides[mac] = image
            owners[file.path] = mac
            phones[mac] = {
                "file": _plain(file.name),
                "image": image,
                "effective_image": image or default_image,
                "telnet_level": level,
                "effective_telnet_level": next((known for known in (level, default_level) if known is not None), TELNET_OFF),
                "phone_password_set": default_password or "phone_password" in told,
            }
        self._add_aliases(phones, overrides, owners)
        return phones, overrides

    def _add_aliases(self, phones: Dict[str, Info], overrides: Dict[str, str], owners: Dict[str, str]) -> None:
        """Phones whose file is a second name of one that was read: Root hands out each file once."""
        for name, entry in sorted(self.root.entries.items()):
            match = _PHONE_FILE.fullmatch(name) if name[:3] == "SIP" else None
            if not match or match.group(1) in phones:
                continue
            try:
                owner = owners.get(self.root.locate(name, entry))
            except (RootError, OSError):
                continue  # among the root's faults already
            if owner:
                phones[match.group(1)] = {**phones[owner], "file": name}
                if owner in overrides:
                    overrides[match.group(1)] = overrides[owner]

    def _told(self, file: File) -> Told:
        """What the file sets of what matters here; its faults and duplicates are noted."""
        self._check_access(file)
        told = _settings(file.data)
        if told is None:
            told = self._told_by_lines(file)
        told = {key: setting for key, setting in told.items() if setting.provisioned}
        if "image_version" in told:
            self._refer(told["image_version"].value, file)
        if "dial_template" in told:
            self.templates.setdefault(told["dial_template"].value, file.name)
        level = told.get("telnet_level")
        if level and level.value not in ("0", "1", "2"):
            self._fault(file.name, f"sets telnet_level to {_quoted(level.value)}: it has to be 0, 1 or 2", *_place(file, "telnet_level"))
        return told

    def _told_by_lines(self, file: File) -> Told:
        where, faults = _by_lines(file.data)
        for fault in faults[:MOST]:
            self._fault(file.name, fault.text, fault.line, fault.column)
        if len(faults) > MOST:
            more, next_one = len(faults) - MOST, faults[MOST]
            self._fault(file.name, f"and {more} more lines that the phone cannot read", next_one.line, next_one.column)
        for key, lines in where.items():
            if len(lines) == 1:
                continue
            shown = key.decode()[:LONGEST]
            self.duplicates.append({"file": _plain(file.name), "key": shown, "lines": [number for number, _line in lines[:MOST]]})
            if len({_line_settings(line)[0].value for _number, line in lines}) > 1:
                text = f"sets {shown} {len(lines)} times, not to the same; the last one seems to count: keep one"
                self._fault(file.name, text, lines[-1][0], _line_settings(lines[-1][1])[0].column)
        return {key.decode(): _line_settings(where[key][-1][1])[0] for key in where.keys() & _TOLD}

    def _check_access(self, file: File) -> None:
        if not self.server.may(file.status, _READ):
            self._fault(file.name, f"is not readable for {self.server.name} ({_mode(file.status)}), so phones do not get it: permit it")
        folder = os.path.dirname(file.path)
        while folder not in self._folders and self.root.holds(folder):
            self._folders.add(folder)
            try:
                status = os.stat(folder)
            except OSError:
                break  # gone meanwhile
            if not self.server.may(status, _SEARCH):
                self._fault(os.path.relpath(folder, self.root.real), f"is closed to {self.server.name} ({_mode(status)}): open it")
            folder = os.path.dirname(folder)

    def _refer(self, name: str, file: File, place: Optional[Tuple[int, int]] = None) -> None:
        self.named[name] += 1
        if name not in self.references:
            self.references[name] = _Reference(file.name, *(place or _place(file, "image_version")))

    def _image(self, told: Told) -> Optional[str]:
        return _value(told, "image_version")

    def _telnet_level(self, told: Told) -> Optional[int]:
        setting = told.get("telnet_level")
        return int(setting.value) if setting and setting.value in ("0", "1", "2") else None

    def _os79xx(self) -> Info:
        file = self.root.os79xx
        if not file:
            return {"present": OS79XX in self.root.entries, "content": None, "name": None, "faults": []}
        self._check_access(file)
        text = _masked(file.data.decode("utf-8", "backslashreplace"))
        name = text.strip()
        if name:
            self._refer(name, file, (1, len(text) - len(text.lstrip()) + 1))
        faults = _os79xx_faults(text, name)
        default = recognise(self.default["image_version"].value) if "image_version" in self.default else None
        if default and name and name not in (default.name, default.os79xx):
            mismatch = f"names {_quoted(name)}, but {SIP_DEFAULT} {default}: {default.os79xx} belongs there"
            if default.loader:
                self.advice.append(f"{OS79XX} {mismatch}; only phones that run 6.x or older read it")
            else:
                faults.append((1, mismatch))
        for column, fault in faults:
            self._fault(file.name, fault, 1, column)
        shown = "".join(char if char in "\r\n\t" else _plain(char) for char in text[:LONGEST])
        return {"present": True, "content": shown, "name": _harmless(name), "faults": [fault for _column, fault in faults]}

    def _loads(self, phones: Dict[str, Info]) -> List[Info]:
        """What SEP<MAC>.cnf.xml and XMLDefault.cnf.xml tell a loader to load."""
        loads: List[Info] = []
        for name in sorted(self.root.entries):
            match = _XML_OF_PHONE.fullmatch(name) if name[:1] in ("S", "s") else None
            if not match and name.lower() != _XML_DEFAULT.lower():
                continue
            mac = match.group(1).upper() if match else None
            if mac and name != f"SEP{mac}.cnf.xml":
                self._fault(name, f"is in the wrong case: that phone asks for SEP{mac}.cnf.xml: rename or remove it")
            file = self.root.read(name, self.root.entries[name])
            if not file:
                continue
            self._check_access(file)
            for element in self._elements(file):
                load = "".join(element.text).strip()
                if not load or not _for_our_phones(element):
                    continue
                known = mac is None or mac in phones or bool(recognise(load))
                wanted = (phones[mac]["effective_image"] if mac in phones else self._image(self.default)) if known else None
                fights = wanted is not None and not _agrees(load, wanted)
                loads.append({"file": _plain(name), "mac": mac, "load": _harmless(load), "fights": fights})
                if fights:
                    text = (
                        f"names the load {_quoted(load)}, which fights image_version {_quoted(wanted or '')}: name that, or remove the file"
                    )
                    self._fault(name, text, element.line, element.column)
        return loads

    def _syncinfo(self) -> Info:
        file = self._other(SYNCINFO)
        found = [element for element in self._elements(file) if element.name == "image"] if file else []
        images = [{key: _harmless(element.attributes.get(key, "")) for key in ("version", "sync")} for element in found[:MOST]]
        return {"present": file is not None, "images": images}

    def _files(self) -> Info:
        template = self.default["dial_template"].value if "dial_template" in self.default else DIALPLAN
        dialplan = self._has_template(template)
        for other, source in self.templates.items():
            if not (dialplan if other == template else self._has_template(other)):
                self.advice.append(f"{_plain(source)} sets dial_template {_quoted(other)}, but {_quoted(other + '.xml')} is not there")
        ringlist = self._other(RINGLIST)
        return {"dialplan": dialplan, "dialplan_name": _harmless(template + ".xml"), "ringlist": ringlist is not None}

    def _has_template(self, template: str) -> bool:
        name = template.replace("\0", "").lstrip("/") + ".xml"
        if name.startswith("./"):
            name = name[2:]
        if "/" not in name:
            file = self._other(name)
            if file:
                self._elements(file)
            return file is not None
        real = os.path.realpath(os.path.join(self.root.real, name))
        return self.root.holds(real) and os.path.isfile(real)

    def _other(self, name: str) -> Optional[File]:
        """That file of the root, if it is there in that case."""
        entry = self.root.entries.get(name)
        if entry:
            file = self.root.read(name, entry)
            if file:
                self._check_access(file)
            return file
        for other in sorted(self.root.entries):
            if len(other) == len(name) and other.lower() == name.lower():
                self._fault(other, f"is in the wrong case: phones ask for {_plain(name)}: rename it")
        return None

    def _elements(self, file: File) -> List[_Element]:
        elements, fault = _elements(file.data)
        if fault:
            self._fault(file.name, fault.text, fault.line, fault.column)
        return elements

    def _present(self) -> Dict[str, Info]:
        """Every SIP image of which there is a file; a loader by itself only if it belongs to none of them."""
        files: Dict[str, List[str]] = {}
        found: Dict[str, Image] = {}
        for name in sorted(self._images.entries):
            stem, extension = os.path.splitext(name)
            image = recognise(stem) if extension.lower() in _EXTENSIONS and len(stem) < LONGEST else None
            if image and image.protocol in (SIP, LOADER):
                found[image.name] = image
                files.setdefault(image.name, []).append(name)
        loaders = {image.loader for image in found.values()}
        images = {}
        for name, image in sorted(found.items()):
            if name in loaders:
                continue
            problems = self._problems(image)
            images[name] = {
                "whole": not problems,
                "files": [_plain(file) for file in sorted(files[name] + files.get(image.loader or "", []))],
                "missing": [file for file in image.files if file not in self._images.entries],
                "problems": problems,
                "named_by": self.named[name],
            }
        return images

    def _problems(self, image: Image) -> List[str]:
        return [_plain(text.replace(_ONLY_FOR_CHANGES, "")) for text in image_problems(self._images, image, self.server)]

    def _check_references(self, images: Dict[str, Info]) -> None:
        """An image that a file names has to be one, and whole."""
        for name, (file, line, column) in self.references.items():
            try:
                image = parse(name) if file == OS79XX else parse_application(_masked(name))
                problems = images[name]["problems"] if name in images else self._problems(image)
            except ImageNameError as error:
                if file == OS79XX:
                    continue  # told with the content
                problems = [str(error)]
            more = self.named[name] - 1
            others = f" (and so {'does' if more == 1 else 'do'} {more} more file{'' if more == 1 else 's'})" if more else ""
            for problem in problems:
                self._fault(file, f"names {_quoted(name)}{others}: {problem}", line, column)

    def _summary(self, phones: Dict[str, Info]) -> Info:
        told: Sequence[Info] = list(phones.values())
        levels = Counter(phone["effective_telnet_level"] for phone in told)
        by_image = Counter(phone["effective_image"] for phone in told)
        open_phones = sum(not phone["phone_password_set"] for phone in told)
        count = len(told)
        if levels[TELNET_OFF]:
            self.advice.append(f"telnet is off for {levels[TELNET_OFF]} of {count} phones (telnet_level 0 or not set): reset needs 2")
        if levels[TELNET_ON]:
            self.advice.append(f"telnet_level is 1 for {levels[TELNET_ON]} of {count} phones: reset needs 2")
        if open_phones:
            self.advice.append(f"phone_password is not set for {open_phones} of {count} phones: they take Cisco's default password")
        if by_image[None]:
            self.advice.append(f"{by_image[None]} of {count} phones are told no image: they keep what they run")
        return {
            "phones": count,
            "by_image": {image: by_image[image] for image in sorted(filter(None, by_image))},
            "without_image": by_image[None],
            "telnet_levels": {str(level): levels[level] for level in sorted(levels)},
            "without_phone_password": open_phones,
        }

    def _fault(self, file: Optional[str], text: str, line: Optional[int] = None, column: Optional[int] = None) -> None:
        self.faults.append({"file": None if file is None else _plain(file), "line": line, "column": column, "text": text})

    def _fault_of_root(self, text: str) -> None:
        """Root tells its faults as text that starts with a file's name, or has SIPDefault.cnf and the line in brackets."""
        inside = _DEFAULT_FAULT.search(text)
        named = _NAMED_FAULT.match(text)
        if inside:
            text = text[: inside.start() - 1] + text[inside.end() :]
            self._fault(SIP_DEFAULT, _plain(_masked(text)), int(inside.group(1)))
        elif named:
            self._fault(named.group(1), _plain(named.group(2)))
        else:
            self._fault(None, _plain(text))


def _settings(data: bytes) -> Optional[Told]:
    """What a file sets of what matters here, or None for a file with anything odd in it: a key set twice, a line that is lost.

    The lines of these settings are not counted.
    """
    text = data.replace(b"\r\n", b"\n") if b"\r" in data else data
    lowered = text.lower()
    found = _PLAIN_LINE.findall(lowered)
    keys = set(found)
    if b"\r" in text or len(found) != text.count(b"\n") + 1 or len(found) - found.count(b"") != len(keys - {b""}):
        return None
    return {key.decode(): _setting(text, lowered, key) for key in keys & _TOLD}


def _by_lines(data: bytes) -> Tuple[Dict[bytes, List[Tuple[int, bytes]]], List[cnf.Fault]]:
    """The lines that set each key, in lower case, and what the phone cannot read."""
    where: Dict[bytes, List[Tuple[int, bytes]]] = {}
    faults: List[cnf.Fault] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        plain = _PLAIN_LINE.fullmatch(line.rstrip(b"\r").lower())
        if plain and b"\r" not in plain[0]:
            key = plain[1]
        else:
            faults += [replace(fault, line=number) for fault in cnf.faults(line)]
            key = b"".join(setting.key.lower().encode() for setting in _line_settings(line))
        if key:
            where.setdefault(key, []).append((number, line))
    return where, faults


def _setting(text: bytes, lowered: bytes, key: bytes) -> cnf.Setting:
    """The one setting of a key that is known to be there."""
    at = lowered.find(key)
    while True:
        stop = text.find(b"\n", at)
        line = text[text.rfind(b"\n", 0, at) + 1 : stop if stop >= 0 else len(text)]
        for setting in _line_settings(line):
            if setting.key.lower().encode() == key:
                return setting
        at = lowered.index(key, at + 1)


def _place(file: File, key: str) -> Tuple[int, int]:
    """Line and column of the value that counts."""
    places = [(setting.line, setting.column) for setting in cnf.settings(file.data) if setting.key.lower() == key and setting.provisioned]
    return places[-1]


def _value(told: Told, key: str) -> Optional[str]:
    setting = told.get(key)
    return _harmless(setting.value) if setting else None


def _os79xx_faults(text: str, name: str) -> List[Tuple[int, str]]:
    """Column and text of each. Old phones take a blank or a carriage return for a part of the name (Cisco's bug CSCdv19260)."""
    if not name:
        return [(1, "is empty: the name of an image belongs there")]
    faults = []
    start = len(text) - len(text.lstrip())
    end = start + len(name)
    tail = text[end:]
    if start:
        faults.append((1, "has blanks or empty lines before the name: remove them"))
    if tail.rstrip("\r\n"):
        faults.append((end + 1, "has a blank after the name, which old phones take for a part of it: remove it"))
    if "\r" in tail:
        faults.append(
            (end + 1 + tail.index("\r"), "ends its line with a carriage return, which old phones take for a part of the name: remove it")
        )
    if tail.count("\n") > 1:
        faults.append((end + 1, "has more than one line: leave the name only"))
    try:
        parse(name)
    except ImageNameError as error:
        faults.append((start + 1, str(error)))
    return faults


def _for_our_phones(element: _Element) -> bool:
    match = _LOAD.fullmatch(element.name)
    if not match:
        return False
    model = element.attributes.get("model")
    return bool(_OUR_MODELS.search(model)) if model else match.group(1) in _OUR_LOADS


def _agrees(load: str, name: str) -> bool:
    image = recognise(name)
    return load == name or (image is not None and load == image.loader)


class _Doctype(Exception):
    pass


def _elements(data: bytes) -> Tuple[List[_Element], Optional[cnf.Fault]]:
    """The elements about images and loads, and where the file stops to be XML, if it does.

    A document type is refused: no phone's file needs one, and entities could make a small file huge.
    """
    found: List[_Element] = []
    current: List[_Element] = []
    # Always Latin-1: what counts here is ASCII, and no byte can then be wrong.
    parser = expat.ParserCreate("iso-8859-1")

    def start(name: str, attributes: Dict[str, str]) -> None:
        current.clear()  # what is in an element inside is not its own text
        name = name.lower()
        if (name == "image" or _LOAD.fullmatch(name)) and len(found) < _MOST_ELEMENTS:
            attributes = {key.lower(): value for key, value in attributes.items()}
            current.append(_Element(name, attributes, [], parser.CurrentLineNumber, parser.CurrentColumnNumber + 1))
            found.extend(current)

    def end(_name: str) -> None:
        current.clear()

    def characters(text: str) -> None:
        for element in current:
            element.text.append(text)

    def doctype(*_details: object) -> None:
        raise _Doctype

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data[3:] if data.startswith(b"\xef\xbb\xbf") else data, True)
    except expat.ExpatError as error:
        return found, cnf.Fault(error.lineno, error.offset + 1, f"is no well-formed XML: {expat.ErrorString(error.code)}")
    except _Doctype:
        return found, cnf.Fault(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, "has a document type: remove it")
    return found, None


@lru_cache(maxsize=1024)
def _harmless(text: str) -> str:
    """Text out of a file for people's eyes: no secret, no control character, not without end."""
    text = _masked(text)
    return _plain(text if len(text) <= LONGEST else text[:LONGEST] + "...")


def _masked(text: str) -> str:
    """A value that speaks of a password is a line gone wrong, and may hold one."""
    secret = _SECRET.search(text)
    return text[: secret.start()] + "********" if secret else text


def _quoted(text: str) -> str:
    return f"'{_harmless(text)}'"


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _mode(status: os.stat_result) -> str:
    return f"mode {stat.S_IMODE(status.st_mode):04o}"
