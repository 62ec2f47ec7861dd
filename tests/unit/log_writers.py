# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each TFTP server writes into its log of one request: small writers, so that a story told once exists in every wording.

Each wording is of a real log or source, which stands at its writer. Times are in seconds since `BEGIN`, local time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

BEGIN = 1_780_300_000.0
ROOT = "/srv/tftp/"


class Asked(NamedTuple):
    """One request. `answer`: served, missing, denied, absolute, failed or none; `number` tells requests apart."""

    at: float
    address: str
    file: str
    answer: str
    number: int

    @property
    def port(self) -> int:
        """Of the phone: one for each file, as phones have."""
        return 49_800 + sum(self.file.encode()) % 2000


Lines = Iterator[tuple[float, str]]
NAKS = {"missing": "1, File not found", "denied": "0, Permission denied", "absolute": "2, Only absolute filenames allowed"}


def hpa(verbosity: int) -> Callable[[Asked], Lines]:
    """tftpd-hpa of Debian (tftpd/tftpd.c): requests with -v, errors with -vv, and never an end."""

    def write(asked: Asked) -> Lines:
        daemon = f"in.tftpd[{asked.number}]: "
        yield asked.at, f"{daemon}RRQ from {asked.address} filename {asked.file}"
        if asked.answer in NAKS and verbosity > 1:
            yield asked.at, f"{daemon}sending NAK ({NAKS[asked.answer]}) to {asked.address}"

    return write


def rhel(asked: Asked) -> Lines:
    """tftpd-hpa of RHEL and CentOS, as in the log of a how-to of 2020."""
    daemon = f"in.tftpd[{asked.number}]: "
    yield asked.at, f"{daemon}RRQ from {asked.address} filename {asked.file}"
    said = {
        "served": f"Client {asked.address} finished {asked.file}",
        "missing": f"Client {asked.address} File not found {asked.file}",
        "denied": f"sending NAK (0, Permission denied) to {asked.address}",
        "absolute": f"Client {asked.address} Only absolute filenames allowed {asked.file}",
        "failed": f"Client {asked.address} timed out {asked.file}",
    }
    if asked.answer in said:
        yield asked.at, daemon + said[asked.answer]


def atftpd(verbosity: int) -> Callable[[Asked], Lines]:
    """atftpd, as its log file has it: threads with numbers of their own. What may not be read is "not found"."""

    def write(asked: Asked) -> Lines:
        daemon = f"atftpd[22996.{asked.number}]: "
        yield asked.at, f"{daemon}Serving {asked.file} to {asked.address}:{asked.port}"
        said = {
            "served": "End of transfer",
            "missing": f"File {ROOT}{asked.file} not found",
            "denied": f"File {ROOT}{asked.file} not found",
            "absolute": "sent ERROR <code: 2, msg: Only absolute filenames allowed>",
            "failed": f"client ({asked.address}) not responding",
        }
        if asked.answer in said and verbosity > 6:
            yield asked.at, daemon + said[asked.answer]
            yield asked.at, f"{daemon}Server thread exiting"

    return write


def dnsmasq(asked: Asked) -> Lines:
    """dnsmasq (src/tftp.c): answers only."""
    said = {
        "served": f"sent {ROOT}{asked.file} to {asked.address}",
        "missing": f"file {ROOT}{asked.file} not found for {asked.address}",
        "denied": f"cannot access {ROOT}{asked.file}: Permission denied",
        "failed": f"failed sending {ROOT}{asked.file} to {asked.address}",
    }
    if asked.answer in said:
        yield asked.at, f"dnsmasq-tftp[548]: {said[asked.answer]}"


def freebsd(asked: Asked) -> Lines:
    """tftpd of FreeBSD, macOS and pfSense (libexec/tftpd/tftpd.c): "%s: read request for %s: %s", written before anything is sent."""
    daemon = f"tftpd[{asked.number}]: "
    said = {"missing": "File not found", "denied": "Access violation", "absolute": "Access violation"}.get(asked.answer, "success")
    yield asked.at, f"{daemon}Filename: '{asked.file}'"
    yield asked.at, f"{daemon}Mode: 'octet'"
    yield asked.at, f"{daemon}{asked.address}: read request for {asked.file}: {said}"
    if asked.answer == "served":
        yield asked.at, f"{daemon}Sent 1234 bytes in 0.0 seconds"


