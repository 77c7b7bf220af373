"""Seeds: a description applied to the database, taken back, and written down as an alembic revision."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from ari_app.core.checks import DialRules, Problem
from ari_app.core.draft import BranchDraft, DestinationDraft, SchemeDraft, StepDraft
from ari_app.core.message_draft import RuleDraft, TypeDraft
from ari_app.core.numbering import DialPolicy
from ari_app.storage import schema
from ari_app.storage.description import Description, DescriptionError, NumberEntry, TeamRow, read_description
from ari_app.storage.message_schema import apology_rule_numbers, apology_rules, message_types, team_contacts
from ari_app.storage.refusals import explain_integrity_error
from ari_app.storage.revisions import SCHEMA_HEAD, alembic_config, migrations_folder


class SeedError(Exception):
    """A seed cannot be applied, taken back or written; the message says why and how to mend it."""


class _AnyNumber:
    """A revision was checked when it was written; what may be dialed now is looked at when the book is loaded."""

    def refusal(self, _e164: str) -> None:
        return None


def apply(connection: sa.Connection, text: str) -> None:
    """Add all that the description asks for, in the connection's transaction.

    Raises:
        SeedError: something of that name exists, or something it names does not.
    """
    asked = _read(text)
    try:
        _Sower(connection).sow(asked)
    except sa.exc.IntegrityError as error:
        raise SeedError(f"the seed was refused: {explain_integrity_error(error)}") from error


def remove(connection: sa.Connection, text: str) -> None:
    """Take away, by name, what the description added, however it was edited since.

    Raises:
        SeedError: something of it is in use by what others added.
    """
    asked = _read(text)
    try:
        _unteach(connection, [team for team in asked.teams if team.extend])
        for table, column, names in (
            (apology_rules, apology_rules.c.name, [rule.name for rule in asked.rules]),
            (schema.numbers, schema.numbers.c.e164, [number.e164 for number in asked.numbers]),
            (schema.schemes, schema.schemes.c.name, [scheme.name for scheme in asked.schemes]),
            (schema.greetings, schema.greetings.c.name, [greeting.name for greeting in asked.greetings]),
            (schema.teams, schema.teams.c.name, [team.name for team in asked.teams if not team.extend]),
        ):
            connection.execute(sa.delete(table).where(column.in_(names)))
    except sa.exc.IntegrityError as error:
        raise SeedError(f"the seed cannot be taken back: {explain_integrity_error(error)}") from error


def _unteach(connection: sa.Connection, teams: Iterable[TeamRow]) -> None:
    """Take away the types and contacts that were added to teams of others; their options stay as they are now."""
    for team in teams:
        its_id = sa.select(schema.teams.c.id).where(schema.teams.c.name == team.name).scalar_subquery()
        for draft in (*team.types, *team.contacts):
            table, keys = (
                (message_types, ("kind", "audience", "channel"))
                if isinstance(draft, TypeDraft)
                else (team_contacts, ("audience", "channel", "address"))
            )
            same = [table.c[key] == getattr(draft, key) for key in keys]
            connection.execute(sa.delete(table).where(table.c.team_id == its_id, *same))


def _read(text: str) -> Description:
    try:
        return read_description(text, _AnyNumber())[0]
    except DescriptionError as error:
        raise SeedError(str(error)) from error


class _Sower:
    """Inserts rows and knows their ids. It names every column that it sets and no other, so that a seed of today still
    fits a schema that has grown."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def sow(self, asked: Description) -> None:
        for team in asked.teams:
            self._team(team)
        for greeting in asked.greetings:
            team_id = self._id_of(schema.teams, greeting.team, f"greeting {greeting.name!r}")
            self._add(schema.greetings, name=greeting.name, sound=greeting.sound, team_id=team_id)
        for scheme in asked.schemes:
            self._scheme(scheme)
        for number in asked.numbers:
            self._number(number)
        for rule in asked.rules:
            self._rule(rule)

    def _team(self, team: TeamRow) -> None:
        """Options that are not said are not set: a revision made before there were any must still be applied."""
        if team.extend:
            team_id = self._id_of(schema.teams, team.name, "the seed's teams")
            if team.options:
                self._connection.execute(
                    sa.update(schema.teams).where(schema.teams.c.id == team_id).values(**team.options)
                )
        else:
            team_id = self._add(schema.teams, name=team.name, **team.options)
        for table, drafts in ((message_types, team.types), (team_contacts, team.contacts)):
            for draft in drafts:
                values = draft._asdict()
                del values["team"]
                self._add(table, team_id=team_id, **values)

    def _rule(self, rule: RuleDraft) -> None:
        rule_id = self._add(
            apology_rules,
            team_id=self._id_of(schema.teams, rule.team or "", f"apology rule {rule.name!r}"),
            name=rule.name,
            text=rule.text,
            enabled=rule.enabled,
            delay_seconds=rule.delay_seconds,
            once_in_hours=rule.once_in_hours,
        )
        for e164 in rule.numbers:
            self._add(apology_rule_numbers, rule_id=rule_id, e164=e164)

    def _scheme(self, scheme: SchemeDraft) -> None:
        scheme_id = self._add(schema.schemes, name=scheme.name, time_zone=scheme.time_zone)
        for position, branch in enumerate(scheme.branches, start=1):
            self._branch(scheme_id, position, branch, f"scheme {scheme.name!r}, branch {branch.name!r}")

    def _branch(self, scheme_id: int, position: int, branch: BranchDraft, where: str) -> None:
        # Set only where it is said: a revision made before the column was there must still be applied.
        closed = {"out_of_hours": True} if branch.out_of_hours else {}
        branch_id = self._add(schema.branches, scheme_id=scheme_id, position=position, name=branch.name, **closed)
        for entry in branch.entries:
            self._add(schema.schedule_entries, branch_id=branch_id, **entry._asdict())
        for number, step in enumerate(branch.steps, start=1):
            self._step(branch_id, number, step, where)

    def _step(self, branch_id: int, position: int, step: StepDraft, where: str) -> None:
        greeting = step.greeting.name if step.greeting else ""
        step_id = self._add(
            schema.steps,
            branch_id=branch_id,
            position=position,
            kind=step.kind,
            strategy=step.strategy,
            greeting_id=self._id_of(schema.greetings, greeting, where),
            max_seconds=step.max_seconds,
            silence_seconds=step.silence_seconds,
            min_seconds=step.min_seconds,
        )
        for number, destination in enumerate(step.destinations, start=1):
            self._destination(step_id, number, destination)

    def _destination(self, step_id: int, position: int, destination: DestinationDraft) -> None:
        self._add(
            schema.destinations,
            step_id=step_id,
            position=position,
            kind=destination.kind,
            target=destination.target,
            timeout_seconds=destination.timeout,
            delay_seconds=destination.delay,
        )

    def _number(self, number: NumberEntry) -> None:
        where = f"number {number.e164}"
        self._add(
            schema.numbers,
            e164=number.e164,
            name=number.name,
            enabled=number.enabled,
            scheme_id=self._id_of(schema.schemes, number.scheme, where),
            team_id=self._id_of(schema.teams, number.team, where),
        )

    def _add(self, table: sa.Table, **values: Any) -> int:
        added: int = self._connection.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one()
        return added

    def _id_of(self, table: sa.Table, name: str, where: str) -> int | None:
        """The id of the row of this name; no name, no id."""
        if not name:
            return None
        found: int | None = self._connection.scalar(sa.select(table.c.id).where(table.c.name == name))
        if found is None:
            one = table.name.removesuffix("s")
            raise SeedError(
                f"{where} names the {one} {name!r}, which is neither in the seed nor in the database; add it"
            )
        return found


