# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tftp_log_info found on all TFTP hosts, by the names of the inventory: a table, a page, and JSON.

File names, addresses and messages are words of strangers: anything on the network can ask a TFTP server for anything.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import clean
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import verdicts as tftp_verdict
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import WELL
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import phones as phones_of
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.page import template
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

TITLES = {
    tftp_verdict.IMAGE_MISSING: "the image is not all there",
    tftp_verdict.IMAGE_WRONG_CASE: "the image is spelt in the wrong case",
    tftp_verdict.IMAGE_UNREADABLE: "the image cannot be read",
    tftp_verdict.CONFIG_MISSING: "no configuration for it",
    tftp_verdict.DATA_NEVER_ARRIVES: "data does not arrive",
    tftp_verdict.SERVER_SILENT: "the server does not answer",
    tftp_verdict.STUCK_LOADER: "stays in the loader",
    tftp_verdict.BOOT_LOOP: "boots again and again",
    tftp_verdict.FELL_SILENT: "fell silent",
    tftp_verdict.OTHER_ROOT: "asks in another root",
    tftp_verdict.SERVER_SLOW: "the server is slow",
    tftp_verdict.SERVER_RESTARTED: "the server was restarted",
    tftp_verdict.CANNOT_TELL: "cannot tell",
    tftp_verdict.FLASHING: "update under way",
    tftp_verdict.NOT_OURS: "no SIP phone",
    tftp_verdict.HEALTHY: "healthy",
}
"""Verdict → what to call it, those first that somebody has to see to."""
TONES = {
    "sick": ("✗", "not well"),
    "unknown": ("?", "cannot tell"),
    "moving": ("…", "update under way"),
    "other": ("–", "no SIP phone"),
    "well": ("✓", "healthy"),
}
"""Tone → glyph, meaning."""
_TONES = {
    tftp_verdict.CANNOT_TELL: "unknown",
    tftp_verdict.FLASHING: "moving",
    tftp_verdict.NOT_OURS: "other",
    tftp_verdict.HEALTHY: "well",
}
RESULTS = {
    "served": ("●", "served"),
    "missing": ("◇", "not found"),
    "denied": ("■", "may not be read"),
    "failed": ("▲", "broke off"),
    "data_unacked": ("△", "sent, never acknowledged"),
    "unsure": ("◐", "done, says a server that says so of failures too"),
    "asked": ("○", "asked; no answer in the log"),
}
"""What came of a request → sign, meaning."""
UNSEEN = (
    "it is not in the log: it has not restarted in this time, or it asks another server, or it has no MAC in the inventory and another "
    "address than there"
)

