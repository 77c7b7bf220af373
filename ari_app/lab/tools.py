"""Has the programs that tests and the lab need: Debian's packages, installed where root and apt are at hand.

``python -m ari_app.lab.tools [PATH...]`` gets ready what the tests under these paths need; all tests, without a path.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ari_app.lab.errors import LabError

Say = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the Debian package that brings it, and what it is for."""

    program: str
    package: str
    purpose: str
    beside: str = ""
    """A pattern of folders under / that it may be in though PATH has none of them."""

    @property
    def there(self) -> bool:
        """Whether it can be run."""
        return bool(
            shutil.which(self.program) or (self.beside and any(Path("/").glob(f"{self.beside}/{self.program}")))
        )


MMDEBSTRAP = Tool("mmdebstrap", "mmdebstrap", "makes Asterisk's root file system")
SIPP = Tool("sipp", "sip-tester", "plays the phones and callers of the tests")
POSTGRESQL = Tool("initdb", "postgresql", "is the tests' other database", "usr/lib/postgresql/*/bin")
NEED_NO_TOOLS = ("tests/unit", "tests/lab")

NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
"""Without it Debian's postgresql makes a database server of its own and starts it."""


def why_missing(tools: Iterable[Tool]) -> str | None:
    """Which of ``tools`` are not there and cannot be installed from here, with the mend; None when there are none."""
    missing = [tool for tool in tools if not tool.there]
    if not missing or _can_install():
        return None
    told = ", ".join(f"{tool.program} ({tool.purpose})" for tool in missing)
    packages = " ".join(tool.package for tool in missing)
    if shutil.which("apt-get"):
        return f"missing: {told}. Install: sudo apt-get install -y {packages}"
    return f"missing: {told}. Install what Debian calls {packages}"


def require(tools: Sequence[Tool], say: Say) -> None:
    """Return when ``tools`` are there; as root their packages are installed. Raises LabError with the exact command."""
    if problem := why_missing(tools):
        raise LabError(problem)
    missing = [tool for tool in tools if not tool.there]
    if not missing:
        return
    packages = [tool.package for tool in missing]
    say(f"Installing {', '.join(packages)} with apt-get")
    if POSTGRESQL in missing and not NO_CLUSTER.exists():
        NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        NO_CLUSTER.write_text("create_main_cluster = false\n")
        say(f"  {NO_CLUSTER}: no database server is set up, the programs alone are wanted")
    _apt_get(["update", "--quiet"], say)
    _apt_get(["install", "--quiet", "--yes", "--no-install-recommends", *packages], say)
    if still := [tool.program for tool in missing if not tool.there]:
        raise LabError(f"{', '.join(packages)} are installed, yet there is no {', '.join(still)} in PATH")


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt_get(arguments: list[str], say: Say) -> None:
    command = ["apt-get", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    last: list[str] = []
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            last = [*last[-9:], line.rstrip()]
            if told := telling(line):
                say(f"  {told}")
    if process.returncode:
        said = "\n  ".join(last)
        raise LabError(f"`{shlex.join(command)}` failed:\n  {said}\nMend it and start again")


def telling(line: str) -> str | None:
    """What of apt-get's output a waiting person wants to know: how much there is to do, and each package done."""
    if match := re.match(r"Setting up (\S+)", line):
        return match[1].partition(":")[0]
    return line.strip() if line.startswith(("Need to get", "E:", "Err:")) else None


def needed_for(paths: Sequence[str]) -> tuple[Tool, ...]:
    """The tools of the tests under ``paths``; none given: of all tests."""
    light = [Path(path.partition("::")[0]).is_relative_to(folder) for path in paths for folder in NEED_NO_TOOLS]
    return () if paths and sum(light) == len(paths) else (SIPP, POSTGRESQL)


def main(arguments: Sequence[str]) -> None:
    """The command: exit 1 with a message when something cannot be had."""
    from ari_app.lab.asterisk import choose  # noqa: PLC0415 - it needs this module

    def say(line: str) -> None:
        print(line, flush=True)

    if tools := needed_for(arguments):
        try:
            require(tools, say)
            choose(os.environ.get("ASTERISK") or "local", say)
        except LabError as error:
            sys.exit(f"make test: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
