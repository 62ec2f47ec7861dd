# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIPDefault.cnf and SIP<MAC>.cnf: read, and edited without disturbing another byte.

The form is `name : value ; optional comment`, one to a line (Cisco's own rules, as quoted by administrators); lines that start
with `#` or `;` are comments; names are case-insensitive (`Domain_Name` from Cisco's generator is `domain_name` in the phone).
The phone counts a line that it cannot read (no colon, a quote that never closes) and goes on: that line is lost.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, Iterator, List, Match, NamedTuple, Optional, Pattern, Tuple

from .._text import MASK, SECRET

IMAGE_VERSION = b"image_version"
PIN_MARK = b"pinned by voip.cisco79xx until its rollout ends"
UNPROVISIONED = "UNPROVISIONED"

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t"
_MASK = MASK.encode()

# A carriage return inside a line ends its value: in a file with nothing but those, the "line" is the whole file.
_SEPARATED = rb"(?P<separator>[ \t]*:[ \t]*)"
_VALUE = rb'(?:"(?P<quoted>[^"\r\n]*)"|(?P<open>"?)(?P<bare>[^;\r\n]*))'
_SETTING = re.compile(rb"(?P<indent>[ \t]*)(?P<key>[A-Za-z_][A-Za-z0-9_]*)" + _SEPARATED + _VALUE + rb"(?P<rest>[^\r\n]*)")
_COMMENT = re.compile(rb"[ \t]*[#;]")
_NAME = re.compile(rb"[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*")
_HASH = re.compile(rb"(?:\A|(?<=[ \t]))#")
_BARE = re.compile(rb"[!$-:<-~]+")
"""What may stand without quotes: whether a phone reads on behind a blank, and what it makes of other signs, is not known."""

_WORD = re.compile(rb"[A-Za-z0-9_]+")
_SECRET = re.compile(SECRET.encode(), re.IGNORECASE)
_SEPARATOR = re.compile(rb"[\"']?[ \t]*([:=]?)[ \t]*")
_QUOTED_SECRET = re.compile(rb'"([^"]*)"([ \t]*(?:(?:(?<=[ \t]);|;(?=[ \t]|\Z))[^"]*)?)')
_COMMENT_AFTER = re.compile(rb"(?<=[ \t]);|;(?=[ \t]|\Z)")


class Setting(NamedTuple):
    """One setting as the phone reads it. `value` is without the blanks around it; `line` and `column` (of the value) count from 1."""

    key: str
    value: str
    line: int
    column: int

    @property
    def provisioned(self) -> bool:
        """Whether it sets anything: empty and UNPROVISIONED mean unset (the phone's code as published with sipcc)."""
        return is_provisioned(self.value)


class Fault(NamedTuple):
    """Something in a file that the phone cannot read, or reads otherwise than meant. `line` and `column` count from 1."""

    line: int
    column: int
    text: str


class Contents(NamedTuple):
    """Every setting that the phone can read, and every line that it counts as an error, in file order."""

    settings: List[Setting]
    faults: List[Fault]


@dataclass(frozen=True)
class Edit:
    """What setting one key did.

    `before` holds (line, value) of each line that sets it, in the numbering and with the values of the file as it was;
    `added` is the number of the line that was added, if one was; `faults` concern that key only.
    """

    data: bytes
    before: Tuple[Tuple[int, str], ...] = ()
    added: Optional[int] = None
    faults: Tuple[Fault, ...] = ()


_Line = Tuple[bytes, bytes]
"""Text and line end, which the last line of a file may lack."""


def is_provisioned(value: str) -> bool:
    """Whether a value, without the blanks around it, sets anything."""
    return bool(value) and value.upper() != UNPROVISIONED


def examine(data: bytes) -> Contents:
    """What the file says."""
    contents = Contents([], [])
    for number, (text, _end) in enumerate(_lines(data), start=1):
        match = _SETTING.match(text)
        if match:
            value = "bare" if match["quoted"] is None else "quoted"
            contents.settings.append(Setting(_text(match["key"]), _text(match[value]).strip(), number, match.start(value) + 1))
            if match["open"]:
                contents.faults.append(Fault(number, match.start("open") + 1, "the quote is never closed"))
        elif text.strip(_BLANKS) and not _COMMENT.match(text):
            contents.faults.append(Fault(number, *_why_lost(text)))
    return contents


def finder(keys: str) -> Pattern[str]:
    """For `values`: the keys that this regular expression, which has no groups, matches."""
    return re.compile(rf"^[ \t]*(?P<key>{keys})" + (_SEPARATED + _VALUE).decode(), re.ASCII | re.IGNORECASE | re.MULTILINE)


def values(finder: Pattern[str], data: bytes) -> Dict[str, str]:
    """What counts for each of some keys, by key in lower case, unless it is nothing: as `examine`, in a fraction of its time."""
    last = {key.lower(): (quoted or bare).strip() for key, _separator, quoted, _open, bare in finder.findall(_text(data))}
    return {key: value for key, value in last.items() if value and value.upper() != UNPROVISIONED}


def lookup(data: bytes, key: str) -> Optional[str]:
    """The value that counts for that key (any case), without blanks around it, or None.

    The last one wins; that is inferred from how the phone sets one after the other, not shown by a source.
    """
    values = [setting.value for setting in examine(data).settings if setting.key.lower() == key.lower()]
    return values[-1] if values else None


def image_versions(data: bytes) -> Tuple[Tuple[int, str], ...]:
    """Number and value of each line that sets image_version, also of one that some phones may lose."""
    return set_image_version(data, "").before


def set_image_version(data: bytes, name: str, add: bool = False, mark: bytes = b"") -> Edit:
    """As `set_value` for image_version, which is added before the first setting."""
    return set_value(data, "image_version", name, add, mark)


def set_value(data: bytes, key: str, value: str, add: bool = False, mark: bytes = b"") -> Edit:
    """The file with every line that sets that key (any case) set to that value, and nothing else changed.

    A value is replaced whole, blanks inside its quotes too: whether phones trim them is not known, an exact value is right
    either way. It gets quotes where it may be read otherwise without them. What stands behind a secret that changes and is no clear
    comment goes too, as it may be a part of it. With `add` a line is added, in the file's own style, if none can be read by a phone;
    `mark` is a comment behind it. The value has to be one that `keys.why_not` accepts.
    """
    lowered, name = data.lower(), key.lower().encode("ascii")
    if not add and name not in lowered:
        return Edit(data)
    new = value.encode("ascii")
    lines = data.split(b"\n")
    before: List[Tuple[int, str]] = []
    faults: List[Fault] = []
    counted = False
    commented_out = 0
    for number in [number for number, line in enumerate(lowered.split(b"\n"), start=1) if name in line]:
        text = lines[number - 1].rstrip(b"\r")
        end = lines[number - 1][len(text) :]
        bom = _BOM if number == 1 and text.startswith(_BOM) else b""
        text = text[len(bom) :]
        match = _SETTING.match(text)
        if match and match["key"].lower() == name:
            old, at, text, fault = _replacement(match, new, bool(_SECRET.search(name)))
            before.append((number, old))
            lines[number - 1] = bom + text + end
            if bom:
                faults.append(Fault(1, 1, "starts with a byte order mark, so the phone may lose this line: save the file without it"))
            if fault:
                faults.append(Fault(number, len(bom) + at + 1, fault))
            counted = counted or not bom
        elif _commented_out(key).match(text):
            commented_out = number
        elif not match and _lost(key).match(text) and not _COMMENT.match(text):
            lost = "is left as it is: the phone loses a line that is not of the form name: value"
            faults.append(Fault(number, len(bom) + 1, lost))
    data = b"\n".join(lines)
    if counted or not add:
        return Edit(data, tuple(before), None, tuple(faults))
    known = list(_lines(data))
    added = _add(known, key.encode("ascii"), new, commented_out, mark)
    return Edit(b"".join(text + end for text, end in known), tuple(before), added, tuple(faults))


@lru_cache(maxsize=100)
def _commented_out(key: str) -> Pattern[bytes]:
    return re.compile(rb"[ \t]*[#;][#; \t]*" + key.encode("ascii") + rb"[ \t]*:", re.IGNORECASE)


@lru_cache(maxsize=100)
def _lost(key: str) -> Pattern[bytes]:
    return re.compile(rb"[^A-Za-z0-9_]*" + key.encode("ascii") + rb"(?![A-Za-z0-9_])", re.IGNORECASE)


def pin(data: bytes, name: str, temporary: bool = False) -> Edit:
    """As `set_image_version` for a phone's own file, with a line added if it sets none: the phone follows no default any more.

    A `temporary` line is marked by a comment, by which `without_pins` knows it again.
    """
    return set_image_version(data, name, add=True, mark=PIN_MARK if temporary else b"")


def without_pins(data: bytes) -> bytes:
    """The file without the lines that a temporary `pin` added: byte for byte as before, if nobody changed it since."""
    if PIN_MARK not in data:
        return data
    kept: List[_Line] = []
    for text, end in _lines(data):
        match = _SETTING.match(text)
        if not (match and match["key"].lower() == IMAGE_VERSION and match["rest"].rstrip(_BLANKS).endswith(PIN_MARK)):
            kept.append((text, end))
        elif not end and kept:
            # To put its line behind one without an end, `pin` ended that as the line before it is, or with a newline
            text, end = kept[-1]
            kept[-1] = text, end[: -len(kept[-2][1] if len(kept) > 1 else b"\n")]
    return b"".join(text + end for text, end in kept)


def mask(data: bytes) -> bytes:
    """The file with every password, secret and key unreadable, in comments and broken lines too; line for line the same otherwise."""
    return b"".join(_masked(text) + end for text, end in _lines(data)) if _SECRET.search(data) else data


def _masked(text: bytes) -> bytes:
    for position, word in enumerate(_WORD.finditer(text)):
        if not _SECRET.search(word.group(0)):
            continue
        separator = _SEPARATOR.match(text, word.end())
        if separator and (separator.group(1) or position == 0):
            return text[: separator.end()] + _masked_value(text[separator.end() :])
    return text


def _masked_value(value: bytes) -> bytes:
    """`"…" ; comment` and `… ; comment` keep quotes and comment; of anything less clear nothing is shown."""
    comment = _clear_comment(value)
    given = value[: len(value) - len(comment)]
    quote = b'"' if _QUOTED_SECRET.fullmatch(value) else b""
    secret = given[1:-1] if quote else given
    if not secret:
        return value
    return quote + _MASK + quote + comment.replace(secret, _MASK)


def _clear_comment(value: bytes) -> bytes:
    """What stands behind a secret and is sure to be no part of it: a comment with a blank at its `;`, and the blanks before it."""
    quoted = _QUOTED_SECRET.fullmatch(value)
    if quoted:
        return quoted.group(2)
    end = _COMMENT_AFTER.search(value)
    secret = (value[: end.start()] if end else value).rstrip(_BLANKS)
    return b"" if b'"' in secret else value[len(secret) :]


def _lines(data: bytes) -> Iterator[_Line]:
    """All carriage returns before a newline belong to the line end."""
    for line in io.BytesIO(data):
        text = line.rstrip(b"\r\n")
        yield text, line[len(text) :]


def _why_lost(text: bytes) -> Tuple[int, str]:
    """Column and fault of a line that is neither setting, comment nor blank."""
    if text.startswith(_BOM):
        return 1, "starts with a byte order mark: the phone loses this line"
    name = _NAME.match(text)
    if name:
        return name.end() + 1, "has no colon after the name"
    start = text.lstrip(_BLANKS)[:1]
    shown = f"'{_text(start)}'" if start.isascii() and _text(start).isprintable() else f"byte 0x{start[0]:02X}"
    return text.index(start) + 1, f"starts with {shown}, where a name belongs"


def _replacement(match: Match[bytes], new: bytes, secret: bool) -> Tuple[str, int, bytes, str]:
    """The value of a setting, the bytes before it, the line with the new one, and what is wrong with the line, if anything."""
    text = match.string
    quoted = match["quoted"] is not None
    first, last = match.span("quoted") if quoted else (match.start("bare"), match.start("bare") + len(match["bare"].rstrip(_BLANKS)))
    old, rest = text[first:last], text[last + quoted :]
    fault = "the quote is never closed: it was closed after the value" if match["open"] else ""
    hash_sign = None if quoted else _HASH.search(match["bare"])
    if secret and (hash_sign or match["open"] or old != new):
        # No part of the old secret must be left behind
        kept = _clear_comment(text[match.end("separator") : match.end()]) + text[match.end() :]
        if hash_sign:
            fault = fault or "has a '#' in its value, which was replaced with all that follows it"
        elif len(kept) < len(rest):
            fault = "had more behind its value than a clear comment: that may be a part of the former secret, and was removed"
        rest = kept
    elif hash_sign and old != new:
        last = first + len(match["bare"][: hash_sign.start()].rstrip(_BLANKS))
        rest = (text[last : first + hash_sign.start()] or b" ") + b";" + text[first + hash_sign.start() :]
        fault = fault or "had text after the value that the phone may take for a part of it: ';' now makes it a comment"
    elif not fault and old == new:
        return _text(new), first, text, ""
    if quoted or match["open"]:
        return _text(old), first, text[:first] + new + b'"' + rest, fault
    if not old and not hash_sign:
        # Nothing after the colon: the value goes there, and the blanks before a comment stay before it.
        blanks = match["separator"].split(b":")[1][1:]
        first, rest = first - len(blanks), blanks + rest
    return _text(text[first:last]), first, text[:first] + _value_text(new) + rest, fault


def _value_text(value: bytes) -> bytes:
    """The value as it stands where others have no quotes."""
    return value if _BARE.fullmatch(value) else b'"' + value + b'"'


def _add(lines: List[_Line], key: bytes, new: bytes, commented_out: int, mark: bytes) -> int:
    """Put in a line for that key: behind the one that is commented out, else image_version before the first setting, and another key
    behind the last one that begins with the same word (line2_, dst_), else behind the last setting. Returns its number."""
    matches = [_SETTING.match(text) for text, _end in lines]
    present = [match for match in matches if match]
    word = key.partition(b"_")[0].lower() + b"_"
    like = [match for match in present if match["key"].lower().startswith(word)]
    behind = key != IMAGE_VERSION or bool(commented_out)
    if commented_out or not present:
        index = commented_out or len(lines)
    else:
        index = matches.index((like or present)[-1]) + 1 if behind else matches.index(present[0])
    line = _line_in_style(key, new, present)
    if mark:
        line += (b" " if line.endswith(b";") else b" ; ") + mark
    ends = [end for _text, end in lines if end.endswith(b"\n")] or [b"\n"]
    end = ends[min(max(index - 1, 0) if behind else index, len(ends) - 1)]
    if index == len(lines) and lines and not lines[-1][1].endswith(b"\n"):
        lines[-1] = lines[-1][0], lines[-1][1] + end
        end = b""
    lines.insert(index, (line, end))
    return index + 1


def _line_in_style(key: bytes, new: bytes, present: List[Match[bytes]]) -> bytes:
    """The line as the file's other settings are written."""
    present = [match for match in present if match["quoted"] is not None or match["bare"].strip(_BLANKS)]
    if not present:
        return key + b': "' + new + b'"'
    indent, separator = (Counter(match[part] for match in present).most_common(1)[0][0] for part in ("indent", "separator"))
    quoted = Counter(match["quoted"] is not None for match in present).most_common(1)[0][0]
    ended = Counter(match["rest"].strip(_BLANKS) == b";" for match in present).most_common(1)[0][0]
    return b"".join((indent, key, separator, b'"' + new + b'"' if quoted else _value_text(new), b";" if ended else b""))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
