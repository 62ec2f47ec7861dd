# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue against simulated phones, and against servers that are no phones."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import MASK
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import fleet
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Limits, Phone, PhoneError, hide, printable, session
from ansible_collections.voip.cisco79xx.tests.simulator.harness import Simulator

OLD, NEW = "P0S3-08-2-00", "P0S3-06-3-00"
PASSWORD = "secret-42"
LIMITS = Limits(connect=3, login=5, command=8, reset=1)
PACE = fleet.Pace(200, LIMITS)

ODD: dict[str, dict[str, object]] = {
    "plain": {},
    "split": {"banner": "split_lines"},
    "chatty": {"faults": ["chatty"]},
    "slow": {"faults": ["slow"], "slow_seconds": 0.001},
    "slow_chatty": {"faults": ["slow", "chatty"], "slow_seconds": 0.001},
    "no_echo": {"faults": ["no_echo"]},
    "hostile": {"faults": ["hostile"]},
    "all_at_once": {"faults": ["hostile", "chatty", "no_echo"]},
    "prompt": {"prompt": "niks_cave"},
    "odd_prompt": {"prompt": "a>b # [1]"},
    "hangs": {"on_reset": "hang"},
    "closes_politely": {"on_reset": "fin"},
}
FAULTY = {
    "wrong_password": "wrong_password",
    "telnet_off": "refused",
    "silent": "silent",
    "closes": "closed",
    "closes_after_password": "closed",
    "endless": "endless",
    "endless_after_login": "endless",
    "other_phone": "wrong_phone",
}
SAYS = {
    "plain": "you typed {password}\r\n",
    "capitals": "YOU TYPED {PASSWORD}\r\n",
    "pieces": "{pieces}\r\n",
    "error": "{password}: Command not found.\r\n",
    "setting": "line1_password : {password}\r\n",
}


@pytest.fixture(scope="module")
def phones():
    fleet_file = {
        "instant_target": NEW,
        "defaults": {"image": OLD, "boot": "none", "port": 0, "password": PASSWORD},
        "phones": [
            *({"name": name, **more} for name, more in ODD.items()),
            *({"name": name, "faults": [name]} for name in FAULTY),
            {"name": "nameless", "banner": "none"},
            {"name": "level_1", "faults": ["level_1"]},
            {"name": "in_call", "faults": ["in_call"]},
            {"name": "unregistered", "faults": ["unregistered"]},
            {"name": "no_mac", "faults": ["no_mac"]},
            {"name": "two_macs", "faults": ["two_macs"]},
            *({"name": f"says_{name}", "faults": {"says": text}} for name, text in SAYS.items()),
            {"name": "prompts_password", "prompt": PASSWORD.upper()},
            {"name": "runs_password", "image": PASSWORD},
        ],
    }
    with Simulator(fleet_file) as simulator:
        yield (
            {name: Phone(name, phone["address"], phone["port"], PASSWORD, phone["mac"]) for name, phone in simulator.state().items()},
            simulator,
        )


@pytest.fixture(scope="module")
def observed(phones):
    return fleet.observe(phones[0].values(), PACE)


@pytest.mark.parametrize("name", [*ODD, "level_1", "in_call"])
def test_every_sound_phone_is_observed(phones, observed, name):
    mac = phones[0][name].mac
    assert observed[name] == fleet.Observation(reachable=True, image=OLD, mac=mac, kind=None, reason=None)


@pytest.mark.parametrize(("name", "kind"), [*FAULTY.items(), ("nameless", "no_image")])
def test_every_fault_has_its_kind(observed, name, kind):
    assert observed[name].kind == kind
    assert not observed[name].reachable
    assert PASSWORD not in observed[name].reason


@pytest.mark.parametrize("name", ODD)
def test_commands_are_answered(phones, name):
    async def ask(command: str) -> str:
        async with session(phones[0][name], LIMITS) as talk:
            return await talk.command(command)

    answer = asyncio.run(ask("show register"))
    assert "Note: APR is Authenticated, Provisioned, Registered" in answer.splitlines()
    assert "LINE REGISTRATION TABLE" in answer
    assert "show register" not in answer
    assert "Phone> " not in answer
    assert all(char == "\n" or char.isprintable() for char in answer)
    assert "nonsense: Command not found." in asyncio.run(ask("nonsense"))


