# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: a dry run, a rollout that its canary stops, and the run that finishes it. Twelve simulated phones, no root."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ansible_collections.voip.cisco79xx.tests.simulator.site import Site, embedded

OLD = ("P0S3-08-2-00", "P0S3-07-4-00", "P0S3-07-5-00")
NEW = "P0S3-06-3-00"


def say(text: str) -> None:
    print(f"\n\033[1m### {text}\033[0m" if sys.stdout.isatty() else f"\n### {text}", flush=True)


def show_fleet(site: Site) -> None:
    running, resets = site.running(), site.resets()
    for name, image in running.items():
        print(f"    {name:<10} {image:<14} resets: {resets[name]}", flush=True)


def main() -> int:
    phones = [{"name": "canary", "image": OLD[0], "faults": ["stays_old"]}]
    phones += [{"name": f"desk{number:02}", "image": OLD[number % 3]} for number in range(1, 12)]
    with tempfile.TemporaryDirectory(prefix="cisco79xx-demo-") as folder, Site(Path(folder), phones, server=embedded) as site:
        say(f"Twelve phones, on images that lose the sound. They shall go to {NEW}")
        show_fleet(site)

        say(f"1. What would happen: ansible-playbook voip.cisco79xx.downgrade -e image={NEW} --check --diff")
        dry = site.play("downgrade", "--check", "--diff", show=True)

        say("2. For real, without --check. The canary will not take it, so the rollout stops there")
        stopped = site.play("downgrade", "-e", "wait_timeout=6", show=True)
        show_fleet(site)
        print(
            "    The files name the new image now: any phone that restarts takes it. voip.cisco79xx.rollback would put them back.",
            flush=True,
        )

        say("3. The canary is mended, and the same command finishes the job")
        site.simulator.set_faults("canary", [])
        finished = site.play("downgrade", show=True)
        show_fleet(site)

        say("4. And once more: nothing is left to do")
        again = site.play("downgrade", show=True)

        resets = site.resets()
        right = (
            dry.status == 0
            and stopped.status != 0
            and finished.status == 0
            and again.status == 0
            and set(site.running().values()) == {NEW}
            and resets == {**dict.fromkeys(resets, 1), "canary": 2}
        )
        say("As it should be" if right else "This is not how it should have gone")
        return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
