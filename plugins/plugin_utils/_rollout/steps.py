# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a rollout at one site, up to its waves: look, plan, point. Each leaves what it found for those that follow.

A step that must not go on says why in what it leaves, and does not raise: its task fails with that, and the steps after it, at all sites,
see it and do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import Image, parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import labelled
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import limits, outlook, plan_text, scope, way_back, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as planning
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import Ledger, Rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Look, PointResult, Run, SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import Held, Lease, NotHeld, take
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import FileChange
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, RefusedPlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan_file import Approved, plan_content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.processes import is_gone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Pace, Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost, TftpHostError

BACK = "what the files named before"
"""What to call the target of an undo."""


@dataclass(frozen=True)
class Site:
    """One site of a run, with what a step needs there.

    `name`: of its TFTP host. `phones`: the phones of these names, with their passwords. `old_logins`: those of them that have a former
    password, with that. `say`: shows people a line.
    """

    name: str
    run: Run
    handover: Handover
    host: TftpHost
    phones: Callable[[Collection[str]], list[Phone]]
    old_logins: Callable[[Collection[str]], list[Phone]]
    say: Callable[[str], None]

    @property
    def names(self) -> Sequence[str]:
        """Inventory names of its phones."""
        return self.run.sites[self.name]

    @property
    def is_trial(self) -> bool:
        """Whether this run leaves the default as it is, whatever becomes of its phones."""
        rules = self.run.rules
        return rules.scope == scope.WAVE and not rules.accept_others and bool(self.run.outside.get(self.name))

    def point(self, image: str, **reach: Any) -> Mapping[str, Any]:
        """Point the files at an image. `reach`: as of `TftpHost.point`, which raises TftpHostError."""
        return self.host.point(image, self.run.id, self.run.rules.verify_files, **reach)

    def put_back(self, undo: Mapping[str, str], **reach: Any) -> Mapping[str, Any]:
        """Put the files back. `undo` and `reach`: as of `TftpHost.put_back`, which raises TftpHostError."""
        return self.host.put_back(undo, self.run.id, **reach)

    def look_into_ledger(self) -> Ledger:
        """What earlier runs left. Raises TftpHostError if that cannot be known, or if another run is at work here."""
        found = self.host.ledger("look", self.run.id)
        process = (found["ledger"]["lease"] or {}).get("process")
        if found["held"] and self.run.check:
            self.tell(found["held"])
        elif found["refused"] and not (self.run.rules.take_over or is_gone(process)):
            raise TftpHostError(f"TFTP host {self.name}: {found['refused']}")
        return Ledger(found["ledger"], found["now"], found["place"], found["usual"], found["changed_by"])

    def refuse_shared_root(self) -> None:
        """Raises RolloutError if another TFTP host of this run has the same root: a run has one lease of it, and one record."""
        looks = self.handover.read_all(Look, self.run.sites)
        same = [site for site, found in looks.items() if site == self.name or found.ledger.is_same_root(looks[self.name].ledger)]
        if len(same) > 1:
            raise RolloutError(
                f"the TFTP hosts {' and '.join(same)} have one and the same root, so nothing was changed: let all phones of it have one of "
                "these as cisco79xx_tftp_server, and run again"
            )

    def take(self) -> None:
        """Have the site for this run, from before the first byte that is written until its waves are over; not in a dry run.

        Raises TftpHostError if another run has it.
        """
        found = self.handover.read(Look, self.name)
        if found and not self.run.check:
            held = take(self.host, self.run.id, found.ledger, self.run.rules.lease_timeout, self.run.rules.take_over)
            self.handover.write(held, self.name)

    def lease(self) -> Lease:
        """The lease that this run has of the site."""
        held = self.handover.read(Held, self.name)
        if held is None and not self.run.check:
            raise RuntimeError(f"this run does not hold {self.name}: the step before has not run")
        return Lease(self.host, self.run.id, self.run.rules.lease_timeout, held)

    def let_go(self) -> None:
        """Give the site back, if this run has it, as its waves do not begin."""
        if self.handover.read(Held, self.name):
            self.lease().give_back()

    def tell(self, text: str) -> str:
        """Show people a line, with the site's name before it where there are several. Returns the line, harmless, as it was shown."""
        line = one_line(text, 4000, keep_blanks=True)
        self.say(f"{self.name}: {line}" if self.run.several else line)
        return line

    def show(self, lines: Sequence[str]) -> list[str]:
        """Show people lines that belong together. Returns them, harmless, as they were shown."""
        shown = [one_line(line, 4000, keep_blanks=True) for line in lines]
        if shown:
            self.say("\n".join(shown))
        return shown

    def headed(self, text: str) -> str:
        """What stands over the plan of the site."""
        return f"DRY RUN, nothing is changed: {text}" if self.run.check else f"{text}  (run {self.run.id})"

    def changes(self, result: Mapping[str, Any]) -> list[FileChange]:
        """What a module changed in its files, for the report."""
        return [FileChange(self.name, file["path"], file["diff"]) for file in result.get("differences") or ()]

    def problems(self, kind: type[Look | SitePlan | PointResult]) -> dict[str, str]:
        """Why the run must not go on after that step, by site. A site that has not come through it counts too."""
        parts = self.handover.read_all(kind, self.run.sites)
        reasons = {site: parts[site].problem if site in parts else "did not come to the end of the step before" for site in self.run.sites}
        return {site: reason for site, reason in reasons.items() if reason}


