#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tftp_root_undo
short_description: Put a TFTP root back as it was before a run
version_added: 0.1.0
description:
  - Every run that changes a TFTP root leaves a record with the original files, outside of the root. This module puts exactly those
    bytes back, with mode, owner and modification time. Files that the run created are removed, files that it removed come back.
  - Files that somebody else has changed since are named, and nothing is done, unless O(force=true).
  - It is one transaction, as the run was. If anything fails, all files stay as they are.
  - What is undone is marked, so that the next undo takes the run before.
  - It foresees whether phones come back to what the files named before. Phones up to 6.x that go back to 7.x or later need their loader's
    name in C(OS79XX.TXT); with O(loader) that file has it until the next undo of the same run.
  - If a run was killed half-way, the files it had changed are put back first. With O(only_repair=true) that is all that is done.
  - Restoring the files does not restart any phone.
attributes:
  check_mode:
    details: If a killed run has to be mended first, only that is predicted.
  diff_mode:
    details: Values of passwords, secrets and keys are replaced by asterisks. Files that are no text are shown by their size and SHA-256.
  idempotent:
    support: partial
    details: With O(only_repair=true) it is. Without O(run) and O(record) the second invocation undoes the run before, with them it fails.
options:
  run:
    description:
      - Undo everything that was recorded under this name.
      - Without it, O(since_run) and O(record) the last run that is not undone yet is undone.
    type: str
  since_run:
    description: Undo everything that was recorded under this name and since.
    type: str
  record:
    description: Undo this record only.
    type: str
  by_run:
    description: The run that does this, if it is a step of one. While a rollout is at work, others than its run are refused.
    type: str
    default: ""
  force:
    description: Whether to overwrite files that somebody else has changed since. Their bytes are kept in a record of their own.
    type: bool
    default: false
  differences:
    description: Return RV(differences) of at most this many changed files, whether or not diff mode is on.
    type: int
    default: 0
  phones:
    description:
      - MAC of each phone that shall come back, and the image that it runs now, or V("") if that is not known. Where settings alone are
        undone, no phone is to move, and this is not looked at.
    type: dict
    default: {}
  loader:
    description:
      - The universal loader that C(OS79XX.TXT) shall name until the phones are back, as RV(loader) says, such as V(P003-08-2-00).
      - All other files are as before then, and C(OS79XX.TXT) is too after another undo of the same O(run) without this option.
    type: str
    default: ""
  only_repair:
    description: Whether to mend what a killed run left, and undo nothing.
    type: bool
    default: false
  required:
    description: Whether it is a failure if there is nothing to undo.
    type: bool
    default: true
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
  - voip.cisco79xx.tftp_root.reader
  - voip.cisco79xx.tftp_root.changes
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
- name: Show what undoing the last run would do
  voip.cisco79xx.tftp_root_undo:
    tftp_root: /srv/tftp
  check_mode: true
  diff: true

- name: Undo one rollout, whatever was changed since
  voip.cisco79xx.tftp_root_undo:
    tftp_root: /srv/tftp
    run: spring
    force: true

- name: Mend what a killed run left
  voip.cisco79xx.tftp_root_undo:
    tftp_root: /srv/tftp
    only_repair: true
"""

RETURN = r"""
repaired:
  description: What was mended of killed runs or, in check mode, would be.
  returned: success
  type: list
  elements: dict
  contains:
    record: {description: The record of the killed run., type: str, sample: "20261123T073000.123456Z-1a2b"}
    run: {description: The name of that run., type: str, sample: spring}
    restored:
      description: The files that were put back. Names are relative to the root.
      type: list
      elements: str
      sample: [SIPDefault.cnf]
    conflicts:
      description: The files that somebody else has changed since, and that were left as they are.
      type: list
      elements: str
      sample: []
restored:
  description: The files that were put back or, in check mode, would be. Names are relative to the root.
  returned: success
  type: list
  elements: str
  sample: [SIPDefault.cnf, SIP001122AABBCC.cnf]
removed:
  description: The files that were removed, as they were not there before.
  returned: success
  type: list
  elements: str
  sample: [OS79XX.TXT]
runs:
  description: The runs of which there are records, the newest first.
  returned: success, unless O(only_repair=true)
  type: list
  elements: dict
  contains:
    run: {description: Its name., type: str, sample: spring}
    first: {description: Its first record., type: str, sample: "20261123T073000.123456Z-1a2b"}
    created: {description: "When that was made, in UTC.", type: str, sample: "2026-11-23T07:30:00Z"}
    image: {description: "The image that it made the files name, or empty.", type: str, sample: P0S3-06-3-00}
    settings: {description: "The keys that it set otherwise, or empty.", type: str, sample: ""}
    default: {description: Whether it changed C(SIPDefault.cnf)., type: bool, sample: true}
    phones: {description: How many phones' own files it changed., type: int, sample: 12}
    files: {description: How many files its undo looks after; 0 if it is undone., type: int, sample: 14}
named:
  description: The images that phones run after the undo.
  returned: success, unless O(only_repair=true)
  type: dict
  contains:
    default: {description: "The image that C(SIPDefault.cnf) names, or V(\"\").", type: str}
    own:
      description: The images that phones' own files name, by MAC, and those that phones in O(phones) are told in another way.
      type: dict
  sample: {default: P0S3-08-2-00, own: {"001122AABBCC": P0S3-07-4-00}}
loader:
  description: The universal loader that C(OS79XX.TXT) has to name until the O(phones) are back, or V("").
  returned: success, unless O(only_repair=true)
  type: str
  sample: P003-08-2-00
cannot:
  description: Those of the O(phones) that cannot come back, by MAC, and why.
  returned: success, unless O(only_repair=true)
  type: dict
  sample: {"001122AABBCC": "P0S3-08-2-00.sb2 is missing in /srv/tftp: copy it there from Cisco's archive"}
may_not:
  description: Why others of the O(phones) perhaps do not come back, and their MACs.
  returned: success, unless O(only_repair=true)
  type: dict
  sample: {}
records:
  description: The records that were undone, the oldest first. With O(loader) they are not undone yet.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Name of the record., type: str, sample: "20261123T073000.123456Z-1a2b"}
    run: {description: Name of the run that it belongs to., type: str, sample: spring}
    image: {description: "The image that the files were made to name, or empty.", type: str, sample: P0S3-06-3-00}
    settings: {description: "The keys that were set otherwise, or empty.", type: str, sample: ""}
    created: {description: "When it was made, in UTC.", type: str, sample: "2026-11-23T07:30:00Z"}
