# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout's report says, for whoever draws it: page, JUnit XML, Markdown.

Phones, servers and inventories wrote part of its texts. Here they become single lines that are harmless and not too long; what form
needs more, such as escapes of HTML, does that itself.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import count, line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    ALREADY,
    BLOCKED,
    DONE,
    FAILED,
    NOT_REACHED,
    PLANNED,
    FileChange,
    Outcome,
    RunReport,
)


class Label(NamedTuple):
    """How a status is shown: its sign, its name, and what it means."""

    glyph: str
    name: str
    meaning: str


IN_FLIGHT = "in_flight"
"""Here, a status of its own: in report.json such a phone is `failed`, as its run may have ended, and `in_flight`."""
LABELS = {
    FAILED: Label("✗", "failed", "its wave came and it does not run the image, or it could not be observed in a dry run"),
    IN_FLIGHT: Label("↻", "in flight", "was reset and has not been seen since; the next run waits for it"),
    BLOCKED: Label("⊘", "blocked", "cannot or must not go to the image; nothing was done to it"),
    NOT_REACHED: Label("…", "not reached", "the run ended before its wave; nothing was done to it"),
    PLANNED: Label("▷", "planned", "dry run: would be restarted in its wave"),
    DONE: Label("✓", "done", "was seen on the image, and ran another one before"),
    ALREADY: Label("=", "already", "ran the image when the run began; was not restarted"),
}
"""What needs somebody first."""
SOUND = (DONE, ALREADY)
MOVED = (DONE, FAILED, IN_FLIGHT)

_ORDER = list(LABELS)

MOST_REASON = 1000
MOST_NAME = 120
MOST_TEXT = 1_000_000
"""Characters that all reasons in the table may have together: with many phones each gets fewer."""
MOST_REASONS = 20
"""Different reasons shown in one group."""
MOST_DIFFS = 300
MOST_DIFF = 300_000
"""Characters of all diffs together."""
_MOST = {"image_before": 40, "image_after": 40, "mac": 40, "host": 80, "tftp_host": 80}


@dataclass(frozen=True)
class Row(Outcome):
    """What became of one phone: a row of the table. Its texts are empty for None, and its advice is that of its kind if it has none of its
    own."""

    name: str = "?"


class Diff(NamedTuple):
    """What changed in a file. `lines`: the element of HTML that each is (ins, del, span or none), and its text; `left_out`: how many more
    there are."""

    place: str
    lines: list[tuple[str, str]]
    left_out: int

    @property
    def size(self) -> str:
        """Such as "+1 -2"."""
        tags = Counter(tag for tag, _text in self.lines)
        return f"+{tags['ins']} -{tags['del']}"


@dataclass(frozen=True)
class Content:
    """A report without what does harm. `run`: the report, without its phones and files. `rows`: its phones, those first that need somebody.
    `diffs`: the files that there is room for, of `files` in all."""

    run: RunReport
    rows: list[Row]
    diffs: list[Diff]
    files: int
    counts: Counter[str]
    members: dict[int, list[Row]]
    """Number of a wave → its phones."""
    sites: dict[str, list[Row]]
    """TFTP host → its phones, the one first that needs somebody; the phones of which that is not known are under an empty text."""

    @property
    def seconds(self) -> float | None:
        """How long the run took."""
        return _between(self.run.started, self.run.ended)

    @property
    def trouble(self) -> str:
        """What ended the run outside of its own rules, or empty."""
        return self.run.error or ("" if self.run.finished else "the run was interrupted, or is still going on")


