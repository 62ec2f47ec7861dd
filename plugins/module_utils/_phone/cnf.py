# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIPDefault.cnf and SIP<MAC>.cnf: read, and edited without disturbing another byte.

The form is `name : value ; optional comment`, one to a line (Cisco's own rules, as quoted by administrators); lines that start
with `#` or `;` are comments; names are case-insensitive (`Domain_Name` from Cisco's generator is `domain_name` in the phone).
The phone counts a line that it cannot read (no colon, a quote that never closes) and goes on: that line is lost.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Collection, Dict, Iterator, List, Match, NamedTuple, Optional, Pattern, Tuple

IMAGE_VERSION = b"image_version"
PIN_MARK = b"pinned by voip.cisco79xx until its rollout ends"
UNPROVISIONED = "UNPROVISIONED"

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t"
_MASK = b"********"

# A carriage return inside a line ends its value: in a file with nothing but those, the "line" is the whole file.
_SETTING = re.compile(
    rb"(?P<indent>[ \t]*)(?P<key>[A-Za-z_][A-Za-z0-9_]*)(?P<separator>[ \t]*:[ \t]*)"
    rb'(?:"(?P<quoted>[^"\r\n]*)"|(?P<open>"?)(?P<bare>[^;\r\n]*))(?P<rest>[^\r\n]*)'
)
_EACH_SETTING = re.compile(b"^" + _SETTING.pattern, re.MULTILINE)
# A look at a whole file is several times faster than one at each of its lines. This is a line, in lower case, that is a setting without
# anything odd, empty or a comment; a line that it does not match need not be wrong.
_PLAIN = rb'[ \t]*(?:([a-z_]\w*)[ \t]*:[ \t]*(?:"[^"\r\n]*"|(?![" \t]))[^\r\n]*|[#;][^\r\n]*)?\r*$'
_PLAIN_LINE = re.compile(b"^" + _PLAIN, re.MULTILINE)
_ODD_LINE = re.compile(b"^(?!" + _PLAIN + rb")[^\n]*", re.MULTILINE)
_COMMENT = re.compile(rb"[ \t]*[#;]")
_COMMENTED_OUT = re.compile(rb"[ \t]*[#;][#; \t]*image_version[ \t]*:", re.IGNORECASE)
_LOST = re.compile(rb"[^A-Za-z0-9_]*image_version(?![A-Za-z0-9_])", re.IGNORECASE)
_NAME = re.compile(rb"[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*")
_HASH = re.compile(rb"(?:\A|(?<=[ \t]))#")

_WORD = re.compile(rb"[A-Za-z0-9_]+")
_SECRET = re.compile(rb"password|passwd|secret|encrypt_key", re.IGNORECASE)
_SEPARATOR = re.compile(rb"[\"']?[ \t]*([:=]?)[ \t]*")
_QUOTED_SECRET = re.compile(rb'"([^"]*)"([ \t]*(?:;[^"]*)?)')
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
        return bool(self.value) and self.value.upper() != UNPROVISIONED


class Fault(NamedTuple):
    """Something in a file that the phone cannot read, or reads otherwise than meant. `line` and `column` count from 1."""

    line: int
    column: int
    text: str


class Contents(NamedTuple):
    """What a file says. Keys are in lower case.

    `settings` holds the last setting of each key that was asked for; `repeated` all settings of every key that is set more than
    once; `faults` are as those of the function `faults`.
    """

    settings: Dict[str, Setting]
    repeated: Dict[str, List[Setting]]
    faults: Tuple[Fault, ...]


@dataclass(frozen=True)
class Edit:
    """What setting image_version did.

    `before` holds (line, value) of each line that sets it, in the numbering and with the values of the file as it was;
    `added` is the number of the line that was added, if one was; `faults` concern image_version only.
    """

    data: bytes
    before: Tuple[Tuple[int, str], ...] = ()
    added: Optional[int] = None
    faults: Tuple[Fault, ...] = ()


class _Line(NamedTuple):
    number: int
    start: int
    end: int  # of the text, without the line end
    stop: int  # where the next line starts


def settings(data: bytes) -> Tuple[Setting, ...]:
    """Every setting that the phone can read, in file order."""
    return tuple(_setting(number, match) for number, match in _settings(data))


def lookup(data: bytes, key: str) -> Optional[str]:
    """The value that counts for that key (any case), without blanks around it, or None.

    The last one wins; that is inferred from how the phone sets one after the other, not shown by a source.
    """
    values = [setting.value for setting in settings(data) if setting.key.lower() == key.lower()]
    return values[-1] if values else None


def faults(data: bytes) -> Tuple[Fault, ...]:
    """The lines that the phone counts as errors: bad first character, missing colon, unclosed quote."""
    errors: List[Fault] = []
    for number, odd in _numbered(_ODD_LINE, data.lower()):
        text = data[odd.start() : _text_end(data, odd.start(), odd.end())]
        if not text.strip(_BLANKS) or _COMMENT.match(text):
            continue
        match = _SETTING.match(text)
        name = _NAME.match(text)
        if match and match["open"]:
            errors.append(Fault(number, match.start("open") + 1, "the quote is never closed"))
        elif match:
            continue
        elif text.startswith(_BOM):
            errors.append(Fault(number, 1, "starts with a byte order mark: the phone loses this line"))
        elif name:
            errors.append(Fault(number, name.end() + 1, "has no colon after the name"))
        else:
            column = len(text) - len(text.lstrip(_BLANKS)) + 1
            errors.append(Fault(number, column, f"starts with {_shown(text[column - 1 : column])}, where a name belongs"))
    return tuple(errors)


def examine(data: bytes, keys: Collection[str]) -> Contents:
    """What the file says of those keys (in lower case), and what is wrong with it: `settings` and `faults` in one quick look."""
    lines = data.split(b"\n")
    line_keys = _PLAIN_LINE.findall(data.lower())
    named = len(line_keys) - line_keys.count(b"")
    by_key = dict(zip(line_keys, range(len(lines))))
    by_key.pop(b"", None)
    if len(line_keys) == len(lines) and len(by_key) == named:
        asked = ((key, by_key.get(key.encode())) for key in keys)
        return Contents({key: _setting_of_line(lines[index], index + 1) for key, index in asked if index is not None}, {}, ())
    places: Dict[str, List[Tuple[int, Match[bytes]]]] = {}
    for number, match in _settings(data):
        places.setdefault(_text(match["key"]).lower(), []).append((number, match))
    return Contents(
        {key: _setting(*places[key][-1]) for key in keys if key in places},
        {key: [_setting(*place) for place in several] for key, several in places.items() if len(several) > 1},
        faults(data),
    )


def image_versions(data: bytes) -> Tuple[Tuple[int, str], ...]:
    """Number and value of each line that sets image_version, also of one that some phones may lose."""
    return set_image_version(data, "").before


def set_image_version(data: bytes, name: str, add: bool = False, mark: bytes = b"") -> Edit:
    """The file with every image_version set to that name, and nothing else changed.

    A value is replaced whole, blanks inside its quotes too: whether phones trim them is not known, an exact name is right
    either way. With `add` (SIPDefault.cnf) a line is added, in the file's own style, if none can be read by a phone; `mark` is
    a comment behind it.
    """
    new = name.encode("ascii")
    pieces: List[bytes] = []
    before: List[Tuple[int, str]] = []
    errors: List[Fault] = []
    counted = False
    commented_out: Optional[_Line] = None
    done = 0
    for line in _lines_about_image_version(data):
        marked = line.start == 0 and data.startswith(_BOM)
        start = len(_BOM) if marked else line.start
        match = _SETTING.match(data, start, line.end)
        if match and match["key"].lower() == IMAGE_VERSION:
            first, last, fault = _value(match)
            before.append((line.number, _text(data[first:last])))
            pieces += (data[done:first], _spaced(match, first, last, new))
            done = last
            if marked:
                errors.append(Fault(1, 1, "starts with a byte order mark, so the phone may lose this line: save the file without it"))
            if fault:
                errors.append(Fault(line.number, first - line.start + 1, fault))
            counted = counted or not marked
        elif _COMMENT.match(data, start, line.end):
            if _COMMENTED_OUT.match(data, start, line.end):
                commented_out = line
        elif not match and _LOST.match(data, start, line.end):
            lost = "is left as it is: the phone loses a line that is not of the form name: value"
            errors.append(Fault(line.number, start - line.start + 1, lost))
    if done:
        data = b"".join(pieces) + data[done:]
    if counted or not add:
        return Edit(data, tuple(before), None, tuple(errors))
    data, added = _added(data, new, commented_out and commented_out.number, mark)
    return Edit(data, tuple(before), added, tuple(errors))


def pin(data: bytes, name: str, temporary: bool = False) -> Edit:
    """As `set_image_version` for a phone's own file, with a line added if it sets none: the phone follows no default any more.

    A `temporary` line is marked by a comment, by which `unpinned` knows it again.
    """
    return set_image_version(data, name, add=True, mark=PIN_MARK if temporary else b"")


def unpinned(data: bytes) -> bytes:
    """The file without the lines that a temporary `pin` added: byte for byte as before, if nobody changed it since."""
    if PIN_MARK not in data:
        return data
    pieces = []
    for line in _lines(data):
        text = data[line.start : line.end]
        match = _SETTING.match(text)
        if not (match and match["key"].lower() == IMAGE_VERSION and match["rest"].rstrip(_BLANKS).endswith(PIN_MARK)):
            pieces.append(data[line.start : line.stop])
        elif line.stop == line.end and pieces:
            # To put its line behind one without an end, `pin` ended that as the line before it is, or with a newline
            end = pieces[-2][_text_end(pieces[-2], 0, len(pieces[-2])) :] if len(pieces) > 1 else b"\n"
            pieces[-1] = pieces[-1][: -len(end)]
    return b"".join(pieces)


def mask(data: bytes) -> bytes:
    """The file with every password, secret and key unreadable, in comments and broken lines too; line for line the same otherwise."""
    if not _SECRET.search(data):
        return data
    return b"".join(_masked(data[line.start : line.end]) + data[line.end : line.stop] for line in _lines(data))


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
    quoted = _QUOTED_SECRET.fullmatch(value)
    if quoted:
        secret, rest = quoted.groups()
        if not secret:
            return value
        return b'"' + _MASK + b'"' + rest.replace(secret, _MASK)
    end = _COMMENT_AFTER.search(value)
    secret = (value[: end.start()] if end else value).rstrip(_BLANKS)
    if not secret:
        return value
    return _MASK if b'"' in secret else _MASK + value[len(secret) :].replace(secret, _MASK)


def _lines(data: bytes) -> Iterator[_Line]:
    start = number = 0
    while start < len(data):
        number += 1
        stop = data.find(b"\n", start) + 1 or len(data)
        yield _Line(number, start, _text_end(data, start, stop), stop)
        start = stop


def _lines_about_image_version(data: bytes) -> Iterator[_Line]:
    """The lines that hold the word, found without looking at the others: most files have one, or none."""
    lowered = data.lower()
    at = lowered.find(IMAGE_VERSION)
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        stop = data.find(b"\n", at) + 1 or len(data)
        yield _Line(data.count(b"\n", 0, start) + 1, start, _text_end(data, start, stop), stop)
        at = lowered.find(IMAGE_VERSION, stop)


def _text_end(data: bytes, start: int, stop: int) -> int:
    end = stop - 1 if data[stop - 1 : stop] == b"\n" else stop
    while end > start and data[end - 1] == 0x0D:
        end -= 1
    return end


def _settings(data: bytes) -> Iterator[Tuple[int, Match[bytes]]]:
    """Each line that is a setting, with its number."""
    return _numbered(_EACH_SETTING, data)


def _numbered(lines: Pattern[bytes], data: bytes) -> Iterator[Tuple[int, Match[bytes]]]:
    number, position = 1, 0
    for match in lines.finditer(data):
        number += data.count(b"\n", position, match.start())
        position = match.start()
        yield number, match


def _setting(number: int, match: Match[bytes]) -> Setting:
    group = "bare" if match["quoted"] is None else "quoted"
    return Setting(_text(match["key"]), _text(match[group]).strip(), number, match.start(group) - match.start() + 1)


@lru_cache(maxsize=256)  # fleets say the same in thousands of files
def _setting_of_line(line: bytes, number: int) -> Setting:
    return settings(line)[0]._replace(line=number)


def _value(match: Match[bytes]) -> Tuple[int, int, str]:
    """Where the value of image_version stands, and what is wrong with the line, if anything."""
    if match["quoted"] is not None:
        return match.start("quoted"), match.end("quoted"), ""
    first, last = match.start("bare"), match.start("bare") + len(match["bare"].rstrip(_BLANKS))
    fault = "the quote is never closed: it was closed after the value" if match["open"] else ""
    text = _HASH.search(match["bare"])
    if text:
        last = first + len(match["bare"][: text.start()].rstrip(_BLANKS))
        fault = fault or "has text after the value that the phone may take for a part of it: start a comment with ';'"
    if first == last and not match["open"]:
        # Nothing after the colon: the value goes there, and the blanks before a comment stay before it.
        first = last = match.end("separator") - len(match["separator"].split(b":")[1][1:])
    return first, last, fault


def _spaced(match: Match[bytes], first: int, last: int, new: bytes) -> bytes:
    if match["open"]:
        return new + b'"'
    return new + b" " if first == last and match.string[last : last + 1] == b"#" else new


def _added(data: bytes, new: bytes, commented_out: Optional[int], mark: bytes) -> Tuple[bytes, int]:
    """The file with an image_version line, and the number of that line."""
    lines = list(_lines(data))
    present = list(_settings(data))
    if commented_out:
        index = commented_out
    elif present:
        index = present[0][0] - 1
    else:
        index = len(lines)
    styled = _styled(new, [match for _number, match in present])
    if mark:
        styled += (b" " if styled.endswith(b";") else b" ; ") + mark
    ends = [data[line.end : line.stop] for line in lines if data[line.stop - 1 : line.stop] == b"\n"] or [b"\n"]
    end = ends[min(index - 1 if commented_out else index, len(ends) - 1)]
    if index == len(lines) and data and not data.endswith(b"\n"):
        return data + end + styled, index + 1
    at = lines[index].start if index < len(lines) else len(data)
    return data[:at] + styled + end + data[at:], index + 1


def _styled(new: bytes, present: List[Match[bytes]]) -> bytes:
    """The line as the file's other settings are written."""
    present = [match for match in present if match["quoted"] is not None or match["bare"].strip(_BLANKS)]
    if not present:
        return IMAGE_VERSION + b': "' + new + b'"'
    indent, separator = (Counter(match[part] for match in present).most_common(1)[0][0] for part in ("indent", "separator"))
    quoted = Counter(match["quoted"] is not None for match in present).most_common(1)[0][0]
    ended = Counter(match["rest"].strip(_BLANKS) == b";" for match in present).most_common(1)[0][0]
    return b"".join((indent, IMAGE_VERSION, separator, b'"' + new + b'"' if quoted else new, b";" if ended else b""))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _shown(char: bytes) -> str:
    return f"'{_text(char)}'" if char.isascii() and _text(char).isprintable() else f"byte 0x{char[0]:02X}"
