# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the cases: an input and what is right, in files. cases/README.md says how one is written.

Each folder of cases has a function here that turns the input into an answer, in the words of the cases.
"""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

# All that cases know of the code under test.
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import boot, cnf, image, mac, view
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import ANYBODY
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.audit import survey
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.plan import plan_changes
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root, RootError
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.settings import plan_settings, read_wish
from ansible_collections.voip.cisco79xx.plugins.module_utils._tftp_log.diagnose import diagnose
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.settle import settle
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._addresses.sources import Place, SourceError, read
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

CASES = Path(__file__).parent / "cases"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Answer = dict[str, Any]


# -- folders of cases


def image_names(typed: str) -> Answer:
    """What a name says, or the error that somebody who typed it reads; `as_target` is that error where only a SIP application will do."""
    found: Answer = {"as_target": _image_error(image.parse_application, typed)}
    error = _image_error(image.parse, typed)
    if error:
        return {**found, **error}
    parsed = image.parse(typed)
    found.update({part: getattr(parsed, part) for part in ("name", "protocol", "signed", "os79xx")})
    return {**found, "version": list(parsed.version), "files": list(parsed.files)}


def _image_error(parse: Any, typed: str) -> Answer:
    try:
        parse(typed)
    except image.ImageNameError as error:
        assert str(error).isprintable()
        return {"error": str(error), "intended": error.intended}
    return {}


def moves(current: str, target: str) -> Answer:
    """Whether a phone can go from one image to another, what is to be watched, and the way by Cisco's guides."""
    images = image.parse(current), image.parse(target)
    move = image.move(*images)
    route = [f"{hop} ({hop.rule})" for hop in image.route(*images)]
    return {"blocked": move.blocked, "risks": list(move.risks), "route": route}


def macs(text: str) -> Answer:
    """`parsed`: the MAC that the text is, or the error. `found`: the MAC that a name holds, or none."""
    try:
        parsed = mac.parse(text)
    except ValueError as error:
        parsed = str(error)
    return {"parsed": parsed, "found": mac.find(text)}


IMAGE = "P0S3-06-3-00"
"""The image that files are pointed at."""
AROUND = [
    *((b"", end) for end in (b"", b"\n", b"\r\n", b"\r\r\n")),
    *((b"# c\r\n\n \n", end + b'phone_label: "X "\nlast: 1') for end in (b"\n", b"\r\n", b"\r\r\n")),
    *((b"a: 1\n", end + b"\nb: 2") for end in (b"", b"\n", b"\r\n")),
]
"""What may stand before and after a line; whatever it is, it stays, and the line is changed in the same way."""


def cnf_files(file: str | None = None, line: str | None = None, add: bool = False) -> Answer:
    """A file, or a line that may be anywhere in one, with image_version set (`pointed`) and with its passwords masked (`masked`)."""
    if line is None:
        return _edited(str(file).encode("latin-1"), add)
    answers = []
    for before, after in AROUND:
        answer = _edited(before + line.encode("latin-1") + after, False)
        assert not answer["faults"]
        if answer["pointed"] == "unchanged":
            answer["pointed"] = (before + line.encode("latin-1") + after).decode("latin-1")
        else:
            assert [setting["line"] for setting in answer["before"]] == [before.count(b"\n") + 1]
            assert _edited(answer["pointed"].encode("latin-1"), True)["pointed"] == "unchanged"
        lines = {}
        for form in ("pointed", "masked"):
            data = answer[form].encode("latin-1")
            assert data.startswith(before) and data.endswith(after)
            lines[form] = data[len(before) : len(data) - len(after)].decode("latin-1")
        answers.append(lines)
    return answers[0] if all(answer == answers[0] for answer in answers) else {"in each place": answers}


def _edited(data: bytes, add: bool) -> Answer:
    edit = cnf.set_image_version(data, IMAGE, add=add)
    again = cnf.set_image_version(edit.data, IMAGE, add=add)
    assert (again.data, again.added) == (edit.data, None)
    if edit.added:
        assert edit.data.split(b"\n")[edit.added - 1].startswith(b"image_version")
    return {
        "pointed": "unchanged" if edit.data == data else edit.data.decode("latin-1"),
        "before": [{"line": line, "value": value} for line, value in edit.before],
        "added": edit.added,
        "faults": [{"line": fault.line, "column": fault.column, "text": fault.text} for fault in edit.faults],
        "masked": cnf.mask(data).decode("latin-1"),
    }


