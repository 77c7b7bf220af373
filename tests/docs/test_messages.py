"""The documentation of messages names every kind, placeholder and field there is."""

from __future__ import annotations

import json
import re

from ari_app.core.endings import ending_of
from ari_app.core.event_json import call_ended
from ari_app.core.message_checks import OF_CALLS
from ari_app.core.messages import MessageKind
from ari_app.core.placeholders import PLACEHOLDERS
from ari_app.core.verdict import Reason
from tests.docs.documents import REPOSITORY
from tests.unit.notices import RINGING, facts

TEXT = (REPOSITORY / "docs" / "messages.md").read_text(encoding="utf-8")


def section(headline: str) -> str:
    """What stands under a headline."""
    return TEXT.split(f"\n## {headline}\n")[1].split("\n## ")[0]


def test_every_kind_of_message_has_its_row() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \|", section("Message types"))
    assert rows == list(MessageKind)


def test_every_placeholder_has_its_row() -> None:
    rows = re.findall(r"(?m)^\| `\{(\w+)\}` \|.*\| (yes|raised only) \|$", section("Placeholders"))
    assert dict(rows) == {name: "yes" if name in OF_CALLS else "raised only" for name in PLACEHOLDERS}


def test_the_example_of_a_webhooks_body_has_every_field_and_no_other() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", section("Webhooks"), flags=re.DOTALL)
    example = json.loads(block)
    call = facts(RINGING)
    told = json.loads(call_ended(call, ending_of(call.verdict, RINGING), number_name="Website", team="Sales"))
    assert list(example) == list(told)
    assert list(example["call"]) == list(told["call"])
    for reason in Reason:
        assert f"`{reason}`" in TEXT
