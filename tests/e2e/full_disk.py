"""A disk that is full, as far as one Asterisk can tell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ari_app.lab.asterisk import AsteriskInstance


@contextmanager
def no_room(asterisk: AsteriskInstance, size: int) -> Iterator[None]:
    """Asterisk can make no file larger than ``size`` bytes, as on a disk that is full by then."""
    limit_files(asterisk, str(size))
    try:
        yield
    finally:
        limit_files(asterisk, "unlimited")


def limit_files(asterisk: AsteriskInstance, size: str) -> None:
    """Give a running Asterisk another limit, as the user it runs as: others need a privilege for that."""
    ids = dict(line.split(":", 1) for line in Path(f"/proc/{asterisk.pid}/status").read_text().splitlines())
    user, group = (int(ids[which].split()[0]) for which in ("Uid", "Gid"))
    who: dict[str, Any] = {"user": user, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(["prlimit", f"--pid={asterisk.pid}", f"--fsize={size}:unlimited"], check=True, **who)
