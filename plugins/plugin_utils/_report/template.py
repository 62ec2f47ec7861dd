# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all reports are made with: numbers, times and columns that look alike everywhere, and pages.

A page needs nothing else and can load nothing: what is put into it is text, and only its own style and script may act.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2

from ansible_collections.voip.cisco79xx.plugins.module_utils import _text

count = partial(_text.count, thousands=",")
"""Such as "1 phone", "2,000 phones"."""
line = partial(_text.one_line, end="…")
"""One line of harmless text, at most that long."""


_DAY = "%Y-%m-%d %H:%M:%S"


def number(value: int) -> str:
    """Such as "2,000"."""
    return f"{value:,}"


def duration(seconds: float | None) -> str:
    """Such as "3 min 20 s"; empty for None."""
    return "" if seconds is None else _text.duration(seconds)


def clock(seconds: float | None, form: str = "%H:%M:%S") -> str:
    """Unix seconds as a time of the day, or in another form of `strftime`, UTC; empty for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime(form)


def local(seconds: float | None, form: str = "%H:%M:%S") -> str:
    """As `clock`, in the time of this machine."""
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime(form)


def zone(seconds: float | None) -> str:
    """What this machine's time is called then, such as "CET"; empty if that is UTC, or for None."""
    then = None if seconds is None else datetime.fromtimestamp(seconds).astimezone()
    return (then.tzname() or f"UTC{then:%z}") if then and then.utcoffset() else ""


def moment(seconds: float | None) -> str:
    """Such as "2026-03-07 23:00:00 CET (22:00:00 UTC)"; empty for None."""
    here, utc = local(seconds, _DAY), clock(seconds, _DAY)
    if zone(seconds):
        return f"{here} {zone(seconds)} ({utc.removeprefix(here[:11])} UTC)"
    return utc and f"{utc} UTC"


def anchor(name: str) -> str:
    """The id of a phone's timeline in the page of a diagnosis, of letters and digits whatever the name is."""
    return f"t{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, with its cells below those of the others."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def render(name: str, **values: Any) -> str:
    """The page that a template of this folder makes of these values."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> jinja2.Environment:
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=folder, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(csp_hash=_csp_hash, phones=count)
    environment.filters.update({made.__name__: made for made in (number, duration, clock, local, anchor)})
    return environment


def _csp_hash(text: str) -> str:
    """What allows this style or script in a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"
