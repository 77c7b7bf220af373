"""What came of a run: a table for people, JSON for scripts, and the part of docs/chaos.md that is measured."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator

from tests.chaos.audit import Rule
from tests.chaos.faults import How, Part
from tests.chaos.run import Outcome

DETAILED = 5
"""So many calls with a finding are told whole, of each rule."""
_CALLS = (
    ("placed", "calls placed"),
    ("never taken", "of them never heard by Asterisk"),
    ("taken", "taken by Asterisk"),
    ("journalled", "with one row in the journal"),
    ("unheard of: Asterisk died with it", "without: known to Asterisk alone, which was killed"),
    ("answered", "answered"),
    ("message_left", "left a message"),
    ("lost", "lost"),
    ("live when Asterisk died", "live when Asterisk was killed"),
    ("recovered", "taken up again by a controller"),
    ("served without a controller", "served without a controller"),
    ("talked while nobody heard, not answered", "talked while no controller heard Asterisk, and journalled as lost"),
    ("nothing broke beside", "beside which nothing broke that could change their end"),
    ("ended as planned", "ended as their scheme says"),
    ("messages kept", "voicemail messages"),
    ("empty recordings left", "empty files of recordings left in Asterisk"),
    ("apologies due", "apologies due"),
    ("apologies sent", "apologies sent"),
)


def table(outcome: Outcome) -> str:
    """Markdown: what broke, what became of the calls, and which rules hold."""
    return "\n".join([*_strikes(outcome), "", *_calls(outcome), "", *_rules(outcome)])


def _strikes(outcome: Outcome) -> Iterator[str]:
    yield "| what broke | killed, cut | frozen | away at most, s |"
    yield "|---|---:|---:|---:|"
    for part in Part:
        its = [one for one in outcome.outages if one.part is part]
        counts = Counter(one.how for one in its)
        longest = max((one.ended - one.began for one in its), default=0.0)
        if its:
            yield f"| {part} | {counts[How.KILLED]} | {counts[How.FROZEN]} | {longest:.1f} |"
    counts = Counter(one.how for one in outcome.outages)
    yield f"| all | {counts[How.KILLED]} | {counts[How.FROZEN]} | |"


def _calls(outcome: Outcome) -> Iterator[str]:
    yield "| calls | |"
    yield "|---|---:|"
    for key, name in _CALLS:
        yield f"| {name} | {outcome.figures.get(key, 0)} |"
    lost = f"{max(outcome.voice_lost):.1f} s, of {len(outcome.voice_lost)}" if outcome.voice_lost else "none was cut"
    yield f"| voice lost of a message cut by Asterisk's death, at most | {lost} |"
    settled = "NOT in 30 s" if outcome.settled is None else f"{outcome.settled:.1f} s"
    yield f"| nothing left of any call after the last one | {settled} |"
    for part, count in outcome.restarts.items():
        yield f"| {part} ended by itself and was started again | {count} |"


def _rules(outcome: Outcome) -> Iterator[str]:
    counts = Counter(finding.rule for finding in outcome.findings)
    yield "| rule | broken |"
    yield "|---|---:|"
    for rule in Rule:
        yield f"| {rule} | {counts[rule] or 'never'} |"


def failures(outcome: Outcome) -> str:
    """Every finding, and some of the calls concerned in all detail."""
    told = Counter[Rule]()
    lines = []
    for finding in outcome.findings:
        lines.append(f"BROKEN: {finding.rule}: {finding.number} {finding.what}")
        told[finding.rule] += 1
        if finding.number and told[finding.rule] <= DETAILED:
            lines += [outcome.details[finding.number], ""]
    return "\n".join(lines)


def repeat(outcome: Outcome) -> str:
    """The command that does the same again."""
    plan = outcome.plan
    only = "" if set(plan.only) == set(Part) else f" only={','.join(plan.only)}"
    sqlite = " database=sqlite" if plan.sqlite else ""
    return f"make chaos seed={plan.seed} kills={plan.kills} rate={plan.rate:g} gap={plan.gap:g}{only}{sqlite}"


def as_json(outcome: Outcome) -> str:
    """All of it."""
    return json.dumps({**dataclasses.asdict(outcome), "repeat": repeat(outcome)}, indent=1, default=str)
