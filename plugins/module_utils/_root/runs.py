# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runs that changed a root, and which phones come back when they are undone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._change.model import Change
from .._change.record import DONE, UNDONE, Record
from .._phone.image import SIP, Image, recognise
from .._phone.view import OS79XX, SIP_DEFAULT
from .._text import first_some, list_some
from .access import ANYBODY, ServerUser
from .foresight import Foresight, bad_ends
from .plan import named_images
from .read import PHONE_FILE, Root, os79xx_data

_LATEST = 8
"""The generation of a phone of which only the files may tell what it runs."""


def known_runs(records: Iterable[Record]) -> List[Dict[str, Any]]:
    """The runs of these records, in the form that the module `tftp_root_undo` returns. `records`, and what is returned: newest first."""
    runs: Dict[str, List[Record]] = {}
    for record in sorted((one for one in records if one.run and one.state in (DONE, UNDONE)), key=lambda one: one.id):
        runs.setdefault(record.run, []).append(record)
    return [_about(run, own) for run, own in reversed(list(runs.items()))]


def _about(run: str, records: Sequence[Record]) -> Dict[str, Any]:
    names = {os.path.basename(entry.name) for record in records for entry in record.files}
    return {
        "run": run,
        "first": records[0].id,
        "created": records[0].created,
        "image": next((record.image for record in records if record.image), ""),
        "settings": list_some(dict.fromkeys(key for record in records for key in record.settings.split(", ") if key)),
        "default": SIP_DEFAULT in names,
        "phones": sum(bool(PHONE_FILE.fullmatch(name)) for name in names),
        "files": len({entry.path for record in records if record.state == DONE for entry in record.files}),
    }


@dataclass
class WayBack:
    """What becomes of phones after an undo.

    `default`: the image that SIPDefault.cnf names then; `own`: MAC → image, of phones that end on another. `loader`: the universal loader
    that OS79XX.TXT has to name until they are back, or empty. `cannot`: MAC → why, of phones that cannot come back. `may_not`: why phones
    perhaps do not, and their MACs.
    """

    default: str
    own: Dict[str, str]
    loader: str = ""
    cannot: Dict[str, str] = field(default_factory=dict)
    may_not: Dict[str, List[str]] = field(default_factory=dict)


def foresee(root: Root, changes: Iterable[Change], phones: Mapping[str, Optional[Image]], server: ServerUser = ANYBODY) -> WayBack:
    """What becomes of these phones (MAC → what it runs now, None if that is not known) after an undo with these changes."""
    undone = {change.path: change.after for change in changes}
    back = WayBack(*named_images(root, undone))
    before = best = Foresight(root, undone, server)
    targets: Dict[str, Image] = {}
    for mac in phones:
        named = back.own.get(mac) or back.default
        target = _target(before, mac, recognise(named))
        if target:
            targets[mac] = target
        if target and target.name != named:
            back.own[mac] = target.name
    loaders = {targets[mac].loader for mac in targets if before.asks(mac, phones[mac], OS79XX)}
    can_be_named = root.os79xx or OS79XX not in root.entries
    least = _doubts(before, phones, targets)
    for loader in sorted(filter(None, loaders)) if can_be_named else ():
        with_it = before.instead({**undone, _os79xx(root, loader).path: os79xx_data(loader)})
        doubts = _doubts(with_it, phones, targets)
        if doubts < least:
            best, back.loader, least = with_it, loader, doubts
    for group in best.groups({mac: phones[mac] for mac in targets}, targets):
        target = targets[group["macs"][0]]
        why = "; ".join(first_some(best.problems(target), 3)) or group["why"]
        for mac in group["macs"]:
            if not _is_there(phones[mac], target) and not group["arrives"]:
                back.cannot[mac] = why
            elif not _is_there(phones[mac], target) or best.of(mac, phones[mac]).outcomes != before.of(mac, phones[mac]).outcomes:
                back.may_not.setdefault(why, []).append(mac)
    return back


def name_loader(root: Root, changes: Sequence[Change], loader: str) -> Tuple[Change, ...]:
    """These changes, but with OS79XX.TXT naming that loader after them."""
    change = _os79xx(root, loader)
    rest = [one for one in changes if one.path != change.path]
    return (*rest, change) if change.before != change.after else tuple(rest)


def _os79xx(root: Root, loader: str) -> Change:
    return root.change(OS79XX, root.os79xx, os79xx_data(loader))


def _target(foresight: Foresight, mac: str, named: Optional[Image]) -> Optional[Image]:
    """What the phone stays on, once it runs what its .cnf files name: a load in an XML file may win, or be all that it is told."""
    image = foresight.of(mac, named, None if named else _LATEST).outcomes[0].image
    return image if image and image.protocol == SIP else named


def _is_there(runs: Optional[Image], target: Image) -> bool:
    return bool(runs and runs.same_as(target))


def _doubts(foresight: Foresight, phones: Mapping[str, Optional[Image]], targets: Mapping[str, Image]) -> List[int]:
    """How bad it is, the worst first: phones to move that cannot arrive, that are likely not to, and the other ways in which they do not;
    then the same of the phones that are there already."""
    sums = [0] * 6
    for mac, target in targets.items():
        outcomes = foresight.of(mac, phones[mac]).outcomes
        bad = bad_ends(outcomes, target)
        at = 3 if _is_there(phones[mac], target) else 0
        for place, doubt in enumerate((len(bad) == len(outcomes), outcomes[0] in bad, len(bad)), at):
            sums[place] += doubt
    return sums