def test_what_a_phone_prints_holds_no_password(phones):
    async def ask() -> str:
        async with session(phones[0]["plain"], LIMITS) as talk:
            return await talk.command(f"echo {PASSWORD}")

    assert PASSWORD not in asyncio.run(ask())


@pytest.mark.parametrize("name", [*(f"says_{name}" for name in SAYS), "prompts_password", "runs_password"])
def test_a_password_that_is_sent_back_is_not_shown(phones, name):
    async def ask() -> str:
        async with session(phones[0][name], LIMITS) as talk:
            image, _mac = talk.identify()
            return image + await talk.command("show register") + await talk.command("nonsense")

    shown = "".join(asyncio.run(ask()).split()).lower()
    assert "registered" in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize("name", ["no_mac", "two_macs"])
def test_a_phone_that_may_be_another_is_not_reset(phones, name):
    targets, simulator = phones
    phone, to_new = targets[name], {name: parse(NEW)}
    seen = fleet.observe([phone], PACE)[name]
    assert (seen.reachable, seen.image, seen.mac, seen.kind) == (True, OLD, phone.mac, "unknown_mac")
    answer = fleet.reset([phone], PACE, unless=to_new)[name]
    assert (answer.sent, answer.kind) == (False, "unknown_mac")
    assert "accept_unknown_mac=true" in (answer.reason or "")
    assert fleet.reset([phone], PACE, unless={name: parse(OLD)})[name].already
    assert simulator.state()[name]["resets"] == 0

    async def may_send(phone: Phone) -> bool:
        raise AssertionError("nothing is to be noted of a reset that is not sent")

    asyncio.run(fleet.reset_one(phone, LIMITS, None, may_send))

    accepted = replace(phone, accept_unknown_mac=True)
    assert fleet.observe([accepted], PACE)[name].kind is None
    assert fleet.reset([accepted], PACE, unless=to_new)[name].sent
    assert simulator.state()[name]["resets"] == 1
    assert fleet.wait([phone], PACE, targets=to_new, patience=fleet.Patience(5))[name].on_target, "the image that is seen counts"


def test_a_phone_without_a_mac_in_the_inventory_is_reset(phones):
    for name in ("no_mac", "two_macs"):
        answer = fleet.reset([replace(phones[0][name], mac=None)], PACE)[name]
        assert (answer.sent, answer.mac) == (True, None)


def test_reset_and_wait(phones):
    targets, simulator = phones
    new = dict.fromkeys(targets, parse(NEW))
    reset = fleet.reset(targets.values(), PACE, unless=new)
    for name in ODD:
        assert (reset[name].sent, reset[name].deferred, reset[name].image) == (True, False, OLD), name
    assert reset["in_call"].deferred
    assert reset["level_1"].kind == "not_privileged"
    assert "telnet_level: 2" in (reset["level_1"].reason or "")
    assert "SIPDefault.cnf" in (reset["level_1"].reason or "")
    for name, kind in {**FAULTY, "nameless": "no_image"}.items():
        assert (reset[name].sent, reset[name].kind) == (False, kind)
        assert simulator.state()[name]["resets"] == 0

    waited = fleet.wait(
        [targets[name] for name in ODD if name != "hangs"], PACE, targets=new, patience=fleet.Patience(wait=5, poll_interval=1)
    )
    assert {result.image for result in waited.values() if result.on_target} == {NEW}
    assert all(result.on_target for result in waited.values())

    again = fleet.reset([targets["plain"]], PACE, unless=new)
    assert again["plain"].already
    assert not again["plain"].sent
    assert simulator.state()["plain"]["resets"] == 1


def test_the_lines_that_are_not_registered(phones):
    seen = asyncio.run(fleet.look(phones[0]["hostile"], LIMITS, at_lines=True))
    assert (seen.reachable, seen.unregistered) == (True, None)
    seen = asyncio.run(fleet.look(phones[0]["unregistered"], LIMITS, at_lines=True))
    assert (seen.reachable, seen.unregistered) == (True, "line 1 is REGISTERING")
    seen = asyncio.run(fleet.look(phones[0]["closes"], LIMITS, at_lines=True))
    assert (seen.reachable, seen.unregistered) == (False, None)


