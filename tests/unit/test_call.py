"""One call from arrival to verdict: routing, limits, shutdown, trouble."""

from __future__ import annotations

import asyncio
import logging

import pytest

from ari_app.call import FixedRules
from ari_app.core.message_book import ApologyRule, MessageBook
from ari_app.core.outcomes import CallerEnd, HangUpCause, Recorded
from ari_app.core.scheme import Destination, DialStep, Greeting, HangUpStep, RingStrategy, TargetKind, VoicemailStep
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Disposition, Reason
from tests.fakes.scripted import (
    CALLER,
    NOW,
    NUMBER,
    SILENT,
    Conducted,
    HostileLine,
    Keeper,
    Plan,
    always,
    answers,
    call,
)

TOGETHER = DialStep(
    RingStrategy.ALL_AT_ONCE, tuple(Destination(TargetKind.ENDPOINT, name, 20) for name in ("desk", "mobile"))
)
VOICEMAIL = VoicemailStep(Greeting("office", "own/office"))
BOOK = always("Europe/Berlin", TOGETHER, VOICEMAIL)


def verdict(conducted: Conducted) -> tuple[Disposition, Reason]:
    (ending,) = conducted.journal.endings
    return ending.verdict.disposition, ending.verdict.reason


class BrokenRules:
    """Rules that cannot be read."""

    @property
    def messages(self) -> MessageBook:
        raise RuntimeError("the rules broke")


def test_trouble_with_the_messages_of_a_call_costs_it_nothing_but_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        conducted = call(BOOK, Plan(legs=[SILENT, SILENT], leaves_at=4), rules=BrokenRules())
    assert verdict(conducted) == (Disposition.LOST, Reason.HUNG_UP_RINGING)
    assert conducted.journal.endings[0].intents == ()
    (trouble,) = conducted.of(Kind.TROUBLE)
    assert trouble.details == {"what": "messages", "why": "RuntimeError('the rules broke')"}
    assert "the messages of call call from +791" in caplog.text
    assert CALLER not in caplog.text


@pytest.mark.promise("UIS-01", "OUR-04")
def test_the_messages_of_a_call_are_part_of_its_end_even_as_the_controller_stops() -> None:
    rule = ApologyRule(7, "Sorry", "Sorry", frozenset((NUMBER,)))
    rules = FixedRules(MessageBook((rule,)))
    for plan, stopped_at in ((Plan(legs=[SILENT, SILENT], leaves_at=4), None), (Plan(legs=[SILENT, SILENT]), 3.0)):
        conducted = call(BOOK, plan, stopped_at=stopped_at, rules=rules)
        (ending,) = conducted.journal.endings
        (apology,) = ending.intents
        assert (apology.recipient, apology.call_id) == (CALLER, "call")
        assert conducted.of(Kind.MESSAGE_QUEUED)[0].details["rule"] == "Sorry"


@pytest.mark.promise("OUR-01")
def test_the_journal_has_the_call_its_route_its_legs_and_its_end() -> None:
    conducted = call(BOOK, Plan(legs=[answers(3, talks=60), SILENT]))
    journal = conducted.journal
    (opened,), (routed,), (ending,) = journal.calls, journal.routes, journal.endings
    assert (opened.caller, opened.dialled, opened.at) == (CALLER, NUMBER, NOW)
    assert (routed.number, routed.scheme, routed.scheme_version, routed.branch) == (NUMBER, "office", "v1", "always")
    assert ending.verdict == conducted.verdict
    assert (ending.at - NOW).total_seconds() * 1000 == ending.ended_ms
    assert ending.ended_ms == pytest.approx(63_030, abs=30)
    assert journal.timeline[0].kind is Kind.ARRIVED
    assert [entry.kind for entry in journal.timeline[-2:]] == [Kind.VERDICT, Kind.NO_MESSAGE]


def test_a_call_ends_when_its_caller_does_however_long_closing_and_fetching_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take = Keeper.take

    async def slowly(keeper: Keeper, name: str) -> Recorded:
        await asyncio.sleep(25)
        return await take(keeper, name)

    monkeypatch.setattr(Keeper, "take", slowly)
    conducted = call(always("UTC", VOICEMAIL), Plan(speaks=8))
    (ending,) = conducted.journal.endings
    assert conducted.seconds > 39
    assert ending.ended_ms == pytest.approx(14_015, abs=15)
    assert (ending.at - NOW).total_seconds() * 1000 == ending.ended_ms


def test_an_unknown_number_gets_the_default_and_a_row_in_the_journal() -> None:
    conducted = call(BOOK, Plan(), dialled="+74950000199")
    (routed,) = conducted.journal.routes
    assert (routed.number, routed.scheme, routed.branch) == (None, None, None)
    assert verdict(conducted) == (Disposition.LOST, Reason.ENDED_BY_SCHEME)
    assert conducted.of(Kind.DEFAULT_USED)[0].details["why"] == "unknown_number"


def test_a_hang_up_step_tells_its_cause() -> None:
    conducted = call(always("UTC", HangUpStep(HangUpCause.BUSY)), Plan())
    assert conducted.line.hang_up_causes == [HangUpCause.BUSY]
    assert verdict(conducted) == (Disposition.LOST, Reason.ENDED_BY_SCHEME)


