# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a change of a file is shown to people."""

from __future__ import annotations

import hashlib
from typing import Dict, Optional

from .._change.model import Change
from .._phone import cnf
from .._text import plain


def before_and_after(root: str, change: Change) -> Dict[str, str]:
    """The file's text before and after, in the form of Ansible's diff mode. Passwords, secrets and keys are replaced by asterisks, and by
    escapes what a terminal would take for a command."""
    path = f"{root}/{change.name}"
    return {"before_header": path, "after_header": path, "before": _shown(change.before), "after": _shown(change.after)}


def _shown(data: Optional[bytes]) -> str:
    if data and b"\0" in data:
        return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}\n"
    text = cnf.mask(data or b"").decode("utf-8", "backslashreplace")
    return "".join(char if char in "\r\n\t" else plain(char) for char in text)
