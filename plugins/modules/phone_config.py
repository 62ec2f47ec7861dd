#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: phone_config
short_description: Set what phones read in SIPDefault.cnf and SIP<MAC>.cnf
version_added: 0.1.0
description:
  - Sets keys such as C(telnet_level) and C(phone_password) in C(SIPDefault.cnf), and in a phone's own C(SIP<MAC>.cnf) where the phone would
    otherwise read something else, in one go.
  - Not another byte is changed. Comments, quotes, blanks, line ends, the case of keys and commented-out lines stay as they are. A value
    gets quotes where phones may read it otherwise without them. Ownership, mode and extended attributes of the files stay as well.
  - Where a secret changes, what stands behind it on its line goes too, with a warning, unless it is a comment with a blank before or
    after its C(;), as it may be a part of the former secret.
  - A line is added, in the file's own style, where there is none for a key. It goes behind one that is commented out, else behind the last
    one that begins with the same word, as in C(line2_), else behind the last setting.
  - Each file is replaced in one step, so that a phone gets the old file or the new one. If anything fails, all files are put back.
    M(voip.cisco79xx.tftp_root_undo) takes the change back.
  - C(SIPDefault.cnf) is created if it is missing. A C(SIP<MAC>.cnf) is not, as the phone would lack its lines.
  - Per-phone files are looked for in the root and in the folder that C(tftp_cfg_dir) in C(SIPDefault.cnf) names.
  - Symbolic links are followed as long as they stay inside the root. The file behind the link is replaced, the link stays.
  - Changing the files does not restart any phone. Phones read them when they start.
attributes:
  action:
    support: full
    description: Runs on the TFTP host; the controller only hides secrets from what Ansible shows of the task's arguments.
  check_mode:
    details: Everything is verified as in a real run.
  diff_mode:
    details: Values of passwords, secrets and keys are replaced by asterisks.
options:
  settings:
    description:
      - What C(SIPDefault.cnf) is to set, by key. The case of a key makes no difference.
      - A value is a text or a whole number. Take care with what YAML makes something else of, such as V(yes), V(0100) or V(12:30). Quotes
        help.
      - C(image_version) is refused, as M(voip.cisco79xx.image_version) looks after the image's files too. A key that holds a secret
        belongs into O(secrets).
    type: dict
    default: {}
  secrets:
    description: The same for keys whose values are secrets, such as C(phone_password), at most 31 characters, and C(line1_password).
    type: dict
    default: {}
  phones:
    description:
      - What each of these phones is to read. Its own file is changed where it says otherwise, or says nothing and C(SIPDefault.cnf), as it
        is after this call, does not give that value.
    type: list
    elements: dict
    default: []
    suboptions:
      mac:
        description: The phone's MAC address.
        type: str
        required: true
      settings:
        description: As O(settings).
        type: dict
        default: {}
      secrets:
        description: As O(secrets).
        type: dict
        default: {}
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
  - module: voip.cisco79xx.image_version
  - module: voip.cisco79xx.tftp_root_undo
notes:
  - That a phone takes the last of several lines for a key is not established, therefore all of them are set.
  - Ansible hides secrets wherever they occur in a result. A secret that is a part of other words, such as V(cisco), hides these too.
  - A system that writes these files itself, as FusionPBX does, does so again. Where files show signs of one, it is named in RV(generators).
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
- name: Let all phones take commands over telnet, with the password of the vault
  voip.cisco79xx.phone_config:
    tftp_root: /srv/tftp
    settings:
      telnet_level: 2
    secrets:
      phone_password: "{{ vault_phone_password }}"

- name: Show what would change for one phone
  voip.cisco79xx.phone_config:
    tftp_root: /srv/tftp
    phones:
      - mac: 00:11:22:AA:BB:CC
        settings:
          telnet_level: 2
          phone_label: Reception
  check_mode: true
  diff: true
"""

RETURN = r"""
files:
  description: The files that were changed or, in check mode, would be. Names are relative to the root.
  returned: success
  type: list
  elements: str
  sample: [SIPDefault.cnf, SIP001122AABBCC.cnf]
default:
  description: What C(SIPDefault.cnf) set before.
  returned: success
  type: dict
  contains:
    telnet_level: {description: "Its value as it stood there, or V(null).", type: str, sample: "0"}
    phone_password:
      description: Whether it was set, and whether to what O(secrets) has; V(null) if that has none.
      type: dict
      sample: {set: true, as_wanted: false}
    image: {description: "The image that it names, or V(null).", type: str, sample: P0S3-8-12-00}
    set_at:
      description:
        - When a call of this module that set one of C(telnet_level) and C(phone_password) last changed it, in Unix seconds, or V(null).
      type: int
      sample: 1764300000
