# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of every boot; tests/unit/cases/boots has the single ones. And docs/phones.md says what the table of rules says."""

from __future__ import annotations

import re
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone import boot, cnf, image, rules, view

COLLECTION = Path(__file__).parents[5]
SOURCE = (COLLECTION / "plugins/module_utils/_phone/boot.py").read_text()
MAC = "0011BB000001"
IMAGES = ["P0S30201", "P0S3-04-4-00", "P0S3-05-3-00", "P0S3-06-3-00", "P0S3-07-5-00", "P0S3-08-2-00", "P0S3-8-12-00", "P00305000300"]
IMAGES += ["P00308000500", "P003-07-5-00", "P003-8-12-00", "P0M3-06-0-00"]

said = st.sampled_from([*IMAGES, "", "UNPROVISIONED", "POS3-06-3-00", "p0s3-8-12-00", "P0S3-06-3-00 ", "P003-8-12-00 \r"])
settings_of_an_image = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "x: 1\n", "\xef\xbb\xbf", "tftp_cfg_dir: a/\n", "tftp_cfg_dir: ./\ntftp_cfg_dir: a/\n"]),
    st.sampled_from(["image_version: ", 'image_version: "', "IMAGE_VERSION :", "image_version=", "#image_version: "]),
    said,
    st.sampled_from(["", '"', "\r\n", " # x", "\nimage_version: P0S3-08-2-00\n"]),
)
load = st.builds("<loadInformation>{}</loadInformation>".format, said)
loads = st.builds("<a>{}{}".format, st.lists(load, max_size=3).map("".join), st.sampled_from(["</a>", ""]))
contents = st.one_of(settings_of_an_image, loads, said).map(lambda text: text.encode("latin-1")) | st.binary(max_size=40)
files = st.sampled_from(
    ["OS79XX.TXT", "SIPDefault.cnf", f"SIP{MAC}.cnf", f"a/SIP{MAC}.cnf", f"SEP{MAC}.cnf.xml", "XMLDefault.cnf.xml", f"CTLSEP{MAC}.tlv"]
)
phones = st.one_of(
    st.sampled_from(IMAGES).map(lambda name: boot.Phone(MAC, image.parse(name))),
    st.builds(boot.Phone, st.just(MAC), st.none(), st.none() | st.integers(0, 99), st.sampled_from([image.SIP, image.SCCP, image.LOADER])),
)


@settings(max_examples=500, deadline=None)
@given(root=st.dictionaries(files, contents), phone=phones, whole=st.sets(st.sampled_from(IMAGES)))
def test_whatever_a_root_holds(root, phone, whole):
    """Bytes of any kind; a phone ends on what it ran or on what the root has whole; sure rules leave one end."""
    found = boot.Boots(view.View(root.get, lambda asked: () if asked.name in whole else asked.files)).of(phone)
    assert found.outcomes and len(set(found.outcomes)) == len({outcome[:2] for outcome in found.outcomes}) == len(found.outcomes)
    for outcome in found.outcomes:
        if outcome.end == boot.RUNS:
            assert outcome.image.name in whole and outcome.image.protocol != image.LOADER
            assert not (phone.runs and phone.runs.signed and not outcome.image.signed)
        else:
            assert outcome.image == (phone.runs if outcome.end == boot.STAYS else None)
    if all(rules.RULES[name].sureness == rules.SURE for outcome in found.outcomes for name in outcome.rules):
        assert found.sure
    assert all("<" not in request.file or b"<" in b"".join(root.values()) for request in found.requests)


