# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import verdicts as tftp_verdict
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import diagnosis, diagnosis_picture
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

MAC = "001122AABB{:02X}"
NASTY = "\x1b[31m\u202e</title></svg><script>alert(1)</script>{{ 7 * 7 }}' onload='x"


def asked(second, file, result="asked"):
    return {"time": f"2026-11-23T10:{second // 60 % 60:02}:{second % 60:02}+00:00", "file": file, "result": result}


BOOT = [
    asked(0, "CTLSEP001122AABB01.tlv", "missing"),
    asked(23, "SIPDefault.cnf", "served"),
    asked(24, "./SIP001122AABB01.cnf", "served"),
    asked(25, "dialplan.xml"),
]


def facts(number, verdict="healthy", **more):
    return {
        "mac": MAC.format(number),
        "address": f"192.0.2.{number}",
        "verdict": verdict,
        "confidence": "certain",
        "advice": f"do something about SIP{MAC.format(number)}.cnf",
        "evidence": ["2026-11-23 11:00:25 RRQ from 192.0.2.1"],
        "boots": 1,
        "generation": "8.x",
        "since": "2026-11-23T10:00:00+00:00",
        "first_seen": "2026-11-23T10:00:00+00:00",
        "last_seen": "2026-11-23T10:00:25+00:00",
        "timeline": BOOT,
        **more,
    }


def log(*phones):
    return {
        "phones": {one["mac"] or one["address"]: one for one in phones},
        "lines": 10,
        "unknown": 2,
        "server": "dnsmasq",
        "logs": ["/var/log/syslog"],
    }


def phone(name, number, mac=True):
    return Phone(name, f"192.0.2.{number}", 23, "", MAC.format(number) if mac else None)


def named(rows):
    return {row.name: row.verdict for row in rows}


class Page(HTMLParser):
    """What is in a page: its tags, and that they are closed."""

    VOID = frozenset("meta br".split())
    LOOSE = frozenset("tr td th li p".split())

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.attributes = []
        self.texts = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID | self.LOOSE:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if tag not in self.LOOSE:
            assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page(logs, rows):
    text = diagnosis.html(logs, rows, len(diagnosis.unwell(rows, False)))
    read = Page(text)
    assert read.tags.count("script") == 1
    assert not [name for name, _rest in read.attributes if name.startswith("on") or name in ("src", "style")]
    assert all(value.startswith("#") for name, value in read.attributes if name == "href")
    ids = {value for name, value in read.attributes if name == "id"}
    assert {value[1:] for name, value in read.attributes if name == "href"} <= ids
    return text, read


def test_every_verdict_has_a_name():
    assert set(diagnosis.TITLES) == set(tftp_verdict.VERDICTS)
    assert all(sign in diagnosis_picture.RESULTS for sign in ("served", "missing", "denied", "failed", "unsure", "data_unacked", "asked"))


def test_phones_have_the_names_of_the_inventory():
    logs = {"pbx": log(facts(1, "image_missing"), facts(2), facts(3, mac=None), facts(4), facts(5, mac=None))}
    phones = [phone("reception", 1), phone("by address", 3), phone("moved", 9, mac=False), phone("lab", 5, mac=False), phone("gone", 77)]
    # 192.0.2.4 was reception's address once: the MAC counts
    phones.append(Phone("former", "192.0.2.4", 23, "", MAC.format(88)))
    rows = diagnosis.diagnose(logs, phones, only=False, verdicts=[])
    assert named(rows) == {
        "reception": "image_missing",
        "former": "cannot_tell",
        "gone": "cannot_tell",
        "moved": "cannot_tell",
        MAC.format(2): "healthy",
        MAC.format(4): "healthy",
        "by address": "healthy",
        "lab": "healthy",
    }
    assert rows[0].name == "reception"
    assert set(named(diagnosis.diagnose(logs, phones[:1], only=True, verdicts=[]))) == {"reception"}
    assert set(named(diagnosis.diagnose(logs, phones, only=False, verdicts=["image_missing"]))) == {"reception"}


def test_a_phone_at_two_hosts_is_where_it_was_seen_last():
    later = facts(1, "boot_loop", last_seen="2026-11-23T11:00:00+00:00")
    for logs in ({"a": log(facts(1)), "b": log(later)}, {"b": log(later), "a": log(facts(1))}):
        (row,) = diagnosis.diagnose(logs, [], only=False, verdicts=[])
        assert (row.verdict, row.tftp_host) == ("boot_loop", "b")


