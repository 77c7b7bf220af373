"""From a call that nobody answers to the text in the test inbox, the mail with the message, and the ticket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.controller import Controller
from tests.e2e.house import House, Stage, ring
from tests.e2e.journal import JournalledCall, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.test_apologies import CALLER, plan
from tests.e2e.voice import Key, Silence, Speech


@dataclass(frozen=True)
class Post:
    """A house whose messages are sent: an hour of the day makes no difference, and all goes to an inbox."""

    house: House
    inbox: Path

    def received(self, **wanted: str) -> list[dict[str, Any]]:
        """What is in the inbox of these fields, once there is something. A file gives no signal, so it is asked."""
        for _ in ticks(10):
            lines = self.inbox.read_text(encoding="utf-8").splitlines() if self.inbox.exists() else []
            letters = [json.loads(line) for line in lines if line.endswith("}")]
            found = [letter for letter in letters if wanted.items() <= letter.items()]
            if found:
                return found
        raise AssertionError(f"nothing of {wanted} in the inbox")

    def settled(self, call: JournalledCall) -> dict[str, str]:
        """The state of each message of a call, by kind and channel, once none is under way any more. Webhooks, of which
        this house has none, wait for ever."""
        sql = "SELECT kind, channel, state FROM messages WHERE call_id = ? AND channel <> 'webhook'"
        for _ in ticks(10):
            rows = self.house.database.rows(sql, call.call["id"])
            if rows and all(row["state"] not in ("queued", "sending") for row in rows):
                return {f"{row['kind']} {row['channel']}": row["state"] for row in rows}
        raise AssertionError(f"still under way: {rows}")


@pytest.fixture(scope="module")
def post(new_house: Callable[..., House]) -> Iterator[Post]:
    house = new_house(sending_hours="00:00-24:00", sender_name="Clinic")
    inbox = house.folder / "inbox"
    settings: dict[str, object] = {
        "database_url": house.database_url,
        "messages_folder": house.messages,
        "inbox_folder": inbox,
        "sending_hours": "00:00-24:00",
        "sender_name": "Clinic",
    }
    sender = Controller(house.folder / "sender", settings, "sender")
    house.controller.start()
    sender.start(until="sender is running")
    yield Post(house, inbox / "inbox.jsonl")
    assert sender.stop() == 0


@pytest.fixture
def stage(post: Post) -> Iterator[Stage]:
    with post.house.story() as stage:
        yield stage


def at_once(post: Post, number: str) -> None:
    """Have the rule speak without a delay, and the team make tickets. In force when this returns."""
    mark = post.house.controller.mark
    with post.house.database.edit() as sql:
        sql.execute("UPDATE apology_rules SET delay_seconds = 0 WHERE name = ?", (f"rule {number}",))
        sql.execute("UPDATE teams SET makes_tickets = 1 WHERE name = ?", (f"team {number}",))
    post.house.controller.said(r"book \w+ in force", since=mark, seconds=2)


@pytest.mark.promise("UIS-01", "UIS-10", "POL-04")
def test_nobody_answers_and_the_caller_reads_an_apology(post: Post, stage: Stage) -> None:
    number = plan(stage, ring(stage.refusing("486 Busy Here")), types=True)
    at_once(post, number)
    caller = stage.call(number, scenario="caller-refused", status=486)
    caller.over()
    (text,) = post.received(channel="sms", to=CALLER)
    assert text["text"] == f"Простите, {CALLER}: мы не ответили на {number}"
    assert text["sender"] == "Clinic", "the sender is the deployment's, whose rule it may be"
    journalled = caller.journalled()
    states = post.settled(journalled)
    assert states["apology sms"] in ("sent", "delivered")
    assert states["missed_call_ticket ticket"] == "delivered"
    (ticket,) = post.house.database.rows(
        "SELECT t.client, t.kind, t.state, e.call_id, e.text FROM tickets t JOIN ticket_entries e ON e.ticket_id = t.id"
    )
    assert (ticket["client"], ticket["kind"], ticket["state"]) == (CALLER, "missed_call", "open")
    assert (ticket["call_id"], CALLER in ticket["text"]) == (journalled.call["id"], True)
    told = [event["kind"] for event in post.house.database.calls(number)[0].events]
    assert told.index("verdict") < told.index("message_queued") < told.index("message_sent")


@pytest.mark.promise("RNG-20", "POL-05")
def test_a_message_left_reaches_the_staff_with_the_recording(post: Post, stage: Stage) -> None:
    number = plan(stage, Voicemail(), types=True)
    caller = stage.call(number, Speech(3), Key("#"), Silence(5))
    caller.over()
    (mail,) = post.received(channel="email", to="sales@example.com")
    journalled = caller.journalled()
    [left] = journalled.messages
    assert Path(mail["attachment"]).is_file()
    assert Path(mail["attachment"]).stem == left["name"]
    assert CALLER in mail["text"]
    assert CALLER in mail["subject"]
    assert post.received(channel="sms", to="+79160000003")[0]["text"] == mail["text"]
    states = post.settled(journalled)
    assert states["voicemail_notice email"] in ("sent", "delivered")


@pytest.mark.promise("POL-06")
@pytest.mark.parametrize("has_ticket", [True, False])
def test_after_an_answered_call_clients_with_a_ticket_are_written_to(
    post: Post, stage: Stage, *, has_ticket: bool
) -> None:
    number = plan(stage, ring(stage.answering(talk_ms=300)), types=True)
    if has_ticket:
        with post.house.database.edit() as sql:
            insert = "INSERT INTO tickets (team_id, client) SELECT id, ? FROM teams WHERE name = ?"
            sql.execute(insert, (CALLER, f"team {number}"))
    caller = stage.call(number)
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    states = post.settled(journalled)
    assert set(states) == {"answered_with_ticket sms"}
    assert (states["answered_with_ticket sms"] in ("sent", "delivered")) == has_ticket
    if not has_ticket:
        (row,) = post.house.database.rows(
            "SELECT state, reason FROM messages WHERE call_id = ? AND channel = 'sms'", journalled.call["id"]
        )
        assert row["state"] == "cancelled"
        assert "ticket" in row["reason"]
