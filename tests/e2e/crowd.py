"""Many callers at once, performed by one SIPp, and what became of each."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.house import CALLER, House
from tests.e2e.sipp import Message, Sipp, free_port


@dataclass(frozen=True)
class Fate:
    """One of them: the final status, after how many seconds it came, how often INVITE was sent."""

    status: int
    seconds: float
    invites: int


class Crowd:
    """``calls`` callers to one number, ``rate`` a second."""

    def __init__(self, house: House, folder: Path, number: str, calls: int, *, rate: int, talk_ms: int = 300) -> None:
        self.calls = calls
        self._sipp = Sipp(folder, "callers-many", CALLER, free_port(CALLER), calls)
        target = "{}:{}".format(*house.asterisk.sip_address)
        self._sipp.start(
            {"key": f"{folder.name}-{self._sipp.port}-{os.getpid()}", "talk_ms": talk_ms},
            "-r",
            str(rate),
            "-l",
            str(calls),
            "-s",
            number,
            target,
        )

    def over(self, seconds: float = 30) -> list[Fate]:
        """What became of each, once all are over as their scenario says."""
        try:
            code = self._sipp.wait(seconds)
        finally:
            self._sipp.stop()
        assert code == 0, f"SIPp says {code}: {self._sipp.complaint()[:3000]}"
        by_call: defaultdict[str, list[Message]] = defaultdict(list)
        for message in self._sipp.wire:
            by_call[message.header("Call-ID")].append(message)
        return [_fate(messages) for messages in by_call.values()]

    def stop(self) -> None:
        """End it, should it still run."""
        self._sipp.stop()


def _fate(messages: list[Message]) -> Fate:
    invites = [message for message in messages if message.sent and message.first_line.startswith("INVITE ")]
    final = next(m for m in messages if not m.sent and m.status >= 200 and m.method == "INVITE")
    return Fate(final.status, final.at - invites[0].at, len(invites))


def statuses(fates: list[Fate]) -> Counter[int]:
    """How many had which final status."""
    return Counter(fate.status for fate in fates)


def p95(seconds: list[float]) -> float:
    """The value that 95 % do not exceed."""
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]
