"""What a dialplan is told: the engine's decisions as channel variables, and nothing else whatever it hands back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.agi.guard import AgiTrouble
from ari_app.agi.lookup import Lookup
from ari_app.agi.variables import CHANNEL_VARIABLES, DIAL
from ari_app.agi.walk import MOST_DIAL_CHARACTERS
from ari_app.core.outcomes import HangUpCause, LegOutcome
from ari_app.core.place import Place, PlaceError
from ari_app.core.schedule import ScheduleEntry
from ari_app.core.scheme import (
    Branch,
    Choice,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    MenuStep,
    Number,
    RingStrategy,
    Scheme,
    SchemeBook,
    Step,
    TargetKind,
    VoicemailStep,
)
from ari_app.dialstring import DialTemplates

NOW = datetime(2026, 11, 21, 9, 59, 30, tzinfo=UTC)  # a Saturday, 12:59:30 in Moscow
OURS, CALLER = "+74950000101", "+79161112233"
SALES = Greeting("Sales", "ari-app/own/sales")
DEFAULT: tuple[Step, ...] = (VoicemailStep(Greeting("universal (en)", "ari-app/en/greeting")),)
VERSION = "0123456789ab"
BUSY, NO_ANSWER = LegOutcome.BUSY, LegOutcome.NO_ANSWER


class Clocked:
    """A dialplan's side: a book, a clock that stands until it is moved, and what was asked."""

    def __init__(self, *steps: Step, book: SchemeBook | None = None) -> None:
        self.current = book or book_of(*steps)
        self.now = NOW
        self.lookup = Lookup(self, DEFAULT, DialTemplates(), "RU", lambda: self.now)

    def ask(self, state: str = "", result: str = "", **headers: str) -> dict[str, str]:
        """What is set, without what is empty."""
        told = self.lookup(
            {"agi_extension": OURS, "agi_callerid": CALLER, "agi_arg_1": state, "agi_arg_2": result, **headers}
        )
        assert tuple(told) == tuple(CHANNEL_VARIABLES), "all of them, in their order, the action last"
        return {name.removeprefix("ARI_APP_").lower(): value for name, value in told.items() if value}

    def walk(self, *results: str) -> list[dict[str, str]]:
        """All answers, one to each result; the last must end the call unless results are left over."""
        answers = [self.ask()]
        for result in results:
            answers.append(self.ask(answers[-1]["state"], result))
        return answers


def scheme_of(*steps: Step, version: str = VERSION) -> Scheme:
    return Scheme("Sales", ZoneInfo("Europe/Moscow"), (Branch("always", (), steps),), version)


def book_of(*steps: Step) -> SchemeBook:
    return SchemeBook(MappingProxyType({OURS: Number(OURS, "ours", scheme=scheme_of(*steps))}))


def endpoint(name: str, timeout: int = 10, delay: int = 0) -> Destination:
    return Destination(TargetKind.ENDPOINT, name, timeout, delay)


def number(e164: str, timeout: int = 10, delay: int = 0) -> Destination:
    return Destination(TargetKind.NUMBER, e164, timeout, delay)


def dial(*destinations: Destination, strategy: RingStrategy = RingStrategy.IN_TURN) -> DialStep:
    return DialStep(strategy, destinations)


@pytest.mark.promise("FLD-01")
@pytest.mark.parametrize("strategy", [one for one in RingStrategy if one.reorders])
def test_an_order_of_the_call_s_own_is_drawn_once_and_kept_from_lookup_to_lookup(strategy: RingStrategy) -> None:
    """Each lookup stands alone: what it draws must be what the one before has drawn."""
    names, firsts = ["anna", "boris", "clara"], set()
    for second in range(60):
        clocked = Clocked(dial(*map(endpoint, names), strategy=strategy))
        clocked.now += timedelta(seconds=second, microseconds=second)
        rung = [answer["dial"].removeprefix("PJSIP/") for answer in clocked.walk("BUSY", "BUSY", "BUSY")[:3]]
        assert sorted(rung) == names
        firsts.add(rung[0])
    assert firsts == set(names)


def briefly(answer: dict[str, str]) -> str:
    """An answer's action and what it is about."""
    about = [answer[name] for name in ("dial", "timeout", "greeting", "cause") if name in answer]
    return " ".join([answer["action"], *about])