_REVISION = '''\
"""{message}."""
# ruff: noqa: E501

from __future__ import annotations

from alembic import op

from ari_app.storage.seeds import apply, remove

revision = "{revision}"
down_revision = {down}
branch_labels = {labels}
depends_on = "{depends_on}"

DESCRIPTION = """\\
{description}"""


def upgrade() -> None:
    """Add what is described."""
    apply(op.get_bind(), DESCRIPTION)


def downgrade() -> None:
    """Take it away again."""
    remove(op.get_bind(), DESCRIPTION)
'''


def write_seed(
    message: str,
    description: Path,
    *,
    branch: str = "seeds",
    rules: DialRules | None = None,
    region: str = "RU",
    folder: Path | None = None,
) -> tuple[Path, tuple[Problem, ...]]:
    """Write a revision that applies the description, on top of its branch; also the warnings about its schemes.

    ``folder`` is where revisions of the branch are; by default beside the others.

    Raises:
        SeedError: no message, or a description that cannot be read or has mistakes.
    """
    headline = " ".join(message.split()).rstrip(".").replace("\\", "/").replace('"', "'")
    if not headline:
        raise SeedError('a seed needs a message that says what it adds: make seed m="Add the Kyiv office"')
    try:
        text = description.read_text(encoding="utf-8")
        _found, warnings = read_description(text, rules or DialPolicy(), source=str(description), region=region)
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(f"the description cannot be read: {error}") from error
    except DescriptionError as error:
        raise SeedError(str(error)) from error
    revision, down, labels = _place(branch)
    target = (folder or migrations_folder() / branch) / f"{revision}_{_slug(headline)}.py"
    target.write_text(
        _REVISION.format(
            message=headline,
            revision=revision,
            down=down,
            labels=labels,
            depends_on=_schema_head(),
            description=_quoted(text),
        ),
        encoding="utf-8",
    )
    return target, warnings


def _place(branch: str) -> tuple[str, str, str]:
    """The new revision's id, what it stands on, and its label if it is the branch's first."""
    script = ScriptDirectory.from_config(alembic_config())
    on_branch = [each for each in script.walk_revisions() if branch in each.branch_labels]
    revision = f"{branch}_{uuid.uuid4().hex[:8]}"
    if not on_branch:
        return revision, "None", f'("{branch}",)'
    heads = [each.revision for each in on_branch if each.is_head]
    if len(heads) != 1:
        raise SeedError(f"branch {branch} has several heads ({', '.join(heads)}); put one on top of the other first")
    return revision, f'"{heads[0]}"', "None"


def _schema_head() -> str:
    heads: Iterable[Any] = ScriptDirectory.from_config(alembic_config()).get_revisions(SCHEMA_HEAD)
    return str(next(iter(heads)).revision)


def _slug(message: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40] or "seed"


def _quoted(text: str) -> str:
    """The text as it stands between three quotation marks."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').rstrip("\n") + "\n"
