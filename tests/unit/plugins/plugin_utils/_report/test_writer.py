# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a report: where they go, and what is left of earlier ones."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.ci import junit, markdown
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.place import KEPT, Place
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.template import anchor
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.writer import html, link_timelines, publish, write
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import RunReport
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._report.examples import (
    BEGIN,
    DRY,
    EMPTY,
    HOSTILE,
    STOPPED,
    every_report,
)

NAMES = ["junit.xml", "report.html", "report.json"]


def written(folder):
    """The ordinary files in it, without hidden ones."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path.name[0] != ".")


def folders(reports):
    return sorted(path for path in reports.iterdir() if path.is_dir())


def outcome(folder, name="report.json"):
    return json.loads((folder / name).read_text())["rollout"]["outcome"]


def test_three_files_are_written_into_a_folder_of_the_run_and_to_the_top(tmp_path):
    for report in (HOSTILE, STOPPED):
        write(tmp_path, report)
        for folder in (tmp_path, tmp_path / "20260307T220000-rollout"):
            assert written(folder) == NAMES
            text = (folder / "report.json").read_text(encoding="utf-8")
            assert json.loads(text) == json.loads(json.dumps(report.to_json()))
            assert text.startswith('{\n  "schema": 1,') and text.endswith("}\n")
            assert (folder / "report.html").read_text(encoding="utf-8") == html(report)
            assert (folder / "junit.xml").read_text(encoding="utf-8") == junit(report)


def test_a_dry_run_never_takes_the_place_of_a_run(tmp_path):
    dry = replace(DRY, run="20260308T100000-7", what="downgrade")
    write(tmp_path, dry)
    assert written(tmp_path) == [*(f"check-{name}" for name in NAMES), *NAMES] and outcome(tmp_path) == "would_start"
    write(tmp_path, replace(STOPPED, run="20260308T110000-8", what="downgrade"))
    (tmp_path / "plan.json").write_text("a plan")
    write(tmp_path, replace(dry, run="20260308T120000-9", phones={}), "plan.json")
    assert outcome(tmp_path) == "stopped" and outcome(tmp_path, "check-report.json") == "nothing_to_do"
    made = folders(tmp_path)
    assert [path.name for path in made] == [
        "20260308T100000-7-downgrade-check",
        "20260308T110000-8-downgrade",
        "20260308T120000-9-downgrade-check",
    ]
    assert written(made[2]) == ["junit.xml", "plan.json", "report.html", "report.json"]
    assert [outcome(folder) for folder in made] == ["would_start", "stopped", "nothing_to_do"]


@pytest.mark.parametrize("found", ["", "{", "[]", '{"rollout": null}', '{"rollout": {"check_mode": "true"}}', "[" * 100_000])
def test_what_is_not_known_to_be_of_a_dry_run_stays(tmp_path, found):
    (tmp_path / "report.json").write_text(found)
    write(tmp_path, DRY)
    assert (tmp_path / "report.json").read_text() == found and not (tmp_path / "report.html").exists()
    assert outcome(tmp_path, "check-report.json") == "would_start"
    write(tmp_path, STOPPED)
    assert outcome(tmp_path) == "stopped"


def runs(reports, first, last):
    """One report each of these runs, an hour apart."""
    for hour in range(first, last):
        Place(reports, "audit", BEGIN + 3600 * hour).write({"audit.json": f"{hour}"})


def test_twenty_folders_are_kept(tmp_path):
    runs(tmp_path, 0, 25)
    assert len(folders(tmp_path)) == KEPT == 20
    assert [(folder / "audit.json").read_text() for folder in folders(tmp_path)] == [str(hour) for hour in range(5, 25)]
    assert (tmp_path / "audit.json").read_text() == "24"


def test_what_a_killed_run_left_goes_as_well(tmp_path):
    runs(tmp_path, 0, 1)
    (left,) = folders(tmp_path)
    (left / ".audit.json.0123abcd").write_text("half")
    runs(tmp_path, 1, 25)
    assert not left.exists() and len(folders(tmp_path)) == KEPT


def put_in(folder):
    (folder / "notes.txt").write_text("mine")


def link_in(folder):
    (folder / "audit.json").rename(folder.parent / "kept.json")
    (folder / "audit.json").symlink_to(folder.parent / "kept.json")


def folder_in(folder):
    (folder / "plan.json").mkdir()


def rename(folder):
    folder.rename(folder.with_name("20200101T000000-mine"))


def unmark(folder):
    (folder / ".voip.cisco79xx").unlink()


def link(folder):
    """As if it were an early run of ours, and that elsewhere."""
    folder.rename(folder.parent / "elsewhere")
    (folder.parent / folder.name).symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize("change", [put_in, link_in, folder_in, rename, unmark, link])
def test_only_folders_of_ours_are_removed(tmp_path, change):
    runs(tmp_path, 0, 1)
    change(folders(tmp_path)[0])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path != tmp_path / "audit.json"}
    runs(tmp_path, 1, 30)
    assert before and {path: path.read_bytes() for path in before} == before


names = st.text("0123456789T-abcdefghijklmnopqrstuvwxyz. \n\x1b", min_size=1, max_size=30).filter(lambda name: name.strip("."))


@given(names, st.booleans())
@settings(deadline=None, max_examples=30)
def test_no_folder_of_others_is_removed(tmp_path_factory, name, empty):
    reports = tmp_path_factory.mktemp("reports")
    for foreign in (name, f"20200101T000000-{name}", "20200101T000000-rollout"):
        (reports / foreign).mkdir(exist_ok=True)
        if not empty:
            (reports / foreign / "report.json").write_text("mine")
    before = sorted(reports.iterdir())
    runs(reports, 0, 22)
    assert set(before) <= set(reports.iterdir())
    assert all(empty or (folder / "report.json").read_text() == "mine" for folder in before)


FAILED = replace(STOPPED, phones={**STOPPED.phones, '<a href="x">': STOPPED.phones["a"]}, run="20260307T220000-61")


def diagnosed(reports, *names):
    (reports / "diagnose.json").write_text(json.dumps({"timelines": names}))


def test_failed_phones_link_to_their_timelines(tmp_path):
    """Of a diagnosis that was made since, before or after the page was written."""
    link = f'<a href="diagnose.html#{anchor("a")}">a</a>'
    write(tmp_path, FAILED)
    assert link not in (tmp_path / "report.html").read_text()
    diagnosed(tmp_path, "a", "b", '<a href="x">')
    link_timelines(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert link in page and page.count("diagnose.html#") == 4 and f"#{anchor('<a href=')}" not in page
    assert link not in (tmp_path / "20260307T220000-61-rollout" / "report.html").read_text(), "the diagnosis does not lie beside that"
    write(tmp_path, FAILED)
    assert (tmp_path / "report.html").read_text() == page
    os.utime(tmp_path / "diagnose.json", (BEGIN - 1, BEGIN - 1))
    write(tmp_path, FAILED)
    assert link not in (tmp_path / "report.html").read_text(), "it is older than the run"


@pytest.mark.parametrize("found", ["", "{", "[]", '{"timelines": 3}', '{"timelines": [[]]}', '{"timelines": null}', "[" * 100_000])
def test_a_diagnosis_that_is_none_gives_no_links(tmp_path, found):
    (tmp_path / "diagnose.json").write_text(found)
    write(tmp_path, FAILED)
    assert "diagnose.html#" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "found", [None, "", "[]", '{"schema": 2}', '{"schema": 1, "rollout": 3, "phones": {}}', '{"schema": 1, "rollout": {}}']
)
def test_the_page_of_others_stays(tmp_path, found):
    (tmp_path / "report.html").write_text("mine")
    if found is not None:
        (tmp_path / "report.json").write_text(found)
    diagnosed(tmp_path, "a")
    link_timelines(tmp_path)
    assert (tmp_path / "report.html").read_text() == "mine"


@every_report
def test_a_report_is_read_as_it_was_written(example):
    told = json.loads(json.dumps(example.to_json()))
    again = RunReport.from_json(told)
    assert json.loads(json.dumps(again.to_json())) == told
    assert html(again) == html(replace(example, files=example.files[:500])) or any(
        one.reset_at and one.reset_at % 1 for one in example.phones.values()
    )


def test_links_at_the_top_are_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.html").symlink_to(elsewhere)
    os.mkfifo(tmp_path / "reports" / "report.json")
    write(tmp_path / "reports", DRY)
    write(tmp_path / "reports", STOPPED)
    assert elsewhere.read_text() == "mine" and outcome(tmp_path / "reports") == "stopped"


@pytest.mark.parametrize("place", ["file", "file/report", "/proc/nowhere"])
def test_a_place_that_cannot_be_written_is_one_error(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError):
        write(Path(tmp_path, place), STOPPED)
    assert (tmp_path / "file").read_text() == "mine"


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
