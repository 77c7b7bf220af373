"""What becomes of queued messages on both databases: sent, put off, withheld, tried again, settled, and told."""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, State, Unavailable, Unclear
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.release import Limits
from ari_app.core.verdict import Disposition
from ari_app.core.window import SendingWindow
from ari_app.outbox_ports import Attempted, NotYet, Passed
from ari_app.storage.database import writing
from ari_app.storage.history import show_call
from ari_app.storage.message_schema import apology_rules, message_types, opt_outs, team_contacts
from ari_app.storage.outbox_rows import MessageRow
from ari_app.storage.outbox_schema import messages, tickets
from ari_app.storage.outbox_stats import outbox_stats
from ari_app.storage.records import calls
from ari_app.storage.schema import numbers, teams
from ari_app.storage.tickets import write_ticket
from tests.outbox.clocks import NOON, Clock
from tests.outbox.messages import CALLER, a_call, a_rule, apology, history, mobile, notice, queue, states, text, the
from tests.outbox.senders import ROOM, Folder, ScriptedGateway, TestSender

EVENING = datetime(2026, 3, 10, 16, 59, 59, 999_000, tzinfo=UTC)
"""A millisecond before 20:00 in UTC+3."""
NEXT_MORNING = datetime(2026, 3, 11, 6, 0, 0, tzinfo=UTC)


def sender(engine: sa.Engine, *outcomes: Outcome, clock: Clock | None = None, **options: Any) -> TestSender:
    gateway = ScriptedGateway(deque(outcomes))
    return TestSender(engine, clock or Clock(), [gateway], **options)


def gateway_of(test_sender: TestSender) -> ScriptedGateway:
    (gateway,) = test_sender.gateways
    assert isinstance(gateway, ScriptedGateway)
    return gateway


def edit(engine: sa.Engine, statement: sa.Executable) -> None:
    with writing(engine).begin() as connection:
        connection.execute(statement)


def test_a_due_message_is_sent_with_our_id_and_the_deployments_name(engine: sa.Engine) -> None:
    queue(engine, text())
    one = sender(engine, Accepted("abc", "3.20"), options={"sender": "Acme"})
    assert one.run() == [Attempted(State.SENT)]
    (letter,) = gateway_of(one).letters
    message = the(engine)
    assert (letter.ref, letter.recipient, letter.text, letter.sender) == (
        message.ref,
        mobile(0),
        "Sorry that we missed your call",
        "Acme",
    )
    assert (message.state, message.gateway, message.gateway_id, message.price) == ("sent", "scripted", "abc", "3.20")
    assert (message.sent_at, message.attempts, message.lease) == (NOON, 1, None)
    assert history(engine) == [("sending", ""), ("sent", "")]
    assert one.run() == []


def test_what_is_not_due_waits(engine: sa.Engine) -> None:
    queue(engine, text(due_at=NOON + timedelta(minutes=1)))
    one = sender(engine)
    assert one.run() == []
    one.clock.pass_by(60)
    assert one.run() == [Attempted(State.SENT)]


@pytest.mark.promise("UIS-03")
def test_nothing_goes_to_clients_at_or_after_twenty_hundred_and_what_was_lost_then_goes_at_nine(
    engine: sa.Engine,
) -> None:
    queue(engine, *(text(number, due_at=EVENING) for number in range(3)), at=EVENING)
    one = sender(engine, clock=Clock(EVENING))
    (first, second, _) = one.outbox.claim(ROOM)
    assert one.outbox.attend(first) == Attempted(State.SENT)
    one.clock.pass_by(0.001)
    assert isinstance(one.outbox.attend(second), Passed)
    assert the(engine, 2).due_at == NEXT_MORNING
    assert "09:00-20:00" in the(engine, 2).reason
    one.clock.pass_by(60)
    one.run()
    assert states(engine) == {"sent": 1, "queued": 2}
    one.clock.pass_by((NEXT_MORNING - one.clock.now()).total_seconds() - 0.001)
    assert one.run() == []
    one.clock.pass_by(0.001)
    assert one.run() == [Attempted(State.SENT)] * 2
    why = "clients are written to 09:00-20:00 UTC+03:00 only"
    assert history(engine, 2) == [("queued", why), ("sending", ""), ("sent", "")]


