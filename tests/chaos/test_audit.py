"""The audit finds what does not agree, and nothing else: each rule broken once, and a whole run that holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.chaos.audit import Audit, Finding, Outage, Rule
from tests.chaos.faults import How, Part, plan
from tests.chaos.ledger import Entry, Event, Ledger, Message
from tests.chaos.stories import STORIES, Story
from tests.chaos.wire import Dialog, Heard, dialogs

NUMBER = "+79160000001"
TALK = next(story for story in STORIES if story.name == "one answers")
SPEAKS = next(story for story in STORIES if story.name == "a message")
REFUSED = next(story for story in STORIES if story.name == "all are busy")
KILLED = Outage(Part.ASTERISK, How.KILLED, 6.0, 8.0)


def dialog(party: str, *steps: tuple[float, str]) -> Dialog:
    """A dialog of a few messages; what a reply is to is INVITE unless it says so."""
    heard = (Heard(at, False, line.partition("/")[0], line.partition("/")[2] or _method(line)) for at, line in steps)
    return Dialog(
        party, "1@here", NUMBER, tuple(replace(one, line=one.line.replace("2.0", "SIP/2.0")) for one in heard)
    )


def _method(line: str) -> str:
    return "INVITE" if line.startswith("2.0") else line.partition(" ")[0]


INVITE, TRYING, OK, ACK, BYE, BUSY = "INVITE sip:x", "2.0 100", "2.0 200", "ACK sip:x", "BYE sip:x", "2.0 486"
CALL = dialog("caller", (0.0, INVITE), (0.1, TRYING), (1.0, OK), (1.0, ACK), (5.0, BYE))
UNENDED = dialog("caller", (0.0, INVITE), (0.1, TRYING), (1.0, OK), (1.0, ACK))
TURNED_AWAY = dialog("caller", (0.0, INVITE), (0.1, TRYING), (1.0, BUSY), (1.0, ACK))
LEG = dialog("phone-quick", (0.2, INVITE), (0.9, OK), (0.9, ACK), (5.0, BYE))

ANSWERED = Entry("c", NUMBER, "answered", "talked", "crowd-quick")
LEFT = Entry(
    "c",
    NUMBER,
    "message_left",
    "message",
    None,
    (Event(2.0, "recording_began", {}),),
    (Message("voicemail-1", 3, 3.0),),
)
LOST = Entry("c", NUMBER, "lost", "nobody_answered")
NOTICED = {"voicemail-1": 1}


def audit(
    entries: Sequence[Entry],
    call: Dialog = CALL,
    legs: Sequence[Dialog] = (),
    story: Story = TALK,
    outages: Sequence[Outage] = (),
    *,
    ledger: Ledger | None = None,
) -> list[Finding]:
    """What is found about the one call there was, a minute after it began."""
    books = replace(ledger or Ledger({}), calls={NUMBER: entries} if entries else {})
    return Audit({NUMBER: story}, {NUMBER: call}, legs, books, outages, until=60.0).findings()


def broken(found: Sequence[Finding]) -> set[Rule]:
    """Which rules."""
    return {finding.rule for finding in found}


def test_calls_that_agree_are_found_nothing_about() -> None:
    assert audit([ANSWERED], legs=[LEG]) == []
    assert audit([LEFT], story=SPEAKS, ledger=Ledger({}, notices=NOTICED)) == []
    assert audit([LOST], TURNED_AWAY, story=REFUSED, ledger=Ledger({}, texts={NUMBER: 1})) == []


def test_a_call_has_one_row() -> None:
    assert broken(audit([], legs=[LEG])) == {Rule.ONE_ROW}
    assert broken(audit([ANSWERED, ANSWERED], legs=[LEG])) == {Rule.ONE_ROW}


def test_a_call_that_asterisk_died_upon_at_once_may_have_none() -> None:
    at_once = replace(KILLED, began=1.0)
    assert audit([], UNENDED, outages=[at_once]) == []
    assert broken(audit([], UNENDED, outages=[KILLED])) == {Rule.ONE_ROW}
    slow = dialog("caller", (0.0, INVITE), (0.1, TRYING), (5.0, "2.0 180"), (5.5, OK), (5.5, ACK))
    assert audit([], slow, outages=[KILLED]) == []


def test_nor_need_one_have_a_row_that_only_a_deaf_controller_had_when_asterisk_died() -> None:
    deaf = Outage(Part.CONTROLLER, How.KILLED, 1.2, 5.0)
    cut = Outage(Part.WEBSOCKET, How.KILLED, 4.5, 6.5)
    assert audit([], UNENDED, outages=[deaf, cut, KILLED]) == []
    for outages in ([replace(deaf, began=1.5), cut], [deaf], [replace(deaf, began=0.9), cut]):
        assert broken(audit([], UNENDED, outages=[*outages, KILLED])) == {Rule.ONE_ROW}
    later = replace(KILLED, began=8.2)
    assert broken(audit([], UNENDED, outages=[deaf, replace(cut, ended=9.0), later])) == {Rule.ONE_ROW}


def test_an_invite_that_asterisk_never_heard_is_no_call() -> None:
    assert audit([], dialog("caller", (0.0, INVITE), (0.5, INVITE))) == []


def test_a_row_without_a_call_is_a_stranger() -> None:
    found = Audit({}, {}, (), Ledger({NUMBER: [ANSWERED]}), (), 60.0).findings()
    assert broken(found) == {Rule.NO_STRANGERS}


def test_a_row_is_closed() -> None:
    assert broken(audit([replace(ANSWERED, disposition=None)], legs=[LEG])) == {Rule.CLOSED}


@pytest.mark.parametrize(
    ("entry", "legs"),
    [
        (ANSWERED, []),
        (replace(ANSWERED, answered_by="crowd-slow"), [LEG]),
    ],
)
def test_an_answered_call_was_answered_by_that_telephone(entry: Entry, legs: list[Dialog]) -> None:
    assert broken(audit([entry], legs=legs)) == {Rule.VERDICT}


def test_who_talked_was_answered() -> None:
    kept = Ledger({}, texts={NUMBER: 1})
    briefly = Outage(Part.CONTROLLER, How.KILLED, 0.5, 1.5)
    late = Outage(Part.WEBSOCKET, How.KILLED, 2.0, 9.0)
    for outages in ([KILLED], [briefly], [late]):
        assert Rule.VERDICT in broken(audit([LOST], legs=[LEG], outages=outages, ledger=kept))


def test_of_a_talk_that_nobody_heard_nothing_can_be_told() -> None:
    kept = Ledger({}, texts={NUMBER: 1})
    throughout = [Outage(Part.CONTROLLER, How.KILLED, 0.5, 3.0), Outage(Part.WEBSOCKET, How.KILLED, 4.0, 5.0)]
    assert audit([LOST], legs=[LEG], outages=throughout, ledger=kept) == []
    just_begun = [replace(throughout[0], began=1.2), throughout[1]]
    assert audit([LOST], legs=[LEG], outages=just_begun, ledger=kept) == []
    heard = [replace(throughout[0], began=1.4), throughout[1]]
    assert Rule.VERDICT in broken(audit([LOST], legs=[LEG], outages=heard, ledger=kept))
    died = replace(KILLED, began=4.0)
    assert audit([LOST], UNENDED, [LEG], outages=[died], ledger=kept) == []


def test_a_message_is_of_somebody_who_was_answered() -> None:
    found = audit([LEFT], TURNED_AWAY, story=SPEAKS, ledger=Ledger({}, notices=NOTICED))
    assert broken(found) == {Rule.VERDICT}


def test_a_call_beside_which_nothing_broke_goes_as_planned() -> None:
    kept = Ledger({}, texts={NUMBER: 1})
    assert broken(audit([LOST], TURNED_AWAY, ledger=kept)) == {Rule.AS_PLANNED}
    late = Outage(Part.CONTROLLER, How.FROZEN, 20.0, 21.0)
    assert broken(audit([LOST], TURNED_AWAY, outages=[late], ledger=kept)) == {Rule.AS_PLANNED}
    unfelt = Outage(Part.DATABASE, How.KILLED, 0.0, 21.0)
    assert broken(audit([LOST], TURNED_AWAY, outages=[unfelt], ledger=kept)) == {Rule.AS_PLANNED}
    beside = Outage(Part.CONTROLLER, How.FROZEN, 0.5, 21.0)
    assert audit([LOST], TURNED_AWAY, outages=[beside], ledger=kept) == []


def test_nobody_is_left_in_silence() -> None:
    assert broken(audit([ANSWERED], UNENDED, [LEG])) == {Rule.SERVED}
    assert audit([ANSWERED], UNENDED, [LEG], outages=[KILLED]) == []
    slow = dialog("caller", (0.0, INVITE), (0.1, TRYING), (1.0, OK), (1.0, ACK), (40.0, BYE))
    assert broken(audit([ANSWERED], slow, [LEG])) == {Rule.SERVED}


@pytest.mark.parametrize("length", [None, 1.0])
def test_a_message_can_be_played(length: float | None) -> None:
    entry = replace(LEFT, messages=[Message("voicemail-1", 3.0, length)])
    assert broken(audit([entry], story=SPEAKS, ledger=Ledger({}, notices=NOTICED))) == {Rule.PLAYABLE}


def test_a_message_that_is_left_is_there() -> None:
    assert broken(audit([replace(LEFT, messages=())], story=SPEAKS)) == {Rule.PLAYABLE}


def test_of_a_message_that_asterisk_died_upon_at_most_two_seconds_are_lost() -> None:
    kept = Ledger({}, notices=NOTICED)
    shorter = replace(LEFT, messages=[Message("voicemail-1", 1.5, 1.5)])
    assert audit([LEFT], UNENDED, story=SPEAKS, outages=[KILLED], ledger=kept) == []
    assert broken(audit([shorter], UNENDED, story=SPEAKS, outages=[KILLED], ledger=kept)) == {Rule.VOICE}


def test_a_recording_belongs_to_a_call() -> None:
    assert broken(audit([ANSWERED], legs=[LEG], ledger=Ledger({}, strays=["voicemail-2.wav"]))) == {Rule.NO_STRAYS}


@pytest.mark.parametrize("texts", [0, 2])
def test_a_lost_call_has_one_apology(texts: int) -> None:
    kept = Ledger({}, texts={NUMBER: texts})
    assert broken(audit([LOST], TURNED_AWAY, story=REFUSED, ledger=kept)) == {Rule.APOLOGY}


def test_nobody_who_talked_has_an_apology() -> None:
    assert broken(audit([ANSWERED], legs=[LEG], ledger=Ledger({}, texts={NUMBER: 1}))) == {Rule.APOLOGY}


def test_a_message_has_one_notice() -> None:
    assert broken(audit([LEFT], story=SPEAKS)) == {Rule.NOTICE}


def test_a_message_that_waits_is_told() -> None:
    kept = Ledger({}, unsettled=["apology to +7: unknown"])
    assert broken(audit([ANSWERED], legs=[LEG], ledger=kept)) == {Rule.SETTLED}


def test_a_message_that_a_dead_sender_holds_is_not_missed_yet() -> None:
    held = Ledger({}, held={NUMBER, "voicemail-1"})
    assert audit([LOST], TURNED_AWAY, story=REFUSED, ledger=held) == []
    assert audit([LEFT], story=SPEAKS, ledger=held) == []


# --- what it reads ----------------------------------------------------------------------------------------------------

LOG = """\
----------------------------------------------- 2026-11-26 14:23:55.100068
UDP message sent (9 bytes):

