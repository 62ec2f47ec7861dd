# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was asked of a rollout: its options, checked, as one typed object that all steps read.

Names, types and defaults are in the role's meta/argument_specs.yml, and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_path

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse_application
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import limits, window
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.limits import Losses, RolloutError

PREFIX = "rollout_"
TOGETHER = "together"

_SPEC = Path(__file__).parents[3] / "roles" / "rollout" / "meta" / "argument_specs.yml"
_SHORT = {"run_to_undo": "run"}
_ONLY_LONG = ("direction", "undo", "prepare", "phones")
"""What the playbooks set, and nobody types."""


@dataclass(frozen=True)
class Rules:
    """The options of a rollout, as docs and README name them. Times are seconds.

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
    fresh: bool
    take_over: bool
    lease_timeout: float

    @property
    def together(self) -> bool:
        """Whether the sites wait for each other."""
        return self.sites == TOGETHER


def read(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> tuple[Rules, list[str]]:
    """The rules, and the inventory names of the phones, from Ansible's variables. `template`: Ansible's templar, which resolves {{ }}.

    Raises RolloutError with all wrong types or, if there are none, all wrong values, in the names that people type.
    """
    given: dict[str, Any] = {}
    spec: dict[str, Any] = {}
    for option, about in _spec().items():
        name = option.removeprefix(PREFIX)
        short = option if name in _ONLY_LONG else _SHORT.get(name, name)
        typed = option if option in variables else short
        spec[typed] = about
        if typed in variables:
            given[typed] = template(variables[typed])
    checked = ArgumentSpecValidator(spec).validate(given)
    if checked.error_messages:
        raise RolloutError("; ".join(checked.error_messages))
    named = {option.removeprefix(PREFIX): checked.validated_parameters[typed] for option, typed in zip(_spec(), spec, strict=True)}
    return _checked(named), list(named["phones"] or [])


def report_dir(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> Path:
    """Where the report goes, also if other options are wrong."""
    option = f"{PREFIX}report_dir"
    default = _spec()[option]["default"]
    return Path(check_type_path(template(variables.get(option, variables.get("report_dir"))) or default))


@cache
def _spec() -> Mapping[str, Any]:
    options: Mapping[str, Any] = yaml.safe_load(_SPEC.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return options


def _checked(options: dict[str, Any]) -> Rules:
    """Raises RolloutError with everything that is wrong."""
    wrong: list[str] = []

    def value(check: Callable[..., Any], *names: str) -> Any:
        """What `check` makes of these options."""
        try:
            return check(*(options[name] for name in names))
        except ValueError as error:
            wrong.append(str(error))

    def seconds(name: str, least: str) -> None:
        number = options[name]
        if number is not None and not (math.isfinite(number) and (number > 0 or (number == 0 and least != "above 0"))):
            wrong.append(f"{name} is {number:g}: it is a number of seconds {least}".rstrip())

    moves_on = not (options["undo"] or options["prepare"])
    options["image"] = str(options["image"] or "") if moves_on else ""
    if moves_on:
        value(_image, "image")
    seconds("soak_seconds", "")
    seconds("call_timeout", "")
    seconds("wait_timeout", "above 0")
    if not (math.isfinite(options["lease_timeout"]) and options["lease_timeout"] >= 2):
        wrong.append(f"lease_timeout is {options['lease_timeout']:g}: it is a number of seconds from 2")
    if options["window"]:
        value(window.parse, "window")
    value(lambda waves: limits.wave_sizes(waves, 1), "waves")
    value(lambda most: limits.at_once(most, 1), "max_unavailable")
    if not options["report_dir"]:
        wrong.append("report_dir is empty: name the folder for the report, or leave the option out")
    if options["run_to_undo"] and options["since_run"]:
        wrong.append("run and since_run are both given: name one")
    options["losses"] = value(limits.losses, "max_fail_percentage", "max_failed", "min_sample", "stop_on")
    options["pause_after"] = value(lambda waves: tuple(limits.pauses(waves)), "pause_after")
    if wrong:
        raise RolloutError("; ".join(wrong))
    options["rollback_on_stop"] = options["rollback_on_stop"] and moves_on
    if options["call_timeout"] is None:
        options["call_timeout"] = options["wait_timeout"]
    options["report_dir"] = Path(options["report_dir"])
    return Rules(**{field.name: options[field.name] for field in fields(Rules)})


def _image(name: str) -> None:
    """Raises RolloutError, ImageNameError."""
    if not name:
        raise RolloutError("no image was asked for: name it with -e image=P0S3-06-3-00")
    parse_application(name)
