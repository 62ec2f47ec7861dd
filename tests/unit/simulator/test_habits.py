# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a phone does by each word of each habit: by real TFTP, and the same at once, without network."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.voip.cisco79xx.tests.simulator import boot
from ansible_collections.voip.cisco79xx.tests.simulator.boot import LOOPS, SILENT, UP, BarePhone, Fate
from ansible_collections.voip.cisco79xx.tests.simulator.fleet import Fleet
from ansible_collections.voip.cisco79xx.tests.simulator.habits import CHOICES, USUAL, Habits
from ansible_collections.voip.cisco79xx.tests.simulator.images import container, make_image, raw_image
from ansible_collections.voip.cisco79xx.tests.simulator.phone import Phone, Settings

MAC = "000E84C060A6"
LONG = {"CTLSEP": f"CTLSEP{MAC}.tlv", "SEP": f"SEP{MAC}.cnf.xml", "SIP": f"SIP{MAC}.cnf", "MGC": f"MGC{MAC}.cnf"}
LONG |= {"SIPDefault": "SIPDefault.cnf", "XMLDefault": "XMLDefault.cnf.xml", "OS79XX": "OS79XX.TXT"}
SHORT = {name: short for short, name in LONG.items()}
IMAGES = (
    "P0S30201 P0S30203 P0S3-04-4-00 P0S3-05-2-00 P0S3-06-0-00 P0S3-06-3-00 P0S3-07-4-00 P0S3-07-5-00 P0S3-08-2-00 P0S3-8-12-00"
    " P0S3-8-13-00 P00306000300 P00308000500".split()
)
DAMAGED = "P0S3-8-13-00.sb2"
OF_EVERY_START = {"RINGLIST.DAT", "dialplan.xml"}

OLD = "OS79XX SIPDefault SIP"
NEW = "CTLSEP SEP SIPDefault SIP"
HUNT = "CTLSEP SEP SIP MGC XMLDefault SIPDefault"
TO_8_12 = f"{HUNT} P0S3-8-12-00.loads P0S3-8-12-00.sb2 {NEW}"
"""What a hunting loader of 8.12 asks for, and then its application."""


class End(NamedTuple):
    """How a phone ends: the images it runs, in turn if it loops, and what it asked for."""

    images: str
    asked: str
    end: str = UP


class Scene(NamedTuple):
    """What a phone that runs `image` does with these files, by each word of the habit. `refused`: files that the server does not give."""

    habit: str
    image: str
    files: dict[str, str]
    ends: dict[str, End]
    refused: tuple[str, ...] = ()


def version(name: str) -> str:
    return f"image_version: {name}\n"


def load(name: str) -> str:
    return f"<loadInformation>{name}</loadInformation><loadInformation7>{name}</loadInformation7>"