INVITE sip:+74950001001@127.0.0.1:5060 SIP/2.0
From: <sip:+79160000001@127.0.0.10>;tag=1
Call-ID: 1-7@127.0.0.10
CSeq: 1 INVITE

----------------------------------------------- 2026-11-26 14:23:55.600068
UDP message received [9] bytes :

SIP/2.0 200 OK
From: <sip:+79160000001@127.0.0.10>;tag=1
Call-ID: 1-7@127.0.0.10
CSeq: 1 INVITE

----------------------------------------------- 2026-11-26 14:23:56.100068
UDP message sent (9 bytes):

ACK sip:127.0.0.1:50"""


def test_a_log_is_read_dialog_by_dialog_and_its_torn_end_left_out() -> None:
    [one] = dialogs("caller", LOG)
    assert (one.number, one.call_id, len(one.messages)) == (NUMBER, "1-7@127.0.0.10", 2)
    assert one.messages[0].sent
    assert not one.messages[1].sent
    assert one.answered_at is not None
    assert one.answered_at - one.invited_at == pytest.approx(0.5)


# --- what breaks ------------------------------------------------------------------------------------------------------


def test_a_seed_breaks_the_same_things_at_the_same_moments() -> None:
    assert plan(7, 40, 1.5) == plan(7, 40, 1.5)
    assert plan(7, 40, 1.5) != plan(8, 40, 1.5)


def test_every_part_breaks_and_none_before_it_is_mended() -> None:
    strikes = plan(7, 60, 1.5)
    assert [strike.how for strike in strikes].count(How.KILLED) == 60
    assert {strike.part for strike in strikes} == set(Part)
    for part in Part:
        its = [strike for strike in strikes if strike.part is part]
        assert all(one.until < other.at for one, other in pairwise(its))


def test_only_what_was_asked_for_breaks() -> None:
    assert {strike.part for strike in plan(7, 20, 1.5, [Part.SENDER])} == {Part.SENDER}
