# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What befell a phone, told in the words of every server: no sick phone is healthy and no sound one sick, whatever of the log is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.tests.unit.log_writers import BEGIN, WORDINGS, Asked, written

STORIES = Path(__file__).parent / "stories"
PHONE, ADDRESS = "0011BB000001", "192.0.2.11"
NEIGHBOUR = ("0011BB0000FE", "192.0.2.250")
LOADER_WAITS = (0, 1, 5, 9, 13, 14, 18, 22, 26, 27, 31, 35)
SOUND_BOOT = """
0 missing CTLSEP{mac}.tlv
0 served SEP{mac}.cnf.xml
1 served P0S3-8-12-00.loads
24 served SIPDefault.cnf
24 served SIP{mac}.cnf
26 served RINGLIST.DAT
26 served dialplan.xml
"""


class Story(NamedTuple):
    """`right`: allowed verdicts by what a wording carries, or by its name; `each` counts for all others."""

    name: str
    about: str
    sick: bool
    right: dict[str, list[str]]
    advice: list[str]
    never: list[str]
    events: str
    without: list[str]


def _story(path: Path) -> Story:
    told = yaml.safe_load(path.read_bytes())
    return Story(
        path.stem,
        told["about"],
        told["sick"],
        {key: value if isinstance(value, list) else [value] for key, value in told["right"].items()},
        told.get("advice", []),
        told.get("never", []),
        told["events"],
        told.get("without", []),
    )


ALL = [_story(path) for path in sorted(STORIES.glob("*.yml"))]


def requests(events: str, mac: str, address: str, at: float = 0.0) -> list[Asked]:
    """The requests of a story: times, the answer, and the file. `x12` behind a time stands for twelve tries in the rhythm of retries."""
    asked = []
    for line in events.strip().splitlines():
        *times, answer, file = line.split(" ", next(n for n, word in enumerate(line.split(" ")) if word[0].isalpha()) + 1)
        for text in times:
            asked.append(Asked(at + float(text), address, file.strip("'").format(mac=mac).encode().decode("unicode_escape"), answer, 0))
    return [one._replace(number=500 + place) for place, one in enumerate(sorted(asked, key=lambda one: one.at))]


def log_of(story: Story, wording: str, later: float = 900.0) -> list[list[bytes]]:
    own = requests(story.events, PHONE, ADDRESS)
    other = requests(SOUND_BOOT, *NEIGHBOUR, own[-1].at + later) if later else []
    return written(wording, [*own, *(one._replace(number=one.number + 4000) for one in other)])


def told(lines: list[bytes], now: float = BEGIN + 200_000) -> dict[str, Any]:
    phones = diagnose(lines, now=now)["phones"]
    return phones.get(PHONE) or phones.get(ADDRESS) or {"verdict": "not seen", "confidence": "", "advice": "", "boots": 0}


def _pairs() -> Iterator[Any]:
    for story in ALL:
        for wording in WORDINGS:
            if wording not in story.without:
                yield pytest.param(story, wording, id=f"{story.name}-{wording}")


def allowed(story: Story, wording: str) -> list[str]:
    carries = WORDINGS[wording].carries
    return story.right.get(wording) or story.right.get(carries) or story.right["each"]


@pytest.mark.parametrize(("story", "wording"), list(_pairs()))
def test_story(story: Story, wording: str) -> None:
    facts = told([line for request in log_of(story, wording) for line in request])
    verdict = facts["verdict"]
    assert verdict in allowed(story, wording), facts["advice"]
    assert (verdict, facts["confidence"]) != ("healthy", "certain") or WORDINGS[wording].carries in ("all", "sent")
    if verdict == story.right["each"][0]:
        for words in story.advice:
            assert words in facts["advice"]
    for words in story.never:
        assert words not in facts["advice"]


def test_confusion() -> None:
    """The table of docs/diagnosis.md: each story, and the verdicts that the wordings lead to."""
    table = confusion()
    print(table)
    document = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text()
    assert table in document


