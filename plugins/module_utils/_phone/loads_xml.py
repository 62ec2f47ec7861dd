# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The XML files that name images: SEP<MAC>.cnf.xml and XMLDefault.cnf.xml (which load to load), and syncinfo.xml.

That a phone asks for SEP<MAC>.cnf.xml and XMLDefault.cnf.xml before SIPDefault.cnf is from a real boot log.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple
from xml.parsers import expat

from .cnf import Fault

XML_DEFAULT = "XMLDefault.cnf.xml"
PROTOCOL = "deviceprotocol"
SYNCINFO = "syncinfo.xml"
MOST_ELEMENTS = 1000
"""No real file has as many: what follows them is not looked at."""

_OF_PHONE = re.compile(r"SEP([0-9A-F]{12})\.cnf\.xml", re.IGNORECASE)
_LOAD = re.compile(r"loadinformation([0-9]*)")
_OUR_LOADS = ("", "7", "8")  # of loadInformation, loadInformation7 (7960), loadInformation8 (7940)
_OUR_MODELS = re.compile("79[46]0")
_BOM = b"\xef\xbb\xbf"
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_REFERENCES = (
    ("loadInformation", re.compile(rb"<loadInformation[^>]*>([^<]*)<", re.IGNORECASE)),
    ("IMAGE VERSION", re.compile(rb"<IMAGE\b[^>]*?\bVERSION\s*=\s*[\"']([^\"']*)", re.IGNORECASE)),
)


class Element(NamedTuple):
    """An element about an image, a load or a protocol. Names are in lower case; `text` is in pieces, without that of elements inside.

    `line` and `column` are those of its start tag and count from 1; `spans`: where each piece of the text begins and ends in the file.
    """

    name: str
    attributes: Dict[str, str]
    text: List[str]
    line: int
    column: int
    spans: List[Tuple[int, int]]

    @property
    def value(self) -> str:
        """Its text, without the blanks around it."""
        return "".join(self.text).strip()

    @property
    def load(self) -> str:
        """The load that it names for a 7940 or 7960, or nothing."""
        match = _LOAD.fullmatch(self.name)
        model = self.attributes.get("model")
        ours = match and (_OUR_MODELS.search(model) if model else match.group(1) in _OUR_LOADS)
        return self.value if ours else ""


class _Doctype(Exception):
    pass


def is_loads_file(name: str) -> bool:
    """Whether a file of that name tells phones which load to load, whichever case it is written in."""
    return bool(mac_of(name)) or name.lower() == XML_DEFAULT.lower()


def mac_of(name: str) -> Optional[str]:
    """The MAC in the name SEP<MAC>.cnf.xml, whichever case it is written in, or None for another name."""
    match = _OF_PHONE.fullmatch(name)
    return match.group(1).upper() if match else None


@lru_cache(maxsize=20_000)
def elements(data: bytes) -> Tuple[List[Element], Optional[Fault]]:
    """The elements about images and loads, and where the file stops to be XML, if it does.

    A document type is refused: no phone's file needs one, and entities could make a small file huge.
    """
    everything: List[Element] = []
    current: List[Element] = []
    start_of_piece: List[int] = []
    bom = len(_BOM) if data.startswith(_BOM) else 0
    # Always Latin-1: what counts here is ASCII, and no byte can then be wrong.
    parser = expat.ParserCreate("iso-8859-1")

    def start(name: str, attributes: Dict[str, str]) -> None:
        end()  # what is in an element inside is not its own text
        name = name.lower()
        if (name in ("image", PROTOCOL) or _LOAD.fullmatch(name)) and len(everything) < MOST_ELEMENTS:
            attributes = {key.lower(): value for key, value in attributes.items()}
            current.append(Element(name, attributes, [], parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, []))
            everything.extend(current)

    def between(*_details: object) -> None:
        for element in current if start_of_piece else ():
            element.spans.append((start_of_piece.pop(), bom + parser.CurrentByteIndex))

    def end(*_details: object) -> None:
        between()
        current.clear()

    def characters(text: str) -> None:
        between()
        for element in current:
            element.text.append(text)
            start_of_piece.append(bom + parser.CurrentByteIndex)

    def doctype(*_details: object) -> None:
        raise _Doctype

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartCdataSectionHandler = parser.EndCdataSectionHandler = between
    parser.CommentHandler = parser.ProcessingInstructionHandler = between
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data[bom:], True)
    except expat.ExpatError as error:
        return everything, Fault(error.lineno, error.offset + 1, f"is no well-formed XML: {expat.ErrorString(error.code)}")
    except _Doctype:
        return everything, Fault(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, "has a document type: remove it")
    return everything, None


def set_loads(data: bytes, name: str, which: Callable[[Element], bool]) -> bytes:
    """The well-formed file with that name as the text of each such element that names a load, and no other byte changed.

    Blanks around a load go too: whether phones trim them is not known, an exact name is right either way.
    """
    for element in reversed(elements(data)[0]):
        if element.load and which(element):
            first = next(span for span, piece in zip(element.spans, element.text) if piece.strip())
            for start, end in reversed(element.spans):
                data = data[:start] + (name.encode("ascii") if (start, end) == first else b"") + data[end:]
    return data


def references(data: bytes) -> Iterator[Tuple[str, str]]:
    """Every image that the file may name, with what names it, for any model: in damaged files and in UTF-16 too.

    This asks more than `elements` does: an image that a phone could still ask for must not be removed.
    """
    text = _COMMENT.sub(b"", data.replace(b"\0", b""))
    for thing, pattern in _REFERENCES:
        for match in pattern.finditer(text):
            yield thing, match.group(1).decode("utf-8", "backslashreplace").strip()
