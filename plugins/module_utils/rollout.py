# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout decides: who moves, in which waves, when it stops, and how it ended. Pure facts, no I/O."""

from __future__ import annotations

import json
import re
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Union

from . import image as images

UPGRADE = "upgrade"
DOWNGRADE = "downgrade"
ANY = "any"

DONE = "done"
ALREADY = "already"
FAILED = "failed"
BLOCKED = "blocked"
NOT_REACHED = "not_reached"
PLANNED = "planned"

Facts = Dict[str, Any]
"""JSON-like: what goes through Ansible as it is."""


class RolloutError(ValueError):
    """A rollout that must not start. The message says everything that is in the way; `plan` is as far as it came, or empty."""

    def __init__(self, message: str, plan: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.plan = plan or {}


def wave_sizes(spec: object, total: int) -> List[int]:
    """How many phones each wave takes, for `total` phones.

    `spec` is as Ansible's `serial`: a count, a percentage of all phones that move, or a list of these of which the
    last repeats. On a command line it may also be JSON or a list with commas. Raises RolloutError.
    """
    steps = [_wave_size(step, total) for step in _wave_list(spec)]
    sizes: List[int] = []
    left = total
    while left > 0:
        size = min(left, steps[min(len(sizes), len(steps) - 1)])
        sizes.append(size)
        left -= size
    return sizes


def plan(
    targets: Mapping[str, images.Image],
    observed: Mapping[str, Mapping[str, Any]],
    *,
    label: str,
    direction: str = ANY,
    waves: object = ("100%",),
    force: bool = False,
    skip_blocked: bool = False,
    held: Collection[str] = (),
) -> Facts:
    """Which phone goes when. Raises RolloutError, which names every phone that cannot go.

    `targets`: name → image; `label` is what to call them. `observed`: name → `reachable`, `image`, `mac`, `reason`. `force` lets a
    phone move against the direction, or without an image in between; nothing lets a signed phone take an unsigned image.
    The phones in `held` shall not move.

    Returns `image` (the label), `images` (name → target), `phones` (name → `image_before`, `mac`, `status` of already, blocked or
    planned, `observed`, `held`, `reason`, `risks`, `wave`) and `waves` (list of `number`, `phones`, `reset`: those of the wave that may
    be reset).
    """
    phones = {name: _planned(targets.get(name), seen, direction, force, name in held) for name, seen in observed.items()}
    blocked = {name: phone["reason"] for name, phone in phones.items() if phone["status"] == BLOCKED and not phone["held"]}
    sizes = wave_sizes(waves, sum(phone["status"] == PLANNED for phone in phones.values()))
    made: Facts = {"image": label, "images": {name: target.name for name, target in targets.items()}, "phones": phones, "waves": []}
    twins = _twins(phones)
    if twins:
        raise RolloutError(f"{twins}: one phone must not be in the run twice. Nothing was changed", made)
    if phones and not any(phone["observed"] for phone in phones.values()):
        reasons = {name: phone["reason"] for name, phone in phones.items()}
        raise RolloutError(f"none of the phones could be observed, so nothing was changed. {_grouped(reasons)}", made)
    if blocked and (not skip_blocked or len(blocked) == len(phones)):
        way_out = "" if skip_blocked else ". Leave them out with --limit, or go on without them with -e skip_blocked=true"
        raise RolloutError(f"{_count(blocked)} cannot go to {label}, so nothing was changed. {_grouped(blocked)}{way_out}", made)
    going = [name for name, phone in phones.items() if phone["status"] == PLANNED]
    start = 0
    for number, size in enumerate(sizes, start=1):
        names = going[start : start + size]
        start += size
        made["waves"].append({"number": number, "phones": names, "reset": [name for name in names if phones[name]["observed"]]})
        for name in names:
            phones[name]["wave"] = number
    return made


def outline(plan: Mapping[str, Any], *, most: int = 12) -> List[str]:
    """The plan in lines for people: the sum, the waves with at most `most` phones each, and what is risky."""
    phones: Mapping[str, Mapping[str, Any]] = plan["phones"]
    counts = {status: [name for name, phone in phones.items() if phone["status"] == status] for status in (PLANNED, ALREADY, BLOCKED)}
    unobserved = [name for name in counts[PLANNED] if not phones[name]["observed"]]
    lines = [
        f"to {plan['image']}: {_count(counts[PLANNED])} to move in {_count(plan['waves'], 'wave')}"
        f"{f' ({len(unobserved)} of them not observed)' if unobserved else ''}, "
        f"{len(counts[ALREADY])} already there, {len(counts[BLOCKED])} blocked"
    ]
    for wave in plan["waves"]:
        shown = [f"{name} ({phones[name]['image_before'] or 'not observed'})" for name in wave["phones"][:most]]
        more = len(wave["phones"]) - len(shown)
        lines.append(f"wave {wave['number']}: {', '.join(shown)}{f' and {more} more' if more else ''}")
    lines += [f"not observed: {name}: {phones[name]['reason']}" for name in unobserved[:most]]
    lines += [f"blocked: {name}: {phones[name]['reason']}" for name in counts[BLOCKED][:most]]
    lines += sorted({f"risk: {risk}" for name in counts[PLANNED] for risk in phones[name]["risks"]})
    return lines


def outcome(
    name: str, plan: Mapping[str, Any], resets: Mapping[str, Mapping[str, Any]], waits: Mapping[str, Mapping[str, Any]], reached: int
) -> Facts:
    """How one phone ended: `status`, `reason`, `image_after`, `seconds`. `reached` is the number of the last wave that began."""
    phone = plan["phones"][name]
    before = phone["image_before"]
    if phone["status"] in (ALREADY, BLOCKED):
        return _ended(phone["status"], phone["reason"], before)
    if phone["wave"] is None and not phone["observed"]:
        return _ended(FAILED, phone["reason"], None)
    if phone["wave"] is None or phone["wave"] > reached:
        return _ended(NOT_REACHED, "", before)
    if not phone["observed"]:
        return _ended(FAILED, phone["reason"], None)
    reset = resets.get(name)
    if reset is None:
        return _ended(FAILED, "its wave ended before it was reset", before)
    if reset["already"]:
        return _ended(DONE, "had restarted into the image by itself", reset["image"])
    wait = waits.get(name)
    if not reset["sent"]:
        if wait and wait["on_target"]:
            return _ended(DONE, "had restarted into the image by itself", wait["image"], wait["seconds"])
        return _ended(FAILED, f"was not reset: {reset['reason']}", before)
    if wait is None:
        return _ended(FAILED, "was reset, but its wave ended before it was seen again", None)
    if wait["on_target"]:
        return _ended(DONE, "", wait["image"], wait["seconds"])
    reason = wait["reason"]
    if reset["deferred"] and wait["kind"] == "not_restarted":
        reason = "is in a call: it restarts by itself when the call ends, and had not within the wait"
    return _ended(FAILED, reason, wait["image"], wait["seconds"])


def gate(number: int, plan: Mapping[str, Any], resets: Facts, waits: Facts, max_fail_percentage: float) -> Facts:
    """Whether the rollout stops after this wave: `stop`, `failed` (name → reason), `done`, `message`."""
    site_of: Mapping[str, str] = plan.get("site_of", {})
    names: Sequence[str] = plan["waves"][number - 1]["phones"]
    ended = {name: outcome(name, plan, resets, waits, number) for name in names}
    failed = {name: end["reason"] for name, end in ended.items() if end["status"] == FAILED}
    share = 100 * len(failed) / len(names) if names else 0
    stop = bool(failed) and share > max_fail_percentage
    message = f"wave {number} of {len(plan['waves'])}: {len(names) - len(failed)} of {_count(names)} on {plan['image']}"
    if failed:
        shown = {f"{name} ({site_of[name]})": reason for name, reason in failed.items()} if len(set(site_of.values())) > 1 else failed
        message += f", {len(failed)} failed ({share:.3g} %, {max_fail_percentage:g} % may fail). {_grouped(shown)}"
    if stop:
        later = "later waves were not touched; " if number < len(plan["waves"]) else ""
        message = f"rollout stopped at {message}. {later.capitalize()}see the report, mend, and run it again"
    return {"stop": stop, "failed": failed, "done": len(names) - len(failed), "message": message}


def report(
    *,
    image: str,
    names: Sequence[str],
    hosts: Mapping[str, Optional[str]],
    plan: Optional[Mapping[str, Any]],
    resets: Facts,
    waits: Facts,
    given_back: Facts,
    reached: int,
    stopped: bool,
    error: str,
    check_mode: bool,
    started: str,
    ended: str,
) -> Facts:
    """The content of report.json. `hosts`: name → address. `given_back`: what was seen of phones taken back after a stop. `error`:
    what ended the run outside of a wave's gate, or empty."""
    phones: Facts = {}
    for name in names:
        known = plan["phones"].get(name) if plan else None
        if plan is None or known is None:
            end = _ended(NOT_REACHED, "the run ended before it could be observed", None)
        else:
            end = outcome(name, plan, resets, waits, reached)
            if end["status"] == NOT_REACHED and check_mode and not error:
                end = _ended(PLANNED, "", known["image_before"]) if known["observed"] else _ended(FAILED, known["reason"], None)
            elif end["status"] == NOT_REACHED:
                end["reason"] = "the run ended before its wave" if error else f"the rollout stopped at wave {reached}"
        if name in given_back:
            end = _given_back(end, given_back[name])
        phones[name] = {
            "mac": known["mac"] if known else None,
            "host": hosts.get(name),
            "wave": known["wave"] if known else None,
            "image_before": known["image_before"] if known else None,
            "tftp_host": plan.get("site_of", {}).get(name) if plan else None,
            "held": bool(known and known["held"]),
            **end,
        }
    return {
        "rollout": {
            "image": image,
            "started": started,
            "ended": ended,
            "check_mode": check_mode,
            "waves": [
                {"number": wave["number"], "phones": wave["phones"], "reached": wave["number"] <= reached}
                for wave in (plan["waves"] if plan else [])
            ],
            "stopped_at": reached if stopped else None,
            "error": error or None,
        },
        "phones": phones,
    }


def summary(report: Mapping[str, Any]) -> str:
    """One line: how many phones ended in which status."""
    statuses = [phone["status"] for phone in report["phones"].values()]
    counts = ", ".join(
        f"{statuses.count(status)} {status}" for status in (DONE, ALREADY, PLANNED, FAILED, BLOCKED, NOT_REACHED) if status in statuses
    )
    return f"{report['rollout']['image']}: {counts or 'no phones'}"


def _twins(phones: Mapping[str, Mapping[str, Any]]) -> str:
    """Names that turned out to be one phone, by the MAC that it told."""
    names: Dict[str, List[str]] = {}
    for name, phone in phones.items():
        if phone["observed"] and phone["mac"]:
            names.setdefault(phone["mac"], []).append(name)
    return "; ".join(f"{' and '.join(twins)} are one phone, MAC {mac}" for mac, twins in names.items() if len(twins) > 1)


def _planned(target: Optional[images.Image], seen: Mapping[str, Any], direction: str, force: bool, held: bool) -> Facts:
    phone: Facts = {
        "image_before": seen["image"],
        "mac": seen["mac"],
        "observed": bool(seen["reachable"]),
        "held": held,
        "status": PLANNED,
        "reason": "",
        "risks": [],
        "wave": None,
    }
    if held:
        return {**phone, "status": BLOCKED, "reason": f"held on {seen['image']}" if seen["reachable"] else seen["reason"]}
    if not seen["reachable"]:
        phone["reason"] = seen["reason"]
        return phone
    current = images.recognise(seen["image"])
    if target is None:
        return {**phone, "status": BLOCKED, "reason": "the files name no image for it"}
    if current is None:
        return {**phone, "status": BLOCKED, "reason": f"runs {seen['image']!r}, which is no image name that is known"}
    if current.same_as(target):
        return {**phone, "status": ALREADY}
    move = images.move(current, target)
    phone["risks"] = list(move.risks)
    if move.blocked and not (force and move.hops):
        return {**phone, "status": BLOCKED, "reason": move.blocked}
    against = {DOWNGRADE: current.version < target.version, UPGRADE: current.version > target.version}.get(direction, False)
    if against and not force:
        than, other = ("older", UPGRADE) if direction == DOWNGRADE else ("newer", DOWNGRADE)
        return {**phone, "status": BLOCKED, "reason": f"runs {current}, {than} than {target}: use {other}, or -e force=true"}
    return phone


def _given_back(end: Facts, wait: Mapping[str, Any]) -> Facts:
    """A phone that is taken back is not on the image, however well it went there."""
    so_far = f"{end['reason']}; " if end["reason"] else ""
    back = f"taken back to {wait['image']}" if wait["on_target"] else f"could not be taken back: {wait['reason']}"
    return {**end, "status": FAILED, "image_after": wait["image"], "reason": f"{so_far}the rollout stopped, {back}"}


def _ended(status: str, reason: str, image_after: Optional[str], seconds: Optional[float] = None) -> Facts:
    return {"status": status, "reason": reason, "image_after": image_after, "seconds": seconds}


def _wave_list(spec: object) -> Sequence[object]:
    if isinstance(spec, str):
        try:
            spec = json.loads(spec)
        except ValueError:
            spec = [step.strip() for step in str(spec).split(",")]
    if isinstance(spec, (list, tuple)) and spec:
        return spec
    if isinstance(spec, (int, float, str)):
        return [spec]
    raise _no_waves(spec)


def _wave_size(step: object, total: int) -> int:
    match = re.fullmatch(r"([0-9]{1,9})(%?)", str(step)) if isinstance(step, (int, str)) and not isinstance(step, bool) else None
    if not match:
        raise _no_waves(step)
    number = int(match.group(1))
    if number < 1 or (match.group(2) and number > 100):
        raise _no_waves(step)
    return max(1, total * number // 100) if match.group(2) else number


def _no_waves(what: object) -> RolloutError:
    return RolloutError(f'waves: {what!r} is no wave; give counts from 1 or percentages from 1% to 100%, such as [1, "10%", "100%"]')


def _count(things: Union[Sequence[Any], Mapping[str, Any]], what: str = "phone") -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _grouped(reasons: Mapping[str, str]) -> str:
    groups: Dict[str, List[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in groups.items())
