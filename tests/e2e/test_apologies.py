"""From call to message: what the end of a real call puts into the outbox, in the transaction of its verdict."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.e2e.house import Caller, House, Stage, ring
from tests.e2e.journal import Branch, Greeting, JournalledCall, Row, Step, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.voice import Key, Silence, Speech

CALLER = "+79161112233"
DELAY = timedelta(seconds=60)
MOSCOW = timezone(timedelta(hours=3))


def plan(stage: Stage, *steps: Step, types: bool = False, rule: bool = True, closed: bool = False) -> str:
    """A number of a team of its own, with a rule, a type for every ending, and contacts. In force when this returns."""
    number = stage.plan(branches=(Branch(steps, "night" if closed else "always"),))
    mark = stage.house.controller.mark
    with stage.house.database.edit() as sql:
        team = sql.execute("INSERT INTO teams (name) VALUES (?) RETURNING id", (f"team {number}",)).fetchone()[0]
        sql.execute("UPDATE numbers SET team_id = ? WHERE e164 = ?", (team, number))
        sql.execute(
            "UPDATE branches SET out_of_hours = ? WHERE scheme_id = (SELECT scheme_id FROM numbers WHERE e164 = ?)",
            (closed, number),
        )
        if rule:
            insert = "INSERT INTO apology_rules (name, text) VALUES (?, ?) RETURNING id"
            row = (f"rule {number}", "Простите, {caller}: мы не ответили на {number}")
            its_id = sql.execute(insert, row).fetchone()[0]
            sql.execute("INSERT INTO apology_rule_numbers (rule_id, e164) VALUES (?, ?)", (its_id, number))
        for kind in _KINDS if types else ():
            insert = "INSERT INTO message_types (team_id, kind, text, with_team) VALUES (?, ?, ?, 1)"
            sql.execute(insert, (team, kind, f"{kind}!"))
        for channel, address in _CONTACTS if types else ():
            insert = "INSERT INTO team_contacts (team_id, channel, address) VALUES (?, ?, ?)"
            sql.execute(insert, (team, channel, address))
    stage.house.controller.said(r"book \w+ in force", since=mark, seconds=2)
    return number


_KINDS = ("hung_up", "missed", "voicemail_left", "answered_with_ticket", "call_out_of_hours")
_CONTACTS = (("sms", "+79160000003"), ("email", "sales@example.com"), ("webhook", "helpdesk"))


def outbox(house: House, call: JournalledCall) -> list[Row]:
    """The messages of a call, in the order in which they were asked for."""
    return house.database.rows("SELECT * FROM messages WHERE call_id = ? ORDER BY id", call.call["id"])


def to_client(house: House, call: JournalledCall) -> list[Row]:
    return [row for row in outbox(house, call) if (row["audience"], row["channel"]) == ("client", "sms")]


def moment(text: str) -> datetime:
    """A moment as SQLite has it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def committed_with_its_messages(caller: Caller) -> JournalledCall:
    """The call, once it is closed; at no moment had it a verdict and no message."""
    sql = (
        "SELECT c.disposition, (SELECT count(*) FROM messages WHERE call_id = c.id) AS messages "
        "FROM calls c WHERE dialled_raw = ?"
    )
    for _ in ticks(10):
        for row in caller.house.database.rows(sql, caller.dialled):
            assert (row["disposition"] is None) == (row["messages"] == 0), "verdict and message are one transaction"
            if row["disposition"]:
                return caller.journalled()
    raise AssertionError("the call was never closed")


@pytest.mark.promise("UIS-01", "UIS-03", "OUR-04")
def test_a_caller_who_hangs_up_while_it_rings_is_sent_an_apology(stage: Stage) -> None:
    phone = stage.ringing()
    number = plan(stage, ring(phone))
    caller = stage.call(number, scenario="caller-cancels", ring_ms=600)
    journalled = committed_with_its_messages(caller)
    assert journalled.verdict == ("lost", "hung_up_while_ringing")
    [apology] = to_client(stage.house, journalled)
    assert (apology["kind"], apology["state"], apology["recipient"]) == ("apology", "queued", CALLER)
    assert apology["text"] == f"Простите, {CALLER}: мы не ответили на {number}"
    assert (apology["rule"], apology["team"], apology["parts"]) == (f"rule {number}", f"team {number}", 1)
    assert (apology["once_in_hours"], apology["withdraw_if_reached"]) == (24, 1)
    assert_due_within_the_window(journalled, apology)
    [queued] = [each for each in journalled.details("message_queued") if each["message"] == "apology"]
    assert (queued["rule"], queued["why"]) == (f"rule {number}", "lost_ringing")


def assert_due_within_the_window(call: JournalledCall, message: Row) -> None:
    """A minute after the call; or, if that is outside 09:00-20:00 at UTC+3, as the window opens next."""
    ended, due = moment(call.call["ended_at"]), moment(message["due_at"]).astimezone(MOSCOW)
    if 9 <= (ended + DELAY).astimezone(MOSCOW).hour < 20:
        assert abs(due - (ended + DELAY)) < timedelta(milliseconds=2)
    else:
        assert (due.hour, due.minute, due.second, due.microsecond) == (9, 0, 0, 0)
        assert timedelta(0) < due - (ended + DELAY) < timedelta(hours=13)
    assert moment(message["expires_at"]).astimezone(MOSCOW) - due == timedelta(hours=24)


