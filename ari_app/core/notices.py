"""Which messages follow from a call that is over: to the caller, the team's people and systems; each with its reason.

The apology of a lost call is decided by `ari_app.core.apology`, what other systems raise by `ari_app.core.raised`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from ari_app.core.apology import apologise
from ari_app.core.deployment import Decided, Deployment
from ari_app.core.endings import CallFacts, Ending, ending_of
from ari_app.core.event_json import call_ended
from ari_app.core.message_book import MessageBook, MessageType, TeamProfile
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.raised import RaisedEvent, of_event
from ari_app.core.shipped_texts import shipped
from ari_app.core.writing import Addressed, Cause, Desk, parsed

__all__ = ["CallFacts", "Decided", "Deployment", "RaisedEvent", "of_call", "of_event"]

_PEOPLE = (Audience.STAFF, Audience.ADMIN)
_TO_PEOPLE = (Channel.SMS, Channel.EMAIL, Channel.PUSH)
_WITHDRAWN_IF_REACHED = (MessageKind.HUNG_UP, MessageKind.MISSED)


def of_call(facts: CallFacts, book: MessageBook, deployment: Deployment, at: datetime) -> Decided:
    """What a call brings that ended ``at`` (aware). The caller gets one SMS of it at most."""
    ending = ending_of(facts.verdict, facts.timeline)
    team = book.team_of(facts.dialled)
    cause = Cause(
        key=f"call/{facts.call_id}",
        why="lost_out_of_hours" if ending.lost and ending.out_of_hours else ending.point.value,
        client=facts.caller,
        team=team.name if team else None,
        values=_values(facts, book, team, deployment),
        call_id=facts.call_id,
    )
    desk = Desk(cause, deployment, at)
    apologised = apologise(desk, facts, ending, book, at)
    if team is not None and not facts.outbound and not ending.quiet:
        _Notices(desk, facts, ending, book, team, at).decide(apologised)
    return desk.decided()


def _values(facts: CallFacts, book: MessageBook, team: TeamProfile | None, deployment: Deployment) -> dict[str, str]:
    """What the placeholders stand for; the time is that of the number's own zone."""
    own = book.numbers.get(facts.dialled) if facts.dialled else None
    zone: tzinfo = (own.zone if own else None) or deployment.window.zone or UTC
    there = facts.at.astimezone(zone)
    return {
        "caller": facts.caller or facts.caller_raw,
        "number": facts.dialled or "",
        "number_name": own.name if own else "",
        "company": deployment.company,
        "team": team.name if team else "",
        "time": f"{there:%H:%M}",
        "date": f"{there:%d.%m.%Y}",
    }


