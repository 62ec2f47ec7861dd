# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All waves of one site, in the main thread of the site's process: it asks the TFTP host, talks to people, and sees that Ansible still is
there, while a thread of its own restarts the phones of a wave and waits for them.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import NOT_OURS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import publish, write
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import gate, limits, run_report, scope, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look, SiteEnd, SitePlan, lives
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import NotHeld
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.meeting import Meeting, Tally
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, DONE, FAILED, PLANNED, FileChange, Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, PlannedPhone, PlannedWave
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.progress import Progress, label, progress_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.steps import Site
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.suspects import Suspects
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.wave import Wave, WaveSetup
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.witness import Witness, orphaned
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import OnImage, Pace, Patience
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHostError

FIRST_LOG = 40.0
"""Seconds after which the TFTP server's log is asked why phones are not back: a phone asks for its first file 3 times in 39 seconds."""
LOG_EVERY = 15.0
LOG_OF_STRANGERS = 7 * 86400.0
"""Seconds of the log that are searched for phones that the inventory does not know."""
MEET_EVERY = 0.5
"""Seconds between two looks at whether the other sites are ready for the next wave."""
ENDS = (signal.SIGTERM, signal.SIGINT)
"""How Ansible ends its workers, and people end Ansible."""
INTERRUPTED = "interrupted in wave {}: run it again to go on; phones that were reset are waited for, not reset again"
INTERRUPTED_LATE = "interrupted while the rollout, stopped in wave {}, was taken back: run the rollback, which brings back the other phones"


class Interrupted(BaseException):
    """Somebody ended the run, or Ansible is gone. Not an Exception: nothing that is under way may take it for a failure of its own.

    The text says in which wave, once it is known.
    """


class Stop(Exception):
    """The rollout ends here: how is in `end`."""

    def __init__(self, end: SiteEnd) -> None:
        super().__init__(end.stopped or end.why or end.error)
        self.end = end


