# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a phone does where nobody knows what real phones do: README.md tells what each word means and what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints


@dataclass(frozen=True)
class Habits:
    """One word for each open question. The first word of each is what a phone does that is told nothing."""

    # Up to 6.x, SIP and SCCP
    os79xx: Literal["first", "config", "file", "loops"] = "first"
    to_7x: Literal["loads", "os79xx"] = "loads"
    # 7.x and later, and the universal loader
    boot_7x: Literal["ctlsep", "sipdefault"] = "ctlsep"
    xml_load: Literal["wins", "ping_pong", "image_version"] = "wins"
    xml_default: Literal["loader", "boot"] = "loader"
    xml_name: Literal["usual", "odd_case"] = "usual"
    xml_loader: Literal["ignored", "loaded"] = "ignored"
    sccp: Literal["ignored", "loaded"] = "ignored"
    loader_cnf: Literal["both", "default", "none"] = "both"
    ctlsep: Literal["goes_on", "loops"] = "goes_on"
    refusal: Literal["loader_stops", "all_stop", "goes_on"] = "loader_stops"
    unloadable: Literal["goes_on", "loops"] = "goes_on"
    server: Literal["kept", "forgotten"] = "kept"
    # Every phone
    signed_file: Literal["sbn", "bin"] = "sbn"
    rejected: Literal["once", "twice"] = "once"
    hops_up: Literal["before_7x", "each", "none"] = "before_7x"
    hops_down: Literal["none", "by_7x", "one_by_one"] = "none"
    unset: Literal["overrides", "ignored"] = "overrides"
    duplicates: Literal["last", "first"] = "last"
    quoted_blanks: Literal["kept", "trimmed"] = "kept"

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Habits:
        """The habits that a fleet file gives a phone. Raises ValueError for a name or a word that there is not."""
        for name, word in words.items():
            if word not in CHOICES.get(name, ()):
                known = ", ".join(CHOICES.get(name, CHOICES))
                raise ValueError(f"habits: {name}: {word}: there is only {known}")
        return cls(**words)  # type: ignore[arg-type]


USUAL = Habits()
CHOICES: dict[str, tuple[str, ...]] = {name: get_args(words) for name, words in get_type_hints(Habits).items()}
"""The words of each habit, the usual one first."""
