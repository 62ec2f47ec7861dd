# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the sites of a run meet between waves: each tells the others how its waves stand, and sees how theirs do.

A site's news is a small file in the folder of the run, written whole at least once a second while phones are away. With `sites: apart` a
site sees nobody.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.gate import WaveTotal
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Run, SiteEnd, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.processes import lives

BEGIN_WITHIN = 120.0
"""Seconds after which a site that has told nothing is not waited for: all of them begin at once."""
LOOK_EVERY = 0.5
"""Seconds for which what was read of the others counts as new."""


@dataclass(frozen=True)
class Tally:
    """How a wave stands. `failed`: name → kind. `ended`: phones that are back or failed. `over`: nobody waits for any of them any more."""

    failed: Mapping[str, str] = field(default_factory=dict)
    ended: int = 0
    over: bool = False


@dataclass(frozen=True)
class News:
    """What a site tells the others: its process, the number of the wave for which its files are right, and how each of its waves stands
    that has begun."""

    process: int
    ready: int = 0
    waves: Mapping[int, Tally] = field(default_factory=dict)


class Meeting:
    """One site's view of the others."""

    def __init__(self, handover: Handover, run: Run, site: str) -> None:
        self._handover = handover
        self._site = site
        others = [other for other in run.sites if other != site] if run.rules.together else []
        plans = {other: part.plan for other, part in handover.read_all(SitePlan, [*others, site]).items() if part.plan}
        self._sizes = {other: {wave.number: wave.total for wave in plan.waves} for other, plan in plans.items()}
        self.last = max((number for sizes in self._sizes.values() for number in sizes), default=0)
        """Number of the last wave of all."""
        self._own = News(os.getpid())
        self._others: dict[str, News] = {}
        self._read_at = 0.0
        self._began = self._written_at = time.monotonic()
        self.tell(0, Tally(ended=plans[site].moved if site in plans else 0, over=True))

    def tell(self, number: int, tally: Tally, soon: bool = False) -> None:
        """Let the others know how a wave of this site stands. Raises OSError.

        `soon`: phones that came back may be told a little later, since thousands do; who failed is told at once.
        """
        last = self._own.waves.get(number, Tally())
        self._own = replace(self._own, waves={**self._own.waves, number: tally})
        if not soon or tally.failed != last.failed or time.monotonic() - self._written_at >= LOOK_EVERY:
            self._write()

    def tell_ready(self, number: int) -> None:
        """Let the others know that the files of this site are right for that wave. Raises OSError."""
        self._own = replace(self._own, ready=number)
        self._write()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        if len(self._sizes) > 1:
            self._handover.write(self._own, self._site)

    def not_ready(self, number: int) -> list[str]:
        """The sites that have that wave, and whose files are not right for it yet."""
        ready = {site: news.ready for site, news in self._news().items()}
        return [site for site, sizes in self._sizes.items() if number in sizes and ready.get(site, 0) < number]

    def sum(self, number: int) -> WaveTotal:
        """How a wave stands at all sites, this one as it told last."""
        tallies = [news.waves for news in self._news().values()]
        now = [waves[number] for waves in tallies if number in waves]
        before = [tally for waves in tallies for wave, tally in waves.items() if wave < number]
        return WaveTotal(
            total=sum(sizes.get(number, 0) for sizes in self._sizes.values()),
            failed={name: kind for tally in now for name, kind in tally.failed.items()},
            ended=sum(tally.ended for tally in now),
            failed_before=sum(len(tally.failed) for tally in before),
            ended_before=sum(tally.ended for tally in before),
        )

    def not_there_yet(self, number: int) -> list[str]:
        """The sites where waves before this one are not over."""
        over = {site: {wave for wave, tally in news.waves.items() if tally.over} for site, news in self._news().items()}
        before = {site: {wave for wave in sizes if wave < number} for site, sizes in self._sizes.items() if site != self._site}
        return [site for site, waves in before.items() if not waves <= over.get(site, set())]

    def trouble(self) -> tuple[str, SiteEnd] | None:
        """The first other site that stopped, paused, failed or died, and how it ended; None if all go on."""
        news = self._news()
        for site in self._sizes:
            if site == self._site:
                continue
            end = self._handover.read(SiteEnd, site)
            if end is None and site in news and not lives(news[site].process):
                # It may have come to its end since it was looked for
                end = self._handover.read(SiteEnd, site) or SiteEnd(error="its process has died")
            elif site not in news and time.monotonic() - self._began > BEGIN_WITHIN:
                end = SiteEnd(error="its waves have not begun")
            if end and (end.stopped or end.error or end.paused_after is not None):
                return site, end
        return None

    def process(self, site: str) -> int:
        """The process of another site, 0 if it has told nothing yet."""
        news = self._handover.read(News, site)
        return news.process if news else 0

    def _news(self) -> dict[str, News]:
        """What each site told last, this one first."""
        if time.monotonic() - self._read_at >= LOOK_EVERY:
            self._others = self._handover.read_all(News, [site for site in self._sizes if site != self._site])
            self._read_at = time.monotonic()
        return {self._site: self._own, **self._others}
