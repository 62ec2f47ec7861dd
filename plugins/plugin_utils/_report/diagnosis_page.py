# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import WELL
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.diagnosis import (
    TITLES,
    TONE_OF,
    TONES,
    Facts,
    Group,
    Row,
    by_verdict,
    groups,
    source,
)
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.diagnosis_picture import RESULTS, Picture, picture
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import count, number, render

MOST_NAMED = 20
MOST_WELL = 200
"""Phones that are well and get a picture."""
MOST_MARKS = 18_000
"""Requests in all pictures together; about 100 bytes each."""
MOST_PHONES = 20_000
OPEN = 3
"""Phones of each group whose picture is open from the start."""


def html(logs: Mapping[str, Facts], rows: Sequence[Row], bad: int) -> str:
    """One page that needs nothing else: no network, no script, no colours to be understood. `bad`: phones that are not well."""
    verdicts = Counter(row.verdict for row in rows)
    tones = Counter(row.tone for row in rows)
    unread = [one_line(host, 120) for host, log in logs.items() if "phones" not in log]
    all_groups = groups(rows)
    pictures = _pictures(all_groups)
    results = {result for drawn in pictures.values() for result in drawn.results}
    return render(
        "diagnosis.html.j2",
        headline=_headline(len(rows), tones, unread),
        tone="bad" if bad or unread else "ok" if rows and not tones["unknown"] else "plain",
        figures=[_figure(verdict, verdicts[verdict]) for verdict in TITLES if verdicts[verdict]],
        sources=[source(host, log) for host, log in logs.items()],
        verdicts=by_verdict(all_groups),
        pictures=pictures,
        signs={result: meaning for result, meaning in RESULTS.items() if result in results},
        rows=rows[:MOST_PHONES],
        left_out=max(0, len(rows) - MOST_PHONES),
        several=len(logs) > 1,
        undrawn=sum(1 for row in rows if row.requests and row.name not in pictures),
        open=OPEN,
        most_named=MOST_NAMED,
    )


def _figure(verdict: str, phones: int) -> tuple[str, str, str]:
    """Number, what it is, tone."""
    tone = TONE_OF.get(verdict, "sick")
    return number(phones), f"{TONES[tone][0]} {TITLES[verdict]}", tone


def _headline(total: int, tones: Counter[str], unread: Sequence[str]) -> str:
    """How all phones are, in one sentence. `unread`: TFTP hosts whose log could not be read."""
    if not total:
        text = "no phones to show"
    elif tones["sick"]:
        text = f"{number(tones['sick'])} of {count(total)} {'needs' if tones['sick'] == 1 else 'need'} somebody"
    elif tones["unknown"] == total:
        text = f"the log does not tell how {count(total)} {'is' if total == 1 else 'are'}"
    elif tones["unknown"]:
        text = f"of {number(tones['unknown'])} of {count(total)} the log does not tell how they are; the others are well"
    else:
        text = "the phone is well" if total == 1 else f"all {count(total)} are well"
    return f"No log from {', '.join(unread)}: {text}" if unread else text[:1].upper() + text[1:]


def _pictures(all_groups: Iterable[Group]) -> dict[str, Picture]:
    """The pictures that the page has room for, by the names of their phones."""
    pictures: dict[str, Picture] = {}
    room, well = MOST_MARKS, MOST_WELL
    for row in (row for group in all_groups for row in group.rows):
        if len(row.requests) > room or (row.verdict in WELL and well <= 0):
            continue
        drawn = picture(row.requests)
        if drawn:
            pictures[row.name] = drawn
            room -= len(drawn.marks) + len(drawn.lanes) + sum(1 for mark in drawn.marks if mark[-1] > 1)
            well -= row.verdict in WELL
    return pictures