class SiteWaves:
    """Runs the waves of one site, each when it is due."""

    def __init__(self, site: Site, progress: Progress) -> None:
        part = site.handover.read(SitePlan, site.name)
        if part is None or part.plan is None:
            raise RuntimeError("there is no plan: the step before has not run")
        self.changed = False
        self.diffs: list[Mapping[str, Any]] = []
        self._site = site
        self._run = site.run
        self._rules = site.run.rules
        self._plan: Plan = part.plan
        self._undo, self._loader = part.undo, part.loader
        self._progress = progress
        self._meeting = Meeting(site.handover, site.run, site.name)
        self._rollout = part.rollout
        look = site.handover.read(Look, site.name)
        self._usual = look.ledger.usual if look else None
        self._lease = site.lease()
        if part.rollout:
            self._lease.begin(part.rollout)
        self._report = run_report.RunningReport(site.handover, site.run)
        self._log = site.handover.outcomes(site.name)
        self._outcomes: dict[str, Outcome] = {}
        self._files: list[FileChange] = []
        self._down = 0
        self._longest = 0.0
        self._reached = 0
        self._log_answers = True

    def go(self) -> SiteEnd:
        """Go through the waves, and leave how that ended for the report. Raises Interrupted, when the report is written."""
        with _interruptible():
            try:
                end = self._all_waves()
                self._leave(end)
                if (end.stopped or end.error) and self._rules.rollback_on_stop:
                    end = self._give_back(end)
                    self._leave(end)
            except Interrupted:
                end = self._site.handover.read(SiteEnd, self._site.name) or SiteEnd(self._reached, files=self._files)
                why = (INTERRUPTED_LATE if end.stopped or end.error else INTERRUPTED).format(self._reached)
                try:
                    self._leave(replace(end, error=why, interrupted=True))
                    self._report_early(why, publish_it=True)
                finally:
                    self._release(end, "given_back" if end.given_back else "")
                raise Interrupted(why) from None
            except BaseException:
                self._lease.give_back()
                raise
            self._release(end, self._how(end))
            if self._lease.lost and self._how(end) == "done":  # taken over since the last sign of life
                end = self._pause_unheld(self._lease.lost)
                self._leave(end)
            if self._run.several and not self._run.check:
                # If another site's process is killed, Ansible ends, and nobody comes back to write it
                where, other = self._meeting.trouble() or ("", None)
                self._report_early(f"{where}: {other.error}" if other and other.error else run_report.NO_END)
        return end

    def _all_waves(self) -> SiteEnd:
        """How they ended. Raises Interrupted."""
        end = SiteEnd()
        try:
            said, note = "", ""
            try:
                for wave in self._plan.waves:
                    self._lease.wave = wave.number
                    self._gather(wave.number)
                    self._may_begin(wave)
                    self._see_files(wave)
                    self._get_ready(wave)
                    if not self._run.check:
                        self._one_wave(wave)
                self._gather(self._meeting.last + 1)
                said = self._default_follows() if self._rules.scope == scope.WAVE and not self._rules.undo else ""
            except Stop as stop:
                end = stop.end
            except NotHeld as error:
                end = self._pause_unheld(str(error))
            away = [name for wave in self._plan.waves for name in wave.phones if not self._is(name, DONE)]
            try:
                note = self._drop_loader(self._undo, self._loader, away)
            except NotHeld as error:
                end, note = self._pause_unheld(str(error)) if end == SiteEnd() else end, self._kept(self._loader)
        except (TftpHostError, OSError) as error:
            return SiteEnd(self._reached, error=str(error), files=self._files, note=self._kept(self._loader))
        return replace(end, reached=self._reached, message=end.message or said, files=self._files, note=note)

    def _pause_unheld(self, why: str) -> SiteEnd:
        """The end of a run that must change nothing any more."""
        why = f"paused, as nothing may be changed without the lease of the site: {why}; run it again to go on"
        return SiteEnd(paused_after=max(0, self._lease.wave - 1), why=why)

    def _how(self, end: SiteEnd) -> str:
        """How the rollout ended, for the ledger, or an empty text if it is to be gone on with."""
        if end.given_back or (end.stopped and self._rules.rollback_on_stop and not end.error):
            return "given_back"
        return "" if end.stopped or end.error or end.paused_after is not None else "done"

    def _release(self, end: SiteEnd, how: str) -> None:
        """Give the site back. A pause that was asked for is over with that."""
        paused = end.paused_after if end.paused_after in self._rules.pause_after else 0
        why = self._lease.give_back(how if self._rollout else "", paused or 0)
        if why:
            self._site.tell(f"the site could not be given back, so its next run has to wait, or to be told take_over=true: {why}")

    # -- before a wave

    def _gather(self, number: int) -> None:
        """Wait until the waves before this one are over at all sites. Raises Stop if the rollout ends here."""
        before = number - 1
        self._wait_while(before, lambda: self._meeting.not_there_yet(number), f"wave {number} begins when wave {before} is over at {{}}")
        # What each site has lost may be little, and all of it too much
        if self._run.several and before in {wave.number for wave in self._plan.waves} and not self._run.check:
            why = gate.why_stop(self._rules.losses, self._meeting.sum(before), before == self._meeting.last)
            if why:
                raise Stop(SiteEnd(stopped=why, message=why))

    def _wait_while(self, before: int, late: Callable[[], list[str]], text: str) -> None:
        """Wait as long as `late` names sites. `text` says so, with {} for them. Raises Stop if the rollout has ended elsewhere."""
        said = False
        while not self._run.check:
            self._stop_with_others(before)
            sites = late()
            if not sites:
                self._stop_with_others(before)
                return
            if not said and before < self._meeting.last:
                self._site.tell(text.format(", ".join(sites)))
                said = True
            self._see_ansible()
            self._lease.tend()
            if self._lease.lost:
                raise NotHeld(self._lease.lost)
            self._report.write_now_and_then()
            time.sleep(MEET_EVERY)

    def _stop_with_others(self, number: int) -> None:
        """Raises Stop if the rollout has stopped, paused or failed at another site."""
        trouble = self._meeting.trouble()
        if trouble is None:
            return
        where, end = trouble
        if end.paused_after is not None:
            raise Stop(SiteEnd(paused_after=number, why=f"{where}: {end.why}", elsewhere=True))
        raise Stop(SiteEnd(stopped=f"{where}: {end.stopped or end.error}", elsewhere=True))

    def _may_begin(self, wave: PlannedWave) -> None:
        """Raises Stop if the rollout has to pause before this wave."""
        before = wave.number - 1
        first = wave.number == self._plan.waves[0].number
        why = ""
        if not first and before in self._rules.pause_after and before > (self._rollout.paused if self._rollout else 0):
            why = f"paused after wave {before}, as asked (pause_after): look at the phones, and run it again to go on"
        elif closed := window.why_closed(self._rules.window, self._run.zones[self._site.name]):
            why = f"{closed}: wave {wave.number} does not begin; run it again when the window is open"
        if why and not self._run.check:
            done = f"{before} of {self._plan.waves[-1].number} waves to {self._plan.image} are done; " if before else ""
            raise Stop(SiteEnd(paused_after=before, why=f"{done}{why}"))

    def _see_files(self, wave: PlannedWave) -> None:
        """The files name the image for the phones of this wave, or are made to. Raises TftpHostError, NotHeld."""
        self._lease.hold()
        if self._rules.undo:
            return
        if self._rules.scope == scope.WAVE:
            if wave.macs:
                self._point(only=wave.macs, hold=self._plan.hold, phones=scope.running(self._plan, wave.macs))
        elif wave.number != self._plan.waves[0].number and not self._run.check:  # before the first one they were only just written
            result = self._site.point(self._plan.image, look=True, hold=self._plan.hold, phones=scope.running(self._plan))
            if result["changed_files"]:
                raise TftpHostError(
                    f"somebody else changed {', '.join(result['changed_files'])} at {self._site.name} during the rollout, maybe another "
                    "rollout: find out who, and run again"
                )

    def _get_ready(self, wave: PlannedWave) -> None:
        """A wave begins at all sites that have it, or at none: each has to reach its files first. Raises Stop."""
        self._meeting.tell_ready(wave.number)
        self._wait_while(wave.number - 1, lambda: self._meeting.not_ready(wave.number), f"wave {wave.number} begins when {{}} is ready")

    def _point(self, **reach: Any) -> None:
        self._lease.hold()
        result = self._site.point(self._plan.image, **reach)
        self._files += self._site.changes(result)
        self.diffs += result.get("diff") or ()
        self.changed = self.changed or bool(result.get("changed"))

    # -- a wave

    def _one_wave(self, wave: PlannedWave) -> None:
        """Raises Stop if the rollout has lost too many phones, NotHeld, Interrupted."""
        self._reached = wave.number
        self._elsewhere = False
        # A phone that the inventory has no MAC of has told it when it was observed
        phones = [phone.with_mac(self._plan.phones[phone.name].mac) for phone in self._site.phones(wave.reset)]
        patience = Patience(self._rules.wait_timeout, self._rules.call_timeout)
        setup = self._setup(wave, phones, patience)
        for name in set(wave.phones) - set(wave.reset):
            unseen = self._plan.phones[name]
            self._record(name, unseen.outcome(FAILED, kind=unseen.kind, reason=unseen.reason))
        suspects = Suspects(phones, setup.awaited)
        witness = Witness(self._plan.images, self._lease, suspects, self._record, partial(self._why_stop, wave))
        running = Wave(setup, Pace(), patience, witness)
        self._watch(running, witness, suspects)
        self._longest = running.counts.longest
        self.changed = self.changed or running.changed
        self._down += len(running.down)
        self._meeting.tell(wave.number, Tally(self._failed(wave), wave.total, over=True))
        why = running.stopped or gate.why_stop(self._rules.losses, self._meeting.sum(wave.number), wave.number == self._meeting.last)
        message = self._site.tell(self._message(wave))
        if running.refused or self._lease.lost:
            raise NotHeld(running.refused or self._lease.lost)
        if why:
            raise Stop(SiteEnd(stopped=why, message=message, elsewhere=bool(running.stopped) and self._elsewhere))

    def _why_stop(self, wave: PlannedWave, failed: Mapping[str, str], ended: int) -> str:
        """As `wave.Witness.why_stop`. Called from the wave's thread."""
        if self._lease.lost:
            return self._lease.lost
        self._meeting.tell(wave.number, Tally(dict(failed), wave.moved + ended), soon=True)
        trouble = self._meeting.trouble()
        if trouble and (trouble[1].stopped or trouble[1].error):
            self._elsewhere = True
            return f"{trouble[0]}: {trouble[1].stopped or trouble[1].error}"
        total = self._meeting.sum(wave.number)
        # Who could not be observed beforehand counts, but alone is no reason to leave the others of the wave
        return gate.why_stop(self._rules.losses, total) if any(total.failed.values()) else ""

    def _setup(self, wave: PlannedWave, phones: Sequence[Phone], patience: Patience) -> WaveSetup:
        images = {phone.name: self._plan.images[phone.name] for phone in phones}
        return WaveSetup(
            number=wave.number,
            waves=self._plan.waves[-1].number,
            phones=phones,
            planned={name: self._plan.phones[name] for name in wave.phones},
            goals={name: OnImage(parse_application(image)) for name, image in images.items()},
            awaited=self._lease.ledger.in_flight(images, {phone.name: phone.mac for phone in phones}, patience),
            at_once=limits.at_once(self._rules.max_unavailable, len(self._site.names)),
            down=self._down,
            soak_seconds=self._rules.soak_seconds,
            require_registered=self._rules.require_registered,
            longest=self._longest,
            recorded=self._usual,
        )

    def _message(self, wave: PlannedWave) -> str:
        """What came of a wave, for people."""
        return gate.message(wave, self._plan.waves[-1].number, self._plan.image, self._outcomes)

    def _line(self, running: Wave) -> str:
        """How a wave stands, for people."""
        return progress_line(running.setup.number, running.setup.waves, running.counts, running.at_once)

    def _watch(self, running: Wave, witness: Witness, suspects: Suspects) -> None:
        """Let the wave run in a thread of its own, and meanwhile do what only the main thread may."""
        self._report.write_soon()
        began = shown_at = time.monotonic()
        next_log = began + FIRST_LOG
        lines = 0
        with ThreadPoolExecutor(1) as telnet:
            wave = telnet.submit(running.run)
            try:
                while not wave.done() or not witness.news.empty():
                    try:
                        self._progress.announce(self._headed(running, witness.news.get(timeout=0.2)))
                    except queue.Empty:
                        pass
                    self._see_ansible()
                    resets = self._lease.tend()
                    now = time.monotonic()
                    if now - shown_at >= self._progress.pause(lines) * len(self._run.sites) and not wave.done():
                        shown_at, lines = now, lines + 1
                        line = self._line(running)
                        self._progress.line(f"{self._site.name}: {line}" if self._run.several else line)
                    if self._log_answers and now >= next_log and not wave.done():
                        self._ask_log(suspects)
                        next_log = time.monotonic() + LOG_EVERY
                    self._report.write_now_and_then()
                    if resets:  # they are being sent now
                        self._report.write_soon()
            except BaseException:
                running.cancel()
                raise
            finally:
                self._progress.clear()
            wave.result()

    def _headed(self, running: Wave, text: str) -> str:
        site = f"{self._site.name}: " if self._run.several else ""
        return f"{site}{label(running.setup.number, running.setup.waves)}: {text}"

    def _ask_log(self, suspects: Suspects) -> None:
        """Learn from the TFTP server's log which phones cannot come back. A log that cannot be read is not asked again."""
        waiting = suspects.waiting()
        if not waiting:
            return
        try:
            result = self._site.host.read_log(max(waiting.values()) + 5, suspects.log_names(waiting))
        except TftpHostError as error:
            self._log_answers = False
            self._site.tell(f"why phones are away is not told by the TFTP server's log, as it cannot be read: {error}")
            return
        suspects.take_verdicts(result["phones"])

    def _failed(self, wave: PlannedWave) -> dict[str, str]:
        """The phones of the wave that failed: name → kind."""
        kinds = {name: self._outcomes[name].kind or "" for name in wave.phones if self._is(name, FAILED)}
        return {name: kind if name in wave.reset else gate.UNSEEN for name, kind in kinds.items()}

    def _is(self, name: str, status: str) -> bool:
        return name in self._outcomes and self._outcomes[name].status == status

    def _record(self, name: str, outcome: Outcome) -> None:
        self._outcomes[name] = outcome
        self._log.add(name, outcome)

    # -- the end

    def _default_follows(self) -> str:
        """SIPDefault.cnf follows the waves of scope=wave, unless phones would follow it that nobody asked about.

        Returns what people were told. Raises TftpHostError.
        """
        plan, elsewhere, accept = self._plan, self._run.held_elsewhere, self._rules.accept_others
        there = dict.fromkeys(scope.running(plan), plan.image)
        off = [name for name, phone in plan.phones.items() if not self._settled(name, phone)]
        why = scope.why_default_stays(() if accept else self._run.outside.get(self._site.name, ()), off)
        others: dict[str, str] = {}
        if not why:
            found = self._site.point(plan.image, look=True, hold=plan.hold, phones=there)
            others, kept = scope.of_others(plan, found["would_move"], elsewhere)
            why = "" if accept else scope.why_default_stays(seen=self._strangers(), others=others)
        if why:
            if not plan.waves:
                self._point(only=scope.on_image(plan), hold=plan.hold, phones=there)
            said = f"SIPDefault.cnf stays as it is: {why}"
        else:
            self._point(hold={**plan.hold, **kept, **({} if accept else others)}, phones=there)
            neither = f"; pinned to what they have, as neither the inventory nor the log knows them: {list_some(others)}"
            said = f"SIPDefault.cnf names {plan.image} as well{neither if others and not accept else ''}"
        self._site.tell(said)
        return said

    def _settled(self, name: str, phone: PlannedPhone) -> bool:
        """Whether a phone of the run needs no default any more: it is on the image, as far as a dry run can know, or kept on another."""
        will_be = self._run.check and phone.status == PLANNED and phone.within_reach
        there = phone.status == ALREADY or self._is(name, DONE) or will_be
        return bool(phone.mac) and (phone.mac in self._plan.hold or there)

    def _strangers(self) -> list[str]:
        """The MACs of SIP phones in the TFTP server's log that are not in the inventory."""
        known = {*self._run.held_elsewhere, *(phone.mac for phone in self._plan.phones.values())}
        try:
            found = self._site.host.read_log(LOG_OF_STRANGERS)
        except TftpHostError as error:
            self._site.tell(f"only the inventory tells which phones there are, as the TFTP server's log cannot be read: {error}")
            return []
        return [one["mac"] for one in found["phones"].values() if one["mac"] not in (None, *known) and one["verdict"] != NOT_OURS]

    def _leave(self, end: SiteEnd) -> None:
        self._site.handover.write(end, self._site.name)

    def _drop_loader(self, undo: Mapping[str, str], loader: str, away: Sequence[str]) -> str:
        """Give OS79XX.TXT, which named a loader for the phones on their way back, its old content, unless some of them are `away` still.

        Returns what people have to know. Raises TftpHostError.
        """
        if not loader or away or self._run.check:
            return self._kept(loader)
        self._lease.hold()
        result = self._site.put_back(undo, force=self._rules.force)
        self._files += self._site.changes(result)
        self.diffs += result.get("diff") or ()
        return ""

    def _kept(self, loader: str) -> str:
        """What people have to know if OS79XX.TXT names that loader still."""
        text = f"OS79XX.TXT names {loader} still, for phones that are not back: run the rollback again"
        return text if loader and not self._run.check else ""

    def _give_back(self, end: SiteEnd) -> SiteEnd:
        """Put back what this rollout changed, and take back the phones that it restarted. What goes wrong is in the result."""
        undo = {"run": self._run.id}
        restarted = {name: one for name, one in self._outcomes.items() if one.reset_at is not None and one.image_before}
        try:
            self._lease.hold()
            moved = {one.mac: one.image_after or "" for one in restarted.values() if one.mac}
            foreseen = self._site.put_back(undo, look=True, phones=moved)
            result = self._site.put_back(undo, loader=foreseen["loader"])
            self._files += self._site.changes(result)
            end = replace(end, files=self._files)
            if not restarted:
                return end
            if not result.get("records"):
                why = "nothing was put back, as it was an earlier run of the rollout that changed the files: run the rollback"
                return replace(end, error="; ".join(filter(None, (end.error, why))))
            lost = {name: foreseen["cannot"][one.mac] for name, one in restarted.items() if one.mac in foreseen["cannot"]}
            given_back = {name: restarted[name].given_back(restarted[name].image_after, why) for name, why in lost.items()}
            # If the run is ended here, the report must not say that these are on the image
            unseen = "the run ended before it was seen again"
            given_back.update({name: one.given_back(None, unseen) for name, one in restarted.items() if name not in lost})
            end = replace(end, given_back=given_back, note=self._kept(foreseen["loader"]))
            self._leave(end)
            self._report_early(run_report.NO_END)
            back = self._take_back({name: one for name, one in restarted.items() if name not in lost})
            given_back.update(
                {
                    name: restarted[name].given_back(one.image_after, one.reason if one.status == FAILED else None)
                    for name, one in back.items()
                }
            )
            away = [name for name, one in given_back.items() if name not in back or back[name].status == FAILED]
            end = replace(end, note=self._drop_loader(undo, foreseen["loader"], [name for name in away if name not in lost]))
        except (TftpHostError, NotHeld, OSError) as error:
            why = f"the rollout stopped, and could not be put back: {error}"
            return replace(end, error="; ".join(filter(None, (end.error, why))))
        self.changed = True
        return end

    def _take_back(self, restarted: Mapping[str, Outcome]) -> dict[str, Outcome]:
        """Restart these phones and wait until they run what they ran before, and what became of them. Raises Interrupted."""
        images = {name: one.image_before or "" for name, one in restarted.items()}
        phones = [phone.with_mac(restarted[phone.name].mac) for phone in self._site.phones(list(restarted))]
        goals = {name: OnImage(parse_application(image)) for name, image in images.items()}
        outcomes: dict[str, Outcome] = {}
        suspects = Suspects(phones, {})
        witness = Witness(images, self._lease, suspects, outcomes.__setitem__, lambda failed, ended: "")
        setup = WaveSetup(0, 0, phones, {name: self._plan.phones[name] for name in images}, goals)
        self._watch(Wave(setup, Pace(), Patience(self._rules.wait_timeout), witness), witness, suspects)
        return outcomes

    def _report_early(self, why: str, publish_it: bool = False) -> None:
        """Write the report of a run that may end here. Every site does, as it may be the last; the first that lives tells the CI job."""
        report = run_report.make(self._site.handover, self._run, finished=False, error=why)
        with suppress(OSError):
            write(self._rules.report_dir, report)
        others = [site for site in self._run.sites if site != self._site.name and lives(self._meeting.process(site))]
        if publish_it and (not others or list(self._run.sites).index(self._site.name) < list(self._run.sites).index(others[0])):
            publish(report)
        if orphaned() and not others:
            self._site.handover.remove()  # nobody is left who would

    def _see_ansible(self) -> None:
        """Killed, Ansible leaves its workers behind. Raises Interrupted then."""
        if orphaned():
            raise Interrupted


@contextmanager
def _interruptible() -> Iterator[None]:
    """Within, the signals that end Ansible raise Interrupted, once; what is done then is not interrupted again."""

    def interrupt(*_signal: object) -> None:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    handlers: dict[int, Any] = {number: signal.signal(number, interrupt) for number in ENDS}
    try:
        yield
    finally:
        if all(signal.getsignal(number) is interrupt for number in ENDS):
            for number, handler in handlers.items():
                signal.signal(number, handler)
