# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text for people: harmless on a terminal and on a page, short enough, and without secrets.

Names of files, words of phones and lines of logs are written by strangers. What is shown of them goes through here.
"""

from __future__ import annotations

import re
from typing import Any, Collection, Iterable, List

MASK = "********"
"""What stands in place of a secret."""

SECRET = "passw|secret|encrypt_key"
"""Words, in any case, in the names of settings whose values are secrets: as a regular expression."""
_SECRET = re.compile(SECRET, re.IGNORECASE)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]")
"""What a terminal takes for a command."""
# Controls, surrogates, non-characters (none legal in XML), and what is invisible or turns the direction of text.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff0-\uffff"
    "\U000e0000-\U000e0fff" + "".join(chr(plane + end) for plane in range(0x10000, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)) + "]+"
)


def plain(text: str) -> str:
    """The text, with escapes (`\\x1b`, `\\n`) for what is not printable: nothing of it is lost."""
    return text if text.isprintable() else ascii(text)[1:-1]


def quote(text: str, most: int = 60) -> str:
    """As `plain`, shortened and in quotes."""
    return f"'{shorten(plain(text[: most + 1]), most)}'"


def shorten(text: str, most: int, end: str = "...") -> str:
    """At most that many characters; what was cut is marked by `end`."""
    return text if len(text) <= most else text[: most - len(end)] + end


def one_line(value: object, most: int, end: str = "...", keep_blanks: bool = False) -> str:
    """The value as one line of at most that many characters, without what is not printable; empty for None.

    Runs of blanks become one blank unless `keep_blanks`, for lines of a file, where they have a meaning.
    """
    if value is None:
        return ""
    text = (value if isinstance(value, str) else str(value))[: 4 * most + 1000]
    if not (text.isascii() and text.isprintable()):
        text = _ESCAPES.sub("", text).replace("\t", "    ")
        text = _UNPRINTABLE.sub(" " if not keep_blanks else "", text)
    return shorten(text if keep_blanks else " ".join(text.split()), most, end)


def clean(value: Any, most: int = 300) -> Any:
    """The value with `one_line` of each text in it, through dicts, lists and tuples."""
    if isinstance(value, str):
        return one_line(value, most)
    if isinstance(value, dict):
        return {key: clean(item, most) for key, item in value.items()}
    return [clean(item, most) for item in value] if isinstance(value, (list, tuple)) else value


def mask_from_secret(text: str) -> str:
    """The text up to the first word such as "password", and MASK: a value with such a word is probably two lines run together."""
    secret = _SECRET.search(text)
    return text[: secret.start()] + MASK if secret else text


def count(things: int | Collection[Any], thing: str = "phone", thousands: str = "") -> str:
    """Such as "1 phone", "2 phones"; "2,000 phones" if `thousands` is a comma."""
    number = things if isinstance(things, int) else len(things)
    return f"{number:{thousands}} {thing}{'' if number == 1 else 's'}"


def list_some(names: Iterable[str], most: int = 20) -> str:
    """Such as "a, b and 3 more"."""
    everything = list(names)
    more = len(everything) - most
    return ", ".join(everything[:most]) + (f" and {more} more" if more > 0 else "")


def first_some(texts: List[str], most: int = 20, what: str = "") -> List[str]:
    """The first of these texts, and one that says how many more there are."""
    more = len(texts) - most
    return texts if more <= 0 else [*texts[:most], f"and {more} more{what}"]


def duration(seconds: float) -> str:
    """Such as "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{whole} s"
