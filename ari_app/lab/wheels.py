"""Fetches the wheels of the controller's image with this machine's pip, for an image builder that cannot reach PyPI.

``python -m ari_app.lab.wheels`` fills ``asterisk-docker/wheels``, from which Dockerfile.controller installs, by hash.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker

from ari_app.lab.errors import LabError
from ari_app.lab.kinds import REPOSITORY

IMAGE = "ari-app-controller-python"
DOCKERFILE = REPOSITORY / "asterisk-docker" / "Dockerfile.controller"
WHEELS = REPOSITORY / "asterisk-docker" / "wheels"
LOCK = REPOSITORY / "requirements.lock"
BUILD_LOCK = REPOSITORY / "requirements-dev.lock"
BUILD_TOOLS = ("setuptools",)
SOURCE_ONLY = ("http-ece",)
"""What PyPI has no wheel of: it comes as source, pure Python, and is built in the image with the build tools."""


def lock_for(python: str, lock: str) -> Iterator[str]:
    """The entries of ``lock`` that a CPython ``python`` (such as "3.14.7") on Linux needs, without their markers: pip
    would judge those by the Python that it runs on."""
    where = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock):
        requirement, _, marker = entry.partition("\n")[0].rstrip(" \\").partition(" ; ")
        hashes = re.findall(r"--hash=\S+", entry)
        if hashes and (not marker or Marker(marker).evaluate(where)):
            yield " ".join([requirement, *hashes])


def named(names: tuple[str, ...], entries: Iterator[str]) -> Iterator[str]:
    """Those entries that pin one of ``names``."""
    return (entry for entry in entries if entry.partition("==")[0] in names)


def image_python() -> str:
    """The version of Python in the image, whose first stage is built for that. Raises LabError."""
    _run("docker", "build", "--network", "host", "--quiet", "--target", "python",
         "--file", str(DOCKERFILE), "--tag", IMAGE, str(REPOSITORY))  # fmt: skip
    ask = "import platform; print(platform.python_version())"
    return _run("docker", "run", "--rm", "--network", "none", IMAGE, "python3", "-c", ask).strip()


def fetch(python: str, folder: Path = WHEELS) -> None:
    """Fill ``folder`` with the wheels of both locks that the image needs. Raises LabError."""
    entries = [*lock_for(python, LOCK.read_text()), *named(BUILD_TOOLS, lock_for(python, BUILD_LOCK.read_text()))]
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as wanted:
        wanted.write("\n".join(entries) + "\n")
        wanted.flush()
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--require-hashes", "--only-binary=:all:", "--no-binary", ",".join(SOURCE_ONLY),
             "--python-version", python, "--dest", str(folder), "--requirement", wanted.name)  # fmt: skip


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, text=True, capture_output=True).stdout
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as failed:
        raise LabError(f"`{' '.join(command[:3])} ...` failed:\n{failed.stderr.strip()[-2000:]}") from None


def main() -> None:
    """The command: exit 1 with a message when the wheels could not be had."""
    try:
        python = image_python()
        fetch(python)
    except LabError as error:
        sys.exit(f"wheels: {error}")
    print(f"{len(list(WHEELS.glob('*.whl')))} wheels for Python {python} in {WHEELS}")


if __name__ == "__main__":
    main()
