# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""plan.json: what a dry run says that a rollout would do, for somebody to approve, and for a run that does that and nothing else.

It holds no secret. Its digest tells whether somebody changed it, not who made it: whoever may start runs may write plans as well.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.voip.cisco79xx.plugins.module_utils import _files
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import duration, first_some, one_line, plain, quote
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import limits, names
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover, Run, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import ALREADY, PLANNED, stamp
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan, PlannedWave
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.rules import Rules

NAME = "plan.json"
FORMAT = 1
"""Version of plan.json. It grows when an older collection would misread it."""
LARGEST = 256 * 1024 * 1024
"""Bytes."""
_COLLECTION = Path(__file__).parents[3]
_NOT_PLANNED = ("report_dir", "progress", "plan", "plan_max_age", "phones", "fresh", "take_over", "lease_timeout")
"""Options that say how a run is done, and not what becomes of the phones."""


# The plan of a dry run


def write(folder: Path, handover: Handover, run: Run) -> str:
    """Write plan.json for a dry run that came to its end, and return its digest. Raises OSError."""
    parts = handover.read_all(SitePlan, run.sites)
    body = {
        "format": FORMAT,
        "collection": version(),
        "made": run.started,
        "made_at": stamp(run.started),
        "rules": planned_rules(run.rules),
        "sites": {site: _site(part.plan, part.content, run, site) for site, part in parts.items() if part.plan},
    }
    digest = _digest(body)
    _files.write_whole(folder / NAME, json.dumps({**body, "digest": digest}, indent=2) + "\n")
    return digest


def forget(folder: Path) -> None:
    """Remove the plan of an earlier dry run, so that it is not taken for that of this one. Raises OSError."""
    (folder / NAME).unlink(missing_ok=True)


def plan_content(result: Mapping[str, Any], lines: Sequence[str]) -> dict[str, Any]:
    """What plan.json says of the files of a site: from what a module says that it would change, and the lines that people were told."""
    return {
        "files": result.get("digests", {}),
        "image_files": result.get("image_digests", {}),
        "findings": [one_line(line, 4000) for line in lines],
    }


def planned_rules(rules: Rules) -> dict[str, Any]:
    """The rules by the names of their options, as JSON knows them."""
    options = {**vars(rules), **vars(rules.losses)}
    options.update(
        waves=[str(size) for size in limits.items(rules.waves)], max_unavailable=rules.max_unavailable and str(rules.max_unavailable)
    )
    plan = {option.removeprefix(names.ROLE) for option in names.spec()} - set(_NOT_PLANNED)
    return {name: list(options[name]) if isinstance(options[name], tuple) else options[name] for name in sorted(plan)}


def _site(plan: Plan, content: Mapping[str, Any], run: Run, site: str) -> dict[str, Any]:
    return {
        "root": run.roots[site],
        "phones": {
            name: {
                **_of_inventory(run.logins[name]),
                "mac": phone.mac,
                "status": phone.status,
                "runs": phone.image_before,
                "image": plan.images.get(name),
                "reason": phone.reason,
            }
            for name, phone in plan.phones.items()
        },
        "waves": [{"number": wave.number, "phones": list(wave.phones)} for wave in plan.waves],
        "others": sorted(plan.others),
        **content,
    }


def _of_inventory(login: Mapping[str, Any]) -> dict[str, Any]:
    """What the inventory says of a phone. `login`: as of `_inventory.logins`."""
    return {"address": f"{login['host']}:{login['port']}", "held": login["hold"]}


