# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a report."""

from __future__ import annotations

import json

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import html, publish, write
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import EMPTY, HOSTILE, STOPPED


def test_three_files_are_written(tmp_path):
    for report in (HOSTILE, STOPPED):
        write(tmp_path, report)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "report.html", "report.json"]
        text = (tmp_path / "report.json").read_text(encoding="utf-8")
        assert json.loads(text) == json.loads(json.dumps(report.to_json()))
        assert text.startswith('{\n  "schema": 1,') and text.endswith("}\n")
        assert (tmp_path / "report.html").read_text(encoding="utf-8") == html(report)
        assert (tmp_path / "junit.xml").read_text(encoding="utf-8") == junit(report)


def test_the_summary_is_added_to_the_page_of_the_job(tmp_path, monkeypatch):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    publish(STOPPED)
    publish(EMPTY)
    assert summary.read_text(encoding="utf-8") == f"{markdown(STOPPED)}\n{markdown(EMPTY)}\n"
    for place in ("", str(tmp_path), str(tmp_path / "nowhere" / "summary.md")):
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", place)
        publish(STOPPED)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    publish(STOPPED)
