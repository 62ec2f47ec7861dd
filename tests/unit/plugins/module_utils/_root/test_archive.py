# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import io
import os
import random
import re
import struct
import tarfile
import tracemalloc
import warnings
import zipfile

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._root import archive

NAME = "P0S3-06-3-00.sbn"
DATA = bytes(range(256)) * 40
SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": NAME, "GNU.sparse.realsize": "9"}


def zipped(path, *members, method=zipfile.ZIP_DEFLATED):
    """Members are (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def tarred(path, *members, mode="w", kind=tarfile.PAX_FORMAT):
    """Members are (name or TarInfo, content)."""
    with tarfile.open(path, mode, format=kind) as made:
        for name, content in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def unixed(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def claiming(size, kind=b"0", name=NAME):
    """A header alone, as a tar that is cut off behind it would have it."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def altered(path, old, new, count=-1):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, count))
    return path


def directory(path, **fields):
    """A zip whose directory says otherwise than what follows: sizes, flags, method of every member."""
    data = bytearray(path.read_bytes())
    for entry in re.finditer(b"PK\1\2", bytes(data)):
        for field, value in fields.items():
            offset, form = {"flags": (8, "<H"), "method": (10, "<H"), "packed": (20, "<I"), "size": (24, "<I")}[field]
            struct.pack_into(form, data, entry.start() + offset, value)
    path.write_bytes(data)
    return path


def everything(path):
    with archive.opened(str(path)) as source:
        return {member.path: data for member, data in source.read(source.members).items()}


def refusal(path):
    with pytest.raises(archive.ArchiveError) as caught:
        everything(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.count(": ") >= 2
    assert text.isprintable()
    return text


MAKERS = {
    "zip": zipped,
    "stored zip": lambda path, *members: zipped(path, *members, method=zipfile.ZIP_STORED),
    "tar": tarred,
    "gnu tar": lambda path, *members: tarred(path, *members, kind=tarfile.GNU_FORMAT),
    "ustar": lambda path, *members: tarred(path, *members, kind=tarfile.USTAR_FORMAT),
    "tgz": lambda path, *members: tarred(path, *members, mode="w:gz"),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_packed_is_read(tmp_path, maker):
    """Told apart by content: the name says nothing."""
    members = (("OS79XX.TXT", b"P003\r\n"), (f"./a/b/{NAME}", DATA), ("empty", b""), ("block", bytes(512)), ("last", b"x" * 513))
    assert everything(MAKERS[maker](tmp_path / "package.bin", *members)) == dict(members)


def test_folders_in_archives_are_no_members(tmp_path):
    folder = special("firmware", tarfile.DIRTYPE)
    assert everything(tarred(tmp_path / "a", (folder, b""), (f"firmware/{NAME}", DATA))) == {f"firmware/{NAME}": DATA}
    assert everything(zipped(tmp_path / "b", ("firmware/", b""), (f"firmware/{NAME}", DATA))) == {f"firmware/{NAME}": DATA}


def test_only_what_is_wanted_is_read(tmp_path):
    for maker in MAKERS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile's, about the two of one name
            path = maker(tmp_path / "a", ("x", b"1"), ("y", b"2"), ("x", b"3"))
        with archive.opened(str(path)) as source:
            first, second, third = source.members
            assert source.read([third]) == {third: b"3"}
            assert source.read([second, first]) == {first: b"1", second: b"2"}
            assert source.read([]) == {}


def test_a_folder(tmp_path):
    (tmp_path / NAME).write_bytes(DATA)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "other").write_bytes(b"")
    assert everything(tmp_path) == {NAME: DATA}


def test_what_is_no_file_in_a_folder(tmp_path):
    (tmp_path / NAME).symlink_to("/etc/passwd")
    with archive.opened(str(tmp_path)) as source, pytest.raises(archive.ArchiveError, match="is a symbolic link"):
        source.read(source.members)
    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME)
    with archive.opened(str(tmp_path)) as source, pytest.raises(archive.ArchiveError, match="is a named pipe"):
        source.read(source.members)
    (tmp_path / NAME).unlink()
    with open(tmp_path / NAME, "wb") as file:
        file.truncate(10 << 30)
    with archive.opened(str(tmp_path)) as source, pytest.raises(archive.ArchiveError, match="claims 10737418240 bytes"):
        source.read(source.members)


