"""Whose number a forwarded leg shows: from the draft to the leg, and what of it is told."""

from __future__ import annotations

import pytest

from ari_app.ari.caller import Shown, forwarder_of
from ari_app.core.caller_ids import caller_id_fault, presented, presented_as
from ari_app.core.checks import errors, problems
from ari_app.core.draft import BranchDraft, DestinationDraft, SchemeDraft, StepDraft, compiled
from ari_app.core.explain import sentence
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Destination, DialStep, Greeting, RingStrategy, TargetKind
from ari_app.core.scheme_changes import scheme_changes
from ari_app.core.timeline import Kind
from tests.fakes.scripted import Plan, always, answers, call

pytestmark = pytest.mark.promise("FLD-08")
DIALLED, FIXED, MOBILE = "+74950000101", "+74950009999", "+79160000003"
OUTSIDE = DestinationDraft("number", MOBILE, 20, 0)
INSIDE = DestinationDraft("endpoint", "desk", 20, 0)


def scheme(*destinations: DestinationDraft, caller_id: str = "") -> SchemeDraft:
    step = StepDraft("dial", destinations=destinations)
    return SchemeDraft("Office", "UTC", (BranchDraft("Always", (), (step,)),), caller_id=caller_id)


def rung(draft: SchemeDraft, dialled: str | None = DIALLED) -> list[tuple[str, str]]:
    """What each destination is shown, and who is said to have forwarded the call."""
    (step,) = compiled(draft, Greeting("", "")).branches[0].steps
    assert isinstance(step, DialStep)
    return [(one.caller_id, one.diverted_from) for one in presented(step, dialled).destinations]


@pytest.mark.parametrize(
    ("of_scheme", "own", "outside", "inside"),
    [
        ("", "", ("", DIALLED), ("", "")),
        ("caller", "", ("", DIALLED), ("", "")),
        ("dialled", "", (DIALLED, ""), (DIALLED, "")),
        (FIXED, "", (FIXED, ""), (FIXED, "")),
        (FIXED, "caller", ("", DIALLED), ("", "")),
        ("", "dialled", (DIALLED, ""), (DIALLED, "")),
        ("dialled", FIXED, (FIXED, ""), (FIXED, "")),
    ],
)
def test_a_destinations_own_word_goes_before_the_schemes(
    of_scheme: str, own: str, outside: tuple[str, str], inside: tuple[str, str]
) -> None:
    draft = scheme(OUTSIDE._replace(caller_id=own), INSIDE._replace(caller_id=own), caller_id=of_scheme)
    assert rung(draft) == [outside, inside]


@pytest.mark.promise("RNG-11")
def test_a_manager_is_shown_what_the_scheme_says_of_whoever_it_is() -> None:
    asked = DestinationDraft("manager", "crm", 20, 0)
    mobile, desk = (Destination(kind, "who", 20) for kind in (TargetKind.NUMBER, TargetKind.ENDPOINT))
    for caller_id, outside, inside in (("", ("", DIALLED), ("", "")), (FIXED, (FIXED, ""), (FIXED, ""))):
        (step,) = compiled(scheme(asked, caller_id=caller_id), Greeting("", "")).branches[0].steps
        assert isinstance(step, DialStep)
        (manager,) = presented(step, DIALLED).destinations
        shown = [presented_as(one, manager) for one in (mobile, desk)]
        assert [(one.caller_id, one.diverted_from) for one in shown] == [outside, inside]


def test_what_was_dialled_and_is_no_number_is_not_shown() -> None:
    assert rung(scheme(OUTSIDE, caller_id="dialled"), None) == [("", "")]
    assert rung(scheme(OUTSIDE), None) == [("", "")]


@pytest.mark.parametrize("text", ["withheld", "74950000101", "+7", "+7495000010x", "+74950000101;x", "Dialled", " "])
def test_what_is_no_number_cannot_be_shown(text: str) -> None:
    assert caller_id_fault(text)
    for draft in (scheme(OUTSIDE, caller_id=text), scheme(OUTSIDE._replace(caller_id=text))):
        (problem,) = errors(problems(draft, DialPolicy()))
        assert "cannot be shown; write caller, dialled, or a number of yours as E.164" in str(problem)
    assert not errors(problems(scheme(OUTSIDE, caller_id=FIXED), DialPolicy()))


def test_a_scheme_that_says_nothing_of_it_keeps_its_version() -> None:
    plain = scheme(OUTSIDE)
    assert "caller_id" not in repr(plain)
    assert (
        len(
            {plain.version, scheme(OUTSIDE, caller_id=FIXED).version, scheme(OUTSIDE._replace(caller_id=FIXED)).version}
        )
        == 3
    )


def test_the_timeline_says_what_another_number_is_shown() -> None:
    destination = Destination(TargetKind.ENDPOINT, "desk", 20, caller_id=FIXED)
    conducted = call(always("UTC", DialStep(RingStrategy.IN_TURN, (destination,))), Plan(legs=[answers(1)]))
    (dialed,) = conducted.of(Kind.LEG_DIALED)
    assert sentence(dialed) == f"ringing desk, for 20 s at most, shown {FIXED}"


def test_changes_of_it_are_told() -> None:
    def told(before: SchemeDraft | None, after: SchemeDraft) -> str:
        change = scheme_changes(before, after)
        assert change is not None
        return "\n".join(map(str, (*change.within, *(each for one in change.within for each in one.within))))

    assert told(scheme(OUTSIDE), scheme(OUTSIDE, caller_id="dialled")) == "~ caller id: none → dialled"
    assert "+ caller id dialled" in told(None, scheme(OUTSIDE, caller_id="dialled"))
    assert ", shown +74950009999)" in told(None, scheme(OUTSIDE._replace(caller_id=FIXED)))


def test_asterisk_is_told_of_a_forwarder_and_how_often_or_of_none() -> None:
    assert Shown().variables == {}
    assert Shown(diverted_from=DIALLED).variables == {"REDIRECTING(from-num)": DIALLED, "REDIRECTING(count)": "1"}


@pytest.mark.parametrize(
    ("told", "taken"), [({}, ""), ({"caller_rdnis": MOBILE}, MOBILE), ({"caller_rdnis": "a,b"}, "")]
)
def test_who_forwarded_the_call_to_us_goes_on_if_it_is_a_number(told: dict[str, str], taken: str) -> None:
    assert forwarder_of(told) == taken  # type: ignore[arg-type]
