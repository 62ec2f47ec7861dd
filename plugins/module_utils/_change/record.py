# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one transaction changed, and how that is written down: a zip archive with a manifest in JSON, and the originals by their digests.

Whoever can write a record decides what an undo writes into the root, so nothing is believed that `pack` does not write.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import io
import json
import os
import re
import time
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Tuple

from .._files import Metadata
from .._text import plain
from .model import TransactionError

PENDING, COMMITTED, DONE, UNDONE, REPAIRED, FORCED = "pending", "committed", "done", "undone", "repaired", "forced"
"""How far a transaction came: see `journal`."""
DAMAGED = "damaged"
"""Of a record that cannot be read."""

LONGEST = 64 << 20
"""Bytes of a file, where a record of an earlier release does not say."""
ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}", re.ASCII)
"""Time (UTC) of the transaction, and four digits that are the same for all records of one run."""
UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What Python raises, besides OSError, for an archive or a manifest that is none."""

CREATED = "%Y-%m-%dT%H:%M:%SZ"
_FORMAT = 1
_MANIFEST = "manifest.json"
_TEXTS = ("run", "image", "settings", "created", "token", "suffix")
_DIGEST = re.compile("[0-9a-f]{64}")
_TOKEN = re.compile("[0-9a-f]{8}")
_SUFFIX = re.compile(r"(\.[0-9]+\.[0-9@:-]+~)?")


@dataclass(frozen=True)
class Entry:
    """One file in a record. `path` is in the root; digests are SHA-256, None where there was or is no file."""

    name: str
    path: str
    before: Optional[str]
    after: Optional[str]
    metadata: Optional[Metadata] = None
    """How it looked before."""
    sizes: Tuple[int, int] = (LONGEST, LONGEST)
    """Bytes before and after. A file that has more than both was written by somebody else, and is not read."""


@dataclass(frozen=True)
class Record:
    """What one transaction changed, without the bytes. `state` is one of PENDING … DAMAGED."""

    id: str = ""
    """Empty until it is written."""
    state: str = PENDING
    run: str = ""
    image: str = ""
    settings: str = ""
    """The keys that were set, such as "telnet_level, phone_password"; empty for a change of another kind."""
    created: str = ""
    files: Tuple[Entry, ...] = ()
    undoes: Tuple[str, ...] = ()
    """The ids of the records that this one, being an undo, undoes."""
    forced: bool = False
    """Whether it, being an undo, overwrites what somebody else has changed."""
    token: str = ""
    """Is in the name of each of its temporary files."""
    suffix: str = ""
    """Ends the name of each backup; empty if there shall be none."""
    fault: str = ""
    """Why it cannot be used, if it is damaged."""

    @property
    def created_at(self) -> int:
        """Unix seconds; 0 if `created` is no time."""
        try:
            return calendar.timegm(time.strptime(self.created, CREATED))
        except ValueError:
            return 0

    def summary(self) -> Dict[str, str]:
        return {"id": self.id, "run": self.run, "image": self.image, "settings": self.settings, "created": self.created}


Originals = Callable[[Entry], bytes]
"""What reads the content of a file before. Raises OSError, and TransactionError if the record does not have it, or it is damaged there."""


def digest(data: Optional[bytes]) -> Optional[str]:
    """SHA-256 of a file's content; None if there is none."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def pack(record: Record, root: str, originals: Iterable[bytes]) -> bytes:
    """The record's file. `root` is the real path of the root that was changed, `originals` the content of its files before."""
    manifest = {key: getattr(record, key) for key in ("id", *_TEXTS, "undoes", "forced")}
    manifest.update(format=_FORMAT, root=root, files=[_entry_to_json(entry) for entry in record.files])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {_MANIFEST: json.dumps(manifest).encode("ascii"), **{str(digest(data)): data for data in originals}}.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def unpack(path: str, root: str, identity: str, state: str) -> Record:
    """The record in that file. Raises OSError, and one of UNREADABLE for anything that `pack` does not write for that id and root."""
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read(_MANIFEST).decode("ascii"))
    for key, right in (("format", _FORMAT), ("root", root), ("id", identity)):
        if manifest[key] != right:
            raise ValueError(f"its {key} is {manifest[key]!r}")
    texts = {key: manifest[key] for key in _TEXTS if key != "settings" or key in manifest}  # a record of an earlier release has none
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its description is no text")
    if not _TOKEN.fullmatch(texts["token"]) or not _SUFFIX.fullmatch(texts["suffix"]):
        raise ValueError("its temporary names are none of ours")
    undoes = tuple(manifest["undoes"])
    if not all(map(ID.fullmatch, undoes)):
        raise ValueError("it undoes something that is no record")
    files = tuple(map(_entry_from_json, manifest["files"]))
    return Record(identity, state, files=files, undoes=undoes, forced=bool(manifest["forced"]), **texts)


@contextmanager
def originals_in(path: str) -> Iterator[Originals]:
    """For as long as a record that was read before is to be open. Raises OSError."""

    def original(entry: Entry) -> bytes:
        try:
            data = archive.read(entry.before or "")
        except UNREADABLE as error:
            raise TransactionError(f"record {path}: the original of {entry.name} cannot be read ({plain(str(error))})") from None
        if digest(data) != entry.before:
            raise TransactionError(f"record {path}: the original of {entry.name} is damaged: put the file back by hand")
        return data

    with zipfile.ZipFile(path) as archive:
        yield original


def _entry_to_json(entry: Entry) -> Dict[str, Any]:
    fields: Dict[str, Any] = {key: getattr(entry, key) for key in ("name", "path", "before", "after", "sizes")}
    metadata = entry.metadata
    if metadata:
        fields.update(mode=metadata.mode, uid=metadata.uid, gid=metadata.gid, mtime_ns=metadata.mtime_ns)
        if metadata.attributes:
            fields["attributes"] = {name: base64.b64encode(value).decode("ascii") for name, value in metadata.attributes.items()}
    return fields


def _entry_from_json(fields: Dict[str, Any]) -> Entry:
    name, path, before, after = (fields[key] for key in ("name", "path", "before", "after"))
    if not isinstance(name, str) or not isinstance(path, str):
        raise ValueError("a name in it is no text")
    if not path or "\0" in path or path[0] == "/" or os.path.normpath(path) != path or path.split("/")[0] in (".", ".."):
        raise ValueError(f"it names {path!r}, which does not lie inside the root")
    if not all(each is None or _DIGEST.fullmatch(each) for each in (before, after)):
        raise ValueError("a digest in it is none")
    sizes = tuple(fields.get("sizes", (LONGEST, LONGEST)))
    if len(sizes) != 2 or not all(isinstance(size, int) and 0 <= size <= LONGEST for size in sizes):
        raise ValueError(f"the size of {path!r} is none")
    if before is None:
        return Entry(name, path, before, after, sizes=sizes)
    mode, uid, gid, time = (fields[key] for key in ("mode", "uid", "gid", "mtime_ns"))
    if not all(isinstance(number, int) for number in (mode, uid, gid, time)) or not 0 <= mode <= 0o7777 or min(uid, gid) < 0:
        raise ValueError(f"the mode, owner or time of {path!r} is none")
    attributes = {key: base64.b64decode(value, validate=True) for key, value in fields.get("attributes", {}).items()}
    return Entry(name, path, before, after, Metadata(mode, uid, gid, time, attributes), sizes)