@asynccontextmanager
async def server(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[Phone]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Phone("odd", "127.0.0.1", listening.sockets[0].getsockname()[1], PASSWORD)
    finally:
        listening.close()


def kind_of(talk, limits=LIMITS):
    async def main() -> tuple[str, str, float]:
        async with server(talk) as phone:
            started = time.monotonic()
            try:
                async with session(phone, limits) as made:
                    made.identify()
            except PhoneError as error:
                return error.kind, str(error), time.monotonic() - started
            return "", "", 0

    return asyncio.run(main())


def test_last_words_before_a_close_are_heard():
    async def talk(reader, writer):
        writer.write(b"\xff\xfb\x03\xff\xfb\x01\r\n\r\nPassword :")
        await reader.readuntil(b"\n")
        writer.write(b"\r\nBad Passwords!\r\n")

    assert kind_of(talk)[0] == "wrong_password"


def test_an_echoed_password_is_not_repeated():
    async def talk(reader, writer):
        writer.write(b"Password :")
        typed = await reader.readuntil(b"\n")
        writer.write(b"you typed " + typed + b"and that is odd")
        await reader.read()

    kind, text, _seconds = kind_of(talk, Limits(1, 2, 1))
    assert kind == "no_prompt"
    assert "you typed" in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfd\x18\xff\xfd\x20login: "]
)
def test_what_is_no_phone(greeting):
    async def talk(reader, writer):
        writer.write(greeting)
        await reader.read(10_000)
        await asyncio.sleep(10)

    kind, _text, seconds = kind_of(talk, Limits(1, 2, 1))
    assert kind == "no_prompt"
    assert seconds < 4


@pytest.mark.parametrize("flood", [b"\xff\xfb\x18\xff\xfd\x20" * 500, b"\xff\xf1" * 2000, b"\xff\xfa\x18" + b"A" * 5000])
def test_a_flood_of_negotiation_is_ended(flood):
    async def talk(reader, writer):
        while True:
            writer.write(flood)
            await writer.drain()

    kind, _text, seconds = kind_of(talk, Limits(1, 3, 1))
    assert kind == "endless"
    assert seconds < 5


def test_compression_is_not_taken():
    bomb = zlib.compress(b"\x00" * 100_000_000)
    said = b""

    async def talk(reader, writer):
        nonlocal said
        writer.write(b"\xff\xfb\x56")
        said = await reader.read(100)
        writer.write(b"\xff\xfa\x56\xff\xf0" + bomb)
        await reader.read()

    tracemalloc.start()
    kind, _text, _seconds = kind_of(talk, Limits(1, 2, 1))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kind
    assert said.startswith(b"\xff\xfe\x56")  # don't
    assert peak < 10_000_000


def test_a_prompt_said_twice_is_no_wrong_password():
    async def talk(reader, writer):
        writer.write(b"Password :")
        await asyncio.sleep(0.05)
        writer.write(b"\r\nPassword :")
        await reader.readuntil(b"\n")
        await asyncio.sleep(0.2)
        writer.write(b"Cisco IP phone  MAC: 00:0e:84:c0:60:a6\r\nLoadid:  SW: P0S3-08-2-00 \r\nx> ")
        await reader.read()

    assert kind_of(talk)[0] == ""


def test_only_a_prompt_after_the_password_is_a_wrong_password():
    async def talk(reader, writer):
        writer.write(b"Password :")
        await reader.readuntil(b"\n")
        writer.write(b"\r\nPassword :")
        await reader.read()

    assert kind_of(talk)[0] == "wrong_password"


@pytest.mark.parametrize(
    "spelt",
    [
        "000e:84c0:60a6",
        "00:0E:84:C0:60:A6",
        "000e.84c0.60a6",
        "00-0e-84-c0-60-a6",
        "\r\n  000e84c060a6",
        "00 0e 84 c0 60 a6",
        "000e:\r\n84c0:60a6",
    ],
)
def test_a_mac_in_any_spelling_is_checked(spelt):
    async def talk(reader, writer):
        writer.write(b"Password :")
        await reader.readuntil(b"\n")
        writer.write(b"Loadid:  SW: P0S3-08-2-00 \r\nCisco IP phone  MAC: " + spelt.encode() + b"\r\nx> ")
        await reader.read()

    async def main() -> str:
        async with server(talk) as phone:
            other = Phone(phone.name, phone.host, phone.port, PASSWORD, "000E84C060A7")
            seen = await fleet.look(other, LIMITS)
            assert not seen.reachable
            return str(seen.kind)

    assert asyncio.run(main()) == "wrong_phone"


OWN = "000E84C060A6"


