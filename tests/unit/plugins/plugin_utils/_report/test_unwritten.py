# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.voip.cisco79xx.plugins.module_utils._files import write_whole
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._report.unwritten import UnwrittenError, written


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file", "it is a file; name a folder that user "),
        ("link", "it is a symbolic link to nothing (nowhere\\x1b); name a folder that user "),
        ("file/below", "Not a directory; name a folder that user "),
    ],
)
def test_a_folder_that_is_none(tmp_path, name, why):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere\x1b")
    with pytest.raises(UnwrittenError) as error:
        written(str(tmp_path / name), lambda folder: write_whole(folder / "report.json", "{}"))
    assert str(error.value).startswith(f"report_dir is {tmp_path / name}: {why}")


def test_an_empty_name():
    with pytest.raises(UnwrittenError, match=r"^report_dir is empty: name the folder for the report, or leave the option out$"):
        written("", lambda folder: None)
