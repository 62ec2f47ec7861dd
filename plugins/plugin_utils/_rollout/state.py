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
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses, Rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation


@dataclass
class State:
    """All that the steps of one run have in common.

    `run`: what they, and no others, call their run. `names`: the phones asked for. `started`: Unix seconds. `logins`: as of
    `_inventory.logins`. `site_of`: phone → TFTP host. `zones`: the sites' time zones. `fleet` and `moved_before`: what a pause has to
    note, as of `resume.Resume`. `outcomes`: of the phones whose wave came. `down`: how many of them were given up and do not answer.
    `reached`: the number of the last wave that began.
    """

    run: str
    names: list[str] = field(default_factory=list)
    started: float | None = None
    logins: dict[str, Any] = field(default_factory=dict)
    site_of: dict[str, str] = field(default_factory=dict)
    observed: dict[str, Observation] = field(default_factory=dict)
    plan: Plan | None = None
    rules: Rules = field(default_factory=Rules)
    zones: list[str] = field(default_factory=list)
    fleet: str = ""
    moved_before: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    down: int = 0
    reached: int = 0

    @property
    def made_plan(self) -> Plan:
        """The plan. Raises RuntimeError if the step that makes it has not run."""
        if self.plan is None:
            raise RuntimeError("there is no plan: the step before has not run")
        return self.plan

    @classmethod
    def load(cls, run: str) -> State:
        """As the step before saved it; empty if there was none."""
        state = cls(run)
        try:
            facts = json.loads(state._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return state
        facts["observed"] = {name: Observation(**one) for name, one in facts["observed"].items()}
        facts["plan"] = Plan.from_json(facts["plan"]) if facts["plan"] else None
        facts["rules"] = Rules(**{**facts["rules"], "losses": Losses(**facts["rules"]["losses"])})
        facts["outcomes"] = {name: Outcome(**one) for name, one in facts["outcomes"].items()}
        return cls(**facts)

    def save(self) -> None:
        """Raises OSError."""
        write_whole(self._path, json.dumps(self, default=vars))

    def remove(self) -> None:
        with suppress(OSError):
            self._path.unlink()

    @property
    def _path(self) -> Path:
        return Path(constants.DEFAULT_LOCAL_TMP) / f"cisco79xx_{hashlib.sha256(self.run.encode()).hexdigest()[:16]}.json"
