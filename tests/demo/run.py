# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: a dry run, a rollout that its canary stops, and the run that finishes it. Twelve simulated phones, no root.

Each run's report stays in .demo of the checkout. `--assets` renews what README shows of a run instead.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from ansible_collections.voip.cisco79xx.tests.demo import assets
from ansible_collections.voip.cisco79xx.tests.demo.fleet import CHECKOUT, NEW, downgrade, fleet
from ansible_collections.voip.cisco79xx.tests.simulator.site import Site


def say(text: str) -> None:
    print(f"\n\033[1m### {text}\033[0m" if sys.stdout.isatty() else f"\n### {text}", flush=True)


def show_fleet(site: Site) -> None:
    running, resets = site.running(), site.resets()
    for name, image in running.items():
        print(f"    {name:<10} {image:<14} resets: {resets[name]}", flush=True)


def demonstrate(reports: Path) -> bool:
    """Show it all. Returns whether it went as it should."""

    def play(report: str, *arguments: str) -> int:
        status, _output = site.run(downgrade("-e", f"report_dir={reports / report}", *arguments), 120, show=True)
        return status

    shutil.rmtree(reports, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="cisco79xx-demo-") as folder, fleet(Path(folder), "stays_old") as site:
        say(f"Twelve phones, on images that lose the sound. They shall go to {NEW}")
        show_fleet(site)

        say(f"1. What would happen: {shlex.join(downgrade('--check', '--diff'))}")
        dry = play("dry-run", "--check", "--diff")

        say("2. For real, without --check. The canary will not take it, so the rollout stops there")
        stopped = play("stopped", "-e", "wait_timeout=6")
        show_fleet(site)
        print(
            "    The files name the new image now: any phone that restarts takes it. voip.cisco79xx.rollback would put them back.",
            flush=True,
        )

        say("3. The canary is mended, and the same command finishes the job")
        site.simulator.set_faults("canary", [])
        finished = play("finished")
        show_fleet(site)

        say("4. And once more: nothing is left to do")
        again = play("again")

        resets = site.resets()
        return (
            dry == 0
            and stopped != 0
            and finished == 0
            and again == 0
            and set(site.running().values()) == {NEW}
            and resets == {**dict.fromkeys(resets, 1), "canary": 2}
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", action="store_true", help="renew what README shows of a run")
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help="where the reports stay, and README is")
    asked = parser.parse_args()
    if asked.assets:
        assets.make(asked.checkout)
        print(f"{assets.README} and {assets.PICTURE} show this run")
        return 0
    reports = asked.checkout / ".demo"
    right = demonstrate(reports)
    say("As it should be. The reports:" if right else "This is not how it should have gone. The reports:")
    for name in "dry-run", "again", "stopped", "finished":
        page = reports / name / "report.html"
        if page.exists():
            print(f"    {page}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