def confusion() -> str:
    rows = ["| story | | verdicts |", "|---|---|---|"]
    for story in ALL:
        told_by: dict[str, list[str]] = {}
        for wording in WORDINGS:
            if wording not in story.without:
                verdict = told([line for request in log_of(story, wording) for line in request])["verdict"]
                told_by.setdefault(verdict, []).append(wording)
        most = max(told_by, key=lambda verdict: len(told_by[verdict]))
        others = "".join(f"; {verdict} ({', '.join(by)})" for verdict, by in told_by.items() if verdict != most)
        rows.append(f"| {story.about} | {'sick' if story.sick else 'sound'} | {most}{others} |")
    return "\n".join(rows)


SICK = [story for story in ALL if story.sick]
SOUND = [story for story in ALL if not story.sick]
PROOF = (
    "firewall_between_good_boots",
    "firewall_after_a_good_boot",
    "config_missing_in_a_boot",
    "rejected_on_8x",
    "boots_of_7x",
    "boots_of_8x",
    "boots_every_five_minutes",
    "sound_mended",
)
"""Stories of which a part is another story: sick ones with a sound boot in them, and the other way round."""


IN_ORDER = ("ios", "ios_syslog", "netkit")
"""Wordings in which a line belongs to the one before it, and nothing else tells to which."""


def cut_and_mixed(story: Story, wording: str, others: list[Story], at: list[float], cut: tuple[float, float], rng: Any) -> list[bytes]:
    """The lines of a story between those of other phones, in any order within a second, cut at both ends."""
    asked = requests(story.events, PHONE, ADDRESS)
    for number, (other, when) in enumerate(zip(others, at, strict=False)):
        asked += requests(other.events, f"0011BB00010{number}", f"192.0.2.10{number}", when)
    asked += requests(SOUND_BOOT, *NEIGHBOUR, asked[-1].at + 900)
    asked = [one._replace(number=500 + place) for place, one in enumerate(asked)]
    groups = [(one.at, group) for one, group in zip(asked, written(wording, asked), strict=True)]
    if wording not in IN_ORDER:
        groups = [(when, [line]) for when, group in groups for line in group]
    lines = [line for _when, group in sorted(rng.sample(groups, len(groups)), key=lambda one: int(one[0])) for line in group]
    first, last = int(cut[0] * len(lines)), int(cut[1] * len(lines))
    return lines[first : max(last, first + 1)]


ANY_PART = {
    "wording": st.sampled_from(list(WORDINGS)),
    "others": st.lists(st.sampled_from(SOUND), max_size=2),
    "at": st.lists(st.integers(-40, 90).map(float), min_size=2, max_size=2),
    "rng": st.randoms(use_true_random=False),
}


@settings(max_examples=250, deadline=None, derandomize=True)
@given(story=st.sampled_from(SICK), cut=st.tuples(st.floats(0, 0.6), st.floats(0.3, 1)), **ANY_PART)
def test_no_part_of_a_sick_story_is_healthy(story, wording, others, at, cut, rng) -> None:
    assume(wording not in story.without)
    whole = story.name in PROOF
    lines = cut_and_mixed(story, wording, others, at, (0.0, 1.0) if whole else cut, rng)
    if not whole or others:
        assert told(lines)["verdict"] != "healthy" or "healthy" in allowed(story, wording)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(story=st.sampled_from(SOUND), cut=st.tuples(st.floats(0, 0.6), st.floats(0.3, 1)), **ANY_PART)
def test_no_part_of_a_sound_story_is_sick(story, wording, others, at, cut, rng) -> None:
    assume(wording not in story.without)
    cut = (0.0, 1.0) if story.name in PROOF else cut
    facts = told(cut_and_mixed(story, wording, others, at, cut, rng), BEGIN + 10_000)
    assert facts["verdict"] in ("healthy", "flashing", "not_ours", "cannot_tell", "not seen"), facts["advice"]
