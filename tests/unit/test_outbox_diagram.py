"""The states drawn in the documentation are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

from ari_app.core.delivery import ASK_AFTER_SECONDS, BACKOFF_SECONDS, TRANSITIONS, State

MESSAGES = (Path(__file__).parent.parent.parent / "docs" / "messages.md").read_text(encoding="utf-8")


def test_the_diagram_has_every_step_and_no_other() -> None:
    (diagram,) = re.findall(r"stateDiagram-v2\n(.*?)```", MESSAGES, re.DOTALL)
    drawn = {
        (before, after.rstrip(":")) for before, after in re.findall(r"^ +(\S+) --> ([^\s:]+)", diagram, re.MULTILINE)
    }
    steps = {(before.value, after.value) for before, allowed in TRANSITIONS.items() for after in allowed}
    ends = {(state.value, "[*]") for state in State if not TRANSITIONS[state]}
    assert drawn == steps | ends | {("[*]", "queued")}


def test_the_waits_that_are_told_are_the_present_ones() -> None:
    assert BACKOFF_SECONDS == (10, 30, 120, 300, 900, 1800)
    assert "after 10 s, 30 s, 2, 5, 15, then every 30 minutes" in MESSAGES
    assert ASK_AFTER_SECONDS == (30, 120, 600, 3600, 10800, 43200, 86400, 172800, 259200)
    assert "after 30 s, 2, 10 minutes, 1, 3, 12, 24, 48 and 72 hours" in MESSAGES
