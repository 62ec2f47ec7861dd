# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of a rollout hand on to each other. Through Ansible's variables thousands of phones would take a second a step, as
each result is templated, checked and copied. A file in Ansible's own folder for its process takes none."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole


@dataclass
class State:
    """`run`: what the steps of one run of the role have in common, and no other. `logins`: as of `inventory.logins`. `observed`: as of
    `fleet.observe`, with `host` and `hold`. `site_of`: phone → TFTP host. `plan`: as of `scope.apart`, with `fleet`, `rules`, `zones` and
    `moved_before`. `resets` and `waits`: as of `wave.Wave`, of all waves. `reached`: the last wave that began."""

    run: str
    names: list[str] = field(default_factory=list)
    started: str = ""
    logins: dict[str, Any] = field(default_factory=dict)
    site_of: dict[str, str] = field(default_factory=dict)
    observed: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    resets: dict[str, Any] = field(default_factory=dict)
    waits: dict[str, Any] = field(default_factory=dict)
    given_back: dict[str, Any] = field(default_factory=dict)
    reached: int = 0

    @classmethod
    def load(cls, run: str) -> State:
        """As the step before saved it; empty if there was none."""
        state = cls(run)
        try:
            return cls(**json.loads(state._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return state

    def save(self) -> None:
        """Raises OSError."""
        write_whole(self._path, json.dumps(vars(self)))

    def remove(self) -> None:
        with suppress(OSError):
            self._path.unlink()

    @property
    def _path(self) -> Path:
        return Path(constants.DEFAULT_LOCAL_TMP) / f"cisco79xx_{hashlib.sha256(self.run.encode()).hexdigest()[:16]}.json"