def test_who_is_unwell():
    logs = {"pbx": log(*(facts(number, verdict) for number, verdict in enumerate(tftp_verdict.VERDICTS)))}
    rows = diagnosis.diagnose(logs, [], only=False, verdicts=[])
    sick = set(tftp_verdict.VERDICTS) - {"healthy", "flashing", "not_ours"}
    names = {row.verdict: row.name for row in rows}
    assert set(diagnosis.unwell(rows, strict=True)) == {names[verdict] for verdict in sick}
    assert set(diagnosis.unwell(rows, strict=False)) == {names[verdict] for verdict in sick - {"cannot_tell"}}


def test_what_to_ask_the_log_for():
    hostvars = {
        "reception": {"cisco79xx_mac": "00:11:22:aa:bb:01", "ansible_host": "192.0.2.1"},
        "SEP001122AABB02": {"ansible_host": "phone.example"},
        "lab": {"ansible_host": "lab.example"},
    }
    names = ["reception", "SEP001122AABB02", "lab", "0011.22AA.BB03"]
    assert diagnosis.log_keys(names, hostvars) == ["0011.22AA.BB03", "001122AABB01", "192.0.2.1", "001122AABB02"]


def test_the_table():
    logs = {"pbx": log(*(facts(number, "config_missing") for number in range(1, 50)), facts(60)), "pbx2": {"msg": "no log\x1b[0m"}}
    rows = diagnosis.diagnose(logs, [phone("gone", 70)], only=False, verdicts=[])
    text = diagnosis.table(logs, rows)
    assert "pbx: /var/log/syslog: 10 lines of dnsmasq, 2 of them by others\n" in text
    assert "pbx2: no log\n" in text
    assert "✗ no configuration for it: 49 phones\n" in text
    assert text.count("do something about SIP<MAC>.cnf\n") == 1
    assert "  and 9 more: no configuration for it\n" in text
    assert text.index("✗ no configuration") < text.index("? cannot tell") < text.index("✓ healthy")
    assert text.endswith("51 phones: 49 not well, 1 cannot tell, 1 healthy")
    (row,) = (line for line in text.splitlines() if MAC.format(60) in line)
    assert row.split() == ["✓", MAC.format(60), "healthy", "(certain)", "2026-11-23", "10:00:00"]
    assert text.startswith("No log from pbx2: 49 of 51 phones need somebody\n\n  phone")
    assert text.splitlines()[2].split("  ")[1:] and "what to do" in text.splitlines()[2]
    assert "No phones" in diagnosis.table({"pbx": log()}, [])


def test_the_record():
    logs = {"pbx": log(facts(1, "boot_loop")), "pbx2": {"msg": "no log"}}
    record = json.loads(json.dumps(diagnosis.record(logs, diagnosis.diagnose(logs, [phone("reception", 1), phone("gone", 2)], False, []))))
    assert record["hosts"] == {
        "pbx": {"server": "dnsmasq", "lines": 10, "unknown": 2, "logs": ["/var/log/syslog"]},
        "pbx2": {"error": "no log"},
    }
    assert set(record["phones"]["reception"]) == {*facts(1), "tftp_host"} - {"timeline"}
    assert record["phones"]["reception"]["first_seen"] == "2026-11-23T10:00:00+00:00"
    assert record["phones"]["gone"]["last_seen"] is None
    assert record["timelines"] == ["reception"]


def test_the_page():
    logs = {"pbx": log(facts(1, "image_missing"), facts(2))}
    text, read = page(logs, diagnosis.diagnose(logs, [phone("reception", 1)], only=False, verdicts=[]))
    assert "<title>1 of 2 phones needs somebody</title>" in text
    assert read.tags.count("use") == 8 + 3
    assert [title for title in read.texts if title in ("Boots", "TFTP host", "MAC")] == ["MAC", "Boots"]
    assert "4 requests from 2026-11-23 10:00:00 to 2026-11-23 10:00:25 UTC: 2 served, 1 not found, 1 asked; no answer in the log." in text
    assert "10:00:23 served" in read.texts
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


@pytest.mark.parametrize(
    ("rows", "logs", "headline"),
    [
        ([facts(1)], {}, "The phone is well"),
        ([facts(1), facts(2, "flashing")], {}, "All 2 phones are well"),
        ([facts(1), facts(2, "cannot_tell")], {}, "Of 1 of 2 phones the log does not tell how they are; the others are well"),
        ([facts(1, "cannot_tell")], {}, "The log does not tell how 1 phone is"),
        ([facts(1, "boot_loop"), facts(2, "boot_loop")], {}, "2 of 2 phones need somebody"),
        ([], {}, "No phones to show"),
        ([facts(1)], {"other": {"msg": "down"}}, "No log from other: the phone is well"),
    ],
)
def test_the_headline(rows, logs, headline):
    logs = {"pbx": log(*rows), **logs}
    text, _rest = page(logs, diagnosis.diagnose(logs, [], only=False, verdicts=[]))
    assert f"<title>{headline}</title>" in text