# --- the walk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "results", "told"),
    [
        (
            (dial(endpoint("anna", 5), number("+79160000003", 7)), VoicemailStep(SALES)),
            ("NOANSWER", "BUSY"),
            ["dial PJSIP/anna 5", "dial PJSIP/+79160000003@trunk 7", "voicemail ari-app/own/sales"],
        ),
        (
            (dial(endpoint("anna", 5, 3), endpoint("boris", 8, 4), strategy=RingStrategy.ALL_AT_ONCE), HangUpStep()),
            ("NOANSWER",),
            ["dial PJSIP/anna&PJSIP/boris 8", "hang_up 19"],
        ),
        (
            (dial(endpoint("anna", 5), endpoint("boris", 8, 4), strategy=RingStrategy.STAGGERED),),
            ("CHANUNAVAIL",),
            ["dial PJSIP/anna&PJSIP/boris 8", "hang_up 19"],
        ),
        (
            (GreetingStep(SALES), dial(endpoint("anna"))),
            ("SUCCESS", "ANSWER"),
            ["greeting ari-app/own/sales", "dial PJSIP/anna 10", "hang_up 16"],
        ),
        ((GreetingStep(SALES), HangUpStep()), ("FAILED",), ["greeting ari-app/own/sales", "hang_up 16"]),
        ((GreetingStep(SALES),), ("SUCCESS",), ["greeting ari-app/own/sales", "hang_up 16"]),
        (
            (MenuStep(SALES, (Choice("1", 1, "a"),), 2, "b"), dial(endpoint("a")), VoicemailStep(SALES)),
            ("HANGUP",),
            ["voicemail ari-app/own/sales", "hang_up 16"],
        ),
        (
            (MenuStep(SALES, (Choice("1", 1, "a"),), 1), dial(endpoint("a"))),
            ("BUSY",),
            ["dial PJSIP/a 10", "hang_up 17"],
        ),
        ((VoicemailStep(SALES),), ("HANGUP",), ["voicemail ari-app/own/sales", "hang_up 16"]),
        ((dial(endpoint("a"), endpoint("b")),), ("BUSY", "BUSY"), ["dial PJSIP/a 10", "dial PJSIP/b 10", "hang_up 17"]),
        (
            (dial(endpoint("a"), endpoint("b")),),
            ("BUSY", "CONGESTION"),
            ["dial PJSIP/a 10", "dial PJSIP/b 10", "hang_up 19"],
        ),
        ((dial(endpoint("a")), dial(endpoint("b"))), ("what?",), ["dial PJSIP/a 10", "dial PJSIP/b 10"]),
        ((dial(endpoint("a")), HangUpStep(HangUpCause.CONGESTION)), ("BUSY",), ["dial PJSIP/a 10", "hang_up 34"]),
        ((), (), ["hang_up 19"]),
        # What is no number and no name is passed over, here too.
        ((dial(endpoint("Local/x@y")), dial(endpoint("b"))), (), ["dial PJSIP/b 10"]),
        ((dial(endpoint("a&b"), endpoint("c")),), ("BUSY",), ["dial PJSIP/c 10", "hang_up 19"]),
        ((dial(endpoint("a"), number("112"), endpoint("c")),), ("BUSY",), ["dial PJSIP/a 10", "dial PJSIP/c 10"]),
        (
            (dial(endpoint("a"), number("*72"), strategy=RingStrategy.ALL_AT_ONCE),),
            (),
            ["dial PJSIP/a 10"],
        ),
    ],
)
def test_the_scheme_is_walked_as_the_engine_says(
    steps: tuple[Step, ...], results: tuple[str, ...], told: list[str]
) -> None:
    assert [briefly(answer) for answer in Clocked(*steps).walk(*results)] == told


def test_every_variable_of_each_action() -> None:
    clocked = Clocked(dial(endpoint("anna", 5, 3)), VoicemailStep(SALES, 60, 4, 3), HangUpStep())
    where = {"scheme": "Sales", "branch": "always"}
    state = f"{int(NOW.timestamp())}-{VERSION}"
    ring = {"step": "1", "state": f"{state}-1-", "dial": "PJSIP/anna", "timeout": "5", "delay": "3", "action": "dial"}
    take = {"step": "2", "state": f"{state}-2-", "greeting": "ari-app/own/sales", "max_seconds": "60"}
    limits = {"silence_seconds": "4", "min_seconds": "3", "action": "voicemail"}
    assert clocked.walk("NOANSWER", "TIMEOUT") == [
        {**where, **ring},
        {**where, **take, **limits},
        {**where, "cause": "16", "action": "hang_up"},
    ]


def test_all_rung_at_once_fit_in_a_line_of_agi() -> None:
    many = tuple(endpoint("x" * 39 + chr(97 + n)) for n in range(20))
    long = DialTemplates(endpoint="PJSIP/{name}@" + "t" * 80)
    clocked = Clocked(dial(*many, strategy=RingStrategy.ALL_AT_ONCE))
    clocked.lookup = Lookup(clocked, DEFAULT, long, "RU", lambda: NOW)
    rung = clocked.ask()["dial"]
    assert MOST_DIAL_CHARACTERS - 130 < len(rung) <= MOST_DIAL_CHARACTERS
    assert DIAL.fullmatch(rung)