MOST_ROWS = 40
"""Phones of one group in the table for a terminal."""
MOST_NAMED = 20
MOST_WELL = 200
"""Phones that are well and get a picture."""
MOST_MARKS = 18_000
"""Requests in all pictures together; about 100 bytes each."""
MOST_PHONES = 20_000
OPEN = 3
"""Phones of each group whose picture is open from the start."""

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One phone. `name` is that of the inventory, or else its MAC or address; `tftp_host` is empty if it was not seen."""

    name: str
    mac: str
    address: str
    verdict: str
    confidence: str
    advice: str
    tftp_host: str = ""
    last_seen: str = ""
    boots: int = 0
    generation: str = ""
    evidence: tuple[str, ...] = ()
    timeline: tuple[tuple[float | None, str, str, int], ...] = ()
    """Time, file, result and number of each request: it is repeated where no answer comes."""

    @property
    def tone(self) -> str:
        return _TONES.get(self.verdict, "sick")

    @property
    def glyph(self) -> str:
        return TONES[self.tone][0]

    @property
    def title(self) -> str:
        return TITLES.get(self.verdict, self.verdict.replace("_", " "))


def wanted(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """MACs and addresses for names of the inventory; what is none of these is left as it is. Raises InventoryError."""
    names = list(names)
    known = [name for name in names if name in hostvars]
    found = [name for name in names if name not in hostvars]
    for phone in phones_of(known, hostvars, to_log_in=False):
        found += [phone.mac] if phone.mac else []
        found += [phone.host] if _is_address(phone.host) else []
    return list(dict.fromkeys(found))


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def diagnose(logs: Mapping[str, Facts], phones: Sequence[Phone], only: bool, verdicts: Sequence[str]) -> list[Row]:
    """All phones, those first that need somebody. `only`: those of the inventory and no others."""
    phones = [replace(phone, name=_text(phone.name, 120), host=_text(phone.host, 80)) for phone in phones]
    by_mac = {phone.mac: phone.name for phone in phones if phone.mac}
    by_address = {phone.host: phone.name for phone in phones if not phone.mac}
    by_any_address = {phone.host: phone.name for phone in phones}
    latest: dict[str, Row] = {}
    for host, log in logs.items():
        for key, facts in (log.get("phones") or {}).items():
            mac, address = str(facts.get("mac") or ""), str(facts.get("address") or "")
            name = by_mac.get(mac) or by_address.get(address)
            if not name and not mac:
                # Known by its address alone: a phone that stays silent has asked for nothing that names it.
                name = by_any_address.get(address)
            if only and not name:
                continue
            row = _row(name or str(key), host, facts)
            known = latest.get(row.name)
            if not known or row.last_seen >= known.last_seen:
                latest[row.name] = row
    for phone in phones:
        if phone.name not in latest:
            latest[phone.name] = Row(phone.name, phone.mac or "", phone.host, tftp_verdict.CANNOT_TELL, tftp_verdict.CANNOT_TELL, UNSEEN)
    order = {verdict: number for number, verdict in enumerate(TITLES)}
    rows = [row for row in latest.values() if not verdicts or row.verdict in verdicts]
    return sorted(rows, key=lambda row: (order.get(row.verdict, -1), row.name))


def _row(name: str, host: str, facts: Facts) -> Row:
    timeline = facts.get("timeline") or ()
    return Row(
        name=_text(name, 120),
        mac=_text(facts.get("mac"), 40),
        address=_text(facts.get("address"), 80),
        verdict=_text(facts.get("verdict"), 40),
        confidence=_text(facts.get("confidence"), 40),
        advice=_text(facts.get("advice"), 1000),
        tftp_host=_text(host, 120),
        last_seen=_text(facts.get("last_seen"), 40),
        boots=int(facts.get("boots") or 0),
        generation=_text(facts.get("generation"), 40),
        evidence=tuple(_text(line, 400) for line in facts.get("evidence") or ()),
        timeline=tuple(
            (_seconds(asked.get("time")), _text(asked.get("file"), 200), _text(asked.get("result"), 20), int(asked.get("times") or 1))
            for asked in timeline
        ),
    )


def unwell(rows: Iterable[Row], strict: bool) -> dict[str, str]:
    """The phones that somebody has to see to, each with its verdict. With `strict`, also those of which the log does not tell."""
    return {row.name: row.title for row in rows if row.verdict not in WELL and (strict or row.verdict != tftp_verdict.CANNOT_TELL)}


def _text(value: object, most: int) -> str:
    """One line of harmless text."""
    text: str = clean("" if value is None else str(value), most)
    return " ".join(text.split())


def _seconds(text: object) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


# Groups: what is to be done is told once


@dataclass(frozen=True)
class Group:
    title: str
    tone: str
    advice: str
    rows: list[Row]

    @property
    def glyph(self) -> str:
        return TONES[self.tone][0]


def groups(rows: Iterable[Row]) -> list[Group]:
    """In the order of the rows, and so those of one verdict side by side."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        advice = row.advice.replace(row.mac, "<MAC>") if row.mac else row.advice
        found.setdefault((row.verdict, advice), []).append(row)
    return [
        Group(members[0].title, members[0].tone, members[0].advice if len(members) == 1 else advice, members)
        for (_verdict, advice), members in found.items()
    ]


