# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._change import lock
from ansible_collections.voip.cisco79xx.plugins.module_utils._change.model import Change, TransactionError
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._root import firmware
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.access import server_user
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.archive import Member, Source
from ansible_collections.voip.cisco79xx.plugins.module_utils._root.read import Root
from ansible_collections.voip.cisco79xx.tests.simulator.images import container, make_image, manifest, raw_image

NEW, OLD, OLDEST = "P0S3-8-12-00", "P0S3-06-3-00", "P0S30203"
LOADER = "P003-8-12-00"


class Memory(Source):
    """A source that is not there: (path, content) each."""

    def __init__(self, *files):
        super().__init__("/src")
        self.members = tuple(Member(path, number) for number, (path, _data) in enumerate(files))
        self.data = {member: data for member, (_path, data) in zip(self.members, files, strict=True)}
        self.asked = []

    def _contents(self, wanted):
        self.asked += [member.path for member in wanted]
        return [(member, self.data[member]) for member in wanted]


def files_of(tmp_path, name, size=4096):
    folder = tmp_path / f"made-{name}-{size}"
    folder.mkdir()
    return {path.name: path.read_bytes() for path in make_image(folder, name, size=size)}


def package(files, image=NEW):
    return firmware.package(parse(image), Memory(*(files.items() if isinstance(files, dict) else files)))


def faults(files, image=NEW):
    with pytest.raises(firmware.FirmwareError) as caught:
        package(files, image)
    for fault in caught.value.faults:
        assert fault.count(": ") >= 2, fault
    return list(caught.value.faults)


@pytest.mark.parametrize("name", [NEW, OLD, OLDEST, "P0S3-07-5-00", "P0S3-04-4-00"])
def test_exactly_the_files_of_the_image_are_taken(tmp_path, name):
    files = files_of(tmp_path, name)
    found = package({"x/OS79XX.TXT": b"P003", "README": b"", **{f"x/{file}": data for file, data in files.items()}}, name)
    assert dict(found.files) == files
    assert [file for file, _data in found.files if file.endswith(".loads")] == [file for file, _data in found.files[-1:] if "loads" in file]
    assert found.ignored == ("README", "x/OS79XX.TXT")


def test_only_what_is_needed_is_read(tmp_path):
    files = {"OS79XX.TXT": b"", f"{LOADER}.bin": raw_image(LOADER), **files_of(tmp_path, NEW)}
    source = Memory(*files.items())
    assert firmware.package(parse(NEW), source).ignored == ("OS79XX.TXT", f"{LOADER}.bin")
    assert sorted(source.asked) == sorted(set(files) - {"OS79XX.TXT"})


def test_what_the_manifest_names_besides(tmp_path):
    files = files_of(tmp_path, NEW)
    files[f"{NEW}.loads"] = container(f"{NEW}.loads", manifest(NEW, LOADER) + f"{LOADER}.sb2\n".encode() * 2)
    assert faults(files)[0].startswith(f"{LOADER}.sb2: is missing in /src")
    files[f"{LOADER}.sb2"] = container(f"{LOADER}.sb2", raw_image(LOADER))
    assert sorted(name for name, _data in package(files).files) == sorted(files)


@pytest.mark.parametrize("name", [NEW, OLD])
def test_every_file_has_to_be_there_and_whole(tmp_path, name):
    whole = files_of(tmp_path, name)
    for file, data in whole.items():
        rest = {other: content for other, content in whole.items() if other != file}
        assert faults(rest, name)[0].startswith(f"{file}: is missing in /src")
        assert f"{file}: is empty" in faults({**whole, file: b""}, name)[0]
        assert any("truncated" in fault for fault in faults({**whole, file: data[:100]}, name))
        assert faults({**whole, file: b"\0" + data[1:]}, name) if not file.endswith(".bin") else True


def test_renamed_files(tmp_path):
    """The published "P0S3-8-12-00.bin" that is an .sb2, and an image under the name of another."""
    new, other = files_of(tmp_path, NEW), files_of(tmp_path, "P0S3-08-11-00")
    assert faults({**new, f"{NEW}.sb2": other["P0S3-08-11-00.sb2"]}) == [
        f"{NEW}.sb2: was renamed: it is P0S3-08-11-00.sb2 inside: get the image from Cisco again"
    ]
    assert "was renamed: it is P0S3-08-11-00.loads inside" in faults({**new, f"{NEW}.loads": other["P0S3-08-11-00.loads"]})[0]
    assert f"was renamed: it is {NEW}.sb2 inside" in faults({f"{OLDEST}.bin": new[f"{NEW}.sb2"]}, OLDEST)[0]
    assert "holds another image, P0S30202" in faults({f"{OLDEST}.bin": raw_image("P0S30202")}, OLDEST)[0]