def test_an_unknown_number_gets_the_configured_default() -> None:
    for dialled in ("+74950009999", "12", "x", "${SHELL(id)}"):
        told = Clocked(dial(endpoint("anna"))).ask(agi_extension=dialled)
        assert (told["action"], told["greeting"], told["step"]) == ("voicemail", "ari-app/en/greeting", "1")
        assert "scheme" not in told


def test_what_was_dialled_may_be_told_by_an_argument() -> None:
    clocked = Clocked(dial(endpoint("anna")))
    assert clocked.ask(agi_extension="s", agi_arg_3=OURS)["dial"] == "PJSIP/anna"
    assert clocked.ask(agi_extension="84950000101")["dial"] == "PJSIP/anna", "as dialled in the country"


# --- time and edits ---------------------------------------------------------------------------------------------------


def by_hours() -> SchemeBook:
    """Until 13:00 Anna, then Boris is rung for Anna's colleagues."""
    early, late = ScheduleEntry(1, 7, 0, 13 * 60 - 1), ScheduleEntry(1, 7, 13 * 60, 24 * 60 - 1)
    branches = (
        Branch("early", (early,), (dial(endpoint("anna")), dial(endpoint("olga")))),
        Branch("late", (late,), (dial(endpoint("boris")), dial(endpoint("pavel")))),
    )
    scheme = Scheme("By hours", ZoneInfo("Europe/Moscow"), branches, VERSION)
    return SchemeBook(MappingProxyType({OURS: Number(OURS, "ours", scheme=scheme)}))


def test_a_call_keeps_the_branch_it_began_with() -> None:
    clocked = Clocked(book=by_hours())
    first = clocked.ask()
    clocked.now += timedelta(minutes=1)
    assert clocked.ask(first["state"], "BUSY")["dial"] == "PJSIP/olga"
    assert clocked.ask()["dial"] == "PJSIP/boris", "who comes now"


def test_a_scheme_edited_under_a_call_is_gone_on_with_at_the_same_step(caplog: pytest.LogCaptureFixture) -> None:
    clocked = Clocked(dial(endpoint("anna")), dial(endpoint("boris")))
    state = clocked.ask()["state"]
    scheme = scheme_of(dial(endpoint("anna")), VoicemailStep(SALES), version="ffff")
    clocked.current = SchemeBook(MappingProxyType({OURS: Number(OURS, "ours", scheme=scheme)}))
    assert clocked.ask(state, "BUSY")["action"] == "voicemail"
    assert "edited under a call" in caplog.text
    clocked.current = SchemeBook()
    assert briefly(clocked.ask(state, "BUSY")) == "hang_up 17", "the default has no second step"


# --- the place --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["x", "1-2", "-", "1795300572-zz-1-", "1795300572-0-0-", "1795300572-0-1-q", "1795300572-0-100-", "1795300572-0-1",
     "1795300572-0-1-" + "b" * 21, "1795300572-0-1-b\n", " 1795300572-0-1-b", "٠-0-1-", "99999999999999-0-1-", "1-0-1-",
     f"{int(NOW.timestamp()) + 301}-0-1-", f"{int(NOW.timestamp()) - 90001}-0-1-", f"{int(NOW.timestamp())}-0-51-",
     "99999999999-0-1-"],
)  # fmt: skip
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(PlaceError):
        Place.read(text, NOW)
    if text.strip() == text:
        with pytest.raises(AgiTrouble, match="ARI_APP_STATE"):
            Clocked(dial(endpoint("anna"))).ask(text, "BUSY")


@given(
    st.integers(0, 49),
    st.lists(st.sampled_from([BUSY, NO_ANSWER, LegOutcome.UNREACHABLE, LegOutcome.REFUSED]), max_size=20),
)
def test_a_place_reads_back_as_itself(index: int, outcomes: list[LegOutcome]) -> None:
    place = Place(NOW.replace(microsecond=0), VERSION, index, tuple(outcomes))
    assert Place.read(str(place), NOW) == place


def test_a_request_without_a_number_is_refused() -> None:
    with pytest.raises(AgiTrouble, match="agi_extension"):
        Clocked().lookup({})


# --- whatever is said -------------------------------------------------------------------------------------------------

