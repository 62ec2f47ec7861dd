#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_version
short_description: Make a TFTP root name one firmware image for all phones
version_added: 0.1.0
description:
  - Sets C(image_version) in C(SIPDefault.cnf) and in every C(SIP<MAC>.cnf) that sets it, and the name in C(OS79XX.TXT), in one go.
  - Not another byte is changed. Comments, quotes, blanks, line ends, the case of keys and commented-out lines stay as they are.
    Ownership, mode and extended attributes of the files stay as well. What may keep a phone from reading the image is mended. A
    quote that is never closed is closed, and C(;) makes a comment of text after the image that begins with C(#).
  - Each file is replaced in one step, so that a phone gets the old file or the new one. If anything fails, all files are put back.
  - Nothing is written unless the files of the image are in the root, whole, under the name they were signed with, and readable for
    the TFTP server.
  - A C(SIP<MAC>.cnf) that does not set C(image_version) is not touched. C(SIPDefault.cnf) gets the line if it has none, in the file's own
    style. C(SIPDefault.cnf) is created if it is missing, C(OS79XX.TXT) only if phones need it to get to the image.
  - What phones would do then is foreseen, by rules of which each has its source (docs/phones.md). What cannot work is refused before
    anything is written, what may not work is a warning.
  - Per-phone files are looked for in the root and in the folder that C(tftp_cfg_dir) in C(SIPDefault.cnf) names.
  - Symbolic links are followed as long as they stay inside the root. The file behind the link is replaced, the link stays.
  - Changing the files does not restart any phone.
attributes:
  check_mode:
    details: Everything is verified as in a real run.
  diff_mode:
    details: Values of passwords, secrets and keys are replaced by asterisks.
options:
  image:
    description: Name of a SIP application image, without extension, spelt as its files are.
    type: str
    required: true
  verify_files:
    description:
      - Whether the image's files have to be in the root, whole and readable for the TFTP server, before anything is written.
      - With V(false), what is wrong with them is reported as warnings.
    type: bool
    default: true
  os79xx:
    description:
      - The name to put into C(OS79XX.TXT).
      - Without it that is the image itself up to 6.x, and its universal loader (C(P003-...)) from 7.x on.
    type: str
  only:
    description:
      - The MACs of phones to point at the image, in their own C(SIP<MAC>.cnf) and nowhere else. C(SIPDefault.cnf) is left alone.
      - Where such a file sets no C(image_version), and C(SIPDefault.cnf) another one, a line is added, which a comment marks as temporary.
        A call without this option takes these lines out again.
      - C(OS79XX.TXT) is changed only if one of these phones reads it, as phones up to 6.x do. It cannot be kept from the others of these.
    type: list
    elements: str
  hold:
    description: The image to keep a phone on, by MAC, in its own C(SIP<MAC>.cnf), whatever O(image) is.
    type: dict
    default: {}
  phones:
    description:
      - The phones that shall move, and the image that each of them runs now, or V("") if that is not known, by MAC.
      - Without it, every phone that has a file is taken to run what its files name.
    type: dict
    default: {}
  skip_blocked:
    description:
      - Whether to go on if some of O(phones) cannot get to the image. Who cannot, or may not, is in RV(boots). RV(advice) is no warning
        then, and leaves out what is known of the image itself, which is for the caller to say.
    type: bool
    default: false
  loads:
    description:
      - What to do about a load in C(SEP<MAC>.cnf.xml) or C(XMLDefault.cnf.xml) that may win over C(image_version), as from 7.x on it does.
      - V(refuse) names it and changes nothing. V(follow) puts the image in its place, and leaves every other byte of the file.
      - Files of SCCP phones and of other models are neither changed nor refused.
    type: str
    choices: [refuse, follow]
    default: refuse
  backup:
    description: Whether to keep the original of each changed file beside it, under a name with a time stamp.
    type: bool
    default: false
  run:
    description: A name that ties together the records of several calls, which are then undone together. By default each call is alone.
    type: str
    default: ""
  differences:
    description: Return RV(differences) of at most this many changed files, whether or not diff mode is on.
    type: int
    default: 0
seealso:
  - module: voip.cisco79xx.tftp_root_undo
notes:
  - That a phone takes the last of several C(image_version) lines in a file is not established, therefore all of them are set.
  - When it ends, everything is on the disk, so that a power cut leaves all files as they were or all of them new.
  - Somebody else may write in the TFTP root at the same time. Nothing is read or written through a symbolic link that leads out of it.
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
  - voip.cisco79xx.tftp_root.reader
  - voip.cisco79xx.tftp_root.changes
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
- name: Make all phones load 6.3
  voip.cisco79xx.image_version:
    tftp_root: /srv/tftp
    image: P0S3-06-3-00
    backup: true

- name: Show what would change for 8.12, for a TFTP server that runs as user tftp
  voip.cisco79xx.image_version:
    tftp_root: /srv/tftp
    image: P0S3-8-12-00
    tftp_user: tftp
  check_mode: true
  diff: true
"""

RETURN = r"""
image:
  description: The image that the files name now.
  returned: success
  type: str
  sample: P0S3-06-3-00
differences:
  description: How files change. Values of passwords, secrets and keys are replaced by asterisks.
  returned: if O(differences) asks for them
  type: list
  elements: dict
  contains:
    path: {description: The file., type: str}
    diff: {description: "In the unified form, with one line around.", type: str}
digests:
  description:
    - SHA-256 of the files that change, before and after it, and in check mode of those that name an image and stay as they are, by name.
      V(null) is no file.
  returned: if O(differences) asks for them
  type: dict
  sample: {SIPDefault.cnf: [9f86d081884c7d65…, 60303ae22b998861…]}
image_digests:
  description: SHA-256 of the files of the image that are in the root, by name.
  returned: in check mode, if O(differences) asks for them
  type: dict
  sample: {P0S3-06-3-00.bin: fd61a03af4f77d87…}
changed_files:
  description: The files that were changed or, in check mode, would be. Names are relative to the root.
  returned: success
  type: list
  elements: str
  sample: [SIPDefault.cnf, SIP001122AABBCC.cnf, OS79XX.TXT]
per_phone:
  description: How many per-phone files were examined.
  returned: success
  type: int
  sample: 250
would_move:
  description:
    - The phones that may load another release than before when they restart for whatever reason, and what the files named, by MAC.
    - Only phones with a file of their own, and those in O(phones), are known.
  returned: success
  type: dict
  sample: {"001122AABBCC": P0S3-08-2-00}
boots:
  description:
    - How it may end for the O(phones), or for every phone that has a file, when they restart with the files as they are then.
    - Phones that find the same are together. Those that are sure to end on the image are left out.
  returned: success
  type: list
  elements: dict
  contains:
    macs: {description: MAC addresses of the phones., type: list, elements: str, sample: ["001122AABBCC"]}
    sure: {description: Whether there is only one end., type: bool, sample: false}
    ends:
      description:
        - What is likeliest first, each with C(end), which is V(runs) (another image than now), V(stays), V(loops) or V(stuck) (in its
          loader), C(image), and C(rules), the names of what it relies on in docs/phones.md.
      type: list
      elements: dict
      sample: [{end: runs, image: P0S3-06-3-00, rules: [down_at_once]}, {end: stays, image: P0S3-08-2-00, rules: [down_at_once, keeps_old]}]
    arrives: {description: Whether one of the ends is the image., type: bool, sample: true}
    why: {description: "What keeps, or may keep, the phones from the image.", type: str}
way_back:
  description: For each image that these phones run now, whether they come back to it when the files are put back.
  returned: success
  type: list
  elements: dict
  contains:
    image: {description: The image., type: str, sample: P0S3-08-2-00}
    phones: {description: How many of the phones run it., type: int, sample: 12}
    whole: {description: Whether all of its files are in the root and whole., type: bool, sample: false}
    missing: {description: Its files that are not there., type: list, elements: str, sample: [P0S3-08-2-00.sb2]}
    returns: {description: "V(yes), V(not known) or V(no).", type: str, sample: "no"}
    why: {description: "Why it is not V(yes), or empty.", type: str}
advice:
  description: What speaks against the image, and whom else the change concerns, one text each. They are warnings too.
  returned: success
  type: list
  elements: str
  sample: ["OS79XX.TXT changes, and SCCP phones up to 6.x read it too: 1 SCCP phone seen here (001122AABBCC)"]
images:
  description: The SIP applications of which the root has files, and which of their files it lacks, by name.
  returned: success
  type: dict
  sample: {P0S3-06-3-00: [], P0S3-8-12-00: [P0S3-8-12-00.sb2]}
overrides:
  description: The per-phone files that named another image before.
  returned: success
  type: list
  elements: dict
  contains:
    file: {description: Name relative to the root., type: str, sample: SIP001122AABBCC.cnf}
    mac: {description: "MAC address of the phone, 12 upper-case digits.", type: str, sample: "001122AABBCC"}
    lines: {description: Numbers of the lines that set C(image_version)., type: list, elements: int, sample: [1]}
    before: {description: What these lines set before., type: list, elements: str, sample: [P0S3-07-4-00]}
duplicates:
  description: The files that set C(image_version) more than once. All of the lines are set.
  returned: success
  type: list
  elements: dict
  contains:
    file: {description: Name relative to the root., type: str, sample: SIPDefault.cnf}
    lines: {description: Numbers of the lines that set C(image_version)., type: list, elements: int, sample: [1, 17]}
os79xx:
  description: The content of C(OS79XX.TXT).
  returned: success
  type: dict
  contains:
    before:
      description: What it was, line end and blanks included; V(null) if there was no such file.
      type: str
      sample: "P003-8-12-00 \r\n"
    after: {description: "The name in it now, or V(null).", type: str, sample: P0S3-06-3-00}
backup_files:
  description: Where the originals are.
  returned: if O(backup=true) and not in check mode
  type: list
  elements: dict
  contains:
    file: {description: Name relative to the root., type: str, sample: SIPDefault.cnf}
    backup_file: {description: Path of the original., type: str, sample: /srv/tftp/SIPDefault.cnf.4711.2026-01-31@12:00:00~}
problems:
  description: Everything that stands in the way, one text for each; the error message lists the first of them.
  returned: failure because of the root or its files
  type: list
  elements: str
  sample: ["P0S3-06-3-00.sbn is missing in /srv/tftp: copy it there from Cisco's archive, or set verify_files to false"]
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import mac
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import ImageNameError, parse, parse_application, recognise
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.diff import differences
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.image_files import image_digests
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import named_digests, plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import first_some


def run(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result. Raises ImageNameError, RootError."""
    params = module.params
    image = parse_application(params["image"])
    os79xx = image.os79xx if params["os79xx"] is None else _os79xx(params["os79xx"])
    server = server_user(params["tftp_user"])
    only = None if params["only"] is None else frozenset(map(mac.parse, params["only"]))
    hold = {mac.parse(key): parse_application(str(name)) for key, name in params["hold"].items()}
    phones = {mac.parse(key): recognise(str(name)) for key, name in params["phones"].items()}
    with lock.locked(params["tftp_root"], params["state_dir"], module.check_mode) as store:
        store.refuse_if_half_changed()
        root = Root(store.tree)
        more = {"phones": phones, "loads": params["loads"], "skip_blocked": params["skip_blocked"]}
        wanted = plan_changes(root, image, os79xx, params["verify_files"], server, only, hold, **more)
        planned = module.check_mode and params["differences"]
        seen: Dict[str, Any] = {"digests": named_digests(root, wanted), "image_digests": image_digests(root, image)} if planned else {}
        backups = [] if module.check_mode else store.apply(wanted.changes, wanted.image, params["run"] or lock.own_run(), params["backup"])
    result: Dict[str, Any] = {
        "changed": bool(wanted.changes),
        "image": wanted.image,
        "changed_files": [change.name for change in wanted.changes],
        "per_phone": wanted.examined,
        "would_move": wanted.would_move,
        "boots": wanted.boots,
        "way_back": wanted.way_back,
        "advice": wanted.advice,
        "images": root.applications,
        "overrides": [
            {
                "file": file.name,
                "mac": file.mac,
                "lines": [line for line, _value in edit.before],
                "before": [value for _line, value in edit.before],
            }
            for file, edit in wanted.overrides
        ],
        "duplicates": [{"file": name, "lines": lines} for name, lines in wanted.duplicates],
        "os79xx": {"before": wanted.os79xx_before, "after": wanted.os79xx},
    }
    result.update(differences(root.path, wanted.changes, params["differences"], module._diff))
    if seen:
        result.update(seen, digests={**seen["digests"], **result["digests"]})
    if params["backup"] and not module.check_mode:
        result["backup_files"] = [{"file": name, "backup_file": path} for name, path in backups]
    for warning in first_some(store.warnings(params["run"]) + wanted.warnings, what=" warnings like these"):
        module.warn(warning)
    return result


def _os79xx(name: str) -> str:
    try:
        return parse(name).name
    except ImageNameError as error:
        raise ImageNameError(f"os79xx: {error}", error.intended) from None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "image": {"type": "str", "required": True},
            "verify_files": {"type": "bool", "default": True},
            "os79xx": {"type": "str"},
            "tftp_user": {"type": "str"},
            "only": {"type": "list", "elements": "str"},
            "hold": {"type": "dict", "default": {}},
            "phones": {"type": "dict", "default": {}},
            "skip_blocked": {"type": "bool", "default": False},
            "loads": {"type": "str", "choices": ["refuse", "follow"], "default": "refuse"},
            "backup": {"type": "bool", "default": False},
            "state_dir": {"type": "path"},
            "run": {"type": "str", "default": ""},
            "differences": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except ValueError as error:  # an image name or a MAC
        module.fail_json(msg=str(error))
    except TransactionError as error:
        module.fail_json(msg=str(error), problems=list(error.faults))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
