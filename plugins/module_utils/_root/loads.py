# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The XML files of a root that name loads: whose they are, and what they are with other loads."""

from __future__ import annotations

from typing import Collection, Container, Dict, Iterator, List, Mapping, NamedTuple, Optional
from xml.sax.saxutils import escape

from .._phone import cnf, loads_xml
from .._phone.image import LOADER, SCCP, SIP, Image, recognise
from .foresight import Contents, Foresight
from .read import RootFile

OTHER_MODEL = "another model"


class LoadsFile(NamedTuple):
    """SEP<MAC>.cnf.xml of one phone, or XMLDefault.cnf.xml of all (`mac` is None). `fault`: where it stops to be XML, if it does."""

    file: RootFile
    mac: Optional[str]
    elements: List[loads_xml.Element]
    fault: Optional[cnf.Fault]

    @property
    def protocol(self) -> Optional[str]:
        """What the phone of this file is, as far as the file tells: SIP or SCCP of our models, or OTHER_MODEL."""
        named = [element.value for element in self.elements if element.value and element.name not in ("image", loads_xml.PROTOCOL)]
        known = {image.protocol for image in map(recognise, named) if image}
        is_sccp = any(element.name == loads_xml.PROTOCOL and element.value.upper() == SCCP for element in self.elements)
        if named and not known:
            return OTHER_MODEL
        return SCCP if is_sccp or SCCP in known else SIP if known & {SIP, LOADER} else None

    def wrong(self, image: Image) -> List[loads_xml.Element]:
        """The loads that are neither that image nor its loader, though for SIP phones, misspelt ones too: what others load is not ours."""
        return [element for element in self.elements if element.load not in ("", image.name, image.loader) and _is_ours(element)]

    def following(self, image: Image) -> bytes:
        """The file, which has to be XML, with that image in place of all loads for SIP phones."""
        return loads_xml.set_loads(self.file.data, image.name, _is_ours)


def loads_files(foresight: Foresight, exact: bool = True, but: Container[Optional[str]] = ()) -> Iterator[LoadsFile]:
    """Those that can be read; unless `exact`, also those whose names are in another case, for which no phone asks.

    `but`: MACs whose files are left out.
    """
    for name in sorted(filter(loads_xml.is_loads_file, foresight.root.entries)):
        mac = loads_xml.mac_of(name)
        if mac in but:
            continue
        file = foresight.file(name) if not exact or name in (f"SEP{mac}.cnf.xml", loads_xml.XML_DEFAULT) else None
        if file:
            elements, fault = loads_xml.elements(file.data)
            if fault:
                known = {element.value for element in elements}
                behind = [load for _thing, load in loads_xml.references(file.data) if load not in known]
                elements = elements + [loads_xml.Element("loadinformation", {}, [load], fault.line, fault.column, []) for load in behind]
            yield LoadsFile(file, mac, elements, fault)


def misled(
    foresight: Foresight,
    contents: Contents,
    files: Collection[LoadsFile],
    runs: Mapping[str, Optional[Image]],
    targets: Mapping[str, Image],
) -> Dict[str, List[str]]:
    """The names of those files with a load by which phones may end elsewhere than on their target, and the MACs of these phones.

    `contents`: what the other files of the root are to hold. `runs`: MAC → what it runs now, None if that is not known.
    """
    found: Dict[str, List[str]] = {}
    for image in set(targets.values()):
        macs = {mac for mac, target in targets.items() if target == image}
        wrong = {file.file.name: file for file in files if file.wrong(image) and (file.mac is None or file.mac in macs)}
        followed = foresight.instead({**contents, **{file.file.path: _only_load(image.name) for file in wrong.values()}})
        for turn in range(max((len(file.wrong(image)) for file in wrong.values()), default=0)):
            # A phone takes the load of its model, which is not known here: each by itself
            loads = {file.file.path: file.wrong(image)[turn % len(file.wrong(image))].load for file in wrong.values()}
            left = foresight.instead({**contents, **{path: _only_load(load) for path, load in loads.items()}})
            for mac in sorted(macs):
                if left.doubts(mac, runs[mac], image) - followed.doubts(mac, runs[mac], image):
                    name = f"SEP{mac}.cnf.xml" if f"SEP{mac}.cnf.xml" in wrong else loads_xml.XML_DEFAULT
                    found.setdefault(name, []).append(mac)
                    macs.discard(mac)
    return found


def neighbours(files: Collection[LoadsFile], ours: Collection[str], protocol: str) -> List[str]:
    """The MACs of phones that only have an XML file, by which they are of that protocol. `ours`: MACs that are known to be SIP phones."""
    return [file.mac for file in files if file.mac and file.mac not in ours and file.protocol == protocol]


def _only_load(load: str) -> bytes:
    return f"<device><loadInformation>{escape(load)}</loadInformation></device>".encode("latin-1", "replace")


def _is_ours(element: loads_xml.Element) -> bool:
    image = recognise(element.load)
    return image.protocol in (SIP, LOADER) if image else element.load[:2].upper() in ("P0", "PO")
