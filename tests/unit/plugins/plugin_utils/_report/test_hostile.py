# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever phones and servers say, and however much: nothing in a report can do harm, and it stays small."""

from __future__ import annotations

import copy
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import KINDS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import html
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import (
    STATUSES,
    FileChange,
    Outcome,
    RunReport,
    WaveSpan,
)
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    EVIL,
    EVIL_TEXT,
    HOSTILE,
    STOPPED,
    TEN_THOUSAND,
    Page,
    check_junit,
    harmless,
    phone,
    report,
)


def test_a_huge_diff_is_cut_and_says_so():
    huge = FileChange("t", "p", "+x\n" * 1_000_000)
    source = html(report({}, files=[huge, huge]))
    assert re.search(r"[\d,]+ more lines are in report.json", source) and "1 more file is not shown" in source
    assert len(source) < 3_000_000


@pytest.mark.parametrize("render", [html, junit, markdown])
def test_ten_thousand_phones_are_quick_and_small(render):
    render(STOPPED)
    started = time.process_time()
    text = render(TEN_THOUSAND)
    assert time.process_time() - started < 2
    assert len(text.encode()) < (500_000 if render is markdown else 4_000_000)


def test_ten_thousand_long_reasons_stay_small():
    phones = {f"{'n' * 60}{number}": phone("failed", 1, reason=f"{number} {'long ' * 400}") for number in range(10_000)}
    assert len(html(report(phones, (10_000,)))) < 4_000_000
    assert len(markdown(report(phones, (10_000,))).encode()) < 500_000


def test_a_summary_that_is_all_escapes_is_cut():
    kinds = {
        f"{number}": phone("failed", 1, kind=f"k{number}", reason="|" * 1000, advice=f"{number}{'<' * 1000}") for number in range(3000)
    }
    text = markdown(report(kinds, (3000,)))
    assert len(text.encode()) < 500_000


def test_hostile_texts_are_text():
    source = html(HOSTILE)
    page = Page(source)
    harmless(source)
    assert len(page.all("script")) == 1 and not page.all("img")
    assert EVIL_TEXT in page.text and "\n49" not in page.text
    assert len(source) < 500_000
    assert "alert" not in page.raw["script"]


def test_the_report_is_not_changed():
    before = copy.deepcopy(STOPPED)
    for render in (html, junit, markdown):
        render(STOPPED)
    assert before == STOPPED


texts = st.text(max_size=20) | st.sampled_from([EVIL])
seconds = st.none() | st.floats(0, 1e9)
times = st.none() | st.floats(0, 4e9)
outcomes = st.builds(
    Outcome,
    status=st.sampled_from(STATUSES),
    kind=st.none() | st.sampled_from(list(KINDS)) | texts,
    reason=texts,
    advice=texts,
    image_before=st.none() | texts,
    image_after=st.none() | texts,
    seconds=seconds,
    reset_at=times,
    ended_at=times,
    wave=st.none() | st.integers(1, 4),
    mac=st.none() | texts,
    host=st.none() | texts,
    tftp_host=st.none() | texts,
    held=st.booleans(),
)
spans = st.builds(WaveSpan, st.integers(1, 4), st.just(()), st.booleans(), times, times)
reports = st.builds(
    RunReport,
    image=texts,
    phones=st.dictionaries(texts, outcomes, max_size=4),
    started=times,
    ended=times,
    finished=st.booleans(),
    check_mode=st.booleans(),
    waves=st.lists(spans, max_size=3, unique_by=lambda wave: wave.number),
    stopped_at=st.none() | st.integers(1, 4),
    stop_reason=texts,
    paused_after=st.none() | st.integers(1, 4),
    error=texts,
    files=st.lists(st.builds(FileChange, texts, texts, texts), max_size=2),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports)
def test_no_report_is_too_odd(example):
    harmless(html(example))
    check_junit(junit(example))
    harmless(markdown(example))