def test_staff_are_told_at_any_hour(engine: sa.Engine) -> None:
    night = datetime(2026, 3, 10, 23, tzinfo=UTC)
    queue(engine, notice(due_at=night, expires_at=night + timedelta(hours=1)), at=night)
    mail = ScriptedGateway(channel=Channel.EMAIL)
    TestSender(engine, Clock(night), [mail]).run()
    assert [letter.recipient for letter in mail.letters] == ["staff@example.com"]


@pytest.mark.fault("33")
def test_a_stale_message_expires_with_a_reason_and_is_not_sent(engine: sa.Engine) -> None:
    queue(engine, text())
    one = sender(engine)
    one.clock.pass_by(24 * 3600 + 1)
    assert one.run() == [Passed(State.EXPIRED, "it was to be sent by 2026-03-11 12:00, and that is past")]
    assert gateway_of(one).letters == []
    assert the(engine).state is State.EXPIRED


@pytest.mark.fault("33")
def test_what_cannot_go_before_it_expires_says_so_when_it_has(engine: sa.Engine) -> None:
    queue(engine, text(due_at=EVENING, expires_at=EVENING + timedelta(hours=1)), at=EVENING)
    one = sender(engine, clock=Clock(EVENING + timedelta(minutes=1)))
    one.run()
    assert the(engine).due_at == EVENING + timedelta(hours=1, seconds=1)
    one.clock.pass_by(3700)
    assert [type(done) for done in one.run()] == [Passed]
    assert the(engine).state is State.EXPIRED


@pytest.mark.promise("OUR-05")
@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"ended": Disposition.ANSWERED}, "the caller has called again and was answered"),
        ({"ended": None, "talking": True}, "the caller has called again and is talking"),
        (
            {"ended": Disposition.ANSWERED, "direction": "outbound", "dialled": CALLER, "caller": "+74950000101"},
            "the caller was called back and answered",
        ),
    ],
)
def test_an_apology_is_withdrawn_when_the_caller_got_through_either_way_round(
    engine: sa.Engine, call: dict[str, Any], reason: str
) -> None:
    lost = a_call(engine, "lost")
    queue(engine, apology(lost, a_rule(engine)))
    a_call(engine, "again", at=NOON - timedelta(minutes=3), **call)
    one = sender(engine)
    one.run()
    assert gateway_of(one).letters == []
    assert (the(engine).state, the(engine).reason) == (State.CANCELLED, reason)
    with engine.connect() as connection:
        (told,) = show_call(connection, lost).events
    assert told.kind == "message_withheld"
    assert told.details["why"] == reason
    assert told.at_ms == 5 * 60 * 1000


@pytest.mark.promise("OUR-05")
@pytest.mark.parametrize(
    "call",
    [
        {"at": NOON - timedelta(hours=1), "ended": Disposition.ANSWERED},
        {"ended": Disposition.LOST},
        {"ended": Disposition.MESSAGE_LEFT},
        {"ended": Disposition.ANSWERED, "caller": "+79169999999"},
        {"ended": Disposition.LOST, "direction": "outbound", "dialled": CALLER, "caller": "+74950000101"},
    ],
    ids=["answered before", "lost again", "left a message", "somebody else", "called back in vain"],
)
def test_an_apology_is_sent_when_nobody_talked_since(engine: sa.Engine, call: dict[str, Any]) -> None:
    queue(engine, apology(a_call(engine, "lost"), a_rule(engine)))
    a_call(engine, "other", **{"at": NOON - timedelta(minutes=3), **call})
    one = sender(engine)
    one.run()
    assert [letter.recipient for letter in gateway_of(one).letters] == [CALLER]
    with engine.connect() as connection:
        (told,) = show_call(connection, "lost").events
    assert (told.kind, told.details["gateway"]) == ("message_sent", "scripted")


@pytest.mark.promise("OUR-05")
def test_while_the_caller_calls_again_the_apology_waits_for_how_that_ends(engine: sa.Engine) -> None:
    queue(engine, apology(a_call(engine, "lost"), a_rule(engine)))
    a_call(engine, "again", at=NOON - timedelta(seconds=10), ended=None)
    one = sender(engine)
    assert one.run() == [Passed(State.QUEUED, "the caller is calling again at this moment")]
    assert the(engine).due_at == NOON + timedelta(seconds=15)
    edit(
        engine,
        sa.update(calls)
        .where(calls.c.id == "again")
        .values(ended_at=NOON + timedelta(seconds=10), disposition="answered", reason="talked"),
    )
    one.clock.pass_by(15)
    one.run()
    assert the(engine).state is State.CANCELLED


