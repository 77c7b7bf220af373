"""Ringing: who is rung when, what the caller and the called see on the wire, and what the journal says of it."""

import pytest

from tests.e2e.house import Phone, Stage, ring
from tests.e2e.journal import Destination, Dial, HangUp, Voicemail

ELSEWHERE = "Call completed elsewhere"
AT_ONCE = 0.2
"""Seconds within which a leg must be told."""


@pytest.mark.promise("CAL-05", "RNG-08", "OUR-01")
def test_the_first_destination_answers_and_only_then_is_the_caller_answered(stage: Stage) -> None:
    phone, second = stage.answering(after_ms=400), stage.answering()
    caller = stage.call(stage.plan(ring(phone, second), Voicemail()), talk_ms=400)
    wire = caller.over()
    assert wire.one(180).at < phone.wire.one(200).at < wire.one(200).at
    assert wire.one(200).at - phone.wire.one(200).at < AT_ONCE
    assert wire.one("BYE").sent
    assert phone.wire.one("BYE").at - wire.one("BYE").at < AT_ONCE
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.call["answered_by"] == phone.name
    assert journalled.outcomes == [(phone.name, "answered")]
    kinds = [event["kind"] for event in journalled.events]
    told = ["arrived", "number_found", "branch_chosen", "step_began", "leg_dialed", "leg_rang", "leg_answered"]
    assert kinds == [*told, "connected", "talk_ended", "caller_left", "verdict", "no_message"]


def test_the_called_side_hangs_up_and_the_caller_is_told(stage: Stage) -> None:
    phone = stage.answering(talk_ms=300)
    caller = stage.call(stage.plan(ring(phone), Voicemail()))
    wire = caller.over()
    assert not wire.one("BYE").sent
    assert wire.one("BYE").at - phone.wire.one("BYE").at < AT_ONCE
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.details("talk_ended") == [{"by": "destination"}]


@pytest.mark.promise("CAL-05", "FLD-03")
def test_a_busy_destination_is_passed_over_at_once(stage: Stage) -> None:
    busy, free = stage.refusing("486 Busy Here"), stage.answering()
    caller = stage.call(stage.plan(ring(busy, free)), talk_ms=300)
    assert caller.over().final == 200
    assert free.wire.one("INVITE").at - busy.wire.one(486).at < AT_ONCE
    assert caller.journalled().outcomes == [(busy.name, "busy"), (free.name, "answered")]


@pytest.mark.promise("CAL-07", "RNG-08")
def test_a_destination_that_does_not_answer_is_given_up_after_its_own_seconds(stage: Stage) -> None:
    silent, free = stage.ringing(), stage.answering()
    caller = stage.call(stage.plan(ring(silent), ring(free)), talk_ms=300)
    assert caller.over().final == 200
    assert silent.wire.one("CANCEL").at - silent.wire.one("INVITE").at == pytest.approx(5, abs=0.3)
    assert ELSEWHERE not in silent.wire.one("CANCEL").text
    assert caller.journalled().outcomes == [(silent.name, "no_answer"), (free.name, "answered")]


@pytest.mark.promise("CAL-07")
def test_no_next_step_ends_the_call_without_ever_answering_it(stage: Stage) -> None:
    caller = stage.call(stage.plan(ring(stage.ringing()), HangUp()), scenario="caller-refused", status=480)
    caller.over()
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "nobody_answered")
    assert journalled.call["answered_ms"] is None


@pytest.mark.promise("FLD-01", "FLD-04")
def test_of_several_at_once_one_answers_and_the_others_hear_that_another_did(stage: Stage) -> None:
    quick, losers = stage.answering(after_ms=500), [stage.ringing(), stage.ringing()]
    caller = stage.call(stage.plan(ring(losers[0], quick, losers[1], strategy="all_at_once")), talk_ms=300)
    assert caller.over().final == 200
    everybody = [quick, *losers]
    began = [phone.wire.one("INVITE").at for phone in everybody]
    assert max(began) - min(began) < AT_ONCE
    for loser in losers:
        cancel = loser.wire.one("CANCEL")
        assert ELSEWHERE in cancel.header("Reason")
        assert cancel.at - quick.wire.one(200).at < AT_ONCE
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert sorted(outcome for _, outcome in journalled.outcomes) == ["answered", *["answered_elsewhere"] * 2]


@pytest.mark.fault("13")
@pytest.mark.promise("FLD-04")
def test_of_two_who_answer_at_once_one_talks_and_the_other_is_gone_at_once(stage: Stage) -> None:
    """Five calls at a time, so that the two answers meet in more than one way."""
    for _ in range(5):
        pair = [stage.answering(after_ms=300), stage.answering(after_ms=300)]
        for phone in pair:
            phone.may_stumble = True
        number = stage.plan(ring(*pair, strategy="all_at_once"))
        caller = stage.call(number, talk_ms=700)
        wire = caller.over()
        for phone in pair:
            phone.sipp.wait()
        journalled = caller.journalled()
        assert journalled.verdict == ("answered", "talked")
        assert sorted(outcome for _, outcome in journalled.outcomes) == ["answered", "answered_elsewhere"]
        winner = next(phone for phone in pair if phone.name == journalled.call["answered_by"])
        loser = next(phone for phone in pair if phone is not winner)
        assert winner.wire.one("BYE").at >= wire.one("BYE").at
        assert _ended(loser) - _answered(loser) < AT_ONCE


def _answered(phone: Phone) -> float:
    return phone.wire.one("INVITE").at + 0.3


def _ended(phone: Phone) -> float:
    return next(m.at for m in phone.wire if m.first_line.startswith(("BYE ", "CANCEL ")) and not m.sent)


