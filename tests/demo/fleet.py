# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The twelve simulated phones of the demo, and the command that moves them, as README has it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.voip.cisco79xx.tests.simulator.site import Site, embedded

CHECKOUT = Path(__file__).parents[2]
OLD = ("P0S3-08-2-00", "P0S3-07-4-00", "P0S3-07-5-00")
NEW = "P0S3-06-3-00"


@contextmanager
def fleet(folder: Path, *faults: str) -> Iterator[Site]:
    """The phones, one of which has these faults, in a folder with inventory.yml and the ansible.cfg that people are offered."""
    phones = [{"name": "canary", "image": OLD[0], "faults": list(faults)}]
    phones += [{"name": f"desk{number:02}", "image": OLD[number % 3]} for number in range(1, 12)]
    site = Site(folder, phones, server=embedded)
    site.inventory = folder / "inventory.yml"
    shutil.copy(CHECKOUT / "ansible.cfg.example", folder / "ansible.cfg")
    with site:
        yield site


def downgrade(*arguments: str) -> list[str]:
    return ["ansible-playbook", "voip.cisco79xx.downgrade", "-i", "inventory.yml", "-e", f"image={NEW}", *arguments]
