# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module rollout_ledger, as the steps of a rollout ask it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import ledger as ledgers
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.lock import locked
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.modules import rollout_ledger
from ansible_collections.voip.cisco79xx.tests.unit.plugins.modules.running import as_root, assert_documented, run_module, warnings

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
LEASE = {"who": "ann", "controller": "ctl1", "process": {}, "timeout": 300}
NOTHING = {"notes": 0, "wave": 0, "rollout": {}, "events": []}
ROLLOUT = {"id": "one", "goal": NEW, "phones": {"a": None, "b": None}, "waves": [["a"], ["b"]]}
RESET = {"mac": "", "image": NEW, "before": OLD, "deferred": False, "sent": True, "at": 1.0}


class Site:
    """A root and its ledger."""

    def __init__(self, folder):
        self.root = folder / "tftp"
        self.root.mkdir()
        (self.root / "SIPDefault.cnf").write_text(f"image_version: {OLD}\n")
        self.state = folder / "state"
        self.where = {"tftp_root": str(self.root), "state_dir": str(self.state)}

    def ask(self, action, run="one", **told):
        """What the module answers, in this process."""
        asked = SimpleNamespace(check_mode=False, params={**self.where, "action": action, "run": run, "told": told})
        try:
            return rollout_ledger.run(asked)
        except TransactionError as error:
            return {"msg": str(error)}

    def ask_apart(self, action, run="one", **told):
        """As Ansible does it."""
        return run_module("rollout_ledger", {**self.where, "action": action, "run": run, "told": told})

    def take(self, run="one", seen=None, take_over=False, **lease):
        seen = self.ask("look", run)["ledger"]["serial"] if seen is None else seen
        return self.ask("take", run, lease={**LEASE, **lease}, seen=seen, take_over=take_over)["refused"]

    def note(self, run="one", **told):
        return self.ask("note", run, **{**NOTHING, **told})["refused"]

    def give_back(self, run="one", end="", paused=0, **told):
        return self.ask("give_back", run, **{**NOTHING, "end": end, "paused": paused, **told})["refused"]

    def files(self):
        return sorted(path.name for path in self.state.rglob("rollout*"))

    @property
    def path(self):
        (path,) = self.state.glob("*/rollout.json")
        return path

    def facts(self):
        return json.loads(self.path.read_text())

    def older(self, seconds):
        """As if the last sign of life had been given so long ago."""
        facts = self.facts()
        facts["lease"]["seen"] -= seconds
        self.path.write_text(json.dumps(facts))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def event(phone, step, **more):
    return {"phone": phone, "event": step, "ago": 0.0, "image": NEW, **more}


def test_a_look_leaves_nothing(site):
    answer = site.ask_apart("look")
    assert_documented("rollout_ledger", answer)
    assert answer["ledger"] == {"serial": 0, "rollout": None, "resets": {}, "lease": None, "lost": []}
    assert abs(answer["now"] - time.time()) < 5
    assert not site.state.exists()


def test_a_run_that_does_nothing_leaves_nothing(site):
    assert site.take() == ""
    assert site.path.stat().st_mode & 0o777 == 0o600
    assert site.give_back(end="done", rollout={**ROLLOUT, "waves": []}) == ""
    assert not list(site.state.rglob("*.json"))


def test_one_run_at_a_time(site):
    assert site.take() == ""
    refused = site.take("two")
    assert "run one of ann at ctl1 is at work here, before its first wave, last sign of life 0 s ago" in refused
    assert refused.endswith(
        "so nothing was changed: wait for its end; if it is dead, run again in 5 min, or take the site over with -e take_over=true"
    )
    assert site.note(wave=2) == ""
    assert "in wave 2" in site.ask("look", "two")["held"]
    assert site.ask("look")["held"] == "", "it is our own"
    site.give_back()
    assert site.take("two") == ""


