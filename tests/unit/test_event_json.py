"""What webhooks are told, as JSON that only grows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from ari_app.core.endings import ending_of
from ari_app.core.event_json import call_ended, message_changed
from tests.unit.notices import NOON, RINGING, VOICEMAIL, at_night, facts

KYIV = timezone(timedelta(hours=2))


@pytest.mark.promise("FLD-14")
def test_moments_are_utc_and_the_json_is_compact() -> None:
    at = datetime(2026, 3, 2, 11, 0, 0, 250_000, tzinfo=KYIV)
    text = message_changed(at, {"id": 7, "state": "sent", "due_at": at, "reason": "", "price": None, "text": "Ж"})
    assert text == (
        '{"schema":1,"event":"message.changed","at":"2026-03-02T09:00:00.250Z","message":'
        '{"id":7,"state":"sent","due_at":"2026-03-02T09:00:00.250Z","reason":"","price":null,"text":"Ж"}}'
    )


@pytest.mark.promise("FLD-14")
def test_a_call_without_a_number_and_out_of_hours() -> None:
    call = facts(at_night(VOICEMAIL), caller=None, caller_raw="", ended_ms=12_345)
    event = json.loads(call_ended(call, ending_of(call.verdict, call.timeline), number_name="the site", team="Sales"))
    assert event["at"] == "2026-03-02T09:00:12.345Z"
    assert event["call"]["caller"] is None
    assert event["call"]["seconds"] == 12.3
    assert (event["call"]["out_of_hours"], event["call"]["voicemail"]) == (True, "k3jd9.wav")
    short = facts(RINGING, caller=None, caller_raw="112", at=NOON)
    event = json.loads(call_ended(short, ending_of(short.verdict, RINGING), number_name="", team=""))
    assert event["call"]["caller"] == "112"
