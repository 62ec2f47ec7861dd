# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tftp_log_info says of all TFTP hosts, by the names of the inventory: a table for a terminal, and JSON.

File names, addresses and messages are words of strangers: anything on the network can ask a TFTP server for anything.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import list_some, one_line
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import verdicts as tftp_verdict
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import WELL
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._inventory import phones as phones_of
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.diagnosis_picture import Request
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import clock, count, number
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

Facts = Mapping[str, Any]
"""Part of a result of tftp_log_info."""


@dataclass(frozen=True)
class Row:
    """One phone, with harmless texts. `name` is that of the inventory, or else its MAC or address; `tftp_host` is empty if it was not seen,
    `last_seen` an ISO time or empty."""

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
    requests: tuple[Request, ...] = ()

    @property
    def tone(self) -> str:
        return TONE_OF.get(self.verdict, "sick")

    @property
    def glyph(self) -> str:
        return TONES[self.tone][0]

    @property
    def title(self) -> str:
        return TITLES.get(self.verdict, self.verdict.replace("_", " "))

    @property
    def seen(self) -> str:
        """When it was seen last, for people, UTC; empty if that is not known."""
        return clock(_seconds(self.last_seen), "%Y-%m-%d %H:%M:%S")


def log_keys(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a log knows the phones by: MACs and addresses for names of the inventory; what is none of these is left as it is.

    Raises InventoryError.
    """
    names = list(names)
    keys = [name for name in names if name not in hostvars]
    for phone in phones_of([name for name in names if name in hostvars], hostvars, to_log_in=False):
        keys += [phone.mac] if phone.mac else []
        keys += [phone.host] if _is_address(phone.host) else []
    return list(dict.fromkeys(keys))


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


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
            name = by_mac.get(mac) or by_address.get(address)
            if not name and not mac:
                # Known by its address alone: a phone that stays silent has asked for nothing that names it.
                name = by_any_address.get(address)
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
    return Row(
        name=one_line(name, 120),
        mac=one_line(facts.get("mac"), 40),
        address=one_line(facts.get("address"), 80),
        verdict=one_line(facts.get("verdict"), 40),
        confidence=one_line(facts.get("confidence"), 40),
        advice=one_line(facts.get("advice"), 1000),
        tftp_host=one_line(host, 120),
        last_seen=one_line(facts.get("last_seen"), 40),
        boots=int(facts.get("boots") or 0),
        generation=one_line(facts.get("generation"), 40),
        evidence=tuple(one_line(text, 400) for text in facts.get("evidence") or ()),
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
    return {row.name: row.title for row in rows if row.verdict not in WELL and (strict or row.verdict != tftp_verdict.CANNOT_TELL)}


def _seconds(text: object) -> float | None:
    """An ISO time in Unix seconds; None for what is none, or cannot be shown."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


class Group(NamedTuple):
    """Phones for which the same is to be done."""

    title: str
    tone: str
    advice: str
    rows: list[Row]

    @property
    def glyph(self) -> str:
        return TONES[self.tone][0]


def groups(rows: Iterable[Row]) -> list[Group]:
    """In the order of the rows, and so those of one verdict side by side."""
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        advice = row.advice.replace(row.mac, "<MAC>") if row.mac else row.advice
        alike.setdefault((row.verdict, advice), []).append(row)
    return [
        Group(members[0].title, members[0].tone, members[0].advice if len(members) == 1 else advice, members)
        for (_verdict, advice), members in alike.items()
    ]


def by_verdict(all_groups: Iterable[Group]) -> list[list[Group]]:
    """The groups of one verdict together."""
    return [list(alike) for _title, alike in groupby(all_groups, key=lambda group: group.title)]


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
    """All phones by verdict, and what to do."""
    lines = [source(host, log) for host, log in logs.items()]
    if not rows:
        return "\n".join([*lines, "", "no phones: neither the inventory nor the log has one to show"])
    all_groups = groups(rows)
    several = len(logs) > 1
    cells = {row.name: _cells(row, several) for group in all_groups for row in group.rows[:MOST_ROWS]}
    head = ("phone", "MAC", "address", "verdict", "how sure", "last seen (UTC)", *(["TFTP host"] if several else []))
    widths = [max(map(len, column)) for column in zip(head, *cells.values(), strict=True)]

    def line(texts: Sequence[str]) -> str:
        return "  " + "  ".join(f"{text:{width}}" for text, width in zip(texts, widths, strict=True)).rstrip()

    lines += ["", line(head)]
    for alike in by_verdict(all_groups):
        lines += ["", f"{alike[0].glyph} {alike[0].title}: {count(sum(len(group.rows) for group in alike))}"]
        for group in alike:
            lines += [line(cells[row.name]) for row in group.rows[:MOST_ROWS]]
            if len(group.rows) > MOST_ROWS:
                lines.append(f"  and {number(len(group.rows) - MOST_ROWS)} more")
            if group.tone not in ("well", "other"):
                lines.append(f"    what to do: {group.advice}")
                lines += [f"    seen: {text}" for text in group.rows[0].evidence[-1:]]
    counts = Counter(row.tone for row in rows)
    tones = ", ".join(f"{number(counts[tone])} {meaning}" for tone, (_glyph, meaning) in TONES.items() if counts[tone])
    return "\n".join([*lines, "", f"{count(rows)}: {tones}"])


def _cells(row: Row, several: bool) -> tuple[str, ...]:
    sure = "" if row.confidence == tftp_verdict.CANNOT_TELL else row.confidence
    seen = row.seen or ("not timed" if row.tftp_host else "never")
    return (row.name, row.mac, row.address, row.title, sure, seen, *([row.tftp_host] if several else []))


# JSON


def record(logs: Mapping[str, Facts], rows: Iterable[Row]) -> dict[str, Any]:
    """All of it, for tools."""
    hosts = {
        host: {key: log.get(key) for key in ("server", "lines", "unknown", "logs")}
        if "phones" in log
        else {"error": one_line(log.get("msg") or "failed", 1000)}
        for host, log in logs.items()
    }
    phones = {}
    for row in rows:
        by_key = (logs.get(row.tftp_host) or {}).get("phones") or {}
        facts = by_key.get(row.mac) or by_key.get(row.address) or {}
        phones[row.name] = {
            "mac": row.mac or None,
            "address": row.address or None,
            "verdict": row.verdict,
            "confidence": row.confidence,
            "advice": row.advice,
            "evidence": list(row.evidence),
            "boots": row.boots,
            "generation": row.generation or None,
            "first_seen": facts.get("first_seen"),
            "last_seen": row.last_seen or None,
            "tftp_host": row.tftp_host or None,
        }
    return {"hosts": hosts, "phones": phones}
