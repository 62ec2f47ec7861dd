# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether phones can load an image from a TFTP root. Facts about its files are from `container` and `image`."""

from __future__ import annotations

import hashlib
from typing import Dict, List, Mapping, Optional, Tuple

from .. import _files
from .._phone import container
from .._phone.image import EXTENSIONS, MANIFEST, Image, extension, meant_file, of_file, raw_twin
from .._text import plain
from .access import ANYBODY, ServerUser, how_to_open, out_of_reach
from .read import Root, RootFile, Unusable, unreadable

LARGEST = 32 * 1024 * 1024
"""Bytes: TFTP in blocks of 512 bytes has no number for more (RFC 1350)."""


def image_faults(root: Root, image: Image, server: ServerUser = ANYBODY) -> Dict[str, Optional[str]]:
    """What keeps phones from loading that image from this root, by file: None for one that is missing, else a text to put behind it."""
    faults: Dict[str, Optional[str]] = {}
    names = list(image.files)
    for name in names:  # grows by what a manifest names
        if name not in root.entries:
            faults[name] = None
            continue
        try:
            file = root.load(name, container.HEAD, head=True)
            more = _check(root, file, server)
        except container.RenamedError as error:
            faults[name] = f"{error}: rename it back, and copy {name} there from Cisco's archive if phones shall load it"
        except container.ContainerError as error:
            faults[name] = f"{error}: copy it again from Cisco's archive"
        except (Unusable, OSError) as error:
            faults[name] = unreadable(error)
        else:
            names += [other for other in more if other not in names]
    return faults


def image_problems(root: Root, image: Image, server: ServerUser = ANYBODY) -> List[str]:
    """The same for people: one text about all files that are missing, and one about each of the others."""
    return problems(root, image, image_faults(root, image, server))


def problems(root: Root, image: Image, faults: Mapping[str, Optional[str]]) -> List[str]:
    """As `image_problems`, of the faults that are known already."""
    return _missing(root, image, [name for name in faults if faults[name] is None]) + [
        f"{name} {fault}" for name, fault in faults.items() if fault
    ]


def image_digests(root: Root, image: Image) -> Dict[str, str]:
    """SHA-256 of each file of that image which is in the root and can be read, by name."""
    digests: Dict[str, str] = {}
    names = list(image.files)
    for name in names:  # grows by what a manifest names
        try:
            file = root.load(name, LARGEST) if name in root.entries else None
            if file:
                digests[name] = hashlib.sha256(file.data).hexdigest()
            if file and extension(name) == MANIFEST:
                _signed, payload = container.unwrap(name, file.data, file.status.st_size)
                names += [other for other in container.manifest(payload) if other not in names]
        except (Unusable, container.ContainerError):
            continue
    return digests


def _check(root: Root, file: RootFile, server: ServerUser) -> Tuple[str, ...]:
    """The names in a manifest; none for other files.

    Raises Unusable, ContainerError or OSError unless the file is whole, readable for the server and what its name says.
    """
    name = file.name
    if not server.may_read(file.status):
        raise Unusable(f"is not readable for {server.name} ({_files.shown_mode(file.status)}): {how_to_open(server, 'r', name)}")
    closed = out_of_reach(root, file.path, server)
    if closed:
        raise Unusable(closed)
    signed, payload = container.unwrap(name, file.data, file.status.st_size)
    if extension(name) == MANIFEST:
        return container.manifest(payload)
    twin = raw_twin(name)
    if signed and twin and twin in root.entries:
        raw = root.load(twin, container.HEAD, head=True)
        if raw.data and not container.is_signed(raw.data) and raw.status.st_size != signed.payload_length:
            raise Unusable(f"holds {signed.payload_length} bytes, but {twin} has {raw.status.st_size}: one is truncated: copy both again")
    container.check_load_id(name, payload)
    return ()


def right_names(root: Root) -> Dict[str, str]:
    """Files of images whose names no phone asks for, and what they have to be called: by what they are inside, or by how they are spelt."""
    right: Dict[str, str] = {}
    for name in sorted(root.entries):
        if extension(name.strip()) in EXTENSIONS:
            meant = _inside(root, name) or meant_file(name)
            if meant and meant != name:
                right[name] = meant
    return right


def _inside(root: Root, name: str) -> Optional[str]:
    """The name that the file says it has, if it says so."""
    try:
        file = root.load(name, container.HEAD, head=True)
        if container.is_signed(file.data):
            return container.parse(file.data, file.status.st_size).name
    except (Unusable, OSError, container.ContainerError):
        return None
    image = container.load_id(file.data)
    return image.name + ".bin" if image else None


def _missing(root: Root, image: Image, missing: List[str]) -> List[str]:
    """One text about all of the missing files, with what the root holds instead."""
    if not missing:
        return []
    text = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing in {root.path}"
    renames = {right: name for name, right in right_names(root).items() if right in missing}
    if renames:
        others = [name for name in missing if name not in renames]
        copies = f"; copy {', '.join(others)} there from Cisco's archive" if others else ""
        pairs = ", ".join(f"{plain(name)} to {right}" for right, name in renames.items())
        return [f"{text}, but under names that no phone asks for: rename {pairs}{copies}"]
    for wanted in (image, *filter(None, map(of_file, missing))):
        others = sorted({other.name for other in root.images.values() if other.same_as(wanted) and other.name != wanted.name})
        if others:
            return [f"{text}: the root holds {' and '.join(others)}: did you mean that?"]
    return [f"{text}: copy {'it' if len(missing) == 1 else 'them'} there from Cisco's archive"]