@pytest.mark.parametrize(
    "name, fault",
    [
        ("../x", "leads out"),
        ("a/../../x", "leads out"),
        ("a/..", "leads out"),
        ("/etc/x", "absolute"),
        ("//x", "absolute"),
        ("C:/x", "absolute"),
        ("c:x", "absolute"),
        ("..\\x", "backslash"),
        ("a\\b", "backslash"),
        ("a\nb", "control character"),
        ("a\x1b[2Jb", "control character"),
    ],
)
def test_paths_that_lead_elsewhere(tmp_path, name, fault):
    for number, (kind, maker) in enumerate(MAKERS.items()):
        assert fault in refusal(maker(tmp_path / str(number), (NAME, DATA), (name, b""))), kind


def test_paths_that_the_reader_would_cut(tmp_path):
    """What stands behind a NUL: zipfile drops it, a pax header keeps it."""
    assert "control character" in refusal(altered(zipped(tmp_path / "a", ("axb", b"")), b"axb", b"a\0b"))
    info = tarfile.TarInfo("harmless")
    info.pax_headers = {"path": "../../etc/cron.d/x"}
    assert "leads out" in refusal(tarred(tmp_path / "b", (info, b"")))
    info = tarfile.TarInfo("x" * 120 + "/../../../../y")
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert "leads out" in refusal(tarred(tmp_path / "c", (info, b""), kind=kind))


@pytest.mark.parametrize(
    "kind, fault",
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "no ordinary file"),
        (tarfile.BLKTYPE, "no ordinary file"),
        (tarfile.FIFOTYPE, "no ordinary file"),
    ],
)
@pytest.mark.parametrize("name", [NAME, "somewhere/else"])
def test_what_is_no_file_in_a_tar(tmp_path, kind, fault, name):
    assert fault in refusal(tarred(tmp_path / "a.tar", ("x", b""), (special(name, kind, "/etc/passwd"), b"")))
    assert fault in refusal(tarred(tmp_path / "a.tgz", ("x", b""), (special(name, kind, "x"), b""), mode="w:gz"))


def test_sparse_members(tmp_path):
    old = bytearray(claiming(512, tarfile.GNUTYPE_SPARSE))
    old[386:410] = b"00000000000\0" + b"00000001000\0"
    old[483:495] = b"00000001000\0"
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    (tmp_path / "old").write_bytes(bytes(old) + bytes(512 * 3))
    assert "sparse" in refusal(tmp_path / "old")
    for headers, data in (
        (SPARSE, b"1\n0\n1\n".ljust(512, b"\0")),
        ({"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"}, b"x"),
    ):
        info = tarfile.TarInfo(NAME)
        info.pax_headers = headers
        assert "sparse" in refusal(tarred(tmp_path / "new", (info, data)))


def test_a_sparse_map_without_end(tmp_path):
    info = tarfile.TarInfo(NAME)
    info.pax_headers = SPARSE
    assert "absurd" in refusal(tarred(tmp_path / "a", (info, b"9999999999\n" + b"1\n" * (1 << 20))))
    assert "damaged" in refusal(tarred(tmp_path / "b", (info, b"9999999999\n1")))


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060666, 0o010666, 0o140777])
def test_what_is_no_file_in_a_zip(tmp_path, mode):
    text = refusal(zipped(tmp_path / "a", (unixed("x", mode), b"/etc/passwd")))
    assert ("is a symbolic link" if mode == 0o120777 else "is no ordinary file") in text
    assert everything(zipped(tmp_path / "b", (unixed("x", 0o100644), b"1"))) == {"x": b"1"}


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2001])
def test_encrypted_members(tmp_path, flags):
    assert "is encrypted" in refusal(directory(zipped(tmp_path / "a", (NAME, DATA)), flags=flags))


