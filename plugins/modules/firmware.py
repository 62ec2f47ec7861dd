#!/usr/bin/python
# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firmware
short_description: Put the files of a firmware image into a TFTP root, or remove them
version_added: 0.1.0
description:
  - Takes the files of one image out of a folder, C(.zip), C(.tar) or C(.tar.gz) as Cisco ships it, and puts them into the TFTP root.
    Nothing else is taken.
  - Before anything is written, the files are proven to be one whole image. Files that are missing, renamed, truncated, damaged, of another
    release or in the wrong case are refused, and so are files that the TFTP server could not read and a file system without room.
  - An archive is read as if a stranger had packed it. One that holds links, devices, paths that lead out of it, encrypted members or
    bombs is refused as a whole. Archives inside it are not opened, and nothing is unpacked onto the disk.
  - Each file is put in place in one step, the C(.loads) that names the others last. If writing fails, all files are as they were.
  - With O(state=absent) the files of the image are removed, unless anything in the root still makes a phone ask for one of them.
  - No configuration is changed and no phone restarted. M(voip.cisco79xx.image_version) points phones at an image.
attributes:
  check_mode:
    details: Everything is verified as in a real run.
  diff_mode:
    details: Files are shown as a list with sizes and SHA-256.
options:
  image:
    description: Name of a SIP application image, without extension, spelt as its files are.
    type: str
    required: true
  src:
    description:
      - The folder, C(.zip), C(.tar) or C(.tar.gz) that holds the image, on the TFTP host. Which of them it is shows its content.
      - Of a folder, the files in it are looked at; of an archive, those in its folders as well.
      - Required for O(state=present).
    type: path
  state:
    description:
      - V(present) puts the image's files into the root.
      - V(absent) removes them, with the raw twins (C(.bin)) of signed files.
    type: str
    choices: [present, absent]
    default: present
  mode:
    description:
      - Octal mode of the files that are written.
      - A file that is there already, with the right content and readable for the TFTP server, keeps its mode.
    type: raw
    default: "0644"
  state_dir:
    description:
      - Where the records of what was changed are kept, by which a change is mended if the host died in the middle of it, and the lock
        that keeps two changes of a root apart. It has to lie outside of the TFTP root; a root whose lock or records are in another state
        folder of this host is refused.
      - The records of this module are in its folder C(firmware), apart from those of configurations, so that undoing the last change of
        configurations never takes away files.
      - Without it that is C(/var/lib/cisco79xx) for root, and C(cisco79xx) in E(XDG_STATE_HOME) or C(~/.local/state) for others.
    type: path
notes:
  - The signature of a signed file can be checked by phones only.
  - New files are owned as the root is, where that is allowed. A file that is replaced keeps its owner.
  - An archive may have up to 1000 members, 64 MiB in each and 256 MiB in all, which is many times what Cisco ships.
seealso:
  - module: voip.cisco79xx.image_version
extends_documentation_fragment:
  - voip.cisco79xx.tftp_root
  - voip.cisco79xx.tftp_root.reader
  - voip.cisco79xx.tftp_root.changes
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
"""

EXAMPLES = r"""
- name: Stage 8.12 as it came from Cisco
  voip.cisco79xx.firmware:
    tftp_root: /srv/tftp
    image: P0S3-8-12-00
    src: /root/P0S3-8-12-00.zip

- name: Show what would be staged from a folder, for a TFTP server that runs as user tftp
  voip.cisco79xx.firmware:
    tftp_root: /srv/tftp
    image: P0S3-06-3-00
    src: /root/firmware
    tftp_user: tftp
    mode: "0640"
  check_mode: true
  diff: true

- name: Remove an image that no phone is pointed at any more
  voip.cisco79xx.firmware:
    tftp_root: /srv/tftp
    image: P0S3-07-4-00
    state: absent
"""

RETURN = r"""
image:
  description: The image.
  returned: success
  type: str
  sample: P0S3-8-12-00
src:
  description: Where it was taken from; V(null) for O(state=absent).
  returned: success
  type: str
  sample: /root/P0S3-8-12-00.zip
files:
  description: The image's files, in the order in which they are written or removed.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the file in the root., type: str, sample: P0S3-8-12-00.sb2}
    size: {description: Its bytes., type: int, sample: 756524}
    sha256: {description: Its SHA-256., type: str, sample: "5d6acfd6f6d9a4a6a9ba2be4d2b5ec1e3be1f6d7b7c8e4a0a4c1a6c1a1d5a2f0"}
    state: {description: "One of V(added), V(replaced), V(unchanged) and V(removed).", type: str, sample: added}
