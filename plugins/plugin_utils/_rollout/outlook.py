# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be known beforehand of a plan: who would not get to the image, or may not, whether there is a way back, and which steps to take.

What phones would do is as the module image_version returns it in `boots`, `way_back` and `advice`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.boot import LOOPS, STAYS, STUCK
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.rules import RULES
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import BLOCKED, PLANNED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan

Group = Mapping[str, Any]

_ENDS = {STAYS: "keep what runs now", LOOPS: "restart again and again", STUCK: "hang in the loader without an application"}


def hopeless(plan: Plan, boots: Sequence[Group]) -> dict[str, str]:
    """Name → why, of each phone that would not get to its image, whatever it does where that is not sure."""
    return {
        name: f"would not get there: {group['why']}"
        for group, names in _groups(plan, boots)
        for name in names
        if plan.phones[name].status == PLANNED and not group["arrives"]
    }


def outline(plan: Plan, found: Mapping[str, Any]) -> list[Line]:
    """For people. `found`: the result of image_version for this plan, or nothing where there is nothing to move."""
    lines: list[Line] = []
    for group, names in _groups(plan, found.get("boots", ())):
        ends = dict.fromkeys(_ENDS.get(end["end"], f"go to {end['image']}") for end in group["ends"] if end["image"] != plan.image)
        may = f"may not get to {plan.image}, but {' or '.join(ends)}"
        lines.append(("risk", f"{count(names)} ({list_some(names, 3)}) {may}: {group['why']}"))
    return [*lines, *(("note", text) for text in found.get("advice", ())), *_way_back(found.get("way_back", ()))]


def steps(plan: Plan, in_root: Mapping[str, Sequence[str]]) -> list[str]:
    """The commands for each step of the phones that must not leave one out. `in_root`: image → its files that the TFTP root lacks, of each
    image of which it has some."""
    ways: dict[Sequence[images.Hop], list[str]] = {}
    for name, phone in plan.phones.items():
        if phone.status == BLOCKED and phone.way:
            ways.setdefault(phone.way, []).append(name)
    lines = []
    for way, names in ways.items():
        limit = "" if len(names) == len(plan.phones) else f" --limit {','.join(names)} -e scope=wave"
        known = RULES[way[-1].rule]
        lines.append(f"steps to {way[-1]} for {count(names)} ({list_some(names, 12)}), {known.sureness}: {known.source}:")
        for hop in way:
            image = _best(hop, in_root)
            lacking = in_root.get(image.name, image.files)
            note = f"missing in the TFTP root: {', '.join(lacking)}" if lacking else "in the TFTP root"
            other = f" (any image of {image.generation}.x will do)" if lacking and hop.any_of_generation else ""
            lines.append(f"  ansible-playbook voip.cisco79xx.upgrade -i … -e image={image}{limit}  # {note}{other}")
    return lines


def _groups(plan: Plan, boots: Sequence[Group]) -> Iterator[tuple[Group, list[str]]]:
    """Each group with the names of its phones that shall end on the image, but for those not observed, of which that is told."""
    names = {phone.mac: name for name, phone in plan.phones.items() if phone.observed and phone.status != BLOCKED}
    for group in boots:
        ours = [names[mac] for mac in group["macs"] if mac in names]
        if ours:
            yield group, ours


def _way_back(images: Sequence[Mapping[str, Any]]) -> list[Line]:
    """One line for all images of which the same is known."""
    groups: dict[str, list[str]] = {}
    for back in images:
        state = {"yes": "open", "no": "not open"}.get(back["returns"], "not known")
        why = f"{', '.join(back['missing'])} missing in the TFTP root" if back["missing"] else back["why"]
        known = state if state == "open" else f"{state}: {why}"
        groups.setdefault(known, []).append(f"{back['image']} ({count(back['phones'])})")
    return [("way back", f"to {list_some(group, 6)}: {known}") for known, group in groups.items()]


def _best(hop: images.Hop, in_root: Mapping[str, Sequence[str]]) -> images.Image:
    """The image of that step or, where any of its major version will do, the newest of them that the root has."""
    known = [image for name, lacking in in_root.items() if not lacking and (image := images.recognise(name))]
    same = [image for image in known if image.protocol == images.SIP and image.generation == hop.image.generation]
    return max(same, key=lambda image: image.version) if hop.any_of_generation and same else hop.image
