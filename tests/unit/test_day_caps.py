"""Beyond a scheme's cap of a day its numbers outside are passed over; its endpoints and its voicemail go on."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ari_app import virtual_time
from ari_app.call import Exchange, conduct
from ari_app.core.explain import sentence
from ari_app.core.outcomes import LegOutcome
from ari_app.core.scheme import Destination, DialStep, RingStrategy, SchemeBook, TargetKind, VoicemailStep
from ari_app.core.timeline import Kind
from ari_app.day_caps import DayCaps
from tests.fakes.scripted import (
    AS_WRITTEN,
    BUSY,
    NOW,
    NUMBER,
    HostileLine,
    Keeper,
    LegPlan,
    Notebook,
    OneBook,
    Plan,
    always,
    answers,
    book_of,
    opened,
)
from tests.unit.test_voicemail import GREETING

pytestmark = pytest.mark.promise("FLD-11")

MOBILE, OTHER = (Destination(TargetKind.NUMBER, target, 20) for target in ("+79160000003", "+79160000004"))
DESK = Destination(TargetKind.ENDPOINT, "desk", 20)
OVER = LegOutcome.OVER_CAP


def capped(cap: int | None, strategy: RingStrategy, *destinations: Destination) -> SchemeBook:
    scheme = always("UTC", DialStep(strategy, destinations), VoicemailStep(GREETING)).numbers[NUMBER].scheme
    assert scheme is not None
    return book_of(replace(scheme, outside_calls_a_day=cap))


def calls(book: SchemeBook, caps: DayCaps, *at: datetime, legs: tuple[LegPlan, ...] = (BUSY,)) -> list[Notebook]:
    """One call after another, each at its moment."""

    async def go() -> list[Notebook]:
        journals = []
        for moment in at:
            line, journal = HostileLine(Plan(legs=list(legs))), Notebook()
            exchange = Exchange(OneBook(book), journal, Keeper(line), (), caps=caps)
            await conduct(opened(at=moment), line, exchange)
            journals.append(journal)
        return journals

    return virtual_time.run(go())


def outcomes(journal: Notebook) -> list[tuple[str, LegOutcome]]:
    return [(leg.destination, leg.outcome) for leg in sorted(journal.legs, key=lambda one: one.leg_id)]


@pytest.mark.parametrize("strategy", AS_WRITTEN)
def test_what_is_beyond_the_cap_is_passed_over_and_the_rest_serves(strategy: RingStrategy) -> None:
    (journal,) = calls(capped(1, strategy, MOBILE, OTHER, DESK), DayCaps(), NOW, legs=(BUSY, BUSY))
    assert outcomes(journal) == [
        (MOBILE.target, LegOutcome.BUSY),
        (OTHER.target, OVER),
        (DESK.target, LegOutcome.BUSY),
    ]
    told = [sentence(entry) for entry in journal.timeline if entry.kind is Kind.LEG_ENDED]
    assert f"{OTHER.target} is not rung (its scheme may ring numbers outside 1 times a day, and has)" in told
    assert Kind.RECORDING_BEGAN in [entry.kind for entry in journal.timeline]


def test_an_endpoint_may_still_answer() -> None:
    caps = DayCaps(default=1)
    book = capped(None, RingStrategy.IN_TURN, MOBILE, DESK)
    first, second = calls(book, caps, NOW, NOW, legs=(answers(1, talks=5),))
    assert outcomes(first) == [(MOBILE.target, LegOutcome.ANSWERED)]
    assert outcomes(second) == [(MOBILE.target, OVER), (DESK.target, LegOutcome.ANSWERED)]


def test_the_scheme_s_midnight_begins_a_new_day_and_each_day_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    book = capped(1, RingStrategy.IN_TURN, MOBILE)
    evening = datetime(2026, 3, 2, 23, 50, tzinfo=UTC)
    later = [evening + timedelta(minutes=minutes) for minutes in (0, 1, 2, 15, 16)]
    journals = calls(book, DayCaps(), *later)
    assert [outcomes(journal)[0][1] for journal in journals] == [LegOutcome.BUSY, OVER, OVER, LegOutcome.BUSY, OVER]
    told = [record.message for record in caplog.records if "as often as it may" in record.message]
    assert ["on 2026-03-02" in told[0], "on 2026-03-03" in told[1], len(told)] == [True, True, 2]


def test_what_was_rung_before_the_start_counts() -> None:
    caps = DayCaps(default=3)
    caps.resume([("office", date(2026, 3, 2), 2), ("another", date(2026, 3, 2), 9)])
    journals = calls(capped(None, RingStrategy.IN_TURN, MOBILE), caps, NOW, NOW)
    assert [outcomes(journal)[0][1] for journal in journals] == [LegOutcome.BUSY, OVER]


@pytest.mark.parametrize("cap", [None, 1_000_000])
def test_without_a_cap_or_far_from_it_nothing_is_passed_over(cap: int | None) -> None:
    journals = calls(capped(cap, RingStrategy.IN_TURN, MOBILE), DayCaps(), *[NOW] * 5)
    assert {outcomes(journal)[0][1] for journal in journals} == {LegOutcome.BUSY}
