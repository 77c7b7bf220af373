"""Two controllers at one Asterisk: under two names they share the calls, under one name the first gives way."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.controller import Controller
from tests.e2e.house import Caller, House, Stage, ring
from tests.e2e.journal import JournalledCall, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.voice import Speech
from tests.monitoring.scraping import Endpoint, free_port

AT_ONCE = 12
STAY_MS = 14_000


def took(controller: Controller, *calls: JournalledCall) -> list[bool]:
    """Of each call, whether it was in this controller's hands: it tells of the end of every one of its own."""
    told = "\n".join(controller.lines)
    return [re.search(rf"call {call.call['id']} from", told) is not None for call in calls]


@pytest.fixture(scope="module")
def shared(new_house: Callable[..., House]) -> House:
    """An installation whose dialplan offers each call to two applications; the first reaches ARI through a proxy."""
    return new_house(apps="ari-app ari-app-2", through_proxy=True)


@pytest.fixture(scope="module")
def second(shared: House) -> Iterator[Controller]:
    """The second one: the same Asterisk, database and messages, a name of its own."""
    controller = shared.controller.beside("second", ari_application="ari-app-2", ari_url=shared.asterisk.ari_url)
    yield controller
    controller.kill()


@pytest.fixture
def both(shared: House, second: Controller) -> Iterator[Stage]:
    """A story with both there at its beginning."""
    for controller in (shared.controller, second):
        if not controller.running:
            controller.start()
    with shared.story() as stage:
        yield stage
    for controller in (shared.controller, second):
        assert not [line for line in controller.lines if "Traceback" in line], "\n".join(controller.lines)


def beside_a_frozen(other: Controller, stage: Stage, number: str) -> Caller:
    """A call that the one takes, because the other is frozen while it is offered; answered when this returns."""
    other.signal(signal.SIGSTOP)
    try:
        caller = stage.call(number, Speech(60), talk_ms=STAY_MS)
        caller.sipp.until(200, 10, sent=False)
    finally:
        other.signal(signal.SIGCONT)
    return caller


@pytest.mark.fault("7")
def test_each_of_many_calls_is_taken_by_exactly_one(both: Stage, second: Controller) -> None:
    phones = [both.answering() for _ in range(AT_ONCE)]
    mark = second.mark
    numbers = [both.plan(ring(phone)) for phone in phones]
    second.said(r"book \w+ in force", since=mark, seconds=3)
    callers = [both.call(number, talk_ms=300) for number in numbers]
    for caller in callers:
        assert caller.over().final == 200
    calls = [caller.journalled() for caller in callers]
    assert {call.verdict for call in calls} == {("answered", "talked")}
    for _ in ticks(3):  # the log comes after the journal
        by_first, by_second = took(both.house.controller, *calls), took(second, *calls)
        if all(map(any, zip(by_first, by_second, strict=True))):
            break
    assert [one + other for one, other in zip(by_first, by_second, strict=True)] == [1] * AT_ONCE
    assert {phone.invites for phone in phones} == {1}


@pytest.mark.fault("7")
def test_one_is_cut_off_killed_and_restarted_beside_the_other_s_calls(both: Stage, second: Controller) -> None:
    """A talk by Dial(), one in a bridge of ours and a message under way are the second one's, and go on to their ends.
    New calls are taken by whoever is there."""
    house, first = both.house, both.house.controller
    assert house.proxy is not None
    phones = [both.answering() for _ in range(5)]
    mark = second.mark
    beside = ring(phones[1], phones[2], strategy="staggered", delays=(0, 9))
    plans = (both.plan(ring(phones[0])), both.plan(beside), both.plan(Voicemail(max_seconds=60)))
    while_away, afterwards = both.plan(ring(phones[3])), both.plan(ring(phones[4]))
    second.said(r"book \w+ in force", since=mark, seconds=3)
    theirs = [beside_a_frozen(first, both, number) for number in plans]
    mark = first.mark
    house.proxy.cut()
    first.said("connected$", since=mark, seconds=4)
    first.kill()
    alone = both.call(while_away, talk_ms=200)
    assert alone.over().final == 200
    first.start()
    for caller in theirs:
        assert caller.over().one("BYE").sent, "the caller ended the call, not we"
    calls = [caller.journalled() for caller in (*theirs, alone)]
    assert [call.verdict[0] for call in calls] == ["answered", "answered", "message_left", "answered"]
    second.said(f"call {calls[2].call['id']} from")
    assert took(second, *calls) == [True] * 4
    assert took(first, *calls) == [False] * 4
    second.kill()
    again = both.call(afterwards, talk_ms=200)
    assert again.over().final == 200
    first.said(f"call {again.journalled().call['id']} from")


# --- one name ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contested(new_house: Callable[..., House]) -> House:
    """An installation whose controller is watched."""
    return new_house(monitor_port=free_port())


@pytest.fixture
def usurper(contested: House) -> Iterator[Controller]:
    """A second controller that was given the same name."""
    controller = contested.controller.beside("usurper", monitor_port=0)
    yield controller
    controller.kill()


@pytest.mark.fault("6")
def test_of_two_with_one_name_the_first_goes_passive_says_so_and_does_not_fight(
    contested: House, usurper: Controller
) -> None:
    first, endpoint = contested.controller, Endpoint(int(str(contested.controller.setting("monitor_port"))))
    first.start()
    with contested.story() as stage:
        phones = [stage.answering() for _ in range(3)]
        numbers = [stage.plan(ring(phone)) for phone in phones]
        mark = first.mark
        usurper.start()
        told = first.said("another controller has taken our application's name", since=mark, seconds=2)
        assert "ERROR" in told
        assert "stop one of the two" in told
        [lack] = endpoint.until("/readyz", 503)["lacks"]
        assert (lack["what"], "another controller" in lack["trouble"]) == ("replaced", True)
        assert "ARI_APP_ARI_APPLICATION" in lack["mend"]
        scrape = endpoint.scrape()
        assert (scrape.value("ari_app_ari_replaced"), scrape.value("ari_app_ari_connected")) == (1, 0)
        callers = [stage.call(number, talk_ms=300) for number in numbers[:2]]
        for caller in callers:
            assert caller.over().final == 200
        calls = [caller.journalled() for caller in callers]
        for call in calls:
            usurper.said(f"call {call.call['id']} from")
        assert took(first, *calls) == [False, False]
        assert endpoint.get("/healthz").status_code == 200, "a restart would take the name back, and so on for ever"
        usurper.stop()
        stage.counts_invites = False
        assert stage.call(numbers[2], talk_ms=300).over().final == 200, "the fallback has it"
        assert phones[2].invites == 0
        assert endpoint.scrape().value("ari_app_ari_connections_total") == 1, "it has not tried to get the name back"
        assert first.stop() == 0
        first.start()
        caller = stage.call(stage.plan(ring(phones[2])), talk_ms=300)
        assert caller.over().final == 200
        assert caller.journalled().verdict == ("answered", "talked")


@pytest.mark.fault("6")
def test_the_one_that_came_last_has_the_calls_of_the_one_that_was_replaced(
    contested: House, usurper: Controller
) -> None:
    """What is under way goes on in Asterisk, where the new one finds it; neither hangs up on anybody."""
    first = contested.controller
    if not first.running:
        first.start()
    with contested.story() as stage:
        phone = stage.answering()
        caller = stage.call(stage.plan(ring(phone)), talk_ms=6000)
        caller.connected()
        usurper.start()
        assert caller.over().one("BYE").sent, "the caller ended the call, not we"
        assert caller.journalled().verdict == ("answered", "talked")
    first.kill()
