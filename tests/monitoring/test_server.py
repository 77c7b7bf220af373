"""The monitoring endpoint by itself: what it costs, and that it answers when the process does not."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import requests

from ari_app.ari.rest import Request
from ari_app.core.outcomes import leg_outcome
from ari_app.core.timeline import Entry, Kind
from ari_app.monitoring.ari_requests import AriRequests
from ari_app.monitoring.calls import CountingJournal, verdicts
from ari_app.monitoring.meters import Meters
from ari_app.monitoring.processes import LoopMonitor
from ari_app.monitoring.pulse import STILL_SECONDS, Pulse
from ari_app.monitoring.readiness import Answer, Lack, health, readiness
from ari_app.monitoring.server import MOST_CONNECTIONS, MonitorServer
from ari_app.ports import CallOpened, LegRecord
from tests.e2e.sipp import ticks
from tests.fakes.scripted import Notebook
from tests.monitoring.scraping import Endpoint, Scrape, free_port

ONE_SECOND = 1.0
CAUSES = (
    *(0, 1, 2, 3, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 26, 27, 28, 29, 30, 31, 34, 38, 41, 42, 44, 45, 50, 52),
    *(54, 57, 58, 65, 66, 69, 81, 88, 95, 96, 97, 98, 99, 100, 101, 102, 103, 111, 127),
)
"""All that Asterisk knows (include/asterisk/causes.h)."""


@pytest.fixture
def server() -> Iterator[MonitorServer]:
    """One that is well and has little to tell."""
    server = MonitorServer(lambda: b"up 1\n", lambda: Answer(200, b"{}"), lambda: Answer(200, b"{}"))
    server.start("127.0.0.1", free_port(), "ARI_APP_MONITOR_PORT")
    yield server
    server.stop()


def busy_meters(calls: int) -> Meters:
    """A controller's meters in the midst of so many calls, every noun and cause met."""
    meters = Meters("serve")
    journal, requests_ = CountingJournal(Notebook(), meters), AriRequests(meters)
    for number in range(calls):
        call_id = f"call-{number}"
        journal.opened(CallOpened(call_id, datetime.now(UTC), "+79161112233", "", "+74950000101", ""))
        journal.noted(call_id, Entry(100, Kind.LEG_RANG))
        cause, rang = CAUSES[number % len(CAUSES)], number % 2 == 0
        outcome = leg_outcome(cause, rang=rang)
        journal.leg(LegRecord(call_id, "leg", 1, "+79161112233", 0, 100, None, 200, outcome, cause, ""))
        requests_(Request("POST", f"channels/{call_id}"), "websocket", 0.01, None)
    return meters


@pytest.mark.promise("FLD-15")
def test_a_scrape_with_a_thousand_calls_in_hand_takes_less_than_ten_milliseconds() -> None:
    meters = busy_meters(1000)
    assert Scrape.read(meters.rendered().decode()).value("ari_app_calls_live") == 1000

    def cost() -> float:
        began = time.thread_time()
        meters.rendered()
        return time.thread_time() - began

    assert min(cost() for _ in range(5)) < 0.010


@pytest.mark.promise("FLD-15")
def test_counting_costs_a_call_next_to_nothing() -> None:
    began = time.thread_time()
    busy_meters(1000)
    assert (time.thread_time() - began) / 1000 < 0.0005


def test_a_scrape_is_no_longer_after_more_calls() -> None:
    few, many = busy_meters(2000).rendered(), busy_meters(4000).rendered()
    assert len(few.splitlines()) == len(many.splitlines())


def test_every_verdict_has_its_series_from_the_beginning() -> None:
    """A series that appears with a 1 would never have risen, for Prometheus."""
    meters = Meters("serve")
    CountingJournal(Notebook(), meters)
    scrape = Scrape.read(meters.rendered().decode())
    for disposition, reason in verdicts():
        assert scrape.value("ari_app_calls_total", disposition=disposition.value, reason=reason.value) == 0


@pytest.mark.promise("FLD-15")
def test_a_call_rings_first_once_however_many_phones_do() -> None:
    meters = Meters("serve")
    journal = CountingJournal(Notebook(), meters)
    journal.opened(CallOpened("a call", datetime.now(UTC), None, "", None, ""))
    for at_ms in (250, 300, 9000):
        journal.noted("a call", Entry(at_ms, Kind.LEG_RANG))
    scrape = Scrape.read(meters.rendered().decode())
    assert scrape.value("ari_app_call_first_ring_seconds_count") == 1
    assert scrape.value("ari_app_call_first_ring_seconds_sum") == 0.25


def test_what_others_say_makes_no_series() -> None:
    meters = Meters("serve")
    journal, requests_ = CountingJournal(Notebook(), meters), AriRequests(meters)
    before = len(meters.rendered().splitlines())
    for number in range(100):
        journal.noted("a call", Entry(0, Kind.TROUBLE, {"what": f"+7916111{number:04}"}))
        requests_(Request("GET", f"+7916111{number:04}/x"), "http", 0.01, None)
        end = leg_outcome(1000 + number, rang=True)
        journal.leg(LegRecord("a call", "leg", 1, "x", 0, None, None, 9, end, 1000 + number, "+79161110000"))
    assert len(meters.rendered().splitlines()) == before + 2, "one other trouble, one unheard-of cause"


