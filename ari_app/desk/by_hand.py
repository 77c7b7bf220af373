"""The desk where people write to clients: to one or many, over one channel or several, now or at a time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from ari_app.core.consent import OptOut, refusal
from ari_app.core.messages import Audience, Channel, Intent, MessageKind
from ari_app.core.placeholders import PlaceholderError, Template
from ari_app.core.rights import Right, Subject
from ari_app.core.segments import TextError, cost, segments
from ari_app.core.writing import digest
from ari_app.desk.base import Desk, Refused, Unconfirmed, needs
from ari_app.desk.terms import Terms, not_a_number
from ari_app.storage.intents import intent_row, taking_in
from ari_app.storage.outbox_schema import messages
from ari_app.storage.refused import Card, cards_of, opt_outs_of
from ari_app.storage.schema import numbers, teams

MOST_CLIENTS = 10_000
"""At once; a longer list is cut up by whoever has it."""
LONGEST_WAIT = timedelta(days=30)
"""Until a message is due; the outbox counts on that."""
CHANNELS = (Channel.SMS, Channel.EMAIL, Channel.PUSH)
"""Over which people write to clients."""
KNOWN_BY_HAND = frozenset({"caller", "name", "company", "team", "item"})
_LATE = timedelta(minutes=1)
_NO_ADDRESS = {
    Channel.EMAIL: "no e-mail address of the client is known; ari-app clients set gives one",
    Channel.PUSH: "no push subscription of the client is known; ari-app clients set gives one",
}


@dataclass(frozen=True, slots=True)
class Handwritten:
    """A message as somebody writes it. ``clients`` are numbers as people write them.

    ``at`` (aware) is when it goes, within the sending hours; None: as soon as may be. ``advertising`` is what clients
    may refuse by itself. ``reference`` is the writer's own: the same one is never sent twice over one channel to one
    client.
    """

    clients: tuple[str, ...]
    text: str
    channels: tuple[Channel, ...] = (Channel.SMS,)
    subject: str = ""
    at: datetime | None = None
    advertising: bool = False
    team: str | None = None
    item: str | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one client and channel: the id of the message that is queued, or why there is none."""

    client: str
    channel: Channel
    message_id: int | None = None
    due_at: datetime | None = None
    parts: int = 0
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """What is the same for every client; ``reference`` is random where the writer gave none."""

    written: Handwritten
    clients: tuple[str, ...]
    template: Template
    due_at: datetime
    reference: str

    @property
    def kind(self) -> MessageKind:
        return MessageKind.ADVERTISING if self.written.advertising else MessageKind.BY_HAND


