# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systems that write phones' files themselves: what anybody else changes in such a file is lost when they write it again.

Each sign is from the template, or a file, that the system makes for these phones.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Tuple


class Generator(NamedTuple):
    """`name`: as people know it. `signs`: any of them will do. Each begins with plain text, as `re` finds that fast. `source`: where they
    are from."""

    name: str
    signs: Tuple[bytes, ...]
    source: str


GENERATORS = (
    Generator(
        "FusionPBX",
        (rb"reg\.[0-9]+\.displayName=", rb"/app/provision/\?", rb'# phone_password: "FusionPBX"'),
        "fusionpbx/fusionpbx, resources/templates/provision/cisco/7940 and 7960: SIP{$mac}.cnf, SIPDefault.cnf",
    ),
    Generator(
        "Elastix",
        (
            rb"# Cisco SIP Configuration[ \t]*\r?\n",
            rb"# This must be a different value from the one in syncinfo\.xml to force reboot\.",
            rb"/xmlservices/E_book\.php",
            rb"/images/bmp/elastix\.bmp",
        ),
        "elastixmt/elastix-mt-gui, apps/core/pbx/modules/backend/endpoint_configurator/libs/vendors/Cisco.cfg.php; xrobau/elastix, "
        "apps/core/endpointconfig2/setup/usr/share/elastix/endpoint-classes/tpl: Cisco_local_SIP.tpl, Cisco_global_SIPDefault.tpl",
    ),
    Generator(
        "Provisioner.net, as in FreePBX's OSS Endpoint Manager",
        (rb"#PROVISIONER\.NET#", rb"generated from the Provisioner\.net Library"),
        "provisioner/Provisioner, endpoint/cisco/sip79xx: the comment in SEP$mac.cnf.xml and XMLDefault.cnf.xml, which phone.php writes "
        "together with SIP$mac.cnf and SIPDefault.cnf; these have no comment",
    ),
    Generator(
        "Cisco Unified CME",
        (rb'\nsync: "[0-9]{16}";',),
        "Cisco Unified CME administrator guide: the SIPDefault.cnf that 'create profile' makes",
    ),
)
_SIGNS = [(generator.name, re.compile(sign)) for generator in GENERATORS for sign in generator.signs]


def written_by(*contents: bytes) -> List[str]:
    """The systems of which there is a sign in a phone's file, or in one that is written together with it."""
    return list(dict.fromkeys(name for name, sign in _SIGNS if any(map(sign.search, contents))))
