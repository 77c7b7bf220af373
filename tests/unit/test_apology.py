"""Who is sent an apology, by which rule, when, and why others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ari_app.core.explain import sentence
from ari_app.core.message_book import MessageBook
from ari_app.core.messages import MessageKind
from ari_app.core.notices import Deployment
from ari_app.core.recipients import TextPolicy
from ari_app.core.timeline import Entry, Kind
from ari_app.core.window import SendingWindow
from tests.unit.notices import (
    ANSWERED,
    BOOK,
    CALLER,
    CIRCLING,
    DEPLOYMENT,
    LOST,
    NIGHT,
    NO_RULES,
    NOON,
    RINGING,
    RULE,
    SALES,
    UNLISTED,
    VOICEMAIL,
    at_night,
    decide,
    facts,
    only,
    texts_to_client,
    why_no_apology,
    with_rules,
    with_team,
)


@pytest.mark.promise("UIS-01")
@pytest.mark.parametrize("timeline", LOST)
def test_every_way_of_losing_a_call_brings_an_apology(timeline: Sequence[Entry]) -> None:
    (apology,) = only(decide(timeline), MessageKind.APOLOGY)
    assert (apology.recipient, apology.client) == (CALLER, CALLER)
    assert apology.text == f"Sorry, {CALLER}, we missed you on {SALES} at 12:00."
    assert (apology.rule, apology.rule_id, apology.team) == ("Sorry", 7, "Sales")
    assert apology.call_id == "20260302-090000-abc"
    assert (apology.once_in_hours, apology.withdraw_if_reached, apology.parts) == (24, True, 1)
    assert apology.due_at == NOON + timedelta(milliseconds=1000 * len(timeline), seconds=60)
    assert apology.expires_at == apology.due_at + timedelta(hours=24)


@pytest.mark.promise("UIS-02")
@pytest.mark.parametrize(("timeline", "why"), [(ANSWERED, "answered"), (VOICEMAIL, "message_left"), (CIRCLING, "loop")])
def test_a_call_that_was_not_lost_brings_none(timeline: Sequence[Entry], why: str) -> None:
    decided = decide(timeline)
    assert only(decided, MessageKind.APOLOGY) == []
    assert why_no_apology(decided) == [why]


@pytest.mark.promise("UIS-02")
@pytest.mark.parametrize("timeline", LOST)
def test_an_outbound_call_brings_nothing(timeline: Sequence[Entry]) -> None:
    decided = decide(timeline, outbound=True)
    assert decided.intents == ()
    assert why_no_apology(decided) == ["outbound"]


@pytest.mark.promise("UIS-03")
@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2026-03-02 08:59:30", "2026-03-02 09:00:40"),
        ("2026-03-02 16:58:49", "2026-03-02 16:59:59"),
        # 20:00:00 and later by UTC+3 is the next morning's 09:00; the delay counts, not the call.
        ("2026-03-02 16:58:50", "2026-03-03 06:00:00"),
        ("2026-03-02 23:00:00", "2026-03-03 06:00:00"),
        ("2026-03-03 05:58:00", "2026-03-03 06:00:00"),
    ],
)
def test_it_is_due_within_the_window_alone(at: str, due: str) -> None:
    arrived = datetime.fromisoformat(at).replace(tzinfo=UTC)
    (apology,) = only(decide(RINGING, at=arrived, ended_ms=10_000), MessageKind.APOLOGY)
    assert apology.due_at == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.promise("UIS-03")
def test_the_window_is_the_deployments() -> None:
    always = replace(DEPLOYMENT, window=SendingWindow.parse("00:00-24:00", "Europe/Warsaw"))
    late = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    (apology,) = only(decide(RINGING, deployment=always, at=late, ended_ms=0), MessageKind.APOLOGY)
    assert apology.due_at == late + timedelta(seconds=60)


@pytest.mark.promise("UIS-06")
def test_a_rule_that_is_switched_off_is_passed_over_and_the_next_one_counts() -> None:
    first, second = replace(RULE, name="A", enabled=False), replace(RULE, name="B", id=8)
    decided = decide(RINGING, with_rules(first, second))
    (apology,) = only(decided, MessageKind.APOLOGY)
    assert apology.rule == "B"
    assert why_no_apology(decided) == ["rule_off"]
    assert only(decide(RINGING, with_rules(first)), MessageKind.APOLOGY) == []


def test_the_first_rule_that_has_the_number_counts() -> None:
    other = replace(RULE, name="A", id=1, numbers=frozenset((NIGHT,)))
    second, third = replace(RULE, name="B", id=2), replace(RULE, name="C", id=3)
    (apology,) = only(decide(RINGING, with_rules(other, second, third)), MessageKind.APOLOGY)
    assert apology.rule == "B"


@pytest.mark.promise("UIS-12")
def test_a_team_without_sales_tools_has_no_apologies_at_all() -> None:
    decided = decide(RINGING, with_team(sales_tools=False))
    assert only(decided, MessageKind.APOLOGY) == []
    assert why_no_apology(decided) == ["no_sales_tools"]
    assert [text.kind for text in texts_to_client(decided)] == [MessageKind.HUNG_UP], "the team's own types go on"


@pytest.mark.promise("UIS-12")
def test_a_rule_of_a_team_without_sales_tools_is_passed_over() -> None:
    teams = {**BOOK.teams, "Poor": replace(BOOK.teams["Sales"], name="Poor", sales_tools=False)}
    poor, rich = replace(RULE, name="A", team="Poor"), replace(RULE, name="B", team="Sales")
    decided = decide(RINGING, MessageBook((poor, rich), teams, BOOK.numbers))
    (apology,) = only(decided, MessageKind.APOLOGY)
    assert apology.rule == "B"


def test_a_number_that_no_rule_has_is_told() -> None:
    assert why_no_apology(decide(RINGING, NO_RULES)) == ["no_rule"]
    assert why_no_apology(decide(RINGING, dialled=None)) == ["no_rule"]
    assert why_no_apology(decide(RINGING, MessageBook(loaded=False))) == ["not_loaded"]


def test_a_rule_may_have_a_number_that_is_not_listed() -> None:
    (apology,) = only(decide(RINGING, dialled=UNLISTED), MessageKind.APOLOGY)
    assert apology.team is None


@pytest.mark.promise("FLD-12")
@pytest.mark.parametrize(
    ("caller", "raw", "why"),
    [
        (None, "", "anonymous"),
        (None, "112", "is a short number"),
        ("+74957654321", "+74957654321", "is a landline"),
        (NIGHT, NIGHT, "is a number of the company's own"),
        ("+79000000000000", "+79000000000000", "is not an E.164 number"),
        ("+19005550100", "+19005550100", "premium-rate"),
    ],
)
def test_nobody_is_texted_who_must_not_be(caller: str | None, raw: str, why: str) -> None:
    decided = decide(RINGING, caller=caller, caller_raw=raw)
    assert texts_to_client(decided) == []
    (told,) = why_no_apology(decided)
    assert why in str(told)
    assert caller is None or caller not in str(told), "numbers are masked"


@pytest.mark.promise("FLD-12")
def test_landlines_are_texted_where_the_deployment_says_so() -> None:
    deployment = Deployment(text_policy=TextPolicy(allow_landline=True))
    assert only(decide(RINGING, deployment=deployment, caller="+74957654321"), MessageKind.APOLOGY)


def test_the_same_call_asks_for_the_same_message_however_often() -> None:
    first, again = decide(RINGING), decide(RINGING)
    assert [intent.key for intent in first.intents] == [intent.key for intent in again.intents]
    other = decide(RINGING, call_id="20260302-090000-def")
    assert not {intent.key for intent in first.intents} & {intent.key for intent in other.intents}
    assert all(CALLER not in intent.key for intent in first.intents), "keys outlive the erasure of a client's data"


@pytest.mark.promise("OUR-01")
def test_the_reasons_read_as_sentences() -> None:
    def read(decided_for: Sequence[Entry], book: MessageBook = BOOK) -> list[str]:
        return [sentence(Entry(0, note.kind, note.details)) for note in decide(decided_for, book).notes]

    due = "2026-03-02T12:01:05+03:00"
    assert f"an apology by rule 'Sorry' (SMS to the client) is due at {due}: the caller hung up while it rang" in read(
        RINGING
    )
    assert "no apology (SMS to the client): the call was answered" in read(ANSWERED)
    assert f"no apology (SMS to the client): no rule has {SALES}" in read(RINGING, NO_RULES)
    off = with_rules(replace(RULE, enabled=False))
    assert "no apology by rule 'Sorry' (SMS to the client): the rule is switched off" in read(RINGING, off)
    poor = with_team(sales_tools=False)
    assert "no apology by rule 'Sorry' (SMS to the client): team 'Sales' has no sales tools" in read(RINGING, poor)


def test_a_text_that_cannot_be_sent_is_told_and_breaks_nothing() -> None:
    decided = decide(RINGING, with_rules(replace(RULE, text="{name}")))
    assert only(decided, MessageKind.APOLOGY) == []
    assert "the text is empty" in str(why_no_apology(decided)[0])


def test_out_of_hours_or_not_an_apology_is_an_apology() -> None:
    (apology,) = only(decide(at_night(RINGING)), MessageKind.APOLOGY)
    assert apology.rule == "Sorry"
    (note,) = [n for n in decide(at_night(RINGING)).notes if n.kind is Kind.MESSAGE_QUEUED and n.details.get("rule")]
    assert note.details["why"] == "lost_out_of_hours"


def test_the_placeholders_time_is_that_of_the_numbers_zone() -> None:
    numbers = {SALES: replace(BOOK.numbers[SALES], zone=ZoneInfo("Europe/Warsaw"))}
    (apology,) = only(decide(RINGING, replace(BOOK, numbers=numbers)), MessageKind.APOLOGY)
    assert "at 10:00." in apology.text
    assert facts(RINGING).at == NOON