def test_a_call_whose_end_was_never_written_holds_no_apology_up_for_ever(engine: sa.Engine) -> None:
    queue(engine, apology(a_call(engine, "lost"), a_rule(engine)))
    a_call(engine, "again", at=NOON - timedelta(minutes=4), ended=None)
    one = sender(engine)
    one.clock.pass_by(12 * 60)
    assert one.run() == [Attempted(State.SENT)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (sa.update(apology_rules).values(enabled=sa.false()), "rule 'Missed' was switched off since"),
        (sa.delete(apology_rules), "rule 'Missed' was removed since"),
        (sa.update(teams).values(sales_tools=sa.false()), "team 'Sales' has no sales tools any more"),
    ],
)
def test_a_rule_switched_off_since_sends_nothing(engine: sa.Engine, change: sa.Executable, reason: str) -> None:
    edit(engine, sa.insert(teams).values(name="Sales"))
    queue(engine, apology(a_call(engine, "lost"), a_rule(engine, team_id=1), team="Sales"))
    edit(engine, change)
    one = sender(engine)
    one.run()
    assert (the(engine).state, the(engine).reason) == (State.CANCELLED, reason)


@pytest.mark.parametrize(
    ("forced", "removed", "state"),
    [(False, False, "cancelled"), (True, False, "sent"), (False, True, "cancelled"), (True, True, "sent")],
)
def test_a_type_switched_off_or_removed_since_sends_only_what_is_forced(
    engine: sa.Engine, *, forced: bool, removed: bool, state: str
) -> None:
    edit(engine, sa.insert(teams).values(name="Sales"))
    if not removed:
        row = {"team_id": 1, "kind": "item_reminder", "text": "Come", "enabled": False}
        edit(engine, sa.insert(message_types).values(row))
    queue(engine, text(kind=MessageKind.ITEM_REMINDER, team="Sales", forced=forced))
    sender(engine).run()
    assert the(engine).state.value == state


@pytest.mark.promise("FLD-12")
def test_whoever_said_stop_since_is_left_alone(engine: sa.Engine) -> None:
    queue(engine, text(), text(1))
    edit(engine, sa.insert(opt_outs).values(client=mobile(0), channel="sms", source="STOP", at=NOON))
    one = sender(engine)
    one.run()
    assert [letter.recipient for letter in gateway_of(one).letters] == [mobile(1)]
    assert (the(engine).state, the(engine).reason) == (State.CANCELLED, "the client has refused SMS")


@pytest.mark.promise("FLD-12")
@pytest.mark.parametrize("recipient", ["+74951112233", "112", "+79161234567", "+12"], ids=str)
def test_landlines_short_and_own_numbers_are_not_texted_whoever_queued_it(engine: sa.Engine, recipient: str) -> None:
    edit(engine, sa.insert(numbers).values(e164="+79161234567"))
    queue(engine, text(recipient=recipient))
    one = sender(engine)
    one.run()
    assert gateway_of(one).letters == []
    assert the(engine).state is State.CANCELLED


@pytest.mark.promise("FLD-12")
def test_one_a_caller_a_rule_in_n_hours_counted_from_the_sending(engine: sa.Engine) -> None:
    rule, other = a_rule(engine), a_rule(engine, name="Other")
    lost = [a_call(engine, f"lost {number}") for number in range(4)]
    queue(engine, apology(lost[0], rule), apology(lost[1], rule), apology(lost[2], other))
    one = sender(engine)
    one.run()
    assert [the(engine, number).state.value for number in (1, 2, 3)] == ["sent", "cancelled", "sent"]
    assert the(engine, 2).reason == "the same recipient gets one of these in 24 hours, and has had it"
    later = NOON + timedelta(hours=23, minutes=59)
    queue(engine, apology(lost[3], rule, due_at=later, expires_at=later + timedelta(days=1)), at=later)
    one.clock.pass_by(24 * 3600 - 60)
    one.run()
    assert the(engine, 4).state is State.CANCELLED
    a_call(engine, "lost 5")
    queue(engine, apology("lost 5", rule, due_at=later, expires_at=later + timedelta(days=1)), at=later)
    one.clock.pass_by(61)
    one.run()
    assert the(engine, 5).state is State.SENT