def _by_verdict(found: Iterable[Group]) -> list[list[Group]]:
    return [list(alike) for _title, alike in groupby(found, key=lambda group: group.title)]


def _count(number: int, what: str = "phone") -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _when(text: str, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    seconds = _seconds(text)
    return _clock(seconds, form) if seconds is not None else ""


def _clock(seconds: float, form: str = "%H:%M:%S") -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return ""


def _source(host: str, log: Facts) -> str:
    """What was read at one TFTP host, or why nothing was."""
    if "phones" not in log:
        return f"{_text(host, 120)}: {_text(log.get('msg') or 'failed', 1000)}"
    places = ", ".join(_text(place, 200) for place in (log.get("logs") or [])[:5])
    more = len(log.get("logs") or []) - 5
    places += f" and {more} more" if more > 0 else ""
    lines = _count(int(log.get("lines") or 0), "line")
    server = _text(log.get("server"), 200)
    told = (
        f"of {server}, {int(log.get('unknown') or 0):,} of them by others"
        if server
        else "and no TFTP server wrote any of them (tftpd-hpa does so with -v only)"
    )
    return f"{_text(host, 120)}: {places or 'no log'}: {lines} {told}"


# A table for a terminal


def table(logs: Mapping[str, Facts], rows: Sequence[Row]) -> str:
    lines = [_source(host, log) for host, log in logs.items()]
    found = groups(rows)
    shown = [row for group in found for row in group.rows[:MOST_ROWS]]
    several = len(logs) > 1
    cells = {row.name: _cells(row, several) for row in shown}
    head = ("phone", "MAC", "address", "verdict", "how sure", "last seen (UTC)", *(["TFTP host"] if several else []))
    widths = [max(map(len, column)) for column in zip(head, *cells.values(), strict=True)]

    def line(texts: Sequence[str]) -> str:
        return "  " + "  ".join(f"{text:{width}}" for text, width in zip(texts, widths, strict=True)).rstrip()

    if rows:
        lines += ["", line(head)]
    for alike in _by_verdict(found):
        lines += ["", f"{alike[0].glyph} {alike[0].title}: {_count(sum(len(group.rows) for group in alike))}"]
        for group in alike:
            lines += [line(cells[row.name]) for row in group.rows[:MOST_ROWS]]
            if len(group.rows) > MOST_ROWS:
                lines.append(f"  and {len(group.rows) - MOST_ROWS:,} more")
            if group.tone not in ("well", "other"):
                lines.append(f"    what to do: {group.advice}")
                lines += [f"    seen: {text}" for text in group.rows[0].evidence[-1:]]
    if not rows:
        return "\n".join([*lines, "", "no phones: neither the inventory nor the log has one to show"])
    counts = Counter(row.tone for row in rows)
    lines += [
        "",
        f"{_count(len(rows))}: " + ", ".join(f"{counts[tone]:,} {meaning}" for tone, (_glyph, meaning) in TONES.items() if counts[tone]),
    ]
    return "\n".join(lines)


def _cells(row: Row, several: bool) -> tuple[str, ...]:
    sure = "" if row.confidence == tftp_verdict.CANNOT_TELL else row.confidence
    seen = _when(row.last_seen) or ("not timed" if row.tftp_host else "never")
    return (row.name, row.mac, row.address, row.title, sure, seen, *([row.tftp_host] if several else []))


# JSON


def record(logs: Mapping[str, Facts], rows: Iterable[Row]) -> dict[str, Any]:
    """All of it, for tools."""
    hosts = {
        host: {key: log.get(key) for key in ("server", "lines", "unknown", "logs")}
        if "phones" in log
        else {"error": _text(log.get("msg") or "failed", 1000)}
        for host, log in logs.items()
    }
    told = {}
    for row in rows:
        facts = (logs.get(row.tftp_host) or {}).get("phones") or {}
        known = facts.get(row.mac) or facts.get(row.address) or {}
        told[row.name] = {
            "mac": row.mac or None,
            "address": row.address or None,
            "verdict": row.verdict,
            "confidence": row.confidence,
            "advice": row.advice,
            "evidence": list(row.evidence),
            "boots": row.boots,
            "generation": row.generation or None,
            "first_seen": known.get("first_seen"),
            "last_seen": row.last_seen or None,
            "tftp_host": row.tftp_host or None,
        }
    return {"hosts": hosts, "phones": told}


# The page

WIDTH = 1000
LEFT = 220
RIGHT = 16
LANE = 20
TOP = 10
BREAK = 60
"""Width of a pause that is left out."""
PAUSE = 180.0
"""Seconds of silence that are left out."""
MOST_PARTS = 6
MOST_LANES = 16


@dataclass
class Picture:
    """Requests over time, one line for each file."""

    height: float
    bottom: float
    lanes: list[tuple[float, str]]
    marks: list[tuple[float, float, str, str, int]]
    """x, y, result, clock, how often"""
    ticks: list[tuple[float, str, str]]
    """x, label, anchor"""
    pauses: list[tuple[float, str]]
    description: str
    results: list[str] = field(default_factory=list)


def picture(row: Row) -> Picture | None:
    """Where everything lies, or None if there is nothing to draw."""
    asked = [one for one in row.timeline if one[0] is not None]
    timed = bool(asked)
    if not timed:
        asked = [(float(number), file, result, times) for number, (_time, file, result, times) in enumerate(row.timeline)]
    asked.sort(key=lambda one: one[0] or 0.0)
    parts = _parts([one[0] or 0.0 for one in asked])
    if not parts:
        return None
    asked = [one for one in asked if (one[0] or 0.0) >= parts[0][0]]
    room = WIDTH - LEFT - RIGHT - BREAK * (len(parts) - 1)
    spans = [max(last - first, 5.0) for first, last in parts]
    lefts: list[float] = []
    left = float(LEFT) + 6
    ticks: list[tuple[float, str, str]] = []
    pauses: list[tuple[float, str]] = []
    for number, ((first, last), span) in enumerate(zip(parts, spans, strict=True)):
        lefts.append(left)
        width = (room - 12) * span / sum(spans)
        if timed:
            day = number == 0 or _clock(first, "%j") != _clock(parts[number - 1][1], "%j")
            ticks.append((round(left, 1), _clock(first, "%d %b %H:%M:%S" if day else "%H:%M:%S"), "start"))
            if last > first and width > 230:
                ticks.append((round(left + width * (last - first) / span, 1), _clock(last), "end"))
        if number:
            pauses.append((round(left - BREAK / 2 - 3, 1), _duration(first - parts[number - 1][1]) if timed else ""))
        left += width + BREAK
    names = list(dict.fromkeys(_base(file) for _when_, file, _result, _times in asked))
    place = {name: min(number, MOST_LANES - 1) for number, name in enumerate(names)}
    lanes = [
        (TOP + LANE * number + LANE / 2, name[-31:] if len(name) > 31 else name)
        for name, number in place.items()
        if number < MOST_LANES - 1
    ]
    if len(names) >= MOST_LANES:
        lanes.append((TOP + LANE * (MOST_LANES - 1) + LANE / 2, names[-1] if len(names) == MOST_LANES else "other files"))
    marks = []
    for when, file, result, times in asked:
        number = max(at for at, (first, _last) in enumerate(parts) if first <= (when or 0.0))
        x = lefts[number] + (room - 12) * spans[number] / sum(spans) * ((when or 0.0) - parts[number][0]) / spans[number]
        y = TOP + LANE * place[_base(file)] + LANE / 2
        marks.append((round(x, 1), y, result if result in RESULTS else "asked", _clock(when or 0.0) if timed else "", times))
    counts = Counter(mark[2] for mark in marks)
    told = ", ".join(f"{counts[result]} {meaning}" for result, (_sign, meaning) in RESULTS.items() if counts[result])
    began = (
        f" from {_clock(parts[0][0], '%Y-%m-%d %H:%M:%S')} to {_clock(parts[-1][1], '%Y-%m-%d %H:%M:%S')} UTC"
        if timed
        else ", without times"
    )
    bottom = TOP + LANE * len(lanes)
    return Picture(
        bottom + 24,
        bottom,
        lanes,
        marks,
        ticks,
        pauses,
        f"{_count(len(marks), 'request')}{began}: {told}.",
        [key for key in RESULTS if counts[key]],
    )


def _base(file: str) -> str:
    return file.rsplit("/", 1)[-1] or file


def _parts(times: Sequence[float]) -> list[tuple[float, float]]:
    """First and last time of each stretch without a long pause, the latest stretches."""
    parts: list[tuple[float, float]] = []
    for when in times:
        if parts and when - parts[-1][1] <= PAUSE:
            parts[-1] = (parts[-1][0], when)
        else:
            parts.append((when, when))
    return parts[-MOST_PARTS:]


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def html(logs: Mapping[str, Facts], rows: Sequence[Row], bad: int) -> str:
    """One page that needs nothing else: no network, no script, no colours to be understood."""
    counts = Counter(row.verdict for row in rows)
    tones = Counter(row.tone for row in rows)
    found = groups(rows)
    pictures, results = _pictures(found)
    return template("diagnosis.html.j2").render(
        headline=_headline(rows, bad, tones, logs),
        tone="bad" if bad or any("phones" not in log for log in logs.values()) else "ok" if rows and not tones["unknown"] else "plain",
        figures=[(f"{counts[verdict]:,}", title, _TONES.get(verdict, "sick")) for verdict, title in TITLES.items() if counts[verdict]],
        sources=[_source(host, log) for host, log in logs.items()],
        verdicts=_by_verdict(found),
        pictures=pictures,
        signs={result: meaning for result, meaning in RESULTS.items() if result in results},
        tones=TONES,
        rows=rows[:MOST_PHONES],
        left_out=max(0, len(rows) - MOST_PHONES),
        several=len(logs) > 1,
        undrawn=sum(1 for row in rows if row.timeline and row.name not in pictures),
        open=OPEN,
        most_named=MOST_NAMED,
        count=_count,
        when=_when,
    )


def _headline(rows: Sequence[Row], bad: int, tones: Counter[str], logs: Mapping[str, Facts]) -> str:
    unread = [_text(host, 120) for host, log in logs.items() if "phones" not in log]
    begin = f"No log from {', '.join(unread)}: " if unread else ""
    if not rows:
        return begin + "no phones to show" if begin else "No phones to show"
    if tones["sick"]:
        text = f"{tones['sick']:,} of {_count(len(rows))} {'needs' if tones['sick'] == 1 else 'need'} somebody"
    elif tones["unknown"]:
        text = f"of {tones['unknown']:,} of {_count(len(rows))} the log does not tell how they are; the others are well"
        text = (
            text if tones["unknown"] < len(rows) else f"the log does not tell how {_count(len(rows))} {'is' if len(rows) == 1 else 'are'}"
        )
    else:
        text = "the phone is well" if len(rows) == 1 else f"all {_count(len(rows))} are well"
    return begin + text if begin else text[:1].upper() + text[1:]


def _pictures(found: Iterable[Group]) -> tuple[dict[str, Picture], set[str]]:
    """The pictures that the page has room for, and what is in them."""
    pictures: dict[str, Picture] = {}
    results: set[str] = set()
    room, well = MOST_MARKS, MOST_WELL
    for group in found:
        for row in group.rows:
            if len(row.timeline) > room or (row.verdict in WELL and well <= 0):
                continue
            drawn = picture(row)
            if not drawn:
                continue
            pictures[row.name] = drawn
            results.update(drawn.results)
            room -= len(drawn.marks) + len(drawn.lanes) + sum(1 for mark in drawn.marks if mark[-1] > 1)
            well -= row.verdict in WELL
    return pictures, results
