"""Whether apology rules, message types and contacts make sense: every problem, with its place and its mend."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from ari_app.core.checks import Problem, Severity
from ari_app.core.message_draft import ContactDraft, RuleDraft, TypeDraft
from ari_app.core.messages import CALL_KINDS, ITEM_KINDS, Audience, Channel, MessageKind
from ari_app.core.numbering import normalise, printable
from ari_app.core.placeholders import PlaceholderError, Template
from ari_app.core.segments import EmptyText, TextError, segments

RULE_DELAY_SECONDS = range(86_401)
ONCE_IN_HOURS = range(8_761)
OFFSET_MINUTES = range(-43_200, 43_201)
OF_CALLS = frozenset(("caller", "number", "number_name", "company", "team", "time", "date"))
"""The placeholders that a call has a value for; what is raised from outside brings its own."""
TYPE_AUDIENCES = (Audience.CLIENT, Audience.STAFF, Audience.ADMIN)
TYPE_CHANNELS = (Channel.SMS, Channel.EMAIL, Channel.PUSH)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def rule_problems(draft: RuleDraft, listed: Collection[str]) -> tuple[Problem, ...]:
    """What is wrong with a rule; ``listed`` are the company's own numbers (E.164)."""
    return tuple(_of_rule(draft, f"apology rule {printable(draft.name)!r}", listed))


def type_problems(draft: TypeDraft) -> tuple[Problem, ...]:
    """What is wrong with a team's message type."""
    where = f"team {printable(draft.team)!r}, message {printable(draft.kind)} to the {printable(draft.audience)} by "
    return tuple(_of_type(draft, where + printable(draft.channel)))


def contact_problems(draft: ContactDraft) -> tuple[Problem, ...]:
    """What is wrong with a contact."""
    return tuple(_of_contact(draft, f"team {printable(draft.team)!r}, contact {printable(draft.address)!r}"))


def shadowed(rules: Iterable[RuleDraft]) -> Iterator[Problem]:
    """A warning for each number that another rule, tried before, takes from a rule; ``rules`` are in their order."""
    taken: dict[str, str] = {}
    for rule in rules:
        for number in rule.numbers if rule.enabled else ():
            if number in taken:
                text = f"{number} is rule {printable(taken[number])!r}'s, which stands before it by name"
                yield _warning(f"apology rule {printable(rule.name)!r}", text)
            taken.setdefault(number, rule.name)


def _of_rule(draft: RuleDraft, where: str, listed: Collection[str]) -> Iterator[Problem]:
    if not draft.name.strip():
        yield _error(where, "it has no name; give it one")
    if not draft.numbers:
        yield _error(where, "it has no dialled number; add one, or it can never be used")
    for number in draft.numbers:
        if normalise(number, "ZZ") != number:
            yield _error(where, f"{printable(number)!r} is not an E.164 number such as +74950000101")
        elif number not in listed:
            yield _warning(where, f"{number} is not in the table of numbers, so its calls bring no team's messages")
    yield from _of_text(draft.text, where, sms=True, known=OF_CALLS)
    yield from _in_range(draft.delay_seconds, RULE_DELAY_SECONDS, "its delay in seconds", where)
    yield from _in_range(draft.once_in_hours, ONCE_IN_HOURS, "once in hours", where)


def _of_type(draft: TypeDraft, where: str) -> Iterator[Problem]:
    kinds = [kind for kind in MessageKind if kind not in (MessageKind.APOLOGY, MessageKind.EVENT)]
    for value, known, what in (
        (draft.kind, kinds, "kind"),
        (draft.audience, TYPE_AUDIENCES, "audience"),
        (draft.channel, TYPE_CHANNELS, "channel"),
    ):
        if value not in known:
            yield _error(where, f"{printable(value)!r} is no {what} of a message type; write {', '.join(known)}")
    known_here = OF_CALLS if draft.kind in _OF_CALLS else None
    yield from _of_text(draft.text, where, sms=draft.channel == Channel.SMS, known=known_here, extra=draft.extra)
    yield from _in_range(draft.offset_minutes, OFFSET_MINUTES, "its offset in minutes", where)
    yield from _in_range(draft.once_in_hours, ONCE_IN_HOURS, "once in hours", where)
    if draft.offset_minutes < 0 and draft.kind not in ITEM_KINDS:
        yield _warning(where, "its offset lies before the event, which cannot be foreseen; it is taken for 0")
    if draft.audience == Audience.CLIENT:
        yield from _of_client(draft, where)


def _of_client(draft: TypeDraft, where: str) -> Iterator[Problem]:
    if draft.kind in (MessageKind.VOICEMAIL_NOTICE, MessageKind.MISSED_CALL_TICKET):
        yield _warning(where, "it is for the team's own people, and never sent to clients")
    elif draft.kind in CALL_KINDS and draft.channel in (Channel.EMAIL, Channel.PUSH):
        yield _warning(where, "of a caller nothing but the number is known, so it is never sent; write one for sms")


_OF_CALLS = (*CALL_KINDS, MessageKind.VOICEMAIL_NOTICE, MessageKind.MISSED_CALL_TICKET)


def _of_contact(draft: ContactDraft, where: str) -> Iterator[Problem]:
    if draft.audience not in (Audience.STAFF, Audience.ADMIN):
        yield _error(where, f"{printable(draft.audience)!r} is no audience of a contact; write staff or admin")
    if draft.channel not in (*TYPE_CHANNELS, Channel.WEBHOOK):
        yield _error(
            where, f"{printable(draft.channel)!r} is no channel of a contact; write sms, email, push or webhook"
        )
    if draft.channel == Channel.SMS and normalise(draft.address, "ZZ") != draft.address:
        yield _error(where, "it is not an E.164 number such as +79160000003")
    if draft.channel == Channel.EMAIL and not _MAIL.fullmatch(draft.address):
        yield _error(where, "it is not an e-mail address such as sales@example.com")


def _of_text(text: str, where: str, *, sms: bool, known: Collection[str] | None, extra: str = "") -> Iterator[Problem]:
    """A text and what is added to it. ``known`` are the placeholders that get a value, None: any."""
    try:
        template, added = Template.parse(text), Template.parse(extra)
        sample = "\n".join(filter(None, (template.sample(), added.sample())))
        if not text.strip():
            raise EmptyText("it has no text; write what is to be sent")
        if sms:
            segments(sample)
    except (PlaceholderError, TextError) as error:
        yield _error(where, f"its text cannot be sent: {error}")
        return
    used = {each.name for each in template.placeholders | added.placeholders}
    for name in sorted(used - set(known) if known is not None else ()):
        yield _warning(where, f"a call has nothing to put in for {{{name}}}; it is left out")


def _in_range(value: int, allowed: range, what: str, where: str) -> Iterator[Problem]:
    if value not in allowed:
        yield _error(where, f"{what} is {value}; it must be {allowed.start} to {allowed.stop - 1}")


def _error(where: str, text: str) -> Problem:
    return Problem(Severity.ERROR, where, text)


def _warning(where: str, text: str) -> Problem:
    return Problem(Severity.WARNING, where, text)
