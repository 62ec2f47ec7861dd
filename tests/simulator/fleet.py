# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of simulated phones in one process, its event log and its control socket."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

from .habits import Habits
from .phone import Phone, Settings

FLEET_KEYS = frozenset(
    "time_scale tftp_time_scale tftp instant_target defaults events state control phones".split(),
)
PHONE_KEYS = frozenset(item.name for item in fields(Phone) if item.init) - {"settings"}


def address(number: int) -> str:
    """A loopback address of its own for phone `number` (from 0): 127.1.0.1, 127.1.0.2 … never ending in 0 or 255."""
    rest, last = divmod(number, 254)
    third, fourth = divmod(rest, 256)
    if not 0 <= third < 254:
        raise ValueError(f"no loopback address for phone {number}")
    return f"127.{third + 1}.{fourth}.{last + 1}"


def mac(number: int) -> str:
    """A MAC for phone `number`: locally administered, so nobody's."""
    return f"020E84{number:06X}"


class Fleet:
    """All phones of a fleet file (see README.md)."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        _known(description, FLEET_KEYS, "fleet")
        scale = float(description.get("time_scale", 0.01))
        server = description.get("tftp", {})
        self._events: TextIO | None = None
        if description.get("events"):
            self._events = Path(description["events"]).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the fleet
        self.settings = Settings(
            time_scale=scale,
            tftp_time_scale=float(description.get("tftp_time_scale", max(scale, 0.2))),
            tftp=(server.get("host", "127.0.0.1"), int(server.get("port", 69))),
            instant_target=description.get("instant_target"),
            note=self._note,
        )
        self.phones: dict[str, Phone] = {}
        usual = description.get("defaults", {})
        for number, own in enumerate(description["phones"]):
            values = {"name": f"phone{number}", "mac": mac(number), "address": address(number), **usual, **own}
            _known(values, PHONE_KEYS, f"phone {values['name']}")
            if values["name"] in self.phones:
                raise ValueError(f"two phones are called {values['name']}")
            values["habits"] = Habits.of({**usual.get("habits", {}), **own.get("habits", {})})
            self.phones[values["name"]] = Phone(settings=self.settings, **values)

    async def start(self) -> None:
        """Every phone up and answering; raises OSError when an address or port is taken."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        for phone in self.phones.values():
            await phone.start()

    async def stop(self) -> None:
        for phone in self.phones.values():
            await phone.stop()
        if self._events:
            self._events.close()
            self._events = None

    def state(self) -> dict[str, Any]:
        return {name: phone.state() for name, phone in self.phones.items()}

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one control connection: a JSON request per line, a JSON answer per line."""
        try:
            while line := await reader.readline():
                try:
                    answer = self._obey(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    answer = {"error": f"{type(error).__name__}: {error}"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _obey(self, request: Mapping[str, Any]) -> dict[str, Any]:
        operation = request["op"]
        if operation == "state":
            return {"phones": self.state()}
        phone = self.phones[request["phone"]]
        if operation == "power_cycle":
            phone.power_cycle()
        elif operation == "hang_up":
            phone.hang_up()
        elif operation == "call":
            phone.in_call = True
        elif operation == "faults":
            phone.set_faults(request["faults"])
        else:
            raise ValueError(f"unknown op {operation}")
        return {"phones": {phone.name: phone.state()}}

    def _note(self, phone: str, event: str, **details: Any) -> None:
        if self._events:
            record = {"t": round(time.monotonic(), 6), "wall": round(time.time(), 6), "phone": phone, "event": event, **details}
            self._events.write(json.dumps(record) + "\n")
            self._events.flush()


def _known(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """A misspelt key would silently test something else."""
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"{where}: unknown keys {', '.join(unknown)}")
