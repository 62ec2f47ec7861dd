# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.json for people and for CI: one HTML page, JUnit XML, and Markdown for a job's summary.

All of them take the report as it is, however old, broken or hostile: phones and servers wrote part of its texts.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.page import template
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, BLOCKED, DONE, FAILED, NOT_REACHED, PLANNED

STATUSES = {
    FAILED: ("✗", "failed", "its wave came and it does not run the image, or it could not be observed in a dry run"),
    BLOCKED: ("⊘", "blocked", "cannot or must not go to the image; nothing was done to it"),
    NOT_REACHED: ("…", "not reached", "the run ended before its wave; nothing was done to it"),
    PLANNED: ("▷", "planned", "dry run: would be restarted in its wave"),
    DONE: ("✓", "done", "was seen on the image, and ran another one before"),
    ALREADY: ("=", "already", "ran the image when the run began; was not restarted"),
}
"""Status → glyph, label, meaning; what needs somebody first."""

_TFTP_FILES = "SIPDefault.cnf, SIP<MAC>.cnf and OS79XX.TXT"
_AGAIN = "then run the same command again: phones on the image are left alone."

KINDS = {
    # What the phone said, or did not say
    "refused": (
        "Refuses telnet",
        "If it has just restarted, give it a few minutes. Otherwise set telnet_level: 2 and phone_password in SIPDefault.cnf or "
        f"SIP<MAC>.cnf, see that ansible_host is its address, and restart it by hand once; {_AGAIN}",
    ),
    "unreachable": (
        "Cannot be reached",
        "Ping ansible_host from the controller. No answer: look at power, cable, switch port and VLAN, and whether DHCP gave the phone "
        "another address. If it answers, a firewall stands between the controller and its telnet port.",
    ),
    "silent": (
        "Accepts the connection but says nothing",
        "Its telnet is stuck, or is no telnet at all: see that ansible_host and ansible_port are the phone's. Restart the phone by hand "
        f"(keys *, 6 and Settings together, or its power), {_AGAIN}",
    ),
    "closed": (
        "Closes the connection",
        "Close other telnet sessions to it and wait until it has finished starting. If it goes on, restart the phone by hand, " + _AGAIN,
    ),
    "endless": (
        "Talks without end",
        "A debug command is probably still on in the phone, or another device answers at ansible_host. Restart the phone by hand, which "
        f"ends debugging, {_AGAIN}",
    ),
    "no_prompt": (
        "Shows no prompt",
        "Log in by hand with telnet and compare with the last words in the reason: another device, or a phone_prompt longer than 15 "
        "characters, looks like this. Otherwise restart the phone by hand.",
    ),
    "no_image": (
        "Names no image",
        "Log in by hand with telnet: the line Loadid must have an SW. A phone with SCCP firmware, or another device, has none; take it "
        "out of the run.",
    ),
    "wrong_password": (
        "Does not take the password",
        "Set ansible_password to the phone_password in SIP<MAC>.cnf, or in SIPDefault.cnf if that has none; it has at most 31 "
        "characters. The phone knows a changed one only after a restart, so try the former too.",
    ),
    "wrong_phone": (
        "Another phone answers",
        "Its address has gone to another phone. Correct ansible_host or cisco79xx_mac in the inventory; a DHCP reservation keeps it right.",
    ),
    "not_privileged": (
        "Does not allow reset",
        f"Set telnet_level: 2 in SIPDefault.cnf, and in SIP<MAC>.cnf if that sets it. Restart the phone by hand once, {_AGAIN}",
    ),
    "unknown_command": (
        "Does not know the command",
        "See that ansible_host is a 7940 or 7960 with SIP firmware. If it is, restart it by hand: it loads the image then, since the "
        "files name it.",
    ),
    "error": (
        "The dialogue broke",
        "This is probably a fault of the collection: please report it with the reason. The same command can be run again at once.",
    ),
    # What became of it after the restart
    "wrong_image": (
        "Came back on another image",
        "The TFTP server's log says what it asked for and did not get. Run voip.cisco79xx.audit: a file of the image that is missing or "
        "misspelt, an image_version in SIP<MAC>.cnf, or a load in SEP<MAC>.cnf.xml or XMLDefault.cnf.xml does this.",
    ),
    "not_restarted": (
        "Did not restart",
        f"Look whether it is in a call or asks something on its display, restart it by hand, {_AGAIN}",
    ),
    "never_returned": (
        "Never came back",
        "Look at its display. Nothing: power, cable, switch port. Protocol Application Invalid: it has the loader and does not find the "
        "application, so see that all files of the image are in the TFTP root and that DHCP options 150 or 66 name this server.",
    ),
    "in_call": (
        "Is in a call",
        "It restarts by itself when the call ends. Run the same command again later; if the call is over, it counts as done.",
    ),
    "not_registered": (
        "Is on the image but not registered",
        "Nobody can call it. Look at proxy1_address, the line's name and its password in SIP<MAC>.cnf (a password of 32 characters is too "
        "long), and at the PBX's log; with chan_pjsip, force_rport must be no.",
    ),
    "not_seen_again": (
        "Was reset, and the run ended before it was seen again",
        "Run the same command again: it is waited for, and not reset again.",
    ),
    "given_back": (
        "Was taken back",
        "The rollout stopped, and rollback_on_stop took it back to its old image; it may well have been fine. Mend what stopped the "
        f"rollout, {_AGAIN}",
    ),
    # What the TFTP server's log says of it
    "data_never_arrives": (
        "The TFTP server's data does not arrive",
        "It asks again and again for what the server sends. TFTP answers from another port than 69: a firewall or NAT between them needs "
        "the TFTP helper (nf_conntrack_tftp), or a rule for UDP from the server to the phones.",
    ),
    "image_missing": (
        "The TFTP server has not all files of the image",
        "Put the file that the reason names into the TFTP root, spelt as Cisco spells it (case counts) and readable for the TFTP server's "
        f"user; the module firmware does that. Restart the phone by hand if it hangs, {_AGAIN}",
    ),
    "config_missing": (
        "The TFTP server has no configuration for it",
        "It needs SIP<MAC>.cnf, the MAC in capitals and .cnf in small letters, in the TFTP root and readable for the TFTP server's user. "
        "See also that cisco79xx_mac is right.",
    ),
    "server_silent": (
        "The TFTP server does not answer it",
        "See that the server runs and that UDP port 69 is open from the phone's network. It must answer for missing files too: a phone "
        "that gets no 'file not found' for CTLSEP<MAC>.tlv starts over for ever.",
    ),
    "boot_loop": (
        "Restarts again and again",
        f"Something names another image than the rest. Run voip.cisco79xx.audit and compare {_TFTP_FILES}, and any SEP<MAC>.cnf.xml or "
        "XMLDefault.cnf.xml; what the phone asks for last before each restart is the culprit.",
    ),
    "stuck_loader": (
        "Stays in the loader",
        "It has the loader (P003) and does not get the application. See that the .loads file and the .sb2 that it names are in the TFTP "
        "root, and that DHCP options 150 or 66 name this server: the loader forgets a TFTP address typed into the phone.",
    ),
    "other_root": (
        "Reads from another TFTP server or root",
        "Compare DHCP options 150 and 66, and the alternate TFTP setting in the phone, with cisco79xx_tftp_server; and the folder that "
        "the TFTP server really serves with cisco79xx_tftp_root.",
    ),
    "server_slow": (
        "The TFTP server is slow",
        "It was still loading when the wait ended, and will probably come back by itself. Take smaller waves or a longer wait_timeout, and "
        "see what else loads the server or its link.",
    ),
    # Not a failure
    "held": (
        "Held by the inventory",
        "Nothing to do, if that is meant. Take hold: true out of the inventory to let it move.",
    ),
}
"""Kind → what to call it, what to do next."""

