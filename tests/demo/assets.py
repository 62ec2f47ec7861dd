# Copyright (c) 2026, the voip.cisco79xx contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README shows of a run: its last ten lines, and a picture of its report. `tests/run demo -- --assets` makes both.

A picture differs by a pixel from machine to machine, and the length of a run from time to time. So what is compared is the text without its
times, and a digest of the page without its numbers, which the picture carries.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

from .fleet import downgrade, fleet

README, PICTURE = Path("README.md"), Path("docs/images/report.png")
LINES = 10
SIZE = (1000, 760)
_BLOCK = re.compile(r"(?<=<!-- made by: tests/run demo -- --assets -->\n\n```text\n).*?(?=```)", re.DOTALL)
_OF_ANSIBLE = ("PLAY [", "TASK [", "RUNNING HANDLER", "ok: ", "changed: ", "skipping: ", "included: ", "fatal: ", "...ignoring")
_PNG = b"\x89PNG\r\n\x1a\n"
_DIGEST = b"page"
"""The keyword of the text chunk in the picture: https://www.w3.org/TR/png-3/#11tEXt."""


def rollout() -> tuple[list[str], str]:
    """Move the fleet: the last lines in the terminal, but for Ansible's own, and the page. Nothing of this machine is in them."""
    with tempfile.TemporaryDirectory(prefix="cisco79xx-demo-") as folder, fleet(Path(folder)) as site:
        # A line that tells how far it is comes or does not, as the machine is quick or slow.
        status, output = site.run(downgrade("-e", "progress=false"), 110, environment={"TZ": "UTC"})
        if status:
            raise RuntimeError(output)
        page = (site.folder / "cisco79xx-report/report.html").read_text(encoding="utf-8")
        output, page = (text.replace(str(site.root), "/srv/tftp").replace(f"{folder}/", "") for text in (output, page))
    told = output.partition("\nPLAY RECAP")[0].splitlines()
    lines = [line.rstrip() for line in told if line.strip() and not line.startswith(_OF_ANSIBLE)][-LINES:]
    for text in "\n".join(lines), page:
        if folder in text or re.search(rf"\b{re.escape(socket.gethostname())}\b", text):
            raise RuntimeError("README would name this machine or a folder of it")
    return lines, page


def without_times(text: str) -> str:
    """The text with all that differs between two such runs made alike: ids, times, and how long something took."""
    text = re.sub(r"\d{8}T\d{6}(-\d+)?", "RUN", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "DATE", text)
    text = re.sub(r"\b\d?\d:\d\d(:\d\d)?\b", "TIME", text)
    text = re.sub(r"\b(?:\d+ min )?\d+(?:\.\d+)? s\b|\b\d+ min\b", "TIME", text)
    return re.sub(r"[ \t]+", " ", text)


def digest(page: str) -> str:
    """Of the page's words, tags, style and script; of a drawing, what kinds of things are in it."""

    def kinds(drawing: re.Match[str]) -> str:
        return " ".join(sorted(set(re.findall(r"<\w+(?: class=\"?[\w -]+)?", drawing[0]))))

    def parts(text: str) -> str:
        return re.sub(r"\d+(?:\.\d+)?", "0", without_times(re.sub(r"<svg.*?</svg>", kinds, text, flags=re.DOTALL)))

    cut = re.split(r"(<style.*?</style>|<script.*?</script>)", page, flags=re.DOTALL)
    return hashlib.sha256("".join(parts(text) if number % 2 == 0 else text for number, text in enumerate(cut)).encode()).hexdigest()


def shown_lines(readme: str) -> str:
    """What README shows of a run. Raises ValueError if it has no place for it."""
    found = _BLOCK.search(readme)
    if not found:
        raise ValueError("README.md has no block of text that --assets makes")
    return found[0]


def picture_digest(picture: bytes) -> str | None:
    """The digest that the picture carries."""
    place = len(_PNG)
    while place < len(picture):
        size, kind = struct.unpack(">I4s", picture[place : place + 8])
        data = picture[place + 8 : place + 8 + size]
        if kind == b"tEXt" and data.startswith(_DIGEST + b"\0"):
            return data[len(_DIGEST) + 1 :].decode("ascii")
        place += 12 + size
    return None


def with_digest(picture: bytes, text: str) -> bytes:
    """The picture with this digest, behind its first chunk."""
    body = b"tEXt" + _DIGEST + b"\0" + text.encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    first = len(_PNG) + 12 + struct.unpack(">I", picture[len(_PNG) : len(_PNG) + 4])[0]
    return picture[:first] + chunk + picture[first:]


def photograph(page: str) -> bytes:
    """What a browser that reaches nothing shows of the page. Raises RuntimeError if there is none."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        raise RuntimeError("needs a browser: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="cisco79xx-picture-") as name:
        folder = Path(name)
        (folder / "page.html").write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"]
        command += [f"--user-data-dir={folder / 'profile'}", "--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND"]
        command += [f"--window-size={SIZE[0]},{SIZE[1]}", f"--screenshot={folder / 'page.png'}", (folder / "page.html").as_uri()]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return (folder / "page.png").read_bytes()


def make(checkout: Path) -> None:
    """Renew both in this checkout."""
    lines, page = rollout()
    readme = checkout / README
    text = readme.read_text(encoding="utf-8")
    shown_lines(text)
    readme.write_text(_BLOCK.sub(lambda _old: "\n".join(lines) + "\n", text, count=1), encoding="utf-8")
    picture = checkout / PICTURE
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(with_digest(photograph(page), digest(page)))
