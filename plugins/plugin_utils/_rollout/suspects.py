# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the TFTP server's log says of the phones that are away: which of them cannot come back by themselves."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import one_line
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import HOPELESS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.fleet import Cause
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone


class Suspects:
    """The phones of a wave that were reset and have not ended, and what is known of why. `earlier`: resets by an earlier run, by name."""

    def __init__(self, phones: Collection[Phone], earlier: Mapping[str, EarlierReset]) -> None:
        self._names = {phone.mac: phone.name for phone in phones if phone.mac and phone.name in earlier}
        """Those that are away, by MAC; `_since`: when they were reset, by time.monotonic()."""
        self._since = {mac: time.monotonic() - earlier[name].seconds for mac, name in self._names.items()}
        self._macs: dict[str, str] = {}
        """By IP address."""
        for phone in phones:
            with suppress(ValueError):  # its host is a name
                if phone.mac:
                    self._macs[str(ipaddress.ip_address(phone.host))] = phone.mac
        self._suspicions: dict[str, str] = {}
        self._causes: dict[str, Cause] = {}

    def note(self, phone: Phone, step: str) -> None:
        """As `wave.Witness.note`."""
        if phone.mac and step == "sent":
            self._since[phone.mac] = time.monotonic()  # first, as another thread may ask meanwhile
            self._names[phone.mac] = phone.name
        elif phone.mac:
            self._names.pop(phone.mac, None)

    def cause(self, phone: Phone) -> Cause | None:
        """Why the phone cannot come back, if that is certain."""
        return self._causes.get(phone.name)

    def waiting(self) -> dict[str, float]:
        """The phones that are away: MAC → seconds since their reset."""
        now = time.monotonic()
        return {mac: now - self._since[mac] for mac in list(self._names)}

    def log_names(self, macs: Collection[str]) -> list[str]:
        """As what these phones may stand in the log: 6.x and older ask for much before they tell their MAC, so their addresses too."""
        return [*macs, *(address for address, mac in self._macs.items() if mac in macs)]

    def take_verdicts(self, verdicts: Mapping[str, Mapping[str, Any]]) -> None:
        """Learn from what the log says, by MAC, or by address where it tells no MAC. What is only likely has to be said twice."""
        for key, verdict in verdicts.items():
            mac = self._macs.get(key, key)
            name, kind = self._names.get(mac), str(verdict["verdict"])
            if name is None or kind not in HOPELESS or (mac != key and mac in verdicts):
                continue
            if (verdict["confidence"] == "certain" and mac == key) or self._suspicions.get(name) == kind:
                confidence, advice = one_line(verdict["confidence"], 40), one_line(verdict["advice"], 1000)
                reason = f"does not come back, by the TFTP server's log: {kind.replace('_', ' ')} ({confidence})"
                self._causes[name] = Cause(kind, reason, advice)
            self._suspicions[name] = kind
