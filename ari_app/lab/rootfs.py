"""Makes a root file system with Asterisk in it from Debian's packages, for machines without a Docker engine."""

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

from ari_app.lab.errors import LabError
from ari_app.lab.tools import MMDEBSTRAP, Say, require

SUITE = "forky"
"""The oldest Debian suite that carries Asterisk 22 (LTS); bookworm and trixie carry none."""
STAGES = ("I: running apt-get", "I: downloading", "I: extracting", "I: installing")
"""How the lines of mmdebstrap begin that tell a waiting person how far it is."""


def make_root(root: Path, say: Say) -> None:
    """Make `root` unless it is there; built aside and renamed, so that half a build is never taken for a whole."""
    if _is_whole(root):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_whole(root):  # another session made it meanwhile
            return
        require([MMDEBSTRAP], say)
        say(f"Making a root file system with Asterisk in {root} (about 370 MB, 20 to 60 s, once)")
        aside = root.with_name(root.name + ".building")
        _remove(aside)
        _run_showing_progress(mmdebstrap_command(aside), say)
        aside.rename(root)


def _is_whole(root: Path) -> bool:
    return (root / "usr/sbin/asterisk").exists()


def mmdebstrap_command(target: Path) -> list[str]:
    """The command that makes the root file system; its hook adds what a bind mount needs to exist."""
    # What root's mmdebstrap starts and mounts vanishes with it, also when it is killed half way.
    confined = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"] if os.geteuid() == 0 else []
    return [
        *confined,
        "mmdebstrap",
        "--variant=minbase",
        # A mirror's Release file may be past its date.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        "--include=asterisk",
        '--customize-hook=mkdir -p "$1/srv/ari-app"; touch "$1/etc/hosts"',
        SUITE,
        str(target),
    ]


def _run_showing_progress(command: list[str], say: Say) -> None:
    lines: list[str] = []
    # A process group of its own: Ctrl-C reaches this process alone, which ends all of it.
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    ) as process:
        try:
            for line in process.stdout or ():
                lines = [*lines[-15:], line.rstrip()]
                if line.startswith(STAGES):
                    say("  " + line[3:].rstrip())
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise LabError("mmdebstrap failed:\n  " + "\n  ".join(lines))


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)
