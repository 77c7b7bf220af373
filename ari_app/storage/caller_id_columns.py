"""The column that says what a forwarded leg shows, of schemes and of destinations, and its rule."""

from __future__ import annotations

import sqlalchemy as sa

_RULE = "caller_id_is_caller_dialled_or_plus_and_digits"
_ON_SQLITE = (
    "caller_id IN ('', 'caller', 'dialled') OR (caller_id GLOB '+[1-9]*' "
    "AND substr(caller_id, 2) NOT GLOB '*[^0-9]*' AND length(caller_id) BETWEEN 8 AND 16)"
)
_ON_POSTGRESQL = r"caller_id IN ('', 'caller', 'dialled') OR caller_id ~ '^\+[1-9][0-9]{6,14}$'"


def caller_id(comment: str) -> tuple[sa.Column[str], sa.CheckConstraint, sa.CheckConstraint]:
    """The column, and its rule in the words of either database."""
    return (
        sa.Column("caller_id", sa.Text, nullable=False, server_default="", comment=comment),
        sa.CheckConstraint(_ON_SQLITE, name=_RULE).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(_ON_POSTGRESQL, name=_RULE).ddl_if(dialect="postgresql"),
    )
