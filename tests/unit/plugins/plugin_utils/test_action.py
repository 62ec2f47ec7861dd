# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.json import Direction, get_module_encoder

from ansible_collections.voip.cisco79xx.plugins.module_utils._text import MASK
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._action import with_hidden_secrets

SECRET = "Zq7token"


PASSWORD = {"phone_password": SECRET}
MASKED = {"phone_password": MASK}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"secrets": PASSWORD, "settings": None, "backup": True, "tftp_root": "/srv/tftp"}, ...),
        ({"phones": [{"mac": "x", "secrets": {"a": SECRET}, "settings": {"b": 2, "c": None, "d": True}}]}, ...),
        ({"secrets": {"phone_password": 12345, "b": True}}, {"secrets": {"phone_password": "12345", "b": True}}),
        ({"settings": {**PASSWORD, "sync": 1}}, {"settings": {**MASKED, "sync": 1}}),
        # As text, of which Ansible makes a mapping
        ({"settings": f"phone_password={SECRET} sync=1"}, {"settings": {**MASKED, "sync": "1"}}),
        ({"settings": f"sync=1, LINE1_PASSWORD='{SECRET} x'"}, {"settings": {"sync": "1", "LINE1_PASSWORD": MASK}}),
        ({"settings": json.dumps(PASSWORD)}, {"settings": MASKED}),
        ({"settings": repr(PASSWORD)}, {"settings": MASKED}),
        ({"secrets": f"phone_password={SECRET}"}, {"secrets": PASSWORD}),
        ({"phones": f"mac=x secrets=phone_password={SECRET}"}, {"phones": [{"mac": "x", "secrets": PASSWORD}]}),
        ({"phones": [json.dumps({"mac": "x", "settings": PASSWORD})]}, {"phones": [{"mac": "x", "settings": MASKED}]}),
        # In the wrong place, or of a type that no file can hold
        ({"phone_password": SECRET, "phones": [PASSWORD]}, {**MASKED, "phones": [MASKED]}),
        (
            {"settings": {"phone_password": {"a": SECRET}, "my_secret": [SECRET], "encrypt_key": 1.5}},
            {"settings": dict.fromkeys(("phone_password", "my_secret", "encrypt_key"), MASK)},
        ),
        ({"settings": {"a": PASSWORD, "b": [PASSWORD]}}, {"settings": {"a": None, "b": None}}),
        ({"secrets": {"a": {"b": SECRET}, "b": [SECRET], "c": 12345.5}}, {"secrets": {"a": None, "b": None, "c": None}}),
    ],
)
def test_secrets_get_to_the_module_and_are_not_shown(given, sent):
    """As Ansible's debug output shows a module's arguments, and as it sends them."""
    arguments = with_hidden_secrets(given)
    assert SECRET not in f"{arguments}" and SECRET not in repr(arguments) and "12345" not in repr(arguments)
    encoder = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)
    assert json.loads(json.dumps(arguments, cls=encoder)) == (given if sent is ... else sent)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"settings": SECRET}, "settings has to be a mapping"),
        ({"secrets": f'{{"phone_password": "{SECRET}"'}, "secrets has to be a mapping"),
        ({"secrets": f"phone_password={SECRET}, x"}, "secrets has to be a mapping"),
        ({"secrets": [SECRET]}, "secrets has to be a mapping"),
        ({"secrets": 12345}, "secrets has to be a mapping"),
        ({"settings": '{"a":' * 100_000}, "settings has to be a mapping"),
        ({"options\n": PASSWORD}, "options takes no list and no mapping"),
        ({"phones": [{"phones": [PASSWORD]}]}, "phones[0].phones takes no list and no mapping"),
        ({"phones": {"mac": SECRET}}, "phones has to be a list, with a mapping for each phone"),
        ({"phones": SECRET}, "phones[0] has to be a mapping"),
        ({"phones": json.dumps([{"secrets": PASSWORD}, {}])}, "phones[0] has to be a mapping"),
        ({"phones": [{}, {"secrets": SECRET}]}, "phones[1].secrets has to be a mapping"),
    ],
)
def test_what_is_no_mapping_is_refused_and_not_shown(given, sentence):
    with pytest.raises(AnsibleActionFail) as caught:
        with_hidden_secrets(given)
    assert str(caught.value) == sentence