@pytest.mark.parametrize("seconds", [299, 301, -3600])
def test_a_lease_runs_out(site, seconds):
    site.take()
    site.older(seconds)
    if seconds < 300:
        assert "is at work here" in site.take("two"), "also if the clock was put back"
        return
    assert site.take("two") == ""
    assert site.note() == "run one does not hold this root any more: run two of ann at ctl1 took it over"
    assert site.give_back(end="done") and site.facts()["lease"]["run"] == "two", "it takes nothing from who has it now"


def test_taken_over(site):
    site.take()
    site.note(rollout=ROLLOUT, events=[event("a", "reset")])
    assert site.take("two", take_over=True) == ""
    assert site.note("one", events=[event("a", "back")]).startswith("run one does not hold")
    assert list(site.facts()["resets"]) == ["a"], "what it tells does not count"


def test_a_plan_that_is_older_than_what_another_run_did(site):
    site.take("two")
    site.note("two", rollout=ROLLOUT)
    site.give_back("two")
    assert site.take("three", seen=0).startswith("another run was at work here since this one has looked, so nothing was changed")
    assert site.take("three", seen=site.ask("look")["ledger"]["serial"]) == ""
    site.note("three", rollout=ROLLOUT, wave=1)
    site.give_back("three", end="done", wave=1)
    assert site.take("four", seen=0).startswith("another run was at work here"), "also where nothing is left of it"


def test_a_second_reset_of_a_phone_is_a_new_one(site):
    site.take()
    site.note(rollout=ROLLOUT, wave=1, events=[event("a", "reset", ago=1000.0, before=OLD), event("a", "sent", ago=999.0)])
    assert site.facts()["resets"]["a"]["before"] == OLD
    first = site.facts()["resets"]["a"]["at"]
    site.note(rollout=ROLLOUT, wave=1, events=[event("a", "reset", image="P0S3-08-2-00")])
    again = site.facts()["resets"]["a"]
    assert again["at"] > first + 900 and again["image"] == "P0S3-08-2-00" and not again["sent"]


@pytest.mark.parametrize("state", ["none", "of runs before", "a lease that ran out", "a dead lease", "a dead lease of an hour from now"])
def test_two_that_start_in_the_same_second(site, state):
    for number in range(20):
        if state == "none":
            shutil.rmtree(site.state, ignore_errors=True)
        elif state != "of runs before":
            site.take(f"dead{number}", take_over=True)
            site.older({"a lease that ran out": 400, "a dead lease": 3}.get(state, -3600))
        seen = site.ask("look")["ledger"]["serial"]
        with ThreadPoolExecutor(2) as both:
            start = Barrier(2)

            def begin(run, start=start, seen=seen):
                start.wait()
                return site.take(run, seen=seen, take_over=state.startswith("a dead lease"))  # as both see that its process is gone

            refused = list(both.map(begin, (f"a{number}", f"b{number}")))
        assert sorted(map(bool, refused)) == [False, True], refused
        (winner,) = [f"{name}{number}" for name, why in zip("ab", refused, strict=True) if not why]
        assert site.facts()["lease"]["run"] == winner
        assert site.note(winner, rollout=ROLLOUT, wave=1) == ""
        site.give_back(winner, wave=1)


def test_what_happens_to_phones(site):
    site.take()
    site.note(rollout=ROLLOUT, wave=1, events=[event("a", "reset", ago=2.0), event("b", "reset"), event("c", "reset")])
    site.note(wave=1, events=[event("a", "sent", before=OLD, deferred=True), event("b", "unsent"), event("c", "sent")])
    facts = site.facts()
    assert {key: facts["resets"]["a"][key] for key in ("image", "before", "deferred", "sent")} == {
        "image": NEW,
        "before": OLD,
        "deferred": True,
        "sent": True,
    }
    assert list(facts["resets"]) == ["a", "c"]
    site.note(wave=1, events=[event("a", "back", ago=1.0), event("c", "failed", kind="never_returned")])
    facts = site.facts()
    assert facts["resets"] == {}
    assert facts["rollout"]["became"]["a"]["what"] == "back" and facts["rollout"]["became"]["a"]["seconds"] >= 0
    assert (facts["rollout"]["became"]["c"]["kind"], facts["rollout"]["runs"]) == ("never_returned", ["one"])
    site.give_back(paused=1)
    assert site.facts()["rollout"]["paused"] == 1