replaced:
  description: What the root held instead of the files with state V(replaced). If only the mode was wrong, the content is the same.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the file in the root., type: str, sample: P0S3-8-12-00.sb2}
    size_before: {description: Bytes of the file that was there., type: int, sample: 4096}
    sha256_before:
      description: SHA-256 of the file that was there.
      type: str
      sample: ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7
    size: {description: Bytes of the file that is there now., type: int, sample: 756524}
    sha256:
      description: SHA-256 of the file that is there now.
      type: str
      sample: "5d6acfd6f6d9a4a6a9ba2be4d2b5ec1e3be1f6d7b7c8e4a0a4c1a6c1a1d5a2f0"
ignored:
  description: What else O(src) holds. None of it was taken.
  returned: success
  type: list
  elements: str
  sample: [OS79XX.TXT, P003-8-12-00.bin]
free_bytes:
  description: Bytes that were free in the root's file system before anything was written or removed.
  returned: success
  type: int
  sample: 52428800
problems:
  description: Everything that stands in the way, one text for each; the error message lists the first of them.
  returned: failure because of the source, the root or their files
  type: list
  elements: str
  sample: ["P0S3-8-12-00.sb2: was renamed: it is P0S3-08-11-00.sb2 inside: get the image from Cisco again"]
"""

from typing import Any, Dict, Optional, Sequence, Union

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.cisco79xx.plugins.module_utils._change.lock import LockedRoot
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import Image, ImageNameError, parse_application
from ansible_collections.voip.cisco79xx.plugins.module_utils._root import archive, firmware
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root


def present(module: AnsibleModule, image: Image, store: LockedRoot) -> Dict[str, Any]:
    """Raises ArchiveError, TransactionError."""
    params = module.params
    mode = _mode(params["mode"])
    server = server_user(params["tftp_user"])
    with archive.opened(params["src"]) as source:
        package = firmware.package(image, source)
    root = Root(store.tree)
    staging = firmware.stage(root, package, mode, server)
    if staging.changes and not module.check_mode:
        firmware.write(store, staging, image, server)
    return _result(module, image, staging, package.ignored)


def absent(module: AnsibleModule, image: Image, store: LockedRoot) -> Dict[str, Any]:
    """Raises TransactionError."""
    staging = firmware.removal(Root(store.tree), image)
    if staging.files and not module.check_mode:
        firmware.remove(store, staging, image)
    return _result(module, image, staging)


def _result(module: AnsibleModule, image: Image, staging: firmware.Staging, ignored: Sequence[str] = ()) -> Dict[str, Any]:
    files = staging.files
    for warning in staging.warnings:
        module.warn(warning)
    result: Dict[str, Any] = {
        "changed": any(file.state != "unchanged" for file in files),
        "image": image.name,
        "src": module.params["src"],
        "files": [{"name": file.name, "size": file.content.size, "sha256": file.content.sha256, "state": file.state} for file in files],
        "replaced": [
            {
                "name": file.name,
                "size_before": file.before.size,
                "sha256_before": file.before.sha256,
                "size": file.content.size,
                "sha256": file.content.sha256,
            }
            for file in files
            if file.before
        ],
        "ignored": list(ignored),
        "free_bytes": staging.free,
    }
    if module._diff:
        before = [_line(file, file.before or (None if file.state == "added" else file.content)) for file in files]
        after = [_line(file, None if file.state == "removed" else file.content) for file in files]
        header = f"{module.params['tftp_root']} (files of {image})"
        result["diff"] = {"before_header": header, "after_header": header, "before": "".join(before), "after": "".join(after)}
    return result


def _line(file: firmware.ImageFile, content: Optional[firmware.Content]) -> str:
    return f"{file.name} {content.size} bytes, SHA-256 {content.sha256}\n" if content else ""


def _mode(mode: Union[str, int]) -> int:
    """YAML makes an integer of 0644, with the value that is meant, and a text of "0644". Raises FirmwareError."""
    try:
        number = mode if isinstance(mode, int) else int(str(mode), 8)
    except ValueError:
        number = -1
    if isinstance(mode, bool) or not 0 <= number <= 0o777:
        raise firmware.FirmwareError(f"mode {mode!a}: is no octal mode of a file: write it as a text, for example '0644'")
    return number


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tftp_root": {"type": "path", "required": True},
            "image": {"type": "str", "required": True},
            "src": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "tftp_user": {"type": "str"},
            "mode": {"type": "raw", "default": "0644"},
            "state_dir": {"type": "path"},
        },
        required_if=[("state", "present", ["src"])],
        supports_check_mode=True,
    )
    try:
        image = parse_application(module.params["image"])
        with firmware.locked(module.params["tftp_root"], module.params["state_dir"], module.check_mode) as store:
            for text in store.warnings():
                module.warn(text)
            result = (present if module.params["state"] == "present" else absent)(module, image, store)
    except ImageNameError as error:
        module.fail_json(msg=str(error))
    except TransactionError as error:
        module.fail_json(msg=str(error), problems=list(error.faults))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