UNNAMED = {FAILED: "Not on the image", BLOCKED: "Cannot go to the image"}
"""What to call it without a kind; the reason says what to do."""

ADVICE: dict[str, str] = {kind: text for kind, (_rest, text) in KINDS.items()}

MOST_REASON = 1000
MOST_NAME = 120
MOST_TEXT = 1_000_000
"""Characters that all reasons in the table may have together: with many phones each gets fewer."""
MOST_GROUPS = 60
MOST_REASONS = 20
"""Different reasons shown in one group."""
MOST_FILES = 300
MOST_DIFF = 300_000
MOST_BARS = 400
"""Phones of a wave that get a bar each; a larger one is drawn as a curve."""
MOST_ALL_BARS = 2000
MOST_BANDS = 40
"""Waves with a band each; beyond that one band has them all."""
MOST_MARKDOWN = 480_000
"""Bytes. GitHub drops a summary of more than 1 MiB."""
LATEST = 32_503_680_000
"""The year 3000: later times cannot be told from nonsense, and leave no room in the picture."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]")
# Controls, surrogates, non-characters (none legal in XML), and what is invisible or turns the direction of text.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff0-\uffff"
    "\U000e0000-\U000e0fff" + "".join(chr(plane + end) for plane in range(0x10000, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)) + "]"
)


def advice(phone: Mapping[str, Any]) -> str:
    """What to do next about this phone, or empty."""
    own = phone.get("advice")
    return own if isinstance(own, str) and own else ADVICE.get(str(phone.get("kind")), "")


def html(report: Mapping[str, Any]) -> str:
    """One page that needs nothing else: no network, no script, no colours to be understood."""
    run = _read(report)
    return template("report.html.j2").render(
        run=run,
        statuses=STATUSES,
        headline=_headline(run),
        figures=_figures(run),
        facts=_facts(run),
        waves=_waves(run),
        timeline=_timeline(run),
        groups=_groups(run),
        duration=_duration,
        clock=_clock,
    )


def junit(report: Mapping[str, Any]) -> str:
    """JUnit XML as GitHub, GitLab and Jenkins read it: a phone is a test case, its wave the class."""
    run = _read(report)
    # Some readers know one form of timestamp only: no zone, no fractions.
    attributes = {"name": f"rollout of {run.image}"}
    if run.started is not None:
        attributes["timestamp"] = f"{_date(run.started):%Y-%m-%dT%H:%M:%S}"
    suite = ElementTree.Element("testsuite")
    total = sum(phone.seconds or 0 for phone in run.phones)
    for phone in sorted(run.phones, key=lambda phone: (phone.wave is None, phone.wave or 0, phone.name)):
        case = _case(suite, f"wave {phone.wave}" if phone.wave is not None else "no wave", phone.name, phone.seconds)
        if phone.status == FAILED or (phone.status == BLOCKED and not phone.held):
            _result(case, "failure", phone.reason or phone.status, phone.kind or phone.status, phone.advice)
        elif phone.status not in (DONE, ALREADY):
            _result(case, "skipped", phone.reason or STATUSES[phone.status][2])
    if trouble := run.trouble:
        _result(_case(suite, "rollout", "rollout"), "error", trouble, "error")
    elif run.stopped_at is not None and not run.counts[FAILED]:
        _result(_case(suite, "rollout", "rollout"), "failure", run.stop_reason or f"stopped at wave {run.stopped_at}", "stopped")
    elif not run.phones:
        _case(suite, "rollout", "rollout")  # Jenkins takes a file without any test case for a fault
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        attributes[name] = str(sum(1 for _rest in suite.iter(tag)))
    attributes["time"] = f"{total if run.seconds is None else run.seconds:.3f}"
    for key, value in attributes.items():
        suite.set(key, value)
    root = ElementTree.Element("testsuites", {key: value for key, value in attributes.items() if key != "timestamp"})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def markdown(report: Mapping[str, Any]) -> str:
    """For $GITHUB_STEP_SUMMARY and what else reads GitHub's Markdown."""
    run = _read(report)
    lines = [f"## {_md(_headline(run).text)}", ""]
    lines += [f"**{label}:** {_md(text)}\n" for label, text in _notes(run)]
    lines += ["| status | phones | meaning |", "|---|---:|---|"]
    lines += [
        f"| {_md(f'{glyph} {label}')} | {run.counts[status]:,} | {_md(meaning)} |"
        for status, (glyph, label, meaning) in STATUSES.items()
        if run.counts[status]
    ]
    waves = _waves(run)
    if waves:
        lines += ["", "| wave | phones | result | took | typical restart |", "|---:|---:|---|---|---|"]
        lines += [
            f"| {wave.number} | {wave.size:,} | {_md(wave.result)} | {_duration(wave.seconds)} | {_duration(wave.typical)} |"
            for wave in waves[:MOST_BANDS]
        ]
        if len(waves) > MOST_BANDS:
            lines += ["", f"and {len(waves) - MOST_BANDS:,} more waves"]
    for group in _groups(run, 200):
        lines += ["", f"### {_md(group.title)} ({_phones(group.size)})", "", _md(group.advice), ""]
        for reason in group.reasons[:5]:
            more = f" and {len(reason.names) - 20:,} more" if len(reason.names) > 20 else ""
            names = ", ".join(_md(_cut(name, 60)) for name in reason.names[:20])
            lines.append(f"- {names}{more}{': ' if reason.text else ''}{_md(reason.text)}")
        left = sum(len(reason.names) for reason in group.reasons[5:]) + group.left_out
        if left:
            lines.append(f"- {_phones(left)} with other reasons")
    if run.files:
        lines += ["", f"Files changed: {len(run.files) + run.files_left_out:,}"]
    text = "\n".join(lines) + "\n"
    if len(text.encode()) > MOST_MARKDOWN:
        text = text.encode()[:MOST_MARKDOWN].decode("utf-8", "ignore").rpartition("\n")[0] + "\n\nThis summary was cut here.\n"
    return text


