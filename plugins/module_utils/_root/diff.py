# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a change of a file is shown to people."""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import Any, Dict, Optional, Sequence

from .._change.model import Change
from .._phone import cnf
from .._text import MASK, plain

_MASK = MASK.encode()


def differences(root: str, changes: Sequence[Change], most: int, diff_mode: bool) -> Dict[str, Any]:
    """The part of a module's result that shows them: `differences` of up to `most` files and `digests` of all, if `most` is not 0, and
    `diff` if Ansible's diff mode is on.

    Passwords, secrets and keys are replaced by asterisks, and by escapes what a terminal would take for a command.
    """
    result: Dict[str, Any] = {}
    if most:
        result["differences"] = [_unified(_before_and_after(root, change)) for change in changes[:most]]
        result["digests"] = {change.name: [digest(change.before), digest(change.after)] for change in changes}
    if diff_mode:
        result["diff"] = [_before_and_after(root, change) for change in changes]
    return result


def digest(data: Optional[bytes]) -> Optional[str]:
    """SHA-256 of a file's content, in hexadecimal; None for no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def _unified(texts: Dict[str, str]) -> Dict[str, str]:
    before, after = (texts[side].splitlines(keepends=True) for side in ("before", "after"))
    return {"path": texts["after_header"], "diff": "".join(difflib.unified_diff(before, after, n=1))}


def _before_and_after(root: str, change: Change) -> Dict[str, str]:
    path = plain(f"{root}/{change.name}")
    return {"before_header": path, "after_header": path, "before": _shown(change.before), "after": _shown(change.after, change.before)}


def _shown(data: Optional[bytes], before: Optional[bytes] = None) -> str:
    """With `before`, a secret that is not the one from there is marked as new: the asterisks alone would look the same."""
    if data and b"\0" in data:
        return f"{len(data)} bytes, SHA-256 {digest(data)}\n"
    masked = cnf.mask(data or b"")
    if before and masked != data:
        old, looks = set(before.split(b"\n")), set(cnf.mask(before).split(b"\n"))
        pairs = zip(masked.split(b"\n"), (data or b"").split(b"\n"))
        lines = (shown.replace(_MASK, _MASK + b" (new)") if shown in looks and line not in old else shown for shown, line in pairs)
        masked = b"\n".join(lines)
    text = masked.decode("utf-8", "backslashreplace")
    # A carriage return that ends no line would have a terminal write over the line
    return re.sub(r"\r(?!\n)|[^\r\n\t -~]", lambda char: plain(char[0]), text)
