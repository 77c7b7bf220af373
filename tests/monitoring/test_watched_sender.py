"""`ari-app sender` and `ari-app agi`, watched: their metrics are what the database has and what was asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ari_app.agi.client import ask
from ari_app.cli.doctor_machine import UNLISTED
from ari_app.core.delivery import Refused, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.message_ports import Letter
from ari_app.monitoring.catalogue import METRICS
from ari_app.monitoring.meters import Meters
from ari_app.monitoring.sendings import Sendings
from ari_app.monitoring.stores import FRESH_SECONDS, OutboxWatch
from ari_app.sender import limits_of
from ari_app.settings import Settings
from ari_app.storage.database import open_database
from ari_app.storage.revisions import DEMO_HEAD, SCHEMA_HEAD, upgrade
from tests.e2e.controller import Controller
from tests.e2e.sipp import ticks
from tests.monitoring.scraping import Endpoint, Scrape, free_port
from tests.outbox.messages import queue, states, text
from tests.outbox.senders import ScriptedGateway

LETTER = Letter("0" * 32, Channel.SMS, "+79161112233", "Sorry")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with the demo's numbers."""
    url = f"sqlite:///{tmp_path}/ari-app.sqlite3"
    upgrade(url, SCHEMA_HEAD, DEMO_HEAD)
    return url


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """That database."""
    engine = open_database(url)
    yield engine
    engine.dispose()


def due(number: int, seconds_ago: float = 0, **other: object) -> dict[str, object]:
    """When a text is due, and until when it is worth sending."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {"due_at": at, "expires_at": at + timedelta(hours=24), **other}


@pytest.mark.promise("FLD-15")
def test_what_a_sender_shows_is_what_the_outbox_has(url: str, engine: sa.Engine, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    queue(engine, *(text(number, **due(number)) for number in range(3)), at=now)
    queue(engine, text(9, due_at=now + timedelta(hours=5), expires_at=now + timedelta(hours=9)), at=now)
    endpoint = Endpoint(free_port())
    settings = {
        "database_url": url,
        "sender_monitor_port": endpoint.port,
        "sending_hours": "00:00-24:00",
        "sms_price": "2.50",
        "sms_month_budget": "100",
        "sms_day_cap": 50,
        "inbox_folder": tmp_path / "inbox",
    }
    sender = Controller(tmp_path / "sender", settings, "sender")
    sender.start(until="metrics, health and readiness at")
    try:
        assert endpoint.until("/readyz", 200) == {"ready": True, "lacks": []}
        assert endpoint.get("/healthz").status_code == 200
        for _ in ticks(10):
            if not states(engine).keys() & {"sending"} and states(engine)["queued"] == 1:
                break
        scrape = endpoint.scrape()
        assert scrape.value("ari_app_gateway_attempts_total", gateway="inbox-sms", outcome="accepted") == 3
        assert scrape.value("ari_app_sms_sent_today") == 3
        ours = {name: kind for name, kind in scrape.kinds.items() if name.startswith("ari_app_")}
        assert ours == {metric.name: metric.kind.value for metric in METRICS["sender"]}
        assert {state: n for (state,), n in scrape.by("ari_app_outbox_messages", "state").items()} == states(engine)
        assert scrape.value("ari_app_gateway_seconds_count", gateway="inbox-sms") == 3
        assert scrape.value("ari_app_sms_month_spent") == 7.5
        assert scrape.value("ari_app_sms_month_budget") == 100
        assert scrape.value("ari_app_sms_day_cap") == 50
        assert scrape.value("ari_app_outbox_readable") == 1
    finally:
        assert sender.stop() == 0
    assert not [line for line in sender.lines if "Traceback" in line]


@pytest.mark.promise("FLD-15")
def test_every_outcome_of_a_gateway_is_counted(url: str) -> None:
    meters = Meters("sender")
    gateway = ScriptedGateway(name="main")
    watched = Sendings(meters).watched(gateway)
    gateway.script.extend([Refused("no such number"), Unavailable("down"), Unclear("cut off")])
    outcomes = [watched.send(LETTER) for _ in range(4)]
    assert [type(outcome).__name__ for outcome in outcomes] == ["Refused", "Unavailable", "Unclear", "Accepted"]
    gateway.send = lambda letter: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(ZeroDivisionError):
        watched.send(LETTER)
    scrape = Scrape.read(meters.rendered().decode())
    counted = scrape.by("ari_app_gateway_attempts_total", "gateway", "outcome")
    assert counted == {("main", name): 1 for name in ("accepted", "refused", "unavailable", "unclear", "broke")}
    assert scrape.value("ari_app_gateway_seconds_count", gateway="main") == 5


@pytest.mark.promise("FLD-15")
def test_what_waits_and_what_is_in_doubt_is_told_with_its_age(engine: sa.Engine) -> None:
    now = datetime.now(UTC)
    made = queue(engine, text(1, **due(1, 90)), text(2, **due(2, 30)), text(3, **due(3, 600)), at=now)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE messages SET state = 'unknown', lease = NULL WHERE id = :id"), {"id": made[2]}
        )
        connection.execute(
            sa.text("UPDATE messages SET reason = 'the month''s budget is used up' WHERE id = :id"), {"id": made[1]}
        )
    watch, meters = OutboxWatch(engine, limits_of(Settings())), Meters("sender")
    watch.read(meters)
    assert "ari_app_outbox_messages{" not in meters.rendered().decode(), "told before it was looked at"
    watch.look()
    scrape = Scrape.read(meters.rendered().decode())
    assert scrape.by("ari_app_outbox_messages", "state") == {("queued",): 2, ("unknown",): 1}
    assert 90 <= scrape.value("ari_app_outbox_oldest_due_seconds") < 120
    assert scrape.value("ari_app_outbox_out_of_budget_messages") == 1


def test_the_outbox_is_counted_four_times_a_minute_at_most_and_a_dead_database_is_told(engine: sa.Engine) -> None:
    now = 1000.0
    watch, meters = OutboxWatch(engine, limits_of(Settings()), lambda: now), Meters("sender")
    watch.read(meters)

    def queued() -> float:
        watch.look()
        return Scrape.read(meters.rendered().decode()).value("ari_app_outbox_messages", state="queued")

    assert queued() == 0
    queue(engine, text(1, **due(1)), at=datetime.now(UTC))
    assert queued() == 0
    now += FRESH_SECONDS
    assert queued() == 1
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE messages RENAME TO gone"))
    now += FRESH_SECONDS
    watch.look()
    assert "no such table" in watch.trouble
    scrape = Scrape.read(meters.rendered().decode())
    assert scrape.value("ari_app_outbox_readable") == 0
    assert scrape.value("ari_app_outbox_messages", state="queued") == 1, "what was last known"


def dialplan_asks(port: int, **changed: str) -> bytes:
    """What FastAGI says to a call in Asterisk's fallback, all of its commands accepted."""
    headers = {
        "agi_network_script": "lookup",
        "agi_uniqueid": "1763755289.12",
        "agi_callerid": "+79161112233",
        "agi_extension": "+74950000101",
        **changed,
    }
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as call, call.makefile("rwb") as lines:
        lines.write("".join(f"{name}: {value}\n" for name, value in headers.items() if value).encode() + b"\n")
        lines.flush()
        while line := lines.readline():
            said += line
            lines.write(b"200 result=1\n")
            lines.flush()
    return said