def _digest(body: Mapping[str, Any]) -> str:
    """Of all of a plan but its digest."""
    text = json.dumps({key: value for key, value in body.items() if key != "digest"}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def version() -> str:
    """The version of this collection; empty if that cannot be known."""
    try:
        manifest = _COLLECTION / "MANIFEST.json"
        if manifest.exists():
            return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
        return str(yaml.safe_load((_COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return ""


# A plan that somebody approved


@dataclass(frozen=True)
class Approved:
    """A plan that a run is to carry out. `made`: Unix seconds."""

    digest: str
    made: float
    rules: Mapping[str, Any]
    sites: Mapping[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """Its rules under the names of the role, for what the run itself was not told."""
        return {names.ROLE + name: value for name, value in self.rules.items()}

    def refuse_other_rules(self, rules: Rules) -> None:
        """Raises RolloutError if the run was told otherwise, or if the plan is older than it may be."""
        age = time.time() - self.made
        most = rules.plan_max_age
        wrong = [f"it is {duration(age)} old, and plan_max_age is {duration(most)}"] if most is not None and age > most else []
        now = planned_rules(rules)
        wrong += [
            f"{name} is {_shown(now[name])}, and was {_shown(self.rules.get(name))}" for name in now if now[name] != self.rules.get(name)
        ]
        _refuse(wrong)

    def refuse_other_inventory(self, run: Run) -> None:
        """Raises RolloutError if the run is for other phones or roots, or finds them elsewhere."""
        wrong: list[str] = []
        there = {name: (site, phone) for site, one in self.sites.items() for name, phone in one["phones"].items()}
        here = {name: site for site, members in run.sites.items() for name in members}
        wrong += [f"{plain(name)} is not in this run" for name in there if name not in here]
        wrong += [f"{plain(name)} is not in the plan" for name in here if name not in there]
        for name in (name for name in here if name in there):
            site, phone = there[name]
            now = {"TFTP host": here[name], **_of_inventory(run.logins[name])}
            was = {"TFTP host": site, **{key: phone[key] for key in ("address", "held")}}
            wrong += [f"{plain(name)}: {key} is {_shown(now[key])}, and was {_shown(was[key])}" for key in now if now[key] != was[key]]
        roots = {site: (run.roots[site], self.sites[site]["root"]) for site in run.sites if site in self.sites}
        wrong += [f"{site}: cisco79xx_tftp_root is {now}, and was {was}" for site, (now, was) in roots.items() if now != was]
        _refuse(wrong)

    def with_its_waves(self, plan: Plan, site: str) -> Plan:
        """The plan with the waves that were approved, of the phones that are still to be moved."""
        phones = dict(plan.phones)
        waves = []
        for wave in self.sites[site]["waves"]:
            members = [name for name in wave["phones"] if name in phones and phones[name].status == PLANNED]
            if members:
                reset = [name for name in members if phones[name].within_reach]
                there = sum(name in phones and phones[name].status == ALREADY for name in wave["phones"])
                waves.append(PlannedWave(wave["number"], members, reset, moved=there))
            phones.update({name: replace(phones[name], wave=wave["number"]) for name in members})
        ours, theirs = ([(wave.number, set(wave.phones), wave.moved) for wave in both] for both in (plan.waves, waves))
        return plan if ours == theirs else replace(plan, phones=phones, waves=waves)

    def refuse_changes(self, plan: Plan, content: Mapping[str, Any], site: str) -> None:
        """Raises RolloutError if phones or files of a site are not as they were. Phones that have reached the image meanwhile are fine."""
        was = self.sites[site]
        wrong: list[str] = []
        for name, phone in plan.phones.items():
            before = was["phones"][name]
            if before["mac"] and phone.mac and before["mac"] != phone.mac:
                wrong.append(f"{name} is another phone (MAC {phone.mac}, and was {before['mac']})")
            elif before["status"] == PLANNED and phone.status == ALREADY:
                continue
            elif (before["status"], before["image"]) != (phone.status, plan.images.get(name)):
                why = f" ({phone.reason})" if phone.reason else ""
                wrong.append(
                    f"{name} is {_as_told(phone.status, plan.images.get(name))}{why}, and was {_as_told(before['status'], before['image'])}"
                )
            elif before["runs"] != phone.image_before:
                now = f"runs {phone.image_before}" if phone.image_before else phone.reason or "runs what is not known"
                wrong.append(f"{name} {now}, and ran {before['runs'] or 'what was not known'}")
        wrong += [f"{mac} is not in the run and would move, and was not seen" for mac in plan.others if mac not in was["others"]]
        if plan.waves or plan.hold or not was["waves"]:
            wrong += _changed_files(was, content)
        _refuse(wrong)


def read(path: str) -> Approved:
    """The plan in that file, as far as it can be judged by itself. Raises RolloutError."""
    shown = quote(path, 200)
    try:
        data, _status = _files.read(path, LARGEST)
    except (OSError, ValueError) as error:
        raise RolloutError(f"plan {shown}: {_files.cause(error) if isinstance(error, OSError) else error}") from None
    try:
        body = json.loads(data or b"")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("format"), int):
        raise RolloutError(f"plan {shown} is no whole plan of a rollout: make one with --check")
    if body["format"] > FORMAT:
        raise RolloutError(
            f"plan {shown} is of a newer collection (format {body['format']}, and this one reads {FORMAT}): make one with this"
        )
    if body.get("digest") != _digest(body):
        raise RolloutError(f"plan {shown} was changed after it was made, or is damaged: its digest is not right; make one with --check")
    if body.get("collection") != version():
        made_by = one_line(body.get("collection"), 40) or "one of an unknown version"
        raise RolloutError(
            f"plan {shown} was made by another version of this collection, {made_by} (this is {version()}): make one with this"
        )
    try:
        approved = Approved(body["digest"], float(body["made"]), {**body["rules"]}, {**body["sites"]})
        if not all(map(_is_whole, approved.sites.values())):
            raise ValueError
    except (LookupError, TypeError, ValueError, AttributeError):
        raise RolloutError(f"plan {shown} lacks what a plan has: make one with --check") from None
    return approved


def _is_whole(site: Mapping[str, Any]) -> bool:
    """Whether a site of a plan has all that is looked at later. Raises LookupError, TypeError, AttributeError if not."""
    keys = {"address", "held", "mac", "status", "runs", "image"}
    return (
        isinstance(site["root"], str)
        and all(keys <= phone.keys() for phone in site["phones"].values())
        and all(isinstance(wave["number"], int) and isinstance(wave["phones"], list) for wave in site["waves"])
        and all(len(pair) == 2 for pair in site["files"].values())
        and isinstance(site["image_files"], dict)
        and isinstance(site["others"], list)
    )


def _changed_files(was: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    """What is otherwise in the files of a site, for people. `was` and `content`: `files` and `image_files` then and now."""
    planned = {name: pair for name, pair in was["files"].items() if pair[0] != pair[1]}
    wrong = []
    for name, (before, after) in content["files"].items():
        if name in planned:
            same = [before, after] == planned[name] or before == after == planned[name][1]
            wrong += [] if same else [f"{plain(name)} has changed"]
        elif before != after:
            wrong.append(f"{plain(name)} would change, and would not have")
    images = content["image_files"]
    if images:  # what an undo or `prepare` would change is told without the files that are as they shall be
        wrong += [f"{plain(name)} has changed" for name in planned if name not in content["files"]]
    wrong += [f"{plain(name)} is gone" for name in was["image_files"] if name not in images]
    return wrong + [f"{plain(name)} has changed" for name in images if images[name] != was["image_files"].get(name, images[name])]


def _as_told(status: str, image: str | None) -> str:
    return f"{status} for {image}" if status == PLANNED else status


def _shown(value: object) -> str:
    return quote(value if isinstance(value, str) else json.dumps(value), 120)


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        text = "; ".join(first_some(list(wrong), 10))
        raise RolloutError(f"this is not what was planned: {text}. Nothing was changed; make a new plan with --check")
