"""Press 1 to take the call: a carrier's voicemail that picks up does not swallow it, however it was reached."""

import sqlite3

import pytest

from tests.e2e.house import House, Stage, ring
from tests.e2e.journal import Voicemail
from tests.e2e.test_takeup import until

pytestmark = pytest.mark.promise("FLD-02")


def must_press(house: House, *targets: str, seconds: int = 6) -> None:
    """These destinations have to press 1, in force when this returns."""
    mark = house.controller.mark

    def edit(connection: sqlite3.Connection) -> None:
        for target in targets:
            connection.execute("UPDATE destinations SET confirm_seconds = ? WHERE target = ?", (seconds, target))

    with house.database.edit() as connection:
        edit(connection)
    if house.controller.running:
        house.controller.said(r"book \w+ in force", since=mark, seconds=2)


def test_a_carrier_s_voicemail_is_left_and_the_next_who_presses_1_talks(stage: Stage) -> None:
    number = stage.plan(ring("lab-carrier", "lab-accepts", timeout=8), Voicemail())
    must_press(stage.house, "lab-carrier", "lab-accepts")
    caller = stage.call(number, talk_ms=500)
    wire = caller.over()
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    assert call.outcomes == [("lab-carrier", "not_accepted"), ("lab-accepts", "answered")]
    assert wire.one(200).at - wire.one("INVITE").at > 8, "the caller is not answered before somebody takes the call"
    assert [one["destination"] for one in call.details("accepted")] == ["lab-accepts"]
    assert call.legs[0]["cause_text"] == "1 was not pressed in 6 s"
    must_press(stage.house, "lab-carrier", "lab-accepts", seconds=0)


def test_beside_a_carrier_s_voicemail_another_phone_rings_on_and_wins(stage: Stage) -> None:
    phone = stage.answering(after_ms=2500)
    number = stage.plan(ring("lab-carrier", phone, strategy="all_at_once", timeout=10))
    must_press(stage.house, "lab-carrier", seconds=10)
    caller = stage.call(number, talk_ms=500)
    assert caller.over().final == 200
    call = caller.journalled()
    assert call.call["answered_by"] == phone.name, call.told
    assert dict(call.outcomes) == {"lab-carrier": "answered_elsewhere", phone.name: "answered"}
    leg = next(leg for leg in call.legs if leg["destination"] == "lab-carrier")
    assert leg["ended_ms"] - call.call["answered_ms"] < 500, "who is being asked is let go at once"
    must_press(stage.house, "lab-carrier", seconds=0)


def test_who_is_asked_while_the_controller_is_killed_is_asked_again(stage: Stage) -> None:
    number = stage.plan(ring("lab-carrier", timeout=8), Voicemail(max_seconds=5))
    must_press(stage.house, "lab-carrier")
    caller = stage.call(number, talk_ms=9000)
    until(caller, "accept_asked")
    stage.house.controller.kill()
    stage.house.controller.start()
    until(caller, "leg_ended", seconds=15)
    caller.over(40)
    call = caller.journalled()
    assert call.outcomes == [("lab-carrier", "not_accepted")], call.told
    assert len(call.details("accept_asked")) == 2
    assert call.details("recovered")
    must_press(stage.house, "lab-carrier", seconds=0)
