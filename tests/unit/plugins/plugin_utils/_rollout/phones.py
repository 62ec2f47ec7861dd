# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Phones as plans see them, and runs that have begun."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import plan as rollout
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import rules
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Run
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation

TARGET = parse("P0S3-06-3-00")
UNSEEN = Observation(reachable=False, kind="refused", reason="refuses telnet")


def seen(image):
    return Observation(reachable=True, image=image, mac="000E84C060A6")


def plan(target, observed, **more):
    """A plan for phones with a MAC each."""
    observed = {name: replace(one, mac=one.mac and f"000E84C0{number:04X}") for number, (name, one) in enumerate(observed.items())}
    return rollout.make_plan(dict.fromkeys(observed, target), observed, label=target.name, **more)


def asked(**options):
    """The rules of a rollout to TARGET with these options."""
    return rules.read([{"image": TARGET.name, **options}], template=lambda value: value)[0]


def begun(sites, *, check=False, **options):
    """A run that has begun. `sites`: TFTP host → names of its phones."""
    names = [name for members in sites.values() for name in members]
    return Run(
        id="run",
        started=1_800_000_000.0,
        check=check,
        rules=asked(**options),
        sites=sites,
        drivers={site: next(iter(members)) for site, members in sites.items()},
        logins={name: {"host": f"127.0.0.{number}", "port": 23, "hold": False} for number, name in enumerate(names, start=2)},
        zones=dict.fromkeys(sites, ""),
        roots=dict.fromkeys(sites, "/srv/tftp"),
    )