@dataclass(frozen=True, slots=True)
class _Notices:
    """The messages of one team about one call that ended ``at``."""

    desk: Desk
    facts: CallFacts
    ending: Ending
    book: MessageBook
    team: TeamProfile
    at: datetime

    def decide(self, apologised: bool) -> None:
        """Everything but the apology, in the order in which it matters."""
        for kind in self._types():
            if kind.audience is Audience.CLIENT:
                self._to_client(kind, apologised)
            else:
                self._to_people(kind)
        if self.ending.recording:
            self._announce_voicemail()
        if self.ending.lost:
            self._write_to_ticket()
        self._tell_systems()

    def _types(self) -> Iterator[MessageType]:
        """For each audience and channel the first kind that is switched on; those that are off are told, and so is a
        kind that another takes the place of."""
        taken: set[tuple[Audience, Channel]] = set()
        for wanted in self.ending.kinds:
            for each in self.team.types_of(wanted):
                place = each.audience, each.channel
                if not each.enabled:
                    self.desk.pass_over(each.kind, each.channel, each.audience, "type_off")
                elif place in taken:
                    self.desk.pass_over(each.kind, each.channel, each.audience, "replaced")
                else:
                    taken.add(place)
                    yield each

    def _to_client(self, kind: MessageType, apologised: bool) -> None:
        which = kind.kind, kind.channel, kind.audience
        why_not = self._why_not(kind, apologised)
        if why_not:
            self.desk.pass_over(*which, why_not)
            return
        due_at = self.desk.deployment.window.next_opening(self.at + _delay(kind))
        caller = self.facts.caller or ""
        intent = self.desk.draft(Addressed(*which, caller, self.desk.text_of(kind)), due_at)
        self.desk.add(
            replace(
                intent,
                once_in_hours=kind.once_in_hours,
                withdraw_if_reached=kind.kind in _WITHDRAWN_IF_REACHED,
                needs_ticket=kind.kind is MessageKind.ANSWERED_WITH_TICKET,
            )
        )

    def _why_not(self, kind: MessageType, apologised: bool) -> str | None:
        """Why the caller is not sent a message of this type, or None."""
        if kind.channel is not Channel.SMS:
            return "no_address"
        if apologised:
            return "apologised"
        caller = self.facts.caller or self.facts.caller_raw
        refusal = self.desk.deployment.text_policy.refusal(caller, self.book.numbers.keys())
        return "anonymous" if refusal and not caller else refusal

    def _to_people(self, kind: MessageType) -> None:
        """A message of a type to all of the team's contacts of its audience; at once, whatever the hour."""
        which = kind.kind, kind.channel, kind.audience
        addresses = tuple(self.team.contacts_of(kind.audience, kind.channel))
        if not addresses:
            self.desk.pass_over(*which, "no_contacts")
        for address in addresses:
            message = Addressed(*which, address, self.desk.text_of(kind), self.desk.deployment.company)
            needs_ticket = kind.kind is MessageKind.ANSWERED_WITH_TICKET
            self.desk.add(replace(self.desk.draft(message, self.at + _delay(kind)), needs_ticket=needs_ticket))

    def _announce_voicemail(self) -> None:
        """To every contact of the staff in the team's own words, or those that ship; to admins where the team says so.
        The message itself goes along."""
        texts = shipped(self.desk.deployment.language)
        subject = parsed(texts.voicemail_subject).render(self._staff_values())
        for audience, channel in ((audience, channel) for audience in _PEOPLE for channel in _TO_PEOPLE):
            which = MessageKind.VOICEMAIL_NOTICE, channel, audience
            own = self.team.type_of(*_type_key(which))
            addresses = tuple(self.team.contacts_of(audience, channel))
            if not addresses or (own is None and audience is Audience.ADMIN):
                continue
            if own is not None and not own.enabled:
                self.desk.pass_over(*which, "type_off")
                continue
            text = self.desk.text_of(own) if own else parsed(texts.voicemail).render(self._staff_values())
            for address in addresses:
                intent = self.desk.draft(Addressed(*which, address, text, subject), self.at)
                self.desk.add(replace(intent, attachment=self.ending.recording))

    def _write_to_ticket(self) -> None:
        """The missed call is put on the caller's ticket; whether there is one, or one is made, is seen at that time."""
        which = MessageKind.MISSED_CALL_TICKET, Channel.TICKET, Audience.SYSTEM
        if self.facts.caller is None:
            self.desk.pass_over(*which, "anonymous")
            return
        texts, values = shipped(self.desk.deployment.language), self._staff_values()
        text, subject = parsed(texts.missed).render(values), parsed(texts.missed_subject).render(values)
        self.desk.add(self.desk.draft(Addressed(*which, self.team.name, text, subject), self.at))

    def _tell_systems(self) -> None:
        """The call's end, to the webhooks of the team."""
        own = self.book.numbers[self.facts.dialled or ""]
        text = call_ended(self.facts, self.ending, number_name=own.name, team=self.team.name)
        for name in dict.fromkeys(_webhooks(self.team)):
            message = Addressed(MessageKind.EVENT, Channel.WEBHOOK, Audience.SYSTEM, name, text, "call.ended")
            self.desk.add(self.desk.draft(message, self.at))

    def _staff_values(self) -> dict[str, str]:
        """To the team's own people a caller without a number is told as such."""
        values = dict(self.desk.cause.values)
        values["caller"] = values["caller"] or shipped(self.desk.deployment.language).withheld
        return values


def _delay(kind: MessageType) -> timedelta:
    """A call has no time before it; an offset that looks there is none."""
    return timedelta(minutes=max(kind.offset_minutes, 0))


def _type_key(which: tuple[MessageKind, Channel, Audience]) -> tuple[MessageKind, Audience, Channel]:
    kind, channel, audience = which
    return kind, audience, channel


def _webhooks(team: TeamProfile) -> Iterable[str]:
    return (address for audience in _PEOPLE for address in team.contacts_of(audience, Channel.WEBHOOK))