def test_mixed_sets(tmp_path):
    files = files_of(tmp_path, NEW)
    strange = container(f"{NEW}.loads", manifest("P0S3-08-11-00", "P003-08-11-00"))
    text = faults({**files, f"{NEW}.loads": strange})[0]
    assert "names P003-08-11-00.sbn, P0S3-08-11-00.sb2, of another release: the set is mixed" in text
    inside = container(f"{NEW}.sb2", raw_image("P0S3-08-11-00"))
    assert "holds another image, P0S3-08-11-00" in faults({**files, f"{NEW}.sb2": inside})[0]
    short = container(f"{NEW}.loads", f"{LOADER}.sbn\n".encode())
    assert f"does not name {NEW}.sb2" in faults({**files, f"{NEW}.loads": short})[0]
    twice = [*((f"a/{name}", data) for name, data in files.items()), (f"b/{NEW}.sb2", files[f"{NEW}.sb2"] + b"x")]
    assert f"{NEW}.sb2: is in /src more than once, with different content (a/{NEW}.sb2, b/{NEW}.sb2)" in faults(twice)[0]
    twice[-1] = (f"b/{NEW}.sb2", files[f"{NEW}.sb2"])
    assert dict(package(twice).files) == files


@pytest.mark.parametrize("name", ["SIPDefault.cnf", "OS79XX.TXT", "../x", f"{NEW}.cnf", "P0S3-08-11-00.sb2"])
def test_a_manifest_cannot_bring_in_what_is_no_part_of_the_image(tmp_path, name):
    files = {**files_of(tmp_path, NEW), name: b"image_version: evil"}
    files[f"{NEW}.loads"] = container(f"{NEW}.loads", manifest(NEW, LOADER) + name.encode() + b"\n")
    assert faults(files)


def test_twins_are_compared(tmp_path):
    files = files_of(tmp_path, NEW)
    raw = raw_image(LOADER)
    assert package({**files, f"{LOADER}.bin": raw})
    assert "one is truncated" in faults({**files, f"{LOADER}.bin": raw + b"more"})[0]
    assert "one is damaged" in faults({**files, f"{LOADER}.bin": raw[:-1] + b"\xff"})[0]
    assert package({**files, f"{LOADER}.bin": files[f"{LOADER}.sbn"]})  # not raw: not a twin


def test_damage_in_a_header(tmp_path):
    files = files_of(tmp_path, NEW)
    for name, data in files.items():
        nameless = data.replace(name.encode(), bytes(len(name)), 1).replace(b"\x0e", b"\x0f", 1)
        assert faults({**files, name: nameless})
    blank = files[f"{NEW}.sb2"].replace(NEW.encode().ljust(32, b"\0"), bytes(32))
    assert "does not say which image it is" in faults({**files, f"{NEW}.sb2": blank})[0]


@pytest.mark.parametrize(
    "files, fault",
    [
        ([], "set src to what Cisco ships for P0S3-06-3-00, whole"),
        ([("p0s3-06-3-00.sbn", b""), ("P0S3-06-3-00.BIN", b"")], "holds it in another case, and phones ask for this one: rename P0S3-0"),
        ([("P0S3-6-3-00.sbn", b"")], "which holds P0S3-6-3-00: did you mean that?"),
        ([("P0S3-8-12-00.sb2", b""), ("P003-8-12-00.sbn", b"")], "which holds P0S3-8-12-00: set src to"),
        ([("firmware/P0S3-06-3-00.zip", b"")], "which holds P0S3-06-3-00.zip: set src to the archive itself"),
    ],
)
def test_what_the_source_holds_instead(files, fault):
    text = faults(files, OLD)[0]
    assert text.startswith("P0S3-06-3-00.bin, P0S3-06-3-00.sbn: are missing in /src")
    assert fault in text


def staged(root, files, mode=0o644, user=None, image=NEW):
    return firmware.stage(Root(str(root)), package(files, image), mode, server_user(user))


def test_staging_writes_nothing_and_puts_the_manifest_last(tmp_path, root):
    files = files_of(tmp_path, NEW)
    made = staged(root, files)
    assert [file.state for file in made.files] == ["added"] * 3
    assert [change.name for change in made.changes][-1] == f"{NEW}.loads"
    assert not list(root.iterdir())
    (root / f"{NEW}.sb2").write_bytes(files[f"{NEW}.sb2"])
    (root / f"{LOADER}.sbn").write_bytes(b"stale")
    made = staged(root, files)
    assert [file.name for file in made.files] == [f"{LOADER}.sbn", f"{NEW}.sb2", f"{NEW}.loads"]
    assert [file.state for file in made.files] == ["replaced", "unchanged", "added"]
    assert made.files[0].before == firmware.Content(5, hashlib.sha256(b"stale").hexdigest())


