#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_ledger
short_description: Internal, the ledger of a rollout at its TFTP host
version_added: 0.1.0
description:
  - What the steps of the role P(voip.cisco79xx.rollout#role) ask of the ledger, the file C(rollout.json) in the state folder of a root. The
    playbooks are what to use. This may change at any time.
  - All times are of the TFTP host's clock, in Unix seconds.
options:
  action:
    description:
      - V(look) reads the ledger.
      - V(take) hands the lease to a run, unless another one holds it that gave a sign of life within its O(lease).timeout.
      - V(note) is a sign of life of the run that holds it, and enters O(rollout) and O(events).
      - V(give_back) enters them too, and ends the lease.
    type: str
    choices: [look, take, note, give_back]
    required: true
  run:
    description: The run that asks.
    type: str
    default: ""
  lease:
    description: For V(take), who asks. Has C(who), C(controller), C(process) and C(timeout), the seconds without a sign of life that it stands.
    type: dict
    default: {}
  seen:
    description: For V(take), the RV(serial) that the run has looked at.
    type: int
    default: 0
  take_over:
    description: Whether V(take) takes the lease from a run that holds it.
    type: bool
    default: false
  wave:
    description: The wave that the run is in, 0 before the first.
    type: int
    default: 0
  rollout:
    description: What the run moves, with C(id), C(kind), C(image), C(phones) and C(waves). One with another C(id) ends the one before.
    type: dict
    default: {}
  events:
    description: What happened to phones, the oldest first, each with C(phone), C(event) and C(ago), and what is known of it.
    type: list
    elements: dict
    default: []
  end:
    description: For V(give_back), how the rollout ended. Empty if it is to be gone on with.
    type: str
    default: ""
  paused:
    description: For V(give_back), the wave after which it paused as asked, or 0.
    type: int
    default: 0
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
  - voip.cisco79xx.tftp_root.changes
attributes:
  check_mode:
    support: partial
    details: Only V(look) does anything.
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
    action: look
"""

RETURN = r"""
now:
  description: The TFTP host's clock.
  returned: success
  type: float
  sample: 1795000000.5
refused:
  description: Why the lease could not be had or renewed, or for O(action=look) would not be had, or V("").
  returned: success
  type: str
  sample: ""
serial:
  description: Grows each time the lease changes hands.
  returned: success
  type: int
  sample: 3
held:
  description: Which other run holds the lease, for people, or V("").
  returned: success
  type: str
  sample: ""
lease:
  description: The lease, or V(null).
  returned: for O(action=look) and O(action=take)
  type: dict
  sample: null
rollout:
  description: The current rollout, or V(null).
  returned: for O(action=look) and O(action=take)
  type: dict
  sample: null
resets:
  description: Phones that were reset and not seen again, by name.
  returned: for O(action=look) and O(action=take)
  type: dict
  sample: {}
"""

import time
from contextlib import suppress
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import ledger, lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError


def run(module: AnsibleModule) -> Dict[str, Any]:
    """The module's result. Raises TransactionError."""
    params = module.params
    action, refused, is_left = params["action"], "", True
    with lock.journal_of(params["tftp_root"], params["state_dir"]) as journal:
        if action == "look" or module.check_mode:
            facts, now = ledger.load(journal), time.time()
        else:
            with ledger.opened(journal) as book:
                refused = _write(book, params)
                is_left = bool(refused) or book.save()
            facts, now = book.facts, book.now
        held = ledger.holder(facts, now, params["run"])
        if held and action == "look":
            refused = ledger.refusal(held, now)
        result = {"now": now, "refused": refused, "serial": facts["serial"], "held": ledger.shown(held, now) if held else ""}
        result["changed"] = False  # nothing that a phone sees
    if action in ("look", "take"):
        result.update({key: facts[key] for key in ("lease", "rollout", "resets")})
    if not is_left:
        with suppress(TransactionError), lock.locked(params["tftp_root"], params["state_dir"]):
            pass  # a folder that holds nothing goes
    return result


def _write(book: ledger.Ledger, params: Dict[str, Any]) -> str:
    """Why that cannot be, or an empty text."""
    if params["action"] == "take":
        return book.take({**params["lease"], "run": params["run"]}, params["seen"], params["take_over"])
    refused = book.note(params["run"], params["wave"], params["rollout"], params["events"])
    if params["action"] == "give_back" and not refused:
        book.give_back(params["run"], params["end"], params["paused"])
    return refused


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "state_dir": {"type": "path"},
            "action": {"type": "str", "choices": ["look", "take", "note", "give_back"], "required": True},
            "run": {"type": "str", "default": ""},
            "lease": {"type": "dict", "default": {}},
            "seen": {"type": "int", "default": 0},
            "take_over": {"type": "bool", "default": False},
            "wave": {"type": "int", "default": 0},
            "rollout": {"type": "dict", "default": {}},
            "events": {"type": "list", "elements": "dict", "default": []},
            "end": {"type": "str", "default": ""},
            "paused": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except TransactionError as error:
        module.fail_json(msg=str(error), problems=list(error.faults))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