# Reading


@dataclass(frozen=True)
class _Phone:
    name: str
    status: str
    kind: str
    reason: str
    advice: str
    held: bool
    wave: int | None
    before: str
    after: str
    seconds: float | None
    mac: str
    host: str
    tftp_host: str
    reset_at: float | None
    ended_at: float | None


@dataclass(frozen=True)
class _Wave:
    number: int
    size: int
    reached: bool
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class _File:
    place: str
    lines: list[tuple[str, str]]
    """What the line is (add, del, hunk or empty), and the line."""
    lines_left_out: int

    @property
    def changes(self) -> str:
        kinds = Counter(kind for kind, _rest in self.lines)
        return f"+{kinds['add']} -{kinds['del']}"


@dataclass(frozen=True)
class _Run:
    image: str
    started: float | None
    ended: float | None
    check_mode: bool
    finished: bool
    stopped_at: int | None
    stop_reason: str
    paused_after: int | None
    error: str
    waves: list[_Wave]
    phones: list[_Phone]
    files: list[_File]
    files_left_out: int
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def on_image(self) -> int:
        return self.counts[DONE] + self.counts[ALREADY]

    @property
    def seconds(self) -> float | None:
        return None if self.started is None or self.ended is None else max(0.0, self.ended - self.started)

    @property
    def trouble(self) -> str:
        """What ended the run outside of its own rules, or empty."""
        return self.error or ("" if self.finished else "the run was interrupted, or is still going on")


