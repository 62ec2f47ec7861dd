# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a rollout."""

from __future__ import annotations

import re

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import timeline
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import html
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    DRY,
    EMPTY,
    STOPPED,
    TEN_THOUSAND,
    fleet,
    moved,
    phone,
    report,
)


def test_each_phone_has_a_bar_in_its_wave():
    source = html(fleet((2, 3)))
    drawn = source[source.index('<svg class="timeline"') : source.index("</figure>")]
    assert re.findall(r">(Wave \d)<", drawn) == ["Wave 1", "Wave 2"]
    assert len(re.findall(r"<title>SEP\w+: done, 1 min 2\d s</title>", drawn)) == 5
    for x, width in re.findall(r'<rect class="fill-\w+" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn):
        assert float(x) >= timeline.LEFT and float(x) + float(width) <= timeline.WIDTH


def test_a_large_wave_is_a_curve():
    source = html(TEN_THOUSAND)
    drawn = source[source.index('<svg class="timeline"') : source.index("</figure>")]
    assert len(re.findall(r'<path class="fill-done"', drawn)) == len(re.findall(r'<path class="fill-failed"', drawn)) == 3
    assert "A large wave is a curve" in drawn and len(drawn) < 60_000


def test_a_wave_that_was_not_reached_is_named():
    assert re.search(r'y="[\d.]+">not reached</text>', html(STOPPED))


@pytest.mark.parametrize("example", [DRY, EMPTY, report({"a": phone("done", 1)}, (1,))], ids=["dry run", "empty", "no times"])
def test_without_times_there_is_no_timeline(example):
    assert '<svg class="timeline"' not in html(example)


def test_the_end_of_an_interrupted_phone_is_the_end_of_the_run():
    example = report({"a": moved("failed", 1, 0, 600, ended_at=None), "b": phone("failed", 1)}, (2,), finished=False)
    assert "no time is known: 1." in html(example)


@pytest.mark.parametrize("span", [0, 1, 59, 61, 3600, 86399, 86401, 10**6, 10**9, 10**11])
def test_ticks_are_few_and_within(span):
    ticks = timeline.ticks(1000.5, 1000.5 + span, lambda when: when)
    assert len(ticks) <= 9 and all(1000.5 <= when <= 1000.5 + span for when, _rest in ticks)
    assert len({label for _rest, label in ticks}) == len(ticks)
