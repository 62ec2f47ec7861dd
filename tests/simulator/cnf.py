# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a phone reads SIPDefault.cnf and SIP<MAC>.cnf. Written apart from the collection's own reader: it is its judge."""

from __future__ import annotations

from .habits import USUAL, Habits


def read(content: bytes | None, habits: Habits = USUAL) -> dict[str, str]:
    """Variables of one file, names in lower case; none of a file that is not there. A line that the phone cannot read is lost."""
    values: dict[str, str] = {}
    for line in (content or b"").decode("latin-1").split("\n"):
        line = line.strip(" \t\r")
        if not line or line[0] in "#;":
            continue
        name, colon, rest = line.partition(":")
        name = name.strip(" \t").lower()
        value = _value(rest.strip(" \t"), habits)
        if colon and value is not None and not (name in values and habits.duplicates == "first"):
            values[name] = value
    return values


def effective(default: bytes | None, own: bytes | None, habits: Habits = USUAL) -> dict[str, str]:
    """What both files together say: the phone's own file is read second and overrides (Cisco's 4.0 guide)."""
    said = read(own, habits)
    if habits.unset == "ignored":
        said = {name: value for name, value in said.items() if known(value)}
    return {**read(default, habits), **said}


def known(value: str) -> str:
    """The value, or nothing for what a phone takes for none."""
    return "" if value.upper() == "UNPROVISIONED" else value


def _value(text: str, habits: Habits) -> str | None:
    if text.startswith('"'):
        value, quote, _comment = text[1:].partition('"')
        if habits.quoted_blanks == "trimmed":
            value = value.strip(" \t")
        return value if quote else None
    return text.partition(";")[0].rstrip(" \t")
