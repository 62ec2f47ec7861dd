# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All there is to know of a TFTP root, read only. What is wrong with it is a result here and never an error.

No value of a setting gets out but those of a few that are no secrets, and these as text that does a terminal no harm.
What phones do with the root is foreseen by the model alone, each taken to run what its files name.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from typing import Dict, List, Optional, Tuple

from .. import _files
from .._phone import cnf, loads_xml
from .._phone.image import LOADER, SCCP, SIP, Image, ImageNameError, parse, parse_application, recognise
from .._phone.rules import RULES
from .._phone.view import OS79XX, SIP_DEFAULT
from .._text import count, list_some, mask_from_secret, plain
from .access import ServerUser, unwritable_for_images
from .findings import LONGEST, MOST, Findings, Info, harmless, quoted
from .foresight import Foresight, by_reason
from .image_files import right_names
from .loads import OTHER_MODEL, LoadsFile, loads_files, misled
from .phones import LEVELS, add_shared, facts, file_values, others, telnet_level
from .read import Root, RootFile
from .served import Question
from .settings import generators, lost_at_next_save

RINGLIST = "RINGLIST.DAT"
DIALPLAN = "dialplan"
_SETS_IT = "which the playbook prepare sets, or the module phone_config"
_GENERATED = ("telnet_level", "phone_password", "image_version")
"""What is lost when another system writes phones' files again, as far as this collection sets it."""
_TOLD = ("duplicate_lines", "faulty_line", "broken_xml", "blank_behind_name")
"""Rules about what is a fault of a file, and told as that."""

Settings = Dict[str, cnf.Setting]
"""What a file sets, unless to nothing, by key in lower case."""


def survey(root: Root, server: ServerUser, question: Optional[Question] = None) -> Info:
    """What the root holds and what is wrong with it, in the form that the module `tftp_root_info` returns.

    `question`: what to ask the TFTP server.
    """
    return _Survey(root, server, question).result()


