# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes docs/docsite/rst of docs/*.md, as antsibull-docs takes reStructuredText alone (its issue 342). Nothing of it is kept in git.

pandoc does the work. Here links from guide to guide become references, and each heading gets the label that antsibull-docs asks for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypandoc

DOCS = Path(__file__).parents[1]
OUT = DOCS / "docsite" / "rst"
LABEL = "ansible_collections.voip.cisco79xx.docsite."

Node = dict[str, Any]
"""A piece of a document in pandoc's JSON: its kind (t) and content (c)."""


def changed(piece: Any, change: Callable[[Node], list[Node]]) -> Any:
    """The document with each node in it replaced, innermost first."""
    if isinstance(piece, list):
        made: list[Any] = []
        for one in piece:
            done = changed(one, change)
            made += change(done) if isinstance(done, dict) and "t" in done else [done]
        return made
    if isinstance(piece, dict):
        return {key: changed(value, change) for key, value in piece.items()}
    return piece


def words(inlines: list[Node]) -> str:
    return "".join(" " if one["t"] in ("Space", "SoftBreak") else one["c"] if one["t"] == "Str" else one["c"][1] for one in inlines)


def guide(source: Path) -> str:
    """The guide as reStructuredText."""

    def change(node: Node) -> list[Node]:
        if node["t"] in ("RawBlock", "RawInline"):  # HTML: comments
            return []
        if node["t"] == "Header":
            level, (identifier, _classes, _keys), inlines = node["c"]
            label = f"{LABEL}{source.stem}" + ("" if level == 1 else f".{identifier}")
            return [{"t": "Header", "c": [level, [label, [], []], inlines]}]
        if node["t"] == "Link":
            _attributes, inlines, (target, _title) = node["c"]
            name, _hash, heading = target.partition("#")
            if ":" in target:
                return [node]
            path = source.parent / name if name else source
            if path.parent == DOCS and path.suffix == ".md":
                label = f"{LABEL}{path.stem}" + (f".{heading}" if heading else "")
                return [{"t": "RawInline", "c": ["rst", f":ref:`{words(inlines)} <{label}>`"]}]
            return list(inlines)  # a file of the checkout that is no guide
        return [node]

    document = json.loads(pypandoc.convert_file(str(source), "json", format="gfm"))
    text: str = pypandoc.convert_text(json.dumps(changed(document, change)), "rst", format="json", extra_args=["--wrap=none"])
    return text


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for source in sorted(DOCS.glob("*.md")):
        header = "..\n" + "".join(f"  {line}\n" for line in source.read_text(encoding="utf-8").split("\n")[1:4])
        (OUT / f"{source.stem}.rst").write_text(f"{header}\n{guide(source)}", encoding="utf-8")


if __name__ == "__main__":
    main()