@pytest.mark.promise("FLD-12")
def test_of_two_that_wait_the_first_goes_whichever_is_looked_at_first(engine: sa.Engine) -> None:
    rule = a_rule(engine)
    queue(engine, *(apology(a_call(engine, f"lost {number}"), rule) for number in range(2)))
    one = sender(engine)
    first, second = one.outbox.claim(ROOM)
    assert isinstance(one.outbox.attend(second), Passed)
    assert one.outbox.attend(first) == Attempted(State.SENT)
    assert [the(engine, number).state.value for number in (1, 2)] == ["sent", "cancelled"]


@pytest.mark.promise("FLD-12")
def test_one_that_failed_does_not_keep_the_next_from_being_sent(engine: sa.Engine) -> None:
    rule = a_rule(engine)
    for number in range(2):
        queue(engine, apology(a_call(engine, f"lost {number}"), rule))
        sender(engine, *([Refused("no such number")] if number == 0 else [])).run()
    assert [the(engine, number).state.value for number in (1, 2)] == ["failed", "sent"]


def test_what_needs_a_ticket_goes_only_while_one_is_open(engine: sa.Engine) -> None:
    edit(engine, sa.insert(teams).values(name="Sales"))
    edit(engine, sa.insert(tickets).values(team_id=1, client=mobile(0), opened_at=NOON))
    queue(engine, text(needs_ticket=True, team="Sales"), text(1, needs_ticket=True, team="Sales"))
    sender(engine).run()
    assert (the(engine).state, the(engine, 2).state) == (State.SENT, State.CANCELLED)
    assert the(engine, 2).reason == "the client has no open ticket any more"


@pytest.mark.promise("POL-04")
def test_a_missed_call_is_for_an_open_ticket_or_for_a_team_that_makes_them(engine: sa.Engine) -> None:
    edit(engine, sa.insert(teams).values(name="Quiet"))
    edit(engine, sa.insert(teams).values(name="Eager", makes_tickets=True))
    edit(engine, sa.insert(tickets).values(team_id=1, client=mobile(1), opened_at=NOON))
    missed = {"channel": Channel.TICKET, "audience": Audience.SYSTEM, "kind": MessageKind.MISSED_CALL_TICKET}
    queue(
        engine,
        text(0, **missed, team="Quiet", recipient="Quiet"),
        text(1, **missed, team="Quiet", recipient="Quiet"),
        text(2, **missed, team="Eager", recipient="Eager"),
    )
    sender(engine, options={"writers": {Channel.TICKET: write_ticket}}).run()
    assert [the(engine, number).state.value for number in (1, 2, 3)] == ["cancelled", "delivered", "delivered"]
    assert the(engine).reason == "the client has no open ticket, and the team makes none of missed calls"


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("27")
def test_what_was_known_not_to_be_sent_is_tried_again_later_and_later_until_it_expires(engine: sa.Engine) -> None:
    queue(engine, text(expires_at=NOON + timedelta(hours=2)))
    one = sender(engine, *[Unavailable("503 from the provider")] * 1000)
    waits = []
    while the(engine).state is State.QUEUED:
        before = one.clock.now()
        one.clock.pass_by((the(engine).due_at - before).total_seconds())
        one.run()
        waits.append((one.clock.now() - before).total_seconds())
    assert waits == [0, 10, 30, 120, 300, 900, 1800, 1800, 1800, 441]
    assert the(engine).state is State.EXPIRED
    assert len({letter.ref for letter in gateway_of(one).letters}) == 1


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("27")
def test_retries_keep_within_the_window(engine: sa.Engine) -> None:
    queue(engine, text(due_at=EVENING, expires_at=EVENING + timedelta(days=1)), at=EVENING)
    one = sender(engine, Unavailable("429", retry_after=60), clock=Clock(EVENING))
    one.run()
    assert the(engine).due_at == EVENING + timedelta(seconds=60)
    one.clock.pass_by(60)
    one.run()
    assert (the(engine).state, the(engine).due_at) == (State.QUEUED, NEXT_MORNING)


def test_the_next_gateway_is_tried_at_once_where_nothing_was_sent_and_nowhere_else(engine: sa.Engine) -> None:
    queue(engine, text(0), text(1))
    first = ScriptedGateway(deque([Unavailable("no balance"), Unclear("dropped")]), name="first")
    second = ScriptedGateway(name="second")
    one = TestSender(engine, Clock(), [first, second])
    done = one.run()
    assert done[0] == Attempted(State.SENT)
    assert (the(engine).gateway, the(engine).attempts) == ("second", 1)
    assert second.letters[0].ref == the(engine).ref
    # The first rests, so the other message goes through the second at once; then the first is tried again.
    assert the(engine, 2).gateway == "second"
    queue(engine, text(2))
    one.clock.pass_by(11)
    assert one.run() == [Attempted(State.UNKNOWN)]
    assert len(second.letters) == 2


