"""Installs a lock's dependencies and this package into the running Python, progress on one line: ``make`` calls it.

``python -m ari_app.lab.install requirements.lock``; nothing but the standard library is there yet when it runs.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEV_LOCK = REPOSITORY / "requirements-dev.lock"
BUILD_TOOL = "setuptools"
"""What building this package takes; pinned, with its hashes, in the lock for development."""
PIP = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps")
EVERY = 10
"""Packages between two lines of progress where a line cannot be written over."""
_PACKAGE = re.compile(
    r"(?:Collecting |Requirement already satisfied: |Processing (?:\S*/)?)([A-Za-z0-9._]+(?:-(?!\d)\w+)*)"
)


def package_of(line: str) -> str | None:
    """The package that a line of pip's output begins with, such as "aiohttp"; None for other lines."""
    match = _PACKAGE.match(line)
    return match[1] if match else None


def entries(lock: str) -> list[str]:
    """A lock's requirements, each with the hashes that follow it; without comments."""
    return re.findall(r"^[A-Za-z0-9][^\n]*==(?:[^\n]*\\\n)*[^\n]*\n", lock, re.MULTILINE)


class Progress:
    """Counts packages up to ``total``: on a terminal one line written over and over, else a line now and then."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0
        self._live = sys.stdout.isatty()

    def one_more(self, package: str) -> None:
        """Tell that the next package is at work."""
        self._count += 1
        if self._live or self._count % EVERY == 0:
            self.say(f"  {self._count} of {self._total}: {package}")

    def say(self, line: str) -> None:
        """Tell how far it is."""
        print(f"\r{line:<60}" if self._live else line, end="" if self._live else "\n", flush=True)

    def done(self) -> None:
        """Leave no half line behind."""
        if self._live:
            print(f"\r{'':<60}\r", end="", flush=True)


def install_lock(text: str) -> None:
    """Install what a lock lists, by hash. Exits with pip's last words when that fails."""
    progress, last = Progress(len(entries(text))), list[str]()
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as lock:
        lock.write(text)
        lock.flush()
        command = [*PIP, "--progress-bar", "off", "--require-hashes", "--requirement", lock.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
            for line in pip.stdout or ():
                last = [*last[-14:], line.rstrip()]
                if package := package_of(line):
                    progress.one_more(package)
                elif line.startswith("Installing collected packages"):
                    progress.say("  unpacking them")
    progress.done()
    if pip.returncode:
        sys.exit("\n".join([*last, "make: pip failed, its words are above; run make again when it is mended"]))


def install_ourselves() -> None:
    """Install this package so that an edit of its source is live. Exits with a message when that fails."""
    # The build tool comes from the lock, so that building fetches nothing unpinned.
    install_lock("".join(entry for entry in entries(DEV_LOCK.read_text()) if entry.startswith(f"{BUILD_TOOL}==")))
    if subprocess.run([*PIP, "--quiet", "--no-build-isolation", "--editable", REPOSITORY], check=False).returncode:
        sys.exit("make: this package could not be installed; pip's words are above")


def main(lock: str) -> None:
    """The command: exit 1 with a message when pip failed."""
    began = time.monotonic()
    print(f"Installing {lock} for Python {sys.version.split()[0]} (a minute, once)", flush=True)
    install_lock((REPOSITORY / lock).read_text())
    install_ourselves()
    print(f"Installed in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
