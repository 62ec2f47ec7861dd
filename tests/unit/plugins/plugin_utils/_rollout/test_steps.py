# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look, plan and point at the sites of a run, with real TFTP roots: nothing changes anywhere before every plan stands."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout import steps
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Look, PointResult, SitePlan
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.steps import Site
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Observation
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._tftp_host import TftpHost
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import content, run_module
from ansible_collections.voip.cisco79xx.tests.unit.plugins.plugin_utils._rollout.phones import UNSEEN, begun

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
SITES = {"pbx": "ab", "branch": "c"}


def mac(name):
    return f"000E84C1{ord(name):04X}"


@pytest.fixture
def fleet_runs(monkeypatch):
    """What each phone runs: OLD, unless it is put in here, or None if it does not answer."""
    images: dict[str, str | None] = {}

    def observe(phones, pace):
        running = {phone.name: images.get(phone.name, OLD) for phone in phones}
        return {name: Observation(True, image, mac(name)) if image else UNSEEN for name, image in running.items()}

    monkeypatch.setattr(fleet, "observe", observe)
    return images


@pytest.fixture
def sites(handover, tmp_path, fleet_runs):
    """Begins a run and gives its sites, each with a root in which the files name OLD; `sites.lines` is what people were told."""

    def begin(where=None, *, check=False, run="run", **options):
        made, where = [], where or SITES
        options = {"report_dir": str(tmp_path / "report"), "waves": [1], **options}
        begin.lines.clear()
        for name, members in where.items():
            root = tmp_path / name
            if not root.exists():
                root.mkdir()
                (root / "SIPDefault.cnf").write_text(f"image_version: {OLD}\n")
                for member in members:
                    (root / f"SIP{mac(member)}.cnf").write_text("line1_name: 7\n")
                make_image(root, NEW)
            variables = {"cisco79xx_tftp_root": str(root), "cisco79xx_state_dir": str(tmp_path / f"state-{name}")}
            started = begun(where, check=check, **options)
            host = TftpHost(name, variables, execute, check)
            made.append(Site(name, started, handover, host, lambda names: [Phone(one, one) for one in names], lambda names: [], show))
        return made

    def show(block):
        begin.lines.extend(block.splitlines())

    begin.lines = []
    return begin


def execute(module, arguments, check):
    """As Ansible does it, but on this machine."""
    return run_module(module.removeprefix("voip.cisco79xx."), arguments, check=check)


def each(step, among):
    """As Ansible's linear strategy does: a step at all sites before the next."""
    return [step(site) for site in among]


def test_all_is_well(sites, tmp_path):
    among = sites()
    before = content(tmp_path / "pbx"), content(tmp_path / "branch")
    each(steps.look, among)
    each(steps.plan, among)
    assert (content(tmp_path / "pbx"), content(tmp_path / "branch")) == before, "nothing changed so far"
    assert "P0S3-06-3-00 on pbx: 2 phones, 2 to move in 2 waves  (run run)" in sites.lines
    assert "   1       1  branch  c    P0S3-08-2-00 -> P0S3-06-3-00" in sites.lines
    pbx, branch = among
    assert pbx.handover.read(Look, "pbx").would_move == {mac("a"): OLD, mac("b"): OLD}
    assert pbx.handover.read(SitePlan, "branch").plan.phones["c"].host == "127.0.0.4"
    assert not steps.may_go_on(pbx)
    assert steps.point(pbx)["changed"]
    assert not steps.may_go_on(pbx), "the other is not pointed yet"
    assert steps.point(branch)["changed"]
    assert steps.may_go_on(pbx) and steps.may_go_on(branch)
    for name in SITES:
        assert NEW in (tmp_path / name / "SIPDefault.cnf").read_text()
        assert [file.tftp_host for file in pbx.handover.read(PointResult, name).files] == [name]


def test_one_site_is_not_named_on_each_line(sites):
    among = sites({"pbx": "ab"})
    each(steps.look, among)
    (lines,) = each(steps.plan, among)
    assert lines == sites.lines
    assert lines[0].startswith("P0S3-06-3-00 on pbx: 2 phones, 2 to move")


