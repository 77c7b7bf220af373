"""Circles: a destination outside that forwards back makes each round one more call of the same caller."""

from __future__ import annotations

import asyncio

import pytest

from ari_app import virtual_time
from ari_app.call import Exchange, conduct
from ari_app.core.explain import sentence
from ari_app.core.scheme import Destination, DialStep, RingStrategy, TargetKind
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Reason, Verdict
from tests.fakes.scripted import CALLER, SILENT, HostileLine, Keeper, Notebook, OneBook, Plan, always, answers, opened

MOBILE = Destination(TargetKind.NUMBER, "+79160000003", 20)
DESK = Destination(TargetKind.ENDPOINT, "desk", 20)


def side_by_side(count: int, destination: Destination, *, caller: str | None = CALLER, plan: Plan) -> list[Verdict]:
    """So many calls of one caller to one number, a second after each other; their verdicts in that order."""

    async def go() -> list[Verdict]:
        book = OneBook(always("UTC", DialStep(RingStrategy.IN_TURN, (destination,))))
        line = HostileLine(plan)
        exchange = Exchange(book, Notebook(), Keeper(line), ())

        async def one(number: int) -> Verdict:
            await asyncio.sleep(number)
            verdict = await conduct(opened(caller=caller), HostileLine(plan), exchange)
            assert verdict is not None
            return verdict

        return list(await asyncio.gather(*map(one, range(count))))

    return virtual_time.run(go())


@pytest.mark.promise("FLD-11")
def test_the_fourth_call_that_would_ring_the_same_mobile_closes_a_circle() -> None:
    reasons = [one.reason for one in side_by_side(5, MOBILE, plan=Plan(legs=[SILENT]))]
    assert reasons == [Reason.NOBODY_ANSWERED] * 3 + [Reason.LOOP] * 2


@pytest.mark.parametrize(
    ("destination", "caller", "plan"),
    [
        (DESK, CALLER, Plan(legs=[SILENT])),
        (MOBILE, None, Plan(legs=[SILENT])),
        (MOBILE, CALLER, Plan(legs=[answers(0.5, talks=60)])),
    ],
    ids=["phones of ours forward nothing", "callers without an id are not one caller", "who talks is in no circle"],
)
def test_other_calls_side_by_side_are_let_pass(destination: Destination, caller: str | None, plan: Plan) -> None:
    assert Reason.LOOP not in [one.reason for one in side_by_side(6, destination, caller=caller, plan=plan)]


def test_once_the_calls_before_are_over_the_caller_is_welcome_again() -> None:
    async def go() -> list[Kind]:
        book = OneBook(always("UTC", DialStep(RingStrategy.IN_TURN, (MOBILE,))))
        journal = Notebook()
        line = HostileLine(Plan(legs=[SILENT]))
        exchange = Exchange(book, journal, Keeper(line), ())
        for _ in range(6):
            await conduct(opened(), HostileLine(Plan(legs=[SILENT])), exchange)
        return [entry.kind for entry in journal.timeline]

    assert Kind.LOOP_STOPPED not in virtual_time.run(go())


@pytest.mark.promise("FLD-11")
def test_whoever_has_forwarded_the_call_to_us_is_not_rung_for_it() -> None:
    async def go() -> Notebook:
        line, journal = HostileLine(Plan(legs=[answers(1)])), Notebook()
        book = OneBook(always("UTC", DialStep(RingStrategy.IN_TURN, (MOBILE, DESK))))
        await conduct(opened(diverted_by=MOBILE.target), line, Exchange(book, journal, Keeper(line), ()))
        return journal

    journal = virtual_time.run(go())
    assert [(leg.destination, leg.outcome.value) for leg in journal.legs] == [
        (MOBILE.target, "refused"),
        (DESK.target, "answered"),
    ]
    told = [sentence(entry) for entry in journal.timeline]
    assert told[0].endswith(f", forwarded by {MOBILE.target}")
    assert f"{MOBILE.target} was refused before dialing (it has forwarded this call to us)" in told