phones:
  description: The phones of O(phones), by MAC address (12 upper-case digits).
  returned: success
  type: dict
  contains:
    file: {description: "Name of its own file, relative to the root, or V(null).", type: str, sample: SIP001122AABBCC.cnf}
    settings:
      description: What the phone read before, by key; V(null) where nothing was set.
      type: dict
      sample: {telnet_level: "0"}
    secrets:
      description: Whether the phone read the secret that is asked for before, by key.
      type: dict
      sample: {phone_password: false}
    image: {description: "The image that its files name, or V(null).", type: str, sample: P0S3-8-12-00}
    set_at:
      description:
        - When a call of this module that set one of these keys last changed the file that gives it, in Unix seconds, or V(null).
      type: int
      sample: 1764300000
    changed: {description: The keys that its own file gets., type: list, elements: str, sample: [telnet_level]}
others:
  description: The MAC addresses of all phones that have a file of their own and are not in O(phones).
  returned: success
  type: list
  elements: str
  sample: ["001122AABBCD"]
now:
  description: The time on this host, in Unix seconds.
  returned: success
  type: int
  sample: 1764300000
generators:
  description: The systems of which files of phones show signs, and these files. Set the same there, or it is lost when they write next.
  returned: success
  type: dict
  sample: {FusionPBX: [SIP001122AABBCC.cnf]}
differences:
  description: How files change. Values of passwords, secrets and keys are replaced by asterisks.
  returned: if O(differences) asks for them
  type: list
  elements: dict
  contains:
    path: {description: The file., type: str}
    diff: {description: "In the unified form, with one line around.", type: str}
digests:
  description: SHA-256 of the files that change, before and after it, by name. V(null) is no file.
  returned: if O(differences) asks for them
  type: dict
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
  returned: failure because of what was asked for, or of the root or its files
  type: list
  elements: str
  sample: ["SIPDefault.cnf: phone_password has 40 characters: a phone takes 31 at most"]
"""

import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.keys import is_secret
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.diff import differences
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.settings import plan_settings, read_wish
from ansible_collections.voip.cisco79xx.plugins.module_utils._text import first_some

VALUES = {"settings": {"type": "dict", "default": {}}, "secrets": {"type": "dict", "default": {}, "no_log": True}}


def run(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result. Raises RootError, TransactionError."""
    params = module.params
    wish = read_wish(params["settings"], params["secrets"], params["phones"])
    server = server_user(params["tftp_user"])
    with lock.locked(params["tftp_root"], params["state_dir"], module.check_mode) as store:
        store.refuse_if_half_changed()
        root = Root(store.tree)
        made = plan_settings(root, wish, server)
        made.set_at(store.records())
        name, keys = params["run"] or lock.own_run(), ", ".join(made.keys)
        backups = [] if module.check_mode else store.apply(made.changes, run=name, backup=params["backup"], settings=keys)
    result: Dict[str, Any] = {
        "changed": bool(made.changes),
        "files": [change.name for change in made.changes],
        "default": made.default,
        "phones": made.phones,
        "others": made.others,
        "generators": made.generators,
        "now": int(time.time()),
    }
    result.update(differences(root.path, made.changes, params["differences"], module._diff))
    if params["backup"] and not module.check_mode:
        result["backup_files"] = [{"file": name, "backup_file": path} for name, path in backups]
    for warning in first_some(store.warnings(params["run"]) + made.warnings, what=" warnings like these"):
        module.warn(warning)
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "tftp_user": {"type": "str"},
            "state_dir": {"type": "path"},
            **VALUES,
            "phones": {"type": "list", "elements": "dict", "default": [], "options": {"mac": {"type": "str", "required": True}, **VALUES}},
            "backup": {"type": "bool", "default": False},
            "run": {"type": "str", "default": ""},
            "differences": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    for settings in (module.params["settings"], *(phone["settings"] for phone in module.params["phones"])):
        # A secret that is in the wrong place is refused, and must not be shown with what was asked for
        module.no_log_values.update(str(value) for key, value in settings.items() if is_secret(str(key)) and value)
    try:
        result = run(module)
    except TransactionError as error:
        module.fail_json(msg=str(error), problems=list(error.faults))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
