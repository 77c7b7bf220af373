"""Overload: more callers than there is room for. Each is told so at once, and those inside do not notice."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.crowd import Crowd, p95, statuses
from tests.e2e.house import House, ring
from tests.e2e.journal import Destination, Dial
from tests.e2e.sipp import ticks
from tests.monitoring.scraping import Endpoint, free_port

RATE = 10
RUSH = 6
"""How many times more callers come than are let in."""
SECONDS = 4
AT_ONCE = 1.0
"""Seconds that 95 % may take on a machine that others use too; alone, five thousandths (decision 16)."""


@pytest.fixture(scope="module")
def narrow(new_house: Callable[..., House]) -> House:
    """An installation that lets few in; each story says how few."""
    return new_house(monitor_port=free_port())


@pytest.fixture
def endpoint(narrow: House) -> Iterator[Endpoint]:
    """The monitoring endpoint; the controller is stopped afterwards."""
    yield Endpoint(int(str(narrow.controller.setting("monitor_port"))))
    narrow.controller.stop()


def journalled(house: House, count: int) -> Counter[tuple[str, str]]:
    """Verdicts, once so many rows are closed."""
    found: Counter[tuple[str, str]] = Counter()
    for _ in ticks(10):
        rows = house.database.rows("SELECT disposition, reason FROM calls WHERE disposition IS NOT NULL")
        found = Counter((row["disposition"], row["reason"]) for row in rows)
        if found.total() >= count:
            break
    return found


@pytest.mark.fault("36")
def test_beyond_the_rate_a_call_gets_503_at_once_and_those_inside_keep_their_quality(
    narrow: House, endpoint: Endpoint, tmp_path: Path
) -> None:
    narrow.controller.start(most_calls_a_second=RATE)
    with narrow.story() as stage:
        stage.counts_invites = False
        phone = stage.phone(calls=1000, answer_ms=10, talk_ms=5000)
        number = stage.plan(ring(phone))
        before = journalled(narrow, 0)
        crowd = Crowd(narrow, tmp_path / "crowd", number, RATE * RUSH * SECONDS, rate=RATE * RUSH)
        fates = crowd.over()
        phone.sipp.stop()
        stage.phones.remove(phone)
    count = statuses(fates)
    assert count.keys() == {200, 503}
    assert count.total() == crowd.calls, "somebody was left in silence"
    assert RATE * (SECONDS - 1) <= count[200] <= RATE * (SECONDS + 1) + 2
    assert {fate.invites for fate in fates} == {1}, "Asterisk's own queue dropped an INVITE"
    assert p95([fate.seconds for fate in fates if fate.status == 503]) < AT_ONCE
    assert p95([fate.seconds for fate in fates if fate.status == 200]) < AT_ONCE
    assert endpoint.scrape().value("ari_app_calls_turned_away_total", why="rate") == count[503]
    told = journalled(narrow, before.total() + count[200]) - before
    assert told.keys() == {("answered", "talked"), ("lost", "overload")}
    assert told["answered", "talked"] == count[200]
    assert 0 < told["lost", "overload"] < count[503], "a flood is not to become one of rows"
    assert sum("refused with 503" in line for line in narrow.controller.lines) == 1


@pytest.mark.fault("36")
def test_beyond_the_number_of_live_calls_a_call_gets_503_and_there_is_room_again_when_one_ends(
    narrow: House, endpoint: Endpoint, tmp_path: Path
) -> None:
    narrow.controller.start(most_calls=4)
    with narrow.story() as stage:
        stage.counts_invites = False
        phone = stage.phone(calls=1000, answer_ms=10, talk_ms=5000)
        number = stage.plan(ring(phone))
        first = statuses(Crowd(narrow, tmp_path / "first", number, 12, rate=50, talk_ms=600).over())
        assert first == {200: 4, 503: 8}
        narrow.tidy()
        assert statuses(Crowd(narrow, tmp_path / "second", number, 4, rate=50).over()) == {200: 4}
        phone.sipp.stop()
        stage.phones.remove(phone)
    assert endpoint.scrape().value("ari_app_calls_turned_away_total", why="calls") == 8


def test_whoever_there_is_no_room_for_may_be_left_to_the_dialplan(
    narrow: House, endpoint: Endpoint, tmp_path: Path
) -> None:
    """Nobody answers FastAGI here: the caller is greeted by the dialplan itself."""
    narrow.controller.start(most_calls=1, overload="fallback")
    with narrow.story() as stage:
        stage.counts_invites = False
        caller = stage.call(stage.plan(ring(stage.answering())), talk_ms=3000)
        caller.connected()
        late = Crowd(narrow, tmp_path / "late", caller.dialled, 2, rate=50)
        assert statuses(late.over()) == {200: 2}
        caller.over()
    assert endpoint.scrape().value("ari_app_calls_turned_away_total", why="calls") == 2
    (row,) = narrow.database.rows(f"SELECT disposition FROM calls WHERE dialled = '{caller.dialled}'")
    assert row["disposition"] == "answered"


@pytest.mark.promise("FLD-11")
def test_numbers_outside_are_rung_as_often_as_a_scheme_may_in_a_day_also_across_a_restart(
    narrow: House, endpoint: Endpoint
) -> None:
    """The phone of ours is rung by every call; the mobile by two, before the controller is killed and after it."""
    mobile = "+79160008888"
    counting = f"exten => {mobile},1,Set(DB(stories/rung)=${{DB(stories/rung)}}x)\n same => n,Hangup(17)\n"
    narrow.asterisk.add("extensions.d/counting.conf", f"[lab-phones]\n{counting}")
    narrow.asterisk.cli("dialplan reload")
    narrow.controller.start(outside_calls_a_day=2)
    with narrow.story() as stage:
        desk = stage.phone("phone-refuses", calls=3, status="486 Busy Here", extra="")
        number = stage.plan(Dial((Destination(mobile, kind="number"), Destination(desk.name))))

        def call(status: int) -> None:
            stage.call(number, scenario="caller-refused", status=status).over()

        call(486)
        narrow.database.closed(number, 1)
        narrow.controller.kill()
        mark = narrow.controller.mark
        narrow.controller.start(outside_calls_a_day=2)
        narrow.controller.said("rung before this start count to their schemes' day: 1", since=mark)
        call(486)
        call(480)
        journalled = narrow.database.closed(number, 3)
        assert [one.outcomes for one in journalled] == [
            *[[(mobile, "busy"), (desk.name, "busy")]] * 2,
            [(mobile, "over_cap"), (desk.name, "busy")],
        ]
        assert narrow.asterisk.cli("database get stories rung").split() == ["Value:", "xx"]
    narrow.controller.said("has rung numbers outside 2 times on", since=mark)
    assert endpoint.scrape().value("ari_app_legs_total", outcome="over_cap", cause="0") == 1
