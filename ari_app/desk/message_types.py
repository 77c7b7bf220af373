"""The desk of message types: what each team sends automatically, over which channel, and whether it is on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from ari_app.core.checks import Problem, Severity, errors
from ari_app.core.message_checks import TYPE_AUDIENCES, TYPE_CHANNELS, type_problems
from ari_app.core.message_draft import TypeDraft
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.core.numbering import printable
from ari_app.core.placeholders import PlaceholderError, Template, compose
from ari_app.core.rights import Right, Subject, require
from ari_app.core.segments import TextError, segments
from ari_app.desk.base import Desk, NotFound, Refused, Unconfirmed, needs
from ari_app.desk.terms import Terms
from ari_app.storage.message_schema import message_types
from ari_app.storage.schema import teams

TYPES = tuple(kind for kind in MessageKind if kind not in (MessageKind.APOLOGY, MessageKind.EVENT))
"""Apologies have rules; events go to webhooks."""
AUDIENCES, CHANNELS = TYPE_AUDIENCES, TYPE_CHANNELS


@dataclass(frozen=True, slots=True)
class TypeKey:
    """Which message of which team: a team has one for each kind, audience and channel."""

    team: str
    kind: MessageKind
    audience: Audience = Audience.CLIENT
    channel: Channel = Channel.SMS

    def __str__(self) -> str:
        return f"{self.kind} to {self.audience} by {self.channel}, team {self.team!r}"


@dataclass(frozen=True, slots=True)
class TypeEdit:
    """What is to become of a message type; None leaves it, or takes the default where the type is new. A new one needs
    its text. Company, team and extra text are its optional parts."""

    text: str | None = None
    with_company: bool | None = None
    with_team: bool | None = None
    extra: str | None = None
    offset_minutes: int | None = None
    once_in_hours: int | None = None


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A message type that there is; ``sample`` is as it is read, with examples for its placeholders, ``parts`` what
    that takes as SMS."""

    team: str
    kind: str
    audience: str
    channel: str
    enabled: bool
    text: str
    with_company: bool
    with_team: bool
    extra: str
    offset_minutes: int
    once_in_hours: int
    sample: str = ""
    parts: int = 1


