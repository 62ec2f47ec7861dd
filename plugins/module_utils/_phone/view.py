# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A TFTP root as phones see it, also one that does not exist yet: what its files say that decides which image a phone loads."""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, Collection, NamedTuple, Optional, Tuple

from . import cnf, loads_xml
from .container import is_signed
from .image import Image

OS79XX = "OS79XX.TXT"
SIP_DEFAULT = "SIPDefault.cnf"


class Said(NamedTuple):
    """The images that a file names, as they stand there. `faulty`: a phone may read them otherwise, or not at all."""

    names: Tuple[str, ...]
    faulty: bool


class Own(NamedTuple):
    """What the files of one phone say, None where one is not there. `cnf` is in the order of `View.folders`."""

    odd_ctlsep: bool
    sep: Optional[Said]
    cnf: Tuple[Optional[Said], ...]


class View:
    """A TFTP root to ask about. What phones share is worked out once.

    `read`: the content of a file by the name that a phone asks for, None for "File not found". `lacks`: the files of an image that are
    missing or not whole.
    """

    def __init__(self, read: Callable[[str], Optional[bytes]], lacks: Callable[[Image], Collection[str]]) -> None:
        self.read = read
        self.lacks: Callable[[Image], Collection[str]] = lru_cache(maxsize=None)(lacks)
        default = read(SIP_DEFAULT) or b""
        self.default = _image_versions(default)
        folders = [item.value for item in cnf.examine(default).settings if item.key.lower() == "tftp_cfg_dir" and item.provisioned]
        self.folders = (folders[-1], folders[0], "") if folders else ("",)
        """Where the application looks for SIP<MAC>.cnf: by the last line that sets it, by the first; and where its loader does."""
        self.xml_default = _loads(read(loads_xml.XML_DEFAULT))
        self.os79xx = (read(OS79XX) or b"").split(b"\n")[0].decode("latin-1")

    def own(self, mac: str) -> Own:
        """What the files of that phone say."""
        ctlsep = self.read(f"CTLSEP{mac}.tlv")
        files = [self.read(f"{folder}SIP{mac}.cnf") for folder in self.folders]
        return Own(
            ctlsep is not None and not is_signed(ctlsep),
            _loads(self.read(f"SEP{mac}.cnf.xml")),
            tuple([None if data is None else _image_versions(data) for data in files]),
        )


def _image_versions(data: bytes) -> Said:
    """Of the lines about it alone, each with the line end before it: they are the same in most files of a fleet."""
    lowered = data.lower() + b"\n"
    lines = b""
    at = lowered.find(cnf.IMAGE_VERSION)
    while at >= 0:
        end = lowered.find(b"\n", at)
        lines += data[max(data.rfind(b"\n", 0, at), 0) : end]
        at = lowered.find(cnf.IMAGE_VERSION, end)
    return _said_by(lines)


@lru_cache(maxsize=1000)
def _said_by(lines: bytes) -> Said:
    edit = cnf.set_image_version(lines, "")
    return Said(tuple(value for _line, value in edit.before), bool(edit.before and edit.faults))


@lru_cache(maxsize=20_000)
def _loads(data: Optional[bytes]) -> Optional[Said]:
    if data is None or b"loadinformation" not in data.lower():
        return None if data is None else Said((), False)
    elements, fault = loads_xml.elements(data)
    return Said(tuple(dict.fromkeys("".join(element.text) for element in elements if element.load)), bool(fault))
