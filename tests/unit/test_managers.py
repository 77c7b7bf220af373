"""The responsible manager in a call: asked in time, all of them rung together, passed over when nobody is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app import virtual_time
from ari_app.agi import walk
from ari_app.call import Exchange, conduct
from ari_app.core.checks import errors, problems
from ari_app.core.draft import BranchDraft, DestinationDraft, SchemeDraft, StepDraft
from ari_app.core.engine import Arrival
from ari_app.core.explain import sentence
from ari_app.core.manager_draft import (
    ManagerDraft,
    by_manager,
    destinations_of,
    judged,
    target_words,
    told,
    understood,
)
from ari_app.core.numbering import DialPolicy
from ari_app.core.outcomes import HangUpCause, LegOutcome
from ari_app.core.responsible import Manager, Question
from ari_app.core.scheme import (
    Destination,
    DialStep,
    Greeting,
    RingStrategy,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.standing import standing
from ari_app.core.timeline import Entry, Kind, Scalar
from ari_app.core.verdict import Disposition, Reason
from ari_app.dialstring import DialTemplates
from ari_app.ports import CallSoFar
from ari_app.replaying import Draft, PastCall, PastLeg, replay
from ari_app.scripted_managers import parse_manager
from ari_app.simulation import CallerScript, simulate
from tests.fakes.managers import IVAN, OLGA, RUNG, AskedManagers, manager
from tests.fakes.scripted import (
    BUSY,
    CALLER,
    NOW,
    SILENT,
    Conducted,
    HostileLine,
    Keeper,
    LegPlan,
    Notebook,
    OneBook,
    Plan,
    always,
    answers,
    call,
    opened,
)

IN_TURN, TOGETHER, STAGGERED = RingStrategy.IN_TURN, RingStrategy.ALL_AT_ONCE, RingStrategy.STAGGERED
WON, ELSEWHERE = LegOutcome.ANSWERED, LegOutcome.ANSWERED_ELSEWHERE
VOICEMAIL = VoicemailStep(Greeting("office", "own/office"))


def desk(name: str = "desk", timeout: int = 20, delay: int = 0) -> Destination:
    return Destination(TargetKind.ENDPOINT, name, timeout, delay)


def ring(steps: Sequence[Step], *legs: LegPlan, managers: AskedManagers | None = None, **plan: object) -> Conducted:
    return call(always("UTC", *steps), Plan(legs=legs, **plan), managers=managers)  # type: ignore[arg-type]


def course(conducted: Conducted) -> list[tuple[str, float, LegOutcome]]:
    """Who was rung, when (s, to a tenth), and how it came out; in the order rung."""
    records = sorted(conducted.journal.legs, key=lambda one: (one.dialed_ms, one.leg_id))
    return [(one.destination, round(one.dialed_ms / 1000, 1), one.outcome) for one in records]


@pytest.mark.promise("RNG-11", "RNG-13")
@pytest.mark.parametrize("strategy", [IN_TURN, TOGETHER, STAGGERED])
def test_all_destinations_of_the_manager_ring_together(strategy: RingStrategy) -> None:
    conducted = ring([DialStep(strategy, (manager("two"),))], SILENT, answers(7))

    assert course(conducted) == [("ivan", 0.1, ELSEWHERE), ("mobile", 0.1, WON)]
    (found,) = conducted.of(Kind.MANAGER_FOUND)
    assert sentence(found) == "two names Ivan (8), by an open deal; to be rung: ivan, mobile"
    timeouts = {entry.details["destination"]: entry.details["timeout"] for entry in conducted.of(Kind.LEG_DIALED)}
    assert timeouts == {"ivan": 20, "mobile": 10}, "as long as asked, unless it has a time of its own"


@pytest.mark.promise("RNG-11")
def test_a_manager_with_one_destination_may_be_handed_to_dial() -> None:
    conducted = ring([DialStep(IN_TURN, (manager("quick"), desk()))], answers(3))

    assert course(conducted) == [("olga", 0.1, WON)]
    assert conducted.line.legs[0].alone


@pytest.mark.promise("RNG-14")
@pytest.mark.parametrize(
    ("crm", "at", "why"),
    [
        ("nobody", 0.1, "nobody has no open record with the caller's number"),
        ("late", 1.5, "late did not answer in time (1.5 s)"),
        ("unlisted", 0.1, "unlisted names Petr (9), for whom no destination is listed"),
        ("unknown", 0, "no CRM of that name is configured"),
    ],
)
def test_without_a_manager_the_next_destination_is_rung_and_the_timeline_says_why(
    crm: str, at: float, why: str
) -> None:
    conducted = ring([DialStep(IN_TURN, (manager(crm), desk()))], answers(3))

    assert course(conducted) == [("desk", at, WON)]
    (none,) = conducted.of(Kind.NO_MANAGER)
    assert sentence(none) == f"no manager by {crm}: {why}"


@pytest.mark.promise("RNG-14")
def test_without_a_next_destination_the_call_goes_to_voicemail_or_ends() -> None:
    to_voicemail = ring([DialStep(IN_TURN, (manager("nobody"),)), VOICEMAIL])
    assert to_voicemail.verdict is not None
    assert to_voicemail.verdict.disposition is Disposition.MESSAGE_LEFT

    ended = ring([DialStep(IN_TURN, (manager("nobody"),))])
    assert ended.verdict is not None
    assert ended.verdict.reason is Reason.ENDED_BY_SCHEME
    assert ended.line.hang_up_causes == [HangUpCause.NO_ANSWER]
    assert ended.of(Kind.STEPS_ENDED)[0].details["why"] == "nobody_rung"


@pytest.mark.promise("RNG-14")
@pytest.mark.parametrize("strategy", [TOGETHER, STAGGERED])
def test_the_look_up_delays_nobody_else_of_the_step(strategy: RingStrategy) -> None:
    conducted = ring([DialStep(strategy, (manager("late"), desk()))], answers(1))

    assert course(conducted) == [("desk", 0, WON)]
    assert not conducted.of(Kind.NO_MANAGER), "by then it was of no interest"

    joined = ring([DialStep(strategy, (desk(), manager("two")))], SILENT, SILENT, answers(4))
    assert course(joined) == [("desk", 0, ELSEWHERE), ("ivan", 0.1, ELSEWHERE), ("mobile", 0.1, WON)]


@pytest.mark.promise("RNG-11")
def test_the_caller_hears_ringing_while_the_crm_is_asked() -> None:
    conducted = ring([DialStep(IN_TURN, (manager("late"), desk()))], SILENT, leaves_at=1)

    assert conducted.line.hears_ringing
    assert not conducted.line.legs
    assert conducted.verdict is not None
    assert conducted.verdict.reason is Reason.HUNG_UP_RINGING


@pytest.mark.promise("RNG-12")
def test_the_crm_is_asked_once_when_the_call_comes_for_the_records_in_their_order() -> None:
    asking = AskedManagers()
    steps = (
        DialStep(IN_TURN, (desk(timeout=5), manager("late:deal,lead"))),
        DialStep(TOGETHER, (manager("late:deal,lead"),)),
    )
    conducted = ring(steps, SILENT, managers=asking)

    assert asking.questions == [(0.0, Question("late", ("deal", "lead"), CALLER))]
    assert [entry.at_ms // 100 for entry in conducted.of(Kind.NO_MANAGER)] == [50, 50], "the answer was there"


def test_callers_without_a_number_are_not_asked_for_by_another() -> None:
    asking = AskedManagers()
    book = always("UTC", DialStep(IN_TURN, (manager("quick"),)))

    async def go() -> None:
        line = HostileLine(Plan(legs=[answers(1)]))
        exchange = Exchange(OneBook(book), Notebook(), Keeper(line), (), managers=asking)
        await conduct(opened(caller=None), line, exchange)

    virtual_time.run(go())
    assert [question.phone for _, question in asking.questions] == [None]


def test_a_deployment_without_crms_passes_managers_over() -> None:
    async def go() -> list[Entry]:
        line, journal = HostileLine(Plan(legs=[answers(1)])), Notebook()
        book = always("UTC", DialStep(IN_TURN, (manager("quick"), desk())))
        await conduct(opened(), line, Exchange(OneBook(book), journal, Keeper(line), ()))
        return journal.timeline

    timeline = virtual_time.run(go())
    assert [entry.details["why"] for entry in timeline if entry.kind is Kind.NO_MANAGER] == ["no_crm"]
    assert [entry.details["destination"] for entry in timeline if entry.kind is Kind.CONNECTED] == ["desk"]


# --- taken up by another controller -----------------------------------------------------------------------------------

STEP = DialStep(IN_TURN, (desk("first"), manager("two"), desk("last")))
ARRIVED = (
    Entry(0, Kind.ARRIVED, {}),
    Entry(0, Kind.NUMBER_FOUND, {"number": "+74950000101", "scheme": "office", "version": "v1"}),
    Entry(0, Kind.BRANCH_CHOSEN, {"branch": "always"}),
    Entry(0, Kind.STEP_BEGAN, {"step": 1, "kind": "dial"}),
)


def dialed(number: int, destination: str, at_ms: int) -> Entry:
    return Entry(at_ms, Kind.LEG_DIALED, {"leg": f"call-{number}", "destination": destination, "timeout": 20})


def ended(number: int, destination: str, at_ms: int) -> Entry:
    details: dict[str, Scalar] = {"leg": f"call-{number}", "destination": destination, "outcome": "busy"}
    return Entry(at_ms, Kind.LEG_ENDED, details)


FOUND = Entry(200, Kind.MANAGER_FOUND, {"asked": "two", "crm": "two", "rings": "endpoint/ivan/20 endpoint/mobile/10"})
NONE = Entry(200, Kind.NO_MANAGER, {"asked": "two", "crm": "two", "why": "none"})


def taken_up(
    so_far: Sequence[Entry], living: Sequence[str], *legs: LegPlan, step: DialStep = STEP
) -> tuple[Conducted, AskedManagers]:
    """Another controller goes on with the call; ``legs`` are those found first, then those placed."""
    asking = AskedManagers()

    async def go() -> Conducted:
        line, journal = HostileLine(Plan(legs=legs)), Notebook()
        line.leave_behind(list(living), None, recording=False, playing=False)
        done = Conducted(line, journal, Keeper(line))
        begun = CallSoFar(opened(), (*ARRIVED, *so_far), 1.0)
        exchange = Exchange(OneBook(always("UTC", step)), journal, done.keeper, (), managers=asking)
        done.verdict = await conduct(begun.opened, line, exchange, so_far=begun)
        return done

    return virtual_time.run(go()), asking


@pytest.mark.fault("3")
@pytest.mark.promise("RNG-13", "OUR-08")
def test_a_manager_who_rings_when_the_controller_dies_goes_on_ringing_at_all_destinations() -> None:
    so_far = (dialed(1, "first", 10), ended(1, "first", 100), FOUND, dialed(2, "ivan", 210), dialed(3, "mobile", 210))
    conducted, asking = taken_up(so_far, ["call-2", "call-3"], SILENT, answers(2))

    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "mobile"
    assert sorted(leg.leg_id for leg in conducted.journal.legs) == ["call-2", "call-3"]
    assert not asking.questions, "it is on record who is rung"


@pytest.mark.fault("3")
@pytest.mark.promise("RNG-14")
@pytest.mark.parametrize("step", [STEP, replace(STEP, strategy=TOGETHER)])
def test_when_nobody_was_found_the_next_controller_does_not_ask_again(step: DialStep) -> None:
    so_far = (dialed(1, "first", 10), ended(1, "first", 100), NONE)
    conducted, asking = taken_up(so_far, [], answers(2), step=step)

    assert not asking.questions
    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "last"


@pytest.mark.fault("3")
@pytest.mark.promise("RNG-11")
def test_a_manager_whose_look_up_died_with_the_controller_is_looked_up_again() -> None:
    conducted, asking = taken_up((dialed(1, "first", 10), ended(1, "first", 100)), [], BUSY, answers(2))

    assert [question.crm for _, question in asking.questions] == ["two"]
    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "mobile"


@pytest.mark.fault("3")
def test_a_managers_leg_that_nobody_had_noted_is_gone_on_with() -> None:
    so_far = (dialed(1, "first", 10), ended(1, "first", 100), FOUND, dialed(2, "ivan", 210))
    conducted, _ = taken_up(so_far, ["call-2", "call-3"], SILENT, answers(2))

    assert conducted.verdict is not None
    assert conducted.verdict.answered_by == "mobile"
    assert sorted(leg.leg_id for leg in conducted.journal.legs) == ["call-2", "call-3"]


def test_what_a_timeline_says_of_managers_holds_for_its_step_alone() -> None:
    assert standing((*ARRIVED, FOUND)).places(STEP.destinations) == 4
    assert standing((*ARRIVED, NONE)).places(STEP.destinations) == 2
    assert standing(ARRIVED).places(STEP.destinations) == 3
    assert not standing((*ARRIVED, FOUND, ARRIVED[-1])).managers


# --- simulated, replayed, without a controller ------------------------------------------------------------------------


@pytest.mark.promise("RNG-11", "RNG-14", "OUR-02")
@pytest.mark.parametrize(
    ("who", "rung", "why"),
    [
        ("7", ["olga"], None),
        ("none", ["desk"], "none"),
        ("slow", ["desk"], "slow"),
        ("down", ["desk"], "failed"),
        ("stranger@example.com", ["desk"], "no_destinations"),
        ("", ["desk"], "not_asked"),
    ],
)
def test_a_simulation_is_told_whom_the_crm_names(who: str, rung: list[str], why: str | None) -> None:
    book = always("UTC", DialStep(IN_TURN, (manager("quick:deal"), desk())))
    simulated = simulate(opened(), book, (), (), CallerScript(leaves_at=15), managers=parse_manager(who))

    told_of = [entry for entry in simulated.timeline if entry.kind in (Kind.MANAGER_FOUND, Kind.NO_MANAGER)]
    assert [entry.details.get("why") for entry in told_of] == [why]
    assert [e.details["destination"] for e in simulated.timeline if e.kind is Kind.LEG_DIALED] == rung
    if why is None:
        assert told_of[0].details["entity"] == "deal"


def test_a_simulated_caller_without_a_number_is_nobodys() -> None:
    book = always("UTC", DialStep(IN_TURN, (manager("quick"),)))
    simulated = simulate(opened(caller=None), book, (), managers=parse_manager("7"))

    assert [e.details["why"] for e in simulated.timeline if e.kind is Kind.NO_MANAGER] == ["no_number"]


@pytest.mark.promise("OUR-07")
@pytest.mark.parametrize(("caller", "doubted"), [(CALLER, True), (None, False)])
def test_whom_a_crm_would_have_named_in_a_past_call_is_unknown(caller: str | None, doubted: bool) -> None:
    past = PastCall(
        opened(caller=caller), "office", "before", "always", Disposition.ANSWERED, Reason.TALKED, "desk", 30.0,
        (PastLeg("desk", WON, 3.0),), answered_seconds=3.0,
    )  # fmt: skip
    draft = Draft(always("UTC", DialStep(IN_TURN, (manager("quick", timeout=5), desk()))), ())
    replayed = replay(past, draft)

    assert ("whom quick would have named" in replayed.doubts) == doubted
    assert replayed.elsewhere is (None if doubted else False)


@pytest.mark.promise("RNG-14")
def test_without_a_controller_the_dialplan_rings_whoever_is_next() -> None:
    def first(*steps: Step) -> walk.Answer:
        exchange = walk.Exchange(always("UTC", *steps), (), DialTemplates())
        return walk.begin(Arrival(CALLER, "+74950000101", "+74950000101", NOW), exchange)

    assert first(DialStep(IN_TURN, (manager("two"), desk()))).deed == walk.Ring(("PJSIP/desk",), 20)
    assert first(DialStep(TOGETHER, (manager("two"), desk()))).deed == walk.Ring(("PJSIP/desk",), 20)
    assert first(DialStep(IN_TURN, (manager("two"),)), VOICEMAIL).deed == VOICEMAIL
    assert first(DialStep(IN_TURN, (manager("two"),))).deed is HangUpCause.NO_ANSWER


# --- the destinations of managers -------------------------------------------------------------------------------------

RULES = DialPolicy()
GOOD = ManagerDraft("crm", "7", "number", "+79160000003", 15)


def test_destinations_are_kept_by_crm_and_manager_whatever_the_case() -> None:
    rung, problems = judged(
        [GOOD, GOOD._replace(manager="Ivan@Example.com", kind="endpoint", target="ivan", timeout=None)], RULES, ()
    )

    assert problems == ()
    assert rung == {
        ("crm", "7"): (Destination(TargetKind.NUMBER, "+79160000003", 15),),
        ("crm", "ivan@example.com"): (Destination(TargetKind.ENDPOINT, "ivan", 0),),
    }


@pytest.mark.parametrize(
    ("draft", "fault"),
    [
        (GOOD._replace(crm="My CRM"), "its CRM is none"),
        (GOOD._replace(manager=" "), "it has no manager"),
        (GOOD._replace(manager=" 7"), "its manager has blanks at an end"),
        (GOOD._replace(kind="manager", target="crm"), "another manager is none"),
        (GOOD._replace(target="100"), "'100' is not an E.164 number"),
        (GOOD._replace(kind="endpoint", target="A B"), "it is not an endpoint's name"),
        (GOOD._replace(kind="carrier"), "'carrier' is no kind of destination"),
        (GOOD._replace(target="+74950000101"), "it is one of our own numbers"),
        (GOOD._replace(timeout=4), "the timeout is 4 s; it must be 5 to 600"),
    ],
)
def test_a_destination_that_makes_no_sense_is_not_rung_and_told(draft: ManagerDraft, fault: str) -> None:
    rung, problems = judged([draft], RULES, ["+74950000101"])

    assert rung == {}
    assert any(fault in str(problem) for problem in problems)
    assert all(str(problem).startswith("manager ") for problem in problems)


def test_nobody_is_rung_at_more_than_twenty_destinations() -> None:
    drafts = [GOOD._replace(kind="endpoint", target=f"desk-{number}") for number in range(22)]
    rung, problems = judged(drafts, RULES, ())

    assert len(rung["crm", "7"]) == 20
    assert len(problems) == 2


def test_destinations_by_id_and_by_email_are_all_rung_each_once() -> None:
    asking = manager("two", timeout=33)

    assert destinations_of(RUNG, "two", IVAN, asking) == (desk("ivan", 33), desk("mobile", 10))
    assert destinations_of(RUNG, "quick", OLGA, asking) == (desk("olga", 33),)
    assert destinations_of(RUNG, "other", OLGA, asking) == ()
    assert destinations_of(RUNG, "quick", Manager(" ", "", ""), asking) == ()


RINGABLE = st.builds(
    Destination,
    st.sampled_from([TargetKind.NUMBER, TargetKind.ENDPOINT]),
    st.sampled_from(["+79160000003", "ivan", "a-b_c"]),
    st.integers(5, 600),
)


@given(st.lists(RINGABLE, max_size=5))
def test_a_timeline_keeps_who_is_rung(destinations: list[Destination]) -> None:
    assert understood(told(destinations)) == tuple(destinations)


@given(st.text() | st.from_regex(r"((number|endpoint|manager|x)/[a-z]{0,3}(/[0-9]{0,6})? ?){0,3}", fullmatch=True))
def test_whatever_a_timeline_says_is_read_or_passed_over(text: str) -> None:
    assert all(one.target and 5 <= one.timeout <= 600 for one in understood(text))


def test_drafts_are_gathered_and_told_by_manager() -> None:
    other = GOOD._replace(kind="endpoint", target="ivan", timeout=None)

    assert by_manager([GOOD, other]) == {("crm", "7"): (GOOD, other)}
    assert [target_words(one) for one in (GOOD, other)] == ["+79160000003 (15 s)", "ivan (for as long as is asked)"]


@pytest.mark.promise("RNG-14", "OUR-01")
def test_a_manager_is_told_with_what_is_known() -> None:
    assert sentence(Entry(0, Kind.MANAGER_FOUND, {"crm": "crm", "manager": "7"})) == (
        "crm names 7, by its records; to be rung: nobody"
    )
    assert sentence(
        Entry(0, Kind.NO_MANAGER, {"asked": "crm:lead", "crm": "crm", "why": "limited", "text": "429"})
    ) == ("no manager by crm:lead: crm has been asked too often (429)")


def test_a_book_without_managers_is_as_it_was() -> None:
    assert SchemeBook().managers == {}


@pytest.mark.parametrize(("target", "faults"), [("crm:lead,deal", 0), ("crm", 0), ("My CRM", 1), ("crm:lead,lead", 1)])
def test_a_scheme_names_the_crm_that_is_asked(target: str, faults: int) -> None:
    step = StepDraft("dial", "in_turn", (DestinationDraft("manager", target, 20, 0),))
    draft = SchemeDraft("Office", "UTC", (BranchDraft("Always", (), (step,)),))

    assert len(errors(problems(draft, RULES))) == faults
