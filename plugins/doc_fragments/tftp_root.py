# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Of modules that look at a TFTP root. A module states what differs for it."""

    DOCUMENTATION = r"""
options:
  tftp_root:
    description: The folder that the TFTP server serves.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    support: full
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    support: full
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
  platform:
    support: full
    platforms: posix
    description: Target OS/families that can be operated against.
"""

    READER = r"""
options:
  tftp_user:
    description:
      - The user that the TFTP server runs as, who has to be able to read the files. Judged from owner, group and mode.
      - Without it the files have to be readable for everybody, which is what C(tftpd-hpa) asks for by default.
    type: str
"""

    CHANGES = r"""
options:
  state_dir:
    description:
      - Where the records of what was changed are kept, by which a change is undone, and mended if the host died in the middle of it.
        They hold passwords, so it has to lie outside of the TFTP root. So is the lock that keeps two changes of a root apart.
      - While a rollout is at work at the root, which its ledger in there tells, what would cross it is refused, and all else warns.
      - A root whose lock or records are in another state folder of this host is refused.
      - Without it that is C(/var/lib/cisco79xx) for root, and C(cisco79xx) in E(XDG_STATE_HOME) or C(~/.local/state) for others.
    type: path
attributes:
  safe_file_operations:
    support: full
    description: Uses atomic file operations to ensure data integrity.
"""
