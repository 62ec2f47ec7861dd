# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts that were wrong once, and that no healthy phone is called sick, whatever of the log is there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.events import Stats
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.judge import facts_of
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.names import name_of
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.reader import Reader
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.requests import PhoneLog, adopt, clue_of
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.scene import Scene

BEGIN = 1_780_300_000
M, N, P = "001122AABBCC", "001122AABBDD", "001122AABBEE"
A, B, C = "10.0.0.7", "10.0.0.8", "10.0.0.9"
LOAD, OLD = "P0S3-8-12-00", "P0S3-05-3-00"
CTL, SEP, SIP, MGC, XML = "CTLSEP{}.tlv", "SEP{}.cnf.xml", "SIP{}.cnf", "MGC{}.cnf", "XMLDefault.cnf.xml"
GIVEN_UP = (0, 1, 5, 9, 13, 14, 18, 22, 26, 27, 31, 35)


# -- servers: how each logs a request at `at`, answered `late`, as times and lines


def hpa(verbosity):
    def said(at, address, name, result, late, number):
        errors = {"missing": "1, File not found", "denied": "0, Permission denied"}
        yield at, f"in.tftpd[{number}]: RRQ from {address} filename {name}"
        if result in errors and verbosity > 1:
            yield at + late, f"in.tftpd[{number}]: sending NAK ({errors[result]}) to {address}"

    return said


def rhel(at, address, name, result, late, number):
    yield at, f"in.tftpd[{number}]: RRQ from {address} filename {name}"
    if result == "denied":
        yield at + late, f"in.tftpd[{number}]: sending NAK (0, Permission denied) to {address}"
    elif result:
        yield at + late, f"in.tftpd[{number}]: Client {address} {'finished' if result == 'served' else 'File not found'} {name}"


def dnsmasq(kind):
    """`old` tells no address of what it does not have, `quiet` says nothing of that."""

    def said(at, address, name, result, late, number):
        told = {
            "served": f"sent /srv/tftp/{name} to {address}",
            "missing": "" if kind == "quiet" else f"file /srv/tftp/{name} not found" + (f" for {address}" if kind == "new" else ""),
            "denied": f"cannot access /srv/tftp/{name}: Permission denied",
        }
        if told.get(result):
            yield at + late, f"dnsmasq-tftp[7]: {told[result]}"

    return said


def atftpd(verbosity):
    def said(at, address, name, result, late, number):
        yield at, f"atftpd[7.{number}]: Serving {name} to {address}:{50000 + sum(name.encode()) % 1000}"
        if result and verbosity > 6:
            yield at + late, f"atftpd[7.{number}]: {'End of transfer' if result == 'served' else f'File /srv/tftp/{name} not found'}"
            yield at + late, f"atftpd[7.{number}]: Server thread exiting"

    return said


SERVERS = {
    "hpa -v": hpa(1),
    "hpa -vv": hpa(2),
    "rhel": rhel,
    "dnsmasq": dnsmasq("new"),
    "old dnsmasq": dnsmasq("old"),
    "quiet dnsmasq": dnsmasq("quiet"),
    "atftpd": atftpd(5),
    "atftpd 7": atftpd(7),
}


def timed(server, steps, at=0, mac=M, address=A, late=0):
    """Times and lines of a phone's requests, those of one request together."""
    return [
        list(SERVERS[server](at + wait, address, name.format(mac), result, late, 100 + at + 20 * wait + place))
        for place, (wait, name, result) in enumerate(steps)
    ]


def stamped(requests):
    lines = sorted((line for request in requests for line in request), key=lambda line: line[0])
    return [(time.strftime("%b %e %H:%M:%S pbx ", time.localtime(BEGIN + when)) + text).encode() for when, text in lines]


def logged(server, steps, *place, **more):
    return stamped(timed(server, steps, *place, **more))


def after(seconds, steps):
    return tuple((seconds + wait, name, result) for wait, name, result in steps)