def test_rollouts_that_ended_are_kept(site):
    for number in range(ledgers.KEPT + 2):
        run = f"r{number:02}"
        site.take(run)
        site.note(run, rollout={**ROLLOUT, "id": run})
        site.give_back(run, end="done" if number % 2 else "")
    names = [name for name in site.files() if name != "rollout.json"]
    assert len(names) == ledgers.KEPT and names[0] == "rollout-r02.json"
    ended = {path.name: json.loads(path.read_text())["end"] for path in site.state.rglob("rollout-*")}
    assert (ended["rollout-r20.json"], ended["rollout-r21.json"]) == ("another one was begun: r21", "done")


@pytest.mark.parametrize(
    ("seconds", "usual"),
    [
        ([60.0, 70.0, 80.0], 80.0),
        ([*[60.0] * 9, 600.0], 60.0),
        ([float("nan")], None),
        ([float("inf"), 50], 50.0),
        ([10**400, -5, 1e308, "x", None, [1], True, 0], None),
    ],
)
def test_how_long_phones_took_last_time(site, seconds, usual):
    site.take("one")
    site.note("one", rollout={**ROLLOUT, "id": "one"}, events=[event("a", "reset"), event("a", "back")])
    site.give_back("one", end="done")
    (path,) = site.state.rglob("rollout-*")
    became = {f"p{number}": {"what": "back", "seconds": one} for number, one in enumerate(seconds)}
    path.write_text(json.dumps({**json.loads(path.read_text()), "became": became}))
    assert site.ask_apart("look")["usual"] == usual


@pytest.mark.parametrize("spoil", [b"", b"[]", b"{", b'{"became": 1}', b'{"became": {"a": 1}}', b"[" * 100_000])
def test_a_record_that_tells_nothing_is_no_matter(site, spoil):
    site.take("one")
    site.note("one", rollout={**ROLLOUT, "id": "one"})
    site.give_back("one", end="done")
    (path,) = site.state.rglob("rollout-*")
    path.write_bytes(spoil)
    assert site.ask_apart("look")["usual"] is None


BROKEN = {
    b"": "is damaged",
    b"{": "is damaged",
    b"[" * 100_000: "is damaged",
    b"\xff\x00": "is damaged",
    b"[]": "is none of ours",
    b'{"about": "x"}': "is none of ours",
    json.dumps({"about": ledgers.ABOUT, "format": 2}).encode(): "has the format 2, and this collection knows 1",
    json.dumps({"about": ledgers.ABOUT, "format": "\x1b[31m"}).encode(): "has the format , and",
    json.dumps({"about": ledgers.ABOUT, "format": 1, "root": "/srv/else"}).encode(): "is of another root (/srv/else)",
}


@pytest.mark.parametrize("data", list(BROKEN))
def test_a_ledger_that_cannot_be_trusted(site, data):
    site.take()
    path = site.path
    path.write_bytes(data)
    for action in ("look", "take", "note", "give_back"):
        message = site.ask(action, **NOTHING)["msg"]
        assert message.startswith(f"{path}: this ledger of a rollout") and BROKEN[data] in message
        assert (message.isprintable() and "run again" in message) or "newer" in message
    assert path.read_bytes() == data
    change = run_module("image_version", {**site.where, "image": NEW, "verify_files": False})
    assert BROKEN[data] in change["msg"]
    assert (site.root / "SIPDefault.cnf").read_text() == f"image_version: {OLD}\n"