def _read(report: Mapping[str, Any]) -> _Run:
    """The report with every text harmless and every value of the type it should have; the phones in the table's order."""
    rollout = _mapping(report.get("rollout"))
    known = _mapping(report.get("phones"))
    talkative = sum(1 for phone in known.values() if _mapping(phone).get("reason"))
    most = min(MOST_REASON, max(60, MOST_TEXT // max(1, talkative)))
    order = {status: number for number, status in enumerate(STATUSES)}
    phones = sorted((_phone(name, _mapping(phone), most) for name, phone in known.items()), key=lambda one: (order[one.status], one.name))
    sizes = Counter(phone.wave for phone in phones if phone.wave is not None)
    moved = {phone.wave for phone in phones if phone.wave is not None and phone.status in (DONE, FAILED)}
    waves = []
    for entry in map(_mapping, _list(rollout.get("waves"))):
        number = _int(entry.get("number"))
        if number is not None:
            reached = entry.get("reached")
            waves.append(
                _Wave(
                    number,
                    sizes[number] or len(_list(entry.get("phones"))),
                    number in moved if reached is None else bool(reached),
                    _time(entry.get("started")),
                    _time(entry.get("ended")),
                )
            )
    files, left_out = _files(_list(report.get("files")))
    return _Run(
        image=_text(rollout.get("image"), MOST_NAME) or "the image",
        started=_time(rollout.get("started")),
        ended=_time(rollout.get("ended")),
        check_mode=bool(rollout.get("check_mode")),
        finished=bool(rollout.get("finished", True)),
        stopped_at=_int(rollout.get("stopped_at")),
        stop_reason=_text(rollout.get("stop_reason"), MOST_REASON),
        paused_after=_int(rollout.get("paused_after")),
        error=_text(rollout.get("error"), MOST_REASON),
        waves=waves,
        phones=phones,
        files=files,
        files_left_out=left_out + (_int(report.get("files_left_out")) or 0),
        counts=Counter(phone.status for phone in phones),
    )


def _phone(name: object, phone: Mapping[str, Any], most: int) -> _Phone:
    status = phone.get("status")
    reason = _text(phone.get("reason"), most)
    if not isinstance(status, str) or status not in STATUSES:
        reason = _text(f"has the unknown status {str(status)[:100]!r}{'; ' if reason else ''}{reason}", most)
        status = FAILED
    held = bool(phone.get("held"))
    kind = "held" if held and status == BLOCKED else _text(phone.get("kind"), 40)
    seconds = phone.get("seconds")
    sane = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < 1e9
    return _Phone(
        name=_text(name, MOST_NAME) or "?",
        status=status,
        kind=kind,
        reason=reason,
        advice=_text(advice({**phone, "kind": kind}), MOST_REASON),
        held=held,
        wave=_int(phone.get("wave")),
        before=_text(phone.get("image_before"), 40),
        after=_text(phone.get("image_after"), 40),
        seconds=float(seconds) if sane and seconds is not None else None,
        mac=_text(phone.get("mac"), 40),
        host=_text(phone.get("host"), 80),
        tftp_host=_text(phone.get("tftp_host"), 80),
        reset_at=_time(phone.get("reset_at")),
        ended_at=_time(phone.get("ended_at")),
    )


def _files(entries: Sequence[Any]) -> tuple[list[_File], int]:
    """The changed files, and how many are left out because the page would grow without end."""
    files: list[_File] = []
    room = MOST_DIFF
    for entry in map(_mapping, entries[:MOST_FILES]):
        diff = entry.get("diff")
        text = diff if isinstance(diff, str) else ""
        if room <= 0:
            break
        shown = text[:room]
        lines = []
        for line in shown.splitlines():
            kind = "hunk" if line.startswith(("@@", "--- ", "+++ ")) else {"+": "add", "-": "del"}.get(line[:1], "")
            lines.append((kind, _text(line, 300, keep_blanks=True)))
        room -= sum(len(line) + 20 for _rest, line in lines)
        place = " ".join(filter(None, (_text(entry.get("tftp_host"), 80), _text(entry.get("path"), 300))))
        files.append(_File(place or "?", lines, text.count("\n") - shown.count("\n")))
    return files, len(entries) - len(files)


def _text(value: object, most: int, *, keep_blanks: bool = False) -> str:
    """One line of harmless text, at most that long."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    text = text[: 4 * most + 1000]
    if not (text.isascii() and text.isprintable()):
        text = _UNPRINTABLE.sub("", _ESCAPES.sub("", text.replace("\r", "\n")))
    text = text.replace("\t", "    ").replace("\n", " ") if keep_blanks else " ".join(text.split())
    return _cut(text, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def _time(value: object) -> float | None:
    """Seconds since 1970, or None for what is no ISO time that a rollout can have."""
    try:
        if not isinstance(value, str) or len(value) > 50:
            return None
        when = datetime.fromisoformat(value)
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        return seconds if 0 <= seconds < LATEST else None
    except (ValueError, OverflowError):
        return None


# Words


@dataclass(frozen=True)
class _Headline:
    text: str
    tone: str
    """ok, bad or plain."""


def _headline(run: _Run) -> _Headline:
    total = len(run.phones)
    rest = [f"{run.counts[status]:,} {STATUSES[status][1]}" for status in (FAILED, BLOCKED, NOT_REACHED) if run.counts[status]]
    bad = bool(
        run.trouble or run.counts[FAILED] or run.stopped_at is not None or any(p.status == BLOCKED and not p.held for p in run.phones)
    )
    if not total:
        return _Headline(f"{'Ended by an error: ' if run.error else ''}No phones were in this run", "bad" if bad else "plain")
    if run.check_mode:
        waves = f" in {_count(len(run.waves), 'wave')}" if run.waves else ""
        would = (
            f"{_phones(run.counts[PLANNED])} would go to {run.image}{waves}" if run.counts[PLANNED] else f"no phone would go to {run.image}"
        )
        there = [f"{run.counts[ALREADY]:,} {'is' if run.counts[ALREADY] == 1 else 'are'} on it already"] if run.counts[ALREADY] else []
        return _Headline("; ".join([f"Dry run: {would}", *([", ".join(there + rest)] if there or rest else [])]), "bad" if bad else "plain")
    begin = ""
    if not run.finished:
        begin = "Interrupted, or still running: "
    elif run.error:
        begin = "Ended by an error: "
    elif run.stopped_at is not None:
        begin = f"Stopped at wave {run.stopped_at}: "
    elif run.paused_after is not None:
        begin = f"Paused after wave {run.paused_after}: "
    if run.on_image == total:
        text = f"the only phone is on {run.image}" if total == 1 else f"all {total:,} phones are on {run.image}"
    else:
        on = "no phone is" if not run.on_image else f"{run.on_image:,} of {_phones(total)} {'is' if run.on_image == 1 else 'are'}"
        text = "; ".join([f"{on} on {run.image}", *([", ".join(rest)] if rest else [])])
    text = begin + text if begin else text[:1].upper() + text[1:]
    return _Headline(text, "bad" if bad else "ok" if run.on_image == total or not begin else "plain")


def _notes(run: _Run) -> list[tuple[str, str]]:
    notes = [("Stopped", run.stop_reason if run.stopped_at is not None else ""), ("Error", run.trouble)]
    return [(label, text) for label, text in notes if text]


@dataclass(frozen=True)
class _Figure:
    value: str
    label: str
    status: str = ""


def _figures(run: _Run) -> list[_Figure]:
    figures = [
        _Figure(f"{run.counts[status]:,}", f"{glyph} {label}", status if run.counts[status] else "")
        for status, (glyph, label, _rest) in STATUSES.items()
        if run.counts[status] or status == FAILED
    ]
    if run.seconds is not None:
        figures.append(_Figure(_duration(run.seconds), "the whole run"))
    took = [phone.seconds for phone in run.phones if phone.status == DONE and phone.seconds is not None]
    if took:
        figures.append(_Figure(_duration(statistics.median(took)), "typical restart"))
        figures.append(_Figure(_duration(max(took)), "slowest restart"))
    return figures


def _facts(run: _Run) -> list[tuple[str, str]]:
    hosts = sorted({phone.tftp_host for phone in run.phones if phone.tftp_host})
    facts = [
        ("Image", run.image),
        ("Started", _clock(run.started, "%Y-%m-%d %H:%M:%S UTC")),
        ("Ended", _clock(run.ended, "%Y-%m-%d %H:%M:%S UTC")),
        (
            "TFTP hosts" if len(hosts) > 1 else "TFTP host",
            ", ".join(hosts[:10]) + (f" and {len(hosts) - 10} more" if len(hosts) > 10 else ""),
        ),
        *_notes(run),
    ]
    return [(label, text) for label, text in facts if text]


@dataclass(frozen=True)
class _WaveRow:
    number: int
    size: int
    result: str
    started: float | None
    seconds: float | None
    typical: float | None


def _waves(run: _Run) -> list[_WaveRow]:
    members: dict[int, list[_Phone]] = {}
    for phone in run.phones:
        if phone.wave is not None:
            members.setdefault(phone.wave, []).append(phone)
    rows = []
    for wave in run.waves:
        phones = members.get(wave.number, [])
        took = [phone.seconds for phone in phones if phone.status == DONE and phone.seconds is not None]
        seconds = None if wave.started is None or wave.ended is None else max(0.0, wave.ended - wave.started)
        result = _result_of(phones) or ("reached" if wave.reached else "not reached")
        rows.append(_WaveRow(wave.number, wave.size, result, wave.started, seconds, statistics.median(took) if took else None))
    return rows


def _result_of(phones: Iterable[_Phone]) -> str:
    counts = Counter(phone.status for phone in phones)
    return ", ".join(f"{glyph} {counts[status]:,} {label}" for status, (glyph, label, _rest) in STATUSES.items() if counts[status])


@dataclass(frozen=True)
class _Reason:
    text: str
    names: list[str]


@dataclass(frozen=True)
class _Group:
    status: str
    title: str
    advice: str
    size: int
    reasons: list[_Reason]
    left_out: int
    """Phones whose reasons are only in the table."""


def _groups(run: _Run, most: int = MOST_REASON) -> list[_Group]:
    """The failed and blocked phones by what is to be done about them, the largest group first; what is held last."""
    found: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for phone in run.phones:
        if phone.status in (FAILED, BLOCKED):
            reasons = found.setdefault((phone.status, phone.kind, phone.advice), {})
            reasons.setdefault(_cut(phone.reason, most), []).append(phone.name)
    groups = []
    for (status, kind, text), reasons in found.items():
        ordered = sorted((_Reason(reason, names) for reason, names in reasons.items()), key=lambda one: -len(one.names))
        size = sum(len(reason.names) for reason in ordered)
        title = KINDS[kind][0] if kind in KINDS else (kind.replace("_", " ").capitalize() or UNNAMED[status])
        groups.append(
            _Group(status, title, text, size, ordered[:MOST_REASONS], size - sum(len(one.names) for one in ordered[:MOST_REASONS]))
        )
    groups.sort(key=lambda group: (group.title == KINDS["held"][0], list(STATUSES).index(group.status), -group.size))
    if len(groups) > MOST_GROUPS:
        left = sum(group.size for group in groups[MOST_GROUPS:])
        groups = [*groups[:MOST_GROUPS], _Group(FAILED, "Other reasons", "See the table of phones.", left, [], left)]
    return groups


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _phones(number: int) -> str:
    return _count(number, "phone")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = round(seconds)
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit:,} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{whole} s"


def _date(when: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=when)


def _clock(when: float | None, form: str = "%H:%M:%S") -> str:
    return "" if when is None else _date(when).strftime(form)


_MARKDOWN = {ord(char): f"&#{ord(char)};" for char in "\\`*_{}[]<>&|~#!$^"}


def _md(text: str) -> str:
    """Text that is nothing but text in a cell, a list or a heading of GitHub's Markdown."""
    return re.sub(
        r"(?i)\b(https?|ftp):(?=//)|\b(www)\.", lambda found: found.group()[:-1] + f"&#{ord(found.group()[-1])};", text.translate(_MARKDOWN)
    )


# XML


def _case(suite: ElementTree.Element, group: str, name: str, seconds: float | None = None) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", {"classname": group, "name": name, "time": f"{seconds or 0:.3f}"})


def _result(case: ElementTree.Element, tag: str, message: str, kind: str = "", text: str = "") -> None:
    result = ElementTree.SubElement(case, tag, {"message": message, **({"type": kind} if kind else {})})
    if tag != "skipped":
        result.text = "\n".join(filter(None, (message, text)))


# HTML


WIDTH = 1000
LEFT = 190
RIGHT = 20
BAND_GAP = 10
CURVE_HEIGHT = 110
BARS_HEIGHT = 200
BAR_HEIGHT = 9

_STEPS = [1, 2, 5, 10, 15, 30, *(60 * n for n in (1, 2, 5, 10, 15, 30)), *(3600 * n for n in (1, 2, 3, 6, 12))]


@dataclass(frozen=True)
class _Bar:
    status: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class _Band:
    label: str
    details: list[str]
    y: float
    height: float
    x: float
    width: float
    bars: list[_Bar]
    areas: list[tuple[str, str]]
    """Status and path, the hindmost first."""
    note: str


@dataclass(frozen=True)
class _Timeline:
    height: float
    left: float
    right: float
    bottom: float
    bands: list[_Band]
    ticks: list[tuple[float, str]]
    legend: list[str]
    description: str
    curves: bool
    untimed: int


def _timeline(run: _Run) -> _Timeline | None:
    """Where everything lies in the picture, or None if the report has no times to draw."""
    moved = [phone for phone in run.phones if phone.wave is not None and phone.status in (DONE, FAILED)]
    timed = [phone for phone in moved if phone.ended_at is not None or phone.reset_at is not None]
    if not timed:
        return None
    times = [run.started, run.ended, *(time for wave in run.waves for time in (wave.started, wave.ended))]
    times += [time for phone in timed for time in (phone.reset_at, phone.ended_at)]
    begin, end = min(t for t in times if t is not None), max(t for t in times if t is not None)
    span = max(end - begin, 1.0)

    def x(when: float) -> float:
        return round(LEFT + (when - begin) / span * (WIDTH - LEFT - RIGHT), 1)

    rows: list[tuple[str, list[_Phone], float | None, float | None, bool]] = []
    if len(run.waves) > MOST_BANDS:
        rows.append(("All waves", timed, begin, end, True))
    else:
        by_wave: dict[int | None, list[_Phone]] = {}
        for phone in timed:
            by_wave.setdefault(phone.wave, []).append(phone)
        known = {wave.number for wave in run.waves}
        rows += [(f"Wave {wave.number}", by_wave.get(wave.number, []), wave.started, wave.ended, wave.reached) for wave in run.waves]
        rows += [(f"Wave {number}", phones, None, None, True) for number, phones in by_wave.items() if number not in known]
    bands: list[_Band] = []
    top = 4.0
    bars_left = MOST_ALL_BARS
    for label, phones, started, ended, reached in rows:
        curve = len(phones) > min(MOST_BARS, bars_left)
        bars_left -= 0 if curve else len(phones)
        band = _band(label, phones, started, ended, reached, top, x, end, curve)
        bands.append(band)
        top += band.height + BAND_GAP
    present = Counter(phone.status for phone in timed)
    took = ", ".join(f"{band.label}: {' '.join(band.details) or band.note}" for band in bands)
    return _Timeline(
        height=top + 26,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=top,
        bands=bands,
        ticks=_ticks(begin, begin + span, x),
        legend=[status for status in STATUSES if present[status]],
        description=f"From {_clock(begin)} to {_clock(end)} UTC. {took}.",
        curves=any(band.areas for band in bands),
        untimed=len(moved) - len(timed),
    )


def _band(
    label: str,
    phones: list[_Phone],
    started: float | None,
    ended: float | None,
    reached: bool,
    top: float,
    x: Callable[[float], float],
    end: float,
    curve: bool,
) -> _Band:
    extents = [(p.reset_at if p.reset_at is not None else p.ended_at, p.ended_at if p.ended_at is not None else end) for p in phones]
    starts = [time for time in (started, *(start for start, _rest in extents)) if time is not None]
    ends = [time for time in (ended, *(stop for _rest, stop in extents)) if time is not None]
    left, right = (x(min(starts)), x(max(ends))) if starts and ends else (float(LEFT), float(LEFT))
    bars: list[_Bar] = []
    areas: list[tuple[str, str]] = []
    if not phones:
        height = 22.0
    elif curve:
        height = float(CURVE_HEIGHT)
        areas = _areas(phones, left, top + height, height, x, end)
    else:
        each = min(BAR_HEIGHT, BARS_HEIGHT / len(phones))
        height = max(36.0, each * len(phones) + 6)
        y = top + (height - each * len(phones)) / 2
        for phone, (start, stop) in sorted(zip(phones, extents, strict=True), key=lambda pair: (pair[1][1], pair[0].name)):
            begin_x, end_x = x(min(stop, stop if start is None else start)), x(stop)
            title = f"{phone.name}: {STATUSES[phone.status][1]}"
            title += f", {_duration(phone.seconds)}" if phone.seconds is not None else ""
            thickness = each - 1.5 if each > 5 else each
            bars.append(_Bar(phone.status, begin_x, round(y, 2), round(max(2.0, end_x - begin_x), 1), round(thickness, 2), title))
            y += each
    details = [
        f"{STATUSES[status][0]} {count:,} {STATUSES[status][1]}" for status, count in sorted(Counter(p.status for p in phones).items())
    ]
    note = "" if phones else "not reached" if not reached else "no times known"
    return _Band(label, details, round(top, 1), round(height, 1), left, round(max(2.0, right - left), 1), bars, areas, note)


def _areas(
    phones: list[_Phone], left: float, bottom: float, height: float, x: Callable[[float], float], end: float
) -> list[tuple[str, str]]:
    """How many had come back, or been given up, at each time: one area before the other. Two pixels are one step."""
    columns: dict[float, Counter[str]] = {}
    for phone in phones:
        columns.setdefault(2 * math.ceil(x(end if phone.ended_at is None else phone.ended_at) / 2), Counter())[phone.status] += 1
    right = max(columns)
    areas = []
    for status, counted in ((FAILED, (DONE, FAILED)), (DONE, (DONE,))):
        if not any(phone.status == status for phone in phones):
            continue
        path = f"M{left:g} {bottom:g}"
        total = 0
        for column in sorted(columns):
            total += sum(columns[column][one] for one in counted)
            path += f"H{column:g}V{bottom - height * total / len(phones):.1f}"
        areas.append((status, f"{path}H{right + 2:g}V{bottom:g}Z"))
    return areas


def _ticks(begin: float, end: float, x: Callable[[float], float]) -> list[tuple[float, str]]:
    """At most nine round times."""
    step = float(next((step for step in _STEPS if (end - begin) / step <= 8), math.ceil((end - begin) / 8 / 86400) * 86400))
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%Y-%m-%d"
    first = math.ceil(begin / step) * step
    return [(x(when), _clock(when, form)) for when in (first + number * step for number in range(9)) if when <= end]
