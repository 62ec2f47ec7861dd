# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines with a label before each, as plans and the ends of runs have them on the screen."""

from __future__ import annotations

from collections.abc import Iterable

Line = tuple[str, str]
"""A label, such as "risk", and a text."""
_LABEL = 10
"""Characters of the longest label."""


def labelled(lines: Iterable[Line]) -> list[str]:
    """The lines with their texts below each other."""
    return [f"{label:<{_LABEL}}  {text}" for label, text in lines]
