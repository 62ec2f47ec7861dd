# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import ImageNameError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import Arguments, ControllerAction
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import InventoryError, with_old_password
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import end, writer
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import PAGE, REPORT
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import why_unwritten
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import (
    begin,
    finish,
    names,
    plan_file,
    prepare,
    prepare_steps,
    progress,
    rules,
    run_report,
    steps,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import (
    Handover,
    Look,
    PointResult,
    Run,
    SitePlan,
    StepFailure,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import NOT_REACHED, WELL, Outcome, RunReport
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.prepare_steps import PrepareWaves
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.site_waves import Interrupted, SiteWaves
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.steps import Site
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.window import WindowError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost

display = Display()
LEDGER_SECONDS = 30.0
"""That a call about the ledger may take while phones restart: they wait for it."""


class Way(NamedTuple):
    """What is done at a site in each step."""

    look: Callable[[Site], None]
    plan: Callable[[Site], list[str]]
    point: Callable[[Site], Mapping[str, Any]]
    waves: type[SiteWaves]


ROLLOUT = Way(steps.look, steps.plan, steps.point, SiteWaves)
PREPARE = Way(prepare_steps.look, prepare_steps.plan, prepare_steps.point, PrepareWaves)


def _handed_on(report: RunReport) -> dict[str, Any]:
    """How the run ended, for those who called Ansible: as set_stats has it, which counts from a task that ends well only."""
    summary = report.summary()
    return {"rollout": summary, "ansible_stats": {"data": {"cisco79xx_rollout": summary}, "per_host": False, "aggregate": False}}


def _told(error: Exception) -> str:
    """An error that ends a step, for people."""
    known = isinstance(error, (AnsibleError, ImageNameError, InventoryError, RolloutError, WindowError, OSError))
    return str(error) if known else f"{type(error).__name__}: {error}; please report this"


class Refusal(NamedTuple):
    """Why a run must not begin, as its report; where the page of that is, or why there is none; and where report.json is, or nothing."""

    report: RunReport
    page: str
    path: str


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "step": {"type": "str", "required": True, "choices": ["begin", "look", "plan", "point", "waves", "report"]},
        "run": {"type": "str"},
    }

    def work(self, arguments: Arguments) -> dict[str, Any]:
        if arguments["step"] == "begin":
            return self._begin()
        if not arguments["run"]:
            raise AnsibleActionFail("run is missing: it is what the step begin returned")
        handover = Handover(arguments["run"])
        run = handover.read(Run)
        if refused := handover.read(Refusal):
            return self._end_refused(handover, refused, arguments["step"])
        if run is None:
            raise AnsibleActionFail(f"run {arguments['run']} is not known: its first step has not run, or it is over")
        if arguments["step"] == "report":
            return self._report(handover, run)
        self.output.end_unread()
        site = self._site(handover, run)
        with self._time_limit(run.rules.wait_timeout if arguments["step"] == "waves" else 0):
            work = {"look": self._look, "plan": self._plan, "point": self._point, "waves": self._waves}
            try:
                result = work[arguments["step"]](site, PREPARE if run.rules.prepare else ROLLOUT)
            except Exception as error:  # the report tells it, and no other site waits for this one
                display.vvv(traceback.format_exc())
                steps.give_up(site, arguments["step"], _told(error))
                result = {"changed": False, "msg": _told(error), "failed": True}
        if result.get("failed"):
            handover.write(StepFailure(), site.name)
            if arguments["step"] != "waves":  # which Ansible leaves out at this site now
                site.let_go()
            self._show_diffs(result.pop("diff", ()))
        return result

    def _begin(self) -> dict[str, Any]:
        sources = names.sources_of(self._task)
        given = [sources.typed, sources.play]
        phones: list[str] = []
        try:
            inventory = self._inventory(given)
            members = set(inventory.groups.get(inventory.phones_group, ()))
            phones += [name for name in self._task_vars["ansible_play_hosts_all"] if name in members]
            asked, some, approved = self._asked(phones, inventory, sources, given)
            forks = int(context.CLIARGS.get("forks") or 5)
            run = begin.begin(
                asked, some or phones, inventory, forks, bool(self._task.check_mode), approved, self._task_vars["ansible_play_hosts"]
            )
        except Exception as error:
            display.vvv(traceback.format_exc())
            return self._refused(_told(error), phones, given)
        return {"changed": False, "run": run.id, "drivers": {driver: site for site, driver in run.drivers.items()}}

    def _inventory(self, given: Sequence[Mapping[str, Any]]) -> begin.Inventory:
        variables = self._task_vars
        group = str(self._templar.template(names.phones_group(given)))
        return begin.Inventory(variables["hostvars"], variables["groups"], variables.get("ansible_limit"), group)

    def _asked(
        self, phones: Sequence[str], inventory: begin.Inventory, sources: names.Sources, given: list[Mapping[str, Any]]
    ) -> tuple[rules.Rules, list[str], plan_file.Approved | None]:
        """The rules, the phones if they are named, and the plan to carry out. What the inventory and the plan have is added to `given`.

        Raises RolloutError, InventoryError.
        """
        wrong = names.mistyped(sources, inventory.groups["all"])
        servers = begin.servers_of(phones, inventory, rules.option("tftp_group", given, self._templar.template))
        try:
            found = names.in_inventory(phones, servers, inventory.hostvars, given)
            given.append(found.options)
            for name, hosts in found.ignored.items():
                display.warning(names.why_ignored(name, hosts))
        except RolloutError as error:
            wrong.append(str(error))
        approved = None
        try:
            if names.given("rollout_plan", given)[1] is not None:
                approved = plan_file.read(rules.option("plan", given, self._templar.template))
                given.append(approved.options)
            asked = rules.read(given, self._templar.template)
        except RolloutError as error:
            wrong.append(str(error))
        if wrong:
            raise RolloutError("; ".join(wrong))
        return *asked, approved

    def _refused(self, why: str, phones: Sequence[str], given: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Leave word that the run must not begin, for its next step to fail, and write its report, so that none of an earlier run is taken
        for it."""
        template = self._templar.template
        image, what = "", "rollout"
        with suppress(RolloutError):  # what is wrong with these is told in `why`
            prepares = rules.option("prepare", given, template)
            what = rules.what_for(prepares, rules.option("undo", given, template), rules.option("direction", given, template))
            image = rules.option("image", given, template) or (prepare.LABEL if prepares else "rollback")
        outcomes = {name: Outcome(NOT_REACHED, reason="the run ended before it could be observed") for name in phones}
        report = RunReport(image, outcomes, what=what, error=why, check_mode=bool(self._task.check_mode))
        page, path = "none, as report_dir is none", ""
        try:
            folder = Path(rules.option("report_dir", given, template))
            if report.check_mode and names.given("rollout_plan", given)[1] is None:
                plan_file.forget(folder)
            writer.write(folder, report)
            place = writer.place(folder, report)
            page, path = str(place.top(PAGE)), str(place.top(REPORT))
        except OSError as error:
            page = f"none: {why_unwritten(folder, error)}"
        except RolloutError:
            pass  # `why` tells it
        host = str(self._task_vars["inventory_hostname"])
        if not begin.is_plain(host):  # it could not be the driver of the next play
            raise AnsibleActionFail(why)
        refusal = Refusal(report, page, path)
        run = begin.new_id(time.time())
        Handover(run).write(refusal)
        return {"changed": False, "run": run, "drivers": {host: "localhost"}, **_handed_on(report)}

    def _end_refused(self, handover: Handover, refusal: Refusal, step: str) -> dict[str, Any]:
        """The first step after that fails, and the last one tells how it ended."""
        if step != "report":
            return {"changed": False, "failed": True, "msg": refusal.report.error}
        self.say("\n".join(end.lines(refusal.report, refusal.page)))
        handover.remove()
        return {"changed": False, "path": refusal.path, **_handed_on(refusal.report)}

    def _look(self, site: Site, way: Way) -> dict[str, Any]:
        way.look(site)
        return self._failed_if(site, Look)

    def _plan(self, site: Site, way: Way) -> dict[str, Any]:
        lines = way.plan(site)
        return {"msg": lines, **self._failed_if(site, SitePlan)}

    def _point(self, site: Site, way: Way) -> dict[str, Any]:
        result = way.point(site)
        changed = {"changed": bool(result.get("changed")), "diff": list(result.get("diff") or ())}
        return {**self._failed_if(site, PointResult), **changed}

    @staticmethod
    def _failed_if(site: Site, kind: type[Look | SitePlan | PointResult]) -> dict[str, Any]:
        """The result of a step: failed if it left a problem of this site."""
        part = site.handover.read(kind, site.name)
        return {"failed": True, "msg": part.problem} if part and part.problem else {"changed": False}

    def _waves(self, site: Site, way: Way) -> dict[str, Any]:
        if not steps.may_go_on(site):
            site.let_go()
            return {"changed": False}
        terminal = None if site.run.several else progress.terminal_of(os.getppid(), os.environ)
        waves = way.waves(site, progress.Progress(self.say, terminal, not site.run.rules.progress or self.for_programs))
        try:
            ended = waves.go()
        except Interrupted as interrupt:
            return {"failed": True, "msg": str(interrupt)}
        result = {"changed": waves.changed, "diff": waves.diffs, "msg": ended.message or ended.why or ended.stopped}
        stop = f"stopped in wave {ended.reached}: {ended.stopped}" if ended.stopped else ended.why
        phones = end.why_failed(run_report.make(site.handover, site.run), site.names)
        why = "; ".join(filter(None, (ended.error or ("" if ended.elsewhere else stop), phones)))
        return {**result, "failed": True, "msg": why} if why else result

    def _report(self, handover: Handover, run: Run) -> dict[str, Any]:
        is_told = bool(handover.read_all(StepFailure, run.sites))
        report, unwritten = finish.report(handover, run)
        place = writer.place(run.rules.report_dir, report)
        plan = str(place.top(plan_file.NAME)) if report.plan and not run.rules.plan else ""
        if unwritten:
            self.say("\n".join(end.each_phone(report)))
        self.say("\n".join(end.lines(report, "none, as it could not be written" if unwritten else str(place.top(PAGE)), plan)))
        result = {"changed": False, "path": str(place.top(REPORT)), **_handed_on(report)}
        why = unwritten or ("" if is_told or report.outcome in WELL else f"{report.outcome}: {report.error or 'see above'}")
        return {**result, "failed": True, "msg": why} if why else result

    def _show_diffs(self, diffs: Sequence[Mapping[str, Any]]) -> None:
        """Of a task that fails Ansible shows people none."""
        if self._task.diff and diffs:
            shown = CallbackBase()
            self.say(shown._get_diff(list(diffs)))

    def _site(self, handover: Handover, run: Run) -> Site:
        """The site whose TFTP host the task is delegated to."""
        name = self._task.delegate_to
        if name not in run.sites:
            raise AnsibleActionFail(f"the task has to be delegated to a TFTP host of the run ({', '.join(run.sites)}), not to {name}")
        hostvars = self._task_vars["hostvars"]

        def phones(names: Collection[str]) -> list[Phone]:
            return self.phones(list(names), run.logins)

        host = TftpHost(name, hostvars[name], self._execute, run.check, run.rules.loads)

        def old_logins(names: Collection[str]) -> list[Phone]:
            return with_old_password(phones(names), hostvars)

        return Site(name, run, handover, host, phones, old_logins, self.say)

    def _execute(self, module: str, arguments: dict[str, Any], check: bool) -> Mapping[str, Any]:
        """Run a module on the TFTP host. What only looks shows no differences, and the ledger is written quickly or not at all."""
        task = self._task
        seconds = self._seconds and (min(LEDGER_SECONDS, self._seconds) if module.endswith("rollout_ledger") else self._seconds)
        check_mode, diff = task.check_mode, task.diff
        task.check_mode, task.diff = check, diff and check == check_mode
        try:
            with self._alarm(seconds):
                result: Mapping[str, Any] = self._execute_module(module, arguments, task_vars=self._task_vars)
        except AnsibleConnectionFailure as error:
            result = {"unreachable": True, "msg": str(error)}
        except AnsibleError as error:
            result = {"failed": True, "msg": str(error)}
        except TimeoutError:
            result = {"failed": True, "msg": f"no answer in {seconds:g} seconds; it may still be at work there"}
        finally:
            task.check_mode, task.diff = check_mode, diff
        return result

    _seconds = 0.0

    @contextmanager
    def _time_limit(self, seconds: float) -> Iterator[None]:
        """Within, a module on the TFTP host may take so long, 0 for no limit: other sites may wait for this one."""
        self._seconds = seconds
        try:
            yield
        finally:
            self._seconds = 0.0

    @staticmethod
    @contextmanager
    def _alarm(seconds: float) -> Iterator[None]:
        """Raise TimeoutError within, after that time. Without a limit Ansible's own alarm (`timeout:` of a task) stays as it is."""

        def ring(*_signal: object) -> NoReturn:
            raise TimeoutError

        if not seconds:
            yield
            return
        before, began = signal.signal(signal.SIGALRM, ring), time.monotonic()
        left, _every = signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if left:  # of Ansible's own
                signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)))
