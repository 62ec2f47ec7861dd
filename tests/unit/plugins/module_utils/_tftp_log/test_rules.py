# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of rules, and docs/diagnosis.md, which says what it says."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.rules import ALWAYS, RULES, RUNS, STANDS
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.scene import Thresholds
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import VERDICTS

COLLECTION = Path(__file__).parents[5]


def table(head: str, rows: list[tuple[object, ...]]) -> str:
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    lines += [
        "| " + " | ".join(str(cell).replace("<", "\\<").replace(">", "\\>").replace("|", "\\|") for cell in row) + " |" for row in rows
    ]
    return "\n".join(lines)


PHONES = {ALWAYS: "", RUNS: "the application runs", STANDS: "the application does not run"}


def rules() -> str:
    return table(
        "| verdict | rule | where | what it is seen by | what speaks against it |",
        [(f"`{rule.verdict}`", f"`{rule.name}`", PHONES[rule.when], rule.seen, rule.refuted) for rule in RULES],
    )


def thresholds() -> str:
    module = (COLLECTION / "plugins/modules/tftp_log_info.py").read_text().split('DOCUMENTATION = r"""')[1].split('"""')[0]
    options = yaml.safe_load(module)["options"]["thresholds"]["suboptions"]
    texts = {
        name: " ".join(text if isinstance(text, list) else [text]) for name, text in ((n, o["description"]) for n, o in options.items())
    }
    return table("| name | default | what it is |", [(f"`{name}`", value, texts[name]) for name, value in Thresholds()._asdict().items()])


def test_each_rule_is_named_after_its_verdict():
    assert {rule.verdict for rule in RULES} == set(VERDICTS)
    names = [(rule.name, rule.when) for rule in RULES]
    assert len(set(names)) == len(names)
    assert {rule.when for rule in RULES} == {ALWAYS, RUNS, STANDS}
    assert RULES[-1].when == STANDS and not RULES[-1].refuted


def test_documentation():
    page = (COLLECTION / "docs" / "diagnosis.md").read_text()
    for right in (rules(), thresholds()):
        assert right in page, f"docs/diagnosis.md has to say:\n{right}"