def logs(log: str | bytes, now: datetime = datetime(2026, 12, 1), **options: Any) -> Answer:
    """The facts of each phone, by MAC or address. Times in a log are local ones; `now` is when somebody looks at it."""
    lines = (log.encode() if isinstance(log, str) else log).rstrip(b"\n").split(b"\n")
    facts = diagnose(lines, now=now.timestamp(), **options)["phones"]
    assert all(phone["advice"] and phone["evidence"] for phone in facts.values())
    return {key: {**phone, "evidence": "\n".join(phone["evidence"])} for key, phone in facts.items()}


def boots(phone: Answer, root: dict[str, str], images: list[str], lacking: Sequence[str] = (), log: Sequence[str] = ()) -> Answer:
    """What a phone asks for and how it may end. `fits_log`: the requests of a real log are such as it makes."""
    whole = {file for name in images for file in image.parse(name).files} - set(lacking)
    files = {name: content.encode("latin-1") for name, content in root.items()}
    seen = view.View(lambda name: files.get(name.removeprefix("./")), lambda asked: {file for file in asked.files if file not in whole})
    runs = image.parse(phone["runs"]) if "runs" in phone else None
    rest = {key: phone[key] for key in ("generation", "protocol") if key in phone}
    found = boot.Boots(seen).of(boot.Phone(phone.get("mac", "0011BB000001"), runs, **rest))
    return {
        "ends": [f"{outcome.end} {outcome.image or ''}".strip() for outcome in found.outcomes],
        "rules": [list(outcome.rules) for outcome in found.outcomes],
        "requests": " ".join(request.file + ("" if request.sure else "?") for request in found.requests),
        "fits_log": not log or _fits(found.requests, log),
    }


def _fits(requests: Sequence[boot.Request], log: Sequence[str]) -> bool:
    """Whether a log that may break off has all the sure ones in order, others of them between, and no more."""
    rest = iter(requests)
    for file in log:
        for request in rest:
            if request.file == file:
                break
            if request.sure:
                return False
        else:
            return False
    return True


SECRET = "Zq7token"
"""The password in the files of cases. No answer may tell it."""