_TARGETS = st.one_of(
    st.sampled_from(["anna", "boris", "+79160000003", "+380501112233", "Local/x@y", "a&b", "*72", "+7;x", "anna\n"]),
    st.text(max_size=12),
)
_DESTINATIONS = st.builds(Destination, st.sampled_from(TargetKind), _TARGETS, st.integers(5, 600), st.integers(0, 600))
_NAMES = st.text(max_size=80)
_STEPS = st.one_of(
    st.builds(DialStep, st.sampled_from(RingStrategy), st.lists(_DESTINATIONS, min_size=1, max_size=5).map(tuple)),
    st.just(GreetingStep(SALES)),
    st.just(VoicemailStep(SALES)),
    st.just(HangUpStep()),
)
_WORDS = st.one_of(
    st.sampled_from(["ANSWER", "BUSY", "NOANSWER", "CHANUNAVAIL", "CONGESTION", "CANCEL", "SUCCESS", "FAILED", ""]),
    st.text(max_size=10),
)
_HARMLESS = re.compile(r"[\w .,:;@&/(){}+-]*")


def approved(step: Step) -> set[str]:
    """Every dial string that a step allows, made otherwise than the product does."""
    if not isinstance(step, DialStep):
        return set()
    numbers = {f"PJSIP/{one.target}@trunk" for one in step.destinations if re.fullmatch(r"\+[1-9]\d{6,14}", one.target)}
    names = {f"PJSIP/{one.target}" for one in step.destinations if re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", one.target)}
    return numbers | names


@pytest.mark.fault("22")
@given(st.lists(_STEPS, max_size=6), st.lists(_WORDS, max_size=60), _NAMES, _NAMES)
def test_whatever_the_results_a_walk_ends_and_rings_nobody_but_the_scheme_s(
    steps: list[Step], results: list[str], scheme: str, branch: str
) -> None:
    made = replace(scheme_of(), name=scheme, branches=(Branch(branch, (), tuple(steps)),))
    clocked = Clocked(book=SchemeBook(MappingProxyType({OURS: Number(OURS, "ours", scheme=made)})))
    told, asked = clocked.ask(), 0
    for result in results:
        for value in told.values():
            assert _HARMLESS.fullmatch(value)
        if told["action"] == "dial":
            assert set(told["dial"].split("&")) <= approved(steps[int(told["step"]) - 1])
        if "state" not in told:
            break
        told = clocked.ask(told["state"], result)
        asked += 1
    assert asked <= sum(len(step.destinations) if isinstance(step, DialStep) else 1 for step in steps) + 1


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_request_says_it_is_answered_from_the_book_or_refused(
    extension: str, caller: str, state: str, result: str, dialled: str
) -> None:
    clocked = Clocked(dial(endpoint("anna"), number("+79160000003")))
    headers = {"agi_extension": extension, "agi_callerid": caller, "agi_arg_3": dialled}
    try:
        told = clocked.ask(state, result, **headers)
    except AgiTrouble:
        return
    assert told.get("dial", "PJSIP/anna") in {"PJSIP/anna", "PJSIP/+79160000003@trunk"}
    assert all(_HARMLESS.fullmatch(value) for value in told.values())


@given(st.integers(0, 60), st.text("bnufrc", max_size=22), _WORDS)
def test_a_state_of_a_forger_s_rings_nobody_else(step: int, letters: str, result: str) -> None:
    clocked = Clocked(dial(endpoint("anna"), endpoint("boris")), VoicemailStep(SALES))
    try:
        told = clocked.ask(f"{int(NOW.timestamp())}-{VERSION}-{step}-{letters}", result)
    except AgiTrouble:
        return
    assert told.get("dial", "PJSIP/boris") == "PJSIP/boris"


def test_a_caller_whom_a_dead_controller_had_greeted_is_asked_for_a_message() -> None:
    destination = Destination(TargetKind.ENDPOINT, "anna", 5)
    calls = Clocked(DialStep(RingStrategy.IN_TURN, (destination,)), VoicemailStep(SALES))
    told = calls.ask(result="GREETED")
    assert (told["action"], told["step"], told["greeting"]) == ("voicemail", "2", SALES.sound)


def test_and_is_served_from_the_beginning_where_the_scheme_takes_no_messages() -> None:
    calls = Clocked(DialStep(RingStrategy.IN_TURN, (Destination(TargetKind.ENDPOINT, "anna", 5),)))
    assert calls.ask(result="GREETED")["action"] == "dial"


@pytest.mark.parametrize("templates", [DialTemplates(), DialTemplates("PJSIP/00{digits}@carrier", "PJSIP/sip-{name}")])
def test_a_dial_string_tells_whom_it_rings(templates: DialTemplates) -> None:
    for destination in (
        Destination(TargetKind.NUMBER, "+79161112233", 5),
        Destination(TargetKind.ENDPOINT, "anna", 5),
    ):
        assert templates.target_of(templates.render(destination)) == destination.target
    assert templates.target_of("PJSIP/x/sip:nobody") == "PJSIP/x/sip:nobody"
