"""The desk of users: who they are, what they may do, the roles they have, the tokens of their programs, the log."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ari_app.core.numbering import printable
from ari_app.core.rights import Actor, Forbidden, Grant, Right, Subject
from ari_app.desk.base import Desk, NotFound, Refused, Unconfirmed, needs
from ari_app.storage.desk_schema import audit_log
from ari_app.storage.message_schema import grants, roles, user_roles, users

TOKEN_BYTES = 32
"""Random ones, in a token; nobody guesses 256 bits."""

OPERATOR = "operator"
"""The name in the log, before that of the machine's own user, of who acts as none of ours."""


class NotAUser(Exception):
    """Nobody may act under this name; the message says why and what to do."""


def actor_of(connection: sa.Connection, name: str) -> Actor:
    """The user of this name, with the rights given to them and to their roles.

    Raises:
        NotAUser: there is none, or it is disabled.
    """
    row = connection.execute(sa.select(users).where(users.c.name == name)).one_or_none()
    if row is None:
        raise NotAUser(f"there is no user {printable(name)!r}; ari-app users list shows those there are")
    if not row.enabled:
        raise NotAUser(f"the user {printable(name)!r} is disabled; an admin lets them in: ari-app users enable")
    return Actor(row.name, _grants_of_user(connection, row.id))