@pytest.mark.parametrize(
    ("before", "banner", "kind"),
    [
        ("", f"MAC: {OWN}\r\nLoadid:  SW: {OLD} \r\nx> ", None),
        ("", f"Loadid:  SW: {OLD} \r\n<sip:1@192.0.2.9>|MAC: {OWN}\r\nx> ", None),  # | is a pause: what looks like a prompt is none
        ("", f"MAC: {OWN}\r\nLoadid:  SW: {OLD} \r\nMAC: 000e:84c0:60a6\r\nx> ", None),
        (f"MAC: {OWN}\r\n", f"Loadid:  SW: {OLD} \r\nx> ", "unknown_mac"),
        ("MAC: 000E84C060A7\r\n", f"MAC: {OWN}\r\nLoadid:  SW: {OLD} \r\nx> ", None),
        ("", f"MAC: {OWN}0\r\nLoadid:  SW: {OLD} \r\nx> ", "unknown_mac"),
        ("", f"MAC: {OWN}\r\nLoadid:  SW: {OLD} \r\nMAC: 000e:84c0:60a7\r\nx> ", "unknown_mac"),
        ("", f"MAC: 000E84C060A7 {OWN}\r\nLoadid:  SW: {OLD} \r\nx> ", "unknown_mac"),
        ("", f"MAC: {OWN}\r\nLoadid:  SW: {OLD} \r\n|MAC: 000e:84c0:60a7\r\nx> ", "unknown_mac"),
        ("", "MAC: 000E84C060A7, 000E84C060A8\r\nLoadid:  SW: P0S3-08-2-00 \r\nx> ", "wrong_phone"),
    ],
)
def test_only_the_banner_tells_the_mac(before, banner, kind):
    reset = False

    async def talk(reader, writer):
        nonlocal reset
        writer.write(before.encode() + b"Password :")
        await reader.readuntil(b"\n")
        for part in banner.split("|"):
            writer.write(part.encode())
            await asyncio.sleep(0.3)
        while line := await reader.readline():
            reset = reset or line == b"reset\r\n"
            writer.write(b"show network\r\nMAC: 000E84C060A9\r\nx> ")

    async def main() -> str | None:
        async with server(talk) as phone:
            own = replace(phone, mac=OWN)
            answer = await fleet.reset_one(own, LIMITS, None)
            assert answer and (answer.sent, reset) == (kind is None, kind is None)
            try:
                async with session(own, LIMITS) as again:
                    await again.command("show network")
                    await again.confirm()
            except PhoneError as error:
                assert error.kind == kind, "what a command prints is not the banner"
            return answer.kind

    assert asyncio.run(main()) == kind


@pytest.mark.parametrize("password", ["geheim-P\xe4ssword-77", "a-long-passphrase-31-chars-abcd"])
def test_last_words_hold_no_part_of_the_password(password):
    async def talk(reader, writer):
        writer.write(b"Password :")
        typed = await reader.readuntil(b"\n")
        writer.write(typed.strip() + b" " + b"x" * 110)
        await reader.read()

    async def main() -> str:
        async with server(talk) as phone:
            with pytest.raises(PhoneError) as caught:
                async with session(Phone(phone.name, phone.host, phone.port, password), Limits(1, 2, 1)):
                    pass
            return str(caught.value)

    text = asyncio.run(main())
    assert not any(password[start : start + 5] in text for start in range(len(password) - 5))


ESCAPES = ("\x1b(B", "\x1bM", "\x1b]0;\x07", "\x9b0m", "\x1b[1", "X\x08", "\x1b[")