def netkit(asked: Asked) -> Lines:
    """tftpd of netkit with tcpd, as in logs of Debian users: `in.tftpd[3304]: connect from 10.0.0.100 (10.0.0.100)`."""
    yield asked.at, f"in.tftpd[{2 * asked.number}]: connect from {asked.address} ({asked.address})"
    daemon = f"tftpd[{2 * asked.number + 1}]: tftpd: "
    yield asked.at, f"{daemon}trying to get file: {asked.file}"
    yield asked.at, f"{daemon}serving file from /srv/tftp"
    if asked.answer in NAKS:
        yield asked.at, f"{daemon}sending NAK ({NAKS[asked.answer]}) to {asked.address}"


def ios(asked: Asked) -> Lines:
    """Cisco IOS with `debug tftp events` and `packets` (Unified CME administrator guide, `debug tftp`)."""
    yield asked.at, f"TFTP: Server request for port {asked.port}, socket_id 0x71523394 for process 334"
    yield asked.at, f"TFTP: read request from host {asked.address}({asked.port}) via GigabitEthernet0/0"
    yield asked.at, f"TFTP: Looking for {asked.file}"
    errors = {"missing": "1 No such file", "denied": "2 Access violation", "absolute": "2 Access violation"}
    if asked.answer in errors:
        yield asked.at, f"TFTP: Sending error {errors[asked.answer]}"
        return
    yield asked.at, f"TFTP: Opened flash:{asked.file}, fd 9, size 458 for process 334"
    if asked.answer == "served":
        yield asked.at, f"TFTP: Finished flash:{asked.file}, time 00:00:00 for process 334"


def tcpdump(asked: Asked) -> Lines:
    """tcpdump's text of UDP port 69 alone (print-tftp.c): requests only."""
    yield asked.at, f'IP {asked.address}.{asked.port} > 192.0.2.1.69: TFTP, length {len(asked.file) + 9}, RRQ "{asked.file}" octet'


def tcpdump_all(asked: Asked) -> Lines:
    """The same of all UDP with -T tftp: refusals too, and what was acknowledged."""
    yield from tcpdump(asked)
    phone, server = f"{asked.address}.{asked.port}", f"192.0.2.1.{33_000 + asked.number % 9000}"
    errors = {"missing": 'ENOTFOUND "File not found"', "denied": 'EACCESS "Permission denied"', "absolute": 'EACCESS "Only absolute"'}
    if asked.answer in errors:
        yield asked.at, f"IP {server} > {phone}: TFTP, length 19, ERROR {errors[asked.answer]}"
    elif asked.answer in ("served", "failed"):
        yield asked.at, f"IP {server} > {phone}: TFTP, length 516, DATA block 1"
    if asked.answer == "served":
        yield asked.at, f"IP {phone} > {server}: TFTP, length 4, ACK block 1"


class Wording(NamedTuple):
    """A writer, and what it carries: "all" answers, "refusals" only (what was sent is silent), "sent" (no requests), or "requests" only."""

    write: Callable[[Asked], Lines]
    carries: str
    stamp: str = "%b %e %H:%M:%S pbx "


WORDINGS = {
    "rhel": Wording(rhel, "all"),
    "atftpd": Wording(atftpd(7), "all"),
    "dnsmasq": Wording(dnsmasq, "sent"),
    "freebsd": Wording(freebsd, "all"),
    "ios": Wording(ios, "all", "*%b %e %H:%M:%S.123: "),
    "ios_syslog": Wording(ios, "all", "%b %e %H:%M:%S 192.0.2.1 4711: *%b %e %H:%M:%S.123: "),
    "hpa_vv": Wording(hpa(2), "refusals"),
    "netkit": Wording(netkit, "refusals"),
    "tcpdump_all": Wording(tcpdump_all, "refusals", "%Y-%m-%d %H:%M:%S.123456 "),
    "hpa_v": Wording(hpa(1), "requests"),
    "atftpd_5": Wording(atftpd(5), "requests"),
    "tcpdump": Wording(tcpdump, "requests", "%H:%M:%S.123456 "),
}


def written(wording: str, requests: Sequence[Asked]) -> list[list[bytes]]:
    """The lines of each request, those of one together."""
    write, _carries, stamp = WORDINGS[wording]
    return [
        [(time.strftime(stamp, time.localtime(BEGIN + at)) + text).encode("utf-8", "surrogateescape") for at, text in write(asked)]
        for asked in requests
    ]
