"""The journal: calls, their legs, events and voicemail messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "schema_0002"
down_revision = "schema_0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLAIN_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
OBJECT = sa.Text().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make them, parents first."""
    _calls()
    _legs()
    _call_events()
    _voicemail_messages()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for table in ("voicemail_messages", "call_events", "legs", "calls"):
        op.drop_table(table)


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", PLAIN_TEXT, nullable=False, comment="the controller's id of the call"),
        sa.Column("arrived_at", MOMENT, nullable=False, comment="when (UTC)"),
        sa.Column("caller", sa.Text(), nullable=True, comment="who called, E.164; empty when it was no number"),
        sa.Column("caller_raw", sa.Text(), nullable=False, comment="what the signalling said of the caller"),
        sa.Column("dialled", sa.Text(), nullable=True, comment="the number called, E.164; empty when it was no number"),
        sa.Column("dialled_raw", sa.Text(), nullable=False, comment="what the signalling said was dialled"),
        sa.Column(
            "channel", sa.Text(), server_default="", nullable=False, comment="Asterisk's id of the caller's channel"
        ),
        sa.Column("number", sa.Text(), nullable=True, comment="the listed number it was matched to; empty: none"),
        sa.Column(
            "scheme", sa.Text(), nullable=True, comment="name of the scheme it went by; empty: the configured default"
        ),
        sa.Column("scheme_version", sa.Text(), nullable=True, comment="version of that scheme"),
        sa.Column("branch", sa.Text(), nullable=True, comment="name of the branch that held"),
        sa.Column(
            "disposition",
            sa.Text(),
            nullable=True,
            comment="answered, message_left or lost; empty while the call lasts",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why the disposition is what it is"),
        sa.Column("answered_by", sa.Text(), nullable=True, comment="the destination that talked with the caller"),
        sa.Column(
            "answered_ms",
            sa.Integer(),
            nullable=True,
            comment="when a destination answered, in ms after the call arrived",
        ),
        sa.Column("ended_ms", sa.Integer(), nullable=True, comment="when it ended, in ms after the call arrived"),
        sa.Column("ended_at", MOMENT, nullable=True, comment="when it ended (UTC)"),
        sa.CheckConstraint("disposition IN ('answered', 'message_left', 'lost')", name="disposition_is_known"),
        sa.CheckConstraint("(disposition IS NULL) = (ended_at IS NULL)", name="ended_calls_have_a_disposition"),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        comment="every call: written when it arrives, completed when it ends",
        sqlite_strict=True,
    )
    op.create_index("calls_by_arrival", "calls", ["arrived_at", "disposition"])
    op.create_index("calls_by_caller", "calls", ["caller", "arrived_at"])
    op.create_index("calls_by_dialled", "calls", ["dialled", "arrived_at"])
    op.create_index("calls_by_disposition", "calls", ["disposition", "arrived_at"])


def _legs() -> None:
    op.create_table(
        "legs",
        sa.Column("id", PLAIN_TEXT, nullable=False, comment="the controller's id of the leg"),
        sa.Column("call_id", PLAIN_TEXT, nullable=False, comment="its call"),
        sa.Column("step", sa.Integer(), nullable=False, comment="which step of the branch rang it, from 1"),
        sa.Column("destination", sa.Text(), nullable=False, comment="who was rung"),
        sa.Column(
            "dialed_ms", sa.Integer(), nullable=False, comment="when it was dialed, in ms after the call arrived"
        ),
        sa.Column("rang_ms", sa.Integer(), nullable=True, comment="when it rang, in ms after the call arrived"),
        sa.Column("answered_ms", sa.Integer(), nullable=True, comment="when it answered, in ms after the call arrived"),
        sa.Column("ended_ms", sa.Integer(), nullable=False, comment="when it ended, in ms after the call arrived"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="how it came out: answered, busy, no_answer ..."),
        sa.Column("cause", sa.Integer(), nullable=False, comment="Q.850 hangup cause; 0: none was given"),
        sa.Column("cause_text", sa.Text(), server_default="", nullable=False, comment="the cause in words"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="call_is_in_the_journal", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_legs"),
        comment="every destination that was rung for a call",
        sqlite_strict=True,
    )
    op.create_index("legs_of_a_call", "legs", ["call_id", "dialed_ms"])


def _call_events() -> None:
    op.create_table(
        "call_events",
        sa.Column("call_id", PLAIN_TEXT, nullable=False, comment="its call"),
        sa.Column("seq", BIG, autoincrement=False, nullable=False, comment="order in the call"),
        sa.Column("at_ms", sa.Integer(), nullable=False, comment="when, in ms after the call arrived"),
        sa.Column("kind", sa.Text(), nullable=False, comment="what happened: branch_chosen, leg_dialed, verdict ..."),
        sa.Column("details", OBJECT, nullable=False, comment="the particulars, an object of JSON"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="call_is_in_the_journal", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "seq", name="pk_call_events"),
        comment="the timeline of every call, entry by entry",
        sqlite_strict=True,
    )


def _voicemail_messages() -> None:
    op.create_table(
        "voicemail_messages",
        sa.Column("name", PLAIN_TEXT, nullable=False, comment="name of its wav in the recordings folder"),
        sa.Column("call_id", PLAIN_TEXT, nullable=False, comment="its call"),
        sa.Column("length_ms", sa.Integer(), nullable=False, comment="length of the audio in ms"),
        sa.Column(
            "written_at", MOMENT, server_default=sa.text("CURRENT_TIMESTAMP"), nullable=False, comment="when (UTC)"
        ),
        sa.CheckConstraint("length_ms >= 0", name="message_has_a_length"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="call_is_in_the_journal", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", name="pk_voicemail_messages"),
        comment="messages that callers left",
        sqlite_strict=True,
    )
    op.create_index("messages_of_a_call", "voicemail_messages", ["call_id"])
