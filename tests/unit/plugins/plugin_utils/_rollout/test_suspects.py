# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which phones do not come back, by what the TFTP server's log says of those that are away."""

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import HOPELESS
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.earlier import EarlierReset
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.suspects import Suspects
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet.session import Phone

DESK = Phone("desk", "127.0.0.2", mac="000E84C00002")
LOBBY = Phone("lobby", "lobby.example.org", mac="000E84C00003")
NAMELESS = Phone("nameless", "127.0.0.4")
SEVERAL = (DESK, LOBBY, NAMELESS)
HOPE = "flashing"


def verdict(kind=HOPELESS[0], confidence="certain", advice="see to it"):
    return {"verdict": kind, "confidence": confidence, "advice": advice}


def away(*phones, earlier=None):
    """Of all phones, these were reset."""
    suspects = Suspects(SEVERAL, earlier or {})
    for phone in phones:
        suspects.note(phone, "reset")
        suspects.note(phone, "sent")
    return suspects


def test_phones_that_were_reset_and_have_not_ended_are_waited_for():
    suspects = away(DESK, LOBBY, NAMELESS)
    assert set(suspects.waiting()) == {DESK.mac, LOBBY.mac}, "the log knows no phone without a MAC"
    assert all(0 <= seconds < 5 for seconds in suspects.waiting().values())
    suspects.note(DESK, "back")
    suspects.note(LOBBY, "failed")
    assert suspects.waiting() == {}
    assert away().waiting() == {}


def test_a_reset_that_is_about_to_be_sent_is_none_yet():
    suspects = away()
    suspects.note(DESK, "reset")
    assert suspects.waiting() == {}


def test_phones_that_an_earlier_run_has_reset_are_away_since_then():
    suspects = away(earlier={"desk": EarlierReset(300.0), "nameless": EarlierReset(300.0)})
    assert list(suspects.waiting()) == [DESK.mac]
    assert 300 <= suspects.waiting()[DESK.mac] < 305
    suspects.note(DESK, "reset")
    assert suspects.waiting() == {}, "it was not reset after all, and is now"
    suspects.note(DESK, "sent")
    assert suspects.waiting()[DESK.mac] < 5


def test_a_phone_may_stand_in_the_log_by_its_address():
    suspects = away(DESK, LOBBY)
    assert suspects.log_names([DESK.mac, LOBBY.mac]) == [DESK.mac, LOBBY.mac, "127.0.0.2"], "a name is no address"
    assert suspects.log_names([LOBBY.mac]) == [LOBBY.mac]


@pytest.mark.parametrize("kind", HOPELESS)
def test_what_is_certain_counts_at_once(kind):
    suspects = away(DESK, LOBBY)
    suspects.take_verdicts({DESK.mac: verdict(kind)})
    cause = suspects.cause(DESK)
    assert cause.kind == kind
    assert cause.reason == f"does not come back, by the TFTP server's log: {kind.replace('_', ' ')} (certain)"
    assert cause.advice == "see to it"
    assert suspects.cause(LOBBY) is None


def test_what_is_likely_has_to_be_said_twice():
    suspects = away(DESK)
    suspects.take_verdicts({DESK.mac: verdict(confidence="likely")})
    assert suspects.cause(DESK) is None
    suspects.take_verdicts({DESK.mac: verdict(HOPELESS[1], "likely")})
    assert suspects.cause(DESK) is None, "something else"
    suspects.take_verdicts({DESK.mac: verdict(HOPELESS[1], "likely")})
    assert suspects.cause(DESK).kind == HOPELESS[1]
    assert "(likely)" in suspects.cause(DESK).reason


def test_what_is_said_of_an_address_is_never_certain_at_once():
    suspects = away(DESK)
    suspects.take_verdicts({"127.0.0.2": verdict()})
    assert suspects.cause(DESK) is None
    suspects.take_verdicts({"127.0.0.2": verdict()})
    assert suspects.cause(DESK).kind == HOPELESS[0]


def test_what_is_said_of_a_mac_goes_before_what_is_said_of_its_address():
    suspects = away(DESK)
    for _time in range(3):
        suspects.take_verdicts({"127.0.0.2": verdict(), DESK.mac: verdict(HOPE)})
    assert suspects.cause(DESK) is None


def test_there_is_hope():
    suspects = away(DESK)
    for _time in range(3):
        suspects.take_verdicts({DESK.mac: verdict(HOPE)})
    assert suspects.cause(DESK) is None


def test_of_phones_that_are_not_away_nothing_is_taken():
    suspects = away(DESK)
    suspects.note(DESK, "back")
    for _time in range(2):
        suspects.take_verdicts({DESK.mac: verdict(), LOBBY.mac: verdict(), "000E84C000FF": verdict(), "127.0.0.4": verdict()})
    assert [suspects.cause(phone) for phone in SEVERAL] == [None, None, None]


def test_what_the_log_says_is_shown_as_harmless_text():
    suspects = away(DESK)
    suspects.take_verdicts({DESK.mac: verdict(advice="\x1b[2Jrun\n\u202ethis" + "x" * 5000)})
    advice = suspects.cause(DESK).advice
    assert len(advice) <= 1000
    assert not set("\x1b\n\u202e") & set(advice)
