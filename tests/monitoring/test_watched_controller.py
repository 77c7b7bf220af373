"""A controller on real Asterisk, watched: its metrics are its journal's, and its readiness is Asterisk's state."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ari_app.monitoring.catalogue import METRICS, Kind
from tests.e2e.house import House, Stage, ring
from tests.e2e.journal import Destination, Dial, Voicemail
from tests.e2e.voice import Key, Silence, Speech
from tests.monitoring.scraping import Endpoint, Scrape


def place_calls(stage: Stage) -> None:
    """One of each kind: talked, a message left, lost by a hang-up, lost because nobody could be had."""
    talked = stage.call(stage.plan(ring(stage.refusing("486 Busy Here"), stage.answering())), talk_ms=200)
    left = stage.call(stage.plan(ring(stage.refusing("603 Decline")), Voicemail()), Speech(3), Key("#"), Silence(5))
    gone = stage.call(stage.plan(ring(stage.ringing(), timeout=20)), scenario="caller-cancels", ring_ms=600)
    lost = stage.call(stage.plan(ring(stage.refusing("404 Not Found"))), scenario="caller-refused", status=480)
    for caller in (talked, left, gone, lost):
        caller.over()
    verdicts = [caller.journalled().verdict[0] for caller in (talked, left, gone, lost)]
    assert verdicts == ["answered", "message_left", "lost", "lost"]


@pytest.mark.promise("FLD-15")
def test_what_is_counted_is_what_the_journal_has(stage: Stage, watched: House, endpoint: Endpoint) -> None:
    place_calls(stage)
    counted = endpoint.once(lambda scrape: scrape.value("ari_app_journal_waiting_entries") == 0)
    calls = watched.database.rows("SELECT disposition, reason FROM calls")
    legs = watched.database.rows("SELECT outcome, cause, rang_ms FROM legs")
    by_verdict = Counter((call["disposition"], call["reason"]) for call in calls)
    assert len(by_verdict) >= 4
    assert counted.by("ari_app_calls_total", "disposition", "reason") == by_verdict
    by_cause = Counter((leg["outcome"], str(leg["cause"])) for leg in legs)
    assert counted.by("ari_app_legs_total", "outcome", "cause") == by_cause
    assert counted.value("ari_app_calls_arrived_total") == len(calls)
    assert counted.value("ari_app_calls_live") == 0
    messages = watched.database.rows("SELECT count(*) AS n FROM voicemail_messages")[0]["n"]
    assert counted.value("ari_app_voicemail_messages_total") == messages >= 1
    rung = "SELECT count(DISTINCT call_id) AS n FROM legs WHERE rang_ms IS NOT NULL"
    assert counted.value("ari_app_call_first_ring_seconds_count") == watched.database.rows(rung)[0]["n"] >= 2
    connected = watched.database.rows("SELECT at_ms FROM call_events WHERE kind = 'connected'")
    assert counted.value("ari_app_call_connected_seconds_count") == len(connected) >= 1
    took = sum(row["at_ms"] for row in connected) / 1000
    assert counted.value("ari_app_call_connected_seconds_sum") == pytest.approx(took)
    assert counted.value("ari_app_book_numbers") == watched.database.rows("SELECT count(*) AS n FROM numbers")[0]["n"]


@pytest.mark.promise("FLD-15")
def test_calls_in_hand_are_seen_while_they_are(stage: Stage, endpoint: Endpoint) -> None:
    number = stage.plan(ring(stage.answering()))
    before = endpoint.scrape().value("ari_app_calls_live")
    caller = stage.call(number, talk_ms=1500)
    caller.connected()
    assert endpoint.scrape().value("ari_app_calls_live") == before + 1
    caller.over()
    endpoint.once(lambda scrape: scrape.value("ari_app_calls_live") == before)


@pytest.mark.promise("FLD-15")
def test_a_controller_that_is_well_says_so(endpoint: Endpoint) -> None:
    assert endpoint.get("/healthz").json() == {"alive": True}
    assert endpoint.until("/readyz", 200) == {"ready": True, "lacks": []}
    assert endpoint.get("/").status_code == 404
    scrape = endpoint.scrape()
    assert scrape.value("ari_app_ari_connected") == 1
    assert scrape.value("ari_app_journal_writable") == 1
    for own in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert scrape.value(own) > 0
    assert scrape.value("ari_app_book_readable") == 1
    assert 0 < time.time() - scrape.value("ari_app_book_loaded_timestamp_seconds") < 3600
    beats = "ari_app_event_loop_lag_seconds_count"
    endpoint.once(lambda later: later.value(beats) >= scrape.value(beats) + 2)


def test_tasks_of_a_call_are_gone_with_it(stage: Stage, endpoint: Endpoint) -> None:
    endpoint.once(lambda scrape: scrape.value("ari_app_calls_live") == 0)
    caller = stage.call(stage.plan(ring(stage.answering())), talk_ms=1500)
    caller.connected()
    endpoint.once(lambda scrape: scrape.value("ari_app_event_loop_tasks") > 2)
    busy = endpoint.scrape().value("ari_app_event_loop_tasks")
    caller.over()
    endpoint.once(lambda scrape: 0 < scrape.value("ari_app_event_loop_tasks") < busy)


@pytest.mark.promise("FLD-15")
def test_metrics_are_those_of_the_catalogue_and_named_as_prometheus_wants(stage: Stage, endpoint: Endpoint) -> None:
    place_calls(stage)
    scrape = endpoint.scrape()
    ours = {name: kind for name, kind in scrape.kinds.items() if name.startswith("ari_app_")}
    assert ours == {metric.name: metric.kind.value for metric in METRICS["serve"]}
    for metrics in METRICS.values():
        for metric in metrics:
            assert re.fullmatch(r"ari_app(_[a-z]+)+", metric.name)
            assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
            assert (metric.kind is Kind.HISTOGRAM) <= metric.name.endswith("_seconds")
    assert no_label_holds_what_somebody_chose(scrape)


def no_label_holds_what_somebody_chose(scrape: Scrape) -> bool:
    """No number, no call, no text of signalling: short words, causes, bounds of buckets, the version."""
    values = {value for _, labels in scrape.samples for name, value in labels if name != "version"}
    return all(re.fullmatch(r"[A-Za-z_ ]{1,24}|\d{1,3}|[\d.]{1,8}|\+Inf", value) for value in values)


@pytest.mark.promise("FLD-15")
def test_a_scrape_is_quick_and_many_at_once_disturb_no_call(stage: Stage, endpoint: Endpoint) -> None:
    number = stage.plan(ring(stage.answering()))
    with ThreadPoolExecutor(8) as scrapers:
        under_way = [scrapers.submit(endpoint.scrape) for _ in range(100)]
        caller = stage.call(number, talk_ms=200)
        assert caller.over().final == 200
        assert all(scrape.result().value("ari_app_ari_connected") == 1 for scrape in under_way)
    assert caller.journalled().verdict == ("answered", "talked")


@pytest.fixture
def shaken(watched: House) -> Iterator[House]:
    """The installation, all of it up again afterwards."""
    yield watched
    if watched.asterisk.pid is None:
        watched.asterisk.start()
        watched.controller.said("connected", since=watched.controller.mark - 1)


@pytest.mark.promise("FLD-15")
@pytest.mark.fault("2")
def test_without_asterisk_it_lives_and_is_not_ready_until_asterisk_is_back(shaken: House, endpoint: Endpoint) -> None:
    endpoint.until("/readyz", 200)
    before = endpoint.scrape()
    shaken.asterisk.stop()
    refused = endpoint.until("/readyz", 503)
    assert refused["ready"] is False
    [lack] = refused["lacks"]
    assert lack["what"] == "asterisk"
    assert "connect" in lack["trouble"]
    assert lack["mend"]
    assert endpoint.get("/healthz").status_code == 200
    endpoint.once(lambda scrape: scrape.value("ari_app_ari_connected") == 0)
    failed = "ari_app_ari_connection_failures_total"
    endpoint.once(lambda scrape: scrape.value(failed) > before.value(failed))
    shaken.asterisk.start()
    endpoint.until("/readyz", 200)
    after = endpoint.scrape()
    made = "ari_app_ari_connections_total"
    assert after.value(made) == before.value(made) + 1
    assert after.value("ari_app_ari_connected") == 1


ODD = {
    "whole": "<sip:+79161234567@127.0.0.10>",
    "without its plus": "<sip:79161234568@127.0.0.10>",
    "national": '"8 (916) 123-45-69" <sip:89161234569@127.0.0.10>',
    "named as itself": '"+79161234570" <sip:+79161234570@127.0.0.10>',
    "too long": "<sip:791612345711111@127.0.0.10>",
    "far too long": "<sip:79161234572222222222@127.0.0.10>",
    "escaped": "<sip:%2B79161234573@127.0.0.10>",
    "hidden among letters": "<sip:ext79161234574x@127.0.0.10>",
    "international": "<sip:0079161234575@127.0.0.10>",
}
ADVISER = "+79160000003"
"""One of the lab's, who picks up after 3 s."""
PREMIUM = "+78091234579"