SCENES = [
    Scene(
        "os79xx",
        "P0S3-06-3-00",
        {"OS79XX": "P0S3-06-0-00\n", "SIPDefault": version("P0S3-06-3-00")},
        {
            "first": End("P0S3-06-3-00", f"OS79XX P0S3-06-0-00.sbn {OLD} P0S3-06-3-00.sbn {OLD}"),
            "config": End("P0S3-06-3-00", OLD),
            "file": End("P0S3-06-0-00", f"OS79XX P0S3-06-0-00.sbn {OLD}"),
            "loops": End("P0S3-06-3-00 P0S3-06-0-00", f"OS79XX P0S3-06-0-00.sbn {OLD} P0S3-06-3-00.sbn", LOOPS),
        },
    ),
    Scene(
        "os79xx",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00\n", "SIPDefault": version("P0S3-06-3-00")},
        {
            "first": End("P0S3-06-3-00", f"OS79XX P003-8-12-00.sbn {HUNT} P0S3-06-3-00.sbn {OLD}"),
            "config": End("P0S3-06-3-00", OLD),
            "loops": End("P0S3-06-3-00 P003-8-12-00", f"OS79XX P003-8-12-00.sbn {HUNT} P0S3-06-3-00.sbn", LOOPS),
        },
    ),
    Scene(
        "os79xx",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00\n", "SIPDefault": version("P0S3-8-12-00")},
        {
            "first": End("P0S3-8-12-00", f"OS79XX P003-8-12-00.sbn {TO_8_12}"),
            "config": End("P0S3-8-12-00", f"{OLD} P003-8-12-00.sbn {TO_8_12}"),
        },
    ),
    Scene(
        "os79xx",
        "P00306000300",
        {"OS79XX": "P0S3-06-3-00\n", "SEP": load("P00306000300")},
        {
            "first": End("P0S3-06-3-00", f"OS79XX P0S3-06-3-00.sbn {OLD}"),
            "config": End("P00306000300", "OS79XX SEP"),
        },
    ),
    Scene(
        "to_7x",
        "P0S3-06-3-00",
        {"SIPDefault": version("P0S3-8-12-00")},
        {
            "loads": End("P0S3-8-12-00", f"{OLD} P0S3-8-12-00.loads P003-8-12-00.sbn {TO_8_12}"),
            "os79xx": End("P0S3-06-3-00", f"{OLD} P0S3-8-12-00.sbn P0S3-8-12-00.bin"),
        },
    ),
    Scene(
        "to_7x",
        "P0S3-06-3-00",
        {"OS79XX": "P0S3-8-12-00\n", "SIPDefault": version("P0S3-8-12-00")},
        {
            "loads": End("P0S3-8-12-00", f"OS79XX P0S3-8-12-00.loads P003-8-12-00.sbn {TO_8_12}"),
            "os79xx": End("P0S3-06-3-00", "OS79XX P0S3-8-12-00.sbn P0S3-8-12-00.bin SIPDefault SIP"),
        },
    ),
    *(
        Scene(
            "to_7x",
            "P0S3-06-3-00",
            {"OS79XX": f"P003-8-12-00{blank}\n", "SIPDefault": version("P0S3-8-12-00")},
            {
                "loads": End(
                    "P0S3-8-12-00", f"OS79XX P003-8-12-00{blank}.sbn SIPDefault SIP P0S3-8-12-00.loads P003-8-12-00.sbn {TO_8_12}"
                ),
                "os79xx": End("P0S3-06-3-00", f"OS79XX P003-8-12-00{blank}.sbn SIPDefault SIP P0S3-8-12-00.sbn P0S3-8-12-00.bin"),
            },
        )
        for blank in (" ", "\r")
    ),
    Scene(
        "to_7x",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00", "SIPDefault": version("P0S3-8-12-00")},
        {word: End("P0S3-8-12-00", f"OS79XX P003-8-12-00.sbn {TO_8_12}") for word in ("loads", "os79xx")},
    ),
    Scene(
        "boot_7x",
        "P0S3-07-5-00",
        {"SEP": load("P0S3-06-3-00"), "SIPDefault": version("P0S3-06-3-00")},
        {
            "ctlsep": End("P0S3-06-3-00", f"CTLSEP SEP P0S3-06-3-00.sbn {OLD}"),
            "sipdefault": End("P0S3-06-3-00", f"SIPDefault SIP P0S3-06-3-00.sbn {OLD}"),
        },
    ),
    Scene(
        "xml_load",
        "P0S3-08-2-00",
        {"SEP": load("P0S3-08-2-00"), "SIPDefault": version("P0S3-8-12-00")},
        {
            "wins": End("P0S3-08-2-00", "CTLSEP SEP P0S3-08-2-00.loads SIPDefault SIP"),
            "ping_pong": End(
                "P0S3-08-2-00 P0S3-8-12-00",
                f"CTLSEP SEP P0S3-08-2-00.loads SIPDefault SIP P0S3-8-12-00.loads P003-8-12-00.sbn {NEW} P0S3-8-12-00.loads"
                " P0S3-8-12-00.sb2 CTLSEP SEP P0S3-08-2-00.loads P003-08-2-00.sbn CTLSEP SEP P0S3-08-2-00.loads P0S3-08-2-00.sb2",
                LOOPS,
            ),
            "image_version": End(
                "P0S3-8-12-00",
                "CTLSEP SEP P0S3-08-2-00.loads SIPDefault SIP P0S3-8-12-00.loads P003-8-12-00.sbn"
                f" CTLSEP SEP P0S3-8-12-00.loads P0S3-8-12-00.sb2 {NEW}",
            ),
        },
    ),
    Scene(
        "xml_load",
        "P0S3-08-2-00",
        {"SEP": load("P0S3-06-3-00"), "SIPDefault": version("P0S3-08-2-00")},
        {
            "wins": End(
                "P003-08-2-00 P0S3-06-3-00",
                f"CTLSEP SEP P0S3-06-3-00.sbn {OLD} P0S3-08-2-00.loads P003-08-2-00.sbn"
                f" CTLSEP SEP P0S3-06-3-00.sbn {OLD} P0S3-08-2-00.loads P003-08-2-00.sbn",
                LOOPS,
            ),
            "image_version": End("P0S3-08-2-00", NEW),
        },
    ),
    Scene(
        "xml_default",
        "P0S3-08-2-00",
        {"XMLDefault": load("P0S3-08-2-00"), "SIPDefault": version("P0S3-06-3-00")},
        {
            "loader": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"),
            "boot": End("P0S3-08-2-00", "CTLSEP SEP XMLDefault P0S3-08-2-00.loads SIPDefault SIP"),
        },
    ),
    Scene(
        "xml_name",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00", "XMLDefault": load("P0S3-8-12-00")},
        {
            "usual": End(
                "P0S3-8-12-00",
                f"OS79XX P003-8-12-00.sbn CTLSEP SEP SIP MGC XMLDefault P0S3-8-12-00.loads P0S3-8-12-00.sb2 {NEW}",
            ),
            "odd_case": End("P003-8-12-00", "OS79XX P003-8-12-00.sbn CTLSEP SEP SIP MGC xmlDefault.CNF.XML SIPDefault", LOOPS),
        },
    ),
    Scene(
        "xml_loader",
        "P0S3-08-2-00",
        {"SEP": load("P003-8-12-00"), "SIPDefault": version("P0S3-08-2-00")},
        {
            "ignored": End("P0S3-08-2-00", NEW),
            "loaded": End("P0S3-08-2-00", f"CTLSEP SEP P003-8-12-00.sbn {HUNT} SIPDefault SIP"),
        },
    ),
    Scene(
        "sccp",
        "P0S3-08-2-00",
        {"SEP": load("P00308000500")},
        {"ignored": End("P0S3-08-2-00", NEW), "loaded": End("P00308000500", "CTLSEP SEP P00308000500.sbn CTLSEP SEP")},
    ),
    Scene(
        "sccp",
        "P0S3-06-3-00",
        {"SIPDefault": version("P00308000500")},
        {"ignored": End("P0S3-06-3-00", OLD), "loaded": End("P00308000500", f"{OLD} P00308000500.sbn CTLSEP SEP XMLDefault")},
    ),
    Scene(
        "loader_cnf",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00", "SIP": version("P0S3-8-12-00"), "SIPDefault": version("P0S3-06-3-00")},
        {
            "both": End(
                "P0S3-8-12-00",
                f"OS79XX P003-8-12-00.sbn CTLSEP SEP SIP MGC XMLDefault P0S3-8-12-00.loads P0S3-8-12-00.sb2 {NEW}",
            ),
            "default": End(
                "P0S3-06-3-00 P003-8-12-00",
                f"OS79XX P003-8-12-00.sbn {HUNT} P0S3-06-3-00.sbn {OLD} P0S3-8-12-00.loads P003-8-12-00.sbn {HUNT} P0S3-06-3-00.sbn",
                LOOPS,
            ),
            "none": End("P003-8-12-00", f"OS79XX P003-8-12-00.sbn {HUNT}", LOOPS),
        },
    ),
    Scene(
        "ctlsep",
        "P0S3-08-2-00",
        {"CTLSEP": "", "SIPDefault": version("P0S3-06-3-00")},
        {"goes_on": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"), "loops": End("P0S3-08-2-00", "CTLSEP", LOOPS)},
    ),
    Scene(
        "refusal",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00", "SIPDefault": version("P0S3-8-12-00")},
        {
            "loader_stops": End("P003-8-12-00", "OS79XX P003-8-12-00.sbn CTLSEP", LOOPS),
            "goes_on": End("P0S3-8-12-00", f"OS79XX P003-8-12-00.sbn {TO_8_12}"),
        },
        ("CTLSEP",),
    ),
    Scene(
        "refusal",
        "P0S3-06-3-00",
        {"OS79XX": "P003-07-5-00", "SIPDefault": version("P0S3-07-5-00")},
        {word: End("P003-07-5-00", "OS79XX P003-07-5-00.sbn CTLSEP SEP", LOOPS) for word in ("loader_stops", "all_stop", "goes_on")},
        ("SEP",),
    ),
    Scene(
        "refusal",
        "P0S3-8-12-00",
        {"SIPDefault": version("P0S3-06-3-00")},
        {
            "loader_stops": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"),
            "all_stop": End("P0S3-8-12-00", "CTLSEP SEP", LOOPS),
        },
        ("SEP",),
    ),
    Scene(
        "unloadable",
        "P0S3-07-5-00",
        {"SIPDefault": version("P0S3-07-3-00")},
        {
            "goes_on": End("P0S3-07-5-00", f"{NEW} P0S3-07-3-00.loads"),
            "loops": End("P0S3-07-5-00", f"{NEW} P0S3-07-3-00.loads", LOOPS),
        },
    ),
    Scene(
        "unloadable",
        "P0S3-06-3-00",
        {"SIPDefault": version("P0S3-05-1-00")},
        {word: End("P0S3-06-3-00", f"{OLD} P0S3-05-1-00.sbn P0S3-05-1-00.bin") for word in ("goes_on", "loops")},
    ),
    Scene(
        "server",
        "P0S3-06-3-00",
        {"OS79XX": "P003-8-12-00", "SIPDefault": version("P0S3-8-12-00")},
        {
            "kept": End("P0S3-8-12-00", f"OS79XX P003-8-12-00.sbn {TO_8_12}"),
            "forgotten": End("P003-8-12-00", "OS79XX P003-8-12-00.sbn", SILENT),
        },
    ),
    Scene(
        "signed_file",
        "P0S3-08-2-00",
        {"SIPDefault": version("P0S3-06-3-00")},
        {
            "sbn": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"),
            "bin": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.bin {OLD}"),
        },
    ),
    Scene(
        "signed_file",
        "P0S3-08-2-00",
        {"SIPDefault": version("P0S30203")},
        {
            "sbn": End("P0S3-08-2-00", f"{NEW} P0S30203.sbn P0S30203.bin"),
            "bin": End("P0S3-08-2-00", f"{NEW} P0S30203.bin"),
        },
    ),
    Scene(
        "rejected",
        "P0S3-8-12-00",
        {"SIPDefault": version("P0S3-8-13-00")},
        {
            word: End(
                "P0S3-8-12-00",
                f"{NEW} P0S3-8-13-00.loads P003-8-13-00.sbn {HUNT} P0S3-8-13-00.loads {times} SIPDefault SIP",
            )
            for word, times in (("once", DAMAGED), ("twice", f"{DAMAGED} {DAMAGED}"))
        },
    ),
    Scene(
        "hops_up",
        "P0S3-04-4-00",
        {"SIPDefault": version("P0S3-07-4-00")},
        {
            "before_7x": End("P0S3-04-4-00", OLD),
            "each": End("P0S3-04-4-00", OLD),
            "none": End(
                "P0S3-07-4-00",
                f"{OLD} P0S3-07-4-00.loads P003-07-4-00.sbn {HUNT} P0S3-07-4-00.loads P0S3-07-4-00.sb2 {NEW}",
            ),
        },
    ),
    Scene(
        "hops_up",
        "P0S3-04-4-00",
        {"SIPDefault": version("P0S3-06-3-00")},
        {"before_7x": End("P0S3-06-3-00", f"{OLD} P0S3-06-3-00.bin {OLD}"), "each": End("P0S3-04-4-00", OLD)},
    ),
    Scene(
        "hops_up",
        "P0S30201",
        {"SIPDefault": version("P0S3-04-4-00")},
        {"before_7x": End("P0S30201", OLD), "none": End("P0S3-04-4-00", f"{OLD} P0S3-04-4-00.bin {OLD}")},
    ),
    Scene(
        "hops_down",
        "P0S3-8-12-00",
        {"SIPDefault": version("P0S3-06-3-00")},
        {
            "none": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"),
            "by_7x": End("P0S3-8-12-00", NEW),
            "one_by_one": End("P0S3-8-12-00", NEW),
        },
    ),
    Scene(
        "hops_down",
        "P0S3-07-5-00",
        {"SIPDefault": version("P0S3-05-2-00")},
        {"by_7x": End("P0S3-05-2-00", f"{NEW} P0S3-05-2-00.sbn {OLD}"), "one_by_one": End("P0S3-07-5-00", NEW)},
    ),
    Scene(
        "hops_down",
        "P0S3-06-3-00",
        {"SIPDefault": version("P0S3-05-2-00")},
        {"by_7x": End("P0S3-06-3-00", OLD), "one_by_one": End("P0S3-05-2-00", f"{OLD} P0S3-05-2-00.sbn {OLD}")},
    ),
    Scene(
        "unset",
        "P0S3-08-2-00",
        {"SIPDefault": version("P0S3-06-3-00"), "SIP": version("UNPROVISIONED")},
        {"overrides": End("P0S3-08-2-00", NEW), "ignored": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}")},
    ),
    Scene(
        "duplicates",
        "P0S3-08-2-00",
        {"SIPDefault": version("P0S3-06-3-00") + version("P0S3-06-0-00")},
        {
            "last": End("P0S3-06-0-00", f"{NEW} P0S3-06-0-00.sbn {OLD}"),
            "first": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"),
        },
    ),
    Scene(
        "quoted_blanks",
        "P0S3-08-2-00",
        {"SIPDefault": version('" P0S3-06-3-00 "')},
        {
            "kept": End("P0S3-08-2-00", f"{NEW}  P0S3-06-3-00 .sbn  P0S3-06-3-00 .bin"),
            "trimmed": End("P0S3-06-3-00", f"{NEW} P0S3-06-3-00.sbn {OLD}"),
        },
    ),
    *(
        Scene(
            "unset",
            image,
            {"SIPDefault": version(none), "OS79XX": "\n"},
            dict.fromkeys(CHOICES["unset"], End(image, files)),
        )
        for image, files, none in (
            ("P0S3-8-12-00", NEW, "UNPROVISIONED"),
            ("P0S3-8-12-00", NEW, '""'),
            ("P0S3-06-3-00", OLD, "unprovisioned"),
            ("P0S3-06-3-00", OLD, ""),
        )
    ),
]


def shown(asked: Any) -> str:
    return " ".join(SHORT.get(name, name) for name in asked if name not in OF_EVERY_START)


async def by_tftp(phone: Phone, until: int) -> None:
    """Switch it on, and off when it is at rest or has asked for so many files."""
    phone.power_cycle()
    limit = time.monotonic() + 20
    while phone.status == "booting" and len(phone.settings.note.asked) < until and time.monotonic() < limit:
        await asyncio.sleep(0.01)
    await phone.stop()


class Notes:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, _phone: str, event: str, **details: Any) -> None:
        if event == "tftp":
            self.asked.append(details["file"])


