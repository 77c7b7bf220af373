"""Installs the locked dependencies and this package into the running Python, progress on one line: ``make`` calls it.

Nothing but the standard library is there yet when it runs.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements-dev.lock"
PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
EVERY = 10
"""Packages between two lines of progress where a line cannot be written over."""


def package_of(line: str) -> str | None:
    """The package that a line of pip's output begins with, such as "aiohttp"; None for other lines."""
    match = re.match(r"(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)", line)
    return match[1] if match else None


class Progress:
    """Counts packages up to ``total``: on a terminal one line written over and over, else a line now and then."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0
        self._live = sys.stdout.isatty()

    def one_more(self, package: str) -> None:
        """Tell that the next package is at work."""
        self._count += 1
        told = f"  {self._count} of {self._total}: {package}"
        if self._live:
            print(f"\r{told:<60}", end="", flush=True)
        elif self._count % EVERY == 0:
            print(told, flush=True)

    def say(self, line: str) -> None:
        """Tell something else, in place of the line so far."""
        print(f"\r{line:<60}" if self._live else line, end="" if self._live else "\n", flush=True)

    def done(self) -> None:
        """Leave no half line behind."""
        if self._live:
            print(f"\r{'':<60}\r", end="", flush=True)


def install_lock() -> int:
    """Install the lock, by hash; returns pip's exit code after showing its last words."""
    total = len(re.findall(r"^[A-Za-z0-9][^\n]*==", LOCK.read_text(), re.MULTILINE))
    progress, last = Progress(total), list[str]()
    command = [*PIP, "--progress-bar", "off", "--no-deps", "--require-hashes", "--requirement", str(LOCK)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            last = [*last[-14:], line.rstrip()]
            if package := package_of(line):
                progress.one_more(package)
            elif line.startswith("Installing collected packages"):
                progress.say("  unpacking them")
    progress.done()
    if pip.returncode:
        print("\n".join(last), file=sys.stderr)
    return pip.returncode


def main() -> None:
    """The command: exit 1 when pip failed; its own last words say why."""
    began = time.monotonic()
    print(f"Installing the locked dependencies for Python {sys.version.split()[0]} (a minute, once)", flush=True)
    # setuptools is in the lock, so that building this package fetches nothing.
    ourselves = [*PIP, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(REPOSITORY)]
    if install_lock() or subprocess.run(ourselves, check=False).returncode:
        sys.exit("make: the dependencies could not be installed; pip's words are above. Run it again when mended")
    print(f"Installed in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
