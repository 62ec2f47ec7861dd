# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout decides: who moves, in which waves, when it stops, and how it ended. Pure facts, no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import image as images

UPGRADE = "upgrade"
DOWNGRADE = "downgrade"
ANY = "any"

DONE = "done"
ALREADY = "already"
FAILED = "failed"
BLOCKED = "blocked"
NOT_REACHED = "not_reached"
PLANNED = "planned"

SCHEMA = 1
"""Version of report.json. It grows when a key goes or changes its meaning, not when one is added."""
MOST_FILES = 500
"""Files whose changes the report shows."""

UNSEEN = ""
"""Kind of failure of a phone that could not be observed, whatever the reason: it was not touched, so `stop_on` does not mean it."""
HOPELESS = (
    "data_never_arrives", "image_missing", "image_wrong_case", "image_unreadable", "stuck_loader", "other_root", "server_silent",
)  # fmt: skip
"""What the TFTP server's log says of phones that do not come back by themselves."""
BRICKED = ("never_returned", "refused", "silent", "unreachable", "closed", *HOPELESS)
"""What `bricked` stands for in `stop_on`: reset, and then nothing that answers as a phone does."""
KINDS = (
    "closed", "endless", "error", "in_call", "never_returned", "no_image", "no_prompt", "not_privileged", "not_registered",
    "not_restarted", "refused", "silent", "unknown_command", "unreachable", "wrong_image", "wrong_password", "wrong_phone",
    *HOPELESS,
)  # fmt: skip
"""Kinds of failure, as the dialogue and the log tell them apart."""

Facts = dict[str, Any]
"""JSON-like: what goes through Ansible as it is."""


