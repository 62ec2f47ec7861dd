# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a rollout: what it says, that it needs nothing and that all can read it."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import KINDS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.content import IN_FLIGHT, LABELS, content
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import html
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import STATUSES, FileChange
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    DRY,
    EMPTY,
    IMAGE,
    STOPPED,
    TEN_THOUSAND,
    Page,
    every_report,
    fleet,
    moved,
    phone,
    report,
)


def headline(example):
    return re.search(r"<h1[^>]*>(.*?)</h1>", html(example)).group(1)


def test_every_status_has_a_label():
    assert tuple(LABELS) == (STATUSES[0], IN_FLIGHT, *STATUSES[1:])


def test_every_kind_has_advice():
    for kind in KINDS.values():
        assert 40 <= len(kind.advice) < 400 and kind.advice.endswith(".")
        assert kind.title


def advice(kind, own="", status="failed", held=False):
    (row,) = content(report({"a": phone(status, kind=kind, advice=own, held=held)})).rows
    return row.advice


def test_the_phones_own_advice_wins():
    assert advice("refused", "Call Bob.") == "Call Bob."
    assert advice("refused") == KINDS["refused"].advice
    assert advice(None) == advice("unheard of") == ""
    assert advice("blocked", status="blocked") == advice(None, status="blocked") == KINDS["blocked"].advice
    assert advice("blocked", status="blocked", held=True) == KINDS["held"].advice


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (fleet((1, 4)), f"All 5 phones are on {IMAGE}"),
        (fleet((1,)), f"The only phone is on {IMAGE}"),
        (fleet((3, 97, 200), every=150), f"298 of 300 phones are on {IMAGE}; 2 failed"),
        (STOPPED, f"Stopped at wave 1: 1 of 5 phones is on {IMAGE}; 1 failed, 2 blocked, 1 not reached"),
        (DRY, f"Dry run: 1 phone would go to {IMAGE} in 1 wave; 1 is on it already, 1 failed"),
        (report({"a": phone("already")}, check_mode=True), f"Dry run: no phone would go to {IMAGE}; 1 is on it already"),
        (
            report({"a": phone("not_reached", 1)}, (1,), finished=False),
            f"Interrupted, or still running: no phone is on {IMAGE}; 1 not reached",
        ),
        (report({"a": moved("done", 1, 0, 9), "b": phone("not_reached", 2)}, (1, 1), paused_after=1), "Paused after wave 1: 1 of 2 phones"),
        (report({"a": phone("not_reached", 1)}, error="no route"), "Ended by an error: no phone is on"),
        (EMPTY, "No phones were in this run"),
    ],
)
def test_the_headline_says_how_it_ended(example, words):
    assert words in headline(example)
    assert f"## {words}" in markdown(example)