def fill(root: Path, scene: Scene) -> None:
    for name in IMAGES:
        make_image(root, name, size=200)
    (root / DAMAGED).write_bytes(container(DAMAGED, raw_image("P0S3-8-13-00"))[:410])
    for name, text in scene.files.items():
        (root / LONG[name]).write_bytes(text.encode())
    for name in scene.refused:
        (root / LONG[name]).touch(mode=0o600)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.habit}-{scene.image}")
def test_a_phone_does_as_its_habits_say(root: Path, request: pytest.FixtureRequest, scene: Scene) -> None:
    port = request.getfixturevalue("tftpd_port" if scene.refused else "tftpy_port")
    fill(root, scene)
    files = {path.name: path.read_bytes() for path in root.iterdir()}
    refused = [LONG[name] for name in scene.refused]
    for word, end in scene.ends.items():
        own: dict[str, Any] = {"mac": MAC, "image": scene.image, "habits": Habits.of({scene.habit: word})}
        fate = BarePhone(**own).run(lambda name: "error" if name in refused else boot.root(files)(name))
        assert (" ".join(fate.images), shown(fate.asked), fate.end) == end, word

        settings = Settings(time_scale=0.0001, tftp_time_scale=1.0, tftp=("127.0.0.1", port), note=Notes())
        phone = Phone(**own, name="phone", address="127.1.0.1", settings=settings, port=0)
        asyncio.run(by_tftp(phone, len(fate.asked) + 1 if fate.end == LOOPS else 1000))
        asked = settings.note.asked[: len(fate.asked)] if fate.end == LOOPS else settings.note.asked
        assert shown(asked) == shown(fate.asked), word
        assert len(settings.note.asked) > len(fate.asked) or fate.end != LOOPS
        assert phone.image in fate.images
        if fate.end == UP:
            assert phone.status == "stopped" and not phone.in_loader