RUNS = ((2, "RINGLIST.DAT", "served"), (2, "dialplan.xml", "served"))
SIX = ((0, "OS79XX.TXT", "missing"), (0, "SIPDefault.cnf", "served"), (0, SIP, "served"))
CONFIGS = ((0, "SIPDefault.cnf", "served"), (0, "./" + SIP, "served"))
OLD_BOOT = (*SIX, *RUNS)
NEW_BOOT = ((0, CTL, "missing"), (0, SEP, "served"), (0, f"{LOAD}.loads", "served"), *after(23, CONFIGS), *after(23, RUNS))
BARE_BOOT = ((0, CTL, "missing"), (0, SEP, "missing"), *after(23, CONFIGS), *after(23, RUNS))
LOADER = ((0, CTL, "missing"), (0, SEP, "missing"), (0, SIP, "served"), (0, MGC, "missing"), (0, XML, "served"))
FETCHES = (*LOADER, (1, f"{LOAD}.loads", "served"), (2, f"{LOAD}.sb2", "served"))
UPGRADE = (*SIX, (1, "P003-8-12-00.sbn", "served"), *after(40, FETCHES), *after(100, BARE_BOOT))
FROM_SCCP = (*LOADER, (1, f"{LOAD}.loads", "served"), (2, "P003-8-12-00.sbn", "served"), *after(37, FETCHES), *after(100, BARE_BOOT))
NEXT_HOP = (*NEW_BOOT[:5], (24, "P0S3-08-9-00.loads", "served"), (25, "P003-08-9-00.sbn", "served"), *after(65, NEW_BOOT))
DOWN = (*NEW_BOOT[:5], (24, f"{OLD}.sbn", "served"), *after(80, OLD_BOOT))


def later(server, at=4000):
    """Another phone, so that the log goes on."""
    return logged(server, OLD_BOOT, at, P, C)


def told(lines, key=M, **options):
    return diagnose(lines, now=options.pop("now", BEGIN + 4010), **options)["phones"][key]


def judged(lines, key=M, **options):
    facts = told(lines, key, **options)
    return facts["verdict"], facts["confidence"]


def heard(lines, now=None):
    """The facts of phones with an address each, with all that the judge can be told."""
    clues = [(event.time, clue_of(event.meaning, name_of(event.meaning.file))) for event in Reader(BEGIN + 9000, Stats()).events(lines)]
    macs = {clue.meaning.address: clue.name.mac for _when, clue in clues if clue.name.mac and clue.meaning.address}
    phones: dict[str, PhoneLog] = {}
    orphans = []
    for when, clue in clues:
        key = clue.name.mac or macs.get(clue.meaning.address, clue.meaning.address)
        if not key:
            orphans.append((when, clue))
            continue
        phones.setdefault(key, PhoneLog(key, key, [], 1, when)).clues.append((when, clue))
    scene = Scene()
    for when, clue in clues:
        scene.note(clue.meaning, clue.name.kind, when)
    adopt(phones.values(), orphans, scene.limits)
    scene.end = max((when or 0.0 for when, _clue in clues), default=0.0)
    scene.now = scene.end if now is None else max(scene.end, BEGIN + now)
    return {key: facts_of(phone, scene, None) for key, phone in phones.items()}


# -- what dnsmasq says of nobody


