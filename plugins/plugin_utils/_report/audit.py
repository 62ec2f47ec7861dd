# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tftp_root_info says of a TFTP root, as a short table for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count

MOST = 20
"""Lines of one part of the table."""

Row = tuple[str, ...]


def table(host: str, root: Mapping[str, Any]) -> str:
    """The table of one TFTP host's root, or why that could not be read. `root`: result of tftp_root_info."""
    if "summary" not in root:
        return f"{host}: {root.get('msg') or 'nothing was found out'}"
    parts: dict[str, list[Row]] = {
        "default": [_default(root["default"])],
        "OS79XX.TXT": [_os79xx(root["os79xx"])],
        "images": [
            (name, "whole" if image["whole"] else "not whole", f"named by {count(image['named_by'], 'file')}")
            for name, image in root["images"].items()
        ],
        "phones": _phones(root["summary"]),
        "telnet_level": [
            (level, count(phones), "" if level == "2" else "reset needs 2") for level, phones in root["summary"]["telnet_levels"].items()
        ],
        "loads": [(load["file"], load["load"], "fights image_version" if load["fights"] else "") for load in root["loads"]],
        "other files": [_others(root)],
        "duplicates": [
            (setting["file"], setting["key"], f"lines {', '.join(map(str, setting['lines']))}") for setting in root["duplicates"]
        ],
        "advice": [(text,) for text in root["advice"]],
        "faults": [(_place(fault), fault["text"]) for fault in root["faults"]],
    }
    width = max(map(len, parts))
    lines = [f"{host}: {root['root']}"]
    for title, rows in parts.items():
        texts = _aligned(rows) or ["none"]
        lines += [f"  {'' if number else title:{width}}  {text}" for number, text in enumerate(texts)]
    return "\n".join(lines)


def _default(default: Mapping[str, Any] | None) -> Row:
    if default is None:
        return ("none",)
    level = default["telnet_level"]
    return (
        ", ".join(
            (
                default["image"] or "no image",
                "no telnet_level" if level is None else f"telnet_level {level}",
                "phone_password set" if default["phone_password_set"] else "no phone_password",
            )
        ),
    )


def _os79xx(os79xx: Mapping[str, Any]) -> Row:
    return (os79xx["name"] or ("nothing in it that can be read" if os79xx["present"] else "missing"),)


def _phones(summary: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = [(f"{summary['phones']}, {summary['overrides']} of them with an image in a file of their own",)]
    by_image = {**summary["by_image"], **({"no image": summary["without_image"]} if summary["without_image"] else {})}
    return rows + [(f"{image}: {phones}",) for image, phones in sorted(by_image.items(), key=lambda item: -item[1])]


def _others(root: Mapping[str, Any]) -> Row:
    files = root["files"]
    present = {
        files["dialplan_name"]: files["dialplan"],
        "RINGLIST.DAT": files["ringlist"],
        "syncinfo.xml": root["syncinfo"]["present"],
    }
    return (", ".join(name if there else f"no {name}" for name, there in present.items()),)


def _place(fault: Mapping[str, Any]) -> str:
    return ":".join(str(fault[part]) for part in ("file", "line", "column") if fault[part] is not None)


def _aligned(rows: Iterable[Row]) -> list[str]:
    rows = list(rows)
    more = len(rows) - MOST
    shown = rows[:MOST]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    return [*lines, f"and {more} more"] if more > 0 else lines
