# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a phone is not on the image: every kind of failure, what it means, and what to do.

The report, `stop_on`, docs/report.md and the tests read this table.

A kind is made where the failure is seen: by the dialogue with the phone (`_telnet`), by the wave (`_rollout`), or by the TFTP
server's log, whose verdicts have the same names.
"""

from __future__ import annotations

from dataclasses import dataclass

# What the phone said, or did not say
REFUSED = "refused"
UNREACHABLE = "unreachable"
SILENT = "silent"
CLOSED = "closed"
ENDLESS = "endless"
NO_PROMPT = "no_prompt"
NO_IMAGE = "no_image"
WRONG_PASSWORD = "wrong_password"
WRONG_PHONE = "wrong_phone"
UNKNOWN_MAC = "unknown_mac"
NOT_PRIVILEGED = "not_privileged"
UNKNOWN_COMMAND = "unknown_command"
ERROR = "error"

# What became of it after the restart
WRONG_IMAGE = "wrong_image"
NOT_RESTARTED = "not_restarted"
NEVER_RETURNED = "never_returned"
IN_CALL = "in_call"
NOT_REGISTERED = "not_registered"
NOT_SEEN_AGAIN = "not_seen_again"
GIVEN_BACK = "given_back"

# What the TFTP server's log says of it
DATA_NEVER_ARRIVES = "data_never_arrives"
IMAGE_MISSING = "image_missing"
IMAGE_WRONG_CASE = "image_wrong_case"
IMAGE_UNREADABLE = "image_unreadable"
IMAGE_REJECTED = "image_rejected"
SERVER_REFUSES = "server_refuses"
SERVER_SILENT = "server_silent"
STUCK_LOADER = "stuck_loader"
OTHER_ROOT = "other_root"

# Not a failure of a wave
BLOCKED = "blocked"
HELD = "held"


@dataclass(frozen=True)
class Kind:
    """One kind of failure.

    `name` stands in report.json and in `stop_on`; `title` is what to call it, `meaning` a line for docs/report.md, `advice` what to do
    next.
    `hopeless`: a verdict of the TFTP server's log after which a phone does not come back by itself, so that nobody waits for it.
    `no_answer`: nothing answers any more as a phone does; `stop_on: bricked` stands for all of these.
    `stops`: it can happen in a wave, so that `stop_on` takes it.
    """

    name: str
    title: str
    meaning: str
    advice: str
    hopeless: bool
    no_answer: bool
    stops: bool


_AGAIN = "then run the same command again: phones on the image are left alone."
# A paragraph for each kind: name, title and what is special about it; meaning; advice.
_TABLE = f"""
refused | Refuses telnet | no_answer
refuses telnet: still loading, or telnet_level is 0 in the files that it fetched
If it has just restarted, give it a few minutes. Otherwise set telnet_level: 2 and phone_password in SIPDefault.cnf or SIP<MAC>.cnf, see
that ansible_host is its address, and restart it by hand once; {_AGAIN}

unreachable | Cannot be reached | no_answer
could not be reached
Ping ansible_host from the controller. No answer: look at power, cable, switch port and VLAN, and whether DHCP gave the phone another
address. If it answers, a firewall stands between the controller and its telnet port.

silent | Accepts the connection but says nothing | no_answer
takes the connection and says nothing
Its telnet is stuck, or is no telnet at all: see that ansible_host and ansible_port are the phone's. Restart the phone by hand (keys *, 6
and Settings together, or its power), {_AGAIN}

closed | Closes the connection | no_answer
closes the connection
Close other telnet sessions to it and wait until it has finished starting. If it goes on, restart the phone by hand, {_AGAIN}

endless | Talks without end
talks without end
A debug command is probably still on in the phone, or another device answers at ansible_host. Restart the phone by hand, which ends
debugging, {_AGAIN}

no_prompt | Shows no prompt
shows no prompt after the login
Log in by hand with telnet and compare with the last words in the reason: another device, or a phone_prompt longer than 15 characters,
looks like this. Otherwise restart the phone by hand.

no_image | Names no image
names no image in its banner
Log in by hand with telnet: the line Loadid must have an SW. A phone with SCCP firmware, or another device, has none; take it out of the
run.

wrong_password | Does not take the password
does not take the password, or came back with another
Set cisco79xx_password to the phone_password in SIP<MAC>.cnf, or in SIPDefault.cnf if that has none; it has at most 31 characters. The phone
knows a changed one only after a restart, so try the former too.

wrong_phone | Another phone answers
another phone answers at its address; that one was not touched
Its address has gone to another phone. Correct ansible_host or cisco79xx_mac in the inventory; a DHCP reservation keeps it right.

unknown_mac | Does not tell its MAC
names no MAC in its banner, or several, so that it may be another phone; it was not touched
Log in by hand with telnet and look at the banner, and at the phone for its MAC (Settings, Network Configuration). If it is the right phone,
let it be reset with -e accept_unknown_mac=true, or with cisco79xx_accept_unknown_mac: true in the inventory.

not_privileged | Does not allow reset
its telnet_level does not allow reset
Set telnet_level: 2 in SIPDefault.cnf, and in SIP<MAC>.cnf if that sets it. Restart the phone by hand once, {_AGAIN}

unknown_command | Does not know the command
does not know the command reset
See that ansible_host is a 7940 or 7960 with SIP firmware. If it is, restart it by hand: it loads the image then, since the files name it.