@pytest.mark.parametrize(
    ("plan", "ended"),
    [
        (Plan(max_call_seconds=10), (Disposition.LOST, Reason.LIMIT_REACHED)),
        (Plan(max_call_seconds=10, legs=[answers(3, talks=600)]), (Disposition.ANSWERED, Reason.TALKED)),
        (Plan(max_call_seconds=30, speaks=100), (Disposition.MESSAGE_LEFT, Reason.MESSAGE)),
    ],
)
def test_no_call_outlives_its_maximum_and_it_was_not_the_caller_who_left(
    plan: Plan, ended: tuple[Disposition, Reason]
) -> None:
    conducted = call(BOOK, plan)
    assert verdict(conducted) == ended
    assert conducted.of(Kind.LIMIT_REACHED)[0].details["seconds"] == plan.max_call_seconds
    assert conducted.of(Kind.CALLER_LEFT) == []
    assert [entry.details["by"] for entry in conducted.of(Kind.TALK_ENDED)] == []
    assert conducted.seconds < plan.max_call_seconds + 0.2
    assert all(leg.ended.done() for leg in conducted.line.legs)


@pytest.mark.parametrize("stopped_at", [0.001, 0.004, 5, 25.01, 30, 35])
def test_a_shutdown_still_gives_a_verdict_and_closes_the_line(stopped_at: float) -> None:
    conducted = call(BOOK, Plan(speaks=100), stopped_at=stopped_at)
    assert isinstance(conducted.error, asyncio.CancelledError)
    assert len(conducted.journal.endings) == 1
    assert conducted.line.closed == 1
    assert all(leg.ended.done() for leg in conducted.line.legs)
    assert conducted.of(Kind.CALLER_LEFT) == []
    assert conducted.of(Kind.TROUBLE)[0].details == {"what": "program", "why": "the controller was stopped"}


def test_a_call_stopped_while_it_rang_was_not_left_unanswered_by_its_destinations() -> None:
    assert verdict(call(BOOK, Plan(), stopped_at=5)) == (Disposition.LOST, Reason.TROUBLE)


def test_a_second_shutdown_while_the_call_is_closed_does_not_cost_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    close = HostileLine.close

    async def cancelled_again(line: HostileLine) -> None:
        for task in asyncio.all_tasks():
            if "conduct" in repr(task.get_coro()):
                asyncio.get_running_loop().call_later(0.001, task.cancel)
        await close(line)

    monkeypatch.setattr(HostileLine, "close", cancelled_again)
    conducted = call(BOOK, Plan(), stopped_at=5)
    assert isinstance(conducted.error, asyncio.CancelledError)
    assert len(conducted.journal.endings) == 1


@pytest.mark.fault("11")
@pytest.mark.parametrize(("operation", "what"), [("ring", "ringing tone"), ("hang_up", "line")])
def test_trouble_with_the_line_is_on_record_and_was_not_the_caller(operation: str, what: str) -> None:
    conducted = call(BOOK, Plan(legs=[answers(3)], troubles={(operation, 1): "500"}))
    assert conducted.of(Kind.TROUBLE)[0].details == {"what": what, "why": "500"}
    assert conducted.of(Kind.CALLER_LEFT) == []
    assert verdict(conducted)[1] is Reason.TALKED
    assert conducted.line.closed == 1


@pytest.mark.promise("OUR-01")
@pytest.mark.parametrize("strategy", [*RingStrategy])
def test_a_fault_in_the_program_ends_the_call_with_a_verdict_and_every_leg_on_record(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, strategy: RingStrategy
) -> None:
    async def broken(line: HostileLine, leg: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(HostileLine, "connect", broken)
    book = always("UTC", DialStep(strategy, TOGETHER.destinations))
    with caplog.at_level(logging.ERROR):
        conducted = call(book, Plan(legs=[answers(3), SILENT]))
    assert conducted.of(Kind.TROUBLE)[0].details == {"what": "program", "why": "ZeroDivisionError('oops')"}
    assert verdict(conducted)[0] is Disposition.LOST
    assert len(conducted.journal.legs) == len(conducted.line.legs) == len(conducted.of(Kind.LEG_DIALED))
    assert CALLER not in caplog.text
    assert "+791******01" in caplog.text


@pytest.mark.fault("1")
@pytest.mark.parametrize(("leaves_at", "disposition"), [(2, Disposition.LOST), (5, Disposition.ANSWERED)])
def test_a_line_that_is_lost_is_not_a_hang_up(leaves_at: float, disposition: Disposition) -> None:
    conducted = call(BOOK, Plan(legs=[answers(3)], leaves_at=leaves_at, leaves_how=CallerEnd.LINE_LOST))
    assert conducted.of(Kind.CALLER_LEFT)[0].details["how"] == "line_lost"
    assert verdict(conducted)[0] is disposition
    assert conducted.of(Kind.TALK_ENDED) == []


@pytest.mark.promise("OUR-08")
@pytest.mark.parametrize(
    "leaves_at", [0.004, 2, 5, 22, 30], ids=["placing", "ringing", "talking", "prompt", "recording"]
)
@pytest.mark.parametrize("to", [CallerEnd.TO_FALLBACK, CallerEnd.TO_SUCCESSOR])
def test_a_call_that_is_somebody_elses_gets_no_verdict_and_no_other_word_of_ours(
    to: CallerEnd, leaves_at: float
) -> None:
    legs = [answers(3)] if leaves_at < 10 else [SILENT, SILENT]
    conducted = call(always("UTC", TOGETHER, VOICEMAIL), Plan(legs=legs, leaves_at=leaves_at, leaves_how=to))
    assert conducted.kinds[-1] is Kind.HANDED_ON
    assert conducted.of(Kind.HANDED_ON)[0].details == {"how": to.value}
    assert (conducted.verdict, conducted.error, conducted.journal.endings) == (None, None, [])
    assert (conducted.keeper.taken, conducted.keeper.discarded) == ([], [])
