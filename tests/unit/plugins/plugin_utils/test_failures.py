# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of failure kinds: what can be reported is in it, what is in it can be reported, and docs and logs use its names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import VERDICTS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _failures as failures

COLLECTION = Path(__file__).parents[4]
CONSTANTS = {name: value for name, value in vars(failures).items() if isinstance(value, str) and re.fullmatch("[A-Z][A-Z_]*", name)}
SOURCES = {path: path.read_text() for path in (COLLECTION / "plugins").rglob("*.py") if path.name != "_failures.py"}


def test_each_constant_is_a_kind_and_each_kind_a_constant():
    assert set(CONSTANTS.values()) == set(failures.KINDS)
    assert all(name == value.upper() for name, value in CONSTANTS.items())


@pytest.mark.parametrize("name", [name for name, value in CONSTANTS.items() if not failures.KINDS[value].hopeless])
def test_each_kind_is_made_somewhere(name):
    """The hopeless ones are made by the log."""
    users = [text for text in SOURCES.values() if "plugin_utils._failures" in text or "import _failures" in text]
    assert any(re.search(rf"\b{name}\b", text) for text in users) or name == "HELD", "which is the page's word for some that are blocked"


def test_no_kind_is_spelt_out_beside_the_table():
    """A kind that is written as a text could be one that the table does not have."""
    pattern = re.compile(r"""\bkind["']?\s*(?:=|:)\s*["']""")
    assert [path.name for path, text in SOURCES.items() if path.parent.name in ("_telnet", "_rollout") and pattern.search(text)] == []


def test_a_hopeless_kind_is_a_verdict_of_the_log():
    assert set(failures.HOPELESS) <= set(VERDICTS)
    # Who does not take an image answers as before, on the old one.
    assert set(failures.HOPELESS) - {failures.IMAGE_REJECTED} <= set(failures.BRICKED)


def test_what_stop_on_takes():
    assert set(failures.BRICKED) <= set(failures.STOPS) <= set(failures.KINDS)
    never = {failures.NOT_SEEN_AGAIN, failures.GIVEN_BACK, failures.BLOCKED, failures.HELD}
    assert set(failures.KINDS) - set(failures.STOPS) == never


def test_the_documentation_has_each_kind_with_its_meaning():
    table = (COLLECTION / "docs" / "report.md").read_text().partition("| kind | meaning |\n|---|---|\n")[2].partition("\n\n")[0]
    assert table.splitlines() == [f"| `{kind.name}` | {kind.meaning} |" for kind in failures.KINDS.values()]


@pytest.mark.parametrize("kind", failures.KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_says_what_it_is_and_what_to_do(kind):
    assert kind.title[0].isupper()
    assert kind.meaning[0].islower()
    assert kind.advice.endswith(".")
