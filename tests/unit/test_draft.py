"""From a scheme as written to one that calls go by; and its version, which tells any two apart."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.draft import (
    BranchDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
    compiled,
    entry_of,
)
from ari_app.core.schedule import ScheduleEntry, ScheduleError
from ari_app.core.scheme import (
    Branch,
    Destination,
    DialStep,
    Greeting,
    GreetingStep,
    HangUpStep,
    RingStrategy,
    Scheme,
    TargetKind,
    VoicemailStep,
)
from ari_app.core.sounds import played, sound_refusal

UNIVERSAL = Greeting("universal (ru)", "ari-app/ru/greeting")
HELLO = GreetingDraft("Hello", "own/hello")
DRAFT = SchemeDraft(
    "Office",
    "Europe/Kyiv",
    (
        BranchDraft(
            "Working hours",
            (EntryDraft(1, 5, "9:00", "17:59"), EntryDraft(6, 6, "10:00", "13:59")),
            (
                StepDraft("greeting", greeting=HELLO),
                StepDraft(
                    "dial",
                    "staggered",
                    (DestinationDraft("number", "+79160000003", 20, 0), DestinationDraft("endpoint", "desk", 30, 5)),
                ),
                StepDraft("voicemail", greeting=HELLO, max_seconds=60, silence_seconds=4, min_seconds=1),
            ),
        ),
        BranchDraft("Out of hours", (), (StepDraft("dial"), StepDraft("voicemail"))),
        BranchDraft("Never", (), (StepDraft("hang_up"),)),
    ),
)


@pytest.mark.promise("RNG-01", "RNG-08", "CAL-10")
def test_a_draft_becomes_the_scheme_it_describes() -> None:
    hello = Greeting("Hello", "ari-app/own/hello")
    assert compiled(DRAFT, UNIVERSAL) == Scheme(
        "Office",
        ZoneInfo("Europe/Kyiv"),
        (
            Branch(
                "Working hours",
                (ScheduleEntry(1, 5, 9 * 60, 18 * 60 - 1), ScheduleEntry(6, 6, 10 * 60, 14 * 60 - 1)),
                (
                    GreetingStep(hello),
                    DialStep(
                        RingStrategy.STAGGERED,
                        (
                            Destination(TargetKind.NUMBER, "+79160000003", 20, 0),
                            Destination(TargetKind.ENDPOINT, "desk", 30, 5),
                        ),
                    ),
                    VoicemailStep(hello, 60, 4, 1),
                ),
            ),
            Branch("Out of hours", (), (DialStep(RingStrategy.IN_TURN, ()), VoicemailStep(UNIVERSAL))),
            Branch("Never", (), (HangUpStep(),)),
        ),
        DRAFT.version,
    )


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    "step",
    [
        StepDraft("fax"),
        StepDraft("dial", strategy="by_weight"),
        StepDraft("dial", destinations=(DestinationDraft("context", "x", 20, 0),)),
    ],
)
def test_what_the_checks_would_refuse_never_becomes_a_scheme(step: StepDraft) -> None:
    with pytest.raises(ValueError, match=r"fax|by_weight|context"):
        compiled(SchemeDraft("Wrong", "UTC", (BranchDraft("Always", (), (step,)),)), UNIVERSAL)


def test_an_entry_s_hours_are_read_as_the_clock_shows_them() -> None:
    assert str(entry_of(EntryDraft(1, 5, "09:00", "17:59"))) == "Mon-Fri 09:00-17:59"
    with pytest.raises(ScheduleError, match="crosses midnight"):
        entry_of(EntryDraft(1, 5, "22:00", "06:00"))


@pytest.mark.promise("RNG-05")
def test_the_whole_day_can_be_written() -> None:
    assert str(entry_of(EntryDraft(1, 7, "00:00", "23:59"))) == "Mon-Sun 00:00-23:59"


NAMES = st.text(max_size=4)
BRANCHES = st.lists(
    st.builds(BranchDraft, NAMES, st.just(()), st.lists(st.builds(StepDraft, NAMES, NAMES), max_size=2).map(tuple)),
    max_size=2,
).map(tuple)
DRAFTS = st.builds(
    SchemeDraft, NAMES, NAMES, BRANCHES, st.sampled_from(["", "RU"]), st.just(()), st.none() | st.integers(1, 2)
)


@given(DRAFTS, DRAFTS)
def test_two_schemes_have_one_version_only_if_they_are_the_same(one: SchemeDraft, other: SchemeDraft) -> None:
    assert (one.version == other.version) is (one == other)


def test_a_version_is_the_same_tomorrow_and_on_another_machine() -> None:
    assert DRAFT.version == "5e8e6378e73d"
    assert SchemeDraft("Office\ud800", "UTC", ()).version != SchemeDraft("Office", "UTC", ()).version


@pytest.mark.parametrize("sound", ["ru/greeting", "own/sales", "own/sales/kyiv", "beep", "own/a_B-9"])
def test_a_catalogue_path_is_played_from_the_catalogue(sound: str) -> None:
    assert sound_refusal(sound) is None
    assert played(sound) == f"ari-app/{sound}"


@pytest.mark.fault("21")
@pytest.mark.parametrize(
    "sound",
    ["", "/etc/passwd", "../x", "ru/../x", "http://evil.example/x", "ru/hello.wav", "ru//x", "ru/", "ru/x\n", "х"],
)
def test_a_sound_out_of_the_catalogue_is_refused_and_what_to_write_instead_is_said(sound: str) -> None:
    assert "write one such as ru/greeting or own/sales" in (sound_refusal(sound) or "")
