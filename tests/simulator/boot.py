# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a phone boots: which files it asks for, and what it flashes. Written apart from the collection's own model: it is its judge.

`BarePhone.start_up` is a generator that says what the phone does next and is told what came of it. Two drive it: `BarePhone.run`, at
once and from any function that answers for the server, and `phone.Phone`, by real TFTP and with the times of a phone.
Times are seconds of a real phone (logs of an 8.12 boot and of nine phones moved to 8.12).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import cnf, images
from .habits import USUAL, Habits
from .images import LOADER, MGCP, SCCP, SIP, BadImage, read_name

CONFIG_WAIT_SECONDS = 23.0
RINGLIST_WAIT_SECONDS = 2.0
NOT_FOUND = "not_found"

UP = "up"
FLASHED = "flashed"
AGAIN = "again"
SILENT = "silent"
"""How a start ends: the phone runs; it restarts with what it flashed; it restarts as it was; it asks for nothing any more."""
LOOPS = "loops"

Server = Callable[[str], "bytes | str"]
"""What a TFTP server says to a file's name: the file, or `not_found`, `error` or `timed_out`."""


@dataclass(frozen=True)
class Ask:
    """For these files, at the same time. The answer is a list of what a `Server` says to each."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Write:
    """This image to the flash. The answer is whether it was written."""

    image: str
    file: str


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Failure:
    """That this image could not be loaded."""

    image: str
    reason: str


Step = Ask | Write | Wait | Failure


class _Missing(BadImage):
    """The server has no such file, or none to give."""


class _Again(Exception):
    """The phone gives up and begins from the first file."""


@dataclass(frozen=True)
class Fate:
    """What becomes of a phone: `end` is UP, SILENT or LOOPS; `images` those that it runs in turn, one unless it loops."""

    end: str
    images: tuple[str, ...]
    asked: tuple[str, ...]


def root(files: Mapping[str, bytes]) -> Server:
    """A server of these files, by their names in its root."""
    return lambda name: files.get(name.removeprefix("./"), NOT_FOUND)


@dataclass(kw_only=True)
class BarePhone:
    """A phone without network and clock: what is in its flash and how it boots.

    `image` is what it runs: its application, or the universal loader where that has taken the application's place.
    `in_loader`: the loader runs first at the next start. `wanted`: what the application asked it to fetch.
    """

    mac: str
    image: str
    model: str = "7960"
    habits: Habits = USUAL
    loader: str | None = field(init=False)
    in_loader: bool = field(init=False, default=False)
    wanted: str = field(init=False, default="")
    silent: bool = field(init=False, default=False)
    config: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        running = read_name(self.image)
        self.loader = running.loader if running else None
        self.power_on()

    def power_on(self) -> None:
        """Forget what failed and what OS79XX.TXT said: the phone remembers that from one start to the next, but not without power."""
        self._followed: set[str] = set()
        self._failed: set[str] = set()

    def run(self, server: Server) -> Fate:
        """Switch the phone on and see what it does with these files, until it runs or does the same again."""
        self.power_on()
        asked: list[str] = []
        states: list[tuple[str, ...]] = []
        while (state := self._state()) not in states:
            states.append(state)
            end = _drive(self.start_up(), server, asked)
            if end in (UP, SILENT):
                return Fate(end, (self.image,), tuple(asked))
        turn = dict.fromkeys(image for image, *_rest in states[states.index(state) :])
        return Fate(LOOPS, tuple(turn), tuple(asked))

    def _state(self) -> tuple[str, ...]:
        known = (self.loader, self.in_loader, self.wanted, self.silent, sorted(self._followed), sorted(self._failed))
        return (self.image, *map(str, known))

    def start_up(self) -> Generator[Step, Any, str]:
        """One start, from power to dial tone. Returns UP, FLASHED, AGAIN or SILENT."""
        if self.silent:
            return SILENT
        try:
            flashed = yield from self._start_up()
        except _Again:
            self._failed.clear()
            return AGAIN
        return FLASHED if flashed else UP

    def _start_up(self) -> Generator[Step, Any, bool]:
        """True: something was flashed."""
        load = ""
        if self.in_loader:
            flashed, load = yield from self._hunt()
        elif self._generation < 7:
            return (yield from self._start_up_to_6x())
        else:
            flashed, load = yield from self._start_up_by_xml()
        if flashed or self._protocol == SCCP:
            return flashed
        yield Wait(CONFIG_WAIT_SECONDS)
        version = yield from self._read_config()
        if load and self.habits.xml_load == "wins":
            version = ""
        return (yield from self._load_or_go_on(version))

    def _start_up_to_6x(self) -> Generator[Step, Any, bool]:
        """OS79XX.TXT comes first, whatever the protocol. A blank or carriage return behind the name is a part of it."""
        file = ((yield from self._fetch("OS79XX.TXT")) or b"").partition(b"\n")[0].decode("latin-1")
        if self.habits.os79xx != "config" and file not in self._followed:
            if self.habits.os79xx == "first":
                self._followed.add(file)
            if (yield from self._load(file)):
                return True
        if self._protocol == SCCP:
            told = (yield from self._sep_load()) or (yield from self._default_load())
        else:
            told = yield from self._read_config()
        by_loader = _is(file, LOADER) and _is(told, SIP) and _generation(told) >= 7
        if self.habits.os79xx == "config" and (by_loader or not told) and (yield from self._load(file)):
            return True
        if self.habits.os79xx == "file" and file == self.image:
            told = ""
        return (yield from self._load_or_go_on(told))

    def _start_up_by_xml(self) -> Generator[Step, Any, tuple[bool, str]]:
        """From 7.x on: whether something was flashed, and the load that an XML file names."""
        if self._generation == 7 and self._protocol == SIP and self.habits.boot_7x == "sipdefault":
            return False, ""
        yield from self._ctlsep()
        load = yield from self._sep_load()
        if not load and (self._protocol == SCCP or self.habits.xml_default == "boot"):
            load = yield from self._default_load()
        if load == self.image and self._protocol == SIP:
            yield from self._fetch(f"{load}.loads")
        follows = self._protocol == SCCP or self.habits.xml_load != "image_version"
        return follows and (yield from self._load(load)), load

    def _hunt(self) -> Generator[Step, Any, tuple[bool, str]]:
        """The universal loader looks for its application. Returns as `_start_up_by_xml`.

        The order up to XMLDefault.cnf.xml is from the log of nine phones, SIPDefault.cnf after it from the Unified CME guide. What
        the application asked the loader to fetch comes last.
        """
        yield from self._ctlsep()
        xml = load = yield from self._sep_load()
        if not load:
            own = self._version(cnf.read((yield from self._hunted(f"SIP{self.mac}.cnf")), self.habits))
            yield from self._hunted(f"MGC{self.mac}.cnf")
            xml = yield from self._default_load()
            load = (own if self.habits.loader_cnf == "both" else "") or xml
        if not load:
            default = self._version(cnf.read((yield from self._hunted("SIPDefault.cnf")), self.habits))
            load = (default if self.habits.loader_cnf != "none" else "") or self.wanted
        if self.habits.xml_load == "image_version":
            load = self.wanted or load
        if (yield from self._load(load)):
            return True, xml
        if self._protocol not in (SIP, SCCP):
            # "Protocol Application Invalid": a loader without an application asks for it again and again.
            raise _Again
        # An 8.x phone still has its application: "W710 Loader failed upgrade to %s, ignoring reset".
        self.in_loader, self.wanted = False, ""
        return False, xml if load == xml else ""

    def _load_or_go_on(self, name: str) -> Generator[Step, Any, bool]:
        """The end of an application's start, unless there is something to flash."""
        if (yield from self._load(name)):
            return True
        if self._protocol == SIP:
            yield Wait(RINGLIST_WAIT_SECONDS)
            template = self.config.get("dial_template", "dialplan")
            yield Ask(("RINGLIST.DAT", f"{template}.xml") if template else ("RINGLIST.DAT",))
        return False

    # What the files say

    @property
    def _protocol(self) -> str:
        running = read_name(self.image)
        return running.protocol if running else SIP

    @property
    def _generation(self) -> int:
        return _generation(self.image)

    def _read_config(self) -> Generator[Step, Any, str]:
        """Fetch both config files, take over what they say, and return their image_version."""
        default = yield from self._fetch("SIPDefault.cnf")
        folder = cnf.read(default, self.habits).get("tftp_cfg_dir", "")
        own = yield from self._fetch(f"{folder}SIP{self.mac}.cnf")
        if default is None and own is None:
            return ""
        self.config = cnf.effective(default, own, self.habits)
        return self._version(self.config)

    def _version(self, values: Mapping[str, str]) -> str:
        return self._obeyed(cnf.known(values.get("image_version", "")))

    def _ctlsep(self) -> Generator[Step, Any, None]:
        if (yield from self._hunted(f"CTLSEP{self.mac}.tlv")) is not None and self.habits.ctlsep == "loops":
            raise _Again

    def _sep_load(self) -> Generator[Step, Any, str]:
        """The load that SEP<MAC>.cnf.xml names, empty if none."""
        return self._xml_load((yield from self._hunted(f"SEP{self.mac}.cnf.xml")), rb"[^>]*")

    def _default_load(self) -> Generator[Step, Any, str]:
        """The load that XMLDefault.cnf.xml names for the model, empty if none."""
        name = "xmlDefault.CNF.XML" if self.habits.xml_name == "odd_case" else "XMLDefault.cnf.xml"
        return self._xml_load((yield from self._hunted(name)), rb"8\b[^>]*" if self.model == "7940" else rb"7\b[^>]*")

    def _xml_load(self, xml: bytes | None, element: bytes) -> str:
        found = re.search(rb"<loadInformation" + element + rb">([^<]*)<", xml or b"")
        name = found.group(1).decode("latin-1") if found else ""
        if _is(name, LOADER) and (self.habits.xml_loader == "ignored" or name == self.loader):
            return ""
        return self._obeyed(name)

    def _obeyed(self, name: str) -> str:
        """The name, or nothing for an SCCP image where the phone takes no notice of those."""
        return "" if _is(name, SCCP) and self._protocol != SCCP and self.habits.sccp == "ignored" else name

    # Loading

    def _load(self, name: str) -> Generator[Step, Any, bool]:
        """Fetch an image and flash it. True when flash was written. What failed is not tried twice unless the power was off."""
        if name in ("", self.image, *self._failed):
            return False
        try:
            yield from self._load_or_raise(name)
        except BadImage as error:
            yield Failure(name, str(error))
            self._failed.add(name)
            if self.habits.unloadable == "loops" and self.loader:
                raise _Again from error
            return False
        return True

    def _load_or_raise(self, name: str) -> Generator[Step, Any, None]:
        running, target = read_name(self.image), read_name(name)
        if _is(name, MGCP):
            raise BadImage(f"{name} is an MGCP image")
        if running and target and self._hop_fails(running, target):
            raise BadImage(f"{self.image} cannot load {name} directly")
        if _is(name, LOADER):
            yield from self._flash_loader(f"{name}.sbn")
        elif target and target.loader and (self._generation >= 7 or self.habits.to_7x == "loads"):
            yield from self._load_by_manifest(name)
        elif running and running.signed:
            yield from self._load_signed(name)
        else:
            yield from self._flash(f"{name}.bin")

    def _hop_fails(self, running: images.Name, target: images.Name) -> bool:
        """From 5.x to 7.x, say. What Cisco's guides have of it is in README.md."""
        up, down = self.habits.hops_up, self.habits.hops_down
        if running.protocol == SCCP or target.protocol == SCCP:
            return up != "none" and target.protocol != SCCP and running.generation < 5 and target.generation >= 7
        if target.generation < running.generation and running.signed:
            if down == "by_7x":
                return target.generation < 7 and running.generation != 7
            return down == "one_by_one" and running.generation - target.generation > 1
        if up == "each" and ((target.generation == 5 and running.version < (4, 4)) or (target.generation == 6 and running.generation < 5)):
            return True
        early = (running.version < (2, 2) and "-" in target.text) or (running.generation < 6 and target.generation >= 7)
        return up != "none" and early

    def _load_by_manifest(self, name: str) -> Generator[Step, Any, None]:
        loads = yield from self._file(f"{name}.loads")
        loader, application = images.read_manifest(images.open_container(loads, f"{name}.loads"))
        if loader != f"{self.loader}.sbn":
            self.wanted = name
            yield from self._flash_loader(loader)
        else:
            yield from self._flash(application)

    def _load_signed(self, name: str) -> Generator[Step, Any, None]:
        if self.habits.signed_file == "bin":
            yield from self._flash(f"{name}.bin")
            return
        try:
            yield from self._flash(f"{name}.sbn")
        except _Missing:
            yield from self._file(f"{name}.bin")
            raise BadImage(f"Image Authentication Failed: {name}.bin is unsigned") from None

    def _flash_loader(self, file: str) -> Generator[Step, Any, None]:
        """Up to 6.x the loader takes the place of the application; from 7.x on both live side by side."""
        if file == f"{self.loader}.sbn":
            raise BadImage(f"{self.loader} is in already")
        load = yield from self._write(file, LOADER)
        if not self.loader:
            self.image = load.text
        self.loader = load.text
        self.in_loader = True
        self.silent = self.habits.server == "forgotten"

    def _flash(self, file: str) -> Generator[Step, Any, None]:
        load = yield from self._write(file, SIP, SCCP)
        self.image, self.in_loader, self.wanted = load.text, False, ""
        self.loader = (self.loader or load.loader) if load.loader else None

    def _write(self, file: str, *protocols: str) -> Generator[Step, Any, images.Name]:
        """Fetch a file, and write it to the flash if it is an image of one of these protocols."""
        load = None
        for last in (False, True) if self.habits.rejected == "twice" else (True,):
            content = yield from self._file(file)
            try:
                load = self._checked(content, file, protocols)
                break
            except BadImage:
                if last:
                    raise
        assert load
        if not (yield Write(load.text, file)):
            raise BadImage("flash not written (fault stays_old)")
        return load

    def _checked(self, content: bytes, file: str, protocols: Container[str]) -> images.Name:
        """A signed phone takes no unsigned image, by whichever file it goes. Raises BadImage."""
        load = read_name(images.load_id(content if file.endswith(".bin") else images.open_container(content, file)))
        if not load or load.protocol not in protocols:
            raise BadImage(f"Image Authentication Failed: {file} holds no image that belongs there")
        running = read_name(self.image)
        if running and running.signed and not load.signed:
            raise BadImage(f"Image Authentication Failed: {file} is unsigned")
        return load

    # Asking

    def _try(self, name: str) -> Generator[Step, Any, bytes | str]:
        (answer,) = yield Ask((name,))
        return answer

    def _fetch(self, name: str) -> Generator[Step, Any, bytes | None]:
        answer = yield from self._try(name)
        return answer if isinstance(answer, bytes) else None

    def _file(self, name: str) -> Generator[Step, Any, bytes]:
        answer = yield from self._try(name)
        if isinstance(answer, bytes):
            return answer
        raise _Missing(f"{name}: {answer}")

    def _hunted(self, name: str) -> Generator[Step, Any, bytes | None]:
        """A file that need not be there. Where anything but "File not found" stops the phone, it begins again."""
        answer = yield from self._try(name)
        if isinstance(answer, bytes):
            return answer
        loader_stops = self.in_loader and (self.habits.refusal == "loader_stops" or _generation(self.loader or "") == 7)
        if answer != NOT_FOUND and (loader_stops or self.habits.refusal == "all_stop"):
            raise _Again
        return None


def _drive(steps: Generator[Step, Any, str], server: Server, asked: list[str]) -> str:
    answer: Any = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as stop:
            return str(stop.value)
        answer = True
        if isinstance(step, Ask):
            asked += step.names
            answer = [server(name) for name in step.names]


def _is(name: str, protocol: str) -> bool:
    image = read_name(name)
    return image is not None and image.protocol == protocol


def _generation(name: str) -> int:
    image = read_name(name)
    return image.generation if image else 0
