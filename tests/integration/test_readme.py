# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README is short, shows a run and a report as they are now, and names files that are there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.voip.cisco79xx.tests.demo import assets

HERE = Path(__file__).parents[2]
README = (HERE / assets.README).read_text(encoding="utf-8")
RENEW = "tests/run demo -- --assets renews it"
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *(str(path.relative_to(HERE)) for path in sorted((HERE / "docs").glob("*.md")))]


def test_length():
    """Every word that a reader sees, those of commands and of the run included."""
    words = [word for word in re.sub(r"<!--.*?-->", "", README, flags=re.DOTALL).split() if re.search(r"\w", word)]
    assert len(words) <= 900


@pytest.mark.once
def test_what_it_shows_is_what_happens():
    lines, page = assets.rollout()
    assert len(lines) == assets.LINES
    right = [assets.without_times(line) for line in lines]
    assert [assets.without_times(line) for line in assets.shown_lines(README).splitlines()] == right, RENEW
    picture = (HERE / assets.PICTURE).read_bytes()
    assert f"]({assets.PICTURE})" in README and len(picture) < 150_000
    assert assets.picture_digest(picture) == assets.digest(page), RENEW


def test_a_digest_tells_pages_apart_but_not_runs():
    page = (
        '<style>b{margin:1px}</style><p class="x">12 done in 1 min 3 s, run 20261128T081212-534850</p><svg><rect class="done" x="1"/></svg>'
    )
    same = page.replace("1 min 3 s", "59 s").replace("534850", "1").replace('x="1"/>', 'x="7.5"/><rect class="done" x="2"/>')
    assert same != page and assets.digest(same) == assets.digest(page)
    for old, new in (("1px", "2px"), ("done in", "failed in"), ('"x"', '"y"'), ('class="done"', 'class="failed"')):
        assert assets.digest(page.replace(old, new)) != assets.digest(page), new


def test_a_picture_carries_its_digest():
    picture = (HERE / assets.PICTURE).read_bytes()
    assert assets.picture_digest(assets.with_digest(b"\x89PNG\r\n\x1a\n" + picture[8:33], "abc")) == "abc"
    assert assets.picture_digest(picture[:33]) is None


def test_the_site_has_every_guide():
    index = yaml.safe_load((HERE / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))
    listed = [name for section in index["sections"] for name in section["toctree"]]
    assert sorted(listed) == sorted(path.stem for path in (HERE / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    """They lead to a file of the checkout, and to a heading where they name one."""
    text = (HERE / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for target in targets:
        if re.match(r"\w+:", target):
            continue
        name, _hash, heading = target.partition("#")
        path = (HERE / page).parent / name if name else HERE / page
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}, target


def test_settings(tmp_path):
    """ansible-core knows each setting of ansible.cfg.example, those too that are commented out, and would say if it did not."""
    example = re.sub(r"^# (?=\w+ = )", "", (HERE / "ansible.cfg.example").read_text(encoding="utf-8"), flags=re.MULTILINE)
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    for text, right in ((example, True), (example.replace("display_ok_hosts", "display_ok_host"), False)):
        (tmp_path / "ansible.cfg").write_text(text)
        command = ["ansible-config", "validate", "--type", "all"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False)
        assert (done.returncode == 0) is right, done.stderr