@pytest.mark.parametrize(
    ("text", "password", "shown"),
    [
        ("you typed Sesam-42.", "Sesam-42", f"you typed {MASK}."),
        ("SESAM-42 sesam-42", "Sesam-42", f"{MASK} {MASK}"),
        ("a Se\r\nsam\x1b[0;1m-\t42 b", "Sesam-42", f"a {MASK} b"),
        ("it ends: Sesam-", "Sesam-42", f"it ends: {MASK}"),
        ("it ends: Ses", "Sesam-42", "it ends: Ses"),
        *(
            (f"a S{escape}esam-42 b", "Sesam-42", f"a {MASK} b")
            for escape in ("\x1b(B", "\x1bM", "\x1b]0;\x07", "\x9b0m", "\x1b[1", "X\x08", "\x1b[")
        ),
        ("geh\xc3\xa4im", "geh\xe4im", MASK),
        ("geh\xe4im GEH\xc4IM geh\\xe4im", "geh\xe4im", f"{MASK} {MASK} {MASK}"),
        ("pre?is preiis pre\u20acis", "pre\u20acis", f"{MASK} preiis {MASK}"),
        ("a[b]c*", "[b]c*", f"a{MASK}"),
        ("xyx", "x", f"{MASK}y{MASK}"),
        ("my pass word", "pass word", f"my {MASK}"),
        ("nothing", "", "nothing"),
        ("n o\tthing", " \t", "n o\tthing"),
        ("x" * 2000 + "y", "x" * 2000, f"{MASK}y"),
    ],
)
def test_a_password_is_hidden_in_every_spelling(text, password, shown):
    assert hide(text, password) == shown


PREFIXES = (
    "\n", " ", "\r\nx> ", "> ", "\x1b[", "\x1b[0", ":", "1", "Loadid:", " SW:", " SW: ", "MAC: 00", "Password", "passw ", "\n<Cisco", "in ",
    "Loadid:SW:", PASSWORD[0] + "\x1b[0", "\x1b[" + PASSWORD[0], "x\x08",
    "Bad ", "encrypt_key :", "\n1 111 ", "\n1  ", "s\n", PASSWORD[:-1], "show register", ": Command",
)  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("phase", ["before", "after", "answer"])
@pytest.mark.parametrize(("length", "size", "pause", "some"), [(64_000, 4096, 0, 1), (None, 1, 0.001, 6)], ids=["at_once", "in_drops"])
def test_no_flood_takes_time_from_others(phase, length, size, pause, some):
    floods = [{"phase": phase, "text": text, "bytes": length, "size": size, "pause": pause} for text in PREFIXES[::some]]
    defaults = {"image": OLD, "boot": "none", "port": 0, "password": PASSWORD}

    async def main(phones: list[Phone]) -> list[fleet.Observation]:
        return await asyncio.gather(*(fleet.look(phone, Limits(3, 3, 3), at_lines=True) for phone in phones))

    with Simulator({"defaults": defaults, "phones": [{"faults": {"flood": flood, "says": "x"}} for flood in floods]}) as simulator:
        phones = [Phone(name, phone["address"], phone["port"], PASSWORD, phone["mac"]) for name, phone in simulator.state().items()]
        began = time.process_time()
        seen = asyncio.run(main(phones))
        spent = time.process_time() - began
    assert spent < 0.06 * len(floods), f"{spent:.2f} s of CPU"
    assert {one.kind for one in seen} <= {"endless", "no_prompt", "no_image", "silent", None}


def test_a_phone_that_talks_without_end_is_asked_ever_less_often():
    looks = 0

    async def talk(reader, writer):
        nonlocal looks
        looks += 1
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    async def main() -> fleet.Return:
        async with server(talk) as phone:
            return await fleet.until_back(phone, fleet.OnImage(parse(NEW)), asyncio.Semaphore(9), LIMITS, fleet.Patience(5))

    assert asyncio.run(main()).kind == "endless"
    assert looks <= 6


@pytest.mark.parametrize("gap", [0, 0.001])
def test_endless_talk_costs_bounded_time_and_memory(gap):
    async def talk(reader, writer):
        while True:
            writer.write(b"\xff\xfb" + b"\x00A" * 5000 if not gap else b"A")
            await writer.drain()
            await asyncio.sleep(gap)

    kind, text, seconds = kind_of(talk, Limits(1, 2, 1))
    assert kind == "endless"
    assert seconds < 5
    assert len(text) < 500


def test_an_address_without_a_host():
    async def main() -> str:
        with pytest.raises(PhoneError) as caught:
            async with session(Phone("gone", "no-such-host.invalid"), LIMITS):
                pass
        return f"{caught.value.kind}: {caught.value}"

    assert asyncio.run(main()).startswith("unreachable: gone (no-such-host.invalid): cannot be reached")


def test_text_of_a_phone_is_harmless():
    assert printable(b"\x1b[2Ja\x00\xe9\r\nb\rc\td{{ 7 }}") == "\\x1b[2Ja\\x00\\xe9\nb\nc\td{{ 7 }}"


def test_the_password_is_in_no_repr():
    assert PASSWORD not in repr(Phone("a", "b", 23, PASSWORD))
