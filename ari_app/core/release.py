"""The last word before a message goes: sent now, later or not at all, and why; asked at the moment of sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from ari_app.core.consent import OptOut, refusal, switched_off
from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.recipients import TextPolicy
from ari_app.core.window import SendingWindow

CALLING_SECONDS = 15
"""A message about a lost call waits so long when its client is calling at this very moment, then looks again."""

BUDGET_SECONDS = 600
"""So long until a message that the budget holds up looks again: the budget may have been raised."""


class Switch(StrEnum):
    """What has become, since the message was taken in, of the rule or type that asked for it."""

    ON = "on"
    OFF = "off"
    REMOVED = "removed"
    NO_SALES_TOOLS = "no_sales_tools"


class Reached(StrEnum):
    """How client and company have talked since the call."""

    CALLED_AGAIN = "the caller has called again and was answered"
    TALKING = "the caller has called again and is talking"
    CALLED_BACK = "the caller was called back and answered"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the deployment allows. ``day_cap`` counts SMS to clients in a day of the window's zone, ``prefix_cap`` those
    to one prefix of ``prefix_digits`` digits; ``month_budget`` is money, as ``price`` of a part is. 0: no such limit,
    but for the day cap, of which 0 is none at all."""

    window: SendingWindow = field(default_factory=SendingWindow)
    texts: TextPolicy = field(default_factory=TextPolicy)
    day_cap: int = 10_000
    prefix_cap: int = 0
    prefix_digits: int = 4
    price: Decimal = Decimal(0)
    month_budget: Decimal = Decimal(0)

    def prefix_of(self, number: str) -> str:
        """The part of an E.164 number that the prefix cap goes by: plus and digits."""
        return number[: self.prefix_digits + 1]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued message, as far as the decision goes by it; fields as of `ari_app.core.messages.Intent`."""

    kind: MessageKind
    channel: Channel
    audience: Audience
    recipient: str
    expires_at: datetime
    rule: str | None = None
    team: str | None = None
    parts: int = 1
    once_in_hours: int = 0
    withdraw_if_reached: bool = False
    needs_ticket: bool = False
    forced: bool = False
    bulk: bool = False

    @property
    def to_client(self) -> bool:
        """Whether it goes to a client's own telephone or address: those have the window, and their consent counts."""
        return self.audience is Audience.CLIENT and self.channel in (Channel.SMS, Channel.EMAIL, Channel.PUSH)

    @property
    def is_text_to_client(self) -> bool:
        """Whether it is an SMS to a client: those are capped, and cost."""
        return self.to_client and self.channel is Channel.SMS


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the case at the moment of sending, ``at`` (aware).

    ``opt_outs`` are this client's. ``own_number``: the recipient is a number of the company's. ``another``: the same
    rule or type has sent the same recipient one within the hours, or is about to. ``calling``: a call of the client's
    rings or waits right now. ``ticket_open``: the client has an open ticket; ``ticket_wanted``: or the team makes
    tickets of missed calls. Counts are those of the day, and of the month in money.
    """

    at: datetime
    switch: Switch = Switch.ON
    opt_outs: tuple[OptOut, ...] = ()
    own_number: bool = False
    another: bool = False
    reached: Reached | None = None
    calling: bool = False
    ticket_open: bool = False
    ticket_wanted: bool = True
    sent_today: int = 0
    sent_today_to_prefix: int = 0
    spent_this_month: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Release:
    """It goes, now."""


@dataclass(frozen=True, slots=True)
class Later:
    """It waits until ``until``. ``out_of_budget``: somebody has to be told, for it may be long."""

    until: datetime
    reason: str
    out_of_budget: bool = False


@dataclass(frozen=True, slots=True)
class Withhold:
    """It is never sent: ``state`` is CANCELLED or EXPIRED."""

    state: State
    reason: str


Judgement = Release | Later | Withhold


def judge(message: Waiting, facts: Facts, limits: Limits) -> Judgement:
    """Whether a message that is due may go at ``facts.at``.

    What forbids it for ever comes before what only delays it, so that nothing waits in vain.
    """
    for question in _QUESTIONS:
        answer = question(message, facts, limits)
        if answer is not None:
            return answer
    return Release()


def _cancelled(reason: str) -> Withhold:
    return Withhold(State.CANCELLED, reason)


def _age(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if facts.at <= message.expires_at:
        return None
    latest = message.expires_at.astimezone(limits.window.zone)
    return Withhold(State.EXPIRED, f"it was to be sent by {latest:%Y-%m-%d %H:%M}, and that is past")


def _switch(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    what = f"rule {message.rule!r}" if message.rule else f"messages of kind {message.kind}"
    match facts.switch:
        case Switch.ON:
            return None
        case Switch.NO_SALES_TOOLS:
            return _cancelled(f"team {message.team!r} has no sales tools any more")
        case Switch.REMOVED:
            return _cancelled(f"{what} was removed since" if message.rule else f"{what} were removed since")
        case Switch.OFF if message.rule:
            return _cancelled(f"{what} was switched off since")
        case Switch.OFF:
            reason = switched_off(channel=message.channel, kind=message.kind, type_on=False, forced=message.forced)
            return _cancelled(reason) if reason else None


def _consent(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not message.to_client:
        return None
    reason = refusal(
        channel=message.channel,
        kind=message.kind,
        bulk=message.bulk,
        forced=message.forced,
        opt_outs=facts.opt_outs,
    )
    return _cancelled(reason) if reason else None


def _recipient(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not message.is_text_to_client:
        return None
    own = (message.recipient,) if facts.own_number else ()
    reason = limits.texts.refusal(message.recipient, own)
    return _cancelled(reason) if reason else None


def _another(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not (message.once_in_hours and facts.another):
        return None
    hours = "an hour" if message.once_in_hours == 1 else f"{message.once_in_hours} hours"
    return _cancelled(f"the same recipient gets one of these in {hours}, and has had it")


def _reached(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not (message.withdraw_if_reached and facts.reached):
        return None
    return _cancelled(facts.reached.value)


def _ticket(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if message.channel is Channel.TICKET and not facts.ticket_wanted:
        return _cancelled("the client has no open ticket, and the team makes none of missed calls")
    if not message.needs_ticket or facts.ticket_open:
        return None
    return _cancelled("the client has no open ticket any more")


def _calling(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not (message.withdraw_if_reached and facts.calling):
        return None
    return Later(facts.at + timedelta(seconds=CALLING_SECONDS), "the caller is calling again at this moment")


def _window(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not message.to_client or limits.window.is_open(facts.at):
        return None
    return Later(limits.window.next_opening(facts.at), f"clients are written to {limits.window} only")


def _caps(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    if not message.is_text_to_client:
        return None
    if facts.sent_today >= limits.day_cap:
        return Later(_tomorrow(facts, limits), f"the day's {limits.day_cap} SMS to clients are used up")
    if limits.prefix_cap and facts.sent_today_to_prefix >= limits.prefix_cap:
        prefix = limits.prefix_of(message.recipient)
        return Later(_tomorrow(facts, limits), f"the day's {limits.prefix_cap} SMS to {prefix} are used up")
    return None


def _budget(message: Waiting, facts: Facts, limits: Limits) -> Judgement | None:
    """The month's last SMS may not take it over the budget either."""
    if not message.is_text_to_client or not limits.month_budget:
        return None
    if facts.spent_this_month + limits.price * message.parts <= limits.month_budget:
        return None
    return Later(facts.at + timedelta(seconds=BUDGET_SECONDS), "the month's budget is used up", out_of_budget=True)


def _tomorrow(facts: Facts, limits: Limits) -> datetime:
    """When the window opens on the day after ``facts.at``."""
    window = limits.window
    midnight = datetime.combine(window.day_of(facts.at) + timedelta(days=1), time(0), window.zone)
    return window.next_opening(midnight)


_QUESTIONS: tuple[Callable[[Waiting, Facts, Limits], Judgement | None], ...] = (
    _age,
    _switch,
    _consent,
    _recipient,
    _another,
    _reached,
    _ticket,
    _calling,
    _window,
    _caps,
    _budget,
)