def test_a_number_that_does_not_exist_fails_for_good(engine: sa.Engine) -> None:
    queue(engine, text())
    first, second = ScriptedGateway(deque([Refused("unknown subscriber")])), ScriptedGateway(name="second")
    TestSender(engine, Clock(), [first, second]).run()
    assert (the(engine).state, the(engine).reason, second.letters) == (State.FAILED, "unknown subscriber", [])


def test_a_gateway_that_breaks_its_word_leaves_the_message_unknown(engine: sa.Engine) -> None:
    class Broken(ScriptedGateway):
        def send(self, letter: object) -> Outcome:
            raise KeyError("id")

    queue(engine, text())
    TestSender(engine, Clock(), [Broken()]).run()
    assert (the(engine).state, the(engine).reason) == (State.UNKNOWN, "the gateway's own code failed (KeyError)")


def test_without_a_gateway_messages_wait_and_say_so(engine: sa.Engine) -> None:
    queue(engine, text(channel=Channel.PUSH, recipient="{}"))
    one = sender(engine)
    one.run()
    assert the(engine).reason.startswith("no gateway sends by push; configure one")
    assert the(engine).due_at == NOON + timedelta(seconds=60)


def test_the_days_cap_puts_the_rest_off_to_the_next_opening(engine: sa.Engine) -> None:
    queue(engine, *(text(number) for number in range(5)), notice())
    mail = ScriptedGateway(channel=Channel.EMAIL, name="mail")
    one = TestSender(engine, Clock(), [ScriptedGateway(), mail], Limits(day_cap=3))
    one.run()
    assert states(engine) == {"sent": 4, "queued": 2}
    assert (the(engine, 4).due_at, the(engine, 4).reason) == (NEXT_MORNING, "the day's 3 SMS to clients are used up")
    one.clock.pass_by((NEXT_MORNING - NOON).total_seconds())
    one.run()
    assert states(engine) == {"sent": 6}


def test_the_cap_of_a_prefix_is_its_own(engine: sa.Engine) -> None:
    other = "+79031112233"
    queue(engine, text(0), text(1), text(2), text(3, recipient=other))
    TestSender(engine, Clock(), [ScriptedGateway()], Limits(prefix_cap=2)).run()
    assert [the(engine, number).state.value for number in range(1, 5)] == ["sent", "sent", "queued", "sent"]
    assert the(engine, 3).reason == "the day's 2 SMS to +7916 are used up"