@pytest.mark.parametrize(
    "broken",
    [
        {"resets": {"a": 5}},
        {"resets": {"a": {**RESET, "at": "now"}}},
        {"lease": {"run": "x"}},
        {"rollout": {**ROLLOUT, "runs": [], "paused": 0, "became": {}, "waves": [[5]]}},
        {"rollout": {**ROLLOUT, "runs": [], "paused": 0, "became": {"a": 1}}},
        {"rollout": {**ROLLOUT, "runs": [], "paused": 0, "became": {}, "waves": "ab"}},
        {"lost": None},
        {"serial": "1"},
        {"serial": 10**400},
        {"resets": {"a": {**RESET, "at": float("inf")}}},
        {"resets": {"a": {**RESET, "mac": []}}},
        {"resets": {"a": {**RESET, "before": 5}}},
        {"lease": {**LEASE, "run": "x", "wave": 1, "notes": 0, "seen": float("nan")}},
        {"lease": {**LEASE, "run": "x", "wave": 1, "notes": 0, "seen": 10**400}},
        {"lease": {**LEASE, "run": "x", "wave": 1, "notes": 0, "seen": 1, "timeout": float("-inf")}},
    ],
)
def test_wrong_types(site, broken):
    site.take()
    site.path.write_text(json.dumps({**site.facts(), **broken}))
    assert "is damaged" in site.ask("look")["msg"]


@as_root
def test_links_and_strangers(site):
    site.take()
    path = site.path
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)
    assert "it is a symbolic link" in site.ask("note", **NOTHING)["msg"]
    path.unlink()
    other.rename(path)
    os.chown(path, 65534, 65534)
    assert "does not belong to user root" in site.ask("look")["msg"]
    path.unlink()
    path.mkdir()
    assert "it is a folder" in site.ask("look")["msg"]
    path.rmdir()
    os.mkfifo(path)
    assert "it is a named pipe" in site.ask("look")["msg"]
    path.unlink()
    with path.open("wb") as file:
        file.truncate(100 << 20)
    assert "is damaged" in site.ask("look")["msg"]


@as_root
def test_a_ledger_that_cannot_be_read(open_folder):
    site = Site(open_folder)
    site.state.mkdir()
    os.chown(site.state, 65534, 65534)
    ask = {**site.where, "run": "one"}
    told = {"lease": LEASE, "seen": 0, "take_over": False}
    assert run_module("rollout_ledger", {**ask, "action": "take", "told": told}, nobody=True)["refused"] == ""
    site.path.chmod(0)
    answer = run_module("rollout_ledger", {**ask, "action": "note", "told": NOTHING}, nobody=True)
    assert "rollout.json: this ledger of a rollout cannot be read: Permission denied: see that no rollout is at work" in answer["msg"]


def test_a_state_folder_that_is_none(site):
    site.state.write_text("")
    assert "nothing was changed; set state_dir to a folder" in site.ask("take", lease=LEASE, seen=0, take_over=False)["msg"]


def test_what_is_told_wrongly(site):
    assert "told is not what take needs" in site.ask_apart("take")["msg"]
    site.take()
    assert "told is not what note needs" in site.ask_apart("note", **{**NOTHING, "events": [{"phone": "a"}]})["msg"]


def test_others_are_refused_and_warned_and_the_run_itself_is_not(site):
    site.take()
    module = {**site.where, "image": NEW, "verify_files": False}
    before = site.facts()
    answer = run_module("image_version", module)
    assert answer["msg"].startswith(f"{site.root}: run one of ann at ctl1 is at work here")
    assert any("is at work here" in text for text in warnings(run_module("image_version", module, check=True)))
    same = run_module("image_version", {**module, "image": OLD})
    assert same["changed"] is False and any("is at work here" in text for text in warnings(same)), "it crosses nothing"
    own = run_module("image_version", {**module, "run": "one"})
    assert own["changed"] and not any("is at work here" in text for text in warnings(own))
    undo = {**site.where, "run": "one"}
    assert "is at work here" in run_module("tftp_root_undo", undo)["msg"]
    assert run_module("tftp_root_undo", {**undo, "by_run": "one"})["restored"] == ["SIPDefault.cnf"]
    assert site.facts() == before
    assert run_module("tftp_root_undo", {**site.where, "only_repair": True})["repaired"] == []


