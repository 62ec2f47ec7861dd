# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was asked of a rollout: its options, checked, as one typed object that all steps read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line, quote
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import EMPTY
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import limits, names, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses, RolloutError
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._variables import why_unread

TOGETHER = "together"
SHORTEST_LEASE = 2.0
LONGEST = 31_536_000
"""Seconds: a year. What is longer is a slip, and more than some timers take."""


def what_for(prepare: bool, undo: bool, direction: str) -> str:
    """One word for what a run with these options does: that of its playbook."""
    return "prepare" if prepare else "rollback" if undo else "rollout" if direction == "any" else direction


@dataclass(frozen=True)
class Rules:
    """The options of a rollout, as docs and README name them. Times are seconds. `plan`: path of the plan to carry out, or empty.

    `image` is empty for an undo and for `prepare`. `verify_tftp` is None where each TFTP host's variables tell. `waves` and
    `max_unavailable` stay as they were typed, since each site reckons them for its own phones.
    """

    image: str
    direction: str
    waves: Sequence[object]
    losses: Losses
    max_unavailable: object
    pause_after: Sequence[int]
    soak_seconds: float
    require_registered: bool
    window: str
    timezone: str
    progress: bool
    wait_timeout: float
    call_timeout: float
    report_dir: Path
    force: bool
    skip_blocked: bool
    verify_files: bool
    verify_tftp: bool | None
    loads: str
    scope: str
    accept_others: bool
    accept_unknown_mac: bool
    undo: bool
    prepare: bool
    run_to_undo: str
    since_run: str
    rollback_on_stop: bool
    sites: str
    tftp_group: str
    plan: str
    plan_max_age: float | None
    fresh: bool
    take_over: bool
    lease_timeout: float

    @property
    def what(self) -> str:
        """One word for what the run does."""
        return what_for(self.prepare, self.undo, self.direction)

    @property
    def together(self) -> bool:
        """Whether the sites wait for each other."""
        return self.sites == TOGETHER


Template = Callable[[Any], Any]
"""Ansible's templar, which resolves {{ }}."""


def read(sources: Sequence[Mapping[str, Any]], template: Template) -> tuple[Rules, list[str]]:
    """The rules, and the inventory names of the phones, from Ansible's variables: the first of the sources that has an option counts.

    Raises RolloutError with all wrong types or, if there are none, all wrong values, in the names that people type.
    """
    options: dict[str, Any] = {}
    typed: dict[str, str] = {}
    wrong: list[str] = []
    for option in names.spec():
        name = option.removeprefix(names.ROLE)
        try:
            typed[name], options[name] = _option(option, sources, template)
        except RolloutError as error:
            wrong.append(str(error))
    if wrong:
        raise RolloutError("; ".join(wrong))
    if options["phones"] is not None and not options["phones"]:
        raise RolloutError(f"{typed['phones']} is an empty list, so there is nobody to move: name phones, or leave it out for all of them")
    return _checked(options, typed), list(options["phones"] or [])


def option(name: str, sources: Sequence[Mapping[str, Any]], template: Template) -> Any:
    """One option, also if others are wrong. Raises RolloutError."""
    return _option(names.ROLE + name, sources, template)[1]


def _option(option: str, sources: Sequence[Mapping[str, Any]], template: Template) -> tuple[str, Any]:
    """The name by which an option was given, and its value in the right type. Raises RolloutError."""
    about = names.spec()[option]
    typed, value = names.given(option, sources)
    try:
        value = template(value)
    except Exception as error:  # it uses what is not defined, or cannot be decrypted
        raise RolloutError(why_unread(typed, error)) from None
    if value is None:
        value = about.get("default")
    return typed, None if value is None else in_type(typed, about, value)


def in_type(typed: str, about: Mapping[str, Any], value: object) -> Any:
    """A value in the type of its option. `typed`: its name; `about`: its `type` and `choices`. Raises RolloutError."""
    try:
        made = _TYPES[about["type"]](value)
    except (ValueError, TypeError):
        raise RolloutError(f"{typed} is {quote(str(value))}: it is {_WHAT[about['type']]}") from None
    if made not in about.get("choices", [made]):
        raise RolloutError(f"{typed} is {quote(str(value))}: it is {' or '.join(about['choices'])}")
    return made


