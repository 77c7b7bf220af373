"""Reads exceptional days and overrides into drafts; judges nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ari_app.core.calendar_draft import DayDraft, OverrideDraft
from ari_app.storage.calendar_schema import exceptional_days, overrides
from ari_app.storage.schema import branches

_DAYS = (
    sa.select(
        exceptional_days.c.scheme_id,
        exceptional_days.c.name,
        exceptional_days.c.first_date,
        sa.func.coalesce(exceptional_days.c.last_date, exceptional_days.c.first_date),
        exceptional_days.c.opens,
        exceptional_days.c.closes,
        exceptional_days.c.rule,
        sa.func.coalesce(exceptional_days.c.weekday, 0),
        sa.case((branches.c.scheme_id == exceptional_days.c.scheme_id, branches.c.name), else_=""),
    )
    .select_from(exceptional_days.outerjoin(branches, branches.c.id == exceptional_days.c.branch_id))
    .order_by(exceptional_days.c.id)
)
_OVERRIDES = sa.select(
    overrides.c.scheme_id,
    overrides.c.rule,
    sa.case((branches.c.scheme_id == overrides.c.scheme_id, branches.c.name), else_=""),
    sa.type_coerce(overrides.c.begins_at, sa.types.NullType()),
    sa.type_coerce(overrides.c.ends_at, sa.types.NullType()),
    overrides.c.reason,
).select_from(overrides.outerjoin(branches, branches.c.id == overrides.c.branch_id))


def read_calendars(
    connection: sa.Connection,
) -> tuple[Mapping[int, tuple[DayDraft, ...]], Mapping[int, OverrideDraft]]:
    """The days and the override of each scheme that has any, by the scheme's id. A branch of another scheme has no
    name here."""
    days: defaultdict[int, list[DayDraft]] = defaultdict(list)
    for scheme_id, *row in connection.execute(_DAYS):
        days[scheme_id].append(DayDraft._make(row))
    held = {
        scheme_id: OverrideDraft(rule, branch, _moment(begins), _moment(ends), reason)
        for scheme_id, rule, branch, begins, ends, reason in connection.execute(_OVERRIDES)
    }
    return {scheme_id: tuple(own) for scheme_id, own in days.items()}, held


class BranchOverride(NamedTuple):
    """An override to a branch: the branch's name, and the columns beside it."""

    branch: str
    columns: dict[str, Any]


def branch_override(connection: sa.Connection, scheme_id: int) -> BranchOverride | None:
    """The scheme's override, if it is one to a branch: it would go with the branch's row."""
    kept = ("scheme_id", "rule", "begins_at", "ends_at", "reason")
    query = (
        sa.select(branches.c.name, *(overrides.c[name] for name in kept))
        .join(branches, branches.c.id == overrides.c.branch_id)
        .where(overrides.c.scheme_id == scheme_id)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else BranchOverride(row[0], dict(zip(kept, row[1:], strict=True)))


def day_columns(day: DayDraft, branch_ids: Mapping[str, int]) -> dict[str, Any]:
    """A day as a row, beside its scheme; ``branch_ids`` has the scheme's branches by name."""
    columns = day._asdict()
    del columns["branch"]
    return columns | {
        "last_date": None if day.last_date == day.first_date else day.last_date,
        "weekday": day.weekday or None,
        "branch_id": branch_ids[day.branch] if day.branch else None,
    }


def _moment(value: Any) -> str:
    """As the database gave it: SQLite's text may be anything, and is judged later."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