def test_everything_in_the_way_is_told_at_once(tmp_path, root):
    files = files_of(tmp_path, NEW)
    (root / f"{NEW}.sb2").mkdir()
    (root / f"{NEW}.loads").symlink_to("/etc/passwd")
    (root / f"{LOADER}.sbn").symlink_to("nothing")
    with pytest.raises(firmware.FirmwareError) as caught:
        staged(root, files)
    for fault, cause in zip(sorted(caught.value.faults), ("link to nothing", "that leaves", "is a folder"), strict=True):
        assert cause in fault


def test_a_stale_twin_in_the_root(tmp_path, root):
    files = files_of(tmp_path, NEW)
    (root / f"{LOADER}.bin").write_bytes(raw_image(LOADER, 2000))
    with pytest.raises(firmware.FirmwareError, match=r"has 2000 bytes, but P003-8-12-00\.sbn holds 4096: remove it"):
        staged(root, files)
    (root / f"{LOADER}.bin").write_bytes(raw_image(LOADER))
    assert staged(root, files).changes


def test_space(tmp_path, root, monkeypatch):
    files = files_of(tmp_path, NEW)
    system = {"f_frsize": 4096, "f_blocks": 100, "f_bavail": 21, "f_files": 10, "f_favail": 3}
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(**system))
    assert staged(root, files).free == 21 * 4096
    system["f_bavail"] = 20
    with pytest.raises(firmware.FirmwareError, match="has 81920 bytes free, the files take 86016: make room"):
        staged(root, files)
    system.update(f_bavail=50, f_favail=2)
    with pytest.raises(firmware.FirmwareError, match="room for 2 more files, 3 are needed"):
        staged(root, files)
    system.update(f_blocks=0, f_bavail=0, f_files=0, f_favail=0)  # a file system that does not say
    assert staged(root, files).changes


def test_a_name_in_another_case_beside_it(tmp_path, root):
    (root / f"{NEW}.LOADS").touch()
    assert staged(root, files_of(tmp_path, NEW)).warnings == [f"{NEW}.LOADS is beside {NEW}.loads, which phones ask for: remove it"]


REFERENCES = {
    "SIPDefault.cnf": b'image_version: "P0S3-8-12-00"\n',
    "SIP001122AABBCC.cnf": b"\xef\xbb\xbfimage_version: p0s3-8-12-00 ; lower\n",
    "OS79XX.TXT": b"P003-8-12-00 \r\n",
    "SEP001122AABBCC.cnf.xml": b"<device><loadInformation>\n P0S3-8-12-00\n</loadInformation></device>",
    "XMLDefault.cnf.xml": b'<Default><loadInformation8 model="IP Phone 7940">P0S3-8-12-00</loadInformation8></Default>',
    "xmlDefault.CNF.XML": b"<loadInformation>P003-8-12-00.sbn</loadInformation>",
    "syncinfo.xml": b'<SYNCINFO><IMAGE VERSION="P0S3-8-12-00" SYNC="1"/></SYNCINFO>',
    "P00308000500.loads": container("P00308000500.loads", b"P003-8-12-00.sbn\n"),
    "P0M3-8-12-00.loads": b"damaged p003-8-12-00.SBN",
}
NO_REFERENCES = {
    "SIPDefault.cnf": b"#image_version: P0S3-8-12-00\n;image_version: P0S3-8-12-00\nimage_version: P0S3-06-3-00\n",
    "SIP001122AABBCC.cnf": b"image_version: P0S3-8-12-01\nphone_label: P0S3-8-12-00\nimage_version=P0S3-8-12-00\n",
    "SIP_TEMPLATE.cnf": b"image_version: P0S3-8-12-00\n",
    "OS79XX.TXT": b"P003-8-11-00\n",
    "SEP001122AABBCC.cnf.xml": b"<!-- <loadInformation>P0S3-8-12-00</loadInformation> --><loadInformation/>",
    "syncinfo.xml": b'<SYNCINFO><IMAGE VERSION="*" SYNC="1"/></SYNCINFO>',
    "P0S3-08-11-00.loads": container("P0S3-08-11-00.loads", manifest("P0S3-08-11-00", "P003-08-11-00")),
    "README": b"P0S3-8-12-00",
}


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "root"
    made.mkdir()
    return made


def removal(root):
    return firmware.removal(Root(str(root)), parse(NEW)).files


def locked(root, check=False):
    return firmware.locked(str(root), str(root.parent / "state"), check)


def remove(root):
    with locked(root) as store:
        firmware.remove(store, firmware.removal(Root(str(root)), parse(NEW)), parse(NEW))