def actor_by_token(connection: sa.Connection, token: str) -> Actor | None:
    """The user whose token this is; None for anybody else's word, and for a disabled user's."""
    hashed = _hash(token)
    row = connection.execute(sa.select(users).where(users.c.token_hash == hashed)).one_or_none()
    # The index has compared a hash that nobody can choose; this one tells nothing by its time either.
    known = row is not None and hmac.compare_digest(str(row.token_hash), hashed)
    if row is None or not known or not row.enabled:
        return None
    return Actor(row.name, _grants_of_user(connection, row.id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _grants_of_user(connection: sa.Connection, user_id: int) -> frozenset[Grant]:
    of_roles = sa.select(user_roles.c.role_id).where(user_roles.c.user_id == user_id)
    held = (grants.c.user_id == user_id) | grants.c.role_id.in_(of_roles)
    return _read(connection.execute(sa.select(grants.c.subject, grants.c.right).where(held)))


def _read(rows: Iterable[Any]) -> frozenset[Grant]:
    """Rows as grants; a subject that this release does not know gives no right."""
    return frozenset(Grant(Subject(row.subject), Right(row.right)) for row in rows if row.subject in set(Subject))


@dataclass(frozen=True, slots=True)
class User:
    """A user as lists show them: their own grants and those of their roles, in words, and whether a token is out."""

    name: str
    enabled: bool
    roles: tuple[str, ...]
    grants: tuple[str, ...]
    has_token: bool


@dataclass(frozen=True, slots=True)
class Role:
    """A role, its grants in words, and who has it."""

    name: str
    grants: tuple[str, ...]
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log."""

    at: datetime
    actor: str
    subject: str
    action: str
    target: str
    details: dict[str, Any]


class PeopleDesk(Desk):
    """Users and roles. Nobody gives a right that they have not got themselves, nor makes a token of one who has."""

    @needs(Subject.USERS, Right.VIEW)
    def users(self) -> list[User]:
        """Everybody, by name."""
        return [self._user(row) for row in self.connection.execute(sa.select(users).order_by(users.c.name))]

    def _user(self, row: sa.Row[Any]) -> User:
        theirs = sa.select(roles.c.name).join(user_roles).where(user_roles.c.user_id == row.id).order_by(roles.c.name)
        held = tuple(sorted(map(str, _grants_of_user(self.connection, row.id))))
        return User(row.name, bool(row.enabled), tuple(self.connection.scalars(theirs)), held, bool(row.token_hash))

    @needs(Subject.USERS, Right.VIEW)
    def roles(self) -> list[Role]:
        """Every role, by name."""
        return [self._role(row) for row in self.connection.execute(sa.select(roles).order_by(roles.c.name))]

    def _role(self, row: sa.Row[Any]) -> Role:
        who = sa.select(users.c.name).join(user_roles).where(user_roles.c.role_id == row.id).order_by(users.c.name)
        held = tuple(sorted(map(str, self._grants_of_role(row.id))))
        return Role(row.name, held, tuple(self.connection.scalars(who)))

    @needs(Subject.USERS, Right.VIEW)
    def changes(self, *, limit: int = 50, actor: str | None = None, subject: Subject | None = None) -> list[Change]:
        """Who changed what, the latest first."""
        columns = (getattr(audit_log.c, name) for name in Change.__dataclass_fields__)
        query = sa.select(*columns).order_by(audit_log.c.at.desc(), audit_log.c.id.desc()).limit(limit)
        if actor is not None:
            query = query.where(audit_log.c.actor == actor)
        if subject is not None:
            query = query.where(audit_log.c.subject == subject.value)
        return [Change(*row) for row in self.connection.execute(query)]

    @needs(Subject.USERS, Right.CREATE)
    def add_user(self, name: str) -> None:
        """A new user, who may do nothing yet."""
        if name.strip().lower().split()[:1] == [OPERATOR]:
            raise Refused(f"{OPERATOR!r} is whoever has the machine itself; the log must not take a user for that")
        self._add(users, name, "user")

    @needs(Subject.USERS, Right.CREATE)
    def add_role(self, name: str) -> None:
        """A new role, without any right yet."""
        self._add(roles, name, "role")

    def _add(self, table: sa.Table, name: str, what: str) -> None:
        name = printable(name).strip()
        if not name:
            raise Refused(f"the {what} has no name: give one that people will know it by")
        if self.connection.scalar(sa.select(table.c.id).where(table.c.name == name)) is not None:
            raise Refused(f"a {what} {name!r} exists; choose another name or grant that one more")
        self.connection.execute(sa.insert(table).values(name=name))
        self._write_down(Subject.USERS, f"add {what}", name)

    @needs(Subject.USERS, Right.EDIT)
    def enable(self, name: str, enabled: bool) -> None:
        """Let a user in, or keep them out; their token with them."""
        user_id = self._user_id(name)
        if enabled:
            self._have_all(_grants_of_user(self.connection, user_id))
        self.connection.execute(sa.update(users).where(users.c.id == user_id).values(enabled=enabled))
        self._write_down(Subject.USERS, "enable user" if enabled else "disable user", name)

    @needs(Subject.USERS, Right.DELETE)
    def remove_user(self, name: str, *, confirmed: bool = False) -> None:
        """Remove a user with their rights and token; what they did stays in the log."""
        self._remove(users, name, "user", self._user_id(name), confirmed)

    @needs(Subject.USERS, Right.DELETE)
    def remove_role(self, name: str, *, confirmed: bool = False) -> None:
        """Remove a role; those who had it lose its rights."""
        self._remove(roles, name, "role", self._role_id(name), confirmed)

    def _remove(self, table: sa.Table, name: str, what: str, row_id: int, confirmed: bool) -> None:
        if not confirmed:
            raise Unconfirmed(f"The {what} {name!r} will be removed, with all rights given to it.", "Remove it?")
        self.connection.execute(sa.delete(table).where(table.c.id == row_id))
        self._write_down(Subject.USERS, f"remove {what}", name)

    @needs(Subject.USERS, Right.EDIT)
    def grant_user(self, name: str, wanted: Iterable[Grant]) -> int:
        """Give a user rights; how many of them are new."""
        return self._grant({"user_id": self._user_id(name)}, f"user {name}", frozenset(wanted))

    @needs(Subject.USERS, Right.EDIT)
    def grant_role(self, name: str, wanted: Iterable[Grant]) -> int:
        """Give a role rights, and so everybody who has it; how many of them are new."""
        return self._grant({"role_id": self._role_id(name)}, f"role {name}", frozenset(wanted))

    def _grant(self, holder: dict[str, int], target: str, wanted: frozenset[Grant]) -> int:
        self._have_all(wanted)
        ((column, row_id),) = holder.items()
        present = _read(self.connection.execute(sa.select(grants).where(grants.c[column] == row_id)))
        new = sorted(wanted - present, key=str)
        for one in new:
            self.connection.execute(
                sa.insert(grants).values(**holder, subject=one.subject.value, right=one.right.value)
            )
        self._write_down(Subject.USERS, "grant", target, rights=[str(one) for one in new])
        return len(new)

    @needs(Subject.USERS, Right.EDIT)
    def revoke_user(self, name: str, unwanted: Iterable[Grant]) -> int:
        """Take rights from a user; how many they had. Those that a role of theirs gives stay."""
        return self._revoke(grants.c.user_id == self._user_id(name), f"user {name}", unwanted)

    @needs(Subject.USERS, Right.EDIT)
    def revoke_role(self, name: str, unwanted: Iterable[Grant]) -> int:
        """Take rights from a role; how many it had."""
        return self._revoke(grants.c.role_id == self._role_id(name), f"role {name}", unwanted)

    def _revoke(self, held: sa.ColumnElement[bool], target: str, unwanted: Iterable[Grant]) -> int:
        gone = []
        for one in unwanted:
            this = held & (grants.c.subject == one.subject.value) & (grants.c.right == one.right.value)
            gone += [str(one)] * self.connection.execute(sa.delete(grants).where(this)).rowcount
        self._write_down(Subject.USERS, "revoke", target, rights=gone)
        return len(gone)

    @needs(Subject.USERS, Right.EDIT)
    def give_role(self, role: str, user: str) -> None:
        """Give a user a role."""
        pair = {"user_id": self._user_id(user), "role_id": self._role_id(role)}
        self._have_all(self._grants_of_role(pair["role_id"]))
        has = sa.select(user_roles.c.id).filter_by(**pair)
        if self.connection.scalar(has) is None:
            self.connection.execute(sa.insert(user_roles).values(**pair))
        self._write_down(Subject.USERS, "give role", user, role=role)

    @needs(Subject.USERS, Right.EDIT)
    def take_role(self, role: str, user: str) -> None:
        """Take a role from a user."""
        theirs = (user_roles.c.user_id == self._user_id(user)) & (user_roles.c.role_id == self._role_id(role))
        if not self.connection.execute(sa.delete(user_roles).where(theirs)).rowcount:
            raise Refused(f"{user!r} has not got the role {role!r}")
        self._write_down(Subject.USERS, "take role", user, role=role)

    @needs(Subject.USERS, Right.EDIT)
    def new_token(self, name: str) -> str:
        """A token for the HTTP interface, told this once and kept as its hash alone; the one before it is void."""
        user_id = self._user_id(name)
        self._have_all(_grants_of_user(self.connection, user_id))
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self.connection.execute(sa.update(users).where(users.c.id == user_id).values(token_hash=_hash(token)))
        self._write_down(Subject.USERS, "make token", name)
        return token

    @needs(Subject.USERS, Right.EDIT)
    def void_token(self, name: str) -> None:
        """The user's token is worth nothing from now on."""
        voided = sa.update(users).where(users.c.id == self._user_id(name)).values(token_hash=None)
        self.connection.execute(voided)
        self._write_down(Subject.USERS, "void token", name)

    def _have_all(self, wanted: frozenset[Grant]) -> None:
        """Whoever could give away what they have not got could give it to themselves."""
        for one in sorted(wanted, key=str):
            if not self.actor.may(one.subject, one.right):
                raise Forbidden(self.actor, one)

    def _grants_of_role(self, role_id: int) -> frozenset[Grant]:
        return _read(self.connection.execute(sa.select(grants).where(grants.c.role_id == role_id)))

    def _user_id(self, name: str) -> int:
        return self._id_of(users, name, "user")

    def _role_id(self, name: str) -> int:
        return self._id_of(roles, name, "role")

    def _id_of(self, table: sa.Table, name: str, what: str) -> int:
        found: int | None = self.connection.scalar(sa.select(table.c.id).where(table.c.name == name))
        if found is None:
            raise NotFound(f"there is no {what} {printable(name)!r}; ari-app {what}s list shows those there are")
        return found
