"""What holds for every call that one process begins and another goes on with, whenever the first is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from ari_app import virtual_time
from ari_app.call import Exchange, conduct
from ari_app.core.outcomes import CallerEnd, LegOutcome
from ari_app.core.scheme import Destination, DialStep, RingStrategy, SchemeBook, Step, TargetKind
from ari_app.core.standing import standing
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Disposition
from ari_app.ports import CallSoFar
from tests.fakes.managers import AskedManagers
from tests.fakes.scripted import Conducted, HostileLine, Keeper, Notebook, OneBook, Plan, always, answers, call, opened
from tests.unit.test_call_properties import INSTANTS, SCHEMES, SLACK, bound, plans, seldom


@dataclass(frozen=True)
class Left:
    """What a kill leaves: who of the open legs lives, whether a prompt plays; how the caller left meanwhile, if so."""

    living: Sequence[bool]
    playing: bool
    caller: CallerEnd | None
    plan: Plan
    seconds: float


LEFT = st.builds(
    Left,
    living=st.lists(st.booleans(), min_size=8, max_size=8),
    playing=st.booleans(),
    caller=seldom(st.sampled_from([CallerEnd.HUNG_UP, CallerEnd.CANCELLED, CallerEnd.LINE_LOST])),
    plan=plans(troubles=st.just({})),
    seconds=INSTANTS,
)


def taken_up(book: SchemeBook, so_far: Sequence[Entry], left: Left) -> Conducted:
    """Another process goes on with a call whose timeline broke off."""

    async def go() -> Conducted:
        line, journal = HostileLine(left.plan), Notebook()
        at = standing(so_far)
        living = [leg.leg_id for leg, lives in zip(at.open_legs, left.living, strict=False) if lives]
        talking = at.connected.leg_id if at.connected and at.connected.leg_id in living else None
        line.leave_behind(living, talking, recording=at.recording is not None, playing=left.playing)
        if left.caller is not None:
            line.leave(left.caller)
        done = Conducted(line, journal, Keeper(line))
        exchange = Exchange(
            OneBook(book), journal, done.keeper, (), left.plan.max_call_seconds, managers=AskedManagers()
        )
        begun = CallSoFar(opened(), tuple(so_far), left.seconds)
        done.verdict = await conduct(begun.opened, line, exchange, so_far=begun)
        done.seconds = asyncio.get_running_loop().time()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)
        return done

    return virtual_time.run(go())


def until(first: Conducted, killed_at: float) -> list[Entry]:
    """What was on record of a call at that moment."""
    return [entry for entry in first.journal.timeline if entry.at_ms <= killed_at * 1000]


@pytest.mark.fault("3")
@pytest.mark.promise("OUR-08")
@given(SCHEMES, plans(troubles=st.just({})), INSTANTS, LEFT, st.booleans())
def test_a_call_that_is_taken_up_ends_as_any_other(
    steps: tuple[Step, ...], plan: Plan, killed_at: float, left: Left, edited: bool
) -> None:
    book = always("UTC", *steps)
    so_far = until(call(book, plan), killed_at)
    assume(not any(entry.kind is Kind.VERDICT for entry in so_far))
    second = taken_up(always("UTC", *steps[::-1]) if edited else book, so_far, left)
    assert second.verdict is not None
    event(second.verdict.reason)
    assert second.seconds <= bound(steps + steps, left.plan) + 30 * SLACK
    whole = [*so_far, *second.journal.timeline]
    assert_it_ends_once(second, whole)
    assert_answered_if_and_only_if_connected(second, whole)
    assert_every_leg_is_closed_once(second, so_far)
    assert not [entry for entry in second.of(Kind.TROUBLE) if entry.details["what"] == "program"]


def assert_it_ends_once(second: Conducted, whole: Sequence[Entry]) -> None:
    times = [entry.at_ms for entry in whole]
    assert times == sorted(times)
    assert len(second.journal.endings) == 1
    assert [entry.kind for entry in whole].count(Kind.VERDICT) == 1
    assert [entry.kind for entry in whole].count(Kind.RECOVERED) == 1
    assert second.line.closed == 1


def assert_answered_if_and_only_if_connected(second: Conducted, whole: Sequence[Entry]) -> None:
    (ending,) = second.journal.endings
    connected = [entry for entry in whole if entry.kind is Kind.CONNECTED]
    cancelled = [e for e in whole if e.kind is Kind.CALLER_LEFT and e.details["how"] == CallerEnd.CANCELLED]
    assert len(connected) <= 1
    assert (ending.verdict.disposition is Disposition.ANSWERED) == (bool(connected) and not cancelled)
    assert len([entry for entry in whole if entry.kind is Kind.TALK_ENDED]) <= len(connected)


def assert_every_leg_is_closed_once(second: Conducted, so_far: Sequence[Entry]) -> None:
    line, journal = second.line, second.journal
    assert all(leg.ended.done() for leg in line.legs), "a leg was left"
    records = [record.leg_id for record in journal.legs]
    assert len(records) == len({*records})
    left_open = {leg.leg_id for leg in standing(so_far).open_legs}
    new = {str(entry.details["leg"]) for entry in second.of(Kind.LEG_DIALED)}
    assert {*records} == left_open | new
    assert not left_open & new
    dialed_before = {leg.leg_id for leg in standing(so_far).legs}
    assert not dialed_before & new, "an id is used twice"
    talked = {str(e.details["leg"]) for e in [*so_far, *second.journal.timeline] if e.kind is Kind.CONNECTED}
    answered = {record.leg_id for record in journal.legs if record.outcome is LegOutcome.ANSWERED}
    assert answered == talked & {*records}
    for record in journal.legs:
        assert record.dialed_ms <= (record.answered_ms or record.dialed_ms) <= record.ended_ms


def test_legs_nobody_had_noted_are_gone_on_with() -> None:
    """Killed before it had written that it rang them."""
    destinations = tuple(Destination(TargetKind.ENDPOINT, name, 20) for name in ("desk", "mobile"))
    book = always("UTC", DialStep(RingStrategy.ALL_AT_ONCE, destinations))

    async def go() -> Conducted:
        line, journal = HostileLine(Plan(legs=[answers(60), answers(3)])), Notebook()
        line.leave_behind(["call-1", "call-2"], None, recording=False, playing=False)
        done = Conducted(line, journal, Keeper(line))
        begun = CallSoFar(opened(), (), 1.0)
        done.verdict = await conduct(
            begun.opened, line, Exchange(OneBook(book), journal, done.keeper, ()), so_far=begun
        )
        return done

    done = virtual_time.run(go())
    assert done.verdict is not None
    assert done.verdict.answered_by == "mobile"
    assert [record.leg_id for record in done.journal.legs] == ["call-1", "call-2"]
    assert len(done.journal.calls) == 1, "its row is made now"
