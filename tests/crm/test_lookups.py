"""Asking CRMs in threads: the budget, one question for all who ask it, memory, the circuit breaker, bounded threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ari_app.core.responsible import Manager, Named, Nobody, Question, Said, Why
from ari_app.crm.base import CrmLimited, CrmTrouble
from ari_app.crm.configuration import Configured
from ari_app.crm.csv_file import CsvSettings
from ari_app.crm.lookups import Lookups, _search

PHONE = "+79161112233"
OLGA = Manager("7", "Olga")
WAIT = 20.0
"""Seconds that a thread of a test waits for its signal at most."""


@dataclass
class Played:
    """A CRM that answers as it is told: with a manager for the entities in ``knows``; with ``trouble``; or only when it
    is let go."""

    name: str = "crm"
    entities: tuple[str, ...] = ("lead", "deal")
    knows: dict[str, Manager] = field(default_factory=dict)
    trouble: Exception | None = None
    hangs: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    threads: set[threading.Thread] = field(default_factory=set)
    asked_by: list[Lookups] = field(default_factory=list)

    def running(self) -> list[threading.Thread]:
        """Its threads that have not ended."""
        return [thread for thread in self.threads if thread.is_alive()]

    def find(self, entity: str, phone: str, within_seconds: float) -> Manager | None:
        assert 0 < within_seconds <= 5
        self.asked.append((entity, phone))
        self.threads.add(threading.current_thread())
        if self.hangs:
            assert self.let_go.wait(WAIT)
        if self.trouble is not None:
            raise self.trouble
        return self.knows.get(entity)


@dataclass
class Bench:
    """Look-ups of one such CRM, and what was told of them."""

    crm: Played
    lookups: Lookups
    told: list[tuple[str, bool]]

    async def ask(self, phone: str | None = PHONE, *entities: str, crm: str = "crm") -> Said:
        return await self.lookups.ask(Question(crm, entities, phone))


def bench(crm: Played, **settings: object) -> Bench:
    told: list[tuple[str, bool]] = []
    given = {"kind": "csv", "name": crm.name, "file": "unused", "budget": 5, **settings}
    configured = Configured(crm, CsvSettings.model_validate(given))
    lookups = Lookups([configured], lambda _, result, seconds: told.append((result, seconds is not None)))
    crm.asked_by.append(lookups)
    return Bench(crm, lookups, told)


@pytest.fixture
def played() -> Iterator[Played]:
    """A CRM whose threads are let go at the end."""
    crm = Played()
    yield crm
    crm.let_go.set()
    for lookups in crm.asked_by:
        lookups.close()
    for thread in crm.running():
        thread.join(WAIT)
        assert not thread.is_alive()


def run(deed: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(deed())


async def until(holds: Callable[[], bool]) -> None:
    """Turn by turn of the loop, until it does."""
    async with asyncio.timeout(WAIT):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0)


@pytest.mark.promise("RNG-12")
def test_records_are_searched_in_their_order_and_the_first_found_wins(played: Played) -> None:
    played.knows = {"deal": OLGA, "contact": Manager("8")}
    on = bench(played, believe=0, believe_none=0)

    async def deed() -> None:
        assert await on.ask() == Named(OLGA, "deal")
        assert await on.ask(PHONE, "contact", "deal") == Named(Manager("8"), "contact")
        assert await on.ask(PHONE, "lead") == Nobody(Why.NONE)

    run(deed)
    assert [entity for entity, _ in played.asked] == ["lead", "deal", "contact", "lead"]
    assert on.told == [("named", True), ("named", True), ("none", True)]


@pytest.mark.promise("RNG-14")
def test_a_crm_that_does_not_answer_is_waited_for_no_longer_than_its_budget(played: Played) -> None:
    played.hangs, played.knows = True, {"lead": OLGA}
    on = bench(played, budget=0.1)

    async def deed() -> None:
        assert await on.ask() == Nobody(Why.SLOW, "0.1 s")
        played.let_go.set()
        key = (played.entities, PHONE)
        way = on.lookups._ways["crm"]
        await until(lambda: way._memory.get(key, 0) is not None)
        assert await on.ask() == Named(OLGA, "lead"), "what came late is remembered"

    run(deed)
    assert on.told == [("slow", True), ("remembered", False)]


def test_those_who_ask_the_same_at_once_share_one_question(played: Played) -> None:
    played.hangs, played.knows = True, {"lead": OLGA}
    on = bench(played)

    async def deed() -> None:
        first, second = (asyncio.ensure_future(on.ask()) for _ in range(2))
        await until(lambda: bool(played.asked))
        played.let_go.set()
        assert [await first, await second] == [Named(OLGA, "lead")] * 2

    run(deed)
    assert len(played.asked) == 1


def test_what_the_crm_said_is_believed_for_a_while_also_that_there_is_nobody(played: Played) -> None:
    on = bench(played)

    async def deed() -> None:
        assert await on.ask() == await on.ask() == Nobody(Why.NONE)
        assert await on.ask("+79161112244") == Nobody(Why.NONE)

    run(deed)
    assert [phone for _, phone in played.asked] == [PHONE, PHONE, "+79161112244", "+79161112244"]


@pytest.mark.promise("RNG-14")
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (CrmTrouble("the token has expired"), Nobody(Why.FAILED, "the token has expired")),
        (ZeroDivisionError("adapter"), Nobody(Why.FAILED, "ZeroDivisionError")),
        (CrmLimited("429", 0.0), Nobody(Why.LIMITED, "429")),
    ],
)
def test_a_crm_that_fails_too_often_is_left_alone(
    played: Played, trouble: Exception, said: Nobody, caplog: pytest.LogCaptureFixture
) -> None:
    played.trouble = trouble
    on = bench(played, failures=2, pause=3600)

    async def deed() -> None:
        assert on.lookups.paused() == {"crm": False}
        assert await on.ask() == await on.ask() == said, "nothing is remembered of it"
        assert on.lookups.paused() == {"crm": True}
        last = await on.ask()
        assert isinstance(last, Nobody)
        assert last.why is (Why.LIMITED if said.why is Why.LIMITED else Why.PAUSED)
        assert last.text == said.text

    run(deed)
    assert len(played.asked) == 2
    assert "CRM crm is not asked for 3600 s" in caplog.text
    assert PHONE not in caplog.text


def test_once_it_answers_again_it_is_asked_again(played: Played, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    played.trouble = CrmTrouble("down")
    on = bench(played, failures=1, pause=1)

    async def deed() -> None:
        assert (await on.ask()) == Nobody(Why.FAILED, "down")
        played.trouble, played.knows = None, {"lead": OLGA}
        await until(lambda: on.lookups.paused() == {"crm": False})
        assert await on.ask() == Named(OLGA, "lead")

    run(deed)
    assert "CRM crm answers again" in caplog.text


@pytest.mark.promise("RNG-14")
def test_a_crm_that_asks_to_be_left_alone_is(played: Played) -> None:
    played.trouble = CrmLimited("too many requests", 3600)
    on = bench(played, failures=100)

    async def deed() -> None:
        for _ in range(2):
            assert await on.ask() == Nobody(Why.LIMITED, "too many requests")

    run(deed)
    assert len(played.asked) == 1


def test_no_more_threads_wait_for_a_crm_than_may(played: Played) -> None:
    played.hangs = True
    on = bench(played, at_once=2)

    async def deed() -> None:
        asking = [asyncio.ensure_future(on.ask(f"+7916111223{number}")) for number in range(2)]
        await until(lambda: len(played.asked) == 2)
        assert await on.ask() == Nobody(Why.BUSY)
        played.let_go.set()
        assert await asyncio.gather(*asking) == [Nobody(Why.NONE)] * 2
        for number in range(4, 8):
            assert await on.ask(f"+7916111224{number}") == Nobody(Why.NONE)

    run(deed)
    assert len(played.threads) == 2, "they are used again"


def test_nobody_is_asked_about_a_caller_without_a_number_or_of_a_crm_that_is_none(played: Played) -> None:
    on = bench(played)

    async def deed() -> None:
        assert await on.ask(None) == Nobody(Why.NO_NUMBER)
        assert await on.ask(crm="other") == Nobody(Why.NO_CRM)

    run(deed)
    assert not played.asked


def test_an_answer_after_the_end_disturbs_nobody(played: Played) -> None:
    played.hangs = True
    on = bench(played, budget=0.1)

    async def deed() -> None:
        assert await on.ask() == Nobody(Why.SLOW, "0.1 s")

    run(deed)
    played.let_go.set()
    on.lookups.close()
    for thread in played.running():
        thread.join(WAIT)
    assert not played.running()


def test_a_record_for_which_no_time_is_left_is_not_asked_for(played: Played) -> None:
    assert _search(played, (played.entities, PHONE), time.monotonic() - 0.001) == (Nobody(Why.SLOW), 0.0)
    assert not played.asked
