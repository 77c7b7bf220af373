"""What a team's own types, people, tickets and systems are told about a call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.endings import Point, ending_of
from ari_app.core.explain import sentence
from ari_app.core.message_book import Contact, MessageBook, MessageType, TeamProfile
from ari_app.core.messages import CALL_KINDS, Audience, Channel, Intent, MessageKind
from ari_app.core.notices import Decided, Deployment
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition, derive
from tests.unit.notices import (
    ALL_BUSY,
    ANSWERED,
    BOOK,
    CALLER,
    CIRCLING,
    CLOSED,
    CONNECTED,
    GREETED,
    KEPT,
    LOST,
    NIGHT,
    NO_RULES,
    NOON,
    PROMPTED,
    RINGING,
    RINGING_AFTER_GREETING,
    SAID_NOTHING,
    TEAM,
    UNCOVERED,
    VOICEMAIL,
    Happened,
    at_night,
    decide,
    facts,
    left,
    only,
    step,
    texts_to_client,
    told,
    with_team,
)


def quiet(*types: MessageType, **changes: object) -> MessageBook:
    """A book without rules, of a team with these types."""
    return replace(NO_RULES, teams={"Sales": replace(TEAM, types=types, **changes)})  # type: ignore[arg-type]


@pytest.mark.promise("POL-01", "POL-02", "POL-03", "POL-05", "POL-06")
@pytest.mark.parametrize(
    ("timeline", "kind"),
    [
        (RINGING, MessageKind.HUNG_UP),
        (GREETED, MessageKind.HUNG_UP),
        (RINGING_AFTER_GREETING, MessageKind.HUNG_UP),
        (PROMPTED, MessageKind.MISSED),
        (SAID_NOTHING, MessageKind.MISSED),
        (ALL_BUSY, MessageKind.MISSED),
        (VOICEMAIL, MessageKind.VOICEMAIL_LEFT),
        (ANSWERED, MessageKind.ANSWERED_WITH_TICKET),
    ],
)
def test_each_ending_has_a_message_of_its_own(timeline: Sequence[Entry], kind: MessageKind) -> None:
    (text,) = texts_to_client(decide(timeline, NO_RULES))
    assert (text.kind, text.recipient, text.team) == (kind, CALLER, "Sales")
    assert text.text == f"Acme: {kind} of 12:00"
    assert text.withdraw_if_reached == (kind in (MessageKind.HUNG_UP, MessageKind.MISSED))
    assert text.needs_ticket == (kind is MessageKind.ANSWERED_WITH_TICKET)


@pytest.mark.promise("POL-07")
@pytest.mark.parametrize("how", [CLOSED, UNCOVERED], ids=["the branch is closed", "no branch covers the hour"])
@pytest.mark.parametrize("timeline", [RINGING, PROMPTED, SAID_NOTHING, ALL_BUSY])
def test_a_call_lost_out_of_hours_has_the_message_of_closed_hours(timeline: Sequence[Entry], how: object) -> None:
    (text,) = texts_to_client(decide(at_night(timeline, how), NO_RULES))
    assert text.kind is MessageKind.CALL_OUT_OF_HOURS
    assert not text.withdraw_if_reached


@pytest.mark.promise("POL-07", "POL-12")
def test_with_the_message_of_closed_hours_off_the_call_is_one_like_others() -> None:
    types = tuple(replace(each, enabled=each.kind is not MessageKind.CALL_OUT_OF_HOURS) for each in TEAM.types)
    (text,) = texts_to_client(decide(at_night(RINGING), quiet(*types)))
    assert text.kind is MessageKind.HUNG_UP


def test_a_voicemail_left_out_of_hours_is_thanked_for() -> None:
    (text,) = texts_to_client(decide(at_night(VOICEMAIL), NO_RULES))
    assert text.kind is MessageKind.VOICEMAIL_LEFT
    closed_alone = [each for each in TEAM.types if each.kind is MessageKind.CALL_OUT_OF_HOURS]
    (text,) = texts_to_client(decide(at_night(VOICEMAIL), quiet(*closed_alone)))
    assert text.kind is MessageKind.CALL_OUT_OF_HOURS
    (text,) = texts_to_client(decide(at_night(ANSWERED), NO_RULES))
    assert text.kind is MessageKind.ANSWERED_WITH_TICKET, "who was answered is not told that nobody is there"


@pytest.mark.promise("POL-12")
@pytest.mark.parametrize("timeline", [RINGING, PROMPTED, VOICEMAIL, ANSWERED])
def test_each_type_has_a_switch(timeline: Sequence[Entry]) -> None:
    decided = decide(timeline, quiet(*(replace(each, enabled=False) for each in TEAM.types)))
    assert texts_to_client(decided) == []
    (why,) = [n.details["why"] for n in decided.notes if n.details["message"] in CALL_KINDS]
    assert why == "type_off"


@pytest.mark.promise("POL-11")
@pytest.mark.parametrize(
    ("company", "team", "extra", "text"),
    [
        (False, False, "", "We missed you at 12:00."),
        (True, False, "", "Acme: We missed you at 12:00."),
        (False, True, "", "Sales: We missed you at 12:00."),
        (True, True, "Ring {number}.", "Acme, Sales: We missed you at 12:00.\nRing +74950000101."),
    ],
)
def test_the_optional_parts(company: bool, team: bool, extra: str, text: str) -> None:
    kind = MessageType(MessageKind.HUNG_UP, Audience.CLIENT, Channel.SMS, "We missed you at {time}.")
    kind = replace(kind, with_company=company, with_team=team, extra=extra)
    (sent,) = texts_to_client(decide(RINGING, quiet(kind)))
    assert sent.text == text


@pytest.mark.parametrize("timeline", LOST)
def test_whom_a_rule_texts_no_type_texts_too(timeline: Sequence[Entry]) -> None:
    decided = decide(timeline)
    assert [text.kind for text in texts_to_client(decided)] == [MessageKind.APOLOGY]
    assert "apologised" in [note.details["why"] for note in decided.notes]


def test_a_types_own_delay_and_limit_go_with_it() -> None:
    kind = MessageType(MessageKind.HUNG_UP, Audience.CLIENT, Channel.SMS, "Hello", offset_minutes=15, once_in_hours=3)
    (text,) = texts_to_client(decide(RINGING, quiet(kind), ended_ms=0))
    assert (text.due_at - NOON, text.once_in_hours) == (timedelta(minutes=15), 3)
    (early,) = texts_to_client(decide(RINGING, quiet(replace(kind, offset_minutes=-15)), ended_ms=0))
    assert early.due_at == NOON


def test_clients_are_written_to_within_the_window_and_staff_at_once() -> None:
    late = NOON.replace(hour=22)
    decided = decide(VOICEMAIL, NO_RULES, at=late, ended_ms=0)
    assert {each.audience: each.due_at for each in decided.intents} == {
        Audience.CLIENT: NOON.replace(day=3, hour=6),
        Audience.STAFF: late,
        Audience.SYSTEM: late,
    }


@pytest.mark.promise("RNG-20")
def test_a_message_left_is_announced_to_the_staff_with_the_message_itself() -> None:
    notices = only(decide(VOICEMAIL), MessageKind.VOICEMAIL_NOTICE)
    assert {(each.channel, each.recipient) for each in notices} == {
        (Channel.SMS, "+79160000003"),
        (Channel.EMAIL, "sales@example.com"),
    }
    for each in notices:
        assert each.attachment == "k3jd9.wav"
        assert each.subject == f"Voicemail message: {CALLER}"
        assert each.text == f"Voicemail message. From: {CALLER}. To: +74950000101 (the site). When: 02.03.2026 12:00."


@pytest.mark.promise("RNG-20")
@pytest.mark.parametrize(
    ("language", "words"),
    [("ru", "номер скрыт"), ("uk", "номер приховано"), ("pl", "numer ukryty"), ("en", "number withheld")],
)
def test_the_notice_ships_in_four_languages_and_tells_of_withheld_numbers(language: str, words: str) -> None:
    decided = decide(VOICEMAIL, deployment=Deployment(language=language), caller=None, caller_raw="")
    for notice in only(decided, MessageKind.VOICEMAIL_NOTICE):
        assert words in notice.text
        assert notice.client is None


@pytest.mark.promise("RNG-20")
def test_the_teams_own_words_take_the_place_of_those_that_ship() -> None:
    own = MessageType(MessageKind.VOICEMAIL_NOTICE, Audience.STAFF, Channel.SMS, "Listen: {caller}")
    off = MessageType(MessageKind.VOICEMAIL_NOTICE, Audience.STAFF, Channel.EMAIL, "-", enabled=False)
    boss = MessageType(MessageKind.VOICEMAIL_NOTICE, Audience.ADMIN, Channel.EMAIL, "Boss: {caller}")
    notices = only(decide(VOICEMAIL, quiet(own, off, boss)), MessageKind.VOICEMAIL_NOTICE)
    assert [(each.recipient, each.text) for each in notices] == [
        ("+79160000003", f"Listen: {CALLER}"),
        ("admin@example.com", f"Boss: {CALLER}"),
    ]


@pytest.mark.promise("OUR-01")
@pytest.mark.parametrize(
    ("timeline", "point"),
    [
        (RINGING, Point.RINGING),
        (GREETED, Point.GREETING),
        (RINGING_AFTER_GREETING, Point.RINGING),
        (PROMPTED, Point.PROMPT),
        (SAID_NOTHING, Point.NO_MESSAGE),
        (ALL_BUSY, Point.UNANSWERED),
        (VOICEMAIL, Point.VOICEMAIL),
        (ANSWERED, Point.ANSWERED),
    ],
)
def test_at_which_point_a_call_ended(timeline: Sequence[Entry], point: Point) -> None:
    assert ending_of(derive(timeline), timeline).point is point
    (queued, *_) = [note for note in decide(timeline).notes if note.kind is Kind.MESSAGE_QUEUED]
    assert queued.details["why"] == point.value
    assert "lost_" not in sentence(Entry(0, queued.kind, queued.details)), "each point has its words"


def test_every_contact_is_told_once() -> None:
    two = (*TEAM.contacts, Contact(Audience.STAFF, Channel.SMS, "+79160000004"))
    notices = only(decide(VOICEMAIL, with_team(contacts=two)), MessageKind.VOICEMAIL_NOTICE)
    assert len({each.key for each in notices}) == len(notices) == 3


def test_no_message_left_is_none_announced() -> None:
    for timeline in (*LOST, ANSWERED, CIRCLING):
        assert only(decide(timeline), MessageKind.VOICEMAIL_NOTICE) == []


@pytest.mark.promise("YCL-01")
def test_types_may_be_for_staff_and_admins() -> None:
    types = [
        MessageType(MessageKind.HUNG_UP, who, Channel.EMAIL, f"For {who}") for who in (Audience.STAFF, Audience.ADMIN)
    ]
    sent = only(decide(RINGING, quiet(*types)), MessageKind.HUNG_UP)
    assert [(each.recipient, each.text) for each in sent] == [
        ("sales@example.com", "For staff"),
        ("admin@example.com", "For admin"),
    ]
    decided = decide(RINGING, quiet(*types, contacts=()))
    assert only(decided, MessageKind.HUNG_UP) == []
    assert [note.details["why"] for note in decided.notes].count("no_contacts") == 2


@pytest.mark.promise("POL-04")
@pytest.mark.parametrize("timeline", [RINGING, PROMPTED, SAID_NOTHING, ALL_BUSY])
def test_a_missed_call_is_written_to_the_callers_ticket(timeline: Sequence[Entry]) -> None:
    (entry,) = only(decide(timeline), MessageKind.MISSED_CALL_TICKET)
    assert (entry.channel, entry.client, entry.team) == (Channel.TICKET, CALLER, "Sales")
    assert entry.text == f"Missed call. From: {CALLER}. To: +74950000101 (the site). When: 02.03.2026 12:00."
    assert entry.subject == f"Missed call: {CALLER}"


@pytest.mark.promise("POL-04")
def test_calls_that_were_not_missed_and_callers_without_a_number_have_no_entry() -> None:
    for timeline in (ANSWERED, VOICEMAIL, CIRCLING):
        assert only(decide(timeline), MessageKind.MISSED_CALL_TICKET) == []
    assert only(decide(RINGING, caller=None), MessageKind.MISSED_CALL_TICKET) == []


@pytest.mark.promise("FLD-14")
@pytest.mark.parametrize("timeline", [*LOST, ANSWERED, VOICEMAIL])
def test_webhooks_are_told_of_every_call(timeline: Sequence[Entry]) -> None:
    decided = decide(timeline)
    (event,) = only(decided, MessageKind.EVENT)
    assert (event.channel, event.audience, event.recipient) == (Channel.WEBHOOK, Audience.SYSTEM, "helpdesk")
    told_of = json.loads(event.text)
    assert set(told_of) == {"schema", "event", "at", "call"}
    assert (told_of["schema"], told_of["event"]) == (1, "call.ended")
    verdict = derive(timeline)
    assert (told_of["call"]["disposition"], told_of["call"]["reason"]) == (verdict.disposition, verdict.reason)
    assert told_of["call"]["caller"] == CALLER
    assert told_of["call"]["voicemail"] == ("k3jd9.wav" if timeline == VOICEMAIL else None)
    assert told_of["call"]["arrived_at"] == "2026-03-02T09:00:00.000Z"


def test_a_number_without_a_team_brings_nothing_but_an_apology() -> None:
    numbers = {NIGHT: replace(BOOK.numbers[NIGHT], team=None)}
    assert decide(VOICEMAIL, replace(BOOK, numbers=numbers), dialled=NIGHT).intents == ()


def test_a_client_without_an_address_is_not_written_to_by_mail() -> None:
    mail = MessageType(MessageKind.HUNG_UP, Audience.CLIENT, Channel.EMAIL, "Hello")
    decided = decide(RINGING, quiet(mail))
    assert [each for each in decided.intents if each.audience is Audience.CLIENT] == []
    assert "no_address" in [note.details["why"] for note in decided.notes]


PIECES: st.SearchStrategy[Happened] = st.sampled_from(
    [
        step("dial"),
        step("greeting"),
        step("voicemail"),
        step("hang_up"),
        (Kind.LEG_DIALED, {}),
        (Kind.LEG_ENDED, {}),
        (Kind.PROMPT_BEGAN, {}),
        (Kind.RECORDING_BEGAN, {}),
        (Kind.TROUBLE, {"what": "line"}),
        (Kind.HUNG_UP, {}),
        (Kind.LOOP_STOPPED, {}),
        (Kind.LIMIT_REACHED, {}),
        CONNECTED,
        CLOSED,
        UNCOVERED,
        KEPT,
        left(),
    ]
)
TIMELINES = st.lists(PIECES, max_size=12).map(lambda pieces: told(Kind.ARRIVED, *pieces))
TYPES = st.builds(
    MessageType,
    st.sampled_from([*CALL_KINDS, MessageKind.VOICEMAIL_NOTICE]),
    st.sampled_from([Audience.CLIENT, Audience.STAFF, Audience.ADMIN]),
    st.sampled_from([Channel.SMS, Channel.EMAIL, Channel.PUSH]),
    st.sampled_from(["Hello {caller}", "{name}", "Ring {number}"]),
    st.booleans(),
)
TEAMS = st.builds(
    TeamProfile,
    st.just("Sales"),
    sales_tools=st.booleans(),
    types=st.lists(TYPES, max_size=6, unique_by=lambda each: (each.kind, each.audience, each.channel)).map(tuple),
    contacts=st.lists(st.sampled_from(TEAM.contacts), unique=True).map(tuple),
)
CALLERS = st.sampled_from([CALLER, None, "+74957654321", NIGHT, "+79260000002"])


@pytest.mark.promise("UIS-01", "UIS-02", "POL-12")
@given(timeline=TIMELINES, team=TEAMS, caller=CALLERS, enabled=st.booleans())
def test_whatever_happens_in_a_call(
    timeline: Sequence[Entry], team: TeamProfile, caller: str | None, enabled: bool
) -> None:
    rule = replace(BOOK.rules[0], enabled=enabled)
    book = replace(BOOK, rules=(rule,), teams={"Sales": team})
    decided = decide(timeline, book, caller=caller, caller_raw=caller or "")
    assert len(texts_to_client(decided)) <= 1
    assert_keys_are_the_calls_own(decided, decide(timeline, book, caller=caller, caller_raw=caller or ""))
    assert_no_apology_but_for_the_lost(timeline, decided, enabled and team.sales_tools)
    assert_all_is_told(decided)


def assert_keys_are_the_calls_own(decided: Decided, again: Decided) -> None:
    keys = [each.key for each in decided.intents]
    assert len(set(keys)) == len(keys)
    assert decided == again
    assert all(key.startswith("call/20260302-090000-abc/") for key in keys)


def assert_no_apology_but_for_the_lost(timeline: Sequence[Entry], decided: Decided, allowed: bool) -> None:
    lost = facts(timeline).verdict.disposition is Disposition.LOST
    for apology in only(decided, MessageKind.APOLOGY):
        assert lost
        assert allowed
        assert apology.recipient in (CALLER, "+79260000002")


def assert_all_is_told(decided: Decided) -> None:
    queued = [note for note in decided.notes if note.kind is Kind.MESSAGE_QUEUED]
    assert len(queued) == len(decided.intents)
    assert any(note.details["message"] == MessageKind.APOLOGY for note in decided.notes)
    for note in decided.notes:
        assert "?" not in sentence(Entry(0, note.kind, note.details))
    for intent in decided.intents:
        assert_an_intent_makes_sense(intent)


def assert_an_intent_makes_sense(intent: Intent) -> None:
    assert intent.text.strip()
    assert intent.due_at < intent.expires_at
    assert intent.recipient
    assert intent.parts >= 1


def test_the_books_team_may_go_while_a_call_lasts() -> None:
    assert decide(RINGING, replace(BOOK, teams={})).intents[0].kind is MessageKind.APOLOGY
    assert with_team(contacts=()).teams["Sales"].contacts == ()


def test_an_e_mail_of_which_nothing_is_left_is_told_and_not_sent() -> None:
    bare = MessageType(MessageKind.HUNG_UP, Audience.STAFF, Channel.EMAIL, "{name}")
    decided = decide(RINGING, quiet(bare))
    assert [one for one in decided.intents if one.channel is Channel.EMAIL] == []
    (note,) = [note for note in decided.notes if note.details.get("channel") == Channel.EMAIL.value]
    assert note.kind is Kind.NO_MESSAGE
    assert "nothing is left of its text" in sentence(Entry(0, note.kind, note.details))