@pytest.mark.promise("FLD-15")
def test_no_line_of_a_sessions_log_has_a_number_that_could_be_dialed(stage: Stage, watched: House) -> None:
    """Callers of odd numbers, an adviser's number, a call that breaks off: the log is told of all of them."""
    mark = watched.controller.mark
    lab = Dial((Destination(ADVISER, kind="number"),))
    stage.counts_invites = False  # the adviser is one of the lab's, and no phone of this story's
    numbers = {}
    for name, who in ODD.items():
        numbers[name] = stage.plan(ring(stage.answering()))
        assert stage.call(numbers[name], talk_ms=100, **{"from": who}).over().final == 200
    advised = stage.plan(lab)
    stage.plan(Dial((Destination(PREMIUM, kind="number"),)))  # the scheme is refused, by name and destination
    watched.controller.said("ERROR .* destination", since=mark)
    stage.call(advised, talk_ms=200, **{"from": ODD["whole"]}).over()
    for number in (*numbers.values(), advised):
        watched.database.closed(number)
        watched.controller.said(rf"call .* to {re.escape(number)}", since=mark)
    lines = watched.controller.lines[mark:]
    assert lines
    for line in lines:
        assert line.isprintable()
        assert not re.search(r"9161234\d|9160000003|8091234", re.sub(r"[ ()-]", "", line)), line
