# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of how these phones boot: each rule with how sure it is, what it says, and how we know. docs/phones.md shows this table.

Sure is what a public source states or shows, or a text in published firmware, as long as nothing contradicts it. A rule that is not sure
says all that a phone may do, what is likeliest first; `boot` follows each of it.
"""

from __future__ import annotations

import re
from typing import Dict, NamedTuple

SURE = "sure"
LIKELY = "likely"
UNKNOWN = "not known"

_TABLE = """
os79xx_first, sure: A phone on 6.x or older asks for OS79XX.TXT first, then for SIPDefault.cnf and SIP<MAC>.cnf.
  by how-tos of 2004 and 2005; Cisco's upgrade matrix as quoted in a forum
os79xx_names_loader, sure: To get to 7.x or later it loads the universal loader (P003-…) that OS79XX.TXT names. That loads the application.
  by how-to of 2005; voip-info.org
loader_not_named, not known: Told an application of 7.x or later while OS79XX.TXT names no loader, it does not get there, or gets the
  loader by itself, or that and the application.
  by half of the roots seen have no OS79XX.TXT and several name the application there; no report says what became of old phones
os79xx_against_version, likely: Where OS79XX.TXT and image_version differ, image_version wins, or OS79XX.TXT, or the phone loads one after
  the other for ever.
  by Cisco's document 72029 says that the configuration wins; the loop is remembered
blank_behind_name, likely: A blank or carriage return behind the name in OS79XX.TXT becomes a part of the name asked for, or is trimmed.
  by Cisco's bug CSCdv19260 and logs; but the file that Cisco ships with 8.12 ends in both
other_protocol, likely: Where the first four characters of the name in OS79XX.TXT (P0S3: SIP, P003: SCCP) differ from those of what runs,
  the phone loads the other protocol, or does not. So phones with old SCCP images in the same root read that file too.
  by Cisco's upgrade matrix as quoted in a forum
own_file_wins, sure: image_version in SIP<MAC>.cnf wins over that in SIPDefault.cnf.
  by Cisco's guide for 4.0; callcentric.com quotes the same for 8.0
folder, sure: tftp_cfg_dir of SIPDefault.cnf is put before the name SIP<MAC>.cnf as it stands.
  by log of a 7960 that boots 8.12 (how-to of 2020)
no_own_file, likely: A phone without a SIP<MAC>.cnf loads what SIPDefault.cnf names, or keeps what it runs and waits for that file.
  by Cisco's guide for 4.0 says that the file is required
unset, likely: An image_version in SIP<MAC>.cnf that is empty or UNPROVISIONED leaves the one in SIPDefault.cnf, or has the phone keep what
  it runs.
  by the code published as sipcc, which came of the phone's
duplicate_lines, not known: Of several lines that set the same the last one counts, or the first.
  by nobody's report
blanks, not known: Blanks inside the quotes of a value, or around a load in an XML file, are trimmed, or become a part of the name.
  by nobody's report; a program that writes such files exists
faulty_line, not known: A line with a byte order mark, an open quote or text behind its value counts, is lost, or counts with that text.
  by texts in the firmware, which say that errors are counted, not what becomes of the line
to_the_letter, sure: A phone asks for an image by the name that it is told, to the letter. With another case, an extension or the letter O
  for the digit 0 it finds nothing.
  by Unified CME administrator guide; reports in forums
os79xx_not_read, sure: A SIP phone on 7.x or later does not ask for OS79XX.TXT.
  by the firmware of 7.5 and 8.12, which does not have that name; logs of 8.12
hunt, sure: The loader asks for CTLSEP<MAC>.tlv, SEP<MAC>.cnf.xml, SIP<MAC>.cnf, MGC<MAC>.cnf, XMLDefault.cnf.xml until one names a load,
  and goes on only after 'File not found'. Then its application asks for SIPDefault.cnf and SIP<MAC>.cnf.
  by log of nine phones moved to 8.12; log of a 7960 that boots 8.12; Cisco's bug CSCee31047
hunt_ends, not known: A file that names no load ends the hunt, or does not; so does, perhaps, an application that is there already.
  by log of nine phones moved to 8.12, which does not tell what was in the files
odd_ctlsep, not known: A CTLSEP<MAC>.tlv that is empty or no trust list does no harm, or has the phone begin again and again.
  by reports in forums, which contradict each other
seven_begins, likely: A phone on 7.x begins with SIPDefault.cnf and hunts only to load another image, or begins with the hunt.
  by reports in forums
load_followed, sure: From 7.x on a phone, SIP or SCCP, loads what SEP<MAC>.cnf.xml names, or else XMLDefault.cnf.xml.
  by log of nine phones moved to 8.12; log of a 7960 that boots 8.12