differences:
  description: How files change. Values of passwords, secrets and keys are replaced by asterisks.
  returned: if O(differences) asks for them
  type: list
  elements: dict
  contains:
    path: {description: The file., type: str}
    diff: {description: "In the unified form, with one line around.", type: str}
  sample: [{path: /srv/tftp/SIPDefault.cnf, diff: "-image_version: P0S3-06-3-00\n+image_version: P0S3-08-2-00\n"}]
digests:
  description: SHA-256 of the files that change, before and after it, by name. V(null) is no file.
  returned: if O(differences) asks for them
  type: dict
conflicts:
  description:
    - The files that somebody else has changed since. With O(force=true) they were overwritten, else they are why the module failed.
  returned: success, or failure because of them
  type: list
  elements: str
  sample: []
problems:
  description: Everything that stands in the way, one text for each; the error message lists the first of them.
  returned: failure because of the root or its records
  type: list
  elements: str
  sample: ["SIPDefault.cnf was changed since by somebody else: look at it, and set force to overwrite it"]
"""

from dataclasses import replace
from itertools import combinations
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import ConflictError, NothingToUndo, TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.undo import Undo
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import LOADER, recognise
from ansible_collections.voip.cisco79xx.plugins.module_utils._root import firmware
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.diff import differences
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.runs import foresee, known_runs, name_loader


def run(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result. Raises TransactionError."""
    params = module.params
    result: Dict[str, Any] = {"restored": [], "removed": [], "records": [], "conflicts": []}
    # What a killed staging of firmware left is mended too, which has records of its own
    opened = firmware.locked if params["only_repair"] and not module.check_mode else lock.locked
    with opened(params["tftp_root"], params["state_dir"], module.check_mode) as store:
        result["repaired"] = [
            {"record": one.record.id, "run": one.record.run, "restored": list(one.restored), "conflicts": list(one.conflicts)}
            for one in store.repaired
        ]
        for text in store.warnings(params["by_run"]):
            module.warn(text)
        result["changed"] = bool(store.repaired)
        if params["only_repair"]:
            return result
        store.refuse_if_half_changed()
        result["runs"] = known_runs(store.records())
        try:
            undo = store.plan_undo(params["run"], params["record"], params["force"], params["since_run"])
        except NothingToUndo:
            if params["required"]:
                raise
            undo = Undo((), ())
        root = Root(store.tree)
        moving = {} if undo.is_of_settings else params["phones"]
        phones = {mac: recognise(str(image or "")) for mac, image in moving.items()}
        back = foresee(root, undo.changes, phones, server_user(params["tftp_user"]))
        result["named"] = {"default": back.default, "own": back.own}
        result.update(loader=back.loader, cannot=back.cannot, may_not=back.may_not)
        if params["loader"]:
            undo = replace(undo, changes=name_loader(root, undo.changes, params["loader"]))
        if params["loader"] and not module.check_mode:
            # Recorded as a change of that run, so that the next undo of it takes this back too
            names = [record.run for record in undo.records] or [one["run"] for one in reversed(result["runs"])]
            store.apply(undo.changes, run=params["run"] or (names or [""])[-1], by_run=params["by_run"])
        elif undo.records and not module.check_mode:
            store.undo(undo, params["by_run"])
    result["changed"] = bool(store.repaired or undo.changes or (undo.records and not params["loader"]))
    result.update(restored=undo.restored, removed=undo.removed, conflicts=list(undo.conflicts))
    result["records"] = [record.summary() for record in undo.records]
    result.update(differences(store.root, undo.changes, params["differences"], module._diff))
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "state_dir": {"type": "path"},
            "tftp_user": {"type": "str"},
            "run": {"type": "str"},
            "since_run": {"type": "str"},
            "record": {"type": "str"},
            "by_run": {"type": "str", "default": ""},
            "force": {"type": "bool", "default": False},
            "differences": {"type": "int", "default": 0},
            "phones": {"type": "dict", "default": {}},
            "loader": {"type": "str", "default": ""},
            "only_repair": {"type": "bool", "default": False},
            "required": {"type": "bool", "default": True},
        },
        mutually_exclusive=[*combinations(("run", "since_run", "record", "only_repair"), 2), ("record", "loader")],
        supports_check_mode=True,
    )
    loader = recognise(module.params["loader"])
    if module.params["loader"] and (not loader or loader.protocol != LOADER or loader.name != module.params["loader"]):
        module.fail_json(msg=f"loader {module.params['loader']!r} is no universal loader: its name looks like P003-08-2-00")
    conflicts: Dict[str, List[str]] = {}
    try:
        result = run(module)
    except TransactionError as error:
        if isinstance(error, ConflictError):
            conflicts = {"conflicts": list(error.names)}
        module.fail_json(msg=str(error), problems=list(error.faults), **conflicts)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
