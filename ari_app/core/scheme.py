"""What an admin configures: a scheme of branches, each with hours and steps to perform in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ari_app.core.calendar import Calendar, Override
from ari_app.core.callers import CallerRules
from ari_app.core.outcomes import HangUpCause
from ari_app.core.schedule import ScheduleEntry


class RingStrategy(StrEnum):
    """How the destinations of one dial step are rung."""

    IN_TURN = "in_turn"
    ALL_AT_ONCE = "all_at_once"
    STAGGERED = "staggered"
    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    WEIGHTED = "weighted"
    LEAST_RECENT = "least_recent"

    @property
    def words(self) -> str:
        """As descriptions and timelines write it."""
        return self.value.replace("_", " ")

    @property
    def together(self) -> bool:
        """Whether several may ring at a time; else one after another does."""
        return self in (RingStrategy.ALL_AT_ONCE, RingStrategy.STAGGERED)

    @property
    def has_turns(self) -> bool:
        """Whether who is rung first follows from the calls before."""
        return self in (RingStrategy.ROUND_ROBIN, RingStrategy.LEAST_RECENT)

    @property
    def reorders(self) -> bool:
        """Whether the destinations are rung in another order than they are written, decided for each call."""
        return self.has_turns or self in (RingStrategy.RANDOM, RingStrategy.WEIGHTED)


class TargetKind(StrEnum):
    """What a destination names: a telephone number, an endpoint that the configuration knows how to dial, or a CRM,
    which is asked who is responsible for the caller."""

    NUMBER = "number"
    ENDPOINT = "endpoint"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Destination:
    """Someone to ring.

    ``target`` is an E.164 number or an endpoint's name, already validated, never a dial string; of a manager it is what
    `ari_app.core.responsible.asked` reads. ``timeout`` is the no-answer timeout in seconds. ``delay`` is in seconds:
    after the destination's turn has come (in turn), or after the step began (staggered). ``weight``: how often it is
    drawn first, beside the others of a weighted step. ``caller_id`` is what it is shown: empty or ``caller``,
    ``dialled``, or a number; ``diverted_from`` is the number of ours that is said to have forwarded the call (see
    `ari_app.core.caller_ids`). ``confirm_seconds``: so long it has to press
    1 once it has picked up, or it has not answered; 0: it need not.
    """

    kind: TargetKind
    target: str
    timeout: int
    delay: int = 0
    weight: int = 1
    caller_id: str = ""
    diverted_from: str = ""
    confirm_seconds: int = 0

    def __str__(self) -> str:
        return f"the manager by {self.target}" if self.kind is TargetKind.MANAGER else self.target


@dataclass(frozen=True, slots=True)
class Greeting:
    """A prompt by its name in the catalogue and the sound Asterisk knows it by (a path without scheme or ending)."""

    name: str
    sound: str


@dataclass(frozen=True, slots=True)
class DialStep:
    """Ring the destinations by the strategy until one answers. ``last_adviser_days``: where they are rung one after
    another, the one who talked with the caller last is first, if that is not more days ago; 0: it plays no role."""

    strategy: RingStrategy
    destinations: tuple[Destination, ...]
    last_adviser_days: int = 0

    @property
    def reorders(self) -> bool:
        """Whether the destinations may be rung in another order than they are written."""
        return self.strategy.reorders or bool(self.last_adviser_days and not self.strategy.together)


@dataclass(frozen=True, slots=True)
class GreetingStep:
    """Answer the caller, play a prompt, go on."""

    greeting: Greeting


@dataclass(frozen=True, slots=True)
class VoicemailStep:
    """Play the greeting and the tone and record. Seconds: the longest message, the silence that ends one, the shortest
    that counts as a message."""

    greeting: Greeting
    max_seconds: int = 180
    silence_seconds: int = 5
    min_seconds: int = 2


KEYS = "1234567890*#"
"""Those of a telephone."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A key, and the later step of the branch (from 0) that it leads to, with its label."""

    key: str
    goal: int
    label: str


@dataclass(frozen=True, slots=True)
class MenuStep:
    """Play the greeting and let the caller choose by a key, also while it plays. When after that ``wait_seconds`` have
    brought no key, or one that is no choice, it is asked again, ``retries`` times; then the call goes on at step
    ``otherwise`` (from 0, a later one; with its label, unless it is simply the next)."""

    greeting: Greeting
    choices: tuple[Choice, ...]
    otherwise: int
    otherwise_label: str = ""
    retries: int = 2
    wait_seconds: int = 5

    def choice(self, key: str) -> Choice | None:
        """The choice that the key is; None: it is none."""
        return next((choice for choice in self.choices if choice.key == key), None)


@dataclass(frozen=True, slots=True)
class HangUpStep:
    """End the call. ``cause`` is what the caller's network is told; None leaves it to what happened before."""

    cause: HangUpCause | None = None


Step = DialStep | GreetingStep | MenuStep | VoicemailStep | HangUpStep


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps that hold at certain hours; with no entries they always hold. ``out_of_hours``: its calls count as such,
    for the messages that they bring."""

    name: str
    entries: tuple[ScheduleEntry, ...]
    steps: tuple[Step, ...]
    out_of_hours: bool = False


@dataclass(frozen=True, slots=True)
class Scheme:
    """A frozen, checked scheme. ``version`` changes whenever anything in it does; every call journals it. The
    ``override`` for a while is no part of it. ``outside_calls_a_day``: so often it may ring numbers outside in a day;
    None: as the deployment's settings say."""

    name: str
    zone: ZoneInfo
    branches: tuple[Branch, ...]
    version: str = ""
    calendar: Calendar | None = None
    override: Override | None = None
    outside_calls_a_day: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """One of the company's own numbers (E.164), as the book lists it."""

    e164: str
    name: str
    enabled: bool = True
    scheme: Scheme | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class SchemeBook:
    """Every number with its scheme, as of one moment; a call keeps the book it began with.

    ``managers`` are the destinations of those whom CRMs may name, by CRM and by id or e-mail in small letters; one of
    timeout 0 rings as long as the destination that asked for the manager. ``loaded`` is False for the book that is in
    force while the schemes could not be read even once.
    """

    numbers: Mapping[str, Number] = field(default_factory=lambda: MappingProxyType({}))
    version: str = ""
    loaded: bool = True
    callers: CallerRules = field(default_factory=CallerRules)
    managers: Mapping[tuple[str, str], tuple[Destination, ...]] = field(default_factory=lambda: MappingProxyType({}))