def _number(pattern: str, make: Callable[[str], float]) -> Callable[[object], float]:
    def number(value: object) -> float:
        """Raises ValueError."""
        text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
        if isinstance(value, bool) or not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError
        return make(text)

    return number


def _text(value: object) -> str:
    """Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "\0" in str(value):
        raise ValueError
    return str(value)


def _list(value: object) -> list[str]:
    """Raises ValueError."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise ValueError
    return [_text(item) for item in items]


_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": lambda value: os.path.expanduser(os.path.expandvars(_text(value))),
    "bool": boolean,
    "int": _number(r"[+-]?\d{1,18}", int),
    "float": _number(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", float),
    "list": _list,
    "raw": lambda value: value,
}
_WHAT = {
    "str": "one text",
    "path": "the path of a file or folder",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list of names",
}


def _checked(options: dict[str, Any], typed: Mapping[str, str]) -> Rules:
    """`typed`: option → the name that it was given by. Raises RolloutError with everything that is wrong."""
    wrong: list[str] = []

    def value(check: Callable[..., Any], *of: str) -> Any:
        """What `check` makes of these options. What it says begins with the name of one of them."""
        try:
            return check(*(options[name] for name in of))
        except ValueError as error:
            name = next((name for name in of if re.match(rf"{name}\b", str(error))), "")
            wrong.append(typed.get(name, "") + one_line(error, 1000)[len(name) :])

    def seconds(name: str, least: str) -> None:
        number = options[name]
        if number is not None and not (0 < number <= LONGEST or (number == 0 and least != "above 0")):
            wrong.append(f"{typed[name]} is {number:g}: it is a number of seconds {least}{', and not more than a year' * (number > 0)}")

    moves_on = not (options["undo"] or options["prepare"])
    options["image"] = str(options["image"] or "") if moves_on else ""
    if moves_on:
        value(_image, "image")
    seconds("soak_seconds", "from 0")
    seconds("call_timeout", "from 0")
    seconds("wait_timeout", "above 0")
    options["plan_max_age"] = value(_age, "plan_max_age")
    if not SHORTEST_LEASE <= options["lease_timeout"] <= LONGEST:
        wrong.append(f"{typed['lease_timeout']} is {options['lease_timeout']:g}: it is a number of seconds from 2 to a year")
    if options["window"]:
        value(window.parse, "window")
    value(lambda waves: limits.wave_sizes(waves, 1), "waves")
    value(lambda most: limits.at_once(most, 1), "max_unavailable")
    if not options["report_dir"]:
        wrong.append(f"{typed['report_dir']} {EMPTY}")
    if options["run_to_undo"] and options["since_run"]:
        wrong.append(f"{typed['run_to_undo']} and {typed['since_run']} are both given: name one")
    options["losses"] = value(limits.losses, "max_fail", "max_failed", "min_sample", "stop_on")
    options["pause_after"] = value(lambda waves: tuple(limits.pauses(waves)), "pause_after")
    if wrong:
        raise RolloutError("; ".join(wrong))
    options["rollback_on_stop"] = options["rollback_on_stop"] and moves_on
    if options["call_timeout"] is None:
        options["call_timeout"] = options["wait_timeout"]
    options["report_dir"] = Path(options["report_dir"])
    return Rules(**{field.name: options[field.name] for field in fields(Rules)})


def _age(text: str | None) -> float | None:
    """Raises RolloutError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9})([smhdw]?)", text, re.ASCII)
    if not match:
        raise RolloutError(f"plan_max_age is {quote(text)}: it is a time such as 90m, 12h or 2d")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]


def _image(name: str) -> None:
    """Raises RolloutError, ImageNameError."""
    if not name:
        raise RolloutError("no image was asked for: name it with -e image=P0S3-06-3-00")
    parse_application(name)