@pytest.mark.promise("FLD-01")
def test_staggered_destinations_join_in_each_after_its_delay(stage: Stage) -> None:
    first, second, third = stage.ringing(), stage.answering(after_ms=1500), stage.ringing()
    step = ring(first, second, third, strategy="staggered", delays=(0, 1, 2))
    caller = stage.call(stage.plan(step), talk_ms=300)
    assert caller.over().final == 200
    began = [phone.wire.one("INVITE").at for phone in (first, second, third)]
    assert began[1] - began[0] == pytest.approx(1, abs=0.2)
    assert began[2] - began[0] == pytest.approx(2, abs=0.2)
    assert {phone.wire.one("CANCEL").header("Reason").count(ELSEWHERE) for phone in (first, third)} == {1}
    assert caller.journalled().call["answered_by"] == second.name


@pytest.mark.promise("FLD-03")
@pytest.mark.fault("15")
def test_when_everybody_is_busy_so_is_the_number(stage: Stage) -> None:
    phones = [stage.refusing("486 Busy Here"), stage.refusing("600 Busy Everywhere")]
    caller = stage.call(stage.plan(ring(*phones)), scenario="caller-refused", status=486)
    wire = caller.over()
    assert wire.one(486).at - wire.one("INVITE").at < 1
    journalled = caller.journalled()
    assert journalled.verdict == ("lost", "nobody_answered")
    assert [leg["cause"] for leg in journalled.legs] == [17, 17]


def test_the_caller_s_network_is_told_the_true_cause_every_time(stage: Stage) -> None:
    """Ending the call twice would make the last word of the two the cause, now and then."""
    phone = stage.phone("phone-refuses", calls=15, status="486 Busy Here", extra="")
    number = stage.plan(ring(phone))
    for _ in range(15):
        stage.call(number, scenario="caller-refused", status=486).over()


REFUSALS = [
    ("486 Busy Here", "busy", 17),
    ("603 Decline", "declined", 21),
    ("404 Not Found", "unknown", 1),
    ("410 Gone", "unknown", 22),
    ("480 Temporarily Unavailable", "unreachable", 19),
    ("408 Request Timeout", "unreachable", 18),
    ("503 Service Unavailable", "failed", 34),
    ("500 Server Internal Error", "failed", 38),
]


@pytest.mark.promise("FLD-03", "CAL-08", "OUR-01")
@pytest.mark.fault("15")
def test_each_way_not_to_answer_is_journalled_by_its_cause_and_the_next_step_follows(stage: Stage) -> None:
    phones = [stage.refusing(status) for status, _, _ in REFUSALS]
    number = stage.plan(ring(*phones), ring("no-such-phone"), Voicemail())
    caller = stage.call(number, talk_ms=300)
    assert caller.over().final == 200
    journalled = caller.journalled()
    expected = [(phone.name, outcome) for phone, (_, outcome, _) in zip(phones, REFUSALS, strict=True)]
    assert journalled.outcomes == [*expected, ("no-such-phone", "failed")]
    assert [leg["cause"] for leg in journalled.legs[:-1]] == [cause for _, _, cause in REFUSALS]
    assert all(leg["cause_text"] for leg in journalled.legs)
    assert journalled.at_ms("answered_by_system") < 2000
    assert journalled.details("step_began")[-1]["what"].startswith("voicemail")


@pytest.mark.promise("FLD-03")
@pytest.mark.fault("15")
def test_a_dead_destination_costs_its_seconds_and_not_one_more(stage: Stage) -> None:
    dead = stage.dead()
    caller = stage.call(stage.plan(ring(dead), Voicemail()), talk_ms=300)
    assert caller.over().final == 200
    journalled = caller.journalled()
    assert journalled.outcomes == [(dead.name, "unreachable")]
    assert journalled.at_ms("answered_by_system") == pytest.approx(5000, abs=300)


@pytest.mark.promise("CAL-05")
def test_numbers_are_dialed_through_the_configured_trunk(stage: Stage) -> None:
    numbers = (Destination("+79160000486", kind="number"), Destination("+79160000200", kind="number"))
    caller = stage.call(stage.plan(Dial(numbers)), talk_ms=300)
    assert caller.over().final == 200
    assert caller.journalled().outcomes == [("+79160000486", "busy"), ("+79160000200", "answered")]


@pytest.mark.fault("37")
def test_a_redirection_is_not_followed(stage: Stage) -> None:
    elsewhere, free = stage.ringing(), stage.answering()
    extension = elsewhere.extension
    contact = f"Contact: <sip:{extension.name}@{extension.host}:{extension.port}>\n"
    moved = stage.refusing("302 Moved Temporarily", contact)
    caller = stage.call(stage.plan(ring(moved, free)), talk_ms=300)
    assert caller.over().final == 200
    assert elsewhere.invites == 0
    assert caller.journalled().outcomes == [(moved.name, "failed"), (free.name, "answered")]


@pytest.mark.fault("37")
def test_an_answered_party_that_asks_for_a_transfer_keeps_talking(stage: Stage) -> None:
    elsewhere = stage.plan(ring(stage.ringing()))
    phone = stage.phone("phone-transfers", answer_ms=200, talk_ms=700, refer_to=elsewhere, refusal=603)
    caller = stage.call(stage.plan(ring(phone)))
    assert caller.over().final == 200
    refused = next(m for m in phone.wire if m.method == "REFER" and m.status)
    assert phone.wire.one("BYE").at - refused.at == pytest.approx(0.7, abs=0.2), "the talk went on"
    assert caller.journalled().verdict == ("answered", "talked")
    assert stage.house.database.calls(elsewhere) == []
