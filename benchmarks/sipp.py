"""SIPp at both ends: callers that come at a rate and say how long each waited for its 200, and the phone they reach."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ari_app.lab.errors import LabError

SCENARIOS = Path(__file__).with_name("scenarios")
PATIENCE_MS = 4000
"""A caller waits so long for any answer; longer is a failed call."""

_MESSAGES = "_shortmessages.log"


@dataclass(frozen=True, slots=True)
class Calls:
    """How some calls went: how many began and how many were whole, and each INVITE-to-200 time in milliseconds."""

    begun: int
    whole: int
    setup_ms: tuple[float, ...]


def call(
    folder: Path, source: tuple[str, int], target: tuple[str, int], number: str, *, rate: int, count: int
) -> Calls:
    """Place ``count`` calls at ``rate`` a second from one address to another; returns when the last is over."""
    patience = count / rate + 3 * PATIENCE_MS / 1000
    command = [
        *("sipp", "-sf", str(SCENARIOS / "caller.xml"), "-i", source[0], "-p", str(source[1])),
        *("-s", number, "-r", str(rate), "-m", str(count), "-l", str(count), "-recv_timeout", str(PATIENCE_MS)),
        *("-nostdin", "-timeout", f"{patience:.0f}s", "-trace_shortmsg"),
        *("-trace_stat", "-stf", "stat.csv", "-fd", "1", f"{target[0]}:{target[1]}"),
    ]
    for old in folder.glob(f"*{_MESSAGES}"):
        old.unlink()
    with (folder / "sipp.log").open("wb") as log:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=patience + 30, check=False
        )
    if done.returncode not in (0, 1, 97):  # all whole, some failed, -timeout reached (sipp(1), exit codes)
        raise LabError(
            f"sipp ended with {done.returncode}: {(folder / 'sipp.log').read_text(errors='replace')[-1500:]}"
        )
    last = list(csv.DictReader((folder / "stat.csv").open(), delimiter=";"))[-1]
    begun, whole = int(last["TotalCallCreated"]), int(last["SuccessfulCall(C)"])
    return Calls(begun, whole, _setup_times(folder))


def _setup_times(folder: Path) -> tuple[float, ...]:
    """Milliseconds from each call's first INVITE to its 200. SIPp's own response times tick in steps of 4 ms."""
    invited: dict[str, float] = {}
    found: list[float] = []
    for line in next(folder.glob(f"*{_MESSAGES}")).read_text(errors="replace").splitlines():
        _, _, at, _, call_id, sequence, first_line = line.split("\t")
        if first_line.startswith("INVITE "):
            invited.setdefault(call_id, float(at))
        elif first_line.startswith("SIP/2.0 200") and sequence.endswith(" INVITE") and call_id in invited:
            found.append((float(at) - invited.pop(call_id)) * 1000)
    return tuple(found)


class Phone:
    """A phone that answers whatever number of calls, until stopped."""

    def __init__(self, folder: Path, address: tuple[str, int]) -> None:
        self._log = (folder / "phone.log").open("wb")
        self._process = subprocess.Popen(
            ["sipp", "-sf", SCENARIOS / "phone.xml", "-i", address[0], "-p", str(address[1]), "-nostdin"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Hang up at once and end."""
        self._process.kill()
        self._process.wait()
        self._log.close()
