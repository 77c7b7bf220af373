"""The dialplan's notes of a call, told as a timeline: each course of a call, and whatever else notes may be."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.explain import sentence
from ari_app.core.fallback_notes import FallbackNote, Word, by_call, read
from ari_app.core.fallback_story import GONE, Setting, Story, tell
from ari_app.core.outcomes import LegOutcome
from ari_app.core.rung_legs import RungLeg, left_open, number_of
from ari_app.core.scheme import Destination, DialStep, Greeting, RingStrategy, Step, TargetKind, VoicemailStep
from ari_app.core.timeline import Entry, Kind, Scalar
from ari_app.core.verdict import Disposition, Reason, derive

CAME_MS = 1764165000000
VERSION = "0123456789ab"
STEPS: tuple[Step, ...] = (
    DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.ENDPOINT, "anna", 5),)),
    VoicemailStep(Greeting("Sales", "ari-app/own/sales")),
)
CAME, END = "came:+79161112233:+74950000101:Ring", "end:::::"
PROMPTED = ("voicemail:", "record:fallback-1-2:2:180")


def keys(*told: str) -> list[str]:
    """Notes as the dialplan files them, a second apart."""
    return [
        f"1764165/1764165000.7:{number}:{CAME_MS + 1000 * (number - 1)}:{each}" for number, each in enumerate(told, 1)
    ]


def at(step: int, version: str = VERSION) -> str:
    """A place in the scheme."""
    return f"1764165000-{version}-{step}-"


def story(*told: str, before: Sequence[Entry] = (), version: str = VERSION, steps: Sequence[Step] = STEPS) -> Story:
    """What these notes tell."""
    setting = Setting("call", CAME_MS, steps, version, "universal (en)", lambda dial: dial.partition("@")[0], before)
    (notes,) = by_call(keys(*told)).values()
    return tell(notes, setting)


def entries(told: Story, kind: Kind) -> list[dict[str, Scalar]]:
    """The particulars of every entry of a kind."""
    return [dict(entry.details) for entry in told.entries if entry.kind is kind]


def outcomes(told: Story) -> list[tuple[str, LegOutcome]]:
    """Whom it rang, and what came of it."""
    return [(leg.destination, leg.outcome) for leg in told.legs]


RUNG = (f"dial:{at(1)}:5", "whom:anna")
TOGETHER = (f"dial:{at(1)}:5", "whom:anna&+7916111", "whom:2233@trunk&boris")


@pytest.mark.parametrize(
    ("told", "disposition", "reason"),
    [
        ((CAME, END), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ((CAME, *RUNG, "end:CANCEL:::300:caller"), Disposition.LOST, Reason.HUNG_UP_RINGING),
        ((CAME, *RUNG, "rung:BUSY:17:486:", "over:17", END), Disposition.LOST, Reason.NOBODY_ANSWERED),
        ((CAME, *RUNG, "end:ANSWER:anna:400:100:caller"), Disposition.ANSWERED, Reason.TALKED),
        ((CAME, *RUNG, "limit", "end:ANSWER:anna:400:100:"), Disposition.ANSWERED, Reason.TALKED),
        ((CAME, *RUNG, "limit", "end:CANCEL::::"), Disposition.LOST, Reason.LIMIT_REACHED),
        ((CAME, "circle", END), Disposition.LOST, Reason.LOOP),
        ((CAME, f"greet:{at(2)}", END), Disposition.LOST, Reason.HUNG_UP_IN_GREETING),
        ((CAME, *PROMPTED, "recorded:DTMF", "over:16", END), Disposition.LOST, Reason.NO_MESSAGE),
        ((CAME, *PROMPTED, END), Disposition.LOST, Reason.NO_MESSAGE),
        ((CAME, *PROMPTED), Disposition.LOST, Reason.LINE_LOST),
        ((CAME, *RUNG), Disposition.LOST, Reason.LINE_LOST),
        ((CAME, "over:99", END), Disposition.LOST, Reason.ENDED_BY_SCHEME),
        ((CAME, "word:of:another:release", END), Disposition.LOST, Reason.HUNG_UP_RINGING),
    ],
)
def test_each_course_of_a_call_has_its_verdict(told: tuple[str, ...], disposition: Disposition, reason: Reason) -> None:
    verdict = derive(story(*told).entries)
    assert (verdict.disposition, verdict.reason) == (disposition, reason)


def test_the_steps_of_a_scheme_are_told_as_a_controller_tells_them() -> None:
    told = story(CAME, *RUNG, "rung:BUSY:17:486:", f"voicemail:{at(2)}", "record:fallback-1-2:2:180", END)
    assert [
        (entry["step"], entry["kind"], entry["what"], entry["why"]) for entry in entries(told, Kind.STEP_BEGAN)
    ] == [
        (1, "dial", "ring in turn: anna (5 s)", "first_step"),
        (2, "voicemail", "voicemail with greeting 'Sales', at most 180 s", "all_busy"),
    ]
    (leg,) = told.legs
    assert leg == RungLeg("call-f1", 1, "anna", 1000, None, None, 3000, LegOutcome.BUSY, 17, "SIP 486")
    assert entries(told, Kind.RECORDING_BEGAN) == [{"max_seconds": 180, "name": "fallback-1-2"}]
    assert [(one.name, one.min_seconds) for one in told.recordings] == [("fallback-1-2", 2)]
    assert told.ended_ms == 6000


@pytest.mark.promise("FLD-01")
def test_an_order_drawn_by_lot_is_told() -> None:
    step = DialStep(RingStrategy.ROUND_ROBIN, (Destination(TargetKind.ENDPOINT, "anna", 5),))
    (entry,) = (one for one in story(CAME, *RUNG, END, steps=(step,)).entries if one.kind is Kind.RING_ORDER)
    assert sentence(entry) == ("who is rung first is drawn by lot: the calls before are not known without a controller")


def test_a_scheme_edited_meanwhile_is_told_by_what_was_done() -> None:
    told = story(CAME, *RUNG, "rung:BUSY:17:486:", f"greet:{at(2)}", "greeted:FAILED", END, version="another")
    assert [entry["what"] for entry in entries(told, Kind.STEP_BEGAN)] == ["ring anna", "greeting 'universal (en)'"]
    assert entries(told, Kind.PROMPT_ENDED) == [{"greeting": "universal (en)", "end": "failed"}]


def test_destinations_in_turn_are_one_step_and_the_next_step_says_why() -> None:
    second = (f"dial:{at(1)[:-1]}-b:5", "whom:boris")
    told = story(
        CAME, *RUNG, "rung:BUSY:17:486:", *second, "rung:NOANSWER:0::200", f"greet:{at(2)}", "greeted:SUCCESS", END
    )
    assert outcomes(told) == [("anna", LegOutcome.BUSY), ("boris", LegOutcome.NO_ANSWER)]
    assert [entry["step"] for entry in entries(told, Kind.STEP_BEGAN)] == [1, 2]
    assert entries(told, Kind.STEP_BEGAN)[1]["why"] == "nobody_answered"
    assert told.legs[1].rang_ms == told.legs[1].dialed_ms + 200


@pytest.mark.parametrize(
    ("rung", "outcome", "cause"),
    [
        ("BUSY:17:486:", LegOutcome.BUSY, 17),
        ("BUSY:21:603:100", LegOutcome.DECLINED, 21),
        ("BUSY:0::", LegOutcome.FAILED, 23),
        ("NOANSWER:0::100", LegOutcome.NO_ANSWER, 19),
        ("NOANSWER:0::", LegOutcome.UNREACHABLE, 19),
        ("CHANUNAVAIL:0::", LegOutcome.UNREACHABLE, 0),
        ("CONGESTION:::", LegOutcome.FAILED, 0),
        ("x:y:600:z", LegOutcome.FAILED, 0),
    ],
)
def test_what_the_far_end_said_is_the_outcome_of_who_was_rung_alone(rung: str, outcome: LegOutcome, cause: int) -> None:
    (leg,) = story(CAME, *RUNG, f"rung:{rung}", END).legs
    assert (leg.outcome, leg.cause) == (outcome, cause)


def test_of_those_rung_together_one_answers_and_the_others_are_told() -> None:
    told = story(CAME, *TOGETHER, "end:ANSWER:+79161112233@trunk:1500:100:")
    assert outcomes(told) == [
        ("anna", LegOutcome.ANSWERED_ELSEWHERE),
        ("+79161112233", LegOutcome.ANSWERED),
        ("boris", LegOutcome.ANSWERED_ELSEWHERE),
    ]
    assert [leg.ended_ms for leg in told.legs] == [2500, 4000, 2500]
    assert entries(told, Kind.TALK_ENDED) == [{"by": "destination"}]
    assert derive(told.entries).answered_by == "+79161112233"


def test_who_answered_is_the_first_where_nothing_says_who() -> None:
    assert derive(story(CAME, *TOGETHER, "end:ANSWER:nobody:99999999:100:").entries).answered_by == "anna"


def test_of_those_rung_together_it_is_not_known_who_refused() -> None:
    told = story(CAME, *TOGETHER, "rung:BUSY:17:486:100", END)
    assert {leg.outcome for leg in told.legs} == {LegOutcome.BUSY}
    assert {leg.rang_ms for leg in told.legs} == {None}


def test_a_call_that_is_cut_says_so_of_all_that_was_under_way() -> None:
    told = story(CAME, *RUNG)
    assert [(leg.outcome, leg.text) for leg in told.legs] == [(LegOutcome.FAILED, GONE)]
    assert entries(told, Kind.CALLER_LEFT) == [{"how": "line_lost"}]


def before(*told: tuple[Kind, dict[str, Scalar]]) -> list[Entry]:
    """What a controller had written."""
    return [Entry(index * 10, kind, details) for index, (kind, details) in enumerate(told)]


def test_what_a_controller_left_open_is_ended_first() -> None:
    leg: dict[str, Scalar] = {"leg": "call-1", "destination": "anna"}
    timeline = before(
        (Kind.STEP_BEGAN, {"step": 1}), (Kind.LEG_DIALED, leg), (Kind.LEG_RANG, leg), (Kind.LEG_RANG, {"leg": "?"})
    )
    told = story("came:::Up", *PROMPTED, END, before=timeline)
    assert told.legs == (RungLeg("call-1", 1, "anna", 10, 20, None, 30, LegOutcome.FAILED, 0, GONE),)
    assert [entry["held"] for entry in entries(told, Kind.FALLBACK_TOOK)] == [True]
    assert entries(told, Kind.STEP_BEGAN)[0]["why"] == "controller_gone"
    assert entries(told, Kind.STEP_BEGAN)[0]["step"] == 2


def test_legs_that_are_over_are_not_left_open() -> None:
    one: dict[str, Scalar] = {"leg": "call-1", "destination": "anna"}
    two: dict[str, Scalar] = {"leg": "call-2", "destination": "boris"}
    timeline = before(
        (Kind.LEG_DIALED, one),
        (Kind.LEG_DIALED, two),
        (Kind.LEG_ENDED, one),
        (Kind.LEG_ANSWERED, two),
        (Kind.ARRIVED, {}),
    )
    assert [(leg.leg_id, leg.answered_ms, leg.outcome) for leg in left_open(timeline)] == [
        ("call-2", 30, LegOutcome.ANSWERED)
    ]
    assert left_open(()) == ()
    assert number_of(Entry(0, Kind.STEP_BEGAN, {"step": "x"}), "step") == 0


UNHEARD = "unheard:ANSWER:anna:1500:200:caller"
RANG_BEFORE: tuple[tuple[Kind, dict[str, Scalar]], ...] = (
    (Kind.STEP_BEGAN, {"step": 1}),
    (Kind.LEG_DIALED, {"leg": "call-1", "destination": "anna"}),
    (Kind.LEG_RANG, {"leg": "call-1", "destination": "anna"}),
)
CONNECTED_BEFORE: tuple[tuple[Kind, dict[str, Scalar]], ...] = (
    *RANG_BEFORE,
    (Kind.LEG_ANSWERED, {"leg": "call-1", "destination": "anna"}),
    (Kind.CONNECTED, {"leg": "call-1", "destination": "anna"}),
)


def test_a_talk_that_only_the_dialplan_heard_was_one() -> None:
    timeline = before(*RANG_BEFORE)
    told = story("unheard:ANSWER:anna:0:10:caller", before=timeline)
    result = derive((*timeline, *told.entries))
    assert (result.disposition, result.answered_by) == (Disposition.ANSWERED, "anna")
    assert outcomes(told) == [("anna", LegOutcome.ANSWERED)]
    assert entries(told, Kind.TALK_ENDED) == [{"by": "caller"}]
    assert entries(told, Kind.FALLBACK_TOOK)


@pytest.mark.parametrize(("note", "by"), [(UNHEARD, "caller"), (UNHEARD.removesuffix("caller"), "destination")])
def test_a_talk_whose_end_only_the_dialplan_heard_ends_once(note: str, by: str) -> None:
    timeline = before(*CONNECTED_BEFORE)
    told = story(note, before=timeline)
    assert derive((*timeline, *told.entries)).disposition is Disposition.ANSWERED
    assert outcomes(told) == [("anna", LegOutcome.ANSWERED)]
    assert entries(told, Kind.TALK_ENDED) == [{"by": by}]
    assert not entries(told, Kind.CONNECTED)
    ended = before(*CONNECTED_BEFORE, (Kind.TALK_ENDED, {"by": "caller"}))
    assert not entries(story(note, before=ended), Kind.TALK_ENDED)


def test_who_hung_up_while_it_rang_and_only_the_dialplan_heard_was_not_answered() -> None:
    timeline = before(*RANG_BEFORE)
    told = story("unheard:CANCEL::::caller", before=timeline)
    assert derive((*timeline, *told.entries)).reason is Reason.HUNG_UP_RINGING
    assert outcomes(told) == [("anna", LegOutcome.CALLER_LEFT)]


GONE_UNSEEN = "gone:::::caller:+79161112233:+74950000101:1764165000000"


@pytest.mark.parametrize("unheard", [UNHEARD, GONE_UNSEEN])
def test_what_the_dialplan_went_on_with_is_told_by_its_other_notes(unheard: str) -> None:
    assert story(CAME, *PROMPTED, END, unheard) == story(CAME, *PROMPTED, END)


def test_of_a_call_that_nobody_had_put_on_record_who_talked_is_told() -> None:
    told = story("unheard:ANSWER:anna:1500::caller:+79161112233:+74950000101:1764165000000")
    result = derive(told.entries)
    assert (result.disposition, result.answered_by) == (Disposition.ANSWERED, "anna")
    assert entries(told, Kind.FALLBACK_TOOK) == [{"held": True, "entered": ""}]


def test_of_a_call_that_nobody_had_put_on_record_it_is_told_that_the_caller_left() -> None:
    told = story(GONE_UNSEEN)
    assert derive(told.entries).reason is Reason.HUNG_UP_RINGING
    assert outcomes(told) == []


def test_a_moment_is_told_in_thirteen_digits_or_not_at_all() -> None:
    (note,) = by_call(keys(GONE_UNSEEN))["1764165000.7"]
    assert (note.moment_ms(7), note.moment_ms(6), note.moment_ms(9)) == (1764165000000, None, None)


def test_a_caller_whom_a_controller_had_answered_hangs_up_and_does_not_cancel() -> None:
    leg: dict[str, Scalar] = {"leg": "call-1", "destination": "anna"}
    timeline = before((Kind.ANSWERED_BY_SYSTEM, {}), (Kind.LEG_DIALED, leg), (Kind.LEG_ANSWERED, leg))
    told = story("came:::Up", *PROMPTED, END, before=timeline)
    assert entries(told, Kind.CALLER_LEFT) == [{"how": "hung_up"}]
    assert entries(told, Kind.ANSWERED_BY_SYSTEM) == []
    assert outcomes(told) == [("anna", LegOutcome.ANSWERED)]


def test_a_step_without_a_greeting_is_told_with_the_default_one() -> None:
    assert entries(story(CAME, f"greet:{at(1)}", END), Kind.PROMPT_BEGAN) == [{"greeting": "universal (en)"}]


def test_a_message_after_a_recording_that_failed() -> None:
    told = story(CAME, *PROMPTED, "recorded:ERROR", "over:16", END)
    assert entries(told, Kind.RECORDING_ENDED) == [{"end": "failed"}]


# --- any notes at all -------------------------------------------------------------------------------------------------

PARTS = st.sampled_from(
    ["", "0", "17", "486", "ANSWER", "BUSY", "anna", "anna&boris", at(1), at(2), "caller", "Up", "x" * 20]
)
TOLD = st.builds(
    lambda word, parts: ":".join([word, *parts]),
    st.sampled_from([*map(str, Word), "other"]),
    st.lists(PARTS, max_size=6),
)


@given(st.lists(TOLD, min_size=1, max_size=12), st.lists(st.sampled_from(Kind), max_size=5))
def test_any_notes_tell_one_call(told: list[str], kinds: list[Kind]) -> None:
    held = [Entry(0, kind, {"leg": "call-1", "destination": "anna", "step": 1}) for kind in kinds]
    made = story(*told, before=held)
    timeline = [*held, *made.entries]
    verdict = derive(timeline)
    assert [entry.at_ms for entry in made.entries] == sorted(entry.at_ms for entry in made.entries)
    assert (verdict.disposition is Disposition.ANSWERED) <= any(entry.kind is Kind.CONNECTED for entry in timeline)
    dialed = [entry.details["leg"] for entry in made.entries if entry.kind is Kind.LEG_DIALED]
    assert sorted(map(str, dialed)) == sorted(leg.leg_id for leg in made.legs if leg.leg_id != "call-1")
    assert all(leg.dialed_ms <= leg.ended_ms <= max(made.ended_ms, 0) for leg in made.legs)
    assert all(sentence(entry) for entry in made.entries)
    assert sum(entry.kind is Kind.CALLER_LEFT for entry in made.entries) <= 1


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_note_is_read_from_its_key() -> None:
    note = read("1764165/pbx-1764165000.7:12:1764165000123:end:ANSWER:anna:12::caller")
    assert note == FallbackNote(
        "pbx-1764165000.7",
        12,
        1764165000123,
        "end",
        ("ANSWER", "anna", "12", "", "caller"),
        "1764165/pbx-1764165000.7:12:1764165000123:end:ANSWER:anna:12::caller",
    )
    assert [note.part(1), note.part(9), note.count(2), note.count(3), note.count(0)] == ["anna", "", 12, None, None]


@pytest.mark.parametrize(
    "key", ["", "x", "1764165/1.1:1:17641650001:came", "1764165/1.1:1:1764165000123:came:a b", "1/1.1"]
)
def test_what_the_dialplan_does_not_write_is_no_note(key: str) -> None:
    assert read(key) is None


@given(st.text(max_size=60))
def test_any_key_is_read_or_not(key: str) -> None:
    note = read(key)
    assert note is None or note.key == key


def test_notes_are_sorted_by_call_and_number() -> None:
    found = by_call([*reversed(keys(*["came"] * 11)), "1764164/1764164000.1:1:1764164000000:came", "no note"])
    assert list(found) == ["1764164000.1", "1764165000.7"]
    assert [note.number for note in found["1764165000.7"]] == list(range(1, 12))


@pytest.mark.promise("RNG-14")
def test_managers_whom_the_dialplan_passed_over_are_told_with_the_reason() -> None:
    """It asks no CRM: neither for one of several destinations, nor for the only one of a step that it passed over."""
    manager = Destination(TargetKind.MANAGER, "crm:lead", 20)
    anna = Destination(TargetKind.ENDPOINT, "anna", 5)
    steps = (DialStep(RingStrategy.IN_TURN, (manager,)), DialStep(RingStrategy.IN_TURN, (manager, anna)))
    told = story(CAME, f"dial:{at(2)}:5", "whom:anna", "rung:BUSY:17:486:", "over:17", END, steps=steps)

    passed_over = entries(told, Kind.NO_MANAGER)
    assert [one["asked"] for one in passed_over] == ["crm:lead", "crm:lead"]
    assert sentence(Entry(0, Kind.NO_MANAGER, passed_over[0])) == (
        "no manager by crm:lead: crm is not asked (no controller serves the call)"
    )


def test_a_recording_that_a_dead_controller_had_begun_is_to_be_judged() -> None:
    began = Entry(500, Kind.RECORDING_BEGAN, {"name": "voicemail-1", "max_seconds": 180, "min_seconds": 2})
    told = story(CAME, END, before=(began,))
    assert [(one.name, one.min_seconds) for one in told.recordings] == [("voicemail-1", 2)]
