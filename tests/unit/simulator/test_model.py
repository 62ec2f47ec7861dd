# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two opinions of how a phone boots: what the collection foresees has to contain what a simulated phone does, whatever its habits.

Where the collection is sure, every phone does just that.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.boot import LOOPS, RUNS, STAYS, STUCK, Boots, Phone
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.image import SCCP, SIP, parse
from ansible_collections.voip.cisco79xx.plugins.module_utils._phone.view import View
from ansible_collections.voip.cisco79xx.tests.simulator import boot
from ansible_collections.voip.cisco79xx.tests.simulator.habits import CHOICES, Habits
from ansible_collections.voip.cisco79xx.tests.simulator.images import make_image

MAC = "0011BB000001"
SIP_IMAGES = ("P0S30203", "P0S3-04-4-00", "P0S3-05-3-00", "P0S3-06-3-00", "P0S3-07-4-00", "P0S3-08-2-00", "P0S3-8-12-00")
SCCP_IMAGES = ("P00308000500", "P00305000301")
LOADERS = ("P003-07-4-00", "P003-8-12-00")
NOT_COMPARED = {
    "xml_name": "the other case of XMLDefault.cnf.xml is the server's affair",
    "refusal": "a view of a root has no other errors than 'File not found'",
    "rejected": "the same in the end",
}
HABITS = {name: words for name, words in CHOICES.items() if name not in NOT_COMPARED}

told = st.sampled_from((*SIP_IMAGES, *SIP_IMAGES, "P0S3-99-9-00", "UNPROVISIONED", ""))
line = st.builds(
    str.format,
    st.sampled_from(
        ("image_version: {}\n", "image_version: {}\r\n", 'image_version: "{}";\n', 'image_version:" {}"\n', "image_version: {} ; x\n")
    ),
    told,
)
config = st.one_of(st.none(), st.just("line1_name: 1\n"), line, line, line)
named = st.one_of(told, st.sampled_from((*LOADERS, *SCCP_IMAGES)))
os79xx = st.one_of(st.none(), st.builds(str.__add__, named, st.sampled_from(("", "\n", "\n", " \n", "\r\n"))))


def load_in(element):
    """A file that names a load, or none, for a 7960."""
    of_an_image = st.one_of(told, st.sampled_from(SCCP_IMAGES))
    return st.one_of(st.none(), st.none(), of_an_image.map(lambda name: f"<device><{element}>{name}</{element.split()[0]}></device>"))


@cache
def image_files(name):
    """The files of an image, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        return {path.name: path.read_bytes() for path in make_image(Path(folder), name, size=256)}


@st.composite
def roots(draw):
    """Names of images that are whole, and what the other files say."""
    images = draw(st.sets(st.sampled_from((*SIP_IMAGES, *SCCP_IMAGES)), min_size=2))
    texts = {
        "SIPDefault.cnf": draw(config),
        f"SIP{MAC}.cnf": draw(config),
        "OS79XX.TXT": draw(os79xx),
        f"SEP{MAC}.cnf.xml": draw(load_in("loadInformation")),
        "XMLDefault.cnf.xml": draw(load_in('loadInformation7 model="IP Phone 7960"')),
        f"CTLSEP{MAC}.tlv": draw(st.sampled_from((None, None, None, ""))),
    }
    return sorted(images), {name: text.encode() for name, text in texts.items() if text is not None}


def view_of(files, texts):
    everything = {**files, **texts}
    return View(lambda name: everything.get(name.removeprefix("./")), lambda image: [file for file in image.files if file not in files])


def ends_of(fate, start):
    """As the model calls it: any of these will do."""
    if fate.end == boot.UP:
        (image,) = fate.images
        return {(STAYS if image == start else RUNS, image)}
    if fate.end == boot.SILENT:
        return {(STUCK, None)}
    return {(LOOPS, None)} | ({(STUCK, None)} if all(name in LOADERS or name.startswith("P003-") for name in fate.images) else set())


@settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    roots(),
    st.sampled_from((*SIP_IMAGES, *SIP_IMAGES, "P00308000500")),
    st.fixed_dictionaries({name: st.sampled_from(words) for name, words in HABITS.items()}),
)
def test_the_model_contains_what_a_phone_does(root, start, habits):
    images, texts = root
    files = {name: data for image in images for name, data in image_files(image).items()}
    image = parse(start)
    foreseen = Boots(view_of(files, texts)).of(Phone(MAC, image, protocol=SCCP if image.protocol == SCCP else SIP))
    fate = boot.BarePhone(mac=MAC, image=start, habits=Habits.of(habits)).run(boot.root({**files, **texts}))
    ends = {(one.end, one.image and one.image.name) for one in foreseen.outcomes}
    if (LOOPS, None) in ends and fate.end == boot.UP and fate.asked.count("OS79XX.TXT") > 1:
        return  # it remembers what OS79XX.TXT said, and rests until its power is cut
    assert ends & ends_of(fate, start), (ends, fate)
    if foreseen.sure:
        assert len(ends) == 1
