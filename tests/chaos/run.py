"""One run: the crowd calls, parts break and are mended, all comes to rest, and then everything is accounted for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.chaos import ledger
from tests.chaos.audit import Audit, Finding, Outage, Rule
from tests.chaos.crowd import Crowd
from tests.chaos.faults import BRIEF, Part, Strike, plan
from tests.chaos.parts import Breakable
from tests.chaos.town import Town, town
from tests.e2e.sipp import ticks

SETTLE_SECONDS = 30.0
"""After the last call and the last mending nothing may be left of any call."""
OUTBOX_SECONDS = 150.0
"""A message that a dead sender had in hand is taken for abandoned after 90 s."""
HURRIED_SECONDS = 5.0
TAIL_SECONDS = 5.0
EMPTY_OCTETS = 44
"""A wav's header and nothing behind it."""


@dataclass(frozen=True)
class Plan:
    """``rate``: calls a second; ``gap``: seconds between two strikes on average. ``hurried``: messages that a dead
    sender had in hand are not waited for."""

    seed: int
    kills: int
    rate: float = 5.0
    gap: float = 1.5
    only: Collection[Part] = tuple(Part)
    sqlite: bool = False
    hurried: bool = False

    def strikes(self) -> tuple[Strike, ...]:
        """What will break."""
        return plan(self.seed, self.kills, self.gap, self.only)


@dataclass
class Outcome:
    """What came of a run. ``settled``: seconds until nothing was left of any call; ``details``: of calls with a
    finding, all that is known."""

    plan: Plan
    seconds: float
    outages: Sequence[Outage]
    figures: Mapping[str, int]
    voice_lost: Sequence[float]
    settled: float | None
    restarts: Mapping[str, int]
    findings: Sequence[Finding] = ()
    details: Mapping[str, str] = field(default_factory=dict)


class Breaker(threading.Thread):
    """Breaks one part and mends it, again and again."""

    def __init__(self, part: Part, thing: Breakable, strikes: Sequence[Strike], began: float) -> None:
        super().__init__(name=f"breaker of {part}", daemon=True)
        self._part, self._thing, self._strikes, self._began = part, thing, strikes, began
        self._over = threading.Event()
        self.outages: list[Outage] = []
        self.trouble: Exception | None = None

    def run(self) -> None:
        rested_at = 0.0
        try:
            for strike in self._strikes:
                if self._over.wait(max(0.0, max(self._began + strike.at, rested_at) - time.monotonic())):
                    return
                began = time.time()
                self._thing.strike(strike.how, strike.seconds)
                self._over.wait(strike.seconds)
                self._thing.mend()
                rested_at = time.monotonic() + BRIEF
                self.outages.append(Outage(self._part, strike.how, began, time.time()))
        except Exception as error:  # noqa: BLE001 - told in the report, whatever it is
            self.trouble = error

    def stop(self) -> None:
        """Mend what is broken, and break nothing more."""
        self._over.set()
        self.join(60)


def run(plan: Plan, folder: Path, tell: Callable[[str], None]) -> Outcome:
    """Carry out the plan in a folder of its own."""
    strikes = plan.strikes()
    seconds = max((strike.until for strike in strikes), default=0.0) + TAIL_SECONDS
    with town(folder, sqlite=plan.sqlite) as there:
        crowd = Crowd(there, folder / "crowd", plan.rate, seconds)
        breakers: list[Breaker] = []
        try:
            crowd.begin()
            began = time.monotonic()
            for part in sorted({strike.part for strike in strikes}):
                its = [strike for strike in strikes if strike.part is part]
                breakers.append(Breaker(part, there.parts[part], its, began))
                breakers[-1].start()
            _watch(breakers, strikes, began, tell)
            crowd.over()
            crowd.end()
            tell("all is mended, and the last caller has gone: waiting for rest")
            return _accounted(plan, there, crowd, breakers)
        finally:
            for breaker in breakers:
                breaker.stop()
            crowd.end()


def _watch(breakers: Sequence[Breaker], strikes: Sequence[Strike], began: float, tell: Callable[[str], None]) -> None:
    """Return when the last strike is mended; every ten seconds say how far it is."""
    while any(breaker.is_alive() for breaker in breakers):
        next(breaker for breaker in breakers if breaker.is_alive()).join(10)
        done = sum(len(breaker.outages) for breaker in breakers)
        tell(f"{time.monotonic() - began:5.0f} s: {done} of {len(strikes)} strikes")


def _accounted(plan: Plan, there: Town, crowd: Crowd, breakers: Sequence[Breaker]) -> Outcome:
    left, settled = _at_rest(there)
    for _ in ticks(HURRIED_SECONDS if plan.hurried else OUTBOX_SECONDS):
        if not ledger.unsettled(there.house.database):
            break
    findings = [Finding(Rule.NOTHING_LEFT, left)] if settled is None else []
    findings += [Finding(Rule.SOUND, f"{one.name}: {one.trouble}") for one in breakers if one.trouble]
    findings += _stopped(there)
    names = [path.name for path in there.house.asterisk.recordings.glob("*")]
    calls = {call.number: call for call in crowd.seen_by_callers()}
    outages = sorted((one for breaker in breakers for one in breaker.outages), key=lambda outage: outage.began)
    books = ledger.read(there.house.database, there.house.messages, there.inbox, hurried=plan.hurried)
    stories = {number: caller.story for number, caller in crowd.callers.items()}
    audit = Audit(stories, calls, crowd.seen_by_phones(), books, outages, time.time())
    findings += audit.findings()
    audit.figures["empty recordings left"] = len(names) - len(_with_sound(there, names))
    restarts = Counter({part.value: program.ended_by_itself for part, program in there.programs.items()})
    details = {finding.number: audit.told(finding.number) for finding in findings if finding.number}
    return Outcome(plan, crowd.seconds, outages, audit.figures, audit.voice_lost, settled, +restarts, findings, details)


def _at_rest(there: Town) -> tuple[str, float | None]:
    """What is left of calls, and after how many seconds nothing was."""
    began, left = time.monotonic(), "unknown"
    for _ in ticks(SETTLE_SECONDS):
        try:
            found = there.house.left_in_asterisk()
        except requests.RequestException as error:
            left = f"Asterisk does not answer: {error}"
            continue
        found["recordings"] = _with_sound(there, found.get("recordings", []))
        opened = [row["id"] for row in there.house.database.open_calls()]
        left = ", ".join(
            f"{what}: {one}" for what, one in [*found.items(), ("open", opened), ("spool", there.spool)] if one
        )
        if not left:
            return "", time.monotonic() - began
        time.sleep(0.1)
    return left, None


def _with_sound(there: Town, recordings: Sequence[str]) -> list[str]:
    """Those in which there is more than a header: one that the dialplan began in Asterisk's last second has no more."""
    folder = there.house.asterisk.recordings
    return [name for name in recordings if (folder / name).exists() and (folder / name).stat().st_size > EMPTY_OCTETS]


def _stopped(there: Town) -> list[Finding]:
    """Stop every program in order; what each complained of that is its own fault."""
    found = []
    for part, program in there.programs.items():
        code = program.stop()
        if code:
            found.append(Finding(Rule.SOUND, f"{part} ended with {code} when it was told to stop"))
        lines = program.controller.lines
        at = next((number for number, line in enumerate(lines) if "Traceback" in line), None)
        if at is not None:
            found.append(Finding(Rule.SOUND, f"{part}: " + "\n".join(lines[max(0, at - 2) : at + 25])))
    return found
