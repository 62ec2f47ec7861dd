# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of SIPDefault.cnf and SIP<MAC>.cnf, and which values they can have.

The names are those in the files of real sites, in the templates of provisioning systems (see `generators`) and in the files that Cisco's
Unified CME makes; a few are from the texts in the 8.12 firmware. Others may be known to a phone too: it counts a name that it does not
know as an error, and goes on.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple

from .._text import SECRET, plain, quote
from . import cnf

LONGEST = 255
"""Characters of a value. No key is known to take as many; phones reject what is too long ("string too big")."""
_LIMITS = {"phone_password": 31, "phone_prompt": 15}
"""From the comments in Cisco's sample files, as is that the password is `cisco` where none is set."""

_NAMES = """
    anonymous_call_block auto_answer autocomplete call_hold_ringback call_stats call_waiting callerid_blocking cfwd_url
    cnf_join_enable date_format dial_template directory_url dnd_control domain_name dscpForAudio DSPLoadID dst_auto_adjust dst_offset
    dst_start_day dst_start_day_of_week dst_start_month dst_start_time dst_start_week_of_month dst_stop_day dst_stop_day_of_week
    dst_stop_month dst_stop_time dst_stop_week_of_month dtmf_avt_payload dtmf_db_level dtmf_inband dtmf_outofband dyn_dns_addr_1
    dyn_dns_addr_2 dyn_tftp_addr enable_vad encrypt_key end_media_port FirmLoadID http_proxy_addr http_proxy_port image_version
    language local_cfwd_enable logo_url messages_uri nat_address nat_enable nat_received_processing network_media_type
    network_port2_type outbound_proxy outbound_proxy_port phone_label phone_password phone_prompt preferred_codec proxy_backup
    proxy_backup_port proxy_emergency proxy_emergency_port proxy_register remote_party_id semi_attended_transfer services_url
    sip_invite_retx sip_retx sntp_mode sntp_server start_media_port stutter_msg_waiting sync telnet_level tftp_cfg_dir
    time_format_24hr time_zone timer_invite_expires timer_register_delta timer_register_expires timer_t1 timer_t2 tos_media user_info
    version_stamp voip_control_port
"""
_USUAL_SPELLINGS: Dict[str, str] = {name.lower(): name for name in _NAMES.split()}
_NUMBERED = re.compile(
    "line[1-6]_(?:name|authname|password|shortname|displayname|contact)|proxy[1-6]_(?:address|port)|speed_(?:line|label)[1-6]"
    "|call_manager[1-3]_(?:addr|sip_port)"
)
_KEY = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")
_SECRET = re.compile(SECRET, re.IGNORECASE)


def is_secret(key: str) -> bool:
    """Whether its value is one that must not be shown."""
    return bool(_SECRET.search(key))


def usual_spelling(key: str) -> str:
    """The key as files have it, if it is known, else as it is."""
    return _USUAL_SPELLINGS.get(key.lower(), key.lower() if is_known(key) else key)


def is_known(key: str) -> bool:
    return key.lower() in _USUAL_SPELLINGS or bool(_NUMBERED.fullmatch(key.lower()))


def read(where: str, settings: Mapping[Any, Any], secrets: Mapping[Any, Any]) -> Tuple[Dict[str, str], List[str]]:
    """The values by key, in their usual spelling, and what is wrong with what was asked for.

    Its texts begin with `where`, a file's name.
    """
    values: Dict[str, str] = {}
    faults = []
    given = [(item, False) for item in settings.items()] + [(item, True) for item in secrets.items()]
    for (key, value), among_secrets in given:
        name = usual_spelling(str(key))
        fault = _wrong_place(name, among_secrets) or why_not(name, value)
        if not fault and name.lower() in map(str.lower, values):
            fault = "is there twice, as the case of letters makes no difference: leave one of them out"
        if fault:
            faults.append(f"{where}: {quote(name) if not _KEY.fullmatch(name) else name} {fault}")
        else:
            values[name] = str(value)
    return values, faults


def _wrong_place(name: str, among_secrets: bool) -> str:
    if not _KEY.fullmatch(name):
        return "is no name of a setting: that takes letters, digits and '_', up to 64"
    if name.lower() == "image_version":
        return "is not for this module: set it with image_version, which looks after the image's files too"
    if is_secret(name) and not among_secrets:
        return "is a secret: put it under secrets, where it is never shown"
    if among_secrets and not is_secret(name):
        return "is no secret: put it under settings, as only names with 'passw', 'secret' or 'encrypt_key' are masked in files"
    return ""


def why_not(name: str, value: Any) -> str:
    """Why a key cannot have that value, as a text to put behind its name, or nothing. A secret is not told."""
    if isinstance(value, bool):
        return f"is {str(value).lower()}, which YAML makes of yes, no, on and off: write a number, or put it in quotes"
    if not isinstance(value, (str, int)):
        return "has no value that a file can hold: it takes a text or a whole number"
    text = str(value)
    shown = "set" if is_secret(name) else quote(text)
    if '"' in text:
        return f"cannot be {shown}: a file cannot hold a double quote in a value"
    if not text.isascii():
        return f"cannot be {shown}: in which encoding phones read characters beyond ASCII is not known"
    if not text.isprintable():
        return f"cannot be {shown}: a file cannot hold line breaks and control characters in a value"
    most = _LIMITS.get(name, LONGEST)
    if len(text) > most:
        return f"has {len(text)} characters: {'a phone takes' if name in _LIMITS else 'it takes'} {most} at most"
    if name == "telnet_level" and text not in ("0", "1", "2"):
        return f"cannot be {shown}: it takes 0 (off), 1 or 2 (privileged, which a reset needs)"
    if name == "phone_password" and not cnf.is_provisioned(text.strip()):
        return f"is empty or {cnf.UNPROVISIONED}, which sets none: phones would take Cisco's default password"
    if re.fullmatch("dst_st(art|op)_time", name) and isinstance(value, int) and value > 24:
        return f"is {value}, which YAML makes of a time such as 12:30: put it in quotes"
    return ""


def warnings(where: str, values: Mapping[str, str]) -> List[str]:
    """What is odd about them."""
    odd = []
    unknown = sorted(plain(key) for key in values if not is_known(key))
    if unknown:
        odd.append(f"{where}: not known to be read by phones, so look for a misspelling: {', '.join(unknown)}")
    odd += [
        f"{where}: {key} begins or ends with a blank: whether phones leave it out is not known"
        for key, value in values.items()
        if value != value.strip()
    ]
    return odd