error | The dialogue broke
the dialogue with it broke for a reason that is not known
This is probably a fault of the collection: please report it with the reason. The same command can be run again at once.

wrong_image | Came back on another image
came back on another image
Run voip.cisco79xx.diagnose: the TFTP server's log, if it keeps one, says what the phone asked for and did not get. A file of the image
that is missing or misspelt, an image_version in SIP<MAC>.cnf, or a load in SEP<MAC>.cnf.xml or XMLDefault.cnf.xml does this:
voip.cisco79xx.audit tells.

not_restarted | Did not restart
took the command and never went away
Look whether it is in a call or asks something on its display, restart it by hand, {_AGAIN}

never_returned | Never came back | no_answer
did not come back
Look at its display. Nothing: power, cable, switch port. Protocol Application Invalid: it has the loader and does not find the
application, so see that all files of the image are in the TFTP root and that DHCP options 150 or 66 name this server.

in_call | Is in a call
its call lasted longer than call_timeout; it restarts by itself afterwards
It restarts by itself when the call ends. Run the same command again later; if the call is over, it counts as done.

not_registered | Is on the image but not registered
is on the image, but not registered (require_registered)
Nobody can call it. Look at proxy1_address, the line's name and its password in SIP<MAC>.cnf (a password of 32 characters is too long),
and at the PBX's log; with chan_pjsip, force_rport must be no.

not_seen_again | Was reset, and the run ended before it was seen again | never_stops
was reset, and the run ended before it was seen again
Run the same command again: it is waited for, and not reset again.

given_back | Was taken back | never_stops
was taken back after the rollout stopped (rollback_on_stop)
The rollout stopped, and rollback_on_stop took it back to its old image; it may well have been fine. Mend what stopped the rollout,
{_AGAIN}

data_never_arrives | The TFTP server's data does not arrive | hopeless | no_answer
the server sends, and nothing reaches it
It asks again and again for what the server sends. TFTP answers from another port than 69: a firewall or NAT between them needs the TFTP
helper (nf_conntrack_tftp), or a rule for UDP from the server to the phones.

image_missing | The TFTP server has not all files of the image | hopeless | no_answer
a file of the image is not in the TFTP root
Put the file that the reason names into the TFTP root, spelt as Cisco spells it (case counts) and readable for the TFTP server's user; the
module firmware does that. Restart the phone by hand if it hangs, {_AGAIN}

image_wrong_case | The image is spelt in another case | hopeless | no_answer
a file of the image is there in another case
Rename the file that the reason names in the TFTP root, as Cisco spells it: phones and most TFTP servers tell capitals from small letters.
Restart the phone by hand if it hangs, {_AGAIN}

image_unreadable | The TFTP server may not read the image | hopeless | no_answer
a file of the image may not be read by the TFTP server
Make the file that the reason names readable for the TFTP server's user (chmod 0644; for tftpd-hpa, readable for everybody). Restart the
phone by hand if it hangs, {_AGAIN}

image_rejected | Does not take the image | hopeless
fetched the image and went on with what it had
The file is damaged, signed under another name, not for this phone, or later hardware refuses it. Run voip.cisco79xx.audit, which compares
the files with their signatures, and put the original there; if it is whole, name another image. The phone runs what it ran.

server_refuses | The TFTP server refuses files | hopeless | no_answer
the TFTP server refuses what it should call not found
A loader goes on after 'File not found' only. Let the user of the TFTP server enter the TFTP root and read its files; tftpd-hpa needs
--secure, as phones ask for bare names. Restart the phone by hand if it hangs, {_AGAIN}

server_silent | The TFTP server does not answer it | hopeless | no_answer
the TFTP server does not answer it
See that the server runs and that UDP port 69 is open from the phone's network. It must answer for missing files too: a phone that gets no
'file not found' for CTLSEP<MAC>.tlv starts over for ever.

stuck_loader | Stays in the loader | hopeless | no_answer
the loader runs and finds no application
It has the loader (P003) and does not get the application. See that the .loads file and the .sb2 that it names are in the TFTP root, and
that DHCP options 150 or 66 name this server: the loader forgets a TFTP address typed into the phone.

other_root | Reads from another TFTP server or root | hopeless | no_answer
asks in a folder, or at a server, that is not this root
Compare DHCP options 150 and 66, and the alternate TFTP setting in the phone, with cisco79xx_tftp_server; and the folder that the TFTP
server really serves with cisco79xx_tftp_root.

blocked | Cannot go to the image | never_stops
cannot or must not go to the image
The reason says why, and what has to come first.

held | Held by the inventory | never_stops
hold keeps it on what it runs
Nothing to do, if that is meant. Take hold: true out of the inventory to let it move.
"""


def _kind(paragraph: str) -> Kind:
    first, meaning, *advice = paragraph.splitlines()
    name, title, *special = first.split(" | ")
    return Kind(name, title, meaning, " ".join(advice), "hopeless" in special, "no_answer" in special, "never_stops" not in special)


KINDS = {kind.name: kind for kind in map(_kind, _TABLE.strip().split("\n\n"))}
"""All kinds, by name."""
HOPELESS = tuple(kind.name for kind in KINDS.values() if kind.hopeless)
BRICKED = tuple(kind.name for kind in KINDS.values() if kind.no_answer)
"""What `bricked` stands for in `stop_on`: reset, and then nothing that answers as a phone does."""
STOPS = tuple(sorted(kind.name for kind in KINDS.values() if kind.stops))
"""What `stop_on` takes, beside `bricked`."""
