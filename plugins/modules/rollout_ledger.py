#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: rollout_ledger
short_description: Internal, the ledger of a rollout at its TFTP host
version_added: 0.1.0
description:
  - What the steps of the role P(voip.cisco79xx.rollout#role) ask of the ledger, the file C(rollout.json) in the state folder of a root. The
    playbooks are what to use. This may change at any time.
options:
  action:
    description: V(take) hands the lease to a run, V(note) is a sign of life with what has happened, and V(give_back) ends the lease.
    type: str
    choices: [look, take, note, give_back]
    default: look
  run:
    description: The run that asks.
    type: str
    default: ""
  told:
    description: What the run tells with that.
    type: dict
    default: {}
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
  - voip.cisco79xx.tftp_root.changes
attributes:
  check_mode:
    support: partial
    details: Only O(action=look) does anything.
  diff_mode:
    support: none
  idempotent:
    support: none
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
- name: See what the ledger of a root says
  voip.cisco79xx.rollout_ledger:
    tftp_root: /srv/tftp
"""

RETURN = r"""
now:
  description: The TFTP host's clock, in Unix seconds, as all times in the ledger.
  returned: success
  type: float
  sample: 1795000000.5
held:
  description: Which other run is at work, for people, or V("").
  returned: success
  type: str
  sample: ""
refused:
  description: Why O(run) cannot have the lease, or has it no more, or V("").
  returned: success
  type: str
  sample: ""
place:
  description: What tells whether another TFTP host has the same root; V({}) for other actions than O(action=look).
  returned: success
  type: dict
  sample: {machine: 0b5c2a9e-8d1f-4e55-9a57-3f0c8e9d1b20, device: 2049, inode: 131074, changed: 1795000000500000000, nfs: false}
ledger:
  description: What it says; V({}) after O(action=note) and O(action=give_back).
  returned: success
  type: dict
  sample: {serial: 0, rollout: null, resets: {}, lease: null, lost: []}
changed_by:
  description: The runs of the current rollout that changed files, the oldest first.
  returned: for O(action=look)
  type: list
  elements: str
usual:
  description: Seconds in which nine of ten phones came back in the current rollout or, if none has, in the last one; null if unknown.
  returned: for O(action=look)
  type: float
"""

import os
from contextlib import suppress
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._files import cause, remedy

WAIT = 20.0
"""Seconds for which somebody else may change the root before that is a failure."""


def run(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result. Raises TransactionError, and LookupError and others if `told` is not what the action needs."""
    action, name, told = (module.params[key] for key in ("action", "run", "told"))
    looks = action == "look" or module.check_mode
    with lock.locked(module.params["tftp_root"], module.params["state_dir"], check=looks, wait=WAIT) as store:
        ledger = store.ledger()
        try:
            refused = ledger.why_not(name) if looks else getattr(ledger, action)(name, told)
            if not looks and not refused:
                ledger.save()
        except OSError as error:
            raise TransactionError(f"{ledger.path} cannot be written ({cause(error)}): {remedy(error)}") from None
        facts = ledger.facts if action in ("look", "take") else {}
        place = _place(store.tree.status) if action == "look" else {}
        return {
            "changed": False,
            "now": ledger.now,
            "held": ledger.held(name),
            "refused": refused,
            "place": place,
            "ledger": facts,
            "usual": ledger.usual() if action == "look" else None,
            "changed_by": _changed_by(store, ledger.facts["rollout"]) if action == "look" else [],
        }


def _changed_by(store: lock.LockedRoot, rollout: Optional[Dict[str, Any]]) -> List[str]:
    """The runs of the rollout that changed files, the oldest first."""
    changed = {record.run for record in store.records()}
    return [run for run in (rollout or {}).get("runs", []) if run in changed]


def _place(root: os.stat_result) -> Dict[str, Any]:
    """Where a root is: its machine, since that was started, and its number there; or what all machines see that have it by NFS."""
    boot = mounts = ""
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    with suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        mounts = file.read()
    device = f" {os.major(root.st_dev)}:{os.minor(root.st_dev)} "
    nfs = any(device in line and " - nfs" in line for line in mounts.splitlines())
    return {"machine": boot, "device": root.st_dev, "inode": root.st_ino, "changed": root.st_ctime_ns, "nfs": nfs}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "state_dir": {"type": "path"},
            "action": {"type": "str", "choices": ["look", "take", "note", "give_back"], "default": "look"},
            "run": {"type": "str", "default": ""},
            "told": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except TransactionError as error:
        module.fail_json(msg=str(error), problems=list(error.faults))
    except (LookupError, TypeError, AttributeError) as error:
        module.fail_json(msg=f"told is not what {module.params['action']} needs: {type(error).__name__} {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
