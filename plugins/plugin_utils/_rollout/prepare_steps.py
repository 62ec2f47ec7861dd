# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of `prepare`, in place of those of a rollout: look, plan, point, and the one wave in which the phones take up their files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import limits, prepare, scope, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look, PointResult, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import NotHeld
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses, RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import PlannedWave
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan_file import Approved, plan_content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.prepare import (
    BY_HAND,
    BY_OLD_PASSWORD,
    DEAF,
    Listening,
    Preparation,
    Sight,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Progress
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.site_waves import SiteWaves
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.steps import Site
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.wave import Wave, WaveSetup
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation, Pace, Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHostError


def look(site: Site) -> None:
    """Log in to each phone. Changes nothing."""
    observed = fleet.observe(site.phones(site.names), Pace(), at_level=True)
    ledger, problem = Ledger(), ""
    try:
        ledger = site.look_into_ledger()
    except TftpHostError as error:
        problem = str(error)
    site.handover.write(Look(observed, problem=problem, ledger=ledger), site.name)


def plan(site: Site) -> list[str]:
    """Decide what shall become of the phones, and show it. Changes nothing. Returns the lines that were shown."""
    run, rules = site.run, site.run.rules
    found = site.handover.read(Look, site.name)
    if found is None or site.problems(Look):
        return []
    observed = found.observed
    try:
        closed = window.why_closed(rules.window, run.zones[site.name])
        if closed and not run.check:
            raise RolloutError(f"{closed}, so nothing was changed: run it when the window is open")
        refused = [name for name, one in observed.items() if one.kind == failures.WRONG_PASSWORD]
        old = fleet.observe(site.old_logins(refused), Pace())
        result, with_default = _look_into_files(site, observed)
        hosts = {name: run.logins[name]["host"] for name in site.names}
        held = {name for name in site.names if run.logins[name]["hold"]}
        phones = site.phones(site.names)
        fileless = prepare.without_file(phones, _macs(phones, observed), with_default)
        seen = Sight(observed, old, result, time.time())
        made = prepare.make(seen, hosts, site.name, with_default=with_default, held=held, fileless=fileless)
        moving = [] if rules.force else prepare.moving(made, result)
        if moving:
            raise RolloutError(
                f"a restart would also move these to the image that their files name, so nothing was changed: {list_some(moving, 12)}. "
                "Roll that image out, or put the files right first; -e force=true restarts them all the same"
            )
        lines = [*prepare.outline(made, result, result["others"]), *(f"warning: {text}" for text in result.get("warnings") or ())]
        lines += prepare.for_people(made, "then") if run.check else []
        content = plan_content(result, lines)
        if approved := site.handover.read(Approved):
            approved.refuse_changes(made.plan, content, site.name)
        site.take()
    except (RolloutError, TftpHostError, window.WindowError) as error:
        site.handover.write(SitePlan(problem=str(error)), site.name)
        return []
    site.handover.write(made, site.name)
    site.handover.write(SitePlan(made.plan, content=content), site.name)
    return site.show([site.headed(prepare.heading(made, site.name)), *lines])


def point(site: Site) -> Mapping[str, Any]:
    """Write what is missing in the files, unless any site's plan has a problem. Returns the module's result."""
    made, seen = site.handover.read(Preparation, site.name), site.handover.read(Look, site.name)
    if site.problems(Look) or site.problems(SitePlan) or made is None or seen is None:
        return {}
    result: Mapping[str, Any] = {}
    problem = ""
    try:
        site.lease().hold()
        result = _write(site, seen.observed, made.with_default)
    except (TftpHostError, NotHeld) as error:
        problem = str(error)
    site.handover.write(PointResult(site.changes(result), problem), site.name)
    return result


def _write(site: Site, observed: Mapping[str, Observation], with_default: bool, look: bool = False) -> Mapping[str, Any]:
    """Raises TftpHostError."""
    phones = site.phones(site.names)
    return site.host.configure(prepare.wish(phones, _macs(phones, observed), with_default), site.run.id, look=look)


def _look_into_files(site: Site, observed: Mapping[str, Observation]) -> tuple[Mapping[str, Any], bool]:
    """What would change in the files, and whether SIPDefault.cnf is one of them: not if phones read it that are not in the run, unless they
    may. Raises TftpHostError."""
    rules = site.run.rules
    may = rules.scope == scope.ALL and (rules.accept_others or not site.run.outside.get(site.name))
    result = _write(site, observed, with_default=may, look=True)
    if may and result["others"] and not rules.accept_others:
        return _write(site, observed, with_default=False, look=True), False
    return result, may


def _macs(phones: Sequence[Phone], observed: Mapping[str, Observation]) -> dict[str, str | None]:
    return {phone.name: phone.mac or observed[phone.name].mac for phone in phones}


class PrepareWaves(SiteWaves):
    """The one wave in which phones restart, by telnet or by hand, and are waited for until they can be driven."""

    def __init__(self, site: Site, progress: Progress) -> None:
        super().__init__(site, progress)
        made = site.handover.read(Preparation, site.name)
        if made is None:
            raise RuntimeError("there is no plan: the step before has not run")
        self._made = made
        # A phone that does not come up keeps no other one from it
        self._rules = replace(self._rules, losses=Losses(100.0))

    def _see_files(self, wave: PlannedWave) -> None:
        """They were only just written."""

    def _setup(self, wave: PlannedWave, phones: Sequence[Phone], patience: Patience) -> WaveSetup:
        for line in prepare.for_people(self._made, "now"):
            self._site.tell(line)
        macs = {phone.name: phone.mac for phone in phones}
        old = self._site.old_logins(self._made.names(BY_OLD_PASSWORD))
        return WaveSetup(
            number=1,
            waves=1,
            phones=phones,
            planned={name: self._plan.phones[name] for name in wave.phones},
            goals={phone.name: Listening(self._plan.phones[phone.name].kind in DEAF) for phone in phones},
            logins={phone.name: phone.with_mac(macs[phone.name]) for phone in old},
            by_hand=self._made.names(BY_HAND),
            at_once=limits.at_once(self._rules.max_unavailable, len(self._site.names)),
        )

    def _message(self, wave: PlannedWave) -> str:
        return prepare.message({name: self._outcomes[name] for name in wave.phones if name in self._outcomes})

    def _line(self, running: Wave) -> str:
        return prepare.progress_line(running.counts)

    def _default_follows(self) -> str:
        return ""