@pytest.mark.promise("FLD-15")
def test_an_event_loop_that_hangs_is_told_by_the_process_itself() -> None:
    port, asked = free_port(), threading.Event()
    seen: list[int] = []

    def watch() -> None:
        endpoint = Endpoint(port)
        try:
            endpoint.until("/healthz", 200)
            hang.set()
            said = endpoint.until("/healthz", 503, seconds=STILL_SECONDS + 10)
            assert said["trouble"].startswith("nothing has moved for")
            seen.append(503)
        finally:
            asked.set()

    async def controller() -> None:
        monitor = LoopMonitor("serve")
        monitor.start("127.0.0.1", port, "ARI_APP_MONITOR_PORT")
        watcher = threading.Thread(target=watch)
        watcher.start()
        await asyncio.to_thread(hang.wait, 10)
        asked.wait(30)  # the loop stands still, as by a call that blocks
        await asyncio.to_thread(watcher.join)
        late = 'ari_app_event_loop_lag_seconds_bucket{le="+Inf"}'
        for _ in range(1000):
            if late in monitor.meters.rendered().decode():
                break
            await asyncio.sleep(0)
        await asyncio.to_thread(Endpoint(port).until, "/healthz", 200)
        assert Scrape.read(monitor.meters.rendered().decode()).value("ari_app_event_loop_lag_seconds_sum") > 1
        monitor.stop()

    hang = threading.Event()
    asyncio.run(controller())
    assert seen == [503]


def test_a_pulse_is_alive_for_three_seconds_after_a_beat() -> None:
    now = 100.0
    pulse = Pulse(lambda: now)
    now += STILL_SECONDS - 0.1
    assert health(pulse).status == 200
    now += 0.2
    assert health(pulse).status == 503
    pulse.beat()
    assert health(pulse).status == 200


def test_readiness_tells_all_that_lacks() -> None:
    lack = Lack("asterisk", "nobody answers", "start it")
    assert readiness([lambda: None]) == Answer(200, b'{"ready":true,"lacks":[]}')
    assert readiness([lambda: None, lambda: lack]) == Answer(
        503, b'{"ready":false,"lacks":[{"what":"asterisk","trouble":"nobody answers","mend":"start it"}]}'
    )


def test_a_port_that_is_taken_costs_nothing_but_a_line(caplog: pytest.LogCaptureFixture, server: MonitorServer) -> None:
    second = MonitorServer(lambda: b"", lambda: Answer(200, b""), lambda: Answer(200, b""))
    second.start("127.0.0.1", server.port, "ARI_APP_MONITOR_PORT")
    assert second.port == 0
    assert "cannot be listened at" in caplog.text
    assert "choose another port by ARI_APP_MONITOR_PORT, or 0" in caplog.text
    second.stop()


def test_port_nought_leaves_it_off(caplog: pytest.LogCaptureFixture) -> None:
    off = MonitorServer(lambda: b"", lambda: Answer(200, b""), lambda: Answer(200, b""))
    off.start("127.0.0.1", 0, "ARI_APP_MONITOR_PORT")
    off.stop()
    assert off.port == 0
    assert not caplog.records


def test_those_who_connect_and_say_nothing_are_bounded(server: MonitorServer) -> None:
    """The controller's file descriptors are for calls."""
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(MOST_CONNECTIONS)]
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as refused:
            refused.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            with suppress(ConnectionResetError):
                assert refused.recv(100) == b""
    finally:
        for one in idle:
            one.close()
    for _ in ticks(5):
        with suppress(requests.ConnectionError):  # it has not noticed yet that they have gone
            assert Endpoint(server.port).scrape().value("up") == 1
            return
    raise AssertionError("there is no room again")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed_here(server: MonitorServer, method: str) -> None:
    answer = requests.request(method, f"http://127.0.0.1:{server.port}/metrics", data="x" * 100, timeout=5)
    assert answer.status_code == 405


def test_what_takes_long_to_look_at_does_not_hold_up_health() -> None:
    held, let_go = threading.Event(), threading.Event()

    def look() -> None:
        held.set()
        let_go.wait(20)

    slow = MonitorServer(lambda: b"up 1\n", lambda: Answer(200, b"{}"), lambda: Answer(200, b"{}"), look)
    slow.start("127.0.0.1", free_port(), "X")
    endpoint = Endpoint(slow.port)
    try:
        scraper = threading.Thread(target=endpoint.scrape)
        scraper.start()
        assert held.wait(5)
        began = time.monotonic()
        assert endpoint.get("/healthz").status_code == 200
        assert time.monotonic() - began < ONE_SECOND
        scraper.join()  # scraped as it was, three seconds later
        let_go.set()
        assert endpoint.scrape().value("up") == 1
    finally:
        let_go.set()
        slow.stop()


def test_a_metric_that_cannot_be_read_does_not_cost_the_others(caplog: pytest.LogCaptureFixture) -> None:
    from ari_app.monitoring import catalogue

    meters = Meters("serve")
    meters.read(catalogue.LIVE, lambda: 1 / 0)
    meters.read(catalogue.BOOK_NUMBERS, lambda: 7)
    scrape = Scrape.read(meters.rendered().decode())
    assert scrape.value("ari_app_book_numbers") == 7
    assert "the metric ari_app_calls_live cannot be read" in caplog.text
