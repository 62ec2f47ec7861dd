#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tftp_root_info
short_description: Tell all there is to know of a TFTP root
version_added: 0.1.0
description:
  - Reads C(SIPDefault.cnf), every C(SIP<MAC>.cnf), C(OS79XX.TXT), the images, C(SEP<MAC>.cnf.xml), C(XMLDefault.cnf.xml),
    C(syncinfo.xml), C(dialplan.xml) and C(RINGLIST.DAT), and says what they tell the phones and what is wrong with them.
  - Nothing is written. A root with faults is a result, not a failure; the module fails only if the root itself cannot be read.
  - Passwords and the values of other settings never appear, only whether there is a C(phone_password).
attributes:
  diff_mode:
    support: N/A
options:
  phones:
    description:
      - Whether to list every phone, in RV(phones) and RV(others). Without it, RV(summary), RV(overrides) and RV(faults) still cover all
        of them.
    type: bool
    default: true
  verify_tftp:
    description:
      - Whether to ask the TFTP server on this host too, as a phone would, and to hold what comes against the disk.
      - It is asked for C(SIPDefault.cnf), C(OS79XX.TXT), the files of all images that files name, and a name that is not there. The host's
        own firewall is on that way, those of the network are not.
    type: bool
    default: false
  tftp_address:
    description:
      - The address of the TFTP server that phones ask, an IPv4 address or a name of one.
      - Without it the addresses of this host are tried, until a server answers.
    type: str
  tftp_port:
    description: The port of the TFTP server. Phones ask on 69.
    type: int
    default: 69
  image:
    description: Ask for the files of this image, such as V(P0S3-06-3-00), and not for those of the images that files name.
    type: str
notes:
  - What phones do is foreseen by rules of which each has its source (docs/phones.md). Each phone is taken to run what its files name.
  - That a phone takes the last of several lines that set the same is not established, but assumed here.
  - That a phone takes its file from the folder C(tftp_cfg_dir) rather than from the root is assumed where both have one.
seealso:
  - module: voip.cisco79xx.image_version
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
  - voip.cisco79xx.tftp_root.reader
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
- name: Look at the root
  voip.cisco79xx.tftp_root_info:
    tftp_root: /srv/tftp
  register: root

- name: Show what is wrong, one line each
  ansible.builtin.debug:
    msg: "{{ root.faults | map(attribute='text') }}"

- name: Look at it, and at what the TFTP server hands out of it
  voip.cisco79xx.tftp_root_info:
    tftp_root: /srv/tftp
    verify_tftp: true

- name: Look at the root of a server that runs as user tftp, without a list of thousands of phones
  voip.cisco79xx.tftp_root_info:
    tftp_root: /srv/tftp
    tftp_user: tftp
    phones: false
"""

RETURN = r"""
root:
  description: The root.
  returned: success
  type: str
  sample: /srv/tftp
