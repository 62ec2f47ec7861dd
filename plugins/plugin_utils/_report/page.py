# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages that need nothing else and can load nothing: what is put into them is text, and only their own style and script may act."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

import jinja2


@cache
def template(name: str) -> jinja2.Template:
    """The template of this folder. Its filter `csp_hash` allows one style or script in a Content-Security-Policy."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["csp_hash"] = lambda text: f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"
    return environment.get_template(name)