def test_unknown_packing(tmp_path):
    assert "is packed by method 99" in refusal(directory(zipped(tmp_path / "a", (NAME, DATA)), method=99))
    assert "is packed by method 14" in refusal(zipped(tmp_path / "b", (NAME, DATA), method=zipfile.ZIP_LZMA))


def bomb(path):
    """A real one: 60 MiB of zeros, packed a thousandfold."""
    return zipped(path, (NAME, bytes(60 << 20)))


def stored(path, count):
    return zipped(path, *[(str(number), bytes(1 << 20)) for number in range(count)], method=zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    "make, fault",
    [
        (bomb, "is a bomb"),
        (lambda path: directory(bomb(path), size=2 << 30), "claims 2147483648 bytes"),
        (lambda path: directory(bomb(path), size=1000), "longer than"),
        (lambda path: directory(stored(path, 5), size=60 << 20), "268435456 bytes in all"),
        (lambda path: path.write_bytes(claiming(10 << 30) + bytes(1024)), "claims 10737418240 bytes"),
        (lambda path: path.write_bytes(gzip.compress(claiming(10 << 30) + bytes(1024))), "claims 10737418240 bytes"),
        (lambda path: path.write_bytes(claiming(10 << 30, tarfile.XHDTYPE) + bytes(2 << 20)), "absurd"),
        (lambda path: path.write_bytes(claiming(10 << 30, tarfile.GNUTYPE_LONGNAME) + bytes(2 << 20)), "absurd"),
        (lambda path: path.write_bytes(gzip.compress(claiming(10 << 30, tarfile.XGLTYPE) + bytes(90 << 20))), "absurd"),
        (lambda path: path.write_bytes(gzip.compress(claiming(60 << 20) + bytes((60 << 20) + 1024))), "is a bomb"),
        (lambda path: path.write_bytes(gzip.compress(claiming(1) + bytes(90 << 20))), "is a bomb"),
        (lambda path: path.write_bytes(claiming(-512) + bytes(1024)), "damaged|claims -512"),
        (lambda path: path.write_bytes(claiming(-512, tarfile.XHDTYPE) + bytes(1024)), "damaged"),
        (lambda path: path.write_bytes(claiming(0, tarfile.XHDTYPE) * 3000 + bytes(1024)), "damaged"),
        (lambda path: tarred(path, *[(str(number), b"") for number in range(1001)]), "more than 1000 members"),
        (lambda path: zipped(path, *[(str(number), b"") for number in range(1001)]), "more than 1000 members"),
        (lambda path: zipped(path, *[("x" * 60 + str(number), b"") for number in range(20000)]), "absurd"),
    ],
)
def test_bombs_and_absurd_claims_cost_nothing(tmp_path, make, fault):
    path = tmp_path / "archive"
    make(path)
    tracemalloc.start()
    try:
        text = refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()
    assert any(part in text for part in fault.split("|")), text


def test_an_archive_of_ten_gigabytes_is_not_read(tmp_path):
    for head in (b"PK\3\4", b"\x1f\x8b\x08", claiming(5)):
        with open(tmp_path / "a", "wb") as file:
            file.write(head)
            file.truncate(10 << 30)
        assert "has 10737418240 bytes" in refusal(tmp_path / "a")


def test_sizes_that_lie(tmp_path):
    path = tmp_path / "a"
    assert "truncated (10240 of 10241 bytes)" in refusal(directory(zipped(path, (NAME, DATA)), size=len(DATA) + 1))
    assert "longer than the 10239 bytes" in refusal(directory(zipped(path, (NAME, DATA)), size=len(DATA) - 1))
    assert "longer than the 1 bytes" in refusal(directory(zipped(path, (NAME, DATA), method=zipfile.ZIP_STORED), size=1))
    assert "claims 1073741824 bytes of an archive of" in refusal(directory(zipped(path, (NAME, DATA)), packed=1 << 30))
    assert refusal(directory(zipped(path, (NAME, DATA)), packed=7))