def test_repeated_requests_are_numbered():
    lost = [{**asked(0, "CTLSEP001122AABB01.tlv", "failed"), "times": 9}, {**asked(40, "CTLSEP001122AABB01.tlv", "failed"), "times": 12}]
    logs = {"pbx": log(facts(1, "data_never_arrives", timeline=[*lost, asked(20, "SIPDefault.cnf", "served")]))}
    text, read = page(logs, diagnosis.diagnose(logs, [], only=False, verdicts=[]))
    assert [shown for shown in read.texts if shown.startswith("×")] == ["×9", "×12"]
    assert "10:00:00 broke off, 9 times" in read.texts and "10:00:20 served" in read.texts
    (twelve,) = re.findall(r'<text class="soft" x="([0-9.]+)" y="[0-9.]+" text-anchor="end">×12<', text)
    assert float(twelve) < diagnosis_picture.WIDTH - diagnosis_picture.RIGHT


def test_long_pauses_are_left_out_of_a_picture():
    row = diagnosis.diagnose(
        {"pbx": log(facts(1, timeline=[asked(0, "a"), asked(30, "b", "missing"), asked(1830, "a", "served")]))}, [], False, []
    )[0]
    drawn = diagnosis_picture.picture(row.requests)
    assert [name for _rest, name in drawn.lanes] == ["a", "b"]
    assert [length for _rest, length in drawn.pauses] == ["30 min"]
    xs = [x for x, *_rest in drawn.marks]
    assert xs == sorted(xs)
    assert diagnosis_picture.LEFT < xs[0] < xs[1] < drawn.pauses[0][0] < xs[2] < diagnosis_picture.WIDTH
    assert [label for _x, label, _rest in drawn.ticks] == ["23 Nov 10:00:00", "10:00:30", "10:30:30"]


def test_a_picture_without_times_or_with_many_files():
    untimed = [{**one, "time": None} for one in BOOT]
    row = diagnosis.diagnose({"pbx": log(facts(1, timeline=untimed, last_seen=None))}, [], False, [])[0]
    drawn = diagnosis_picture.picture(row.requests)
    assert (len(drawn.marks), drawn.ticks, "without times" in drawn.description) == (4, [], True)
    row = diagnosis.diagnose({"pbx": log(facts(1, timeline=[asked(n, f"file{n}", "what?") for n in range(40)]))}, [], False, [])[0]
    drawn = diagnosis_picture.picture(row.requests)
    assert (len(drawn.lanes), len(drawn.marks), drawn.lanes[-1][1]) == (diagnosis_picture.MOST_LANES, 40, "other files")
    assert {y for _x, y, *_rest in drawn.marks} == {y for y, _rest in drawn.lanes}
    assert diagnosis_picture.picture([]) is None


def test_hostile_words_are_words():
    bad = facts(1, "boot_loop", advice=NASTY, evidence=[NASTY], generation=NASTY, timeline=[asked(1, NASTY, NASTY)], address=NASTY)
    odd = facts(2, NASTY, mac=NASTY, last_seen=NASTY, confidence=NASTY, timeline=[{"time": NASTY, "file": None}])
    logs = {NASTY: {**log(bad, odd), "server": NASTY, "logs": [NASTY]}, "pbx2": {"msg": NASTY}}
    rows = diagnosis.diagnose(logs, [phone(NASTY, 3)], only=False, verdicts=[])
    text, read = page(logs, rows)
    assert "{{ 7 * 7 }}" in text
    assert [tag for tag in read.tags if "script" in tag] == ["script"]
    for shown in (text, diagnosis.table(logs, rows), json.dumps(diagnosis.record(logs, rows)["phones"], ensure_ascii=False)):
        assert not re.search("[\x1b\u202e]", shown)


@pytest.mark.parametrize("verdict", ["healthy", "data_never_arrives", "config_missing"])
def test_a_large_fleet_has_a_small_page(verdict):
    many = [{**facts(1, verdict, timeline=BOOT * 10, evidence=["x" * 250] * 4), "mac": f"{number:012X}"} for number in range(5000)]
    logs = {"pbx": log(*many)}
    rows = diagnosis.diagnose(logs, [], only=False, verdicts=[])
    text, read = page(logs, rows)
    assert len(text.encode()) < 5_000_000
    assert read.tags.count("tr") == 5001
    assert read.tags.count("details") >= 200
    assert "more would have a timeline" in text
    assert len(diagnosis.table(logs, rows)) < 20_000
