# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systems that write phones' files themselves: what anybody else changes in such a file is lost when they write it again.

Each sign is from the template, or a file, that the system makes for these phones.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Pattern


class Generator(NamedTuple):
    """`name`: as people know it. `source`: where the sign is from."""

    name: str
    sign: Pattern[bytes]
    source: str


GENERATORS = (
    Generator(
        "FusionPBX",
        re.compile(rb'^[ \t]*reg\.[0-9]+\.displayName=|/app/provision/\?|^#[ \t]*phone_password: "FusionPBX"', re.MULTILINE),
        "fusionpbx/fusionpbx, resources/templates/provision/cisco/7940 and 7960: SIP{$mac}.cnf, SIPDefault.cnf",
    ),
    Generator(
        "Elastix",
        re.compile(
            rb"^# Cisco SIP Configuration[ \t]*\r?$|^# This must be a different value from the one in syncinfo\.xml to force reboot\."
            rb"|/xmlservices/E_book\.php|/images/bmp/elastix\.bmp",
            re.MULTILINE,
        ),
        "elastixmt/elastix-mt-gui, apps/core/pbx/modules/backend/endpoint_configurator/libs/vendors/Cisco.cfg.php; xrobau/elastix, "
        "apps/core/endpointconfig2/setup/usr/share/elastix/endpoint-classes/tpl: Cisco_local_SIP.tpl, Cisco_global_SIPDefault.tpl",
    ),
    Generator(
        "Provisioner.net (FreePBX's OSS Endpoint Manager)",
        re.compile(rb"PROVISIONER\.NET|generated from the Provisioner\.net Library"),
        "provisioner/Provisioner, endpoint/cisco/sip79xx: the comment in SEP$mac.cnf.xml and XMLDefault.cnf.xml, which phone.php writes "
        "together with SIP$mac.cnf and SIPDefault.cnf; these have no comment",
    ),
    Generator(
        "Cisco Unified CME",
        re.compile(rb'^sync: "[0-9]{16}";', re.MULTILINE),
        "Cisco Unified CME administrator guide: the SIPDefault.cnf that 'create profile' makes",
    ),
)


def written_by(*contents: bytes) -> List[str]:
    """The systems of which there is a sign in a phone's file, or in one that is written together with it."""
    return [generator.name for generator in GENERATORS if any(map(generator.sign.search, contents))]