def look(site: Site) -> None:
    """Log in to each phone, and meanwhile see what is in the TFTP root and what would change there. Changes nothing."""
    rules = site.run.rules
    with ThreadPoolExecutor(1) as telnet:
        observing = telnet.submit(fleet.observe, site.phones(site.names), Pace())
        result: Mapping[str, Any] = {}
        ledger = Ledger()
        problem = ""
        try:
            ledger = site.look_into_ledger()
            if rules.undo:
                # To find out which runs there are, nothing has to fit
                result = site.put_back({}, look=True, force=True)
            else:
                result = site.point(rules.image, look=True, only=() if site.is_trial else None)
            if site.host.verifies_tftp if rules.verify_tftp is None else rules.verify_tftp:
                for line in site.host.verify_tftp(rules.image):
                    site.tell(f"TFTP server: {line}")
        except TftpHostError as error:
            problem = str(error)
        observed = observing.result()
    found = result.get("would_move", {}), result.get("runs", ()), result.get("images", {})
    site.handover.write(Look(observed, *found, problem, ledger), site.name)


def plan(site: Site) -> list[str]:
    """Decide what shall become of the phones, and show it. Changes nothing. Returns the lines that were shown."""
    if site.problems(Look):
        return []
    looks = site.handover.read_all(Look, site.run.sites)
    look = looks[site.name]
    undo: Mapping[str, str] = {}
    staying: Mapping[str, Image] = {}
    undone: Mapping[str, Any] = {}
    found: Mapping[str, Any] = {}
    try:
        site.refuse_shared_root()
        if site.run.rules.undo:
            runs = labelled(way_back.known_runs(look.runs))
            site.show([f"runs that changed {site.name}, the newest first:", *runs] if runs else [])
            undo = way_back.to_undo(site.run, looks, site.name)
            staying = way_back.stay(look, undo)
            running = {one.mac: one.image or "" for name, one in look.observed.items() if one.mac and name not in staying}
            undone = site.put_back(undo, look=True, force=site.run.rules.force, phones=running)
        approved = site.handover.read(Approved)
        wanted = _wanted(site, look, undo)
        goes_on = None if site.run.rules.fresh else look.ledger.to_go_on_with(wanted)
        made = _make_plan(site, look, undone, goes_on, staying)
        if not undo and (made.waves or made.hold):
            found = _foresee(site, made)
            hopeless = outlook.hopeless(made, found["boots"])
            if hopeless:
                made = _make_plan(site, look, undone, goes_on, staying, hopeless)
                found = _foresee(site, made)
        changed = _changed_files(undone or found)
        lines = [*plan_text.phones(made), *plan_text.files(changed), *plan_text.risks(made)]
        lines += [
            *outlook.outline(made, found),
            *scope.outline(made, has_changes=bool(changed)),
            *(way_back.outline(made, undone, staying) if undo else ()),
        ]
        steps = outlook.steps(made, look.images)
        content: Mapping[str, Any] = {}
        if site.run.check or approved:
            findings = [f"{label}: {text}" for label, text in lines]
            content = plan_content(undone if site.run.rules.undo else found or _foresee(site, made), [*findings, *steps])
        if approved:
            approved.refuse_changes(made, content, site.name)
        site.take()
    except RefusedPlan as error:
        site.handover.write(SitePlan(error.plan, problem=str(error)), site.name)
        return site.show(outlook.steps(error.plan, look.images))
    except (RolloutError, TftpHostError, window.WindowError) as error:
        site.handover.write(SitePlan(problem=str(error)), site.name)
        return []
    rollout = _rollout(made, wanted, goes_on)
    site.handover.write(SitePlan(made, undo, undone.get("loader", ""), content=content, rollout=rollout), site.name)
    lines += [*look.ledger.outline(wanted, goes_on), *([plan_text.bounds(site.run.rules)] if made.waves else [])]
    at_once = limits.at_once(site.run.rules.max_unavailable, len(site.names))
    waves = plan_text.table(made, site.name, at_once, look.ledger.usual)
    return site.show([site.headed(plan_text.heading(made, site.name)), *waves, *steps, *labelled(lines)])