def test_the_months_budget_stops_the_sending_and_says_so_once(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    queue(engine, *(text(number, parts=2, expires_at=NOON + timedelta(days=40)) for number in range(4)))
    limits = Limits(price=Decimal("2.5"), month_budget=Decimal(12))
    one = TestSender(engine, Clock(), [ScriptedGateway()], limits)
    one.run()
    assert states(engine) == {"sent": 2, "queued": 2}
    assert the(engine, 3).reason == "the month's budget is used up"
    one.clock.pass_by(600)
    one.run()
    assert caplog.text.count("no SMS is sent any more: the month's budget is used up") == 1
    with engine.connect() as connection:
        stats = outbox_stats(connection, limits, one.clock.now())
    assert (stats.sent_today, stats.spent_this_month, stats.out_of_budget) == (2, Decimal(10), 2)
    assert (stats.states[State.QUEUED], stats.states[State.FAILED]) == (2, 0)
    one.clock.pass_by((datetime(2026, 4, 1, 9, tzinfo=UTC) - one.clock.now()).total_seconds())
    one.run()
    assert states(engine) == {"sent": 4}


def test_what_was_not_sent_is_not_counted(engine: sa.Engine) -> None:
    queue(engine, text(0), text(1))
    limits = Limits(price=Decimal(1), prefix_cap=10)
    one = TestSender(engine, Clock(), [ScriptedGateway(deque([Refused("no"), Unavailable("later")]))], limits)
    one.run()
    with engine.connect() as connection:
        stats = outbox_stats(connection, limits, NOON)
    assert (stats.sent_today, stats.spent_this_month) == (0, Decimal(0))
    assert stats.next_due == the(engine, 2).due_at


def test_the_rate_holds_for_clients_alone_and_for_all_senders_together(engine: sa.Engine) -> None:
    queue(engine, *(text(number) for number in range(6)), *(notice(number) for number in range(3)))
    clock, mail = Clock(), ScriptedGateway(channel=Channel.EMAIL, name="mail")
    one, other = (TestSender(engine, clock, [ScriptedGateway(), mail], rate=2.0) for _ in range(2))
    held = [*one.outbox.claim({None: 9, Channel.SMS: 3}), *other.outbox.claim({Channel.SMS: 3})]
    assert len(held) == 9
    sent_at = []
    for each in held:
        outbox = one.outbox if each in held[:6] else other.outbox
        while isinstance(done := outbox.attend(each), NotYet):
            clock.pass_by(done.seconds)
        sent_at.append((each.channel.value, (clock.now() - NOON).total_seconds()))
    assert sent_at == [("email", 0)] * 3 + [("sms", number / 2) for number in range(6)]


def test_a_gateway_is_given_no_more_than_it_may_be(engine: sa.Engine) -> None:
    queue(engine, *(notice(number) for number in range(3)))
    mail = ScriptedGateway(channel=Channel.EMAIL, name="mail")
    one = TestSender(engine, Clock(), [mail], options={"rates": {"mail": 0.5}})
    one.run()
    assert (one.clock.now() - NOON).total_seconds() == 4


def test_a_message_waits_for_its_mp3_and_goes_with_the_wav_after_a_minute(engine: sa.Engine) -> None:
    queue(engine, notice(0, attachment="voicemail-1"), notice(1, attachment="voicemail-2"))
    queue(engine, notice(2, attachment="voicemail-3"))
    paths = {"voicemail-1": "/m/voicemail-1.mp3", "voicemail-2": "/m/voicemail-2.wav"}
    mail = ScriptedGateway(channel=Channel.EMAIL)
    one = TestSender(engine, Clock(), [mail], recordings=Folder(paths))
    one.run()
    assert [letter.attachment for letter in mail.letters] == ["/m/voicemail-1.mp3"]
    assert the(engine, 2).reason == "the mp3 of its recording is still being made"
    one.clock.pass_by(61)
    one.run()
    assert [letter.attachment for letter in mail.letters] == ["/m/voicemail-1.mp3", "/m/voicemail-2.wav", ""]


def write_down(connection: sa.Connection, message: MessageRow, at: datetime) -> Outcome:
    connection.execute(sa.insert(tickets).values(team_id=1, client=message.recipient, opened_at=at))
    return Accepted()


def test_what_is_written_into_this_database_is_written_in_the_transaction_that_settles_it(engine: sa.Engine) -> None:
    edit(engine, sa.insert(teams).values(name="Sales"))
    queue(engine, text(channel=Channel.TICKET, audience=Audience.SYSTEM))
    one = sender(engine, options={"writers": {Channel.TICKET: write_down}})
    assert one.run() == [Passed(State.DELIVERED)]
    assert the(engine).state is State.DELIVERED
    with engine.connect() as connection:
        assert connection.execute(sa.select(tickets.c.client)).scalars().all() == [mobile(0)]


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Refused("the team makes no tickets"), State.FAILED, "the team makes no tickets"),
        (Unavailable("60 an hour are made"), State.QUEUED, "60 an hour are made"),
        (None, State.FAILED, "the database refused it: "),
    ],
)
def test_what_cannot_be_written_leaves_nothing_half_written(
    engine: sa.Engine, outcome: Outcome | None, state: State, reason: str
) -> None:
    def write(connection: sa.Connection, message: MessageRow, at: datetime) -> Outcome:
        if outcome is None:
            write_down(connection, message, at)  # there is no team 1
            raise AssertionError
        return outcome

    queue(engine, text(channel=Channel.TICKET))
    sender(engine, options={"writers": {Channel.TICKET: write}}).run()
    assert the(engine).state is state
    assert the(engine).reason.startswith(reason)


@pytest.mark.fault("30")
def test_the_same_cause_twice_at_once_is_one_message(engine: sa.Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda number: queue(engine, text(number % 10)), range(80)))
    assert sorted(len(ids) for ids in taken) == [0] * 70 + [1] * 10
    one = sender(engine)
    one.run()
    assert len(gateway_of(one).letters) == 10


