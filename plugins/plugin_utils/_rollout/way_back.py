# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which run a rollback takes back, and what it tells people beforehand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import Image, recognise
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.labelled import Line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look, Run
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.plan import Plan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation

MOST_RUNS = 10


def to_undo(run: Run, looks: Mapping[str, Look], site: str) -> dict[str, str]:
    """What to undo at that site, as for `TftpHost.put_back`: what was asked for, or the last run of all sites, which not every one
    of them may have been part of. If its files are back already, phones may be missing: then the undo goes on with them.

    Raises RolloutError if no such run is known.
    """
    began: dict[str, str] = {}
    for found in looks.values():
        for one in found.runs:
            began[one["run"]] = min(one["first"], began.get(one["run"], one["first"]))
    newest_first = sorted(began, key=began.__getitem__, reverse=True)
    if not newest_first:
        raise RolloutError(f"nothing to undo: there is no record of a change to {', '.join(run.sites)}")
    asked = run.rules.since_run or run.rules.run_to_undo
    if asked and asked not in began:
        raise RolloutError(f"there is no record of run {asked} at {', '.join(run.sites)}: there are: {list_some(newest_first, MOST_RUNS)}")
    if not run.rules.since_run:
        return {"run": asked or newest_first[0]}
    since = newest_first[: newest_first.index(asked) + 1]
    here = [one["run"] for one in looks[site].runs if one["run"] in since]
    return {"since_run": here[-1]} if here else {"run": asked}


def stay(found: Look, undo: Mapping[str, str]) -> dict[str, Image]:
    """Name → image that it runs, of the phones that the runs to undo did not bring where they are: these are left alone. `undo`: as of
    `to_undo`."""
    runs = [one["run"] for one in found.runs]
    last = undo.get("since_run") or undo.get("run", "")
    undone = found.runs[: runs.index(last) + 1] if "since_run" in undo else [one for one in found.runs if one["run"] == last]
    brought = [image for one in undone if (image := recognise(one["image"]))]
    restarted = found.ledger.facts["rollout"]["became"] if found.ledger.rollout else {}
    running = {name: recognise(one.image or "") for name, one in found.observed.items() if one.reachable and name not in restarted}
    return {name: image for name, image in running.items() if brought and image and not any(map(image.same_as, brought))}


def options(run: str, has_changed: bool, before: Collection[str]) -> str:
    """Of the command that takes back a rollout: this run, or with it those `before` that changed files for the same rollout.

    `has_changed`: whether this run changed files. Without an option the last run is taken back.
    """
    runs = sorted({*before, *([run] if has_changed else [])})
    return f" -e {'run' if len(runs) == 1 else 'since_run'}={runs[0]}" if runs else ""


def what(done: Mapping[str, Any]) -> str:
    """What a run or a record of one did, for people: "to P0S3-06-3-00", "settings telnet_level"."""
    parts = [f"to {done['image']}" if done["image"] else "", f"settings {done['settings']}" if done.get("settings") else ""]
    return ", ".join(filter(None, parts)) or "to no image"


def is_of_settings(foreseen: Mapping[str, Any]) -> bool:
    """Whether an undo puts back settings only, which phones take up when they start. `foreseen`: as of the module tftp_root_undo."""
    records = foreseen.get("records", ())
    return bool(records) and all(record.get("settings") and not record["image"] for record in records)


def known_runs(runs: Sequence[Mapping[str, Any]]) -> list[Line]:
    """For people: the runs of a site, the newest first, whom each reached, and what is left of it to take back."""
    older = len(runs) - MOST_RUNS
    lines = [
        (
            "run",
            f"{one['run']} of {one['created']}, {what(one)}: {'all phones' if one['default'] else count(one['phones'])}; "
            f"{'stands, with ' + count(one['files'], 'file') + ' to put back' if one['files'] else 'taken back'}",
        )
        for one in runs[:MOST_RUNS]
    ]
    return [*lines, ("run", f"and {older} older ones")] if older > 0 else lines


def hopeless(run: Run, observed: Mapping[str, Observation], cannot: Mapping[str, str]) -> dict[str, str]:
    """Name → why, of the phones that shall come back and cannot. `cannot`: MAC → why, of the module tftp_root_undo."""
    asked = [name for name, one in observed.items() if run.rules.verify_files and one.reachable and not run.logins[name]["hold"]]
    return {name: cannot[observed[name].mac or ""] for name in asked if observed[name].mac in cannot}


def outline(plan: Plan, foreseen: Mapping[str, Any], staying: Collection[str] = ()) -> list[Line]:
    """For people: what is taken back, and who may not come back. `foreseen`: the result of the module tftp_root_undo; `staying`: names of
    phones that are left alone."""
    names = {phone.mac: name for name, phone in plan.phones.items()}
    undone = {record["run"]: f" ({what(record)})" if record.get("settings") else "" for record in foreseen["records"]}
    lines: list[Line] = [("takes back", f"run {name}{did}") for name, did in undone.items()]
    if is_of_settings(foreseen):
        lines.append(("note", "no phone moves: each takes up the settings of before at its next restart"))
    if staying:
        lines.append(("note", f"left alone, as they run something else than that run brought: {count(staying)} ({list_some(staying, 6)})"))
    for why, macs in foreseen["may_not"].items():
        lines.append(("risk", f"may not come back: {count(macs)} ({list_some([names.get(mac) or mac for mac in macs], 6)}): {why}"))
    if foreseen["loader"]:
        lines.append(("note", f"OS79XX.TXT names {foreseen['loader']} until the phones are back, and then what it named before"))
    if not plan.waves and not foreseen["records"]:
        others = "; another one is taken back with -e run=…" if any(one["files"] for one in foreseen["runs"]) else ""
        lines.append(("note", f"nothing to take back: files and phones are as before that run{others}"))
    return lines