def test_each_word_of_each_habit_is_told_and_played() -> None:
    played = {(scene.habit, word) for scene in SCENES for word in scene.ends}
    assert played == {(habit, word) for habit, words in CHOICES.items() for word in words}
    for habit, words in CHOICES.items():
        ends = [{word: scene.ends.get(word) for word in words} for scene in SCENES if scene.habit == habit]
        assert all(any(one.get(word) != one.get(other) for one in ends) for word in words for other in words if word != other), habit
        assert getattr(USUAL, habit) == words[0]
    readme = Path(boot.__file__).with_name("README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", readme, re.MULTILINE))
    table = {habit: tuple(re.findall(r"`(\w+)`: ", words)) for habit, words in rows.items() if habit in CHOICES}
    assert table == CHOICES


def test_habits_of_a_fleet_and_of_a_phone_add_up() -> None:
    fleet = Fleet(
        {
            "defaults": {"image": "P0S3-06-3-00", "habits": {"os79xx": "config", "to_7x": "os79xx"}},
            "phones": [{"habits": {"os79xx": "file"}}, {}],
        }
    )
    first, second = (phone.habits for phone in fleet.phones.values())
    assert (first.os79xx, first.to_7x, first.xml_load) == ("file", "os79xx", "wins")
    assert (second.os79xx, second.to_7x) == ("config", "os79xx")


