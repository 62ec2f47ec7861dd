# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which phones a root has files of, and what these tell each of them. No secret is in it, and no text that does a terminal harm."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import Any, Dict, List, Mapping, Optional

from .._phone import cnf
from .._text import SECRET, plain
from .findings import LONGEST, harmless
from .foresight import Foresight
from .loads import loads_files
from .read import Root, RootFile

Info = Dict[str, Any]

LEVELS = ("0", "1", "2")
"""What telnet_level can be."""
_PASSWORD = "phone_password"
LINE_PARTS = ("name", "authname", "displayname", "shortname")
"""What is told of a line. What `line1_password` says never is."""
_NO_LINE: Info = dict.fromkeys(LINE_PARTS)
_TOLD = cnf.finder(rf"image_version|telnet_level|phone_label|{_PASSWORD}|line[1-9][0-9]?_(?:{'|'.join(LINE_PARTS)})")
_SECRET = re.compile(SECRET, re.IGNORECASE)


def phones(root: Root) -> Dict[str, Info]:
    """The `facts` of each SIP phone, by MAC. No fault is looked for, which takes most of the time of an audit."""
    default = file_values(root.default)
    found = {file.mac: facts(root, file, default) for file in root.phones}
    add_shared(root, found)
    return found


def file_values(file: Optional[RootFile]) -> Dict[str, str]:
    """What that file sets, unless to nothing, of what `facts` tells, by key in lower case, as harmless text."""
    values = cnf.values(_TOLD, file.data) if file else {}
    if _PASSWORD in values:
        values[_PASSWORD] = ""
    text = "".join(values.values())  # one look at all of them is enough for most phones
    if text.isprintable() and not _SECRET.search(text) and max(map(len, values.values()), default=0) <= LONGEST:
        return values
    return {key: harmless(value) for key, value in values.items()}


def facts(root: Root, file: RootFile, default: Mapping[str, str]) -> Info:
    """What its own file tells a phone, and SIPDefault.cnf, of which `default` is what it tells (`file_values`)."""
    own = file_values(file)
    image, level = own.get("image_version"), telnet_level(own)
    return {
        "file": plain(file.name),
        "loads_file": _loads_file(root, file.mac),
        "image": image,
        "effective_image": image or default.get("image_version"),
        "telnet_level": level,
        "effective_telnet_level": (telnet_level(default) or 0) if level is None else level,
        "phone_password_set": _PASSWORD in own or _PASSWORD in default,
        "label": own.get("phone_label") or default.get("phone_label"),
        "lines": _lines(own),
    }


def telnet_level(values: Mapping[str, str]) -> Optional[int]:
    """0, 1 or 2, or None where it is not set, or to something else."""
    level = values.get("telnet_level")
    return int(level) if level in LEVELS else None


def add_shared(root: Root, phones: Dict[str, Info]) -> None:
    """Add the phones whose file is that of another one, behind a symbolic link."""
    for mac, alias in root.shared:
        if alias.mac not in phones:
            phones[alias.mac] = {**phones[mac], "file": plain(alias.name), "loads_file": _loads_file(root, alias.mac)}


def others(foresight: Foresight, phones: Mapping[str, Any]) -> Dict[str, Info]:
    """The phones that have a SEP<MAC>.cnf.xml and are not among these, by MAC: its name, and of which kind it makes them.

    `kind`: as `loads.LoadsFile.protocol`.
    """
    found = loads_files(foresight, exact=False, but=phones)
    return {one.mac: {"file": plain(one.file.name), "kind": one.protocol} for one in found if one.mac}


def _loads_file(root: Root, mac: str) -> Optional[str]:
    name = f"SEP{mac}.cnf.xml"
    return name if name in root.entries else None


def _lines(values: Mapping[str, str]) -> List[Info]:
    lines: Dict[str, Info] = {}
    for key, value in values.items():
        if key.startswith("line"):
            number, _bar, part = key[4:].partition("_")
            line = lines.get(number)
            if line is None:
                line = lines[number] = {"line": int(number), **_NO_LINE}
            line[part] = value
    return sorted(lines.values(), key=itemgetter("line"))
