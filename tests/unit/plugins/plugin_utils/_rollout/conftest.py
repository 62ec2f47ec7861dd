# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder in which the steps of a run hand on what they know."""

from __future__ import annotations

import pytest
from ansible import constants

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._rollout.handover import Handover


@pytest.fixture
def handover(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "ansible"))
    return Handover("run")
