"""A message is judged as it is about to go: now, later or never, always with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.consent import OptOut
from ari_app.core.delivery import State, next_asking
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.recipients import TextPolicy
from ari_app.core.release import (
    Facts,
    Judgement,
    Later,
    Limits,
    Reached,
    Release,
    Switch,
    Waiting,
    Withhold,
    judge,
)
from ari_app.core.window import SendingWindow

NOON = datetime(2026, 3, 10, 9, tzinfo=UTC)
"""A Tuesday, 12:00 by the window's clock."""
TOMORROW = datetime(2026, 3, 11, 6, tzinfo=UTC)
CLIENT = "+79161112233"


def apology(**other: Any) -> Waiting:
    given_values: dict[str, Any] = {
        "kind": MessageKind.APOLOGY,
        "channel": Channel.SMS,
        "audience": Audience.CLIENT,
        "recipient": CLIENT,
        "expires_at": NOON + timedelta(days=1),
        "rule": "Missed",
        "once_in_hours": 24,
        "withdraw_if_reached": True,
    }
    return Waiting(**(given_values | other))


def judged(message: Waiting | None = None, limits: Limits | None = None, **facts: Any) -> Judgement:
    return judge(message or apology(), Facts(**({"at": NOON} | facts)), limits or Limits())


def test_with_nothing_against_it_it_goes() -> None:
    assert judged() == Release()


CANCELLING: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"switch": Switch.OFF}, "rule 'Missed' was switched off since"),
    ({}, {"switch": Switch.REMOVED}, "rule 'Missed' was removed since"),
    ({"team": "Sales"}, {"switch": Switch.NO_SALES_TOOLS}, "team 'Sales' has no sales tools any more"),
    (
        {"rule": None, "kind": MessageKind.MISSED},
        {"switch": Switch.REMOVED},
        "messages of kind missed were removed since",
    ),
    ({"rule": None, "kind": MessageKind.MISSED}, {"switch": Switch.OFF}, "messages of kind missed are switched off"),
    (
        {"rule": None, "kind": MessageKind.MISSED, "channel": Channel.PUSH, "forced": True},
        {"switch": Switch.OFF},
        "messages of kind missed are switched off; the tick forces SMS only",
    ),
    ({}, {"opt_outs": (OptOut(CLIENT, Channel.SMS),)}, "the client has refused SMS"),
    (
        {"forced": True},
        {"opt_outs": (OptOut(CLIENT),)},
        "the client has refused every message, which the item's tick does not overrule",
    ),
    ({"recipient": "+74951112233"}, {}, "+749******33 is a landline, and only mobiles are written to"),
    ({}, {"own_number": True}, "+791******33 is a number of the company's own"),
    ({}, {"another": True}, "the same recipient gets one of these in 24 hours, and has had it"),
    ({"once_in_hours": 1}, {"another": True}, "the same recipient gets one of these in an hour, and has had it"),
    ({}, {"reached": Reached.CALLED_AGAIN}, "the caller has called again and was answered"),
    ({}, {"reached": Reached.TALKING}, "the caller has called again and is talking"),
    ({}, {"reached": Reached.CALLED_BACK}, "the caller was called back and answered"),
    ({"needs_ticket": True}, {}, "the client has no open ticket any more"),
    (
        {"channel": Channel.TICKET, "audience": Audience.SYSTEM, "recipient": "Sales"},
        {"ticket_wanted": False},
        "the client has no open ticket, and the team makes none of missed calls",
    ),
]