class RolloutError(ValueError):
    """A rollout that must not start. The message says everything that is in the way; `plan` is as far as it came, or empty."""

    def __init__(self, message: str, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.plan = plan or {}


class Losses(NamedTuple):
    """What a rollout may lose before it stops. `stop_on` has kinds of which one failure is too many."""

    max_fail_percentage: float = 0.0
    max_failed: int | None = None
    min_sample: int = 1
    stop_on: tuple[str, ...] = ()


def losses(max_fail_percentage: object, max_failed: object, min_sample: object, stop_on: object) -> Losses:
    """From what people type. Without a percentage none may fail, unless `max_failed` allows some. Raises RolloutError."""
    absolute = None if max_failed in (None, "") else _at_least("max_failed", max_failed, 0)
    share = 0.0 if absolute is None else 100.0
    if max_fail_percentage not in (None, ""):
        try:
            share = float(str(max_fail_percentage))
        except ValueError:
            share = -1.0
        if not 0 <= share <= 100:
            raise RolloutError(f"max_fail_percentage is {max_fail_percentage!r}: it is a share from 0 to 100")
    kinds: list[str] = []
    for kind in _list(stop_on):
        if kind not in (*KINDS, "bricked"):
            raise RolloutError(f"stop_on: {kind!r} is no kind of failure; there are bricked, {', '.join(KINDS)}")
        kinds += BRICKED if kind == "bricked" else [str(kind)]
    return Losses(share, absolute, _at_least("min_sample", min_sample, 1), tuple(kinds))


def too_many(limits: Losses, failed: Mapping[str, str], total: int, failed_before: int, seen: int) -> str:
    """Why the rollout has to stop, or an empty text. `failed`: name → kind, in a wave of `total` phones; `failed_before`: how many in
    earlier waves; `seen`: how many phones of the rollout have ended, however."""
    for name, kind in failed.items():
        if kind in limits.stop_on:
            return f"{name} failed with {kind}, one of which is too many (stop_on)"
    if not failed or seen < limits.min_sample:
        return ""
    share = 100 * len(failed) / total
    if share > limits.max_fail_percentage:
        return f"{len(failed)} of {total} failed ({share:.3g} %, {limits.max_fail_percentage:g} % may fail)"
    if limits.max_failed is not None and len(failed) + failed_before > limits.max_failed:
        return f"{len(failed) + failed_before} failed in all, {limits.max_failed} may (max_failed)"
    return ""


def at_once(spec: object, fleet: int) -> int:
    """How many phones may be down at once: a count or a percentage of the `fleet` phones that were asked for. 0: as many as like. Raises
    RolloutError."""
    if spec in (None, ""):
        return 0
    try:
        return _wave_size(spec if isinstance(spec, int) else str(spec), fleet)
    except RolloutError:
        raise RolloutError(f"max_unavailable: {spec!r} is neither a count from 1 nor a percentage from 1% to 100%") from None


def pauses(spec: object) -> list[int]:
    """Numbers of the waves to pause after. Raises RolloutError."""
    return [_at_least("pause_after", number, 1) for number in _list(spec)]


def wave_sizes(spec: object, total: int, waves_done: int = 0, moved_before: int = 0) -> list[int]:
    """How many phones each wave takes, for `total` phones. An earlier run may have done some waves of the list, which moved others.

    `spec` is as Ansible's `serial`: a count, a percentage of all phones that move, or a list of these of which the
    last repeats. On a command line it may also be JSON or a list with commas. Raises RolloutError.
    """
    steps = [_wave_size(step, total + moved_before) for step in _wave_list(spec)]
    steps = steps[min(waves_done, len(steps) - 1) :]
    sizes: list[int] = []
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
    in_flight: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    waves_done: int = 0,
    moved_before: int = 0,
) -> Facts:
    """Which phone goes when. Raises RolloutError, which names every phone that cannot go.

    `targets`: name → image; `label` is what to call them. `observed`: name → `reachable`, `image`, `mac`, `reason`. `force` lets a
    phone move against the direction, or without an image in between; nothing lets a signed phone take an unsigned image.
    The phones in `held` shall not move. `in_flight`: name → `before`, of phones that an earlier run has reset to their target and that may
    not be back: they go first. `waves_done`: waves of an earlier run that this one goes on from; they moved `moved_before` phones.

    Returns `image` (the label), `images` (name → target), `phones` (name → `image_before`, `mac`, `status` of already, blocked or
    planned, `observed`, `held`, `reason`, `risks`, `wave`) and `waves` (list of `number`, `phones`, `reset`: those of the wave that may
    be reset or awaited).
    """
    phones = {name: _planned(targets.get(name), seen, direction, force, name in held) for name, seen in observed.items()}
    for name, reset in in_flight.items():
        phone = phones.get(name)
        if phone and phone["status"] == PLANNED:
            phone.update(in_flight=True, image_before=phone["image_before"] or reset.get("before"))
    blocked = {name: phone["reason"] for name, phone in phones.items() if phone["status"] == BLOCKED and not phone["held"]}
    sizes = wave_sizes(waves, sum(phone["status"] == PLANNED for phone in phones.values()), waves_done, moved_before)
    made: Facts = {"image": label, "images": {name: target.name for name, target in targets.items()}, "phones": phones, "waves": []}
    twins = _twins(phones)
    if twins:
        raise RolloutError(f"{twins}: one phone must not be in the run twice. Nothing was changed", made)
    if phones and not any(phone["observed"] or phone["in_flight"] for phone in phones.values()):
        reasons = {name: phone["reason"] for name, phone in phones.items()}
        raise RolloutError(f"none of the phones could be observed, so nothing was changed. {_grouped(reasons)}", made)
    if blocked and (not skip_blocked or len(blocked) == len(phones)):
        way_out = "" if skip_blocked else ". Leave them out with --limit, or go on without them with -e skip_blocked=true"
        raise RolloutError(f"{_count(blocked)} cannot go to {label}, so nothing was changed. {_grouped(blocked)}{way_out}", made)
    going = sorted((name for name, phone in phones.items() if phone["status"] == PLANNED), key=lambda name: not phones[name]["in_flight"])
    start = 0
    for number, size in enumerate(sizes, start=waves_done + 1):
        names = going[start : start + size]
        start += size
        made["waves"].append({"number": number, "phones": names, "reset": [name for name in names if _known(phones[name])]})
        for name in names:
            phones[name]["wave"] = number
    return made