def test_where_there_are_too_many_ways_all_that_is_named_is_possible():
    names = [f"P0S3-08-{minor}-{patch}" for minor in range(1, 99) for patch in range(10, 20)]
    several = "".join(f"<loadInformation>{name}</loadInformation>" for name in names).encode()
    root = {
        "SIPDefault.cnf": b"image_version: P0S3-06-0-00",
        f"SIP{MAC}.cnf": b'image_version: " P0S3-06-1-00 " # x\nimage_version: P0S3-06-3-00',
        f"SEP{MAC}.cnf.xml": b"<a>" + several,
        "OS79XX.TXT": b"P0S3-05-3-00 \r",
    }
    start = time.process_time()
    seen = view.View(root.get, lambda image: image.files if image.name == names[0] else ())
    found = boot.Boots(seen).of(boot.Phone(MAC))
    assert time.process_time() - start < 5  # about 0.3 s; to walk all ways takes minutes
    named = {"P0S3-05-3-00", "P0S3-06-0-00", "P0S3-06-1-00", "P0S3-06-3-00", *names[1:]}
    ends = {(end, image and image.name) for end, image, _rules in found.outcomes}
    assert ends == {("stays", None), ("loops", None), ("stuck", None), *(("runs", name) for name in named)}
    assert not any(request.sure for request in found.requests)


@settings(deadline=None)
@given(st.lists(settings_of_an_image | st.text(max_size=9), max_size=5))
def test_an_image_is_read_as_in_the_whole_file(parts):
    data = "\n".join(parts).encode("utf-8")
    assert view._image_versions(data).names == tuple(value for _line, value in cnf.image_versions(data))


def test_the_view_asks_for_shared_files_once_and_for_those_of_a_phone_by_its_mac():
    asked: list[str] = []
    boots = boot.Boots(view.View(asked.append, lambda image: image.files))
    for number in range(3):
        boots.of(boot.Phone(f"0011BB00000{number}", image.parse("P0S3-8-12-00")))
    assert sorted(asked[:3]) == ["OS79XX.TXT", "SIPDefault.cnf", "XMLDefault.cnf.xml"]
    assert len(asked) == len(set(asked)) == 3 + 3 * 3
    assert boots.of(boot.Phone("0011BB000002")).requests[1].file != boots.of(boot.Phone("0011BB000001")).requests[1].file


def test_a_fleet_of_ten_thousand_takes_no_time():
    own = ('line1_name: "1001"\n' * 100 + "phone_label: {}\nimage_version: P0S3-8-12-00\n").format
    sep = "<device><a>{}</a><loadInformation>P0S3-8-12-00</loadInformation></device>".format
    macs = [f"0011BB{number:06X}" for number in range(10_000)]
    root = {f"SIP{mac}.cnf": own(mac).encode() for mac in macs}
    root.update({f"SEP{mac}.cnf.xml": sep(mac).encode() for mac in macs})
    boots = boot.Boots(view.View(root.get, lambda image: ()))
    start = time.process_time()
    assert all(boots.of(boot.Phone(mac)).outcomes for mac in macs)
    assert time.process_time() - start < 2  # about 0.3 s; one walk for each phone would take a minute


def test_every_rule_is_used_and_one_that_is_not_sure_has_answers():
    image_source = (COLLECTION / "plugins/module_utils/_phone/image.py").read_text()
    of_steps = set(re.findall(r'"(\w+)"', image_source[image_source.index("def step(") : image_source.index("def route(")]))
    of_steps |= {"load_followed", "change_of_protocol"}
    used, chosen = (set(re.findall(rf'self\.{verb}\("(\w+)"', SOURCE)) for verb in ("use", "choose"))
    assert (used | chosen | of_steps) == set(rules.RULES)
    assert {rules.RULES[name].sureness for name in used} == {rules.SURE}
    assert {rules.RULES[name].sureness for name in chosen} == {rules.LIKELY, rules.UNKNOWN}


HEADINGS = {rules.SURE: "What they do", rules.LIKELY: "What they probably do", rules.UNKNOWN: "What is not known"}


def test_the_documentation_has_each_rule():
    page = (COLLECTION / "docs" / "phones.md").read_text()
    for sureness, heading in HEADINGS.items():
        right = [
            f"| `{rule.name}` | {rule.text} | {rule.source} |".replace("<", r"\<").replace(">", r"\>")
            for rule in rules.RULES.values()
            if rule.sureness == sureness
        ]
        table = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].partition("|---|---|---|\n")[2]
        assert table.strip().splitlines() == right, "docs/phones.md has to say:\n" + "\n".join(right)
