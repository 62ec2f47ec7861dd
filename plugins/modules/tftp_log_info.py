#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tftp_log_info
short_description: Tell from the log of a TFTP server what ails each phone
version_added: 0.1.0
description:
  - Reads the log of a TFTP server, finds the boots of each phone in it, and says which phones are well, what ails the others, how sure that
    is, and what to do about it.
  - Knows the logs of C(tftpd-hpa), C(atftpd), C(dnsmasq), C(tftpd) of the BSDs and of netkit, Cisco IOS, Tftpd32 and some others, and text
    of C(tcpdump), plain, from syslog, from the journal, rotated and
    gzipped, and captures (pcap and pcapng) of all UDP of the phones, as answers come from other ports than 69.
  - Lines that no TFTP server wrote are counted and do no harm. If the log has no others, and some name files of phones, the module
    fails and shows one, as they are of a server whose words are not known. Nothing is written on the host.
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
attributes:
  action:
    support: full
    description: Runs on the TFTP host; only names of the inventory in O(phones) are looked up on the controller.
  diff_mode:
    support: N/A
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
options:
  path:
    description:
      - Files, or patterns such as V(/var/log/syslog*). They are read in the order of what is in them, gzipped ones and captures too.
      - Without O(path), O(unit) and O(command), the first of C(/var/log/syslog*), C(/var/log/daemon.log*), C(/var/log/messages*),
        C(/var/log/dnsmasq.log*), C(/var/log/atftpd.log*) and the journal of the usual units that a TFTP server has written to is taken.
    type: list
    elements: path
  unit:
    description:
      - A systemd unit. What it wrote into the journal is the log.
    type: str
  command:
    description:
      - A command and its arguments, that writes the log to stdout and ends. No shell is involved. It should change
        nothing, and is run in check mode too.
    type: list
    elements: str
  since:
    description:
      - Leave out what is older. ISO 8601 (without a zone in that of the host), a time before now such as V(2h), V(30m) or V(1d), or seconds
        since 1970.
    type: str
  until:
    description:
      - Leave out what is newer. As O(since).
    type: str
  phones:
    description:
      - Return these phones only. MAC addresses in any usual spelling, IP addresses, or names of phones in the inventory.
    type: list
    elements: str
  verdicts:
    description:
      - Return phones with these verdicts only.
    type: list
    elements: str
    choices: [healthy, flashing, data_never_arrives, server_silent, server_refuses, image_missing, image_wrong_case, image_unreadable,
      image_rejected, config_missing, stuck_loader, boot_loop, other_root, not_ours, fell_silent, server_slow, server_restarted,
      cannot_tell]
  tftp_root:
    description:
      - The folder that the TFTP server serves. With it a name in wrong case, a file that is not there, and a phone that asks in a folder of
        another site are told for certain, even from a log of requests only.
    type: path
    required: false
  thresholds:
    description:
      - Seconds and counts that tell one story from another, by name. The defaults come from logs of real phones.
    type: dict
    suboptions:
      retry_gap:
        description:
          - Two requests of one file this close are one, unless the log shows that the first was done with, or that the phone left its port
            for another one too early.
        type: float
        default: 6
      retries: {type: int, default: 3, description: Requests of one file in a row that are no chance.}
      boot_gap: {type: float, default: 10, description: Two requests of a boot's first file are two boots from here on.}
      boot: {type: float, default: 120, description: A boot is over after this.}
      flash: {type: float, default: 300, description: An update may still run for so long.}
      loop_gap: {type: float, default: 150, description: "Boots this close, time and again, are a loop."}
      loop: {type: int, default: 4, description: Boots that make a loop.}
      reask_least:
        description: The least time after which a phone without configuration asks for it again.
        type: float
        default: 20
      reask_most: {type: float, default: 45, description: The most.}
      silent: {type: float, default: 180, description: A phone that is to read C(OS79XX.TXT) and go on has gone on by then.}
      slow: {type: float, default: 3, description: Answers this late miss the first two tries.}
  timeline:
    description:
      - Whether to return what each phone asked for and when, of at most 1000 phones, those that are not well first.
    type: bool
    default: false
  max_seconds:
    description:
      - How long reading may take. If it takes longer, or more memory than it may, the module fails and tells of no phone, as what was not
        read may say otherwise. So the host is safe from a log that is too large, or that somebody fills with forged requests.
    type: float
    default: 50
  max_megabytes:
    description:
      - Memory that reading may take, where the system tells it (Linux).
    type: float
    default: 350
notes:
  - C(tftpd-hpa) logs nothing without C(--verbose), and what it did not find only from C(-v -v) on.
  - With O(since), a plain file is read from an hour before that on, and that part alone counts for how long it takes. Its stamps have to be
    nearly in order for that, as a server writes them. Logs that are gzipped are read whole.
  - A log that is cut while it is read, as C(logrotate) does with C(copytruncate), is read once more.
seealso:
  - module: voip.cisco79xx.tftp_root_info
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
- name: Look at what there is
  voip.cisco79xx.tftp_log_info:
    since: 1d
  become: true
  register: log

- name: Show who is not well, and what to do
  ansible.builtin.debug:
    msg: "{{ item.key }}: {{ item.value.verdict }}: {{ item.value.advice }}"
  loop: "{{ log.phones | dict2items | rejectattr('value.verdict', 'in', ['healthy', 'flashing', 'not_ours']) }}"
  loop_control:
    label: "{{ item.key }}"

- name: One phone, from rotated logs, for certain
  voip.cisco79xx.tftp_log_info:
    path: /var/log/syslog*
    phones: 00:0e:84:c0:60:a6
    tftp_root: /srv/tftp
    timeline: true

- name: From the journal, phones that never get their data
  voip.cisco79xx.tftp_log_info:
    unit: tftpd-hpa
    since: "2026-11-23T10:00:00+01:00"
    verdicts: [data_never_arrives, server_silent]

- name: From a container
  voip.cisco79xx.tftp_log_info:
    command: [podman, logs, --timestamps, tftp]
"""

RETURN = r"""
phones:
  description:
    - Every phone in the log, or those asked for, by MAC address (12 upper-case digits), or by address where no MAC is known. Those that
      are not well come first.
  returned: success
  type: dict
  contains:
    mac:
      description: MAC address, or V(null).
      type: str
      sample: 000E84C060A6
    address:
      description: The address that it asked from last, or V(null).
      type: str
      sample: 192.0.2.17
    verdict:
      description:
        - V(healthy), V(flashing) (an update is under way) and V(not_ours) (no SIP phone) need nobody.
        - V(cannot_tell) is what the log does not tell.
      type: str
      sample: image_missing
    confidence:
      description: V(certain), V(likely) or V(cannot_tell).
      type: str
      sample: certain
    advice:
      description: What to do.
      type: str
      sample: put P0S3-8-12-00.sb2 into the TFTP root
    evidence:
      description: The messages that the verdict rests on, with their times in the zone of the host, without what could harm a terminal.
      type: list
      elements: str
      sample: ["2026-11-23 11:25:30 sending NAK (1, File not found) to 192.0.2.17"]
    since:
      description: When that began, in UTC, as far as the log shows, or V(null) if the log has no times.
      type: str
      sample: "2026-11-23T10:25:30+00:00"
    boots:
      description: How often it booted, as far as the log tells, at all of its addresses.
      type: int
      sample: 2
    generation:
      description: The firmware that it runs, as far as the log tells.
      type: str
      sample: 8.x
    first_seen:
      description: When it first asked for something, in UTC, or V(null) if the log has no times.
      type: str
      sample: "2026-11-23T10:25:30+00:00"
    last_seen:
      description: When it last did.
      type: str
      sample: "2026-11-23T10:25:56+00:00"
    timeline:
      description:
        - What it asked for last, oldest first, each with C(time), C(file), C(result) and C(times), how often it asked, as it does again
          after some seconds if no answer reaches it.
        - The C(result) is V(asked) if the log has no answer, V(served), V(missing), V(denied), V(failed), V(unsure) (done, the server says,
          as it does of some that failed), or V(data_unacked) (sent and never acknowledged).
      returned: O(timeline=true)
      type: list
      elements: dict
      sample: [{time: "2026-11-23T10:25:30+00:00", file: SIPDefault.cnf, result: served, times: 1}]
summary:
  description: How many phones of those asked for have which verdict, before O(verdicts) is applied.
  returned: success
  type: dict
  sample: {healthy: 248, image_missing: 2}
lines:
  description: Lines of the log, or packets of a capture, that were read. What stands long before O(since) in a plain file is not.
  returned: success
  type: int
  sample: 4711
unknown:
  description: Those of them that no TFTP server wrote.
  returned: success
  type: int
  sample: 12
server:
  description: What wrote the log, several separated by commas; empty if no TFTP server did.
  returned: success
  type: str
  sample: tftpd-hpa
logs:
  description: The files that were read, oldest first; or the units or the command.
  returned: success
  type: list
  elements: str
  sample: [/var/log/syslog.1, /var/log/syslog]
"""

import errno
import glob
import ipaddress
import os
import time
from collections import Counter
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import clean, count, quote
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import diagnose as tftp_log
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log import sources as log_source
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.bounds import TooMuch, bounded, reading
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.reader import plain
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.scene import Thresholds
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.sources import SourceError
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.verdicts import VERDICTS, WELL

MOST_TIMELINES = 1000

Facts = Dict[str, Any]


class Log:
    """The module's work. Raises SourceError and OSError."""

    def __init__(self, module: AnsibleModule) -> None:
        self.params = module.params
        self.warn: Callable[[str], None] = module.warn
        self.journalctl: Optional[str] = module.get_bin_path("journalctl")
        self.now = time.time()
        self.since, self.until = (
            log_source.moment(text, self.now) if text else None for text in (module.params["since"], module.params["until"])
        )
        self.thresholds = _thresholds(module.params["thresholds"])
        root = module.params["tftp_root"]
        self.root_files = log_source.root_files(root) if root else None

    def result(self) -> Facts:
        wanted = _wanted(self.params["phones"])
        found, logs = self._given() or self._found()
        if found["strange"]:
            strange = (
                f"{count(found['strange'], 'line')} of {clean(', '.join(logs))} name phones' files in words that are not known, such as "
                f"{quote(plain(found['sample']), 200)}: they were not read; give another log, or a capture, and report the line"
            )
            if not found["phones"]:
                raise SourceError(strange)
            self.warn(strange)
        if not found["server"]:
            places = clean(", ".join(logs)) or "a log as new as since"
            self.warn(
                f"no TFTP server has written to {places}: tftpd-hpa logs nothing without --verbose (on Debian: TFTP_OPTIONS in "
                "/etc/default/tftpd-hpa); or name the log by its path, unit or command"
            )
        phones = {
            key: facts for key, facts in found["phones"].items() if wanted is None or facts["mac"] in wanted or facts["address"] in wanted
        }
        verdicts = self.params["verdicts"] or VERDICTS
        shown = [(facts["verdict"] in WELL, key, facts) for key, facts in phones.items() if facts["verdict"] in verdicts]
        shown.sort(key=lambda one: one[:2])
        return {
            "phones": {clean(key): self._shown(facts, number) for number, (_well, key, facts) in enumerate(shown)},
            "summary": dict(sorted(Counter(facts["verdict"] for facts in phones.values()).items())),
            "lines": found["lines"],
            "unknown": found["unknown"],
            "server": found["server"],
            "logs": clean(logs),
        }

    def _shown(self, facts: Facts, number: int) -> Facts:
        shown = {**facts, "first_seen": _iso(facts["first_seen"]), "last_seen": _iso(facts["last_seen"]), "since": _iso(facts["since"])}
        timeline = shown.pop("timeline")
        if self.params["timeline"] and number < MOST_TIMELINES:
            shown["timeline"] = [{**asked, "time": _iso(asked["time"])} for asked in timeline]
        cleaned: Facts = clean(shown, 500)
        return cleaned

    def _given(self) -> Optional[Tuple[Facts, List[str]]]:
        """What the log that was named tells, and what it is called."""
        if self.params["path"]:
            return self._files(self.params["path"])
        if self.params["unit"]:
            return self._journal([self.params["unit"]])
        if self.params["command"]:
            name = os.path.basename(self.params["command"][0])
            with reading(clean(f"the output of {name}")):
                return self._diagnose(log_source.output(self.params["command"])), [name]
        return None

    def _found(self) -> Tuple[Facts, List[str]]:
        """The first of the usual places that a TFTP server has written to."""
        looks = [partial(self._files, [pattern]) for pattern in log_source.USUAL if glob.glob(pattern)]
        looks += [partial(self._journal, log_source.UNITS)] if self.journalctl else []
        faults: List[str] = []
        empty: List[str] = []
        strange: List[Tuple[Facts, List[str]]] = []
        for look in looks:
            try:
                found, logs = look()
            except SourceError as error:
                faults.append(str(error))
                continue
            if found["server"]:
                return found, logs
            empty += logs
            strange += [(found, logs)] if found["strange"] else []
        if strange:
            return strange[0]
        if faults or not looks:
            places = "; ".join(faults) or "neither the usual files in /var/log nor a journal are on this host"
            raise SourceError(f"no log of a TFTP server was found: {places}; or name the log by its path, unit or command")
        return found, empty

    def _files(self, patterns: Sequence[str], again: bool = True) -> Tuple[Facts, List[str]]:
        paths, left_out = log_source.files(patterns, self.since, self.now)
        try:
            with reading(", ".join(paths)):
                found = self._diagnose(paths)
        except OSError as error:
            if error.errno != errno.ESTALE or not again:
                raise
            return self._files(patterns, again=False)  # it was rotated meanwhile
        for text in left_out:
            self.warn(text)
        return found, paths

    def _journal(self, units: Sequence[str]) -> Tuple[Facts, List[str]]:
        if not self.journalctl:
            raise SourceError("journalctl is not on this host: name the log with path")
        name = f"journal of {', '.join(units)}"
        with reading(f"the {name}"):
            return self._diagnose(log_source.journal(self.journalctl, units, self.since, self.until)), [name]

    def _diagnose(self, source: Union[Sequence[str], Iterable[bytes]]) -> Facts:
        return tftp_log.diagnose(
            source, now=self.now, since=self.since, until=self.until, thresholds=self.thresholds, root_files=self.root_files
        )


def _wanted(phones: Optional[List[str]]) -> Optional[Set[str]]:
    """MACs and addresses in one spelling. Raises SourceError."""
    if phones is None:
        return None
    wanted = set()
    for text in phones:
        try:
            wanted.add(str(ipaddress.ip_address(text.strip())))
        except ValueError:
            try:
                wanted.add(mac.parse(text))
            except ValueError as error:
                raise SourceError(f"phones: {error}; or it takes an IP address, or a name in the inventory") from None
    return wanted


def _thresholds(given: Optional[Dict[str, Any]]) -> Thresholds:
    """Raises SourceError."""
    for name, value in (given or {}).items():
        if not 0 < value < float("inf"):
            raise SourceError(f"thresholds: {name} is {value}: it has to be more than 0")
    return Thresholds(**(given or {}))


def _iso(seconds: Optional[float]) -> Optional[str]:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "list", "elements": "path"},
            "unit": {"type": "str"},
            "command": {"type": "list", "elements": "str"},
            "since": {"type": "str"},
            "until": {"type": "str"},
            "phones": {"type": "list", "elements": "str"},
            "verdicts": {"type": "list", "elements": "str", "choices": list(VERDICTS)},
            "tftp_root": {"type": "path"},
            "thresholds": {
                "type": "dict",
                "options": {name: {"type": type(value).__name__, "default": value} for name, value in Thresholds()._asdict().items()},
            },
            "timeline": {"type": "bool", "default": False},
            "max_seconds": {"type": "float", "default": 50},
            "max_megabytes": {"type": "float", "default": 350},
        },
        mutually_exclusive=[("path", "unit", "command")],
        supports_check_mode=True,
    )
    try:
        with bounded(module.params["max_seconds"], module.params["max_megabytes"]):
            result = Log(module).result()
    except (SourceError, TooMuch) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or 'the log'} cannot be read: {error.strerror}")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
