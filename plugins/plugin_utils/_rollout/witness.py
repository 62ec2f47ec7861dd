# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the thread of a wave tells, and asks: noted for the site's ledger, for the other sites and for the report."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Mapping

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.lease import Lease
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import Outcome
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.processes import orphaned
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.suspects import Suspects
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Cause
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

Judge = Callable[[Mapping[str, str], int], str]
"""Says why no more phones shall be reset, as `wave.Witness.why_stop`."""


class Witness:
    """See `wave.Witness`. `news`: texts for people."""

    def __init__(
        self, images: Mapping[str, str], lease: Lease, suspects: Suspects, record: Callable[[str, Outcome], None], judge: Judge
    ) -> None:
        """`images`: what each phone is reset to, by name; empty for a reset that loads what it will."""
        self.news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.why_stop = judge
        self._images = images
        self._lease = lease
        self._suspects = suspects
        self._record = record

    def note(self, phone: Phone, step: str, before: str | None = None, deferred: bool = False, kind: str | None = None) -> None:
        self._lease.add(phone, step, image=self._images.get(phone.name, ""), before=before, deferred=deferred, kind=kind)
        self._suspects.note(phone, step)

    async def noted(self, phone: Phone, before: str | None) -> str:
        self._suspects.note(phone, "reset")
        why = await asyncio.wrap_future(self._lease.ask(phone, image=self._images.get(phone.name, ""), before=before))
        return why or self._lease.why_not()

    def record(self, phone: Phone, outcome: Outcome) -> None:
        self._record(phone.name, outcome)

    def say(self, text: str) -> None:
        self.news.put(text)

    def cause(self, phone: Phone) -> Cause | None:
        return self._suspects.cause(phone)

    def orphaned(self) -> bool:
        return orphaned()