@pytest.mark.parametrize(("message", "facts", "reason"), CANCELLING, ids=[row[2] for row in CANCELLING])
def test_what_forbids_it_cancels_it_with_the_reason(
    message: dict[str, Any], facts: dict[str, Any], reason: str
) -> None:
    found = judged(apology(**message), **facts)
    assert isinstance(found, Withhold)
    assert found.state is State.CANCELLED
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ({"once_in_hours": 0}, {"another": True}),
        ({"withdraw_if_reached": False}, {"reached": Reached.CALLED_AGAIN, "calling": True}),
        ({"needs_ticket": True}, {"ticket_open": True}),
        ({"rule": None, "kind": MessageKind.ITEM_REMINDER, "forced": True}, {"switch": Switch.OFF}),
        ({}, {"opt_outs": (OptOut(CLIENT, Channel.EMAIL), OptOut(CLIENT, bulk_only=True))}),
        ({"channel": Channel.EMAIL, "recipient": "a@example.com"}, {"sent_today": 10**6, "own_number": True}),
        ({"audience": Audience.STAFF, "recipient": "+74951112233"}, {"opt_outs": (OptOut("+74951112233"),)}),
    ],
)
def test_what_does_not_concern_it_does_not_hold_it(message: dict[str, Any], facts: dict[str, Any]) -> None:
    assert judged(apology(**message), **facts) == Release()


@pytest.mark.fault("33")
def test_it_expires_by_age_before_all_else() -> None:
    message = apology(expires_at=NOON)
    assert judged(message, reached=Reached.TALKING) == Withhold(
        State.CANCELLED, "the caller has called again and is talking"
    )
    late = judged(message, at=NOON + timedelta(microseconds=1), switch=Switch.OFF)
    assert late == Withhold(State.EXPIRED, "it was to be sent by 2026-03-10 12:00, and that is past")


@pytest.mark.promise("UIS-03")
@pytest.mark.parametrize(
    ("clock", "goes", "until"),
    [
        ("08:59:59.999999", False, "2026-03-10 09:00"),
        ("09:00:00", True, ""),
        ("19:59:59.999999", True, ""),
        ("20:00:00", False, "2026-03-11 09:00"),
        ("23:30:00", False, "2026-03-11 09:00"),
        ("00:00:00", False, "2026-03-10 09:00"),
    ],
)
def test_the_window_opens_at_nine_and_nothing_goes_at_twenty_hundred(clock: str, goes: bool, until: str) -> None:
    zone = timezone(timedelta(hours=3))
    at = datetime.combine(NOON.date(), time.fromisoformat(clock), zone)
    found = judged(at=at)
    if goes:
        assert found == Release()
        return
    assert isinstance(found, Later)
    assert found.until == datetime.fromisoformat(until).replace(tzinfo=zone)
    assert found.reason == "clients are written to 09:00-20:00 UTC+03:00 only"


@pytest.mark.parametrize(
    "message",
    [
        {"audience": Audience.STAFF},
        {"audience": Audience.ADMIN, "channel": Channel.EMAIL},
        {"audience": Audience.SYSTEM, "channel": Channel.WEBHOOK},
        {"channel": Channel.TICKET},
        {"channel": Channel.WEBHOOK},
    ],
)
def test_hours_are_for_what_disturbs_clients(message: dict[str, Any]) -> None:
    assert judged(apology(**message), at=NOON + timedelta(hours=12)) == Release()


def test_while_the_caller_calls_again_it_waits_a_little() -> None:
    assert judged(calling=True) == Later(NOON + timedelta(seconds=15), "the caller is calling again at this moment")


def test_caps_put_it_off_to_the_next_days_opening() -> None:
    limits = Limits(day_cap=3, prefix_cap=2)
    assert judged(limits=limits, sent_today=2) == Release()
    assert judged(limits=limits, sent_today=3) == Later(TOMORROW, "the day's 3 SMS to clients are used up")
    to_prefix = judged(limits=limits, sent_today=2, sent_today_to_prefix=2)
    assert to_prefix == Later(TOMORROW, "the day's 2 SMS to +7916 are used up")


def test_the_next_days_opening_is_by_the_windows_zone() -> None:
    warsaw = SendingWindow.parse("09:00-20:00", "Europe/Warsaw")
    found = judged(
        apology(expires_at=NOON + timedelta(days=90)),
        Limits(warsaw, day_cap=0),
        at=datetime(2026, 3, 28, 12, tzinfo=UTC),
    )
    assert isinstance(found, Later)
    assert found.until == datetime(2026, 3, 29, 9, tzinfo=ZoneInfo("Europe/Warsaw"))


