# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible.module_utils.common.json import Direction, get_module_encoder

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import with_hidden_secrets

SECRET = "Zq7token"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"secrets": {"phone_password": SECRET}}, ...),
        ({"secrets": f"phone_password={SECRET}", "settings": f"phone_password={SECRET}"}, ...),
        ({"phones": [{"mac": "x", "secrets": {"a": SECRET}, "settings": {"b": 2, "c": None, "d": True}}], "backup": True}, ...),
        ({"phones": json.dumps([{"secrets": {"a": SECRET}}])}, ...),
        ({"secrets": {"phone_password": 12345}}, {"secrets": {"phone_password": "12345"}}),
        ({"settings": {"phone_password": SECRET, "sync": 1}}, {"settings": {"phone_password": "********", "sync": 1}}),
    ],
)
def test_secrets_get_to_the_module_and_are_not_shown(given, sent):
    """As Ansible's debug output shows a module's arguments, and as it sends them."""
    arguments = with_hidden_secrets(given)
    assert SECRET not in f"{arguments}" and SECRET not in repr(arguments) and "12345" not in repr(arguments)
    encoder = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)
    assert json.loads(json.dumps(arguments, cls=encoder)) == (given if sent is ... else sent)
