# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook diagnose: a table and a page for people, JSON for tools, an exit status for scripts."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report import writer
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.outcome import Outcome, RunReport

pytestmark = pytest.mark.once

SICK, WELL = "001122AABB01", "001122AABB02"
MISSING = "P0S3-8-12-00.loads"


def tftpd_hpa(second, number, address, file, found):
    lines = [f"in.tftpd[{number}]: RRQ from {address} filename {file}"]
    return lines if found else [*lines, f"in.tftpd[{number}]: sending NAK (1, File not found) to {address}"]


def atftpd(second, number, address, file, found):
    lines = [f"atftpd[77.{number}]: Serving {file} to {address}:{50000 + number}"]
    return lines if found else [*lines, f"atftpd[77.{number}]: File /srv/tftp/{file} not found"]


def dnsmasq(second, number, address, file, found):
    return [
        f"dnsmasq-tftp[77]: sent /srv/tftp/{file} to {address}"
        if found
        else f"dnsmasq-tftp[77]: file /srv/tftp/{file} not found for {address}"
    ]


def write_log(path, wording=tftpd_hpa, sick=SICK, well=WELL):
    """A phone whose image is missing, and one that is well."""
    lines = ["Nov 20 09:59:00 pbx systemd[1]: Started a thing."]
    for minute, mac, address in ((0, sick, "192.0.2.1"), (5, well, "192.0.2.2")):
        steps = [(0, f"CTLSEP{mac}.tlv", False), (0, f"SEP{mac}.cnf.xml", False), (23, "SIPDefault.cnf", True), (23, f"SIP{mac}.cnf", True)]
        steps += [(24, MISSING, False)] if mac == sick else [(25, "RINGLIST.DAT", True), (25, "dialplan.xml", True)]
        for number, (second, file, found) in enumerate(steps):
            said = wording(second, 100 * minute + number + 10, address, file, found)
            lines += [f"Nov 20 10:{minute:02}:{second:02} pbx {text}" for text in said]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def diagnose(tmp_path, ansible_playbook):
    """Runs the playbook over these TFTP hosts (name → variables) and phones: (exit status, output, diagnose.json)."""

    def play(hosts, *arguments, phones=None, group="tftp_servers", since="2000-01-01"):
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        servers = {
            name: {**local, **{key: str(value) if isinstance(value, Path) else value for key, value in own.items()}}
            for name, own in hosts.items()
        }
        phone = {"ansible_password": "hunter2", "ansible_connection": "voip.cisco79xx.telnet"}
        inventory = {group: {"hosts": servers}, "phones": {"hosts": phones or {}, "vars": phone}}
        window = ("-e", f"since={since}") if since and not any("since" in argument for argument in arguments) else ()
        status, output = ansible_playbook("diagnose.yml", inventory, *window, *arguments)
        report = tmp_path / "cisco79xx-report" / "diagnose.json"
        shown = json.loads(report.read_text()) if report.exists() else {}
        assert "hunter2" not in output + json.dumps(shown)
        assert "Traceback" not in output
        assert "reserved name" not in output
        return status, output, shown

    return play


PHONES = {
    "reception": {"ansible_host": "192.0.2.1", "cisco79xx_mac": "00:11:22:aa:bb:01"},
    f"SEP{WELL}": {"ansible_host": "192.0.2.2"},
}


def verdicts(shown):
    return {name: phone["verdict"] for name, phone in shown["phones"].items()}


@pytest.mark.parametrize("wording", [tftpd_hpa, atftpd, dnsmasq])
@pytest.mark.parametrize("check", [[], ["--check"]])
def test_the_log_of_each_server(diagnose, tmp_path, wording, check):
    log = write_log(tmp_path / "tftp.log", wording)
    status, output, shown = diagnose({"pbx": {"cisco79xx_tftp_log": log}}, *check, phones=PHONES)
    assert status == 2, output
    assert verdicts(shown) == {"reception": "image_missing", f"SEP{WELL}": "healthy"}
    # atftpd says "not found" of a file that it may not read, too
    assert shown["phones"]["reception"]["confidence"] == ("likely" if wording is atftpd else "certain")
    assert "✗ the image is not all there: 1 phone\n" in output
    assert f"what to do: put {MISSING} into the TFTP root" in output
    assert "phones that are not well: 1: reception" in output
    page = (tmp_path / "cisco79xx-report" / "diagnose.html").read_text()
    assert "<svg" in page and page.count("<script") == 1


