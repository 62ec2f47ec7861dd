# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tftp_root_info says of a TFTP root, as a short table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, first_some, one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils import _tftp_server
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import columns
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.begin import Findings

WIDTH = len("telnet_level")
MOST = 20
"""Lines of one part of the table."""


def inventory_table(found: Findings) -> str:
    """What is wrong with the inventory. `found`: of `_rollout.begin.findings`."""
    parts = [("phones", [str(found.phones)]), *(("advice", found.advice),) * bool(found.advice), ("faults", found.faults or ["none"])]
    lines = ["inventory:"]
    for title, texts in parts:
        shown = [one_line(text, 1000) for text in first_some(list(texts), MOST)]
        lines += [f"  {'' if number else title:{WIDTH}}  {text}" for number, text in enumerate(shown)]
    return "\n".join(lines)


def table(host: str, root: Mapping[str, Any], unmended: str = "") -> str:
    """The table of one TFTP host's root, or why that could not be read.

    `root`: result of tftp_root_info; `unmended`: why what a killed run left could not be mended.
    """
    if "summary" not in root:
        return f"{host}: {one_line(root.get('msg') or 'nothing was found out', 1000)}"
    summary, os79xx = root["summary"], root["os79xx"]
    parts: dict[str, list[Sequence[str]]] = {
        "default": [[_default(root["default"])]],
        "OS79XX.TXT": [[os79xx["name"] or ("nothing in it that can be read" if os79xx["present"] else "missing")]],
        "images": [
            [name, "whole" if image["whole"] else "not whole", f"named by {count(image['named_by'], 'file')}"]
            for name, image in root["images"].items()
        ],
        "phones": [[text] for text in _phones(summary)],
        "telnet_level": [
            [level, count(phones), "" if level == "2" else "reset needs 2"] for level, phones in summary["telnet_levels"].items()
        ],
        "loads": [[load["file"], load["load"], "fights image_version" if load["fights"] else ""] for load in root["loads"]],
        "TFTP server": [[line] for line in _tftp_server.lines(root["served"])],
        "other files": [[_others(root)]],
        "duplicates": [[one["file"], one["key"], f"lines {', '.join(map(str, one['lines']))}"] for one in root["duplicates"]],
        "advice": [[text] for text in root["advice"]],
        "not mended": [[unmended]] if unmended else [],
        "faults": [
            [":".join(str(fault[part]) for part in ("file", "line", "column") if fault[part] is not None), fault["text"]]
            for fault in root["faults"]
        ],
    }
    lines = [f"{host}: {one_line(root['root'], 1000)}"]
    for title, rows in parts.items():
        if title == "not mended" and not rows:
            continue
        texts = columns([[one_line(cell, 1000) for cell in row] for row in rows[:MOST]]) or ["none"]
        texts += [f"and {len(rows) - MOST} more"] if len(rows) > MOST else []
        lines += [f"  {'' if number else title:{WIDTH}}  {text}" for number, text in enumerate(texts)]
    return "\n".join(lines)


def _default(default: Mapping[str, Any] | None) -> str:
    if default is None:
        return "none"
    level = "no telnet_level" if default["telnet_level"] is None else f"telnet_level {default['telnet_level']}"
    password = "phone_password set" if default["phone_password_set"] else "no phone_password"
    return f"{default['image'] or 'no image'}, {level}, {password}"


def _phones(summary: Mapping[str, Any]) -> list[str]:
    by_image = {**summary["by_image"], **({"no image": summary["without_image"]} if summary["without_image"] else {})}
    return [
        f"{summary['phones']}, {summary['overrides']} of them with an image in a file of their own",
        *(f"{image}: {phones}" for image, phones in sorted(by_image.items(), key=lambda item: -item[1])),
    ]


def _others(root: Mapping[str, Any]) -> str:
    files = root["files"]
    present = {
        files["dialplan_name"]: files["dialplan"],
        "RINGLIST.DAT": files["ringlist"],
        "syncinfo.xml": root["syncinfo"]["present"],
    }
    return ", ".join(name if there else f"no {name}" for name, there in present.items())