@pytest.mark.parametrize("name", REFERENCES)
def test_each_kind_of_reference_keeps_an_image(tmp_path, name):
    make_image(tmp_path, NEW)
    (tmp_path / name).write_bytes(REFERENCES[name])
    with pytest.raises(firmware.FirmwareError) as caught:
        removal(tmp_path)
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith(f"{name}:")
    assert caught.value.faults[0].endswith("point it at another image first")


def test_all_references_are_named(tmp_path):
    make_image(tmp_path, NEW)
    for name, data in REFERENCES.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(firmware.FirmwareError) as caught:
        removal(tmp_path)
    assert {fault.split(":")[0] for fault in caught.value.faults} == set(REFERENCES)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_a_reference_in_another_encoding(tmp_path, encoding):
    make_image(tmp_path, NEW)
    (tmp_path / "XMLDefault.cnf.xml").write_bytes(REFERENCES["XMLDefault.cnf.xml"].decode().encode(encoding))
    with pytest.raises(firmware.FirmwareError, match=r"^XMLDefault\.cnf\.xml"):
        removal(tmp_path)


def test_what_is_no_reference(tmp_path):
    make_image(tmp_path, NEW)
    for name, data in NO_REFERENCES.items():
        (tmp_path / name).write_bytes(data)
    assert [file.name for file in removal(tmp_path)] == [f"{NEW}.loads", f"{LOADER}.sbn", f"{NEW}.sb2"]


def test_what_cannot_be_read_may_hold_a_reference(tmp_path):
    make_image(tmp_path, NEW)
    (tmp_path / "XMLDefault.cnf.xml").write_bytes(bytes(2 << 20))
    (tmp_path / "SIP001122AABBCC.cnf").symlink_to("/etc/passwd")
    with pytest.raises(firmware.FirmwareError) as caught:
        removal(tmp_path)
    assert len(caught.value.faults) == 2


def test_a_half_and_damaged_image_can_be_removed(root):
    (root / f"{NEW}.loads").write_bytes(b"?")
    (root / f"{LOADER}.bin").write_bytes(b"?")
    assert [file.name for file in removal(root)] == [f"{NEW}.loads", f"{LOADER}.bin"]
    remove(root)
    assert not list(root.iterdir())
    assert removal(root) == []


def test_a_link_goes_and_what_it_names_stays(root):
    (root / "inside").mkdir()
    for path in make_image(root / "inside", NEW):
        (root / path.name).symlink_to(path)
    remove(root)
    assert [path.name for path in root.iterdir()] == ["inside"]
    assert len(list((root / "inside").iterdir())) == 3


def test_a_removal_that_fails_leaves_all_of_it(root, monkeypatch):
    make_image(root, NEW)
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    unlink = os.unlink

    def failing(path, **options):
        if str(path).endswith(f"{NEW}.sb2"):
            raise PermissionError(1, "Operation not permitted")
        unlink(path, **options)

    monkeypatch.setattr(os, "unlink", failing)
    with pytest.raises(TransactionError, match="every file is as it was"):
        remove(root)
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_undoing_the_last_change_of_configurations_takes_away_no_files(root):
    """Records of files lie apart: see `locked`."""
    files = files_of(root.parent, NEW)
    with locked(root) as store:
        found = Root(str(root))
        server = server_user(None)
        firmware.write(store, firmware.stage(found, package(files), 0o644, server), parse(NEW), server)
    assert set(files) == {path.name for path in root.iterdir()}
    with lock.locked(str(root), str(root.parent / "state")) as store:
        assert store.records() == []
    with locked(root) as store:
        assert [record.image for record in store.records()] == [NEW]


@pytest.mark.parametrize("apart", ["", "firmware"])
def test_what_a_killed_run_left_is_mended_first(root, apart):
    """It decides what is referenced: here the original of SIPDefault.cnf, which comes back, names the image."""
    make_image(root, NEW)
    (root / "SIPDefault.cnf").write_bytes(f"image_version: {NEW}\n".encode())
    if os.fork() == 0:
        path = str(root / "SIPDefault.cnf")

        def replace(source, target, **folders):
            os.rename(source, target, **folders)
            if folders:
                os._exit(9)

        os.replace = replace  # type: ignore[assignment]
        with lock.locked(str(root), str(root.parent / "state"), firmware=bool(apart)) as store:
            change = Change("SIPDefault.cnf", "SIPDefault.cnf", Path(path).read_bytes(), b"image_version: P0S3-06-3-00\n", os.stat(path))
            store.apply([change, Change("other", "other", None, b"x", None)])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 9
    assert b"06-3" in (root / "SIPDefault.cnf").read_bytes()
    with pytest.raises(TransactionError, match="was left half changed"), locked(root, check=True):
        pass
    with pytest.raises(firmware.FirmwareError, match=r"SIPDefault\.cnf:1: image_version names P0S3-8-12-00"):
        remove(root)