def test_the_page_of_a_rollout_beside_links_to_the_timelines(diagnose, tmp_path):
    reports = tmp_path / "cisco79xx-report"
    writer.write(reports, RunReport("P0S3-06-3-00", {"reception": Outcome("failed"), f"SEP{WELL}": Outcome("done")}, started=1e9))
    diagnose({"pbx": {"cisco79xx_tftp_log": write_log(tmp_path / "tftp.log")}}, phones=PHONES)
    links = re.findall(r'<a href="diagnose.html#(\w+)">(.*?)</a>', (reports / "report.html").read_text())
    assert {name for _place, name in links} == {"reception"}
    assert f'id="{links[0][0]}"' in (reports / "diagnose.html").read_text()
    (folder,) = reports.glob("*-diagnose")
    assert (folder / "diagnose.html").read_text() == (reports / "diagnose.html").read_text()


def test_the_status_is_of_what_is_shown(diagnose, tmp_path):
    log = write_log(tmp_path / "tftp.log")
    own = {"cisco79xx_tftp_log": [str(log)]}
    phones = {**PHONES, "cellar": {"ansible_host": "192.0.2.77"}}
    for arguments, status, names in (
        (["-e", "verdict=healthy"], 0, {f"SEP{WELL}"}),
        (["-e", "verdict=healthy,image_missing"], 2, {"reception", f"SEP{WELL}"}),
        (["-e", '{"verdict": ["flashing"]}'], 0, set()),
        (["--limit", f"SEP{WELL}"], 0, {f"SEP{WELL}"}),
        (["--limit", "reception"], 2, {"reception"}),
        (["--limit", "cellar"], 0, {"cellar"}),
        (["--limit", "cellar", "-e", "strict=true"], 2, {"cellar"}),
        (["--limit", "pbx"], 2, {"001122AABB01", "001122AABB02"}),
    ):
        got, output, shown = diagnose({"pbx": own}, *arguments, phones=phones)
        assert (got, set(shown["phones"])) == (status, names), output
    assert "is not in the log" in diagnose({"pbx": own}, "--limit", "cellar", phones=phones)[1]
    status, output, _rest = diagnose({"pbx": own}, "-e", "verdict=sick", phones=phones)
    assert status == 2
    assert "verdict: there is no 'sick'; there are healthy, " in output


def test_where_the_log_is(diagnose, tmp_path):
    log = write_log(tmp_path / "tftp.log")
    wrong = {"cisco79xx_tftp_log": "/nowhere.log", "cisco79xx_tftp_unit": "tftpd-hpa"}
    for named in ({"log_path": f"{tmp_path}/*.log"}, {"log_command": ["cat", str(log)]}):
        status, output, shown = diagnose({"pbx": wrong}, "-e", json.dumps(named), phones=PHONES)
        assert (status, len(shown["phones"])) == (2, 2), output
        assert "image_missing" in verdicts(shown).values()
    status, output, shown = diagnose(
        {"pbx": {}}, "-e", f"log_path={log}", "-e", "since=2000-01-01", "-e", "log_until=2000-01-02", phones=PHONES
    )
    assert status == 0, output
    assert set(verdicts(shown).values()) == {"cannot_tell"}


def test_a_log_that_cannot_be_read_does_not_hide_another(diagnose, tmp_path):
    hosts = {
        "tftp1": {"cisco79xx_tftp_log": tmp_path / "nowhere.log"},
        "tftp2": {"cisco79xx_tftp_log": write_log(tmp_path / "two.log")},
        "tftp3": {"cisco79xx_tftp_log": write_log(tmp_path / "three.log", dnsmasq, "001122AABB03", "001122AABB04")},
    }
    status, output, shown = diagnose(hosts, "-e", "tftp_group=servers", "-e", "verdict=healthy", phones=PHONES, group="servers")
    assert status == 2, output
    assert f"tftp1: {tmp_path}/nowhere.log does not exist" in output
    assert verdicts(shown) == {f"SEP{WELL}": "healthy", "001122AABB04": "healthy"}
    assert shown["phones"]["001122AABB04"]["tftp_host"] == "tftp3"
    assert "does not exist" in shown["hosts"]["tftp1"]["error"]
    assert diagnose(hosts, "-e", "tftp_group=servers", "--limit", "tftp3", phones=PHONES, group="servers")[2]["hosts"].keys() == {"tftp3"}


