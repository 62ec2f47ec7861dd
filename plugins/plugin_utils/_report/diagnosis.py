# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tftp_log_info says of all TFTP hosts, by the names of the inventory: a table for a terminal, JSON, and a page.

File names, addresses and messages are words of strangers: anything on the network can ask a TFTP server for anything.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some, one_line
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import verdicts as tftp_verdict
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import phones as phones_of
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.diagnosis_picture import RESULTS, Picture, Request, picture
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import clock, columns, count, number, render
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

TITLES = {
    tftp_verdict.IMAGE_MISSING: "the image is not all there",
    tftp_verdict.IMAGE_WRONG_CASE: "the image is spelt in the wrong case",
    tftp_verdict.IMAGE_UNREADABLE: "the image cannot be read",
    tftp_verdict.IMAGE_REJECTED: "does not take the image",
    tftp_verdict.CONFIG_MISSING: "no configuration for it",
    tftp_verdict.DATA_NEVER_ARRIVES: "data does not arrive",
    tftp_verdict.SERVER_REFUSES: "the server refuses files",
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
TONE_OF = {
    tftp_verdict.CANNOT_TELL: "unknown",
    tftp_verdict.FLASHING: "moving",
    tftp_verdict.NOT_OURS: "other",
    tftp_verdict.HEALTHY: "well",
}
UNSEEN = (
    "it is not in the log: it has not restarted in this time, or it asks another server, or it has no MAC in the inventory and another "
    "address than there"
)

MOST_ROWS = 40
"""Phones of one group in the table for a terminal."""
MOST_MARKS = 18_000
"""Requests in all pictures together; about 100 bytes each."""

Facts = Mapping[str, Any]
"""Part of a result of tftp_log_info."""


@dataclass(frozen=True)
class Row:
    """One phone, with harmless texts. `name` is that of the inventory, or else its MAC or address; `tftp_host` is empty if it was not seen,
    `since`, `first_seen` and `last_seen` an ISO time or empty."""

    name: str
    mac: str
    address: str
    verdict: str
    confidence: str
    advice: str
    evidence: tuple[str, ...] = ()
    boots: int = 0
    generation: str = ""
    since: str = ""
    first_seen: str = ""
    last_seen: str = ""
    tftp_host: str = ""
    requests: tuple[Request, ...] = ()

    @property
    def tone(self) -> str:
        return TONE_OF.get(self.verdict, "sick")

    @property
    def glyph(self) -> str:
        return TONES[self.tone][0]

    @property
    def title(self) -> str:
        return TITLES.get(self.verdict, self.verdict)

    @property
    def seen(self) -> str:
        """When it was seen last, for people, UTC; empty if that is not known."""
        return clock(_seconds(self.last_seen), "%Y-%m-%d %H:%M:%S")

    @property
    def since_seen(self) -> str:
        """Since when it has its verdict, as `seen`."""
        return clock(_seconds(self.since), "%Y-%m-%d %H:%M:%S")


def log_keys(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a log knows the phones by: MACs and addresses for names of the inventory; what is none of these is left as it is.

    Raises InventoryError.
    """
    names = list(names)
    keys = [name for name in names if name not in hostvars]
    for phone in phones_of([name for name in names if name in hostvars], hostvars, to_log_in=False):
        keys += [phone.mac] if phone.mac else []
        with suppress(ValueError):
            keys.append(str(ipaddress.ip_address(phone.host)))
    return list(dict.fromkeys(keys))


def diagnose(logs: Mapping[str, Facts], phones: Sequence[Phone], only: bool, verdicts: Sequence[str]) -> list[Row]:
    """All phones, those first that need somebody. `logs`: TFTP host → result of tftp_log_info; `phones`: those of the inventory; `only`: no
    others; `verdicts`: with one of these, or with any if there are none."""
    phones = [replace(phone, name=one_line(phone.name, 120), host=one_line(phone.host, 80)) for phone in phones]
    by_mac = {phone.mac: phone.name for phone in phones if phone.mac}
    by_address = {phone.host: phone.name for phone in phones if not phone.mac}
    by_any_address = {phone.host: phone.name for phone in phones}
    latest: dict[str, Row] = {}
    for host, log in logs.items():
        for key, facts in (log.get("phones") or {}).items():
            mac, address = str(facts.get("mac") or ""), str(facts.get("address") or "")
            # Without a MAC it is known by its address alone: a phone that stays silent has asked for nothing that names it.
            name = by_mac.get(mac) or (by_address if mac else by_any_address).get(address)
            if only and not name:
                continue
            row = _row(name or str(key), host, facts)
            if row.name not in latest or row.last_seen >= latest[row.name].last_seen:
                latest[row.name] = row
    for phone in phones:
        if phone.name not in latest:
            latest[phone.name] = Row(phone.name, phone.mac or "", phone.host, tftp_verdict.CANNOT_TELL, tftp_verdict.CANNOT_TELL, UNSEEN)
    order = {verdict: place for place, verdict in enumerate(TITLES)}
    rows = [row for row in latest.values() if not verdicts or row.verdict in verdicts]
    return sorted(rows, key=lambda row: (order.get(row.verdict, -1), row.name))


def _row(name: str, host: str, facts: Facts) -> Row:
    fields = ("mac", "address", "verdict", "confidence", "advice", "generation", "since", "first_seen", "last_seen")
    return Row(
        name=one_line(name, 120),
        **{field: one_line(facts.get(field), 500) for field in fields},
        evidence=tuple(one_line(text, 500) for text in facts.get("evidence") or ()),
        boots=int(facts.get("boots") or 0),
        tftp_host=one_line(host, 120),
        requests=tuple(
            Request(
                _seconds(request.get("time")),
                one_line(request.get("file"), 200),
                one_line(request.get("result"), 20),
                int(request.get("times") or 1),
            )
            for request in facts.get("timeline") or ()
        ),
    )


def unwell(rows: Iterable[Row], strict: bool) -> dict[str, str]:
    """The phones that somebody has to see to, each with its verdict. With `strict`, also those of which the log does not tell."""
    return {row.name: row.title for row in rows if row.tone == "sick" or (strict and row.tone == "unknown")}


def _seconds(text: object) -> float | None:
    """An ISO time in Unix seconds; None for what is none, or cannot be shown."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


class Group(NamedTuple):
    """Phones of one verdict for which the same is to be done."""

    advice: str
    rows: list[Row]


class SameVerdict(NamedTuple):
    """All phones of one verdict: how many there are, and the first of them."""

    size: int
    first: Row
    groups: list[Group]

    @property
    def rows(self) -> list[Row]:
        return [row for group in self.groups for row in group.rows]


def by_verdict(rows: Iterable[Row]) -> list[SameVerdict]:
    """In the order of the rows. The advice that several phones share has no MAC of one of them."""
    verdicts = []
    for _verdict, same in groupby(rows, key=lambda row: row.verdict):
        members = list(same)
        by_advice: dict[str, list[Row]] = {}
        for row in members:
            by_advice.setdefault(row.advice.replace(row.mac, "<MAC>") if row.mac else row.advice, []).append(row)
        groups = [Group(alike[0].advice if len(alike) == 1 else advice, alike) for advice, alike in by_advice.items()]
        verdicts.append(SameVerdict(len(members), members[0], groups))
    return verdicts


def source(host: str, log: Facts) -> str:
    """What was read at one TFTP host, or why nothing was."""
    if "phones" not in log:
        return f"{one_line(host, 120)}: {one_line(log.get('msg') or 'failed', 1000)}"
    places = list_some((one_line(place, 200) for place in log.get("logs") or []), 5)
    server = one_line(log.get("server"), 200)
    writer = (
        f"of {server}, {number(int(log.get('unknown') or 0))} of them by others"
        if server
        else "and no TFTP server wrote any of them (tftpd-hpa does so with -v only)"
    )
    return f"{one_line(host, 120)}: {places or 'no log'}: {count(int(log.get('lines') or 0), 'line')} {writer}"


# A table for a terminal


def table(logs: Mapping[str, Facts], rows: Sequence[Row]) -> str:
    """A sentence on all phones, a table of them by verdict, and what to do in full."""
    lines = [source(host, log) for host, log in logs.items()]
    if not rows:
        return "\n".join(["No phones: neither the inventory nor the log has one to show", "", *lines])
    counts = Counter(row.tone for row in rows)
    verdicts = by_verdict(rows)
    head = ("phone", "verdict", "since (UTC)", "what to do")
    named = [row for verdict in verdicts for row in verdict.rows[:MOST_ROWS]]
    titles, *texts = columns([head, *map(_cells, named)])
    line_of = {row.name: text for row, text in zip(named, texts, strict=True)}
    shown = [headline(len(rows), counts, unread(logs)), "", f"  {titles}"]
    for same in verdicts:
        shown += [f"{row.glyph} {line_of[row.name]}" for row in same.rows[:MOST_ROWS]]
        shown += [f"  and {number(same.size - MOST_ROWS)} more: {same.first.title}"] if same.size > MOST_ROWS else []
    for size, first, groups in verdicts:
        shown += ["", f"{first.glyph} {first.title}: {count(size)}"]
        for group in groups if first.tone not in ("well", "other") else ():
            shown.append(f"  {list_some((_known_as(row, len(logs) > 1) for row in group.rows), MOST_ROWS)}")
            shown.append(f"    what to do: {group.advice}")
            shown += [f"    seen: {text}" for text in group.rows[0].evidence[-1:]]
    tones = ", ".join(f"{number(counts[tone])} {meaning}" for tone, (_glyph, meaning) in TONES.items() if counts[tone])
    return "\n".join([*shown, "", *lines, "", f"{count(rows)}: {tones}"])


def _cells(row: Row) -> tuple[str, ...]:
    sure = "" if row.confidence == tftp_verdict.CANNOT_TELL else f" ({row.confidence})"
    since = row.since_seen or ("not timed" if row.tftp_host else "never seen")
    return (row.name, f"{row.title}{sure}", since, "" if row.tone in ("well", "other") else one_line(row.advice, 100))


def _known_as(row: Row, several: bool) -> str:
    """A phone with its MAC and address, where these are not its name, and with its TFTP host if there are several."""
    more = [
        text for text in (row.mac, row.address, f"at {row.tftp_host}" if several and row.tftp_host else "") if text not in ("", row.name)
    ]
    return f"{row.name} ({', '.join(more)})" if more else row.name


# JSON


def record(logs: Mapping[str, Facts], rows: Sequence[Row]) -> dict[str, Any]:
    """All of it, for tools."""
    hosts = {
        host: {key: log.get(key) for key in ("server", "lines", "unknown", "logs")}
        if "phones" in log
        else {"error": one_line(log.get("msg") or "failed", 1000)}
        for host, log in logs.items()
    }
    left_out = ("name", "requests")
    phones = {
        row.name: {field: None if value == "" else value for field, value in vars(row).items() if field not in left_out} for row in rows
    }
    return {"hosts": hosts, "phones": phones, "timelines": list(_pictures(rows))}


# A page


def html(logs: Mapping[str, Facts], rows: Sequence[Row], bad: int) -> str:
    """One page that needs nothing else: no network, no script, no colours to be understood. `bad`: phones that are not well."""
    verdicts = by_verdict(rows)
    tones = Counter(row.tone for row in rows)
    without = unread(logs)
    pictures = _pictures(rows)
    results = {result for drawn in pictures.values() for _x, _y, result, *_rest in drawn.marks}
    return render(
        "diagnosis.html.j2",
        headline=headline(len(rows), tones, without),
        tone="bad" if bad or without else "ok" if rows and not tones["unknown"] else "plain",
        figures=[(number(size), f"{first.glyph} {first.title}", first.tone) for size, first, _groups in verdicts],
        sources=[source(host, log) for host, log in logs.items()],
        verdicts=verdicts,
        pictures=pictures,
        signs={result: meaning for result, meaning in RESULTS.items() if result in results},
        rows=rows,
        columns=_columns(rows, len(logs) > 1),
        sound=[row.name for row in rows if row.tone in ("well", "other")],
        undrawn=sum(1 for row in rows if row.requests and row.name not in pictures),
    )


def unread(logs: Mapping[str, Facts]) -> list[str]:
    """The TFTP hosts whose log could not be read."""
    return [one_line(host, 120) for host, log in logs.items() if "phones" not in log]


def headline(total: int, tones: Counter[str], without: Sequence[str]) -> str:
    """How all phones are, in one sentence. `without`: TFTP hosts whose log could not be read."""
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
    return f"No log from {', '.join(without)}: {text}" if without else text[:1].upper() + text[1:]


def _columns(rows: Sequence[Row], several: bool) -> dict[str, list[str]]:
    """Title → the text of each row, for the columns that are not empty. `several`: whether there are several TFTP hosts."""
    columns = {
        "MAC": [row.mac for row in rows],
        "Address": [row.address for row in rows],
        "How sure": ["" if row.confidence == tftp_verdict.CANNOT_TELL else row.confidence for row in rows],
        "Since, UTC": [row.since_seen for row in rows],
        "Last seen, UTC": [row.seen for row in rows],
        "Boots": [str(row.boots or "") for row in rows],
        "Firmware": [row.generation for row in rows],
        "TFTP host": [row.tftp_host if several else "" for row in rows],
    }
    return {title: texts for title, texts in columns.items() if any(texts)}


def _pictures(rows: Iterable[Row]) -> dict[str, Picture]:
    """The pictures that the page has room for, by the names of their phones."""
    pictures: dict[str, Picture] = {}
    room = MOST_MARKS
    for row in rows:
        drawn = picture(row.requests) if len(row.requests) <= room else None
        if drawn:
            pictures[row.name] = drawn
            room -= len(drawn.marks)
    return pictures
