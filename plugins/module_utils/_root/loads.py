# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The XML files of a root that name loads: whose they are, and what they are with other loads."""

from __future__ import annotations

from typing import Collection, Iterator, List, NamedTuple, Optional

from .._phone import cnf, loads_xml
from .._phone.image import LOADER, SCCP, SIP, Image, recognise
from .foresight import Foresight
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

    def following(self, image: Image) -> Optional[bytes]:
        """The file with that image in place of `wrong` ones; None if it is no XML."""
        return None if self.fault else loads_xml.set_loads(self.file.data, image.name, _is_ours)


def loads_files(foresight: Foresight, exact: bool = True) -> Iterator[LoadsFile]:
    """Those that can be read; unless `exact`, also those whose names are in another case, for which no phone asks."""
    for name in sorted(filter(loads_xml.is_loads_file, foresight.root.entries)):
        mac = loads_xml.mac_of(name)
        file = foresight.file(name) if not exact or name in (f"SEP{mac}.cnf.xml", loads_xml.XML_DEFAULT) else None
        if file:
            yield LoadsFile(file, mac, *loads_xml.elements(file.data))


def neighbours(files: Collection[LoadsFile], ours: Collection[str], protocol: str) -> List[str]:
    """The MACs of phones that only have an XML file, by which they are of that protocol. `ours`: MACs that are known to be SIP phones."""
    return [file.mac for file in files if file.mac and file.mac not in ours and file.protocol == protocol]


def _is_ours(element: loads_xml.Element) -> bool:
    image = recognise(element.load)
    return image.protocol in (SIP, LOADER) if image else element.load[:2].upper() in ("P0", "PO")
