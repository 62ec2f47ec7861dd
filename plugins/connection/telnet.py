# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: telnet
short_description: Talk to a Cisco 7940/7960 SIP phone over its telnet CLI
version_added: 0.1.0
author:
  - The voip.cisco79xx contributors (@voip-cisco79xx)
description:
  - Logs in to one phone, types one command and returns what the phone says. Made for M(ansible.builtin.raw).
  - A phone has no Python, no shell and no file transfer, so no other module works over this connection.
  - To observe or reset many phones use M(voip.cisco79xx.phone_info) and M(voip.cisco79xx.reset), which need no
    connection plugin and drive a whole fleet in one task.
  - Passwords in what a phone prints are replaced by V(********).
requirements:
  - telnetlib3 >= 4, < 6 in the controller's Python
options:
  host:
    description: Address or name of the phone.
    type: string
    default: inventory_hostname
    vars: [{name: inventory_hostname}, {name: ansible_host}, {name: ansible_telnet_host}]
  port:
    description: Its telnet port.
    type: integer
    default: 23
    vars: [{name: ansible_port}, {name: ansible_telnet_port}]
    env: [{name: ANSIBLE_CISCO79XX_PORT}]
    ini: [{section: cisco79xx_telnet, key: port}]
  password:
    description: The C(phone_password) of its configuration files. The phone asks for no user name.
    type: string
    vars: [{name: ansible_password}, {name: ansible_telnet_password}, {name: cisco79xx_password}]
    env: [{name: ANSIBLE_CISCO79XX_PASSWORD}]
    ini: [{section: cisco79xx_telnet, key: password}]
  connect_timeout:
    description: Seconds the phone may take to accept the connection.
    type: float
    default: 10
    vars: [{name: ansible_telnet_connect_timeout}]
    env: [{name: ANSIBLE_CISCO79XX_CONNECT_TIMEOUT}]
    ini: [{section: cisco79xx_telnet, key: connect_timeout}]
  login_timeout:
    description: Seconds from the connection to the prompt.
    type: float
    default: 20
    vars: [{name: ansible_telnet_login_timeout}]
    env: [{name: ANSIBLE_CISCO79XX_LOGIN_TIMEOUT}]
    ini: [{section: cisco79xx_telnet, key: login_timeout}]
  command_timeout:
    description: Seconds from a command to the end of its answer.
    type: float
    default: 20
    vars: [{name: ansible_telnet_command_timeout}]
    env: [{name: ANSIBLE_CISCO79XX_COMMAND_TIMEOUT}]
    ini: [{section: cisco79xx_telnet, key: command_timeout}]
"""

EXAMPLES = r"""
# inventory.yml
phones:
  hosts:
    SEP000E84C060A6:
      ansible_host: 192.0.2.17
  vars:
    ansible_connection: voip.cisco79xx.telnet
    cisco79xx_password: "{{ vault_phone_password }}"

# ansible phones -i inventory.yml -m ansible.builtin.raw -a 'show register'
"""

import asyncio
import re
from typing import NoReturn

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.voip.cisco79xx.plugins.plugin_utils._failures import UNKNOWN_COMMAND, WRONG_PASSWORD
from ansible_collections.voip.cisco79xx.plugins.plugin_utils._telnet import session

display = Display()

_SHELL = re.compile(r"(^|\s)\S*sh -c ")
"""How Ansible starts whatever a module or become needs; ansible.builtin.raw sends its line as it is."""
_ONLY_RAW = (
    "a phone has no file transfer, no shell, no become and no Python. "
    "Only ansible.builtin.raw works; modules for files run on the TFTP host"
)


class Connection(ConnectionBase):
    transport = "voip.cisco79xx.telnet"
    has_pipelining = False

    def _connect(self) -> Connection:
        # Each command is a session of its own: a worker process runs one task, and phones have few sessions to give.
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        if session.TELNETLIB3_ERROR:
            raise AnsibleError(session.NO_TELNETLIB3) from session.TELNETLIB3_ERROR
        host, password = self.get_option("host"), str(self.get_option("password") or "").rstrip("\r\n")
        if in_data or _SHELL.search(cmd):
            raise AnsibleError(f"cannot run {session.hide(cmd, password)[:40]!r}…: {_ONLY_RAW}")
        line = cmd.strip()
        if "\n" in line or "\r" in line:
            raise AnsibleError("a phone takes one command at a time: give each line a task of its own")
        if not password:
            raise AnsibleConnectionFailure(f"{host}: no password; set cisco79xx_password to its phone_password (vault it)")
        phone = session.Phone(host, host, self.get_option("port"), password)
        display.vvv(f"EXEC {session.hide(line, password)}", host=phone.host)
        try:
            answer = asyncio.run(self._answer(phone, line))
        except session.PhoneError as error:
            if error.kind == WRONG_PASSWORD:
                raise AnsibleAuthenticationFailure(str(error)) from None
            if error.kind == UNKNOWN_COMMAND:
                return 1, b"", str(error).encode()
            raise AnsibleConnectionFailure(str(error)) from None
        unknown = any(line.endswith((": Command not found.", ": Ambiguous.")) for line in answer.splitlines())
        return (1, b"", answer.encode()) if unknown else (0, answer.encode(), b"")

    async def _answer(self, phone: session.Phone, line: str) -> str:
        limits = session.Limits(self.get_option("connect_timeout"), self.get_option("login_timeout"), self.get_option("command_timeout"))
        async with session.session(phone, limits) as talk:
            if line == "reset":
                await talk.confirm()
                return "Phone will reset when call completes." if await talk.reset() else ""
            return await talk.command(line)

    def put_file(self, in_path: str, out_path: str) -> NoReturn:
        raise AnsibleError(f"cannot put {out_path}: {_ONLY_RAW}")

    def fetch_file(self, in_path: str, out_path: str) -> NoReturn:
        raise AnsibleError(f"cannot fetch {in_path}: {_ONLY_RAW}")

    def close(self) -> None:
        self._connected = False

    reset = close
