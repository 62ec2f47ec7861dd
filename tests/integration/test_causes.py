# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A phone that cannot come back is named with its cause while its wave still waits for it."""

from __future__ import annotations

import json
import shutil
import threading
import time

import pytest

SENDS = (0, 1, 5, 9)
"""Seconds of a phone's tries from one port; then it takes the next one."""


@pytest.mark.once
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("file", "server"), [("CTLSEP{mac}.tlv", "tftp1"), ("OS79XX.TXT", "tftp1"), ("CTLSEP{mac}.tlv", "tftp2")])
def test_the_log_tells_why_a_phone_does_not_come_back(site, tmp_path, file, server):
    """Every site's log is asked, not the first one's only."""
    log = tmp_path / "syslog"
    log.touch()
    lost_one = {"image": "P0S3-08-2-00", "faults": ["never_returns"], "inventory": {"cisco79xx_tftp_server": server}}
    here = site([lost_one, {"image": "P0S3-08-2-00"}])
    if server == "tftp2":
        shutil.copytree(here.root, tmp_path / "second root")
        here.write_inventory(second_root=str(tmp_path / "second root"))
    inventory = json.loads(here.inventory.read_text())
    inventory["tftp_servers"]["hosts"][server]["cisco79xx_tftp_log"] = str(log)
    here.inventory.write_text(json.dumps(inventory))
    lost = here.phones[0]

    def write() -> None:
        """What in.tftpd -v writes as long as its answers do not arrive."""
        while not here.simulator.events(lost["name"], "reset"):
            time.sleep(0.2)
        began = time.monotonic()
        for port in range(8):
            for after in SENDS:
                pause = began + port * 13 + after - time.monotonic()
                if done.wait(max(0.0, pause)):
                    return
                stamp = time.strftime("%b %e %H:%M:%S")
                with log.open("a") as lines:
                    lines.write(f"{stamp} pbx in.tftpd[{4000 + port}]: RRQ from {lost['address']} filename {file.format(**lost)}\n")
                    if "{mac}" in file:
                        lines.write(f"{stamp} pbx in.tftpd[{4000 + port}]: sending NAK (1, File not found) to {lost['address']}\n")

    done = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        began = time.monotonic()
        options = ("-e", "wait_timeout=300", "-e", '{"waves": ["100%"]}', "-e", "accept_others=true")
        run = here.play("downgrade", *options, seconds=200)
    finally:
        done.set()
        writer.join()
    phone = run.report["phones"][lost["name"]]
    assert time.monotonic() - began < 120
    assert run.statuses() == {"phone0": "failed", "phone1": "done"}, run.output
    assert phone["kind"] == "data_never_arrives", phone
    assert "firewall" in phone["advice"]
    assert "phone0 failed: does not come back, by the TFTP server's log" in run.output