default:
  description: What C(SIPDefault.cnf) tells all phones; V(null) if it is missing or cannot be read.
  returned: success
  type: dict
  contains:
    file: {description: Its name., type: str, sample: SIPDefault.cnf}
    image: {description: "The image it names, or V(null).", type: str, sample: P0S3-8-12-00}
    telnet_level:
      description: 0 (off), 1 or 2, or V(null) if it is not set. RM(voip.cisco79xx.reset#module) needs 2.
      type: int
      sample: 2
    phone_password_set:
      description: Whether there is a C(phone_password). Without one, phones take Cisco's default.
      type: bool
      sample: true
    tftp_cfg_dir: {description: "The folder of the per-phone files, or V(null).", type: str, sample: ./}
    dial_template: {description: "Name of the dial plan, without extension, or V(null).", type: str, sample: dialplan}
phones:
  description: Every phone that has a C(SIP<MAC>.cnf), by MAC address (12 upper-case digits).
  returned: success and O(phones=true)
  type: dict
  contains:
    file: {description: Name relative to the root., type: str, sample: SIP001122AABBCC.cnf}
    image: {description: "The image that its own file sets, or V(null).", type: str, sample: P0S3-07-4-00}
    effective_image:
      description: The image that it is told to run, by its own file or by C(SIPDefault.cnf), or V(null).
      type: str
      sample: P0S3-07-4-00
    telnet_level: {description: "What its own file sets, or V(null).", type: int, sample: null}
    effective_telnet_level: {description: What counts; 0 where nothing is set., type: int, sample: 2}
    phone_password_set: {description: Whether its own file or C(SIPDefault.cnf) has a C(phone_password)., type: bool, sample: true}
    loads_file: {description: "Its C(SEP<MAC>.cnf.xml), or V(null) if there is none.", type: str, sample: SEP001122AABBCC.cnf.xml}
    label: {description: "Its C(phone_label), or V(null).", type: str, sample: Reception}
    lines:
      description: Its lines, as far as its own file sets them. Passwords are not told.
      type: list
      elements: dict
      sample: [{line: 1, name: "1001", authname: "1001", displayname: Reception, shortname: null}]
others:
  description: The phones that have a C(SEP<MAC>.cnf.xml) and no C(SIP<MAC>.cnf), by MAC address.
  returned: success and O(phones=true)
  type: dict
  contains:
    file: {description: Name of the file., type: str, sample: SEP001122AABBCC.cnf.xml}
    kind:
      description: V(SIP) or V(SCCP) for a 7940 or 7960, V(another model), or V(null) if the file does not tell.
      type: str
      sample: SCCP
overrides:
  description: The image that each C(SIP<MAC>.cnf) sets that sets one, by MAC address. It may be the image of C(SIPDefault.cnf).
  returned: success
  type: dict
  sample: {"001122AABBCC": P0S3-07-4-00}
os79xx:
  description: What C(OS79XX.TXT) says.
  returned: success
  type: dict
  contains:
    present: {description: Whether there is one., type: bool, sample: true}
    content:
      description: The first 80 characters of it, line end and blanks included, or V(null).
      type: str
      sample: "P003-8-12-00 \r\n"
    name: {description: "The name in it, or V(null).", type: str, sample: P003-8-12-00}
    faults:
      description: What is wrong with it, one text each. They are in RV(faults) too.
      type: list
      elements: str
      sample: ["has a blank after the name, which old phones take for a part of it: remove it"]
images:
  description:
    - Every SIP image of which there is at least one file, by name.
    - A universal loader (C(P003-...)) is listed by itself if there is no file of its application.
  returned: success
  type: dict
  contains:
    whole: {description: Whether phones can load it., type: bool, sample: false}
    files: {description: Its files that are there., type: list, elements: str, sample: [P003-8-12-00.sbn, P0S3-8-12-00.loads]}
    missing: {description: Its files that are not., type: list, elements: str, sample: [P0S3-8-12-00.sb2]}
    problems:
      description: What keeps phones from loading it, one text each.
      type: list
      elements: str
      sample: ["P0S3-8-12-00.sb2 is missing in /srv/tftp: copy it there from Cisco's archive"]
    named_by: {description: "How many files name it, of C(SIPDefault.cnf), C(SIP<MAC>.cnf) and C(OS79XX.TXT).", type: int, sample: 251}
loads:
  description: The loads for a 7940 or 7960 that C(SEP<MAC>.cnf.xml) and C(XMLDefault.cnf.xml) name.
  returned: success
  type: list
  elements: dict
  contains:
    file: {description: Name of the file., type: str, sample: XMLDefault.cnf.xml}
    mac: {description: "MAC address of the phone, V(null) for all phones.", type: str, sample: null}
    load: {description: The load it names., type: str, sample: P0S3-07-4-00}
    fights:
      description: Whether it may win over C(image_version), and is another image. It concerns no phone that runs 6.x or older or SCCP.
      type: bool
      sample: true
syncinfo:
  description: What C(syncinfo.xml) says.
  returned: success
  type: dict
  contains:
    present: {description: Whether there is one that can be read., type: bool, sample: true}
    images:
      description: The C(IMAGE) elements of it, each with C(version) and C(sync), as far as it is well-formed.
      type: list
      elements: dict
      sample: [{version: "*", sync: "1"}]
files:
  description: Other files that phones ask for.
  returned: success
  type: dict
  contains:
    dialplan: {description: Whether the dial plan is there., type: bool, sample: true}
    dialplan_name:
      description: Its name by C(dial_template) in C(SIPDefault.cnf), C(dialplan.xml) without.
      type: str
      sample: dialplan.xml
    ringlist: {description: Whether C(RINGLIST.DAT) is there., type: bool, sample: true}
duplicates:
  description: The settings that a file has more than once.
  returned: success
  type: list
  elements: dict
  contains:
    file: {description: Name relative to the root., type: str, sample: SIPDefault.cnf}
    key: {description: "The setting, in lower case.", type: str, sample: proxy1_port}
    lines: {description: "Numbers of the lines, the first 20.", type: list, elements: int, sample: [7, 19]}
served:
  description: What the TFTP server hands out; V(null) without O(verify_tftp=true).
  returned: success
  type: dict
  contains:
    address: {description: "Where it answered, or V(null).", type: str, sample: 192.0.2.9}
    port: {description: Its port., type: int, sample: 69}
    asked: {description: The files of the root that were asked for., type: list, elements: str, sample: [SIPDefault.cnf, OS79XX.TXT]}
    same: {description: "Bytes of each file that came as it is on the disk, by name.", type: dict, sample: {SIPDefault.cnf: 1204}}
    faults:
      description: What is wrong with it, one text each. They are in RV(faults) too.
      type: list
      elements: str
      sample: ["the TFTP server at 192.0.2.9 port 69 does not answer (Connection refused): start it, or name where it listens"]
faults:
  description: Everything that is wrong.
  returned: success
  type: list
  elements: dict
  contains:
    file: {description: Name relative to the root; V(null) for the root as a whole., type: str, sample: SIP001122AABBCC.cnf}
    line: {description: "Number of the line, from 1, or V(null).", type: int, sample: 12}
    column: {description: "Number of the byte in the line, from 1, or V(null).", type: int, sample: 12}
    text: {description: "What is wrong, to be put behind the name of the file.", type: str, sample: has no colon after the name}
advice:
  description: What is no fault but worth a thought, one text each.
  returned: success
  type: list
  elements: str
  sample:
    - "telnet_level is 1 for 3 of 250 phones: reset needs 2, which the playbook prepare sets, or the module phone_config"
    - "SIPDefault.cnf is written by Elastix: set telnet_level, phone_password there too, or they will be lost at its next save"
summary:
  description: Counts.
  returned: success
  type: dict
  contains:
    phones: {description: Phones that have a file., type: int, sample: 250}
    by_image: {description: Phones by the image that they are told to run., type: dict, sample: {P0S3-07-4-00: 3, P0S3-8-12-00: 247}}
    without_image: {description: Phones that are told no image., type: int, sample: 0}
    telnet_levels: {description: Phones by what counts as their C(telnet_level)., type: dict, sample: {"2": 250}}
    without_phone_password: {description: Phones for which no C(phone_password) is set., type: int, sample: 0}
    sccp: {description: "SCCP phones that have a C(SEP<MAC>.cnf.xml), of these models.", type: int, sample: 0}
    other_models: {description: Phones of other models that have one., type: int, sample: 0}
    overrides: {description: Length of RV(overrides)., type: int, sample: 3}
    images: {description: Length of RV(images)., type: int, sample: 2}
    images_whole: {description: Images that phones can load., type: int, sample: 2}
    fights: {description: Loads that may win over another C(image_version)., type: int, sample: 0}
    duplicates: {description: Length of RV(duplicates)., type: int, sample: 0}
    faults: {description: Length of RV(faults)., type: int, sample: 0}
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import ImageNameError, parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.audit import survey
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root, RootError
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.served import Question


def run(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result. Raises ImageNameError, RootError."""
    params = module.params
    port = params["tftp_port"]
    if not 0 < port < 65536:
        raise RootError(f"tftp_port is {port}, which is no port: it takes a number from 1 to 65535")
    image = parse_application(params["image"]) if params["image"] else None
    question = Question(params["tftp_address"], port, image) if params["verify_tftp"] else None
    result = survey(Root(params["tftp_root"]), server_user(params["tftp_user"]), question)
    if not params["phones"]:
        del result["phones"], result["others"]
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "tftp_user": {"type": "str"},
            "phones": {"type": "bool", "default": True},
            "verify_tftp": {"type": "bool", "default": False},
            "tftp_address": {"type": "str"},
            "tftp_port": {"type": "int", "default": 69},
            "image": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (ImageNameError, RootError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