load_of_others, likely: Of a load that is no SIP image, and not in the root, a SIP phone takes no notice, or it asks for it.
  by roots that SIP and SCCP phones share, of which nobody reports harm
load_against_version, not known: Where that load and image_version differ, the load wins, or image_version, or the phone loads one after
  the other for ever.
  by the same logs, in which the load is read first; what follows is inferred
loader_as_load, not known: A load or image_version that is a loader (P003-…) counts for nothing, or the phone tries it.
  by how-tos, some of which write the loader there and some the application
broken_xml, not known: In a file that is no well-formed XML the phone finds the load in front of the fault, or nothing.
  by nobody's report
models, not known: Of several loads in one file the phone takes that of its model, which is not asked about here.
  by samples of XMLDefault.cnf.xml
loader_reads_version, likely: A loader that finds no load takes the image_version that the application takes, or that of SIPDefault.cnf
  alone, or none; if it has no application it waits then ('Protocol Application Invalid').
  by reports in forums; voip-info.org
loader_forgets, not known: A loader that a phone has just got asks on, or has forgotten the TFTP server if that was typed in by hand, and
  asks for nothing until DHCP (option 66 or 150) names one.
  by reports in forums; voip-info.org
loader_alone, sure: A loader without an application that cannot load one asks again and again.
  by log of nine phones moved to 8.12; voip-info.org
three_files, sure: From 7.x on an image is a .loads, the .sbn of its loader and an .sb2. A phone with that loader leaves the .sbn out.
  by log of nine phones moved to 8.12; the .loads of 7.5 and 8.12
bin_or_sbn, not known: Of an image of 5.x or 6.x a phone can do with the .bin or with the .sbn alone, or not.
  by logs with requests for either; Cisco's archives have both
keeps_old, likely: A phone on 8.x that cannot load an image carries on with the old one, or restarts again and again.
  by a text in the firmware of 8.12 ('ignoring reset'); report of phones on 8.2 that were told an image of 2.x
keeps_old_before_8, not known: An older phone that cannot load an image carries on with the old one, or restarts again and again.
  by the firmware of 7.5, which does not have that text; reports in forums of either
signed, sure: Images from 5.x on are signed, and a phone that runs one never loads an unsigned one again.
  by Unified CME administrator guide; Cisco's readmes of 8.4, 8.9 and 8.11
steps, sure: The way up is from 2.x, 3.x or 4.x to 4.4, 5.3, 6.x, then 7.x or 8.x; the way down from 8.x to 7.x, and to 6.x.
  by Unified CME administrator guide; how-to of 2004 (2.2, 3.0, 4.4, 5.3); how-to of 2005 (6.x to 7.4)
steps_left_out, not known: A phone that leaves out steps on the way up gets there, or does not load the image.
  by Unified CME administrator guide, which has all steps; Cisco's guide for 5.1 goes from 2.2 to 5.x at once
long_names, not known: A phone on 2.1 or older loads an image with a name like P0S3-03-0-00, or has to be on one like P0S30203 before.
  by Cisco's guides for 4.0 and 5.1, which have a procedure of its own for 2.1
down_at_once, likely: From 8.x to 6.x, and from 6.x or later to 5.x, a phone goes at once, or has to go by 7.x.
  by Unified CME administrator guide, which goes by 7.x; report of phones that went from 8.2 to 6.3 at once
change_of_protocol, likely: A phone goes from a SIP image to one of another protocol, or does not; and so between other protocols where an
  image is older than 7.x.
  by Unified CME administrator guide, which wants SCCP 5.x before SIP 7.4; reports in forums
sccp_in_os79xx, not known: A phone on an SCCP image up to 6.x lets the name of another in OS79XX.TXT be, or loads it.
  by nobody's report
old_sccp_loads, likely: Phones on SCCP images up to 6.x follow the load in SEP<MAC>.cnf.xml or XMLDefault.cnf.xml, or do not.
  by nobody's report
"""


class Rule(NamedTuple):
    """One thing that phones do. `sureness`: SURE, LIKELY or UNKNOWN; `source`: how it is known."""

    name: str
    sureness: str
    text: str
    source: str


_RULE = re.compile(r"^(\w+), ([a-z ]+): (.*?)\n  by (.*?)\n(?=\w|\Z)", re.MULTILINE | re.DOTALL)
RULES: Dict[str, Rule] = {found[0]: Rule(*(" ".join(part.split()) for part in found)) for found in _RULE.findall(_TABLE)}
"""Every rule by its name."""