def test_a_host_that_cannot_be_reached(diagnose, tmp_path):
    hosts = {
        "away": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0},
        "pbx": {"cisco79xx_tftp_log": write_log(tmp_path / "tftp.log")},
    }
    status, output, shown = diagnose(hosts, "-e", "verdict=healthy", phones=PHONES)
    assert status == 2, output
    assert "away: " in output
    assert verdicts(shown) == {f"SEP{WELL}": "healthy"}


def test_the_last_two_days(diagnose, tmp_path):
    """All that the log has is older."""
    log = write_log(tmp_path / "tftp.log")
    log.write_text(re.sub("Nov 20", time.strftime("%b %e", time.localtime(time.time() - 4 * 86400)), log.read_text()))
    status, output, shown = diagnose({"pbx": {"cisco79xx_tftp_log": log}}, phones=PHONES, since=None)
    assert status == 0, output
    assert set(verdicts(shown).values()) == {"cannot_tell"}
    status, output, shown = diagnose({"pbx": {"cisco79xx_tftp_log": log}}, phones=PHONES, since="5d")
    assert (status, verdicts(shown)["reception"]) == (2, "image_missing"), output


def test_words_that_are_not_known(diagnose, tmp_path):
    log = tmp_path / "tftp.log"
    log.write_text("Nov 20 10:00:00 pbx mytftp: GET of SIPDefault.cnf by 192.0.2.1 went well\n")
    status, output, _shown = diagnose({"pbx": {"cisco79xx_tftp_log": log}}, phones=PHONES)
    assert status == 2, output
    assert "in words that are not known, such as" in output and "GET of SIPDefault.cnf" in output
    assert "without --verbose" not in output and "with -v only" not in output


def test_nobody_there(diagnose, tmp_path):
    empty = tmp_path / "empty.log"
    empty.touch()
    status, output, shown = diagnose({"pbx": {"cisco79xx_tftp_log": empty}})
    assert status == 0, output
    assert "No phones: neither the inventory nor the log has one to show" in output
    assert "no TFTP server wrote any of them" in output
    assert shown["phones"] == {}

    status, output, _rest = diagnose({}, phones=PHONES)
    assert status == 2
    assert "no TFTP host in the group tftp_servers" in output


def test_hostile_lines(diagnose, tmp_path):
    log = write_log(tmp_path / "tftp.log")
    owned = str(tmp_path / "owned")
    names = ("\x1b[2J<script>alert(1)</script>", "{{ lookup('pipe', 'touch " + owned + "') }}", f"$(touch {owned})")
    with log.open("a") as file:
        for number, name in enumerate(names):
            for second in range(0, 50, 5):
                file.write(f"Nov 20 10:20:{second:02} pbx in.tftpd[{900 + number}]: RRQ from 192.0.2.{50 + number} filename {name}\n")
        file.write("Nov 20 10:21:00 pbx in.tftpd[999]: RRQ from {{7*7}}<b> filename RINGLIST.DAT\n")
    status, output, shown = diagnose({"pbx": {"cisco79xx_tftp_log": log}}, "-v", phones=PHONES)
    assert status == 2, output
    assert "reception" in shown["phones"]
    assert "\x1b" not in output
    assert not Path(owned).exists()
    assert (tmp_path / "cisco79xx-report" / "diagnose.html").read_text().count("<script") == 1, "its own"


def test_a_log_that_costs_more_than_it_may(diagnose):
    """The exit status is not that of a fleet that is well."""
    endless = ("-e", '{"log_command": ["sleep", "100"]}', "-e", "max_seconds=1")
    status, output, shown = diagnose({"pbx": {}}, *endless, phones=PHONES)
    assert status == 2, output
    assert "pbx: reading the output of sleep takes more than 1 s (max_seconds): let less be read" in output
    assert set(verdicts(shown).values()) <= {"cannot_tell"}
