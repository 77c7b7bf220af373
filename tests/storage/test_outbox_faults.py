"""Gateways that fail, over a real socket: what is known not to be sent is tried again, what is not known is asked."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ari_app.core.delivery import Outcome, State
from ari_app.core.messages import Channel
from ari_app.gateways.generic import Generic, GenericSettings
from ari_app.hand import LANES
from ari_app.message_ports import Letter
from ari_app.outbox_ports import NotYet
from ari_app.storage.database import open_database, writing
from ari_app.storage.intents import intent_row, taking_in
from ari_app.storage.outbox_schema import messages
from tests.gateways.providers import Act, Drop, Provider, Raw, Reply, provider, refusing_port
from tests.outbox.clocks import NOON, Clock
from tests.outbox.messages import history, queue, states, text, the
from tests.outbox.senders import ScriptedGateway, TestSender, hasty

TAKEN = Reply(200, {"id": "abc"})
DAY = timedelta(days=1)


@contextmanager
def sms_gateway(url: str, *, asked: bool = True) -> Iterator[Generic]:
    described: dict[str, Any] = {
        "kind": "http",
        "name": "local",
        "allow_private": True,
        "read_timeout": 1.0,
        "send": {"url": f"{url}/send", "json": {"ref": "{ref}", "to": "{to}", "text": "{text}"}},
        "answer": {"id": "id"},
    }
    if asked:
        states_of = {"none": "queued", "accepted": "sent", "done": "delivered"}
        asking = {"method": "GET", "url": f"{url}/state", "query": {"ref": "{ref}"}}
        described["ask"] = {**asking, "by": "ref", "status": "state", "states": states_of}
    gateway = GenericSettings.model_validate(described).build()
    try:
        yield gateway
    finally:
        gateway.close()


def sent(one: Provider) -> list[str]:
    """The references of the messages that the provider was given, in order."""
    return [request.json["ref"] for request in one.received if request.path == "/send"]


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("27")
@pytest.mark.parametrize(
    ("acts", "waits"),
    [
        ([Reply(429), Reply(429), Reply(400), TAKEN], [0, 10, 30, 120]),
        ([Reply(429, headers={"Retry-After": "77"}), Reply(503, headers={"Retry-After": "40"}), TAKEN], [0, 77, 40]),
    ],
    ids=["429", "Retry-After"],
)
def test_what_was_not_taken_is_tried_again_later_and_later(
    engine: sa.Engine, acts: list[Act], waits: list[int]
) -> None:
    queue(engine, text())
    found = []
    with provider(*acts) as one, sms_gateway(one.url) as gateway:
        sender = TestSender(engine, Clock(), [gateway])
        while the(engine).state is State.QUEUED:
            wait = (the(engine).due_at - sender.clock.now()).total_seconds()
            sender.clock.pass_by(wait)
            sender.run()
            found.append(round(wait))
    assert found == waits
    assert (the(engine).state, the(engine).gateway_id, the(engine).attempts) == (State.SENT, "abc", len(waits))
    assert sent(one) == [the(engine).ref] * len(waits)


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("27")
def test_a_gateway_that_is_not_there_is_tried_until_it_is(engine: sa.Engine) -> None:
    queue(engine, text())
    with sms_gateway(f"http://127.0.0.1:{refusing_port()}") as gateway:
        sender = TestSender(engine, Clock(), [gateway])
        sender.run()
        assert (the(engine).state, the(engine).due_at) == (State.QUEUED, NOON + timedelta(seconds=10))
        sender.clock.pass_by(DAY.total_seconds() - 5)
        sender.run()
        assert the(engine).attempts == 2
        sender.clock.pass_by(10)
        sender.run()
    assert the(engine).state is State.EXPIRED, "not for ever"


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("27")
def test_a_500_may_have_sent_it_so_it_is_asked_for_and_tried_again_when_it_had_not(engine: sa.Engine) -> None:
    queue(engine, text())
    never = Reply(200, {"state": "none"})
    with provider(Reply(500), never, Reply(500), never, TAKEN) as one, sms_gateway(one.url) as gateway:
        sender = TestSender(engine, Clock(), [gateway])
        at = []
        while the(engine).state is not State.SENT:
            sender.run()
            sender.outbox.ask()
            sender.clock.pass_by(5)
            at.append(len(sent(one)))
    assert (at.index(2) - at.index(1), at.index(3) - at.index(2)) == (8, 12), "in steps of 5 s: 30 + 10, and 30 + 30"
    assert the(engine).gateway_id == "abc"


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("28")
@pytest.mark.parametrize("end", [Drop(), Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"), Raw(b"?")], ids=repr)
@pytest.mark.parametrize("had", [True, False])
def test_an_unclear_outcome_is_asked_for_by_our_id(engine: sa.Engine, end: Act, *, had: bool) -> None:
    queue(engine, text())
    known = Reply(200, {"state": "accepted" if had else "none"})
    with provider(end, known, TAKEN) as one, sms_gateway(one.url) as gateway:
        sender = TestSender(engine, Clock(), [gateway])
        sender.run()
        assert the(engine).state is State.UNKNOWN
        for _ in range(10):
            sender.clock.pass_by(10)
            sender.run()
            sender.outbox.ask()
        (asked, *_) = [request for request in one.received if request.path == "/state"]
        assert asked.query["ref"] == the(engine).ref
        assert the(engine).state is State.SENT
        assert sent(one) == [the(engine).ref] * (1 if had else 2)


@pytest.mark.promise("FLD-13")
@pytest.mark.fault("28")
def test_where_it_cannot_be_asked_for_it_is_not_sent_again(engine: sa.Engine) -> None:
    queue(engine, text())
    with provider(Drop()) as one, sms_gateway(one.url, asked=False) as gateway, provider() as another:
        with sms_gateway(another.url) as second:
            sender = TestSender(engine, Clock(), [gateway, second])
            for _ in range(50):
                sender.run()
                sender.outbox.rescue()
                sender.outbox.ask()
                sender.clock.pass_by(3600)
        assert len(sent(one)) == 1
        assert another.received == [], "nor through another gateway"
    assert the(engine).state is State.UNKNOWN
    assert [state for state, _ in history(engine)] == ["sending", "unknown"]


@pytest.mark.fault("31")
def test_ten_thousand_queued_when_the_window_opens_go_at_the_rate_and_none_at_twenty_hundred(engine: sa.Engine) -> None:
    """In virtual time, for eleven hours pass: one in 80 seconds, of which 495 find room in a day."""
    hasty(engine)
    opening = datetime(2026, 3, 10, 6, tzinfo=UTC)
    closing = opening + timedelta(hours=11)
    night = opening - timedelta(hours=5)
    rows = [
        intent_row(text(number, due_at=night, expires_at=night + timedelta(days=3)), night) for number in range(10_000)
    ]
    with writing(engine).begin() as connection:
        connection.execute(taking_in(engine.dialect.name), rows)
    clock, moments = Clock(opening), list[datetime]()

    class Noting(ScriptedGateway):
        def send(self, letter: Letter) -> Outcome:
            moments.append(clock.now())
            return super().send(letter)

    gateway = Noting()
    sender = TestSender(engine, clock, [gateway], rate=1 / 80)

    def attend(most: int) -> None:
        for held in sender.outbox.claim(dict.fromkeys(LANES, most)):
            while isinstance(done := sender.outbox.attend(held), NotYet):
                clock.pass_by(done.seconds)

    while clock.now() < closing:
        attend(20)
    attend(100)
    assert max(moments) < closing
    assert len(moments) == 495
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) >= 80 - 1e-6
    assert max(gaps) <= 80 + 1e-6
    clock.pass_by((opening + DAY - clock.now()).total_seconds())
    attend(5)
    assert moments[495] == opening + DAY
    assert len({letter.recipient for letter in gateway.letters}) == len(moments) == 500


STRANGE_HOST = """
import sys, zoneinfo
from datetime import UTC, datetime
zoneinfo.reset_tzpath(to=())
sys.modules["tzdata"] = None  # neither the system's zone files nor the package's
from ari_app.core.release import Limits
from ari_app.storage.outbox import open_for_sending
from tests.outbox.clocks import Clock
from tests.outbox.senders import ScriptedGateway, TestSender
engine = open_for_sending(sys.argv[1])
gateway = ScriptedGateway()
for hour, minute in ((5, 59), (6, 0), (16, 59), (17, 0), (17, 1)):
    sender = TestSender(engine, Clock(datetime(2026, 3, 10, hour, minute, tzinfo=UTC)), [gateway])
    sender.run()
    print(len(gateway.letters), end=" ")