@pytest.mark.promise("UIS-01", "POL-04", "FLD-14")
def test_a_call_that_nobody_answers_goes_to_caller_ticket_and_webhook(stage: Stage) -> None:
    busy = stage.refusing("486 Busy Here")
    number = plan(stage, ring(busy), types=True)
    caller = stage.call(number, scenario="caller-refused", status=486)
    journalled = committed_with_its_messages(caller)
    assert journalled.verdict == ("lost", "nobody_answered")
    kinds = {row["kind"]: row for row in outbox(stage.house, journalled)}
    assert set(kinds) == {"apology", "missed_call_ticket", "event"}
    ticket, event = kinds["missed_call_ticket"], kinds["event"]
    assert (ticket["channel"], ticket["client"], ticket["team"]) == ("ticket", CALLER, f"team {number}")
    assert (event["channel"], event["recipient"]) == ("webhook", "helpdesk")
    told = json.loads(event["text"])["call"]
    assert (told["id"], told["disposition"], told["caller"]) == (journalled.call["id"], "lost", CALLER)
    assert {"message": "missed", "channel": "sms", "audience": "client", "why": "apologised"} in journalled.details(
        "no_message"
    )


@pytest.mark.promise("UIS-02")
def test_an_answered_call_brings_no_apology_and_says_so(stage: Stage) -> None:
    phone = stage.answering(talk_ms=300)
    number = plan(stage, ring(phone))
    caller = stage.call(number)
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert to_client(stage.house, journalled) == []
    assert [each["why"] for each in journalled.details("no_message")] == ["answered"]


@pytest.mark.promise("POL-02", "POL-03", "POL-07")
@pytest.mark.parametrize(
    ("steps", "closed", "kind"),
    [
        ((Greeting("en/greeting"),), False, "hung_up"),
        ((Voicemail("en/greeting"),), False, "missed"),
        ((Voicemail("en/greeting"),), True, "call_out_of_hours"),
    ],
)
def test_the_teams_own_message_for_each_point_at_which_callers_leave(
    stage: Stage, steps: tuple[Step, ...], closed: bool, kind: str
) -> None:
    number = plan(stage, *steps, types=True, rule=False, closed=closed)
    caller = stage.call(number, talk_ms=700)
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "hung_up_in_greeting")
    [text] = to_client(stage.house, journalled)
    assert (text["kind"], text["text"]) == (kind, f"team {number}: {kind}!")


@pytest.mark.promise("POL-05", "RNG-20")
def test_a_message_left_is_announced_to_the_staff_with_the_message_itself(stage: Stage) -> None:
    number = plan(stage, Voicemail(), types=True)
    caller = stage.call(number, Speech(3), Key("#"), Silence(5))
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("message_left", "message")
    [left] = journalled.messages
    notices = [row for row in outbox(stage.house, journalled) if row["kind"] == "voicemail_notice"]
    assert {(row["channel"], row["recipient"]) for row in notices} == set(_CONTACTS[:2])
    for notice in notices:
        assert (stage.house.messages / f"{notice['attachment']}.wav").is_file()
        assert notice["attachment"] == left["name"]
        assert CALLER in notice["text"]
        assert abs(moment(notice["due_at"]) - moment(journalled.call["ended_at"])) < timedelta(milliseconds=2)
    [thanks] = to_client(stage.house, journalled)
    assert thanks["kind"] == "voicemail_left"


@pytest.mark.promise("UIS-06")
def test_a_rule_that_is_switched_off_is_off_for_the_next_call(stage: Stage) -> None:
    number = plan(stage, ring(stage.refusing("486 Busy Here")))
    mark = stage.house.controller.mark
    with stage.house.database.edit() as sql:
        sql.execute("UPDATE apology_rules SET enabled = 0 WHERE name = ?", (f"rule {number}",))
    stage.house.controller.said(r"book \w+ in force", since=mark, seconds=2)
    caller = stage.call(number, scenario="caller-refused", status=486)
    caller.over()
    journalled = caller.journalled()
    assert to_client(stage.house, journalled) == []
    assert [each["why"] for each in journalled.details("no_message")] == ["rule_off"]


@pytest.mark.promise("UIS-12")
def test_a_team_without_sales_tools_has_no_apologies(stage: Stage) -> None:
    number = plan(stage, ring(stage.refusing("486 Busy Here")))
    mark = stage.house.controller.mark
    with stage.house.database.edit() as sql:
        sql.execute("UPDATE teams SET sales_tools = 0 WHERE name = ?", (f"team {number}",))
    stage.house.controller.said(r"book \w+ in force", since=mark, seconds=2)
    caller = stage.call(number, scenario="caller-refused", status=486)
    caller.over()
    journalled = caller.journalled()
    assert to_client(stage.house, journalled) == []
    assert [each["why"] for each in journalled.details("no_message")] == ["no_sales_tools"]