def test_what_comes_late_from_a_run_that_lost_the_site_is_refused(site):
    site.take()
    site.take("two", take_over=True)
    site.give_back("two")
    late = run_module("image_version", {**site.where, "image": NEW, "verify_files": False, "run": "one"})
    assert "run one does not hold this root any more" in late["msg"]
    assert run_module("image_version", {**site.where, "image": NEW, "verify_files": False})["changed"]


def test_what_comes_late_from_a_run_that_ended_or_gave_no_sign_of_life_is_refused(site):
    late = {**site.where, "image": NEW, "verify_files": False, "run": "one"}
    site.take()
    site.note(rollout=ROLLOUT, wave=1)
    site.older(301)
    refused = run_module("image_version", late)["msg"]
    assert "run one gave no sign of life for 5 min" in refused
    assert refused.endswith(", longer than lease_timeout, so nothing was changed: run it again")
    assert site.note(wave=1) == "", "nobody took it over, so it may go on"
    site.give_back(wave=1)
    assert "another run took it over, or it had come to its end" in run_module("image_version", late)["msg"]
    assert (site.root / "SIPDefault.cnf").read_text() == f"image_version: {OLD}\n"
    assert run_module("image_version", {**late, "run": "two"})["changed"]


@pytest.mark.parametrize("when", ["before the run", "in the run", "never"])
def test_a_ledger_that_is_older_than_its_run_is_noticed(site, when):
    site.take("zero")
    site.note("zero", rollout=ROLLOUT, wave=1)
    site.give_back("zero", wave=1)
    old = {"before the run": site.path.read_bytes()}
    site.take()
    site.note(rollout=ROLLOUT, wave=1)
    old["in the run"] = site.path.read_bytes()
    site.note(notes=1, wave=1, events=[event("a", "reset")])
    if when in old:
        site.path.write_bytes(old[when])
    else:
        site.path.unlink()
    refused = site.note(notes=2, wave=1, events=[event("b", "reset")])
    assert refused == "run one does not hold this root any more: its ledger was removed, or an earlier one was put back"
    assert site.give_back(notes=2)


def test_a_call_whose_answer_was_lost_is_told_again(site):
    site.take()
    for notes in (0, 0, 0, 1):
        assert site.note(notes=notes, wave=1, events=[event("a", "reset")]) == ""


def test_a_ledger_that_cannot_be_written_stays_as_it_was(site):
    site.take()
    site.note(rollout=ROLLOUT, wave=1)
    before, told = site.path.read_bytes(), {**NOTHING, "rollout": {**ROLLOUT, "id": "two"}}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        answers = [site.ask("note", **told), site.ask("give_back", end="done", paused=0, **NOTHING)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for answer in answers:
        assert answer["msg"] == f"{site.path} cannot be written (File too large): remove the cause and run again"
    assert site.path.read_bytes() == before and site.files() == ["rollout.json"]


def test_ten_thousand_phones(site):
    names = [f"SEP{number:012X}" for number in range(10_000)]
    phones = {name: name[3:] for name in names}
    site.take()
    with locked(str(site.root), str(site.state)) as store:
        began = time.process_time()
        book = store.ledger()
        events = [event(name, "reset", mac=phones[name]) for name in names] + [event(name, "back") for name in names]
        assert book.note("one", {**NOTHING, "wave": 1, "rollout": {**ROLLOUT, "phones": phones, "waves": [names]}, "events": events}) == ""
        book.save()
        assert len(store.ledger().facts["rollout"]["became"]) == 10_000
        assert time.process_time() - began < 1