def content(report: RunReport) -> Content:
    """The report with every text harmless and short."""
    with_reason = sum(1 for outcome in report.phones.values() if outcome.reason)
    most = min(MOST_REASON, MOST_TEXT // (1 + with_reason))
    rows = [_row(name, outcome, most) for name, outcome in report.phones.items()]
    rows.sort(key=lambda row: (_ORDER.index(row.status), row.name))
    sites: dict[str, list[Row]] = {}
    for row in rows:
        sites.setdefault(row.tftp_host or "", []).append(row)
    members: dict[int, list[Row]] = {wave.number: [] for wave in report.waves}
    for row in rows:
        if row.wave is not None:
            members.setdefault(row.wave, []).append(row)
    run = replace(
        report,
        image=line(report.image, MOST_NAME) or "the image",
        run=line(report.run, MOST_NAME),
        stop_reason=line(report.stop_reason, MOST_REASON),
        error=line(report.error, MOST_REASON),
        note=line(report.note, MOST_REASON),
        phones={},
        files=(),
    )
    return Content(run, rows, _diffs(report.files), len(report.files), Counter(row.status for row in rows), members, sites)


def _row(name: str, outcome: Outcome, most: int) -> Row:
    kind = outcome.kind
    if outcome.status == BLOCKED:
        kind = failures.HELD if outcome.held else kind or failures.BLOCKED
    advice = outcome.advice or (failures.KINDS[kind].advice if kind in failures.KINDS else "")
    texts = {field: line(getattr(outcome, field), length) for field, length in _MOST.items()}
    texts.update(
        name=line(name, MOST_NAME) or "?",
        status=IN_FLIGHT if outcome.in_flight else outcome.status,
        kind=line(kind, 40),
        reason=line(outcome.reason, most),
        advice=line(advice, MOST_REASON),
    )
    return Row(**{**vars(outcome), **texts})


def _diffs(files: Sequence[FileChange]) -> list[Diff]:
    """What changed in the files, as long as there is room: the page must not grow without end."""
    diffs: list[Diff] = []
    room = MOST_DIFF
    for file in files[:MOST_DIFFS]:
        if room <= 0:
            break
        shown = file.diff[:room]
        lines = [(_tag(text), line(text, 300, keep_blanks=True)) for text in shown.splitlines()]
        room -= sum(len(text) + 20 for _rest, text in lines)
        place = " ".join(filter(None, (line(file.tftp_host, 80), line(file.path, 300))))
        diffs.append(Diff(place or "?", lines, file.diff.count("\n") - shown.count("\n")))
    return diffs


def _tag(line_of_diff: str) -> str:
    return "span" if line_of_diff.startswith(("@@", "--- ", "+++ ")) else {"+": "ins", "-": "del"}.get(line_of_diff[:1], "")


def headline(shown: Content) -> tuple[str, str]:
    """How the run ended, in one sentence, and its tone: ok, bad or plain."""
    run, counts, total = shown.run, shown.counts, len(shown.rows)
    stuck = any(row.status == BLOCKED and not row.held for row in shown.rows)
    tone = "bad" if shown.trouble or counts[FAILED] or run.stopped_at is not None or stuck else "plain"
    if not total:
        return f"{'Ended by an error: ' if run.error else ''}No phones were in this run", tone
    rest = [f"{counts[status]:,} {LABELS[status].name}" for status in (FAILED, IN_FLIGHT, BLOCKED, NOT_REACHED) if counts[status]]
    on_image = counts[DONE] + counts[ALREADY]
    begin = "" if run.check_mode else _beginning(run)
    if run.check_mode:
        waves = f" in {count(run.waves, 'wave')}" if counts[PLANNED] and run.waves else ""
        text = f"Dry run: {count(counts[PLANNED]) if counts[PLANNED] else 'no phone'} would go to {run.image}{waves}"
        if counts[ALREADY]:
            rest.insert(0, f"{counts[ALREADY]:,} {'is' if counts[ALREADY] == 1 else 'are'} on it already")
    elif on_image == total:
        text = f"the only phone is on {run.image}" if total == 1 else f"all {total:,} phones are on {run.image}"
    else:
        text = f"{on_image:,} of {count(total)} {'is' if on_image == 1 else 'are'}" if on_image else "no phone is"
        text += f" on {run.image}"
    if tone == "plain" and not run.check_mode and (on_image == total or not begin):
        tone = "ok"
    text = begin + "; ".join(filter(None, (text, ", ".join(rest))))
    return text[:1].upper() + text[1:], tone


def _beginning(run: RunReport) -> str:
    if not run.finished:
        return "Interrupted, or still running: "
    if run.error:
        return "Ended by an error: "
    if run.stopped_at is not None:
        return f"Stopped at wave {run.stopped_at}: "
    return "" if run.paused_after is None else f"Paused after wave {run.paused_after}: "


def notes(shown: Content) -> list[tuple[str, str]]:
    """Why it stopped, what went wrong, and what else there is to know: what to call it, and the text."""
    stopped = shown.run.stop_reason if shown.run.stopped_at is not None else ""
    return [(label, text) for label, text in (("Stopped", stopped), ("Error", shown.trouble), ("Note", shown.run.note)) if text]


class WaveRow(NamedTuple):
    """A wave in numbers. `started`: Unix seconds; `seconds`: from its beginning to its end; `typical`: seconds of a restart."""

    number: int
    size: int
    result: str
    started: float | None
    seconds: float | None
    typical: float | None


def waves(shown: Content) -> list[WaveRow]:
    """The waves in numbers."""
    rows = []
    for wave in shown.run.waves:
        phones = shown.members[wave.number]
        took, result = restarts(phones), ", ".join(results(phones))
        typical = statistics.median(took) if took else None
        rows.append(WaveRow(wave.number, len(phones), result, wave.started, _between(wave.started, wave.ended), typical))
    return rows


def restarts(rows: Iterable[Row]) -> list[float]:
    """How many seconds each phone that is done took."""
    return [row.seconds for row in rows if row.status == DONE and row.seconds is not None]


def _between(began: float | None, ended: float | None) -> float | None:
    """Seconds, if they are known."""
    return None if began is None or ended is None else max(0.0, ended - began)


def results(rows: Iterable[Row]) -> list[str]:
    """How many of these phones ended how, such as "✗ 1 failed"."""
    counts = Counter(row.status for row in rows)
    return [f"{label.glyph} {counts[status]:,} {label.name}" for status, label in LABELS.items() if counts[status]]


class Reason(NamedTuple):
    """A reason, and the names of the phones that have it."""

    text: str
    names: list[str]


class Group(NamedTuple):
    """Phones for which the same is to be done. `left_out`: how many of them have their reasons in the table only."""

    status: str
    title: str
    advice: str
    size: int
    reasons: list[Reason]
    left_out: int


def groups(shown: Content, most: int = MOST_REASON) -> list[Group]:
    """The phones that need somebody, by what is to be done about them, the largest group first; those that `hold` keeps are last.

    `most`: characters of a reason.
    """
    by_advice: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for row in shown.rows:
        if row.status in (FAILED, IN_FLIGHT, BLOCKED):
            reasons = by_advice.setdefault((row.status, row.kind or "", row.advice), {})
            reasons.setdefault(line(row.reason, most), []).append(row.name)
    all_groups = []
    for (status, kind, advice), names in by_advice.items():
        reasons_of_group = sorted((Reason(*pair) for pair in names.items()), key=lambda reason: -len(reason.names))
        title = failures.KINDS[kind].title if kind in failures.KINDS else "Not on the image"
        sizes = [len(reason.names) for reason in reasons_of_group]
        all_groups.append(Group(status, title, advice, sum(sizes), reasons_of_group[:MOST_REASONS], sum(sizes[MOST_REASONS:])))
    held = failures.KINDS[failures.HELD].title
    return sorted(all_groups, key=lambda group: (group.title == held, _ORDER.index(group.status), -group.size))