def refused(sites, among, tmp_path, problem):
    """No site goes on, and nothing has changed anywhere."""
    before = [content(tmp_path / site.name) for site in among]
    each(steps.plan, among)
    assert each(steps.point, among) == [{}] * len(among)
    assert not any(each(steps.may_go_on, among))
    assert [content(tmp_path / site.name) for site in among] == before
    assert problem in " ".join(site.problems(Look).get("branch", "") + site.problems(SitePlan).get("branch", "") for site in among)


def test_a_site_that_fails_in_look_lets_none_be_pointed(sites, tmp_path):
    among = sites()
    (tmp_path / "branch" / f"{NEW}.sbn").unlink()
    (tmp_path / "branch" / f"{NEW}.bin").unlink(missing_ok=True)
    each(steps.look, among)
    refused(sites, among, tmp_path, f"TFTP host branch: {NEW}")
    assert among[0].handover.read(Look, "branch").observed["c"].image == OLD, "its phones were asked all the same"
    assert sites.lines == []


def test_a_site_that_fails_in_plan_lets_none_be_pointed(sites, tmp_path, fleet_runs):
    fleet_runs["c"] = None
    among = sites()
    each(steps.look, among)
    refused(sites, among, tmp_path, "none of the phones could be observed")
    assert among[0].handover.read(SitePlan, "branch").plan is not None, "the report tells what was seen"


def test_a_site_that_died_in_a_step_lets_none_be_pointed(sites, tmp_path):
    among = sites()
    steps.look(among[0])
    refused(sites, among, tmp_path, "did not come to the end of the step before")


def test_a_site_that_fails_in_point_lets_no_phone_be_restarted(sites, tmp_path):
    among = sites()
    each(steps.look, among)
    each(steps.plan, among)
    (tmp_path / "branch" / "SIPDefault.cnf").unlink()
    (tmp_path / "branch" / "SIPDefault.cnf").mkdir()
    each(steps.point, among)
    assert among[0].handover.read(PointResult, "branch").problem.startswith("TFTP host branch: ")
    assert not any(each(steps.may_go_on, among))


def test_a_dry_run_changes_nothing(sites, tmp_path):
    among = sites(check=True)
    before = content(tmp_path / "pbx")
    for step in (steps.look, steps.plan, steps.point):
        each(step, among)
    assert content(tmp_path / "pbx") == before
    assert among[0].handover.read(PointResult, "pbx").files


def test_outside_the_window_nothing_is_changed_but_a_dry_run_is_done(sites, tmp_path):
    zone = {"window": "00:00-00:01", "timezone": ""}
    closed = sites({"branch": "c"}, **zone)
    if steps.window.why_closed("00:00-00:01", "") == "":
        pytest.skip("it is midnight")
    each(steps.look, closed)
    refused(sites, closed, tmp_path, "so nothing was changed: run it when the window is open")
    dry = sites({"branch": "c"}, check=True, **zone)
    each(steps.plan, dry)
    assert not dry[0].problems(SitePlan)


def test_phones_that_are_not_in_the_run_are_seen_before_anything_changes(sites, tmp_path):
    among = sites()
    (tmp_path / "branch" / f"SIP{mac('z')}.cnf").write_text("")
    each(steps.look, among)
    refused(sites, among, tmp_path, f"1 phone ({mac('z')}) at branch: not in the run")


def test_with_a_scope_of_waves_the_files_change_with_the_waves(sites, tmp_path):
    among = sites(scope="wave")
    before = content(tmp_path / "pbx")
    for step in (steps.look, steps.plan, steps.point):
        each(step, among)
    assert all(each(steps.may_go_on, among))
    assert content(tmp_path / "pbx") == before
    assert [list(wave.macs) for wave in among[0].handover.read(SitePlan, "pbx").plan.waves] == [[mac("a")], [mac("b")]]


def test_what_can_be_known_beforehand_is_told(sites, tmp_path):
    among = sites({"pbx": "ab"})
    each(steps.look, among)
    each(steps.plan, among)
    (_hardware, down) = [line for line in sites.lines if line.startswith("risk")]
    assert down.startswith(f"risk        2 phones (a, b) may not get to {NEW}, but keep what runs now")
    assert "From 8.x to 6.x" in down
    lacking = "P0S3-08-2-00.loads, P003-08-2-00.sbn, P0S3-08-2-00.sb2 missing in the TFTP root"
    assert f"way back    to P0S3-08-2-00 (2 phones): not open: {lacking}" in sites.lines