def test_the_budget_is_not_overdrawn_by_a_long_message() -> None:
    limits = Limits(price=Decimal("2.5"), month_budget=Decimal(100))
    assert judged(limits=limits, spent_this_month=Decimal("97.5")) == Release()
    out = judged(apology(parts=2), limits, spent_this_month=Decimal("97.5"))
    assert out == Later(NOON + timedelta(minutes=10), "the month's budget is used up", out_of_budget=True)


moments = st.integers(0, 365 * 24 * 3600).map(lambda seconds: NOON + timedelta(seconds=seconds))
facts = st.builds(
    Facts,
    at=moments,
    switch=st.sampled_from(Switch),
    opt_outs=st.lists(st.builds(OptOut, st.just(CLIENT), st.none() | st.sampled_from(Channel)), max_size=2).map(tuple),
    own_number=st.booleans(),
    another=st.booleans(),
    reached=st.none() | st.sampled_from(Reached),
    calling=st.booleans(),
    ticket_open=st.booleans(),
    sent_today=st.integers(0, 4),
    sent_today_to_prefix=st.integers(0, 4),
    spent_this_month=st.decimals(0, 10, places=2),
)
messages = st.builds(
    Waiting,
    kind=st.sampled_from(MessageKind),
    channel=st.sampled_from(Channel),
    audience=st.sampled_from(Audience),
    recipient=st.sampled_from([CLIENT, "+74951112233", "staff@example.com", "112"]),
    expires_at=moments,
    rule=st.none() | st.just("Missed"),
    parts=st.integers(1, 5),
    once_in_hours=st.integers(0, 2),
    withdraw_if_reached=st.booleans(),
    needs_ticket=st.booleans(),
    forced=st.booleans(),
    bulk=st.booleans(),
)
LIMITS = Limits(texts=TextPolicy(), day_cap=3, prefix_cap=2, price=Decimal(1), month_budget=Decimal(8))


@given(message=messages, facts=facts)
def test_whatever_goes_is_allowed_in_every_way_and_whatever_waits_waits_for_something(
    message: Waiting, facts: Facts
) -> None:
    found = judge(message, facts, LIMITS)
    match found:
        case Later(until, reason):
            assert until > facts.at
            assert reason
            assert not message.to_client or LIMITS.window.is_open(until) or until - facts.at < timedelta(hours=1)
            # What only waits is forbidden by nothing that stays.
            assert not (message.withdraw_if_reached and facts.reached)
        case Withhold(state, reason):
            assert state in (State.CANCELLED, State.EXPIRED)
            assert reason
        case Release():
            assert facts.at <= message.expires_at
            assert not (message.withdraw_if_reached and (facts.reached or facts.calling))
            assert not (message.once_in_hours and facts.another)
            if message.to_client:
                assert LIMITS.window.is_open(facts.at)
                assert not any(out.channel in (None, message.channel) for out in facts.opt_outs)
            if message.is_text_to_client:
                assert message.recipient == CLIENT
                assert facts.sent_today < 3
                assert facts.spent_this_month + message.parts <= 8


@given(message=messages, facts=facts)
def test_what_comes_through_now_comes_through_with_less_against_it(message: Waiting, facts: Facts) -> None:
    if judge(message, facts, LIMITS) == Release():
        kinder = replace(facts, switch=Switch.ON, opt_outs=(), another=False, sent_today=0, spent_this_month=Decimal(0))
        assert judge(message, kinder, LIMITS) == Release()


@pytest.mark.promise("FLD-13")
def test_gateways_are_asked_less_and_less_often_for_three_days() -> None:
    asked, at = [], NOON
    while (then := next_asking(NOON, at)) is not None:
        asked.append((then - at).total_seconds())
        at = then
    assert asked == sorted(asked)
    assert (asked[0], sum(asked)) == (30, 3 * 24 * 3600)