@dataclass(frozen=True, slots=True)
class SavedType:
    """A message type as it was saved, and what is doubtful about it."""

    type: TypeRow
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class TypeDesk(Desk):
    """The automatic messages of teams."""

    terms: Terms

    @needs(Subject.MESSAGE_TYPES, Right.VIEW)
    def list(self, team: str | None = None, kind: MessageKind | None = None) -> list[TypeRow]:
        """Those of every team or of one, by team, kind, audience and channel. Raises NotFound."""
        if team is not None:
            self._team_id(team)
        wanted = (row for row in self._all() if team in (None, row.team) and kind in (None, row.kind))
        return sorted(wanted, key=lambda row: (row.team, row.kind, row.audience, row.channel))

    @needs(Subject.MESSAGE_TYPES, Right.EDIT)
    def set(self, key: TypeKey, edit: TypeEdit, *, confirmed: bool = False) -> SavedType:
        """Make a message type, switched on, or change one; making one takes the right to create, too.

        Raises:
            NotFound: there is no such team.
            Refused: what is missing or wrong, all of it at once.
            Unconfirmed: its text has become one of several SMS, which somebody must have been shown.
        """
        team_id, present = self._team_id(key.team), self._find(key)
        if present is None:
            require(self.actor, Subject.MESSAGE_TYPES, Right.CREATE)
        ready = self._ready(present or _empty(key), edit)
        if key.channel is Channel.SMS and ready.parts > 1 and not confirmed and ready.sample != _sample_of(present):
            warning = f"{ready.sample}\n\nThe text takes {ready.parts} SMS"
            price = self.terms.money(self.terms.price * ready.parts)
            raise Unconfirmed(f"{warning}{f', {price} each time' if price else ''}.", "Save it?")
        values = {name: getattr(ready, name) for name in TypeEdit.__dataclass_fields__}
        if present is None:
            self.connection.execute(sa.insert(message_types).values(**_where_it_is(key), team_id=team_id, **values))
        else:
            self.connection.execute(sa.update(message_types).where(self._it(key, team_id)).values(values))
        self._write_down(Subject.MESSAGE_TYPES, "create" if present is None else "edit", key, **values)
        doubts = (problem.text for problem in _problems(ready) if problem.severity is Severity.WARNING)
        return SavedType(ready, tuple(doubts))

    @needs(Subject.MESSAGE_TYPES, Right.EDIT)
    def switch(self, key: TypeKey, enabled: bool) -> TypeRow:
        """Switch a message type on or off. Raises NotFound."""
        team_id, present = self._team_id(key.team), self._existing(key)
        self.connection.execute(sa.update(message_types).where(self._it(key, team_id)).values(enabled=enabled))
        self._write_down(Subject.MESSAGE_TYPES, "switch on" if enabled else "switch off", key)
        return replace(present, enabled=enabled)

    @needs(Subject.MESSAGE_TYPES, Right.DELETE)
    def remove(self, key: TypeKey, *, confirmed: bool = False) -> None:
        """Remove a message type with its text; switching it off would keep that. Raises NotFound, Unconfirmed."""
        team_id, present = self._team_id(key.team), self._existing(key)
        if not confirmed:
            raise Unconfirmed(f"The message {key} will be removed, with its text:\n{present.text}", "Remove it?")
        self.connection.execute(sa.delete(message_types).where(self._it(key, team_id)))
        self._write_down(Subject.MESSAGE_TYPES, "delete", key, text=present.text)

    def _ready(self, present: TypeRow, edit: TypeEdit) -> TypeRow:
        given = {name: value for name in TypeEdit.__dataclass_fields__ if (value := getattr(edit, name)) is not None}
        wanted = replace(present, **given)
        wanted = replace(wanted, text=wanted.text.strip(), extra=wanted.extra.strip())
        faults = [problem.text for problem in errors(_problems(wanted))]
        if not faults:
            sample = self._sample(wanted)
            try:
                parts = segments(sample).parts if wanted.channel == Channel.SMS else 1
                return replace(wanted, sample=sample, parts=parts)
            except TextError as error:
                faults.append(str(error))
        raise Refused(*faults)

    def _sample(self, row: TypeRow) -> str:
        return compose(
            Template.parse(row.text).sample(),
            company=(self.terms.deployment.company or "Acme") if row.with_company else None,
            team=row.team if row.with_team else None,
            extra=Template.parse(row.extra).sample(),
        )

    def _all(self) -> Iterator[TypeRow]:
        columns = [message_types.c[name] for name in _STORED]
        query = sa.select(teams.c.name.label("team"), *columns).join_from(message_types, teams)
        flags = ("enabled", "with_company", "with_team")
        for row in self.connection.execute(query):
            found = TypeRow(**{**row._mapping, **{name: bool(row._mapping[name]) for name in flags}})
            yield self._shown(found)

    def _shown(self, row: TypeRow) -> TypeRow:
        """With its sample, as far as what was written by plain SQL makes sense."""
        try:
            sample = self._sample(row)
            return replace(row, sample=sample, parts=segments(sample).parts if row.channel == Channel.SMS else 1)
        except (PlaceholderError, TextError) as error:
            return replace(row, sample=f"({error})", parts=0)

    def _find(self, key: TypeKey) -> TypeRow | None:
        wanted = (key.team, key.kind, key.audience, key.channel)
        return next((row for row in self._all() if (row.team, row.kind, row.audience, row.channel) == wanted), None)

    def _existing(self, key: TypeKey) -> TypeRow:
        found = self._find(key)
        if found is None:
            raise NotFound(f"there is no message {key}; ari-app types list shows those there are")
        return found

    def _team_id(self, name: str) -> int:
        known = {row.name: int(row.id) for row in self.connection.execute(sa.select(teams.c.name, teams.c.id))}
        if name not in known:
            there_are = ", ".join(sorted(known)) or "none"
            raise NotFound(f"there is no team {printable(name)!r}; those there are: {there_are}")
        return known[name]

    def _it(self, key: TypeKey, team_id: int) -> sa.ColumnElement[bool]:
        where = [message_types.c[name] == value for name, value in _where_it_is(key).items()]
        return sa.and_(message_types.c.team_id == team_id, *where)


_STORED = tuple(name for name in TypeRow.__dataclass_fields__ if name not in ("team", "sample", "parts"))


def _where_it_is(key: TypeKey) -> dict[str, Any]:
    return {"kind": key.kind.value, "audience": key.audience.value, "channel": key.channel.value}


def _empty(key: TypeKey) -> TypeRow:
    return TypeRow(key.team, key.kind, key.audience, key.channel, True, "", False, False, "", 0, 0)


def _sample_of(row: TypeRow | None) -> str | None:
    return row.sample if row else None


def _problems(row: TypeRow) -> tuple[Problem, ...]:
    values = {name: getattr(row, name) for name in TypeDraft._fields}
    return type_problems(TypeDraft(**values))