def outline(plan: Mapping[str, Any], *, most: int = 12) -> list[str]:
    """The plan in lines for people: the sum, the waves with at most `most` phones each, and what is risky."""
    phones: Mapping[str, Mapping[str, Any]] = plan["phones"]
    counts = {status: [name for name, phone in phones.items() if phone["status"] == status] for status in (PLANNED, ALREADY, BLOCKED)}
    unobserved = [name for name in counts[PLANNED] if not _known(phones[name])]
    in_flight = [name for name in counts[PLANNED] if phones[name]["in_flight"]]
    lines = [
        f"to {plan['image']}: {_count(counts[PLANNED])} to move in {_count(plan['waves'], 'wave')}"
        f"{f' ({len(unobserved)} of them not observed)' if unobserved else ''}"
        f"{f' ({len(in_flight)} of them reset by an earlier run, and waited for)' if in_flight else ''}, "
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
        return _ended(phone["status"], phone["reason"], before, kind=phone["status"] if phone["status"] == BLOCKED else None)
    unknown = _ended(FAILED, phone["reason"], None, kind=phone.get("kind"))
    if phone["wave"] is None and not _known(phone):
        return unknown
    if phone["wave"] is None or phone["wave"] > reached:
        return _ended(NOT_REACHED, "", before)
    if not _known(phone):
        return unknown
    reset, wait = resets.get(name), waits.get(name)
    if reset is None and wait is None:
        return _ended(NOT_REACHED, "the rollout stopped in its wave, before it was reset", before)
    if reset and reset["already"] and wait is None:
        return _ended(DONE, "had restarted into the image by itself", reset["image"], reset=reset)
    if reset and not reset["sent"] and not (wait and (wait["on_target"] or wait.get("was_back"))):
        why = f"was not reset: {reset['reason']}"
        if wait is None:
            return _ended(FAILED, why, before, kind=reset["kind"])
        end = _ended(FAILED, f"{why}; {wait['reason']}", wait["image"] or before, wait["seconds"], wait["kind"], reset, wait)
        return {**end, "advice": wait.get("advice") or ""}
    if wait is None:
        return _ended(FAILED, "was reset, but the run ended before it was seen again", None, kind="not_seen_again", reset=reset)
    by_itself = "had restarted into the image by itself" if reset and not reset["sent"] else ""
    status = DONE if wait["on_target"] else FAILED
    return {
        **_ended(status, wait["reason"] or by_itself, wait["image"], wait["seconds"], wait["kind"], reset, wait),
        "advice": wait.get("advice") or "",
    }


def earlier(number: int, plan: Mapping[str, Any], resets: Facts, waits: Facts) -> Facts:
    """What became of the waves before this one: how many phones were `seen` to end, and how many of them `failed`."""
    ended = [
        outcome(name, plan, resets, waits, number)["status"] for wave in plan["waves"] if wave["number"] < number for name in wave["phones"]
    ]
    return {"seen": len(ended), "failed": ended.count(FAILED)}


def gate(number: int, plan: Mapping[str, Any], resets: Facts, waits: Facts, limits: Losses, stopped: str = "") -> Facts:
    """Whether the rollout stops after this wave: `stop`, `failed` (name → reason), `done`, `message`, `why`.

    `stopped`: why it stopped within the wave, if it did.
    """
    site_of: Mapping[str, str] = plan.get("site_of", {})
    waves: Sequence[Mapping[str, Any]] = plan["waves"]
    last = waves[-1]["number"]
    (names,) = (wave["phones"] for wave in waves if wave["number"] == number)
    now = {name: outcome(name, plan, resets, waits, number) for name in names}
    failed = {name: end["reason"] for name, end in now.items() if end["status"] == FAILED}
    left = [name for name, end in now.items() if end["status"] == NOT_REACHED]
    kinds = {name: now[name]["kind"] or "" if _known(plan["phones"][name]) else UNSEEN for name in failed}
    before = earlier(number, plan, resets, waits)
    # Nobody waits for a larger sample after the last wave
    seen = before["seen"] + len(now) - len(left) if number < last else limits.min_sample
    why = stopped or too_many(limits, kinds, len(now), before["failed"], seen)
    done = len(now) - len(failed) - len(left)
    message = f"wave {number} of {last}: {done} of {_count(list(now))} on {plan['image']}"
    if failed:
        shown = {f"{name} ({site_of[name]})": reason for name, reason in failed.items()} if len(set(site_of.values())) > 1 else failed
        share = 100 * len(failed) / len(now)
        message += f", {len(failed)} failed ({share:.3g} %, {limits.max_fail_percentage:g} % may fail). {_grouped(shown)}"
    if why:
        rest = f"{_count(left)} of the wave {'was' if len(left) == 1 else 'were'} not reset" if left else ""
        later = "later waves were not touched" if number < last else ""
        untouched = f"{' and '.join(part for part in (rest, later) if part)}; ".capitalize() if rest or later else ""
        message = f"rollout stopped at {message}. Why: {why}. {untouched}see the report, mend, and run it again"
    return {"stop": bool(why), "failed": failed, "done": done, "message": message, "why": why}


def report(
    *,
    image: str,
    names: Sequence[str],
    hosts: Mapping[str, str | None],
    plan: Mapping[str, Any] | None,
    resets: Facts,
    waits: Facts,
    given_back: Facts,
    reached: int,
    stopped: bool,
    error: str,
    check_mode: bool,
    started: str,
    ended: str,
    finished: bool = True,
    stop_reason: str = "",
    paused_after: int | None = None,
    files: Sequence[Mapping[str, str]] = (),
) -> Facts:
    """The content of report.json.

    `hosts`: name → address, of phones that are not in the plan. `given_back`: what was seen of phones taken back after a stop. `error`:
    what ended the run outside of a wave's gate, or empty. `finished`: false while it runs, and if it was interrupted. `files`: `tftp_host`,
    `path` and `diff` of each file changed.
    """
    phones: Facts = {}
    for name in names:
        known = plan["phones"].get(name) if plan else None
        if plan is None or known is None:
            end = _ended(NOT_REACHED, "the run ended before it could be observed", None)
        else:
            end = outcome(name, plan, resets, waits, reached)
            if end["status"] == NOT_REACHED and check_mode and not error:
                end = (
                    _ended(PLANNED, "", known["image_before"])
                    if _known(known)
                    else _ended(FAILED, known["reason"], None, kind=known["kind"])
                )
            elif end["status"] == NOT_REACHED and not end["reason"]:
                end["reason"] = _not_reached(reached, stop_reason, paused_after, error)
        if name in given_back:
            end = _given_back(end, given_back[name])
        phones[name] = {
            "mac": known["mac"] if known else None,
            "host": known["host"] if known else hosts.get(name),
            "wave": known["wave"] if known else None,
            "image_before": known["image_before"] if known else None,
            "tftp_host": plan.get("site_of", {}).get(name) if plan else None,
            "held": bool(known and known["held"]),
            **end,
        }
    return {
        "schema": SCHEMA,
        "rollout": {
            "image": image,
            "started": started,
            "ended": ended,
            "finished": finished,
            "check_mode": check_mode,
            "waves": [_wave_report(wave, reached, phones) for wave in (plan["waves"] if plan else [])],
            "stopped_at": reached if stopped else None,
            "stop_reason": stop_reason or None,
            "paused_after": paused_after,
            "error": error or None,
        },
        "phones": phones,
        "files": list(files[:MOST_FILES]),
        "files_left_out": max(0, len(files) - MOST_FILES),
    }


def _wave_report(wave: Mapping[str, Any], reached: int, phones: Mapping[str, Mapping[str, Any]]) -> Facts:
    times = [phones[name] for name in wave["phones"] if name in phones]
    return {
        "number": wave["number"],
        "phones": wave["phones"],
        "reached": wave["number"] <= reached,
        "started": min((phone["reset_at"] for phone in times if phone["reset_at"]), default=None),
        "ended": max((phone["ended_at"] for phone in times if phone["ended_at"]), default=None),
    }


def _not_reached(reached: int, stop_reason: str, paused_after: int | None, error: str) -> str:
    if paused_after is not None:
        return stop_reason or f"the rollout paused after wave {paused_after}"
    if stop_reason and not error:
        return f"the rollout stopped at wave {reached}: {stop_reason}"
    return "the run ended before its wave" if error else f"the rollout stopped at wave {reached}"


def summary(report: Mapping[str, Any]) -> str:
    """One line: how many phones ended in which status."""
    statuses = [phone["status"] for phone in report["phones"].values()]
    counts = ", ".join(
        f"{statuses.count(status)} {status}" for status in (DONE, ALREADY, PLANNED, FAILED, BLOCKED, NOT_REACHED) if status in statuses
    )
    return f"{report['rollout']['image']}: {counts or 'no phones'}"


def _twins(phones: Mapping[str, Mapping[str, Any]]) -> str:
    """Names that turned out to be one phone, by the MAC that it told."""
    names: dict[str, list[str]] = {}
    for name, phone in phones.items():
        if phone["observed"] and phone["mac"]:
            names.setdefault(phone["mac"], []).append(name)
    return "; ".join(f"{' and '.join(twins)} are one phone, MAC {mac}" for mac, twins in names.items() if len(twins) > 1)


def _planned(target: images.Image | None, seen: Mapping[str, Any], direction: str, force: bool, held: bool) -> Facts:
    phone: Facts = {
        "image_before": seen["image"],
        "host": seen.get("host"),
        "mac": seen["mac"],
        "observed": bool(seen["reachable"]),
        "in_flight": False,
        "held": held,
        "kind": seen.get("kind"),
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
    return {**end, "status": FAILED, "kind": "given_back", "image_after": wait["image"], "reason": f"{so_far}the rollout stopped, {back}"}


def _ended(
    status: str,
    reason: str,
    image_after: str | None,
    seconds: float | None = None,
    kind: str | None = None,
    reset: Mapping[str, Any] | None = None,
    wait: Mapping[str, Any] | None = None,
) -> Facts:
    """`reset` and `wait` are those of the phone, for their times."""
    back = wait.get("at") if wait else reset.get("at") if reset else None
    sent = reset.get("at") if reset and reset["sent"] else back - (seconds or 0.0) if back and wait else None
    return {
        "status": status,
        "kind": kind,
        "reason": reason or "",
        "advice": "",
        "image_after": image_after,
        "seconds": seconds,
        "reset_at": stamp(sent),
        "ended_at": stamp(back),
    }


def stamp(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601, UTC, to the second."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _known(phone: Mapping[str, Any]) -> bool:
    return bool(phone["observed"] or phone.get("in_flight"))


def _at_least(name: str, value: object, least: int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise RolloutError(f"{name} is {value!r}: it is a whole number from {least}")
    return int(text)


def _list(spec: object) -> Sequence[object]:
    """A list, also as JSON or with commas, as on a command line."""
    if isinstance(spec, str):
        try:
            spec = json.loads(spec)
        except ValueError:
            spec = [step.strip().strip("'\"") for step in str(spec).strip("[] ").split(",") if step.strip()]
    if spec is None:
        return []
    return list(spec) if isinstance(spec, (list, tuple)) else [spec]


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


def _count(things: Sequence[Any] | Mapping[str, Any], what: str = "phone") -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _grouped(reasons: Mapping[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in groups.items())