@pytest.mark.parametrize(
    ("server", "result", "verdict"),
    [
        ("old dnsmasq", "missing", "image_missing"),
        ("old dnsmasq", "denied", "image_unreadable"),
        ("quiet dnsmasq", "denied", "image_unreadable"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wait", [0, 1, 4, 9])
def test_an_image_that_only_one_phone_can_have_asked_for(server, result, verdict, wait):
    steps = (*SIX, (wait, f"{OLD}.sbn", result), *after(wait, RUNS))
    facts = heard(logged(server, steps) + later(server, 200))
    assert (facts[M]["verdict"], facts[M]["confidence"]) == (verdict, "likely")
    assert facts[P]["verdict"] == "healthy"


def test_an_image_that_several_phones_can_have_asked_for():
    steps = (*SIX, (4, f"{OLD}.sbn", "denied"), *after(4, RUNS))
    facts = heard(stamped(timed("quiet dnsmasq", steps) + timed("quiet dnsmasq", OLD_BOOT, 4, N, B)) + later("quiet dnsmasq"))
    for key in M, N:
        assert facts[key]["verdict"] == "cannot_tell" and f"{OLD}.sbn" in facts[key]["advice"]
        assert any("cannot access" in line for line in facts[key]["evidence"])
    assert facts[P]["verdict"] == "healthy"


def test_an_image_of_a_phone_that_is_about_another():
    fetches = timed("old dnsmasq", FETCHES, 0, N, B)
    denied = timed("old dnsmasq", (*BARE_BOOT[:4], (24, "P0S3-08-9-00.loads", "missing"), *after(24, RUNS)), -24)
    facts = heard(stamped(fetches + denied) + later("old dnsmasq"))
    assert facts[M]["verdict"] == "image_missing"
    assert facts[N]["verdict"] != "image_missing"


def test_an_image_whose_reader_is_not_in_the_log():
    lost = timed("old dnsmasq", [(0, f"{OLD}.sbn", "missing")], 20)
    for steps, key in ((OLD_BOOT, M), (RUNS, A)):
        facts = heard(stamped([*timed("old dnsmasq", steps, 15), *lost]) + later("old dnsmasq"))
        assert facts[key]["verdict"] == "cannot_tell" and facts[P]["verdict"] == "healthy"


def test_an_image_of_a_phone_that_boots_after_others():
    requests = timed("quiet dnsmasq", (*SIX, (0, f"{OLD}.sbn", "denied"), *after(1, RUNS)), 210) + timed("quiet dnsmasq", OLD_BOOT, 0, P, C)
    for number in range(5):
        requests += timed("quiet dnsmasq", OLD_BOOT, 200 + number, f"0011223344{number:02X}", f"10.0.1.{number}")
    facts = heard(stamped(requests) + later("quiet dnsmasq"))
    assert facts.pop(M)["verdict"] == "image_unreadable"
    assert {one["verdict"] for one in facts.values()} == {"healthy"}


# -- logs that show only a part


def test_without_times_nothing_is_certain():
    for steps, verdict in ((NEW_BOOT, "healthy"), ((*SIX, (0, f"{OLD}.sbn", "missing")), "image_missing")):
        lines = [line[16:] for line in logged("rhel", steps)]
        assert judged(lines) == (verdict, "likely")
        assert told(lines)["timeline"][0]["time"] is None


def test_how_to_see_more():
    advice = told(logged("hpa -v", NEW_BOOT[:3]) + later("hpa -v"))["advice"]
    assert "udp and host" in advice and "port 69" not in advice


# -- what is under way, and what was


@pytest.mark.parametrize("steps", [(*SIX, (1, f"{OLD}.sbn", "served")), (*SIX, (0, f"{OLD}.sbn", "served")), FETCHES])
def test_an_update_whose_end_is_not_in_the_log(steps):
    lines = logged("hpa -vv", steps)
    assert heard(lines)[M]["verdict"] == "flashing"
    for now in (-(10**6), 0, 200):
        assert heard(lines, now)[M]["verdict"] == "flashing"
    for now in (400, 4000, 10**8):
        facts = heard(lines, now)[M]
        assert facts["verdict"] == "cannot_tell" and "the log ends" in facts["advice"]
    facts = heard(lines + later("hpa -vv"), 10**8)
    assert (facts[M]["verdict"], facts[M]["confidence"]) == ("fell_silent", "likely")
    assert facts[P]["verdict"] == "healthy"


def test_a_boot_whose_end_is_not_in_the_log():
    lines = logged("hpa -vv", NEW_BOOT[:3])
    for now, advice in ((None, "look again in two minutes"), (60, "look again in two minutes"), (10**8, "the log ends")):
        facts = heard(lines, now)[M]
        assert facts["verdict"] == "cannot_tell" and advice in facts["advice"]
    for boot in (NEW_BOOT, OLD_BOOT):
        assert heard(logged("hpa -vv", boot), 10**8)[M]["verdict"] == "healthy"


@pytest.mark.parametrize("wait", [20, 62, 90, 110])
def test_the_end_of_summer_time(wait):
    """Stamps without zone: what comes after is an hour before."""
    requests = [[(when - 3600 * (when > wait), line) for when, line in request] for request in timed("hpa -vv", UPGRADE)]
    assert judged(stamped(requests) + later("hpa -vv"))[0] in ("healthy", "cannot_tell")


# -- one story or another


@pytest.mark.parametrize("server", ["hpa -vv", "rhel", "atftpd 7"])
def test_a_server_that_answers_late(server):
    steps = []
    for number, (name, result) in enumerate(((CTL, "missing"), (SEP, "missing"), ("SIPDefault.cnf", "served"), (SIP, "served"))):
        steps += [(9 * number + 20 * (number > 1) + wait, name, result) for wait in (0, 1, 5)]
    steps += [(56 + wait, name, "served") for name in ("RINGLIST.DAT", "dialplan.xml") for wait in (0, 1, 5)]
    slow = judged(logged(server, steps, late=6) + later(server))
    assert slow == ("server_slow", "likely")
    # The same at once: the line loses packets, or the firewall drops what comes.
    assert judged(logged(server, steps) + later(server))[0] != "server_slow"


def test_repeats_of_several_phones_behind_one_address():
    requests = [request for number in range(3) for request in timed("dnsmasq", NEW_BOOT, 3 * number, f"0011223344{number:02X}")]
    phones = diagnose(stamped(requests) + later("dnsmasq"), now=BEGIN + 9000)["phones"]
    assert {facts["verdict"] for facts in phones.values()} == {"healthy"}


def test_the_folder_it_is_in():
    for file, folder in (
        ("./a", ""),
        (".//./a", ""),
        ("/srv/tftp/./a", "/srv/tftp/"),
        ("west/./a", "west/"),
        ("../a", "../"),
        ("/./a", "/"),
    ):
        assert name_of(file).folder == folder


@pytest.mark.parametrize("server", ["hpa -v", "hpa -vv", "dnsmasq", "atftpd"])
def test_whole_boots_without_end(server):
    steps = [step for boot in range(8) for step in after(60 * boot, NEW_BOOT)]
    assert judged(logged(server, steps)) == ("boot_loop", "likely")
    assert judged(logged(server, steps) + later(server))[0] == "cannot_tell"  # it may be off since
    assert judged(logged(server, steps[: 4 * len(NEW_BOOT)]))[0] == "healthy"


def test_an_image_that_is_not_found_or_not_readable():
    """Both are "not found" to atftpd."""
    steps = (*SIX, (1, f"{OLD}.sbn", "missing"), *after(1, RUNS))
    assert "readable" in told(logged("atftpd 7", steps) + later("atftpd 7"))["advice"]
    assert "readable" not in told(logged("hpa -vv", steps) + later("hpa -vv"))["advice"]


@pytest.mark.parametrize("also", ["p0s3-05-3-00.SBN", "P0S3-05-3-00.SBN", "P0s3-05-3-00.sbn"])
def test_a_root_that_holds_a_name_in_two_cases(also):
    steps = (*SIX, (1, f"{OLD}.sbn", "missing"), *after(1, RUNS))
    lines = logged("hpa -vv", steps) + later("hpa -vv")
    assert judged(lines, root_files=[also])[0] == "image_wrong_case"
    assert judged(lines, root_files=[also, f"{OLD}.sbn"])[0] == "cannot_tell"  # it is there by now


def test_how_often_it_asked():
    facts = told(logged("hpa -vv", [(wait, CTL, "missing") for wait in GIVEN_UP] + [(39, SEP, "missing")]))
    assert [(asked["file"], asked["times"]) for asked in facts["timeline"]] == [(f"CTLSEP{M}.tlv", 12), (f"SEP{M}.cnf.xml", 1)]


# -- what a review found


def spoken(*lines):
    """A log of these: a time, who wrote it and what."""
    return stamped([list(lines)])


ALONE = ("hpa -vv", "rhel", "dnsmasq", "atftpd 7")


@pytest.mark.parametrize("server", ["hpa -vv", "rhel", "dnsmasq"])
def test_a_missing_image_of_one_of_the_phones_behind_an_address(server):
    """It may be of any of them that booted then, and is certain of none."""
    sick = ((0, CTL, "missing"), (0, SEP, "served"), (0, f"{LOAD}.loads", "missing"))
    well = (*NEW_BOOT[:2], *NEW_BOOT[3:])
    requests = timed(server, sick, 2) + timed(server, well, 0, N) + timed(server, well, 900, P)
    phones = diagnose(stamped(requests) + later(server), now=BEGIN + 4010)["phones"]
    for mac in (M, N):
        assert phones[mac]["verdict"] == "cannot_tell" and f"{LOAD}.loads" in phones[mac]["advice"]
        assert any("loads" in line or "NAK" in line for line in phones[mac]["evidence"])
    assert phones[P]["verdict"] == "healthy"


def test_the_folder_of_one_of_the_phones_behind_an_address():
    lost = tuple((wait, "west/" + name.lstrip("./") if wait else name, "missing") for wait, name, _result in BARE_BOOT)
    requests = timed("hpa -vv", lost, 2) + timed("hpa -vv", NEW_BOOT, 0, N)
    phones = diagnose(stamped(requests) + later("hpa -vv"), now=BEGIN + 4010)["phones"]
    assert phones[M]["verdict"] == "other_root" and phones[N]["verdict"] in FINE


@pytest.mark.parametrize("named", [True, False])
def test_transfers_that_all_fail(named):
    """All of a boot's files are asked for, and none of them is had."""
    said = [(0, f"in.tftpd[1]: RRQ from {A} filename {CTL.format(M)}"), (0, f"in.tftpd[1]: Client {A} File not found {CTL.format(M)}")]
    names = ("SIPDefault.cnf", SIP.format(M), "RINGLIST.DAT", "dialplan.xml")
    for number, (name, at) in enumerate(zip(names, (23, 62, 101, 101), strict=True), 2):
        said.append((at, f"in.tftpd[{number}]: RRQ from {A} filename {name}"))
        said.append((at + 25, f"in.tftpd[{number}]: Client {A} timed out{' ' + name if named else ''}"))
    facts = told(spoken(*said) + later("rhel"))
    assert (facts["verdict"], facts["confidence"]) == ("data_never_arrives", "likely")
    # Each message at the time that it has in the log.
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(BEGIN + 126))
    assert facts["evidence"][-1].startswith(f"{stamp} Client {A} timed out")
    sent = [(at + 25, f"dnsmasq-tftp[7]: timeout sending /srv/tftp/{name} to {A}") for name, at in zip(names, (5, 6, 30, 30), strict=True)]
    lines = spoken((0, f"dnsmasq-tftp[7]: file /srv/tftp/{CTL.format(M)} not found for {A}"), *sent)
    assert judged(lines + later("dnsmasq")) == ("data_never_arrives", "likely")


@pytest.mark.parametrize("server", ["rhel", "dnsmasq"])
@pytest.mark.parametrize("lost", [(3, 4), (5, 6), (3, 4, 5, 6)])
def test_tries_that_time_out_when_others_were_had(server, lost):
    """Of a line that loses packets: the server waits for the end of the first try."""
    requests = []
    for place, (wait, name, result) in enumerate(NEW_BOOT):
        name, again = name.format(M), place in lost
        if again and server == "rhel":
            failed = f"in.tftpd[{place}]: Client {A} timed out"
            requests.append([(wait, f"in.tftpd[{place}]: RRQ from {A} filename {name}"), (wait + 25, failed)])
        elif again:
            requests.append([(wait + 60, f"dnsmasq-tftp[7]: failed sending /srv/tftp/{name} to {A}")])
        requests.append(list(SERVERS[server](wait + again, A, name, result, 0, 100 + place)))
    assert judged(stamped(requests) + later(server))[0] == "healthy"


@pytest.mark.parametrize("name", ["syncinfo.xml", "SIP{}.cnf"])
def test_requests_from_port_after_port_are_no_retries(name):
    asked = [(600 + 3 * n, f"atftpd[7.{n}]: Serving {name.format(M)} to {A}:{50005 + n}") for n in range(5)]
    assert judged(logged("atftpd 7", NEW_BOOT) + spoken(*asked) + later("atftpd 7"))[0] == "healthy"
    facts = told(logged("atftpd 7", NEW_BOOT) + spoken(*asked[:3]) + later("atftpd 7"))
    assert [asked["times"] for asked in facts["timeline"][-3:]] == [1, 1, 1]
    # From one port they are.
    again = [(wait, said.rsplit(":", 1)[0] + ":50005") for wait, said in asked]
    assert judged(logged("atftpd 7", NEW_BOOT) + spoken(*again) + later("atftpd 7"))[0] == "data_never_arrives"


@pytest.mark.parametrize("lost", [(), (1,), (5,)])
def test_the_firewall_by_ports(lost):
    """Four tries from each port; a line may be lost."""
    asked = [(wait, f"atftpd[7.{n}]: Serving {CTL.format(M)} to {A}:{50000 + n // 4}") for n, wait in enumerate(GIVEN_UP)]
    lines = spoken(*(said for n, said in enumerate(asked) if n not in lost)) + later("atftpd")
    facts = told(lines)
    assert facts["verdict"] == "data_never_arrives" and facts["timeline"][0]["times"] == 12 - len(lost)


def test_ports_of_lost_lines_make_no_loop():
    asked = [(wait, f"atftpd[7.{n}]: Serving {CTL.format(M)} to {A}:{50000 + n // 4}") for n, wait in enumerate(GIVEN_UP) if not n % 2]
    assert judged(spoken(*asked) + later("atftpd"))[0] not in ("boot_loop", "stuck_loader", "healthy")


@pytest.mark.parametrize("server", ALONE)
@pytest.mark.parametrize("boot", [BARE_BOOT, OLD_BOOT])
def test_a_file_of_its_own_that_is_not_there(server, boot):
    steps = tuple((wait, name, "missing" if SIP in name else result) for wait, name, result in boot)
    facts = told(logged(server, steps) + later(server))
    assert (facts["verdict"], facts["confidence"]) == ("config_missing", "likely")
    assert f"put SIP{M}.cnf there" in facts["advice"] and any("NAK" in line or f"SIP{M}" in line for line in facts["evidence"])
    again = logged(server, (*steps, (54, "./" + SIP, "missing")))
    assert judged(again + later(server)) == ("config_missing", "likely")
    # Once it is there, all is well.
    sure = "likely" if server == "hpa -vv" else "certain"  # which logs no answer but refusals
    assert judged(logged(server, steps) + logged(server, boot, 900) + later(server)) == ("healthy", sure)


# -- healthy phones

HEALTHY = (OLD_BOOT, NEW_BOOT, BARE_BOOT, UPGRADE, FROM_SCCP, NEXT_HOP, DOWN)
FINE = {"healthy", "flashing", "cannot_tell"}


def spread(rng, requests, shuffled):
    """The lines of requests, in any order within a second. The lines of one request keep theirs: servers write them one after another."""
    if shuffled:
        requests = rng.sample(requests, len(requests))
    return stamped(requests)


@settings(max_examples=400, deadline=None)
@given(
    server=st.sampled_from(list(SERVERS)),
    boots=st.lists(st.tuples(st.sampled_from(HEALTHY), st.integers(0, 40), st.booleans()), min_size=1, max_size=4),
    again=st.sampled_from([0, 1500]),
    behind_one=st.booleans(),
    lower=st.booleans(),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    ends=st.sampled_from([0, 1, 2, 3]),
    goes_on=st.sampled_from([0, 700, 4000]),
    wait=st.sampled_from([0, 200, 1000, 10**8]),
    rng=st.randoms(use_true_random=False),
)
def test_no_healthy_phone_is_sick(server, boots, again, behind_one, lower, cut, ends, goes_on, wait, rng):
    requests = []
    for number, (steps, at, twice) in enumerate(boots):
        mac = f"0011223344{number:02X}"
        for start in (0, again) if again and twice else (0,):
            requests += timed(server, steps, at + start, mac.lower() if lower else mac, A if behind_one else f"10.0.1.{number}")
    if goes_on:
        requests += timed(server, OLD_BOOT, goes_on, P, C)
    lines = spread(rng, requests, ends != 3)
    first = int(cut[0] * (len(lines) - 1)) if ends & 1 else 0
    last = int(cut[1] * len(lines)) if ends & 2 else len(lines)
    lines = lines[first : max(last, first + 1)]
    facts = diagnose(lines, now=BEGIN + 6000 + wait)["phones"].values()
    assert {one["verdict"] for one in facts} <= FINE
    alone = {} if behind_one else heard(lines, wait)
    assert {one["verdict"] for one in alone.values() if one} <= FINE | ({"fell_silent"} if server == "old dnsmasq" else set())


SICK = {
    "image missing": (*SIX, (1, f"{OLD}.sbn", "missing"), *after(1, RUNS)),
    "image unreadable": (*SIX, (1, f"{OLD}.sbn", "denied"), *after(1, RUNS)),
    "load missing": (*BARE_BOOT[:4], (24, f"{LOAD}.loads", "missing"), *after(24, RUNS)),
    "no configuration": (*BARE_BOOT[:2], (23, "SIPDefault.cnf", "missing"), (23, SIP, "missing"), *after(23, RUNS)),
    "hung": (*SIX, (1, f"{OLD}.sbn", "served")),
    "no data": tuple((39 * number + wait, name, "") for number, name in enumerate((CTL, SEP, "SIPDefault.cnf", SIP)) for wait in GIVEN_UP),
    "in a loop": tuple((40 * number + wait, *rest) for number in range(6) for wait, *rest in NEW_BOOT[:2]),
}


@settings(max_examples=200, deadline=None)
@given(
    server=st.sampled_from(list(SERVERS)),
    steps=st.sampled_from(list(SICK.values())),
    others=st.lists(st.tuples(st.sampled_from(HEALTHY), st.integers(-30, 30)), max_size=2),
    rng=st.randoms(use_true_random=False),
)
def test_no_sick_phone_is_certainly_healthy(server, steps, others, rng):
    requests = timed(server, steps)
    for number, (boot, at) in enumerate(others):
        requests += timed(server, boot, at, f"0011223344{number:02X}", f"10.0.1.{number}")
    lines = spread(rng, requests + timed(server, OLD_BOOT, 4000, P, C), True)
    for phones in (diagnose(lines, now=BEGIN + 4010)["phones"], heard(lines, 4010)):
        if server == "old dnsmasq" and others:
            continue  # whose it is: the tests above
        facts = phones.get(M) or phones.get(A)
        assert not facts or (facts["verdict"], facts["confidence"]) != ("healthy", "certain")