@pytest.mark.parametrize("habits, fault", [({"os79xx": "lops"}, "os79xx: lops"), ({"os97xx": "loops"}, "os97xx: loops")])
def test_a_misspelt_habit_is_refused(habits: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Fleet({"phones": [{"image": "P0S30203", "habits": habits}]})


def test_an_sccp_phone_follows_its_load_to_sip_and_has_no_telnet_before(root: Path, tftpy_port: int, simulate: Any) -> None:
    make_image(root, "P0S3-8-12-00")
    (root / "XMLDefault.cnf.xml").write_text(load("P0S3-8-12-00"))
    simulator = simulate({"mac": MAC, "image": "P00308000500"}, tftp=tftpy_port)
    assert not simulator.state()["phone0"]["telnet"]
    simulator.power_cycle("phone0")
    assert simulator.wait(lambda state: state["phone0"]["status"] == "up")["phone0"]["image"] == "P0S3-8-12-00"
    asked = shown(event["file"] for event in simulator.events(event="tftp"))
    until_there = "CTLSEP SEP XMLDefault P0S3-8-12-00.loads P003-8-12-00.sbn CTLSEP SEP SIP MGC XMLDefault P0S3-8-12-00.loads"
    assert asked == f"{until_there} P0S3-8-12-00.sb2 {NEW}"
    assert simulator.state()["phone0"]["telnet"]


@pytest.mark.parametrize("image, load_of_sep, goes", [("P00303020214", "P0S3-8-12-00", False), ("P00306000300", "P0S3-8-12-00", True)])
def test_an_sccp_phone_must_be_on_5x_before_sip_7x(root: Path, image: str, load_of_sep: str, goes: bool) -> None:
    make_image(root, "P0S3-8-12-00")
    files = {path.name: path.read_bytes() for path in root.iterdir()} | {LONG["SEP"]: load(load_of_sep).encode()}
    assert BarePhone(mac=MAC, image=image).run(boot.root(files)).images == (load_of_sep if goes else image,)


def test_a_phone_keeps_its_flash_from_one_boot_to_the_next(root: Path) -> None:
    for name in ("P0S3-06-3-00", "P0S3-8-12-00"):
        make_image(root, name)
    files = {path.name: path.read_bytes() for path in root.iterdir()}
    phone = BarePhone(mac=MAC, image="P0S3-06-3-00")
    for name in ("P0S3-8-12-00", "P0S3-06-3-00", "P0S3-8-12-00"):
        assert phone.run(boot.root({**files, "SIPDefault.cnf": version(name).encode()})).images == (name,)
    forgetful = BarePhone(mac=MAC, image="P0S3-06-3-00", habits=Habits(server="forgotten"))
    server = boot.root({**files, "SIPDefault.cnf": version("P0S3-8-12-00").encode()})
    assert [forgetful.run(server).end, forgetful.run(server)] == [SILENT, Fate(SILENT, ("P003-8-12-00",), ())]