@every_report
def test_the_page_needs_nothing_and_can_fetch_nothing(example):
    source = html(example)
    page = Page(source)
    source.encode()
    assert {tag for tag, _rest in page.elements} <= set(
        "html head meta title style body header h1 h2 h3 ul li b dl dt dd main section figure div svg desc defs pattern rect path text g "
        "figcaption span p table caption thead tbody tr th td details summary pre ins del br footer script code".split()
    )
    for _rest, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "src", "style", "srcdoc", "action")}
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    for kind in ("style", "script"):
        assert len(page.all(kind)) == 1
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(page.raw[kind].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert re.findall(r"url\(([^)]*)\)", page.raw["style"]) == ["#hatch"]


@every_report
def test_the_page_can_be_read_by_all(example):
    page = Page(html(example))
    assert page.all("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert len(page.all("h1")) == 1
    assert all("scope" in cell for cell in page.all("th"))
    ids = [attributes["id"] for _rest, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _rest, attributes in page.elements:
        assert set(attributes.get("aria-labelledby", "").split()) <= set(ids)
        assert attributes.get("role") != "region" or (attributes["aria-label"] and attributes["tabindex"] == "0")
    for picture in page.all("svg"):
        assert picture.get("role") == "img" or picture.get("aria-hidden") == "true"


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme):
    blocks = re.findall(r":root \{(.*?)\}", Page(html(EMPTY)).raw["style"], re.DOTALL)
    colours = dict(re.findall(r"--(\w+): #(\w{6})", blocks[scheme]))

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for ground in ("page", "card"):
        for ink in ("text", "soft", "link", "green", "teal", "red", "amber", "grey", "blue"):
            dark, light = sorted((luminance(colours[ground]), luminance(colours[ink])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ground, ink)


def test_what_needs_somebody_comes_first():
    source = html(STOPPED)
    rows = re.findall(r"<tr><td class=(\w+)>(\S+ [\w ]+)<th scope=row>(\w)", source)
    assert rows == [
        ("failed", "✗ failed", "a"),
        ("blocked", "⊘ blocked", "c"),
        ("blocked", "⊘ blocked", "d"),
        ("not_reached", "… not reached", "b"),
        ("already", "= already", "e"),
    ]
    titles = re.findall(r"</span> (.*?)</h3>", source)
    assert titles == ["Never came back: 1 failed", "Cannot go to the image: 1 blocked", "Held by the inventory: 1 blocked"]
    assert KINDS["never_returned"].advice in source


def test_reasons_are_grouped_by_what_is_to_be_done():
    phones = {f"p{number:03}": phone("failed", 1, kind="refused", reason="refuses telnet") for number in range(50)}
    phones |= {"q": phone("failed", 1, kind="refused", reason="other"), "r": phone("failed", 1, kind="refused", advice="Call Bob.")}
    source = html(report(phones, (52,)))
    assert source.count("Refuses telnet: ") == 2
    assert source.count(KINDS["refused"].advice.replace("<", "&lt;").replace(">", "&gt;")) == 1
    assert '<details><summary>50 phones</summary><span class="name">p000</span>, <span class="name">p001</span>' in source
    text = markdown(report(phones, (52,)))
    assert "### Refuses telnet (51 phones)" in text and "### Refuses telnet (1 phone)" in text and "Call Bob." in text
    assert "p019 and 30 more: refuses telnet" in text and "p020" not in text


def test_files_are_shown_with_what_changed():
    diff = f"--- a\n+++ b\n@@ -1,2 +1,2 @@\n # x\n-image_version: P0S3-8-12-00\n+image_version: {IMAGE}\n\tend\n"
    files = [FileChange("tftp1", "/srv/tftp/SIPDefault.cnf", diff)] * 303
    source = html(report({}, files=files))
    assert source.count("<summary>tftp1 /srv/tftp/SIPDefault.cnf (+1 -1)</summary>") == 300
    assert f"<del>-image_version: P0S3-8-12-00</del>\n<ins>+image_version: {IMAGE}</ins>\n    end\n" in source
    assert "3 more files are not shown here" in source
    assert "Files changed: 303" in markdown(report({}, files=files))


INTERRUPTED = report(
    {
        "a": moved("done", 1, 60, 90),
        "b": moved("failed", 2, 160, 0, kind="not_seen_again", reason="was reset", seconds=None),
        "c": moved("failed", 2, 160, 600, kind="never_returned"),
        "d": phone("not_reached", 2),
    },
    (1, 3),
    finished=False,
    error="interrupted in wave 2",
    run="20260307T220000-61",
    commands={"go_on": "ansible-playbook again", "diagnose": "ansible-playbook diagnose", "rollback": "ansible-playbook rollback"},
)


def test_phones_in_flight_are_no_failed_ones():
    source = html(INTERRUPTED)
    assert "1 of 4 phones is on P0S3-06-3-00; 1 failed, 1 in flight, 1 not reached" in headline(INTERRUPTED)
    assert re.findall(r'<li class="(\w+)"><b>(\d+)</b>', source)[:3] == [("failed", "1"), ("in_flight", "1"), ("not_reached", "1")]
    assert re.search(r"<td class=in_flight>↻ in flight<th scope=row>b", source)
    assert "Was reset, and the run ended before it was seen again: 1 in flight" in source
    told = INTERRUPTED.to_json()["phones"]
    assert [(one["status"], one["in_flight"]) for one in told.values()] == [
        ("done", False),
        ("failed", True),
        ("failed", False),
        ("not_reached", False),
    ]
    assert "1 in flight" in markdown(INTERRUPTED)


@pytest.mark.parametrize("example", [fleet((3, 97, 200), every=5), INTERRUPTED, STOPPED, TEN_THOUSAND])
def test_picture_and_table_agree(example):
    """What the picture says of each wave is what the table of the waves says, and what the table of phones has."""
    source = html(example)
    drawn = source[source.index('<svg class="timeline"') : source.index("</figure>")]
    bands = [sorted(re.findall(r">(\S+ [\d,]+ [\w ]+)</text>", band)) for band in drawn.split("<g>")[1:]]
    table = re.findall(r'<td class="n">[\d,]+</td><td>([^<]*)</td>', source)
    assert bands == [sorted(row.split(", ")) for row in table] and any(bands)
    for status, label in LABELS.items():
        count = sum(int(match.replace(",", "")) for match in re.findall(rf"{label.glyph} ([\d,]+) {label.name}", " ".join(table)))
        assert count == len(re.findall(rf"<td class={status}>.*<td class=n>\d", source))


def columns(example):
    return re.findall(r"<th [^>]*>([^<]*)</th>", html(example).partition('<table class="phones')[2].partition("</thead>")[0])


def test_empty_columns_are_left_out():
    assert columns(report({"a": phone("already")})) == ["Status", "Phone"]
    assert columns(report({"a": phone("planned", 1, host="10.0.0.1")})) == ["Status", "Phone", "Wave", "Address"]
    assert columns(report({"a": moved("done", 1, 0, 0), "b": phone("failed", reason="x")})) == [
        "Status",
        "Phone",
        "Reason",
        "Wave",
        "Restart",
    ]


def test_the_phones_of_each_site_stand_together():
    phones = {name: phone("done", tftp_host=host) for name, host in (("a", "pbx1"), ("b", "pbx2"), ("c", "pbx1"), ("d", ""))}
    source = html(report({**phones, "e": phone("failed", tftp_host="pbx2")}))
    titles = re.findall(r'<th scope="rowgroup" colspan="9">(.*?)</th>', source)
    assert titles == ["pbx2: 2 phones: ✗ 1 failed, ✓ 1 done", "pbx1: 2 phones: ✓ 2 done", "TFTP host not known: 1 phone: ✓ 1 done"]
    assert "rowgroup" not in html(report({"a": phone("done", tftp_host="pbx1")}))


def commands(example):
    return re.findall(r"<dt>([^<]*)</dt><dd><code>", html(example))


def test_the_commands_that_make_sense_are_shown():
    assert commands(INTERRUPTED) == ["to go on", "to find out why", "to take it back"]
    told = INTERRUPTED.commands
    assert commands(replace(fleet((3,)), commands=told)) == ["to take it back"]
    assert commands(replace(DRY, commands=told, phones={"a": phone("planned", 1)})) == ["to do it"]
    assert commands(replace(STOPPED, commands=told, what="rollback")) == ["to go on", "to find out why"]
    assert commands(STOPPED) == []


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_times_are_told_as_here_and_in_utc():
    source = html(INTERRUPTED)
    assert "<dd>2026-03-07 23:00:00 CET (22:00:00 UTC)</dd>" in source and "<dd>20260307T220000-61</dd>" in source
    assert '<th scope="col">Began, CET</th><th scope="col">Began, UTC</th>' in source and "<td>23:01:00</td><td>22:01:00</td>" in source
    assert "Time is CET." in source and "CET is the time of the machine that ran Ansible." in source
    late = replace(INTERRUPTED, started=INTERRUPTED.started + 5400)
    assert "<dd>2026-03-08 00:30:00 CET (2026-03-07 23:30:00 UTC)</dd>" in html(late)