def roots(image_version: str | None = None, options: Answer | None = None, **files: Any) -> Answer:
    """The audit of a root, or what comes of pointing it at an image: the files that change, or why it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _lay_out(Path(folder), **files)
        before = _snapshot(folder)
        root = Root(folder)
        answer = survey(root, ANYBODY) if image_version is None else _pointed(root, image.parse(image_version), options or {})
        assert SECRET not in str({**answer, "changed": ""})
        assert _snapshot(folder) == before
        return answer


def _pointed(root: Root, target: image.Image, options: Answer) -> Answer:
    read: Answer = {"only": frozenset, "phones": _images_by_mac, "hold": _images_by_mac}
    try:
        made = plan_changes(root, target, target.os79xx, **{name: read.get(name, str)(value) for name, value in options.items()})
    except RootError as error:
        return {"refused": list(error.faults)}
    changed = [{"file": change.name, "content": (change.after or b"").decode("latin-1")} for change in made.changes]
    back = {one["image"]: f"{one['returns']}: {one['why']}" for one in made.way_back}
    told = {part: getattr(made, part) for part in ("warnings", "advice", "would_move", "boots", "os79xx", "os79xx_before")}
    return {**told, "changed": changed, "way_back": back}


def settings(root: Answer, settings: Answer | None = None, secrets: Answer | None = None, phones: Sequence[Answer] = ()) -> Answer:
    """What comes of setting what phones read: the files that change, and what each phone read before, or why it is refused."""
    asked = [{"mac": MAC, "settings": {}, "secrets": {}, **phone} for phone in phones]
    wanted = read_wish(settings or {}, secrets or {}, asked)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _lay_out(Path(folder), root)
        before = _snapshot(folder)
        try:
            made = plan_settings(Root(folder), wanted)
        except RootError as error:
            assert SECRET not in str(error)
            return {"refused": [fault.replace(folder, "/srv/tftp") for fault in error.faults]}
        finally:
            assert _snapshot(folder) == before
    changed = [{"file": change.name, "content": (change.after or b"").decode("latin-1")} for change in made.changes]
    told = {part: getattr(made, part) for part in ("keys", "default", "phones", "generators", "warnings")}
    assert SECRET not in str(told)
    return {**told, "changed": changed}


MAC = "001122AABBCC"
"""Of a phone of which a case does not tell it."""


def _images_by_mac(named: dict[str, str]) -> dict[str, image.Image | None]:
    return {mac: image.recognise(name) for mac, name in named.items()}


def _snapshot(folder: str) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in Path(folder).rglob("*")}


def _lay_out(folder: Path, root: Answer, images: list[str] | None = None, like: str = "") -> None:
    """Files by name: a text, nothing (not there), or `file`, which is the synthetic file of that name."""
    if like:
        first = _documents(CASES / "roots" / f"{like}.yml")[0]
        _lay_out(folder, first["root"], first.get("images"))
    for name in images or ():
        make_image(folder, name)
    for name, content in root.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        elif isinstance(content, str):
            path.write_bytes(content.encode("latin-1"))
        else:
            path.write_bytes(_synthetic(**content))


def _synthetic(file: str) -> bytes:
    stem = file.rpartition(".")[0]
    with tempfile.TemporaryDirectory() as shipped:
        make_image(Path(shipped), stem)
        return (Path(shipped) / file).read_bytes()


NOW = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
"""When somebody looks at the sources of addresses. All times in them are UTC."""


def addresses(phones: dict[str, list[str]], sources: list[Answer]) -> Answer:
    """What is known of the address of each phone, by MAC, and what was warned of. `phones`: the names of their lines."""
    names = {name: mac for mac, lines in phones.items() for name in lines}
    warnings: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        said = []
        for number, source in enumerate(sources, 1):
            path = Path(folder) / f"source{number}"
            text = source["text"]
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            os.utime(path, (NOW - 60 * source.get("minutes_old", 0),) * 2)
            place = Place(file=str(path), kind=source.get("kind"))
            try:
                said.append((path.name, read(place, phones, names.copy, NOW, warnings.append)))
            except SourceError as error:
                return {"error": str(error).replace(f"{folder}/", "")}
    found = {mac: one._asdict() for mac, one in settle(phones, said).items()}
    return {**found, "warnings": [text.replace(f"{folder}/", "") for text in warnings]}


AREAS: dict[str, Callable[..., Answer]] = {
    "image_names": image_names,
    "moves": moves,
    "macs": macs,
    "cnf": cnf_files,
    "boots": boots,
    "logs": logs,
    "roots": roots,
    "addresses": addresses,
    "settings": settings,
}


# -- the runner


def _documents(path: Path) -> list[Answer]:
    """The cases of a file. What a later one leaves out is as in the first."""
    with path.open("rb") as file:  # so that an error in it names it
        first, *others = yaml.load(file, Loader=LOADER)
    return [first, *({**first, **other} for other in others)]


def _cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*/*.yml")):
        beside = sorted([*path.parent.glob(f"{path.stem}.log"), *path.parent.glob(f"{path.stem}.*.log")])
        for number, case in enumerate(_documents(path), start=1):
            for log in beside or (None,):
                id = f"{path.parent.name}/{log.stem if log else path.stem}-{number}"
                yield pytest.param(path, {**case, "log": log.read_bytes()} if log else case, id=id)


def in_the_form_of(right: Any, answer: Any) -> Any:
    """The answer, only as far as `right` goes into it, and in its words where they hold: equal to it if the answer is right."""
    if right and isinstance(right, dict) and isinstance(answer, dict):
        return {key: in_the_form_of(part, answer[key]) for key, part in right.items() if key in answer}
    if isinstance(right, list) and isinstance(answer, list):
        return [in_the_form_of(*pair) for pair in zip(right, answer, strict=False)] + answer[len(right) :]
    if isinstance(right, str) and isinstance(answer, str):
        pattern = ".*".join(re.escape(part) for part in right.split("..."))
        return right if re.fullmatch(pattern, answer, re.DOTALL) else answer
    return answer


@pytest.mark.parametrize(("path", "case"), list(_cases()))
def test_case(path: Path, case: Answer) -> None:
    question = {key: value for key, value in case.items() if key not in ("about", "right")}
    answer = in_the_form_of(case["right"], AREAS[path.parent.name](**question))
    if answer != case["right"]:
        right, wrong = (yaml.dump(side, allow_unicode=True, sort_keys=False).splitlines() for side in (case["right"], answer))
        difference = "\n".join(difflib.unified_diff(right, wrong, "right", "answer", lineterm="", n=99))
        pytest.fail(f"{path}: {case.get('about', '')}\n{difference}", pytrace=False)


def test_no_file_is_left_out():
    for path in CASES.glob("*/*"):
        assert path.parent.name in AREAS
        assert path.suffix == ".yml" or path.with_name(f"{path.name.partition('.')[0]}.yml").exists(), path
    assert {folder.name for folder in CASES.iterdir() if folder.is_dir()} == set(AREAS)
