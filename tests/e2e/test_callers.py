"""Who calls: refused callers hear it, preferred ones go their own way, the last adviser comes first."""

import pytest

from tests.e2e.house import CALLER, House, Stage, ring
from tests.e2e.journal import Voicemail

pytestmark = pytest.mark.promise("FLD-06")


def rule(house: House, **columns: str) -> None:
    """A rule by caller, in force when this returns."""
    mark = house.controller.mark
    with house.database.edit() as connection:
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO caller_rules ({', '.join(columns)}) VALUES ({marks})", (*columns.values(),))
    house.controller.said(r"book \w+ in force", since=mark, seconds=2)


@pytest.mark.parametrize(("action", "status"), [("busy", 486), ("decline", 603)])
def test_a_blocked_caller_is_refused_at_once_and_nobody_rings(stage: Stage, action: str, status: int) -> None:
    phone = stage.answering()
    number = stage.plan(ring(phone), Voicemail())
    caller_number = f"+7916222{status:04}"
    rule(stage.house, caller=f"{caller_number[:-1]}*", number=number, action=action, reason="rings every night")
    blocked = stage.call(
        number, scenario="caller-refused", status=status, **{"from": f"<sip:{caller_number}@{CALLER}>"}
    )
    wire = blocked.over()
    assert wire.one(status).at - wire.one("INVITE").at < 1
    call = blocked.journalled()
    assert call.verdict == ("lost", "blocked")
    assert call.details("caller_blocked")[0]["reason"] == "rings every night"
    assert call.legs == []
    assert stage.call(number, talk_ms=200).over().final == 200, "others are let in"


def test_a_preferred_caller_goes_by_a_scheme_of_his_own(stage: Stage) -> None:
    desk, boss = stage.ringing(), stage.answering()
    number, vip = stage.plan(ring(desk), Voicemail()), stage.plan(ring(boss))
    rule(stage.house, caller="+79162220777", number=number, action="scheme", scheme=f"scheme of {vip}")
    caller = stage.call(number, talk_ms=200, **{"from": f"<sip:+79162220777@{CALLER}>"})
    assert caller.over().final == 200
    call = caller.journalled()
    assert call.call["answered_by"] == boss.name
    assert call.call["scheme"] == f"scheme of {vip}"
    assert desk.invites == 0


def test_the_adviser_who_spoke_with_the_caller_last_is_rung_first_also_after_a_restart(stage: Stage) -> None:
    anna, boris = stage.answering(), stage.phone(calls=2, answer_ms=100)
    who = {"from": f"<sip:+79162220888@{CALLER}>"}
    assert stage.call(stage.plan(ring(boris)), talk_ms=200, **who).over().final == 200
    number = stage.plan(ring(anna, boris))
    with stage.house.database.edit() as connection:
        connection.execute("UPDATE steps SET last_adviser_days = 30 WHERE kind = 'dial'")
    stage.house.controller.stop()
    stage.house.controller.start()
    first = stage.call(number, talk_ms=200, **who)
    assert first.over().final == 200
    assert first.journalled().call["answered_by"] == boris.name
    other = stage.call(number, talk_ms=200)
    assert other.over().final == 200
    call = stage.house.database.closed(number, 2)[-1]
    assert call.call["answered_by"] == anna.name, "to another caller he is nobody's last adviser"
    with stage.house.database.edit() as connection:
        connection.execute("UPDATE steps SET last_adviser_days = 0")
