# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MAC addresses as people, inventories, file names and phones write them."""

from __future__ import annotations

import re
from typing import Optional

_SEPARATORS = re.compile(r"[\s:.\-]")
_BARE = re.compile(r"[0-9A-Fa-f]{12}")
_SPELT = re.compile(
    r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}([:.-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}([:.-])[0-9A-Fa-f]{4}\2[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}[:.-][0-9A-Fa-f]{6})(?![0-9A-Fa-f])"
)


def parse(text: str) -> str:
    """Twelve upper-case hex digits, as in SIP<MAC>.cnf. Raises ValueError with what is wrong."""
    digits = _SEPARATORS.sub("", text)
    if not _BARE.fullmatch(digits):
        raise ValueError(f"{text!r} is no MAC address: it takes 12 hex digits, such as 000E84C060A6 or 00:0e:84:c0:60:a6")
    return digits.upper()


def find(text: str) -> Optional[str]:
    """The MAC that a host name holds (`SEP000E84C060A6`, `phone-00-0e-84-c0-60-a6`), or None."""
    spelt = _SPELT.search(text)
    if spelt:
        return parse(spelt.group(0))
    for word in re.split(r"[^0-9A-Za-z]+", text):
        # "phone" and "SEP" end in hex digits: only the last twelve count, and only letters may precede them
        if _BARE.fullmatch(word[-12:]) and (len(word) == 12 or word[:-12].isalpha()):
            return word[-12:].upper()
    return None