def point(site: Site) -> Mapping[str, Any]:
    """Change the files of the TFTP root, unless any site's plan has a problem. Returns the module's result."""
    rules = site.run.rules
    part = site.handover.read(SitePlan, site.name)
    if site.problems(Look) or site.problems(SitePlan) or part is None or part.plan is None:
        return {}
    result: Mapping[str, Any] = {}
    problem = ""
    try:
        site.lease().hold()
        if rules.undo:
            result = site.put_back(part.undo, loader=part.loader, force=rules.force)
        elif rules.scope == scope.ALL:
            result = site.point(part.plan.image, hold=part.plan.hold, phones=scope.running(part.plan))
    except (TftpHostError, NotHeld) as error:
        problem = str(error)
    site.handover.write(PointResult(site.changes(result), problem), site.name)
    return result


def give_up(site: Site, step: str, why: str) -> None:
    """Leave word that a step failed in a way that nobody foresaw."""
    parts = {"look": Look(problem=why), "plan": SitePlan(problem=why), "point": PointResult(problem=why), "waves": SiteEnd(error=why)}
    site.handover.write(parts[step], site.name)


def may_go_on(site: Site) -> bool:
    """Whether the waves may begin: every site has been pointed."""
    return not (site.problems(Look) or site.problems(SitePlan) or site.problems(PointResult))


def _changed_files(result: Mapping[str, Any]) -> list[str]:
    """Names of the files that a module would change."""
    return [name for name, (before, after) in result.get("digests", {}).items() if before != after]


def _foresee(site: Site, made: Plan) -> Mapping[str, Any]:
    """What would change in the files, and what phones would do then. Raises TftpHostError."""
    only = None if made.scope == scope.ALL else [mac for wave in made.waves for mac in wave.macs]
    return site.point(made.image, look=True, only=only, hold=made.hold, phones=scope.running(made, only))


def _wanted(site: Site, found: Look, undo: Mapping[str, str]) -> Rollout:
    """What this run would move if it had to begin it."""
    goal = site.run.rules.image or " ".join(["the undo of", *(f"{what} {run}" for what, run in undo.items())])
    return Rollout(site.run.id, goal, _macs(site, found))


def _rollout(made: Plan, wanted: Rollout, goes_on: Rollout | None) -> Rollout:
    """What this run moves. One that it goes on with gets a last wave more of phones that had nothing to do in the beginning."""
    waves = [*goes_on.waves] if goes_on else []
    waves += [list(wave.phones) for wave in made.waves if wave.number > len(waves)]
    return replace(goes_on or wanted, waves=waves)


def _macs(site: Site, found: Look) -> dict[str, str | None]:
    """Name → MAC, of the phones of the site."""
    observed = found.observed
    return {name: site.run.logins[name].get("mac") or (observed[name].mac if name in observed else None) for name in site.names}


def _make_plan(
    site: Site,
    found: Look,
    undone: Mapping[str, Any],
    goes_on: Rollout | None,
    staying: Mapping[str, Image],
    hopeless: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """`undone`: of an undo, what the module foresees; `staying`: as of `way_back.stay`. Raises RolloutError, WindowError."""
    run, rules = site.run, site.run.rules
    closed = window.why_closed(rules.window, run.zones[site.name])
    if closed and not run.check:
        raise RolloutError(f"{closed}, so nothing was changed: run it when the window is open")
    hosts = {name: run.logins[name]["host"] for name in site.names}
    if way_back.is_of_settings(undone):
        return replace(planning.stay(found.observed, label="the settings of before", hosts=hosts, tftp_host=site.name), scope=scope.ALL)
    for_all = None if rules.undo else parse_application(rules.image)
    targets = dict.fromkeys(found.observed, for_all) if for_all else scope.named_targets(found.observed, undone["named"])
    targets.update(staying)
    label = rules.image or BACK
    made = planning.make_plan(
        targets,
        found.observed,
        label=label,
        direction=planning.ANY if rules.undo else rules.direction,
        waves=rules.waves,
        force=rules.force or rules.undo,
        skip_blocked=rules.skip_blocked,
        held={name for name in site.names if run.logins[name]["hold"]},
        hosts=hosts,
        tftp_host=site.name,
        in_flight=found.ledger.in_flight(
            {name: target.name for name, target in targets.items()},
            _macs(site, found),
            Patience(rules.wait_timeout, rules.call_timeout),
        ),
        goes_on=goes_on,
        hopeless={**hopeless, **way_back.hopeless(run, found.observed, undone.get("cannot", {}))},
    )
    approved = site.handover.read(Approved)
    return scope.with_scope(
        approved.with_its_waves(made, site.name) if approved else made,
        host=site.name,
        scope=scope.ALL if rules.undo else rules.scope,
        would_move={} if rules.undo else found.would_move,
        accept_others=rules.accept_others,
        held_elsewhere=run.held_elsewhere,
        outside=run.outside.get(site.name, ()),
        pinning=not rules.undo,
    )