@dataclass(frozen=True)
class HandDesk(Desk):
    """Messages by hand and advertising; what clients have refused is not even queued."""

    terms: Terms

    @needs(Subject.MESSAGES, Right.CREATE)
    def check(self, written: Handwritten, *, confirmed: bool = False) -> None:
        """Whether `send` would queue it, without writing anything. Raises as that does."""
        planned = self._plan(self._ready(written, self.now()))
        if not confirmed:
            self._confirm(list(planned))

    @needs(Subject.MESSAGES, Right.CREATE)
    def send(self, written: Handwritten, *, confirmed: bool = False) -> list[Answer]:
        """Queue the message for every client and channel that takes it.

        Raises:
            Refused: what is missing or wrong, all of it at once; nothing was queued.
            Unconfirmed: it goes to several clients, or takes several SMS.
        """
        at = self.now()
        ready = self._ready(written, at)
        planned = list(self._plan(ready))
        if not confirmed:
            self._confirm(planned)
        answers = self._queue(planned, at)
        queued = [one for one in answers if one.message_id is not None]
        self._write_down(
            Subject.MESSAGES,
            "advertise" if written.advertising else "send",
            ready.clients[0] if len(ready.clients) == 1 else f"{len(ready.clients)} clients",
            channels=written.channels,
            messages=[one.message_id for one in queued],
        )
        return answers

    # --- what may be sent -------------------------------------------------------------------------------------------

    def _ready(self, written: Handwritten, at: datetime) -> _Ready:
        given = [one for one in written.clients if one.strip()]
        clients = tuple(dict.fromkeys(self.terms.number(one) or one for one in given))
        faults = list(self._faults_of_clients(clients))
        if not written.channels or not set(written.channels) <= set(CHANNELS):
            faults.append(f"clients are written to by {', '.join(CHANNELS)}: choose one or more of them")
        if written.at is not None and written.at < at - _LATE:
            faults.append(f"{written.at:%Y-%m-%d %H:%M %Z} is past; give a moment that is to come")
        if written.at is not None and written.at > at + LONGEST_WAIT:
            faults.append(f"{written.at:%Y-%m-%d} is too far off; give a moment within {LONGEST_WAIT.days} days")
        if written.team and self.connection.scalar(sa.select(teams.c.id).where(teams.c.name == written.team)) is None:
            faults.append(f"there is no team {written.team!r}")
        template = Template("", ())
        try:
            template = _template(written.text)
        except Refused as refused:
            faults += refused.faults
        if faults:
            raise Refused(*faults)
        due_at = self.terms.deployment.window.next_opening(max(written.at or at, at))
        return _Ready(written, clients, template, due_at, written.reference or secrets.token_hex(16))

    def _faults_of_clients(self, clients: Sequence[str]) -> Iterator[str]:
        if not clients:
            yield "nobody is written to: give the number of a client or more"
        if len(clients) > MOST_CLIENTS:
            yield f"{len(clients)} clients are too many at once; write to {MOST_CLIENTS} at most"
            return
        yield from (not_a_number(one) for one in clients if not self.terms.number(one))

    def _plan(self, ready: _Ready) -> Iterator[Intent | Answer]:
        cards, refused = cards_of(self.connection, ready.clients), opt_outs_of(self.connection, ready.clients)
        own = frozenset(self.connection.scalars(sa.select(numbers.c.e164)))
        for client in ready.clients:
            card = cards.get(client, Card(client))
            for channel in dict.fromkeys(ready.written.channels):
                why_not = self._refusal(ready, card, channel, refused.get(client, ()))
                if channel is Channel.SMS and not why_not:
                    why_not = self.terms.deployment.text_policy.refusal(client, own)
                yield Answer(client, channel, refusal=why_not) if why_not else self._intent(ready, card, channel)

    def _refusal(self, ready: _Ready, card: Card, channel: Channel, opt_outs: Sequence[OptOut]) -> str | None:
        if not card.address(channel):
            return _NO_ADDRESS[channel]
        bulk = ready.written.advertising
        return refusal(channel=channel, kind=ready.kind, bulk=bulk, forced=False, opt_outs=opt_outs)

    def _intent(self, ready: _Ready, card: Card, channel: Channel) -> Intent | Answer:
        deployment, written = self.terms.deployment, ready.written
        values = {"caller": card.client, "name": card.name, "company": deployment.company}
        text = ready.template.render({**values, "team": written.team or "", "item": written.item or ""}).strip()
        if not text:
            return Answer(card.client, channel, refusal="of this client nothing is known that the text could say")
        try:
            parts = segments(text).parts if channel is Channel.SMS else 1
        except TextError as error:
            return Answer(card.client, channel, refusal=str(error))
        return Intent(
            key=f"hand/{digest(self.actor.name, ready.reference, channel, card.client)}",
            kind=ready.kind,
            channel=channel,
            audience=Audience.CLIENT,
            recipient=card.address(channel),
            text=text,
            due_at=ready.due_at,
            expires_at=ready.due_at + deployment.expiry,
            client=card.client,
            subject="" if channel is Channel.SMS else written.subject or deployment.company,
            team=written.team,
            item=written.item,
            bulk=written.advertising,
            asked_by=self.actor.name,
            parts=parts,
        )

    # --- said before, and done --------------------------------------------------------------------------------------

    def _confirm(self, planned: Sequence[Intent | Answer]) -> None:
        intents = [one for one in planned if isinstance(one, Intent)]
        texts = [one.parts for one in intents if one.channel is Channel.SMS]
        clients = {one.client for one in intents}
        if len(clients) <= 1 and max(texts, default=0) <= 1:
            return
        left_out = len(planned) - len(intents)
        warning = f"{len(intents)} messages to {len(clients)} client{'s' * (len(clients) != 1)}"
        warning += f", {sum(texts)} SMS in all" if texts else ""
        price: Decimal = cost(sum(texts), self.terms.price)
        warning += f", {self.terms.money(price)}" if price else ""
        warning += f"; {left_out} left out, for the reasons told afterwards" if left_out else ""
        raise Unconfirmed(f"{warning}.\n\n{intents[0].text}", "Send?")

    def _queue(self, planned: Sequence[Intent | Answer], at: datetime) -> list[Answer]:
        """All in one go: SQLite lets nobody else write meanwhile."""
        rows = [intent_row(one, at) for one in planned if isinstance(one, Intent)]
        statement = taking_in(self.connection.dialect.name).returning(messages.c.key, messages.c.id)
        found = self.connection.execute(statement, rows).all() if rows else []
        ids: dict[str, int] = {row.key: row.id for row in found}
        return [one if isinstance(one, Answer) else _answer(one, ids.get(one.key)) for one in planned]


def _answer(intent: Intent, message_id: int | None) -> Answer:
    client = intent.client or ""
    if message_id is None:
        return Answer(client, intent.channel, refusal="it was sent already under this reference")
    return Answer(client, intent.channel, message_id, intent.due_at, intent.parts)


def _template(text: str) -> Template:
    """The text, with placeholders for what is known by hand. Raises Refused."""
    if not text.strip():
        raise Refused("there is no text: write what the client shall read")
    try:
        template = Template.parse(text)
    except PlaceholderError as error:
        raise Refused(str(error)) from None
    strange = sorted(one.name for one in template.placeholders if one.name not in KNOWN_BY_HAND)
    if strange:
        known = " ".join(f"{{{name}}}" for name in sorted(KNOWN_BY_HAND))
        raise Refused(f"{{{strange[0]}}} says nothing in a message by hand; there are {known}")
    return template