def test_the_window_of_a_zone_with_changing_clocks_is_kept(engine: sa.Engine) -> None:
    """On 29 March 2026 Warsaw's clocks go from 02:00 to 03:00: the window opens an hour earlier in UTC."""
    night = datetime(2026, 3, 28, 23, tzinfo=UTC)
    limits = Limits(SendingWindow.parse("09:00-20:00", "Europe/Warsaw"))
    queue(engine, text(due_at=night, expires_at=night + timedelta(days=1)), at=night)
    one = TestSender(engine, Clock(night), [ScriptedGateway()], limits)
    one.run()
    assert the(engine).due_at == datetime(2026, 3, 29, 7, tzinfo=UTC)


def test_history_tells_each_reason_for_waiting_once(engine: sa.Engine) -> None:
    queue(engine, apology(a_call(engine, "lost"), a_rule(engine)))
    a_call(engine, "again", at=NOON - timedelta(seconds=10), ended=None)
    one = sender(engine)
    for _ in range(5):
        one.run()
        one.clock.pass_by(15)
    assert history(engine) == [("queued", "the caller is calling again at this moment")]


@pytest.mark.promise("FLD-13")
def test_reports_of_the_gateway_asked_are_applied_and_asked_for_less_and_less(engine: sa.Engine) -> None:
    queue(engine, text(), text(1))
    one = sender(engine)
    one.run()
    gateway = gateway_of(one)
    gateway.answers[the(engine).ref] = Report(State.DELIVERED)
    asked = []
    for _ in range(20):
        due = the(engine, 2).ask_at
        if due is None:
            break
        one.clock.pass_by((due - one.clock.now()).total_seconds())
        one.outbox.ask()
        asked.append(round((one.clock.now() - NOON).total_seconds()))
    assert asked == [30, 120, 600, 3600, 3 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 72 * 3600]
    assert (the(engine).state, the(engine).ask_at) == (State.DELIVERED, None)
    assert gateway.asked.count(the(engine).ref) == 1
    assert the(engine, 2).state is State.SENT


def test_what_nobody_needs_is_tidied_away(engine: sa.Engine) -> None:
    queue(engine, text())
    one = sender(engine)
    one.run()
    assert one.store.report("scripted", Report(State.DELIVERED, gateway_id="stranger"), NOON) is None
    one.store.tidy(NOON + timedelta(days=3))
    with engine.connect() as connection:
        assert outbox_stats(connection, Limits(), NOON).sent_today == 1
        assert connection.scalar(sa.text("SELECT count(*) FROM early_reports")) == 1
    one.store.tidy(NOON + timedelta(days=400))
    with engine.connect() as connection:
        assert outbox_stats(connection, Limits(), NOON).sent_today == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM early_reports")) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(messages)) == 1


@pytest.mark.promise("FLD-14")
def test_the_teams_systems_are_told_of_every_state_that_a_message_comes_to(engine: sa.Engine) -> None:
    edit(engine, sa.insert(teams).values(name="Sales"))
    for address, enabled in (("crm", True), ("old", False)):
        row = {"team_id": 1, "channel": "webhook", "address": address, "enabled": enabled}
        edit(engine, sa.insert(team_contacts).values(row))
    queue(engine, text(team="Sales"), text(1, team="Others"))
    hook = ScriptedGateway(channel=Channel.WEBHOOK, name="hook", can_ask=True)
    one = TestSender(engine, Clock(), [ScriptedGateway(name="sms"), hook])
    one.run()
    one.store.report("sms", Report(State.DELIVERED, ref=the(engine).ref), one.clock.now())
    one.store.report("sms", Report(State.DELIVERED, ref=the(engine).ref), one.clock.now())
    one.run()
    told = [json.loads(letter.text) for letter in hook.letters]
    assert [letter.recipient for letter in hook.letters] == ["crm", "crm"]
    assert [(event["event"], event["message"]["state"]) for event in told] == [
        ("message.changed", "sent"),
        ("message.changed", "delivered"),
    ]
    assert told[0]["message"] == {
        "id": 1,
        "kind": "by_hand",
        "channel": "sms",
        "audience": "client",
        "recipient": mobile(0),
        "client": mobile(0),
        "rule": None,
        "team": "Sales",
        "call": None,
        "item": None,
        "state": "sent",
        "reason": "",
        "gateway": "sms",
        "attempts": 1,
        "due_at": "2026-03-10T09:00:00.000Z",
    }
    assert states(engine) == {"delivered": 1, "sent": 3}
