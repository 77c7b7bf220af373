"""The desk: how clients are reached beside their number, and the log of who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "schema_0007"
down_revision = "schema_0006"
branch_labels = None
depends_on = None

MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
PLAIN_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DETAILS = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _clients()
    _audit_log()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    op.drop_table("audit_log")
    op.drop_table("clients")


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("client", PLAIN_TEXT, nullable=False, comment="E.164 number of the client"),
        sa.Column("name", sa.Text(), server_default="", nullable=False, comment="how messages call the client"),
        sa.Column(
            "email", sa.Text(), server_default="", nullable=False, comment="e-mail address; empty: none is known"
        ),
        sa.Column(
            "push",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="Web Push subscription, JSON; empty: none is known",
        ),
        sa.CheckConstraint(
            "client GLOB '+[1-9]*' AND substr(client, 2) NOT GLOB '*[^0-9]*' AND length(client) BETWEEN 8 AND 16",
            name="number_of_a_client_is_plus_and_digits_like_plus79160000003",
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            r"client ~ '^\+[1-9][0-9]{6,14}$'", name="number_of_a_client_is_plus_and_digits_like_plus79160000003"
        ).ddl_if(dialect="postgresql"),
        sa.CheckConstraint("email = '' OR email LIKE '%_@_%'", name="email_is_an_address_like_anna_at_example_com"),
        sa.PrimaryKeyConstraint("client", name="pk_clients"),
        comment="how clients are called and reached, beside their number; a client needs no row here",
        sqlite_strict=True,
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", BIG, sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("at", MOMENT, nullable=False, comment="when (UTC)"),
        sa.Column("actor", sa.Text(), nullable=False, comment="who: a user's name, or the machine's operator"),
        sa.Column("subject", sa.Text(), nullable=False, comment="what it was about: rules, messages, consent ..."),
        sa.Column("action", sa.Text(), nullable=False, comment="what was done: create, edit, delete, send, export ..."),
        sa.Column("target", sa.Text(), nullable=False, comment="to which one: a name, a number or an id"),
        sa.Column("details", DETAILS, nullable=False, comment="the particulars, an object of JSON"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        comment="who changed what, and when; written with the change, never edited",
        sqlite_strict=True,
    )
    op.create_index("audit_log_by_time", "audit_log", ["at"])