engine.dispose()
"""


@pytest.mark.promise("UIS-03")
@pytest.mark.fault("32")
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati", "No/Such", "UTC"])
def test_hours_hold_whatever_the_host_thinks_its_zone_is_and_without_zone_files(url: str, zone: str) -> None:
    engine = open_database(url)
    for number in range(5):
        minutes = (0, 0, 661, 661, 662)[number]
        due = datetime(2026, 3, 10, 5, 59, tzinfo=UTC) + timedelta(minutes=minutes)
        queue(engine, text(number, due_at=due, expires_at=due + DAY), at=due)
    done = subprocess.run(
        [sys.executable, "-c", STRANGE_HOST, url],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "2", "2", "2", "2"]
    assert states(engine) == {"sent": 2, "queued": 3}
    with engine.connect() as connection:
        waiting = connection.execute(sa.select(messages.c.due_at).where(messages.c.state == "queued")).scalars()
        assert set(waiting) == {datetime(2026, 3, 11, 6, tzinfo=UTC)}
    engine.dispose()


def test_the_channel_of_a_gateway_is_what_it_is_given(engine: sa.Engine) -> None:
    queue(engine, text(), text(1, channel=Channel.EMAIL, recipient="a@example.com"))
    mail = ScriptedGateway(channel=Channel.EMAIL, name="mail")
    with provider(TAKEN) as one, sms_gateway(one.url) as gateway:
        TestSender(engine, Clock(), [mail, gateway]).run()
    assert sent(one) == [the(engine).ref]
    assert [letter.recipient for letter in mail.letters] == ["a@example.com"]
