# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a TFTP server hands out, as it was asked on its own host and is asked from the controller, in lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import count, list_some, one_line
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp.client import BLOCK, END, MARKED, NotServed, Refused, TftpServer


def from_here(served: Mapping[str, Any], connection: object) -> dict[str, Any]:
    """With `warning`: why two blocks of a file do not come from that server to this machine, or an empty text.

    `served`: as tftp_root_info returns it. `connection`: Ansible's to the TFTP host. A server at loopback is not asked from elsewhere.
    """
    address, port, same = served["address"], served["port"], served["same"]
    elsewhere = str(connection).rpartition(".")[2] != "local"
    if not same or (address.startswith("127.") and elsewhere):
        return {**served, "warning": ""}
    file = max(same, key=lambda name: same[name])
    why = ""
    try:
        server = TftpServer(address, port)
        with suppress(Refused):  # an answer came all the same
            server.read(MARKED + file, 2 * BLOCK, 2)
        with suppress(NotServed):
            server.ask_for_nothing(END)
    except NotServed as error:
        why = f"{file} does not come to this machine from {address} port {port}, which {error}; the phones may have another way"
    return {**served, "warning": why}


def lines(served: Mapping[str, Any] | None) -> list[str]:
    """What was asked and what came, as of `from_here`; None if nothing was asked."""
    if served is None:
        return ["not asked"]
    where = f"{served['address']} port {served['port']}" if served["address"] else "no answer"
    came = f"{where}: {len(served['same'])} of {count(len(served['asked']), 'file')} came as on the disk ({list_some(served['asked'], 6)})"
    return [one_line(text, 1000) for text in (came, *([f"warning: {served['warning']}"] if served["warning"] else []))]
