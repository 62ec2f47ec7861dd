# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the model of the phones says of a plan: who cannot arrive, who may not, whether there is a way back, and which steps lead there.

What phones may do is as the module image_version returns it in `boots`: phones (`macs`) that find the same and may not end on the image,
and all `ends` that are possible for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.boot import LOOPS, RUNS, STAYS, STUCK
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.rules import RULES, SURE
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import BLOCKED, PLANNED
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan

Group = Mapping[str, Any]

_ENDS = {STAYS: "stay on what it runs", LOOPS: "restart again and again", STUCK: "wait in its loader, without an application"}


def hopeless(plan: Plan, boots: Sequence[Group]) -> dict[str, str]:
    """Name → why, of each phone that cannot end on its image, whatever it does where a rule is not sure."""
    return {
        name: f"would {_said(group, plan.images[name])}"
        for group, names in _groups(plan, boots)
        for name in names
        if plan.phones[name].status == PLANNED and plan.phones[name].observed and len(_bad(group, plan.images[name])) == len(group["ends"])
    }


def lines(plan: Plan, found: Mapping[str, Any]) -> list[str]:
    """For people. `found`: the result of image_version for this plan, or nothing where there is nothing to move."""
    risks: dict[str, list[str]] = {}
    for group, names in _groups(plan, found.get("boots", ())):
        for name in names:
            if plan.phones[name].image_before:  # of the others it is told that they could not be observed
                risks.setdefault(_said(group, plan.images[name]), []).append(name)
    told = [f"risk: {count(names)} ({list_some(names, 12)}) may {why}" for why, names in risks.items()]
    return told + [_way_back(back) for back in found.get("way_back", ()) if back["image"] != plan.image]


def steps(plan: Plan, in_root: Mapping[str, Sequence[str]]) -> list[str]:
    """The commands for each step of the phones that must not leave one out. `in_root`: image → its files that the TFTP root lacks, of each
    image of which it has some."""
    ways: dict[tuple[images.Hop, ...], list[str]] = {}
    for name, phone in plan.phones.items():
        if phone.status == BLOCKED and phone.way:
            ways.setdefault(tuple(phone.way), []).append(name)
    told = []
    for way, names in ways.items():
        limit = "" if len(names) == len(plan.phones) else f" --limit {','.join(names)} -e scope=wave"
        told.append(f"steps to {way[-1]} for {count(names)} ({list_some(names, 12)}), {_source(way)}:")
        for hop in way:
            image = _best(hop, in_root)
            lacking = in_root.get(image.name, image.files)
            note = f"missing in the TFTP root: {', '.join(lacking)}" if lacking else "in the TFTP root"
            other = "; any image of its major version will do" if lacking and hop.any_of_generation else ""
            told.append(f"  ansible-playbook voip.cisco79xx.upgrade -i … -e image={image}{limit}  # {note}{other}")
    return told


def _groups(plan: Plan, boots: Sequence[Group]) -> Iterator[tuple[Group, list[str]]]:
    """Each group with the names of its phones that are in the plan."""
    names = {phone.mac: name for name, phone in plan.phones.items() if phone.mac}
    for group in boots:
        yield group, [names[mac] for mac in group["macs"] if mac in names]


def _bad(group: Group, target: str) -> list[Mapping[str, Any]]:
    """The ends on another image, or on none."""
    wanted = images.recognise(target)
    found = ((end, images.recognise(end["image"] or "")) for end in group["ends"])
    return [end for end, image in found if not (image and wanted and image.same_as(wanted))]


def _said(group: Group, target: str) -> str:
    """What phones may do instead of going to their image, and the rules by which: those that are not sure, if there are such."""
    bad = _bad(group, target)
    ends = dict.fromkeys(f"go to {end['image']}" if end["end"] == RUNS else _ENDS[end["end"]] for end in bad)
    rules = dict.fromkeys(rule for end in bad for rule in end["rules"] if RULES[rule].sureness != SURE)
    texts = [f"{RULES[rule].text} ({RULES[rule].sureness})" for rule in rules or [end["rules"][-1] for end in bad[:1]]]
    return f"{' or '.join(ends)}. {' '.join(texts)}"


def _way_back(back: Mapping[str, Any]) -> str:
    lacking = f"not open: {', '.join(back['missing'])} missing in the TFTP root"
    way = (
        lacking if back["missing"] else {"yes": "open", "no": f"not open: {back['why']}"}.get(back["returns"], f"not known: {back['why']}")
    )
    return f"the way back: to {back['image']} ({count(back['phones'])}): {way}"


def _source(way: Sequence[images.Hop]) -> str:
    rules = dict.fromkeys(RULES[hop.rule] for hop in way)
    return "; ".join(f"{rule.sureness}: {rule.source}" for rule in rules)


def _best(hop: images.Hop, in_root: Mapping[str, Sequence[str]]) -> images.Image:
    """The image of the hop, or a later one of its major version that the root has whole, where any will do."""
    whole = [image for name, lacking in in_root.items() if not lacking and (image := images.recognise(name))]
    same = [image for image in whole if image.protocol == images.SIP and image.generation == hop.image.generation]
    return max(same, key=lambda image: image.version) if hop.any_of_generation and same else hop.image