class _Survey:
    def __init__(self, root: Root, server: ServerUser, question: Optional[Question]) -> None:
        self.root = root
        self.server = server
        self.question = question
        self.findings = Findings(root, server)
        self.now = Foresight(root, server=server)
        self.told: Dict[str, Image] = {}
        """MAC → image that the files name, of every SIP phone for which they name one."""
        self.named: Dict[str, List[Tuple[str, int, int]]] = {}
        """File, line and column of each place where an image is named."""
        self.templates: Dict[str, str] = {}
        """The file that first names each dial template."""
        self.default: Settings = {}

    def result(self) -> Info:
        root, findings = self.root, self.findings
        if not self.server.may_enter(root.status):
            shown = _files.shown_mode(root.status)
            findings.fault(None, f"the folder {plain(root.path)} is closed to {self.server.name} ({shown}): open it")
        default = self._default()
        phones, overrides = self._phones()
        os79xx = self._os79xx()
        told = {mac: recognise(phone["effective_image"] or "") for mac, phone in phones.items()}
        self.told = {mac: image for mac, image in told.items() if image}
        xml = list(loads_files(self.now, exact=False))
        loads = self._loads(xml, phones)
        syncinfo = self._syncinfo()
        files = self._other_files()
        other_phones = others(self.now, phones)
        kinds = Counter(one["kind"] for one in other_phones.values())
        images = self._images()
        self._check_named_images(images)
        self._check_names_of_images()
        findings.advice += [lost_at_next_save(name, files, _GENERATED) for name, files in generators(root).items()]
        served = self._served(loads)
        overridden = [file for file in root.phones if file.mac in overrides]
        for text in unwritable_for_images(root, overridden):
            findings.fault(None, plain(text))
        for fault in dict.fromkeys(root.faults):
            findings.fault(fault.file, plain(fault.text), fault.line)
        findings.advice += map(plain, root.warnings)
        return {
            "root": root.path,
            "default": default,
            "phones": phones,
            "others": other_phones,
            "overrides": overrides,
            "os79xx": os79xx,
            "images": images,
            "loads": loads,
            "syncinfo": syncinfo,
            "files": files,
            "duplicates": findings.duplicates,
            "served": served,
            "faults": findings.faults,
            "advice": findings.advice,
            "summary": {
                **self._summary_of_phones(phones),
                "sccp": kinds[SCCP],
                "other_models": kinds[OTHER_MODEL],
                "overrides": len(overrides),
                "images": len(images),
                "images_whole": sum(image["whole"] for image in images.values()),
                "fights": sum(load["fights"] for load in loads),
                "faults": len(findings.faults),
                "duplicates": len(findings.duplicates),
            },
        }

    def _default(self) -> Optional[Info]:
        file = self.root.default
        if not file:
            if SIP_DEFAULT not in self.root.entries:
                self.findings.advice.append(f"there is no {SIP_DEFAULT}: only phones with a file of their own are told anything")
            return None
        self.default = self._settings(file)
        if not file.data:
            self.findings.advice.append(f"{SIP_DEFAULT} is empty: only phones with a file of their own are told anything")
        return {
            "file": file.name,
            "image": _value(self.default, "image_version"),
            "telnet_level": telnet_level(file_values(file)),
            "phone_password_set": "phone_password" in self.default,
            "tftp_cfg_dir": _value(self.default, "tftp_cfg_dir"),
            "dial_template": _value(self.default, "dial_template"),
        }

    def _phones(self) -> Tuple[Dict[str, Info], Dict[str, str]]:
        """Each phone that has a file, and the images that these files set."""
        phones: Dict[str, Info] = {}
        default = file_values(self.root.default)
        for file in self.root.phones:
            mac = file.mac
            self._settings(file)
            if mac in phones:
                text = f"is not asked for: {plain(file.name)} is the file of the same phone in tftp_cfg_dir"
                self.findings.fault(phones[mac]["file"], text)
            phones[mac] = facts(self.root, file, default)
            if not file.data:
                self.findings.fault(file.name, "is empty, so the phone is told nothing of its own: write it anew, or remove it")
        for name in self.root.hidden:
            text = "is a copy that a killed run left, and may hold passwords: the next change of the root removes it, or do so"
            self.findings.fault(name, text)
        add_shared(self.root, phones)
        return phones, {mac: phone["image"] for mac, phone in phones.items() if phone["image"]}

    def _settings(self, file: RootFile) -> Settings:
        settings = self.findings.settings(file)
        image, level, template = settings.get("image_version"), settings.get("telnet_level"), settings.get("dial_template")
        if image:
            self._note_image(image.value, file, image.line, image.column)
        if template:
            self.templates.setdefault(template.value, file.name)
        if level and level.value not in LEVELS:
            text = f"sets telnet_level to {quoted(level.value)}: it has to be 0, 1 or 2"
            self.findings.fault(file.name, text, level.line, level.column)
        return settings

    def _note_image(self, name: str, file: RootFile, line: int, column: int) -> None:
        self.named.setdefault(name, []).append((file.name, line, column))

    def _os79xx(self) -> Info:
        file = self.root.os79xx
        if not file:
            return {"present": OS79XX in self.root.entries, "content": None, "name": None, "faults": []}
        self.findings.access(file)
        text = mask_from_secret(file.data.decode("utf-8", "backslashreplace"))
        name = text.strip()
        if name:
            self._note_image(name, file, 1, len(text) - len(text.lstrip()) + 1)
        faults = _os79xx_faults(text, name)
        for column, fault in faults:
            self.findings.fault(file.name, fault, 1, column)
        shown = "".join(char if char in "\r\n\t" else plain(char) for char in text[:LONGEST])
        return {"present": True, "content": shown, "name": harmless(name), "faults": [fault for _column, fault in faults]}

    def _loads(self, xml: List[LoadsFile], phones: Dict[str, Info]) -> List[Info]:
        """What SEP<MAC>.cnf.xml and XMLDefault.cnf.xml tell a loader to load, and which phones that may take elsewhere."""
        for name, why in self.now.unreadable.items():
            self.findings.fault(name, why)
        default = recognise(_value(self.default, "image_version") or "")
        loads: List[Info] = []
        runs = dict(self.told)
        for one in xml:
            self.findings.access(one.file)
            name, mac = one.file.name, one.mac
            if mac and name != f"SEP{mac}.cnf.xml":
                self.findings.fault(name, f"is in the wrong case: that phone asks for SEP{mac}.cnf.xml: rename or remove it")
            if one.fault:
                self.findings.fault(name, one.fault.text, one.fault.line, one.fault.column)
            if mac and mac not in phones and one.protocol == SIP and default:
                self.told[mac] = default
                runs[mac] = next(filter(None, (recognise(element.load) for element in one.elements)), default)
        by_name = misled(self.now, {}, xml, runs, self.told)
        for one in xml:
            against = by_name.get(one.file.name, [])
            told = sorted({self.told[mac].name for mac in against})
            wrong = [element for image in map(parse, told) for element in one.wrong(image)]
            for element in filter(lambda element: element.load, one.elements):
                fights = element in wrong
                loads.append({"file": plain(one.file.name), "mac": one.mac, "load": harmless(element.load), "fights": fights})
                if fights:
                    text = f"names the load {quoted(element.load)}, which may win over image_version {list_some(told)}"
                    text += f" of {count(against)} ({list_some(against)}): name the same in both, or have it follow in the next rollout"
                    text += " (-e loads=follow)"
                    self.findings.fault(one.file.name, text, element.line, element.column)
        fought = {mac for macs in by_name.values() for mac in macs}
        self._check_at_rest({mac: image for mac, image in self.told.items() if mac in phones and mac not in fought}, phones)
        return loads

    def _check_at_rest(self, told: Dict[str, Image], phones: Dict[str, Info]) -> None:
        """Phones that are on what their files name, and may not stay there."""
        for (arrives, image, why), macs in by_reason(self.now.groups(told, told), told).items():
            if any(RULES[name].text in why for name in _TOLD):
                continue
            who = f"{count(macs)} on {image} ({list_some(macs)})"
            if arrives:
                self.findings.advice.append(f"{who} may not stay on it at a restart: {why}")
            else:
                self.findings.fault(phones[macs[0]]["file"], f"{who} cannot stay on it at a restart: {why}")

    def _syncinfo(self) -> Info:
        file = self._read_other(loads_xml.SYNCINFO)
        elements = [element for element in self._elements(file) if element.name == "image"] if file else []
        images = [{key: harmless(element.attributes.get(key, "")) for key in ("version", "sync")} for element in elements[:MOST]]
        return {"present": file is not None, "images": images}

    def _other_files(self) -> Info:
        template = self.default["dial_template"].value if "dial_template" in self.default else DIALPLAN
        dialplan = self._has_template(template)
        for other, source in self.templates.items():
            if not (dialplan if other == template else self._has_template(other)):
                missing = f"sets dial_template {quoted(other)}, but {quoted(other + '.xml')} is not there"
                self.findings.advice.append(f"{plain(source)} {missing}")
        ringlist = self._read_other(RINGLIST)
        return {"dialplan": dialplan, "dialplan_name": harmless(template + ".xml"), "ringlist": ringlist is not None}

    def _has_template(self, template: str) -> bool:
        name = template.replace("\0", "").lstrip("/") + ".xml"
        if name.startswith("./"):
            name = name[2:]
        if "/" not in name:
            file = self._read_other(name)
            if file:
                self._elements(file)
            return file is not None
        try:
            place = self.root.tree.place(self.root.tree.resolve(name))
            return stat.S_ISREG(os.stat(place.name or ".", dir_fd=place.folder, follow_symlinks=False).st_mode)
        except OSError:
            return False

    def _read_other(self, name: str) -> Optional[RootFile]:
        """That file of the root, if it is there in that case."""
        if name in self.root.entries:
            file = self.root.read(name)
            if file:
                self.findings.access(file)
            return file
        for other in sorted(self.root.entries):
            if len(other) == len(name) and other.lower() == name.lower():
                self.findings.fault(other, f"is in the wrong case: phones ask for {plain(name)}: rename it")
        return None

    def _elements(self, file: RootFile) -> List[loads_xml.Element]:
        elements, fault = loads_xml.elements(file.data)
        if fault:
            self.findings.fault(file.name, fault.text, fault.line, fault.column)
        return elements

    def _images(self) -> Dict[str, Info]:
        """Every SIP image of which there is a file; a loader by itself only if it belongs to none of them."""
        ours = {image.name: image for image in self.root.images.values() if image.protocol in (SIP, LOADER)}
        loaders = {image.loader for image in ours.values()}
        images = {}
        for name in sorted(set(ours) - loaders):
            image = ours[name]
            problems = [plain(text) for text in self.now.problems(image)]
            images[name] = {
                "whole": not problems,
                "files": [plain(file) for file, other in self.root.images.items() if other.name in (name, image.loader)],
                "missing": [file for file in image.files if file not in self.root.entries],
                "problems": problems,
                "named_by": len(self.named.get(name, ())),
            }
        return images

    def _check_named_images(self, images: Dict[str, Info]) -> None:
        """An image that a file names has to be one, and whole."""
        for name, places in self.named.items():
            file, line, column = places[0]
            try:
                image = parse(name) if file == OS79XX else parse_application(mask_from_secret(name))
                problems = images[name]["problems"] if name in images else map(plain, self.now.problems(image))
            except ImageNameError as error:
                if file == OS79XX:
                    continue  # told with the content
                problems = [str(error)]
            more = len(places) - 1
            others = f" (and so {'does' if more == 1 else 'do'} {count(more, 'more file')})" if more else ""
            for problem in problems:
                self.findings.fault(file, f"names {quoted(name)}{others}: {problem}", line, column)

    def _served(self, loads: List[Info]) -> Optional[Info]:
        """What the TFTP server hands out, if it shall be asked."""
        if not self.question:
            return None
        named = map(recognise, [*self.named, *(load["load"] for load in loads)])
        served = self.question.ask(self.root, filter(None, named))
        for file, text in served.faults:
            self.findings.fault(file, text)
        faults = [f"{plain(file)} {text}" if file else text for file, text in served.faults]
        return {**served._asdict(), "port": self.question.port, "faults": faults}

    def _check_names_of_images(self) -> None:
        """Files of images with names that no phone asks for, and images that speak for themselves."""
        for name, right in right_names(self.root).items():
            pair = f"{plain(name)} to {right}"
            if not any(pair in fault["text"] for fault in self.findings.faults):
                self.findings.advice.append(f"phones do not ask for {plain(name)}: rename {pair}")
        for name, places in self.named.items():
            image = recognise(name)
            if image and image.advisory:
                self.findings.advice.append(f"{image.advisory}; named in {count(places, 'file')}")

    def _summary_of_phones(self, phones: Dict[str, Info]) -> Info:
        advice = self.findings.advice
        levels = Counter(phone["effective_telnet_level"] for phone in phones.values())
        by_image = Counter(phone["effective_image"] for phone in phones.values())
        open_phones = sum(not phone["phone_password_set"] for phone in phones.values())
        total = len(phones)
        if levels[0]:
            advice.append(f"telnet is off for {levels[0]} of {total} phones (telnet_level 0 or not set): reset needs 2, {_SETS_IT}")
        if levels[1]:
            advice.append(f"telnet_level is 1 for {levels[1]} of {total} phones: reset needs 2, {_SETS_IT}")
        if open_phones:
            text = f"phone_password is not set for {open_phones} of {total} phones: they take Cisco's default password"
            advice.append(f"{text} until one is set, {_SETS_IT}")
        if by_image[None]:
            advice.append(f"{by_image[None]} of {total} phones are told no image: they keep what they run")
        return {
            "phones": total,
            "by_image": {image: by_image[image] for image in sorted(filter(None, by_image))},
            "without_image": by_image[None],
            "telnet_levels": {str(level): levels[level] for level in sorted(levels)},
            "without_phone_password": open_phones,
        }


def _value(settings: Settings, key: str) -> Optional[str]:
    setting = settings.get(key)
    return harmless(setting.value) if setting else None


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
        column = end + 1 + tail.index("\r")
        faults.append((column, "ends its line with a carriage return, which old phones take for a part of the name: remove it"))
    if tail.count("\n") > 1:
        faults.append((end + 1, "has more than one line: leave the name only"))
    try:
        image = parse(name)
        if image.os79xx != name:
            faults.append((start + 1, f"names an application of {image.generation}.x: {image.os79xx}, its loader, belongs there"))
    except ImageNameError as error:
        faults.append((start + 1, str(error)))
    return faults
