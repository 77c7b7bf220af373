"""Schemes without errors, of any kind there is, for properties of their text and their rows."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from ari_app.core.calendar_draft import DayDraft
from ari_app.core.checks import errors, problems
from ari_app.core.draft import (
    BranchDraft,
    ChoiceDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
)
from ari_app.core.manager_draft import ManagerDraft, judged
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import KEYS, RingStrategy

RULES = DialPolicy()
TRICKY = (
    *("x\x85", "x\u2028y", "x\n", "x\ty ", "\ufeffx"),
    "no",
    "yes",
    "~",
    "null",
    "07:30",
    "+7",
    "1e3",
    "- a",
    "a: b",
    "a #b",
    " Office ",
    "{x}",
    "'",
    '"',
    "\\n",
    "%",
)
NAMES = st.sampled_from(TRICKY) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30
).filter(str.strip)  # SQL takes no name of blanks alone
GREETINGS = st.builds(GreetingDraft, NAMES, st.sampled_from(["ru/greeting", "own/sales", "own/a-b_c"]))
_CLOCKS = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
_SECONDS = st.sampled_from([5, 20, 30, 600]) | st.integers(5, 600)
_TARGETS = st.tuples(st.just("number"), st.sampled_from(["+79160000003", "+74950000102", "+48221112233"])) | st.tuples(
    st.just("endpoint"), st.sampled_from(["a", "no", "reception", "desk_2", "x" * 40])
)
_MANAGERS = st.tuples(
    st.just("manager"), st.sampled_from(["crm", "no", "crm:lead", "crm:lead,contact,deal", "x" * 40 + ":null"])
)
_CALLER_IDS = st.just("") | st.sampled_from(["caller", "dialled", "+74950000101"])
_DELAYS = st.just(0) | st.integers(0, 600)


@st.composite
def _entries(draw: st.DrawFn) -> EntryDraft:
    days, hours = sorted(draw(st.tuples(*[st.integers(1, 7)] * 2))), sorted(draw(st.tuples(_CLOCKS, _CLOCKS)))
    return EntryDraft(days[0], days[1], hours[0], hours[1])


@st.composite
def _destinations(draw: st.DrawFn, delays: bool) -> DestinationDraft:
    times = draw(_SECONDS), draw(_DELAYS) if delays else 0
    shown, confirm = draw(_CALLER_IDS), draw(st.just(0) | st.integers(5, 60))
    return DestinationDraft(*draw(_TARGETS | _MANAGERS), *times, draw(st.integers(1, 100)), shown, confirm)


@st.composite
def _steps(draw: st.DrawFn, kind: str, greetings: list[GreetingDraft]) -> StepDraft:
    """Of one kind; what that kind does not look at may be anything the database takes."""
    prompt = draw(st.sampled_from(greetings)) if greetings else None
    plays = kind == "greeting" or (kind == "voicemail" and draw(st.booleans()))
    strategy = draw(st.sampled_from([*RingStrategy]))
    rung = st.lists(_destinations(strategy is not RingStrategy.ALL_AT_ONCE), min_size=1, max_size=3)
    return StepDraft(
        kind,
        strategy.value,
        tuple(draw(rung)) if kind == "dial" else (),
        prompt if plays else None,
        draw(st.sampled_from([180, 61, 3600])),
        draw(st.sampled_from([5, 1, 60])),
        draw(st.sampled_from([2, 0, 60])),
        last_adviser_days=draw(st.just(0) | st.integers(1, 92)),
    )


@st.composite
def _with_menu(draw: st.DrawFn, steps: tuple[StepDraft, ...], greetings: list[GreetingDraft]) -> tuple[StepDraft, ...]:
    """The steps behind a menu, some of them labelled."""
    labels = draw(st.lists(NAMES, min_size=len(steps), max_size=len(steps), unique=True))
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    menu = StepDraft("menu", greeting=draw(st.sampled_from(greetings)))._replace(
        choices=tuple(ChoiceDraft(key, draw(st.sampled_from(labels))) for key in sorted(keys)),
        retries=draw(st.integers(0, 9)),
        wait_seconds=draw(st.integers(1, 60)),
        otherwise=draw(st.just("") | st.sampled_from(labels)),
    )
    return (menu, *(step._replace(label=label) for step, label in zip(steps, labels, strict=True)))


@st.composite
def _branches(draw: st.DrawFn, greetings: list[GreetingDraft]) -> BranchDraft:
    kinds = draw(st.lists(st.sampled_from(["dial", "greeting"] if greetings else ["dial"]), max_size=2))
    kinds += draw(st.lists(st.sampled_from(["voicemail", "hang_up"]), min_size=not kinds, max_size=1))
    steps = tuple(draw(_steps(kind, greetings)) for kind in kinds)
    if draw(st.booleans()) and greetings:
        steps = draw(_with_menu(steps, greetings))
    return BranchDraft(draw(NAMES), tuple(draw(st.lists(_entries(), max_size=3))), steps, draw(st.booleans()))


DAY_ONE, DAY_LAST = date(2026, 1, 1), date(2099, 12, 31)


@st.composite
def _days(draw: st.DrawFn, branches: list[str]) -> DayDraft:
    first, last = sorted(draw(st.lists(st.dates(DAY_ONE, DAY_LAST), min_size=2, max_size=2)))
    hours = draw(st.sampled_from([("00:00", "23:59"), ("09:00", "09:00"), ("15:00", "23:59")]))
    rule = draw(st.sampled_from(["closed", "open", "weekday", "branch"]))
    weekday = draw(st.integers(1, 7)) if rule == "weekday" else 0
    branch = draw(st.sampled_from(branches)) if rule == "branch" else ""
    return DayDraft(draw(NAMES), str(first), str(last), *hours, rule, weekday, branch)


@st.composite
def _schemes(draw: st.DrawFn) -> tuple[SchemeDraft, ...]:
    """Several that share their greetings, each of a name of its own."""
    greetings = draw(st.lists(GREETINGS, max_size=2, unique_by=lambda greeting: greeting.name))
    drafts = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=2, unique=True)):
        zone = draw(st.sampled_from(["Europe/Moscow", "Europe/Kyiv", "America/Argentina/Ushuaia", "UTC"]))
        branches = tuple(draw(st.lists(_branches(greetings), min_size=1, max_size=2)))
        holidays = draw(st.sampled_from(["", "RU", "DE-BY"]))
        days = tuple(draw(st.lists(_days([branch.name for branch in branches]), max_size=2)))
        cap = draw(st.none() | st.integers(1, 1_000_000))
        drafts.append(SchemeDraft(name, zone, branches, holidays, days, cap, draw(_CALLER_IDS)))
    return tuple(drafts)


def _once(draft: ManagerDraft) -> tuple[str, str, str, str]:
    return (draft.crm, draft.manager.lower(), draft.kind, draft.target)


def _one_spelling(drafts: list[ManagerDraft]) -> bool:
    """No manager is written in two ways that mean one."""
    written = {(draft.crm, draft.manager) for draft in drafts}
    return len({(crm, manager.lower()) for crm, manager in written}) == len(written)


GOOD_MANAGERS = (
    st.lists(
        st.builds(
            lambda crm, manager, rung, timeout: ManagerDraft(crm, manager, rung[0], rung[1], timeout),
            st.sampled_from(["crm", "no", "x" * 40]),
            st.sampled_from(["7", "007", "olga@example.com", "Ольга"]) | NAMES,
            st.tuples(st.just("number"), st.sampled_from(["+79160000003", "+48221112233"]))
            | st.tuples(st.just("endpoint"), st.sampled_from(["a", "no", "reception"])),
            st.none() | _SECONDS,
        ),
        max_size=5,
        unique_by=_once,
    )
    .filter(_one_spelling)
    .filter(lambda drafts: not judged(drafts, RULES, ())[1])
    .map(lambda drafts: tuple(sorted(drafts, key=_once)))
)
GOOD_SCHEMES = _schemes().filter(lambda drafts: not any(errors(problems(draft, RULES)) for draft in drafts))