@pytest.mark.promise("FLD-15")
@pytest.mark.fault("5")
def test_answers_of_fastagi_are_counted_and_the_doctors_questions_are_not(url: str, tmp_path: Path) -> None:
    endpoint, port = Endpoint(free_port()), free_port()
    agi = Controller(
        tmp_path / "agi", {"database_url": url, "agi_port": port, "agi_monitor_port": endpoint.port}, "agi"
    )
    agi.start(until="FastAGI is ready")
    try:
        assert endpoint.until("/readyz", 200) == {"ready": True, "lacks": []}
        scrape = endpoint.scrape()
        ours = {name: kind for name, kind in scrape.kinds.items() if name.startswith("ari_app_")}
        assert ours == {metric.name: metric.kind.value for metric in METRICS["agi"]}
        ask("127.0.0.1", port, UNLISTED)
        assert endpoint.scrape().by("ari_app_agi_lookups_total", "action") == {}
        for _ in range(2):
            assert b'SET VARIABLE ARI_APP_ACTION "dial"' in dialplan_asks(port)
        dialplan_asks(port, agi_extension=UNLISTED)
        dialplan_asks(port, agi_extension="")
        scrape = endpoint.scrape()
        assert scrape.by("ari_app_agi_lookups_total", "action") == {("dial",): 2, ("voicemail",): 1}
        assert scrape.value("ari_app_agi_lookups_refused_total") == 1
        assert scrape.value("ari_app_agi_lookup_seconds_count") == 3
        assert scrape.value("ari_app_book_numbers") > 0
    finally:
        assert agi.stop() == 0