def test_checksums(tmp_path):
    assert "Bad CRC-32" in refusal(altered(zipped(tmp_path / "a", (NAME, DATA), method=zipfile.ZIP_STORED), DATA[:40], bytes(40), 1))
    packed = bytearray(gzip.compress(tarred(tmp_path / "b", (NAME, DATA)).read_bytes(), mtime=0))
    packed[-6] ^= 1
    (tmp_path / "c").write_bytes(packed)
    assert "CRC" in refusal(tmp_path / "c")


@pytest.mark.parametrize("maker", MAKERS)
def test_every_truncation_is_seen(tmp_path, maker):
    whole = MAKERS[maker](tmp_path / "whole", ("OS79XX.TXT", b"P003"), (NAME, random.Random(7).randbytes(2000)))
    data = whole.read_bytes()
    end = data.rstrip(b"\0") if "tar" in maker else data
    for length in [*range(0, 700, 13), *range(700, len(end), 97), len(end) - 1]:
        (tmp_path / "cut").write_bytes(data[:length])
        assert refusal(tmp_path / "cut")


@pytest.mark.parametrize("maker", MAKERS)
def test_no_damage_ends_in_anything_but_a_refusal_or_the_content(tmp_path, maker):
    members = (("OS79XX.TXT", b"P003"), ("x" * 130, b"long"), (NAME, random.Random(7).randbytes(1500)))
    data = MAKERS[maker](tmp_path / "whole", *members).read_bytes() if maker != "ustar" else tarred(tmp_path / "w", members[0]).read_bytes()
    chance = random.Random(maker)
    for _attempt in range(400):
        broken = bytearray(data)
        for _byte in range(chance.randrange(1, 6)):
            broken[chance.randrange(min(len(broken), 6000))] = chance.randrange(256)
        (tmp_path / "broken").write_bytes(broken)
        try:
            found = everything(tmp_path / "broken")
        except archive.ArchiveError as error:
            assert str(error).startswith(str(tmp_path))
        else:
            assert all(".." not in path and not path.startswith("/") for path in found)


@pytest.mark.parametrize(
    "content, fault",
    [
        (b"", "is empty"),
        (b"hello", "neither a folder nor a .zip"),
        (b"BZh91AY", "a bzip2 file"),
        (b"\xfd7zXZ\0", "an xz file"),
        (b"MZ\x90\0", "a Windows program"),
        (b"Rar!\x1a\x07", "a RAR file"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
        (gzip.compress(b"no tar" * 200, mtime=0), "damaged"),
        (b"PK\3\4" + bytes(100), "truncated"),
        (tarfile.TarInfo("x").tobuf() + b"garbage" * 100, "damaged"),
    ],
)
def test_what_is_no_archive(tmp_path, content, fault):
    (tmp_path / "a.zip").write_bytes(content)
    assert fault in refusal(tmp_path / "a.zip")


def test_what_cannot_be_opened(tmp_path):
    assert "does not exist" in refusal(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    assert "does not exist" in refusal(tmp_path / "file" / "inside")
    os.mkfifo(tmp_path / "pipe")
    assert "neither a folder nor a file" in refusal(tmp_path / "pipe")
    with pytest.raises(archive.ArchiveError, match="''"), archive.opened(""):
        pass
    with pytest.raises(archive.ArchiveError, match="null"), archive.opened("a\0b"):
        pass


def test_archives_in_archives_stay_closed(tmp_path):
    inner = zipped(tmp_path / "inner.zip", ("../x", b"")).read_bytes()
    assert everything(tarred(tmp_path / "outer", ("inner.zip", inner))) == {"inner.zip": inner}