def test_nothing_to_move_is_nothing_to_foresee(sites, fleet_runs, monkeypatch):
    fleet_runs.update(a=NEW, b=NEW)
    (site,) = sites({"pbx": "ab"})
    steps.look(site)
    asked = []

    def noted(module, *more):
        asked.append(module)
        return execute(module, *more)

    monkeypatch.setattr(site.host, "_execute", noted)
    steps.plan(site)
    assert site.handover.read(SitePlan, "pbx").problem == "" and asked == ["voip.cisco79xx.rollout_ledger"]


@pytest.mark.parametrize("skip", [False, True])
def test_a_phone_that_would_not_get_there_is_blocked(sites, tmp_path, monkeypatch, skip):
    (site,) = sites({"pbx": "ab"}, skip_blocked=skip)
    point = TftpHost.point

    def foresee(host, *arguments, phones=None, **more):
        result = point(host, *arguments, phones=phones, **more)
        ends = [{"end": "stays", "image": OLD, "rules": ["signed"]}]
        group = {"macs": [mac("a")], "sure": True, "ends": ends, "arrives": False, "why": "It is so."}
        return {**result, "boots": [group] if mac("a") in (phones or ()) else []}

    monkeypatch.setattr(TftpHost, "point", foresee)
    steps.look(site)
    steps.plan(site)
    part = site.handover.read(SitePlan, "pbx")
    assert (part.plan.phones["a"].status, part.plan.phones["a"].reason) == ("blocked", "would not get there: It is so.")
    if not skip:
        assert part.problem.startswith("1 phone cannot go to P0S3-06-3-00, so nothing was changed. a: would not get there: It is so.")
        return
    assert part.problem == "" and part.plan.hold == {mac("a"): OLD}
    assert [wave.phones for wave in part.plan.waves] == [["b"]]


def test_the_steps_of_a_phone_that_must_not_leave_one_out(sites, fleet_runs, tmp_path):
    fleet_runs["b"] = "P0S3-04-4-00"
    (site,) = sites({"pbx": "ab"})
    make_image(tmp_path / "pbx", "P0S3-05-3-00")
    steps.look(site)
    steps.plan(site)
    assert "by way of P0S3-05-3-00" in site.problems(SitePlan)["pbx"]
    command = "  ansible-playbook voip.cisco79xx.upgrade -i … -e image="
    assert sites.lines[1:] == [f"{command}{image} --limit b -e scope=wave  # in the TFTP root" for image in ("P0S3-05-3-00", NEW)]


def test_an_undo_takes_back_the_last_run_of_all_sites(sites, tmp_path, fleet_runs):
    among = sites()
    before = {name: content(tmp_path / name) for name in SITES}
    for step in (steps.look, steps.plan, steps.point):
        each(step, among)
    fleet_runs.update(dict.fromkeys("abc", NEW))
    back = sites(rollout_undo=True)
    each(steps.look, back)
    refused(sites, back, tmp_path, "c: P0S3-08-2-00.loads, P003-08-2-00.sbn, P0S3-08-2-00.sb2 are missing in")
    for name in SITES:
        make_image(tmp_path / name, OLD)
        before[name] |= {file: data for file, data in content(tmp_path / name).items() if "08-2-00" in file}
    sites.lines.clear()
    each(steps.plan, back)
    assert sites.lines[0] == "runs that changed pbx, the newest first:"
    line = sites.lines[1]
    assert line.startswith("run         run of ")
    assert line.endswith(", to P0S3-06-3-00: all phones; stands, with 1 file to put back")
    assert back[0].handover.read(SitePlan, "pbx").undo == {"run": "run"}
    assert {site: back[0].handover.read(SitePlan, site).plan.images for site in SITES} == {
        "pbx": {"a": OLD, "b": OLD},
        "branch": {"c": OLD},
    }
    each(steps.point, back)
    for site in back:
        assert (tmp_path / site.name / "OS79XX.TXT").read_text() == "P003-08-2-00\n", "for the phones that are on their way"
        site.put_back({"run": "run"})
    assert {name: content(tmp_path / name) for name in SITES} == before


def test_nothing_to_undo(sites, tmp_path):
    among = sites(rollout_undo=True)
    each(steps.look, among)
    refused(sites, among, tmp_path, "nothing to undo: there is no record of a change to pbx, branch")
