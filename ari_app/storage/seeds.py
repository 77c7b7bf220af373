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
from ari_app.core.manager_draft import ManagerDraft
from ari_app.core.message_draft import TypeDraft
from ari_app.core.numbering import DialPolicy
from ari_app.storage import schema
from ari_app.storage.caller_rows import remove_caller
from ari_app.storage.description import AnyNumber, Description, DescriptionError, TeamRow, read_description
from ari_app.storage.manager_schema import manager_destinations
from ari_app.storage.message_schema import apology_rules, message_types, team_contacts
from ari_app.storage.refusals import explain_integrity_error
from ari_app.storage.revisions import SCHEMA_HEAD, alembic_config, migrations_folder
from ari_app.storage.sowing import NameMissingError, Sower


class SeedError(Exception):
    """A seed cannot be applied, taken back or written; the message says why and how to mend it."""


def apply(connection: sa.Connection, text: str) -> None:
    """Add all that the description asks for, in the connection's transaction.

    Raises:
        SeedError: something of that name exists, or something it names does not.
    """
    asked = _read(text)
    try:
        Sower(connection).sow(asked)
    except NameMissingError as error:
        raise SeedError(str(error)) from error
    except sa.exc.IntegrityError as error:
        raise SeedError(f"the seed was refused: {explain_integrity_error(error)}") from error


def remove(connection: sa.Connection, text: str) -> None:
    """Take away, by name, what the description added, however it was edited since.

    Raises:
        SeedError: something of it is in use by what others added.
    """
    asked = _read(text)
    try:
        for caller in asked.callers:
            remove_caller(connection, caller)
        _forget_managers(connection, asked.managers)
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


def _forget_managers(connection: sa.Connection, drafts: Iterable[ManagerDraft]) -> None:
    table = manager_destinations
    for draft in drafts:
        same = [table.c[key] == getattr(draft, key) for key in ("crm", "manager", "kind", "target")]
        connection.execute(sa.delete(table).where(*same))


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
        return read_description(text, AnyNumber())[0]
    except DescriptionError as error:
        raise SeedError(str(error)) from error


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
