"""Makes rows of what a description asks for, parents first, and finds the ids that names stand for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ari_app.core.draft import BranchDraft, DestinationDraft, SchemeDraft, StepDraft
from ari_app.core.manager_draft import ManagerDraft
from ari_app.core.message_draft import RuleDraft
from ari_app.storage import schema
from ari_app.storage.calendar_rows import branch_override, day_columns
from ari_app.storage.calendar_schema import exceptional_days, overrides
from ari_app.storage.caller_rows import put_caller
from ari_app.storage.description import Description, NumberEntry, TeamRow
from ari_app.storage.manager_schema import manager_destinations
from ari_app.storage.message_schema import apology_rule_numbers, apology_rules, message_types, team_contacts


class NameMissingError(LookupError):
    """Something is named that is neither described nor in the database; the message says what and where."""


_OWN = ("name", "time_zone", "holidays", "outside_calls_a_day", "caller_id")
"""Settings of a scheme that are columns of its row."""


def _said(draft: SchemeDraft | StepDraft | DestinationDraft, *settings: str) -> dict[str, Any]:
    """Those that are not the default: a revision made before their columns were there must still be applied."""
    return {name: value for name in settings if (value := getattr(draft, name)) != draft._field_defaults[name]}


class Sower:
    """Inserts rows and knows their ids. It names every column that it sets and no other, so that a seed of today still
    fits a schema that has grown."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def sow(self, asked: Description) -> None:
        """Add all that a description asks for, parents first.

        Raises:
            NameMissingError: it names what is not there.
        """
        for team in asked.teams:
            self._team(team)
        for greeting in asked.greetings:
            team_id = self.id_of(schema.teams, greeting.team, f"greeting {greeting.name!r}")
            self._add(schema.greetings, name=greeting.name, sound=greeting.sound, team_id=team_id)
        for scheme in asked.schemes:
            self._scheme(scheme)
        for number in asked.numbers:
            self._number(number)
        for manager in asked.managers:
            self._manager(manager)
        for rule in asked.rules:
            self._rule(rule)
        for caller in asked.callers:
            put_caller(self._connection, caller)

    def _team(self, team: TeamRow) -> None:
        """Options that are not said are not set: a revision made before there were any must still be applied."""
        if team.extend:
            team_id = self.id_of(schema.teams, team.name, "the seed's teams")
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

    def _manager(self, draft: ManagerDraft) -> None:
        values = {"timeout_seconds": draft.timeout, **draft._asdict()}
        del values["timeout"]
        self._add(manager_destinations, **values)

    def _rule(self, rule: RuleDraft) -> None:
        rule_id = self._add(
            apology_rules,
            team_id=self.id_of(schema.teams, rule.team or "", f"apology rule {rule.name!r}"),
            name=rule.name,
            text=rule.text,
            enabled=rule.enabled,
            delay_seconds=rule.delay_seconds,
            once_in_hours=rule.once_in_hours,
        )
        for e164 in rule.numbers:
            self._add(apology_rule_numbers, rule_id=rule_id, e164=e164)

    def _scheme(self, scheme: SchemeDraft) -> None:
        # Set only where they are said, as below.
        said = _said(scheme, "holidays", "outside_calls_a_day", "caller_id")
        self.fill(self._add(schema.schemes, name=scheme.name, time_zone=scheme.time_zone, **said), scheme)

    def refill(self, scheme_id: int, scheme: SchemeDraft) -> None:
        """Put the scheme's branches and days in the place of those that are there. An override stays; one to a branch
        goes to the new one of that name, or ends if there is none."""
        kept = branch_override(self._connection, scheme_id)
        own = {name: getattr(scheme, name) for name in _OWN}
        self._connection.execute(sa.update(schema.schemes).where(schema.schemes.c.id == scheme_id).values(**own))
        for table in (exceptional_days, schema.branches):
            self._connection.execute(sa.delete(table).where(table.c.scheme_id == scheme_id))
        branch_ids = self.fill(scheme_id, scheme)
        if kept is not None and kept.branch in branch_ids:
            self._add(overrides, **kept.columns, branch_id=branch_ids[kept.branch])

    def fill(self, scheme_id: int, scheme: SchemeDraft) -> dict[str, int]:
        """Add the scheme's branches and days to its row; the branches' ids by name, of equal ones the first's."""
        branch_ids: dict[str, int] = {}
        for position, branch in enumerate(scheme.branches, start=1):
            where = f"scheme {scheme.name!r}, branch {branch.name!r}"
            branch_ids.setdefault(branch.name, self._branch(scheme_id, position, branch, where))
        for day in scheme.days:
            self._add(exceptional_days, scheme_id=scheme_id, **day_columns(day, branch_ids))
        return branch_ids

    def _branch(self, scheme_id: int, position: int, branch: BranchDraft, where: str) -> int:
        # Set only where it is said: a revision made before the column was there must still be applied.
        closed = {"out_of_hours": True} if branch.out_of_hours else {}
        branch_id = self._add(schema.branches, scheme_id=scheme_id, position=position, name=branch.name, **closed)
        for entry in branch.entries:
            self._add(schema.schedule_entries, branch_id=branch_id, **entry._asdict())
        for number, step in enumerate(branch.steps, start=1):
            self._step(branch_id, number, step, where)
        return branch_id

    def _step(self, branch_id: int, position: int, step: StepDraft, where: str) -> None:
        greeting = step.greeting.name if step.greeting else ""
        step_id = self._add(
            schema.steps,
            branch_id=branch_id,
            position=position,
            kind=step.kind,
            strategy=step.strategy,
            greeting_id=self.id_of(schema.greetings, greeting, where),
            max_seconds=step.max_seconds,
            silence_seconds=step.silence_seconds,
            min_seconds=step.min_seconds,
            **_said(step, "label", "retries", "wait_seconds", "otherwise", "last_adviser_days"),
        )
        for choice in step.choices:
            self._add(schema.choices, step_id=step_id, **choice._asdict())
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
            **_said(destination, "weight", "caller_id", "confirm_seconds"),
        )

    def _number(self, number: NumberEntry) -> None:
        where = f"number {number.e164}"
        self._add(
            schema.numbers,
            e164=number.e164,
            name=number.name,
            enabled=number.enabled,
            scheme_id=self.id_of(schema.schemes, number.scheme, where),
            team_id=self.id_of(schema.teams, number.team, where),
        )

    def _add(self, table: sa.Table, **values: Any) -> int:
        added: int = self._connection.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one()
        return added

    def id_of(self, table: sa.Table, name: str, where: str) -> int | None:
        """The id of the row of this name; no name, no id."""
        if not name:
            return None
        found: int | None = self._connection.scalar(sa.select(table.c.id).where(table.c.name == name))
        if found is None:
            one = table.name.removesuffix("s")
            raise NameMissingError(
                f"{where} names the {one} {name!r}, which is neither described nor in the database; add it"
            )
        return found
