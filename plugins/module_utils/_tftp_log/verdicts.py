# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the verdicts on phones, and how sure they are. What leads to each stands in `rules`."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from .requests import Request

VERDICTS = tuple(
    "healthy flashing data_never_arrives server_silent server_refuses image_missing image_wrong_case image_unreadable image_rejected "
    "config_missing stuck_loader boot_loop other_root not_ours fell_silent server_slow server_restarted cannot_tell".split()
)
HEALTHY, FLASHING, DATA_NEVER_ARRIVES, SERVER_SILENT, SERVER_REFUSES, IMAGE_MISSING, IMAGE_WRONG_CASE, IMAGE_UNREADABLE = VERDICTS[:8]
IMAGE_REJECTED, CONFIG_MISSING, STUCK_LOADER, BOOT_LOOP, OTHER_ROOT, NOT_OURS, FELL_SILENT, SERVER_SLOW = VERDICTS[8:16]
SERVER_RESTARTED, CANNOT_TELL = VERDICTS[16:]
WELL = (HEALTHY, FLASHING, NOT_OURS)
"""Verdicts on phones that need nobody."""
CERTAIN, LIKELY = "certain", "likely"
"""Confidences; the third is CANNOT_TELL."""
VERBOSE = (
    "turn on -v (tftpd-hpa: -v -v, which also logs what was not found), or capture all of the phone's UDP, as answers come from "
    "other ports than 69 (tcpdump -i any -w phone.pcap udp and host PHONE, on the TFTP host), and look again after the next boot"
)


class Finding(NamedTuple):
    """What a rule finds: how sure it is, what to do, and the requests that it rests on."""

    confidence: str
    advice: str
    evidence: Sequence[Request]


class Verdict(NamedTuple):
    """A verdict with what the rule found that leads to it."""

    verdict: str
    confidence: str
    advice: str
    evidence: Sequence[Request]


def sure_if(sure: object) -> str:
    return CERTAIN if sure else LIKELY
